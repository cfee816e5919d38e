//! Two simulated systems, a shop to read from and a CRM to write to, with a knob for every fault.
//!
//! A [`World`] holds both. Its router answers under `/api` as the shop, under `/v2` as the CRM and under `/sim` as
//! the workshop behind both: knobs, dumps and what the oracles found. It runs over real sockets ([`serve`]) or
//! in the process without any ([`transport`]), where a seed and a paused clock make a run replay exactly.
//!
//! ```text
//! shop   GET  /api/{paging}/{collection}     paging: cursor next_url next_header params link_header page offset keyset none search
//!        GET  /api/{collection}/{id}
//!        GET POST /api/webhooks      GET DELETE /api/webhooks/{id}      POST /api/webhooks/{id}/renew
//! crm    PUT PATCH DELETE GET /v2/{collection}/{id}      GET POST /v2/{collection}      POST /v2/{collection}:batch
//! sign-in POST /oauth/token
//! sim    GET  /sim/audit  /sim/requests  /sim/collection/{source|destination}/{name}
//!        POST /sim/faults  /sim/webhooks  /sim/churn  /sim/token  /sim/identity
//!        POST /sim/shop/{collection}/{action}  /sim/crm/{collection}/lose
//! ```

mod audit;
mod batch;
mod change_log;
mod clock;
mod control;
mod crm;
pub mod demo;
mod faults;
mod generate;
mod http;
mod identity;
mod limit;
mod listing;
mod members;
mod rules;
mod serve;
mod shop;
mod standalone;
mod transport;
mod webhooks;

pub use audit::{Audit, CollectionAudit, SideAudit, Violation, ViolationKind};
pub use clock::SimulatedClock;
pub use crm::Crm;
pub use faults::{Fault, FaultRule, Faults, FaultsOrder, Injected, Latency, Profile, RetryAfter};
pub use identity::{CLIENT, Identity, IdentityOrder};
pub use limit::RateLimit;
pub use listing::Paging;
pub use rules::{Check, CheckKind, Rules};
pub use serve::{ServeHandle, serve};
pub use shop::{Churn, ListingHook, Removal, Shop, Spoil};
pub use standalone::{Standalone, run_standalone};
pub use transport::{RouterTransport, transport};
pub use webhooks::{Deliveries, SECRET as WEBHOOK_SECRET, Subscriber, Webhooks, signature as webhook_signature};

use crate::model::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which of the two systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The shop.
    Source,
    /// The CRM.
    Destination,
}

/// How a world begins.
#[derive(Clone)]
pub struct Options {
    pub seed: u64,
    /// Records of each collection of the shop; `tickets` has a tenth of it.
    pub records: u64,
    /// The share of generated records that carry a mistake of their own (0.0 to 1.0).
    pub bad_fraction: f64,
    pub clock: Arc<dyn Clock>,
    /// How many applied bodies the CRM keeps of each record.
    pub history_max: usize,
    /// How many requests are kept for [`World::trace`].
    pub trace_max: usize,
    /// The collections that are filled at the start.
    pub collections: Vec<String>,
}

impl Options {
    pub fn new(seed: u64, records: u64) -> Self {
        Self {
            seed,
            records,
            bad_fraction: 0.0,
            clock: Arc::new(SimulatedClock::default()),
            history_max: 64,
            trace_max: 10_000,
            collections: generate::COLLECTIONS.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

/// One request as it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Traced {
    pub at: Timestamp,
    pub side: Side,
    pub method: String,
    pub path_and_query: String,
    /// None when no answer was given.
    pub status: Option<u16>,
}

/// Both systems. Cheap to clone; all clones are the same world.
#[derive(Clone)]
pub struct World {
    pub shop: Shop,
    pub crm: Crm,
    pub faults: Faults,
    pub webhooks: Webhooks,
    pub identity: Identity,
    trace: Arc<Trace>,
    traffic: Arc<Traffic>,
}

/// Requests by side.
#[derive(Default)]
struct Traffic {
    requests: [AtomicU64; 2],
    throttled: [AtomicU64; 2],
}

struct Trace {
    clock: Arc<dyn Clock>,
    max: usize,
    requests: parking_lot::Mutex<VecDeque<Traced>>,
}

impl World {
    /// A clean world: `records` of each collection in the shop, an empty CRM, no faults.
    pub fn new(seed: u64, records: u64) -> Self {
        Self::with(&Options::new(seed, records))
    }

    /// A world with nothing in it. Collections come into being with their first record.
    pub fn empty(seed: u64) -> Self {
        Self::new(seed, 0)
    }

    pub fn with(options: &Options) -> Self {
        let world = Self {
            shop: Shop::new(options.seed, options.clock.clone()),
            crm: Crm::new(options.history_max),
            faults: Faults::new(options.seed),
            webhooks: Webhooks::new(options.clock.clone()),
            identity: Identity::default(),
            trace: Arc::new(Trace {
                clock: options.clock.clone(),
                max: options.trace_max,
                requests: parking_lot::Mutex::default(),
            }),
            traffic: Arc::default(),
        };
        for name in &options.collections {
            let n = if name == "tickets" { options.records / 10 } else { options.records };
            world.shop.fill(name, n, options.bad_fraction);
        }
        let webhooks = world.webhooks.clone();
        world.shop.on_change(Arc::new(move |event| webhooks.tell(&event)));
        world
    }

    /// All routes of this world.
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }

    /// A transport that calls this world in the process.
    pub fn transport(&self) -> Arc<dyn crate::connect::http::Transport> {
        transport(self.router())
    }

    /// What the oracles found so far.
    pub fn audit(&self) -> Audit {
        audit::of(self)
    }

    /// Requests that came in so far, those to the shop first.
    pub fn requests(&self) -> [u64; 2] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [read(&self.traffic.requests[0]), read(&self.traffic.requests[1])]
    }

    /// The last requests, oldest first.
    pub fn trace(&self) -> Vec<Traced> {
        self.trace.requests.lock().iter().cloned().collect()
    }

    pub fn clear_trace(&self) {
        self.trace.requests.lock().clear();
    }

    fn now(&self) -> Timestamp {
        self.trace.clock.now()
    }

    fn trace_of(&self, side: Side, method: &::http::Method, uri: &::http::Uri) -> Tracing<'_> {
        let traced = (self.trace.max > 0).then(|| Traced {
            at: self.now(),
            side,
            method: method.to_string(),
            path_and_query: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            status: None,
        });
        Tracing { trace: &self.trace, traced }
    }
}

/// A request under way; it is kept when this is dropped, answered or not.
struct Tracing<'a> {
    trace: &'a Trace,
    traced: Option<Traced>,
}

impl Tracing<'_> {
    fn answered(&mut self, status: u16) {
        if let Some(traced) = &mut self.traced {
            traced.status = Some(status);
        }
    }
}

impl Drop for Tracing<'_> {
    fn drop(&mut self) {
        let Some(traced) = self.traced.take() else {
            return;
        };
        let mut requests = self.trace.requests.lock();
        if self.trace.max <= requests.len() {
            requests.pop_front();
        }
        requests.push_back(traced);
    }
}
