//! Rewinds, imports and dry runs, asked of an engine in this process.

use super::local::{Local, done, refusal};
use super::{Answer, Refusal, Request};
use crate::engine::{DryRun, OrderError, Ordered, PointOrder};
use crate::model::{Actor, CheckpointFile, JobId, RewindTo, Sequence};

impl Local {
    pub(super) async fn rewind_preview(&self, job: &JobId, to: &RewindTo) -> Result<Answer, Refusal> {
        Ok(Answer::RewindPreview(Box::new(self.engine.rewind_preview(job, to).await.map_err(refusal)?)))
    }

    pub(super) async fn rewind(&self, order: PointOrder, to: &RewindTo, by: &Actor) -> Result<Answer, Refusal> {
        let job = order.job.clone();
        let ordered = self.engine.rewind(order, to, by).await;
        self.pointed(&job, ordered).await
    }

    pub(super) async fn export_point(&self, job: &JobId) -> Result<Answer, Refusal> {
        Ok(Answer::CheckpointFile(self.engine.export_point(job).await.map_err(refusal)?.map(Box::new)))
    }

    pub(super) async fn import_point(
        &self,
        order: PointOrder,
        file: &CheckpointFile,
        force: bool,
        by: &Actor,
    ) -> Result<Answer, Refusal> {
        let job = order.job.clone();
        let ordered = self.engine.import_point(order, file, force, by).await;
        self.pointed(&job, ordered).await
    }

    pub(super) async fn plan(&self, asked: DryRun) -> Result<Answer, Refusal> {
        Ok(Answer::Plan(Box::new(self.engine.dry_run(asked).await.map_err(refusal)?)))
    }

    /// What an order that set a checkpoint answers: it is taken back by going to the one before, as long as the job has
    /// not gone on since.
    async fn pointed(&self, job: &JobId, ordered: Result<Ordered, OrderError>) -> Result<Answer, Refusal> {
        let ordered = ordered.map_err(refusal)?;
        let last = self.engine.store().checkpoints(job, None, 2).await?;
        let set = last.first().map(|set| set.sequence);
        let to = match (set, last.get(1)) {
            (Some(_), Some(before)) => RewindTo::Sequence(before.sequence),
            (Some(Sequence(1)), None) => RewindTo::Start,
            _ => return done(Ok(ordered), None),
        };
        let undo = Request::Rewind { job: job.clone(), to, reason: "taken back".to_owned(), expected: set };
        done(Ok(ordered), Some(undo))
    }
}
