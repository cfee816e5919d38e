//! Disks that fill up, break and lose power.

use crate::story::disk::{Change, Disk, apply};
use crate::story::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use syncdeck::model::{LetterFilter, RunEnd, Sequence};
use syncdeck::store::{Options, Store, StoreError};

fn on(disk: &Disk) -> Store {
    Store::open_on(disk.clone(), &Options::default()).expect("opened")
}

/// Saves pages until one fails, and returns how many were saved and why the last was not.
async fn save_until_it_fails(store: &Store, name: &str) -> (u64, StoreError) {
    let (run, epoch) = begin(store, name).await;
    for number in 0..10_000 {
        if let Err(error) = store.commit_page(page(&run, epoch, number * 500, 500)).await {
            let next = store.commit_page(page(&run, epoch, (number + 1) * 500, 500)).await;
            assert!(next.is_err(), "a page behind a lost one must not be saved");
            return (number, error);
        }
    }
    panic!("the disk never filled up");
}

// Row 13 of the fault matrix.
#[tokio::test]
async fn a_full_disk_saves_nothing_of_the_page_and_a_mended_one_goes_on() {
    let disk = Disk::default();
    let store = on(&disk);
    disk.fill_up();
    let (saved, error) = save_until_it_fails(&store, "customers").await;
    assert!(matches!(&error, StoreError::Disk(text) if text.contains("no space")), "{error:?}");
    assert!(error.hint().is_some());

    // Questions are answered, and they tell of what was saved.
    let customers = job("customers");
    assert_eq!(store.link_count(&customers).await.expect("read"), saved * 500);
    let checkpoint = store.checkpoint(&customers).await.expect("read");
    assert_eq!(checkpoint.map_or(0, |checkpoint| checkpoint.sequence.0), saved);
    let beyond = store.links(&customers, &[record(saved * 500)]).await.expect("read");
    assert_eq!(beyond, [None], "half a page is no page");

    disk.mend();
    let (run, epoch) = begin(&store, "customers").await;
    let next = store.commit_page(page(&run, epoch, saved * 500, 500)).await.expect("there is room again");
    assert_eq!(next.checkpoint.expect("it moved").sequence, Sequence(saved + 1));
    assert_eq!(next.total.scanned, (saved + 1) * 500);
    store.finish_run(run.id, RunEnd::Done, at(9)).await.expect("saved");
    store.close().await;
    assert_eq!(on(&disk).link_count(&customers).await.expect("read"), (saved + 1) * 500);
}

// Row 13 of the fault matrix.
#[tokio::test]
async fn a_broken_disk_fails_every_write_until_it_is_mended() {
    let disk = Disk::default();
    let store = on(&disk);
    let (run, epoch) = begin(&store, "customers").await;
    store.commit_page(page(&run, epoch, 0, 10)).await.expect("saved");
    disk.break_down();
    for _ in 0..3 {
        let error = store.note(note("look")).await.expect_err("the disk is broken");
        assert!(matches!(error, StoreError::Disk(_)), "{error:?}");
    }
    let error = store.commit_page(page(&run, epoch, 10, 10)).await.expect_err("the disk is broken");
    assert!(matches!(error, StoreError::Disk(_)), "{error:?}");

    disk.mend();
    store.note(note("look")).await.expect("it is mended");
    assert_eq!(store.journal(None, 9).await.expect("read").len(), 1);
    let lost = store.commit_page(page(&run, epoch, 20, 10)).await.expect_err("the page before it was lost");
    assert!(matches!(lost, StoreError::Disk(_)), "{lost:?}");
    let (run, epoch) = begin(&store, "customers").await;
    let saved = store.commit_page(page(&run, epoch, 10, 10)).await.expect("saved");
    assert_eq!(saved.checkpoint.expect("it moved").sequence, Sequence(2));
}

#[tokio::test]
async fn a_store_on_a_broken_disk_can_be_closed() {
    let disk = Disk::default();
    let store = on(&disk);
    disk.break_down();
    store.note(note("look")).await.expect_err("the disk is broken");
    store.close().await;
    let error = store.journal(None, 1).await.expect_err("it is closed");
    assert!(error.to_string().contains("closed"), "{error}");
}

/// A disk as a power loss leaves it: of what was not yet synced, some writes arrived, some not, one perhaps by half.
fn after_a_power_loss(synced: &[u8], unsynced: &[Change], dice: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = synced.to_vec();
    let mut changes: Vec<&Change> = unsynced.iter().collect();
    // How long the file is goes by its journal, in order; the pages go as they like.
    dice.shuffle(&mut changes);
    changes.sort_by_key(|change| matches!(change, Change::Write(..)));
    let arrived = dice.f64();
    for change in changes {
        match change {
            Change::Write(offset, data) if dice.u8(..10) == 0 => {
                let half = data[..dice.usize(..=data.len())].to_vec();
                apply(&mut bytes, &Change::Write(*offset, half));
            }
            change if dice.f64() < arrived => apply(&mut bytes, change),
            _ => {}
        }
    }
    bytes
}

// Rows 6 and 9 of the fault matrix.
#[test]
fn a_torn_file_opens_at_a_commit_that_was_whole_or_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let disk = Disk::default();
    runtime.block_on(async {
        let store = on(&disk);
        disk.remember();
        let (run, epoch) = begin(&store, "customers").await;
        for number in 0..12 {
            let mut commit = page(&run, epoch, number * 20, 20);
            commit.dead.push(letter(&store, &run, number, 1, "refused"));
            commit.counts.scanned += 1;
            commit.counts.errored += 1;
            store.commit_page(commit).await.expect("saved");
        }
    });
    let history = disk.history();
    let mut dice = fastrand::Rng::with_seed(9);
    let (mut opened, mut refused) = (0, 0);
    let mut sequences = std::collections::BTreeSet::new();
    for round in 0..1_000 {
        let (synced, unsynced) = &history[round % history.len()];
        let torn = Disk::holding(after_a_power_loss(synced, unsynced, &mut dice));
        let result = catch_unwind(AssertUnwindSafe(|| Store::open_on(torn, &Options::default())));
        match result.expect("opening never panics") {
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
            Ok(store) => {
                opened += 1;
                sequences.insert(runtime.block_on(check_whole(&store)));
            }
        }
    }
    assert_eq!(refused, 0, "{opened} opened: what was synced is always enough to open");
    assert!(10 < sequences.len(), "the copies were torn at {} places", sequences.len());
}

/// Checks that links, letters, counts and checkpoint are of one and the same commit, and returns its number.
async fn check_whole(store: &Store) -> u64 {
    let customers = job("customers");
    let checkpoint = store.checkpoint(&customers).await.expect("read");
    let sequence = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence.0);
    assert_eq!(checkpoint.map_or(0, |checkpoint| checkpoint.total.scanned), sequence * 21);
    assert_eq!(store.link_count(&customers).await.expect("read"), sequence * 20);
    let ids: Vec<_> = (0..=sequence * 20).map(record).collect();
    let links = store.links(&customers, &ids).await.expect("read");
    assert_eq!(links.iter().flatten().count() as u64, sequence * 20);
    let letters = store.letter_ids(&LetterFilter::default(), 100).await.expect("read");
    assert_eq!((letters.total, letters.ids.len() as u64), (sequence, sequence));
    let (run, epoch) = begin(store, "customers").await;
    let next = store.commit_page(page(&run, epoch, 900, 5)).await.expect("it goes on");
    assert_eq!(next.checkpoint.expect("it moved").sequence.0, sequence + 1);
    sequence
}

// Row 9 of the fault matrix.
#[test]
fn a_file_that_rotted_never_panics_at_opening_and_never_starts_anew() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let disk = Disk::default();
    runtime.block_on(async {
        let store = on(&disk);
        let (run, epoch) = begin(&store, "customers").await;
        for number in 0..5 {
            store.commit_page(page(&run, epoch, number * 50, 50)).await.expect("saved");
        }
        store.close().await;
    });
    let whole = disk.bytes();
    let used = whole.iter().rposition(|byte| *byte != 0).expect("it holds something");
    let mut dice = fastrand::Rng::with_seed(4);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..dice.usize(1..40) {
            bytes[dice.usize(..used)] = dice.u8(..);
        }
        if dice.bool() {
            bytes.truncate(dice.usize(1..bytes.len()));
        }
        let rotten = Disk::holding(bytes);
        let opened = catch_unwind(AssertUnwindSafe(|| Store::open_on(rotten, &Options::default())));
        if let Ok(store) = opened.expect("opening never panics") {
            let read = runtime.block_on(store.link_count(&job("customers")));
            assert!(!matches!(read, Ok(0)), "a damaged state was taken for an empty one");
        }
    }
}
