//! Reads texts: references replaced, and the text checked for what it must be.

use super::declare::Kind;
use super::expand::expand;
use super::instance_text::{Speech, fill, speaks_of_instance};
use super::read::{Checked, Reader, clip};
use super::report::Place;
use super::tree::{Text, Value};
use super::values;
use crate::model::mapping::Filter;
use crate::model::{Pointer, Template, TemplateUse};
use serde_json::Value as Json;
use std::rc::Rc;

impl Reader<'_> {
    pub(super) fn text_of_kind(&mut self, raw: &str, place: Place, kind: &Kind, name: &str) -> Checked {
        let (text, raw) = self.expanded(raw, place, speech_of(kind))?;
        let raw = raw.as_str();
        if matches!(kind, Kind::Secret) {
            self.secret_text(&text, place, name)?;
        }
        match typed(text, kind, raw) {
            Ok(checked) => Some(checked),
            Err(Refused::Template(reason)) => {
                self.no_template(place, name, &reason);
                None
            }
            Err(Refused::Value(reason)) => {
                let shown = clip(raw);
                let problem = format!("`{name}` must be {}, not `{shown}`: {reason}", kind.wanted());
                self.report.mistake(place, problem, None);
                None
            }
        }
    }

    fn secret_text(&mut self, text: &Text, place: Place, name: &str) -> Option<()> {
        if text.text.is_empty() {
            let hint = "an unset variable is often exported as an empty one; leave `auth` out where none is needed";
            self.report.mistake(place, format!("`{name}` is empty"), hint.to_owned());
            return None;
        }
        if !text.secret {
            self.report.literal_secret(&text.text);
        }
        Some(())
    }

    /// A text after its references and what it reads of its instance were replaced, and its canonical form, which keeps
    /// the references.
    pub(super) fn expanded(&mut self, raw: &str, place: Place, speech: Speech) -> Option<(Text, String)> {
        let expanded = expand(raw, &self.folder, self.env);
        // A port is no secret, and an address without it tells nobody where nothing answered.
        let is_address = self.path.last().is_some_and(|name| name == "base_url");
        for value in expanded.values.iter().filter(|value| !(is_address && value.parse::<u16>().is_ok())) {
            self.report.secret(value);
        }
        for (warning, hint) in expanded.warnings {
            self.report.warning(place, warning, hint);
        }
        let is_whole = expanded.problems.is_empty();
        for (problem, hint) in expanded.problems {
            self.report.mistake(place, problem, hint);
        }
        let text = is_whole.then_some(Text { text: expanded.text, secret: !expanded.values.is_empty() })?;
        if speaks_of_instance(raw, speech) {
            return self.filled(text, raw, place, speech);
        }
        Some((text, raw.to_owned()))
    }

    /// A text with what it reads of its instance.
    fn filled(&mut self, text: Text, raw: &str, place: Place, speech: Speech) -> Option<(Text, String)> {
        let Some((instance, uses)) = &mut self.instance else {
            // A connection that reads it is read for each of them, so this is a job, or something that all share.
            let (problem, hint) = if self.path.first().is_some_and(|list| list == "jobs") {
                (
                    "a job that is not for each instance reads `instance`",
                    "write `for_each = \"instances\"` into the job",
                )
            } else {
                ("`instance` is known only in jobs and connections", "leave it out")
            };
            self.report.mistake(place, problem, hint.to_owned());
            return None;
        };
        let filled = fill(&text.text, speech, instance);
        uses.used.extend(filled.used);
        for name in &filled.missing {
            let lacking = uses.missing.entry((place, name.clone())).or_default();
            if !lacking.iter().any(|known| Rc::ptr_eq(known, instance)) {
                lacking.push(instance.clone());
            }
        }
        if let Some(problem) = filled.problem {
            self.report.mistake(place, problem, None);
            return None;
        }
        if !filled.missing.is_empty() {
            return None;
        }
        // Of a text with references in it, the form is kept in which they stand.
        let canonical = if text.secret { fill(raw, speech, instance).canonical } else { filled.canonical };
        Some((Text { text: filled.text, secret: text.secret || filled.secret }, canonical))
    }

    pub(super) fn no_template(&mut self, place: Place, name: &str, reason: &str) {
        let hint = "a template holds names in double braces, such as `\"/contacts/{{ id }}\"`";
        self.report.mistake(place, format!("`{name}` is no template: {reason}"), hint.to_owned());
    }
}

/// How texts of a kind speak of their instance.
fn speech_of(kind: &Kind) -> Speech {
    match kind {
        Kind::UrlTemplate => Speech::Template,
        Kind::Expression | Kind::MapExpression => Speech::Expression,
        _ => Speech::Plain,
    }
}

enum Refused {
    Template(String),
    Value(String),
}

/// A text as a value of its kind.
fn typed(text: Text, kind: &Kind, raw: &str) -> Result<(Value, Json), Refused> {
    let is_secret = text.secret;
    let kept = |canonical: String| Json::String(if is_secret { raw.to_owned() } else { canonical });
    match kind {
        Kind::Duration | Kind::Span => {
            let duration = values::duration(&text.text).map_err(Refused::Value)?;
            if duration.is_zero() && matches!(kind, Kind::Span) {
                return Err(Refused::Value("it must be above zero".into()));
            }
            Ok((Value::Duration(duration), kept(format!("{}ms", duration.as_millis()))))
        }
        Kind::Size => {
            let bytes = values::size(&text.text).map_err(Refused::Value)?;
            if bytes == 0 {
                return Err(Refused::Value("it must be above zero".into()));
            }
            Ok((Value::Size(bytes), kept(format!("{bytes}B"))))
        }
        Kind::Pointer => {
            let pointer = Pointer::parse(&text.text).map_err(Refused::Value)?;
            let canonical = kept(pointer.to_string());
            Ok((Value::Pointer(pointer), canonical))
        }
        _ => {
            check_text(&text.text, kind)?;
            Ok((Value::Text(text), raw.into()))
        }
    }
}

fn check_text(text: &str, kind: &Kind) -> Result<(), Refused> {
    match kind {
        Kind::Time => values::time(text).map(drop).map_err(Refused::Value),
        Kind::Zone => {
            jiff::tz::TimeZone::get(text).map(drop).map_err(|_| Refused::Value("no such zone is known".into()))
        }
        Kind::UrlTemplate => Template::compile(text, TemplateUse::Url).map(drop).map_err(Refused::Template),
        Kind::Expression => Filter::compile(text).map(drop).map_err(Refused::Value),
        Kind::HeaderName => http::HeaderName::from_bytes(text.as_bytes())
            .map(drop)
            .map_err(|_| Refused::Value("it holds a character that no header's name has, or nothing".into())),
        _ => Ok(()),
    }
}
