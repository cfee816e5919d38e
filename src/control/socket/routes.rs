//! What can be asked over the socket: by other syncdecks with `POST /ask`, by people and scripts with the rest.
//!
//! Here are the table of routes, who is let in, and the lists. What looks closer is in [`lookups`], what changes something
//! in [`orders`].

use super::server::Peer;
use super::wire::{Ask, Door, END_EVENT, Hello, PROTOCOL, PROTOCOL_HEADER, Problem, SNAPSHOT_EVENT, Signature, Told};
use super::{lookups, metrics, orders, sse};
use crate::control::local::Local;
use crate::control::{Answer, Host, LetterView, Refusal, Request};
use crate::model::filter::{CHECKPOINT_FIELDS, RunFilter, parse};
use crate::model::{
    Actor, BulkRetry, ConnectionId, ConnectionStatus, DeadLetterId, GroupId, JobId, JobStatus, LetterFilter, Level,
    LogFilter, RunId, Sequence, Snapshot, Timestamp,
};
use axum::body::{Body, Bytes};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderValue, Request as HttpRequest, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The longest request that is read.
const BODY_MAX: usize = 64 << 20;
/// The longest that an answer may take. Orders over a million letters take seconds.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// How often a screen is told that the engine is there, when it has nothing else to tell.
const ALIVE_EVERY: Duration = Duration::from_secs(2);
/// Rows of a list where none is asked for.
const LIMIT: usize = 100;

/// What the routes work with.
pub(super) struct Desk {
    local: Local,
    host: Host,
    uid: u32,
    stopping: CancellationToken,
    /// The last snapshot as it goes over the wire, made once for all who watch.
    written: Mutex<Option<(Arc<Snapshot>, Bytes)>>,
}

impl Desk {
    pub fn new(local: Local, host: Host, uid: u32, stopping: CancellationToken) -> Self {
        Self { local, host, uid, stopping, written: Mutex::new(None) }
    }

    fn is_welcome(&self, peer: Peer) -> bool {
        peer.uid.is_some_and(|uid| uid == self.uid || uid == 0)
    }

    /// Who stands in the journal for an order that does not say.
    pub(super) fn anyone(&self, peer: Peer) -> Actor {
        let by = Signature { name: String::new(), door: Door::Command };
        self.signed(peer, &by)
    }

    fn signed(&self, peer: Peer, by: &Signature) -> Actor {
        let mut by = by.clone();
        if by.name.trim().is_empty() {
            by.name = match peer.uid {
                Some(uid) if uid == self.uid => self.host.user.clone(),
                Some(0) => "root".to_owned(),
                uid => format!("uid {}", uid.unwrap_or(u32::MAX)),
            };
        }
        Actor::from(&by)
    }

    fn hello(&self) -> Hello {
        let workspace = self.local.watch().borrow().engine.workspace.clone();
        Hello { protocol: PROTOCOL, workspace, host: self.host.clone() }
    }

    fn write(&self, snapshot: &Arc<Snapshot>) -> Bytes {
        let mut written = self.written.lock();
        match &*written {
            Some((of, bytes)) if Arc::ptr_eq(of, snapshot) => bytes.clone(),
            _ => {
                let text = serde_json::to_string(&**snapshot).unwrap_or_else(|_| "null".to_owned());
                let bytes = Bytes::from(sse::written(SNAPSHOT_EVENT, &text));
                *written = Some((snapshot.clone(), bytes.clone()));
                bytes
            }
        }
    }

    pub(super) async fn ask(&self, request: Request, by: &Actor) -> Result<Answer, Failure> {
        Ok(self.local.ask(request, by).await?)
    }

    /// What the engine's clock says.
    pub(super) fn now(&self) -> Timestamp {
        self.local.now()
    }

    /// The job of this name.
    pub(super) fn job(&self, name: &str) -> Result<JobId, Failure> {
        let id = JobId::from(name);
        if self.local.jobs().contains(&id) { Ok(id) } else { Err(no_such_job(name)) }
    }

    /// The connection of this name.
    pub(super) fn connection(&self, name: &str) -> Result<ConnectionId, Failure> {
        let id = ConnectionId::from(name);
        if self.local.snapshot().connections.iter().any(|connection| connection.id == id) {
            return Ok(id);
        }
        let failure = Failure::new(StatusCode::NOT_FOUND, format!("there is no connection `{name}`"));
        Err(failure.hint("`GET /connections` lists the connections"))
    }

    pub(super) async fn letter(&self, id: DeadLetterId) -> Result<Box<LetterView>, Failure> {
        match self.ask(Request::DeadLetter { id }, &Actor::engine()).await {
            Ok(Answer::Letter(view)) => Ok(view),
            Ok(_) => Err(other_answer()),
            Err(failure) => Err(Failure { status: StatusCode::NOT_FOUND, ..failure }),
        }
    }
}

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(hello))
        .route("/ask", post(ask))
        .route("/events", get(events))
        .route("/snapshot", get(async |State(desk): Desked| Json(desk.local.snapshot())))
        .route("/jobs", get(async |State(desk): Desked| Json(desk.local.snapshot().jobs)))
        .route("/connections", get(async |State(desk): Desked| Json(desk.local.snapshot().connections)))
        .route("/connections/{connection}", get(connection))
        .route("/jobs/{job}", get(job))
        .route("/jobs/{job}/plan", get(lookups::plan))
        .route("/jobs/{job}/rewind", get(lookups::rewind_preview).post(orders::rewind))
        .route("/jobs/{job}/range", post(orders::range))
        .route("/jobs/{job}/{order}", post(orders::job))
        .route("/connections/{connection}/{order}", post(orders::connection))
        .route("/records/{job}/{id}", get(lookups::why))
        .route("/records/{job}/{id}/sync", post(orders::sync_one))
        .route("/conflicts", get(lookups::conflicts))
        .route("/dead-letters", get(letters))
        .route("/dead-letters/groups", get(groups))
        .route("/dead-letters/{id}", get(letter))
        .route("/dead-letters/retry", post(orders::retry_many))
        .route("/dead-letters/discard", post(orders::discard_many))
        .route("/dead-letters/restore", post(orders::restore_many))
        .route("/dead-letters/{id}/settle", post(orders::settle))
        .route("/dead-letters/{id}/edit", get(lookups::edit_form).post(orders::edit))
        .route("/dead-letters/{id}/{order}", post(orders::letter))
        .route("/checkpoints", get(checkpoints))
        .route("/runs", get(runs))
        .route("/retries", get(retries))
        .route("/logs", get(logs))
        .route("/journal", get(journal))
        .route("/metrics", get(openmetrics))
        .route("/healthz", get(health))
        .fallback(async || {
            let failure = Failure::new(StatusCode::NOT_FOUND, "there is no such route");
            failure.hint("README, “One engine, many screens”, lists the routes")
        })
        .method_not_allowed_fallback(async || {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "this route is asked with another method")
        })
        .layer(middleware::from_fn_with_state(desk.clone(), admit))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(desk)
}

pub(super) type Desked = State<Arc<Desk>>;

/// Lets in who may ask, refuses who speaks another protocol, and gives up on what takes too long.
async fn admit(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: HttpRequest<Body>,
    next: Next,
) -> Response {
    if !desk.is_welcome(peer) {
        tracing::warn!(uid = peer.uid, "a process of another user was turned away from the control socket");
        let text = format!("this engine is uid {}'s; only that user and root may ask it", desk.uid);
        return Failure::new(StatusCode::FORBIDDEN, text).into_response();
    }
    let place = format!("{} {}", request.method(), request.uri());
    let spoken = request.headers().get(PROTOCOL_HEADER).map(|value| value.to_str().unwrap_or_default().to_owned());
    let mut response = match spoken {
        Some(theirs) if theirs != PROTOCOL.to_string() => {
            let version = &desk.host.version;
            let text = format!("the engine is syncdeck {version} with protocol {PROTOCOL}, not {theirs}");
            Failure::new(StatusCode::UPGRADE_REQUIRED, text).into_response()
        }
        _ => match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                let text = format!("no answer within {} s; what was ordered may still be done", ANSWER_MAX.as_secs());
                Failure::new(StatusCode::GATEWAY_TIMEOUT, text).into_response()
            }
        },
    };
    // Every failure says where it was asked; who made it did not know.
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = (response.status(), Json(Problem { place: Some(place), ..problem })).into_response();
    }
    response.headers_mut().insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL));
    response
}

/// Why a route did not do what it was asked for.
pub(super) struct Failure {
    status: StatusCode,
    problem: Problem,
}

impl Failure {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, problem: Problem { error: error.into(), place: None, hint: None } }
    }

    /// What was asked makes no sense.
    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let problem = Problem { error: refusal.message, place: None, hint: refusal.hint };
        Self { status: StatusCode::CONFLICT, problem }
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::new(StatusCode::NOT_FOUND, rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, rejection.body_text())
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self.problem)).into_response();
        response.extensions_mut().insert(self.problem);
        response
    }
}

async fn hello(State(desk): Desked) -> Json<Hello> {
    Json(desk.hello())
}

async fn ask(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Result<Json<Ask>, JsonRejection>,
) -> Result<Response, Failure> {
    let Json(ask) = body.map_err(|rejection| match rejection {
        JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => {
            let (version, why) = (&desk.host.version, rejection.body_text());
            let text = format!("the engine (syncdeck {version}) does not understand this request: {why}");
            Failure::new(StatusCode::BAD_REQUEST, text)
        }
        other => Failure::from(other),
    })?;
    let by = desk.signed(peer, &ask.by);
    let told: Told = desk.local.ask(ask.request, &by).await;
    // Not through a `Value`: records are copied by their text, digits and all.
    json_of(&told)
}

pub(super) fn json_of(value: &impl Serialize) -> Result<Response, Failure> {
    let text = serde_json::to_vec(value)
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer is no JSON: {error}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// How long the next snapshot waits, so that one who watches thousands of jobs is sent 4 MiB a second at most.
fn rest_after(event: &Bytes) -> Duration {
    const BYTES_A_SECOND: f64 = 4.0 * 1024.0 * 1024.0;
    Duration::from_secs_f64(event.len() as f64 / BYTES_A_SECOND)
}

/// Snapshots as they come. A slow reader gets fewer of them: each time the newest, however many it missed.
async fn events(State(desk): Desked) -> Response {
    let mut watch = desk.local.watch();
    watch.mark_changed();
    let begin = Some((desk, watch, None::<Instant>));
    let stream = futures::stream::unfold(begin, |state| async move {
        let (desk, mut watch, not_before) = state?;
        let Some(not_before) = not_before else {
            // What is true now, for the last published may be some seconds old on an idle engine.
            watch.mark_unchanged();
            let bytes = desk.write(&Arc::new(desk.local.snapshot()));
            let next = Instant::now() + rest_after(&bytes);
            return Some((Ok::<_, std::convert::Infallible>(bytes), Some((desk, watch, Some(next)))));
        };
        tokio::select! {
            biased;
            () = desk.stopping.cancelled() => {
                let bytes = Bytes::from(sse::written(END_EVENT, "{}"));
                Some((Ok(bytes), None))
            }
            changed = async {
                tokio::time::sleep_until(not_before).await;
                watch.changed().await
            } => {
                changed.ok()?;
                let snapshot = watch.borrow_and_update().clone();
                let bytes = desk.write(&snapshot);
                let next = Instant::now() + rest_after(&bytes);
                Some((Ok(bytes), Some((desk, watch, Some(next)))))
            }
            () = tokio::time::sleep(ALIVE_EVERY) => {
                Some((Ok(Bytes::from_static(sse::ALIVE.as_bytes())), Some((desk, watch, Some(not_before)))))
            }
        }
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(stream)).into_response()
}

fn no_such_job(job: &str) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is no job `{job}`")).hint("`GET /jobs` lists the jobs")
}

async fn job(State(desk): Desked, path: Result<Path<String>, PathRejection>) -> Result<Json<JobStatus>, Failure> {
    let Path(name) = path?;
    let found = desk.local.snapshot().jobs.into_iter().find(|job| job.id.as_str() == name);
    found.map(Json).ok_or_else(|| no_such_job(&name))
}

/// One connection: how it answers, its budget and quota, who uses it, and what a person did to it.
async fn connection(
    State(desk): Desked,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ConnectionStatus>, Failure> {
    let Path(name) = path?;
    let id = desk.connection(&name)?;
    let found = desk.local.snapshot().connections.into_iter().find(|connection| connection.id == id);
    found.map(Json).ok_or_else(other_answer)
}

pub(super) fn done(answer: Answer) -> Result<Json<Value>, Failure> {
    match answer {
        Answer::Done(done) => Ok(Json(json!({ "text": done.text, "changed": done.changed }))),
        _ => Err(other_answer()),
    }
}

pub(super) fn other_answer() -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the engine answered another question")
}

/// How lists are narrowed. `q` (or `filter`) is the filter that the console takes: words, `job:NAME`, `state:…`,
/// `group:HEX`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Narrow {
    #[serde(alias = "filter")]
    q: Option<String>,
    job: Option<String>,
    group: Option<String>,
    state: Option<String>,
    level: Option<Level>,
    /// A number that the list goes on from, downwards.
    before: Option<u64>,
    limit: Option<usize>,
}

impl Narrow {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT)
    }

    fn job(&self) -> Option<JobId> {
        self.job.as_deref().map(JobId::from)
    }

    fn letters(&self, now: Timestamp) -> Result<LetterFilter, Failure> {
        let mut text = self.q.clone().unwrap_or_default();
        for (name, value) in [("job", &self.job), ("group", &self.group), ("state", &self.state)] {
            if let Some(value) = value {
                text.push_str(&format!(" {name}:{value}"));
            }
        }
        LetterFilter::parse(&text, now).map_err(|problem| Failure::new(StatusCode::BAD_REQUEST, problem))
    }

    /// Which runs, and which careful retries among them.
    fn runs(&self, now: Timestamp) -> Result<RunFilter, Failure> {
        let mut text = self.q.clone().unwrap_or_default();
        if let Some(state) = &self.state {
            text.push_str(&format!(" state:{state}"));
        }
        let filter = RunFilter::parse(&text, now).map_err(Failure::bad)?;
        Ok(RunFilter { job: self.job().or(filter.job), terms: filter.terms })
    }
}

type Narrowed = Result<Query<Narrow>, QueryRejection>;

async fn letters(State(desk): Desked, narrow: Narrowed) -> Result<Json<Value>, Failure> {
    let Query(narrow) = narrow?;
    let limit = narrow.limit();
    let by = Actor::engine();
    let Answer::Ids { ids, total } =
        desk.ask(Request::DeadIds { filter: narrow.letters(desk.local.now())?, limit }, &by).await?
    else {
        return Err(other_answer());
    };
    let Answer::Rows(rows) = desk.ask(Request::DeadRows { ids: ids.to_vec() }, &by).await? else {
        return Err(other_answer());
    };
    let rows: Vec<Value> = rows.into_iter().flatten().map(|row| in_hex(&row, "group", row.group)).collect();
    Ok(Json(json!({ "total": total, "rows": rows })))
}

async fn groups(State(desk): Desked, narrow: Narrowed) -> Result<Json<Value>, Failure> {
    let filter = narrow?.letters(desk.local.now())?;
    let Answer::Groups(groups) = desk.ask(Request::DeadGroups { filter }, &Actor::engine()).await? else {
        return Err(other_answer());
    };
    Ok(Json(groups.iter().map(|group| in_hex(group, "id", group.id)).collect()))
}

/// A group's number has more digits than most readers of JSON keep, so people get it as the console shows it.
fn in_hex(value: &impl Serialize, name: &str, group: GroupId) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    value[name] = Value::from(group.to_string());
    value
}

async fn letter(State(desk): Desked, path: Result<Path<u64>, PathRejection>) -> Result<Response, Failure> {
    let Path(id) = path?;
    json_of(&desk.letter(DeadLetterId(id)).await?)
}

async fn checkpoints(State(desk): Desked, narrow: Narrowed) -> Result<Response, Failure> {
    let Query(narrow) = narrow?;
    let job =
        narrow.job().ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "`?job=NAME` says whose checkpoints"))?;
    let text = narrow.q.as_deref().unwrap_or_default();
    let terms = parse(text, CHECKPOINT_FIELDS, desk.local.now()).map_err(Failure::bad)?;
    let request = Request::Checkpoints { job, terms, before: narrow.before.map(Sequence), limit: narrow.limit() };
    match desk.ask(request, &Actor::engine()).await? {
        Answer::Checkpoints(list) => json_of(&list),
        _ => Err(other_answer()),
    }
}

async fn runs(State(desk): Desked, narrow: Narrowed) -> Result<Response, Failure> {
    let Query(narrow) = narrow?;
    let RunFilter { job, terms } = narrow.runs(desk.local.now())?;
    let request = Request::Runs { job, terms, before: narrow.before.map(RunId), limit: narrow.limit() };
    match desk.ask(request, &Actor::engine()).await? {
        Answer::Runs(list) => json_of(&list),
        _ => Err(other_answer()),
    }
}

/// Retries of many letters, of which one goes first, newest first.
async fn retries(State(desk): Desked, narrow: Narrowed) -> Result<Json<Value>, Failure> {
    let Query(narrow) = narrow?;
    let filter = narrow.runs(desk.local.now())?;
    let Answer::Bulks(list) = desk.ask(Request::Bulks { filter }, &Actor::engine()).await? else {
        return Err(other_answer());
    };
    let older = list.iter().filter(|retry| narrow.before.is_none_or(|before| retry.number < before));
    Ok(Json(older.take(narrow.limit()).map(retry_in_hex).collect()))
}

fn retry_in_hex(retry: &BulkRetry) -> Value {
    let mut value = serde_json::to_value(retry).unwrap_or_default();
    value["causes"] = retry.causes.iter().map(ToString::to_string).collect();
    value["failed_as"] = retry.failed_as.iter().map(|cause| in_hex(cause, "group", cause.group)).collect();
    value
}

async fn logs(State(desk): Desked, narrow: Narrowed) -> Result<Response, Failure> {
    let Query(narrow) = narrow?;
    let asked = LogFilter::parse(narrow.q.as_deref().unwrap_or_default(), desk.local.now())
        .map_err(|problem| Failure::new(StatusCode::BAD_REQUEST, problem))?;
    let filter = LogFilter { level: narrow.level, job: narrow.job(), ..asked };
    match desk.ask(Request::Logs { filter, before: narrow.before, limit: narrow.limit() }, &Actor::engine()).await? {
        Answer::Logs(list) => json_of(&list),
        _ => Err(other_answer()),
    }
}

async fn journal(State(desk): Desked, narrow: Narrowed) -> Result<Response, Failure> {
    let Query(narrow) = narrow?;
    let request = Request::Journal { before: narrow.before, limit: narrow.limit() };
    match desk.ask(request, &Actor::engine()).await? {
        Answer::Journal(list) => json_of(&list),
        _ => Err(other_answer()),
    }
}

async fn openmetrics(State(desk): Desked) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, metrics::written(&desk.local.snapshot())).into_response()
}

/// 200 while jobs run and the state can be written, else 503 with the reason.
async fn health(State(desk): Desked) -> Response {
    let engine = desk.local.snapshot().engine;
    let (status, word) = match (&engine.store_error, engine.is_running) {
        (Some(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "the state can not be written"),
        (None, false) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
        (None, true) => (StatusCode::OK, "running"),
    };
    (status, Json(json!({ "engine": word, "version": engine.version, "reason": engine.store_error }))).into_response()
}
