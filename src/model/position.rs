//! Where a job stands in its source, and how that moves.

use super::{Cursor, RecordId, Timestamp, Version};
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
    /// When the listing in progress was begun, by this machine's clock. Only a span is ever taken from it.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// How long the listing took that is complete.
    #[serde(default)]
    pub lasted: Duration,
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
    ///
    /// What changes, or is committed late, behind the place that a listing has reached is seen by the next one only. It
    /// may be older than the greatest that was seen afterwards by as much as the listing lasted, so the next one begins
    /// so much further behind. (An integer version has no length of time: such a source is to be listed sorted.)
    #[must_use]
    pub fn next_listing(&self, rules: PositionRules, start: Option<&Version>) -> Self {
        if !self.complete {
            let since = match (&self.since, self.phase, self.pages) {
                (None, Phase::Backfill, 0) => start.cloned(),
                (since, _, _) => since.clone(),
            };
            return Self { since, ..self.clone() };
        }
        let behind = rules.overlap.saturating_add(self.lasted);
        let since = match &self.watermark {
            Some(watermark) if rules.incremental => Some(watermark.version.before(behind)),
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
            began: None,
            lasted: Duration::ZERO,
        }
    }

    /// The position after a page of `records`, read at `now`, whose greatest was `highest` and whose listing goes on at
    /// `next`.
    #[must_use]
    pub fn after_page(
        &self,
        records: u64,
        highest: Option<Watermark>,
        next: Option<Cursor>,
        rules: PositionRules,
        now: Timestamp,
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
            began: self.began,
            lasted: self.began.filter(|_| complete).map_or(Duration::ZERO, |began| now.since(began)),
        }
    }

    /// The position after the source refused the cursor as expired: the listing begins again.
    /// A sorted one goes on behind the greatest that it gave, so nothing of its progress is lost; an unsorted one is read
    /// anew. Not behind the watermark, which an earlier listing may have left far ahead of this one.
    #[must_use]
    pub fn without_cursor(&self, rules: PositionRules) -> Self {
        let since = match &self.highest {
            Some(highest) if rules.sorted && rules.incremental => Some(highest.version.before(rules.overlap)),
            _ => self.since.clone(),
        };
        Self { cursor: None, since, pages: 0, records: 0, highest: None, complete: false, ..self.clone() }
    }
}
