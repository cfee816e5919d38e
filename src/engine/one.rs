//! One record that a person wants synced now: read, planned, written and committed by the loop that everything goes through.

use super::Engine;
use super::orders::{OrderError, Ordered, stopped_words};
use super::tell::Teller;
use crate::model::{Actor, Counts, JobId, Level, RecordId, RunEnd, Timestamp};
use crate::store::Note;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an order waits for the run in progress to end; one run of a job at a time.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);
/// How long its giver waits for its end.
const END_WITHIN: Duration = Duration::from_secs(90);
/// Orders of one job that may wait.
const WAITING_MAX: usize = 20;

type Ended = (RunEnd, Counts);

/// An order for one record that waits for its turn.
pub(super) struct OneOrder {
    record: RecordId,
    by: Actor,
    /// Taken by whoever is first: the attendant who begins it, or the giver who takes it back.
    reply: Arc<Mutex<Option<oneshot::Sender<Ended>>>>,
    begun: oneshot::Sender<()>,
}

/// An order that was begun.
pub(super) struct Begun {
    pub record: RecordId,
    pub by: Actor,
    reply: oneshot::Sender<Ended>,
}

impl OneOrder {
    /// Begins it; none where it was taken back.
    pub(super) fn begin(self) -> Option<Begun> {
        let reply = self.reply.lock().take()?;
        // Its giver may have gone away; the order stands all the same.
        let _ = self.begun.send(());
        Some(Begun { record: self.record, by: self.by, reply })
    }
}

impl Begun {
    pub(super) fn end(self, end: RunEnd, counts: Counts) {
        let _ = self.reply.send((end, counts));
    }
}

impl Engine {
    /// Syncs one record now and waits for what becomes of it. It goes also while the job is paused or parked, and leaves
    /// the checkpoint alone.
    pub async fn sync_one(&self, job: &JobId, record: &RecordId, by: &Actor) -> Result<Ordered, OrderError> {
        let cell = self.jobs.get(job).cloned().ok_or_else(|| OrderError::NoSuchJob(job.clone()))?;
        let refused = |why: String| Err(OrderError::Refused(why));
        if !self.is_running() {
            return refused("the engine is stopped: nothing can be synced".to_owned());
        }
        if !cell.spec.enabled {
            return refused(format!("`{job}` is disabled in the configuration"));
        }
        if let Some(unlike) = &cell.live().unlike {
            return refused(stopped_words(job, unlike));
        }
        if !cell.source.can_read_one() {
            return refused(format!(
                "`{}` can not be asked for one record; add `one = {{ path = \"/…/{{{{ id }}}}\" }}` to the source of `{job}`",
                cell.spec.source.connection
            ));
        }
        let at = self.clock.now();
        let shown = record.shown();
        let note = Note { after: Some(shown.clone()), ..self.note(by.clone(), "sync record", job, None) };
        let (reply, mut ended) = oneshot::channel();
        let (begun, is_begun) = oneshot::channel();
        let reply = Arc::new(Mutex::new(Some(reply)));
        if cell.live().ones.len() >= WAITING_MAX {
            return refused(format!("{WAITING_MAX} records of `{job}` wait to be synced already"));
        }
        self.store.note(note).await?;
        let order = OneOrder { record: record.clone(), by: by.clone(), reply: reply.clone(), begun };
        cell.live().ones.push_back(order);
        cell.wake.notify_waiters();
        self.tell_order(&cell, format!("sync of one record ordered by {by}"));
        if tokio::time::timeout(BEGIN_WITHIN, is_begun).await.is_err() && reply.lock().take().is_some() {
            let run = cell.live().run.as_ref().map(|run| run.id);
            let why = match run {
                Some(run) => format!("run #{run} of `{job}` is in progress; nothing was sent of `{shown}`"),
                None => format!("`{job}` did not begin within {} s; nothing was sent", BEGIN_WITHIN.as_secs()),
            };
            return refused(why);
        }
        let (end, counts) = match tokio::time::timeout(END_WITHIN, &mut ended).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => {
                return refused("the engine stopped before it was known what became of the record".to_owned());
            }
            Err(_) => {
                let text = format!("`{shown}` is still on its way; look at the runs of {job}");
                return Ok(Ordered { text, changed: 1, at });
            }
        };
        self.told_end(job, record, end, &counts, at).await
    }

    /// What became of the record, in a sentence.
    async fn told_end(
        &self,
        job: &JobId,
        record: &RecordId,
        end: RunEnd,
        counts: &Counts,
        at: Timestamp,
    ) -> Result<Ordered, OrderError> {
        let Some(cell) = self.jobs.get(job) else { return Err(OrderError::NoSuchJob(job.clone())) };
        let shown = record.shown();
        let (source, destination) = (&cell.spec.source.connection, &cell.spec.destination.connection);
        match end {
            RunEnd::Failed { reason, .. } | RunEnd::Guarded { reason, .. } => return Err(OrderError::Refused(reason)),
            RunEnd::Stopped { by } => {
                return Err(OrderError::Refused(format!(
                    "stopped by {by} before it was known what became of `{shown}`"
                )));
            }
            RunEnd::Done | RunEnd::HandedOver | RunEnd::Interrupted => {}
        }
        let link = self.store.links(job, std::slice::from_ref(record)).await?.pop().flatten();
        let link = link.unwrap_or_default();
        let known_as = link.destination_id.as_ref().filter(|id| id.as_str() != record.as_str());
        let known_as = known_as.map(|id| format!(" as `{id}`")).unwrap_or_default();
        let reasons = counts.reasons;
        let text = match counts {
            _ if counts.created > 0 => format!("`{shown}` was created in {destination}{known_as}"),
            _ if counts.updated > 0 => format!("`{shown}` was written to {destination}{known_as}"),
            _ if counts.deleted > 0 => format!("`{shown}` was deleted in {destination}: {source} says that it is gone"),
            _ if counts.errored > 0 => {
                let letter = match &link.dead {
                    Some(mark) => self.store.letter(mark.letter).await?,
                    None => None,
                };
                let why = letter.map(|letter| format!(": {} (dead letter #{})", letter.reason.title(), letter.id));
                format!("`{shown}` was refused by {destination}{}", why.unwrap_or_default())
            }
            _ if counts.scanned == 0 => format!("{source} has no record `{shown}`; nothing was sent"),
            _ if reasons.filtered > 0 => format!("`{shown}` was not sent: the filter of `{job}` refuses it"),
            _ if reasons.stale > 0 => {
                format!("`{shown}` was not sent: {source} gave an older version than the one that was written")
            }
            _ => format!("`{shown}` was not sent: {source} says that it is gone, and there is nothing to delete"),
        };
        let changed = counts.written();
        let level = if counts.errored > 0 { Level::Warn } else { Level::Info };
        let teller = Teller::new(self.notices.clone(), cell.clone(), None);
        teller.tell_record(level, "record.synced", text.clone(), record, link.destination_id.as_ref());
        Ok(Ordered { text, changed, at })
    }
}
