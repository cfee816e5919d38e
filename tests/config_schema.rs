//! The JSON Schema says what the reader does.

use serde_json::{Map, Value, json};
use std::path::Path;
use syncdeck::config::{parse, schema};

const FULL: &str = include_str!("configs/full.toml");

fn full() -> Value {
    let table: Map<String, Value> = toml::from_str(FULL).expect("the example is TOML");
    Value::Object(table)
}

/// The part of JSON Schema that the format needs: where and why a value is refused.
fn refused(schema: &Value, value: &Value, place: &str) -> Option<String> {
    let no = |reason: &str| Some(format!("{place}: {reason}"));
    if schema.get("not").is_some() {
        return no("not available");
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return no("another constant");
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(|words| !words.contains(value)) {
        return no("another word");
    }
    if let Some(types) = schema.get("type") {
        let types = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
        if !types.iter().any(|name| is_of_type(value, name.as_str().expect("a type's name"))) {
            return no("another type");
        }
    }
    let number = value.as_f64();
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    if number.zip(bound("minimum")).is_some_and(|(n, least)| n < least)
        || number.zip(bound("maximum")).is_some_and(|(n, most)| n > most)
    {
        return no("out of bounds");
    }
    if let (Some(pattern), Some(text)) = (schema.get("pattern").and_then(Value::as_str), value.as_str())
        && !regex::Regex::new(pattern).expect("a pattern").is_match(text)
    {
        return no("another pattern");
    }
    for (name, wanted) in [("oneOf", 1..=1), ("anyOf", 1..=usize::MAX)] {
        if let Some(choices) = schema.get(name).and_then(Value::as_array) {
            let reasons: Vec<String> = choices.iter().filter_map(|choice| refused(choice, value, place)).collect();
            if !wanted.contains(&(choices.len() - reasons.len())) {
                return Some(reasons.join("\n"));
            }
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        return list.iter().find_map(|item| refused(items, item, &format!("{place}[]")));
    }
    refused_members(schema, value.as_object()?, place)
}

fn refused_members(schema: &Value, members: &Map<String, Value>, place: &str) -> Option<String> {
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !members.contains_key(name.as_str().expect("a name")) {
            return Some(format!("{place}: lacks {name}"));
        }
    }
    members.iter().find_map(|(name, value)| {
        let place = format!("{place}.{name}");
        match (schema.get("properties").and_then(|known| known.get(name)), schema.get("additionalProperties")) {
            (Some(known), _) => refused(known, value, &place),
            (None, Some(Value::Bool(false))) => Some(format!("{place}: unknown")),
            (None, Some(others)) => refused(others, value, &place),
            (None, None) => None,
        }
    })
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("an unknown type: {other}"),
    }
}

#[test]
fn the_schema_is_what_editors_know() {
    insta::assert_json_snapshot!(schema());
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    assert_eq!(refused(&schema(), &full(), "file"), None);
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for (pointer, wrong) in [
        ("/connections/shop/timeout", json!(30)),
        ("/connections/shop/timeout", json!("30")),
        ("/connections/shop/max_body", json!("10MB")),
        ("/connections/shop/limits/requests", json!(0)),
        ("/connections/shop/type", json!("postgres")),
        ("/jobs/customers_to_crm/mode", json!("two_way")),
        ("/jobs/customers_to_crm/delete", json!("sfot")),
        ("/jobs/customers_to_crm/destination/write", json!("sometimes")),
        ("/jobs/customers_to_crm/source/paginate", json!("all")),
        ("/jobs/customers_to_crm/schedule", json!({ "crom": "0 3 * * *" })),
        ("/jobs/customers_to_crm/guard", json!({ "max_error_fraction": 2 })),
        ("/workspace", json!({ "colour": "red" })),
    ] {
        let mut document = full();
        *document.pointer_mut(pointer).expect("the example has it") = wrong.clone();
        assert!(refused(&schema(), &document, "file").is_some(), "the schema takes {wrong} at {pointer}");
        let text = toml::to_string(&document).expect("a document is TOML");
        let read = parse(&text, Path::new("syncdeck.toml"), &|_| Some("https://value.example.com".into()));
        assert!(read.is_err(), "the reader takes {wrong} at {pointer}");
    }
}

/// A table of the schema.
struct Known {
    /// The names that lead to it.
    path: Vec<String>,
    /// The words that choose it, and where they stand.
    chosen: Vec<(Vec<String>, Value)>,
    keys: Vec<String>,
}

fn tables(schema: &Value, path: &[String], chosen: &[(Vec<String>, Value)], found: &mut Vec<Known>) {
    for choice in ["oneOf", "anyOf"].iter().filter_map(|name| schema.get(*name).and_then(Value::as_array)).flatten() {
        tables(choice, path, chosen, found);
    }
    if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
        tables(others, &[path, &["x".to_owned()]].concat(), chosen, found);
    }
    let Some(known) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    let mut chosen = chosen.to_vec();
    for (name, value) in known {
        if let Some(word) = value.get("const") {
            chosen.push(([path, std::slice::from_ref(name)].concat(), word.clone()));
        }
    }
    found.push(Known { path: path.to_vec(), chosen: chosen.clone(), keys: known.keys().cloned().collect() });
    for (name, value) in known {
        tables(value, &[path, std::slice::from_ref(name)].concat(), &chosen, found);
    }
}

fn put(document: &mut Value, path: &[String], value: Value) {
    let mut here = document;
    for name in path {
        here = here.as_object_mut().expect("a table").entry(name.clone()).or_insert_with(|| json!({}));
    }
    *here = value;
}

#[test]
fn reader_and_schema_know_the_same_keys() {
    let mut found = Vec::new();
    tables(&schema(), &[], &[], &mut found);
    assert!(found.len() > 30, "only {} tables", found.len());
    for Known { path, chosen, keys } in found {
        let mut document = json!({});
        put(&mut document, &path, json!({}));
        for key in &keys {
            put(&mut document, &[path.as_slice(), std::slice::from_ref(key)].concat(), json!([[]]));
        }
        put(&mut document, &[path.as_slice(), &["no_such_key".to_owned()]].concat(), json!(1));
        for (place, word) in chosen {
            put(&mut document, &place, word);
        }
        let text = toml::to_string(&document).expect("a document is TOML");
        let mistakes = parse(&text, Path::new("syncdeck.toml"), &|_| Some("/home".into())).expect_err("it is wrong").0;
        let unknown: Vec<&str> = mistakes
            .iter()
            .map(|mistake| mistake.problem.as_str())
            .filter(|problem| problem.starts_with("unknown key"))
            .collect();
        assert_eq!(unknown.len(), 1, "{path:?}: {unknown:?}\n{text}");
        assert!(unknown[0].contains("no_such_key"), "{unknown:?}");
        let hint =
            mistakes.iter().find(|mistake| mistake.problem == unknown[0]).and_then(|mistake| mistake.hint.clone());
        let told: Vec<String> =
            hint.iter().flat_map(|hint| hint.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
        assert!(told.iter().all(|name| keys.contains(name)), "the reader knows {told:?}, the schema {keys:?}");
    }
}
