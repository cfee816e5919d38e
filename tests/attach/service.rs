//! `syncdeck serve` under a service manager, with commands beside it.

use crate::process::wait_until;
use crate::running::Running;
use crate::shop::{CUSTOMERS, Scene};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Serves the scene, and returns when it listens.
pub fn serve(scene: &Scene) -> Running {
    let running = Running::start(&scene.workspace, &["serve"]);
    wait_until("it serves", || running.stderr().contains("serving `command`"));
    running
}

#[test]
fn the_service_manager_is_told_of_the_start_and_of_an_end_in_order() {
    let scene = Scene::healthy();
    let manager = UnixDatagram::bind(scene.workspace.path("notify")).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let path = scene.workspace.path("notify");
    let mut command = scene.workspace.command(&["serve"]);
    let mut serving =
        command.env("NOTIFY_SOCKET", &path).stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let told = || {
        let mut bytes = [0; 4096];
        let n = manager.recv(&mut bytes).expect("a word from the service");
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    };
    let ready = told();
    assert!(ready.contains("READY=1") && ready.contains("STATUS=1 job"), "{ready}");
    scene.run(&["status"]).ended(0);
    let pid = rustix::process::Pid::from_child(&serving);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let stopping = told();
    assert!(stopping.contains("STOPPING=1"), "{stopping}");
    let status = serving.wait().expect("it ends");
    assert_eq!(status.code(), Some(0), "an end that was asked for is no failure");
    assert!(!scene.workspace.path("state/control.sock").exists());
    assert!(!scene.workspace.path("state/engine.json").exists());
}

#[test]
fn every_command_works_beside_a_service_as_it_does_without_one() {
    let scene = Scene::with_two_bad_customers();
    // The backfill of a new job begins by itself.
    let mut serving = serve(&scene);
    let job = || scene.run(&["status", "--json"]).ended(0).json()["jobs"][0].clone();
    wait_until("its run ended", || job()["scanned"] == CUSTOMERS && job()["run"].is_null());
    scene.run(&["pause", "contacts", "--reason", "a test"]).ended(0);
    let discarded = scene.run(&["dead", "discard", "1", "--reason", "a test"]).ended(0);
    let commands = [
        &["dead", "list", "--json"][..],
        &["dead", "groups"],
        &["dead", "show", "2"],
        &["checkpoint", "history", "contacts"],
        &["runs", "--json"],
    ];
    let beside: Vec<String> = commands.iter().map(|words| scene.run(words).ended(0).stdout).collect();
    let counts = job();
    serving.kill();
    // The same state without an engine: what was seen through the socket is what is there.
    let alone: Vec<String> = commands.iter().map(|words| scene.run(words).ended(0).stdout).collect();
    assert_eq!(beside, alone);
    assert!(discarded.stdout.contains("discarded 1 dead letter"), "{discarded}");
    for figure in ["state", "scanned", "created", "errored", "dead_waiting", "why"] {
        assert_eq!(counts[figure], job()[figure], "{figure}");
    }
}

#[test]
fn a_configuration_for_looking_starts_nothing_and_changes_nothing() {
    let scene = Scene::healthy();
    let path = scene.workspace.path("syncdeck.toml");
    let config = std::fs::read_to_string(&path).expect("a configuration");
    let looking = config.replace("[workspace]\n", "[workspace]\nread_only = true\n");
    let serving = serve(&scene);
    std::fs::write(&path, looking).expect("a configuration");
    for words in [&["serve"][..], &["run", "--once"], &["pause", "contacts"], &["trigger", "--all"]] {
        let ran = scene.run(words).ended(1);
        assert!(ran.stderr.contains("read-only"), "{words:?}: {ran}");
    }
    let status = scene.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["jobs"][0]["state"], "idle", "{status}");
    drop(serving);
}
