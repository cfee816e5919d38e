//! `syncdeck dead retry` and `discard`: what to do with letters.

use super::group;
use crate::cli::questions::{Ask, letter_ids, letter_rows, order, retry_check, retry_preview};
use crate::cli::text::figure;
use crate::cli::which::Meant;
use crate::cli::{Exit, Output, Report};
use crate::control::Request;
use crate::model::{BulkRetry, DeadLetterId, GroupId, LetterCheck, LetterFilter, LetterPlace, Selection};

pub const RETRY_EXAMPLE: &str = "Example:\n  syncdeck dead retry 1240 1241\n  syncdeck dead retry --group 5e41c09a77b2d310 --dry-run\n  syncdeck dead retry --group 5e41c09a77b2d310 --rate 60\n  syncdeck dead retry --job customers_to_crm";
pub const DISCARD_EXAMPLE: &str = "Example:\n  syncdeck dead discard 1240 --reason \"test record of the shop\"";

/// Which letters to try again, and how carefully.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct RetryArgs {
    #[command(flatten)]
    pub which: Which,
    /// One letter first, the rest only if it is delivered (always so for more than 20)
    #[arg(long)]
    pub canary: bool,
    /// The most letters that are sent in a minute [default: 30 % of the request budget]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Only say what would be sent: each record is looked up at its source
    #[arg(long)]
    pub dry_run: bool,
}

/// Which letters.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
#[group(id = "which", required = true, multiple = true)]
pub struct Which {
    /// Numbers as `dead list` shows them
    #[arg(value_name = "ID", conflicts_with_all = ["job", "instance", "group", "all"])]
    pub ids: Vec<u64>,
    /// All letters of this job; a name that several instances share means all of them
    #[arg(long, value_name = "JOB")]
    pub job: Option<String>,
    /// All letters of the jobs of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// All letters of this group
    #[arg(long, value_name = "GROUP", value_parser = group, conflicts_with_all = ["job", "instance", "all"])]
    pub group: Option<GroupId>,
    /// All letters of all jobs
    #[arg(long, conflicts_with_all = ["job", "instance"])]
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
    #[arg(
        long,
        value_name = "TEXT",
        required_unless_present = "dry_run",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub reason: Option<String>,
    /// Only say how many it would be
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) async fn retry(args: &RetryArgs, meant: &Meant, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let which = &args.which;
    let selection = selection(&which.ids, meant, which.group);
    if args.dry_run {
        return dry_run(selection, ask, out).await;
    }
    let n = match &selection {
        Selection::Ids(ids) => ids.len() as u64,
        Selection::Matching(_) => retry_preview(ask, selection.clone()).await?.total,
    };
    let is_careful = args.canary || args.rate.is_some() || n > BulkRetry::AT_ONCE_MAX;
    let request = match is_careful {
        true => Request::RetryCarefully { selection, per_minute: args.rate },
        false => Request::Retry { selection },
    };
    say(order(ask, request).await?.text, out)
}

/// Says what would become of the letters, of as many as one preview looks at.
async fn dry_run(selection: Selection, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let preview = retry_preview(ask, selection.clone()).await?;
    let ids: Vec<DeadLetterId> = match selection {
        Selection::Ids(ids) => ids.into_iter().take(LetterCheck::LETTERS_MAX).collect(),
        Selection::Matching(filter) => {
            let filter = LetterFilter { places: vec![LetterPlace::Waiting], ..filter };
            letter_ids(ask, filter, LetterCheck::LETTERS_MAX).await?.0.to_vec()
        }
    };
    let mut check = LetterCheck::default();
    for some in ids.chunks(LetterCheck::AT_ONCE) {
        check.add(retry_check(ask, some.to_vec()).await?);
    }
    let jobs: Vec<String> = preview.jobs.iter().map(|(job, n)| format!("{} of {job}", figure(*n))).collect();
    out.line(format!("{} dead letters would be retried: {}", figure(preview.total), jobs.join(", ")))?;
    let figures = [
        (check.same, "sent again unchanged"),
        (check.changed.len() as u64, "changed at the source since: the new content is sent"),
        (check.corrected, "sent with a person's correction"),
        (check.stored, "sent as they were read; whether they changed is not known"),
        (check.settled, "delivered meanwhile: nothing is sent"),
        (check.gone, "gone at the source: nothing is sent, nothing deleted"),
        (check.refused, "refused by the map still: nothing can be sent"),
        (check.unread, "not known: the source did not say"),
        (check.moved, "not waiting any more"),
        (preview.total.saturating_sub(check.looked_at()), "not looked at, so not known"),
    ];
    for (n, words) in figures.into_iter().filter(|(n, _)| *n > 0) {
        out.line(format!("  {:>9}  {words}", figure(n)))?;
    }
    if let Some(rate) = preview.per_minute.filter(|_| preview.total > BulkRetry::AT_ONCE_MAX) {
        out.line(format!("one first, then at most {} a minute", figure(u64::from(rate))))?;
    }
    out.line("nothing was sent (--dry-run)")?;
    Ok(Exit::Done)
}

pub(super) async fn discard(args: &DiscardArgs, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let selection = selection(&args.ids, &Meant::All, args.group);
    if args.dry_run {
        let n = waiting(selection, ask).await?;
        let letters = if n == 1 { "dead letter" } else { "dead letters" };
        return say(format!("{} {letters} would be discarded; nothing was changed (--dry-run)", figure(n)), out);
    }
    let reason = args.reason.clone().unwrap_or_default();
    say(order(ask, Request::Discard { selection, reason }).await?.text, out)
}

/// How many letters of a selection wait.
async fn waiting(selection: Selection, ask: &impl Ask) -> Result<u64, Report> {
    match selection {
        Selection::Ids(ids) => {
            let rows = letter_rows(ask, ids).await?;
            Ok(rows.iter().flatten().filter(|row| row.state.place() == LetterPlace::Waiting).count() as u64)
        }
        Selection::Matching(filter) => {
            let filter = LetterFilter { places: vec![LetterPlace::Waiting], ..filter };
            Ok(letter_ids(ask, filter, 0).await?.1)
        }
    }
}

fn selection(ids: &[u64], meant: &Meant, group: Option<GroupId>) -> Selection {
    if ids.is_empty() {
        let mut filter = LetterFilter { group, ..LetterFilter::default() };
        meant.narrow(&mut filter.job, &mut filter.terms);
        Selection::Matching(filter)
    } else {
        Selection::Ids(ids.iter().copied().map(DeadLetterId).collect())
    }
}

fn say(text: String, out: &mut Output) -> Result<Exit, Report> {
    out.line(text)?;
    Ok(Exit::Done)
}
