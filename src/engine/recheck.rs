//! What a retry would do with letters: each is looked at as the retry would, and nothing is written.

use super::Engine;
use super::job::JobCell;
use super::limit::Patience;
use super::lines::Line;
use super::orders::OrderError;
use crate::model::mapping::fingerprint;
use crate::model::plan::{self, MarkedLetter, PlanRules, Step};
use crate::model::{Correction, DeadLetter, DeadLetterId, Item, LetterCheck, LetterPlace, Link};
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Records that are asked for at once: a preview must not crowd out the jobs.
const READS_AT_ONCE: usize = 4;
/// A source that does not answer within this time does not say.
const READ_MAX: Duration = Duration::from_secs(20);

impl Engine {
    /// Looks at the first [`LetterCheck::AT_ONCE`] of `ids` as a retry would.
    pub async fn check_letters(&self, ids: &[DeadLetterId]) -> Result<LetterCheck, OrderError> {
        let ids = ids.iter().take(LetterCheck::AT_ONCE).copied();
        let checks = stream::iter(ids).map(|id| self.check_letter(id)).buffer_unordered(READS_AT_ONCE);
        let checks: Vec<Result<LetterCheck, OrderError>> = checks.collect().await;
        let mut sum = LetterCheck::default();
        for check in checks {
            sum.add(check?);
        }
        Ok(sum)
    }

    async fn check_letter(&self, id: DeadLetterId) -> Result<LetterCheck, OrderError> {
        let mut check = LetterCheck::default();
        let letter = self.store.letter(id).await?;
        let is_open =
            |letter: &DeadLetter| matches!(letter.state.place(), LetterPlace::Waiting | LetterPlace::Retrying);
        let Some(letter) = letter.filter(is_open) else {
            check.moved = 1;
            return Ok(check);
        };
        let Some(cell) = self.jobs.get(&letter.job) else {
            check.unread = 1;
            return Ok(check);
        };
        let can_ask = cell.source.can_read_one() && !letter.deleted && !letter.record.as_str().starts_with('#');
        let found = if can_ask { self.read_now(cell, &letter).await } else { Found::Record(stored(cell, &letter)) };
        let item = match found {
            Found::Record(item) => item,
            Found::Gone => {
                check.gone = 1;
                return Ok(check);
            }
            Found::Unread => {
                check.unread = 1;
                return Ok(check);
            }
        };
        let is_changed = match &item {
            Item::Change(change) => fingerprint(&change.body) != fingerprint(&letter.source),
            Item::Unreadable { .. } => false,
        };
        let correction = self.store.correction(id).await?;
        let links = self.store.links(&letter.job, std::slice::from_ref(&letter.record)).await?;
        match step_of(&item, links.into_iter().next().flatten().as_ref(), &letter, correction.as_ref(), cell) {
            Step::Write(planned) if planned.is_corrected => check.corrected = 1,
            Step::Write(_) if is_changed => check.changed.push(id),
            Step::Write(_) if can_ask => check.same = 1,
            Step::Write(_) => check.stored = 1,
            Step::Skip(_) | Step::StillDead | Step::Hold => check.settled = 1,
            Step::Reject(_) => check.refused = 1,
        }
        Ok(check)
    }

    async fn read_now(&self, cell: &Arc<JobCell>, letter: &DeadLetter) -> Found {
        let patience = Patience { abandon: CancellationToken::new(), gives_up: true, line: Line::Person };
        let asked = async {
            let Ok(permit) = cell.source_gate.acquire(&patience).await else { return Found::Unread };
            let reply = cell.source_gate.call(|| cell.source.read_one(&letter.record)).await;
            permit.done(&reply.signals, reply.outcome.as_ref().err());
            match reply.outcome {
                Ok(Some(item)) => Found::Record(item),
                Ok(None) => Found::Gone,
                Err(_) => Found::Unread,
            }
        };
        tokio::time::timeout(READ_MAX, asked).await.unwrap_or(Found::Unread)
    }
}

enum Found {
    Record(Item),
    Gone,
    Unread,
}

fn stored(cell: &JobCell, letter: &DeadLetter) -> Item {
    cell.reader.read(letter.source.clone())
}

fn step_of(
    item: &Item,
    link: Option<&Link>,
    letter: &DeadLetter,
    correction: Option<&Correction>,
    cell: &JobCell,
) -> Step {
    let rules = PlanRules {
        job: &cell.spec.id,
        mapping: &cell.mapping,
        filter: cell.filter.as_ref(),
        delete: cell.spec.delete,
        soft_delete: cell.spec.destination.soft_delete.as_ref(),
        changed_fields_only: cell.spec.destination.changed_fields_only,
        makes_ids: cell.spec.destination.creates.makes_ids(),
        max_attempts: cell.spec.max_attempts,
        is_retry: true,
        is_forced: false,
        in_doubt_since: cell.live().in_doubt_since,
    };
    plan::plan_corrected(item, link, Some(&MarkedLetter::of(letter)), correction, &rules)
}
