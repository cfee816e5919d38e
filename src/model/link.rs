//! What is remembered of one record: where it went, what was written, how it fared.

use super::{DeadLetterId, DestinationId, Outcome, RawJson, RunId, SkipReason, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// A 128-bit hash of mapped fields (XXH3), which tells whether a record needs a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u128);

/// The link of one record: source id ↔ destination id, and what was last confirmed. A record that the filter refused has
/// one as well, of its history alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The id that the destination gave, where it differs from the source's.
    pub destination_id: Option<DestinationId>,
    /// The source's version that was last written.
    pub version: Option<Version>,
    /// Of the mapped fields that were last written; none when nothing was confirmed yet.
    pub written: Option<Fingerprint>,
    /// How many writes of this record were confirmed: a part of the idempotency key. Greater than zero with nothing
    /// confirmed where one may have arrived unseen.
    pub writes: u64,
    /// The record was deleted at the destination on our order. The link stays, so nothing rises from the dead.
    pub tombstone: bool,
    /// The destination's own version (an ETag) at the last write.
    pub destination_version: Option<String>,
    /// The fields that were last written, kept only where changed fields alone are sent or a delete sets a flag beside them.
    pub fields: Option<RawJson>,
    /// The open dead letter of this record.
    pub dead: Option<DeadMark>,
    /// The last outcomes, oldest first, at most [`Link::HISTORY_MAX`]. Runs of the same skip are one entry.
    pub history: Vec<LinkEvent>,
}

/// That a record stands in the dead-letter queue, and for which content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadMark {
    pub letter: DeadLetterId,
    /// Of the source record that failed: other content is tried anew.
    pub content: Fingerprint,
    pub attempts: u32,
}

/// One outcome of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkEvent {
    pub at: Timestamp,
    pub run: RunId,
    pub outcome: Outcome,
}

impl Link {
    /// Outcomes kept of one record.
    pub const HISTORY_MAX: usize = 8;

    /// True when a record stands at the destination because of us.
    pub fn is_live(&self) -> bool {
        self.written.is_some() && !self.tombstone
    }

    /// True when nothing was ever confirmed, and a write may stand at the destination all the same.
    pub fn may_have_arrived(&self) -> bool {
        self.written.is_none() && self.writes > 0
    }

    /// The last outcome, where it is that the filter refused the record.
    pub fn refused(&self) -> Option<&LinkEvent> {
        self.history.last().filter(|event| event.outcome == Outcome::Skipped(SkipReason::Filtered))
    }

    /// The source deleted it while nothing of it was to be deleted. Only remembered of what the filter had refused.
    pub fn was_deleted_unwritten(&self) -> bool {
        self.history.last().is_some_and(|event| event.outcome == Outcome::Skipped(SkipReason::Ignored))
    }

    pub fn remember(&mut self, event: LinkEvent) {
        if self.history.len() >= Self::HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_keeps_the_last_outcomes() {
        let mut link = Link::default();
        for run in 0..20 {
            link.remember(LinkEvent { at: Timestamp::ZERO, run: RunId(run), outcome: Outcome::Updated });
        }
        assert_eq!(link.history.len(), Link::HISTORY_MAX);
        assert_eq!(link.history.last().map(|event| event.run), Some(RunId(19)));
    }
}
