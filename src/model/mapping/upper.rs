//! `upper`: capital letters.

use super::transform::TransformSpec;
use super::value::{content, push_text};

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "upper",
    does: "writes capital letters",
    options: &[],
    build: |_| {
        Ok(Box::new(|value, out| {
            push_text(out, &content(value)?.to_uppercase());
            Ok(())
        }))
    },
};
