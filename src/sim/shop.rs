//! The shop: the system that records are read from, and the hands that change them.

use super::change_log::ChangeLog;
use super::generate::{self, Recipe};
use super::members::{members, text_of};
use crate::model::Clock;
use bytes::Bytes;
use fastrand::Rng;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How a record goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// It stays in the listing with all its fields, `deleted: true` and a new time.
    Tombstone,
    /// As a tombstone, with nothing left but its id, `deleted` and the time.
    BareTombstone,
    /// It is simply no longer there.
    Vanish,
}

/// How a record goes bad, so that a CRM refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoil {
    Phone,
    Email,
    MissingEmail,
    Tier,
}

/// What changes by itself while a listing is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Churn {
    Edit,
    Insert,
    Tombstone,
    Vanish,
    LateCommit,
    /// One of the others, by the dice.
    Any,
}

/// Called with the shop and the collection's name while a listing is paged.
pub type ListingHook = Arc<dyn Fn(&Shop, &str) + Send + Sync>;

/// What changed in the shop.
#[derive(Clone, Debug)]
pub(super) struct ShopEvent {
    pub collection: String,
    pub id: String,
    pub is_new: bool,
    pub is_deleted: bool,
    /// The record as it is now; none where it vanished.
    pub record: Option<Bytes>,
}

impl ShopEvent {
    /// The event as it is sent, `{"id","type","recordId","data"}`.
    pub fn body(&self, delivery: &str) -> Bytes {
        let what = match (self.is_deleted, self.is_new) {
            (true, _) => "deleted",
            (false, true) => "created",
            (false, false) => "updated",
        };
        let (id, record) = (Value::from(delivery), Value::from(self.id.as_str()));
        let data = self.record.as_deref().map_or("null".into(), String::from_utf8_lossy);
        Bytes::from(format!(r#"{{"id":{id},"type":"record.{what}","recordId":{record},"data":{data}}}"#))
    }
}

/// Called with every change.
pub(super) type ChangeHook = Arc<dyn Fn(ShopEvent) + Send + Sync>;

/// The shop. Cheap to clone.
#[derive(Clone)]
pub struct Shop(Arc<Inner>);

struct Inner {
    seed: u64,
    clock: Arc<dyn Clock>,
    collections: RwLock<HashMap<String, Arc<RwLock<Collection>>>>,
    dice: Mutex<Rng>,
    hooks: Mutex<Vec<(u64, ListingHook)>>,
    changes: RwLock<Option<ChangeHook>>,
    listings: AtomicU64,
    cursor_generation: AtomicU64,
    token: RwLock<Option<String>>,
}

/// The records of one collection, by id and by time.
#[derive(Default)]
pub(super) struct Collection {
    pub records: BTreeMap<Arc<str>, Stored>,
    pub by_time: BTreeSet<(i64, Arc<str>)>,
    pub revision: u64,
    pub log: ChangeLog,
    pub counted: Mutex<Option<(i64, u64, u64)>>,
    next_number: u64,
}

pub(super) struct Stored {
    pub body: Bytes,
    /// Microseconds.
    pub at: i64,
    pub deleted: bool,
}

impl Collection {
    fn put(&mut self, id: &str, body: Bytes, at: i64, deleted: bool) {
        self.log.note(id, deleted);
        self.put_untold(id, body, at, deleted);
    }

    fn put_untold(&mut self, id: &str, body: Bytes, at: i64, deleted: bool) {
        self.revision += 1;
        let id: Arc<str> = match self.records.get_key_value(id) {
            Some((id, old)) => {
                let id = id.clone();
                self.by_time.remove(&(old.at, id.clone()));
                id
            }
            None => id.into(),
        };
        self.by_time.insert((at, id.clone()));
        self.records.insert(id, Stored { body, at, deleted });
    }

    fn take(&mut self, id: &str) -> bool {
        let Some((id, stored)) = self.records.remove_entry(id) else {
            return false;
        };
        self.revision += 1;
        self.log.note(&id, true);
        self.by_time.remove(&(stored.at, id))
    }

    /// A live record chosen by `dice`.
    fn any_live(&self, dice: &mut Rng) -> Option<Arc<str>> {
        let n = self.records.len();
        if n == 0 {
            return None;
        }
        let number = dice.u64(1..=self.next_number.max(1));
        // A random number rarely stands exactly in the map, so the next one after it is taken.
        let first = self.records.keys().next()?.clone();
        let prefix: String = first.chars().take(4).collect();
        let from: Arc<str> = format!("{prefix}{number:06}").into();
        let after = self.records.range::<Arc<str>, _>((Bound::Included(&from), Bound::Unbounded));
        after.chain(self.records.iter()).take(n).find(|(_, stored)| !stored.deleted).map(|(id, _)| id.clone())
    }
}

impl Shop {
    pub(super) fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            seed,
            clock,
            collections: RwLock::default(),
            dice: Mutex::new(Rng::with_seed(seed ^ 0x5309)),
            hooks: Mutex::default(),
            changes: RwLock::default(),
            listings: AtomicU64::new(0),
            cursor_generation: AtomicU64::new(1),
            token: RwLock::default(),
        }))
    }

    /// Adds `n` generated records, of which `bad_fraction` carry a mistake of their own.
    pub fn fill(&self, collection: &str, n: u64, bad_fraction: f64) {
        // Whole minutes, so that the records do not depend on how long it took to come here.
        let newest = (self.now() / 60_000_000 - 60) * 60_000_000;
        let held = self.collection_or_new(collection);
        let mut held = held.write();
        for _ in 0..n {
            held.next_number += 1;
            let made = generate::record(Recipe {
                seed: self.0.seed,
                collection,
                number: held.next_number,
                n_records: n,
                newest,
                bad_fraction,
            });
            // What was there from the beginning is no change.
            held.put_untold(&made.id, Bytes::from(made.body), made.at, false);
        }
    }

    /// Takes `body` as the record `id`, as it is. Its time is its member `updated_at`, or now where it has none.
    pub fn insert(&self, collection: &str, id: &str, body: impl Into<Bytes>) {
        let body: Bytes = body.into();
        let found = members(&body, &["updated_at", "deleted"]).unwrap_or_default();
        let at = found[0].and_then(text_of).and_then(|text| micros_of(&text)).unwrap_or_else(|| self.now());
        let deleted = found[1] == Some("true");
        let held = self.collection_or_new(collection);
        let mut held = held.write();
        let is_new = !held.records.contains_key(id);
        held.put(id, body.clone(), at, deleted);
        self.changed(collection, id, is_new, deleted, Some(body));
    }

    /// Calls `hook` with every change from now on, in the order of the changes of one collection.
    pub(super) fn on_change(&self, hook: ChangeHook) {
        *self.0.changes.write() = Some(hook);
    }

    fn changed(&self, collection: &str, id: &str, is_new: bool, is_deleted: bool, record: Option<Bytes>) {
        if let Some(hook) = &*self.0.changes.read() {
            hook(ShopEvent { collection: collection.to_owned(), id: id.to_owned(), is_new, is_deleted, record });
        }
    }

    /// Adds a generated record with the time of now; returns its id.
    pub fn insert_new(&self, collection: &str) -> String {
        self.insert_at(collection, self.now())
    }

    /// Adds a record that looks as if it had been written `behind` the newest one and committed only now.
    pub fn late_commit(&self, collection: &str, behind: Duration) -> String {
        let newest = self
            .read(collection, |held| held.by_time.last().map(|(at, _)| *at))
            .flatten()
            .unwrap_or_else(|| self.now());
        self.insert_at(collection, newest - i64::try_from(behind.as_micros()).unwrap_or(i64::MAX / 2))
    }

    fn insert_at(&self, collection: &str, at: i64) -> String {
        let held = self.collection_or_new(collection);
        let mut held = held.write();
        held.next_number += 1;
        let id = generate::id_of(collection, held.next_number);
        let number = held.next_number;
        let body = generate::body(&mut self.0.dice.lock(), collection, &id, number, at, None);
        let body = Bytes::from(body);
        held.put(&id, body.clone(), at, false);
        self.changed(collection, &id, true, false, Some(body));
        id
    }

    /// Changes a record and gives it the time of now. False when there is none.
    pub fn update(&self, collection: &str, id: &str, change: impl FnOnce(&mut Map<String, Value>)) -> bool {
        let now = self.now();
        self.rewrite(collection, id, |fields| {
            change(fields);
            fields.insert("updated_at".to_owned(), generate::time_text(now).into());
        })
    }

    /// Edits a record a little, as a person would.
    pub fn edit(&self, collection: &str, id: &str) -> bool {
        let n = self.0.dice.lock().u32(0..1_000_000);
        self.update(collection, id, |fields| {
            fields.insert("notes".to_owned(), format!("called on the phone, case {n}").into());
        })
    }

    /// The id of a live record, by the shop's own dice.
    pub fn any_id(&self, collection: &str) -> Option<String> {
        let held = self.collection(collection)?;
        let id = held.read().any_live(&mut self.0.dice.lock());
        id.map(|id| id.to_string())
    }

    pub fn remove(&self, collection: &str, id: &str, removal: Removal) -> bool {
        match removal {
            Removal::Vanish => self.collection(collection).is_some_and(|held| {
                let mut held = held.write();
                let is_gone = held.take(id);
                if is_gone {
                    self.changed(collection, id, false, true, None);
                }
                is_gone
            }),
            Removal::Tombstone => self.update(collection, id, |fields| {
                fields.insert("deleted".to_owned(), true.into());
            }),
            Removal::BareTombstone => self.update(collection, id, |fields| {
                *fields = Map::from_iter([("id".to_owned(), id.into()), ("deleted".to_owned(), true.into())]);
            }),
        }
    }

    /// Makes a record bad and gives it the time of now.
    pub fn spoil(&self, collection: &str, id: &str, spoil: Spoil) -> bool {
        self.update(collection, id, |fields| {
            let (field, value) = match spoil {
                Spoil::Phone => ("phone", Value::from("ask at the desk")),
                Spoil::Email => ("email", Value::from("nobody@@nowhere")),
                Spoil::MissingEmail => ("email", Value::Null),
                Spoil::Tier => ("tier", Value::from("tin")),
            };
            fields.insert(field.to_owned(), value);
        })
    }

    /// Makes a bad record good again and gives it the time of now.
    pub fn mend(&self, collection: &str, id: &str) -> bool {
        self.update(collection, id, |fields| {
            fields.insert("phone".to_owned(), "(415) 555-0123".into());
            fields.insert("email".to_owned(), "mended@example.com".into());
            fields.insert("tier".to_owned(), "gold".into());
        })
    }

    /// Calls `hook` after every `every`-th answered listing page of any collection.
    pub fn on_listing(&self, every: u64, hook: ListingHook) {
        self.0.hooks.lock().push((every.max(1), hook));
    }

    /// Changes something by itself after every `every`-th answered listing page.
    pub fn churn(&self, every: u64, churn: Churn) {
        self.on_listing(every, Arc::new(move |shop, collection| shop.churn_once(collection, churn)));
    }

    pub fn stop_churn(&self) {
        self.0.hooks.lock().clear();
    }

    /// Makes one change of its kind now.
    pub fn churn_once(&self, collection: &str, churn: Churn) {
        let churn = match churn {
            Churn::Any => {
                const ANY: [Churn; 7] = [
                    Churn::Edit,
                    Churn::Edit,
                    Churn::Edit,
                    Churn::Insert,
                    Churn::Insert,
                    Churn::Tombstone,
                    Churn::LateCommit,
                ];
                ANY[self.0.dice.lock().usize(0..ANY.len())]
            }
            other => other,
        };
        match (churn, self.any_id(collection)) {
            (Churn::Edit | Churn::Any, Some(id)) => {
                self.edit(collection, &id);
            }
            (Churn::Tombstone, Some(id)) => {
                self.remove(collection, &id, Removal::Tombstone);
            }
            (Churn::Vanish, Some(id)) => {
                self.remove(collection, &id, Removal::Vanish);
            }
            (Churn::LateCommit, _) => {
                self.late_commit(collection, Duration::from_secs(20));
            }
            (Churn::Insert, _) => {
                self.insert_new(collection);
            }
            (_, None) => {}
        }
    }

    /// Every cursor that was given out so far is answered with 410 from now on.
    pub fn expire_cursors(&self) {
        self.0.cursor_generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets what the change log of a collection has told so far.
    pub fn purge_log(&self, collection: &str) {
        if let Some(held) = self.collection(collection) {
            held.write().log.purge();
        }
    }

    /// Demands `Authorization: Bearer {token}`; None lets everybody in.
    pub fn set_token(&self, token: Option<&str>) {
        *self.0.token.write() = token.map(str::to_owned);
    }

    /// The record as it stands.
    pub fn get(&self, collection: &str, id: &str) -> Option<Bytes> {
        self.read(collection, |held| held.records.get(id).map(|stored| stored.body.clone())).flatten()
    }

    /// All records by id, tombstones too.
    pub fn dump(&self, collection: &str) -> BTreeMap<String, Bytes> {
        let all =
            |held: &Collection| held.records.iter().map(|(id, stored)| (id.to_string(), stored.body.clone())).collect();
        self.read(collection, all).unwrap_or_default()
    }

    /// Ids of the records that are not deleted.
    pub fn live_ids(&self, collection: &str) -> Vec<String> {
        let live = |held: &Collection| {
            held.records.iter().filter(|(_, stored)| !stored.deleted).map(|(id, _)| id.to_string()).collect()
        };
        self.read(collection, live).unwrap_or_default()
    }

    /// The collections' names, in order.
    pub fn collections(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.collections.read().keys().cloned().collect();
        names.sort();
        names
    }

    pub(super) fn read<T>(&self, collection: &str, question: impl FnOnce(&Collection) -> T) -> Option<T> {
        let held = self.collection(collection)?;
        let held = held.read();
        Some(question(&held))
    }

    pub(super) fn cursor_generation(&self) -> u64 {
        self.0.cursor_generation.load(Ordering::Relaxed)
    }

    pub(super) fn admits(&self, authorization: Option<&str>) -> bool {
        match &*self.0.token.read() {
            None => true,
            Some(token) => authorization.and_then(|header| header.strip_prefix("Bearer ")) == Some(token),
        }
    }

    /// Runs the hooks that are due after a listing page.
    pub(super) fn listed(&self, collection: &str) {
        let n = self.0.listings.fetch_add(1, Ordering::Relaxed) + 1;
        let due: Vec<ListingHook> = self
            .0
            .hooks
            .lock()
            .iter()
            .filter(|(every, _)| n.is_multiple_of(*every))
            .map(|(_, hook)| hook.clone())
            .collect();
        for hook in due {
            hook(self, collection);
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.0.clock.now().0 * 1_000
    }

    fn rewrite(&self, collection: &str, id: &str, change: impl FnOnce(&mut Map<String, Value>)) -> bool {
        let Some(held) = self.collection(collection) else {
            return false;
        };
        let mut held = held.write();
        let Some(stored) = held.records.get(id) else {
            return false;
        };
        let Ok(mut fields) = serde_json::from_slice::<Map<String, Value>>(&stored.body) else {
            return false;
        };
        change(&mut fields);
        let time = fields.get("updated_at").and_then(Value::as_str).and_then(micros_of);
        let (at, deleted) = (time.unwrap_or_else(|| self.now()), fields.get("deleted") == Some(&Value::Bool(true)));
        let body = Bytes::from(Value::Object(fields).to_string());
        held.put(id, body.clone(), at, deleted);
        self.changed(collection, id, false, deleted, Some(body));
        true
    }

    fn collection(&self, name: &str) -> Option<Arc<RwLock<Collection>>> {
        self.0.collections.read().get(name).cloned()
    }

    fn collection_or_new(&self, name: &str) -> Arc<RwLock<Collection>> {
        self.0.collections.write().entry(name.to_owned()).or_default().clone()
    }
}

/// A time in microseconds: RFC 3339, or a whole number of seconds since 1970.
pub(super) fn micros_of(text: &str) -> Option<i64> {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(at.as_microsecond()),
        Err(_) => text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000_000)),
    }
}
