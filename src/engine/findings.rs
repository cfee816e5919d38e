//! What needs a person: rules over what the engine counted, each with a sentence, a way out and a place to look.

use super::fresh::{FreshCount, MINUTES};
use super::job::AlteredField;
use super::schedule::next_in;
use super::tell::span;
use crate::model::redact::is_redacted;
use crate::model::{
    Circuit, ConnectionStatus, Counts, EngineInfo, Finding, FindingKind, FindingTarget, GroupId, JobState, JobStatus,
    Leftover, Level, QuotaStatus, ShapeChange, Timestamp, counted, grouped, told_at,
};
use std::time::Duration;

/// A pause of more than this is worth a second look: whoever paused may have forgotten it.
const PAUSED_LONG: Duration = Duration::from_secs(4 * 60 * 60);
/// A run that did not begin so long after it was due was missed.
const MISSED_AFTER: Duration = Duration::from_secs(120);
/// Of the budget, below which it is low, in percent …
const BUDGET_LOW: u64 = 15;
/// … where it does not come back sooner than this.
const REFILL_LONG: Duration = Duration::from_secs(5);
/// Budgets smaller than this are low most of the time, and nobody minds.
const BUDGET_LEAST: u64 = 10;
/// Of a long quota, in percent, from which on it is nearly used up.
const QUOTA_HIGH: u64 = 90;
/// A change of the source's records is told so long.
const SHAPE_TOLD_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Of a run's records, in percent, from which on its errors are too many …
const ERRORS_MANY: u64 = 10;
/// … where it has scanned so many.
const ERRORS_LEAST: u64 = 50;

/// What the rules know of one job beyond its status.
pub(super) struct JobFacts<'a> {
    pub status: &'a JobStatus,
    pub fresh: FreshCount,
    /// The cause that was seen last.
    pub newest_group: Option<GroupId>,
    /// Of the run in progress, else of the one before, with whether it is in progress.
    pub last_counts: Option<(Counts, bool)>,
    /// The job is run by its schedule in this engine.
    pub is_attended: bool,
    /// Fields that the destination keeps otherwise than they were sent, in the run in progress or the last one.
    pub altered: Vec<AlteredField>,
    /// When the source's records were last seen to look otherwise, and how.
    pub shape_changed: Option<ShapeChange>,
    /// It waits for its turn, for other jobs run.
    pub is_in_row: bool,
}

/// All findings, worst first; among equals in the order of the rules.
pub(super) fn findings(
    engine: &EngineInfo,
    jobs: &[JobFacts<'_>],
    connections: &[ConnectionStatus],
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = engine.store_error.iter().map(|error| store_error(engine, error)).collect();
    findings.extend(engine.config_changed_at.map(|at| config_changed(at, now)));
    for job in jobs {
        findings.extend(of_state(job.status, now).filter(|_| !job.is_in_row));
        findings.extend(withheld(job.status));
        findings.extend(missed(job, now));
        findings.extend(errors(job));
        findings.extend(subscription(job.status, now));
        findings.extend(silent(job.status, now));
        findings.extend(altered(job, &engine.redact));
        findings.extend(source_changed(job, now));
        findings.extend(dead_letters(job));
    }
    for connection in connections {
        let n_waiting = jobs.iter().filter(|job| job.status.run.is_some() && uses(job.status, connection)).count();
        findings.extend(held(connection, n_waiting, now));
        findings.extend(down(connection));
        findings.extend(budget(connection, now));
        findings.extend(quota(connection, now));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    findings
}

fn uses(job: &JobStatus, connection: &ConnectionStatus) -> bool {
    job.source == connection.id || job.destination == connection.id
}

fn store_error(engine: &EngineInfo, error: &str) -> Finding {
    Finding {
        kind: FindingKind::StoreError,
        level: Level::Error,
        text: error.to_owned(),
        hint: format!("make room in {}; the jobs go on by themselves", engine.state_folder),
        target: FindingTarget::Engine,
    }
}

fn config_changed(at: Timestamp, now: Timestamp) -> Finding {
    Finding {
        kind: FindingKind::ConfigChanged,
        level: Level::Warn,
        text: format!("the configuration changed on disk at {}; the jobs run by the one before", told_at(at, now)),
        hint: "restart syncdeck to use it; `syncdeck check` looks through it first".to_owned(),
        target: FindingTarget::Engine,
    }
}

/// Jobs that one finding names.
const NAMED_MAX: usize = 3;

/// State that nobody uses.
pub(super) fn not_configured(leftovers: &[Leftover]) -> Option<Finding> {
    let named: Vec<&str> = leftovers.iter().take(NAMED_MAX).map(|left| left.job.as_str()).collect();
    let named = named.join(", ");
    let text = match leftovers {
        [] => return None,
        [one] => format!("{named} is not configured any more; its state is kept ({})", one.words()),
        many if many.len() <= NAMED_MAX => format!("{named} are not configured any more; their state is kept"),
        many => format!("{named} and {} more are not configured any more; their state is kept", many.len() - NAMED_MAX),
    };
    Some(Finding {
        kind: FindingKind::NotConfigured,
        level: Level::Info,
        text,
        hint: format!("`syncdeck forget {}` removes it", leftovers[0].job),
        target: FindingTarget::Engine,
    })
}

fn of_state(job: &JobStatus, now: Timestamp) -> Option<Finding> {
    let (kind, level, text, hint) = match &job.state {
        // That is told by a rule of its own, also while a run goes on.
        JobState::NeedsAttention { .. } if job.is_withholding() => return None,
        JobState::NeedsAttention { why, hint, .. } => (
            FindingKind::NeedsAttention,
            Level::Error,
            format!("{} stopped: {why}", job.id),
            hint.clone().unwrap_or_else(|| format!("run `syncdeck resume {}`", job.id)),
        ),
        JobState::Stalled { stage, since } => (
            FindingKind::Stalled,
            Level::Error,
            format!("{} has not moved for {} in `{stage}`", job.id, span(now.since(*since))),
            format!("run `syncdeck status {}`", job.id),
        ),
        JobState::Waiting { what, until, .. } if job.run.is_none() => (
            FindingKind::Failed,
            Level::Warn,
            format!("{} failed: {what}", job.id),
            format!("it tries again by itself {}", next_in(now, *until)),
        ),
        JobState::Paused { by, since, reason } => {
            let reason = reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default();
            let ago = now.since(*since);
            let is_long = ago > PAUSED_LONG;
            (
                if is_long { FindingKind::PausedLong } else { FindingKind::Paused },
                if is_long { Level::Warn } else { Level::Info },
                format!("{} paused {} ago by {by}{reason}", job.id, span(ago)),
                format!("run `syncdeck resume {}`", job.id),
            )
        }
        _ => return None,
    };
    Some(Finding { kind, level, text, hint, target: FindingTarget::Job(job.id.clone()) })
}

/// Deletes that wait for a person.
fn withheld(job: &JobStatus) -> Option<Finding> {
    let withheld = job.withheld.filter(|withheld| !withheld.is_released)?;
    let n = withheld.waiting;
    let deletes = counted(n, "delete is", "deletes are");
    Some(Finding {
        kind: FindingKind::Withheld,
        level: Level::Error,
        text: format!("{}: {deletes} withheld; creates and updates go on", job.id),
        hint: format!("`syncdeck held list {}`", job.id),
        target: FindingTarget::Job(job.id.clone()),
    })
}

/// A run that its schedule wanted and that nobody began.
fn missed(job: &JobFacts<'_>, now: Timestamp) -> Option<Finding> {
    let status = job.status;
    let due = status.due.filter(|_| job.is_attended && status.run.is_none() && status.state == JobState::Idle)?;
    let late = now.since(due);
    (late > MISSED_AFTER).then(|| Finding {
        kind: FindingKind::MissedSchedule,
        level: Level::Warn,
        text: format!("{} was due {} ago and has not begun", status.id, span(late)),
        hint: format!("run `syncdeck trigger {}`; the log says what happened", status.id),
        target: FindingTarget::Job(status.id.clone()),
    })
}

/// Webhooks can not be taken in at all.
pub(super) fn door_closed(error: &str) -> Finding {
    Finding {
        kind: FindingKind::Webhook,
        level: Level::Error,
        text: format!("{error}; the schedules go on"),
        hint: "free the address, or name another `listen` in `[serve]`, then start syncdeck again".to_owned(),
        target: FindingTarget::Engine,
    }
}

/// A subscription that is not kept.
fn subscription(job: &JobStatus, now: Timestamp) -> Option<Finding> {
    let subscription = job.webhook.as_ref()?.subscription.as_ref()?;
    let error = subscription.error.as_ref()?;
    Some(Finding {
        kind: FindingKind::Webhook,
        level: Level::Warn,
        text: format!("{}: the subscription to events of {} is not kept: {error}", job.id, job.source),
        hint: format!("it is tried again by itself {}; the schedule goes on", next_in(now, subscription.next_at)),
        target: FindingTarget::Job(job.id.clone()),
    })
}

/// A webhook from which nothing comes any more.
fn silent(job: &JobStatus, now: Timestamp) -> Option<Finding> {
    let webhook = job.webhook.as_ref()?;
    let since = webhook.silent_since?;
    Some(Finding {
        kind: FindingKind::Silent,
        level: Level::Warn,
        text: format!("{}: no webhook event for {}; the source is polled", job.id, span(now.since(since))),
        hint: format!("does {} still send events? `syncdeck status {}` shows the subscription", job.source, job.id),
        target: FindingTarget::Job(job.id.clone()),
    })
}

/// A run in which more was refused than a few bad records explain.
fn errors(job: &JobFacts<'_>) -> Option<Finding> {
    let (counts, is_now) = job.last_counts.filter(|(counts, _)| counts.scanned >= ERRORS_LEAST)?;
    let percent = counts.errored * 100 / counts.scanned;
    (percent >= ERRORS_MANY).then(|| Finding {
        kind: FindingKind::ManyErrors,
        level: Level::Warn,
        text: format!(
            "{}: {percent} % of {} run errored ({} of {})",
            job.status.id,
            if is_now { "this" } else { "the last" },
            counts.errored,
            counts.scanned
        ),
        hint: format!("run `syncdeck status {}`", job.status.id),
        target: FindingTarget::Job(job.status.id.clone()),
    })
}

fn dead_letters(job: &JobFacts<'_>) -> Option<Finding> {
    let id = &job.status.id;
    let waiting = job.status.dead_waiting;
    if waiting == 0 {
        return None;
    }
    let target = match job.fresh.group.or(job.newest_group) {
        Some(group) => FindingTarget::Group(id.clone(), group),
        None => FindingTarget::Job(id.clone()),
    };
    let hint = format!("run `syncdeck dead groups {id}`");
    // Of the new ones some may have been retried or discarded already.
    let new = job.fresh.letters.min(waiting);
    let (kind, level, text) = if new > 0 {
        let letters = counted(new, "new dead letter", "new dead letters");
        let causes = counted(job.fresh.causes, "cause", "causes");
        let all = if waiting > new { format!("; {} wait in all", grouped(waiting)) } else { String::new() };
        (FindingKind::DeadLetters, Level::Warn, format!("{id}: {letters} in {MINUTES} min, {causes}{all}"))
    } else {
        (
            FindingKind::OldLetters,
            Level::Info,
            format!("{id}: {}", counted(waiting, "dead letter waits", "dead letters wait")),
        )
    };
    Some(Finding { kind, level, text, hint, target })
}

fn held(connection: &ConnectionStatus, n_waiting: usize, now: Timestamp) -> Option<Finding> {
    let held = connection.held.as_ref()?;
    let reason = held.reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default();
    let waiting = match n_waiting {
        0 => String::new(),
        1 => "; 1 job waits".to_owned(),
        n => format!("; {n} jobs wait"),
    };
    Some(Finding {
        kind: FindingKind::Held,
        level: Level::Warn,
        text: format!("{} held {} ago by {}{reason}{waiting}", connection.id, span(now.since(held.since)), held.by),
        hint: format!("run `syncdeck connection release {}`", connection.id),
        target: FindingTarget::Connection(connection.id.clone()),
    })
}

fn down(connection: &ConnectionStatus) -> Option<Finding> {
    let Circuit::Open { why, next, .. } = &connection.circuit else { return None };
    Some(Finding {
        kind: FindingKind::CircuitOpen,
        level: Level::Warn,
        text: format!("{} is down ({why}); nothing is dead-lettered for it", connection.id),
        hint: format!("one canary request tries again at {}", next.clock_text()),
        target: FindingTarget::Connection(connection.id.clone()),
    })
}

/// Values that the destination keeps otherwise than they were sent, the field with most of them.
fn altered(job: &JobFacts<'_>, redact: &[String]) -> Option<Finding> {
    let worst = job.altered.iter().max_by_key(|field| field.n)?;
    let records = if worst.n == 1 { "record" } else { "records" };
    let values = match is_redacted(redact, &worst.field) {
        true => String::new(),
        false => format!(" (sent {}, holds {})", worst.sent, worst.holds),
    };
    let more = match job.altered.len() - 1 {
        0 => String::new(),
        more => format!("; {more} more fields too"),
    };
    let id = &job.status.id;
    let destination = &job.status.destination;
    Some(Finding {
        kind: FindingKind::Altered,
        level: Level::Warn,
        text: format!("{id}: {destination} changed `{}` of {} {records}{values}{more}", worst.field, worst.n),
        hint: "map what the destination keeps, such as a rounded number or a shorter text".to_owned(),
        target: FindingTarget::Job(id.clone()),
    })
}

/// A source whose records look otherwise than before.
fn source_changed(job: &JobFacts<'_>, now: Timestamp) -> Option<Finding> {
    let changed = job.shape_changed.as_ref().filter(|changed| now.since(changed.at) < SHAPE_TOLD_FOR)?;
    let JobStatus { id, source, .. } = job.status;
    let ago = span(now.since(changed.at));
    Some(Finding {
        kind: FindingKind::SourceChanged,
        level: Level::Warn,
        text: format!("{id}: the records of {source} look otherwise since {ago}: {}", changed.text),
        hint: format!("`syncdeck plan {id}` shows what the map makes of them"),
        target: FindingTarget::Job(id.clone()),
    })
}

/// What the system itself says that is left of its budget. A configured one is ours, and always being used up.
fn budget(connection: &ConnectionStatus, now: Timestamp) -> Option<Finding> {
    let budget = connection.budget.as_ref().filter(|budget| budget.rule.is_none())?;
    let limit = budget.limit.filter(|limit| *limit >= BUDGET_LEAST)?;
    let refill = budget.resets_at.filter(|at| *at > now).map(|at| at.since(now)).filter(|left| *left > REFILL_LONG)?;
    let percent = budget.remaining * 100 / limit;
    (percent < BUDGET_LOW).then(|| Finding {
        kind: FindingKind::BudgetLow,
        level: Level::Warn,
        text: format!(
            "{} rate budget {percent} % left ({} of {limit}), refills in {}",
            connection.id,
            budget.remaining,
            span(refill)
        ),
        hint: "run `syncdeck connection list`".to_owned(),
        target: FindingTarget::Connection(connection.id.clone()),
    })
}

/// A long quota that is nearly used up, or is.
fn quota(connection: &ConnectionStatus, now: Timestamp) -> Option<Finding> {
    let quota = connection.quota.as_ref().filter(|quota| quota.percent() >= QUOTA_HIGH)?;
    let (id, word, back) = (&connection.id, QuotaStatus::word(quota.per), span(quota.resets_at.since(now)));
    let text = match quota.is_used_up() {
        true => format!("the {word} of {id} is used up ({}); its jobs wait, it is back in {back}", quota.limit),
        false => format!("{}% of the {word} of {id} is used ({} of {})", quota.percent(), quota.used, quota.limit),
    };
    Some(Finding {
        kind: FindingKind::BudgetLow,
        level: Level::Warn,
        text,
        hint: format!("all of it is back in {back}; `quota` of the connection says how much it is"),
        target: FindingTarget::Connection(id.clone()),
    })
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
