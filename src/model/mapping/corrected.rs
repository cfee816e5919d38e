//! Mapping field by field: what each rule makes of a record, and the same with a person's corrections in it.

use super::output::Input;
use super::{Mapping, Rejection};
use crate::model::pointer::{Place, each_member};
use crate::model::{Correction, Pointer, RawJson};
use serde_json::value::RawValue;

/// One destination field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedField {
    /// As the map names it; without a map, the member of the record.
    pub field: String,
    /// What it is made from: the source's value where it comes from one, else what the rule makes of the record.
    pub made_of: Option<RawJson>,
    /// What is sent; none leaves it out; the reason where the rule refuses the record.
    pub value: Result<Option<RawJson>, String>,
}

/// What a record becomes with a correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrected {
    pub fields: RawJson,
    /// False when the source changed everything that was corrected, so that nothing of it holds.
    pub is_applied: bool,
}

impl Mapping {
    /// Each destination field by itself, so that one that is refused hides none of the others.
    pub fn each_field(&self, record: &RawJson) -> Vec<MappedField> {
        let Some(output) = &self.output else { return members_of(record) };
        let Ok(found) = self.find_all(record.as_str()) else { return Vec::new() };
        let input = Input { found: &found, context: self.context(&found), instead: &[] };
        let mut fields = Vec::new();
        output.each_field(&mut |field| {
            let mut text = String::new();
            let value = field
                .program
                .write(&input, &mut text)
                .map(|is_written| is_written.then(|| RawJson::from_trusted(text.clone())));
            let origin = self.lineage.iter().find(|(name, _)| *name == field.name).and_then(|(_, from)| from.as_ref());
            let made_of = match origin {
                Some(pointer) => pointer.find(record).ok().flatten(),
                None => value.clone().unwrap_or_default(),
            };
            fields.push(MappedField { field: field.name.clone(), made_of, value });
        });
        fields
    }

    /// What `field` is made from in `record`; none where there is nothing, or no such field.
    pub fn made_of(&self, field: &str, record: &RawJson) -> Option<RawJson> {
        if self.is_identity() {
            return Pointer::parse(field).ok().and_then(|pointer| pointer.find(record).ok().flatten());
        }
        match self.lineage.iter().find(|(name, _)| name == field)? {
            (_, Some(pointer)) => pointer.find(record).ok().flatten(),
            (_, None) => self.each_field(record).into_iter().find(|one| one.field == field).and_then(|one| one.made_of),
        }
    }

    /// As [`Mapping::apply`], with the corrected fields in place of what the rules make, as far as the correction holds.
    pub fn apply_corrected(&self, record: &RawJson, correction: &Correction) -> Result<Corrected, Rejection> {
        let holding = correction.holding(self, record);
        let is_applied = !holding.is_empty();
        let instead: Vec<(&str, Option<&str>)> =
            holding.iter().map(|field| (field.field.as_str(), field.after.as_ref().map(RawJson::as_str))).collect();
        let fields = match &self.output {
            Some(output) => self.write(output, record, &instead)?,
            None => laid_over(record, &instead),
        };
        Ok(Corrected { fields, is_applied })
    }
}

/// The members of a record that is sent as it is. One that is no object has none.
fn members_of(record: &RawJson) -> Vec<MappedField> {
    let mut fields = Vec::new();
    for (name, value) in members(record) {
        let value = RawJson::inside(record.bytes(), value);
        let known = fields.iter_mut().find(|field: &&mut MappedField| field.field == name);
        match known {
            // Of equal keys the last counts.
            Some(field) => {
                field.made_of = Some(value.clone());
                field.value = Ok(Some(value));
            }
            None => fields.push(MappedField { field: name, made_of: Some(value.clone()), value: Ok(Some(value)) }),
        }
    }
    fields
}

/// The members of an object, each under the name by which a field is corrected.
fn members(record: &RawJson) -> Vec<(String, &RawValue)> {
    let mut members = Vec::new();
    let key = |place: Place<'_>| match place {
        Place::Key(key) => std::str::from_utf8(key).ok().map(name_of),
        Place::Index(_) => None,
    };
    // What can not be walked has no members that could be corrected.
    let _ = each_member(record.as_str(), key, |name, value| members.push((name, value)));
    members
}

/// A member's name as a field's: a pointer where the name alone would mean something else.
fn name_of(key: &str) -> String {
    let is_plain = !key.is_empty() && !key.contains(['.', '/', '~']) && key != "$" && key != "#";
    if is_plain { key.to_owned() } else { format!("/{}", key.replace('~', "~0").replace('/', "~1")) }
}

/// A record with some of its members replaced, left out or added.
fn laid_over(record: &RawJson, instead: &[(&str, Option<&str>)]) -> RawJson {
    if instead.is_empty() {
        return record.clone();
    }
    let members = members(record);
    let is_member = |field: &str| members.iter().any(|(name, _)| name == field);
    let given = |name: &str| instead.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    let mut pairs: Vec<(String, &str)> = Vec::new();
    for (name, value) in &members {
        match given(name) {
            None => pairs.push((name.clone(), value.get())),
            Some(Some(value)) => pairs.push((name.clone(), value)),
            Some(None) => {}
        }
    }
    let added = instead.iter().filter(|(field, _)| !is_member(field));
    pairs.extend(added.filter_map(|(field, value)| Some(((*field).to_owned(), (*value)?))));
    let mut text = String::from("{");
    for (at, (name, value)) in pairs.iter().enumerate() {
        let key = Pointer::parse(name).ok().and_then(|pointer| pointer.steps().first().cloned());
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(&serde_json::Value::from(key.unwrap_or_default()).to_string());
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    RawJson::from_trusted(text)
}
