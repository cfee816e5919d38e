//! What the tests of the store tell their stories with: pages, letters, notes, and disks that misbehave.

pub mod disk;

use syncdeck::model::{
    Actor, Attempt, Counts, Cursor, DeadLetter, DeadLetterId, Epoch, Fingerprint, GroupId, JobId, LetterState, Link,
    Position, RawJson, Reason, ReasonClass, RecordId, Run, RunId, RunKind, Timestamp, Version, Via,
};
use syncdeck::store::{FailedAgain, NewLetter, NewRun, Note, Options, PageCommit, Store};

pub fn at(second: i64) -> Timestamp {
    Timestamp(1_700_000_000_000 + second * 1_000)
}

pub fn job(name: &str) -> JobId {
    JobId::from(name)
}

pub fn ana() -> Actor {
    Actor::person("ana", Via::Console)
}

pub fn in_memory() -> Store {
    Store::open_on(redb::backends::InMemoryBackend::new(), &Options::default()).expect("memory is there")
}

pub async fn begin(store: &Store, name: &str) -> (Run, Epoch) {
    begin_as(store, name, RunKind::Sync).await
}

pub async fn begin_as(store: &Store, name: &str, kind: RunKind) -> (Run, Epoch) {
    let new = NewRun { job: job(name), kind, by: Actor::engine(), at: at(0), filter: None };
    store.begin_run(new).await.expect("the run begins")
}

/// A page of `n` created records whose ids begin at `first`, with their links; the position moves.
pub fn page(run: &Run, epoch: Epoch, first: u64, n: u64) -> PageCommit {
    PageCommit {
        job: run.job.clone(),
        epoch,
        run: run.id,
        at: at(1),
        counts: Counts { scanned: n, created: n, ..Counts::default() },
        position: Some(Position { cursor: Some(Cursor(format!("after {}", first + n))), ..Position::default() }),
        links: (first..first + n).map(|number| (record(number), link(number))).collect(),
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

pub fn record(number: u64) -> RecordId {
    RecordId::from(format!("cust_{number:09}"))
}

pub fn link(number: u64) -> Link {
    Link {
        version: Some(Version::Integer(number as i64)),
        written: Some(Fingerprint(u128::from(number) << 64 | 7)),
        writes: 1,
        ..Link::default()
    }
}

pub fn reason(message: &str) -> Reason {
    Reason {
        class: ReasonClass::Rejected,
        status: Some(422),
        field: Some("email".to_owned()),
        message: message.to_owned(),
        answer: Some(format!(r#"{{"error":"{message}"}}"#)),
    }
}

pub fn attempt(run: RunId, second: i64) -> Attempt {
    Attempt { at: at(second), run, status: Some(422), took_ms: 12, message: "refused".to_owned() }
}

pub fn letter(store: &Store, run: &Run, number: u64, group: u64, message: &str) -> NewLetter {
    letter_numbered(store.reserve_letters(1), run, number, group, message)
}

pub fn letter_numbered(id: DeadLetterId, run: &Run, number: u64, group: u64, message: &str) -> NewLetter {
    let letter = DeadLetter {
        id,
        job: run.job.clone(),
        group: GroupId(group),
        record: record(number),
        destination_id: None,
        version: Some(Version::Integer(1)),
        deleted: false,
        source: RawJson::from_trusted(format!(r#"{{"id":"{number}","big":9007199254740993}}"#)),
        sent: Some(RawJson::from_trusted(r#"{"email":"a@b.c"}"#.to_owned())),
        reason: reason(message),
        idempotency_key: Some("key".to_owned()),
        first_at: at(1),
        last_at: at(1),
        attempts: vec![attempt(run.id, 1)],
        state: LetterState::Waiting,
    };
    NewLetter { letter }
}

/// A page of a sync whose records were all given up on.
pub fn page_of_letters(run: &Run, epoch: Epoch, dead: Vec<NewLetter>) -> PageCommit {
    let n = dead.len() as u64;
    PageCommit {
        counts: Counts { scanned: n, errored: n, ..Counts::default() },
        links: Vec::new(),
        dead,
        ..page(run, epoch, 0, 0)
    }
}

/// A page of a retry: it leaves the checkpoint alone.
pub fn retry_page(run: &Run, epoch: Epoch, recovered: Vec<DeadLetterId>, failed: Vec<FailedAgain>) -> PageCommit {
    let (updated, errored) = (recovered.len() as u64, failed.len() as u64);
    PageCommit {
        counts: Counts { scanned: updated + errored, updated, errored, ..Counts::default() },
        position: None,
        links: Vec::new(),
        recovered: recovered.into_iter().map(Into::into).collect(),
        failed_again: failed,
        ..page(run, epoch, 0, 0)
    }
}

pub fn failed_again(run: &Run, id: DeadLetterId, group: u64, message: &str, second: i64) -> FailedAgain {
    FailedAgain {
        id,
        attempt: attempt(run.id, second),
        reason: reason(message),
        group: GroupId(group),
        source: RawJson::from_trusted(r#"{"again":true}"#.to_owned()),
        sent: None,
    }
}

pub fn note(action: &str) -> Note {
    Note {
        at: at(9),
        by: ana(),
        action: action.to_owned(),
        job: None,
        reason: Some("because".to_owned()),
        before: None,
        after: None,
    }
}
