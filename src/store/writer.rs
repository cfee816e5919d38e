//! The one writer: whatever waits is judged, then saved in one durable transaction, then answered.
//!
//! An order is judged against [`Heads`] before a table is touched, so that a bad one (a stale epoch, counts that do not
//! balance) spoils nobody else's. A page that is refused or lost takes the later pages of its run with it: a checkpoint
//! must never jump over a page that is not there.
//!
//! After an I/O error the whole group is answered with it, redb's handle (dead from then on) is dropped, and the state is
//! opened again on the same file and lock: at once, so that questions are answered, and before each later write, if that
//! failed. So a full disk that is mended needs no restart, and what was saved before the error is what counts.

use super::budgets::write_budgets;
use super::bulks::write_bulks;
use super::checkpoints::write_checkpoints;
use super::corrections::write_corrections;
use super::forget::{ForgetPiece, ForgetWork, write_forgets};
use super::heads::Heads;
use super::held::write_held;
use super::holds::write_holds;
use super::inbox::{EventWork, NewEvent, Received, write_inbox, write_subscriptions};
use super::intents::{IntentWork, write_intents};
use super::jobs::{write_controls, write_jobs};
use super::journal::write_journal;
use super::kept::{KeptOf, write_kept};
use super::letter_writes::{LetterWork, MovePiece, Moved, write_letters};
use super::links::{PackedLink, write_links};
use super::open::{caught, closed};
use super::runs::{RunRow, write_runs};
use super::search::{PackedTerms, write_search};
use super::seen::write_seen;
use super::{
    BulkChange, Committed, HeldChange, LetterMove, NewPoint, NewRun, Note, Options, PageCommit, Seen, Settlement,
    Shared, StoreError,
};
use crate::model::webhook::Subscription;
use crate::model::{
    BulkRetry, Checkpoint, ConnectionId, Correction, Counts, Epoch, Hold, Intent, JobControl, JobId, JournalEntry,
    LowBudget, RecordId, Run, RunEnd, RunId, Sequence, Timestamp,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Rows of one transaction, about: a group is closed when it has so many. A single page may be bigger.
const GROUP_ROWS: usize = 10_000;

/// Answers an order when it is known whether its transaction was saved.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something to be written, and who waits for it.
pub(super) enum Order {
    Page {
        page: Box<PageCommit>,
        links: Vec<PackedLink>,
        terms: Vec<PackedTerms>,
        reply: Reply<Committed>,
    },
    Begin {
        new: NewRun,
        reply: Reply<(Run, Epoch)>,
    },
    Finish {
        run: RunId,
        end: RunEnd,
        at: Timestamp,
        reply: Reply<()>,
    },
    Control {
        job: JobId,
        control: Box<JobControl>,
        note: Option<Note>,
        reply: Reply<()>,
    },
    Point {
        point: Box<NewPoint>,
        reply: Reply<Checkpoint>,
    },
    /// Holds back a connection's calls; none lets them go.
    Hold {
        connection: ConnectionId,
        hold: Option<Hold>,
        note: Note,
        reply: Reply<()>,
    },
    Keep {
        connection: ConnectionId,
        kept: KeptOf,
        reply: Reply<()>,
    },
    /// Lowers a connection's budget; none sets it back.
    Budget {
        connection: ConnectionId,
        budget: Option<LowBudget>,
        note: Note,
        reply: Reply<()>,
    },
    Note {
        note: Note,
        reply: Reply<()>,
    },
    /// The note is written with the letters, if any moved.
    Move {
        piece: MovePiece,
        note: Option<Note>,
        reply: Reply<()>,
    },
    Intents {
        job: JobId,
        /// What becomes of the intent of each record.
        intents: Vec<(RecordId, Option<Intent>)>,
        links: Vec<PackedLink>,
        reply: Reply<()>,
    },
    /// Carried out where the letter waits.
    Settle {
        settlement: Box<Settlement>,
        note: Note,
        moved: Moved,
        reply: Reply<()>,
    },
    Correct {
        job: JobId,
        correction: Box<Correction>,
        note: Note,
        reply: Reply<()>,
    },
    BeginBulk {
        bulk: Box<BulkRetry>,
        note: Note,
        reply: Reply<BulkRetry>,
    },
    ChangeBulk {
        number: u64,
        change: BulkChange,
        note: Option<Note>,
        reply: Reply<Option<BulkRetry>>,
    },
    /// A webhook event; its sender waits for the answer.
    Event {
        job: JobId,
        event: NewEvent,
        reply: Reply<Received>,
    },
    /// What is known of a job's subscription; none forgets it.
    Subscription {
        job: JobId,
        subscription: Option<Subscription>,
        note: Option<Note>,
        reply: Reply<()>,
    },
    /// A person decides about withheld deletes. The note is written with the first of them.
    Held {
        job: JobId,
        changes: Vec<HeldChange>,
        note: Option<Note>,
        reply: Reply<()>,
    },
    Forget {
        piece: ForgetPiece,
        reply: Reply<()>,
    },
    Close {
        reply: Reply<()>,
    },
}

impl Order {
    /// How many rows it writes, about.
    fn rows(&self) -> usize {
        match self {
            Self::Page { page, links, terms, .. } => {
                let letters = page.dead.len() + page.failed_again.len() + page.recovered.len();
                let others = page.settled.len() + 2 * page.newer.len() + page.held.len() + page.events.len();
                3 + links.len() + 6 * letters + 2 * terms.len() + others
            }
            Self::Intents { intents, links, .. } => intents.len() + links.len(),
            Self::Move { piece, .. } => 7 * piece.ids.len(),
            // A large body weighs as much as the rows that would fill its room.
            Self::Event { event, .. } => 3 + event.body.len() / 1_024,
            Self::Held { changes, .. } => changes.len(),
            Self::Forget { .. } => super::forget::ROWS,
            _ => 2,
        }
    }

    /// The answer after the end: what was to be closed is closed, all else is refused.
    fn end(self) {
        match self {
            Self::Close { reply } => drop(reply.send(Ok(()))),
            other => other.refuse(closed()),
        }
    }

    fn refuse(self, error: StoreError) {
        match self {
            Self::Page { reply, .. } => drop(reply.send(Err(error))),
            Self::Begin { reply, .. } => drop(reply.send(Err(error))),
            Self::Point { reply, .. } => drop(reply.send(Err(error))),
            Self::BeginBulk { reply, .. } => drop(reply.send(Err(error))),
            Self::ChangeBulk { reply, .. } => drop(reply.send(Err(error))),
            Self::Event { reply, .. } => drop(reply.send(Err(error))),
            Self::Finish { reply, .. }
            | Self::Control { reply, .. }
            | Self::Hold { reply, .. }
            | Self::Keep { reply, .. }
            | Self::Budget { reply, .. }
            | Self::Note { reply, .. }
            | Self::Move { reply, .. }
            | Self::Intents { reply, .. }
            | Self::Settle { reply, .. }
            | Self::Correct { reply, .. }
            | Self::Subscription { reply, .. }
            | Self::Held { reply, .. }
            | Self::Forget { reply, .. }
            | Self::Close { reply } => drop(reply.send(Err(error))),
        }
    }
}

/// What waits for the writer. Each order's giver waits for the answer, so the givers bound its length.
#[derive(Default)]
pub(super) struct Queue {
    orders: VecDeque<Order>,
    /// A thread is at work on the queue.
    is_drained: bool,
}

impl Queue {
    /// The orders of the next transaction: all that wait, up to [`GROUP_ROWS`].
    fn next_group(&mut self) -> Vec<Order> {
        let mut rows = 0;
        let mut group = Vec::new();
        while let Some(order) = self.orders.front() {
            let ends_group = matches!(order, Order::Close { .. });
            rows += order.rows();
            if !group.is_empty() && (GROUP_ROWS < rows || ends_group) {
                break;
            }
            group.extend(self.orders.pop_front());
            if ends_group {
                break;
            }
        }
        group
    }
}

impl Shared {
    /// Hands an order to the writer. Orders are carried out in the order of these calls.
    ///
    /// The writer is a thread of the runtime's blocking pool, one at a time, that ends when nothing waits. Not a thread of
    /// our own: the runtime must know that something is under way, or a test's paused clock leaps over every commit.
    pub(super) fn submit(self: &Arc<Self>, order: Order) {
        let mut queue = self.queue.lock();
        queue.orders.push_back(order);
        if queue.is_drained {
            return;
        }
        queue.is_drained = true;
        drop(queue);
        let drain = Drain { shared: self.clone(), is_done: false };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drain.run())),
            Err(_) => drop(std::thread::spawn(move || drain.run())),
        }
    }
}

/// The right to work on the queue. However it ends, the next order finds the queue free.
struct Drain {
    shared: Arc<Shared>,
    /// The queue was found empty and left to the next one.
    is_done: bool,
}

impl Drain {
    fn run(mut self) {
        let shared = self.shared.clone();
        loop {
            let group = {
                let mut queue = shared.queue.lock();
                let group = queue.next_group();
                if group.is_empty() {
                    queue.is_drained = false;
                    self.is_done = true;
                    return;
                }
                group
            };
            shared.writer.lock().carry_out(&shared, group);
        }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        // Left early, as when the runtime shuts down: those who wait are answered by the end of their channel.
        if !self.is_done {
            let mut queue = self.shared.queue.lock();
            queue.orders.clear();
            queue.is_drained = false;
        }
    }
}

pub(super) struct Writer {
    options: Options,
    /// None after an error, until they are read again.
    heads: Option<Heads>,
    /// Runs that lost a page: nothing later of them may be saved.
    failed: HashMap<JobId, (Epoch, StoreError)>,
}

/// What the orders of one group add up to.
#[derive(Default)]
struct Batch {
    links: Vec<(u32, PackedLink)>,
    terms: Vec<(u32, PackedTerms)>,
    letters: Vec<LetterWork>,
    intents: Vec<IntentWork>,
    settlements: Vec<(u32, Settlement, Note, Moved)>,
    corrections: Vec<(u32, Correction)>,
    bulks: BTreeMap<u64, BulkRetry>,
    held: Vec<(u32, HeldChange)>,
    seen: Vec<(u32, Seen)>,
    checkpoints: Vec<(u32, Checkpoint)>,
    runs: BTreeMap<RunId, RunRow>,
    controls: BTreeMap<u32, JobControl>,
    holds: Vec<(ConnectionId, Option<Hold>)>,
    events: Vec<EventWork>,
    /// Events (job number, number) that pages were made of.
    taken: Vec<(u32, u64)>,
    subscriptions: Vec<(JobId, Option<Subscription>)>,
    kept: Vec<(ConnectionId, KeptOf)>,
    budgets: Vec<(ConnectionId, Option<LowBudget>)>,
    journal: Vec<JournalEntry>,
    move_notes: Vec<(Note, Moved)>,
    forgets: Vec<ForgetWork>,
    /// Of which runs there are pages.
    pages: Vec<(JobId, Epoch)>,
    replies: Vec<Answer>,
}

impl Batch {
    fn reply<T: Send + 'static>(&mut self, reply: Reply<T>, value: T) {
        // Who does not wait any more has no need of the answer.
        self.replies.push(Box::new(move |saved| drop(reply.send(saved.map(|()| value)))));
    }
}

impl Writer {
    pub(super) fn new(options: Options, heads: Heads) -> Self {
        Self { options, heads: Some(heads), failed: HashMap::new() }
    }

    fn carry_out(&mut self, shared: &Shared, orders: Vec<Order>) {
        // It stands alone in its group.
        if let Some(Order::Close { .. }) = orders.last() {
            shared.close_now();
            self.heads = None;
            return orders.into_iter().for_each(Order::end);
        }
        let mut heads = match self.ready(shared) {
            Ok(heads) => heads,
            Err(error) => return self.refuse_all(orders, &error),
        };
        let mut batch = Batch::default();
        for order in orders {
            self.stage(order, &mut heads, &mut batch);
        }
        if batch.replies.is_empty() {
            self.heads = Some(heads);
            return;
        }
        let (pages, replies) = (std::mem::take(&mut batch.pages), std::mem::take(&mut batch.replies));
        let saved = caught(|| self.save(shared, &mut heads, batch));
        match &saved {
            Ok(()) => {
                shared.publish(&heads);
                self.heads = Some(heads);
            }
            Err(error) => {
                for (job, epoch) in pages {
                    self.failed.insert(job, (epoch, error.clone()));
                }
                shared.drop_database(error);
                // For those who read. If it fails, the next write tries again.
                if let Ok(heads) = self.ready(shared) {
                    self.heads = Some(heads);
                }
            }
        }
        for reply in replies {
            reply(saved.clone());
        }
    }

    fn refuse_all(&mut self, orders: Vec<Order>, error: &StoreError) {
        for order in orders {
            if let Order::Page { page, .. } = &order {
                self.failed.insert(page.job.clone(), (page.epoch, error.clone()));
            }
            order.refuse(error.clone());
        }
    }

    /// The heads, read again where the last write failed.
    fn ready(&mut self, shared: &Shared) -> Result<Heads, StoreError> {
        if let Some(heads) = self.heads.take() {
            return Ok(heads);
        }
        shared.open_again(&self.options)?;
        let heads = Heads::load(&shared.snapshot()?)?;
        shared.publish(&heads);
        Ok(heads)
    }

    fn stage(&mut self, order: Order, heads: &mut Heads, batch: &mut Batch) {
        match order {
            Order::Page { page, links, terms, reply } => match self.judge(&page, heads) {
                Ok(()) => {
                    let number = heads.job_mut(&page.job).row.number;
                    batch.terms.extend(terms.into_iter().map(|terms| (number, terms)));
                    stage_page(*page, links, reply, heads, batch);
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Order::Begin { new, reply } => stage_begin(new, reply, heads, batch),
            Order::Finish { run, end, at, reply } => {
                // A run that has ended keeps its first end.
                if let Some(mut row) = heads.runs.remove(&run) {
                    row.run.end = Some(end);
                    row.run.ended_at = Some(at);
                    row.saved_at = at;
                    batch.runs.insert(run, row);
                }
                batch.reply(reply, ());
            }
            Order::Control { job, control, note, reply } => {
                batch.controls.insert(heads.job_mut(&job).row.number, *control);
                batch.journal.extend(note.map(|note| heads.next_entry(note)));
                batch.reply(reply, ());
            }
            Order::Point { point, reply } => match judge_point(&point, heads) {
                Ok(()) => stage_point(*point, reply, heads, batch),
                Err(error) => drop(reply.send(Err(error))),
            },
            Order::Hold { connection, hold, note, reply } => {
                batch.holds.push((connection, hold));
                batch.journal.push(heads.next_entry(note));
                batch.reply(reply, ());
            }
            Order::Keep { connection, kept, reply } => {
                batch.kept.push((connection, kept));
                batch.reply(reply, ());
            }
            Order::Budget { connection, budget, note, reply } => {
                batch.budgets.push((connection, budget));
                batch.journal.push(heads.next_entry(note));
                batch.reply(reply, ());
            }
            Order::Note { note, reply } => {
                batch.journal.push(heads.next_entry(note));
                batch.reply(reply, ());
            }
            Order::Move { piece, note, reply } => {
                batch.move_notes.extend(note.map(|note| (note, piece.moved.clone())));
                batch.letters.push(LetterWork::Move(piece));
                batch.reply(reply, ());
            }
            Order::Intents { job, intents, links, reply } => {
                let number = heads.job_mut(&job).row.number;
                batch.intents.extend(intents.into_iter().map(|(record, intent)| (number, record, intent)));
                batch.links.extend(links.into_iter().map(|link| (number, link)));
                batch.reply(reply, ());
            }
            Order::Settle { settlement, note, moved, reply } => {
                let number = heads.job_mut(&settlement.job).row.number;
                batch.settlements.push((number, *settlement, note, moved));
                batch.reply(reply, ());
            }
            Order::Correct { job, correction, note, reply } => {
                batch.corrections.push((heads.job_mut(&job).row.number, *correction));
                batch.journal.push(heads.next_entry(note));
                batch.reply(reply, ());
            }
            Order::BeginBulk { bulk, note, reply } => {
                let bulk = heads.begin_bulk(*bulk);
                batch.bulks.insert(bulk.number, bulk.clone());
                batch.journal.push(heads.next_entry(note));
                batch.reply(reply, bulk);
            }
            Order::ChangeBulk { number, change, note, reply } => {
                let bulk = heads.change_bulk(number, change);
                batch.bulks.extend(bulk.clone().map(|bulk| (number, bulk)));
                if bulk.is_some() {
                    batch.journal.extend(note.map(|note| heads.next_entry(note)));
                }
                batch.reply(reply, bulk);
            }
            Order::Event { job, event, reply } => match heads.next_event(&job, event) {
                Ok(work) => {
                    let became = work.became.clone();
                    batch.events.push(work);
                    batch.replies.push(Box::new(move |saved| drop(reply.send(saved.map(|()| *became.lock())))));
                }
                Err(full) => drop(reply.send(Ok(full))),
            },
            Order::Subscription { job, subscription, note, reply } => {
                batch.subscriptions.push((job, subscription));
                batch.journal.extend(note.map(|note| heads.next_entry(note)));
                batch.reply(reply, ());
            }
            Order::Held { job, changes, note, reply } => {
                let number = heads.job_mut(&job).row.number;
                batch.held.extend(changes.into_iter().map(|change| (number, change)));
                batch.journal.extend(note.map(|note| heads.next_entry(note)));
                batch.reply(reply, ());
            }
            Order::Forget { piece, reply } => {
                batch.forgets.push(heads.begin_forgetting(&piece));
                batch.journal.extend(piece.note.map(|note| heads.next_entry(note)));
                batch.reply(reply, ());
            }
            Order::Close { .. } => order.end(),
        }
    }

    /// Whether a page may be saved.
    fn judge(&mut self, page: &PageCommit, heads: &Heads) -> Result<(), StoreError> {
        if let Some((epoch, error)) = self.failed.get(&page.job)
            && *epoch == page.epoch
        {
            return Err(error.clone());
        }
        if !heads.is_current(&page.job, page.run, page.epoch) {
            return Err(StoreError::StaleEpoch { job: page.job.clone(), run: page.run });
        }
        if !page.counts.is_balanced() {
            let error = StoreError::Unbalanced { job: page.job.clone(), counts: Box::new(page.counts) };
            self.failed.insert(page.job.clone(), (page.epoch, error.clone()));
            return Err(error);
        }
        Ok(())
    }

    fn save(&self, shared: &Shared, heads: &mut Heads, mut batch: Batch) -> Result<(), StoreError> {
        let transaction = shared.begin_write()?;
        write_links(&transaction, heads, batch.links)?;
        write_search(&transaction, &batch.terms)?;
        write_held(&transaction, heads, batch.held)?;
        write_seen(&transaction, batch.seen)?;
        write_letters(&transaction, heads, batch.letters)?;
        write_intents(&transaction, &batch.intents)?;
        for (job, settlement, note, moved) in batch.settlements {
            let Settlement { record, letter, link, .. } = settlement;
            let piece = MovePiece {
                ids: vec![letter],
                to: LetterMove::Settle,
                by: note.by.clone(),
                at: note.at,
                moved: moved.clone(),
            };
            write_letters(&transaction, heads, vec![LetterWork::Move(piece)])?;
            if !moved.lock().is_empty() {
                write_links(&transaction, heads, vec![(job, PackedLink::new(record, &link))])?;
                batch.journal.push(heads.next_entry(note));
            }
        }
        for (note, moved) in batch.move_notes {
            if !moved.lock().is_empty() {
                batch.journal.push(heads.next_entry(note));
            }
        }
        write_corrections(&transaction, batch.corrections)?;
        write_bulks(&transaction, &batch.bulks)?;
        write_checkpoints(&transaction, &batch.checkpoints, self.options.checkpoints_max)?;
        write_runs(&transaction, &batch.runs, self.options.runs_max)?;
        write_controls(&transaction, &batch.controls)?;
        write_forgets(&transaction, heads, batch.forgets)?;
        write_holds(&transaction, &batch.holds)?;
        write_inbox(&transaction, heads, batch.events, &batch.taken)?;
        write_subscriptions(&transaction, &batch.subscriptions)?;
        write_kept(&transaction, &batch.kept)?;
        write_budgets(&transaction, &batch.budgets)?;
        write_journal(&transaction, &batch.journal, self.options.journal_max)?;
        write_jobs(&transaction, heads)?;
        transaction.commit()?;
        Ok(())
    }
}

fn stage_page(page: PageCommit, links: Vec<PackedLink>, reply: Reply<Committed>, heads: &mut Heads, batch: &mut Batch) {
    let PageCommit {
        job: id,
        epoch,
        run: run_id,
        at,
        counts,
        position,
        dead,
        failed_again,
        recovered,
        bulk,
        events,
        settled,
        newer,
        held,
        seen,
        ..
    } = page;
    let bulk = bulk.and_then(|page| heads.bulk_went_on(page.number, &page.ends, at));
    batch.bulks.extend(bulk.clone().map(|bulk| (bulk.number, bulk)));
    let adds = heads.runs.get(&run_id).is_some_and(|row| row.run.kind.adds_to_job());
    let job = heads.job_mut(&id);
    let number = job.row.number;
    if adds && position.is_none() {
        job.row.beside += counts;
    }
    let checkpoint = position.map(|position| {
        job.row.sequence += 1;
        job.row.total += counts;
        Checkpoint {
            sequence: Sequence(job.row.sequence),
            position,
            run: run_id,
            saved_at: at,
            page: counts,
            total: job.row.total,
            moved_by: None,
            moved: None,
        }
    });
    let total = job.row.everything();
    if let Some(row) = heads.runs.get_mut(&run_id) {
        row.run.counts += counts;
        row.run.pages += 1;
        row.saved_at = at;
        row.run.checkpoint = checkpoint.as_ref().map(|checkpoint| checkpoint.sequence).or(row.run.checkpoint);
        batch.runs.insert(run_id, row.clone());
    }
    batch.checkpoints.extend(checkpoint.clone().map(|checkpoint| (number, checkpoint)));
    batch.links.extend(links.into_iter().map(|link| (number, link)));
    batch.held.extend(held.into_iter().map(|change| (number, change)));
    batch.seen.extend(seen.map(|seen| (number, seen)));
    batch.letters.extend(dead.into_iter().map(|new| LetterWork::Dead { job: number, new: Box::new(new) }));
    batch.letters.extend(failed_again.into_iter().map(|again| LetterWork::FailedAgain(Box::new(again))));
    batch.letters.extend(newer.into_iter().map(|newer| LetterWork::Newer(Box::new(newer))));
    batch.intents.extend(settled.into_iter().map(|record| (number, record, None)));
    batch.letters.extend(recovered.into_iter().map(|recovery| LetterWork::Recovered {
        recovery: Box::new(recovery),
        at,
        run: run_id,
    }));
    batch.taken.extend(events.into_iter().map(|event| (number, event)));
    batch.pages.push((id, epoch));
    batch.reply(reply, Committed { checkpoint, total, bulk });
}

/// Whether what a person knew of the job when they gave the order is still so.
fn judge_point(point: &NewPoint, heads: &mut Heads) -> Result<(), StoreError> {
    let now = Sequence(heads.job_mut(&point.job).row.sequence);
    let (job, expected) = (point.job.clone(), point.expected);
    if now == expected { Ok(()) } else { Err(StoreError::Moved { job, expected, now }) }
}

fn stage_point(point: NewPoint, reply: Reply<Checkpoint>, heads: &mut Heads, batch: &mut Batch) {
    let NewPoint { job: id, position, run, moved, control, note, .. } = point;
    let job = heads.job_mut(&id);
    job.row.sequence += 1;
    job.row.epoch += 1;
    let number = job.row.number;
    let checkpoint = Checkpoint {
        sequence: Sequence(job.row.sequence),
        position,
        run,
        saved_at: note.at,
        page: Counts::default(),
        total: job.row.total,
        moved_by: Some(note.by.clone()),
        moved: Some(moved),
    };
    batch.checkpoints.push((number, checkpoint.clone()));
    batch.controls.insert(number, control);
    batch.journal.push(heads.next_entry(note));
    batch.reply(reply, checkpoint);
}

fn stage_begin(new: NewRun, reply: Reply<(Run, Epoch)>, heads: &mut Heads, batch: &mut Batch) {
    let NewRun { job: id, kind, by, at, filter } = new;
    let number = RunId(heads.run_next);
    let job = heads.job_mut(&id);
    job.row.epoch += 1;
    job.row.begin_with(number, filter);
    let (epoch, number) = (Epoch(job.row.epoch), job.row.number);
    let run = Run {
        id: RunId(heads.run_next),
        job: id,
        kind,
        by,
        started_at: at,
        ended_at: None,
        end: None,
        counts: Counts::default(),
        pages: 0,
        checkpoint: None,
    };
    heads.run_next += 1;
    let row = RunRow { run: run.clone(), saved_at: at, job: number, epoch: epoch.0 };
    heads.runs.insert(run.id, row.clone());
    batch.runs.insert(run.id, row);
    batch.reply(reply, (run, epoch));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Link;

    fn page_of_links(n: u64) -> Order {
        let link = |number: u64| PackedLink::new(RecordId::from(number.to_string()), &Link::default());
        let page = PageCommit {
            job: JobId::from("customers"),
            epoch: Epoch(1),
            run: RunId(1),
            at: Timestamp(0),
            counts: Counts::default(),
            position: None,
            links: Vec::new(),
            dead: Vec::new(),
            failed_again: Vec::new(),
            recovered: Vec::new(),
            bulk: None,
            search: Vec::new(),
            events: Vec::new(),
            settled: Vec::new(),
            newer: Vec::new(),
            held: Vec::new(),
            seen: None,
        };
        let links = (0..n).map(link).collect();
        Order::Page { page: Box::new(page), links, terms: Vec::new(), reply: oneshot::channel().0 }
    }

    fn sizes(orders: impl IntoIterator<Item = Order>) -> Vec<usize> {
        let mut queue = Queue { orders: orders.into_iter().collect(), is_drained: true };
        std::iter::from_fn(|| Some(queue.next_group().len()).filter(|n| *n > 0)).collect()
    }

    #[test]
    fn a_group_takes_what_waits_up_to_its_bound() {
        assert_eq!(sizes((0..9).map(|_| page_of_links(4_000))), [2, 2, 2, 2, 1]);
        assert_eq!(sizes((0..500).map(|_| page_of_links(5))), [500]);
        assert_eq!(sizes([page_of_links(50_000), page_of_links(1)]), [1, 1], "a page is never cut");
    }

    #[test]
    fn the_end_waits_for_what_was_handed_over_before_it() {
        let end = Order::Close { reply: oneshot::channel().0 };
        assert_eq!(sizes([page_of_links(1), page_of_links(1), end, page_of_links(1)]), [2, 1, 1]);
    }
}
