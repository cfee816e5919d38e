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
    /// A hash of the destination's host and port, which tells them apart where they come from a variable and are masked.
    pub host: u64,
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
        let host = xxhash_rust::xxh3::xxh3_64(host_of(&rest.base_url).as_bytes());
        Self { key: masks.mask(&key), destination: masks.mask(&destination), host }
    }

    /// True where both keep their records at the same place.
    pub fn has_same_destination(&self, other: &Self) -> bool {
        self.destination == other.destination && self.host == other.host
    }

    /// How this identity, of before, differs from the one of `now`, in words. None where it does not.
    pub fn difference(&self, now: &Self) -> Option<String> {
        let parts = [("key", &self.key, &now.key), ("destination", &self.destination, &now.destination)];
        let differing = parts.into_iter().filter(|(_, before, now)| before != now);
        let mut words: Vec<String> =
            differing.map(|(what, before, now)| format!("its {what} was `{before}` and is `{now}`")).collect();
        if self.destination == now.destination && self.host != now.host {
            words.push(format!("the host of its destination `{}` is another one", now.destination));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// The part of a path that names the collection: how one record or a batch is written in it may change.
fn collection_of(path: &str) -> &str {
    path.split(['{', '?', ':']).next().unwrap_or_default().trim_end_matches('/')
}

/// Host and port of an address.
fn host_of(address: &str) -> &str {
    let behind = address.split_once("://").map_or(address, |(_, behind)| behind);
    let authority = behind.split('/').next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
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
        let identity = |key: &str, destination: &str| Identity {
            key: key.to_owned(),
            destination: destination.to_owned(),
            host: 1,
        };
        let before = identity("/id", "https://a/x");
        assert_eq!(before.difference(&before), None);
        let words = before.difference(&identity("/key", "https://a/x"));
        assert_eq!(words.as_deref(), Some("its key was `/id` and is `/key`"));
        let words = before.difference(&identity("/key", "https://b/x"));
        let both = "its key was `/id` and is `/key`, its destination was `https://a/x` and is `https://b/x`";
        assert_eq!(words.as_deref(), Some(both));
    }

    // A host that comes from a variable is masked, and staging must not be taken for production.
    #[test]
    fn another_host_is_noticed_although_it_is_masked() {
        let identity =
            |host| Identity { key: "/id".to_owned(), destination: "https://••••/x".to_owned(), host };
        assert_eq!(identity(1).difference(&identity(1)), None);
        let words = identity(1).difference(&identity(2));
        assert_eq!(words.as_deref(), Some("the host of its destination `https://••••/x` is another one"));
        assert!(!identity(1).has_same_destination(&identity(2)));
        for address in ["https://crm.test:8443/v2", "http://crm.test:8443", "https://u:p@crm.test:8443/"] {
            assert_eq!(host_of(address), "crm.test:8443");
        }
    }
}
