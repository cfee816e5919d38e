//! The gate of a connection: every request of every job passes it, and only here anything waits.

use super::adapt::Adapt;
use super::breaker::{Breaker, Verdict};
use super::bucket::Bucket;
use super::calls::Calls;
use super::lines::{Line, Lines};
use super::quota::{Left, Quota, used_up};
use super::sign_in::SignIn;
use super::told::Told;

use crate::connect::{Fault, FaultKind, Signals};
use crate::model::{
    AnswerCounts, BudgetStatus, Circuit, Clock, Connection, ConnectionId, ConnectionKind, ConnectionStatus, Hold,
    JobId, KeptQuota, LastOpen, LastThrottled, Limits, LowBudget, Tested, Timestamp, backoff,
};
use crate::store::Store;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Latencies kept for the percentiles.
const LATENCIES: usize = 256;
/// A reservation that could not be saved is tried again after this.
const UNSAVED_WAIT: Duration = Duration::from_secs(5);

/// The limits of one connection, shared by all its jobs: budget, ceiling, throttling, breaker.
pub struct Gate {
    pub(super) connection: Arc<Connection>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: Mutex<State>,
    /// The one whose turn it is waits for the conditions, the others for their turn.
    lines: Lines,
    pub(super) changed: Notify,
    queued: AtomicU32,
    /// None where requests carry what is configured.
    pub(super) sign_in: Option<SignIn>,
    /// Keeps what is used of the quota. None in a test of the gate alone.
    pub(super) store: Option<Store>,
    dice: Mutex<fastrand::Rng>,
}

pub(super) struct State {
    /// A person holds back all calls.
    pub(super) held: Option<Hold>,
    /// A person lets it make fewer calls than it is configured for.
    pub(super) lowered: Option<LowBudget>,
    pub(super) breaker: Breaker,
    pub(super) adapt: Adapt,
    pub(super) bucket: Option<Bucket>,
    pub(super) quota: Option<Quota>,
    pub(super) in_flight: u32,
    pub(super) throttled: Option<Throttled>,
    /// Refusals in a row, for those that do not say how long to wait.
    refusals: u32,
    /// From the system's headers: requests that may still go before the reset.
    pub(super) told: Told,
    successes: u64,
    answers: AnswerCounts,
    calls: Calls,
    last_open: Option<LastOpen>,
    last_throttled: Option<LastThrottled>,
    pub(super) tested: Option<Tested>,
    latencies: [u32; LATENCIES],
    latency_count: usize,
}

/// The system said 429: nothing goes until then.
#[derive(Clone, Copy)]
pub(super) struct Throttled {
    pub(super) since: Instant,
    pub(super) until: Instant,
}

/// The right to make one request. It must be given back by [`Permit::done`]; dropping it gives it back unused.
pub(super) struct Permit<'a> {
    pub(super) gate: &'a Gate,
    pub is_canary: bool,
    pub(super) open: bool,
}

/// Why a permit was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPermit {
    /// The caller's run is being left.
    Abandoned,
    /// The system asked for a longer wait than `max_retry_after`; or it stayed down for as many canaries as the
    /// connection's `attempts`, and the caller does not wait for ever.
    GaveUp,
}

/// How a caller waits.
#[derive(Clone)]
pub(super) struct Patience {
    pub abandon: CancellationToken,
    /// `run --once` ends when a system stays down; a service waits.
    pub gives_up: bool,
    /// In whose name it is.
    pub line: Line,
}

/// What a finished call changed at the gate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GateEvent {
    pub opened: bool,
    /// How long the breaker was open, when this answer closed it.
    pub closed_after: Option<Duration>,
    /// Until when all calls of the connection wait, when this answer said so.
    pub throttled_for: Option<Duration>,
}

enum Next {
    Granted {
        is_canary: bool,
    },
    WaitUntil(Instant),
    WaitForChange,
    /// A part of the quota is to be saved first.
    Reserve(KeptQuota),
    GaveUp,
}

impl Gate {
    pub fn new(connection: Arc<Connection>, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let now = Instant::now();
        Self {
            clock,
            state: Mutex::new(State {
                held: None,
                lowered: None,
                breaker: Breaker::new(connection.retry.clone()),
                adapt: Adapt::new(connection.limits.in_flight),
                bucket: Bucket::new(&connection.limits, now),
                quota: connection.limits.quota.map(Quota::new),
                in_flight: 0,
                throttled: None,
                refusals: 0,
                told: Told::default(),
                successes: 0,
                answers: AnswerCounts::default(),
                calls: Calls::new(),
                last_open: None,
                last_throttled: None,
                tested: None,
                latencies: [0; LATENCIES],
                latency_count: 0,
            }),
            lines: Lines::default(),
            changed: Notify::new(),
            queued: AtomicU32::new(0),
            sign_in: None,
            store: None,
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            connection,
        }
    }

    pub fn id(&self) -> &ConnectionId {
        &self.connection.id
    }

    /// A number from 0 to 1 for jitter.
    pub(super) fn dice(&self) -> f64 {
        self.dice.lock().f64()
    }

    /// Waits for the right to make a request.
    pub(super) async fn acquire(&self, patience: &Patience) -> Result<Permit<'_>, NoPermit> {
        if patience.abandon.is_cancelled() {
            return Err(NoPermit::Abandoned);
        }
        if let Some(_turn) = self.lines.try_take()
            && let Next::Granted { is_canary } = self.next(patience.gives_up)
        {
            return Ok(Permit { gate: self, is_canary, open: true });
        }
        self.queued.fetch_add(1, Ordering::Relaxed);
        let permit = tokio::select! {
            permit = self.wait_for_turn(patience) => permit,
            () = patience.abandon.cancelled() => Err(NoPermit::Abandoned),
        };
        self.queued.fetch_sub(1, Ordering::Relaxed);
        permit
    }

    async fn wait_for_turn(&self, patience: &Patience) -> Result<Permit<'_>, NoPermit> {
        let _turn = self.lines.take(&patience.line).await;
        loop {
            let changed = self.changed.notified();
            match self.next(patience.gives_up) {
                Next::Granted { is_canary } => {
                    return Ok(Permit { gate: self, is_canary, open: true });
                }
                Next::GaveUp => return Err(NoPermit::GaveUp),
                Next::WaitForChange => changed.await,
                Next::Reserve(kept) => {
                    if !self.reserve(kept).await {
                        tokio::time::sleep(UNSAVED_WAIT).await;
                    }
                }
                Next::WaitUntil(at) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
            }
        }
    }

    fn next(&self, gives_up: bool) -> Next {
        let now = Instant::now();
        let mut state = self.state.lock();
        if state.held.is_some() {
            // Who does not wait for ever does not wait for a person.
            return if gives_up { Next::GaveUp } else { Next::WaitForChange };
        }
        let attempts = self.connection.retry.attempts;
        if gives_up && state.breaker.open().is_some_and(|open| open.canaries >= attempts) {
            return Next::GaveUp;
        }
        if let Some(Throttled { until, .. }) = state.throttled {
            if until.saturating_duration_since(now) > self.connection.retry.max_retry_after {
                // Nobody holds pages for so long: the run ends, and the job waits.
                return Next::GaveUp;
            }
            if until > now {
                return Next::WaitUntil(until);
            }
            state.throttled = None;
        }
        let is_canary = match state.breaker.ask(now) {
            Verdict::Go => false,
            Verdict::GoAsCanary => true,
            Verdict::WaitUntil(at) => return Next::WaitUntil(at),
            Verdict::WaitForCanary => return Next::WaitForChange,
        };
        if state.in_flight >= state.adapt.ceiling() {
            return Next::WaitForChange;
        }
        if let Err(at) = state.told.ask(now) {
            return Next::WaitUntil(at);
        }
        if let Some(quota) = &mut state.quota {
            let wall = self.clock.now();
            match quota.left(wall) {
                Left::Some => {}
                Left::Reserve(kept) => return Next::Reserve(kept),
                Left::NoneUntil(at) if gives_up || at.since(wall) > self.connection.retry.max_retry_after => {
                    return Next::GaveUp;
                }
                Left::NoneUntil(at) => return Next::WaitUntil(now + at.since(wall)),
            }
        }
        if let Some(bucket) = &mut state.bucket
            && let Err(at) = bucket.take(now)
        {
            return Next::WaitUntil(at);
        }
        state.told.took();
        if let Some(quota) = &mut state.quota {
            quota.took();
        }
        if is_canary {
            state.breaker.canary_left();
        }
        state.in_flight += 1;
        Next::Granted { is_canary }
    }

    /// Counts a call that is made beside the one whose permit is held: a sign-in, or that one once more. It waits for
    /// nothing, because who holds a permit must not wait for another; those after it wait for longer.
    pub(super) async fn take_beside(&self) {
        let left = self.state.lock().quota.as_mut().map(|quota| quota.left(self.clock.now()));
        if let Some(Left::Reserve(kept)) = left {
            // Where it can not be saved, the count of a crash is one too low.
            self.reserve(kept).await;
        }
        let mut state = self.state.lock();
        if let Some(bucket) = &mut state.bucket {
            bucket.owe(Instant::now());
        }
        state.told.took();
        if let Some(quota) = &mut state.quota {
            quota.took();
        }
    }

    /// Counts what such a call brought.
    pub(super) fn answered_beside(&self, signals: &Signals) {
        let at = self.clock.now();
        count_answer(&mut self.state.lock(), signals, at);
    }

    /// Names a job that uses the connection.
    pub(super) fn uses(&self, job: &JobId) {
        self.state.lock().calls.uses(job);
    }

    /// Counts a call in the name of a job.
    pub(super) fn called(&self, job: &JobId) {
        let now = self.clock.now();
        self.state.lock().calls.called(job, now);
    }

    /// Successes on this connection so far: what tells one record's trouble from the system's.
    pub(super) fn successes(&self) -> u64 {
        self.state.lock().successes
    }

    /// True when nothing else uses or waits for this connection.
    pub(super) fn is_alone(&self) -> bool {
        self.state.lock().in_flight == 0 && self.queued.load(Ordering::Relaxed) == 0
    }

    /// Claims the one record of an outage that may be given up on although nothing else passed either.
    pub(super) fn claim_lone(&self) -> bool {
        self.state.lock().breaker.claim_lone()
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.lock().breaker.open().is_some()
    }

    /// What the connection waits for now, in words, since and until when.
    pub(super) fn waiting_for(&self) -> Option<(String, Timestamp, Option<Timestamp>)> {
        let now = Instant::now();
        let wall = self.clock.now();
        let id = &self.connection.id;
        let mut state = self.state.lock();
        if let Some(held) = &state.held {
            let why = held.reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default();
            return Some((format!("connection {id} held by {}{why}", held.by), held.since, None));
        }
        if let Some(open) = state.breaker.open() {
            let since = wall.minus(now.saturating_duration_since(open.since));
            let next = wall.plus(open.next.saturating_duration_since(now));
            return Some((format!("{id} is down ({})", open.why), since, Some(next)));
        }
        if let Some(Throttled { since, until }) = state.throttled.filter(|throttled| throttled.until > now) {
            let since = wall.minus(now.saturating_duration_since(since));
            return Some((format!("{id} asked to wait (429)"), since, Some(wall.plus(until - now))));
        }
        if let Some(quota) = &mut state.quota
            && let Left::NoneUntil(at) = quota.left(wall)
        {
            let per = quota.status(wall).per;
            return Some((used_up(id, per), wall, Some(at)));
        }
        let until = state.told.used_up_until(now)?;
        Some((format!("{id} rate budget is used up"), wall, Some(wall.plus(until - now))))
    }

    /// How long nothing may go, when that is longer than a run waits: the system said so, or the quota is used up.
    pub(super) fn long_wait(&self) -> Option<Duration> {
        self.long_throttle().max(self.long_quota())
    }

    fn long_quota(&self) -> Option<Duration> {
        let wall = self.clock.now();
        let Left::NoneUntil(at) = self.state.lock().quota.as_mut()?.left(wall) else { return None };
        Some(at.since(wall)).filter(|left| *left > self.connection.retry.max_retry_after)
    }

    /// How long the system asked to be left alone, when that is longer than a run waits.
    pub(super) fn long_throttle(&self) -> Option<Duration> {
        let until = self.state.lock().throttled?.until;
        let left = until.saturating_duration_since(Instant::now());
        (left > self.connection.retry.max_retry_after).then_some(left)
    }

    /// A person wants to know whether the system still asks for a long wait: the next request goes.
    pub(super) fn forgive(&self) {
        if self.long_throttle().is_some() {
            self.state.lock().throttled = None;
            self.changed.notify_waiters();
        }
    }

    /// The most requests in flight at present.
    pub(super) fn ceiling(&self) -> usize {
        self.state.lock().adapt.ceiling() as usize
    }

    pub(super) fn limited_by_ceiling(&self) -> bool {
        let state = self.state.lock();
        state.in_flight >= state.adapt.ceiling()
    }

    /// The connection as the console shows it.
    pub fn status(&self) -> ConnectionStatus {
        let now = Instant::now();
        let wall = self.clock.now();
        let mut state = self.state.lock();
        let (history, users) = state.calls.told(wall);
        let (latency_p50, latency_p95) = percentiles(&state);
        let circuit = match state.breaker.open() {
            None => Circuit::Closed,
            Some(open) => Circuit::Open {
                since: wall.minus(now.saturating_duration_since(open.since)),
                next: wall.plus(open.next.saturating_duration_since(now)),
                why: open.why.clone(),
            },
        };
        let budget = match (state.told.left(now), &state.bucket) {
            (Some((remaining, limit, reset)), _) => Some(BudgetStatus {
                remaining,
                limit,
                resets_at: Some(wall.plus(reset - now)),
                source: "headers".to_owned(),
                rule: None,
            }),
            (_, Some(bucket)) => Some(BudgetStatus {
                remaining: u64::from(bucket.tokens(now)),
                limit: Some(u64::from(bucket.size())),
                resets_at: Some(wall.plus(bucket.full_at(now) - now)),
                source: "configuration".to_owned(),
                rule: rule(&self.connection.limits, state.lowered.as_ref()),
            }),
            _ => None,
        };
        ConnectionStatus {
            id: self.connection.id.clone(),
            held: state.held.clone(),
            lowered: state.lowered.clone(),
            sign_in: match &self.connection.kind {
                ConnectionKind::Rest(rest) => rest.sign_in_words(),
            },
            insecure_tls: match &self.connection.kind {
                ConnectionKind::Rest(rest) => rest.insecure_tls,
            },
            circuit,
            is_trying: state.breaker.open().is_some_and(|open| open.canary_out),
            last_open: state.last_open.clone(),
            in_flight: state.in_flight,
            ceiling: state.adapt.ceiling(),
            queued: self.queued.load(Ordering::Relaxed),
            budget,
            latency_p50,
            latency_p95,
            answers: state.answers,
            history,
            users,
            last_throttled: state.last_throttled,
            tested: state.tested.clone(),
            quota: state.quota.as_mut().map(|quota| quota.status(wall)),
            token: self.sign_in.as_ref().map(SignIn::status),
            throttled_until: state.throttled.filter(|told| told.until > now).map(|told| wall.plus(told.until - now)),
        }
    }
}

/// The budget in force, in words.
fn rule(configured: &Limits, lowered: Option<&LowBudget>) -> Option<String> {
    if let Some(lowered) = lowered {
        return Some(lowered.budget.to_string());
    }
    let per = crate::model::written_duration(configured.per);
    configured.requests.map(|requests| format!("{requests} calls in {per}"))
}

fn percentiles(state: &State) -> (Option<u32>, Option<u32>) {
    let mut latencies = state.latencies[..state.latency_count.min(LATENCIES)].to_vec();
    if latencies.is_empty() {
        return (None, None);
    }
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() - 1) * share / 100];
    (Some(at(50)), Some(at(95)))
}

impl Permit<'_> {
    /// Gives the permit back with what the request brought.
    pub(super) fn done(mut self, signals: &Signals, fault: Option<&Fault>) -> GateEvent {
        self.open = false;
        let gate = self.gate;
        let now = Instant::now();
        let dice = gate.dice();
        let mut state = gate.state.lock();
        let in_flight = state.in_flight;
        state.in_flight -= 1;
        let wall = gate.clock.now();
        count_answer(&mut state, signals, wall);
        let was_open = state.breaker.open().map(|open| (open.since, open.why.clone()));
        let mut event = GateEvent::default();
        match fault {
            None => {
                state.successes += 1;
                state.refusals = 0;
                state.adapt.answered(signals.took, in_flight);
                event.closed_after = state.breaker.succeeded(now, self.is_canary);
            }
            Some(fault) => match fault.kind {
                // The system answered and works: only this record, or these credentials, do not pass.
                FaultKind::Record | FaultKind::Fatal => {
                    state.adapt.answered(signals.took, in_flight);
                    event.closed_after = state.breaker.succeeded(now, self.is_canary);
                }
                FaultKind::Throttled => {
                    let retry_after_ms =
                        fault.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                    state.last_throttled = Some(LastThrottled { at: wall, retry_after_ms });
                    state.told.refused();
                    state.adapt.refused(in_flight);
                    event.closed_after = state.breaker.succeeded(now, self.is_canary);
                    let rule = &gate.connection.retry;
                    let until = match state.throttled.filter(|throttled| throttled.until > now) {
                        // Requests that were out together are refused together: that is one refusal.
                        Some(before) if fault.retry_after.is_none() => before.until,
                        _ => {
                            state.refusals = state.refusals.saturating_add(1);
                            let own = || backoff::delay(rule, state.refusals, 0.5 + dice / 2.0);
                            now + fault.retry_after.unwrap_or_else(own)
                        }
                    };
                    if state.throttled.is_none_or(|before| before.until < until) {
                        let since = state.throttled.filter(|before| before.until > now).map_or(now, |old| old.since);
                        state.throttled = Some(Throttled { since, until });
                        event.throttled_for = Some(until - now);
                    }
                }
                FaultKind::Transient | FaultKind::Unknown => {
                    state.told.lost_count();
                    event.opened = state.breaker.failed(now, &fault.message, self.is_canary, fault.retry_after, dice);
                }
            },
        }
        if let Some((since, why)) = was_open.filter(|_| event.closed_after.is_some()) {
            state.last_open = Some(LastOpen { since: wall.minus(now.duration_since(since)), until: wall, why });
        }
        let in_flight = state.in_flight;
        if let Some(budget) = signals.budget
            && let Some(reset) = budget.reset
        {
            match &state.bucket {
                None => state.told.heard(&budget, reset, in_flight, now),
                // What is configured paces us; that it is used up counts where that lasts longer than our own bucket knows.
                Some(bucket) if budget.remaining == 0 && reset > bucket.time_to_fill() => {
                    state.told.tell(&budget, reset, in_flight, now);
                }
                Some(_) => {}
            }
        }
        drop(state);
        gate.changed.notify_waiters();
        event
    }
}

fn count_answer(state: &mut State, signals: &Signals, at: Timestamp) {
    let took_ms = u32::try_from(signals.took.as_millis()).unwrap_or(u32::MAX);
    state.answers.count(signals.status);
    state.calls.answered(signals.status, took_ms, at);
    if signals.status.is_some() {
        let place = state.latency_count % LATENCIES;
        state.latencies[place] = took_ms;
        state.latency_count += 1;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let mut state = self.gate.state.lock();
        state.in_flight -= 1;
        if self.is_canary {
            state.breaker.canary_lost();
        }
        drop(state);
        self.gate.changed.notify_waiters();
    }
}
