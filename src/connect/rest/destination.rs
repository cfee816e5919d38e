//! Writes: one idempotent request a record, and what the answer tells of the record.

use super::batch::Batch;
use super::classify::Asked;
use super::linked::Linked;
use super::request::{Address, Call, Client, PathTemplate, answer, header_value, http_method, write_values};
use super::shown::shown;
use crate::connect::{Destination, Fault, FaultKind, Link, Operation, Reply, Signals, Standing, Write, Written};
use crate::model::{
    BodyTemplate, DeletePolicy, DestinationId, DestinationStream, Job, LetterRequest, Method, Pointer, RawJson,
    RecordId, RestDestination, RestRequest, RestWrite,
};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ETAG, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// A REST destination, ready to be written to.
struct Writer {
    client: Client,
    upsert: Upsert,
    delete: Option<Single>,
    idempotency: Option<HeaderName>,
    /// The header that carries the destination's version.
    version_name: Option<HeaderName>,
    facts: Facts,
    /// Where one record is read, and where it stands in the answer.
    one: Option<(PathTemplate, Pointer)>,
    /// Nothing else is configured.
    reads_where_it_writes: bool,
}

/// Why a record of a destination with ids of its own can not be reached.
const UNKNOWN_ID: &str = "its id at the destination is not known";

enum Upsert {
    Single(Single),
    Batch(Box<Batch>),
    Linked(Box<Linked>),
}

/// One record a request.
pub(super) struct Single {
    pub(super) method: http::Method,
    /// Of an update that holds only the fields that changed.
    pub(super) update_method: http::Method,
    address: Address,
    body: Body,
}

/// What one record's request or item holds.
pub(super) enum Body {
    Nothing,
    /// The mapped fields as they are.
    Fields,
    Template(BodyTemplate),
}

/// Where a record's own facts stand in an answer.
pub(super) struct Facts {
    pub(super) id: Option<Pointer>,
    /// None where the version stands in the `ETag` header, or is not wanted.
    version: Option<Pointer>,
    wants_version: bool,
}

pub(super) fn destination(job: &Job, link: &Link) -> Result<Arc<dyn Destination>, String> {
    let DestinationStream::Rest(rest) = &job.destination.stream;
    Ok(Arc::new(Writer::new(job, rest, link)?))
}

impl Writer {
    fn new(job: &Job, rest: &RestDestination, link: &Link) -> Result<Self, String> {
        let client = Client::new(link)?;
        let upsert = match &rest.write {
            RestWrite::Upsert(request) => {
                let mut single = Single::compile(&client, request, Body::Fields)?;
                if job.destination.changed_fields_only && single.method == http::Method::PUT {
                    // A PUT of some fields would take the others away.
                    single.update_method = http::Method::PATCH;
                }
                Upsert::Single(single)
            }
            RestWrite::Batch(batch) => Upsert::Batch(Box::new(Batch::compile(&client, batch)?)),
            RestWrite::Linked(linked) => {
                let only_changes = job.destination.changed_fields_only;
                Upsert::Linked(Box::new(Linked::compile(&client, linked, only_changes)?))
            }
        };
        let delete =
            rest.delete.as_ref().map(|request| Single::compile(&client, request, Body::Nothing)).transpose()?;
        let deletes = delete.is_some() || matches!(&upsert, Upsert::Batch(batch) if batch.has_deletes());
        if job.delete == DeletePolicy::Hard && !deletes {
            return Err("deletes are `hard`, but the destination says nowhere how a record is deleted; \
                        add `delete = { method = \"DELETE\", path = … }` to the destination"
                .to_owned());
        }
        let name = |name: &String| name.parse::<HeaderName>().map_err(|_| format!("`{name}` is no header name"));
        let version = rest.version_header.as_ref();
        Ok(Self {
            one: one(rest)?,
            reads_where_it_writes: rest.one.is_none(),
            client,
            upsert,
            delete,
            idempotency: rest.idempotency_header.as_ref().map(name).transpose()?,
            version_name: version.map(|version| name(&version.name)).transpose()?,
            facts: Facts {
                id: rest.id.clone(),
                version: version.map(|version| version.from.clone()).filter(|from| !from.is_root()),
                wants_version: version.is_some(),
            },
        })
    }

    fn look(&self, id: &RecordId, destination_id: Option<&DestinationId>) -> Result<(Call, &Pointer), Fault> {
        let Some((path, place)) = &self.one else {
            let fault =
                self.client.caller.fault(FaultKind::Fatal, "the destination has no way to read one record", "GET");
            return Err(fault);
        };
        // Where it is written to, its address is made of its own id.
        let own = RecordId::from(destination_id.map_or("", DestinationId::as_str));
        let id = match &self.upsert {
            Upsert::Linked(_) if self.reads_where_it_writes && destination_id.is_none() => {
                return Err(self.client.caller.unsendable(UNKNOWN_ID, &format!("GET {}", path.text())));
            }
            Upsert::Linked(_) if self.reads_where_it_writes => &own,
            _ => id,
        };
        let values = || {
            let there = destination_id.map_or(id.as_str(), DestinationId::as_str);
            Ok(serde_json::json!({ "id": id.as_str(), "destination_id": there }))
        };
        let target = path.render_id(id.as_str(), values).and_then(|path| self.client.target(&path, &[]));
        let target =
            target.map_err(|reason| self.client.caller.unsendable(&reason, &format!("GET {}", path.text())))?;
        let (method, body, headers) = (http::Method::GET, Bytes::new(), Vec::new());
        Ok((Call { asked: Asked::Record, method, target, body, headers }, place))
    }

    /// The headers of one request beside the connection's own.
    fn headers(&self, key: &str, version: Option<&str>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let named = [(&self.idempotency, Some(key)), (&self.version_name, version)];
        let mut headers = Vec::with_capacity(named.len());
        for (name, value) in named {
            if let (Some(name), Some(value)) = (name, value) {
                headers.push((name.clone(), header_value(name, value)?));
            }
        }
        Ok(headers)
    }

    fn call(&self, single: &Single, write: &Write) -> Result<Call, String> {
        // A record that is to be made has no version that it could be compared with.
        let version = write.destination_version.as_deref().filter(|_| write.operation != Operation::Create);
        Ok(Call {
            asked: Asked::Write,
            method: single.method_of(write).clone(),
            target: single.address.target(&self.client, write)?,
            body: single.body.render(write)?,
            headers: self.headers(&write.idempotency_key, version)?,
        })
    }

    async fn write_linked(&self, linked: &Linked, write: &Write) -> Reply<Written> {
        let (request, ready) = match linked.ready(write, self.delete.as_ref()) {
            Ok(ready) => ready,
            Err(reason) => {
                let fault = self.client.caller.unsendable(&reason, "a write");
                return Reply { outcome: Err(fault), signals: Signals::default() };
            }
        };
        let (mut reply, is_whole) = self.write_read(request, &ready).await;
        if write.operation == Operation::Create && reply.outcome.is_ok() && !is_whole {
            // It was made, and the id that it got was lost on the way.
            let what = "the answer to a create is not whole, so its id is not known";
            let fault = self.client.caller.fault(FaultKind::Unknown, what, "a create");
            return Reply { outcome: Err(Fault { status: reply.signals.status, ..fault }), signals: reply.signals };
        }
        if write.operation == Operation::Update
            && let Ok(written) = &mut reply.outcome
        {
            written.created = Some(false);
        }
        reply
    }

    /// Of a record that is still being written under this very key, the answer is no conflict: it is asked again.
    fn told_of_key(&self, fault: Fault) -> Fault {
        let names = ["idempot", "in progress", "in use", "still being processed"];
        let says = |text: &str| names.into_iter().any(|name| text.to_ascii_lowercase().contains(name));
        let is_of_key = self.idempotency.is_some()
            && fault.status == Some(409)
            && (says(&fault.message) || fault.answer.as_deref().is_some_and(says));
        if !is_of_key {
            return fault;
        }
        Fault { kind: FaultKind::Transient, record: None, ..fault }
    }

    async fn write_single(&self, single: &Single, write: &Write) -> Reply<Written> {
        self.write_read(single, write).await.0
    }

    /// As [`Writer::write_single`]; true with it when the answer could be read.
    async fn write_read(&self, single: &Single, write: &Write) -> (Reply<Written>, bool) {
        let call = match self.call(single, write) {
            Ok(call) => call,
            Err(reason) => {
                let request = format!("{} {}", single.method_of(write), single.address.text());
                let fault = self.client.caller.unsendable(&reason, &request);
                return (Reply { outcome: Err(fault), signals: Signals::default() }, false);
            }
        };
        let (answered, signals) = self.client.send(call).await;
        let mut is_whole = false;
        let outcome = answered.map_err(|fault| self.told_of_key(fault)).map(|response| {
            let created = created(response.status()).filter(|_| write.operation != Operation::Delete);
            is_whole = RawJson::parse(response.body().clone()).is_ok();
            let body = if self.facts.reads_body() { RawJson::parse(response.body().clone()).ok() } else { None };
            self.facts.written(created, body.as_ref(), Some(response.headers()))
        });
        (Reply { outcome, signals }, is_whole)
    }

    async fn write_many(&self, batch: &Batch, writes: &[&Write]) -> Reply<Vec<Result<Written, Fault>>> {
        let prepared = batch.prepare(&self.client, writes);
        if prepared.sent.is_empty() {
            return Reply { outcome: Ok(prepared.merge(Vec::new())), signals: Signals::default() };
        }
        let headers = match self.headers(&prepared.key(), None) {
            Ok(headers) => headers,
            Err(reason) => return self.refuse(&reason),
        };
        let call = Call {
            asked: Asked::Write,
            method: batch.method.clone(),
            target: batch.target.clone(),
            body: prepared.body.clone(),
            headers,
        };
        let (answered, signals) = self.client.send(call).await;
        let outcome = answered.and_then(|response| {
            let results = batch.results(&self.client, &self.facts, &prepared.sent, &response)?;
            Ok(prepared.merge(results))
        });
        Reply { outcome, signals }
    }

    fn refuse<T>(&self, reason: &str) -> Reply<T> {
        let fault = self.client.caller.fault(FaultKind::Fatal, reason, "a write");
        Reply { outcome: Err(fault), signals: Signals::default() }
    }

    async fn write_one_of(&self, batch: &Batch, write: &Write) -> Reply<Written> {
        let Reply { outcome, signals } = self.write_many(batch, &[write]).await;
        let outcome = outcome.and_then(|mut results| results.pop().expect("a batch of one has one result"));
        Reply { outcome, signals }
    }
}

#[async_trait]
impl Destination for Writer {
    fn batch_size(&self) -> usize {
        match &self.upsert {
            Upsert::Single(_) | Upsert::Linked(_) => 1,
            Upsert::Batch(batch) => batch.size,
        }
    }

    fn batches_deletes(&self) -> bool {
        matches!(&self.upsert, Upsert::Batch(batch) if batch.has_deletes())
    }

    async fn write(&self, write: &Write) -> Reply<Written> {
        match (write.operation, &self.delete, &self.upsert) {
            (Operation::Delete, None, Upsert::Linked(_)) => {
                self.refuse("the destination says nowhere how a record is deleted")
            }
            (_, _, Upsert::Linked(linked)) => self.write_linked(linked, write).await,
            (Operation::Delete, Some(delete), _) => self.write_single(delete, write).await,
            (Operation::Delete, None, Upsert::Batch(batch)) if batch.has_deletes() => {
                self.write_one_of(batch, write).await
            }
            (Operation::Delete, None, _) => self.refuse("the destination says nowhere how a record is deleted"),
            (_, _, Upsert::Single(single)) => self.write_single(single, write).await,
            (_, _, Upsert::Batch(batch)) => self.write_one_of(batch, write).await,
        }
    }

    fn request(&self, write: &Write) -> Result<LetterRequest, String> {
        let single = |single: &Single| shown(&self.client, &self.call(single, write)?, false);
        match (write.operation, &self.delete, &self.upsert) {
            (_, _, Upsert::Linked(linked)) => {
                let (request, ready) = linked.ready(write, self.delete.as_ref())?;
                shown(&self.client, &self.call(request, &ready)?, false)
            }
            (Operation::Delete, Some(delete), _) => single(delete),
            (Operation::Delete, None, Upsert::Single(_)) => {
                Err("the destination says nowhere how a record is deleted".to_owned())
            }
            (_, _, Upsert::Single(upsert)) => single(upsert),
            (_, _, Upsert::Batch(batch)) => {
                let prepared = batch.prepare(&self.client, &[write]);
                if prepared.sent.is_empty() {
                    return Err("it can not be made into an item of a batch".to_owned());
                }
                let call = Call {
                    asked: Asked::Write,
                    method: batch.method.clone(),
                    target: batch.target.clone(),
                    headers: self.headers(&prepared.key(), None)?,
                    body: prepared.body,
                };
                shown(&self.client, &call, true)
            }
        }
    }

    fn can_read_one(&self) -> bool {
        self.one.is_some()
    }

    async fn find(&self, write: &Write) -> Reply<Vec<DestinationId>> {
        match &self.upsert {
            Upsert::Linked(linked) => linked.find(&self.client, write).await,
            Upsert::Single(_) | Upsert::Batch(_) => self.refuse("the destination has no way to look a record up"),
        }
    }

    async fn read_one(&self, id: &RecordId, destination_id: Option<&DestinationId>) -> Reply<Option<Standing>> {
        let (call, place) = match self.look(id, destination_id) {
            Ok(look) => look,
            Err(fault) => return Reply { outcome: Err(fault), signals: Signals::default() },
        };
        let request = self.client.describe(&call.method, &call.target);
        let (answered, signals) = self.client.send(call).await;
        let unusable = |what: &str, response: &http::Response<Bytes>| {
            self.client.caller.not_json(what, &request, answer(response))
        };
        let outcome = match answered {
            Ok(response) => RawJson::parse(response.body().clone())
                .map_err(|error| unusable(&format!("the answer is not whole JSON ({error})"), &response))
                .and_then(|body| {
                    let record = body_at(&body, place).filter(|record| record.as_str().starts_with('{'));
                    let version = self.facts.written(None, Some(&body), Some(response.headers())).destination_version;
                    record
                        .map(|record| Some(Standing { record, version }))
                        .ok_or_else(|| unusable("no record where the record was asked for", &response))
                }),
            Err(fault) if matches!(fault.status, Some(404 | 410)) => Ok(None),
            Err(fault) => Err(fault),
        };
        Reply { outcome, signals }
    }

    async fn write_batch(&self, writes: &[Write]) -> Reply<Vec<Result<Written, Fault>>> {
        let deletes_alone = !self.batches_deletes() && writes.iter().any(|write| write.operation == Operation::Delete);
        if let (Upsert::Batch(batch), false) = (&self.upsert, deletes_alone) {
            return self.write_many(batch, &writes.iter().collect::<Vec<_>>()).await;
        }
        // A destination without batches takes them one by one.
        let mut results = Vec::with_capacity(writes.len());
        let mut last = Signals::default();
        for write in writes {
            let Reply { outcome, signals } = self.write(write).await;
            results.push(outcome);
            last = signals;
        }
        Reply { outcome: Ok(results), signals: last }
    }
}

/// Where one record is read: as configured, else where it is written to, if its id alone says where that is.
fn one(rest: &RestDestination) -> Result<Option<(PathTemplate, Pointer)>, String> {
    if let Some(one) = &rest.one {
        return Ok(Some((PathTemplate::compile(&one.path)?, one.record.clone())));
    }
    let request = match &rest.write {
        RestWrite::Upsert(request) => request,
        RestWrite::Linked(linked) => &linked.update,
        RestWrite::Batch(_) => return Ok(None),
    };
    let path = PathTemplate::compile(&request.path)?;
    let is_by_id = path.uses("id") && !["record", "fields", "operation"].into_iter().any(|name| path.uses(name));
    let place = match &request.body {
        None => Some(Pointer::root()),
        Some(body) => place_of_fields(body).map(|place| Pointer::parse(&place)).transpose()?,
    };
    Ok(place.filter(|_| is_by_id).map(|place| (path, place)))
}

/// Where the mapped fields stand in a body, as a pointer. A system that takes a record in an envelope shows it in one.
fn place_of_fields(body: &serde_json::Value) -> Option<String> {
    match body {
        serde_json::Value::String(text) => {
            let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
            (inner.trim() == "fields").then(String::new)
        }
        serde_json::Value::Object(members) => members.iter().find_map(|(name, inner)| {
            let place = place_of_fields(inner)?;
            Some(format!("/{}{place}", name.replace('~', "~0").replace('/', "~1")))
        }),
        _ => None,
    }
}

impl Single {
    fn method_of(&self, write: &Write) -> &http::Method {
        match write.operation {
            Operation::Update => &self.update_method,
            Operation::Create | Operation::Delete => &self.method,
        }
    }

    pub(super) fn compile(client: &Client, request: &RestRequest, default: Body) -> Result<Self, String> {
        if request.method == Method::Get {
            return Err(format!("path `{}`: GET writes nothing", request.path));
        }
        Ok(Self {
            method: http_method(request.method),
            update_method: http_method(request.method),
            address: Address::compile(client, &request.path)?,
            body: Body::compile(request.body.as_ref(), default)?,
        })
    }
}

impl Body {
    pub(super) fn compile(tree: Option<&serde_json::Value>, default: Self) -> Result<Self, String> {
        match tree {
            None => Ok(default),
            Some(tree) => BodyTemplate::compile(tree).map(Self::Template).map_err(|reason| format!("body: {reason}")),
        }
    }

    fn render(&self, write: &Write) -> Result<Bytes, String> {
        match self {
            Self::Nothing => Ok(Bytes::new()),
            // The same bytes that were mapped, without a copy.
            Self::Fields => Ok(write.fields.bytes().clone()),
            Self::Template(template) => render_body(template, &write_values(write), write).map(Bytes::from),
        }
    }
}

pub(super) fn render_body(
    template: &BodyTemplate,
    values: &serde_json::Value,
    write: &Write,
) -> Result<String, String> {
    let raw = [("fields", &write.fields), ("record", &write.record.body)];
    template.render(values, &raw).map_err(|reason| format!("body: {reason}"))
}

impl Facts {
    fn reads_body(&self) -> bool {
        self.id.is_some() || self.version.is_some()
    }

    /// What an answer, or one part of a batch's, tells of its record.
    pub(super) fn written(
        &self,
        created: Option<bool>,
        body: Option<&RawJson>,
        headers: Option<&HeaderMap>,
    ) -> Written {
        let found = |place: Option<&Pointer>| text_at(body?, place?);
        let etag = || headers?.get(ETAG)?.to_str().ok().map(str::to_owned);
        Written {
            destination_id: found(self.id.as_ref()).map(DestinationId::from),
            destination_version: found(self.version.as_ref()).or_else(|| etag().filter(|_| self.wants_version)),
            created,
        }
    }
}

/// A text or a number at `place`, as text.
pub(super) fn text_at(body: &RawJson, place: &Pointer) -> Option<String> {
    let found = body_at(body, place)?;
    let text = found.as_str();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok().filter(|text: &String| !text.is_empty()),
        b'-' | b'0'..=b'9' => Some(text.to_owned()),
        _ => None,
    }
}

pub(super) fn body_at(body: &RawJson, place: &Pointer) -> Option<RawJson> {
    place.find(body).ok().flatten()
}

/// Whether a status says that a record was made or changed.
pub(super) fn created(status: StatusCode) -> Option<bool> {
    match status {
        StatusCode::CREATED => Some(true),
        StatusCode::OK | StatusCode::NO_CONTENT => Some(false),
        _ => None,
    }
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
