//! Where a run's pages come from: the source, or the dead-letter queue. One page is read ahead.

use super::bulk::{SLICE, page_size, tell_end, time_of};
use super::guard::DeleteGuard;
use super::job::JobCell;
use super::limit::{Gate, NoPermit, Patience};
use super::page::{PageRead, RetriedLetter};
use super::tell::{Teller, span};
use crate::connect::{Fault, FaultKind, ReadFrom, Reply};
use crate::model::{
    BulkRetry, BulkStage, Clock, Cursor, DeadLetter, DeadLetterId, Item, JobId, LetterState, Level, Position, RecordId,
    Timestamp, Watermark, backoff,
};
use crate::store::{OrderedAt, Store};
use futures::future::BoxFuture;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Cursors of one listing that are remembered to find a cycle. Beyond it only a direct repetition is found.
const CURSORS_MAX: usize = 1_000_000;
/// How often a listing may begin again in one run because its cursor expired, without a page in between that counts.
const RESTARTS_MAX: u32 = 5;
/// Dead letters of one page of a retry.
const LETTERS_A_PAGE: usize = 50;

/// Why no more pages come.
#[derive(Debug)]
pub(super) enum ReadEnd {
    /// The listing ended.
    Complete,
    /// A limit of the run was reached.
    Limit,
    Stopped,
    /// The source failed for longer than its attempts, or gave up waiting for it.
    Unreadable(Box<Fault>),
    /// It can not go on without a person.
    Fatal(Box<Fault>),
    Store(crate::store::StoreError),
}

pub(super) enum Read {
    Page(Box<PageRead>),
    End(ReadEnd),
}

/// The bounds of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub max_pages: Option<u64>,
    pub max_records: Option<u64>,
    pub until: Option<Instant>,
}

/// The cursors of one listing, to find one that would never end.
#[derive(Default)]
pub(super) struct CursorsSeen(HashSet<u64>);

impl CursorsSeen {
    /// True when `next`, which came after `before`, was given before.
    pub(super) fn repeats(&mut self, before: Option<&Cursor>, next: &Cursor) -> bool {
        let mut hash = DefaultHasher::new();
        next.hash(&mut hash);
        if self.0.len() >= CURSORS_MAX {
            self.0.clear();
        }
        before == Some(next) || !self.0.insert(hash.finish())
    }
}

/// Reads pages of one run and hands them over one ahead.
pub(super) struct Reader {
    pub cell: Arc<JobCell>,
    pub gate: Arc<Gate>,
    pub patience: Patience,
    pub stop: CancellationToken,
    pub teller: Teller,
    pub clock: Arc<dyn Clock>,
    pub bounds: Bounds,
    pub store: Store,
    pub guard: Arc<DeleteGuard>,
    pub pages: mpsc::Sender<Read>,
}

impl Reader {
    /// Reads the source from `position` to the listing's end.
    pub(super) async fn read_source(self, position: Position) {
        let end = self.source_pages(position).await;
        self.send_end(end).await;
    }

    /// Hands a page over. False when the run is gone.
    pub(super) async fn send(&self, page: PageRead) -> bool {
        self.pages.send(Read::Page(Box::new(page))).await.is_ok()
    }

    pub(super) async fn send_end(&self, end: ReadEnd) {
        // The run is gone when nobody listens; then nobody waits for the reason either.
        let _ = self.pages.send(Read::End(end)).await;
    }

    async fn source_pages(&self, mut position: Position) -> ReadEnd {
        let rules = self.cell.spec.position_rules();
        let mut seen = CursorsSeen::default();
        let (mut pages, mut records) = (0, 0);
        let mut restarts = 0;
        let began = Instant::now();
        if let Some(log) = self.cell.change_log.clone().filter(|_| position.reads_log(rules)) {
            // What the log no longer knows is listed.
            position = match self.log_pages(log.as_ref(), position).await {
                Ok(position) => position,
                Err(end) => return end,
            };
        }
        loop {
            if self.stop.is_cancelled() {
                return ReadEnd::Stopped;
            }
            if position.sweep.is_some() {
                return self.sweep(position).await;
            }
            if self.reached(pages, records) || pages > 0 && self.makes_way(began) {
                return ReadEnd::Limit;
            }
            if let Err(end) = self.note_head(&mut position).await {
                return end;
            }
            let from = ReadFrom { cursor: position.cursor.clone(), since: position.since.clone() };
            position.began.get_or_insert_with(|| self.clock.now());
            let page = match self.read_page(&from).await {
                Ok(page) => page,
                Err(ReadEnd::Fatal(fault)) if fault.cursor_expired && position.cursor.is_some() => {
                    restarts += 1;
                    if restarts > RESTARTS_MAX {
                        return ReadEnd::Fatal(Box::new(short_lived_cursors(&self.cell.spec.id, *fault)));
                    }
                    let text = format!("the source refused the cursor ({}), the listing begins again", fault.message);
                    self.teller.tell(Level::Warn, "cursor.expired", text);
                    position = position.without_cursor(rules);
                    seen = CursorsSeen::default();
                    continue;
                }
                Err(end) => return end,
            };
            if page.next.as_ref().is_some_and(|next| seen.repeats(position.cursor.as_ref(), next)) {
                return ReadEnd::Fatal(Box::new(repeated_cursor(&self.cell.spec.id)));
            }
            let n = page.items.len() as u64;
            if rules.sorted && rules.incremental {
                // It goes on from here even if the next cursor expires.
                restarts = 0;
            }
            position = position.after_page(n, greatest(&page.items), page.next, rules, self.clock.now());
            pages += 1;
            records += n;
            let is_last = position.complete;
            if position.sweep.is_some() {
                match self.empty_listing(&position).await {
                    Ok(None) => {}
                    Ok(Some(fault)) => return ReadEnd::Fatal(fault),
                    Err(end) => return end,
                }
            }
            let mut read = PageRead {
                seen: self.seen(&position, &page.items),
                items: page.items,
                position: Some(position.clone()),
                total: page.total,
                is_listed: true,
                ..PageRead::of_letters()
            };
            // What is missing is looked for when the whole listing is saved.
            let saved = position.sweep.map(|_| {
                let (settled, is_settled) = oneshot::channel();
                read.settled = Some(settled);
                is_settled
            });
            if !self.send(read).await {
                return ReadEnd::Stopped;
            }
            if let Some(saved) = saved {
                // Dropped unsent: that it ends is all that it says.
                let _ = saved.await;
            }
            if is_last {
                return ReadEnd::Complete;
            }
        }
    }

    pub(super) fn reached(&self, pages: u64, records: u64) -> bool {
        let bounds = &self.bounds;
        bounds.max_pages.is_some_and(|max| pages >= max)
            || bounds.max_records.is_some_and(|max| records >= max)
            || bounds.until.is_some_and(|until| Instant::now() >= until)
    }

    /// True when a long listing lets events go first that wait; it goes on from its checkpoint after them.
    fn makes_way(&self, began: Instant) -> bool {
        let now = self.clock.now();
        began.elapsed() >= SLICE && self.cell.inbox_due(&self.store, now).is_some_and(|due| due <= now)
    }

    pub(super) async fn read_page(&self, from: &ReadFrom) -> Result<crate::model::Page, ReadEnd> {
        self.ask(|| self.cell.source.read_page(from)).await
    }

    /// Asks the source until it answers, as often as its retry rule allows.
    pub(super) async fn ask<'a, T>(&self, request: impl Fn() -> BoxFuture<'a, Reply<T>>) -> Result<T, ReadEnd> {
        let rule = &self.gate.connection.retry;
        let mut failures = 0;
        loop {
            let permit = match self.gate.acquire(&self.patience).await {
                Ok(permit) => permit,
                Err(NoPermit::Abandoned) => return Err(ReadEnd::Stopped),
                Err(NoPermit::GaveUp) => return Err(ReadEnd::Unreadable(Box::new(self.down()))),
            };
            self.gate.called(&self.cell.spec.id);
            let reply = self.gate.call(&request).await;
            let event = permit.done(&reply.signals, reply.outcome.as_ref().err());
            self.teller.gate_event(&self.gate, &event);
            let fault = match reply.outcome {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            match fault.kind {
                FaultKind::Record | FaultKind::Fatal => {
                    return Err(ReadEnd::Fatal(Box::new(fault)));
                }
                FaultKind::Throttled => self.cell.count_retry(fault.kind),
                FaultKind::Transient | FaultKind::Unknown => {
                    failures += 1;
                    if failures >= rule.attempts {
                        return Err(ReadEnd::Unreadable(Box::new(fault)));
                    }
                    self.cell.count_retry(fault.kind);
                    if self.gate.is_open() {
                        continue;
                    }
                    let own = backoff::delay(rule, failures, self.gate.dice());
                    let wait = fault.retry_after.unwrap_or_default().min(rule.max_retry_after).max(own);
                    let text = format!(
                        "reading failed ({}), try {} of {} in {}",
                        fault.message,
                        failures + 1,
                        rule.attempts,
                        span(wait)
                    );
                    self.teller.tell(Level::Info, "read.retry", text);
                    self.rest(wait).await;
                }
            }
        }
    }

    async fn rest(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.patience.abandon.cancelled() => {}
        }
    }

    fn down(&self) -> Fault {
        let what = self.gate.waiting_for().map_or_else(|| "it does not answer".to_owned(), |(what, ..)| what);
        Fault { message: what, ..plain_fault(FaultKind::Transient) }
    }

    /// Reads the letters under retry, each as its source holds it now where the job can ask.
    pub(super) async fn read_letters(self, store: Store) {
        let end = self.letter_pages(&store).await;
        let _ = self.pages.send(Read::End(end)).await;
    }

    async fn letter_pages(&self, store: &Store) -> ReadEnd {
        let began = Instant::now();
        let mut failed_reads = 0;
        let mut after = None;
        loop {
            if self.stop.is_cancelled() {
                return ReadEnd::Stopped;
            }
            let page = match self.next_letters(store, &mut after, LETTERS_A_PAGE, None, &mut failed_reads).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(end) => return end,
            };
            if self.pages.send(Read::Page(Box::new(page))).await.is_err() {
                return ReadEnd::Stopped;
            }
        }
        let mut done = Vec::new();
        while let Some(bulk) = self.next_bulk(&done) {
            match self.bulk_pages(store, bulk.number, began, &mut failed_reads).await {
                Ok(()) => done.push(bulk.number),
                Err(end) => return end,
            }
        }
        ReadEnd::Complete
    }

    fn next_bulk(&self, done: &[u64]) -> Option<BulkRetry> {
        let is_next = |bulk: &BulkRetry| bulk.stage != BulkStage::Gathering && !done.contains(&bulk.number);
        self.cell.open_bulks().into_iter().find(is_next)
    }

    /// Reads a retry of many letters to its end: page after page, each only when the one before has its outcome, so that
    /// what is learned from one stops the next.
    async fn bulk_pages(
        &self,
        store: &Store,
        number: u64,
        began: Instant,
        failed_reads: &mut u32,
    ) -> Result<(), ReadEnd> {
        let mut after = None;
        loop {
            let Some(bulk) = self.cell.bulk(number).filter(BulkRetry::is_open) else { return Ok(()) };
            if matches!(bulk.stage, BulkStage::Stopping { .. }) {
                return self.end_bulk(store, number).await;
            }
            if self.stop.is_cancelled() {
                return Err(ReadEnd::Stopped);
            }
            if began.elapsed() >= SLICE && self.cell.is_due() {
                return Err(ReadEnd::Limit);
            }
            let most = page_size(&bulk, LETTERS_A_PAGE);
            let of = Some(bulk.at);
            let Some(page) = self.next_letters(store, &mut after, most, of, failed_reads).await? else {
                return self.end_bulk(store, number).await;
            };
            let next_at = Instant::now() + time_of(&bulk, page.letters.len());
            let (settled, is_settled) = oneshot::channel();
            let page = PageRead { bulk: Some(number), settled: Some(settled), ..page };
            if self.pages.send(Read::Page(Box::new(page))).await.is_err() {
                return Err(ReadEnd::Stopped);
            }
            // Dropped unsent: that it ends is all that it says.
            let _ = is_settled.await;
            tokio::select! {
                () = tokio::time::sleep_until(next_at) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    async fn end_bulk(&self, store: &Store, number: u64) -> Result<(), ReadEnd> {
        let ended = self.cell.end_bulk(number, store).await.map_err(ReadEnd::Store)?;
        if let Some(bulk) = ended {
            tell_end(&self.teller, &bulk);
        }
        Ok(())
    }

    /// The next letters of a retry of many; with none, of those that belong to no such retry.
    async fn letters_after(
        &self,
        store: &Store,
        after: &mut Option<DeadLetterId>,
        most: usize,
        bulk: Option<Timestamp>,
    ) -> Result<Vec<DeadLetter>, ReadEnd> {
        let bulks = || self.cell.open_bulks().into_iter().map(|bulk| bulk.at);
        loop {
            let ordered = bulk.map_or_else(|| OrderedAt::NotAt(bulks().collect()), OrderedAt::At);
            let found = store.letters_ordered(&self.cell.spec.id, *after, most, ordered).await;
            let mut letters = each_record_once(found.map_err(ReadEnd::Store)?);
            let Some(last) = letters.last() else { return Ok(letters) };
            *after = Some(last.id);
            if bulk.is_none() {
                // One that was ordered meanwhile is known here before the first of its letters moves.
                letters.retain(|letter| {
                    !matches!(letter.state, LetterState::Retrying { since, .. } if bulks().any(|at| at == since))
                });
            }
            if !letters.is_empty() {
                return Ok(letters);
            }
        }
    }

    /// The next page of letters under retry; none when there are no more.
    async fn next_letters(
        &self,
        store: &Store,
        after: &mut Option<DeadLetterId>,
        most: usize,
        bulk: Option<Timestamp>,
        failed_reads: &mut u32,
    ) -> Result<Option<PageRead>, ReadEnd> {
        let letters = self.letters_after(store, after, most, bulk).await?;
        if letters.is_empty() {
            return Ok(None);
        }
        let mut page = PageRead::of_letters();
        for letter in &letters {
            let (item, is_gone) = match self.letter_item(letter).await {
                Ok(found) => {
                    *failed_reads = 0;
                    found
                }
                // One that can not be read is its own trouble; two in a row are the source's.
                Err(ReadEnd::Unreadable(fault)) if *failed_reads == 0 => {
                    *failed_reads += 1;
                    (not_read(letter, &fault), false)
                }
                Err(end) => return Err(end),
            };
            let correction = store.correction(letter.id).await.map_err(ReadEnd::Store)?;
            page.items.push(item);
            page.letters.push(RetriedLetter { id: letter.id, group: letter.group, correction, is_gone });
        }
        Ok(Some(page))
    }

    /// Reads one record that a person asked for.
    pub(super) async fn read_record(self, record: RecordId) {
        let end = match self.ask(|| self.cell.source.read_one(&record)).await {
            Ok(Some(item)) => {
                let page = PageRead { items: vec![item], is_forced: true, ..PageRead::of_letters() };
                match self.pages.send(Read::Page(Box::new(page))).await {
                    Ok(()) => ReadEnd::Complete,
                    Err(_) => ReadEnd::Stopped,
                }
            }
            // Nothing is deleted for it: only a tombstone says that a record was deleted.
            Ok(None) => ReadEnd::Complete,
            Err(end) => end,
        };
        let _ = self.pages.send(Read::End(end)).await;
    }

    /// The record to send for a letter: what the source holds now, else what it held when the letter was written.
    /// True with it when the source no longer has the record.
    async fn letter_item(&self, letter: &DeadLetter) -> Result<(Item, bool), ReadEnd> {
        let stored = || self.cell.reader.read(letter.source.clone());
        let can_ask = self.cell.source.can_read_one() && !letter.deleted && !letter.record.as_str().starts_with('#');
        if !can_ask {
            return Ok((stored(), false));
        }
        match self.ask(|| self.cell.source.read_one(&letter.record)).await {
            Ok(Some(item)) => Ok((item, false)),
            Ok(None) => Ok((stored(), true)),
            Err(ReadEnd::Fatal(fault)) if fault.kind == FaultKind::Record => Ok((not_read(letter, &fault), false)),
            Err(end) => Err(end),
        }
    }
}

/// Letters up to the second one of a record: the two are tried one after the other.
fn each_record_once(mut letters: Vec<DeadLetter>) -> Vec<DeadLetter> {
    let mut seen: HashSet<RecordId> = HashSet::with_capacity(letters.len());
    let end = letters.iter().position(|letter| !seen.insert(letter.record.clone()));
    letters.truncate(end.unwrap_or(letters.len()));
    letters
}

/// A letter whose record the source would not give: it fails again, with that as the reason.
fn not_read(letter: &DeadLetter, fault: &Fault) -> Item {
    let status = fault.status.map(|status| format!(" ({status})")).unwrap_or_default();
    Item::Unreadable {
        id: Some(letter.record.clone()),
        field: None,
        reason: format!("the source does not give the record again{status}: {}", fault.message),
        body: letter.source.clone(),
    }
}

/// Why a record that an event named could not be read.
pub(super) fn not_given(fault: &Fault) -> String {
    let status = fault.status.map(|status| format!(" ({status})")).unwrap_or_default();
    format!("the source does not give the record that an event named{status}: {}", fault.message)
}

pub(super) fn greatest(items: &[Item]) -> Option<Watermark> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Change(change) => change.version.as_ref().map(|version| (version, &change.id)),
            Item::Unreadable { .. } => None,
        })
        .max()
        .map(|(version, id)| Watermark { version: version.clone(), id: id.clone() })
}

pub(super) fn repeated_cursor(job: &JobId) -> Fault {
    Fault {
        message: "the source gave a cursor that it gave before, so the listing would never end".to_owned(),
        hint: Some(format!(
            "check `paginate` of `{job}`: does `next` point at the next page's cursor? then `syncdeck resume {job}`"
        )),
        ..plain_fault(FaultKind::Fatal)
    }
}

fn short_lived_cursors(job: &JobId, fault: Fault) -> Fault {
    Fault {
        message: format!("the source's cursors expire before its listing ends ({})", fault.message),
        hint: Some(format!(
            "ask `{job}` for larger pages, or for a listing in order of version with `sorted = true`; \
             then `syncdeck resume {job}`"
        )),
        ..fault
    }
}

/// A source that gives nothing now, for this reason.
pub(super) fn away(message: String) -> Fault {
    Fault { message, ..plain_fault(FaultKind::Transient) }
}

/// What only a person can mend, for this reason.
pub(super) fn refused(message: String) -> Fault {
    Fault { message, ..plain_fault(FaultKind::Fatal) }
}

pub(super) fn plain_fault(kind: FaultKind) -> Fault {
    Fault {
        kind,
        record: None,
        status: None,
        message: String::new(),
        field: None,
        answer: None,
        retry_after: None,
        request: String::new(),
        cursor_expired: false,
        hint: None,
    }
}
