//! What is outside: sources and destinations, and the one HTTP client under them.
//!
//! Connectors neither retry, sleep nor know the store: they make one request, classify what came back
//! and hand up what the system said of its limits.

mod body;
mod error;
pub mod http;
pub mod notify;
pub mod oauth2;
pub mod rest;
pub mod webhook;

pub use error::{Fault, FaultKind, RecordFault};

use crate::model::{
    Change, Connection, ConnectionId, ConnectionKind, Cursor, DestinationId, Item, Job, LetterRequest, Masks, Page,
    RawJson, RecordId, Timestamp, Version,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// What one or more requests brought, and what they told of the system.
#[derive(Clone, Debug)]
pub struct Reply<T> {
    pub outcome: Result<T, Fault>,
    pub signals: Signals,
}

/// What an answer tells beside its content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    /// From the request's first byte to the answer's last.
    pub took: Duration,
    /// None when no answer came.
    pub status: Option<u16>,
    /// From `RateLimit-*` / `X-RateLimit-*` headers.
    pub budget: Option<Budget>,
}

/// A rate limit as the system's headers tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    pub limit: Option<u64>,
    pub remaining: u64,
    /// Until the budget is full again.
    pub reset: Option<Duration>,
}

/// From where a page is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadFrom {
    /// None: the listing's first page.
    pub cursor: Option<Cursor>,
    /// The lower bound of the listing; none lists everything.
    pub since: Option<Version>,
}

/// A system that records are read from.
///
/// Contract: a fixed order, and reading again from the same place gives at least the same records.
#[async_trait]
pub trait Source: Send + Sync {
    async fn read_page(&self, from: &ReadFrom) -> Reply<Page>;

    /// Reads one record as it is now; `Ok(None)` when the source says that it does not exist.
    /// Only called where [`Source::can_read_one`].
    async fn read_one(&self, id: &RecordId) -> Reply<Option<Item>>;

    fn can_read_one(&self) -> bool;
}

/// What a change log tells of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// The event's place in the log, as the source writes it.
    pub sequence: String,
    pub record: RecordId,
    pub is_delete: bool,
}

/// Events in their order; none at the log's end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    pub events: Vec<LogEvent>,
}

/// A source's account of what changed.
#[async_trait]
pub trait ChangeLog: Send + Sync {
    /// The events behind `after`. A fault with `cursor_expired` says that those are no longer known.
    async fn read(&self, after: Option<&str>) -> Reply<LogPage>;

    /// The last sequence of the log; none while it is empty. Only called where [`ChangeLog::has_head`].
    async fn head(&self) -> Reply<Option<String>>;

    fn has_head(&self) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Create,
    Update,
    /// The record goes away (a hard delete). A soft delete is an update.
    Delete,
}

/// One write of one record.
#[derive(Clone, Debug)]
pub struct Write {
    pub operation: Operation,
    pub id: RecordId,
    pub destination_id: Option<DestinationId>,
    /// The mapped fields to send: all of them, or the changed ones. Of a delete: the last known fields or `{}`.
    pub fields: RawJson,
    /// The source record, for templates that name `record`.
    pub record: Change,
    pub idempotency_key: String,
    /// The destination's version that we saw last.
    pub destination_version: Option<String>,
}

/// What a confirmed write told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub destination_id: Option<DestinationId>,
    pub destination_version: Option<String>,
    /// The destination said that it made the record (201) or changed one (200, 204), where it says so.
    pub created: Option<bool>,
}

/// A system that records are written to.
///
/// Contract: a second write with the same key and content changes nothing more.
#[async_trait]
pub trait Destination: Send + Sync {
    /// The most records of one request; 1 where each goes alone.
    fn batch_size(&self) -> usize;

    /// Deletes go in batches too.
    fn batches_deletes(&self) -> bool;

    async fn write(&self, write: &Write) -> Reply<Written>;

    /// The request that [`Destination::write`] makes of `write`, without any secret; why there is none.
    fn request(&self, write: &Write) -> Result<LetterRequest, String>;

    /// Writes many in one request. `Ok` has one result for each write, in their order;
    /// an answer that can not be matched to them is an `Unknown` fault of the whole.
    async fn write_batch(&self, writes: &[Write]) -> Reply<Vec<Result<Written, Fault>>>;

    /// Reads one record as it is now; `Ok(None)` when the destination says that it does not exist.
    /// Only called where [`Destination::can_read_one`].
    async fn read_one(&self, id: &RecordId, destination_id: Option<&DestinationId>) -> Reply<Option<Standing>>;

    fn can_read_one(&self) -> bool;

    /// The ids of the records that are known there by the source's id of `write`: none, one, or a few of too many.
    /// Only called where the job can look records up.
    async fn find(&self, write: &Write) -> Reply<Vec<DestinationId>>;
}

/// A record as it stands at the destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub record: RawJson,
    /// The destination's own version, where the job asks for it.
    pub version: Option<String>,
}

/// A subscription as the source tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub id: String,
    /// None where the source does not say when it ends.
    pub expires_at: Option<Timestamp>,
}

/// How a job's events are ordered at its source. What the configuration knows no request for answers none.
#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// Orders events at `url`.
    async fn create(&self, url: &str) -> Reply<Subscribed>;

    /// Makes a subscription last longer; `Ok(None)` when the source no longer has it.
    async fn renew(&self, id: &str, url: &str) -> Option<Reply<Option<Subscribed>>>;

    async fn is_there(&self, id: &str) -> Option<Reply<bool>>;

    /// The ids of the subscriptions that lead to `url`.
    async fn find(&self, url: &str) -> Option<Reply<Vec<String>>>;

    /// Ends a subscription; one that is gone already is ended.
    async fn remove(&self, id: &str) -> Option<Reply<()>>;
}

/// How events of `job` are ordered at its source; none where it orders none. The reason when a template can not be used.
pub fn subscriptions(job: &Job, source: &Link) -> Result<Option<Arc<dyn Subscriptions>>, String> {
    let ConnectionKind::Rest(_) = &source.connection.kind;
    rest::subscriptions(job, source)
}

/// Ends a subscription whose job may be gone: a DELETE of `path`, a template that knows `id`.
pub async fn end_subscription(link: &Link, path: &str, id: &str) -> Reply<()> {
    let ConnectionKind::Rest(_) = &link.connection.kind;
    rest::end_subscription(link, path, id).await
}

/// The two ends of a job, ready to use.
pub struct Ends {
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
    pub change_log: Option<Arc<dyn ChangeLog>>,
}

/// A connection, ready to make requests: one client for all its jobs.
#[derive(Clone)]
pub struct Link {
    pub connection: Arc<Connection>,
    pub transport: Arc<dyn http::Transport>,
    pub masks: Masks,
}

/// Builds the two ends of `job`. The reason when templates or addresses can not be used.
pub fn ends(job: &Job, source: &Link, destination: &Link) -> Result<Ends, String> {
    let (ConnectionKind::Rest(_), ConnectionKind::Rest(_)) = (&source.connection.kind, &destination.connection.kind);
    Ok(Ends {
        source: rest::source(job, source)?,
        destination: rest::destination(job, destination)?,
        change_log: rest::change_log(job, source)?,
    })
}

/// Builds the client of `connection`. The reason when it can not be built.
pub fn link(connection: &Connection, masks: Masks) -> Result<Link, String> {
    let ConnectionKind::Rest(rest) = &connection.kind;
    Ok(Link { connection: Arc::new(connection.clone()), transport: http::network(rest)?, masks })
}

/// Builds the clients of `connections`. The connection and the reason when one can not be built.
pub fn links(connections: &[Connection], masks: &Masks) -> Result<Vec<Link>, (ConnectionId, String)> {
    let mut clients = http::Clients::default();
    let link = |connection: &Connection| {
        let ConnectionKind::Rest(rest) = &connection.kind;
        let transport = clients
            .network(connection.id.base().to_owned(), rest)
            .map_err(|problem| (connection.id.clone(), problem))?;
        Ok(Link { connection: Arc::new(connection.clone()), transport, masks: masks.clone() })
    };
    connections.iter().map(link).collect()
}

/// Reads the first page of `job`'s source once, to see whether it can be reached and understood.
pub async fn probe(link: &Link, job: &Job) -> Reply<Page> {
    let since = job.source.incremental.as_ref().and_then(|incremental| incremental.start.clone());
    match rest::source(job, link) {
        Ok(source) => source.read_page(&ReadFrom { cursor: None, since }).await,
        Err(reason) => Reply { outcome: Err(rest::unusable(link, &reason)), signals: Signals::default() },
    }
}

/// Asks whether the connection's system answers at its base address, without reading or writing a record.
pub async fn reach(link: &Link) -> Reply<u16> {
    rest::reach(link).await
}
