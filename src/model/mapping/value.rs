//! Single JSON values as text: reading their content and writing texts.

use crate::model::reading::{kind_of, string_content};
use std::borrow::Cow;

/// The content of a text, a number or a boolean; why it has none otherwise.
pub(super) fn content(json: &str) -> Result<Cow<'_, str>, String> {
    match json.as_bytes().first() {
        Some(b'{' | b'[') => Err(format!("is {}, not a single value", kind_of(json))),
        _ => string_content(json).ok_or_else(|| "holds half of a surrogate pair, which is no text".to_owned()),
    }
}

/// Appends `text` as a JSON string.
pub(super) fn push_text(out: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

pub(super) fn is_text(json: &str) -> bool {
    json.starts_with('"')
}

pub(super) fn is_number(json: &str) -> bool {
    json.starts_with(|sign: char| sign == '-' || sign.is_ascii_digit())
}

/// A value as a message shows it: its content, cut short.
pub(super) fn cut(json: &str) -> String {
    const SIGNS_MAX: usize = 60;
    // A long text is not decoded for the sake of its beginning.
    let content = if json.len() > 4096 { None } else { string_content(json) };
    let shown = content.unwrap_or(Cow::Borrowed(json));
    match shown.char_indices().nth(SIGNS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown.into_owned(),
    }
}
