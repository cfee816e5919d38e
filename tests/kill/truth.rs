//! What must be true, found out without any of the program's own code.

use crate::process::{Simulator, Workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn parsed(simulator: &Simulator, side: &str, name: &str) -> BTreeMap<String, Value> {
    let records = simulator.collection(side, name).into_iter();
    records.map(|(id, raw)| (id, serde_json::from_str(raw.get()).expect("a record"))).collect()
}

/// Every record of the shop stands at the CRM as it must, and nothing else does.
pub fn destination_is_source(simulator: &Simulator) {
    contacts(simulator);
    orders(simulator);
    invoices(simulator);
}

fn contacts(simulator: &Simulator) {
    let (source, mut destination) =
        (parsed(simulator, "source", "customers"), parsed(simulator, "destination", "contacts"));
    for (id, record) in &source {
        let there = destination.remove(id);
        let is_deleted = record["deleted"] == true;
        let expected = json!({
            "name": record["name"], "email": record["email"].as_str().map(str::to_lowercase), "phone": record["phone"],
            "tier": record["tier"], "city": record["address"]["city"], "notes": record["notes"],
            "active": !is_deleted, "updated_at": record["updated_at"],
        });
        match there {
            // What was deleted before it was ever seen needs not be there.
            None => assert!(is_deleted, "customer `{id}` is lost: {record}"),
            Some(there) => assert_eq!(there, expected, "contact `{id}`"),
        }
    }
    assert!(destination.is_empty(), "contacts that nobody has: {destination:?}");
}

fn orders(simulator: &Simulator) {
    let (source, mut destination) = (parsed(simulator, "source", "orders"), parsed(simulator, "destination", "orders"));
    for (id, record) in source.iter().filter(|(_, record)| record["deleted"] == false) {
        let there = destination.remove(id).unwrap_or_else(|| panic!("order `{id}` is lost: {record}"));
        let expected = json!({
            "id": record["id"], "number": record["number"], "total": record["total"],
            "status": record["status"].as_str().map(str::to_uppercase), "updated_at": record["updated_at"],
        });
        assert_eq!(there, expected, "order `{id}`");
    }
    assert!(destination.is_empty(), "orders that nobody has: {destination:?}");
}

/// Whether the shop has not deleted a record.
pub fn is_live(record: &str) -> bool {
    serde_json::from_str::<Value>(record).expect("a record")["deleted"] == false
}

/// Without a map a record arrives to the last character.
fn invoices(simulator: &Simulator) {
    let (source, mut destination) =
        (simulator.collection("source", "invoices"), simulator.collection("destination", "invoices"));
    for (id, record) in source.iter().filter(|(_, record)| is_live(record.get())) {
        let there = destination.remove(id).unwrap_or_else(|| panic!("invoice `{id}` is lost: {record}"));
        assert_eq!(there.get(), record.get(), "invoice `{id}`");
    }
    assert!(destination.is_empty(), "invoices that nobody has: {destination:?}");
}

const PARTS: [&str; 6] = ["created", "updated", "deleted", "skipped", "held", "errored"];

#[track_caller]
fn balances(counts: &Value) -> u64 {
    let count = |name: &str| counts[name].as_u64().unwrap_or_else(|| panic!("no `{name}` in {counts}"));
    assert_eq!(count("scanned"), PARTS.into_iter().map(count).sum::<u64>(), "{counts}");
    count("scanned")
}

/// Counts balance in every run, every checkpoint and every total; checkpoints only grow, each by its page.
pub fn figures_balance(workspace: &Workspace, jobs: &[&str]) {
    let runs = workspace.run(&["runs", "--limit", "100000", "--json"]).ended(0).json();
    for run in runs["runs"].as_array().expect("runs") {
        balances(run);
        assert_ne!(run["state"], "running", "no engine runs: {run}");
    }
    let status = workspace.run(&["status", "--json"]).ended(0).json();
    for job in jobs {
        let all = status["jobs"].as_array().expect("jobs");
        let of_job = all.iter().find(|one| one["job"] == *job).unwrap_or_else(|| panic!("no `{job}` in {status}"));
        let total = balances(of_job);
        let history = workspace.run(&["checkpoint", "history", job, "--limit", "100000", "--json"]).ended(0).json();
        let mut checkpoints = history["checkpoints"].as_array().expect("checkpoints").clone();
        checkpoints.reverse();
        let figure =
            |checkpoint: &Value, path: &str| checkpoint.pointer(path).and_then(Value::as_u64).expect("a number");
        for pair in checkpoints.windows(2) {
            let [before, after] = pair else { unreachable!("windows of two") };
            let page = balances(&after["page"]);
            assert_eq!(figure(after, "/sequence"), figure(before, "/sequence") + 1, "{job}: {before} {after}");
            let grown = figure(after, "/stats/processed") - figure(before, "/stats/processed");
            assert_eq!(grown, page, "{job}: {before} {after}");
        }
        if let Some(last) = checkpoints.last() {
            assert_eq!(figure(last, "/stats/processed"), total, "{job}: {last}");
        }
    }
}
