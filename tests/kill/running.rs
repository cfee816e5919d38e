//! A `syncdeck` that goes on until it is stopped.

use crate::process::{Ran, Workspace, code, wait_until};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};

/// A `syncdeck` that runs; it is killed with this value.
pub struct Running {
    process: Child,
    folder: PathBuf,
}

impl Running {
    /// Starts `syncdeck` and leaves it running; what it prints goes to `stdout` and `stderr` in the folder.
    pub fn start(workspace: &Workspace, words: &[&str]) -> Self {
        let file = |name: &str| File::create(workspace.path(name)).expect("a file for its output");
        let mut command = workspace.command(words);
        let process = command.stdout(file("stdout")).stderr(file("stderr")).spawn().expect("it starts");
        Self { process, folder: workspace.path("") }
    }

    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }

    /// Sends a signal by its short name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("`kill` runs");
        assert!(sent.success(), "the process {pid} takes no {name}");
    }

    /// Ends it with SIGKILL, unless it ended by itself.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        self.process.wait().expect("a killed process is gone");
    }

    /// What it left behind, where it has ended.
    pub fn ended(&mut self) -> Option<Ran> {
        let status = self.process.try_wait().expect("the process is ours")?;
        let stdout = std::fs::read_to_string(self.folder.join("stdout")).expect("its output");
        Some(Ran { status: code(status), stdout, stderr: self.stderr() })
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        let mut ran = None;
        wait_until("the process ended", || {
            ran = self.ended();
            ran.is_some()
        });
        ran.expect("it was waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
