//! Field rules: how a source record becomes the destination's fields.
//!
//! A record is walked once for all rules. What is only copied is copied as text, so that numbers of any length and
//! texts of any kind arrive as they were read; a value is parsed only where a transform or an expression needs it.

mod boolean;
mod changes;
mod copy;
mod corrected;
mod date;
mod decimal;
mod digits;
pub(super) mod expression;
mod filter;
mod hash;
mod integer;
mod join;
mod json;
mod lower;
mod moment;
mod number;
mod output;
mod phone;
mod split;
mod text;
mod time;
mod transform;
mod upper;
mod value;

#[cfg(test)]
mod tests;

pub use changes::changed_fields;
pub use corrected::{Corrected, MappedField};
pub use filter::Filter;
pub use transform::{OptionSpec, TRANSFORMS, TransformSpec};

use self::copy::Copy;
use self::expression::{Expression, RecordNeeds};
use self::output::{Field, Input, Object, Program};
use super::pointer::PointerSet;
use super::{Fingerprint, Pointer, RawJson};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One destination field and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldRule {
    /// The destination field; a dot nests, a name that begins with `/` is a pointer.
    pub field: String,
    pub rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a job has a handful of rules, and most of them are copies")]
pub enum Rule {
    Copy(CopyRule),
    /// An expression over `record`.
    Expr(String),
    Value(Value),
}

/// `from` and what is done with it, in this order: default or required, trim, values, to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Default)]
pub struct Mapping {
    /// None without rules.
    output: Option<Object>,
    wanted: PointerSet,
    needs: RecordNeeds,
    has_expressions: bool,
    lineage: Vec<(String, Option<Pointer>)>,
}

impl Mapping {
    /// Checks all rules; returns every mistake.
    pub fn compile(rules: &[FieldRule]) -> Result<Self, Vec<RuleError>> {
        let mut mapping = Self::default();
        let mut output = Object::default();
        let mut errors = Vec::new();
        for rule in rules {
            let field = match mapping.ready(rule) {
                Ok(program) => Field { name: rule.field.clone(), program },
                Err(mistakes) => {
                    errors.extend(mistakes);
                    continue;
                }
            };
            if let Err(mistake) = output.insert(field) {
                errors.push(mistake);
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        mapping.output = (!rules.is_empty()).then_some(output);
        Ok(mapping)
    }

    /// Makes one rule ready, and notes what it reads.
    fn ready(&mut self, rule: &FieldRule) -> Result<Program, Vec<RuleError>> {
        let (program, origin) = match &rule.rule {
            Rule::Copy(copy) => {
                let ready = Copy::compile(&rule.field, copy)?;
                (Program::Copy(self.wanted.add(&copy.from), Box::new(ready)), Some(copy.from.clone()))
            }
            Rule::Expr(text) => {
                let expression = Expression::over_record(text).map_err(|problem| {
                    vec![RuleError { field: rule.field.clone(), key: Some("expr".to_owned()), problem, hint: None }]
                })?;
                self.needs.add(&expression, &mut self.wanted);
                self.has_expressions = true;
                let origin = expression.origin();
                (Program::Expression(Box::new(expression)), origin)
            }
            Rule::Value(value) => (Program::Constant(value.to_string()), None),
        };
        self.lineage.push((rule.field.clone(), origin));
        Ok(program)
    }

    /// The destination's fields of one record, as JSON text. What is only copied is copied as text.
    /// No rules at all: the record itself.
    pub fn apply(&self, record: &RawJson) -> Result<RawJson, Rejection> {
        let Some(output) = &self.output else { return Ok(record.clone()) };
        self.write(output, record, &[])
    }

    fn write(&self, output: &Object, record: &RawJson, instead: &[(&str, Option<&str>)]) -> Result<RawJson, Rejection> {
        let text = record.as_str();
        let found = self.find_all(text)?;
        let mut fields = String::with_capacity(text.len());
        output.write(&Input { found: &found, context: self.context(&found), instead }, &mut fields)?;
        Ok(RawJson::from_trusted(fields))
    }

    fn find_all<'r>(&self, text: &'r str) -> Result<Vec<Option<&'r str>>, Rejection> {
        self.wanted.find_all(text).map_err(|error| Rejection {
            field: String::new(),
            message: format!("the record can not be read: {error}"),
        })
    }

    fn context(&self, found: &[Option<&str>]) -> Result<minijinja::Value, String> {
        if self.has_expressions { self.needs.context(found) } else { Ok(minijinja::Value::UNDEFINED) }
    }

    /// True where a record is passed on as it is.
    pub fn is_identity(&self) -> bool {
        self.output.is_none()
    }

    /// For each destination field of `apply`'s result: the source pointer that it came from, where it is one.
    /// The console shows source and sent values side by side by it.
    pub fn lineage(&self) -> Vec<(String, Option<Pointer>)> {
        self.lineage.clone()
    }
}

/// The hash of a text of fields, by which an unchanged record is known.
pub fn fingerprint(fields: &RawJson) -> Fingerprint {
    Fingerprint(xxhash_rust::xxh3::xxh3_128(fields.bytes()))
}
