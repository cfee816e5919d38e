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

    /// Spaces up to `cells`, so that what follows stands in a column.
    #[must_use]
    pub fn to(self, cells: usize) -> Self {
        let missing = cells.saturating_sub(self.width());
        if missing == 0 { self } else { self.say(" ".repeat(missing)) }
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
