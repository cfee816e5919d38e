//! A quota of calls in a long span, such as a day: counted over restarts, and never below what was really made.
//!
//! Spans follow one another from 1970 on, so that those of a day begin at midnight UTC. Calls are reserved in the state by
//! the hundredth part before they are made: a crash loses what was reserved and not made, and nothing is ever made that
//! was not counted.

use super::limit::Gate;
use crate::model::{ConnectionId, KeptQuota, QuotaRule, QuotaStatus, Timestamp};
use std::time::Duration;

/// A reservation is this part of the quota.
const PART: u64 = 100;

pub(super) struct Quota {
    rule: QuotaRule,
    /// When the present span began.
    began: Timestamp,
    used: u64,
    reserved: u64,
}

/// Whether a call may go.
#[derive(Debug, PartialEq)]
pub(super) enum Left {
    Some,
    /// First this is to be saved.
    Reserve(KeptQuota),
    /// Nothing more until then.
    NoneUntil(Timestamp),
}

impl Quota {
    pub(super) fn new(rule: QuotaRule) -> Self {
        Self { rule, began: Timestamp::ZERO, used: 0, reserved: 0 }
    }

    /// Takes up what the state keeps.
    pub(super) fn take_up(&mut self, kept: &KeptQuota) {
        (self.began, self.used, self.reserved) = (kept.began, kept.used, kept.used);
    }

    fn per_ms(&self) -> i64 {
        i64::try_from(self.rule.per.as_millis()).unwrap_or(i64::MAX).max(1)
    }

    /// Begins a new span where the present one is over. A clock that was set back begins none.
    fn roll(&mut self, now: Timestamp) {
        let began = Timestamp(now.0 - now.0.rem_euclid(self.per_ms()));
        if began > self.began {
            *self = Self { began, ..Self::new(self.rule) };
        }
    }

    fn ends(&self) -> Timestamp {
        Timestamp(self.began.0.saturating_add(self.per_ms()))
    }

    pub(super) fn left(&mut self, now: Timestamp) -> Left {
        self.roll(now);
        if self.used >= self.rule.requests {
            return Left::NoneUntil(self.ends());
        }
        if self.used < self.reserved {
            return Left::Some;
        }
        let used = (self.used + (self.rule.requests / PART).max(1)).min(self.rule.requests);
        Left::Reserve(KeptQuota { began: self.began, used })
    }

    /// What was to be saved is saved.
    pub(super) fn reserved(&mut self, kept: &KeptQuota) {
        if kept.began == self.began {
            self.reserved = self.reserved.max(kept.used);
        }
    }

    pub(super) fn took(&mut self) {
        self.used += 1;
    }

    /// What is true now, to give back what is reserved and was not used. None where nothing is.
    fn settled(&mut self) -> Option<KeptQuota> {
        let is_over = std::mem::replace(&mut self.reserved, self.used) != self.used;
        is_over.then_some(KeptQuota { began: self.began, used: self.used })
    }

    pub(super) fn status(&mut self, now: Timestamp) -> QuotaStatus {
        self.roll(now);
        QuotaStatus { used: self.used, limit: self.rule.requests, per: self.rule.per, resets_at: self.ends() }
    }
}

/// What `connection` has used up, as a person says it.
pub(super) fn used_up(connection: &ConnectionId, per: Duration) -> String {
    format!("the {} of {connection} is used up", QuotaStatus::word(per))
}

impl Gate {
    /// Saves a reservation of calls. False when it could not be saved.
    pub(super) async fn reserve(&self, kept: KeptQuota) -> bool {
        if let Some(store) = &self.store
            && let Err(error) = store.keep_quota(self.id(), kept).await
        {
            tracing::warn!(connection = %self.id(), %error, "calls of the quota could not be reserved");
            return false;
        }
        if let Some(quota) = &mut self.state.lock().quota {
            quota.reserved(&kept);
        }
        true
    }

    /// Gives back what of the quota is reserved and was not used: nothing is called any more.
    pub(super) async fn settle_quota(&self) {
        let kept = self.state.lock().quota.as_mut().and_then(Quota::settled);
        if let (Some(kept), Some(store)) = (kept, &self.store)
            && let Err(error) = store.keep_quota(self.id(), kept).await
        {
            tracing::warn!(connection = %self.id(), %error, "the quota counts more calls than were made");
        }
    }

    /// Takes up what the state knows of the quota's present span.
    pub(super) async fn take_up_quota(&self) -> Result<(), crate::store::StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        if let Some(kept) = store.quota(self.id()).await?
            && let Some(quota) = &mut self.state.lock().quota
        {
            quota.take_up(&kept);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const NOON: Timestamp = Timestamp(20_000 * DAY + DAY / 2);

    fn quota(requests: u64) -> Quota {
        Quota::new(QuotaRule { requests, per: Duration::from_secs(86_400) })
    }

    /// Makes calls as long as they may go; what was saved last.
    fn make(quota: &mut Quota, n: u64, now: Timestamp) -> (u64, Option<KeptQuota>) {
        let (mut made, mut saved) = (0, None);
        while made < n {
            match quota.left(now) {
                Left::Some => {
                    quota.took();
                    made += 1;
                }
                Left::Reserve(kept) => {
                    quota.reserved(&kept);
                    saved = Some(kept);
                }
                Left::NoneUntil(_) => break,
            }
        }
        (made, saved)
    }

    #[test]
    fn it_ends_at_midnight_and_begins_anew() {
        let mut quota = quota(250);
        assert_eq!(make(&mut quota, 1_000, NOON).0, 250);
        let midnight = Timestamp(20_001 * DAY);
        assert_eq!(quota.left(NOON), Left::NoneUntil(midnight));
        assert_eq!(make(&mut quota, 1_000, midnight).0, 250);
    }

    #[test]
    fn a_crash_counts_too_much_and_never_too_little() {
        let mut before = quota(1_000);
        let (made, saved) = make(&mut before, 333, NOON);
        let saved = saved.expect("calls are reserved");
        assert!(made <= saved.used && saved.used <= made + 10, "{made} made, {} saved", saved.used);
        let mut after = quota(1_000);
        after.take_up(&saved);
        let (rest, _) = make(&mut after, 1_000, NOON);
        assert!(made + rest <= 1_000 && made + rest >= 990, "{made} and {rest}");
    }

    #[test]
    fn what_is_given_back_at_the_end_counts_exactly() {
        let mut quota = quota(1_000);
        make(&mut quota, 333, NOON);
        assert_eq!(quota.settled().map(|kept| kept.used), Some(333));
        assert_eq!(quota.settled(), None);
    }

    #[test]
    fn a_clock_that_is_set_back_gives_no_second_quota() {
        let mut quota = quota(5);
        make(&mut quota, 5, NOON);
        assert!(matches!(quota.left(Timestamp(NOON.0 - DAY)), Left::NoneUntil(_)));
    }
}
