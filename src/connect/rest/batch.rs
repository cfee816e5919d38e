//! Many records a request: building the request, and giving each record its own part of the answer.

use super::classify::{Caller, classify_part};
use super::destination::{Body, Facts, body_at, created, render_body, text_at};
use super::envelope::{self, Records};
use super::message::{Told, told};
use super::request::{Client, PathTemplate, answer, http_method, render_path, write_values};
use crate::connect::{Fault, FaultKind, Operation, Write, Written};
use crate::model::{Method, Pointer, RawJson, RestBatch, RestRequest};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The batch requests of a destination.
pub(super) struct Batch {
    pub(super) method: http::Method,
    pub(super) target: PathAndQuery,
    pub(super) size: usize,
    /// The request before and after its items.
    before: String,
    after: String,
    each: Each,
    each_delete: Option<Each>,
    statuses: Pointer,
    status: Pointer,
    error: Option<Pointer>,
    /// Where a part may repeat the id that it speaks of.
    echo: Pointer,
    /// That is where it must.
    is_echo_sure: bool,
}

/// What one item is.
struct Each {
    method: Method,
    path: Option<PathTemplate>,
    body: Body,
    /// The body does not place method and path itself, so the item is `{"method", "path", "body"}`.
    wraps: bool,
}

/// A batch, ready to be sent.
pub(super) struct Prepared<'w> {
    pub(super) body: Bytes,
    pub(super) sent: Vec<&'w Write>,
    /// For each write: the fault of one that could not be made into an item; those are not sent.
    unsendable: Vec<Option<Fault>>,
}

impl Batch {
    pub(super) fn compile(client: &Client, batch: &RestBatch) -> Result<Self, String> {
        if batch.method == Method::Get {
            return Err(format!("path `{}`: GET writes nothing", batch.path));
        }
        let path = PathTemplate::compile(&batch.path)?.render(&json!({}))?;
        let (before, after) = around(&batch.items);
        let fields = Each { method: Method::Put, path: None, body: Body::Fields, wraps: false };
        Ok(Self {
            method: http_method(batch.method),
            target: client.target(&path, &[])?,
            size: batch.size.max(1),
            before,
            after,
            each: batch.each.as_ref().map(|each| Each::compile(each, Body::Fields)).transpose()?.unwrap_or(fields),
            each_delete: batch.each_delete.as_ref().map(|each| Each::compile(each, Body::Nothing)).transpose()?,
            statuses: batch.statuses.clone(),
            status: batch.status.clone(),
            error: batch.error.clone(),
            echo: batch.id.clone().map_or_else(|| Pointer::parse("/id"), Ok)?,
            is_echo_sure: batch.id.is_some(),
        })
    }

    pub(super) fn has_deletes(&self) -> bool {
        self.each_delete.is_some()
    }

    pub(super) fn prepare<'w>(&self, client: &Client, writes: &[&'w Write]) -> Prepared<'w> {
        let content: usize = writes.iter().map(|write| write.fields.bytes().len() + 64).sum();
        let mut body = String::with_capacity(self.before.len() + self.after.len() + content);
        let mut sent = Vec::with_capacity(writes.len());
        let mut unsendable = Vec::with_capacity(writes.len());
        body.push_str(&self.before);
        for write in writes {
            let start = body.len();
            if !sent.is_empty() {
                body.push(',');
            }
            match self.push_item(&mut body, write) {
                Ok(()) => {
                    sent.push(*write);
                    unsendable.push(None);
                }
                Err(reason) => {
                    body.truncate(start);
                    unsendable.push(Some(client.caller.unsendable(&reason, &self.describe(client))));
                }
            }
        }
        body.push_str(&self.after);
        Prepared { body: Bytes::from(body), sent, unsendable }
    }

    fn push_item(&self, body: &mut String, write: &Write) -> Result<(), String> {
        match (write.operation, &self.each_delete) {
            (Operation::Delete, Some(each)) => each.push(body, write),
            (Operation::Delete, None) => Err("the destination takes no deletes in batches".to_owned()),
            (Operation::Create | Operation::Update, _) => self.each.push(body, write),
        }
    }

    fn describe(&self, client: &Client) -> String {
        client.describe(&self.method, &self.target)
    }

    /// One result for each of `sent`, in their order; the fault of the whole when the answer can not be matched to them.
    pub(super) fn results(
        &self,
        client: &Client,
        facts: &Facts,
        sent: &[&Write],
        response: &Response<Bytes>,
    ) -> Result<Vec<Result<Written, Fault>>, Fault> {
        let request = self.describe(client);
        let unknown = |what: &str| client.caller.unusable(FaultKind::Unknown, what, &request, answer(response));
        let Some(parts) = self.parts(response).map_err(|what| unknown(&what))? else {
            return Ok(sent.iter().map(|_| Ok(Written::default())).collect());
        };
        if parts.len() != sent.len() {
            return Err(unknown(&format!(
                "{} records were sent and {} statuses came back, so it is not known which were written",
                sent.len(),
                parts.len()
            )));
        }
        let order = self.order(facts, sent, &parts).map_err(|what| unknown(&what))?;
        Ok((0..parts.len())
            .map(|at| {
                let part = &parts[order.as_ref().map_or(at, |order| order[at])];
                self.result(&client.caller, facts, sent[at].operation, &request, part)
            })
            .collect())
    }

    /// The statuses of an answer; none where it gives none and none are configured, which means that all were written.
    fn parts(&self, response: &Response<Bytes>) -> Result<Option<Vec<RawJson>>, String> {
        let optional = self.statuses.is_root();
        let body = response.body();
        let text = std::str::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
        let opened = envelope::open(text, &[self.statuses.steps()]);
        match opened.map(|envelope| envelope.records) {
            Ok(Records::Array(parts)) => Ok(Some(parts.iter().map(|part| RawJson::inside(body, part)).collect())),
            // Accepted, and an error told all the same: which records it means is not known.
            Ok(_) if optional && tells_error(text) => {
                Err("the answer tells an error and no status for each record".to_owned())
            }
            _ if optional => Ok(None),
            Ok(Records::Missing | Records::Other(_)) => {
                Err(format!("`{}` of the answer is not the array of statuses", self.statuses))
            }
            Err(error) => Err(format!("the answer is not whole JSON ({error})")),
        }
    }

    /// For each record the index of its part; none where parts stand in the order of the records.
    ///
    /// Parts that repeat the ids of the records are matched by them, because then their order says nothing.
    fn order(&self, facts: &Facts, sent: &[&Write], parts: &[RawJson]) -> Result<Option<Vec<usize>>, String> {
        let echoes: Vec<Option<String>> = parts.iter().map(|part| text_at(part, &self.echo)).collect();
        if self.is_echo_sure {
            return self.order_by_ids(sent, &echoes).map(Some);
        }
        let in_place =
            |(echo, write): (&Option<String>, &&Write)| echo.as_deref().is_none_or(|echo| echo == write.id.as_str());
        if echoes.iter().zip(sent).all(in_place) {
            return Ok(None);
        }
        let at: HashMap<&str, usize> =
            echoes.iter().enumerate().filter_map(|(at, echo)| Some((echo.as_deref()?, at))).collect();
        if at.len() == sent.len()
            && let Some(order) = sent.iter().map(|write| at.get(write.id.as_str()).copied()).collect()
        {
            return Ok(Some(order));
        }
        // The destination's own ids may be those of other records by chance; that they are its own must be configured.
        let astray = sent.iter().any(|write| at.contains_key(write.id.as_str()));
        if astray && facts.id.is_none() {
            return Err(
                "the statuses name other records than were sent, so it is not known which were written".to_owned()
            );
        }
        Ok(None)
    }

    /// As [`Batch::order`], where each status is known to name its record: one that is named twice, or by none, makes
    /// the whole answer one that says nothing.
    fn order_by_ids(&self, sent: &[&Write], echoes: &[Option<String>]) -> Result<Vec<usize>, String> {
        let mut at: HashMap<&str, usize> = HashMap::with_capacity(echoes.len());
        for (place, echo) in echoes.iter().enumerate() {
            let Some(echo) = echo.as_deref() else {
                return Err(format!(
                    "a status names no record at `{}`, so it is not known which were written",
                    self.echo
                ));
            };
            if at.insert(echo, place).is_some() {
                return Err(format!("two statuses are of `{echo}`, so it is not known which were written"));
            }
        }
        let of = |write: &&Write| {
            let place = at.get(write.id.as_str()).copied();
            place.ok_or_else(|| format!("no status is of `{}`, so it is not known which were written", write.id))
        };
        sent.iter().map(of).collect()
    }

    fn result(
        &self,
        caller: &Caller,
        facts: &Facts,
        operation: Operation,
        request: &str,
        part: &RawJson,
    ) -> Result<Written, Fault> {
        let Some(status) = self.status_of(part) else {
            let what = "the status of this record can not be read, so it is not known whether it was written";
            return Err(Fault {
                answer: Some(super::message::cut(&caller.masks.mask(part.as_str()), 1000)),
                ..caller.fault(FaultKind::Unknown, what, request)
            });
        };
        let part_told = if (200..300).contains(&status) { Told::default() } else { self.told(part) };
        classify_part(caller, status, part_told, request, part.bytes())?;
        let created = StatusCode::from_u16(status).ok().and_then(created);
        Ok(facts.written(created.filter(|_| operation != Operation::Delete), Some(part), None))
    }

    fn status_of(&self, part: &RawJson) -> Option<u16> {
        text_at(part, &self.status)?.parse().ok().filter(|status| (100..600).contains(status))
    }

    fn told(&self, part: &RawJson) -> Told {
        let Some(place) = &self.error else { return told(part.bytes()) };
        let at = |place: &Pointer| body_at(part, place).map(|json| told(json.bytes())).unwrap_or_default();
        // What stands around the message knows the field better than the whole does.
        let around = at(&place.parent());
        match at(place) {
            Told { message: Some(message), field } => {
                // `{"text": "is taken"}` names no field by the message's own name.
                let is_field = |field: &String| place.steps().last() != Some(field);
                let field = field.or(around.field.filter(is_field)).or_else(|| told(part.bytes()).field);
                Told { message: Some(message), field }
            }
            Told { message: None, .. } if around.message.is_some() => around,
            Told { message: None, .. } => told(part.bytes()),
        }
    }
}

/// True for an object that says `error` or `errors` and means it.
fn tells_error(text: &str) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return false };
    ["error", "errors"].iter().filter_map(|name| members.get(*name)).any(|error| match error {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
    })
}

/// The text of a request before and after the items that stand at `place`.
fn around(place: &Pointer) -> (String, String) {
    let mut before = String::new();
    for step in place.steps() {
        before.push('{');
        before.push_str(&Value::from(step.as_str()).to_string());
        before.push(':');
    }
    before.push('[');
    (before, format!("]{}", "}".repeat(place.steps().len())))
}

impl Each {
    fn compile(each: &RestRequest, default: Body) -> Result<Self, String> {
        let path = if each.path.is_empty() { None } else { Some(PathTemplate::compile(&each.path)?) };
        let body = Body::compile(each.body.as_ref(), default)?;
        let places = |name| matches!(&body, Body::Template(template) if template.uses(name));
        let wraps = path.is_some() && !places("path") && !places("method");
        if matches!(body, Body::Nothing) && !wraps {
            return Err("an item of a batch needs a `body` or a `path`".to_owned());
        }
        Ok(Self { method: each.method, path, body, wraps })
    }

    fn push(&self, out: &mut String, write: &Write) -> Result<(), String> {
        let path = self.path.as_ref().map(|path| render_path(path, write)).transpose()?;
        if self.wraps {
            let path = Value::from(path.as_deref().unwrap_or_default());
            out.push_str(&format!(r#"{{"method":"{}","path":{path}"#, self.method.as_str()));
            if !matches!(self.body, Body::Nothing) {
                out.push_str(r#","body":"#);
            }
        }
        match &self.body {
            Body::Nothing => {}
            Body::Fields => out.push_str(write.fields.as_str()),
            Body::Template(template) => {
                let mut values = write_values(write);
                values["method"] = self.method.as_str().into();
                values["path"] = path.into();
                out.push_str(&render_body(template, &values, write)?);
            }
        }
        if self.wraps {
            out.push('}');
        }
        Ok(())
    }
}

impl Prepared<'_> {
    /// The same for the same writes, so that a repeated batch is known as one.
    pub(super) fn key(&self) -> String {
        let mut keys = xxhash_rust::xxh3::Xxh3Default::new();
        for write in &self.sent {
            keys.update(write.idempotency_key.as_bytes());
            keys.update(b"\n");
        }
        format!("{:032x}", keys.digest128())
    }

    /// Puts the results of what was sent between the faults of what was not.
    pub(super) fn merge(self, results: Vec<Result<Written, Fault>>) -> Vec<Result<Written, Fault>> {
        let mut results = results.into_iter();
        self.unsendable
            .into_iter()
            .map(|fault| match fault {
                Some(fault) => Err(fault),
                None => results.next().expect("one result for each write that was sent"),
            })
            .collect()
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
