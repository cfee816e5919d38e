//! Destinations that make ids of their own: one request makes a record, another changes it, a third finds it.

use super::classify::Asked;
use super::destination::{Body, Single, body_at, text_at};
use super::request::{Call, Client, PathTemplate, answer, pair, write_values};
use crate::connect::{Fault, Operation, Reply, Signals, Write};
use crate::model::{DestinationId, Pointer, RawJson, RecordId, RestLinked, RestLookup, Template, TemplateUse};
use bytes::Bytes;
use http::Response;
use serde_json::Value;
use serde_json::value::RawValue;

/// Records of a lookup's answer that are looked at: two are too many already.
const FOUND_MAX: usize = 10;

/// The requests of such a destination.
pub(super) struct Linked {
    create: Single,
    update: Single,
    /// The field that carries the source's id.
    external_id: Option<Pointer>,
    lookup: Option<Lookup>,
}

struct Lookup {
    path: PathTemplate,
    query: Vec<(String, Template)>,
    records: Pointer,
    id: Pointer,
}

impl Linked {
    pub(super) fn compile(client: &Client, linked: &RestLinked, changed_fields_only: bool) -> Result<Self, String> {
        let mut update = Single::compile(client, &linked.update, Body::Fields)?;
        if changed_fields_only && update.method == http::Method::PUT {
            // A PUT of some fields would take the others away.
            update.update_method = http::Method::PATCH;
        }
        Ok(Self {
            create: Single::compile(client, &linked.create, Body::Fields)?,
            update,
            external_id: linked.external_id.clone(),
            lookup: linked.lookup.as_ref().map(Lookup::compile).transpose()?,
        })
    }

    /// The request for a write, and the write as it is to be sent: a create under the source's id, all else under the
    /// destination's.
    pub(super) fn ready<'s>(
        &'s self,
        write: &Write,
        delete: Option<&'s Single>,
    ) -> Result<(&'s Single, Write), String> {
        if write.operation == Operation::Create {
            return Ok((&self.create, Write { fields: self.known_as(write)?, ..write.clone() }));
        }
        let own = write.destination_id.as_ref().ok_or("its id at the destination is not known")?;
        let id = RecordId::from(own.as_str());
        if write.operation == Operation::Delete {
            let delete = delete.ok_or("the destination says nowhere how a record is deleted")?;
            return Ok((delete, Write { id, ..write.clone() }));
        }
        // Where the whole record is put in place, it must not lose what it is known by.
        let is_whole = self.update.update_method != http::Method::PATCH;
        let fields = if is_whole { self.known_as(write)? } else { write.fields.clone() };
        Ok((&self.update, Write { id, fields, ..write.clone() }))
    }

    /// The fields of a write with the source's id in them, unless the map puts something there itself.
    fn known_as(&self, write: &Write) -> Result<RawJson, String> {
        let Some(place) = &self.external_id else { return Ok(write.fields.clone()) };
        if body_at(&write.fields, place).is_some() {
            return Ok(write.fields.clone());
        }
        let unusable = |error: String| format!("the source's id can not be put at `{place}`: {error}");
        let value = Value::from(write.id.as_str()).to_string();
        with_value(write.fields.as_str(), place.steps(), &value).map(RawJson::from_trusted).map_err(unusable)
    }

    /// The ids of the records that are known by the source's id.
    pub(super) async fn find(&self, client: &Client, write: &Write) -> Reply<Vec<DestinationId>> {
        let failed = |fault: Fault| Reply { outcome: Err(fault), signals: Signals::default() };
        let Some(lookup) = &self.lookup else {
            return failed(client.caller.unsendable("the destination has no way to look a record up", "a lookup"));
        };
        let call = match lookup.call(client, write) {
            Ok(call) => call,
            Err(reason) => {
                return failed(client.caller.unsendable(&reason, &format!("GET {}", lookup.path.text())));
            }
        };
        let request = client.describe(&call.method, &call.target);
        let (answered, signals) = client.send(call).await;
        let outcome = match answered {
            Ok(response) => lookup
                .found(&response, write.id.as_str(), self.external_id.as_ref())
                .map_err(|what| client.caller.not_json(&what, &request, answer(&response))),
            // A system that names a record by its key says so when there is none.
            Err(fault) if matches!(fault.status, Some(404 | 410)) => Ok(Vec::new()),
            Err(fault) => Err(Fault { message: format!("the lookup failed: {}", fault.message), ..fault }),
        };
        Reply { outcome, signals }
    }
}

impl Lookup {
    fn compile(lookup: &RestLookup) -> Result<Self, String> {
        let query = lookup.query.iter().map(|(name, value)| {
            let template = Template::compile(value, TemplateUse::Text)
                .map_err(|reason| format!("lookup: query `{name}`: {reason}"))?;
            Ok::<_, String>((name.clone(), template))
        });
        Ok(Self {
            path: PathTemplate::compile(&lookup.path)?,
            query: query.collect::<Result<_, _>>()?,
            records: lookup.records.clone(),
            id: lookup.id.clone(),
        })
    }

    fn call(&self, client: &Client, write: &Write) -> Result<Call, String> {
        let path = super::request::render_path(&self.path, write)?;
        let mut values = write_values(write);
        if self.query.iter().any(|(_, value)| value.uses("record")) {
            values["record"] =
                write.record.body.to_value().map_err(|error| format!("`record` can not be read: {error}"))?;
        }
        let query = self.query.iter().map(|(name, value)| {
            let value = value.render(&values).map_err(|reason| format!("lookup: query `{name}`: {reason}"))?;
            Ok::<_, String>(pair(name, &value))
        });
        let target = client.target(&path, &query.collect::<Result<Vec<_>, _>>()?)?;
        Ok(Call { asked: Asked::Record, method: http::Method::GET, target, body: Bytes::new(), headers: Vec::new() })
    }

    /// The ids in an answer. A record that says of itself that it is another one's was found by mistake.
    fn found(
        &self,
        response: &Response<Bytes>,
        id: &str,
        external_id: Option<&Pointer>,
    ) -> Result<Vec<DestinationId>, String> {
        let body = RawJson::parse(response.body().clone())
            .map_err(|error| format!("the answer to a lookup is not whole JSON ({error})"))?;
        let found = body_at(&body, &self.records)
            .ok_or_else(|| format!("nothing stands at `{}` of the answer to a lookup", self.records))?;
        let records: Vec<RawJson> = match found.as_str().as_bytes().first() {
            Some(b'[') => {
                let all: Vec<&RawValue> = serde_json::from_str(found.as_str()).map_err(|error| error.to_string())?;
                all.into_iter().map(|record| RawJson::inside(found.bytes(), record)).collect()
            }
            Some(b'{') => vec![found],
            Some(b'n') => Vec::new(),
            _ => return Err(format!("no records stand at `{}` of the answer to a lookup", self.records)),
        };
        let is_ours = |record: &&RawJson| {
            let known_as = external_id.and_then(|place| text_at(record, place));
            known_as.is_none_or(|known_as| known_as == id)
        };
        let ours = records.iter().filter(is_ours).take(FOUND_MAX);
        let own = |record: &RawJson| {
            let own = text_at(record, &self.id).map(DestinationId::from);
            own.ok_or_else(|| format!("a record that a lookup found has no id at `{}`", self.id))
        };
        ours.map(own).collect()
    }
}

/// `object` with `value` (JSON text) at the end of `steps`; objects on the way are made where they are missing.
fn with_value(object: &str, steps: &[String], value: &str) -> Result<String, String> {
    let Some((first, rest)) = steps.split_first() else { return Err("a field needs a name".to_owned()) };
    let mut members: indexmap::IndexMap<String, Box<RawValue>> =
        serde_json::from_str(object).map_err(|_| "an object is needed on the way".to_owned())?;
    let inner = match rest {
        [] => value.to_owned(),
        rest => with_value(members.get(first).map_or("{}", |inner| inner.get()), rest, value)?,
    };
    let raw = RawValue::from_string(inner).map_err(|error| error.to_string())?;
    members.insert(first.clone(), raw);
    serde_json::to_string(&members).map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "linked_tests.rs"]
mod tests;
