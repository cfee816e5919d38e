//! Jobs: from checked tables to the model.

use super::declare::nearest;
use super::destination::{delete_policy, destination};
use super::gather::{self, Part};
use super::instances::{Order, some_of};
use super::map::rules;
use super::report::{Place, Report};
use super::source::source;
use super::tree::{Table, Value};
use crate::model::cron::Cron;
use crate::model::{ConnectionId, DeletePolicy, Guard, Job, JobId, OnOrphan, Schedule, Timestamp};
use serde_json::Value as Json;
use std::collections::HashSet;

/// The names of connections that are declared, rightly or wrongly.
#[derive(Default)]
pub(super) struct Connections {
    ids: HashSet<String>,
    /// As they are written, in the order of the file, and whether they are for each instance.
    written: Vec<(String, bool)>,
}

impl Connections {
    pub(super) fn new(orders: &[Order]) -> Self {
        let mut connections = Self::default();
        for order in orders {
            connections.ids.insert(order.id());
            let name = &order.entry.name;
            if connections.written.last().is_none_or(|(last, _)| last != name) {
                connections.written.push((name.clone(), order.instance.is_some()));
            }
        }
        connections
    }

    /// The connection that `name` means to a job of this instance: its own where there is such, else the one that all share.
    pub(super) fn resolve(&self, name: &str, instance: Option<&str>) -> Option<ConnectionId> {
        let own = instance.map(|instance| format!("{name}@{instance}")).filter(|own| self.ids.contains(own));
        own.or_else(|| self.ids.contains(name).then(|| name.to_owned())).map(ConnectionId::from)
    }

    fn tell_unknown(&self, name: &str, place: Place, report: &mut Report) {
        let known = || self.written.iter().map(|(name, _)| name.as_str());
        if self.written.iter().any(|(written, is_for_each)| written == name && *is_for_each) {
            let hint = "write `for_each = \"instances\"` into the job, or name one of them, such as `crm@globex`";
            report.mistake(place, format!("there is one connection `{name}` for each instance"), hint.to_owned());
            return;
        }
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.written.is_empty() => format!("add a table `[connections.{name}]`"),
            None => some_of(known(), "the connections are"),
        };
        report.mistake(place, format!("there is no connection `{name}`"), hint);
    }
}

/// Builds the job of one table, or those of its parts where it gathers. None when a part of it is wrong, which was told.
pub(super) fn jobs(order: &Order, connections: &Connections, report: &mut Report) -> Option<Vec<Job>> {
    super::check_name("job", &order.entry, report);
    let table = order.table()?;
    let parts = table.table("source").map_or_else(Vec::new, |source| gather::parts(source, report));
    // Asked also where it is not read here, so that a wrong word does not pass.
    let is_for_each = table.is_written("for_each");
    if parts.is_empty() || (is_for_each && order.instance.is_none()) {
        return None;
    }
    let jobs: Vec<Option<Job>> = parts.iter().map(|part| job(order, part, connections, report)).collect();
    jobs.into_iter().collect()
}

fn job(order: &Order, part: &Part, connections: &Connections, report: &mut Report) -> Option<Job> {
    let table = order.table()?;
    let within = Within { connections, instance: order.instance.as_ref().map(|instance| instance.name.as_str()) };
    let schedule = schedule(table, report);
    let policy = delete_policy(table, report);
    let source = table.table("source").map(|inner| source(inner, part, &within, report));
    let destination = table.table("destination").map(|inner| destination(inner, policy, &within, report));
    if let (Some(DeletePolicy::Ignore), Some(inner)) = (policy, table.table("source"))
        && inner.text("missing").is_some_and(|missing| missing.text == "delete")
    {
        let hint = "give the destination a `delete` or a `soft_delete`".to_owned();
        report.mistake(inner.place_of("missing"), "`missing = \"delete\"` of a job that ignores deletes", hint);
    }
    let map = table.table("map").and_then(|map| rules(map, report));
    let guard = table.table("guard").and_then(|guard| {
        Some(Guard {
            max_error_fraction: guard.number("max_error_fraction")?,
            min_records: guard.integer("min_records")?,
            max_deletes: guard.integer("max_deletes")?,
            max_delete_fraction: guard.number("max_delete_fraction")?,
            allow_empty: guard.boolean("allow_empty"),
        })
    });
    let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
    if ["description", "enabled", "batch_window", "max_pages", "max_runtime"].into_iter().any(is_wrong) {
        return None;
    }
    Some(Job {
        id: JobId::from(part.job_id(&order.id())),
        description: table.owned_text("description"),
        enabled: table.boolean("enabled") && order.instance.as_ref().is_none_or(|instance| instance.is_enabled),
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
        configured: configured(table, part),
        source_identity: source_identity(table, part),
    })
}

/// Among which names a job's own are looked up.
pub(super) struct Within<'a> {
    pub(super) connections: &'a Connections,
    pub(super) instance: Option<&'a str>,
}

impl Within<'_> {
    /// The connection that is named there; told when there is none.
    pub(super) fn connection(&self, name: &str, place: Place, report: &mut Report) -> Option<ConnectionId> {
        let found = self.connections.resolve(name, self.instance);
        if found.is_none() {
            self.connections.tell_unknown(name, place, report);
        }
        found
    }
}

/// The names of all connections that a job's table names.
pub(super) fn connections_of(job: &Table) -> Vec<&str> {
    let destination = job.table("destination").and_then(|table| table.text("connection"));
    let mut names: Vec<&str> = destination.into_iter().map(|name| name.text.as_str()).collect();
    if let Some(source) = job.table("source") {
        names.extend(gather::connections_of(source));
    }
    names
}

fn schedule(job: &Table, report: &mut Report) -> Option<Schedule> {
    let table = match job.get("schedule")? {
        Value::Table(table) => table,
        _ => return Some(Schedule::Manual),
    };
    match (table.is_written("every"), table.is_written("cron")) {
        (true, true) => {
            let hint = "keep one of `every` and `cron`".to_owned();
            report.mistake(table.place_of("cron"), "`schedule` has both `every` and `cron`", hint);
            None
        }
        (false, true) => cron(table, report),
        (is_written, false) => {
            if !is_written {
                let hint = "write `schedule = { every = \"5m\" }`, `schedule = { cron = \"0 */2 * * *\" }` or `schedule = \"manual\"`";
                report.mistake(table.place, "`schedule` does not say when", hint.to_owned());
            }
            if table.is_written("tz") {
                let hint = "leave it out: only `cron` has a time zone".to_owned();
                report.mistake(table.place_of("tz"), "`tz` says nothing of `every`", hint);
            }
            Some(Schedule::Every { every: table.duration("every")?, jitter: table.duration("jitter")? })
        }
    }
}

fn cron(table: &Table, report: &mut Report) -> Option<Schedule> {
    /// From here on it is looked for a time that ever comes: no reading of the file depends on when it is read.
    const EPOCH: Timestamp = Timestamp::ZERO;
    let text = table.text("cron")?;
    if table.is_written("tz") {
        table.text("tz")?;
    }
    let zone_name = table.owned_text("tz").unwrap_or_else(|| "UTC".to_owned());
    // A zone that does not exist was told when it was read.
    let zone = jiff::tz::TimeZone::get(&zone_name).ok()?;
    let hint =
        "the fields are minute, hour, day of month, month and day of week: `\"30 6 * * MON-FRI\"`, `\"0 */2 * * *\"`";
    match Cron::parse(&text.text, &zone_name, zone) {
        Err(reason) => {
            let problem = format!("`cron` is no cron expression: {reason}");
            report.mistake(table.place_of("cron"), problem, hint.to_owned());
            None
        }
        Ok(cron) if cron.next_after(EPOCH).is_none() => {
            report.mistake(table.place_of("cron"), "`cron` names a day that never comes", hint.to_owned());
            None
        }
        Ok(cron) => Some(Schedule::Cron { cron, jitter: table.duration("jitter")? }),
    }
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
fn configured(job: &Table, part: &Part) -> u64 {
    let mut parts: Vec<Json> = ["source", "destination", "map"]
        .into_iter()
        .map(|name| job.entry(name).map_or(Json::Null, |entry| entry.node.canonical.clone()))
        .collect();
    part.put_into(&mut parts[0]);
    if let Json::Object(destination) = &mut parts[1] {
        for name in ["one", "verify", "on_altered", "idempotency_expires", "at_least_once"] {
            destination.remove(name);
        }
    }
    if let Json::Object(source) = &mut parts[0] {
        // How news of changes come decides nothing of where records go.
        source.remove("webhook");
    }
    xxhash_rust::xxh3::xxh3_64(Json::Array(parts).to_string().as_bytes())
}

/// The hash by which a source is known to be read as it was when a position was taken from it.
fn source_identity(job: &Table, part: &Part) -> u64 {
    let mut source = job.entry("source").map_or(Json::Null, |entry| entry.node.canonical.clone());
    part.put_into(&mut source);
    if let Json::Object(members) = &mut source {
        members.remove("filter");
        members.remove("webhook");
    }
    xxhash_rust::xxh3::xxh3_64(source.to_string().as_bytes())
}
