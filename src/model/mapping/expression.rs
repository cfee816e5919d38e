//! MiniJinja as syncdeck uses it: one way of writing values, one set of filters, missing values told by name.

use super::Transform;
use super::transform::{TRANSFORMS, did_you_mean, prepare};
use crate::model::pointer::PointerSet;
use crate::model::{Pointer, RawJson};
use minijinja::value::{Kwargs, Serde, ValueKind};
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
    environment.set_syntax(syntax.keep_trailing_newline(true).build().expect("the usual delimiters"));
    for spec in TRANSFORMS {
        // `lower`, `upper`, `split` and `join` are MiniJinja's own, with its arguments.
        if !BUILTIN_FILTERS.contains(&spec.name) {
            let first_option = spec.options.first().map(|option| option.name);
            environment.add_filter(
                spec.name,
                move |value: minijinja::Value, first: Option<minijinja::Value>, named: Kwargs| {
                    apply_filter(spec.name, first_option, &value, first, &named)
                },
            );
        }
    }
    environment
}

/// MiniJinja's own filters.
const BUILTIN_FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "urlencode",
    "zip",
];

/// A transform as a filter: `record.tel | phone(region='US')`; its first option may stand without its name.
fn apply_filter(
    name: &str,
    first_option: Option<&str>,
    value: &minijinja::Value,
    first: Option<minijinja::Value>,
    named: &Kwargs,
) -> Result<minijinja::Value, minijinja::Error> {
    let refused = |why: String| minijinja::Error::new(ErrorKind::InvalidOperation, why);
    if value.is_undefined() {
        return Err(refused(format!("`{name}` has no value to work on")));
    }
    if value.is_none() {
        return Ok(value.clone());
    }
    let mut options = serde_json::Map::new();
    let positional = first_option.zip(first).map(|(option, value)| Ok((option, value)));
    let named = named.args().map(|option| named.get(option).map(|value: minijinja::Value| (option, value)));
    for option in positional.into_iter().chain(named) {
        let (option, value) = option?;
        options.insert(option.to_owned(), serde_json::to_value(&value).map_err(|error| refused(error.to_string()))?);
    }
    let transform = Transform { name: name.to_owned(), options };
    let convert = prepare(&transform).map_err(|errors| {
        let problems: Vec<String> = errors.into_iter().map(|error| error.problem).collect();
        refused(format!("`{name}`: {}", problems.join("; ")))
    })?;
    let json = to_json(value)?;
    let mut converted = String::new();
    convert(&json, &mut converted).map_err(|why| refused(format!("`{}` {why}", super::value::cut(&json))))?;
    serde_json::from_str(&converted).map_err(|error| refused(error.to_string()))
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
        let program = EXPRESSIONS.compile_expression_owned(text.to_owned()).map_err(|error| reason(&error))?;
        let names = program.undeclared_variables(false).into_iter().collect();
        Ok(Self { program, names })
    }

    pub(in crate::model) fn names(&self) -> &[String] {
        &self.names
    }

    /// Compiles an expression that knows `record` and nothing else.
    pub(super) fn over_record(text: &str) -> Result<Self, String> {
        let expression = Self::compile(text)?;
        let is_known = |name: &str| name == RECORD || EXPRESSIONS.globals().any(|(global, _)| global == name);
        match expression.names.iter().find(|name| !is_known(name)) {
            None => Ok(expression),
            Some(name) => Err(format!("unknown name `{name}`; the record's fields are written `record.{name}`")),
        }
    }

    pub(super) fn evaluate(&self, context: &minijinja::Value) -> Result<minijinja::Value, String> {
        self.program.eval(context.clone()).map_err(|error| reason(&error))
    }

    /// The value as JSON text, of the type that it has.
    pub(in crate::model) fn json(&self, context: &minijinja::Value) -> Result<String, String> {
        let value = self.evaluate(context)?;
        if value.is_undefined() {
            return Err(format!("`{}` is undefined", self.places().join("`, `")));
        }
        to_json(&value).map_err(|error| reason(&error))
    }

    /// The places that it names, like `record.address.city`; a variable alone where it is used as a whole.
    pub(super) fn places(&self) -> Vec<String> {
        let mut places: Vec<String> = self.program.undeclared_variables(true).into_iter().collect();
        places.sort();
        places
    }

    /// The field that it comes from, where it is a single one.
    pub(super) fn origin(&self) -> Option<Pointer> {
        let places: Vec<String> = self.places().into_iter().filter(|place| is_of_record(place)).collect();
        match places.as_slice() {
            [place] => Pointer::parse(place.strip_prefix(RECORD)?.strip_prefix('.')?).ok(),
            _ => None,
        }
    }
}

/// The one variable of mappings and filters.
const RECORD: &str = "record";

fn is_of_record(place: &str) -> bool {
    place == RECORD || place.starts_with("record.")
}

/// What expressions need of a record, so that no more than that is read into a tree.
#[derive(Debug, Default)]
pub(super) struct RecordNeeds {
    /// Top-level fields and where the walk puts them.
    fields: BTreeMap<String, usize>,
    /// Where the walk puts the whole record, when an expression uses it as a whole.
    whole: Option<usize>,
}

impl RecordNeeds {
    pub(super) fn add(&mut self, expression: &Expression, wanted: &mut PointerSet) {
        for place in expression.places() {
            if place == RECORD {
                self.whole = Some(wanted.add(&Pointer::root()));
            } else if let Some(path) = place.strip_prefix("record.") {
                let field = path.split('.').next().unwrap_or(path);
                // An attribute's name holds neither dots nor slashes.
                if let Ok(pointer) = Pointer::parse(field) {
                    self.fields.insert(field.to_owned(), wanted.add(&pointer));
                }
            }
        }
    }

    /// The variables for one record, out of what the walk found.
    pub(super) fn context(&self, found: &[Option<&str>]) -> Result<minijinja::Value, String> {
        let read = |text: &str| -> Result<minijinja::Value, String> {
            serde_json::from_str(text).map_err(|error| format!("the record can not be read: {error}"))
        };
        let record = match self.whole.and_then(|slot| found[slot]) {
            Some(text) => read(text)?,
            None => {
                let mut fields = BTreeMap::new();
                for (name, slot) in &self.fields {
                    if let Some(text) = found[*slot] {
                        fields.insert(name.as_str(), read(text)?);
                    }
                }
                minijinja::Value::from(fields)
            }
        };
        Ok(minijinja::Value::from(BTreeMap::from([(RECORD, record)])))
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
            let tree = json.to_value().map_err(|error| format!("`{name}` can not be read: {error}"))?;
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
    if value.kind() == ValueKind::Number && f64::try_from(value.clone()).is_ok_and(|number| !number.is_finite()) {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("`{value}` is no number")));
    }
    serde_json::to_string(value).map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// What is wrong, in one line.
pub(in crate::model) fn reason(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("it has no end: the fuel of {FUEL} instructions is used up"),
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
            let known = TRANSFORMS.iter().map(|spec| spec.name).chain(BUILTIN_FILTERS.iter().copied());
            return Err(format!("unknown filter `{name}`; {}", did_you_mean(name, known)));
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
                    let end = name.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(name.len());
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
