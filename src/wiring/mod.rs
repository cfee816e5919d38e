//! The wiring: config → store → connections → engine → control → door. The only room that reads the configuration.

mod background;
mod check;
mod demo;
mod first;
mod hooks;
mod house;
mod limits;
mod locked;
mod screen;
mod serve;
mod signals;
mod watch;

use crate::cli::commands::{self, Command, orders::Order};
use crate::cli::{Exit, Invocation, Output, Report};
use crate::config::{self, Config};
use crate::control::Handle;
use crate::engine::Start;
use crate::model::{Actor, JobId, PlanOrder, Via};
use crate::tui::Left;
use crate::tui::theme::Depth;
use crate::{cli, control, tui};
use house::{House, Shut};
pub use limits::take_files;
use screen::Wanted;
use signals::Signals;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Carries out what was typed and returns the exit status.
pub async fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (mut out, result) = match cli::parse(words) {
        Ok(invocation) => {
            let mut out = Output::new(invocation.color);
            let result = carry_out(invocation, &mut out).await;
            (out, result)
        }
        Err(report) => (Output::new(cli::Color::default()), Err(report)),
    };
    out.finish(result).into()
}

async fn carry_out(invocation: Invocation, out: &mut Output) -> Result<Exit, Report> {
    let config = invocation.config.as_deref();
    let color = invocation.color;
    match invocation.command {
        Command::Schema => commands::schema::run(&config::schema().to_string(), out),
        Command::Keys(args) => {
            let bound = screen::bound(&keys(config)?);
            commands::keys::print(&args, &bound, out)
        }
        Command::Completions(args) => commands::completions::run(&args, out),
        Command::Simulator(args) => demo::simulator(&args).await,
        Command::Demo(args) => demo::run(&args, color, out).await,
        Command::Init(args) => {
            let path = args.file.or(invocation.config).unwrap_or_else(|| config::place_of_new(&environment));
            commands::init::run(&path, out)
        }
        Command::Check(args) => check::run(&args, config, out).await,
        Command::Console(args) => console(config, &args, color, out).await,
        Command::Run(args) => {
            let config = read(config, out)?;
            if args.since.is_some()
                && let Some(house) = House::attached(&config).await
            {
                return commands::run::order_range(&args, house.handle(), out).await;
            }
            if args.accept
                && let Some(house) = House::attached(&config).await
            {
                // The engine that is there runs them then.
                return commands::run::accept(&args, house.handle(), out).await;
            }
            headless(House::own(config, "run").await?, &args, out).await
        }
        Command::Serve(args) => serve::run(&args, read(config, out)?, out).await,
        Command::Status(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::status::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Pause(args) => {
            let order = Order::Pause { reason: args.reason.clone() };
            ordered(order, &args.which, config, out).await
        }
        Command::Resume(args) => ordered(Order::Resume, &args, config, out).await,
        Command::Trigger(args) => ordered(Order::Trigger, &args, config, out).await,
        Command::Cancel(args) => ordered(Order::Cancel, &args, config, out).await,
        Command::Forget(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::forget::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Dead(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::dead::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Checkpoint(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::checkpoint::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Bundle(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::bundle::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Open(args) => open_bundle(&args, color, out).await,
        Command::Plan(args) => {
            let found = look(config, out)?;
            let orders: Vec<_> = found.config.jobs.iter().map(|job| (job.id.clone(), PlanOrder::of(job))).collect();
            let order_of = |wanted: &JobId| orders.into_iter().find(|(job, _)| job == wanted).map(|(_, order)| order);
            let house = House::open(found, Via::Command).await?;
            let result = commands::plan::run(&args, order_of, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Journal(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::journal::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Held(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::held::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Connection(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::connection::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Why(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::why::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
        Command::Runs(args) => {
            let house = House::open(look(config, out)?, Via::Command).await?;
            let result = commands::runs::run(&args, house.handle(), out).await;
            house.close().await;
            result
        }
    }
}

/// Shows a bundle: in the console, or as `status` does where there is no terminal.
async fn open_bundle(args: &commands::bundle::OpenArgs, color: cli::Color, out: &mut Output) -> Result<Exit, Report> {
    let bundle = control::bundle::open(&args.file).map_err(|error| {
        let report = Report::new(error.to_string());
        match error.hint() {
            Some(hint) => report.with_hint(hint),
            None => report,
        }
    })?;
    let handle = Handle::offline(bundle);
    let look = Wanted::new(args.ascii, color, false);
    if look.needs_terminal().is_err() {
        return commands::status::run(&commands::status::Args::default(), &handle, out).await;
    }
    let signals = Signals::listen();
    let options = screen::options(None, look, &signals)?;
    let left = tui::run(handle, options).await.map_err(house::screen_failed)?;
    Ok(house::exit_of(left))
}

async fn ordered(
    order: Order,
    args: &commands::orders::JobArgs,
    config: Option<&Path>,
    out: &mut Output,
) -> Result<Exit, Report> {
    let house = House::open(look(config, out)?, Via::Command).await?;
    let result = commands::orders::run(order, args, house.handle(), out).await;
    house.close().await;
    result
}

/// Runs jobs without a screen until they are done or a signal comes.
async fn headless(mut house: House, args: &commands::run::Args, out: &mut Output) -> Result<Exit, Report> {
    let only = match args.chosen(&house.handle().jobs()) {
        Ok(only) => only,
        Err(report) => {
            house.close().await;
            return Err(report);
        }
    };
    if args.accept
        && let Err(report) = commands::run::accept(args, house.handle(), out).await
    {
        house.close().await;
        return Err(report);
    }
    let start = Start {
        once: args.once,
        only,
        full: args.full,
        since: args.since,
        until: args.until,
        max_records: args.max_records,
        by: Some(house.actor().clone()),
    };
    let signals = Signals::listen();
    house.listen(out);
    let finished = house.engine().start(start).await;
    if !args.once {
        house.receive(out).await;
    }
    let engine = house.engine().clone();
    let told = signals.told();
    let stopping = tokio::spawn({
        let told = told.clone();
        async move {
            told.cancelled().await;
            engine.stop().await;
        }
    });
    let result = commands::run::run(args, house.handle(), finished, told.cancelled(), out).await;
    if told.is_cancelled() {
        // The pages in flight are finished before the state is closed.
        let _ = stopping.await;
    } else {
        stopping.abort();
        house.engine().stop().await;
    }
    house.close().await;
    result
}

/// The screen: over the engine that holds the state, else over one of its own; without a configuration, the welcome.
async fn console(
    config: Option<&Path>,
    args: &commands::console::Args,
    color: cli::Color,
    out: &mut Output,
) -> Result<Exit, Report> {
    let look = Wanted { asks_to_attach: !args.attach, ..Wanted::new(args.ascii, color, args.plain) };
    // Before anything is opened: nothing must run for a screen that can not be shown.
    look.needs_terminal()?;
    let signals = Signals::listen();
    let path = match find(config) {
        Ok(path) => path,
        Err(not_found) if config.is_none() && !look.is_plain => {
            return first::start(&not_found, args, look, &signals, out).await;
        }
        Err(not_found) => return Err(house::no_config(&not_found)),
    };
    let found = found(&path, out)?;
    let mut may_start = !args.attach;
    loop {
        let house = match House::enter(&found, Via::Console).await {
            Ok(house) => house,
            Err(Shut::Report(report)) => return Err(report),
            Err(Shut::Locked(locked)) if look.is_plain => return Err(locked.report()),
            Err(Shut::Locked(locked)) => {
                let options = screen::options(None, look, &signals)?;
                let freed = house::answers(&found.config);
                match tui::locked(locked.page(), freed, options).await.map_err(house::screen_failed)? {
                    tui::LockedChoice::TryAgain => continue,
                    tui::LockedChoice::Quit => return Ok(Exit::Done),
                }
            }
        };
        let is_read_only = args.read_only || house.handle().is_read_only();
        if is_read_only && house.is_own() {
            house.close().await;
            return Err(Report::new("read-only: no engine runs for this state, and a read-only screen starts none")
                .with_hint("`syncdeck status` and `syncdeck dead groups` show what a stopped one left"));
        }
        if !may_start && house.is_own() {
            house.close().await;
            return Err(Report::new("no engine runs for this state, and `--attach` starts none")
                .with_hint("`syncdeck` runs one below its screen, `syncdeck serve` without a screen"));
        }
        let house = if is_read_only { house.read_only() } else { house };
        match house.show(look, &signals, out).await? {
            Left::StartHere => may_start = true,
            Left::Background => return background::start(&path, &found.config, out).await,
            left => return Ok(house::exit_of(left)),
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn find(explicit: Option<&Path>) -> Result<PathBuf, config::NotFound> {
    let cwd = std::env::current_dir().unwrap_or_default();
    config::find(explicit, &environment, &cwd)
}

/// Finds and reads the configuration; its warnings are told at once.
fn read(explicit: Option<&Path>, out: &mut Output) -> Result<Config, Report> {
    let path = find(explicit).map_err(|not_found| house::no_config(&not_found))?;
    load(&path, out)
}

/// As [`read`], for who may find an engine that runs: it has the secrets, so the one who attaches to it needs none.
fn look(explicit: Option<&Path>, out: &mut Output) -> Result<Found, Report> {
    let path = find(explicit).map_err(|not_found| house::no_config(&not_found))?;
    found(&path, out)
}

/// A configuration, and what it lacks for an engine of its own.
struct Found {
    config: Config,
    unset: Option<Report>,
}

/// Stands for the value of a variable that is not set, in a configuration that only leads to an engine.
const UNSET: &str = "a-variable-that-is-not-set";

fn found(path: &Path, out: &mut Output) -> Result<Found, Report> {
    let report = match load(path, out) {
        Ok(config) => return Ok(Found { config, unset: None }),
        Err(report) => report,
    };
    let config = config::load(path, &|name| Some(environment(name).unwrap_or_else(|| UNSET.to_owned())));
    match config {
        Ok(config) if screen::keymap(&config.console).is_ok() => Ok(Found { config, unset: Some(report) }),
        _ => Err(report),
    }
}

/// Reads a configuration and asks the console what it thinks of its part.
fn judged(path: &Path) -> Result<Config, config::Mistakes> {
    let mut config = config::load(path, &environment)?;
    screen::keymap(&config.console)?;
    screen::looks(&config.console, Depth::True, &mut config.warnings)?;
    Ok(config)
}

/// The keys of the configuration; those of the table where there is none.
fn keys(explicit: Option<&Path>) -> Result<tui::keymap::Keymap, Report> {
    let mistaken = |mistakes: config::Mistakes| Report::mistakes(mistakes.0.iter().map(ToString::to_string).collect());
    match find(explicit) {
        Ok(path) => {
            let config = config::load(&path, &environment).map_err(mistaken)?;
            screen::keymap(&config.console).map_err(mistaken)
        }
        Err(_) if explicit.is_none() => Ok(tui::keymap::Keymap::default()),
        Err(not_found) => Err(house::no_config(&not_found)),
    }
}

fn load(path: &Path, out: &mut Output) -> Result<Config, Report> {
    let config =
        judged(path).map_err(|mistakes| Report::mistakes(mistakes.0.iter().map(ToString::to_string).collect()))?;
    for warning in &config.warnings {
        out.warn(&warning.to_string());
    }
    Ok(config)
}

/// Who sits here, as the journal names them.
fn actor(via: Via) -> Actor {
    let name = ["USER", "LOGNAME"].into_iter().find_map(|name| environment(name).filter(|name| !name.is_empty()));
    let name = name.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    Actor::person(name, via)
}
