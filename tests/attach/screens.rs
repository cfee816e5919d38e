//! Screens that are attached to a service: what they show, what they change, what they do when it goes.

use crate::app::{App, Begin};
use crate::process::wait_until;
use crate::service::serve;
use crate::shop::Scene;
use rustix::process::{Signal, kill_process};

fn screen(scene: &Scene, arguments: &[&str]) -> App {
    let folder = scene.workspace.path("");
    App::start(&Begin { arguments, environment: &[], folder: &folder, rows: 36, columns: 120 })
}

#[test]
fn two_screens_and_a_command_see_what_each_of_them_does() {
    let scene = Scene::healthy();
    let serving = serve(&scene);
    let mut one = screen(&scene, &["console", "--attach"]);
    let other = screen(&scene, &["console", "--read-only"]);
    let header = one.wait_for("ATTACHED pid ");
    assert!(header.contains("(serve by tester"), "{header}");
    other.wait_for("READ-ONLY");
    one.send("p");
    one.wait_for("Pause contacts");
    one.send("ticket 4411\r");
    one.wait_for("paused contacts");
    other.wait_for("‖ pause");
    let status = scene.run(&["status", "--json"]).ended(0).json();
    let why = status["jobs"][0]["why"].to_string();
    assert!(why.contains("ops (pts/") && why.contains("ticket 4411"), "the terminal tells two of a name apart: {why}");
    scene.run(&["resume", "contacts"]).ended(0);
    one.wait_until("the resume of the command", |screen| !screen.contains("‖ pause"));
    other.wait_until("the resume of the command", |screen| !screen.contains("‖ pause"));

    // Closing a screen asks nothing and leaves the engine alone.
    one.send("q");
    assert!(one.end().success());
    one.assert_restored();
    scene.run(&["trigger", "contacts"]).ended(0);
    assert_eq!(scene.run(&["status", "--json"]).ended(0).json()["engine"]["running"], true);
    drop(serving);
}

#[test]
fn a_screen_outlives_its_engine_finds_it_again_and_starts_one_itself() {
    let scene = Scene::healthy();
    let mut serving = serve(&scene);
    let mut app = screen(&scene, &["console", "--attach"]);
    app.wait_for("ATTACHED pid ");
    serving.kill();
    let last = app.wait_for("stopped answering");
    assert!(last.contains("ENGINE LOST") && last.contains("contacts"), "the last frame stays:\n{last}");
    let serving = serve(&scene);
    app.wait_for("attached again");

    serving.signal("TERM");
    app.wait_for("ended ");
    app.wait_for("start one here");
    app.send("p");
    assert!(!app.screen().contains("Pause contacts"), "nothing is ordered of an engine that is gone");
    app.send("r");
    app.wait_for("this process, since ");
    let status = scene.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["engine"]["pid"], app.pid().as_raw_nonzero().get(), "now others attach to the screen");
    kill_process(app.pid(), Signal::TERM).expect("it runs");
    assert_eq!(app.end().exit_code(), 130);
    app.assert_restored();
    wait_until("the state is free", || scene.run(&["status"]).status == 0);
}

#[test]
fn a_screen_for_looking_starts_no_engine() {
    let scene = Scene::healthy();
    let mut app = screen(&scene, &["console", "--read-only"]);
    app.wait_for("a read-only screen starts none");
    app.wait_for("hint: `syncdeck status`");
    assert_eq!(app.end().exit_code(), 1);
    assert_eq!(scene.simulator.requests(), [0, 0]);
}

#[test]
fn a_screen_asks_before_it_attaches_until_it_is_told_not_to() {
    let scene = Scene::healthy();
    let serving = serve(&scene);
    let mut app = screen(&scene, &[]);
    let asked = app.wait_for("Attach to the engine that is already running?");
    assert!(asked.contains("contacts") && asked.contains("ATTACHED pid "), "the jobs are there at once:\n{asked}");
    app.send("r");
    app.wait_for("READ-ONLY");
    app.send("q");
    assert!(app.end().success());

    let mut app = screen(&scene, &[]);
    app.wait_for("Attach to the engine");
    app.send("d");
    app.wait_for("not asked again");
    assert!(scene.workspace.path(".config/syncdeck/attach-without-asking").exists());
    app.send("q");
    assert!(app.end().success());

    let app = screen(&scene, &[]);
    let attached = app.wait_for("quitting closes this screen only");
    assert!(!attached.contains("Attach to the engine"), "{attached}");
    drop(serving);
}

#[test]
fn a_screen_that_is_only_to_attach_starts_no_engine() {
    let scene = Scene::healthy();
    let mut app = screen(&scene, &["console", "--attach"]);
    app.wait_for("`--attach` starts none");
    assert_eq!(app.end().exit_code(), 1);
    assert_eq!(scene.simulator.requests(), [0, 0]);
}
