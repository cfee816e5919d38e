//! `number`: `"$1,200.50"` becomes `1200.5`; all digits are kept.

use super::decimal::Decimal;
use super::transform::{OptionSpec, TransformSpec, wrong};
use super::value::{content, is_number, is_text};
use crate::model::reading::kind_of;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "number",
    does: "reads a number with currency signs and thousands: `\"$1,200.50\"` becomes `1200.5`",
    options: &[OptionSpec { name: "decimal", does: "the decimal sign, `.` or `,`; `.` where it is left out" }],
    build: |options| {
        let decimal = match options.text("decimal")? {
            None | Some(".") => '.',
            Some(",") => ',',
            Some(other) => return Err(wrong("decimal", format!("must be `.` or `,`, not `{other}`"), None)),
        };
        Ok(Box::new(move |value, out| convert(value, decimal, out)))
    },
};

fn convert(value: &str, decimal: char, out: &mut String) -> Result<(), String> {
    if is_number(value) {
        out.push_str(value);
        return Ok(());
    }
    if !is_text(value) {
        return Err(format!("is {}, not a number", kind_of(value)));
    }
    out.push_str(&Decimal::read(&content(value)?, decimal)?.to_json());
    Ok(())
}
