//! The time of a simulated world: it moves with tokio's clock, so a paused test decides it.

use crate::model::{Clock, Timestamp};
use tokio::time::Instant;

/// A clock that begins at a fixed moment and goes on with tokio's time.
pub struct SimulatedClock {
    start: Timestamp,
    began: Instant,
}

impl SimulatedClock {
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, began: Instant::now() }
    }
}

impl Default for SimulatedClock {
    /// Begins at 2026-01-01T12:00:00Z.
    fn default() -> Self {
        Self::starting_at(Timestamp(1_767_268_800_000))
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.began.elapsed())
    }
}
