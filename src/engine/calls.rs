//! The calls of one connection by time: answers by class, how long they took, and in whose name they were made.
//!
//! Bounded whatever comes: thirty figures, one histogram, a count for each job and figure.

use crate::model::{AnswerCounts, CALL_BUCKET_SECONDS, CALL_BUCKETS, CallBucket, JobCalls, JobId, Timestamp};
use std::collections::VecDeque;

/// Parts of each doubling of the latency, so that a percentile is at most an eighth too high.
const PARTS: u32 = 8;
/// Classes of latency: up to 2^32 ms.
const CLASSES: usize = 32 * PARTS as usize;

/// How often each latency came, in classes that grow with it.
struct Histogram {
    counts: Box<[u32; CLASSES]>,
    n: u32,
}

impl Histogram {
    fn new() -> Self {
        Self { counts: Box::new([0; CLASSES]), n: 0 }
    }

    fn add(&mut self, ms: u32) {
        self.counts[class(ms)] += 1;
        self.n += 1;
    }

    fn clear(&mut self) {
        self.counts.fill(0);
        self.n = 0;
    }

    /// The upper end of the class in which the 95th percentile lies.
    fn p95(&self) -> Option<u32> {
        let rank = (u64::from(self.n) * 95).div_ceil(100).max(1);
        let mut seen = 0;
        let at = self.counts.iter().position(|n| {
            seen += u64::from(*n);
            seen >= rank
        })?;
        Some(upper_end(at))
    }
}

fn class(ms: u32) -> usize {
    if ms < PARTS {
        return ms as usize;
    }
    let doubling = ms.ilog2() - PARTS.ilog2();
    let part = (ms >> doubling) - PARTS;
    ((doubling + 1) * PARTS + part) as usize
}

fn upper_end(class: usize) -> u32 {
    let class = u32::try_from(class).unwrap_or(u32::MAX);
    if class < PARTS {
        return class;
    }
    let (doubling, part) = (class / PARTS - 1, class % PARTS);
    let next = u64::from(PARTS + part + 1) << doubling;
    u32::try_from(next - 1).unwrap_or(u32::MAX)
}

/// The last 15 minutes of one connection.
pub(super) struct Calls {
    /// What is over, oldest first.
    past: VecDeque<CallBucket>,
    past_users: VecDeque<Vec<u32>>,
    now: AnswerCounts,
    latencies: Histogram,
    users_now: Vec<u32>,
    /// The jobs that ever called, in the order in which they first did.
    jobs: Vec<JobId>,
    slot: Option<u64>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            past: VecDeque::new(),
            past_users: VecDeque::new(),
            now: AnswerCounts::default(),
            latencies: Histogram::new(),
            users_now: Vec::new(),
            jobs: Vec::new(),
            slot: None,
        }
    }

    /// Names a job that is configured to use the connection, so that it is listed before its first call.
    pub(super) fn uses(&mut self, job: &JobId) -> usize {
        if let Some(at) = self.jobs.iter().position(|known| known == job) {
            return at;
        }
        self.jobs.push(job.clone());
        self.jobs.len() - 1
    }

    pub(super) fn called(&mut self, job: &JobId, at: Timestamp) {
        self.roll(at);
        let place = self.uses(job);
        if self.users_now.len() <= place {
            self.users_now.resize(place + 1, 0);
        }
        self.users_now[place] += 1;
    }

    /// Counts an answer; `status` is none where none came.
    pub(super) fn answered(&mut self, status: Option<u16>, took_ms: u32, at: Timestamp) {
        self.roll(at);
        self.now.count(status);
        if status.is_some() {
            self.latencies.add(took_ms);
        }
    }

    fn bucket_now(&self) -> CallBucket {
        CallBucket { answers: self.now, latency_p95: self.latencies.p95() }
    }

    fn roll(&mut self, at: Timestamp) {
        let slot = u64::try_from(at.0).unwrap_or(0) / 1_000 / CALL_BUCKET_SECONDS;
        let before = *self.slot.get_or_insert(slot);
        // A clock that was set back adds to what is open.
        let missing = slot.saturating_sub(before).min(CALL_BUCKETS as u64);
        for _ in 0..missing {
            let over = self.bucket_now();
            self.past.push_back(over);
            self.past_users.push_back(std::mem::take(&mut self.users_now));
            self.now = AnswerCounts::default();
            self.latencies.clear();
            if self.past.len() >= CALL_BUCKETS {
                self.past.pop_front();
                self.past_users.pop_front();
            }
        }
        self.slot = Some(before.max(slot));
    }

    /// The figures of the last 15 minutes, oldest first, and who called, most first.
    pub(super) fn told(&mut self, at: Timestamp) -> (Vec<CallBucket>, Vec<JobCalls>) {
        self.roll(at);
        let mut history: Vec<CallBucket> = self.past.iter().copied().collect();
        history.push(self.bucket_now());
        let mut calls = vec![0_u64; self.jobs.len()];
        for bucket in self.past_users.iter().chain(std::iter::once(&self.users_now)) {
            for (sum, n) in calls.iter_mut().zip(bucket) {
                *sum += u64::from(*n);
            }
        }
        let mut users: Vec<JobCalls> =
            self.jobs.iter().cloned().zip(calls).map(|(job, calls)| JobCalls { job, calls }).collect();
        users.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.job.cmp(&b.job)));
        (history, users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_700_000_010_000 + seconds * 1_000)
    }

    #[test]
    fn a_class_never_tells_less_than_what_came_and_at_most_an_eighth_more() {
        for ms in (0..5_000).chain([1 << 20, u32::MAX - 1, u32::MAX]) {
            let told = upper_end(class(ms));
            assert!(ms <= told && told - ms <= ms / PARTS, "{ms} is told as {told}");
        }
    }

    #[test]
    fn the_percentile_is_of_its_own_span() {
        let mut calls = Calls::new();
        for ms in 1..=100 {
            calls.answered(Some(200), ms, at(0));
        }
        calls.answered(Some(200), 900, at(30));
        let (history, _) = calls.told(at(30));
        let p95: Vec<_> = history.iter().map(|bucket| bucket.latency_p95).collect();
        assert_eq!(p95, [Some(95), Some(959)]);
        assert_eq!(history[0].answers.ok, 100);
    }

    #[test]
    fn what_is_older_than_fifteen_minutes_is_forgotten_and_no_more_is_held() {
        let mut calls = Calls::new();
        let job = JobId::from("customers");
        for second in 0..3_600 {
            calls.called(&job, at(second));
            calls.answered(None, 0, at(second));
        }
        let (history, users) = calls.told(at(3_599));
        assert_eq!((history.len(), users[0].calls), (CALL_BUCKETS, 900));
        assert_eq!(history.iter().map(|bucket| bucket.answers.no_answer).sum::<u64>(), 900);
        let (history, users) = calls.told(at(9_999));
        assert_eq!((history.len(), users[0].calls), (CALL_BUCKETS, 0));
        assert!(history.iter().all(|bucket| *bucket == CallBucket::default()));
    }

    #[test]
    fn jobs_are_told_by_the_calls_that_they_made() {
        let mut calls = Calls::new();
        let [a, b] = ["a", "b"].map(JobId::from);
        calls.uses(&a);
        calls.called(&b, at(0));
        let told = calls.told(at(0)).1;
        assert_eq!(told, [JobCalls { job: b, calls: 1 }, JobCalls { job: a, calls: 0 }]);
    }
}
