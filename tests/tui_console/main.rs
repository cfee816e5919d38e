//! The console without a terminal: keys and answers in, frames and questions out.

mod attached;
mod bindings;
mod copying;
mod correct;
mod customer;
mod every_key;
mod hostile;
mod keys;
mod lists;
mod long_lists;
mod looks;
mod mouse;
mod overlays;
mod palette;
mod plain;
mod points;
mod pty;
mod random;
mod read_only;
mod runs;
mod screens;
mod stage;
mod why;
