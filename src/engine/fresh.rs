//! New dead letters of one job by time and cause: what happened in the last ten minutes.

use crate::model::{GroupId, Timestamp};
use std::collections::{HashMap, VecDeque};

/// Minutes that count as lately.
pub(super) const MINUTES: u64 = 10;
/// Causes told apart in one minute; the letters of more are counted, their causes are not.
const CAUSES_MAX: usize = 64;

/// The dead letters of the last ten minutes.
#[derive(Default)]
pub(super) struct Fresh {
    minutes: VecDeque<Minute>,
}

struct Minute {
    number: u64,
    letters: u64,
    causes: HashMap<GroupId, u64>,
}

/// What is new, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FreshCount {
    pub letters: u64,
    /// Among them, at least so many causes.
    pub causes: u64,
    /// The cause of most of them.
    pub group: Option<GroupId>,
}

impl Fresh {
    pub(super) fn add(&mut self, groups: &[GroupId], at: Timestamp) {
        let number = minute(at);
        self.forget_before(number);
        // A clock that was set back adds to the newest minute.
        if self.minutes.back().is_none_or(|last| last.number < number) {
            self.minutes.push_back(Minute { number, letters: 0, causes: HashMap::new() });
        }
        let Some(last) = self.minutes.back_mut() else { return };
        for group in groups {
            last.letters += 1;
            if last.causes.len() < CAUSES_MAX || last.causes.contains_key(group) {
                *last.causes.entry(*group).or_default() += 1;
            }
        }
    }

    pub(super) fn count(&mut self, now: Timestamp) -> FreshCount {
        self.forget_before(minute(now));
        let mut causes: HashMap<GroupId, u64> = HashMap::new();
        for (group, n) in self.minutes.iter().flat_map(|minute| &minute.causes) {
            *causes.entry(*group).or_default() += n;
        }
        let group = causes.iter().max_by_key(|(group, n)| (**n, std::cmp::Reverse(group.0))).map(|(group, _)| *group);
        let letters = self.minutes.iter().map(|minute| minute.letters).sum();
        FreshCount { letters, causes: causes.len() as u64, group }
    }

    fn forget_before(&mut self, now: u64) {
        while self.minutes.front().is_some_and(|first| first.number + MINUTES <= now) {
            self.minutes.pop_front();
        }
    }
}

fn minute(at: Timestamp) -> u64 {
    u64::try_from(at.0).unwrap_or(0) / 60_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp(1_700_000_000_000 + minutes * 60_000)
    }

    #[test]
    fn letters_of_ten_minutes_are_counted_with_their_causes() {
        let mut fresh = Fresh::default();
        fresh.add(&[GroupId(1), GroupId(2)], at(0));
        fresh.add(&[GroupId(2), GroupId(2)], at(9));
        assert_eq!(fresh.count(at(9)), FreshCount { letters: 4, causes: 2, group: Some(GroupId(2)) });
        assert_eq!(fresh.count(at(10)), FreshCount { letters: 2, causes: 1, group: Some(GroupId(2)) });
        assert_eq!(fresh.count(at(19)), FreshCount::default());
    }

    #[test]
    fn a_flood_of_causes_is_counted_and_not_held() {
        let mut fresh = Fresh::default();
        let groups: Vec<GroupId> = (0..10_000).map(GroupId).collect();
        fresh.add(&groups, at(0));
        let count = fresh.count(at(0));
        assert_eq!((count.letters, count.causes), (10_000, CAUSES_MAX as u64));
    }
}
