//! A long quota of requests: what the state keeps of it, and what a person is told.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the state keeps of a connection's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptQuota {
    /// When the span began that it is of.
    pub began: Timestamp,
    /// Requests that were made or reserved in it.
    pub used: u64,
}

/// How the quota of a connection stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaStatus {
    pub used: u64,
    pub limit: u64,
    pub per: Duration,
    /// When all of it is there again.
    pub resets_at: Timestamp,
}

impl QuotaStatus {
    const DAY: Duration = Duration::from_secs(86_400);

    /// `daily quota`, or `quota` of another span.
    pub fn word(per: Duration) -> &'static str {
        if per == Self::DAY { "daily quota" } else { "quota" }
    }

    /// `daily` of a day's, as a column says it.
    pub fn label(&self) -> &'static str {
        if self.per == Self::DAY { "daily" } else { "quota" }
    }

    /// Of it, in whole percent.
    pub fn percent(&self) -> u64 {
        self.used.saturating_mul(100) / self.limit.max(1)
    }

    pub fn is_used_up(&self) -> bool {
        self.used >= self.limit
    }
}
