//! What may follow the first of two keys: a small popup for whoever hesitates, made from the keys in force.

use super::app::App;
use super::geometry::regions;
use super::keymap::{Context, Row, label};
use super::theme::Tone;
use super::widgets::{Canvas, Hit, Line};
use crate::model::Timestamp;
use ratatui::layout::Rect;
use std::time::Duration;

/// Whoever knows the second key has pressed it by then, and sees nothing flash up.
const AFTER: Duration = Duration::from_millis(400);
/// Cells that the words take at most.
const WORDS_MAX: usize = 52;

/// The first of two keys, and when it was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub key: String,
    pub at: Timestamp,
}

/// The contexts whose keys are heard on the screen.
pub(super) fn chain(app: &App) -> [Context; 3] {
    [app.screen.context(), Context::Everywhere, Context::Move]
}

/// When the popup is to come up; none while nobody waits for it.
pub(super) fn due(app: &App) -> Option<Timestamp> {
    let at = app.prefix.as_ref()?.at.plus(AFTER);
    (at > app.now).then_some(at)
}

/// The second keys, each once: what the screen binds hides what is bound everywhere.
fn rows<'k>(app: &'k App, chain: &'k [Context], prefix: &'k str) -> Vec<(&'k str, &'k Row)> {
    let mut rows: Vec<(&str, &Row)> = Vec::new();
    for context in chain {
        for (key, row) in app.settings.keymap.after(std::slice::from_ref(context), prefix) {
            if rows.iter().all(|(known, _)| *known != key) {
                rows.push((key, row));
            }
        }
    }
    rows
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let Some(prefix) = app.prefix.as_ref().filter(|_| app.overlay.is_none() && due(app).is_none()) else { return };
    let chain = chain(app);
    let rows = rows(app, &chain, &prefix.key);
    let lines: Vec<Line> = rows
        .iter()
        .map(|(key, row)| canvas.line().say(" ").key(label(key)).to(5).within(row.words, WORDS_MAX, Tone::Plain))
        .collect();
    let body = regions(app).body;
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let width = u16::try_from(widest + 3).unwrap_or(u16::MAX).max(30).min(body.width);
    let height = u16::try_from(rows.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect { x: body.right() - width, y: body.bottom() - height, width, height };
    canvas.clear(area);
    let title = format!("{}…", label(&prefix.key));
    let inner = canvas.panel(area, &title, "Esc leaves", true);
    canvas.put_all(inner, &lines);
    for (area, (_, row)) in inner.rows().zip(&rows) {
        canvas.hit(area, Hit::Act(row.action));
    }
}
