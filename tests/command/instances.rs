//! Names that several instances share, and `--instance`, on the commands that look at jobs.

use crate::process::{Simulator, Workspace};
use crate::shop::{CUSTOMERS, config};
use serde_json::Value;

/// Two customers with a job each over the same shop, in which two records are bad.
fn workspace(simulator: &Simulator) -> Workspace {
    let instances = "[instances.acme]\nvars = { folder = \"contacts\" }\n\
                     [instances.globex]\nvars = { folder = \"contacts\" }\n\
                     [jobs.contacts]\nfor_each = \"instances\"\n";
    let config = config(simulator, "")
        .replace("[jobs.contacts]\n", instances)
        .replace("path = \"/contacts/", "path = \"/{{ instance.folder }}/");
    Workspace::new(&config)
}

fn n(document: &Value, list: &str) -> usize {
    document[list].as_array().map_or(0, Vec::len)
}

#[test]
fn a_name_that_instances_share_means_all_of_them_and_an_instance_its_own() {
    let simulator = Simulator::start(CUSTOMERS, 5);
    simulator.act("customers/spoil?id=cus_000007&how=email");
    simulator.act("customers/spoil?id=cus_000008&how=phone");
    let workspace = workspace(&simulator);
    workspace.run(&["run", "--once"]).ended(3);
    let json = |words: &[&str]| workspace.run(&[words, &["--json"]].concat()).ended(0).json();

    assert_eq!(json(&["dead", "list", "contacts"])["total"], 4);
    for words in [["contacts@acme", "--limit", "9"], ["contacts", "--instance", "acme"]] {
        let letters = json(&[&["dead", "list"][..], &words].concat());
        assert_eq!((n(&letters, "letters"), &letters["letters"][0]["job"]), (2, &Value::from("contacts@acme")));
    }
    assert_eq!(n(&json(&["dead", "groups", "--instance", "globex"]), "groups"), 2);
    let exported = workspace.run(&["dead", "export", "--instance", "globex"]).ended(0).json_lines();
    assert_eq!(exported.len(), 2);

    let runs = json(&["runs", "contacts"]);
    let instances: Vec<&str> =
        runs["runs"].as_array().into_iter().flatten().filter_map(|run| run["instance"].as_str()).collect();
    assert!(instances.contains(&"acme") && instances.contains(&"globex"), "{runs}");
    assert!(n(&json(&["runs", "--instance", "acme"]), "runs") < instances.len());

    assert_eq!(n(&json(&["why", "contacts", "cus_000001"]), "answers"), 2);
    let why = json(&["why", "cus_000001", "--instance", "acme"]);
    assert_eq!((n(&why, "answers"), &why["answers"][0]["job"]), (1, &Value::from("contacts@acme")));

    let retried = workspace.run(&["dead", "retry", "--job", "contacts", "--instance", "acme"]).ended(0);
    assert!(retried.stdout.contains('2'), "{retried}");
}

#[test]
fn a_command_for_one_job_asks_which_one_is_meant() {
    let simulator = Simulator::start(CUSTOMERS, 5);
    let workspace = workspace(&simulator);
    workspace.run(&["run", "--once"]).ended(0);
    for command in [&["checkpoint", "show", "contacts"][..], &["plan", "contacts"]] {
        let refused = workspace.run(command).ended(2);
        assert!(refused.stderr.contains("`contacts` means 2 jobs, and this is for one"), "{refused}");
        assert!(refused.stderr.contains("name one of `contacts@acme`, `contacts@globex`"), "{refused}");
    }
    let checkpoint = workspace.run(&["checkpoint", "show", "contacts", "--instance", "acme", "--json"]).ended(0).json();
    assert_eq!(checkpoint["stats"]["processed"], CUSTOMERS, "{checkpoint}");
    let history = workspace.run(&["checkpoint", "history", "contacts", "--instance", "acme", "--json"]).ended(0).json();
    assert_eq!(history["job"], "contacts@acme");
    let plan = workspace.run(&["plan", "contacts", "--instance", "globex", "--json"]).ended(0).json();
    assert_eq!(
        (&plan["job"], &plan["counts"]["created"]),
        (&Value::from("contacts@globex"), &Value::from(0)),
        "{plan}"
    );
    let unknown = workspace.run(&["checkpoint", "show", "contacts", "--instance", "nobody"]).ended(2);
    assert!(unknown.stderr.contains("no instance is called `nobody`"), "{unknown}");
}
