//! The table of what a whole listing gave, and the search for what it left out.
//!
//! One small row a page: hashes of its records' ids. At the listing's end they are held against the links, a part of the
//! hashes at a time, so that memory stays flat however many records there are.

use super::codec::{link_is_live, unpack, unpack_link};
use super::open::if_there;
use super::tables::{HELD, LINKS, SEEN};
use super::{Missed, Seen, SeenPage, Shared, StoreError, SweepFacts, SweepFrom};
use crate::model::{HeldDelete, JobId, Outcome, RecordId, Timestamp};
use redb::{ReadOnlyTable, ReadTransaction, WriteTransaction};
use xxhash_rust::xxh3::xxh3_64;

/// The first byte of a row.
const ROW_VERSION: u8 = 1;
/// Version, when the listing began (8 bytes), how many of the page's records had no id (4 bytes); then the hashes.
const HEAD: usize = 13;
/// Hashes that are held in memory at once: 16 MB of them.
const PART_MAX: u64 = 2_000_000;

impl SeenPage {
    /// The row of a page: whichever of two ids with one hash is missing counts as seen, so nothing is deleted for it.
    pub fn new(page: u64, began: Timestamp, unkeyed: u32, ids: &[RecordId]) -> Self {
        let hashes = ids.iter().map(|id| xxh3_64(id.as_str().as_bytes())).collect();
        Self { page, began, unkeyed, hashes }
    }

    fn pack(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(HEAD + 8 * self.hashes.len());
        row.push(ROW_VERSION);
        row.extend_from_slice(&self.began.0.to_le_bytes());
        row.extend_from_slice(&self.unkeyed.to_le_bytes());
        for hash in &self.hashes {
            row.extend_from_slice(&hash.to_le_bytes());
        }
        row
    }
}

/// A row, taken apart without copying it.
struct Row<'a> {
    began: Timestamp,
    unkeyed: u32,
    hashes: &'a [u8],
}

impl<'a> Row<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::Row("a page of a listing is cut short or of an unknown version".to_owned());
        let (head, hashes) = bytes.split_at_checked(HEAD).ok_or_else(damaged)?;
        let (version, rest) = head.split_first().ok_or_else(damaged)?;
        let (began, unkeyed) = rest.split_at_checked(8).ok_or_else(damaged)?;
        if *version != ROW_VERSION || hashes.len() % 8 != 0 {
            return Err(damaged());
        }
        Ok(Self {
            began: Timestamp(i64::from_le_bytes(began.try_into().map_err(|_| damaged())?)),
            unkeyed: u32::from_le_bytes(unkeyed.try_into().map_err(|_| damaged())?),
            hashes,
        })
    }

    fn hashes(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.hashes.chunks_exact(8).filter_map(|hash| hash.try_into().ok().map(u64::from_le_bytes))
    }
}

/// Writes the pages of listings; the first page of a listing takes the place of all pages of the one before.
pub(super) fn write_seen(transaction: &WriteTransaction, seen: Vec<(u32, Seen)>) -> Result<(), StoreError> {
    if seen.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(SEEN)?;
    for (job, seen) in seen {
        if !matches!(&seen, Seen::Page(page) if page.page > 1) {
            table.retain_in((job, 0)..=(job, u64::MAX), |_, _| false)?;
        }
        if let Seen::Page(page) = seen {
            table.insert((job, page.page), page.pack().as_slice())?;
        }
    }
    Ok(())
}

impl Shared {
    /// What is known of a listing: whether all of its pages are there, and how many records it left out.
    pub(super) fn sweep_facts(&self, job: &JobId, began: Timestamp, pages: u64) -> Result<SweepFacts, StoreError> {
        let mut facts = SweepFacts::default();
        let Some(number) = self.directory.read().number(job) else { return Ok(facts) };
        let read = self.snapshot()?;
        let Some(table) = if_there(read.open_table(SEEN))? else { return Ok(facts) };
        let mut next = 1;
        for row in table.range((number, 1)..=(number, pages))? {
            let (key, row) = row?;
            let row = Row::read(row.value())?;
            if key.value().1 != next || row.began != began {
                return Ok(facts);
            }
            next += 1;
            facts.listed += (row.hashes.len() / 8) as u64;
            facts.unkeyed += u64::from(row.unkeyed);
        }
        if next != pages + 1 {
            return Ok(facts);
        }
        facts.is_whole = true;
        let (mut missing, mut live) = (0, 0);
        Walk { number, pages, listed: facts.listed, began }.each(
            &read,
            &table,
            &SweepFrom::default(),
            |_, _, is_missing| {
                live += 1;
                missing += u64::from(is_missing);
                true
            },
        )?;
        (facts.missing, facts.live) = (missing, live);
        Ok(facts)
    }

    /// The next records that a listing left out, at most `most`, and where the search goes on; none at its end.
    pub(super) fn missing(
        &self,
        job: &JobId,
        began: Timestamp,
        pages: u64,
        listed: u64,
        from: &SweepFrom,
        most: usize,
    ) -> Result<Missed, StoreError> {
        let mut missed = Missed::default();
        let Some(number) = self.directory.read().number(job) else { return Ok(missed) };
        let read = self.snapshot()?;
        let Some(table) = if_there(read.open_table(SEEN))? else { return Ok(missed) };
        Walk { number, pages, listed, began }.each(&read, &table, from, |part, id, is_missing| {
            if !is_missing {
                return true;
            }
            missed.records.push(RecordId::from(id));
            if missed.records.len() < most {
                return true;
            }
            missed.next = Some(SweepFrom { part, after: Some(RecordId::from(id)) });
            false
        })?;
        Ok(missed)
    }
}

/// A walk over a job's links, beside what a listing gave.
struct Walk {
    number: u32,
    pages: u64,
    listed: u64,
    began: Timestamp,
}

impl Walk {
    /// Whether a record was written after the listing began, of which the listing can say nothing.
    fn is_newer(&self, link: &[u8]) -> Result<bool, StoreError> {
        let is_write = |outcome| matches!(outcome, Outcome::Created | Outcome::Updated);
        Ok(unpack_link(link)?.history.iter().any(|event| event.at > self.began && is_write(event.outcome)))
    }

    fn parts(&self) -> u64 {
        self.listed.div_ceil(PART_MAX).max(1)
    }

    /// Calls `visit` with each record that the job keeps at the destination and whether the listing left it out, until it
    /// says that this is enough. Records that a person keeps there are passed over, and so is what was written since the
    /// listing began: an event or a range may have brought it when the listing was past its place.
    fn each(
        &self,
        read: &ReadTransaction,
        seen: &ReadOnlyTable<(u32, u64), &'static [u8]>,
        from: &SweepFrom,
        mut visit: impl FnMut(u64, &str, bool) -> bool,
    ) -> Result<(), StoreError> {
        let links = read.open_table(LINKS)?;
        let held = if_there(read.open_table(HELD))?;
        let is_kept = |id: &str| -> Result<bool, StoreError> {
            let Some(held) = &held else { return Ok(false) };
            let Some(row) = held.get((self.number, id))? else { return Ok(false) };
            Ok(unpack::<HeldDelete>("withheld delete", row.value())?.kept.is_some())
        };
        let parts = self.parts();
        for part in from.part..parts {
            let hashes = self.part(seen, part, parts)?;
            let after = from.after.as_ref().filter(|_| part == from.part);
            let first = after.map_or("", RecordId::as_str);
            for row in links.range((self.number, first)..)? {
                let (key, link) = row?;
                let (number, id) = key.value();
                if number != self.number {
                    break;
                }
                let hash = xxh3_64(id.as_bytes());
                let is_passed = after.is_some() && id == first;
                if is_passed || hash % parts != part || !link_is_live(link.value()) {
                    continue;
                }
                let is_missing = hashes.binary_search(&hash).is_err();
                if is_missing && (self.is_newer(link.value())? || is_kept(id)?) {
                    continue;
                }
                if !visit(part, id, is_missing) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The hashes of one part, in order.
    fn part(
        &self,
        seen: &ReadOnlyTable<(u32, u64), &'static [u8]>,
        part: u64,
        parts: u64,
    ) -> Result<Vec<u64>, StoreError> {
        let mut hashes = Vec::new();
        for row in seen.range((self.number, 1)..=(self.number, self.pages))? {
            let (_, row) = row?;
            hashes.extend(Row::read(row.value())?.hashes().filter(|hash| hash % parts == part));
        }
        hashes.sort_unstable();
        Ok(hashes)
    }
}
