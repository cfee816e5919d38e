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
    /// The listing was read to its end, and what it left out is being looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweeping>,
    /// Where the change log goes on: behind this sequence; none reads it from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// How far the search for records is that a whole listing left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweeping {
    /// Pages of the listing.
    pub pages: u64,
    /// Records that it left out, of which the outcome is committed.
    pub found: u64,
}

/// What of a job decides how its position moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRules {
    /// The listing is in order of (version, id), so the watermark moves page by page.
    pub sorted: bool,
    /// The source can be asked for what changed since a version; else every listing is complete.
    pub incremental: bool,
    /// How far behind the watermark a listing begins again, for records that were committed late.
    pub overlap: Duration,
    /// What a whole listing left out is looked for at its end.
    #[serde(default)]
    pub sweeps: bool,
    /// Once everything was listed, changes come from a change log.
    #[serde(default)]
    pub has_log: bool,
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
            Some(watermark) if rules.incremental && !rules.has_log => Some(watermark.version.before(behind)),
            _ => None,
        };
        Self {
            phase: Phase::Incremental,
            cursor: None,
            since: since.or_else(|| start.filter(|_| rules.incremental && !rules.has_log).cloned()),
            watermark: self.watermark.clone(),
            highest: None,
            pages: 0,
            records: 0,
            complete: false,
            began: None,
            lasted: Duration::ZERO,
            sweep: None,
            log: self.log.clone(),
        }
    }

    /// True where the next page comes from the change log.
    pub fn reads_log(&self, rules: PositionRules) -> bool {
        rules.has_log && self.phase == Phase::Incremental
    }

    /// True while the listing in progress is one of everything, so that its end may tell what is missing.
    pub fn is_whole_listing(&self) -> bool {
        self.since.is_none()
    }

    /// The position after a page of the change log, which goes on behind `log`; `is_last` when nothing more is in it.
    #[must_use]
    pub fn after_log_page(&self, records: u64, log: Option<String>, is_last: bool) -> Self {
        Self {
            log: log.or_else(|| self.log.clone()),
            pages: self.pages + 1,
            records: self.records + records,
            complete: is_last,
            ..self.clone()
        }
    }

    /// The position after a page of records that the listing left out; `is_last` when that was all of them.
    #[must_use]
    pub fn after_swept(&self, records: u64, is_last: bool) -> Self {
        let sweep = self.sweep.filter(|_| !is_last);
        Self {
            pages: self.pages + 1,
            complete: is_last,
            sweep: sweep.map(|sweep| Sweeping { found: sweep.found + records, ..sweep }),
            ..self.clone()
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
        let ends = next.is_none();
        let sweeps = ends && rules.sweeps && self.is_whole_listing();
        let watermark =
            if ends || rules.sorted { self.watermark.clone().max(highest.clone()) } else { self.watermark.clone() };
        Self {
            phase: self.phase,
            cursor: next,
            since: self.since.clone(),
            watermark,
            highest,
            pages: self.pages + 1,
            records: self.records + records,
            complete: ends && !sweeps,
            began: self.began,
            lasted: self.began.filter(|_| ends).map_or(Duration::ZERO, |began| now.since(began)),
            sweep: sweeps.then_some(Sweeping { pages: self.pages + 1, found: 0 }),
            log: self.log.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VersionKind;

    const RULES: PositionRules = PositionRules {
        sorted: false,
        incremental: true,
        overlap: Duration::from_secs(60),
        sweeps: false,
        has_log: false,
    };
    const SORTED: PositionRules = PositionRules { sorted: true, ..RULES };

    fn mark(minute: u32, id: &str) -> Option<Watermark> {
        Some(Watermark { version: version(minute), id: RecordId::from(id) })
    }

    fn version(minute: u32) -> Version {
        Version::read(&format!("2026-01-01T10:{minute:02}:00Z"), &VersionKind::Auto).expect("a time")
    }

    fn cursor(text: &str) -> Option<Cursor> {
        Some(Cursor(text.to_owned()))
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp(minute * 60_000)
    }

    fn begun(at: i64) -> Position {
        Position { began: Some(minute(at)), ..Position::default() }
    }

    #[test]
    fn the_watermark_of_an_unsorted_listing_moves_at_its_end_only() {
        let first = begun(0).after_page(50, mark(30, "b"), cursor("2"), RULES, minute(1));
        assert_eq!((first.watermark.clone(), first.pages, first.complete), (None, 1, false));
        let last = first.after_page(20, mark(20, "a"), None, RULES, minute(1));
        assert_eq!((last.watermark, last.records, last.complete), (mark(30, "b"), 70, true));
    }

    #[test]
    fn the_watermark_of_a_sorted_listing_moves_page_by_page() {
        let first = begun(0).after_page(50, mark(30, "b"), cursor("2"), SORTED, minute(1));
        assert_eq!(first.watermark, mark(30, "b"));
    }

    // Row 23 of the fault matrix.
    #[test]
    fn of_one_instant_the_greatest_id_is_the_watermark() {
        let first = begun(0).after_page(2, mark(30, "b"), cursor("2"), RULES, minute(0));
        let last = first.after_page(2, mark(30, "a"), None, RULES, minute(0));
        assert_eq!(last.watermark, mark(30, "b"));
    }

    // Row 21 of the fault matrix.
    #[test]
    fn the_next_listing_begins_behind_the_watermark() {
        let done = begun(0).after_page(2, mark(30, "b"), None, RULES, minute(0));
        let next = done.next_listing(RULES, None);
        assert_eq!((next.since, next.phase, next.complete), (Some(version(29)), Phase::Incremental, false));
        assert_eq!((next.cursor, next.pages, next.began), (None, 0, None));
    }

    // Row 32 of the fault matrix.
    #[test]
    fn a_listing_that_lasted_long_is_followed_by_one_that_begins_so_much_earlier() {
        let first = begun(0).after_page(2, mark(30, "b"), cursor("2"), RULES, minute(10));
        let done = first.after_page(2, mark(40, "c"), None, RULES, minute(25));
        assert_eq!(done.next_listing(RULES, None).since, Some(version(14)));
    }

    // Row 19 of the fault matrix.
    #[test]
    fn a_clock_that_was_set_back_makes_no_listing_begin_later() {
        let done = begun(100).after_page(2, mark(30, "b"), None, RULES, minute(40));
        assert_eq!(done.lasted, Duration::ZERO);
    }

    #[test]
    fn inside_a_listing_the_same_question_goes_on() {
        let first = Position { since: Some(version(5)), ..begun(0) }.after_page(
            2,
            mark(30, "b"),
            cursor("2"),
            RULES,
            minute(0),
        );
        let next = first.next_listing(RULES, Some(&version(1)));
        assert_eq!((next.cursor.clone(), next.since.clone()), (cursor("2"), Some(version(5))));
        assert_eq!(next, first);
    }

    #[test]
    fn the_first_listing_begins_at_the_configured_start() {
        assert_eq!(Position::default().next_listing(RULES, Some(&version(1))).since, Some(version(1)));
    }

    #[test]
    fn a_source_that_can_not_be_asked_for_changes_is_listed_whole() {
        let whole = PositionRules { incremental: false, ..RULES };
        let done = begun(0).after_page(2, mark(30, "b"), None, whole, minute(0));
        assert_eq!(done.next_listing(whole, None).since, None);
    }

    #[test]
    fn an_empty_listing_leaves_the_watermark_where_it_was() {
        let done = begun(0).after_page(2, mark(30, "b"), None, RULES, minute(0));
        let next = done.next_listing(RULES, None).after_page(0, None, None, RULES, minute(0));
        assert_eq!(next.watermark, mark(30, "b"));
    }

    // Row 89 of the fault matrix.
    #[test]
    fn a_whole_listing_is_complete_only_when_what_it_left_out_was_looked_for() {
        let rules = PositionRules { incremental: false, sweeps: true, ..RULES };
        let listed = begun(0).after_page(2, mark(30, "b"), None, rules, minute(0));
        assert_eq!((listed.complete, listed.watermark.clone()), (false, mark(30, "b")));
        assert_eq!(listed.next_listing(rules, None), listed, "it goes on where it is");
        let swept = listed.after_swept(3, false);
        assert_eq!(swept.sweep, Some(Sweeping { pages: 1, found: 3 }));
        let done = swept.after_swept(0, true);
        assert_eq!((done.complete, done.sweep, done.pages), (true, None, 3));
    }

    #[test]
    fn a_listing_of_changes_alone_tells_nothing_of_what_is_missing() {
        let rules = PositionRules { sweeps: true, ..RULES };
        let changes = Position { since: Some(version(5)), ..begun(0) };
        let done = changes.after_page(2, mark(30, "b"), None, rules, minute(0));
        assert_eq!((done.complete, done.sweep), (true, None));
    }

    // Row 27 of the fault matrix.
    #[test]
    fn without_its_cursor_a_sorted_listing_goes_on_behind_what_it_gave_and_an_unsorted_one_begins_anew() {
        // An earlier listing left the watermark far ahead of this one.
        let full = Position { watermark: mark(50, "z"), ..begun(0) };
        let sorted = full.after_page(2, mark(10, "b"), cursor("2"), SORTED, minute(0)).without_cursor(SORTED);
        assert_eq!((sorted.since, sorted.cursor), (Some(version(9)), None));
        let unsorted = full.after_page(2, mark(10, "b"), cursor("2"), RULES, minute(0)).without_cursor(RULES);
        assert_eq!((unsorted.since, unsorted.pages, unsorted.highest), (None, 0, None));
    }
}
