//! A field that is taken from the record, step by step: default or required, trim, values, to.

use super::transform::{Convert, OptionError, did_you_mean, prepare};
use super::value::{content, cut, is_text, push_text};
use super::{CopyRule, RuleError};
use crate::model::Pointer;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;

/// A copy rule, made ready to run.
pub(super) struct Copy {
    from: Pointer,
    /// What the rule makes of its default, as JSON text.
    default: Option<String>,
    required: bool,
    steps: Steps,
}

struct Steps {
    trim: bool,
    picklist: Option<Picklist>,
    convert: Option<Convert>,
}

struct Picklist {
    /// Source value as text → JSON text.
    values: HashMap<String, String>,
    otherwise: Option<String>,
}

impl Copy {
    pub(super) fn compile(field: &str, rule: &CopyRule) -> Result<Self, Vec<RuleError>> {
        let error = |key: &str, problem: &str, hint: Option<String>| RuleError {
            field: field.to_owned(),
            key: Some(key.to_owned()),
            problem: problem.to_owned(),
            hint,
        };
        let mut errors = Vec::new();
        if rule.otherwise.is_some() && rule.values.is_none() {
            let hint = "add `values`, or use `default` for a missing field".to_owned();
            errors.push(error("otherwise", "`otherwise` is for what `values` does not list", Some(hint)));
        }
        let convert = match rule.to.as_ref().map(prepare) {
            Some(Err(mistakes)) => {
                errors
                    .extend(mistakes.into_iter().map(|OptionError { key, problem, hint }| error(&key, &problem, hint)));
                None
            }
            Some(Ok(convert)) => Some(convert),
            None => None,
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let picklist = rule.values.as_ref().map(|values| Picklist {
            values: values.iter().map(|(from, to)| (from.clone(), to.to_string())).collect(),
            otherwise: rule.otherwise.as_ref().map(Value::to_string),
        });
        let steps = Steps { trim: rule.trim, picklist, convert };
        let default = rule.default.as_ref().map(|default| steps.of_default(default));
        Ok(Self { from: rule.from.clone(), default, required: rule.required, steps })
    }

    /// Appends the destination's value; false when the field is left out.
    pub(super) fn write(&self, found: Option<&str>, out: &mut String) -> Result<bool, String> {
        match (found, &self.default) {
            (Some(value), _) => self.steps.write(value, out).map_err(|why| format!("`{}` {why}", cut(value)))?,
            (None, Some(default)) => out.push_str(default),
            (None, None) if self.required => {
                return Err(format!("`{}` is missing, and the field is required", self.from));
            }
            (None, None) => return Ok(false),
        }
        Ok(true)
    }
}

impl Steps {
    fn is_plain(&self) -> bool {
        !self.trim && self.picklist.is_none() && self.convert.is_none()
    }

    /// A default goes the way of a value, but one that a step refuses (an empty text for a number)
    /// is meant for the destination as it is.
    fn of_default(&self, default: &Value) -> String {
        let json = default.to_string();
        let mut out = String::new();
        match self.write(&json, &mut out) {
            Ok(()) => out,
            Err(_) => json,
        }
    }

    fn write(&self, value: &str, out: &mut String) -> Result<(), String> {
        if value == "null" || self.is_plain() {
            out.push_str(value);
            return Ok(());
        }
        let trimmed = if self.trim { trimmed(value)? } else { Cow::Borrowed(value) };
        let picked = match &self.picklist {
            Some(picklist) => picklist.pick(&trimmed)?,
            None => &trimmed,
        };
        match &self.convert {
            Some(convert) if picked != "null" => convert(picked, out)?,
            _ => out.push_str(picked),
        }
        Ok(())
    }
}

impl Picklist {
    fn pick(&self, value: &str) -> Result<&str, String> {
        let text = content(value)?;
        match self.values.get(text.as_ref()).or(self.otherwise.as_ref()) {
            Some(json) => Ok(json),
            None => {
                let mut known: Vec<&str> = self.values.keys().map(String::as_str).collect();
                known.sort_unstable();
                Err(format!(
                    "is not in `values`, and there is no `otherwise`; {}",
                    did_you_mean(&text, known.into_iter())
                ))
            }
        }
    }
}

/// A text without the spaces around it; everything else as it is.
fn trimmed(value: &str) -> Result<Cow<'_, str>, String> {
    if !is_text(value) {
        return Ok(Cow::Borrowed(value));
    }
    let text = content(value)?;
    let inside = text.trim();
    if inside.len() == text.len() {
        return Ok(Cow::Borrowed(value));
    }
    let mut json = String::with_capacity(inside.len() + 2);
    push_text(&mut json, inside);
    Ok(Cow::Owned(json))
}
