//! Finding records by the fields that a job names as searchable: an index of hashes, so that no value is kept in it.

use super::tables::{SEARCH, SEARCH_OF_RECORD};
use super::{Findable, Shared, StoreError};
use crate::model::{JobId, RecordId};
use redb::{ReadableTable, WriteTransaction};

/// What a record is to be found by: packed by its caller, so that the writer only copies.
pub(super) struct PackedTerms {
    record: RecordId,
    terms: Vec<(u128, String)>,
}

/// Of a text in any letter case, without the spaces around it.
fn hash_of(text: &str) -> u128 {
    xxhash_rust::xxh3::xxh3_128(text.trim().to_lowercase().as_bytes())
}

impl PackedTerms {
    pub(super) fn new(findable: Findable) -> Self {
        let terms = findable.terms.into_iter().map(|(field, value)| (hash_of(&value), field));
        Self { terms: terms.collect(), record: findable.record }
    }

    /// A length a field, so that two lists are the same bytes only when they are the same.
    fn row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(self.terms.len() * 32);
        for (hash, field) in &self.terms {
            row.extend_from_slice(&hash.to_le_bytes());
            row.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
            row.extend_from_slice(field.as_bytes());
        }
        row
    }
}

/// The hashes of a row.
fn hashes(mut row: &[u8]) -> Vec<u128> {
    let mut hashes = Vec::new();
    while let Some((hash, rest)) = row.split_first_chunk::<16>()
        && let Some((length, rest)) = rest.split_first_chunk::<4>()
    {
        hashes.push(u128::from_le_bytes(*hash));
        row = rest.get(u32::from_le_bytes(*length) as usize..).unwrap_or_default();
    }
    hashes
}

/// Brings the index in line with the records of a group of pages. Of one record's terms the last ones count.
pub(super) fn write_search(transaction: &WriteTransaction, pages: &[(u32, PackedTerms)]) -> Result<(), StoreError> {
    if pages.is_empty() {
        return Ok(());
    }
    let mut index = transaction.open_table(SEARCH)?;
    let mut of_record = transaction.open_table(SEARCH_OF_RECORD)?;
    for (job, terms) in pages {
        let id = terms.record.as_str();
        let row = terms.row();
        let old = match of_record.get((*job, id))? {
            Some(old) if old.value() == row.as_slice() => continue,
            Some(old) => hashes(old.value()),
            None => Vec::new(),
        };
        for hash in old {
            index.remove((*job, hash, id))?;
        }
        for (hash, field) in &terms.terms {
            index.insert((*job, *hash, id), field.as_str())?;
        }
        of_record.insert((*job, id), row.as_slice())?;
    }
    Ok(())
}

impl Shared {
    /// The records of which a searchable field holds `text`, each with that field, at most `limit`.
    pub(super) fn records_with(
        &self,
        job: &JobId,
        text: &str,
        limit: usize,
    ) -> Result<Vec<(RecordId, String)>, StoreError> {
        let Some(number) = self.directory.read().number(job) else { return Ok(Vec::new()) };
        let hash = hash_of(text);
        let index = self.snapshot()?.open_table(SEARCH)?;
        let mut found = Vec::new();
        for row in index.range((number, hash, "")..)? {
            let (key, field) = row?;
            let (at_job, at_hash, record) = key.value();
            if (at_job, at_hash) != (number, hash) || found.len() == limit {
                break;
            }
            found.push((RecordId::from(record), field.value().to_owned()));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_of_a_row_are_read_as_they_were_written() {
        let terms = vec![("email".to_owned(), "A@x.io".to_owned()), (String::new(), "ß".to_owned())];
        let packed = PackedTerms::new(Findable { record: "1".into(), terms });
        assert_eq!(hashes(&packed.row()), [hash_of(" a@X.io "), hash_of("ß")]);
        assert!(hashes(&[]).is_empty());
        assert!(hashes(&[1, 2, 3]).is_empty(), "a damaged row finds nothing and breaks nothing");
    }
}
