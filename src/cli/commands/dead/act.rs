//! `syncdeck dead retry` and `discard`: what to do with letters.

use super::group;
use crate::cli::questions::{Ask, order};
use crate::cli::{Exit, Output, Report};
use crate::control::Request;
use crate::model::{DeadLetterId, GroupId, JobId, LetterFilter, Selection};

pub const RETRY_EXAMPLE: &str = "Example:\n  syncdeck dead retry 1240 1241\n  syncdeck dead retry --group 5e41c09a77b2d310\n  syncdeck dead retry --job customers_to_crm";
pub const DISCARD_EXAMPLE: &str = "Example:\n  syncdeck dead discard 1240 --reason \"test record of the shop\"";

/// Which letters to try again.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
#[group(id = "which", required = true, multiple = false)]
pub struct RetryArgs {
    /// Numbers as `dead list` shows them
    #[arg(value_name = "ID")]
    pub ids: Vec<u64>,
    /// All letters of this job
    #[arg(long, value_name = "JOB")]
    pub job: Option<String>,
    /// All letters of this group
    #[arg(long, value_name = "GROUP", value_parser = group)]
    pub group: Option<GroupId>,
    /// All letters of all jobs
    #[arg(long)]
    pub all: bool,
}

/// Which letters will not be sent, and why.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct DiscardArgs {
    /// Numbers as `dead list` shows them
    #[arg(value_name = "ID", required_unless_present = "group", conflicts_with = "group")]
    pub ids: Vec<u64>,
    /// All letters of this group
    #[arg(long, value_name = "GROUP", value_parser = group)]
    pub group: Option<GroupId>,
    /// Why, for those who come next; it stays with the letter and in the journal
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
}

pub(super) async fn retry(args: &RetryArgs, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let selection = selection(&args.ids, args.job.as_deref(), args.group);
    say(order(ask, Request::Retry { selection }).await?.text, out)
}

pub(super) async fn discard(args: &DiscardArgs, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let selection = selection(&args.ids, None, args.group);
    say(order(ask, Request::Discard { selection, reason: args.reason.clone() }).await?.text, out)
}

fn selection(ids: &[u64], job: Option<&str>, group: Option<GroupId>) -> Selection {
    if ids.is_empty() {
        Selection::Matching(LetterFilter { job: job.map(JobId::from), group, ..LetterFilter::default() })
    } else {
        Selection::Ids(ids.iter().copied().map(DeadLetterId).collect())
    }
}

fn say(text: String, out: &mut Output) -> Result<Exit, Report> {
    out.line(text)?;
    Ok(Exit::Done)
}
