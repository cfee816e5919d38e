//! Times as systems write them, read for `time` and `date`.

use super::transform::{OptionError, OptionSpec, Options, both, nearest, wrong};
use super::value::{content, is_number, is_text};
use crate::model::reading::kind_of;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "read",
        does: "how the source writes it, as strftime: `%d.%m.%Y`; else the usual ways are known",
    },
    OptionSpec { name: "write", does: "how to write it, as strftime" },
    OptionSpec { name: "zone", does: "the time zone (`Europe/Berlin`) of times without one, and of what is written" },
];

/// The options of `time` and `date`.
pub(super) struct Format {
    pub(super) read: Option<String>,
    pub(super) write: Option<String>,
    pub(super) zone: Option<TimeZone>,
}

/// What was read: the clock as written, and the moment where the text tells it.
pub(super) struct Moment {
    pub(super) civil: DateTime,
    pub(super) at: Option<Timestamp>,
}

/// From so many on, an epoch counts milliseconds: it is the year 5138 in seconds and March 1973 in milliseconds.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

impl Format {
    pub(super) fn from_options(options: &Options<'_>) -> Result<Self, Vec<OptionError>> {
        let formats = both(checked_format(options, "read"), checked_format(options, "write"));
        let ((read, write), zone) = both(formats, zone(options))?;
        Ok(Self { read, write, zone })
    }

    /// Where times without a zone are at home. UTC is the usual meaning in APIs.
    pub(super) fn home(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    pub(super) fn read(&self, json: &str) -> Result<Moment, String> {
        if !is_text(json) && !is_number(json) {
            return Err(format!("is {}, not a time", kind_of(json)));
        }
        let text = content(json)?;
        let text = text.trim();
        let read = match &self.read {
            Some(format) => return self.read_as(text, format),
            None if is_number(json) => from_epoch(text),
            None => from_text(text),
        };
        read.ok_or_else(|| if text.is_empty() { "is empty, not a time" } else { "is not a time" }.to_owned())
    }

    fn read_as(&self, text: &str, format: &str) -> Result<Moment, String> {
        let refused = |error: jiff::Error| format!("is not written as `{format}`: {error}");
        let parts = BrokenDownTime::parse(format, text).map_err(refused)?;
        if parts.offset().is_some() || parts.timestamp().is_some() || parts.iana_time_zone().is_some() {
            let at = match parts.iana_time_zone() {
                Some(_) => parts.to_zoned().map_err(refused)?.timestamp(),
                None => parts.to_timestamp().map_err(refused)?,
            };
            let civil = parts.to_datetime().unwrap_or_else(|_| at.to_zoned(TimeZone::UTC).datetime());
            return Ok(Moment { civil, at: Some(at) });
        }
        Ok(Moment { civil: parts.to_datetime().map_err(refused)?, at: None })
    }
}

impl Moment {
    pub(super) fn timestamp(&self, home: &TimeZone) -> Result<Timestamp, String> {
        match self.at {
            Some(at) => Ok(at),
            None => home.to_timestamp(self.civil).map_err(|error| format!("has no place in its time zone: {error}")),
        }
    }
}

fn from_text(text: &str) -> Option<Moment> {
    if let Ok(at) = text.parse::<Timestamp>() {
        // With `Z` the clock is UTC's; with an offset it is the one of the place that wrote it.
        let civil = text.parse().unwrap_or_else(|_| at.to_zoned(TimeZone::UTC).datetime());
        return Some(Moment { civil, at: Some(at) });
    }
    // Eight digits are a date, all other digits are an epoch.
    if text.len() != 8
        && let Some(moment) = from_epoch(text)
    {
        return Some(moment);
    }
    if let Ok(civil) = text.parse::<DateTime>() {
        return Some(Moment { civil, at: None });
    }
    if let Ok(date) = text.parse::<Date>() {
        return Some(Moment { civil: date.into(), at: None });
    }
    let zoned: Zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Moment { civil: zoned.datetime(), at: Some(zoned.timestamp()) })
}

/// Seconds (with decimals) or milliseconds since 1970.
fn from_epoch(text: &str) -> Option<Moment> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let unit: i128 = if whole < MILLISECONDS_FROM { 1_000_000_000 } else { 1_000_000 };
    let fraction: i128 = format!("{fraction:0<9.9}").parse().ok()?;
    let nanoseconds = (i128::from(whole) * unit + fraction * unit / 1_000_000_000) * sign;
    let at = Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some(Moment { civil: at.to_zoned(TimeZone::UTC).datetime(), at: Some(at) })
}

/// A format that can not even write a time can not read one either.
fn checked_format(options: &Options<'_>, name: &str) -> Result<Option<String>, Vec<OptionError>> {
    let Some(format) = options.text(name)? else { return Ok(None) };
    let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match strtime::format(format, &sample) {
        Ok(_) if format.contains('%') => Ok(Some(format.to_owned())),
        Ok(_) => Err(wrong(name, format!("`{format}` is no format"), Some("write it like `%d.%m.%Y`".to_owned()))),
        Err(error) => {
            Err(wrong(name, format!("`{format}` is no format: {error}"), Some("write it like `%d.%m.%Y`".to_owned())))
        }
    }
}

fn zone(options: &Options<'_>) -> Result<Option<TimeZone>, Vec<OptionError>> {
    let Some(name) = options.text("zone")? else { return Ok(None) };
    TimeZone::get(name).map(Some).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a name of the IANA database, like `Europe/Berlin`".to_owned(),
        };
        wrong("zone", format!("unknown time zone `{name}`"), Some(hint))
    })
}
