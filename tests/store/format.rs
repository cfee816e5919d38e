//! What was stored opens in every later version: a file of each format is kept, and everything in it must be read.
//!
//! `SYNCDECK_WRITE_FIXTURES=1 cargo test --test store` writes the file of the present format anew.
//! Do that only before a format is released; from then on a change of the layout is a new format with a file of its own.

use crate::story::*;
use std::path::{Path, PathBuf};
use std::time::Duration;
use syncdeck::model::{
    Counts, DeadLetterId, DeadMark, DestinationId, Fingerprint, GroupId, JobControl, LetterFilter, LetterPlace,
    LetterState, Link, LinkEvent, Outcome, Parked, Paused, Phase, Position, RawJson, RecordId, Run, RunEnd, RunId,
    Selection, SkipCounts, SkipReason, Timestamp, Version, VersionKind, Watermark,
};
use syncdeck::store::{LetterMove, Options, PageCommit, Store, entry_hash};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state/v1.redb")
}

fn time_version() -> Version {
    Version::read("2026-03-01T10:20:30.123456+02:00", &VersionKind::Auto).expect("a time")
}

/// A link with everything set.
fn full_link() -> Link {
    let event = |second, run, outcome| LinkEvent { at: at(second), run: RunId(run), outcome };
    Link {
        destination_id: Some(DestinationId::from("003-ß")),
        version: Some(time_version()),
        written: Some(Fingerprint(u128::MAX - 5)),
        writes: 300,
        tombstone: true,
        destination_version: Some(r#"W/"7""#.to_owned()),
        fields: Some(RawJson::from_trusted(r#"{"n":9007199254740993,"z":1.10}"#.to_owned())),
        dead: Some(DeadMark { letter: DeadLetterId(2), content: Fingerprint(9), attempts: 4 }),
        history: vec![
            event(1, 1, Outcome::Created),
            event(5, 2, Outcome::Skipped(SkipReason::Echo)),
            event(3, 900, Outcome::Errored),
        ],
    }
}

fn position() -> Position {
    let watermark = |id: &str| Some(Watermark { version: time_version(), id: RecordId::from(id) });
    Position {
        phase: Phase::Incremental,
        cursor: None,
        since: Some(Version::Integer(-4)),
        watermark: watermark("a"),
        highest: watermark("b\u{1f}c"),
        pages: 3,
        records: 250,
        began: Some(at(1)),
        lasted: Duration::from_secs(90),
        complete: true,
        sweep: None,
        log: None,
    }
}

fn control() -> JobControl {
    JobControl {
        paused: Some(Paused { by: ana(), since: at(4), reason: Some("holiday".to_owned()) }),
        parked: Some(Parked { since: at(5), reason: "401".to_owned(), hint: Some("renew the token".to_owned()) }),
        due: Some(at(60)),
        configured: Some(u64::MAX),
        ..JobControl::default()
    }
}

fn counts() -> Counts {
    Counts {
        scanned: 6,
        created: 1,
        skipped: 1,
        errored: 4,
        retried: 12,
        reasons: SkipCounts { echo: 1, ..SkipCounts::default() },
        ..Counts::default()
    }
}

fn failed() -> RunEnd {
    RunEnd::Failed { reason: "401".to_owned(), hint: Some("renew the token".to_owned()), parked: true }
}

async fn write_everything(store: &Store) {
    let (run, epoch) = begin(store, "customers").await;
    let dead = (1..=4).map(|number| letter(store, &run, number, 5, "email already in use")).collect();
    let full = PageCommit {
        counts: counts(),
        position: Some(position()),
        links: vec![(record(1), full_link()), (record(2), link(2)), (record(3), Link::default())],
        dead,
        ..page(&run, epoch, 0, 0)
    };
    store.commit_page(full).await.expect("saved");
    store.finish_run(run.id, failed(), at(7)).await.expect("ended");
    let (retry, epoch) = begin(store, "customers").await;
    let again = vec![failed_again(&retry, DeadLetterId(2), 6, "phone is too long", 20)];
    store.commit_page(retry_page(&retry, epoch, vec![DeadLetterId(1)], again)).await.expect("saved");
    store.finish_run(retry.id, RunEnd::Stopped { by: ana() }, at(21)).await.expect("ended");
    store.set_control(&job("customers"), control(), Some(note("pause"))).await.expect("saved");
    let discard = LetterMove::Discard { reason: "test data".to_owned() };
    store.move_letters(&Selection::Ids(vec![DeadLetterId(3)]), discard, note("discard")).await.expect("moved");
    let picked = Selection::Ids(vec![DeadLetterId(4)]);
    store.move_letters(&picked, LetterMove::Retry, note("retry")).await.expect("moved");
    begin(store, "orders").await;
}

async fn read_everything(store: &Store) {
    let customers = job("customers");
    let links = store.links(&customers, &[record(1), record(2), record(3), record(4)]).await.expect("read");
    assert_eq!(links, [Some(full_link()), Some(link(2)), Some(Link::default()), None]);
    assert_eq!(
        links[0].as_ref().and_then(|link| link.version.as_ref()).map(Version::text),
        Some(time_version().text())
    );
    let there = DestinationId::from("003-ß");
    assert_eq!(store.record_at(&customers, &there).await.expect("read"), Some(record(1)));
    assert_eq!(store.link_count(&customers).await.expect("read"), 3);
    assert_eq!(store.control(&customers).await.expect("read"), control());
    let checkpoint = store.checkpoint(&customers).await.expect("read").expect("saved");
    assert_eq!((checkpoint.position, checkpoint.page, checkpoint.total), (position(), counts(), counts()));
    assert_eq!((checkpoint.sequence.0, checkpoint.saved_at, checkpoint.moved_by), (1, at(1), None));
    read_runs(&store.runs(None, None, 9).await.expect("read"));
    read_letters(store).await;
    read_journal(store).await;
}

fn read_runs(runs: &[Run]) {
    let ends: Vec<_> = runs.iter().map(|run| (run.id.0, run.job.to_string(), run.end.clone())).collect();
    let name = |job: &str| job.to_owned();
    assert_eq!(
        ends,
        [
            (3, name("orders"), Some(RunEnd::Interrupted)),
            (2, name("customers"), Some(RunEnd::Stopped { by: ana() })),
            (1, name("customers"), Some(failed())),
        ]
    );
    assert_eq!(
        (runs[2].counts, runs[2].pages, runs[2].started_at, runs[2].ended_at),
        (counts(), 1, at(0), Some(at(7)))
    );
}

async fn read_letters(store: &Store) {
    let mut letters = Vec::new();
    for id in 1..=4 {
        letters.push(store.letter(DeadLetterId(id)).await.expect("read").expect("it is kept"));
    }
    let states: Vec<_> = letters.iter().map(|letter| letter.state.clone()).collect();
    assert_eq!(
        states,
        [
            LetterState::Recovered { at: at(1), run: RunId(2) },
            LetterState::Waiting,
            LetterState::Discarded { at: at(9), by: ana(), reason: "test data".to_owned() },
            LetterState::Retrying { since: at(9), by: ana() },
        ]
    );
    for letter in &letters {
        // Files of the first versions have no index of letters by record; it is made when they are opened.
        let of_record = store.letters_of(&letter.job, &letter.record, 9).await.expect("read");
        assert!(of_record.contains(letter), "{}", letter.id);
    }
    assert_eq!((letters[1].attempts.len(), letters[1].reason.clone()), (2, reason("phone is too long")));
    assert_eq!(letters[2].source.as_str(), r#"{"id":"3","big":9007199254740993}"#);
    assert_eq!(letters[2].attempts, [attempt(RunId(1), 1)]);
    let all = LetterFilter {
        places: vec![LetterPlace::Waiting, LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered],
        ..LetterFilter::default()
    };
    let groups = store.letter_groups(&all).await.expect("read");
    let told: Vec<_> = groups.iter().map(|g| (g.id, [g.waiting, g.retrying, g.discarded, g.recovered])).collect();
    assert_eq!(told, [(GroupId(5), [0, 1, 1, 1]), (GroupId(6), [1, 0, 0, 0])]);
}

async fn read_journal(store: &Store) {
    let mut journal = store.journal(None, 9).await.expect("read");
    journal.reverse();
    let actions: Vec<_> = journal.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["pause", "discard", "retry"]);
    let mut previous = String::new();
    for entry in journal {
        assert_eq!(entry.hash, entry_hash(&previous, &entry), "entry {}", entry.number);
        previous = entry.hash;
    }
}

#[tokio::test]
async fn everything_in_a_file_of_format_1_can_be_read() {
    if std::env::var_os("SYNCDECK_WRITE_FIXTURES").is_some() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), &Options::default()).expect("opened");
        write_everything(&store).await;
        store.close().await;
        let mut database = redb::Database::open(folder.path().join("state.redb")).expect("opened");
        database.compact().expect("compacted");
        drop(database);
        std::fs::create_dir_all(fixture().parent().expect("a folder")).expect("made");
        std::fs::copy(folder.path().join("state.redb"), fixture()).expect("copied");
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(fixture(), folder.path().join("state.redb")).expect("the fixture is there");
    let store = Store::open(folder.path(), &Options::default()).expect("opened");
    read_everything(&store).await;
    store.close().await;
}

#[tokio::test]
async fn everything_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &Options::default()).expect("opened");
    write_everything(&store).await;
    store.close().await;
    let store = Store::open(folder.path(), &Options::default()).expect("opened");
    read_everything(&store).await;
}

#[tokio::test]
async fn a_journal_entry_that_was_changed_breaks_the_chain() {
    let store = in_memory();
    for action in ["pause", "resume", "retry"] {
        store.note(note(action)).await.expect("noted");
    }
    let journal = store.journal(None, 9).await.expect("read");
    let (third, second, first) = (&journal[0], &journal[1], &journal[2]);
    assert_eq!(first.hash, entry_hash("", first));
    assert_eq!(second.hash, entry_hash(&first.hash, second));
    assert_eq!(third.hash, entry_hash(&second.hash, third));
    let mut forged = second.clone();
    forged.at = Timestamp(forged.at.0 + 1);
    assert_ne!(forged.hash, entry_hash(&first.hash, &forged));
    assert_eq!(store.journal(Some(3), 1).await.expect("read")[0].action, "resume");
}
