//! The journal: what people and the engine did, each entry chained to the one before by its hash.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::tables::JOURNAL;
use super::{Note, Shared, StoreError};
use crate::model::{Actor, JobId, JournalEntry, Timestamp};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What of an entry is hashed, in this order.
#[derive(Serialize)]
struct Hashed<'a> {
    number: u64,
    at: Timestamp,
    by: &'a Actor,
    action: &'a str,
    job: Option<&'a JobId>,
    reason: Option<&'a str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

/// The hash that `entry` must hold when it follows an entry whose hash is `previous` (empty for the first):
/// SHA-256 over that hash and the entry's JSON without its own, in hexadecimal.
///
/// Whoever changes, adds or takes away an entry in the middle changes the hash of every later one.
pub fn entry_hash(previous: &str, entry: &JournalEntry) -> String {
    let content = Hashed {
        number: entry.number,
        at: entry.at,
        by: &entry.by,
        action: &entry.action,
        job: entry.job.as_ref(),
        reason: entry.reason.as_deref(),
        before: entry.before.as_deref(),
        after: entry.after.as_deref(),
    };
    let json = serde_json::to_vec(&content).expect("plain text and numbers always encode");
    let digest = Sha256::new().chain_update(previous).chain_update(json).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Heads {
    /// The entry that follows the last one.
    pub(super) fn next_entry(&mut self, note: Note) -> JournalEntry {
        let Note { at, by, action, job, reason, before, after } = note;
        let number = self.entry_next;
        let mut entry = JournalEntry { number, at, by, action, job, reason, before, after, hash: String::new() };
        entry.hash = entry_hash(&self.entry_hash, &entry);
        self.entry_next += 1;
        self.entry_hash.clone_from(&entry.hash);
        entry
    }
}

/// The number and the hash of the last entry; zero and nothing before the first.
pub(super) fn last_entry(read: &ReadTransaction) -> Result<(u64, String), StoreError> {
    let journal = read.open_table(JOURNAL)?;
    let last = journal.last()?;
    match last {
        Some((number, row)) => {
            let entry = unpack::<JournalEntry>("journal entry", row.value())?;
            Ok((number.value(), entry.hash))
        }
        None => Ok((0, String::new())),
    }
}

pub(super) fn write_journal(
    transaction: &WriteTransaction,
    entries: &[JournalEntry],
    kept_max: usize,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(JOURNAL)?;
    for entry in entries {
        table.insert(entry.number, pack(entry).as_slice())?;
    }
    while table.len()? > kept_max.max(1) as u64 {
        table.pop_first()?;
    }
    Ok(())
}

impl Shared {
    pub(super) fn journal(&self, before: Option<u64>, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let table = self.snapshot()?.open_table(JOURNAL)?;
        let rows = table.range(..before.unwrap_or(u64::MAX))?.rev().take(limit);
        rows.map(|row| unpack("journal entry", row?.1.value())).collect()
    }
}
