//! The shop's listings: the same records under every kind of paging.

use super::faults::Fault;
use super::members::{member, text_of};
use super::shop::{Collection, Shop, micros_of};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// How a listing is cut into pages. The name is the first part of the path under `/api`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paging {
    /// `{"data": […], "next_cursor": "…"}`, sent back as `cursor`.
    Cursor,
    /// `{"data": […], "next_url": "http://…"}`.
    NextUrl,
    /// The next page's address in the header `Next-Page`.
    NextHeader,
    /// `{"data": […], "continue": {…}}`, whose members all go back as parameters.
    Params,
    /// A bare array, and `Link: <…>; rel="next"`.
    LinkHeader,
    /// `page` (from 1) and `per_page`; ends with an empty page.
    Page,
    /// `offset` and `limit`; ends with an empty page.
    Offset,
    /// In order of time; `updated_since` and `after_id` of the last record seen; ends with an empty page.
    Keyset,
    /// Everything in one array.
    None,
    /// POST `{"query": …, "variables": {"after": …, "limit": …}}` → `{"data": {"records": […], "next": …}, "total": n}`.
    Search,
}

impl Paging {
    pub const ALL: [(&'static str, Self); 10] = [
        ("cursor", Self::Cursor),
        ("next_url", Self::NextUrl),
        ("next_header", Self::NextHeader),
        ("params", Self::Params),
        ("link_header", Self::LinkHeader),
        ("page", Self::Page),
        ("offset", Self::Offset),
        ("keyset", Self::Keyset),
        ("none", Self::None),
        ("search", Self::Search),
    ];

    /// The name that stands in the path.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, paging)| *paging == self).map_or("none", |(name, _)| name)
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, paging)| *paging)
    }

    fn has_position(self) -> bool {
        matches!(self, Self::Cursor | Self::NextUrl | Self::NextHeader | Self::Params | Self::LinkHeader | Self::Search)
    }
}

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 5_000;

/// A request for one page.
pub(super) struct ListRequest<'a> {
    pub paging: Paging,
    pub collection: &'a str,
    /// `http://host:port`, or nothing when the request does not say.
    pub base: String,
    pub params: BTreeMap<String, String>,
    /// A fault that changes what the page says.
    pub fault: Option<&'a Fault>,
}

/// One page as it goes out.
pub(super) struct Listed {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Parameters from the query, and of a POST from its body (`variables` too).
pub(super) fn params(query: Option<&str>, body: &[u8]) -> BTreeMap<String, String> {
    let mut params: BTreeMap<String, String> =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
        let variables = fields.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, value) in fields.into_iter().chain(variables) {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            params.insert(if name == "after" { "cursor".to_owned() } else { name }, text);
        }
    }
    params.retain(|name, value| !(name == "cursor" && value.is_empty()));
    params
}

/// Where a page begins, as a cursor carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    sorted: bool,
    /// The lower bound of the listing, microseconds.
    since: Option<i64>,
    after: Option<(i64, String)>,
    /// How many empty pages came before this one, so that their cursors differ.
    n_empty: u64,
}

impl Place {
    fn to_token(&self, generation: u64) -> String {
        let (at, id) = self.after.clone().map_or((String::new(), String::new()), |(at, id)| (at.to_string(), id));
        let since = self.since.map(|since| since.to_string()).unwrap_or_default();
        let order = if self.sorted { "t" } else { "i" };
        URL_SAFE_NO_PAD.encode(format!("{generation}\n{order}\n{}\n{since}\n{at}\n{id}", self.n_empty))
    }

    fn of_token(token: &str) -> Option<(u64, Self)> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut parts = text.splitn(6, '\n');
        let generation = parts.next()?.parse().ok()?;
        let sorted = parts.next()? == "t";
        let n_empty = parts.next()?.parse().ok()?;
        let since = parts.next()?.parse().ok();
        let at: Option<i64> = parts.next()?.parse().ok();
        let id = parts.next()?.to_owned();
        Some((generation, Self { sorted, since, after: at.map(|at| (at, id)), n_empty }))
    }
}

/// The records of one page.
struct Found {
    records: Vec<Bytes>,
    last: Option<(i64, String)>,
    has_more: bool,
    total: u64,
}

/// Answers one page.
pub(super) fn list(shop: &Shop, request: &ListRequest<'_>) -> Listed {
    let place = match place_of(shop, request) {
        Ok(place) => place,
        Err(refusal) => return *refusal,
    };
    let found = shop.read(request.collection, |held| find(held, request, &place));
    let Some(mut found) = found else {
        return refusal(404, "unknown_collection", &format!("there is no collection `{}`", request.collection));
    };
    match request.fault {
        Some(Fault::RepeatRecords) => found.records.extend(found.records.last().cloned()),
        Some(Fault::EmptyPage) if found.has_more && request.paging.has_position() => {
            found.records.clear();
        }
        Some(Fault::WrongTotal(total)) => found.total = *total,
        _ => {}
    }
    let next = next_place(&place, &found, request.fault).map(|place| place.to_token(shop.cursor_generation()));
    page(request, &found, next.as_deref())
}

fn place_of(shop: &Shop, request: &ListRequest<'_>) -> Result<Place, Box<Listed>> {
    let since = request.params.get("updated_since").or_else(|| request.params.get("since"));
    let since = match since.filter(|text| !text.is_empty()).map(|text| micros_of(text).ok_or(text)) {
        None => None,
        Some(Ok(since)) => Some(since),
        Some(Err(text)) => {
            return Err(Box::new(refusal(400, "invalid_time", &format!("`{text}` is not a time"))));
        }
    };
    let by_time = request.params.get("sort").is_some_and(|sort| sort == "updated_at");
    let start = Place { sorted: by_time || request.paging == Paging::Keyset, since, ..Place::default() };
    if request.paging == Paging::Keyset {
        let tie = request.params.get("after_id").filter(|id| !id.is_empty());
        return Ok(Place { after: since.zip(tie.cloned()), ..start });
    }
    let Some(token) = request.params.get("cursor").filter(|_| request.paging.has_position()) else {
        return Ok(start);
    };
    match Place::of_token(token) {
        None => Err(Box::new(refusal(400, "invalid_cursor", "the cursor is not one of ours"))),
        Some((generation, _)) if generation != shop.cursor_generation() => {
            Err(Box::new(refusal(410, "cursor_expired", "the cursor has expired, begin the listing again")))
        }
        // The token remembers its listing; a bound that is sent along with it may only repeat it.
        Some((_, place)) => Ok(place),
    }
}

fn find(held: &Collection, request: &ListRequest<'_>, place: &Place) -> Found {
    let number = |name: &str| request.params.get(name).and_then(|text| text.parse::<usize>().ok());
    let size = number("limit").or_else(|| number("per_page")).unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX);
    let (skip, size) = match request.paging {
        Paging::None => (0, usize::MAX - 1),
        Paging::Page => (number("page").unwrap_or(1).saturating_sub(1).saturating_mul(size), size),
        Paging::Offset => (number("offset").unwrap_or(0), size),
        _ => (0, size),
    };
    // A listing of work: `?status=pending` leaves out what is of another status.
    let status = request.params.get("status");
    let is_wanted = |body: &Bytes| status.is_none_or(|status| has_status(body, status));
    let (records, last, has_more) = if place.sorted {
        let from = match (&place.after, place.since) {
            (Some((at, id)), _) => Bound::Excluded((*at, Arc::from(id.as_str()))),
            (None, Some(since)) => Bound::Included((since, Arc::from(""))),
            (None, None) => Bound::Unbounded,
        };
        let listed = held.by_time.range((from, Bound::Unbounded));
        let listed = listed.map(|(at, id)| (*at, id, &held.records[id].body));
        take(listed.filter(|(_, _, body)| is_wanted(body)).skip(skip), size)
    } else {
        let from = match &place.after {
            Some((_, id)) => Bound::Excluded(Arc::<str>::from(id.as_str())),
            None => Bound::Unbounded,
        };
        let since = place.since.unwrap_or(i64::MIN);
        let listed = held.records.range::<Arc<str>, _>((from, Bound::Unbounded));
        let listed = listed.filter(|(_, stored)| stored.at >= since && is_wanted(&stored.body)).skip(skip);
        take(listed.map(|(id, stored)| (stored.at, id, &stored.body)), size)
    };
    let total = match status {
        None => total(held, place.since),
        Some(_) => held.records.values().filter(|stored| is_wanted(&stored.body)).count() as u64,
    };
    Found { records, last, has_more, total }
}

fn has_status(body: &Bytes, status: &str) -> bool {
    member(body, "status").and_then(text_of).is_some_and(|found| found == status)
}

/// The first `size` records, the place of the last of them, and whether there are more.
fn take<'a>(
    mut listed: impl Iterator<Item = (i64, &'a Arc<str>, &'a Bytes)>,
    size: usize,
) -> (Vec<Bytes>, Option<(i64, String)>, bool) {
    let mut records = Vec::with_capacity(size.min(LIMIT_MAX));
    let mut last = None;
    for (at, id, body) in listed.by_ref().take(size) {
        records.push(body.clone());
        last = Some((at, id));
    }
    (records, last.map(|(at, id)| (at, id.to_string())), listed.next().is_some())
}

/// How many records the whole listing has. The last answer is kept, because every page asks.
fn total(held: &Collection, since: Option<i64>) -> u64 {
    let Some(since) = since else {
        return held.records.len() as u64;
    };
    let mut counted = held.counted.lock();
    match *counted {
        Some((of, revision, n)) if of == since && revision == held.revision => n,
        _ => {
            let n = held.by_time.range((since, Arc::from(""))..).count() as u64;
            *counted = Some((since, held.revision, n));
            n
        }
    }
}

fn next_place(place: &Place, found: &Found, fault: Option<&Fault>) -> Option<Place> {
    if !found.has_more {
        return None;
    }
    match fault {
        Some(Fault::RepeatCursor) => Some(place.clone()),
        Some(Fault::EmptyPage) => Some(Place { n_empty: place.n_empty + 1, ..place.clone() }),
        _ => Some(Place { after: found.last.clone(), ..place.clone() }),
    }
}

fn page(request: &ListRequest<'_>, found: &Found, next: Option<&str>) -> Listed {
    let mut body = Vec::with_capacity(found.records.iter().map(|record| record.len() + 1).sum::<usize>() + 256);
    let mut headers = HeaderMap::new();
    let total = found.total;
    let next_url = || next.map(|token| next_url(request, token));
    match request.paging {
        Paging::LinkHeader | Paging::None => {
            array(&mut body, &found.records);
        }
        Paging::Search => {
            body.extend_from_slice(b"{\"data\":{\"records\":");
            array(&mut body, &found.records);
            let next = next.map_or("null".to_owned(), |token| format!("\"{token}\""));
            body.extend_from_slice(format!(",\"next\":{next}}},\"total\":{total}}}").as_bytes());
        }
        _ => {
            body.extend_from_slice(b"{\"data\":");
            array(&mut body, &found.records);
            let tail = match request.paging {
                Paging::Cursor => {
                    format!(",\"next_cursor\":{}", next.map_or("null".to_owned(), |token| format!("\"{token}\"")))
                }
                Paging::NextUrl => {
                    format!(",\"next_url\":{}", next_url().map_or(Value::Null, Value::from))
                }
                Paging::Params => next.map_or(String::new(), |token| {
                    let limit = request.params.get("limit").map_or("100", String::as_str);
                    let back = serde_json::json!({ "cursor": token, "limit": limit });
                    format!(",\"continue\":{back}")
                }),
                _ => String::new(),
            };
            body.extend_from_slice(format!("{tail},\"total\":{total}}}").as_bytes());
        }
    }
    let link = match (request.paging, next_url()) {
        (Paging::LinkHeader, Some(url)) => Some(("link", format!("<{url}>; rel=\"next\", <{url}>; rel=\"last\""))),
        (Paging::NextHeader, Some(url)) => Some(("next-page", url)),
        _ => None,
    };
    if let Some((name, value)) = link
        && let Ok(value) = HeaderValue::from_str(&value)
    {
        headers.insert(HeaderName::from_static(name), value);
    }
    Listed { status: 200, headers, body: Bytes::from(body) }
}

fn array(body: &mut Vec<u8>, records: &[Bytes]) {
    body.push(b'[');
    for (n, record) in records.iter().enumerate() {
        if 0 < n {
            body.push(b',');
        }
        body.extend_from_slice(record);
    }
    body.push(b']');
}

fn next_url(request: &ListRequest<'_>, token: &str) -> String {
    if let Some(Fault::ForeignNext(url)) = request.fault {
        return url.clone();
    }
    let mut url = format!("{}/api/{}/{}?cursor={token}", request.base, request.paging.name(), request.collection);
    for (name, value) in request.params.iter().filter(|(name, _)| *name != "cursor") {
        url.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    }
    url
}

/// An error as the shop tells it.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Listed {
    let body = serde_json::json!({ "error": { "code": code, "message": message } });
    Listed { status, headers: HeaderMap::new(), body: Bytes::from(body.to_string()) }
}
