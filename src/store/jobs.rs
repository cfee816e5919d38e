//! The table of jobs: their numbers, epochs and kept figures, and what people decided about them.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::inbox::Inboxes;
use super::tables::{CONTROLS, JOBS};
use super::{Shared, StoreError};
use crate::model::{Counts, FilterRule, InboxFacts, JobControl, JobId, LetterPlace, RunId};
use redb::{ReadTransaction, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// What is kept of a job. Rewritten with each of its pages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct JobRow {
    /// Stands for the name in keys.
    pub number: u32,
    /// Of the run that began last.
    pub epoch: u64,
    /// Of the last checkpoint; 0 before the first.
    pub sequence: u64,
    /// Over all checkpoints.
    pub total: Counts,
    /// Records that have a link.
    pub links: u64,
    pub letters: PlaceCounts,
    /// The filters that its runs had, oldest first, each once; the last [`FilterRule::KEPT_MAX`] of them. None of a job
    /// that never had one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<FilterRule>,
    /// Records that stand at the destination; none in rows of before this was kept, until the file is opened.
    #[serde(default)]
    pub live: Option<u64>,
    /// Withheld deletes, and those of them that wait for a person.
    #[serde(default)]
    pub held: u64,
    #[serde(default)]
    pub held_waiting: u64,
    /// Of pages that moved no checkpoint: webhook events, ranges, single records. Not of retries and releases, whose records
    /// were counted when they were read.
    #[serde(default)]
    pub beside: Counts,
    /// It is being forgotten: rows of it are gone already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_leaving: bool,
}

impl JobRow {
    /// Notes the filter of a run that begins, where it is not that of the run before.
    pub(super) fn begin_with(&mut self, run: RunId, rule: Option<String>) {
        if self.filters.last().and_then(|last| last.rule.as_ref()) == rule.as_ref() {
            return;
        }
        if self.filters.len() == FilterRule::KEPT_MAX {
            self.filters.remove(0);
        }
        self.filters.push(FilterRule { since: run, rule });
    }

    /// What the job counted in all.
    pub(super) fn everything(&self) -> Counts {
        let mut all = self.total;
        all += self.beside;
        all
    }

    /// True where nothing is remembered but the job's name.
    pub(super) fn is_blank(&self) -> bool {
        self.sequence == 0 && self.links == 0 && self.letters == PlaceCounts::default() && !self.is_leaving
    }
}

/// Letters by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlaceCounts(pub [u64; 4]);

impl PlaceCounts {
    pub(super) fn of(&self, places: &[LetterPlace]) -> u64 {
        places.iter().map(|place| self.0[usize::from(place_byte(*place))]).sum()
    }

    pub(super) fn add(&mut self, place: LetterPlace) {
        self.0[usize::from(place_byte(place))] += 1;
    }

    /// A count that would fall below zero stays there: figures are for people, a damaged one must not stop a page.
    pub(super) fn subtract(&mut self, place: LetterPlace) {
        let count = &mut self.0[usize::from(place_byte(place))];
        *count = count.saturating_sub(1);
    }
}

/// A place as keys hold it.
pub(super) fn place_byte(place: LetterPlace) -> u8 {
    match place {
        LetterPlace::Waiting => 0,
        LetterPlace::Retrying => 1,
        LetterPlace::Discarded => 2,
        LetterPlace::Recovered => 3,
    }
}

/// What readers know of the jobs without opening a table; renewed after each transaction that changes it.
#[derive(Default)]
pub(super) struct Directory {
    numbers: HashMap<JobId, u32>,
    names: Vec<JobId>,
    standing: Vec<Standing>,
    inboxes: Inboxes,
}

/// What of a job's row readers ask for most; its place is the job's number.
#[derive(Clone, Copy)]
struct Standing {
    has_links: bool,
    has_held: bool,
    is_blank: bool,
    is_leaving: bool,
    total: Counts,
}

impl Directory {
    pub(super) fn renew(&mut self, heads: &Heads) {
        for job in &heads.jobs()[self.names.len().min(heads.jobs().len())..] {
            self.numbers.insert(job.id.clone(), job.row.number);
            self.names.push(job.id.clone());
        }
        self.inboxes.clone_from(&heads.inboxes);
        self.standing.clear();
        self.standing.extend(heads.jobs().iter().map(|job| Standing {
            has_links: job.row.links > 0,
            has_held: job.row.held > 0,
            is_blank: job.row.is_blank(),
            is_leaving: job.row.is_leaving,
            total: job.row.everything(),
        }));
    }

    pub(super) fn number(&self, job: &JobId) -> Option<u32> {
        self.numbers.get(job).copied()
    }

    /// The names of all jobs, each at the place of its number.
    pub(super) fn names(&self) -> &[JobId] {
        &self.names
    }

    pub(super) fn name(&self, number: u32) -> Result<JobId, StoreError> {
        let name = self.names.get(number as usize);
        name.cloned().ok_or_else(|| StoreError::Row(format!("job number {number} has no job")))
    }

    pub(super) fn inbox(&self, job: &JobId) -> InboxFacts {
        self.number(job).and_then(|number| self.inboxes.get(&number)).copied().unwrap_or_default()
    }

    pub(super) fn has_held(&self, number: u32) -> bool {
        self.standing.get(number as usize).is_some_and(|standing| standing.has_held)
    }

    pub(super) fn has_links(&self, number: u32) -> bool {
        self.standing.get(number as usize).is_some_and(|standing| standing.has_links)
    }

    pub(super) fn total(&self, job: &JobId) -> Counts {
        let standing = self.number(job).and_then(|number| self.standing.get(number as usize));
        standing.map(|standing| standing.total).unwrap_or_default()
    }

    /// True where nothing is remembered of the job.
    pub(super) fn is_blank(&self, job: &JobId) -> bool {
        let standing = self.number(job).and_then(|number| self.standing.get(number as usize));
        standing.is_none_or(|standing| standing.is_blank)
    }

    /// The jobs that are being forgotten.
    pub(super) fn leaving(&self) -> Vec<JobId> {
        let named = self.names.iter().zip(&self.standing);
        named.filter(|(_, standing)| standing.is_leaving).map(|(name, _)| name.clone()).collect()
    }
}

pub(super) fn job_row(read: &ReadTransaction, job: &JobId) -> Result<Option<JobRow>, StoreError> {
    let jobs = read.open_table(JOBS)?;
    jobs.get(job.as_str())?.map(|row| unpack("job", row.value())).transpose()
}

impl Shared {
    pub(super) fn filter_rules(&self, job: &JobId) -> Result<Vec<FilterRule>, StoreError> {
        Ok(job_row(&self.snapshot()?, job)?.map(|row| row.filters).unwrap_or_default())
    }

    pub(super) fn control(&self, job: &JobId) -> Result<JobControl, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(JobControl::default()) };
        let controls = self.snapshot()?.open_table(CONTROLS)?;
        let control = controls.get(number)?.map(|row| unpack("job control", row.value())).transpose()?;
        Ok(control.unwrap_or_default())
    }
}

pub(super) fn write_controls(
    transaction: &WriteTransaction,
    controls: &BTreeMap<u32, JobControl>,
) -> Result<(), StoreError> {
    if controls.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(CONTROLS)?;
    for (number, control) in controls {
        table.insert(*number, pack(control).as_slice())?;
    }
    Ok(())
}

/// Writes the rows of the jobs that changed. The last of all writes, because the others change the kept figures.
pub(super) fn write_jobs(transaction: &WriteTransaction, heads: &mut Heads) -> Result<(), StoreError> {
    let mut table = transaction.open_table(JOBS)?;
    heads.each_changed(|job| {
        table.insert(job.id.as_str(), pack(&job.row).as_slice())?;
        Ok(())
    })
}
