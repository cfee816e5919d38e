//! How fast jobs went over the last day, in minutes, and what happened in between. Only what was counted.

use super::Timestamp;
use serde::{Deserialize, Serialize};

/// Whole minutes that are kept of each job: a day.
pub const HISTORY_MINUTES: usize = 24 * 60;
/// Happenings that one answer holds, the newest.
pub const HISTORY_MARKS_MAX: usize = 200;

/// The minutes since the engine began to count, at most [`HISTORY_MINUTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Records of each whole minute, oldest first; the last one ended at [`History::until`].
    pub minutes: Vec<u32>,
    pub until: Timestamp,
    /// Oldest first, at most [`HISTORY_MARKS_MAX`].
    pub marks: Vec<HistoryMark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryMark {
    pub at: Timestamp,
    pub what: Happening,
}

/// What a chart marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// The engine started.
    Restart,
    /// A system answered 429.
    Throttled,
    /// A system was taken to be down.
    Down,
    /// A person paused it.
    Paused,
    /// A run ended before its end, so that its last page has no checkpoint.
    Cut,
    /// The checkpoint was set by hand.
    Rewound,
}

impl Happening {
    /// In a few cells.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Throttled => "429",
            Self::Down => "down",
            Self::Paused => "pause",
            Self::Cut => "cut",
            Self::Rewound => "rewind",
        }
    }
}
