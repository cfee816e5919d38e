//! The engine of a screen that is left, handed over to a process without one.

use super::house;
use crate::cli::{Exit, Output, Report};
use crate::config::Config;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the new engine may take until it answers.
const PATIENCE: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(50);

/// Starts `syncdeck serve` for the configuration at `path` and waits until it answers. The state must be closed here.
pub(super) async fn start(path: &Path, config: &Config, out: &mut Output) -> Result<Exit, Report> {
    let failed = |why: String| {
        Report::new(format!("the jobs do not go on in the background: {why}"))
            .with_hint("nothing is lost: `syncdeck serve` sets them going, and its message says what is wrong")
    };
    let mut child = detached(path).map_err(|error| failed(error.to_string()))?;
    let started = Instant::now();
    let pid = loop {
        if let Some(pid) = house::who_answers(config).await {
            break pid;
        }
        if let Some(status) = child.try_wait().map_err(|error| failed(error.to_string()))? {
            return Err(failed(format!("`syncdeck serve` ended with {status}")));
        }
        if PATIENCE <= started.elapsed() {
            return Err(failed(format!("pid {} did not answer within {} s", child.id(), PATIENCE.as_secs())));
        }
        tokio::time::sleep(AGAIN).await;
    };
    out.note(format!("the jobs go on in the background (pid {pid})"));
    out.note(format!("`syncdeck` attaches a screen to them; `kill {pid}` ends them in order"));
    Ok(Exit::Done)
}

fn detached(path: &Path) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("-c")
        .arg(std::path::absolute(path)?)
        .args(["serve", "--detached"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
