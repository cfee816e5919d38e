//! What is known of one record: collected from what is remembered, and with `live` from both systems. Never a write.

use super::Engine;
use super::job::JobCell;
use super::limit::{Gate, NoPermit, Patience};
use super::lines::Line;
use super::orders::OrderError;
use crate::connect::{Operation, Reply, Write};
use crate::model::mapping::fingerprint;
use crate::model::{
    Asked, Change, Correction, DeadLetter, DestinationNow, Evidence, FieldNow, FoundAtSource, Intent, Item, JobId,
    LetterFilter, LetterPlace, Link, MatchedBy, RawJson, RecordId, Refused, SourceNow, Why, WhyAnswer, differing,
    ladder, side_by_side,
};
use futures::future::{BoxFuture, join_all};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a system is waited for, its limits included: somebody is on the phone.
const ASK_WITHIN: Duration = Duration::from_secs(8);
/// Records that one question may find.
const RECORDS_MAX: usize = 20;
/// Dead letters of one record that are told.
const LETTERS_MAX: usize = 10;
/// Characters of what is looked up; longer ids than this are no ids.
const KEY_MAX: usize = 2_000;

impl Engine {
    /// Why the record that `key` names is, or is not, at the destination: an id of either side, or the value of a
    /// searchable field. Without a job all of them are looked at.
    pub async fn why(&self, job: Option<&JobId>, key: &str, live: bool) -> Result<WhyAnswer, OrderError> {
        let key = key.trim();
        if key.is_empty() || key.chars().count() > KEY_MAX {
            return Err(OrderError::Refused(format!("an id has 1 to {KEY_MAX} characters")));
        }
        let cells: Vec<&Arc<JobCell>> = match job {
            Some(id) => vec![self.jobs.get(id).ok_or_else(|| OrderError::NoSuchJob(id.clone()))?],
            None => self.jobs.values().collect(),
        };
        let mut known = Vec::new();
        for cell in &cells {
            for (record, matched_by) in self.matches(cell, key).await? {
                known.push((*cell, record, matched_by));
            }
        }
        known.truncate(RECORDS_MAX);
        let is_known = !known.is_empty();
        if !is_known {
            let unknown = cells.iter().take(RECORDS_MAX);
            known.extend(unknown.map(|cell| (*cell, as_id(cell, key), MatchedBy::Nothing)));
        }
        let looked = known.into_iter().map(|(cell, record, matched_by)| self.answer(cell, record, matched_by, live));
        let mut answers: Vec<(Why, bool)> = join_all(looked).await.into_iter().collect::<Result<_, _>>()?;
        if !is_known && answers.iter().any(|(_, is_at_source)| *is_at_source) {
            answers.retain(|(_, is_at_source)| *is_at_source);
        }
        let is_known = is_known || answers.iter().any(|(_, is_at_source)| *is_at_source);
        let answers = answers.into_iter().map(|(why, _)| why).collect();
        Ok(WhyAnswer { key: key.to_owned(), at: self.clock.now(), is_live: live, is_known, answers })
    }

    /// The records of a job that `key` may mean, each once.
    async fn matches(&self, cell: &JobCell, key: &str) -> Result<Vec<(RecordId, MatchedBy)>, OrderError> {
        let job = &cell.spec.id;
        let mut found: Vec<(RecordId, MatchedBy)> = Vec::new();
        let id = as_id(cell, key);
        let is_linked = self.store.links(job, std::slice::from_ref(&id)).await?.first().is_some_and(Option::is_some);
        let is_open = cell.open_ids.lock().contains(&id);
        let has_event = cell.waiting_event(&id, &self.store, self.clock.now()).await?.is_some();
        if is_linked || is_open || has_event || !self.store.letters_of(job, &id, 1).await?.is_empty() {
            found.push((id, MatchedBy::SourceId));
        }
        if let Some(id) = self.store.record_at(job, &key.into()).await? {
            found.push((id, MatchedBy::DestinationId));
        }
        if !cell.spec.source.searchable.is_empty() {
            for (id, field) in self.store.records_with(job, key, RECORDS_MAX).await? {
                found.push((id, MatchedBy::Field(field)));
            }
        }
        let mut once: Vec<(RecordId, MatchedBy)> = Vec::new();
        for (id, by) in found {
            if !once.iter().any(|(known, _)| *known == id) {
                once.push((id, by));
            }
        }
        Ok(once)
    }

    /// The answer for one record, and whether the source has just said that it has it.
    async fn answer(
        &self,
        cell: &Arc<JobCell>,
        record: RecordId,
        matched_by: MatchedBy,
        live: bool,
    ) -> Result<(Why, bool), OrderError> {
        let job = &cell.spec.id;
        let mut link = self.store.links(job, std::slice::from_ref(&record)).await?.pop().flatten();
        let open = self.store.intents(job, std::slice::from_ref(&record)).await?.pop().flatten();
        if open.is_some() {
            // A create of it left, and nobody noted its end.
            link = Some(Intent::doubted(link.as_ref()));
        }
        let held = self.store.held_of(job, std::slice::from_ref(&record)).await?.pop().flatten();
        let refused = match link.as_ref().filter(|link| link.refused().is_some()) {
            Some(link) => {
                let rules = self.store.filter_rules(job).await?;
                Refused::of(link, &rules, cell.spec.source.filter.as_deref())
            }
            None => None,
        };
        let letters = self.store.letters_of(job, &record, LETTERS_MAX).await?;
        let group_waiting = match letters.first() {
            Some(letter) => {
                let filter =
                    LetterFilter { job: Some(job.clone()), group: Some(letter.group), ..LetterFilter::default() };
                self.store.letter_groups(&filter).await?.first().map(|group| group.waiting)
            }
            None => None,
        };
        let (asked, fields) = match live {
            true => {
                let correction = self.delivered_correction(link.as_ref(), &letters).await?;
                ask_both(cell, &record, link.as_ref(), correction.as_ref()).await
            }
            false => (None, Vec::new()),
        };
        let is_at_source = matches!(&asked, Some(Asked { source: SourceNow::Found(_), .. }));
        let is_in_flight = cell.open_ids.lock().contains(&record);
        let in_doubt_since = cell.live().in_doubt_since;
        let now = self.clock.now();
        let event = cell.waiting_event(&record, &self.store, now).await?;
        let evidence = Evidence {
            now,
            record,
            matched_by,
            job: cell.status(now),
            rules: cell.spec.position_rules(),
            start: cell.spec.source.incremental.as_ref().and_then(|incremental| incremental.start.clone()),
            filter: cell.spec.source.filter.clone(),
            refused,
            can_ask_source: cell.source.can_read_one(),
            can_ask_destination: cell.destination.can_read_one(),
            in_doubt_since,
            is_in_flight,
            event,
            link,
            held,
            letters,
            group_waiting,
            asked,
            fields,
        };
        Ok((ladder(evidence), is_at_source))
    }

    /// The correction that the record was delivered with, where it was the last word on it.
    async fn delivered_correction(
        &self,
        link: Option<&Link>,
        letters: &[DeadLetter],
    ) -> Result<Option<Correction>, OrderError> {
        let marked = link.and_then(|link| link.dead.as_ref()).map(|mark| mark.letter);
        let is_delivered =
            |letter: &&DeadLetter| Some(letter.id) == marked && letter.state.place() == LetterPlace::Recovered;
        match letters.iter().find(is_delivered) {
            Some(letter) => Ok(self.store.correction(letter.id).await?),
            None => Ok(None),
        }
    }
}

/// What is typed as the id of a record: the parts of a composite one are parted by `|`, as they are shown.
fn as_id(cell: &JobCell, key: &str) -> RecordId {
    let fields = &cell.spec.source.fields;
    let key = &*fields.id_with_prefix(key);
    let parts = fields.id.len();
    if parts > 1 && key.split('|').count() == parts {
        return RecordId::new(key.replace('|', &RecordId::SEPARATOR.to_string()));
    }
    RecordId::from(key)
}

/// Asks both systems for the record as they hold it now, at the same time and through their limits.
async fn ask_both(
    cell: &JobCell,
    record: &RecordId,
    link: Option<&Link>,
    correction: Option<&Correction>,
) -> (Option<Asked>, Vec<FieldNow>) {
    let source = async {
        match cell.source.can_read_one() {
            false => None,
            true => Some(ask(&cell.source_gate, || cell.source.read_one(record)).await),
        }
    };
    let there = link.and_then(|link| link.destination_id.as_ref());
    let destination = async {
        match cell.destination.can_read_one() {
            _ if there.is_none() && cell.spec.destination.creates.makes_ids() => looked_up(cell, record).await,
            false => None,
            true => {
                let read = ask(&cell.destination_gate, || cell.destination.read_one(record, there)).await;
                Some(read.map(|standing| standing.map(|standing| standing.record)))
            }
        }
    };
    let (source, destination) = tokio::join!(source, destination);
    let (source, mapped, corrected) = match source {
        None => (SourceNow::NotAsked, None, None),
        Some(Err(why)) => (SourceNow::Failed(why), None, None),
        Some(Ok(None)) => (SourceNow::Gone, None, None),
        Some(Ok(Some(item))) => found(cell, item, link, correction),
    };
    let is_as_written = matches!(&source, SourceNow::Found(found) if found.is_as_written == Some(true));
    let kept = link.and_then(|link| link.fields.clone());
    // What is not kept is known all the same while the source holds it unchanged.
    let written = kept.or(corrected).or_else(|| mapped.clone().filter(|_| is_as_written));
    let there = match &destination {
        Some(Ok(there)) => there.as_ref(),
        _ => None,
    };
    let fields = side_by_side(&cell.mapping, mapped.as_ref(), written.as_ref(), there);
    let destination = match destination {
        None => DestinationNow::NotAsked,
        Some(Err(why)) => DestinationNow::Failed(why),
        Some(Ok(None)) => DestinationNow::Gone,
        Some(Ok(Some(there))) => {
            let wanted = written.as_ref().or(mapped.as_ref());
            let differs = wanted.map(|wanted| differing(&cell.mapping, wanted, &there)).unwrap_or_default();
            DestinationNow::Found { differs }
        }
    };
    (Some(Asked { source, destination }), fields)
}

/// A record whose own id at the destination is not known, as it stands there; none where it can not be looked for.
async fn looked_up(cell: &JobCell, record: &RecordId) -> Option<Result<Option<RawJson>, String>> {
    if !cell.spec.destination.creates.can_find() {
        return None;
    }
    let nothing = RawJson::from_trusted("{}".to_owned());
    let change = Change { id: record.clone(), version: None, deleted: false, body: nothing.clone() };
    let write = Write {
        operation: Operation::Create,
        id: record.clone(),
        destination_id: None,
        fields: nothing.clone(),
        record: change,
        idempotency_key: String::new(),
        destination_version: None,
    };
    let found = match ask(&cell.destination_gate, || cell.destination.find(&write)).await {
        Ok(found) => found,
        Err(why) => return Some(Err(why)),
    };
    match found.as_slice() {
        [] => Some(Ok(None)),
        [id] if cell.destination.can_read_one() => {
            let read = ask(&cell.destination_gate, || cell.destination.read_one(record, Some(id))).await;
            Some(read.map(|standing| standing.map(|standing| standing.record)))
        }
        [_] => Some(Ok(Some(nothing))),
        several => Some(Err(format!("a lookup finds {} records of this id", several.len()))),
    }
}

/// A record as the source holds it, what it becomes, and what it was delivered as with a correction that still stands.
fn found(
    cell: &JobCell,
    item: Item,
    link: Option<&Link>,
    correction: Option<&Correction>,
) -> (SourceNow, Option<RawJson>, Option<RawJson>) {
    let change = match item {
        Item::Change(change) => change,
        Item::Unreadable { field, reason, .. } => {
            let refused = Some((field, reason));
            let found =
                FoundAtSource { version: None, is_deleted: false, refused, accepted: Ok(true), is_as_written: None };
            return (SourceNow::Found(found), None, None);
        }
    };
    let mapped = cell.mapping.apply(&change.body);
    let last = link.filter(|link| link.written.is_some());
    // A lagging replica tells nothing of what was written since.
    let is_older = last.and_then(|link| link.version.as_ref()).zip(change.version.as_ref());
    let is_older = is_older.is_some_and(|(written, now)| now < written);
    // While the source says what was refused, and no more than that, the correction is what is to be sent.
    let is_same = |link: &&Link| link.dead.as_ref().is_some_and(|mark| mark.content == fingerprint(&change.body));
    let corrected = last.filter(is_same).zip(correction).and_then(|(link, correction)| {
        let corrected = cell.mapping.apply_corrected(&change.body, correction).ok()?;
        (link.written == Some(fingerprint(&corrected.fields))).then_some(corrected.fields)
    });
    let as_mapped = |link: &Link| corrected.is_some() || mapped.as_ref().ok().map(fingerprint) == link.written;
    let is_as_written = last.filter(|_| !is_older).map(|link| !change.deleted && !link.tombstone && as_mapped(link));
    let refused = mapped.as_ref().err().filter(|_| corrected.is_none());
    let found = FoundAtSource {
        version: change.version.clone(),
        is_deleted: change.deleted,
        refused: refused.map(|refused| (Some(refused.field.clone()), refused.message.clone())),
        accepted: cell.filter.as_ref().map_or(Ok(true), |filter| filter.accepts(&change.body)),
        is_as_written,
    };
    (SourceNow::Found(found), mapped.ok().filter(|_| !change.deleted), corrected)
}

/// One question to one system, through its gate, within [`ASK_WITHIN`]; the reason when there is no answer.
async fn ask<'a, T>(gate: &Gate, request: impl Fn() -> BoxFuture<'a, Reply<T>>) -> Result<T, String> {
    let patience = Patience { abandon: CancellationToken::new(), gives_up: true, line: Line::Person };
    let asked = async {
        let permit = match gate.acquire(&patience).await {
            Ok(permit) => permit,
            Err(NoPermit::Abandoned | NoPermit::GaveUp) => return Err(waits(gate)),
        };
        let reply = gate.call(&request).await;
        permit.done(&reply.signals, reply.outcome.as_ref().err());
        reply.outcome.map_err(|fault| match fault.status {
            Some(status) => format!("{} answered {status}: {}", fault.request, fault.message),
            None => fault.message,
        })
    };
    match tokio::time::timeout(ASK_WITHIN, asked).await {
        Ok(answered) => answered,
        Err(_) => Err(waits(gate)),
    }
}

fn waits(gate: &Gate) -> String {
    let seconds = ASK_WITHIN.as_secs();
    gate.waiting_for().map_or_else(|| format!("no answer within {seconds} s"), |(what, ..)| what)
}
