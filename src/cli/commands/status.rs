//! `syncdeck status`: how each job stands.
//!
//! `--json` prints one document:
//! `{"at","workspace","engine":{"running","pid","started_at","version","state_folder","log_folder","store_error"},"jobs":[…],"connections":[…],"findings":[…]}`.
//! A job is `{"job","instance","description","source","destination","schedule","state","why","since","until","phase",
//! "scanned",…,"errored","retried","skipped_because","rate","in_flight","dead_waiting","dead_retrying","lag_seconds","next_run","limited_by",
//! "progress":{"done","total","eta_seconds"},"webhook":{"path","listening","is_insecure","window_ms","inbox":{"waiting","bytes","oldest_at",
//! "received","duplicates","last_at",…},"refused","turned_away","silence_ms","silent_since","subscription"}|null,"run":{"id","kind","by","started_at",…counts,"pages"}|null,"checkpoint":{…}|null}`.
//! Times are RFC 3339; `rate` is records a second; the counts are those of all checkpointed pages since the job began.
//! `lag_seconds` is the age of the newest version that is in step (the watermark), `null` where versions are no times.

use crate::cli::json;
use crate::cli::text::{Align, Style, Table, figure, plain};
use crate::cli::which::which;
use crate::cli::{Exit, Line, Output, Report};
use crate::control::Handle;
use crate::model::{
    Circuit, ConnectionStatus, Counts, Finding, FindingTarget, JobId, JobState, JobStatus, Level, RunStatus, Says,
    Snapshot, Timestamp, Version,
};
use serde_json::{Value, json};
use std::collections::HashSet;

pub const EXAMPLE: &str = "Example:\n  syncdeck status\n  syncdeck status customers_to_crm\n  syncdeck status --instance globex\n  syncdeck status --json | jq '.jobs[] | select(.dead_waiting > 0) | .job'";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// One job, in detail; a name that several instances share means all of them
    pub job: Option<String>,
    /// The jobs of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let snapshot = handle.watch().borrow().clone();
    print(args, &snapshot, out)
}

fn print(args: &Args, snapshot: &Snapshot, out: &mut Output) -> Result<Exit, Report> {
    let jobs = chosen(args, snapshot)?;
    let is_whole = args.job.is_none() && args.instance.is_none();
    if args.json {
        out.json(&document(snapshot, &jobs))?;
        return Ok(Exit::Done);
    }
    out.line(head(snapshot))?;
    if let Some(error) = &snapshot.engine.store_error {
        out.line(Line::new().with("the state can not be written: ", Style::Bad).then(error))?;
    }
    match (args.job.is_some(), jobs.as_slice()) {
        (true, [job]) => details(snapshot, job).into_iter().try_for_each(|line| out.line(line))?,
        _ => out.table(&table(snapshot, &jobs))?,
    }
    for job in jobs.iter().filter(|job| (args.job.is_none() || jobs.len() > 1) && job.dead_retrying > 0) {
        out.line(format!("{}: {} dead letters waiting{}", job.id, figure(job.dead_waiting), retrying(snapshot, job)))?;
    }
    for retry in snapshot.retries.iter().filter(|retry| jobs.iter().any(|job| job.id == retry.job)) {
        out.line(retry.result())?;
    }
    let findings = findings(snapshot, &jobs, is_whole);
    for finding in findings {
        out.line(Line::new().with(format!("{}: ", level(finding.level)), style_of(finding.level)).then(&finding.text))?;
        out.line(Line::new().with("  hint: ", Style::Hint).then(&finding.hint))?;
    }
    Ok(Exit::Done)
}

fn chosen<'a>(args: &Args, snapshot: &'a Snapshot) -> Result<Vec<&'a JobStatus>, Report> {
    let known: Vec<JobId> = snapshot.jobs.iter().map(|job| job.id.clone()).collect();
    let meant: HashSet<&JobId> = which(args.job.as_slice(), args.instance.as_deref(), &known)?.into_iter().collect();
    Ok(snapshot.jobs.iter().filter(|job| meant.contains(&job.id)).collect())
}

fn head(snapshot: &Snapshot) -> Line {
    let engine = &snapshot.engine;
    let line = Line::new().with(engine.workspace.as_str(), Style::Bold);
    match engine.is_running {
        true => line.then(format!("  engine {} runs since {} (pid {})", engine.version, engine.started_at, engine.pid)),
        false => line.with("  no engine runs: this is what its state file holds", Style::Dim),
    }
}

fn table(snapshot: &Snapshot, jobs: &[&JobStatus]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("JOB", Left),
        ("STATE", Left),
        ("SCANNED", Right),
        ("UPDATED", Right),
        ("SKIPPED", Right),
        ("HELD", Right),
        ("ERRORED", Right),
        ("DEAD", Right),
        ("RATE", Right),
        ("LAG", Right),
        ("CHECKPOINT", Right),
        ("NEXT RUN", Left),
    ]);
    for job in jobs {
        let total = &job.total;
        let (word, style) = (job.state.word(), state_style(&job.state));
        let dead_style = if job.dead_waiting == 0 { Style::Plain } else { Style::Bad };
        let checkpoint = job.checkpoint.as_ref().map_or_else(dash, |checkpoint| format!("#{}", checkpoint.sequence));
        table.row(vec![
            plain(job.id.as_str()),
            (word.to_owned(), style),
            plain(figure(total.scanned)),
            plain(figure(total.written())),
            plain(figure(total.skipped)),
            plain(figure(total.held)),
            plain(figure(total.errored)),
            (figure(job.dead_waiting), dead_style),
            plain(rate(job)),
            plain(lag(snapshot.at, job).map_or_else(dash, span)),
            plain(checkpoint),
            plain(job.due.map_or_else(dash, |due| due.to_string())),
        ]);
    }
    table
}

/// What becomes of the letters that were ordered to be retried.
fn retrying(snapshot: &Snapshot, job: &JobStatus) -> String {
    match (job.dead_retrying, snapshot.engine.is_running) {
        (0, _) => String::new(),
        (n, true) => format!(", {} of them being retried", figure(n)),
        (n, false) => format!(", {} of them to be retried when the engine starts", figure(n)),
    }
}

fn details(snapshot: &Snapshot, job: &JobStatus) -> Vec<Line> {
    let fact = |name: &str, text: String| Line::new().with(format!("  {name:<13}"), Style::Dim).then(text);
    let mut lines =
        vec![Line::new().with(job.id.as_str(), Style::Bold).then(format!("  {} → {}", job.source, job.destination))];
    lines.extend(job.description.as_deref().map(|text| fact("about", text.to_owned())));
    let why = state_facts(&job.state);
    let because =
        [why.why, why.since.map(|since| format!("since {since}")), why.until.map(|until| format!("until {until}"))];
    let because: Vec<String> = because.into_iter().flatten().collect();
    let state = if because.is_empty() { String::new() } else { format!("  {}", because.join(", ")) };
    lines.push(
        Line::new()
            .with(format!("  {:<13}", "state"), Style::Dim)
            .with(job.state.word(), state_style(&job.state))
            .then(state),
    );
    lines.extend(why.hint.map(|hint| fact("hint", hint)));
    lines.push(fact("schedule", job.schedule.clone()));
    lines.extend(job.due.map(|due| fact("next run", due.to_string())));
    lines.push(fact("counts", balance(&job.total)));
    if let Some(run) = &job.run {
        lines.push(fact(
            "run",
            format!("#{} by {}, since {}, {} pages", run.id, run.by, run.started_at, figure(run.pages)),
        ));
        lines.push(fact("", balance(&run.counts)));
    }
    let progress = &job.progress;
    if let Some(total) = progress.total {
        let eta = progress.eta_seconds.map_or_else(String::new, |seconds| format!(", {} left", span(seconds)));
        lines.push(fact("listing", format!("{} of {}{eta}", figure(progress.done), figure(total))));
    }
    lines.push(fact("rate", format!("{:.0} records a second, {} in flight", job.rate, figure(job.in_flight))));
    lines.extend(
        lag(snapshot.at, job)
            .map(|seconds| fact("lag", format!("{} since the newest record in step changed", span(seconds)))),
    );
    lines.extend(job.limited_by.clone().map(|text| fact("limited by", text)));
    lines.push(fact("dead letters", format!("{} waiting{}", figure(job.dead_waiting), retrying(snapshot, job))));
    let says = Says { span: &|time| span(time.as_secs()), moment: &|at| at.to_string() };
    let webhook = job.webhook.iter().flat_map(|webhook| webhook.facts(snapshot.at, &says));
    lines.extend(webhook.map(|told| fact(told.name, told.text)));
    lines.push(match &job.checkpoint {
        Some(checkpoint) => fact(
            "checkpoint",
            format!(
                "#{} saved {}; next: {}",
                checkpoint.sequence,
                checkpoint.saved_at,
                checkpoint.resume_condition(&job.resume)
            ),
        ),
        None => fact("checkpoint", "none yet".to_owned()),
    });
    lines
}

/// The counts as a sum that a person can check.
pub(super) fn balance(counts: &Counts) -> String {
    format!(
        "{} scanned = {} created + {} updated + {} deleted + {} skipped + {} held + {} errored",
        figure(counts.scanned),
        figure(counts.created),
        figure(counts.updated),
        figure(counts.deleted),
        figure(counts.skipped),
        figure(counts.held),
        figure(counts.errored)
    )
}

fn findings<'a>(snapshot: &'a Snapshot, jobs: &[&JobStatus], all: bool) -> Vec<&'a Finding> {
    let concerns = |finding: &&Finding| match &finding.target {
        FindingTarget::Job(job) | FindingTarget::Group(job, _) => jobs.iter().any(|status| status.id == *job),
        FindingTarget::Connection(connection) => {
            jobs.iter().any(|status| status.source == *connection || status.destination == *connection)
        }
        FindingTarget::Engine => true,
    };
    snapshot.findings.iter().filter(|finding| all || concerns(finding)).collect()
}

fn document(snapshot: &Snapshot, jobs: &[&JobStatus]) -> Value {
    let engine = &snapshot.engine;
    json!({
        "at": snapshot.at,
        "workspace": engine.workspace,
        "engine": {
            "running": engine.is_running,
            "pid": engine.is_running.then_some(engine.pid),
            "started_at": engine.is_running.then_some(engine.started_at),
            "version": engine.version,
            "state_folder": engine.state_folder,
            "log_folder": engine.log_folder,
            "store_error": engine.store_error,
        },
        "jobs": jobs.iter().map(|job| job_document(snapshot.at, job)).collect::<Vec<_>>(),
        "connections": snapshot.connections.iter().map(connection_document).collect::<Vec<_>>(),
        "findings": snapshot.findings.iter().map(finding_document).collect::<Vec<_>>(),
    })
}

fn job_document(at: Timestamp, job: &JobStatus) -> Value {
    let (name, instance) = json::job_and_instance(&job.id);
    let facts = state_facts(&job.state);
    let mut document = json!({
        "job": name,
        "instance": instance,
        "description": job.description,
        "source": job.source,
        "destination": job.destination,
        "schedule": job.schedule,
        "state": state_word(&job.state),
        "why": facts.why,
        "since": facts.since,
        "until": facts.until,
        "phase": job.phase,
    });
    extend(&mut document, json::counts(&job.total));
    extend(
        &mut document,
        json!({
            "rate": (job.rate * 10.0).round() / 10.0,
            "in_flight": job.in_flight,
            "dead_waiting": job.dead_waiting,
            "dead_retrying": job.dead_retrying,
            "lag_seconds": lag(at, job),
            "next_run": job.due,
            "limited_by": job.limited_by,
            "progress": {
                "done": job.progress.done, "total": job.progress.total, "eta_seconds": job.progress.eta_seconds,
            },
            "webhook": job.webhook,
            "run": job.run.as_ref().map(run_document),
            "checkpoint": json::checkpoint(job.checkpoint.as_ref()),
        }),
    );
    document
}

fn run_document(run: &RunStatus) -> Value {
    let mut document =
        json!({ "id": run.id, "kind": run.kind, "by": run.by.to_string(), "started_at": run.started_at });
    extend(&mut document, json::counts(&run.counts));
    extend(&mut document, json!({ "pages": run.pages }));
    document
}

pub(super) fn connection_document(connection: &ConnectionStatus) -> Value {
    let (circuit, since, next, why) = match &connection.circuit {
        Circuit::Closed => ("closed", None, None, None),
        Circuit::Open { since, next, why } => ("open", Some(since), Some(next), Some(why)),
    };
    json!({
        "connection": connection.id,
        "circuit": circuit,
        "since": since,
        "next_try": next,
        "why": why,
        "in_flight": connection.in_flight,
        "ceiling": connection.ceiling,
        "queued": connection.queued,
        "budget": connection.budget,
        "latency_p50_ms": connection.latency_p50,
        "latency_p95_ms": connection.latency_p95,
        "answers": connection.answers,
        "throttled_until": connection.throttled_until,
        "held": connection.held.as_ref().map(super::connection::hold_document),
    })
}

fn finding_document(finding: &Finding) -> Value {
    let (job, connection, group) = match &finding.target {
        FindingTarget::Job(job) => (Some(job), None, None),
        FindingTarget::Connection(connection) => (None, Some(connection), None),
        FindingTarget::Group(job, group) => (Some(job), None, Some(group.to_string())),
        FindingTarget::Engine => (None, None, None),
    };
    json!({
        "kind": finding.kind, "level": finding.level, "text": finding.text, "hint": finding.hint,
        "job": job, "connection": connection, "group": group,
    })
}

/// Adds the members of `more` to `document`; both are objects.
pub(super) fn extend(document: &mut Value, more: Value) {
    if let (Value::Object(members), Value::Object(more)) = (document, more) {
        members.extend(more);
    }
}

/// The state as scripts read it: one word.
pub(super) fn state_word(state: &JobState) -> String {
    state.word().replace(' ', "_")
}

struct StateFacts {
    why: Option<String>,
    hint: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

fn state_facts(state: &JobState) -> StateFacts {
    let (why, hint, since, until) = match state {
        JobState::Idle | JobState::Running | JobState::Pausing | JobState::Disabled => (None, None, None, None),
        JobState::Waiting { what, since, until } => (Some(what.clone()), None, Some(*since), *until),
        JobState::Stalled { stage, since } => (Some(format!("no progress in {stage}")), None, Some(*since), None),
        JobState::Paused { by, since, reason } => {
            let why = reason.as_ref().map_or_else(|| format!("by {by}"), |reason| format!("by {by}: {reason}"));
            (Some(why), None, Some(*since), None)
        }
        JobState::NeedsAttention { why, hint, since } => (Some(why.clone()), hint.clone(), Some(*since), None),
    };
    StateFacts { why, hint, since, until }
}

fn state_style(state: &JobState) -> Style {
    match state {
        JobState::Idle | JobState::Disabled => Style::Plain,
        JobState::Running => Style::Good,
        JobState::Waiting { .. } | JobState::Pausing | JobState::Paused { .. } => Style::Warn,
        JobState::Stalled { .. } | JobState::NeedsAttention { .. } => Style::Bad,
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Debug | Level::Info => "note",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}

fn style_of(level: Level) -> Style {
    match level {
        Level::Debug | Level::Info => Style::Dim,
        Level::Warn => Style::Warn,
        Level::Error => Style::Bad,
    }
}

fn lag(at: Timestamp, job: &JobStatus) -> Option<u64> {
    let watermark = job.checkpoint.as_ref()?.position.watermark.as_ref()?;
    match &watermark.version {
        Version::Time { at: newest, .. } => Some(at.since(Timestamp::from(*newest)).as_secs()),
        Version::Integer(_) => None,
    }
}

fn rate(job: &JobStatus) -> String {
    if job.run.is_some() { format!("{:.0}/s", job.rate) } else { dash() }
}

/// A span of time in its two biggest units: `3h 12m`.
pub(super) fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

fn dash() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;

    fn printed(args: &Args, snapshot: &Snapshot) -> String {
        let (mut out, stdout, stderr) = captured();
        let result = print(args, snapshot, &mut out);
        assert_eq!(out.finish(result), Exit::Done, "{}", stderr.text());
        stdout.text()
    }

    #[test]
    fn the_table_has_a_row_a_job_and_what_needs_a_person() {
        insta::assert_snapshot!(printed(&Args::default(), &sample::snapshot("customers", "email in use")));
    }

    #[test]
    fn one_job_is_shown_with_all_its_facts() {
        let args = Args { job: Some("customers".to_owned()), json: false, ..Args::default() };
        insta::assert_snapshot!(printed(&args, &sample::snapshot("customers", "email in use")));
    }

    #[test]
    fn the_document_of_a_status_stays_as_it_is() {
        let text = printed(
            &Args { job: None, json: true, ..Args::default() },
            &sample::snapshot("customers@globex", "email in use"),
        );
        let document: Value = serde_json::from_str(&text).expect("one JSON document");
        insta::assert_json_snapshot!(document);
    }

    #[test]
    fn nothing_foreign_reaches_the_terminal_as_it_is() {
        let snapshot = sample::snapshot(sample::HOSTILE, sample::HOSTILE);
        for job in [None, Some(sample::HOSTILE.to_owned())] {
            for json in [false, true] {
                sample::assert_harmless(&printed(&Args { job: job.clone(), json, ..Args::default() }, &snapshot));
            }
        }
    }

    #[test]
    fn an_unknown_job_is_wrong_usage_with_the_nearest_name() {
        let (mut out, _, stderr) = captured();
        let args = Args { job: Some("custmers".to_owned()), json: false, ..Args::default() };
        let result = print(&args, &sample::snapshot("customers", "x"), &mut out);
        assert_eq!(out.finish(result), Exit::Usage);
        assert_eq!(stderr.text(), "error: no job is called `custmers`\nhint: did you mean `customers`?\n");
    }

    #[test]
    fn spans_have_their_two_biggest_units() {
        assert_eq!([9, 61, 3_720, 90_000].map(span), ["9s", "1m 1s", "1h 2m", "1d 1h"]);
    }
}
