//! Both systems in a process of their own, for tests that kill the engine and for benchmarks.

use super::{Churn, FaultsOrder, Latency, Options, Profile, Side, World, serve};
use crate::model::Clock;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// How the simulator is to run.
#[derive(Clone)]
pub struct Standalone {
    pub seed: u64,
    /// Records of each collection.
    pub records: u64,
    /// The shop's collections; empty for the usual five.
    pub collections: Vec<String>,
    pub faults: Profile,
    /// The share of generated records that carry a mistake (0.0 to 1.0).
    pub bad_fraction: f64,
    /// The shop's port; the CRM's is the next one. 0 takes any two.
    pub port: u16,
    /// Of both sides, milliseconds.
    pub latency_ms: u64,
    /// A change in the shop after every so many pages; 0 for none.
    pub churn_every: u64,
    /// What `Retry-After` dates and new records' times count from.
    pub clock: Arc<dyn Clock>,
}

impl Standalone {
    /// Quiet systems with `records` of each collection, on any ports.
    pub fn new(seed: u64, records: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            seed,
            records,
            collections: Vec::new(),
            faults: Profile::None,
            bad_fraction: 0.0,
            port: 0,
            latency_ms: 0,
            churn_every: 0,
            clock,
        }
    }

    fn world(&self) -> World {
        let mut options = Options::new(self.seed, self.records);
        options.clock = self.clock.clone();
        options.bad_fraction = self.bad_fraction;
        // A million records with a history each would not fit, and the counts say what a benchmark asks.
        options.history_max = 0;
        options.trace_max = 0;
        if !self.collections.is_empty() {
            options.collections.clone_from(&self.collections);
        }
        let world = World::with(&options);
        let latency = Latency { base_ms: self.latency_ms, jitter_ms: 0 };
        world.faults.order(FaultsOrder {
            profile: Some(self.faults),
            latency: Some(vec![(Side::Source, latency), (Side::Destination, latency)]),
            ..FaultsOrder::default()
        });
        if 0 < self.churn_every {
            world.shop.churn(self.churn_every, Churn::Any);
        }
        world
    }
}

/// Serves until the process ends. Writes `{"shop":"http://…","crm":"http://…"}` as one line to `out` when both listen.
///
/// Errors are those of binding the ports and of writing to `out`.
pub async fn run_standalone(args: Standalone, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let world = args.world();
    let address = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let crm_port = if args.port == 0 { 0 } else { args.port + 1 };
    let (shop, shop_served) = serve(world.router(), address(args.port)).await?;
    let (crm, crm_served) = serve(world.router(), address(crm_port)).await?;
    let line = serde_json::json!({ "shop": format!("http://{shop}"), "crm": format!("http://{crm}") });
    writeln!(out, "{line}")?;
    out.flush()?;
    tokio::join!(shop_served.served(), crm_served.served());
    Ok(())
}
