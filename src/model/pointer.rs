//! JSON Pointers (RFC 6901) with the shorthand `Account.Name`.

use super::RawJson;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A place in a JSON value. The empty pointer is the value itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pointer {
    /// Unescaped steps.
    steps: Vec<String>,
}

impl Pointer {
    /// Reads `/a/b`, `a.b` or `""`; the reason when it is none.
    pub fn parse(_text: &str) -> Result<Self, String> {
        todo!()
    }

    pub fn root() -> Self {
        Self::default()
    }

    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// The value at this place as text, without reading the rest into a tree; none when nothing is there.
    /// A step into an array is an index.
    pub fn find(&self, _json: &RawJson) -> Result<Option<RawJson>, serde_json::Error> {
        todo!()
    }
}

impl fmt::Display for Pointer {
    /// As RFC 6901 writes it.
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
