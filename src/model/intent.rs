//! The intent to make a record: durable before the request leaves that would make another one each time it is sent.

use super::{DestinationId, Fingerprint, Link, RawJson, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// A create that was about to be sent, and whose end nobody has noted yet.
///
/// It is settled before anything else is done about its record: found at the destination, sent again under its key, or
/// decided by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When it was noted: the request left later, if it left.
    pub at: Timestamp,
    pub run: RunId,
    /// The idempotency key of its request.
    pub key: String,
    /// Of the mapped fields.
    pub fingerprint: Fingerprint,
    /// The mapped fields, where nothing at the destination can tell what was sent.
    pub sent: Option<RawJson>,
    /// How the job was configured: another configuration may make another request of the same fields.
    pub configured: u64,
}

impl Intent {
    /// The link of a record that has an open intent, as the plan is to see it: something may stand at the destination,
    /// and nothing is known of it.
    pub fn doubted(link: Option<&Link>) -> Link {
        let link = link.cloned().unwrap_or_default();
        Link { destination_id: None, written: None, tombstone: false, fields: None, writes: link.writes.max(1), ..link }
    }
}

/// What a person found out about a record whose create got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Whereabouts {
    /// It stands at the destination, under this id where that is known.
    There { id: Option<DestinationId> },
    /// It does not: it is to be sent again.
    Absent,
}
