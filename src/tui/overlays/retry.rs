//! The preview of a retry: how many, where, what it costs; counted by the engine, and counted again when confirmed.

use super::bulk::Scope;
use super::{Overlay, dialog};
use crate::control::{Answer, Refusal, Request, RetryPreview};
use crate::model::{DeadLetterId, Selection, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::text::{counted, grouped, span, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Dialog {
    scope: Scope,
    preview: Option<RetryPreview>,
    problem: Option<String>,
    /// `y` was pressed and the letters are being counted again.
    is_confirmed: bool,
    /// What the count was before, where it moved too far to go on.
    moved_from: Option<u64>,
    pub opened_at: Timestamp,
}

pub fn open(app: &mut App, scope: Scope) {
    let dialog =
        Dialog { scope, preview: None, problem: None, is_confirmed: false, moved_from: None, opened_at: app.now };
    if dialog.scope.is_frozen() {
        app.ask(Purpose::Preview, Request::RetryPreview { selection: dialog.scope.selection.clone() });
    } else {
        dialog.scope.measure(app);
    }
    app.overlay = Some(Overlay::Retry(dialog));
}

pub fn answered(app: &mut App, purpose: &Purpose, result: Result<Answer, Refusal>) {
    let Some(Overlay::Retry(dialog)) = &mut app.overlay else { return };
    match (purpose, result) {
        (Purpose::Measure, Ok(Answer::Ids { ids, .. })) => {
            dialog.scope.freeze(ids.first().copied().unwrap_or(DeadLetterId(0)));
            let selection = dialog.scope.selection.clone();
            app.ask(Purpose::Preview, Request::RetryPreview { selection });
        }
        (_, Ok(Answer::Preview(preview))) => counted_again(app, preview),
        (_, Ok(_)) => {}
        (_, Err(refusal)) => {
            dialog.problem = Some(refusal.message);
            dialog.is_confirmed = false;
        }
    }
}

fn counted_again(app: &mut App, preview: RetryPreview) {
    let Some(Overlay::Retry(dialog)) = &mut app.overlay else { return };
    let before = dialog.preview.as_ref().map_or(0, |preview| preview.total);
    let has_moved = before.abs_diff(preview.total).saturating_mul(20) > before;
    let is_confirmed = std::mem::take(&mut dialog.is_confirmed);
    let total = preview.total;
    dialog.preview = Some(preview);
    if !is_confirmed {
        return;
    }
    if has_moved {
        // A person agreed to another number than there is now, so the question is put again.
        dialog.moved_from = Some(before);
        dialog.opened_at = app.now;
        return;
    }
    let selection = dialog.scope.selection.clone();
    app.overlay = None;
    if total > 0 {
        app.letters.forget_marks();
        app.order(Request::Retry { selection });
    }
}

pub fn confirmed(app: &mut App) {
    let Some(Overlay::Retry(dialog)) = &mut app.overlay else { return };
    if dialog.preview.as_ref().is_none_or(|preview| preview.total == 0) || dialog.is_confirmed {
        return;
    }
    dialog.is_confirmed = true;
    let selection = dialog.scope.selection.clone();
    app.ask(Purpose::Preview, Request::RetryPreview { selection });
}

impl Dialog {
    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let title = match &self.preview {
            Some(preview) => format!("Retry {}?", counted(preview.total, "dead letter", "dead letters")),
            None => "Retry dead letters?".to_owned(),
        };
        let mut lines = vec![canvas.line().dim("what   ").within(&self.scope.what, 64, Tone::Plain)];
        let scope = match &self.scope.selection {
            Selection::Ids(_) => "those that are marked, no others",
            Selection::Matching(_) => "all that wait and match, also beyond the screen; newer ones are not meant",
        };
        lines.extend(labelled(canvas, "scope  ", scope));
        lines.push(canvas.line());
        match (&self.preview, &self.problem) {
            (_, Some(problem)) => {
                lines.extend(wrapped(problem, 70).iter().map(|line| canvas.line().tone(line, Tone::Fail)));
            }
            (None, None) => lines.push(canvas.line().say("counting…")),
            (Some(preview), None) => lines.extend(Self::preview_lines(canvas, preview)),
        }
        if let (Some(before), Some(preview)) = (self.moved_from, &self.preview) {
            lines.push(canvas.line());
            let text = format!(
                "! it was {} when you said yes, now it is {}; look again",
                grouped(before),
                grouped(preview.total)
            );
            lines.push(canvas.line().tone(text, Tone::Warn));
        }
        let mut buttons = canvas.line().tone("[ Cancel  Esc ]", Tone::Selected);
        match &self.preview {
            _ if self.is_confirmed => buttons = buttons.say("    counting once more…"),
            Some(preview) if preview.total > 0 => {
                buttons =
                    buttons.say("    ").key(app.key(Action::Yes)).say(format!(" retry {}", grouped(preview.total)));
            }
            _ => {}
        }
        dialog(app, canvas, &title, lines, &buttons, None);
    }

    fn preview_lines(canvas: &Canvas<'_>, preview: &RetryPreview) -> Vec<Line> {
        let mut lines = Vec::new();
        for (job, n) in preview.jobs.iter().take(4) {
            lines.push(canvas.line().dim("job    ").say(format!("{:>9}  ", grouped(*n))).id(job.as_str(), 50));
        }
        if let Some(more) = preview.jobs.len().checked_sub(4).filter(|more| *more > 0) {
            lines.push(canvas.line().dim(format!("       … and {}", counted(more as u64, "job more", "jobs more"))));
        }
        let stored = preview.total.saturating_sub(preview.read_again);
        if preview.read_again > 0 {
            let text =
                format!("{:>9}  read again at the source first: a mend there counts", grouped(preview.read_again));
            lines.push(canvas.line().dim("sends  ").say(text));
        }
        if stored > 0 {
            let text = format!("{:>9}  sent as they were read, with the mapping of now", grouped(stored));
            lines.push(canvas.line().dim("sends  ").say(text));
        }
        let time = match preview.seconds_at_least {
            Some(seconds) => {
                format!("{} at least, by the configured request budget", span(Duration::from_secs(seconds)))
            }
            None => "not known: no request budget is configured".to_owned(),
        };
        lines.push(canvas.line().dim("time   ").say(time));
        lines
    }
}

fn labelled(canvas: &Canvas<'_>, label: &str, text: &str) -> Vec<Line> {
    let indent = " ".repeat(label.len());
    let lines = wrapped(text, 72 - label.len());
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| canvas.line().dim(if at == 0 { label } else { &indent }).say(line))
        .collect()
}
