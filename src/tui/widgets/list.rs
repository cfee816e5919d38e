//! Which row of a list is selected and which rows are on the screen, in constant time for any length.

/// The place of a person in a list. `offset` is set from the list's height in `settle`, never while drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListState {
    pub selected: usize,
    pub offset: usize,
    /// Rows that were on the screen when it was last settled.
    pub height: usize,
}

impl ListState {
    pub fn move_by(&mut self, rows: isize, len: usize) {
        self.selected = self.selected.saturating_add_signed(rows).min(len.saturating_sub(1));
    }

    pub fn top(&mut self) {
        self.selected = 0;
    }

    pub fn bottom(&mut self, len: usize) {
        self.selected = len.saturating_sub(1);
    }

    /// Keeps the selected row on the screen of `height` rows, and the screen full where there are rows enough.
    pub fn settle(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.height = height;
        self.selected = self.selected.min(len.saturating_sub(1));
        self.offset = self.offset.min(len.saturating_sub(height));
        if self.selected < self.offset {
            self.offset = self.selected;
        } else if self.selected >= self.offset + height {
            self.offset = self.selected + 1 - height;
        }
    }

    /// The rows on the screen.
    pub fn window(&self, len: usize) -> std::ops::Range<usize> {
        let from = self.offset.min(len);
        from..(from + self.height).min(len)
    }

    /// The rows on the screen and a page before and after it.
    pub fn near(&self, len: usize) -> std::ops::Range<usize> {
        let from = self.offset.saturating_sub(self.height).min(len);
        from..(self.offset + 2 * self.height).min(len).max(from)
    }
}
