//! What an engine tells of itself at one moment: bounded, and every figure counted by the engine.

use super::{
    Actor, BulkRetry, Checkpoint, ConnectionId, ConnectionStatus, Counts, DeadLetterId, GroupId, JobId, LetterState,
    Level, Notice, Phase, RecordId, ResumeRules, RunId, RunKind, Timestamp, WebhookStatus, Withheld,
};
use serde::{Deserialize, Serialize};

/// Everything that a screen shows without asking. Published at most every 100 ms and on changes of state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub at: Timestamp,
    pub engine: EngineInfo,
    /// In the configuration's order.
    pub jobs: Vec<JobStatus>,
    pub connections: Vec<ConnectionStatus>,
    /// What needs a person, worst first.
    pub findings: Vec<Finding>,
    /// Records a second over all jobs, oldest first, one for each [`RATE_BUCKET_SECONDS`], the last 15 minutes.
    pub throughput: Vec<u32>,
    /// Retries of many letters: those that go on, and the last that ended.
    #[serde(default)]
    pub retries: Vec<BulkRetry>,
    /// Jobs that are not configured any more and whose state is kept.
    #[serde(default)]
    pub leftovers: Vec<Leftover>,
    /// Notices that the ring holds, and the number of the newest.
    pub notices: u64,
}

/// What the state still holds of a job that is not configured any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    pub job: JobId,
    /// Records that it knows.
    pub links: u64,
    pub dead_waiting: u64,
    /// When its last run began.
    pub last_run: Option<Timestamp>,
}

impl Leftover {
    /// `1204 known records, 3 dead letters`.
    pub fn words(&self) -> String {
        let counted = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let records = counted(self.links, "known record", "known records");
        format!("{records}, {}", counted(self.dead_waiting, "dead letter", "dead letters"))
    }
}

/// The seconds that one figure of a rate history stands for.
pub const RATE_BUCKET_SECONDS: u64 = 5;
/// Figures in a rate history: 15 minutes.
pub const RATE_BUCKETS: usize = 180;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EngineInfo {
    pub workspace: String,
    pub version: String,
    pub pid: u32,
    pub started_at: Timestamp,
    /// False when a command reads a stopped engine's file: nothing moves.
    pub is_running: bool,
    /// True in `syncdeck demo`.
    pub is_demo: bool,
    /// The state folder as a person may type it.
    pub state_folder: String,
    /// Where the log files are.
    pub log_folder: String,
    /// Set when the store can not be written: nothing moves until that is mended.
    pub store_error: Option<String>,
    /// Since when the files of the configuration hold something else than what this engine runs by.
    #[serde(default)]
    pub config_changed_at: Option<Timestamp>,
    /// Fields whose values are hidden from screens, exports and the journal: names, or pointers.
    #[serde(default)]
    pub redact: Vec<String>,
}

/// One job, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    pub id: JobId,
    pub description: Option<String>,
    pub source: ConnectionId,
    pub destination: ConnectionId,
    /// In words: `every 5m`, `manual`.
    pub schedule: String,
    pub state: JobState,
    pub phase: Phase,
    /// The run in progress.
    pub run: Option<RunStatus>,
    /// Of all saved pages since the job began, but those of retries and releases, whose records were counted before.
    pub total: Counts,
    /// Records a second, the mean of the last ten seconds.
    pub rate: f64,
    /// As [`Snapshot::throughput`], for this job.
    pub history: Vec<u32>,
    pub progress: Progress,
    pub checkpoint: Option<Checkpoint>,
    /// What turns its position into words.
    #[serde(default)]
    pub resume: ResumeRules,
    /// Records read and not yet checkpointed. A crash now reads at most so many again.
    pub in_flight: u64,
    /// Letters that wait, and those under retry among them.
    pub dead_waiting: u64,
    #[serde(default)]
    pub dead_retrying: u64,
    /// Deletes that wait for a person; none where there are none.
    #[serde(default)]
    pub withheld: Option<Withheld>,
    pub due: Option<Timestamp>,
    /// The one thing that holds this job back now, in words.
    pub limited_by: Option<String>,
    /// The last notices of this job, newest last, at most [`JobStatus::EVENTS_MAX`].
    pub events: Vec<Notice>,
    /// Faults that were waited for and passed by themselves in this run.
    pub recovered: RecoveredFaults,
    /// The last runs' ends, oldest first, at most ten.
    pub last_runs: Vec<RunMark>,
    /// The events by which its source tells of changes, where it does.
    #[serde(default)]
    pub webhook: Option<WebhookStatus>,
}

impl JobStatus {
    pub const EVENTS_MAX: usize = 12;

    /// True where withheld deletes alone make it need attention: it goes on with all else.
    pub fn is_withholding(&self) -> bool {
        let JobState::NeedsAttention { since, .. } = &self.state else { return false };
        self.withheld.is_some_and(|withheld| !withheld.is_released && withheld.since == *since)
    }
}

/// A run in one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunMark {
    Ok,
    /// Ended, with dead letters.
    Part,
    Failed,
    Stopped,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveredFaults {
    pub throttled: u64,
    pub transient: u64,
    pub unknown: u64,
}

/// What a job is doing, computed from its progress, never from the process being there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    Idle,
    Running,
    Waiting {
        what: String,
        since: Timestamp,
        until: Option<Timestamp>,
    },
    /// No progress for longer than its timeouts allow.
    Stalled {
        stage: String,
        since: Timestamp,
    },
    /// Finishing its page.
    Pausing,
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
    Disabled,
}

impl JobState {
    /// The word of the state, as screens and scripts show it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Waiting { .. } => "waiting",
            Self::Stalled { .. } => "stalled",
            Self::Pausing => "pausing",
            Self::Paused { .. } => "paused",
            Self::NeedsAttention { .. } => "needs attention",
            Self::Disabled => "disabled",
        }
    }
}

/// The run in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    pub id: RunId,
    pub kind: RunKind,
    pub by: Actor,
    pub started_at: Timestamp,
    /// Of committed pages.
    pub counts: Counts,
    pub pages: u64,
    /// The biggest page so far.
    pub page_size: u64,
}

/// How far a listing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Records of the listing in progress that are committed.
    pub done: u64,
    /// What the source says there is in all; none when it does not say.
    pub total: Option<u64>,
    /// Seconds until the end at the present rate; none when the total is unknown or nothing moves.
    pub eta_seconds: Option<u64>,
}

impl Progress {
    /// How many seconds sooner or later than [`Progress::eta_seconds`] the end may come, from how much the minutes of
    /// `history` (figures of a rate history, oldest first) differ from each other. None of less than three minutes.
    pub fn eta_band(&self, history: &[u32]) -> Option<u64> {
        let left = self.total?.saturating_sub(self.done) as f64;
        self.eta_seconds?;
        let began = history.iter().position(|rate| *rate > 0)?;
        let per_minute = usize::try_from(60 / RATE_BUCKET_SECONDS).unwrap_or(1);
        let minutes: Vec<f64> = history[began..]
            .rchunks_exact(per_minute)
            .map(|minute| minute.iter().map(|rate| f64::from(*rate)).sum::<f64>() / per_minute as f64)
            .collect();
        if minutes.len() < 3 {
            return None;
        }
        let n = minutes.len() as f64;
        let mean = minutes.iter().sum::<f64>() / n;
        let spread = (minutes.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        // Speeds of a minute that differ so much that it may as well stand still tell nothing.
        (spread < mean).then(|| ((left / (mean - spread) - left / (mean + spread)) / 2.0) as u64)
    }
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule found it.
    pub kind: FindingKind,
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// What mends it: a command, or that nothing is to be done. Keys are the console's to name.
    pub hint: String,
    pub target: FindingTarget,
}

/// The rules, worst first. With its target, a kind tells one finding from another while its sentence changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The state can not be written: nothing moves.
    StoreError,
    /// A job can not go on without a person.
    NeedsAttention,
    /// Deletes wait for a person.
    Withheld,
    Stalled,
    /// A run failed and is tried again by itself.
    Failed,
    MissedSchedule,
    /// More of a run was refused than a few bad records explain.
    ManyErrors,
    /// The destination keeps other values than were sent.
    Altered,
    /// The source's records look otherwise than before.
    SourceChanged,
    /// New ones, in the last ten minutes.
    DeadLetters,
    CircuitOpen,
    /// Webhooks can not be taken in, or a subscription could not be made or renewed.
    Webhook,
    /// No webhook event came for unusually long.
    Silent,
    /// The files of the configuration hold something else than what the engine runs by.
    ConfigChanged,
    /// A person holds back a connection.
    Held,
    BudgetLow,
    PausedLong,
    Paused,
    OldLetters,
    /// State of jobs that are not configured any more.
    NotConfigured,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingTarget {
    Job(JobId),
    Connection(ConnectionId),
    Group(JobId, GroupId),
    Engine,
}

/// A dead letter as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterRow {
    pub id: DeadLetterId,
    pub job: JobId,
    pub group: GroupId,
    pub record: RecordId,
    /// The reason in a few words.
    pub title: String,
    pub field: Option<String>,
    pub attempts: u32,
    pub last_at: Timestamp,
    pub state: LetterState,
}
