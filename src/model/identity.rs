//! By what a job knows its records and where it keeps them: state that was made under another identity is not its own.

use super::{Connection, ConnectionKind, DestinationStream, Job, Masks, Pointer, RestWrite};
use serde::{Deserialize, Serialize};

/// What must be the same for the state of a job to mean what it meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Where a record's id stands at the source, and what is put before it: `/id`.
    pub key: String,
    /// The collection at the destination, without secrets: `https://crm.example.com/v2/contacts`.
    pub destination: String,
}

impl Identity {
    /// The identity of `job`, which writes to `destination`.
    pub fn of(job: &Job, destination: &Connection, masks: &Masks) -> Self {
        let fields = &job.source.fields;
        let mut key = fields.id.iter().map(Pointer::to_string).collect::<Vec<_>>().join(", ");
        if !fields.prefix.is_empty() {
            key.push_str(&format!(" behind `{}`", fields.prefix));
        }
        let ConnectionKind::Rest(rest) = &destination.kind;
        let DestinationStream::Rest(stream) = &job.destination.stream;
        let path = match &stream.write {
            RestWrite::Upsert(request) => &request.path,
            RestWrite::Batch(batch) => &batch.path,
            RestWrite::Linked(linked) => &linked.create.path,
        };
        let own_ids = if job.destination.creates.makes_ids() { " under ids of its own" } else { "" };
        let destination = format!("{}{}{own_ids}", rest.base_url, collection_of(path));
        Self { key: masks.mask(&key), destination: masks.mask(&destination) }
    }

    /// How this identity, of before, differs from the one of `now`, in words. None where it does not.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let parts = [("key", &self.key, &now.key), ("destination", &self.destination, &now.destination)];
        let differing = parts.into_iter().filter(|(_, before, now)| before != now);
        let words: Vec<String> =
            differing.map(|(what, before, now)| format!("its {what} was `{before}` and is `{now}`")).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The part of a path that names the collection: how one record or a batch is written in it may change.
fn collection_of(path: &str) -> &str {
    path.split(['{', '?', ':']).next().unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_records_are_written_in_a_collection_is_no_part_of_it() {
        for path in ["/contacts/{{ id }}", "/contacts", "/contacts:batch", "/contacts/{{ id }}?notify=no", "/contacts/"]
        {
            assert_eq!(collection_of(path), "/contacts", "{path}");
        }
        assert_eq!(collection_of("/eu/people/{{ id }}"), "/eu/people");
    }

    #[test]
    fn a_difference_names_what_was_and_what_is() {
        let identity =
            |key: &str, destination: &str| Identity { key: key.to_owned(), destination: destination.to_owned() };
        let before = identity("/id", "https://a/x");
        assert_eq!(before.difference(&before), None);
        let words = before.difference(&identity("/key", "https://a/x"));
        assert_eq!(words.as_deref(), Some("its key was `/id` and is `/key`"));
        let words = before.difference(&identity("/key", "https://b/x"));
        let both = "its key was `/id` and is `/key`, its destination was `https://a/x` and is `https://b/x`";
        assert_eq!(words.as_deref(), Some(both));
    }
}
