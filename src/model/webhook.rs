//! Webhooks: what a job says of the events that a system sends, and how an event becomes a record.

use super::reading::{RecordReader, string_content};
use super::{
    Change, ConnectionId, Item, KeyType, Pointer, RawJson, RecordFields, RecordId, Secret, Timestamp, Version,
    VersionKind,
};
use base64::Engine;
use core::net::SocketAddr;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where events are taken in, for all jobs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    pub listen: SocketAddr,
    /// How the outside reaches it, without a trailing `/`; none where no subscription needs it.
    pub public_url: Option<String>,
    /// The largest event, in bytes.
    pub max_body: u64,
}

impl Default for Serve {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8787)), public_url: None, max_body: 1 << 20 }
    }
}

/// The events that one job takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Begins with `/`. It may hold a secret, so it is masked where it is shown.
    pub path: String,
    pub proof: Proof,
    pub delivery: Delivery,
    /// Where the record stands in an event; none where an event only says which record changed.
    pub record: Option<Pointer>,
    /// Where the id of the event's record stands in the event; empty where only the record itself has it.
    pub id: Vec<Pointer>,
    /// Where the version of the record stands in the event, where the record does not tell it.
    pub version: Option<Pointer>,
    /// Truthy means that the record is gone.
    pub deleted: Option<Pointer>,
    /// Where an event's type stands, and the types that mean that the record is gone.
    pub event: Option<Pointer>,
    pub deletes: Vec<String>,
    /// The source is asked for the record as it is now, whatever the event holds of it.
    pub fetch: bool,
    pub respond: Respond,
    /// Events that may wait; beyond them the sender is told to come back later.
    pub max_waiting: u64,
    /// Without an event for so long something is taken to be wrong; none lets the usual rate decide.
    pub silence: Option<Duration>,
    pub subscribe: Option<Subscribe>,
}

/// The answer to an event that is safely stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Respond {
    pub status: u16,
    pub body: Option<String>,
}

/// How an event proves whom it comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// It need not; the configuration says so with `insecure = true`.
    Nothing,
    Signature {
        scheme: Scheme,
        /// The header with the signature, where the scheme does not name it.
        header: String,
        /// What stands before the signature, such as `sha256=`.
        prefix: String,
        /// Any of them may have signed, so that a secret can be renewed.
        secrets: Vec<Secret>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HMAC-SHA-256 of the body, in hex or base64.
    HmacSha256,
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature` (standardwebhooks.com).
    StandardWebhooks,
    /// `X-Hub-Signature-256`.
    Github,
    /// `Stripe-Signature: t=…,v1=…`.
    Stripe,
}

impl Scheme {
    pub const ALL: [(&'static str, Self); 4] = [
        ("hmac-sha256", Self::HmacSha256),
        ("standard-webhooks", Self::StandardWebhooks),
        ("github", Self::Github),
        ("stripe", Self::Stripe),
    ];

    /// The bytes that a secret stands for; the reason when it stands for none.
    pub fn key(self, secret: &Secret) -> Result<Vec<u8>, &'static str> {
        let text = secret.expose();
        if text.is_empty() {
            return Err("is empty");
        }
        match self {
            Self::StandardWebhooks => {
                let encoded = text.strip_prefix("whsec_").unwrap_or(text);
                let key = base64::engine::general_purpose::STANDARD.decode(encoded);
                key.map_err(|_| "is no base64, as this scheme's secrets are")
            }
            Self::HmacSha256 | Self::Github | Self::Stripe => Ok(text.as_bytes().to_vec()),
        }
    }
}

/// By what two deliveries of one event are known to be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// By nothing: each is processed, and what is unchanged costs no write.
    Unknown,
    Header(String),
    Body(Pointer),
}

/// How events are ordered at the system that sends them.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// Makes the subscription; its templates know `url`.
    pub create: SubscribeCall,
    /// Where the subscription's id stands in the answer.
    pub id: Pointer,
    /// A template that knows `id`; a DELETE of it ends the subscription.
    pub unsubscribe: Option<String>,
    /// A template that knows `id`; a GET of it says whether the subscription is still there.
    pub get: Option<String>,
    /// A listing of all subscriptions, in which one of ours is known by its address.
    pub list: Option<SubscriptionList>,
    /// Where the answer says when the subscription ends.
    pub expires: Option<Pointer>,
    /// How long a subscription lasts, where the answer does not say it.
    pub lifetime: Option<Duration>,
    /// Makes it last longer; its templates know `id` and `url`. None: a new one is made, and then the old one ended.
    pub renew: Option<SubscribeCall>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SubscribeCall {
    pub method: super::Method,
    pub path: String,
    pub body: Option<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionList {
    pub path: String,
    pub records: Pointer,
    pub id: Pointer,
    /// Where a subscription's address stands in it.
    pub url: Pointer,
}

/// A subscription as the state keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// None while it is not known whether the request for it arrived.
    pub id: Option<String>,
    /// When the request was about to be sent.
    pub asked_at: Timestamp,
    /// When the system confirmed it.
    pub made_at: Option<Timestamp>,
    pub renewed_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// A hash of what it was ordered with; another order makes another subscription.
    pub order: u64,
    /// How it is ended when the configuration does not say it any more. None where it never did.
    #[serde(default)]
    pub end: Option<SubscriptionEnd>,
}

/// How a subscription is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionEnd {
    pub connection: ConnectionId,
    /// A template that knows `id`; a DELETE of it ends the subscription.
    pub path: String,
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Later events have greater numbers.
    pub number: u64,
    pub at: Timestamp,
    pub body: bytes::Bytes,
}

/// What is known of a job's inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxFacts {
    /// Events that wait, and their bytes.
    pub waiting: u64,
    pub bytes: u64,
    /// When the oldest of them came.
    pub oldest_at: Option<Timestamp>,
    /// The number of the newest event.
    pub newest: u64,
    /// Since the job has webhooks.
    pub received: u64,
    pub duplicates: u64,
    pub last_at: Option<Timestamp>,
    /// The usual time between two events in milliseconds, the later ones counting more.
    pub usual_gap_ms: Option<u64>,
}

impl InboxFacts {
    /// The longest time between two events that is taken to say anything about the usual.
    const GAP_MAX_MS: u64 = 24 * 3_600_000;

    /// Takes note of an event that came at `at`.
    pub fn heard(&mut self, at: Timestamp) {
        self.received += 1;
        if let Some(last) = self.last_at {
            let gap = u64::try_from(at.since(last).as_millis()).unwrap_or(u64::MAX).min(Self::GAP_MAX_MS);
            self.usual_gap_ms = Some(self.usual_gap_ms.map_or(gap, |usual| (usual * 15 + gap) / 16));
        }
        self.last_at = Some(self.last_at.map_or(at, |last| last.max(at)));
    }

    /// The silence from which on something is taken to be wrong, where nobody configured it: twenty times the usual gap,
    /// between ten minutes and a day; an hour where nothing is usual yet.
    pub fn usual_silence(&self) -> Duration {
        match self.usual_gap_ms {
            None => Duration::from_secs(3_600),
            Some(gap) => Duration::from_millis((gap * 20).clamp(600_000, 86_400_000)),
        }
    }
}

/// A job's webhook, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookStatus {
    /// Masked.
    pub path: String,
    /// Where events are listened for; none while nobody listens.
    pub listening: Option<String>,
    /// Events need no signature.
    pub is_insecure: bool,
    /// How long events are gathered, in milliseconds.
    pub window_ms: u64,
    pub inbox: InboxFacts,
    /// Requests that were refused since this engine started: no or a wrong signature, too large, too slow.
    pub refused: u64,
    /// Events that were sent away because the inbox was full, since this engine started.
    pub turned_away: u64,
    /// The silence from which on something is taken to be wrong, in milliseconds.
    pub silence_ms: u64,
    /// Since when there is such a silence.
    pub silent_since: Option<Timestamp>,
    pub subscription: Option<SubscriptionStatus>,
}

/// A job's subscription, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionStatus {
    pub id: Option<String>,
    pub made_at: Option<Timestamp>,
    pub renewed_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    /// Why it could not be made or renewed.
    pub error: Option<String>,
    /// When that is tried again, or the next look is taken.
    pub next_at: Option<Timestamp>,
}

/// What an event means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The event says it all, or nothing that can be read.
    Item(Item),
    /// The record of this id is to be read from the source; the event is kept in case it can not be.
    Fetch { id: RecordId, event: RawJson },
}

/// Reads events of one job.
#[derive(Clone, Debug)]
pub struct EventReader {
    webhook: Webhook,
    version_kind: Option<VersionKind>,
    record: RecordReader,
    /// Reads the id where the event says it.
    id: Option<RecordReader>,
    can_fetch: bool,
}

/// What of an event that is no JSON is kept, in bytes.
const TEXT_MAX: usize = 64 << 10;

impl EventReader {
    pub fn new(webhook: &Webhook, fields: &RecordFields, can_fetch: bool) -> Self {
        let id = (!webhook.id.is_empty()).then(|| {
            RecordReader::new(&RecordFields {
                id: webhook.id.clone(),
                // Events often write as a text what is an integer in the record.
                key_type: KeyType::Any,
                prefix: fields.prefix.clone(),
                version: None,
                deleted: None,
            })
        });
        Self {
            version_kind: fields.version.as_ref().map(|(_, kind)| kind.clone()),
            record: RecordReader::new(fields),
            id,
            can_fetch,
            webhook: webhook.clone(),
        }
    }

    /// What becomes of an event. Whatever can not be read becomes an unreadable item, so that it ends as a dead letter.
    pub fn read(&self, body: &bytes::Bytes) -> Meaning {
        let unreadable = |reason: &str, body: RawJson| {
            Meaning::Item(Item::Unreadable {
                id: None,
                field: None,
                reason: format!("the event can not be read: {reason}"),
                body,
            })
        };
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let event = match RawJson::parse(body.slice_ref(text)) {
            Ok(event) if std::str::from_utf8(event.bytes()).is_ok() => event,
            Ok(_) => return unreadable("it is not UTF-8", kept_text(body)),
            Err(error) => return unreadable(&format!("it is no JSON ({error})"), kept_text(body)),
        };
        let find = |pointer: Option<&Pointer>| pointer.and_then(|pointer| pointer.find(&event).ok().flatten());
        let record = find(self.webhook.record.as_ref()).filter(|record| record.as_str().starts_with('{'));
        let told_id = self.id.as_ref().map(|reader| reader.read(event.clone()));
        if self.is_delete(&event) {
            return Meaning::Item(self.tombstone(&event, record, told_id));
        }
        if self.webhook.fetch || (record.is_none() && self.can_fetch && told_id.is_some()) {
            let is_told = matches!(told_id, Some(Item::Change(_)));
            let read = match record {
                Some(record) if !is_told => Some(self.record.read(record)),
                _ => told_id,
            };
            return match read {
                Some(Item::Change(change)) => Meaning::Fetch { id: change.id, event },
                Some(Item::Unreadable { field, reason, .. }) => {
                    Meaning::Item(Item::Unreadable { id: None, field, reason: in_event(&reason), body: event })
                }
                None => unreadable("it holds no record", event),
            };
        }
        match (record, &self.webhook.record) {
            (Some(record), _) => Meaning::Item(self.with_version(self.record.read(record), &event)),
            (None, Some(place)) => {
                let place = if place.is_root() { "the event".to_owned() } else { format!("`{place}`") };
                unreadable(&format!("{place} holds no record"), event)
            }
            (None, None) => unreadable("it holds no record", event),
        }
    }

    fn is_delete(&self, event: &RawJson) -> bool {
        let find = |pointer: &Pointer| pointer.find(event).ok().flatten();
        let is_marked = self.webhook.deleted.as_ref().and_then(find);
        if is_marked.is_some_and(|mark| super::reading::is_truthy(mark.as_str())) {
            return true;
        }
        let kind = self.webhook.event.as_ref().and_then(find);
        let kind = kind.as_ref().and_then(|kind| string_content(kind.as_str()));
        kind.is_some_and(|kind| self.webhook.deletes.iter().any(|word| *word == *kind))
    }

    fn tombstone(&self, event: &RawJson, record: Option<RawJson>, told_id: Option<Item>) -> Item {
        let from_record = record.map(|record| self.record.read(record));
        let (id, version, body) = match (told_id, from_record) {
            (Some(Item::Change(told)), Some(Item::Change(record))) => (told.id, record.version, record.body),
            (Some(Item::Change(told)), _) => (told.id, None, event.clone()),
            (_, Some(Item::Change(record))) => (record.id, record.version, record.body),
            (Some(Item::Unreadable { field, reason, .. }), _)
            | (None, Some(Item::Unreadable { field, reason, .. })) => {
                return Item::Unreadable { id: None, field, reason: in_event(&reason), body: event.clone() };
            }
            (None, None) => {
                let reason = "the event can not be read: it does not say which record is gone".to_owned();
                return Item::Unreadable { id: None, field: None, reason, body: event.clone() };
            }
        };
        self.with_version(Item::Change(Change { id, version, deleted: true, body }), event)
    }

    /// Adds the version that the event tells to a record that tells none.
    fn with_version(&self, item: Item, event: &RawJson) -> Item {
        let (Item::Change(change), Some(place), Some(kind)) = (&item, &self.webhook.version, &self.version_kind) else {
            return item;
        };
        if change.version.is_some() {
            return item;
        }
        let found = place.find(event).ok().flatten();
        let version = found.and_then(|found| Version::read(&string_content(found.as_str())?, kind).ok());
        match item {
            Item::Change(change) => Item::Change(Change { version, ..change }),
            other => other,
        }
    }
}

fn in_event(reason: &str) -> String {
    format!("in the event: {reason}")
}

/// The beginning of what is no JSON, as a JSON text.
fn kept_text(body: &[u8]) -> RawJson {
    let text = String::from_utf8_lossy(&body[..body.len().min(TEXT_MAX)]).into_owned();
    RawJson::from_value(&serde_json::Value::String(text))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
