//! `date`: a day of the calendar.

use super::moment::{Format, OPTIONS};
use super::transform::TransformSpec;
use super::value::push_text;
use jiff::fmt::strtime;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "date",
    does: "reads what `time` reads; writes the day, `2024-01-31`, in `zone` or as the source wrote it",
    options: OPTIONS,
    build: |options| {
        let format = Format::from_options(options)?;
        Ok(Box::new(move |value, out| {
            let moment = format.read(value)?;
            // Without a zone the day is the one that the source wrote: moving it to UTC would change birthdays.
            let date = match (&format.zone, moment.at) {
                (Some(zone), Some(at)) => at.to_zoned(zone.clone()).date(),
                _ => moment.civil.date(),
            };
            let written = match &format.write {
                None => date.to_string(),
                Some(write) => {
                    strtime::format(write, date).map_err(|error| format!("can not be written as `{write}`: {error}"))?
                }
            };
            push_text(out, &written);
            Ok(())
        }))
    },
};
