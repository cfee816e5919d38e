//! A dry run: pages are read and planned, and nothing is written, neither at the destination nor in the store.

use super::Engine;
use super::job::JobCell;
use super::limit::{NoPermit, Patience};
use super::lines::Line;
use super::orders::OrderError;
use super::page::{OpenPage, PageRead};
use super::read::greatest;
use super::schedule::is_reordered;
use super::tell::Teller;
use crate::connect::{Fault, FaultKind, ReadFrom};
use crate::model::mapping::{Filter, Mapping, fingerprint};
use crate::model::plan::{PlanRules, Step, WriteKind};
use crate::model::{
    Change, Item, JobId, Link, Outcome, Page, PlanFrom, PlanOrder, PlanPart, PlanRow, PlanTotals, PlanWhat, Position,
    RawJson, Reason, RecordId, backoff, field_changes,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A part ends after the page with which it has read so many records, whatever was asked for.
const RECORDS_MAX: u64 = 10_000;
/// A part ends after so many pages; a source may give empty ones.
const PAGES_MAX: u64 = 200;
/// The most rows of one part.
const ROWS_MAX: usize = 1_000;
/// A part ends after the page that is read when so much time has passed, so that whoever asked hears of it.
const PART_WITHIN: Duration = Duration::from_secs(20);
/// How long one page is waited for, its retries and the waits for the source's limits included.
const PAGE_WITHIN: Duration = Duration::from_secs(30);

/// What of a dry run one request asks for.
#[derive(Clone, Debug)]
pub struct DryRun {
    pub job: JobId,
    pub from: PlanFrom,
    /// The part ends after the page that reaches so many records.
    pub max_records: u64,
    pub max_rows: usize,
    /// Another configuration of the job.
    pub order: Option<Box<PlanOrder>>,
}

/// The rules of another configuration, ready to use.
struct Other {
    order: Box<PlanOrder>,
    mapping: Mapping,
    filter: Option<Filter>,
}

/// One dry run on its way.
struct Counting {
    cell: Arc<JobCell>,
    other: Option<Other>,
    part: PlanPart,
    max_rows: usize,
}

impl Engine {
    /// Reads and plans a part of what the job's source holds.
    pub async fn dry_run(&self, asked: DryRun) -> Result<PlanPart, OrderError> {
        let cell = self.cell(&asked.job)?;
        let other = other(&cell, asked.order)?;
        let mut notes = Vec::new();
        let mut position = match asked.from {
            PlanFrom::At(position) => *position,
            PlanFrom::Rewind(to) => {
                let position = self.rewind_preview(&asked.job, &to).await?.position;
                next_listing(&cell, position)
            }
            PlanFrom::Next => {
                let checkpoint = cell.live().checkpoint.clone();
                let is_reordered = is_reordered(&cell) || other.is_some();
                if is_reordered && checkpoint.is_some() {
                    notes.push("the configuration is another one than before: everything is read once more".to_owned());
                }
                let position = checkpoint.filter(|_| !is_reordered).map(|checkpoint| checkpoint.position);
                next_listing(&cell, position.unwrap_or_default())
            }
        };
        let rules = cell.spec.position_rules();
        if position.reads_log(rules) {
            // A dry run looks at everything: what an event is worth only the record tells.
            notes.push(
                "the run reads the change log; counted here is what everything that is listed would do".to_owned(),
            );
            position = Position::default();
        }
        let begins = position.resume_words(&cell.spec.resume_rules());
        let part = PlanPart { begins, notes, ..PlanPart::default() };
        let mut counting = Counting { cell, other, part, max_rows: asked.max_rows.min(ROWS_MAX) };
        let max_records = asked.max_records.min(RECORDS_MAX);
        let began = Instant::now();
        loop {
            position.began.get_or_insert_with(|| self.clock.now());
            let page = match self.read_dry(&counting.cell, &position).await {
                Ok(page) => page,
                // Of a listing that has just been begun again nothing is counted yet, so nothing is counted twice.
                Err(fault) if fault.cursor_expired && position.cursor.is_some() && counting.part.pages == 0 => {
                    position = position.without_cursor(rules);
                    counting.part.begins = position.resume_words(&counting.cell.spec.resume_rules());
                    let text = "the cursor has expired, so the listing begins again; that is what is counted here";
                    counting.part.notes.push(text.to_owned());
                    continue;
                }
                Err(fault) => {
                    counting.part.problem = Some(fault.message.clone());
                    counting.part.next = Some(Box::new(position));
                    return Ok(counting.part);
                }
            };
            if page.next.is_some() && page.next == position.cursor {
                counting.part.problem = Some("the source gave the same cursor again".to_owned());
                return Ok(counting.part);
            }
            let Page { items, next, total } = page;
            position = position.after_page(items.len() as u64, greatest(&items), next, rules, self.clock.now());
            counting.part.source_total = total.or(counting.part.source_total);
            counting.take(self, items, &position).await?;
            if position.complete || position.sweep.is_some() {
                return Ok(counting.part);
            }
            let is_long = counting.part.pages >= PAGES_MAX || began.elapsed() >= PART_WITHIN;
            if is_long || counting.part.totals.counts.scanned >= max_records {
                counting.part.next = Some(Box::new(position));
                return Ok(counting.part);
            }
        }
    }

    /// Reads one page through the source's limits, as often as its retry rule allows. What a run counts of its own
    /// requests is left alone.
    async fn read_dry(&self, cell: &Arc<JobCell>, position: &Position) -> Result<Page, Fault> {
        let gate = &cell.source_gate;
        let teller = Teller::new(self.notices.clone(), cell.clone(), None);
        let patience = Patience { abandon: CancellationToken::new(), gives_up: true, line: Line::Person };
        let from = ReadFrom { cursor: position.cursor.clone(), since: position.since.clone() };
        let rule = &gate.connection.retry;
        let read = async {
            let mut failures = 0;
            loop {
                let permit = match gate.acquire(&patience).await {
                    Ok(permit) => permit,
                    Err(NoPermit::GaveUp | NoPermit::Abandoned) => return Err(away(cell)),
                };
                let reply = gate.call(|| cell.source.read_page(&from)).await;
                let event = permit.done(&reply.signals, reply.outcome.as_ref().err());
                teller.gate_event(gate, &event);
                let fault = match reply.outcome {
                    Ok(page) => return Ok(page),
                    Err(fault) => fault,
                };
                match fault.kind {
                    FaultKind::Record | FaultKind::Fatal => return Err(fault),
                    FaultKind::Throttled => {}
                    FaultKind::Transient | FaultKind::Unknown => {
                        failures += 1;
                        if failures >= rule.attempts {
                            return Err(fault);
                        }
                        tokio::time::sleep(backoff::delay(rule, failures, gate.dice())).await;
                    }
                }
            }
        };
        tokio::time::timeout(PAGE_WITHIN, read).await.unwrap_or_else(|_| Err(away(cell)))
    }
}

fn away(cell: &JobCell) -> Fault {
    let id = &cell.spec.source.connection;
    let what =
        cell.source_gate.waiting_for().map_or_else(|| format!("{id} does not answer in time"), |(what, ..)| what);
    super::read::away(what)
}

fn next_listing(cell: &JobCell, position: Position) -> Position {
    let start = cell.spec.source.incremental.as_ref().and_then(|incremental| incremental.start.clone());
    position.next_listing(cell.spec.position_rules(), start.as_ref())
}

/// The other configuration, where it is another one.
fn other(cell: &JobCell, order: Option<Box<PlanOrder>>) -> Result<Option<Other>, OrderError> {
    let spec = &cell.spec;
    let own = PlanOrder::of(spec);
    let Some(order) = order.filter(|order| **order != own) else { return Ok(None) };
    let refused = |text: String| OrderError::Refused(text);
    if order.source_identity != spec.source_identity {
        return Err(refused(format!(
            "the two configurations read the source of `{0}` otherwise, and the engine that runs has the old one; stop it \
             and plan `{0}` again",
            spec.id
        )));
    }
    let mapping = Mapping::compile(&order.map)
        .map_err(|errors| refused(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let filter = order.filter.as_deref().map(Filter::compile).transpose().map_err(refused)?;
    Ok(Some(Other { order, mapping, filter }))
}

impl Counting {
    /// Plans a page and adds it up.
    async fn take(&mut self, engine: &Engine, items: Vec<Item>, position: &Position) -> Result<(), OrderError> {
        let cell = self.cell.clone();
        let in_doubt_since = cell.live().in_doubt_since;
        let read = PageRead { items, position: Some(position.clone()), ..PageRead::of_letters() };
        let spec = &cell.spec;
        let rules = match &self.other {
            None => super::page::plan_rules(&cell, &read, in_doubt_since),
            Some(other) => PlanRules {
                job: &spec.id,
                mapping: &other.mapping,
                filter: other.filter.as_ref(),
                delete: other.order.delete,
                soft_delete: other.order.soft_delete.as_ref(),
                changed_fields_only: other.order.changed_fields_only,
                makes_ids: spec.destination.creates.makes_ids(),
                max_attempts: other.order.max_attempts,
                is_retry: false,
                is_forced: false,
                in_doubt_since,
            },
        };
        let page = OpenPage::plan_by(&rules, self.part.pages + 1, read, &engine.store).await?;
        let before = self.other.as_ref().map(|_| &cell.mapping);
        for planned in page.planned() {
            count(&planned, &mut self.part.totals);
            if self.part.rows.len() < self.max_rows
                && let Some(row) = row(&planned, before)
            {
                self.part.rows.push(row);
            }
        }
        self.part.pages += 1;
        Ok(())
    }
}

/// One record of a planned page.
pub(super) struct Planned<'a> {
    pub item: &'a Item,
    pub key: &'a RecordId,
    pub link: Option<&'a Link>,
    pub step: &'a Step,
}

fn count(planned: &Planned<'_>, totals: &mut PlanTotals) {
    totals.counts.scanned += 1;
    let outcome = match planned.step {
        Step::Skip(reason) => Outcome::Skipped(*reason),
        Step::Reject(_) => {
            totals.rejected += 1;
            Outcome::Errored
        }
        Step::StillDead => {
            totals.still_dead += 1;
            Outcome::Errored
        }
        Step::Hold => Outcome::Held,
        Step::Write(write) => {
            totals.dead_again += u64::from(planned.link.is_some_and(|link| link.dead.is_some()));
            match write.kind {
                WriteKind::Create => Outcome::Created,
                WriteKind::Update => Outcome::Updated,
                WriteKind::Delete | WriteKind::SoftDelete => Outcome::Deleted,
            }
        }
    };
    totals.counts.count(outcome);
}

/// What there is to tell of a record; none of one about which nothing is done. `before` is the mapping by which it may
/// have been written last, where another one is planned with.
fn row(planned: &Planned<'_>, before: Option<&Mapping>) -> Option<PlanRow> {
    let version = |item: &Item| match item {
        Item::Change(change) => change.version.as_ref().map(|version| version.text()),
        Item::Unreadable { .. } => None,
    };
    let plain = |what: PlanWhat, why: Option<String>| PlanRow {
        record: planned.key.clone(),
        what,
        version_before: planned.link.and_then(|link| link.version.as_ref()).map(|version| version.text()),
        version: version(planned.item),
        fields: Vec::new(),
        is_field_by_field: true,
        why,
    };
    match planned.step {
        // A dry run withholds nothing.
        Step::Skip(_) | Step::Hold => None,
        Step::Reject(reason) => Some(plain(PlanWhat::Reject, Some(rejected(reason)))),
        Step::StillDead => {
            let letter = planned.link.and_then(|link| link.dead.as_ref()).map(|mark| mark.letter);
            let why = letter.map(|letter| format!("dead letter #{letter} holds this very content"));
            Some(plain(PlanWhat::StillDead, why))
        }
        Step::Write(write) => {
            let what = match write.kind {
                WriteKind::Create => PlanWhat::Create,
                WriteKind::Update => PlanWhat::Update,
                WriteKind::Delete => return Some(plain(PlanWhat::Delete, None)),
                WriteKind::SoftDelete => PlanWhat::SoftDelete,
            };
            let known = planned.link.and_then(|link| last_written(planned.item, link, before));
            let is_new = what == PlanWhat::Create;
            let fields = field_changes(known.as_ref().filter(|_| !is_new), &write.fields);
            Some(PlanRow { fields, is_field_by_field: is_new || known.is_some(), ..plain(what, None) })
        }
    }
}

fn rejected(reason: &Reason) -> String {
    match &reason.field {
        Some(field) => format!("{field}: {}", reason.message),
        None => reason.message.clone(),
    }
}

/// What was last written of a record: as it was kept, or as the mapping of then makes it again of a record that has not
/// changed since, which the fingerprint tells.
fn last_written(item: &Item, link: &Link, before: Option<&Mapping>) -> Option<RawJson> {
    if let Some(fields) = &link.fields {
        return Some(fields.clone());
    }
    let Item::Change(Change { body, .. }) = item else { return None };
    let fields = before?.apply(body).ok()?;
    (link.written == Some(fingerprint(&fields))).then_some(fields)
}
