//! The guard over deletes: how many of a run are carried out before the rest waits for a person.

use crate::model::{Job, Release, RunKind};
use crate::store::{Store, StoreError};
use parking_lot::Mutex;

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

impl DeleteGuard {
    /// The guard of a run of `kind`.
    ///
    /// While deletes of earlier runs wait, all others wait with them: else a source that empties slowly would lose as many
    /// records again with each run.
    pub(super) async fn of(
        spec: &Job,
        kind: &RunKind,
        release: Option<&Release>,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let live = store.live_count(&spec.id).await?;
        let (waiting, _) = store.held_counts(&spec.id).await?;
        let (max, is_tripped) = match (kind, release) {
            (RunKind::Release | RunKind::Sweep, release) => (Some(release.map_or(0, |release| release.count)), false),
            (RunKind::Retry | RunKind::Record, _) => (None, false),
            (_, _) => (Some(spec.guard.deletes_max(live)), waiting > 0),
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
