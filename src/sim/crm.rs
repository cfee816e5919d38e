//! The CRM: the system that records are written to, and the witness of every write.

use super::audit::{CollectionAudit, Violation, ViolationKind};
use super::members::member;
use super::rules::{Demands, Facts, Rules};
use super::shop::micros_of;
use bytes::Bytes;
use indexmap::IndexMap;
use parking_lot::{Mutex, RwLock};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

/// The CRM. Cheap to clone.
#[derive(Clone)]
pub struct Crm(Arc<Inner>);

struct Inner {
    collections: RwLock<HashMap<String, Arc<Table>>>,
    token: RwLock<Option<String>>,
    history_max: usize,
}

type Quick = BuildHasherDefault<Xxh3>;

const SHARDS: usize = 64;
/// Idempotency keys that each shard remembers; the oldest are forgotten first.
const KEYS_MAX: usize = 8_192;
/// How the ids begin that the CRM makes.
const MADE_ID: &str = "rec_";
const VIOLATIONS_MAX: usize = 1_000;

/// One collection, in shards with a short lock each.
pub(super) struct Table {
    name: String,
    demands: RwLock<Arc<Demands>>,
    shards: Vec<Mutex<Shard>>,
    keys: Vec<Mutex<Keys>>,
    /// Records made by POST, by what they are known as outside.
    external: Mutex<HashMap<String, Vec<String>>>,
    next_id: AtomicU64,
    history_max: usize,
    pub counted: Counted,
    pub violations: Mutex<Vec<Violation>>,
}

/// What happened to a collection, counted.
#[derive(Default)]
pub(super) struct Counted {
    pub applied: AtomicU64,
    pub rewrites: AtomicU64,
    pub refused: AtomicU64,
    pub replays: AtomicU64,
    pub duplicates: AtomicU64,
    pub overlaps: AtomicU64,
    pub stale_overwrites: AtomicU64,
    pub key_reuses: AtomicU64,
}

#[derive(Default)]
struct Shard {
    records: HashMap<Box<str>, Entry, Quick>,
    in_flight: HashMap<Box<str>, u32, Quick>,
}

/// One record, and what was done to it.
#[derive(Default)]
struct Entry {
    body: Bytes,
    live: bool,
    /// Grows with every applied write.
    version: u64,
    /// The greatest time that a body of it told; microseconds, or an integer version.
    newest: Option<i64>,
    history: Vec<Bytes>,
}

#[derive(Default)]
struct Keys {
    answers: HashMap<u128, Remembered>,
    order: VecDeque<u128>,
}

struct Remembered {
    content: u64,
    answer: Answer,
}

/// What the CRM answers to one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    pub etag: Option<u64>,
    /// None of a write that was carried out: who asks renders id and etag as it needs them.
    pub body: Option<Bytes>,
    /// The id that the CRM made, of a create.
    pub made: Option<String>,
}

/// A write of one record.
pub(super) struct Order<'a> {
    pub kind: OrderKind,
    pub id: &'a str,
    pub body: &'a [u8],
    pub key: Option<&'a str>,
    pub if_match: Option<&'a str>,
    /// What the body says, where it was looked through already.
    pub facts: Option<Facts<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderKind {
    Put,
    Patch,
    Delete,
    /// POST without an id: the CRM makes one.
    Create,
}

/// Writes of these records are in flight until this is dropped.
pub(super) struct InFlight {
    table: Arc<Table>,
    ids: Vec<String>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        for id in &self.ids {
            let mut shard = self.table.shard(id).lock();
            if let Some(n) = shard.in_flight.get_mut(id.as_str()) {
                *n -= 1;
                if *n == 0 {
                    shard.in_flight.remove(id.as_str());
                }
            }
        }
    }
}

impl Answer {
    pub fn error(status: u16, code: &str, message: &str, field: &str) -> Self {
        let mut error = serde_json::json!({ "code": code, "message": message });
        if !field.is_empty() {
            error["field"] = field.into();
        }
        Self {
            status,
            etag: None,
            body: Some(Bytes::from(serde_json::json!({ "error": error }).to_string())),
            made: None,
        }
    }

    pub fn is_success(&self) -> bool {
        self.status < 300
    }

    fn done(status: u16, version: u64) -> Self {
        Self { status, etag: Some(version), body: None, made: None }
    }

    /// An answer with this body.
    pub fn with_body(status: u16, body: Bytes) -> Self {
        Self { status, etag: None, body: Some(body), made: None }
    }

    /// The body as it goes out: of a write of `id` `{"id", "etag"}`, of a delete nothing.
    pub fn into_body(self, id: &str) -> Bytes {
        if let Some(body) = self.body {
            return body;
        }
        let Some(etag) = self.etag else {
            return Bytes::new();
        };
        let id = self.made.as_deref().unwrap_or(id);
        let mut body = Vec::with_capacity(id.len() + 32);
        body.extend_from_slice(b"{\"id\":");
        push_text(&mut body, id);
        body.extend_from_slice(format!(",\"etag\":\"{etag}\"}}").as_bytes());
        Bytes::from(body)
    }
}

impl Crm {
    pub(super) fn new(history_max: usize) -> Self {
        Self(Arc::new(Inner { collections: RwLock::default(), token: RwLock::default(), history_max }))
    }

    /// Demands `Authorization: Bearer {token}`; None lets everybody in.
    pub fn set_token(&self, token: Option<&str>) {
        *self.0.token.write() = token.map(str::to_owned);
    }

    /// Replaces the rules of a collection.
    pub fn set_rules(&self, collection: &str, rules: Rules) {
        *self.table(collection).demands.write() = Arc::new(Demands::new(rules));
    }

    /// The rules of a collection as they are.
    pub fn rules(&self, collection: &str) -> Rules {
        self.table(collection).demands().rules.clone()
    }

    /// The live record as it was written last.
    pub fn get(&self, collection: &str, id: &str) -> Option<Bytes> {
        let table = self.table_known(collection)?;
        let shard = table.shard(id).lock();
        shard.records.get(id).filter(|entry| entry.live).map(|entry| entry.body.clone())
    }

    /// All live records by id.
    pub fn dump(&self, collection: &str) -> BTreeMap<String, Bytes> {
        let mut all = BTreeMap::new();
        if let Some(table) = self.table_known(collection) {
            table.each(|id, entry| {
                if entry.live {
                    all.insert(id.to_owned(), entry.body.clone());
                }
            });
        }
        all
    }

    /// How many live records there are.
    pub fn count(&self, collection: &str) -> u64 {
        let mut n = 0;
        if let Some(table) = self.table_known(collection) {
            table.each(|_, entry| n += u64::from(entry.live));
        }
        n
    }

    /// How often a record was written, deletes included, replays not.
    pub fn applied(&self, collection: &str, id: &str) -> u64 {
        let Some(table) = self.table_known(collection) else {
            return 0;
        };
        let shard = table.shard(id).lock();
        shard.records.get(id).map_or(0, |entry| entry.version)
    }

    /// The bodies that a record took, oldest first, a delete as an empty one; the last ones where there were too many.
    pub fn history(&self, collection: &str, id: &str) -> Vec<Bytes> {
        let Some(table) = self.table_known(collection) else {
            return Vec::new();
        };
        let shard = table.shard(id).lock();
        shard.records.get(id).map(|entry| entry.history.clone()).unwrap_or_default()
    }

    /// Removes a record behind everybody's back, as another user of the CRM would.
    pub fn lose(&self, collection: &str, id: &str) -> bool {
        let Some(table) = self.table_known(collection) else {
            return false;
        };
        for ids in table.external.lock().values_mut() {
            ids.retain(|known| known != id);
        }
        table.shard(id).lock().records.remove(id).is_some()
    }

    /// The id that the CRM made for what is known outside as `external_id`, the newest where there are several.
    pub fn id_of(&self, collection: &str, external_id: &str) -> Option<String> {
        let table = self.table_known(collection)?;
        let external = table.external.lock();
        external.get(external_id).and_then(|ids| ids.last().cloned())
    }

    /// Makes a record behind everybody's back.
    pub fn make(&self, collection: &str, body: &str) -> bool {
        let table = self.table(collection);
        let order =
            Order { kind: OrderKind::Create, id: "", body: body.as_bytes(), key: None, if_match: None, facts: None };
        table.write(&order, &table.demands()).is_success()
    }

    /// Changes a record behind everybody's back: its version moves on.
    pub fn overwrite(&self, collection: &str, id: &str, body: impl Into<Bytes>) -> bool {
        let Some(table) = self.table_known(collection) else {
            return false;
        };
        let mut shard = table.shard(id).lock();
        let Some(entry) = shard.records.get_mut(id) else {
            return false;
        };
        entry.body = body.into();
        entry.version += 1;
        true
    }

    /// The collections' names, in order.
    pub fn collections(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.collections.read().keys().cloned().collect();
        names.sort();
        names
    }

    /// What the oracle found in one collection.
    pub fn audit(&self, collection: &str) -> CollectionAudit {
        let Some(table) = self.table_known(collection) else {
            return CollectionAudit::default();
        };
        let counted = &table.counted;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (mut live, mut most) = (0, 0);
        table.each(|_, entry| {
            live += u64::from(entry.live);
            most = most.max(entry.version);
        });
        CollectionAudit {
            records: live,
            applied: read(&counted.applied),
            rewrites: read(&counted.rewrites),
            most_writes_of_one: most,
            refused: read(&counted.refused),
            replays: read(&counted.replays),
            duplicates: read(&counted.duplicates),
            overlaps: read(&counted.overlaps),
            stale_overwrites: read(&counted.stale_overwrites),
            key_reuses: read(&counted.key_reuses),
        }
    }

    pub(super) fn violations(&self) -> Vec<Violation> {
        let names = self.collections();
        let tables = names.iter().filter_map(|name| self.table_known(name));
        tables.flat_map(|table| table.violations.lock().clone()).collect()
    }

    pub(super) fn admits(&self, authorization: Option<&str>) -> bool {
        match &*self.0.token.read() {
            None => true,
            Some(token) => authorization.and_then(|header| header.strip_prefix("Bearer ")) == Some(token),
        }
    }

    pub(super) fn table_known(&self, name: &str) -> Option<Arc<Table>> {
        self.0.collections.read().get(name).cloned()
    }

    pub(super) fn table(&self, name: &str) -> Arc<Table> {
        if let Some(table) = self.table_known(name) {
            return table;
        }
        let new = || Arc::new(Table::new(name, self.0.history_max));
        self.0.collections.write().entry(name.to_owned()).or_insert_with(new).clone()
    }
}

impl Table {
    fn new(name: &str, history_max: usize) -> Self {
        Self {
            name: name.to_owned(),
            demands: RwLock::new(Arc::new(Demands::new(Rules::of(name)))),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            keys: (0..SHARDS).map(|_| Mutex::default()).collect(),
            external: Mutex::default(),
            next_id: AtomicU64::new(1),
            history_max,
            counted: Counted::default(),
            violations: Mutex::default(),
        }
    }

    pub fn demands(&self) -> Arc<Demands> {
        self.demands.read().clone()
    }

    fn shard(&self, id: &str) -> &Mutex<Shard> {
        &self.shards[xxh3_64(id.as_bytes()) as usize % SHARDS]
    }

    fn each(&self, mut look: impl FnMut(&str, &Entry)) {
        for shard in &self.shards {
            for (id, entry) in &shard.lock().records {
                look(id, entry);
            }
        }
    }

    /// Notes that writes of `ids` began; a second one of the same id is a violation.
    pub fn begin(self: &Arc<Self>, ids: Vec<String>) -> InFlight {
        for id in &ids {
            let mut shard = self.shard(id).lock();
            let n = shard.in_flight.entry(id.as_str().into()).or_insert(0);
            *n += 1;
            let overlaps = 1 < *n;
            drop(shard);
            if overlaps {
                self.counted.overlaps.fetch_add(1, Ordering::Relaxed);
                self.note(ViolationKind::Overlap, id, "two writes of it were in flight at once".to_owned());
            }
        }
        InFlight { table: self.clone(), ids }
    }

    /// Carries out one write, or gives the remembered answer of its key.
    pub fn write(&self, order: &Order<'_>, demands: &Demands) -> Answer {
        let answer = match order.key {
            None => self.apply(order, demands),
            Some(key) => self.apply_once(key, order, demands),
        };
        if !answer.is_success() {
            self.counted.refused.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    fn apply_once(&self, key: &str, order: &Order<'_>, demands: &Demands) -> Answer {
        let key = xxh3_128(key.as_bytes());
        let content = xxh3_64(order.body) ^ xxh3_64(order.id.as_bytes()).rotate_left(1) ^ order.kind as u64;
        // Held over the write: a second request with the key waits for the first one's answer.
        let mut keys = self.keys[key as usize % SHARDS].lock();
        if let Some(remembered) = keys.answers.get(&key) {
            if remembered.content == content {
                self.counted.replays.fetch_add(1, Ordering::Relaxed);
                return remembered.answer.clone();
            }
            self.counted.key_reuses.fetch_add(1, Ordering::Relaxed);
            self.note(ViolationKind::KeyReused, order.id, "its idempotency key was used for other content".to_owned());
            let message = "this idempotency key was used for another request";
            return Answer::error(422, "idempotency_key_reused", message, "");
        }
        let answer = self.apply(order, demands);
        if answer.is_success() {
            if KEYS_MAX <= keys.order.len()
                && let Some(oldest) = keys.order.pop_front()
            {
                keys.answers.remove(&oldest);
            }
            keys.order.push_back(key);
            keys.answers.insert(key, Remembered { content, answer: answer.clone() });
        }
        answer
    }

    fn apply(&self, order: &Order<'_>, demands: &Demands) -> Answer {
        if order.kind == OrderKind::Delete {
            return self.delete(order);
        }
        if demands.rules.id_max < order.id.chars().count() {
            return Answer::error(400, "invalid_id", "the id is too long", "id");
        }
        let read;
        let facts = match &order.facts {
            Some(facts) => facts,
            None => match demands.read(order.body) {
                Err(problem) => return Answer::error(400, "invalid_json", &problem, ""),
                Ok(facts) => {
                    read = facts;
                    &read
                }
            },
        };
        if order.kind == OrderKind::Patch {
            return self.patch(order, demands);
        }
        if let Err(refused) = demands.check(facts) {
            return Answer::error(422, &refused.code, &refused.message, &refused.field);
        }
        // Copied, because what came from the network is a slice of a larger buffer that must not be kept.
        let body = shortened(&demands.rules, Bytes::copy_from_slice(order.body));
        let newness = demands.version(facts).and_then(|text| newness_of(&text));
        if order.kind == OrderKind::Create {
            return self.create(body, newness, demands.external_id(facts).as_deref());
        }
        self.put(order, body, newness)
    }

    fn put(&self, order: &Order<'_>, body: Bytes, newness: Option<i64>) -> Answer {
        let mut shard = self.shard(order.id).lock();
        // Nobody chooses an id that the CRM makes.
        if order.id.starts_with(MADE_ID) && shard.records.get(order.id).is_none_or(|entry| !entry.live) {
            return gone(&self.name, order.id);
        }
        if let Err(conflict) = matches(shard.records.get(order.id), order.if_match) {
            return conflict;
        }
        let (status, version) = match self.store(&mut shard, order.id, body, newness) {
            (true, version) => (201, version),
            (false, version) => (200, version),
        };
        Answer::done(status, version)
    }

    fn patch(&self, order: &Order<'_>, demands: &Demands) -> Answer {
        let mut shard = self.shard(order.id).lock();
        let Some(entry) = shard.records.get(order.id).filter(|entry| entry.live) else {
            return gone(&self.name, order.id);
        };
        if let Err(conflict) = matches(Some(entry), order.if_match) {
            return conflict;
        }
        let Some(body) = merged(&entry.body, order.body) else {
            return Answer::error(400, "invalid_json", "the body can not be merged", "");
        };
        let facts = match demands.read(&body) {
            Ok(facts) => facts,
            Err(problem) => return Answer::error(400, "invalid_json", &problem, ""),
        };
        if let Err(refused) = demands.check(&facts) {
            return Answer::error(422, &refused.code, &refused.message, &refused.field);
        }
        let newness = demands.version(&facts).and_then(|text| newness_of(&text));
        let (_, version) = self.store(&mut shard, order.id, body.clone(), newness);
        Answer::done(200, version)
    }

    fn delete(&self, order: &Order<'_>) -> Answer {
        let mut shard = self.shard(order.id).lock();
        let Some(entry) = shard.records.get_mut(order.id).filter(|entry| entry.live) else {
            return gone(&self.name, order.id);
        };
        if let Err(conflict) = matches(Some(entry), order.if_match) {
            return conflict;
        }
        entry.live = false;
        entry.version += 1;
        self.keep(entry, Bytes::new());
        drop(shard);
        self.counted.applied.fetch_add(1, Ordering::Relaxed);
        // Only records whose id was made here are known by an external one.
        if order.id.starts_with(MADE_ID) {
            let mut external = self.external.lock();
            external.values_mut().for_each(|ids| ids.retain(|id| id != order.id));
        }
        Answer::with_body(204, Bytes::new())
    }

    fn create(&self, body: Bytes, newness: Option<i64>, known_as: Option<&str>) -> Answer {
        let id = format!("{MADE_ID}{:08}", self.next_id.fetch_add(1, Ordering::Relaxed));
        if let Some(known_as) = known_as {
            let mut external = self.external.lock();
            let ids = external.entry(known_as.to_owned()).or_default();
            ids.push(id.clone());
            if 1 < ids.len() {
                self.counted.duplicates.fetch_add(1, Ordering::Relaxed);
                let detail = format!("it was created {} times: {ids:?}", ids.len());
                self.note(ViolationKind::Duplicate, known_as, detail);
            }
        }
        let (_, version) = self.store(&mut self.shard(&id).lock(), &id, body, newness);
        Answer { made: Some(id), ..Answer::done(201, version) }
    }

    /// Puts a body in its place, under the shard's lock, and looks at what that did.
    /// Returns whether the record is new, and its version.
    fn store(&self, shard: &mut Shard, id: &str, body: Bytes, newness: Option<i64>) -> (bool, u64) {
        self.counted.applied.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = shard.records.get_mut(id) else {
            let mut entry = Entry { body: body.clone(), live: true, version: 1, newest: newness, history: Vec::new() };
            self.keep(&mut entry, body);
            shard.records.insert(id.into(), entry);
            return (true, 1);
        };
        if let (Some(new), Some(old)) = (newness, entry.newest)
            && new < old
        {
            self.counted.stale_overwrites.fetch_add(1, Ordering::Relaxed);
            let detail = format!("version {new} was written over {old}");
            self.note(ViolationKind::StaleOverwrite, id, detail);
        }
        let is_new = !entry.live;
        if entry.live && entry.body == body {
            self.counted.rewrites.fetch_add(1, Ordering::Relaxed);
        }
        entry.newest = entry.newest.max(newness);
        entry.live = true;
        entry.version += 1;
        self.keep(entry, body.clone());
        entry.body = body;
        (is_new, entry.version)
    }

    fn keep(&self, entry: &mut Entry, body: Bytes) {
        if self.history_max == 0 {
            return;
        }
        if self.history_max <= entry.history.len() {
            entry.history.remove(0);
        }
        entry.history.push(body);
    }

    fn note(&self, kind: ViolationKind, id: &str, detail: String) {
        let mut violations = self.violations.lock();
        if violations.len() < VIOLATIONS_MAX {
            violations.push(Violation { kind, collection: self.name.clone(), id: id.to_owned(), detail });
        }
    }

    /// The record and its version, for GET.
    pub fn one(&self, id: &str) -> Answer {
        let shard = self.shard(id).lock();
        match shard.records.get(id).filter(|entry| entry.live) {
            None => gone(&self.name, id),
            Some(entry) => Answer { etag: Some(entry.version), ..Answer::with_body(200, with_id(id, &entry.body)) },
        }
    }

    /// Live records in order of id, those after `after`, at most `limit`; of one external id where it is given.
    /// Returns them and the id after which the next page begins.
    pub fn list(&self, after: &str, limit: usize, external_id: Option<&str>) -> (Vec<Bytes>, Option<String>) {
        let mut found: Vec<(String, Bytes)> = Vec::new();
        if let Some(external_id) = external_id {
            let ids = self.external.lock().get(external_id).cloned().unwrap_or_default();
            for id in ids {
                if let Some(entry) = self.shard(&id).lock().records.get(id.as_str()).filter(|entry| entry.live) {
                    found.push((id.clone(), entry.body.clone()));
                }
            }
        } else {
            self.each(|id, entry| {
                if entry.live && after < id {
                    found.push((id.to_owned(), entry.body.clone()));
                }
            });
            found.sort();
        }
        let next = (limit < found.len()).then(|| found[limit - 1].0.clone());
        found.truncate(limit);
        (found.iter().map(|(id, body)| with_id(id, body)).collect(), next)
    }
}

fn matches(entry: Option<&Entry>, if_match: Option<&str>) -> Result<(), Answer> {
    let Some(wanted) = if_match.map(|text| text.trim_start_matches("W/").trim_matches('"')) else {
        return Ok(());
    };
    let stands = entry.filter(|entry| entry.live).map(|entry| entry.version);
    let is_met = if wanted == "*" { stands.is_some() } else { stands.is_some_and(|v| v.to_string() == wanted) };
    if is_met {
        return Ok(());
    }
    Err(Answer { etag: stands, ..Answer::error(412, "version_conflict", "the record has another version by now", "") })
}

fn gone(collection: &str, id: &str) -> Answer {
    Answer::error(404, "not_found", &format!("there is no `{id}` in {collection}"), "")
}

/// The members of `change` over those of `body`, each as it was written.
fn merged(body: &[u8], change: &[u8]) -> Option<Bytes> {
    let mut fields: IndexMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    let change: IndexMap<String, Box<RawValue>> = serde_json::from_slice(change).ok()?;
    fields.extend(change);
    serde_json::to_vec(&fields).ok().map(Bytes::from)
}

/// A body with the field cut that the rules cut without a word.
fn shortened(rules: &Rules, body: Bytes) -> Bytes {
    let Some((field, most)) = &rules.shortens else { return body };
    let Ok(mut fields) = serde_json::from_slice::<IndexMap<String, Box<RawValue>>>(&body) else { return body };
    let short = fields.get(field).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let short = short.map(|text| text.chars().take(*most).collect::<String>());
    let Some(Ok(raw)) = short.map(|text| serde_json::value::to_raw_value(&text)) else { return body };
    fields.insert(field.clone(), raw);
    serde_json::to_vec(&fields).map_or(body, Bytes::from)
}

/// How new a version is: a time in microseconds, or an integer.
fn newness_of(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().or_else(|| micros_of(text))
}

/// The record with its id in it, where it has none of its own.
fn with_id(id: &str, body: &Bytes) -> Bytes {
    if !body.starts_with(b"{") {
        return body.clone();
    }
    if member(body, "id").is_some() {
        // An id of the CRM's own stands over whatever somebody wrote there.
        let own = id.starts_with(MADE_ID).then(|| serde_json::json!({ "id": id }).to_string());
        return own.and_then(|own| merged(body, own.as_bytes())).unwrap_or_else(|| body.clone());
    }
    let mut text = Vec::with_capacity(body.len() + id.len() + 10);
    text.extend_from_slice(b"{\"id\":");
    push_text(&mut text, id);
    let rest = body[1..].trim_ascii_start();
    if !rest.starts_with(b"}") {
        text.push(b',');
    }
    text.extend_from_slice(rest);
    Bytes::from(text)
}

fn push_text(into: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(into, text).expect("writing to memory can not fail");
}
