//! `syncdeck dead export`: all letters that wait or are being retried, newest first, for other tools.
//!
//! `jsonl` prints one document a line: `{"id","job","group","record","destination_id","version","deleted","class","status",
//! "field","message","answer","idempotency_key","first_at","last_at","attempts":[{"at","run","status","took_ms","message"}],
//! "state":{"state",…},"source":{…},"sent":{…}|null,"corrections":[…]}`. `source` and `sent` have the digits that were read.
//! Values of fields that `console.redact` names are hidden, unless `--reveal` is given.
//! `csv` prints the same facts without answer, key and attempts' texts, a head line first. A cell that a spreadsheet
//! would take for a formula begins with an apostrophe.

use super::{place_word, state_document};
use crate::cli::questions::{Ask, PAGE, letter, letter_ids};
use crate::cli::which::Meant;
use crate::cli::{Exit, Output, Report, json};
use crate::control::LetterView;
use crate::model::redact::{HIDDEN, hidden_values, is_redacted, masked, redacted, shown_text};
use crate::model::{
    Attempt, Correction, DeadLetter, DeadLetterId, DestinationId, JobId, LetterFilter, RawJson, ReasonClass, Timestamp,
    csv_row,
};
use serde::Serialize;
use serde_json::Value;

pub const EXAMPLE: &str =
    "Example:\n  syncdeck dead export > letters.jsonl\n  syncdeck dead export --format csv > letters.csv";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Letters of this job only; a name that several instances share means all of them
    pub job: Option<String>,
    /// Letters of the jobs of this instance only
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// One JSON document a line, or a table for spreadsheets
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// With the values of fields that the configuration redacts
    #[arg(long)]
    pub reveal: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    #[default]
    Jsonl,
    Csv,
}

pub(super) async fn carry_out(
    args: &Args,
    meant: &Meant,
    redact: &[String],
    ask: &impl Ask,
    out: &mut Output,
) -> Result<Exit, Report> {
    let redact = if args.reveal { &[] } else { redact };
    if args.format == Format::Csv {
        out.own_text(&COLUMNS.join(","))?;
    }
    // Letters that arrive meanwhile have greater numbers, so no page shifts.
    let mut up_to = None;
    while !out.is_closed() {
        let mut filter = LetterFilter { up_to, ..LetterFilter::default() };
        meant.narrow(&mut filter.job, &mut filter.terms);
        let (ids, _) = letter_ids(ask, filter, PAGE).await?;
        for id in ids.iter() {
            let mut view = letter(ask, *id).await?;
            hide(&mut view, redact);
            match args.format {
                Format::Jsonl => out.json(&exported(&view))?,
                Format::Csv => out.own_text(&line(&row(&view.letter))?)?,
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
    corrections: &'a [Correction],
}

/// Takes the values of redacted fields out of everything that is exported of a letter.
fn hide(view: &mut LetterView, redact: &[String]) {
    if redact.is_empty() {
        return;
    }
    let letter = &mut view.letter;
    let mut values = hidden_values(redact, &letter.source);
    values.extend(letter.sent.iter().flat_map(|sent| hidden_values(redact, sent)));
    for field in view.corrections.iter_mut().flat_map(|one| &mut one.fields) {
        for value in [&mut field.seen, &mut field.before, &mut field.after].into_iter().flatten() {
            if is_redacted(redact, &field.field) {
                values.push(shown_text(value));
                *value = RawJson::from_value(&Value::from(HIDDEN));
            } else {
                *value = redacted(redact, value);
            }
        }
    }
    let mask = |text: &mut String| *text = masked(text, &values);
    letter.source = redacted(redact, &letter.source);
    letter.sent = letter.sent.as_ref().map(|sent| redacted(redact, sent));
    mask(&mut letter.reason.message);
    letter.reason.answer.as_mut().map(mask);
    letter.attempts.iter_mut().for_each(|attempt| mask(&mut attempt.message));
}

pub(super) fn exported(view: &LetterView) -> Exported<'_> {
    let letter = &view.letter;
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
        corrections: &view.corrections,
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

fn row(letter: &DeadLetter) -> [String; COLUMNS.len()] {
    let reason = &letter.reason;
    let class = serde_json::to_value(reason.class).ok().and_then(|word| word.as_str().map(str::to_owned));
    [
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
    ]
}

/// A row of CSV without its line end.
pub(super) fn line(cells: &[String]) -> Result<String, Report> {
    csv_row(cells).map_err(|why| Report::new(format!("a row of the table could not be written: {why}")))
}
