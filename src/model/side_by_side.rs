//! A record's fields as source, last write and destination have them.

use super::mapping::Mapping;
use super::why::FieldNow;
use super::{Pointer, RawJson};
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

/// The fields that `wanted` has otherwise than `there`.
pub fn differing(mapping: &Mapping, wanted: &RawJson, there: &RawJson) -> Vec<String> {
    let names = names(mapping, [Some(wanted), None, None]);
    let differs = |name: &String| !is_same(at(mapping, name, wanted).as_ref(), at(mapping, name, there).as_ref());
    names.into_iter().filter(|name| at(mapping, name, wanted).is_some()).filter(differs).collect()
}

/// One field at two places, as people read it; a missing one is empty.
pub fn field_values(mapping: &Mapping, name: &str, [a, b]: [&RawJson; 2]) -> [String; 2] {
    [a, b].map(|json| at(mapping, name, json).map(shown).unwrap_or_default())
}

/// Of `there`, the members that `ours` has, in their order; none where one is missing.
pub fn projected(ours: &RawJson, there: &RawJson) -> Option<RawJson> {
    let all = members(there);
    let names = members(ours).into_keys();
    let kept: Option<IndexMap<String, &RawValue>> = names.map(|name| Some((name.clone(), *all.get(&name)?))).collect();
    serde_json::to_string(&kept?).ok().map(RawJson::from_trusted)
}

/// All fields that the mapping makes (or that the record has, without a mapping), at their three places.
pub fn side_by_side(
    mapping: &Mapping,
    source: Option<&RawJson>,
    written: Option<&RawJson>,
    destination: Option<&RawJson>,
) -> Vec<FieldNow> {
    let mut fields = Vec::new();
    for name in names(mapping, [source, written, destination]) {
        let find = |json: Option<&RawJson>| json.and_then(|json| at(mapping, &name, json));
        let (now, last, there) = (find(source), find(written), find(destination));
        if now.is_none() && last.is_none() && there.is_none() {
            continue;
        }
        let differs = match (source, written, destination) {
            (Some(_), _, Some(_)) => !is_same(now.as_ref(), there.as_ref()),
            (None, Some(_), Some(_)) => !is_same(last.as_ref(), there.as_ref()),
            (Some(_), Some(_), None) => !is_same(now.as_ref(), last.as_ref()),
            _ => false,
        };
        let (source, written, destination) = (now.map(shown), last.map(shown), there.map(shown));
        fields.push(FieldNow { field: name, source, written, destination, differs });
    }
    fields
}

/// A mapping's fields; without one, the members of what is ours. What a destination has beside them is its own.
fn names(mapping: &Mapping, [source, written, destination]: [Option<&RawJson>; 3]) -> Vec<String> {
    let mapped: Vec<String> = mapping.lineage().into_iter().map(|(field, _)| field).collect();
    if !mapped.is_empty() {
        return mapped;
    }
    let Some(ours) = source.or(written).or(destination) else { return Vec::new() };
    members(ours).into_keys().collect()
}

fn at(mapping: &Mapping, name: &str, json: &RawJson) -> Option<RawJson> {
    if mapping.is_identity() {
        return members(json).get(name).map(|raw| RawJson::inside(json.bytes(), raw));
    }
    Pointer::parse(name).ok()?.find(json).ok().flatten()
}

fn members(json: &RawJson) -> IndexMap<String, &RawValue> {
    serde_json::from_str(json.as_str()).unwrap_or_default()
}

/// The same value, however it is written. A missing field and `null` are the same to a person who compares.
fn is_same(a: Option<&RawJson>, b: Option<&RawJson>) -> bool {
    let value = |json: Option<&RawJson>| json.map_or(Some(Value::Null), |json| json.to_value().ok());
    match (a, b) {
        (Some(a), Some(b)) if a.as_str() == b.as_str() => true,
        _ => match (value(a), value(b)) {
            (Some(Value::Number(a)), Some(Value::Number(b))) => a == b || a.as_f64() == b.as_f64(),
            (a, b) => a.is_some() && a == b,
        },
    }
}

/// A text's content, or any other value as its JSON text.
fn shown(raw: RawJson) -> String {
    serde_json::from_str::<String>(raw.as_str()).unwrap_or_else(|_| raw.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mapping::{CopyRule, FieldRule, Rule};

    fn json(text: &str) -> RawJson {
        RawJson::parse(text.to_owned()).expect("JSON")
    }

    fn mapping(fields: &[&str]) -> Mapping {
        let copy = |field: &&str| FieldRule {
            field: (*field).to_owned(),
            rule: Rule::Copy(CopyRule {
                from: Pointer::parse(field).expect("a pointer"),
                default: None,
                required: false,
                trim: false,
                values: None,
                otherwise: None,
                to: None,
            }),
        };
        Mapping::compile(&fields.iter().map(copy).collect::<Vec<_>>()).expect("a mapping")
    }

    #[test]
    fn only_fields_of_ours_are_compared() {
        let (wanted, there) = (json(r#"{"a":1,"b":"x"}"#), json(r#"{"a":1.0,"b":"y","id":5518,"owner":"ada"}"#));
        assert_eq!(differing(&mapping(&["a", "b"]), &wanted, &there), ["b"]);
        assert_eq!(differing(&Mapping::default(), &wanted, &there), ["b"]);
    }

    #[test]
    fn nested_fields_stand_under_their_names() {
        let source = json(r#"{"geo":{"lat":"52.5"}}"#);
        let fields = side_by_side(&mapping(&["geo.lat"]), Some(&source), None, Some(&json("{}")));
        assert_eq!(fields.len(), 1);
        assert_eq!((fields[0].field.as_str(), fields[0].source.as_deref()), ("geo.lat", Some("52.5")));
        assert!(fields[0].differs && fields[0].destination.is_none());
    }

    #[test]
    fn long_numbers_keep_their_digits() {
        let source = json(r#"{"big":9007199254740993}"#);
        let fields = side_by_side(&Mapping::default(), Some(&source), Some(&source), None);
        assert_eq!(fields[0].source.as_deref(), Some("9007199254740993"));
        assert!(!fields[0].differs);
    }

    #[test]
    fn what_is_nowhere_is_left_out() {
        assert!(side_by_side(&mapping(&["a"]), Some(&json("{}")), None, None).is_empty());
        assert!(side_by_side(&Mapping::default(), None, None, None).is_empty());
    }
}
