//! The guard over deletes: how many of a run are carried out before the rest waits for a person.

use super::job::JobCell;
use crate::model::{Release, RunKind, Timestamp};
use crate::store::{Store, StoreError};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::Duration;

/// The guard of one run.
pub(super) struct DeleteGuard {
    /// How many deletes are carried out; none where a person asked for these very ones.
    max: Option<u64>,
    state: Mutex<GuardState>,
}

#[derive(Default)]
struct GuardState {
    admitted: u64,
    is_tripped: bool,
}

/// The deletes that runs of events carried out lately. Events make many small runs, each of which would else begin with
/// the whole allowance.
#[derive(Default)]
pub(super) struct LateDeletes {
    /// By the minute in which their run ended, oldest first.
    minutes: VecDeque<(i64, u64)>,
    /// What runs of an earlier process did is counted.
    is_loaded: bool,
}

/// Deletes of events count for so long.
const WINDOW: Duration = Duration::from_secs(60 * 60);
/// Runs of an earlier process that are looked at for that.
const RUNS_MAX: usize = 2_000;

impl LateDeletes {
    fn add(&mut self, at: Timestamp, deletes: u64) {
        let minute = at.0 / 60_000;
        match self.minutes.iter_mut().find(|(known, _)| *known == minute) {
            Some((_, n)) => *n += deletes,
            None if deletes > 0 => self.minutes.push_back((minute, deletes)),
            None => {}
        }
    }

    fn count(&mut self, now: Timestamp) -> u64 {
        let first = now.minus(WINDOW).0 / 60_000;
        self.minutes.retain(|(minute, _)| first <= *minute);
        self.minutes.iter().map(|(_, n)| n).sum()
    }
}

/// True for a run whose pages are events as they come: it may be as small as one record.
fn reads_events(cell: &JobCell, kind: &RunKind) -> bool {
    *kind == RunKind::Inbox || *kind == RunKind::Sync && cell.change_log.is_some()
}

impl JobCell {
    /// How many deletes runs of events carried out within the last hour.
    async fn late_deletes(&self, store: &Store, now: Timestamp) -> Result<u64, StoreError> {
        if !self.late_deletes.lock().is_loaded {
            let runs = store.runs(Some(&self.spec.id), None, RUNS_MAX).await?;
            let mut late = self.late_deletes.lock();
            if !std::mem::replace(&mut late.is_loaded, true) {
                for run in runs.iter().filter(|run| reads_events(self, &run.kind)) {
                    late.add(run.ended_at.unwrap_or(run.started_at), run.counts.deleted);
                }
            }
        }
        Ok(self.late_deletes.lock().count(now))
    }

    /// Counts the deletes of a run that ended.
    pub(super) fn deleted_by(&self, kind: &RunKind, deletes: u64, now: Timestamp) {
        let mut late = self.late_deletes.lock();
        // Before the first look, the state knows of this run as of those before it.
        if reads_events(self, kind) && late.is_loaded {
            late.add(now, deletes);
        }
    }
}

impl DeleteGuard {
    /// The guard of a run of `kind`.
    ///
    /// While deletes of earlier runs wait, all others wait with them: else a source that empties slowly would lose as many
    /// records again with each run. What runs of events deleted within the last hour counts as of this run, for the same
    /// reason.
    pub(super) async fn of(
        cell: &JobCell,
        kind: &RunKind,
        release: Option<&Release>,
        store: &Store,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let spec = &cell.spec;
        let live = store.live_count(&spec.id).await?;
        let (waiting, _) = store.held_counts(&spec.id).await?;
        let late = if reads_events(cell, kind) { cell.late_deletes(store, now).await? } else { 0 };
        let (max, is_tripped) = match (kind, release) {
            (RunKind::Release | RunKind::Sweep, release) => (Some(release.map_or(0, |release| release.count)), false),
            (RunKind::Retry | RunKind::Record, _) => (None, false),
            (_, _) => (Some(spec.guard.deletes_max(live.saturating_add(late)).saturating_sub(late)), waiting > 0),
        };
        Ok(Self { max, state: Mutex::new(GuardState { admitted: 0, is_tripped }) })
    }

    /// Whether one more delete is carried out. The first that is not trips the guard: none after it is.
    pub(super) fn admits(&self) -> bool {
        let Some(max) = self.max else { return true };
        let mut state = self.state.lock();
        state.is_tripped |= state.admitted >= max;
        state.admitted += u64::from(!state.is_tripped);
        !state.is_tripped
    }

    /// Whether so many more would all be carried out.
    pub(super) fn has_room(&self, deletes: u64) -> bool {
        let state = self.state.lock();
        self.max.is_none_or(|max| !state.is_tripped && state.admitted.saturating_add(deletes) <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Guard;

    fn guard(max: Option<u64>) -> DeleteGuard {
        DeleteGuard { max, state: Mutex::default() }
    }

    // Row 88 of the fault matrix.
    #[test]
    fn what_is_beyond_the_limit_is_withheld_and_all_that_follows() {
        let guard = guard(Some(2));
        assert!(guard.has_room(2) && !guard.has_room(3));
        assert_eq!([guard.admits(), guard.admits(), guard.admits(), guard.admits()], [true, true, false, false]);
        assert!(!guard.has_room(0), "it has tripped");
    }

    // Row 88 of the fault matrix.
    #[test]
    fn deletes_of_events_count_for_an_hour_and_then_no_more() {
        let at = |minutes: i64| Timestamp(1_700_000_000_000 + minutes * 60_000);
        let mut late = LateDeletes::default();
        for minute in 0..50 {
            late.add(at(minute), 3);
            late.add(at(minute), 1);
            late.add(at(minute), 0);
        }
        assert_eq!((late.count(at(50)), late.minutes.len()), (200, 50));
        assert_eq!(late.count(at(100)), 40);
        assert_eq!((late.count(at(200)), late.minutes.len()), (0, 0));
    }

    #[test]
    fn what_a_person_asked_for_is_not_withheld() {
        let guard = guard(None);
        assert!((0..10_000).all(|_| guard.admits()) && guard.has_room(u64::MAX));
    }

    #[test]
    fn a_fraction_counts_from_so_many_records_on() {
        let guard = Guard {
            max_error_fraction: 0.5,
            min_records: 50,
            max_deletes: 1_000,
            max_delete_fraction: 0.2,
            allow_empty: false,
        };
        assert_eq!([49, 50, 120, 5_000, 1_000_000].map(|live| guard.deletes_max(live)), [1_000, 10, 24, 1_000, 1_000]);
        assert_eq!(guard.delete_words(), "1000 and 20 %");
    }
}
