//! Fields that the configuration hides (`console.redact`): their names, and records without their values.

use super::RawJson;
use serde_json::value::RawValue;

/// What stands for a value that is hidden.
pub const HIDDEN: &str = "••••";

/// True for a field that `names` hide: by its name, its last step or its pointer.
pub fn is_redacted(names: &[String], field: &str) -> bool {
    let field = field.trim_start_matches('/');
    names.iter().any(|name| {
        let name = name.trim_start_matches('/');
        let ends_so = field.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '/']));
        ends_so || name.replace('/', ".") == field
    })
}

/// Deeper than this no value is looked for: what lies there is hidden whole.
const DEPTH_MAX: usize = 64;

/// `json` with [`HIDDEN`] in place of every value that `names` hide, at any depth. All else keeps its text.
pub fn redacted(names: &[String], json: &RawJson) -> RawJson {
    if names.is_empty() {
        return json.clone();
    }
    let mut text = String::with_capacity(json.as_str().len());
    walk(names, json.as_str(), "", 0, &mut text);
    RawJson::from_trusted(text)
}

fn walk(names: &[String], json: &str, path: &str, depth: usize, out: &mut String) {
    let hidden = || serde_json::Value::from(HIDDEN).to_string();
    let first = json.as_bytes().first();
    if !matches!(first, Some(b'{' | b'[')) {
        return out.push_str(json);
    }
    if depth == DEPTH_MAX {
        return out.push_str(&hidden());
    }
    if first == Some(&b'[') {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else { return out.push_str(&hidden()) };
        out.push('[');
        for (at, item) in items.into_iter().enumerate() {
            out.push_str(if at == 0 { "" } else { "," });
            walk(names, item.get(), path, depth + 1, out);
        }
        return out.push(']');
    }
    let Ok(members) = serde_json::from_str::<indexmap::IndexMap<String, &RawValue>>(json) else {
        return out.push_str(&hidden());
    };
    out.push('{');
    for (at, (name, value)) in members.into_iter().enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push(':');
        let place = if path.is_empty() { name } else { format!("{path}.{name}") };
        if is_redacted(names, &place) {
            out.push_str(&hidden());
        } else {
            walk(names, value.get(), &place, depth + 1, out);
        }
    }
    out.push('}');
}

/// Values shorter than this are too common to be searched for in other text.
const MASKED_MIN: usize = 4;

/// The values (texts by their content) that `names` hide in `json`, at any depth.
pub fn hidden_values(names: &[String], json: &RawJson) -> Vec<String> {
    let mut values = Vec::new();
    if !names.is_empty()
        && let Ok(tree) = json.to_value()
    {
        collect(names, &tree, "", false, &mut values);
    }
    values
}

fn collect(names: &[String], tree: &serde_json::Value, path: &str, is_hidden: bool, values: &mut Vec<String>) {
    match tree {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(names, value, &place, is_hidden || is_redacted(names, &place), values);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(names, item, path, is_hidden, values)),
        serde_json::Value::String(text) if is_hidden => values.push(text.clone()),
        other if is_hidden => values.push(other.to_string()),
        _ => {}
    }
}

/// A text's content, or any other value as its JSON text.
pub fn shown_text(value: &RawJson) -> String {
    serde_json::from_str::<String>(value.as_str()).unwrap_or_else(|_| value.as_str().to_owned())
}

/// `text` without the hidden `values`: an answer likes to quote them.
pub fn masked(text: &str, values: &[String]) -> String {
    let mut values: Vec<&str> = values.iter().map(|value| value.trim()).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let long = values.into_iter().filter(|value| value.len() >= MASKED_MIN);
    long.fold(text.to_owned(), |text, value| text.replace(value, HIDDEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(names: &[&str], text: &str) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        redacted(&names, &RawJson::from_trusted(text.to_owned())).as_str().to_owned()
    }

    #[test]
    fn hidden_values_are_hidden_at_any_depth_and_all_else_keeps_its_digits() {
        let text = r#"{"id":12345678901234567890123,"phone":"1","a":{"phone":{"x":2}},"l":[{"phone":3,"b":1.10}]}"#;
        let shown =
            r#"{"id":12345678901234567890123,"phone":"••••","a":{"phone":"••••"},"l":[{"phone":"••••","b":1.10}]}"#;
        assert_eq!(without(&["phone"], text), shown);
        assert_eq!(without(&[], text), text);
    }

    #[test]
    fn a_pointer_hides_one_place_and_its_like() {
        assert_eq!(without(&["/a/phone"], r#"{"phone":1,"a":{"phone":2}}"#), r#"{"phone":1,"a":{"phone":"••••"}}"#);
        assert_eq!(without(&["phone"], r#""phone""#), r#""phone""#);
    }

    #[test]
    fn what_lies_too_deep_to_be_looked_at_is_hidden_whole() {
        let deep = format!("{}{{\"phone\":1}}{}", "[".repeat(100), "]".repeat(100));
        assert!(!without(&["phone"], &deep).contains("phone"));
    }

    #[test]
    fn a_hidden_value_is_hidden_where_it_is_quoted_too() {
        let record = RawJson::from_trusted(r#"{"phone":"(030) 1234","a":{"phone":["x",12345]},"b":"seen"}"#.to_owned());
        let values = hidden_values(&["phone".to_owned()], &record);
        assert_eq!(values, ["(030) 1234", "x", "12345"]);
        assert_eq!(masked("phone (030) 1234 of x is no 12345", &values), "phone •••• of x is no ••••");
    }
}
