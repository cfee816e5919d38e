//! Whose call is next: the jobs of a connection take turns, whatever each of them has waiting.
//!
//! A job with ten thousand writes on their way and one with a single write get every other call. Retries of dead letters
//! stand in lines of their own, and while others wait they get three calls of ten.

use crate::model::JobId;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Of ten calls, so many at most go to retries while others wait.
const RETRIES_OF_TEN: u32 = 3;
/// Calls after which what was counted weighs half.
const COUNTED_MAX: u32 = 1_000;

/// In whose name a call waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Job(JobId),
    /// A retry of dead letters.
    Retry(JobId),
    /// A question of a person.
    Person,
}

/// The lines of those that wait for their turn.
#[derive(Default)]
pub(super) struct Lines(Arc<Mutex<Waiting>>);

/// The right to be the next that calls; given on when it is dropped.
pub(super) struct Turn(Option<Arc<Mutex<Waiting>>>);

type Waiters = VecDeque<oneshot::Sender<Turn>>;

#[derive(Default)]
struct Waiting {
    is_taken: bool,
    /// The one that is to be served next first; none is empty.
    waiting: VecDeque<(Line, Waiters)>,
    /// Calls given while both retries and others waited, and those that went to retries.
    contended: u32,
    retries: u32,
}

impl Lines {
    /// The turn, where nobody has it or waits for it.
    pub(super) fn try_take(&self) -> Option<Turn> {
        let mut lines = self.0.lock();
        if lines.is_taken || !lines.waiting.is_empty() {
            return None;
        }
        lines.is_taken = true;
        Some(Turn(Some(self.0.clone())))
    }

    pub(super) async fn take(&self, line: &Line) -> Turn {
        let (giver, turn) = {
            let mut lines = self.0.lock();
            if !lines.is_taken {
                lines.is_taken = true;
                return Turn(Some(self.0.clone()));
            }
            let (giver, turn) = oneshot::channel();
            lines.add(line, giver);
            (self.0.clone(), turn)
        };
        match turn.await {
            Ok(turn) => turn,
            // A giver that vanished without a word left the turn to nobody; it is taken as it is.
            Err(_) => Turn(Some(giver)),
        }
    }
}

impl Waiting {
    fn add(&mut self, line: &Line, giver: oneshot::Sender<Turn>) {
        match self.waiting.iter_mut().find(|(known, _)| known == line) {
            Some((_, waiters)) => waiters.push_back(giver),
            None => self.waiting.push_back((line.clone(), VecDeque::from([giver]))),
        }
    }

    /// The next that waits: line by line, and retries no more often than they may.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let find = |is_retry: bool| move |(line, _): &(Line, Waiters)| matches!(line, Line::Retry(_)) == is_retry;
        let retry = self.waiting.iter().position(find(true));
        let other = self.waiting.iter().position(find(false));
        let at = match (retry, other) {
            (Some(retry), Some(other)) => {
                self.contended += 1;
                let may_retry = (self.retries + 1) * 10 <= RETRIES_OF_TEN * self.contended;
                self.retries += u32::from(may_retry);
                if self.contended >= COUNTED_MAX {
                    (self.contended, self.retries) = (self.contended / 2, self.retries / 2);
                }
                if may_retry { retry } else { other }
            }
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => return None,
        };
        let (line, mut waiters) = self.waiting.remove(at)?;
        let first = waiters.pop_front();
        if !waiters.is_empty() {
            self.waiting.push_back((line, waiters));
        }
        first
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(lines) = self.0.take() else { return };
        loop {
            let next = {
                let mut guard = lines.lock();
                let next = guard.next();
                guard.is_taken = next.is_some();
                next
            };
            let Some(next) = next else { return };
            match next.send(Turn(Some(lines.clone()))) {
                Ok(()) => return,
                // Who waited is gone; the turn goes on from here, not from its own end.
                Err(mut turn) => drop(turn.0.take()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::future::BoxFuture;

    fn job(name: &str) -> Line {
        Line::Job(JobId::from(name))
    }

    /// Serves everybody who waits and tells the order.
    fn served(turns: &Lines, first: Turn, waiting: &mut Vec<(&'static str, BoxFuture<'_, Turn>)>) -> Vec<&'static str> {
        let mut order = Vec::new();
        drop(first);
        while !waiting.is_empty() {
            let ready = waiting.iter_mut().position(|(_, wait)| {
                let turn = wait.now_or_never();
                let is_ready = turn.is_some();
                // Looked at once each: the turn is given on as soon as it was had.
                drop(turn);
                is_ready
            });
            order.push(waiting.remove(ready.expect("somebody has the turn")).0);
        }
        assert!(turns.try_take().is_some(), "nobody has it in the end");
        order
    }

    fn wait<'a>(turns: &'a Lines, name: &'static str, line: Line) -> (&'static str, BoxFuture<'a, Turn>) {
        let mut wait = async move { turns.take(&line).await }.boxed();
        assert!((&mut wait).now_or_never().is_none(), "somebody else has the turn");
        (name, wait)
    }

    #[test]
    fn a_job_with_one_call_does_not_wait_for_another_jobs_thousand() {
        let turns = Lines::default();
        let first = turns.try_take().expect("nobody has it");
        let mut waiting: Vec<_> = (0..1_000).map(|_| wait(&turns, "busy", job("busy"))).collect();
        waiting.push(wait(&turns, "small", job("small")));
        let order = served(&turns, first, &mut waiting);
        assert_eq!(order.iter().position(|name| *name == "small"), Some(1));
    }

    #[test]
    fn retries_get_three_calls_of_ten_while_others_wait_and_all_when_nobody_does() {
        let turns = Lines::default();
        let first = turns.try_take().expect("nobody has it");
        let mut waiting: Vec<_> = (0..100).map(|_| wait(&turns, "retry", Line::Retry("a".into()))).collect();
        waiting.extend((0..70).map(|_| wait(&turns, "run", job("a"))));
        let order = served(&turns, first, &mut waiting);
        let retries = order[..100].iter().filter(|name| **name == "retry").count();
        assert!((29..=31).contains(&retries), "{retries} of the first hundred");
        assert_eq!(order.len(), 170);
    }

    #[test]
    fn who_gives_up_waiting_is_passed_over() {
        let turns = Lines::default();
        let first = turns.try_take().expect("nobody has it");
        let gone: Vec<_> = (0..5_000).map(|_| wait(&turns, "gone", job("a"))).collect();
        let mut waiting = vec![wait(&turns, "b", job("b"))];
        drop(gone);
        assert_eq!(served(&turns, first, &mut waiting), ["b"]);
    }
}
