//! Destinations that give records ids of their own: how one is made, found and changed, and what settles doubts.

use super::destination::{body, is_for_one_record, method_of};
use super::report::Report;
use super::source::query;
use super::templates::{mentions, mentions_in, path_of};
use super::tree::Table;
use crate::model::{Creates, OnAltered, RestLinked, RestLookup, RestRequest, Unknowns};

/// The requests of `write = "lookup"` and `write = "create"`.
pub(super) fn linked(table: &Table, word: &str, report: &mut Report) -> Option<RestLinked> {
    let mut needs = |name: &str, hint: &str| {
        let is_there = table.is_written(name);
        if !is_there {
            report.mistake(table.place, format!("`write = \"{word}\"` needs `{name}`"), hint.to_owned());
        }
        is_there
    };
    let has_create = needs("create", "add `create = { path = \"/contacts\", external_id = \"external_customer_id\" }`");
    let has_path =
        needs("path", "add `path = \"/contacts/{{ id }}\"`, where a record with that id of its own is changed");
    let has_rest = match word {
        "lookup" => needs(
            "lookup",
            "add `lookup = { path = \"/contacts\", query = { external_id = \"{{ id }}\" }, records = \"/data\" }`",
        ),
        _ => needs("id", "add `id = \"/id\"`, where the destination's id stands in the answer to a create"),
    };
    let create = table.table("create").and_then(|create| {
        let own = if create.is_written("body") { body(create) } else { body(table) };
        Some(RestRequest { method: method_of(create)?, path: path_of(create, "path", report)?, body: own })
    });
    let external_id = table.table("create").and_then(|create| create.pointer("external_id"));
    let update = (has_path)
        .then(|| {
            let request =
                RestRequest { method: method_of(table)?, path: path_of(table, "path", report)?, body: body(table) };
            is_for_one_record(&request, table, report).then_some(request)
        })
        .flatten();
    let lookup = table.table("lookup").map(|lookup| self::lookup(lookup, report));
    if !(has_create && has_path && has_rest) {
        return None;
    }
    let lookup = match lookup {
        Some(lookup) => Some(lookup?),
        None => None,
    };
    Some(RestLinked { create: create?, external_id, update: update?, lookup })
}

fn lookup(table: &Table, report: &mut Report) -> Option<RestLookup> {
    const NAMES: &[&str] = &["id", "record"];
    let path = path_of(table, "path", report)?;
    let query = query(table.table("query"))?;
    if !mentions(&path, NAMES) && !query.iter().any(|(_, value)| mentions(value, NAMES)) {
        let hint =
            "write `query = { external_id = \"{{ id }}\" }`, by the name that the destination gives it".to_owned();
        report.mistake(table.place, "`lookup` asks the same of every record: it lacks `{{ id }}`", hint);
        return None;
    }
    Some(RestLookup { path, query, records: table.pointer("records")?, id: table.pointer("id")? })
}

/// How a record comes to be at the destination; told where nobody but a person could settle a doubt.
pub(super) fn creates(table: &Table, word: Option<&str>, report: &mut Report) -> Option<Creates> {
    let at_least_once = table.boolean("at_least_once");
    let key = table.duration("idempotency_expires")?;
    match word? {
        "lookup" => Some(Creates::LookedUp),
        "create" => {
            let key = table.is_written("idempotency_header").then_some(key);
            let unknowns = Unknowns { key, lookup: table.is_written("lookup"), at_least_once };
            if unknowns.asks() {
                let hint = "add a `lookup` or an `idempotency_header`; or `at_least_once = true`, to send it again \
                            even if that makes it twice";
                report.warning(
                    table.place_of("write"),
                    "a create whose answer is lost goes to a person as `outcome unknown`: nothing here can tell \
                     whether the record was made",
                    hint.to_owned(),
                );
            }
            Some(Creates::Once(unknowns))
        }
        _ => Some(Creates::InPlace),
    }
}

/// Tells of keys that this way of writing has no use for: whoever wrote them may have meant another one.
pub(super) fn warn_of_what_is_not_used(table: &Table, word: Option<&str>, report: &mut Report) {
    let Some(word) = word else { return };
    let makes_ids = matches!(word, "lookup" | "create");
    let mut warn = |name: &str, wanted: &str| {
        if table.is_written(name) {
            let hint = format!("write `write = {wanted}`, or leave `{name}` out");
            report.warning(table.place_of(name), format!("`write = \"{word}\"` has no use for `{name}`"), hint);
        }
    };
    if !makes_ids {
        warn("create", "\"lookup\"` or `\"create\"");
        warn("lookup", "\"lookup\"` or `\"create\"");
    }
    if word != "create" {
        warn("at_least_once", "\"create\"");
    }
    if makes_ids {
        warn("batch", "\"batch\"");
    }
}

/// Whether what was written is read back, and what follows from a difference.
pub(super) fn verify(table: &Table, word: Option<&str>, report: &mut Report) -> Option<Option<OnAltered>> {
    let verify = table.text("verify")?;
    let on_altered = match table.text("on_altered")?.text.as_str() {
        "dead_letter" => OnAltered::DeadLetter,
        _ => OnAltered::Warn,
    };
    if verify.text != "read_back" {
        return Some(None);
    }
    let is_by_id = table.json("body").is_none_or(|body| !mentions_in(body, &["record"]))
        && table.owned_text("path").is_some_and(|path| mentions(&path, &["id"]));
    if !table.is_written("one") && (word == Some("batch") || !is_by_id) {
        let hint = "add `one = { path = \"/contacts/{{ id }}\" }` to the destination".to_owned();
        report.mistake(table.place_of("verify"), "`verify = \"read_back\"` needs a way to read one record", hint);
        return None;
    }
    if word == Some("batch") {
        let hint = "write record by record (`write = \"upsert\"`), or leave `verify` out".to_owned();
        report.mistake(table.place_of("verify"), "what a batch wrote is not read back", hint);
        return None;
    }
    Some(Some(on_altered))
}
