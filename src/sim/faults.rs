//! Which fault a request meets: by script, or by dice with a seed.

use super::Side;
use super::limit::{Allowance, Bucket, RateLimit};
use crate::model::Timestamp;
use fastrand::Rng;
use http::Method;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// This answer, whatever was asked; nothing is applied.
    Status {
        code: u16,
        body: String,
        #[serde(default)]
        headers: Vec<(String, String)>,
    },
    /// 429.
    Throttled(RetryAfter),
    /// No connection; over sockets it breaks before a byte is answered.
    Refused,
    /// The request was sent and the connection breaks; nothing was applied.
    Reset,
    /// No answer ever; nothing was applied.
    HangBefore,
    /// Applied, and no answer ever.
    HangAfter,
    /// Applied; the answer's body ends before its `Content-Length`.
    CutBody,
    /// Status 200 with a login page of HTML; nothing is applied.
    Html,
    /// Applied (a listing is read); status 200 with an empty body.
    Empty,
    /// Applied; status 200 with half of the JSON and a `Content-Length` that fits it.
    TruncatedJson,
    /// Applied; one byte of the answer is no UTF-8.
    InvalidUtf8,
    /// Status 200 with `{"error": {…}}`; nothing is applied.
    ErrorIn200,
    /// The page names itself as the next one.
    RepeatCursor,
    /// 410 for a request with a cursor; others pass.
    ExpiredCursor,
    /// A page without records while more follow.
    EmptyPage,
    /// The page's last record stands on it twice.
    RepeatRecords,
    /// The listing tells this total.
    WrongTotal(u64),
    /// The next page's address is this one.
    ForeignNext(String),
    /// The answer comes so much later.
    Slow { ms: u64 },
    /// 403.
    Forbidden,
    /// In a batch: every item that stands at a multiple of `every` tells `status`, though it was applied.
    BatchPart { every: usize, status: u16 },
    /// The batch's answer lacks its last status.
    BatchShort,
    /// The batch's statuses come in another order.
    BatchShuffled,
}

/// What a 429 says of when to come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    Missing,
    Seconds(u64),
    /// An HTTP date so many seconds after the world's now.
    DateIn(i64),
    /// This text, whatever it is.
    Text(String),
}

/// A line of the script. The first rule that fits a request decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    pub side: Side,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub path_contains: Option<String>,
    /// The id in the path, decoded.
    #[serde(default)]
    pub id: Option<String>,
    /// The first of the fitting requests that meets the fault; 1 is the first of all.
    #[serde(default = "first")]
    pub from: u64,
    /// The last one; none means for ever.
    #[serde(default)]
    pub to: Option<u64>,
    /// The share of those requests that meet it (0.0 to 1.0), by the dice; none means all.
    #[serde(default)]
    pub chance: Option<f64>,
    pub fault: Fault,
}

fn first() -> u64 {
    1
}

impl FaultRule {
    /// A rule for every request of `side`.
    pub fn new(side: Side, fault: Fault) -> Self {
        Self { side, method: None, path_contains: None, id: None, from: 1, to: None, chance: None, fault }
    }

    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    #[must_use]
    pub fn path_contains(mut self, part: &str) -> Self {
        self.path_contains = Some(part.to_owned());
        self
    }

    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// From the `from`-th fitting request to the `to`-th, both included.
    #[must_use]
    pub fn nth(mut self, from: u64, to: u64) -> Self {
        (self.from, self.to) = (from, Some(to));
        self
    }

    /// Of the fitting requests only this share, by the dice.
    #[must_use]
    pub fn chance(mut self, share: f64) -> Self {
        self.chance = Some(share);
        self
    }

    fn fits(&self, asked: &Asked<'_>) -> bool {
        self.side == asked.side
            && self.method.as_deref().is_none_or(|method| method == asked.method.as_str())
            && self.path_contains.as_deref().is_none_or(|part| asked.path.contains(part))
            && self.id.as_deref().is_none_or(|id| asked.id == Some(id))
    }
}

/// How much goes wrong by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    #[default]
    None,
    /// About seven requests of a thousand: enough to see, and things go on.
    Few,
    /// About four requests of a hundred.
    Some,
    /// About twenty of a hundred.
    Many,
}

impl Profile {
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "few" => Some(Self::Few),
            "some" => Some(Self::Some),
            "many" => Some(Self::Many),
            _ => None,
        }
    }

    fn share(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Few => 0.007,
            Self::Some => 0.04,
            Self::Many => 0.20,
        }
    }
}

/// How long a side takes: `base_ms`, and by the dice up to `jitter_ms` more. Half of it passes before a write is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    pub base_ms: u64,
    pub jitter_ms: u64,
}

/// Knobs to be set at once, as `POST /sim/faults` takes them. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultsOrder {
    pub profile: Option<Profile>,
    /// Replaces the script.
    pub rules: Option<Vec<FaultRule>>,
    pub latency: Option<Vec<(Side, Latency)>>,
    /// Replaces the limits: side, part of the path (empty for all), limit.
    pub limits: Option<Vec<(Side, String, RateLimit)>>,
}

/// A fault that a request met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Injected {
    pub side: Side,
    pub method: String,
    pub path: String,
    pub fault: Fault,
}

/// The faults of a world. Cheap to clone.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    /// False as long as nothing can happen, so that a benchmark pays for no lock.
    active: AtomicBool,
    state: Mutex<State>,
}

struct State {
    dice: Rng,
    profile: Profile,
    rules: Vec<(FaultRule, u64)>,
    latency: [Latency; 2],
    limits: Vec<(Side, String, Arc<Bucket>)>,
    injected: VecDeque<Injected>,
    n_injected: u64,
}

/// What is asked, as far as faults look at it.
pub(super) struct Asked<'a> {
    pub side: Side,
    pub method: &'a Method,
    pub path: &'a str,
    pub id: Option<&'a str>,
    pub has_cursor: bool,
    pub is_batch: bool,
}

/// What a request meets.
#[derive(Default)]
pub(super) struct Met {
    pub fault: Option<Fault>,
    pub latency: Duration,
    pub allowance: Option<Allowance>,
}

const INJECTED_MAX: usize = 10_000;

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Inner {
            active: AtomicBool::new(false),
            state: Mutex::new(State {
                dice: Rng::with_seed(seed ^ 0xFA17),
                profile: Profile::None,
                rules: Vec::new(),
                latency: [Latency::default(); 2],
                limits: Vec::new(),
                injected: VecDeque::new(),
                n_injected: 0,
            }),
        }))
    }

    pub fn set_profile(&self, profile: Profile) {
        self.change(|state| state.profile = profile);
    }

    /// Adds a line to the script.
    pub fn add(&self, rule: FaultRule) {
        self.change(|state| state.rules.push((rule, 0)));
    }

    /// Empties the script and sets the profile to none; latency and limits stay.
    pub fn clear(&self) {
        self.change(|state| {
            state.rules.clear();
            state.profile = Profile::None;
        });
    }

    /// Takes the rules away that fit `which`.
    pub fn remove(&self, which: impl Fn(&FaultRule) -> bool) {
        self.change(|state| state.rules.retain(|(rule, _)| !which(rule)));
    }

    pub fn set_latency(&self, side: Side, latency: Latency) {
        self.change(|state| state.latency[side as usize] = latency);
    }

    /// Limits the requests of a side whose path contains `path_contains` (empty for all of them).
    pub fn set_limit(&self, side: Side, path_contains: &str, limit: Option<RateLimit>) {
        self.change(|state| {
            state.limits.retain(|(of, part, _)| *of != side || part != path_contains);
            if let Some(limit) = limit {
                state.limits.push((side, path_contains.to_owned(), Arc::new(Bucket::new(limit))));
            }
        });
    }

    pub fn order(&self, order: FaultsOrder) {
        self.change(|state| {
            if let Some(profile) = order.profile {
                state.profile = profile;
            }
            if let Some(rules) = order.rules {
                state.rules = rules.into_iter().map(|rule| (rule, 0)).collect();
            }
            for (side, latency) in order.latency.unwrap_or_default() {
                state.latency[side as usize] = latency;
            }
            if let Some(limits) = order.limits {
                let bucket = |(side, part, limit)| (side, part, Arc::new(Bucket::new(limit)));
                state.limits = limits.into_iter().map(bucket).collect();
            }
        });
    }

    /// The faults that requests met, oldest first, at most the last 10,000.
    pub fn injected(&self) -> Vec<Injected> {
        self.0.state.lock().injected.iter().cloned().collect()
    }

    pub fn n_injected(&self) -> u64 {
        self.0.state.lock().n_injected
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.state.lock();
        change(&mut state);
        let active = state.profile != Profile::None
            || !state.rules.is_empty()
            || !state.limits.is_empty()
            || state.latency.iter().any(|latency| *latency != Latency::default());
        self.0.active.store(active, Ordering::Release);
    }

    /// Decides what a request meets.
    pub(super) fn meet(&self, asked: &Asked<'_>) -> Met {
        if !self.0.active.load(Ordering::Acquire) {
            return Met::default();
        }
        let mut state = self.0.state.lock();
        let latency = state.latency(asked.side);
        // What the limit refuses never reaches the part of a system where other things go wrong.
        let allowance = state.take(asked);
        if allowance.is_some_and(|allowance| allowance.retry_after.is_some()) {
            return Met { fault: None, latency, allowance };
        }
        let fault = state.scripted(asked).or_else(|| state.thrown(asked));
        if let Some(fault) = &fault {
            state.note(asked, fault);
        }
        Met { fault, latency, allowance }
    }
}

impl State {
    fn latency(&mut self, side: Side) -> Duration {
        let Latency { base_ms, jitter_ms } = self.latency[side as usize];
        let jitter = if jitter_ms == 0 { 0 } else { self.dice.u64(0..=jitter_ms) };
        Duration::from_millis(base_ms + jitter)
    }

    /// Asks every limit that fits; the strictest answer is told.
    fn take(&self, asked: &Asked<'_>) -> Option<Allowance> {
        let fitting =
            self.limits.iter().filter(|(side, part, _)| *side == asked.side && asked.path.contains(part.as_str()));
        fitting.map(|(_, _, bucket)| bucket.take()).min_by_key(|told| (told.retry_after.is_none(), told.remaining))
    }

    fn scripted(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let mut decided = None;
        // Every fitting rule counts the request, so that two rules with ranges do not shift one another.
        for (rule, n_fitted) in self.rules.iter_mut().filter(|(rule, _)| rule.fits(asked)) {
            *n_fitted += 1;
            let is_due = rule.from <= *n_fitted && rule.to.is_none_or(|to| *n_fitted <= to);
            let applies = rule.fault != Fault::ExpiredCursor || asked.has_cursor;
            if is_due && applies && decided.is_none() && rule.chance.is_none_or(|share| self.dice.f64() < share) {
                decided = Some(rule.fault.clone());
            }
        }
        decided
    }

    fn thrown(&mut self, asked: &Asked<'_>) -> Option<Fault> {
        let profile = self.profile;
        if profile == Profile::None || self.dice.f64() >= profile.share() {
            return None;
        }
        let status = |code: u16| Fault::Status {
            code,
            body: format!(r#"{{"error":{{"code":"status_{code}","message":"the service is busy, try again"}}}}"#),
            headers: Vec::new(),
        };
        let fault = match (self.dice.u32(0..100), asked.side) {
            (0..20, _) => status([500, 502, 503, 504][self.dice.usize(0..4)]),
            (20..26, _) => status([408, 425][self.dice.usize(0..2)]),
            (26..34, _) => Fault::Throttled(RetryAfter::Seconds(self.dice.u64(1..4))),
            (34..38, _) => Fault::Throttled(RetryAfter::DateIn(self.dice.i64(1..5))),
            (38..40, _) => Fault::Throttled(RetryAfter::Missing),
            (40..46, _) => Fault::Refused,
            (46..52, _) => Fault::Reset,
            (52..57, _) => Fault::HangBefore,
            (57..65, _) => Fault::HangAfter,
            (65..75, _) => Fault::CutBody,
            (75..80, _) => Fault::Html,
            (80..86, _) => Fault::TruncatedJson,
            (86..90, Side::Source) => Fault::Empty,
            (90..94, Side::Source) => Fault::EmptyPage,
            (94..96, Side::Source) if asked.has_cursor && profile == Profile::Many => Fault::ExpiredCursor,
            (86..92, Side::Destination) if asked.is_batch => {
                Fault::BatchPart { every: self.dice.usize(2..9), status: [429, 500, 503][self.dice.usize(0..3)] }
            }
            (92..95, Side::Destination) if asked.is_batch => Fault::BatchShort,
            (95..98, Side::Destination) if asked.is_batch => Fault::BatchShuffled,
            _ => Fault::Slow { ms: self.dice.u64(20..2_000) },
        };
        Some(fault)
    }

    fn note(&mut self, asked: &Asked<'_>, fault: &Fault) {
        self.n_injected += 1;
        if self.injected.len() >= INJECTED_MAX {
            self.injected.pop_front();
        }
        self.injected.push_back(Injected {
            side: asked.side,
            method: asked.method.to_string(),
            path: asked.path.to_owned(),
            fault: fault.clone(),
        });
    }
}

impl RetryAfter {
    /// The header's text, none where the header is missing.
    pub(super) fn header(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::Missing => None,
            Self::Seconds(seconds) => Some(seconds.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::DateIn(seconds) => {
                let at = Timestamp(now.0.saturating_add(seconds.saturating_mul(1_000)));
                Some(at.to_jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            }
        }
    }
}
