//! When a job runs: one task a job, which starts its runs one after another and never two at once.

use super::Engine;
use super::job::JobCell;
use super::read::Bounds;
use super::run::{self, RunParts, Stop};
use super::tell::{Teller, span};
use crate::model::{
    Actor, Counts, JobFinish, Level, Parked, Phase, Position, RunEnd, RunId, RunKind, Schedule, Timestamp, Version,
};
use crate::store::{NewRun, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The longest sleep before the clock is looked at again, so that a clock that was set does not delay a run for long.
const NAP_MAX: Duration = Duration::from_secs(30);
/// Before a run that failed by itself is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// Before a run is tried again whose state could not be saved.
const AFTER_STORE_FAILURE: Duration = Duration::from_secs(10);

/// How an engine's jobs are started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Each job runs until it has nothing left, then its task ends.
    pub once: bool,
    /// Only these jobs; empty means all.
    pub only: Vec<crate::model::JobId>,
    /// The first run of each job reads its source from the start.
    pub full: bool,
    /// The first run of each job reads what changed since then.
    pub since: Option<Timestamp>,
    /// A job stops after the page that reaches so many records.
    pub max_records: Option<u64>,
    /// Who started it; named as the one who ordered its first runs.
    pub by: Option<Actor>,
}

/// What a job does next.
enum Next {
    Run { kind: RunKind, by: Actor },
    Sleep(Option<Duration>),
}

/// Attends to one job until the engine stops.
pub(super) struct Attendant {
    pub engine: Arc<Engine>,
    pub cell: Arc<JobCell>,
    pub start: Start,
    pub finished: mpsc::Sender<JobFinish>,
    first: bool,
}

impl Attendant {
    pub(super) fn new(
        engine: Arc<Engine>,
        cell: Arc<JobCell>,
        start: Start,
        finished: mpsc::Sender<JobFinish>,
    ) -> Self {
        Self { engine, cell, start, finished, first: true }
    }

    pub(super) async fn attend(mut self) {
        self.cell.live().is_attended = true;
        if self.start.once {
            self.run_once().await;
        } else {
            self.serve().await;
        }
        self.cell.live().is_attended = false;
    }

    async fn serve(&mut self) {
        loop {
            let cell = self.cell.clone();
            let woken = cell.wake.notified();
            if self.engine.stopping.is_cancelled() {
                return;
            }
            match self.next() {
                Next::Run { kind, by } => {
                    self.one_run(kind, by).await;
                }
                Next::Sleep(nap) => {
                    let stopping = self.engine.stopping.clone();
                    tokio::select! {
                        () = woken => {}
                        () = stopping.cancelled() => return,
                        () = nap_for(nap) => {}
                    }
                }
            }
        }
    }

    fn next(&self) -> Next {
        let now = self.engine.clock.now();
        let live = self.cell.live();
        if !self.cell.spec.enabled || live.control.paused.is_some() || live.control.parked.is_some() {
            return Next::Sleep(None);
        }
        if let Some(by) = live.retry.clone() {
            return Next::Run { kind: RunKind::Retry, by };
        }
        if let Some(by) = live.trigger.clone() {
            return Next::Run { kind: RunKind::Sync, by };
        }
        match live.control.due {
            Some(due) if due <= now => Next::Run { kind: RunKind::Sync, by: Actor::engine() },
            Some(due) => Next::Sleep(Some(due.since(now).min(NAP_MAX))),
            None => Next::Sleep(None),
        }
    }

    /// Runs until nothing is left, and tells how that ended.
    async fn run_once(&mut self) {
        let started = Instant::now();
        let mut counts = Counts::default();
        let by = self.start.by.clone().unwrap_or_else(Actor::engine);
        let end = loop {
            if let Some(end) = self.cannot_run() {
                break end;
            }
            let retry = self.cell.live().retry.clone();
            let kind = match (&retry, self.start.full && self.first) {
                (Some(_), _) => RunKind::Retry,
                (None, true) => RunKind::Full,
                (None, false) => RunKind::Sync,
            };
            let was_retry = retry.is_some();
            let (end, ran) = self.one_run(kind, by.clone()).await;
            counts += ran;
            match end {
                RunEnd::Done if was_retry => {}
                RunEnd::HandedOver if self.may_go_on(&counts) => {}
                end => break end,
            }
        };
        let (checkpoint, dead_waiting) = {
            let live = self.cell.live();
            (live.checkpoint.clone(), live.dead_waiting)
        };
        let seconds = started.elapsed().as_secs_f64();
        let finish = JobFinish { job: self.cell.spec.id.clone(), end, counts, seconds, checkpoint, dead_waiting };
        // Whoever asked may be gone; the state holds everything that matters.
        let _ = self.finished.send(finish).await;
    }

    fn may_go_on(&self, counts: &Counts) -> bool {
        !self.engine.stopping.is_cancelled() && self.start.max_records.is_none_or(|max| counts.scanned < max)
    }

    fn cannot_run(&self) -> Option<RunEnd> {
        let id = &self.cell.spec.id;
        let failed = |reason: String, hint: String| RunEnd::Failed { reason, hint: Some(hint), parked: true };
        if self.engine.stopping.is_cancelled() {
            return Some(RunEnd::Stopped { by: Actor::engine() });
        }
        let live = self.cell.live();
        if !self.cell.spec.enabled {
            let hint = format!("set `enabled = true` in `[jobs.{id}]`");
            return Some(failed(format!("`{id}` is disabled in the configuration"), hint));
        }
        if let Some(paused) = &live.control.paused {
            let why = paused.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let reason = format!("`{id}` is paused since {} by {}{why}", paused.since, paused.by);
            return Some(failed(reason, format!("syncdeck resume {id}")));
        }
        if let Some(parked) = &live.control.parked {
            let hint = parked.hint.clone().unwrap_or_else(|| format!("syncdeck resume {id}"));
            return Some(failed(parked.reason.clone(), hint));
        }
        None
    }

    /// One run, from its number to its end and what follows from it.
    async fn one_run(&mut self, kind: RunKind, by: Actor) -> (RunEnd, Counts) {
        let engine = self.engine.clone();
        let now = engine.clock.now();
        let new = NewRun { job: self.cell.spec.id.clone(), kind: kind.clone(), by: by.clone(), at: now };
        let (run, epoch) = match engine.store.begin_run(new).await {
            Ok(begun) => begun,
            Err(error) => return (self.could_not_begin(&error), Counts::default()),
        };
        let teller = Teller::new(engine.notices.clone(), self.cell.clone(), Some(run.id));
        let start = match self.start_position(&kind, &teller).await {
            Ok(start) => start,
            Err(error) => return (self.could_not_begin(&error), Counts::default()),
        };
        let stop = Stop::default();
        let stopped_by = self.cell.run_begins(&run, stop.clone());
        if engine.stopping.is_cancelled() {
            stop.between_pages.cancel();
        }
        teller.tell(Level::Info, "run.started", format!("run #{} started by {by}", run.id));
        let parts = RunParts {
            cell: self.cell.clone(),
            store: engine.store.clone(),
            clock: engine.clock.clone(),
            notices: engine.notices.clone(),
            source_gate: self.cell.source_gate.clone(),
            destination_gate: self.cell.destination_gate.clone(),
            stop,
            stopped_by,
            gives_up: self.start.once,
            run: run.id,
            epoch,
            kind: kind.clone(),
            start,
            bounds: self.bounds(&kind),
        };
        let end = match tokio::spawn(run::run(parts)).await {
            Ok(end) => end,
            Err(error) => RunEnd::Failed {
                reason: format!("the run stopped inside syncdeck: {error}"),
                hint: Some("the log file has the details; what was confirmed is saved".to_owned()),
                parked: true,
            },
        };
        self.first = false;
        self.run_is_over(run.id, kind, end, &teller).await
    }

    fn bounds(&self, kind: &RunKind) -> Bounds {
        if *kind == RunKind::Retry {
            return Bounds::default();
        }
        Bounds {
            max_pages: self.cell.spec.max_pages,
            max_records: self.start.max_records,
            until: self.cell.spec.max_runtime.map(|span| Instant::now() + span),
        }
    }

    fn could_not_begin(&self, error: &StoreError) -> RunEnd {
        self.cell.set_store_error(error.to_string());
        let retry_at = self.engine.clock.now().plus(AFTER_STORE_FAILURE);
        self.cell.live().control.due = Some(retry_at);
        RunEnd::Failed { reason: error.to_string(), hint: error.hint(), parked: false }
    }

    /// Where the run begins to read. A job whose order changed reads everything once more.
    async fn start_position(&self, kind: &RunKind, teller: &Teller) -> Result<Position, StoreError> {
        let spec = &self.cell.spec;
        let (position, control) = {
            let live = self.cell.live();
            let position = live.checkpoint.as_ref().map(|checkpoint| checkpoint.position.clone());
            (position, live.control.clone())
        };
        let incremental = spec.source.incremental.as_ref();
        let first_bound = incremental.and_then(|incremental| incremental.start.clone());
        if *kind == RunKind::Retry {
            return Ok(Position::default());
        }
        let changed = control.configured.is_some_and(|before| before != spec.configured);
        if control.configured != Some(spec.configured) {
            let control = crate::model::JobControl { configured: Some(spec.configured), ..control };
            self.engine.store.set_control(&spec.id, control.clone(), None).await?;
            self.cell.live().control.configured = Some(spec.configured);
        }
        let watermark = position.as_ref().and_then(|position| position.watermark.clone());
        let position = if *kind == RunKind::Full && self.first {
            Position { watermark, ..Position::default() }
        } else if let Some(since) = self.start.since.filter(|_| self.first) {
            let at = since.to_jiff();
            let since = Version::Time { at, text: at.to_string().into() };
            let begun = Position { since: Some(since), watermark, phase: Phase::Incremental, ..Position::default() };
            return Ok(begun);
        } else if changed && position.is_some() {
            let text =
                "source, destination or map changed: everything is read once more, unchanged records cost nothing";
            teller.tell(Level::Info, "backfill.started", text.to_owned());
            Position::default()
        } else {
            position.unwrap_or_default()
        };
        Ok(position.next_listing(spec.position_rules(), first_bound.as_ref()))
    }

    async fn run_is_over(&mut self, run: RunId, kind: RunKind, end: RunEnd, teller: &Teller) -> (RunEnd, Counts) {
        let now = self.engine.clock.now();
        let status = self.cell.run_ended(&end);
        let counts = status.map(|status| status.counts).unwrap_or_default();
        self.tell_end(run, &end, &counts, teller);
        if let Err(error) = self.engine.store.finish_run(run, end.clone(), now).await {
            self.cell.set_store_error(error.to_string());
        }
        let due = self.due_after(&kind, &end, now);
        let control = {
            let mut live = self.cell.live();
            match &end {
                RunEnd::Failed { reason, hint, parked: true } => {
                    live.control.parked = Some(Parked { since: now, reason: reason.clone(), hint: hint.clone() });
                    live.failure = None;
                }
                RunEnd::Failed { reason, hint, parked: false } => {
                    live.failure = Some((reason.clone(), hint.clone(), now));
                }
                _ => live.failure = None,
            }
            let is_finished = matches!(end, RunEnd::Done | RunEnd::HandedOver);
            match kind {
                RunKind::Retry if is_finished || !matches!(end, RunEnd::Stopped { .. }) => live.retry = None,
                RunKind::Retry => {}
                // A trigger asks for one run, however it ends.
                _ => live.trigger = None,
            }
            live.control.due = due;
            live.control.clone()
        };
        let is_parked = control.parked.is_some();
        let note = is_parked.then(|| self.engine.note(Actor::engine(), "park", &self.cell.spec.id, reason_of(&end)));
        if let Err(error) = self.engine.store.set_control(&self.cell.spec.id, control, note).await {
            self.cell.set_store_error(error.to_string());
        }
        self.cell.changed();
        (end, counts)
    }

    /// When the schedule lets the job run next.
    fn due_after(&self, kind: &RunKind, end: &RunEnd, now: Timestamp) -> Option<Timestamp> {
        let before = self.cell.live().control.due;
        if *kind == RunKind::Retry {
            return before;
        }
        let regular = match &self.cell.spec.schedule {
            Schedule::Every { every, jitter } => {
                let jitter = jitter.mul_f64(self.cell.source_gate.dice());
                Some(now.plus(*every).plus(jitter))
            }
            Schedule::Manual => None,
        };
        match end {
            RunEnd::Done | RunEnd::Interrupted => regular,
            // It goes on by itself, after others had their turn.
            RunEnd::HandedOver => Some(now),
            // A pause or a shutdown: what was begun goes on. A cancelled run waits for its next time.
            RunEnd::Stopped { .. } => {
                let goes_on = self.cell.live().control.paused.is_some() || self.engine.stopping.is_cancelled();
                if goes_on { Some(now) } else { regular }
            }
            RunEnd::Failed { parked: true, .. } => None,
            RunEnd::Failed { .. } if self.cell.live().store_error.is_some() => Some(now.plus(AFTER_STORE_FAILURE)),
            RunEnd::Failed { .. } => {
                let soon = now.plus(AFTER_FAILURE);
                Some(regular.map_or(soon, |regular| regular.min(soon)))
            }
        }
    }

    fn tell_end(&self, run: RunId, end: &RunEnd, counts: &Counts, teller: &Teller) {
        let figures = format!(
            "{} scanned, {} updated, {} skipped, {} held, {} errored",
            counts.scanned,
            counts.written(),
            counts.skipped,
            counts.held,
            counts.errored
        );
        match end {
            RunEnd::Done => teller.tell(Level::Info, "run.done", format!("run #{run} done: {figures}")),
            RunEnd::HandedOver => {
                teller.tell(
                    Level::Info,
                    "run.handed_over",
                    format!("run #{run} reached its limit and goes on: {figures}"),
                );
            }
            RunEnd::Stopped { by } => {
                teller.tell(Level::Info, "run.stopped", format!("run #{run} stopped by {by}: {figures}"));
            }
            RunEnd::Failed { reason, parked, .. } => {
                let next = if *parked { "it waits for a person" } else { "it is tried again by itself" };
                teller.tell(Level::Error, "run.failed", format!("run #{run} stopped: {reason}; {next}"));
            }
            RunEnd::Interrupted => {}
        }
    }
}

fn reason_of(end: &RunEnd) -> Option<String> {
    match end {
        RunEnd::Failed { reason, .. } => Some(reason.clone()),
        _ => None,
    }
}

async fn nap_for(nap: Option<Duration>) {
    match nap {
        Some(nap) => tokio::time::sleep(nap).await,
        None => std::future::pending().await,
    }
}

/// In words, when a job runs next.
pub(super) fn next_in(now: Timestamp, due: Option<Timestamp>) -> String {
    match due {
        None => "when it is triggered".to_owned(),
        Some(due) if due <= now => "now".to_owned(),
        Some(due) => format!("in {}", span(due.since(now))),
    }
}
