//! Where a job goes on reading, in words that name what its source calls things.

use super::{Checkpoint, Phase, Position, PositionRules, Version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What turns a position into words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeRules {
    /// The source's name of the version (`updated_at`); none where records have none.
    pub version: Option<String>,
    /// The source's name of the id; of a composite one the parts, joined by `|`.
    pub id: String,
    pub position: PositionRules,
    /// The lower bound of the very first listing.
    pub start: Option<Version>,
}

impl ResumeRules {
    /// For a job of which only its checkpoints are left: nothing is known of its source.
    pub fn unknown() -> Self {
        let position = PositionRules { incremental: true, ..PositionRules::default() };
        Self { id: "id".to_owned(), position, ..Self::default() }
    }

    fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("version")
    }
}

impl Position {
    /// What the next run reads, in words.
    pub fn resume_words(&self, rules: &ResumeRules) -> String {
        if self.sweep.is_some() {
            return "looks for what the whole listing left out".to_owned();
        }
        if rules.position.has_log && (self.complete || self.phase == Phase::Incremental) {
            return match &self.log {
                Some(sequence) => format!("reads the change log after sequence {sequence}"),
                None => "reads the change log from its start".to_owned(),
            };
        }
        match (&self.cursor, self.complete) {
            (_, true) => self.next_listing_words(rules),
            (Some(cursor), false) => {
                let of = self.of(rules);
                match self.pages {
                    0 => format!("reads on at cursor {} in the listing of {of}", cursor.0),
                    1 => format!("reads on at cursor {}, 1 page into the listing of {of}", cursor.0),
                    n => format!("reads on at cursor {}, {n} pages into the listing of {of}", cursor.0),
                }
            }
            (None, false) => format!("reads the listing of {} from its start", self.of(rules)),
        }
    }

    /// What the listing in progress, or the one to come, is of.
    fn of(&self, rules: &ResumeRules) -> String {
        let first = rules.start.as_ref().filter(|_| self.phase == Phase::Backfill && self.pages == 0);
        match self.since.as_ref().or(first) {
            Some(since) => format!("what has {} ≥ {since}", rules.version()),
            None => "everything".to_owned(),
        }
    }

    fn next_listing_words(&self, rules: &ResumeRules) -> String {
        if !rules.position.incremental {
            return "reads the whole listing again; what is unchanged is skipped".to_owned();
        }
        let version = rules.version();
        let Some(mark) = &self.watermark else {
            return match &rules.start {
                Some(start) => format!("reads what has {version} ≥ {start}"),
                None => "reads everything, from the listing's start".to_owned(),
            };
        };
        let (at, id) = (&mark.version, mark.id.shown());
        let beyond = format!("reads what has {version} > {at} or (= {at} and {} > {id})", rules.id);
        // An integer has no length of time, so nothing is taken off it.
        match (at, rules.position.overlap, self.lasted) {
            (Version::Integer(_), ..) => beyond,
            (_, overlap, lasted) => match (seconds(overlap), seconds(lasted)) {
                (None, None) => beyond,
                (Some(overlap), None) => format!("{beyond}, minus overlap {overlap}"),
                (None, Some(lasted)) => format!("{beyond}, minus the {lasted} that the last listing took"),
                (Some(overlap), Some(lasted)) => {
                    format!("{beyond}, minus overlap {overlap} and the {lasted} that the last listing took")
                }
            },
        }
    }

    /// The place in a few words, for a column: the greatest (version, id) that was reached, or the cursor.
    pub fn brief(&self, rules: &ResumeRules) -> String {
        if let Some(sequence) = self.log.as_ref().filter(|_| rules.position.has_log && self.complete) {
            return format!("sequence {sequence}");
        }
        let cursor = self.cursor.as_ref().filter(|_| !self.complete && !rules.position.sorted);
        match (cursor, &self.watermark, &self.highest) {
            (Some(cursor), ..) => format!("cursor {}", cursor.0),
            (None, Some(mark), _) | (None, None, Some(mark)) => format!("{} {}", mark.version, mark.id.shown()),
            (None, None, None) if self.complete => "end of the listing".to_owned(),
            (None, None, None) => {
                self.cursor.as_ref().map_or("start".to_owned(), |cursor| format!("cursor {}", cursor.0))
            }
        }
    }
}

impl Checkpoint {
    /// What the next run reads, in words.
    pub fn resume_condition(&self, rules: &ResumeRules) -> String {
        self.position.resume_words(rules)
    }
}

/// `60 s`, `2 min`; none below half a second.
fn seconds(span: Duration) -> Option<String> {
    match (span.as_millis() + 500) / 1000 {
        0 => None,
        seconds if seconds >= 120 && seconds.is_multiple_of(60) => Some(format!("{} min", seconds / 60)),
        seconds => Some(format!("{seconds} s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cursor, RecordId, VersionKind, Watermark};

    fn rules() -> ResumeRules {
        let overlap = Duration::from_secs(60);
        let position = PositionRules { incremental: true, overlap, ..PositionRules::default() };
        ResumeRules { version: Some("updated_at".to_owned()), id: "id".to_owned(), position, start: None }
    }

    fn version(text: &str) -> Version {
        Version::read(text, &VersionKind::Auto).expect("a version")
    }

    fn done(at: &str) -> Position {
        let watermark = Some(Watermark { version: version(at), id: RecordId::from("c7") });
        Position { watermark, complete: true, pages: 3, ..Position::default() }
    }

    const NOON: &str = "2026-01-01T12:00:00Z";

    #[test]
    fn after_a_listing_the_watermark_and_what_is_taken_off_it_are_named() {
        let words = |lasted: u64| Position { lasted: Duration::from_secs(lasted), ..done(NOON) }.resume_words(&rules());
        let beyond = format!("reads what has updated_at > {NOON} or (= {NOON} and id > c7)");
        assert_eq!(words(0), format!("{beyond}, minus overlap 60 s"));
        assert_eq!(words(240), format!("{beyond}, minus overlap 60 s and the 4 min that the last listing took"));
        assert_eq!(done("42").resume_words(&rules()), "reads what has updated_at > 42 or (= 42 and id > c7)");
    }

    // Of a source that can not be asked for changes it once read as if the watermark bounded the next listing.
    #[test]
    fn after_a_backfill_without_changes_to_ask_for_the_whole_listing_is_read_again() {
        let rules = ResumeRules { position: PositionRules::default(), ..rules() };
        assert_eq!(done(NOON).resume_words(&rules), "reads the whole listing again; what is unchanged is skipped");
    }

    #[test]
    fn a_change_log_is_read_behind_its_sequence() {
        let position = PositionRules { has_log: true, ..PositionRules::default() };
        let rules = ResumeRules { position, ..rules() };
        let read = Position { log: Some("4711".to_owned()), ..done(NOON) };
        assert_eq!(read.resume_words(&rules), "reads the change log after sequence 4711");
        assert_eq!(read.brief(&rules), "sequence 4711");
        assert_eq!(done(NOON).resume_words(&rules), "reads the change log from its start");
        assert_eq!(Position::default().resume_words(&rules), "reads the listing of everything from its start");
    }

    #[test]
    fn an_empty_source_is_asked_from_its_start_again() {
        let empty = Position { complete: true, ..Position::default() };
        assert_eq!(empty.resume_words(&rules()), "reads everything, from the listing's start");
        let rules = ResumeRules { start: Some(version(NOON)), ..rules() };
        assert_eq!(empty.resume_words(&rules), format!("reads what has updated_at ≥ {NOON}"));
    }

    #[test]
    fn inside_a_listing_the_cursor_and_what_the_listing_is_of_are_named() {
        let inside = Position { cursor: Some(Cursor("p9".to_owned())), pages: 9, ..Position::default() };
        assert_eq!(inside.resume_words(&rules()), "reads on at cursor p9, 9 pages into the listing of everything");
        let inside = Position { since: Some(version(NOON)), pages: 1, phase: Phase::Incremental, ..inside };
        let words = format!("reads on at cursor p9, 1 page into the listing of what has updated_at ≥ {NOON}");
        assert_eq!(inside.resume_words(&rules()), words);
    }

    #[test]
    fn a_job_that_was_put_back_to_its_start_says_so() {
        assert_eq!(Position::default().resume_words(&rules()), "reads the listing of everything from its start");
        let rules = ResumeRules { start: Some(version(NOON)), ..rules() };
        let words = format!("reads the listing of what has updated_at ≥ {NOON} from its start");
        assert_eq!(Position::default().resume_words(&rules), words);
    }
}
