//! Reading a range: what changed since one moment and before another, beside the job's own listing.
//!
//! The records go through the normal loop, and the checkpoint stays where it is. A range that was cut off is read again from
//! its start, which is harmless: what it wrote is unchanged then.

use super::job::Live;
use super::orders::{OrderError, Ordered};
use super::page::PageRead;
use super::read::{CursorsSeen, ReadEnd, Reader, repeated_cursor};
use super::{Engine, Start};
use crate::connect::ReadFrom;
use crate::model::{Actor, Item, Job, JobControl, JobId, RangeOrder, RunEnd, RunKind, Timestamp, Version, VersionKind};
use crate::store::Note;

/// Why no range of a job's source can be read.
pub(super) fn refusal(job: &Job) -> Option<String> {
    match &job.source.fields.version {
        None => Some(format!("`{}` has no `version`, so nothing says which records are of that time", job.id)),
        Some((_, VersionKind::Integer)) => {
            Some(format!("the versions of `{}` are numbers, so nothing says which records are of that time", job.id))
        }
        Some(_) => None,
    }
}

impl Start {
    /// The range that the first run of each job reads.
    pub(super) fn range(&self) -> Option<RangeOrder> {
        let by = self.by.clone().unwrap_or_else(Actor::engine);
        self.since.map(|since| RangeOrder { since, until: self.until, by })
    }
}

impl Live {
    /// What becomes of an ordered range after a run of it: it is over, or is read again from its start.
    pub(super) fn range_over(&mut self, end: &RunEnd, again_at: Timestamp) {
        match end {
            RunEnd::Failed { parked: false, .. } => self.not_before = Some(again_at),
            RunEnd::Stopped { .. } if !self.is_cancelled => {}
            RunEnd::Interrupted => {}
            _ => self.control.range = None,
        }
    }
}

impl RangeOrder {
    pub(super) fn kind(&self) -> RunKind {
        RunKind::Range { since: self.since, until: self.until }
    }
}

impl Engine {
    /// Reads a range of a job as soon as no other run is in its way.
    pub async fn read_range(
        &self,
        job: &JobId,
        since: Timestamp,
        until: Option<Timestamp>,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let cell = self.cell(job)?;
        if let Some(why) = refusal(&cell.spec) {
            return Err(OrderError::Refused(why));
        }
        if until.is_some_and(|until| until <= since) {
            return Err(OrderError::Refused("the range ends before it begins".to_owned()));
        }
        self.may_run(&cell)?;
        let range = RangeOrder { since, until, by: by.clone() };
        let words = range.kind().range_words().unwrap_or_default();
        let note = self.note(by.clone(), "range", job, None);
        let note = Note { before: Some("no range".to_owned()), after: Some(words.clone()), ..note };
        let at = note.at;
        let change = |control: &mut JobControl| {
            control.range = Some(range);
            true
        };
        cell.change_control(&self.store, Some(note), change).await?;
        cell.wake.notify_waiters();
        self.tell_order(&cell, format!("range {words} ordered by {by}"));
        let suffix = if self.is_running() { "" } else { "; it runs when the engine starts" };
        Ok(Ordered { text: format!("reading {job} {words}; its checkpoint stays where it is{suffix}"), changed: 1, at })
    }
}

impl Reader {
    /// Reads the records of a range, and hands over the pages that have any.
    pub(super) async fn read_range(self, since: Timestamp, until: Option<Timestamp>) {
        let end = self.range_pages(since, until).await;
        self.send_end(end).await;
    }

    async fn range_pages(&self, since: Timestamp, until: Option<Timestamp>) -> ReadEnd {
        let rules = self.cell.spec.position_rules();
        let at = since.to_jiff();
        let bound = Version::Time { at, text: at.to_string().into() };
        let mut from = ReadFrom { cursor: None, since: rules.incremental.then_some(bound) };
        let mut seen = CursorsSeen::default();
        let mut records = 0;
        loop {
            if self.stop.is_cancelled() {
                return ReadEnd::Stopped;
            }
            if self.reached(0, records) {
                return ReadEnd::Limit;
            }
            let page = match self.read_page(&from).await {
                Ok(page) => page,
                Err(end) => return end,
            };
            if page.next.as_ref().is_some_and(|next| seen.repeats(from.cursor.as_ref(), next)) {
                return ReadEnd::Fatal(Box::new(repeated_cursor(&self.cell.spec.id)));
            }
            let is_past = |item: &Item| moment(item).is_some_and(|at| until.is_some_and(|until| until <= at));
            let is_meant = |item: &Item| moment(item).is_some_and(|at| since <= at) && !is_past(item);
            // In order of version, nothing of the range comes after one that is past it.
            let is_last = page.next.is_none() || rules.sorted && page.items.last().is_some_and(is_past);
            let items: Vec<Item> = page.items.into_iter().filter(is_meant).collect();
            records += items.len() as u64;
            let read = PageRead { items, is_listed: true, ..PageRead::of_letters() };
            if !read.items.is_empty() && !self.send(read).await {
                return ReadEnd::Stopped;
            }
            if is_last {
                return ReadEnd::Complete;
            }
            from.cursor = page.next;
        }
    }
}

/// When a record changed, as its version says. What can not be read is left to the job's own listing.
fn moment(item: &Item) -> Option<Timestamp> {
    match item {
        Item::Change(change) => match &change.version {
            Some(Version::Time { at, .. }) => Some(Timestamp::from(*at)),
            _ => None,
        },
        Item::Unreadable { .. } => None,
    }
}
