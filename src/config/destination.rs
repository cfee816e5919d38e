//! A job's destination: from a checked table to the model.

use super::format::REST_PATH_HINT;
use super::jobs::Within;
use super::linked::{creates, linked, verify, warn_of_what_is_not_used};
use super::report::Report;
use super::source::{method, one_record};
use super::templates::{mentions, mentions_in, path_of};
use super::tree::Table;
use crate::model::{
    DeletePolicy, DestinationStream, JobDestination, RestBatch, RestDestination, RestRequest, RestWrite, VersionHeader,
};
use serde_json::Value as Json;

/// Builds a destination. None when a part of it is wrong, which was told.
pub(super) fn destination(
    table: &Table,
    policy: Option<DeletePolicy>,
    within: &Within<'_>,
    report: &mut Report,
) -> Option<JobDestination> {
    let connection =
        table.text("connection").and_then(|name| within.connection(&name.text, table.place_of("connection"), report));
    let word = table.text("write").map(|text| text.text.as_str());
    let write = match word {
        Some("batch") => batch_write(table, report).map(RestWrite::Batch),
        Some(word @ ("lookup" | "create")) => linked(table, word, report).map(RestWrite::Linked),
        Some(_) => upsert(table, report).map(RestWrite::Upsert),
        None => None,
    };
    let creates = creates(table, word, report);
    warn_of_what_is_not_used(table, word, report);
    let verify = verify(table, word, report);
    let delete = table.table("delete").map(|delete| {
        let method = method_of(delete);
        let request = RestRequest { method: method?, path: path_of(delete, "path", report)?, body: body(delete) };
        is_for_one_record(&request, delete, report).then_some(request)
    });
    let one = table.table("one").map(|one| one_record(one, &["id", "destination_id"], report));
    let soft_delete = table.table("soft_delete").map(|soft| soft_fields(soft, report));
    let version_header = table
        .table("version_header")
        .map(|header| Some(VersionHeader { name: header.owned_text("name")?, from: header.pointer("from")? }));
    let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
    let optional = [
        "body",
        "idempotency_header",
        "version_header",
        "id",
        "delete",
        "soft_delete",
        "batch",
        "one",
        "create",
        "lookup",
    ];
    if optional.into_iter().any(is_wrong) {
        return None;
    }
    let soft_delete = transposed(soft_delete)?;
    Some(JobDestination {
        connection: connection?,
        changed_fields_only: table.boolean("changed_fields_only"),
        soft_delete: soft_delete.filter(|_| policy == Some(DeletePolicy::Soft)),
        creates: creates?,
        // A batch carries no versions.
        checks_versions: table.is_written("version_header") && word != Some("batch"),
        verify: verify?,
        stream: DestinationStream::Rest(RestDestination {
            write: write?,
            idempotency_header: table.owned_text("idempotency_header"),
            version_header: transposed(version_header)?,
            id: table.pointer("id"),
            delete: transposed(delete)?,
            one: transposed(one)?,
        }),
    })
}

/// What a deleted record does, as written or as the destination allows.
pub(super) fn delete_policy(job: &Table, report: &mut Report) -> Option<DeletePolicy> {
    let destination = job.table("destination")?;
    let is_batch = destination.text("write").is_some_and(|write| write.text == "batch");
    let in_batch = is_batch && destination.table("batch").is_some_and(|batch| batch.is_written("each_delete"));
    let has_soft = destination.is_written("soft_delete");
    let has_hard = destination.is_written("delete") || in_batch;
    let place = job.place_of("delete");
    match job.text("delete").map(|text| text.text.as_str()) {
        None if job.is_written("delete") => None,
        None if has_soft => Some(DeletePolicy::Soft),
        None if has_hard => Some(DeletePolicy::Hard),
        None => Some(DeletePolicy::Ignore),
        Some("soft") => {
            if !has_soft {
                let hint = "add `soft_delete = { fields = { active = false } }` to the destination";
                report.mistake(place, "`delete = \"soft\"` needs the destination's `soft_delete`", hint.to_owned());
            }
            Some(DeletePolicy::Soft)
        }
        Some("hard") => {
            if !has_hard {
                let hint = "add `delete = { method = \"DELETE\", path = \"/contacts/{{ id }}\" }` to the destination";
                report.mistake(place, "`delete = \"hard\"` needs the destination's `delete`", hint.to_owned());
            }
            Some(DeletePolicy::Hard)
        }
        Some(_) => Some(DeletePolicy::Ignore),
    }
}

/// An option of something that may have been wrong: none when it was.
pub(super) fn transposed<T>(built: Option<Option<T>>) -> Option<Option<T>> {
    match built {
        Some(built) => built.map(Some),
        None => Some(None),
    }
}

pub(super) fn method_of(table: &Table) -> Option<crate::model::Method> {
    method(table.text("method").map(|text| text.text.as_str()))
}

/// The body as it is configured; none where it is the mapped fields as they are.
pub(super) fn body(table: &Table) -> Option<Json> {
    table.json("body").filter(|body| !is_fields(body)).cloned()
}

fn is_fields(body: &Json) -> bool {
    let inner = body.as_str().and_then(|text| text.trim().strip_prefix("{{")?.strip_suffix("}}"));
    inner.is_some_and(|inner| inner.trim() == "fields")
}

fn upsert(table: &Table, report: &mut Report) -> Option<RestRequest> {
    if !table.is_written("path") {
        let hint = match table.is_written("batch") && !table.is_written("write") {
            true => "write `write = \"batch\"` to use the `batch`".to_owned(),
            false => "add `path = \"/contacts/{{ id }}\"` to the destination".to_owned(),
        };
        report.mistake(table.place, "`write = \"upsert\"` needs a `path`", hint);
        return None;
    }
    let request = RestRequest { method: method_of(table)?, path: path_of(table, "path", report)?, body: body(table) };
    is_for_one_record(&request, table, report).then_some(request)
}

/// True when path or body say which record is meant.
pub(super) fn is_for_one_record(request: &RestRequest, table: &Table, report: &mut Report) -> bool {
    const NAMES: &[&str] = &["id", "record"];
    if mentions(&request.path, NAMES) || request.body.as_ref().is_some_and(|body| mentions_in(body, NAMES)) {
        return true;
    }
    report.mistake(
        table.place_of("path"),
        "`path` is the same for every record: it lacks `{{ id }}`",
        REST_PATH_HINT.to_owned(),
    );
    false
}

fn batch_write(table: &Table, report: &mut Report) -> Option<RestBatch> {
    let Some(batch) = table.table("batch") else {
        if !table.is_written("batch") {
            let hint = "add `batch = { path = \"/contacts:batch\", items = \"/items\", statuses = \"/results\" }`";
            report.mistake(table.place, "`write = \"batch\"` needs a `batch`", hint.to_owned());
        }
        return None;
    };
    let mut item = |name: &str| {
        let built = batch.table(name).map(|each| {
            let method = method_of(each);
            Some(RestRequest { method: method?, path: path_of(each, "path", report)?, body: body(each) })
        });
        if built.is_none() && batch.is_written(name) { None } else { transposed(built) }
    };
    let (each, each_delete) = (item("each"), item("each_delete"));
    let path = path_of(batch, "path", report);
    let is_wrong = |name: &str| batch.is_written(name) && batch.get(name).is_none();
    if is_wrong("error") || is_wrong("id") {
        return None;
    }
    Some(RestBatch {
        method: method_of(batch)?,
        path: path?,
        size: usize::try_from(batch.integer("size")?).unwrap_or(usize::MAX),
        items: batch.pointer("items")?,
        statuses: batch.pointer("statuses")?,
        id: batch.pointer("id"),
        status: batch.pointer("status")?,
        error: batch.pointer("error"),
        each: each?,
        each_delete: each_delete?,
    })
}

fn soft_fields(table: &Table, report: &mut Report) -> Option<serde_json::Map<String, Json>> {
    let fields = table.json("fields")?.as_object()?;
    if fields.is_empty() {
        let hint = "write `fields = { active = false }`".to_owned();
        report.mistake(table.place_of("fields"), "`soft_delete` sets no field", hint);
        return None;
    }
    Some(fields.clone())
}
