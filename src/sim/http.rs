//! The one door of both systems: finds out what is asked, lets faults have their way, answers.

use super::crm::{Answer, InFlight, Order, OrderKind};
use super::faults::{Asked, Fault, Met, RetryAfter};
use super::limit::Allowance;
use super::listing::{self, ListRequest, Listed, Paging};
use super::serve::Switch;
use super::{Side, World, batch, change_log, control};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, request::Parts};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

/// The largest request body, in bytes.
const BODY_MAX: usize = 64 << 20;

/// In an answer's extensions: there is no answer, the connection broke. For who calls the router in the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    pub sent: bool,
    pub message: &'static str,
}

pub(super) fn router(world: World) -> Router {
    // A fallback instead of routes, because `{collection}:batch` and ids with every character are decided here.
    Router::new().fallback(answer).with_state(world)
}

/// What is asked.
enum Route<'a> {
    Listing {
        paging: Paging,
        collection: &'a str,
    },
    ShopRecord {
        collection: &'a str,
        id: Cow<'a, str>,
    },
    CrmListing {
        collection: &'a str,
    },
    CrmRecord {
        collection: &'a str,
        id: Cow<'a, str>,
        write: Option<OrderKind>,
    },
    CrmCreate {
        collection: &'a str,
    },
    CrmBatch {
        collection: &'a str,
    },
    /// The shop's subscriptions to events.
    Webhooks {
        rest: Option<&'a str>,
    },
    ChangeLog {
        collection: &'a str,
    },
    Workshop,
    /// The token endpoint.
    SignIn,
    /// 405 for a known path, else 404.
    Nothing {
        side: Side,
        status: u16,
    },
}

impl<'a> Route<'a> {
    fn of(method: &Method, path: &'a str) -> Self {
        let mut parts = path.trim_start_matches('/').splitn(3, '/');
        let (room, first, second) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        let is_read = *method == Method::GET;
        match (room, first, second) {
            ("sim", ..) => Self::Workshop,
            ("api", Some("webhooks"), rest) => Self::Webhooks { rest },
            ("oauth", Some("token"), None) if *method == Method::POST => Self::SignIn,
            ("api", Some("events"), Some(collection)) if is_read => Self::ChangeLog { collection },
            ("api", Some(name), Some(rest)) => match Paging::of(name) {
                Some(paging) if is_read || *method == Method::POST => Self::Listing { paging, collection: rest },
                Some(_) => Self::Nothing { side: Side::Source, status: 405 },
                None if is_read => Self::ShopRecord { collection: name, id: decoded(rest) },
                None => Self::Nothing { side: Side::Source, status: 405 },
            },
            ("v2", Some(name), None) => match (name.strip_suffix(":batch"), method.as_str()) {
                (Some(collection), "POST") => Self::CrmBatch { collection },
                (None, "POST") => Self::CrmCreate { collection: name },
                (None, "GET") => Self::CrmListing { collection: name },
                _ => Self::Nothing { side: Side::Destination, status: 405 },
            },
            ("v2", Some(collection), Some(id)) => {
                let id = decoded(id);
                match method.as_str() {
                    "GET" => Self::CrmRecord { collection, id, write: None },
                    "PUT" => Self::CrmRecord { collection, id, write: Some(OrderKind::Put) },
                    "PATCH" => Self::CrmRecord { collection, id, write: Some(OrderKind::Patch) },
                    "DELETE" => Self::CrmRecord { collection, id, write: Some(OrderKind::Delete) },
                    _ => Self::Nothing { side: Side::Destination, status: 405 },
                }
            }
            ("v2", ..) => Self::Nothing { side: Side::Destination, status: 404 },
            _ => Self::Nothing { side: Side::Source, status: 404 },
        }
    }

    fn side(&self) -> Side {
        match self {
            Self::Listing { .. } | Self::ShopRecord { .. } | Self::ChangeLog { .. } | Self::Webhooks { .. } => {
                Side::Source
            }
            Self::Nothing { side, .. } => *side,
            _ => Side::Destination,
        }
    }

    fn id(&self) -> Option<&str> {
        match self {
            Self::ShopRecord { id, .. } | Self::CrmRecord { id, .. } => Some(id),
            _ => None,
        }
    }

    fn takes_body(&self) -> bool {
        !matches!(
            self,
            Self::ShopRecord { .. } | Self::ChangeLog { .. } | Self::CrmListing { .. } | Self::Nothing { .. }
        )
    }
}

fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

async fn answer(State(world): State<World>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let route = Route::of(&parts.method, path);
    let body = if route.takes_body() {
        match to_bytes(body, BODY_MAX).await {
            Ok(body) => body,
            Err(_) => {
                return plain(listing::refusal(413, "too_large", "the request can not be read"));
            }
        }
    } else {
        Bytes::new()
    };
    if matches!(route, Route::Workshop) {
        return control::answer(&world, &parts, &body);
    }
    if matches!(route, Route::SignIn) {
        return world.identity.answer(&parts.headers, &body, world.now());
    }
    let side = route.side();
    world.traffic.requests[side as usize].fetch_add(1, Ordering::Relaxed);
    // Kept from here on, and pushed when it is dropped: a request whose caller gave up is traced too.
    let mut traced = world.trace_of(side, &parts.method, &parts.uri);
    let response = meet(&world, &parts, &route, &body).await;
    if response.extensions().get::<Broken>().is_none() {
        traced.answered(response.status().as_u16());
    }
    response
}

/// Lets the request meet its fault, before or after it takes effect.
async fn meet(world: &World, parts: &Parts, route: &Route<'_>, body: &Bytes) -> Response {
    let side = route.side();
    let has_cursor = matches!(route, Route::Listing { .. })
        && (parts.uri.query().is_some_and(|query| query.contains("cursor=")) || contains(body, b"\"after\":\""));
    let known_as = known_as(world, route, body);
    let Met { fault, latency, allowance } = world.faults.meet(&Asked {
        side,
        method: &parts.method,
        path: parts.uri.path(),
        id: route.id().or(known_as.as_deref()),
        has_cursor,
        is_batch: matches!(route, Route::CrmBatch { .. }),
    });
    let socket = parts.extensions.get::<ConnectInfo<Switch>>();
    let waits = !latency.is_zero() || matches!(fault, Some(Fault::Slow { .. } | Fault::HangAfter | Fault::HangBefore));
    let in_flight = if waits { begin(world, route, body) } else { None };
    pass(latency / 2).await;

    if let Some(retry_after) = allowance.and_then(|allowance| allowance.retry_after) {
        world.traffic.throttled[side as usize].fetch_add(1, Ordering::Relaxed);
        return limited(throttled(world, &RetryAfter::Seconds(retry_after)), allowance);
    }
    if let Some(Fault::Slow { ms }) = fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let authorization = text(&parts.headers, "authorization");
    let admitted = world.identity.admits(side, authorization, world.now())
        && match side {
            Side::Source => world.shop.admits(authorization),
            Side::Destination => world.crm.admits(authorization),
        };
    let response = match fault.as_ref().and_then(|fault| instead(world, fault, route, socket)) {
        Some(Instead::Answer(response)) => response,
        Some(Instead::Hang) => match hang(in_flight, socket.is_some()).await {},
        None if !admitted => plain(listing::refusal(401, "unauthorized", "the token is not valid or has expired")),
        None => carry_out(world, parts, route, body, fault.as_ref()),
    };
    let response = match fault.as_ref() {
        Some(Fault::HangAfter) => match hang(in_flight, socket.is_some()).await {},
        Some(fault) if response.status().is_success() => spoiled(response, fault, socket.is_some()).await,
        _ => response,
    };
    pass(latency - latency / 2).await;
    drop(in_flight);
    limited(response, allowance)
}

/// What a record that is to be made is known as outside.
fn known_as(world: &World, route: &Route<'_>, body: &[u8]) -> Option<String> {
    let Route::CrmCreate { collection } = route else { return None };
    let demands = world.crm.table(collection).demands();
    let facts = demands.read(body).ok()?;
    demands.external_id(&facts).map(Cow::into_owned)
}

/// Gives no answer until the caller goes away.
async fn hang(in_flight: Option<InFlight>, on_socket: bool) -> Infallible {
    // Over sockets the caller's next try may come before its leaving is seen here; in the process leaving is seen at once.
    let _kept = in_flight.filter(|_| !on_socket);
    pending().await
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn begin(world: &World, route: &Route<'_>, body: &[u8]) -> Option<InFlight> {
    match route {
        Route::CrmRecord { collection, id, write: Some(_) } => {
            Some(world.crm.table(collection).begin(vec![id.clone().into_owned()]))
        }
        Route::CrmBatch { collection } => {
            let table = world.crm.table(collection);
            let ids = batch::ids(&table, body);
            Some(table.begin(ids))
        }
        _ => None,
    }
}

/// What happens instead of what was asked.
enum Instead {
    Answer(Response),
    Hang,
}

fn instead(world: &World, fault: &Fault, route: &Route<'_>, socket: Option<&ConnectInfo<Switch>>) -> Option<Instead> {
    let broken = |sent: bool, message: &'static str| {
        if let Some(ConnectInfo(switch)) = socket {
            switch.break_off();
        }
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Broken { sent, message });
        response
    };
    let response = match fault {
        Fault::HangBefore => return Some(Instead::Hang),
        Fault::Status { code, body, headers } => status(*code, body, headers),
        Fault::Throttled(retry_after) => throttled(world, retry_after),
        Fault::Refused => broken(false, "connection refused"),
        Fault::Reset => broken(true, "connection reset before an answer came"),
        Fault::Html => html(),
        Fault::ErrorIn200 => {
            plain(Listed { status: 200, ..listing::refusal(200, "internal", "the listing could not be made") })
        }
        Fault::ExpiredCursor if matches!(route, Route::Listing { .. }) => {
            plain(listing::refusal(410, "cursor_expired", "the cursor has expired, begin the listing again"))
        }
        Fault::Forbidden => plain(listing::refusal(403, "forbidden", "this record is not yours to change")),
        _ => return None,
    };
    Some(Instead::Answer(response))
}

/// Does what was asked.
fn carry_out(world: &World, parts: &Parts, route: &Route<'_>, body: &Bytes, fault: Option<&Fault>) -> Response {
    match route {
        Route::Listing { paging, collection } => {
            let request = ListRequest {
                paging: *paging,
                collection,
                base: base_of(parts),
                params: listing::params(parts.uri.query(), body),
                fault,
            };
            let listed = listing::list(&world.shop, &request);
            world.shop.listed(collection);
            plain(listed)
        }
        Route::ShopRecord { collection, id } => match world.shop.get(collection, id) {
            Some(body) => plain(Listed { status: 200, headers: HeaderMap::new(), body }),
            None => plain(listing::refusal(404, "not_found", &format!("there is no `{id}` in {collection}"))),
        },
        Route::CrmRecord { collection, id, write: None } => told(world.crm.table(collection).one(id), id),
        Route::CrmRecord { collection, id, write: Some(kind) } => write_one(world, collection, *kind, id, parts, body),
        Route::CrmCreate { collection } => write_one(world, collection, OrderKind::Create, "", parts, body),
        Route::CrmBatch { collection } => told(batch::write(&world.crm.table(collection), body, fault), ""),
        Route::CrmListing { collection } => crm_listing(world, collection, parts.uri.query()),
        Route::Nothing { status, .. } => plain(listing::refusal(*status, "unknown", "there is nothing here")),
        Route::Webhooks { rest } => world.webhooks.answer(&parts.method, *rest, body),
        Route::SignIn => world.identity.answer(&parts.headers, body, world.now()),
        Route::ChangeLog { collection } => {
            plain(change_log::answer(&world.shop, collection, &listing::params(parts.uri.query(), b"")))
        }
        Route::Workshop => control::answer(world, parts, body),
    }
}

fn write_one(world: &World, collection: &str, kind: OrderKind, id: &str, parts: &Parts, body: &[u8]) -> Response {
    let table = world.crm.table(collection);
    let order = Order {
        kind,
        id,
        body,
        key: text(&parts.headers, "idempotency-key"),
        if_match: text(&parts.headers, "if-match"),
        facts: None,
    };
    told(table.write(&order, &table.demands()), id)
}

/// `{"data": […], "next_cursor": …}`, in order of id.
fn crm_listing(world: &World, collection: &str, query: Option<&str>) -> Response {
    let params = listing::params(query, b"");
    let after = params.get("cursor").map(String::as_str).unwrap_or_default();
    let limit = params.get("limit").and_then(|text| text.parse().ok()).unwrap_or(100).clamp(1, 5_000);
    let external_id = params.get("external_id").map(String::as_str);
    let (records, next) = world.crm.table(collection).list(after, limit, external_id);
    let mut body = b"{\"data\":[".to_vec();
    body.extend_from_slice(&records.join(&b","[..]));
    let next = next.map_or(serde_json::Value::Null, serde_json::Value::from);
    body.extend_from_slice(format!("],\"next_cursor\":{next}}}").as_bytes());
    plain(Listed { status: 200, headers: HeaderMap::new(), body: Bytes::from(body) })
}

/// Damages an answer on its way, after what was asked took effect.
async fn spoiled(response: Response, fault: &Fault, on_socket: bool) -> Response {
    if !matches!(fault, Fault::CutBody | Fault::Empty | Fault::TruncatedJson | Fault::InvalidUtf8) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = body.slice(..body.len() / 2);
    match fault {
        Fault::Empty => {
            parts.status = StatusCode::OK;
            Response::from_parts(parts, Body::empty())
        }
        Fault::InvalidUtf8 => {
            let mut bytes = body.to_vec();
            if let Some(place) = bytes.iter().rposition(u8::is_ascii_alphabetic) {
                bytes[place] = 0xFF;
            }
            Response::from_parts(parts, Body::from(bytes))
        }
        Fault::CutBody if on_socket => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len() + 16));
            Response::from_parts(parts, Body::from_stream(CutShort { first: Some(half), paused: false }))
        }
        Fault::CutBody => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(Broken { sent: true, message: "the answer's body ended early" });
            response
        }
        _ => Response::from_parts(parts, Body::from(half)),
    }
}

/// A body that ends with a broken connection after its first part went out.
struct CutShort {
    first: Option<Bytes>,
    paused: bool,
}

impl futures::Stream for CutShort {
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if !self.paused {
            // One turn for the server to send what it has.
            self.paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

fn plain(listed: Listed) -> Response {
    let mut response = Response::new(Body::from(listed.body));
    *response.status_mut() = StatusCode::from_u16(listed.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = listed.headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer of the CRM about the record `id`.
fn told(answer: Answer, id: &str) -> Response {
    let mut headers = HeaderMap::new();
    let etag = answer.etag.map(|etag| HeaderValue::from_str(&format!("\"{etag}\"")));
    if let Some(Ok(etag)) = etag {
        headers.insert(header::ETAG, etag);
    }
    plain(Listed { status: answer.status, headers, body: answer.into_body(id) })
}

fn status(code: u16, body: &str, headers: &[(String, String)]) -> Response {
    let mut response = plain(Listed { status: code, headers: HeaderMap::new(), body: Bytes::from(body.to_owned()) });
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn throttled(world: &World, retry_after: &RetryAfter) -> Response {
    let mut response = plain(listing::refusal(429, "rate_limited", "too many requests, come back later"));
    let value = retry_after.header(world.now()).and_then(|text| HeaderValue::from_str(&text).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    // A date means something only beside the time of the system that gave it.
    let now = RetryAfter::DateIn(0).header(world.now()).and_then(|text| HeaderValue::from_str(&text).ok());
    if let Some(now) = now {
        response.headers_mut().insert(header::DATE, now);
    }
    response
}

fn html() -> Response {
    let page =
        "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Please sign in again</form></body></html>";
    let mut response = Response::new(Body::from(page));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn limited(mut response: Response, allowance: Option<Allowance>) -> Response {
    if let Some(Allowance { limit, remaining, reset, .. }) = allowance {
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", HeaderValue::from(limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    }
    response
}

/// The address under which the caller reached us, for links to the next page.
fn base_of(parts: &Parts) -> String {
    let host = parts.uri.authority().map(|authority| authority.as_str()).or_else(|| text(&parts.headers, "host"));
    let scheme = parts.uri.scheme_str().unwrap_or("http");
    host.map_or_else(String::new, |host| format!("{scheme}://{host}"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

pub(super) fn json(status: u16, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => plain(Listed { status, headers: HeaderMap::new(), body: Bytes::from(body) }),
        Err(error) => plain(listing::refusal(500, "internal", &error.to_string())),
    }
}
