//! Putting a bundle together from what the engine and its store hold.

use super::redact::Redaction;
use super::{Bundle, FORMAT, JobSummary};
use crate::control::local::Local;
use crate::control::{Answer, LetterView, Refusal, Request};
use crate::engine::without_content;
use crate::model::redact::HIDDEN;
use crate::model::{
    Actor, DeadLetter, DeadLetterId, DeletePolicy, Job, JobId, LetterFilter, LetterPlace, LogFilter, Notice, OnOrphan,
};

/// How much of each list is taken.
const RUNS: usize = 100;
const CHECKPOINTS: usize = 20;
const LETTERS: usize = 50;
const NOTICES: usize = 1_000;
const JOURNAL: usize = 200;
/// Letters are taken until they are so long together, in bytes.
const LETTERS_BYTES_MAX: usize = 8 << 20;

impl Local {
    /// The bundle as the text of its file: about one job, about one letter and its job, or about everything.
    pub(in crate::control) async fn bundle(
        &self,
        job: Option<JobId>,
        letter: Option<DeadLetterId>,
        by: &Actor,
    ) -> Result<String, Refusal> {
        let engine = &self.engine;
        let store = engine.store();
        let redaction = &Redaction::new(engine.redacted_fields().to_vec(), engine.masks());
        let first = match letter {
            Some(id) => Some(self.letter_view(id, by).await?),
            None => None,
        };
        let job = first.as_ref().map(|view| view.letter.job.clone()).or(job);
        if let Some(job) = &job
            && engine.job(job).is_none()
            && store.runs(Some(job), None, 1).await?.is_empty()
        {
            return Err(Refusal {
                message: format!("there is no job `{job}`"),
                hint: Some("`syncdeck status` lists the jobs".to_owned()),
            });
        }
        let snapshot = {
            let mut snapshot = engine.snapshot();
            if let Some(job) = &job {
                snapshot.jobs.retain(|status| status.id == *job);
            }
            for status in &mut snapshot.jobs {
                status.events.iter_mut().for_each(harmless_notice);
            }
            snapshot
        };
        let filter = LetterFilter { job: job.clone(), ..LetterFilter::default() };
        let (letters, letters_left_out) = self.letters(first, &filter, by).await?;
        let mut groups = store.letter_groups(&filter).await?;
        for group in &mut groups {
            group.reason.message = without_content(&group.reason.message, true);
            group.reason.answer = None;
        }
        let mut checkpoints = Vec::new();
        for id in snapshot.jobs.iter().map(|status| &status.id) {
            checkpoints.push((id.clone(), store.checkpoints(id, None, CHECKPOINTS).await?));
        }
        let mut notices = engine.notices().read(&LogFilter { job: job.clone(), ..LogFilter::default() }, None, NOTICES);
        notices.iter_mut().for_each(harmless_notice);
        let bundle = Bundle {
            syncdeck_bundle: FORMAT,
            version: snapshot.engine.version.clone(),
            workspace: snapshot.engine.workspace.clone(),
            at: snapshot.at,
            by: by.clone(),
            letter,
            hidden: redaction.names().to_vec(),
            jobs: snapshot.jobs.iter().filter_map(|status| Some(summary(engine.job(&status.id)?.as_ref()))).collect(),
            checkpoints,
            runs: store.runs(job.as_ref(), None, RUNS).await?,
            groups,
            letters: letters.into_iter().map(|view| redacted(view, redaction)).collect(),
            letters_left_out,
            notices,
            journal: store.journal(None, JOURNAL).await?,
            snapshot,
            job,
        };
        let text = serde_json::to_string(&bundle)
            .map_err(|error| Refusal { message: format!("the bundle could not be written: {error}"), hint: None })?;
        Ok(redaction.document(&text))
    }

    async fn letter_view(&self, id: DeadLetterId, by: &Actor) -> Result<LetterView, Refusal> {
        match Box::pin(self.ask(Request::DeadLetter { id }, by)).await? {
            Answer::Letter(view) => Ok(*view),
            _ => Err(Refusal { message: format!("dead letter #{id} can not be read"), hint: None }),
        }
    }

    /// The letter that is asked for and others of the filter, newest first, with how many more there are.
    async fn letters(
        &self,
        first: Option<LetterView>,
        filter: &LetterFilter,
        by: &Actor,
    ) -> Result<(Vec<LetterView>, u64), Refusal> {
        let places = vec![LetterPlace::Waiting, LetterPlace::Retrying];
        let filter = LetterFilter { places, ..filter.clone() };
        let found = self.engine.store().letter_ids(&filter, LETTERS).await?;
        let asked_for = first.as_ref().map(|view| view.letter.id);
        let mut letters: Vec<LetterView> = first.into_iter().collect();
        let mut taken = 0;
        let mut bytes: usize = letters.iter().map(|view| size(&view.letter)).sum();
        for id in found.ids.iter() {
            if asked_for == Some(*id) {
                taken += 1;
                continue;
            }
            let view = self.letter_view(*id, by).await?;
            if LETTERS_BYTES_MAX < bytes + size(&view.letter) {
                continue;
            }
            bytes += size(&view.letter);
            taken += 1;
            letters.push(view);
        }
        Ok((letters, found.total.saturating_sub(taken)))
    }
}

fn size(letter: &DeadLetter) -> usize {
    letter.source.as_str().len() + letter.sent.as_ref().map_or(0, |sent| sent.as_str().len())
}

/// A notice as the log file may hold it.
fn harmless_notice(notice: &mut Notice) {
    notice.text = without_content(&notice.text, notice.record.is_some());
}

fn redacted(mut view: LetterView, rules: &Redaction) -> LetterView {
    let letter = &mut view.letter;
    let mut values = Vec::new();
    let source = rules.record(&letter.source, &mut values);
    let sent = letter.sent.as_ref().map(|sent| rules.record(sent, &mut values));
    for line in view.fields.iter_mut().filter(|line| rules.hides(&line.field)) {
        // What a hidden field is made of stands in the record under another name.
        for text in [&mut line.source, &mut line.sent].into_iter().flatten() {
            if 4 <= text.len() && !values.contains(text) {
                values.push(text.clone());
            }
        }
    }
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let hide = |text: &mut String| *text = rules.text(text, &values);
    // A value that is hidden under one name may stand under another, too.
    letter.source = hidden_in(&source, &values, rules);
    letter.sent = sent.map(|sent| hidden_in(&sent, &values, rules));
    hide(&mut letter.reason.message);
    letter.reason.answer.as_mut().map(hide).unwrap_or_default();
    letter.attempts.iter_mut().for_each(|attempt| hide(&mut attempt.message));
    for line in &mut view.fields {
        if rules.hides(&line.field) {
            line.source = line.source.as_ref().map(|_| HIDDEN.to_owned());
            line.sent = line.sent.as_ref().map(|_| HIDDEN.to_owned());
        }
        [&mut line.source, &mut line.sent, &mut line.why].into_iter().flatten().for_each(hide);
    }
    view
}

fn hidden_in(record: &crate::model::RawJson, values: &[String], rules: &Redaction) -> crate::model::RawJson {
    let text = rules.text(record.as_str(), values);
    // A figure inside of a longer one, cut out, would be no JSON: then the record goes as it is, less its hidden fields.
    crate::model::RawJson::parse(text).unwrap_or_else(|_| record.clone())
}

fn summary(cell: &crate::engine::JobCell) -> JobSummary {
    let spec: &Job = &cell.spec;
    let lineage = cell.mapping.lineage().into_iter();
    JobSummary {
        id: spec.id.clone(),
        description: spec.description.clone(),
        enabled: spec.enabled,
        schedule: cell.schedule_words(),
        source: spec.source.connection.clone(),
        destination: spec.destination.connection.clone(),
        filter: spec.source.filter.clone(),
        delete: match spec.delete {
            DeletePolicy::Soft => "soft",
            DeletePolicy::Hard => "hard",
            DeletePolicy::Ignore => "ignore",
        }
        .to_owned(),
        on_orphan: match spec.on_orphan {
            OnOrphan::Create => "create",
            OnOrphan::DeadLetter => "dead_letter",
            OnOrphan::Ignore => "ignore",
        }
        .to_owned(),
        max_attempts: spec.max_attempts,
        changed_fields_only: spec.destination.changed_fields_only,
        map: lineage.map(|(field, from)| (field, from.map(|from| from.to_string()))).collect(),
    }
}
