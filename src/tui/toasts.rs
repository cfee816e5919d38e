//! What is told over the screen: retries of many letters while they last, failures until Esc, and what was done in the
//! last seconds where the message line tells something newer by now. The message line has the newest; nothing is told
//! in both.

use super::action::Action;
use super::app::{App, Message};
use super::geometry::{TALL, WIDE, regions};
use super::retries;
use super::widgets::{Canvas, Line};
use crate::model::BulkRetry;
use ratatui::layout::Rect;

/// So many are shown at once; the others are counted.
const SHOWN_MAX: usize = 3;
/// Cells of a toast where there is room.
const WIDTH: u16 = 76;
/// Lines of a failure's text.
const LINES_MAX: usize = 4;

enum Toast<'a> {
    Retry(&'a BulkRetry),
    Told(&'a Message),
}

/// What is to be told, the most wanted first: what goes on, then failures, then what was done; of each the newest first.
fn all(app: &App) -> Vec<Toast<'_>> {
    let failures = app.standing.iter().rev();
    let done = app.fresh.iter().rev().map(|(message, _)| message);
    retries::open(app).map(Toast::Retry).chain(failures.chain(done).map(Toast::Told)).collect()
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>) {
    // What is asked or read now comes first; the list of messages has everything.
    if app.overlay.is_some() {
        return;
    }
    let all = all(app);
    if all.is_empty() {
        return;
    }
    let shown = &all[..all.len().min(SHOWN_MAX)];
    let body = regions(app).body;
    let is_roomy = app.size.0 >= WIDE && app.size.1 >= TALL;
    // In a line each they leave the frames at their sides standing.
    let (width, edge) = if is_roomy { (WIDTH.min(body.width), 0) } else { (body.width.saturating_sub(2), 1) };
    let boxes: Vec<Vec<Line>> = if is_roomy {
        shown.iter().map(|toast| lines(app, canvas, toast, usize::from(width.saturating_sub(4)))).collect()
    } else {
        shown.iter().map(|toast| vec![short(app, canvas, toast)]).collect()
    };
    let frame = if is_roomy { 2 } else { 0 };
    let rows: usize = boxes.iter().map(|lines| lines.len() + frame).sum();
    let height = u16::try_from(rows).unwrap_or(u16::MAX).min(body.height);
    // The selected row stays in sight: they stand at the bottom, or else at the top.
    let is_covered = canvas.cursor.is_some_and(|cursor| {
        cursor.y >= body.bottom() - height && cursor.y < body.bottom() && cursor.y >= body.y + height
    });
    let top = if is_covered { body.y } else { body.bottom() - height };
    let mut y = top;
    let last = boxes.len().saturating_sub(1);
    for (at, lines) in boxes.iter().enumerate() {
        let wanted = u16::try_from(lines.len() + frame).unwrap_or(u16::MAX);
        let area =
            Rect { x: body.right() - edge - width, y, width, height: wanted.min((top + height).saturating_sub(y)) };
        let n_more = all.len() - shown.len();
        let is_needed = is_roomy || n_more > 0 || !app.standing.is_empty();
        let right = if at == last && is_needed { more(app, n_more) } else { String::new() };
        draw_one(canvas, area, lines, &right, is_roomy);
        y += area.height;
    }
}

fn draw_one(canvas: &mut Canvas<'_>, area: Rect, lines: &[Line], right: &str, is_roomy: bool) {
    if area.height == 0 {
        return;
    }
    canvas.clear(area);
    if is_roomy {
        let inner = canvas.panel(area, "", right, true);
        return canvas.put_all(Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }, lines);
    }
    let used = if right.is_empty() { 0 } else { canvas.put_right(area, &canvas.line().dim(format!(" {right} "))) };
    canvas.put_all(Rect { width: area.width.saturating_sub(used), ..area }, lines);
}

/// What else there is, and how it goes away.
fn more(app: &App, n_more: usize) -> String {
    let more = if n_more > 0 { format!("+{n_more} · ") } else { String::new() };
    let close = if app.standing.is_empty() { "" } else { "Esc closes · " };
    format!("{more}{close}{} all messages", app.key(Action::Messages))
}

fn lines(app: &App, canvas: &Canvas<'_>, toast: &Toast<'_>, width: usize) -> Vec<Line> {
    match toast {
        Toast::Retry(retry) => {
            let (head, bar) = retries::toast(app, canvas, retry, width);
            std::iter::once(head).chain(bar).collect()
        }
        Toast::Told(message) => {
            let (sign, tone) = message.kind.sign();
            // One cell less than there is, for the space at which a line is broken.
            let parts = canvas.line().say(&message.text).wrapped(width.saturating_sub(3)).into_iter().take(LINES_MAX);
            let mut lines: Vec<Line> = parts
                .enumerate()
                .map(|(at, part)| canvas.line().tone(if at == 0 { sign } else { "  " }, tone).and(part))
                .collect();
            if let Some(hint) = &message.hint {
                lines.extend(
                    canvas.line().dim(format!("  {hint}")).wrapped(width.saturating_sub(1)).into_iter().take(LINES_MAX),
                );
            }
            lines
        }
    }
}

/// The same in one line.
fn short(app: &App, canvas: &Canvas<'_>, toast: &Toast<'_>) -> Line {
    match toast {
        Toast::Retry(retry) => retries::line(app, canvas.line().say(" "), retry),
        Toast::Told(message) => {
            let (sign, tone) = message.kind.sign();
            let line = canvas.line().say(" ").tone(sign, tone).say(&message.text);
            message.hint.iter().fold(line, |line, hint| line.dim(format!("   {hint}")))
        }
    }
}
