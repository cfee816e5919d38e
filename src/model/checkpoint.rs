//! A position that has been committed, with what was counted up to it.

use super::{Actor, Counts, Moved, Position, RunId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// One checkpoint of a job. They are numbered without a gap and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub sequence: Sequence,
    pub position: Position,
    /// Of a rewind or an import: the run that saved the checkpoint before it.
    pub run: RunId,
    pub saved_at: Timestamp,
    /// What this page counted.
    pub page: Counts,
    /// What the job counted from its first record to here.
    pub total: Counts,
    /// Who moved it, where it was not a page of a run: a rewind, an import.
    #[serde(default)]
    pub moved_by: Option<Actor>,
    /// What it was then, and why.
    #[serde(default)]
    pub moved: Option<Moved>,
}

impl Checkpoint {
    /// The form that scripts read (`checkpoint show --json`, `run --json`).
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "cursor": self.position.cursor.as_ref().map(|cursor| &cursor.0),
            "watermark": self.position.watermark.as_ref().map(|watermark| serde_json::json!({
                "updated_at": watermark.version.text(),
                "id": watermark.id.shown(),
            })),
            "sequence": self.sequence.0,
            "stats": { "processed": self.total.scanned, "errors": self.total.errored },
            "saved_at": self.saved_at.to_string(),
        })
    }
}
