//! A rate limit as real systems have it: a token bucket, told in headers.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// So many requests in each `per_ms`, of which `burst` may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    pub requests: u32,
    pub per_ms: u64,
    pub burst: u32,
}

/// What the limit said to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    pub limit: u32,
    pub remaining: u32,
    /// Seconds until the bucket is full again, rounded up.
    pub reset: u64,
    /// None: the request may pass. Else seconds until one may, rounded up.
    pub retry_after: Option<u64>,
}

pub(super) struct Bucket {
    limit: RateLimit,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, level: Mutex::new((f64::from(limit.burst.max(1)), Instant::now())) }
    }

    /// Takes one token where there is one.
    pub fn take(&self) -> Allowance {
        let capacity = f64::from(self.limit.burst.max(1));
        let per_second = f64::from(self.limit.requests.max(1)) * 1000.0 / self.limit.per_ms.max(1) as f64;
        let mut level = self.level.lock();
        let now = Instant::now();
        let filled = (level.0 + (now - level.1).as_secs_f64() * per_second).min(capacity);
        let passes = filled >= 1.0;
        let left = if passes { filled - 1.0 } else { filled };
        *level = (left, now);
        Allowance {
            limit: self.limit.requests,
            remaining: left as u32,
            reset: ((capacity - left) / per_second).ceil() as u64,
            retry_after: (!passes).then(|| (((1.0 - left) / per_second).ceil() as u64).max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_then_its_rate() {
        let bucket = Bucket::new(RateLimit { requests: 10, per_ms: 1_000, burst: 2 });
        assert_eq!(bucket.take().retry_after, None);
        assert_eq!(bucket.take().retry_after, None);
        assert_eq!(bucket.take().retry_after, Some(1));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(bucket.take().retry_after, None);
        assert_eq!(bucket.take().remaining, 0);
    }
}
