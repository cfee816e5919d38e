//! Who keeps a job's events coming: its subscription made once, renewed, made again when it is gone, ended with the job;
//! and a poll where events stay away.

use super::Engine;
use super::job::JobCell;
use super::limit::{NoPermit, Patience};
use super::lines::Line;
use super::tell::{Teller, span};
use crate::connect::{Fault, FaultKind, Reply, Signals, Subscribed, Subscriptions};
use crate::model::webhook::{Subscribe, Subscription, SubscriptionEnd, SubscriptionStatus};
use crate::model::{Actor, InboxFacts, Level, Serve, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a subscription is looked at, where the source can say whether it is there.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);
/// The longest sleep, so that a clock that was set does not delay anything for long.
const NAP_MAX: Duration = Duration::from_secs(30);
/// Before a request for a subscription that failed is made again, at first and at most.
pub(super) const AGAIN_FIRST: Duration = Duration::from_secs(10);
pub(super) const AGAIN_MAX: Duration = Duration::from_secs(10 * 60);
/// Of its life, how much a subscription has left when it is renewed: a fifth.
const RENEW_AT: u32 = 5;
/// How long keepers may take to end what they are doing.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Why a step did not succeed.
enum Failed {
    Fault(Box<Fault>),
    Store(String),
    Stopping,
}

/// Keeps the events of one job coming.
struct Keeper {
    engine: Arc<Engine>,
    cell: Arc<JobCell>,
    orders: Option<Arc<dyn Subscriptions>>,
    /// The address that events come to, where the configuration tells it.
    url: String,
    now_is: Option<Subscription>,
    failures: u32,
    next_at: Timestamp,
    looked_at: Option<Timestamp>,
}

impl Engine {
    /// Sets going what keeps events coming. The door is open by then, so that no event comes too early.
    pub(super) async fn start_keepers(self: &Arc<Self>, serve: &Serve) -> Result<(), String> {
        let mut stored = self.store.subscriptions().await.map_err(|error| error.to_string())?;
        let mut keepers = self.keepers.lock().await;
        for cell in self.jobs.values() {
            let Some(webhook) = &cell.spec.source.webhook else { continue };
            let link = self.links.get(&cell.spec.source.connection);
            let orders = link.map(|link| crate::connect::subscriptions(&cell.spec, link)).transpose()?.flatten();
            // Without orders of its own, what was ordered before is left over.
            let now_is = orders.is_some().then(|| stored.remove(&cell.spec.id)).flatten();
            let url = format!("{}{}", serve.public_url.as_deref().unwrap_or_default(), webhook.path);
            cell.live().webhook.heard_from.get_or_insert(self.clock.now());
            let (engine, cell) = (self.clone(), cell.clone());
            let (failures, next_at, looked_at) = (0, Timestamp::ZERO, None);
            let keeper = Keeper { engine, cell, orders, url, now_is, failures, next_at, looked_at };
            keepers.spawn(keeper.keep());
        }
        for (job, left) in stored {
            self.end_left(job, left, &mut keepers);
        }
        Ok(())
    }

    /// Waits a moment for what the keepers are doing, and ends them.
    pub(super) async fn end_keepers(&self) {
        let mut keepers = self.keepers.lock().await;
        let ended = async { while keepers.join_next().await.is_some() {} };
        if tokio::time::timeout(END_WITHIN, ended).await.is_err() {
            keepers.shutdown().await;
        }
    }

    /// The silence from which on something is taken to be wrong with a job's events.
    pub(super) fn silence_of(&self, cell: &JobCell, inbox: &InboxFacts) -> Duration {
        let configured = cell.spec.source.webhook.as_ref().and_then(|webhook| webhook.silence);
        configured.unwrap_or_else(|| inbox.usual_silence())
    }
}

impl Keeper {
    async fn keep(mut self) {
        let stopping = self.engine.stopping.clone();
        loop {
            let now = self.engine.clock.now();
            if self.next_at <= now {
                match self.step().await {
                    Ok(next) => (self.failures, self.next_at) = (0, next),
                    Err(Failed::Stopping) => return,
                    Err(failed) => self.failed(failed),
                }
                self.show();
            }
            if !self.cell.spec.enabled && self.now_is.is_none() {
                return;
            }
            self.hear_silence();
            let nap = self.next_at.since(self.engine.clock.now()).clamp(Duration::from_millis(10), NAP_MAX);
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(nap.min(self.until_silent())) => {}
            }
        }
    }

    /// One look at the subscription, and whatever it needs. Returns when to look again.
    async fn step(&mut self) -> Result<Timestamp, Failed> {
        let now = self.engine.clock.now();
        let Some(orders) = self.orders.clone() else { return Ok(now.plus(LOOK_EVERY)) };
        let subscribe = self.cell.spec.source.webhook.as_ref().and_then(|webhook| webhook.subscribe.clone());
        let Some(subscribe) = subscribe else { return Ok(now.plus(LOOK_EVERY)) };
        let order = order_of(&subscribe, &self.url);
        if !self.cell.spec.enabled {
            self.end_it(&*orders, "unsubscribe").await?;
            return Ok(now.plus(LOOK_EVERY));
        }
        let end = self.end_of(&subscribe);
        if let Some(was) = self.now_is.clone().filter(|was| was.id.is_some() && was.order == order && was.end != end) {
            self.save(Some(Subscription { end, ..was }), None).await?;
        }
        match self.now_is.clone() {
            None => self.make(&*orders, &subscribe, order, None).await?,
            Some(was) if was.order != order => {
                // Ordered otherwise: the new one first, so that nothing is missed in between.
                self.make(&*orders, &subscribe, order, was.id).await?;
            }
            Some(Subscription { id: None, .. }) => self.settle(&*orders, &subscribe, order).await?,
            Some(was @ Subscription { id: Some(_), .. }) => self.look(&*orders, &subscribe, order, was).await?,
        }
        Ok(self.next_look(&subscribe))
    }

    /// How the subscription is ended once the configuration does not say it any more. A path that holds a secret is not
    /// kept, because nothing of the state is to hold one.
    fn end_of(&self, subscribe: &Subscribe) -> Option<SubscriptionEnd> {
        let path = subscribe.unsubscribe.clone()?;
        let is_plain = self.engine.masks().mask(&path) == path;
        is_plain.then(|| SubscriptionEnd { connection: self.source().clone(), path })
    }

    /// A subscription whose request may have arrived, though nobody saw the answer.
    async fn settle(&mut self, orders: &dyn Subscriptions, subscribe: &Subscribe, order: u64) -> Result<(), Failed> {
        let found = match self.ask(|| orders.find(&self.url)).await? {
            Some(found) => found,
            // It can not be looked up: a second one is a smaller evil than none, for an event that comes twice counts once.
            None => return self.make(orders, subscribe, order, None).await,
        };
        let Some((kept, others)) = found.split_first() else {
            return self.make(orders, subscribe, order, None).await;
        };
        for other in others {
            self.ask(|| orders.remove(other)).await?;
        }
        let made = Subscribed { id: kept.clone(), expires_at: None };
        self.made(subscribe, order, made, "found again after a start").await
    }

    async fn look(
        &mut self,
        orders: &dyn Subscriptions,
        subscribe: &Subscribe,
        order: u64,
        was: Subscription,
    ) -> Result<(), Failed> {
        let Some(id) = was.id.clone() else { return Ok(()) };
        let now = self.engine.clock.now();
        if renew_at(&was).is_some_and(|at| at <= now) {
            return match self.ask(|| orders.renew(&id, &self.url)).await? {
                Some(Some(renewed)) => self.renewed(subscribe, was, renewed).await,
                Some(None) => self.gone(orders, subscribe, order).await,
                None => self.make(orders, subscribe, order, Some(id)).await,
            };
        }
        self.looked_at = Some(now);
        match self.ask(|| orders.is_there(&id)).await? {
            Some(false) => self.gone(orders, subscribe, order).await,
            Some(true) | None => Ok(()),
        }
    }

    async fn gone(&mut self, orders: &dyn Subscriptions, subscribe: &Subscribe, order: u64) -> Result<(), Failed> {
        let text = format!("the subscription is gone at {}; it is made again", self.cell.spec.source.connection);
        self.teller().tell(Level::Warn, "webhook.subscription_gone", text);
        self.make(orders, subscribe, order, None).await
    }

    /// Orders events. That it is about to be asked for is saved first, so that a crash does not order them twice.
    async fn make(
        &mut self,
        orders: &dyn Subscriptions,
        subscribe: &Subscribe,
        order: u64,
        replaces: Option<String>,
    ) -> Result<(), Failed> {
        let before = self.now_is.clone();
        let intent = Subscription { order, asked_at: self.engine.clock.now(), ..Subscription::default() };
        self.save(Some(intent), None).await?;
        let made = match self.ask(|| async { Some(orders.create(&self.url).await) }).await {
            Ok(Some(made)) => made,
            Ok(None) => return Ok(()),
            Err(Failed::Fault(fault)) => {
                // A clear no leaves nothing behind; anything else is settled before it is tried again.
                if matches!(fault.kind, FaultKind::Record | FaultKind::Fatal | FaultKind::Throttled) {
                    self.save(before.filter(|before| before.id.is_some()), None).await?;
                }
                return Err(Failed::Fault(fault));
            }
            Err(other) => return Err(other),
        };
        self.made(subscribe, order, made, "made").await?;
        if let Some(old) = replaces {
            self.ask(|| orders.remove(&old)).await?;
        }
        Ok(())
    }

    async fn made(&mut self, subscribe: &Subscribe, order: u64, made: Subscribed, how: &str) -> Result<(), Failed> {
        let now = self.engine.clock.now();
        let inbox = self.engine.store.inbox(&self.cell.spec.id);
        let asked_at = self.now_is.as_ref().map_or(now, |intent| intent.asked_at);
        let subscription = Subscription {
            id: Some(made.id.clone()),
            asked_at,
            made_at: Some(now),
            renewed_at: None,
            expires_at: expiry(subscribe, made.expires_at, now),
            order,
            end: self.end_of(subscribe),
        };
        self.save(Some(subscription), Some(("subscribe", made.id.clone()))).await?;
        let text = format!("subscription `{}` to events of {} {how}", made.id, self.cell.spec.source.connection);
        self.teller().tell(Level::Info, "webhook.subscribed", text);
        self.cell.live().webhook.heard_from = Some(now);
        // What happened while nobody told of it.
        self.cell.poll_gap(inbox.last_at.unwrap_or(asked_at).min(asked_at), now);
        Ok(())
    }

    async fn renewed(&mut self, subscribe: &Subscribe, was: Subscription, told: Subscribed) -> Result<(), Failed> {
        let now = self.engine.clock.now();
        let expires_at = expiry(subscribe, told.expires_at, now);
        let id = told.id;
        let renewed = Subscription { id: Some(id.clone()), renewed_at: Some(now), expires_at, ..was };
        self.save(Some(renewed), None).await?;
        self.teller().tell(Level::Info, "webhook.renewed", format!("subscription `{id}` renewed"));
        Ok(())
    }

    /// Ends the subscription of a job that is disabled.
    async fn end_it(&mut self, orders: &dyn Subscriptions, action: &'static str) -> Result<(), Failed> {
        let Some(was) = self.now_is.clone() else { return Ok(()) };
        let ids = match was.id {
            Some(id) => vec![id],
            None => self.ask(|| orders.find(&self.url)).await?.unwrap_or_default(),
        };
        for id in &ids {
            if self.ask(|| orders.remove(id)).await?.is_none() {
                let text =
                    format!("subscription `{id}` stays at {}: no `unsubscribe` says how it is ended", self.source());
                self.teller().tell(Level::Warn, "webhook.unsubscribed", text);
            } else {
                let text = format!("subscription `{id}` ended: the job is disabled");
                self.teller().tell(Level::Info, "webhook.unsubscribed", text);
            }
        }
        self.save(None, Some((action, ids.join(", ")))).await
    }

    /// Saves what is known, and only then believes it.
    async fn save(&mut self, now_is: Option<Subscription>, note: Option<(&'static str, String)>) -> Result<(), Failed> {
        let job = &self.cell.spec.id;
        let note = note.map(|(action, after)| {
            let note = self.engine.note(Actor::engine(), action, job, None);
            crate::store::Note { after: Some(after), ..note }
        });
        let saved = self.engine.store.set_subscription(job, now_is.clone(), note).await;
        saved.map_err(|error| Failed::Store(error.to_string()))?;
        self.now_is = now_is;
        Ok(())
    }

    /// Makes a request through the source's limits. None where the configuration knows no such request.
    async fn ask<T, F>(&self, request: impl Fn() -> F) -> Result<Option<T>, Failed>
    where
        F: Future<Output = Option<Reply<T>>>,
    {
        let abandon: CancellationToken = self.engine.stopping.clone();
        let patience = Patience { abandon, gives_up: false, line: Line::Job(self.cell.spec.id.clone()) };
        let gate = &self.cell.source_gate;
        let permit = match gate.acquire(&patience).await {
            Ok(permit) => permit,
            Err(NoPermit::Abandoned | NoPermit::GaveUp) => return Err(Failed::Stopping),
        };
        let request = &request;
        let asked = || async {
            match request().await {
                Some(reply) => Reply { outcome: reply.outcome.map(Some), signals: reply.signals },
                None => Reply { outcome: Ok(None), signals: Signals::default() },
            }
        };
        let reply = gate.call(asked).await;
        if matches!(reply.outcome, Ok(None)) {
            return Ok(None);
        }
        gate.called(&self.cell.spec.id);
        let event = permit.done(&reply.signals, reply.outcome.as_ref().err());
        self.teller().gate_event(gate, &event);
        reply.outcome.map_err(|fault| Failed::Fault(Box::new(fault)))
    }

    fn failed(&mut self, failed: Failed) {
        let why = match failed {
            Failed::Stopping => return,
            Failed::Store(error) => error,
            Failed::Fault(fault) => match fault.status {
                Some(status) => format!("{} answered {status}: {}", fault.request, fault.message),
                None => fault.message,
            },
        };
        self.failures = self.failures.saturating_add(1);
        let wait = AGAIN_FIRST.saturating_mul(1 << self.failures.saturating_sub(1).min(10)).min(AGAIN_MAX);
        self.next_at = self.engine.clock.now().plus(wait);
        let text = format!("the subscription is not kept: {why}; again in {}", span(wait));
        self.teller().tell(Level::Warn, "webhook.subscription_failed", text);
        let mut live = self.cell.live();
        live.webhook.subscription.get_or_insert_default().error = Some(why);
    }

    /// Makes what is known visible.
    fn show(&self) {
        if self.orders.is_none() {
            return;
        }
        let now_is = self.now_is.clone().unwrap_or_default();
        let mut live = self.cell.live();
        let error = live.webhook.subscription.take().and_then(|before| before.error).filter(|_| self.failures > 0);
        live.webhook.subscription = Some(SubscriptionStatus {
            id: now_is.id,
            made_at: now_is.made_at,
            renewed_at: now_is.renewed_at,
            expires_at: now_is.expires_at,
            error,
            next_at: Some(self.next_at),
        });
        drop(live);
        self.cell.changed();
    }

    fn next_look(&self, subscribe: &Subscribe) -> Timestamp {
        let now = self.engine.clock.now();
        let look = match subscribe.get {
            Some(_) => self.looked_at.unwrap_or(now).plus(LOOK_EVERY),
            None => now.plus(LOOK_EVERY),
        };
        let renew = self.now_is.as_ref().and_then(renew_at);
        renew.map_or(look, |renew| look.min(renew)).max(now.plus(Duration::from_millis(10)))
    }

    /// Polls the source once for each silence that lasts too long.
    fn hear_silence(&self) {
        if !self.cell.spec.enabled {
            return;
        }
        let now = self.engine.clock.now();
        let inbox = self.engine.store.inbox(&self.cell.spec.id);
        let silence = self.engine.silence_of(&self.cell, &inbox);
        let since = {
            let mut live = self.cell.live();
            let since = live.webhook.silent_since(&inbox, silence, now);
            let is_new = since.is_some() && live.webhook.polled_for != since;
            if is_new {
                live.webhook.polled_for = since;
            }
            since.filter(|_| is_new)
        };
        if let Some(since) = since {
            let text = format!("no webhook event for {}: the source is polled", span(now.since(since)));
            self.teller().tell(Level::Warn, "webhook.silent", text);
            self.cell.poll_gap(since, now);
        }
    }

    /// How long it takes until the silence is too long, if nothing comes.
    fn until_silent(&self) -> Duration {
        let inbox = self.engine.store.inbox(&self.cell.spec.id);
        let silence = self.engine.silence_of(&self.cell, &inbox);
        let now = self.engine.clock.now();
        let heard_from = self.cell.live().webhook.heard_from.unwrap_or(now);
        let until = heard_from.max(inbox.last_at.unwrap_or(Timestamp::ZERO)).plus(silence);
        if until <= now { NAP_MAX } else { until.since(now) }
    }

    fn source(&self) -> &crate::model::ConnectionId {
        &self.cell.spec.source.connection
    }

    fn teller(&self) -> Teller {
        Teller::new(self.engine.notices.clone(), self.cell.clone(), None)
    }
}

/// When a subscription ends: as the source says, else as the configuration does.
fn expiry(subscribe: &Subscribe, told: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    told.or_else(|| subscribe.lifetime.map(|lifetime| now.plus(lifetime)))
}

/// When it is renewed: with a fifth of its life left.
fn renew_at(subscription: &Subscription) -> Option<Timestamp> {
    let expires_at = subscription.expires_at?;
    let since = subscription.renewed_at.or(subscription.made_at)?;
    Some(expires_at.minus(expires_at.since(since) / RENEW_AT))
}

/// By which an order of events is known to be another one.
fn order_of(subscribe: &Subscribe, url: &str) -> u64 {
    let create = &subscribe.create;
    let body = create.body.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = format!("{} {}\n{body}\n{url}", create.method.as_str(), create.path);
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}
