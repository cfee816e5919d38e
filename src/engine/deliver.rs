//! Writing: each write until it has an outcome, batches split until the culprits stand alone.

use super::care::{Care, Heard, Turn, Weighed};
use super::job::JobCell;
use super::limit::{Gate, NoPermit, Patience};
use super::tell::Teller;
use crate::connect::{Destination, Fault, FaultKind, RecordFault, Reply, Signals, Write, Written};
use crate::model::{Attempt, Clock, DestinationId, Intent, RawJson, RunId, backoff};
use crate::store::Store;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Attempts remembered of one delivery; the first ones of a long outage tell nothing more.
const ATTEMPTS_KEPT: usize = 20;

/// How the delivery of one record ended.
#[derive(Debug)]
pub(super) enum WriteEnd {
    Confirmed(Delivered),
    /// This record alone failed.
    Failed {
        fault: Box<Fault>,
        attempts: Vec<Attempt>,
        exhausted: bool,
    },
    /// Whether it was carried out can not be found out.
    Unknown {
        fault: Box<Fault>,
        attempts: Vec<Attempt>,
        /// The fields that were sent, where that was not in this run.
        sent: Option<RawJson>,
    },
    /// Nothing will pass: the run stops.
    Fatal(Box<Fault>),
    /// It was not sent, because the run is being left. The page is read again.
    Abandoned,
    /// The system stayed down for longer than the run waits.
    GaveUp,
}

/// A write that the destination confirmed.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub written: Written,
    pub status: Option<u16>,
    pub took_ms: u32,
    /// What the destination keeps otherwise than it was sent.
    pub altered: Vec<Altered>,
}

/// One field that the destination keeps otherwise than it was sent. Values as people read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Altered {
    pub field: String,
    pub sent: String,
    pub holds: String,
}

/// The end of one record's way.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its place on its page.
    pub index: usize,
    pub end: WriteEnd,
    /// A request that makes the record may have been carried out all the same.
    pub in_doubt: bool,
    /// Its own id at the destination, where that was found out on the way.
    pub learnt: Option<DestinationId>,
}

/// One record on its way.
pub(super) struct Pending {
    /// Its place on its page.
    pub index: usize,
    pub write: Write,
    /// What must be durable before it leaves, where it would make another record each time.
    pub promise: Option<Intent>,
    pub is_promised: bool,
    /// What it takes beyond one request; none where one request is all.
    pub(super) care: Option<Box<Care>>,
    pub(super) attempts: Vec<Attempt>,
    /// Failures while others passed.
    used: u32,
    /// Failures as the only one that tried.
    lone: u32,
    /// The connection's successes when it last failed, or set out.
    seen: Option<u64>,
    /// The sign-in was renewed for its sake: that helps once or not at all.
    is_renewed: bool,
}

impl Pending {
    pub(super) fn new(index: usize, write: Write) -> Self {
        Self {
            index,
            write,
            promise: None,
            is_promised: false,
            care: None,
            attempts: Vec::new(),
            used: 0,
            lone: 0,
            seen: None,
            is_renewed: false,
        }
    }

    pub(super) fn end(self, end: WriteEnd) -> Ended {
        let index = self.index;
        let Some(care) = self.care else { return Ended { index, end, in_doubt: false, learnt: None } };
        match care.delivered {
            // What is confirmed stays so, whatever became of looking at it.
            Some(delivered) => Ended { index, end: WriteEnd::Confirmed(delivered), in_doubt: false, learnt: None },
            None => Ended { index, end, in_doubt: care.in_doubt, learnt: care.learnt },
        }
    }

    pub(super) fn failed(mut self, fault: Fault, exhausted: bool) -> Ended {
        let attempts = std::mem::take(&mut self.attempts);
        self.end(WriteEnd::Failed { fault: Box::new(fault), attempts, exhausted })
    }
}

/// Delivers the writes of one run to its destination.
pub(super) struct Deliverer {
    pub destination: Arc<dyn Destination>,
    pub gate: Arc<Gate>,
    pub patience: Patience,
    /// The run ends after the pages in progress: what would wait for another try is left to the next run.
    pub stop: CancellationToken,
    pub clock: Arc<dyn Clock>,
    pub teller: Teller,
    pub cell: Arc<JobCell>,
    pub store: Store,
    pub run: RunId,
    pub max_attempts: u32,
}

type Ends = Vec<Ended>;

impl Deliverer {
    /// Delivers writes that may go in one request; more than one only where the destination takes batches.
    pub(super) async fn deliver(&self, writes: Vec<Pending>) -> Ends {
        let mut ends = Ends::with_capacity(writes.len());
        let mut groups = VecDeque::from([writes]);
        while let Some(mut group) = groups.pop_front() {
            if let Some(pending) = group.pop_if(|pending| pending.care.is_some()) {
                match self.begin(pending) {
                    Turn::End(ended) => {
                        ends.push(ended);
                        continue;
                    }
                    Turn::Next(pending) => group.push(pending),
                }
            }
            if !self.promise_anew(&mut group).await {
                // The disk is broken, which the next commit tells.
                leave(&mut ends, group, &mut groups, NoPermit::Abandoned);
                break;
            }
            let most = self.cell.batch_most();
            if group.len() > most {
                groups.push_front(group.split_off(most));
            }
            let permit = match self.gate.acquire(&self.patience).await {
                Ok(permit) => permit,
                Err(reason) => {
                    leave(&mut ends, group, &mut groups, reason);
                    break;
                }
            };
            let is_canary = permit.is_canary;
            if is_canary && group.len() > 1 {
                // A canary is small: what it may lose is one record's time.
                groups.push_front(group.split_off(1));
            }
            let successes = self.gate.successes();
            for pending in &mut group {
                pending.seen.get_or_insert(successes);
            }
            self.gate.called(&self.cell.spec.id);
            let refuses = |heard: &Heard| self.refuses(&group, heard);
            let reply = self.gate.call_parts(|| self.send(&group), refuses).await;
            let event = permit.done(&reply.signals, reply.outcome.as_ref().err());
            self.teller.gate_event(&self.gate, &event);
            match reply.outcome {
                Ok(Heard::Found(found)) => {
                    let turns = group.into_iter().map(|pending| self.found(pending, &found)).collect();
                    take_turns(turns, &mut groups, &mut ends);
                }
                Ok(Heard::Standing(standing)) => {
                    let turns =
                        group.into_iter().map(|pending| self.stands(pending, standing.as_ref(), &reply.signals));
                    take_turns(turns.collect(), &mut groups, &mut ends);
                }
                Ok(Heard::Written(mut results)) if group.iter().all(|pending| pending.care.is_some()) => {
                    let written = results.pop();
                    let turns = group.into_iter().zip(written).map(|(pending, written)| match written {
                        Ok(written) => self.wrote(pending, written, &reply.signals),
                        Err(fault) => Turn::End(pending.failed(fault, false)),
                    });
                    take_turns(turns.collect(), &mut groups, &mut ends);
                }
                Ok(Heard::Written(results)) => {
                    let again = self.sort_results(group, results, &reply.signals, &mut ends);
                    if !again.is_empty() {
                        if !self.may_retry(&again, None).await {
                            leave(&mut ends, again, &mut groups, NoPermit::Abandoned);
                            break;
                        }
                        groups.push_front(again);
                    }
                }
                Err(fault) => {
                    if fault.kind == FaultKind::Fatal {
                        ends.extend(group.into_iter().map(|p| p.end(WriteEnd::Fatal(Box::new(fault.clone())))));
                        let rest = groups.drain(..).flatten();
                        ends.extend(rest.map(|p| p.end(WriteEnd::Abandoned)));
                        break;
                    }
                    let left = self.whole_failed(group, fault, &reply.signals, is_canary, &mut groups, &mut ends).await;
                    if let Some(reason) = left {
                        leave(&mut ends, Vec::new(), &mut groups, reason);
                        break;
                    }
                }
            }
        }
        ends
    }

    async fn send(&self, group: &[Pending]) -> Reply<Heard> {
        if self.destination.batch_size() > 1 {
            let writes: Vec<Write> = group.iter().map(|pending| pending.write.clone()).collect();
            let reply = self.destination.write_batch(&writes).await;
            return Reply { outcome: reply.outcome.map(Heard::Written), signals: reply.signals };
        }
        let only = group.first().expect("a group that was made with one write at least");
        if let Some(care) = &only.care {
            return self.ask(only, care).await;
        }
        let reply = self.destination.write(&only.write).await;
        Reply { outcome: reply.outcome.map(|written| Heard::Written(vec![Ok(written)])), signals: reply.signals }
    }

    /// Some of a batch's records are refused for their token, and had no other one yet.
    fn refuses(&self, group: &[Pending], heard: &Heard) -> bool {
        let Heard::Written(results) = heard else { return false };
        let is_refused = |(pending, result): (&Pending, &Result<Written, Fault>)| {
            !pending.is_renewed && result.as_ref().is_err_and(|fault| self.gate.may_sign_in_anew(fault))
        };
        group.iter().zip(results).any(is_refused)
    }

    /// Takes a batch's results apart; returns what must be sent again.
    fn sort_results(
        &self,
        group: Vec<Pending>,
        results: Vec<Result<Written, Fault>>,
        signals: &Signals,
        ends: &mut Ends,
    ) -> Vec<Pending> {
        debug_assert_eq!(group.len(), results.len(), "a connector answers for each write");
        let mut again = Vec::new();
        for (mut pending, result) in group.into_iter().zip(results) {
            match result {
                Ok(written) => {
                    let delivered = Delivered::of(written, signals);
                    ends.push(pending.end(WriteEnd::Confirmed(delivered)));
                }
                Err(fault) => {
                    self.note_attempt(&mut pending, &fault, signals);
                    match fault.kind {
                        FaultKind::Record => ends.push(pending.failed(fault, false)),
                        FaultKind::Fatal if !pending.is_renewed && self.gate.may_sign_in_anew(&fault) => {
                            self.cell.count_retry(fault.kind);
                            pending.is_renewed = true;
                            again.push(pending);
                        }
                        FaultKind::Fatal => ends.push(pending.end(WriteEnd::Fatal(Box::new(fault)))),
                        FaultKind::Throttled => {
                            self.cell.count_retry(fault.kind);
                            again.push(pending);
                        }
                        FaultKind::Transient | FaultKind::Unknown => {
                            self.cell.count_retry(fault.kind);
                            // The batch itself passed, so this is the record's own trouble.
                            pending.used += 1;
                            if pending.used >= self.max_attempts {
                                ends.push(pending.failed(fault, true));
                            } else {
                                again.push(pending);
                            }
                        }
                    }
                }
            }
        }
        again
    }

    /// The whole request failed. Returns why nothing more of these groups is to be sent, if that is so.
    async fn whole_failed(
        &self,
        mut group: Vec<Pending>,
        fault: Fault,
        signals: &Signals,
        is_canary: bool,
        groups: &mut VecDeque<Vec<Pending>>,
        ends: &mut Ends,
    ) -> Option<NoPermit> {
        for pending in &mut group {
            self.note_attempt(pending, &fault, signals);
        }
        if let Some(pending) = group.pop_if(|pending| pending.care.is_some()) {
            match self.weigh(pending, &fault, signals) {
                Weighed::As(Turn::End(ended)) => {
                    ends.push(ended);
                    return None;
                }
                Weighed::As(Turn::Next(pending)) => {
                    groups.push_front(vec![pending]);
                    return None;
                }
                Weighed::Usual(pending) => group.push(pending),
            }
        }
        self.learn_size(&group, &fault);
        match fault.kind {
            FaultKind::Record if group.len() > 1 => {
                // Somebody in here is to blame: halves find out who in a logarithm of requests.
                let second = group.split_off(group.len() / 2);
                groups.push_front(second);
                groups.push_front(group);
            }
            FaultKind::Record | FaultKind::Fatal => {
                ends.extend(group.into_iter().map(|pending| pending.failed(fault.clone(), false)));
            }
            FaultKind::Throttled => {
                self.cell.count_retry(fault.kind);
                groups.push_front(group);
            }
            FaultKind::Transient | FaultKind::Unknown => {
                self.cell.count_retry(fault.kind);
                let (again, is_lone) = self.spend_attempts(group, &fault, is_canary, ends);
                if again.is_empty() {
                    return None;
                }
                if is_lone || !self.may_retry(&again, fault.retry_after).await {
                    groups.push_front(again);
                    return Some(if is_lone { NoPermit::GaveUp } else { NoPermit::Abandoned });
                }
                if again.iter().any(|pending| pending.used >= 2) && again.len() > 1 {
                    // A batch that keeps failing while others pass holds a culprit.
                    groups.extend(again.into_iter().map(|pending| vec![pending]));
                } else {
                    groups.push_front(again);
                }
            }
        }
        None
    }

    /// Uses up attempts only where others passed meanwhile: an outage is not a bad record. Returns what is tried again.
    ///
    /// With a record that fails while nobody else tries, nobody can tell. An answer that blames itself (500), or others
    /// that passed between two of its failures, make it a suspect that is given up on, one in an outage. Else the run ends and reads its page again later, with whatever
    /// changed meanwhile, which then tells (true).
    fn spend_attempts(
        &self,
        group: Vec<Pending>,
        fault: &Fault,
        is_canary: bool,
        ends: &mut Ends,
    ) -> (Vec<Pending>, bool) {
        let successes = self.gate.successes();
        let alone = group.len() == 1;
        let mut is_lone = false;
        let mut again = Vec::with_capacity(group.len());
        for mut pending in group {
            if pending.seen.is_some_and(|seen| successes > seen) {
                pending.used += 1;
            } else if is_canary && alone && self.gate.is_alone() {
                pending.lone += 1;
            }
            pending.seen = Some(successes);
            let waited_long = pending.lone >= self.max_attempts;
            let is_suspect = waited_long && (blames_itself(fault) || pending.used > 0) && self.gate.claim_lone();
            if (pending.used >= self.max_attempts && alone) || is_suspect {
                ends.push(pending.failed(fault.clone(), true));
            } else {
                is_lone |= waited_long;
                again.push(pending);
            }
        }
        (again, is_lone)
    }

    /// What is too large for the destination is not sent in that size again, for as long as this process runs.
    fn learn_size(&self, group: &[Pending], fault: &Fault) {
        if fault.record != Some(RecordFault::TooLarge) || group.len() < 2 {
            return;
        }
        let half = group.len() / 2;
        if self.cell.learn_batch(half) {
            let id = &self.gate.connection.id;
            let text = format!("{id} refused a batch of {} as too large: from now on {half} go at once", group.len());
            self.teller.tell(crate::model::Level::Warn, "batch.learnt", text);
        }
    }

    /// Waits before the next try. False when there is to be none, because the run is being left.
    async fn may_retry(&self, again: &[Pending], told: Option<Duration>) -> bool {
        if self.gate.is_open() {
            // The breaker decides when the next one goes.
            return !self.stop.is_cancelled();
        }
        let rule = &self.gate.connection.retry;
        let attempt = again.iter().map(|pending| pending.attempts.len()).max().unwrap_or(1);
        let own = backoff::delay(rule, u32::try_from(attempt).unwrap_or(u32::MAX), self.gate.dice());
        let wait = told.unwrap_or_default().min(rule.max_retry_after).max(own);
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = self.patience.abandon.cancelled() => false,
            () = self.stop.cancelled() => false,
        }
    }

    fn note_attempt(&self, pending: &mut Pending, fault: &Fault, signals: &Signals) {
        if pending.attempts.len() < ATTEMPTS_KEPT {
            pending.attempts.push(Attempt {
                at: self.clock.now(),
                run: self.run,
                status: fault.status,
                took_ms: took_ms(signals),
                message: fault.message.clone(),
            });
        }
    }
}

impl Delivered {
    pub(super) fn of(written: Written, signals: &Signals) -> Self {
        Self { written, status: signals.status, took_ms: took_ms(signals), altered: Vec::new() }
    }
}

fn take_turns(turns: Vec<Turn>, groups: &mut VecDeque<Vec<Pending>>, ends: &mut Ends) {
    for turn in turns {
        match turn {
            Turn::End(ended) => ends.push(ended),
            Turn::Next(pending) => groups.push_front(vec![pending]),
        }
    }
}

fn took_ms(signals: &Signals) -> u32 {
    u32::try_from(signals.took.as_millis()).unwrap_or(u32::MAX)
}

/// An error that a record's content may have caused inside the system, not one of the system's being away.
fn blames_itself(fault: &Fault) -> bool {
    fault.status.is_some_and(|status| status >= 500 && !matches!(status, 502..=504))
}

fn leave(ends: &mut Ends, group: Vec<Pending>, groups: &mut VecDeque<Vec<Pending>>, reason: NoPermit) {
    for pending in group.into_iter().chain(groups.drain(..).flatten()) {
        let end = match reason {
            NoPermit::Abandoned => WriteEnd::Abandoned,
            NoPermit::GaveUp => WriteEnd::GaveUp,
        };
        ends.push(pending.end(end));
    }
}
