//! The one timer that sees a clock being set, or a machine that slept: sleeps are measured by another clock, so whoever
//! waits for a time of day must be woken to look again.

use super::Engine;
use crate::model::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the two clocks are compared.
const LOOKS_EVERY: Duration = Duration::from_secs(10);
/// Clocks that are corrected by less than this were not set.
const SET_BY: Duration = Duration::from_secs(2);

/// How a clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasSet {
    Back,
    Forward,
}

/// How the clock was set between two looks, `elapsed` apart by a clock that nobody sets.
pub(super) fn was_set(before: Timestamp, now: Timestamp, elapsed: Duration) -> Option<WasSet> {
    let expected = before.plus(elapsed);
    if now.plus(SET_BY) < expected {
        Some(WasSet::Back)
    } else if expected.plus(SET_BY) < now {
        Some(WasSet::Forward)
    } else {
        None
    }
}

impl Engine {
    /// Wakes the jobs whenever the clock was set, until the engine stops.
    pub(super) async fn watch_clock(self: Arc<Self>) {
        let mut last = (self.clock.now(), Instant::now());
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOKS_EVERY) => {}
                () = self.stopping.cancelled() => return,
            }
            let now = (self.clock.now(), Instant::now());
            if let Some(set) = was_set(last.0, now.0, now.1 - last.1) {
                tracing::warn!(before = %last.0, now = %now.0, "the clock was set, or the machine slept");
                for cell in self.jobs.values() {
                    if set == WasSet::Back {
                        let mut live = cell.live();
                        live.control.due = live.control.due.map(|due| cell.spec.schedule.not_beyond(due, now.0));
                        live.not_before = None;
                        live.retry_at = None;
                    }
                    cell.wake.notify_waiters();
                }
                self.told.notify_one();
            }
            last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    // Row 19 of the fault matrix.
    #[test]
    fn a_clock_that_is_set_is_seen_and_one_that_drifts_is_not() {
        let now = Timestamp(1_700_000_000_000);
        let hour = Duration::from_secs(3_600);
        assert_eq!(was_set(now, now.plus(TEN), TEN), None);
        assert_eq!(was_set(now, now.plus(TEN).plus(Duration::from_millis(900)), TEN), None);
        assert_eq!(was_set(now, now.plus(TEN).minus(hour), TEN), Some(WasSet::Back));
        assert_eq!(was_set(now, now.plus(24 * hour), TEN), Some(WasSet::Forward));
    }
}
