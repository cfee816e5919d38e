//! What an error answer says is wrong, found in the many shapes that systems give it.

use serde_json::{Map, Value};

/// What a system says of a request that it refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) message: Option<String>,
    pub(super) field: Option<String>,
}

/// Larger answers are not searched; their beginning is shown all the same.
const SEARCHED_MAX: usize = 256 * 1024;
const MESSAGE_MAX: usize = 300;
const FIELD_MAX: usize = 120;

/// Names under which a sentence for people stands, the most telling first.
const MESSAGES: [&str; 8] =
    ["message", "detail", "error_description", "description", "msg", "reason", "title", "error_message"];
const FIELDS: [&str; 8] = ["field", "param", "parameter", "property", "attribute", "pointer", "path", "loc"];

/// Reads the message and the field to blame out of an error answer's body.
pub(super) fn told(body: &[u8]) -> Told {
    if body.len() > SEARCHED_MAX {
        return Told::default();
    }
    let told = match serde_json::from_slice::<Value>(body) {
        Ok(value) => from_value(&value),
        Err(_) => Told { message: from_text(&String::from_utf8_lossy(body)), field: None },
    };
    Told {
        message: told.message.map(|message| cut(&message, MESSAGE_MAX)),
        field: told.field.map(|field| cut(&field, FIELD_MAX)),
    }
}

/// True for an answer that is a web page: a login form, a proxy's error.
pub(super) fn is_web_page(content_type: Option<&str>, body: &[u8]) -> bool {
    let start: Vec<u8> = body.trim_ascii_start().iter().take(14).map(u8::to_ascii_lowercase).collect();
    let looks_so = start.starts_with(b"<!doctype html") || start.starts_with(b"<html");
    let says_so = content_type.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"));
    looks_so || (says_so && !start.is_empty())
}

/// The beginning of an answer on one line, for a sentence: controls and runs of white space become one space.
pub(super) fn beginning(body: &[u8], chars_max: usize) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(chars_max * 8)]);
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    cut(&line, chars_max)
}

/// `text` with at most `chars_max` characters, the last of which then is `…`.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

fn from_text(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with('<') {
        return (!text.is_empty()).then(|| beginning(text.as_bytes(), MESSAGE_MAX));
    }
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower[start..].find("</title>")?;
    let title = beginning(&text.as_bytes()[start..end], MESSAGE_MAX);
    (!title.is_empty()).then(|| format!("a web page: {title}"))
}

fn from_value(value: &Value) -> Told {
    match value {
        Value::String(text) if !text.is_empty() => Told { message: Some(text.clone()), field: None },
        Value::Array(all) => all.first().map(from_value).unwrap_or_default(),
        Value::Object(object) => from_object(object),
        _ => Told::default(),
    }
}

fn from_object(object: &Map<String, Value>) -> Told {
    let own = MESSAGES.iter().find_map(|name| text_of(object.get(*name)?));
    let inner = ["error", "errors", "fault"].iter().find_map(|name| {
        let value = object.get(*name)?;
        let told = match value {
            Value::Object(fields) if *name == "errors" => by_field(fields).unwrap_or_else(|| from_value(value)),
            _ => from_value(value),
        };
        (told != Told::default()).then_some(told)
    });
    let inner = inner.unwrap_or_default();
    let field = field_of(object).or(inner.field);
    match own.or(inner.message) {
        Some(message) => Told { message: Some(message), field },
        // `{"email": ["is taken"]}`, where the members themselves are the fields.
        None => by_field(object).unwrap_or(Told { message: None, field }),
    }
}

/// `{field: [message, …]}` or `{field: message}`.
fn by_field(fields: &Map<String, Value>) -> Option<Told> {
    if fields.contains_key("status") {
        return None;
    }
    let (field, value) = fields.iter().next()?;
    let message = match value {
        Value::Array(all) => all.first().and_then(|first| from_value(first).message)?,
        Value::String(text) if !MESSAGES.contains(&field.as_str()) => text.clone(),
        _ => return None,
    };
    Some(Told { message: Some(message), field: Some(field.clone()) })
}

fn field_of(object: &Map<String, Value>) -> Option<String> {
    let source = object
        .get("source")
        .and_then(Value::as_object)
        .and_then(|source| text_of(source.get("pointer")?).or_else(|| text_of(source.get("parameter")?)));
    // Beside the status of an answer, a path is that of the request, and no field's.
    let is_answer = object.contains_key("status");
    let named = FIELDS.iter().filter(|name| !(is_answer && **name == "path"));
    source
        .or_else(|| named.into_iter().find_map(|name| text_of(object.get(*name)?)))
        .or_else(|| object.get("fields").and_then(Value::as_array).and_then(|all| text_of(all.first()?)))
        .or_else(|| object.get("details").and_then(Value::as_array).and_then(|all| detailed(all.first()?)))
}

/// The field of `{"location": "body", "name": "email"}`: a name alone may be that of anything.
fn detailed(detail: &Value) -> Option<String> {
    let detail = detail.as_object()?;
    let placed = detail.get("location").is_some().then(|| text_of(detail.get("name")?)).flatten();
    placed.or_else(|| field_of(detail))
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(body: &str) -> (Option<String>, Option<String>) {
        let told = told(body.as_bytes());
        (told.message, told.field)
    }

    fn found(message: &str, field: Option<&str>) -> (Option<String>, Option<String>) {
        (Some(message.to_owned()), field.map(str::to_owned))
    }

    #[test]
    fn every_usual_shape_of_an_error_gives_its_message_and_field() {
        for (body, expected) in [
            (r#"{"message":"bad"}"#, found("bad", None)),
            (r#"{"error":"bad"}"#, found("bad", None)),
            (r#"{"error":{"message":"bad","param":"email"}}"#, found("bad", Some("email"))),
            (r#"{"errors":[{"detail":"bad","source":{"pointer":"/data/email"}}]}"#, found("bad", Some("/data/email"))),
            (r#"{"errors":[{"message":"bad","field":"email"}]}"#, found("bad", Some("email"))),
            (r#"{"errors":["bad"]}"#, found("bad", None)),
            (r#"{"errors":{"email":["is taken"]}}"#, found("is taken", Some("email"))),
            (r#"{"message":"invalid","errors":{"email":["is taken"]}}"#, found("invalid", Some("email"))),
            (r#"{"email":["is taken"]}"#, found("is taken", Some("email"))),
            (r#"{"type":"about:blank","title":"Bad","detail":"bad mail"}"#, found("bad mail", None)),
            (r#"{"title":"Bad"}"#, found("Bad", None)),
            (r#"[{"message":"bad","fields":["Email"]}]"#, found("bad", Some("Email"))),
            (r#"{"error":"invalid_request","error_description":"bad"}"#, found("bad", None)),
            (
                r#"{"message":"bad","details":[{"location":"body","name":"email","description":"bad"}]}"#,
                found("bad", Some("email")),
            ),
            (r#"{"message":"bad","details":["very"]}"#, found("bad", None)),
            ("plain words\n", found("plain words", None)),
            ("<html><head><title>502 Bad\nGateway</title>", found("a web page: 502 Bad Gateway", None)),
        ] {
            assert_eq!(pair(body), expected, "{body}");
        }
    }

    #[test]
    fn the_path_of_a_request_is_no_field() {
        let spring = r#"{"timestamp":"2026-01-01","status":400,"error":"Bad Request","message":"bad","path":"/api/x"}"#;
        assert_eq!(pair(spring), found("bad", None));
        assert_eq!(pair(r#"{"path":"/v1/records/1","status":400,"body":{"message":"bad"}}"#), (None, None));
        assert_eq!(pair(r#"{"errors":[{"message":"bad","path":"email"}]}"#), found("bad", Some("email")));
    }

    #[test]
    fn an_answer_that_says_nothing_has_no_message() {
        for body in ["", "{}", "null", "[]", "7", r#"{"error":null,"message":""}"#] {
            assert_eq!(pair(body), (None, None), "{body}");
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = told(format!(r#"{{"message":"{}"}}"#, "ü".repeat(5000)).as_bytes()).message.unwrap();
        assert_eq!(message.chars().count(), MESSAGE_MAX);
        assert!(message.ends_with("ü…"));
    }

    #[test]
    fn a_beginning_holds_no_control_characters() {
        assert_eq!(beginning(b"<html>\n\x1b[31m\t login", 200), "<html> [31m login");
    }
}
