//! Field rules: how a source record becomes the destination's fields.

pub(super) mod expression;

use super::{Fingerprint, Pointer, RawJson};
use serde_json::{Map, Value};

/// One destination field and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldRule {
    /// The destination field; a dot nests, a name that begins with `/` is a pointer.
    pub field: String,
    pub rule: Rule,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    Copy(CopyRule),
    /// An expression over `record`.
    Expr(String),
    Value(Value),
}

/// `from` and what is done with it, in this order: default or required, trim, values, to.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyRule {
    pub from: Pointer,
    pub default: Option<Value>,
    pub required: bool,
    pub trim: bool,
    /// A picklist: source value (as text) → destination value.
    pub values: Option<Map<String, Value>>,
    pub otherwise: Option<Value>,
    pub to: Option<Transform>,
}

/// A transform by its name in the table, with its options as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    pub name: String,
    pub options: Map<String, Value>,
}

/// A rule that can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {problem}")]
pub struct RuleError {
    pub field: String,
    /// The key of the rule that is wrong (`to`, `region`, `expr`), where one is.
    pub key: Option<String>,
    pub problem: String,
    pub hint: Option<String>,
}

/// A record that a rule refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub field: String,
    /// One sentence with the value, cut short.
    pub message: String,
}

/// Rules that were checked and made ready to run.
pub struct Mapping {
    rules: Vec<FieldRule>,
}

impl Mapping {
    /// Checks all rules; returns every mistake.
    pub fn compile(_rules: &[FieldRule]) -> Result<Self, Vec<RuleError>> {
        todo!()
    }

    /// The destination's fields of one record, as JSON text. What is only copied is copied as text.
    /// No rules at all: the record itself.
    pub fn apply(&self, _record: &RawJson) -> Result<RawJson, Rejection> {
        todo!()
    }

    /// For each destination field of `apply`'s result: the source pointer that it came from, where it is one.
    /// The console shows source and sent values side by side by it.
    pub fn lineage(&self) -> Vec<(String, Option<Pointer>)> {
        todo!()
    }
}

/// A filter expression, made ready to run.
pub struct Filter;

impl Filter {
    pub fn compile(_expression: &str) -> Result<Self, String> {
        todo!()
    }

    /// True when the expression's value is truthy; the reason when it can not be evaluated for this record.
    pub fn accepts(&self, _record: &RawJson) -> Result<bool, String> {
        todo!()
    }
}

/// The hash of a text of fields, by which an unchanged record is known.
pub fn fingerprint(fields: &RawJson) -> Fingerprint {
    Fingerprint(xxhash_rust::xxh3::xxh3_128(fields.bytes()))
}

/// The top-level members of `after` that are not the same in `before`, as an object; none when all are the same.
/// A member that is gone is sent as `null`.
pub fn changed_fields(_before: &RawJson, _after: &RawJson) -> Option<RawJson> {
    todo!()
}
