//! `syncdeck demo` and `syncdeck simulator`: the simulated systems, in this process.

use super::headless;
use super::house::{House, exit_of};
use super::screen::Wanted;
use super::signals::Signals;
use crate::cli::commands::demo::{Args, Faults};
use crate::cli::commands::{run, simulator as simulator_args};
use crate::cli::{Color, Exit, Output, Report};
use crate::config;
use crate::engine::clock::SystemClock;
use crate::model::Via;
use crate::sim::demo::{Demo, DemoOptions, customers_config};
use crate::sim::{Profile, Standalone, run_standalone};
use std::path::Path;
use std::sync::Arc;

/// What the welcome starts.
pub(super) const DEFAULT: Args =
    Args { records: 5_000, faults: Faults::Some, instances: 0, headless: false, json: false, ascii: false };

/// The same world every time: what one person sees in it, another can look up.
const SEED: u64 = 1;

pub(super) async fn run(args: &Args, color: Color, out: &mut Output) -> Result<Exit, Report> {
    if !args.headless {
        let look = Wanted::new(args.ascii, color, false);
        look.needs_terminal()?;
        return show(args, look, &Signals::listen(), out).await;
    }
    let (demo, house) = open(args, Via::Command).await?;
    let once = run::Args { once: true, json: args.json, ..run::Args::default() };
    let result = headless(house, &once, out).await;
    demo.stop().await;
    result
}

/// The console over the simulated systems.
pub(super) async fn show(args: &Args, look: Wanted, signals: &Signals, out: &mut Output) -> Result<Exit, Report> {
    let (demo, house) = open(args, Via::Console).await?;
    let left = house.show(look, signals, out).await;
    demo.stop().await;
    Ok(exit_of(left?))
}

async fn open(args: &Args, via: Via) -> Result<(Demo, House), Report> {
    let options =
        DemoOptions { seed: SEED, records: args.records, faults: profile(args.faults), clock: Arc::new(SystemClock) };
    let demo = Demo::start(options)
        .await
        .map_err(|error| Report::new(format!("the simulated systems could not start: {error}")))?;
    // The state stays in memory; the folder is a name that the configuration must give.
    let text = format!("{}{}", demo.config(Path::new("state")), customers_config(args.instances, demo.crm_address));
    let config = config::parse(&text, Path::new("demo.toml"), &|_| None)
        .map_err(|mistakes| Report::mistakes(mistakes.0.iter().map(ToString::to_string).collect()))?;
    match House::open_in_memory(config, via).await {
        Ok(house) => Ok((demo, house)),
        Err(report) => {
            demo.stop().await;
            Err(report)
        }
    }
}

pub(super) async fn simulator(args: &simulator_args::Args) -> Result<Exit, Report> {
    let standalone = Standalone {
        faults: profile(args.faults),
        port: args.port,
        ..Standalone::new(args.seed, args.records, Arc::new(SystemClock))
    };
    run_standalone(standalone, &mut std::io::stdout())
        .await
        .map_err(|error| Report::new(format!("the simulated systems could not start: {error}")))?;
    Ok(Exit::Done)
}

fn profile(faults: Faults) -> Profile {
    match faults {
        Faults::None => Profile::None,
        Faults::Some => Profile::Some,
        Faults::Many => Profile::Many,
    }
}
