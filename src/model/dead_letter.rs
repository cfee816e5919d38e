//! A record given up on, with its reason and every attempt.

use super::{Actor, DeadLetterId, DestinationId, JobId, RawJson, RecordId, RunId, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// Why a record failed, as the place that refused it told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub class: ReasonClass,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The field that is to blame, where that is known (a destination field's name).
    pub field: Option<String>,
    /// One sentence, masked of secrets.
    pub message: String,
    /// What the destination answered, cut to [`Reason::ANSWER_MAX`] bytes, masked of secrets.
    pub answer: Option<String>,
}

impl Reason {
    pub const ANSWER_MAX: usize = 4096;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonClass {
    /// It can not be read as a record (no id, a version that is none).
    Unreadable,
    /// A transform refused a value.
    Mapping,
    /// The destination refused it.
    Rejected,
    /// It kept failing while others succeeded.
    Exhausted,
    /// The destination's version is newer than the one we know.
    Conflict,
    /// It was to be updated or deleted and is gone at the destination.
    Orphan,
    /// Several records at the destination are known by its id.
    Ambiguous,
    /// A request that would make it left, and whether it was carried out can not be found out: a person decides.
    OutcomeUnknown,
    /// The destination keeps another value than was sent.
    Altered,
}

impl ReasonClass {
    /// The word of the class, as lists and scripts show it. Groups are told apart by it, so it never changes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Mapping => "mapping",
            Self::Rejected => "rejected",
            Self::Exhausted => "exhausted",
            Self::Conflict => "conflict",
            Self::Orphan => "orphan",
            Self::Ambiguous => "ambiguous",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Altered => "altered",
        }
    }
}

/// The group of a dead letter: the hash of its reason with ids, numbers and quoted values masked.
/// Shown as six to sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub u64);

impl std::fmt::Display for GroupId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One try to deliver a record. Attempts are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    pub run: RunId,
    pub status: Option<u16>,
    /// How long the request took, in milliseconds.
    pub took_ms: u32,
    pub message: String,
}

/// Where a dead letter stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LetterState {
    Waiting,
    /// A person asked for a retry and it has not ended.
    Retrying {
        since: Timestamp,
        by: Actor,
    },
    /// A person decided that it will not be sent. A mark, not a deletion.
    Discarded {
        at: Timestamp,
        by: Actor,
        reason: String,
    },
    /// It was delivered after all, or it became needless (deleted at the source).
    Recovered {
        at: Timestamp,
        run: RunId,
    },
}

/// The kind of a [`LetterState`], for counting and filtering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterPlace {
    Waiting,
    Retrying,
    Discarded,
    Recovered,
}

impl LetterState {
    pub fn place(&self) -> LetterPlace {
        match self {
            Self::Waiting => LetterPlace::Waiting,
            Self::Retrying { .. } => LetterPlace::Retrying,
            Self::Discarded { .. } => LetterPlace::Discarded,
            Self::Recovered { .. } => LetterPlace::Recovered,
        }
    }
}

/// A record that could not be delivered, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    pub job: JobId,
    pub group: GroupId,
    pub record: RecordId,
    pub destination_id: Option<DestinationId>,
    pub version: Option<Version>,
    /// True when it was a delete that failed.
    pub deleted: bool,
    /// The record as the source gave it.
    pub source: RawJson,
    /// The mapped fields as they were sent; none when mapping failed.
    pub sent: Option<RawJson>,
    pub reason: Reason,
    pub idempotency_key: Option<String>,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub attempts: Vec<Attempt>,
    pub state: LetterState,
}

/// The kept figures of one group of dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterGroup {
    pub id: GroupId,
    pub job: JobId,
    /// The reason of the first letter of the group, its message masked.
    pub reason: Reason,
    pub waiting: u64,
    pub retrying: u64,
    pub discarded: u64,
    pub recovered: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl Reason {
    /// The reason in a few words, as a list shows it: `422 email already in use`.
    pub fn title(&self) -> String {
        match self.status {
            Some(status) if !self.message.starts_with(&status.to_string()) => {
                format!("{status} {}", self.message)
            }
            _ => self.message.clone(),
        }
    }
}
