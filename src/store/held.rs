//! The table of withheld deletes: a row a record, until it is deleted or listed again.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::jobs::job_row;
use super::open::if_there;
use super::tables::HELD;
use super::{HeldChange, Shared, StoreError};
use crate::model::{HeldDelete, JobId, RecordId};
use redb::WriteTransaction;

/// Writes what changed; the kept figures change with it.
pub(super) fn write_held(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    changes: Vec<(u32, HeldChange)>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(HELD)?;
    for (job, change) in changes {
        let (before, after) = match &change {
            HeldChange::Hold(row) => {
                let before = table.insert((job, row.record.as_str()), pack(row).as_slice())?;
                (before.map(|before| waits(before.value())).transpose()?, Some(row.kept.is_none()))
            }
            HeldChange::Drop(record) => {
                let before = table.remove((job, record.as_str()))?;
                (before.map(|before| waits(before.value())).transpose()?, None)
            }
        };
        let row = &mut heads.numbered_mut(job)?.row;
        if let Some(waited) = before {
            row.held = row.held.saturating_sub(1);
            row.held_waiting = row.held_waiting.saturating_sub(u64::from(waited));
        }
        if let Some(waits) = after {
            row.held += 1;
            row.held_waiting += u64::from(waits);
        }
    }
    Ok(())
}

fn waits(row: &[u8]) -> Result<bool, StoreError> {
    Ok(unpack::<HeldDelete>("withheld delete", row)?.kept.is_none())
}

impl Shared {
    /// The withheld deletes of `ids`, in their order.
    pub(super) fn held_of(&self, job: &JobId, ids: &[RecordId]) -> Result<Vec<Option<HeldDelete>>, StoreError> {
        let mut found = vec![None; ids.len()];
        let number = {
            let directory = self.directory.read();
            directory.number(job).filter(|number| directory.has_held(*number))
        };
        let Some(number) = number else { return Ok(found) };
        let Some(table) = if_there(self.snapshot()?.open_table(HELD))? else { return Ok(found) };
        for (place, id) in ids.iter().enumerate() {
            let row = table.get((number, id.as_str()))?;
            found[place] = row.map(|row| unpack("withheld delete", row.value())).transpose()?;
        }
        Ok(found)
    }

    /// The job's withheld deletes in the order of their ids, those behind `after`, at most `limit`; of those that people
    /// keep, or of those that wait.
    pub(super) fn held(
        &self,
        job: &JobId,
        after: Option<&RecordId>,
        is_kept: bool,
        limit: usize,
    ) -> Result<Vec<HeldDelete>, StoreError> {
        let mut found = Vec::new();
        let Some(number) = self.directory.read().number(job) else { return Ok(found) };
        let Some(table) = if_there(self.snapshot()?.open_table(HELD))? else { return Ok(found) };
        let first = after.map_or("", RecordId::as_str);
        for row in table.range((number, first)..)? {
            let (key, row) = row?;
            if key.value().0 != number || found.len() >= limit {
                break;
            }
            if after.is_some() && key.value().1 == first {
                continue;
            }
            let row: HeldDelete = unpack("withheld delete", row.value())?;
            if row.kept.is_some() == is_kept {
                found.push(row);
            }
        }
        Ok(found)
    }

    /// How many of the job's withheld deletes wait, and how many records people keep.
    pub(super) fn held_counts(&self, job: &JobId) -> Result<(u64, u64), StoreError> {
        let row = job_row(&self.snapshot()?, job)?;
        Ok(row.map_or((0, 0), |row| (row.held_waiting, row.held.saturating_sub(row.held_waiting))))
    }
}
