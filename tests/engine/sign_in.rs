//! Signing in: once for all, ahead of expiry, once more after a refusal, and never with a token that is not saved.

use crate::disk::Disk;
use crate::house::{BEGIN, CUSTOMERS, House, job};
use std::time::Duration;
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{ConnectionStatus, JobState, LetterFilter, RunEnd};
use syncdeck::sim::{CLIENT, Fault, FaultRule, IdentityOrder, Options, Shop, Side, World};

/// A world on the engine's own clock, in which both systems want a token.
fn world(records: u64, order: IdentityOrder) -> World {
    let clock = std::sync::Arc::new(syncdeck::engine::clock::RuntimeClock::starting_at(BEGIN));
    let world = World::with(&Options { clock, ..Options::new(1, records) });
    world.identity.order(IdentityOrder { guards: Some(vec![Side::Destination]), ..order });
    world
}

fn config(more: &str, jobs: &str) -> String {
    let [id, secret, _] = CLIENT;
    format!(
        r#"
[workspace]
name = "test"
state = "state"
[connections.shop]
type = "rest"
base_url = "http://shop.test/api"
[connections.crm]
type = "rest"
base_url = "http://crm.test/v2"
auth = {{ type = "oauth2", token_url = "http://localhost/oauth/token", client_id = "{id}", client_secret = "{secret}"{more} }}
{jobs}"#
    )
}

fn with_refresh_token() -> String {
    config(&format!(", refresh_token = \"{}\"", CLIENT[2]), CUSTOMERS)
}

fn crm(house: &House) -> ConnectionStatus {
    let snapshot = house.engine.snapshot();
    snapshot.connections.into_iter().find(|connection| connection.id.as_str() == "crm").expect("a connection")
}

async fn once(house: House) -> (House, RunEnd) {
    let (house, mut finished) = house.run_once().await;
    (house, finished.remove(0).end)
}

#[tokio::test(start_paused = true)]
async fn all_jobs_of_a_connection_share_one_sign_in_and_a_restart_needs_none() {
    let jobs = format!("{CUSTOMERS}{}", CUSTOMERS.replace("customers", "products"));
    let house = House::new(world(300, IdentityOrder::default()), &config("", &jobs)).await;
    assert_eq!(crm(&house).token.expect("it signs in").since, None);
    let (house, finished) = house.run_once().await;
    assert!(finished.iter().all(|finish| finish.end == RunEnd::Done), "{finished:?}");
    assert_eq!(house.world.identity.figures(), (1, 1));
    let token = crm(&house).token.expect("it signs in");
    assert!(token.expires_at > token.since && token.problem.is_none(), "{token:?}");

    house.world.shop.churn_once("customers", syncdeck::sim::Churn::Edit);
    let (house, end) = once(house.after_a_kill(Disk::after_a_kill).await).await;
    assert_eq!((end, house.world.identity.figures()), (RunEnd::Done, (1, 1)));
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_expires_so_nothing_is_ever_refused() {
    let house = House::new(
        world(60, IdentityOrder { expires_in: Some(100), ..IdentityOrder::default() }),
        &config("", CUSTOMERS),
    )
    .await;
    house.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    drop(house.engine.start(Start::service()).await);
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(31)).await;
        house.world.shop.churn_once("customers", syncdeck::sim::Churn::Insert);
        house.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    }
    tokio::time::sleep(Duration::from_secs(31)).await;
    house.engine.stop().await;
    house.assert_in_step("customers");
    let refused = house.world.trace().iter().filter(|traced| traced.status == Some(401)).count();
    assert_eq!(refused, 0);
    let (asked, given) = house.world.identity.figures();
    assert!((5..=8).contains(&asked) && asked == given, "{asked} requests for a token in ten minutes of 100 s each");
}

// Row 63 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_in_the_middle_of_a_run_is_renewed_once_and_the_run_goes_on() {
    let house = House::new(world(400, IdentityOrder::default()), &config("", CUSTOMERS)).await;
    let identity = house.world.identity.clone();
    let revoked = std::sync::Once::new();
    let revoke = move |_: &Shop, _: &str| {
        revoked.call_once(|| identity.order(IdentityOrder { revoke: true, ..IdentityOrder::default() }));
    };
    house.world.shop.on_listing(4, std::sync::Arc::new(revoke));
    let (house, end) = once(house.again().await).await;
    assert_eq!(end, RunEnd::Done);
    assert_eq!(house.world.identity.figures(), (2, 2), "many writes were refused together, and one asked");
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);
    house.assert_in_step("customers");
}

// Row 63 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_new_token_that_is_refused_too_parks_the_job_and_nothing_is_dead_lettered() {
    let order = IdentityOrder { useless: Some(true), ..IdentityOrder::default() };
    let (house, end) = once(House::new(world(400, order), &config("", CUSTOMERS)).await).await;
    let RunEnd::Failed { parked: true, .. } = end else { panic!("it is parked: {end:?}") };
    let status = house.job(&job("customers"));
    let JobState::NeedsAttention { hint: Some(hint), .. } = status.state else { panic!("{:?}", status.state) };
    assert!(hint.contains("the sign-in of connection `crm` is refused"), "{hint}");
    assert_eq!(status.dead_waiting, 0);
    let (asked, _) = house.world.identity.figures();
    assert_eq!(asked, 2, "one token, and one more after its refusal");

    house.world.identity.order(IdentityOrder { useless: Some(false), ..IdentityOrder::default() });
    house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    let (house, end) = once(house).await;
    assert_eq!(end, RunEnd::Done);
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_away_is_an_outage_and_costs_no_record() {
    let order = IdentityOrder { status: Some(503), ..IdentityOrder::default() };
    let house = House::new(world(120, order), &config("", CUSTOMERS)).await;
    house.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    let (asked, _) = house.world.identity.figures();
    assert!(asked < 80, "{asked} requests in half an hour");
    assert!(crm(&house).token.and_then(|token| token.problem).is_some());
    house.world.identity.order(IdentityOrder { status: Some(200), ..IdentityOrder::default() });
    tokio::time::sleep(Duration::from_secs(180)).await;
    house.engine.stop().await;
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_rotated_refresh_token_survives_a_kill_because_it_is_saved_before_its_token_is_used() {
    let order = IdentityOrder { rotates: Some(true), ..IdentityOrder::default() };
    let (house, end) = once(House::new(world(60, order), &with_refresh_token()).await).await;
    assert_eq!(end, RunEnd::Done);
    assert_ne!(house.world.identity.refresh_token(), CLIENT[2], "the configured one is dead");
    let house = house.after_a_kill(Disk::after_a_kill).await;
    house.world.identity.order(IdentityOrder { revoke: true, ..IdentityOrder::default() });
    house.world.shop.churn_once("customers", syncdeck::sim::Churn::Insert);
    let (house, end) = once(house).await;
    assert_eq!((end, house.world.identity.figures()), (RunEnd::Done, (2, 2)));
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_dead_refresh_token_parks_the_job_and_says_to_sign_in_again() {
    let order = IdentityOrder { revoke_refresh: true, ..IdentityOrder::default() };
    let (house, end) = once(House::new(world(60, order), &with_refresh_token()).await).await;
    let RunEnd::Failed { parked: true, reason, .. } = end else { panic!("it is parked: {end:?}") };
    assert!(reason.contains("invalid_grant"), "{reason}");
    let JobState::NeedsAttention { hint: Some(hint), .. } = house.job(&job("customers")).state else {
        panic!("a hint")
    };
    assert!(hint.contains("sign in again and put the new `refresh_token`"), "{hint}");
}

/// Customers in batches, with a status for each.
fn in_batches(requests: u32) -> String {
    let (job, _) = CUSTOMERS.split_once("[jobs.customers.destination]").expect("a destination");
    let batch = r#"batch = { path = "/customers:batch", size = 20, items = "/items", statuses = "/results", status = "/status", error = "/error" }"#;
    let jobs = format!("{job}[jobs.customers.destination]\nconnection = \"crm\"\nwrite = \"batch\"\n{batch}\n");
    config("", &jobs)
        .replace("[jobs.customers]", &format!("limits = {{ quota = {{ requests = {requests} }} }}\n[jobs.customers]"))
}

fn refused_parts(last: Option<u64>) -> FaultRule {
    let rule = FaultRule::new(Side::Destination, Fault::BatchPart { every: 3, status: 401 });
    FaultRule { to: last, ..rule }
}

// Row 63 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn records_of_a_batch_that_are_refused_for_their_token_are_sent_again_with_a_new_one() {
    let world = world(200, IdentityOrder::default());
    world.faults.add(refused_parts(Some(1)));
    let (house, end) = once(House::new(world, &in_batches(1_000)).await).await;
    assert_eq!((end, house.world.identity.figures()), (RunEnd::Done, (2, 2)));
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);
    house.assert_in_step("customers");
}

// Row 63 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn records_of_a_batch_that_a_new_token_does_not_help_park_the_job_and_nothing_is_dead_lettered() {
    let world = world(200, IdentityOrder::default());
    world.faults.add(refused_parts(None));
    let (house, end) = once(House::new(world, &in_batches(1_000)).await).await;
    let RunEnd::Failed { parked: true, .. } = end else { panic!("it is parked: {end:?}") };
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);
    let (asked, _) = house.world.identity.figures();
    assert_eq!(asked, 2, "one token, and one more after its refusal");
}

#[tokio::test(start_paused = true)]
async fn requests_for_a_token_and_those_that_are_made_again_with_a_new_one_count_as_calls() {
    let house = House::new(world(1_600, IdentityOrder::default()), &in_batches(1_000)).await;
    let identity = house.world.identity.clone();
    let revoked = std::sync::Once::new();
    let revoke = move |_: &Shop, _: &str| {
        revoked.call_once(|| identity.order(IdentityOrder { revoke: true, ..IdentityOrder::default() }));
    };
    house.world.shop.on_listing(20, std::sync::Arc::new(revoke));
    let (house, end) = once(house.again().await).await;
    assert_eq!((end, house.world.identity.figures()), (RunEnd::Done, (2, 2)));
    let arrived = house.world.trace().iter().filter(|traced| traced.side == Side::Destination).count() + 2;
    let crm = crm(&house);
    assert_eq!(crm.quota.expect("a quota").used, arrived as u64);
    assert_eq!(crm.answers.ok + crm.answers.client_error, arrived as u64, "{:?}", crm.answers);
}

// Rows 99 and 100 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn no_token_is_in_the_state_file_or_in_what_a_system_echoed() {
    let world = world(60, IdentityOrder { rotates: Some(true), ..IdentityOrder::default() });
    let echo = Fault::Status {
        code: 422,
        body: r#"{"error":{"message":"you sent Bearer simulated-access-1"}}"#.to_owned(),
        headers: Vec::new(),
    };
    world.faults.add(FaultRule::new(Side::Destination, echo).id("cus_000007"));
    let (house, end) = once(House::new(world, &with_refresh_token()).await).await;
    assert_eq!(end, RunEnd::Done);
    let Answer::Groups(groups) = house.ask(Request::DeadGroups { filter: LetterFilter::default() }).await else {
        panic!("groups")
    };
    assert_eq!(groups[0].reason.message, "you sent Bearer ••••");
    house.engine.stop().await;
    let file = house.disk.content();
    for secret in ["simulated-access-", "simulated-refresh-", "simulated-client-secret"] {
        assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is in the state file");
    }
}
