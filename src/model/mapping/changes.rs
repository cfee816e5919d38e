//! What differs between the fields that were written last and those that are to be written.

use crate::model::RawJson;
use crate::model::pointer::{Place, each_member};
use indexmap::IndexMap;

/// The top-level members of `after` that are not the same in `before`, as an object; none when all are the same.
/// A member that is gone is sent as `null`.
pub fn changed_fields(before: &RawJson, after: &RawJson) -> Option<RawJson> {
    let (Some(old), Some(new)) = (members(before.as_str()), members(after.as_str())) else {
        return if is_same(before.as_str(), after.as_str()) { None } else { Some(after.clone()) };
    };
    let changed = new.iter().filter(|(key, value)| old.get(*key).is_none_or(|known| !is_same(known, value)));
    let gone = old.iter().filter(|(key, value)| **value != "null" && !new.contains_key(*key));
    let mut json = String::from("{");
    for (key, value) in changed.map(|(key, value)| (key, *value)).chain(gone.map(|(key, _)| (key, "null"))) {
        json.push_str(if json.len() > 1 { "," } else { "" });
        json.push_str(&serde_json::Value::from(key.as_str()).to_string());
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    if json.len() > 2 { Some(RawJson::from_trusted(json)) } else { None }
}

/// The members of an object in their order, of equal keys the last; none of what is no object or has a key that is no text.
fn members(json: &str) -> Option<IndexMap<String, &str>> {
    if !json.starts_with('{') {
        return None;
    }
    let mut members = IndexMap::new();
    let mut is_text = true;
    let key = |place: Place<'_>| match place {
        Place::Key(key) => Some(String::from_utf8(key.to_vec()).ok()),
        Place::Index(_) => None,
    };
    each_member(json, key, |key, value| match key {
        Some(key) => drop(members.insert(key, value.get())),
        None => is_text = false,
    })
    .ok()?;
    is_text.then_some(members)
}

/// The same text, spaces between its parts aside.
fn is_same(a: &str, b: &str) -> bool {
    a == b || significant(a).eq(significant(b))
}

fn significant(json: &str) -> impl Iterator<Item = u8> + '_ {
    let (mut in_text, mut escaped) = (false, false);
    json.bytes().filter(move |byte| {
        if !in_text {
            in_text = *byte == b'"';
            return !byte.is_ascii_whitespace();
        }
        in_text = escaped || *byte != b'"';
        escaped = !escaped && *byte == b'\\';
        true
    })
}
