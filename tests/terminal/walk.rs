//! The main story, walked by keys: start, watch, open a dead letter, retry it, pause, resume, quit.

use crate::app::{App, Begin};

fn demo(folder: &std::path::Path, rows: u16, columns: u16) -> App {
    let arguments = ["demo", "--records", "300"];
    App::start(&Begin { arguments: &arguments, environment: &[], folder, rows, columns })
}

#[test]
fn a_dead_letter_is_found_retried_and_the_job_paused_and_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = demo(folder.path(), 36, 120);
    app.wait_for("customers_to_crm");
    app.wait_until("a dead letter", |screen| screen.contains("rejected") || screen.contains("dead letters wait"));

    app.send("2");
    let causes = app.wait_for("Dead letters by cause");
    assert!(causes.contains("422"), "the causes name the status:\n{causes}");
    app.wait_until("a selected cause", |screen| screen.contains("» 4"));
    app.send("\r");
    app.wait_for("SENT TO");
    let record = app.wait_for("idempotency key");
    assert!(record.contains("✗"), "the refused field is marked:\n{record}");

    app.send("r");
    app.wait_for("retrying 1 dead letter");

    app.send("1");
    app.wait_for("Needs attention");
    app.send("/customers_to_crm\r");
    app.wait_for("1 of 6");
    app.send("p");
    app.wait_for("Pause customers_to_crm");
    app.send("ticket 4411\r");
    app.wait_for("paused customers_to_crm");
    app.wait_until("the pause with its reason", |screen| screen.contains("ticket 4411") && screen.contains("‖ pause"));
    app.send("p");
    app.wait_for("resumed customers_to_crm");

    app.send("q");
    app.wait_for("Quit?");
    app.send("s");
    let status = app.end();
    assert!(status.success(), "it ended with {status:?}:\n{}", app.screen());
    app.assert_restored();
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "the demo left {left:?} behind");
}

#[test]
fn a_start_without_a_configuration_offers_the_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = Begin { arguments: &[], environment: &[], folder: folder.path(), rows: 36, columns: 120 };
    let mut app = App::start(&begin);
    let welcome = app.wait_for("Look around with demo data");
    assert!(welcome.contains("./syncdeck.toml"), "it says where it looked:\n{welcome}");
    app.send("1");
    app.wait_for("▸ run");
    app.send("q");
    app.wait_for("Quit?");
    app.send("s");
    assert!(app.end().success());
    app.assert_restored();
}

#[test]
fn a_start_without_a_configuration_makes_one_and_attaches_to_an_engine_that_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin = |rows| Begin { arguments: &[], environment: &[], folder: folder.path(), rows, columns: 100 };
    let mut app = App::start(&begin(30));
    app.wait_for("none found in");
    app.send("3");
    app.wait_for("its state folder:");
    app.send("nowhere\r");
    app.wait_for("no engine listens in `nowhere`");
    app.send("\x1b");
    app.wait_until("the field gone", |screen| !screen.contains("its state folder:"));
    app.send("2");
    let told = app.wait_for("syncdeck.toml check");
    assert!(told.contains("wrote syncdeck.toml"), "{told}");
    assert!(app.end().success());
    app.assert_restored();

    let mut engine = App::start(&begin(30));
    engine.wait_for("Jobs");
    engine.wait_until("the engine's own screen", |screen| screen.contains("this process"));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let begin = Begin { arguments: &[], environment: &[], folder: elsewhere.path(), rows: 30, columns: 100 };
    let mut app = App::start(&begin);
    app.wait_for("Attach to a running engine");
    app.send("3");
    app.wait_for("its state folder:");
    app.send(&format!("{}\r", folder.path().join("state").display()));
    app.wait_for("ATTACHED");
    app.send("q");
    assert!(app.end().success());
    engine.send("\x03\x03");
    engine.end();
}

#[test]
fn help_comes_from_the_keys_that_are_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = demo(folder.path(), 24, 80);
    app.wait_for("customers_to_crm");
    app.send("?");
    let help = app.wait_for("Help");
    assert!(help.contains("pause"), "help names the keys of this screen:\n{help}");
    app.send("\x1b");
    app.wait_until("the help gone", |screen| !screen.contains("Help"));
}

#[test]
fn a_window_that_is_too_small_says_so_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = demo(folder.path(), 24, 80);
    app.wait_for("customers_to_crm");
    app.resize(10, 40);
    app.wait_for("needs a bit more room");
    app.resize(36, 120);
    app.wait_for("Needs attention");
}
