//! The console as lines, where there is a terminal that can do nothing else and where there is none.

use crate::app::{App, Begin};
use crate::process::{Simulator, Workspace};
use std::io::Write;
use std::process::Stdio;

const CONFIG: &str = r#"
[workspace]
name = "night"
state = "state"
[connections.shop]
type = "rest"
base_url = "SHOP/api"
[connections.crm]
type = "rest"
base_url = "CRM/v2"
[jobs.contacts]
schedule = { every = "1h" }
[jobs.contacts.source]
connection = "shop"
path = "/cursor/customers"
query = { limit = "5" }
records = "/data"
id = "/id"
paginate = { type = "cursor", next = "/next_cursor", param = "cursor" }
[jobs.contacts.destination]
connection = "crm"
path = "/contacts/{{ id }}"
"#;

fn workspace(simulator: &Simulator) -> Workspace {
    Workspace::new(&CONFIG.replace("SHOP", &simulator.shop).replace("CRM", &simulator.crm))
}

#[test]
fn a_dumb_terminal_gets_lines_and_takes_words() {
    let simulator = Simulator::start(20, 1);
    let workspace = workspace(&simulator);
    let folder = workspace.path("");
    let environment = [("TERM", "dumb")];
    let mut app =
        App::start(&Begin { arguments: &[], environment: &environment, folder: &folder, rows: 40, columns: 140 });
    app.wait_for("workspace night");
    app.wait_for("info contacts: idle");
    app.send("pause contacts quarter end\n");
    app.wait_for("contacts: paused by ops");
    app.wait_for("\"quarter end\"; next: resume contacts");
    app.send("discard 1 nobody needs it\n");
    app.wait_for("y or n");
    app.send("n\n");
    app.wait_for("nothing was changed");
    app.send("quit\n");
    let status = app.end();
    assert_eq!(status.exit_code(), 0, "{}", app.screen());
    let bytes = app.bytes();
    assert!(!bytes.contains(&0x1b), "an escape sequence in {}", String::from_utf8_lossy(&bytes).escape_debug());
    let told = workspace.run(&["status", "--json"]).ended(0).json();
    assert_eq!(told["jobs"][0]["state"], "paused", "{told}");
}

#[test]
fn what_comes_through_a_pipe_is_answered_to_its_end() {
    let simulator = Simulator::start(20, 1);
    let workspace = workspace(&simulator);
    let mut command = workspace.command(&["--plain"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(b"pause contacts\nwhy cus_000007\nresume nobody").expect("it reads");
    drop(input);
    let ended = process.wait_with_output().expect("it ends with its input");
    let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{stdout}{stderr}");
    let place = |text: &str| stdout.find(text).unwrap_or_else(|| panic!("no `{text}` in {stdout}"));
    assert!(place("info paused") < place("cus_000007"), "one after another: {stdout}");
    assert!(place("cus_000007") < place("error "), "the last line needs no end: {stdout}");
    assert!(!ended.stdout.contains(&0x1b) && !ended.stderr.contains(&0x1b), "{stdout}{stderr}");
}
