//! What is to be done about each record of a page: a pure decision on values.

use super::mapping::{Corrected, Filter, Mapping, changed_fields, fingerprint};
use super::{
    Change, Correction, DeadLetter, DeletePolicy, Fingerprint, Item, JobId, LetterPlace, Link, Pointer, RawJson,
    Reason, ReasonClass, RecordId, SkipReason, Timestamp, Version,
};
use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::time::Duration;

/// What of a job decides about its records.
pub struct PlanRules<'a> {
    pub job: &'a JobId,
    pub mapping: &'a Mapping,
    pub filter: Option<&'a Filter>,
    pub delete: DeletePolicy,
    pub soft_delete: Option<&'a Map<String, Value>>,
    pub changed_fields_only: bool,
    /// The destination gives records ids of its own, by which alone they are reached.
    pub makes_ids: bool,
    /// A record that stands in the dead-letter queue is not sent again unchanged after so many attempts.
    pub max_attempts: u32,
    /// A person asked for it: what is in the dead-letter queue is sent whatever its attempts.
    pub is_retry: bool,
    /// A person asked for this very record: it is sent even if it is what was last confirmed, because the destination
    /// may hold something else by now.
    pub is_forced: bool,
    /// Since then, by this machine's clock, runs may have left writes whose end they never saw. A record that went back to
    /// what was last confirmed is sent all the same where its version says that it was something else in between, and a
    /// tombstone of what was never confirmed is sent too.
    pub in_doubt_since: Option<Timestamp>,
}

/// A record that was last changed so long before a doubt began, by its own clock, can not be what the doubt is about.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(24 * 3600);

impl PlanRules<'_> {
    /// True when a write of the record may stand at the destination that nobody saw confirmed.
    pub fn doubts(&self, version: Option<&Version>) -> bool {
        match (self.in_doubt_since, version) {
            (None, _) => false,
            (Some(since), Some(Version::Time { at, .. })) => since.minus(CLOCK_SKEW_MAX) <= Timestamp::from(*at),
            (Some(_), Some(Version::Integer(_)) | None) => true,
        }
    }
}

/// What a plan must know of the dead letter that a record's link names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedLetter {
    pub place: LetterPlace,
    /// Of the record that failed.
    pub version: Option<Version>,
    /// Attempts ended without an answer that says no: the destination may have taken one of them all the same.
    pub may_have_arrived: bool,
    /// Whether the record was made is for a person to say: until then nothing of it is sent.
    pub is_unknown: bool,
    /// It was written, and the destination keeps it otherwise.
    pub is_altered: bool,
    /// Of a letter that was delivered: the correction that it was delivered with.
    pub correction: Option<Correction>,
}

impl MarkedLetter {
    pub fn of(letter: &DeadLetter) -> Self {
        Self {
            place: letter.state.place(),
            version: letter.version.clone(),
            may_have_arrived: matches!(letter.reason.class, ReasonClass::Exhausted | ReasonClass::OutcomeUnknown),
            is_unknown: letter.reason.class == ReasonClass::OutcomeUnknown,
            is_altered: letter.reason.class == ReasonClass::Altered,
            correction: None,
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
    /// A delete that waits for a person, because the run would delete too much.
    Hold,
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
    /// A person's correction is in it, so that it is not what the map alone makes of the record.
    pub is_corrected: bool,
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
    plan_corrected(item, link, dead, None, rules)
}

/// As [`plan`], for a letter under retry that a person corrected.
pub fn plan_corrected(
    item: &Item,
    link: Option<&Link>,
    dead: Option<&MarkedLetter>,
    correction: Option<&Correction>,
    rules: &PlanRules<'_>,
) -> Step {
    match item {
        Item::Unreadable { field, reason, .. } => Step::Reject(Reason {
            class: ReasonClass::Unreadable,
            status: None,
            field: field.clone(),
            message: reason.clone(),
            answer: None,
        }),
        Item::Change(change) if change.deleted => plan_delete(change, link, dead, rules),
        Item::Change(change) => plan_upsert(change, link, dead, correction, rules),
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
    if let Some(dead) = dead.filter(|dead| dead.is_unknown) {
        // Whatever its content and whoever asks: a request that makes the record could make it a second time. A person
        // who decides puts it under retry.
        match dead.place {
            LetterPlace::Waiting => return Some(Step::StillDead),
            LetterPlace::Retrying if !rules.is_retry => return Some(Step::StillDead),
            LetterPlace::Discarded => return Some(Step::Skip(SkipReason::Ignored)),
            LetterPlace::Retrying | LetterPlace::Recovered => {}
        }
    }
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
    let is_tombstone = link.is_some_and(|link| link.tombstone);
    // What was never confirmed is deleted only where an attempt of it may have arrived.
    let may_be_there = rules.doubts(change.version.as_ref())
        || dead.is_some_and(|dead| dead.may_have_arrived)
        || link.is_some_and(|link| link.may_have_arrived());
    if live.is_none() && !is_tombstone && !may_be_there {
        return Step::Skip(SkipReason::Ignored);
    }
    if is_tombstone && rules.delete != DeletePolicy::Soft {
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
            let known = link.filter(|link| link.written.is_some());
            let fields = flagged(change, known, rules);
            if is_tombstone && known.is_some_and(|known| known.written == Some(fingerprint(&fields))) {
                return Step::Skip(SkipReason::Ignored);
            }
            let send = send_of(&fields, known, rules);
            write(WriteKind::SoftDelete, fields, send, change, link, rules)
        }
    }
}

/// True for a record that was delivered with a correction and whose source still says the very same: what the map alone
/// makes of it was refused once, and is not sent again by itself.
fn is_delivered_corrected(
    change: &Change,
    link: Option<&Link>,
    dead: Option<&MarkedLetter>,
    rules: &PlanRules<'_>,
) -> bool {
    let Some(live) = link.filter(|link| link.is_live()) else { return false };
    let is_same = live.dead.as_ref().is_some_and(|mark| mark.content == fingerprint(&change.body));
    let recovered = dead.filter(|dead| is_same && dead.place == LetterPlace::Recovered);
    recovered.and_then(|dead| dead.correction.as_ref()).is_some_and(|correction| {
        let fields = rules.mapping.apply_corrected(&change.body, correction);
        fields.is_ok_and(|corrected| live.written == Some(fingerprint(&corrected.fields)))
    })
}

fn plan_upsert(
    change: &Change,
    link: Option<&Link>,
    dead: Option<&MarkedLetter>,
    correction: Option<&Correction>,
    rules: &PlanRules<'_>,
) -> Step {
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
    if correction.is_none() && is_delivered_corrected(change, link, dead, rules) {
        return Step::Skip(SkipReason::Unchanged);
    }
    let mapped = match correction {
        Some(correction) => rules.mapping.apply_corrected(&change.body, correction),
        None => rules.mapping.apply(&change.body).map(|fields| Corrected { fields, is_applied: false }),
    };
    let Corrected { fields, is_applied } = match mapped {
        Ok(mapped) => mapped,
        Err(rejection) => return reject_mapping(&rejection.field, rejection.message),
    };
    let live = link.filter(|link| link.is_live());
    // A retry of what the destination keeps otherwise sends it once more.
    let is_asked_again = rules.is_retry && dead.is_some_and(|dead| dead.is_altered);
    if !rules.is_forced
        && !is_asked_again
        && let Some(live) = live
        && live.written == Some(fingerprint(&fields))
        && !(rules.doubts(change.version.as_ref()) && live.version < change.version)
    {
        return Step::Skip(SkipReason::Unchanged);
    }
    // A record that was flagged as deleted still has its own id there.
    let is_there = live.is_some() || rules.makes_ids && link.is_some_and(|link| link.destination_id.is_some());
    let kind = if is_there { WriteKind::Update } else { WriteKind::Create };
    let send = send_of(&fields, live, rules);
    match write(kind, fields, send, change, link, rules) {
        Step::Write(planned) => Step::Write(PlannedWrite { is_corrected: is_applied, ..planned }),
        other => other,
    }
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
        Some(before) if rules.changed_fields_only && !rules.is_forced => {
            changed_fields(before, fields).unwrap_or_else(|| fields.clone())
        }
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
    Step::Write(PlannedWrite { kind, fields, send, fingerprint: content, idempotency_key, is_corrected: false })
}

/// The key of the create that follows an update whose record was gone: a service that remembers its answers by key would
/// else give that very answer again.
pub fn orphan_key(update: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128_with_seed(update.as_bytes(), 1))
}

/// The key of the update that takes a create's place when its record is found at the destination.
pub fn found_key(create: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128_with_seed(create.as_bytes(), 2))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mapping::FieldRule;
    use crate::model::{DeadLetterId, DeadMark, VersionKind};

    struct House {
        job: JobId,
        mapping: Mapping,
        filter: Option<Filter>,
        flags: Map<String, Value>,
    }

    impl House {
        fn new() -> Self {
            let rules: &[FieldRule] = &[];
            let flags = Map::from_iter([("active".to_owned(), Value::Bool(false))]);
            Self {
                job: JobId::from("customers"),
                mapping: Mapping::compile(rules).expect("no rules"),
                filter: None,
                flags,
            }
        }

        fn rules(&self) -> PlanRules<'_> {
            PlanRules {
                job: &self.job,
                mapping: &self.mapping,
                filter: self.filter.as_ref(),
                delete: DeletePolicy::Hard,
                soft_delete: Some(&self.flags),
                changed_fields_only: false,
                makes_ids: false,
                max_attempts: 5,
                is_retry: false,
                is_forced: false,
                in_doubt_since: None,
            }
        }
    }

    fn version(text: &str) -> Option<Version> {
        Some(Version::read(text, &VersionKind::Auto).expect("a version"))
    }

    fn body(text: &str) -> RawJson {
        RawJson::from_trusted(text.to_owned())
    }

    fn change(at: &str, text: &str) -> Change {
        Change { id: RecordId::from("c1"), version: version(at), deleted: false, body: body(text) }
    }

    fn tombstone(at: &str) -> Change {
        Change { deleted: true, ..change(at, r#"{"id":"c1","deleted":true}"#) }
    }

    /// The link after `change` was written.
    fn linked(change: &Change) -> Link {
        Link {
            version: change.version.clone(),
            written: Some(fingerprint(&change.body)),
            writes: 1,
            fields: Some(change.body.clone()),
            ..Link::default()
        }
    }

    fn marked(link: Link, failed: &Change, attempts: u32) -> Link {
        Link { dead: Some(DeadMark { letter: DeadLetterId(1), content: fingerprint(&failed.body), attempts }), ..link }
    }

    fn letter(place: LetterPlace) -> MarkedLetter {
        MarkedLetter {
            place,
            version: None,
            may_have_arrived: false,
            is_unknown: false,
            is_altered: false,
            correction: None,
        }
    }

    fn step(change: Change, link: Option<&Link>, letter: Option<&MarkedLetter>, rules: &PlanRules<'_>) -> Step {
        plan(&Item::Change(change), link, letter, rules)
    }

    fn kind(step: Step) -> Option<WriteKind> {
        match step {
            Step::Write(planned) => Some(planned.kind),
            _ => None,
        }
    }

    #[test]
    fn a_new_record_is_created_a_changed_one_updated_and_an_equal_one_left_alone() {
        let house = House::new();
        let first = change("1", r#"{"a":1}"#);
        let link = linked(&first);
        assert_eq!(kind(step(first.clone(), None, None, &house.rules())), Some(WriteKind::Create));
        assert_eq!(step(first, Some(&link), None, &house.rules()), Step::Skip(SkipReason::Unchanged));
        let second = change("2", r#"{"a":2}"#);
        assert_eq!(kind(step(second, Some(&link), None, &house.rules())), Some(WriteKind::Update));
    }

    fn correction(record: &RawJson, field: &str, after: &str) -> Correction {
        let seen = Mapping::default().made_of(field, record);
        let fields = vec![crate::model::FieldCorrection {
            field: field.to_owned(),
            before: seen.clone(),
            seen,
            after: Some(body(after)),
        }];
        Correction {
            letter: DeadLetterId(1),
            record: RecordId::from("c1"),
            number: 1,
            at: Timestamp(0),
            by: crate::model::Actor::engine(),
            reason: None,
            content: fingerprint(record),
            fields,
        }
    }

    #[test]
    fn a_correction_is_sent_under_a_key_of_its_own_and_not_undone_by_reading_the_same_again() {
        let house = House::new();
        let rules = PlanRules { is_retry: true, ..house.rules() };
        let bad = change("2", r#"{"a":2}"#);
        let one = correction(&bad.body, "a", "3");
        let plain = step(bad.clone(), None, None, &rules);
        let Step::Write(corrected) = plan_corrected(&Item::Change(bad.clone()), None, None, Some(&one), &rules) else {
            panic!("a write")
        };
        let Step::Write(plain) = plain else { panic!("a write") };
        assert_eq!(corrected.fields.as_str(), r#"{"a":3}"#);
        assert!(corrected.is_corrected && !plain.is_corrected);
        assert_ne!(corrected.idempotency_key, plain.idempotency_key);
        let link = Link { written: Some(corrected.fingerprint), ..linked(&bad) };
        let link = marked(link, &bad, 0);
        let recovered = MarkedLetter { correction: Some(one), ..letter(LetterPlace::Recovered) };
        let again = step(bad, Some(&link), Some(&recovered), &house.rules());
        assert_eq!(again, Step::Skip(SkipReason::Unchanged), "the same content is not sent over the correction");
        let other = change("3", r#"{"a":2,"b":1}"#);
        assert_eq!(kind(step(other, Some(&link), Some(&recovered), &house.rules())), Some(WriteKind::Update));
    }

    // Row 82 of the fault matrix.
    #[test]
    fn an_older_version_is_stale_and_an_equal_one_is_not() {
        let house = House::new();
        let link = linked(&change("5", r#"{"a":5}"#));
        assert_eq!(step(change("4", r#"{"a":4}"#), Some(&link), None, &house.rules()), Step::Skip(SkipReason::Stale));
        assert_eq!(kind(step(change("5", r#"{"a":6}"#), Some(&link), None, &house.rules())), Some(WriteKind::Update));
    }

    #[test]
    fn what_the_filter_refuses_is_skipped() {
        let house = House { filter: Some(Filter::compile("record.a > 1").expect("a filter")), ..House::new() };
        assert_eq!(step(change("1", r#"{"a":1}"#), None, None, &house.rules()), Step::Skip(SkipReason::Filtered));
        assert_eq!(kind(step(change("1", r#"{"a":2}"#), None, None, &house.rules())), Some(WriteKind::Create));
    }

    #[test]
    fn a_tombstone_deletes_what_is_there_once() {
        let house = House::new();
        let link = linked(&change("1", r#"{"a":1}"#));
        assert_eq!(kind(step(tombstone("2"), Some(&link), None, &house.rules())), Some(WriteKind::Delete));
        let gone = Link { tombstone: true, version: version("2"), ..link };
        assert_eq!(step(tombstone("2"), Some(&gone), None, &house.rules()), Step::Skip(SkipReason::Ignored));
        assert_eq!(step(tombstone("2"), None, None, &house.rules()), Step::Skip(SkipReason::Ignored));
    }

    // Row 93 of the fault matrix.
    #[test]
    fn nothing_rises_from_the_dead_but_what_is_newer() {
        let house = House::new();
        let gone = Link { tombstone: true, version: version("3"), ..linked(&change("1", r#"{"a":1}"#)) };
        assert_eq!(step(change("2", r#"{"a":1}"#), Some(&gone), None, &house.rules()), Step::Skip(SkipReason::Stale));
        assert_eq!(kind(step(change("4", r#"{"a":1}"#), Some(&gone), None, &house.rules())), Some(WriteKind::Create));
    }

    #[test]
    fn a_soft_delete_keeps_the_fields_and_sets_the_flags() {
        let house = House::new();
        let rules = PlanRules { delete: DeletePolicy::Soft, ..house.rules() };
        let link = linked(&change("1", r#"{"a":1}"#));
        let Step::Write(planned) = step(tombstone("2"), Some(&link), None, &rules) else { panic!("a write") };
        assert_eq!(planned.kind, WriteKind::SoftDelete);
        assert_eq!(planned.send.as_str(), r#"{"a":1,"id":"c1","deleted":true,"active":false}"#);
    }

    #[test]
    fn only_the_fields_that_differ_are_sent_where_that_is_asked_for() {
        let house = House::new();
        let rules = PlanRules { changed_fields_only: true, ..house.rules() };
        let link = linked(&change("1", r#"{"a":1,"b":2}"#));
        let Step::Write(planned) = step(change("2", r#"{"a":1,"b":3}"#), Some(&link), None, &rules) else {
            panic!("a write")
        };
        assert_eq!(planned.send.as_str(), r#"{"b":3}"#);
        assert_eq!(planned.fields.as_str(), r#"{"a":1,"b":3}"#);
    }

    #[test]
    fn a_record_in_the_queue_is_tried_until_its_attempts_are_used_up() {
        let house = House::new();
        let bad = change("2", r#"{"a":2}"#);
        let waits = letter(LetterPlace::Waiting);
        let link = |attempts| marked(Link::default(), &bad, attempts);
        assert_eq!(kind(step(bad.clone(), Some(&link(4)), Some(&waits), &house.rules())), Some(WriteKind::Create));
        assert_eq!(step(bad.clone(), Some(&link(5)), Some(&waits), &house.rules()), Step::StillDead);
        let rules = PlanRules { is_retry: true, ..house.rules() };
        assert_eq!(kind(step(bad.clone(), Some(&link(5)), Some(&waits), &rules)), Some(WriteKind::Create));
        let other = change("3", r#"{"a":3}"#);
        assert_eq!(kind(step(other, Some(&link(5)), Some(&waits), &house.rules())), Some(WriteKind::Create));
    }

    #[test]
    fn what_a_person_discarded_is_not_sent_and_what_is_retried_already_is_not_sent_twice() {
        let house = House::new();
        let bad = change("2", r#"{"a":2}"#);
        let link = marked(Link::default(), &bad, 1);
        let at = |place| step(bad.clone(), Some(&link), Some(&letter(place)), &house.rules());
        assert_eq!(at(LetterPlace::Discarded), Step::Skip(SkipReason::Ignored));
        assert_eq!(at(LetterPlace::Retrying), Step::StillDead);
        assert_eq!(kind(at(LetterPlace::Recovered)), Some(WriteKind::Create));
    }

    #[test]
    fn a_delete_that_was_discarded_is_not_sent_again() {
        let house = House::new();
        let link = marked(linked(&change("1", r#"{"a":1}"#)), &tombstone("2"), 1);
        let discarded = letter(LetterPlace::Discarded);
        let again = step(tombstone("2"), Some(&link), Some(&discarded), &house.rules());
        assert_eq!(again, Step::Skip(SkipReason::Ignored));
        assert_eq!(
            kind(step(tombstone("2"), Some(&link), Some(&letter(LetterPlace::Waiting)), &house.rules())),
            Some(WriteKind::Delete)
        );
    }

    // Row 4 of the fault matrix.
    #[test]
    fn in_doubt_what_went_back_is_written_and_what_may_have_arrived_is_deleted() {
        let house = House::new();
        let rules = PlanRules { in_doubt_since: Some(Timestamp::ZERO), ..house.rules() };
        let first = change("1", r#"{"a":1}"#);
        let link = linked(&first);
        assert_eq!(step(first, Some(&link), None, &rules), Step::Skip(SkipReason::Unchanged));
        assert_eq!(kind(step(change("3", r#"{"a":1}"#), Some(&link), None, &rules)), Some(WriteKind::Update));
        assert_eq!(kind(step(tombstone("3"), None, None, &rules)), Some(WriteKind::Delete));
        let arrived = MarkedLetter { may_have_arrived: true, ..letter(LetterPlace::Waiting) };
        let dead = marked(Link::default(), &change("1", r#"{"a":1}"#), 5);
        assert_eq!(kind(step(tombstone("3"), Some(&dead), Some(&arrived), &house.rules())), Some(WriteKind::Delete));
    }

    #[test]
    fn an_unreadable_item_is_rejected_with_its_reason() {
        let house = House::new();
        let item =
            Item::Unreadable { id: None, field: Some("/id".to_owned()), reason: "no key".to_owned(), body: body("{}") };
        let Step::Reject(reason) = plan(&item, None, None, &house.rules()) else { panic!("a rejection") };
        assert_eq!((reason.class, reason.message.as_str()), (ReasonClass::Unreadable, "no key"));
    }

    // Row 31 of the fault matrix.
    #[test]
    fn of_equal_ids_on_a_page_the_greatest_version_counts_and_else_the_last() {
        let items = |versions: &[Option<&str>]| -> Vec<Item> {
            let one = |at: &Option<&str>| Item::Change(Change { version: at.and_then(version), ..change("1", "{}") });
            versions.iter().map(one).collect()
        };
        assert_eq!(superseded(&items(&[Some("1"), Some("3"), Some("2")])), [true, false, true]);
        assert_eq!(superseded(&items(&[Some("1"), Some("1")])), [true, false]);
        assert_eq!(superseded(&items(&[None, None, None])), [true, true, false]);
    }

    #[test]
    fn a_key_is_the_same_for_every_attempt_and_new_for_whatever_is_another_write() {
        let key = |writes, kind, text: &str| {
            idempotency_key(&JobId::from("j"), &RecordId::from("7"), writes, kind, fingerprint(&body(text)))
        };
        let first = key(0, WriteKind::Create, r#"{"a":1}"#);
        assert_eq!(first, key(0, WriteKind::Update, r#"{"a":1}"#));
        assert_ne!(first, key(0, WriteKind::Create, r#"{"a":2}"#));
        assert_ne!(first, key(2, WriteKind::Update, r#"{"a":1}"#), "it went back to what it once was");
        assert_ne!(first, key(0, WriteKind::Delete, r#"{"a":1}"#));
        assert_ne!(first, orphan_key(&first));
    }

    #[test]
    fn ids_that_run_into_one_another_have_keys_of_their_own() {
        let key = |job: &str, id: &str| {
            idempotency_key(&JobId::from(job), &RecordId::from(id), 0, WriteKind::Create, Fingerprint(1))
        };
        assert_ne!(key("a", "bc"), key("ab", "c"));
    }
}
