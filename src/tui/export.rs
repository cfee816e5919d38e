//! A view as a file: its rows as they stand, in the screen's order, as JSON, CSV or text. Of a list that is longer
//! than what was read, the engine is asked for the rest, a page at a time; the next page waits for the disk.

use super::app::{App, Effect, MessageKind, Purpose};
use super::screens::runs::Listed;
use super::screens::{self, Screen, connections, jobs};
use super::text::counted;
use crate::control::Request;
use crate::model::{
    BulkRetry, Counts, DeadLetterId, JobStatus, LetterFilter, LetterRow, Run, Timestamp, csv_row, harmless_json,
    visible,
};
use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

/// Letters that are read and written at once.
const PAGE: usize = 500;
/// Cells that a column of text is made wide for.
const COLUMN_MAX: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    Text,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Text => "txt",
        }
    }
}

/// Rows of a view, each with a value for each column.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Value>>,
}

/// An export of letters that is under way.
#[derive(Clone, Debug)]
pub struct Export {
    format: Format,
    name: String,
    /// The file, once it is there.
    path: Option<String>,
    /// Letters of the list that were written or are being written.
    at: usize,
    /// The letters that are older than those of the list, less what was written of them.
    beyond: LetterFilter,
    is_oldest_first: bool,
    rows: u64,
    is_last: bool,
}

/// What the view is called in a file's name.
fn view_name(app: &App) -> &'static str {
    match app.screen {
        Screen::Jobs => "jobs",
        Screen::Job => "job",
        Screen::Customer => "customer",
        Screen::Dead => "dead-causes",
        Screen::Letters => "dead-letters",
        Screen::Conflicts => "conflicts",
        Screen::Checkpoints => "checkpoints",
        Screen::Runs => "runs",
        Screen::Connections => "connections",
        Screen::Logs => "log",
        Screen::Why => "why",
    }
}

/// Why there is nothing to export; none where there is something.
pub fn why_not(app: &App) -> Option<String> {
    if app.export.is_some() {
        return Some("an export is being written".to_owned());
    }
    let is_empty = match app.screen {
        Screen::Conflicts => true,
        Screen::Letters => app.letters.selected_id().is_none(),
        Screen::Why => screens::why::answer_text(app).is_none(),
        Screen::Job => app.selected_job().is_none(),
        _ => sheet(app).rows.is_empty(),
    };
    is_empty.then(|| "there is nothing to export here".to_owned())
}

/// The formats that the view can be written in.
pub fn formats(app: &App) -> &'static [Format] {
    match app.screen {
        Screen::Why | Screen::Job => &[Format::Json, Format::Text],
        _ => &[Format::Json, Format::Csv, Format::Text],
    }
}

/// Writes the view, or begins to.
pub fn begin(app: &mut App, format: Format) {
    if let Some(why) = why_not(app) {
        return app.note(why);
    }
    let workspace = app.snapshot.as_ref().map_or("syncdeck", |snapshot| snapshot.engine.workspace.as_str());
    let at = app.now.to_jiff().strftime("%Y%m%d-%H%M%S");
    let stem = super::update::plain_name(&format!("{workspace}-{}-{at}", view_name(app)));
    let name = format!("{stem}.{}", format.ending());
    let is_oldest_first = app.letters.is_oldest_first() && app.letters.has_all_ids();
    let mut export = Export {
        format,
        name,
        path: None,
        at: 0,
        beyond: app.letters.older_filter(&app.dead.filter),
        is_oldest_first,
        rows: 0,
        is_last: false,
    };
    if app.screen == Screen::Letters {
        app.note("writing the letters to a file…");
        app.export = Some(export);
        return next(app);
    }
    let text = match (app.screen, format) {
        (Screen::Why, Format::Text) => screens::why::answer_text(app).unwrap_or_default(),
        (Screen::Why, _) => document(&why_value(app)),
        (Screen::Job, Format::Json) => document(&job_value(app)),
        (Screen::Job, _) => fields(&job_value(app)),
        _ => {
            let sheet = sheet(app);
            export.rows = sheet.rows.len() as u64;
            head(format, &sheet.columns) + &body(format, &sheet, true) + tail(format)
        }
    };
    let text = if text.ends_with('\n') { text } else { text + "\n" };
    export.is_last = true;
    app.effects.push(Effect::Export { name: export.name.clone(), is_first: true, text });
    app.export = Some(export);
}

/// Asks for the next letters.
fn next(app: &mut App) {
    let Some(export) = &app.export else { return };
    let ids = app.letters.ids_from(export.at, PAGE, export.is_oldest_first);
    if !ids.is_empty() {
        return app.ask(Purpose::ExportRows, Request::DeadRows { ids });
    }
    if app.letters.has_all_ids() {
        return finish(app);
    }
    let filter = export.beyond.clone();
    app.ask(Purpose::ExportIds, Request::DeadIds { filter, limit: PAGE });
}

/// Letters that are older than those of the list.
pub fn ids_came(app: &mut App, ids: &[DeadLetterId]) {
    match ids.last() {
        None => finish(app),
        Some(DeadLetterId(oldest)) => {
            if let Some(export) = &mut app.export {
                export.beyond.up_to = Some(DeadLetterId(oldest.saturating_sub(1)));
            }
            app.ask(Purpose::ExportRows, Request::DeadRows { ids: ids.to_vec() });
        }
    }
}

pub fn rows_came(app: &mut App, rows: &[Option<LetterRow>]) {
    let cause = app.letters.title().to_owned();
    let Some(export) = &mut app.export else { return };
    if rows.is_empty() {
        return finish(app);
    }
    let sheet = Sheet {
        columns: LETTER_COLUMNS.to_vec(),
        rows: rows.iter().flatten().map(|row| letter_cells(row, &cause)).collect(),
    };
    let is_first = export.path.is_none();
    let lead = if is_first { head(export.format, &sheet.columns) } else { String::new() };
    let text = lead + &body(export.format, &sheet, export.rows == 0);
    export.at += rows.len();
    export.rows += sheet.rows.len() as u64;
    write(app, is_first, text);
}

fn write(app: &mut App, is_first: bool, text: String) {
    let Some(export) = &app.export else { return };
    let name = export.path.clone().unwrap_or_else(|| export.name.clone());
    app.effects.push(Effect::Export { name, is_first, text });
}

fn finish(app: &mut App) {
    let Some(export) = &mut app.export else { return };
    export.is_last = true;
    let (is_first, format) = (export.path.is_none(), export.format);
    let lead = if is_first { head(format, LETTER_COLUMNS) } else { String::new() };
    write(app, is_first, lead + tail(format));
}

/// A piece was written, or not.
pub fn written(app: &mut App, result: Result<String, String>) {
    let Some(export) = &mut app.export else { return };
    match result {
        Err(problem) => broke_off(app, &problem),
        Ok(path) => {
            export.path = Some(path.clone());
            if !export.is_last {
                return next(app);
            }
            let rows = export.rows;
            app.export = None;
            let what = match app.screen {
                Screen::Why | Screen::Job => String::new(),
                _ => format!("{} to ", counted(rows, "row", "rows")),
            };
            app.say(MessageKind::Done, format!("wrote {what}{path}"), None);
        }
    }
}

/// What was written stays, and the message says that it is not all.
pub fn broke_off(app: &mut App, problem: &str) {
    let Some(export) = app.export.take() else { return };
    let hint = export.path.map(|path| format!("{path} holds the first {}", counted(export.rows, "row", "rows")));
    app.say(MessageKind::Failed, format!("the view could not be written: {problem}"), hint);
}

fn head(format: Format, columns: &[&str]) -> String {
    match format {
        Format::Json => "[".to_owned(),
        Format::Csv => columns.join(",") + "\n",
        Format::Text => String::new(),
    }
}

fn tail(format: Format) -> &'static str {
    if format == Format::Json { "\n]\n" } else { "" }
}

/// The rows; of JSON without a line end after the last, for a comma may follow.
fn body(format: Format, sheet: &Sheet, is_first: bool) -> String {
    match format {
        Format::Json => {
            let lines: Vec<String> = sheet.rows.iter().map(|row| object(&sheet.columns, row)).collect();
            let sign = if is_first || lines.is_empty() { "" } else { "," };
            let lead = if lines.is_empty() { "" } else { "\n" };
            format!("{sign}{lead}{}", lines.join(",\n"))
        }
        Format::Csv => {
            let cells = |row: &Vec<Value>| row.iter().map(plain).collect::<Vec<_>>();
            // A row is text in memory; nothing of it can fail to be written.
            sheet.rows.iter().filter_map(|row| csv_row(&cells(row)).ok()).map(|row| row + "\n").collect()
        }
        Format::Text => aligned(sheet, is_first),
    }
}

fn object(columns: &[&str], row: &[Value]) -> String {
    let members: Map<String, Value> = columns.iter().map(|name| (*name).to_owned()).zip(row.iter().cloned()).collect();
    harmless_json(&Value::Object(members).to_string())
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn aligned(sheet: &Sheet, has_heading: bool) -> String {
    let heading = has_heading.then(|| sheet.columns.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>());
    let rows = sheet.rows.iter().map(|row| row.iter().map(|value| visible(&plain(value)).into_owned()).collect());
    let lines: Vec<Vec<String>> = heading.into_iter().chain(rows).collect();
    let widths: Vec<usize> = (0..sheet.columns.len())
        .map(|at| lines.iter().map(|line| line[at].width()).max().unwrap_or(0).min(COLUMN_MAX))
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// One thing as JSON, a member a line.
fn document(value: &Value) -> String {
    let lines = super::json::pretty(&harmless_json(&value.to_string()), &|_| false);
    lines.join("\n")
}

/// One thing as lines of name and value.
fn fields(value: &Value) -> String {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| format!("{name:<14}{}\n", visible(&plain(value)))).collect()
}

fn time(at: Timestamp) -> Value {
    Value::from(at.to_string())
}

fn of_counts(counts: &Counts) -> [Value; 7] {
    [counts.scanned, counts.created, counts.updated, counts.deleted, counts.skipped, counts.held, counts.errored]
        .map(Value::from)
}

const COUNTS: [&str; 7] = ["scanned", "created", "updated", "deleted", "skipped", "held", "errored"];

const LETTER_COLUMNS: &[&str] = &["id", "job", "group", "cause", "record", "field", "attempts", "last_at", "state"];

fn letter_cells(row: &LetterRow, cause: &str) -> Vec<Value> {
    let state = serde_json::to_value(row.state.place()).unwrap_or_default();
    vec![
        Value::from(row.id.0),
        Value::from(row.job.as_str()),
        Value::from(row.group.to_string()),
        // The cause's own words: those of one letter may quote a value that is to stay hidden.
        Value::from(cause),
        Value::from(row.record.shown()),
        Value::from(row.field.clone()),
        Value::from(row.attempts),
        time(row.last_at),
        state,
    ]
}

fn jobs_shown(app: &App) -> Vec<&JobStatus> {
    match app.screen {
        Screen::Customer => screens::customer::jobs_of(app),
        _ => app.jobs.shown.iter().filter_map(|id| app.job_status(id)).collect(),
    }
}

/// The rows of the screen, those beyond its edges too, in its order.
fn sheet(app: &App) -> Sheet {
    let with_counts = |first: &[&'static str]| first.iter().copied().chain(COUNTS).collect::<Vec<_>>();
    match app.screen {
        Screen::Jobs | Screen::Customer => Sheet {
            columns: with_counts(&["job", "state", "source", "destination", "schedule", "dead_letters", "rate"]),
            rows: jobs_shown(app)
                .into_iter()
                .map(|job| {
                    let facts = [
                        Value::from(job.id.as_str()),
                        Value::from(jobs::state_words(job, app.now)),
                        Value::from(job.source.as_str()),
                        Value::from(job.destination.as_str()),
                        Value::from(job.schedule.as_str()),
                        Value::from(job.dead_waiting),
                        Value::from((job.rate * 10.0).round() / 10.0),
                    ];
                    facts.into_iter().chain(of_counts(&job.total)).collect()
                })
                .collect(),
        },
        Screen::Dead => Sheet {
            columns: vec![
                "group",
                "job",
                "cause",
                "field",
                "class",
                "status",
                "waiting",
                "retrying",
                "discarded",
                "recovered",
                "first_at",
                "last_at",
            ],
            rows: app
                .dead
                .groups()
                .iter()
                .map(|group| {
                    vec![
                        Value::from(group.id.to_string()),
                        Value::from(group.job.as_str()),
                        Value::from(group.reason.title()),
                        Value::from(group.reason.field.clone()),
                        Value::from(group.reason.class.word()),
                        Value::from(group.reason.status),
                        Value::from(group.waiting),
                        Value::from(group.retrying),
                        Value::from(group.discarded),
                        Value::from(group.recovered),
                        time(group.first_at),
                        time(group.last_at),
                    ]
                })
                .collect(),
        },
        Screen::Checkpoints => Sheet {
            columns: with_counts(&["job", "sequence", "saved_at", "run", "moved_by", "cursor", "updated_at", "id"]),
            rows: app.checkpoints.list().iter().map(|one| checkpoint_cells(app, one)).collect(),
        },
        Screen::Runs => Sheet {
            columns: with_counts(&["run", "job", "kind", "by", "started_at", "ended_at", "end", "pages"]),
            rows: app
                .runs
                .listed()
                .map(|row| match row {
                    Listed::Run(run) => run_cells(run),
                    Listed::Bulk(bulk) => bulk_cells(bulk),
                })
                .collect(),
        },
        Screen::Connections => Sheet {
            columns: vec!["connection", "health", "in_flight", "ceiling", "queued", "p50_ms", "p95_ms", "held_by"],
            rows: connections::ordered(app)
                .into_iter()
                .map(|one| {
                    vec![
                        Value::from(one.id.as_str()),
                        Value::from(one.health(app.now).word()),
                        Value::from(one.in_flight),
                        Value::from(one.ceiling),
                        Value::from(one.queued),
                        Value::from(one.latency_p50),
                        Value::from(one.latency_p95),
                        Value::from(one.held.as_ref().map(|held| held.by.to_string())),
                    ]
                })
                .collect(),
        },
        Screen::Logs => Sheet {
            columns: vec!["at", "level", "event", "job", "run", "connection", "record", "text"],
            rows: app
                .logs
                .listed()
                .iter()
                .map(|notice| {
                    vec![
                        time(notice.at),
                        Value::from(notice.level.word()),
                        Value::from(notice.event.as_str()),
                        Value::from(notice.job.as_ref().map(ToString::to_string)),
                        Value::from(notice.run.map(|run| run.0)),
                        Value::from(notice.connection.as_ref().map(ToString::to_string)),
                        Value::from(notice.record.as_ref().map(|record| record.shown())),
                        Value::from(notice.text.as_str()),
                    ]
                })
                .collect(),
        },
        Screen::Job | Screen::Letters | Screen::Conflicts | Screen::Why => Sheet::default(),
    }
}

fn run_cells(run: &Run) -> Vec<Value> {
    let facts = [
        Value::from(run.id.0),
        Value::from(run.job.as_str()),
        Value::from(run.kind.word()),
        Value::from(run.by.to_string()),
        time(run.started_at),
        run.ended_at.map_or(Value::Null, time),
        Value::from(run.end_words()),
        Value::from(run.pages),
    ];
    facts.into_iter().chain(of_counts(&run.counts)).collect()
}

/// A careful retry among the runs: its letters in the columns of records. What was delivered is one figure, as on the
/// screen.
fn bulk_cells(bulk: &BulkRetry) -> Vec<Value> {
    vec![
        Value::Null,
        Value::from(bulk.job.as_str()),
        Value::from("careful"),
        Value::from(bulk.by.to_string()),
        time(bulk.at),
        bulk.ended_at.map_or(Value::Null, time),
        Value::from(bulk.end_words()),
        Value::Null,
        Value::from(bulk.done()),
        Value::Null,
        Value::from(bulk.recovered),
        Value::Null,
        Value::from(bulk.needless),
        Value::from(0),
        Value::from(bulk.failed),
    ]
}

fn checkpoint_cells(app: &App, one: &crate::model::Checkpoint) -> Vec<Value> {
    let watermark = one.position.watermark.as_ref();
    let facts = [
        Value::from(app.checkpoints.job.as_ref().map(ToString::to_string)),
        Value::from(one.sequence.0),
        time(one.saved_at),
        Value::from(one.run.0),
        Value::from(one.moved_by.as_ref().map(ToString::to_string)),
        Value::from(one.position.cursor.as_ref().map(|cursor| cursor.0.clone())),
        Value::from(watermark.map(|watermark| watermark.version.text())),
        Value::from(watermark.map(|watermark| watermark.id.shown())),
    ];
    facts.into_iter().chain(of_counts(&one.page)).collect()
}

fn job_value(app: &App) -> Value {
    let Some(job) = app.selected_job().and_then(|id| app.job_status(&id)) else { return Value::Null };
    let mut members = Map::new();
    let facts = [
        ("job", Value::from(job.id.as_str())),
        ("description", Value::from(job.description.clone())),
        ("source", Value::from(job.source.as_str())),
        ("destination", Value::from(job.destination.as_str())),
        ("schedule", Value::from(job.schedule.as_str())),
        ("state", Value::from(jobs::state_words(job, app.now))),
        ("run", Value::from(job.run.as_ref().map(|run| run.id.0))),
        ("checkpoint", Value::from(job.checkpoint.as_ref().map(|one| one.sequence.0))),
        ("dead_letters", Value::from(job.dead_waiting)),
    ];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
    members.extend(facts.chain(COUNTS.iter().map(|name| (*name).to_owned()).zip(of_counts(&job.total))));
    Value::Object(members)
}

fn why_value(app: &App) -> Value {
    let text = screens::why::answer_text(app).unwrap_or_default();
    let (job, record) = (app.why.selected_job(), app.why.answered_record());
    json!({
        "job": job.map(|job| job.to_string()),
        "record": record.map(|record| record.shown()),
        "answer": text.lines().collect::<Vec<_>>(),
    })
}

/// What is written of the view, in words: `1,042 rows`.
pub fn extent(app: &App) -> String {
    match app.screen {
        Screen::Letters => format!("{}, all that match", counted(app.letters.total(), "letter", "letters")),
        Screen::Why => "the answer".to_owned(),
        Screen::Job => "the job and its figures".to_owned(),
        _ => format!("{} as the list stands", counted(sheet(app).rows.len() as u64, "row", "rows")),
    }
}
