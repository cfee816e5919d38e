//! The table of runs: each execution of a job, what it counted and how it ended.

use super::codec::{pack, unpack};
use super::tables::{RUNS, RUNS_BY_JOB};
use super::{Shared, StoreError};
use crate::model::filter::{Sieve, Term};
use crate::model::{JobId, Run, RunEnd, RunId, Timestamp};
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A run, and when something of it was last saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RunRow {
    pub run: Run,
    pub saved_at: Timestamp,
    /// The job's number.
    pub job: u32,
    /// That it began with, and that its pages must carry.
    pub epoch: u64,
}

impl RunRow {
    /// Ends a run that its process did not end. It lived at least until it last saved something;
    /// when it really ended nobody knows.
    pub(super) fn interrupt(&mut self) {
        self.run.end = Some(RunEnd::Interrupted);
        self.run.ended_at = Some(self.saved_at);
    }
}

/// Runs looked at for thinning in one transaction, so that it stays short.
const THINNED_MAX: usize = 256;

pub(super) fn write_runs(
    transaction: &WriteTransaction,
    rows: &BTreeMap<RunId, RunRow>,
    kept_max: usize,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut runs = transaction.open_table(RUNS)?;
    let mut by_job = transaction.open_table(RUNS_BY_JOB)?;
    for (id, row) in rows {
        if runs.insert(id.0, pack(row).as_slice())?.is_none() {
            by_job.insert((row.job, id.0), ())?;
        }
    }
    let surplus = usize::try_from(runs.len()?).unwrap_or(usize::MAX).saturating_sub(kept_max.max(1));
    if surplus == 0 {
        return Ok(());
    }
    let mut thinned = Vec::new();
    for row in runs.iter()?.take(THINNED_MAX) {
        let row = unpack::<RunRow>("run", row?.1.value())?;
        // A run in progress stays, however old it is.
        if row.run.end.is_some() && thinned.len() < surplus {
            thinned.push((row.job, row.run.id.0));
        }
    }
    for (job, id) in thinned {
        runs.remove(id)?;
        by_job.remove((job, id))?;
    }
    Ok(())
}

impl Shared {
    /// Runs of which all `terms` hold, newest first, at most `limit`. As many as are kept are looked at.
    pub(super) fn runs(
        &self,
        job: Option<&JobId>,
        terms: &[Term],
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, StoreError> {
        let before = before.map_or(u64::MAX, |run| run.0);
        let sieve = Sieve::new(terms);
        let read = self.snapshot()?;
        let runs = read.open_table(RUNS)?;
        let mut found = Vec::new();
        let mut take = |row: &[u8]| -> Result<bool, StoreError> {
            let run = unpack::<RunRow>("run", row)?.run;
            if sieve.lets_through(&run) {
                found.push(run);
            }
            Ok(found.len() < limit)
        };
        let Some(job) = job else {
            for row in runs.range(..before)?.rev() {
                if limit == 0 || !take(row?.1.value())? {
                    break;
                }
            }
            return Ok(found);
        };
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        for key in read.open_table(RUNS_BY_JOB)?.range((number, 0)..(number, before))?.rev() {
            let id = key?.0.value().1;
            let Some(row) = runs.get(id)? else { continue };
            if limit == 0 || !take(row.value())? {
                break;
            }
        }
        Ok(found)
    }
}
