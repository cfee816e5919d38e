//! The pieces that screens are drawn with. All text passes through [`crate::tui::text`].

mod canvas;
mod chart;
mod line;
mod list;
mod table;

pub use canvas::{Canvas, Hit};
pub use chart::{bar, chart};
pub use line::Line;
pub use list::ListState;
pub use table::{Cell, Column, table};
