//! A screen is left and its jobs go on.

use crate::app::{App, Begin};
use crate::process::{Simulator, Workspace, wait_until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::process::{Child, Stdio};

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
limits = { requests = 10, per = "1s", burst = 1 }
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

/// The engine in the background does not outlive its test.
struct Ends(Pid);

impl Drop for Ends {
    fn drop(&mut self) {
        // One that ended by itself is not there to be killed.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// An engine in a process of its own, which ends with its test.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        // One that ended by itself is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn b_keeps_the_jobs_going_without_the_screen_and_the_terminal() {
    let simulator = Simulator::start(500, 1);
    let workspace = Workspace::new(&CONFIG.replace("SHOP", &simulator.shop).replace("CRM", &simulator.crm));
    let folder = workspace.path("");
    let mut app =
        App::start(&Begin { arguments: &["console"], environment: &[], folder: &folder, rows: 30, columns: 100 });
    app.wait_until("the job runs", |screen| screen.contains("\u{25b8} run") && screen.contains("contacts"));
    app.send("q");
    app.wait_for("keep them going in the background");
    app.send("b");
    let status = app.end();
    assert_eq!(status.exit_code(), 0, "{}", app.screen());
    assert!(app.screen().contains("the jobs go on in the background"), "{}", app.screen());
    drop(app);
    let told = workspace.run(&["status", "--json"]).ended(0).json();
    let pid = i32::try_from(told["engine"]["pid"].as_i64().expect("a number")).expect("a process number");
    let pid = Pid::from_raw(pid).expect("a process number");
    let _ends = Ends(pid);
    let before = simulator.requests()[1];
    wait_until("it writes on", || simulator.requests()[1] > before + 3);
    kill_process(pid, Signal::TERM).expect("it runs");
    wait_until("it ended in order", || test_kill_process(pid).is_err());
    let status = workspace.run(&["status"]).ended(0);
    assert!(status.stdout.contains("contacts"), "{status}");
}

#[test]
fn ctrl_z_gives_an_attached_screen_back_to_the_shell_and_fg_brings_it_again() {
    let simulator = Simulator::start(500, 1);
    let workspace = Workspace::new(&CONFIG.replace("SHOP", &simulator.shop).replace("CRM", &simulator.crm));
    let folder = workspace.path("");
    let mut serve = workspace.command(&["serve"]);
    let _engine = Engine(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    wait_until("the engine works", || simulator.requests()[1] > 0);
    let mut app = App::start_program(
        "/bin/bash",
        &Begin {
            arguments: &["--norc", "--noprofile", "-i"],
            environment: &[],
            folder: &folder,
            rows: 30,
            columns: 100,
        },
    );
    app.send(&format!("{} console --attach\n", env!("CARGO_BIN_EXE_syncdeck")));
    app.wait_for("ATTACHED");
    app.send("\x1a");
    app.wait("the shell has the terminal", |screen| {
        !screen.alternate_screen() && screen.contents().contains("Stopped")
    });
    app.send("fg\n");
    app.wait("the screen is back", |screen| screen.alternate_screen() && screen.contents().contains("ATTACHED"));
    app.send("q");
    app.wait("the shell again", |screen| !screen.alternate_screen());
    app.send("exit\n");
    app.end();
}
