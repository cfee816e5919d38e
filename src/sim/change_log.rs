//! The shop's change log: every change of a collection, in order, as `GET /api/events/{collection}?after=…` tells it.

use super::listing::{Listed, refusal};
use super::shop::Shop;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

const LIMIT_DEFAULT: usize = 100;
/// Events that are kept; older ones are purged.
const EVENTS_MAX: usize = 100_000;

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub sequence: u64,
    pub record: String,
    pub is_delete: bool,
}

/// The changes of one collection, the last of them.
#[derive(Default)]
pub(super) struct ChangeLog {
    events: VecDeque<Event>,
    next: u64,
}

impl ChangeLog {
    pub(super) fn note(&mut self, record: &str, is_delete: bool) {
        self.next += 1;
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(Event { sequence: self.next, record: record.to_owned(), is_delete });
    }

    /// Forgets all that was told so far.
    pub(super) fn purge(&mut self) {
        self.events.clear();
    }

    fn oldest(&self) -> u64 {
        self.events.front().map_or(self.next + 1, |event| event.sequence)
    }
}

/// Answers `GET /api/events/{collection}`: events behind `after`; 410 where those are purged. With `head` the last sequence.
pub(super) fn answer(shop: &Shop, collection: &str, params: &BTreeMap<String, String>) -> Listed {
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<u64>().ok());
    let found = shop.read(collection, |held| {
        let log = &held.log;
        if params.contains_key("head") {
            return Ok(json!({ "head": log.next }));
        }
        let after = number("after").unwrap_or(0);
        if after + 1 < log.oldest() && number("after").is_some() {
            return Err(format!("events before {} are purged", log.oldest()));
        }
        let limit = number("limit").map_or(LIMIT_DEFAULT, |limit| usize::try_from(limit).unwrap_or(LIMIT_DEFAULT));
        let events = log.events.iter().filter(|event| event.sequence > after).take(limit);
        let events: Vec<Value> = events
            .map(|event| {
                let kind = if event.is_delete { "deleted" } else { "changed" };
                json!({ "seq": event.sequence, "record_id": event.record, "type": kind })
            })
            .collect();
        Ok(json!({ "data": events }))
    });
    match found {
        None => refusal(404, "unknown_collection", &format!("there is no collection `{collection}`")),
        Some(Err(why)) => refusal(410, "purged", &why),
        Some(Ok(body)) => Listed { status: 200, headers: HeaderMap::new(), body: Bytes::from(body.to_string()) },
    }
}
