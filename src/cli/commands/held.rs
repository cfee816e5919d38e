//! `syncdeck held list|release|discard`: deletes that were withheld because a run would have deleted too much.
//!
//! `list --json` prints `{"job","waiting","kept","deletes":[{"id","cause","version","run","since","kept":{"by","at","reason"}
//! |null}]}`, in the order of the ids. `cause` is `tombstone`, `missing` or `change_log`. The exit status of `list` is 3 while
//! deletes wait.

use crate::cli::questions::{Ask, PAGE, order};
use crate::cli::text::{Align, Table, figure, plain};
use crate::cli::{Exit, Output, Report};
use crate::control::{Answer, Handle, Request};
use crate::model::{HeldDelete, JobId};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck held list customers_to_crm\n  syncdeck held release customers_to_crm --count 1204 --reason \"the shop closed its Polish branch\"";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(clap::Subcommand, Clone, Debug, PartialEq)]
pub enum Action {
    /// The deletes of a job that wait, each with what said that its record is gone
    #[command(after_help = "Example:\n  syncdeck held list customers_to_crm --json")]
    List(List),
    /// Carry them out; each is looked at once more first, and what came back is not deleted
    #[command(
        after_help = "Example:\n  syncdeck held release customers_to_crm --count 1204 --reason \"the shop closed its Polish branch\""
    )]
    Release(Release),
    /// Keep their records at the destination until the source lists them again
    #[command(after_help = "Example:\n  syncdeck held discard customers_to_crm --reason \"the query was wrong\"")]
    Discard(Discard),
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct List {
    /// The job's name, as `syncdeck status` shows it
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Those that were discarded: records that people keep
    #[arg(long)]
    pub kept: bool,
    /// The most deletes to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::limit)]
    pub limit: usize,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Release {
    /// The job's name, as `syncdeck status` shows it
    #[arg(value_name = "JOB")]
    pub job: String,
    /// How many are withheld: the most that may be deleted
    #[arg(long, value_name = "N")]
    pub count: u64,
    /// Why, for those who come next; it stands in the journal
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Discard {
    /// The job's name, as `syncdeck status` shows it
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Why, for those who come next; it stays with each of them and in the journal
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub reason: String,
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    carry_out(args, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let request = match &args.action {
        Action::List(args) => return list(args, ask, out).await,
        Action::Release(args) => {
            Request::HeldRelease { job: JobId::from(args.job.as_str()), count: args.count, reason: args.reason.clone() }
        }
        Action::Discard(args) => {
            Request::HeldDiscard { job: JobId::from(args.job.as_str()), reason: args.reason.clone() }
        }
    };
    out.line(order(ask, request).await?.text)?;
    Ok(Exit::Done)
}

async fn list(args: &List, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let job = JobId::from(args.job.as_str());
    let mut rows: Vec<HeldDelete> = Vec::new();
    let (waiting, kept) = loop {
        let after = rows.last().map(|row| row.record.clone());
        let limit = PAGE.min(args.limit - rows.len());
        let request = Request::Held { job: job.clone(), after, is_kept: args.kept, limit };
        let Answer::Held { rows: page, waiting, kept } = ask(request).await? else {
            return Err(Report::new("the engine answered another question, not with withheld deletes"));
        };
        let is_last = page.len() < limit;
        rows.extend(page);
        if is_last || args.limit <= rows.len() {
            break (waiting, kept);
        }
    };
    if args.json {
        let deletes: Vec<Value> = rows.iter().map(document).collect();
        out.json(&json!({ "job": args.job, "waiting": waiting, "kept": kept, "deletes": deletes }))?;
    } else if rows.is_empty() && args.kept {
        out.line(format!("no record of {job} is kept against its delete"))?;
    } else if rows.is_empty() {
        out.line(format!("no delete of {job} is withheld"))?;
    } else {
        out.table(&table(&rows))?;
        let all = if args.kept { kept } else { waiting };
        let what = if args.kept { "kept" } else { "withheld" };
        out.line(format!("{} of {} {what}", figure(rows.len() as u64), figure(all)))?;
    }
    Ok(if waiting > 0 { Exit::DeadLettered } else { Exit::Done })
}

fn table(rows: &[HeldDelete]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[("RECORD", Left), ("SINCE", Left), ("RUN", Right), ("WHY", Left)]);
    for row in rows {
        let kept = row.kept.as_ref().map(|kept| format!("; kept by {}: {}", kept.by, kept.reason)).unwrap_or_default();
        table.row(vec![
            plain(row.record.shown()),
            plain(row.since.to_string()),
            plain(format!("#{}", row.run)),
            plain(format!("{}{kept}", row.cause.words())),
        ]);
    }
    table
}

fn document(row: &HeldDelete) -> Value {
    let kept = row.kept.as_ref().map(|kept| json!({ "by": kept.by.to_string(), "at": kept.at, "reason": kept.reason }));
    json!({
        "id": row.record.shown(), "cause": row.cause, "version": row.version.as_ref().map(|version| version.text()),
        "run": row.run, "since": row.since, "kept": kept,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::captured;
    use crate::control::Done;
    use crate::model::{DeleteCause, RawJson, RecordId, RunId, Timestamp};

    fn row(id: &str) -> HeldDelete {
        HeldDelete {
            record: RecordId::from(id),
            version: None,
            cause: DeleteCause::Missing,
            body: RawJson::from_trusted("{}".to_owned()),
            run: RunId(7),
            since: Timestamp(0),
            kept: None,
        }
    }

    #[tokio::test]
    async fn what_waits_is_listed_with_what_said_that_it_is_gone_and_the_status_says_so() {
        let (mut out, stdout, _) = captured();
        let ask = async |request| {
            let Request::Held { after, is_kept: false, limit: 50, .. } = request else { panic!("{request:?}") };
            assert_eq!(after, None);
            Ok(Answer::Held { rows: vec![row("c1\x1b[2J"), row("c2")], waiting: 2, kept: 0 })
        };
        let args = List { job: "customers".to_owned(), kept: false, limit: 50, json: false };
        let exit = list(&args, &ask, &mut out).await;
        assert_eq!(out.finish(exit), Exit::DeadLettered);
        let text = stdout.text();
        assert!(text.contains("c1␛[2J") && text.contains("the whole listing left it out"), "{text}");
        assert!(text.ends_with("2 of 2 withheld\n"), "{text}");
    }

    #[tokio::test]
    async fn a_release_names_its_number_and_its_reason() {
        let (mut out, stdout, _) = captured();
        let wanted =
            Request::HeldRelease { job: JobId::from("customers"), count: 2, reason: "the branch closed".to_owned() };
        let ask = async |request| {
            assert_eq!(request, wanted);
            Ok(Answer::Done(Done { text: "released 2 deletes of customers".to_owned(), changed: 2, undo: None }))
        };
        let release = Release { job: "customers".to_owned(), count: 2, reason: "the branch closed".to_owned() };
        let exit = carry_out(&Args { action: Action::Release(release) }, &ask, &mut out).await;
        assert_eq!(out.finish(exit), Exit::Done);
        assert_eq!(stdout.text(), "released 2 deletes of customers\n");
    }
}
