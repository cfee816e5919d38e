//! The journal: what people and the engine did, each entry chained to the one before by its hash.

use super::codec::{pack, unpack};
use super::heads::Heads;
use super::tables::{JOURNAL, JOURNAL_ENDS};
use super::{Note, Shared, StoreError};
use crate::model::{Actor, JobId, JournalEntry, JournalProof, Timestamp};
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};
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
    let mut ends = transaction.open_table(JOURNAL_ENDS)?;
    for entry in entries {
        table.insert(entry.number, pack(entry).as_slice())?;
    }
    let mut thinned = None;
    while table.len()? > kept_max.max(1) as u64 {
        if let Some((_, row)) = table.pop_first()? {
            thinned = Some(End::of(&unpack("journal entry", row.value())?));
        }
    }
    if let Some(end) = thinned {
        ends.insert(THINNED, pack(&end).as_slice())?;
    }
    if let Some(last) = entries.last() {
        ends.insert(LAST, pack(&End::of(last)).as_slice())?;
    }
    Ok(())
}

const THINNED: &str = "thinned";
const LAST: &str = "last";

/// One end of what is kept of the chain.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    number: u64,
    hash: String,
}

impl End {
    fn of(entry: &JournalEntry) -> Self {
        Self { number: entry.number, hash: entry.hash.clone() }
    }

    fn load(read: &ReadTransaction, name: &str) -> Result<Option<Self>, StoreError> {
        let ends = match read.open_table(JOURNAL_ENDS) {
            Ok(ends) => ends,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        ends.get(name)?.map(|row| unpack("journal end", row.value())).transpose()
    }
}

impl Shared {
    pub(super) fn journal(&self, before: Option<u64>, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
        let table = self.snapshot()?.open_table(JOURNAL)?;
        let rows = table.range(..before.unwrap_or(u64::MAX))?.rev().take(limit);
        rows.map(|row| unpack("journal entry", row?.1.value())).collect()
    }

    /// Walks the whole chain and says where it breaks, if it does.
    pub(super) fn verify_journal(&self) -> Result<JournalProof, StoreError> {
        let read = self.snapshot()?;
        let thinned = End::load(&read, THINNED)?;
        let last = End::load(&read, LAST)?;
        let table = read.open_table(JOURNAL)?;
        let mut proof =
            JournalProof { thinned_up_to: thinned.as_ref().map(|end| end.number), ..JournalProof::default() };
        let mut before = thinned.unwrap_or(End { number: 0, hash: String::new() });
        for row in table.iter()? {
            let (number, row) = row?;
            let number = number.value();
            let entry = match unpack::<JournalEntry>("journal entry", row.value()) {
                Ok(entry) => entry,
                Err(error) => return Ok(proof.broken_at(number, format!("it can not be read: {error}"))),
            };
            if proof.entries == 0 && before.number == 0 && number > 1 {
                // What was thinned before its last hash was kept; the first entry that is left is taken as it is.
                proof.is_beginning_unknown = true;
                before = End { number: number - 1, hash: String::new() };
            } else if number != before.number + 1 {
                let missing = before.number + 1;
                let why = format!("entry #{missing} is missing: after #{} comes #{number}", before.number);
                return Ok(proof.broken_at(missing, why));
            }
            let is_taken = proof.is_beginning_unknown && proof.entries == 0;
            if entry.number != number || (!is_taken && entry_hash(&before.hash, &entry) != entry.hash) {
                let why = "its content, or that of the entry before, is not what was written".to_owned();
                return Ok(proof.broken_at(number, why));
            }
            proof.first.get_or_insert(number);
            proof.last = Some(number);
            proof.entries += 1;
            before = End { number, hash: entry.hash };
        }
        match last {
            Some(last) if before.number < last.number => {
                let missing = before.number + 1;
                Ok(proof.broken_at(missing, format!("#{missing} to #{} are missing at the end", last.number)))
            }
            // Where the same number stands with another hash, the entries after some place were written anew.
            Some(last) if before.number == last.number && before.hash != last.hash => {
                Ok(proof.broken_at(last.number, "the last entry is not the one that was written".to_owned()))
            }
            _ => Ok(proof),
        }
    }
}
