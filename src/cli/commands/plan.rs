//! `syncdeck plan`: a dry run. What a job would do with what its source holds; nothing is written anywhere.
//!
//! `--json` prints one document: `{"job","from","complete","pages","source_total","counts":{…},"rejected","still_dead",
//! "dead_again","problem","notes":["…"],"records":[{"record","what","version_before","version","field_by_field","fields":
//! [{"field","from","to"}],"why"}]}`. `records` holds those that something would be done about, at most `--limit`.

use crate::cli::counting::{Counted, Wanted, count, skip_words};
use crate::cli::json;
use crate::cli::output::JobProgress;
use crate::cli::questions::Ask;
use crate::cli::text::{Style, figure};
use crate::cli::{Exit, Line, Output, Report};
use crate::control::Handle;
use crate::model::{JobId, PlanFrom, PlanOrder, PlanRow, PlanWhat};
use serde_json::{Value, json};

pub const EXAMPLE: &str =
    "Example:\n  syncdeck plan customers_to_crm\n  syncdeck plan customers_to_crm --config new.toml --json";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// The job's name, as `syncdeck status` shows it, or what several instances share with `--instance`
    pub job: String,
    /// The job of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Reads no further than the page that reaches this many records
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_records: u64,
    /// The most records to list; all are counted
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::limit)]
    pub limit: usize,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// `order_of` tells what the configuration that was read here says of a job; where the engine has another one, it plans
/// with this.
pub async fn run(
    args: &Args,
    order_of: impl FnOnce(&JobId) -> Option<PlanOrder>,
    handle: &Handle,
    out: &mut Output,
) -> Result<Exit, Report> {
    let job = super::only_job(&args.job, args.instance.as_deref(), handle).await?;
    let known = handle.jobs();
    if !known.contains(&job) {
        return Err(Report::no_such_job(&args.job, known.iter().map(JobId::as_str)));
    }
    let order = order_of(&job);
    let args = Args { job: job.as_str().to_owned(), ..args.clone() };
    carry_out(&args, order, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, order: Option<PlanOrder>, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let job = JobId::from(args.job.as_str());
    let wanted =
        Wanted { job: job.clone(), from: PlanFrom::Next, order, max_records: args.max_records, max_rows: args.limit };
    let counted = count(ask, wanted, |counted| out.progress(&[progress(&job, counted)])).await?;
    out.end_progress();
    if args.json {
        out.json(&document(&args.job, &counted))?;
    } else {
        lines(&counted).into_iter().try_for_each(|line| out.line(line))?;
    }
    match &counted.problem {
        Some(problem) => Err(Report::new(format!("the dry run of `{job}` ended early: {problem}"))),
        None => Ok(Exit::Done),
    }
}

/// A bar for what is counted so far.
pub fn progress(job: &JobId, counted: &Counted) -> JobProgress {
    let done = counted.totals.counts.scanned;
    let text = format!("{job}: {} counted so far", figure(done));
    JobProgress { job: job.clone(), done, total: counted.source_total, text }
}

fn lines(counted: &Counted) -> Vec<Line> {
    let mut lines = vec![Line::new().with("a dry run: nothing is written anywhere", Style::Bold)];
    lines.push(fact("reads", counted.begins.strip_prefix("reads ").unwrap_or(&counted.begins).to_owned()));
    lines.extend(counted.notes.iter().map(|note| fact("note", note.clone())));
    lines.extend(counted.rows.iter().flat_map(row_lines));
    let counts = &counted.totals.counts;
    let told = counts.written() + counts.errored;
    let untold = told.saturating_sub(counted.rows.len() as u64);
    if untold > 0 {
        lines.push(Line::new().with(format!("  … and {} more (`--limit`)", figure(untold)), Style::Dim));
    }
    lines.extend(total_lines(counted));
    lines
}

/// The totals, a line each.
pub fn total_lines(counted: &Counted) -> Vec<Line> {
    let totals = &counted.totals;
    let counts = &totals.counts;
    let with = |n: u64, words: String| if words.is_empty() { figure(n) } else { format!("{}  {words}", figure(n)) };
    let mut lines = vec![
        fact("scanned", format!("{}  {}", figure(counts.scanned), counted.reach())),
        fact("created", figure(counts.created)),
        fact("updated", figure(counts.updated)),
        fact("deleted", figure(counts.deleted)),
        fact("skipped", with(counts.skipped, skip_words(counts))),
        fact("held", figure(counts.held)),
    ];
    let errored = match (totals.rejected, totals.still_dead) {
        (0, 0) => String::new(),
        (rejected, still) => format!("{} rejected, {} stay dead letters", figure(rejected), figure(still)),
    };
    lines.push(fact("errored", with(counts.errored, errored)));
    if totals.dead_again > 0 {
        let text = format!("{}  of the writes are dead letters that are tried again", figure(totals.dead_again));
        lines.push(fact("dead", text));
    }
    lines
}

fn fact(name: &str, text: String) -> Line {
    Line::new().with(format!("  {name:<10}"), Style::Dim).then(text)
}

fn row_lines(row: &PlanRow) -> Vec<Line> {
    let style = match row.what {
        PlanWhat::Create => Style::Good,
        PlanWhat::Update => Style::Warn,
        PlanWhat::Delete | PlanWhat::SoftDelete | PlanWhat::Reject | PlanWhat::StillDead => Style::Bad,
        PlanWhat::Skip(_) => Style::Dim,
    };
    let mut head = Line::new().with(format!("{:<10}", row.what.word()), style).then(row.record.shown());
    let versions = match (&row.version_before, &row.version) {
        (Some(before), Some(now)) if before != now => format!("  {before} → {now}"),
        (_, Some(now)) => format!("  {now}"),
        _ => String::new(),
    };
    head = head.with(versions, Style::Dim);
    if let Some(why) = &row.why {
        head = head.then(format!("  {why}"));
    }
    let mut lines = vec![head];
    if !row.is_field_by_field {
        let text =
            "  what was last written is known by its fingerprint alone: it differs, but not known where. It would be:";
        lines.push(Line::new().with(text, Style::Dim));
    }
    let none = || "—".to_owned();
    lines.extend(row.fields.iter().map(|change| {
        let to = change.to.clone().unwrap_or_else(none);
        let line = Line::new().with(format!("  {:<20}", change.field), Style::Dim);
        match (&change.from, row.is_field_by_field && row.what != PlanWhat::Create) {
            (from, true) => line.then(format!("{} → {to}", from.clone().unwrap_or_else(none))),
            (_, false) => line.then(to),
        }
    }));
    lines
}

fn document(job: &str, counted: &Counted) -> Value {
    let record = |row: &PlanRow| {
        json!({
            "record": row.record.shown(),
            "what": row.what.word().replace(' ', "_"),
            "version_before": row.version_before,
            "version": row.version,
            "field_by_field": row.is_field_by_field,
            "fields": row.fields,
            "why": row.why,
        })
    };
    let mut document = count_document(counted);
    super::status::extend(
        &mut document,
        json!({
            "job": job,
            "from": counted.begins,
            "records": counted.rows.iter().map(record).collect::<Vec<_>>(),
        }),
    );
    document
}

/// The figures of a dry run.
pub fn count_document(counted: &Counted) -> Value {
    let totals = &counted.totals;
    json!({
        "complete": counted.is_complete,
        "pages": counted.pages,
        "source_total": counted.source_total,
        "counts": json::counts(&totals.counts),
        "rejected": totals.rejected,
        "still_dead": totals.still_dead,
        "dead_again": totals.dead_again,
        "problem": counted.problem,
        "notes": counted.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Request};
    use crate::model::{Counts, PlanPart, PlanTotals, PlannedField, Position, RecordId, SkipCounts};

    fn part(is_last: bool) -> PlanPart {
        let counts = Counts {
            scanned: 6,
            created: 1,
            updated: 1,
            skipped: 3,
            errored: 1,
            reasons: SkipCounts { unchanged: 2, filtered: 1, ..SkipCounts::default() },
            ..Counts::default()
        };
        let row = |record: &str, what, is_field_by_field, from: Option<&str>| PlanRow {
            record: RecordId::from(record),
            what,
            version_before: from.map(str::to_owned),
            version: Some("9".to_owned()),
            fields: vec![PlannedField {
                field: "email".to_owned(),
                from: from.map(str::to_owned),
                to: Some("\"b\"".to_owned()),
            }],
            is_field_by_field,
            why: None,
        };
        PlanPart {
            totals: PlanTotals { counts, rejected: 1, still_dead: 0, dead_again: 1 },
            pages: 1,
            rows: vec![
                row("c1", PlanWhat::Create, true, None),
                row("c2", PlanWhat::Update, true, Some("\"a\"")),
                row("c3", PlanWhat::Update, false, None),
            ],
            next: (!is_last).then(Box::default),
            source_total: Some(12),
            begins: "reads the listing of everything from its start".to_owned(),
            problem: None,
            notes: Vec::new(),
        }
    }

    async fn printed(json: bool) -> String {
        let args = Args { job: "customers".to_owned(), instance: None, max_records: 100, limit: 50, json };
        let ask = async |request| match request {
            Request::Plan { from: PlanFrom::Next, .. } => Ok(Answer::Plan(Box::new(part(false)))),
            Request::Plan { from: PlanFrom::At(at), .. } if *at == Position::default() => {
                Ok(Answer::Plan(Box::new(part(true))))
            }
            other => panic!("another question: {other:?}"),
        };
        let (mut out, stdout, stderr) = captured();
        let result = carry_out(&args, None, &ask, &mut out).await;
        assert_eq!(out.finish(result), Exit::Done, "{}", stderr.text());
        stdout.text()
    }

    #[tokio::test]
    async fn the_parts_of_a_dry_run_are_added_up() {
        insta::assert_snapshot!(printed(false).await);
    }

    #[tokio::test]
    async fn the_document_of_a_dry_run_stays_as_it_is() {
        let document: Value = serde_json::from_str(&printed(true).await).expect("one JSON document");
        insta::assert_json_snapshot!(document);
    }
}
