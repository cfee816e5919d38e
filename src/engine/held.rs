//! What a person does about withheld deletes: they are released by their number, or their records are kept.

use super::Engine;
use super::job::JobCell;
use super::orders::{OrderError, Ordered};
use super::tell::Teller;
use crate::model::{Actor, JobId, Kept, Level, Missing, RecordId, Release, RunKind, Withheld, counted, grouped};
use crate::store::{Note, Store, StoreError};

/// The withheld deletes of a job that are shown at once, and how many there are.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldPart {
    pub rows: Vec<crate::model::HeldDelete>,
    pub waiting: u64,
    pub kept: u64,
}

/// The most rows of one answer.
const ROWS_MAX: usize = 1_000;

/// The withheld deletes of a job in figures; none where none waits.
pub(super) async fn withheld(store: &Store, job: &JobId) -> Result<Option<Withheld>, StoreError> {
    let (waiting, _) = store.held_counts(job).await?;
    if waiting == 0 {
        return Ok(None);
    }
    let first = store.held(job, None, false, 1).await?;
    let since = first.first().map(|row| row.since).unwrap_or_default();
    Ok(Some(Withheld { waiting, since, is_released: false }))
}

impl JobCell {
    /// How a release of its withheld deletes is carried out. What a listing left out, and the source can not be asked for one
    /// by one, only another whole listing can confirm.
    pub(super) fn release_kind(&self) -> RunKind {
        match self.spec.source.missing == Missing::Delete && !self.source.can_read_one() {
            true => RunKind::Sweep,
            false => RunKind::Release,
        }
    }
}

impl Engine {
    /// The withheld deletes of a job behind `after`; of records that people keep where `is_kept`.
    pub async fn held(
        &self,
        job: &JobId,
        after: Option<RecordId>,
        is_kept: bool,
        limit: usize,
    ) -> Result<HeldPart, OrderError> {
        self.cell(job)?;
        let (waiting, kept) = self.store.held_counts(job).await?;
        let rows = self.store.held(job, after, is_kept, limit.min(ROWS_MAX)).await?;
        Ok(HeldPart { rows, waiting, kept })
    }

    /// Lets withheld deletes be carried out, at most `count`. Each is looked at once more first.
    pub async fn release_held(&self, job: &JobId, count: u64, reason: &str, by: &Actor) -> Result<Ordered, OrderError> {
        let cell = self.cell(job)?;
        let (waiting, _) = self.store.held_counts(job).await?;
        let refused = |why: String| Err(OrderError::Refused(why));
        if waiting == 0 {
            return refused(format!("no delete of `{job}` is withheld"));
        }
        if count < waiting {
            return refused(format!(
                "{} deletes of `{job}` are withheld, and {} were named; name their number to release them",
                grouped(waiting),
                grouped(count)
            ));
        }
        let release = Release { count, by: by.clone(), at: self.clock.now(), reason: reason.to_owned() };
        let note = self.note(by.clone(), "release deletes", job, Some(format!("{count}: {reason}")));
        let is_new = cell
            .change_control(&self.store, Some(note), |control| {
                let is_new = control.release.is_none();
                control.release.get_or_insert(release);
                is_new
            })
            .await?;
        let at = self.clock.now();
        if !is_new {
            return Ok(Ordered { text: format!("the deletes of {job} were released already"), changed: 0, at });
        }
        cell.wake.notify_waiters();
        let teller = Teller::new(self.notices.clone(), cell.clone(), None);
        let deletes = counted(waiting, "withheld delete", "withheld deletes");
        teller.tell(Level::Warn, "held.released", format!("{deletes} released by {by}: {reason}"));
        let how = match cell.release_kind() {
            RunKind::Sweep => "the source is listed once more first",
            _ if cell.source.can_read_one() => "the source is asked for each of them first",
            _ => "they are carried out as they were read",
        };
        let when = match (self.is_running(), cell.live().control.paused.is_some()) {
            (false, _) => "; that happens when the engine starts",
            (_, true) => "; that happens when the job is resumed",
            _ => "",
        };
        Ok(Ordered { text: format!("released {deletes} of {job}: {how}{when}"), changed: waiting, at })
    }

    /// Gives withheld deletes up: their records stay at the destination until the source lists them again.
    pub async fn keep_held(&self, job: &JobId, reason: &str, by: &Actor) -> Result<Ordered, OrderError> {
        let cell = self.cell(job)?;
        let at = self.clock.now();
        let kept = Kept { by: by.clone(), at, reason: reason.to_owned() };
        let (waiting, _) = self.store.held_counts(job).await?;
        if waiting == 0 {
            return Ok(Ordered { text: format!("no delete of {job} is withheld"), changed: 0, at });
        }
        let note = Note {
            before: Some(format!("{} withheld", counted(waiting, "delete", "deletes"))),
            after: Some("their records are kept".to_owned()),
            ..self.note(by.clone(), "discard deletes", job, Some(format!("{waiting}: {reason}")))
        };
        let changed = self.store.keep_held(job, &kept, note).await?;
        cell.change_control(&self.store, None, |control| control.release.take().is_some()).await?;
        cell.set_withheld(withheld(&self.store, job).await?);
        let teller = Teller::new(self.notices.clone(), cell.clone(), None);
        let deletes = counted(changed, "withheld delete", "withheld deletes");
        teller.tell(Level::Warn, "held.discarded", format!("{deletes} discarded by {by}: {reason}"));
        let text = format!("discarded {deletes} of {job}: their records stay until the source lists them again");
        Ok(Ordered { text, changed, at })
    }
}
