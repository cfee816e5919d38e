//! A file after it was checked against its declaration: typed values that keep their places.

use super::declare::Spec;
use super::report::Place;
use crate::model::Pointer;
use serde_json::Value as Json;
use std::time::Duration;

/// One value, checked.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
    /// The value as one of many ways to write it, references in place of what they stand for.
    /// A job is known to be configured otherwise by it.
    pub(super) canonical: Json,
}

#[derive(Debug)]
pub(super) enum Value {
    /// The mistake has been told; nothing more can be said of it.
    Wrong,
    /// Read once for each instance, when they are known.
    ForEach,
    Boolean(bool),
    Integer(u64),
    Number(f64),
    Duration(Duration),
    Size(u64),
    Text(Text),
    Pointer(Pointer),
    Json(Json),
    List(Vec<Node>),
    Table(Table),
}

pub(super) struct Text {
    pub(super) text: String,
    /// It holds what came from `${…}`.
    pub(super) secret: bool,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.secret { f.write_str("••••") } else { write!(f, "{:?}", self.text) }
    }
}

/// A table, its defaults filled in.
#[derive(Default)]
pub(super) struct Table {
    pub(super) place: Place,
    /// None where the author chooses the names.
    pub(super) spec: Option<&'static Spec>,
    /// The word that decided which keys there are.
    pub(super) tag: Option<&'static str>,
    pub(super) entries: Vec<Entry>,
    /// The keys that were asked for.
    #[cfg(test)]
    pub(super) taken: std::cell::RefCell<std::collections::BTreeSet<String>>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) key_place: Place,
    /// False for a default.
    pub(super) written: bool,
    pub(super) node: Node,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|entry| (&entry.name, &entry.node.value))).finish()
    }
}

impl Table {
    pub(super) fn new(place: Place, spec: Option<&'static Spec>, tag: Option<&'static str>) -> Self {
        Self { place, spec, tag, ..Self::default() }
    }

    /// The value of a key; none when it is not there or wrong.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        match self.entry(name) {
            Some(Entry { node: Node { value: Value::Wrong | Value::ForEach, .. }, .. }) | None => None,
            Some(entry) => Some(&entry.node.value),
        }
    }

    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        debug_assert!(self.spec.is_none_or(|spec| spec.key(name).is_some()), "`{name}` is read but not declared");
        #[cfg(test)]
        self.taken.borrow_mut().insert(name.to_owned());
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// True when the key stands in the file, right or wrong.
    pub(super) fn is_written(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| entry.written)
    }

    /// Where a key's value stands; the table itself when it is not written.
    pub(super) fn place_of(&self, name: &str) -> Place {
        self.entry(name).filter(|entry| entry.written).map_or(self.place, |entry| entry.node.place)
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Boolean(true)))
    }

    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn count(&self, name: &str) -> Option<u32> {
        self.integer(name).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub(super) fn size(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Value::Size(bytes)) => Some(*bytes),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&Text> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn owned_text(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.text.clone())
    }

    pub(super) fn pointer(&self, name: &str) -> Option<Pointer> {
        match self.get(name) {
            Some(Value::Pointer(pointer)) => Some(pointer.clone()),
            _ => None,
        }
    }

    pub(super) fn json(&self, name: &str) -> Option<&Json> {
        match self.get(name) {
            Some(Value::Json(json)) => Some(json),
            _ => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> &[Node] {
        match self.get(name) {
            Some(Value::List(nodes)) => nodes,
            _ => &[],
        }
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        match self.get(name) {
            Some(Value::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// The names and texts of a table whose names the author chose.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &Text)> {
        self.entries.iter().filter_map(|entry| match &entry.node.value {
            Value::Text(text) => Some((entry.name.as_str(), text)),
            _ => None,
        })
    }
}
