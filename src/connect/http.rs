//! The one HTTP client, and the seam under it.

use crate::model::RestConnection;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// How a request failed before a whole answer was there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// False when the request certainly never reached the system (no connection, no name).
    pub sent: bool,
    pub timed_out: bool,
    /// The answer was larger than the limit.
    pub too_large: bool,
    /// TLS or an address that can never work: fatal.
    pub hopeless: bool,
    pub message: String,
}

/// Carries one request to a system and its whole answer back. The program's goes over the network;
/// a test's calls a router in the process, so that with a paused clock hours of waiting pass in a millisecond.
#[async_trait]
pub trait Transport: Send + Sync {
    /// `timeout` bounds the whole exchange, `max_body` the answer in bytes after decompression.
    async fn send(
        &self,
        request: ::http::Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<::http::Response<Bytes>, TransportError>;
}

/// The transport over the network. One for each connection; it keeps its pool.
pub fn network(_connection: &RestConnection) -> Result<Arc<dyn Transport>, String> {
    todo!()
}
