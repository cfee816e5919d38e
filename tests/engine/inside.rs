//! What no story can tell: an engine that meets its own mistakes, stops, and is looked at while it works.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use syncdeck::connect::http::{Transport, TransportError};
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{JobState, LogFilter, RunEnd, RunKind};
use syncdeck::sim::{Fault, FaultRule, Latency, Side, World};
use tokio::time::Instant;

/// A way to the world on which this program itself goes wrong.
struct Mistaken {
    inner: Arc<dyn Transport>,
    /// Requests whose address holds this.
    part: &'static str,
}

#[async_trait]
impl Transport for Mistaken {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<http::Response<Bytes>, TransportError> {
        assert!(!request.uri().to_string().contains(self.part), "a mistake of ours");
        self.inner.send(request, timeout, max_body).await
    }
}

async fn mistaken(part: &'static str) -> House {
    let world = World::new(1, 120);
    let transport = Arc::new(Mistaken { inner: world.transport(), part });
    House::by(transport, world, &format!("{CONNECTIONS}{CUSTOMERS}")).await
}

fn config() -> String {
    format!("{CONNECTIONS}{CUSTOMERS}")
}

fn customers() -> Vec<syncdeck::model::JobId> {
    vec![job("customers")]
}

async fn serving(world: World) -> House {
    let house = House::new(world, &config()).await;
    house.ask(Request::Trigger { jobs: customers() }).await;
    drop(house.engine.start(Start::service()).await);
    house
}

async fn assert_parked(house: &House, doing: &str) {
    let finished = house.finish(Start { once: true, ..Start::default() }).await;
    let RunEnd::Failed { reason, parked: true, .. } = &finished[0].end else { panic!("{:?}", finished[0].end) };
    assert_eq!(*reason, format!("{doing} stopped inside syncdeck: a mistake of ours"));
    let status = house.job(&job("customers"));
    assert!(matches!(status.state, JobState::NeedsAttention { .. }), "{:?}", status.state);
    assert_eq!((status.in_flight, status.dead_waiting), (0, 0));
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_reading_becomes_a_failed_run() {
    let house = mistaken("/api/").await;
    assert_parked(&house, "reading").await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_writing_becomes_a_failed_run_and_what_was_confirmed_is_remembered() {
    let house = mistaken("cus_000107").await;
    assert_parked(&house, "writing").await;
    assert!(house.store.checkpoint(&job("customers")).await.expect("a checkpoint").is_some(), "two pages passed");
    let links = house.store.link_count(&job("customers")).await.expect("links");
    assert_eq!(links, house.world.crm.count("customers"));
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_stops_at_once() {
    let house = serving(World::new(1, 20)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let began = Instant::now();
    house.engine.stop().await;
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    assert!(!house.engine.is_running());
}

// Row 8 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_stop_finishes_the_writes_in_flight_and_leaves_the_rest_to_the_next_engine() {
    let world = World::new(1, 400);
    world.faults.set_latency(Side::Destination, Latency { base_ms: 100, jitter_ms: 100 });
    let house = serving(world).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    let began = Instant::now();
    house.engine.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let links = house.store.link_count(&job("customers")).await.expect("links");
    assert_eq!(links, house.world.crm.count("customers"), "what was applied is known");
    let (house, finished) = house.run_once().await;
    assert_eq!(finished[0].end, RunEnd::Done);
    house.assert_in_step("customers");
    assert_eq!(house.world.audit().crm("customers").rewrites, 0);
}

// Row 116 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_source_that_gives_no_answer() {
    let world = World::new(1, 400);
    world.faults.add(FaultRule::new(Side::Source, Fault::HangBefore));
    let house = serving(world).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    house.engine.stop().await;
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
}

// Row 18 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_slow_destination_holds_the_source_back() {
    let world = World::new(1, 5_000);
    world.faults.add(FaultRule::new(Side::Destination, Fault::HangBefore));
    let house = serving(world).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let pages = house.world.trace().iter().filter(|traced| traced.side == Side::Source).count();
    assert!(pages <= 4, "{pages} pages were read while nothing could be written");
    let status = house.job(&job("customers"));
    assert!((50..=150).contains(&status.in_flight), "{} records in flight", status.in_flight);
    house.engine.stop().await;
    assert_eq!(house.job(&job("customers")).in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_a_job_is_told_and_what_people_do_is_in_the_journal() {
    let house = serving(World::new(1, 20)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    house.ask(Request::Pause { jobs: customers(), reason: Some("lunch".to_owned()) }).await;
    house.ask(Request::Resume { jobs: customers() }).await;
    house.engine.stop().await;
    let told = house.engine.notices().read(&LogFilter::default(), None, 100);
    let events: Vec<&str> = told.iter().map(|notice| notice.event.as_str()).collect();
    assert_eq!(events, ["order", "job.enabled", "run.started", "page.committed", "run.done", "order", "order"]);
    let journal = house.store.journal(None, 10).await.expect("the journal");
    let actions: Vec<_> =
        journal.iter().map(|entry| (entry.action.as_str(), entry.by.name.as_str(), entry.after.as_deref())).collect();
    assert_eq!(
        actions,
        [
            ("resume", "ops", Some("active")),
            ("pause", "ops", Some("paused")),
            ("enable", "engine", Some("backfill")),
            ("trigger", "ops", Some("active"))
        ]
    );
    assert_eq!(journal[1].reason.as_deref(), Some("lunch"));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_comes_while_a_run_begins_holds() {
    let house = House::new(World::new(1, 400), &config()).await;
    house.ask(Request::Trigger { jobs: customers() }).await;
    drop(house.engine.start(Start::service()).await);
    // The attendant has not had its first turn yet.
    house.ask(Request::Pause { jobs: customers(), reason: None }).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(matches!(house.job(&job("customers")).state, JobState::Paused { .. }));
    let control = house.store.control(&job("customers")).await.expect("a control state");
    assert!(control.paused.is_some(), "the pause is saved too");
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_a_run_of_its_own_that_leaves_the_checkpoint_alone() {
    let world = World::new(1, 20);
    world.faults.add(
        FaultRule::new(Side::Destination, Fault::Status { code: 422, body: String::new(), headers: Vec::new() })
            .nth(1, 3),
    );
    let (house, _) = House::new(world, &config()).await.run_once().await;
    let before = house.store.checkpoint(&job("customers")).await.expect("a checkpoint");
    let selection = syncdeck::model::Selection::Matching(syncdeck::model::LetterFilter::default());
    let Answer::Done(done) = house.ask(Request::Retry { selection }).await else { panic!("an order's answer") };
    assert_eq!(done.changed, 3);
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let runs = house.store.runs(None, None, 10).await.expect("runs");
    assert_eq!((&runs[0].kind, runs[0].counts.created, runs[0].by.name.as_str()), (&RunKind::Retry, 3, "ops"));
    assert_eq!(house.store.checkpoint(&job("customers")).await.expect("a checkpoint"), before);
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);
    house.engine.stop().await;
}
