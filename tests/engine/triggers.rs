//! What sets jobs going, and in which order: schedules, configurations that change, ranges, and turns.

use crate::house::{BEGIN, CONNECTIONS, CUSTOMERS, House, job};
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::engine::Start;
use syncdeck::model::{FindingKind, JobState, JournalEntry, Run, RunEnd, RunKind, Timestamp};
use syncdeck::sim::{Latency, Side, World};

const MINUTE: Duration = Duration::from_secs(60);

fn config() -> String {
    format!("{CONNECTIONS}{CUSTOMERS}")
}

fn with(key: &str) -> String {
    config().replace("[jobs.customers]\n", &format!("[jobs.customers]\n{key}\n"))
}

/// Without the job of all other tests, and with one of another name.
fn others() -> String {
    config().replace("jobs.customers", "jobs.others")
}

async fn serve(house: &House, span: Duration) {
    // What a service's jobs end with is not waited for, so nobody listens.
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(span).await;
}

/// The runs of a job, oldest first.
async fn runs(house: &House, name: &str) -> Vec<Run> {
    let mut runs = house.store.runs(Some(&job(name)), None, 100).await.expect("runs");
    runs.reverse();
    runs
}

async fn journal(house: &House) -> Vec<JournalEntry> {
    house.store.journal(None, 100).await.expect("a journal")
}

fn reasons(journal: &[JournalEntry], action: &str) -> Vec<String> {
    let found = journal.iter().filter(|entry| entry.action == action);
    found.map(|entry| entry.reason.clone().unwrap_or_default()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_new_job_begins_its_backfill_by_itself_once_and_says_so() {
    let house = House::new(World::new(1, 120), &config()).await;
    serve(&house, MINUTE).await;
    house.assert_in_step("customers");
    assert_eq!(reasons(&journal(&house).await, "enable"), ["enabled: the backfill begins"]);
    assert_eq!(journal(&house).await[0].by, syncdeck::model::Actor::engine());
    let house = house.again().await;
    serve(&house, MINUTE).await;
    assert_eq!(runs(&house, "customers").await.len(), 1, "a manual job waits for a person after its backfill");
    assert_eq!(reasons(&journal(&house).await, "enable").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_map_begins_the_backfill_of_a_manual_job() {
    let house = House::new(World::new(1, 120), &config()).await;
    serve(&house, MINUTE).await;
    let house = house
        .with(&format!("{}\n[jobs.customers.map]\nid = \"id\"\nemail = \"email\"\nphone = \"phone\"\n", config()))
        .await;
    serve(&house, MINUTE).await;
    house.assert_in_step("customers");
    assert_eq!(runs(&house, "customers").await.len(), 2);
    let told = "source, destination or map changed: the backfill begins";
    assert_eq!(reasons(&journal(&house).await, "enable"), [told, "enabled: the backfill begins"]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_disabled_for_a_while_reads_everything_once_more_and_writes_nothing_needless() {
    let house = House::new(World::new(1, 120), &config()).await;
    serve(&house, MINUTE).await;
    let house = house.with(&with("enabled = false")).await;
    serve(&house, MINUTE).await;
    assert_eq!(reasons(&journal(&house).await, "disable"), ["disabled in the configuration; its state is kept"]);
    let house = house.with(&config()).await;
    serve(&house, MINUTE).await;
    let runs = runs(&house, "customers").await;
    let counts = &runs[1].counts;
    assert_eq!((runs.len(), counts.scanned, counts.skipped), (2, 120, 120));
    assert_eq!(reasons(&journal(&house).await, "enable").len(), 2);
    assert!(!house.store.control(&job("customers")).await.expect("a control state").again, "it is read again once");
    house.assert_in_step("customers");
    house.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_is_told_of_until_it_is_forgotten_and_then_begins_anew() {
    let house = House::new(World::new(1, 120), &config()).await;
    serve(&house, MINUTE).await;
    let house = house.with(&others()).await;
    serve(&house, MINUTE).await;
    let finding = |house: &House| {
        let findings = house.engine.snapshot().findings;
        findings.into_iter().find(|finding| finding.kind == FindingKind::NotConfigured).map(|finding| finding.text)
    };
    let told = "customers is not configured any more; its state is kept (120 known records, 0 dead letters)";
    assert_eq!(finding(&house).as_deref(), Some(told));
    let gone = "gone from the configuration; its state is kept until it is forgotten";
    assert_eq!(reasons(&journal(&house).await, "disable"), [gone]);
    house.ask(Request::Forget { job: job("customers") }).await;
    assert_eq!(finding(&house), None);
    assert_eq!(house.store.link_count(&job("customers")).await.expect("links"), 0);
    assert!(house.store.checkpoint(&job("customers")).await.expect("an answer").is_none());
    assert!(runs(&house, "customers").await.is_empty());
    let entry = &journal(&house).await[0];
    assert_eq!((entry.action.as_str(), entry.by.name.as_str()), ("forget", "ops"));
    assert_eq!(entry.before.as_deref(), Some("120 known records, 0 dead letters"));
    let again = house.handle.ask(Request::Forget { job: job("customers") }).await.expect_err("nothing is left");
    assert_eq!(again.message, "there is no job `customers`");
    let house = house.with(&config()).await;
    serve(&house, MINUTE).await;
    house.assert_in_step("customers");
    house.assert_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_may_run_is_not_forgotten_and_a_paused_one_stays_paused() {
    let house = House::new(World::new(1, 120), &config()).await;
    serve(&house, MINUTE).await;
    let forget = Request::Forget { job: job("customers") };
    let refusal = house.handle.ask(forget.clone()).await.expect_err("it is enabled");
    assert!(refusal.message.contains("is configured and enabled"), "{}", refusal.message);
    house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    house.ask(forget).await;
    let house = house.again().await;
    serve(&house, MINUTE).await;
    let status = house.job(&job("customers"));
    assert!(matches!(status.state, JobState::Paused { .. }), "{:?}", status.state);
    assert_eq!((status.checkpoint, status.total.scanned), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn forgetting_that_a_crash_cut_off_is_ended_by_the_next_engine() {
    let house = House::new(World::new(1, 6_000), &config()).await;
    let (house, _) = house.run_once().await;
    let house = house.with(&others()).await;
    {
        let customers = job("customers");
        let mut forget = std::pin::pin!(house.store.forget(&customers, None));
        // The first part is on its way, and nobody orders the second.
        tokio::select! {
            biased;
            ended = &mut forget => panic!("all of it was forgotten at once: {ended:?}"),
            () = std::future::ready(()) => {}
        }
    }
    while house.store.half_forgotten().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let checkpoint = house.store.checkpoint(&job("customers")).await.expect("an answer");
    assert!(checkpoint.is_none(), "what is half forgotten goes on from nowhere");
    let house = house.after_a_kill(Clone::clone).await;
    assert!(house.store.half_forgotten().is_empty());
    assert_eq!(house.store.link_count(&job("customers")).await.expect("links"), 0);
}

/// When the customers of the shop changed.
fn moments(house: &House) -> Vec<Timestamp> {
    let mut moments: Vec<jiff::Timestamp> = house
        .world
        .shop
        .dump("customers")
        .into_values()
        .map(|body| {
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            body["updated_at"].as_str().expect("a time").parse().expect("a time")
        })
        .collect();
    moments.sort();
    moments.into_iter().map(Timestamp::from).collect()
}

/// A range of some customers, and how many those are.
fn range(house: &House) -> (Timestamp, Timestamp, u64) {
    let moments = moments(house);
    let (since, until) = (moments[30], moments[60]);
    (since, until, moments.iter().filter(|at| since <= **at && **at < until).count() as u64)
}

fn only(since: Timestamp, until: Timestamp) -> Start {
    Start { once: true, since: Some(since), until: Some(until), ..Start::default() }
}

#[tokio::test(start_paused = true)]
async fn a_range_is_synced_without_a_checkpoint_and_the_backfill_finds_it_done() {
    let house = House::new(World::new(1, 120), &config()).await;
    let (since, until, n) = range(&house);
    let (house, ends) = house.run(only(since, until)).await;
    assert_eq!((&ends[0].end, ends[0].counts.scanned, ends[0].counts.created), (&RunEnd::Done, n, n));
    assert!(ends[0].checkpoint.is_none(), "a range moves no checkpoint");
    assert_eq!(house.world.crm.count("customers"), n);
    let (house, ends) = house.run_once().await;
    let counts = &ends[0].counts;
    assert_eq!((counts.scanned, counts.created, counts.skipped), (120, 120 - n, n));
    house.assert_in_step("customers");
    house.assert_clean();
    let kinds: Vec<&str> = runs(&house, "customers").await.iter().map(|run| run.kind.word()).collect();
    assert_eq!(kinds, ["range", "sync"]);
}

#[tokio::test(start_paused = true)]
async fn a_range_leaves_the_checkpoint_of_a_backfill_that_is_under_way() {
    let house = House::new(World::new(1, 120), &with("max_pages = 1")).await;
    let start = Start { once: true, max_records: Some(50), ..Start::default() };
    let (house, ends) = house.run(start).await;
    let before = ends[0].checkpoint.clone().expect("a checkpoint");
    let (since, until, n) = range(&house);
    let (house, ends) = house.run(only(since, until)).await;
    assert_eq!((ends[0].counts.scanned, ends[0].checkpoint.as_ref()), (n, Some(&before)));
    let (house, _) = house.run_once().await;
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn an_ordered_range_that_a_crash_cut_off_is_read_again_from_its_start() {
    let house = House::new(World::new(1, 120), &config()).await;
    serve(&house, MINUTE).await;
    let slow = Latency { base_ms: 60_000, jitter_ms: 0 };
    house.world.faults.set_latency(Side::Source, slow);
    let (since, until, n) = range(&house);
    house.ask(Request::Range { job: job("customers"), since, until: Some(until) }).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let is_range = |run: &Run| matches!(run.kind, RunKind::Range { .. });
    assert!(runs(&house, "customers").await.iter().any(is_range));
    let house = house.after_a_kill(Clone::clone).await;
    house.world.faults.set_latency(Side::Source, Latency::default());
    serve(&house, MINUTE).await;
    let runs = runs(&house, "customers").await;
    let ends: Vec<_> =
        runs.iter().filter(|run| is_range(run)).map(|run| (run.end.clone(), run.counts.scanned)).collect();
    assert_eq!(ends, [(Some(RunEnd::Interrupted), 0), (Some(RunEnd::Done), n)]);
    assert_eq!(house.store.control(&job("customers")).await.expect("a control state").range, None);
}

#[tokio::test(start_paused = true)]
async fn a_range_of_records_without_versions_is_refused() {
    let lines = config();
    let lines = lines.lines().filter(|line| !line.starts_with("version") && !line.starts_with("incremental"));
    let house = House::new(World::new(1, 120), &lines.collect::<Vec<_>>().join("\n")).await;
    let request = Request::Range { job: job("customers"), since: BEGIN, until: None };
    let refusal = house.handle.ask(request).await.expect_err("nothing says when a record changed");
    assert!(refusal.message.contains("has no `version`"), "{}", refusal.message);
    let (_, ends) = house.run(Start { once: true, since: Some(BEGIN), ..Start::default() }).await;
    assert!(matches!(ends[0].end, RunEnd::Failed { parked: false, .. }), "{:?}", ends[0].end);
}

// It is 14:13:20 when the test begins.
#[tokio::test(start_paused = true)]
async fn a_cron_schedule_runs_at_its_times_and_catches_up_once_what_it_missed() {
    let house = House::new(World::new(1, 10), &with("schedule = { cron = \"0 * * * *\" }")).await;
    serve(&house, 170 * MINUTE).await;
    let began = |runs: &[Run]| runs.iter().map(|run| run.started_at.clock_text()).collect::<Vec<_>>();
    let times = began(&runs(&house, "customers").await);
    assert_eq!(times, ["14:13:20", "15:00:00", "16:00:00", "17:00:00"]);
    house.engine.stop().await;
    tokio::time::sleep(300 * MINUTE).await;
    let house = house.again().await;
    serve(&house, 60 * MINUTE).await;
    assert_eq!(began(&runs(&house, "customers").await)[4..], ["22:03:20", "23:00:00"]);
}

/// So many jobs of the same records, `most` of which may run at a time.
fn many(jobs: &[(&str, &str)], most: usize) -> String {
    let head = CONNECTIONS.replace("[workspace]\n", &format!("[workspace]\nruns_at_once = {most}\n"));
    let other = "[connections.other]\ntype = \"rest\"\nbase_url = \"http://shop.test/api\"\n";
    let jobs = jobs.iter().map(|(name, source)| {
        let job = CUSTOMERS.replace("jobs.customers", &format!("jobs.{name}"));
        job.replace("connection = \"shop\"", &format!("connection = \"{source}\""))
    });
    format!("{head}{other}{}", jobs.collect::<String>())
}

const FIVE: [(&str, &str); 5] = [("a", "shop"), ("b", "shop"), ("c", "shop"), ("d", "shop"), ("e", "shop")];

fn waits(house: &House) -> Vec<String> {
    let jobs = house.engine.snapshot().jobs;
    let what = jobs.into_iter().filter_map(|job| match job.state {
        JobState::Waiting { what, .. } => Some(format!("{}: {what}", job.id)),
        _ => None,
    });
    what.collect()
}

#[tokio::test(start_paused = true)]
async fn jobs_that_are_due_take_turns_and_say_how_many_are_before_them() {
    let world = World::new(1, 10);
    world.faults.set_latency(Side::Source, Latency { base_ms: 2_000, jitter_ms: 0 });
    let house = House::new(world, &many(&FIVE, 2)).await;
    serve(&house, Duration::from_secs(1)).await;
    let rows = ["c: its turn, 0 before it", "d: its turn, 1 before it", "e: its turn, 2 before it"];
    assert_eq!(waits(&house), rows);
    let findings = house.engine.snapshot().findings;
    assert!(findings.is_empty(), "waiting for a turn is nobody's fault: {findings:?}");
    tokio::time::sleep(MINUTE).await;
    let all = house.store.runs(None, None, 100).await.expect("runs");
    let ended = all.iter().filter(|run| run.end == Some(RunEnd::Done)).count();
    assert_eq!((all.len(), ended), (5, 5), "nobody starves");
    let at_once = |run: &Run| {
        all.iter()
            .filter(|other| other.started_at <= run.started_at && run.started_at < other.ended_at.expect("an end"))
            .count()
    };
    assert!(all.iter().all(|run| at_once(run) <= 2));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_paused_while_it_waits_for_its_turn_leaves_the_row_at_once() {
    let world = World::new(1, 10);
    world.faults.set_latency(Side::Source, Latency { base_ms: 5_000, jitter_ms: 0 });
    let house = House::new(world, &many(&FIVE, 1)).await;
    serve(&house, Duration::from_secs(1)).await;
    house.ask(Request::Pause { jobs: vec![job("b")], reason: None }).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    let status = house.job(&job("b"));
    assert!(matches!(status.state, JobState::Paused { .. }), "{:?}", status.state);
    assert_eq!(waits(&house)[0], "c: its turn, 0 before it");
    tokio::time::sleep(MINUTE).await;
    assert!(runs(&house, "b").await.is_empty());
    assert_eq!(house.store.runs(None, None, 100).await.expect("runs").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_system_is_held_lends_its_turn() {
    let house = House::new(World::new(1, 10), &many(&[("a", "other"), ("b", "shop")], 1)).await;
    house.ask(Request::Hold { connection: "other".into(), reason: None }).await;
    serve(&house, MINUTE).await;
    assert!(matches!(runs(&house, "b").await[..], [Run { end: Some(RunEnd::Done), .. }]));
    assert!(matches!(runs(&house, "a").await[..], [Run { end: None, .. }]));
}

// Row 98 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_configuration_that_changed_on_disk_is_told_until_it_is_as_it_was() {
    let house = House::new(World::new(1, 10), &config()).await;
    let told = |house: &House| house.engine.snapshot().findings.into_iter().map(|finding| finding.text).next();
    house.engine.set_config_changed(Some(BEGIN));
    let text = "the configuration changed on disk at 14:13:20Z; the jobs run by the one before";
    assert_eq!(told(&house).as_deref(), Some(text));
    house.engine.set_config_changed(None);
    assert_eq!(told(&house), None);
}
