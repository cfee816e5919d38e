//! The commands, a file each. The table [`COMMANDS`] is all that help, completions and parsing know of them.

pub mod bundle;
pub mod check;
pub mod checkpoint;
pub mod completions;
pub mod connection;
pub mod console;
pub mod dead;
pub mod demo;
pub mod forget;
pub mod held;
pub mod init;
pub mod journal;
pub mod keys;
pub mod orders;
pub mod plan;
pub mod run;
pub mod runs;
#[cfg(test)]
pub(super) mod sample;
pub mod schema;
pub mod serve;
pub mod simulator;
pub mod status;
pub mod why;

use super::questions::runs as runs_of;
use super::which::{Meant, which};
use super::{Report, read_args};
use crate::control::Handle;
use crate::model::JobId;
use crate::model::filter::RunFilter;
use clap::{ArgMatches, Args as _};

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Console(console::Args),
    Demo(demo::Args),
    Init(init::Args),
    Run(run::Args),
    Serve(serve::Args),
    Check(check::Args),
    Status(status::Args),
    Pause(orders::PauseArgs),
    Resume(orders::JobArgs),
    Trigger(orders::JobArgs),
    Cancel(orders::JobArgs),
    Forget(forget::Args),
    Dead(dead::Args),
    Held(held::Args),
    Checkpoint(checkpoint::Args),
    Plan(plan::Args),
    Journal(journal::Args),
    Runs(runs::Args),
    Connection(connection::Args),
    Bundle(bundle::Args),
    Open(bundle::OpenArgs),
    Why(why::Args),
    Keys(keys::Args),
    Schema,
    Completions(completions::Args),
    Simulator(simulator::Args),
}

/// One line of the table.
pub struct Entry {
    pub name: &'static str,
    about: &'static str,
    example: &'static str,
    shape: fn(clap::Command) -> clap::Command,
    pub(super) read: fn(&ArgMatches) -> Result<Command, clap::Error>,
}

impl Entry {
    /// The command as clap knows it.
    pub fn command(&self) -> clap::Command {
        // The arguments' own words come first, because clap takes a doc comment of theirs for the command's.
        let command = (self.shape)(clap::Command::new(self.name)).about(self.about).long_about(None::<&str>);
        command.after_help(self.example).disable_help_subcommand(true)
    }
}

const fn entry(
    name: &'static str,
    about: &'static str,
    example: &'static str,
    shape: fn(clap::Command) -> clap::Command,
    read: fn(&ArgMatches) -> Result<Command, clap::Error>,
) -> Entry {
    Entry { name, about, example, shape, read }
}

/// Every command. A new one is a file, a variant of [`Command`] and a line here.
pub const COMMANDS: &[Entry] = &[
    entry(
        "console",
        "The screen (also without any command)",
        console::EXAMPLE,
        console::Args::augment_args,
        |matches| read_args(matches, Command::Console),
    ),
    entry(
        "demo",
        "Two simulated systems with faults, jobs between them, and the screen; leaves nothing behind",
        demo::EXAMPLE,
        demo::Args::augment_args,
        |matches| read_args(matches, Command::Demo),
    ),
    entry("init", "Write a configuration to begin with", init::EXAMPLE, init::Args::augment_args, |matches| {
        read_args(matches, Command::Init)
    }),
    entry("run", "Run jobs without the screen", run::EXAMPLE, run::Args::augment_args, |matches| {
        read_args(matches, Command::Run)
    }),
    entry(
        "serve",
        "The engine without a screen, for a service manager; screens attach to it",
        serve::EXAMPLE,
        serve::Args::augment_args,
        |matches| read_args(matches, Command::Serve),
    ),
    entry(
        "check",
        "Check the configuration, then try each connection once with a read",
        check::EXAMPLE,
        check::Args::augment_args,
        |matches| read_args(matches, Command::Check),
    ),
    entry(
        "status",
        "How each job stands: state, counts, rate, checkpoint, dead letters, next run",
        status::EXAMPLE,
        status::Args::augment_args,
        |matches| read_args(matches, Command::Status),
    ),
    entry(
        "pause",
        "Pause jobs after the page in flight; it outlives restarts",
        orders::PAUSE_EXAMPLE,
        orders::PauseArgs::augment_args,
        |matches| read_args(matches, Command::Pause),
    ),
    entry(
        "resume",
        "Let paused or parked jobs go on from their checkpoint",
        orders::RESUME_EXAMPLE,
        orders::JobArgs::augment_args,
        |matches| read_args(matches, Command::Resume),
    ),
    entry(
        "trigger",
        "Run jobs now, without waiting for their schedule",
        orders::TRIGGER_EXAMPLE,
        orders::JobArgs::augment_args,
        |matches| read_args(matches, Command::Trigger),
    ),
    entry(
        "cancel",
        "Stop the runs in progress after the page in flight",
        orders::CANCEL_EXAMPLE,
        orders::JobArgs::augment_args,
        |matches| read_args(matches, Command::Cancel),
    ),
    entry(
        "forget",
        "Remove what the state holds of a job that is not run any more",
        forget::EXAMPLE,
        forget::Args::augment_args,
        |matches| read_args(matches, Command::Forget),
    ),
    entry(
        "dead",
        "The records that could not be delivered, and what to do with them",
        dead::EXAMPLE,
        dead::Args::augment_args,
        |matches| read_args(matches, Command::Dead),
    ),
    entry(
        "held",
        "Deletes that wait for a person because they were too many, and what to do with them",
        held::EXAMPLE,
        held::Args::augment_args,
        |matches| read_args(matches, Command::Held),
    ),
    entry(
        "checkpoint",
        "Where a job stands, where it stood, and back to there",
        checkpoint::EXAMPLE,
        checkpoint::Args::augment_args,
        |matches| read_args(matches, Command::Checkpoint),
    ),
    entry(
        "plan",
        "A dry run: what a job would create, update and delete; nothing is written anywhere",
        plan::EXAMPLE,
        plan::Args::augment_args,
        |matches| read_args(matches, Command::Plan),
    ),
    entry(
        "journal",
        "Who did what, when and why, with what stood before and after",
        journal::EXAMPLE,
        journal::Args::augment_args,
        |matches| read_args(matches, Command::Journal),
    ),
    entry(
        "runs",
        "Past runs with their counts, how long they took and how they ended",
        runs::EXAMPLE,
        runs::Args::augment_args,
        |matches| read_args(matches, Command::Runs),
    ),
    entry("why", "Why a record is, or is not, at the destination", why::EXAMPLE, why::Args::augment_args, |matches| {
        read_args(matches, Command::Why)
    }),
    entry(
        "connection",
        "How each system answers; try it, hold back its calls, reset its circuit",
        connection::EXAMPLE,
        connection::Args::augment_args,
        |matches| read_args(matches, Command::Connection),
    ),
    entry(
        "bundle",
        "What is known of a trouble, in one file for a ticket, without secrets",
        bundle::EXAMPLE,
        bundle::Args::augment_args,
        |matches| read_args(matches, Command::Bundle),
    ),
    entry(
        "open",
        "Show a bundle in the console, without an engine",
        bundle::OPEN_EXAMPLE,
        bundle::OpenArgs::augment_args,
        |matches| read_args(matches, Command::Open),
    ),
    entry(
        "keys",
        "Every action of the console, where it can be done, and the keys that do it",
        keys::EXAMPLE,
        keys::Args::augment_args,
        |matches| read_args(matches, Command::Keys),
    ),
    entry(
        "schema",
        "The JSON Schema of the configuration",
        schema::EXAMPLE,
        |command| command,
        |_| Ok(Command::Schema),
    ),
    entry(
        "completions",
        "A completion script for a shell",
        completions::EXAMPLE,
        completions::Args::augment_args,
        |matches| read_args(matches, Command::Completions),
    ),
    entry(
        "simulator",
        "A simulated shop and CRM on local ports, to practise on",
        simulator::EXAMPLE,
        simulator::Args::augment_args,
        |matches| read_args(matches, Command::Simulator),
    ),
];

/// Refuses the name of a job that the configuration does not know and that never ran.
///
/// What a job left behind can still be looked at after it was taken out of the configuration.
async fn must_be_known(name: Option<&str>, handle: &Handle) -> Result<(), Report> {
    let known = handle.jobs();
    let Some(name) = name.filter(|name| known.iter().all(|job| job.as_str() != *name)) else {
        return Ok(());
    };
    let of_job = RunFilter { job: Some(JobId::from(name)), terms: Vec::new() };
    match runs_of(&async |request| handle.ask(request).await, &of_job, 1).await?.as_slice() {
        [] => Err(Report::no_such_job(name, known.iter().map(JobId::as_str))),
        _ => Ok(()),
    }
}

/// The jobs that a command looks at: all of the name, of the instance, or of both; without either, every one.
///
/// What a job left behind can still be looked at after it was taken out of the configuration.
async fn meant(name: Option<&str>, instance: Option<&str>, handle: &Handle) -> Result<Meant, Report> {
    if name.is_none() && instance.is_none() {
        return Ok(Meant::All);
    }
    let known = handle.jobs();
    let names: Vec<String> = name.iter().map(|name| (*name).to_owned()).collect();
    match (which(&names, instance, &known), name) {
        (Ok(jobs), _) => Ok(Meant::Some(jobs.into_iter().cloned().collect())),
        (Err(_), Some(name)) if instance.is_none() => {
            must_be_known(Some(name), handle).await?;
            Ok(Meant::Some(vec![JobId::from(name)]))
        }
        (Err(report), _) => Err(report),
    }
}

/// The one job that a command is for; who names several is told which.
async fn only_job(name: &str, instance: Option<&str>, handle: &Handle) -> Result<JobId, Report> {
    let Meant::Some(jobs) = meant(Some(name), instance, handle).await? else { return Ok(JobId::from(name)) };
    match jobs.as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let shown: Vec<String> = several.iter().take(NAMED_MAX).map(|job| format!("`{job}`")).collect();
            let more = several.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            Err(Report::usage(format!("`{name}` means {} jobs, and this is for one", several.len()))
                .with_hint(format!("name one of {}{more}, or add `--instance NAME`", shown.join(", "))))
        }
    }
}

/// Of many jobs that a name means, so many are named.
const NAMED_MAX: usize = 5;

/// Reads a `--limit`: at least one, and never so many that an answer has no bound.
fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit @ 1..=LIMIT_MAX) => Ok(limit),
        _ => Err(format!("needs a number from 1 to {LIMIT_MAX}")),
    }
}

const LIMIT_MAX: usize = 100_000;
