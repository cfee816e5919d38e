//! Door one: the console. A pure core (what a key or a snapshot changes, what a frame shows) in a thin shell
//! that alone touches the terminal.

pub mod action;
pub mod app;
mod attached;
mod bars;
mod copying;
mod counting;
mod export;
pub mod filters;
mod fuzzy;
pub mod geometry;
mod json;
pub mod keymap;
mod locked;
mod mouse;
pub mod overlays;
pub mod plain;
mod retries;
pub mod screens;
mod shell;
mod sorting;
pub mod text;
pub mod theme;
mod toasts;
pub mod update;
mod view;
mod welcome;
mod which_key;
mod widgets;
mod zoom;

pub use app::{App, Effect, Left, Msg, Settings};
pub use copying::Copied;
pub use locked::{LockedChoice, LockedPage, LockedView};
pub use shell::{Link, TuiError, locked, needs_terminal, run, run_link, welcome};
pub use update::update;
pub use view::view;
pub use welcome::{Welcome, WelcomeChoice, WelcomePage};

use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// How texts get to the clipboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClipboardWay {
    /// The desktop's program where there is a desktop, else the terminal's escape sequence.
    #[default]
    Auto,
    Osc52,
    Command,
}

/// How the console is to look, and when it must end.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Draw with ASCII alone.
    pub ascii: bool,
    /// The themes that a key goes through, the one to begin with first; none: without colour.
    pub looks: Vec<theme::Look>,
    /// Fields whose values are hidden until a key reveals them: names, or pointers.
    pub redact: Vec<String>,
    /// `syncdeck demo`: nothing is left behind.
    pub is_demo: bool,
    /// Nothing can be changed from this screen.
    pub is_read_only: bool,
    /// Asks before it is attached to an engine of another process.
    pub asks_to_attach: bool,
    /// The file that says that nobody wants to be asked, once it is there.
    pub attach_note: Option<PathBuf>,
    /// No configuration leads to this engine, so none can be started in its place.
    pub is_guest: bool,
    /// Whose orders these are in the journal of an engine of another process.
    pub signed_as: String,
    /// Where the log files are, as a person may type it; empty where there are none.
    pub log_folder: String,
    /// Lines in the place of a screen: no terminal is needed, and nothing is drawn.
    pub is_plain: bool,
    /// The keys in force.
    pub keymap: keymap::Keymap,
    pub clipboard: ClipboardWay,
    /// Whether the mouse is listened to from the start.
    pub mouse: bool,
    /// Cancelled when the process was told to end (SIGTERM, SIGINT, SIGHUP): the console leaves at once.
    pub shutdown: CancellationToken,
}

impl Options {
    pub(crate) fn theme(&self) -> theme::Theme {
        let symbols = if self.ascii { text::Symbols::Ascii } else { text::Symbols::Unicode };
        let plain = theme::Theme::mono(symbols);
        theme::Theme { look: self.looks.first().copied().unwrap_or(plain.look), ..plain }
    }
}
