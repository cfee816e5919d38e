//! Rows in columns. Columns have a priority and go whole before a number would be squeezed.

use super::{Canvas, Hit, Line};
use crate::tui::text::{Shown, visible_middle, visible_within};
use crate::tui::theme::{Theme, Tone};
use ratatui::layout::{Position, Rect};

/// A text column never gets wider than this.
const TEXT_MAX: usize = 100;
const GAP: usize = 2;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column<'t> {
    title: &'t str,
    /// None: as wide as what it holds, never cut. Else text that can shrink down to so many cells.
    shrinks_to: Option<usize>,
    is_right: bool,
    is_id: bool,
    /// The greatest goes first when room is short; zero stays.
    drop: u8,
}

impl<'t> Column<'t> {
    pub const fn number(title: &'t str, drop: u8) -> Self {
        Self { title, shrinks_to: None, is_right: true, is_id: false, drop }
    }

    /// A word that is never cut.
    pub const fn word(title: &'t str, drop: u8) -> Self {
        Self { title, shrinks_to: None, is_right: false, is_id: false, drop }
    }

    pub const fn text(title: &'t str, min: usize, drop: u8) -> Self {
        Self { title, shrinks_to: Some(min), is_right: false, is_id: false, drop }
    }

    /// Text that is cut in its middle.
    pub const fn id(title: &'t str, min: usize, drop: u8) -> Self {
        Self { title, shrinks_to: Some(min), is_right: false, is_id: true, drop }
    }
}

/// What stands in one column of one row.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    pub text: String,
    pub tone: Tone,
    /// In small letters: where it stands in the text, it is marked.
    pub found: String,
}

impl Cell {
    /// Marks `found` wherever it stands in the text.
    #[must_use]
    pub fn finding(self, found: &str) -> Self {
        Self { found: found.to_lowercase(), ..self }
    }

    pub fn new(text: impl Into<String>) -> Self {
        Self::toned(text, Tone::Plain)
    }

    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, found: String::new() }
    }
}

/// Draws a heading and `rows` below it, which are only those on the screen. `selected` counts from the first of them.
/// `marked` tells of each whether it carries a mark.
pub fn table(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[Column<'_>],
    rows: &[Vec<Cell>],
    selected: Option<usize>,
    marked: &dyn Fn(usize) -> bool,
) {
    let theme = canvas.theme;
    // Marker and mark take two cells at the left, one is left free at the right.
    let room = usize::from(area.width).saturating_sub(3);
    let widths = widths(columns, rows, room, theme);
    let mut lines = area.rows();
    if let Some(row) = lines.next() {
        let titles = columns.iter().map(|column| (column.title, Tone::Dim, ""));
        canvas.put(row, &aligned(Line::new(theme).say("  "), columns, &widths, titles, theme));
    }
    for (at, (row, cells)) in lines.zip(rows).enumerate() {
        let is_selected = selected == Some(at);
        let mark = match (is_selected, marked(at)) {
            (_, true) => "■ ",
            (true, false) => "» ",
            (false, false) => "  ",
        };
        let cells = cells.iter().map(|cell| (cell.text.as_str(), cell.tone, cell.found.as_str()));
        canvas.put(row, &aligned(Line::new(theme).say(mark), columns, &widths, cells, theme));
        if let Some(selected) = selected {
            canvas.hit(row, Hit::Row(at as isize - selected as isize));
        }
        if is_selected {
            canvas.tint(row, Tone::Selected);
            canvas.cursor = Some(Position::new(row.x, row.y));
        }
    }
}

fn aligned<'t>(
    start: Line,
    columns: &[Column<'_>],
    widths: &[Option<usize>],
    cells: impl Iterator<Item = (&'t str, Tone, &'t str)>,
    theme: Theme,
) -> Line {
    let mut line = start;
    let mut is_first = true;
    for ((column, width), (text, tone, found)) in columns.iter().zip(widths).zip(cells) {
        let Some(width) = *width else { continue };
        if !is_first {
            line = line.say(" ".repeat(GAP));
        }
        is_first = false;
        if !found.is_empty() {
            line = line.and(marked(column, text, width, tone, found, theme));
            continue;
        }
        let shown = shown(column, text, width, theme);
        let missing = width.saturating_sub(shown.width());
        line = if column.is_right {
            line.say(" ".repeat(missing)).shown(shown, tone)
        } else {
            line.shown(shown, tone).say(" ".repeat(missing))
        };
    }
    line
}

/// A cell in which what was looked for is marked: reversed, and in quotes where there is no colour to rely on.
fn marked(column: &Column<'_>, text: &str, width: usize, tone: Tone, found: &str, theme: Theme) -> Line {
    let is_plain = theme.is_ascii() || theme.look.name == "mono";
    let quoted = if is_plain { in_quotes(text, found) } else { text.to_owned() };
    let shown = shown(column, &quoted, width, theme);
    let missing = width.saturating_sub(shown.width());
    let mut line = Line::new(theme);
    for (piece, is_found) in pieces(shown.as_str(), found) {
        line = line.tone(piece, if is_found { Tone::Found } else { tone });
    }
    line.say(" ".repeat(missing))
}

fn in_quotes(text: &str, found: &str) -> String {
    let quoted = |(piece, is_found): (&str, bool)| if is_found { format!("«{piece}»") } else { piece.to_owned() };
    pieces(text, found).into_iter().map(quoted).collect()
}

/// `text` cut where `found` (in small letters) begins and ends, in any case of ASCII letters.
fn pieces<'t>(text: &'t str, found: &str) -> Vec<(&'t str, bool)> {
    let mut pieces = Vec::new();
    // Small letters of ASCII alone, so that places in the one text are places in the other.
    let small = text.to_ascii_lowercase();
    let mut from = 0;
    for (at, part) in small.match_indices(found) {
        pieces.push((&text[from..at], false));
        from = at + part.len();
        pieces.push((&text[at..from], true));
    }
    pieces.push((&text[from..], false));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

fn shown(column: &Column<'_>, text: &str, width: usize, theme: Theme) -> Shown {
    if column.is_id { visible_middle(text, width, theme.symbols) } else { visible_within(text, width, theme.symbols) }
}

/// The width of each column; none where it was dropped.
fn widths(columns: &[Column<'_>], rows: &[Vec<Cell>], room: usize, theme: Theme) -> Vec<Option<usize>> {
    let natural: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let widest = rows
                .iter()
                .filter_map(|row| row.get(at))
                .map(|cell| visible_within(&cell.text, TEXT_MAX, theme.symbols).width())
                .max();
            widest.unwrap_or(0).max(visible_within(column.title, 30, theme.symbols).width()).min(TEXT_MAX)
        })
        .collect();
    let least = |at: usize| columns[at].shrinks_to.map_or(natural[at], |min| min.min(natural[at]));
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let needed = |kept: &[usize]| kept.iter().map(|at| least(*at) + GAP).sum::<usize>().saturating_sub(GAP);
    while needed(&kept) > room {
        let Some(place) = (0..kept.len())
            .filter(|place| columns[kept[*place]].drop > 0)
            .max_by_key(|place| columns[kept[*place]].drop)
        else {
            break;
        };
        kept.remove(place);
    }
    let mut spare = room.saturating_sub(needed(&kept));
    let mut widths = vec![None; columns.len()];
    for at in &kept {
        widths[*at] = Some(least(*at));
    }
    // What is left goes round, a cell each, so that no column starves beside a long one.
    loop {
        let before = spare;
        for at in &kept {
            if let Some(width) = &mut widths[*at]
                && *width < natural[*at]
                && spare > 0
            {
                *width += 1;
                spare -= 1;
            }
        }
        if spare == before {
            return widths;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::text::Symbols;

    const THEME: Theme = Theme::mono(Symbols::Unicode);
    const COLUMNS: [Column<'static>; 3] =
        [Column::text("JOB", 6, 0), Column::number("SCANNED", 0), Column::number("DEAD", 1)];

    fn rows() -> Vec<Vec<Cell>> {
        vec![vec![Cell::new("customers_to_crm"), Cell::new("1,203,009"), Cell::new("1,167")]]
    }

    #[test]
    fn what_was_looked_for_is_cut_out_in_any_case() {
        assert_eq!(pieces("a 429, then 429", "429"), [("a ", false), ("429", true), (", then ", false), ("429", true)]);
        assert_eq!(in_quotes("Größe: Email, email", "email"), "Größe: «Email», «email»");
        assert_eq!(pieces("none", "x"), [("none", false)]);
    }

    #[test]
    fn all_columns_stand_where_there_is_room() {
        assert_eq!(widths(&COLUMNS, &rows(), 60, THEME), [Some(16), Some(9), Some(5)]);
    }

    #[test]
    fn text_shrinks_before_a_column_goes() {
        assert_eq!(widths(&COLUMNS, &rows(), 28, THEME), [Some(10), Some(9), Some(5)]);
    }

    #[test]
    fn a_column_goes_before_a_number_is_cut() {
        assert_eq!(widths(&COLUMNS, &rows(), 20, THEME), [Some(9), Some(9), None]);
    }
}
