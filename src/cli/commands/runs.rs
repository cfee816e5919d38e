//! `syncdeck runs`: past runs, newest first.
//!
//! `--json` prints `{"runs":[{"id","job","instance","kind","by","started_at","ended_at","seconds","state","reason","hint",
//! …counts,"pages","checkpoint"}],"retries":[{"number","job","instance","by","started_at","ended_at","seconds","state",
//! "reason","of","letters","recovered","failed_again","needless"}]}`. `state` is `running` or one of the words of
//! `run --json`, and `interrupted` for a run whose process ended without a word. `retries` are those of many letters,
//! of which one goes first; of runs and retries together the newest are listed.

use crate::cli::commands::status::extend;
use crate::cli::json;
use crate::cli::questions::{Ask, bulks, runs};
use crate::cli::text::{Align, Style, Table, figure, plain};
use crate::cli::which::Meant;
use crate::cli::{Exit, Output, Report};
use crate::control::Handle;
use crate::model::filter::RunFilter;
use crate::model::{BulkRetry, BulkStage, Run, RunEnd, Timestamp};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck runs customers_to_crm --limit 5\n  syncdeck runs --filter \"state:fail|part since:24h\"\n  syncdeck runs --json";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// Runs of this job only; a name that several instances share means all of them
    pub job: Option<String>,
    /// Runs of the jobs of this instance only
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Words, or conditions such as `state:fail`, `kind:retry`, `by:ada`, `scanned:>1000`, `errored:>0`, `since:2h`, `a|b`
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// The most runs to list
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = super::limit)]
    pub limit: usize,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let meant = super::meant(args.job.as_deref(), args.instance.as_deref(), handle).await?;
    carry_out(args, &meant, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, meant: &Meant, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let now = Timestamp::from(jiff::Timestamp::now());
    let mut filter = RunFilter::parse(args.filter.as_deref().unwrap_or_default(), now)
        .map_err(|problem| Report::usage(format!("--filter: {problem}")))?;
    meant.narrow(&mut filter.job, &mut filter.terms);
    let past = Past::of(runs(ask, &filter, args.limit).await?, bulks(ask, &filter).await?, args.limit);
    if args.json {
        let runs: Vec<Value> = past.runs.iter().map(document).collect();
        let retries: Vec<Value> = past.retries.iter().map(retry_document).collect();
        out.json(&json!({ "runs": runs, "retries": retries }))?;
    } else if past.runs.is_empty() && past.retries.is_empty() {
        out.line(if args.filter.is_some() { "no run matches" } else { "no runs yet" })?;
    } else {
        out.table(&table(&past))?;
    }
    Ok(Exit::Done)
}

/// The newest of what ran, each kind newest first.
struct Past {
    runs: Vec<Run>,
    retries: Vec<BulkRetry>,
}

impl Past {
    fn of(mut runs: Vec<Run>, mut retries: Vec<BulkRetry>, limit: usize) -> Self {
        let mut moments: Vec<Timestamp> =
            runs.iter().map(|run| run.started_at).chain(retries.iter().map(|retry| retry.at)).collect();
        moments.sort_by_key(|at| std::cmp::Reverse(*at));
        if let Some(oldest) = limit.checked_sub(1).and_then(|last| moments.get(last)) {
            retries.retain(|retry| *oldest <= retry.at);
            retries.truncate(limit);
            runs.truncate(limit - retries.len());
        }
        Self { runs, retries }
    }
}

/// How a run ended, in the word that scripts read.
pub(super) fn end_word(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Done => "done",
        RunEnd::HandedOver => "handed_over",
        RunEnd::Stopped { .. } => "stopped",
        RunEnd::Failed { parked: true, .. } | RunEnd::Guarded { .. } => "parked",
        RunEnd::Failed { parked: false, .. } => "failed",
        RunEnd::Interrupted => "interrupted",
    }
}

pub(super) fn end_style(end: &RunEnd) -> Style {
    match end {
        RunEnd::Done | RunEnd::HandedOver => Style::Good,
        RunEnd::Stopped { .. } | RunEnd::Interrupted => Style::Warn,
        RunEnd::Failed { .. } | RunEnd::Guarded { .. } => Style::Bad,
    }
}

fn state(run: &Run) -> (&'static str, Style) {
    run.end.as_ref().map_or(("running", Style::Plain), |end| (end_word(end), end_style(end)))
}

fn seconds(run: &Run) -> Option<f64> {
    run.ended_at.map(|ended| ended.since(run.started_at).as_secs_f64())
}

fn reason(run: &Run) -> (Option<String>, Option<&str>) {
    match &run.end {
        Some(RunEnd::Failed { reason, hint, .. } | RunEnd::Guarded { reason, hint }) => {
            (Some(reason.clone()), hint.as_deref())
        }
        Some(RunEnd::Stopped { by }) => (Some(format!("by {by}")), None),
        Some(RunEnd::Interrupted) => (Some("the process ended without a word".to_owned()), None),
        Some(RunEnd::Done | RunEnd::HandedOver) | None => (None, None),
    }
}

fn retry_state(retry: &BulkRetry) -> (&'static str, Style) {
    match &retry.stage {
        BulkStage::Ended { stopped: None } => ("done", Style::Good),
        BulkStage::Ended { stopped: Some(_) } => ("stopped", Style::Warn),
        BulkStage::Gathering | BulkStage::Canary | BulkStage::Rest | BulkStage::Stopping { .. } => {
            ("running", Style::Plain)
        }
    }
}

fn retry_seconds(retry: &BulkRetry) -> Option<f64> {
    retry.ended_at.map(|ended| ended.since(retry.at).as_secs_f64())
}

/// A careful retry in the columns of the runs: its letters in those of records.
fn retry_row(retry: &BulkRetry) -> Vec<(String, Style)> {
    let (word, style) = retry_state(retry);
    vec![
        plain("retry"),
        plain(retry.job.as_str()),
        plain(retry.at.to_string()),
        plain(retry_seconds(retry).map_or_else(String::new, |seconds| format!("{seconds:.1}"))),
        (word.to_owned(), style),
        plain(figure(retry.done())),
        plain(figure(retry.recovered)),
        plain(figure(retry.needless)),
        plain(figure(0)),
        plain(figure(retry.failed)),
        plain(format!("{} letters of {}: {}", figure(retry.total), retry.what, retry.end_words())),
    ]
}

fn table(past: &Past) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("RUN", Right),
        ("JOB", Left),
        ("STARTED AT", Left),
        ("SECONDS", Right),
        ("STATE", Left),
        ("SCANNED", Right),
        ("UPDATED", Right),
        ("SKIPPED", Right),
        ("HELD", Right),
        ("ERRORED", Right),
        ("WHY", Left),
    ]);
    let runs = past.runs.iter().map(|run| (run.started_at, run_row(run)));
    let mut rows: Vec<_> = runs.chain(past.retries.iter().map(|retry| (retry.at, retry_row(retry)))).collect();
    rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    rows.into_iter().for_each(|(_, row)| table.row(row));
    table
}

fn run_row(run: &Run) -> Vec<(String, Style)> {
    let (word, style) = state(run);
    let counts = &run.counts;
    vec![
        plain(run.id.to_string()),
        plain(run.job.as_str()),
        plain(run.started_at.to_string()),
        plain(seconds(run).map_or_else(String::new, |seconds| format!("{seconds:.1}"))),
        (word.to_owned(), style),
        plain(figure(counts.scanned)),
        plain(figure(counts.written())),
        plain(figure(counts.skipped)),
        plain(figure(counts.held)),
        plain(figure(counts.errored)),
        plain(reason(run).0.unwrap_or_default()),
    ]
}

fn retry_document(retry: &BulkRetry) -> Value {
    let (name, instance) = json::job_and_instance(&retry.job);
    json!({
        "number": retry.number, "job": name, "instance": instance, "by": retry.by.to_string(), "started_at": retry.at,
        "ended_at": retry.ended_at, "seconds": retry_seconds(retry), "state": retry_state(retry).0,
        "reason": retry.end_words(), "of": retry.what, "letters": retry.total, "recovered": retry.recovered,
        "failed_again": retry.failed, "needless": retry.needless,
    })
}

fn document(run: &Run) -> Value {
    let (name, instance) = json::job_and_instance(&run.job);
    let (why, hint) = reason(run);
    let mut document = json!({
        "id": run.id, "job": name, "instance": instance, "kind": run.kind.word(), "by": run.by.to_string(),
        "started_at": run.started_at, "ended_at": run.ended_at, "seconds": seconds(run),
        "state": state(run).0, "reason": why, "hint": hint,
    });
    extend(&mut document, json::counts(&run.counts));
    extend(&mut document, json!({ "pages": run.pages, "checkpoint": run.checkpoint, "range": run.kind.range_words() }));
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Request};
    use crate::model::{Actor, JobId, RunId, RunKind, Sequence, Via};

    /// A careful retry that was ordered between the runs.
    fn retry(text: &str) -> BulkRetry {
        BulkRetry {
            number: 7,
            job: JobId::from(text),
            by: Actor::person(text, Via::Console),
            at: sample::at(1),
            what: text.to_owned(),
            total: 1_042,
            causes: Vec::new(),
            per_minute: 180,
            stage: BulkStage::Ended { stopped: Some(format!("the first letter failed again: {text}")) },
            recovered: 0,
            failed: 1,
            needless: 0,
            failed_in_a_row: 1,
            passed_at: None,
            ended_at: Some(sample::at(2)),
            failed_as: Vec::new(),
        }
    }

    async fn printed(args: Args, text: &str, n: u64) -> String {
        let ask = async |request| {
            let (before, limit) = match request {
                Request::Runs { before, limit, .. } => (before, limit),
                Request::Bulks { .. } => return Ok(Answer::Bulks((n > 0).then(|| retry(text)).into_iter().collect())),
                other => panic!("another question: {other:?}"),
            };
            let newest = before.map_or(n, |before| before.0 - 1);
            let ends = [
                None,
                Some(RunEnd::Failed { reason: text.to_owned(), hint: Some(text.to_owned()), parked: true }),
                Some(RunEnd::Stopped { by: Actor::person(text, Via::Console) }),
                Some(RunEnd::Done),
            ];
            let run = |number: u64| Run {
                id: RunId(number),
                job: JobId::from(text),
                kind: RunKind::Sync,
                by: Actor::person(text, Via::Command),
                started_at: sample::at(0),
                ended_at: (number != n).then_some(sample::at(2)),
                end: ends[usize::try_from((n - number) % 4).expect("small")].clone(),
                counts: sample::counts(),
                pages: 3,
                checkpoint: Some(Sequence(42)),
            };
            Ok(Answer::Runs((1..=newest).rev().take(limit).map(run).collect()))
        };
        let (mut out, stdout, stderr) = captured();
        let result = carry_out(&args, &Meant::All, &ask, &mut out).await;
        assert_eq!(out.finish(result), Exit::Done, "{}", stderr.text());
        stdout.text()
    }

    fn args(limit: usize, json: bool) -> Args {
        Args { job: None, instance: None, filter: None, limit, json }
    }

    #[tokio::test]
    async fn runs_are_listed_with_how_they_ended() {
        insta::assert_snapshot!(printed(args(5, false), "customers", 4).await);
        let two = printed(args(2, false), "customers", 4).await;
        assert_eq!(two.lines().count(), 3, "the newest run and the retry: {two}");
        assert_eq!(printed(args(4, false), "customers", 0).await, "no runs yet\n");
    }

    #[tokio::test]
    async fn the_document_of_runs_stays_as_it_is() {
        let text = printed(args(3, true), "customers@globex", 2).await;
        insta::assert_json_snapshot!(serde_json::from_str::<Value>(&text).expect("one JSON document"));
    }

    #[tokio::test]
    async fn nothing_foreign_reaches_the_terminal_as_it_is() {
        for json in [false, true] {
            sample::assert_harmless(&printed(args(4, json), sample::HOSTILE, 4).await);
        }
    }
}
