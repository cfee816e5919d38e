//! The files of a workspace: who may read them, and what happens where they can not be used.

use crate::process::finished;
use crate::shop::Scene;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

// Row 113 of the fault matrix.
#[test]
fn state_and_logs_are_for_their_owner_alone_whatever_the_umask() {
    for umask in ["000", "077", "0777"] {
        let scene = Scene::healthy();
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_syncdeck");
        command.args(["-c", &format!("umask {umask}; exec '{program}' run --once")]);
        command.current_dir(scene.workspace.path("")).env_clear().env("USER", "tester").env("PATH", "/usr/bin:/bin");
        finished(&mut command).ended(0);
        let state = scene.workspace.path("state");
        assert_eq!((mode(&state), mode(&state.join("logs"))), (0o700, 0o700), "umask {umask}");
        assert_eq!(mode(&state.join("state.redb")), 0o600, "umask {umask}");
        let logs: Vec<_> = std::fs::read_dir(state.join("logs")).expect("logs").flatten().collect();
        assert!(!logs.is_empty());
        for log in logs {
            assert_eq!(mode(&log.path()), 0o600, "umask {umask}, {}", log.path().display());
        }
    }
}

/// Sets the state folder of the configuration.
fn set_state(scene: &Scene, state: &str) {
    let path = scene.workspace.path("syncdeck.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    std::fs::write(&path, config.replace("state = \"state\"", &format!("state = {state:?}")))
        .expect("the configuration");
}

// Row 14 of the fault matrix.
#[test]
fn a_state_folder_that_can_not_be_used_is_told_before_any_request() {
    let scene = Scene::healthy();
    std::fs::write(scene.workspace.path("file"), "a file").expect("a file");
    let file = scene.workspace.path("file").display().to_string();
    // Nobody, not even root, makes a folder in the second one.
    for state in [file.as_str(), "/proc/syncdeck-state"] {
        let scene = Scene::healthy();
        set_state(&scene, state);
        for words in [&["run", "--once"][..], &["status"], &["pause", "contacts"]] {
            let ran = scene.run(words).ended(1);
            let what = format!("error: the state folder `{state}` can not be used: ");
            assert!(ran.stderr.starts_with(&what) && ran.stderr.contains("\nhint: "), "{ran}");
        }
        assert_eq!(scene.simulator.requests(), [0, 0]);
    }
    assert_eq!(std::fs::read_to_string(&file).expect("the file is still there"), "a file");
}

// Row 14 of the fault matrix, for those who are not root: root may write everywhere.
#[test]
fn a_folder_in_which_nothing_may_be_made_is_told() {
    let scene = Scene::healthy();
    let closed = scene.workspace.path("closed");
    std::fs::create_dir(&closed).expect("a folder");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).expect("its owner may close it");
    if std::fs::write(closed.join("probe"), "").is_ok() {
        return;
    }
    set_state(&scene, &closed.join("state").display().to_string());
    let ran = scene.run(&["run", "--once"]).ended(1);
    assert!(ran.stderr.contains("closed/state` can not be used"), "{ran}");
    assert_eq!(scene.simulator.requests(), [0, 0]);
}

// Row 10 of the fault matrix.
#[test]
fn a_state_file_that_is_none_is_refused_and_left_as_it_is() {
    let long = [&b"redb"[..], &[7; 40_000]].concat();
    for content in [&b""[..], b"this is a letter to my aunt", &long] {
        let scene = Scene::healthy();
        let state = scene.workspace.path("state");
        std::fs::create_dir(&state).expect("a folder");
        std::fs::write(state.join("state.redb"), content).expect("a file");
        for words in [&["run", "--once"][..], &["status"]] {
            let ran = scene.run(words).ended(1);
            assert!(ran.stderr.starts_with("error: the state file `"), "{ran}");
            assert!(ran.stderr.contains("state.redb` can not be read: ") && ran.stderr.contains("\nhint: "), "{ran}");
            assert!(!ran.stderr.contains("panicked"), "{ran}");
        }
        assert_eq!(std::fs::read(state.join("state.redb")).expect("it is still there"), content);
        assert_eq!(scene.simulator.requests(), [0, 0]);
    }
}

// Row 10 of the fault matrix: cut short, as by a full disk while it was copied.
#[test]
fn a_state_file_that_was_cut_short_is_refused_or_opens_and_never_begins_anew_in_silence() {
    let scene = Scene::healthy();
    scene.run(&["run", "--once"]).ended(0);
    let path = scene.workspace.path("state/state.redb");
    let whole = std::fs::read(&path).expect("the state");
    for part in [1, 3, 5, 7] {
        let content = &whole[..whole.len() * part / 8];
        std::fs::write(&path, content).expect("the state");
        let ran = scene.run(&["status", "--json"]).ended(1);
        assert!(ran.stderr.contains("can not be read") && !ran.stderr.contains("panicked"), "{ran}");
    }
}
