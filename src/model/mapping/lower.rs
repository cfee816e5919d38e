//! `lower`: small letters.

use super::transform::TransformSpec;
use super::value::{content, push_text};

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "lower",
    does: "writes small letters",
    options: &[],
    build: |_| {
        Ok(Box::new(|value, out| {
            push_text(out, &content(value)?.to_lowercase());
            Ok(())
        }))
    },
};
