//! The simulated systems: every paging, every fault and every oracle does what it says.

mod crm;
mod faults;
mod listing;
mod sockets;

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::Value;
use std::time::Duration;
use syncdeck::connect::http::TransportError;
use syncdeck::sim::World;

/// Asks the world in the process and returns the whole answer.
async fn ask(world: &World, method: Method, path: &str, body: &str) -> Result<Response<Bytes>, TransportError> {
    ask_with(world, method, path, body, &[]).await
}

async fn ask_with(
    world: &World,
    method: Method,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Result<Response<Bytes>, TransportError> {
    let url = if path.starts_with("http") { path.to_owned() } else { format!("http://sim.test{path}") };
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::from(body.to_owned())).expect("a request");
    world.transport().send(request, Duration::from_secs(30), 64 << 20).await
}

async fn get(world: &World, path: &str) -> (u16, Value) {
    let response = ask(world, Method::GET, path, "").await.expect("an answer");
    (response.status().as_u16(), serde_json::from_slice(response.body()).expect("JSON"))
}

async fn put(world: &World, path: &str, body: &str) -> u16 {
    ask(world, Method::PUT, path, body).await.expect("an answer").status().as_u16()
}
