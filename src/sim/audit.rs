//! What the oracles found, in a form that a test in another process reads.

use super::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Both sides, as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub source: SideAudit,
    pub destination: SideAudit,
    pub faults_injected: u64,
    /// The first thousand of each collection.
    pub violations: Vec<Violation>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideAudit {
    pub collections: BTreeMap<String, CollectionAudit>,
    pub requests: u64,
    /// Of which the rate limit refused so many.
    pub throttled: u64,
}

/// One collection. Of the shop only `records` says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionAudit {
    /// Live ones.
    pub records: u64,
    /// Writes that were carried out, deletes too, replays not.
    pub applied: u64,
    /// Applied writes that brought what stood there already: harmless, and to be few.
    pub rewrites: u64,
    pub most_writes_of_one: u64,
    /// Writes that were answered with 4xx.
    pub refused: u64,
    /// Writes whose key was known: answered, not carried out again.
    pub replays: u64,
    /// Creates of a record that stood there already under another id.
    pub duplicates: u64,
    /// Writes that began while another write of the same record was in flight.
    /// Seen only where requests take time (latency, faults that wait).
    pub overlaps: u64,
    /// Older versions written over newer ones.
    pub stale_overwrites: u64,
    /// Keys that came back with other content.
    pub key_reuses: u64,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub kind: ViolationKind,
    pub collection: String,
    pub id: String,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    Duplicate,
    Overlap,
    StaleOverwrite,
    KeyReused,
}

impl Audit {
    /// One collection of the CRM; all zero where it does not exist.
    pub fn crm(&self, collection: &str) -> CollectionAudit {
        self.destination.collections.get(collection).cloned().unwrap_or_default()
    }
}

pub(super) fn of(world: &World) -> Audit {
    let (shop, crm) = (&world.shop, &world.crm);
    let in_shop = |name: String| {
        let records = shop.live_ids(&name).len() as u64;
        (name, CollectionAudit { records, ..CollectionAudit::default() })
    };
    let in_crm = |name: String| {
        let audit = crm.audit(&name);
        (name, audit)
    };
    let (asked, throttled) = (&world.traffic.requests, &world.traffic.throttled);
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    Audit {
        source: SideAudit {
            collections: shop.collections().into_iter().map(in_shop).collect(),
            requests: read(&asked[0]),
            throttled: read(&throttled[0]),
        },
        destination: SideAudit {
            collections: crm.collections().into_iter().map(in_crm).collect(),
            requests: read(&asked[1]),
            throttled: read(&throttled[1]),
        },
        faults_injected: world.faults.n_injected(),
        violations: crm.violations(),
    }
}
