//! `syncdeck checkpoint show|history|rewind|export|import`: where a job stands, where it stood, and back to there.
//!
//! `show --json` prints the checkpoint, or `null` where the job has none yet:
//! `{"cursor","watermark":{"updated_at","id"}|null,"sequence","stats":{"processed","errors"},"saved_at"}`.
//! `history --json` prints `{"job","checkpoints":[{…as above,"run","page":{counts},"moved_by","moved"}]}`, newest first.

mod confirm;
mod file;
mod rewind;

pub(super) use confirm::typed;

use crate::cli::commands::status::{balance, extend};
use crate::cli::json;
use crate::cli::questions::{Ask, checkpoints};
use crate::cli::text::{Align, Style, Table, figure, plain};
use crate::cli::{Exit, Line, Output, Report};
use crate::control::Handle;
use crate::model::filter::{CHECKPOINT_FIELDS, parse};
use crate::model::{Checkpoint, JobId, ResumeRules, Timestamp};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck checkpoint show customers_to_crm --json\n  syncdeck checkpoint rewind customers_to_crm --time 14:00 --reason wrong-map\n  syncdeck checkpoint history customers_to_crm --limit 5";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(clap::Subcommand, Clone, Debug, PartialEq)]
pub enum Action {
    /// Where the next page begins, and what was counted up to there
    #[command(after_help = "Example:\n  syncdeck checkpoint show customers_to_crm --json")]
    Show(Show),
    /// Past checkpoints, newest first
    #[command(after_help = "Example:\n  syncdeck checkpoint history customers_to_crm --limit 5")]
    History(History),
    /// Back to where it stood: counted first, asked about, and appended as a new checkpoint
    #[command(after_help = rewind::EXAMPLE)]
    Rewind(rewind::Args),
    /// Where a job stands, as a file
    #[command(after_help = file::EXPORT_EXAMPLE)]
    Export(file::Export),
    /// Takes a position over from a file
    #[command(after_help = file::IMPORT_EXAMPLE)]
    Import(file::Import),
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Show {
    /// The job's name, as `syncdeck status` shows it, or what several instances share with `--instance`
    pub job: String,
    /// The job of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct History {
    /// The job's name, as `syncdeck status` shows it, or what several instances share with `--instance`
    pub job: String,
    /// The job of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Words, or conditions such as `run:218`, `kind:rewind`, `errored:>0`, `since:2h`
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// The most checkpoints to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = super::limit)]
    pub limit: usize,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

impl Action {
    /// The job and the instance that it names.
    fn named(&mut self) -> (&mut String, &Option<String>) {
        match self {
            Self::Show(args) => (&mut args.job, &args.instance),
            Self::History(args) => (&mut args.job, &args.instance),
            Self::Rewind(args) => (&mut args.job, &args.instance),
            Self::Export(args) => (&mut args.job, &args.instance),
            Self::Import(args) => (&mut args.job, &args.instance),
        }
    }
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let mut args = args.clone();
    let (job, instance) = args.action.named();
    *job = super::only_job(job, instance.as_deref(), handle).await?.as_str().to_owned();
    let job = job.clone();
    let (now, rules) = {
        let watch = handle.watch();
        let snapshot = watch.borrow();
        let status = snapshot.jobs.iter().find(|status| status.id.as_str() == job.as_str());
        (snapshot.at, status.map_or_else(ResumeRules::unknown, |status| status.resume.clone()))
    };
    carry_out(&args, &rules, now, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(
    args: &Args,
    rules: &ResumeRules,
    now: Timestamp,
    ask: &impl Ask,
    out: &mut Output,
) -> Result<Exit, Report> {
    match &args.action {
        Action::Rewind(args) => return rewind::carry_out(args, rules, now, ask, out).await,
        Action::Export(args) => return file::export(args, ask, out).await,
        Action::Import(args) => return file::import(args, rules, ask, out).await,
        Action::Show(show) => {
            let last = checkpoints(ask, &JobId::from(show.job.as_str()), &[], 1).await?.pop();
            if show.json {
                out.json(&json::checkpoint(last.as_ref()))?;
            } else {
                lines(&show.job, last.as_ref(), rules).into_iter().try_for_each(|line| out.line(line))?;
            }
        }
        Action::History(history) => {
            let asked_at = Timestamp::from(jiff::Timestamp::now());
            let terms = parse(history.filter.as_deref().unwrap_or_default(), CHECKPOINT_FIELDS, asked_at)
                .map_err(|problem| Report::usage(format!("--filter: {problem}")))?;
            let past = checkpoints(ask, &JobId::from(history.job.as_str()), &terms, history.limit).await?;
            if history.json {
                let past: Vec<Value> = past.iter().map(document).collect();
                out.json(&json!({ "job": history.job, "checkpoints": past }))?;
            } else {
                out.table(&table(&past, rules))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn lines(job: &str, checkpoint: Option<&Checkpoint>, rules: &ResumeRules) -> Vec<Line> {
    let Some(checkpoint) = checkpoint else {
        return vec![format!("`{job}` has no checkpoint yet: it begins at the start of the listing").into()];
    };
    let fact = |name: &str, text: String| Line::new().with(format!("  {name:<10}"), Style::Dim).then(text);
    let position = &checkpoint.position;
    let watermark = position.watermark.as_ref();
    let none = || "none".to_owned();
    let mut lines = vec![
        Line::new().with(format!("{job} #{}", checkpoint.sequence), Style::Bold),
        fact("saved at", format!("{} by run {}", checkpoint.saved_at, checkpoint.run)),
        fact("cursor", position.cursor.as_ref().map_or_else(none, |cursor| cursor.0.clone())),
        fact("watermark", watermark.map_or_else(none, |mark| format!("{}, id {}", mark.version, mark.id.shown()))),
        fact("next", checkpoint.resume_condition(rules)),
        fact("total", balance(&checkpoint.total)),
        fact("this page", balance(&checkpoint.page)),
    ];
    lines.extend(checkpoint.moved_words().map(|words| fact("set by", words)));
    lines
}

fn table(past: &[Checkpoint], rules: &ResumeRules) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("SEQUENCE", Right),
        ("SAVED AT", Left),
        ("RUN", Right),
        ("PAGE", Right),
        ("PROCESSED", Right),
        ("ERRORS", Right),
        ("SET BY", Left),
        ("NEXT", Left),
    ]);
    for checkpoint in past {
        table.row(vec![
            plain(checkpoint.sequence.to_string()),
            plain(checkpoint.saved_at.to_string()),
            plain(checkpoint.run.to_string()),
            plain(figure(checkpoint.page.scanned)),
            plain(figure(checkpoint.total.scanned)),
            plain(figure(checkpoint.total.errored)),
            plain(checkpoint.moved_words().unwrap_or_else(|| "—".to_owned())),
            plain(checkpoint.resume_condition(rules)),
        ]);
    }
    table
}

fn document(checkpoint: &Checkpoint) -> Value {
    let mut document = checkpoint.to_json();
    let moved_by = checkpoint.moved_by.as_ref().map(ToString::to_string);
    extend(
        &mut document,
        json!({ "run": checkpoint.run, "page": json::counts(&checkpoint.page), "moved_by": moved_by, "moved": checkpoint.moved }),
    );
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Request};
    use crate::model::Sequence;

    async fn printed(action: Action, text: &str, n: u64) -> String {
        let ask = async |request| {
            let Request::Checkpoints { before, limit, .. } = request else { panic!("another question: {request:?}") };
            let newest = before.map_or(n, |before| before.0 - 1);
            let page = (1..=newest).rev().take(limit);
            let page = page.map(|number| Checkpoint { sequence: Sequence(number), ..sample::checkpoint(text) });
            Ok(Answer::Checkpoints(page.collect()))
        };
        let (mut out, stdout, stderr) = captured();
        let result = carry_out(&Args { action }, &sample::resume_rules(), Timestamp::ZERO, &ask, &mut out).await;
        assert_eq!(out.finish(result), Exit::Done, "{}", stderr.text());
        stdout.text()
    }

    fn show(json: bool) -> Action {
        Action::Show(Show { job: "customers".to_owned(), instance: None, json })
    }

    fn history(limit: usize, json: bool) -> Action {
        Action::History(History { job: "customers".to_owned(), instance: None, filter: None, limit, json })
    }

    #[tokio::test]
    async fn a_checkpoint_is_shown_as_scripts_know_it() {
        assert_eq!(
            printed(show(true), "cust_000123", 42).await,
            "{\"cursor\":\"cust_000123\",\"watermark\":{\"updated_at\":\"2026-01-01T00:00:00Z\",\"id\":\"cust_000123\"},\
             \"sequence\":42,\"stats\":{\"processed\":1000,\"errors\":2},\"saved_at\":\"2026-01-01T00:01:00Z\"}\n"
        );
        insta::assert_snapshot!(printed(show(false), "cust_000123", 42).await);
    }

    #[tokio::test]
    async fn a_job_that_never_ran_has_no_checkpoint() {
        assert_eq!(printed(show(true), "x", 0).await, "null\n");
        assert!(printed(show(false), "x", 0).await.contains("no checkpoint yet"));
    }

    #[tokio::test]
    async fn a_long_history_is_asked_for_in_pages() {
        let printed = printed(history(1_200, false), "c", 2_000).await;
        assert_eq!(printed.lines().count(), 1_201);
        assert!(printed.lines().last().is_some_and(|line| line.trim_start().starts_with("801 ")), "{printed}");
    }

    #[tokio::test]
    async fn the_document_of_a_history_stays_as_it_is() {
        let text = printed(history(1, true), "c", 1).await;
        insta::assert_json_snapshot!(serde_json::from_str::<Value>(&text).expect("one JSON document"));
    }

    #[tokio::test]
    async fn nothing_foreign_reaches_the_terminal_as_it_is() {
        for action in [show(false), show(true), history(1, false), history(1, true)] {
            sample::assert_harmless(&printed(action, sample::HOSTILE, 1).await);
        }
    }
}
