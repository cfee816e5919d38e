//! All messages, newest first: what was told, with the selected one whole and to be copied.

use super::{Overlay, page_area};
use crate::tui::action::Action;
use crate::tui::app::{App, Message};
use crate::tui::copying;
use crate::tui::geometry;
use crate::tui::screens::move_in;
use crate::tui::text::counted;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Hit, Line, ListState};
use ratatui::layout::{Position, Rect};

/// Rows of the selected message, whole.
const WHOLE: u16 = 5;

pub fn open() -> Overlay {
    Overlay::Messages(ListState::default())
}

fn newest_first(app: &App) -> impl Iterator<Item = &Message> {
    app.messages.iter().rev()
}

fn layout(app: &App) -> (Rect, Rect) {
    let area = page_area(app.size);
    geometry::top(area, area.height.saturating_sub(WHOLE))
}

pub fn step(app: &mut App, action: Action) {
    let rows = usize::from(layout(app).0.height.saturating_sub(2)).max(1);
    let n = app.messages.len();
    let Some(Overlay::Messages(list)) = &mut app.overlay else { return };
    if action == Action::CopyLine {
        let at = list.selected;
        let text = newest_first(app).nth(at).map(|message| match &message.hint {
            Some(hint) => format!("{}\n{hint}", message.text),
            None => message.text.clone(),
        });
        return match text {
            Some(text) => copying::put(app, "the message", text),
            None => app.note("there is no message to copy"),
        };
    }
    list.height = rows;
    move_in(list, action, n);
    list.settle(n, rows);
}

pub fn draw(list: &ListState, app: &App, canvas: &mut Canvas<'_>) {
    let (upper, lower) = layout(app);
    canvas.clear(page_area(app.size));
    let n = app.messages.len();
    let title = format!("Messages, newest first, {}", counted(n as u64, "message", "messages"));
    let inner = canvas.panel(upper, &title, &format!("{} copies · Esc closes", copy_key(app)), true);
    let mut list = *list;
    list.settle(n, usize::from(inner.height));
    let window = list.window(n);
    for (row, (at, message)) in inner.rows().zip(newest_first(app).enumerate().skip(window.start)) {
        let (sign, tone) = message.kind.sign();
        let mark = if at == list.selected { "» " } else { "  " };
        let line = canvas.line().say(mark).dim(message.at.clock_text()).say("  ").tone(sign, tone).say(&message.text);
        canvas.put(row, &line);
        if at == list.selected {
            canvas.tint(row, Tone::Selected);
            canvas.cursor = Some(Position::new(row.x, row.y));
        }
        let (at, selected) = (isize::try_from(at).unwrap_or(0), isize::try_from(list.selected).unwrap_or(0));
        canvas.hit(row, Hit::Row(at - selected));
    }
    let whole = canvas.panel(lower, "", "", false);
    let whole = Rect { x: whole.x + 1, width: whole.width.saturating_sub(2), ..whole };
    let width = usize::from(whole.width);
    let lines: Vec<Line> = newest_first(app)
        .nth(list.selected)
        .into_iter()
        .flat_map(|message| {
            let hint = message.hint.iter().flat_map(|hint| canvas.line().dim(hint).wrapped(width)).collect::<Vec<_>>();
            canvas.line().say(&message.text).wrapped(width).into_iter().chain(hint)
        })
        .collect();
    canvas.put_all(whole, &lines);
}

fn copy_key(app: &App) -> String {
    let keymap = &app.settings.keymap;
    let context = [crate::tui::keymap::Context::Messages];
    keymap.labels(&context, Action::CopyLine).into_iter().next().unwrap_or_default()
}
