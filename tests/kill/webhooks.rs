//! kill -9 under a stream of webhooks: every event that was answered with success has its effect, and no more than one.

use crate::process::{Simulator, Workspace, wait_until};
use crate::running::Running;
use fastrand::Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use syncdeck::sim::webhook_signature;

const SECRET: &str = "the-secret-of-this-siege";
const SENDERS: usize = 4;
/// Records that change again and again; every other event makes a record of its own.
const BUSY: u64 = 20;

fn config(simulator: &Simulator, at: SocketAddr) -> String {
    let (shop, crm) = (&simulator.shop, &simulator.crm);
    format!(
        r#"
[workspace]
name = "webhooks"
state = "state"
[serve]
listen = "{at}"
[connections.shop]
type = "rest"
base_url = "{shop}/api"
[connections.crm]
type = "rest"
base_url = "{crm}/v2"
timeout = "1s"
retry = {{ attempts = 8, first_delay = "20ms", max_delay = "80ms" }}
[jobs.things]
[jobs.things.source]
connection = "shop"
path = "/cursor/tickets"
records = "/data"
id = "/id"
version = {{ from = "/updated_at", kind = "integer" }}
[jobs.things.source.webhook]
path = "/hooks/things"
secret = "{SECRET}"
header = "X-Signature"
delivery = "/event"
record = "/data"
[jobs.things.destination]
connection = "crm"
path = "/things/{{{{ id }}}}"
idempotency_header = "Idempotency-Key"
"#
    )
}

/// An event: its number is its record's version too.
fn event(number: u64) -> String {
    let id = match number % 2 {
        0 => format!("busy_{}", number / 2 % BUSY),
        _ => format!("own_{number}"),
    };
    format!(r#"{{"event":"evt_{number}","data":{{"id":"{id}","updated_at":{number}}}}}"#)
}

/// Sends an event; its status, where an answer came.
fn send(at: SocketAddr, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (length, signature) = (body.len(), webhook_signature(SECRET, body.as_bytes()));
    let text = format!(
        "POST /hooks/things HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\
         x-signature: {signature}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// What the senders share.
struct Book {
    next: AtomicU64,
    /// Events that were sent and not answered: they are sent again.
    unanswered: Mutex<Vec<u64>>,
    acknowledged: Mutex<Vec<u64>>,
    is_over: AtomicBool,
}

impl Book {
    fn send_until_over(&self, at: SocketAddr) {
        while !self.is_over.load(Ordering::Relaxed) {
            let again = self.unanswered.lock().expect("no sender panics").pop();
            let number = again.unwrap_or_else(|| self.next.fetch_add(1, Ordering::Relaxed));
            match send(at, &event(number)) {
                Some(202) => self.acknowledged.lock().expect("no sender panics").push(number),
                Some(other) => panic!("event {number} was answered with {other}"),
                None => {
                    self.unanswered.lock().expect("no sender panics").push(number);
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }
}

fn set(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("`{name}` needs a number")))
}

fn figures(workspace: &Workspace) -> Value {
    let told = workspace.run(&["status", "things", "--json"]).ended(0).json();
    told["jobs"][0]["webhook"]["inbox"].clone()
}

// Row 83 of the fault matrix, and rows 81 and 82 on the way.
#[test]
fn every_event_that_was_answered_has_exactly_one_effect_over_kills_at_random_instants() {
    let seed = set("SYNCDECK_KILL_SEED").unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    let rounds = set("SYNCDECK_KILL_ROUNDS").unwrap_or(100);
    println!("replay: SYNCDECK_KILL_SEED={seed} SYNCDECK_KILL_ROUNDS={rounds}");
    let mut dice = Rng::with_seed(seed);
    let started = Instant::now();
    let simulator = Simulator::start(0, seed);
    // A port that nobody else takes in the moment between two processes, most likely.
    let at = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a free port");
    let workspace = Workspace::new(&config(&simulator, at));
    let book = Book {
        next: AtomicU64::new(1),
        unanswered: Mutex::default(),
        acknowledged: Mutex::default(),
        is_over: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| book.send_until_over(at));
        }
        for round in 1..=rounds {
            let mut engine = Running::start(&workspace, &["run", "--json"]);
            let before = book.acknowledged.lock().expect("no sender panics").len();
            wait_until("an event is answered", || {
                if let Some(ran) = engine.ended() {
                    panic!("round {round}: the engine ended by itself: {ran}");
                }
                before < book.acknowledged.lock().expect("no sender panics").len()
            });
            std::thread::sleep(Duration::from_millis(dice.u64(0..150)));
            engine.kill();
        }
        book.is_over.store(true, Ordering::Relaxed);
    });
    // Nobody kills any more: what was not answered is sent until it is.
    let mut engine = Running::start(&workspace, &["run", "--json"]);
    for number in std::mem::take(&mut *book.unanswered.lock().expect("no sender panicked")) {
        wait_until("it is answered", || send(at, &event(number)) == Some(202));
        book.acknowledged.lock().expect("no sender panicked").push(number);
    }
    wait_until("the last event is processed", || engine.ended().is_none() && figures(&workspace)["waiting"] == 0);
    engine.signal("TERM");
    engine.wait();
    judge(&simulator, &workspace, book, rounds);
    println!("{rounds} kills in {:.1} s, seed {seed}", started.elapsed().as_secs_f64());
}

fn judge(simulator: &Simulator, workspace: &Workspace, book: Book, rounds: u64) {
    let mut acknowledged = book.acknowledged.into_inner().expect("no sender panicked");
    acknowledged.sort_unstable();
    let n = acknowledged.len() as u64;
    acknowledged.dedup();
    assert_eq!(acknowledged.len() as u64, n, "a sender stops when it is answered");

    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for number in &acknowledged {
        let sent: Value = serde_json::from_str(&event(*number)).expect("JSON");
        let id = sent["data"]["id"].as_str().expect("an id").to_owned();
        newest.insert(id, *number);
    }
    let there = simulator.collection("destination", "things").into_iter();
    let there: BTreeMap<String, u64> = there
        .map(|(id, record)| {
            let record: Value = serde_json::from_str(record.get()).expect("JSON");
            (id, record["updated_at"].as_u64().expect("a version"))
        })
        .collect();
    assert_eq!(there, newest, "the destination has the newest of each record, and nothing else");

    let audit = simulator.get("/sim/audit");
    assert_eq!(audit["violations"], json!([]), "{audit}");
    let of = &audit["destination"]["collections"]["things"];
    for count in ["duplicates", "overlaps", "stale_overwrites", "key_reuses"] {
        assert_eq!(of[count], 0, "{count}: {of}");
    }
    let inbox = figures(workspace);
    assert_eq!(inbox["received"], n, "each event was stored once: {inbox}");
    assert_eq!(workspace.run(&["dead", "list", "--json"]).ended(0).json()["total"], 0);
    println!("{n} events answered over {rounds} kills; {inbox}; {of}");
}
