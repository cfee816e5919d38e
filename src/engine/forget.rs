//! Forgetting a job: all that the state holds of it goes, and only the journal still knows of it.

use super::Engine;
use super::job::{Live, OpenLetters};
use super::orders::{OrderError, Ordered};
use crate::model::{Actor, JobControl, JobId, Leftover};
use crate::store::{Note, StoreError};

impl Engine {
    /// Removes everything that is remembered of a job that is not configured any more, disabled or paused.
    pub async fn forget(&self, job: &JobId, by: &Actor) -> Result<Ordered, OrderError> {
        let paused = match self.jobs.get(job) {
            Some(cell) => {
                let live = cell.live();
                if live.run.is_some() {
                    return Err(OrderError::Refused(format!(
                        "`{job}` has a run in progress; pause it and wait for its end"
                    )));
                }
                if cell.spec.enabled && live.control.paused.is_none() && live.unlike.is_none() {
                    let text = format!(
                        "`{job}` is configured and enabled; pause it first, or take it out of the configuration"
                    );
                    return Err(OrderError::Refused(text));
                }
                live.control.paused.clone()
            }
            None if self.store.is_blank(job) => return Err(OrderError::NoSuchJob(job.clone())),
            None => None,
        };
        let before = self.leftover(job).await?.words();
        // Of a job that stays, events come on, so that it misses nothing when it begins anew.
        let orders_on = |cell: &std::sync::Arc<super::job::JobCell>| {
            let webhook = cell.spec.source.webhook.as_ref();
            cell.spec.enabled && webhook.is_some_and(|webhook| webhook.subscribe.is_some())
        };
        let (kept, ended) = match self.jobs.get(job).is_some_and(orders_on) {
            true => (self.store.subscriptions().await?.remove(job), None),
            false => (None, self.end_forgotten(job).await?),
        };
        let note = self.note(by.clone(), "forget", job, None);
        let note_at = note.at;
        self.store
            .forget(job, Some(Note { before: Some(before.clone()), after: Some("nothing".to_owned()), ..note }))
            .await?;
        if kept.is_some() {
            self.store.set_subscription(job, kept, None).await?;
        }
        if let Some(cell) = self.jobs.get(job) {
            let forgotten = |live: &mut Live| {
                // One whose key or destination changed begins anew by itself.
                let due = live.unlike.take().map(|_| note_at);
                live.control = JobControl { paused, due, ..JobControl::default() };
                live.checkpoint = None;
                live.total = Default::default();
                live.dead = OpenLetters::default();
                live.bulks.clear();
                live.withheld = None;
                live.retry = None;
                live.last_runs.clear();
                live.last_counts = None;
                live.in_doubt_since = None;
                live.failure = None;
            };
            cell.settle_control(&self.store, None, forgotten).await?;
            cell.wake.notify_waiters();
        }
        self.look_for_leftovers().await?;
        self.told.notify_one();
        let ended = ended.map(|ended| format!("; {ended}")).unwrap_or_default();
        Ok(Ordered { text: format!("forgot {job}: {before}{ended}"), changed: 1, at: note_at })
    }

    /// Looks which jobs have state and are not configured any more.
    pub(super) async fn look_for_leftovers(&self) -> Result<(), StoreError> {
        let mut found = Vec::new();
        for job in self.store.job_names() {
            if !self.jobs.contains_key(&job) && !self.store.is_blank(&job) {
                found.push(self.leftover(&job).await?);
            }
        }
        *self.leftovers.lock() = found;
        Ok(())
    }

    async fn leftover(&self, job: &JobId) -> Result<Leftover, StoreError> {
        let last = self.store.runs(Some(job), None, 1).await?;
        Ok(Leftover {
            job: job.clone(),
            links: self.store.link_count(job).await?,
            dead_waiting: self.store.letters_waiting(job).await?,
            last_run: last.first().map(|run| run.started_at),
        })
    }
}
