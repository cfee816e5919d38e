//! What the records of a source look like, so that it is told when the source changes them.

use super::{RawJson, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Members with longer names are not remembered: those are data.
const NAME_MAX: usize = 100;
/// Members that are remembered; a source that uses ids as names must not fill the state.
const FIELDS_MAX: usize = 200;
/// Records that must have been looked at, before and now, until a difference is none of chance.
const RECORDS_MIN: u64 = 10;
/// Differences that a sentence names.
const NAMED_MAX: usize = 5;

/// The members of records, of which kinds they are, and in how many records they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Records that were looked at.
    pub records: u64,
    pub fields: BTreeMap<String, FieldShape>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldShape {
    /// Records that have it.
    pub records: u64,
    /// A bit for each kind, in the order of [`KINDS`]. Null is of none.
    pub kinds: u8,
}

/// What a member can be, with the first character of its JSON.
const KINDS: [(&str, &[u8]); 5] =
    [("a text", b"\""), ("a number", b"-0123456789"), ("a boolean", b"tf"), ("a list", b"["), ("an object", b"{")];

/// When the source was seen to have changed its records, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapeChange {
    pub at: Timestamp,
    pub text: String,
}

impl Shape {
    /// Takes a record in. One that is no object has no shape.
    pub fn add(&mut self, record: &RawJson) {
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(record.as_str()) else { return };
        self.records += 1;
        for (name, value) in members {
            self.note(name, FieldShape { records: 1, kinds: kind_bit(value.get()) });
        }
    }

    /// True when enough records were looked at to say how they look.
    pub fn is_known(&self) -> bool {
        self.records >= RECORDS_MIN
    }

    fn note(&mut self, name: String, found: FieldShape) {
        let is_kept = self.fields.len() < FIELDS_MAX && name.len() <= NAME_MAX;
        if is_kept || self.fields.contains_key(&name) {
            let field = self.fields.entry(name).or_default();
            field.records += found.records;
            field.kinds |= found.kinds;
        }
    }

    /// Takes in what another look found.
    pub fn merge(&mut self, other: &Self) {
        self.records += other.records;
        for (name, found) in &other.fields {
            self.note(name.clone(), *found);
        }
    }

    /// How the records of `now` differ from these, in a sentence. None where they do not, and where too few were seen.
    ///
    /// A member is new where no record had it, gone where every record had it and none has it now, and of another kind
    /// where it is only of kinds that it never was.
    pub fn difference(&self, now: &Self) -> Option<String> {
        if !self.is_known() || !now.is_known() {
            return None;
        }
        let mut told = Vec::new();
        for (name, before) in &self.fields {
            match now.fields.get(name) {
                None if before.records == self.records => told.push(format!("`{name}` is gone")),
                Some(is) if is.kinds != 0 && before.kinds != 0 && is.kinds & before.kinds == 0 => {
                    told.push(format!("`{name}` is {} and was {}", kind_words(is.kinds), kind_words(before.kinds)));
                }
                None | Some(_) => {}
            }
        }
        // Where the table of names is full, a name that is not in it may have been there before.
        if self.fields.len() < FIELDS_MAX {
            let new = now.fields.keys().filter(|name| !self.fields.contains_key(*name));
            told.extend(new.map(|name| format!("`{name}` is new")));
        }
        let more = match told.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        told.truncate(NAMED_MAX);
        (!told.is_empty()).then(|| format!("{}{more} (in {} records looked at)", told.join(", "), now.records))
    }
}

fn kind_bit(json: &str) -> u8 {
    let first = json.as_bytes().first().copied().unwrap_or_default();
    KINDS.iter().position(|(_, firsts)| firsts.contains(&first)).map_or(0, |place| 1 << place)
}

fn kind_words(kinds: u8) -> String {
    let of = KINDS.iter().enumerate().filter(|(place, _)| kinds & (1 << place) != 0);
    of.map(|(_, (name, _))| *name).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(records: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for record in records.iter().cycle().take(12) {
            shape.add(&RawJson::parse((*record).to_owned()).expect("JSON"));
        }
        shape
    }

    // Row 119 of the fault matrix.
    #[test]
    fn what_is_new_gone_or_of_another_kind_is_told_with_the_number_of_records() {
        let before = shape(&[r#"{"id":1,"tel":"555","fax":null,"vip":true}"#]);
        let now = shape(&[r#"{"id":1,"tel":{"home":"555"},"vip":true,"tier":"gold"}"#]);
        let told = "`fax` is gone, `tel` is an object and was a text, `tier` is new (in 12 records looked at)";
        assert_eq!(before.difference(&now).as_deref(), Some(told));
    }

    #[test]
    fn what_only_some_records_have_and_what_is_null_now_is_no_difference() {
        let before = shape(&[r#"{"id":1,"tel":"555","nick":"a"}"#, r#"{"id":1,"tel":"555"}"#]);
        assert_eq!(before.difference(&shape(&[r#"{"id":1,"tel":null}"#])), None);
        assert_eq!(before.difference(&before), None);
    }

    #[test]
    fn a_few_records_tell_nothing() {
        let mut few = Shape::default();
        few.add(&RawJson::parse(r#"{"other":1}"#.to_owned()).expect("JSON"));
        assert_eq!(shape(&[r#"{"id":1}"#]).difference(&few), None);
        assert_eq!(few.difference(&shape(&[r#"{"id":1}"#])), None);
    }

    #[test]
    fn names_beyond_the_bound_are_not_kept_and_not_called_new() {
        let wide = |from: usize| {
            let members: Vec<String> = (from..from + FIELDS_MAX).map(|n| format!("\"n{n}\":1")).collect();
            shape(&[&format!("{{\"id\":1,{}}}", members.join(","))])
        };
        let before = wide(0);
        assert_eq!(before.fields.len(), FIELDS_MAX);
        let told = before.difference(&wide(1_000)).expect("the old names are gone");
        assert!(!told.contains("is new") && told.contains("more (in 12"), "{told}");
    }
}
