//! Telling the engine's state: collected from what each part counted, published when something changed.

use super::Engine;
use super::findings::{JobFacts, door_closed, findings, not_configured};
use crate::model::{ConnectionStatus, JobStatus, RATE_BUCKET_SECONDS, RATE_BUCKETS, Snapshot};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The shortest time between two snapshots.
const GAP: Duration = Duration::from_millis(100);
/// The rest after a snapshot, in times of what it took to collect it: thousands of jobs are told more seldom, and telling
/// never takes more than a few hundredths of a core.
const REST: u32 = 30;
/// The longest time between two: clocks and ages on a screen over an idle engine are no older than that.
const IDLE_NAP: Duration = Duration::from_secs(10);

impl Engine {
    /// What is true now.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let jobs: Vec<JobStatus> = self
            .jobs
            .values()
            .map(|cell| JobStatus { webhook: self.webhook_status(cell, now), ..cell.status(now) })
            .collect();
        let connections: Vec<ConnectionStatus> = self.gates.values().map(|gate| gate.status()).collect();
        let mut engine = self.info.clone();
        engine.store_error = self.jobs.values().find_map(|cell| cell.live().store_error.clone());
        engine.is_running = self.is_running();
        engine.config_changed_at = *self.config_changed_at.lock();
        let leftovers = self.leftovers.lock().clone();
        let facts: Vec<JobFacts<'_>> = jobs
            .iter()
            .zip(self.jobs.values())
            .map(|(status, cell)| {
                let mut live = cell.live();
                JobFacts {
                    status,
                    fresh: live.fresh.count(now),
                    newest_group: live.newest_group,
                    last_counts: match &live.run {
                        Some(run) => Some((run.counts, true)),
                        None => live.last_counts.map(|counts| (counts, false)),
                    },
                    is_attended: live.is_attended,
                    altered: live.altered.clone(),
                    shape_changed: live.control.shape_changed.clone(),
                    is_in_row: live.waits_for_turn.is_some(),
                }
            })
            .collect();
        let mut findings = findings(&engine, &facts, &connections, now);
        findings.extend(self.listen_error().map(|error| door_closed(&error)));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        // The least urgent of all.
        findings.extend(not_configured(&leftovers));
        Snapshot {
            at: now,
            throughput: sum_histories(&jobs),
            engine,
            jobs,
            connections,
            findings,
            retries: self.retries(),
            leftovers,
            notices: self.notices.newest(),
        }
    }

    /// Publishes snapshots until the engine is gone.
    pub(super) async fn publish(self: Arc<Self>) {
        loop {
            let told = self.told.notified();
            let began = Instant::now();
            self.snapshots.send_replace(Arc::new(self.snapshot()));
            let gap = GAP.max(began.elapsed() * REST);
            tokio::select! {
                () = tokio::time::sleep(gap) => {}
                () = self.gone.cancelled() => return,
            }
            let nap = if self.jobs.values().any(|cell| cell.is_moving()) {
                Duration::from_secs(1)
            } else if self.jobs.values().any(|cell| cell.has_history()) {
                Duration::from_secs(RATE_BUCKET_SECONDS)
            } else {
                IDLE_NAP
            };
            tokio::select! {
                biased;
                () = self.gone.cancelled() => return,
                () = told => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }
}

fn sum_histories(jobs: &[JobStatus]) -> Vec<u32> {
    let mut sum = vec![0_u32; RATE_BUCKETS];
    for job in jobs {
        let offset = RATE_BUCKETS - job.history.len();
        for (place, rate) in job.history.iter().enumerate() {
            sum[offset + place] = sum[offset + place].saturating_add(*rate);
        }
    }
    sum
}
