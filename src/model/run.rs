//! One execution of a job, and the state that a job is in.

use super::{Actor, Checkpoint, Counts, Identity, JobId, Release, RunId, Sequence, Shape, ShapeChange, Timestamp};
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
    /// What changed since one moment and before another, by the records' own versions; listed beside the checkpoint, which it
    /// never moves.
    Range { since: Timestamp, until: Option<Timestamp> },
    /// One record that a person asked for, read from the source and sent even if it is unchanged. It never moves the
    /// checkpoint.
    Record,
    /// Webhook events that waited. It never moves the checkpoint.
    Inbox,
    /// Withheld deletes that a person released, each looked at once more. It never moves the checkpoint.
    Release,
    /// The source from its start, because a person released withheld deletes that only a whole listing can confirm.
    Sweep,
}

impl RunKind {
    /// True where what became of its records adds to the job's own figures. A retry and a release take up records that were
    /// counted as errored or held when they were read.
    pub fn adds_to_job(&self) -> bool {
        !matches!(self, Self::Retry | Self::Release)
    }

    /// True where the pages are those of a listing, so that the checkpoint moves with them.
    pub fn moves_checkpoint(&self) -> bool {
        match self {
            Self::Sync | Self::Full | Self::Sweep => true,
            Self::Retry | Self::Record | Self::Release | Self::Inbox | Self::Range { .. } => false,
        }
    }

    /// In one word, as lists, filters and scripts have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Full => "full",
            Self::Retry => "retry",
            Self::Range { .. } => "range",
            Self::Record => "record",
            Self::Inbox => "inbox",
            Self::Release => "release",
            Self::Sweep => "sweep",
        }
    }

    /// Of a range: `since 2026-01-01T00:00:00Z until 2026-02-01T00:00:00Z`.
    pub fn range_words(&self) -> Option<String> {
        let Self::Range { since, until } = self else { return None };
        let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
        Some(format!("since {since}{until}"))
    }

    /// True where what fails is new, and not in the dead-letter queue or before a person's eyes already.
    pub fn reads_listing(&self) -> bool {
        self.moves_checkpoint() || matches!(self, Self::Range { .. } | Self::Inbox)
    }

    /// True for a run that a release of withheld deletes began.
    pub fn is_release(&self) -> bool {
        matches!(self, Self::Release | Self::Sweep)
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

impl Run {
    /// How it stands or ended, in the word that lists and filters use.
    pub fn state_word(&self) -> &'static str {
        match &self.end {
            None => "run",
            Some(RunEnd::Done | RunEnd::HandedOver) if self.counts.errored > 0 => "part",
            Some(RunEnd::Done | RunEnd::HandedOver) => "ok",
            Some(RunEnd::Stopped { .. }) => "stop",
            Some(RunEnd::Failed { .. } | RunEnd::Guarded { .. }) => "fail",
            Some(RunEnd::Interrupted) => "cut",
        }
    }

    /// How it ended, in a sentence.
    pub fn end_words(&self) -> String {
        match &self.end {
            None => "in progress".to_owned(),
            Some(RunEnd::Done) => "end of the list".to_owned(),
            Some(RunEnd::HandedOver) => "a limit was reached; the next run goes on".to_owned(),
            Some(RunEnd::Stopped { by }) => format!("stopped by {by}"),
            Some(RunEnd::Failed { reason, parked, .. }) => {
                format!("{reason}{}", if *parked { "; the job waits for a person" } else { "; it is tried again" })
            }
            Some(RunEnd::Guarded { reason, .. }) => format!("{reason}; the job waits for a person"),
            Some(RunEnd::Interrupted) => "the process ended without a word".to_owned(),
        }
    }
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
    /// A person's leave to carry withheld deletes out; gone when the run ended that did.
    #[serde(default)]
    pub release: Option<Release>,
    /// How the job was configured when an engine last served it.
    #[serde(default)]
    pub seen: Seen,
    /// Everything is read once more, because the job was enabled again.
    #[serde(default)]
    pub again: bool,
    /// A range that a person ordered and that has not been read to its end.
    #[serde(default)]
    pub range: Option<RangeOrder>,
    /// Whose state this is; none in state of before that was noted, and before the first run.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// What the source's records look like.
    #[serde(default)]
    pub shape: Shape,
    /// When that changed last.
    #[serde(default)]
    pub shape_changed: Option<ShapeChange>,
}

/// How a job was configured when an engine last served it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// No engine has served it, or one of before this was noted.
    #[default]
    Never,
    /// With that hash of source, destination and map.
    Enabled { configured: u64 },
    /// It was disabled, or gone from the configuration, and was cleaned up after.
    Disabled,
}

/// A person's order to read a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeOrder {
    pub since: Timestamp,
    /// None: to the listing's end.
    pub until: Option<Timestamp>,
    pub by: Actor,
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

/// The filter that the runs of a job had, from `since` to the next of its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterRule {
    pub since: RunId,
    /// The expression; none where every record was taken.
    pub rule: Option<String>,
}

impl FilterRule {
    /// Filters kept of one job. Whatever else of a job changes with its filter, everything is read once more then, so an
    /// older one says something only of records that the source no longer gives.
    pub const KEPT_MAX: usize = 8;
}
