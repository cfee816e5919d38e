//! What the writer keeps in memory, so that an order is judged before any table is touched: epochs, checkpoint heads, counters.

use super::StoreError;
use super::bulks::open_bulks;
use super::codec::unpack;
use super::inbox::{Inboxes, load_inboxes};
use super::jobs::JobRow;
use super::journal::last_entry;
use super::links::live_links;
use super::runs::RunRow;
use super::tables::{JOBS, META, RUNS};
use crate::model::{BulkRetry, Epoch, JobId, RunId};
use redb::{ReadTransaction, ReadableTable};
use std::collections::{BTreeMap, HashMap};

/// The heads of everything, as of the last transaction. Small: a row a job, and the runs in progress.
pub(super) struct Heads {
    /// The place is the job's number.
    jobs: Vec<JobHead>,
    numbers: HashMap<JobId, u32>,
    /// Runs that have not ended.
    pub runs: HashMap<RunId, RunRow>,
    pub run_next: u64,
    pub entry_next: u64,
    /// The hash of the last journal entry; empty before the first.
    pub entry_hash: String,
    /// The first number that no stored letter has.
    pub letter_next: u64,
    /// Retries of many letters that have not ended.
    pub bulks: BTreeMap<u64, BulkRetry>,
    pub bulk_next: u64,
    pub inboxes: Inboxes,
}

pub(super) struct JobHead {
    pub id: JobId,
    pub row: JobRow,
    pub is_changed: bool,
}

impl Heads {
    pub(super) fn load(read: &ReadTransaction) -> Result<Self, StoreError> {
        let mut jobs = Vec::new();
        for row in read.open_table(JOBS)?.iter()? {
            let (name, row) = row?;
            let mut row = unpack::<JobRow>("job", row.value())?;
            let live = match row.live {
                Some(live) => live,
                None => live_links(read, row.number)?,
            };
            row.live = Some(live);
            jobs.push(JobHead { id: JobId::from(name.value()), row, is_changed: false });
        }
        jobs.sort_by_key(|job| job.row.number);
        if jobs.iter().enumerate().any(|(place, job)| job.row.number as usize != place) {
            return Err(StoreError::Row("the numbers of the jobs have a gap".to_owned()));
        }
        let mut runs = HashMap::new();
        let mut run_last = 0;
        for row in read.open_table(RUNS)?.iter()? {
            let (number, row) = row?;
            run_last = number.value();
            let row = unpack::<RunRow>("run", row.value())?;
            if row.run.end.is_none() {
                runs.insert(row.run.id, row);
            }
        }
        let (entry_last, entry_hash) = last_entry(read)?;
        let letter_next = read.open_table(META)?.get("letter_next")?.map_or(1, |next| next.value());
        let numbers = jobs.iter().map(|job| (job.id.clone(), job.row.number)).collect();
        let (bulks, bulk_next) = open_bulks(read)?;
        Ok(Self {
            jobs,
            numbers,
            runs,
            run_next: run_last + 1,
            entry_next: entry_last + 1,
            entry_hash,
            letter_next,
            bulks,
            bulk_next,
            inboxes: load_inboxes(read)?,
        })
    }

    pub(super) fn jobs(&self) -> &[JobHead] {
        &self.jobs
    }

    /// The job's head to be changed; a job that is new here gets its number.
    pub(super) fn job_mut(&mut self, id: &JobId) -> &mut JobHead {
        let number = match self.numbers.get(id) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.jobs.len()).expect("fewer than four thousand million jobs");
                let row = JobRow { number, live: Some(0), ..JobRow::default() };
                self.jobs.push(JobHead { id: id.clone(), row, is_changed: true });
                self.numbers.insert(id.clone(), number);
                number
            }
        };
        let job = &mut self.jobs[number as usize];
        job.is_changed = true;
        job
    }

    pub(super) fn numbered_mut(&mut self, number: u32) -> Result<&mut JobHead, StoreError> {
        let job = self.jobs.get_mut(number as usize);
        let job = job.ok_or_else(|| StoreError::Row(format!("job number {number} has no job")))?;
        job.is_changed = true;
        Ok(job)
    }

    /// True when `run` may write for `job`: it began with `epoch`, no later run has begun, and it has not ended.
    pub(super) fn is_current(&self, job: &JobId, run: RunId, epoch: Epoch) -> bool {
        let present = self.numbers.get(job).map(|number| self.jobs[*number as usize].row.epoch);
        let began_with = self.runs.get(&run).filter(|row| row.run.job == *job).map(|row| row.epoch);
        present == Some(epoch.0) && began_with == present
    }

    /// Hands every job that changed to `write` and takes its mark away.
    pub(super) fn each_changed(
        &mut self,
        mut write: impl FnMut(&JobHead) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for job in self.jobs.iter_mut().filter(|job| job.is_changed) {
            write(job)?;
            job.is_changed = false;
        }
        Ok(())
    }
}
