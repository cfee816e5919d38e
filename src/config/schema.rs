//! The JSON Schema of the format, made from the same declaration that files are read by.

use super::declare::{Key, Kind, Spec, Tagged};
use super::format::FILE;
use crate::model::mapping::TRANSFORMS;
use serde_json::{Map, Value, json};

/// The JSON Schema (2020-12) of `syncdeck.toml`, for editors.
pub fn schema() -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("title".into(), "syncdeck.toml".into());
    schema.extend(table(&FILE, None));
    Value::Object(schema)
}

fn table(spec: &Spec, tag: Option<(&Tagged, &str)>) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some((tagged, word)) = tag {
        properties.insert(tagged.tag.into(), json!({ "const": word }));
        if tagged.default.is_none() {
            required.push(tagged.tag);
        }
    }
    for key in spec.keys {
        properties.insert(key.name.into(), property(key));
        if key.required {
            required.push(key.name);
        }
    }
    let mut schema = Map::new();
    schema.insert("description".into(), spec.about.into());
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".into(), required.into());
    }
    schema.insert("additionalProperties".into(), false.into());
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = Map::new();
    if key.later {
        schema.insert("description".into(), format!("{} Not available in this version.", key.about).into());
        schema.insert("not".into(), json!({}));
        return Value::Object(schema);
    }
    schema.extend(kind(&key.kind));
    schema.insert("description".into(), key.about.into());
    if let Some(default) = key.default {
        schema.insert("default".into(), default_of(default));
    }
    Value::Object(schema)
}

fn kind(kind: &Kind) -> Map<String, Value> {
    let value = match kind {
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Fraction => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Duration | Kind::Span => {
            json!({ "type": "string", "pattern": or_reference("[0-9]+(ms|s|m|h|d)") })
        }
        Kind::Size => json!({ "type": "string", "pattern": or_reference("[0-9]+(B|KiB|MiB|GiB)") }),
        Kind::UrlTemplate => json!({ "type": ["string", "integer", "boolean"] }),
        // A reference is no date-time yet, so the text's format stays open.
        Kind::Text
        | Kind::Secret
        | Kind::Time
        | Kind::Zone
        | Kind::Pointer
        | Kind::Expression
        | Kind::MapExpression
        | Kind::HeaderName => json!({ "type": "string" }),
        Kind::Word(words) => {
            let known: Vec<&str> = words.iter().map(|word| word.name).collect();
            json!({ "enum": known })
        }
        Kind::Transform => json!({ "enum": TRANSFORMS.iter().map(|transform| transform.name).collect::<Vec<_>>() }),
        Kind::Json | Kind::Body => json!({}),
        Kind::JsonTable => json!({ "type": "object" }),
        Kind::List(of) => json!({ "type": "array", "items": self::kind(of) }),
        Kind::Named(of) => json!({ "type": "object", "additionalProperties": self::kind(of) }),
        Kind::Table(spec) => Value::Object(table(spec, None)),
        Kind::Tagged(tagged) => tagged_table(tagged),
        Kind::OfInstance(of) => {
            json!({ "anyOf": [self::kind(of), { "type": "string", "pattern": "\\{\\{.*instance.*\\}\\}" }] })
        }
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(self::kind).collect::<Vec<_>>() }),
    };
    match value {
        Value::Object(schema) => schema,
        _ => unreachable!("every kind is described by an object"),
    }
}

fn tagged_table(tagged: &Tagged) -> Value {
    let variants: Vec<Map<String, Value>> =
        tagged.available().map(|(word, spec)| table(spec, Some((tagged, word)))).collect();
    json!({ "description": tagged.about, "oneOf": variants })
}

/// A pattern that a text with a `${…}` in it also has.
fn or_reference(pattern: &str) -> String {
    format!("^{pattern}$|\\$\\{{")
}

fn default_of(default: &str) -> Value {
    let mut document: Map<String, Value> =
        toml::from_str(&format!("default = {default}")).expect("a declared default is TOML");
    document.remove("default").unwrap_or(Value::Null)
}
