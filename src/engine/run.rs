//! The loop: read → look up → plan → write → commit → tell. Everything that syncs goes through here.

use super::deliver::{Deliverer, Pending, WriteEnd};
use super::job::JobCell;
use super::limit::{Gate, Patience};
use super::page::{CommitFacts, OpenPage, PageChanges, PageRead, parks, stopping_fault};
use super::read::{Bounds, Read, ReadEnd, Reader};
use super::tell::{Notices, Teller};
use crate::connect::Fault;
use crate::model::{Actor, Clock, Epoch, Level, Position, RecordId, RunEnd, RunId, RunKind};
use crate::store::{Committed, PageCommit, Store, StoreError};
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pages that may be written or wait for their commit at once. It bounds memory and what a crash reads again.
const OPEN_PAGES_MAX: usize = 8;
/// Records of such pages, whatever their number.
const OPEN_RECORDS_MAX: usize = 4_000;
/// How long a stop waits for the pages in progress before what was not sent is left for the next run.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Forbidden writes, with none that passed, that are the connection's trouble and not a record's.
const FORBIDDEN_MIN: u64 = 3;

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
    pub kind: RunKind,
    pub start: Position,
    pub bounds: Bounds,
}

/// Carries one run out, from its first page to its end.
pub(super) async fn run(parts: RunParts) -> RunEnd {
    RunLoop::start(parts).carry_out().await
}

struct RunLoop {
    parts: RunParts,
    teller: Teller,
    deliverer: Arc<Deliverer>,
    reader: mpsc::Receiver<Read>,
    reading: tokio::task::JoinHandle<()>,
    open: VecDeque<OpenPage>,
    /// Ids of open and uncommitted pages: a page that holds one of them waits, so no id is ever written twice at once.
    open_ids: HashSet<RecordId>,
    blocked: Option<PageRead>,
    queue: VecDeque<(u64, Vec<Pending>)>,
    writes: JoinSet<(u64, Vec<(usize, WriteEnd)>)>,
    commits: FuturesOrdered<BoxFuture<'static, (usize, Vec<RecordId>, Result<Committed, StoreError>)>>,
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
}

impl RunLoop {
    fn start(parts: RunParts) -> Self {
        let teller = Teller::new(parts.notices.clone(), parts.cell.clone(), Some(parts.run));
        let patience = Patience { abandon: parts.stop.abandon.clone(), gives_up: parts.gives_up };
        let deliverer = Arc::new(Deliverer {
            destination: parts.cell.destination.clone(),
            gate: parts.destination_gate.clone(),
            patience: patience.clone(),
            clock: parts.clock.clone(),
            teller: teller.clone(),
            cell: parts.cell.clone(),
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
            bounds: parts.bounds,
            pages,
        };
        let reading = match parts.kind {
            RunKind::Sync | RunKind::Full => tokio::spawn(source.read_source(parts.start.clone())),
            RunKind::Retry => tokio::spawn(source.read_letters(parts.store.clone())),
        };
        Self {
            parts,
            teller,
            deliverer,
            reader,
            reading,
            open: VecDeque::new(),
            open_ids: HashSet::new(),
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
        }
    }

    async fn carry_out(mut self) -> RunEnd {
        loop {
            self.admit_blocked().await;
            self.start_writes();
            self.commit_finished();
            if self.is_over() {
                break;
            }
            self.turn().await;
        }
        self.reading.abort();
        self.parts.cell.run_is_over();
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
                Ok((page, ends)) => self.written(page, ends),
                Err(error) => self.fail(format!("a write stopped without an answer: {error}"), None, false),
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
            self.stop_deadline = Some(Instant::now() + STOP_GRACE);
        }
    }

    async fn take(&mut self, read: Option<Read>) {
        match read {
            Some(Read::Page(page)) => self.admit_or_block(page).await,
            Some(Read::End(end)) => self.read_end = Some(end),
            None => self.read_end = Some(ReadEnd::Stopped),
        }
    }

    async fn admit_or_block(&mut self, page: PageRead) {
        let meets = page.items.iter().any(|item| self.open_ids.contains(&super::page::key_of(item)));
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
        let number = self.next_page;
        self.next_page += 1;
        let mut open = match OpenPage::plan(number, page, &cell, &self.parts.store).await {
            Ok(open) => open,
            Err(error) => return self.store_failed(&error),
        };
        self.open_ids.extend(open.keys().iter().cloned());
        let batch_size = cell.destination.batch_size();
        let deletes_alone = !cell.destination.batches_deletes();
        for unit in units(open.writes(), batch_size, deletes_alone) {
            self.queue.push_back((number, unit));
        }
        self.open.push_back(open);
    }

    /// Starts queued writes as far as the destination's ceiling makes it useful.
    fn start_writes(&mut self) {
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
            self.writes.spawn(async move { (page, deliverer.deliver(unit).await) });
        }
    }

    /// Tasks that are worth having: those in flight, and a few that wait at the gate.
    fn most_writes(&self) -> usize {
        self.deliverer.gate.ceiling() + 8
    }

    fn written(&mut self, page: u64, ends: Vec<(usize, WriteEnd)>) {
        match stopping_fault(&ends) {
            Some(WriteEnd::Fatal(fault)) => {
                let fault = (**fault).clone();
                self.stop_on(&fault, true);
            }
            Some(WriteEnd::GaveUp) => {
                let what = self.deliverer.gate.waiting_for().map_or_else(String::new, |(what, ..)| what);
                let hint = Some("when it answers again, run the job again: it goes on from its checkpoint".to_owned());
                self.fail(what, hint, false);
            }
            _ => {}
        }
        let facts = CommitFacts {
            cell: &self.parts.cell,
            store: &self.parts.store,
            run: self.parts.run,
            at: self.parts.clock.now(),
            teller: &self.teller,
        };
        let Some(open) = self.open.iter_mut().find(|open| open.number == page) else {
            return;
        };
        for (index, end) in ends {
            if let Some(again) = open.settle(index, end, &facts) {
                self.queue.push_front((page, vec![again]));
            }
        }
    }

    /// Commits pages in their order, each as soon as all of its records have an outcome.
    fn commit_finished(&mut self) {
        while self.open.front().is_some_and(|page| page.waiting == 0) {
            let page = self.open.pop_front().expect("the front was just looked at");
            let keys = page.keys().to_vec();
            self.broken |= page.is_cut_short();
            let position = page.position.clone();
            let records = page.items.len();
            let facts = CommitFacts {
                cell: &self.parts.cell,
                store: &self.parts.store,
                run: self.parts.run,
                at: self.parts.clock.now(),
                teller: &self.teller,
            };
            let changes = page.changes(&facts);
            if self.broken {
                self.commit_links_alone(records, keys, changes);
            } else if let Some(why) = self.guard(&changes) {
                self.broken = true;
                self.fail(why.0, why.1, true);
                self.commit_links_alone(records, keys, changes);
            } else {
                self.commit(records, keys, position, changes);
            }
        }
    }

    /// The reason for which a page must not be committed but a person be asked, if there is one.
    fn guard(&self, changes: &PageChanges) -> Option<(String, Option<String>)> {
        let spec = &self.parts.cell.spec;
        if self.confirmed == 0 && changes.confirmed == 0 && changes.forbidden >= FORBIDDEN_MIN {
            let fault = changes.first_forbidden.as_ref()?;
            let id = &spec.destination.connection;
            let why = format!("`{id}` answered 403 to every write: {}", fault.message);
            let hint = format!("give the credentials of `{id}` the right to write, then `syncdeck resume {}`", spec.id);
            return Some((why, Some(hint)));
        }
        if self.parts.kind == RunKind::Retry {
            return None;
        }
        let (scanned, errored) = (self.scanned + changes.counts.scanned, self.errored_anew + changes.errored_anew);
        let fraction = errored as f64 / scanned.max(1) as f64;
        if scanned >= spec.guard.min_records && fraction > spec.guard.max_error_fraction {
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

    fn commit(&mut self, records: usize, keys: Vec<RecordId>, position: Option<Position>, changes: PageChanges) {
        self.scanned += changes.counts.scanned;
        self.errored_anew += changes.errored_anew;
        self.confirmed += changes.confirmed;
        let mut counts = changes.counts;
        counts.retried = self.parts.cell.take_retries();
        let commit = self.page_commit(position, changes, counts);
        self.push_commit(records, keys, commit);
    }

    /// Of a page that is not committed, what was confirmed is remembered all the same; its position is not.
    fn commit_links_alone(&mut self, records: usize, keys: Vec<RecordId>, changes: PageChanges) {
        let changes = PageChanges {
            links: changes.links.into_iter().filter(|(_, link)| link.dead.is_none()).collect(),
            recovered: changes.recovered,
            ..PageChanges::default()
        };
        if changes.links.is_empty() && changes.recovered.is_empty() {
            self.page_is_gone(records, &keys);
            return;
        }
        let commit = self.page_commit(None, changes, crate::model::Counts::default());
        self.push_commit(records, keys, commit);
    }

    fn page_commit(
        &self,
        position: Option<Position>,
        changes: PageChanges,
        counts: crate::model::Counts,
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
        }
    }

    fn push_commit(&mut self, records: usize, keys: Vec<RecordId>, commit: PageCommit) {
        let store = self.parts.store.clone();
        let cell = self.parts.cell.clone();
        let counts = commit.counts;
        let touches_letters =
            !commit.dead.is_empty() || !commit.failed_again.is_empty() || !commit.recovered.is_empty();
        let newest_group = commit.dead.last().map(|new| new.letter.group);
        self.commits_waiting += 1;
        // The call hands the page over, so pages are saved in this order.
        let saved = store.commit_page(commit);
        self.commits.push_back(Box::pin(async move {
            let result = saved.await;
            if let Ok(committed) = &result {
                let dead = match touches_letters {
                    true => store.letters_waiting(&cell.spec.id).await.ok(),
                    false => None,
                };
                cell.page_committed(counts, committed, dead, newest_group);
            }
            (records, keys, result)
        }));
    }

    fn committed(&mut self, (records, keys, result): (usize, Vec<RecordId>, Result<Committed, StoreError>)) {
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
        for key in keys {
            self.open_ids.remove(key);
        }
        self.parts.cell.page_settled(records as u64);
    }

    fn store_failed(&mut self, error: &StoreError) {
        self.broken = true;
        self.fail(error.to_string(), error.hint(), false);
        self.parts.cell.set_store_error(error.to_string());
    }

    fn stop_on(&mut self, fault: &Fault, parked: bool) {
        let why = match fault.status {
            Some(status) => format!("{} answered {status}: {}", fault.request, fault.message),
            None => fault.message.clone(),
        };
        self.fail(why, fault.hint.clone(), parked);
    }

    fn fail(&mut self, reason: String, hint: Option<String>, parked: bool) {
        self.trouble.get_or_insert(RunEnd::Failed { reason, hint, parked });
        self.parts.stop.abandon.cancel();
        self.parts.stop.between_pages.cancel();
    }

    fn end(self) -> RunEnd {
        if let Some(trouble) = self.trouble {
            return trouble;
        }
        let stopped = || RunEnd::Stopped { by: self.parts.stopped_by.lock().clone().unwrap_or_else(Actor::engine) };
        match self.read_end {
            None | Some(ReadEnd::Stopped) => stopped(),
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
                RunEnd::Failed { reason, hint: fault.hint, parked }
            }
        }
    }
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
