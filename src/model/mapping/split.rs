//! `split`: a text becomes a list.

use super::transform::{OptionSpec, TransformSpec, wrong};
use super::value::{content, push_text};

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "split",
    does: "makes a list of a text, its parts trimmed; an empty text is an empty list",
    options: &[OptionSpec { name: "by", does: "what stands between the parts; `,` where it is left out" }],
    build: |options| {
        let by = options.text("by")?.unwrap_or(",").to_owned();
        if by.is_empty() {
            return Err(wrong("by", "must not be empty".to_owned(), None));
        }
        Ok(Box::new(move |value, out| {
            if value.starts_with('[') {
                out.push_str(value);
                return Ok(());
            }
            let text = content(value)?;
            out.push('[');
            if !text.trim().is_empty() {
                for (at, part) in text.split(by.as_str()).enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    push_text(out, part.trim());
                }
            }
            out.push(']');
            Ok(())
        }))
    },
};
