//! The ticket bundle: what an engine knows of a trouble, in one file that can be looked at without the engine.
//!
//! It holds no secret and no value of a field that the configuration hides. Its form has a number; a bundle of an older
//! syncdeck opens in every later one.

mod build;
mod file;
mod offline;
mod redact;

pub use file::{OpenError, open, save};
pub use offline::Offline;
pub use redact::Redaction;

use super::LetterView;
use crate::model::{
    Actor, Checkpoint, ConnectionId, DeadLetterId, JobId, JournalEntry, LetterGroup, Notice, Run, Snapshot, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The form that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What is in a bundle. Lists are newest first, but notices, which are oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// [`FORMAT`] of the version that wrote it; the first member, so that others know the file by it.
    pub syncdeck_bundle: u32,
    /// The version of syncdeck that wrote it.
    pub version: String,
    pub workspace: String,
    pub at: Timestamp,
    pub by: Actor,
    /// What it is about; none: the whole workspace.
    pub job: Option<JobId>,
    pub letter: Option<DeadLetterId>,
    /// The fields whose values are hidden by the configuration. What looks like a secret is hidden always.
    pub hidden: Vec<String>,
    pub snapshot: Snapshot,
    pub jobs: Vec<JobSummary>,
    pub checkpoints: Vec<(JobId, Vec<Checkpoint>)>,
    pub runs: Vec<Run>,
    pub groups: Vec<LetterGroup>,
    pub letters: Vec<LetterView>,
    /// Letters that match and are not in the bundle, because it would grow too large.
    pub letters_left_out: u64,
    pub notices: Vec<Notice>,
    pub journal: Vec<JournalEntry>,
}

/// A job's order in short, without addresses and secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSummary {
    pub id: JobId,
    pub description: Option<String>,
    pub enabled: bool,
    pub schedule: String,
    pub source: ConnectionId,
    pub destination: ConnectionId,
    pub filter: Option<String>,
    pub delete: String,
    pub on_orphan: String,
    pub max_attempts: u32,
    pub changed_fields_only: bool,
    /// Destination field ← where it comes from in the record; none: a constant or an expression.
    pub map: Vec<(String, Option<String>)>,
}
