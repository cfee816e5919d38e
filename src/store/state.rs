//! The state of a workspace, as the other rooms see it: one method a question, one a change.
//!
//! Small questions are answered where they are asked (microseconds); those that may read much go to the blocking pool.
//! Changes go to the writer and wait for its answer.

use super::forget::ForgetPiece;
use super::kept::KeptOf;
use super::letter_writes::{MovePiece, Moved, named};
use super::links::PackedLink;
use super::search::PackedTerms;
use super::writer::{Order, Reply};
use super::{
    BulkChange, Committed, HeldChange, LetterIds, LetterMove, Missed, NewEvent, NewPoint, NewRun, Note, Options,
    OrderedAt, PageCommit, Received, Settlement, Shared, StoreError, SweepFacts, SweepFrom, open,
};
use crate::model::filter::Term;
use crate::model::webhook::{Event, Subscription};
use crate::model::{
    BulkRetry, Checkpoint, ConnectionId, Correction, Counts, DeadLetter, DeadLetterId, DestinationId, Epoch,
    FilterRule, HeldDelete, Hold, InboxFacts, Intent, JobControl, JobId, JournalEntry, JournalProof, Kept, KeptQuota,
    KeptToken, LetterFilter, LetterGroup, LetterPlace, LetterRow, Link, LowBudget, RecordId, Run, RunEnd, RunId,
    Selection, Sequence, Timestamp,
};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// Letters moved in one transaction: other commits wait no longer than that takes.
const MOVE_PIECE: usize = 1_000;

/// The state of a workspace.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

impl Store {
    /// Opens or makes the state in `folder` (0700; the file 0600) and takes its lock.
    ///
    /// Blocking: it may repair the file after a crash, so call it before the runtime matters or in `spawn_blocking`.
    /// Runs that a crash cut off are marked as interrupted, letters under retry stay so.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, StoreError> {
        Ok(Self { shared: Arc::new(open::open_folder(folder, options)?) })
    }

    /// A state over another backend (memory; a test's disk that fills up).
    pub fn open_on(backend: impl redb::StorageBackend, options: &Options) -> Result<Self, StoreError> {
        Ok(Self { shared: Arc::new(open::open_backend(backend, options)?) })
    }

    /// A state that ends with the process: for the demo, which leaves nothing behind.
    pub fn in_memory(options: &Options) -> Result<Self, StoreError> {
        Self::open_on(redb::backends::InMemoryBackend::new(), options)
    }

    /// Ends the writer after what was handed to it is saved, compacts when it pays, gives up the lock.
    pub async fn close(&self) {
        // An error means that the runtime is ending; the state is closed with its last handle then.
        let _ = self.order(|reply| Order::Close { reply }).await;
    }

    pub async fn control(&self, job: &JobId) -> Result<JobControl, StoreError> {
        open::caught(|| self.shared.control(job))
    }

    /// Saves a job's control state together with its journal entry.
    pub async fn set_control(&self, job: &JobId, control: JobControl, note: Option<Note>) -> Result<(), StoreError> {
        let job = job.clone();
        let control = Box::new(control);
        self.order(|reply| Order::Control { job, control, note, reply }).await
    }

    /// Begins a run: its number and a new epoch for the job, which makes every older run's commits stale.
    pub async fn begin_run(&self, new: NewRun) -> Result<(Run, Epoch), StoreError> {
        self.order(|reply| Order::Begin { new, reply }).await
    }

    pub async fn finish_run(&self, run: RunId, end: RunEnd, at: Timestamp) -> Result<(), StoreError> {
        self.order(|reply| Order::Finish { run, end, at, reply }).await
    }

    /// Past runs, newest first; of one job or of all; those before `before`.
    pub async fn runs(&self, job: Option<&JobId>, before: Option<RunId>, limit: usize) -> Result<Vec<Run>, StoreError> {
        self.runs_matching(job, Vec::new(), before, limit).await
    }

    /// As [`Store::runs`], those alone of which all `terms` hold.
    pub async fn runs_matching(
        &self,
        job: Option<&JobId>,
        terms: Vec<Term>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, StoreError> {
        let job = job.cloned();
        self.read(move |shared| shared.runs(job.as_ref(), &terms, before, limit)).await
    }

    /// The job's last checkpoint.
    pub async fn checkpoint(&self, job: &JobId) -> Result<Option<Checkpoint>, StoreError> {
        open::caught(|| Ok(self.shared.checkpoints(job, &[], None, 1)?.pop()))
    }

    /// Adds a checkpoint that a person sets, and takes a new epoch, so that a run that is still under way saves nothing more.
    pub async fn set_point(&self, point: NewPoint) -> Result<Checkpoint, StoreError> {
        self.order(|reply| Order::Point { point: Box::new(point), reply }).await
    }

    /// Past checkpoints, newest first, those before `before`.
    pub async fn checkpoints(
        &self,
        job: &JobId,
        before: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.checkpoints_matching(job, Vec::new(), before, limit).await
    }

    /// As [`Store::checkpoints`], those alone of which all `terms` hold.
    pub async fn checkpoints_matching(
        &self,
        job: &JobId,
        terms: Vec<Term>,
        before: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        let job = job.clone();
        self.read(move |shared| shared.checkpoints(&job, &terms, before, limit)).await
    }

    /// The links of `ids`, in their order.
    pub async fn links(&self, job: &JobId, ids: &[RecordId]) -> Result<Vec<Option<Link>>, StoreError> {
        open::caught(|| self.shared.links(job, ids))
    }

    /// The open intents of `ids`, in their order.
    pub async fn intents(&self, job: &JobId, ids: &[RecordId]) -> Result<Vec<Option<Intent>>, StoreError> {
        open::caught(|| self.shared.intents(job, ids))
    }

    /// Makes intents durable, in one transaction, before the requests leave that they speak of.
    ///
    /// `made` are the links of records of pages that are not saved yet whose create is confirmed: their intents are
    /// settled.
    pub async fn note_intents(
        &self,
        job: &JobId,
        intents: Vec<(RecordId, Intent)>,
        made: Vec<(RecordId, Link)>,
    ) -> Result<(), StoreError> {
        let job = job.clone();
        let settled = made.iter().map(|(record, _)| (record.clone(), None));
        let intents = settled.chain(intents.into_iter().map(|(record, intent)| (record, Some(intent)))).collect();
        let links = made.into_iter().map(|(record, link)| PackedLink::new(record, &link)).collect();
        self.order(|reply| Order::Intents { job, intents, links, reply }).await
    }

    /// Saves what a person found out about a create, and puts its letter under retry, with its journal entry. False when
    /// the letter does not wait any more: then nothing is saved.
    pub async fn settle(&self, settlement: Settlement, note: Note) -> Result<bool, StoreError> {
        let moved = Moved::default();
        let counted = moved.clone();
        self.order(|reply| Order::Settle { settlement: Box::new(settlement), note, moved: counted, reply }).await?;
        let is_settled = !moved.lock().is_empty();
        Ok(is_settled)
    }

    /// The filters that the job's runs had, oldest first.
    pub async fn filter_rules(&self, job: &JobId) -> Result<Vec<FilterRule>, StoreError> {
        open::caught(|| self.shared.filter_rules(job))
    }

    /// How many records of the job have a link.
    pub async fn link_count(&self, job: &JobId) -> Result<u64, StoreError> {
        open::caught(|| self.shared.link_count(job))
    }

    /// How many of them stand at the destination because of the job. Kept, not counted.
    pub async fn live_count(&self, job: &JobId) -> Result<u64, StoreError> {
        open::caught(|| self.shared.live_count(job))
    }

    /// What is known of a whole listing at its end, of which the pages 1 to `pages` were committed.
    pub async fn sweep_facts(&self, job: &JobId, began: Timestamp, pages: u64) -> Result<SweepFacts, StoreError> {
        let job = job.clone();
        self.read(move |shared| shared.sweep_facts(&job, began, pages)).await
    }

    /// The next records that such a listing left out, at most `most`.
    pub async fn missing(
        &self,
        job: &JobId,
        began: Timestamp,
        pages: u64,
        listed: u64,
        from: SweepFrom,
        most: usize,
    ) -> Result<Missed, StoreError> {
        let job = job.clone();
        self.read(move |shared| shared.missing(&job, began, pages, listed, &from, most)).await
    }

    /// The withheld deletes of `ids`, in their order.
    pub async fn held_of(&self, job: &JobId, ids: &[RecordId]) -> Result<Vec<Option<HeldDelete>>, StoreError> {
        open::caught(|| self.shared.held_of(job, ids))
    }

    /// The job's withheld deletes in the order of their ids, those behind `after`, at most `limit`: those that people keep,
    /// or those that wait.
    pub async fn held(
        &self,
        job: &JobId,
        after: Option<RecordId>,
        is_kept: bool,
        limit: usize,
    ) -> Result<Vec<HeldDelete>, StoreError> {
        let job = job.clone();
        self.read(move |shared| shared.held(&job, after.as_ref(), is_kept, limit)).await
    }

    /// How many of the job's withheld deletes wait, and how many records people keep. Kept, not counted.
    pub async fn held_counts(&self, job: &JobId) -> Result<(u64, u64), StoreError> {
        open::caught(|| self.shared.held_counts(job))
    }

    /// Keeps the records of all withheld deletes that wait, in pieces small enough that commits are not held up. Returns
    /// how many; the note is saved with the first of them.
    pub async fn keep_held(&self, job: &JobId, kept: &Kept, note: Note) -> Result<u64, StoreError> {
        let mut changed = 0;
        let mut after = None;
        let mut note = Some(note);
        loop {
            let rows = self.held(job, after, false, MOVE_PIECE).await?;
            let Some(last) = rows.last() else { return Ok(changed) };
            after = Some(last.record.clone());
            changed += rows.len() as u64;
            let keep = |row: HeldDelete| HeldChange::Hold(Box::new(HeldDelete { kept: Some(kept.clone()), ..row }));
            let (job, changes, note) = (job.clone(), rows.into_iter().map(keep).collect(), note.take());
            self.order(|reply| Order::Held { job, changes, note, reply }).await?;
        }
    }

    /// Takes `n` dead-letter numbers; the first of them is returned. They may stay unused.
    pub fn reserve_letters(&self, n: u64) -> DeadLetterId {
        DeadLetterId(self.shared.letter_next.fetch_add(n, Ordering::Relaxed))
    }

    /// Saves a page in one durable transaction, together with whatever else waits at the writer.
    ///
    /// Commits of one caller keep their order. Refused whole: a stale epoch, counts that do not balance.
    /// The page is handed over by the call itself, so pages are saved in the order of the calls, and a page is saved
    /// even if nobody awaits the answer.
    pub fn commit_page(
        &self,
        mut commit: PageCommit,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send + 'static {
        let links = std::mem::take(&mut commit.links);
        let links = links.into_iter().map(|(id, link)| PackedLink::new(id, &link)).collect();
        let terms = std::mem::take(&mut commit.search).into_iter().map(PackedTerms::new).collect();
        self.order(|reply| Order::Page { page: Box::new(commit), links, terms, reply })
    }

    /// Groups with letters in one of the filter's places, most letters first. From kept counts, not by reading letters
    /// (unless the filter has words).
    pub async fn letter_groups(&self, filter: &LetterFilter) -> Result<Vec<LetterGroup>, StoreError> {
        let filter = filter.clone();
        self.read(move |shared| shared.letter_groups(&filter)).await
    }

    /// How many letters of the job wait (or are being retried). Kept, not counted.
    pub async fn letters_waiting(&self, job: &JobId) -> Result<u64, StoreError> {
        open::caught(|| self.shared.letters_waiting(job))
    }

    /// The numbers of the letters that match, newest first, at most `limit`.
    pub async fn letter_ids(&self, filter: &LetterFilter, limit: usize) -> Result<LetterIds, StoreError> {
        let filter = filter.clone();
        self.read(move |shared| shared.letter_ids(&filter, limit)).await
    }

    /// Rows for a list, in the order of `ids`; none where a letter is gone.
    pub async fn letter_rows(&self, ids: &[DeadLetterId]) -> Result<Vec<Option<LetterRow>>, StoreError> {
        let ids = ids.to_vec();
        self.read(move |shared| shared.letter_rows(&ids)).await
    }

    /// One letter, whole.
    pub async fn letter(&self, id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError> {
        self.read(move |shared| shared.letter(id)).await
    }

    /// The letters that one record ever had, newest first, at most `limit`. From an index, whatever their number.
    pub async fn letters_of(
        &self,
        job: &JobId,
        record: &RecordId,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let (job, record) = (job.clone(), record.clone());
        self.read(move |shared| shared.letters_of(&job, &record, limit)).await
    }

    /// The records of which a searchable field holds `text` (in any letter case), each with that field, at most `limit`.
    pub async fn records_with(
        &self,
        job: &JobId,
        text: &str,
        limit: usize,
    ) -> Result<Vec<(RecordId, String)>, StoreError> {
        let (job, text) = (job.clone(), text.to_owned());
        self.read(move |shared| shared.records_with(&job, &text, limit)).await
    }

    /// The next letters under retry of a job, oldest first, numbers greater than `after`, at most `limit`.
    pub async fn letters_retrying(
        &self,
        job: &JobId,
        after: Option<DeadLetterId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.letters_ordered(job, after, limit, OrderedAt::Any).await
    }

    /// As [`Store::letters_retrying`], of those that were put under retry at certain moments.
    pub async fn letters_ordered(
        &self,
        job: &JobId,
        after: Option<DeadLetterId>,
        limit: usize,
        ordered: OrderedAt,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let job = job.clone();
        self.read(move |shared| shared.letters_retrying(&job, after, limit, &ordered)).await
    }

    /// How many letters of the job are under retry. Kept, not counted.
    pub async fn letters_under_retry(&self, job: &JobId) -> Result<u64, StoreError> {
        open::caught(|| self.shared.letters_under_retry(job))
    }

    /// Adds a correction of a letter with its journal entry; it takes the letter's next number.
    pub async fn correct(&self, job: &JobId, correction: Correction, note: Note) -> Result<(), StoreError> {
        let (job, correction) = (job.clone(), Box::new(correction));
        self.order(|reply| Order::Correct { job, correction, note, reply }).await
    }

    /// The corrections of a letter, oldest first.
    pub async fn corrections(&self, letter: DeadLetterId) -> Result<Vec<Correction>, StoreError> {
        open::caught(|| self.shared.corrections(letter))
    }

    /// The correction of a letter that counts; none when nobody corrected it, or it was taken back.
    pub async fn correction(&self, letter: DeadLetterId) -> Result<Option<Correction>, StoreError> {
        open::caught(|| self.shared.correction(letter))
    }

    /// The last corrections of a record, newest first, whatever letter they were made for.
    pub async fn corrections_of(&self, job: &JobId, record: &RecordId) -> Result<Vec<Correction>, StoreError> {
        open::caught(|| self.shared.corrections_of(job, record))
    }

    /// Begins a retry of many letters, before any of them is moved; it takes the next number.
    pub async fn begin_bulk(&self, bulk: BulkRetry, note: Note) -> Result<BulkRetry, StoreError> {
        let bulk = Box::new(bulk);
        self.order(|reply| Order::BeginBulk { bulk, note, reply }).await
    }

    /// Changes a retry of many letters; none when it has ended already.
    pub async fn change_bulk(
        &self,
        number: u64,
        change: BulkChange,
        note: Option<Note>,
    ) -> Result<Option<BulkRetry>, StoreError> {
        self.order(|reply| Order::ChangeBulk { number, change, note, reply }).await
    }

    /// Retries of many letters that have not ended, oldest first.
    pub async fn open_bulks(&self) -> Result<Vec<BulkRetry>, StoreError> {
        let all = self.bulks(usize::MAX).await?;
        Ok(all.into_iter().rev().filter(BulkRetry::is_open).collect())
    }

    /// Retries of many letters, newest first.
    pub async fn bulks(&self, limit: usize) -> Result<Vec<BulkRetry>, StoreError> {
        self.read(move |shared| shared.bulks(limit)).await
    }

    /// Moves letters by a person's order, in pieces small enough that other commits are not held up;
    /// letters that are not where the move begins are left alone. Returns those that moved, by job.
    ///
    /// The note is saved with the first letters that move, and not at all when none does.
    pub async fn move_letters(
        &self,
        selection: &Selection,
        to: LetterMove,
        note: Note,
    ) -> Result<Vec<(JobId, u64)>, StoreError> {
        let moved = Moved::default();
        let mut rest = self.rest_of(selection, &to);
        while let Some(ids) = self.next_piece(&mut rest).await? {
            let piece = MovePiece { ids, to: to.clone(), by: note.by.clone(), at: note.at, moved: moved.clone() };
            // The entry belongs to the first piece that moves anything.
            let note = moved.lock().is_empty().then(|| note.clone());
            self.order(|reply| Order::Move { piece, note, reply }).await?;
        }
        let directory = self.shared.directory.read();
        let moved = moved.lock();
        Ok(named(&moved, |job| directory.name(job).ok()))
    }

    /// The names of all jobs that the state knows, also those that were forgotten.
    pub fn job_names(&self) -> Vec<JobId> {
        self.shared.directory.read().names().to_vec()
    }

    /// What the job counted from its first record on, without its retries and releases.
    pub fn total(&self, job: &JobId) -> Counts {
        self.shared.directory.read().total(job)
    }

    /// True where the state holds no checkpoint, no link and no letter of the job.
    pub fn is_blank(&self, job: &JobId) -> bool {
        self.shared.directory.read().is_blank(job)
    }

    /// The jobs that were begun to be forgotten and are not yet.
    pub fn half_forgotten(&self) -> Vec<JobId> {
        self.shared.directory.read().leaving()
    }

    /// Removes all that is remembered of a job, in several transactions; the note is saved with the first one. What a crash
    /// leaves is told by [`Store::half_forgotten`], and removed by doing this again.
    pub async fn forget(&self, job: &JobId, mut note: Option<Note>) -> Result<(), StoreError> {
        let is_done = Arc::new(Mutex::new(false));
        while !*is_done.lock() {
            let piece = ForgetPiece { job: job.clone(), note: note.take(), is_done: is_done.clone() };
            self.order(|reply| Order::Forget { piece, reply }).await?;
        }
        Ok(())
    }

    /// The connections whose calls a person holds back.
    pub async fn holds(&self) -> Result<Vec<(ConnectionId, Hold)>, StoreError> {
        open::caught(|| self.shared.holds())
    }

    /// Holds back a connection's calls, or lets them go, together with its journal entry.
    pub async fn set_hold(&self, connection: &ConnectionId, hold: Option<Hold>, note: Note) -> Result<(), StoreError> {
        let connection = connection.clone();
        self.order(|reply| Order::Hold { connection, hold, note, reply }).await
    }

    /// The sealed tokens of a connection's sign-in.
    pub async fn token(&self, connection: &ConnectionId) -> Result<Option<KeptToken>, StoreError> {
        open::caught(|| self.shared.token(connection))
    }

    /// Keeps the sealed tokens of a connection's sign-in; they are durable when this returns.
    pub async fn keep_token(&self, connection: &ConnectionId, token: KeptToken) -> Result<(), StoreError> {
        let (connection, kept) = (connection.clone(), KeptOf::Token(token));
        self.order(|reply| Order::Keep { connection, kept, reply }).await
    }

    /// The calls of a connection's quota, as they were kept last.
    pub async fn quota(&self, connection: &ConnectionId) -> Result<Option<KeptQuota>, StoreError> {
        open::caught(|| self.shared.quota(connection))
    }

    pub async fn keep_quota(&self, connection: &ConnectionId, quota: KeptQuota) -> Result<(), StoreError> {
        let (connection, kept) = (connection.clone(), KeptOf::Quota(quota));
        self.order(|reply| Order::Keep { connection, kept, reply }).await
    }

    /// The budgets that people lowered, by connection.
    pub async fn budgets(&self) -> Result<Vec<(ConnectionId, LowBudget)>, StoreError> {
        self.read(Shared::budgets).await
    }

    /// Lowers a connection's budget, or sets it back, together with the journal entry.
    pub async fn set_budget(
        &self,
        connection: &ConnectionId,
        budget: Option<LowBudget>,
        note: Note,
    ) -> Result<(), StoreError> {
        let connection = connection.clone();
        self.order(|reply| Order::Budget { connection, budget, note, reply }).await
    }

    /// Adds a journal entry that belongs to no other change.
    pub async fn note(&self, note: Note) -> Result<(), StoreError> {
        self.order(|reply| Order::Note { note, reply }).await
    }

    /// The journal, newest first, entries before `before`.
    pub async fn journal(&self, before: Option<u64>, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        self.read(move |shared| shared.journal(before, limit)).await
    }

    /// Walks the journal's chain and says where it breaks, if it does.
    pub async fn verify_journal(&self) -> Result<JournalProof, StoreError> {
        self.read(|shared| shared.verify_journal()).await
    }

    /// The record whose counterpart at the destination is `destination`, where the two have different ids.
    pub async fn record_at(&self, job: &JobId, destination: &DestinationId) -> Result<Option<RecordId>, StoreError> {
        open::caught(|| self.shared.record_at(job, destination))
    }

    /// Takes in a webhook event. `Ok` means that it is durable, or was before, or that there is no room for it.
    pub fn take_event(
        &self,
        job: &JobId,
        event: NewEvent,
    ) -> impl Future<Output = Result<Received, StoreError>> + Send + 'static {
        let job = job.clone();
        self.order(|reply| Order::Event { job, event, reply })
    }

    /// What is known of a job's inbox, without reading it.
    pub fn inbox(&self, job: &JobId) -> InboxFacts {
        self.shared.directory.read().inbox(job)
    }

    /// The next events of a job, oldest first, of numbers above the first of `between` and up to the second; at most
    /// `limit`, and of no more than `bytes` beyond the first.
    pub async fn events(
        &self,
        job: &JobId,
        between: (u64, u64),
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let job = job.clone();
        self.read(move |shared| shared.events(&job, between, limit, bytes)).await
    }

    /// The jobs' subscriptions at their sources.
    pub async fn subscriptions(&self) -> Result<HashMap<JobId, Subscription>, StoreError> {
        open::caught(|| self.shared.subscriptions())
    }

    /// Saves what is known of a job's subscription together with its journal entry; none forgets it.
    pub async fn set_subscription(
        &self,
        job: &JobId,
        subscription: Option<Subscription>,
        note: Option<Note>,
    ) -> Result<(), StoreError> {
        let job = job.clone();
        self.order(|reply| Order::Subscription { job, subscription, note, reply }).await
    }

    /// Hands an order to the writer at once; the future only waits for the answer.
    fn order<T>(
        &self,
        order: impl FnOnce(Reply<T>) -> Order,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'static
    where
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.shared.submit(order(reply));
        async move {
            let gone = |_| Err(StoreError::Disk("the writer ended before it was saved".to_owned()));
            answer.await.unwrap_or_else(gone)
        }
    }

    /// Answers a question on the blocking pool.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let answer = tokio::task::spawn_blocking(move || open::caught(|| question(&shared))).await;
        answer.unwrap_or_else(|error| Err(StoreError::Row(format!("the question was not answered: {error}"))))
    }

    fn rest_of(&self, selection: &Selection, to: &LetterMove) -> Rest {
        match selection {
            Selection::Ids(ids) => Rest::Ids(ids.clone()),
            Selection::Matching(filter) => {
                let last = self.shared.letter_next.load(Ordering::Relaxed).saturating_sub(1);
                let mut filter = filter.clone();
                filter.places = filter.wanted_places().iter().copied().filter(|place| to.starts_at(*place)).collect();
                // Letters that come while the move goes on were not meant.
                filter.up_to = Some(DeadLetterId(filter.up_to.map_or(last, |up_to| up_to.0.min(last))));
                Rest::Matching(Box::new(filter))
            }
        }
    }

    /// The next letters of a move; none at its end.
    async fn next_piece(&self, rest: &mut Rest) -> Result<Option<Vec<DeadLetterId>>, StoreError> {
        match rest {
            Rest::Ids(ids) => {
                let piece: Vec<_> = ids.drain(..ids.len().min(MOVE_PIECE)).collect();
                Ok((!piece.is_empty()).then_some(piece))
            }
            // No place is left where the move begins; an empty list would mean the usual places.
            Rest::Matching(filter) if filter.places.is_empty() => Ok(None),
            Rest::Matching(filter) => {
                let asked = filter.clone();
                let ids = self.read(move |shared| shared.next_letter_ids(&asked, MOVE_PIECE)).await?;
                let Some(oldest) = ids.last() else { return Ok(None) };
                match oldest.0.checked_sub(1) {
                    Some(up_to) => filter.up_to = Some(DeadLetterId(up_to)),
                    None => filter.places.clear(),
                }
                Ok(Some(ids))
            }
        }
    }
}

/// What a move has still to look at.
enum Rest {
    Ids(Vec<DeadLetterId>),
    Matching(Box<LetterFilter>),
}

impl LetterMove {
    fn starts_at(&self, place: LetterPlace) -> bool {
        match self {
            Self::Retry | Self::Settle | Self::Discard { .. } => place == LetterPlace::Waiting,
            Self::Restore => matches!(place, LetterPlace::Discarded | LetterPlace::Retrying),
        }
    }
}
