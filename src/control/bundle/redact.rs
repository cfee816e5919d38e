//! What must not leave the house: secrets, and the values of fields that the configuration hides.

use crate::model::redact::{HIDDEN, is_redacted};
use crate::model::{Masks, RawJson};
use indexmap::IndexMap;
use serde_json::value::RawValue;

/// Parts of names whose values are secrets, whatever the configuration says.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "api_key", "apikey", "authorization", "credential", "private_key"];
/// Shorter values are words of every sentence; to hide them would hide everything.
const VALUE_MIN: usize = 4;
/// Records nest no deeper where they were read; what does is hidden whole.
const DEPTH_MAX: usize = 128;

/// The rules by which a bundle is made harmless.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    /// Fields, by name, last step or pointer.
    names: Vec<String>,
    masks: Masks,
}

impl Redaction {
    pub fn new(names: Vec<String>, masks: Masks) -> Self {
        Self { names, masks }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// True for a field whose value is hidden, by its dotted path or its pointer.
    pub(super) fn hides(&self, field: &str) -> bool {
        let field = field.trim_start_matches('/').replace('/', ".");
        let last = field.rsplit('.').next().unwrap_or(&field).to_lowercase();
        let is_secret = SECRET_NAMES.iter().any(|part| last.contains(part));
        is_secret || is_redacted(&self.names, &field)
    }

    /// A record with its hidden values replaced; all other digits and texts stay as they were read.
    /// The texts of what was hidden are added to `values`.
    pub(super) fn record(&self, record: &RawJson, values: &mut Vec<String>) -> RawJson {
        let raw: Result<&RawValue, _> = serde_json::from_str(record.as_str());
        let shown = match raw {
            Ok(raw) => self.shown(raw, "", 0, values),
            Err(_) => quoted(HIDDEN),
        };
        RawJson::parse(shown).unwrap_or_else(|_| RawJson::from_trusted(quoted(HIDDEN)))
    }

    fn shown(&self, raw: &RawValue, path: &str, depth: usize, values: &mut Vec<String>) -> String {
        if DEPTH_MAX < depth {
            return quoted(HIDDEN);
        }
        if let Ok(members) = serde_json::from_str::<IndexMap<String, &RawValue>>(raw.get()) {
            let members = members.into_iter().map(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let value = if self.hides(&path) {
                    gather(value, depth, values);
                    quoted(HIDDEN)
                } else {
                    self.shown(value, &path, depth + 1, values)
                };
                format!("{}:{value}", quoted(&name))
            });
            return format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        }
        if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
            let items = items.into_iter().map(|item| self.shown(item, path, depth + 1, values));
            return format!("[{}]", items.collect::<Vec<_>>().join(","));
        }
        raw.get().to_owned()
    }

    /// A text about a record, in which hidden values may be quoted.
    pub(super) fn text(&self, text: &str, values: &[String]) -> String {
        let mut shown = text.to_owned();
        for value in values {
            if shown.contains(value.as_str()) {
                shown = shown.replace(value.as_str(), HIDDEN);
            }
        }
        shown
    }

    /// A whole document in which every secret is replaced wherever a text holds it. The rest stays as it is.
    pub(super) fn document(&self, json: &str) -> String {
        let mut masked = String::with_capacity(json.len());
        let mut rest = json;
        while let Some(at) = rest.find('"') {
            masked.push_str(&rest[..at]);
            let end = literal_end(&rest[at..]);
            let literal = &rest[at..at + end];
            match serde_json::from_str::<String>(literal) {
                Ok(text) if self.masks.mask(&text) != text => masked.push_str(&quoted(&self.masks.mask(&text))),
                _ => masked.push_str(literal),
            }
            rest = &rest[at + end..];
        }
        masked.push_str(rest);
        masked
    }
}

/// The length of the string literal that `text` begins with, with both its quotes.
fn literal_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Takes up the texts of a hidden value, so that they are hidden where somebody quotes them, too.
fn gather(raw: &RawValue, depth: usize, values: &mut Vec<String>) {
    if DEPTH_MAX < depth {
        return;
    }
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        take(&text, values);
        take(&text.to_lowercase(), values);
        take(text.trim(), values);
    } else if let Ok(members) = serde_json::from_str::<IndexMap<String, &RawValue>>(raw.get()) {
        members.values().for_each(|value| gather(value, depth + 1, values));
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
        items.iter().for_each(|item| gather(item, depth + 1, values));
    } else {
        take(raw.get(), values);
    }
    // The longest first, so that a value that holds another is hidden whole.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
}

fn take(text: &str, values: &mut Vec<String>) {
    if VALUE_MIN <= text.len() && !values.iter().any(|known| known == text) {
        values.push(text.to_owned());
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn rules() -> Redaction {
        let names = ["email", "/home/phone"].map(str::to_owned).to_vec();
        Redaction::new(names, Masks::new([Secret::new("t0p-\"secret\"")]))
    }

    fn redacted(json: &str) -> (String, Vec<String>) {
        let mut values = Vec::new();
        let shown = rules().record(&RawJson::parse(json.to_owned()).expect("JSON"), &mut values);
        (shown.as_str().to_owned(), values)
    }

    #[test]
    fn hidden_fields_are_replaced_and_all_digits_stay() {
        let (shown, values) = redacted(
            r#"{"email":"Ada@example.org","home":{"phone":"(030) 1234"},"phone":"x","n":12345678901234567890.10,"all":[{"email":"b@c.de"}]}"#,
        );
        assert_eq!(
            shown,
            r#"{"email":"••••","home":{"phone":"••••"},"phone":"x","n":12345678901234567890.10,"all":[{"email":"••••"}]}"#
        );
        let text = rules().text("ada@example.org is taken, as Ada@example.org, call (030) 1234", &values);
        assert_eq!(text, "•••• is taken, as ••••, call ••••");
    }

    #[test]
    fn what_looks_like_a_secret_is_hidden_whatever_is_configured() {
        let (shown, _) = redacted(r#"{"access_token":{"a":["abcd"]},"userPassword":1,"tokens_left":4,"name":"Ada"}"#);
        assert_eq!(shown, r#"{"access_token":"••••","userPassword":"••••","tokens_left":"••••","name":"Ada"}"#);
    }

    #[test]
    fn a_secret_is_replaced_inside_of_texts_alone() {
        let json = r#"{"a":"key t0p-\"secret\" \\","n":1.50,"b\"":"t0p-"}"#;
        assert_eq!(rules().document(json), r#"{"a":"key •••• \\","n":1.50,"b\"":"t0p-"}"#);
        let numeric = Redaction::new(Vec::new(), Masks::new([Secret::new("4100")]));
        assert_eq!(numeric.document(r#"{"port":4100,"at":"host:4100"}"#), r#"{"port":4100,"at":"host:••••"}"#);
    }

    #[test]
    fn what_nests_too_deep_is_hidden_whole() {
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        let (shown, _) = redacted(&format!(r#"{{"email":{deep},"x":{deep}}}"#));
        assert!(shown.contains("••••") && !shown.contains('1'), "{shown}");
    }
}
