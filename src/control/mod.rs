//! What is said between a door and an engine: one handle, questions and orders, and a snapshot to watch.

mod attachment;
pub mod bundle;
mod fields;
pub mod local;
mod points;
mod retry;
pub mod socket;

pub use attachment::{Attachment, Host, Loss};

use crate::model::filter::{RunFilter, Term};
use crate::model::{
    Actor, BulkRetry, CallBudget, Checkpoint, CheckpointFile, ConnectionId, Correction, DeadLetter, DeadLetterId,
    EditForm, FieldChange, HeldDelete, History, JobId, JournalEntry, JournalProof, LetterCheck, LetterFilter,
    LetterGroup, LetterRequest, LetterRow, LogFilter, Notice, PlanFrom, PlanOrder, PlanPart, RecordId, RewindPreview,
    RewindTo, Run, RunId, Selection, Sequence, Snapshot, Tested, Timestamp, Whereabouts, WhyAnswer,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

/// A question or an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    Pause {
        jobs: Vec<JobId>,
        reason: Option<String>,
    },
    Resume {
        jobs: Vec<JobId>,
    },
    /// Run now, without waiting for the schedule.
    Trigger {
        jobs: Vec<JobId>,
    },
    /// Stop the run in progress between pages.
    Cancel {
        jobs: Vec<JobId>,
    },
    /// Hold back all calls of a connection.
    Hold {
        connection: ConnectionId,
        reason: Option<String>,
    },
    /// Let them go again.
    Release {
        connection: ConnectionId,
    },
    /// Let it make fewer calls than it is configured for; none: as many as it is configured for again.
    LowerBudget {
        connection: ConnectionId,
        budget: Option<CallBudget>,
        reason: Option<String>,
    },
    /// Forget that a connection's system was down.
    ResetCircuit {
        connection: ConnectionId,
    },
    /// Make one call that changes nothing at the system.
    TestConnection {
        connection: ConnectionId,
    },
    DeadGroups {
        filter: LetterFilter,
    },
    DeadIds {
        filter: LetterFilter,
        limit: usize,
    },
    DeadRows {
        ids: Vec<DeadLetterId>,
    },
    DeadLetter {
        id: DeadLetterId,
    },
    /// The request that delivers a letter, without any secret.
    LetterRequest {
        id: DeadLetterId,
    },
    /// What a retry of the selection would do, counted.
    RetryPreview {
        selection: Selection,
    },
    Retry {
        selection: Selection,
    },
    /// As `Retry`, of many: for each job one goes first, the rest only if it was delivered, no faster than so many a
    /// minute (the usual rate where it is none), until something new goes wrong.
    RetryCarefully {
        selection: Selection,
        per_minute: Option<u32>,
    },
    /// Reads what changed since one moment and before another; the job's checkpoint stays where it is.
    Range {
        job: JobId,
        since: Timestamp,
        until: Option<Timestamp>,
    },
    /// Lets jobs go on with their state although their key or destination changed.
    Accept {
        jobs: Vec<JobId>,
    },
    /// Removes all that the state holds of a job that is not configured any more, disabled or paused.
    Forget {
        job: JobId,
    },
    /// Stops the careful retries of a job: what was not sent waits again.
    StopRetry {
        job: JobId,
    },
    /// What a retry would do with these letters, each looked at: the first [`LetterCheck::AT_ONCE`] of them.
    RetryCheck {
        ids: Vec<DeadLetterId>,
    },
    /// The fields of a letter, to be corrected.
    EditForm {
        id: DeadLetterId,
    },
    /// Keeps a correction of a letter: all fields that are sent otherwise than the map makes them. It is what the next
    /// retry sends.
    Correct {
        id: DeadLetterId,
        /// Of the form that the changes were made in.
        content: String,
        changes: Vec<FieldChange>,
        reason: Option<String>,
        /// Retry it at once.
        retry: bool,
    },
    /// Says what a person found out about a create whose outcome nobody saw.
    Settle {
        id: DeadLetterId,
        finding: Whereabouts,
        reason: Option<String>,
    },
    Discard {
        selection: Selection,
        reason: String,
    },
    /// Takes a discard back.
    Restore {
        selection: Selection,
    },
    /// Withheld deletes of a job in the order of their ids, those behind `after`: those that wait, or those of records that
    /// people keep.
    Held {
        job: JobId,
        after: Option<RecordId>,
        is_kept: bool,
        limit: usize,
    },
    /// Carries withheld deletes out, at most so many; each is looked at once more first.
    HeldRelease {
        job: JobId,
        count: u64,
        reason: String,
    },
    /// Keeps the records of withheld deletes at the destination until the source lists them again.
    HeldDiscard {
        job: JobId,
        reason: String,
    },
    Checkpoints {
        job: JobId,
        /// In the fields of [`CHECKPOINT_FIELDS`](crate::model::filter::CHECKPOINT_FIELDS); all must hold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        terms: Vec<Term>,
        before: Option<Sequence>,
        limit: usize,
    },
    Runs {
        job: Option<JobId>,
        /// In the fields of [`RUN_FIELDS`](crate::model::filter::RUN_FIELDS); all must hold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        terms: Vec<Term>,
        before: Option<RunId>,
        limit: usize,
    },
    /// Careful retries of many letters, newest first: all that are kept and that the filter lets through.
    Bulks {
        filter: RunFilter,
    },
    /// The last day of a job, or of all jobs, in minutes.
    History {
        job: Option<JobId>,
    },
    /// Log lines, newest last: those before `before` (a notice's number), at most `limit`.
    Logs {
        filter: LogFilter,
        before: Option<u64>,
        limit: usize,
    },
    Journal {
        before: Option<u64>,
        limit: usize,
    },
    /// What is known of a job, of a letter and its job, or of all, as the text of a file without secrets.
    Bundle {
        job: Option<JobId>,
        letter: Option<DeadLetterId>,
    },
    /// Walks the journal's chain.
    JournalVerify,
    /// What a rewind would do, as far as it is known without asking the source.
    RewindPreview {
        job: JobId,
        to: RewindTo,
    },
    /// Puts a job back, as a new checkpoint; it is paused first and stays so.
    Rewind {
        job: JobId,
        to: RewindTo,
        reason: String,
        /// The newest checkpoint that the person saw (0: none). Where another one stands, the order is refused.
        expected: Option<Sequence>,
    },
    /// The job's last checkpoint as a file.
    CheckpointExport {
        job: JobId,
    },
    /// Takes the position of a file over, as a new checkpoint; the job is paused first and stays so.
    CheckpointImport {
        job: JobId,
        file: Box<CheckpointFile>,
        reason: String,
        /// Also of another job, or of one that reads its source otherwise.
        force: bool,
        expected: Option<Sequence>,
    },
    /// A part of a dry run: reads the source through its limits, and writes nothing anywhere.
    Plan {
        job: JobId,
        from: PlanFrom,
        /// The part ends after the page that reaches so many records.
        max_records: u64,
        max_rows: usize,
        /// Another configuration of the job.
        order: Option<Box<PlanOrder>>,
    },
    /// Why a record is, or is not, at the destination. Without a job all of them are looked at.
    Why {
        job: Option<JobId>,
        /// An id of either side, or the value of a searchable field.
        key: String,
        /// Both systems are asked for it now.
        live: bool,
    },
    /// Sync one record now, through the loop that everything goes through.
    SyncOne {
        job: JobId,
        record: RecordId,
    },
}

impl Request {
    /// True for an order: it changes what the engine does or holds. A question changes nothing, not even the journal.
    pub fn changes(&self) -> bool {
        match self {
            Self::Pause { .. }
            | Self::Resume { .. }
            | Self::Trigger { .. }
            | Self::Cancel { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::LowerBudget { .. }
            | Self::ResetCircuit { .. }
            // It uses up a call, and may find that a system is back.
            | Self::TestConnection { .. }
            | Self::Retry { .. }
            | Self::RetryCarefully { .. }
            | Self::StopRetry { .. }
            | Self::Range { .. }
            | Self::Accept { .. }
            | Self::Forget { .. }
            | Self::Correct { .. }
            | Self::Settle { .. }
            | Self::Discard { .. }
            | Self::Restore { .. }
            | Self::HeldRelease { .. }
            | Self::HeldDiscard { .. }
            | Self::Rewind { .. }
            | Self::CheckpointImport { .. }
            | Self::SyncOne { .. } => true,
            Self::DeadGroups { .. }
            | Self::DeadIds { .. }
            | Self::DeadRows { .. }
            | Self::DeadLetter { .. }
            | Self::LetterRequest { .. }
            | Self::RetryPreview { .. }
            | Self::RetryCheck { .. }
            | Self::EditForm { .. }
            | Self::Held { .. }
            | Self::Checkpoints { .. }
            | Self::Runs { .. }
            | Self::Bulks { .. }
            | Self::History { .. }
            | Self::Logs { .. }
            | Self::Journal { .. }
            | Self::Bundle { .. }
            | Self::JournalVerify
            | Self::RewindPreview { .. }
            | Self::CheckpointExport { .. }
            | Self::Plan { .. }
            | Self::Why { .. } => false,
        }
    }
}

/// An answer, of the kind that its request asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    Done(Done),
    Tested(Box<Tested>),
    Groups(Vec<LetterGroup>),
    Ids {
        ids: Arc<[DeadLetterId]>,
        total: u64,
    },
    Rows(Vec<Option<LetterRow>>),
    Letter(Box<LetterView>),
    LetterRequest(Box<LetterRequest>),
    Preview(RetryPreview),
    Check(LetterCheck),
    EditForm(Box<EditForm>),
    /// Some of a job's withheld deletes; how many wait, and how many records people keep.
    Held {
        rows: Vec<HeldDelete>,
        waiting: u64,
        kept: u64,
    },
    Checkpoints(Vec<Checkpoint>),
    Runs(Vec<Run>),
    Bulks(Vec<BulkRetry>),
    History(Box<History>),
    Logs(Vec<Notice>),
    Journal(Vec<JournalEntry>),
    Bundle {
        text: String,
    },
    Verified(JournalProof),
    RewindPreview(Box<RewindPreview>),
    /// None where the job has no checkpoint.
    CheckpointFile(Option<Box<CheckpointFile>>),
    Plan(Box<PlanPart>),
    Why(Box<WhyAnswer>),
}

/// What an order did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// One sentence: what, how many, of what.
    pub text: String,
    /// How many things changed; zero when there was nothing to do.
    pub changed: u64,
    /// The order that takes it back, where there is one.
    pub undo: Option<Box<Request>>,
}

/// A dead letter with its fields side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LetterView {
    pub letter: DeadLetter,
    pub source_connection: String,
    pub destination_connection: String,
    pub fields: Vec<FieldLine>,
    /// What people put in place of refused values, oldest first; the last one counts.
    #[serde(default)]
    pub corrections: Vec<Correction>,
    /// What somebody put in for the same bad value of this record before; it is not applied by itself.
    #[serde(default)]
    pub offered: Option<Correction>,
}

/// One field of a dead letter: what the source said and what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldLine {
    /// The destination field, or the source's where nothing is sent of it.
    pub field: String,
    /// JSON text, or a string's content.
    pub source: Option<String>,
    pub sent: Option<String>,
    pub mark: FieldMark,
    /// Why it differs or was refused, in a few words.
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldMark {
    Same,
    Transformed,
    Rejected,
    Added,
    Dropped,
    /// Nothing of the record was sent, so nothing can be said of the field.
    NotSent,
}

/// What a retry would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPreview {
    /// Letters that wait and match, by job.
    pub jobs: Vec<(JobId, u64)>,
    pub total: u64,
    /// Of which the source is asked again, because the job can read one record.
    pub read_again: u64,
    /// The longest that the configured request budget makes it take, in seconds.
    pub seconds_at_least: Option<u64>,
    /// The most letters that a careful retry sends in a minute; none where several jobs have rates of their own.
    #[serde(default)]
    pub per_minute: Option<u32>,
    /// How long a careful retry takes at that rate, in seconds.
    #[serde(default)]
    pub seconds_carefully: u64,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Refusal {
    pub message: String,
    /// A command or a key.
    pub hint: Option<String>,
}

impl Refusal {
    /// What an order through a read-only handle comes back with.
    pub fn read_only() -> Self {
        Self {
            message: "read-only: nothing was changed".to_owned(),
            hint: Some("open it without `--read-only`, and without `read_only` in `[workspace]`".to_owned()),
        }
    }
}

/// A door's end of an engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    end: End,
    is_read_only: bool,
}

#[derive(Clone)]
enum End {
    Local(local::Local, Actor),
    Remote(socket::Remote),
    Offline(Arc<bundle::Offline>),
}

impl Handle {
    pub fn new(local: local::Local, actor: Actor) -> Self {
        Self { end: End::Local(local, actor), is_read_only: false }
    }

    /// A handle of an engine in another process; its orders are signed there.
    pub fn attached(remote: socket::Remote) -> Self {
        Self { end: End::Remote(remote), is_read_only: false }
    }

    /// A bundle in the place of an engine: it answers questions from what it holds.
    pub fn offline(bundle: bundle::Bundle) -> Self {
        Self { end: End::Offline(Arc::new(bundle::Offline::new(bundle))), is_read_only: true }
    }

    /// The same engine, of which only questions are asked: every order is refused before it leaves.
    pub fn read_only(self) -> Self {
        Self { is_read_only: true, ..self }
    }

    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Asks, and waits for the answer. Orders are signed with this handle's actor.
    pub async fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        if self.is_read_only && request.changes() {
            return Err(Refusal::read_only());
        }
        match &self.end {
            End::Local(local, actor) => local.ask(request, actor).await,
            End::Remote(remote) => remote.ask(request).await,
            End::Offline(offline) => offline.ask(request),
        }
    }

    /// The jobs of the configuration, in its order.
    pub fn jobs(&self) -> Vec<JobId> {
        match &self.end {
            End::Local(local, _) => local.jobs(),
            End::Remote(remote) => remote.jobs(),
            End::Offline(offline) => offline.jobs(),
        }
    }

    /// The engine's state as it changes; the newest always wins, a slow reader misses only what is old.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        match &self.end {
            End::Local(local, _) => local.watch(),
            End::Remote(remote) => remote.watch(),
            End::Offline(offline) => offline.watch(),
        }
    }

    /// Where the engine is, and whether it can be reached. Of an engine in this process it never changes.
    pub fn attachment(&self) -> watch::Receiver<Attachment> {
        match &self.end {
            End::Local(..) => watch::channel(Attachment::Own).1,
            End::Remote(remote) => remote.attachment(),
            End::Offline(offline) => watch::channel(Attachment::Bundle(offline.at())).1,
        }
    }
}
