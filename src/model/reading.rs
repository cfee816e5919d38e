//! Taking a record's own facts out of its text: id, version, deleted.

use super::{Item, RawJson, RecordFields};

/// Reads records of one stream. Made once for a job, because it walks each record only once.
pub struct RecordReader;

impl RecordReader {
    pub fn new(_fields: &RecordFields) -> Self {
        todo!()
    }

    /// An id must be a text or an integer and not empty, else the item is unreadable (never the key `null`).
    /// A missing or null version is no version; one that can not be read makes the item unreadable.
    pub fn read(&self, _body: RawJson) -> Item {
        todo!()
    }
}
