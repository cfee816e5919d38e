//! Reads values that go into requests as they are: any TOML as JSON.

use super::instance_text::Speech;
use super::read::{Checked, Reader};
use super::report::Place;
use super::tree::Value;
use crate::model::BodyTemplate;
use serde_json::Value as Json;
use toml::de::{DeInteger, DeValue};

impl Reader<'_> {
    /// A value as JSON, its texts with references replaced, and the same with the references kept.
    pub(super) fn json(&mut self, value: &DeValue<'_>, place: Place, speech: Speech) -> Option<(Json, Json)> {
        match value {
            DeValue::String(raw) => {
                let (text, canonical) = self.expanded(raw, place, speech)?;
                Some((Json::String(text.text), Json::String(canonical)))
            }
            DeValue::Boolean(flag) => Some(twice(Json::Bool(*flag))),
            DeValue::Datetime(time) => Some(twice(Json::String(time.to_string()))),
            DeValue::Integer(integer) => match whole(integer).and_then(json_integer) {
                Some(number) => Some(twice(number)),
                None => {
                    self.report.mistake(place, "the integer is too large", "write it as a text".to_owned());
                    None
                }
            },
            DeValue::Float(float) => {
                let number = float.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                if number.is_none() {
                    self.report.mistake(place, "JSON has no such number", "write it as a text".to_owned());
                }
                number.map(|number| twice(Json::Number(number)))
            }
            DeValue::Array(items) => {
                let both: Vec<_> = items
                    .iter()
                    .map(|item| {
                        let place = self.place(item.span());
                        self.json(item.get_ref(), place, speech)
                    })
                    .collect();
                let (values, canonical): (Vec<_>, Vec<_>) =
                    both.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
                Some((Json::Array(values), Json::Array(canonical)))
            }
            DeValue::Table(table) => {
                let mut whole = true;
                let (mut values, mut canonical) = (serde_json::Map::new(), Vec::new());
                for (key, item) in table.iter() {
                    let place = self.place(item.span());
                    match self.json(item.get_ref(), place, speech) {
                        Some((value, plain)) => {
                            values.insert(key.get_ref().to_string(), value);
                            canonical.push((key.get_ref().to_string(), plain));
                        }
                        None => whole = false,
                    }
                }
                whole.then(|| (Json::Object(values), sorted_object(canonical)))
            }
        }
    }

    pub(super) fn body(&mut self, value: &DeValue<'_>, place: Place, name: &str) -> Checked {
        let (json, canonical) = self.json(value, place, Speech::Template)?;
        if let Err(reason) = BodyTemplate::compile(&json) {
            self.no_template(place, name, &reason);
            return None;
        }
        Some((Value::Json(json), canonical))
    }
}

pub(super) fn whole(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

pub(super) fn sorted_object(mut members: Vec<(String, Json)>) -> Json {
    members.sort_by(|a, b| a.0.cmp(&b.0));
    Json::Object(members.into_iter().collect())
}

fn twice(json: Json) -> (Json, Json) {
    (json.clone(), json)
}

fn json_integer(number: i128) -> Option<Json> {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Some(number.into()),
        (_, Ok(number)) => Some(number.into()),
        _ => None,
    }
}
