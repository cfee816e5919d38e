//! A job's source: from a checked table to the model.

use super::format::REST_PATH_HINT;
use super::gather::Part;
use super::jobs::Within;
use super::report::Report;
use super::templates::{mentions, mentions_in, path_of};
use super::tree::{Table, Value};
use crate::model::{
    Incremental, JobSource, KeyType, Method, Missing, NextUrl, Paginate, Pointer, RecordFields, RestLog, RestLogHead,
    RestRecord, RestSource, SourceStream, Version, VersionKind,
};

/// Builds a source. None when a part of it is wrong, which was told.
pub(super) fn source(table: &Table, part: &Part, within: &Within<'_>, report: &mut Report) -> Option<JobSource> {
    let connection = within.connection(&part.connection, part.place, report);
    let version = version(table, report);
    let incremental = incremental(table, version.as_ref(), report);
    let paginate = paginate(table, report);
    let path = path_of(table, "path", report);
    let one = table.table("one").map(|one| one_record(one, &["id"], report));
    let method = method(table.text("method").map(|text| text.text.as_str()));
    if table.is_written("body") && method == Some(Method::Get) {
        let hint = "write `method = \"POST\"`".to_owned();
        report.mistake(table.place_of("body"), "a GET has no `body`", hint);
    }
    let query = query(table.table("query"));
    let id = ids(table, report);
    let searchable = searchable(table, report);
    let missing = missing(table, report);
    let change_log = table.table("change_log").map(|log| change_log(table, log, report));
    let webhook = table.table("webhook").map(|inner| super::webhook::webhook(inner, table, within.instance, report));
    // From here on nothing is told any more.
    let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
    let optional = [
        "version",
        "deleted",
        "filter",
        "body",
        "error",
        "total",
        "one",
        "incremental",
        "searchable",
        "change_log",
        "webhook",
    ];
    if optional.into_iter().any(is_wrong) {
        return None;
    }
    let incremental = incremental?;
    let since_param = incremental.as_ref().map(|incremental| incremental.param.clone()).filter(|name| !name.is_empty());
    Some(JobSource {
        connection: connection?,
        filter: table.owned_text("filter"),
        sorted: table.boolean("sorted"),
        incremental,
        missing: missing?,
        fields: RecordFields {
            id: id?,
            key_type: key_type(table)?,
            version,
            deleted: table.pointer("deleted"),
            prefix: part.prefix.clone(),
        },
        searchable: searchable?,
        webhook: match webhook {
            Some(webhook) => Some(webhook?),
            None => None,
        },
        stream: SourceStream::Rest(RestSource {
            path: path?,
            query: query?,
            method: method?,
            body: table.json("body").cloned(),
            records: table.pointer("records")?,
            error: table.pointer("error"),
            total: table.pointer("total"),
            paginate: paginate?,
            since_param,
            one: match one {
                Some(one) => Some(one?),
                None => None,
            },
            change_log: match change_log {
                Some(log) => Some(log?).filter(|_| table.is_written("one")),
                None => None,
            },
        }),
    })
}

pub(super) fn method(name: Option<&str>) -> Option<Method> {
    [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]
        .into_iter()
        .find(|method| Some(method.as_str()) == name)
}

fn change_log(source: &Table, log: &Table, report: &mut Report) -> Option<RestLog> {
    let place = source.place_of("change_log");
    if !source.is_written("one") {
        let hint = "add `one = { path = \"/customers/{{ id }}\" }`: how a record is read that the log names".to_owned();
        report.warning(place, "`change_log` is not used without `one`: changes are found by listing", hint);
    } else if source.is_written("incremental") {
        let hint = "leave `incremental` out: once everything was listed, changes come from the log".to_owned();
        report.warning(place, "with a `change_log`, `incremental` is not used", hint);
    }
    if log.is_written("kind") != log.is_written("deleted") {
        let hint = "write both, such as `kind = \"/type\", deleted = [\"deleted\"]`, or neither".to_owned();
        report.mistake(log.place, "`kind` and `deleted` of a `change_log` belong together", hint);
    }
    let deleted = match log.get("deleted") {
        Some(Value::List(nodes)) => nodes
            .iter()
            .map(|node| match &node.value {
                Value::Text(text) => Some(text.text.clone()),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()?,
        _ => Vec::new(),
    };
    let head = match log.table("head") {
        Some(head) => Some(RestLogHead { path: path_of(head, "path", report)?, sequence: head.pointer("sequence")? }),
        None => None,
    };
    Some(RestLog {
        path: path_of(log, "path", report)?,
        query: query(log.table("query"))?,
        param: log.owned_text("param")?,
        records: log.pointer("records")?,
        id: ids(log, report)?,
        sequence: log.pointer("sequence")?,
        kind: log.pointer("kind"),
        deleted,
        oldest: log.pointer("oldest"),
        head,
    })
}

/// What becomes of records that a whole listing left out.
fn missing(table: &Table, report: &mut Report) -> Option<Missing> {
    match table.text("missing")?.text.as_str() {
        "delete" => {}
        _ => return Some(Missing::Ignore),
    }
    let place = table.place_of("missing");
    let pages_by_number = matches!(table.get("paginate"), Some(Value::Table(paginate))
        if matches!(paginate.tag, Some("page" | "offset")));
    if pages_by_number && !table.is_written("one") {
        let hint =
            "add `one = { path = \"/customers/{{ id }}\" }`, so that each record is looked at before it is deleted";
        let what = "`missing = \"delete\"` needs `one` where pages are numbered: records slide past such a listing";
        report.mistake(place, what, hint.to_owned());
        return None;
    }
    if table.is_written("incremental") {
        let hint = "run it with `--full` from time to time, or leave `incremental` out".to_owned();
        report.warning(
            place,
            "with `incremental` only `syncdeck run --full` lists everything and finds what is missing",
            hint,
        );
    }
    Some(Missing::Delete)
}

pub(super) fn pointers(value: &Value) -> Option<Vec<Pointer>> {
    match value {
        Value::Pointer(pointer) => Some(vec![pointer.clone()]),
        Value::List(nodes) => nodes
            .iter()
            .map(|node| match &node.value {
                Value::Pointer(pointer) => Some(pointer.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn searchable(table: &Table, report: &mut Report) -> Option<Vec<Pointer>> {
    let Some(value) = table.get("searchable") else { return Some(Vec::new()) };
    let pointers = pointers(value)?;
    if pointers.iter().any(Pointer::is_root) {
        let hint = "point to the fields, such as `searchable = [\"email\"]`".to_owned();
        report.mistake(table.place_of("searchable"), "`searchable` points to the whole record", hint);
        return None;
    }
    Some(pointers)
}

fn ids(table: &Table, report: &mut Report) -> Option<Vec<Pointer>> {
    let pointers = pointers(table.get("id")?)?;
    if pointers.is_empty() || pointers.iter().any(Pointer::is_root) {
        let hint = "point to the field that holds it, such as `id = \"/id\"`".to_owned();
        report.mistake(table.place_of("id"), "`id` points to no field of a record", hint);
        return None;
    }
    Some(pointers)
}

fn key_type(table: &Table) -> Option<KeyType> {
    match table.text("key_type")?.text.as_str() {
        "text" => Some(KeyType::Text),
        "integer" => Some(KeyType::Integer),
        _ => Some(KeyType::Any),
    }
}

pub(super) fn query(table: Option<&Table>) -> Option<Vec<(String, String)>> {
    let table = table?;
    let query: Vec<_> = table.texts().map(|(name, text)| (name.to_owned(), text.text.clone())).collect();
    (query.len() == table.entries.len()).then_some(query)
}

fn version(table: &Table, report: &mut Report) -> Option<(Pointer, VersionKind)> {
    let version = match table.get("version")? {
        Value::Pointer(pointer) => return Some((pointer.clone(), VersionKind::Auto)),
        Value::Table(version) => version,
        _ => return None,
    };
    let zone = version.owned_text("zone");
    let kind = match version.text("kind").map(|kind| kind.text.as_str()) {
        Some("integer") => {
            if zone.is_some() {
                let hint = "leave `zone` out, or write `kind = \"time\"`".to_owned();
                report.mistake(version.place_of("zone"), "an integer has no `zone`", hint);
            }
            VersionKind::Integer
        }
        Some("time") => VersionKind::Time { zone },
        _ if zone.is_some() => VersionKind::Time { zone },
        _ => VersionKind::Auto,
    };
    Some((version.pointer("from")?, kind))
}

/// The outer option is none when something is wrong, the inner one when nothing is configured.
fn incremental(
    table: &Table,
    version: Option<&(Pointer, VersionKind)>,
    report: &mut Report,
) -> Option<Option<Incremental>> {
    let Some(incremental) = table.table("incremental") else {
        return (!table.is_written("incremental")).then_some(None);
    };
    let place = table.entry("incremental").map_or(table.place, |entry| entry.key_place);
    if !table.is_written("version") {
        let hint = "add `version = \"/updated_at\"`: where a record says when it changed".to_owned();
        report.mistake(place, "`incremental` needs a `version`", hint);
    }
    let param = incremental.owned_text("param");
    if param.is_none() && !incremental.is_written("param") && !uses_since(table) {
        let hint = "add `param = \"updated_since\"`: the query parameter that takes the bound".to_owned();
        report.mistake(incremental.place, "`incremental` has no `param`, and no template uses `since`", hint);
    }
    let start = match (incremental.get("start"), version) {
        (Some(start), Some((_, kind))) => {
            let text = match start {
                Value::Integer(number) => number.to_string(),
                Value::Text(text) => text.text.clone(),
                _ => return None,
            };
            match Version::read(&text, kind) {
                Ok(version) => Some(version),
                Err(reason) => {
                    let hint = "the bound is of the same kind as the records' versions".to_owned();
                    report.mistake(incremental.place_of("start"), format!("`start` is no {reason}"), hint);
                    return None;
                }
            }
        }
        _ if incremental.is_written("start") => return None,
        _ => None,
    };
    let overlap = incremental.duration("overlap")?;
    Some(Some(Incremental { param: param.unwrap_or_default(), start, overlap }))
}

fn uses_since(source: &Table) -> bool {
    let in_path = source.text("path").is_some_and(|path| mentions(&path.text, &["since"]));
    let in_query =
        source.table("query").is_some_and(|query| query.texts().any(|(_, text)| mentions(&text.text, &["since"])));
    in_path || in_query || source.json("body").is_some_and(|body| mentions_in(body, &["since"]))
}

pub(super) fn one_record(table: &Table, names: &[&str], report: &mut Report) -> Option<RestRecord> {
    let path = path_of(table, "path", report)?;
    if !mentions(&path, names) {
        report.mistake(table.place_of("path"), "`path` reads the same record for every id", REST_PATH_HINT.to_owned());
        return None;
    }
    Some(RestRecord { path, record: table.pointer("record")? })
}

fn paginate(source: &Table, report: &mut Report) -> Option<Paginate> {
    let table = match source.get("paginate")? {
        Value::Table(table) => table,
        _ => return Some(Paginate::None),
    };
    match table.tag? {
        "cursor" => Some(Paginate::Cursor { next: table.pointer("next")?, param: table.owned_text("param")? }),
        "next_url" => next_url(table, report),
        "params" => Some(Paginate::Params { next: table.pointer("next")? }),
        "link_header" => Some(Paginate::LinkHeader),
        "page" => {
            let size_param = size_param(table, report)?;
            Some(Paginate::Page {
                param: table.owned_text("param")?,
                first: table.integer("first")?,
                size_param,
                size: table.integer("size"),
            })
        }
        "offset" => {
            let hint = "page by `cursor`, `next_url`, `link_header` or `keyset`, if the system knows one of them";
            report.warning(
                source.place_of("paginate"),
                "offset paging skips records of a set that changes while it is read",
                hint.to_owned(),
            );
            Some(Paginate::Offset {
                param: table.owned_text("param")?,
                size_param: size_param(table, report)?,
                size: table.integer("size")?,
            })
        }
        "keyset" => {
            if !source.is_written("version") {
                let hint = "add `version = \"/updated_at\"`: the field that the listing is in order of".to_owned();
                report.mistake(source.place_of("paginate"), "paging by `keyset` needs a `version`", hint);
            }
            Some(Paginate::Keyset { after: table.owned_text("after")?, tie: table.owned_text("tie") })
        }
        _ => Some(Paginate::None),
    }
}

fn next_url(table: &Table, report: &mut Report) -> Option<Paginate> {
    let next = match (table.pointer("next"), table.owned_text("header")) {
        (Some(pointer), None) => NextUrl::Body(pointer),
        (None, Some(header)) => NextUrl::Header(header),
        _ => {
            let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
            if !is_wrong("next") && !is_wrong("header") {
                let hint = "write `next = \"/next_url\"` or `header = \"Next-Page\"`".to_owned();
                report.mistake(table.place, "paging by `next_url` needs either `next` or `header`", hint);
            }
            return None;
        }
    };
    Some(Paginate::NextUrl { next })
}

/// The outer option is none when it is wrong, the inner one when it is not configured.
fn size_param(table: &Table, report: &mut Report) -> Option<Option<String>> {
    if !table.is_written("size_param") {
        return Some(None);
    }
    let name = table.owned_text("size_param")?;
    if table.get("size").is_none() && !table.is_written("size") {
        report.mistake(
            table.place_of("size_param"),
            "`size_param` has no `size` to send",
            "add `size = 100`".to_owned(),
        );
        return None;
    }
    Some(Some(name))
}
