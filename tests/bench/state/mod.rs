//! States to measure: pages of links, and a million dead letters.

use syncdeck::model::{
    Actor, Attempt, Counts, Cursor, DeadLetter, DeadLetterId, Epoch, Fingerprint, GroupId, JobId, LetterState, Link,
    LinkEvent, Outcome, Position, RawJson, Reason, ReasonClass, RecordId, Run, RunId, RunKind, Timestamp, Version,
};
use syncdeck::store::{NewLetter, NewRun, PageCommit, Store};

const AT: Timestamp = Timestamp(1_772_461_927_000);
const LETTERS_A_PAGE: u64 = 1_000;

/// A number from the environment, for longer or shorter runs.
pub fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

pub async fn begin(store: &Store) -> (Run, Epoch) {
    let new = NewRun { job: JobId::from("bench"), kind: RunKind::Sync, by: Actor::engine(), at: AT, filter: None };
    store.begin_run(new).await.expect("a run begins")
}

pub fn record(number: u64) -> RecordId {
    RecordId::from(format!("cust_{number:09}"))
}

fn link(number: u64, run: RunId) -> Link {
    Link {
        version: Version::read("2026-03-02T09:14:55.123456Z", &syncdeck::model::VersionKind::Auto).ok(),
        written: Some(Fingerprint(u128::from(number) << 64 | 7)),
        writes: 1,
        history: vec![LinkEvent { at: AT, run, outcome: Outcome::Created }],
        ..Link::default()
    }
}

/// A page of created records, as a sync commits it.
#[allow(dead_code, reason = "not every benchmark needs links")]
pub fn link_page(run: &Run, epoch: Epoch, first: u64, n: u64) -> PageCommit {
    PageCommit {
        counts: Counts { scanned: n, created: n, ..Counts::default() },
        links: (first..first + n).map(|number| (record(number), link(number, run.id))).collect(),
        ..empty_page(run, epoch, first)
    }
}

fn empty_page(run: &Run, epoch: Epoch, first: u64) -> PageCommit {
    PageCommit {
        job: run.job.clone(),
        epoch,
        run: run.id,
        at: AT,
        counts: Counts::default(),
        position: Some(Position { cursor: Some(Cursor(format!("after {first}"))), ..Position::default() }),
        links: Vec::new(),
        dead: Vec::new(),
        failed_again: Vec::new(),
        recovered: Vec::new(),
        bulk: None,
        search: Vec::new(),
        events: Vec::new(),
        settled: Vec::new(),
        newer: Vec::new(),
        held: Vec::new(),
        seen: None,
    }
}

/// Fills a state with dead letters of twelve causes, each with its link.
pub async fn fill_letters(store: &Store, n: u64) {
    let (run, epoch) = begin(store).await;
    for first in (0..n).step_by(LETTERS_A_PAGE as usize) {
        let size = LETTERS_A_PAGE.min(n - first);
        let ids = store.reserve_letters(size);
        let dead = (0..size).map(|place| letter(DeadLetterId(ids.0 + place), &run, first + place)).collect();
        let page = PageCommit {
            counts: Counts { scanned: size, errored: size, ..Counts::default() },
            dead,
            ..empty_page(&run, epoch, first)
        };
        store.commit_page(page).await.expect("a page is saved");
    }
}

fn letter(id: DeadLetterId, run: &Run, number: u64) -> NewLetter {
    let cause = number % 12;
    let message = format!("field {cause} is not what it should be");
    let attempt = Attempt { at: AT, run: run.id, status: Some(422), took_ms: 12, message: message.clone() };
    let reason = Reason {
        class: ReasonClass::Rejected,
        status: Some(422),
        field: Some(format!("field_{cause}")),
        answer: Some(format!(r#"{{"error":"{message}"}}"#)),
        message,
    };
    let source = format!(
        r#"{{"id":"{}","email":"customer{number}@example.com","big":9007199254740993}}"#,
        record(number).as_str()
    );
    let letter = DeadLetter {
        id,
        job: run.job.clone(),
        group: GroupId(cause + 1),
        record: record(number),
        destination_id: None,
        version: Some(Version::Integer(1)),
        deleted: false,
        source: RawJson::from_trusted(source),
        sent: Some(RawJson::from_trusted(format!(r#"{{"email":"customer{number}@example.com"}}"#))),
        reason,
        idempotency_key: None,
        first_at: AT,
        last_at: AT,
        attempts: vec![attempt],
        state: LetterState::Waiting,
    };
    NewLetter { letter }
}
