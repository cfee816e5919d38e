//! Webhooks, from the socket to the destination: durable before they are answered, processed once, never backwards.

use crate::disk::Disk;
use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use std::net::SocketAddr;
use std::time::Duration;
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{FindingKind, JobState, LetterFilter, Run, RunKind, Serve, Snapshot, WebhookStatus};
use syncdeck::sim::{Deliveries, Fault, FaultRule, Removal, Rules, Side, WEBHOOK_SECRET, World, webhook_signature};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const RECORD: &str = r#"
[jobs.customers.source.webhook]
path = "/hooks/shop"
secret = "the-shops-webhook-secret"
header = "X-Shop-Signature"
prefix = "sha256="
delivery = { header = "X-Shop-Delivery" }
record = "/data"
id = "/recordId"
event = "/type"
deletes = ["record.deleted"]
"#;

fn with(more: &str) -> String {
    format!("{CONNECTIONS}{CUSTOMERS}{RECORD}{more}")
}

/// The shop's records have whole numbers as versions here, so that a test can say which is newer.
fn numbered(more: &str) -> String {
    with(more)
        .replace("version = \"/updated_at\"", "version = \"/v\"")
        .replace("incremental = { param = \"updated_since\" }\n", "")
}

struct Door {
    house: House,
    address: SocketAddr,
}

impl Door {
    async fn open(house: House) -> Self {
        // Events of a few members: the CRM takes them as they are.
        house.world.crm.set_rules("customers", Rules::default());
        let serve = Serve { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Serve::default() };
        drop(house.engine.start(Start::service()).await);
        let address = house.engine.listen(&serve).await.expect("a free port").expect("a job with a webhook");
        Self { house, address }
    }

    async fn new(config: &str) -> Self {
        Self::open(House::new(World::empty(1), config).await).await
    }

    /// Sends an event, signed rightly; the status and the whole answer.
    async fn send(&self, delivery: &str, body: &str) -> (u16, String) {
        send(self.address, delivery, body).await
    }

    async fn taken(&self, delivery: &str, body: &str) {
        let (status, answer) = self.send(delivery, body).await;
        assert_eq!(status, 202, "{answer}");
    }

    fn webhook(&self) -> WebhookStatus {
        self.house.job(&job("customers")).webhook.expect("a webhook")
    }

    /// Waits until the engine says so.
    async fn until(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) {
        let mut watch = self.house.engine.watch();
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !is_so(&self.house.engine.snapshot()) {
                watch.changed().await.expect("the engine lives");
            }
        });
        assert!(waited.await.is_ok(), "not within 30 s: {what}; {:?}", self.house.engine.snapshot().jobs);
    }

    /// Waits until `n` events came and none waits any more.
    async fn until_done(&self, n: u64) {
        self.until("all events are processed", |snapshot| {
            let of = &snapshot.jobs[0];
            of.webhook.as_ref().is_some_and(|hook| hook.inbox.received == n && hook.inbox.waiting == 0)
                && of.run.is_none()
        })
        .await;
    }

    /// Runs of events, newest first.
    async fn inbox_runs(&self) -> Vec<Run> {
        let runs = self.house.store.runs(None, None, 100).await.expect("runs");
        runs.into_iter().filter(|run| run.kind == RunKind::Inbox).collect()
    }

    /// Why the dead letters died.
    async fn letters(&self) -> Vec<String> {
        let store = &self.house.store;
        let found = store.letter_ids(&LetterFilter::default(), 10).await.expect("letters");
        let mut reasons = Vec::new();
        for id in found.ids.iter() {
            reasons.push(store.letter(*id).await.expect("a letter").expect("a letter").reason.message);
        }
        reasons
    }

    fn at_crm(&self, id: &str) -> Option<serde_json::Value> {
        let body = self.house.world.crm.dump("customers").remove(id)?;
        Some(serde_json::from_slice(&body).expect("JSON"))
    }
}

async fn send(address: SocketAddr, delivery: &str, body: &str) -> (u16, String) {
    let signature = webhook_signature(WEBHOOK_SECRET, body.as_bytes());
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let text = format!(
        "POST /hooks/shop HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
         x-shop-delivery: {delivery}\r\nx-shop-signature: sha256={signature}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), answer)
}

fn event(id: &str, version: u64, name: &str) -> String {
    format!(r#"{{"type":"record.updated","recordId":"{id}","data":{{"id":"{id}","v":{version},"name":"{name}"}}}}"#)
}

#[tokio::test]
async fn an_event_becomes_a_record_at_the_destination_and_leaves_the_inbox() {
    let door = Door::new(&numbered("")).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    door.until_done(1).await;
    assert_eq!(door.letters().await, Vec::<String>::new());
    assert_eq!(door.at_crm("cus_1").expect("it is there")["name"], "Ada");
    let run = door.inbox_runs().await.remove(0);
    assert_eq!((run.counts.scanned, run.counts.created), (1, 1));
    assert_eq!(run.checkpoint, None, "events move no checkpoint");
    assert_eq!(run.by.to_string(), "event");
    let told = door.house.job(&job("customers")).events;
    assert!(told.iter().any(|notice| notice.text == format!("run #{} started by event", run.id)), "{told:?}");
    door.house.assert_sound().await;
    door.house.engine.stop().await;
}

#[tokio::test]
async fn events_count_in_the_figures_of_their_job_over_restarts_too() {
    let door = Door::new(&numbered("")).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    door.taken("d2", &event("cus_2", 1, "Bob")).await;
    door.until_done(2).await;
    let total = door.house.job(&job("customers")).total;
    assert_eq!((total.scanned, total.created), (2, 2));
    let runs = door.house.store.runs(None, None, 100).await.expect("runs");
    assert_eq!(runs.iter().map(|run| run.counts.scanned).sum::<u64>(), total.scanned, "as its runs say");
    let house = door.house.again().await;
    assert_eq!(house.job(&job("customers")).total, total, "before anything more is read");
}

// Row 81 of the fault matrix.
#[tokio::test]
async fn an_event_that_is_delivered_twice_is_processed_once_after_a_restart_too() {
    let door = Door::new(&numbered("")).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    door.until_done(1).await;
    assert_eq!(door.webhook().inbox.duplicates, 1);
    let door = Door::open(door.house.again().await).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    door.taken("d2", &event("cus_2", 1, "Bob")).await;
    door.until_done(2).await;
    assert_eq!(door.webhook().inbox.duplicates, 2);
    let scanned: u64 =
        door.house.store.runs(None, None, 10).await.expect("runs").iter().map(|run| run.counts.scanned).sum();
    assert_eq!(scanned, 2, "each event counts once");
    door.house.engine.stop().await;
}

// Row 82 of the fault matrix.
#[tokio::test]
async fn an_older_version_never_overwrites_a_newer_one_over_restarts_too() {
    let door = Door::new(&numbered("")).await;
    door.taken("d3", &event("cus_1", 3, "third")).await;
    door.until_done(1).await;
    door.taken("d2", &event("cus_1", 2, "second")).await;
    door.until_done(2).await;
    assert_eq!(door.at_crm("cus_1").expect("it is there")["name"], "third");
    let door = Door::open(door.house.again().await).await;
    door.taken("d1", &event("cus_1", 1, "first")).await;
    door.until_done(3).await;
    assert_eq!(door.at_crm("cus_1").expect("it is there")["name"], "third");
    let skipped: u64 =
        door.house.store.runs(None, None, 10).await.expect("runs").iter().map(|run| run.counts.reasons.stale).sum();
    assert_eq!(skipped, 2);
    door.house.assert_clean();
    door.house.engine.stop().await;
}

// Row 83 of the fault matrix.
#[tokio::test]
async fn an_event_that_was_answered_survives_the_death_of_the_process() {
    let door = Door::new(&numbered("")).await;
    door.house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    for n in 1..=5 {
        door.taken(&format!("d{n}"), &event(&format!("cus_{n}"), 1, "Ada")).await;
    }
    let house = door.house.after_a_kill(Disk::after_a_kill).await;
    let door = Door::open(house).await;
    assert_eq!(door.webhook().inbox.waiting, 5);
    door.house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    door.until_done(5).await;
    assert_eq!(door.house.world.crm.dump("customers").len(), 5);
    door.house.engine.stop().await;
}

// Row 85 of the fault matrix.
#[tokio::test]
async fn a_full_inbox_sends_events_away_and_loses_none_that_it_took() {
    let door = Door::new(&numbered("max_waiting = 20\n")).await;
    door.house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    let address = door.address;
    let sent = (0..100).map(|n| async move {
        let (status, answer) = send(address, &format!("d{n}"), &event(&format!("cus_{n:03}"), 1, "Ada")).await;
        assert!(status == 202 || status == 429 && answer.contains("retry-after"), "{answer}");
        (status == 202).then(|| format!("cus_{n:03}"))
    });
    let taken: Vec<String> = futures::future::join_all(sent).await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 20);
    assert_eq!(door.webhook().turned_away, 80);
    door.house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    door.until_done(20).await;
    assert_eq!(door.house.world.crm.dump("customers").into_keys().collect::<Vec<_>>(), taken);
    let (status, _) = door.send("again", &event("cus_999", 1, "Ada")).await;
    assert_eq!(status, 202, "there is room again");
    door.house.engine.stop().await;
}

// Row 87 of the fault matrix.
#[tokio::test]
async fn what_no_webhook_told_of_is_found_when_nothing_is_heard_for_too_long() {
    let door = Door::new(&with("silence = \"300ms\"\n")).await;
    door.until("the first listing ended", |snapshot| snapshot.jobs[0].checkpoint.is_some()).await;
    door.house.world.shop.insert_new("customers");
    door.until("the source was polled", |snapshot| snapshot.jobs[0].total.created == 1).await;
    door.until("it is told", |snapshot| {
        let silent = snapshot.findings.iter().find(|finding| finding.kind == FindingKind::Silent);
        silent.is_some_and(|finding| finding.text.contains("no webhook event for"))
    })
    .await;
    door.until("the gap is told", |snapshot| {
        snapshot.jobs[0].events.iter().any(|notice| notice.text.ends_with("filled: 1 record had changed"))
    })
    .await;
    door.house.assert_in_step("customers");
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_paused_job_takes_events_and_works_them_off_when_it_is_resumed() {
    let door = Door::new(&numbered("")).await;
    door.house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    let webhook = door.webhook();
    assert_eq!((webhook.inbox.waiting, webhook.inbox.oldest_at.is_some()), (1, true));
    assert!(matches!(door.house.job(&job("customers")).state, JobState::Paused { .. }));
    door.house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    door.until_done(1).await;
    assert!(door.at_crm("cus_1").is_some());
    door.house.engine.stop().await;
}

/// What `why` says of an event for that record that waits.
async fn waiting_event(house: &House, record: &str) -> Option<String> {
    let request = Request::Why { job: Some(job("customers")), key: record.to_owned(), live: false };
    let Answer::Why(answer) = house.ask(request).await else { panic!("an answer") };
    let rungs = &answer.answers[0].rungs;
    rungs.iter().find(|rung| rung.name == "event").map(|rung| rung.text.clone()).filter(|_| answer.is_known)
}

#[tokio::test]
async fn why_tells_of_an_event_that_waits_for_its_window_or_for_its_job() {
    let config = numbered("").replace("[jobs.customers]\n", "[jobs.customers]\nbatch_window = \"1h\"\n");
    let door = Door::new(&config).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    let told = waiting_event(&door.house, "cus_1").await.expect("it waits");
    assert!(told.starts_with("an event for it came at ") && told.contains(", is applied at "), "{told}");
    assert_eq!(waiting_event(&door.house, "cus_2").await, None);
    door.house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    let told = waiting_event(&door.house, "cus_1").await.expect("it waits");
    assert!(told.ends_with(", is applied when the job is resumed"), "{told}");
    door.house.engine.stop().await;
}

#[tokio::test]
async fn events_are_gathered_and_the_newest_of_a_record_counts() {
    let config = numbered("").replace("[jobs.customers]\n", "[jobs.customers]\nbatch_window = \"500ms\"\n");
    let door = Door::new(&config).await;
    for n in [2, 4, 3, 1] {
        door.taken(&format!("d{n}"), &event("cus_1", n, &format!("version {n}"))).await;
    }
    door.until_done(4).await;
    assert_eq!(door.at_crm("cus_1").expect("it is there")["name"], "version 4");
    let runs = door.inbox_runs().await;
    assert_eq!(runs.len(), 1, "they were gathered");
    assert_eq!((runs[0].counts.created, runs[0].counts.reasons.superseded), (1, 3));
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_delete_event_deletes_and_a_late_update_does_not_bring_the_record_back() {
    let door = Door::new(&numbered("version = \"/seq\"\n")).await;
    door.taken("d1", &event("cus_1", 1, "Ada")).await;
    door.until_done(1).await;
    door.taken("d2", r#"{"type":"record.deleted","recordId":"cus_1","seq":3}"#).await;
    door.until_done(2).await;
    assert!(door.at_crm("cus_1").is_none(), "it is deleted");
    door.taken("d3", &event("cus_1", 2, "late")).await;
    door.until_done(3).await;
    assert!(door.at_crm("cus_1").is_none(), "what is older than its end stays away");
    door.house.engine.stop().await;
}

// Row 88 of the fault matrix.
#[tokio::test]
async fn deletes_that_come_in_many_small_runs_are_withheld_as_those_of_one_run_are() {
    let config = numbered("").replace("[jobs.customers]\n", "[jobs.customers]\nguard = { max_deletes = 3 }\n");
    let door = Door::new(&config).await;
    for n in 1..=8 {
        door.taken(&format!("d{n}"), &event(&format!("cus_{n}"), 1, "Ada")).await;
    }
    door.until_done(8).await;
    for n in 1..=6 {
        door.taken(&format!("x{n}"), &format!(r#"{{"type":"record.deleted","recordId":"cus_{n}"}}"#)).await;
        door.until_done(8 + n).await;
    }
    assert!(door.inbox_runs().await.len() > 6, "each delete has a run of its own");
    assert_eq!(door.house.world.crm.dump("customers").len(), 5);
    let (waiting, _) = door.house.store.held_counts(&job("customers")).await.expect("a count");
    assert_eq!(waiting, 3);
    door.house.engine.stop().await;
}

// Row 88 of the fault matrix.
#[tokio::test]
async fn a_restart_gives_events_no_new_allowance_of_deletes() {
    let config = numbered("").replace("[jobs.customers]\n", "[jobs.customers]\nguard = { max_deletes = 3 }\n");
    let delete = |n: u64| format!(r#"{{"type":"record.deleted","recordId":"cus_{n}"}}"#);
    let door = Door::new(&config).await;
    for n in 1..=5 {
        door.taken(&format!("d{n}"), &event(&format!("cus_{n}"), 1, "Ada")).await;
    }
    door.until_done(5).await;
    for n in 1..=2 {
        door.taken(&format!("x{n}"), &delete(n)).await;
        door.until_done(5 + n).await;
    }
    let door = Door::open(door.house.again().await).await;
    for n in 3..=4 {
        door.taken(&format!("x{n}"), &delete(n)).await;
        door.until_done(5 + n).await;
    }
    assert_eq!(door.house.world.crm.dump("customers").into_keys().collect::<Vec<_>>(), ["cus_4", "cus_5"]);
    let (waiting, _) = door.house.store.held_counts(&job("customers")).await.expect("a count");
    assert_eq!(waiting, 1);
    door.house.engine.stop().await;
}

#[tokio::test]
async fn an_update_and_a_delete_without_a_version_keep_their_order() {
    let config = numbered("").replace("[jobs.customers]\n", "[jobs.customers]\nbatch_window = \"300ms\"\n");
    let door = Door::new(&config).await;
    door.taken("d1", &event("cus_1", 7, "Ada")).await;
    door.taken("d2", r#"{"type":"record.deleted","recordId":"cus_1"}"#).await;
    door.until_done(2).await;
    assert!(door.at_crm("cus_1").is_none(), "the delete came last");
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_thin_event_fetches_the_record_as_it_is_now() {
    let world = World::empty(1);
    world.shop.insert("customers", "cus_1", r#"{"id":"cus_1","name":"now","updated_at":"2026-01-01T00:00:00Z"}"#);
    let thin = with("fetch = true\n").replace("record = \"/data\"\nid", "id");
    let door = Door::open(House::new(world, &thin).await).await;
    door.taken("d1", r#"{"type":"record.updated","recordId":"cus_1"}"#).await;
    door.taken("d2", r#"{"type":"record.updated","recordId":"cus_1"}"#).await;
    door.taken("d3", r#"{"type":"record.updated","recordId":"cus_404"}"#).await;
    door.until_done(3).await;
    assert_eq!(door.at_crm("cus_1").expect("it is there")["name"], "now");
    assert!(door.at_crm("cus_404").is_none(), "what the source does not know is not made up");
    door.house.assert_sound().await;
    door.house.engine.stop().await;
}

#[tokio::test]
async fn an_event_that_can_not_be_read_is_a_dead_letter_and_stops_nobody() {
    let door = Door::new(&numbered("")).await;
    door.taken("d1", "this is no JSON").await;
    door.taken("d2", r#"{"type":"record.updated","data":{"name":"nobody"}}"#).await;
    door.taken("d3", &event("cus_1", 1, "Ada")).await;
    door.until_done(3).await;
    assert!(door.at_crm("cus_1").is_some());
    let titles = door.letters().await;
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles.iter().any(|title| title.contains("it is no JSON")), "{titles:?}");
    assert!(titles.iter().any(|title| title.contains("no key")), "{titles:?}");
    door.house.engine.stop().await;
}

#[tokio::test]
async fn events_wait_in_the_inbox_while_the_destination_refuses_everything() {
    let world = World::empty(1);
    let fault = Fault::Status { code: 403, body: String::new(), headers: Vec::new() };
    world.faults.add(FaultRule::new(Side::Destination, fault));
    let door = Door::open(House::new(world, &numbered("")).await).await;
    door.house.ask(Request::Pause { jobs: vec![job("customers")], reason: None }).await;
    for n in 1..=5 {
        door.taken(&format!("d{n}"), &event(&format!("cus_{n}"), 1, "Ada")).await;
    }
    door.house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    door.until("the guard parks the job", |snapshot| matches!(snapshot.jobs[0].state, JobState::NeedsAttention { .. }))
        .await;
    assert_eq!(door.webhook().inbox.waiting, 5, "nothing is dead-lettered for it");
    assert_eq!(door.house.store.letters_waiting(&job("customers")).await.expect("a count"), 0);
    door.house.world.faults.remove(|_| true);
    door.house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    door.until_done(5).await;
    assert_eq!(door.house.world.crm.dump("customers").len(), 5);
    door.house.engine.stop().await;
}

#[tokio::test]
async fn refused_requests_are_counted_and_told_once_a_minute() {
    let door = Door::new(&numbered("")).await;
    for n in 0..50 {
        let (status, _) = send_unsigned(door.address, n).await;
        assert_eq!(status, 401);
    }
    assert_eq!(door.webhook().refused, 50);
    let status = door.house.job(&job("customers"));
    let told: Vec<&str> = status
        .events
        .iter()
        .filter(|notice| notice.event == "webhook.refused")
        .map(|notice| notice.text.as_str())
        .collect();
    assert_eq!(told, ["1 webhook request refused; the last: no signature"]);
    assert_eq!(door.webhook().inbox.received, 0);
    door.house.engine.stop().await;
}

async fn send_unsigned(address: SocketAddr, n: u32) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let text =
        format!("POST /hooks/shop HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\nx-n: {n}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    (answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), answer)
}

const SUBSCRIBE: &str = r#"
[serve]
public_url = "http://localhost"
[jobs.customers.source.webhook.subscribe]
path = "/webhooks"
body = { url = "{{ url }}", collection = "customers" }
unsubscribe = "/webhooks/{{ id }}"
get = "/webhooks/{{ id }}"
list = { path = "/webhooks", records = "/data" }
expires = "/expires_at"
renew = { path = "/webhooks/{{ id }}/renew" }
"#;

/// A port that is free now.
fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

/// A house that orders events of the shop, which sends them over the network.
async fn subscribed(house: House, at: SocketAddr) -> Door {
    let serve = Serve { listen: at, public_url: Some(format!("http://{at}")), ..Serve::default() };
    drop(house.engine.start(Start::service()).await);
    house.engine.listen(&serve).await.expect("a free port");
    Door { house, address: at }
}

fn is_subscribed(snapshot: &Snapshot) -> bool {
    let subscription = snapshot.jobs[0].webhook.as_ref().and_then(|webhook| webhook.subscription.as_ref());
    subscription.is_some_and(|subscription| subscription.id.is_some())
}

#[tokio::test]
async fn a_subscription_is_made_once_kept_over_restarts_and_ended_with_the_job() {
    let at = free_port();
    let world = World::new(1, 20);
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("it is subscribed", is_subscribed).await;
    assert_eq!(world.webhooks.subscribers()[0].url, format!("http://{at}/hooks/shop"));
    // What was there before is read at once, and what changes now comes by itself.
    door.until("the gap is filled", |snapshot| snapshot.jobs[0].total.created == 20).await;
    world.shop.edit("customers", "cus_000007");
    world.shop.edit("orders", "ord_000001");
    door.until_done(1).await;
    door.house.assert_in_step("customers");
    let journal = door.house.store.journal(None, 5).await.expect("a journal");
    assert!(journal.iter().any(|entry| entry.action == "subscribe" && entry.after.as_deref() == Some("sub_1")));

    let door = subscribed(door.house.again().await, at).await;
    door.until("it knows its subscription", is_subscribed).await;
    assert_eq!(world.webhooks.made(), 1, "a restart makes no second one");

    let disabled = with(SUBSCRIBE).replace("[jobs.customers]\n", "[jobs.customers]\nenabled = false\n");
    let house = door.house.with(&disabled).await;
    let store = house.store.clone();
    let serve = Serve { listen: at, public_url: Some(format!("http://{at}")), ..Serve::default() };
    drop(house.engine.start(Start::service()).await);
    assert_eq!(house.engine.listen(&serve).await, Ok(None), "nothing listens for a disabled job");
    let mut watch = house.engine.watch();
    while !store.subscriptions().await.expect("a table").is_empty() {
        watch.changed().await.expect("the engine lives");
    }
    assert!(world.webhooks.subscribers().is_empty());
    house.engine.stop().await;
}

/// A house of that configuration over the state of one whose job is subscribed, listening, until nobody is any more.
async fn until_ended(config: &str) {
    let at = free_port();
    let world = World::new(1, 5);
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("it is subscribed", is_subscribed).await;
    assert_eq!(world.webhooks.subscribers().len(), 1);
    let door = subscribed(door.house.with(config).await, at).await;
    let store = door.house.store.clone();
    let mut watch = door.house.engine.watch();
    while !store.subscriptions().await.expect("a table").is_empty() {
        watch.changed().await.expect("the engine lives");
    }
    assert!(world.webhooks.subscribers().is_empty());
    let journal = store.journal(None, 5).await.expect("a journal");
    assert!(journal.iter().any(|entry| entry.action == "unsubscribe" && entry.after.as_deref() == Some("sub_1")));
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_subscription_is_ended_when_its_job_leaves_the_configuration() {
    let serve = "[serve]\npublic_url = \"http://localhost\"\n";
    until_ended(&with(serve).replace("jobs.customers", "jobs.contacts")).await;
}

#[tokio::test]
async fn a_subscription_is_ended_when_its_table_leaves_the_job() {
    until_ended(&with("[serve]\npublic_url = \"http://localhost\"\n")).await;
}

#[tokio::test]
async fn a_subscription_is_ended_when_its_job_is_forgotten() {
    let at = free_port();
    let world = World::new(1, 5);
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("it is subscribed", is_subscribed).await;
    let disabled = with(SUBSCRIBE).replace("[jobs.customers]\n", "[jobs.customers]\nenabled = false\n");
    let house = door.house.with(&disabled).await;
    let Answer::Done(done) = house.ask(Request::Forget { job: job("customers") }).await else { panic!("it is done") };
    assert!(done.text.ends_with("its webhook subscription `sub_1` is ended"), "{}", done.text);
    assert!(world.webhooks.subscribers().is_empty());
    assert!(house.store.subscriptions().await.expect("a table").is_empty());
    house.engine.stop().await;
}

#[tokio::test]
async fn a_job_that_is_forgotten_and_stays_keeps_its_subscription() {
    let at = free_port();
    let world = World::new(1, 5);
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("it is subscribed", is_subscribed).await;
    door.until("the gap is filled", |snapshot| snapshot.jobs[0].total.created == 5).await;
    let customers = || vec![job("customers")];
    door.house.ask(Request::Pause { jobs: customers(), reason: None }).await;
    door.until("no run is on", |snapshot| snapshot.jobs[0].run.is_none()).await;
    door.house.ask(Request::Forget { job: job("customers") }).await;
    assert_eq!(world.webhooks.subscribers().len(), 1);
    let stored = door.house.store.subscriptions().await.expect("a table");
    assert_eq!(stored[&job("customers")].id.as_deref(), Some("sub_1"));
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_subscription_whose_answer_was_lost_is_found_again_and_not_made_twice() {
    let at = free_port();
    let world = World::new(1, 5);
    // It is made, and nobody here hears of it.
    let lost = FaultRule::new(Side::Source, Fault::CutBody).path_contains("/webhooks").nth(1, 1);
    world.faults.add(lost);
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("the answer is lost", |snapshot| {
        let subscription = snapshot.jobs[0].webhook.as_ref().and_then(|webhook| webhook.subscription.clone());
        subscription.is_some_and(|subscription| subscription.error.is_some())
    })
    .await;
    assert_eq!(world.webhooks.made(), 1);
    let door = subscribed(door.house.after_a_kill(Disk::after_a_kill).await, at).await;
    door.until("it is found", is_subscribed).await;
    assert_eq!((world.webhooks.made(), world.webhooks.subscribers().len()), (1, 1));
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_subscription_is_renewed_before_it_ends_and_made_again_when_it_is_gone() {
    let at = free_port();
    let options = syncdeck::sim::Options {
        clock: std::sync::Arc::new(syncdeck::engine::clock::RuntimeClock::starting_at(crate::house::BEGIN)),
        ..syncdeck::sim::Options::new(1, 5)
    };
    let world = World::with(&options);
    world.webhooks.set(Deliveries { lifetime_ms: 2_000, ..Deliveries::default() });
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    let of = |snapshot: &Snapshot| snapshot.jobs[0].webhook.as_ref().and_then(|webhook| webhook.subscription.clone());
    door.until("it is renewed", |snapshot| of(snapshot).is_some_and(|now_is| now_is.renewed_at.is_some())).await;
    assert_eq!(world.webhooks.made(), 1);
    world.webhooks.forget();
    door.until("it is made again", |snapshot| of(snapshot).is_some_and(|now_is| now_is.id.as_deref() == Some("sub_2")))
        .await;
    assert_eq!(world.webhooks.subscribers().len(), 1);
    door.house.engine.stop().await;
}

#[tokio::test]
async fn a_subscription_that_is_refused_is_told_and_the_schedule_goes_on() {
    let at = free_port();
    let world = World::new(1, 5);
    let no =
        Fault::Status { code: 403, body: r#"{"error":{"message":"no such plan"}}"#.to_owned(), headers: Vec::new() };
    world.faults.add(FaultRule::new(Side::Source, no).path_contains("/webhooks"));
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("it is told", |snapshot| {
        snapshot.findings.iter().any(|finding| finding.kind == FindingKind::Webhook && finding.text.contains("403"))
    })
    .await;
    door.house.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    door.until("the source is read", |snapshot| snapshot.jobs[0].total.created == 5).await;
    door.house.engine.stop().await;
}

#[tokio::test]
async fn duplicates_swaps_and_wrong_signatures_on_the_way_leave_both_sides_in_step() {
    let at = free_port();
    let world = World::new(1, 30);
    world.webhooks.set(Deliveries { duplicate: 3, swap: 4, missigned: 5, ..Deliveries::default() });
    let door = subscribed(House::new(world.clone(), &with(SUBSCRIBE)).await, at).await;
    door.until("the gap is filled", |snapshot| snapshot.jobs[0].total.created == 30).await;
    for n in 0..60 {
        world.shop.edit("customers", &format!("cus_{:06}", n % 20 + 1));
        world.shop.insert_new("customers");
    }
    world.shop.remove("customers", "cus_000003", Removal::Tombstone);
    door.until_done(121).await;
    door.house.assert_in_step("customers");
    door.house.assert_clean();
    let webhook = door.webhook();
    assert_eq!(webhook.inbox.duplicates, 121 / 3);
    assert!(webhook.refused > 0, "wrong signatures are refused");
    door.house.assert_sound().await;
    door.house.engine.stop().await;
}
