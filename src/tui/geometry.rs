//! Where everything stands at a given size: used by drawing and by updating alike.

use super::app::App;
use super::screens::Screen;
use ratatui::layout::Rect;

/// Below this the console only says that it needs room.
pub const LEAST: (u16, u16) = (60, 15);
/// From this width on lists and details stand side by side.
pub const WIDE: u16 = 100;
/// From this height on there is room for everything.
pub const TALL: u16 = 30;

/// The rows of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    pub header: Rect,
    pub tabs: Rect,
    /// Breadcrumb or filter; without height where there is neither.
    pub crumb: Rect,
    pub body: Rect,
    pub message: Rect,
    pub hints: Rect,
}

pub fn is_too_small((width, height): (u16, u16)) -> bool {
    width < LEAST.0 || height < LEAST.1
}

pub fn regions(app: &App) -> Regions {
    let (width, height) = app.size;
    let row = |y: u16, rows: u16| Rect { x: 0, y: y.min(height), width, height: rows.min(height.saturating_sub(y)) };
    let has_none = match app.screen {
        Screen::Jobs => app.jobs.filter.is_empty(),
        Screen::Connections => app.connections.filter_text.is_empty(),
        Screen::Conflicts => true,
        _ => false,
    };
    let has_crumb = !has_none || app.typing.is_some();
    let crumb = u16::from(has_crumb);
    Regions {
        header: row(0, 1),
        tabs: row(1, 1),
        crumb: row(2, crumb),
        body: row(2 + crumb, height.saturating_sub(4 + crumb)),
        message: row(height.saturating_sub(2), 1),
        hints: row(height.saturating_sub(1), 1),
    }
}

/// Splits `area` into a part of `rows` at the top and the rest.
pub fn top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// Splits `area` into a part of `columns` at the left and the rest.
pub fn left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + columns, width: area.width - columns, ..area })
}

/// The rows of a table inside a panel of this area: less borders and heading.
pub fn table_rows(panel: Rect) -> usize {
    usize::from(panel.height.saturating_sub(3))
}

/// A dialog of this size in the middle of the frame, or as much of it as there is.
pub fn centered(app: &App, width: u16, height: u16) -> Rect {
    let (all_width, all_height) = app.size;
    let (width, height) = (width.min(all_width), height.min(all_height.saturating_sub(2)));
    Rect { x: (all_width - width) / 2, y: (all_height.saturating_sub(1 + height)) / 2, width, height }
}
