//! Looks up single members of a JSON object without building a tree, because every write passes here.

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The raw texts of the `wanted` members of the object in `body`, in their order; the last of equal names counts.
///
/// Returns why when `body` is not one JSON object.
pub(super) fn members<'a, const N: usize>(body: &'a [u8], wanted: &[&str; N]) -> Result<[Option<&'a str>; N], String> {
    let mut found = [None; N];
    find_members(body, wanted, &mut found)?;
    Ok(found)
}

/// As [`members`], for names that are known only when it runs. `found` has a place for each of `wanted`.
pub(super) fn find_members<'a, S: AsRef<str>>(
    body: &'a [u8],
    wanted: &[S],
    found: &mut [Option<&'a str>],
) -> Result<(), String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    deserializer
        .deserialize_map(Members { wanted, found })
        .and_then(|()| deserializer.end())
        .map_err(|error| error.to_string())
}

/// One member by its name.
pub(super) fn member<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    members(body, &[name]).ok().and_then(|[found]| found)
}

/// The content of a JSON string, or the text of any other value (`7` of `7`). None of `null`.
pub(super) fn text_of(raw: &str) -> Option<Cow<'_, str>> {
    if raw == "null" {
        return None;
    }
    if !raw.starts_with('"') {
        return Some(Cow::Borrowed(raw));
    }
    let inner = &raw[1..raw.len() - 1];
    if inner.contains('\\') {
        // A lone surrogate has no text; the raw form still tells records apart.
        Some(serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned))
    } else {
        Some(Cow::Borrowed(inner))
    }
}

struct Members<'w, 'a, S> {
    wanted: &'w [S],
    found: &'w mut [Option<&'a str>],
}

impl<'a, S: AsRef<str>> Visitor<'a> for Members<'_, 'a, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let wanted = self.wanted;
        while let Some(place) = map.next_key_seed(Name { wanted })? {
            match place {
                Some(place) => self.found[place] = Some(map.next_value::<&'a RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Name<'w, S> {
    wanted: &'w [S],
}

impl<'a, S: AsRef<str>> DeserializeSeed<'a> for Name<'_, S> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<S: AsRef<str>> Visitor<'_> for Name<'_, S> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.wanted.iter().position(|wanted| wanted.as_ref() == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_as_they_were_written() {
        let body = br#"{"a": 12345678901234567890, "x": {"b": 1}, "b": "\u00e9"}"#;
        let [a, b, c] = members(body, &["a", "b", "c"]).expect("an object");
        assert_eq!(a, Some("12345678901234567890"));
        assert_eq!(b.and_then(text_of).as_deref(), Some("é"));
        assert_eq!(c, None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(members(b"[1]", &["a"]).is_err());
        assert!(members(b"{\"a\":1", &["a"]).is_err());
        assert!(members(b"{\"a\":1} x", &["a"]).is_err());
    }
}
