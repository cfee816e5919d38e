//! What the system lets this process have: as many open files as it may, or a word before anything begins.

use crate::cli::{Color, Exit, Output, Report};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::ExitCode;

/// Open files that a sync needs: the state, the log, the socket, and a connection for each request in flight.
const FILES_MIN: u64 = 64;
/// What many jobs and screens together may need; shells often let a process have a thousand.
const FILES_WANTED: u64 = 8_192;

/// Takes the open files that the system grants. The exit status, after the reason was told, where they are too few.
pub fn take_files() -> Option<ExitCode> {
    let files = enough_files().err()?;
    Some(Output::new(Color::default()).finish(Err::<Exit, Report>(files)).into())
}

fn enough_files() -> Result<(), Report> {
    let limit = getrlimit(Resource::Nofile);
    let granted = limit.maximum.map_or(FILES_WANTED, |most| most.min(FILES_WANTED));
    let now = match limit.current {
        Some(now) if now < granted => {
            let raised = Rlimit { current: Some(granted), maximum: limit.maximum };
            // Where it is refused, what there is must do.
            if setrlimit(Resource::Nofile, raised).is_ok() { granted } else { now }
        }
        Some(now) => now,
        None => granted,
    };
    if now >= FILES_MIN {
        return Ok(());
    }
    let what = format!("this process may open only {now} files, and a sync needs {FILES_MIN}");
    Err(Report::new(what).with_hint("`ulimit -n 1024`, or `LimitNOFILE=1024` in the unit of a service"))
}
