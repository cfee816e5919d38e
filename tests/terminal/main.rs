//! The real binary in a real pseudo-terminal: keys go in, the screen is read by a terminal emulator.

mod app;
mod editor;
mod ends;
mod walk;
