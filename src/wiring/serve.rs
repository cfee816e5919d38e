//! `syncdeck serve`: the engine without a screen, for a service manager.

use super::house::House;
use super::signals::Signals;
use crate::cli::commands::serve::Args;
use crate::cli::{Exit, Output, Report};
use crate::config::Config;
use crate::engine::Start;
use sd_notify::NotifyState;

/// Runs every job on its schedule until the process is told to end.
pub(super) async fn run(args: &Args, config: Config, out: &mut Output) -> Result<Exit, Report> {
    if args.detached {
        // Whoever started this goes away, and the terminal with it.
        rustix::process::setsid().map_err(|error| Report::new(format!("no session of its own: {error}")))?;
    }
    let name = config.workspace.name.clone();
    let signals = Signals::listen();
    let mut house = House::own(config, "serve").await?;
    house.listen(out);
    let jobs = house.handle().jobs().len();
    house.engine().start(Start::service()).await;
    house.receive(out).await;
    let jobs = if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") };
    out.note(format!("serving `{name}`: {jobs}; `syncdeck` attaches a screen, SIGTERM ends it in order"));
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("{jobs} on their schedules"))]);
    signals.told().cancelled().await;
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing the pages in flight")]);
    out.note("finishing the pages in flight; a second signal leaves at once");
    house.engine().stop().await;
    house.close().await;
    out.note("stopped; every job goes on from its checkpoint at the next start");
    Ok(Exit::Done)
}

/// Tells the service manager, where there is one.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
