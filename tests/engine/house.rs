//! A whole house for a test: a configuration, a store in memory, the simulated systems, and an engine over them.

use std::path::Path;
use std::sync::Arc;
use syncdeck::connect::Link;
use syncdeck::control::local::Local;
use syncdeck::control::{Answer, Handle, Request};
use syncdeck::engine::clock::RuntimeClock;
use syncdeck::engine::{Engine, Parts, Start};
use syncdeck::model::{Actor, EngineInfo, Job, JobFinish, JobId, Timestamp, Via};
use syncdeck::sim::World;
use syncdeck::store::{Options, Store};

/// The moment at which every test begins: after all that the simulated shop holds.
pub const BEGIN: Timestamp = Timestamp(1_790_000_000_000);

pub struct House {
    pub world: World,
    pub store: Store,
    pub engine: Arc<Engine>,
    pub handle: Handle,
    config: String,
    clock: Arc<RuntimeClock>,
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

fn jobs(config: &str) -> (Vec<Job>, Vec<syncdeck::model::Connection>, syncdeck::model::Masks) {
    let config = syncdeck::config::parse(config, Path::new("syncdeck.toml"), &|_| None)
        .unwrap_or_else(|mistakes| panic!("the test's configuration: {mistakes}"));
    (config.jobs, config.connections, config.masks)
}

impl House {
    /// A house over `world` with a new store.
    pub async fn new(world: World, config: &str) -> Self {
        let store = Store::in_memory(&Options::default()).expect("a store in memory");
        let clock = Arc::new(RuntimeClock::starting_at(BEGIN));
        Self::over(world, store, config, clock).await
    }

    async fn over(world: World, store: Store, config: &str, clock: Arc<RuntimeClock>) -> Self {
        let (jobs, connections, masks) = jobs(config);
        let transport = world.transport();
        let links = connections
            .into_iter()
            .map(|connection| Link {
                connection: Arc::new(connection),
                transport: transport.clone(),
                masks: masks.clone(),
            })
            .collect();
        let info = EngineInfo { workspace: "test".to_owned(), ..EngineInfo::default() };
        let parts = Parts { store: store.clone(), clock: clock.clone(), jobs, links, info, seed: 7 };
        let engine = Engine::new(parts).await.expect("an engine over a good configuration");
        let handle = Handle::new(Local::new(engine.clone()), Actor::person("ops", Via::Console));
        Self { world, store, engine, handle, config: config.to_owned(), clock }
    }

    /// The same house after its process ended: a new engine over the same store and systems.
    pub async fn again(self) -> Self {
        let config = self.config.clone();
        self.with(&config).await
    }

    /// As [`House::again`], with another configuration.
    pub async fn with(self, config: &str) -> Self {
        self.engine.stop().await;
        Self::over(self.world, self.store, config, self.clock).await
    }

    /// Runs all jobs until nothing is left, on an engine of its own.
    pub async fn run_once(self) -> (Self, Vec<JobFinish>) {
        self.run(Start { once: true, ..Start::default() }).await
    }

    pub async fn run(self, start: Start) -> (Self, Vec<JobFinish>) {
        let house = self.again().await;
        let mut ends = house.engine.start(start).await;
        let mut finished = Vec::new();
        while let Some(finish) = ends.recv().await {
            assert!(finish.counts.is_balanced(), "the counts do not balance: {:?}", finish.counts);
            finished.push(finish);
        }
        (house, finished)
    }

    pub async fn ask(&self, request: Request) -> Answer {
        self.handle.ask(request).await.expect("an answer")
    }

    /// Every live record of the shop is at the CRM as it is, and nothing else is there.
    pub fn assert_in_step(&self, collection: &str) {
        let wanted = self.world.shop.dump(collection);
        let found = self.world.crm.dump(collection);
        let wanted: std::collections::BTreeMap<_, _> =
            wanted.into_iter().filter(|(_, body)| !body.windows(14).any(|part| part == b"\"deleted\":true")).collect();
        let missing: Vec<_> = wanted.keys().filter(|id| !found.contains_key(*id)).take(5).collect();
        assert!(missing.is_empty(), "missing at the destination: {missing:?}");
        let extra: Vec<_> = found.keys().filter(|id| !wanted.contains_key(*id)).take(5).collect();
        assert!(extra.is_empty(), "too many at the destination: {extra:?}");
        for (id, body) in &wanted {
            assert_eq!(body, &found[id], "record {id} differs");
        }
    }

    /// The destination's own book found no duplicate, no overlapping write and no stale overwrite.
    pub fn assert_clean(&self) {
        let audit = self.world.audit();
        assert!(audit.violations.is_empty(), "violations: {:?}", audit.violations);
    }
}

pub fn job(name: &str) -> JobId {
    JobId::from(name)
}
