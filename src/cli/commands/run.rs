//! `syncdeck run`: jobs without the screen.
//!
//! `--json` prints a line a second for each running job and a last line for each that ended:
//! `{"event":"progress"|"finished","job","instance","state","scanned","created","updated","deleted","skipped","held","errored",
//! "retried","seconds","checkpoint"}`. A progress line counts the run in progress; its `state` is the job's (`running`, `waiting`, …).
//! A finished line counts all that was run, and its `state` is `done`, `failed`, `stopped`, `handed_over`, `parked`
//! or `paused` (it did not run).

use crate::cli::commands::{runs, status};
use crate::cli::json;
use crate::cli::output::JobProgress;
use crate::cli::questions::order;
use crate::cli::text::{Align, Style, Table, figure, plain};
use crate::cli::which::which;
use crate::cli::{Exit, Line, Output, Report};
use crate::control::{Handle, Request};
use crate::model::{Checkpoint, Counts, JobFinish, JobId, JobStatus, RunEnd, Snapshot, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

pub const EXAMPLE: &str = "Example:\n  syncdeck run --once\n  syncdeck run customers_to_crm --once --json\n  syncdeck run customers_to_crm --once --since 2026-01-01T00:00:00Z --until 2026-02-01T00:00:00Z";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Jobs to run; all that are enabled where none is named
    #[arg(value_name = "JOB")]
    pub jobs: Vec<String>,
    /// Only the jobs of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Until each has nothing left, then exit; else until interrupted
    #[arg(long)]
    pub once: bool,
    /// Read once what changed since this time (RFC 3339); the checkpoint stays where it is
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "full")]
    pub since: Option<Timestamp>,
    /// And before this time
    #[arg(long, value_name = "TIME", value_parser = time, requires = "since")]
    pub until: Option<Timestamp>,
    /// Read the source from its start; unchanged records cost no write
    #[arg(long)]
    pub full: bool,
    /// Go on although the key or the destination of the jobs named changed
    #[arg(long, requires = "jobs", conflicts_with = "since")]
    pub accept: bool,
    /// A job's run ends after the page that reaches this many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_records: Option<u64>,
    /// A JSON line a second for each job, and a last one
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// The jobs that are meant: those named, each of which must be in `known`, else all of `known`.
    pub fn chosen(&self, known: &[JobId]) -> Result<Vec<JobId>, Report> {
        Ok(which(&self.jobs, self.instance.as_deref(), known)?.into_iter().cloned().collect())
    }

    fn means(&self, job: &JobId) -> bool {
        let is_named = self.jobs.is_empty() || self.jobs.iter().any(|name| job.is_meant_by(name));
        is_named && self.instance.as_deref().is_none_or(|instance| job.instance() == Some(instance))
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let read = text.parse::<jiff::Timestamp>().map(Timestamp::from);
    read.map_err(|_| "needs a time with its offset, such as 2026-01-01T00:00:00Z".to_owned())
}

/// Accepts the changed keys and destinations of the jobs named.
pub async fn accept(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let jobs = args.chosen(&handle.jobs())?;
    let done = order(&async |request| handle.ask(request).await, Request::Accept { jobs }).await?;
    out.note(done.text);
    Ok(Exit::Done)
}

/// Orders the range of an engine that runs already.
pub async fn order_range(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let since = args.since.ok_or_else(|| Report::usage("a range needs `--since`"))?;
    for job in args.chosen(&handle.jobs())? {
        let request = Request::Range { job, since, until: args.until };
        let done = order(&async |request| handle.ask(request).await, request).await?;
        out.line(done.text)?;
    }
    Ok(Exit::Done)
}

/// Tells how jobs run until the last sender of `finished` is gone.
///
/// Whoever runs the jobs sends each job's end, once or once a run, and drops its sender when all have ended. `stop` is the
/// wish to end early (a signal): it is told to the person and makes the exit status 130, while the engine, which hears the same
/// signal, finishes its pages.
pub async fn run(
    args: &Args,
    handle: &Handle,
    finished: mpsc::Receiver<JobFinish>,
    stop: impl Future<Output = ()>,
    out: &mut Output,
) -> Result<Exit, Report> {
    tell(args, &handle.watch(), finished, stop, out).await
}

const JSON_EVERY: Duration = Duration::from_secs(1);
const BARS_EVERY: Duration = Duration::from_millis(100);
/// Lines that stay in a log are fewer than those that a program reads.
const LINES_EVERY: Duration = Duration::from_secs(10);

async fn tell(
    args: &Args,
    snapshots: &watch::Receiver<Arc<Snapshot>>,
    mut finished: mpsc::Receiver<JobFinish>,
    stop: impl Future<Output = ()>,
    out: &mut Output,
) -> Result<Exit, Report> {
    let every = match (args.json, out.has_bars()) {
        (true, _) => JSON_EVERY,
        (false, true) => BARS_EVERY,
        (false, false) => LINES_EVERY,
    };
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stop = std::pin::pin!(stop);
    let mut is_stopping = false;
    let mut ends: Vec<JobFinish> = Vec::new();
    loop {
        tokio::select! {
            // The wish to stop is heard first, for the ends that it brings about come right after it.
            biased;
            () = &mut stop, if !is_stopping => {
                is_stopping = true;
                out.note("stopping after the pages in flight; a second signal leaves at once");
            }
            finish = finished.recv() => match finish {
                Some(finish) => {
                    tell_finish(args, &finish, out)?;
                    remember(&mut ends, finish);
                }
                None => break,
            },
            _ = ticks.tick() => {
                let snapshot = snapshots.borrow().clone();
                tell_progress(args, &snapshot, out)?;
            }
        }
    }
    out.end_progress();
    // A service that was stopped has no ends to show, for its jobs were to go on.
    if !args.json && (!is_stopping || !ends.is_empty()) {
        tell_table(&ends, out)?;
    }
    tell_hints(&ends, out);
    if is_stopping {
        out.note("stopped; every job goes on from its checkpoint at the next start");
    }
    Ok(exit(&ends, is_stopping))
}

fn tell_progress(args: &Args, snapshot: &Snapshot, out: &mut Output) -> Result<(), Report> {
    let moving = snapshot.jobs.iter().filter(|job| job.run.is_some() && args.means(&job.id));
    if args.json {
        for job in moving {
            out.json(&progress_line(snapshot.at, job))?;
        }
        return out.flush();
    }
    let bars: Vec<JobProgress> = moving.map(progress).collect();
    if out.has_bars() {
        out.progress(&bars);
    } else {
        bars.into_iter().for_each(|bar| out.note(bar.text));
    }
    Ok(())
}

fn tell_finish(args: &Args, finish: &JobFinish, out: &mut Output) -> Result<(), Report> {
    if args.json {
        out.json(&finished_line(finish))?;
        return out.flush();
    }
    let counts = status::balance(&finish.counts);
    out.note(format!("{}: {} in {:.1} s, {counts}", finish.job, word(finish), finish.seconds));
    Ok(())
}

/// Adds a run's end to what is known of its job: the last end stands, counts and seconds add up.
fn remember(ends: &mut Vec<JobFinish>, finish: JobFinish) {
    let Some(known) = ends.iter_mut().find(|known| known.job == finish.job) else {
        ends.push(finish);
        return;
    };
    let mut counts = known.counts;
    counts += finish.counts;
    *known = JobFinish { counts, seconds: known.seconds + finish.seconds, ..finish };
}

fn tell_table(ends: &[JobFinish], out: &mut Output) -> Result<(), Report> {
    use Align::{Left, Right};
    if ends.is_empty() {
        return out.line("no job ran");
    }
    let mut table = Table::new(&[
        ("JOB", Left),
        ("STATE", Left),
        ("SCANNED", Right),
        ("CREATED", Right),
        ("UPDATED", Right),
        ("DELETED", Right),
        ("SKIPPED", Right),
        ("HELD", Right),
        ("ERRORED", Right),
        ("RETRIED", Right),
        ("SECONDS", Right),
        ("DEAD", Right),
    ]);
    for end in ends {
        let counts = &end.counts;
        let mut row = vec![plain(end.job.as_str()), (word(end).to_owned(), runs::end_style(&end.end))];
        let figures = [
            counts.scanned,
            counts.created,
            counts.updated,
            counts.deleted,
            counts.skipped,
            counts.held,
            counts.errored,
            counts.retried,
        ];
        row.extend(figures.map(|number| plain(figure(number))));
        row.push(plain(format!("{:.1}", end.seconds)));
        row.push(plain(figure(end.dead_waiting)));
        table.row(row);
    }
    out.table(&table)?;
    out.flush()
}

fn tell_hints(ends: &[JobFinish], out: &mut Output) {
    for end in ends {
        let (RunEnd::Failed { reason, hint, .. } | RunEnd::Guarded { reason, hint }) = &end.end else {
            continue;
        };
        out.note(Line::new().with("error: ", Style::Bad).then(format!("run of `{}` stopped: {reason}", end.job)));
        if let Some(hint) = hint {
            out.note(Line::new().with("hint: ", Style::Hint).then(hint));
        }
    }
    let errored: u64 = ends.iter().map(|end| end.counts.errored).sum();
    if errored != 0 {
        let records =
            if errored == 1 { "1 record was".to_owned() } else { format!("{} records were", figure(errored)) };
        let text = format!("{records} dead-lettered; run `syncdeck dead groups` to see why");
        out.note(Line::new().with("hint: ", Style::Hint).then(text));
    }
}

/// The exit status of all that ran: an interruption before a failure before dead letters.
fn exit(ends: &[JobFinish], is_stopping: bool) -> Exit {
    let is_stopped = |end: &JobFinish| matches!(end.end, RunEnd::Stopped { .. } | RunEnd::Interrupted);
    let is_failed = |end: &JobFinish| matches!(end.end, RunEnd::Failed { .. });
    let waits_for_a_person =
        |end: &JobFinish| end.counts.errored != 0 || end.counts.held != 0 || matches!(end.end, RunEnd::Guarded { .. });
    if is_stopping || ends.iter().any(is_stopped) {
        Exit::Interrupted
    } else if ends.iter().any(is_failed) {
        Exit::Failed
    } else if ends.iter().any(waits_for_a_person) {
        Exit::DeadLettered
    } else {
        Exit::Done
    }
}

fn word(finish: &JobFinish) -> &'static str {
    match &finish.end {
        RunEnd::Interrupted => "stopped",
        _ if finish.is_paused => "paused",
        end => runs::end_word(end),
    }
}

fn progress(job: &JobStatus) -> JobProgress {
    let counts = job.run.as_ref().map(|run| run.counts).unwrap_or_default();
    let eta = job.progress.eta_seconds.map_or_else(String::new, |seconds| format!(", {} left", status::span(seconds)));
    let wait = job.limited_by.as_ref().map_or_else(String::new, |why| format!(", {why}"));
    let text = format!(
        "{}: {}, {} scanned, {} errored, {:.0}/s{eta}{wait}",
        job.id,
        job.state.word(),
        figure(counts.scanned),
        figure(counts.errored),
        job.rate
    );
    JobProgress { job: job.id.clone(), done: job.progress.done, total: job.progress.total, text }
}

/// One line of `run --json`. The order of the fields is the order in which they are printed.
#[derive(Serialize)]
struct RunLine<'a> {
    event: &'static str,
    job: Cow<'a, str>,
    instance: Option<&'a str>,
    state: String,
    scanned: u64,
    created: u64,
    updated: u64,
    deleted: u64,
    skipped: u64,
    held: u64,
    errored: u64,
    retried: u64,
    seconds: f64,
    checkpoint: Value,
}

fn progress_line(at: Timestamp, job: &JobStatus) -> RunLine<'_> {
    let run = job.run.as_ref();
    let counts = run.map(|run| run.counts).unwrap_or_default();
    let seconds = run.map_or(0.0, |run| at.since(run.started_at).as_secs_f64());
    let state = status::state_word(&job.state);
    run_line("progress", &job.id, state, &counts, seconds, job.checkpoint.as_ref())
}

fn finished_line(finish: &JobFinish) -> RunLine<'_> {
    let state = word(finish).to_owned();
    run_line("finished", &finish.job, state, &finish.counts, finish.seconds, finish.checkpoint.as_ref())
}

fn run_line<'a>(
    event: &'static str,
    job: &'a JobId,
    state: String,
    counts: &Counts,
    seconds: f64,
    checkpoint: Option<&Checkpoint>,
) -> RunLine<'a> {
    let (job, instance) = json::job_and_instance(job);
    RunLine {
        event,
        job,
        instance,
        state,
        scanned: counts.scanned,
        created: counts.created,
        updated: counts.updated,
        deleted: counts.deleted,
        skipped: counts.skipped,
        held: counts.held,
        errored: counts.errored,
        retried: counts.retried,
        seconds: (seconds * 1_000.0).round() / 1_000.0,
        checkpoint: json::checkpoint(checkpoint),
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
