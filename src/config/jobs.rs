//! Jobs: from checked tables to the model.

use super::declare::{listed, nearest};
use super::destination::{delete_policy, destination};
use super::map::rules;
use super::report::Report;
use super::source::source;
use super::tree::{Entry, Table, Value};
use crate::model::{ConnectionId, Guard, Job, JobId, OnOrphan, Schedule};
use serde_json::Value as Json;

/// Builds one job. None when a part of it is wrong, which was told.
///
/// `connections` are the names that are declared, rightly or wrongly.
pub(super) fn job(entry: &Entry, connections: &[String], report: &mut Report) -> Option<Job> {
    super::check_name("job", entry, report);
    let Value::Table(table) = &entry.node.value else {
        return None;
    };
    let schedule = schedule(table, report);
    let policy = delete_policy(table, report);
    let source = table.table("source").map(|inner| source(inner, connections, report));
    let destination = table.table("destination").map(|inner| destination(inner, policy, connections, report));
    let map = table.table("map").and_then(|map| rules(map, report));
    let guard = table.table("guard").and_then(|guard| {
        Some(Guard {
            max_error_fraction: guard.number("max_error_fraction")?,
            min_records: guard.integer("min_records")?,
        })
    });
    let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
    if ["description", "enabled", "batch_window", "max_pages", "max_runtime"].into_iter().any(is_wrong) {
        return None;
    }
    Some(Job {
        id: JobId::from(entry.name.as_str()),
        description: table.owned_text("description"),
        enabled: table.boolean("enabled"),
        schedule: schedule?,
        batch_window: table.duration("batch_window")?,
        max_pages: table.integer("max_pages"),
        max_runtime: table.duration("max_runtime"),
        max_attempts: table.count("max_attempts")?,
        delete: policy?,
        on_orphan: on_orphan(table)?,
        guard: guard?,
        source: source??,
        destination: destination??,
        map: map?,
        configured: configured(table),
        source_identity: source_identity(table),
    })
}

/// The connection that a source or a destination names.
pub(super) fn connection(table: &Table, connections: &[String], report: &mut Report) -> Option<ConnectionId> {
    let name = table.text("connection")?;
    if connections.contains(&name.text) {
        return Some(ConnectionId::from(name.text.as_str()));
    }
    let known = || connections.iter().map(String::as_str);
    let hint = match nearest(&name.text, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if connections.is_empty() => format!("add a table `[connections.{}]`", name.text),
        None => format!("the connections are {}", listed(known())),
    };
    report.mistake(table.place_of("connection"), format!("there is no connection `{}`", name.text), hint);
    None
}

fn schedule(job: &Table, report: &mut Report) -> Option<Schedule> {
    let table = match job.get("schedule")? {
        Value::Table(table) => table,
        _ => return Some(Schedule::Manual),
    };
    if !table.is_written("every") && !table.is_written("cron") {
        let hint = "write `schedule = { every = \"5m\" }` or `schedule = \"manual\"`".to_owned();
        report.mistake(table.place, "`schedule` does not say when", hint);
    }
    Some(Schedule::Every { every: table.duration("every")?, jitter: table.duration("jitter")? })
}

fn on_orphan(job: &Table) -> Option<OnOrphan> {
    match job.text("on_orphan")?.text.as_str() {
        "create" => Some(OnOrphan::Create),
        "dead_letter" => Some(OnOrphan::DeadLetter),
        _ => Some(OnOrphan::Ignore),
    }
}

/// The hash by which a job is known to be configured otherwise.
///
/// It takes what differs from the defaults, in one order and one way of writing, and of secrets their names:
/// neither tidying the file nor renewing a token reads everything once more. Nor does how the destination is looked at.
fn configured(job: &Table) -> u64 {
    let mut parts: Vec<Json> = ["source", "destination", "map"]
        .into_iter()
        .map(|name| job.entry(name).map_or(Json::Null, |entry| entry.node.canonical.clone()))
        .collect();
    if let Json::Object(destination) = &mut parts[1] {
        destination.remove("one");
    }
    if let Json::Object(source) = &mut parts[0] {
        // How news of changes come decides nothing of where records go.
        source.remove("webhook");
    }
    xxhash_rust::xxh3::xxh3_64(Json::Array(parts).to_string().as_bytes())
}

/// The hash by which a source is known to be read as it was when a position was taken from it.
fn source_identity(job: &Table) -> u64 {
    let mut source = job.entry("source").map_or(Json::Null, |entry| entry.node.canonical.clone());
    if let Json::Object(members) = &mut source {
        members.remove("filter");
        members.remove("webhook");
    }
    xxhash_rust::xxh3::xxh3_64(source.to_string().as_bytes())
}
