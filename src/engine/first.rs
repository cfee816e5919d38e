//! Two people at once: whoever comes second is told who was first, and when.

use super::tell::span;
use super::{Engine, OrderError, Ordered};
use crate::model::{Actor, DeadLetterId, JobId, LetterFilter, LetterPlace, LetterState, Selection, Timestamp};
use crate::store::StoreError;
use std::time::Duration;

/// Journal entries that are looked through for who was first.
const ENTRIES: usize = 50;
/// Letters of a selection that are looked at.
const LETTERS: usize = 1_000;
/// What happened longer ago is no race.
const RACE: Duration = Duration::from_secs(3_600);

impl Engine {
    /// Adds to an order that moved fewer letters than it named who had moved the others.
    pub(super) async fn beside_the_first(
        &self,
        ordered: Ordered,
        selection: &Selection,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let others = match selection {
            Selection::Ids(ids) => (ids.len() as u64).saturating_sub(ordered.changed),
            Selection::Matching(_) => u64::from(ordered.changed == 0),
        };
        if others == 0 {
            return Ok(ordered);
        }
        let Some(first) = self.first_at_letters(selection, ordered.at, by).await? else { return Ok(ordered) };
        let text = match ordered.changed {
            0 => format!("nothing to do: {first}"),
            _ => format!("{}; {others} of the selection: {first}", ordered.text),
        };
        Ok(Ordered { text, ..ordered })
    }

    /// What became of letters that an order of `at` meant and did not move: `already retried by ops 2 s ago`.
    async fn first_at_letters(
        &self,
        selection: &Selection,
        at: Timestamp,
        by: &Actor,
    ) -> Result<Option<String>, StoreError> {
        let ids: Vec<DeadLetterId> = match selection {
            Selection::Ids(ids) => ids.iter().take(LETTERS).copied().collect(),
            Selection::Matching(filter) => {
                let places = vec![LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered];
                let filter = LetterFilter { places, moved_at: None, ..filter.clone() };
                self.store.letter_ids(&filter, LETTERS).await?.ids.to_vec()
            }
        };
        let rows = self.store.letter_rows(&ids).await?;
        let moves = rows.into_iter().flatten().filter_map(|row| match row.state {
            LetterState::Retrying { since, by } => Some((since, "retried", Some(by))),
            LetterState::Discarded { at, by, .. } => Some((at, "discarded", Some(by))),
            LetterState::Recovered { at, .. } => Some((at, "delivered", None)),
            LetterState::Waiting => None,
        });
        // What this very order did is no one else's doing.
        let newest = moves.filter(|(when, _, who)| !(*when == at && who.as_ref() == Some(by))).max_by_key(|one| one.0);
        let now = self.clock.now();
        Ok(newest.map(|(when, what, who)| {
            let who = who.map(|who| format!(" by {who}")).unwrap_or_default();
            format!("already {what}{who} {} ago", span(now.since(when)))
        }))
    }

    /// Who did `action` to one of the jobs a short while ago: ` by ops 2 s ago`; empty when nobody did.
    pub(super) async fn first_at_jobs(&self, jobs: &[JobId], action: &str) -> Result<String, StoreError> {
        let now = self.clock.now();
        let entries = self.store.journal(None, ENTRIES).await?;
        let found = entries.into_iter().find(|entry| {
            let is_meant = entry.job.as_ref().is_some_and(|job| jobs.contains(job));
            is_meant && entry.action == action && now.since(entry.at) < RACE
        });
        Ok(found.map(|entry| format!(", by {} {} ago", entry.by, span(now.since(entry.at)))).unwrap_or_default())
    }
}
