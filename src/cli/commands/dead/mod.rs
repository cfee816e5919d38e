//! `syncdeck dead …`: the records that could not be delivered, and what to do with them.

pub mod act;
pub mod edit;
pub mod export;
pub mod groups;
pub mod list;
pub mod settle;
pub mod show;

use crate::cli::questions::Ask;
use crate::cli::which::Meant;
use crate::cli::{Exit, Output, Report};
use crate::control::Handle;
use crate::model::{GroupId, LetterPlace, LetterState};
use serde_json::{Value, json};

pub const EXAMPLE: &str =
    "Example:\n  syncdeck dead groups\n  syncdeck dead show 1240\n  syncdeck dead retry --group 5e41c09a77b2d310";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(clap::Subcommand, Clone, Debug, PartialEq)]
pub enum Action {
    /// Letters that wait or are being retried, newest first
    #[command(after_help = list::EXAMPLE)]
    List(list::Args),
    /// Letters by what went wrong, most first
    #[command(after_help = groups::EXAMPLE)]
    Groups(groups::Args),
    /// One letter whole: payload, error, attempts, answer
    #[command(after_help = show::EXAMPLE)]
    Show(show::Args),
    /// Try letters again; a record that fails again keeps its letter, with one attempt more
    #[command(after_help = act::RETRY_EXAMPLE)]
    Retry(act::RetryArgs),
    /// Put other values in place of refused ones, and retry
    #[command(after_help = edit::EXAMPLE)]
    Edit(edit::Args),
    /// Mark letters as not to be sent; nothing is deleted
    #[command(after_help = act::DISCARD_EXAMPLE)]
    Discard(act::DiscardArgs),
    /// Say whether a record was made whose create got no answer
    #[command(after_help = settle::EXAMPLE)]
    Settle(settle::Args),
    /// All letters that wait, for other tools
    #[command(after_help = export::EXAMPLE)]
    Export(export::Args),
}

impl Action {
    /// The job and the instance that it names.
    fn named(&self) -> (Option<&str>, Option<&str>) {
        let (job, instance) = match self {
            Self::List(args) => (&args.job, &args.instance),
            Self::Groups(args) => (&args.job, &args.instance),
            Self::Retry(args) => (&args.which.job, &args.which.instance),
            Self::Export(args) => (&args.job, &args.instance),
            Self::Show(_) | Self::Edit(_) | Self::Discard(_) | Self::Settle(_) => return (None, None),
        };
        (job.as_deref(), instance.as_deref())
    }
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let (job, instance) = args.action.named();
    let meant = super::meant(job, instance, handle).await?;
    let redact = handle.watch().borrow().engine.redact.clone();
    carry_out(&args.action, &meant, &redact, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(
    action: &Action,
    meant: &Meant,
    redact: &[String],
    ask: &impl Ask,
    out: &mut Output,
) -> Result<Exit, Report> {
    match action {
        Action::List(args) => list::carry_out(args, meant, ask, out).await,
        Action::Groups(args) => groups::carry_out(args, meant, ask, out).await,
        Action::Show(args) => show::carry_out(args, ask, out).await,
        Action::Retry(args) => act::retry(args, meant, ask, out).await,
        Action::Edit(args) => edit::carry_out(args, redact, ask, out).await,
        Action::Discard(args) => act::discard(args, ask, out).await,
        Action::Settle(args) => settle::carry_out(args, ask, out).await,
        Action::Export(args) => export::carry_out(args, meant, redact, ask, out).await,
    }
}

/// Reads a group's id as `dead groups` shows it.
fn group(text: &str) -> Result<GroupId, String> {
    let read = u64::from_str_radix(text, 16).map(GroupId);
    read.map_err(|_| "needs a group's id, such as 5e41c09a77b2d310 (`syncdeck dead groups` lists them)".to_owned())
}

fn place_word(place: LetterPlace) -> &'static str {
    match place {
        LetterPlace::Waiting => "waiting",
        LetterPlace::Retrying => "retrying",
        LetterPlace::Discarded => "discarded",
        LetterPlace::Recovered => "recovered",
    }
}

/// The state of a letter with who and when: `{"state":"discarded","at","by","reason"}`.
fn state_document(state: &LetterState) -> Value {
    let word = place_word(state.place());
    match state {
        LetterState::Waiting => json!({ "state": word }),
        LetterState::Retrying { since, by } => {
            json!({ "state": word, "since": since, "by": by.to_string() })
        }
        LetterState::Discarded { at, by, reason } => {
            json!({ "state": word, "at": at, "by": by.to_string(), "reason": reason })
        }
        LetterState::Recovered { at, run } => json!({ "state": word, "at": at, "run": run }),
    }
}

#[cfg(test)]
mod tests;
