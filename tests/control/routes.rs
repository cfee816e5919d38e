//! The routes that a person reaches with `curl --unix-socket`.

use crate::desk::{CUSTOMERS, Desk, End, PATIENCE, done, until};
use serde_json::Value;
use syncdeck::control::Request;
use syncdeck::model::{JobState, Snapshot};

async fn get(desk: &Desk, path: &str) -> (u16, Value) {
    let (status, body) = desk.curl("GET", path, &[], "").await;
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
}

#[tokio::test]
async fn every_list_is_one_json_document() {
    let desk = Desk::open().await;
    let (_, hello) = get(&desk, "/").await;
    assert_eq!((&hello["protocol"], &hello["command"]), (&1.into(), &"serve".into()));
    let (_, jobs) = get(&desk, "/jobs").await;
    assert_eq!(jobs[0]["id"], "customers");
    let (_, job) = get(&desk, "/jobs/customers").await;
    assert_eq!(job["total"]["scanned"], CUSTOMERS);
    let (_, letters) = get(&desk, "/dead-letters?job=customers&limit=1").await;
    assert_eq!((&letters["total"], letters["rows"].as_array().map(Vec::len)), (&2.into(), Some(1)));
    let (_, groups) = get(&desk, "/dead-letters/groups").await;
    let group = groups[0]["id"].as_str().expect("a group's number in hexadecimal");
    let (_, of_group) = get(&desk, &format!("/dead-letters?group={group}")).await;
    assert_eq!(of_group["rows"][0]["group"], group);
    let (_, letter) = get(&desk, "/dead-letters/1").await;
    assert_eq!(letter["letter"]["job"], "customers");
    let (_, checkpoints) = get(&desk, "/checkpoints?job=customers&limit=2").await;
    assert_eq!(checkpoints.as_array().map(Vec::len), Some(2));
    for path in ["/runs", "/retries", "/logs?level=info", "/journal", "/snapshot"] {
        assert_eq!(get(&desk, path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_said_in_json_with_the_right_status() {
    let desk = Desk::open().await;
    for (method, path, body, expected) in [
        ("GET", "/jobs/nobody", "", 404),
        ("GET", "/nowhere", "", 404),
        ("GET", "/dead-letters/99", "", 404),
        ("GET", "/dead-letters/none", "", 404),
        ("GET", "/dead-letters?state=gone", "", 400),
        ("GET", "/checkpoints", "", 400),
        ("GET", "/runs?lmit=3", "", 400),
        ("POST", "/jobs/nobody/pause", "", 404),
        ("POST", "/jobs/customers/explode", "", 404),
        ("POST", "/jobs/customers/pause", "{\"raeson\":1}", 400),
        ("POST", "/dead-letters/1/discard", "", 409),
        ("POST", "/dead-letters/1/settle", "{\"there\":true}", 409),
        ("POST", "/dead-letters/1/settle", "{\"there\":false,\"id\":\"rec_1\"}", 400),
        ("POST", "/dead-letters/99/settle", "{\"there\":true}", 404),
        ("POST", "/metrics", "", 405),
        ("GET", "/records/nobody/cus_000009", "", 404),
        ("GET", "/records/customers/cus_000009?live=perhaps", "", 400),
        ("GET", "/jobs/nobody/rewind?to=start", "", 404),
        ("GET", "/jobs/customers/rewind", "", 400),
        ("GET", "/jobs/customers/rewind?to=99", "", 409),
        ("POST", "/jobs/nobody/rewind", "{\"to\":\"start\",\"reason\":\"x\"}", 404),
        ("POST", "/jobs/customers/rewind", "{\"to\":\"start\"}", 409),
        ("POST", "/jobs/customers/rewind", "{\"reason\":\"x\"}", 400),
        ("POST", "/jobs/customers/rewind", "{\"to\":\"start\",\"reason\":\"x\",\"expected\":1}", 409),
        ("GET", "/jobs/nobody/plan", "", 404),
        ("GET", "/jobs/customers/plan?records=many", "", 400),
        ("POST", "/jobs/nobody/stop-retry", "", 404),
        ("POST", "/records/nobody/cus_000009/sync", "", 404),
        ("POST", "/records/orders/ord_000001/sync", "", 409),
        ("GET", "/records/customers/cus_000009/sync", "", 405),
        ("GET", "/dead-letters/99/edit", "", 404),
        ("POST", "/dead-letters/99/edit", "{\"fields\":{\"phone\":\"1\"}}", 404),
        ("POST", "/dead-letters/1/edit", "{}", 400),
        ("POST", "/dead-letters/1/edit", "{\"fields\":{\"phone\":}}", 400),
        ("POST", "/dead-letters/1/edit", "{\"fields\":{\"phone\":\"1\"},\"content\":\"other\"}", 409),
        ("POST", "/dead-letters/99/retry", "", 404),
        ("POST", "/dead-letters/1/explode", "", 404),
        ("POST", "/dead-letters/retry", "", 400),
        ("POST", "/dead-letters/retry", "{\"all\":true,\"job\":\"customers\"}", 400),
        ("POST", "/dead-letters/retry", "{\"job\":\"nobody\"}", 404),
        ("POST", "/dead-letters/retry", "{\"group\":\"xyz\"}", 400),
        ("POST", "/dead-letters/retry", "{\"q\":\"state:gone\"}", 400),
        ("POST", "/dead-letters/retry", "{\"all\":true,\"per_minute\":0}", 400),
        ("POST", "/dead-letters/retry", "{\"all\":true,\"reason\":\"x\"}", 400),
        ("POST", "/dead-letters/discard", "{\"ids\":[1]}", 409),
        ("POST", "/dead-letters/discard", "{\"ids\":[1],\"careful\":true}", 400),
        ("POST", "/dead-letters/restore", "{\"ids\":[1],\"dry_run\":true}", 400),
        ("GET", "/runs?filter=state:odd", "", 400),
        ("GET", "/retries?state=odd", "", 400),
        ("GET", "/checkpoints?job=customers&filter=scanned:many", "", 400),
        ("GET", "/connections/nobody", "", 404),
        ("POST", "/connections/crm/budget", "", 400),
        ("POST", "/connections/crm/budget", "{\"requests\":60}", 400),
        ("POST", "/connections/crm/budget", "{\"requests\":60,\"per\":\"soon\"}", 400),
        ("POST", "/connections/nobody/hold", "", 404),
        ("POST", "/connections/crm/explode", "", 404),
        ("GET", "/connections/crm/hold", "", 405),
        ("POST", "/ask", "{}", 415),
    ] {
        let (status, answer) = desk.curl(method, path, &[], body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        assert!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}: {answer}");
        assert_eq!(answer["where"], format!("{method} {path}"), "{answer}");
    }
}

#[tokio::test]
async fn orders_by_curl_are_signed_with_the_user_of_the_engine() {
    let desk = Desk::open().await;
    let handle = desk.handle(End::Local, "ops").await;
    let (status, answer) = desk.curl("POST", "/jobs/customers/pause", &[], "{\"reason\":\"by hand\"}").await;
    assert_eq!((status, answer.as_str()), (200, r#"{"text":"paused customers","changed":1}"#));
    until(&handle, |job| {
        matches!(&job.state, JobState::Paused { by, reason: Some(reason), .. } if by.name == "keeper" && reason == "by hand")
    })
    .await;
    assert_eq!(desk.curl("POST", "/jobs/customers/resume", &[], "").await.0, 200);
    assert_eq!(desk.curl("POST", "/jobs/customers/trigger", &[], "").await.0, 200);
    assert_eq!(desk.curl("POST", "/dead-letters/1/discard", &[], "{\"reason\":\"no customer\"}").await.0, 200);
    assert_eq!(desk.curl("POST", "/dead-letters/1/restore", &[], "").await.0, 200);
    assert_eq!(desk.curl("POST", "/dead-letters/1/retry", &[], "").await.0, 200);
}

async fn post(desk: &Desk, path: &str, body: &str) -> Value {
    let (status, answer) = desk.curl("POST", path, &[], body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
}

/// What the newest entry of the journal says: who, what, why.
async fn last_entry(desk: &Desk) -> (String, String, String) {
    let (_, journal) = get(desk, "/journal?limit=1").await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&journal[0]["by"]["name"]), text(&journal[0]["action"]), text(&journal[0]["reason"]))
}

#[tokio::test]
async fn a_rewind_is_previewed_without_a_change_and_then_done_and_signed() {
    let desk = Desk::open().await;
    let (_, before) = get(&desk, "/jobs/customers").await;
    let (status, preview) = get(&desk, "/jobs/customers/rewind?to=start").await;
    assert_eq!((status, &preview["job"]), (200, &"customers".into()));
    let same = post(&desk, "/jobs/customers/rewind", r#"{"to":"start","dry_run":true}"#).await;
    assert_eq!(same, preview);
    let now = preview["now"]["sequence"].as_u64().expect("a checkpoint");
    let (_, after) = get(&desk, "/jobs/customers").await;
    assert_eq!(after["checkpoint"], before["checkpoint"], "a preview changes nothing");
    let body = format!(r#"{{"to":1,"reason":"lost at the CRM","expected":{now}}}"#);
    let done = post(&desk, "/jobs/customers/rewind", &body).await;
    assert_eq!(done["changed"], 1, "{done}");
    let (_, checkpoints) = get(&desk, "/checkpoints?job=customers&limit=1").await;
    assert_eq!(checkpoints[0]["sequence"], now + 1);
    let (by, action, reason) = last_entry(&desk).await;
    assert!(by == "keeper" && action.contains("rewind") && reason == "lost at the CRM", "{by} {action} {reason}");
}

#[tokio::test]
async fn a_range_is_ordered_for_a_job_that_may_run_and_leaves_its_checkpoint() {
    let desk = Desk::open().await;
    let (_, before) = get(&desk, "/jobs/customers").await;
    let range = r#"{"since":"2020-01-01T00:00:00Z","until":"2020-02-01T00:00:00Z"}"#;
    let done = post(&desk, "/jobs/customers/range", range).await;
    assert_eq!(done["changed"], 1, "{done}");
    let (by, action, _) = last_entry(&desk).await;
    assert_eq!((by.as_str(), action.as_str()), ("keeper", "range"));
    let (_, after) = get(&desk, "/jobs/customers").await;
    assert_eq!(after["checkpoint"], before["checkpoint"]);
    let backwards = r#"{"since":"2020-02-01T00:00:00Z","until":"2020-01-01T00:00:00Z"}"#;
    assert_eq!(desk.curl("POST", "/jobs/customers/range", &[], backwards).await.0, 409);
    assert_eq!(desk.curl("POST", "/jobs/customers/range", &[], "{}").await.0, 400);
}

#[tokio::test]
async fn a_plan_counts_and_writes_nothing() {
    let desk = Desk::open().await;
    let (_, plan) = get(&desk, "/jobs/customers/plan?from=start&records=10&rows=5").await;
    assert_eq!(plan["totals"]["counts"]["scanned"], 10, "{plan}");
    assert!(plan["next"].is_object(), "there is more behind it");
    let (_, job) = get(&desk, "/jobs/customers").await;
    assert_eq!(job["total"]["scanned"], CUSTOMERS);
}

#[tokio::test]
async fn why_is_answered_for_an_id_from_what_is_known_and_live() {
    let desk = Desk::open().await;
    let (_, known) = get(&desk, "/records/customers/cus_000009").await;
    assert_eq!((&known["is_live"], &known["answers"][0]["verdict"]["verdict"]), (&false.into(), &"written".into()));
    let (_, live) = get(&desk, "/records/customers/cus_000009?live=1").await;
    assert_eq!((&live["is_live"], &live["is_known"]), (&true.into(), &true.into()));
    let (_, dead) = get(&desk, "/records/customers/cus_000007").await;
    assert_eq!(dead["answers"][0]["verdict"]["verdict"], "dead_letter");
    let (status, unknown) = get(&desk, "/records/customers/a%2Fb%20c").await;
    assert_eq!((status, &unknown["is_known"], &unknown["key"]), (200, &false.into(), &"a/b c".into()));
}

#[tokio::test]
async fn one_record_is_synced_and_signed() {
    let desk = Desk::open().await;
    let done = post(&desk, "/records/customers/cus_000009/sync", "").await;
    assert!(done["text"].as_str().is_some_and(|text| text.contains("cus_000009")), "{done}");
    let (by, action, _) = last_entry(&desk).await;
    assert_eq!((by.as_str(), action.as_str()), ("keeper", "sync record"));
}

#[tokio::test]
async fn a_letter_is_corrected_by_its_fields_and_keeps_every_digit() {
    let desk = Desk::open().await;
    let (_, letters) = get(&desk, "/dead-letters").await;
    let of = |record: &str| {
        let rows = letters["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["record"] == record).expect("its letter")["id"].as_u64().expect("a number")
    };
    let id = of("cus_000007");
    let (_, form) = get(&desk, &format!("/dead-letters/{id}/edit")).await;
    assert!(form["fields"].as_array().is_some_and(|fields| fields.iter().any(|field| field["field"] == "email")));
    let content = form["content"].as_str().expect("a hash");
    let body = format!(
        r#"{{"fields":{{"email":"sam@example.com","credit_limit":12345678901234567890.10}},"unset":["notes"],"content":"{content}","reason":"asked by phone","retry":false}}"#
    );
    let done = post(&desk, &format!("/dead-letters/{id}/edit"), &body).await;
    assert_eq!(done["changed"], 1, "{done}");
    let (by, _, reason) = last_entry(&desk).await;
    assert_eq!((by.as_str(), reason.as_str()), ("keeper", "asked by phone"));
    let (_, text) = desk.curl("GET", &format!("/dead-letters/{id}"), &[], "").await;
    assert!(text.contains("12345678901234567890.10") && text.contains("sam@example.com"), "{text}");
    // A second correction keeps what it does not name.
    let body = r#"{"fields":{"email":"ana@example.com"},"retry":false}"#;
    let done = post(&desk, &format!("/dead-letters/{id}/edit"), body).await;
    assert_eq!(done["changed"], 1);
    let (_, text) = desk.curl("GET", &format!("/dead-letters/{id}/edit"), &[], "").await;
    assert!(text.contains("12345678901234567890.10") && text.contains("ana@example.com"), "{text}");
}

#[tokio::test]
async fn a_group_is_retried_carefully_after_a_dry_run_that_changed_nothing() {
    let desk = Desk::open().await;
    let handle = desk.handle(End::Local, "ops").await;
    let (_, letters) = get(&desk, "/dead-letters").await;
    let group = letters["rows"][0]["group"].as_str().expect("a group").to_owned();
    let (_, journal) = get(&desk, "/journal").await;
    let dry = post(&desk, "/dead-letters/retry", &format!(r#"{{"group":"{group}","dry_run":true}}"#)).await;
    assert_eq!((&dry["preview"]["total"], &dry["looked_at"]), (&1.into(), &1.into()), "{dry}");
    assert_eq!(dry["check"]["same"], 1, "it would be sent as it is: {dry}");
    assert_eq!(get(&desk, "/journal").await.1, journal, "nothing happened");
    let body = format!(r#"{{"group":"{group}","careful":true,"per_minute":600}}"#);
    let done = post(&desk, "/dead-letters/retry", &body).await;
    assert_eq!(done["changed"], 1, "{done}");
    // It is as bad as before, which stops the retry.
    let mut watch = desk.local.watch();
    let is_over = |snapshot: &std::sync::Arc<Snapshot>| snapshot.retries.iter().any(|retry| !retry.is_open());
    tokio::time::timeout(PATIENCE, watch.wait_for(is_over)).await.expect("in time").expect("an engine");
    until(&handle, |job| job.run.is_none() && job.dead_waiting == 2).await;
    let all = post(&desk, "/dead-letters/discard", r#"{"job":"customers","dry_run":true}"#).await;
    assert_eq!((&all["changed"], all["text"].as_str()), (&0.into(), Some("2 would be discarded; nothing was changed")));
    let gone = post(&desk, "/dead-letters/discard", r#"{"q":"job:customers","reason":"test data"}"#).await;
    assert_eq!(gone["changed"], 2);
    until(&handle, |job| job.dead_waiting == 0).await;
    assert_eq!(post(&desk, "/dead-letters/restore", r#"{"job":"customers"}"#).await["changed"], 2);
    until(&handle, |job| job.dead_waiting == 2).await;
}

#[tokio::test]
async fn conflicts_are_an_empty_list() {
    let desk = Desk::open().await;
    assert_eq!(get(&desk, "/conflicts").await, (200, serde_json::json!({ "total": 0, "rows": [] })));
}

#[tokio::test]
async fn a_connection_is_held_released_tested_and_reset_and_each_is_signed() {
    let desk = Desk::open().await;
    let held = post(&desk, "/connections/crm/hold", r#"{"reason":"migration"}"#).await;
    assert_eq!(held["changed"], 1, "{held}");
    let (by, _, reason) = last_entry(&desk).await;
    assert_eq!((by.as_str(), reason.as_str()), ("keeper", "migration"));
    let (_, connections) = get(&desk, "/connections").await;
    let crm = connections.as_array().and_then(|all| all.iter().find(|one| one["id"] == "crm")).expect("crm");
    assert_eq!(crm["held"]["reason"], "migration", "{crm}");
    assert_eq!(post(&desk, "/connections/crm/release", "").await["changed"], 1);
    post(&desk, "/connections/crm/reset", "").await;
    let tested = post(&desk, "/connections/shop/test", "").await;
    assert_eq!((&tested["connection"], &tested["is_ok"]), (&"shop".into(), &true.into()), "{tested}");
    assert_eq!(tested["by"]["name"], "keeper");
}

#[tokio::test]
async fn health_says_whether_jobs_run() {
    let mut desk = Desk::closed("state").await;
    desk.listen();
    assert_eq!(get(&desk, "/healthz").await.0, 503);
    desk.engine.start(syncdeck::engine::Start::service()).await;
    let (status, health) = get(&desk, "/healthz").await;
    assert_eq!((status, &health["engine"]), (200, &"running".into()));
    desk.engine.stop().await;
    assert_eq!(get(&desk, "/healthz").await.0, 503);
}

#[tokio::test]
async fn an_engine_of_another_protocol_is_not_guessed_at() {
    let desk = Desk::open().await;
    let (status, answer) = desk.curl("GET", "/jobs", &[("syncdeck-protocol", "99")], "").await;
    assert_eq!(status, 426, "{answer}");
    assert!(answer.contains("protocol 1, not 99"), "{answer}");
    let (status, answer) = desk
        .curl(
            "POST",
            "/ask",
            &[("content-type", "application/json")],
            r#"{"by":{"name":"x","door":"command"},"request":{"Fly":{}}}"#,
        )
        .await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer.contains("does not understand this request"), "{answer}");
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused() {
    let desk = Desk::open().await;
    let long = "x".repeat((64 << 20) + 1);
    let (status, _) = desk.curl("POST", "/ask", &[("content-type", "application/json")], &long).await;
    assert_eq!(status, 413);
    let handle = desk.handle(End::Socket, "ops").await;
    assert!(done(&handle, Request::Trigger { jobs: crate::desk::customers() }).await.is_ok(), "others are answered");
}

#[tokio::test]
async fn runs_and_checkpoints_are_narrowed_as_in_the_console() {
    let desk = Desk::open().await;
    let ids = async |path: &str| {
        let (status, list) = get(&desk, path).await;
        assert_eq!(status, 200, "{path}: {list}");
        list.as_array().expect("a list").clone()
    };
    let all = ids("/runs").await;
    let of_job = ids("/runs?job=customers").await;
    assert!(!of_job.is_empty() && of_job.iter().all(|run| run["job"] == "customers"), "{of_job:?}");
    assert_eq!(ids("/runs?filter=job:customers").await, of_job);
    assert_eq!(ids("/runs?limit=1").await.len(), 1);
    assert!(ids("/runs?job=nobody").await.is_empty());
    let errored = ids("/runs?filter=errored:%3E0").await;
    assert!(!errored.is_empty() && errored.len() <= all.len(), "{errored:?}");
    assert!(errored.iter().all(|run| run["counts"]["errored"].as_u64() > Some(0)), "{errored:?}");
    let saved = ids("/checkpoints?job=customers").await;
    let first = saved.last().expect("a checkpoint")["sequence"].as_u64().expect("a number");
    let one = ids(&format!("/checkpoints?job=customers&filter=id:{first}")).await;
    assert_eq!(one.as_slice(), &saved[saved.len() - 1..]);
    assert!(ids("/checkpoints?job=customers&filter=kind:rewind").await.is_empty());
}

#[tokio::test]
async fn a_connection_is_asked_for_alone_and_its_budget_lowered() {
    let desk = Desk::open().await;
    let (status, crm) = get(&desk, "/connections/crm").await;
    assert_eq!((status, &crm["id"], &crm["lowered"]), (200, &"crm".into(), &Value::Null));
    let body = r#"{"requests": 60, "per": "1m", "reason": "month end"}"#;
    post(&desk, "/connections/crm/budget", body).await;
    let (_, crm) = get(&desk, "/connections/crm").await;
    assert_eq!(crm["lowered"]["reason"], "month end", "{crm}");
    post(&desk, "/connections/crm/budget", r#"{"clear": true}"#).await;
    assert_eq!(get(&desk, "/connections/crm").await.1["lowered"], Value::Null);
}
