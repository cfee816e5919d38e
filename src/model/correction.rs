//! What a person put in place of the values that a destination refused.

use super::mapping::Mapping;
use super::{Actor, DeadLetterId, Fingerprint, RawJson, RecordId, Timestamp};
use serde::{Deserialize, Serialize};

/// A correction of one dead letter. Corrections are only ever added: the last one of a letter counts, and one without
/// fields goes back to what the source says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub letter: DeadLetterId,
    pub record: RecordId,
    /// Counted from 1 for each letter.
    pub number: u32,
    pub at: Timestamp,
    pub by: Actor,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// Of the source record that it was made for.
    #[serde(with = "hexadecimal")]
    pub content: Fingerprint,
    pub fields: Vec<FieldCorrection>,
}

/// One destination field that a person gave another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldCorrection {
    /// As the job's map names it; without a map, the member of the record.
    pub field: String,
    /// What the field was made from when the person looked at it: as long as the source says the same, the correction
    /// holds; what the source says anew is newer than the person's word.
    #[serde(with = "super::record::maybe")]
    pub seen: Option<RawJson>,
    /// What would have been sent; none where nothing was, or where the map refuses it.
    #[serde(with = "super::record::maybe")]
    pub before: Option<RawJson>,
    /// What is sent; none leaves the field out.
    #[serde(with = "super::record::maybe")]
    pub after: Option<RawJson>,
}

impl Correction {
    /// The fields whose source still says what it said when they were corrected.
    pub fn holding<'c>(&'c self, mapping: &Mapping, record: &RawJson) -> Vec<&'c FieldCorrection> {
        self.fields.iter().filter(|field| mapping.made_of(&field.field, record) == field.seen).collect()
    }

    /// True when it says something about `record`: it is the very content that it was made for, or holds one of the
    /// values that were corrected.
    pub fn fits(&self, mapping: &Mapping, record: &RawJson, content: Fingerprint) -> bool {
        let has_value = |field: &&FieldCorrection| field.seen.is_some();
        !self.fields.is_empty() && (self.content == content || self.holding(mapping, record).iter().any(has_value))
    }
}

/// A hash in words of sixteen, because not every reader of JSON keeps 128 bits.
mod hexadecimal {
    use super::Fingerprint;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(hash: &Fingerprint, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", hash.0))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Fingerprint).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pointer;
    use crate::model::mapping::{CopyRule, FieldRule, Rule, Transform, fingerprint};

    fn raw(text: &str) -> RawJson {
        RawJson::from_trusted(text.to_owned())
    }

    fn mapping() -> Mapping {
        let copy = |field: &str, to: Option<&str>| FieldRule {
            field: field.to_owned(),
            rule: Rule::Copy(CopyRule {
                from: Pointer::parse(field).expect("a pointer"),
                default: None,
                required: false,
                trim: false,
                values: None,
                otherwise: None,
                to: to.map(|name| Transform { name: name.to_owned(), options: serde_json::Map::new() }),
            }),
        };
        let label = FieldRule { field: "label".to_owned(), rule: Rule::Expr("record.a ~ '!'".to_owned()) };
        Mapping::compile(&[copy("a", None), copy("n", Some("number")), label]).expect("good rules")
    }

    fn correction(record: &RawJson, field: &str, after: Option<&str>) -> Correction {
        let mapping = mapping();
        Correction {
            letter: DeadLetterId(1),
            record: RecordId::from("c1"),
            number: 1,
            at: Timestamp(0),
            by: Actor::engine(),
            reason: None,
            content: fingerprint(record),
            fields: vec![FieldCorrection {
                field: field.to_owned(),
                seen: mapping.made_of(field, record),
                before: None,
                after: after.map(raw),
            }],
        }
    }

    #[test]
    fn a_corrected_field_takes_the_place_of_a_value_that_the_map_refuses() {
        let record = raw(r#"{"a":"x","n":"twelve"}"#);
        assert!(mapping().apply(&record).is_err());
        let corrected = mapping().apply_corrected(&record, &correction(&record, "n", Some("12"))).expect("mapped");
        assert_eq!(corrected.fields.as_str(), r#"{"a":"x","n":12,"label":"x!"}"#);
        assert!(corrected.is_applied);
    }

    #[test]
    fn a_field_that_is_left_out_is_not_sent() {
        let record = raw(r#"{"a":"x","n":"1"}"#);
        let corrected = mapping().apply_corrected(&record, &correction(&record, "a", None)).expect("mapped");
        assert_eq!(corrected.fields.as_str(), r#"{"n":1,"label":"x!"}"#);
    }

    // Row 76 of the fault matrix.
    #[test]
    fn what_the_source_changed_since_is_newer_than_the_correction() {
        let record = raw(r#"{"a":"bad","n":1}"#);
        let correction = correction(&record, "a", Some("\"good\""));
        let mended = raw(r#"{"a":"mended","n":1}"#);
        let sent = mapping().apply_corrected(&mended, &correction).expect("mapped");
        assert_eq!(sent.fields.as_str(), r#"{"a":"mended","n":1,"label":"mended!"}"#);
        assert!(!sent.is_applied);
        let other = raw(r#"{"a":"bad","n":2}"#);
        let sent = mapping().apply_corrected(&other, &correction).expect("mapped");
        assert_eq!(sent.fields.as_str(), r#"{"a":"good","n":2,"label":"bad!"}"#);
    }

    #[test]
    fn an_expression_is_corrected_as_long_as_it_says_the_same() {
        let record = raw(r#"{"a":"x","n":1}"#);
        let correction = correction(&record, "label", Some("\"mine\""));
        let same = mapping().apply_corrected(&raw(r#"{"a":"x","n":5}"#), &correction).expect("mapped");
        assert_eq!(same.fields.as_str(), r#"{"a":"x","n":5,"label":"mine"}"#);
        let other = mapping().apply_corrected(&raw(r#"{"a":"y","n":5}"#), &correction).expect("mapped");
        assert_eq!(other.fields.as_str(), r#"{"a":"y","n":5,"label":"y!"}"#);
    }

    #[test]
    fn without_a_map_members_are_corrected_where_they_stand() {
        let record = raw(r#"{"id":12345678901234567890123,"a.b":"bad","c":1}"#);
        let identity = Mapping::default();
        let mut one = correction(&record, "/a.b", Some("\"good\""));
        one.fields[0].seen = identity.made_of("/a.b", &record);
        let corrected = identity.apply_corrected(&record, &one).expect("mapped");
        assert_eq!(corrected.fields.as_str(), r#"{"id":12345678901234567890123,"a.b":"good","c":1}"#);
    }

    #[test]
    fn a_correction_fits_the_same_content_and_the_same_bad_value() {
        let record = raw(r#"{"a":"bad","n":1}"#);
        let one = correction(&record, "a", Some("\"good\""));
        let fits = |text: &str| one.fits(&mapping(), &raw(text), fingerprint(&raw(text)));
        assert!(fits(r#"{"a":"bad","n":1}"#) && fits(r#"{"a":"bad","n":7}"#));
        assert!(!fits(r#"{"a":"fine","n":1}"#));
        let none = Correction { fields: Vec::new(), ..one.clone() };
        assert!(!none.fits(&mapping(), &record, fingerprint(&record)), "it was taken back");
    }

    #[test]
    fn a_correction_is_read_as_it_was_written() {
        let record = raw(r#"{"a":"bad","n":1}"#);
        let one = correction(&record, "a", Some("\"good\""));
        let text = serde_json::to_string(&one).expect("JSON");
        assert_eq!(serde_json::from_str::<Correction>(&text).expect("read"), one);
    }
}
