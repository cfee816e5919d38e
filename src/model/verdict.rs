//! The answers of `why`: a closed set, each with its sentence, what happens next by itself, and what mends it.
//!
//! Conflicts are no answers yet: they come with the feature that holds them.

use super::{
    Actor, ConnectionId, DeadLetterId, DeleteCause, DestinationId, JobId, Kept, RecordId, Refused, RunId, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Why a record is, or is not, at the destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// It stands in no table, and the source was not asked, or can not be.
    Unknown {
        can_ask: bool,
    },
    /// The source says that it has no such record.
    NotAtSource {
        there: There,
    },
    /// A tombstone of the source took it away, or stands in its place.
    DeletedAtSource {
        deleted: Option<Delivered>,
    },
    /// It is older than the configured start of the first listing.
    BeforeStart {
        version: String,
        start: String,
    },
    /// The job's filter refuses it as it is now, or as it was when it was last read.
    Filtered {
        rule: String,
        there: There,
        /// When and in which run it was refused, where a run read it.
        #[serde(default)]
        read: Option<Refused>,
    },
    /// What the source holds now was not read yet.
    NotYetRead {
        why: Unread,
        version: Option<String>,
        there: There,
    },
    /// A limit, an outage, or the pause before another try.
    Waiting {
        what: String,
        since: Timestamp,
        until: Option<Timestamp>,
        there: There,
    },
    /// It was read; its write or its commit is under way.
    InFlight {
        run: Option<RunId>,
    },
    /// A run did not see the end of all that it sent: a write of it may stand there.
    OutcomeUnknown {
        since: Option<Timestamp>,
        /// The letter that waits for a person to find it out.
        #[serde(default)]
        letter: Option<DeadLetterId>,
        /// What the destination says of it just now: it is there, or not; none where it was not or can not be asked.
        #[serde(default)]
        is_there: Option<bool>,
    },
    DeadLetter(DeadLetterFacts),
    /// Its delete waits for a person, because a run would have deleted too much.
    Withheld {
        cause: DeleteCause,
        run: RunId,
        since: Timestamp,
        /// A person decided that it stays.
        kept: Option<Kept>,
    },
    /// It was passed by: the listings go on behind it, and nothing of it is known here.
    Missed {
        version: String,
        watermark: Option<String>,
        is_incremental: bool,
        there: There,
    },
    /// It is there, and the source has not changed it since (both were compared just now).
    Unchanged {
        written: Delivered,
    },
    /// It was written; what the source holds now was not asked.
    Written {
        written: Delivered,
    },
    /// It was written, and something else changed it there afterwards.
    ChangedThere {
        written: Delivered,
        fields: Vec<String>,
    },
    /// It was written, and something else took it away there afterwards.
    GoneThere {
        written: Delivered,
    },
}

/// What stands at the destination in the place of what is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum There {
    No,
    /// Nobody asked, and the job never wrote it.
    Never,
    /// What the job wrote before.
    Older,
    /// Something that the job did not write.
    Other,
}

/// Something that was done to a record at the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// None where the record's bounded history has forgotten it.
    pub at: Option<Timestamp>,
    pub run: Option<RunId>,
    /// Where it differs from the source's.
    pub id: Option<DestinationId>,
    pub was_created: bool,
    /// The destination's fields, where they are known.
    pub fields: Vec<String>,
    /// The source's version that was written.
    pub version: Option<String>,
}

/// What keeps a record from being read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Unread {
    /// The job has no checkpoint: it never saved a page.
    NeverRun,
    Disabled,
    Paused {
        by: Actor,
        since: Timestamp,
        reason: Option<String>,
    },
    NeedsAttention {
        why: String,
        hint: Option<String>,
        since: Timestamp,
    },
    /// The listing in progress has not come to it.
    Listing {
        done: u64,
        total: Option<u64>,
        eta_seconds: Option<u64>,
        is_first: bool,
    },
    /// It changed after the last listing; the next one begins then.
    Due {
        at: Timestamp,
    },
    /// It changed after the last listing, and the job runs when it is told to.
    Manual,
}

/// What is known of the dead letter that holds a record back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterFacts {
    pub id: DeadLetterId,
    pub stage: LetterStage,
    /// The last reason in a few words.
    pub reason: String,
    pub field: Option<String>,
    pub attempts: u32,
    pub since: Timestamp,
    /// Letters of the same cause that wait, where that was counted.
    pub group_waiting: Option<u64>,
    pub there: There,
    /// It was a delete that failed.
    pub is_delete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum LetterStage {
    Waiting,
    Retrying { since: Timestamp, by: Actor },
    Discarded { at: Timestamp, by: Actor, reason: String },
}

/// Who a verdict is about, for its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    pub job: &'a JobId,
    pub record: &'a RecordId,
    pub source: &'a ConnectionId,
    pub destination: &'a ConnectionId,
    pub now: Timestamp,
    pub can_sync_one: bool,
}

/// A way out: a key on the screen (as the table of keys writes it), and the command that does the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mend {
    pub key: Option<String>,
    pub command: Option<String>,
    pub words: String,
}

/// How an answer is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tenor {
    /// It is there as it should be.
    There,
    /// It comes by itself.
    Coming,
    /// It is rightly not there.
    RightlyNot,
    /// It needs a person.
    NeedsPerson,
    Unknown,
}

impl Verdict {
    pub fn tenor(&self) -> Tenor {
        match self {
            Self::Unchanged { .. } | Self::Written { .. } => Tenor::There,
            Self::InFlight { .. } | Self::Waiting { .. } => Tenor::Coming,
            Self::NotYetRead { why: Unread::Listing { .. } | Unread::Due { .. }, .. } => Tenor::Coming,
            Self::NotYetRead { .. } | Self::Missed { .. } | Self::ChangedThere { .. } | Self::GoneThere { .. } => {
                Tenor::NeedsPerson
            }
            Self::DeadLetter(facts) => match facts.stage {
                LetterStage::Waiting => Tenor::NeedsPerson,
                LetterStage::Retrying { .. } => Tenor::Coming,
                LetterStage::Discarded { .. } => Tenor::RightlyNot,
            },
            Self::Withheld { kept: None, .. } => Tenor::NeedsPerson,
            Self::Withheld { kept: Some(_), .. } => Tenor::There,
            Self::NotAtSource { there: There::Older } => Tenor::NeedsPerson,
            Self::NotAtSource { .. }
            | Self::DeletedAtSource { .. }
            | Self::BeforeStart { .. }
            | Self::Filtered { .. } => Tenor::RightlyNot,
            Self::Unknown { .. } | Self::OutcomeUnknown { .. } => Tenor::Unknown,
        }
    }

    /// The name of the verdict, as scripts know it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown",
            Self::NotAtSource { .. } => "not_at_source",
            Self::DeletedAtSource { .. } => "deleted_at_source",
            Self::BeforeStart { .. } => "before_start",
            Self::Filtered { .. } => "filtered",
            Self::NotYetRead { .. } => "not_yet_read",
            Self::Waiting { .. } => "waiting",
            Self::InFlight { .. } => "in_flight",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::DeadLetter(_) => "dead_letter",
            Self::Withheld { .. } => "withheld",
            Self::Missed { .. } => "missed",
            Self::Unchanged { .. } => "unchanged",
            Self::Written { .. } => "written",
            Self::ChangedThere { .. } => "changed_there",
            Self::GoneThere { .. } => "gone_there",
        }
    }
}
