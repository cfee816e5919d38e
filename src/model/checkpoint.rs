//! A position that has been committed, with what was counted up to it.

use super::{Actor, Counts, Position, RunId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// One checkpoint of a job. They are numbered without a gap and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub sequence: Sequence,
    pub position: Position,
    pub run: RunId,
    pub saved_at: Timestamp,
    /// What this page counted.
    pub page: Counts,
    /// What the job counted from its first record to here.
    pub total: Counts,
    /// Who moved it, where it was not a page of a run: a rewind, an import.
    #[serde(default)]
    pub moved_by: Option<Actor>,
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

    /// Where the next page begins, in words.
    pub fn resume_condition(&self) -> String {
        let position = &self.position;
        match (&position.cursor, &position.watermark, position.complete) {
            (Some(cursor), _, false) => match &position.since {
                Some(since) => {
                    format!("page at cursor {}, of what changed since {since}", cursor.0)
                }
                None => format!("page at cursor {}", cursor.0),
            },
            (_, Some(mark), true) => {
                format!("version > {0}, or = {0} and id > {1}", mark.version, mark.id.shown())
            }
            (_, None, true) => "a new listing from its start".to_owned(),
            (None, _, false) => "the listing from its start".to_owned(),
        }
    }
}
