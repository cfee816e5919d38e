//! The person's editor: the terminal is handed over and taken back, the text comes back as a change, nothing is left.

use crate::app::{App, Begin};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// An editor that is a script: it gets the file as `$1`.
fn editor(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("editor.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a script that can be run");
    path
}

/// The demo, at the form of a dead letter that the destination refused.
fn at_form(folder: &Path, script: &str) -> App {
    let editor = editor(folder, script);
    let drafts = folder.join("drafts");
    std::fs::create_dir_all(&drafts).expect("a folder");
    let environment = [
        ("VISUAL", editor.to_str().expect("a path")),
        ("EDITOR", "/nowhere/to/be/found"),
        ("XDG_RUNTIME_DIR", drafts.to_str().expect("a path")),
        ("PATH", "/usr/bin:/bin"),
    ];
    let arguments = ["demo", "--records", "300"];
    let begin = Begin { arguments: &arguments, environment: &environment, folder, rows: 36, columns: 120 };
    let mut app = App::start(&begin);
    app.wait_for("customers_to_crm");
    app.wait_until("a dead letter", |screen| screen.contains("rejected") || screen.contains("dead letters wait"));
    app.send("2");
    app.wait_until("a selected cause", |screen| screen.contains("» 4"));
    app.send("\r");
    app.wait_for("idempotency key");
    app.send("e");
    app.wait_for("Why (kept in the journal)");
    app
}

fn assert_nothing_left(folder: &Path) {
    let left: Vec<_> = std::fs::read_dir(folder.join("drafts")).expect("the folder").collect();
    assert!(left.is_empty(), "drafts were left behind: {left:?}");
}

#[test]
fn an_editor_gets_the_terminal_and_its_text_comes_back_as_a_change() {
    let folder = tempfile::tempdir().expect("a folder");
    // It asks the person, on the terminal, as an editor does; and it looks at who may read the file.
    let script = r#"stat -c '%a' "$1" > mode.txt
tty > tty.txt
printf 'in the editor, type a word: '
read word
field=$(sed -n 's|^// \([a-z_]*\): 4.*|\1|p' "$1" | head -1)
sed -i "s/^  \"$field\": .*,\$/  \"$field\": \"$word\",/" "$1""#;
    let mut app = at_form(folder.path(), script);
    app.send("\x18");
    app.wait("the editor on the main screen", |screen| {
        screen.contents().contains("in the editor, type a word") && !screen.alternate_screen()
    });
    app.send("Adalovelace\r");
    let change = app.wait_for("Your change");
    assert!(change.contains("+ \"Adalovelace\""), "the change is shown:\n{change}");
    app.wait("the console on its own screen", |screen| screen.alternate_screen());
    assert_eq!(std::fs::read_to_string(folder.path().join("mode.txt")).expect("a mode").trim(), "600");
    assert!(std::fs::read_to_string(folder.path().join("tty.txt")).expect("a terminal").contains("/dev/"));
    assert_nothing_left(folder.path());
    // What is typed too soon after the change came is not taken for an answer, so it is typed until it is.
    for _ in 0..50 {
        app.send("s");
        std::thread::sleep(std::time::Duration::from_millis(100));
        if !app.screen().contains("Your change") {
            break;
        }
    }
    app.wait_for("saved the correction of 1 field");
    // The keyboard is the console's again.
    app.send("1");
    app.wait_for("Needs attention");
}

#[test]
fn broken_json_is_shown_with_its_place_and_the_text_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"if [ -e broken ]; then cp "$1" kept.txt; exit 0; fi
touch broken
printf '{ "name": "x"\n "email": 1 }\n' > "$1""#;
    let mut app = at_form(folder.path(), script);
    app.send("\x18");
    let broken = app.wait_for("not valid JSON: line 2 column");
    assert!(broken.contains("\"email\": 1"), "{broken}");
    app.send("e");
    app.wait_until("the editor once more", |_| folder.path().join("kept.txt").exists());
    let kept = std::fs::read_to_string(folder.path().join("kept.txt")).expect("the text");
    assert!(kept.contains("\"email\": 1"), "the text was kept: {kept}");
    app.wait_for("not valid JSON: line 2 column");
    app.send("\x1b");
    app.wait_until("the record again", |screen| !screen.contains("not valid JSON"));
    assert_nothing_left(folder.path());
}

#[test]
fn an_editor_that_fails_changes_nothing_and_the_console_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut app = at_form(folder.path(), "exit 3");
    app.send("\x18");
    app.wait_for("nothing was taken");
    assert_nothing_left(folder.path());
    app.send("\x1b");
    app.wait_until("the record again", |screen| !screen.contains("Why (kept in the journal)"));
    app.send("q");
    app.wait_for("Quit?");
    app.send("s");
    assert!(app.end().success());
    app.assert_restored();
}
