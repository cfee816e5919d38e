//! A workspace put together: its state opened, its connections built, its engine made and its handle given out.

use super::{actor, signals::Signals};
use crate::cli::{Color, Exit, Output, Report};
use crate::config::{Config, NotFound};
use crate::connect;
use crate::control::{Handle, local::Local};
use crate::engine::clock::SystemClock;
use crate::engine::{Engine, EngineError, Parts, Start};
use crate::logging::{self, LogError, Logs};
use crate::model::{Actor, Clock, EngineInfo, Via};
use crate::store::{Options, Store, StoreError};
use crate::tui::keymap::Keymap;
use crate::tui::{self, Left};
use std::path::Path;
use std::sync::Arc;

/// An open workspace.
pub(super) struct House {
    engine: Arc<Engine>,
    handle: Handle,
    store: Store,
    actor: Actor,
    redact: Vec<String>,
    keymap: Keymap,
    mouse: bool,
    is_demo: bool,
    log_folder: String,
    /// Writes what was logged until the house is left.
    _logs: Option<Logs>,
}

impl House {
    /// Opens the workspace of `config`. Nothing runs yet, and no request is made.
    pub(super) async fn open(config: Config, via: Via) -> Result<Self, Report> {
        let folder = config.workspace.state.clone();
        let opened = tokio::task::spawn_blocking(move || Store::open(&folder, &Options::default())).await;
        let store = opened
            .map_err(|error| Report::new(format!("the state could not be opened: {error}")))?
            .map_err(|error| store_report(&error))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let level = std::env::var(logging::LEVEL_VARIABLE).ok();
        let folder = config.workspace.state.join("logs");
        let logs = logging::begin(&folder, level.as_deref(), config.masks.clone(), clock)
            .map_err(|error| log_report(&error))?;
        Self::over(config, via, store, Some(logs)).await
    }

    /// The workspace of the demo: its state is in memory, and nothing is logged.
    pub(super) async fn open_in_memory(config: Config, via: Via) -> Result<Self, Report> {
        let store = Store::in_memory(&Options::default()).map_err(|error| store_report(&error))?;
        Self::over(config, via, store, None).await
    }

    async fn over(config: Config, via: Via, store: Store, logs: Option<Logs>) -> Result<Self, Report> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut links = Vec::new();
        for connection in &config.connections {
            let link = connect::link(connection, config.masks.clone())
                .map_err(|problem| Report::new(format!("connection `{}`: {problem}", connection.id)))?;
            links.push(link);
        }
        let keymap = super::screen::keymap(&config.console)
            .map_err(|mistakes| Report::mistakes(mistakes.0.iter().map(ToString::to_string).collect()))?;
        let log_folder = logs.as_ref().map(|logs| shown(logs.folder())).unwrap_or_default();
        let is_demo = logs.is_none();
        let info = EngineInfo {
            workspace: config.workspace.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: clock.now(),
            is_running: false,
            is_demo,
            state_folder: if is_demo { "memory".to_owned() } else { shown(&config.workspace.state) },
            log_folder: log_folder.clone(),
            store_error: None,
        };
        let seed = fastrand::u64(..);
        let parts = Parts { store: store.clone(), clock, jobs: config.jobs, links, info, seed };
        let engine = Engine::new(parts).await.map_err(|error| engine_report(&error))?;
        let actor = actor(via);
        let handle = Handle::new(Local::new(engine.clone()), actor.clone());
        Ok(Self {
            engine,
            handle,
            store,
            actor,
            redact: config.console.redact,
            mouse: config.console.mouse,
            keymap,
            is_demo,
            log_folder,
            _logs: logs,
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Only questions are answered, and nothing is set going.
    pub(super) fn read_only(self) -> Self {
        Self { handle: self.handle.read_only(), ..self }
    }

    /// Saves what is on its way and gives the state up.
    pub(super) async fn close(self) {
        self.store.close().await;
    }

    /// Sets the jobs going and shows them until the person leaves.
    pub(super) async fn show(self, ascii: bool, color: Color, out: &mut Output) -> Result<Exit, Report> {
        let signals = Signals::listen();
        let mut options = screen_options(Some(&self.redact), ascii, color, &signals);
        options.is_demo = self.is_demo;
        options.log_folder.clone_from(&self.log_folder);
        options.keymap.clone_from(&self.keymap);
        options.mouse = self.mouse;
        if !self.handle.is_read_only() {
            self.engine.start(Start::service()).await;
        }
        let left = tui::run(self.handle.clone(), options).await;
        let at_once = matches!(left, Ok(Left::QuitNow));
        if !at_once {
            out.note("finishing the pages in flight…");
            self.engine.stop().await;
            self.store.close().await;
        }
        match left.map_err(screen_failed)? {
            Left::Quit | Left::QuitNow => {
                if !self.is_demo {
                    out.note("stopped; every job goes on from its checkpoint at the next start");
                }
                Ok(Exit::Done)
            }
            Left::ToldToEnd | Left::TerminalGone => Ok(Exit::Interrupted),
        }
    }
}

/// A path as a person may type it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn screen_options(redact: Option<&[String]>, ascii: bool, color: Color, signals: &Signals) -> tui::Options {
    tui::Options {
        ascii: ascii || std::env::var_os("SYNCDECK_ASCII").is_some_and(|value| !value.is_empty()) || !is_utf8(),
        color: color.is_wanted_on_screen(),
        redact: redact.map(<[String]>::to_vec).unwrap_or_default(),
        shutdown: signals.told(),
        ..tui::Options::default()
    }
}

/// Whether the terminal's locale can show more than ASCII.
fn is_utf8() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    // Where nothing is set at all, terminals of this century read UTF-8.
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

pub(super) fn screen_failed(error: tui::TuiError) -> Report {
    Report::new(error.to_string()).with_hint("without a screen: `syncdeck run`, `syncdeck status`")
}

pub(super) fn no_config(not_found: &NotFound) -> Report {
    let mut report = Report::usage("no configuration was found");
    for (place, why) in &not_found.looked {
        report = report.with_place(format!("{place}: {why}"));
    }
    report.with_hint("name one with `-c FILE`, or look around with `syncdeck demo`")
}

fn store_report(error: &StoreError) -> Report {
    let report = Report::new(error.to_string());
    match error.hint() {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
}

fn log_report(error: &LogError) -> Report {
    let report = Report::new(error.to_string());
    match error.hint() {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
}

fn engine_report(error: &EngineError) -> Report {
    match error {
        EngineError::Store(error) => store_report(error),
        EngineError::Job { .. } => Report::usage(error.to_string()),
    }
}
