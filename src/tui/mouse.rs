//! The mouse, where a person has turned it on: the wheel scrolls the pane under the pointer, a click selects a row or
//! does what a tab or a key at the bottom says. Everything else that a mouse can do is not listened to.

use super::action::Action;
use super::app::{App, Effect};
use super::update::act_on;
use super::view::hits_at;
use super::widgets::Hit;
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// Rows for one step of the wheel.
const WHEEL_ROWS: isize = 3;
/// No screen has more panes.
const PANES_MAX: usize = 6;

/// Turns the mouse on or off.
pub fn toggle(app: &mut App) {
    app.is_mouse_on = !app.is_mouse_on;
    app.effects.push(Effect::Mouse(app.is_mouse_on));
    let key = app.key(Action::Mouse);
    if app.is_mouse_on {
        app.note(format!("mouse on: click and wheel; {key} turns it off, to select text in the terminal"));
    } else {
        app.note(format!("mouse off: the terminal selects text; {key} turns it on"));
    }
}

pub fn event(app: &mut App, event: MouseEvent) {
    if !app.is_mouse_on {
        return;
    }
    let position = Position::new(event.column, event.row);
    match event.kind {
        MouseEventKind::ScrollUp => wheel(app, position, -WHEEL_ROWS),
        MouseEventKind::ScrollDown => wheel(app, position, WHEEL_ROWS),
        MouseEventKind::Down(MouseButton::Left) => click(app, position),
        _ => {}
    }
}

fn wheel(app: &mut App, position: Position, rows: isize) {
    if app.overlay.is_none() && !hits_at(app, position).iter().any(|hit| matches!(hit, Hit::Pane { .. })) {
        return;
    }
    focus(app, position);
    move_rows(app, rows);
}

fn click(app: &mut App, position: Position) {
    focus(app, position);
    match hits_at(app, position).last() {
        // What lies under a dialog is seen, but the dialog is asked first.
        Some(Hit::Act(action)) if app.overlay.is_some() && is_of_screen(app, *action) => {}
        Some(Hit::Act(action)) => act_on(app, *action),
        Some(Hit::Row(rows)) => move_rows(app, *rows),
        Some(Hit::Pane { .. } | Hit::Cover) | None => {}
    }
}

fn is_of_screen(app: &App, action: Action) -> bool {
    let context = app.overlay.as_ref().map(super::overlays::Overlay::context);
    !app.settings.keymap.rows().iter().any(|row| Some(row.context) == context && row.action == action)
}

fn move_rows(app: &mut App, rows: isize) {
    let action = if rows < 0 { Action::Up } else { Action::Down };
    for _ in 0..rows.unsigned_abs() {
        act_on(app, action);
    }
}

/// Gives the keys to the pane at `position`, where it is one that can have them.
fn focus(app: &mut App, position: Position) {
    let is_asleep = |app: &App| {
        let pane = hits_at(app, position).into_iter().rev().find(|hit| matches!(hit, Hit::Pane { .. }));
        pane == Some(Hit::Pane { is_focused: false })
    };
    if app.overlay.is_some() || !is_asleep(app) {
        return;
    }
    for steps in 1..=PANES_MAX {
        act_on(app, Action::NextPane);
        if !is_asleep(app) {
            return;
        }
        if steps == PANES_MAX {
            (0..steps).for_each(|_| act_on(app, Action::PreviousPane));
        }
    }
}
