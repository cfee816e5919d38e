//! The table of retries of many letters: how far each is, changed in the transaction of the page that brought it further.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::open::if_there;
use super::tables::BULKS;
use super::{BulkChange, Shared, StoreError};
use crate::model::{BulkRetry, BulkStage, LetterEnd, Timestamp};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};
use std::collections::BTreeMap;

/// Retries that are kept, the newest.
const KEPT_MAX: u64 = 1_000;

/// Those that have not ended, and the number that the next one takes.
pub(super) fn open_bulks(read: &ReadTransaction) -> Result<(BTreeMap<u64, BulkRetry>, u64), StoreError> {
    let mut open = BTreeMap::new();
    let Some(table) = if_there(read.open_table(BULKS))? else { return Ok((open, 1)) };
    let mut last = 0;
    for row in table.iter()? {
        let (number, row) = row?;
        last = number.value();
        let bulk = unpack::<BulkRetry>("bulk retry", row.value())?;
        if bulk.is_open() {
            open.insert(last, bulk);
        }
    }
    Ok((open, last + 1))
}

pub(super) fn write_bulks(transaction: &WriteTransaction, bulks: &BTreeMap<u64, BulkRetry>) -> Result<(), StoreError> {
    if bulks.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(BULKS)?;
    for (number, bulk) in bulks {
        table.insert(number, pack(bulk).as_slice())?;
    }
    while table.len()? > KEPT_MAX {
        table.pop_first()?;
    }
    Ok(())
}

impl Heads {
    /// A new retry with the next number.
    pub(super) fn begin_bulk(&mut self, bulk: BulkRetry) -> BulkRetry {
        let bulk = BulkRetry { number: self.bulk_next, ..bulk };
        self.bulk_next += 1;
        self.bulks.insert(bulk.number, bulk.clone());
        bulk
    }

    /// Takes in what became of letters of a retry. None where it ended already.
    pub(super) fn bulk_went_on(&mut self, number: u64, ends: &[LetterEnd], at: Timestamp) -> Option<BulkRetry> {
        let bulk = self.bulks.get_mut(&number)?;
        bulk.take_in(ends, at);
        Some(bulk.clone())
    }

    /// Changes a retry's stage. None where it ended already.
    pub(super) fn change_bulk(&mut self, number: u64, change: BulkChange) -> Option<BulkRetry> {
        let bulk = self.bulks.get_mut(&number)?;
        match (change, &bulk.stage) {
            (BulkChange::Gathered { total }, BulkStage::Gathering) => {
                bulk.total = total;
                bulk.stage = BulkStage::Canary;
            }
            (BulkChange::Gathered { .. }, _) => {}
            (BulkChange::Stop { .. }, BulkStage::Stopping { .. }) => {}
            (BulkChange::Stop { why }, _) => bulk.stage = BulkStage::Stopping { why },
            (BulkChange::End { at }, stage) => {
                let stopped = match stage {
                    BulkStage::Stopping { why } => Some(why.clone()),
                    _ => None,
                };
                bulk.stage = BulkStage::Ended { stopped };
                bulk.ended_at = Some(at);
            }
        }
        let bulk = bulk.clone();
        if !bulk.is_open() {
            self.bulks.remove(&number);
        }
        Some(bulk)
    }
}

impl Shared {
    /// Retries of many letters, newest first.
    pub(super) fn bulks(&self, limit: usize) -> Result<Vec<BulkRetry>, StoreError> {
        let Some(table) = if_there(self.snapshot()?.open_table(BULKS))? else { return Ok(Vec::new()) };
        table.iter()?.rev().take(limit).map(|row| unpack("bulk retry", row?.1.value())).collect()
    }
}
