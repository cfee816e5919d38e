//! `text`: a number or a boolean as text, digit by digit.

use super::transform::TransformSpec;
use super::value::{content, push_text};

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "text",
    does: "writes numbers and booleans as text",
    options: &[],
    build: |_| {
        Ok(Box::new(|value, out| {
            push_text(out, &content(value)?);
            Ok(())
        }))
    },
};
