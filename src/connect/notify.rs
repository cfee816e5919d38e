//! One POST of JSON to an address of one's own: what a hook tells.

use super::http::{Transport, network};
use crate::model::{RestConnection, Secret};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// An answer of a hook is not read further than this, in bytes.
const ANSWER_MAX: u64 = 64 << 10;

/// Posts to one address.
#[derive(Clone)]
pub struct Post {
    url: Secret,
    timeout: Duration,
    transport: Arc<dyn Transport>,
}

impl Post {
    /// The reason when the client can not be built.
    pub fn new(url: &Secret, timeout: Duration) -> Result<Self, String> {
        let rest = RestConnection { timeout, max_body: ANSWER_MAX, ..RestConnection::new(url.expose()) };
        Ok(Self { url: url.clone(), timeout, transport: network(&rest)? })
    }

    /// Sends `json` once. The reason when it was not taken; it never names the address, which may hold a secret.
    pub async fn send(&self, json: Vec<u8>) -> Result<(), String> {
        let request = ::http::Request::post(self.url.expose())
            .header(::http::header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(json))
            .map_err(|_| "its address can not be used".to_owned())?;
        let answer = self.transport.send(request, self.timeout, ANSWER_MAX).await.map_err(|error| error.message)?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answered {}", answer.status())) }
    }
}
