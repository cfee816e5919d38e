//! A lost answer over real sockets is the trouble of its own record alone.

use crate::process::{Simulator, Workspace};
use crate::shop::config;
use serde_json::json;

const RECORDS: u64 = 60;

/// The job makes records of which nothing tells afterwards whether they arrived.
fn making(simulator: &Simulator) -> Workspace {
    let config = config(simulator, "");
    let (before, _) = config.split_once("write = \"upsert\"").expect("a destination");
    let create = "write = \"create\"\npath = \"/contacts/{{ id }}\"\nid = \"/id\"\ncreate = { path = \"/contacts\", external_id = \"external_id\" }\n";
    Workspace::new(
        &format!("{before}{create}").replace("timeout = \"5s\"", "timeout = \"1s\"\nlimits = { in_flight = 8 }"),
    )
}

// Row 57 of the fault matrix.
#[test]
fn one_lost_answer_to_a_create_among_others_in_flight_leaves_one_outcome_unknown() {
    for fault in ["hang_after", "cut_body"] {
        let simulator = Simulator::start(RECORDS, 5);
        let slow = json!({ "side": "destination", "method": "POST", "from": 21, "to": 40, "fault": { "slow": { "ms": 200 } } });
        let lost = json!({ "side": "destination", "method": "POST", "from": 20, "to": 20, "fault": fault });
        simulator.faults(&json!([lost, slow]));
        let workspace = making(&simulator);
        workspace.run(&["run", "--once"]).ended(3);
        let letters = workspace.run(&["dead", "list", "--json"]).ended(0).json();
        assert_eq!(letters["total"], 1, "{fault}: {letters}");
        assert!(
            letters["letters"][0]["title"].as_str().is_some_and(|title| title.contains("outcome unknown")),
            "{letters}"
        );
        assert_eq!(simulator.collection("destination", "contacts").len() as u64, RECORDS, "{fault}");
    }
}
