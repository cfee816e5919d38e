//! What is said when something can not be done: what, where, how to mend it, on standard error, with the right status.

use crate::process::{Simulator, Workspace, finished, wait_until};
use crate::shop::{Scene, config};
use serde_json::json;
use std::process::Stdio;

// Row 97 of the fault matrix.
#[test]
fn all_mistakes_of_a_configuration_are_told_before_any_request() {
    let scene = Scene::healthy();
    let path = scene.workspace.path("syncdeck.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    let config =
        config.replace("timeout = \"5s\"", "timeot = \"5s\"").replace("write = \"upsert\"", "write = \"upset\"");
    std::fs::write(&path, config).expect("the configuration");
    for words in [&["run", "--once"][..], &["check"], &["status"], &["dead", "list"]] {
        let ran = scene.run(words).ended(2);
        assert_eq!(ran.stderr.matches("error: ").count(), 3, "{ran}");
        assert!(ran.stderr.contains("syncdeck.toml:9:1: ") && ran.stderr.contains("did you mean `timeout`"), "{ran}");
        assert!(ran.stderr.contains("3 mistakes in the configuration"), "{ran}");
        assert_eq!(ran.stdout, "", "{ran}");
    }
    assert_eq!(scene.simulator.requests(), [0, 0]);
    assert!(!scene.workspace.path("state").exists());
}

#[test]
fn a_missing_configuration_says_where_it_was_looked_for() {
    let workspace = Workspace::new("");
    std::fs::remove_file(workspace.path("syncdeck.toml")).expect("it was there");
    let ran = workspace.run(&["status"]).ended(2);
    assert!(ran.stderr.starts_with("error: no configuration was found\n  "), "{ran}");
    assert!(ran.stderr.contains("hint: name one with `-c FILE`"), "{ran}");
    let ran = workspace.run(&["-c", "other.toml", "status"]).ended(2);
    assert!(ran.stderr.contains("other.toml"), "{ran}");
}

#[test]
fn wrong_usage_ends_with_status_2_and_names_what_is_near() {
    let scene = Scene::healthy();
    for words in
        [&["run", "contcts", "--once"][..], &["status", "contcts"], &["runs", "contcts"], &["dead", "list", "contcts"]]
    {
        let ran = scene.run(words).ended(2);
        assert_eq!(ran.stderr, "error: no job is called `contcts`\nhint: did you mean `contacts`?\n", "{words:?}");
    }
    for words in [&["checkpoint", "show", "contcts"][..], &["checkpoint", "history", "contcts"]] {
        scene.run(words).ended(2);
    }
    for words in [
        &["run", "--nonsense"][..],
        &["nonsense"],
        &["dead", "discard", "1"],
        &["dead", "retry"],
        &["pause"],
        &["run", "--since", "yesterday"],
        &["runs", "--limit", "0"],
        &["completions", "tcl"],
    ] {
        let ran = scene.run(words).ended(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stdout.is_empty(), "{words:?}: {ran}");
    }
    let ran = scene.run(&["dead", "show", "99"]).ended(1);
    assert_eq!(ran.stderr, "error: there is no dead letter #99\nhint: syncdeck dead list\n");
    let ran = scene.run(&["pause", "contcts"]).ended(2);
    assert_eq!(ran.stderr, "error: no job is called `contcts`\nhint: did you mean `contacts`?\n");
}

#[test]
fn the_console_without_a_terminal_is_refused_before_anything_runs() {
    let scene = Scene::healthy();
    for words in [&[][..], &["console"], &["demo"]] {
        let ran = scene.run(words).ended(1);
        assert!(ran.stderr.starts_with("error: the console needs a terminal"), "{words:?}: {ran}");
    }
    assert_eq!(scene.simulator.requests(), [0, 0]);
    assert!(!scene.workspace.path("state").exists());
}

// Rows 15 and 17 of the fault matrix.
#[test]
fn a_second_process_is_told_who_holds_the_state_and_a_kill_frees_it() {
    let scene = Scene::healthy();
    // The first one has something to wait for as long as this test needs it.
    scene.simulator.faults(&json!([{ "side": "source", "fault": "hang_before" }]));
    let mut first = scene.workspace.command(&["run", "--once"]).spawn().expect("it starts");
    wait_until("the first holds the state", || scene.simulator.requests()[0] > 0);
    for words in [&["run", "--once"][..], &["serve"]] {
        let ran = scene.run(words).ended(1);
        let holder = format!("are run by pid {} (syncdeck run, by tester) already", first.id());
        assert!(ran.stderr.contains(&holder) && ran.stderr.contains("\nhint: "), "{words:?}: {ran}");
    }
    let status = scene.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["engine"]["pid"], first.id(), "everything else goes to the engine that is there");
    scene.run(&["dead", "list"]).ended(0);
    first.kill().expect("it runs still");
    first.wait().expect("a killed process is gone");
    scene.simulator.faults(&json!([]));
    scene.run(&["run", "--once"]).ended(0);
}

#[test]
fn who_attaches_to_an_engine_needs_none_of_its_secrets() {
    let simulator = Simulator::start(20, 1);
    let text = config(&simulator, "auth = { type = \"bearer\", token = \"${TEAM}\" }");
    let workspace = Workspace::new(&text);
    simulator.faults(&json!([{ "side": "source", "fault": "hang_before" }]));
    let ran = workspace.run(&["status"]).ended(2);
    assert!(ran.stderr.contains("the environment variable `TEAM` is not set"), "{ran}");
    assert!(!workspace.path("state").exists(), "a mistake makes no folder");
    let mut engine = workspace.command(&["run", "--once"]).env("TEAM", "night shift").spawn().expect("it starts");
    wait_until("the engine runs", || simulator.requests()[0] > 0);
    let status = workspace.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["engine"]["pid"], engine.id());
    let paused = workspace.run(&["pause", "--all"]).ended(0);
    engine.kill().expect("it runs still");
    engine.wait().expect("a killed process is gone");
    let ran = workspace.run(&["status"]).ended(2);
    assert!(ran.stderr.contains("`TEAM` is not set"), "{paused}\n{ran}");
}

// Row 115 of the fault matrix.
#[test]
fn a_reader_that_goes_away_causes_no_panic() {
    let scene = Scene::with_two_bad_customers();
    scene.run(&["run", "--once"]).ended(3);
    for words in [&["schema"][..], &["dead", "export"], &["status", "--json"], &["completions", "bash"], &["--help"]] {
        let mut command = scene.workspace.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        // As `| head -0`: the reading end is closed before a byte is read.
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_failed_run_names_the_job_the_connection_and_the_mend() {
    let simulator = Simulator::start(3, 1);
    let workspace = Workspace::new(&config(&simulator, "auth = { type = \"bearer\", token = \"${TOKEN}\" }"));
    simulator.post("/sim/token", &json!({ "side": "source", "token": "another" }));
    let ran = finished(workspace.command(&["run", "--once"]).env("TOKEN", "marked-secret-of-the-test")).ended(1);
    assert!(ran.stderr.contains("error: run of `contacts` stopped: ") && ran.stderr.contains("401"), "{ran}");
    assert!(ran.stderr.contains("hint: the token of connection `shop` is refused"), "{ran}");
    assert!(ran.stderr.contains("`syncdeck resume contacts`"), "{ran}");
    let ran = workspace.run(&["run", "--once"]).ended(2);
    assert!(ran.stderr.contains("the environment variable `TOKEN` is not set"), "{ran}");
}
