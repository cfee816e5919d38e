//! When a job runs: one task a job, which starts its runs one after another and never two at once.

use super::Engine;
use super::guard::DeleteGuard;
use super::job::{JobCell, Live};
use super::one::OneOrder;
use super::read::Bounds;
use super::run::{self, RunParts, Stop};
use super::tell::{Teller, span};
use super::turns::{Turn, Turns};
use crate::model::{
    Actor, BulkStage, Counts, JobFinish, Level, Parked, Position, RecordId, RunEnd, RunId, RunKind, Shape, Timestamp,
};
use crate::store::{NewRun, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Before a run that failed by itself is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(60);
/// Before a run is tried again whose state could not be saved.
const AFTER_STORE_FAILURE: Duration = Duration::from_secs(10);

/// A long retry that made way waits so long, so that what is due has begun before.
const MAKES_WAY: Duration = Duration::from_millis(1);

/// How an engine's jobs are started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Each job runs until it has nothing left, then its task ends.
    pub once: bool,
    /// Only these jobs; empty means all.
    pub only: Vec<crate::model::JobId>,
    /// The first run of each job reads its source from the start.
    pub full: bool,
    /// The first run of each job reads what changed since then, beside its checkpoint …
    pub since: Option<Timestamp>,
    /// … and before then.
    pub until: Option<Timestamp>,
    /// A job stops after the page that reaches so many records.
    pub max_records: Option<u64>,
    /// Who started it; named as the one who ordered its first runs.
    pub by: Option<Actor>,
}

/// What a job does next.
enum Next {
    Run { kind: RunKind, by: Actor },
    One(OneOrder),
    Sleep(Option<Duration>),
}

/// Attends to one job until the engine stops.
pub(super) struct Attendant {
    pub engine: Arc<Engine>,
    pub cell: Arc<JobCell>,
    pub start: Start,
    pub finished: mpsc::Sender<JobFinish>,
    first: bool,
    /// Its place in the row, while it waits for its turn.
    turn: Option<Turn>,
    /// Ends of runs that could not be saved yet.
    unfinished: Vec<(RunId, RunEnd, Timestamp)>,
}

/// True when a job that was begun is to do something else now: everything is read once more.
pub(super) fn is_reordered(cell: &JobCell) -> bool {
    let live = cell.live();
    let configured = live.control.configured;
    configured.is_some_and(|before| before != cell.spec.configured) && live.checkpoint.is_some()
}

impl Attendant {
    pub(super) fn new(
        engine: Arc<Engine>,
        cell: Arc<JobCell>,
        start: Start,
        finished: mpsc::Sender<JobFinish>,
    ) -> Self {
        Self { engine, cell, start, finished, first: true, turn: None, unfinished: Vec::new() }
    }

    pub(super) async fn attend(mut self) {
        if self.start.once {
            self.run_once().await;
        } else {
            self.serve().await;
        }
    }

    async fn serve(&mut self) {
        {
            let mut live = self.cell.live();
            live.is_attended = true;
            if let Some(range) = self.start.range() {
                live.control.range = Some(range);
            }
        }
        self.keep_schedule().await;
        self.cell.live().is_attended = false;
    }

    async fn keep_schedule(&mut self) {
        loop {
            let cell = self.cell.clone();
            let woken = cell.wake.notified();
            if self.engine.stopping.is_cancelled() {
                return;
            }
            let stopping = self.engine.stopping.clone();
            match self.next() {
                Next::Run { kind, by } => {
                    let turn = self.turn.take().unwrap_or_else(|| Turns::line_up(&cell, self.engine.clock.now()));
                    tokio::select! {
                        biased;
                        () = turn.comes() => {
                            self.one_run(kind, by, None).await;
                        }
                        // Whatever it is, the place in the row stays while there is something to run.
                        () = woken => self.turn = Some(turn),
                        () = stopping.cancelled() => return,
                    }
                }
                Next::One(order) => self.one_record(order).await,
                Next::Sleep(nap) => {
                    self.turn = None;
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
        let mut live = self.cell.live();
        if let Some(order) = live.ones.pop_front() {
            return Next::One(order);
        }
        if !self.cell.spec.enabled || live.control.paused.is_some() || live.stopped().is_some() {
            return Next::Sleep(None);
        }
        if let Some(at) = live.not_before.filter(|at| *at > now) {
            return Next::Sleep(Some(at.since(now)));
        }
        let retry_at = live.retry.as_ref().map(|_| live.retry_at.unwrap_or(now));
        if let Some(by) = live.retry.clone().filter(|_| retry_at.is_some_and(|at| at <= now)) {
            return Next::Run { kind: RunKind::Retry, by };
        }
        if let Some(release) = &live.control.release {
            return Next::Run { kind: self.cell.release_kind(), by: release.by.clone() };
        }
        if let Some(range) = &live.control.range {
            return Next::Run { kind: range.kind(), by: range.by.clone() };
        }
        if let Some(by) = live.trigger.clone() {
            return Next::Run { kind: RunKind::Sync, by };
        }
        let due = live.control.due;
        let went_last = live.webhook.went_last;
        drop(live);
        let inbox = self.cell.inbox_due(&self.engine.store, now);
        let (is_due, has_events) = (due.is_some_and(|due| due <= now), inbox.is_some_and(|due| due <= now));
        match (is_due, has_events) {
            // Where both wait, they take turns.
            (true, true) if went_last => Next::Run { kind: RunKind::Sync, by: Actor::engine() },
            (_, true) => Next::Run { kind: RunKind::Inbox, by: Actor::event() },
            (true, false) => Next::Run { kind: RunKind::Sync, by: Actor::engine() },
            (false, false) => {
                let next = due.into_iter().chain(retry_at).chain(inbox).min();
                Next::Sleep(next.map(|next| next.since(now)))
            }
        }
    }

    /// Runs until nothing is left, and tells how that ended.
    async fn run_once(&mut self) {
        let started = Instant::now();
        let mut counts = Counts::default();
        let by = self.start.by.clone().unwrap_or_else(Actor::engine);
        let mut is_refusal = false;
        let end = loop {
            if let Some(end) = self.cannot_run() {
                is_refusal = true;
                break end;
            }
            let (retry, release, went_last) = {
                let live = self.cell.live();
                (live.retry.clone(), live.control.release.is_some(), live.webhook.went_last)
            };
            let has_events = self.cell.inbox_due(&self.engine.store, self.engine.clock.now()).is_some();
            let kind = match (&retry, self.start.range()) {
                (Some(_), _) => RunKind::Retry,
                (None, _) if release => self.cell.release_kind(),
                (None, Some(range)) => range.kind(),
                // Nothing is gathered any more: this is the last chance of a while.
                (None, None) if has_events && !went_last => RunKind::Inbox,
                (None, None) if self.start.full && self.first => RunKind::Full,
                (None, None) => RunKind::Sync,
            };
            let goes_on = retry.is_some() || release || kind == RunKind::Inbox;
            let is_range = matches!(kind, RunKind::Range { .. });
            let turn = Turns::line_up(&self.cell, self.engine.clock.now());
            tokio::select! {
                biased;
                () = turn.comes() => {}
                () = self.engine.stopping.cancelled() => continue,
            }
            let (end, ran) = self.one_run(kind, by.clone(), None).await;
            counts += ran;
            match end {
                RunEnd::Done if goes_on => {}
                RunEnd::HandedOver if !is_range && self.may_go_on(&counts) => {}
                end => break end,
            }
        };
        let (checkpoint, dead_waiting) = {
            let live = self.cell.live();
            (live.checkpoint.clone(), live.dead.waiting)
        };
        let seconds = started.elapsed().as_secs_f64();
        let is_paused = is_refusal && self.cell.live().control.paused.is_some();
        let job = self.cell.spec.id.clone();
        let finish = JobFinish { job, end, is_paused, counts, seconds, checkpoint, dead_waiting };
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
            return Some(RunEnd::Stopped { by: Actor::shutdown() });
        }
        let live = self.cell.live();
        if !self.cell.spec.enabled {
            let hint = format!("set `enabled = true` in `[jobs.{id}]`");
            return Some(failed(format!("`{id}` is disabled in the configuration"), hint));
        }
        if let Some(paused) = &live.control.paused {
            let why = paused.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let reason = format!("`{id}` is paused since {} by {}{why}", paused.since, paused.by);
            return Some(failed(reason, format!("`syncdeck resume {id}`")));
        }
        if let Some(parked) = live.stopped() {
            let hint = parked.hint.clone().unwrap_or_else(|| format!("`syncdeck resume {id}`"));
            return Some(failed(parked.reason.clone(), hint));
        }
        let refusal = self.start.since.and_then(|_| super::range::refusal(&self.cell.spec));
        refusal.map(|why| RunEnd::Failed { reason: why, hint: None, parked: false })
    }

    /// Carries out a person's order for one record, and tells who waits for it how that ended.
    async fn one_record(&mut self, order: OneOrder) {
        // Nobody waits any more: the order was taken back.
        let Some(begun) = order.begin() else { return };
        let (end, counts) = self.one_run(RunKind::Record, begun.by.clone(), Some(begun.record.clone())).await;
        begun.end(end, counts);
    }

    /// One run, from its number to its end and what follows from it.
    async fn one_run(&mut self, kind: RunKind, by: Actor, record: Option<RecordId>) -> (RunEnd, Counts) {
        let engine = self.engine.clone();
        let now = engine.clock.now();
        if let Err(error) = self.finish_unfinished().await {
            return (self.could_not_begin(&error), Counts::default());
        }
        let spec = &self.cell.spec;
        let filter = spec.source.filter.clone();
        let new = NewRun { job: spec.id.clone(), kind: kind.clone(), by: by.clone(), at: now, filter };
        let (run, epoch) = match engine.store.begin_run(new).await {
            Ok(begun) => begun,
            Err(error) => return (self.could_not_begin(&error), Counts::default()),
        };
        // Behind the new epoch no older run can save anything, so only now is the last checkpoint the last one.
        match engine.store.checkpoint(&self.cell.spec.id).await {
            Ok(checkpoint) => {
                self.cell.set_checkpoint(checkpoint);
                self.cell.live().total = engine.store.total(&self.cell.spec.id);
            }
            Err(error) => {
                let end = self.could_not_begin(&error);
                self.unfinished.push((run.id, end.clone(), now));
                return (end, Counts::default());
            }
        }
        if let Err(error) = self.cell.sign_state(&engine.store).await {
            let end = self.could_not_begin(&error);
            self.unfinished.push((run.id, end.clone(), now));
            return (end, Counts::default());
        }
        let filter_since = match engine.store.filter_rules(&self.cell.spec.id).await {
            Ok(rules) => rules.last().map_or(run.id, |rule| rule.since),
            Err(error) => {
                let end = self.could_not_begin(&error);
                self.unfinished.push((run.id, end.clone(), now));
                return (end, Counts::default());
            }
        };
        let teller = Teller::new(engine.notices.clone(), self.cell.clone(), Some(run.id));
        let release = self.cell.live().control.release.clone();
        let guard = match DeleteGuard::of(&self.cell, &kind, release.as_ref(), &engine.store, now).await {
            Ok(guard) => Arc::new(guard),
            Err(error) => {
                let end = self.could_not_begin(&error);
                self.unfinished.push((run.id, end.clone(), now));
                return (end, Counts::default());
            }
        };
        let (start, is_reconfigured) = self.start_position(&kind, &teller);
        let in_doubt_since = self.cell.live().in_doubt_since;
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
            // Who waits for one record is told that a system is down.
            gives_up: self.start.once || record.is_some(),
            run: run.id,
            epoch,
            filter_since,
            kind: kind.clone(),
            record,
            start,
            bounds: self.bounds(&kind),
            in_doubt_since,
            guard,
            is_reconfigured,
        };
        let end = match AbortOnDropHandle::new(tokio::spawn(run::run(parts))).await {
            Ok(end) => end,
            Err(error) => RunEnd::Failed {
                reason: format!("the run stopped inside syncdeck: {error}"),
                hint: Some("the log file has the details; what was confirmed is saved".to_owned()),
                parked: true,
            },
        };
        self.cell.run_is_over();
        self.first &= !kind.moves_checkpoint();
        self.run_is_over(run.id, kind, by, end, &teller).await
    }

    fn bounds(&self, kind: &RunKind) -> Bounds {
        if let RunKind::Range { .. } = kind {
            // It begins anew each time, so a limit of the job would keep it from ever ending.
            return Bounds { max_records: self.start.max_records, ..Bounds::default() };
        }
        if !kind.moves_checkpoint() || kind.is_release() {
            return Bounds::default();
        }
        Bounds {
            max_pages: self.cell.spec.max_pages,
            max_records: self.start.max_records,
            until: self.cell.spec.max_runtime.map(|span| Instant::now() + span),
        }
    }

    fn could_not_begin(&self, error: &StoreError) -> RunEnd {
        self.cell.set_store_error(Some(error.to_string()));
        self.cell.live().not_before = Some(self.engine.clock.now().plus(AFTER_STORE_FAILURE));
        RunEnd::Failed { reason: error.to_string(), hint: error.hint(), parked: false }
    }

    /// Runs whose end could not be saved end before the next one begins.
    async fn finish_unfinished(&mut self) -> Result<(), StoreError> {
        while let Some((run, end, at)) = self.unfinished.last().cloned() {
            self.engine.store.finish_run(run, end, at).await?;
            self.unfinished.pop();
        }
        Ok(())
    }

    /// Where the run begins to read, and whether the job's order is new. One that changed reads everything once more.
    fn start_position(&self, kind: &RunKind, teller: &Teller) -> (Position, bool) {
        let spec = &self.cell.spec;
        if !kind.moves_checkpoint() {
            return (Position::default(), false);
        }
        let position = self.cell.live().checkpoint.as_ref().map(|checkpoint| checkpoint.position.clone());
        let first_bound = spec.source.incremental.as_ref().and_then(|incremental| incremental.start.clone());
        let is_again = self.cell.live().control.again;
        let is_new = is_again || self.cell.live().control.configured != Some(spec.configured);
        let is_changed = is_reordered(&self.cell);
        let watermark = position.as_ref().and_then(|position| position.watermark.clone());
        let position = if is_changed {
            // What another order reads may look otherwise without any change of the source.
            self.cell.live().control.shape = Shape::default();
            let text =
                "source, destination or map changed: everything is read once more, unchanged records cost nothing";
            teller.tell(Level::Info, "backfill.started", text.to_owned());
            Position::default()
        } else if is_again {
            let text = "enabled again: everything is read once more, unchanged records cost nothing";
            teller.tell(Level::Info, "backfill.started", text.to_owned());
            Position { watermark, ..Position::default() }
        } else if *kind == RunKind::Sweep || *kind == RunKind::Full && self.first {
            Position { watermark, ..Position::default() }
        } else {
            position.unwrap_or_default()
        };
        (position.next_listing(spec.position_rules(), first_bound.as_ref()), is_new)
    }

    async fn run_is_over(
        &mut self,
        run: RunId,
        kind: RunKind,
        by: Actor,
        end: RunEnd,
        teller: &Teller,
    ) -> (RunEnd, Counts) {
        let now = self.engine.clock.now();
        let status = self.cell.run_ended(&end);
        let began = status.as_ref().map_or(now, |status| status.started_at);
        let counts = status.map(|status| status.counts).unwrap_or_default();
        self.cell.deleted_by(&kind, counts.deleted, now);
        self.tell_end(run, &end, &counts, teller);
        let due = self.due_after(&kind, &end, began, now);
        if kind.moves_checkpoint() && matches!(end, RunEnd::Done | RunEnd::HandedOver) {
            self.cell.compare_shapes(now, teller);
        }
        let store = &self.engine.store;
        let finished = store.finish_run(run, end.clone(), now).await;
        if finished.is_err() {
            self.unfinished.push((run, end.clone(), now));
        }
        let is_range = matches!(kind, RunKind::Range { .. });
        let is_beside = is_range || kind == RunKind::Record;
        let parked = match &end {
            // What ails a run beside the job's own ails that one soon enough, and is told there.
            _ if is_beside => None,
            RunEnd::Failed { reason, hint, parked: true } | RunEnd::Guarded { reason, hint } => {
                Some(Parked { since: now, reason: reason.clone(), hint: hint.clone() })
            }
            _ => None,
        };
        let note =
            parked.as_ref().map(|_| self.engine.note(Actor::engine(), "park", &self.cell.spec.id, reason_of(&end)));
        let settle = |live: &mut Live| {
            if !is_beside {
                live.failure = match &end {
                    RunEnd::Failed { reason, hint, parked: false } => Some((reason.clone(), hint.clone(), now)),
                    _ => None,
                };
            }
            let is_whole = matches!(end, RunEnd::Done | RunEnd::HandedOver);
            if is_range {
                live.range_over(&end, now.plus(AFTER_FAILURE));
            }
            live.in_doubt_since = in_doubt_after(live.in_doubt_since, &kind, &end, began);
            if kind == RunKind::Retry && !is_whole {
                // What was not reached is still under retry.
                live.retry.get_or_insert(by);
                live.retry_at = matches!(end, RunEnd::Failed { .. }).then(|| now.plus(AFTER_FAILURE));
            } else if kind == RunKind::Retry && end == RunEnd::HandedOver {
                // It made way for a run that is due; after that it goes on.
                live.retry.get_or_insert(by);
                live.retry_at = Some(now.plus(MAKES_WAY));
            }
            if kind != RunKind::Record {
                live.webhook.went_last = kind == RunKind::Inbox;
            }
            if kind == RunKind::Inbox {
                live.webhook.not_before = matches!(end, RunEnd::Failed { .. }).then(|| now.plus(AFTER_FAILURE));
            }
            if parked.is_some() {
                live.control.parked = parked;
            }
            // A run that was stopped on the way goes on; of one that failed a person decides anew.
            if kind.is_release() && !matches!(end, RunEnd::Stopped { .. } | RunEnd::HandedOver) {
                live.control.release = None;
            }
            // An order that came during the run is as durable as one that comes before it.
            live.control.due = if live.trigger.is_some() { Some(now) } else { due };
        };
        if kind == RunKind::Sync && end == RunEnd::Done {
            self.cell.tell_gap(&counts, teller);
        }
        if kind == RunKind::Retry {
            self.end_stopped_retries(teller).await;
        }
        let settled = self.cell.settle_control(store, note, settle).await;
        match finished.and(settled) {
            Ok(()) => self.cell.set_store_error(None),
            Err(error) => self.cell.set_store_error(Some(error.to_string())),
        }
        (end, counts)
    }

    /// What was stopped while the run went on ends with it. What can not be saved now ends at the next start.
    async fn end_stopped_retries(&self, teller: &Teller) {
        for bulk in self.cell.open_bulks() {
            if matches!(bulk.stage, BulkStage::Stopping { .. })
                && let Ok(Some(ended)) = self.cell.end_bulk(bulk.number, &self.engine.store).await
            {
                super::bulk::tell_end(teller, &ended);
            }
        }
    }

    /// When the schedule lets the job run next.
    fn due_after(&self, kind: &RunKind, end: &RunEnd, began: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let (before, is_cancelled, is_store_failure) = {
            let live = self.cell.live();
            (live.control.due, live.is_cancelled, live.store_error.is_some())
        };
        if !kind.moves_checkpoint() {
            return before;
        }
        let regular = self.cell.spec.schedule.next_after(began, self.cell.source_gate.dice());
        match end {
            RunEnd::Done | RunEnd::Interrupted => regular,
            // It goes on by itself, after others had their turn.
            RunEnd::HandedOver => Some(now),
            // A pause or a shutdown: what was begun goes on. A cancelled run waits for its next time.
            RunEnd::Stopped { .. } => {
                if is_cancelled {
                    regular
                } else {
                    Some(now)
                }
            }
            RunEnd::Failed { parked: true, .. } | RunEnd::Guarded { .. } => None,
            RunEnd::Failed { .. } if is_store_failure => Some(now.plus(AFTER_STORE_FAILURE)),
            RunEnd::Failed { .. } => {
                let soon = now.plus(AFTER_FAILURE);
                let soon = regular.map_or(soon, |regular| regular.min(soon));
                let gates = [&self.cell.source_gate, &self.cell.destination_gate];
                let told = gates.iter().filter_map(|gate| gate.long_wait()).max();
                Some(told.map_or(soon, |told| soon.max(now.plus(told))))
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
            RunEnd::Guarded { reason, .. } => {
                teller.tell(
                    Level::Error,
                    "run.guarded",
                    format!("run #{run} stopped: {reason}; it waits for a person"),
                );
            }
            RunEnd::Interrupted => {}
        }
    }
}

/// Since when writes may stand at the destination that nobody saw confirmed, after a run that began and ended so.
pub(super) fn in_doubt_after(
    before: Option<Timestamp>,
    kind: &RunKind,
    end: &RunEnd,
    began: Timestamp,
) -> Option<Timestamp> {
    match end {
        RunEnd::Done if kind.moves_checkpoint() => None,
        RunEnd::Done | RunEnd::HandedOver => before,
        RunEnd::Stopped { .. } | RunEnd::Failed { .. } | RunEnd::Guarded { .. } | RunEnd::Interrupted => {
            before.or(Some(began))
        }
    }
}

fn reason_of(end: &RunEnd) -> Option<String> {
    match end {
        RunEnd::Failed { reason, .. } | RunEnd::Guarded { reason, .. } => Some(reason.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_lasts_until_a_listing_is_read_to_its_end() {
        let (first, second) = (Some(Timestamp(1)), Timestamp(2));
        let after = |before, kind, end: RunEnd| in_doubt_after(before, &kind, &end, second);
        assert_eq!(after(None, RunKind::Sync, RunEnd::Interrupted), Some(second));
        assert_eq!(after(first, RunKind::Sync, RunEnd::Interrupted), first);
        assert_eq!(after(first, RunKind::Sync, RunEnd::HandedOver), first);
        assert_eq!(after(None, RunKind::Sync, RunEnd::HandedOver), None);
        assert_eq!(after(first, RunKind::Retry, RunEnd::Done), first);
        assert_eq!(after(first, RunKind::Full, RunEnd::Done), None);
        assert_eq!(after(None, RunKind::Retry, RunEnd::Stopped { by: Actor::engine() }), Some(second));
    }

    #[test]
    fn the_next_time_is_told_as_people_say_it() {
        let now = Timestamp(0);
        assert_eq!(next_in(now, None), "when it is triggered");
        assert_eq!(next_in(now, Some(now)), "now");
        assert_eq!(next_in(now, Some(Timestamp(90_000))), "in 1 m 30 s");
    }
}
