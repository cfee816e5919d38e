//! Forgetting a job: its rows go, some thousand in a transaction, so that nobody waits for long.
//!
//! The first transaction takes the checkpoints and marks the job, so that what a crash leaves is never taken for a job that
//! can go on: the next engine ends the work. The job's number stays, for numbers have no gap.

use super::codec::unpack;
use super::heads::Heads;
use super::jobs::JobRow;
use super::letter_writes::remove_letters;
use super::tables::{
    BULKS, CHECKPOINTS, CONTROLS, CORRECTIONS_BY_RECORD, HELD, INBOX, INBOX_FACTS, LETTERS_BY_JOB, LINKS,
    LINKS_BY_DESTINATION, RUNS, RUNS_BY_JOB, SEARCH, SEARCH_OF_RECORD, SEEN, SUBSCRIPTIONS,
};
use super::{Note, StoreError};
use crate::model::{BulkRetry, JobId, RunId};
use parking_lot::Mutex;
use redb::{Key, ReadableTable, TableDefinition, Value, WriteTransaction};
use std::borrow::Borrow;
use std::ops::Range;
use std::sync::Arc;

/// Rows that one transaction removes …
pub(super) const ROWS: usize = 5_000;
/// … or letters, each of which stands in several tables.
const LETTERS: usize = 500;

/// A part of the work.
pub(super) struct ForgetPiece {
    pub job: JobId,
    /// Written with the first part.
    pub note: Option<Note>,
    /// Set when nothing is left. The giver and the writer share it.
    pub is_done: Arc<Mutex<bool>>,
}

/// A part whose order was taken in.
pub(super) struct ForgetWork {
    job: JobId,
    is_first: bool,
    is_done: Arc<Mutex<bool>>,
}

impl Heads {
    /// Marks the job: nothing that began before may save anything from now on.
    pub(super) fn begin_forgetting(&mut self, piece: &ForgetPiece) -> ForgetWork {
        let row = &mut self.job_mut(&piece.job).row;
        let is_first = !row.is_leaving;
        row.epoch += u64::from(is_first);
        row.is_leaving = true;
        ForgetWork { job: piece.job.clone(), is_first, is_done: piece.is_done.clone() }
    }
}

/// Removes some rows of each job; with its last row a job loses its mark.
pub(super) fn write_forgets(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    work: Vec<ForgetWork>,
) -> Result<(), StoreError> {
    for ForgetWork { job, is_first, is_done } in work {
        let number = heads.job_mut(&job).row.number;
        if is_first {
            transaction.open_table(CONTROLS)?.remove(number)?;
            transaction.open_table(CHECKPOINTS)?.retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?;
        }
        if remove_rows(transaction, heads, number, &job)? {
            let row = &mut heads.job_mut(&job).row;
            *row = JobRow { number, epoch: row.epoch, live: Some(0), ..JobRow::default() };
            *is_done.lock() = true;
        }
    }
    Ok(())
}

/// Removes about [`ROWS`] rows of a job. True when none is left.
fn remove_rows(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    number: u32,
    job: &JobId,
) -> Result<bool, StoreError> {
    let after = number + 1;
    let texts = || (number, "")..(after, "");
    let mut left = ROWS;
    left -= remove(transaction, LINKS, texts(), left)?;
    left -= remove(transaction, LINKS_BY_DESTINATION, texts(), left)?;
    left -= remove(transaction, SEARCH, (number, 0, "")..(after, 0, ""), left)?;
    left -= remove(transaction, SEARCH_OF_RECORD, texts(), left)?;
    left -= remove(transaction, CORRECTIONS_BY_RECORD, (number, "", 0, 0)..(after, "", 0, 0), left)?;
    left -= remove(transaction, INBOX, (number, 0)..(after, 0), left)?;
    left -= remove(transaction, HELD, texts(), left)?;
    left -= remove(transaction, SEEN, (number, 0)..(after, 0), left)?;
    left -= remove_runs(transaction, heads, number, left)?;
    if left == 0 {
        return Ok(false);
    }
    let by_job = transaction.open_table(LETTERS_BY_JOB)?;
    let letters = by_job.range((number, 0, 0)..(after, 0, 0))?.take(LETTERS);
    let letters = letters.map(|key| Ok(key?.0.value().2)).collect::<Result<Vec<u64>, StoreError>>()?;
    drop(by_job);
    if !letters.is_empty() {
        remove_letters(transaction, heads, &letters)?;
        return Ok(false);
    }
    remove_bulks(transaction, heads, job)?;
    transaction.open_table(INBOX_FACTS)?.remove(number)?;
    transaction.open_table(SUBSCRIPTIONS)?.remove(job.as_str())?;
    heads.inboxes.remove(&number);
    Ok(true)
}

/// Removes the first rows of a range, at most `most`, and returns how many those were.
fn remove<'a, K, V, B>(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    range: Range<B>,
    most: usize,
) -> Result<usize, StoreError>
where
    K: Key + 'static,
    V: Value + 'static,
    B: Borrow<K::SelfType<'a>> + 'a,
{
    let mut table = transaction.open_table(table)?;
    let mut n = 0;
    for row in table.extract_from_if(range, |_, _| true)?.take(most) {
        row?;
        n += 1;
    }
    Ok(n)
}

fn remove_runs(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    number: u32,
    most: usize,
) -> Result<usize, StoreError> {
    let mut by_job = transaction.open_table(RUNS_BY_JOB)?;
    let mut runs = transaction.open_table(RUNS)?;
    let mut n = 0;
    for row in by_job.extract_from_if((number, 0)..(number + 1, 0), |_, _| true)?.take(most) {
        let run = row?.0.value().1;
        runs.remove(run)?;
        heads.runs.remove(&RunId(run));
        n += 1;
    }
    Ok(n)
}

/// There are few of them, of all jobs together.
fn remove_bulks(transaction: &WriteTransaction, heads: &mut Heads, job: &JobId) -> Result<(), StoreError> {
    let mut table = transaction.open_table(BULKS)?;
    let mut gone = Vec::new();
    for row in table.iter()? {
        let (number, row) = row?;
        if unpack::<BulkRetry>("bulk retry", row.value())?.job == *job {
            gone.push(number.value());
        }
    }
    for number in gone {
        table.remove(number)?;
        heads.bulks.remove(&number);
    }
    Ok(())
}
