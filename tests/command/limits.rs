//! A process that may not have as much as it would like.

use crate::process::{Ran, finished};
use crate::shop::{CUSTOMERS, Scene};
use std::process::Command;

/// Runs the job once with at most so many open files.
fn with_files(scene: &Scene, most: u32) -> Ran {
    let program = env!("CARGO_BIN_EXE_syncdeck");
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {most}; exec '{program}' run --once")]);
    command.current_dir(scene.workspace.path("")).env_clear().env("USER", "tester").env("PATH", "/usr/bin:/bin");
    finished(&mut command)
}

// Row 18 of the fault matrix.
#[test]
fn too_few_open_files_are_told_before_anything_begins() {
    let scene = Scene::healthy();
    for most in [7, 12, 20, 63] {
        let ran = with_files(&scene, most).ended(1);
        let told =
            format!("error: this process may open only {most} files, and a sync needs 64\nhint: `ulimit -n 1024`");
        assert!(ran.stderr.starts_with(&told) && ran.stdout.is_empty(), "{ran}");
    }
    assert_eq!(scene.simulator.requests(), [0, 0]);
    assert!(!scene.workspace.path("state").exists());
    with_files(&scene, 64).ended(0);
    assert_eq!(scene.simulator.collection("destination", "contacts").len() as u64, CUSTOMERS);
}
