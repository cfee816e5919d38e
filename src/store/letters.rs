//! Questions about dead letters, answered from indexes and kept counts, so that a million list like ten.

use super::codec::unpack;
use super::jobs::{JobRow, PlaceCounts, job_row, place_byte};
use super::letter_rows::{Body, GroupRow, Head, Wanted, missing_body};
use super::tables::{
    GROUPS, JOBS, LETTER_BODIES, LETTERS, LETTERS_BY_GROUP, LETTERS_BY_JOB, LETTERS_BY_PLACE, LETTERS_BY_RECORD,
};
use super::{LetterIds, OrderedAt, Shared, StoreError};
use crate::model::{
    DeadLetter, DeadLetterId, GroupId, JobId, LetterFilter, LetterGroup, LetterPlace, LetterRow, RecordId,
};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata};
use std::collections::{BinaryHeap, HashMap};

/// Letter numbers of one index range.
type Numbers = Box<dyn DoubleEndedIterator<Item = Result<u64, StoreError>>>;

/// One range of an index that holds a part of the letters that are meant, and how many it holds in all.
struct Part {
    range: PartRange,
    kept: u64,
}

#[derive(Clone, Copy)]
enum PartRange {
    All(LetterPlace),
    Job(u32, LetterPlace),
    Group(GroupId, u32, LetterPlace),
}

impl PartRange {
    fn numbers(self, read: &ReadTransaction, from: u64, up_to: u64) -> Result<Numbers, StoreError> {
        Ok(match self {
            Self::All(place) => {
                let place = place_byte(place);
                let range = read.open_table(LETTERS_BY_PLACE)?.range((place, from)..=(place, up_to))?;
                Box::new(range.map(|key| Ok(key?.0.value().1)))
            }
            Self::Job(job, place) => {
                let place = place_byte(place);
                let range = read.open_table(LETTERS_BY_JOB)?.range((job, place, from)..=(job, place, up_to))?;
                Box::new(range.map(|key| Ok(key?.0.value().2)))
            }
            Self::Group(GroupId(group), job, place) => {
                let place = place_byte(place);
                let keys = (group, job, place, from)..=(group, job, place, up_to);
                let range = read.open_table(LETTERS_BY_GROUP)?.range(keys)?;
                Box::new(range.map(|key| Ok(key?.0.value().3)))
            }
        })
    }
}

/// The index ranges that together hold the letters of `wanted`, and those that its groups can not tell apart.
struct Parts {
    ranges: Vec<Part>,
    /// Some of the letters in them may not be meant: each must be looked at.
    reads_letters: bool,
}

/// Groups whose letters are merged from their own ranges. Of more, the ranges of their jobs are read instead.
const GROUPS_MERGED_MAX: usize = 4_096;

fn parts(read: &ReadTransaction, wanted: &Wanted) -> Result<Parts, StoreError> {
    if wanted.narrows_groups()
        && let Some(parts) = parts_by_group(read, wanted)?
    {
        return Ok(parts);
    }
    let mut ranges = Vec::new();
    let mut all = PlaceCounts::default();
    for row in read.open_table(JOBS)?.iter()? {
        let row = unpack::<JobRow>("job", row?.1.value())?;
        if wanted.job == Some(row.number) {
            add(&mut ranges, wanted, row.letters, |place| PartRange::Job(row.number, place));
        }
        all.0.iter_mut().zip(row.letters.0).for_each(|(sum, n)| *sum += n);
    }
    if wanted.job.is_none() {
        add(&mut ranges, wanted, all, PartRange::All);
    }
    Ok(Parts { ranges, reads_letters: wanted.reads_letters() || wanted.narrows_groups() })
}

/// None where too many groups are meant.
fn parts_by_group(read: &ReadTransaction, wanted: &Wanted) -> Result<Option<Parts>, StoreError> {
    let mut parts = Parts { ranges: Vec::new(), reads_letters: wanted.reads_letters() };
    let table = read.open_table(GROUPS)?;
    for (first, last) in wanted.group_ranges() {
        for row in table.range((first, 0)..=(last, u32::MAX))? {
            let (key, row) = row?;
            let (group, job) = key.value();
            let row = unpack::<GroupRow>("letter group", row.value())?;
            let is_meant = wanted.means_group(group, job, &row);
            if is_meant == Some(false) {
                continue;
            }
            parts.reads_letters |= is_meant.is_none();
            add(&mut parts.ranges, wanted, row.letters, |place| PartRange::Group(GroupId(group), job, place));
            if parts.ranges.len() > GROUPS_MERGED_MAX {
                return Ok(None);
            }
        }
    }
    Ok(Some(parts))
}

fn add(parts: &mut Vec<Part>, wanted: &Wanted, counts: PlaceCounts, range: impl Fn(LetterPlace) -> PartRange) {
    for place in &wanted.places {
        let kept = counts.of(&[*place]);
        if kept > 0 {
            parts.push(Part { range: range(*place), kept });
        }
    }
}

/// The numbers of several parts, newest first.
fn newest_first(
    read: &ReadTransaction,
    parts: &[Part],
    up_to: u64,
) -> Result<impl Iterator<Item = Result<u64, StoreError>>, StoreError> {
    // What each stream gives next, the greatest on top. An error counts as the greatest, so that it comes out at once.
    let mut streams = Vec::with_capacity(parts.len());
    let mut heads = BinaryHeap::with_capacity(parts.len());
    for part in parts {
        let mut stream = part.range.numbers(read, 0, up_to)?.rev();
        heads.extend(stream.next().transpose()?.map(|number| (number, streams.len())));
        streams.push(stream);
    }
    let mut failed = None;
    Ok(std::iter::from_fn(move || {
        if let Some(error) = failed.take() {
            heads.clear();
            return Some(Err(error));
        }
        let (number, at) = heads.pop()?;
        match streams[at].next() {
            Some(Ok(next)) => heads.push((next, at)),
            Some(Err(error)) => failed = Some(error),
            None => {}
        }
        Some(Ok(number))
    }))
}

/// Goes through the letters that match, newest first, until `visit` says stop (false).
fn visit_matching(
    read: &ReadTransaction,
    wanted: &Wanted,
    mut visit: impl FnMut(DeadLetterId, Option<&Head<'_>>) -> bool,
) -> Result<(), StoreError> {
    let parts = parts(read, wanted)?;
    if !parts.reads_letters {
        for number in newest_first(read, &parts.ranges, wanted.up_to)? {
            if !visit(DeadLetterId(number?), None) {
                return Ok(());
            }
        }
        return Ok(());
    }
    let letters = read.open_table(LETTERS)?;
    let kept: u64 = parts.ranges.iter().map(|part| part.kept).sum();
    if kept.saturating_mul(4) < letters.len()? {
        for number in newest_first(read, &parts.ranges, wanted.up_to)? {
            let number = number?;
            let Some(row) = letters.get(number)? else { continue };
            let head: Head<'_> = unpack("dead letter", row.value())?;
            if wanted.matches(number, &head) && !visit(DeadLetterId(number), Some(&head)) {
                return Ok(());
            }
        }
        return Ok(());
    }
    // Most letters are meant anyway: to walk the table is several times faster than to look each one up.
    for row in letters.range(..=wanted.up_to)?.rev() {
        let (number, row) = row?;
        let head: Head<'_> = unpack("dead letter", row.value())?;
        if wanted.matches(number.value(), &head) && !visit(DeadLetterId(number.value()), Some(&head)) {
            return Ok(());
        }
    }
    Ok(())
}

impl Shared {
    fn wanted(&self, filter: &LetterFilter) -> Option<Wanted> {
        Wanted::new(filter, &self.directory.read())
    }

    pub(super) fn letters_waiting(&self, job: &JobId) -> Result<u64, StoreError> {
        let row = job_row(&self.snapshot()?, job)?.unwrap_or_default();
        Ok(row.letters.of(&[LetterPlace::Waiting, LetterPlace::Retrying]))
    }

    pub(super) fn letter_ids(&self, filter: &LetterFilter, limit: usize) -> Result<LetterIds, StoreError> {
        let Some(wanted) = self.wanted(filter) else { return Ok(LetterIds::default()) };
        let read = self.snapshot()?;
        let mut ids = Vec::new();
        let parts = parts(&read, &wanted)?;
        if parts.reads_letters {
            let mut total = 0;
            visit_matching(&read, &wanted, |id, _| {
                total += 1;
                if ids.len() < limit {
                    ids.push(id);
                }
                true
            })?;
            return Ok(LetterIds { ids: ids.into(), total });
        }
        for number in newest_first(&read, &parts.ranges, wanted.up_to)?.take(limit) {
            ids.push(DeadLetterId(number?));
        }
        let mut total = 0;
        for part in &parts.ranges {
            total += part.kept;
            if let Some(newer) = wanted.up_to.checked_add(1) {
                // Few: only letters that came after the list was opened.
                let newer = part.range.numbers(&read, newer, u64::MAX)?.count() as u64;
                total = total.saturating_sub(newer);
            }
        }
        Ok(LetterIds { ids: ids.into(), total })
    }

    /// The next matching numbers, newest first, for a move that goes on where it left off.
    pub(super) fn next_letter_ids(&self, filter: &LetterFilter, limit: usize) -> Result<Vec<DeadLetterId>, StoreError> {
        let Some(wanted) = self.wanted(filter) else { return Ok(Vec::new()) };
        let mut ids = Vec::new();
        visit_matching(&self.snapshot()?, &wanted, |id, _| {
            ids.push(id);
            ids.len() < limit
        })?;
        Ok(ids)
    }

    pub(super) fn letter_groups(&self, filter: &LetterFilter) -> Result<Vec<LetterGroup>, StoreError> {
        let Some(wanted) = self.wanted(filter) else { return Ok(Vec::new()) };
        let read = self.snapshot()?;
        let kept = if wanted.reads_letters() { None } else { kept_groups(&read, &wanted)? };
        let rows = kept.map_or_else(|| counted_groups(&read, &wanted), Ok)?;
        let directory = self.directory.read();
        let mut groups = Vec::new();
        for ((group, job), row) in rows {
            let n = row.letters.of(&wanted.places);
            if n > 0 {
                groups.push((n, row.group(GroupId(group), directory.name(job)?)));
            }
        }
        groups.sort_by(|(n, a), (m, b)| {
            m.cmp(n).then(b.last_at.cmp(&a.last_at)).then_with(|| (&a.job, a.id).cmp(&(&b.job, b.id)))
        });
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    pub(super) fn letter_rows(&self, ids: &[DeadLetterId]) -> Result<Vec<Option<LetterRow>>, StoreError> {
        let letters = self.snapshot()?.open_table(LETTERS)?;
        let directory = self.directory.read();
        let row = |id: &DeadLetterId| {
            let Some(row) = letters.get(id.0)? else { return Ok(None) };
            let head: Head<'_> = unpack("dead letter", row.value())?;
            let job = directory.name(head.job)?;
            Ok(Some(head.row(*id, job)))
        };
        ids.iter().map(row).collect()
    }

    pub(super) fn letter(&self, id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError> {
        self.whole_letter(&self.snapshot()?, id)
    }

    fn whole_letter(&self, read: &ReadTransaction, id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError> {
        let Some(row) = read.open_table(LETTERS)?.get(id.0)? else { return Ok(None) };
        let head: Head<'_> = unpack("dead letter", row.value())?;
        let body = read.open_table(LETTER_BODIES)?.get(id.0)?.ok_or_else(|| missing_body(id.0))?;
        let body: Body = unpack("dead letter", body.value())?;
        let job = self.directory.read().name(head.job)?;
        Ok(Some(head.letter(id, job, body)))
    }

    /// The letters of one record, newest first, at most `limit`.
    pub(super) fn letters_of(
        &self,
        job: &JobId,
        record: &RecordId,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        let read = self.snapshot()?;
        let keys = (number, record.as_str(), 0)..=(number, record.as_str(), u64::MAX);
        let mut letters = Vec::new();
        for row in read.open_table(LETTERS_BY_RECORD)?.range(keys)?.rev().take(limit) {
            letters.extend(self.whole_letter(&read, DeadLetterId(row?.0.value().2))?);
        }
        Ok(letters)
    }

    pub(super) fn letters_retrying(
        &self,
        job: &JobId,
        after: Option<DeadLetterId>,
        limit: usize,
        ordered: &OrderedAt,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        let Some(from) = after.map_or(Some(0), |id| id.0.checked_add(1)) else { return Ok(Vec::new()) };
        let read = self.snapshot()?;
        let heads = read.open_table(LETTERS)?;
        let mut letters = Vec::new();
        for id in PartRange::Job(number, LetterPlace::Retrying).numbers(&read, from, u64::MAX)? {
            let id = id?;
            if *ordered != OrderedAt::Any {
                let Some(row) = heads.get(id)? else { continue };
                let head: Head<'_> = unpack("dead letter", row.value())?;
                if !head.state.moved_at().is_some_and(|since| ordered.is_meant(since)) {
                    continue;
                }
            }
            letters.extend(self.whole_letter(&read, DeadLetterId(id))?);
            if limit <= letters.len() {
                break;
            }
        }
        Ok(letters)
    }

    /// How many letters of the job are under retry. Kept, not counted.
    pub(super) fn letters_under_retry(&self, job: &JobId) -> Result<u64, StoreError> {
        let row = job_row(&self.snapshot()?, job)?.unwrap_or_default();
        Ok(row.letters.of(&[LetterPlace::Retrying]))
    }
}

type GroupRows = HashMap<(u64, u32), GroupRow>;

/// The kept figures of the groups, less what is newer than the filter's last letter. None where they do not tell which of
/// a group's letters are meant.
fn kept_groups(read: &ReadTransaction, wanted: &Wanted) -> Result<Option<GroupRows>, StoreError> {
    let table = read.open_table(GROUPS)?;
    let mut rows = GroupRows::new();
    for (first, last) in wanted.group_ranges() {
        for row in table.range((first, 0)..=(last, u32::MAX))? {
            let (key, row) = row?;
            let (group, job) = key.value();
            let row = unpack("letter group", row.value())?;
            match wanted.means_group(group, job, &row) {
                Some(true) => {
                    rows.insert((group, job), row);
                }
                Some(false) => {}
                None => return Ok(None),
            }
        }
    }
    let Some(newer) = wanted.up_to.checked_add(1) else { return Ok(Some(rows)) };
    for row in read.open_table(LETTERS)?.range(newer..)? {
        let (_, row) = row?;
        let head: Head<'_> = unpack("dead letter", row.value())?;
        if let Some(group) = rows.get_mut(&(head.group, head.job)) {
            group.letters.subtract(head.state.place());
        }
    }
    Ok(Some(rows))
}

/// The groups of the letters that match, counted: words are in no index.
fn counted_groups(read: &ReadTransaction, wanted: &Wanted) -> Result<GroupRows, StoreError> {
    let mut rows = GroupRows::new();
    visit_matching(read, wanted, |_, head| {
        if let Some(head) = head {
            rows.entry((head.group, head.job)).or_insert_with(|| GroupRow::of(head)).add(head);
        }
        true
    })?;
    Ok(rows)
}
