//! The listener for webhooks by itself, over real sockets: what is hostile is refused, and costs no memory.

use async_trait::async_trait;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use syncdeck::connect::webhook::{Bounds, Desk, Incoming, Listener, Refusal, Route, Taken, listen};
use syncdeck::engine::clock::SystemClock;
use syncdeck::model::webhook::{Delivery, Proof, Respond, Scheme};
use syncdeck::model::{JobId, Secret, Webhook};
use syncdeck::sim::webhook_signature;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SECRET: &str = "the-secret-of-this-test";
const PATH: &str = "/hooks/shop";

/// Notes what comes, and answers as it was told to.
#[derive(Default)]
struct Notebook {
    taken: Mutex<Vec<Incoming>>,
    refused: Mutex<Vec<Refusal>>,
    answer: Mutex<Option<Taken>>,
}

#[async_trait]
impl Desk for Notebook {
    async fn take(&self, _: &JobId, event: Incoming) -> Taken {
        self.taken.lock().push(event);
        self.answer.lock().unwrap_or(Taken::Stored)
    }

    fn refused(&self, _: &JobId, why: Refusal) {
        self.refused.lock().push(why);
    }
}

fn webhook() -> Webhook {
    Webhook {
        path: PATH.to_owned(),
        proof: Proof::Signature {
            scheme: Scheme::HmacSha256,
            header: "X-Signature".to_owned(),
            prefix: String::new(),
            secrets: vec![Secret::new(SECRET)],
        },
        delivery: Delivery::Header("x-delivery".to_owned()),
        record: None,
        id: Vec::new(),
        version: None,
        deleted: None,
        event: None,
        deletes: Vec::new(),
        fetch: false,
        respond: Respond { status: 202, body: None },
        max_waiting: 10,
        silence: None,
        subscribe: None,
    }
}

async fn opened(webhook: Webhook, bounds: Bounds) -> (Listener, Arc<Notebook>) {
    let desk = Arc::new(Notebook::default());
    let route = Route { job: JobId::from("customers"), webhook };
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener =
        listen(address, bounds, vec![route], desk.clone(), Arc::new(SystemClock)).await.expect("a free port");
    (listener, desk)
}

fn bounds() -> Bounds {
    let short = Duration::from_millis(300);
    Bounds { head_within: short, body_within: short, ..Bounds::new(4_096) }
}

/// Says `parts` one after the other and returns all that comes back until the connection ends.
async fn said(address: SocketAddr, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    for part in parts {
        // Who is refused in the middle of a sentence need not end it.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(path: &str, length: usize, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n")
}

async fn posted(address: SocketAddr, path: &str, body: &[u8], more: &str) -> String {
    let signed = format!("x-signature: {}\r\n{more}", webhook_signature(SECRET, body));
    said(address, &[head(path, body.len(), &signed).as_bytes(), body]).await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_signed_event_is_taken_and_answered_as_configured() {
    let respond = Respond { status: 200, body: Some(r#"{"ok":true}"#.to_owned()) };
    let (listener, desk) = opened(Webhook { respond, ..webhook() }, bounds()).await;
    let answer = posted(listener.address(), PATH, b"{\"a\":1}", "x-delivery: d1\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n{\"ok\":true}"), "{answer}");
    assert!(answer.contains("content-type: application/json"), "{answer}");
    let taken = desk.taken.lock();
    assert_eq!((taken[0].delivery.as_deref(), &taken[0].body[..]), (Some("d1"), &b"{\"a\":1}"[..]));
}

// Row 79 of the fault matrix.
#[tokio::test]
async fn a_webhook_that_is_not_signed_rightly_is_refused_without_a_word() {
    let (listener, desk) = opened(webhook(), bounds()).await;
    let at = listener.address();
    let unsigned = said(at, &[head(PATH, 2, "").as_bytes(), b"{}"]).await;
    let wrong = format!("x-signature: {}\r\n", webhook_signature("another secret", b"{}"));
    let wrong = said(at, &[head(PATH, 2, &wrong).as_bytes(), b"{}"]).await;
    let other = format!("x-signature: {}\r\n", webhook_signature(SECRET, b"[]"));
    let other = said(at, &[head(PATH, 2, &other).as_bytes(), b"{}"]).await;
    for answer in [&unsigned, &wrong, &other] {
        assert_eq!(status(answer), 401, "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "it says more than its status: {answer}");
    }
    assert!(desk.taken.lock().is_empty());
    assert_eq!(*desk.refused.lock(), [Refusal::NoSignature, Refusal::WrongSignature, Refusal::WrongSignature]);
}

// Row 84 of the fault matrix.
#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    let (listener, desk) = opened(webhook(), bounds()).await;
    let at = listener.address();
    let told = said(at, &[head(PATH, 1_000_000_000, "x-signature: 00\r\n").as_bytes()]).await;
    assert_eq!(status(&told), 413, "{told}");
    // Chunked, without an end: nobody says how much will come.
    let start = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nx-signature: 00\r\n\r\n");
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1_024));
    let mut parts: Vec<&[u8]> = vec![start.as_bytes()];
    parts.extend(std::iter::repeat_n(chunk.as_bytes(), 64));
    let endless = said(at, &parts).await;
    assert_eq!(status(&endless), 413, "{endless}");
    let exact = vec![b' '; 4_096];
    assert_eq!(status(&posted(at, PATH, &exact, "").await), 202, "what is just within the limit is taken");
    assert_eq!(*desk.refused.lock(), [Refusal::TooLarge, Refusal::TooLarge]);
}

// Row 84 of the fault matrix.
#[tokio::test]
async fn who_sends_slowly_is_not_waited_for() {
    let (listener, desk) = opened(webhook(), bounds()).await;
    let at = listener.address();
    let body = said(at, &[head(PATH, 10, "x-signature: 00\r\n").as_bytes(), b"{"]).await;
    assert_eq!(status(&body), 408, "{body}");
    assert_eq!(*desk.refused.lock(), [Refusal::TooSlow]);
    // A head that never ends: the connection does.
    let head = said(at, &[b"POST /hooks/shop HTTP/1.1\r\nhost: x\r\nx-slow: "]).await;
    assert!(!head.contains(" 2"), "{head}");
    // Nor is a connection kept open on which nothing is said.
    assert_eq!(said(at, &[]).await, "");
}

// Row 84 of the fault matrix.
#[tokio::test]
async fn ten_thousand_headers_a_huge_head_and_a_compressed_body_are_refused() {
    let (listener, desk) = opened(webhook(), bounds()).await;
    let at = listener.address();
    let many: String = (0..10_000).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = said(at, &[head(PATH, 2, &many).as_bytes(), b"{}"]).await;
    assert_eq!(status(&many), 431, "{many}");
    let huge = format!("x-huge: {}\r\n", "x".repeat(1 << 20));
    let huge = said(at, &[head(PATH, 2, &huge).as_bytes(), b"{}"]).await;
    assert_eq!(status(&huge), 431, "{huge}");
    // A bomb would be a thousand times as large once it is unpacked; nothing is unpacked.
    let bomb = posted(at, PATH, &[0x1f, 0x8b, 8, 0], "content-encoding: gzip\r\n").await;
    assert_eq!(status(&bomb), 415, "{bomb}");
    assert!(desk.taken.lock().is_empty());
}

// Row 86 of the fault matrix.
#[tokio::test]
async fn other_ways_and_other_places_are_refused_without_details() {
    let (listener, desk) = opened(webhook(), bounds()).await;
    let at = listener.address();
    for path in
        ["/", "/hooks", "/hooks/shop/", "/hooks/shop/x", "/hooks/../hooks/shop", "/hooks/%73hop", "//hooks/shop"]
    {
        let answer = posted(at, path, b"{}", "").await;
        assert_eq!(status(&answer), 404, "{path}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{path}: {answer}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let head = format!("{method} {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = said(at, &[head.as_bytes()]).await;
        assert_eq!(status(&answer), 405, "{method}: {answer}");
        assert!(answer.contains("allow: POST") && answer.ends_with("\r\n\r\n"), "{method}: {answer}");
    }
    assert!(desk.taken.lock().is_empty() && desk.refused.lock().is_empty());
}

// Row 85 of the fault matrix.
#[tokio::test]
async fn who_comes_too_early_is_told_when_to_come_back() {
    let (listener, desk) = opened(webhook(), bounds()).await;
    let at = listener.address();
    for (answer, wanted) in [(Taken::Full, 429), (Taken::Failed, 503)] {
        *desk.answer.lock() = Some(answer);
        let answer = posted(at, PATH, b"{}", "").await;
        assert_eq!(status(&answer), wanted, "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
    }
}

#[tokio::test]
async fn what_is_on_its_way_when_the_listener_ends_is_answered() {
    let (listener, _desk) = opened(webhook(), Bounds::new(4_096)).await;
    let at = listener.address();
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    let signed = format!("x-signature: {}\r\n", webhook_signature(SECRET, b"{}"));
    stream.write_all(head(PATH, 2, &signed).as_bytes()).await.expect("it reads");
    let mut first = [0; 1];
    // It is inside once the head was read; the answer waits for the body.
    let stopping = tokio::spawn(async move {
        tokio::task::yield_now().await;
        listener.stop().await;
    });
    stream.write_all(b"{}").await.expect("it still reads");
    stream.read_exact(&mut first).await.expect("an answer");
    assert_eq!(first, *b"H");
    stopping.await.expect("it ends");
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
}
