//! What survives: one redb file. Questions are answered from snapshots, changes go through the one writer.
//!
//! Every method is async, so that a store on another machine fits behind the same names.

mod budgets;
mod bulks;
mod checkpoints;
mod codec;
mod corrections;
mod forget;
mod heads;
mod held;
mod holds;
mod inbox;
mod intents;
mod jobs;
mod journal;
mod kept;
mod letter_rows;
mod letter_writes;
mod letters;
mod links;
mod open;
mod runs;
mod search;
mod seen;
mod state;
mod tables;
mod writer;

pub use inbox::{NewEvent, Received};
pub use journal::entry_hash;
pub use open::Holder;
pub use state::Store;

use crate::model::{
    Actor, Attempt, BulkRetry, Checkpoint, Counts, DeadLetter, DeadLetterId, Epoch, GroupId, HeldDelete, JobId,
    LetterEnd, Link, Position, Reason, RecordId, RunId, RunKind, Sequence, Timestamp,
};
use parking_lot::{Mutex, RwLock};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What went wrong with the state file, with the way out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the file. The text names it: pid, since when, by whom.
    #[error("the state in `{folder}` is in use by {holder}", folder = folder.display())]
    InUse { folder: PathBuf, holder: String },
    #[error("the state file `{path}` was written by a newer syncdeck (format {found}, this one knows {known})", path = path.display())]
    TooNew { path: PathBuf, found: u32, known: u32 },
    #[error("the state file `{path}` can not be read: {problem}", path = path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("the state folder `{folder}` can not be used: {problem}", folder = folder.display())]
    Folder { folder: PathBuf, problem: String },
    /// The disk is full or broken. Nothing of the page was saved; the next run reads it again.
    #[error("the state could not be saved: {0}")]
    Disk(String),
    /// A commit of a run that is no longer the job's: nothing was saved.
    #[error("run {run} of `{job}` was overtaken by a later one")]
    StaleEpoch { job: JobId, run: RunId },
    /// scanned is not the sum of the rest: nothing was saved.
    #[error("the counts of a page of `{job}` do not balance: {counts:?}")]
    Unbalanced { job: JobId, counts: Box<Counts> },
    /// A rewind or an import that was meant for another moment: nothing was saved.
    #[error("`{job}` stands at {now} now, not at {expected}", now = numbered(*.now), expected = numbered(*.expected))]
    Moved { job: JobId, expected: Sequence, now: Sequence },
    #[error("a row of the state can not be read: {0}")]
    Row(String),
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InUse { .. } => {
                "it may be a screen or a `syncdeck run` in another terminal; work in it, or leave it first".to_owned()
            }
            Self::TooNew { .. } => "use the newer syncdeck, or name another `state` folder".to_owned(),
            Self::Damaged { path, .. } => format!(
                "the file is left as it is: put a copy of `{}` back, or move it away to read everything again",
                path.display()
            ),
            Self::Folder { folder, .. } => {
                format!("make `{}` a folder that you own, or name another `state` folder", folder.display())
            }
            Self::Disk(_) => "make room on the disk of the state folder; what was not saved is read again".to_owned(),
            Self::Row(_) => "stop syncdeck, put a copy of the state file back, and start again".to_owned(),
            Self::Moved { .. } => "look again at what it would do now, then give the order again".to_owned(),
            // Mistakes of the program, which nobody at the screen can mend.
            Self::StaleEpoch { .. } | Self::Unbalanced { .. } => return None,
        };
        Some(hint)
    }
}

fn numbered(sequence: Sequence) -> String {
    match sequence {
        Sequence(0) => "its start".to_owned(),
        sequence => format!("checkpoint #{sequence}"),
    }
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Corrupted(problem) => Self::Row(problem),
            other => Self::Disk(other.to_string()),
        }
    }
}

impl From<redb::TableError> for StoreError {
    fn from(error: redb::TableError) -> Self {
        match error {
            redb::TableError::Storage(error) => error.into(),
            other => Self::Row(other.to_string()),
        }
    }
}

impl From<redb::TransactionError> for StoreError {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(error) => error.into(),
            other => Self::Disk(other.to_string()),
        }
    }
}

impl From<redb::CommitError> for StoreError {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(error) => error.into(),
            other => Self::Disk(other.to_string()),
        }
    }
}

/// How to open a state folder.
#[derive(Clone, Debug)]
pub struct Options {
    /// redb's cache in bytes.
    pub cache_bytes: usize,
    /// Checkpoints kept of each job, newest first; older ones are thinned.
    pub checkpoints_max: usize,
    pub runs_max: usize,
    pub journal_max: usize,
    /// What the holder's file says this process does: the command's name.
    pub command: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 16 << 20,
            checkpoints_max: 2_000,
            runs_max: 10_000,
            journal_max: 100_000,
            command: String::new(),
        }
    }
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub job: JobId,
    pub kind: RunKind,
    pub by: Actor,
    pub at: Timestamp,
    /// The expression of the filter that it has.
    pub filter: Option<String>,
}

/// A record that is given up on.
#[derive(Clone, Debug)]
pub struct NewLetter {
    /// All but `id` (see [`Store::reserve_letters`]) is the engine's.
    pub letter: DeadLetter,
}

/// A letter that was tried again and failed again.
#[derive(Clone, Debug)]
pub struct FailedAgain {
    pub id: DeadLetterId,
    pub attempt: Attempt,
    /// The reason now; the letter moves to its group.
    pub reason: Reason,
    pub group: GroupId,
    /// The record and the fields as they were this time.
    pub source: crate::model::RawJson,
    pub sent: Option<crate::model::RawJson>,
}

/// Everything that one page changes, saved whole or not at all.
#[derive(Clone, Debug)]
pub struct PageCommit {
    pub job: JobId,
    pub epoch: Epoch,
    pub run: RunId,
    pub at: Timestamp,
    /// Of this page.
    pub counts: Counts,
    /// Where the next page begins; none leaves the checkpoint where it is (a retry).
    pub position: Option<Position>,
    /// The links that changed, as they are now.
    pub links: Vec<(RecordId, Link)>,
    pub dead: Vec<NewLetter>,
    pub failed_again: Vec<FailedAgain>,
    /// Open letters whose record was delivered, or has nothing left to deliver.
    pub recovered: Vec<Recovery>,
    /// Of a retry of many letters: what became of those of this page.
    pub bulk: Option<BulkPage>,
    /// What the page's records can be found by beside their ids; empty where the job names no searchable field.
    pub search: Vec<Findable>,
    /// The webhook events that the page was made of: they leave the inbox with it.
    pub events: Vec<u64>,
    /// Records whose create has its end, so that nothing of it is in doubt any more.
    pub settled: Vec<RecordId>,
    /// Open letters whose record is another one by now, though nothing of it may be sent.
    pub newer: Vec<NewerContent>,
    /// Deletes that are withheld, and those that are not any more.
    pub held: Vec<HeldChange>,
    /// Of a job that deletes what a whole listing left out: what this page of it listed.
    pub seen: Option<Seen>,
}

/// What the source holds now of a record that waits for a person.
#[derive(Clone, Debug)]
pub struct NewerContent {
    pub id: DeadLetterId,
    pub source: crate::model::RawJson,
    pub version: Option<crate::model::Version>,
    pub deleted: bool,
}

/// What a person found out about a create whose outcome nobody saw.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub job: JobId,
    pub record: RecordId,
    /// The letter that waits for it; it goes under retry, for what the source holds by now.
    pub letter: DeadLetterId,
    /// The record's link, as it is now known to be.
    pub link: Link,
}

/// What becomes of a withheld delete.
#[derive(Clone, Debug, PartialEq)]
pub enum HeldChange {
    Hold(Box<HeldDelete>),
    /// It was carried out, or its record is listed again.
    Drop(RecordId),
}

/// What a listing gave, to find out at its end what it left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The first page of a listing takes the place of all that is known of the one before.
    Page(SeenPage),
    Forget,
}

/// What one page of a listing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPage {
    /// Counted from 1.
    page: u64,
    /// When its listing began: pages of another one do not count.
    began: Timestamp,
    /// Records without an id, which could be any.
    unkeyed: u32,
    hashes: Vec<u64>,
}

/// What is known of a listing at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepFacts {
    /// Every page of it is there.
    pub is_whole: bool,
    pub listed: u64,
    /// Records without an id.
    pub unkeyed: u64,
    /// Records that stand at the destination, and those of them that the listing left out.
    pub live: u64,
    pub missing: u64,
}

/// Where the search for what a listing left out goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepFrom {
    part: u64,
    after: Option<RecordId>,
}

/// Records that a listing left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    pub records: Vec<RecordId>,
    /// None when these were the last.
    pub next: Option<SweepFrom>,
}

/// A letter whose record needs nothing more.
#[derive(Clone, Debug)]
pub struct Recovery {
    pub id: DeadLetterId,
    /// The delivery that succeeded; none where nothing had to be sent.
    pub attempt: Option<Attempt>,
}

impl From<DeadLetterId> for Recovery {
    fn from(id: DeadLetterId) -> Self {
        Self { id, attempt: None }
    }
}

/// What a page brings a retry of many letters further.
#[derive(Clone, Debug)]
pub struct BulkPage {
    pub number: u64,
    pub ends: Vec<LetterEnd>,
}

/// What happens to a retry of many letters.
#[derive(Clone, Debug)]
pub enum BulkChange {
    /// Its letters are under retry, so many of them: now it may begin.
    Gathered { total: u64 },
    /// Nothing more of it is to be sent.
    Stop { why: String },
    /// Every letter of it has its end, or is back where it waited.
    End { at: Timestamp },
}

/// Which letters under retry are meant, by the moment of the order that put them there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderedAt {
    Any,
    At(Timestamp),
    NotAt(Vec<Timestamp>),
}

impl OrderedAt {
    fn is_meant(&self, since: Timestamp) -> bool {
        match self {
            Self::Any => true,
            Self::At(at) => since == *at,
            Self::NotAt(others) => !others.contains(&since),
        }
    }
}

/// The searchable fields of one record, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findable {
    pub record: RecordId,
    /// Field and value.
    pub terms: Vec<(String, String)>,
}

/// A checkpoint that a person sets, with the control state that goes with it: saved whole or not at all.
#[derive(Clone, Debug)]
pub struct NewPoint {
    pub job: JobId,
    /// The newest checkpoint that the person knows of; 0 before the first. Another one refuses the order.
    pub expected: Sequence,
    pub position: Position,
    /// The run that saved the checkpoint before it.
    pub run: RunId,
    pub moved: crate::model::Moved,
    pub control: crate::model::JobControl,
    pub note: Note,
}

/// What a commit made.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The new checkpoint, where the position moved.
    pub checkpoint: Option<Checkpoint>,
    /// The job's counts over all its pages (those of a retry or a release are in its run alone).
    pub total: Counts,
    /// The retry that the page brought further, as it is now.
    pub bulk: Option<BulkRetry>,
}

/// What a person (or the engine) did, for the journal. Saved in the transaction of the change itself.
#[derive(Clone, Debug)]
pub struct Note {
    pub at: Timestamp,
    pub by: Actor,
    pub action: String,
    pub job: Option<JobId>,
    pub reason: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Where letters are moved by a person's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterMove {
    /// Waiting → retrying; not those whose outcome is unknown.
    Retry,
    /// Waiting → retrying, of one whose outcome a person has found out.
    Settle,
    /// Waiting → discarded.
    Discard { reason: String },
    /// Discarded → waiting; retrying → waiting.
    Restore,
}

/// Numbers of letters, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterIds {
    pub ids: Arc<[DeadLetterId]>,
    /// How many match in all; more than `ids` holds when the list was cut.
    pub total: u64,
}

/// What all handles of a state have in common.
struct Shared {
    database: RwLock<open::Opened>,
    backend: open::Backend,
    directory: RwLock<jobs::Directory>,
    letter_next: AtomicU64,
    queue: Mutex<writer::Queue>,
    writer: Mutex<writer::Writer>,
    /// The file that names this process, while it holds the state.
    holder: Mutex<Option<PathBuf>>,
}
