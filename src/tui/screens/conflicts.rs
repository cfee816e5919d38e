//! Conflicts: what one is, and why there is none here.

use crate::tui::app::App;
use crate::tui::text::wrapped;
use crate::tui::widgets::{Canvas, Line};
use ratatui::layout::Rect;

/// Paragraphs; an empty one parts them.
const WORDS: [&str; 7] = [
    "There are no conflicts, and none can arise in this version.",
    "",
    "A conflict is a record that was changed on both sides since it was last in step, so that one change would undo the other. It waits for a person, and nothing is overwritten meanwhile.",
    "",
    "Every job here is one-way: its source decides, and its destination follows. What somebody changes at the destination is written over when the record changes at the source again.",
    "",
    "A record that the destination refuses is no conflict but a dead letter: 2 shows them.",
];

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let right = if app.jobs().is_empty() { "" } else { "all jobs are one-way" };
    let inner = canvas.panel(body, "Conflicts", right, true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width).min(100);
    let lines: Vec<Line> = WORDS
        .iter()
        .flat_map(|words| if words.is_empty() { vec![String::new()] } else { wrapped(words, width) })
        .map(|line| canvas.line().say(line))
        .collect();
    canvas.put_all(inner, &lines);
}
