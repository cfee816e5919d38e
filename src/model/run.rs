//! One execution of a job, and the state that a job is in.

use super::{Actor, Checkpoint, Counts, JobId, RunId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a run's pages come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// The source, from the checkpoint.
    Sync,
    /// The source from its start (`run --full`): unchanged records are skipped.
    Full,
    /// Dead letters. It never moves the checkpoint.
    Retry,
    /// One record that a person asked for, read from the source and sent even if it is unchanged. It never moves the
    /// checkpoint.
    Record,
    /// Webhook events that waited. It never moves the checkpoint.
    Inbox,
}

impl RunKind {
    /// True where the pages are those of a listing, so that the checkpoint moves with them.
    pub fn moves_checkpoint(&self) -> bool {
        match self {
            Self::Sync | Self::Full => true,
            Self::Retry | Self::Record | Self::Inbox => false,
        }
    }

    /// True where the records come from the source by themselves and not from a person's order, so that a guard must
    /// stop what goes wrong as a whole.
    pub fn is_guarded(&self) -> bool {
        self.moves_checkpoint() || *self == Self::Inbox
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum RunEnd {
    /// Nothing was left to do.
    Done,
    /// A limit was reached (`max_pages`, `max_runtime`, `--max-records`); the next run goes on.
    HandedOver,
    /// A person or a signal stopped it between pages.
    Stopped { by: Actor },
    /// It could not go on; the checkpoint is where the last whole page left it.
    Failed { reason: String, hint: Option<String>, parked: bool },
    /// A guard stopped it: so much went wrong that a person must look before the page is saved.
    Guarded { reason: String, hint: Option<String> },
    /// The process ended without a word; found at the next start.
    Interrupted,
}

/// One execution of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub job: JobId,
    pub kind: RunKind,
    pub by: Actor,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub end: Option<RunEnd>,
    pub counts: Counts,
    pub pages: u64,
    /// The last checkpoint that it saved.
    pub checkpoint: Option<Sequence>,
}

/// How a job ended that a door asked to run: what is left to tell when nothing moves any more.
#[derive(Clone, Debug)]
pub struct JobFinish {
    pub job: JobId,
    pub end: RunEnd,
    /// It did not run, because a person had paused it; `end` says who and since when.
    pub is_paused: bool,
    /// Of the committed pages of the runs that it stands for.
    pub counts: Counts,
    /// From the first run's beginning to the last one's end.
    pub seconds: f64,
    /// The job's last checkpoint, whoever made it.
    pub checkpoint: Option<Checkpoint>,
    /// Letters of the job that wait, also those of earlier runs.
    pub dead_waiting: u64,
}

/// What a person decided about a job; it outlives restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobControl {
    pub paused: Option<Paused>,
    /// The job can not go on without a person.
    pub parked: Option<Parked>,
    /// When the schedule lets it run next; none when nothing is planned.
    pub due: Option<Timestamp>,
    /// A hash of what in the configuration decides which records go where; a change of it starts a full read.
    #[serde(default)]
    pub configured: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paused {
    pub by: Actor,
    pub since: Timestamp,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parked {
    pub since: Timestamp,
    pub reason: String,
    pub hint: Option<String>,
}
