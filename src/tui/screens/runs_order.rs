//! By what the runs are sorted.

use crate::model::{JobId, Timestamp};
use crate::tui::sorting::Criterion;
use std::cmp::Ordering;
use std::time::Duration;

/// What the runs can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The newest first.
    #[default]
    Started,
    Took,
    Scanned,
    Errored,
    State,
    Job,
}

impl Criterion for By {
    const ALL: &'static [Self] = &[Self::Started, Self::Took, Self::Scanned, Self::Errored, Self::State, Self::Job];

    fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Took => "took",
            Self::Scanned => "scanned",
            Self::Errored => "errored",
            Self::State => "state",
            Self::Job => "job",
        }
    }

    fn is_greatest_first(self) -> bool {
        !matches!(self, Self::State | Self::Job)
    }
}

/// What a row is sorted by.
pub(super) struct Value<'a> {
    pub started_at: Timestamp,
    pub took: Duration,
    pub scanned: u64,
    pub errored: u64,
    pub state: u8,
    pub job: &'a JobId,
}

/// The states in the order of who needs a person first.
pub(super) fn need(state: &str) -> u8 {
    match state {
        "part" => 1,
        "run" => 2,
        "stop" => 3,
        "ok" => 4,
        _ => 0,
    }
}

impl Value<'_> {
    pub fn compare(&self, other: &Self, by: By) -> Ordering {
        match by {
            By::Started => self.started_at.cmp(&other.started_at),
            By::Took => self.took.cmp(&other.took),
            By::Scanned => self.scanned.cmp(&other.scanned),
            By::Errored => self.errored.cmp(&other.errored),
            By::State => self.state.cmp(&other.state),
            By::Job => self.job.cmp(other.job),
        }
    }
}
