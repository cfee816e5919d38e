//! What a job says of a REST source or destination, as plain data.

use super::Pointer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A listing of records. Texts are templates that know `cursor`, `since`, `limit` and `instance`.
#[derive(Clone, Debug, PartialEq)]
pub struct RestSource {
    pub path: String,
    pub query: Vec<(String, String)>,
    /// GET or POST.
    pub method: Method,
    pub body: Option<serde_json::Value>,
    /// Where the array of records stands in the answer; the root is the answer itself.
    pub records: Pointer,
    /// An error told in a 200 answer.
    pub error: Option<Pointer>,
    /// How many records there are in all.
    pub total: Option<Pointer>,
    pub paginate: Paginate,
    /// The query parameter for the lower bound of an incremental listing.
    pub since_param: Option<String>,
    /// How one record is read by its id, so that a retry works on what the source holds now.
    pub one: Option<RestRecord>,
    /// Where the source tells what changed, once everything was listed.
    pub change_log: Option<RestLog>,
}

/// An endpoint that tells changes in order. Each page begins behind the last sequence of the one before; an empty one is
/// the end.
#[derive(Clone, Debug, PartialEq)]
pub struct RestLog {
    pub path: String,
    pub query: Vec<(String, String)>,
    /// The query parameter that takes the last sequence.
    pub param: String,
    /// Where the array of events stands in the answer.
    pub records: Pointer,
    /// In an event: the record's id, its sequence, and what happened.
    pub id: Vec<Pointer>,
    pub sequence: Pointer,
    pub kind: Option<Pointer>,
    /// The kinds that say that a record was deleted.
    pub deleted: Vec<String>,
    /// In the answer: the oldest sequence that the log still holds.
    pub oldest: Option<Pointer>,
    pub head: Option<RestLogHead>,
}

/// How the log's last sequence is read.
#[derive(Clone, Debug, PartialEq)]
pub struct RestLogHead {
    pub path: String,
    pub sequence: Pointer,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RestRecord {
    /// A template that knows `id`, and of a destination `destination_id` (the source's where the two are the same).
    pub path: String,
    /// Where the record stands in the answer.
    pub record: Pointer,
}

/// How the next page is found.
#[derive(Clone, Debug, PartialEq)]
pub enum Paginate {
    None,
    /// A token in the answer goes back as a parameter.
    Cursor {
        next: Pointer,
        param: String,
    },
    /// The answer or a header holds the next page's address.
    NextUrl {
        next: NextUrl,
    },
    /// An object in the answer whose members all go back as parameters.
    Params {
        next: Pointer,
    },
    /// `Link: <…>; rel="next"` (RFC 8288).
    LinkHeader,
    Page {
        param: String,
        first: u64,
        size_param: Option<String>,
        size: Option<u64>,
    },
    Offset {
        param: String,
        size_param: Option<String>,
        size: u64,
    },
    /// The last record's version and id go back as parameters.
    Keyset {
        after: String,
        tie: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum NextUrl {
    Body(Pointer),
    Header(String),
}

/// How records are written.
#[derive(Clone, Debug, PartialEq)]
pub struct RestDestination {
    pub write: RestWrite,
    /// Names the header that takes the idempotency key.
    pub idempotency_header: Option<String>,
    /// The header that carries the destination's last seen version, and where that stands in its answer
    /// (a pointer into the body, or the `ETag` header when it is none).
    pub version_header: Option<VersionHeader>,
    /// Where the destination's own id stands in its answer.
    pub id: Option<Pointer>,
    pub delete: Option<RestRequest>,
    /// How one record is read as it is there now. None: a GET of the path that it is written to, where that has its id.
    pub one: Option<RestRecord>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct VersionHeader {
    pub name: String,
    pub from: Pointer,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RestWrite {
    /// One idempotent request a record.
    Upsert(RestRequest),
    /// Many records a request, a status each.
    Batch(RestBatch),
    /// The destination gives records ids of its own: one request makes a record, another changes it.
    Linked(RestLinked),
}

/// Requests of a destination that makes ids of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct RestLinked {
    /// Knows `id`, the source's.
    pub create: RestRequest,
    /// The destination field that carries the source's id.
    pub external_id: Option<Pointer>,
    /// Knows `id`, the destination's.
    pub update: RestRequest,
    pub lookup: Option<RestLookup>,
}

/// How a record is found by the source's id. Path and query are templates that know `id` and `record`.
#[derive(Clone, Debug, PartialEq)]
pub struct RestLookup {
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Where the array of records that were found stands in the answer, or the one record.
    pub records: Pointer,
    /// Where the destination's id stands in one of them.
    pub id: Pointer,
}

/// A request for one record. Path and body are templates that know `id`, `fields`, `record` and `operation`.
#[derive(Clone, Debug, PartialEq)]
pub struct RestRequest {
    pub method: Method,
    pub path: String,
    /// None sends the mapped fields as they are. A text `"{{ fields }}"` alone stands for the mapped fields.
    pub body: Option<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RestBatch {
    pub method: Method,
    pub path: String,
    pub size: usize,
    /// Where the array of items stands in the request.
    pub items: Pointer,
    /// Where the array of statuses stands in the answer.
    pub statuses: Pointer,
    /// In one status: the id of the record that it speaks of. None: the order counts, unless every status has an `id`.
    pub id: Option<Pointer>,
    /// In one status: an HTTP status number.
    pub status: Pointer,
    /// In one status: the message.
    pub error: Option<Pointer>,
    /// What one item is, when it is more than the fields.
    pub each: Option<RestRequest>,
    /// What one item is that deletes its record.
    pub each_delete: Option<RestRequest>,
}
