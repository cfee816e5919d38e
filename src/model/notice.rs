//! Something that happened, for people: a line of the log.

use super::{ConnectionId, DestinationId, JobId, RecordId, RunId, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of the log. It holds ids and reasons, never a record's content or a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Counted from 1 in this process; the engine's ring drops the oldest.
    pub number: u64,
    pub at: Timestamp,
    pub level: Level,
    /// A constant word for the kind of event: `page.committed`, `record.dead_lettered`.
    pub event: String,
    pub job: Option<JobId>,
    pub run: Option<RunId>,
    pub connection: Option<ConnectionId>,
    pub record: Option<RecordId>,
    pub destination_id: Option<DestinationId>,
    /// One sentence.
    pub text: String,
}

/// An entry of the journal: what somebody did, with what stood before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub number: u64,
    pub at: Timestamp,
    pub by: super::Actor,
    /// `pause`, `resume`, `retry`, `discard`, …
    pub action: String,
    pub job: Option<JobId>,
    pub reason: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    /// SHA-256 over the entry before and this one's content, in hexadecimal.
    pub hash: String,
}
