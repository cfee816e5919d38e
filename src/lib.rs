//! syncdeck keeps records in step between systems and shows every record that did not make it.
//!
//! # The map of the house
//!
//! A **job** reads a **source** page by page. The [`model`] decides what each record of a page means. The [`engine`]
//! carries that out at the **destination**, and the [`store`] remembers it. [`control`] tells what happens and takes
//! orders. The [`tui`] and the [`cli`] are two doors to that one handle.
//!
//! ```text
//!              ┌─ store ───┐
//!    model ◀───┤           ├─── engine ◀─── control ◀──┬── tui          sim: two simulated systems, a leaf that
//!              └─ connect ─┘                            └── cli          only the demo, tests and benchmarks use
//! ```
//!
//! A room uses only rooms to its left, `store` and `connect` do not know each other, and the doors never see the
//! engine (`tests/architecture.rs` holds this). Only the [`wiring`] reads the [`config`] and puts the rooms together.
//!
//! * Adding a transform: a file under `model/mapping/` and a line in its table.
//! * Adding a command: a file under `cli/commands/` and a line in `COMMANDS`.
//! * Adding a screen or a key: a file under `tui/screens/` and a line in its table or in the keymap.
//!
//! # The one idea
//!
//! Everything is pages through one loop (`engine/run.rs`): read → look up → plan → write → commit → tell. A sync, a
//! full read and a retry of dead letters differ only in where their pages come from, so checkpoint-after-write,
//! idempotency, limits, counting, pausing and dead-lettering are written once.
//!
//! # What must never break
//!
//! 1. Nothing lost, nothing twice: a checkpoint moves only after the destination confirmed the writes.
//! 2. One bad record never stops the rest; one outage never floods the dead-letter queue.
//! 3. scanned = created + updated + deleted + skipped + held + errored, or the checkpoint does not move.
//! 4. Every action says what it did, stands in the journal, and asks first when it destroys something.

pub mod cli;
pub mod config;
pub mod connect;
pub mod control;
pub mod engine;
pub mod logging;
pub mod model;
pub mod sim;
pub mod store;
pub mod tui;
pub mod wiring;
