//! The real binary in a real pseudo-terminal: keys go in, the screen is read by a terminal emulator.

mod app;
mod background;
mod editor;
mod ends;
mod plain;
#[path = "../process/mod.rs"]
#[allow(dead_code, reason = "the walks of a command line use the rest of it")]
mod process;
mod walk;
