//! Instances: the customers that one job or connection is written for once.
//!
//! A job with `for_each` and a connection that reads `instance` are left unread at first. When all instances are known,
//! they are read once for each, so that every text is checked as it will be used.

use super::declare::{Kind, nearest};
use super::instance_text::{Speech, speaks_of_instance};
use super::read::Reader;
use super::report::{Place, Report, SourceFile};
use super::suspects::is_secret_name;
use super::tree::{Entry, Table, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use toml::de::{DeTable, DeValue};

/// One `[instances.NAME]`.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) name: String,
    /// Its jobs are disabled where it is not.
    pub(super) is_enabled: bool,
    /// The jobs that it has, with their places; none: all.
    pub(super) jobs: Option<Vec<(String, Place)>>,
    /// Its values, and `name`.
    pub(super) vars: Vec<Var>,
    pub(super) places: Vec<(String, Place)>,
}

#[derive(Debug)]
pub(super) struct Var {
    pub(super) name: String,
    /// A text, an integer or a boolean.
    pub(super) value: Json,
    /// The same with references in place of secrets.
    pub(super) canonical: Json,
    pub(super) is_secret: bool,
}

/// The variable that every instance has: its own name.
const OWN_NAME: &str = "name";

impl Instance {
    pub(super) fn var(&self, name: &str) -> Option<&Var> {
        self.vars.iter().find(|var| var.name == name)
    }

    fn has_job(&self, name: &str) -> bool {
        self.jobs.as_ref().is_none_or(|jobs| jobs.iter().any(|(job, _)| job == name))
    }
}

/// A job or a connection, read for an instance or for itself alone.
#[derive(Debug)]
pub(super) struct Order {
    /// As the configuration names it.
    pub(super) entry: Entry,
    pub(super) instance: Option<Rc<Instance>>,
}

impl Order {
    /// The name, with the instance's where there is one.
    pub(super) fn id(&self) -> String {
        match &self.instance {
            Some(instance) => format!("{}@{}", self.entry.name, instance.name),
            None => self.entry.name.clone(),
        }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match &self.entry.node.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// What was read of instances, and what was missing there.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub(super) used: BTreeSet<String>,
    /// Where a name was read, the name, and the instances that lack it.
    pub(super) missing: BTreeMap<(Place, String), Vec<Rc<Instance>>>,
}

/// Builds the instances. What is wrong is told, and the instance is there nevertheless, so that no job is said to lack it.
pub(super) fn instances(entries: &[Entry], report: &mut Report) -> Vec<Rc<Instance>> {
    entries.iter().map(|entry| Rc::new(instance(entry, report))).collect()
}

fn instance(entry: &Entry, report: &mut Report) -> Instance {
    super::check_name("instance", entry, report);
    let name = entry.name.clone();
    let own =
        Var { name: OWN_NAME.into(), value: name.as_str().into(), canonical: name.as_str().into(), is_secret: false };
    let mut instance = Instance { name, is_enabled: true, vars: vec![own], ..Instance::default() };
    let Value::Table(table) = &entry.node.value else {
        return instance;
    };
    instance.is_enabled = table.boolean("enabled") || table.get("enabled").is_none();
    instance.jobs = table.is_written("jobs").then(|| {
        let named = |node: &super::tree::Node| match &node.value {
            Value::Text(text) => Some((text.text.clone(), node.place)),
            _ => None,
        };
        table.list("jobs").iter().filter_map(named).collect()
    });
    for var in table.table("vars").iter().flat_map(|vars| &vars.entries) {
        if var.name == OWN_NAME {
            let hint = "leave it out: `{{ instance.name }}` is the instance's own name".to_owned();
            report.mistake(var.key_place, "`name` can not be among the `vars`", hint);
            continue;
        }
        let (value, is_secret) = match &var.node.value {
            Value::Text(text) => {
                // As everywhere: what is named like a secret is one, also when it is written out.
                let is_literal = !text.secret && is_secret_name(&var.name);
                if is_literal {
                    report.literal_secret(&text.text);
                }
                (text.text.as_str().into(), text.secret || is_literal)
            }
            Value::Integer(number) => (Json::from(*number), false),
            Value::Boolean(flag) => (Json::from(*flag), false),
            _ => (Json::Null, false),
        };
        let literal = value.to_string();
        if var_is_written_otherwise(&value, &literal) && is_secret {
            report.secret(&literal[1..literal.len() - 1]);
        }
        instance.places.push((var.name.clone(), var.key_place));
        instance.vars.push(Var { name: var.name.clone(), value, canonical: var.node.canonical.clone(), is_secret });
    }
    instance
}

/// True for a text that stands in an expression with escapes, so that its plain form would not be found there.
fn var_is_written_otherwise(value: &Json, literal: &str) -> bool {
    value.as_str().is_some_and(|text| literal.len() != text.len() + 2)
}

/// True for a job or a connection that is read once for each instance.
pub(super) fn is_for_each(path: &[String], value: &DeValue<'_>) -> bool {
    let Some(table) = value.as_table() else { return false };
    match path {
        [list] if list == "jobs" => table.get("for_each").and_then(|each| each.get_ref().as_str()) == Some("instances"),
        [list] if list == "connections" => reads_instance(value),
        _ => false,
    }
}

fn reads_instance(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => speaks_of_instance(text, Speech::Plain),
        DeValue::Array(items) => items.iter().any(|item| reads_instance(item.get_ref())),
        DeValue::Table(table) => table.iter().any(|(_, item)| reads_instance(item.get_ref())),
        _ => false,
    }
}

/// Reads for each instance what is written for each of them.
pub(super) struct Expansion<'a> {
    pub(super) instances: &'a [Rc<Instance>],
    pub(super) files: &'a [SourceFile],
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) uses: Uses,
    /// The files of which something is read once more.
    documents: BTreeMap<usize, DeTable<'a>>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(
        instances: &'a [Rc<Instance>],
        files: &'a [SourceFile],
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { instances, files, env, uses: Uses::default(), documents: BTreeMap::new() }
    }

    /// The jobs, those of each instance in the place of the one that was written.
    pub(super) fn jobs(&mut self, entries: Vec<Entry>, kind: &'static Kind, report: &mut Report) -> Vec<Order> {
        self.tell_unknown_jobs(&entries, report);
        self.orders(entries, "jobs", kind, report, &|entry, instance| instance.has_job(&entry.name))
    }

    /// The connections. An instance has those that its jobs use, and those that no instance uses.
    pub(super) fn connections(
        &mut self,
        entries: Vec<Entry>,
        kind: &'static Kind,
        jobs: &[Order],
        report: &mut Report,
    ) -> Vec<Order> {
        let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for job in jobs {
            let own = job.instance.as_ref().map(|instance| instance.name.as_str());
            for name in job.table().into_iter().flat_map(super::jobs::connections_of) {
                let (base, other) = name.split_once('@').map_or((name, None), |(base, other)| (base, Some(other)));
                let users = used.entry(base).or_default();
                users.extend(own.into_iter().chain(other));
            }
        }
        let is_used = |entry: &Entry, instance: &Instance| {
            used.get(entry.name.as_str()).is_none_or(|users| users.is_empty() || users.contains(instance.name.as_str()))
        };
        self.orders(entries, "connections", kind, report, &is_used)
    }

    fn orders(
        &mut self,
        entries: Vec<Entry>,
        list: &'static str,
        kind: &'static Kind,
        report: &mut Report,
        is_for: &dyn Fn(&Entry, &Instance) -> bool,
    ) -> Vec<Order> {
        let mut orders = Vec::with_capacity(entries.len());
        for entry in entries {
            if !matches!(entry.node.value, Value::ForEach) {
                orders.push(Order { entry, instance: None });
                continue;
            }
            let stand_in = [Rc::new(Instance { is_enabled: true, ..Instance::default() })];
            let instances = if self.instances.is_empty() { &stand_in } else { self.instances };
            if self.instances.is_empty() {
                let hint = "add a table `[instances.NAME]` with `vars = { … }` for each customer".to_owned();
                let problem = format!("`{}` is for each instance, and there are none", entry.name);
                report.mistake(entry.key_place, problem, hint);
            }
            for instance in instances.iter().filter(|instance| is_for(&entry, instance)) {
                let node = self.read(&entry, list, kind, instance, report);
                let read = Entry { name: entry.name.clone(), key_place: entry.key_place, written: true, node };
                orders.push(Order { entry: read, instance: Some(instance.clone()) });
            }
        }
        orders
    }

    fn read(
        &mut self,
        entry: &Entry,
        list: &'static str,
        kind: &'static Kind,
        instance: &Rc<Instance>,
        report: &mut Report,
    ) -> super::tree::Node {
        let file = entry.key_place.file;
        let text = &self.files[file].text;
        let document = self.documents.entry(file).or_insert_with(|| DeTable::parse_recoverable(text).0.into_inner());
        let value = document
            .get(list)
            .and_then(|list| list.get_ref().as_table())
            .and_then(|list| list.get(entry.name.as_str()))
            .expect("what was found when the file was read for the first time");
        let mut reader = Reader {
            report,
            env: self.env,
            folder: self.files[file].folder.clone(),
            file,
            path: vec![list.to_owned(), entry.name.clone()],
            default_place: None,
            instance: Some((instance, &mut self.uses)),
        };
        reader.node(value, kind, &entry.name)
    }

    fn tell_unknown_jobs(&self, jobs: &[Entry], report: &mut Report) {
        for (name, place) in self.instances.iter().filter_map(|instance| instance.jobs.as_ref()).flatten() {
            let job = jobs.iter().find(|job| job.name == *name);
            if job.is_some_and(|job| matches!(job.node.value, Value::ForEach | Value::Wrong)) {
                continue;
            }
            let known =
                || jobs.iter().filter(|job| matches!(job.node.value, Value::ForEach)).map(|job| job.name.as_str());
            let (problem, hint) = match (job, nearest(name, known())) {
                (Some(_), _) => (
                    format!("job `{name}` is not for each instance"),
                    "write `for_each = \"instances\"` into the job, or leave it out here".to_owned(),
                ),
                (None, Some(near)) => (format!("there is no job `{name}`"), format!("did you mean `{near}`?")),
                (None, None) => {
                    (format!("there is no job `{name}`"), some_of(known(), "the jobs for each instance are"))
                }
            };
            report.mistake(*place, problem, hint);
        }
    }

    /// Tells of names that instances lack, and of those that nobody reads.
    pub(super) fn tell(self, report: &mut Report) {
        // Where there is no instance, one stood in that has nothing, for all other mistakes to be found.
        let missing = self.uses.missing.iter().filter(|_| !self.instances.is_empty());
        for ((place, name), lacking) in missing {
            let known: BTreeSet<&str> =
                self.instances.iter().flat_map(|instance| &instance.vars).map(|var| var.name.as_str()).collect();
            let first = &lacking[0];
            let problem = match lacking.len() - 1 {
                0 => format!("instance `{}` has no `{name}`", first.name),
                n => format!("instances `{}` and {n} more have no `{name}`", first.name),
            };
            let is_nowhere = !known.contains(name.as_str());
            let hint = match nearest(name, known.iter().copied()).filter(|_| is_nowhere) {
                Some(near) => format!("did you mean `instance.{near}`?"),
                None => format!("add `{name} = …` to the `vars` of `[instances.{}]`", first.name),
            };
            report.mistake(*place, problem, hint);
        }
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for instance in self.instances {
            for (name, place) in &instance.places {
                if !self.uses.used.contains(name) && told.insert(name) {
                    let hint = format!("read it as `{{{{ instance.{name} }}}}`, or leave it out");
                    report.warning(*place, format!("no job and no connection reads `{name}`"), hint);
                }
            }
        }
    }
}

/// The names as a hint; many of them as the first few.
pub(super) fn some_of<'n>(names: impl Iterator<Item = &'n str>, lead: &str) -> String {
    const SHOWN_MAX: usize = 20;
    let names: Vec<&str> = names.collect();
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => format!("{lead} {}", super::declare::listed(names)),
        more => {
            let shown = names[..SHOWN_MAX].iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            format!("{lead} {shown} and {more} more")
        }
    }
}
