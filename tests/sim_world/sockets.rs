//! Over real sockets: the same answers, and faults of the network that a client feels.

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use syncdeck::sim::demo::{Demo, DemoOptions};
use syncdeck::sim::{
    Fault, FaultRule, Profile, ServeHandle, Side, SimulatedClock, Standalone, World, run_standalone, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn served(world: &World) -> (SocketAddr, ServeHandle) {
    serve(world.router(), "127.0.0.1:0".parse().expect("an address")).await.expect("a free port")
}

/// Sends one request and reads until the server closes.
async fn talk(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.expect("a request is sent");
    let mut answer = Vec::new();
    // A broken connection ends the answer as a closed one does.
    let _ = socket.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a head and a body").1
}

#[tokio::test]
async fn both_systems_answer_over_sockets() {
    let world = World::new(1, 3);
    let (address, _served) = served(&world).await;
    let answer = talk(address, "PUT", "/v2/people/1", "{}").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let answer = talk(address, "GET", "/api/next_url/customers?limit=2", "").await;
    let page: Value = serde_json::from_str(body_of(&answer)).expect("JSON");
    let next = page["next_url"].as_str().expect("a next page");
    assert!(next.starts_with(&format!("http://{address}/api/next_url/customers?cursor=")), "{next}");
}

#[tokio::test]
async fn a_refused_request_gets_no_byte() {
    let world = World::empty(1);
    let (address, _served) = served(&world).await;
    for fault in [Fault::Refused, Fault::Reset] {
        world.faults.clear();
        world.faults.add(FaultRule::new(Side::Destination, fault));
        assert_eq!(talk(address, "PUT", "/v2/people/1", "{}").await, "");
    }
    assert_eq!(world.crm.count("people"), 0);
    world.faults.clear();
    assert!(talk(address, "PUT", "/v2/people/1", "{}").await.starts_with("HTTP/1.1 201"));
}

// Row 36 of the fault matrix.
#[tokio::test]
async fn a_cut_body_is_shorter_than_its_length_says() {
    let world = World::empty(1);
    world.faults.add(FaultRule::new(Side::Destination, Fault::CutBody));
    let (address, _served) = served(&world).await;
    let answer = talk(address, "PUT", "/v2/people/1", "{}").await;
    let head = answer.split("\r\n\r\n").next().expect("a head").to_lowercase();
    let told: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|text| text.parse().ok())
        .expect("a length");
    let body = body_of(&answer);
    assert!(!body.is_empty() && body.len() < told, "{} of {told} bytes", body.len());
    assert_eq!(world.crm.count("people"), 1);
}

#[tokio::test]
async fn a_write_that_hangs_after_it_was_applied_is_applied() {
    let world = World::empty(1);
    world.faults.add(FaultRule::new(Side::Destination, Fault::HangAfter));
    let (address, _served) = served(&world).await;
    let talk = talk(address, "PUT", "/v2/people/1", "{}");
    assert!(tokio::time::timeout(Duration::from_millis(200), talk).await.is_err());
    assert_eq!(world.crm.count("people"), 1);
}

#[tokio::test]
async fn a_stopped_server_gives_its_port_back() {
    let world = World::empty(1);
    let (address, server) = served(&world).await;
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_workshop_turns_every_knob_from_outside() {
    let world = World::new(1, 20);
    let (address, _served) = served(&world).await;
    let ask = |method: &'static str, path: &'static str, body: &'static str| async move {
        let answer = talk(address, method, path, body).await;
        let status: u16 = answer[9..12].parse().expect("a status");
        (status, serde_json::from_str::<Value>(body_of(&answer)).expect("JSON"))
    };
    let order = r#"{"profile":"none","rules":[{"side":"destination","id":"7","from":1,"to":1,"fault":{"status":{"code":500,"body":"{}"}}}],"latency":[["source",{"base_ms":1,"jitter_ms":0}]],"limits":[["source","/orders",{"requests":1,"per_ms":60000,"burst":1}]]}"#;
    assert_eq!(ask("POST", "/sim/faults", order).await.0, 200);
    assert_eq!(ask("PUT", "/v2/people/7", "{}").await.0, 500);
    assert_eq!(ask("PUT", "/v2/people/7", r#"{"a":1}"#).await.0, 201);
    assert_eq!(ask("GET", "/api/cursor/orders", "").await.0, 200);
    assert_eq!(ask("GET", "/api/cursor/orders", "").await.0, 429);
    assert_eq!(ask("POST", "/sim/faults", r#"{"profil":"none"}"#).await.0, 400);

    assert_eq!(ask("POST", "/sim/shop/customers/insert?id=x1", r#"{"id":"x1"}"#).await.1["changed"], true);
    assert_eq!(ask("POST", "/sim/shop/customers/update?id=x1", r#"{"name":"X"}"#).await.1["changed"], true);
    for action in ["edit", "spoil", "mend", "delete"] {
        let (_, told) = ask("POST", Box::leak(format!("/sim/shop/customers/{action}?id=cus_000002").into()), "").await;
        assert_eq!(told["changed"], true, "{action}");
    }
    assert_eq!(ask("POST", "/sim/shop/customers/vanish?id=cus_000003", "").await.1["changed"], true);
    assert_eq!(ask("POST", "/sim/shop/customers/vanish?id=cus_000003", "").await.1["changed"], false);
    assert_eq!(ask("POST", "/sim/shop/customers/late?seconds=5", "").await.1["id"], "cus_000021");
    assert_eq!(ask("POST", "/sim/shop/customers/dance", "").await.0, 404);
    assert_eq!(ask("POST", "/sim/churn", r#"{"every":1,"what":"insert"}"#).await.0, 200);
    assert_eq!(ask("GET", "/api/cursor/customers", "").await.0, 200);
    assert_eq!(ask("POST", "/sim/churn", r#"{"every":0}"#).await.0, 200);

    let (_, dump) = ask("GET", "/sim/collection/source/customers", "").await;
    assert_eq!(dump.as_object().map(serde_json::Map::len), Some(22), "20 + inserted + late + churned - vanished");
    assert_eq!(dump["x1"]["name"], "X");
    let (_, dump) = ask("GET", "/sim/collection/destination/people", "").await;
    assert_eq!(dump, serde_json::json!({ "7": { "a": 1 } }));
    assert_eq!(ask("POST", "/sim/crm/people/lose?id=7", "").await.1["changed"], true);
    assert_eq!(ask("GET", "/v2/people/7", "").await.0, 404);
    assert_eq!(ask("PUT", "/v2/people/7", "{}").await.0, 201);
    let (_, audit) = ask("GET", "/sim/audit", "").await;
    assert_eq!(audit["destination"]["collections"]["people"]["applied"], 2);
    assert_eq!(audit["source"]["throttled"], 1);
    let audit: syncdeck::sim::Audit = serde_json::from_value(audit).expect("the audit's own form");
    assert_eq!(audit.crm("people").records, 1);
}

#[tokio::test]
async fn the_simulator_alone_tells_where_it_listens() {
    let (mut read, write) = std::io::pipe().expect("a pipe");
    let task = tokio::spawn(async move {
        let mut out = write;
        let mut args = Standalone::new(1, 5, Arc::new(SimulatedClock::default()));
        args.collections = vec!["customers".to_owned()];
        run_standalone(args, &mut out).await
    });
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(&mut read), &mut line).map(|_| line)
    });
    let line = line.await.expect("no panic").expect("a line");
    let told: Value = serde_json::from_str(&line).expect("JSON");
    let shop: SocketAddr = told["shop"].as_str().expect("an address")[7..].parse().expect("an address");
    let crm: SocketAddr = told["crm"].as_str().expect("an address")[7..].parse().expect("an address");
    assert_ne!(shop, crm);
    let page: Value =
        serde_json::from_str(body_of(&talk(shop, "GET", "/api/cursor/customers", "").await)).expect("JSON");
    assert_eq!(page["total"], 5);
    assert!(talk(crm, "PUT", "/v2/people/1", "{}").await.starts_with("HTTP/1.1 201"));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn the_demo_lives_and_leaves_nothing_behind() {
    let options =
        DemoOptions { seed: 1, records: 50, faults: Profile::Some, clock: Arc::new(SimulatedClock::default()) };
    let demo = Demo::start(options).await.expect("free ports");
    let text = demo.config(std::path::Path::new("/tmp/a \"quoted\" folder"));
    assert!(text.contains(&format!("http://{}/api", demo.shop_address)));
    assert!(text.contains(r#"state = "/tmp/a \"quoted\" folder""#));
    assert!(!text.contains("_ADDRESS"));
    demo.world.faults.set_profile(Profile::None);
    let status = |path: &'static str| {
        let world = demo.world.clone();
        async move { super::put(&world, path, "{}").await }
    };
    assert_eq!(super::get(&demo.world, "/api/cursor/tickets").await.0, 401);
    assert_eq!(status("/v2/orders/1").await, 201);
    let before = demo.world.shop.dump("customers");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(status("/v2/orders/1").await, 503, "the first outage");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(status("/v2/orders/1").await, 200, "it is over");
    assert_ne!(demo.world.shop.dump("customers"), before, "people trade");
    let addresses = [demo.shop_address, demo.crm_address];
    let world = demo.world.clone();
    demo.stop().await;
    for address in addresses {
        assert!(TcpStream::connect(address).await.is_err());
    }
    let after = world.shop.dump("orders");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.shop.dump("orders"), after, "nobody trades any more");
}
