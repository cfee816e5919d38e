//! Signals: the first ends the work in order, the second at once; and what a kill must not make us forget.

use crate::process::{Simulator, Workspace, wait_until};
use crate::rounds::config;
use crate::running::Running;
use crate::truth;
use serde_json::json;
use std::time::{Duration, Instant};

/// A slow CRM, so that a signal always comes into the middle of pages.
fn slow(simulator: &Simulator) {
    let latency = json!([["destination", { "base_ms": 20, "jitter_ms": 0 }]]);
    simulator.post("/sim/faults", &json!({ "latency": latency }));
}

/// Starts the service and waits until `n` writes reached the CRM.
fn in_the_middle(simulator: &Simulator, workspace: &Workspace, n: u64) -> Running {
    let mut engine = Running::start(workspace, &["run", "--json"]);
    wait_until("writes are on their way", || {
        if let Some(ran) = engine.ended() {
            panic!("the engine ended by itself: {ran}");
        }
        n <= simulator.requests()[1]
    });
    engine
}

// Row 8 of the fault matrix, and 114 (the terminal is gone).
#[test]
fn the_first_signal_finishes_the_pages_saves_them_and_says_so() {
    for name in ["TERM", "INT", "HUP"] {
        let simulator = Simulator::start(200, 8);
        slow(&simulator);
        let workspace = Workspace::new(&config(&simulator, "5s"));
        let engine = in_the_middle(&simulator, &workspace, 30);
        engine.signal(name);
        let ran = engine.wait().ended(130);
        assert!(ran.stderr.contains("stopping after the pages in flight"), "{name}: {ran}");
        assert!(ran.stderr.contains("\nstopped; every job goes on from its checkpoint"), "{name}: {ran}");
        let runs = workspace.run(&["runs", "--json"]).ended(0).json();
        let cut = runs["runs"].as_array().expect("runs").iter().filter(|run| run["state"] == "stopped").count();
        assert!(0 < cut, "{name}: a run says that it was stopped: {runs}");
        truth::figures_balance(&workspace, &["contacts", "orders", "invoices"]);
        // What was confirmed is saved: nothing is sent a second time.
        workspace.run(&["run", "--once", "--json"]).ended(0);
        truth::destination_is_source(&simulator);
        let audit = simulator.get("/sim/audit");
        for collection in ["contacts", "orders", "invoices"] {
            let of = &audit["destination"]["collections"][collection];
            assert_eq!((&of["rewrites"], &of["replays"]), (&json!(0), &json!(0)), "{name}, {collection}: {of}");
        }
    }
}

// Row 8 of the fault matrix.
#[test]
fn a_stopped_run_once_tells_each_job_as_stopped() {
    let simulator = Simulator::start(4_000, 8);
    slow(&simulator);
    let workspace = Workspace::new(&config(&simulator, "5s"));
    let engine = Running::start(&workspace, &["run", "--once", "--json"]);
    wait_until("writes are on their way", || 30 <= simulator.requests()[1]);
    engine.signal("TERM");
    let ran = engine.wait().ended(130);
    let ends: Vec<_> = ran.json_lines().into_iter().filter(|line| line["event"] == "finished").collect();
    assert_eq!(ends.len(), 3, "{ran}");
    assert!(ends.iter().all(|end| end["state"] == "stopped"), "{ran}");
    assert!(ends.iter().any(|end| end["checkpoint"]["sequence"].as_u64().is_some()), "{ran}");
}

// Row 8 of the fault matrix.
#[test]
fn the_second_signal_leaves_at_once_and_is_as_safe_as_a_kill() {
    let simulator = Simulator::start(200, 9);
    let workspace = Workspace::new(&config(&simulator, "20s"));
    // From here on writes are carried out and never answered: the pages in flight can not be finished.
    simulator.faults(&json!([{ "side": "destination", "from": 30, "fault": "hang_after" }]));
    let mut engine = in_the_middle(&simulator, &workspace, 30);
    engine.signal("TERM");
    wait_until("the first signal is heard", || engine.stderr().contains("stopping after the pages in flight"));
    assert!(engine.ended().is_none(), "pages are still in flight: {}", engine.stderr());
    let second = Instant::now();
    engine.signal("TERM");
    engine.wait().ended(130);
    assert!(second.elapsed() < Duration::from_secs(1), "it left after {:?}", second.elapsed());
    simulator.faults(&json!([]));
    workspace.run(&["run", "--once", "--json"]).ended(0);
    truth::destination_is_source(&simulator);
    truth::figures_balance(&workspace, &["contacts", "orders", "invoices"]);
    assert_eq!(simulator.get("/sim/audit")["violations"], json!([]));
}

// Row 4 of the fault matrix, with a delete: the write that a kill made us forget stands at the destination.
#[test]
fn a_record_that_was_written_unseen_before_a_kill_and_is_deleted_after_it_is_deleted_at_the_destination() {
    let simulator = Simulator::start(1, 10);
    let workspace = Workspace::new(&config(&simulator, "20s"));
    simulator.faults(&json!([{ "side": "destination", "fault": "hang_after" }]));
    let mut engine = Running::start(&workspace, &["run", "--json"]);
    let there = |name: &str| !simulator.collection("destination", name).is_empty();
    wait_until("the writes took effect", || there("contacts") && there("orders") && there("invoices"));
    engine.kill();
    simulator.faults(&json!([]));
    for collection in ["customers", "orders", "invoices"] {
        simulator.act(&format!("{collection}/delete"));
    }
    workspace.run(&["run", "--once", "--json"]).ended(0);
    truth::destination_is_source(&simulator);
}
