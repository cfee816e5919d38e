//! The CRM takes writes as real ones do, and sees what goes wrong.

use super::{ask, ask_with, get, put};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use syncdeck::sim::{Latency, Side, ViolationKind, World};

const GOOD: &str =
    r#"{"name":"Zoë","email":"zoe@example.com","phone":"+1 (415) 555-0123","updated_at":"2026-01-02T00:00:00Z"}"#;

#[tokio::test]
async fn an_upsert_creates_then_updates_and_keeps_the_text() {
    let world = World::empty(1);
    let body = r#"{"n":12345678901234567890.10, "z":1,"a":"ü"}"#;
    assert_eq!(put(&world, "/v2/people/7", body).await, 201);
    assert_eq!(put(&world, "/v2/people/7", body).await, 200);
    assert_eq!(world.crm.get("people", "7").as_deref(), Some(body.as_bytes()));
    let audit = world.crm.audit("people");
    assert_eq!((audit.records, audit.applied, audit.rewrites, audit.most_writes_of_one), (1, 2, 1, 2));
    assert_eq!(world.crm.history("people", "7").len(), 2);
}

#[tokio::test]
async fn a_bad_customer_is_refused_with_its_field() {
    let world = World::empty(1);
    let body = GOOD.replace("+1 (415) 555-0123", "ask at the desk");
    let response = ask(&world, Method::PUT, "/v2/contacts/1", &body).await.expect("an answer");
    assert_eq!(response.status(), 422);
    let told: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(told["error"]["field"], "phone");
    assert_eq!(told["error"]["code"], "invalid_phone");
    assert_eq!(world.crm.count("contacts"), 0);
    assert_eq!(world.crm.audit("contacts").refused, 1);
}

#[tokio::test]
async fn a_patch_merges_and_a_delete_is_gone_the_second_time() {
    let world = World::empty(1);
    assert_eq!(ask(&world, Method::PATCH, "/v2/people/7", "{}").await.expect("an answer").status(), 404);
    put(&world, "/v2/people/7", r#"{"a":1.50,"b":2}"#).await;
    assert_eq!(ask(&world, Method::PATCH, "/v2/people/7", r#"{"b":3}"#).await.expect("an answer").status(), 200);
    assert_eq!(world.crm.get("people", "7").as_deref(), Some(&br#"{"a":1.50,"b":3}"#[..]));
    assert_eq!(ask(&world, Method::DELETE, "/v2/people/7", "").await.expect("an answer").status(), 204);
    assert_eq!(ask(&world, Method::DELETE, "/v2/people/7", "").await.expect("an answer").status(), 404);
    assert_eq!(put(&world, "/v2/people/7", "{}").await, 201);
    assert_eq!(world.crm.applied("people", "7"), 4);
}

#[tokio::test]
async fn a_batch_tells_a_status_for_each_item_in_order() {
    let world = World::empty(1);
    let bad = GOOD.replace("zoe@example.com", "nobody");
    let with_id = |id: u32, body: &str| format!("{{\"id\":\"{id}\",{}", &body[1..]);
    let items = format!("{{\"items\":[{},{},{}]}}", with_id(1, GOOD), with_id(2, &bad), with_id(3, GOOD));
    let response = ask(&world, Method::POST, "/v2/contacts:batch", &items).await.expect("an answer");
    let told: Value = serde_json::from_slice(response.body()).expect("JSON");
    let statuses: Vec<(&str, u64)> = told["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| (result["id"].as_str().expect("an id"), result["status"].as_u64().expect("a status")))
        .collect();
    assert_eq!(statuses, [("1", 201), ("2", 422), ("3", 201)]);
    assert_eq!(told["results"][1]["field"], "email");
    assert!(told["results"][1]["error"].as_str().expect("a text").contains("nobody"));
    assert_eq!(world.crm.count("contacts"), 2);
}

#[tokio::test]
async fn a_batch_takes_wrapped_items_and_deletes() {
    let world = World::empty(1);
    let items = json!({ "items": [
        { "id": 1, "fields": { "a": 1 } },
        { "method": "PUT", "path": "/v2/people/2%2F3", "body": { "a": 2 } },
        { "id": 1, "operation": "delete" },
        { "a": 4 },
    ] });
    let response = ask(&world, Method::POST, "/v2/people:batch", &items.to_string()).await.expect("an answer");
    let told: Value = serde_json::from_slice(response.body()).expect("JSON");
    let statuses: Vec<u64> =
        told["results"].as_array().expect("results").iter().filter_map(|result| result["status"].as_u64()).collect();
    assert_eq!(statuses, [201, 201, 204, 201]);
    assert_eq!(world.crm.get("people", "2/3").as_deref(), Some(&br#"{"a":2}"#[..]));
    assert_eq!(world.crm.get("people", "1"), None);
    assert_eq!(told["results"][3]["id"], "rec_00000001");
}

// Row 70 of the fault matrix.
#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_whole() {
    let world = World::empty(1);
    let mut rules = world.crm.rules("people");
    rules.batch_max = 1;
    world.crm.set_rules("people", rules);
    let items = r#"{"items":[{"id":1},{"id":2}]}"#;
    assert_eq!(ask(&world, Method::POST, "/v2/people:batch", items).await.expect("an answer").status(), 413);
    assert_eq!(world.crm.count("people"), 0);
}

#[tokio::test]
async fn a_known_key_gets_the_remembered_answer_and_no_second_effect() {
    let world = World::empty(1);
    let with_key = |body: &'static str| {
        let world = world.clone();
        async move {
            let headers = [("Idempotency-Key", "k1")];
            ask_with(&world, Method::POST, "/v2/people", body, &headers).await.expect("an answer")
        }
    };
    let first = with_key(r#"{"external_id":"e1"}"#).await;
    let second = with_key(r#"{"external_id":"e1"}"#).await;
    assert_eq!((first.status(), first.body()), (second.status(), second.body()));
    let audit = world.crm.audit("people");
    assert_eq!((audit.records, audit.applied, audit.replays, audit.duplicates), (1, 1, 1, 0));
    assert_eq!(with_key(r#"{"external_id":"e2"}"#).await.status(), 422);
    assert_eq!(world.crm.audit("people").key_reuses, 1);
}

#[tokio::test]
async fn two_creates_of_one_external_id_are_a_duplicate() {
    let world = World::empty(1);
    for _ in 0..2 {
        ask(&world, Method::POST, "/v2/people", r#"{"external_id":"e1"}"#).await.expect("an answer");
    }
    assert_eq!(world.audit().crm("people").duplicates, 1);
    assert_eq!(world.audit().violations[0].kind, ViolationKind::Duplicate);
    let (_, found) = get(&world, "/v2/people?external_id=e1").await;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_write_with_an_old_version_is_refused() {
    let world = World::empty(1);
    put(&world, "/v2/people/7", "{}").await;
    let response = ask(&world, Method::GET, "/v2/people/7", "").await.expect("an answer");
    let etag = response.headers()["etag"].to_str().expect("text").to_owned();
    let write = |etag: String| {
        let world = world.clone();
        async move {
            let headers = [("If-Match", etag.as_str())];
            ask_with(&world, Method::PUT, "/v2/people/7", r#"{"a":1}"#, &headers).await.expect("an answer").status()
        }
    };
    assert_eq!(write(etag.clone()).await, 200);
    assert_eq!(write(etag).await, 412);
    assert_eq!(world.crm.audit("people").applied, 2);
}

#[tokio::test]
async fn an_older_version_over_a_newer_one_is_seen() {
    let world = World::empty(1);
    put(&world, "/v2/contacts/1", GOOD).await;
    put(&world, "/v2/contacts/1", &GOOD.replace("2026-01-02", "2026-01-03")).await;
    assert_eq!(world.crm.audit("contacts").stale_overwrites, 0);
    put(&world, "/v2/contacts/1", GOOD).await;
    assert_eq!(world.crm.audit("contacts").stale_overwrites, 1);
}

#[tokio::test(start_paused = true)]
async fn two_writes_of_one_record_in_flight_are_seen() {
    let world = World::empty(1);
    world.faults.set_latency(Side::Destination, Latency { base_ms: 20, jitter_ms: 0 });
    tokio::join!(put(&world, "/v2/people/1", "{}"), put(&world, "/v2/people/2", "{}"));
    assert_eq!(world.crm.audit("people").overlaps, 0);
    tokio::join!(put(&world, "/v2/people/1", "{}"), put(&world, "/v2/people/1", "{}"));
    assert_eq!(world.crm.audit("people").overlaps, 1);
    put(&world, "/v2/people/1", "{}").await;
    assert_eq!(world.crm.audit("people").overlaps, 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_caller_left_is_no_longer_in_flight() {
    let world = World::empty(1);
    world.faults.set_latency(Side::Destination, Latency { base_ms: 100, jitter_ms: 0 });
    let left = tokio::time::timeout(Duration::from_millis(20), put(&world, "/v2/people/1", "{}")).await;
    assert!(left.is_err());
    assert_eq!(world.crm.count("people"), 0, "it left before the write was applied");
    put(&world, "/v2/people/1", "{}").await;
    assert_eq!(world.crm.audit("people").overlaps, 0);
}

#[tokio::test]
async fn a_listing_of_the_crm_has_every_live_record_with_its_id() {
    let world = World::empty(1);
    for n in 0..25 {
        put(&world, &format!("/v2/people/{n:02}"), r#"{ "a":1}"#).await;
    }
    let (_, first) = get(&world, "/v2/people?limit=20").await;
    let (_, second) =
        get(&world, &format!("/v2/people?limit=20&cursor={}", first["next_cursor"].as_str().expect("more"))).await;
    assert_eq!(first["data"].as_array().map(Vec::len), Some(20));
    assert_eq!(second["data"][4], json!({ "id": "24", "a": 1 }));
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_wrong_token_is_refused_on_its_side_alone() {
    let world = World::new(1, 3);
    world.crm.set_token(Some("right"));
    assert_eq!(put(&world, "/v2/people/1", "{}").await, 401);
    let headers = [("Authorization", "Bearer right")];
    let response = ask_with(&world, Method::PUT, "/v2/people/1", "{}", &headers).await.expect("an answer");
    assert_eq!(response.status(), 201);
    assert_eq!(get(&world, "/api/cursor/customers").await.0, 200);
}

#[tokio::test]
async fn what_is_no_object_is_refused() {
    let world = World::empty(1);
    assert_eq!(put(&world, "/v2/people/1", "[1]").await, 400);
    assert_eq!(put(&world, "/v2/people/1", "{\"a\":").await, 400);
    let long = "x".repeat(300);
    assert_eq!(put(&world, &format!("/v2/people/{long}"), "{}").await, 400);
    assert_eq!(ask(&world, Method::POST, "/v2/people/1", "{}").await.expect("an answer").status(), 405);
}
