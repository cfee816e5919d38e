//! Whose turn it is to run: so many runs at a time, and of the jobs that wait the first one first.
//!
//! A run that can do nothing because its system is down, held or told it to wait for long lends its turn to the next job,
//! so that the jobs of one dead system do not keep all others waiting.

use super::job::JobCell;
use crate::model::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// A run that has waited for its system for so long lends its turn.
const LENDS_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody lends a turn, while somebody waits for one.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// The turns of one engine.
pub(super) struct Turns {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    next_number: u64,
    /// Who has a turn.
    running: Vec<(u64, Arc<JobCell>)>,
    /// Who waits for one, the first one first.
    waiting: VecDeque<(u64, Arc<Notify>)>,
}

/// A place in the row, and after that a turn. Dropped, it goes to the next one.
pub(super) struct Turn {
    turns: Arc<Turns>,
    number: u64,
    called: Arc<Notify>,
    cell: Arc<JobCell>,
}

impl Turns {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), held: Mutex::default() })
    }

    /// Takes the last place in the row.
    pub(super) fn line_up(cell: &Arc<JobCell>, now: Timestamp) -> Turn {
        let turns = cell.turns.clone();
        let called = Arc::new(Notify::new());
        let mut held = turns.held.lock();
        let number = held.next_number;
        held.next_number += 1;
        held.waiting.push_back((number, called.clone()));
        drop(held);
        cell.live().waits_for_turn = Some((now, number));
        Turn { turns, number, called, cell: cell.clone() }
    }

    /// How many stand before the place of that number.
    pub(super) fn before(&self, number: u64) -> usize {
        self.held.lock().waiting.iter().take_while(|(waiting, _)| *waiting < number).count()
    }

    /// True when the place of `number` is the first one and a turn is free; then it is taken.
    fn take(&self, number: u64, cell: &Arc<JobCell>) -> bool {
        let mut held = self.held.lock();
        if held.waiting.front().is_none_or(|(first, _)| *first != number) {
            return false;
        }
        let working = held.running.iter().filter(|(_, cell)| !cell.waits_longer_than(LENDS_AFTER)).count();
        if self.most <= working {
            return false;
        }
        held.waiting.pop_front();
        held.running.push((number, cell.clone()));
        held.call_first();
        true
    }
}

impl Held {
    fn call_first(&self) {
        if let Some((_, called)) = self.waiting.front() {
            called.notify_one();
        }
    }
}

impl Turn {
    /// Waits until it is this one's turn. Left early, the place in the row stays.
    pub(super) async fn comes(&self) {
        while !self.turns.take(self.number, &self.cell) {
            tokio::select! {
                () = self.called.notified() => {}
                () = tokio::time::sleep(LOOKS_EVERY), if self.turns.before(self.number) == 0 => {}
            }
        }
        self.cell.live().waits_for_turn = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut held = self.turns.held.lock();
        held.running.retain(|(number, _)| *number != self.number);
        held.waiting.retain(|(number, _)| *number != self.number);
        held.call_first();
        drop(held);
        self.cell.live().waits_for_turn = None;
    }
}
