//! The help, made from the keymap: what each key does here and everywhere. Typing searches.

use super::Overlay;
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::keymap::{Context, Keymap, label};
use crate::tui::text::wrapped;
use crate::tui::theme::{Theme, Tone};
use crate::tui::widgets::{Canvas, Line};
use ratatui::layout::{Position, Rect};
use tui_input::Input;

/// Cells that the keys take before their words.
const KEYS: usize = 18;

const SCREENS: [Context; 10] = [
    Context::Jobs,
    Context::Job,
    Context::Customer,
    Context::Dead,
    Context::Letters,
    Context::Conflicts,
    Context::Checkpoints,
    Context::Runs,
    Context::Connections,
    Context::Logs,
];

const SYMBOLS: [(&str, &str); 10] = [
    ("▸", "running"),
    ("‖", "paused, or pausing"),
    ("↻", "waits, and tries again by itself"),
    ("!", "needs a look"),
    ("✗", "failed or refused"),
    ("✓", "ok, done"),
    ("◦", "idle"),
    ("□", "disabled"),
    ("»", "the selected row"),
    ("■", "a marked row"),
];

#[derive(Clone, Debug)]
pub struct Help {
    pub context: Context,
    pub search: Input,
    pub scroll: usize,
}

pub fn open(context: Context) -> Overlay {
    Overlay::Help(Help { context, search: Input::default(), scroll: 0 })
}

impl Help {
    pub fn step(&mut self, action: Action, size: (u16, u16), keymap: &Keymap, theme: Theme) {
        let inner = inner(area(size));
        let rows = usize::from(inner.height.saturating_sub(2));
        let most =
            self.columns(keymap, theme, inner.width).iter().map(Vec::len).max().unwrap_or(0).saturating_sub(rows);
        self.scroll = match action {
            Action::Up => self.scroll.saturating_sub(1),
            Action::Down => self.scroll + 1,
            Action::PageUp => self.scroll.saturating_sub(rows),
            Action::PageDown => self.scroll + rows,
            _ => self.scroll,
        }
        .min(most);
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let area = area(app.size);
        canvas.clear(area);
        let title = format!("Help: {}", self.context.place());
        canvas.panel(area, &title, "type to search · ↑↓ scroll · Esc closes", true);
        let inner = inner(area);
        let (search, cursor) = super::field(canvas, "search: ", &self.search, true, 60);
        canvas.put(inner, &search);
        canvas.cursor = Some(Position::new(inner.x + cursor as u16, inner.y));
        let below = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        let columns = self.columns(&app.settings.keymap, canvas.theme, inner.width);
        let n = columns.len() as u16;
        for (at, lines) in columns.iter().enumerate() {
            let width = below.width / n;
            let rect = Rect { x: below.x + at as u16 * width, width: width.saturating_sub(u16::from(n > 1)), ..below };
            let lines: Vec<Line> = lines.iter().skip(self.scroll).take(usize::from(below.height)).cloned().collect();
            canvas.put_all(rect, &lines);
        }
    }

    /// One column, or two where there is room.
    fn columns(&self, keymap: &Keymap, theme: Theme, width: u16) -> Vec<Vec<Line>> {
        let is_wide = width >= 90;
        let cells = usize::from(if is_wide { width / 2 - 1 } else { width });
        let mut here = self.section(keymap, theme, "HERE", self.context, cells);
        if !self.search.value().trim().is_empty() {
            // Who searches wants to know where a key is, too.
            for context in SCREENS.into_iter().filter(|context| *context != self.context) {
                here.extend(self.section(
                    keymap,
                    theme,
                    &format!("IN {}", context.place().to_uppercase()),
                    context,
                    cells,
                ));
            }
        }
        here.extend(self.section(keymap, theme, "MOVE", Context::Move, cells));
        let mut everywhere = self.section(keymap, theme, "EVERYWHERE", Context::Everywhere, cells);
        everywhere.extend(self.symbols(theme));
        if is_wide {
            return vec![here, everywhere];
        }
        here.extend(everywhere);
        if here.is_empty() {
            here.push(Line::new(theme).dim("no key does that"));
        }
        vec![here]
    }

    fn section(&self, keymap: &Keymap, theme: Theme, heading: &str, context: Context, cells: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for row in keymap.rows().iter().filter(|row| row.context == context && !row.keys.is_empty()) {
            let keys: Vec<String> = row.keys.iter().map(|key| label(key)).collect();
            let keys = keys.join(" ");
            if !self.wants(&format!("{keys} {}", row.words)) {
                continue;
            }
            for (at, words) in wrapped(row.words, cells.saturating_sub(KEYS)).iter().enumerate() {
                let line = Line::new(theme);
                lines.push(if at == 0 { line.key(&keys).to(KEYS).say(words) } else { line.to(KEYS).say(words) });
            }
        }
        titled(theme, heading, lines)
    }

    fn symbols(&self, theme: Theme) -> Vec<Line> {
        let rows = SYMBOLS.iter().filter(|(sign, words)| self.wants(&format!("{sign} {words}")));
        titled(theme, "SIGNS", rows.map(|(sign, words)| Line::new(theme).say(sign).to(KEYS).say(words)).collect())
    }

    fn wants(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.search.value().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

fn titled(theme: Theme, heading: &str, mut rows: Vec<Line>) -> Vec<Line> {
    if !rows.is_empty() {
        rows.insert(0, Line::new(theme).tone(heading, Tone::Bold));
        rows.push(Line::new(theme));
    }
    rows
}

fn area((width, height): (u16, u16)) -> Rect {
    let x = if width >= 112 { 4 } else { 0 };
    Rect { x, y: 2, width: width.saturating_sub(2 * x), height: height.saturating_sub(4) }
}

fn inner(area: Rect) -> Rect {
    Rect { x: area.x + 2, y: area.y + 1, width: area.width.saturating_sub(4), height: area.height.saturating_sub(2) }
}
