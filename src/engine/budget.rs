//! A budget that a person sets below the configured one: as durable as a hold, and as visible.

use super::Engine;
use super::bucket::Bucket;
use super::limit::Gate;
use super::orders::{OrderError, Ordered};
use crate::model::{Actor, CallBudget, ConnectionId, Limits, LowBudget};
use tokio::time::Instant;

impl Gate {
    /// The limits in force: the configured ones, less what a person took from them.
    pub(super) fn limits(&self) -> Limits {
        let lowered = self.state.lock().lowered.as_ref().map(|lowered| lowered.budget);
        limits_under(&self.connection.limits, lowered)
    }

    /// Takes a lower budget, or the configured one again. The new bucket begins empty, so that a change of budgets lets
    /// no burst through.
    pub(super) fn lower(&self, lowered: Option<LowBudget>) {
        let limits = limits_under(&self.connection.limits, lowered.as_ref().map(|lowered| lowered.budget));
        let mut state = self.state.lock();
        state.bucket = Bucket::empty(&limits, Instant::now());
        state.lowered = lowered;
        drop(state);
        self.changed.notify_waiters();
    }

    pub(super) fn lowered(&self) -> Option<LowBudget> {
        self.state.lock().lowered.clone()
    }
}

fn limits_under(configured: &Limits, lowered: Option<CallBudget>) -> Limits {
    match lowered {
        None => configured.clone(),
        Some(budget) => Limits {
            requests: Some(budget.requests),
            per: budget.per(),
            burst: configured.burst.min(budget.requests).max(1),
            ..configured.clone()
        },
    }
}

impl Engine {
    /// Lets a connection make fewer calls than it is configured for, or as many again. It outlives restarts. Returns the
    /// lowered budget that was in force before, too.
    pub async fn lower_budget(
        &self,
        connection: &ConnectionId,
        budget: Option<CallBudget>,
        reason: Option<String>,
        by: &Actor,
    ) -> Result<(Ordered, Option<CallBudget>), OrderError> {
        let gate = self.gate(connection)?;
        let _turn = self.hands_turn.lock().await;
        let at = self.clock.now();
        let configured = &gate.connection.limits;
        let before = gate.lowered();
        let was = before.as_ref().map(|lowered| lowered.budget);
        if was == budget {
            let text = match budget {
                Some(budget) => format!("nothing to do: `{connection}` has a budget of {budget} already"),
                None => format!("nothing to do: `{connection}` has its configured budget"),
            };
            return Ok((Ordered { text, changed: 0, at }, was));
        }
        if let Some(budget) = budget {
            budget.check().map_err(OrderError::Refused)?;
            if let Some(requests) = configured.requests {
                let most =
                    CallBudget { requests, per_ms: u64::try_from(configured.per.as_millis()).unwrap_or(u64::MAX) };
                if !budget.is_lower_than(most) {
                    return Err(OrderError::Refused(format!(
                        "`{connection}` is configured for {most}; a lower budget is fewer calls than that, and more stand in the configuration"
                    )));
                }
            }
        }
        let words = |budget: Option<CallBudget>| match budget {
            Some(budget) => format!("budget lowered to {budget}"),
            None => "configured budget".to_owned(),
        };
        let lowered = budget.map(|budget| LowBudget { budget, by: by.clone(), since: at, reason: reason.clone() });
        let note = self.hand_note(by, "budget", at, connection, reason, [&words(was), &words(budget)]);
        self.store.set_budget(connection, lowered.clone(), note).await?;
        gate.lower(lowered);
        self.tell_hand(connection, format!("{connection}: {} by {by}", words(budget)));
        let text = match budget {
            Some(budget) => format!("lowered the budget of {connection} to {budget}, until it is cleared"),
            None => format!("{connection} has its configured budget again"),
        };
        Ok((Ordered { text, changed: 1, at }, was))
    }
}
