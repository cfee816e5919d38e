//! Retries of many letters, on every screen: how far they are, how they ended, and the key that stops them.

use super::action::Action;
use super::app::{App, Message, MessageKind};
use super::text::{counted, grouped};
use super::theme::Tone;
use super::widgets::{Canvas, Line, bar};
use crate::control::Request;
use crate::model::{BulkRetry, BulkStage, JobId, Snapshot};

/// Cells of the bar.
const BAR: usize = 20;

/// Says how retries ended that went on in the snapshot before.
pub fn snapshot_came(app: &mut App, before: Option<&Snapshot>) {
    let was_open = |number: u64| {
        before.is_some_and(|before| before.retries.iter().any(|retry| retry.number == number && retry.is_open()))
    };
    let Some(now) = &app.snapshot else { return };
    // Whoever did not order it finds it in the list of messages, too.
    let begun: Vec<Message> = now
        .retries
        .iter()
        .filter(|retry| retry.is_open() && before.is_some() && !was_open(retry.number))
        .map(|retry| Message {
            at: app.now,
            kind: MessageKind::Note,
            text: format!("retry of {} begun by {}: {}", retry.job, retry.by, retry.what),
            hint: None,
        })
        .collect();
    let ended: Vec<BulkRetry> =
        now.retries.iter().filter(|retry| !retry.is_open() && was_open(retry.number)).cloned().collect();
    begun.into_iter().for_each(|message| app.keep(message));
    for retry in ended {
        match &retry.stage {
            BulkStage::Ended { stopped: Some(_) } => {
                let hint = format!("what was not sent waits as before; group {}", retry.what);
                app.say(MessageKind::Failed, retry.result(), Some(hint));
            }
            _ if retry.failed > 0 => app.say(MessageKind::Failed, retry.result(), None),
            _ => app.say(MessageKind::Done, retry.result(), None),
        }
    }
}

/// The retries that go on.
pub fn open(app: &App) -> impl Iterator<Item = &BulkRetry> {
    app.snapshot.iter().flat_map(|snapshot| &snapshot.retries).filter(|retry| retry.is_open())
}

/// How far a retry is, in a few words.
pub fn brief(app: &App, job: Option<&JobId>) -> Option<String> {
    let retry = open(app).find(|retry| job.is_none_or(|job| retry.job == *job))?;
    Some(format!("retried {}/{}", grouped(retry.done()), grouped(retry.total)))
}

/// How far a retry is.
fn stage(line: Line, retry: &BulkRetry) -> Line {
    let line = match &retry.stage {
        BulkStage::Gathering => line.say("gathering its letters"),
        BulkStage::Canary => line.say(format!("the first of {} goes alone", counted(retry.total, "letter", "letters"))),
        BulkStage::Stopping { why } => line.say(format!("stopping: {why}")),
        BulkStage::Rest | BulkStage::Ended { .. } => {
            line.say(format!("{}/{}", grouped(retry.done()), grouped(retry.total)))
        }
    };
    match retry.failed {
        0 => line,
        n => line.tone(format!("  {} failed again", grouped(n)), Tone::Fail),
    }
}

/// A retry in one line, with the key that stops it.
pub fn line(app: &App, line: Line, retry: &BulkRetry) -> Line {
    let line = line.tone("↻ ", Tone::Wait).say("retry of ").id(retry.job.as_str(), 24).say("  ");
    // Where there is no room for all of it, the key that stops it is what must be seen.
    let line = line.key(app.key(Action::StopRetry)).say(" stops it  ");
    stage(line, retry).say("  ").tone(bar(app.theme, retry.done(), retry.total, BAR), Tone::Wait)
}

/// The same in two lines of at most `width` cells.
pub fn toast(app: &App, canvas: &Canvas<'_>, retry: &BulkRetry, width: usize) -> (Line, Vec<Line>) {
    let head = canvas.line().tone("↻ ", Tone::Wait).say("retry of ").id(retry.job.as_str(), 24).say("  ");
    let stop = canvas.line().say("   ").key(app.key(Action::StopRetry)).say(" stops it");
    let cells = width.saturating_sub(stop.width() + 2);
    let below = canvas.line().say("  ").tone(bar(app.theme, retry.done(), retry.total, cells), Tone::Wait).and(stop);
    (stage(head, retry), vec![below])
}

/// Stops the retry of the selection's job, or the only one that goes on.
pub fn stop(app: &mut App) {
    let selected = app.selected_job();
    let job = open(app).find(|retry| Some(&retry.job) == selected.as_ref()).or_else(|| open(app).next());
    match job.map(|retry| retry.job.clone()) {
        Some(job) => app.order(Request::StopRetry { job }),
        None => app.note("no retry of many letters goes on"),
    }
}
