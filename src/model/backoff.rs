//! How long to wait before the next try: a pure rule, with the dice handed in.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A connection's retry rule for transient faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRule {
    /// Tries of one request in all.
    pub attempts: u32,
    pub first_delay: Duration,
    pub max_delay: Duration,
    /// A longer `Retry-After` is waited for as a state of the job, not inside a request.
    pub max_retry_after: Duration,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(15 * 60),
        }
    }
}

/// Returns how long to wait before try `attempt` (1 is the first retry).
///
/// Doubles from `first_delay` to `max_delay`, times `dice` (0.0 to 1.0), so that workers do not come back together
/// ("full jitter", AWS Architecture Blog 2015); never less than a tenth, so that a retry is not at once.
pub fn delay(rule: &RetryRule, attempt: u32, dice: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let base = rule.first_delay.saturating_mul(1 << doublings).min(rule.max_delay);
    base.mul_f64(dice.clamp(0.1, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_greatest() {
        let rule = RetryRule::default();
        let seconds: Vec<u64> = (1..9).map(|attempt| delay(&rule, attempt, 1.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(&rule, u32::MAX, 1.0), rule.max_delay);
    }

    #[test]
    fn the_dice_spread_a_delay_and_never_make_it_nothing() {
        let rule = RetryRule::default();
        assert_eq!(delay(&rule, 3, 0.5), Duration::from_secs(2));
        assert_eq!(delay(&rule, 3, 0.0), Duration::from_millis(400));
        assert_eq!(delay(&rule, 3, 7.0), Duration::from_secs(4));
    }
}
