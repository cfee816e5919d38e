//! The table of intents: creates that were about to be sent, and whose end is not noted yet.

use super::codec::{pack, unpack};
use super::open::if_there;
use super::tables::INTENTS;
use super::{Shared, StoreError};
use crate::model::{Intent, JobId, RecordId};
use redb::WriteTransaction;

/// What becomes of the intent of one record (job number, record, the new intent or none).
pub(super) type IntentWork = (u32, RecordId, Option<Intent>);

/// Notes intents and takes out the settled ones, in their order.
pub(super) fn write_intents(transaction: &WriteTransaction, work: &[IntentWork]) -> Result<(), StoreError> {
    if work.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(INTENTS)?;
    for (job, record, intent) in work {
        match intent {
            Some(intent) => table.insert((*job, record.as_str()), pack(intent).as_slice())?,
            None => table.remove((*job, record.as_str()))?,
        };
    }
    Ok(())
}

impl Shared {
    /// The open intents of `ids`, in their order.
    pub(super) fn intents(&self, job: &JobId, ids: &[RecordId]) -> Result<Vec<Option<Intent>>, StoreError> {
        let mut found = vec![None; ids.len()];
        let Some(number) = self.directory.read().number(job) else { return Ok(found) };
        let Some(table) = if_there(self.snapshot()?.open_table(INTENTS))? else { return Ok(found) };
        // Mostly there are none at all.
        if table.range((number, "")..(number + 1, ""))?.next().is_none() {
            return Ok(found);
        }
        for (found, id) in found.iter_mut().zip(ids) {
            let row = table.get((number, id.as_str()))?;
            *found = row.map(|row| unpack("intent", row.value())).transpose()?;
        }
        Ok(found)
    }
}
