//! What happens: jobs are run, faults are waited for, everything is told.
//!
//! One task attends to each job; each run goes through the one loop in `run`.

mod adapt;
mod breaker;
mod bucket;
mod budget;
mod bulk;
mod calls;
mod care;
pub mod clock;
mod clock_watch;
mod correct;
mod deliver;
mod dry_run;
mod enabling;
mod findings;
mod first;
mod forget;
mod fresh;
mod guard;
mod hands;
mod held;
mod history;
mod identity;
mod inbox;
mod job;
mod letter_request;
mod limit;
mod lines;
mod listen;
mod log;
mod notify;
mod one;
mod orders;
mod page;
mod quota;
mod range;
mod read;
mod recheck;
mod rewind;
mod run;
mod schedule;
mod seal;
mod settle;
mod shape;
mod sign_in;
mod snapshot;
mod subscribe;
mod sweep;
mod tell;
mod told;
mod turns;
mod unsubscribe;
mod why;

pub use bulk::usual_rate;
pub use dry_run::DryRun;
pub use held::HeldPart;
pub use job::JobCell;
pub use limit::Gate;
pub use notify::Carrier;
pub use orders::{OrderError, Ordered};
pub use rewind::PointOrder;
pub use schedule::Start;
pub use tell::{Notices, without_content};

use crate::connect::{self, Link};
use crate::model::mapping::{Filter, Mapping};
use crate::model::{
    Clock, ConnectionId, EngineInfo, Identity, Job, JobFinish, JobId, Leftover, Masks, RunEnd, Snapshot, Timestamp,
};
use crate::store::{Store, StoreError};
use indexmap::IndexMap;
use job::{CellParts, Live, OpenLetters};
use schedule::{Attendant, in_doubt_after};
use sign_in::SignIn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use turns::Turns;

/// What an engine is made of.
pub struct Parts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub jobs: Vec<Job>,
    pub links: Vec<Link>,
    pub info: EngineInfo,
    /// Seeds the dice of backoff and jitter.
    pub seed: u64,
    /// The most runs at a time.
    pub runs_at_once: usize,
}

/// Why an engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("job `{job}`: {problem}")]
    Job { job: JobId, problem: String },
}

/// The engine of one workspace. Made stopped; [`Engine::start`] sets its jobs going.
pub struct Engine {
    store: Store,
    clock: Arc<dyn Clock>,
    jobs: IndexMap<JobId, Arc<JobCell>>,
    gates: IndexMap<ConnectionId, Arc<Gate>>,
    /// What each gate leads to, for calls that belong to no run.
    links: IndexMap<ConnectionId, Link>,
    notices: Arc<Notices>,
    info: EngineInfo,
    snapshots: watch::Sender<Arc<Snapshot>>,
    told: Arc<Notify>,
    /// Runs are to end between pages, and no more are to begin.
    stopping: CancellationToken,
    gone: CancellationToken,
    running: AtomicBool,
    /// Held over each change that a person makes to a connection, so that what is saved and what is true keep one order.
    hands_turn: tokio::sync::Mutex<()>,
    hooks: parking_lot::Mutex<Vec<(crate::model::Hook, Carrier)>>,
    attendants: tokio::sync::Mutex<JoinSet<()>>,
    notifier: tokio::sync::Mutex<Option<AbortOnDropHandle<()>>>,
    publisher: tokio::sync::Mutex<Option<AbortOnDropHandle<()>>>,
    /// When the last retry was ordered: letters remember their order by its moment, so no two have the same.
    last_retry: parking_lot::Mutex<Timestamp>,
    door: listen::Door,
    /// Who keeps the subscriptions, and hears silences.
    keepers: tokio::sync::Mutex<JoinSet<()>>,
    leftovers: parking_lot::Mutex<Vec<Leftover>>,
    config_changed_at: parking_lot::Mutex<Option<Timestamp>>,
}

impl Engine {
    /// What the clock says by which everything here is done.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes an engine over what the store holds; nothing runs yet.
    pub async fn new(parts: Parts) -> Result<Arc<Self>, EngineError> {
        let told = Arc::new(Notify::new());
        let mut gates = IndexMap::new();
        let mut links = IndexMap::new();
        for (place, mut link) in parts.links.into_iter().enumerate() {
            let id = link.connection.id.clone();
            let seed = parts.seed.wrapping_add(place as u64);
            let mut gate = Gate::new(link.connection.clone(), parts.clock.clone(), seed);
            gate.sign_in = SignIn::of(&mut link, &parts.store, &parts.clock);
            if let Some(sign_in) = &gate.sign_in {
                sign_in.take_up().await;
            }
            gate.store = Some(parts.store.clone());
            gate.take_up_quota().await?;
            gates.insert(id.clone(), Arc::new(gate));
            links.insert(id, link);
        }
        for job in parts.store.half_forgotten() {
            parts.store.forget(&job, None).await?;
        }
        let turns = Turns::new(parts.runs_at_once);
        let mut jobs = IndexMap::new();
        for spec in parts.jobs {
            let id = spec.id.clone();
            let cell = cell(spec, &links, &gates, &parts.store, &parts.clock, (&told, &turns)).await?;
            jobs.insert(id, Arc::new(cell));
        }
        for (connection, hold) in parts.store.holds().await? {
            // A connection that is no longer configured keeps its hold, should it come back.
            if let Some(gate) = gates.get(&connection) {
                gate.hold(Some(hold));
            }
        }
        for (connection, budget) in parts.store.budgets().await? {
            if let Some(gate) = gates.get(&connection) {
                gate.lower(Some(budget));
            }
        }
        let notices = Arc::new(Notices::new(parts.clock.clone()));
        let engine = Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            jobs,
            gates,
            links,
            notices,
            info: parts.info,
            snapshots: watch::Sender::new(Arc::new(Snapshot::default())),
            told,
            stopping: CancellationToken::new(),
            gone: CancellationToken::new(),
            running: AtomicBool::new(false),
            hands_turn: tokio::sync::Mutex::new(()),
            hooks: parking_lot::Mutex::new(Vec::new()),
            attendants: tokio::sync::Mutex::new(JoinSet::new()),
            notifier: tokio::sync::Mutex::new(None),
            publisher: tokio::sync::Mutex::new(None),
            last_retry: parking_lot::Mutex::new(Timestamp::ZERO),
            door: listen::Door::default(),
            keepers: tokio::sync::Mutex::new(JoinSet::new()),
            leftovers: parking_lot::Mutex::new(Vec::new()),
            config_changed_at: parking_lot::Mutex::new(None),
        });
        engine.look_for_leftovers().await?;
        engine.snapshots.send_replace(Arc::new(engine.snapshot()));
        Ok(engine)
    }

    /// Sets the jobs going. With `once`, each job's end comes over the channel, which closes after the last.
    pub async fn start(self: &Arc<Self>, start: Start) -> mpsc::Receiver<JobFinish> {
        let (finished, ends) = mpsc::channel(self.jobs.len().max(1));
        self.running.store(true, Ordering::Relaxed);
        self.publisher.lock().await.get_or_insert_with(|| AbortOnDropHandle::new(tokio::spawn(self.clone().publish())));
        self.notifier.lock().await.get_or_insert_with(|| AbortOnDropHandle::new(tokio::spawn(self.clone().notify())));
        self.tell_unlike();
        if !start.once {
            self.take_in(&start).await;
        }
        let mut attendants = self.attendants.lock().await;
        if !start.once {
            attendants.spawn(self.clone().watch_clock());
        }
        if !start.once && start.only.is_empty() {
            attendants.spawn(self.clone().clean_up());
        }
        for cell in self.jobs.values() {
            if start.only.is_empty() || start.only.contains(&cell.spec.id) {
                let attendant = Attendant::new(self.clone(), cell.clone(), start.clone(), finished.clone());
                attendants.spawn(attendant.attend());
            }
        }
        ends
    }

    /// Finishes the pages in progress, checkpoints and stops. Returns when nothing runs any more.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.close_door().await;
        self.end_keepers().await;
        for cell in self.jobs.values() {
            cell.stop_run(&crate::model::Actor::shutdown());
            cell.wake.notify_waiters();
        }
        let mut attendants = self.attendants.lock().await;
        while attendants.join_next().await.is_some() {}
        for gate in self.gates.values() {
            gate.settle_quota().await;
        }
        // Until then it told how the stopping goes.
        self.gone.cancel();
        self.notifier.lock().await.take();
        if let Some(publisher) = self.publisher.lock().await.take() {
            // It ends by itself, and if it was dead already, nothing is lost with it.
            let _ = publisher.await;
        }
        self.running.store(false, Ordering::Relaxed);
        self.snapshots.send_replace(Arc::new(self.snapshot()));
    }

    /// Leaves everything where it stands, as the death of the process would: nothing is finished, nothing more is saved
    /// but what the store holds already. The state is as good as after a crash.
    pub async fn halt(&self) {
        self.close_door().await;
        self.keepers.lock().await.shutdown().await;
        self.attendants.lock().await.shutdown().await;
        self.publisher.lock().await.take();
        self.notifier.lock().await.take();
        self.running.store(false, Ordering::Relaxed);
    }

    /// Since when the files of the configuration hold something else than what this engine was made of; none when they hold
    /// the same.
    pub fn set_config_changed(&self, since: Option<Timestamp>) {
        let mut changed = self.config_changed_at.lock();
        if changed.is_some() != since.is_some() {
            *changed = since;
            self.told.notify_one();
        }
    }

    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    /// The state as it changes; the newest wins.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    pub fn job(&self, id: &JobId) -> Option<&Arc<JobCell>> {
        self.jobs.get(id)
    }

    /// The secrets of the configuration, to mask them in what leaves the engine.
    pub fn masks(&self) -> Masks {
        // Every connection knows all of them.
        self.links.values().next().map(|link| link.masks.clone()).unwrap_or_default()
    }

    /// Fields whose values the configuration hides.
    pub fn redacted_fields(&self) -> &[String] {
        &self.info.redact
    }

    pub fn job_ids(&self) -> impl Iterator<Item = &JobId> {
        self.jobs.keys()
    }
}

/// The runs that are looked at to see how a job stands.
const LAST_RUNS: usize = 50;

async fn cell(
    spec: Job,
    links: &IndexMap<ConnectionId, Link>,
    gates: &IndexMap<ConnectionId, Arc<Gate>>,
    store: &Store,
    clock: &Arc<dyn Clock>,
    (told, turns): (&Arc<Notify>, &Arc<Turns>),
) -> Result<JobCell, EngineError> {
    let broken = |problem: String| EngineError::Job { job: spec.id.clone(), problem };
    let end = |id: &ConnectionId| {
        let link = links.get(id).ok_or_else(|| broken(format!("connection `{id}` does not exist")))?;
        Ok::<_, EngineError>((link, gates.get(id).expect("every link has its gate").clone()))
    };
    let (source, source_gate) = end(&spec.source.connection)?;
    let (destination, destination_gate) = end(&spec.destination.connection)?;
    let ends = connect::ends(&spec, source, destination).map_err(broken)?;
    let mapping = Mapping::compile(&spec.map)
        .map_err(|errors| broken(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let filter = spec.source.filter.as_deref().map(Filter::compile).transpose().map_err(broken)?;
    for gate in [&source_gate, &destination_gate] {
        gate.uses(&spec.id);
    }
    let identity = Identity::of(&spec, &destination.connection, &destination.masks);
    let mut live = live(&spec, store, clock).await?;
    if let Some(before) = live.control.identity.as_ref().filter(|_| !store.is_blank(&spec.id)) {
        live.unlike = identity::unlike(&spec, before, &identity, clock.now());
    }
    Ok(JobCell::new(CellParts {
        spec,
        identity,
        mapping,
        filter,
        source: ends.source,
        destination: ends.destination,
        change_log: ends.change_log,
        source_gate,
        destination_gate,
        clock: clock.clone(),
        told: told.clone(),
        turns: turns.clone(),
        live,
    }))
}

/// What the store knows of a job.
async fn live(spec: &Job, store: &Store, clock: &Arc<dyn Clock>) -> Result<Live, EngineError> {
    let mut control = store.control(&spec.id).await?;
    let checkpoint = store.checkpoint(&spec.id).await?;
    let is_new = checkpoint.is_none() && control.configured.is_none();
    let is_changed = control.configured.is_some_and(|before| before != spec.configured);
    let is_scheduled = spec.schedule != crate::model::Schedule::Manual;
    if control.due.is_none() && is_scheduled || is_changed && !is_new {
        control.due = Some(clock.now());
    }
    // A schedule that was made shorter holds from now on.
    control.due = control.due.map(|due| spec.schedule.not_beyond(due, clock.now()));
    let last = store.runs(Some(&spec.id), None, LAST_RUNS).await?;
    let last_runs = last
        .iter()
        .take(job::MARKS_MAX)
        .rev()
        .filter_map(|run| run.end.as_ref().map(|end| job::mark_of(end, run.counts.errored > 0)))
        .collect();
    let was_cut_off = last.first().is_some_and(|run| run.end == Some(RunEnd::Interrupted));
    let ends = last.iter().rev().filter_map(|run| Some((run, run.end.as_ref()?)));
    // Of what happened before the runs that are looked at, the doubtful is taken to be true.
    let before = (last.len() >= LAST_RUNS).then_some(crate::model::Timestamp::ZERO);
    let in_doubt_since = ends.fold(before, |before, (run, end)| in_doubt_after(before, &run.kind, end, run.started_at));
    if was_cut_off {
        control.due = Some(clock.now());
    }
    let bulks = bulk::taken_up(&spec.id, store, clock).await?;
    let under_retry = store.letters_retrying(&spec.id, None, 1).await?;
    Ok(Live {
        total: store.total(&spec.id),
        dead: OpenLetters::of(store, &spec.id).await?,
        bulks,
        withheld: held::withheld(store, &spec.id).await?,
        retry: (!under_retry.is_empty()).then(crate::model::Actor::engine),
        checkpoint,
        control,
        last_runs,
        in_doubt_since,
        ..Live::default()
    })
}
