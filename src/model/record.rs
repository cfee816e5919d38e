//! Records as they were read: their text is kept, so that what is only copied arrives exactly as it was.

use super::{RecordId, Version};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// A JSON value as text, checked once and then only passed on: integers beyond 2^53, long decimals,
/// key order and unknown fields survive. Cheap to clone (a slice of the page that it came in).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Bytes);

impl RawJson {
    /// Checks that `text` is one JSON value.
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, serde_json::Error> {
        let bytes: Bytes = text.into();
        let raw: &RawValue = serde_json::from_slice(&bytes)?;
        let slice = bytes.slice_ref(raw.get().as_bytes());
        Ok(Self(slice))
    }

    /// Takes a value that was found inside `page` as a slice of it.
    ///
    /// `raw` must point into `page`; this holds for what serde_json borrowed from it.
    pub fn inside(page: &Bytes, raw: &RawValue) -> Self {
        Self(page.slice_ref(raw.get().as_bytes()))
    }

    pub fn from_raw(raw: &RawValue) -> Self {
        Self(Bytes::copy_from_slice(raw.get().as_bytes()))
    }

    pub fn from_value(value: &serde_json::Value) -> Self {
        Self(Bytes::from(value.to_string()))
    }

    /// Text that the caller built and knows to be one JSON value.
    pub fn from_trusted(text: String) -> Self {
        debug_assert!(serde_json::from_str::<&RawValue>(&text).is_ok(), "not JSON: {text}");
        Self(Bytes::from(text))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("JSON text that was checked when it came in")
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The value as a tree. Numbers outside of 64 bits lose digits here, so this serves
    /// expressions and screens, never copying.
    pub fn to_value(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }

    /// A copy that holds only its own text, for what is kept longer than its page.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RawJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let raw: &RawValue = serde_json::from_slice(&self.0).map_err(serde::ser::Error::custom)?;
            raw.serialize(serializer)
        } else {
            serializer.serialize_str(self.as_str())
        }
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let raw = Box::<RawValue>::deserialize(deserializer)?;
            Ok(Self::from_raw(&raw))
        } else {
            let text = String::deserialize(deserializer)?;
            Self::parse(text).map_err(serde::de::Error::custom)
        }
    }
}

/// A JSON value that may be missing, as it goes over a wire of JSON: there `null` is a value like any other, so what is
/// there stands in a list of one, and what is missing is an empty list. The state file tells the two apart by itself.
pub(super) mod maybe {
    use super::RawJson;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<RawJson>, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            value.as_slice().serialize(serializer)
        } else {
            value.serialize(serializer)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawJson>, D::Error> {
        if deserializer.is_human_readable() {
            Vec::<RawJson>::deserialize(deserializer).map(|values| values.into_iter().next())
        } else {
            Option::deserialize(deserializer)
        }
    }
}

/// One record as a source gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: RecordId,
    pub version: Option<Version>,
    /// True for a tombstone: the source says that the record is gone.
    pub deleted: bool,
    pub body: RawJson,
}

/// What stands at one place of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Change(Change),
    /// A record that can not be taken as one: no id, a version that is none. It becomes a dead letter.
    Unreadable {
        id: Option<RecordId>,
        field: Option<String>,
        reason: String,
        body: RawJson,
    },
}

/// Where a source's next page begins, in the connector's own words (a token, an address, a number).
/// The engine only keeps it and compares it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Records that are read, written and committed together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub items: Vec<Item>,
    /// Where the next page begins; none when the listing ended. Nothing else ends a listing.
    pub next: Option<Cursor>,
    /// How many records the listing holds in all, where the source says so. Shown, never trusted.
    pub total: Option<u64>,
}
