//! One job as the engine holds it: its order, its ends, and what is true of it now.

use super::bulk::set_bulk;
use super::deliver::Altered;
use super::fresh::Fresh;
use super::guard::LateDeletes;
use super::inbox::WebhookLive;
use super::limit::Gate;
use super::one::OneOrder;
use super::run::Stop;
use super::turns::Turns;
use crate::connect::{ChangeLog, Destination, FaultKind, Source};
use crate::model::mapping::{Filter, Mapping};
use crate::model::webhook::EventReader;
use crate::model::{
    Actor, BulkRetry, Checkpoint, Clock, Counts, GroupId, HISTORY_MINUTES, Identity, Job, JobControl, JobId, JobState,
    JobStatus, Limits, Notice, Parked, Progress, RATE_BUCKET_SECONDS, RATE_BUCKETS, RecordId, RecordReader,
    RecoveredFaults, Run, RunEnd, RunKind, RunMark, RunStatus, Shape, Timestamp, Withheld, counted,
};
use crate::store::{Committed, Note, Store, StoreError};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The seconds over which the present rate is the mean.
const RATE_SECONDS: u64 = 10;
/// A run that is not waiting for anything known and has not moved for so long is stalled.
const STALLED_AFTER: Duration = Duration::from_secs(60);

/// Fields that are told as kept otherwise.
const ALTERED_MAX: usize = 20;
/// Characters of a value that is told.
const VALUE_MAX: usize = 40;

/// Runs whose ends a screen shows.
pub(super) const MARKS_MAX: usize = 10;

/// A job with everything that its runs share.
pub struct JobCell {
    pub spec: Job,
    /// Of the records that it is configured for.
    pub(super) identity: Identity,
    pub mapping: Mapping,
    pub filter: Option<Filter>,
    pub reader: RecordReader,
    /// Reads the events of its webhook, where it has one.
    pub(super) events: Option<EventReader>,
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
    pub change_log: Option<Arc<dyn ChangeLog>>,
    pub(super) source_gate: Arc<Gate>,
    pub(super) destination_gate: Arc<Gate>,
    pub(super) clock: Arc<dyn Clock>,
    live: Mutex<Live>,
    /// The most records of one batch that the destination took, where it refused more.
    batch_learnt: AtomicUsize,
    pub(super) late_deletes: Mutex<LateDeletes>,
    /// Ids of open and uncommitted pages: a page that holds one of them waits, so no id is ever written twice at once.
    pub(super) open_ids: Mutex<HashSet<RecordId>>,
    /// Held over each change of the control state, so that what is true here and what is saved change in one order.
    control_turn: tokio::sync::Mutex<()>,
    /// An order came, or a time.
    pub(super) wake: Notify,
    /// Something that a screen shows changed.
    pub(super) told: Arc<Notify>,
    pub(super) turns: Arc<Turns>,
}

/// What is true of a job now. Whatever must outlive the process is in the store too.
#[derive(Default)]
pub(super) struct Live {
    pub control: JobControl,
    /// The state is of other records than the configuration: nothing runs until a person accepts that.
    pub unlike: Option<Parked>,
    pub run: Option<RunStatus>,
    pub stop: Option<Stop>,
    pub stopped_by: Arc<Mutex<Option<Actor>>>,
    pub total: Counts,
    pub checkpoint: Option<Checkpoint>,
    pub source_total: Option<u64>,
    pub in_flight: u64,
    pub dead: OpenLetters,
    /// Deletes that wait for a person.
    pub withheld: Option<Withheld>,
    /// Retries of many letters: those that go on, and the last that ended in this process.
    pub bulks: Vec<BulkRetry>,
    pub newest_group: Option<GroupId>,
    /// Dead letters of the last minutes.
    pub fresh: Fresh,
    /// Of the run that ended last in this process.
    pub last_counts: Option<Counts>,
    /// Its schedule is kept in this process.
    pub is_attended: bool,
    pub events: VecDeque<Notice>,
    pub recovered: RecoveredFaults,
    pub last_runs: VecDeque<RunMark>,
    /// Since when it waits for its turn, and its place in the row.
    pub waits_for_turn: Option<(Timestamp, u64)>,
    pub trigger: Option<Actor>,
    /// Records that people asked for, the oldest order first.
    pub ones: VecDeque<OneOrder>,
    /// Letters wait to be retried.
    pub retry: Option<Actor>,
    /// Not before then, because the last retry failed.
    pub retry_at: Option<Timestamp>,
    /// No run begins before then, because the last one could not.
    pub not_before: Option<Timestamp>,
    /// The run in progress was cancelled: it does not go on by itself.
    pub is_cancelled: bool,
    /// When the first run began that did not see the end of all that it began, since the last listing that was read to
    /// its end.
    pub in_doubt_since: Option<Timestamp>,
    /// The last run failed and is tried again by itself.
    pub failure: Option<(String, Option<String>, Timestamp)>,
    pub store_error: Option<String>,
    pub retries: u64,
    pub moved_at: Timestamp,
    pub stage: &'static str,
    pub rates: Rates,
    pub webhook: WebhookLive,
    /// What the destination kept otherwise than it was sent, in the run in progress or the last one.
    pub altered: Vec<AlteredField>,
    /// Records of the source that were looked at and not yet compared with what is known of them.
    pub looked_at: Shape,
}

/// One field that the destination keeps otherwise than it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AlteredField {
    pub field: String,
    /// Records.
    pub n: u64,
    /// Of the first of them, cut.
    pub sent: String,
    pub holds: String,
}

/// The letters of a job that have no end yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OpenLetters {
    /// Those under retry among them.
    pub waiting: u64,
    pub retrying: u64,
}

impl OpenLetters {
    pub(super) async fn of(store: &Store, job: &JobId) -> Result<Self, StoreError> {
        Ok(Self { waiting: store.letters_waiting(job).await?, retrying: store.letters_under_retry(job).await? })
    }
}

/// Records by time, for rates and charts.
#[derive(Default)]
pub(super) struct Rates {
    history: VecDeque<u32>,
    bucket: u64,
    in_bucket: u64,
    recent: VecDeque<(Timestamp, u64)>,
    /// Records of each whole minute, oldest first.
    minutes: VecDeque<u32>,
    minute: u64,
    in_minute: u64,
}

impl Rates {
    fn add(&mut self, now: Timestamp, records: u64) {
        self.roll(now);
        self.in_bucket += records;
        self.in_minute += records;
        self.recent.push_back((now, records));
    }

    fn roll(&mut self, now: Timestamp) {
        let bucket = u64::try_from(now.0).unwrap_or(0) / 1000 / RATE_BUCKET_SECONDS;
        if self.bucket == 0 {
            self.bucket = bucket;
        }
        let mut missing = bucket.saturating_sub(self.bucket).min(RATE_BUCKETS as u64);
        while missing > 0 {
            let rate = std::mem::take(&mut self.in_bucket) / RATE_BUCKET_SECONDS;
            self.history.push_back(u32::try_from(rate).unwrap_or(u32::MAX));
            if self.history.len() > RATE_BUCKETS {
                self.history.pop_front();
            }
            missing -= 1;
        }
        self.bucket = self.bucket.max(bucket);
        self.roll_minutes(now);
        while self.recent.front().is_some_and(|(at, _)| now.since(*at) > Duration::from_secs(RATE_SECONDS)) {
            self.recent.pop_front();
        }
    }

    fn roll_minutes(&mut self, now: Timestamp) {
        let minute = u64::try_from(now.0).unwrap_or(0) / 60_000;
        if self.minute == 0 {
            self.minute = minute;
        }
        for _ in 0..minute.saturating_sub(self.minute).min(HISTORY_MINUTES as u64) {
            let records = std::mem::take(&mut self.in_minute);
            self.minutes.push_back(u32::try_from(records).unwrap_or(u32::MAX));
            if self.minutes.len() > HISTORY_MINUTES {
                self.minutes.pop_front();
            }
        }
        self.minute = self.minute.max(minute);
    }

    fn now(&self) -> f64 {
        self.recent.iter().map(|(_, n)| *n).sum::<u64>() as f64 / RATE_SECONDS as f64
    }
}

/// What a cell is made of.
pub(super) struct CellParts {
    pub spec: Job,
    pub identity: Identity,
    pub mapping: Mapping,
    pub filter: Option<Filter>,
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
    pub change_log: Option<Arc<dyn ChangeLog>>,
    pub source_gate: Arc<Gate>,
    pub destination_gate: Arc<Gate>,
    pub clock: Arc<dyn Clock>,
    pub told: Arc<Notify>,
    pub turns: Arc<Turns>,
    pub live: Live,
}

impl JobCell {
    pub(super) fn new(parts: CellParts) -> Self {
        Self {
            reader: RecordReader::new(&parts.spec.source.fields),
            events: parts
                .spec
                .source
                .webhook
                .as_ref()
                .map(|webhook| EventReader::new(webhook, &parts.spec.source.fields, parts.source.can_read_one())),
            spec: parts.spec,
            identity: parts.identity,
            mapping: parts.mapping,
            filter: parts.filter,
            source: parts.source,
            destination: parts.destination,
            change_log: parts.change_log,
            source_gate: parts.source_gate,
            destination_gate: parts.destination_gate,
            clock: parts.clock,
            live: Mutex::new(parts.live),
            batch_learnt: AtomicUsize::new(usize::MAX),
            late_deletes: Mutex::default(),
            open_ids: Mutex::default(),
            control_turn: tokio::sync::Mutex::new(()),
            wake: Notify::new(),
            told: parts.told,
            turns: parts.turns,
        }
    }

    /// The limits in force of the destination's connection.
    pub fn destination_limits(&self) -> Limits {
        self.destination_gate.limits()
    }

    /// Counts what the destination keeps otherwise than it was sent.
    pub(super) fn note_altered(&self, altered: &[Altered]) {
        if altered.is_empty() {
            return;
        }
        let cut = |text: &str| text.chars().take(VALUE_MAX).collect::<String>();
        let mut live = self.live();
        for one in altered {
            if let Some(known) = live.altered.iter_mut().find(|known| known.field == one.field) {
                known.n += 1;
            } else if live.altered.len() < ALTERED_MAX {
                let Altered { field, sent, holds } = one;
                live.altered.push(AlteredField { field: field.clone(), n: 1, sent: cut(sent), holds: cut(holds) });
            }
        }
        drop(live);
        self.changed();
    }

    /// The most records that one request may hold.
    pub(super) fn batch_most(&self) -> usize {
        self.destination.batch_size().min(self.batch_learnt.load(Ordering::Relaxed)).max(1)
    }

    /// Remembers that the destination takes no more than so many. True where that is news.
    pub(super) fn learn_batch(&self, most: usize) -> bool {
        most < self.batch_learnt.fetch_min(most.max(1), Ordering::Relaxed)
    }

    /// When it runs, in words: `every 5m`.
    pub fn schedule_words(&self) -> String {
        self.spec.schedule.words()
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock()
    }

    pub(super) fn changed(&self) {
        self.told.notify_one();
    }

    pub(super) fn run_begins(&self, run: &Run, stop: Stop) -> Arc<Mutex<Option<Actor>>> {
        let stopped_by = Arc::new(Mutex::new(None));
        let mut live = self.live();
        live.run = Some(RunStatus {
            id: run.id,
            kind: run.kind.clone(),
            by: run.by.clone(),
            started_at: run.started_at,
            counts: Counts::default(),
            pages: 0,
            page_size: 0,
        });
        live.stop = Some(stop);
        live.stopped_by = stopped_by.clone();
        live.recovered = RecoveredFaults::default();
        live.source_total = None;
        live.moved_at = run.started_at;
        live.stage = "read";
        live.is_cancelled = false;
        // What was ordered until now is what this run does; what is ordered from now on asks for another.
        match run.kind {
            RunKind::Retry => live.retry = None,
            RunKind::Sync | RunKind::Full | RunKind::Sweep => live.trigger = None,
            RunKind::Record | RunKind::Release | RunKind::Inbox | RunKind::Range { .. } => {}
        }
        let is_record = run.kind == RunKind::Record;
        if !is_record {
            live.altered.clear();
            live.failure = None;
            live.not_before = None;
        }
        // One record that a person asked for goes also while the job is paused.
        if let (Some(paused), Some(stop), false) = (&live.control.paused, &live.stop, is_record) {
            // The pause came while the run was about to begin.
            *stopped_by.lock() = Some(paused.by.clone());
            stop.between_pages.cancel();
        }
        drop(live);
        self.changed();
        stopped_by
    }

    /// Changes the control state, saved with its note and then true here. False when there was nothing to change.
    pub(super) async fn change_control(
        &self,
        store: &Store,
        note: Option<Note>,
        change: impl FnOnce(&mut JobControl) -> bool,
    ) -> Result<bool, StoreError> {
        let _turn = self.control_turn.lock().await;
        let before = self.live().control.clone();
        let mut control = before.clone();
        if !change(&mut control) {
            return Ok(false);
        }
        let (was, is) = (state_word(&before), state_word(&control));
        let note = note.map(|note| Note { before: note.before.or(Some(was)), after: note.after.or(Some(is)), ..note });
        store.set_control(&self.spec.id, control.clone(), note).await?;
        self.live().control = control;
        self.changed();
        Ok(true)
    }

    /// As [`JobCell::change_control`] for what is true whether or not it can be saved.
    pub(super) async fn settle_control(
        &self,
        store: &Store,
        note: Option<Note>,
        change: impl FnOnce(&mut Live),
    ) -> Result<(), StoreError> {
        let _turn = self.control_turn.lock().await;
        let control = {
            let mut live = self.live();
            change(&mut live);
            live.control.clone()
        };
        self.changed();
        store.set_control(&self.spec.id, control, note).await
    }

    /// Saves a checkpoint that a person sets, with the control state that goes with it, then makes both true here.
    pub(super) async fn change_point<S>(&self, save: impl FnOnce(JobControl) -> S) -> Result<Checkpoint, StoreError>
    where
        S: Future<Output = Result<(Checkpoint, JobControl), StoreError>>,
    {
        let _turn = self.control_turn.lock().await;
        let control = self.live().control.clone();
        let (checkpoint, control) = save(control).await?;
        self.live().control = control;
        self.set_checkpoint(Some(checkpoint.clone()));
        self.changed();
        Ok(checkpoint)
    }

    /// Takes over what the store says is the job's last checkpoint, unless a later one is known already.
    pub(super) fn set_checkpoint(&self, checkpoint: Option<Checkpoint>) {
        let mut live = self.live();
        let sequence = |checkpoint: &Option<Checkpoint>| checkpoint.as_ref().map(|checkpoint| checkpoint.sequence);
        if sequence(&checkpoint) < sequence(&live.checkpoint) {
            return;
        }
        live.checkpoint = checkpoint;
    }

    /// Something moved, however little.
    pub(super) fn moved(&self) {
        self.live().moved_at = self.clock.now();
    }

    pub(super) fn run_is_over(&self) {
        self.open_ids.lock().clear();
        self.live().in_flight = 0;
        self.changed();
    }

    pub(super) fn page_read(&self, records: u64, total: Option<u64>) {
        let mut live = self.live();
        live.in_flight += records;
        live.source_total = total.or(live.source_total);
        live.moved_at = self.clock.now();
        live.stage = "write";
        if let Some(run) = &mut live.run {
            run.page_size = run.page_size.max(records);
        }
        drop(live);
        self.changed();
    }

    pub(super) fn page_settled(&self, records: u64) {
        let mut live = self.live();
        live.in_flight = live.in_flight.saturating_sub(records);
    }

    pub(super) fn page_committed(
        &self,
        counts: Counts,
        committed: &Committed,
        dead: Option<OpenLetters>,
        new_letters: &[GroupId],
    ) {
        let now = self.clock.now();
        let mut live = self.live();
        live.total = committed.total;
        if let Some(checkpoint) = &committed.checkpoint {
            live.checkpoint = Some(checkpoint.clone());
        }
        if let Some(run) = &mut live.run {
            run.counts += counts;
            run.pages += 1;
        }
        live.dead = dead.unwrap_or(live.dead);
        if let Some(bulk) = &committed.bulk {
            set_bulk(&mut live.bulks, bulk.clone());
        }
        live.newest_group = new_letters.last().copied().or(live.newest_group);
        if !new_letters.is_empty() {
            live.fresh.add(new_letters, now);
        }
        live.moved_at = now;
        live.store_error = None;
        live.rates.add(now, counts.scanned);
        drop(live);
        self.changed();
    }

    pub(super) fn set_withheld(&self, withheld: Option<Withheld>) {
        self.live().withheld = withheld;
        self.changed();
    }

    pub(super) fn count_retry(&self, kind: FaultKind) {
        let mut live = self.live();
        live.retries += 1;
        match kind {
            FaultKind::Throttled => live.recovered.throttled += 1,
            FaultKind::Unknown => live.recovered.unknown += 1,
            _ => live.recovered.transient += 1,
        }
    }

    pub(super) fn take_retries(&self) -> u64 {
        std::mem::take(&mut self.live().retries)
    }

    pub(super) fn set_stage(&self, stage: &'static str) {
        self.live().stage = stage;
        self.changed();
    }

    pub(super) fn set_store_error(&self, error: Option<String>) {
        self.live().store_error = error;
        self.changed();
    }

    pub(super) fn run_ended(&self, end: &RunEnd) -> Option<RunStatus> {
        let mut live = self.live();
        let run = live.run.take();
        live.stop = None;
        let errored = run.as_ref().is_some_and(|run| run.counts.errored > 0);
        live.last_counts = run.as_ref().map(|run| run.counts).filter(|counts| counts.scanned > 0).or(live.last_counts);
        live.last_runs.push_back(mark_of(end, errored));
        if live.last_runs.len() > MARKS_MAX {
            live.last_runs.pop_front();
        }
        drop(live);
        self.changed();
        run
    }

    /// As [`JobCell::stop_run`], and the run does not go on by itself.
    pub(super) fn cancel_run(&self, by: &Actor) -> bool {
        let mut live = self.live();
        let stops = live.stop.is_some();
        live.is_cancelled |= stops;
        drop(live);
        self.stop_run(by)
    }

    /// Asks the run in progress to stop between pages. False when none is in progress.
    pub(super) fn stop_run(&self, by: &Actor) -> bool {
        let live = self.live();
        let Some(stop) = &live.stop else { return false };
        live.stopped_by.lock().get_or_insert_with(|| by.clone());
        stop.between_pages.cancel();
        true
    }

    /// True when one of its systems has kept its calls waiting for longer than `span`.
    pub(super) fn waits_longer_than(&self, span: Duration) -> bool {
        let now = self.clock.now();
        let gates = [&self.source_gate, &self.destination_gate];
        gates.into_iter().filter_map(|gate| gate.waiting_for()).any(|(_, since, _)| now.since(since) > span)
    }

    /// True while figures move by themselves and screens must be told.
    pub(super) fn is_moving(&self) -> bool {
        let live = self.live();
        live.run.is_some() || live.rates.now() > 0.0
    }

    /// Records of each whole minute since this engine began to count, oldest first, at most a day of them.
    pub(super) fn minutes(&self, now: Timestamp) -> Vec<u32> {
        let mut live = self.live();
        live.rates.roll(now);
        live.rates.minutes.iter().copied().collect()
    }

    pub(super) fn has_history(&self) -> bool {
        self.live().rates.history.iter().any(|rate| *rate > 0)
    }

    /// The job as screens and scripts see it.
    pub(super) fn status(&self, now: Timestamp) -> JobStatus {
        let state = self.state(now);
        let limited_by = self.limited_by(&state);
        let mut live = self.live();
        live.rates.roll(now);
        let rate = live.rates.now();
        let position = live.checkpoint.as_ref().map(|checkpoint| &checkpoint.position);
        let done = position.filter(|position| !position.complete).map_or(0, |position| position.records);
        let total = live.source_total.filter(|_| live.run.is_some());
        let eta_seconds = match total {
            Some(total) if rate > 0.0 => Some((total.saturating_sub(done) as f64 / rate) as u64),
            _ => None,
        };
        JobStatus {
            id: self.spec.id.clone(),
            description: self.spec.description.clone(),
            source: self.spec.source.connection.clone(),
            destination: self.spec.destination.connection.clone(),
            schedule: self.spec.schedule.words(),
            state,
            phase: phase_now(&live),
            run: live.run.clone(),
            total: live.total,
            rate,
            history: live.rates.history.iter().copied().collect(),
            progress: Progress { done, total, eta_seconds },
            checkpoint: live.checkpoint.clone(),
            resume: self.spec.resume_rules(),
            in_flight: live.in_flight,
            dead_waiting: live.dead.waiting,
            dead_retrying: live.dead.retrying,
            withheld: withheld_now(&live),
            due: live.control.due,
            limited_by,
            events: live.events.iter().cloned().collect(),
            recovered: live.recovered,
            last_runs: live.last_runs.iter().copied().collect(),
            // Told by the engine, which knows the door.
            webhook: None,
        }
    }

    fn state(&self, now: Timestamp) -> JobState {
        let waiting = self.destination_gate.waiting_for().or_else(|| self.source_gate.waiting_for());
        let in_row = self.live().waits_for_turn.map(|(since, place)| (since, self.turns.before(place)));
        let live = self.live();
        if !self.spec.enabled {
            return JobState::Disabled;
        }
        if live.run.is_some() {
            if live.stop.as_ref().is_some_and(|stop| stop.between_pages.is_cancelled()) {
                return JobState::Pausing;
            }
            if let Some((what, since, until)) = waiting {
                return JobState::Waiting { what, since, until };
            }
            if now.since(live.moved_at) > STALLED_AFTER {
                return JobState::Stalled { stage: live.stage.to_owned(), since: live.moved_at };
            }
            return JobState::Running;
        }
        if let Some(paused) = &live.control.paused {
            let paused = paused.clone();
            return JobState::Paused { by: paused.by, since: paused.since, reason: paused.reason };
        }
        if let Some(parked) = live.stopped() {
            let parked = parked.clone();
            return JobState::NeedsAttention { why: parked.reason, hint: parked.hint, since: parked.since };
        }
        if let Some((since, before)) = in_row {
            return JobState::Waiting { what: format!("its turn, {before} before it"), since, until: None };
        }
        if let Some((why, _, since)) = &live.failure {
            return JobState::Waiting { what: why.clone(), since: *since, until: live.control.due };
        }
        if let Some(withheld) = withheld_now(&live).filter(|withheld| !withheld.is_released) {
            let (why, hint) = withheld_words(&self.spec, &withheld);
            return JobState::NeedsAttention { why, hint: Some(hint), since: withheld.since };
        }
        JobState::Idle
    }

    fn limited_by(&self, state: &JobState) -> Option<String> {
        match state {
            JobState::Waiting { what, .. } => Some(what.clone()),
            JobState::Running => {
                let live = self.live();
                if live.in_flight == 0 {
                    Some(format!("source: {} is being read", self.spec.source.connection))
                } else if self.destination_gate.limited_by_ceiling() {
                    let ceiling = self.destination_gate.ceiling();
                    Some(format!("destination: {ceiling} requests in flight at {}", self.spec.destination.connection))
                } else {
                    Some(format!("destination: {} answers", self.spec.destination.connection))
                }
            }
            _ => None,
        }
    }
}

fn withheld_now(live: &Live) -> Option<Withheld> {
    let is_released = live.control.release.is_some();
    live.withheld.map(|withheld| Withheld { is_released, ..withheld })
}

/// What was withheld, what was not, what the next run does; and the way out.
fn withheld_words(spec: &Job, withheld: &Withheld) -> (String, String) {
    let n = withheld.waiting;
    let deletes = counted(n, "delete is", "deletes are");
    let why = format!(
        "{deletes} withheld (the limits are {}); creates and updates were applied and go on, further deletes wait \
         with them",
        spec.guard.delete_words()
    );
    let id = &spec.id;
    let hint = format!(
        "`syncdeck held list {id}`; then `syncdeck held release {id} --count {n} --reason …`, or \
         `syncdeck held discard {id} --reason …`"
    );
    (why, hint)
}

fn state_word(control: &JobControl) -> String {
    match (&control.paused, &control.parked) {
        (Some(_), _) => "paused",
        (None, Some(_)) => "needs attention",
        (None, None) => "active",
    }
    .to_owned()
}

fn phase_now(live: &Live) -> crate::model::Phase {
    use crate::model::Phase;
    match live.checkpoint.as_ref().map(|checkpoint| &checkpoint.position) {
        None => Phase::Backfill,
        Some(position) if position.complete => Phase::Incremental,
        Some(position) => position.phase,
    }
}

pub(super) fn mark_of(end: &RunEnd, errored: bool) -> RunMark {
    match end {
        RunEnd::Done | RunEnd::HandedOver if errored => RunMark::Part,
        RunEnd::Done | RunEnd::HandedOver => RunMark::Ok,
        RunEnd::Stopped { .. } => RunMark::Stopped,
        RunEnd::Failed { .. } | RunEnd::Guarded { .. } | RunEnd::Interrupted => RunMark::Failed,
    }
}
