//! Checkpoints that a person sets, and the journal's chain.

use crate::story::*;
use redb::{Database, ReadableTable, TableDefinition};
use std::path::Path;
use syncdeck::model::{Checkpoint, Epoch, JobControl, JournalProof, Moved, MovedWhat, Position, Run, RunEnd, Sequence};
use syncdeck::store::{NewPoint, Options, Store, StoreError};

fn point(run: &Run, expected: u64) -> NewPoint {
    NewPoint {
        job: run.job.clone(),
        expected: Sequence(expected),
        position: Position::default(),
        run: run.id,
        moved: Moved { what: MovedWhat::Rewind(None), reason: "a wrong map".to_owned() },
        control: JobControl { due: Some(at(30)), ..JobControl::default() },
        note: note("rewind"),
    }
}

async fn with_two_pages(store: &Store) -> (Run, Epoch) {
    let (run, epoch) = begin(store, "customers").await;
    store.commit_page(page(&run, epoch, 0, 5)).await.expect("saved");
    store.commit_page(page(&run, epoch, 5, 5)).await.expect("saved");
    (run, epoch)
}

#[tokio::test]
async fn a_checkpoint_that_a_person_sets_is_added_and_an_older_run_saves_nothing_more() {
    let store = in_memory();
    let (run, epoch) = with_two_pages(&store).await;
    let set = store.set_point(point(&run, 2)).await.expect("set");
    assert_eq!((set.sequence, set.page.scanned, set.total.scanned), (Sequence(3), 0, 10));
    assert_eq!(set.moved_words().as_deref(), Some("rewind to the start by ana: a wrong map"));
    let refused = store.commit_page(page(&run, epoch, 10, 5)).await.expect_err("its epoch is gone");
    assert!(matches!(refused, StoreError::StaleEpoch { .. }), "{refused}");
    let kept: Vec<Checkpoint> = store.checkpoints(&run.job, None, 9).await.expect("read");
    assert_eq!(kept.iter().map(|one| one.sequence.0).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(kept[0], set);
    assert_eq!(store.control(&run.job).await.expect("read").due, Some(at(30)), "it is saved with the checkpoint");
    let journal = store.journal(None, 9).await.expect("read");
    assert_eq!(journal.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["rewind"]);
    store.finish_run(run.id, RunEnd::Done, at(40)).await.expect("ended");
    let (next, epoch) = begin(&store, "customers").await;
    let saved = store.commit_page(page(&next, epoch, 0, 5)).await.expect("saved");
    assert_eq!(saved.checkpoint.map(|one| (one.sequence, one.total.scanned)), Some((Sequence(4), 15)));
}

#[tokio::test]
async fn an_order_for_another_moment_is_refused_and_changes_nothing() {
    let store = in_memory();
    let (run, epoch) = with_two_pages(&store).await;
    let refused = store.set_point(point(&run, 1)).await.expect_err("it has gone on");
    assert_eq!(refused.to_string(), "`customers` stands at checkpoint #2 now, not at checkpoint #1");
    assert!(store.journal(None, 9).await.expect("read").is_empty());
    store.commit_page(page(&run, epoch, 10, 5)).await.expect("its epoch stands");
    let refused = store.set_point(NewPoint { job: job("orders"), ..point(&run, 1) }).await.expect_err("none");
    assert_eq!(refused.to_string(), "`orders` stands at its start now, not at checkpoint #1");
}

const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
const ENDS: TableDefinition<&str, &[u8]> = TableDefinition::new("journal_ends");

fn open(folder: &Path, journal_max: usize) -> Store {
    Store::open(folder, &Options { journal_max, ..Options::default() }).expect("opened")
}

/// A state with `n` entries in its journal, of which at most `kept` are kept; what the proof says after `change` of the
/// file by somebody else.
async fn proof_after(n: u32, kept: usize, change: impl FnOnce(&redb::WriteTransaction)) -> JournalProof {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path(), kept);
    for number in 0..n {
        store.note(note(&format!("action {number}"))).await.expect("noted");
    }
    store.close().await;
    let file = Database::open(folder.path().join("state.redb")).expect("nobody holds it");
    let transaction = file.begin_write().expect("a transaction");
    change(&transaction);
    transaction.commit().expect("committed");
    drop(file);
    let store = open(folder.path(), kept);
    let proof = store.verify_journal().await.expect("read");
    store.close().await;
    proof
}

fn flip(transaction: &redb::WriteTransaction, number: u64) {
    let mut table = transaction.open_table(JOURNAL).expect("the journal");
    let mut row = table.get(number).expect("read").expect("an entry").value().to_vec();
    let place = row.windows(7).position(|part| part == b"because").expect("the reason");
    row[place] ^= 1;
    table.insert(number, row.as_slice()).expect("written");
}

#[tokio::test]
async fn a_whole_journal_is_proved_also_where_its_oldest_entries_are_thinned() {
    let proof = proof_after(5, 100, |_| ()).await;
    let whole = JournalProof { entries: 5, first: Some(1), last: Some(5), ..JournalProof::default() };
    assert_eq!(proof, whole);
    let proof = proof_after(9, 4, |_| ()).await;
    let thinned =
        JournalProof { entries: 4, first: Some(6), last: Some(9), thinned_up_to: Some(5), ..JournalProof::default() };
    assert_eq!(proof, thinned);
    assert_eq!(in_memory().verify_journal().await.expect("read"), JournalProof::default());
}

#[tokio::test]
async fn a_changed_byte_of_the_journal_is_found() {
    let proof = proof_after(5, 100, |file| flip(file, 3)).await;
    assert_eq!((proof.entries, proof.broken.map(|(number, _)| number)), (2, Some(3)));
    let proof = proof_after(9, 4, |file| flip(file, 6)).await;
    assert_eq!(proof.broken.map(|(number, _)| number), Some(6), "the first that is kept is held by the hash before it");
}

#[tokio::test]
async fn an_entry_that_was_taken_out_is_missed_in_the_middle_and_at_the_end() {
    let take = |file: &redb::WriteTransaction, number: u64| {
        file.open_table(JOURNAL).expect("the journal").remove(number).expect("removed");
    };
    let proof = proof_after(5, 100, |file| take(file, 3)).await;
    assert_eq!(proof.broken, Some((3, "entry #3 is missing: after #2 comes #4".to_owned())));
    let proof = proof_after(5, 100, |file| take(file, 5)).await;
    assert_eq!(proof.broken, Some((5, "#5 to #5 are missing at the end".to_owned())));
    let proof = proof_after(9, 4, |file| take(file, 6)).await;
    assert_eq!(proof.broken.map(|(number, _)| number), Some(6));
}

// A state of before the hash of what is thinned was kept.
#[tokio::test]
async fn a_journal_without_its_ends_is_proved_from_its_first_entry_on() {
    let forget = |file: &redb::WriteTransaction| {
        file.delete_table(ENDS).expect("forgotten");
    };
    let proof = proof_after(9, 4, forget).await;
    let (entries, broken) = (proof.entries, proof.broken.clone());
    assert_eq!((entries, broken, proof.is_beginning_unknown, proof.first), (4, None, true, Some(6)));
    let proof = proof_after(9, 4, |file| {
        forget(file);
        flip(file, 8);
    })
    .await;
    assert_eq!(proof.broken.map(|(number, _)| number), Some(8));
}
