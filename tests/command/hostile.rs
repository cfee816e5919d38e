//! Records whose ids and fields hold what a terminal would obey: nothing that is printed or logged holds it as it is.

use crate::process::{Ran, Simulator, Workspace};
use crate::shop::config;
use serde_json::{Value, json};
use syncdeck::model::is_hidden;

/// An id and a telephone number that the CRM refuses, and says back.
const HOSTILE: &str = "=\u{1b}[2J\u{1b}]52;c;cGFzdGU=\u{7}\r\n\t\u{9b}31m\u{202e}\u{200b}\u{7f}";

struct Scene {
    workspace: Workspace,
    _simulator: Simulator,
}

fn scene() -> Scene {
    let simulator = Simulator::start(3, 5);
    let record = json!({ "id": HOSTILE, "name": HOSTILE, "email": "a@b.example", "phone": HOSTILE });
    let id = percent_encoding::utf8_percent_encode(HOSTILE, percent_encoding::NON_ALPHANUMERIC);
    simulator.post(&format!("/sim/shop/customers/insert?id={id}"), &record);
    let workspace = Workspace::new(&config(&simulator, ""));
    Scene { workspace, _simulator: simulator }
}

#[track_caller]
fn assert_harmless(what: &str, printed: &str) {
    let bad = printed.chars().find(|scalar| *scalar != '\n' && is_hidden(*scalar));
    assert_eq!(bad, None, "{what}: {printed:?}");
}

impl Scene {
    #[track_caller]
    fn run(&self, words: &[&str]) -> Ran {
        let ran = self.workspace.run(words);
        assert_harmless(&format!("{words:?}"), &ran.stdout);
        assert_harmless(&format!("{words:?}"), &ran.stderr);
        ran
    }
}

// Row 101 of the fault matrix.
#[test]
fn nothing_of_a_hostile_record_reaches_a_terminal_or_a_log_as_it_is() {
    let scene = scene();
    scene.run(&["plan", "contacts"]).ended(0);
    scene.run(&["run", "--once"]).ended(3);
    for words in [
        &["status"][..],
        &["status", "contacts"],
        &["dead", "list"],
        &["dead", "groups"],
        &["dead", "show", "1"],
        &["dead", "export"],
        &["dead", "export", "--format", "csv"],
        &["runs"],
        &["checkpoint", "show", "contacts"],
        &["checkpoint", "history", "contacts"],
        &["dead", "discard", "1", "--reason", HOSTILE],
        &["journal"],
    ] {
        let ran = scene.run(words).ended(0);
        assert!(!ran.stdout.is_empty(), "{words:?} prints nothing");
    }
    assert!(scene.run(&["dead", "show", "1"]).stdout.contains("␛[2J"), "it is shown all the same");
    scene.run(&["why", "contacts", HOSTILE]);
    scene.run(&["why", HOSTILE, "--live"]);
    scene.run(&["status", HOSTILE]).ended(2);
    let logs = std::fs::read_dir(scene.workspace.path("state/logs")).expect("logs").flatten();
    let log: String = logs.map(|file| std::fs::read_to_string(file.path()).expect("a log is text")).collect();
    assert!(log.contains("52;c;cGFzdGU="), "the log names the record");
    assert_harmless("the log", &log);
}

// Row 102 of the fault matrix.
#[test]
fn a_hostile_record_is_one_valid_line_of_json_and_means_the_same() {
    let scene = scene();
    let lines = scene.run(&["run", "--once", "--json"]).ended(3).json_lines();
    let end = lines.iter().find(|line| line["event"] == "finished").expect("an end");
    assert_eq!(end["errored"], 1, "{end}");
    let list = scene.run(&["dead", "list", "--json"]).ended(0).json();
    assert_eq!(list["letters"][0]["record"], HOSTILE);
    let shown = scene.run(&["dead", "show", "1", "--json"]).ended(0);
    assert_eq!(shown.stdout.lines().count(), 1, "{shown}");
    assert_eq!(shown.json()["source"]["name"], HOSTILE);
    let exported = scene.run(&["dead", "export"]).ended(0).json_lines();
    assert_eq!(exported.len(), 1, "one record is one line");
    assert_eq!(exported[0]["source"]["phone"], HOSTILE);
    let why = scene.run(&["why", "contacts", HOSTILE, "--json"]).json();
    assert_eq!(why["answers"][0]["record"], HOSTILE);
    for words in [
        &["status", "--json"][..],
        &["runs", "--json"],
        &["dead", "groups", "--json"],
        &["checkpoint", "history", "contacts", "--json"],
        &["journal", "--json"],
        &["plan", "contacts", "--json"],
    ] {
        let lines: Vec<Value> = scene.run(words).ended(0).json_lines();
        assert!(!lines.is_empty(), "{words:?} prints nothing");
    }
}
