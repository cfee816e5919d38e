//! What a listing gave is held against the links, and withheld deletes are counted as they come and go.

use crate::story::*;
use std::collections::BTreeSet;
use syncdeck::model::{DeleteCause, HeldDelete, Kept, Link, LinkEvent, Outcome, RawJson, RecordId, Run};
use syncdeck::store::{HeldChange, PageCommit, Seen, SeenPage, Store, SweepFacts, SweepFrom};

fn ids(numbers: impl Iterator<Item = u64>) -> Vec<RecordId> {
    numbers.map(record).collect()
}

async fn saved(store: &Store, page: PageCommit) {
    store.commit_page(page).await.expect("saved");
}

fn held(run: &Run, number: u64) -> HeldChange {
    HeldChange::Hold(Box::new(HeldDelete {
        record: record(number),
        version: None,
        cause: DeleteCause::Missing,
        body: RawJson::parse("{}".to_owned()).expect("JSON"),
        run: run.id,
        since: at(2),
        kept: None,
    }))
}

/// Everything that `listed` leaves out, asked for in small pieces.
async fn missing(store: &Store, run: &Run, listed: u64) -> BTreeSet<RecordId> {
    let mut found = BTreeSet::new();
    let mut from = Some(SweepFrom::default());
    while let Some(place) = from {
        let part = store.missing(&run.job, at(1), 2, listed, place, 3).await.expect("read");
        found.extend(part.records);
        from = part.next;
    }
    found
}

#[tokio::test]
async fn what_a_listing_left_out_is_found_in_pieces_and_what_was_deleted_already_is_not() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let (other, other_epoch) = begin(&store, "orders").await;
    saved(&store, page(&other, other_epoch, 0, 50)).await;
    let seen = |page: u64, numbers: Vec<RecordId>| Some(Seen::Page(SeenPage::new(page, at(1), 0, &numbers)));
    saved(&store, PageCommit { seen: seen(1, ids(0..10)), ..page(&run, epoch, 0, 20) }).await;
    saved(&store, PageCommit { seen: seen(2, ids(12..18)), ..page(&run, epoch, 20, 0) }).await;
    let gone = Link { tombstone: true, ..link(19) };
    saved(&store, PageCommit { links: vec![(record(19), gone)], ..page(&run, epoch, 20, 0) }).await;
    let facts = store.sweep_facts(&run.job, at(1), 2).await.expect("read");
    let wanted = SweepFacts { is_whole: true, listed: 16, unkeyed: 0, live: 19, missing: 3 };
    assert_eq!(facts, wanted);
    assert_eq!(missing(&store, &run, 16).await, ids([10, 11, 18].into_iter()).into_iter().collect());
    assert_eq!(store.live_count(&run.job).await.expect("read"), 19);
}

#[tokio::test]
async fn what_was_written_after_a_listing_began_is_not_missing_from_it() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let event = |second, outcome| LinkEvent { at: at(second), run: run.id, outcome };
    let with = |number, history| (record(number), Link { history, ..link(number) });
    let links = vec![
        with(1, vec![event(0, Outcome::Created)]),
        // An event brought it while the listing was past its place.
        with(2, vec![event(3, Outcome::Created)]),
        with(3, vec![event(0, Outcome::Created), event(2, Outcome::Updated)]),
        with(4, vec![event(0, Outcome::Created), event(2, Outcome::Held)]),
    ];
    let seen = Some(Seen::Page(SeenPage::new(1, at(1), 0, &ids(8..9))));
    saved(&store, PageCommit { links, seen, ..page(&run, epoch, 0, 0) }).await;
    saved(&store, PageCommit { seen: Some(Seen::Page(SeenPage::new(2, at(1), 0, &[]))), ..page(&run, epoch, 0, 0) })
        .await;
    let facts = store.sweep_facts(&run.job, at(1), 2).await.expect("read");
    assert_eq!((facts.is_whole, facts.missing), (true, 2));
    assert_eq!(missing(&store, &run, facts.listed).await, ids([1, 4].into_iter()).into_iter().collect());
}

// Row 89 of the fault matrix.
#[tokio::test]
async fn pages_of_two_listings_are_no_whole_one() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let seen = |page: u64, began: i64| Some(Seen::Page(SeenPage::new(page, at(began), 0, &ids(0..5))));
    saved(&store, PageCommit { seen: seen(1, 1), ..page(&run, epoch, 0, 20) }).await;
    saved(&store, PageCommit { seen: seen(2, 7), ..page(&run, epoch, 20, 0) }).await;
    assert!(!store.sweep_facts(&run.job, at(1), 2).await.expect("read").is_whole);
    assert!(!store.sweep_facts(&run.job, at(1), 3).await.expect("read").is_whole, "a page is not there");
    // The first page of a listing takes the place of what is known of the one before.
    saved(&store, PageCommit { seen: seen(1, 9), ..page(&run, epoch, 20, 0) }).await;
    assert!(store.sweep_facts(&run.job, at(9), 1).await.expect("read").is_whole);
    assert!(!store.sweep_facts(&run.job, at(9), 2).await.expect("read").is_whole);
}

#[tokio::test]
async fn withheld_deletes_are_counted_kept_and_dropped() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let changes = vec![held(&run, 1), held(&run, 2), held(&run, 3), held(&run, 3)];
    saved(&store, PageCommit { held: changes, ..page(&run, epoch, 0, 5) }).await;
    assert_eq!(store.held_counts(&run.job).await.expect("read"), (3, 0));
    saved(&store, PageCommit { held: vec![HeldChange::Drop(record(2))], ..page(&run, epoch, 5, 0) }).await;
    assert_eq!(store.held_counts(&run.job).await.expect("read"), (2, 0));
    let kept = Kept { by: ana(), at: at(3), reason: "the query was wrong".to_owned() };
    let note = note("discard deletes");
    assert_eq!(store.keep_held(&run.job, &kept, note).await.expect("saved"), 2);
    assert_eq!(store.held_counts(&run.job).await.expect("read"), (0, 2));
    let rows = store.held(&run.job, Some(record(1)), true, 10).await.expect("read");
    assert_eq!(
        rows.iter().map(|row| (row.record.clone(), row.kept.clone())).collect::<Vec<_>>(),
        [(record(3), Some(kept))]
    );
    assert_eq!(store.held_of(&run.job, &ids([2, 3].into_iter())).await.expect("read")[0], None);
}

#[tokio::test]
async fn a_job_that_is_forgotten_keeps_neither_withheld_deletes_nor_what_it_listed() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let seen = Some(Seen::Page(SeenPage::new(1, at(1), 0, &ids(0..5))));
    saved(&store, PageCommit { held: vec![held(&run, 1)], seen, ..page(&run, epoch, 0, 5) }).await;
    store.forget(&run.job, Some(note("forget"))).await.expect("forgotten");
    assert_eq!(store.held_counts(&run.job).await.expect("read"), (0, 0));
    assert_eq!(store.live_count(&run.job).await.expect("read"), 0);
    assert!(!store.sweep_facts(&run.job, at(1), 1).await.expect("read").is_whole);
    let (run, epoch) = begin(&store, "customers").await;
    saved(&store, page(&run, epoch, 0, 3)).await;
    assert_eq!(store.live_count(&run.job).await.expect("read"), 3);
    assert!(store.held(&run.job, None, false, 9).await.expect("read").is_empty());
}
