//! One page on its way: planned, written, and turned into the one commit that makes it true.

use super::care::{Care, Next, is_letter};
use super::deliver::{Altered, Delivered, Ended, Pending, WriteEnd};
use super::dry_run::Planned;
use super::guard::DeleteGuard;
use super::job::JobCell;
use super::tell::Teller;
use crate::connect::{Fault, FaultKind, Operation, RecordFault, Write};
use crate::model::mapping::fingerprint;
use crate::model::plan::{self, MarkedLetter, PlanRules, PlannedWrite, Step, WriteKind};
use crate::model::{
    Attempt, Change, Correction, Counts, Creates, DeadLetter, DeadLetterId, DeadMark, DeleteCause, DeletePolicy,
    DestinationId, GroupId, HeldDelete, Intent, Item, JobDestination, LetterEnd, LetterPlace, LetterState, Level, Link,
    LinkEvent, OnOrphan, Outcome, Pointer, Position, RawJson, Reason, ReasonClass, RecordId, RunId, SkipReason,
    Timestamp, cause,
};
use crate::store::{FailedAgain, Findable, HeldChange, NewLetter, NewerContent, Recovery, Seen, Store};
use std::collections::HashMap;
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
    /// The records come from the source by themselves, not from the dead-letter queue or a person's order.
    pub is_listed: bool,
    /// What says that its tombstones are gone.
    pub cause: DeleteCause,
    /// All of its deletes wait for a person.
    pub withholds: bool,
    /// What the page listed, where what a listing leaves out is deleted.
    pub seen: Option<Seen>,
}

/// Records that were said to be gone, as the source has them now.
#[derive(Default)]
pub(super) struct RecordCheck {
    pub items: Vec<Item>,
    /// How many are there all the same, and of how many the source does not say.
    pub there: u64,
    pub unsure: u64,
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
            is_listed: false,
            is_forced: false,
            inbox: None,
            cause: DeleteCause::Tombstone,
            withholds: false,
            seen: None,
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
    pub seen: Option<Seen>,
    cause: DeleteCause,
    withholds: bool,
    /// What is withheld of the page's records.
    held: Vec<Option<HeldDelete>>,
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
    /// Creates of earlier runs whose end nobody noted; empty where the job has none.
    open: Vec<Option<Intent>>,
    /// Records of which an intent was made durable for this page.
    promised: Vec<RecordId>,
    /// Records that may have been made all the same.
    in_doubt: Vec<bool>,
    /// Ids at the destination that were found out on the way.
    learnt: HashMap<usize, DestinationId>,
    /// Links that were saved before the page.
    given_out: Vec<bool>,
    /// A mistake of this program lost writes of it: what became of them is not known.
    pub lost: bool,
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
    /// The first run that had the filter that this one has.
    pub filter_since: RunId,
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
    /// Withheld deletes that come and go, and those that go because a letter of this page stands for them.
    pub held: Vec<HeldChange>,
    pub held_by_letter: Vec<HeldChange>,
    /// What is told of records once the page is saved.
    pub told: Vec<(RecordId, String)>,
    /// Creates that have their end, and those whose end is a letter of this page.
    pub settled: Vec<RecordId>,
    pub settled_by_letter: Vec<RecordId>,
    pub newer: Vec<NewerContent>,
    /// What the destination keeps otherwise than it was sent.
    pub altered: Vec<Altered>,
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
        makes_ids: cell.spec.destination.creates.makes_ids(),
        max_attempts: cell.spec.max_attempts,
        is_retry: !read.is_listed,
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
        let mut links = store.links(rules.job, &keys).await?;
        let open = if rules.makes_ids { store.intents(rules.job, &keys).await? } else { Vec::new() };
        for (link, open) in links.iter_mut().zip(&open) {
            if open.is_some() {
                *link = Some(Intent::doubted(link.as_ref()));
            }
        }
        let held = store.held_of(rules.job, &keys).await?;
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
            seen: read.seen,
            cause: read.cause,
            withholds: read.withholds,
            held,
            letters: read.letters,
            events: read.inbox.map(|inbox| inbox.numbers).unwrap_or_default(),
            superseded,
            keys,
            links,
            marked,
            doubts,
            steps,
            ends: std::iter::repeat_with(|| None).take(n).collect(),
            open,
            promised: Vec::new(),
            in_doubt: vec![false; n],
            learnt: HashMap::new(),
            given_out: vec![false; n],
            lost: false,
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

    /// Holds the deletes back that the guard does not let through, and leaves out those of records that a person keeps.
    pub(super) fn withhold(&mut self, guard: &DeleteGuard) {
        for index in 0..self.steps.len() {
            let is_live = self.links[index].as_ref().is_none_or(|link| !link.tombstone);
            let is_delete = matches!(&self.steps[index], Step::Write(planned)
                if is_live && matches!(planned.kind, WriteKind::Delete | WriteKind::SoftDelete));
            if !is_delete {
                continue;
            }
            if self.held[index].as_ref().is_some_and(|held| held.kept.is_some()) {
                self.steps[index] = Step::Skip(SkipReason::Ignored);
            } else if self.withholds || !guard.admits() {
                self.steps[index] = Step::Hold;
            }
        }
    }

    pub(super) fn keys(&self) -> &[RecordId] {
        &self.keys
    }

    /// The writes that the plan asks for, in the page's order.
    pub(super) fn writes(&mut self, facts: &CommitFacts<'_>) -> Vec<Pending> {
        let mut writes = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            if let (Step::Write(planned), Item::Change(change)) = (step, &self.items[index]) {
                let link = self.links[index].as_ref();
                let open = self.open.get(index).cloned().flatten();
                let pending = Pending::new(index, request(planned, change, link));
                writes.push(with_care(pending, planned, link, open, facts));
            }
        }
        self.waiting = writes.len();
        writes
    }

    /// Takes the end of one write. An update whose record is gone at the destination may come back as a create.
    pub(super) fn settle(&mut self, ended: Ended, facts: &CommitFacts<'_>) -> Option<Pending> {
        let Ended { index, end, in_doubt, learnt } = ended;
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
            let pending = Pending::new(index, request(planned, change, None));
            return Some(with_care(pending, planned, None, None, facts));
        }
        self.waiting -= 1;
        self.in_doubt[index] = in_doubt;
        self.learnt.extend(learnt.map(|id| (index, id)));
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
            let is_ended =
                matches!(end, Some(WriteEnd::Confirmed(_) | WriteEnd::Failed { .. } | WriteEnd::Unknown { .. }));
            matches!(step, Step::Write(_)) && !is_ended
        })
    }

    /// An intent of the record was made durable.
    pub(super) fn is_promised(&mut self, record: RecordId) {
        self.promised.push(record);
    }

    /// The links of what is confirmed of this page and was not given out before, so that a crash leaves nothing of it to
    /// a person. When the page is saved, the same is said once more.
    pub(super) fn made_so_far(&mut self, facts: &CommitFacts<'_>) -> Vec<(RecordId, Link)> {
        let mut known = PageChanges::default();
        for index in 0..self.steps.len() {
            if let (Step::Write(planned), Some(WriteEnd::Confirmed(delivered)), false) =
                (&self.steps[index], &self.ends[index], self.given_out[index])
                && planned.kind == WriteKind::Create
            {
                self.written(index, planned, Outcome::Created, delivered, None, facts, &mut known);
                self.given_out[index] = true;
            }
        }
        known.links
    }

    /// Intents of this page of which no request left.
    pub(super) fn take_promised(&mut self) -> Vec<RecordId> {
        std::mem::take(&mut self.promised)
    }

    /// The records whose create has its end, and those whose end is a letter.
    fn settled(&self, cut_short: bool) -> (Vec<RecordId>, Vec<RecordId>) {
        let (mut settled, mut by_letter) = (Vec::new(), Vec::new());
        if self.promised.is_empty() && self.open.iter().all(Option::is_none) {
            return (settled, by_letter);
        }
        let promised: std::collections::HashSet<&RecordId> = self.promised.iter().collect();
        for (index, key) in self.keys.iter().enumerate() {
            let is_open = self.open.get(index).is_some_and(Option::is_some);
            if self.superseded[index] || !is_open && !promised.contains(key) {
                continue;
            }
            match &self.ends[index] {
                Some(WriteEnd::Confirmed(_)) => settled.push(key.clone()),
                // Without its letter nobody would know of it.
                Some(WriteEnd::Unknown { .. }) if cut_short => {}
                Some(WriteEnd::Unknown { .. }) => by_letter.push(key.clone()),
                // That it is there is known, and remembered with its letter or not at all.
                Some(WriteEnd::Failed { .. }) if self.learnt.contains_key(&index) && !cut_short => {
                    by_letter.push(key.clone());
                }
                Some(_) if self.learnt.contains_key(&index) => {}
                Some(_) if !self.in_doubt[index] => settled.push(key.clone()),
                // It never left.
                None if !is_open && !self.lost => settled.push(key.clone()),
                Some(_) | None => {}
            }
        }
        (settled, by_letter)
    }

    /// Turns the page's ends into what the store saves. Of a page that was cut short only the confirmed writes count.
    pub(super) fn changes(mut self, facts: &CommitFacts<'_>) -> PageChanges {
        let mut changes = PageChanges::default();
        let cut_short = self.is_cut_short();
        (changes.settled, changes.settled_by_letter) = self.settled(cut_short);
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
        if self.lets_go(index, end.as_ref(), cut_short) {
            // A delete that failed lives on as its letter: without the one, the other stays.
            let goes_with_letter = matches!(end, Some(WriteEnd::Failed { .. } | WriteEnd::Unknown { .. }));
            let drops = if goes_with_letter { &mut changes.held_by_letter } else { &mut changes.held };
            drops.push(HeldChange::Drop(self.keys[index].clone()));
        }
        match (&self.steps[index], end) {
            (Step::Skip(reason), _) => {
                changes.counts.count(Outcome::Skipped(*reason));
                if !cut_short {
                    self.skipped(index, *reason, letter, facts, changes);
                }
            }
            (Step::StillDead, _) => {
                changes.counts.count(Outcome::Errored);
                if !cut_short {
                    changes.newer.extend(self.newer(index));
                }
            }
            (Step::Hold, _) => self.hold(index, facts, cut_short, changes),
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
                let is_letter = is_letter(facts.cell.spec.destination.verify, &delivered.altered) && !cut_short;
                let outcome = if is_letter { Outcome::Errored } else { outcome };
                self.written(index, planned, outcome, &delivered, letter.filter(|_| !is_letter), facts, changes);
                if !delivered.altered.is_empty() {
                    self.altered(index, planned, &delivered, letter, is_letter, facts, changes);
                }
            }
            (Step::Write(planned), Some(WriteEnd::Unknown { fault, attempts, sent })) if !cut_short => {
                let reason = Reason {
                    class: ReasonClass::OutcomeUnknown,
                    status: fault.status,
                    field: None,
                    message: format!("outcome unknown: {}", fault.message),
                    answer: fault.answer.clone(),
                };
                let sent = sent.unwrap_or_else(|| planned.send.clone());
                let planned = PlannedWrite { send: sent, ..planned.clone() };
                self.errored(index, reason, Some(&planned), attempts, letter, facts, changes);
            }
            (Step::Write(planned), Some(WriteEnd::Failed { fault, attempts, exhausted })) => {
                self.failed(index, planned, &fault, attempts, exhausted, letter, facts, changes, cut_short);
            }
            // Cut short: the page is read again, so nothing is counted of it.
            _ => {}
        }
    }

    /// What the source holds now of a record that waits for a person to say whether it was made.
    fn newer(&self, index: usize) -> Option<NewerContent> {
        let mark = self.links[index].as_ref()?.dead.as_ref()?;
        let change = self.change(index)?;
        let waits = self.marked[index].as_ref().is_some_and(|marked| marked.is_unknown);
        let is_newer = mark.content != fingerprint(&change.body) && !self.is_older_than_letter(index);
        (waits && is_newer).then(|| NewerContent {
            id: mark.letter,
            source: change.body.detached(),
            version: change.version.clone(),
            deleted: change.deleted,
        })
    }

    /// Tells what the destination keeps otherwise, and where that is asked for, makes a letter of it.
    #[allow(clippy::too_many_arguments, reason = "one record's whole story, told once")]
    fn altered(
        &self,
        index: usize,
        planned: &PlannedWrite,
        delivered: &Delivered,
        letter: Option<DeadLetterId>,
        is_letter: bool,
        facts: &CommitFacts<'_>,
        changes: &mut PageChanges,
    ) {
        let fields: Vec<String> = delivered.altered.iter().map(|altered| format!("`{}`", altered.field)).collect();
        let text = format!("the destination keeps {} otherwise than it was sent", fields.join(", "));
        facts.teller.tell_record(Level::Warn, "record.altered", text.clone(), &self.keys[index], None);
        changes.altered.extend(delivered.altered.iter().cloned());
        if !is_letter {
            return;
        }
        let reason = Reason {
            class: ReasonClass::Altered,
            status: delivered.status,
            field: delivered.altered.first().map(|altered| altered.field.clone()),
            message: text,
            answer: None,
        };
        // It was counted when it was noted as written.
        let written = changes.links.pop();
        let before = changes.counts;
        self.errored(index, reason, Some(planned), Vec::new(), letter, facts, changes);
        changes.counts = before;
        if let (Some((_, written)), Some((_, errored))) = (written, changes.links.last_mut()) {
            *errored = Link { dead: errored.dead.take(), history: std::mem::take(&mut errored.history), ..written };
        }
    }

    /// True when what is withheld of a record is not any more: it was carried out, given up as a dead letter, or the source
    /// has the record again.
    fn lets_go(&self, index: usize, end: Option<&WriteEnd>, cut_short: bool) -> bool {
        let (Some(held), Some(change)) = (&self.held[index], self.change(index)) else { return false };
        if change.deleted {
            return match &self.steps[index] {
                Step::Write(_) => {
                    matches!(end, Some(WriteEnd::Confirmed(_) | WriteEnd::Failed { .. } | WriteEnd::Unknown { .. }))
                }
                // It was deleted already, which a crash hid.
                Step::Skip(SkipReason::Ignored) => {
                    held.kept.is_none() && self.links[index].as_ref().is_none_or(|link| !link.is_live())
                }
                _ => false,
            };
        }
        // What a lagging replica still has is older than the tombstone.
        let is_older = matches!((&change.version, &held.version), (Some(now), Some(gone)) if now < gone);
        !cut_short && !is_older && !matches!(self.steps[index], Step::Skip(SkipReason::Stale))
    }

    /// A delete that waits for a person.
    fn hold(&self, index: usize, facts: &CommitFacts<'_>, cut_short: bool, changes: &mut PageChanges) {
        changes.counts.count(Outcome::Held);
        let Some(change) = self.change(index).filter(|_| !cut_short && self.held[index].is_none()) else { return };
        let row = HeldDelete {
            record: change.id.clone(),
            version: change.version.clone(),
            cause: self.cause,
            body: change.body.detached(),
            run: facts.run,
            since: facts.at,
            kept: None,
        };
        changes.held.push(HeldChange::Hold(Box::new(row)));
        if let Some(link) = self.links[index].as_ref().filter(|link| link.is_live()) {
            let mut link = link.clone();
            link.remember(LinkEvent { at: facts.at, run: facts.run, outcome: Outcome::Held });
            changes.links.push((self.keys[index].clone(), link));
        }
    }

    /// A record that needs nothing any more needs no dead letter either; and of what the filter refuses, that it did.
    fn skipped(
        &self,
        index: usize,
        reason: SkipReason,
        letter: Option<DeadLetterId>,
        facts: &CommitFacts<'_>,
        changes: &mut PageChanges,
    ) {
        changes.letter_ends.extend(letter.map(|_| LetterEnd::Needless));
        changes.recovered.extend(letter.map(Recovery::from));
        let link = self.links[index].as_ref();
        let unmarked = link.and_then(|link| link.dead.as_ref()).filter(|mark| {
            (self.is_settled_by(index, reason) || letter == Some(mark.letter))
                && self.place(index) != Some(LetterPlace::Discarded)
                && !self.was_corrected(index)
                && (letter == Some(mark.letter) || !self.is_kept_otherwise(index))
        });
        if let Some(mark) = unmarked.filter(|mark| letter != Some(mark.letter)) {
            changes.recovered.push(mark.letter.into());
        }
        let is_told = self.is_news(index, reason, facts);
        if unmarked.is_none() && !is_told {
            return;
        }
        let mut link = link.cloned().unwrap_or_default();
        link.dead.take_if(|_| unmarked.is_some());
        if is_told {
            link.remember(LinkEvent { at: facts.at, run: facts.run, outcome: Outcome::Skipped(reason) });
        }
        changes.links.push((self.keys[index].clone(), link));
    }

    /// What the source holds now is at the destination already, or was deleted: nothing is left to deliver.
    fn is_settled_by(&self, index: usize, reason: SkipReason) -> bool {
        let settled = match reason {
            SkipReason::Unchanged => true,
            SkipReason::Ignored => self.is_delete(index),
            _ => false,
        };
        settled && !self.is_older_than_letter(index)
    }

    /// Whether a skip is remembered of its record: the filter's refusal once a filter, and whatever ends it. A record that
    /// is read again and refused again costs no write.
    fn is_news(&self, index: usize, reason: SkipReason, facts: &CommitFacts<'_>) -> bool {
        let link = self.links[index].as_ref();
        let refused = link.and_then(Link::refused);
        match reason {
            SkipReason::Filtered => {
                refused.is_none_or(|event| event.run < facts.filter_since) && !self.is_older_than_written(index)
            }
            SkipReason::Unchanged => refused.is_some(),
            SkipReason::Ignored => refused.is_some() && self.is_delete(index),
            SkipReason::Stale | SkipReason::Echo | SkipReason::Superseded => false,
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
        let Delivered { written, status, took_ms, .. } = delivered;
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
        let makes_ids = facts.cell.spec.destination.creates.makes_ids();
        if written.destination_id.is_some() || makes_ids && planned.kind == WriteKind::Create {
            link.destination_id = written.destination_id.clone();
        }
        if makes_ids && planned.kind == WriteKind::Delete {
            // What comes after it is another record, under another id.
            link.destination_id = None;
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
                self.skipped(index, SkipReason::Ignored, letter, facts, changes);
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
                self.skipped(index, SkipReason::Ignored, letter, facts, changes);
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
        if let Some(id) = self.learnt.get(&index) {
            link.destination_id = Some(id.clone());
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

    /// True when the record's letter says that the destination keeps it otherwise: that it has not changed at the source
    /// mends nothing.
    fn is_kept_otherwise(&self, index: usize) -> bool {
        self.marked[index].as_ref().is_some_and(|marked| marked.is_altered)
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

    /// True when the record is older than what was written of it: it says nothing of what its source holds now.
    fn is_older_than_written(&self, index: usize) -> bool {
        let version = self.change(index).and_then(|change| change.version.as_ref());
        let written = self.links[index].as_ref().and_then(|link| link.version.as_ref());
        matches!((version, written), (Some(version), Some(written)) if version < written)
    }

    fn is_delete(&self, index: usize) -> bool {
        self.change(index).is_some_and(|change| change.deleted)
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

/// A write with what is to be known of it, where it may take more than one request.
fn with_care(
    mut pending: Pending,
    planned: &PlannedWrite,
    link: Option<&Link>,
    open: Option<Intent>,
    facts: &CommitFacts<'_>,
) -> Pending {
    let spec = &facts.cell.spec;
    let JobDestination { creates, checks_versions, verify, .. } = &spec.destination;
    if !creates.makes_ids() && !checks_versions && verify.is_none() {
        return pending;
    }
    let is_create = pending.write.operation == Operation::Create;
    if let (true, Some(unknowns)) = (is_create, creates.unknowns()) {
        pending.promise = Some(Intent {
            at: facts.at,
            run: facts.run,
            key: planned.idempotency_key.clone(),
            fingerprint: planned.fingerprint,
            // Where it can be looked for, what stands there says what was sent.
            sent: (!unknowns.lookup || unknowns.key.is_some()).then(|| planned.send.detached()),
            configured: spec.configured,
        });
    }
    // Until the open one is settled, it is what stands in the state: under its key the create may have left.
    pending.is_promised = open.is_some();
    let is_unlinked = pending.write.destination_id.is_none();
    let looks_first = match creates {
        Creates::InPlace => false,
        Creates::LookedUp => is_unlinked,
        Creates::Once(unknowns) => unknowns.lookup && is_unlinked && !is_create,
    };
    let next = match (&open, looks_first) {
        (Some(_), _) => Next::Settle,
        (None, true) => Next::Find,
        (None, false) => Next::Send,
    };
    pending.care = Some(Box::new(Care {
        next,
        in_doubt: open.is_some(),
        open,
        fields: planned.fields.clone(),
        fingerprint: planned.fingerprint,
        link: link.cloned(),
        rereads: 0,
        learnt: None,
        delivered: None,
    }));
    pending
}

fn reason_of(fault: &Fault, exhausted: bool, gone: bool) -> Reason {
    let class = match (fault.record, exhausted) {
        (_, true) => ReasonClass::Exhausted,
        (Some(RecordFault::Conflict), _) => ReasonClass::Conflict,
        (Some(RecordFault::Ambiguous), _) => ReasonClass::Ambiguous,
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
pub(super) fn stopping_fault(ends: &[Ended]) -> Option<&WriteEnd> {
    ends.iter()
        .map(|ended| &ended.end)
        .find(|end| matches!(end, WriteEnd::Fatal(_) | WriteEnd::GaveUp | WriteEnd::Abandoned))
}

/// Whether a fault of a read ends the run for a person to look at.
pub(super) fn parks(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Fatal | FaultKind::Record)
}
