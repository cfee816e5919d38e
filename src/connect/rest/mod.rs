//! REST: listings of every kind of paging, writes one by one and in batches.

use super::{Destination, Link, Source};
use crate::model::Job;
use std::sync::Arc;

pub fn source(_job: &Job, _link: &Link) -> Result<Arc<dyn Source>, String> {
    todo!()
}

pub fn destination(_job: &Job, _link: &Link) -> Result<Arc<dyn Destination>, String> {
    todo!()
}
