//! Bars and charts of eighth blocks, or of digits where there are none.

use super::{Canvas, Line};
use crate::tui::text::Symbols;
use crate::tui::theme::{Theme, Tone};
use ratatui::layout::Rect;

const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LEFT_EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of `cells` for `done` of `total`. It is full only when all is done.
pub fn bar(theme: Theme, done: u64, total: u64, cells: usize) -> String {
    let parts = cells as u128 * 8;
    let filled = (u128::from(done.min(total)) * parts / u128::from(total.max(1))) as usize;
    let mut text = String::with_capacity(cells * 3);
    for cell in 0..cells {
        let here = filled.saturating_sub(cell * 8).min(8);
        text.push(match (theme.symbols, here) {
            (Symbols::Unicode, 8) => '█',
            (Symbols::Unicode, 0) => '░',
            (Symbols::Unicode, eighths) => LEFT_EIGHTHS[eighths],
            (Symbols::Ascii, 8) => '#',
            (Symbols::Ascii, _) => '-',
        });
    }
    text
}

/// Draws `values` (oldest first) as columns that fill `area`, the newest at the right.
/// The highest column of the window has the full height.
pub fn chart(canvas: &mut Canvas<'_>, area: Rect, values: &[u32]) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    if width == 0 || height == 0 {
        return;
    }
    let columns = columns(values, width);
    let peak = columns.iter().copied().max().unwrap_or(0).max(1);
    let theme = canvas.theme;
    for (row, rect) in area.rows().enumerate() {
        let below = (height - 1 - row) * 8;
        let text: String = columns
            .iter()
            .map(|value| {
                let eighths = (u64::from(*value) * height as u64 * 8).div_ceil(u64::from(peak)) as usize;
                let here = eighths.saturating_sub(below).min(8);
                match theme.symbols {
                    Symbols::Unicode => EIGHTHS[here],
                    Symbols::Ascii if here == 0 => ' ',
                    // One row tells the height by a digit, more rows by their number.
                    Symbols::Ascii if height == 1 => char::from(b'0' + (here as u8 * 9 / 8)),
                    Symbols::Ascii => '#',
                }
            })
            .collect();
        canvas.put(rect, &Line::new(theme).tone(text, Tone::Run));
    }
}

/// The values over `width` columns: several in one take the highest, so that a peak is never lost.
fn columns(values: &[u32], width: usize) -> Vec<u32> {
    if values.is_empty() {
        return vec![0; width];
    }
    let n = values.len();
    if n <= width {
        // Fewer values than room: each gets as many columns as the others, the newest ends at the right.
        let each = width / n;
        let mut columns = vec![0; width - each * n];
        columns.extend(values.iter().flat_map(|value| std::iter::repeat_n(*value, each)));
        return columns;
    }
    (0..width)
        .map(|column| {
            let (from, to) = (column * n / width, ((column + 1) * n / width).max(column * n / width + 1));
            values[from..to].iter().copied().max().unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNICODE: Theme = Theme::mono(Symbols::Unicode);

    #[test]
    fn a_bar_is_full_only_when_all_is_done() {
        assert_eq!(bar(UNICODE, 0, 10, 4), "░░░░");
        assert_eq!(bar(UNICODE, 5, 10, 4), "██░░");
        assert_eq!(bar(UNICODE, 999, 1000, 4), "███▉");
        assert_eq!(bar(UNICODE, 10, 10, 4), "████");
        assert_eq!(bar(UNICODE, 12, 10, 4), "████");
        assert_eq!(bar(UNICODE, 0, 0, 4), "░░░░");
        assert_eq!(bar(UNICODE, u64::MAX, u64::MAX, 2), "██");
        assert_eq!(bar(Theme::mono(Symbols::Ascii), 5, 10, 4), "##--");
    }

    #[test]
    fn a_peak_survives_when_values_share_a_column() {
        assert_eq!(columns(&[1, 9, 1, 1], 2), [9, 1]);
        assert_eq!(columns(&[1, 2], 5), [0, 1, 1, 2, 2]);
        assert_eq!(columns(&[], 2), [0, 0]);
    }
}
