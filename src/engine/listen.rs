//! The door for webhooks: opened when the jobs go, closed before they end.

use super::Engine;
use super::inbox::FrontDesk;
use super::job::JobCell;
use crate::connect::webhook::{Bounds, Listener, Route, listen};
use crate::model::webhook::Proof;
use crate::model::{Serve, Timestamp, WebhookStatus};
use std::net::SocketAddr;
use std::sync::Arc;

/// The listener of an engine, and what became of the attempt to have one.
#[derive(Default)]
pub(super) struct Door {
    listener: tokio::sync::Mutex<Option<Listener>>,
    told: parking_lot::Mutex<Told>,
}

#[derive(Clone, Debug, Default)]
struct Told {
    address: Option<SocketAddr>,
    error: Option<String>,
}

impl Engine {
    /// Takes in webhooks from now on, where a job has any: then it returns where. The reason when that can not be done;
    /// the jobs go on by their schedules all the same, and a finding says so.
    pub async fn listen(self: &Arc<Self>, serve: &Serve) -> Result<Option<SocketAddr>, String> {
        let routes: Vec<Route> = self.jobs.values().filter_map(|cell| route(cell)).collect();
        if routes.is_empty() {
            // A job that was disabled may still have a subscription to end.
            self.start_keepers(serve).await?;
            return Ok(None);
        }
        let desk = Arc::new(FrontDesk(Arc::downgrade(self)));
        let opened = listen(serve.listen, Bounds::new(serve.max_body), routes, desk, self.clock.clone()).await;
        let told = match opened {
            Ok(listener) => {
                let address = listener.address();
                *self.door.listener.lock().await = Some(listener);
                Told { address: Some(address), error: None }
            }
            Err(error) => Told { address: None, error: Some(error) },
        };
        *self.door.told.lock() = told.clone();
        self.told.notify_one();
        if let Some(error) = told.error {
            return Err(error);
        }
        self.start_keepers(serve).await?;
        Ok(told.address)
    }

    /// Takes no more webhooks; those on their way are stored and answered.
    pub(super) async fn close_door(&self) {
        if let Some(listener) = self.door.listener.lock().await.take() {
            listener.stop().await;
        }
        self.door.told.lock().address = None;
    }

    /// Why webhooks can not be taken in.
    pub(super) fn listen_error(&self) -> Option<String> {
        self.door.told.lock().error.clone()
    }

    /// How a job's webhook stands; none where it has none.
    pub(super) fn webhook_status(&self, cell: &JobCell, now: Timestamp) -> Option<WebhookStatus> {
        let webhook = cell.spec.source.webhook.as_ref()?;
        let inbox = self.store.inbox(&cell.spec.id);
        let address = self.door.told.lock().address;
        let silence = self.silence_of(cell, &inbox);
        let live = cell.live();
        Some(WebhookStatus {
            path: self.masks().mask(&webhook.path),
            listening: address.map(|address| address.to_string()),
            is_insecure: webhook.proof == Proof::Nothing,
            window_ms: u64::try_from(cell.spec.batch_window.as_millis()).unwrap_or(u64::MAX),
            inbox,
            refused: live.webhook.refused,
            turned_away: live.webhook.turned_away,
            silence_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
            silent_since: live.webhook.silent_since(&inbox, silence, now),
            subscription: live.webhook.subscription.clone(),
        })
    }
}

fn route(cell: &JobCell) -> Option<Route> {
    let webhook = cell.spec.source.webhook.clone().filter(|_| cell.spec.enabled)?;
    Some(Route { job: cell.spec.id.clone(), webhook })
}
