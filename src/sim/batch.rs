//! Many records in one request, with a status for each.

use super::crm::{Answer, Order, OrderKind, Table};
use super::faults::Fault;
use super::members::text_of;
use super::rules::{Demands, Facts};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// One item: the record itself with its `id`; or `{"id", "fields"}`; or `{"method", "path", "body"}`.
/// `"operation": "delete"` or method DELETE deletes.
struct Item<'a> {
    id: Option<Cow<'a, str>>,
    body: &'a str,
    kind: OrderKind,
    key: Option<Cow<'a, str>>,
    /// Where the item is the record itself.
    facts: Option<Facts<'a>>,
}

/// Carries out every item of the body's `items`; the answer's `results` stand in the same order.
pub(super) fn write(table: &Table, body: &[u8], fault: Option<&Fault>) -> Answer {
    let items = match items_of(body) {
        Ok(items) => items,
        Err(problem) => return Answer::error(400, "invalid_json", &problem, "items"),
    };
    let demands = table.demands();
    let max = demands.rules.batch_max;
    if max < items.len() {
        let message = format!("a batch may have {max} items");
        return Answer::error(413, "batch_too_large", &message, "items");
    }
    let mut results: Vec<String> = Vec::with_capacity(items.len());
    for (n, item) in items.iter().enumerate() {
        let (id, answer) = write_one(table, &demands, item);
        results.push(match fault {
            Some(Fault::BatchPart { every, status }) if (n + 1).is_multiple_of(*every) && answer.is_success() => {
                let busy = Answer::error(*status, "unavailable", "the service is busy, try again", "");
                result(&id, &busy)
            }
            _ => result(&id, &answer),
        });
    }
    match fault {
        Some(Fault::BatchShort) => {
            results.pop();
        }
        Some(Fault::BatchShuffled) => results.reverse(),
        _ => {}
    }
    let body = format!("{{\"results\":[{}]}}", results.join(","));
    Answer::with_body(200, Bytes::from(body))
}

/// The ids of a batch, for the oracle of overlapping writes.
pub(super) fn ids(table: &Table, body: &[u8]) -> Vec<String> {
    let demands = table.demands();
    let items = items_of(body).unwrap_or_default();
    let id_of = |item: &&RawValue| item_of(item.get(), &demands).ok()?.id.map(Cow::into_owned);
    items.iter().filter_map(id_of).collect()
}

fn items_of(body: &[u8]) -> Result<Vec<&RawValue>, String> {
    serde_json::from_slice::<Body<'_>>(body).map(|body| body.items).map_err(|error| error.to_string())
}

fn write_one<'a>(table: &Table, demands: &Demands, item: &'a RawValue) -> (Cow<'a, str>, Answer) {
    let item = match item_of(item.get(), demands) {
        Ok(item) => item,
        Err(problem) => {
            let answer = Answer::error(400, "invalid_item", &problem, "");
            return (Cow::Borrowed(""), answer);
        }
    };
    let kind = if item.id.is_none() { OrderKind::Create } else { item.kind };
    let id = item.id.unwrap_or_default();
    let order = Order {
        kind,
        id: &id,
        body: item.body.as_bytes(),
        key: item.key.as_deref(),
        if_match: None,
        facts: item.facts,
    };
    let answer = table.write(&order, demands);
    let id = answer.made.clone().map_or(id, Cow::Owned);
    (id, answer)
}

fn item_of<'a>(text: &'a str, demands: &Demands) -> Result<Item<'a>, String> {
    let facts = demands.read(text.as_bytes())?;
    let [id, fields, operation, method, path, body, key] = facts.item();
    let says =
        |raw: Option<&str>, word: &str| raw.and_then(text_of).is_some_and(|text| text.eq_ignore_ascii_case(word));
    let kind = if says(operation, "delete") || says(method, "DELETE") {
        OrderKind::Delete
    } else if says(method, "PATCH") || says(operation, "patch") {
        OrderKind::Patch
    } else {
        OrderKind::Put
    };
    let from_path = method.and(path).and_then(text_of).and_then(|path| {
        let last = path.rsplit('/').next()?;
        Some(Cow::Owned(percent_decode_str(last).decode_utf8_lossy().into_owned()))
    });
    let is_wrapped = method.is_some() && path.is_some();
    let inner = fields.or(body.filter(|_| is_wrapped));
    Ok(Item {
        id: id.and_then(text_of).or(from_path).filter(|id| !id.is_empty()),
        body: inner.unwrap_or(text),
        kind,
        key: key.and_then(text_of),
        facts: inner.is_none().then_some(facts),
    })
}

fn result(id: &str, answer: &Answer) -> String {
    let status = answer.status;
    let id = Value::from(id);
    if answer.is_success() {
        return match answer.etag {
            Some(etag) => format!("{{\"id\":{id},\"status\":{status},\"etag\":\"{etag}\"}}"),
            None => format!("{{\"id\":{id},\"status\":{status}}}"),
        };
    }
    // One status tells its error as plain text, as most batch services do.
    let body = answer.body.as_deref().unwrap_or_default();
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let told = |name: &str| error.pointer(&format!("/error/{name}")).cloned().unwrap_or_default();
    serde_json::json!({
        "id": id, "status": status, "error": told("message"), "code": told("code"), "field": told("field"),
    })
    .to_string()
}
