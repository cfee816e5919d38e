//! What follows from how the configuration differs from the one that was served before: a job that is enabled, new or
//! configured otherwise begins its backfill by itself, one that is disabled or gone is cleaned up after, once.

use super::job::JobCell;
use super::orders::OrderError;
use super::schedule::is_reordered;
use super::tell::Teller;
use super::{Engine, Start};
use crate::model::{Actor, JobControl, JobId, LetterFilter, LetterPlace, Level, Seen, Selection};
use crate::store::{LetterMove, Note, StoreError};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use std::sync::Arc;

/// Jobs that are looked at at once, so that what is saved of them is saved together.
const AT_ONCE: usize = 256;

/// One thing to do when a job was disabled or is gone from the configuration.
///
/// All of them are done again from the first one until all have succeeded, also by a later engine: each must be harmless
/// when it is repeated. Of a job that is gone only its name and its state are left.
type Chore = for<'a> fn(&'a Engine, &'a JobId) -> BoxFuture<'a, Result<(), OrderError>>;

/// What is done, in this order.
const CHORES: &[Chore] = &[|engine, job| Box::pin(letters_wait_again(engine, job))];

/// Nothing carries a retry of this job out any more, so its letters wait for a person again.
async fn letters_wait_again(engine: &Engine, job: &JobId) -> Result<(), OrderError> {
    if engine.store.letters_under_retry(job).await? == 0 {
        return Ok(());
    }
    let filter =
        LetterFilter { job: Some(job.clone()), places: vec![LetterPlace::Retrying], ..LetterFilter::default() };
    let reason = Some("the job is not run any more".to_owned());
    let (by, at) = (Actor::engine(), engine.clock.now());
    engine.move_letters(&Selection::Matching(filter), LetterMove::Restore, "restore", reason, &by, at).await?;
    Ok(())
}

/// Why a job begins to read everything by itself.
fn begins_because(cell: &JobCell) -> Option<&'static str> {
    let is_begun = {
        let live = cell.live();
        live.checkpoint.is_some() || live.control.configured.is_some()
    };
    let seen = cell.live().control.seen.clone();
    match seen {
        Seen::Disabled => Some("enabled: the backfill begins"),
        Seen::Never if !is_begun => Some("enabled: the backfill begins"),
        Seen::Enabled { configured } if configured == cell.spec.configured => None,
        Seen::Never | Seen::Enabled { .. } => {
            is_reordered(cell).then_some("source, destination or map changed: the backfill begins")
        }
    }
}

impl Engine {
    /// Takes in how the jobs that are about to be served are configured, before any of them runs.
    pub(super) async fn take_in(&self, start: &Start) {
        let is_meant = |cell: &&Arc<JobCell>| start.only.is_empty() || start.only.contains(&cell.spec.id);
        // One whose key or destination changed begins nothing until a person accepts that.
        let may_begin = |cell: &&Arc<JobCell>| cell.spec.enabled && cell.live().unlike.is_none();
        let enabled = self.jobs.values().filter(is_meant).filter(may_begin);
        stream::iter(enabled).for_each_concurrent(AT_ONCE, |cell| self.take_in_enabled(cell)).await;
    }

    async fn take_in_enabled(&self, cell: &Arc<JobCell>) {
        let why = begins_because(cell);
        let seen = Seen::Enabled { configured: cell.spec.configured };
        let (is_known, was_disabled) = {
            let live = cell.live();
            (live.control.seen == seen, live.control.seen == Seen::Disabled && live.checkpoint.is_some())
        };
        if is_known && why.is_none() {
            return;
        }
        let now = self.clock.now();
        let note = why.map(|why| {
            let (before, after) = (Some("not served".to_owned()), Some("backfill".to_owned()));
            Note { before, after, ..self.note(Actor::engine(), "enable", &cell.spec.id, Some(why.to_owned())) }
        });
        let change = |control: &mut JobControl| {
            control.seen = seen;
            control.again |= was_disabled;
            if why.is_some() {
                control.due = Some(now);
            }
            true
        };
        match cell.change_control(&self.store, note, change).await {
            Ok(_) => {
                if let Some(why) = why {
                    let teller = Teller::new(self.notices.clone(), cell.clone(), None);
                    teller.tell(Level::Info, "job.enabled", why.to_owned());
                }
            }
            // Taken in by the next engine; until then nothing else can be saved either.
            Err(error) => cell.set_store_error(Some(error.to_string())),
        }
    }

    /// Cleans up after jobs that are disabled or gone. What does not succeed is tried again by the next engine.
    pub(super) async fn clean_up(self: Arc<Self>) {
        let stopping = self.stopping.clone();
        let work = async {
            for job in self.store.job_names() {
                let is_left = self.jobs.get(&job).is_none_or(|cell| !cell.spec.enabled);
                if is_left && let Err(error) = self.clean_up_after(&job).await {
                    tracing::warn!(job = %job, %error, "cleaning up after a job that is not run any more failed");
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stopping.cancelled() => {}
        }
    }

    async fn clean_up_after(&self, job: &JobId) -> Result<(), OrderError> {
        let control = self.store.control(job).await?;
        let is_served_never = control.seen == Seen::Never && self.store.is_blank(job);
        if control.seen == Seen::Disabled || is_served_never {
            return Ok(());
        }
        for chore in CHORES {
            chore(self, job).await?;
        }
        let why = match self.jobs.get(job) {
            Some(_) => "disabled in the configuration; its state is kept",
            None => "gone from the configuration; its state is kept until it is forgotten",
        };
        let note = self.note(Actor::engine(), "disable", job, Some(why.to_owned()));
        let note = Note { before: Some("served".to_owned()), after: Some("not served".to_owned()), ..note };
        self.leave(job, note).await?;
        Ok(())
    }

    async fn leave(&self, job: &JobId, note: Note) -> Result<(), StoreError> {
        let left = |control: &mut JobControl| {
            control.seen = Seen::Disabled;
            control.due = None;
            control.range = None;
        };
        match self.jobs.get(job) {
            Some(cell) => {
                let change = |control: &mut JobControl| {
                    left(control);
                    true
                };
                cell.change_control(&self.store, Some(note), change).await?;
            }
            None => {
                let mut control = self.store.control(job).await?;
                left(&mut control);
                self.store.set_control(job, control, Some(note)).await?;
            }
        }
        Ok(())
    }
}
