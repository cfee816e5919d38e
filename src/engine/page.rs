//! One page on its way: planned, written, and turned into the one commit that makes it true.

use super::deliver::{Delivered, Pending, WriteEnd};
use super::dry_run::Planned;
use super::job::JobCell;
use super::tell::Teller;
use crate::connect::{Fault, FaultKind, Operation, RecordFault, Write};
use crate::model::mapping::fingerprint;
use crate::model::plan::{self, MarkedLetter, PlanRules, PlannedWrite, Step, WriteKind};
use crate::model::{
    Attempt, Change, Correction, Counts, DeadLetter, DeadLetterId, DeadMark, DeletePolicy, GroupId, Item, LetterEnd,
    LetterPlace, LetterState, Level, Link, LinkEvent, OnOrphan, Outcome, Pointer, Position, RawJson, Reason,
    ReasonClass, RecordId, RunId, SkipReason, Timestamp, cause,
};
use crate::store::{FailedAgain, Findable, NewLetter, Recovery, Store};
use tokio::sync::oneshot;

/// Values of one searchable list (the e-mail addresses of a customer) that are kept.
const TERMS_MAX: usize = 20;

/// A page as it was read, with where the next one begins.
pub(super) struct PageRead {
    pub items: Vec<Item>,
    /// The position after it; none where the pages are dead letters.
    pub position: Option<Position>,
    /// Of a retry: the letter that each item came from.
    pub letters: Vec<RetriedLetter>,
    pub total: Option<u64>,
    /// Of a retry of many letters: its number.
    pub bulk: Option<u64>,
    /// Dropped when the page is saved or left: who reads slowly waits for that.
    pub settled: Option<oneshot::Sender<()>>,
    /// A person asked for these very records: they are sent even if they are unchanged.
    pub is_forced: bool,
    /// Of a page of webhook events: which.
    pub inbox: Option<InboxPage>,
}

/// The events that a page was made of, one an item.
#[derive(Default)]
pub(super) struct InboxPage {
    pub numbers: Vec<u64>,
    /// The source has no such record: nothing is sent for the event, and nothing is deleted either.
    pub gone: Vec<bool>,
}

impl PageRead {
    /// An empty page of letters under retry: it moves no checkpoint.
    pub(super) fn of_letters() -> Self {
        Self {
            items: Vec::new(),
            position: None,
            letters: Vec::new(),
            total: None,
            bulk: None,
            settled: None,
            is_forced: false,
            inbox: None,
        }
    }
}

/// A dead letter that is tried again.
#[derive(Clone, Debug)]
pub(super) struct RetriedLetter {
    pub id: DeadLetterId,
    /// The cause that it had.
    pub group: GroupId,
    /// What a person put in place of refused values.
    pub correction: Option<Correction>,
    /// The source no longer has its record: nothing is sent for it, and nothing is deleted either, because only a
    /// tombstone says that a record was deleted.
    pub is_gone: bool,
}

/// A page that is not committed yet.
pub(super) struct OpenPage {
    pub number: u64,
    pub items: Vec<Item>,
    pub position: Option<Position>,
    pub bulk: Option<u64>,
    pub settled: Option<oneshot::Sender<()>>,
    letters: Vec<RetriedLetter>,
    /// Webhook events that it was made of.
    pub events: Vec<u64>,
    superseded: Vec<bool>,
    keys: Vec<RecordId>,
    links: Vec<Option<Link>>,
    /// The letters that the links name.
    marked: Vec<Option<MarkedLetter>>,
    /// A write of the record may stand at the destination that nobody saw confirmed.
    doubts: Vec<bool>,
    steps: Vec<Step>,
    ends: Vec<Option<WriteEnd>>,
    orphans_tried: Vec<bool>,
    /// Writes without an outcome.
    pub waiting: usize,
}

/// The key under which an item's link is kept.
///
/// A record without an id gets one from its content, so that reading it again finds its dead letter.
pub(super) fn key_of(item: &Item) -> RecordId {
    match item {
        Item::Change(change) => change.id.clone(),
        Item::Unreadable { id: Some(id), .. } => id.clone(),
        Item::Unreadable { id: None, body, .. } => RecordId::new(format!("#{:032x}", fingerprint(body).0)),
    }
}

fn body_of(item: &Item) -> &RawJson {
    match item {
        Item::Change(change) => &change.body,
        Item::Unreadable { body, .. } => body,
    }
}

/// The facts that a commit is made with.
pub(super) struct CommitFacts<'a> {
    pub cell: &'a JobCell,
    pub store: &'a Store,
    pub run: RunId,
    pub at: Timestamp,
    pub teller: &'a Teller,
}

/// What a page's end changes in the store.
#[derive(Default)]
pub(super) struct PageChanges {
    pub counts: Counts,
    /// Errored by this run, without those that stood in the queue already.
    pub errored_anew: u64,
    pub links: Vec<(RecordId, Link)>,
    pub dead: Vec<NewLetter>,
    pub failed_again: Vec<FailedAgain>,
    pub recovered: Vec<Recovery>,
    /// Of a retry: what became of each letter.
    pub letter_ends: Vec<LetterEnd>,
    /// Writes that the destination forbade, and all writes that it answered.
    pub forbidden: u64,
    pub confirmed: u64,
    pub first_forbidden: Option<Fault>,
    pub search: Vec<Findable>,
    /// What is told of records once the page is saved.
    pub told: Vec<(RecordId, String)>,
}

/// What of the job decides about its records.
pub(super) fn plan_rules<'a>(cell: &'a JobCell, read: &PageRead, in_doubt_since: Option<Timestamp>) -> PlanRules<'a> {
    PlanRules {
        job: &cell.spec.id,
        mapping: &cell.mapping,
        filter: cell.filter.as_ref(),
        delete: cell.spec.delete,
        soft_delete: cell.spec.destination.soft_delete.as_ref(),
        changed_fields_only: cell.spec.destination.changed_fields_only,
        max_attempts: cell.spec.max_attempts,
        is_retry: read.position.is_none() && read.inbox.is_none(),
        is_forced: read.is_forced,
        in_doubt_since,
    }
}

impl OpenPage {
    /// Looks the page's records up and plans each of them.
    pub(super) async fn plan(
        number: u64,
        read: PageRead,
        cell: &JobCell,
        store: &Store,
        in_doubt_since: Option<Timestamp>,
    ) -> Result<Self, crate::store::StoreError> {
        Self::plan_by(&plan_rules(cell, &read, in_doubt_since), number, read, store).await
    }

    /// As [`OpenPage::plan`], by rules that may be other ones than the job's.
    pub(super) async fn plan_by(
        rules: &PlanRules<'_>,
        number: u64,
        read: PageRead,
        store: &Store,
    ) -> Result<Self, crate::store::StoreError> {
        let is_retry = rules.is_retry;
        let superseded = if is_retry { vec![false; read.items.len()] } else { plan::superseded(&read.items) };
        let keys: Vec<RecordId> = read.items.iter().map(key_of).collect();
        let links = store.links(rules.job, &keys).await?;
        let mut marked = vec![None; read.items.len()];
        for (marked, link) in marked.iter_mut().zip(&links) {
            if let Some(mark) = link.as_ref().and_then(|link| link.dead.as_ref()) {
                *marked = store.letter(mark.letter).await?.as_ref().map(MarkedLetter::of);
                if let Some(recovered) = marked.as_mut().filter(|marked| marked.place == LetterPlace::Recovered) {
                    recovered.correction = store.correction(mark.letter).await?;
                }
            }
        }
        let gone = |i: usize| {
            read.letters.get(i).is_some_and(|letter| letter.is_gone)
                || read.inbox.as_ref().is_some_and(|inbox| inbox.gone.get(i) == Some(&true))
        };
        let steps: Vec<Step> = (0..read.items.len())
            .map(|i| {
                if superseded[i] {
                    Step::Skip(SkipReason::Superseded)
                } else if gone(i) {
                    Step::Skip(SkipReason::Ignored)
                } else {
                    let correction = read.letters.get(i).and_then(|letter| letter.correction.as_ref());
                    plan::plan_corrected(&read.items[i], links[i].as_ref(), marked[i].as_ref(), correction, rules)
                }
            })
            .collect();
        let n = read.items.len();
        let version = |item: &Item| match item {
            Item::Change(change) => change.version.clone(),
            Item::Unreadable { .. } => None,
        };
        let doubts = read.items.iter().map(|item| rules.doubts(version(item).as_ref())).collect();
        Ok(Self {
            number,
            items: read.items,
            position: read.position,
            bulk: read.bulk,
            settled: read.settled,
            letters: read.letters,
            events: read.inbox.map(|inbox| inbox.numbers).unwrap_or_default(),
            superseded,
            keys,
            links,
            marked,
            doubts,
            steps,
            ends: std::iter::repeat_with(|| None).take(n).collect(),
            orphans_tried: vec![false; n],
            waiting: 0,
        })
    }

    /// Each record with what is planned for it.
    pub(super) fn planned(&self) -> impl Iterator<Item = Planned<'_>> {
        (0..self.items.len()).map(|at| Planned {
            item: &self.items[at],
            key: &self.keys[at],
            link: self.links[at].as_ref(),
            step: &self.steps[at],
        })
    }

    pub(super) fn keys(&self) -> &[RecordId] {
        &self.keys
    }

    /// The writes that the plan asks for, in the page's order.
    pub(super) fn writes(&mut self) -> Vec<Pending> {
        let mut writes = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            if let (Step::Write(planned), Item::Change(change)) = (step, &self.items[index]) {
                let write = request(planned, change, self.links[index].as_ref());
                writes.push(Pending::new(index, write));
            }
        }
        self.waiting = writes.len();
        writes
    }

    /// Takes the end of one write. An update whose record is gone at the destination may come back as a create.
    pub(super) fn settle(&mut self, index: usize, end: WriteEnd, facts: &CommitFacts<'_>) -> Option<Pending> {
        let tried = std::mem::replace(&mut self.orphans_tried[index], true);
        if !tried
            && is_gone(&end)
            && facts.cell.spec.on_orphan == OnOrphan::Create
            && let (Step::Write(planned), Item::Change(change)) = (&mut self.steps[index], &self.items[index])
            && planned.kind == WriteKind::Update
        {
            let text = "orphan: the destination's record is gone, it is created again".to_owned();
            facts.teller.tell_record(Level::Warn, "record.orphan", text, &change.id, None);
            planned.kind = WriteKind::Create;
            planned.send = planned.fields.clone();
            planned.idempotency_key = plan::orphan_key(&planned.idempotency_key);
            return Some(Pending::new(index, request(planned, change, None)));
        }
        self.waiting -= 1;
        self.ends[index] = Some(end);
        None
    }

    /// True when something of it was sent and has its end.
    pub(super) fn is_begun(&self) -> bool {
        self.ends.iter().any(Option::is_some)
    }

    /// True when a write's end means that the page can not be committed.
    pub(super) fn is_cut_short(&self) -> bool {
        self.steps.iter().zip(&self.ends).any(|(step, end)| {
            matches!(step, Step::Write(_)) && !matches!(end, Some(WriteEnd::Confirmed(_) | WriteEnd::Failed { .. }))
        })
    }

    /// Turns the page's ends into what the store saves. Of a page that was cut short only the confirmed writes count.
    pub(super) fn changes(mut self, facts: &CommitFacts<'_>) -> PageChanges {
        let mut changes = PageChanges::default();
        let cut_short = self.is_cut_short();
        let ends = std::mem::take(&mut self.ends);
        for (index, end) in ends.into_iter().enumerate() {
            self.one(index, end, facts, cut_short, &mut changes);
        }
        if cut_short {
            changes.counts = Counts::default();
        } else if !facts.cell.spec.source.searchable.is_empty() {
            changes.search = self.findable(&facts.cell.spec.source.searchable);
        }
        changes
    }

    /// What the page's records can be found by. A tombstone keeps what its record was found by.
    fn findable(&self, fields: &[Pointer]) -> Vec<Findable> {
        let is_newest = |index: usize| {
            !self.superseded[index] && !matches!(self.steps[index], Step::Skip(SkipReason::Stale | SkipReason::Ignored))
        };
        let live = |index: usize| self.change(index).filter(|change| is_newest(index) && !change.deleted);
        let of = |change: &Change| Findable { record: change.id.clone(), terms: terms(fields, &change.body) };
        (0..self.items.len()).filter_map(live).map(of).collect()
    }

    fn one(
        &self,
        index: usize,
        end: Option<WriteEnd>,
        facts: &CommitFacts<'_>,
        cut_short: bool,
        changes: &mut PageChanges,
    ) {
        changes.counts.scanned += 1;
        let letter = self.letters.get(index).map(|letter| letter.id);
        if self.superseded[index] {
            changes.counts.count(Outcome::Skipped(SkipReason::Superseded));
            return;
        }
        match (&self.steps[index], end) {
            (Step::Skip(reason), _) => {
                changes.counts.count(Outcome::Skipped(*reason));
                if !cut_short {
                    self.skipped(index, *reason, letter, changes);
                }
            }
            (Step::StillDead, _) => changes.counts.count(Outcome::Errored),
            (Step::Reject(reason), _) if !cut_short => {
                self.errored(index, reason.clone(), None, Vec::new(), letter, facts, changes);
            }
            (Step::Write(planned), Some(WriteEnd::Confirmed(delivered))) => {
                changes.confirmed += 1;
                let outcome = match (planned.kind, delivered.written.created) {
                    // It was deleted before, and changed once more.
                    (WriteKind::SoftDelete, _) if self.links[index].as_ref().is_some_and(|link| link.tombstone) => {
                        Outcome::Updated
                    }
                    (WriteKind::Delete | WriteKind::SoftDelete, _) => Outcome::Deleted,
                    (_, Some(true)) | (WriteKind::Create, None) => Outcome::Created,
                    (_, Some(false)) | (WriteKind::Update, None) => Outcome::Updated,
                };
                self.written(index, planned, outcome, &delivered, letter, facts, changes);
            }
            (Step::Write(planned), Some(WriteEnd::Failed { fault, attempts, exhausted })) => {
                self.failed(index, planned, &fault, attempts, exhausted, letter, facts, changes, cut_short);
            }
            // Cut short: the page is read again, so nothing is counted of it.
            _ => {}
        }
    }

    /// A record that needs nothing any more needs no dead letter either.
    fn skipped(&self, index: usize, reason: SkipReason, letter: Option<DeadLetterId>, changes: &mut PageChanges) {
        changes.letter_ends.extend(letter.map(|_| LetterEnd::Needless));
        changes.recovered.extend(letter.map(Recovery::from));
        // What the source holds now is at the destination already, or was deleted: nothing is left to deliver.
        let is_delete = self.change(index).is_some_and(|change| change.deleted);
        let settled = match reason {
            SkipReason::Unchanged => true,
            SkipReason::Ignored => is_delete,
            _ => false,
        };
        let settled = settled && !self.is_older_than_letter(index);
        if let Some(link) = &self.links[index]
            && let Some(mark) = &link.dead
            && (settled || letter == Some(mark.letter))
            && self.place(index) != Some(LetterPlace::Discarded)
            && !self.was_corrected(index)
        {
            if letter != Some(mark.letter) {
                changes.recovered.push(mark.letter.into());
            }
            changes.links.push((self.keys[index].clone(), Link { dead: None, ..link.clone() }));
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one record's whole story, told once")]
    fn written(
        &self,
        index: usize,
        planned: &PlannedWrite,
        outcome: Outcome,
        delivered: &Delivered,
        letter: Option<DeadLetterId>,
        facts: &CommitFacts<'_>,
        changes: &mut PageChanges,
    ) {
        changes.counts.count(outcome);
        let Item::Change(change) = &self.items[index] else {
            return;
        };
        let Delivered { written, status, took_ms } = delivered;
        let mut link = self.links[index].clone().unwrap_or_default();
        let keeps_mark = self.is_older_than_letter(index);
        if let Some(mark) = link.dead.take_if(|mark| !keeps_mark || letter == Some(mark.letter))
            && matches!(self.place(index), Some(LetterPlace::Waiting | LetterPlace::Retrying))
            && letter != Some(mark.letter)
        {
            changes.recovered.push(mark.letter.into());
        }
        if let Some(id) = letter {
            let message = if planned.is_corrected { "delivered with a correction" } else { "delivered" };
            let attempt = Attempt {
                at: facts.at,
                run: facts.run,
                status: *status,
                took_ms: *took_ms,
                message: message.to_owned(),
            };
            changes.letter_ends.push(LetterEnd::Recovered);
            changes.recovered.push(Recovery { id, attempt: Some(attempt) });
            if planned.is_corrected && link.dead.is_none() {
                // The source still says what was refused: as long as it says no more than that, nothing is sent.
                let content = fingerprint(&change.body);
                link.dead = Some(DeadMark { letter: id, content, attempts: 0 });
            }
        }
        if written.destination_id.is_some() {
            link.destination_id = written.destination_id.clone();
        }
        if written.destination_version.is_some() {
            link.destination_version = written.destination_version.clone();
        }
        link.version = change.version.clone().or(link.version);
        link.tombstone = matches!(planned.kind, WriteKind::Delete | WriteKind::SoftDelete);
        link.written = Some(planned.fingerprint);
        link.writes += 1;
        let spec = &facts.cell.spec;
        let keeps_fields = spec.destination.changed_fields_only || spec.delete == DeletePolicy::Soft;
        link.fields = keeps_fields.then(|| planned.fields.detached());
        link.remember(LinkEvent { at: facts.at, run: facts.run, outcome });
        changes.links.push((self.keys[index].clone(), link));
    }

    #[allow(clippy::too_many_arguments, reason = "one record's whole story, told once")]
    fn failed(
        &self,
        index: usize,
        planned: &PlannedWrite,
        fault: &Fault,
        attempts: Vec<Attempt>,
        exhausted: bool,
        letter: Option<DeadLetterId>,
        facts: &CommitFacts<'_>,
        changes: &mut PageChanges,
        cut_short: bool,
    ) {
        let gone = fault.record == Some(RecordFault::Gone) && planned.kind != WriteKind::Create;
        let is_delete = matches!(planned.kind, WriteKind::Delete | WriteKind::SoftDelete);
        if gone && is_delete && self.links[index].as_ref().is_none_or(|link| !link.is_live()) {
            // It was only sent because an attempt of it might have arrived.
            changes.counts.count(Outcome::Skipped(SkipReason::Ignored));
            if !cut_short {
                self.skipped(index, SkipReason::Ignored, letter, changes);
            }
            return;
        }
        if gone && is_delete {
            let text = "orphan: the record to delete is gone at the destination already".to_owned();
            facts.teller.tell_record(Level::Warn, "record.orphan", text, &self.keys[index], None);
            let delivered = Delivered { status: fault.status, ..Delivered::default() };
            self.written(index, planned, Outcome::Deleted, &delivered, letter, facts, changes);
            return;
        }
        if gone && planned.kind == WriteKind::Update && facts.cell.spec.on_orphan == OnOrphan::Ignore {
            let text = "orphan: the destination's record is gone, the update is left out".to_owned();
            facts.teller.tell_record(Level::Warn, "record.orphan", text, &self.keys[index], None);
            changes.counts.count(Outcome::Skipped(SkipReason::Ignored));
            if !cut_short {
                self.skipped(index, SkipReason::Ignored, letter, changes);
            }
            return;
        }
        if cut_short {
            return;
        }
        if fault.record == Some(RecordFault::Forbidden) {
            changes.forbidden += 1;
            changes.first_forbidden.get_or_insert_with(|| fault.clone());
        }
        let reason = reason_of(fault, exhausted, gone);
        self.errored(index, reason, Some(planned), attempts, letter, facts, changes);
    }

    #[allow(clippy::too_many_arguments, reason = "one record's whole story, told once")]
    fn errored(
        &self,
        index: usize,
        reason: Reason,
        planned: Option<&PlannedWrite>,
        attempts: Vec<Attempt>,
        letter: Option<DeadLetterId>,
        facts: &CommitFacts<'_>,
        changes: &mut PageChanges,
    ) {
        changes.counts.count(Outcome::Errored);
        let key = &self.keys[index];
        let body = body_of(&self.items[index]);
        let content = fingerprint(body);
        let mark = self.links[index].as_ref().and_then(|link| link.dead.clone());
        let open = letter.or_else(|| {
            let waits = matches!(self.place(index), Some(LetterPlace::Waiting | LetterPlace::Retrying));
            mark.as_ref().filter(|_| waits).map(|mark| mark.letter)
        });
        if planned.is_none()
            && letter.is_none()
            && open.is_some()
            && mark.as_ref().is_some_and(|m| m.content == content)
        {
            // The same content fails the same rule: that it stands in the queue already says everything.
            return;
        }
        changes.errored_anew += 1;
        let attempts = with_one_at_least(attempts, &reason, facts);
        let before = mark.as_ref().filter(|mark| mark.content == content).map_or(0, |mark| mark.attempts);
        let tries = before.saturating_add(u32::try_from(attempts.len()).unwrap_or(u32::MAX));
        let group = cause::group_of(&facts.cell.spec.id, &reason);
        if let Some(retried) = self.letters.get(index) {
            changes.letter_ends.push(LetterEnd::Failed { was: retried.group, is: group, title: reason.title() });
        }
        let sent = planned.map(|planned| planned.send.detached());
        let id = match open {
            Some(id) => {
                let attempt = attempts.last().cloned().expect("one attempt at least was made");
                changes.failed_again.push(FailedAgain {
                    id,
                    attempt,
                    reason: reason.clone(),
                    group,
                    source: body.detached(),
                    sent,
                });
                id
            }
            None => {
                let id = facts.store.reserve_letters(1);
                let letter = DeadLetter {
                    id,
                    job: facts.cell.spec.id.clone(),
                    group,
                    record: key.clone(),
                    destination_id: self.links[index].as_ref().and_then(|link| link.destination_id.clone()),
                    version: self.change(index).and_then(|change| change.version.clone()),
                    deleted: self.change(index).is_some_and(|change| change.deleted),
                    source: body.detached(),
                    sent,
                    reason: reason.clone(),
                    idempotency_key: planned.map(|planned| planned.idempotency_key.clone()),
                    first_at: facts.at,
                    last_at: facts.at,
                    attempts,
                    state: LetterState::Waiting,
                };
                changes.dead.push(NewLetter { letter });
                id
            }
        };
        changes.told.push((key.clone(), format!("dead letter #{id}: {}", reason.title())));
        let mut link = self.links[index].clone().unwrap_or_default();
        if self.doubts[index] && link.written.is_none() {
            link.writes = link.writes.max(1);
        }
        self.mark_dead(&mut link, DeadMark { letter: id, content, attempts: tries }, facts);
        changes.links.push((key.clone(), link));
    }

    fn mark_dead(&self, link: &mut Link, mark: DeadMark, facts: &CommitFacts<'_>) {
        link.dead = Some(mark);
        link.remember(LinkEvent { at: facts.at, run: facts.run, outcome: Outcome::Errored });
    }

    /// True when the record's letter was delivered with a correction that still stands for what the source says.
    fn was_corrected(&self, index: usize) -> bool {
        self.marked[index].as_ref().is_some_and(|marked| marked.correction.is_some())
    }

    fn place(&self, index: usize) -> Option<LetterPlace> {
        self.marked[index].as_ref().map(|marked| marked.place)
    }

    /// True when the record is older than the one in its dead letter, as a lagging replica of the source may give it:
    /// then nothing that becomes of it settles the letter.
    fn is_older_than_letter(&self, index: usize) -> bool {
        let version = self.change(index).and_then(|change| change.version.as_ref());
        let failed = self.marked[index].as_ref().and_then(|marked| marked.version.as_ref());
        matches!((version, failed), (Some(version), Some(failed)) if version < failed)
    }

    fn change(&self, index: usize) -> Option<&Change> {
        match &self.items[index] {
            Item::Change(change) => Some(change),
            Item::Unreadable { .. } => None,
        }
    }
}

/// Texts and numbers at `fields`, and those of lists there.
fn terms(fields: &[Pointer], record: &RawJson) -> Vec<(String, String)> {
    let mut terms = Vec::new();
    for field in fields {
        let value = field.find(record).ok().flatten().and_then(|found| found.to_value().ok());
        let values = match value {
            Some(serde_json::Value::Array(values)) => values,
            Some(value) => vec![value],
            None => continue,
        };
        let texts = values.into_iter().take(TERMS_MAX).filter_map(|value| match value {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let texts = texts.filter(|text| !text.trim().is_empty());
        terms.extend(texts.map(|text| (field.to_string().trim_start_matches('/').replace('/', "."), text)));
    }
    terms
}

fn is_gone(end: &WriteEnd) -> bool {
    matches!(end, WriteEnd::Failed { fault, .. } if fault.record == Some(RecordFault::Gone))
}

fn request(planned: &PlannedWrite, change: &Change, link: Option<&Link>) -> Write {
    let operation = match planned.kind {
        WriteKind::Create => Operation::Create,
        WriteKind::Update | WriteKind::SoftDelete => Operation::Update,
        WriteKind::Delete => Operation::Delete,
    };
    Write {
        operation,
        id: change.id.clone(),
        destination_id: link.and_then(|link| link.destination_id.clone()),
        fields: planned.send.clone(),
        record: change.clone(),
        idempotency_key: planned.idempotency_key.clone(),
        destination_version: link.and_then(|link| link.destination_version.clone()),
    }
}

fn reason_of(fault: &Fault, exhausted: bool, gone: bool) -> Reason {
    let class = match (fault.record, exhausted) {
        (_, true) => ReasonClass::Exhausted,
        (Some(RecordFault::Conflict), _) => ReasonClass::Conflict,
        _ if gone => ReasonClass::Orphan,
        _ => ReasonClass::Rejected,
    };
    Reason {
        class,
        status: fault.status,
        field: fault.field.clone(),
        message: fault.message.clone(),
        answer: fault.answer.clone(),
    }
}

fn with_one_at_least(mut attempts: Vec<Attempt>, reason: &Reason, facts: &CommitFacts<'_>) -> Vec<Attempt> {
    if attempts.is_empty() {
        attempts.push(Attempt {
            at: facts.at,
            run: facts.run,
            status: reason.status,
            took_ms: 0,
            message: reason.message.clone(),
        });
    }
    attempts
}

/// The first end of a page that stops its run, as a reason.
pub(super) fn stopping_fault(ends: &[(usize, WriteEnd)]) -> Option<&WriteEnd> {
    ends.iter()
        .map(|(_, end)| end)
        .find(|end| matches!(end, WriteEnd::Fatal(_) | WriteEnd::GaveUp | WriteEnd::Abandoned))
}

/// Whether a fault of a read ends the run for a person to look at.
pub(super) fn parks(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Fatal | FaultKind::Record)
}
