//! The routes that order something: the same words as the commands, judged by the same engine, signed in its journal.

use super::lookups::{form_of, place};
use super::routes::{Desk, Desked, Failure, done, json_of, other_answer};
use super::server::Peer;
use crate::control::{Answer, Request, RetryPreview};
use crate::model::{
    Actor, BulkRetry, CallBudget, ConnectionId, DeadLetterId, DestinationId, FieldChange, GroupId, JobId, LetterCheck,
    LetterFilter, LetterPlace, RawJson, RecordId, RewindTo, Selection, Sequence, Timestamp, Whereabouts,
};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Reads the body of an order; it may be left out where nothing in it is needed.
fn read<T: DeserializeOwned>(body: &Bytes, like: &str) -> Result<T, Failure> {
    let bytes: &[u8] = if body.iter().all(u8::is_ascii_whitespace) { b"{}" } else { body };
    serde_json::from_slice(bytes).map_err(|error| Failure::bad(format!("the body is no `{like}`: {error}")))
}

/// The body of most orders.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    reason: Option<String>,
}

const SAID: &str = r#"{"reason": "…"}"#;

pub(super) async fn job(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Path((name, order)) = path?;
    let reason = read::<Said>(&body, SAID)?.reason;
    // What is to be forgotten is often not configured any more.
    let job = if order == "forget" { JobId::from(name.as_str()) } else { desk.job(&name)? };
    let jobs = vec![job.clone()];
    let request = match order.as_str() {
        "pause" => Request::Pause { jobs, reason },
        "resume" => Request::Resume { jobs },
        "trigger" => Request::Trigger { jobs },
        "cancel" => Request::Cancel { jobs },
        "accept" => Request::Accept { jobs },
        "stop-retry" => Request::StopRetry { job },
        "forget" => Request::Forget { job },
        _ => {
            let text = format!(
                "a job takes pause, resume, trigger, cancel, range, rewind, accept, stop-retry and forget, not `{order}`"
            );
            return Err(Failure::new(StatusCode::NOT_FOUND, text));
        }
    };
    done(desk.ask(request, &desk.anyone(peer)).await?)
}

pub(super) async fn connection(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Response, Failure> {
    let Path((name, order)) = path?;
    let connection = desk.connection(&name)?;
    let said = || read::<Said>(&body, SAID).map(|said| said.reason);
    let request = match order.as_str() {
        "budget" => lowered(connection, read(&body, BUDGET)?)?,
        "hold" => Request::Hold { connection, reason: said()? },
        "release" => said().map(|_| Request::Release { connection })?,
        "reset" => said().map(|_| Request::ResetCircuit { connection })?,
        "test" => said().map(|_| Request::TestConnection { connection })?,
        _ => {
            let text = format!("a connection takes hold, release, reset, budget and test, not `{order}`");
            return Err(Failure::new(StatusCode::NOT_FOUND, text));
        }
    };
    match desk.ask(request, &desk.anyone(peer)).await? {
        Answer::Tested(tested) => json_of(&tested),
        answer => Ok(done(answer)?.into_response()),
    }
}

/// What a connection may be called, where a person lets it make fewer calls.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lowered {
    #[serde(default)]
    requests: Option<u32>,
    #[serde(default)]
    per: Option<String>,
    /// As many as it is configured for again.
    #[serde(default)]
    clear: bool,
    #[serde(default)]
    reason: Option<String>,
}

const BUDGET: &str = r#"{"requests": 60, "per": "1m", "reason": "…"}` or `{"clear": true}"#;

fn lowered(connection: ConnectionId, said: Lowered) -> Result<Request, Failure> {
    let budget = match (said.requests, said.per, said.clear) {
        (Some(requests), Some(per), false) => Some(CallBudget::new(requests, &per).map_err(Failure::bad)?),
        (None, None, true) => None,
        _ => return Err(Failure::bad(format!("the body is no `{BUDGET}`"))),
    };
    Ok(Request::LowerBudget { connection, budget, reason: said.reason })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    since: Timestamp,
    #[serde(default)]
    until: Option<Timestamp>,
}

const RANGE: &str = r#"{"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}"#;

/// Reads what changed in a time, beside the job's checkpoint.
pub(super) async fn range(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Path(job) = path?;
    let job = desk.job(&job)?;
    let Range { since, until } = read(&body, RANGE)?;
    done(desk.ask(Request::Range { job, since, until }, &desk.anyone(peer)).await?)
}

/// Where to, as text or as the number of a checkpoint.
#[derive(Deserialize)]
#[serde(untagged)]
enum To {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewind {
    to: To,
    #[serde(default)]
    reason: String,
    /// The newest checkpoint that was seen; where another one stands by now, the order is refused.
    #[serde(default)]
    expected: Option<Sequence>,
    #[serde(default)]
    dry_run: bool,
}

const REWIND: &str = r#"{"to": "start", "reason": "…"}"#;

pub(super) async fn rewind(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<String>, PathRejection>,
    body: Bytes,
) -> Result<Response, Failure> {
    let Path(job) = path?;
    let job = desk.job(&job)?;
    let asked: Rewind = read(&body, REWIND)?;
    let to = match asked.to {
        To::Number(number) => RewindTo::Sequence(Sequence(number)),
        To::Text(text) => place(Some(&text), &desk)?,
    };
    let by = desk.anyone(peer);
    if asked.dry_run {
        return match desk.ask(Request::RewindPreview { job, to }, &by).await? {
            Answer::RewindPreview(preview) => json_of(&preview),
            _ => Err(other_answer()),
        };
    }
    let request = Request::Rewind { job, to, reason: asked.reason, expected: asked.expected };
    Ok(done(desk.ask(request, &by).await?)?.into_response())
}

/// Syncs one record now and waits for what becomes of it. The id may be one of either side, as for `why`.
pub(super) async fn sync_one(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<(String, String)>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Path((job, key)) = path?;
    let job = desk.job(&job)?;
    read::<Said>(&body, SAID)?;
    let record = only_record(&desk, &job, &key).await?;
    done(desk.ask(Request::SyncOne { job, record }, &desk.anyone(peer)).await?)
}

async fn only_record(desk: &Desk, job: &JobId, key: &str) -> Result<RecordId, Failure> {
    let request = Request::Why { job: Some(job.clone()), key: key.to_owned(), live: false };
    let Answer::Why(answer) = desk.ask(request, &Actor::engine()).await? else { return Err(other_answer()) };
    let mut records = answer.answers.into_iter().map(|why| why.record);
    match (records.next(), records.len()) {
        (Some(record), 0) => Ok(record),
        (_, more) => {
            let failure = Failure::new(StatusCode::CONFLICT, format!("`{key}` names {} records of `{job}`", more + 1));
            Err(failure.hint("GET /records/JOB/ID lists them; name one by its id at the source"))
        }
    }
}

pub(super) async fn letter(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<(u64, String)>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Path((id, order)) = path?;
    let reason = read::<Said>(&body, SAID)?.reason;
    let id = DeadLetterId(id);
    let selection = Selection::Ids(vec![id]);
    let request = match order.as_str() {
        "retry" => Request::Retry { selection },
        "discard" => Request::Discard { selection, reason: reason.unwrap_or_default() },
        "restore" => Request::Restore { selection },
        _ => {
            let text = format!("a dead letter takes retry, discard, restore, edit and settle, not `{order}`");
            return Err(Failure::new(StatusCode::NOT_FOUND, text));
        }
    };
    desk.letter(id).await?;
    done(desk.ask(request, &desk.anyone(peer)).await?)
}

/// What was found out about a create whose answer was lost.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled {
    /// Whether the record stands at the destination.
    there: bool,
    /// Its id there, where it is known.
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

const SETTLED: &str = r#"{"there": true, "id": "…"}` or `{"there": false, "reason": "…"}"#;

pub(super) async fn settle(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<u64>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Path(id) = path?;
    let Settled { there, id: own, reason } = read(&body, SETTLED)?;
    let finding = match (there, own) {
        (true, own) => Whereabouts::There { id: own.map(DestinationId::from) },
        (false, None) => Whereabouts::Absent,
        (false, Some(_)) => return Err(Failure::bad("what is not there has no `id`")),
    };
    let id = DeadLetterId(id);
    desk.letter(id).await?;
    done(desk.ask(Request::Settle { id, finding, reason }, &desk.anyone(peer)).await?)
}

/// Other values in place of refused ones.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// Destination fields and what is sent of them, digit for digit.
    #[serde(default)]
    fields: BTreeMap<String, RawJson>,
    /// Destination fields that are left out.
    #[serde(default)]
    unset: Vec<String>,
    /// Of the form that was looked at; where the letter holds another record by now, the order is refused.
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    /// False: it is kept for the next retry.
    #[serde(default = "yes")]
    retry: bool,
}

fn yes() -> bool {
    true
}

const EDIT: &str = r#"{"fields": {"FIELD": VALUE}, "reason": "…"}"#;

pub(super) async fn edit(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    path: Result<Path<u64>, PathRejection>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let Path(id) = path?;
    let asked: Edit = read(&body, EDIT)?;
    if asked.fields.is_empty() && asked.unset.is_empty() {
        return Err(Failure::bad(format!("nothing is to be changed; a body is `{EDIT}`")));
    }
    let form = form_of(&desk, DeadLetterId(id)).await?;
    // What is corrected already stays, unless it is named here.
    let known = form.correction.iter().flat_map(|one| &one.fields);
    let mut changes: BTreeMap<String, Option<RawJson>> =
        known.map(|field| (field.field.clone(), field.after.clone())).collect();
    changes.extend(asked.fields.into_iter().map(|(field, value)| (field, Some(value))));
    changes.extend(asked.unset.into_iter().map(|field| (field, None)));
    let changes = changes.into_iter().map(|(field, value)| FieldChange { field, value }).collect();
    let changes = form.checked(changes).map_err(Failure::bad)?;
    let request = Request::Correct {
        id: form.letter,
        content: asked.content.unwrap_or(form.content),
        changes,
        reason: asked.reason,
        retry: asked.retry,
    };
    done(desk.ask(request, &desk.anyone(peer)).await?)
}

/// Which letters, and how.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Many {
    ids: Vec<u64>,
    job: Option<String>,
    group: Option<String>,
    /// Words and conditions, as the console's filter takes them.
    q: Option<String>,
    /// All letters of all jobs.
    all: bool,
    reason: Option<String>,
    /// One first, the rest only if it is delivered. Always so for more than [`BulkRetry::AT_ONCE_MAX`].
    careful: bool,
    per_minute: Option<u32>,
    /// Only say what would be done.
    dry_run: bool,
}

const MANY: &str = r#"{"ids": […]}`, `{"group": "…"}`, `{"job": "…"}`, `{"q": "…"}` or `{"all": true}"#;

impl Many {
    /// What only a retry takes.
    fn care(&self) -> [(&'static str, bool); 2] {
        [("careful", self.careful), ("per_minute", self.per_minute.is_some())]
    }

    fn takes_no(order: &str, fields: &[(&str, bool)]) -> Result<(), Failure> {
        match fields.iter().find(|(_, is_there)| *is_there) {
            Some((field, _)) => Err(Failure::bad(format!("a {order} takes no `{field}`"))),
            None => Ok(()),
        }
    }

    fn selection(&self, desk: &Desk) -> Result<Selection, Failure> {
        let is_narrowed = self.job.is_some() || self.group.is_some() || self.q.is_some();
        let ways = [!self.ids.is_empty(), is_narrowed, self.all].iter().filter(|is_so| **is_so).count();
        if ways != 1 {
            return Err(Failure::bad(format!("which letters is said in one way: `{MANY}`")));
        }
        if !self.ids.is_empty() {
            return Ok(Selection::Ids(self.ids.iter().copied().map(DeadLetterId).collect()));
        }
        let mut filter =
            LetterFilter::parse(self.q.as_deref().unwrap_or_default(), desk.now()).map_err(Failure::bad)?;
        if let Some(job) = &self.job {
            filter.job = Some(desk.job(job)?);
        }
        if let Some(group) = &self.group {
            let read = u64::from_str_radix(group, 16).map_err(|_| {
                let failure = Failure::bad(format!("`{group}` is no group's id, such as 5e41c09a77b2d310"));
                failure.hint("GET /dead-letters/groups lists them")
            })?;
            filter.group = Some(GroupId(read));
        }
        Ok(Selection::Matching(filter))
    }
}

pub(super) async fn retry_many(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Bytes,
) -> Result<Response, Failure> {
    let asked: Many = read(&body, MANY)?;
    Many::takes_no("retry", &[("reason", asked.reason.is_some())])?;
    if asked.per_minute == Some(0) {
        return Err(Failure::bad("`per_minute` is 1 or more"));
    }
    let selection = asked.selection(&desk)?;
    let by = desk.anyone(peer);
    let preview = preview(&desk, &selection, &by).await?;
    if asked.dry_run {
        let check = check(&desk, &selection, &by).await?;
        return json_of(&json!({ "preview": preview, "check": check, "looked_at": check.looked_at() }));
    }
    let is_careful = asked.careful || asked.per_minute.is_some() || preview.total > BulkRetry::AT_ONCE_MAX;
    let request = match is_careful {
        true => Request::RetryCarefully { selection, per_minute: asked.per_minute },
        false => Request::Retry { selection },
    };
    Ok(done(desk.ask(request, &by).await?)?.into_response())
}

async fn preview(desk: &Desk, selection: &Selection, by: &Actor) -> Result<RetryPreview, Failure> {
    match desk.ask(Request::RetryPreview { selection: selection.clone() }, by).await? {
        Answer::Preview(preview) => Ok(preview),
        _ => Err(other_answer()),
    }
}

/// Looks at the letters as a retry would, at as many as one preview looks at.
async fn check(desk: &Desk, selection: &Selection, by: &Actor) -> Result<LetterCheck, Failure> {
    let ids: Vec<DeadLetterId> = match selection {
        Selection::Ids(ids) => ids.iter().take(LetterCheck::LETTERS_MAX).copied().collect(),
        Selection::Matching(filter) => {
            let filter = LetterFilter { places: vec![LetterPlace::Waiting], ..filter.clone() };
            match desk.ask(Request::DeadIds { filter, limit: LetterCheck::LETTERS_MAX }, by).await? {
                Answer::Ids { ids, .. } => ids.to_vec(),
                _ => return Err(other_answer()),
            }
        }
    };
    let mut sum = LetterCheck::default();
    for some in ids.chunks(LetterCheck::AT_ONCE) {
        match desk.ask(Request::RetryCheck { ids: some.to_vec() }, by).await? {
            Answer::Check(check) => sum.add(check),
            _ => return Err(other_answer()),
        }
    }
    Ok(sum)
}

pub(super) async fn discard_many(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let asked: Many = read(&body, MANY)?;
    Many::takes_no("discard", &asked.care())?;
    let selection = asked.selection(&desk)?;
    let by = desk.anyone(peer);
    if asked.dry_run {
        let n = preview(&desk, &selection, &by).await?.total;
        return Ok(Json(json!({ "text": format!("{n} would be discarded; nothing was changed"), "changed": 0 })));
    }
    let request = Request::Discard { selection, reason: asked.reason.unwrap_or_default() };
    done(desk.ask(request, &by).await?)
}

pub(super) async fn restore_many(
    State(desk): Desked,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let asked: Many = read(&body, MANY)?;
    Many::takes_no("restore", &asked.care())?;
    Many::takes_no("restore", &[("reason", asked.reason.is_some()), ("dry_run", asked.dry_run)])?;
    let mut selection = asked.selection(&desk)?;
    if let Selection::Matching(filter) = &mut selection
        && filter.places.is_empty()
    {
        filter.places = vec![LetterPlace::Retrying, LetterPlace::Discarded];
    }
    let request = Request::Restore { selection };
    done(desk.ask(request, &desk.anyone(peer)).await?)
}
