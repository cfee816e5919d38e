//! MiniJinja as syncdeck uses it: one way of writing values, one set of filters, missing values told by name.

use crate::model::RawJson;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Instructions of one evaluation: enough for any sane field, soon at an end in a loop that has none.
const FUEL: u64 = 100_000;

/// An environment with the settings and filters of syncdeck.
pub(in crate::model) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    // A missing value may be asked for (`if record.vip`, `is defined`, `default`) and never be written.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // It keeps what makes an error name the missing value.
    environment.set_debug(true);
    let mut syntax = minijinja::syntax::SyntaxConfig::builder();
    environment.set_syntax(
        syntax
            .keep_trailing_newline(true)
            .build()
            .expect("the usual delimiters"),
    );
    environment
}

static EXPRESSIONS: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// What stands inside the braces, made ready to run.
pub(in crate::model) struct Expression {
    program: minijinja::Expression<'static, 'static>,
    /// The variables that it names.
    names: Vec<String>,
}

impl Expression {
    pub(in crate::model) fn compile(text: &str) -> Result<Self, String> {
        check_filters(&format!("{{{{ {text} }}}}"))?;
        let program = EXPRESSIONS
            .compile_expression_owned(text.to_owned())
            .map_err(|error| reason(&error))?;
        let names = program.undeclared_variables(false).into_iter().collect();
        Ok(Self { program, names })
    }

    pub(in crate::model) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn evaluate(&self, context: &minijinja::Value) -> Result<minijinja::Value, String> {
        self.program
            .eval(context.clone())
            .map_err(|error| reason(&error))
    }

    /// The value as JSON text, of the type that it has.
    pub(in crate::model) fn json(&self, context: &minijinja::Value) -> Result<String, String> {
        let value = self.evaluate(context)?;
        if value.is_undefined() {
            let mut missing: Vec<String> = self
                .program
                .undeclared_variables(true)
                .into_iter()
                .collect();
            missing.sort();
            return Err(format!("`{}` is undefined", missing.join("`, `")));
        }
        to_json(&value).map_err(|error| reason(&error))
    }
}

/// The variables `names`, out of `values` (an object) and out of `raw`; what is in neither stays undefined.
pub(in crate::model) fn context(
    names: &[String],
    values: &Value,
    raw: &[(&str, &RawJson)],
) -> Result<minijinja::Value, String> {
    let mut context = BTreeMap::new();
    for name in names {
        if let Some((_, json)) = raw.iter().find(|(raw_name, _)| raw_name == name) {
            let tree = json
                .to_value()
                .map_err(|error| format!("`{name}` can not be read: {error}"))?;
            context.insert(name.as_str(), minijinja::Value::from(Serde(&tree)));
        } else if let Some(value) = values.get(name) {
            context.insert(name.as_str(), minijinja::Value::from(Serde(value)));
        }
    }
    Ok(minijinja::Value::from(context))
}

/// A value as text: as JSON writes it, but a text without quotes and null as nothing.
pub(in crate::model) fn shown(value: &minijinja::Value) -> Result<Cow<'_, str>, minijinja::Error> {
    if let Some(text) = value.as_str() {
        return Ok(Cow::Borrowed(text));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Cow::Borrowed("")),
        _ => to_json(value).map(Cow::Owned),
    }
}

fn to_json(value: &minijinja::Value) -> Result<String, minijinja::Error> {
    if value.kind() == ValueKind::Number
        && f64::try_from(value.clone()).is_ok_and(|number| !number.is_finite())
    {
        return Err(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!("`{value}` is no number"),
        ));
    }
    serde_json::to_string(value)
        .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// What is wrong, in one line.
pub(in crate::model) fn reason(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => {
            format!("it has no end: the fuel of {FUEL} instructions is used up")
        }
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

/// Refuses a template that names an unknown filter. MiniJinja itself would tell only when a record comes to it.
pub(in crate::model) fn check_filters(template: &str) -> Result<(), String> {
    for name in filter_names(template) {
        let state = &mut EXPRESSIONS.empty_state();
        if let Err(error) = state.apply_filter(name, &[])
            && error.kind() == ErrorKind::UnknownFilter
        {
            return Err(format!("unknown filter `{name}`"));
        }
    }
    Ok(())
}

/// The names that follow a `|` inside of braces and outside of quotes.
fn filter_names(template: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        rest = &rest[at + 2..];
        let mut quote = None;
        let mut signs = rest.char_indices();
        while let Some((at, sign)) = signs.next() {
            match quote {
                Some(_) if sign == '\\' => drop(signs.next()),
                Some(open) if sign == open => quote = None,
                Some(_) => {}
                None if matches!(sign, '"' | '\'') => quote = Some(sign),
                None if sign == '|' => {
                    let name = rest[at + 1..].trim_start();
                    let end = name
                        .find(|sign: char| !sign.is_alphanumeric() && sign != '_')
                        .unwrap_or(name.len());
                    if end > 0 {
                        names.push(&name[..end]);
                    }
                }
                None if rest[at..].starts_with("}}") || rest[at..].starts_with("%}") => {
                    rest = &rest[at + 2..];
                    break;
                }
                None => {}
            }
        }
    }
    names
}
