//! Retries before they are ordered, counted; and corrections with the retry that follows them.

use super::local::{Local, done, refusal};
use super::{Answer, Refusal, Request, RetryPreview};
use crate::engine::usual_rate;
use crate::model::{Actor, DeadLetterId, FieldChange, LetterFilter, LetterPlace, Selection};

impl Local {
    /// Keeps a correction, and retries its letter where that is asked for.
    pub(super) async fn correct(
        &self,
        id: DeadLetterId,
        content: &str,
        changes: Vec<FieldChange>,
        reason: Option<String>,
        retry: bool,
        by: &Actor,
    ) -> Result<Answer, Refusal> {
        let before = self.engine.store().correction(id).await?.map(|one| one.fields).unwrap_or_default();
        let before = before.into_iter().map(|field| FieldChange { field: field.field, value: field.after });
        let undo = Request::Correct {
            id,
            content: content.to_owned(),
            changes: before.collect(),
            reason: Some("taken back".to_owned()),
            retry: false,
        };
        let mut corrected = self.engine.correct(id, content, changes, reason, by).await.map_err(refusal)?;
        if !retry || corrected.changed == 0 {
            return done(Ok(corrected), Some(undo));
        }
        let retried = self.engine.retry(&Selection::Ids(vec![id]), by).await.map_err(refusal)?;
        corrected.text = format!("{}; {}", corrected.text, retried.text);
        done(Ok(corrected), None)
    }

    pub(super) async fn preview(&self, selection: &Selection) -> Result<Answer, Refusal> {
        let store = self.engine.store();
        let mut preview = RetryPreview::default();
        match selection {
            Selection::Ids(ids) => {
                let rows = store.letter_rows(ids).await?;
                for row in rows.into_iter().flatten().filter(|row| row.state.place() == LetterPlace::Waiting) {
                    match preview.jobs.iter_mut().find(|(job, _)| *job == row.job) {
                        Some((_, n)) => *n += 1,
                        None => preview.jobs.push((row.job, 1)),
                    }
                }
            }
            Selection::Matching(filter) => {
                for job in self.engine.job_ids() {
                    if filter.job.as_ref().is_some_and(|wanted| wanted != job) {
                        continue;
                    }
                    let places = vec![LetterPlace::Waiting];
                    let of_job = LetterFilter { job: Some(job.clone()), places, ..filter.clone() };
                    let n = store.letter_ids(&of_job, 0).await?.total;
                    if n > 0 {
                        preview.jobs.push((job.clone(), n));
                    }
                }
            }
        }
        let is_single = preview.jobs.len() == 1;
        for (job, n) in &preview.jobs {
            preview.total += n;
            let Some(cell) = self.engine.job(job) else {
                continue;
            };
            if cell.source.can_read_one() {
                preview.read_again += n;
            }
            let limits = &cell.destination_limits();
            let per_minute = usual_rate(limits);
            preview.per_minute = is_single.then_some(per_minute);
            preview.seconds_carefully = preview.seconds_carefully.max(n.saturating_mul(60) / u64::from(per_minute));
            if let Some(requests) = limits.requests {
                let seconds = limits.per.as_secs_f64() * *n as f64 / f64::from(requests.max(1));
                let longest = preview.seconds_at_least.unwrap_or(0).max(seconds as u64);
                preview.seconds_at_least = Some(longest);
            }
        }
        Ok(Answer::Preview(preview))
    }
}
