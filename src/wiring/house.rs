//! A workspace put together: its state opened, its connections built, its engine made and its handle given out.

use super::locked::Locked;
use super::screen::Wanted;
use super::signals::Signals;
use super::{Found, actor};
use crate::cli::{Exit, Output, Report};
use crate::config::{Config, ConsoleConfig, NotFound, Watched};
use crate::connect;
use crate::control::local::Local;
use crate::control::socket::{ConnectError, Door, Remote, Server, Signature};
use crate::control::{Attachment, Handle, Host};
use crate::engine::clock::SystemClock;
use crate::engine::{Engine, EngineError, Parts, Start};
use crate::logging::{self, LogError, Logs};
use crate::model::{Actor, Clock, EngineInfo, Serve, Via};
use crate::store::{Options, Store, StoreError};
use crate::tui::{self, Left};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;

/// How long the state may be held by a command that is done in a moment, and how long its engine may be silent.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(50);
/// How often a holder that is waited for is asked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A workspace with its engine: of this process, or of the one that holds the state.
pub(super) struct House {
    handle: Handle,
    /// None where the engine is another process's.
    own: Option<Own>,
    actor: Actor,
    console: ConsoleConfig,
    log_folder: String,
    /// No configuration leads here.
    is_guest: bool,
}

/// An engine of this process with what belongs to it.
struct Own {
    engine: Arc<Engine>,
    local: Local,
    store: Store,
    /// None in memory, where nobody else could find it.
    folder: Option<PathBuf>,
    host: Host,
    server: Option<Server>,
    watched: Watched,
    /// Looks whether the configuration changed, for as long as the house stands.
    watch: Option<AbortOnDropHandle<()>>,
    /// Writes what was logged until the house is left.
    serve: Serve,
    _logs: Option<Logs>,
}

/// Why no workspace could be entered.
pub(super) enum Shut {
    Report(Report),
    /// Another process holds the state, and its engine does not answer.
    Locked(Locked),
}

impl From<Shut> for Report {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::Report(report) => report,
            Shut::Locked(locked) => locked.report(),
        }
    }
}

impl House {
    /// Enters the workspace of `config`: attaches to the engine that holds its state, else opens the state here.
    /// Nothing is set going, and no request is made.
    pub(super) async fn open(found: Found, via: Via) -> Result<Self, Report> {
        Ok(Self::enter(&found, via).await?)
    }

    /// As [`House::open`], telling a state whose holder is silent from all other reasons.
    pub(super) async fn enter(Found { config, unset }: &Found, via: Via) -> Result<Self, Shut> {
        if let Some(unset) = unset
            && !config.workspace.state.exists()
        {
            // Nobody is there to attach to, and a mistake makes no folder.
            return Err(Shut::Report(unset.clone()));
        }
        let command = if via == Via::Console { "console" } else { "" };
        match (Entry::find(config, via, command).await?, unset) {
            (Entry::Here(store), Some(unset)) => {
                store.close().await;
                Err(Shut::Report(unset.clone()))
            }
            (Entry::Here(store), None) => Self::here(config.clone(), via, store, command).await.map_err(Shut::Report),
            (Entry::There(remote), _) => Ok(Self::there(config, via, remote)),
        }
    }

    /// Opens the state here, to run its jobs as `command`. An engine that runs them already is no place for a second.
    pub(super) async fn own(config: Config, command: &str) -> Result<Self, Report> {
        if config.workspace.read_only {
            return Err(only_looks(&format!("`syncdeck {command}` starts no engine")));
        }
        match Entry::find(&config, Via::Command, command).await? {
            Entry::Here(store) => Self::here(config, Via::Command, store, command).await,
            Entry::There(remote) => {
                let folder = config.workspace.state.display().to_string();
                let host = match &*remote.attachment().borrow() {
                    Attachment::Attached(host) => host.to_string(),
                    _ => "another process".to_owned(),
                };
                Err(Report::new(format!("the jobs of `{folder}` are run by {host} already"))
                    .with_hint("`syncdeck` attaches a screen to it; `syncdeck trigger JOB` runs a job now"))
            }
        }
    }

    /// The house of the engine that holds the state already; none where nobody answers.
    pub(super) async fn attached(config: &Config) -> Option<Self> {
        let remote = Remote::connect(&config.workspace.state, signature(Via::Command)).await.ok()?;
        Some(Self::there(config, Via::Command, remote))
    }

    async fn here(config: Config, via: Via, store: Store, command: &str) -> Result<Self, Report> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let level = std::env::var(logging::LEVEL_VARIABLE).ok();
        let folder = config.workspace.state.join("logs");
        let logs = logging::begin(&folder, level.as_deref(), config.masks.clone(), clock);
        let logs = match logs {
            // A screen that was attached before has begun them.
            Err(LogError::Begun) => None,
            other => Some(other.map_err(|error| log_report(&error))?),
        };
        let folder = config.workspace.state.clone();
        Self::over(config, via, store, Some(folder), logs, command).await
    }

    /// The workspace of the demo: its state is in memory, and nothing is logged.
    pub(super) async fn open_in_memory(config: Config, via: Via) -> Result<Self, Report> {
        let store = Store::in_memory(&Options::default()).map_err(|error| store_report(&error))?;
        Self::over(config, via, store, None, None, "demo").await
    }

    async fn over(
        config: Config,
        via: Via,
        store: Store,
        folder: Option<PathBuf>,
        logs: Option<Logs>,
        command: &str,
    ) -> Result<Self, Report> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let links = connect::links(&config.connections, &config.masks)
            .map_err(|(connection, problem)| Report::new(format!("connection `{connection}`: {problem}")))?;
        let log_folder = folder.as_ref().map(|folder| shown(&folder.join("logs"))).unwrap_or_default();
        let info = EngineInfo {
            workspace: config.workspace.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started_at: clock.now(),
            is_running: false,
            is_demo: folder.is_none(),
            state_folder: folder.as_ref().map_or_else(|| "memory".to_owned(), |folder| shown(folder)),
            log_folder: log_folder.clone(),
            store_error: None,
            config_changed_at: None,
            redact: config.console.redact.clone(),
        };
        let actor = actor(via);
        let host = Host {
            pid: info.pid,
            user: actor.name.clone(),
            command: command.to_owned(),
            version: info.version.clone(),
            started_at: info.started_at,
        };
        let seed = fastrand::u64(..);
        let parts = Parts {
            store: store.clone(),
            clock,
            jobs: config.jobs,
            links,
            info,
            seed,
            runs_at_once: config.workspace.runs_at_once,
        };
        let engine = Engine::new(parts).await.map_err(|error| engine_report(&error))?;
        let mut hooks = Vec::new();
        for hook in config.hooks {
            let carrier = super::hooks::carrier(&hook)
                .map_err(|problem| Report::new(format!("hook `{}`: {problem}", hook.name)))?;
            hooks.push((hook, carrier));
        }
        engine.set_hooks(hooks);
        let local = Local::new(engine.clone());
        let handle = Handle::new(local.clone(), actor.clone());
        let handle = if config.workspace.read_only { handle.read_only() } else { handle };
        let own = Own {
            engine,
            local,
            store,
            folder,
            host,
            server: None,
            watched: config.watched,
            watch: None,
            serve: config.serve,
            _logs: logs,
        };
        Ok(Self { handle, own: Some(own), actor, console: config.console, log_folder, is_guest: false })
    }

    fn there(config: &Config, via: Via, remote: Remote) -> Self {
        let log_folder = remote.watch().borrow().engine.log_folder.clone();
        let handle = Handle::attached(remote);
        let handle = if config.workspace.read_only { handle.read_only() } else { handle };
        let console = config.console.clone();
        Self { handle, own: None, actor: actor(via), console, log_folder, is_guest: false }
    }

    /// The house of the engine that holds the state in `folder`, of which no configuration tells.
    pub(super) async fn of_state(folder: &Path) -> Result<Self, ConnectError> {
        let remote = Remote::connect(folder, signature(Via::Console)).await?;
        let engine = remote.watch().borrow().engine.clone();
        // What is hidden on the engine's own screens is hidden here.
        let console = ConsoleConfig { redact: engine.redact, ..ConsoleConfig::default() };
        let handle = Handle::attached(remote);
        let log_folder = engine.log_folder;
        Ok(Self { handle, own: None, actor: actor(Via::Console), console, log_folder, is_guest: true })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// True where this process runs the engine, or would.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// The engine of this process.
    ///
    /// # Panics
    ///
    /// In a house that is attached to another process's; only those that were opened here are asked.
    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.own.as_ref().expect("a house that was opened here").engine
    }

    /// Only questions are answered, and nothing is set going.
    pub(super) fn read_only(self) -> Self {
        Self { handle: self.handle.read_only(), ..self }
    }

    /// Answers on the control socket from now on. What stands in the way keeps nobody from working here.
    pub(super) fn listen(&mut self, out: &mut Output) {
        let Some(own) = &mut self.own else { return };
        let Some(folder) = &own.folder else { return };
        let watch = super::watch::watch(own.engine.clone(), own.watched.clone());
        own.watch = Some(AbortOnDropHandle::new(tokio::spawn(watch)));
        match Server::listen(folder, own.local.clone(), own.host.clone()) {
            Ok(server) => own.server = Some(server),
            Err(error) => {
                tracing::warn!(%error, "other processes can not attach");
                out.note(format!("warning: {error}; no other syncdeck can attach"));
            }
        }
    }

    /// Takes in webhooks from now on, where a job has any. What stands in the way keeps no job from its schedule, and
    /// stands among the findings.
    pub(super) async fn receive(&self, out: &mut Output) {
        let Some(own) = &self.own else { return };
        match own.engine.listen(&own.serve).await {
            Ok(Some(address)) => tracing::info!(%address, "webhooks are taken in"),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "webhooks are not taken in");
                out.note(format!("warning: {error}; the schedules go on"));
            }
        }
    }

    /// Says goodbye to who is attached, saves what is on its way and gives the state up.
    pub(super) async fn close(self) {
        if let Some(own) = self.own {
            drop(own.watch);
            if let Some(server) = own.server {
                server.stop().await;
            }
            own.store.close().await;
        }
    }

    /// Shows the workspace until the person leaves. Jobs of an engine in this process are set going, and stopped then;
    /// those of another process go on.
    pub(super) async fn show(mut self, look: Wanted, signals: &Signals, out: &mut Output) -> Result<Left, Report> {
        let mut options = super::screen::options(Some(&self.console), look, signals)?;
        options.log_folder.clone_from(&self.log_folder);
        let Some(own) = &self.own else {
            options.attach_note = super::screen::attach_note();
            let is_known = options.attach_note.as_ref().is_some_and(|note| note.exists());
            options.asks_to_attach = look.asks_to_attach && !is_known && !self.handle.is_read_only();
            options.is_guest = self.is_guest;
            options.signed_as = signature(Via::Console).name;
            return tui::run(self.handle.clone(), options).await.map_err(screen_failed);
        };
        let (engine, is_demo) = (own.engine.clone(), own.folder.is_none());
        options.is_demo = is_demo;
        self.listen(out);
        engine.start(Start::service()).await;
        self.receive(out).await;
        let left = tui::run(self.handle.clone(), options).await;
        let at_once = matches!(left, Ok(Left::QuitNow));
        if !at_once {
            out.note("finishing the pages in flight…");
            engine.stop().await;
            self.close().await;
        }
        let left = left.map_err(screen_failed)?;
        if matches!(left, Left::Quit | Left::QuitNow) && !is_demo {
            out.note("stopped; every job goes on from its checkpoint at the next start");
        }
        Ok(left)
    }
}

/// The exit status of a console that was left so.
pub(super) fn exit_of(left: Left) -> Exit {
    match left {
        Left::Quit | Left::QuitNow | Left::Background | Left::StartHere => Exit::Done,
        Left::ToldToEnd | Left::TerminalGone => Exit::Interrupted,
    }
}

/// The process whose engine answers for the state of `config`; none where nobody does.
pub(super) async fn who_answers(config: &Config) -> Option<u32> {
    let remote = Remote::connect(&config.workspace.state, signature(Via::Command)).await.ok()?;
    let pid = remote.watch().borrow().engine.pid;
    Some(pid)
}

/// Waits until whoever holds the state answers, or holds it no more.
pub(super) async fn answers(config: &Config) {
    let folder = &config.workspace.state;
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        let is_held = Locked::new(folder, &ConnectError::Nobody(folder.clone())).is_held();
        if !is_held || Remote::connect(folder, signature(Via::Console)).await.is_ok() {
            return;
        }
    }
}

/// Where a state can be worked with.
enum Entry {
    Here(Store),
    There(Remote),
}

impl Entry {
    /// Opens the state, or attaches to who holds it. Who holds it for a moment only is waited for.
    async fn find(config: &Config, via: Via, command: &str) -> Result<Self, Shut> {
        let folder = &config.workspace.state;
        let started = Instant::now();
        loop {
            let options = Options { command: command.to_owned(), ..Options::default() };
            let path = folder.clone();
            let opened = tokio::task::spawn_blocking(move || Store::open(&path, &options)).await;
            let opened =
                opened.map_err(|error| Shut::Report(Report::new(format!("the state could not be opened: {error}"))))?;
            match opened {
                Ok(store) => return Ok(Self::Here(store)),
                Err(StoreError::InUse { .. }) => {}
                Err(error) => return Err(Shut::Report(store_report(&error))),
            }
            let problem = match Remote::connect(folder, signature(via)).await {
                Ok(remote) => return Ok(Self::There(remote)),
                Err(error @ (ConnectError::Forbidden(_) | ConnectError::Protocol(_))) => {
                    return Err(Shut::Report(connect_report(&error)));
                }
                Err(error) => error,
            };
            if PATIENCE <= started.elapsed() {
                return Err(Shut::Locked(Locked::new(folder, &problem)));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// How orders are signed in another process. A screen is told from others of the same person by its terminal.
fn signature(via: Via) -> Signature {
    let name = actor(via).name;
    match via {
        Via::Console => {
            let terminal = rustix::termios::ttyname(std::io::stdin(), Vec::new()).ok();
            let terminal = terminal.and_then(|name| name.into_string().ok());
            let name = match terminal.as_deref().map(|name| name.trim_start_matches("/dev/")) {
                Some(terminal) => format!("{name} ({terminal})"),
                None => name,
            };
            Signature { name, door: Door::Console }
        }
        Via::Command | Via::Engine => Signature { name, door: Door::Command },
    }
}

/// What a configuration with `read_only` refuses.
pub(super) fn only_looks(what: &str) -> Report {
    Report::new(format!("read-only: {what}"))
        .with_hint("take `read_only` out of `[workspace]`, or use another configuration")
}

/// A path as a person may type it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn screen_failed(error: tui::TuiError) -> Report {
    Report::new(error.to_string()).with_hint("without a screen: `syncdeck run`, `syncdeck status`")
}

pub(super) fn no_config(not_found: &NotFound) -> Report {
    let mut report = Report::usage("no configuration was found");
    for (place, why) in &not_found.looked {
        report = report.with_place(format!("{place}: {why}"));
    }
    report.with_hint("name one with `-c FILE`, write one with `syncdeck init`, or look around with `syncdeck demo`")
}

fn connect_report(error: &ConnectError) -> Report {
    let report = Report::new(error.to_string());
    match error.hint() {
        Some(hint) => report.with_hint(hint),
        None => report,
    }
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
