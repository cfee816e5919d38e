//! A bundle that answers like an engine: questions from what it holds, orders never.

use super::Bundle;
use crate::control::{Answer, Refusal, Request};
use crate::model::filter::Sieve;
use crate::model::{BulkRetry, DeadLetterId, JobId, LetterFilter, LetterRow, Notice, Snapshot, Timestamp};
use std::sync::Arc;
use tokio::sync::watch;

/// A bundle, opened.
pub struct Offline {
    bundle: Bundle,
    /// Kept, so that who watches is not told that the engine is gone.
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Offline {
    pub fn new(bundle: Bundle) -> Self {
        let mut snapshot = bundle.snapshot.clone();
        snapshot.engine.is_running = false;
        let snapshots = watch::Sender::new(Arc::new(snapshot));
        Self { bundle, snapshots }
    }

    /// When it was written.
    pub fn at(&self) -> Timestamp {
        self.bundle.at
    }

    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    pub fn jobs(&self) -> Vec<JobId> {
        self.bundle.snapshot.jobs.iter().map(|job| job.id.clone()).collect()
    }

    pub fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        let bundle = &self.bundle;
        match request {
            Request::DeadGroups { filter } => {
                let is_meant = |job: &JobId, words: &str| {
                    filter.job.as_ref().is_none_or(|wanted| wanted == job) && has_all(words, &filter.words)
                };
                let groups = bundle.groups.iter();
                let groups = groups.filter(|group| is_meant(&group.job, &group.reason.message)).cloned();
                Ok(Answer::Groups(groups.collect()))
            }
            Request::DeadIds { filter, limit } => {
                let ids: Vec<DeadLetterId> =
                    bundle.letters.iter().map(row).filter(|row| matches(row, &filter)).map(|row| row.id).collect();
                let total = ids.len() as u64;
                Ok(Answer::Ids { ids: ids.into_iter().take(limit).collect(), total })
            }
            Request::DeadRows { ids } => {
                let find = |id: &DeadLetterId| bundle.letters.iter().find(|view| view.letter.id == *id).map(row);
                Ok(Answer::Rows(ids.iter().map(find).collect()))
            }
            Request::DeadLetter { id } => match bundle.letters.iter().find(|view| view.letter.id == id) {
                Some(view) => Ok(Answer::Letter(Box::new(view.clone()))),
                None => Err(not_held(format!("dead letter #{id} is not in the bundle"))),
            },
            Request::Checkpoints { job, terms, before, limit } => {
                let sieve = Sieve::new(&terms);
                let of_job = bundle.checkpoints.iter().find(|(id, _)| *id == job).map(|(_, list)| list.as_slice());
                let older = of_job.unwrap_or_default().iter();
                let older = older.filter(|checkpoint| before.is_none_or(|before| checkpoint.sequence < before));
                let older = older.filter(|checkpoint| sieve.lets_through(*checkpoint));
                Ok(Answer::Checkpoints(older.take(limit).cloned().collect()))
            }
            Request::Runs { job, terms, before, limit } => {
                let sieve = Sieve::new(&terms);
                let wanted = bundle.runs.iter().filter(|run| {
                    job.as_ref().is_none_or(|job| *job == run.job) && before.is_none_or(|before| run.id < before)
                });
                let wanted = wanted.filter(|run| sieve.lets_through(*run));
                Ok(Answer::Runs(wanted.take(limit).cloned().collect()))
            }
            Request::Bulks { filter } => {
                let sieve = Sieve::new(&filter.terms);
                let of_job = |bulk: &&BulkRetry| filter.job.as_ref().is_none_or(|job| *job == bulk.job);
                let bulks =
                    bundle.snapshot.retries.iter().rev().filter(of_job).filter(|bulk| sieve.lets_through(*bulk));
                Ok(Answer::Bulks(bulks.cloned().collect()))
            }
            // A bundle holds no minutes.
            Request::History { .. } => Ok(Answer::History(Box::default())),
            Request::Logs { filter, before, limit } => {
                let is_meant = |notice: &&Notice| {
                    filter.level.is_none_or(|level| level <= notice.level)
                        && (filter.job.is_none() || filter.job == notice.job)
                        && before.is_none_or(|before| notice.number < before)
                        && has_all(&format!("{} {}", notice.text, notice.event), &filter.words)
                };
                let mut lines: Vec<Notice> =
                    bundle.notices.iter().rev().filter(is_meant).take(limit).cloned().collect();
                lines.reverse();
                Ok(Answer::Logs(lines))
            }
            Request::Journal { before, limit } => {
                let older = bundle.journal.iter().filter(|entry| before.is_none_or(|before| entry.number < before));
                Ok(Answer::Journal(older.take(limit).cloned().collect()))
            }
            request if request.changes() => Err(Refusal {
                message: "this is a bundle, not an engine: nothing can be changed in it".to_owned(),
                hint: Some("work on the engine that it was written by".to_owned()),
            }),
            _ => Err(not_held("a bundle does not hold the answer to that".to_owned())),
        }
    }
}

fn not_held(message: String) -> Refusal {
    Refusal { message, hint: Some("only the engine that wrote the bundle knows".to_owned()) }
}

fn row(view: &crate::control::LetterView) -> LetterRow {
    let letter = &view.letter;
    LetterRow {
        id: letter.id,
        job: letter.job.clone(),
        group: letter.group,
        record: letter.record.clone(),
        title: letter.reason.title(),
        field: letter.reason.field.clone(),
        attempts: u32::try_from(letter.attempts.len()).unwrap_or(u32::MAX),
        last_at: letter.last_at,
        state: letter.state.clone(),
    }
}

fn matches(row: &LetterRow, filter: &LetterFilter) -> bool {
    let text = format!("{} {} {}", row.record.shown(), row.title, row.field.as_deref().unwrap_or_default());
    filter.job.as_ref().is_none_or(|job| *job == row.job)
        && filter.has_group(row.group)
        && !filter.except.contains(&row.id)
        && filter.up_to.is_none_or(|up_to| row.id <= up_to)
        && filter.wanted_places().contains(&row.state.place())
        && has_all(&text, &filter.words)
}

fn has_all(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}
