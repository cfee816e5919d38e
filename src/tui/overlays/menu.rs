//! All that can be done with the selection, with the keys in force, and why something can not be done now.

use super::palette::draw_rows;
use super::{Overlay, possible};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::geometry;
use crate::tui::keymap::{Context, Row, label};
use crate::tui::screens::{self, Screen, connections};
use crate::tui::theme::Tone;
use crate::tui::update;
use crate::tui::widgets::{Canvas, Line, ListState};
use ratatui::layout::Rect;

const WIDTH: u16 = 84;
/// Rows of the frame.
const FRAME: u16 = 2;

#[derive(Clone, Debug)]
pub struct Menu {
    /// The action that a person went to with the arrows; its row can change.
    picked: Option<Action>,
    offset: usize,
    /// The first of two keys.
    prefix: Option<String>,
}

pub fn open() -> Overlay {
    Overlay::Menu(Menu { picked: None, offset: 0, prefix: None })
}

/// What is done with a selection: the screen's own, and what goes elsewhere from it.
fn rows(app: &App) -> Vec<&Row> {
    let is_of_selection = |row: &&Row| {
        row.context != Context::Everywhere
            || matches!(
                row.action,
                Action::Why
                    | Action::JobOfSelection
                    | Action::DeadOfJob
                    | Action::CheckpointsOfJob
                    | Action::RunsOfJob
                    | Action::ConnectionOfJob
                    | Action::CustomerOfJob
                    | Action::LogsOfJob
                    | Action::ConflictsOfSelection
                    | Action::Bundle
                    | Action::Undo
                    | Action::CopyId
                    | Action::CopyLine
                    | Action::CopyPayload
                    | Action::CopyError
                    | Action::CopyRequest
                    | Action::Export
            )
    };
    let mut rows = possible::rows(app);
    rows.retain(is_of_selection);
    rows
}

pub fn step(app: &mut App, action: Action) {
    let Some(Overlay::Menu(menu)) = &app.overlay else { return };
    let rows: Vec<Action> = rows(app).iter().map(|row| row.action).collect();
    let at = menu.at(&rows);
    if action == Action::Accept {
        let is_meant = menu.picked.is_some();
        return match rows.get(at) {
            Some(action) if action.needs_thought() && !is_meant => {
                app.note("this changes something: go to it with the arrows, or press its key");
            }
            Some(action) => run(app, *action),
            None => {}
        };
    }
    let height = usize::from(area(app, rows.len()).height.saturating_sub(FRAME));
    let mut list = ListState { selected: at, offset: menu.offset, height };
    if screens::move_in(&mut list, action, rows.len()) {
        list.settle(rows.len(), height);
        if let Some(Overlay::Menu(menu)) = &mut app.overlay {
            *menu = Menu { picked: rows.get(list.selected).copied(), offset: list.offset, prefix: None };
        }
    }
}

/// A key of the screen does here what it does there.
pub fn key(app: &mut App, name: Option<&str>) {
    let chain = possible::contexts(app);
    let (Some(Overlay::Menu(menu)), Some(name)) = (&mut app.overlay, name) else { return };
    let name = match menu.prefix.take() {
        Some(prefix) => format!("{prefix} {name}"),
        None if app.settings.keymap.is_prefix(&chain, name) => {
            menu.prefix = Some(name.to_owned());
            return;
        }
        None => name.to_owned(),
    };
    match app.settings.keymap.find(&chain, &name).map(|row| row.action) {
        Some(Action::Menu) => app.overlay = None,
        Some(action) => run(app, action),
        None => app.note(app.settings.keymap.nothing_here(&name, app.screen.context())),
    }
}

fn run(app: &mut App, action: Action) {
    if let Some(why) = possible::why_not(app, action) {
        return app.note(why);
    }
    app.overlay = None;
    update::act_on(app, action);
}

impl Menu {
    fn at(&self, rows: &[Action]) -> usize {
        rows.iter().position(|action| Some(*action) == self.picked).unwrap_or(0)
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let rows = rows(app);
        let area = area(app, rows.len());
        canvas.clear(area);
        let title = match selection(app) {
            Some(selection) => format!("What can be done with {selection}"),
            None => format!("What can be done in {}", app.screen.context().place()),
        };
        let inner = canvas.panel(area, &title, "", true);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let actions: Vec<Action> = rows.iter().map(|row| row.action).collect();
        let mut list = ListState { selected: self.at(&actions), offset: self.offset, height: 0 };
        list.settle(rows.len(), usize::from(inner.height));
        let lines: Vec<(Line, Line)> = rows.iter().map(|row| line(app, canvas, row, inner.width)).collect();
        draw_rows(canvas, inner, &lines, &list);
    }
}

fn line(app: &App, canvas: &Canvas<'_>, row: &Row, width: u16) -> (Line, Line) {
    let key = row.keys.first().map(|key| label(key)).unwrap_or_default();
    let cells = usize::from(width).saturating_sub(key.chars().count() + 4);
    let line = match possible::why_not(app, row.action) {
        Some(why) => canvas.line().within(&format!("{}: {why}", row.words), cells, Tone::Dim),
        None => canvas.line().within(row.words, cells, Tone::Plain),
    };
    (line, canvas.line().key(key))
}

fn area(app: &App, rows: usize) -> Rect {
    let height = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(FRAME);
    let height = height.min(app.size.1.saturating_sub(4));
    geometry::centered(app, WIDTH.min(app.size.0.saturating_sub(4)), height)
}

/// What is selected, as its screen names it.
fn selection(app: &App) -> Option<String> {
    match app.screen {
        Screen::Dead => app.dead.selected_group().map(|group| group.reason.title()),
        Screen::Letters => app.letters.selected_record().map(|(_, record)| record.shown()),
        Screen::Runs => app.runs.selected_run().map(|run| format!("run #{}", run.id)),
        Screen::Connections => connections::selected(app).map(|connection| connection.id.to_string()),
        Screen::Checkpoints => app.checkpoints.selected().map(|one| format!("checkpoint #{}", one.sequence.0)),
        _ => app.selected_job().map(|job| job.to_string()),
    }
}
