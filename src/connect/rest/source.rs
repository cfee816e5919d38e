//! Listings: one page, or one record, a request.

use super::classify::{Asked, Caller};
use super::envelope::{self, Envelope, Records};
use super::message::told;
use super::paginate::{NextPage, PageEnd, PageQuery, Pager};
use super::request::{Call, Client, Followed, PathTemplate, answer, http_method, pair};
use crate::connect::{Fault, FaultKind, Link, ReadFrom, Reply, Signals, Source};
use crate::model::{
    BodyTemplate, ConnectionKind, Cursor, Item, Job, Page, Pointer, RawJson, RecordFields, RecordId, RecordReader,
    RestRecord, RestSource, SourceStream, Template, TemplateUse,
};
use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use http::uri::PathAndQuery;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

/// A REST listing, ready to be read.
struct Listing {
    client: Client,
    method: http::Method,
    path: PathTemplate,
    /// Parameter names and templates of their values.
    query: Vec<(String, Template)>,
    body: Option<BodyTemplate>,
    pager: Pager,
    /// The records', then those of `next`, `error` and `total` where there are such.
    places: Vec<Pointer>,
    next_at: Option<usize>,
    error_at: Option<usize>,
    total_at: Option<usize>,
    reader: RecordReader,
    fields: RecordFields,
    one: Option<(PathTemplate, Pointer)>,
}

pub(super) fn source(job: &Job, link: &Link) -> Result<Arc<dyn Source>, String> {
    let SourceStream::Rest(rest) = &job.source.stream;
    Ok(Arc::new(Listing::new(job, rest, link)?))
}

impl Listing {
    fn new(job: &Job, rest: &RestSource, link: &Link) -> Result<Self, String> {
        let query = rest
            .query
            .iter()
            .map(|(name, text)| {
                // Encoded as a whole afterwards, so what is configured may hold any character too.
                let template = Template::compile(text, TemplateUse::Text)
                    .map_err(|reason| format!("query parameter `{name}`: {reason}"))?;
                Ok((name.clone(), template))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let body =
            rest.body.as_ref().map(BodyTemplate::compile).transpose().map_err(|reason| format!("body: {reason}"))?;
        let path = PathTemplate::compile(&rest.path)?;
        let places_name = |name: &str| {
            let in_query = query.iter().any(|(_, template)| template.uses(name));
            in_query || path.uses(name) || body.as_ref().is_some_and(|body| body.uses(name))
        };
        let since_param = rest.since_param.as_deref();
        let pager = Pager::new(&rest.paginate, since_param, places_name("cursor"), places_name("since"))
            .with_id_prefix(&job.source.fields.prefix);
        let one = rest.one.as_ref().map(compile_one).transpose()?;
        let mut places = vec![rest.records.clone()];
        let mut place = |pointer: Option<&Pointer>| {
            pointer.map(|pointer| {
                places.push(pointer.clone());
                places.len() - 2
            })
        };
        let next_at = place(pager.place());
        let error_at = place(rest.error.as_ref());
        let total_at = place(rest.total.as_ref());
        let ConnectionKind::Rest(connection) = &link.connection.kind;
        let max_depth = connection.max_depth;
        Ok(Self {
            client: Client::new(link)?,
            method: http_method(rest.method),
            path,
            query,
            body,
            pager,
            places,
            next_at,
            error_at,
            total_at,
            reader: RecordReader::new(&job.source.fields).with_depth(max_depth),
            fields: job.source.fields.clone(),
            one,
        })
    }

    fn caller(&self) -> &Caller {
        &self.client.caller
    }

    /// The request for the page at `from`, and where it goes.
    fn call(&self, from: &ReadFrom) -> Result<(Call, Followed), Fault> {
        let request = format!("{} {}", self.method, self.path.text());
        let ask = self.pager.query(from).map_err(|reason| Fault {
            // What is stored belongs to another configuration; the listing begins again.
            cursor_expired: true,
            ..self.caller().fault(FaultKind::Fatal, &reason, &request)
        })?;
        let unsendable = |reason: String| self.caller().fault(FaultKind::Fatal, &reason, &request);
        let place = self.place(&ask).map_err(unsendable)?;
        let body = self.render_body(&ask).map_err(unsendable)?;
        let call = Call {
            asked: Asked::Page { cursor_sent: from.cursor.is_some() },
            method: self.method.clone(),
            target: place.target.clone(),
            body,
            headers: Vec::new(),
        };
        Ok((call, place))
    }

    fn place(&self, ask: &PageQuery) -> Result<Followed, String> {
        if let Some(address) = &ask.address {
            return self.client.followed(address);
        }
        let text = |value: &Value| if value.is_null() { Value::String(String::new()) } else { value.clone() };
        let values = json!({ "cursor": text(&ask.cursor), "since": text(&ask.since), "limit": text(&ask.limit) });
        let mut pairs = Vec::with_capacity(self.query.len() + ask.params.len());
        for (name, template) in &self.query {
            let is_paged = ask.params.iter().any(|(paged, _)| paged == name);
            let value = template.render(&values).map_err(|reason| format!("query parameter `{name}`: {reason}"))?;
            // Where there is nothing to insert, the parameter would only be in the way.
            if !is_paged && (!value.is_empty() || template.is_constant()) {
                pairs.push(pair(name, &value));
            }
        }
        pairs.extend(ask.params.iter().map(|(name, value)| pair(name, value)));
        Ok(Followed { host: None, target: self.client.target(&self.path.render(&values)?, &pairs)? })
    }

    fn render_body(&self, ask: &PageQuery) -> Result<Bytes, String> {
        let Some(body) = &self.body else { return Ok(Bytes::new()) };
        let values = json!({ "cursor": ask.cursor, "since": ask.since, "limit": ask.limit });
        body.render(&values, &[]).map(Bytes::from).map_err(|reason| format!("body: {reason}"))
    }

    /// Takes an answer apart. A page is used whole or not at all.
    fn page(&self, from: &ReadFrom, place: &Followed, response: &Response<Bytes>) -> Result<Page, Fault> {
        let request = self.client.describe(&self.method, &place.target);
        let body = response.body();
        let text = self.text(&request, response)?;
        let places: Vec<&[String]> = self.places.iter().map(Pointer::steps).collect();
        let envelope = envelope::open(text, &places).map_err(|error| {
            self.caller().not_json(&format!("the answer is not whole JSON ({error})"), &request, answer(response))
        })?;
        let value = |at: Option<usize>| at.and_then(|at| envelope.values[at]);
        self.refuse_error(value(self.error_at), &request, response)?;
        let records = self.records(&envelope, &request, response)?;
        let items: Vec<Item> = records.iter().map(|record| self.reader.read(RawJson::inside(body, record))).collect();
        let next = value(self.next_at).map(|raw| RawJson::inside(body, raw));
        let end = PageEnd { next, headers: response.headers(), items: &items };
        let next = self
            .next(from, place, &end)
            .map_err(|reason| self.caller().unusable(FaultKind::Fatal, &reason, &request, answer(response)))?;
        let total = value(self.total_at).and_then(|raw| raw.get().trim_matches('"').parse().ok());
        Ok(Page { items, next, total: total.or_else(|| total_header(response)) })
    }

    fn text<'a>(&self, request: &str, response: &'a Response<Bytes>) -> Result<&'a str, Fault> {
        let body = response.body();
        // Some systems begin with a byte order mark, which JSON does not know.
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Err(self.caller().not_json(
                "an answer without content where a page was asked for",
                request,
                answer(response),
            ));
        }
        std::str::from_utf8(body).map_err(|error| {
            let what = format!("the answer is not UTF-8 at byte {}", error.valid_up_to());
            self.caller().unusable(FaultKind::Transient, &what, request, answer(response))
        })
    }

    /// A configured place that holds an error in a 200 answer.
    fn refuse_error(&self, error: Option<&RawValue>, request: &str, response: &Response<Bytes>) -> Result<(), Fault> {
        let Some(error) = error else { return Ok(()) };
        if matches!(error.get(), "null" | "false" | "\"\"" | "[]" | "{}" | "0") {
            return Ok(());
        }
        let told = told(error.get().as_bytes());
        let message = told.message.unwrap_or_else(|| error.get().to_owned());
        Err(Fault {
            field: told.field.map(|field| self.caller().masks.mask(&field)),
            ..self.caller().unusable(FaultKind::Transient, &message, request, answer(response))
        })
    }

    fn records<'e, 'a>(
        &self,
        envelope: &'e Envelope<'a>,
        request: &str,
        response: &Response<Bytes>,
    ) -> Result<&'e [&'a RawValue], Fault> {
        let place = &self.places[0];
        let place = if place.is_root() { "the answer".to_owned() } else { format!("`{place}` of the answer") };
        let what = match &envelope.records {
            Records::Array(records) => return Ok(records),
            Records::Missing => format!("{place}, where the array of records was to be, is missing"),
            Records::Other(what) => format!("{place} is {what} instead of the array of records"),
        };
        Err(self.caller().not_json(&what, request, answer(response)))
    }

    fn next(&self, from: &ReadFrom, place: &Followed, end: &PageEnd<'_>) -> Result<Option<Cursor>, String> {
        let address = match self.pager.next(from, end)? {
            NextPage::End => return Ok(None),
            NextPage::Cursor(cursor) => return Ok(Some(cursor)),
            NextPage::Address(address) => self.client.follow(&address, place)?,
        };
        if !address.starts_with('/') && self.method != http::Method::GET {
            return Err("the next page is on another host, and what a POST carries goes to no other".to_owned());
        }
        Ok(Some(Cursor(address)))
    }

    fn one(&self, id: &RecordId, place: &Pointer, request: &str, response: &Response<Bytes>) -> Result<Item, Fault> {
        let text = self.text(request, response)?;
        let unusable = |what: &str| self.caller().not_json(what, request, answer(response));
        let whole = RawJson::parse(response.body().slice_ref(text.as_bytes()))
            .map_err(|error| unusable(&format!("the answer is not whole JSON ({error})")))?;
        let record =
            place.find(&whole).map_err(|error| unusable(&format!("the answer is not whole JSON ({error})")))?;
        // Only a 404 says that there is no such record; anything else in its place is a fault of the system.
        let record = record
            .filter(|record| record.as_str().starts_with('{'))
            .ok_or_else(|| unusable("no record where the record was asked for"))?;
        let item = self.reader.read(record);
        match &item {
            Item::Change(change) if change.id != *id => {
                Err(unusable(&format!("the answer is record `{}`, not `{}`", change.id.shown(), id.shown())))
            }
            Item::Change(_) | Item::Unreadable { .. } => Ok(item),
        }
    }

    fn one_target(&self, path: &PathTemplate, id: &RecordId) -> Result<PathAndQuery, Fault> {
        let id = self.fields.id_at_source(id.as_str());
        path.render_id(id, || Ok(json!({ "id": id })))
            .and_then(|path| self.client.target(&path, &[]))
            .map_err(|reason| self.caller().unsendable(&reason, &format!("GET {}", path.text())))
    }
}

fn compile_one(one: &RestRecord) -> Result<(PathTemplate, Pointer), String> {
    Ok((PathTemplate::compile(&one.path)?, one.record.clone()))
}

fn total_header(response: &Response<Bytes>) -> Option<u64> {
    response.headers().get("x-total-count")?.to_str().ok()?.trim().parse().ok()
}

#[async_trait]
impl Source for Listing {
    async fn read_page(&self, from: &ReadFrom) -> Reply<Page> {
        let (call, place) = match self.call(from) {
            Ok(call) => call,
            Err(fault) => return Reply { outcome: Err(fault), signals: Signals::default() },
        };
        let (answered, signals) = self.client.send_to(call, place.host.clone()).await;
        let outcome = answered.and_then(|response| self.page(from, &place, &response));
        Reply { outcome, signals }
    }

    async fn read_one(&self, id: &RecordId) -> Reply<Option<Item>> {
        let Some((path, place)) = &self.one else {
            let fault = self.caller().fault(FaultKind::Fatal, "the source has no way to read one record", "GET");
            return Reply { outcome: Err(fault), signals: Signals::default() };
        };
        let target = match self.one_target(path, id) {
            Ok(target) => target,
            Err(fault) => return Reply { outcome: Err(fault), signals: Signals::default() },
        };
        let request = self.client.describe(&http::Method::GET, &target);
        let call =
            Call { asked: Asked::Record, method: http::Method::GET, target, body: Bytes::new(), headers: Vec::new() };
        let (answered, signals) = self.client.send(call).await;
        let outcome = match answered {
            Ok(response) => self.one(id, place, &request, &response).map(Some),
            Err(fault) if matches!(fault.status, Some(404 | 410)) => Ok(None),
            Err(fault) => Err(fault),
        };
        Reply { outcome, signals }
    }

    fn can_read_one(&self) -> bool {
        self.one.is_some()
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
