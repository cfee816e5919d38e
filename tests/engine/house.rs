//! A whole house for a test: a configuration, a store on a disk in memory, the simulated systems, and an engine over them.

use crate::disk::Disk;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use syncdeck::config::Config;
use syncdeck::connect::Link;
use syncdeck::connect::http::Transport;
use syncdeck::control::local::Local;
use syncdeck::control::{Answer, Handle, Request};
use syncdeck::engine::clock::RuntimeClock;
use syncdeck::engine::{Engine, Parts, Start};
use syncdeck::model::mapping::{Filter, Mapping};
use syncdeck::model::{Actor, EngineInfo, Job, JobFinish, JobId, JobStatus, Timestamp, Via};
use syncdeck::sim::World;
use syncdeck::store::{Options, Store};

/// The moment at which every test begins: after all that the simulated shop holds.
pub const BEGIN: Timestamp = Timestamp(1_790_000_000_000);

pub struct House {
    pub world: World,
    pub store: Store,
    pub engine: Arc<Engine>,
    pub handle: Handle,
    pub disk: Disk,
    config: String,
    clock: Arc<RuntimeClock>,
    /// Seeds the engine's dice.
    seed: u64,
}

/// The head of every configuration: the two connections.
pub const CONNECTIONS: &str = r#"
[workspace]
name = "test"
state = "state"
[connections.shop]
type = "rest"
base_url = "http://shop.test/api"
[connections.crm]
type = "rest"
base_url = "http://crm.test/v2"
"#;

/// Customers by cursor, one idempotent request a record.
pub const CUSTOMERS: &str = r#"
[jobs.customers]
[jobs.customers.source]
connection = "shop"
path = "/cursor/customers"
query = { limit = "50" }
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
paginate = { type = "cursor", next = "/next_cursor", param = "cursor" }
incremental = { param = "updated_since" }
one = { path = "/customers/{{ id }}" }
[jobs.customers.destination]
connection = "crm"
path = "/customers/{{ id }}"
idempotency_header = "Idempotency-Key"
delete = { method = "DELETE", path = "/customers/{{ id }}" }
"#;

fn parsed(config: &str) -> Config {
    syncdeck::config::parse(config, Path::new("syncdeck.toml"), &|_| None)
        .unwrap_or_else(|mistakes| panic!("the test's configuration: {mistakes}"))
}

fn open(disk: &Disk) -> Store {
    let options = Options { cache_bytes: 1 << 20, ..Options::default() };
    Store::open_on(disk.clone(), &options).expect("a state that opens")
}

impl House {
    /// A house over `world` with a new store.
    pub async fn new(world: World, config: &str) -> Self {
        Self::on(Disk::default(), world, config, 7).await
    }

    pub async fn on(disk: Disk, world: World, config: &str, seed: u64) -> Self {
        let clock = Arc::new(RuntimeClock::starting_at(BEGIN));
        let store = open(&disk);
        Self::over(world, disk, store, config, clock, seed).await
    }

    async fn over(world: World, disk: Disk, store: Store, config: &str, clock: Arc<RuntimeClock>, seed: u64) -> Self {
        let transport = world.transport();
        Self::through(transport, world, disk, store, config, clock, seed).await
    }

    /// A house whose requests go another way than straight to its world.
    pub async fn by(transport: Arc<dyn Transport>, world: World, config: &str) -> Self {
        let clock = Arc::new(RuntimeClock::starting_at(BEGIN));
        let disk = Disk::default();
        let store = open(&disk);
        Self::through(transport, world, disk, store, config, clock, 7).await
    }

    async fn through(
        transport: Arc<dyn Transport>,
        world: World,
        disk: Disk,
        store: Store,
        config: &str,
        clock: Arc<RuntimeClock>,
        seed: u64,
    ) -> Self {
        let Config { jobs, connections, masks, workspace, .. } = parsed(config);
        let links = connections
            .into_iter()
            .map(|connection| Link {
                connection: Arc::new(connection),
                transport: transport.clone(),
                masks: masks.clone(),
            })
            .collect();
        let info = EngineInfo { workspace: "test".to_owned(), ..EngineInfo::default() };
        let parts = Parts {
            store: store.clone(),
            clock: clock.clone(),
            jobs,
            links,
            info,
            seed,
            runs_at_once: workspace.runs_at_once,
        };
        let engine = Engine::new(parts).await.expect("an engine over a good configuration");
        let handle = Handle::new(Local::new(engine.clone()), Actor::person("ops", Via::Console));
        Self { world, store, engine, handle, disk, config: config.to_owned(), clock, seed }
    }

    /// The same house after its process ended in order: a new engine over the same store and systems.
    pub async fn again(self) -> Self {
        let config = self.config.clone();
        self.with(&config).await
    }

    /// As [`House::again`], with another configuration.
    pub async fn with(self, config: &str) -> Self {
        self.engine.stop().await;
        Self::over(self.world, self.disk, self.store, config, self.clock, self.seed + 1).await
    }

    /// The same house after its process was killed; `disk` is what the next process finds.
    pub async fn after_a_kill(self, disk: impl FnOnce(&Disk) -> Disk) -> Self {
        let disk = disk(&self.disk);
        self.engine.halt().await;
        let store = open(&disk);
        Self::over(self.world, disk, store, &self.config, self.clock, self.seed + 1).await
    }

    /// Runs all jobs until nothing is left, on an engine of its own.
    pub async fn run_once(self) -> (Self, Vec<JobFinish>) {
        self.run(Start { once: true, ..Start::default() }).await
    }

    pub async fn run(self, start: Start) -> (Self, Vec<JobFinish>) {
        let house = self.again().await;
        let finished = house.finish(start).await;
        (house, finished)
    }

    /// Starts this house's engine and waits for the ends of its jobs.
    pub async fn finish(&self, start: Start) -> Vec<JobFinish> {
        let mut ends = self.engine.start(start).await;
        let mut finished = Vec::new();
        while let Some(finish) = ends.recv().await {
            assert!(finish.counts.is_balanced(), "the counts do not balance: {:?}", finish.counts);
            finished.push(finish);
        }
        finished
    }

    pub async fn ask(&self, request: Request) -> Answer {
        self.handle.ask(request).await.expect("an answer")
    }

    pub fn job(&self, id: &JobId) -> JobStatus {
        let snapshot = self.engine.snapshot();
        snapshot.jobs.into_iter().find(|job| job.id == *id).expect("a job of the configuration")
    }

    pub fn spec(&self, id: &JobId) -> &Job {
        &self.engine.job(id).expect("a job of the configuration").spec
    }

    /// Every live record of the shop is at the CRM as the map makes it, and nothing else is there; `except` are not
    /// looked at.
    pub fn differences(&self, id: &JobId, collection: &str, except: &BTreeSet<String>) -> Vec<String> {
        let spec = self.spec(id);
        let mapping = Mapping::compile(&spec.map).expect("a map that compiles");
        let filter = spec.source.filter.as_deref().map(|filter| Filter::compile(filter).expect("a filter"));
        let mut wanted = BTreeMap::new();
        for (id, body) in self.world.shop.dump(collection) {
            let body = syncdeck::model::RawJson::parse(body).expect("JSON");
            let tree = body.to_value().expect("a tree");
            let is_live = tree["deleted"] != true;
            if is_live && filter.as_ref().is_none_or(|filter| filter.accepts(&body).unwrap_or(false)) {
                let mapped = mapping.apply(&body).ok().map(|mapped| mapped.to_value().expect("a tree"));
                wanted.insert(id, mapped);
            }
        }
        let makes_ids = spec.destination.creates.makes_ids();
        let found = self.world.crm.dump(collection).into_iter();
        let found: BTreeMap<String, _> =
            found.map(|(id, body)| if makes_ids { known_outside(id, &body) } else { (id, body) }).collect();
        let ids: BTreeSet<&String> = wanted.keys().chain(found.keys()).filter(|id| !except.contains(*id)).collect();
        let mut differences = Vec::new();
        for id in ids {
            match (wanted.get(id), found.get(id)) {
                (Some(_), None) => differences.push(format!("{id} is missing at the destination")),
                (None, Some(_)) => differences.push(format!("{id} is too much at the destination")),
                (Some(wanted), Some(found)) => {
                    let found: serde_json::Value = serde_json::from_slice(found).expect("JSON");
                    if *wanted != Some(found.clone()) {
                        differences.push(format!("{id} differs: {wanted:?} became {found}"));
                    }
                }
                (None, None) => {}
            }
        }
        differences
    }

    pub fn assert_in_step(&self, collection: &str) {
        let differences = self.differences(&job(collection), collection, &BTreeSet::new());
        assert!(differences.is_empty(), "{} differences, the first: {}", differences.len(), differences[0]);
    }

    /// The destination's own book found no duplicate, no overlapping write and no stale overwrite.
    pub fn assert_clean(&self) {
        let audit = self.world.audit();
        assert!(audit.violations.is_empty(), "violations: {:?}", audit.violations);
    }

    /// What holds at every moment: each run's counts balance, and checkpoints only go on.
    pub async fn assert_sound(&self) {
        for run in self.store.runs(None, None, 10_000).await.expect("runs") {
            assert!(run.counts.is_balanced(), "the counts of run #{} do not balance: {:?}", run.id, run.counts);
        }
        for id in self.engine.job_ids() {
            let mut later = None;
            for checkpoint in self.store.checkpoints(id, None, 10_000).await.expect("checkpoints") {
                if let Some(later) = &later {
                    assert_follows(&checkpoint, later);
                }
                later = Some(checkpoint);
            }
        }
    }
}

/// A record of the CRM by what it is known as outside, without the field that says so.
fn known_outside(id: String, body: &bytes::Bytes) -> (String, bytes::Bytes) {
    let mut tree: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).expect("an object");
    match tree.remove("external_id") {
        Some(serde_json::Value::String(known_as)) => (known_as, serde_json::to_vec(&tree).expect("JSON").into()),
        _ => (id, body.clone()),
    }
}

fn assert_follows(before: &syncdeck::model::Checkpoint, after: &syncdeck::model::Checkpoint) {
    assert_eq!(before.sequence.0 + 1, after.sequence.0, "a checkpoint is missing");
    let (old, new) = (&before.position, &after.position);
    if after.moved_by.is_some() {
        // A person set it, so it may stand anywhere.
        assert_eq!(before.total, after.total, "a rewind counted something");
        return;
    }
    assert!(before.total.scanned + after.page.scanned == after.total.scanned, "the totals do not add up");
    let begins_anew = new.pages == 1;
    assert!(begins_anew || new.pages == old.pages + 1, "page {} came after page {}", new.pages, old.pages);
    assert!(
        new.watermark >= old.watermark || (begins_anew && new.watermark.is_none()),
        "the watermark went back from {:?} to {:?}",
        old.watermark,
        new.watermark
    );
}

pub fn job(name: &str) -> JobId {
    JobId::from(name)
}
