//! A job is put back to where it stood, or takes a position over from a file: always as a new checkpoint, never by
//! taking one away.

use super::job::JobCell;
use super::orders::{OrderError, Ordered};
use super::{Engine, schedule};
use crate::model::{
    Actor, Checkpoint, CheckpointFile, DestinationId, JobId, Level, Moved, MovedWhat, Position, RecordId,
    RewindPreview, RewindTo, RunId, Sequence, Timestamp,
};
use crate::store::{NewPoint, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// How long a rewind waits for the pages in progress to be saved. A run that stops leaves what it could not send after
/// a few seconds, so this is only reached where something hangs.
const BORDER_WITHIN: Duration = Duration::from_secs(30);
/// Checkpoints that are looked through at once for one of a time.
const LOOKED_AT: usize = 500;

/// A rewind or an import, as it was ordered.
#[derive(Clone, Debug)]
pub struct PointOrder {
    pub job: JobId,
    pub reason: String,
    /// The newest checkpoint that the person saw (0: none); none where they did not look.
    pub expected: Option<Sequence>,
}

/// Where a rewind leads.
struct Target {
    to: Option<Checkpoint>,
    position: Position,
}

impl Engine {
    /// What a rewind would do, without asking the source.
    pub async fn rewind_preview(&self, job: &JobId, to: &RewindTo) -> Result<RewindPreview, OrderError> {
        let cell = self.cell(job)?;
        let now = self.store.checkpoint(job).await?;
        let target = self.target(&cell, to).await?;
        let total = |checkpoint: Option<&Checkpoint>| checkpoint.map(|checkpoint| checkpoint.total).unwrap_or_default();
        let (after, before) = (total(now.as_ref()), total(target.to.as_ref()));
        Ok(RewindPreview {
            job: job.clone(),
            scanned_since: after.scanned.saturating_sub(before.scanned),
            written_since: after.written().saturating_sub(before.written()),
            errored_since: after.errored.saturating_sub(before.errored),
            is_paused: stands_still(&cell),
            safe: safe(&cell),
            beware: beware(&cell, &target),
            now,
            to: target.to,
            position: target.position,
        })
    }

    /// Puts a job back. It is paused at a page border first, and stays so until a person resumes it.
    pub async fn rewind(&self, order: PointOrder, to: &RewindTo, by: &Actor) -> Result<Ordered, OrderError> {
        let cell = self.cell(&order.job)?;
        // What is meant is settled before the pages in progress are saved.
        let target = self.target(&cell, to).await?;
        let moved = MovedWhat::Rewind(target.to.as_ref().map(|to| to.sequence));
        let what = match &target.to {
            Some(to) => format!("#{}", to.sequence),
            None => "the start".to_owned(),
        };
        let (before, set) = self.set_point(&cell, order, moved, target.position, by).await?;
        let was = before.as_ref().map_or(Sequence(0), |before| before.sequence);
        let text = format!(
            "rewound {} from #{was} to {what}, which is #{} now; it is paused until it is resumed",
            cell.spec.id, set.sequence
        );
        Ok(Ordered { text, changed: 1, at: set.saved_at })
    }

    /// Takes the position of a file over.
    pub async fn import_point(
        &self,
        order: PointOrder,
        file: &CheckpointFile,
        is_forced: bool,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let cell = self.cell(&order.job)?;
        if file.format > CheckpointFile::FORMAT {
            let known = CheckpointFile::FORMAT;
            return Err(OrderError::Refused(format!(
                "the file was written by a newer syncdeck (format {}, this one knows {known})",
                file.format
            )));
        }
        if !is_forced {
            fits(&cell, file)?;
        }
        let moved = MovedWhat::Import(file.checkpoint.sequence);
        let (before, set) = self.set_point(&cell, order, moved, file.checkpoint.position.clone(), by).await?;
        let was = before.as_ref().map_or("its start".to_owned(), |before| format!("#{}", before.sequence));
        let text = format!(
            "{} stood at {was} and stands now at #{}, which is #{} of the file; it is paused until it is resumed",
            cell.spec.id, set.sequence, file.checkpoint.sequence
        );
        Ok(Ordered { text, changed: 1, at: set.saved_at })
    }

    /// The job's last checkpoint as a file; none before the first.
    pub async fn export_point(&self, job: &JobId) -> Result<Option<CheckpointFile>, OrderError> {
        let cell = self.cell(job)?;
        Ok(self.store.checkpoint(job).await?.map(|checkpoint| CheckpointFile {
            format: CheckpointFile::FORMAT,
            workspace: self.info.workspace.clone(),
            job: job.clone(),
            source: cell.spec.source.connection.to_string(),
            source_identity: CheckpointFile::identity(cell.spec.source_identity),
            exported_at: self.clock.now(),
            checkpoint,
        }))
    }

    async fn set_point(
        &self,
        cell: &Arc<JobCell>,
        order: PointOrder,
        what: MovedWhat,
        position: Position,
        by: &Actor,
    ) -> Result<(Option<Checkpoint>, Checkpoint), OrderError> {
        let reason = order.reason.trim().to_owned();
        if reason.is_empty() {
            return Err(OrderError::Refused("it needs a reason, for those who come next".to_owned()));
        }
        let id = &cell.spec.id;
        let now = self.store.checkpoint(id).await?.map_or(Sequence(0), |checkpoint| checkpoint.sequence);
        if let Some(expected) = order.expected.filter(|expected| *expected != now) {
            // Refused before the pause, so that a refusal changes nothing.
            return Err(StoreError::Moved { job: id.clone(), expected, now }.into());
        }
        self.stand_still(cell, &reason, by).await?;
        // What the run in progress saved while it ended is its own; what anybody else does from here on is refused.
        let before = self.store.checkpoint(id).await?;
        let expected = before.as_ref().map_or(Sequence(0), |before| before.sequence);
        let rules = cell.spec.resume_rules();
        let place = |sequence: Sequence, position: &Position| format!("#{sequence}: {}", position.resume_words(&rules));
        let new = Sequence(expected.0 + 1);
        let at = self.clock.now();
        let action = match what {
            MovedWhat::Rewind(_) => "rewind",
            MovedWhat::Import(_) => "import",
        };
        let mut note = self.note(by.clone(), action, id, Some(reason.clone()));
        let stood = before.as_ref().map(|before| place(before.sequence, &before.position));
        note.before = Some(stood.unwrap_or_else(|| "no checkpoint".to_owned()));
        note.after = Some(place(new, &position));
        let run = before.as_ref().map_or(RunId(0), |before| before.run);
        let moved = Moved { what, reason };
        let store = &self.store;
        let set = cell
            .change_point(|mut control| async move {
                // Whoever resumes it wants the reading to begin.
                control.due = Some(at);
                let point =
                    NewPoint { job: id.clone(), expected, position, run, moved, control: control.clone(), note };
                Ok((store.set_point(point).await?, control))
            })
            .await?;
        let words = set.moved_words().unwrap_or_default();
        self.tell_order_at(cell, Level::Warn, format!("checkpoint #{}: {words}", set.sequence));
        Ok((before, set))
    }

    /// Pauses the job if it is not, and waits until the pages in progress are saved.
    async fn stand_still(&self, cell: &Arc<JobCell>, reason: &str, by: &Actor) -> Result<(), OrderError> {
        let id = &cell.spec.id;
        if cell.live().control.paused.is_none() {
            self.pause(std::slice::from_ref(id), Some(reason.to_owned()), by).await?;
        }
        let mut snapshots = self.watch();
        let ended = async {
            while cell.live().run.is_some() {
                if snapshots.changed().await.is_err() {
                    return;
                }
            }
        };
        match tokio::time::timeout(BORDER_WITHIN, ended).await {
            Ok(()) => Ok(()),
            Err(_) => Err(OrderError::Refused(format!(
                "`{id}` is paused, but its pages in progress are not saved yet; try again when it has stopped"
            ))),
        }
    }

    async fn target(&self, cell: &JobCell, to: &RewindTo) -> Result<Target, OrderError> {
        let id = &cell.spec.id;
        let to = match to {
            RewindTo::Start => return Ok(Target { to: None, position: Position::default() }),
            RewindTo::Sequence(sequence) => {
                let found = self.store.checkpoints(id, Some(Sequence(sequence.0.saturating_add(1))), 1).await?.pop();
                match found {
                    Some(found) if found.sequence == *sequence => found,
                    _ => return Err(OrderError::Refused(self.no_such_point(id, *sequence).await?)),
                }
            }
            RewindTo::Time(at) => self
                .newest_until(id, *at)
                .await?
                .ok_or_else(|| OrderError::Refused(format!("`{id}` has no checkpoint from before {at}")))?,
            RewindTo::Record(record) => self.before_record(id, record).await?,
        };
        Ok(Target { position: to.position.clone(), to: Some(to) })
    }

    async fn no_such_point(&self, job: &JobId, wanted: Sequence) -> Result<String, StoreError> {
        let Some(newest) = self.store.checkpoint(job).await? else {
            return Ok(format!("`{job}` has no checkpoint yet"));
        };
        Ok(if newest.sequence < wanted || wanted == Sequence(0) {
            format!("`{job}` has no checkpoint #{wanted}; its newest is #{}", newest.sequence)
        } else {
            format!("checkpoint #{wanted} of `{job}` is thinned; `syncdeck checkpoint history {job}` lists those kept")
        })
    }

    /// The newest checkpoint that was saved at or before `at`.
    async fn newest_until(&self, job: &JobId, at: Timestamp) -> Result<Option<Checkpoint>, StoreError> {
        let mut before = None;
        loop {
            let piece = self.store.checkpoints(job, before, LOOKED_AT).await?;
            let Some(oldest) = piece.last().map(|checkpoint| checkpoint.sequence) else { return Ok(None) };
            if let Some(found) = piece.into_iter().find(|checkpoint| checkpoint.saved_at <= at) {
                return Ok(Some(found));
            }
            before = Some(oldest);
        }
    }

    /// The newest checkpoint that is older than what was last done about a record.
    async fn before_record(&self, job: &JobId, record: &RecordId) -> Result<Checkpoint, OrderError> {
        let mut link = self.store.links(job, std::slice::from_ref(record)).await?.pop().flatten();
        if link.is_none()
            && let Some(there) = self.store.record_at(job, &DestinationId::from(record.as_str())).await?
        {
            link = self.store.links(job, &[there]).await?.pop().flatten();
        }
        let shown = record.shown();
        let refused = |text: String| OrderError::Refused(text);
        let link = link.ok_or_else(|| refused(format!("`{job}` never read a record `{shown}`")))?;
        let last = link.history.last().ok_or_else(|| refused(format!("nothing was ever done about `{shown}`")))?;
        let just_before = last.at.minus(Duration::from_millis(1));
        let found = self.newest_until(job, just_before).await?;
        found.ok_or_else(|| {
            refused(format!("no checkpoint is kept from before `{shown}` was written; rewind to the start"))
        })
    }
}

fn stands_still(cell: &JobCell) -> bool {
    let live = cell.live();
    live.control.paused.is_some() && live.run.is_none()
}

fn fits(cell: &JobCell, file: &CheckpointFile) -> Result<(), OrderError> {
    let id = &cell.spec.id;
    let refused = |why: String| Err(OrderError::Refused(format!("{why}; `--force` imports it all the same")));
    if file.job != *id {
        return refused(format!("the file is a checkpoint of `{}`, not of `{id}`", file.job));
    }
    if file.source_identity != CheckpointFile::identity(cell.spec.source_identity) {
        let text = format!("`{id}` reads its source otherwise than the job that the file is of (`{}`)", file.source);
        return refused(text);
    }
    Ok(())
}

fn safe(cell: &JobCell) -> Vec<String> {
    let mut safe = vec!["a record whose mapped fields are what was last written costs no write".to_owned()];
    let version = cell.spec.resume_rules().version;
    safe.extend(version.map(|version| format!("what is older than what was last written ({version}) is never sent")));
    safe
}

fn beware(cell: &JobCell, target: &Target) -> Vec<String> {
    let mut beware = Vec::new();
    if let (Some(to), Some(_)) = (&target.to, &target.position.cursor) {
        let text = format!("if the cursor of #{} has expired, that listing begins again", to.sequence);
        beware.push(text);
    }
    if schedule::is_reordered(cell) {
        beware.push("its configuration changed: the next run reads everything, whatever the checkpoint".to_owned());
    }
    beware
}
