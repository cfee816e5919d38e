//! The webhook inbox: events are stored before their sender is answered, and become pages of the one loop.

use super::Engine;
use super::bulk::SLICE;
use super::job::JobCell;
use super::page::{InboxPage, PageRead};
use super::read::{Read, ReadEnd, Reader};
use super::tell::Teller;
use crate::connect::FaultKind;
use crate::connect::webhook::{Desk, Incoming, Refusal, Taken};
use crate::model::webhook::SubscriptionStatus;
use crate::model::webhook::{Event, EventReader, Meaning};
use crate::model::{Change, Counts, InboxFacts, Item, JobId, Level, RecordId, Timestamp, WaitingEvent, counted};
use crate::store::{NewEvent, Received, Store, StoreError};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use indexmap::IndexSet;
use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::Instant;

/// Events of one page.
const EVENTS_A_PAGE: usize = 200;
/// Bytes of the events of one page, beyond the first.
const BYTES_A_PAGE: usize = 4 << 20;
/// Events in which that of one record is looked for.
const LOOKED_AT_MAX: usize = 20_000;
/// Records that are asked of the source at once; its limits hold beside that.
const FETCHES_AT_ONCE: usize = 8;
/// Refused requests are told at most so often.
const REFUSED_EVERY: Duration = Duration::from_secs(60);

/// What is true of a job's webhook in this process.
#[derive(Default)]
pub(super) struct WebhookLive {
    pub refused: u64,
    pub turned_away: u64,
    /// Those of the requests above that nobody was told of yet, and when somebody was last told.
    refused_untold: u64,
    turned_away_untold: u64,
    told_at: Option<Timestamp>,
    /// No inbox run begins before then, because the last one failed.
    pub not_before: Option<Timestamp>,
    /// The run that ended last was the inbox's: what else is due goes first.
    pub went_last: bool,
    /// Since when events could have come, as far as this process knows.
    pub heard_from: Option<Timestamp>,
    /// A poll that was ordered because events may be missing: of what came between these moments.
    pub gap: Option<(Timestamp, Timestamp)>,
    /// The silence for which the source was polled began then.
    pub polled_for: Option<Timestamp>,
    pub subscription: Option<SubscriptionStatus>,
}

impl WebhookLive {
    /// Since when nothing comes, where that is longer than `silence`.
    pub(super) fn silent_since(&self, inbox: &InboxFacts, silence: Duration, now: Timestamp) -> Option<Timestamp> {
        let since = self.heard_from?.max(inbox.last_at.unwrap_or(Timestamp::ZERO));
        (silence <= now.since(since)).then_some(since)
    }
}

/// Takes events in for an engine, as long as there is one.
pub(super) struct FrontDesk(pub Weak<Engine>);

#[async_trait]
impl Desk for FrontDesk {
    async fn take(&self, job: &JobId, event: Incoming) -> Taken {
        let Some(engine) = self.0.upgrade() else { return Taken::Failed };
        let Some(cell) = engine.jobs.get(job) else { return Taken::Failed };
        let max_waiting = cell.spec.source.webhook.as_ref().map_or(0, |webhook| webhook.max_waiting);
        let Incoming { at, delivery, body } = event;
        match engine.store.take_event(job, NewEvent { at, delivery, body, max_waiting }).await {
            Ok(Received::Stored) => {
                cell.wake.notify_waiters();
                cell.changed();
                Taken::Stored
            }
            Ok(Received::Known) => {
                cell.changed();
                Taken::Stored
            }
            Ok(Received::Full) => {
                engine.sent_away(job, None);
                Taken::Full
            }
            Err(error) => {
                cell.set_store_error(Some(error.to_string()));
                Taken::Failed
            }
        }
    }

    fn refused(&self, job: &JobId, why: Refusal) {
        if let Some(engine) = self.0.upgrade() {
            engine.sent_away(job, Some(why));
        }
    }
}

impl Engine {
    /// Counts a request that was refused, or sent away because the inbox is full, and tells of it now and then.
    fn sent_away(&self, job: &JobId, why: Option<Refusal>) {
        let Some(cell) = self.jobs.get(job) else { return };
        let now = self.clock.now();
        let told = {
            let mut live = cell.live();
            let webhook = &mut live.webhook;
            match why {
                Some(_) => {
                    (webhook.refused, webhook.refused_untold) = (webhook.refused + 1, webhook.refused_untold + 1)
                }
                None => {
                    (webhook.turned_away, webhook.turned_away_untold) =
                        (webhook.turned_away + 1, webhook.turned_away_untold + 1);
                }
            }
            let is_time = webhook.told_at.is_none_or(|at| now.since(at) >= REFUSED_EVERY);
            is_time.then(|| {
                webhook.told_at = Some(now);
                (std::mem::take(&mut webhook.refused_untold), std::mem::take(&mut webhook.turned_away_untold))
            })
        };
        cell.changed();
        let Some((refused, full)) = told else { return };
        let teller = Teller::new(self.notices.clone(), cell.clone(), None);
        if refused > 0 {
            let last = why.map(|why| format!("; the last: {}", why.words())).unwrap_or_default();
            let text = format!("{} refused{last}", counted(refused, "webhook request", "webhook requests"));
            teller.tell(Level::Warn, "webhook.refused", text);
        }
        if full > 0 {
            let text = format!(
                "the inbox is full: {} told to come back later",
                counted(full, "webhook event was", "webhook events were")
            );
            teller.tell(Level::Warn, "webhook.full", text);
        }
    }
}

impl JobCell {
    /// Orders a poll of what events may have missed between two moments; it begins as soon as the job is free.
    pub(super) fn poll_gap(&self, from: Timestamp, to: Timestamp) {
        let mut live = self.live();
        let from = live.webhook.gap.map_or(from, |(before, _)| before.min(from));
        live.webhook.gap = Some((from, to));
        live.trigger.get_or_insert_with(crate::model::Actor::engine);
        drop(live);
        self.wake.notify_waiters();
        self.changed();
    }

    /// Tells what a poll found that no event had told of.
    pub(super) fn tell_gap(&self, counts: &Counts, teller: &Teller) {
        let Some((from, to)) = self.live().webhook.gap.take() else { return };
        let (from, to) = (from.clock_text(), to.clock_text());
        let n = counts.written() + counts.errored;
        let text = match n {
            0 => format!("no event is missing: the source was polled for {from}–{to}, and nothing had changed"),
            n => format!("gap {from}–{to} filled: {} had changed", counted(n, "record", "records")),
        };
        teller.tell(if n == 0 { Level::Info } else { Level::Warn }, "webhook.gap_filled", text);
    }

    /// The oldest event of a record that waits, of as many as are looked at.
    pub(super) async fn waiting_event(
        &self,
        record: &RecordId,
        store: &Store,
        now: Timestamp,
    ) -> Result<Option<WaitingEvent>, StoreError> {
        let Some(events) = &self.events else { return Ok(None) };
        let last = store.inbox(&self.spec.id).newest;
        let (mut after, mut looked_at) = (0, 0);
        while looked_at < LOOKED_AT_MAX {
            let waiting = store.events(&self.spec.id, (after, last), EVENTS_A_PAGE, BYTES_A_PAGE).await?;
            let Some(newest) = waiting.last().map(|event| event.number) else { return Ok(None) };
            let is_of_record = |event: &&Event| match events.read(&event.body) {
                Meaning::Item(Item::Change(Change { id, .. })) | Meaning::Fetch { id, .. } => id == *record,
                Meaning::Item(Item::Unreadable { id, .. }) => id.as_ref() == Some(record),
            };
            if let Some(event) = waiting.iter().find(is_of_record) {
                let waits_for_person = {
                    let live = self.live();
                    live.control.paused.is_some() || live.stopped().is_some()
                };
                let applied_at = self.inbox_due(store, now).filter(|_| !waits_for_person && self.spec.enabled);
                return Ok(Some(WaitingEvent { at: event.at, applied_at }));
            }
            (after, looked_at) = (newest, looked_at + waiting.len());
        }
        Ok(None)
    }

    /// When events that wait are to be processed; none where none waits.
    pub(super) fn inbox_due(&self, store: &Store, now: Timestamp) -> Option<Timestamp> {
        self.events.as_ref()?;
        let oldest = store.inbox(&self.spec.id).oldest_at?;
        // After the clock was set back, nothing waits for longer than the window either.
        let due = oldest.plus(self.spec.batch_window).min(now.plus(self.spec.batch_window));
        Some(self.live().webhook.not_before.map_or(due, |at| due.max(at)))
    }
}

/// What is known of a record within one page: entries of one kind can be told apart by their order or their versions,
/// entries of different kinds can not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Versioned,
    Bare,
    Fetched,
}

impl Reader {
    /// Reads the events that wait now, oldest first.
    pub(super) async fn read_inbox(self, store: Store) {
        let end = self.inbox_pages(&store).await;
        let _ = self.pages.send(Read::End(end)).await;
    }

    async fn inbox_pages(&self, store: &Store) -> ReadEnd {
        let Some(events) = self.cell.events.clone() else { return ReadEnd::Complete };
        let began = Instant::now();
        let last = store.inbox(&self.cell.spec.id).newest;
        let mut after = 0;
        loop {
            if self.stop.is_cancelled() {
                return ReadEnd::Stopped;
            }
            if began.elapsed() >= SLICE && self.cell.is_due() {
                return ReadEnd::Limit;
            }
            let waiting = match store.events(&self.cell.spec.id, (after, last), EVENTS_A_PAGE, BYTES_A_PAGE).await {
                Ok(waiting) => waiting,
                Err(error) => return ReadEnd::Store(error),
            };
            if waiting.is_empty() {
                return ReadEnd::Complete;
            }
            let page = match self.event_page(&events, &waiting).await {
                Ok(page) => page,
                Err(end) => return end,
            };
            after = page.inbox.as_ref().and_then(|inbox| inbox.numbers.last().copied()).unwrap_or(last);
            if self.pages.send(Read::Page(Box::new(page))).await.is_err() {
                return ReadEnd::Stopped;
            }
        }
    }

    /// Makes a page of the first of `waiting`: of all, unless what they say of one record can not be put in order.
    async fn event_page(&self, events: &EventReader, waiting: &[Event]) -> Result<PageRead, ReadEnd> {
        let mut meanings = Vec::with_capacity(waiting.len());
        let mut known: HashMap<RecordId, Known> = HashMap::new();
        for event in waiting {
            let meaning = events.read(&event.body);
            let told = match &meaning {
                Meaning::Item(Item::Change(change)) if change.version.is_some() => Some((&change.id, Known::Versioned)),
                Meaning::Item(Item::Change(change)) => Some((&change.id, Known::Bare)),
                Meaning::Item(Item::Unreadable { .. }) => None,
                Meaning::Fetch { id, .. } => Some((id, Known::Fetched)),
            };
            if let Some((id, kind)) = told
                && *known.entry(id.clone()).or_insert(kind) != kind
            {
                break;
            }
            meanings.push(meaning);
        }
        let fetched = self.fetch_all(&meanings).await?;
        let mut page = PageRead::of_letters();
        let mut inbox = InboxPage::default();
        for (event, meaning) in waiting.iter().zip(meanings) {
            inbox.numbers.push(event.number);
            let (item, is_gone) = match meaning {
                Meaning::Item(item) => (item, false),
                Meaning::Fetch { id, event } => match fetched.get(&id) {
                    Some(Fetched::Item(item)) => (item.clone(), false),
                    // It may be gone or not there yet: only a delete event, a tombstone or the schedule says which.
                    None | Some(Fetched::Gone) => {
                        (Item::Change(Change { id, version: None, deleted: false, body: event }), true)
                    }
                    Some(Fetched::Refused(reason)) => {
                        (Item::Unreadable { id: Some(id), field: None, reason: reason.clone(), body: event }, false)
                    }
                },
            };
            page.items.push(item);
            inbox.gone.push(is_gone);
        }
        page.inbox = Some(inbox);
        page.is_listed = true;
        Ok(page)
    }

    async fn fetch(&self, id: RecordId) -> (RecordId, Result<Option<Item>, ReadEnd>) {
        let answer = self.ask(|| self.cell.source.read_one(&id)).await;
        (id, answer)
    }

    /// Asks the source for each record once, whatever the number of its events.
    async fn fetch_all(&self, meanings: &[Meaning]) -> Result<HashMap<RecordId, Fetched>, ReadEnd> {
        let mut ids: IndexSet<RecordId> = IndexSet::new();
        for meaning in meanings {
            if let Meaning::Fetch { id, .. } = meaning {
                ids.insert(id.clone());
            }
        }
        let mut asked = stream::iter(ids).map(|id| self.fetch(id)).buffered(FETCHES_AT_ONCE);
        let mut fetched = HashMap::new();
        let mut unread = Vec::new();
        while let Some((id, answer)) = asked.next().await {
            match answer {
                Ok(Some(item)) => drop(fetched.insert(id, Fetched::Item(item))),
                Ok(None) => drop(fetched.insert(id, Fetched::Gone)),
                Err(ReadEnd::Fatal(fault)) if fault.kind == FaultKind::Record => {
                    fetched.insert(id, Fetched::Refused(super::read::not_given(&fault)));
                }
                Err(ReadEnd::Unreadable(fault)) => unread.push((id, fault)),
                Err(end) => return Err(end),
            }
        }
        if let Some((_, fault)) = unread.first()
            && fetched.is_empty()
        {
            // Nothing passes: that is the source's trouble and no record's.
            return Err(ReadEnd::Unreadable(fault.clone()));
        }
        fetched.extend(unread.into_iter().map(|(id, fault)| (id, Fetched::Refused(super::read::not_given(&fault)))));
        Ok(fetched)
    }
}

/// What the source said of a record.
enum Fetched {
    Item(Item),
    Gone,
    Refused(String),
}
