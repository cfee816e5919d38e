//! Where the next page is: every kind of paging as a cursor that can be kept and asked with again after a restart.

use crate::connect::ReadFrom;
use crate::model::{Cursor, Item, NextUrl, Paginate, Pointer, RawJson, Version};
use http::HeaderMap;
use http::header::LINK;
use serde_json::{Map, Value};

/// The paging of one listing.
pub(super) struct Pager {
    paginate: Paginate,
    since_param: Option<String>,
    /// The listing's own templates place the cursor, so it is not added as a parameter.
    places_cursor: bool,
    /// The listing's own templates place the lower bound.
    places_since: bool,
    /// What each id bears that the system does not know.
    id_prefix: String,
}

/// What is asked for one page beside what is configured.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PageQuery {
    /// Names and values, not encoded.
    pub(super) params: Vec<(String, String)>,
    /// The whole address (path and query) that the system gave for this page; the params then do not count.
    pub(super) address: Option<String>,
    /// What templates know as `cursor`, `since` and `limit`; null where there is none.
    pub(super) cursor: Value,
    pub(super) since: Value,
    pub(super) limit: Value,
}

/// What of a page tells where the next one is.
pub(super) struct PageEnd<'a> {
    /// The value at [`Pager::place`].
    pub(super) next: Option<RawJson>,
    pub(super) headers: &'a HeaderMap,
    pub(super) items: &'a [Item],
}

/// Where the next page is, before an address is checked.
#[derive(Debug, PartialEq)]
pub(super) enum NextPage {
    End,
    Cursor(Cursor),
    /// An address as the system wrote it.
    Address(String),
}

impl Pager {
    pub(super) fn new(paginate: &Paginate, since_param: Option<&str>, places_cursor: bool, places_since: bool) -> Self {
        let since_param = since_param.map(str::to_owned);
        Self { paginate: paginate.clone(), since_param, places_cursor, places_since, id_prefix: String::new() }
    }

    /// The same for a stream in which each id bears a prefix that the system does not know.
    pub(super) fn with_id_prefix(self, prefix: &str) -> Self {
        Self { id_prefix: prefix.to_owned(), ..self }
    }

    /// Where the next page's token stands in an answer, where one does.
    pub(super) fn place(&self) -> Option<&Pointer> {
        match &self.paginate {
            Paginate::Cursor { next, .. }
            | Paginate::Params { next }
            | Paginate::NextUrl { next: NextUrl::Body(next) } => Some(next),
            Paginate::None
            | Paginate::NextUrl { next: NextUrl::Header(_) }
            | Paginate::LinkHeader
            | Paginate::Page { .. }
            | Paginate::Offset { .. }
            | Paginate::Keyset { .. } => None,
        }
    }

    /// What to ask for the page that begins at `from`; the reason when its cursor is not one of this paging.
    pub(super) fn query(&self, from: &ReadFrom) -> Result<PageQuery, String> {
        let mut query =
            PageQuery { since: text_or_null(from.since.as_ref().map(Version::text)), ..PageQuery::default() };
        if let (Some(param), Some(since), false) = (&self.since_param, &from.since, self.places_since) {
            query.params.push((param.clone(), since.text()));
        }
        let cursor = from.cursor.as_ref().map(|cursor| cursor.0.as_str());
        match &self.paginate {
            Paginate::None => {}
            Paginate::Cursor { param, .. } => {
                query.cursor = text_or_null(cursor.map(str::to_owned));
                if let Some(cursor) = cursor {
                    self.add_cursor(&mut query, param, cursor.to_owned());
                }
            }
            Paginate::NextUrl { .. } | Paginate::LinkHeader => query.address = cursor.map(str::to_owned),
            Paginate::Params { .. } => add_params(&mut query, cursor)?,
            Paginate::Page { param, first, size_param, size } => {
                let page = number(cursor)?.unwrap_or(*first);
                self.add_number(&mut query, param, page);
                add_size(&mut query, size_param.as_deref(), *size);
            }
            Paginate::Offset { param, size_param, size } => {
                let offset = number(cursor)?.unwrap_or(0);
                self.add_number(&mut query, param, offset);
                add_size(&mut query, size_param.as_deref(), Some(*size));
            }
            Paginate::Keyset { after, tie } => add_keys(&mut query, after, tie.as_deref(), cursor)?,
        }
        Ok(query)
    }

    /// Where the listing goes on after a page that was asked for with `from`.
    ///
    /// Only what this paging knows as its end is one: no token, no address, or a page without any record.
    /// A count, or a page with fewer records than asked for, never is.
    pub(super) fn next(&self, from: &ReadFrom, end: &PageEnd<'_>) -> Result<NextPage, String> {
        let cursor = from.cursor.as_ref().map(|cursor| cursor.0.as_str());
        match &self.paginate {
            Paginate::None => Ok(NextPage::End),
            Paginate::Cursor { next, .. } => Ok(token(end.next.as_ref(), next)?.map_or(NextPage::End, to_cursor)),
            Paginate::NextUrl { next: NextUrl::Body(next) } => {
                Ok(token(end.next.as_ref(), next)?.map_or(NextPage::End, NextPage::Address))
            }
            Paginate::NextUrl { next: NextUrl::Header(name) } => {
                let text = end.headers.get(name.as_str()).and_then(|value| value.to_str().ok()).unwrap_or_default();
                Ok(if text.trim().is_empty() { NextPage::End } else { NextPage::Address(text.to_owned()) })
            }
            Paginate::LinkHeader => Ok(next_link(end.headers).map_or(NextPage::End, NextPage::Address)),
            Paginate::Params { next } => next_params(end.next.as_ref(), next),
            _ if end.items.is_empty() => Ok(NextPage::End),
            Paginate::Page { first, .. } => {
                let page = number(cursor)?.unwrap_or(*first);
                Ok(to_cursor(page.saturating_add(1).to_string()))
            }
            // By the records that came, because a system may give fewer than it is asked for.
            Paginate::Offset { .. } => {
                let offset = number(cursor)?.unwrap_or(0);
                Ok(to_cursor(offset.saturating_add(end.items.len() as u64).to_string()))
            }
            Paginate::Keyset { .. } => next_keys(cursor, end.items, &self.id_prefix),
        }
    }

    fn add_cursor(&self, query: &mut PageQuery, param: &str, value: String) {
        if !self.places_cursor && !param.is_empty() {
            query.params.push((param.to_owned(), value));
        }
    }

    fn add_number(&self, query: &mut PageQuery, param: &str, number: u64) {
        query.cursor = number.into();
        self.add_cursor(query, param, number.to_string());
    }
}

fn to_cursor(text: String) -> NextPage {
    NextPage::Cursor(Cursor(text))
}

fn text_or_null(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::String)
}

fn number(cursor: Option<&str>) -> Result<Option<u64>, String> {
    cursor.map(|text| text.parse().map_err(|_| foreign(text))).transpose()
}

fn foreign(cursor: &str) -> String {
    format!("the cursor `{}` is not one of this kind of paging", super::message::cut(cursor, 60))
}

fn add_size(query: &mut PageQuery, size_param: Option<&str>, size: Option<u64>) {
    let Some(size) = size else { return };
    query.limit = size.into();
    if let Some(param) = size_param {
        query.params.push((param.to_owned(), size.to_string()));
    }
}

/// A token in an answer: a text or a number. None where the listing ends: nothing, null, false or an empty text.
fn token(next: Option<&RawJson>, place: &Pointer) -> Result<Option<String>, String> {
    let Some(next) = next else { return Ok(None) };
    match next.to_value() {
        Ok(Value::Null | Value::Bool(false)) => Ok(None),
        Ok(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        // As it was written, because digits beyond 64 bits count.
        Ok(Value::Number(_)) => Ok(Some(next.as_str().to_owned())),
        Ok(Value::Bool(true) | Value::Array(_) | Value::Object(_)) | Err(_) => {
            Err(format!("`{place}` of the answer holds neither a text nor a number, so it leads to no page"))
        }
    }
}

fn add_params(query: &mut PageQuery, cursor: Option<&str>) -> Result<(), String> {
    let Some(cursor) = cursor else { return Ok(()) };
    let members: Map<String, Value> = serde_json::from_str(cursor).map_err(|_| foreign(cursor))?;
    for (name, value) in &members {
        match value {
            Value::Null => {}
            Value::String(text) => query.params.push((name.clone(), text.clone())),
            other => query.params.push((name.clone(), other.to_string())),
        }
    }
    query.cursor = Value::Object(members);
    Ok(())
}

fn next_params(next: Option<&RawJson>, place: &Pointer) -> Result<NextPage, String> {
    let Some(next) = next else { return Ok(NextPage::End) };
    match next.to_value() {
        Ok(Value::Null | Value::Bool(false)) => Ok(NextPage::End),
        Ok(Value::Object(members)) if members.is_empty() => Ok(NextPage::End),
        Ok(Value::Object(_)) => Ok(to_cursor(next.as_str().to_owned())),
        _ => Err(format!("`{place}` of the answer is not an object of parameters, so it leads to no page")),
    }
}

fn add_keys(query: &mut PageQuery, after: &str, tie: Option<&str>, cursor: Option<&str>) -> Result<(), String> {
    let Some(cursor) = cursor else { return Ok(()) };
    let (version, id) = read_keys(cursor)?;
    // The place reached lies above the listing's lower bound, so it takes that one's place where both have one name.
    query.params.retain(|(name, _)| name != after);
    query.params.push((after.to_owned(), version));
    if let Some(tie) = tie {
        query.params.push((tie.to_owned(), id));
    }
    query.cursor = Value::String(cursor.to_owned());
    Ok(())
}

fn next_keys(cursor: Option<&str>, items: &[Item], id_prefix: &str) -> Result<NextPage, String> {
    let last = items.iter().rev().find_map(|item| match item {
        Item::Change(change) => change.version.as_ref().map(|version| (version.text(), &change.id)),
        Item::Unreadable { .. } => None,
    });
    let Some((version, id)) = last else {
        return Err("no record of the page has a version, so the place after it can not be named".to_owned());
    };
    let keys = write_keys(&version, id.as_str().strip_prefix(id_prefix).unwrap_or(id.as_str()));
    // A system that counts the bound in gives its last record for ever.
    if items.len() == 1 && cursor == Some(keys.as_str()) {
        return Ok(NextPage::End);
    }
    Ok(to_cursor(keys))
}

fn write_keys(version: &str, id: &str) -> String {
    Value::from(vec![version, id]).to_string()
}

fn read_keys(cursor: &str) -> Result<(String, String), String> {
    serde_json::from_str(cursor).map_err(|_| foreign(cursor))
}

/// The address of `rel="next"` in the `Link` headers (RFC 8288).
fn next_link(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(next_of_links)
}

fn next_of_links(mut text: &str) -> Option<String> {
    loop {
        let start = text.find('<')?;
        let end = start + text[start..].find('>')?;
        let address = &text[start + 1..end];
        let (params, rest) = split_params(&text[end + 1..]);
        // A link with an anchor speaks of another page than this one.
        let anchored = params.iter().any(|(name, _)| name == "anchor");
        let rel = params.iter().find(|(name, _)| name == "rel").map(|(_, value)| value.as_str());
        let is_next = rel.is_some_and(|rel| rel.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case("next")));
        if is_next && !anchored {
            return Some(address.to_owned());
        }
        text = rest;
    }
}

/// The parameters of one link, and what follows its comma.
fn split_params(text: &str) -> (Vec<(String, String)>, &str) {
    let mut params = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    let mut start = 0;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' | ',' if !quoted => {
                params.extend(param(&text[start..at]));
                start = at + 1;
                if c == ',' {
                    end = at;
                    break;
                }
            }
            _ => {}
        }
    }
    if end == text.len() {
        params.extend(param(&text[start.min(end)..]));
    }
    (params, &text[end..])
}

fn param(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let value = value.trim().trim_matches('"').replace('\\', "");
    Some((name.trim().to_ascii_lowercase(), value))
}

#[cfg(test)]
#[path = "paginate_tests.rs"]
mod tests;
