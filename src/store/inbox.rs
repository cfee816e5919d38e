//! The tables of the webhook inbox: events that wait, the ids of those that came, and what is known of each job's.
//!
//! An event is answered with success only after the transaction that holds it is durable; many events that come at once
//! share one. It leaves in the transaction of the page that it became.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::open::if_there;
use super::tables::{INBOX, INBOX_FACTS, INBOX_SEEN, INBOX_SEEN_BY_TIME, SUBSCRIPTIONS};
use super::{Shared, StoreError};
use crate::model::webhook::{Event, Subscription};
use crate::model::{InboxFacts, JobId, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long the id of an event is remembered at least, as long as there are no more than [`SEEN_MAX`].
const SEEN_FOR: Duration = Duration::from_secs(25 * 3600);
/// Ids that are remembered, of all jobs.
const SEEN_MAX: u64 = 2_000_000;
/// Ids that are forgotten with each new one, at most, so that no transaction grows with them.
const FORGOTTEN_WITH_EACH: usize = 3;
/// Bytes of events of one job that may wait.
const WAITING_BYTES_MAX: u64 = 512 << 20;

/// An event that came.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub at: Timestamp,
    /// By which a second delivery is known; none where nothing tells.
    pub delivery: Option<String>,
    pub body: Bytes,
    /// Events of the job that may wait.
    pub max_waiting: u64,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    Stored,
    /// It came before.
    Known,
    /// Nothing of it was stored: too many wait.
    Full,
}

/// An event on its way to the tables.
pub(super) struct EventWork {
    pub job: u32,
    pub number: u64,
    pub event: NewEvent,
    pub became: Arc<Mutex<Received>>,
}

/// What is kept of a job's inbox beside the events.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct FactsRow {
    received: u64,
    duplicates: u64,
    last_at: Option<i64>,
    usual_gap_ms: Option<u64>,
}

/// The inboxes as the writer knows them, by job number.
pub(super) type Inboxes = BTreeMap<u32, InboxFacts>;

#[derive(Serialize, Deserialize)]
struct EventRow<'a> {
    at: i64,
    #[serde(with = "raw")]
    body: &'a [u8],
}

/// Bytes as MessagePack's own bytes, not as a list of numbers.
mod raw {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de [u8], D::Error> {
        <&[u8]>::deserialize(deserializer)
    }
}

pub(super) fn load_inboxes(read: &ReadTransaction) -> Result<Inboxes, StoreError> {
    let mut inboxes = Inboxes::new();
    if let Some(table) = if_there(read.open_table(INBOX_FACTS))? {
        for row in table.iter()? {
            let (job, row) = row?;
            let row = unpack::<FactsRow>("inbox", row.value())?;
            let facts = InboxFacts {
                received: row.received,
                duplicates: row.duplicates,
                last_at: row.last_at.map(Timestamp),
                usual_gap_ms: row.usual_gap_ms,
                ..InboxFacts::default()
            };
            inboxes.insert(job.value(), facts);
        }
    }
    if let Some(table) = if_there(read.open_table(INBOX))? {
        for row in table.iter()? {
            let (key, row) = row?;
            let (job, number) = key.value();
            let row = unpack::<EventRow<'_>>("webhook event", row.value())?;
            let facts = inboxes.entry(job).or_default();
            facts.waiting += 1;
            facts.bytes += row.body.len() as u64;
            facts.oldest_at.get_or_insert(Timestamp(row.at));
            facts.newest = number;
        }
    }
    Ok(inboxes)
}

impl Heads {
    /// Gives an event its number, unless too many wait.
    pub(super) fn next_event(&mut self, job: &JobId, event: NewEvent) -> Result<EventWork, Received> {
        let job = self.job_mut(job).row.number;
        let facts = self.inboxes.entry(job).or_default();
        if facts.waiting >= event.max_waiting || facts.bytes >= WAITING_BYTES_MAX {
            return Err(Received::Full);
        }
        facts.newest += 1;
        // Counted at once, so that one group of events can not go past the bound.
        facts.waiting += 1;
        facts.bytes += event.body.len() as u64;
        Ok(EventWork { job, number: facts.newest, event, became: Arc::new(Mutex::new(Received::Stored)) })
    }
}

/// Adds events, and takes out those that pages were made of (job number, event number).
pub(super) fn write_inbox(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    events: Vec<EventWork>,
    taken: &[(u32, u64)],
) -> Result<(), StoreError> {
    if events.is_empty() && taken.is_empty() {
        return Ok(());
    }
    let mut inbox = transaction.open_table(INBOX)?;
    let mut changed: BTreeSet<u32> = BTreeSet::new();
    let mut n_new = 0;
    let newest_at = events.iter().map(|work| work.event.at).max();
    {
        let mut seen = transaction.open_table(INBOX_SEEN)?;
        let mut by_time = transaction.open_table(INBOX_SEEN_BY_TIME)?;
        for work in events {
            changed.insert(work.job);
            let facts = heads.inboxes.entry(work.job).or_default();
            let length = work.event.body.len() as u64;
            if let Some(delivery) = &work.event.delivery {
                let key = (work.job, xxhash_rust::xxh3::xxh3_128(delivery.as_bytes()));
                let is_known = seen.get(key)?.is_some();
                if is_known {
                    facts.waiting -= 1;
                    facts.bytes -= length;
                    facts.duplicates += 1;
                    *work.became.lock() = Received::Known;
                    continue;
                }
                seen.insert(key, work.event.at.0)?;
                by_time.insert((work.event.at.0, key.0, key.1), ())?;
                n_new += 1;
            }
            let row = EventRow { at: work.event.at.0, body: &work.event.body };
            inbox.insert((work.job, work.number), pack(&row).as_slice())?;
            facts.oldest_at.get_or_insert(work.event.at);
            facts.heard(work.event.at);
        }
        if let Some(now) = newest_at {
            let old = now.minus(SEEN_FOR).0;
            for _ in 0..n_new * FORGOTTEN_WITH_EACH {
                let is_over = by_time.len()? > SEEN_MAX;
                let Some((key, _)) = by_time.first()? else { break };
                let (at, job, hash) = key.value();
                drop(key);
                if old <= at && !is_over {
                    break;
                }
                by_time.remove((at, job, hash))?;
                seen.remove((job, hash))?;
            }
        }
    }
    for key in taken {
        let facts = heads.inboxes.entry(key.0).or_default();
        if let Some(row) = inbox.remove(key)? {
            let row = unpack::<EventRow<'_>>("webhook event", row.value())?;
            facts.waiting = facts.waiting.saturating_sub(1);
            facts.bytes = facts.bytes.saturating_sub(row.body.len() as u64);
            changed.insert(key.0);
        }
    }
    let emptied: BTreeSet<u32> = taken.iter().map(|(job, _)| *job).collect();
    for job in emptied {
        let first = inbox.range((job, 0)..=(job, u64::MAX))?.next().transpose()?;
        let oldest = match first {
            Some((_, row)) => Some(Timestamp(unpack::<EventRow<'_>>("webhook event", row.value())?.at)),
            None => None,
        };
        heads.inboxes.entry(job).or_default().oldest_at = oldest;
    }
    let mut table = transaction.open_table(INBOX_FACTS)?;
    for job in changed {
        let facts = heads.inboxes.get(&job).copied().unwrap_or_default();
        let row = FactsRow {
            received: facts.received,
            duplicates: facts.duplicates,
            last_at: facts.last_at.map(|at| at.0),
            usual_gap_ms: facts.usual_gap_ms,
        };
        table.insert(job, pack(&row).as_slice())?;
    }
    Ok(())
}

/// Saves what is known of jobs' subscriptions; none forgets one.
pub(super) fn write_subscriptions(
    transaction: &WriteTransaction,
    subscriptions: &[(JobId, Option<Subscription>)],
) -> Result<(), StoreError> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(SUBSCRIPTIONS)?;
    for (job, subscription) in subscriptions {
        match subscription {
            Some(subscription) => table.insert(job.as_str(), pack(subscription).as_slice())?,
            None => table.remove(job.as_str())?,
        };
    }
    Ok(())
}

impl Shared {
    /// The next events of a job, oldest first, of numbers above `after` and up to `last`; at most `limit`, and of no more
    /// than `bytes` beyond the first.
    pub(super) fn events(
        &self,
        job: &JobId,
        (after, last): (u64, u64),
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        let Some(table) = if_there(self.snapshot()?.open_table(INBOX))? else { return Ok(Vec::new()) };
        let mut events = Vec::new();
        let mut size = 0;
        if last <= after {
            return Ok(events);
        }
        for row in table.range((number, after + 1)..=(number, last))?.take(limit) {
            let (key, row) = row?;
            let row = unpack::<EventRow<'_>>("webhook event", row.value())?;
            size += row.body.len();
            if !events.is_empty() && bytes < size {
                break;
            }
            let body = Bytes::copy_from_slice(row.body);
            events.push(Event { number: key.value().1, at: Timestamp(row.at), body });
        }
        Ok(events)
    }

    pub(super) fn subscriptions(&self) -> Result<HashMap<JobId, Subscription>, StoreError> {
        let Some(table) = if_there(self.snapshot()?.open_table(SUBSCRIPTIONS))? else { return Ok(HashMap::new()) };
        let row = |row: Result<_, redb::StorageError>| {
            let (job, row): (redb::AccessGuard<'_, &str>, redb::AccessGuard<'_, &[u8]>) = row?;
            Ok((JobId::from(job.value()), unpack("subscription", row.value())?))
        };
        table.iter()?.map(row).collect()
    }
}
