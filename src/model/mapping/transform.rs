//! The table of transforms, and what each of them is built from.
//!
//! A new transform is one file with its `SPEC`, and one line here.

use super::Transform;
use super::{boolean, date, digits, hash, integer, join, json, lower, number, phone, split, text, time, upper};
use serde_json::{Map, Value};

/// One transform: its name in `to`, what it does, and the options that it takes.
pub struct TransformSpec {
    pub name: &'static str,
    /// For the help, beginning with a verb.
    pub does: &'static str,
    pub options: &'static [OptionSpec],
    pub(super) build: fn(&Options<'_>) -> Result<Convert, Vec<OptionError>>,
}

pub struct OptionSpec {
    pub name: &'static str,
    pub does: &'static str,
}

/// All transforms, in the order of the help.
pub static TRANSFORMS: &[TransformSpec] = &[
    text::SPEC,
    integer::SPEC,
    number::SPEC,
    boolean::SPEC,
    time::SPEC,
    date::SPEC,
    phone::SPEC,
    lower::SPEC,
    upper::SPEC,
    digits::SPEC,
    split::SPEC,
    join::SPEC,
    hash::SPEC,
    json::SPEC,
];

/// Names the transform of the other direction in a two-way map; every transform takes it.
const BACK: &str = "back";

/// Reads a value as JSON text (never `null`) and appends another; else why it can not, to go on after the value.
pub(super) type Convert = Box<dyn Fn(&str, &mut String) -> Result<(), String> + Send + Sync>;

/// What is wrong with the options of a transform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OptionError {
    pub(super) key: String,
    pub(super) problem: String,
    pub(super) hint: Option<String>,
}

/// The options of a transform, as written.
pub(super) struct Options<'a>(&'a Map<String, Value>);

/// Finds the transform and reads its options; all mistakes at once.
pub(super) fn prepare(transform: &Transform) -> Result<Convert, Vec<OptionError>> {
    let Some(spec) = TRANSFORMS.iter().find(|spec| spec.name == transform.name) else {
        let names = TRANSFORMS.iter().map(|spec| spec.name);
        return Err(vec![OptionError {
            key: "to".to_owned(),
            problem: format!("unknown transform `{}`", transform.name),
            hint: Some(did_you_mean(&transform.name, names)),
        }]);
    };
    let mut errors: Vec<OptionError> =
        transform.options.iter().filter_map(|(name, value)| unknown_option(spec, name, value)).collect();
    match (spec.build)(&Options(&transform.options)) {
        Ok(convert) if errors.is_empty() => Ok(convert),
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

fn unknown_option(spec: &TransformSpec, name: &str, value: &Value) -> Option<OptionError> {
    if spec.options.iter().any(|option| option.name == name) {
        return None;
    }
    let (problem, hint) = if name == BACK {
        let names = || TRANSFORMS.iter().map(|spec| spec.name);
        match value.as_str() {
            Some(back) if names().any(|name| name == back) => return None,
            Some(back) => (format!("unknown transform `{back}`"), did_you_mean(back, names())),
            None => (format!("needs the name of a transform, not {value}"), "write `back = \"text\"`".to_owned()),
        }
    } else if spec.options.is_empty() {
        (format!("`{}` takes no option `{name}`", spec.name), format!("leave out `{name}`"))
    } else {
        let names = spec.options.iter().map(|option| option.name);
        (format!("`{}` takes no option `{name}`", spec.name), did_you_mean(name, names))
    };
    Some(OptionError { key: name.to_owned(), problem, hint: Some(hint) })
}

impl Options<'_> {
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Vec<OptionError>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(name, format!("needs a text, not {other}"), None)),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Vec<OptionError>> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong(name, format!("needs true or false, not {other}"), None)),
        }
    }

    /// A list of plain values, as texts.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Vec<OptionError>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let plain = |item: &Value| match item {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
            _ => None,
        };
        let texts = value.as_array().and_then(|items| items.iter().map(plain).collect());
        match texts {
            Some(texts) => Ok(Some(texts)),
            None => {
                let hint = format!("write `{name} = [\"A\", \"B\"]`");
                Err(wrong(name, format!("needs a list of texts, not {value}"), Some(hint)))
            }
        }
    }
}

/// One mistake of one option.
pub(super) fn wrong(option: &str, problem: String, hint: Option<String>) -> Vec<OptionError> {
    vec![OptionError { key: option.to_owned(), problem, hint }]
}

/// Both values, or the mistakes of both.
pub(super) fn both<A, B>(
    a: Result<A, Vec<OptionError>>,
    b: Result<B, Vec<OptionError>>,
) -> Result<(A, B), Vec<OptionError>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut errors), Err(more)) => {
            errors.extend(more);
            Err(errors)
        }
        (Err(errors), _) | (_, Err(errors)) => Err(errors),
    }
}

/// The nearest of `names` where one is near, else all of them.
pub(super) fn did_you_mean<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match nearest(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("it is one of `{}`", names.join("`, `")),
    }
}

pub(super) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_lowercase();
    let farthest = (word.chars().count() / 3).max(1);
    names
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= farthest)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
