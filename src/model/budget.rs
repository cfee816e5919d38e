//! A budget of calls that a person sets below the configured one.

use super::{Actor, Timestamp, filter};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// So many calls in each span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBudget {
    pub requests: u32,
    pub per_ms: u64,
}

/// A budget that a person lowered. It outlives restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowBudget {
    pub budget: CallBudget,
    pub by: Actor,
    pub since: Timestamp,
    pub reason: Option<String>,
}

impl CallBudget {
    /// The longest span that a budget is counted over.
    const PER_MAX: Duration = Duration::from_secs(24 * 3_600);

    /// Reads a span as people write it: `10s`, `1m`.
    pub fn new(requests: u32, per: &str) -> Result<Self, String> {
        let span = filter::read_span(per).ok_or_else(|| format!("`{per}` is no span of time like 10s or 1m"))?;
        let budget = Self { requests, per_ms: u64::try_from(span.as_millis()).unwrap_or(u64::MAX) };
        budget.check().map(|()| budget)
    }

    /// Reads `60 per 1m`, `60/1m`, `60 in 10s`; a number alone is counted in a minute.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim().replace([',', '_'], "");
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let (requests, rest) = text.split_at(digits);
        let requests = requests.parse().map_err(|_| "write calls and a span of time: 60 per 1m".to_owned())?;
        let rest = rest.trim().trim_start_matches('/');
        let rest = ["calls", "per", "in"].iter().fold(rest.trim(), |rest, word| rest.trim_start_matches(word).trim());
        Self::new(requests, if rest.is_empty() { "1m" } else { rest })
    }

    pub fn check(self) -> Result<(), String> {
        match (self.requests, self.per()) {
            (0, _) => Err("a budget of no calls is a hold: hold the connection instead".to_owned()),
            (_, per) if per < Duration::from_secs(1) || per > Self::PER_MAX => {
                Err("a budget is counted over 1s to 24h".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub fn per(self) -> Duration {
        Duration::from_millis(self.per_ms)
    }

    /// Fewer calls in the same time.
    pub fn is_lower_than(self, other: Self) -> bool {
        u128::from(self.requests) * u128::from(other.per_ms) < u128::from(other.requests) * u128::from(self.per_ms)
    }
}

impl fmt::Display for CallBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = if self.requests == 1 { "call" } else { "calls" };
        let (amount, unit) = match self.per_ms {
            ms if ms % 3_600_000 == 0 => (ms / 3_600_000, "h"),
            ms if ms % 60_000 == 0 => (ms / 60_000, "m"),
            ms if ms % 1_000 == 0 => (ms / 1_000, "s"),
            ms => (ms, "ms"),
        };
        write!(f, "{} {calls} in {amount}{unit}", self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_read_as_people_write_it() {
        for text in ["60 per 1m", "60/1m", "60 calls in 60s", " 60 "] {
            assert_eq!(
                CallBudget::read(text).map(|budget| budget.to_string()).as_deref(),
                Ok("60 calls in 1m"),
                "{text}"
            );
        }
        for wrong in ["", "per 1m", "60 per soon", "0 per 1m", "5 per 2d", "4294967296 per 1m"] {
            assert!(CallBudget::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn budgets_of_different_spans_are_compared_by_their_rate() {
        let budget = |text| CallBudget::read(text).expect("a budget");
        assert!(budget("5 per 1s").is_lower_than(budget("600 per 1m")));
        assert!(!budget("10 per 1s").is_lower_than(budget("600 per 1m")), "the same is not lower");
    }
}
