//! How many requests may be in flight: additive increase, multiplicative decrease, on refusals and on rising latency.
//!
//! The rule is TCP's (Chiu and Jain, 1989), with slow start until the first sign of trouble.

use std::time::Duration;

const START: u32 = 16;
/// Latency counts as risen when it is this many times the best seen …
const LATENCY_FACTOR: u32 = 3;
/// … and at least so much more: on a fast network a multiple of nothing means nothing.
const LATENCY_MARGIN: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Adapt {
    max: u32,
    ceiling: u32,
    slow_start: bool,
    /// Answers in the present round; a round is one ceiling's worth of answers.
    answers: u32,
    saturated: bool,
    slowest_ok: Duration,
    sum: Duration,
    /// The best mean latency of a round. It ages, so that a system that got slower for good is believed.
    best: Option<Duration>,
    /// Refusals of requests that were sent before the last decrease say nothing new.
    immune: u32,
}

impl Adapt {
    pub(super) fn new(max: u32) -> Self {
        let max = max.max(1);
        Self {
            max,
            ceiling: START.min(max),
            slow_start: true,
            answers: 0,
            saturated: false,
            slowest_ok: Duration::ZERO,
            sum: Duration::ZERO,
            best: None,
            immune: 0,
        }
    }

    pub(super) fn ceiling(&self) -> u32 {
        self.ceiling
    }

    /// A good answer came after `took`; `in_flight` counts it too.
    pub(super) fn answered(&mut self, took: Duration, in_flight: u32) {
        self.immune = self.immune.saturating_sub(1);
        self.answers += 1;
        self.sum += took;
        self.slowest_ok = self.slowest_ok.max(took);
        self.saturated |= in_flight >= self.ceiling;
        if self.answers < self.ceiling {
            return;
        }
        let mean = self.sum / self.answers;
        let best = self.best.map_or(mean, |best| best.min(mean));
        if mean > best * LATENCY_FACTOR && mean > best + LATENCY_MARGIN {
            self.decrease(0.85);
        } else if self.saturated {
            let step = if self.slow_start { self.ceiling } else { 1 };
            self.ceiling = self.ceiling.saturating_add(step).min(self.max);
        }
        self.best = Some(best + (mean.saturating_sub(best)) / 50);
        self.answers = 0;
        self.sum = Duration::ZERO;
        self.saturated = false;
    }

    /// The system said 429.
    pub(super) fn refused(&mut self, in_flight: u32) {
        if self.immune > 0 {
            self.immune -= 1;
            return;
        }
        self.decrease(0.7);
        self.immune = in_flight;
    }

    fn decrease(&mut self, factor: f64) {
        self.slow_start = false;
        self.ceiling = ((f64::from(self.ceiling) * factor) as u32).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(20);

    fn rounds(adapt: &mut Adapt, n: u32, took: Duration) {
        for _ in 0..n {
            for _ in 0..adapt.ceiling() {
                adapt.answered(took, adapt.ceiling());
            }
        }
    }

    #[test]
    fn it_doubles_to_its_maximum_while_all_is_well() {
        let mut adapt = Adapt::new(64);
        rounds(&mut adapt, 3, FAST);
        assert_eq!(adapt.ceiling(), 64);
    }

    #[test]
    fn it_never_passes_the_configured_maximum() {
        let mut adapt = Adapt::new(3);
        rounds(&mut adapt, 50, FAST);
        assert_eq!(adapt.ceiling(), 3);
    }

    #[test]
    fn a_burst_of_refusals_slows_it_once_and_then_it_grows_by_one_a_round() {
        let mut adapt = Adapt::new(64);
        rounds(&mut adapt, 3, FAST);
        for _ in 0..40 {
            adapt.refused(64);
        }
        let slowed = adapt.ceiling();
        assert_eq!(slowed, 44);
        rounds(&mut adapt, 1, FAST);
        assert_eq!(adapt.ceiling(), slowed + 1);
    }

    #[test]
    fn rising_latency_slows_it() {
        let mut adapt = Adapt::new(64);
        rounds(&mut adapt, 3, FAST);
        rounds(&mut adapt, 1, Duration::from_millis(200));
        assert!(adapt.ceiling() < 64);
    }

    #[test]
    fn it_does_not_grow_while_requests_are_fewer_than_it_allows() {
        let mut adapt = Adapt::new(64);
        for _ in 0..1000 {
            adapt.answered(FAST, 2);
        }
        assert_eq!(adapt.ceiling(), START);
    }
}
