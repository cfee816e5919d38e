//! The counts of records, and the sum that must hold.

use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// What became of the records that were read. [`Counts::is_balanced`] holds for everything that is checkpointed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub scanned: u64,
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub skipped: u64,
    /// Waits for a person: a conflict, a withheld delete.
    pub held: u64,
    /// Dead-lettered.
    pub errored: u64,
    /// Requests that were made again by themselves. No part of the sum.
    #[serde(default)]
    pub retried: u64,
    /// Why the skipped ones were skipped; the parts add up to `skipped`.
    #[serde(default)]
    pub reasons: SkipCounts,
}

/// How many records were skipped for which reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipCounts {
    pub unchanged: u64,
    pub stale: u64,
    pub filtered: u64,
    pub echo: u64,
    pub superseded: u64,
    /// Deletes of records that were never at the destination, or that the job is told to ignore.
    #[serde(default)]
    pub ignored: u64,
}

/// Why a record needed no write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The mapped fields are what was last written.
    Unchanged,
    /// An older version than the one that was last written.
    Stale,
    /// The job's filter refuses it.
    Filtered,
    /// Our own write, coming back as a change.
    Echo,
    /// A newer version of the same record stands on the same page.
    Superseded,
    /// A delete that has nothing to delete, or that the job is told to ignore.
    Ignored,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Created,
    Updated,
    Deleted,
    Skipped(SkipReason),
    Held,
    Errored,
}

impl Counts {
    /// `scanned = created + updated + deleted + skipped + held + errored`, and the skip reasons add up.
    pub fn is_balanced(&self) -> bool {
        let r = &self.reasons;
        self.scanned == self.written() + self.skipped + self.held + self.errored
            && self.skipped == r.unchanged + r.stale + r.filtered + r.echo + r.superseded + r.ignored
    }

    /// Created, updated and deleted, where one figure is shown.
    pub fn written(&self) -> u64 {
        self.created + self.updated + self.deleted
    }

    /// Counts what became of one record. `scanned` is counted apart, when the record is read:
    /// that is what makes the balance a check.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Deleted => self.deleted += 1,
            Outcome::Held => self.held += 1,
            Outcome::Errored => self.errored += 1,
            Outcome::Skipped(reason) => {
                self.skipped += 1;
                let r = &mut self.reasons;
                match reason {
                    SkipReason::Unchanged => r.unchanged += 1,
                    SkipReason::Stale => r.stale += 1,
                    SkipReason::Filtered => r.filtered += 1,
                    SkipReason::Echo => r.echo += 1,
                    SkipReason::Superseded => r.superseded += 1,
                    SkipReason::Ignored => r.ignored += 1,
                }
            }
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.created += other.created;
        self.updated += other.updated;
        self.deleted += other.deleted;
        self.skipped += other.skipped;
        self.held += other.held;
        self.errored += other.errored;
        self.retried += other.retried;
        let (r, o) = (&mut self.reasons, other.reasons);
        r.unchanged += o.unchanged;
        r.stale += o.stale;
        r.filtered += o.filtered;
        r.echo += o.echo;
        r.superseded += o.superseded;
        r.ignored += o.ignored;
    }
}
