//! Links: found for a page at once, whether its ids lie together or not.

use crate::story::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use syncdeck::model::{DestinationId, Link, RecordId};
use syncdeck::store::PageCommit;

#[tokio::test]
async fn links_of_different_jobs_do_not_mix() {
    let store = in_memory();
    let (customers, customers_epoch) = begin(&store, "customers").await;
    let (orders, orders_epoch) = begin(&store, "orders").await;
    store.commit_page(page(&customers, customers_epoch, 0, 10)).await.expect("saved");
    assert_eq!(store.links(&orders.job, &[record(3)]).await.expect("read"), [None]);
    store.commit_page(page(&orders, orders_epoch, 5, 10)).await.expect("saved");
    assert_eq!(store.links(&orders.job, &[record(3), record(5)]).await.expect("read"), [None, Some(link(5))]);
    assert_eq!(store.links(&customers.job, &[record(12)]).await.expect("read"), [None]);
    assert_eq!(store.links(&job("nobody"), &[record(3)]).await.expect("read"), [None]);
    assert_eq!(store.links(&customers.job, &[]).await.expect("read"), []);
}

#[tokio::test]
async fn a_link_that_is_written_again_is_counted_once_and_the_last_counts() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    store.commit_page(page(&run, epoch, 0, 10)).await.expect("saved");
    let newer = Link { writes: 2, ..link(4) };
    let newest = Link { writes: 3, tombstone: true, ..link(4) };
    let mut again = page(&run, epoch, 10, 0);
    again.links = vec![(record(4), newer), (record(4), newest.clone())];
    store.commit_page(again).await.expect("saved");
    assert_eq!(store.link_count(&run.job).await.expect("read"), 10);
    assert_eq!(store.links(&run.job, &[record(4)]).await.expect("read"), [Some(newest)]);
}

#[tokio::test]
async fn a_record_is_found_by_its_id_at_the_destination() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let to = |id: &str| Link { destination_id: Some(DestinationId::from(id)), ..link(1) };
    let mut first = page(&run, epoch, 0, 0);
    let own = DestinationId::from("own");
    first.links = vec![(record(1), to("d1")), (record(2), to("d2")), (RecordId::from("own"), to("own"))];
    store.commit_page(first).await.expect("saved");
    assert_eq!(store.record_at(&run.job, &DestinationId::from("d2")).await.expect("read"), Some(record(2)));
    assert_eq!(store.record_at(&run.job, &own).await.expect("read"), None, "equal ids need no second table");

    // Two records that changed places, and one that lost its counterpart.
    let mut swapped = page(&run, epoch, 0, 0);
    swapped.links = vec![(record(1), to("d2")), (record(2), to("d1"))];
    store.commit_page(swapped).await.expect("saved");
    assert_eq!(store.record_at(&run.job, &DestinationId::from("d1")).await.expect("read"), Some(record(2)));
    assert_eq!(store.record_at(&run.job, &DestinationId::from("d2")).await.expect("read"), Some(record(1)));
    let mut lost = page(&run, epoch, 0, 0);
    lost.links = vec![(record(1), link(1))];
    store.commit_page(lost).await.expect("saved");
    assert_eq!(store.record_at(&run.job, &DestinationId::from("d2")).await.expect("read"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn links_are_found_however_they_lie(
        written in proptest::collection::btree_map("[a-e]{0,4}", 0..1_000_u64, 1..120),
        asked in proptest::collection::vec("[a-e]{0,4}", 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (found, expected) = runtime.block_on(async {
            let store = in_memory();
            let (run, epoch) = begin(&store, "customers").await;
            // Neighbours in the table that belong to other jobs.
            let (other, other_epoch) = begin(&store, "zebras").await;
            store.commit_page(page(&other, other_epoch, 0, 10)).await.expect("saved");
            let links = written.iter().rev().map(|(id, number)| (RecordId::from(id.as_str()), link(*number)));
            store.commit_page(PageCommit { links: links.collect(), ..page(&run, epoch, 0, 0) }).await.expect("saved");
            let ids: Vec<_> = asked.iter().map(|id| RecordId::from(id.as_str())).collect();
            let by_id: BTreeMap<_, _> = written.iter().map(|(id, number)| (id.clone(), link(*number))).collect();
            let expected: Vec<_> = asked.iter().map(|id| by_id.get(id).cloned()).collect();
            (store.links(&run.job, &ids).await.expect("read"), expected)
        });
        prop_assert_eq!(found, expected);
    }
}
