//! How rows become bytes: a version byte, then named fields (rows that live long) or a hand-packed link (the row there are millions of).

use super::StoreError;
use crate::model::{
    DeadLetterId, DeadMark, DestinationId, Fingerprint, Link, LinkEvent, Outcome, RawJson, RunId, SkipReason,
    Timestamp, Version,
};
use serde::Serialize;
use serde::de::Deserialize;

/// The first byte of every row. Old versions stay readable: a new layout takes the next number.
const ROW_VERSION: u8 = 1;

/// A row of named fields: fields may be added, and rows without them still read (`serde(default)`).
pub(super) fn pack<T: Serialize>(row: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(ROW_VERSION);
    rmp_serde::encode::write_named(&mut bytes, row).expect("a plain row always encodes into memory");
    bytes
}

pub(super) fn unpack<'a, T: Deserialize<'a>>(what: &str, bytes: &'a [u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&ROW_VERSION, fields)) => {
            rmp_serde::from_slice(fields).map_err(|error| StoreError::Row(format!("{what}: {error}")))
        }
        Some((version, _)) => Err(StoreError::Row(format!("{what}: row version {version} is unknown"))),
        None => Err(StoreError::Row(format!("{what}: the row is empty"))),
    }
}

const DESTINATION: u8 = 1;
const VERSION: u8 = 1 << 1;
const VERSION_IS_TIME: u8 = 1 << 2;
const WRITTEN: u8 = 1 << 3;
const TOMBSTONE: u8 = 1 << 4;
const DESTINATION_VERSION: u8 = 1 << 5;
const FIELDS: u8 = 1 << 6;
const DEAD: u8 = 1 << 7;

/// A link as bytes: version, flags, destination id, then whatever the flags announce, then the history.
pub(super) fn pack_link(link: &Link) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(64 + 12 * link.history.len()));
    out.0.push(ROW_VERSION);
    out.0.push(link_flags(link));
    if let Some(id) = &link.destination_id {
        out.text(id.as_str());
    }
    match &link.version {
        Some(Version::Integer(number)) => out.signed(*number),
        Some(Version::Time { at, text }) => {
            out.signed(at.as_second());
            out.signed(at.subsec_nanosecond().into());
            out.text(text);
        }
        None => {}
    }
    if let Some(Fingerprint(hash)) = link.written {
        out.0.extend_from_slice(&hash.to_le_bytes());
    }
    out.number(link.writes);
    if let Some(text) = &link.destination_version {
        out.text(text);
    }
    if let Some(fields) = &link.fields {
        out.text(fields.as_str());
    }
    if let Some(mark) = &link.dead {
        out.number(mark.letter.0);
        out.0.extend_from_slice(&mark.content.0.to_le_bytes());
        out.number(mark.attempts.into());
    }
    out.number(link.history.len() as u64);
    let mut before = 0;
    for event in &link.history {
        // Outcomes of one record lie close in time, so the distance is shorter than the moment.
        out.signed(event.at.0.wrapping_sub(before));
        before = event.at.0;
        out.number(event.run.0);
        out.0.push(outcome_byte(event.outcome));
    }
    out.0
}

fn link_flags(link: &Link) -> u8 {
    let mut flags = 0;
    let mut set = |flag, is_set| flags |= if is_set { flag } else { 0 };
    set(DESTINATION, link.destination_id.is_some());
    set(VERSION, link.version.is_some());
    set(VERSION_IS_TIME, matches!(link.version, Some(Version::Time { .. })));
    set(WRITTEN, link.written.is_some());
    set(TOMBSTONE, link.tombstone);
    set(DESTINATION_VERSION, link.destination_version.is_some());
    set(FIELDS, link.fields.is_some());
    set(DEAD, link.dead.is_some());
    flags
}

pub(super) fn unpack_link(bytes: &[u8]) -> Result<Link, StoreError> {
    read_link(bytes).ok_or_else(|| StoreError::Row("a link is cut short or of an unknown version".to_owned()))
}

/// Whether a packed link is of a record that stands at the destination, without reading the rest.
pub(super) fn link_is_live(bytes: &[u8]) -> bool {
    let flags = Reader(bytes).link_start().unwrap_or_default();
    flags & WRITTEN != 0 && flags & TOMBSTONE == 0
}

/// The destination id of a packed link, without reading the rest.
pub(super) fn link_destination(bytes: &[u8]) -> Option<&str> {
    let mut row = Reader(bytes);
    let flags = row.link_start()?;
    if flags & DESTINATION != 0 { row.text() } else { None }
}

fn read_link(bytes: &[u8]) -> Option<Link> {
    let mut row = Reader(bytes);
    let flags = row.link_start()?;
    let has = |flag| flags & flag != 0;
    let mut link = Link { tombstone: has(TOMBSTONE), ..Link::default() };
    if has(DESTINATION) {
        link.destination_id = Some(DestinationId::from(row.text()?));
    }
    if has(VERSION) {
        link.version = Some(if has(VERSION_IS_TIME) { row.time_version()? } else { Version::Integer(row.signed()?) });
    }
    if has(WRITTEN) {
        link.written = Some(row.fingerprint()?);
    }
    link.writes = row.number()?;
    if has(DESTINATION_VERSION) {
        link.destination_version = Some(row.text()?.to_owned());
    }
    if has(FIELDS) {
        link.fields = Some(RawJson::parse(row.text()?.to_owned()).ok()?);
    }
    if has(DEAD) {
        link.dead = Some(DeadMark {
            letter: DeadLetterId(row.number()?),
            content: row.fingerprint()?,
            attempts: u32::try_from(row.number()?).ok()?,
        });
    }
    link.history = row.history()?;
    Some(link)
}

const OUTCOMES: [Outcome; 11] = [
    Outcome::Created,
    Outcome::Updated,
    Outcome::Deleted,
    Outcome::Held,
    Outcome::Errored,
    Outcome::Skipped(SkipReason::Unchanged),
    Outcome::Skipped(SkipReason::Stale),
    Outcome::Skipped(SkipReason::Filtered),
    Outcome::Skipped(SkipReason::Echo),
    Outcome::Skipped(SkipReason::Superseded),
    Outcome::Skipped(SkipReason::Ignored),
];

/// The place of an outcome in [`OUTCOMES`], as a match so that the compiler asks for a new one.
fn outcome_byte(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Created => 0,
        Outcome::Updated => 1,
        Outcome::Deleted => 2,
        Outcome::Held => 3,
        Outcome::Errored => 4,
        Outcome::Skipped(SkipReason::Unchanged) => 5,
        Outcome::Skipped(SkipReason::Stale) => 6,
        Outcome::Skipped(SkipReason::Filtered) => 7,
        Outcome::Skipped(SkipReason::Echo) => 8,
        Outcome::Skipped(SkipReason::Superseded) => 9,
        Outcome::Skipped(SkipReason::Ignored) => 10,
    }
}

struct Writer(Vec<u8>);

impl Writer {
    /// Seven bits a byte, the lowest first; the eighth bit says that more follow.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Zigzag: small numbers of either sign stay short.
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Reads what [`Writer`] wrote. None where the row ends too early or says nonsense.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn link_start(&mut self) -> Option<u8> {
        if self.byte()? == ROW_VERSION { self.byte() } else { None }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn text(&mut self) -> Option<&'a str> {
        let n = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.take(n)?).ok()
    }

    fn fingerprint(&mut self) -> Option<Fingerprint> {
        Some(Fingerprint(u128::from_le_bytes(self.take(16)?.try_into().ok()?)))
    }

    fn time_version(&mut self) -> Option<Version> {
        let second = self.signed()?;
        let nanosecond = i32::try_from(self.signed()?).ok()?;
        let at = jiff::Timestamp::new(second, nanosecond).ok()?;
        Some(Version::Time { at, text: self.text()?.into() })
    }

    fn history(&mut self) -> Option<Vec<LinkEvent>> {
        let n = usize::try_from(self.number()?).ok()?;
        let mut history = Vec::with_capacity(n.min(Link::HISTORY_MAX));
        let mut before = 0_i64;
        for _ in 0..n {
            let at = before.wrapping_add(self.signed()?);
            before = at;
            let run = RunId(self.number()?);
            let outcome = *OUTCOMES.get(usize::from(self.byte()?))?;
            history.push(LinkEvent { at: Timestamp(at), run, outcome });
        }
        Some(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn links() -> impl Strategy<Value = Link> {
        let version = prop_oneof![
            any::<i64>().prop_map(Version::Integer),
            (-300_000_000_i64..4_000_000_000, 0..1_000_000_000_i32).prop_map(|(second, nanosecond)| {
                let at = jiff::Timestamp::new(second, nanosecond).expect("in range");
                Version::Time { at, text: at.to_string().into() }
            }),
        ];
        let dead = (any::<u64>(), any::<u128>(), any::<u32>()).prop_map(|(letter, content, attempts)| DeadMark {
            letter: DeadLetterId(letter),
            content: Fingerprint(content),
            attempts,
        });
        let event = (any::<i64>(), any::<u64>(), 0..OUTCOMES.len()).prop_map(|(at, run, outcome)| LinkEvent {
            at: Timestamp(at),
            run: RunId(run),
            outcome: OUTCOMES[outcome],
        });
        (
            (proptest::option::of(".{0,20}"), proptest::option::of(version), any::<Option<u128>>(), any::<u64>()),
            (any::<bool>(), any::<Option<String>>(), any::<bool>(), proptest::option::of(dead)),
            proptest::collection::vec(event, 0..=Link::HISTORY_MAX),
        )
            .prop_map(
                |((destination, version, written, writes), (tombstone, tag, has_fields, dead), history)| Link {
                    destination_id: destination.map(DestinationId::from),
                    version,
                    written: written.map(Fingerprint),
                    writes,
                    tombstone,
                    destination_version: tag,
                    fields: has_fields.then(|| RawJson::from_trusted(r#"{"a":9007199254740993}"#.to_owned())),
                    dead,
                    history,
                },
            )
    }

    proptest! {
        #[test]
        fn a_link_is_read_as_it_was_written(link in links()) {
            let bytes = pack_link(&link);
            prop_assert_eq!(link_destination(&bytes), link.destination_id.as_ref().map(DestinationId::as_str));
            prop_assert_eq!(unpack_link(&bytes).expect("just packed"), link);
        }

        #[test]
        fn a_link_that_is_cut_short_is_refused(link in links(), cut in 0.0..1.0_f64) {
            let bytes = pack_link(&link);
            let kept = (bytes.len() as f64 * cut) as usize;
            prop_assert!(unpack_link(&bytes[..kept]).is_err());
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack_link(&bytes);
            let _ = link_destination(&bytes);
        }
    }

    #[test]
    fn every_outcome_has_its_own_byte() {
        for (place, outcome) in OUTCOMES.into_iter().enumerate() {
            assert_eq!(usize::from(outcome_byte(outcome)), place);
        }
    }

    #[test]
    fn a_row_of_a_later_version_is_refused() {
        let mut bytes = pack(&7_u64);
        bytes[0] = 9;
        let error = unpack::<u64>("a number", &bytes).expect_err("version 9 is unknown").to_string();
        assert_eq!(error, "a row of the state can not be read: a number: row version 9 is unknown");
    }
}
