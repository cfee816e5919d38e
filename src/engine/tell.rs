//! Telling what happens: notices for people, kept in a ring and written to the log.

use super::job::JobCell;
use super::limit::{Gate, GateEvent};
use crate::model::filter::{Facts, Sieve, contains};
use crate::model::{Clock, ConnectionId, DestinationId, JobId, JobStatus, Level, LogFilter, Notice, RecordId, RunId};
use parking_lot::Mutex;
use regex::Regex;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use tracing::{debug, error, info, warn};

/// Notices kept in memory; the log files keep more.
const NOTICES_MAX: usize = 20_000;

/// The ring of notices of one engine.
pub struct Notices {
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    notices: VecDeque<Notice>,
    next: u64,
}

/// What a notice is about.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub job: Option<JobId>,
    pub run: Option<RunId>,
    pub connection: Option<ConnectionId>,
    pub record: Option<RecordId>,
    pub destination_id: Option<DestinationId>,
}

impl Notices {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, ring: Mutex::new(Ring { notices: VecDeque::new(), next: 1 }) }
    }

    pub(super) fn tell(&self, level: Level, event: &str, text: String, about: About) -> Notice {
        write_log(level, event, &without_content(&text, about.record.is_some()), &about);
        let mut ring = self.ring.lock();
        let notice = Notice {
            number: ring.next,
            at: self.clock.now(),
            level,
            event: event.to_owned(),
            job: about.job,
            run: about.run,
            connection: about.connection,
            record: about.record,
            destination_id: about.destination_id,
            text,
        };
        ring.next += 1;
        if ring.notices.len() >= NOTICES_MAX {
            ring.notices.pop_front();
        }
        ring.notices.push_back(notice.clone());
        notice
    }

    /// The number of the newest notice.
    pub(super) fn newest(&self) -> u64 {
        self.ring.lock().next - 1
    }

    /// Matching notices, oldest first: the last `limit` of those before `before`.
    pub fn read(&self, filter: &LogFilter, before: Option<u64>, limit: usize) -> Vec<Notice> {
        let sieve = Sieve::new(&filter.terms);
        let ring = self.ring.lock();
        let mut found: Vec<Notice> = ring
            .notices
            .iter()
            .rev()
            .filter(|notice| before.is_none_or(|before| notice.number < before))
            .filter(|notice| matches(notice, filter) && sieve.lets_through(&Told(notice)))
            .take(limit)
            .cloned()
            .collect();
        found.reverse();
        found
    }
}

/// A notice, as a filter looks at it.
struct Told<'n>(&'n Notice);

impl Facts for Told<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        let notice = self.0;
        match field {
            "job" => notice.job.as_ref().map(|job| job.as_str().into()),
            "connection" => notice.connection.as_ref().map(|connection| connection.as_str().into()),
            "level" => Some(notice.level.word().into()),
            "event" => Some(notice.event.as_str().into()),
            "id" => {
                let record = notice.record.as_ref().map(|record| record.as_str());
                let there = notice.destination_id.as_ref().map(|id| id.as_str());
                // Both ids in one text: either may be the one that is looked for.
                Some([record, there].into_iter().flatten().collect::<Vec<_>>().join("\n").into())
            }
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "run" => self.0.run.and_then(|run| i64::try_from(run.0).ok()),
            "age" | "since" => Some(self.0.at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        let notice = self.0;
        found(&notice.text)
            || found(&notice.event)
            || notice.job.as_ref().is_some_and(|job| found(job.as_str()))
            || notice.connection.as_ref().is_some_and(|connection| found(connection.as_str()))
            || notice.record.as_ref().is_some_and(|record| found(record.as_str()))
    }
}

fn matches(notice: &Notice, filter: &LogFilter) -> bool {
    if filter.level.is_some_and(|level| notice.level < level) {
        return false;
    }
    if filter.job.is_some() && filter.job != notice.job {
        return false;
    }
    filter.words.iter().all(|word| Told(notice).anywhere(&mut |text| contains(text, word)))
}

/// What foreign systems quote of a record when they complain of it.
static CONTENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xs)
        [^\s"'`<>(),;:=]+ @ [^\s"'`<>(),;:=@]+
        | " (?: [^"\\] | \\. )* (?: " | $ ) | \B ' [^']* (?: ' \B | $ ) | “ [^”]* | ‘ [^’]* | « [^»]*
        "#,
    )
    .expect("the pattern of what is quoted")
});
/// In what is said of one record, also what our own words quote, and figures as long as a telephone number's parts.
static CONTENT_OF_RECORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?xs) ` [^`]* (?: ` | $ ) | (?: ^ | [^\#\d] ) \+? \d [\d\ ().,/-]{3,} \d")
        .expect("the pattern of figures")
});

/// A reason as the log may hold it: never a record's content, which complaints quote and whose answers begin with it.
pub fn without_content(text: &str, is_of_record: bool) -> String {
    // What begins like JSON or HTML is the beginning of somebody's answer.
    let words = text.find(['{', '[', '<']).map_or(text.to_owned(), |at| format!("{}…", &text[..at]));
    let words = CONTENT.replace_all(&words, "…");
    if is_of_record { CONTENT_OF_RECORD.replace_all(&words, "…").into_owned() } else { words.into_owned() }
}

/// One line of the log file: constant text and fields, so that it can be searched.
fn write_log(level: Level, event: &str, reason: &str, about: &About) {
    let job = about.job.as_ref().map(JobId::as_str);
    let run = about.run.map(|run| run.0);
    let connection = about.connection.as_ref().map(ConnectionId::as_str);
    let source_id = about.record.as_ref().map(RecordId::shown);
    let destination_id = about.destination_id.as_ref().map(DestinationId::as_str);
    match level {
        Level::Debug => debug!(event, job, run, connection, source_id, destination_id, reason, "notice"),
        Level::Info => info!(event, job, run, connection, source_id, destination_id, reason, "notice"),
        Level::Warn => warn!(event, job, run, connection, source_id, destination_id, reason, "notice"),
        Level::Error => error!(event, job, run, connection, source_id, destination_id, reason, "notice"),
    }
}

/// Tells about one job.
#[derive(Clone)]
pub(super) struct Teller {
    notices: Arc<Notices>,
    cell: Arc<JobCell>,
    run: Option<RunId>,
}

impl Teller {
    pub(super) fn new(notices: Arc<Notices>, cell: Arc<JobCell>, run: Option<RunId>) -> Self {
        Self { notices, cell, run }
    }

    pub(super) fn tell(&self, level: Level, event: &str, text: String) {
        self.tell_about(level, event, text, About::default());
    }

    pub(super) fn tell_record(
        &self,
        level: Level,
        event: &str,
        text: String,
        record: &RecordId,
        destination_id: Option<&DestinationId>,
    ) {
        let about = About { record: Some(record.clone()), destination_id: destination_id.cloned(), ..About::default() };
        self.tell_about(level, event, text, about);
    }

    fn tell_about(&self, level: Level, event: &str, text: String, about: About) {
        let about = About { job: Some(self.cell.spec.id.clone()), run: self.run, ..about };
        let notice = self.notices.tell(level, event, text, about);
        if level > Level::Debug {
            let mut live = self.cell.live();
            if live.events.len() >= JobStatus::EVENTS_MAX {
                live.events.pop_front();
            }
            live.events.push_back(notice);
        }
        self.cell.changed();
    }

    pub(super) fn gate_event(&self, gate: &Gate, event: &GateEvent) {
        let id = gate.id();
        let about = || About { connection: Some(id.clone()), ..About::default() };
        if event.opened {
            let why = gate.waiting_for().map_or_else(String::new, |(what, ..)| what);
            let text = format!("{why}: its jobs wait, nothing is dead-lettered, one canary request tries again");
            self.tell_about(Level::Warn, "connection.down", text, about());
        }
        if let Some(after) = event.closed_after {
            self.tell_about(
                Level::Info,
                "connection.back",
                format!("{id} answers again after {}", span(after)),
                about(),
            );
        }
        if let Some(wait) = event.throttled_for {
            let text = format!("{id} answered 429, waiting {}", span(wait));
            self.tell_about(Level::Warn, "connection.throttled", text, about());
        }
    }
}

/// A length of time as people say it: `350 ms`, `12 s`, `4 m 10 s`.
pub(super) fn span(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_log_line_holds_no_record_s_content() {
        for (text, logged) in [
            (
                r#"dead letter #12345: 422 email is not valid: "ada@@example""#,
                "dead letter #12345: 422 email is not valid: …",
            ),
            ("dead letter #7: 409 ada@example.com is taken", "dead letter #7: 409 … is taken"),
            (
                "dead letter #7: `ask at the desk` is not a telephone number",
                "dead letter #7: … is not a telephone number",
            ),
            ("dead letter #7: 422 phone +1 (415) 555-0123 is wrong", "dead letter #7: 422 phone… is wrong"),
            (r#"dead letter #7: the answer is not JSON: {"name":"Ada Lo"#, "dead letter #7: the answer is not JSON: …"),
            (r#"dead letter #7: 422 "Ada Lo"#, "dead letter #7: 422 …"),
        ] {
            assert_eq!(without_content(text, true), logged);
        }
    }

    #[test]
    fn what_is_ours_stays_in_the_log() {
        let text = "run #12345 stopped by `crm`: 1234567 scanned, 3 updated; `syncdeck resume customers`";
        assert_eq!(without_content(text, false), text);
    }

    #[test]
    fn a_length_of_time_is_told_as_people_say_it() {
        let told = |ms| span(Duration::from_millis(ms));
        assert_eq!(
            [told(350), told(12_000), told(250_000), told(7_500_000)],
            ["350 ms", "12 s", "4 m 10 s", "2 h 5 m"]
        );
    }

    #[test]
    fn the_ring_keeps_the_newest_and_reads_backwards_in_pieces() {
        struct Still;
        impl Clock for Still {
            fn now(&self) -> crate::model::Timestamp {
                crate::model::Timestamp::ZERO
            }
        }
        let notices = Notices::new(Arc::new(Still));
        for number in 0..NOTICES_MAX + 5 {
            notices.tell(Level::Info, "run.done", format!("run {number}"), About::default());
        }
        let all = notices.read(&LogFilter::default(), None, usize::MAX);
        assert_eq!((all.len(), all[0].number), (NOTICES_MAX, 6));
        let before = notices.read(&LogFilter::default(), Some(10), 2);
        assert_eq!(before.iter().map(|notice| notice.number).collect::<Vec<_>>(), [8, 9]);
        let words = LogFilter { words: vec!["run 7".to_owned()], ..LogFilter::default() };
        assert_eq!(notices.read(&words, Some(20), 10).len(), 1);
        let errors = LogFilter { level: Some(Level::Error), ..LogFilter::default() };
        assert!(notices.read(&errors, None, 10).is_empty());
    }
}
