//! One line of text in pieces, each with its tone.

use crate::tui::text::{Shown, Symbols, visible, visible_middle, visible_value, visible_within};
use crate::tui::theme::{Theme, Tone};

/// A line that is being put together. Every piece is made visible as it is added.
#[derive(Clone, Debug)]
pub struct Line {
    symbols: Symbols,
    pieces: Vec<(Shown, Tone)>,
}

impl Line {
    pub fn new(theme: Theme) -> Self {
        Self { symbols: theme.symbols, pieces: Vec::new() }
    }

    #[must_use]
    pub fn say(self, text: impl AsRef<str>) -> Self {
        self.tone(text, Tone::Plain)
    }

    #[must_use]
    pub fn dim(self, text: impl AsRef<str>) -> Self {
        self.tone(text, Tone::Dim)
    }

    #[must_use]
    pub fn bold(self, text: impl AsRef<str>) -> Self {
        self.tone(text, Tone::Bold)
    }

    #[must_use]
    pub fn key(self, text: impl AsRef<str>) -> Self {
        self.tone(text, Tone::Key)
    }

    #[must_use]
    pub fn tone(mut self, text: impl AsRef<str>, tone: Tone) -> Self {
        self.pieces.push((visible(text.as_ref(), self.symbols), tone));
        self
    }

    /// A value of a record: spaces at its end are marked.
    #[must_use]
    pub fn value(mut self, text: &str, tone: Tone) -> Self {
        self.pieces.push((visible_value(text, self.symbols), tone));
        self
    }

    /// Foreign text in at most `cells`.
    #[must_use]
    pub fn within(mut self, text: &str, cells: usize, tone: Tone) -> Self {
        self.pieces.push((visible_within(text, cells, self.symbols), tone));
        self
    }

    /// An id in at most `cells`, cut in its middle.
    #[must_use]
    pub fn id(mut self, text: &str, cells: usize) -> Self {
        self.pieces.push((visible_middle(text, cells, self.symbols), Tone::Plain));
        self
    }

    #[must_use]
    pub fn shown(mut self, shown: Shown, tone: Tone) -> Self {
        self.pieces.push((shown, tone));
        self
    }

    /// Spaces up to `cells`, so that what follows stands in a column; one at least, so that nothing is glued to it.
    #[must_use]
    pub fn to(self, cells: usize) -> Self {
        let missing = cells.saturating_sub(self.width()).max(1);
        self.say(" ".repeat(missing))
    }

    /// The lines that it takes at `cells` wide, broken at spaces where there are some. What begins indented goes on so.
    pub fn wrapped(&self, cells: usize) -> Vec<Self> {
        if self.width() <= cells {
            return vec![self.clone()];
        }
        let empty = Self { symbols: self.symbols, pieces: Vec::new() };
        let words = self.pieces.iter().flat_map(|(shown, tone)| {
            shown.as_str().split_inclusive(' ').map(|word| (visible(word, self.symbols), *tone))
        });
        let whole: String = self.pieces.iter().map(|(shown, _)| shown.as_str()).collect();
        let indent = " ".repeat((whole.len() - whole.trim_start_matches(' ').len()).min(cells / 2));
        let mut lines = vec![empty.clone()];
        for (word, tone) in words {
            // A word that no line has room for is broken anywhere.
            for part in word.wrapped(cells.saturating_sub(indent.len()).max(2)) {
                let trimmed = part.as_str().trim_end_matches(' ').len();
                let needs = part.width() - (part.as_str().len() - trimmed);
                let is_full = lines.last().is_some_and(|line| line.width() > 0 && line.width() + needs > cells);
                if is_full {
                    lines.push(if indent.is_empty() { empty.clone() } else { empty.clone().say(&indent) });
                }
                if let Some(line) = lines.pop() {
                    lines.push(line.shown(part, tone));
                }
            }
        }
        lines
    }

    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(shown, _)| shown.width()).sum()
    }

    pub fn pieces(&self) -> &[(Shown, Tone)] {
        &self.pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &Line, cells: usize) -> Vec<String> {
        let text = |line: Line| line.pieces().iter().map(|(shown, _)| shown.as_str()).collect::<String>();
        line.wrapped(cells).into_iter().map(|line| text(line).trim_end().to_owned()).collect()
    }

    #[test]
    fn a_long_line_is_broken_at_spaces_and_keeps_its_indent() {
        let theme = Theme::mono(Symbols::Unicode);
        let line = Line::new(theme).say("  What is confirmed stays, ").bold("the checkpoint").say(" is saved.");
        assert_eq!(lines(&line, 20), ["  What is confirmed", "  stays, the", "  checkpoint is", "  saved."]);
        assert_eq!(lines(&line, 80).len(), 1);
        assert_eq!(lines(&Line::new(theme).say("abcdefghij kl"), 6), ["abcdef", "ghij", "kl"]);
    }

    #[test]
    fn what_fills_its_column_is_not_glued_to_the_next() {
        let line = Line::new(Theme::mono(Symbols::Unicode)).say("Shift-Tab Left h").to(10).say("to the left");
        assert_eq!(lines(&line, 80), ["Shift-Tab Left h to the left"]);
    }
}
