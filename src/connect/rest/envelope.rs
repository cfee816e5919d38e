//! Taking a page's answer apart in one walk: each record as a slice of it, and the few values beside them.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Places looked for at once; one bit each.
const PLACES_MAX: usize = 8;

/// The first place is the records'.
pub(super) type Places<'p> = [&'p [String]];

/// What stood at the places.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    pub(super) records: Records<'a>,
    /// The values at the second place and on.
    pub(super) values: [Option<&'a RawValue>; PLACES_MAX],
}

#[derive(Debug, Default)]
pub(super) enum Records<'a> {
    #[default]
    Missing,
    Array(Vec<&'a RawValue>),
    /// What stands there in their place.
    Other(&'static str),
}

/// Finds `places` in `body`. What lies between them is checked to be JSON and skipped, however deep it is nested.
pub(super) fn open<'a>(body: &'a str, places: &Places<'_>) -> Result<Envelope<'a>, serde_json::Error> {
    debug_assert!(places.len() <= PLACES_MAX, "one bit for each place");
    let mut found = Envelope::default();
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let wanted = u8::MAX >> (PLACES_MAX - places.len());
    Walk { places, wanted, depth: 0, found: &mut found }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(found)
}

/// One value of the answer, in which the `wanted` places lie.
struct Walk<'w, 'p, 'a> {
    places: &'w Places<'p>,
    wanted: u8,
    depth: usize,
    found: &'w mut Envelope<'a>,
}

impl<'a> Walk<'_, '_, 'a> {
    /// Those of the wanted places that this value itself is.
    fn arrived(&self) -> u8 {
        self.select(|place| place.len() == self.depth)
    }

    /// Those of the wanted places that lie in member `step`.
    fn through(&self, step: &str) -> u8 {
        self.select(|place| place.get(self.depth).is_some_and(|own| own == step))
    }

    fn select(&self, matches: impl Fn(&[String]) -> bool) -> u8 {
        let mut selected = 0;
        for (index, place) in self.places.iter().enumerate() {
            let bit = 1 << index;
            if self.wanted & bit != 0 && matches(place) {
                selected |= bit;
            }
        }
        selected
    }

    fn inner(&mut self, wanted: u8) -> Walk<'_, '_, 'a> {
        Walk { places: self.places, wanted, depth: self.depth + 1, found: self.found }
    }
}

impl<'a> DeserializeSeed<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(mut self, deserializer: D) -> Result<(), D::Error> {
        let arrived = self.arrived();
        if arrived == 0 || arrived == 1 && self.wanted == 1 {
            return deserializer.deserialize_any(self);
        }
        // A value beside the records, or several places in one another: taken whole, then looked into.
        let raw = <&'a RawValue as serde::Deserialize>::deserialize(deserializer)?;
        for index in (1..self.places.len()).filter(|index| arrived & (1 << index) != 0) {
            self.found.values[index - 1] = Some(raw);
        }
        self.wanted &= !arrived | (arrived & 1);
        while self.wanted != 0 {
            // One by one, so that the records' walk is a plain one.
            let bit = self.wanted & self.wanted.wrapping_neg();
            self.wanted &= !bit;
            let walk = Walk { places: self.places, wanted: bit, depth: self.depth, found: self.found };
            walk.deserialize(&mut serde_json::Deserializer::from_str(raw.get())).map_err(D::Error::custom)?;
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<(), A::Error> {
        if self.arrived() != 0 {
            let mut records = Vec::new();
            while let Some(record) = seq.next_element::<&'a RawValue>()? {
                records.push(record);
            }
            self.found.records = Records::Array(records);
            return Ok(());
        }
        for index in 0_usize.. {
            let wanted = self.through(&index.to_string());
            let more = if wanted == 0 {
                seq.next_element::<IgnoredAny>()?.is_some()
            } else {
                seq.next_element_seed(self.inner(wanted))?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        if self.arrived() != 0 {
            self.found.records = Records::Other("an object");
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        while let Some(wanted) = map.next_key_seed(Step(&self))? {
            if wanted == 0 {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(self.inner(wanted))?;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.other("a boolean")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.other("a number")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.other("a number")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.other("a number")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.other("a text")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.other("null")
    }
}

impl Walk<'_, '_, '_> {
    fn other<E>(self, what: &'static str) -> Result<(), E> {
        if self.arrived() != 0 {
            self.found.records = Records::Other(what);
        }
        Ok(())
    }
}

/// Reads a member's name as the set of places that lie in it, without copying it.
struct Step<'w, 'v, 'p, 'a>(&'v Walk<'w, 'p, 'a>);

impl<'a> DeserializeSeed<'a> for Step<'_, '_, '_, 'a> {
    type Value = u8;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<u8, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Step<'_, '_, '_, 'a> {
    type Value = u8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<u8, E> {
        Ok(self.0.through(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Vec<String> {
        path.split('/').skip(1).map(str::to_owned).collect()
    }

    fn opened(body: &str, places: &[&str]) -> (Vec<String>, Vec<Option<String>>) {
        let places: Vec<Vec<String>> = places.iter().map(|place| steps(place)).collect();
        let slices: Vec<&[String]> = places.iter().map(Vec::as_slice).collect();
        let envelope = open(body, &slices).unwrap();
        let records = match envelope.records {
            Records::Array(all) => all.iter().map(|record| record.get().to_owned()).collect(),
            Records::Missing => vec!["missing".to_owned()],
            Records::Other(what) => vec![what.to_owned()],
        };
        let values = envelope.values[..places.len() - 1].iter().map(|raw| raw.map(|raw| raw.get().to_owned()));
        (records, values.collect())
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn records_and_values_are_found_wherever_they_stand() {
        let body = r#"{"meta":{"next":"x","n":[1,{"total":7}]},"data":[{"a":1.0},2e3]}"#;
        let (records, values) = opened(body, &["/data", "/meta/next", "/meta/n/1/total", "/error"]);
        assert_eq!(records, texts(&[r#"{"a":1.0}"#, "2e3"]));
        assert_eq!(values, [Some(r#""x""#.to_owned()), Some("7".to_owned()), None]);
    }

    #[test]
    fn the_answer_itself_may_be_the_array() {
        assert_eq!(opened("[1,2]", &[""]).0, texts(&["1", "2"]));
        assert_eq!(opened("[1,2]", &["", "/next"]), (texts(&["1", "2"]), vec![None]));
    }

    #[test]
    fn places_inside_one_another_are_all_found() {
        let (records, values) = opened(r#"{"page":{"data":[1],"next":2}}"#, &["/page/data", "/page", "/page/next"]);
        assert_eq!(records, texts(&["1"]));
        assert_eq!(values, [Some(r#"{"data":[1],"next":2}"#.to_owned()), Some("2".to_owned())]);
    }

    #[test]
    fn what_stands_in_place_of_the_records_is_named() {
        for (body, what) in [
            (r#"{"error":"x"}"#, "missing"),
            (r#"{"data":{"a":1}}"#, "an object"),
            (r#"{"data":null}"#, "null"),
            (r#"{"data":"x"}"#, "a text"),
            ("null", "missing"),
        ] {
            assert_eq!(opened(body, &["/data"]).0, texts(&[what]), "{body}");
        }
    }

    // Row 41 of the fault matrix.
    #[test]
    fn a_record_nested_a_hundred_thousand_deep_is_a_slice_like_any_other() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let (records, _) = opened(&format!(r#"{{"x":{deep},"data":[{deep},1]}}"#), &["/data"]);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].len(), 200_000);
    }

    // Row 36 of the fault matrix.
    #[test]
    fn a_cut_answer_and_trailing_text_are_errors() {
        for body in [r#"{"data":[{"a":1},{"b"#, r#"{"data":[1]}<html>"#, "", r#"{"data":[1]"#] {
            assert!(open(body, &[&steps("/data")]).is_err(), "{body}");
        }
    }
}
