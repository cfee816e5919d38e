//! `syncdeck dead export`: all letters that wait or are being retried, newest first, for other tools.
//!
//! `jsonl` prints one document a line: `{"id","job","group","record","destination_id","version","deleted","class","status",
//! "field","message","answer","idempotency_key","first_at","last_at","attempts":[{"at","run","status","took_ms","message"}],
//! "state":{"state",…},"source":{…},"sent":{…}|null}`. `source` and `sent` have the digits that were read.
//! `csv` prints the same facts without answer, key and attempts' texts, a head line first. A cell that a spreadsheet
//! would take for a formula begins with an apostrophe.

use super::{place_word, state_document};
use crate::cli::questions::{Ask, PAGE, letter, letter_ids};
use crate::cli::{Exit, Output, Report, json};
use crate::model::{
    Attempt, DeadLetter, DeadLetterId, DestinationId, JobId, LetterFilter, RawJson, ReasonClass, Timestamp, visible,
};
use serde::Serialize;
use serde_json::Value;

pub const EXAMPLE: &str =
    "Example:\n  syncdeck dead export > letters.jsonl\n  syncdeck dead export --format csv > letters.csv";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// One JSON document a line, or a table for spreadsheets
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Jsonl,
    Csv,
}

pub(super) async fn carry_out(args: &Args, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    if args.format == Format::Csv {
        out.own_text(&COLUMNS.join(","))?;
    }
    // Letters that arrive meanwhile have greater numbers, so no page shifts.
    let mut up_to = None;
    while !out.is_closed() {
        let (ids, _) = letter_ids(ask, LetterFilter { up_to, ..LetterFilter::default() }, PAGE).await?;
        for id in ids.iter() {
            let view = letter(ask, *id).await?;
            match args.format {
                Format::Jsonl => out.json(&exported(&view.letter))?,
                Format::Csv => out.own_text(&row(&view.letter))?,
            }
        }
        match ids.last() {
            Some(DeadLetterId(last)) if PAGE <= ids.len() && 1 < *last => up_to = Some(DeadLetterId(last - 1)),
            _ => break,
        }
    }
    Ok(Exit::Done)
}

/// A letter as scripts read it.
#[derive(Serialize)]
pub(super) struct Exported<'a> {
    id: DeadLetterId,
    job: &'a JobId,
    group: String,
    record: String,
    destination_id: Option<&'a DestinationId>,
    version: Option<String>,
    deleted: bool,
    class: ReasonClass,
    status: Option<u16>,
    field: Option<&'a str>,
    message: &'a str,
    answer: Option<&'a str>,
    idempotency_key: Option<&'a str>,
    first_at: Timestamp,
    last_at: Timestamp,
    attempts: &'a [Attempt],
    state: Value,
    source: &'a RawJson,
    sent: Option<&'a RawJson>,
}

pub(super) fn exported(letter: &DeadLetter) -> Exported<'_> {
    Exported {
        id: letter.id,
        job: &letter.job,
        group: letter.group.to_string(),
        record: letter.record.shown(),
        destination_id: letter.destination_id.as_ref(),
        version: letter.version.as_ref().map(ToString::to_string),
        deleted: letter.deleted,
        class: letter.reason.class,
        status: letter.reason.status,
        field: letter.reason.field.as_deref(),
        message: &letter.reason.message,
        answer: letter.reason.answer.as_deref(),
        idempotency_key: letter.idempotency_key.as_deref(),
        first_at: letter.first_at,
        last_at: letter.last_at,
        attempts: &letter.attempts,
        state: state_document(&letter.state),
        source: &letter.source,
        sent: letter.sent.as_ref(),
    }
}

const COLUMNS: [&str; 15] = [
    "id",
    "job",
    "group",
    "record",
    "destination_id",
    "version",
    "state",
    "class",
    "status",
    "field",
    "message",
    "attempts",
    "first_at",
    "last_at",
    "source",
];

fn row(letter: &DeadLetter) -> String {
    let reason = &letter.reason;
    let class = serde_json::to_value(reason.class).ok().and_then(|word| word.as_str().map(str::to_owned));
    let cells: [String; COLUMNS.len()] = [
        letter.id.to_string(),
        letter.job.to_string(),
        letter.group.to_string(),
        letter.record.shown(),
        letter.destination_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        letter.version.as_ref().map(ToString::to_string).unwrap_or_default(),
        place_word(letter.state.place()).to_owned(),
        class.unwrap_or_default(),
        reason.status.map(|status| status.to_string()).unwrap_or_default(),
        reason.field.clone().unwrap_or_default(),
        reason.message.clone(),
        letter.attempts.len().to_string(),
        letter.first_at.to_string(),
        letter.last_at.to_string(),
        json::harmless(letter.source.as_str()),
    ];
    cells.map(|text| cell(&text)).join(",")
}

/// A cell of CSV (RFC 4180) that no spreadsheet reads as a formula.
pub(super) fn cell(text: &str) -> String {
    // The wide signs are formulas to spreadsheets in East Asian settings.
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let lead = if is_formula { "'" } else { "" };
    let shown = format!("{lead}{}", visible(text));
    if shown.contains([',', '"']) { format!("\"{}\"", shown.replace('"', "\"\"")) } else { shown }
}
