//! The engine in this process.

use super::{Answer, Refusal, Request};
use crate::model::{Actor, Snapshot};
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Clone)]
pub struct Local {}

impl Local {
    pub async fn ask(&self, _request: Request, _by: &Actor) -> Result<Answer, Refusal> {
        todo!()
    }

    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        todo!()
    }
}
