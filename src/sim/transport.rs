//! Calls a router in the process, so that no socket and no real time stands between a test and its world.

use super::http::Broken;
use crate::connect::http::{Transport, TransportError};
use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// A transport over a router of this process.
pub struct RouterTransport {
    router: Router,
}

/// A transport that calls `router`.
pub fn transport(router: Router) -> Arc<dyn Transport> {
    Arc::new(RouterTransport { router })
}

#[async_trait::async_trait]
impl Transport for RouterTransport {
    async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<Response<Bytes>, TransportError> {
        let exchange = exchange(self.router.clone(), request, max_body);
        match tokio::time::timeout(timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError { timed_out: true, ..error(true, format!("no answer within {timeout:?}")) }),
        }
    }
}

async fn exchange(router: Router, request: Request<Bytes>, max_body: u64) -> Result<Response<Bytes>, TransportError> {
    let request = request.map(Body::from);
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if let Some(broken) = response.extensions().get::<Broken>() {
        return Err(error(broken.sent, broken.message.to_owned()));
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|cause| error(true, cause.to_string()))?;
    if max_body < body.len() as u64 {
        let message = format!("the answer has more than {max_body} bytes");
        return Err(TransportError { too_large: true, ..error(true, message) });
    }
    Ok(Response::from_parts(parts, body))
}

fn error(sent: bool, message: String) -> TransportError {
    TransportError { sent, timed_out: false, too_large: false, hopeless: false, message }
}
