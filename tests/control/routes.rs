//! The routes that a person reaches with `curl --unix-socket`.

use crate::desk::{CUSTOMERS, Desk, End, done, until};
use serde_json::Value;
use syncdeck::control::Request;
use syncdeck::model::JobState;

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
    for path in ["/runs", "/logs?level=info", "/journal", "/snapshot"] {
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
        ("POST", "/metrics", "", 405),
        ("POST", "/ask", "{}", 415),
    ] {
        let (status, answer) = desk.curl(method, path, &[], body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        assert!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}: {answer}");
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
