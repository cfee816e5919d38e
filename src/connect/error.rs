//! Faults: what kind of failure a request met. Classified here, once; only the engine waits.

use std::time::Duration;

/// What the engine does about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// 429, an emptied budget: wait as told; nothing is wrong.
    Throttled,
    /// 408, 425, 5xx, refused or broken connections before the request was sent, an answer that is not JSON.
    Transient,
    /// The request was sent and its answer never came: it may have been applied.
    Unknown,
    /// This record alone: 400, 403, 404, 409, 412, 413, 422.
    Record,
    /// 401, a wrong configuration: nothing will pass.
    Fatal,
}

/// What of a record fault the engine must tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordFault {
    /// The destination refuses the content (400, 422 and the rest).
    Rejected,
    /// 403: one record's, unless nothing passes.
    Forbidden,
    /// 404 or 410 of a write: the destination's record is gone.
    Gone,
    /// 409 or 412: the destination's version is newer.
    Conflict,
    /// 413: the request is too large; a batch is split.
    TooLarge,
    /// A lookup found several.
    Ambiguous,
    /// The destination keeps another value than was sent.
    Altered,
}

/// A failed request, ready to be shown: masked of secrets, its controls kept visible by whoever draws it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    pub kind: FaultKind,
    pub record: Option<RecordFault>,
    pub status: Option<u16>,
    /// What the system says is wrong, else what happened: one sentence, without the status.
    pub message: String,
    /// The field that it names, where it names one.
    pub field: Option<String>,
    /// The answer's beginning, at most [`crate::model::Reason::ANSWER_MAX`] bytes.
    pub answer: Option<String>,
    /// From `Retry-After` or a rate-limit header's reset.
    pub retry_after: Option<Duration>,
    /// What was asked: `PUT /contacts/7`, without query secrets.
    pub request: String,
    /// The source refused the cursor itself (410, or 400/404 while a cursor was sent): the listing must begin again.
    pub cursor_expired: bool,
    /// What a person can do, where one thing is known.
    pub hint: Option<String>,
}
