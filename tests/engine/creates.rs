//! The process dies at every step of the first creates: before one is carried out, after it, and after its answer.

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

async fn house(config: &str) -> House {
    let options = Options { clock: Arc::new(SimulatedClock::starting_at(BEGIN)), ..Options::new(5, RECORDS) };
    House::on(Disk::default(), World::with(&options), config, 5).await
}

/// Dies at the `n`-th create, with a record changed and one deleted before the next process begins.
async fn die(config: &str, n: u64, moment: Moment) -> House {
    let house = house(config).await;
    let world = house.world.clone();
    let posts = |fault: Fault| FaultRule::new(Side::Destination, fault).method("POST");
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
    let of = |n: u64| format!("cus_{:06}", (n - 1) % RECORDS + 1);
    assert!(world.shop.edit("customers", &of(n)), "a record of the shop");
    assert!(world.shop.remove("customers", &of(n + 1), syncdeck::sim::Removal::Tombstone), "a record of the shop");
    house.run_once().await.0
}

// Rows 3, 4, 5 and 57 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_death_at_any_step_of_a_create_makes_nothing_twice_and_loses_nothing() {
    for (way, config) in ways() {
        for moment in [Moment::BeforeItIsCarriedOut, Moment::AfterItIsCarriedOut, Moment::AfterItsAnswer] {
            for n in 1..=RECORDS {
                let house = die(&config, n, moment).await;
                let differences = house.differences(&job("customers"), "customers", &Default::default());
                assert!(differences.is_empty(), "{way}, create {n}, {moment:?}: {differences:?}");
                let violations = house.world.audit().violations;
                assert!(violations.is_empty(), "{way}, create {n}, {moment:?}: {violations:?}");
                let open = house.job(&job("customers")).dead_waiting;
                assert_eq!(open, 0, "{way}, create {n}, {moment:?}: letters");
                house.assert_sound().await;
            }
        }
    }
}
