//! Subscriptions that nobody needs any more: their job, or its `subscribe` table, left the configuration, or a person
//! forgot the job. They are ended by what was kept with them.

use super::Engine;
use super::limit::Patience;
use super::lines::Line;
use super::subscribe::{AGAIN_FIRST, AGAIN_MAX};
use super::tell::About;
use crate::connect::{self, FaultKind};
use crate::model::webhook::Subscription;
use crate::model::{Actor, ConnectionId, JobId, Level};
use crate::store::{Note, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The longest that forgetting a job waits for its subscription to end.
const FORGET_WAIT_MAX: Duration = Duration::from_secs(15);

/// Why a subscription is not ended.
enum Stays {
    /// It may be, later.
    Now(String),
    /// Only a person can, at the source.
    ForGood(String),
}

impl Engine {
    /// Sets going what ends the subscription of a job that orders no events any more.
    pub(super) fn end_left(self: &Arc<Self>, job: JobId, left: Subscription, keepers: &mut tokio::task::JoinSet<()>) {
        let engine = self.clone();
        keepers.spawn(async move {
            let mut wait = AGAIN_FIRST;
            loop {
                let stopping = engine.stopping.clone();
                match engine.end_once(&job, &left, stopping.clone(), false).await {
                    Ok(()) => {
                        let why = "its job orders no events any more";
                        return engine.ended(&job, &left, why).await;
                    }
                    Err(Stays::ForGood(why)) => return engine.stays(&job, &left, &why),
                    Err(Stays::Now(why)) => engine.stays(&job, &left, &why),
                }
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = tokio::time::sleep(wait) => wait = (wait * 2).min(AGAIN_MAX),
                }
            }
        });
    }

    /// Ends the subscription of a job that is about to be forgotten. What is to be said of it, where it has one.
    pub(super) async fn end_forgotten(&self, job: &JobId) -> Result<Option<String>, StoreError> {
        let Some(left) = self.store.subscriptions().await?.remove(job) else { return Ok(None) };
        let abandon = CancellationToken::new();
        let ended = tokio::time::timeout(FORGET_WAIT_MAX, self.end_once(job, &left, abandon, true)).await;
        let id = left.id.as_deref().unwrap_or("?");
        Ok(Some(match ended {
            Ok(Ok(())) => {
                self.ended(job, &left, "its job is forgotten").await;
                format!("its webhook subscription `{id}` is ended")
            }
            Ok(Err(Stays::Now(why) | Stays::ForGood(why))) => {
                self.stays(job, &left, &why);
                format!("its webhook subscription `{id}` stays at the source, where you can end it: {why}")
            }
            Err(_) => format!("its webhook subscription `{id}` stays at the source, where you can end it: no answer"),
        }))
    }

    async fn end_once(
        &self,
        job: &JobId,
        left: &Subscription,
        abandon: CancellationToken,
        gives_up: bool,
    ) -> Result<(), Stays> {
        let for_good = |why: &str| Err(Stays::ForGood(why.to_owned()));
        let Some(id) = &left.id else { return for_good("whether the source made it was never known") };
        let Some(end) = &left.end else { return for_good("no `unsubscribe` said how it is ended") };
        let (Some(gate), Some(link)) = (self.gates.get(&end.connection), self.links.get(&end.connection)) else {
            return for_good(&format!("connection `{}` is not configured any more", end.connection));
        };
        let patience = Patience { abandon, gives_up, line: Line::Job(job.clone()) };
        let Ok(permit) = gate.acquire(&patience).await else {
            return Err(Stays::Now(format!("`{}` takes no calls now", end.connection)));
        };
        gate.called(job);
        let reply = gate.call(|| connect::end_subscription(link, &end.path, id)).await;
        permit.done(&reply.signals, reply.outcome.as_ref().err());
        reply.outcome.map_err(|fault| {
            let status = fault.status.map(|status| format!(" {status}")).unwrap_or_default();
            let why = format!("{}{status}: {}", fault.request, fault.message);
            match fault.kind {
                FaultKind::Record => Stays::ForGood(why),
                FaultKind::Throttled | FaultKind::Transient | FaultKind::Unknown | FaultKind::Fatal => Stays::Now(why),
            }
        })
    }

    async fn ended(&self, job: &JobId, left: &Subscription, why: &str) {
        let id = left.id.clone().unwrap_or_default();
        let note = Note { after: Some(id.clone()), ..self.note(Actor::engine(), "unsubscribe", job, None) };
        if let Err(error) = self.store.set_subscription(job, None, Some(note)).await {
            // It is gone at the source, which the next start finds out once more.
            tracing::warn!(%job, %error, "an ended subscription could not be struck off");
        }
        let text = format!("subscription `{id}` of {job} ended: {why}");
        self.tell_of_subscription(Level::Info, job, left, text);
    }

    fn stays(&self, job: &JobId, left: &Subscription, why: &str) {
        let id = left.id.as_deref().unwrap_or("?");
        let text = format!("subscription `{id}` of {job}, which orders no events any more, stays at its source: {why}");
        self.tell_of_subscription(Level::Warn, job, left, text);
    }

    fn tell_of_subscription(&self, level: Level, job: &JobId, left: &Subscription, text: String) {
        let connection: Option<ConnectionId> = left.end.as_ref().map(|end| end.connection.clone());
        let about = About { job: Some(job.clone()), connection, ..About::default() };
        self.notices.tell(level, "webhook.unsubscribed", text, about);
        self.told.notify_one();
    }
}
