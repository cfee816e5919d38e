//! The table of corrections: what people put in place of refused values, one after the other, never changed.

use super::codec::{pack, unpack};
use super::open::if_there;
use super::tables::{CORRECTIONS, CORRECTIONS_BY_RECORD};
use super::{Shared, StoreError};
use crate::model::{Correction, DeadLetterId, JobId, RecordId};
use redb::{ReadableTable, WriteTransaction};

/// Corrections of one record that are looked at, the newest.
const OF_RECORD_MAX: usize = 20;

/// Adds corrections (job number, correction); each takes the next number of its letter.
pub(super) fn write_corrections(
    transaction: &WriteTransaction,
    corrections: Vec<(u32, Correction)>,
) -> Result<(), StoreError> {
    if corrections.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(CORRECTIONS)?;
    let mut by_record = transaction.open_table(CORRECTIONS_BY_RECORD)?;
    for (job, mut correction) in corrections {
        let letter = correction.letter.0;
        let last = table.range((letter, 0)..=(letter, u32::MAX))?.next_back().transpose()?;
        let number = last.map_or(0, |(key, _)| key.value().1).saturating_add(1);
        correction.number = number;
        table.insert((letter, number), pack(&correction).as_slice())?;
        by_record.insert((job, correction.record.as_str(), letter, number), ())?;
    }
    Ok(())
}

impl Shared {
    /// The corrections of a letter, oldest first.
    pub(super) fn corrections(&self, letter: DeadLetterId) -> Result<Vec<Correction>, StoreError> {
        let Some(table) = if_there(self.snapshot()?.open_table(CORRECTIONS))? else { return Ok(Vec::new()) };
        let rows = table.range((letter.0, 0)..=(letter.0, u32::MAX))?;
        rows.map(|row| unpack("correction", row?.1.value())).collect()
    }

    /// The correction of a letter that counts; none when nobody corrected it, or it was taken back.
    pub(super) fn correction(&self, letter: DeadLetterId) -> Result<Option<Correction>, StoreError> {
        let Some(table) = if_there(self.snapshot()?.open_table(CORRECTIONS))? else { return Ok(None) };
        let last = table.range((letter.0, 0)..=(letter.0, u32::MAX))?.next_back().transpose()?;
        let last = last.map(|(_, row)| unpack::<Correction>("correction", row.value())).transpose()?;
        Ok(last.filter(|correction| !correction.fields.is_empty()))
    }

    /// The last corrections of a record, newest first, whatever letter they were made for.
    pub(super) fn corrections_of(&self, job: &JobId, record: &RecordId) -> Result<Vec<Correction>, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        let read = self.snapshot()?;
        let (Some(table), Some(by_record)) =
            (if_there(read.open_table(CORRECTIONS))?, if_there(read.open_table(CORRECTIONS_BY_RECORD))?)
        else {
            return Ok(Vec::new());
        };
        let keys = (number, record.as_str(), 0, 0)..=(number, record.as_str(), u64::MAX, u32::MAX);
        let mut found = Vec::new();
        for key in by_record.range(keys)?.rev().take(OF_RECORD_MAX) {
            let (_, _, letter, number) = key?.0.value();
            if let Some(row) = table.get((letter, number))? {
                found.push(unpack("correction", row.value())?);
            }
        }
        Ok(found)
    }
}
