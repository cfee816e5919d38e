//! `join`: a list becomes a text.

use super::transform::{OptionSpec, TransformSpec};
use super::value::{content, push_text};
use serde_json::value::RawValue;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "join",
    does: "makes a text of a list of single values; nulls in it are left out",
    options: &[OptionSpec { name: "by", does: "what to put between the parts; `,` where it is left out" }],
    build: |options| {
        let by = options.text("by")?.unwrap_or(",").to_owned();
        Ok(Box::new(move |value, out| {
            if !value.starts_with('[') {
                push_text(out, &content(value)?);
                return Ok(());
            }
            let items: Vec<&RawValue> = serde_json::from_str(value).map_err(|_| "is not a list".to_owned())?;
            let parts = items
                .iter()
                .map(|item| item.get())
                .filter(|item| *item != "null")
                .map(|item| content(item).map_err(|why| format!("holds something that {why}")))
                .collect::<Result<Vec<_>, _>>()?;
            push_text(out, &parts.join(by.as_str()));
            Ok(())
        }))
    },
};
