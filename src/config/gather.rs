//! Gathering: one stream that is read from several connections, a job each.

use super::report::{Place, Report};
use super::tree::{Table, Value};
use serde_json::Value as Json;
use std::collections::HashSet;

/// Where a job reads: the only connection of its source, or one of those that it gathers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What is appended to the job's name; none where nothing is gathered.
    name: Option<String>,
    pub(super) connection: String,
    /// Where the connection's name stands.
    pub(super) place: Place,
    /// Put before each id; empty where nothing is gathered.
    pub(super) prefix: String,
}

impl Part {
    /// The part's own job.
    pub(super) fn job_id(&self, job: &str) -> String {
        match &self.name {
            Some(name) => format!("{job}+{name}"),
            None => job.to_owned(),
        }
    }

    /// Puts what this part reads in the place of what all parts read, so that one more part changes none of the others.
    pub(super) fn put_into(&self, source: &mut Json) {
        if let (Some(_), Json::Object(members)) = (&self.name, source) {
            members.remove("gather");
            members.insert("connection".into(), self.connection.as_str().into());
            members.insert("prefix".into(), self.prefix.as_str().into());
        }
    }
}

/// The names of the connections that a source names, right or wrong.
pub(super) fn connections_of(source: &Table) -> Vec<&str> {
    let gathered = source.list("gather").iter().filter_map(|node| match &node.value {
        Value::Table(part) => part.text("connection"),
        _ => None,
    });
    source.text("connection").into_iter().chain(gathered).map(|name| name.text.as_str()).collect()
}

/// What a source reads. Nothing when that is wrong, which was told.
pub(super) fn parts(source: &Table, report: &mut Report) -> Vec<Part> {
    match (source.is_written("connection"), source.is_written("gather")) {
        (true, false) => {
            let name = source.text("connection");
            let part = |name: &super::tree::Text| Part {
                name: None,
                connection: name.text.clone(),
                place: source.place_of("connection"),
                prefix: String::new(),
            };
            name.map(part).into_iter().collect()
        }
        (false, true) => gathered(source, report),
        (true, true) => {
            let hint = "leave one of them out: `gather` names the connections itself".to_owned();
            report.mistake(source.place_of("gather"), "the source has both `connection` and `gather`", hint);
            Vec::new()
        }
        (false, false) => {
            let hint = "add `connection = …`: the connection's name".to_owned();
            report.mistake(source.place, "the source lacks `connection`", hint);
            Vec::new()
        }
    }
}

fn gathered(source: &Table, report: &mut Report) -> Vec<Part> {
    let nodes = source.list("gather");
    let mut is_whole = source.get("gather").is_some();
    if is_whole && nodes.is_empty() {
        let hint = "write `gather = [ { connection = \"crm_a\", prefix = \"a:\" } ]`".to_owned();
        report.mistake(source.place_of("gather"), "`gather` names no connection", hint);
    }
    let mut parts: Vec<Part> = Vec::new();
    for node in nodes {
        let Value::Table(table) = &node.value else {
            is_whole = false;
            continue;
        };
        match part(table, &parts, report) {
            Some(part) => parts.push(part),
            None => is_whole = false,
        }
    }
    if is_whole { parts } else { Vec::new() }
}

fn part(table: &Table, before: &[Part], report: &mut Report) -> Option<Part> {
    let (connection, prefix) = (table.text("connection")?, table.text("prefix")?);
    if table.is_written("name") && table.get("name").is_none() {
        return None;
    }
    let place = table.place_of("prefix");
    if prefix.text.is_empty() || prefix.text.chars().any(char::is_control) {
        let hint = "write one that says where the record is from, such as `\"a:\"`".to_owned();
        report.mistake(place, "`prefix` is empty or holds a control character", hint);
        return None;
    }
    // Else one id could be made of two records: `a` and `b1`, `ab` and `1`.
    let near =
        before.iter().find(|part| part.prefix.starts_with(&prefix.text) || prefix.text.starts_with(&part.prefix));
    if let Some(near) = near {
        let problem = format!("the prefixes `{}` and `{}` can not be told apart", near.prefix, prefix.text);
        report.mistake(place, problem, "let none begin with another, such as `\"a:\"` and `\"b:\"`".to_owned());
        return None;
    }
    let (name, name_place) = match table.owned_text("name") {
        Some(name) => (name, table.place_of("name")),
        None => (prefix.text.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned(), place),
    };
    if !super::is_name(&name) {
        let hint = format!("add `name = …`: {}", super::NAME_RULE);
        report.mistake(name_place, format!("`{name}` can not be the name of a part"), hint);
        return None;
    }
    let names: HashSet<&str> = before.iter().filter_map(|part| part.name.as_deref()).collect();
    if names.contains(name.as_str()) {
        let hint = "give each part a `name` of its own".to_owned();
        report.mistake(name_place, format!("two parts are called `{name}`"), hint);
        return None;
    }
    Some(Part {
        name: Some(name),
        connection: connection.text.clone(),
        place: table.place_of("connection"),
        prefix: prefix.text.clone(),
    })
}
