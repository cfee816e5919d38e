//! `checkpoint rewind`: a job is put back to where it stood. First what that does is counted and told, then asked, then done.
//!
//! `--json` prints one document: `{"job","now":{checkpoint}|null,"to":{checkpoint}|null,"next","since":{"scanned","written",
//! "errored"},"counted":{as of `plan`},"done":"…"|null}`.

use super::confirm::{self, Agreed};
use crate::cli::commands::plan::{count_document, progress, total_lines};
use crate::cli::counting::{Counted, Wanted, count};
use crate::cli::json;
use crate::cli::questions::{Ask, order};
use crate::cli::text::{Style, figure};
use crate::cli::{Exit, Line, Output, Report};
use crate::control::{Answer, Request};
use crate::model::{Checkpoint, JobId, PlanFrom, ResumeRules, RewindPreview, RewindTo, Sequence, Timestamp};
use serde_json::json;

pub const EXAMPLE: &str = "Example:\n  syncdeck checkpoint rewind customers_to_crm --time 14:00 --dry-run\n  syncdeck checkpoint rewind customers_to_crm --to 1857 --reason wrong-map --yes";

#[derive(clap::Args, Clone, Debug, PartialEq)]
#[command(group(clap::ArgGroup::new("where").required(true)))]
pub struct Args {
    /// The job's name, as `syncdeck status` shows it, or what several instances share with `--instance`
    pub job: String,
    /// The job of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// To the checkpoint of this number (`checkpoint history`)
    #[arg(long, value_name = "SEQ", group = "where", value_parser = sequence)]
    pub to: Option<Sequence>,
    /// To the newest checkpoint at or before this time: 14:00, 2h, 2026-03-02T14:00:00Z
    #[arg(long, value_name = "TIME", group = "where")]
    pub time: Option<String>,
    /// Before this record was last written, so that it is read again
    #[arg(long, value_name = "ID", group = "where")]
    pub record: Option<String>,
    /// To the very start: everything is read again
    #[arg(long, group = "where")]
    pub start: bool,
    /// Why, for those who come next; it stands in the journal
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub reason: Option<String>,
    /// Only count and tell what it would do
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking for the job's name
    #[arg(long)]
    pub yes: bool,
    /// Counts no further than this many records
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_records: u64,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

fn sequence(text: &str) -> Result<Sequence, String> {
    match RewindTo::parse(text, Timestamp::ZERO) {
        Ok(RewindTo::Sequence(sequence)) => Ok(sequence),
        _ => Err("needs a checkpoint's number, such as 1857".to_owned()),
    }
}

impl Args {
    fn target(&self, now: Timestamp) -> Result<RewindTo, Report> {
        Ok(match (&self.to, &self.time, &self.record) {
            (Some(to), ..) => RewindTo::Sequence(*to),
            (_, Some(time), _) => RewindTo::Time(crate::cli::commands::journal::moment(time, now)?),
            (_, _, Some(record)) => RewindTo::Record(record.as_str().into()),
            (None, None, None) => RewindTo::Start,
        })
    }
}

pub async fn carry_out(
    args: &Args,
    rules: &ResumeRules,
    now: Timestamp,
    ask: &impl Ask,
    out: &mut Output,
) -> Result<Exit, Report> {
    let job = JobId::from(args.job.as_str());
    let to = args.target(now)?;
    let preview = match ask(Request::RewindPreview { job: job.clone(), to: to.clone() }).await? {
        Answer::RewindPreview(preview) => *preview,
        _ => return Err(Report::new("the engine answered another question, not the preview")),
    };
    if !args.json {
        preview_lines(&preview, rules).into_iter().try_for_each(|line| out.line(line))?;
    }
    let wanted = Wanted {
        job: job.clone(),
        from: PlanFrom::Rewind(to.clone()),
        order: None,
        max_records: args.max_records,
        max_rows: 0,
    };
    let counted = count(ask, wanted, |counted| out.progress(&[progress(&job, counted)])).await?;
    out.end_progress();
    if !args.json {
        counted_lines(&counted).into_iter().try_for_each(|line| out.line(line))?;
    }
    let done = if args.dry_run {
        None
    } else {
        let question = format!("rewind {job}");
        confirm::typed(&job, &question, args.yes, out)?;
        // What was counted is what is done, or it is not done.
        let to = preview.to.as_ref().map_or(RewindTo::Start, |to| RewindTo::Sequence(to.sequence));
        let expected = Some(preview.now.as_ref().map_or(Sequence(0), |now| now.sequence));
        let reason = args.reason.clone().unwrap_or_default();
        Some(order(ask, Request::Rewind { job: job.clone(), to, reason, expected }).await?.text)
    };
    if args.json {
        out.json(&document(&preview, &counted, rules, done.as_deref()))?;
        return Ok(Exit::Done);
    }
    match done {
        None => out.line("nothing was changed: a dry run")?,
        Some(text) => {
            out.line(text)?;
            start_again(&job, args.yes, ask, out).await?;
        }
    }
    Ok(Exit::Done)
}

/// The job stays paused until a person lets it go on: here, or by the command that is named.
pub async fn start_again(job: &JobId, is_script: bool, ask: &impl Ask, out: &mut Output) -> Result<(), Report> {
    let question = format!("start {job} again now?");
    if !is_script && confirm::agreed(&question, out)? == Agreed::Yes {
        return out.line(order(ask, Request::Resume { jobs: vec![job.clone()] }).await?.text);
    }
    out.note(Line::new().with("hint: ", Style::Hint).then(format!("it goes on by `syncdeck resume {job}`")));
    Ok(())
}

fn fact(name: &str, text: String) -> Line {
    Line::new().with(format!("  {name:<11}"), Style::Dim).then(text)
}

fn place(checkpoint: Option<&Checkpoint>, otherwise: &str) -> String {
    checkpoint
        .map_or(otherwise.to_owned(), |one| format!("#{}  saved {} by run {}", one.sequence, one.saved_at, one.run))
}

fn preview_lines(preview: &RewindPreview, rules: &ResumeRules) -> Vec<Line> {
    let mut lines = vec![
        Line::new().with(format!("rewind of {}", preview.job), Style::Bold),
        fact("now", place(preview.now.as_ref(), "no checkpoint")),
        fact("to", place(preview.to.as_ref(), "the start")),
        fact("then", preview.position.resume_words(rules)),
        fact(
            "since then",
            format!(
                "{} scanned, {} written, {} errored",
                figure(preview.scanned_since),
                figure(preview.written_since),
                figure(preview.errored_since)
            ),
        ),
    ];
    lines.extend(preview.safe.iter().map(|text| fact("safe", text.clone())));
    lines.extend(preview.beware.iter().map(|text| fact("beware", text.clone())));
    if !preview.is_paused {
        lines.push(fact("first", "the job is paused when its pages in progress are saved".to_owned()));
    }
    lines
}

fn counted_lines(counted: &Counted) -> Vec<Line> {
    let mut lines = vec![Line::new().with("counted at the source, through a dry run", Style::Bold)];
    if counted.pages == 0 && counted.problem.is_some() {
        lines.push(fact("unknown", counted.problem.clone().unwrap_or_default()));
        return lines;
    }
    lines.extend(counted.notes.iter().map(|note| fact("note", note.clone())));
    lines.extend(total_lines(counted));
    lines
}

fn document(preview: &RewindPreview, counted: &Counted, rules: &ResumeRules, done: Option<&str>) -> serde_json::Value {
    json!({
        "job": preview.job,
        "now": json::checkpoint(preview.now.as_ref()),
        "to": json::checkpoint(preview.to.as_ref()),
        "next": preview.position.resume_words(rules),
        "since": {
            "scanned": preview.scanned_since,
            "written": preview.written_since,
            "errored": preview.errored_since,
        },
        "counted": count_document(counted),
        "done": done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::{Captured, captured};
    use crate::control::{Done, Refusal};
    use crate::model::{Counts, PlanPart, PlanTotals, SkipCounts};
    use parking_lot::Mutex;

    fn args() -> Args {
        Args {
            job: "customers".to_owned(),
            instance: None,
            to: Some(Sequence(12)),
            time: None,
            record: None,
            start: false,
            reason: Some("wrong map".to_owned()),
            dry_run: false,
            yes: false,
            max_records: 100,
            json: false,
        }
    }

    fn answer(request: &Request) -> Result<Answer, Refusal> {
        let done = |text: &str| Ok(Answer::Done(Done { text: text.to_owned(), changed: 1, undo: None }));
        match request {
            Request::RewindPreview { job, .. } => Ok(Answer::RewindPreview(Box::new(RewindPreview {
                job: job.clone(),
                now: Some(sample::checkpoint("c9")),
                to: Some(Checkpoint { sequence: Sequence(12), ..sample::checkpoint("c3") }),
                position: sample::checkpoint("c3").position,
                scanned_since: 1_800,
                written_since: 69,
                errored_since: 2,
                is_paused: false,
                safe: vec!["what is unchanged costs no write".to_owned()],
                beware: vec!["the cursor may have expired".to_owned()],
            }))),
            Request::Plan { .. } => {
                let reasons = SkipCounts { unchanged: 8, ..SkipCounts::default() };
                let counts = Counts { scanned: 10, updated: 2, skipped: 8, reasons, ..Counts::default() };
                let totals = PlanTotals { counts, ..PlanTotals::default() };
                Ok(Answer::Plan(Box::new(PlanPart { totals, pages: 1, ..PlanPart::default() })))
            }
            Request::Rewind { .. } => done("rewound customers"),
            Request::Resume { .. } => done("resumed customers"),
            other => panic!("another question: {other:?}"),
        }
    }

    /// What was printed, and the orders that were given.
    async fn printed(args: Args, typed: Option<&[&str]>) -> (Exit, Captured, Captured, Vec<Request>) {
        let orders = Mutex::new(Vec::new());
        let ask = async |request: Request| {
            if request.changes() {
                orders.lock().push(request.clone());
            }
            answer(&request)
        };
        let (mut out, stdout, stderr) = captured();
        if let Some(typed) = typed {
            out.hear(typed);
        }
        let result = carry_out(&args, &sample::resume_rules(), Timestamp::ZERO, &ask, &mut out).await;
        let exit = out.finish(result);
        (exit, stdout, stderr, orders.into_inner())
    }

    fn order() -> Request {
        let (job, to) = (JobId::from("customers"), RewindTo::Sequence(Sequence(12)));
        Request::Rewind { job, to, reason: "wrong map".to_owned(), expected: Some(Sequence(42)) }
    }

    #[tokio::test]
    async fn a_dry_run_tells_everything_and_orders_nothing() {
        let (exit, stdout, _, orders) = printed(Args { dry_run: true, reason: None, ..args() }, None).await;
        assert_eq!((exit, orders), (Exit::Done, vec![]));
        insta::assert_snapshot!(stdout.text());
    }

    #[tokio::test]
    async fn without_a_terminal_it_is_not_done_unless_told_so() {
        let (exit, _, stderr, orders) = printed(args(), None).await;
        assert_eq!((exit, orders), (Exit::Usage, vec![]));
        assert!(stderr.text().contains("`--yes`"), "{}", stderr.text());
        let (exit, stdout, stderr, orders) = printed(Args { yes: true, ..args() }, None).await;
        assert_eq!((exit, orders), (Exit::Done, vec![order()]));
        assert!(stdout.text().ends_with("rewound customers\n"), "{}", stdout.text());
        assert!(stderr.text().ends_with("hint: it goes on by `syncdeck resume customers`\n"), "{}", stderr.text());
    }

    #[tokio::test]
    async fn on_a_terminal_the_jobs_name_is_typed_and_its_start_is_asked_about() {
        let (exit, _, stderr, orders) = printed(args(), Some(&["customer", ""])).await;
        assert_eq!((exit, orders), (Exit::Failed, vec![]));
        assert!(stderr.text().contains("nothing was changed"), "{}", stderr.text());
        let (exit, _, _, orders) = printed(args(), Some(&["customers", "n"])).await;
        assert_eq!((exit, orders), (Exit::Done, vec![order()]));
        let (_, stdout, _, orders) = printed(args(), Some(&["customers", "y"])).await;
        assert_eq!(orders, [order(), Request::Resume { jobs: vec![JobId::from("customers")] }]);
        assert!(stdout.text().ends_with("rewound customers\nresumed customers\n"), "{}", stdout.text());
    }

    #[tokio::test]
    async fn the_document_of_a_rewind_stays_as_it_is() {
        let (_, stdout, _, _) = printed(Args { yes: true, json: true, ..args() }, None).await;
        let document: serde_json::Value = serde_json::from_str(&stdout.text()).expect("one JSON document");
        insta::assert_json_snapshot!(document);
    }
}
