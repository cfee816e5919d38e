//! A dead letter's fields side by side: what the source said, what was sent, and what was refused.

use super::{FieldLine, FieldMark};
use crate::model::mapping::Mapping;
use crate::model::{DeadLetter, Pointer, RawJson};
use serde_json::value::RawValue;

/// Lines in the order of what was sent, then the source's members that nothing was sent of.
pub(super) fn side_by_side(letter: &DeadLetter, mapping: Option<&Mapping>) -> Vec<FieldLine> {
    let lineage = mapping.map(Mapping::lineage).unwrap_or_default();
    let is_identity = lineage.is_empty();
    let mut used: Vec<String> = Vec::new();
    let mut lines = Vec::new();
    let sent = letter.sent.as_ref();
    let blamed = letter.reason.field.as_deref();
    for (field, from) in &lineage {
        let source = from.as_ref().and_then(|pointer| find(pointer, &letter.source));
        used.extend(from.as_ref().and_then(|pointer| pointer.steps().first().cloned()));
        let value = sent.and_then(|sent| field_pointer(field).and_then(|pointer| find(&pointer, sent)));
        if source.is_none() && value.is_none() && blamed != Some(field.as_str()) {
            continue;
        }
        lines.push(line(field, source, value, letter));
    }
    for (name, raw) in members(&letter.source) {
        if used.contains(&name) {
            continue;
        }
        let value = sent.filter(|_| is_identity).and_then(|sent| member(sent, &name));
        lines.push(line(&name, Some(raw), value, letter));
    }
    if let Some(field) = blamed
        && !lines.iter().any(|line| line.field == field)
    {
        lines.insert(0, line(field, None, None, letter));
    }
    lines
}

fn line(field: &str, source: Option<RawJson>, sent: Option<RawJson>, letter: &DeadLetter) -> FieldLine {
    let is_blamed = letter.reason.field.as_deref() == Some(field);
    let (mark, why) = match (&source, &sent) {
        _ if is_blamed => (FieldMark::Rejected, Some(letter.reason.message.clone())),
        (Some(source), Some(sent)) if source == sent => (FieldMark::Same, None),
        (Some(_), Some(_)) => (FieldMark::Transformed, None),
        _ if letter.sent.is_none() => (FieldMark::NotSent, None),
        (None, _) => (FieldMark::Added, None),
        (Some(_), None) => (FieldMark::Dropped, None),
    };
    FieldLine { field: field.to_owned(), source: source.map(shown), sent: sent.map(shown), mark, why }
}

/// A text's content, or any other value as its JSON text.
fn shown(raw: RawJson) -> String {
    serde_json::from_str::<String>(raw.as_str()).unwrap_or_else(|_| raw.as_str().to_owned())
}

fn field_pointer(field: &str) -> Option<Pointer> {
    Pointer::parse(field).ok()
}

fn find(pointer: &Pointer, json: &RawJson) -> Option<RawJson> {
    pointer.find(json).ok().flatten()
}

fn member(json: &RawJson, name: &str) -> Option<RawJson> {
    members(json).into_iter().find(|(member, _)| member == name).map(|(_, raw)| raw)
}

fn members(json: &RawJson) -> Vec<(String, RawJson)> {
    // A record that is no object has no members to show; the JSON view shows it whole.
    let found: indexmap::IndexMap<String, &RawValue> = serde_json::from_str(json.as_str()).unwrap_or_default();
    found.into_iter().map(|(name, raw)| (name, RawJson::inside(json.bytes(), raw))).collect()
}
