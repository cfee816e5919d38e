//! The preview of a retry: how many, what would become of each, what it costs. Counted by the engine, which asks the
//! source for some of the records, and counted again when confirmed.

use super::bulk::{self, Scope};
use super::{Overlay, dialog};
use crate::control::{Answer, Refusal, Request, RetryPreview};
use crate::model::{BulkRetry, DeadLetterId, LetterCheck, Selection, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::keymap::Context;
use crate::tui::text::{counted, grouped, span, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};
use std::time::Duration;

/// Keys that were on their way before the dialog was seen do not answer it.
const DEAF_AT_FIRST: Duration = Duration::from_millis(150);

#[derive(Clone, Debug)]
pub struct Dialog {
    scope: Scope,
    preview: Option<RetryPreview>,
    /// Letters that are still to be looked at, the next last.
    unseen: Vec<DeadLetterId>,
    check: LetterCheck,
    problem: Option<String>,
    /// `y` was pressed and the letters are being counted again.
    is_confirmed: bool,
    /// What the count was before, where it moved too far to go on.
    moved_from: Option<u64>,
    pub opened_at: Timestamp,
}

pub fn open(app: &mut App, scope: Scope) {
    let dialog = Dialog {
        scope,
        preview: None,
        unseen: Vec::new(),
        check: LetterCheck::default(),
        problem: None,
        is_confirmed: false,
        moved_from: None,
        opened_at: app.now,
    };
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
        (Purpose::PreviewIds, Ok(Answer::Ids { ids, .. })) => look_at(app, &ids),
        (Purpose::PreviewCheck, Ok(Answer::Check(check))) => {
            dialog.check.add(check);
            look_on(app);
        }
        (_, Ok(Answer::Preview(preview))) => counted_again(app, preview),
        (_, Ok(_)) => {}
        (_, Err(refusal)) => {
            dialog.problem = Some(refusal.message);
            dialog.is_confirmed = false;
        }
    }
}

/// Looks at the first letters as the retry would.
fn look_at(app: &mut App, ids: &[DeadLetterId]) {
    let Some(Overlay::Retry(dialog)) = &mut app.overlay else { return };
    dialog.unseen = ids.iter().take(LetterCheck::LETTERS_MAX).rev().copied().collect();
    look_on(app);
}

/// Asks for some more, so that it shows how far the looking is, and ends with the dialog.
fn look_on(app: &mut App) {
    let Some(Overlay::Retry(dialog)) = &mut app.overlay else { return };
    let from = dialog.unseen.len().saturating_sub(LetterCheck::AT_ONCE);
    let ids: Vec<DeadLetterId> = dialog.unseen.drain(from..).rev().collect();
    if !ids.is_empty() {
        app.ask(Purpose::PreviewCheck, Request::RetryCheck { ids });
    }
}

fn counted_again(app: &mut App, preview: RetryPreview) {
    let Some(Overlay::Retry(dialog)) = &mut app.overlay else { return };
    let is_first = dialog.preview.is_none();
    let before = dialog.preview.as_ref().map_or(0, |preview| preview.total);
    let has_moved = before.abs_diff(preview.total).saturating_mul(20) > before;
    let is_confirmed = std::mem::take(&mut dialog.is_confirmed);
    let total = preview.total;
    dialog.preview = Some(preview);
    if is_first && total > 0 {
        match dialog.scope.selection.clone() {
            Selection::Ids(ids) => look_at(app, &ids),
            Selection::Matching(filter) => {
                app.ask(Purpose::PreviewIds, Request::DeadIds { filter, limit: LetterCheck::LETTERS_MAX });
            }
        }
        return;
    }
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
        app.forget_marks();
        app.order(bulk::retry_of(selection, total));
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

/// Retries those of the letters looked at whose record changed at its source.
pub fn changed_only(app: &mut App) {
    let now = app.now;
    let Some(Overlay::Retry(dialog)) = &app.overlay else { return };
    if now.since(dialog.opened_at) < DEAF_AT_FIRST || dialog.check.changed.is_empty() {
        return;
    }
    let ids = dialog.check.changed.clone();
    let n = ids.len() as u64;
    app.overlay = None;
    app.forget_marks();
    app.order(bulk::retry_of(Selection::Ids(ids), n));
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
        match (&self.preview, &self.problem) {
            (_, Some(problem)) => {
                lines.push(canvas.line());
                lines.extend(wrapped(problem, 70).iter().map(|line| canvas.line().tone(line, Tone::Fail)));
            }
            (None, None) => lines.push(canvas.line().say("counting…")),
            (Some(preview), None) => {
                lines.extend(self.preview_lines(canvas, preview));
                lines.push(canvas.line());
                lines.extend(self.dry_run(canvas, preview));
                lines.push(canvas.line());
                lines.extend(cost(app, canvas, preview));
            }
        }
        if let (Some(before), Some(preview)) = (self.moved_from, &self.preview) {
            let text = format!(
                "! it was {} when you said yes, now it is {}; look again",
                grouped(before),
                grouped(preview.total)
            );
            lines.push(canvas.line().tone(text, Tone::Warn));
        }
        let key = |action| {
            let labels = app.settings.keymap.labels(&[Context::RetryPreview], action);
            labels.into_iter().next().unwrap_or_default()
        };
        let mut buttons = canvas.line().tone("[ Cancel  Esc ]", Tone::Selected);
        match &self.preview {
            _ if self.is_confirmed => buttons = buttons.say("    counting once more…"),
            Some(preview) if preview.total > 0 => {
                buttons = buttons.say("    ").key(key(Action::Yes)).say(format!(" retry {}", grouped(preview.total)));
                let changed = self.check.changed.len() as u64;
                if changed > 0 && changed < preview.total {
                    let words = format!(" retry only the {} changed", grouped(changed));
                    buttons = buttons.say("    ").key(key(Action::ChangedOnly)).say(words);
                }
            }
            _ => {}
        }
        dialog(app, canvas, &title, lines, &buttons, None);
    }

    fn preview_lines(&self, canvas: &Canvas<'_>, preview: &RetryPreview) -> Vec<Line> {
        let mut lines = Vec::new();
        for (job, n) in preview.jobs.iter().take(4) {
            lines.push(canvas.line().dim("job    ").say(format!("{:>9}  ", grouped(*n))).id(job.as_str(), 50));
        }
        if let Some(more) = preview.jobs.len().checked_sub(4).filter(|more| *more > 0) {
            lines.push(canvas.line().dim(format!("       … and {}", counted(more as u64, "job more", "jobs more"))));
        }
        lines
    }

    /// What would become of the letters that were looked at, and how many were not.
    fn dry_run(&self, canvas: &Canvas<'_>, preview: &RetryPreview) -> Vec<Line> {
        let check = &self.check;
        let figures = [
            (check.same, "sent again unchanged"),
            (check.changed.len() as u64, "changed at the source since: the new content is sent"),
            (check.corrected, "sent with a person's correction"),
            (check.stored, "sent as they were read; whether they changed is not known"),
            (check.settled, "delivered meanwhile: nothing is sent"),
            (check.gone, "gone at the source: nothing is sent, nothing deleted"),
            (check.refused, "refused by the map still: nothing can be sent"),
            (check.unread, "not known: the source did not say"),
            (check.moved, "not waiting any more"),
        ];
        let mut lines = Vec::new();
        for (n, words) in figures.into_iter().filter(|(n, _)| *n > 0) {
            let label = if lines.is_empty() { "look   " } else { "       " };
            lines.push(canvas.line().dim(label).say(format!("{:>9}  {words}", grouped(n))));
        }
        let looked = check.looked_at();
        let most = preview.total.min(LetterCheck::LETTERS_MAX as u64);
        let label = if lines.is_empty() { "look   " } else { "       " };
        if looked < most {
            let text = format!("counting… {} of {}", grouped(looked), grouped(most));
            lines.push(canvas.line().dim(label).say(text));
        } else if looked < preview.total {
            let text = format!("{:>9}  not looked at, so not known", grouped(preview.total - looked));
            lines.push(canvas.line().dim(label).say(text));
        }
        if looked == most && check.same > 0 && check.same * 2 > looked {
            let text = format!("! {} are unchanged: the same error is likely again", grouped(check.same));
            lines.push(canvas.line().tone(text, Tone::Warn));
        }
        lines
    }
}

/// Time and care: how fast, what stops it.
fn cost(app: &App, canvas: &Canvas<'_>, preview: &RetryPreview) -> Vec<Line> {
    let mut lines = Vec::new();
    let time = |seconds| span(Duration::from_secs(seconds));
    if preview.total <= bulk::RETRY_AT_ONCE {
        let words = match preview.seconds_at_least {
            Some(seconds) => format!("{} at least, by the configured request budget", time(seconds)),
            None => "not known: no request budget is configured".to_owned(),
        };
        lines.push(canvas.line().dim("time   ").say(words));
        return lines;
    }
    let rate = match preview.per_minute {
        Some(rate) => format!("at most {} a minute", grouped(u64::from(rate))),
        None => "each job at its own rate".to_owned(),
    };
    lines.push(canvas.line().dim("cost   ").say(format!(
        "{} writes at most, {rate}: {} or more",
        grouped(preview.total),
        time(preview.seconds_carefully)
    )));
    lines.extend(labelled(canvas, "first  ", "one letter; the rest follow only if it is delivered"));
    let stop = format!(
        "stops by itself at a new kind of error, or after {} failures in a row; {} stops it",
        BulkRetry::FAILURES_IN_A_ROW_MAX,
        app.settings.keymap.label(Action::StopRetry)
    );
    lines.extend(labelled(canvas, "stop   ", &stop));
    lines
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
