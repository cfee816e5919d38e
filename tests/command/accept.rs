//! A configuration that is of other records than the state: the command says so, and how to go on.

use crate::process::{Simulator, finished, wait_until};
use crate::shop::{CUSTOMERS, Scene};

fn set_path(scene: &Scene, from: &str, to: &str) {
    let path = scene.workspace.path("syncdeck.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    assert!(config.contains(from), "{config}");
    std::fs::write(&path, config.replace(from, to)).expect("the configuration");
}

// Row 12 of the fault matrix.
#[test]
fn a_changed_destination_stops_the_job_with_the_difference_and_accept_lets_it_go_on() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    let before = scene.simulator.requests();
    set_path(&scene, "path = \"/contacts/", "path = \"/customers/");
    let ran = scene.run(&["run", "--once"]).ended(1);
    let crm = &scene.simulator.crm;
    let difference = format!("its destination was `{crm}/v2/contacts` and is `{crm}/v2/customers`");
    assert!(ran.stderr.contains("error: run of `contacts` stopped: ") && ran.stderr.contains(&difference), "{ran}");
    assert!(ran.stderr.contains("hint: ") && ran.stderr.contains("`syncdeck run contacts --accept`"), "{ran}");
    let status = scene.run(&["status", "contacts"]).ended(0);
    assert!(status.stdout.contains(&difference), "{status}");
    let ran = scene.run(&["resume", "contacts"]).ended(1);
    assert!(ran.stderr.contains("--accept"), "{ran}");
    assert_eq!(scene.simulator.requests(), before, "nothing was asked");

    scene.run(&["run", "--accept", "--once"]).ended(2);
    let ran = scene.run(&["run", "contacts", "--accept", "--once"]).ended(0);
    assert!(ran.stderr.starts_with("accepted contacts; "), "{ran}");
    scene.run(&["run", "--once"]).ended(0);
    assert!(scene.simulator.collection("destination", "customers").is_empty(), "they are the same records");
}

// Row 12 of the fault matrix.
#[test]
fn a_job_for_another_system_is_forgotten_and_writes_everything_there() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    set_path(&scene, "path = \"/contacts/", "path = \"/customers/");
    scene.run(&["run", "--once"]).ended(1);
    scene.run(&["forget", "contacts", "--yes"]).ended(0);
    scene.run(&["run", "--once"]).ended(0);
    for collection in ["contacts", "customers"] {
        let there = scene.simulator.collection("destination", collection);
        assert_eq!(there.len() as u64, CUSTOMERS, "{collection}");
    }
}

// Row 12 of the fault matrix.
#[test]
fn an_engine_that_runs_already_is_told_what_was_accepted() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    set_path(&scene, "path = \"/contacts/", "path = \"/customers/");
    let before = scene.simulator.requests();
    let mut engine = scene.workspace.command(&["serve"]).spawn().expect("it starts");
    wait_until("the engine answers", || {
        let status = scene.run(&["status", "--json"]);
        status.status == 0 && status.json()["engine"]["pid"] == engine.id()
    });
    assert_eq!(scene.simulator.requests(), before, "nothing was asked");
    let ran = scene.run(&["run", "contacts", "--accept"]).ended(0);
    assert!(ran.stderr.starts_with("accepted contacts; "), "{ran}");
    wait_until("the job goes on", || scene.simulator.requests()[0] > before[0]);
    engine.kill().expect("it runs still");
    engine.wait().expect("a killed process is gone");
}

// Row 12 of the fault matrix.
#[test]
fn another_system_is_noticed_where_its_address_comes_from_a_variable() {
    let scene = Scene::healthy();
    let address = scene.simulator.crm.clone();
    set_path(&scene, &format!("\"{address}/v2\""), "\"${CRM}/v2\"");
    let run = |crm: &str| finished(scene.workspace.command(&["run", "--once"]).env("CRM", crm));
    run(&address).ended(0);
    run(&address).ended(0);
    let production = Simulator::start(0, 1);
    let ran = run(&production.crm).ended(1);
    assert!(ran.stderr.contains("the host of its destination `••••/v2/contacts` is another one"), "{ran}");
    assert!(!ran.stderr.contains(&production.crm), "{ran}");
    assert_eq!(production.requests(), [0, 0]);
    run(&address).ended(0);
}
