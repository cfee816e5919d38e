//! A dry run: what a job would do with what its source holds, counted without doing it.

use super::mapping::{FieldRule, changed_fields};
use super::{Counts, DeletePolicy, Job, Position, RawJson, RecordId, RewindTo, SkipReason};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::ops::AddAssign;

/// Where a dry run begins to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanFrom {
    /// Where the next run begins.
    Next,
    /// Where the next run would begin after this rewind.
    Rewind(RewindTo),
    /// Where the part before this one ended.
    At(Box<Position>),
}

/// What of another configuration of a job decides about its records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanOrder {
    pub configured: u64,
    pub source_identity: u64,
    pub filter: Option<String>,
    pub map: Vec<FieldRule>,
    pub delete: DeletePolicy,
    pub soft_delete: Option<serde_json::Map<String, serde_json::Value>>,
    pub changed_fields_only: bool,
    pub max_attempts: u32,
}

impl PlanOrder {
    pub fn of(job: &Job) -> Self {
        Self {
            configured: job.configured,
            source_identity: job.source_identity,
            filter: job.source.filter.clone(),
            map: job.map.clone(),
            delete: job.delete,
            soft_delete: job.destination.soft_delete.clone(),
            changed_fields_only: job.destination.changed_fields_only,
            max_attempts: job.max_attempts,
        }
    }
}

/// What would become of the records that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTotals {
    /// They balance; `errored` are `rejected` and `still_dead`.
    pub counts: Counts,
    /// They can not be read or mapped: each would be a dead letter.
    pub rejected: u64,
    /// They stand in the dead-letter queue with this very content and would be left there.
    pub still_dead: u64,
    /// Of the writes, those of records that stand in the dead-letter queue and would be tried again.
    pub dead_again: u64,
}

impl AddAssign for PlanTotals {
    fn add_assign(&mut self, other: Self) {
        self.counts += other.counts;
        self.rejected += other.rejected;
        self.still_dead += other.still_dead;
        self.dead_again += other.dead_again;
    }
}

/// What is planned for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanWhat {
    Create,
    Update,
    Delete,
    /// The destination's record is flagged as gone.
    SoftDelete,
    Skip(SkipReason),
    /// A dead letter without a request.
    Reject,
    /// It is in the dead-letter queue already and stays there.
    StillDead,
}

impl PlanWhat {
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete | Self::SoftDelete => "delete",
            Self::Skip(_) => "skip",
            Self::Reject => "reject",
            Self::StillDead => "still dead",
        }
    }
}

/// One record that something would be done about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    pub record: RecordId,
    pub what: PlanWhat,
    /// The source's version that was last written, and that of now.
    pub version_before: Option<String>,
    pub version: Option<String>,
    /// Of an update: the fields that differ, where it is known what was last written; else all that would be sent.
    pub fields: Vec<PlannedField>,
    /// False: what was last written is known by its fingerprint alone, so only that it differs is known, not where.
    pub is_field_by_field: bool,
    /// Of a reject: why.
    pub why: Option<String>,
}

/// One field of a write, as JSON text, cut where it is long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedField {
    pub field: String,
    /// None where nothing stood there, or nobody knows.
    pub from: Option<String>,
    /// None where the field goes.
    pub to: Option<String>,
}

/// A part of a dry run: one request reads so much and no more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanPart {
    pub totals: PlanTotals,
    pub pages: u64,
    /// The first records that something would be done about, as many as were asked for.
    pub rows: Vec<PlanRow>,
    /// Where the next part begins; none at the listing's end.
    pub next: Option<Box<Position>>,
    /// What the source says there is in all.
    pub source_total: Option<u64>,
    /// Where it began to read, in words.
    pub begins: String,
    /// Why it could not go on, where it could not; what was counted until then holds.
    pub problem: Option<String>,
    /// What to know of these figures, each in a sentence.
    pub notes: Vec<String>,
}

/// Values of a plan are cut beyond so many characters.
const VALUE_MAX: usize = 400;

/// The fields that `after` changes of `before`; all of `after` where `before` is not known.
pub fn field_changes(before: Option<&RawJson>, after: &RawJson) -> Vec<PlannedField> {
    let old = before.map(members).unwrap_or_default();
    let changed = match before {
        Some(before) => match changed_fields(before, after) {
            Some(changed) => members(&changed),
            None => return Vec::new(),
        },
        None => members(after),
    };
    let new = members(after);
    let text = |value: &RawValue| clipped(value.get());
    let change = |field: &String| PlannedField {
        field: field.clone(),
        from: old.get(field).map(|value| text(value)),
        to: new.get(field).map(|value| text(value)),
    };
    changed.keys().map(change).collect()
}

fn members(json: &RawJson) -> IndexMap<String, Box<RawValue>> {
    serde_json::from_str(json.as_str()).unwrap_or_default()
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> RawJson {
        RawJson::parse(text.to_owned()).expect("JSON")
    }

    fn told(before: Option<&str>, after: &str) -> Vec<String> {
        let before = before.map(json);
        let none = || "—".to_owned();
        field_changes(before.as_ref(), &json(after))
            .into_iter()
            .map(|change| {
                let PlannedField { field, from, to } = change;
                format!("{field}: {} → {}", from.unwrap_or_else(none), to.unwrap_or_else(none))
            })
            .collect()
    }

    #[test]
    fn only_what_differs_is_told_with_its_digits() {
        let changes = told(Some(r#"{"a":1.10,"b":"x","c":9007199254740993}"#), r#"{"a":1.1,"b":"x","d":[1]}"#);
        assert_eq!(changes, ["a: 1.10 → 1.1", "d: — → [1]", "c: 9007199254740993 → —"]);
        assert!(told(Some(r#"{"a":1}"#), r#"{ "a" : 1 }"#).is_empty());
    }

    #[test]
    fn of_what_is_not_known_all_is_told() {
        assert_eq!(told(None, r#"{"a":1,"b":null}"#), ["a: — → 1", "b: — → null"]);
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = format!(r#"{{"a":"{}"}}"#, "ü".repeat(2_000));
        assert_eq!(field_changes(None, &json(&long))[0].to.as_ref().map(|to| to.chars().count()), Some(VALUE_MAX + 1));
    }
}
