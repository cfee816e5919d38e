//! `/metrics`: what a snapshot counts, as OpenMetrics text.

use crate::model::{Circuit, JobStatus, Level, Snapshot, Timestamp, WebhookStatus};
use std::fmt::{Display, Write};

/// The words of a job's state, one series each, so that an alert can name one.
const STATES: [&str; 8] = ["idle", "running", "waiting", "stalled", "pausing", "paused", "needs attention", "disabled"];

pub(super) fn written(snapshot: &Snapshot) -> String {
    let mut text = Text::default();
    let engine = &snapshot.engine;
    text.family("syncdeck_build", "info", "The program that runs the engine.");
    text.sample("_info", &[("version", &engine.version), ("workspace", &engine.workspace)], 1);
    text.family("syncdeck_engine_running", "gauge", "1 while jobs are set going, 0 when the engine is stopped.");
    text.sample("", &[], u8::from(engine.is_running));
    text.family("syncdeck_engine_state_writable", "gauge", "0 while the state can not be saved and nothing moves.");
    text.sample("", &[], u8::from(engine.store_error.is_none()));
    text.family("syncdeck_engine_start_time_seconds", "gauge", "When the engine was started.");
    text.sample("", &[], seconds(engine.started_at));
    text.family("syncdeck_findings", "gauge", "What needs a person, by how badly.");
    for (word, level) in [("info", Level::Info), ("warn", Level::Warn), ("error", Level::Error)] {
        let n = snapshot.findings.iter().filter(|finding| finding.level == level).count();
        text.sample("", &[("level", word)], n);
    }
    jobs(&mut text, &snapshot.jobs);
    connections(&mut text, snapshot);
    text.end()
}

fn jobs(text: &mut Text, jobs: &[JobStatus]) {
    text.family(
        "syncdeck_job_records",
        "counter",
        "Records of checkpointed pages by what became of them; scanned is the sum of all outcomes.",
    );
    for job in jobs {
        let counts = &job.total;
        let outcomes = [
            ("created", counts.created),
            ("updated", counts.updated),
            ("deleted", counts.deleted),
            ("skipped", counts.skipped),
            ("held", counts.held),
            ("errored", counts.errored),
        ];
        for (outcome, n) in outcomes {
            text.sample("_total", &[("job", job.id.as_str()), ("outcome", outcome)], n);
        }
    }
    text.family("syncdeck_job_scanned", "counter", "Records read of checkpointed pages.");
    each(text, jobs, "_total", |job| Some(job.total.scanned));
    text.family("syncdeck_job_retried_requests", "counter", "Requests that were made again by themselves.");
    each(text, jobs, "_total", |job| Some(job.total.retried));
    text.family("syncdeck_job_state", "stateset", "What the job is doing: one state has 1.");
    for job in jobs {
        let word = job.state.word();
        for state in STATES {
            text.sample("", &[("job", job.id.as_str()), ("syncdeck_job_state", state)], u8::from(state == word));
        }
    }
    text.family("syncdeck_job_dead_letters_waiting", "gauge", "Dead letters that wait or are being retried.");
    each(text, jobs, "", |job| Some(job.dead_waiting));
    text.family("syncdeck_job_in_flight_records", "gauge", "Records read and not yet checkpointed.");
    each(text, jobs, "", |job| Some(job.in_flight));
    text.family("syncdeck_job_records_per_second", "gauge", "The mean of the last ten seconds.");
    each(text, jobs, "", |job| Some(job.rate));
    text.family("syncdeck_job_checkpoint_sequence", "gauge", "The number of the last checkpoint.");
    each(text, jobs, "", |job| job.checkpoint.as_ref().map(|checkpoint| checkpoint.sequence.0));
    text.family("syncdeck_job_checkpoint_time_seconds", "gauge", "When the last checkpoint was saved.");
    each(text, jobs, "", |job| job.checkpoint.as_ref().map(|checkpoint| seconds(checkpoint.saved_at)));
    text.family("syncdeck_job_next_run_time_seconds", "gauge", "When the schedule lets the job run next.");
    each(text, jobs, "", |job| job.due.map(seconds));
    webhooks(text, jobs);
}

fn webhooks(text: &mut Text, jobs: &[JobStatus]) {
    if jobs.iter().all(|job| job.webhook.is_none()) {
        return;
    }
    fn of<N>(pick: impl Fn(&WebhookStatus) -> Option<N>) -> impl Fn(&JobStatus) -> Option<N> {
        move |job| job.webhook.as_ref().and_then(&pick)
    }
    text.family("syncdeck_webhook_events", "counter", "Webhook events taken in, since the job has webhooks.");
    each(text, jobs, "_total", of(|webhook| Some(webhook.inbox.received)));
    text.family("syncdeck_webhook_duplicates", "counter", "Webhook events that had come before.");
    each(text, jobs, "_total", of(|webhook| Some(webhook.inbox.duplicates)));
    text.family("syncdeck_webhook_refused_requests", "counter", "Requests that were not signed rightly or not whole.");
    each(text, jobs, "_total", of(|webhook| Some(webhook.refused)));
    text.family("syncdeck_webhook_turned_away_events", "counter", "Events sent away because the inbox was full.");
    each(text, jobs, "_total", of(|webhook| Some(webhook.turned_away)));
    text.family("syncdeck_webhook_waiting_events", "gauge", "Webhook events that wait to be processed.");
    each(text, jobs, "", of(|webhook| Some(webhook.inbox.waiting)));
    text.family("syncdeck_webhook_oldest_event_time_seconds", "gauge", "When the oldest event that waits came.");
    each(text, jobs, "", of(|webhook| webhook.inbox.oldest_at.map(seconds)));
    text.family("syncdeck_webhook_last_event_time_seconds", "gauge", "When the last event came.");
    each(text, jobs, "", of(|webhook| webhook.inbox.last_at.map(seconds)));
    text.family("syncdeck_webhook_silent", "gauge", "1 while events stay away for unusually long.");
    each(text, jobs, "", of(|webhook| Some(u8::from(webhook.silent_since.is_some()))));
    text.family("syncdeck_webhook_subscription_end_time_seconds", "gauge", "When the subscription ends.");
    let ends = |webhook: &WebhookStatus| webhook.subscription.as_ref()?.expires_at.map(seconds);
    each(text, jobs, "", of(ends));
}

fn connections(text: &mut Text, snapshot: &Snapshot) {
    let all = &snapshot.connections;
    text.family("syncdeck_connection_answers", "counter", "Answers of the system by kind, since the engine started.");
    for connection in all {
        let answers = &connection.answers;
        let kinds = [
            ("ok", answers.ok),
            ("throttled", answers.throttled),
            ("client_error", answers.client_error),
            ("server_error", answers.server_error),
            ("none", answers.no_answer),
        ];
        for (kind, n) in kinds {
            text.sample("_total", &[("connection", connection.id.as_str()), ("answer", kind)], n);
        }
    }
    text.family("syncdeck_connection_in_flight_requests", "gauge", "Requests in flight.");
    for connection in all {
        text.sample("", &[("connection", connection.id.as_str())], connection.in_flight);
    }
    text.family("syncdeck_connection_queued_requests", "gauge", "Calls that wait for a permit.");
    for connection in all {
        text.sample("", &[("connection", connection.id.as_str())], connection.queued);
    }
    text.family("syncdeck_connection_circuit_open", "gauge", "1 while the system is taken to be down.");
    for connection in all {
        let is_open = matches!(connection.circuit, Circuit::Open { .. });
        text.sample("", &[("connection", connection.id.as_str())], u8::from(is_open));
    }
    text.family("syncdeck_connection_budget_remaining_requests", "gauge", "Requests left of the system's rate limit.");
    for connection in all {
        if let Some(budget) = &connection.budget {
            text.sample("", &[("connection", connection.id.as_str())], budget.remaining);
        }
    }
    text.family("syncdeck_connection_latency_seconds", "gauge", "Of the last few hundred answers.");
    for connection in all {
        for (quantile, ms) in [("0.5", connection.latency_p50), ("0.95", connection.latency_p95)] {
            if let Some(ms) = ms {
                let labels = [("connection", connection.id.as_str()), ("quantile", quantile)];
                text.sample("", &labels, f64::from(ms) / 1_000.0);
            }
        }
    }
}

fn each<N: Display>(text: &mut Text, jobs: &[JobStatus], suffix: &str, figure: impl Fn(&JobStatus) -> Option<N>) {
    for job in jobs {
        if let Some(figure) = figure(job) {
            text.sample(suffix, &[("job", job.id.as_str())], figure);
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1_000.0
}

/// OpenMetrics as it is written: families one after the other, an end mark last.
#[derive(Default)]
struct Text {
    text: String,
    family: &'static str,
}

impl Text {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        self.put(format_args!("# TYPE {name} {kind}\n# HELP {name} {}\n", escaped(help)));
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], figure: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let family = self.family;
        self.put(format_args!("{family}{suffix}{labels} {figure}\n"));
    }

    fn put(&mut self, words: std::fmt::Arguments<'_>) {
        self.text.write_fmt(words).expect("a String takes whatever is written");
    }

    fn end(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
