//! A job's map: from a checked table to field rules.

use super::report::{Place, Report};
use super::tree::{Entry, Node, Table, Value};
use crate::model::Pointer;
use crate::model::mapping::{CopyRule, FieldRule, Mapping, Rule, RuleError, Transform};
use serde_json::{Map, Value as Json};

/// What goes with `from` only.
const WITH_FROM: &[&str] = &["default", "required", "trim", "values", "otherwise", "to"];
/// What goes with `to` only; which transform knows which is the mapping's to say.
pub(super) const OPTIONS: &[&str] =
    &["decimal", "yes", "no", "read", "write", "zone", "region", "style", "by", "salt", "back"];

/// Builds the rules. None when one of them is wrong, which was told.
pub(super) fn rules(table: &Table, report: &mut Report) -> Option<Vec<FieldRule>> {
    let rules: Vec<FieldRule> = table
        .entries
        .iter()
        .filter_map(|entry| Some(FieldRule { field: entry.name.clone(), rule: rule(entry, report)? }))
        .collect();
    let errors = Mapping::compile(&rules).err().unwrap_or_default();
    let is_whole = errors.is_empty() && rules.len() == table.entries.len();
    for error in errors {
        tell(error, table, report);
    }
    is_whole.then_some(rules)
}

fn tell(error: RuleError, table: &Table, report: &mut Report) {
    let entry = table.entries.iter().find(|entry| entry.name == error.field);
    let place = match (entry, &error.key) {
        (Some(Entry { node: Node { value: Value::Table(rule), .. }, .. }), Some(key)) => rule.place_of(key),
        (Some(entry), _) if error.key.is_some() => entry.node.place,
        (Some(entry), _) => entry.key_place,
        (None, _) => table.place,
    };
    // Some reasons go on after the key's name.
    let problem = match &error.key {
        Some(key) if error.problem.starts_with("needs ") || error.problem.starts_with("must ") => {
            format!("`{key}` {}", error.problem)
        }
        Some(key) if key == "expr" => format!("`expr` is no expression: {}", error.problem),
        _ => error.problem,
    };
    report.mistake(place, problem, error.hint);
}

fn rule(entry: &Entry, report: &mut Report) -> Option<Rule> {
    let table = match &entry.node.value {
        Value::Table(table) => table,
        Value::Pointer(from) => return Some(Rule::Copy(plain(from))),
        _ => return None,
    };
    let origins: Vec<&str> = ["from", "expr", "value"].into_iter().filter(|name| table.is_written(name)).collect();
    if origins.len() != 1 {
        let problem = format!("the rule of `{}` needs exactly one of `from`, `expr` and `value`", entry.name);
        report.mistake(entry.node.place, problem, "write `{ from = \"/name\" }` for a copy".to_owned());
        return None;
    }
    let mut is_whole = table.entries.iter().all(|inner| !matches!(inner.node.value, Value::Wrong));
    let options: Vec<&str> = OPTIONS.iter().copied().filter(|name| table.is_written(name)).collect();
    if origins[0] != "from" {
        for name in WITH_FROM.iter().chain(&options).filter(|name| table.is_written(name)) {
            is_whole = false;
            let hint = "in an expression every transform is a filter: `record.email | lower`".to_owned();
            report.mistake(key_place(table, name), format!("`{name}` goes only with `from`"), hint);
        }
    } else if !table.is_written("to") {
        for name in &options {
            is_whole = false;
            let problem = format!("`{name}` is an option of a transform, and the rule has no `to`");
            report.mistake(key_place(table, name), problem, "add the transform, such as `to = \"time\"`".to_owned());
        }
    }
    if !is_whole {
        return None;
    }
    match origins[0] {
        "expr" => table.owned_text("expr").map(Rule::Expr),
        "value" => table.json("value").cloned().map(Rule::Value),
        _ => copy(table, &options).map(Rule::Copy),
    }
}

/// A direct copy.
fn plain(from: &Pointer) -> CopyRule {
    CopyRule {
        from: from.clone(),
        default: None,
        required: false,
        trim: false,
        values: None,
        otherwise: None,
        to: None,
    }
}

fn key_place(table: &Table, name: &str) -> Place {
    table.entry(name).map_or(table.place, |entry| entry.key_place)
}

fn copy(table: &Table, options: &[&str]) -> Option<CopyRule> {
    let options: Map<String, Json> =
        options.iter().filter_map(|name| table.get(name).map(|value| ((*name).to_owned(), as_json(value)))).collect();
    Some(CopyRule {
        from: table.pointer("from")?,
        default: table.json("default").cloned(),
        required: table.boolean("required"),
        trim: table.boolean("trim"),
        values: table.json("values").and_then(Json::as_object).cloned(),
        otherwise: table.json("otherwise").cloned(),
        to: table.owned_text("to").map(|name| Transform { name, options }),
    })
}

fn as_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::String(text.text.clone()),
        Value::Json(json) => json.clone(),
        Value::List(nodes) => nodes.iter().map(|node| as_json(&node.value)).collect(),
        _ => Json::Null,
    }
}
