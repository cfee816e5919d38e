//! The engine in this process.

use super::{Answer, Done, LetterView, Refusal, Request, fields};
use crate::engine::{DryRun, Engine, OrderError, Ordered, PointOrder};
use crate::model::filter::Sieve;
use crate::model::mapping::fingerprint;
use crate::model::{Actor, BulkRetry, DeadLetterId, JobId, LetterFilter, LetterPlace, Selection, Snapshot, Timestamp};
use crate::store::StoreError;
use std::sync::Arc;
use tokio::sync::watch;

/// The most ids that one answer holds; a list says when there are more.
const IDS_MAX: usize = 1_000_000;
/// The most rows, checkpoints, runs or lines that one answer holds.
const ROWS_MAX: usize = 10_000;

#[derive(Clone)]
pub struct Local {
    pub(super) engine: Arc<Engine>,
}

impl Local {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// What the engine's clock says.
    pub(super) fn now(&self) -> Timestamp {
        self.engine.now()
    }

    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.engine.watch()
    }

    /// What is true now, which the last published snapshot may be some seconds behind.
    pub fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }

    /// The jobs of the configuration, in its order.
    pub fn jobs(&self) -> Vec<JobId> {
        self.engine.job_ids().cloned().collect()
    }

    pub async fn ask(&self, request: Request, by: &Actor) -> Result<Answer, Refusal> {
        let engine = &self.engine;
        let store = engine.store();
        match request {
            Request::Pause { jobs, reason } => {
                let undo = Request::Resume { jobs: jobs.clone() };
                done(engine.pause(&jobs, reason, by).await, Some(undo))
            }
            Request::Resume { jobs } => {
                let undo = Request::Pause { jobs: jobs.clone(), reason: Some("resume taken back".to_owned()) };
                done(engine.resume(&jobs, by).await, Some(undo))
            }
            Request::Trigger { jobs } => done(engine.trigger(&jobs, by).await, None),
            Request::Cancel { jobs } => done(engine.cancel(&jobs, by).await, None),
            Request::Hold { connection, reason } => {
                let undo = Request::Release { connection: connection.clone() };
                done(engine.hold(&connection, reason, by).await, Some(undo))
            }
            Request::Release { connection } => {
                let undo =
                    Request::Hold { connection: connection.clone(), reason: Some("release taken back".to_owned()) };
                done(engine.release(&connection, by).await, Some(undo))
            }
            Request::LowerBudget { connection, budget, reason } => {
                let ordered = engine.lower_budget(&connection, budget, reason, by).await.map_err(refusal)?;
                let (ordered, before) = ordered;
                let reason = Some("taken back".to_owned());
                done(Ok(ordered), Some(Request::LowerBudget { connection, budget: before, reason }))
            }
            Request::ResetCircuit { connection } => done(engine.reset_circuit(&connection, by).await, None),
            Request::TestConnection { connection } => {
                let tested = engine.test_connection(&connection, by).await.map_err(refusal)?;
                Ok(Answer::Tested(Box::new(tested)))
            }
            Request::DeadGroups { filter } => Ok(Answer::Groups(store.letter_groups(&filter).await?)),
            Request::DeadIds { filter, limit } => {
                let found = store.letter_ids(&filter, limit.min(IDS_MAX)).await?;
                Ok(Answer::Ids { ids: found.ids, total: found.total })
            }
            Request::DeadRows { mut ids } => {
                ids.truncate(ROWS_MAX);
                Ok(Answer::Rows(store.letter_rows(&ids).await?))
            }
            Request::DeadLetter { id } => self.letter(id).await,
            Request::LetterRequest { id } => {
                let request = engine.letter_request(id).await.map_err(refusal)?;
                Ok(Answer::LetterRequest(Box::new(request)))
            }
            Request::RetryPreview { selection } => self.preview(&selection).await,
            Request::Retry { selection } => {
                let ordered = engine.retry(&selection, by).await;
                let undo = ordered.as_ref().ok().map(|ordered| taken_back(&selection, LetterPlace::Retrying, ordered));
                done(ordered, undo)
            }
            Request::RetryCarefully { selection, per_minute } => {
                done(engine.retry_carefully(&selection, per_minute, by).await, None)
            }
            Request::Range { job, since, until } => done(engine.read_range(&job, since, until, by).await, None),
            Request::Accept { jobs } => done(engine.accept(&jobs, by).await, None),
            Request::Forget { job } => done(engine.forget(&job, by).await, None),
            Request::StopRetry { job } => done(engine.stop_retry(&job, by).await, None),
            Request::RetryCheck { ids } => Ok(Answer::Check(engine.check_letters(&ids).await.map_err(refusal)?)),
            Request::EditForm { id } => Ok(Answer::EditForm(Box::new(engine.edit_form(id).await.map_err(refusal)?))),
            Request::Correct { id, content, changes, reason, retry } => {
                self.correct(id, &content, changes, reason, retry, by).await
            }
            Request::Settle { id, finding, reason } => done(self.engine.settle(id, &finding, reason, by).await, None),
            Request::Discard { selection, reason } => {
                let ordered = engine.discard(&selection, &reason, by).await;
                let undo = ordered.as_ref().ok().map(|ordered| taken_back(&selection, LetterPlace::Discarded, ordered));
                done(ordered, undo)
            }
            Request::Restore { selection } => done(engine.restore(&selection, by).await, None),
            Request::Held { job, after, is_kept, limit } => {
                let found = engine.held(&job, after, is_kept, limit).await.map_err(refusal)?;
                Ok(Answer::Held { rows: found.rows, waiting: found.waiting, kept: found.kept })
            }
            Request::HeldRelease { job, count, reason } => {
                done(engine.release_held(&job, count, &reason, by).await, None)
            }
            Request::HeldDiscard { job, reason } => done(engine.keep_held(&job, &reason, by).await, None),
            Request::Checkpoints { job, terms, before, limit } => {
                let limit = limit.min(ROWS_MAX);
                Ok(Answer::Checkpoints(store.checkpoints_matching(&job, terms, before, limit).await?))
            }
            Request::Runs { job, terms, before, limit } => {
                let limit = limit.min(ROWS_MAX);
                Ok(Answer::Runs(store.runs_matching(job.as_ref(), terms, before, limit).await?))
            }
            Request::Bulks { filter } => {
                let sieve = Sieve::new(&filter.terms);
                let is_meant = |bulk: &BulkRetry| {
                    filter.job.as_ref().is_none_or(|job| *job == bulk.job) && sieve.lets_through(bulk)
                };
                let mut bulks = store.bulks(ROWS_MAX).await?;
                bulks.retain(is_meant);
                Ok(Answer::Bulks(bulks))
            }
            Request::History { job } => Ok(Answer::History(Box::new(engine.history(job.as_ref()).map_err(refusal)?))),
            Request::Logs { filter, before, limit } => {
                Ok(Answer::Logs(engine.notices().read(&filter, before, limit.min(ROWS_MAX))))
            }
            Request::Why { job, key, live } => {
                let answer = engine.why(job.as_ref(), &key, live).await.map_err(refusal)?;
                Ok(Answer::Why(Box::new(answer)))
            }
            Request::SyncOne { job, record } => done(engine.sync_one(&job, &record, by).await, None),
            Request::Bundle { job, letter } => {
                let text = self.bundle(job, letter, by).await?;
                Ok(Answer::Bundle { text })
            }
            Request::Journal { before, limit } => {
                Ok(Answer::Journal(store.journal(before, limit.min(ROWS_MAX)).await?))
            }
            Request::JournalVerify => Ok(Answer::Verified(store.verify_journal().await?)),
            Request::RewindPreview { job, to } => self.rewind_preview(&job, &to).await,
            Request::Rewind { job, to, reason, expected } => {
                self.rewind(PointOrder { job, reason, expected }, &to, by).await
            }
            Request::CheckpointExport { job } => self.export_point(&job).await,
            Request::CheckpointImport { job, file, reason, force, expected } => {
                self.import_point(PointOrder { job, reason, expected }, &file, force, by).await
            }
            Request::Plan { job, from, max_records, max_rows, order } => {
                self.plan(DryRun { job, from, max_records, max_rows, order }).await
            }
        }
    }

    async fn letter(&self, id: DeadLetterId) -> Result<Answer, Refusal> {
        let letter = self.engine.store().letter(id).await?.ok_or_else(|| Refusal {
            message: format!("there is no dead letter #{id}"),
            hint: Some("syncdeck dead list".to_owned()),
        })?;
        let cell = self.engine.job(&letter.job);
        let fields = fields::side_by_side(&letter, cell.map(|cell| &cell.mapping));
        let corrections = self.engine.store().corrections(id).await?;
        let is_open = letter.state.place() == LetterPlace::Waiting;
        let is_corrected = corrections.last().is_some_and(|last| !last.fields.is_empty());
        let offered = match is_open && !is_corrected {
            true => self.engine.offered(&letter, fingerprint(&letter.source)).await.map_err(refusal)?,
            false => None,
        };
        let name = |of: Option<String>| of.unwrap_or_else(|| "a job that is no longer configured".to_owned());
        Ok(Answer::Letter(Box::new(LetterView {
            source_connection: name(cell.map(|cell| cell.spec.source.connection.to_string())),
            destination_connection: name(cell.map(|cell| cell.spec.destination.connection.to_string())),
            letter,
            fields,
            corrections,
            offered,
        })))
    }
}

/// The order that takes `ordered` back: the letters of the selection that it moved, and no others.
fn taken_back(selection: &Selection, place: LetterPlace, ordered: &Ordered) -> Request {
    let filter = match selection {
        Selection::Ids(ids) => {
            return Request::Restore { selection: Selection::Ids(ids.clone()) };
        }
        Selection::Matching(filter) => filter.clone(),
    };
    let filter = LetterFilter { places: vec![place], moved_at: Some(ordered.at), ..filter };
    Request::Restore { selection: Selection::Matching(filter) }
}

pub(super) fn refusal(error: OrderError) -> Refusal {
    let hint = match &error {
        OrderError::NoSuchJob(_) => Some("`syncdeck status` lists the jobs".to_owned()),
        OrderError::NoSuchConnection(_) => Some("`syncdeck connection list` lists the connections".to_owned()),
        OrderError::Store(error) => error.hint(),
        OrderError::Refused(_) => None,
    };
    Refusal { message: error.to_string(), hint }
}

pub(super) fn done(ordered: Result<Ordered, OrderError>, undo: Option<Request>) -> Result<Answer, Refusal> {
    let ordered = ordered.map_err(refusal)?;
    let undo = undo.filter(|_| ordered.changed > 0).map(Box::new);
    Ok(Answer::Done(Done { text: ordered.text, changed: ordered.changed, undo }))
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self { message: error.to_string(), hint: error.hint() }
    }
}
