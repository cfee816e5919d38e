//! What a person does to a connection by hand: hold, release, reset, test.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use std::time::Duration;
use syncdeck::control::{Answer, Done, Request};
use syncdeck::engine::Start;
use syncdeck::model::{
    CallBudget, Circuit, ConnectionId, ConnectionStatus, FindingKind, Health, JobState, RunEnd, Tested,
};
use syncdeck::sim::{Fault, FaultRule, Side, World};

fn config() -> String {
    format!("{CONNECTIONS}{CUSTOMERS}")
}

fn crm() -> ConnectionId {
    ConnectionId::from("crm")
}

fn status(house: &House, name: &str) -> ConnectionStatus {
    let snapshot = house.engine.snapshot();
    snapshot.connections.into_iter().find(|connection| connection.id.as_str() == name).expect("a connection")
}

async fn order(house: &House, request: Request) -> Done {
    let Answer::Done(done) = house.ask(request).await else { panic!("an order's answer") };
    done
}

async fn hold(house: &House) -> Done {
    order(house, Request::Hold { connection: crm(), reason: Some("migration".to_owned()) }).await
}

async fn test(house: &House, name: &str) -> Tested {
    let Answer::Tested(tested) = house.ask(Request::TestConnection { connection: name.into() }).await else {
        panic!("a test's answer")
    };
    *tested
}

async fn serve(house: &House) {
    house.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    drop(house.engine.start(Start::service()).await);
}

fn calls(house: &House, side: Side) -> usize {
    house.world.trace().iter().filter(|traced| traced.side == side).count()
}

fn down() -> Fault {
    Fault::Status { code: 503, body: String::new(), headers: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn a_held_connection_gets_no_call_until_it_is_released_and_its_job_says_who_holds_it() {
    let house = House::new(World::new(1, 120), &config()).await;
    assert_eq!(hold(&house).await.changed, 1);
    assert_eq!(hold(&house).await.changed, 0, "it is held already");
    serve(&house).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(calls(&house, Side::Destination), 0);
    let JobState::Waiting { what, .. } = house.job(&job("customers")).state else { panic!("it waits") };
    assert_eq!(what, "connection crm held by ops “migration”");
    let finding = house.engine.snapshot().findings.into_iter().find(|finding| finding.kind == FindingKind::Held);
    assert!(finding.is_some_and(|finding| finding.text.ends_with("by ops “migration”; 1 job waits")));

    let released = order(&house, Request::Release { connection: crm() }).await;
    assert_eq!(released.text, "released crm, which ops held for 10 m 0 s");
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.assert_in_step("customers");
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hold_outlives_the_process_and_a_kill() {
    let house = House::new(World::new(1, 120), &config()).await;
    hold(&house).await;
    let house = house.after_a_kill(|disk| disk.clone()).await;
    let held = status(&house, "crm").held.expect("it is held");
    assert_eq!((held.by.name.as_str(), held.reason.as_deref()), ("ops", Some("migration")));
    assert_eq!(status(&house, "crm").health(house.engine.snapshot().at), Health::Held);
    order(&house, Request::Release { connection: crm() }).await;
    let house = house.again().await;
    assert_eq!(status(&house, "crm").held, None);
    let journal = house.store.journal(None, 10).await.expect("the journal");
    let told: Vec<_> = journal
        .iter()
        .map(|entry| (entry.action.as_str(), entry.before.as_deref(), entry.after.as_deref(), entry.reason.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("release", Some("crm: held"), Some("crm: calls go through"), None),
            ("hold", Some("crm: calls go through"), Some("crm: held"), Some("migration")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hold_in_an_outage_keeps_the_canary_at_home_too() {
    let world = World::new(1, 120);
    world.faults.add(FaultRule::new(Side::Destination, down()));
    let house = House::new(world, &config()).await;
    serve(&house).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(matches!(status(&house, "crm").circuit, Circuit::Open { .. }));
    hold(&house).await;
    let before = calls(&house, Side::Destination);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(calls(&house, Side::Destination), before, "no call goes, not even the canary");
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_a_run_that_waits_for_a_held_connection() {
    let house = House::new(World::new(1, 120), &config()).await;
    hold(&house).await;
    serve(&house).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(matches!(house.job(&job("customers")).state, JobState::Paused { .. }));
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_to_end_does_not_wait_for_a_person() {
    let house = House::new(World::new(1, 120), &config()).await;
    hold(&house).await;
    let (house, finished) = house.run_once().await;
    let RunEnd::Failed { reason, hint, parked: false } = &finished[0].end else { panic!("{:?}", finished[0].end) };
    assert_eq!(reason, "connection crm held by ops “migration”");
    assert_eq!(hint.as_deref(), Some("syncdeck connection release crm"));
    assert_eq!(house.store.checkpoint(&job("customers")).await.expect("a question"), None, "nothing was lost");
}

#[tokio::test(start_paused = true)]
async fn a_test_reads_one_page_or_only_asks_whether_it_answers() {
    let house = House::new(World::new(1, 120), &config()).await;
    let tested = test(&house, "shop").await;
    assert!(tested.is_ok && tested.text == "`customers` read its first page, 50 records", "{tested:?}");
    assert_eq!(status(&house, "shop").tested, Some(tested));
    let tested = test(&house, "crm").await;
    assert!(tested.is_ok && tested.text.contains("only written to"), "{tested:?}");
    assert_eq!(status(&house, "crm").answers.all(), 1, "the call passed the gate and was counted");
    hold(&house).await;
    let refused = house.handle.ask(Request::TestConnection { connection: crm() }).await.expect_err("it is held");
    assert_eq!(refused.message, "`crm` is held by ops: no call goes, not even a test");
    let refused = house.handle.ask(Request::TestConnection { connection: "cmr".into() }).await.expect_err("unknown");
    assert_eq!(refused.message, "there is no connection `cmr`");
}

#[tokio::test(start_paused = true)]
async fn a_test_finds_that_a_system_is_back_before_the_canary_is_due() {
    let world = World::new(1, 120);
    world.faults.add(FaultRule::new(Side::Destination, down()).nth(1, 12));
    let house = House::new(world, &config()).await;
    serve(&house).await;
    while !matches!(status(&house, "crm").circuit, Circuit::Open { .. }) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut tested = test(&house, "crm").await;
    while tested.status == Some(503) {
        tested = test(&house, "crm").await;
    }
    let after = status(&house, "crm");
    assert_eq!(after.circuit, Circuit::Closed);
    assert!(after.last_open.is_some_and(|open| open.since <= open.until && !open.why.is_empty()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.assert_in_step("customers");
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_reset_circuit_lets_the_calls_go_at_once() {
    let world = World::new(1, 120);
    world.faults.add(FaultRule::new(Side::Destination, down()).nth(1, 8));
    let house = House::new(world, &config()).await;
    assert_eq!(order(&house, Request::ResetCircuit { connection: crm() }).await.changed, 0);
    serve(&house).await;
    while !matches!(status(&house, "crm").circuit, Circuit::Open { .. }) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(order(&house, Request::ResetCircuit { connection: crm() }).await.changed, 1);
    tokio::time::sleep(Duration::from_secs(120)).await;
    house.assert_in_step("customers");
    house.assert_clean();
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_by_class_by_time_and_by_job() {
    let world = World::new(1, 120);
    let fault = Fault::Status { code: 429, body: String::new(), headers: vec![("Retry-After".into(), "7".into())] };
    world.faults.add(FaultRule::new(Side::Destination, fault).nth(1, 1));
    let (house, _) = House::new(world, &config()).await.run_once().await;
    let crm = status(&house, "crm");
    let lately = crm.answers_of_last(300);
    assert_eq!((lately, lately.throttled, lately.all()), (crm.answers, 1, calls(&house, Side::Destination) as u64));
    assert_eq!((crm.users.len(), crm.users[0].calls), (1, lately.all()));
    assert_eq!(crm.last_throttled.and_then(|last| last.retry_after_ms), Some(7_000));
    tokio::time::sleep(Duration::from_secs(1_200)).await;
    let crm = status(&house, "crm");
    assert_eq!((crm.answers_of_last(900).all(), crm.users[0].calls), (0, 0), "it is longer ago than the history goes");
    assert_eq!(crm.answers, lately);
}

async fn budget(house: &House, text: Option<&str>) -> Result<Done, String> {
    let budget = text.map(|text| CallBudget::read(text).expect("a budget"));
    let reason = Some("month end".to_owned());
    let request = Request::LowerBudget { connection: crm(), budget, reason };
    match house.handle.ask(request).await {
        Ok(Answer::Done(done)) => Ok(done),
        Ok(other) => panic!("an order's answer, not {other:?}"),
        Err(refusal) => Err(refusal.message),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lowered_budget_holds_its_job_to_it_and_is_undone() {
    let house = House::new(World::new(1, 120), &config()).await;
    let done = budget(&house, Some("60 per 1m")).await.expect("lowered");
    assert_eq!(done.text, "lowered the budget of crm to 60 calls in 1m, until it is cleared");
    assert_eq!(budget(&house, Some("60/60s")).await.expect("asked").changed, 0, "it is that already");
    let lowered = status(&house, "crm").lowered.expect("it is shown");
    assert_eq!((lowered.budget.to_string().as_str(), lowered.reason.as_deref()), ("60 calls in 1m", Some("month end")));
    serve(&house).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let n = calls(&house, Side::Destination);
    assert!((20..=32).contains(&n), "one a second, not {n}");

    let undo = *done.undo.expect("it can be taken back");
    assert_eq!(order(&house, undo).await.text, "crm has its configured budget again");
    assert_eq!(status(&house, "crm").lowered, None);
    tokio::time::sleep(Duration::from_secs(120)).await;
    house.assert_in_step("customers");
    let journal = house.store.journal(None, 9).await.expect("read");
    let entry = journal.iter().rev().find(|entry| entry.action == "budget").expect("it is in the journal");
    assert_eq!(entry.after.as_deref(), Some("crm: budget lowered to 60 calls in 1m"));
    assert_eq!(entry.reason.as_deref(), Some("month end"));
    house.engine.stop().await;
}
