//! What survives: one redb file. Questions are answered from snapshots, changes go through the one writer thread.
//!
//! Every method is async, so that a store on another machine fits behind the same names.

use crate::model::{
    Actor, Attempt, Checkpoint, Counts, DeadLetter, DeadLetterId, Epoch, GroupId, JobControl, JobId, JournalEntry,
    LetterFilter, LetterGroup, LetterRow, Link, Position, Reason, RecordId, Run, RunEnd, RunId, RunKind, Selection,
    Sequence, Timestamp,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    #[error("a row of the state can not be read: {0}")]
    Row(String),
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        todo!()
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
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 16 << 20, checkpoints_max: 2_000, runs_max: 10_000, journal_max: 100_000 }
    }
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    pub job: JobId,
    pub kind: RunKind,
    pub by: Actor,
    pub at: Timestamp,
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
    pub recovered: Vec<DeadLetterId>,
}

/// What a commit made.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The new checkpoint, where the position moved.
    pub checkpoint: Option<Checkpoint>,
    /// The job's counts over all its checkpoints (a retry's counts are in its run alone).
    pub total: Counts,
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
    /// Waiting → retrying.
    Retry,
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

/// The state of a workspace.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens or makes the state in `folder` (0700; the file 0600) and takes its lock.
    ///
    /// Blocking: it may repair the file after a crash, so call it before the runtime matters or in `spawn_blocking`.
    /// Runs that a crash cut off are marked as interrupted, letters under retry stay so.
    pub fn open(_folder: &Path, _options: &Options) -> Result<Self, StoreError> {
        todo!()
    }

    /// A state over another backend (memory; a test's disk that fills up).
    pub fn open_on(_backend: impl redb::StorageBackend, _options: &Options) -> Result<Self, StoreError> {
        todo!()
    }

    /// Ends the writer thread after what was handed to it is saved, compacts when it pays, gives up the lock.
    pub async fn close(&self) {
        todo!()
    }

    pub async fn control(&self, _job: &JobId) -> Result<JobControl, StoreError> {
        todo!()
    }

    /// Saves a job's control state together with its journal entry.
    pub async fn set_control(&self, _job: &JobId, _control: JobControl, _note: Option<Note>) -> Result<(), StoreError> {
        todo!()
    }

    /// Begins a run: its number and a new epoch for the job, which makes every older run's commits stale.
    pub async fn begin_run(&self, _new: NewRun) -> Result<(Run, Epoch), StoreError> {
        todo!()
    }

    pub async fn finish_run(&self, _run: RunId, _end: RunEnd, _at: Timestamp) -> Result<(), StoreError> {
        todo!()
    }

    /// Past runs, newest first; of one job or of all; those before `before`.
    pub async fn runs(&self, _job: Option<&JobId>, _before: Option<RunId>, _limit: usize) -> Result<Vec<Run>, StoreError> {
        todo!()
    }

    /// The job's last checkpoint.
    pub async fn checkpoint(&self, _job: &JobId) -> Result<Option<Checkpoint>, StoreError> {
        todo!()
    }

    /// Past checkpoints, newest first, those before `before`.
    pub async fn checkpoints(
        &self,
        _job: &JobId,
        _before: Option<Sequence>,
        _limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        todo!()
    }

    /// The links of `ids`, in their order.
    pub async fn links(&self, _job: &JobId, _ids: &[RecordId]) -> Result<Vec<Option<Link>>, StoreError> {
        todo!()
    }

    /// How many records of the job have a link.
    pub async fn link_count(&self, _job: &JobId) -> Result<u64, StoreError> {
        todo!()
    }

    /// Takes `n` dead-letter numbers; the first of them is returned. They may stay unused.
    pub fn reserve_letters(&self, _n: u64) -> DeadLetterId {
        todo!()
    }

    /// Saves a page in one durable transaction, together with whatever else waits at the writer.
    ///
    /// Commits of one caller keep their order. Refused whole: a stale epoch, counts that do not balance.
    pub async fn commit_page(&self, _commit: PageCommit) -> Result<Committed, StoreError> {
        todo!()
    }

    /// Groups with letters in one of the filter's places, most letters first. From kept counts, not by reading letters
    /// (unless the filter has words).
    pub async fn letter_groups(&self, _filter: &LetterFilter) -> Result<Vec<LetterGroup>, StoreError> {
        todo!()
    }

    /// How many letters of the job wait (or are being retried). Kept, not counted.
    pub async fn letters_waiting(&self, _job: &JobId) -> Result<u64, StoreError> {
        todo!()
    }

    /// The numbers of the letters that match, newest first, at most `limit`.
    pub async fn letter_ids(&self, _filter: &LetterFilter, _limit: usize) -> Result<LetterIds, StoreError> {
        todo!()
    }

    /// Rows for a list, in the order of `ids`; none where a letter is gone.
    pub async fn letter_rows(&self, _ids: &[DeadLetterId]) -> Result<Vec<Option<LetterRow>>, StoreError> {
        todo!()
    }

    /// One letter, whole.
    pub async fn letter(&self, _id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError> {
        todo!()
    }

    /// The next letters under retry of a job, oldest first, numbers greater than `after`, at most `limit`.
    pub async fn letters_retrying(
        &self,
        _job: &JobId,
        _after: Option<DeadLetterId>,
        _limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        todo!()
    }

    /// Moves letters by a person's order, in pieces small enough that other commits are not held up;
    /// letters that are not where the move begins are left alone. Returns those that moved, by job.
    pub async fn move_letters(
        &self,
        _selection: &Selection,
        _to: LetterMove,
        _note: Note,
    ) -> Result<Vec<(JobId, u64)>, StoreError> {
        todo!()
    }

    /// Adds a journal entry that belongs to no other change.
    pub async fn note(&self, _note: Note) -> Result<(), StoreError> {
        todo!()
    }

    /// The journal, newest first, entries before `before`.
    pub async fn journal(&self, _before: Option<u64>, _limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        todo!()
    }
}
