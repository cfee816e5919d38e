//! JSON Pointers (RFC 6901) with the shorthand `Account.Name`, and the walk through JSON text that finds their values.

use super::RawJson;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// A place in a JSON value. The empty pointer is the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pointer {
    /// Unescaped steps.
    steps: Vec<String>,
}

impl Pointer {
    /// The walk goes one level deeper for each step, so their number is bounded.
    const STEPS_MAX: usize = 64;

    /// Reads `/a/b`, `a.b` or `""`; the reason when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let steps: Vec<String> = if text.is_empty() {
            Vec::new()
        } else if let Some(path) = text.strip_prefix('/') {
            path.split('/').map(unescape).collect::<Result<_, _>>()?
        } else {
            shorthand(text)?
        };
        if steps.len() > Self::STEPS_MAX {
            return Err(format!("a pointer has at most {} steps, not {}", Self::STEPS_MAX, steps.len()));
        }
        Ok(Self { steps })
    }

    pub fn root() -> Self {
        Self::default()
    }

    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The place that holds this one; the root holds itself.
    pub fn parent(&self) -> Self {
        Self { steps: self.steps[..self.steps.len().saturating_sub(1)].to_vec() }
    }

    /// The value at this place as text, without reading the rest into a tree; none when nothing is there.
    /// A step into an array is an index. Of equal keys the last counts.
    pub fn find(&self, json: &RawJson) -> Result<Option<RawJson>, serde_json::Error> {
        let mut here: Option<&RawValue> = None;
        for step in &self.steps {
            let index = array_index(step);
            let text = here.map_or(json.as_str(), RawValue::get);
            let mut found = None;
            each_member(
                text,
                |place| {
                    let is_here = match place {
                        Place::Key(key) => key == step.as_bytes(),
                        Place::Index(at) => index == Some(at),
                    };
                    is_here.then_some(())
                },
                |(), value| found = Some(value),
            )?;
            if found.is_none() {
                return Ok(None);
            }
            here = found;
        }
        Ok(Some(here.map_or_else(|| json.clone(), |value| RawJson::inside(json.bytes(), value))))
    }
}

fn unescape(step: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(step.len());
    let mut rest = step.chars();
    while let Some(sign) = rest.next() {
        match (sign, if sign == '~' { rest.next() } else { None }) {
            ('~', Some('0')) => plain.push('~'),
            ('~', Some('1')) => plain.push('/'),
            ('~', _) => return Err(format!("in a pointer `~` is written `~0` and `/` is written `~1`, not `{step}`")),
            _ => plain.push(sign),
        }
    }
    Ok(plain)
}

fn shorthand(text: &str) -> Result<Vec<String>, String> {
    let steps: Vec<String> = text.split('.').map(str::to_owned).collect();
    if steps.first().is_some_and(|first| first == "$" || first == "#") || text.starts_with("#/") {
        return Err(format!("`{text}` is no JSON Pointer; write `/a/b` or `a.b`"));
    }
    if steps.iter().any(String::is_empty) {
        return Err(format!("`{text}` has an empty step; a key that holds a dot is written as a pointer, `/a.b`"));
    }
    Ok(steps)
}

impl fmt::Display for Pointer {
    /// As RFC 6901 writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "/{}", step.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// An array index as RFC 6901 allows it: digits without a leading zero.
fn array_index(step: &str) -> Option<usize> {
    let is_index = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    if is_index { step.parse().ok() } else { None }
}

/// Where a member stands in its object or array. A key is unescaped; as bytes, because a key with a
/// lone surrogate is no text and must not hide its neighbours.
#[derive(Clone, Copy)]
pub(super) enum Place<'k> {
    Key(&'k [u8]),
    Index(usize),
}

/// Walks the members of an object or an array, one level deep: `choose` answers something for those that are wanted,
/// and `take` gets that answer with the value. Any other JSON value has no members.
pub(super) fn each_member<'t, C>(
    text: &'t str,
    choose: impl FnMut(Place<'_>) -> Option<C>,
    take: impl FnMut(C, &'t RawValue),
) -> Result<(), serde_json::Error> {
    if !matches!(text.as_bytes().first(), Some(b'{' | b'[')) {
        return Ok(());
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_any(Level { choose, take })
}

struct Level<F, T> {
    choose: F,
    take: T,
}

impl<'t, C, F, T> Visitor<'t> for Level<F, T>
where
    F: FnMut(Place<'_>) -> Option<C>,
    T: FnMut(C, &'t RawValue),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(choice) = map.next_key_seed(Key(&mut self.choose))? {
            match choice {
                Some(choice) => (self.take)(choice, map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut seq: A) -> Result<(), A::Error> {
        for at in 0.. {
            match (self.choose)(Place::Index(at)) {
                Some(choice) => match seq.next_element()? {
                    Some(value) => (self.take)(choice, value),
                    None => return Ok(()),
                },
                None if seq.next_element::<IgnoredAny>()?.is_none() => return Ok(()),
                None => {}
            }
        }
        Ok(())
    }
}

struct Key<'f, F>(&'f mut F);

impl<'t, C, F: FnMut(Place<'_>) -> Option<C>> DeserializeSeed<'t> for Key<'_, F> {
    type Value = Option<C>;

    fn deserialize<D: serde::Deserializer<'t>>(self, deserializer: D) -> Result<Option<C>, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'t, C, F: FnMut(Place<'_>) -> Option<C>> Visitor<'t> for Key<'_, F> {
    type Value = Option<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Option<C>, E> {
        Ok((self.0)(Place::Key(key)))
    }
}

/// Several pointers as one tree, so that a record is walked once for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct PointerSet {
    root: Node,
    len: usize,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// The place in the answer of the pointer that ends here.
    slot: Option<usize>,
    children: Vec<(String, Option<usize>, Node)>,
    /// All slots of this node and below.
    slots: Vec<usize>,
}

impl PointerSet {
    /// Adds a pointer and tells at which place of [`PointerSet::find_all`]'s answer its value stands.
    pub(super) fn add(&mut self, pointer: &Pointer) -> usize {
        let slot = self.root.add(pointer.steps(), self.len);
        self.len = self.len.max(slot + 1);
        slot
    }

    /// The texts of all values, in the order in which their pointers were added.
    pub(super) fn find_all<'t>(&self, text: &'t str) -> Result<Vec<Option<&'t str>>, serde_json::Error> {
        let mut found = vec![None; self.len];
        if self.len > 0 {
            self.root.find(text, &mut found)?;
        }
        Ok(found)
    }
}

impl Node {
    fn add(&mut self, steps: &[String], next: usize) -> usize {
        let slot = match steps.split_first() {
            None => *self.slot.get_or_insert(next),
            Some((step, rest)) => match self.children.iter().position(|(key, ..)| key == step) {
                Some(at) => self.children[at].2.add(rest, next),
                None => {
                    let mut child = Self::default();
                    let slot = child.add(rest, next);
                    self.children.push((step.clone(), array_index(step), child));
                    slot
                }
            },
        };
        if slot == next {
            self.slots.push(slot);
        }
        slot
    }

    fn find<'t>(&self, text: &'t str, found: &mut [Option<&'t str>]) -> Result<(), serde_json::Error> {
        if let Some(slot) = self.slot {
            found[slot] = Some(text);
        }
        if self.children.is_empty() {
            return Ok(());
        }
        let mut broken = None;
        each_member(
            text,
            |place| {
                self.children.iter().find_map(|(key, index, child)| {
                    let is_here = match place {
                        Place::Key(name) => key.as_bytes() == name,
                        Place::Index(at) => *index == Some(at),
                    };
                    is_here.then_some(child)
                })
            },
            |child, value| {
                // Of equal keys the last counts, with everything below it.
                child.slots.iter().for_each(|slot| found[*slot] = None);
                if let Err(error) = child.find(value.get(), found) {
                    broken = Some(error);
                }
            },
        )?;
        broken.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pointer: &str, json: &str) -> Option<String> {
        let json = RawJson::parse(json.to_owned()).expect("JSON");
        let found = Pointer::parse(pointer).expect("a pointer").find(&json).expect("readable JSON");
        found.map(|value| value.as_str().to_owned())
    }

    #[test]
    fn the_shorthand_means_the_same_as_the_pointer() {
        assert_eq!(Pointer::parse("Account.Name"), Pointer::parse("/Account/Name"));
        assert_eq!(Pointer::parse("Account.Name").expect("a pointer").to_string(), "/Account/Name");
        assert!(Pointer::parse("").expect("a pointer").is_root());
    }

    #[test]
    fn escapes_are_read_and_written() {
        let pointer = Pointer::parse("/a~1b/c~0d/~01").expect("a pointer");
        assert_eq!(pointer.steps(), ["a/b", "c~d", "~1"]);
        assert_eq!(pointer.to_string(), "/a~1b/c~0d/~01");
        assert_eq!(find("/a~1b/c~0d", r#"{"a/b":{"c~d":1}}"#).as_deref(), Some("1"));
    }

    #[test]
    fn a_wrong_pointer_is_refused_with_the_reason() {
        assert!(Pointer::parse("/a~2b").expect_err("refused").contains("~0"));
        assert!(Pointer::parse("a..b").expect_err("refused").contains("empty step"));
        assert!(Pointer::parse("$.a").expect_err("refused").contains("no JSON Pointer"));
        assert!(Pointer::parse(&"/a".repeat(1000)).expect_err("refused").contains("steps"));
    }

    #[test]
    fn values_are_found_as_they_are_written() {
        let json = r#" {"a": {"b": [10, {"c": 1.50}]}, "": 7, "n": null} "#;
        assert_eq!(find("/a/b/1/c", json).as_deref(), Some("1.50"));
        assert_eq!(find("a.b.1", json).as_deref(), Some(r#"{"c": 1.50}"#));
        assert_eq!(find("/", json).as_deref(), Some("7"));
        assert_eq!(find("/n", json).as_deref(), Some("null"));
        assert_eq!(find("", json).as_deref(), Some(json.trim()));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let json = r#"{"a":{"b":[10]},"t":"text","big":1e400}"#;
        for pointer in ["/x", "/a/b/1", "/a/b/00", "/a/b/-", "/a/b/x", "/t/0", "/big/x", "/a/b/0/c"] {
            assert_eq!(find(pointer, json), None, "{pointer}");
        }
    }

    #[test]
    fn a_key_written_with_escapes_matches() {
        assert_eq!(find("/ü", r#"{"\u00fc":1}"#).as_deref(), Some("1"));
        assert_eq!(find("/a\"b", r#"{"a\"b":2}"#).as_deref(), Some("2"));
    }

    // Row 43 of the fault matrix: a key that is no text does not hide its neighbours.
    #[test]
    fn a_lone_surrogate_elsewhere_is_passed_over() {
        assert_eq!(find("/a", r#"{"\ud800":"\udfff","a":"\ud800"}"#).as_deref(), Some(r#""\ud800""#));
    }

    // Row 45 of the fault matrix.
    #[test]
    fn of_equal_keys_the_last_counts() {
        assert_eq!(find("/a/b", r#"{"a":{"b":1},"a":{"b":2,"b":3}}"#).as_deref(), Some("3"));
        assert_eq!(find("/a/b", r#"{"a":{"b":1},"a":{}}"#), None);
    }

    // Row 41 of the fault matrix.
    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(find("/a", &deep).map(|value| value.len()), Some(200_000));
        assert_eq!(find("/b", &deep), None);
    }

    #[test]
    fn a_found_value_shares_the_bytes_of_its_page() {
        let json = RawJson::parse(r#"{"a":"text"}"#).expect("JSON");
        let found = Pointer::parse("/a").expect("a pointer").find(&json).expect("readable").expect("there");
        let page = json.bytes().as_ptr_range();
        assert!(page.contains(&found.bytes().as_ptr()));
    }

    #[test]
    fn a_set_finds_all_of_its_pointers_in_one_walk() {
        let mut set = PointerSet::default();
        let slots: Vec<usize> = ["/a/b", "/c", "/a", "/a/b", "/x", "/c/1", ""]
            .iter()
            .map(|text| set.add(&Pointer::parse(text).expect("a pointer")))
            .collect();
        assert_eq!(slots, [0, 1, 2, 0, 3, 4, 5]);
        let text = r#"{"c":[0],"a":{"b":1},"c":[5,6],"a":{"z":2}}"#;
        let found = set.find_all(text).expect("readable JSON");
        assert_eq!(found, [None, Some("[5,6]"), Some(r#"{"z":2}"#), None, Some("6"), Some(text)]);
    }
}
