//! Checkpoints that a person sets: a job goes back to where it stood, or takes a position over from a file.

use super::{Actor, Checkpoint, JobId, Position, RecordId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Where a job is to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewindTo {
    /// The checkpoint of this number.
    Sequence(Sequence),
    /// The newest checkpoint that was saved at or before this time.
    Time(Timestamp),
    /// The newest checkpoint before this record was last written, so that it is read again.
    Record(RecordId),
    /// Before the first record.
    Start,
}

impl RewindTo {
    /// Reads what a person types: `#1857`, `start`, `14:00`, `2h` (ago), `2026-03-02 14:00`, else a record's id.
    ///
    /// Times without an offset are UTC, as screens show them; a time of day is its last one before `now`.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.strip_prefix('#').unwrap_or(text);
        if text.is_empty() {
            return Err("needs a time (14:00, 2h), a number (#1857), `start` or a record's id".to_owned());
        }
        if text == "start" {
            return Ok(Self::Start);
        }
        if let Ok(number) = digits.replace(',', "").parse::<u64>() {
            return Ok(Self::Sequence(Sequence(number)));
        }
        if text.starts_with('#') {
            return Err(format!("`{text}` is no number of a checkpoint"));
        }
        Ok(time(text, now).map_or_else(|| Self::Record(RecordId::from(text)), Self::Time))
    }
}

fn time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(span) = ago(text) {
        return Some(now.minus(span));
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.into());
    }
    let utc = |at: jiff::civil::DateTime| at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp().into());
    if let Ok(at) = text.parse::<jiff::civil::DateTime>() {
        return utc(at);
    }
    let of_day = text.parse::<jiff::civil::Time>().ok().filter(|_| text.contains(':'))?;
    let today = now.to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    let at: Timestamp = utc(today.to_datetime(of_day))?;
    if at <= now { Some(at) } else { utc(today.yesterday().ok()?.to_datetime(of_day)) }
}

/// `90s`, `30m`, `2h`, `3d`.
fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

impl fmt::Display for RewindTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(sequence) => write!(f, "#{sequence}"),
            Self::Time(at) => write!(f, "{at}"),
            Self::Record(id) => write!(f, "before {}", id.shown()),
            Self::Start => f.write_str("the start"),
        }
    }
}

/// That a checkpoint was set by a person, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub what: MovedWhat,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovedWhat {
    /// Back to this checkpoint; none is the start.
    Rewind(Option<Sequence>),
    /// From a file that was this checkpoint when it was written.
    Import(Sequence),
}

impl Checkpoint {
    /// `rewind to #1857 by ada: wrong map`; none of a page of a run.
    pub fn moved_words(&self) -> Option<String> {
        let by: &Actor = self.moved_by.as_ref()?;
        let Some(moved) = &self.moved else { return Some(format!("moved by {by}")) };
        let what = match moved.what {
            MovedWhat::Rewind(Some(to)) => format!("rewind to #{to}"),
            MovedWhat::Rewind(None) => "rewind to the start".to_owned(),
            MovedWhat::Import(from) => format!("import of #{from}"),
        };
        Some(format!("{what} by {by}: {}", moved.reason))
    }
}

/// What a rewind would do, as far as it is known without asking the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewindPreview {
    pub job: JobId,
    /// The newest checkpoint. An order names it, so that it is refused when the job has gone on meanwhile.
    pub now: Option<Checkpoint>,
    /// The checkpoint to go back to; none is the start.
    pub to: Option<Checkpoint>,
    /// Where the job would stand then.
    pub position: Position,
    /// Records that were read, written and given up since then: counted when it happened.
    pub scanned_since: u64,
    pub written_since: u64,
    pub errored_since: u64,
    /// False: the order pauses it first.
    pub is_paused: bool,
    /// Why it is harmless, each in a sentence.
    pub safe: Vec<String>,
    /// What to think of, each in a sentence.
    pub beware: Vec<String>,
}

/// A checkpoint in a file, with what it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointFile {
    /// [`CheckpointFile::FORMAT`]; a file with a greater one is refused.
    pub format: u32,
    pub workspace: String,
    pub job: JobId,
    /// The source's connection, for people.
    pub source: String,
    /// A hash of how the source is read, in hexadecimal: elsewhere the position means nothing.
    pub source_identity: String,
    pub exported_at: Timestamp,
    pub checkpoint: Checkpoint,
}

impl CheckpointFile {
    pub const FORMAT: u32 = 1;

    pub fn identity(hash: u64) -> String {
        format!("{hash:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02T14:32:07Z.
    const NOW: Timestamp = Timestamp(1_772_461_927_000);

    fn time_of(text: &str) -> String {
        match RewindTo::parse(text, NOW) {
            Ok(RewindTo::Time(at)) => at.to_string(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_time_is_read_as_people_write_it() {
        assert_eq!(time_of("14:00"), "2026-03-02T14:00:00Z");
        assert_eq!(time_of("23:15:30"), "2026-03-01T23:15:30Z", "the last one before now");
        assert_eq!(time_of("2h"), "2026-03-02T12:32:07Z");
        assert_eq!(time_of("2026-03-01 09:00"), "2026-03-01T09:00:00Z");
        assert_eq!(time_of("2026-03-01T09:00:00+01:00"), "2026-03-01T08:00:00Z");
    }

    #[test]
    fn a_number_is_a_checkpoint_and_a_word_a_record() {
        assert_eq!(RewindTo::parse("#1,857", NOW), Ok(RewindTo::Sequence(Sequence(1857))));
        assert_eq!(RewindTo::parse(" 42 ", NOW), Ok(RewindTo::Sequence(Sequence(42))));
        assert_eq!(RewindTo::parse("start", NOW), Ok(RewindTo::Start));
        assert_eq!(RewindTo::parse("cus_0071h", NOW), Ok(RewindTo::Record(RecordId::from("cus_0071h"))));
        assert!(RewindTo::parse("#x", NOW).is_err() && RewindTo::parse(" ", NOW).is_err());
    }
}
