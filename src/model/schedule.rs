//! When a job runs by itself, and the rules by which its next time follows from the last one.

use super::Timestamp;
use super::cron::Cron;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// So long from one start to the next, and up to `jitter` more.
    Every { every: Duration, jitter: Duration },
    /// At the times of a cron expression, and up to `jitter` later.
    Cron { cron: Cron, jitter: Duration },
    /// Only when a person triggers it.
    Manual,
}

impl Schedule {
    /// When a job runs next whose last run began at `began`; `dice` (0 to 1) is thrown for the jitter. None where nothing
    /// comes by itself.
    ///
    /// It may lie in the past: what was missed, however often, is caught up by one run.
    pub fn next_after(&self, began: Timestamp, dice: f64) -> Option<Timestamp> {
        let next = self.plain_next(began)?;
        Some(next.plus(self.jitter().mul_f64(dice.clamp(0.0, 1.0))))
    }

    /// `due`, brought nearer where no reading of this schedule puts it so far ahead of `now`: the schedule was made
    /// shorter, or the clock was set back.
    pub fn not_beyond(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        self.plain_next(now).map_or(due, |next| due.min(next.plus(self.jitter())))
    }

    /// In words: `every 5m`, `cron 0 */2 * * * (Europe/Berlin)`, `manual`.
    pub fn words(&self) -> String {
        match self {
            Self::Manual => "manual".to_owned(),
            Self::Every { every, .. } => format!("every {}", written_duration(*every)),
            Self::Cron { cron, .. } => format!("cron {cron}"),
        }
    }

    fn plain_next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every { every, .. } => Some(after.plus(*every)),
            Self::Cron { cron, .. } => cron.next_after(after),
            Self::Manual => None,
        }
    }

    fn jitter(&self) -> Duration {
        match self {
            Self::Every { jitter, .. } | Self::Cron { jitter, .. } => *jitter,
            Self::Manual => Duration::ZERO,
        }
    }
}

/// A duration as the configuration writes it: `90s`, `5m`, `12h`.
pub fn written_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn minute(minute: i64) -> Timestamp {
        Timestamp(minute * 60_000)
    }

    #[test]
    fn the_next_run_is_counted_from_the_last_start_and_jitter_comes_on_top() {
        let every = Schedule::Every { every: 5 * MINUTE, jitter: 2 * MINUTE };
        assert_eq!(every.next_after(minute(10), 0.0), Some(minute(15)));
        assert_eq!(every.next_after(minute(10), 0.5), Some(minute(16)));
        assert_eq!(Schedule::Manual.next_after(minute(10), 0.5), None);
    }

    // Row 19 of the fault matrix.
    #[test]
    fn a_clock_that_was_set_back_keeps_no_job_waiting_for_longer_than_its_schedule() {
        let every = Schedule::Every { every: 5 * MINUTE, jitter: MINUTE };
        assert_eq!(every.not_beyond(minute(1_000), minute(10)), minute(16));
        assert_eq!(every.not_beyond(minute(12), minute(10)), minute(12));
        let cron = Cron::parse("0 * * * *", "UTC", jiff::tz::TimeZone::UTC).expect("a cron expression");
        let cron = Schedule::Cron { cron, jitter: MINUTE };
        assert_eq!(cron.not_beyond(minute(1_000), minute(10)), minute(61));
        assert_eq!(Schedule::Manual.not_beyond(minute(1_000), minute(10)), minute(1_000));
    }

    #[test]
    fn a_schedule_is_told_as_it_is_written() {
        let every = |seconds| Schedule::Every { every: Duration::from_secs(seconds), jitter: MINUTE }.words();
        assert_eq!((every(90), every(300), every(7_200)), ("every 90s".into(), "every 5m".into(), "every 2h".into()));
        assert_eq!(Schedule::Manual.words(), "manual");
    }
}
