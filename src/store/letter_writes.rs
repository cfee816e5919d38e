//! How dead letters change: new ones, failed again, recovered, moved by a person. Indexes and counts change with them.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::letter_rows::{Body, GroupRow, Head, StateRow, missing_body};
use super::tables::{
    CORRECTIONS, GROUPS, LETTER_BODIES, LETTERS, LETTERS_BY_GROUP, LETTERS_BY_JOB, LETTERS_BY_PLACE, LETTERS_BY_RECORD,
    META,
};
use super::{FailedAgain, LetterMove, NewLetter, NewerContent, Recovery, StoreError};
use crate::model::{Actor, Attempt, DeadLetterId, JobId, ReasonClass, RunId, Timestamp};
use parking_lot::Mutex;
use redb::{ReadableTable, Table, WriteTransaction};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One change of dead letters, in the order in which they were asked for.
pub(super) enum LetterWork {
    Dead { job: u32, new: Box<NewLetter> },
    FailedAgain(Box<FailedAgain>),
    Newer(Box<NewerContent>),
    Recovered { recovery: Box<Recovery>, at: Timestamp, run: RunId },
    Move(MovePiece),
}

/// How many letters a person's order has moved so far, by job number. Its giver and the writer share it.
pub(super) type Moved = Arc<Mutex<HashMap<u32, u64>>>;

/// Some letters of a person's order.
pub(super) struct MovePiece {
    pub ids: Vec<DeadLetterId>,
    pub to: LetterMove,
    pub by: Actor,
    pub at: Timestamp,
    /// Counted up when the piece is carried out.
    pub moved: Moved,
}

/// Carries out `work` and keeps indexes and counts in step.
pub(super) fn write_letters(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    work: Vec<LetterWork>,
) -> Result<(), StoreError> {
    if work.is_empty() {
        return Ok(());
    }
    let letter_next = heads.letter_next;
    let mut tables = LetterTables::open(transaction, heads)?;
    for change in work {
        match change {
            LetterWork::Dead { job, new } => tables.add(job, &new)?,
            LetterWork::FailedAgain(again) => tables.fail_again(*again)?,
            LetterWork::Newer(newer) => tables.renew(*newer)?,
            LetterWork::Recovered { recovery, at, run } => tables.recover(*recovery, at, run)?,
            LetterWork::Move(piece) => tables.move_piece(piece)?,
        }
    }
    tables.close()?;
    if heads.letter_next != letter_next {
        transaction.open_table(META)?.insert("letter_next", heads.letter_next)?;
    }
    Ok(())
}

/// Removes letters with all that belongs to them, and the groups that lose their last one.
pub(super) fn remove_letters(transaction: &WriteTransaction, heads: &mut Heads, ids: &[u64]) -> Result<(), StoreError> {
    let mut tables = LetterTables::open(transaction, heads)?;
    let mut groups = HashSet::new();
    for id in ids {
        if let Some(bytes) = tables.head_bytes(*id)? {
            let head: Head<'_> = unpack("dead letter", &bytes)?;
            tables.uncount(*id, &head)?;
            tables.by_record.remove((head.job, head.record, *id))?;
            groups.insert((head.group, head.job));
        }
        tables.letters.remove(id)?;
        tables.bodies.remove(id)?;
    }
    for (group, job) in groups {
        let is_empty = tables.by_group.range((group, job, 0, 0)..=(group, job, u8::MAX, u64::MAX))?.next().is_none();
        if is_empty {
            tables.changed.remove(&(group, job));
            tables.groups.remove((group, job))?;
        }
    }
    tables.close()?;
    let mut corrections = transaction.open_table(CORRECTIONS)?;
    for id in ids {
        corrections.retain_in((*id, 0)..=(*id, u32::MAX), |_, _| false)?;
    }
    Ok(())
}

struct LetterTables<'t> {
    heads: &'t mut Heads,
    letters: Table<'t, u64, &'static [u8]>,
    bodies: Table<'t, u64, &'static [u8]>,
    by_place: Table<'t, (u8, u64), ()>,
    by_job: Table<'t, (u32, u8, u64), ()>,
    by_group: Table<'t, (u64, u32, u8, u64), ()>,
    by_record: Table<'t, (u32, &'static str, u64), ()>,
    groups: Table<'t, (u64, u32), &'static [u8]>,
    /// The groups that changed in this transaction; written once at its end.
    changed: HashMap<(u64, u32), GroupRow>,
}

impl<'t> LetterTables<'t> {
    fn open(transaction: &'t WriteTransaction, heads: &'t mut Heads) -> Result<Self, StoreError> {
        Ok(Self {
            heads,
            letters: transaction.open_table(LETTERS)?,
            bodies: transaction.open_table(LETTER_BODIES)?,
            by_place: transaction.open_table(LETTERS_BY_PLACE)?,
            by_job: transaction.open_table(LETTERS_BY_JOB)?,
            by_group: transaction.open_table(LETTERS_BY_GROUP)?,
            by_record: transaction.open_table(LETTERS_BY_RECORD)?,
            groups: transaction.open_table(GROUPS)?,
            changed: HashMap::new(),
        })
    }

    fn close(mut self) -> Result<(), StoreError> {
        for (key, group) in self.changed.drain() {
            self.groups.insert(key, pack(&group).as_slice())?;
        }
        Ok(())
    }

    fn head_bytes(&self, id: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.letters.get(id)?.map(|row| row.value().to_vec()))
    }

    fn add(&mut self, job: u32, new: &NewLetter) -> Result<(), StoreError> {
        let letter = &new.letter;
        let id = letter.id.0;
        if let Some(old) = self.head_bytes(id)? {
            // A number that is taken is not the engine's to give again; the counts stay right whatever happens.
            let old: Head<'_> = unpack("dead letter", &old)?;
            self.by_record.remove((old.job, old.record, id))?;
            self.uncount(id, &old)?;
        }
        let head = Head::of(letter, job);
        self.count(id, &head)?;
        self.by_record.insert((job, letter.record.as_str(), id), ())?;
        self.letters.insert(id, pack(&head).as_slice())?;
        self.bodies.insert(id, pack(&Body::of(letter)).as_slice())?;
        self.heads.letter_next = self.heads.letter_next.max(id + 1);
        Ok(())
    }

    /// A letter that failed again waits again, whatever stood before: its record still is not delivered.
    fn fail_again(&mut self, again: FailedAgain) -> Result<(), StoreError> {
        let id = again.id.0;
        let Some(bytes) = self.head_bytes(id)? else { return Ok(()) };
        let old: Head<'_> = unpack("dead letter", &bytes)?;
        let body = self.bodies.get(id)?.map(|row| unpack::<Body>("dead letter", row.value())).transpose()?;
        let mut body = body.ok_or_else(|| missing_body(id))?;
        self.uncount(id, &old)?;
        let head = Head {
            group: again.group.0,
            class: again.reason.class,
            status: again.reason.status,
            field: again.reason.field.as_deref(),
            message: &again.reason.message,
            attempts: old.attempts.saturating_add(1),
            last_at: again.attempt.at,
            state: StateRow::Waiting,
            ..old
        };
        self.count(id, &head)?;
        self.letters.insert(id, pack(&head).as_slice())?;
        body.source = again.source;
        body.sent = again.sent;
        body.answer.clone_from(&again.reason.answer);
        body.remember(again.attempt);
        self.bodies.insert(id, pack(&body).as_slice())?;
        Ok(())
    }

    /// The record of an open letter is another one by now.
    fn renew(&mut self, newer: NewerContent) -> Result<(), StoreError> {
        let id = newer.id.0;
        let body = self.bodies.get(id)?.map(|row| unpack::<Body>("dead letter", row.value())).transpose()?;
        let Some(body) = body else { return Ok(()) };
        let body = Body { source: newer.source, version: newer.version, deleted: newer.deleted, ..body };
        self.bodies.insert(id, pack(&body).as_slice())?;
        Ok(())
    }

    fn recover(&mut self, recovery: Recovery, at: Timestamp, run: RunId) -> Result<(), StoreError> {
        let Recovery { id, attempt } = recovery;
        let change = |state: &StateRow, _| match state {
            StateRow::Waiting | StateRow::Retrying { .. } => Some(StateRow::Recovered { at, run }),
            // A person's mark stays, and so does an earlier recovery.
            StateRow::Discarded { .. } | StateRow::Recovered { .. } => None,
        };
        if self.change_state(id, change)?.is_some()
            && let Some(attempt) = attempt
        {
            self.remember(id, attempt)?;
        }
        Ok(())
    }

    /// Adds the attempt that succeeded.
    fn remember(&mut self, id: DeadLetterId, attempt: Attempt) -> Result<(), StoreError> {
        let Some(bytes) = self.head_bytes(id.0)? else { return Ok(()) };
        let old: Head<'_> = unpack("dead letter", &bytes)?;
        let head = Head { attempts: old.attempts.saturating_add(1), ..old };
        self.letters.insert(id.0, pack(&head).as_slice())?;
        let body = self.bodies.get(id.0)?.map(|row| unpack::<Body>("dead letter", row.value())).transpose()?;
        let mut body = body.ok_or_else(|| missing_body(id.0))?;
        body.remember(attempt);
        self.bodies.insert(id.0, pack(&body).as_slice())?;
        Ok(())
    }

    fn move_piece(&mut self, piece: MovePiece) -> Result<(), StoreError> {
        let mut ids = piece.ids;
        ids.sort_unstable();
        for id in ids {
            let change = |state: &StateRow, class| moved_state(state, class, &piece.to, &piece.by, piece.at);
            if let Some(job) = self.change_state(id, change)? {
                *piece.moved.lock().entry(job).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Returns the number of the letter's job where the letter changed its state.
    fn change_state(
        &mut self,
        id: DeadLetterId,
        change: impl FnOnce(&StateRow, ReasonClass) -> Option<StateRow>,
    ) -> Result<Option<u32>, StoreError> {
        let Some(bytes) = self.head_bytes(id.0)? else { return Ok(None) };
        let old: Head<'_> = unpack("dead letter", &bytes)?;
        let Some(state) = change(&old.state, old.class) else { return Ok(None) };
        self.uncount(id.0, &old)?;
        let head = Head { state, ..old };
        self.count(id.0, &head)?;
        self.letters.insert(id.0, pack(&head).as_slice())?;
        Ok(Some(head.job))
    }

    fn count(&mut self, id: u64, head: &Head<'_>) -> Result<(), StoreError> {
        let place = head.state.place();
        let byte = super::jobs::place_byte(place);
        self.by_place.insert((byte, id), ())?;
        self.by_job.insert((head.job, byte, id), ())?;
        self.by_group.insert((head.group, head.job, byte, id), ())?;
        self.heads.numbered_mut(head.job)?.row.letters.add(place);
        self.group(head)?.add(head);
        Ok(())
    }

    fn uncount(&mut self, id: u64, head: &Head<'_>) -> Result<(), StoreError> {
        let place = head.state.place();
        let byte = super::jobs::place_byte(place);
        self.by_place.remove((byte, id))?;
        self.by_job.remove((head.job, byte, id))?;
        self.by_group.remove((head.group, head.job, byte, id))?;
        self.heads.numbered_mut(head.job)?.row.letters.subtract(place);
        self.group(head)?.letters.subtract(place);
        Ok(())
    }

    fn group(&mut self, head: &Head<'_>) -> Result<&mut GroupRow, StoreError> {
        let key = (head.group, head.job);
        match self.changed.entry(key) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let row = self.groups.get(key)?.map(|row| unpack("letter group", row.value())).transpose()?;
                Ok(entry.insert(row.unwrap_or_else(|| GroupRow::of(head))))
            }
        }
    }
}

/// The state after a person's order; none where the letter is not where the move begins.
fn moved_state(state: &StateRow, class: ReasonClass, to: &LetterMove, by: &Actor, at: Timestamp) -> Option<StateRow> {
    match (to, state) {
        (LetterMove::Retry, _) if class == ReasonClass::OutcomeUnknown => None,
        (LetterMove::Settle, StateRow::Waiting) if class != ReasonClass::OutcomeUnknown => None,
        (LetterMove::Settle, StateRow::Waiting) => Some(StateRow::Retrying { since: at, by: by.clone() }),
        (LetterMove::Retry, StateRow::Waiting) => Some(StateRow::Retrying { since: at, by: by.clone() }),
        (LetterMove::Discard { reason }, StateRow::Waiting) => {
            Some(StateRow::Discarded { at, by: by.clone(), reason: reason.clone() })
        }
        (LetterMove::Restore, StateRow::Discarded { .. } | StateRow::Retrying { .. }) => Some(StateRow::Waiting),
        _ => None,
    }
}

/// A person's order on letters, by job.
pub(super) fn named(moved: &HashMap<u32, u64>, name: impl Fn(u32) -> Option<JobId>) -> Vec<(JobId, u64)> {
    let mut named: Vec<_> = moved.iter().filter_map(|(job, n)| Some((name(*job)?, *n))).collect();
    named.sort();
    named
}
