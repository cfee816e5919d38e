//! The first start: no configuration was found, so a page says what can be done without one.

use super::demo;
use super::environment;
use super::house::{self, House};
use super::screen::{self, Wanted};
use super::signals::Signals;
use crate::cli::commands;
use crate::cli::{Exit, Output, Report};
use crate::config::{self, NotFound};
use crate::tui::{self, WelcomeChoice, WelcomePage};
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Folders in which a running engine is looked for.
const LOOKED_MAX: usize = 50;

/// Shows what can be done without a configuration until something of it was done.
pub(super) async fn start(
    not_found: &NotFound,
    args: &commands::console::Args,
    look: Wanted,
    signals: &Signals,
    out: &mut Output,
) -> Result<Exit, Report> {
    let states = config::states_folder(&environment);
    let new_config = config::place_of_new(&environment);
    let mut page = WelcomePage {
        looked: not_found.looked.clone(),
        new_config: std::path::absolute(&new_config).unwrap_or_else(|_| new_config.clone()).display().to_string(),
        engines: states.as_deref().map(running_in).unwrap_or_default(),
        engines_place: states.map(|folder| folder.display().to_string()).unwrap_or_default(),
        problem: None,
    };
    loop {
        let options = screen::options(None, look, signals)?;
        match tui::welcome(page.clone(), options).await.map_err(house::screen_failed)? {
            WelcomeChoice::Demo => {
                let args = commands::demo::Args { ascii: args.ascii, ..demo::DEFAULT };
                return demo::show(&args, look, signals, out).await;
            }
            WelcomeChoice::Make => return commands::init::run(&new_config, out),
            WelcomeChoice::Attach(folder) => match House::of_state(&typed(&folder)).await {
                Ok(house) => {
                    let house = if args.read_only { house.read_only() } else { house };
                    // Whoever named the folder has said that they want to attach.
                    let look = Wanted { asks_to_attach: false, ..look };
                    return house.show(look, signals, out).await.map(house::exit_of);
                }
                Err(error) => page.problem = Some((folder, error.to_string())),
            },
            WelcomeChoice::Quit => return Ok(Exit::Done),
        }
    }
}

/// A folder as a person types it: `~` is their own.
fn typed(folder: &str) -> PathBuf {
    match (folder.strip_prefix("~/"), environment("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(folder),
    }
}

/// The folders in `states` whose control socket somebody listens on.
fn running_in(states: &Path) -> Vec<String> {
    let folders = fs::read_dir(states).into_iter().flatten().filter_map(Result::ok).take(LOOKED_MAX);
    let mut running: Vec<String> = folders
        .map(|entry| entry.path())
        .filter(|folder| UnixStream::connect(folder.join("control.sock")).is_ok())
        .map(|folder| folder.display().to_string())
        .collect();
    running.sort();
    running
}
