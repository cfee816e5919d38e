//! The loop: read → look up → plan → write → commit → tell. Everything that syncs goes through here.

use super::deliver::{Deliverer, Ended, Pending, WriteEnd};
use super::guard::DeleteGuard;
use super::held::withheld;
use super::job::{JobCell, Live, OpenLetters};
use super::limit::{Gate, Patience};
use super::lines::Line;
use super::page::{CommitFacts, OpenPage, PageChanges, PageRead, parks, stopping_fault};
use super::read::{Bounds, Read, ReadEnd, Reader};
use super::tell::{Notices, Teller};
use crate::connect::Fault;
use crate::model::{
    Actor, Clock, Epoch, GroupId, LetterEnd, Level, Link, Position, RecordId, RunEnd, RunId, RunKind, Timestamp,
};
use crate::store::{BulkPage, Committed, PageCommit, Seen, Store, StoreError};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesOrdered, StreamExt};
use std::any::Any;
use std::collections::{HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Pages that may be written or wait for their commit at once. It bounds memory and what a crash reads again.
const OPEN_PAGES_MAX: usize = 16;
/// Records of such pages, whatever their number.
const OPEN_RECORDS_MAX: usize = 4_000;
/// Intents of one transaction.
const INTENTS_MAX: usize = 1_000;
/// How long a stop waits for the pages in progress before what was not sent is left for the next run.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Forbidden writes, with none that passed, that are the connection's trouble and not a record's: at a run's beginning …
const FORBIDDEN_MIN: u64 = 3;
/// … and after writes that passed, when somebody took the right away.
const FORBIDDEN_LATER_MIN: u64 = 20;
/// The last records, about, whose share of errors is looked at too: a long run that went well must not hide that nothing
/// passes any more.
const RECENT_RECORDS: u64 = 1_000;

/// How a run is told to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    /// Read no more pages.
    pub between_pages: CancellationToken,
    /// Send nothing more.
    pub abandon: CancellationToken,
}

/// What a run works with.
pub(super) struct RunParts {
    pub cell: Arc<JobCell>,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub notices: Arc<Notices>,
    pub source_gate: Arc<Gate>,
    pub destination_gate: Arc<Gate>,
    pub stop: Stop,
    /// Who stops it, when somebody does.
    pub stopped_by: Arc<parking_lot::Mutex<Option<Actor>>>,
    pub gives_up: bool,
    pub run: RunId,
    pub epoch: Epoch,
    /// The first run that had the filter that this one has.
    pub filter_since: RunId,
    pub kind: RunKind,
    /// Of a run for one record: which.
    pub record: Option<RecordId>,
    pub start: Position,
    pub bounds: Bounds,
    /// When the first run began that did not see the end of all that it began, since the last listing that was read to
    /// its end.
    pub in_doubt_since: Option<Timestamp>,
    /// Withholds deletes that are too many.
    pub guard: Arc<DeleteGuard>,
    /// The job's order is new: it is noted as begun with the first page that is saved.
    pub is_reconfigured: bool,
}

/// A commit that ended: how many records its page had, which, and what the store said.
type Saved = (usize, Vec<RecordId>, Result<Committed, StoreError>);

/// A page that is handed to the store.
struct Leaving {
    records: usize,
    keys: Vec<RecordId>,
    bulk: Option<u64>,
    settled: Option<oneshot::Sender<()>>,
    events: Vec<u64>,
    seen: Option<Seen>,
}

/// A batch of writes that ended; or how many were lost, and why.
type Written = (u64, Result<Vec<Ended>, (usize, String)>);

/// Carries one run out, from its first page to its end.
pub(super) async fn run(parts: RunParts) -> RunEnd {
    RunLoop::start(parts).carry_out().await
}

struct RunLoop {
    parts: RunParts,
    teller: Teller,
    deliverer: Arc<Deliverer>,
    reader: mpsc::Receiver<Read>,
    reading: AbortOnDropHandle<()>,
    open: VecDeque<OpenPage>,
    blocked: Option<PageRead>,
    queue: VecDeque<(u64, Vec<Pending>)>,
    writes: JoinSet<Written>,
    commits: FuturesOrdered<BoxFuture<'static, Saved>>,
    commits_waiting: usize,
    read_end: Option<ReadEnd>,
    /// Why the run must end early.
    trouble: Option<RunEnd>,
    /// A page was cut short: no later one may move the checkpoint, for it would jump over it.
    broken: bool,
    next_page: u64,
    stop_deadline: Option<Instant>,
    errored_anew: u64,
    scanned: u64,
    confirmed: u64,
    /// Since the last write that passed.
    forbidden: u64,
    /// Scanned and errored of the last pages.
    recent: VecDeque<(u64, u64)>,
}

impl RunLoop {
    fn start(parts: RunParts) -> Self {
        let teller = Teller::new(parts.notices.clone(), parts.cell.clone(), Some(parts.run));
        let id = parts.cell.spec.id.clone();
        let line = if parts.kind == RunKind::Retry { Line::Retry(id) } else { Line::Job(id) };
        let patience = Patience { abandon: parts.stop.abandon.clone(), gives_up: parts.gives_up, line };
        let deliverer = Arc::new(Deliverer {
            destination: parts.cell.destination.clone(),
            gate: parts.destination_gate.clone(),
            patience: patience.clone(),
            stop: parts.stop.between_pages.clone(),
            clock: parts.clock.clone(),
            teller: teller.clone(),
            cell: parts.cell.clone(),
            store: parts.store.clone(),
            run: parts.run,
            max_attempts: parts.cell.spec.max_attempts.max(1),
        });
        // One page lies here while the reader fetches another: one ahead of the one that is taken.
        let (pages, reader) = mpsc::channel(1);
        let source = Reader {
            cell: parts.cell.clone(),
            gate: parts.source_gate.clone(),
            patience,
            stop: parts.stop.between_pages.clone(),
            teller: teller.clone(),
            clock: parts.clock.clone(),
            bounds: parts.bounds,
            store: parts.store.clone(),
            guard: parts.guard.clone(),
            pages,
        };
        let reading = match (&parts.record, &parts.kind) {
            (Some(record), _) => tokio::spawn(source.read_record(record.clone())),
            (None, RunKind::Retry | RunKind::Record) => tokio::spawn(source.read_letters(parts.store.clone())),
            (None, RunKind::Inbox) => tokio::spawn(source.read_inbox(parts.store.clone())),
            (None, RunKind::Release) => tokio::spawn(source.read_held()),
            (None, RunKind::Sync | RunKind::Full | RunKind::Sweep) => {
                tokio::spawn(source.read_source(parts.start.clone()))
            }
            (None, RunKind::Range { since, until }) => tokio::spawn(source.read_range(*since, *until)),
        };
        Self {
            parts,
            teller,
            deliverer,
            reader,
            reading: AbortOnDropHandle::new(reading),
            open: VecDeque::new(),
            blocked: None,
            queue: VecDeque::new(),
            writes: JoinSet::new(),
            commits: FuturesOrdered::new(),
            commits_waiting: 0,
            read_end: None,
            trouble: None,
            broken: false,
            next_page: 1,
            stop_deadline: None,
            errored_anew: 0,
            scanned: 0,
            confirmed: 0,
            forbidden: 0,
            recent: VecDeque::new(),
        }
    }

    async fn carry_out(mut self) -> RunEnd {
        loop {
            self.admit_blocked().await;
            self.start_writes().await;
            self.commit_finished();
            if self.is_over() {
                break;
            }
            self.turn().await;
        }
        self.reading.abort();
        self.end()
    }

    /// Waits for the next thing to happen and takes it in.
    async fn turn(&mut self) {
        let takes_pages = self.takes_pages();
        let deadline = self.stop_deadline;
        let stopping = deadline.is_some() || self.parts.stop.abandon.is_cancelled();
        tokio::select! {
            biased;
            Some(commit) = self.commits.next(), if !self.commits.is_empty() => self.committed(commit),
            Some(ended) = self.writes.join_next(), if !self.writes.is_empty() => match ended {
                Ok((page, ended)) => self.ended(page, ended),
                Err(error) => unreachable!("a write's task catches its panics and is never aborted here: {error}"),
            },
            () = self.parts.stop.between_pages.cancelled(), if !stopping => self.begin_stop(),
            () = until(deadline), if deadline.is_some() => {
                self.stop_deadline = None;
                self.parts.stop.abandon.cancel();
            }
            read = self.reader.recv(), if takes_pages => self.take(read).await,
        }
    }

    fn takes_pages(&self) -> bool {
        let records: usize = self.open.iter().map(|page| page.items.len()).sum();
        self.read_end.is_none()
            && self.blocked.is_none()
            && self.trouble.is_none()
            && !self.parts.stop.between_pages.is_cancelled()
            && self.open.len() + self.commits_waiting < OPEN_PAGES_MAX
            && records < OPEN_RECORDS_MAX
            && self.queue.len() < self.most_writes()
    }

    fn is_over(&self) -> bool {
        let busy = !self.writes.is_empty() || !self.commits.is_empty() || !self.queue.is_empty();
        if busy {
            return false;
        }
        let stopped = self.parts.stop.between_pages.is_cancelled() || self.trouble.is_some();
        self.open.is_empty() && (stopped || (self.read_end.is_some() && self.blocked.is_none()))
    }

    fn begin_stop(&mut self) {
        self.parts.cell.set_stage("pausing");
        if self.deliverer.gate.waiting_for().is_some() {
            // What waits for an outage would wait on; it is read again by the next run.
            self.parts.stop.abandon.cancel();
        } else {
            self.leave_unbegun();
            self.stop_deadline = Some(Instant::now() + STOP_GRACE);
        }
    }

    /// Pages of which nothing was sent are left to the next run: who pauses does not wait for them.
    fn leave_unbegun(&mut self) {
        while let Some(page) = self.open.back() {
            let number = page.number;
            let queued: usize = self.queue.iter().filter(|(of, _)| *of == number).map(|(_, unit)| unit.len()).sum();
            if page.waiting == 0 || queued < page.waiting || page.is_begun() {
                return;
            }
            self.queue.retain(|(of, _)| *of != number);
            let mut page = self.open.pop_back().expect("the back was just looked at");
            self.broken = true;
            let settled = page.take_promised();
            let leaving = Leaving {
                keys: page.keys().to_vec(),
                records: page.items.len(),
                bulk: page.bulk,
                settled: page.settled.take(),
                // It is read again, and counts then.
                events: Vec::new(),
                seen: None,
            };
            self.commit_links_alone(leaving, PageChanges { settled, ..PageChanges::default() });
        }
    }

    async fn take(&mut self, read: Option<Read>) {
        match read {
            Some(Read::Page(page)) => self.admit_or_block(*page).await,
            Some(Read::End(end)) => self.read_end = Some(end),
            None => self.reader_is_gone().await,
        }
    }

    /// The reader ended without a word, which it only does when it panics.
    async fn reader_is_gone(&mut self) {
        self.read_end = Some(ReadEnd::Stopped);
        let why = match (&mut self.reading).await {
            Err(error) if error.is_panic() => panic_text(error.into_panic().as_ref()),
            _ => "the reader ended without a word".to_owned(),
        };
        self.fail_inside("reading", &why);
    }

    async fn admit_or_block(&mut self, page: PageRead) {
        let meets = {
            let open = self.parts.cell.open_ids.lock();
            page.items.iter().any(|item| open.contains(&super::page::key_of(item)))
        };
        if meets {
            self.blocked = Some(page);
        } else {
            self.admit(page).await;
        }
    }

    async fn admit_blocked(&mut self) {
        if self.trouble.is_none()
            && !self.parts.stop.between_pages.is_cancelled()
            && let Some(page) = self.blocked.take()
        {
            self.admit_or_block(page).await;
        }
    }

    /// Plans a page and queues its writes.
    async fn admit(&mut self, page: PageRead) {
        let cell = self.parts.cell.clone();
        cell.page_read(page.items.len() as u64, page.total);
        if page.is_listed && self.parts.kind.moves_checkpoint() {
            cell.look_at(&page.items);
        }
        let number = self.next_page;
        self.next_page += 1;
        let mut open = match OpenPage::plan(number, page, &cell, &self.parts.store, self.parts.in_doubt_since).await {
            Ok(open) => open,
            Err(error) => return self.store_failed(&error),
        };
        open.withhold(&self.parts.guard);
        cell.open_ids.lock().extend(open.keys().iter().cloned());
        let batch_size = cell.batch_most();
        let deletes_alone = !cell.destination.batches_deletes();
        let facts = self.facts();
        for unit in units(open.writes(&facts), batch_size, deletes_alone) {
            self.queue.push_back((number, unit));
        }
        self.open.push_back(open);
    }

    /// Starts queued writes as far as the destination's ceiling makes it useful.
    async fn start_writes(&mut self) {
        if self.trouble.is_none()
            && self.writes.len() < self.most_writes()
            && let Err(error) = self.promise().await
        {
            self.store_failed(&error);
        }
        if self.trouble.is_some() {
            // What was not sent is read again.
            let open = &mut self.open;
            for (page, unit) in self.queue.drain(..) {
                if let Some(page) = open.iter_mut().find(|open| open.number == page) {
                    page.waiting -= unit.len();
                }
            }
            return;
        }
        let most = self.most_writes();
        while self.writes.len() < most
            && let Some((page, unit)) = self.queue.pop_front()
        {
            let deliverer = self.deliverer.clone();
            let n = unit.len();
            self.writes.spawn(async move {
                let ends = AssertUnwindSafe(deliverer.deliver(unit)).catch_unwind().await;
                (page, ends.map_err(|panic| (n, panic_text(panic.as_ref()))))
            });
        }
    }

    /// Makes the intents durable of the writes that are next, where the very next one needs it: one transaction for many.
    async fn promise(&mut self) -> Result<(), StoreError> {
        let is_due = |pending: &Pending| pending.promise.is_some() && !pending.is_promised;
        let is_next_due = self.queue.front().is_some_and(|(_, unit)| unit.iter().any(is_due));
        let Some(unknowns) = self.parts.cell.spec.destination.creates.unknowns().filter(|_| is_next_due) else {
            return Ok(());
        };
        // What a person would be asked about after a crash is kept to what may really have left.
        let most = if unknowns.asks() { self.most_writes() } else { INTENTS_MAX };
        let at = self.parts.clock.now();
        let mut intents = Vec::new();
        let mut promised = Vec::new();
        for (page, unit) in &mut self.queue {
            for pending in unit.iter_mut().filter(|pending| is_due(pending)) {
                if let Some(intent) = pending.promise.as_mut().filter(|_| intents.len() < most) {
                    intent.at = at;
                    pending.is_promised = true;
                    intents.push((pending.write.id.clone(), intent.clone()));
                    promised.push((*page, pending.write.id.clone()));
                }
            }
        }
        for (page, record) in promised {
            if let Some(open) = self.open.iter_mut().find(|open| open.number == page) {
                open.is_promised(record);
            }
        }
        let mut made = Vec::new();
        if unknowns.asks() {
            let mut pages = std::mem::take(&mut self.open);
            let facts = self.facts();
            pages.iter_mut().for_each(|page| made.extend(page.made_so_far(&facts)));
            self.open = pages;
        }
        self.parts.store.note_intents(&self.parts.cell.spec.id, intents, made).await
    }

    fn facts(&self) -> CommitFacts<'_> {
        CommitFacts {
            cell: &self.parts.cell,
            store: &self.parts.store,
            run: self.parts.run,
            filter_since: self.parts.filter_since,
            at: self.parts.clock.now(),
            teller: &self.teller,
        }
    }

    /// Tasks that are worth having: those in flight, and a few that wait at the gate.
    fn most_writes(&self) -> usize {
        self.deliverer.gate.ceiling() + 8
    }

    fn ended(&mut self, page: u64, ended: Result<Vec<Ended>, (usize, String)>) {
        match ended {
            Ok(ends) => self.written(page, ends),
            Err((n, why)) => {
                if let Some(open) = self.open.iter_mut().find(|open| open.number == page) {
                    open.waiting -= n;
                    open.lost = true;
                }
                self.fail_inside("writing", &why);
            }
        }
    }

    fn written(&mut self, page: u64, ends: Vec<Ended>) {
        self.parts.cell.moved();
        match stopping_fault(&ends) {
            Some(WriteEnd::Fatal(fault)) => {
                let fault = (**fault).clone();
                self.stop_on(&fault, true);
            }
            Some(WriteEnd::GaveUp) => {
                let what = self.deliverer.gate.waiting_for().map_or_else(String::new, |(what, ..)| what);
                let hint = self.deliverer.gate.mend();
                self.fail(what, hint, false);
            }
            _ => {}
        }
        let facts = CommitFacts {
            cell: &self.parts.cell,
            store: &self.parts.store,
            run: self.parts.run,
            filter_since: self.parts.filter_since,
            at: self.parts.clock.now(),
            teller: &self.teller,
        };
        let Some(open) = self.open.iter_mut().find(|open| open.number == page) else {
            return;
        };
        for ended in ends {
            if let Some(again) = open.settle(ended, &facts) {
                self.queue.push_front((page, vec![again]));
            }
        }
    }

    /// Commits pages in their order, each as soon as all of its records have an outcome.
    fn commit_finished(&mut self) {
        while self.open.front().is_some_and(|page| page.waiting == 0) {
            let mut page = self.open.pop_front().expect("the front was just looked at");
            self.broken |= page.is_cut_short();
            let position = page.position.clone();
            let leaving = Leaving {
                keys: page.keys().to_vec(),
                records: page.items.len(),
                bulk: page.bulk,
                settled: page.settled.take(),
                events: std::mem::take(&mut page.events),
                seen: page.seen.take(),
            };
            let facts = CommitFacts {
                cell: &self.parts.cell,
                store: &self.parts.store,
                run: self.parts.run,
                filter_since: self.parts.filter_since,
                at: self.parts.clock.now(),
                teller: &self.teller,
            };
            let changes = page.changes(&facts);
            if self.broken {
                self.commit_links_alone(leaving, changes);
            } else if let Some(why) = self.guard(&changes) {
                self.broken = true;
                self.end_early(RunEnd::Guarded { reason: why.0, hint: why.1 });
                self.commit_links_alone(leaving, changes);
            } else {
                self.commit(leaving, position, changes);
            }
        }
    }

    /// The reason for which a page must not be committed but a person be asked, if there is one.
    fn guard(&mut self, changes: &PageChanges) -> Option<(String, Option<String>)> {
        if !self.parts.kind.reads_listing() {
            // What fails again is in the queue already.
            return None;
        }
        self.forbidden = if changes.confirmed == 0 { self.forbidden + changes.forbidden } else { 0 };
        self.recent.push_back((changes.counts.scanned, changes.errored_anew));
        let recent: u64 = self.recent.iter().map(|(scanned, _)| scanned).sum();
        if self.recent.front().is_some_and(|(oldest, _)| recent - oldest >= RECENT_RECORDS) {
            self.recent.pop_front();
        }
        let spec = &self.parts.cell.spec;
        let forbidden_min = if self.confirmed == 0 { FORBIDDEN_MIN } else { FORBIDDEN_LATER_MIN };
        if changes.forbidden > 0 && self.forbidden >= forbidden_min {
            let fault = changes.first_forbidden.as_ref()?;
            let id = &spec.destination.connection;
            let why = format!("`{id}` answered 403 to every write: {}", fault.message);
            let hint = format!("give the credentials of `{id}` the right to write, then `syncdeck resume {}`", spec.id);
            return Some((why, Some(hint)));
        }
        let whole = (self.scanned + changes.counts.scanned, self.errored_anew + changes.errored_anew);
        let (recent, recent_errored) = self.recent.iter().fold((0, 0), |sum, page| (sum.0 + page.0, sum.1 + page.1));
        let is_too_much = |scanned: u64, errored: u64| {
            scanned >= spec.guard.min_records && errored as f64 > spec.guard.max_error_fraction * scanned as f64
        };
        let trips = match (is_too_much(whole.0, whole.1), recent >= RECENT_RECORDS) {
            (true, _) => Some(whole),
            (false, true) if is_too_much(recent, recent_errored) => Some((recent, recent_errored)),
            _ => None,
        };
        if let Some((scanned, errored)) = trips {
            let cause = changes
                .dead
                .first()
                .map_or_else(String::new, |new| format!(", the first by: {}", new.letter.reason.title()));
            let why = format!(
                "{errored} of {scanned} records failed{cause}; the guard stopped the run before this page was saved"
            );
            let hint = format!(
                "mend the cause (or raise `guard.max_error_fraction` of `{0}`), then `syncdeck resume {0}`",
                spec.id
            );
            return Some((why, Some(hint)));
        }
        None
    }

    fn commit(&mut self, mut leaving: Leaving, position: Option<Position>, mut changes: PageChanges) {
        self.scanned += changes.counts.scanned;
        self.errored_anew += changes.errored_anew;
        self.confirmed += changes.confirmed;
        changes.settled.append(&mut changes.settled_by_letter);
        changes.held.append(&mut changes.held_by_letter);
        self.parts.cell.note_altered(&changes.altered);
        let mut counts = changes.counts;
        counts.retried = self.parts.cell.take_retries();
        let told = std::mem::take(&mut changes.told);
        let (events, seen) = (std::mem::take(&mut leaving.events), leaving.seen.take());
        let commit = PageCommit { events, seen, ..self.page_commit(position, changes, counts, leaving.bulk) };
        self.push_commit(leaving, commit, told);
    }

    /// Of a page that is not committed, what was confirmed is remembered all the same; its position is not.
    fn commit_links_alone(&mut self, leaving: Leaving, changes: PageChanges) {
        let letters: HashSet<_> = changes.dead.iter().map(|new| new.letter.id).collect();
        let letters: HashSet<_> =
            letters.into_iter().chain(changes.failed_again.iter().map(|again| again.id)).collect();
        let is_kept = |link: &Link| link.dead.as_ref().is_none_or(|mark| !letters.contains(&mark.letter));
        let changes = PageChanges {
            links: changes.links.into_iter().filter(|(_, link)| is_kept(link)).collect(),
            recovered: changes.recovered,
            held: changes.held,
            letter_ends: changes.letter_ends.into_iter().filter(|end| *end == LetterEnd::Recovered).collect(),
            settled: changes.settled,
            ..PageChanges::default()
        };
        let is_empty = changes.links.is_empty()
            && changes.recovered.is_empty()
            && changes.settled.is_empty()
            && changes.held.is_empty();
        if is_empty {
            self.page_is_gone(leaving.records, &leaving.keys);
            return;
        }
        let commit = self.page_commit(None, changes, crate::model::Counts::default(), leaving.bulk);
        self.push_commit(leaving, commit, Vec::new());
    }

    fn page_commit(
        &self,
        position: Option<Position>,
        changes: PageChanges,
        counts: crate::model::Counts,
        bulk: Option<u64>,
    ) -> PageCommit {
        PageCommit {
            job: self.parts.cell.spec.id.clone(),
            epoch: self.parts.epoch,
            run: self.parts.run,
            at: self.parts.clock.now(),
            counts,
            position,
            links: changes.links,
            dead: changes.dead,
            failed_again: changes.failed_again,
            recovered: changes.recovered,
            bulk: bulk.map(|number| BulkPage { number, ends: changes.letter_ends }),
            search: changes.search,
            events: Vec::new(),
            settled: changes.settled,
            newer: changes.newer,
            held: changes.held,
            seen: None,
        }
    }

    fn push_commit(&mut self, leaving: Leaving, commit: PageCommit, told: Vec<(RecordId, String)>) {
        let Leaving { records, keys, settled, .. } = leaving;
        let store = self.parts.store.clone();
        let cell = self.parts.cell.clone();
        let teller = self.teller.clone();
        let begins_order = commit.position.is_some() && std::mem::take(&mut self.parts.is_reconfigured);
        let counts = commit.counts;
        let touches_letters =
            !commit.dead.is_empty() || !commit.failed_again.is_empty() || !commit.recovered.is_empty();
        let touches_held = !commit.held.is_empty();
        let new_letters: Vec<GroupId> = commit.dead.iter().map(|new| new.letter.group).collect();
        self.commits_waiting += 1;
        // The call hands the page over, so pages are saved in this order.
        let saved = store.commit_page(commit);
        self.commits.push_back(Box::pin(async move {
            let result = saved.await;
            if let Ok(committed) = &result {
                let dead = match touches_letters {
                    true => OpenLetters::of(&store, &cell.spec.id).await.ok(),
                    false => None,
                };
                if touches_held && let Ok(withheld) = withheld(&store, &cell.spec.id).await {
                    cell.set_withheld(withheld);
                }
                for (record, text) in told {
                    teller.tell_record(Level::Warn, "record.dead_lettered", text, &record, None);
                }
                cell.page_committed(counts, committed, dead, &new_letters);
                if begins_order {
                    // If this is lost, the new order is begun once more.
                    let configured = Some(cell.spec.configured);
                    let note = |live: &mut Live| {
                        live.control.configured = configured;
                        live.control.again = false;
                    };
                    if let Err(error) = cell.settle_control(&store, None, note).await {
                        return (records, keys, Err(error));
                    }
                }
            }
            drop(settled);
            (records, keys, result)
        }));
    }

    fn committed(&mut self, (records, keys, result): Saved) {
        self.commits_waiting -= 1;
        self.page_is_gone(records, &keys);
        match result {
            Ok(Committed { checkpoint: Some(checkpoint), .. }) => {
                let page = checkpoint.page;
                let text = format!(
                    "page {} saved: {} scanned, {} updated, {} skipped, {} held, {} errored; checkpoint #{}",
                    checkpoint.position.pages,
                    page.scanned,
                    page.written(),
                    page.skipped,
                    page.held,
                    page.errored,
                    checkpoint.sequence
                );
                self.teller.tell(Level::Debug, "page.committed", text);
            }
            Ok(_) => {}
            Err(error) => self.store_failed(&error),
        }
    }

    fn page_is_gone(&mut self, records: usize, keys: &[RecordId]) {
        let mut open = self.parts.cell.open_ids.lock();
        for key in keys {
            open.remove(key);
        }
        drop(open);
        self.parts.cell.page_settled(records as u64);
    }

    fn store_failed(&mut self, error: &StoreError) {
        self.broken = true;
        self.fail(error.to_string(), error.hint(), false);
        self.parts.cell.set_store_error(Some(error.to_string()));
    }

    fn stop_on(&mut self, fault: &Fault, parked: bool) {
        let why = match fault.status {
            Some(status) => format!("{} answered {status}: {}", fault.request, fault.message),
            None => fault.message.clone(),
        };
        let hint = mended(fault.hint.clone(), parked, &self.parts.cell.spec.id);
        self.fail(why, hint, parked);
    }

    /// A mistake of this program stopped the run.
    fn fail_inside(&mut self, doing: &str, why: &str) {
        let hint = Some("the log file has the details; what was confirmed is saved".to_owned());
        self.fail(format!("{doing} stopped inside syncdeck: {why}"), hint, true);
    }

    fn fail(&mut self, reason: String, hint: Option<String>, parked: bool) {
        self.end_early(RunEnd::Failed { reason, hint, parked });
    }

    fn end_early(&mut self, end: RunEnd) {
        self.trouble.get_or_insert(end);
        self.parts.stop.abandon.cancel();
        self.parts.stop.between_pages.cancel();
    }

    fn end(self) -> RunEnd {
        if let Some(trouble) = self.trouble {
            return trouble;
        }
        let stopped = || RunEnd::Stopped { by: self.parts.stopped_by.lock().clone().unwrap_or_else(Actor::shutdown) };
        match self.read_end {
            None | Some(ReadEnd::Stopped) => stopped(),
            // A page was left, though the listing had been read to its end.
            Some(ReadEnd::Complete | ReadEnd::Limit) if self.broken => stopped(),
            Some(_) if self.blocked.is_some() => stopped(),
            Some(ReadEnd::Complete) => RunEnd::Done,
            Some(ReadEnd::Limit) => RunEnd::HandedOver,
            Some(ReadEnd::Store(error)) => {
                RunEnd::Failed { reason: error.to_string(), hint: error.hint(), parked: false }
            }
            Some(ReadEnd::Unreadable(fault) | ReadEnd::Fatal(fault)) => {
                let id = &self.parts.cell.spec.source.connection;
                let status = fault.status.map(|status| format!(" {status}")).unwrap_or_default();
                let reason = format!("reading from `{id}` failed{status}: {}", fault.message);
                let parked = parks(&fault);
                RunEnd::Failed { reason, hint: mended(fault.hint, parked, &self.parts.cell.spec.id), parked }
            }
        }
    }
}

/// What mends a fault, and the command that lets a parked job go on. Doors that have keys add theirs.
fn mended(mend: Option<String>, parked: bool, job: &crate::model::JobId) -> Option<String> {
    mend.map(|mend| if parked { format!("{mend}, then run `syncdeck resume {job}`") } else { mend })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Cuts a page's writes into requests: one each, or batches of one kind.
fn units(writes: Vec<Pending>, batch_size: usize, deletes_alone: bool) -> Vec<Vec<Pending>> {
    if batch_size <= 1 {
        return writes.into_iter().map(|write| vec![write]).collect();
    }
    let is_alone = |pending: &Pending| deletes_alone && pending.write.operation == crate::connect::Operation::Delete;
    let (alone, together): (Vec<_>, Vec<_>) = writes.into_iter().partition(is_alone);
    let mut units: Vec<Vec<Pending>> = Vec::new();
    let mut rest = together.into_iter().peekable();
    while rest.peek().is_some() {
        units.push(rest.by_ref().take(batch_size).collect());
    }
    units.extend(alone.into_iter().map(|write| vec![write]));
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::{Operation, Write};
    use crate::model::{Change, RawJson};

    fn pending(index: usize, operation: Operation) -> Pending {
        let body = RawJson::from_trusted("{}".to_owned());
        let id = RecordId::from(index.to_string());
        let record = Change { id: id.clone(), version: None, deleted: false, body: body.clone() };
        let write = Write {
            operation,
            id,
            destination_id: None,
            fields: body,
            record,
            idempotency_key: String::new(),
            destination_version: None,
        };
        Pending::new(index, write)
    }

    fn cut(operations: &[Operation], batch_size: usize, deletes_alone: bool) -> Vec<Vec<usize>> {
        let writes = operations.iter().enumerate().map(|(index, operation)| pending(index, *operation)).collect();
        let units = units(writes, batch_size, deletes_alone);
        units.iter().map(|unit| unit.iter().map(|pending| pending.index).collect()).collect()
    }

    const OPERATIONS: [Operation; 5] =
        [Operation::Create, Operation::Delete, Operation::Update, Operation::Create, Operation::Delete];

    #[test]
    fn without_batches_each_write_goes_alone_and_in_order() {
        assert_eq!(cut(&OPERATIONS, 1, true), [[0], [1], [2], [3], [4]]);
    }

    #[test]
    fn batches_are_filled_and_deletes_go_alone_where_the_destination_wants_that() {
        assert_eq!(cut(&OPERATIONS, 2, true), [vec![0, 2], vec![3], vec![1], vec![4]]);
        assert_eq!(cut(&OPERATIONS, 3, false), [vec![0, 1, 2], vec![3, 4]]);
        assert!(cut(&[], 3, false).is_empty());
    }

    #[test]
    fn a_panic_is_told_by_its_words() {
        let caught = |panic: Box<dyn Any + Send>| panic_text(panic.as_ref());
        assert_eq!(caught(Box::new("words")), "words");
        assert_eq!(caught(Box::new("own words".to_owned())), "own words");
        assert_eq!(caught(Box::new(7)), "a panic");
    }
}
