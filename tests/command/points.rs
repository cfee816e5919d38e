//! Where jobs stand and stood, dry runs and the journal, on the command line.

use crate::shop::{CUSTOMERS, Scene};
use serde_json::{Value, json};

#[test]
fn a_job_is_put_back_reads_again_and_writes_nothing() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    let rewind = ["checkpoint", "rewind", "contacts", "--to", "1", "--reason", "wrong map"];
    let refused = scene.run(&rewind).ended(2);
    assert!(refused.stderr.contains("nobody is there to be asked") && refused.stderr.contains("`--yes`"), "{refused}");
    let dry = scene.run(&["checkpoint", "rewind", "contacts", "--to", "1", "--dry-run", "--json"]).ended(0).json();
    assert_eq!((&dry["now"]["sequence"], &dry["to"]["sequence"], &dry["done"]), (&json!(3), &json!(1), &Value::Null));
    assert_eq!((&dry["since"]["scanned"], &dry["counted"]["counts"]["skipped"]), (&json!(20), &json!(20)), "{dry}");
    let said = scene.run(&[&rewind[..], &["--yes"]].concat()).ended(0);
    assert!(
        said.stdout.ends_with("rewound contacts from #3 to #1, which is #4 now; it is paused until it is resumed\n")
    );
    assert!(said.stderr.contains("hint: it goes on by `syncdeck resume contacts`"), "{said}");
    let history = scene.run(&["checkpoint", "history", "contacts", "--json"]).ended(0).json();
    assert_eq!(history["checkpoints"][0]["moved"]["reason"], "wrong map", "{history}");
    assert_eq!(history["checkpoints"].as_array().map(Vec::len), Some(4), "nothing is taken away");
    scene.run(&["resume", "contacts"]).ended(0);
    let lines = scene.run(&["run", "--once", "--json"]).ended(0).json_lines();
    let end = lines.last().expect("an end");
    assert_eq!((&end["scanned"], &end["skipped"]), (&json!(20), &json!(20)), "{end}");
}

#[test]
fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let scene = Scene::healthy();
    let plan = scene.run(&["plan", "contacts", "--json", "--limit", "2"]).ended(0).json();
    assert_eq!((&plan["counts"]["created"], &plan["complete"]), (&json!(CUSTOMERS), &json!(true)), "{plan}");
    assert_eq!(plan["records"].as_array().map(Vec::len), Some(2));
    assert_eq!(scene.simulator.collection("destination", "contacts").len(), 0, "nothing is written");
    assert_eq!(scene.run(&["checkpoint", "show", "contacts", "--json"]).ended(0).json(), Value::Null);
    let text = scene.run(&["plan", "contacts", "--limit", "1"]).ended(0).stdout;
    assert!(text.starts_with("a dry run: nothing is written anywhere\n") && text.contains("… and 29 more"), "{text}");
    let part = scene.run(&["plan", "contacts", "--json", "--max-records", "10"]).ended(0).json();
    assert_eq!((&part["counts"]["scanned"], &part["complete"]), (&json!(10), &json!(false)), "{part}");
}

#[test]
fn another_configuration_is_planned_against_the_same_state() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    let old = std::fs::read_to_string(scene.workspace.path("syncdeck.toml")).expect("the configuration");
    let new = format!("{old}\n[jobs.contacts.map]\nid = \"id\"\nmail = \"email\"\n");
    std::fs::write(scene.workspace.path("new.toml"), new).expect("written");
    let plan = scene.run(&["plan", "contacts", "--config", "new.toml", "--json"]).ended(0).json();
    assert_eq!(plan["counts"]["updated"], json!(CUSTOMERS), "{plan}");
    assert!(plan["notes"][0].as_str().is_some_and(|note| note.contains("everything is read once more")), "{plan}");
    let plan = scene.run(&["plan", "contacts", "--json"]).ended(0).json();
    assert_eq!(plan["counts"]["updated"], 0, "the old one still has nothing to do: {plan}");
}

#[test]
fn a_position_goes_into_a_file_and_back() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    scene.run(&["checkpoint", "export", "contacts", "point.json"]).ended(0);
    let again = scene.run(&["checkpoint", "export", "contacts", "point.json"]).ended(1);
    assert!(again.stderr.contains("`point.json` could not be written"), "{again}");
    let printed = scene.run(&["checkpoint", "export", "contacts"]).ended(0).json();
    assert_eq!((&printed["job"], &printed["checkpoint"]["sequence"]), (&json!("contacts"), &json!(3)), "{printed}");
    let import = ["checkpoint", "import", "contacts", "point.json", "--reason", "a new host", "--yes"];
    let said = scene.run(&import).ended(0).stdout;
    assert!(said.ends_with(
        "contacts stood at #3 and stands now at #4, which is #3 of the file; it is paused until it is resumed\n"
    ));
    std::fs::write(scene.workspace.path("point.json"), "{}").expect("written");
    let broken = scene.run(&import).ended(1);
    assert!(broken.stderr.contains("is no checkpoint of syncdeck"), "{broken}");
}

#[test]
fn the_journal_is_listed_narrowed_and_proved() {
    let scene = Scene::healthy();
    scene.run(&["pause", "contacts", "--reason", "migration"]).ended(0);
    scene.run(&["resume", "contacts"]).ended(0);
    let journal = scene.run(&["journal", "--job", "contacts", "--since", "1h", "--json"]).ended(0).json();
    let entries = journal["entries"].as_array().expect("entries");
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap_or_default()).collect();
    assert_eq!(actions, ["resume", "pause"]);
    assert_eq!((&entries[1]["reason"], &entries[1]["before"]), (&json!("migration"), &json!("active")), "{journal}");
    assert_eq!(entries[1]["by"], "tester");
    let said = scene.run(&["journal", "verify"]).ended(0).stdout;
    assert_eq!(said, "the journal holds: 2 entries, #1 to #2\n");
    assert!(scene.run(&["journal"]).ended(0).stdout.contains("active → paused"));
}
