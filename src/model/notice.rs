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

/// What a walk through the journal's chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalProof {
    /// Entries whose hash follows from the one before.
    pub entries: u64,
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// The last entry that was thinned; its hash is kept, so the chain is whole from there.
    pub thinned_up_to: Option<u64>,
    /// Entries were thinned before the hash of the last of them was kept: the first entry is taken as it is.
    pub is_beginning_unknown: bool,
    /// The first entry that does not follow from the one before, and why.
    pub broken: Option<(u64, String)>,
}

impl JournalProof {
    #[must_use]
    pub fn broken_at(self, number: u64, why: String) -> Self {
        Self { broken: Some((number, why)), ..self }
    }
}
