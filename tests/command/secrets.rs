//! A marked secret and a marked value go through everything: the secret comes out nowhere, the value not in the log.

use crate::process::{Simulator, Workspace, finished, wait_until};
use crate::shop::config;
use serde_json::json;
use std::path::Path;

const SECRET: &str = "S3CR3T-token-Q7zP9";
const AUTH: &str = "auth = { type = \"bearer\", token = \"${MARKED_TOKEN}\" }";
/// What stands in the records and must not stand in a log.
const VALUES: [&str; 4] = ["nobody@@nowhere", "ask at the desk", "example.com", "Marked Person"];

fn assert_absent(needle: &str, text: &[u8], place: &str) {
    let found = text.windows(needle.len()).position(|window| window == needle.as_bytes());
    let around =
        found.map(|at| String::from_utf8_lossy(&text[at.saturating_sub(200)..(at + 100).min(text.len())]).into_owned());
    assert_eq!(around, None, "`{needle}` stands in {place}");
}

fn each_file(folder: &Path, look: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { each_file(&path, look) } else { look(&path) }
    }
}

/// Two systems that demand the secret and say it back in every way they have.
fn indiscreet() -> (Simulator, Workspace) {
    let simulator = Simulator::start(30, 6);
    for side in ["source", "destination"] {
        simulator.post("/sim/token", &json!({ "side": side, "token": SECRET }));
    }
    simulator.act("customers/spoil?id=cus_000007&how=email");
    simulator.act("customers/spoil?id=cus_000008&how=phone");
    let marked = json!({ "name": "Marked Person" });
    simulator.post("/sim/shop/customers/update?id=cus_000009", &marked);
    let workspace = Workspace::new(&config(&simulator, AUTH));
    (simulator, workspace)
}

fn echo(code: u16, text: &str) -> serde_json::Value {
    let body = json!({ "error": { "message": text, "request": { "Authorization": format!("Bearer {SECRET}") } } });
    let headers = [["location".to_owned(), format!("https://elsewhere.example/?token={SECRET}")]];
    json!({ "status": { "code": code, "body": body.to_string(), "headers": headers } })
}

// Rows 99 and 100 of the fault matrix.
#[test]
fn a_secret_comes_out_nowhere_even_where_the_other_side_says_it_back() {
    let (simulator, workspace) = indiscreet();
    let mut printed = String::new();
    let mut run = |words: &[&str]| {
        let ran = finished(workspace.command(words).env("MARKED_TOKEN", SECRET).env("SYNCDECK_LOG", "trace"));
        printed.push_str(&format!("$ {words:?}\n{ran}\n"));
        ran
    };
    run(&["check"]).ended(0);
    let refused = format!("the token {SECRET} may not write \"Marked Person\"");
    simulator.faults(&json!([
        { "side": "destination", "id": "cus_000009", "fault": echo(422, &refused) },
        { "side": "destination", "id": "cus_000011", "from": 1, "to": 1, "fault": echo(503, &refused) },
        { "side": "source", "from": 1, "to": 1, "fault": echo(500, &refused) },
        { "side": "source", "from": 3, "to": 3, "fault": "truncated_json" },
    ]));
    run(&["run", "--once", "--json"]).ended(3);
    for id in 1..=3 {
        run(&["dead", "show", &id.to_string(), "--json"]).ended(0);
        run(&["dead", "show", &id.to_string()]).ended(0);
    }
    for words in [&["dead", "list"][..], &["dead", "groups", "--json"], &["dead", "export"], &["runs", "--json"]] {
        run(words).ended(0);
    }
    // Runs that fail whole, with the secret in their reasons.
    for code in [301, 401] {
        simulator.faults(&json!([{ "side": "source", "fault": echo(code, &refused) }]));
        run(&["run", "--once"]).ended(1);
        run(&["status"]).ended(0);
        run(&["resume", "contacts"]).ended(0);
    }
    run(&["check"]).ended(1);
    run(&["check", "--json"]).ended(1);
    run(&["status"]).ended(0);
    run(&["status", "--json"]).ended(0);
    assert!(printed.contains("••••"), "the echo was met and masked: {printed}");
    assert_absent(SECRET, printed.as_bytes(), "what was printed");
    let mut n_logs = 0;
    each_file(&workspace.path("state"), &mut |path| {
        let content = std::fs::read(path).expect("a file");
        assert_absent(SECRET, &content, &path.display().to_string());
        if path.extension().is_some_and(|extension| extension == "log") {
            n_logs += 1;
            VALUES.iter().for_each(|value| assert_absent(value, &content, &path.display().to_string()));
        }
    });
    assert_eq!(n_logs, 1);
}

// Row 99 of the fault matrix: `ps` shows it to everybody.
#[test]
fn a_secret_stands_in_no_process_s_command_line() {
    let (simulator, workspace) = indiscreet();
    simulator.faults(&json!([{ "side": "source", "fault": "hang_before" }]));
    let mut command = workspace.command(&["run", "--once"]);
    let mut child = command.env("MARKED_TOKEN", SECRET).spawn().expect("it starts");
    wait_until("it runs", || simulator.requests()[0] > 0);
    let line = std::fs::read(format!("/proc/{}/cmdline", child.id()));
    child.kill().expect("it runs still");
    child.wait().expect("a killed process is gone");
    assert_absent(SECRET, &line.expect("its command line"), "the command line");
}

#[test]
fn a_log_line_has_the_job_the_record_and_a_short_reason() {
    let (simulator, workspace) = indiscreet();
    finished(workspace.command(&["run", "--once"]).env("MARKED_TOKEN", SECRET)).ended(3);
    drop(simulator);
    let mut log = String::new();
    each_file(&workspace.path("state/logs"), &mut |path| log.push_str(&std::fs::read_to_string(path).expect("a log")));
    let line = log.lines().find(|line| line.contains("cus_000007")).unwrap_or_else(|| panic!("no line: {log}"));
    for part in
        ["WARN", "job=\"contacts\"", "run=1", "source_id=\"cus_000007\"", "dead letter #1: 422 email is not a valid"]
    {
        assert!(line.contains(part), "no {part}: {line}");
    }
}
