//! The demo: both systems over real HTTP, a life of their own, and a configuration that shows every side of a sync.

use super::faults::Fault;
use super::{
    Deliveries, FaultRule, Latency, Options, Profile, RateLimit, Removal, ServeHandle, Side, Spoil, World, serve,
};
use crate::model::Clock;
use fastrand::Rng;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What kind of demo.
#[derive(Clone)]
pub struct DemoOptions {
    pub seed: u64,
    /// Records of each collection of the shop.
    pub records: u64,
    pub faults: Profile,
    pub clock: Arc<dyn Clock>,
}

/// Two running systems and what happens in them. Nothing of it is on disk; dropped or stopped, it is gone.
pub struct Demo {
    pub world: World,
    pub shop_address: SocketAddr,
    pub crm_address: SocketAddr,
    /// Where webhooks are to be taken in: a port that was free a moment ago.
    pub hook_address: SocketAddr,
    servers: [ServeHandle; 2],
    life: Life,
}

/// The task in which people trade; it ends when this is dropped.
struct Life(JoinHandle<()>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Demo {
    /// Fills the shop and starts both systems on free ports of this machine.
    pub async fn start(options: DemoOptions) -> io::Result<Self> {
        let mut of = Options::new(options.seed, options.records);
        of.clock = options.clock.clone();
        of.bad_fraction = match options.faults {
            Profile::None => 0.0,
            Profile::Few | Profile::Some => 0.01,
            Profile::Many => 0.04,
        };
        (of.history_max, of.trace_max) = (0, 0);
        let world = World::with(&of);
        set_the_scene(&world, options.faults);
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (shop_address, shop) = serve(world.router(), local).await?;
        let (crm_address, crm) = serve(world.router(), local).await?;
        let hook_address = std::net::TcpListener::bind(local)?.local_addr()?;
        // Long enough to be looked at, short enough that it is renewed while somebody looks.
        world.webhooks.set(Deliveries { lifetime_ms: 180_000, ..Deliveries::default() });
        let life = tokio::spawn(live(world.clone(), options.faults, options.seed));
        Ok(Self { world, shop_address, crm_address, hook_address, servers: [shop, crm], life: Life(life) })
    }

    /// The `syncdeck.toml` of this demo.
    pub fn config(&self, state_folder: &Path) -> String {
        demo_config(self.shop_address, self.crm_address, self.hook_address, state_folder)
    }

    /// Ends both systems and their life; the ports are free when this returns.
    pub async fn stop(self) {
        drop(self.life);
        for server in self.servers {
            server.stop().await;
        }
    }
}

/// How the systems are before anything happens: they take their time, and one of them counts requests.
fn set_the_scene(world: &World, faults: Profile) {
    let latency = |base_ms, jitter_ms| Latency { base_ms, jitter_ms };
    world.faults.set_latency(Side::Source, latency(30, 60));
    world.faults.set_latency(Side::Destination, latency(8, 24));
    let refused = Fault::Status {
        code: 401,
        body: r#"{"error":{"code":"token_expired","message":"the token has expired"}}"#.to_owned(),
        headers: Vec::new(),
    };
    if faults == Profile::None {
        return;
    }
    // A 429 holds a whole connection for seconds: as many as a test wants would leave nothing to look at.
    world.faults.set_profile(if faults == Profile::Some { Profile::Few } else { faults });
    world.faults.add(FaultRule::new(Side::Source, refused).path_contains("/tickets"));
    let limit = RateLimit { requests: 600, per_ms: 60_000, burst: 10 };
    world.faults.set_limit(Side::Destination, "/subscribers", Some(limit));
}

const TICK: Duration = Duration::from_millis(400);
/// Ticks from one outage of the ERP to the next, and how many it lasts.
const OUTAGE_EVERY: u64 = 100;
const OUTAGE_TICKS: u64 = 15;
const OUTAGE_FIRST: u64 = 20;

/// What people do in a shop, and what happens to an ERP, until the task is aborted.
async fn live(world: World, faults: Profile, seed: u64) {
    let mut dice = Rng::with_seed(seed ^ 0x11FE);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut spoiled: Option<String> = None;
    for n in 0_u64.. {
        tick.tick().await;
        trade(&world, &mut dice);
        if faults == Profile::None {
            continue;
        }
        mistake_or_mend(&world, &mut dice, &mut spoiled);
        outage(&world, n);
    }
}

fn trade(world: &World, dice: &mut Rng) {
    let shop = &world.shop;
    for _ in 0..dice.u32(0..3) {
        let collection = ["customers", "customers", "orders", "products", "invoices"][dice.usize(0..5)];
        if let Some(id) = shop.any_id(collection) {
            shop.edit(collection, &id);
        }
    }
    match dice.u32(0..24) {
        0..5 => {
            shop.insert_new(["orders", "invoices", "customers"][dice.usize(0..3)]);
        }
        5 => {
            shop.late_commit("orders", Duration::from_secs(5));
        }
        6 | 7 => {
            let collection = ["customers", "products"][dice.usize(0..2)];
            if let Some(id) = shop.any_id(collection) {
                shop.remove(collection, &id, Removal::Tombstone);
            }
        }
        _ => {}
    }
}

/// Somebody types nonsense into a record; some time later somebody puts it right, so that a retry succeeds.
fn mistake_or_mend(world: &World, dice: &mut Rng, spoiled: &mut Option<String>) {
    if dice.u32(0..20) != 0 {
        return;
    }
    let shop = &world.shop;
    match spoiled.take() {
        Some(id) => {
            shop.mend("customers", &id);
        }
        None => {
            let how = [Spoil::Phone, Spoil::Email, Spoil::MissingEmail, Spoil::Tier][dice.usize(0..4)];
            *spoiled = shop.any_id("customers").filter(|id| shop.spoil("customers", id, how));
        }
    }
}

fn outage(world: &World, tick: u64) {
    const PATH: &str = "/v2/orders";
    let Some(since_first) = tick.checked_sub(OUTAGE_FIRST) else {
        return;
    };
    match since_first % OUTAGE_EVERY {
        0 => {
            let busy = r#"{"error":{"code":"maintenance","message":"the ERP is down for maintenance"}}"#;
            let down = Fault::Status { code: 503, body: busy.to_owned(), headers: Vec::new() };
            world.faults.add(FaultRule::new(Side::Destination, down).path_contains(PATH));
        }
        OUTAGE_TICKS => world.faults.remove(|rule| rule.path_contains.as_deref() == Some(PATH)),
        _ => {}
    }
}

/// The demo's configuration, as a person would write it.
pub fn demo_config(shop: SocketAddr, crm: SocketAddr, hooks: SocketAddr, state_folder: &Path) -> String {
    // TOML's quoted texts know the escapes of JSON.
    let state = serde_json::Value::from(state_folder.to_string_lossy());
    format!(
        r##"# The configuration of `syncdeck demo`: two simulated systems, six jobs.
[workspace]
name = "demo"
state = {state}

[serve]
listen = "HOOK_ADDRESS"
public_url = "http://HOOK_ADDRESS"
{CONNECTIONS}{JOBS}"##
    )
    .replace("SHOP_ADDRESS", &shop.to_string())
    .replace("CRM_ADDRESS", &crm.to_string())
    .replace("HOOK_ADDRESS", &hooks.to_string())
}

/// What is added to the configuration for so many customers; four jobs each.
pub fn customers_config(instances: u64, crm: SocketAddr) -> String {
    if instances == 0 {
        return String::new();
    }
    let names = (1..=instances).map(|n| format!("[instances.customer-{n:03}]\n")).collect::<String>();
    format!("{}{names}", CUSTOMERS.replace("CRM_ADDRESS", &crm.to_string()))
}

const CUSTOMERS: &str = include_str!("demo/customers.toml");
const CONNECTIONS: &str = include_str!("demo/connections.toml");
const JOBS: &str = include_str!("demo/jobs.toml");
