//! The shape of the destination's fields: rules in their order, dotted names nested.

use super::copy::Copy;
use super::expression::Expression;
use super::{Rejection, RuleError};
use crate::model::Pointer;

/// An object of the output. Rules that share a parent are in one object, where the first of them stands.
#[derive(Default)]
pub(super) struct Object {
    members: Vec<Member>,
}

struct Member {
    name: String,
    /// `"name":`
    key: String,
    entry: Entry,
}

enum Entry {
    Field(Field),
    Object(Object),
}

/// A rule, made ready to run.
pub(super) struct Field {
    /// As the configuration names it.
    pub(super) name: String,
    pub(super) program: Program,
}

pub(super) enum Program {
    /// With the place of its value in what the walk found.
    Copy(usize, Box<Copy>),
    Expression(Box<Expression>),
    /// JSON text.
    Constant(String),
}

/// What the rules read.
pub(super) struct Input<'r> {
    pub(super) found: &'r [Option<&'r str>],
    /// The variables of expressions; the reason when the record can not be read into a tree.
    pub(super) context: Result<minijinja::Value, String>,
    /// Fields that are given another value (JSON text), or none, whatever their rules say.
    pub(super) instead: &'r [(&'r str, Option<&'r str>)],
}

impl Object {
    /// Adds a field at its place; the mistake when another field stands there.
    pub(super) fn insert(&mut self, field: Field) -> Result<(), RuleError> {
        let error = |problem: String, hint: Option<&str>| RuleError {
            field: field.name.clone(),
            key: None,
            problem,
            hint: hint.map(str::to_owned),
        };
        let path = Pointer::parse(&field.name).map_err(|problem| error(problem, None))?;
        let Some((last, parents)) = path.steps().split_last() else {
            return Err(error("a field needs a name".to_owned(), Some("leave out `map` to send the record as it is")));
        };
        let clash = || error("stands where another field stands".to_owned(), Some("give one of them another name"));
        let mut object = self;
        for step in parents {
            let at = object.position_or_insert(step, || Entry::Object(Self::default()));
            match &mut object.members[at].entry {
                Entry::Object(inner) => object = inner,
                Entry::Field(_) => return Err(clash()),
            }
        }
        if object.members.iter().any(|member| member.name == *last) {
            return Err(clash());
        }
        object.position_or_insert(last, || Entry::Field(field));
        Ok(())
    }

    fn position_or_insert(&mut self, name: &str, entry: impl FnOnce() -> Entry) -> usize {
        self.members.iter().position(|member| member.name == name).unwrap_or_else(|| {
            let key = format!("{}:", serde_json::Value::from(name));
            self.members.push(Member { name: name.to_owned(), key, entry: entry() });
            self.members.len() - 1
        })
    }

    /// Appends the object; false when it has no members.
    pub(super) fn write(&self, input: &Input<'_>, out: &mut String) -> Result<bool, Rejection> {
        out.push('{');
        let mut is_empty = true;
        for member in &self.members {
            let before = out.len();
            out.push_str(if is_empty { "" } else { "," });
            out.push_str(&member.key);
            let is_written = match &member.entry {
                Entry::Object(object) => object.write(input, out)?,
                Entry::Field(field) if input.is_given(&field.name) => input.write_given(&field.name, out),
                Entry::Field(field) => {
                    let rejection = |message| Rejection { field: field.name.clone(), message };
                    field.program.write(input, out).map_err(rejection)?
                }
            };
            if is_written {
                is_empty = false;
            } else {
                out.truncate(before);
            }
        }
        out.push('}');
        Ok(!is_empty)
    }

    /// Hands every field to `visit`, in their order.
    pub(super) fn each_field(&self, visit: &mut dyn FnMut(&Field)) {
        for member in &self.members {
            match &member.entry {
                Entry::Object(object) => object.each_field(visit),
                Entry::Field(field) => visit(field),
            }
        }
    }
}

impl Input<'_> {
    fn is_given(&self, field: &str) -> bool {
        self.instead.iter().any(|(name, _)| *name == field)
    }

    fn write_given(&self, field: &str, out: &mut String) -> bool {
        let given = self.instead.iter().find(|(name, _)| *name == field).and_then(|(_, value)| *value);
        out.push_str(given.unwrap_or_default());
        given.is_some()
    }
}

impl Program {
    /// Appends the field's value; false when there is none. The reason when the rule refuses the record.
    pub(super) fn write(&self, input: &Input<'_>, out: &mut String) -> Result<bool, String> {
        match self {
            Self::Copy(slot, copy) => return copy.write(input.found[*slot], out),
            Self::Constant(json) => out.push_str(json),
            Self::Expression(expression) => {
                let context = input.context.as_ref().map_err(Clone::clone)?;
                out.push_str(&expression.json(context)?);
            }
        }
        Ok(true)
    }
}
