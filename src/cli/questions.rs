//! Questions to the engine with the answers that belong to them, a page at a time.

use super::Report;
use crate::control::{Answer, Done, LetterView, Refusal, Request, RetryPreview};
use crate::model::filter::{RunFilter, Term};
use crate::model::{
    BulkRetry, Checkpoint, ConnectionId, DeadLetterId, EditForm, JobId, LetterCheck, LetterFilter, LetterGroup,
    LetterRow, Run, Selection, Tested, WhyAnswer,
};
use std::sync::Arc;

/// Rows that are asked for at once.
pub const PAGE: usize = 500;

/// What a command asks. In the program it is [`Handle::ask`](crate::control::Handle::ask).
pub trait Ask: AsyncFn(Request) -> Result<Answer, Refusal> {}

impl<F: AsyncFn(Request) -> Result<Answer, Refusal>> Ask for F {}

pub async fn order(ask: &impl Ask, request: Request) -> Result<Done, Report> {
    match ask(request).await? {
        Answer::Done(done) => Ok(done),
        other => Err(unexpected(&other)),
    }
}

/// What is known of a trouble, as the text of a file.
pub async fn bundle(ask: &impl Ask, job: Option<JobId>, letter: Option<DeadLetterId>) -> Result<String, Report> {
    match ask(Request::Bundle { job, letter }).await? {
        Answer::Bundle { text } => Ok(text),
        other => Err(unexpected(&other)),
    }
}

/// Tries a connection with one call.
pub async fn tested(ask: &impl Ask, connection: ConnectionId) -> Result<Box<Tested>, Report> {
    match ask(Request::TestConnection { connection }).await? {
        Answer::Tested(tested) => Ok(tested),
        other => Err(unexpected(&other)),
    }
}

pub async fn letter_groups(ask: &impl Ask, filter: LetterFilter) -> Result<Vec<LetterGroup>, Report> {
    match ask(Request::DeadGroups { filter }).await? {
        Answer::Groups(groups) => Ok(groups),
        other => Err(unexpected(&other)),
    }
}

/// Numbers of letters that match, newest first, and how many there are in all.
pub async fn letter_ids(
    ask: &impl Ask,
    filter: LetterFilter,
    limit: usize,
) -> Result<(Arc<[DeadLetterId]>, u64), Report> {
    match ask(Request::DeadIds { filter, limit }).await? {
        Answer::Ids { ids, total } => Ok((ids, total)),
        other => Err(unexpected(&other)),
    }
}

pub async fn letter_rows(ask: &impl Ask, ids: Vec<DeadLetterId>) -> Result<Vec<Option<LetterRow>>, Report> {
    match ask(Request::DeadRows { ids }).await? {
        Answer::Rows(rows) => Ok(rows),
        other => Err(unexpected(&other)),
    }
}

pub async fn letter(ask: &impl Ask, id: DeadLetterId) -> Result<Box<LetterView>, Report> {
    match ask(Request::DeadLetter { id }).await? {
        Answer::Letter(view) => Ok(view),
        other => Err(unexpected(&other)),
    }
}

/// A job's checkpoints of which all `terms` hold, newest first, at most `limit`.
pub async fn checkpoints(ask: &impl Ask, job: &JobId, terms: &[Term], limit: usize) -> Result<Vec<Checkpoint>, Report> {
    let mut all: Vec<Checkpoint> = Vec::new();
    loop {
        let before = all.last().map(|checkpoint| checkpoint.sequence);
        let wanted = PAGE.min(limit - all.len());
        let request = Request::Checkpoints { job: job.clone(), terms: terms.to_vec(), before, limit: wanted };
        let page = match ask(request).await? {
            Answer::Checkpoints(page) => page,
            other => return Err(unexpected(&other)),
        };
        let is_last = page.len() < wanted;
        all.extend(page);
        if is_last || limit <= all.len() {
            return Ok(all);
        }
    }
}

/// Past runs that the filter lets through, newest first, at most `limit`.
pub async fn runs(ask: &impl Ask, filter: &RunFilter, limit: usize) -> Result<Vec<Run>, Report> {
    let mut all: Vec<Run> = Vec::new();
    loop {
        let before = all.last().map(|run| run.id);
        let wanted = PAGE.min(limit - all.len());
        let (job, terms) = (filter.job.clone(), filter.terms.clone());
        let page = match ask(Request::Runs { job, terms, before, limit: wanted }).await? {
            Answer::Runs(page) => page,
            other => return Err(unexpected(&other)),
        };
        let is_last = page.len() < wanted;
        all.extend(page);
        if is_last || limit <= all.len() {
            return Ok(all);
        }
    }
}

/// Careful retries of many letters that the filter lets through, newest first.
pub async fn bulks(ask: &impl Ask, filter: &RunFilter) -> Result<Vec<BulkRetry>, Report> {
    match ask(Request::Bulks { filter: filter.clone() }).await? {
        Answer::Bulks(bulks) => Ok(bulks),
        other => Err(unexpected(&other)),
    }
}

pub async fn why(ask: &impl Ask, job: Option<JobId>, key: &str, live: bool) -> Result<Box<WhyAnswer>, Report> {
    match ask(Request::Why { job, key: key.to_owned(), live }).await? {
        Answer::Why(answer) => Ok(answer),
        other => Err(unexpected(&other)),
    }
}

/// The fields of a letter, to be corrected.
pub async fn edit_form(ask: &impl Ask, id: DeadLetterId) -> Result<Box<EditForm>, Report> {
    match ask(Request::EditForm { id }).await? {
        Answer::EditForm(form) => Ok(form),
        other => Err(unexpected(&other)),
    }
}

/// What a retry of the selection would do.
pub async fn retry_preview(ask: &impl Ask, selection: Selection) -> Result<RetryPreview, Report> {
    match ask(Request::RetryPreview { selection }).await? {
        Answer::Preview(preview) => Ok(preview),
        other => Err(unexpected(&other)),
    }
}

/// What a retry would do with these letters, each looked at.
pub async fn retry_check(ask: &impl Ask, ids: Vec<DeadLetterId>) -> Result<LetterCheck, Report> {
    match ask(Request::RetryCheck { ids }).await? {
        Answer::Check(check) => Ok(check),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &Answer) -> Report {
    let kind = match answer {
        Answer::Done(_) => "what was done",
        Answer::Tested(_) => "what a test brought",
        Answer::Groups(_) => "groups of dead letters",
        Answer::Ids { .. } => "numbers of dead letters",
        Answer::Rows(_) => "rows of dead letters",
        Answer::Letter(_) => "a dead letter",
        Answer::LetterRequest(_) => "the request of a dead letter",
        Answer::Preview(_) => "a preview",
        Answer::Check(_) => "a look at dead letters",
        Answer::EditForm(_) => "the fields of a dead letter",
        Answer::Held { .. } => "withheld deletes",
        Answer::Checkpoints(_) => "checkpoints",
        Answer::Runs(_) => "runs",
        Answer::Bulks(_) => "careful retries",
        Answer::History(_) => "the last day",
        Answer::Logs(_) => "log lines",
        Answer::Journal(_) => "the journal",
        Answer::Bundle { .. } => "a bundle",
        Answer::Verified(_) => "a proof of the journal",
        Answer::RewindPreview(_) => "the preview of a rewind",
        Answer::CheckpointFile(_) => "a checkpoint as a file",
        Answer::Plan(_) => "a dry run",
        Answer::Why(_) => "the story of a record",
    };
    Report::new(format!("the engine answered another question, with {kind}"))
}
