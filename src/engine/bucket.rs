//! A token bucket on the runtime's clock, so that a paused clock moves it too.

use crate::model::Limits;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Bucket {
    /// The time in which one request's token grows.
    each: Duration,
    burst: u32,
    /// When the bucket would be full, if nothing more were taken (GCRA's "theoretical arrival time").
    full_at: Instant,
}

impl Bucket {
    pub(super) fn new(limits: &Limits, now: Instant) -> Option<Self> {
        let requests = limits.requests?.max(1);
        // Requests do not travel equally long, so at the system some come closer together than they left. A tenth of the
        // burst is kept back for that, else a bucket as large as ours is sometimes found empty; the rate is the same.
        let burst = limits.burst.max(1);
        Some(Self { each: limits.per / requests, burst: burst - burst / 10, full_at: now })
    }

    /// The same with nothing in it yet.
    pub(super) fn empty(limits: &Limits, now: Instant) -> Option<Self> {
        let bucket = Self::new(limits, now)?;
        Some(Self { full_at: now + bucket.each * bucket.burst, ..bucket })
    }

    /// How long an empty bucket takes to be full, as headers tell it: rounded up to seconds.
    pub(super) fn time_to_fill(&self) -> Duration {
        Duration::from_secs((self.each * self.burst).as_secs_f64().ceil() as u64)
    }

    /// The most tokens that it holds.
    pub(super) fn size(&self) -> u32 {
        self.burst
    }

    /// When it is full, if nothing more is taken.
    pub(super) fn full_at(&self, now: Instant) -> Instant {
        self.full_at.max(now)
    }

    /// Takes a token; or tells when there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.max(now);
        let room = self.each * (self.burst - 1);
        match full_at.checked_sub(room) {
            Some(earliest) if earliest > now => Err(earliest),
            _ => {
                self.full_at = full_at + self.each;
                Ok(())
            }
        }
    }

    /// Takes a token whether or not there is one; where there is none, the next ones come later.
    pub(super) fn owe(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now) + self.each;
    }

    /// Whole tokens that are there.
    pub(super) fn tokens(&self, now: Instant) -> u32 {
        let missing = self.full_at.saturating_duration_since(now);
        let missing = missing.as_nanos().div_ceil(self.each.as_nanos().max(1));
        self.burst.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_gives_the_burst_at_once_and_then_the_rate() {
        let now = Instant::now();
        let limits = Limits { requests: Some(10), per: Duration::from_secs(1), burst: 3, ..Limits::default() };
        let mut bucket = Bucket::new(&limits, now).expect("a budget is configured");
        assert!((0..3).all(|_| bucket.take(now).is_ok()));
        assert_eq!(bucket.take(now), Err(now + Duration::from_millis(100)));
        assert!(bucket.take(now + Duration::from_millis(100)).is_ok());
        assert!(bucket.take(now + Duration::from_millis(150)).is_err());
        assert_eq!(bucket.tokens(now + Duration::from_secs(5)), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_without_a_token_makes_the_next_wait_for_longer() {
        let now = Instant::now();
        let limits = Limits { requests: Some(10), per: Duration::from_secs(1), burst: 1, ..Limits::default() };
        let mut bucket = Bucket::new(&limits, now).expect("a budget is configured");
        assert!(bucket.take(now).is_ok());
        bucket.owe(now);
        assert_eq!(bucket.take(now), Err(now + Duration::from_millis(200)));
        assert_eq!(bucket.tokens(now), 0);
    }
}
