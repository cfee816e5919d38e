//! The line of tabs and the line of keys: what stands where, for drawing and for clicks alike.

use super::action::Action;
use super::app::App;
use super::geometry;
use super::keymap::{Context, Row};
use super::overlays;
use super::screens::{self, Screen, TABS};
use super::text::short;
use super::theme::Tone;
use super::widgets::{Canvas, Hit, Line};
use crate::control::Attachment;
use ratatui::layout::Rect;

/// A line, and which cells of it do what when they are clicked.
struct Bar {
    line: Line,
    spots: Vec<(u16, u16, Action)>,
}

impl Bar {
    fn new(line: Line) -> Self {
        Self { line, spots: Vec::new() }
    }

    fn add(&mut self, piece: Line, action: Action) {
        let (from, width) = (cell(self.line.width()), cell(piece.width()));
        self.line = self.line.clone().and(piece);
        self.spots.push((from, width, action));
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        canvas.put(area, &self.line);
        for (from, width, action) in &self.spots {
            canvas.hit(Rect { x: area.x.saturating_add(*from), width: *width, ..area }, Hit::Act(*action));
        }
    }
}

fn cell(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

pub fn draw_tabs(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    tabs(app, area.width).draw(canvas, area);
}

pub fn draw_hints(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    canvas.clear(area);
    hints(app, area.width).draw(canvas, area);
}

fn tabs(app: &App, width: u16) -> Bar {
    let line = || Line::new(app.theme);
    let mut bar = Bar::new(line());
    let is_wide = width >= geometry::WIDE;
    let lit = app.screen.tab();
    // On a small screen the tabs make room for themselves: only the lit one is named.
    let is_low = app.size.1 < 24 || app.size.0 < 80;
    for (key, name, brief, screen) in TABS {
        let Some((action, key)) = app.settings.keymap.instead_of(Context::Everywhere, key) else { continue };
        let name = if is_wide { name } else { brief };
        let count = match screen {
            Screen::Dead if app.dead_waiting() > 0 => format!(" {}", short(app.dead_waiting())),
            _ => String::new(),
        };
        let piece = if screen == lit {
            let key = if key.is_empty() { String::new() } else { format!("{key} ") };
            line().say(" ").tone(format!("[{key}{name}{count}]"), Tone::Bold)
        } else if is_low {
            line().say("  ").dim(key)
        } else {
            line().say("  ").key(key).say(format!(" {name}{count} "))
        };
        bar.add(piece, action);
    }
    bar
}

/// The keys of whoever has them now, cut from the right; on a screen, quitting and help always stay.
fn hints(app: &App, width: u16) -> Bar {
    let (chain, is_screen): (Vec<Context>, bool) = match (&app.overlay, &app.typing) {
        // These name their own keys.
        (Some(overlays::Overlay::Help(_)), _) => (Vec::new(), false),
        (Some(overlay), _) => (vec![overlay.context()], false),
        (None, Some(_)) => (vec![Context::Typing], false),
        (None, None) if app.screen == Screen::Why && app.why.is_typing => (vec![Context::Lookup], false),
        (None, None) if matches!(app.attachment, Attachment::Gone(_)) => {
            (vec![Context::Gone, app.screen.context(), Context::Everywhere], true)
        }
        (None, None) => (vec![app.screen.context(), Context::Everywhere], true),
    };
    let keymap = &app.settings.keymap;
    // What can not be done from here now is there, and dimmed.
    let hint = |(key, words): (String, &str), action: Action| {
        let line = Line::new(app.theme).say(" ");
        match app.why_not_change().is_some() && action.changes_data() {
            true => line.dim(format!("{key} {words} ")),
            false => line.key(key).say(format!(" {words} ")),
        }
    };
    let is_last = |action: Action| matches!(action, Action::Quit | Action::Help);
    let rows = |is_end: bool| {
        let chain = &chain;
        keymap
            .rows()
            .iter()
            .filter(move |row| chain.contains(&row.context) && (is_screen && is_last(row.action)) == is_end)
    };
    let ends: Vec<_> = if is_screen {
        rows(true).filter_map(|row| Some((hint(keymap.hint(row)?, row.action), row.action))).collect()
    } else {
        Vec::new()
    };
    let room = usize::from(width).saturating_sub(ends.iter().map(|(line, _)| line.width()).sum::<usize>());
    let mut bar = Bar::new(Line::new(app.theme));
    if is_screen && app.screen != Screen::Jobs {
        bar.add(hint((app.key(Action::Back), "back"), Action::Back), Action::Back);
    }
    let can_filter = screens::filter_text(app).is_some();
    // A key that the screen has for something else does not do what it does elsewhere.
    let is_heard = |row: &&Row| {
        row.keys.first().and_then(|key| keymap.find(&chain, key)).is_some_and(|found| found.action == row.action)
    };
    let is_possible = |row: &&Row| match row.action {
        Action::Filter => can_filter,
        Action::StartHere => app.why_not_start().is_none(),
        Action::AttachAlways => app.settings.can_remember,
        _ => true,
    };
    for row in rows(false).filter(is_heard).filter(is_possible) {
        let Some((key, words)) = keymap.hint(row) else { continue };
        // In the log it looks for text, and another key filters.
        let is_find = app.screen == Screen::Logs && row.action == Action::Filter;
        let words = (key, if is_find { "find" } else { words });
        let piece = hint(words, row.action);
        if bar.line.width() + piece.width() > room {
            break;
        }
        bar.add(piece, row.action);
    }
    for (piece, action) in ends {
        bar.add(piece, action);
    }
    bar
}
