//! REST: listings of every kind of paging, writes one by one and in batches.

mod batch;
mod classify;
mod destination;
mod envelope;
mod message;
mod paginate;
mod request;
mod signals;
mod source;
#[cfg(test)]
mod testing;

use super::{Destination, Fault, FaultKind, Link, Source};
use crate::model::Job;
use std::sync::Arc;

/// The source of `job`, with all its templates checked; the reason when one can not be used.
pub fn source(job: &Job, link: &Link) -> Result<Arc<dyn Source>, String> {
    source::source(job, link)
}

/// The destination of `job`, with all its templates checked; the reason when one can not be used.
pub fn destination(job: &Job, link: &Link) -> Result<Arc<dyn Destination>, String> {
    destination::destination(job, link)
}

/// The fault of a job whose source or destination can not even be built.
pub(super) fn unusable(job: &Job, link: &Link, reason: &str) -> Fault {
    let caller =
        classify::Caller { connection: link.connection.clone(), job: job.id.clone(), masks: link.masks.clone() };
    caller.fault(FaultKind::Fatal, reason, "no request")
}
