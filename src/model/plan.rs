//! What is to be done about each record of a page: a pure decision on values.

use super::mapping::{Filter, Mapping, changed_fields, fingerprint};
use super::{
    Change, DeadLetter, DeletePolicy, Fingerprint, Item, JobId, LetterPlace, Link, Pointer, RawJson, Reason,
    ReasonClass, RecordId, SkipReason, Version,
};
use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What of a job decides about its records.
pub struct PlanRules<'a> {
    pub job: &'a JobId,
    pub mapping: &'a Mapping,
    pub filter: Option<&'a Filter>,
    pub delete: DeletePolicy,
    pub soft_delete: Option<&'a Map<String, Value>>,
    pub changed_fields_only: bool,
    /// A record that stands in the dead-letter queue is not sent again unchanged after so many attempts.
    pub max_attempts: u32,
    /// A person asked for it: what is in the dead-letter queue is sent whatever its attempts.
    pub is_retry: bool,
    /// An earlier run may have left writes whose end it never saw. A record that went back to what was last confirmed is
    /// sent all the same where its version says that it was something else in between.
    pub is_in_doubt: bool,
}

/// What a plan must know of the dead letter that a record's link names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedLetter {
    pub place: LetterPlace,
    /// Of the record that failed.
    pub version: Option<Version>,
    /// Attempts ended without an answer that says no: the destination may have taken one of them all the same.
    pub may_have_arrived: bool,
}

impl MarkedLetter {
    pub fn of(letter: &DeadLetter) -> Self {
        Self {
            place: letter.state.place(),
            version: letter.version.clone(),
            may_have_arrived: letter.reason.class == ReasonClass::Exhausted,
        }
    }
}

/// What is asked of the engine for one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Write(PlannedWrite),
    Skip(SkipReason),
    /// It can not be read or mapped: a dead letter without a request.
    Reject(Reason),
    /// It stands in the dead-letter queue with this very content: it is counted as errored and left there.
    StillDead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteKind {
    Create,
    Update,
    /// The destination's record is flagged as gone.
    SoftDelete,
    Delete,
}

/// One write, as planned.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedWrite {
    pub kind: WriteKind,
    /// All mapped fields, remembered when the write is confirmed.
    pub fields: RawJson,
    /// The fields to send: all of them, or those that changed.
    pub send: RawJson,
    pub fingerprint: Fingerprint,
    pub idempotency_key: String,
}

/// Marks the items that a newer one of the same id on the same page makes superfluous.
///
/// The greatest version counts; of equal versions (or none) the one that stands last, as it was read last.
pub fn superseded(items: &[Item]) -> Vec<bool> {
    let mut newest: HashMap<&RecordId, usize> = HashMap::with_capacity(items.len());
    let mut superseded = vec![false; items.len()];
    for (index, item) in items.iter().enumerate() {
        let Item::Change(change) = item else { continue };
        let Some(&before) = newest.get(&change.id) else {
            newest.insert(&change.id, index);
            continue;
        };
        let Item::Change(other) = &items[before] else {
            continue;
        };
        if other.version > change.version {
            superseded[index] = true;
        } else {
            superseded[before] = true;
            newest.insert(&change.id, index);
        }
    }
    superseded
}

/// Decides about one item. `dead` is the letter that its link names, if it names one.
pub fn plan(item: &Item, link: Option<&Link>, dead: Option<&MarkedLetter>, rules: &PlanRules<'_>) -> Step {
    match item {
        Item::Unreadable { field, reason, .. } => Step::Reject(Reason {
            class: ReasonClass::Unreadable,
            status: None,
            field: field.clone(),
            message: reason.clone(),
            answer: None,
        }),
        Item::Change(change) if change.deleted => plan_delete(change, link, dead, rules),
        Item::Change(change) => plan_upsert(change, link, dead, rules),
    }
}

fn is_stale(change: &Change, link: Option<&Link>) -> bool {
    match (&change.version, link.and_then(|link| link.version.as_ref())) {
        (Some(new), Some(written)) => new < written,
        _ => false,
    }
}

/// What is to be done about a record that stands in the dead-letter queue with this very content; none where it is tried.
fn stands_dead(
    change: &Change,
    link: Option<&Link>,
    dead: Option<&MarkedLetter>,
    rules: &PlanRules<'_>,
) -> Option<Step> {
    let mark = link.and_then(|link| link.dead.as_ref())?;
    if rules.is_retry || mark.content != fingerprint(&change.body) {
        return None;
    }
    match dead?.place {
        // A person decided that this content is not sent; other content is.
        LetterPlace::Discarded => Some(Step::Skip(SkipReason::Ignored)),
        LetterPlace::Retrying => Some(Step::StillDead),
        LetterPlace::Waiting if mark.attempts >= rules.max_attempts => Some(Step::StillDead),
        LetterPlace::Waiting | LetterPlace::Recovered => None,
    }
}

fn plan_delete(change: &Change, link: Option<&Link>, dead: Option<&MarkedLetter>, rules: &PlanRules<'_>) -> Step {
    let live = link.filter(|link| link.is_live());
    // What was never confirmed is deleted only where an attempt of it may have arrived.
    let may_be_there = rules.is_in_doubt || dead.is_some_and(|dead| dead.may_have_arrived);
    if live.is_none() && (link.is_some_and(|link| link.tombstone) || !may_be_there) {
        return Step::Skip(SkipReason::Ignored);
    }
    if is_stale(change, link) {
        return Step::Skip(SkipReason::Stale);
    }
    if rules.delete != DeletePolicy::Ignore
        && let Some(step) = stands_dead(change, link, dead, rules)
    {
        return step;
    }
    let last = || {
        let known = live.and_then(|live| live.fields.clone());
        known.unwrap_or_else(|| RawJson::from_trusted("{}".to_owned()))
    };
    match rules.delete {
        DeletePolicy::Ignore => Step::Skip(SkipReason::Ignored),
        DeletePolicy::Hard => {
            let fields = last();
            write(WriteKind::Delete, fields.clone(), fields, change, link, rules)
        }
        DeletePolicy::Soft => {
            let fields = flagged(change, live, rules);
            let send = send_of(&fields, live, rules);
            write(WriteKind::SoftDelete, fields, send, change, link, rules)
        }
    }
}

fn plan_upsert(change: &Change, link: Option<&Link>, dead: Option<&MarkedLetter>, rules: &PlanRules<'_>) -> Step {
    if let Some(filter) = rules.filter {
        match filter.accepts(&change.body) {
            Ok(true) => {}
            Ok(false) => return Step::Skip(SkipReason::Filtered),
            Err(message) => return reject_mapping("filter", message),
        }
    }
    if is_stale(change, link) {
        return Step::Skip(SkipReason::Stale);
    }
    if let Some(step) = stands_dead(change, link, dead, rules) {
        return step;
    }
    let fields = match rules.mapping.apply(&change.body) {
        Ok(fields) => fields,
        Err(rejection) => return reject_mapping(&rejection.field, rejection.message),
    };
    let live = link.filter(|link| link.is_live());
    if let Some(live) = live
        && live.written == Some(fingerprint(&fields))
        && !(rules.is_in_doubt && live.version < change.version)
    {
        return Step::Skip(SkipReason::Unchanged);
    }
    let kind = if live.is_some() { WriteKind::Update } else { WriteKind::Create };
    let send = send_of(&fields, live, rules);
    write(kind, fields, send, change, link, rules)
}

fn reject_mapping(field: &str, message: String) -> Step {
    Step::Reject(Reason {
        class: ReasonClass::Mapping,
        status: None,
        field: Some(field.to_owned()),
        message,
        answer: None,
    })
}

fn send_of(fields: &RawJson, live: Option<&Link>, rules: &PlanRules<'_>) -> RawJson {
    match live.and_then(|link| link.fields.as_ref()) {
        Some(before) if rules.changed_fields_only => changed_fields(before, fields).unwrap_or_else(|| fields.clone()),
        _ => fields.clone(),
    }
}

/// What a soft delete writes: what the tombstone says of the record, beside that what was last written, and the flags.
///
/// A tombstone often holds little more than its id, and a request that replaces the whole record would empty it; but
/// what it does hold is newer than what is known. What was neither mapped nor flagged stays text by text.
fn flagged(change: &Change, live: Option<&Link>, rules: &PlanRules<'_>) -> RawJson {
    let known = live.and_then(|live| live.fields.as_ref()).map(members).unwrap_or_default();
    let mapped = rules.mapping.apply(&change.body).ok();
    let stale = if known.is_empty() { Vec::new() } else { missing_fields(change, rules.mapping) };
    let mut fields = known;
    for (name, value) in mapped.as_ref().map(members).unwrap_or_default() {
        if !stale.contains(&name) || !fields.contains_key(&name) {
            fields.insert(name, value);
        }
    }
    for (name, value) in rules.soft_delete.into_iter().flatten() {
        let raw = RawValue::from_string(value.to_string()).expect("a JSON value's own text");
        fields.insert(name.clone(), raw);
    }
    RawJson::from_trusted(serde_json::to_string(&fields).expect("texts as keys and JSON as values"))
}

/// Top-level destination fields that come from something which the record does not hold, or from an expression.
fn missing_fields(change: &Change, mapping: &Mapping) -> Vec<String> {
    let is_missing = |from: &Option<Pointer>| match from {
        Some(pointer) => !matches!(pointer.find(&change.body), Ok(Some(_))),
        None => true,
    };
    let top = |field: &str| Pointer::parse(field).ok().and_then(|pointer| pointer.steps().first().cloned());
    mapping.lineage().iter().filter(|(_, from)| is_missing(from)).filter_map(|(field, _)| top(field)).collect()
}

/// The members of an object; none of anything else.
fn members(json: &RawJson) -> IndexMap<String, Box<RawValue>> {
    serde_json::from_str(json.as_str()).unwrap_or_default()
}

fn write(
    kind: WriteKind,
    fields: RawJson,
    send: RawJson,
    change: &Change,
    link: Option<&Link>,
    rules: &PlanRules<'_>,
) -> Step {
    let content = fingerprint(&fields);
    let writes = link.map_or(0, |link| link.writes);
    let idempotency_key = idempotency_key(rules.job, &change.id, writes, kind, content);
    Step::Write(PlannedWrite { kind, fields, send, fingerprint: content, idempotency_key })
}

/// The key of the create that follows an update whose record was gone: a service that remembers its answers by key would
/// else give that very answer again.
pub fn orphan_key(update: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128_with_seed(update.as_bytes(), 1))
}

/// The key that a write carries: the same for every attempt and after every crash, new when the content is new,
/// and new again when the content goes back to what it once was (a service that remembers keys would else swallow
/// that write). `writes` is the number of this record's writes that were confirmed so far.
pub fn idempotency_key(job: &JobId, id: &RecordId, writes: u64, kind: WriteKind, content: Fingerprint) -> String {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for part in [job.as_str().as_bytes(), id.as_str().as_bytes()] {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.update(&writes.to_le_bytes());
    hash.update(&[u8::from(kind == WriteKind::Delete)]);
    hash.update(&content.0.to_le_bytes());
    format!("{:032x}", hash.digest128())
}
