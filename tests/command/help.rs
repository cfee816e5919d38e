//! Help, completions and the schema: what a person reads before the first command works.

use crate::process::{Simulator, Workspace};

const COMMANDS: [&[&str]; 24] = [
    &["console"],
    &["demo"],
    &["init"],
    &["run"],
    &["check"],
    &["status"],
    &["pause"],
    &["resume"],
    &["trigger"],
    &["cancel"],
    &["dead"],
    &["dead", "list"],
    &["dead", "groups"],
    &["dead", "show"],
    &["dead", "retry"],
    &["dead", "discard"],
    &["dead", "settle"],
    &["dead", "export"],
    &["checkpoint"],
    &["checkpoint", "show"],
    &["checkpoint", "history"],
    &["runs"],
    &["schema"],
    &["completions"],
];

#[test]
fn every_command_s_help_has_an_example_that_names_it() {
    let workspace = Workspace::new("");
    for words in COMMANDS {
        let ran = workspace.run(&[words, &["--help"]].concat()).ended(0);
        let example = ran.stdout.split("Example:\n").nth(1).unwrap_or_else(|| panic!("{words:?} has none: {ran}"));
        assert!(example.contains(&words.join(" ")), "{words:?}: {example}");
        assert_eq!(ran.stderr, "", "{words:?}");
    }
    let root = workspace.run(&["--help"]).ended(0).stdout;
    for words in COMMANDS.iter().filter(|words| words.len() == 1) {
        assert!(root.contains(&format!("\n  {}", words[0])), "{words:?} in {root}");
    }
    let version = workspace.run(&["--version"]).ended(0).stdout;
    assert_eq!(version, format!("syncdeck {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_the_commands_in_each_shell() {
    let workspace = Workspace::new("");
    for shell in ["bash", "zsh", "fish"] {
        let script = workspace.run(&["completions", shell]).ended(0).stdout;
        for word in ["checkpoint", "discard", "--max-records", "groups"] {
            let word = if shell == "fish" { word.trim_start_matches("--") } else { word };
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn the_schema_is_one_document_that_knows_the_jobs() {
    let workspace = Workspace::new("");
    let schema = workspace.run(&["schema"]).ended(0).json();
    assert!(schema["$schema"].is_string() && schema.pointer("/properties/jobs").is_some(), "{schema}");
}

#[test]
fn the_demo_without_a_screen_runs_every_job_once_and_leaves_nothing_behind() {
    let workspace = Workspace::new("");
    let ran = workspace.run(&["demo", "--headless", "--json", "--records", "60", "--faults", "none"]).ended(0);
    let ends: Vec<_> = ran.json_lines().into_iter().filter(|line| line["event"] == "finished").collect();
    assert_eq!(ends.len(), 6, "{ran}");
    assert!(ends.iter().all(|end| end["state"] == "done"), "{ran}");
    let left: Vec<_> = std::fs::read_dir(workspace.path("")).expect("the folder").flatten().collect();
    assert_eq!(left.len(), 1, "only the configuration: {left:?}");
}

#[test]
fn init_writes_a_configuration_that_works_with_the_practice_systems_and_never_over_another() {
    let workspace = Workspace::new("");
    let there = workspace.run(&["init", "syncdeck.toml"]).ended(1);
    assert!(there.stderr.contains("`syncdeck.toml` is there already"), "{there}");
    assert!(there.stderr.contains("hint: edit that one, or name another: syncdeck init syncdeck-new.toml"), "{there}");
    let ran = workspace.run(&["init", "own.toml"]).ended(0);
    assert!(ran.stdout.starts_with("wrote own.toml: one job, from a shop to a CRM\n"), "{ran}");
    workspace.run(&["-c", "own.toml", "check", "--offline"]).ended(0);
    let text = std::fs::read_to_string(workspace.path("own.toml")).expect("a configuration");
    let simulator = Simulator::start(20, 1);
    let text = text.replace("http://127.0.0.1:4100", &simulator.shop).replace("http://127.0.0.1:4101", &simulator.crm);
    std::fs::write(workspace.path("own.toml"), text).expect("a configuration");
    workspace.run(&["-c", "own.toml", "run", "--once"]).ended(0);
    assert_eq!(simulator.collection("destination", "contacts").len(), 20);
    let lost = workspace.run(&["init", "nowhere/own.toml"]).ended(1);
    assert!(lost.stderr.contains("no configuration could be written to `nowhere/own.toml`"), "{lost}");
}
