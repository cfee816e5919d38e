//! REST: listings of every kind of paging, writes one by one and in batches.

mod batch;
mod change_log;
mod classify;
mod destination;
mod envelope;
mod linked;
mod message;
mod paginate;
mod request;
mod shown;
mod signals;
mod source;
mod subscribe;
#[cfg(test)]
mod testing;

use super::http::TransportError;
use super::{ChangeLog, Destination, Fault, FaultKind, Link, Reply, Signals, Source, Subscriptions};
use crate::model::Job;
use std::sync::Arc;

/// The source of `job`, with all its templates checked; the reason when one can not be used.
pub fn source(job: &Job, link: &Link) -> Result<Arc<dyn Source>, String> {
    source::source(job, link)
}

/// The change log of `job`'s source, where it has one.
pub fn change_log(job: &Job, link: &Link) -> Result<Option<Arc<dyn ChangeLog>>, String> {
    change_log::change_log(job, link)
}

/// The destination of `job`, with all its templates checked; the reason when one can not be used.
pub fn destination(job: &Job, link: &Link) -> Result<Arc<dyn Destination>, String> {
    destination::destination(job, link)
}

/// How events of `job` are ordered at its source; none where it orders none.
pub fn subscriptions(job: &Job, link: &Link) -> Result<Option<Arc<dyn Subscriptions>>, String> {
    subscribe::subscriptions(job, link)
}

/// Ends a subscription whose job may be gone: a DELETE of `path`, a template that knows `id`.
pub async fn end_subscription(link: &Link, path: &str, id: &str) -> Reply<()> {
    subscribe::end(link, path, id).await
}

/// Asks for the connection's base address: the status of whatever answers, unless it refuses the credentials.
pub(super) async fn reach(link: &Link) -> Reply<u16> {
    let client = match request::Client::new(link) {
        Ok(client) => client,
        Err(reason) => return unreachable(link, &reason),
    };
    let target = match client.target("", &[]) {
        Ok(target) => target,
        Err(reason) => return unreachable(link, &reason),
    };
    let call = request::Call {
        asked: classify::Asked::Page { cursor_sent: false },
        method: http::Method::GET,
        target,
        body: bytes::Bytes::new(),
        headers: Vec::new(),
    };
    let (answered, signals) = client.send(call).await;
    let outcome = match (answered, signals.status) {
        (Err(fault), Some(401) | None) => Err(fault),
        (_, Some(status)) => Ok(status),
        (Ok(response), None) => Ok(response.status().as_u16()),
    };
    Reply { outcome, signals }
}

/// A sign-in that failed. `request` is what was asked.
pub(super) fn sign_in_fault(link: &Link, kind: FaultKind, reason: &str, request: &str) -> Fault {
    let caller = classify::Caller { connection: link.connection.clone(), masks: link.masks.clone() };
    let hint = (kind == FaultKind::Fatal).then(|| caller.refused_hint());
    Fault { hint, ..caller.fault(kind, reason, request) }
}

/// A sign-in to which no whole answer came. It changed nothing that another try would do twice.
pub(super) fn broken_sign_in(link: &Link, error: &TransportError, request: &str) -> Fault {
    let id = &link.connection.id;
    let kind = if error.hopeless { FaultKind::Fatal } else { FaultKind::Transient };
    let hint = format!("is the token endpoint running, and is `token_url` of connection `{id}` its address?");
    Fault { hint: Some(hint), ..sign_in_fault(link, kind, &error.message, request) }
}

/// How long an answer asks to wait, where it does.
pub(super) fn told_to_wait(headers: &http::HeaderMap) -> Option<std::time::Duration> {
    signals::retry_after(headers)
}

fn unreachable(link: &Link, reason: &str) -> Reply<u16> {
    let caller = classify::Caller { connection: link.connection.clone(), masks: link.masks.clone() };
    Reply { outcome: Err(caller.fault(FaultKind::Fatal, reason, "no request")), signals: Signals::default() }
}

/// The fault of a job whose source or destination can not even be built.
pub(super) fn unusable(link: &Link, reason: &str) -> Fault {
    let caller = classify::Caller { connection: link.connection.clone(), masks: link.masks.clone() };
    caller.fault(FaultKind::Fatal, reason, "no request")
}
