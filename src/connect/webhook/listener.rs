//! The listener: what comes over the network, up to a verified event and the answer to it.

use super::{Desk, Incoming, Refusal, Route, Taken, Verifier};
use crate::model::webhook::{Delivery, Respond};
use crate::model::{Clock, JobId, RawJson};
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// What one sender may take of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest body, in bytes.
    pub max_body: u64,
    /// From a connection's first byte, or the end of the answer before, to the end of a request's head.
    pub head_within: Duration,
    /// From the end of the head to the end of the body.
    pub body_within: Duration,
    /// Open connections; further ones wait to be accepted.
    pub connections: usize,
}

impl Bounds {
    pub fn new(max_body: u64) -> Self {
        Self {
            max_body,
            head_within: Duration::from_secs(10),
            body_within: Duration::from_secs(20),
            connections: 1_024,
        }
    }
}

/// Headers of one request.
const HEADERS_MAX: usize = 100;
/// Bytes of one request's head.
const HEAD_MAX: usize = 64 << 10;
/// Bodies in memory at once, in KiB, all senders together.
const BODIES_KIB: u32 = 64 << 10;
/// How long a request waits for room for its body.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
/// How long the answers that are on their way may take when the listener ends.
const DRAIN_WITHIN: Duration = Duration::from_secs(3);
/// What a sender is told to wait where the inbox is full, where nothing can be stored, and where it is crowded, in seconds.
const FULL_SECONDS: u64 = 60;
const FAILED_SECONDS: u64 = 10;
const CROWDED_SECONDS: u64 = 1;

/// A listener that runs until it is stopped or dropped.
pub struct Listener {
    address: SocketAddr,
    stop: CancellationToken,
    connections: TaskTracker,
    _accepting: AbortOnDropHandle<()>,
}

/// What all connections share.
struct House {
    lines: HashMap<String, Line>,
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    room: Semaphore,
}

/// One path.
struct Line {
    job: JobId,
    verifier: Option<Verifier>,
    delivery: Delivery,
    respond: Respond,
}

/// Listens at `address` (port 0 takes any free one). The reason when that can not be done.
pub async fn listen(
    address: SocketAddr,
    bounds: Bounds,
    routes: Vec<Route>,
    desk: Arc<dyn Desk>,
    clock: Arc<dyn Clock>,
) -> Result<Listener, String> {
    let mut lines = HashMap::new();
    for Route { job, webhook } in routes {
        let verifier = Verifier::new(&webhook.proof).map_err(|reason| format!("webhook of `{job}`: {reason}"))?;
        let line = Line { job, verifier, delivery: webhook.delivery, respond: webhook.respond };
        lines.insert(webhook.path, line);
    }
    let refused = |error: io::Error| format!("webhooks can not be taken in at {address}: {error}");
    let tcp = TcpListener::bind(address).await.map_err(refused)?;
    let address = tcp.local_addr().map_err(refused)?;
    let room = Semaphore::new(BODIES_KIB as usize);
    let house = Arc::new(House { lines, desk, clock, bounds, room });
    let stop = CancellationToken::new();
    let connections = TaskTracker::new();
    let accepting = tokio::spawn(accept(tcp, house, stop.clone(), connections.clone()));
    Ok(Listener { address, stop, connections, _accepting: AbortOnDropHandle::new(accepting) })
}

impl Listener {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests; those on their way are answered.
    pub async fn stop(self) {
        self.stop.cancel();
        self.connections.close();
        // Who reads answers slowly is left.
        let _ = tokio::time::timeout(DRAIN_WITHIN, self.connections.wait()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(tcp: TcpListener, house: Arc<House>, stop: CancellationToken, connections: TaskTracker) {
    let free = Arc::new(Semaphore::new(house.bounds.connections));
    loop {
        let Ok(seat) = free.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = tcp.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (house, stop) = (house.clone(), stop.clone());
                connections.spawn(async move {
                    serve(stream, house, stop).await;
                    drop(seat);
                });
            }
            // Out of file descriptors, most likely; a moment later there are some again.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(stream: TcpStream, house: Arc<House>, stop: CancellationToken) {
    // Small answers must not wait for the acknowledgement of the ones before. Where that can not be set, they are slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: Request<Body>| {
        let house = house.clone();
        async move { Ok::<_, Infallible>(house.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(house.bounds.head_within)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // How a connection ends is its sender's business: what was stored was answered, what was not answered is sent again.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

impl House {
    async fn answer(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        let Some(line) = self.lines.get(request.uri().path()) else { return plain(StatusCode::NOT_FOUND) };
        if request.method() != Method::POST {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        match self.event(line, request).await {
            Ok(event) => match self.desk.take(&line.job, event).await {
                Taken::Stored => stored(&line.respond),
                Taken::Full => later(StatusCode::TOO_MANY_REQUESTS, FULL_SECONDS),
                Taken::Failed => later(StatusCode::SERVICE_UNAVAILABLE, FAILED_SECONDS),
            },
            Err(why) => {
                self.desk.refused(&line.job, why);
                refused(why)
            }
        }
    }

    /// Reads a request to its end and checks that it may be believed.
    async fn event(&self, line: &Line, request: Request<Body>) -> Result<Incoming, Refusal> {
        let headers = request.headers().clone();
        if line.verifier.as_ref().is_some_and(|verifier| !verifier.claims(&headers)) {
            return Err(Refusal::NoSignature);
        }
        let is_plain = headers.get(CONTENT_ENCODING).is_none_or(|value| value.as_bytes() == b"identity");
        if !is_plain {
            // What is compressed may be a thousand times as large, and signatures are of the bytes as they were sent.
            return Err(Refusal::Unreadable);
        }
        let told = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if told.is_some_and(|length| self.bounds.max_body < length) {
            return Err(Refusal::TooLarge);
        }
        let _room = self.room_for(told.unwrap_or(self.bounds.max_body)).await?;
        let limit = usize::try_from(self.bounds.max_body).unwrap_or(usize::MAX);
        let whole = Limited::new(request.into_body(), limit).collect();
        let body = match tokio::time::timeout(self.bounds.body_within, whole).await {
            Err(_) => return Err(Refusal::TooSlow),
            Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Refusal::TooLarge),
            Ok(Err(_)) => return Err(Refusal::Unreadable),
            Ok(Ok(body)) => body.to_bytes(),
        };
        let at = self.clock.now();
        if let Some(verifier) = &line.verifier {
            verifier.verify(&headers, &body, at)?;
        }
        let delivery = match &line.delivery {
            Delivery::Unknown => None,
            Delivery::Header(name) => {
                headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            }
            Delivery::Body(pointer) => {
                let found = RawJson::parse(body.clone()).ok().and_then(|event| pointer.find(&event).ok().flatten());
                found.map(|id| id.as_str().to_owned()).filter(|id| id != "null")
            }
        };
        let delivery = delivery.filter(|id| !id.trim().is_empty());
        Ok(Incoming { at, delivery, body })
    }

    async fn room_for(&self, bytes: u64) -> Result<SemaphorePermit<'_>, Refusal> {
        let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX).clamp(1, BODIES_KIB);
        match tokio::time::timeout(ROOM_WITHIN, self.room.acquire_many(kib)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::Crowded),
        }
    }
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn later(status: StatusCode, seconds: u64) -> Response<Full<Bytes>> {
    let mut answer = plain(status);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

fn stored(respond: &Respond) -> Response<Full<Bytes>> {
    let mut answer = plain(StatusCode::from_u16(respond.status).unwrap_or(StatusCode::ACCEPTED));
    if let Some(body) = &respond.body {
        let is_json = RawJson::parse(body.clone()).is_ok();
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        *answer.body_mut() = Full::new(Bytes::from(body.clone()));
    }
    answer
}

/// A refusal says no more than its status. What of the body was not read is not waited for.
fn refused(why: Refusal) -> Response<Full<Bytes>> {
    let mut answer = match why {
        Refusal::NoSignature | Refusal::WrongSignature | Refusal::Stale => plain(StatusCode::UNAUTHORIZED),
        Refusal::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE),
        Refusal::TooSlow => plain(StatusCode::REQUEST_TIMEOUT),
        Refusal::Unreadable => plain(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        Refusal::Crowded => later(StatusCode::SERVICE_UNAVAILABLE, CROWDED_SECONDS),
    };
    if !matches!(why, Refusal::WrongSignature | Refusal::Stale) {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
