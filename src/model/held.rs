//! Deletes that wait for a person, and what lets them go.

use super::{Actor, RawJson, RecordId, RunId, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// What becomes of a record that a whole listing no longer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    #[default]
    Ignore,
    /// It is deleted at the destination, as a tombstone would.
    Delete,
}

/// What said that a record is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteCause {
    /// The source listed it as deleted.
    #[default]
    Tombstone,
    /// A whole listing left it out.
    Missing,
    /// The source's change log told of its delete.
    ChangeLog,
}

impl DeleteCause {
    pub fn words(self) -> &'static str {
        match self {
            Self::Tombstone => "the source says that it is deleted",
            Self::Missing => "the whole listing left it out",
            Self::ChangeLog => "the change log says that it was deleted",
        }
    }
}

/// A delete that was withheld because the run would have deleted too much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldDelete {
    pub record: RecordId,
    /// Of the tombstone, where it has one.
    pub version: Option<Version>,
    pub cause: DeleteCause,
    /// The tombstone as it was read; of a record that was left out, what stands in its place.
    pub body: RawJson,
    /// The run that withheld it.
    pub run: RunId,
    pub since: Timestamp,
    /// A person decided that the record stays at the destination until the source lists it again.
    #[serde(default)]
    pub kept: Option<Kept>,
}

/// Who decided that a record stays, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub by: Actor,
    pub at: Timestamp,
    pub reason: String,
}

/// A person's leave to carry withheld deletes out, at most so many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub count: u64,
    pub by: Actor,
    pub at: Timestamp,
    pub reason: String,
}

/// The withheld deletes of a job, in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    pub waiting: u64,
    /// When the first of those that wait was withheld, as far as is known.
    pub since: Timestamp,
    /// They were released, and the run that carries them out has not ended.
    pub is_released: bool,
}
