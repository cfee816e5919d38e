//! What a connection does with calls: how many, answered how, in whose name, and what holds them back.

use super::{Actor, ConnectionId, JobId, LowBudget, QuotaStatus, Timestamp, TokenStatus};
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// The seconds that one figure of a connection's history stands for.
pub const CALL_BUCKET_SECONDS: u64 = 30;
/// Figures in a connection's history: 15 minutes.
pub const CALL_BUCKETS: usize = 30;

/// One connection, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    pub id: ConnectionId,
    /// All calls wait until a person releases them.
    #[serde(default)]
    pub held: Option<Hold>,
    /// A person lets it make fewer calls than it is configured for.
    #[serde(default)]
    pub lowered: Option<LowBudget>,
    /// How it signs in, in words; never a secret.
    #[serde(default)]
    pub sign_in: Vec<String>,
    /// Its certificates are not checked.
    #[serde(default)]
    pub insecure_tls: bool,
    pub circuit: Circuit,
    /// One call is out that tries whether a system that was down is back.
    #[serde(default)]
    pub is_trying: bool,
    /// When the circuit was open last, of those that closed since this engine started.
    #[serde(default)]
    pub last_open: Option<LastOpen>,
    /// Requests in flight now, and the present ceiling.
    pub in_flight: u32,
    pub ceiling: u32,
    /// Calls that wait for a permit.
    pub queued: u32,
    /// From the system's headers or the configuration.
    pub budget: Option<BudgetStatus>,
    /// Milliseconds, over the last few hundred answers.
    pub latency_p50: Option<u32>,
    pub latency_p95: Option<u32>,
    /// Since this engine started.
    pub answers: AnswerCounts,
    /// The last 15 minutes, oldest first; the last one is not over yet.
    #[serde(default)]
    pub history: Vec<CallBucket>,
    /// Who uses it: every job that is configured to, with its calls of the last 15 minutes, most first.
    #[serde(default)]
    pub users: Vec<JobCalls>,
    /// All calls wait until then, because the system said so.
    pub throttled_until: Option<Timestamp>,
    /// The last time that the system said 429, since this engine started.
    #[serde(default)]
    pub last_throttled: Option<LastThrottled>,
    /// The last call that a person asked for to see whether it answers, since this engine started.
    #[serde(default)]
    pub tested: Option<Tested>,
    /// None where it does not sign in.
    #[serde(default)]
    pub token: Option<TokenStatus>,
    /// None where no quota is configured.
    #[serde(default)]
    pub quota: Option<QuotaStatus>,
}

impl ConnectionStatus {
    /// Answers of the last `seconds`, in whole figures of the history.
    pub fn answers_of_last(&self, seconds: u64) -> AnswerCounts {
        let n = usize::try_from(seconds.div_ceil(CALL_BUCKET_SECONDS)).unwrap_or(CALL_BUCKETS);
        let mut sum = AnswerCounts::default();
        for bucket in &self.history[self.history.len().saturating_sub(n)..] {
            sum += bucket.answers;
        }
        sum
    }
}

/// How a connection is, in a word; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Down,
    /// It was down, and one call tries whether it is back.
    Trying,
    Held,
    /// It asked to be left alone for a while.
    SlowDown,
    /// Of the last minutes' calls, at least a fifth had no answer or a 5xx.
    Failing,
    Ok,
    Unused,
}

impl Health {
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Trying => "testing",
            Self::Held => "held",
            Self::SlowDown => "slow down",
            Self::Failing => "failing",
            Self::Ok => "ok",
            Self::Unused => "not used yet",
        }
    }
}

/// Of the last five minutes, fewer calls than this say nothing.
const FAILING_LEAST: u64 = 5;

impl ConnectionStatus {
    /// How it is at `now`.
    pub fn health(&self, now: Timestamp) -> Health {
        let lately = self.answers_of_last(300);
        let bad = lately.server_error + lately.no_answer;
        match &self.circuit {
            _ if self.held.is_some() => Health::Held,
            Circuit::Open { .. } if self.is_trying => Health::Trying,
            Circuit::Open { .. } => Health::Down,
            Circuit::Closed if self.throttled_until.is_some_and(|until| until > now) => Health::SlowDown,
            Circuit::Closed if lately.all() >= FAILING_LEAST && bad * 5 >= lately.all() => Health::Failing,
            Circuit::Closed if self.answers.all() == 0 => Health::Unused,
            Circuit::Closed => Health::Ok,
        }
    }
}

/// Calls of one connection in one span of [`CALL_BUCKET_SECONDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBucket {
    pub answers: AnswerCounts,
    /// Milliseconds, at most an eighth above the true figure; none where nothing was answered.
    pub latency_p95: Option<u32>,
}

/// The calls that one job made of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobCalls {
    pub job: JobId,
    /// In the last 15 minutes.
    pub calls: u64,
}

/// A person holds back all calls of a connection. It outlives restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub by: Actor,
    pub since: Timestamp,
    pub reason: Option<String>,
}

/// An outage that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastOpen {
    pub since: Timestamp,
    pub until: Timestamp,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastThrottled {
    pub at: Timestamp,
    /// What its `Retry-After` said, in milliseconds; none where it said nothing.
    pub retry_after_ms: Option<u64>,
}

/// What a call brought that a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    pub connection: ConnectionId,
    pub at: Timestamp,
    pub by: Actor,
    pub is_ok: bool,
    pub status: Option<u16>,
    /// From the request's first byte to the answer's last.
    pub took_ms: u32,
    /// One sentence: what was asked, and what came back.
    pub text: String,
    /// What a person can do, where it failed and one thing is known.
    pub hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetStatus {
    pub remaining: u64,
    pub limit: Option<u64>,
    /// When all of it is there again.
    pub resets_at: Option<Timestamp>,
    /// `headers` or `configuration`.
    pub source: String,
    /// The configured rule in words: `600 calls in 1m`; `limit` is what may go at once.
    #[serde(default)]
    pub rule: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerCounts {
    pub ok: u64,
    pub throttled: u64,
    pub client_error: u64,
    pub server_error: u64,
    pub no_answer: u64,
}

impl AnswerCounts {
    pub fn all(&self) -> u64 {
        self.ok + self.throttled + self.client_error + self.server_error + self.no_answer
    }

    /// Counts one call; `status` is none where no answer came.
    pub fn count(&mut self, status: Option<u16>) {
        match status {
            None => self.no_answer += 1,
            Some(429) => self.throttled += 1,
            Some(status) if status < 400 => self.ok += 1,
            Some(status) if status < 500 => self.client_error += 1,
            Some(_) => self.server_error += 1,
        }
    }
}

impl AddAssign for AnswerCounts {
    fn add_assign(&mut self, other: Self) {
        self.ok += other.ok;
        self.throttled += other.throttled;
        self.client_error += other.client_error;
        self.server_error += other.server_error;
        self.no_answer += other.no_answer;
    }
}

/// The breaker of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "circuit", rename_all = "snake_case")]
pub enum Circuit {
    /// Calls go through.
    #[default]
    Closed,
    /// Calls wait; one canary goes out at `next`.
    Open { since: Timestamp, next: Timestamp, why: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_of_one_class() {
        let mut counts = AnswerCounts::default();
        for status in [Some(200), Some(304), Some(404), Some(429), Some(503), None] {
            counts.count(status);
        }
        let wanted = AnswerCounts { ok: 2, throttled: 1, client_error: 1, server_error: 1, no_answer: 1 };
        assert_eq!((counts, counts.all()), (wanted, 6));
    }
}
