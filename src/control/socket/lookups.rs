//! The routes that look closer: why a record is not there, and what an order would do before it is given.

use super::routes::{Desk, Desked, Failure, json_of, other_answer};
use crate::control::{Answer, Request};
use crate::model::{Actor, DeadLetterId, EditForm, PlanFrom, RewindTo};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

/// Records that a dry run reads where no number is asked for.
const PLAN_RECORDS: u64 = 1_000;
/// Rows of a dry run where no number is asked for.
const PLAN_ROWS: usize = 100;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// `1`: both systems are asked now.
    live: Option<String>,
}

impl How {
    fn is_live(&self) -> Result<bool, Failure> {
        match self.live.as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("" | "1" | "true") => Ok(true),
            Some(other) => Err(Failure::bad(format!("`live={other}` is neither 1 nor 0"))),
        }
    }
}

/// Why a record is, or is not, at the destination. The id is one of either side, or the value of a searchable field.
pub(super) async fn why(
    State(desk): Desked,
    path: Result<Path<(String, String)>, PathRejection>,
    how: Result<Query<How>, QueryRejection>,
) -> Result<Response, Failure> {
    let Path((job, key)) = path?;
    let request = Request::Why { job: Some(desk.job(&job)?), key, live: how?.is_live()? };
    match desk.ask(request, &Actor::engine()).await? {
        Answer::Why(answer) => json_of(&answer),
        _ => Err(other_answer()),
    }
}

/// Conflicts that wait for a person. Nothing of this version holds a record back as one.
pub(super) async fn conflicts() -> Json<Value> {
    Json(json!({ "total": 0, "rows": [] }))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whither {
    to: Option<String>,
}

/// Reads where a job is to go back to, as a person types it.
pub(super) fn place(text: Option<&str>, desk: &Desk) -> Result<RewindTo, Failure> {
    let text = text.unwrap_or_default();
    RewindTo::parse(text, desk.now()).map_err(|why| Failure::bad(format!("`to` {why}")))
}

/// What a rewind would do.
pub(super) async fn rewind_preview(
    State(desk): Desked,
    path: Result<Path<String>, PathRejection>,
    whither: Result<Query<Whither>, QueryRejection>,
) -> Result<Response, Failure> {
    let Path(job) = path?;
    let job = desk.job(&job)?;
    let to = place(whither?.to.as_deref(), &desk)?;
    match desk.ask(Request::RewindPreview { job, to }, &Actor::engine()).await? {
        Answer::RewindPreview(preview) => json_of(&preview),
        _ => Err(other_answer()),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reach {
    /// Where it begins, as `to` of a rewind; left out: where the next run does.
    from: Option<String>,
    records: Option<u64>,
    rows: Option<usize>,
}

/// A dry run: reads the source through its limits, and writes nothing anywhere.
pub(super) async fn plan(
    State(desk): Desked,
    path: Result<Path<String>, PathRejection>,
    reach: Result<Query<Reach>, QueryRejection>,
) -> Result<Response, Failure> {
    let Path(job) = path?;
    let Query(reach) = reach?;
    let job = desk.job(&job)?;
    let from = match &reach.from {
        Some(from) => PlanFrom::Rewind(place(Some(from), &desk)?),
        None => PlanFrom::Next,
    };
    let max_records = reach.records.unwrap_or(PLAN_RECORDS);
    let max_rows = reach.rows.unwrap_or(PLAN_ROWS);
    match desk.ask(Request::Plan { job, from, max_records, max_rows, order: None }, &Actor::engine()).await? {
        Answer::Plan(part) => json_of(&part),
        _ => Err(other_answer()),
    }
}

/// The fields of a dead letter, to be corrected.
pub(super) async fn edit_form(
    State(desk): Desked,
    path: Result<Path<u64>, PathRejection>,
) -> Result<Response, Failure> {
    let Path(id) = path?;
    json_of(&form_of(&desk, DeadLetterId(id)).await?)
}

pub(super) async fn form_of(desk: &Desk, id: DeadLetterId) -> Result<EditForm, Failure> {
    desk.letter(id).await?;
    match desk.ask(Request::EditForm { id }, &Actor::engine()).await? {
        Answer::EditForm(form) => Ok(*form),
        _ => Err(other_answer()),
    }
}
