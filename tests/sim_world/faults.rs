//! Every fault does what it says, and is decided by script and seed alone.

use super::{ask, get, put};
use http::Method;
use serde_json::Value;
use syncdeck::sim::{Fault, FaultRule, Injected, Profile, RateLimit, RetryAfter, Side, World};

fn on(side: Side, fault: Fault) -> World {
    let world = World::new(1, 40);
    world.faults.add(FaultRule::new(side, fault));
    world
}

const LISTING: &str = "/api/cursor/customers?limit=10";

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_say_whether_the_write_was_applied() {
    let cases = [
        (Fault::Refused, false, false, false),
        (Fault::Reset, true, false, false),
        (Fault::HangBefore, true, true, false),
        (Fault::HangAfter, true, true, true),
        (Fault::CutBody, true, false, true),
    ];
    for (fault, sent, timed_out, applied) in cases {
        let world = on(Side::Destination, fault.clone());
        let error = ask(&world, Method::PUT, "/v2/people/1", "{}").await.expect_err("no answer");
        assert_eq!((error.sent, error.timed_out), (sent, timed_out), "{fault:?}");
        assert_eq!(world.crm.count("people") == 1, applied, "{fault:?}");
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_come_with_200() {
    let applied =
        [(Fault::Html, false), (Fault::Empty, true), (Fault::TruncatedJson, true), (Fault::InvalidUtf8, true)];
    for (fault, applied) in applied {
        let world = on(Side::Destination, fault.clone());
        world.crm.get("people", "1");
        let response = ask(&world, Method::PUT, "/v2/people/1", "{}").await.expect("an answer");
        assert!(response.status().is_success());
        assert!(serde_json::from_slice::<Value>(response.body()).is_err(), "{fault:?}");
        assert_eq!(world.crm.count("people") == 1, applied, "{fault:?}");
    }
    let (status, body) = get(&on(Side::Source, Fault::ErrorIn200), LISTING).await;
    assert_eq!((status, body["error"]["code"].as_str()), (200, Some("internal")));
}

#[tokio::test]
async fn a_429_says_when_to_come_back_in_every_way() {
    let cases = [
        (RetryAfter::Seconds(7), Some("7")),
        (RetryAfter::Text("soon".into()), Some("soon")),
        (RetryAfter::Missing, None),
    ];
    for (retry_after, expected) in cases {
        let world = on(Side::Source, Fault::Throttled(retry_after));
        let response = ask(&world, Method::GET, LISTING, "").await.expect("an answer");
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().expect("text")), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_date_counts_from_the_worlds_now() {
    let world = on(Side::Source, Fault::Throttled(RetryAfter::DateIn(90)));
    let response = ask(&world, Method::GET, LISTING, "").await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "Thu, 01 Jan 2026 12:01:30 GMT");
}

#[tokio::test]
async fn a_rule_meets_only_the_requests_that_it_names() {
    let world = World::empty(1);
    let status = |code| Fault::Status { code, body: "{}".into(), headers: vec![("X-Why".into(), "test".into())] };
    world.faults.add(FaultRule::new(Side::Destination, status(503)).method("PUT").id("a/b").nth(2, 3));
    let mut seen = Vec::new();
    for _ in 0..4 {
        assert_eq!(put(&world, "/v2/people/other", "{}").await / 100, 2);
        seen.push(put(&world, "/v2/people/a%2Fb", "{}").await);
    }
    assert_eq!(seen, [201, 503, 503, 200]);
    world.faults.clear();
    world.faults.add(FaultRule::new(Side::Destination, Fault::Forbidden).path_contains("people:batch"));
    assert_eq!(put(&world, "/v2/people/1", "{}").await, 201);
    let response = ask(&world, Method::POST, "/v2/people:batch", r#"{"items":[]}"#).await.expect("an answer");
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn pages_can_lie_in_every_known_way() {
    let next = |page: &Value| page["next_cursor"].as_str().map(str::to_owned);
    let count = |page: &Value| page["data"].as_array().map(Vec::len);

    let world = on(Side::Source, Fault::RepeatCursor);
    let (_, first) = get(&world, LISTING).await;
    let token = next(&first).expect("a cursor");
    let (_, second) = get(&world, &format!("{LISTING}&cursor={token}")).await;
    assert_eq!(next(&second), Some(token));

    let world = on(Side::Source, Fault::EmptyPage);
    let (_, first) = get(&world, LISTING).await;
    let token = next(&first).expect("a cursor");
    let (_, second) = get(&world, &format!("{LISTING}&cursor={token}")).await;
    assert_eq!((count(&first), count(&second)), (Some(0), Some(0)));
    assert_ne!(next(&second), Some(token), "an empty page is no repeated one");
    world.faults.clear();
    let (_, third) = get(&world, &format!("{LISTING}&cursor={}", next(&second).expect("a cursor"))).await;
    assert_eq!(third["data"][0]["id"], "cus_000001", "nothing is lost by empty pages");

    let (_, page) = get(&on(Side::Source, Fault::RepeatRecords), LISTING).await;
    assert_eq!(count(&page), Some(11));
    assert_eq!(page["data"][9], page["data"][10]);

    let (_, page) = get(&on(Side::Source, Fault::WrongTotal(3)), LISTING).await;
    assert_eq!((page["total"].as_u64(), count(&page)), (Some(3), Some(10)));

    let world = on(Side::Source, Fault::ForeignNext("http://169.254.169.254/".into()));
    let (_, page) = get(&world, "/api/next_url/customers?limit=10").await;
    assert_eq!(page["next_url"], "http://169.254.169.254/");
}

#[tokio::test]
async fn an_expired_cursor_leaves_first_pages_alone() {
    let world = on(Side::Source, Fault::ExpiredCursor);
    let (status, page) = get(&world, LISTING).await;
    assert_eq!(status, 200);
    let token = page["next_cursor"].as_str().expect("a cursor");
    assert_eq!(get(&world, &format!("{LISTING}&cursor={token}")).await.0, 410);
}

// Rows 68 and 69 of the fault matrix.
#[tokio::test]
async fn a_batch_can_answer_in_parts_short_or_shuffled() {
    let items = r#"{"items":[{"id":"1"},{"id":"2"},{"id":"3"},{"id":"4"}]}"#;
    let told = |fault: Fault| async move {
        let world = on(Side::Destination, fault);
        let response = ask(&world, Method::POST, "/v2/people:batch", items).await.expect("an answer");
        assert_eq!(world.crm.count("people"), 4, "all are applied");
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        let results = body["results"].as_array().expect("results");
        results.iter().map(|r| format!("{}:{}", r["id"].as_str().unwrap_or_default(), r["status"])).collect::<Vec<_>>()
    };
    assert_eq!(told(Fault::BatchPart { every: 2, status: 503 }).await, ["1:201", "2:503", "3:201", "4:503"]);
    assert_eq!(told(Fault::BatchShort).await, ["1:201", "2:201", "3:201"]);
    assert_eq!(told(Fault::BatchShuffled).await, ["4:201", "3:201", "2:201", "1:201"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_its_time() {
    let world = on(Side::Source, Fault::Slow { ms: 1_500 });
    let began = tokio::time::Instant::now();
    assert_eq!(get(&world, LISTING).await.0, 200);
    assert_eq!(began.elapsed().as_millis(), 1_500);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_told_in_headers_and_then_kept() {
    let world = World::new(1, 5);
    world.faults.set_limit(Side::Source, "", Some(RateLimit { requests: 2, per_ms: 1_000, burst: 2 }));
    let first = ask(&world, Method::GET, LISTING, "").await.expect("an answer");
    assert_eq!(first.headers()["x-ratelimit-limit"], "2");
    assert_eq!(first.headers()["x-ratelimit-remaining"], "1");
    ask(&world, Method::GET, LISTING, "").await.expect("an answer");
    let third = ask(&world, Method::GET, LISTING, "").await.expect("an answer");
    assert_eq!((third.status().as_u16(), third.headers()["retry-after"].as_bytes()), (429, &b"1"[..]));
    assert_eq!(put(&world, "/v2/people/1", "{}").await, 201, "the other side has its own");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(get(&world, LISTING).await.0, 200);
    assert_eq!((world.audit().source.requests, world.audit().source.throttled), (4, 1));
}

async fn storm(seed: u64, profile: Profile) -> Vec<Injected> {
    let world = World::new(seed, 5);
    world.faults.set_profile(profile);
    for n in 0..400 {
        let _ = ask(&world, Method::PUT, &format!("/v2/people/{n}"), "{}").await;
        let _ = ask(&world, Method::GET, LISTING, "").await;
    }
    assert_eq!(world.faults.n_injected() as usize, world.faults.injected().len());
    world.faults.injected()
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_throws_the_same_faults() {
    let [one, two, other] =
        [storm(5, Profile::Many).await, storm(5, Profile::Many).await, storm(6, Profile::Many).await];
    assert_eq!(one, two);
    assert_ne!(one, other);
    assert!((100..240).contains(&one.len()), "{} of 800 requests", one.len());
    let some = storm(5, Profile::Some).await.len();
    assert!((15..60).contains(&some), "{some} of 800 requests");
    assert_eq!(storm(5, Profile::None).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn requests_are_traced_with_what_they_were_answered() {
    let world = World::new(1, 5);
    world.faults.add(FaultRule::new(Side::Destination, Fault::HangAfter).nth(2, 2));
    put(&world, "/v2/people/1", "{}").await;
    ask(&world, Method::PUT, "/v2/people/2", "{}").await.expect_err("no answer");
    let trace = world.trace();
    let told: Vec<_> = trace.iter().map(|one| (one.method.as_str(), one.path_and_query.as_str(), one.status)).collect();
    assert_eq!(told, [("PUT", "/v2/people/1", Some(201)), ("PUT", "/v2/people/2", None)]);
}
