//! Lines and tables as values: foreign text is made harmless here, once, before anything is printed.

use crate::model::visible;
use unicode_width::UnicodeWidthStr;

/// How a piece of text stands out, where colour is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    #[default]
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
    Hint,
}

impl Style {
    fn codes(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "1;31",
            Self::Hint => "36",
        }
    }
}

/// One line of output: pieces with their styles. The text may be foreign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<(String, Style)>);

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, text: impl Into<String>, style: Style) -> Self {
        self.0.push((text.into(), style));
        self
    }

    #[must_use]
    pub fn then(self, text: impl Into<String>) -> Self {
        self.with(text, Style::Plain)
    }

    /// The text as it is printed, without the line's end.
    pub fn render(&self, colour: bool) -> String {
        let last = self.0.len().saturating_sub(1);
        let mut shown = String::new();
        for (at, (text, style)) in self.0.iter().enumerate() {
            // Only the line's last spaces are trailing ones.
            let (body, spaces) = match at == last {
                true => (text.as_str(), ""),
                false => text.split_at(text.trim_end_matches(' ').len()),
            };
            push_styled(&mut shown, &visible(body), *style, colour);
            shown.push_str(spaces);
        }
        shown
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().then(text)
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().then(text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// A table whose columns are as wide as their widest cell on the screen, in cells and not in bytes.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<(String, Style)>>,
}

impl Table {
    /// A cell beyond this is cut, so that one long value does not push the others off the screen.
    pub const CELL_WIDTH_MAX: usize = 60;
    /// The last cell of a row pushes nothing, and it is often the reason that a person looks for.
    pub const LAST_CELL_WIDTH_MAX: usize = 400;

    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub fn row(&mut self, cells: Vec<(String, Style)>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        let n_before_last = cells.len().saturating_sub(1);
        let shown = |(column, (text, style)): (usize, (String, Style))| {
            let width = if column < n_before_last { Self::CELL_WIDTH_MAX } else { Self::LAST_CELL_WIDTH_MAX };
            (cut(&visible(&text), width), style)
        };
        self.rows.push(cells.into_iter().enumerate().map(shown).collect());
    }

    /// The lines as they are printed.
    pub fn render(&self, colour: bool) -> Vec<String> {
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let head = self.columns.iter().map(|(name, _)| (String::from(*name), Style::Bold)).collect();
        std::iter::once(&head).chain(&self.rows).map(|cells| self.render_row(cells, &widths, colour)).collect()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|(text, _)| text.width()).max().unwrap_or(0);
        widest.max(self.columns[column].0.width())
    }

    fn render_row(&self, cells: &[(String, Style)], widths: &[usize], colour: bool) -> String {
        let mut line = String::new();
        for (column, (text, style)) in cells.iter().enumerate() {
            let gap = " ".repeat(widths[column].saturating_sub(text.width()));
            if self.columns[column].1 == Align::Right {
                line.push_str(&gap);
            }
            push_styled(&mut line, text, *style, colour);
            let is_last = column + 1 == cells.len();
            if self.columns[column].1 == Align::Left && !is_last {
                line.push_str(&gap);
            }
            if !is_last {
                line.push_str("  ");
            }
        }
        // What is left at the end is padding: a cell's own trailing spaces were made visible.
        line.truncate(line.trim_end_matches(' ').len());
        line
    }
}

/// A cell without a style.
pub fn plain(text: impl Into<String>) -> (String, Style) {
    (text.into(), Style::Plain)
}

/// A number with its thousands apart: `1,241`.
pub fn figure(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `text` in at most `width` cells, with an ellipsis where something is left out. `text` is visible already.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in unicode_segmentation::UnicodeSegmentation::graphemes(text, true) {
        used += grapheme.width();
        if width.saturating_sub(1) < used {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.push('…');
    kept
}

fn push_styled(line: &mut String, text: &str, style: Style, colour: bool) {
    if colour && style != Style::Plain && !text.is_empty() {
        line.push_str("\x1b[");
        line.push_str(style.codes());
        line.push('m');
        line.push_str(text);
        line.push_str("\x1b[0m");
    } else {
        line.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_cells_not_in_bytes() {
        let mut table = Table::new(&[("NAME", Align::Left), ("COUNT", Align::Right), ("STATE", Align::Left)]);
        table.row(vec![plain("漢字"), plain("7"), plain("idle")]);
        table.row(vec![plain("Müller"), plain("1,200"), plain("running")]);
        assert_eq!(table.render(false), ["NAME    COUNT  STATE", "漢字        7  idle", "Müller  1,200  running"]);
    }

    #[test]
    fn a_long_cell_is_cut_and_says_so() {
        let mut table = Table::new(&[("NAME", Align::Left), ("ERROR", Align::Left)]);
        table.row(vec![plain("x".repeat(200)), plain("y".repeat(1000))]);
        assert_eq!(table.render(false)[1], format!("{}…  {}…", "x".repeat(59), "y".repeat(399)));
    }

    #[test]
    fn colour_is_the_only_escape_that_a_line_holds() {
        let line = Line::new().with("error: ", Style::Bad).then("\x1b[2J gone ");
        assert_eq!(line.render(false), "error: ␛[2J gone␠");
        assert_eq!(line.render(true), "\x1b[1;31merror:\x1b[0m ␛[2J gone␠");
    }

    #[test]
    fn figures_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(figure), ["0", "999", "1,000", "1,234,567"]);
    }
}
