//! Withheld deletes and the orders about them, and what a pass without changes costs.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{JobState, JournalEntry, Link, RecordId};
use syncdeck::sim::{Removal, Side, World};

/// A house whose job may delete nothing without a person, in step with a source in which two records were deleted then.
async fn with_withheld() -> House {
    let config = format!("{CONNECTIONS}{CUSTOMERS}\n[jobs.customers.guard]\nmax_deletes = 0\n");
    let (house, _) = House::new(World::new(1, 60), &config).await.run_once().await;
    for id in ["cus_000004", "cus_000005"] {
        assert!(house.world.shop.remove("customers", id, Removal::Tombstone));
    }
    house.run_once().await.0.again().await
}

async fn held(house: &House, is_kept: bool) -> Vec<String> {
    let request = Request::Held { job: job("customers"), after: None, is_kept, limit: 10 };
    let Answer::Held { rows, .. } = house.ask(request).await else { panic!("another answer") };
    rows.iter().map(|row| row.record.shown()).collect()
}

async fn last_entry(house: &House) -> JournalEntry {
    house.store.journal(None, 1).await.expect("the journal").remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_release_must_name_the_number_and_stands_in_the_journal() {
    let house = with_withheld().await;
    assert_eq!(held(&house, false).await, ["cus_000004", "cus_000005"]);
    let release = |count| Request::HeldRelease { job: job("customers"), count, reason: "closed".to_owned() };
    let refused = house.handle.ask(release(1)).await.expect_err("it is too few").message;
    assert_eq!(refused, "2 deletes of `customers` are withheld, and 1 were named; name their number to release them");
    let Answer::Done(done) = house.ask(release(2)).await else { panic!("another answer") };
    assert_eq!(done.changed, 2, "{}", done.text);
    let entry = last_entry(&house).await;
    assert_eq!((entry.action.as_str(), entry.by.name.as_str()), ("release deletes", "ops"));
    assert_eq!(entry.reason.as_deref(), Some("2: closed"));
    assert!(entry.before.is_some() && entry.after.is_some(), "{entry:?}");
    // It outlives the process, and a running engine carries it out by itself.
    let house = house.again().await;
    drop(house.engine.start(Start::service()).await);
    while !held(&house, false).await.is_empty() || house.job(&job("customers")).run.is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    house.engine.stop().await;
    assert_eq!(house.job(&job("customers")).state, JobState::Idle);
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_discard_of_withheld_deletes_stands_in_the_journal() {
    let house = with_withheld().await;
    assert!(matches!(house.job(&job("customers")).state, JobState::NeedsAttention { .. }));
    let order = Request::HeldDiscard { job: job("customers"), reason: "a wrong query".to_owned() };
    assert!(order.changes());
    house.ask(order).await;
    assert_eq!((held(&house, false).await.len(), held(&house, true).await.len()), (0, 2));
    let entry = last_entry(&house).await;
    assert_eq!((entry.action.as_str(), entry.by.name.as_str()), ("discard deletes", "ops"));
    assert_eq!(entry.before.as_deref(), Some("2 deletes withheld"));
    assert_eq!(house.job(&job("customers")).state, JobState::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_pass_without_changes_costs_two_requests_at_most_and_writes_no_link() {
    let house = House::new(World::new(1, 120), &format!("{CONNECTIONS}{CUSTOMERS}")).await;
    let (house, _) = house.run_once().await;
    let ids: Vec<RecordId> = (1..=120).map(|number| RecordId::from(format!("cus_{number:06}"))).collect();
    let links =
        async |house: &House| -> Vec<Option<Link>> { house.store.links(&job("customers"), &ids).await.expect("links") };
    let before = links(&house).await;
    assert!(before.iter().all(Option::is_some));
    house.world.clear_trace();
    let (house, finished) = house.run_once().await;
    let on = |side| house.world.trace().iter().filter(|traced| traced.side == side).count();
    assert!(on(Side::Source) <= 2, "{} requests", on(Side::Source));
    assert_eq!((on(Side::Destination), finished[0].counts.written()), (0, 0));
    assert_eq!(links(&house).await, before);
}
