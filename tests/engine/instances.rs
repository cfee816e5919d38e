//! Jobs for many customers, and one stream out of several systems.

use crate::house::{House, job};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use syncdeck::connect::http::{Transport, TransportError};
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{FieldNow, JobState, RunEnd};
use syncdeck::sim::{Fault, FaultRule, Side, World};

/// Each customer has a collection of the shop and one of the CRM, and connections of its own to both.
const CUSTOMERS: &str = r#"
[workspace]
name = "test"
state = "state"
[connections.shop]
type = "rest"
base_url = "http://{{ instance.name }}.shop.test/api"
[connections.crm]
type = "rest"
base_url = "http://{{ instance.name }}.crm.test/v2"
headers = { X-Token = "{{ instance.token }}" }
[instances.acme]
vars = { collection = "customers", token = "token-of-acme" }
[instances.globex]
vars = { collection = "orders", token = "token-of-globex" }
[instances.initech]
vars = { collection = "products", token = "token-of-initech" }
[jobs.sync]
for_each = "instances"
schedule = { every = "5m" }
[jobs.sync.source]
connection = "shop"
path = "/cursor/{{ instance.collection }}"
records = "/data"
id = "/id"
paginate = { type = "cursor", next = "/next_cursor", param = "cursor" }
[jobs.sync.destination]
connection = "crm"
path = "/{{ instance.collection }}/{{ id }}"
"#;

/// Three shops that hold records of the same ids.
const THREE_SHOPS: &str = r#"
[workspace]
name = "test"
state = "state"
[connections.a]
type = "rest"
base_url = "http://a.shop.test/api"
[connections.b]
type = "rest"
base_url = "http://b.shop.test/api"
[connections.c]
type = "rest"
base_url = "http://c.shop.test/api"
[connections.crm]
type = "rest"
base_url = "http://crm.test/v2"
[jobs.contacts.source]
gather = [
  { connection = "a", prefix = "a:" },
  { connection = "b", prefix = "b:" },
  { connection = "c", prefix = "c:" },
]
path = "/keyset/customers"
records = "/data"
id = "/id"
version = "/updated_at"
query = { limit = "7" }
paginate = { type = "keyset", after = "updated_since", tie = "after_id" }
one = { path = "/customers/{{ id }}" }
[jobs.contacts.destination]
connection = "crm"
path = "/contacts/{{ id }}"
"#;

/// A way to the world on which one system knows nobody.
struct Shut {
    inner: Arc<dyn Transport>,
    host: &'static str,
}

#[async_trait]
impl Transport for Shut {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if request.uri().host() == Some(self.host) {
            let refused = http::Response::builder().status(401).body(Bytes::from_static(b"{}"));
            return Ok(refused.expect("an answer"));
        }
        self.inner.send(request, timeout, max_body).await
    }
}

fn once() -> Start {
    Start { once: true, ..Start::default() }
}

#[tokio::test(start_paused = true)]
async fn each_customer_has_checkpoints_and_a_pause_of_its_own() {
    let house = House::new(World::new(3, 40), CUSTOMERS).await;
    let jobs = vec![job("sync@globex")];
    house.ask(Request::Pause { jobs, reason: Some("their migration".to_owned()) }).await;
    let (house, finished) = house.run_once().await;
    let ran: BTreeSet<&str> = finished.iter().map(|finish| finish.job.as_str()).collect();
    assert!(ran.contains("sync@acme") && ran.contains("sync@initech"), "{ran:?}");
    let at_crm = |collection: &str| house.world.crm.dump(collection).len();
    assert_eq!((at_crm("customers"), at_crm("orders"), at_crm("products")), (40, 0, 40));
    assert!(house.job(&job("sync@acme")).checkpoint.is_some());
    assert!(house.job(&job("sync@globex")).checkpoint.is_none());
    assert!(matches!(house.job(&job("sync@globex")).state, JobState::Paused { .. }));
    house.assert_sound().await;
    house.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_customer_whose_system_is_down_holds_back_no_other() {
    let world = World::new(3, 40);
    let down = Fault::Status { code: 503, body: "{}".to_owned(), headers: Vec::new() };
    world.faults.add(FaultRule::new(Side::Destination, down).path_contains("/orders/").nth(1, 4));
    let house = House::new(world, CUSTOMERS).await;
    let (house, finished) = house.run_once().await;
    let ended = |name: &str| finished.iter().position(|finish| finish.job == job(name)).expect("its end");
    assert!(ended("sync@acme") < ended("sync@globex") && ended("sync@initech") < ended("sync@globex"));
    assert!(finished.iter().all(|finish| finish.end == RunEnd::Done), "{finished:?}");
    assert_eq!(house.world.crm.dump("orders").len(), 40);
    let opened = house.engine.snapshot();
    let throttled = |name: &str| {
        let connection = opened.connections.iter().find(|connection| connection.id.as_str() == name);
        connection.expect("a connection").answers_of_last(86_400).server_error
    };
    assert!(throttled("crm@globex") > 0);
    assert_eq!(throttled("crm@acme"), 0);
}

#[tokio::test(start_paused = true)]
async fn three_shops_are_gathered_into_one_collection_and_their_equal_ids_stay_apart() {
    let house = House::new(World::new(3, 40), THREE_SHOPS).await;
    let (house, finished) = house.run_once().await;
    assert!(finished.iter().all(|finish| finish.end == RunEnd::Done), "{finished:?}");
    let found: BTreeSet<String> = house.world.crm.dump("contacts").into_keys().collect();
    let wanted: BTreeSet<String> = house
        .world
        .shop
        .dump("customers")
        .into_keys()
        .flat_map(|id| ["a:", "b:", "c:"].map(|prefix| format!("{prefix}{id}")))
        .collect();
    assert_eq!(found, wanted);
    for part in ["contacts+a", "contacts+b", "contacts+c"] {
        assert_eq!(house.job(&job(part)).total.created, 40);
        assert!(house.job(&job(part)).checkpoint.is_some());
    }
    // A place between two pages is asked for as the source itself writes its ids.
    assert!(house.world.trace().iter().all(|request| !request.path_and_query.contains("after_id=a%3A")));
    house.assert_sound().await;
    house.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_down_never_stops_the_others() {
    let world = World::new(3, 40);
    let transport = Arc::new(Shut { inner: world.transport(), host: "b.shop.test" });
    let house = House::by(transport, world, THREE_SHOPS).await;
    let finished = house.finish(once()).await;
    assert_eq!(finished.len(), 3);
    assert!(matches!(house.job(&job("contacts+b")).state, JobState::NeedsAttention { .. }));
    let ids: BTreeSet<String> = house.world.crm.dump("contacts").into_keys().map(|id| id[..2].to_owned()).collect();
    assert_eq!(ids, BTreeSet::from(["a:".to_owned(), "c:".to_owned()]));
    assert_eq!(house.world.crm.dump("contacts").len(), 80);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_part_is_found_with_its_prefix_and_without_and_asked_for_at_its_own_shop() {
    let house = House::new(World::new(3, 40), THREE_SHOPS).await;
    let (house, _) = house.run_once().await;
    let id = house.world.shop.dump("customers").into_keys().next().expect("a record");
    for key in [format!("b:{id}"), id.clone()] {
        let request = Request::Why { job: Some(job("contacts+b")), key, live: true };
        let Answer::Why(why) = house.ask(request).await else { panic!("no answer to why") };
        assert!(why.is_known);
        assert_eq!(why.answers[0].record.as_str(), format!("b:{id}"));
        // Both sides are there only where each was asked by the id that it knows.
        let both = |field: &FieldNow| field.source.is_some() && field.destination.is_some();
        assert!(why.answers[0].fields.iter().any(both), "{:?}", why.answers[0].fields);
    }
}
