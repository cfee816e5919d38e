//! What a person does to a connection by hand: hold it back, let it go, reset its circuit, try it.

use super::Engine;
use super::limit::{Gate, Permit};
use super::orders::{OrderError, Ordered};
use super::quota::{Left, used_up};
use super::tell::{About, span};
use crate::connect::{self, FaultKind, Link, Reply};
use crate::model::{Actor, ConnectionId, Hold, Job, Level, Tested, Timestamp};
use crate::store::Note;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a person's test waits for its turn.
const TEST_WAIT_MAX: Duration = Duration::from_secs(5);

impl Gate {
    /// Holds back all calls, also the one that tries whether a system is back; or lets them go.
    pub(super) fn hold(&self, hold: Option<Hold>) {
        self.state.lock().held = hold;
        self.changed.notify_waiters();
    }

    pub(super) fn held(&self) -> Option<Hold> {
        self.state.lock().held.clone()
    }

    /// What helps who could not wait for the connection.
    pub(super) fn mend(&self) -> Option<String> {
        Some(match self.held() {
            Some(_) => format!("syncdeck connection release {}", self.id()),
            None => "when it answers again, run the job again: it goes on from its checkpoint".to_owned(),
        })
    }

    /// Forgets that the system was down. Returns whether it was taken to be.
    fn reset(&self) -> bool {
        let was_open = self.state.lock().breaker.reset();
        self.changed.notify_waiters();
        was_open
    }

    /// The right to make one call for a person who wants to know now: it does not queue, and where the system is down it
    /// is the canary, whether or not that is due. What the system asked for is kept. The reason, where it can not go.
    async fn acquire_test(&self) -> Result<Permit<'_>, String> {
        let until = Instant::now() + TEST_WAIT_MAX;
        loop {
            let changed = self.changed.notified();
            let wake = match self.next_test()? {
                Ok(is_canary) => return Ok(Permit { gate: self, is_canary, open: true }),
                Err(at) => at.unwrap_or(until).min(until),
            };
            if until <= Instant::now() {
                return Err(format!("`{}` has no room for one more call now; try again", self.id()));
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Whether a test may go now, and as what; when to ask again, where that is soon.
    fn next_test(&self) -> Result<Result<bool, Option<Instant>>, String> {
        let now = Instant::now();
        let id = self.id();
        let mut state = self.state.lock();
        if let Some(held) = &state.held {
            return Err(format!("`{id}` is held by {}: no call goes, not even a test", held.by));
        }
        if let Some(throttled) = state.throttled.filter(|throttled| throttled.until > now) {
            return Err(format!("`{id}` asked to be left alone for {} more (429)", span(throttled.until - now)));
        }
        let is_canary = match state.breaker.open() {
            Some(open) if open.canary_out => {
                return Err(format!("a call is out that tries `{id}`; its answer comes soon"));
            }
            open => open.is_some(),
        };
        if state.in_flight >= state.adapt.ceiling() {
            return Ok(Err(None));
        }
        if let Err(at) = state.told.ask(now) {
            return Ok(Err(Some(at)));
        }
        if let Some(quota) = &mut state.quota {
            let wall = self.clock.now();
            // One call is counted with the next that are reserved.
            if let Left::NoneUntil(at) = quota.left(wall) {
                let per = quota.status(wall).per;
                return Err(format!("{}; it is back in {}", used_up(id, per), span(at.since(wall))));
            }
        }
        if let Some(bucket) = &mut state.bucket
            && let Err(at) = bucket.take(now)
        {
            return Ok(Err(Some(at)));
        }
        state.told.took();
        if let Some(quota) = &mut state.quota {
            quota.took();
        }
        if is_canary {
            state.breaker.canary_left();
        }
        state.in_flight += 1;
        Ok(Ok(is_canary))
    }
}

impl Engine {
    pub(super) fn gate(&self, connection: &ConnectionId) -> Result<&Arc<Gate>, OrderError> {
        self.gates.get(connection).ok_or_else(|| OrderError::NoSuchConnection(connection.clone()))
    }

    /// The connections of the configuration, in its order.
    pub fn connection_ids(&self) -> impl Iterator<Item = &ConnectionId> {
        self.gates.keys()
    }

    /// Holds back all calls of a connection: those in flight are finished, the jobs on it wait. It outlives restarts.
    pub async fn hold(
        &self,
        connection: &ConnectionId,
        reason: Option<String>,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let gate = self.gate(connection)?;
        let _turn = self.hands_turn.lock().await;
        let at = self.clock.now();
        if let Some(held) = gate.held() {
            let text = format!("nothing to do: `{connection}` is held already, by {} since {}", held.by, held.since);
            return Ok(Ordered { text, changed: 0, at });
        }
        let hold = Hold { by: by.clone(), since: at, reason: reason.clone() };
        let note = self.hand_note(by, "hold", at, connection, reason, ["calls go through", "held"]);
        self.store.set_hold(connection, Some(hold.clone()), note).await?;
        gate.hold(Some(hold));
        self.tell_hand(connection, format!("{connection} held by {by}: its jobs wait"));
        let in_flight = match gate.status().in_flight {
            0 => String::new(),
            n => format!("; {n} in flight are finished"),
        };
        Ok(Ordered {
            text: format!("held {connection}: its jobs wait until it is released{in_flight}"),
            changed: 1,
            at,
        })
    }

    /// Lets the calls of a connection go again.
    pub async fn release(&self, connection: &ConnectionId, by: &Actor) -> Result<Ordered, OrderError> {
        let gate = self.gate(connection)?;
        let _turn = self.hands_turn.lock().await;
        let at = self.clock.now();
        let Some(held) = gate.held() else {
            return Ok(Ordered { text: format!("nothing to do: `{connection}` is not held"), changed: 0, at });
        };
        let note = self.hand_note(by, "release", at, connection, None, ["held", "calls go through"]);
        self.store.set_hold(connection, None, note).await?;
        gate.hold(None);
        self.tell_hand(connection, format!("{connection} released by {by}"));
        let text = format!("released {connection}, which {} held for {}", held.by, span(at.since(held.since)));
        Ok(Ordered { text, changed: 1, at })
    }

    /// Forgets that a connection's system was down: the calls that wait go at once.
    pub async fn reset_circuit(&self, connection: &ConnectionId, by: &Actor) -> Result<Ordered, OrderError> {
        let gate = self.gate(connection)?;
        let _turn = self.hands_turn.lock().await;
        let at = self.clock.now();
        if !gate.is_open() {
            let text = format!("nothing to do: the circuit of `{connection}` is closed");
            return Ok(Ordered { text, changed: 0, at });
        }
        self.store.note(self.hand_note(by, "reset", at, connection, None, ["circuit open", "circuit closed"])).await?;
        gate.reset();
        self.tell_hand(connection, format!("circuit of {connection} reset by {by}"));
        let text = format!("reset the circuit of {connection}: the calls that waited go now");
        Ok(Ordered { text, changed: 1, at })
    }

    /// Makes one call that changes nothing at the system: the first page of a job that reads from it, else its base
    /// address. Where the system was taken to be down and answers, its circuit closes.
    pub async fn test_connection(&self, connection: &ConnectionId, by: &Actor) -> Result<Tested, OrderError> {
        let gate = self.gate(connection)?;
        let link = self.links.get(connection).ok_or_else(|| OrderError::NoSuchConnection(connection.clone()))?;
        let permit = gate.acquire_test().await.map_err(OrderError::Refused)?;
        let reader = self.jobs.values().find(|cell| cell.spec.source.connection == *connection);
        let Reply { outcome: tried, signals } = gate.call(|| try_link(link, reader.map(|cell| &cell.spec))).await;
        let event = permit.done(&signals, tried.as_ref().err());
        let (is_ok, text, hint) = match tried {
            Ok(text) => (true, text, None),
            Err(fault) => {
                let status = fault.status.map(|status| format!("{status} ")).unwrap_or_default();
                (
                    fault.kind == FaultKind::Throttled,
                    format!("{}: {status}{}", fault.request, fault.message),
                    fault.hint,
                )
            }
        };
        let tested = Tested {
            connection: connection.clone(),
            at: self.clock.now(),
            by: by.clone(),
            is_ok,
            status: signals.status,
            took_ms: u32::try_from(signals.took.as_millis()).unwrap_or(u32::MAX),
            text,
            hint,
        };
        gate.state.lock().tested = Some(tested.clone());
        let back = event.closed_after.map(|after| format!("; it was down for {}", span(after))).unwrap_or_default();
        let word = if is_ok { "answers" } else { "does not pass the test" };
        self.tell_hand(connection, format!("{connection} {word}, tested by {by}: {}{back}", tested.text));
        Ok(tested)
    }

    pub(super) fn hand_note(
        &self,
        by: &Actor,
        action: &str,
        at: Timestamp,
        connection: &ConnectionId,
        reason: Option<String>,
        [before, after]: [&str; 2],
    ) -> Note {
        Note {
            at,
            by: by.clone(),
            action: action.to_owned(),
            job: None,
            reason,
            before: Some(format!("{connection}: {before}")),
            after: Some(format!("{connection}: {after}")),
        }
    }

    pub(super) fn tell_hand(&self, connection: &ConnectionId, text: String) {
        let about = About { connection: Some(connection.clone()), ..About::default() };
        self.notices.tell(Level::Info, "order", text, about);
        self.told.notify_one();
    }
}

/// One harmless call, told in a sentence.
async fn try_link(link: &Link, reader: Option<&Job>) -> Reply<String> {
    match reader {
        Some(job) => {
            let Reply { outcome, signals } = connect::probe(link, job).await;
            let told = outcome.map(|page| {
                let records = if page.items.len() == 1 { "record" } else { "records" };
                format!("`{}` read its first page, {} {records}", job.id, page.items.len())
            });
            Reply { outcome: told, signals }
        }
        None => {
            let Reply { outcome, signals } = connect::reach(link).await;
            let told = |status| format!("answers ({status}); it is only written to, so nothing was read");
            Reply { outcome: outcome.map(told), signals }
        }
    }
}
