//! Asks in which form the view is to be written to a file.

use super::{Overlay, dialog, text_width};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::export::{Format, begin, extent, formats, why_not};
use crate::tui::keymap::Context;
use crate::tui::text::wrapped;
use crate::tui::widgets::{Canvas, Line};

pub fn open(app: &mut App) {
    match why_not(app) {
        Some(why) => app.note(why),
        None => app.overlay = Some(Overlay::Export),
    }
}

fn row(format: Format) -> (Action, &'static str) {
    match format {
        Format::Json => (Action::AsJson, "JSON, an object a row"),
        Format::Csv => (Action::AsCsv, "CSV, for spreadsheets"),
        Format::Text => (Action::AsText, "text, as it reads"),
    }
}

/// Takes the choice; false when the action is none.
pub fn act(app: &mut App, action: Action) -> bool {
    let format = match action {
        Action::AsJson => Format::Json,
        Action::AsCsv => Format::Csv,
        Action::AsText => Format::Text,
        _ => return false,
    };
    if !formats(app).contains(&format) {
        app.note("this is no list: it can be written as JSON or as text");
        return true;
    }
    app.overlay = None;
    begin(app, format);
    true
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let mut lines: Vec<Line> = vec![canvas.line().say(extent(app)), canvas.line()];
    for format in formats(app) {
        let (action, words) = row(*format);
        let key = app.settings.keymap.labels(&[Context::Export], action).into_iter().next().unwrap_or_default();
        lines.push(canvas.line().key(key).say(format!("   {words}")));
    }
    lines.push(canvas.line());
    let text = "To a new file in the folder that syncdeck was started in, readable by you alone. What is redacted stays hidden.";
    lines.extend(wrapped(text, text_width(app)).iter().map(|line| canvas.line().dim(line)));
    let buttons = canvas.line().key("Esc").say(" cancel");
    dialog(app, canvas, "Export this view", lines, &buttons, None);
}
