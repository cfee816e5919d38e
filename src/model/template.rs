//! Templates for addresses and bodies. Data is never a template: what is inserted is not read again.

use super::RawJson;
use serde_json::Value;

/// Where a template's text goes, which decides how inserted values are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateUse {
    /// A URL's path or query: every inserted value is percent-encoded as one segment (`/`, `?`, `#`, `%` and `..` included).
    Url,
    Text,
}

/// A MiniJinja template, checked.
#[derive(Clone)]
pub struct Template;

impl Template {
    pub fn compile(_text: &str, _purpose: TemplateUse) -> Result<Self, String> {
        todo!()
    }

    /// Renders with `values` (an object) as variables. The reason when a name is unknown or a filter refuses.
    pub fn render(&self, _values: &Value) -> Result<String, String> {
        todo!()
    }

    /// True when it holds no `{{` or `{%`: rendering it is the text itself.
    pub fn is_constant(&self) -> bool {
        todo!()
    }
}

/// A JSON tree whose texts are templates. A text that is `{{ fields }}` alone (spaces aside) stands for raw JSON.
#[derive(Clone)]
pub struct BodyTemplate;

impl BodyTemplate {
    pub fn compile(_tree: &Value) -> Result<Self, String> {
        todo!()
    }

    /// The body as JSON text. `raw` are names that stand for JSON as it is, `fields` above all;
    /// a text that is another single expression keeps its value's type (`{{ limit }}` stays a number).
    pub fn render(&self, _values: &Value, _raw: &[(&str, &RawJson)]) -> Result<String, String> {
        todo!()
    }
}
