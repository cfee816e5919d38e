//! kill -9, over and over, with faults on the wire and records that change in between.

use crate::process::{Simulator, Workspace, wait_until};
use crate::running::Running;
use crate::truth::{self, is_live};
use fastrand::Rng;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const RECORDS: u64 = 300;
/// Records of a page, in every job.
const PAGE: u64 = 20;
const JOBS: [&str; 3] = ["contacts", "orders", "invoices"];
const COLLECTIONS: [&str; 3] = ["customers", "orders", "invoices"];

/// Three jobs of three kinds: one request a record with keys, batches, and a watermark that moves with every page.
pub fn config(simulator: &Simulator, timeout: &str) -> String {
    let (shop, crm) = (&simulator.shop, &simulator.crm);
    format!(
        r#"
[workspace]
name = "kill"
state = "state"

[connections.shop]
type = "rest"
base_url = "{shop}/api"
timeout = "{timeout}"
limits = {{ in_flight = 4 }}
retry = {{ attempts = 8, first_delay = "20ms", max_delay = "80ms" }}

[connections.crm]
type = "rest"
base_url = "{crm}/v2"
timeout = "{timeout}"
limits = {{ in_flight = 6 }}
retry = {{ attempts = 8, first_delay = "20ms", max_delay = "80ms" }}

[jobs.contacts]
guard = {{ max_delete_fraction = 1.0 }}
schedule = {{ every = "100ms" }}
delete = "soft"
[jobs.contacts.source]
connection = "shop"
path = "/cursor/customers"
query = {{ limit = "20" }}
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
paginate = {{ type = "cursor", next = "/next_cursor", param = "cursor" }}
incremental = {{ param = "updated_since", overlap = "60s" }}
[jobs.contacts.destination]
connection = "crm"
write = "upsert"
path = "/contacts/{{{{ id }}}}"
idempotency_header = "Idempotency-Key"
soft_delete = {{ fields = {{ active = false }} }}
[jobs.contacts.map]
name = "name"
email = {{ from = "email", to = "lower" }}
phone = "phone"
tier = "tier"
city = "address.city"
notes = "notes"
active = {{ value = true }}
updated_at = "updated_at"

[jobs.orders]
guard = {{ max_delete_fraction = 1.0 }}
schedule = {{ every = "100ms" }}
delete = "hard"
[jobs.orders.source]
connection = "shop"
path = "/link_header/orders"
query = {{ limit = "20" }}
records = ""
id = "/id"
version = "/updated_at"
deleted = "/deleted"
paginate = {{ type = "link_header" }}
incremental = {{ param = "updated_since", overlap = "60s" }}
[jobs.orders.destination]
connection = "crm"
write = "batch"
batch = {{ path = "/orders:batch", size = 10, items = "/items", statuses = "/results", status = "/status", error = "/error" }}
delete = {{ method = "DELETE", path = "/orders/{{{{ id }}}}" }}
[jobs.orders.map]
id = "id"
number = "number"
total = "total"
status = {{ from = "status", to = "upper" }}
updated_at = "updated_at"

[jobs.invoices]
guard = {{ max_delete_fraction = 1.0 }}
schedule = {{ every = "100ms" }}
delete = "hard"
[jobs.invoices.source]
connection = "shop"
path = "/keyset/invoices"
query = {{ limit = "20" }}
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
sorted = true
paginate = {{ type = "keyset", after = "updated_since", tie = "after_id" }}
incremental = {{ param = "updated_since", overlap = "60s" }}
[jobs.invoices.destination]
connection = "crm"
write = "upsert"
path = "/invoices/{{{{ id }}}}"
delete = {{ method = "DELETE", path = "/invoices/{{{{ id }}}}" }}
"#
    )
}

/// A quarter of all requests meets one of these; of the writes, a sixth is carried out and its answer lost.
fn storm() -> Value {
    let status = |code: u16| json!({ "status": { "code": code, "body": "{\"error\":\"busy\"}" } });
    let rule = |side: &str, chance: f64, fault: Value| json!({ "side": side, "chance": chance, "fault": fault });
    json!([
        rule("destination", 0.04, json!("hang_after")),
        rule("destination", 0.06, json!("cut_body")),
        rule("destination", 0.03, json!("truncated_json")),
        rule("destination", 0.02, json!("reset")),
        rule("destination", 0.02, json!("hang_before")),
        rule("destination", 0.05, status(503)),
        rule("destination", 0.02, status(500)),
        rule("destination", 0.03, json!({ "throttled": "missing" })),
        rule("destination", 0.05, json!({ "batch_part": { "every": 3, "status": 503 } })),
        rule("destination", 0.02, json!("batch_short")),
        rule("source", 0.05, status(502)),
        rule("source", 0.04, json!("cut_body")),
        rule("source", 0.03, json!("truncated_json")),
        rule("source", 0.02, json!("hang_before")),
        rule("source", 0.02, json!({ "throttled": "missing" })),
        rule("source", 0.02, json!("html")),
    ])
}

/// Says how to meet the same dice again when the test fails.
struct Replay {
    seed: u64,
    rounds: u64,
}

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "replay: SYNCDECK_KILL_SEED={} SYNCDECK_KILL_ROUNDS={} cargo nextest run --test kill rounds::",
                self.seed, self.rounds
            );
        }
    }
}

fn set(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("`{name}` needs a number")))
}

struct Siege {
    dice: Rng,
    simulator: Simulator,
    workspace: Workspace,
    first_requests: Vec<Duration>,
    spoiled: Option<String>,
}

// Rows 1 to 8 (the kills), 17, 32, 36, 53, 56, 58, 59 and 68 of the fault matrix.
#[test]
fn nothing_is_lost_and_nothing_is_written_twice_over_kills_at_random_instants() {
    let seed = set("SYNCDECK_KILL_SEED").unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    let rounds = set("SYNCDECK_KILL_ROUNDS").unwrap_or(60);
    let _replay = Replay { seed, rounds };
    let started = Instant::now();
    let simulator = Simulator::start(RECORDS, seed);
    let workspace = Workspace::new(&config(&simulator, "120ms"));
    let mut siege =
        Siege { dice: Rng::with_seed(seed), simulator, workspace, first_requests: Vec::new(), spoiled: None };
    // The first half meets the kills while everything is read for the first time, the second half while changes are polled.
    siege.storm();
    for round in 1..=rounds / 2 {
        siege.round(round);
    }
    siege.calm();
    siege.storm();
    for round in rounds / 2 + 1..=rounds {
        siege.round(round);
    }
    siege.calm();
    siege.judge(rounds);
    println!("{rounds} kills in {:.1} s, seed {seed}", started.elapsed().as_secs_f64());
}

impl Siege {
    /// From a start to a kill, and changes at the source after it.
    fn round(&mut self, round: u64) {
        let before = self.simulator.requests();
        let started = Instant::now();
        let mut engine = Running::start(&self.workspace, &["run", "--json"]);
        self.until_requests(&mut engine, before[0] + before[1], 1);
        self.first_requests.push(started.elapsed());
        if round.is_multiple_of(2) {
            // By the clock: any instant, between requests and in the middle of a commit as well.
            std::thread::sleep(Duration::from_millis(self.dice.u64(5..400)));
        } else {
            // By what was sent: young processes too, however slow the machine is.
            let more = self.dice.u64(1..200);
            self.until_requests(&mut engine, before[0] + before[1], more);
        }
        if let Some(ran) = engine.ended() {
            panic!("round {round}: the engine ended by itself: {ran}");
        }
        engine.kill();
        self.change();
        self.spoil_or_mend(round);
        if round.is_multiple_of(10) {
            truth::figures_balance(&self.workspace, &JOBS);
        }
    }

    /// What people do at the source between two rounds.
    fn change(&mut self) {
        for collection in COLLECTIONS {
            for (what, most) in [("edit", 20), ("insert", 8), ("late_commit", 4)] {
                let n = self.dice.u32(0..=most);
                self.simulator.act(&format!("{collection}/churn?n={n}&what={what}"));
            }
            // Any record: one in step, one whose write nobody saw confirmed, one that was never read.
            let records = self.simulator.collection("source", collection).into_iter();
            let mut ids: Vec<String> = records.filter(|(_, record)| is_live(record.get())).map(|(id, _)| id).collect();
            for _ in 0..self.dice.usize(0..=2) {
                let id = ids.swap_remove(self.dice.usize(0..ids.len()));
                self.simulator.act(&format!("{collection}/delete?id={id}"));
            }
        }
    }

    fn storm(&self) {
        let latency = json!({ "base_ms": 2, "jitter_ms": 4 });
        let latency = json!([["source", latency], ["destination", latency]]);
        self.simulator.post("/sim/faults", &json!({ "rules": storm(), "latency": latency }));
        self.simulator.post("/sim/churn", &json!({ "every": 7, "what": "edit" }));
    }

    fn until_requests(&self, engine: &mut Running, before: u64, more: u64) {
        wait_until("the engine made its requests", || {
            if let Some(ran) = engine.ended() {
                panic!("the engine ended by itself: {ran}");
            }
            let [source, destination] = self.simulator.requests();
            before + more <= source + destination
        });
    }

    /// A customer goes bad, so that dead letters are written and recovered between kills as well.
    fn spoil_or_mend(&mut self, round: u64) {
        match self.spoiled.take() {
            Some(id) => self.simulator.act(&format!("customers/mend?id={id}")),
            None if round.is_multiple_of(5) => {
                let id = format!("cus_{:06}", self.dice.u64(1..=RECORDS));
                self.simulator.act(&format!("customers/spoil?id={id}&how=email"));
                self.spoiled = Some(id);
            }
            None => {}
        }
    }

    /// The faults end, nothing changes any more, and the jobs run until none of them finds anything to write.
    fn calm(&mut self) {
        if let Some(id) = self.spoiled.take() {
            self.simulator.act(&format!("customers/mend?id={id}"));
        }
        self.simulator.faults(&json!([]));
        self.simulator.post("/sim/churn", &json!({ "every": 0 }));
        for n in 1..=4 {
            let ran = self.workspace.run(&["run", "--once", "--json"]).ended(0);
            let ends: Vec<Value> = ran.json_lines().into_iter().filter(|line| line["event"] == "finished").collect();
            assert_eq!(ends.len(), JOBS.len(), "run {n}: {ran}");
            assert!(ends.iter().all(|end| end["state"] == "done"), "run {n}: {ran}");
            if ends.iter().all(|end| ["created", "updated", "deleted"].iter().all(|count| end[count] == 0)) {
                return;
            }
        }
        panic!("the jobs still write after four runs, though nothing changes");
    }

    fn judge(&mut self, rounds: u64) {
        truth::figures_balance(&self.workspace, &JOBS);
        let waiting = self.workspace.run(&["dead", "list", "--json"]).ended(0).json();
        assert_eq!(waiting["total"], 0, "every record was mended: {waiting}");
        let audit = self.simulator.get("/sim/audit");
        assert_eq!(audit["violations"], json!([]), "{audit}");
        truth::destination_is_source(&self.simulator);
        // What was sent again though it stood there: seen by the CRM as a known key, or as a body that it had.
        let mut again = 0;
        for collection in ["contacts", "orders", "invoices"] {
            let of = &audit["destination"]["collections"][collection];
            for count in ["duplicates", "overlaps", "stale_overwrites", "key_reuses"] {
                assert_eq!(of[count], 0, "{count} of {collection}: {of}");
            }
            again += ["rewrites", "replays"].iter().map(|count| of[count].as_u64().expect("a number")).sum::<u64>();
            println!("{collection}: {of}");
        }
        let faults = audit["faults_injected"].as_u64().expect("a number");
        println!("sent again: {again} over {rounds} kills and {faults} faults");
        // A kill costs two pages of each job at most, a fault the request that met it.
        let most = rounds * JOBS.len() as u64 * 2 * PAGE + faults;
        assert!(again <= most, "{again} writes were sent again, {most} are explained");
        self.first_requests.sort_unstable();
        let nine_of_ten = self.first_requests[self.first_requests.len() * 9 / 10];
        println!("first request after a start: nine of ten within {nine_of_ten:?}");
        assert!(nine_of_ten < Duration::from_secs(1), "{:?}", self.first_requests);
    }
}
