//! kill -9, over and over, while records are made at a CRM that gives them its own ids: by lookup, with lookups only after
//! doubts, and by nothing but idempotency keys.

use crate::process::{Simulator, Workspace, wait_until};
use crate::running::Running;
use crate::truth;
use fastrand::Rng;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const JOBS: [&str; 3] = ["found", "made", "keyed"];
/// Each job reads a collection of the shop and makes records in the CRM's collection of that name.
const COLLECTIONS: [&str; 3] = ["customers", "orders", "invoices"];

fn config(simulator: &Simulator) -> String {
    let (shop, crm) = (&simulator.shop, &simulator.crm);
    let mut text = format!(
        r#"
[workspace]
name = "kill"
state = "state"
[connections.shop]
type = "rest"
base_url = "{shop}/api"
timeout = "120ms"
retry = {{ attempts = 8, first_delay = "20ms", max_delay = "80ms" }}
[connections.crm]
type = "rest"
base_url = "{crm}/v2"
timeout = "120ms"
limits = {{ in_flight = 6 }}
retry = {{ attempts = 8, first_delay = "20ms", max_delay = "80ms" }}
"#
    );
    for (job, collection) in JOBS.iter().zip(COLLECTIONS) {
        let lookup = format!(
            r#"lookup = {{ path = "/{collection}", query = {{ external_id = "{{{{ id }}}}" }}, records = "/data" }}"#
        );
        let (write, settled) = match *job {
            "found" => ("lookup", lookup),
            "made" => ("create", lookup),
            _ => ("create", r#"idempotency_header = "Idempotency-Key""#.to_owned()),
        };
        text.push_str(&format!(
            r#"
[jobs.{job}]
schedule = {{ every = "100ms" }}
delete = "hard"
[jobs.{job}.source]
connection = "shop"
path = "/cursor/{collection}"
query = {{ limit = "20" }}
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
paginate = {{ type = "cursor", next = "/next_cursor", param = "cursor" }}
incremental = {{ param = "updated_since", overlap = "60s" }}
[jobs.{job}.destination]
connection = "crm"
write = "{write}"
path = "/{collection}/{{{{ id }}}}"
id = "/id"
create = {{ path = "/{collection}", external_id = "external_id" }}
{settled}
delete = {{ method = "DELETE", path = "/{collection}/{{{{ id }}}}" }}
"#
        ));
    }
    text
}

/// Of the writes, one in eight is carried out and its answer lost.
fn storm() -> Value {
    let rule = |side: &str, chance: f64, fault: Value| json!({ "side": side, "chance": chance, "fault": fault });
    let status = |code: u16| json!({ "status": { "code": code, "body": "{\"error\":\"busy\"}" } });
    json!([
        rule("destination", 0.04, json!("hang_after")),
        rule("destination", 0.05, json!("cut_body")),
        rule("destination", 0.03, json!("truncated_json")),
        rule("destination", 0.03, json!("reset")),
        rule("destination", 0.02, json!("hang_before")),
        rule("destination", 0.03, status(503)),
        rule("destination", 0.02, status(500)),
        rule("source", 0.03, status(502)),
    ])
}

fn same(simulator: &Simulator, collection: &str) {
    let destination = simulator.collection("destination", collection);
    let mut known: std::collections::BTreeMap<String, Value> = std::collections::BTreeMap::new();
    for (own, raw) in destination {
        let mut record: Value = serde_json::from_str(raw.get()).expect("a record");
        let known_as = record.as_object_mut().expect("an object").remove("external_id").expect("what it is known as");
        let known_as = known_as.as_str().expect("a text").to_owned();
        assert!(known.insert(known_as.clone(), record).is_none(), "{collection}: `{known_as}` is there twice ({own})");
    }
    for (id, raw) in simulator.collection("source", collection) {
        let record: Value = serde_json::from_str(raw.get()).expect("a record");
        if record["deleted"] == true {
            continue;
        }
        let there = known.remove(&id).unwrap_or_else(|| panic!("{collection}: `{id}` is lost"));
        assert_eq!(there, record, "{collection}: `{id}`");
    }
    assert!(known.is_empty(), "{collection}: records that nobody has: {known:?}");
}

// Rows 3, 4, 5, 56 and 57 of the fault matrix.
#[test]
fn nothing_is_made_twice_over_kills_at_random_instants() {
    let set = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = set("SYNCDECK_KILL_SEED").unwrap_or_else(|| fastrand::u64(..u64::from(u32::MAX)));
    let rounds = set("SYNCDECK_KILL_ROUNDS").unwrap_or(100);
    eprintln!(
        "replay: SYNCDECK_KILL_SEED={seed} SYNCDECK_KILL_ROUNDS={rounds} cargo nextest run --test kill creates::"
    );
    let mut dice = Rng::with_seed(seed);
    let started = Instant::now();
    let simulator = Simulator::start(100, seed);
    let workspace = Workspace::new(&config(&simulator));
    let latency = json!({ "base_ms": 2, "jitter_ms": 4 });
    let latency = json!([["source", latency], ["destination", latency]]);
    simulator.post("/sim/faults", &json!({ "rules": storm(), "latency": latency }));
    for round in 1..=rounds {
        let before: u64 = simulator.requests().iter().sum();
        let mut engine = Running::start(&workspace, &["run", "--json"]);
        let more = dice.u64(1..60);
        wait_until("the engine made its requests", || {
            if let Some(ran) = engine.ended() {
                panic!("round {round}: the engine ended by itself: {ran}");
            }
            before + more <= simulator.requests().iter().sum()
        });
        std::thread::sleep(Duration::from_millis(dice.u64(0..40)));
        engine.kill();
        for collection in COLLECTIONS {
            for (what, most) in [("edit", 6), ("insert", 6)] {
                let n = dice.u32(0..=most);
                simulator.act(&format!("{collection}/churn?n={n}&what={what}"));
            }
            if dice.u32(0..4) == 0 {
                simulator.act(&format!("{collection}/delete"));
            }
        }
    }
    simulator.faults(&json!([]));
    for _ in 0..3 {
        workspace.run(&["dead", "retry", "--all"]);
        workspace.run(&["run", "--once", "--json"]).ended(0);
    }
    truth::figures_balance(&workspace, &JOBS);
    let waiting = workspace.run(&["dead", "list", "--json"]).ended(0).json();
    assert_eq!(waiting["total"], 0, "nothing here needs a person: {waiting}");
    let audit = simulator.get("/sim/audit");
    assert_eq!(audit["violations"], json!([]), "{audit}");
    COLLECTIONS.into_iter().for_each(|collection| same(&simulator, collection));
    println!("{rounds} kills in {:.1} s, seed {seed}", started.elapsed().as_secs_f64());
}
