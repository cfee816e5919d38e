//! `integer`: a whole number of any length.

use super::decimal::Decimal;
use super::transform::TransformSpec;
use super::value::{content, is_number, is_text};
use crate::model::reading::kind_of;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "integer",
    does: "reads a whole number, `\"1,200\"` and `1200.0` too",
    options: &[],
    build: |_| Ok(Box::new(convert)),
};

fn convert(value: &str, out: &mut String) -> Result<(), String> {
    if !is_number(value) && !is_text(value) {
        return Err(format!("is {}, not a whole number", kind_of(value)));
    }
    out.push_str(&Decimal::read(&content(value)?, '.')?.whole_digits()?);
    Ok(())
}
