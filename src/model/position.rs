//! Where a job stands in its source, and how that moves.

use super::{Cursor, RecordId, Version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The greatest (version, id) that was seen in the data, never a clock's time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Watermark {
    pub version: Version,
    pub id: RecordId,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The first complete listing.
    #[default]
    Backfill,
    /// Listings after it: what changed since the watermark, or all again with the unchanged skipped.
    Incremental,
}

/// Where the next page begins: inside a listing by its cursor, between listings by the watermark.
///
/// A cursor belongs to the listing (`since`) that it came from, so the two are kept together:
/// a restart goes on with the same question to the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub phase: Phase,
    /// The next page of the listing in progress; none at a listing's start.
    pub cursor: Option<Cursor>,
    /// The lower bound that the listing in progress asked for; none lists everything.
    pub since: Option<Version>,
    /// Everything up to here is in the destination, dead-lettered or held.
    pub watermark: Option<Watermark>,
    /// The greatest seen in the listing in progress. It becomes the watermark when the listing is complete,
    /// because in an unsorted listing anything may still come.
    pub highest: Option<Watermark>,
    /// Pages of the listing in progress that are committed.
    pub pages: u64,
    /// Records of the listing in progress that are committed.
    #[serde(default)]
    pub records: u64,
    /// The listing ended; the next page begins a new one.
    pub complete: bool,
}

/// What of a job decides how its position moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionRules {
    /// The listing is in order of (version, id), so the watermark moves page by page.
    pub sorted: bool,
    /// The source can be asked for what changed since a version; else every listing is complete.
    pub incremental: bool,
    /// How far behind the watermark a listing begins again, for records that were committed late.
    pub overlap: Duration,
}

impl Position {
    /// The position from which the next page is read: the same one inside a listing,
    /// the start of a new listing after one that is complete.
    #[must_use]
    pub fn next_listing(&self, rules: PositionRules, start: Option<&Version>) -> Self {
        if !self.complete {
            let since = match (&self.since, self.phase, self.pages) {
                (None, Phase::Backfill, 0) => start.cloned(),
                (since, _, _) => since.clone(),
            };
            return Self { since, ..self.clone() };
        }
        let since = match &self.watermark {
            Some(watermark) if rules.incremental => Some(watermark.version.before(rules.overlap)),
            _ => None,
        };
        Self {
            phase: Phase::Incremental,
            cursor: None,
            since: since.or_else(|| start.filter(|_| rules.incremental).cloned()),
            watermark: self.watermark.clone(),
            highest: None,
            pages: 0,
            records: 0,
            complete: false,
        }
    }

    /// The position after a page of `records` whose greatest was `highest` and whose listing goes on at `next`.
    #[must_use]
    pub fn after_page(
        &self,
        records: u64,
        highest: Option<Watermark>,
        next: Option<Cursor>,
        rules: PositionRules,
    ) -> Self {
        let highest = self.highest.clone().max(highest);
        let complete = next.is_none();
        let watermark =
            if complete || rules.sorted { self.watermark.clone().max(highest.clone()) } else { self.watermark.clone() };
        Self {
            phase: self.phase,
            cursor: next,
            since: self.since.clone(),
            watermark,
            highest,
            pages: self.pages + 1,
            records: self.records + records,
            complete,
        }
    }

    /// The position after the source refused the cursor as expired: the listing begins again where the watermark stands.
    /// A sorted listing loses nothing of its progress, an unsorted one is read anew.
    #[must_use]
    pub fn without_cursor(&self, rules: PositionRules) -> Self {
        let since = match &self.watermark {
            Some(watermark) if rules.sorted && rules.incremental => Some(watermark.version.before(rules.overlap)),
            _ => self.since.clone(),
        };
        Self { cursor: None, since, pages: 0, records: 0, highest: None, complete: false, ..self.clone() }
    }
}
