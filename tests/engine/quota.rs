//! A day's quota: counted over restarts, told when it is nearly used, and waited for when it is used up.

use crate::disk::Disk;
use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::engine::Start;
use syncdeck::model::{ConnectionStatus, FindingKind, JobState, RunEnd};
use syncdeck::sim::{Side, World};

fn config(requests: u32) -> String {
    format!("{CONNECTIONS}limits = {{ quota = {{ requests = {requests} }} }}\n{CUSTOMERS}")
}

fn crm(house: &House) -> ConnectionStatus {
    let snapshot = house.engine.snapshot();
    snapshot.connections.into_iter().find(|connection| connection.id.as_str() == "crm").expect("a connection")
}

fn writes(house: &House) -> usize {
    house.world.trace().iter().filter(|traced| traced.side == Side::Destination).count()
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_makes_its_job_wait_until_midnight_and_then_go_on() {
    let house = House::new(World::new(1, 300), &config(200)).await;
    house.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(writes(&house), 200);
    let quota = crm(&house).quota.expect("a quota");
    assert_eq!((quota.used, quota.percent()), (200, 100));
    let JobState::Waiting { what, until: Some(until), .. } = house.job(&job("customers")).state else {
        panic!("it waits: {:?}", house.job(&job("customers")).state)
    };
    assert!(what.contains("the daily quota of crm is used up"), "{what}");
    assert_eq!(until.0 / 1_000, quota.resets_at.0 / 1_000);
    let findings = house.engine.snapshot().findings;
    let finding = findings.iter().find(|finding| finding.kind == FindingKind::BudgetLow).expect("it is told");
    assert!(finding.text.starts_with("the daily quota of crm is used up (200); its jobs wait"), "{}", finding.text);
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);

    tokio::time::sleep(quota.resets_at.since(house.engine.snapshot().at) + Duration::from_secs(300)).await;
    house.engine.stop().await;
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_counted_over_restarts_and_a_kill_counts_too_much_at_most() {
    let house = House::new(World::new(1, 120), &config(1_000)).await;
    let (house, finished) = house.run_once().await;
    assert_eq!(finished[0].end, RunEnd::Done);
    let made = u64::try_from(writes(&house)).expect("a count");
    let house = house.again().await;
    assert_eq!(crm(&house).quota.map(|quota| quota.used), Some(made), "what was reserved is given back at the end");

    house.finish(Start { once: true, full: true, ..Start::default() }).await;
    let made = u64::try_from(writes(&house)).expect("a count");
    let house = house.after_a_kill(Disk::after_a_kill).await;
    let used = crm(&house).quota.expect("a quota").used;
    assert!(made <= used && used <= made + 10, "{made} made, {used} counted");
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_nearly_used_is_told() {
    let (house, _) = House::new(World::new(1, 95), &config(100)).await.run_once().await;
    let findings = house.engine.snapshot().findings;
    let told: Vec<_> = findings.iter().filter(|finding| finding.kind == FindingKind::BudgetLow).collect();
    assert_eq!(told.len(), 1, "{findings:?}");
    assert_eq!(told[0].text, "95% of the daily quota of crm is used (95 of 100)");
}
