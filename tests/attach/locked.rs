//! A state whose holder does not answer: never broken, always said.

use crate::app::{App, Begin};
use crate::service::serve;
use crate::shop::Scene;

#[test]
fn an_engine_that_hangs_gets_a_page_and_is_entered_as_soon_as_it_answers() {
    let scene = Scene::healthy();
    let serving = serve(&scene);
    serving.signal("STOP");
    let ran = scene.run(&["status"]).ended(1);
    assert!(ran.stderr.contains("(syncdeck serve), started ") && ran.stderr.contains("no answer in 3 s"), "{ran}");
    assert!(ran.stderr.contains("hint: try again; if it hangs, `kill "), "{ran}");

    let folder = scene.workspace.path("");
    let mut app = App::start(&Begin { arguments: &[], environment: &[], folder: &folder, rows: 24, columns: 80 });
    let page = app.wait_for("The store is locked, but its engine does not answer");
    for part in ["alive: yes", "socket: no answer in 3 s", "try again", "never breaks the lock", "kill "] {
        assert!(page.contains(part), "{part}:\n{page}");
    }
    app.send("i");
    app.wait_for("The end of its log");
    app.send("i");
    app.send("w");
    app.wait_for("waiting; this opens as soon as it answers");
    serving.signal("CONT");
    app.wait_for("ATTACHED");
    app.send("q");
    assert!(app.end().success());
    app.assert_restored();
}
