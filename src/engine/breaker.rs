//! When a system is down: a pure state machine that lets one canary through at a time.
//!
//! After Nygard's circuit breaker ("Release It!", 2007), with a canary in the place of a half-open state.

use crate::model::{RetryRule, backoff};
use std::time::Duration;
use tokio::time::Instant;

/// Transient failures in a row, with no success between, that open the breaker.
const FAILURES_TO_OPEN: u32 = 5;

#[derive(Debug)]
pub(super) struct Breaker {
    rule: RetryRule,
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
pub(super) struct Open {
    pub since: Instant,
    pub next: Instant,
    pub why: String,
    /// Canaries that failed.
    pub canaries: u32,
    /// A canary is out; nothing else goes until it is back.
    pub canary_out: bool,
    /// One record that failed all alone was given up on in this outage; the next ones wait.
    pub lone_given_up: bool,
}

/// What the breaker says of a call that wants to go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    /// Go, as the one that tries whether the system is back.
    GoAsCanary,
    WaitUntil(Instant),
    /// A canary is out; its end will be told.
    WaitForCanary,
}

impl Breaker {
    pub(super) fn new(rule: RetryRule) -> Self {
        Self { rule, failures: 0, open: None }
    }

    pub(super) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    pub(super) fn ask(&self, now: Instant) -> Verdict {
        match &self.open {
            None => Verdict::Go,
            Some(open) if open.canary_out => Verdict::WaitForCanary,
            Some(open) if open.next <= now => Verdict::GoAsCanary,
            Some(open) => Verdict::WaitUntil(open.next),
        }
    }

    pub(super) fn canary_left(&mut self) {
        if let Some(open) = &mut self.open {
            open.canary_out = true;
        }
    }

    /// A person says that the system is to be tried again as if nothing had happened. Returns whether it was open.
    pub(super) fn reset(&mut self) -> bool {
        self.failures = 0;
        self.open.take().is_some()
    }

    /// A canary was dropped before it had an answer.
    pub(super) fn canary_lost(&mut self) {
        if let Some(open) = &mut self.open {
            open.canary_out = false;
        }
    }

    /// The system answered. Returns how long the breaker was open, when this closes it.
    ///
    /// Only the canary's answer does: others were sent before the system went down, and say nothing of now.
    pub(super) fn succeeded(&mut self, now: Instant, was_canary: bool) -> Option<Duration> {
        if self.open.is_some() && !was_canary {
            return None;
        }
        self.failures = 0;
        self.open.take().map(|open| now.duration_since(open.since))
    }

    /// A transient failure. Returns true when this opens the breaker.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        why: &str,
        was_canary: bool,
        told: Option<Duration>,
        dice: f64,
    ) -> bool {
        self.failures = self.failures.saturating_add(1);
        match &mut self.open {
            Some(open) => {
                if was_canary {
                    open.canary_out = false;
                    open.canaries = open.canaries.saturating_add(1);
                    open.next = now + wait(&self.rule, open.canaries + 1, told, dice);
                    open.why = why.to_owned();
                }
                false
            }
            None if self.failures >= FAILURES_TO_OPEN => {
                let next = now + wait(&self.rule, 1, told, dice);
                self.open = Some(Open {
                    since: now,
                    next,
                    why: why.to_owned(),
                    canaries: 0,
                    canary_out: false,
                    lone_given_up: false,
                });
                true
            }
            None => false,
        }
    }

    /// Claims the one record of this outage that may be given up on although nothing else passed either.
    pub(super) fn claim_lone(&mut self) -> bool {
        match &mut self.open {
            Some(open) if !open.lone_given_up => {
                open.lone_given_up = true;
                true
            }
            _ => false,
        }
    }
}

fn wait(rule: &RetryRule, attempt: u32, told: Option<Duration>, dice: f64) -> Duration {
    // Less jitter than between retries: there is only one canary, and many jobs that wait for its answer.
    told.unwrap_or_default().min(rule.max_retry_after).max(backoff::delay(rule, attempt, 0.5 + dice / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> RetryRule {
        RetryRule::default()
    }

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(rule());
        for _ in 0..FAILURES_TO_OPEN {
            breaker.failed(now, "503", false, None, 1.0);
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn failures_with_a_success_between_never_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(rule());
        for _ in 0..100 {
            for _ in 1..FAILURES_TO_OPEN {
                assert!(!breaker.failed(now, "503", false, None, 1.0));
            }
            breaker.succeeded(now, false);
        }
        assert_eq!(breaker.ask(now), Verdict::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_lets_one_canary_through_when_it_is_time() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let next = now + Duration::from_secs(1);
        assert_eq!(breaker.ask(now), Verdict::WaitUntil(next));
        assert_eq!(breaker.ask(next), Verdict::GoAsCanary);
        breaker.canary_left();
        assert_eq!(breaker.ask(next), Verdict::WaitForCanary);
        breaker.failed(next, "503", true, None, 1.0);
        assert_eq!(breaker.ask(next), Verdict::WaitUntil(next + Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_success_of_a_canary_closes_it_and_tells_how_long_it_was_open() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + Duration::from_secs(90);
        assert_eq!(breaker.succeeded(later, false), None);
        assert_eq!(breaker.succeeded(later, true), Some(Duration::from_secs(90)));
        assert_eq!(breaker.ask(later), Verdict::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn a_canary_that_was_lost_does_not_block_the_next_one() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let next = now + Duration::from_secs(1);
        breaker.canary_left();
        breaker.canary_lost();
        assert_eq!(breaker.ask(next), Verdict::GoAsCanary);
    }
}
