//! Telling the engine's state: collected from what each part counted, published when something changed.

use super::Engine;
use crate::model::{
    Circuit, ConnectionStatus, Finding, FindingTarget, JobState, JobStatus, Level, RATE_BUCKET_SECONDS, RATE_BUCKETS,
    Snapshot, Timestamp,
};
use std::sync::Arc;
use std::time::Duration;

/// The shortest time between two snapshots.
const GAP: Duration = Duration::from_millis(100);
/// The longest time between two: clocks and ages on a screen over an idle engine are no older than that.
const IDLE_NAP: Duration = Duration::from_secs(10);

impl Engine {
    /// What is true now.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.clock.now();
        let jobs: Vec<JobStatus> = self.jobs.values().map(|cell| cell.status(now)).collect();
        let connections: Vec<ConnectionStatus> = self.gates.values().map(|gate| gate.status()).collect();
        let mut engine = self.info.clone();
        engine.store_error = self.jobs.values().find_map(|cell| cell.live().store_error.clone());
        engine.is_running = self.is_running();
        let mut findings = self.findings(&jobs, &connections, now);
        if let Some(error) = &engine.store_error {
            findings.insert(
                0,
                Finding {
                    level: Level::Error,
                    text: error.clone(),
                    hint: format!("make room in {}; the jobs go on by themselves", engine.state_folder),
                    target: FindingTarget::Engine,
                },
            );
        }
        Snapshot {
            at: now,
            throughput: sum_histories(&jobs),
            engine,
            jobs,
            connections,
            findings,
            notices: self.notices.newest(),
        }
    }

    fn findings(&self, jobs: &[JobStatus], connections: &[ConnectionStatus], now: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        for job in jobs {
            findings.extend(finding_of_state(job, now));
            if job.dead_waiting > 0 {
                let group = self.jobs.get(&job.id).and_then(|cell| cell.live().newest_group);
                let target = match group {
                    Some(group) => FindingTarget::Group(job.id.clone(), group),
                    None => FindingTarget::Job(job.id.clone()),
                };
                let plural = if job.dead_waiting == 1 { "dead letter waits" } else { "dead letters wait" };
                findings.push(Finding {
                    level: Level::Warn,
                    text: format!("{}: {} {plural}", job.id, job.dead_waiting),
                    hint: "⏎ open the cause".to_owned(),
                    target,
                });
            }
        }
        for connection in connections {
            if let Circuit::Open { why, next, .. } = &connection.circuit {
                findings.push(Finding {
                    level: Level::Warn,
                    text: format!("{} is down ({why}); nothing is dead-lettered for it", connection.id),
                    hint: format!("one canary request tries again at {}", next.clock_text()),
                    target: FindingTarget::Connection(connection.id.clone()),
                });
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        findings
    }

    /// Publishes snapshots until the engine is gone.
    pub(super) async fn publish(self: Arc<Self>) {
        loop {
            let told = self.told.notified();
            self.snapshots.send_replace(Arc::new(self.snapshot()));
            tokio::select! {
                () = tokio::time::sleep(GAP) => {}
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

fn finding_of_state(job: &JobStatus, now: Timestamp) -> Option<Finding> {
    let target = FindingTarget::Job(job.id.clone());
    match &job.state {
        JobState::NeedsAttention { why, hint, .. } => Some(Finding {
            level: Level::Error,
            text: format!("{} stopped: {why}", job.id),
            hint: hint.clone().unwrap_or_else(|| format!("p resume, or: `syncdeck resume {}`", job.id)),
            target,
        }),
        JobState::Stalled { stage, since } => Some(Finding {
            level: Level::Error,
            text: format!("{} has not moved for {} in `{stage}`", job.id, super::tell::span(now.since(*since))),
            hint: "⏎ open the job".to_owned(),
            target,
        }),
        JobState::Waiting { what, until, .. } if job.run.is_none() => Some(Finding {
            level: Level::Warn,
            text: format!("{} failed: {what}", job.id),
            hint: format!("it tries again by itself {}", super::schedule::next_in(now, *until)),
            target,
        }),
        JobState::Paused { by, since, reason } => Some(Finding {
            level: Level::Info,
            text: format!(
                "{} paused {} ago by {by}{}",
                job.id,
                super::tell::span(now.since(*since)),
                reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default()
            ),
            hint: "p resume".to_owned(),
            target,
        }),
        _ => None,
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
