//! The shell around the pure core: the only code that touches the terminal, the clock and the engine's handle.

mod clipboard;
mod editor;
mod input;
mod pages;
mod plain;
mod run;
mod terminal;
mod watchdog;

pub use pages::{locked, welcome};
pub use run::{Link, needs_terminal, run, run_link};

use std::io;

/// Why the console could not be shown, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    #[error("the console needs a terminal, and standard {0} is none; `syncdeck status` prints what it would show")]
    NotATerminal(&'static str),
    #[error("the terminal could not be used: {0}")]
    Terminal(#[from] io::Error),
    /// A mistake in the console itself. The terminal was restored; the engine is not touched by it.
    #[error("the console broke down: {0}")]
    Broken(String),
}
