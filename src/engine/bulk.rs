//! Retries of many letters: ordered, taken up again after a crash, paced, stopped and ended.
//!
//! The order is saved before a letter of it moves, and each page's outcome in the transaction of the page, so that at any
//! instant the state tells exactly what was sent.

use super::Engine;
use super::job::{JobCell, OpenLetters};
use super::orders::{OrderError, Ordered};
use crate::model::{
    Actor, BulkRetry, BulkStage, Clock, GroupId, JobId, LetterFilter, LetterPlace, Level, Limits, RunKind, Selection,
    Timestamp,
};
use crate::store::{BulkChange, LetterMove, Note, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// The share of a configured request budget that a retry takes at most; the rest is for the jobs.
const BUDGET_SHARE: f64 = 0.3;
/// Letters a minute where no budget is configured.
const RATE_WITHOUT_BUDGET: u32 = 1_200;
/// Retries that ended and are still shown.
const ENDED_MAX: usize = 3;
/// A retry goes on for so long before it makes way for a run that is due.
pub(super) const SLICE: Duration = Duration::from_secs(30);
/// Ids of one question.
const IDS_AT_ONCE: usize = 10_000;

/// How many letters of a job a retry sends in a minute, where nobody says otherwise.
pub fn usual_rate(limits: &Limits) -> u32 {
    let Some(requests) = limits.requests else { return RATE_WITHOUT_BUDGET };
    let per_minute = f64::from(requests) / limits.per.as_secs_f64().max(0.001) * 60.0 * BUDGET_SHARE;
    // Less than one a minute would look like none at all.
    per_minute.clamp(1.0, 1_000_000.0) as u32
}

/// Letters of one page: half a second's worth, so that a stop is soon felt.
pub(super) fn page_size(bulk: &BulkRetry, most: usize) -> usize {
    match bulk.stage {
        BulkStage::Rest => (bulk.per_minute as usize / 120).clamp(1, most),
        _ => 1,
    }
}

/// How long `letters` of a retry take at its rate.
pub(super) fn time_of(bulk: &BulkRetry, letters: usize) -> Duration {
    Duration::from_secs_f64(letters as f64 * 60.0 / f64::from(bulk.per_minute.max(1)))
}

/// Takes over what the store says of a retry. Answers of the store may be heard in another order than they were given.
pub(super) fn set_bulk(bulks: &mut Vec<BulkRetry>, new: BulkRetry) {
    match bulks.iter_mut().find(|bulk| bulk.number == new.number) {
        None => bulks.push(new),
        Some(known) => {
            let stage = if rank(&known.stage) > rank(&new.stage) { known.stage.clone() } else { new.stage.clone() };
            let ended_at = known.ended_at.or(new.ended_at);
            if known.done() <= new.done() {
                *known = new;
            }
            known.stage = stage;
            known.ended_at = ended_at;
        }
    }
    while bulks.iter().filter(|bulk| !bulk.is_open()).count() > ENDED_MAX {
        let oldest = bulks.iter().position(|bulk| !bulk.is_open()).expect("one that ended was just counted");
        bulks.remove(oldest);
    }
}

fn rank(stage: &BulkStage) -> u8 {
    match stage {
        BulkStage::Gathering => 0,
        BulkStage::Canary => 1,
        BulkStage::Rest => 2,
        BulkStage::Stopping { .. } => 3,
        BulkStage::Ended { .. } => 4,
    }
}

/// The retries of a job that a process before this one left. One whose letters were still being gathered, and one that
/// was being stopped, end here; the others go on.
pub(super) async fn taken_up(job: &JobId, store: &Store, clock: &Arc<dyn Clock>) -> Result<Vec<BulkRetry>, StoreError> {
    let mut taken = Vec::new();
    for bulk in store.open_bulks().await? {
        if bulk.job != *job {
            continue;
        }
        let bulk = match bulk.stage {
            BulkStage::Gathering => {
                let why = "the program ended while its letters were gathered".to_owned();
                store.change_bulk(bulk.number, BulkChange::Stop { why }, None).await?.unwrap_or(bulk)
            }
            _ => bulk,
        };
        taken.push(match bulk.stage {
            BulkStage::Stopping { .. } => end(&bulk, store, clock.now()).await?.unwrap_or(bulk),
            _ => bulk,
        });
    }
    Ok(taken)
}

/// Ends a retry: what of a stopped one was not sent goes back to where it waited.
async fn end(bulk: &BulkRetry, store: &Store, at: Timestamp) -> Result<Option<BulkRetry>, StoreError> {
    if let BulkStage::Stopping { why } = &bulk.stage {
        let rest = LetterFilter {
            job: Some(bulk.job.clone()),
            places: vec![LetterPlace::Retrying],
            moved_at: Some(bulk.at),
            ..LetterFilter::default()
        };
        let note = Note {
            at,
            by: Actor::engine(),
            action: "restore".to_owned(),
            job: Some(bulk.job.clone()),
            reason: Some(format!("retry #{} was stopped: {why}", bulk.number)),
            before: None,
            after: None,
        };
        store.move_letters(&Selection::Matching(rest), LetterMove::Restore, note).await?;
    }
    store.change_bulk(bulk.number, BulkChange::End { at }, None).await
}

impl JobCell {
    pub(super) fn bulk(&self, number: u64) -> Option<BulkRetry> {
        self.live().bulks.iter().find(|bulk| bulk.number == number).cloned()
    }

    pub(super) fn open_bulks(&self) -> Vec<BulkRetry> {
        self.live().bulks.iter().filter(|bulk| bulk.is_open()).cloned().collect()
    }

    /// Takes over a retry as the store has it.
    pub(super) fn bulk_changed(&self, bulk: BulkRetry) {
        set_bulk(&mut self.live().bulks, bulk);
        self.changed();
    }

    /// Ends a retry that has no letter left, or that was stopped.
    pub(super) async fn end_bulk(&self, number: u64, store: &Store) -> Result<Option<BulkRetry>, StoreError> {
        let Some(bulk) = self.bulk(number).filter(BulkRetry::is_open) else { return Ok(None) };
        let ended = end(&bulk, store, self.clock.now()).await?;
        let open = OpenLetters::of(store, &self.spec.id).await?;
        self.live().dead = open;
        if let Some(ended) = &ended {
            self.bulk_changed(ended.clone());
        }
        Ok(ended)
    }

    /// True when a run of the job waits for its turn.
    pub(super) fn is_due(&self) -> bool {
        let live = self.live();
        live.trigger.is_some() || live.control.due.is_some_and(|due| due <= self.clock.now())
    }
}

impl Engine {
    /// Retries many letters: for each job one goes first, and the rest follow only if it was delivered, no faster than
    /// `per_minute` (the usual rate where it is none). It stops by itself at the first new kind of error.
    pub async fn retry_carefully(
        &self,
        selection: &Selection,
        per_minute: Option<u32>,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let mut moved = Vec::new();
        let at = self.retry_moment();
        for part in self.parts_of(selection).await? {
            let Some(cell) = self.jobs.get(&part.job) else { continue };
            let per_minute = per_minute.unwrap_or_else(|| usual_rate(&cell.destination_limits())).max(1);
            let bulk = BulkRetry {
                number: 0,
                job: part.job.clone(),
                by: by.clone(),
                at,
                what: part.what,
                total: 0,
                causes: part.causes,
                per_minute,
                stage: BulkStage::Gathering,
                recovered: 0,
                failed: 0,
                needless: 0,
                failed_in_a_row: 0,
                passed_at: None,
                ended_at: None,
                failed_as: Vec::new(),
            };
            let after = format!("{}; one first, then at most {per_minute} a minute", bulk.what);
            let note = Note { after: Some(after), ..self.note(by.clone(), "retry many", &part.job, None) };
            let bulk = self.store.begin_bulk(bulk, note).await?;
            cell.bulk_changed(bulk.clone());
            let here = self.move_letters(&part.selection, LetterMove::Retry, "retry", None, by, at).await?;
            let total = here.iter().map(|(_, n)| n).sum();
            if let Some(bulk) = self.store.change_bulk(bulk.number, BulkChange::Gathered { total }, None).await? {
                cell.bulk_changed(bulk);
            }
            if total == 0 {
                cell.end_bulk(bulk.number, &self.store).await?;
            }
            moved.extend(here);
        }
        let suffix = self.set_going(&moved, by);
        let mut ordered = super::orders::letters_ordered("retrying", &moved, &suffix, at);
        if ordered.changed > 0 {
            ordered.text.push_str(": one first, the rest only if it goes through");
        }
        Ok(ordered)
    }

    /// Stops the retries of many letters of a job: what was not sent waits again.
    pub async fn stop_retry(&self, job: &JobId, by: &Actor) -> Result<Ordered, OrderError> {
        let cell = self.jobs.get(job).ok_or_else(|| OrderError::NoSuchJob(job.clone()))?;
        let open = cell.open_bulks();
        let why = format!("{by} stopped it");
        for bulk in &open {
            let note = self.note(by.clone(), "stop retry", job, None);
            let (before, after) = (Some("in progress".to_owned()), Some("stopped".to_owned()));
            let note = Note { before, after, ..note };
            let stop = BulkChange::Stop { why: why.clone() };
            if let Some(bulk) = self.store.change_bulk(bulk.number, stop, Some(note)).await? {
                cell.bulk_changed(bulk);
            }
        }
        let is_running = cell.live().run.as_ref().is_some_and(|run| run.kind == RunKind::Retry);
        if is_running {
            // The run ends between pages and closes what was stopped: what is on its way has its outcome by then.
            cell.stop_run(by);
        } else {
            for bulk in &open {
                cell.end_bulk(bulk.number, &self.store).await?;
            }
        }
        if !open.is_empty() {
            self.tell_order(cell, format!("retry stopped by {by}"));
        }
        let text = match open.as_slice() {
            [] => format!("nothing to do: no retry of many letters of {job} goes on"),
            open => {
                let rest: u64 = open.iter().map(|bulk| bulk.total.saturating_sub(bulk.done())).sum();
                format!("stopping the retry of {job}: about {rest} letters that were not sent wait again")
            }
        };
        Ok(Ordered { text, changed: open.len() as u64, at: self.clock.now() })
    }

    /// The retries that screens show, without what is of no use to them.
    pub(super) fn retries(&self) -> Vec<BulkRetry> {
        let all = self.jobs.values().flat_map(|cell| cell.live().bulks.clone());
        let mut all: Vec<BulkRetry> = all.map(|bulk| BulkRetry { causes: Vec::new(), ..bulk }).collect();
        all.sort_by_key(|bulk| bulk.number);
        all
    }

    /// Cuts a selection by job, with the causes that each part has.
    async fn parts_of(&self, selection: &Selection) -> Result<Vec<Part>, OrderError> {
        match selection {
            Selection::Ids(ids) => self.parts_of_ids(ids).await,
            Selection::Matching(filter) => self.parts_of_filter(filter).await,
        }
    }

    async fn parts_of_ids(&self, ids: &[crate::model::DeadLetterId]) -> Result<Vec<Part>, OrderError> {
        let mut parts: Vec<(Part, Vec<crate::model::DeadLetterId>)> = Vec::new();
        for some in ids.chunks(IDS_AT_ONCE) {
            for row in self.store.letter_rows(some).await?.into_iter().flatten() {
                let at = parts.iter().position(|(part, _)| part.job == row.job).unwrap_or_else(|| {
                    parts.push((Part::of(row.job.clone()), Vec::new()));
                    parts.len() - 1
                });
                let (part, ids) = &mut parts[at];
                ids.push(row.id);
                part.add_cause(row.group, &row.title);
            }
        }
        Ok(parts.into_iter().map(|(part, ids)| Part { selection: Selection::Ids(ids), ..part }).collect())
    }

    async fn parts_of_filter(&self, filter: &LetterFilter) -> Result<Vec<Part>, OrderError> {
        let mut parts = Vec::new();
        for job in self.jobs.keys().filter(|job| filter.job.as_ref().is_none_or(|wanted| wanted == *job)) {
            let filter = LetterFilter { job: Some(job.clone()), places: vec![LetterPlace::Waiting], ..filter.clone() };
            let groups = self.store.letter_groups(&filter).await?;
            if groups.is_empty() {
                continue;
            }
            let mut part = Part::of(job.clone());
            for group in &groups {
                part.add_cause(group.id, &group.reason.title());
            }
            parts.push(Part { selection: Selection::Matching(filter), ..part });
        }
        Ok(parts)
    }

    /// Tells the jobs of moved letters that there is something to retry; what to say where that is not at once.
    pub(super) fn set_going(&self, moved: &[(JobId, u64)], by: &Actor) -> String {
        let mut waiting = Vec::new();
        for (job, _) in moved {
            if let Some(cell) = self.jobs.get(job) {
                let mut live = cell.live();
                live.retry = Some(by.clone());
                live.retry_at = None;
                if live.control.paused.is_some() || live.stopped().is_some() {
                    waiting.push(job.to_string());
                }
                drop(live);
                cell.wake.notify_waiters();
            }
        }
        match (self.is_running(), waiting.is_empty()) {
            (false, _) => "; they are sent when the engine starts".to_owned(),
            (true, true) => String::new(),
            (true, false) => format!("; they are sent when {} is resumed", waiting.join(", ")),
        }
    }
}

/// The letters of one job in a selection.
struct Part {
    job: JobId,
    selection: Selection,
    what: String,
    causes: Vec<GroupId>,
}

impl Part {
    fn of(job: JobId) -> Self {
        Self { job, selection: Selection::Ids(Vec::new()), what: String::new(), causes: Vec::new() }
    }

    fn add_cause(&mut self, group: GroupId, title: &str) {
        if self.causes.contains(&group) || self.causes.len() >= BulkRetry::CAUSES_MAX {
            return;
        }
        self.causes.push(group);
        self.what = match self.causes.len() {
            1 => title.to_owned(),
            n => format!("{n} causes"),
        };
    }
}

/// Tells how a retry ended.
pub(super) fn tell_end(teller: &super::tell::Teller, bulk: &BulkRetry) {
    let level = match &bulk.stage {
        BulkStage::Ended { stopped: Some(_) } => Level::Warn,
        _ => Level::Info,
    };
    teller.tell(level, "retry.ended", bulk.result());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: Option<u32>, seconds: u64) -> Limits {
        Limits { requests, per: Duration::from_secs(seconds), ..Limits::default() }
    }

    #[test]
    fn a_retry_takes_a_share_of_the_budget() {
        assert_eq!(usual_rate(&limits(Some(100), 10)), 180);
        assert_eq!(usual_rate(&limits(Some(1), 60)), 1);
        assert_eq!(usual_rate(&limits(None, 60)), RATE_WITHOUT_BUDGET);
    }
}
