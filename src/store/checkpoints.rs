//! The table of checkpoints: numbered for each job without a gap, never changed, the oldest thinned.

use super::codec::{pack, unpack};
use super::tables::CHECKPOINTS;
use super::{Shared, StoreError};
use crate::model::filter::{Sieve, Term};
use crate::model::{Checkpoint, JobId, Sequence};
use redb::WriteTransaction;

/// Adds checkpoints (job number, checkpoint) and keeps the newest `kept_max` of each job.
pub(super) fn write_checkpoints(
    transaction: &WriteTransaction,
    checkpoints: &[(u32, Checkpoint)],
    kept_max: usize,
) -> Result<(), StoreError> {
    if checkpoints.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(CHECKPOINTS)?;
    for (job, checkpoint) in checkpoints {
        let sequence = checkpoint.sequence.0;
        table.insert((*job, sequence), pack(checkpoint).as_slice())?;
        if let Some(thinned) = sequence.checked_sub(kept_max.max(1) as u64).filter(|last| *last > 0) {
            table.retain_in((*job, 0)..=(*job, thinned), |_, _| false)?;
        }
    }
    Ok(())
}

impl Shared {
    /// Checkpoints of which all `terms` hold, newest first, at most `limit`. As many as are kept are looked at.
    pub(super) fn checkpoints(
        &self,
        job: &JobId,
        terms: &[Term],
        before: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        let before = before.map_or(u64::MAX, |sequence| sequence.0);
        let table = self.snapshot()?.open_table(CHECKPOINTS)?;
        let sieve = Sieve::new(terms);
        let mut found = Vec::new();
        for row in table.range((number, 0)..(number, before))?.rev() {
            if limit <= found.len() {
                break;
            }
            let checkpoint = unpack("checkpoint", row?.1.value())?;
            if sieve.lets_through(&checkpoint) {
                found.push(checkpoint);
            }
        }
        Ok(found)
    }
}
