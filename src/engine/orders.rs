//! What a person can order of an engine, running or stopped: each order is saved with who and why before it acts.

use super::job::{JobCell, OpenLetters};
use super::{Engine, Start};
use crate::model::{
    Actor, ConnectionId, DeadLetterId, JobControl, JobId, Level, Parked, Paused, ReasonClass, Schedule, Selection,
    Timestamp, counted, grouped,
};
use crate::store::{LetterMove, Note, StoreError};
use std::sync::Arc;

/// What an order changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// One sentence.
    pub text: String,
    pub changed: u64,
    /// When it was given, as the state remembers it.
    pub at: Timestamp,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("there is no job `{0}`")]
    NoSuchJob(JobId),
    #[error("there is no connection `{0}`")]
    NoSuchConnection(ConnectionId),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Refused(String),
}

impl Engine {
    pub(super) fn note(&self, by: Actor, action: &str, job: &JobId, reason: Option<String>) -> Note {
        Note {
            at: self.clock.now(),
            by,
            action: action.to_owned(),
            job: Some(job.clone()),
            reason,
            before: None,
            after: None,
        }
    }

    pub(super) fn cell(&self, job: &JobId) -> Result<Arc<JobCell>, OrderError> {
        self.jobs.get(job).cloned().ok_or_else(|| OrderError::NoSuchJob(job.clone()))
    }

    pub(super) fn cells(&self, jobs: &[JobId]) -> Result<Vec<Arc<JobCell>>, OrderError> {
        jobs.iter().map(|id| self.cell(id)).collect()
    }

    /// Saves a changed control state with its note, then makes it true here.
    pub(super) async fn change(
        &self,
        cell: &JobCell,
        note: Note,
        change: impl FnOnce(&mut JobControl) -> bool,
    ) -> Result<bool, OrderError> {
        let changed = cell.change_control(&self.store, Some(note), change).await?;
        if changed {
            cell.wake.notify_waiters();
        }
        Ok(changed)
    }

    /// Pauses jobs at the next page border. It outlives restarts.
    pub async fn pause(&self, jobs: &[JobId], reason: Option<String>, by: &Actor) -> Result<Ordered, OrderError> {
        let mut changed = Vec::new();
        let mut in_progress = 0;
        for cell in self.cells(jobs)? {
            let paused = Paused { by: by.clone(), since: self.clock.now(), reason: reason.clone() };
            let note = self.note(by.clone(), "pause", &cell.spec.id, reason.clone());
            let done = self
                .change(&cell, note, |control| {
                    let is_new = control.paused.is_none();
                    control.paused.get_or_insert(paused);
                    is_new
                })
                .await?;
            if done {
                in_progress += u64::from(cell.stop_run(by));
                self.tell_order(&cell, format!("paused by {by}"));
                changed.push(cell.spec.id.to_string());
            }
        }
        let suffix = match in_progress {
            0 => String::new(),
            _ => "; the pages in progress are finished and saved first".to_owned(),
        };
        let first = if changed.is_empty() { self.first_at_jobs(jobs, "pause").await? } else { String::new() };
        Ok(ordered("paused", &format!("was paused already{first}"), &changed, &suffix, self.clock.now()))
    }

    /// Lets paused and parked jobs go on.
    pub async fn resume(&self, jobs: &[JobId], by: &Actor) -> Result<Ordered, OrderError> {
        let mut changed = Vec::new();
        for cell in self.cells(jobs)? {
            if let (Some(unlike), [_]) = (&cell.live().unlike, jobs) {
                return Err(OrderError::Refused(stopped_words(&cell.spec.id, unlike)));
            }
            let now = self.clock.now();
            let note = self.note(by.clone(), "resume", &cell.spec.id, None);
            let is_scheduled = cell.spec.schedule != Schedule::Manual;
            let done = self
                .change(&cell, note, |control| {
                    let was_parked = control.parked.take().is_some();
                    let was_paused = control.paused.take().is_some();
                    if was_parked || (was_paused && is_scheduled && control.due.is_none()) {
                        control.due = Some(now);
                    }
                    was_parked || was_paused
                })
                .await?;
            if done {
                self.forgive(&cell);
                cell.wake.notify_waiters();
                self.tell_order(&cell, format!("resumed by {by}"));
                changed.push(cell.spec.id.to_string());
            }
        }
        let first = if changed.is_empty() { self.first_at_jobs(jobs, "resume").await? } else { String::new() };
        let first = first.strip_prefix(',').map(|first| format!(": it was resumed{first}")).unwrap_or_default();
        Ok(ordered("resumed", &format!("was not paused{first}"), &changed, "", self.clock.now()))
    }

    /// Runs jobs now, or as soon as the run in progress has ended.
    pub async fn trigger(&self, jobs: &[JobId], by: &Actor) -> Result<Ordered, OrderError> {
        let mut changed = Vec::new();
        for cell in self.cells(jobs)? {
            let id = &cell.spec.id;
            self.may_run(&cell)?;
            let now = self.clock.now();
            let note = self.note(by.clone(), "trigger", id, None);
            self.change(&cell, note, |control| {
                control.due = Some(now);
                true
            })
            .await?;
            if self.is_running() {
                let mut live = cell.live();
                live.trigger = Some(by.clone());
                live.not_before = None;
                drop(live);
                self.forgive(&cell);
                cell.wake.notify_waiters();
            }
            self.tell_order(&cell, format!("run ordered by {by}"));
            changed.push(id.to_string());
        }
        let suffix = if self.is_running() { "" } else { "; it runs when the engine starts" };
        Ok(ordered("triggered", "was triggered already", &changed, suffix, self.clock.now()))
    }

    /// Refuses an order to run for a job that can not.
    pub(super) fn may_run(&self, cell: &JobCell) -> Result<(), OrderError> {
        let refusal = {
            let live = cell.live();
            if let Some(unlike) = &live.unlike {
                return Err(OrderError::Refused(stopped_words(&cell.spec.id, unlike)));
            }
            match (&live.control.paused, live.stopped()) {
                _ if !cell.spec.enabled => "is disabled; set `enabled = true` and restart",
                (Some(_), _) => "is paused; resume it first",
                (_, Some(_)) => "needs attention; resume it first",
                (None, None) => return Ok(()),
            }
        };
        Err(OrderError::Refused(format!("`{}` {refusal}", cell.spec.id)))
    }

    /// Stops the runs in progress between pages; the schedule starts the next ones.
    pub async fn cancel(&self, jobs: &[JobId], by: &Actor) -> Result<Ordered, OrderError> {
        let mut changed = Vec::new();
        for cell in self.cells(jobs)? {
            // A run that was ordered of a stopped engine; what a schedule makes due is due again when the engine starts.
            let is_ordered = cell.spec.schedule == Schedule::Manual && cell.live().control.due.is_some();
            let stops = cell.cancel_run(by);
            let waits_for_the_engine = is_ordered && !self.is_running();
            // One that is being read ends with its run.
            let waiting_range = !stops && cell.live().control.range.is_some();
            if !stops && !waits_for_the_engine && !waiting_range {
                continue;
            }
            let note = self.note(by.clone(), "cancel", &cell.spec.id, None);
            self.change(&cell, note, |control| {
                if waits_for_the_engine {
                    control.due = None;
                }
                if waiting_range {
                    control.range = None;
                }
                true
            })
            .await?;
            self.tell_order(&cell, format!("run cancelled by {by}"));
            changed.push(cell.spec.id.to_string());
        }
        let at = self.clock.now();
        if changed.is_empty() {
            let named: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
            let has = if named.len() == 1 { "has" } else { "have" };
            let text = format!("nothing ran: {} {has} no run in progress", named.join(", "));
            return Ok(Ordered { text, changed: 0, at });
        }
        let done =
            if self.is_running() { "cancelled the run of" } else { "nothing ran; called off the ordered run of" };
        Ok(ordered(done, "", &changed, "", at))
    }

    /// Hands dead letters back to their jobs; each is sent through the normal loop.
    pub async fn retry(&self, selection: &Selection, by: &Actor) -> Result<Ordered, OrderError> {
        let at = self.retry_moment();
        let moved = self.move_letters(selection, LetterMove::Retry, "retry", None, by, at).await?;
        let suffix = self.set_going(&moved, by);
        if let (true, Selection::Ids(ids)) = (moved.is_empty(), selection) {
            self.refuse_unsettled(ids).await?;
        }
        self.beside_the_first(letters_ordered("retrying", &moved, &suffix, at), selection, by).await
    }

    /// A letter whose outcome is unknown is not sent again before a person says that it is not there.
    async fn refuse_unsettled(&self, ids: &[DeadLetterId]) -> Result<(), OrderError> {
        for id in ids.iter().take(NAMED_MAX) {
            let letter = self.store.letter(*id).await?;
            if letter.is_some_and(|letter| letter.reason.class == ReasonClass::OutcomeUnknown) {
                return Err(OrderError::Refused(format!(
                    "the outcome of dead letter #{id} is unknown, and a retry could make it twice; look for it, then \
                     `syncdeck dead settle {id} --there` or `--absent`"
                )));
            }
        }
        Ok(())
    }

    /// Marks dead letters as not to be sent, with a reason.
    pub async fn discard(&self, selection: &Selection, reason: &str, by: &Actor) -> Result<Ordered, OrderError> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(OrderError::Refused("a discard needs a reason".to_owned()));
        }
        let to = LetterMove::Discard { reason: reason.to_owned() };
        let at = self.clock.now();
        let moved = self.move_letters(selection, to, "discard", Some(reason.to_owned()), by, at).await?;
        self.beside_the_first(letters_ordered("discarded", &moved, "", at), selection, by).await
    }

    /// Takes discards back.
    pub async fn restore(&self, selection: &Selection, by: &Actor) -> Result<Ordered, OrderError> {
        let at = self.clock.now();
        let moved = self.move_letters(selection, LetterMove::Restore, "restore", None, by, at).await?;
        Ok(letters_ordered("restored", &moved, "", at))
    }

    /// Now, and later than every retry that was ordered before.
    pub(super) fn retry_moment(&self) -> Timestamp {
        let mut last = self.last_retry.lock();
        *last = self.clock.now().max(Timestamp(last.0 + 1));
        *last
    }

    pub(super) async fn move_letters(
        &self,
        selection: &Selection,
        to: LetterMove,
        action: &str,
        reason: Option<String>,
        by: &Actor,
        at: Timestamp,
    ) -> Result<Vec<(JobId, u64)>, OrderError> {
        let (before, after) = match to {
            LetterMove::Retry | LetterMove::Settle => ("waiting", "retrying"),
            LetterMove::Discard { .. } => ("waiting", "discarded"),
            LetterMove::Restore => ("discarded or retrying", "waiting"),
        };
        let after = Some(format!("{after}: {}", named(selection)));
        let before = Some(before.to_owned());
        let job = match selection {
            Selection::Matching(filter) => filter.job.clone(),
            Selection::Ids(_) => None,
        };
        let note = Note { at, by: by.clone(), action: action.to_owned(), job, reason, before, after };
        let moved = self.store.move_letters(selection, to, note).await?;
        for (job, n) in &moved {
            if let Some(cell) = self.jobs.get(job) {
                let open = OpenLetters::of(&self.store, job).await?;
                cell.live().dead = open;
                cell.changed();
                let letters = counted(*n, "dead letter", "dead letters");
                self.tell_order(cell, format!("{action} of {letters} by {by}"));
            }
        }
        Ok(moved)
    }

    /// A person who sets a job going does not wait for what a system asked for hours ago.
    fn forgive(&self, cell: &JobCell) {
        cell.source_gate.forgive();
        cell.destination_gate.forgive();
    }

    pub(super) fn tell_order(&self, cell: &Arc<JobCell>, text: String) {
        self.tell_order_at(cell, Level::Info, text);
    }

    pub(super) fn tell_order_at(&self, cell: &Arc<JobCell>, level: Level, text: String) {
        super::tell::Teller::new(self.notices.clone(), cell.clone(), None).tell(level, "order", text);
    }
}

/// Letters of an order that are named.
const NAMED_MAX: usize = 20;

/// Letters that an order is for, as the journal names them.
fn named(selection: &Selection) -> String {
    match selection {
        Selection::Ids(ids) => {
            let shown: Vec<String> = ids.iter().take(NAMED_MAX).map(|id| format!("#{id}")).collect();
            let more = match ids.len().saturating_sub(NAMED_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more}", shown.join(", "))
        }
        Selection::Matching(filter) => {
            let mut parts = vec!["all that match".to_owned()];
            parts.extend(filter.job.as_ref().map(|job| format!("job {job}")));
            parts.extend(filter.group.map(|group| format!("group {:016x}", group.0)));
            if !filter.groups.is_empty() {
                let shown: Vec<String> =
                    filter.groups.iter().take(NAMED_MAX).map(|group| format!("{:016x}", group.0)).collect();
                let more = match filter.groups.len().saturating_sub(NAMED_MAX) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                parts.push(format!("groups {}{more}", shown.join(", ")));
            }
            parts.extend(filter.words.iter().map(|word| format!("“{word}”")));
            parts.extend(filter.up_to.map(|up_to| format!("up to #{up_to}")));
            match filter.except.len() {
                0 => {}
                n => parts.push(format!("but {n} that were taken out")),
            }
            parts.join(", ")
        }
    }
}

/// Why a job can not go on, and what a person can do.
pub(super) fn stopped_words(job: &JobId, stopped: &Parked) -> String {
    let hint = stopped.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("`{job}` does not run: {}{hint}", stopped.reason)
}

pub(super) fn ordered(done: &str, nothing: &str, changed: &[String], suffix: &str, at: Timestamp) -> Ordered {
    let text = match changed {
        [] => format!("nothing to do: each job named {nothing}"),
        [one] => format!("{done} {one}{suffix}"),
        many => format!("{done} {} jobs: {}{suffix}", grouped(many.len() as u64), many.join(", ")),
    };
    Ordered { text, changed: changed.len() as u64, at }
}

pub(super) fn letters_ordered(done: &str, moved: &[(JobId, u64)], suffix: &str, at: Timestamp) -> Ordered {
    let changed: u64 = moved.iter().map(|(_, n)| n).sum();
    let letters = counted(changed, "dead letter", "dead letters");
    let jobs: Vec<&str> = moved.iter().map(|(job, _)| job.as_str()).collect();
    let text = match changed {
        0 => "nothing to do: no dead letter of that selection was in a place for it".to_owned(),
        _ => format!("{done} {letters} of {}{suffix}", jobs.join(", ")),
    };
    Ordered { text, changed, at }
}

impl Start {
    /// The jobs of a service: all of them, on their schedules.
    pub fn service() -> Self {
        Self::default()
    }
}
