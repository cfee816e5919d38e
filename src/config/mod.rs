//! `syncdeck.toml` → model values: all mistakes at once with file, line and mend, and the JSON Schema of the format.
//!
//! The format is declared once (`format.rs`, `format_job.rs`, in the words of `declare.rs`). [`read`] checks a file
//! against it, the builders make model values of what was checked, and [`schema()`] writes it down for editors.

mod connections;
mod console;
mod cycles;
mod declare;
mod destination;
mod expand;
mod files;
mod find;
mod format;
mod format_job;
mod format_webhook;
mod gather;
mod instance_text;
mod instances;
mod jobs;
mod linked;
mod map;
mod mistake;
mod notify;
mod oauth2;
mod read;
mod read_json;
mod read_text;
mod report;
mod schema;
mod source;
mod suspects;
mod templates;
#[cfg(test)]
mod tests;
mod tree;
mod values;
mod watched;
mod webhook;

pub use console::{ConsoleConfig, KeyChoice, ThemeChoice, ThemeLine};
pub use find::{NotFound, find, place_of_new, user_folder};
pub use mistake::{Mistake, Mistakes};
pub use schema::schema;
pub use watched::Watched;

use crate::model::{Connection, Hook, Job, Masks, Serve};
use declare::Spec;
use format::{CONNECTION_KIND, CONSOLE, FILE, JOB_KIND, THEME, WORKSPACE};
use format_webhook::SERVE;
use instances::{Expansion, Order};
use jobs::Connections;
use read::Reader;
use report::{Place, Report, SourceFile, position};
use std::fmt;
use std::path::{Path, PathBuf};
use tree::{Entry, Table, Value};

/// Everything that a configuration says.
#[derive(Clone)]
pub struct Config {
    pub workspace: Workspace,
    pub connections: Vec<Connection>,
    pub jobs: Vec<Job>,
    /// Who is told when something needs a person.
    pub hooks: Vec<Hook>,
    /// Where webhooks are taken in.
    pub serve: Serve,
    pub console: ConsoleConfig,
    /// All secrets, to mask them in texts that come from outside.
    pub masks: Masks,
    /// What works and is better written otherwise.
    pub warnings: Vec<Mistake>,
    /// The files that all this came from.
    pub watched: Watched,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    pub name: String,
    /// The folder of the state file, logs and control socket; absolute where the current folder is known.
    pub state: PathBuf,
    /// Nothing is changed and no engine started with this configuration: it is for looking.
    pub read_only: bool,
    /// The most runs at a time.
    pub runs_at_once: usize,
}

impl fmt::Debug for Config {
    /// Names only: a path or an address of a job may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workspace", &self.masks.mask(&self.workspace.name))
            .field("connections", &self.connections.iter().map(|connection| &connection.id).collect::<Vec<_>>())
            .field("jobs", &self.jobs.iter().map(|job| &job.id).collect::<Vec<_>>())
            .field("warnings", &self.warnings.len())
            .finish_non_exhaustive()
    }
}

/// Reads the configuration at `path` and the files that it includes; `env` looks up environment variables.
pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Mistakes> {
    match files::read_text(path) {
        Ok(text) => parse(&text, path, env),
        Err(reason) => Err(Mistakes(vec![Mistake {
            file: path.display().to_string(),
            line: 0,
            column: 0,
            line_text: String::new(),
            mark_start: 0,
            mark_width: 0,
            problem: format!("can not be read: {reason}"),
            hint: None,
        }])),
    }
}

/// Reads a configuration from its text. Paths are relative to the folder of `path`, whether it exists or not.
pub fn parse(text: &str, path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, Mistakes> {
    let mut report = Report::default();
    let mut files = vec![SourceFile {
        name: path.display().to_string(),
        folder: path.parent().unwrap_or(Path::new("")).into(),
        text: text.to_owned(),
    }];
    let mut document = Document::default();
    let root = read_file(&files, 0, env, &mut report);
    if let Some(root) = &root {
        files.extend(files::included(root, path, &mut report));
    }
    let mut watched = Watched::new(path, root.as_ref());
    document.add(root, &files, &mut report);
    for index in 1..files.len() {
        let root = read_file(&files, index, env, &mut report);
        if let Some(include) = root.as_ref().and_then(|root| root.entry("include")) {
            let hint = format!("move it to `{}`", files[0].name);
            report.mistake(include.key_place, "only the first file can include others", hint);
        }
        document.add(root, &files, &mut report);
    }
    let folder = files[0].folder.clone();
    if let Some(file) = document.console.as_ref().and_then(|entry| console::theme_file(entry, &folder, &mut report)) {
        watched.also(&file.name);
        files.push(file);
        document.theme = read_table(&files, files.len() - 1, &THEME, env, &mut report);
    }
    let built = document.build(&files, env, &mut report);
    let masks = report.masks();
    match (report.finish(&files), built) {
        (Ok(warnings), Some(config)) => Ok(Config { masks, warnings, watched: watched.remembered(), ..config }),
        (Err(mistakes), _) => Err(Mistakes(mistakes)),
        (Ok(_), None) => unreachable!("what can not be built was told as a mistake"),
    }
}

fn read_file(
    files: &[SourceFile],
    index: usize,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Option<Table> {
    read_table(files, index, &FILE, env, report)
}

fn read_table(
    files: &[SourceFile],
    index: usize,
    spec: &'static Spec,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Option<Table> {
    let file = &files[index];
    let mut reader = Reader {
        report,
        env,
        folder: file.folder.clone(),
        file: index,
        path: Vec::new(),
        default_place: None,
        instance: None,
    };
    reader.document(&file.text, spec)
}

/// What all files say together.
#[derive(Default)]
struct Document {
    workspace: Option<Entry>,
    console: Option<Entry>,
    serve: Option<Entry>,
    /// The file of a theme of one's own.
    theme: Option<Table>,
    connections: Vec<Entry>,
    instances: Vec<Entry>,
    jobs: Vec<Entry>,
    hooks: Vec<Entry>,
    /// A file was no TOML, so that nothing can be said of names that are missing.
    is_partial: bool,
}

impl Document {
    fn add(&mut self, root: Option<Table>, files: &[SourceFile], report: &mut Report) {
        let Some(root) = root else {
            self.is_partial = true;
            return;
        };
        for entry in root.entries.into_iter().filter(|entry| entry.written) {
            match (entry.name.as_str(), entry.node.value) {
                ("connections", Value::Table(table)) => {
                    extend(&mut self.connections, table, "connection", files, report);
                }
                ("instances", Value::Table(table)) => extend(&mut self.instances, table, "instance", files, report),
                ("jobs", Value::Table(table)) => extend(&mut self.jobs, table, "job", files, report),
                ("notify", Value::Table(table)) => extend(&mut self.hooks, table, "hook", files, report),
                ("connections" | "instances" | "jobs" | "notify", _) => self.is_partial = true,
                (name @ ("workspace" | "console" | "serve"), value) => {
                    let slot = match name {
                        "workspace" => &mut self.workspace,
                        "console" => &mut self.console,
                        _ => &mut self.serve,
                    };
                    let entry = Entry { node: tree::Node { value, ..entry.node }, ..entry };
                    match slot {
                        None => *slot = Some(entry),
                        Some(first) => told_twice(&format!("`[{}]`", entry.name), first, &entry, files, report),
                    }
                }
                _ => {}
            }
        }
    }

    fn build(self, files: &[SourceFile], env: &dyn Fn(&str) -> Option<String>, report: &mut Report) -> Option<Config> {
        let mut reader = Reader {
            report: &mut *report,
            env,
            folder: files[0].folder.clone(),
            file: 0,
            path: Vec::new(),
            default_place: Some(Place::default()),
            instance: None,
        };
        let mut table_or_default = |entry: Option<Entry>, spec| match entry {
            None => Some(reader.empty(spec, Place::default())),
            Some(Entry { node: tree::Node { value: Value::Table(table), .. }, .. }) => Some(table),
            Some(_) => None,
        };
        let workspace = table_or_default(self.workspace, &WORKSPACE);
        let console = table_or_default(self.console, &CONSOLE);
        let serve = table_or_default(self.serve, &SERVE);
        let workspace = workspace.and_then(|table| workspace_of(&table, &files[0].folder, env, report));
        let instances = instances::instances(&self.instances, report);
        let mut expansion = Expansion::new(&instances, files, env);
        if self.is_partial {
            // What is for each instance can not be read, and the rest is told.
            for entry in self.connections.into_iter().filter(|entry| !matches!(entry.node.value, Value::ForEach)) {
                connections::connection(&Order { entry, instance: None }, files, report);
            }
            self.hooks.iter().for_each(|entry| drop(notify::hook(entry, report)));
            return None;
        }
        let orders = expansion.jobs(self.jobs, &JOB_KIND, report);
        let connection_orders = expansion.connections(self.connections, &CONNECTION_KIND, &orders, report);
        expansion.tell(report);
        let connections: Vec<_> =
            connection_orders.iter().map(|order| connections::connection(order, files, report)).collect();
        let hooks: Vec<_> = self.hooks.iter().map(|entry| notify::hook(entry, report)).collect();
        let names = Connections::new(&connection_orders);
        let jobs: Vec<_> = orders.iter().map(|order| jobs::jobs(order, &names, report)).collect();
        let serve = serve.and_then(|table| webhook::serve(&table, report));
        webhook::check_together(&orders, serve.as_ref(), report);
        cycles::warn_of_cycles(&orders, &names, report);
        // Last, when all secrets are known: the lines of the console may be shown.
        let console = console.and_then(|table| console::console(&table, self.theme.as_ref(), files, report));
        Some(Config {
            workspace: workspace?,
            connections: connections.into_iter().collect::<Option<_>>()?,
            jobs: jobs.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect(),
            hooks: hooks.into_iter().collect::<Option<_>>()?,
            serve: serve?,
            console: console?,
            masks: Masks::default(),
            warnings: Vec::new(),
            watched: Watched::default(),
        })
    }
}

fn extend(all: &mut Vec<Entry>, table: Table, what: &str, files: &[SourceFile], report: &mut Report) {
    for entry in table.entries {
        match all.iter().find(|known| known.name == entry.name) {
            Some(first) => told_twice(&format!("{what} `{}`", entry.name), first, &entry, files, report),
            None => all.push(entry),
        }
    }
}

fn told_twice(what: &str, first: &Entry, second: &Entry, files: &[SourceFile], report: &mut Report) {
    let problem = format!("{what} is declared twice, first at {}", position(files, first.key_place));
    report.mistake(second.key_place, problem, "remove or rename one of the two".to_owned());
}

/// Tells of a name that could not be typed on a command line or shown in a list.
fn check_name(what: &str, entry: &Entry, report: &mut Report) {
    let name = &entry.name;
    if !is_name(name) {
        let article = if what.starts_with('i') { "an" } else { "a" };
        let problem = format!("`{name}` can not be the name of {article} {what}");
        report.mistake(entry.key_place, problem, NAME_RULE.to_owned());
    }
}

const NAME_LENGTH_MAX: usize = 100;
const NAME_RULE: &str = "a name has letters, digits, `_`, `-` and `.`, at most 100";

fn is_name(name: &str) -> bool {
    let is_fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.chars().all(is_fine) && name.chars().count() <= NAME_LENGTH_MAX
}

fn workspace_of(
    table: &Table,
    folder: &Path,
    env: &dyn Fn(&str) -> Option<String>,
    report: &mut Report,
) -> Option<Workspace> {
    let name = table.owned_text("name")?;
    let is_folder_name = !name.is_empty()
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
        && name.len() <= 100;
    if !is_folder_name {
        let hint = "a name is a text without `/` that does not begin with a dot, such as `acme-production`";
        report.mistake(table.place_of("name"), "the workspace's `name` can not name a folder", hint.to_owned());
        return None;
    }
    let state = match table.owned_text("state") {
        Some(state) if state.is_empty() => {
            report.mistake(table.place_of("state"), "`state` is empty", "write `state = \"state\"`".to_owned());
            return None;
        }
        Some(state) => folder.join(state),
        None if table.is_written("state") => return None,
        None => match states_folder(env) {
            Some(folder) => folder.join(&name),
            None => {
                let problem = "there is no folder for the state: neither `$XDG_STATE_HOME` nor `$HOME` is set";
                let hint = "write `state = \"state\"` into `[workspace]`".to_owned();
                report.mistake(table.place, problem, hint);
                return None;
            }
        },
    };
    let read_only = table.boolean("read_only");
    let runs_at_once = usize::try_from(table.integer("runs_at_once")?).unwrap_or(usize::MAX);
    Some(Workspace { name, state: std::path::absolute(&state).unwrap_or(state), read_only, runs_at_once })
}

/// Where the states are whose configurations name no folder; a relative `$XDG_STATE_HOME` counts as unset, as its rules
/// say.
pub fn states_folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name: &str| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local").join("state")));
    folder.map(|folder| folder.join("syncdeck"))
}
