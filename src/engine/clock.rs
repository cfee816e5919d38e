//! The only file that asks the time.

use crate::model::{Clock, Timestamp};
use tokio::time::Instant;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(jiff::Timestamp::now())
    }
}

/// A clock that moves with the runtime's timers: under a paused clock, hours pass when a test says so.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeClock {
    base: Timestamp,
    started: Instant,
}

impl RuntimeClock {
    /// A clock that shows `base` now. Call it inside a runtime.
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now() }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.base.plus(self.started.elapsed())
    }
}
