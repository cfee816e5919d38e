//! A record's version: what "newer" means, in the source's own words and precision.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How the versions of a source are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionKind {
    /// An integer where the source writes an integer, else a time.
    #[default]
    Auto,
    Integer,
    /// A time; `zone` (an IANA name) serves times that are written without one.
    Time {
        zone: Option<String>,
    },
}

/// A record's version. The text is kept as the source wrote it, because microseconds and
/// trailing zeros count when it is sent back as a filter; comparing goes by value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Version {
    Integer(i64),
    Time { at: jiff::Timestamp, text: Arc<str> },
}

impl Version {
    /// Reads a version from the text of a JSON string or number.
    ///
    /// Returns the reason, in words for a person, when the text is neither a time nor an integer of `kind`.
    pub fn read(text: &str, kind: &VersionKind) -> Result<Self, String> {
        let integer = || text.trim().parse::<i64>().map(Self::Integer);
        match kind {
            VersionKind::Integer => integer().map_err(|_| format!("version is not an integer: `{}`", clip(text))),
            VersionKind::Auto => match integer() {
                Ok(version) => Ok(version),
                Err(_) => read_time(text, None),
            },
            VersionKind::Time { zone } => read_time(text, zone.as_deref()),
        }
    }

    /// The version as the source wrote it.
    pub fn text(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Time { text, .. } => text.to_string(),
        }
    }

    /// The version `overlap` before this one. An integer version has no length of time, so it stays as it is.
    #[must_use]
    pub fn before(&self, overlap: Duration) -> Self {
        match self {
            Self::Integer(number) => Self::Integer(*number),
            Self::Time { text, .. } if overlap.is_zero() => Self::Time { at: self.at(), text: text.clone() },
            Self::Time { at, .. } => {
                let earlier = at.checked_sub(overlap).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                Self::Time { at: earlier, text: earlier.to_string().into() }
            }
        }
    }

    fn at(&self) -> jiff::Timestamp {
        match self {
            Self::Time { at, .. } => *at,
            Self::Integer(_) => jiff::Timestamp::UNIX_EPOCH,
        }
    }
}

fn read_time(text: &str, zone: Option<&str>) -> Result<Version, String> {
    let text = text.trim();
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let civil: jiff::civil::DateTime =
                text.parse().map_err(|_| format!("version is neither a time nor an integer: `{}`", clip(text)))?;
            // A time without a zone means nothing until the configuration names one; UTC is the usual meaning in APIs.
            civil
                .in_tz(zone.unwrap_or("UTC"))
                .map_err(|error| format!("version `{}` has no place in its time zone: {error}", clip(text)))?
                .timestamp()
        }
    };
    Ok(Version::Time { at, text: text.into() })
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Time { at: a, .. }, Self::Time { at: b, .. }) => a.cmp(b),
            // A source that changed from integers to times counts from there on in times.
            (Self::Integer(_), Self::Time { .. }) => Ordering::Less,
            (Self::Time { .. }, Self::Integer(_)) => Ordering::Greater,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
