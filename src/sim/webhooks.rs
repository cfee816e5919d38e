//! The shop's webhooks: subscriptions, and signed events that are sent until somebody takes them, with a knob for every
//! way in which events go wrong.

use super::http::json;
use super::shop::ShopEvent;
use crate::connect::http::{Transport, network};
use crate::model::{Clock, RestConnection, Timestamp};
use axum::response::Response;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// What the shop signs its events with.
pub const SECRET: &str = "the-shops-webhook-secret";
/// Events that wait to be sent; the oldest are given up beyond it.
const QUEUE_MAX: usize = 200_000;
/// Before an event that nobody took is sent again.
const AGAIN: Duration = Duration::from_millis(100);
/// How long a taker may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Events on their way at once.
const AT_ONCE: usize = 16;

/// How events go wrong: every so many-th of them; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deliveries {
    /// Sent twice.
    pub duplicate: u64,
    /// Sent after the one that follows it.
    pub swap: u64,
    /// Never sent.
    pub lose: u64,
    /// Sent with a wrong signature first.
    pub missigned: u64,
    /// How long a subscription lasts, in milliseconds; 0 for ever.
    pub lifetime_ms: u64,
}

/// One order of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subscriber {
    pub id: String,
    pub url: String,
    /// The collection whose events are wanted; none wants all.
    pub collection: Option<String>,
    pub expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct NewSubscriber {
    url: String,
    collection: Option<String>,
}

/// The shop's webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    subscribers: Mutex<BTreeMap<String, Subscriber>>,
    knobs: Mutex<Deliveries>,
    queue: Mutex<VecDeque<Envelope>>,
    queued: Notify,
    next_subscriber: AtomicU64,
    next_event: AtomicU64,
    made: AtomicU64,
    taken: AtomicU64,
    is_sending: Mutex<bool>,
}

/// An event on its way.
#[derive(Clone)]
struct Envelope {
    url: String,
    delivery: String,
    body: Bytes,
    is_missigned: bool,
}

impl Webhooks {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            clock,
            subscribers: Mutex::default(),
            knobs: Mutex::default(),
            queue: Mutex::default(),
            queued: Notify::new(),
            next_subscriber: AtomicU64::new(1),
            next_event: AtomicU64::new(1),
            made: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            is_sending: Mutex::new(false),
        }))
    }

    pub fn set(&self, knobs: Deliveries) {
        *self.0.knobs.lock() = knobs;
    }

    pub fn subscribers(&self) -> Vec<Subscriber> {
        let now = self.0.clock.now();
        let mut all = self.0.subscribers.lock();
        all.retain(|_, subscriber| subscriber.expires_at.is_none_or(|at| now < at));
        all.values().cloned().collect()
    }

    /// Forgets every subscription, as a system does that was set up anew.
    pub fn forget(&self) {
        self.0.subscribers.lock().clear();
    }

    /// Subscriptions that were ever made.
    pub fn made(&self) -> u64 {
        self.0.made.load(Ordering::Relaxed)
    }

    /// Events that were taken with a 2xx.
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Events that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.0.queue.lock().len()
    }

    /// What the shop tells of a change, to everybody who wants to know.
    pub(super) fn tell(&self, event: &ShopEvent) {
        let subscribers = self.subscribers();
        let wants =
            |subscriber: &&Subscriber| subscriber.collection.as_ref().is_none_or(|name| *name == event.collection);
        for subscriber in subscribers.iter().filter(wants) {
            let number = self.0.next_event.fetch_add(1, Ordering::Relaxed);
            let knobs = *self.0.knobs.lock();
            let is = |every: u64| every > 0 && number.is_multiple_of(every);
            if is(knobs.lose) {
                continue;
            }
            let delivery = format!("evt_{number}");
            let body = event.body(&delivery);
            let envelope = Envelope { url: subscriber.url.clone(), delivery, body, is_missigned: is(knobs.missigned) };
            let mut queue = self.0.queue.lock();
            if is(knobs.swap) && queue.back().is_some() {
                let at = queue.len() - 1;
                queue.insert(at, envelope.clone());
            } else {
                queue.push_back(envelope.clone());
            }
            if is(knobs.duplicate) {
                queue.push_back(envelope);
            }
            while QUEUE_MAX < queue.len() {
                queue.pop_front();
            }
        }
        self.0.queued.notify_one();
    }

    /// `/api/webhooks…`: orders events, lists the orders, renews and ends them.
    pub(super) fn answer(&self, method: &Method, rest: Option<&str>, body: &Bytes) -> Response {
        let refuse = |status: u16, why: &str| json(status, &json!({ "error": { "message": why } }));
        let (id, action) = match rest.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
            None => (None, ""),
            Some((id, action)) => (Some(id), action),
        };
        let there = |id: &str| self.subscribers().into_iter().find(|subscriber| subscriber.id == id);
        match (method.as_str(), id, action) {
            ("GET", None, _) => json(200, &json!({ "data": self.subscribers() })),
            ("POST", None, _) => match serde_json::from_slice::<NewSubscriber>(body) {
                Ok(new) => json(201, &self.subscribe(new)),
                Err(error) => refuse(400, &error.to_string()),
            },
            ("GET", Some(id), "") => match there(id) {
                Some(subscriber) => json(200, &subscriber),
                None => refuse(404, "there is no such subscription"),
            },
            ("POST", Some(id), "renew") => match self.renew(id) {
                Some(subscriber) => json(200, &subscriber),
                None => refuse(404, "there is no such subscription"),
            },
            ("DELETE", Some(id), "") => match self.0.subscribers.lock().remove(id) {
                Some(_) => json(200, &Value::Null),
                None => refuse(404, "there is no such subscription"),
            },
            _ => refuse(405, "not that way"),
        }
    }

    fn subscribe(&self, new: NewSubscriber) -> Subscriber {
        let number = self.0.next_subscriber.fetch_add(1, Ordering::Relaxed);
        let id = format!("sub_{number}");
        let subscriber =
            Subscriber { id: id.clone(), url: new.url, collection: new.collection, expires_at: self.expiry() };
        self.0.subscribers.lock().insert(id, subscriber.clone());
        self.0.made.fetch_add(1, Ordering::Relaxed);
        self.start_sending();
        subscriber
    }

    fn renew(&self, id: &str) -> Option<Subscriber> {
        let expires_at = self.expiry();
        self.subscribers();
        let mut all = self.0.subscribers.lock();
        let subscriber = all.get_mut(id)?;
        subscriber.expires_at = expires_at;
        Some(subscriber.clone())
    }

    fn expiry(&self) -> Option<Timestamp> {
        let lifetime = self.0.knobs.lock().lifetime_ms;
        (lifetime > 0).then(|| self.0.clock.now().plus(Duration::from_millis(lifetime)))
    }

    /// Sets the senders going with the first subscription. They end with the runtime.
    fn start_sending(&self) {
        let mut is_sending = self.0.is_sending.lock();
        if std::mem::replace(&mut *is_sending, true) {
            return;
        }
        let rest = RestConnection { timeout: TIMEOUT, max_body: 64 << 10, ..RestConnection::new("http://127.0.0.1") };
        // A client for plain HTTP can always be built; without one nothing is sent, which a test sees at once.
        let Ok(transport) = network(&rest) else { return };
        for _ in 0..AT_ONCE {
            let inner = Arc::downgrade(&self.0);
            let transport = transport.clone();
            tokio::spawn(async move {
                while let Some(inner) = inner.upgrade() {
                    let next = inner.queue.lock().pop_front();
                    match next {
                        Some(envelope) => deliver(&inner, &*transport, envelope).await,
                        None => drop(tokio::time::timeout(AGAIN, inner.queued.notified()).await),
                    }
                }
            });
        }
    }
}

/// Sends an event; one that nobody takes goes back to the queue.
async fn deliver(inner: &Inner, transport: &dyn Transport, envelope: Envelope) {
    inner.queued.notify_one();
    if envelope.is_missigned {
        // Whoever takes it took what nobody signed.
        let _ = send(transport, &envelope, "wrong").await;
    }
    match send(transport, &envelope, SECRET).await {
        Some(status) if (200..300).contains(&status) => {
            inner.taken.fetch_add(1, Ordering::Relaxed);
        }
        _ => {
            tokio::time::sleep(AGAIN).await;
            inner.queue.lock().push_back(envelope);
        }
    }
}

async fn send(transport: &dyn Transport, envelope: &Envelope, secret: &str) -> Option<u16> {
    let request = http::Request::post(&envelope.url)
        .header("content-type", "application/json")
        .header("x-shop-delivery", &envelope.delivery)
        .header("x-shop-signature", format!("sha256={}", signature(secret, &envelope.body)))
        .body(envelope.body.clone())
        .ok()?;
    transport.send(request, TIMEOUT, 64 << 10).await.ok().map(|answer| answer.status().as_u16())
}

/// The signature of an event in hex, as the shop makes it.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is one");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
