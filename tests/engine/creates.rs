//! The process dies at every step of the first writes: before one is carried out, after it, and after its answer.

use crate::disk::Disk;
use crate::house::{BEGIN, CONNECTIONS, CUSTOMERS, House, job};
use std::sync::Arc;
use std::time::Duration;
use syncdeck::engine::Start;
use syncdeck::sim::{Fault, FaultRule, Latency, Options, Side, SimulatedClock, World};

const RECORDS: u64 = 12;
const LOOKUP: &str = r#"lookup = { path = "/customers", query = { external_id = "{{ id }}" }, records = "/data" }"#;

/// The ways of making records at a destination with ids of its own that need no person.
fn ways() -> [(&'static str, String); 3] {
    let way = |word: &str, rest: &str| {
        let keyless = CUSTOMERS.replace("idempotency_header = \"Idempotency-Key\"", "");
        format!(
            "{CONNECTIONS}limits = {{ in_flight = 2 }}\n{keyless}write = \"{word}\"\nid = \"/id\"\n\
             create = {{ path = \"/customers\", external_id = \"external_id\" }}\n{rest}\n"
        )
    };
    [
        ("lookup", way("lookup", LOOKUP)),
        ("create with a lookup", way("create", LOOKUP)),
        ("create with a key", way("create", "idempotency_header = \"Idempotency-Key\"")),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Moment {
    BeforeItIsCarriedOut,
    AfterItIsCarriedOut,
    AfterItsAnswer,
}

async fn house(config: &str, records: u64) -> House {
    let options = Options { clock: Arc::new(SimulatedClock::starting_at(BEGIN)), ..Options::new(5, records) };
    House::on(Disk::default(), World::with(&options), config, 5).await
}

/// A way of writing, and the requests that it takes.
struct Way<'a> {
    config: &'a str,
    method: &'a str,
    records: u64,
}

/// Dies at the `n`-th write, with a record changed and one deleted before the next process begins.
async fn die(way: &Way<'_>, n: u64, moment: Moment) -> House {
    let house = house(way.config, way.records).await;
    let world = house.world.clone();
    let posts = |fault: Fault| FaultRule::new(Side::Destination, fault).method(way.method);
    match moment {
        Moment::BeforeItIsCarriedOut => world.faults.add(posts(Fault::HangBefore).nth(n, n)),
        Moment::AfterItIsCarriedOut => world.faults.add(posts(Fault::HangAfter).nth(n, n)),
        Moment::AfterItsAnswer => {
            world.faults.set_latency(Side::Destination, Latency { base_ms: 10, jitter_ms: 0 });
        }
    }
    drop(house.engine.start(Start::service()).await);
    match moment {
        // Well before the request is given up.
        Moment::BeforeItIsCarriedOut | Moment::AfterItIsCarriedOut => tokio::time::sleep(Duration::from_secs(5)).await,
        Moment::AfterItsAnswer => {
            // Two at a time, ten milliseconds each.
            tokio::time::sleep(Duration::from_millis(10 + 5 * n)).await;
        }
    }
    let house = house.after_a_kill(Disk::after_a_kill).await;
    world.faults.clear();
    world.faults.set_latency(Side::Destination, Latency::default());
    let of = |n: u64| format!("cus_{:06}", (n - 1) % way.records + 1);
    assert!(world.shop.edit("customers", &of(n)), "a record of the shop");
    assert!(world.shop.remove("customers", &of(n + 1), syncdeck::sim::Removal::Tombstone), "a record of the shop");
    let house = house.run_once().await.0;
    // What changed on pages that were saved before the death is found by the listing after the one that goes on.
    if way.records <= RECORDS { house } else { house.run_once().await.0 }
}

/// Dies at each of these writes, at each moment; the number of deaths.
async fn die_at_each(name: &str, way: &Way<'_>, writes: impl Iterator<Item = u64> + Clone) -> u64 {
    let mut deaths = 0;
    for moment in [Moment::BeforeItIsCarriedOut, Moment::AfterItIsCarriedOut, Moment::AfterItsAnswer] {
        for n in writes.clone() {
            let house = die(way, n, moment).await;
            let differences = house.differences(&job("customers"), "customers", &Default::default());
            assert!(differences.is_empty(), "{name}, write {n}, {moment:?}: {differences:?}");
            let violations = house.world.audit().violations;
            assert!(violations.is_empty(), "{name}, write {n}, {moment:?}: {violations:?}");
            let open = house.job(&job("customers")).dead_waiting;
            assert_eq!(open, 0, "{name}, write {n}, {moment:?}: letters");
            house.assert_sound().await;
            deaths += 1;
        }
    }
    deaths
}

// Rows 3, 4, 5 and 57 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_death_at_any_step_of_a_create_makes_nothing_twice_and_loses_nothing() {
    for (name, config) in ways() {
        die_at_each(name, &Way { config: &config, method: "POST", records: RECORDS }, 1..=RECORDS).await;
    }
}

/// Between two writes at which the process dies. `SYNCDECK_EVERY_WRITE=1` takes each of them.
fn stride() -> usize {
    if std::env::var_os("SYNCDECK_EVERY_WRITE").is_some() { 1 } else { 13 }
}

// Rows 3, 4 and 5 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_death_at_any_of_the_first_two_hundred_writes_makes_nothing_twice_and_loses_nothing() {
    let config = format!("{CONNECTIONS}limits = {{ in_flight = 2 }}\n{CUSTOMERS}");
    let way = Way { config: &config, method: "PUT", records: 200 };
    let deaths = die_at_each("upsert", &way, (1..=200).step_by(stride())).await;
    println!("{deaths} deaths");
}

// Rows 5 and 7 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_death_at_any_batch_of_two_hundred_records_makes_nothing_twice_and_loses_nothing() {
    let batch = r#"
write = "batch"
batch = { path = "/customers:batch", size = 4, items = "/items", statuses = "/results", status = "/status", error = "/error" }
one = { path = "/customers/{{ id }}" }
"#;
    let config = format!("{CONNECTIONS}limits = {{ in_flight = 2 }}\n{CUSTOMERS}{batch}");
    let way = Way { config: &config, method: "POST", records: 200 };
    let deaths = die_at_each("batch", &way, (1..=50).step_by(stride().div_ceil(3))).await;
    println!("{deaths} deaths");
}
