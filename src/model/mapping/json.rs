//! `json`: text that holds JSON becomes JSON, and back.

use super::transform::{OptionSpec, TransformSpec};
use super::value::{content, is_text, push_text};
use serde_json::value::RawValue;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "json",
    does: "makes JSON of a text that holds JSON",
    options: &[OptionSpec { name: "back", does: "true: makes text of JSON instead" }],
    build: |options| {
        if options.flag("back")? {
            return Ok(Box::new(|value, out| {
                push_text(out, value);
                Ok(())
            }));
        }
        Ok(Box::new(|value, out| {
            if !is_text(value) {
                out.push_str(value);
                return Ok(());
            }
            let text = content(value)?;
            let inner: &RawValue = serde_json::from_str(&text).map_err(|error| format!("holds no JSON: {error}"))?;
            out.push_str(inner.get());
            Ok(())
        }))
    },
};
