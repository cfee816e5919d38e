//! A limit as the system's headers tell it: what may still go, when all of it is back, and how fast it comes back.
//!
//! Headers round the time until everything is back to whole seconds. Where a bucket fills drop by drop, to wait until it
//! is full wastes most of what it allows; where a window begins anew, nothing comes before its end. Which of the two it is
//! shows between two moments at which nothing was in flight: what remains falls by exactly what was sent, or by less.
//! As long as nothing of that is known, the last request that is allowed waits a moment: its answer tells what came back
//! meanwhile, and no request is made that was not allowed.

use crate::connect::Budget;
use std::time::Duration;
use tokio::time::Instant;

/// Requests that came back by themselves, below which it may be chance.
const BACK_MIN: f64 = 2.0;
/// Of what should be back by then, so much is sent.
const SHARE: f64 = 0.95;
/// The last request waits for this part of the time until everything is back, and never longer than that.
const HOLD_PART: u32 = 8;
const HOLD_MAX: Duration = Duration::from_secs(1);
/// Refusals after a wait that was cut short, from which on no wait is cut short any more.
const STRIKES_MAX: u32 = 3;

/// What the headers told, and what was learnt from it.
#[derive(Debug, Default)]
pub(super) struct Told {
    window: Option<Window>,
    burst: Option<Burst>,
    /// When nothing was in flight last, and what remained then.
    calm: Option<(Instant, u64)>,
    /// The most that there ever was.
    full: u64,
    /// Requests that came back by themselves, and the time that it took, recent ones counting more.
    back: f64,
    seconds: f64,
    /// Until when the last request waits.
    hold: Option<Instant>,
    /// When so many may go although the reset has not come.
    early: Option<(Instant, u64)>,
    is_early: bool,
    strikes: u32,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    allowed: u64,
    limit: Option<u64>,
    reset: Instant,
}

/// Requests from a moment with nothing in flight to the next.
#[derive(Clone, Copy, Debug)]
struct Burst {
    sent: u64,
    /// The least that was told to remain.
    least: u64,
}

impl Told {
    /// Whether a request may go; if not, when to ask again.
    pub(super) fn ask(&mut self, now: Instant) -> Result<(), Instant> {
        let Some(window) = &mut self.window else { return Ok(()) };
        if window.reset <= now {
            (self.window, self.early, self.is_early) = (None, None, false);
            return Ok(());
        }
        if window.allowed == 1 && self.back < BACK_MIN && self.strikes < STRIKES_MAX {
            if self.burst.is_some() {
                // Asked again with every answer.
                return Err(window.reset);
            }
            let until = now + ((window.reset - now) / HOLD_PART).min(HOLD_MAX);
            let until = *self.hold.get_or_insert(until);
            return if until <= now { Ok(()) } else { Err(until) };
        }
        if window.allowed > 0 {
            return Ok(());
        }
        match self.early {
            Some((at, n)) if at <= now => {
                window.allowed = n;
                (self.early, self.is_early) = (None, true);
                Ok(())
            }
            Some((at, _)) => Err(at.min(window.reset)),
            None => Err(window.reset),
        }
    }

    /// A request goes.
    pub(super) fn took(&mut self) {
        if let Some(window) = &mut self.window {
            window.allowed = window.allowed.saturating_sub(1);
        }
        self.hold = None;
        self.burst.get_or_insert(Burst { sent: 0, least: u64::MAX }).sent += 1;
    }

    /// An answer told what remains, while `in_flight` others are under way.
    pub(super) fn heard(&mut self, budget: &Budget, reset: Duration, in_flight: u32, now: Instant) {
        self.tell(budget, reset, in_flight, now);
        self.full = self.full.max(budget.remaining + 1);
        if let Some(burst) = &mut self.burst {
            burst.least = burst.least.min(budget.remaining);
        }
        if in_flight == 0 {
            self.calmed(now);
        }
    }

    /// As [`Told::heard`], where only some answers are heeded, so that nothing can be learnt from them.
    pub(super) fn tell(&mut self, budget: &Budget, reset: Duration, in_flight: u32, now: Instant) {
        let allowed = budget.remaining.saturating_sub(u64::from(in_flight));
        let told = Window { allowed, limit: budget.limit, reset: now + reset };
        // Answers overtake each other: within one window the smallest figure is the newest.
        self.window = match self.window {
            Some(before) if before.reset + Duration::from_secs(1) >= told.reset && before.reset > now => {
                Some(Window { allowed: before.allowed.min(told.allowed), ..told })
            }
            _ => Some(told),
        };
    }

    /// The system refused although something was to be left.
    pub(super) fn refused(&mut self) {
        if std::mem::take(&mut self.is_early) {
            self.strikes += 1;
        }
        (self.back, self.seconds, self.early) = (0.0, 0.0, None);
        (self.burst, self.calm) = (None, None);
    }

    /// Whether a request that had no answer was counted is not known, so this burst teaches nothing.
    pub(super) fn lost_count(&mut self) {
        (self.burst, self.calm) = (None, None);
    }

    /// When everything that was told is used up: when the next request may go.
    pub(super) fn used_up_until(&self, now: Instant) -> Option<Instant> {
        let window = self.window.filter(|window| window.allowed == 0 && window.reset > now)?;
        Some(self.early.map_or(window.reset, |(at, _)| at.min(window.reset)))
    }

    /// What may still go, of how many, and when all is back.
    pub(super) fn left(&self, now: Instant) -> Option<(u64, Option<u64>, Instant)> {
        let window = self.window.filter(|window| window.reset > now)?;
        Some((window.allowed, window.limit, window.reset))
    }

    /// Nothing is in flight, so every request was counted: what came back meanwhile can be told, or less of it where
    /// the system was full before we sent again.
    fn calmed(&mut self, now: Instant) {
        // An answer without a figure leaves nothing to compare with.
        let Some(burst) = self.burst.take().filter(|burst| burst.least != u64::MAX) else { return };
        if let Some((at, left)) = self.calm {
            let seconds = now.duration_since(at).as_secs_f64();
            // What was seen a second ago counts half.
            let kept = 0.5_f64.powf(seconds);
            self.back = self.back * kept + (burst.least + burst.sent).saturating_sub(left) as f64;
            self.seconds = self.seconds * kept + seconds;
        }
        self.calm = Some((now, burst.least));
        let Some(window) = &mut self.window else { return };
        window.allowed = burst.least;
        self.early = if burst.least == 0 && self.strikes < STRIKES_MAX { self.half_back(now) } else { None };
    }

    /// When half of all should be back, and how many of it may go.
    fn half_back(&self, now: Instant) -> Option<(Instant, u64)> {
        if self.back < BACK_MIN || self.seconds <= 0.0 {
            return None;
        }
        let half = (self.full / 2).max(1) as f64;
        let wait = Duration::try_from_secs_f64(half * self.seconds / self.back).ok()?;
        Some((now.checked_add(wait)?, ((half * SHARE) as u64).max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system that answers at once, one request at a time, and tells its limit rounded to seconds.
    struct System {
        level: f64,
        full: f64,
        per_second: f64,
        at: Instant,
        refused: u32,
    }

    impl System {
        fn bucket(now: Instant) -> Self {
            Self { level: 50.0, full: 50.0, per_second: 500.0, at: now, refused: 0 }
        }

        fn answer(&mut self, now: Instant) -> Option<Budget> {
            self.level = (self.level + now.duration_since(self.at).as_secs_f64() * self.per_second).min(self.full);
            self.at = now;
            if self.level < 1.0 {
                self.refused += 1;
                return None;
            }
            self.level -= 1.0;
            Some(Budget { limit: Some(500), remaining: self.level as u64, reset: None })
        }
    }

    /// Sends as fast as it may, `step` apart, for `time`; returns how many passed.
    fn send(told: &mut Told, system: &mut System, mut now: Instant, step: Duration, time: Duration) -> u64 {
        let (end, mut sent) = (now + time, 0);
        while now < end {
            if let Err(at) = told.ask(now) {
                now = at;
                continue;
            }
            told.took();
            now += step;
            match system.answer(now) {
                Some(budget) => {
                    sent += 1;
                    told.heard(&budget, Duration::from_secs(1), 0, now);
                }
                None => {
                    told.refused();
                    now += Duration::from_secs(1);
                }
            }
        }
        sent
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_goes_before_a_window_ends() {
        let start = Instant::now();
        let end = start + Duration::from_secs(60);
        let (mut told, mut now) = (Told::default(), start);
        for remaining in [2, 1, 0] {
            if let Err(at) = told.ask(now) {
                assert!(at <= now + HOLD_MAX, "only the last one waits, and not for long");
                now = at;
            }
            assert_eq!(told.ask(now), Ok(()));
            told.took();
            now += Duration::from_millis(20);
            told.heard(&Budget { limit: Some(3), remaining, reset: None }, end - now, 0, now);
        }
        assert_eq!(told.ask(now), Err(end));
        assert_eq!(told.ask(end), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_fills_drop_by_drop_is_used_as_it_fills() {
        let now = Instant::now();
        let (mut told, mut system) = (Told::default(), System::bucket(now));
        let sent = send(&mut told, &mut system, now, Duration::from_micros(200), Duration::from_secs(10));
        assert!(sent > 4_750, "only {sent} of 5,050 went");
        assert!(f64::from(system.refused) < 0.01 * sent as f64, "{} were refused", system.refused);
    }

    #[tokio::test(start_paused = true)]
    async fn a_system_that_refuses_after_early_ones_is_not_asked_early_again() {
        let now = Instant::now();
        let mut told = Told { back: 10.0, seconds: 1.0, full: 10, ..Told::default() };
        for _ in 0..STRIKES_MAX {
            told.is_early = true;
            told.refused();
        }
        (told.back, told.seconds) = (10.0, 1.0);
        told.took();
        told.heard(&Budget { limit: None, remaining: 0, reset: None }, Duration::from_secs(30), 0, now);
        assert_eq!(told.ask(now), Err(now + Duration::from_secs(30)));
    }
}
