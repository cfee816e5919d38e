//! `time`: a moment, written as RFC 3339 in UTC or as told.

use super::moment::{Format, OPTIONS};
use super::transform::TransformSpec;
use super::value::push_text;
use jiff::fmt::strtime;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "time",
    does: "reads RFC 3339, RFC 2822, epoch seconds or milliseconds; writes RFC 3339",
    options: OPTIONS,
    build: |options| {
        let format = Format::from_options(options)?;
        Ok(Box::new(move |value, out| {
            let home = format.home();
            let at = format.read(value)?.timestamp(&home)?;
            let written = match &format.write {
                None => at.to_string(),
                Some(write) => strtime::format(write, &at.to_zoned(home))
                    .map_err(|error| format!("can not be written as `{write}`: {error}"))?,
            };
            push_text(out, &written);
            Ok(())
        }))
    },
};
