//! The transport over real sockets of this machine: what breaks, what is followed, and what never leaves the origin.

#![allow(clippy::unwrap_used, reason = "what a test arranges fails loudly")]

mod bounds;
mod elsewhere;
mod tls;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use base64::Engine;
use bytes::Bytes;
use http::Request;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use syncdeck::connect::http::{TransportError, network};
use syncdeck::connect::{FaultKind, link, probe};
use syncdeck::model::{
    Auth, Connection, ConnectionKind, DeletePolicy, DestinationStream, Guard, Job, JobDestination, JobSource, KeyType,
    Limits, Masks, Missing, OnOrphan, Paginate, Pointer, RecordFields, RestConnection, RestDestination, RestRequest,
    RestSource, RestWrite, RetryRule, Schedule, Secret, SourceStream,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMIT: u64 = 50_000;
const LONG: Duration = Duration::from_secs(20);

/// 133 bytes that inflate to 100,000.
const BOMB: &str = "H4sIAAAAAAACA+3BMQEAAADCoErrn84aHkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArwaFwk3FoIYBAA==";

fn connection(at: SocketAddr) -> RestConnection {
    RestConnection {
        auth: Some(Auth::Bearer { token: Secret::new("s3cret-token") }),
        timeout: LONG,
        max_body: LIMIT,
        ..RestConnection::new(format!("http://{at}"))
    }
}

async fn ask(method: Method, at: SocketAddr, path: &str) -> Result<http::Response<Bytes>, TransportError> {
    ask_within(LONG, method, at, path).await
}

async fn ask_within(
    timeout: Duration,
    method: Method,
    at: SocketAddr,
    path: &str,
) -> Result<http::Response<Bytes>, TransportError> {
    let transport = network(&connection(at)).unwrap();
    let body = if method == Method::GET { Bytes::new() } else { Bytes::from_static(b"{\"a\":1}") };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{at}{path}"))
        .header("authorization", "Bearer s3cret-token")
        .body(body)
        .unwrap();
    transport.send(request, timeout, LIMIT).await
}

/// What a server saw: `METHOD path`, the credentials, the body's length.
type Seen = Arc<Mutex<Vec<(String, bool, usize)>>>;
type Answering = Arc<dyn Fn(&Method, &Uri) -> Response<Body> + Send + Sync>;

async fn serve(answering: impl Fn(&Method, &Uri) -> Response<Body> + Send + Sync + 'static) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let answering: Answering = Arc::new(answering);
    let handler = |State((seen, answering)): State<(Seen, Answering)>,
                   method: Method,
                   uri: Uri,
                   headers: HeaderMap,
                   body: Bytes| async move {
        let asked = format!("{method} {}", uri.path());
        seen.lock().unwrap().push((asked, headers.contains_key("authorization"), body.len()));
        answering(&method, &uri)
    };
    let router = Router::new().fallback(handler).with_state((seen.clone(), answering));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (at, seen)
}

fn answer(status: StatusCode, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

fn redirect(status: StatusCode, to: &str) -> Response<Body> {
    answer(status, &[("location", to)], "")
}

/// A server that says `text` to the first request of each connection, and then what `after` does.
async fn raw<F>(text: Vec<u8>, after: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&text).await;
            after(stream).await;
        }
    });
    at
}

async fn hang_up(_: TcpStream) {}

#[tokio::test]
async fn an_answer_arrives_whole_with_its_headers() {
    let body: String = (0..5_000).map(|number| format!("{number:08}")).collect();
    let expected = body.clone();
    let (at, _) = serve(move |_, _| answer(StatusCode::OK, &[("etag", "7")], body.clone())).await;
    let response = ask(Method::GET, at, "/a").await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.body(), &expected);
    assert_eq!(response.headers()["etag"], "7");
}

// Row 36 of the fault matrix.
#[tokio::test]
async fn a_body_that_is_cut_short_is_an_error_and_no_answer() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":[".to_vec();
    let error = ask(Method::GET, raw(cut, hang_up).await, "/").await.unwrap_err();
    assert!(error.sent && !error.hopeless && !error.too_large, "{error:?}");
    assert!(error.message.contains("broke"), "{}", error.message);
}

// Row 36 of the fault matrix.
#[tokio::test]
async fn a_chunked_body_without_its_end_is_an_error_and_no_answer() {
    let cut = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec();
    assert!(ask(Method::GET, raw(cut, hang_up).await, "/").await.unwrap_err().sent);
}

// Row 59 of the fault matrix.
#[tokio::test]
async fn a_connection_that_closes_without_a_word_counts_as_sent() {
    let error = ask(Method::PUT, raw(Vec::new(), hang_up).await, "/").await.unwrap_err();
    assert!(error.sent && !error.timed_out, "{error:?}");
}

// Row 59 of the fault matrix.
#[tokio::test]
async fn a_slow_drip_ends_with_the_whole_requests_timeout() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    let drip = |mut stream: TcpStream| async move {
        let mut every = tokio::time::interval(Duration::from_millis(10));
        while stream.write_all(b"x").await.is_ok() {
            every.tick().await;
        }
    };
    let body = raw(head, drip).await;
    // The limit stays below the announced length, so only the drip is in question.
    let transport = network(&connection(body)).unwrap();
    let request = Request::builder().uri(format!("http://{body}/")).body(Bytes::new()).unwrap();
    let error = transport.send(request, Duration::from_millis(200), 2_000_000).await.unwrap_err();
    assert!(error.timed_out && error.sent, "{error:?}");
}

// Row 59 of the fault matrix.
#[tokio::test]
async fn a_system_that_never_answers_times_out_and_counts_as_sent() {
    let at = raw(Vec::new(), |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let error = ask_within(Duration::from_millis(200), Method::PUT, at, "/").await.unwrap_err();
    assert!(error.timed_out && error.sent, "{error:?}");
}

// Row 75 of the fault matrix.
#[tokio::test]
async fn a_refused_connection_was_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let error = ask(Method::PUT, at, "/x?key=s3cret-token").await.unwrap_err();
    assert!(!error.sent && !error.hopeless, "{error:?}");
    assert!(error.message.contains(&format!("can not connect to `{at}`")), "{}", error.message);
    assert!(!error.message.contains("s3cret"), "{}", error.message);
}

// Row 39 of the fault matrix.
#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_whether_it_tells_its_length_or_not() {
    let (at, _) = serve(|_, uri| match uri.path() {
        "/told" => answer(StatusCode::OK, &[], "x".repeat(60_000)),
        _ => {
            let pieces = (0..60).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 1000])));
            answer(StatusCode::OK, &[], Body::from_stream(futures::stream::iter(pieces)))
        }
    })
    .await;
    for path in ["/told", "/streamed"] {
        let error = ask(Method::GET, at, path).await.unwrap_err();
        assert!(error.too_large && error.sent, "{path}: {error:?}");
    }
}

// Row 107 of the fault matrix.
#[tokio::test]
async fn the_limit_counts_inflated_bytes() {
    let bomb = base64::engine::general_purpose::STANDARD.decode(BOMB).unwrap();
    let (at, _) = serve(move |_, _| answer(StatusCode::OK, &[("content-encoding", "gzip")], bomb.clone())).await;
    let error = ask(Method::GET, at, "/").await.unwrap_err();
    assert!(error.too_large, "{error:?}");
    let transport = network(&connection(at)).unwrap();
    let request = Request::builder().uri(format!("http://{at}/")).body(Bytes::new()).unwrap();
    let response = transport.send(request, LONG, 100_000).await.unwrap();
    assert_eq!(response.body().len(), 100_000);
}

// Row 108 of the fault matrix.
#[tokio::test]
async fn a_flood_of_headers_or_a_huge_one_is_an_error() {
    let mut many = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n".to_vec();
    for number in 0..5000 {
        many.extend_from_slice(format!("x-{number}: y\r\n").as_bytes());
    }
    many.extend_from_slice(b"\r\n");
    let huge = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: {}\r\n\r\n", "y".repeat(1024 * 1024)).into_bytes();
    for head in [many, huge] {
        let error = ask(Method::GET, raw(head, hang_up).await, "/").await.unwrap_err();
        assert!(error.sent && !error.timed_out, "{error:?}");
    }
}

fn hops(uri: &Uri) -> u32 {
    uri.path().trim_start_matches("/hop/").parse().unwrap()
}

// Row 60 of the fault matrix.
#[tokio::test]
async fn a_read_follows_five_redirects_of_its_origin_and_no_sixth() {
    let (at, seen) = serve(|_, uri| match hops(uri) {
        0 => answer(StatusCode::OK, &[], "there"),
        left => redirect(StatusCode::FOUND, &format!("/hop/{}", left - 1)),
    })
    .await;
    assert_eq!(ask(Method::GET, at, "/hop/5").await.unwrap().body(), "there");
    assert!(seen.lock().unwrap().iter().all(|(_, has_credentials, _)| *has_credentials));
    let error = ask(Method::GET, at, "/hop/6").await.unwrap_err();
    assert!(error.hopeless && error.message.contains("more than 5 times"), "{error:?}");
}

// Row 61 of the fault matrix.
#[tokio::test]
async fn a_redirect_to_another_origin_is_handed_up_and_nothing_is_sent_there() {
    let (other, other_seen) = serve(|_, _| answer(StatusCode::OK, &[], "stolen")).await;
    let (at, _) = serve(move |_, _| redirect(StatusCode::TEMPORARY_REDIRECT, &format!("http://{other}/x"))).await;
    for method in [Method::GET, Method::PUT] {
        assert_eq!(ask(method, at, "/").await.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
    }
    assert!(other_seen.lock().unwrap().is_empty());
}

// Row 60 of the fault matrix.
#[tokio::test]
async fn a_write_follows_only_redirects_that_keep_it_a_write() {
    let (at, seen) = serve(|_, uri| match uri.path() {
        "/there" => answer(StatusCode::OK, &[], "there"),
        path => redirect(StatusCode::from_u16(path[1..].parse().unwrap()).unwrap(), "/there"),
    })
    .await;
    for status in [301, 302, 303] {
        let response = ask(Method::PUT, at, &format!("/{status}")).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
    }
    for status in [307, 308] {
        assert_eq!(ask(Method::PUT, at, &format!("/{status}")).await.unwrap().body(), "there");
    }
    let seen = seen.lock().unwrap();
    let arrived: Vec<_> = seen.iter().filter(|(asked, ..)| asked.ends_with("/there")).collect();
    assert_eq!(arrived, [&("PUT /there".to_owned(), true, 7), &("PUT /there".to_owned(), true, 7)]);
}

// Row 49 of the fault matrix.
#[tokio::test]
async fn an_encoded_id_reaches_the_system_as_it_was_written() {
    let (at, seen) = serve(|_, _| answer(StatusCode::OK, &[], "")).await;
    let path = "/contacts/a%2Fb%3Fc%23d%25e%20%C3%BC..%5C";
    ask(Method::GET, at, path).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0].0, format!("GET {path}"));
}

fn job() -> Job {
    let pointer = |text| Pointer::parse(text).unwrap();
    Job {
        id: "customers_to_crm".into(),
        description: None,
        enabled: true,
        schedule: Schedule::Manual,
        batch_window: Duration::ZERO,
        max_pages: None,
        max_runtime: None,
        max_attempts: 5,
        delete: DeletePolicy::Ignore,
        on_orphan: OnOrphan::Create,
        guard: Guard {
            max_error_fraction: 0.5,
            min_records: 50,
            max_deletes: 1_000,
            max_delete_fraction: 0.2,
            allow_empty: false,
        },
        source: JobSource {
            connection: "shop".into(),
            filter: None,
            sorted: false,
            incremental: None,
            missing: Missing::Ignore,
            fields: RecordFields {
                id: vec![pointer("/id")],
                key_type: KeyType::Any,
                version: None,
                deleted: None,
                prefix: String::new(),
            },
            searchable: Vec::new(),
            webhook: None,
            stream: SourceStream::Rest(RestSource {
                path: "/customers".to_owned(),
                query: Vec::new(),
                method: syncdeck::model::Method::Get,
                body: None,
                records: pointer("/data"),
                error: None,
                total: None,
                paginate: Paginate::LinkHeader,
                since_param: None,
                one: None,
                change_log: None,
            }),
        },
        destination: JobDestination {
            connection: "shop".into(),
            changed_fields_only: false,
            soft_delete: None,
            creates: syncdeck::model::Creates::InPlace,
            checks_versions: false,
            verify: None,
            stream: DestinationStream::Rest(RestDestination {
                write: RestWrite::Upsert(RestRequest {
                    method: syncdeck::model::Method::Put,
                    path: "/contacts/{{ id }}".to_owned(),
                    body: None,
                }),
                idempotency_header: None,
                version_header: None,
                id: None,
                one: None,
                delete: None,
            }),
        },
        map: Vec::new(),
        configured: 0,
        source_identity: 0,
    }
}

fn shop(at: SocketAddr) -> Connection {
    Connection {
        id: "shop".into(),
        kind: ConnectionKind::Rest(connection(at)),
        limits: Limits::default(),
        retry: RetryRule::default(),
    }
}

#[tokio::test]
async fn a_probe_reads_the_first_page_over_the_network() {
    let (at, seen) = serve(|_, _| {
        let next = [("link", "</customers?page=2>; rel=\"next\"")];
        answer(StatusCode::OK, &next, r#"{"data":[{"id":1},{"id":2}]}"#)
    })
    .await;
    let reply = probe(&link(&shop(at), Masks::default()).unwrap(), &job()).await;
    let page = reply.outcome.unwrap();
    assert_eq!((page.items.len(), page.next.unwrap().0.as_str()), (2, "/customers?page=2"));
    assert_eq!(reply.signals.status, Some(200));
    assert_eq!(*seen.lock().unwrap(), [("GET /customers".to_owned(), true, 0)]);
}

// Row 60 of the fault matrix.
#[tokio::test]
async fn a_probe_of_an_endless_redirect_is_fatal_and_says_what_to_mend() {
    let (at, _) = serve(|_, uri| redirect(StatusCode::FOUND, uri.path())).await;
    let fault = probe(&link(&shop(at), Masks::default()).unwrap(), &job()).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert!(fault.hint.unwrap().contains("`base_url` of connection `shop`"));
}

// Row 120 of the fault matrix.
#[tokio::test]
async fn a_name_that_is_not_found_is_transient_and_nothing_was_sent() {
    // No resolver is asked for a label of more than 63 letters, and none finds it.
    let rest = RestConnection { base_url: format!("http://{}.test", "a".repeat(64)), ..connection(([0; 4], 0).into()) };
    let shop = Connection { kind: ConnectionKind::Rest(rest), ..shop(([0; 4], 0).into()) };
    let fault = probe(&link(&shop, Masks::default()).unwrap(), &job()).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.starts_with("can not connect to `aaaa"), "{}", fault.message);
    assert!(fault.hint.unwrap().contains("`base_url` of connection `shop`"));
}

// Row 120 of the fault matrix.
#[tokio::test]
async fn a_system_is_reached_over_ipv6() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let at = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(async || r#"{"data":[{"id":1}]}"#);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let page = probe(&link(&shop(at), Masks::default()).unwrap(), &job()).await.outcome.unwrap();
    assert_eq!(page.items.len(), 1);
}

// Row 55 of the fault matrix.
#[tokio::test]
async fn a_probe_of_a_system_that_is_down_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let fault = probe(&link(&shop(at), Masks::default()).unwrap(), &job()).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    assert_eq!(fault.request, "GET /customers");
}
