//! Where screens are drawn: a buffer, bounded on every side.

use super::Line;
use crate::tui::action::Action;
use crate::tui::text::{Symbols, visible, visible_within};
use crate::tui::theme::{Theme, Tone};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

/// One frame in the making. Nothing that is drawn through it can leave its area.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    pub theme: Theme,
    /// Where the terminal's cursor goes: the focused row or field, for screen readers.
    pub cursor: Option<Position>,
    /// What lies where, for clicks; what was drawn later lies on top.
    hits: Vec<(Rect, Hit)>,
}

/// What a click can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// Does it.
    Act(Action),
    /// A row so far below the selected one; negative above it.
    Row(isize),
    Pane {
        is_focused: bool,
    },
    /// Something that covers what was there and takes no clicks.
    Cover,
}

impl<'a> Canvas<'a> {
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme, cursor: None, hits: Vec::new() }
    }

    /// Says what a click into `area` meets.
    pub fn hit(&mut self, area: Rect, hit: Hit) {
        self.hits.push((area.intersection(self.buffer.area), hit));
    }

    pub fn into_hits(self) -> Vec<(Rect, Hit)> {
        self.hits
    }

    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    pub fn line(&self) -> Line {
        Line::new(self.theme)
    }

    /// Draws `line` in the first row of `area`; what does not fit ends in the mark of a cut.
    pub fn put(&mut self, area: Rect, line: &Line) {
        let area = area.intersection(self.buffer.area);
        if area.is_empty() {
            return;
        }
        let mut x = area.x;
        let fits = line.width() <= usize::from(area.width);
        for (shown, tone) in line.pieces() {
            let left = usize::from(area.right() - x);
            if left == 0 {
                break;
            }
            let style = self.theme.style(*tone);
            // The sign of a cut takes the last cell even if the cut falls between two pieces.
            let is_cut = !fits && left <= shown.width();
            let piece = if is_cut && left == shown.width() {
                shown.clipped(left - 1, self.theme.symbols)
            } else {
                shown.clipped(left, self.theme.symbols)
            };
            let (end, _) = self.buffer.set_stringn(x, area.y, piece.as_str(), left, style);
            x = end;
            if is_cut {
                break;
            }
        }
    }

    /// Draws `line` at the right end of the first row of `area`; returns how many cells it took.
    pub fn put_right(&mut self, area: Rect, line: &Line) -> u16 {
        let width = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
        self.put(Rect { x: area.right() - width, width, ..area }, line);
        width
    }

    /// Draws lines from the top of `area` down, as many as fit.
    pub fn put_all(&mut self, area: Rect, lines: &[Line]) {
        for (row, line) in area.rows().zip(lines) {
            self.put(row, line);
        }
    }

    /// Gives a whole row a style: the selected one.
    pub fn tint(&mut self, area: Rect, tone: Tone) {
        let style = self.theme.style(tone);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Takes the colours out of everything that was drawn so far: it is what was, not what is.
    pub fn fade(&mut self) {
        for cell in &mut self.buffer.content {
            let kept = cell.modifier & Modifier::REVERSED;
            cell.set_style(Style::reset());
            cell.modifier = Modifier::DIM | kept;
        }
    }

    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        self.hit(area, Hit::Cover);
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
            }
        }
        // A wide letter that the area's left edge cuts in two must not lie over it.
        if area.x > self.buffer.area.x {
            for y in area.rows().map(|row| row.y) {
                let left = Position::new(area.x - 1, y);
                if let Some(cell) = self.buffer.cell_mut(left)
                    && unicode_width::UnicodeWidthStr::width(cell.symbol()) > 1
                {
                    cell.set_symbol(" ");
                }
            }
        }
    }

    /// Draws a frame with a title at its left and one at its right; returns what is inside.
    pub fn panel(&mut self, area: Rect, title: &str, right: &str, is_focused: bool) -> Rect {
        let area = area.intersection(self.buffer.area);
        if area.width < 2 || area.height < 2 {
            return Rect { width: 0, height: 0, ..area };
        }
        let [tl, tr, bl, br, across, down] = match self.theme.symbols {
            Symbols::Unicode => ["╭", "╮", "╰", "╯", "─", "│"],
            Symbols::Ascii => ["+", "+", "+", "+", "-", "|"],
        };
        let border = if is_focused { Style::default() } else { self.theme.style(Tone::Dim) };
        let (last_x, last_y) = (area.right() - 1, area.bottom() - 1);
        for x in area.x + 1..last_x {
            self.buffer[(x, area.y)].set_symbol(across).set_style(border);
            self.buffer[(x, last_y)].set_symbol(across).set_style(border);
        }
        for y in area.y + 1..last_y {
            self.buffer[(area.x, y)].set_symbol(down).set_style(border);
            self.buffer[(last_x, y)].set_symbol(down).set_style(border);
        }
        for (x, y, corner) in [(area.x, area.y, tl), (last_x, area.y, tr), (area.x, last_y, bl), (last_x, last_y, br)] {
            self.buffer[(x, y)].set_symbol(corner).set_style(border);
        }
        self.hit(area, Hit::Pane { is_focused });
        self.titles(area, title, right, is_focused);
        Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
    }

    fn titles(&mut self, area: Rect, title: &str, right: &str, is_focused: bool) {
        let room = usize::from(area.width).saturating_sub(4);
        if room < 3 {
            return;
        }
        let symbols = self.theme.symbols;
        let tone = if is_focused { Tone::Bold } else { Tone::Plain };
        let title = visible_within(title, room - 2, symbols);
        let used = if title.width() == 0 { 0 } else { title.width() + 2 };
        if used > 0 {
            let line = self.line().say(" ").shown(title, tone).say(" ");
            self.put(Rect { x: area.x + 2, y: area.y, width: area.width - 4, height: 1 }, &line);
        }
        let right = visible(right, symbols);
        // A title that is cut tells less than none, so the right one goes first.
        if right.width() > 0 && used + right.width() + 3 <= room {
            let line = self.line().say(" ").shown(right, Tone::Plain).say(" ");
            self.put_right(Rect { x: area.x + 2, y: area.y, width: area.width - 4, height: 1 }, &line);
        }
    }
}
