//! `digits`: only the digits of a text.

use super::transform::TransformSpec;
use super::value::{content, push_text};

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "digits",
    does: "keeps only the digits and a leading `+`",
    options: &[],
    build: |_| {
        Ok(Box::new(|value, out| {
            let text = content(value)?;
            let plus = if text.trim_start().starts_with('+') { "+" } else { "" };
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            push_text(out, &format!("{plus}{digits}"));
            Ok(())
        }))
    },
};
