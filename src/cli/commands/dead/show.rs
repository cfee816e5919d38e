//! `syncdeck dead show`: one letter whole.
//!
//! `--json` prints the document of `dead export --format jsonl` (see there) with `"source_connection"`,
//! `"destination_connection"` and `"fields":[{"field","source","sent","mark","why"}]` added.

use super::{export, place_word};
use crate::cli::questions::{Ask, letter};
use crate::cli::text::{Align, Style, Table, cut, plain};
use crate::cli::{Exit, Line, Output, Report, json};
use crate::control::{FieldMark, LetterView};
use crate::model::{DeadLetter, DeadLetterId, LetterState, RawJson};
use serde::Serialize;

pub const EXAMPLE: &str = "Example:\n  syncdeck dead show 1240\n  syncdeck dead show 1240 --json | jq .source";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// The letter's number, as `dead list` shows it
    pub id: u64,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn carry_out(args: &Args, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let view = letter(ask, DeadLetterId(args.id)).await?;
    if args.json {
        out.json(&document(&view))?;
        return Ok(Exit::Done);
    }
    head(&view).into_iter().try_for_each(|line| out.line(line))?;
    if !view.fields.is_empty() {
        out.line(Line::new().with("fields", Style::Bold))?;
        out.table(&fields(&view))?;
    }
    let letter = &view.letter;
    attempts(letter).into_iter().try_for_each(|line| out.line(line))?;
    if let Some(answer) = &letter.reason.answer {
        payload(out, "answer", answer.lines().map(str::to_owned).collect())?;
    }
    payload(out, "source record", pretty(&letter.source))?;
    if let Some(sent) = &letter.sent {
        payload(out, "sent", pretty(sent))?;
    }
    Ok(Exit::Done)
}

fn head(view: &LetterView) -> Vec<Line> {
    let letter = &view.letter;
    let fact = |name: &str, text: String| Line::new().with(format!("  {name:<12}"), Style::Dim).then(text);
    let what = if letter.deleted { " (a delete)" } else { "" };
    let mut lines = vec![
        Line::new()
            .with(format!("dead letter {}", letter.id), Style::Bold)
            .then(format!("  {}", letter.reason.title())),
        fact("job", format!("{}: {} → {}", letter.job, view.source_connection, view.destination_connection)),
        fact("record", format!("{}{what}", letter.record.shown())),
    ];
    lines.extend(letter.destination_id.as_ref().map(|id| fact("destination", id.to_string())));
    lines.extend(letter.version.as_ref().map(|version| fact("version", version.to_string())));
    lines.extend(letter.reason.field.clone().map(|field| fact("field", field)));
    lines.push(fact("group", letter.group.to_string()));
    lines.push(fact("state", state(&letter.state)));
    if let Some(one) = view.corrections.last() {
        let fields: Vec<&str> = one.fields.iter().map(|field| field.field.as_str()).collect();
        let what = if fields.is_empty() { "taken back".to_owned() } else { fields.join(", ") };
        let why = one.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(fact("corrected", format!("{what} at {}, by {}{why}", one.at, one.by)));
    }
    if let Some(one) = &view.offered {
        let hint = format!("syncdeck dead edit {} --offered", letter.id);
        lines.push(fact("offered", format!("a correction of {} by {} is there: `{hint}` applies it", one.at, one.by)));
    }
    lines.push(fact("seen", format!("{} to {}", letter.first_at, letter.last_at)));
    lines
}

fn state(state: &LetterState) -> String {
    let word = place_word(state.place());
    match state {
        LetterState::Waiting => word.to_owned(),
        LetterState::Retrying { since, by } => format!("{word} since {since}, by {by}"),
        LetterState::Discarded { at, by, reason } => format!("{word} at {at}, by {by}: {reason}"),
        LetterState::Recovered { at, run } => format!("{word} at {at}, by run {run}"),
    }
}

fn fields(view: &LetterView) -> Table {
    let mut table = Table::new(&[
        ("FIELD", Align::Left),
        ("SOURCE", Align::Left),
        ("SENT", Align::Left),
        ("", Align::Left),
        ("WHY", Align::Left),
    ]);
    for line in &view.fields {
        let (mark, style) = match line.mark {
            FieldMark::Same => ("same", Style::Dim),
            FieldMark::Transformed => ("transformed", Style::Plain),
            FieldMark::Rejected => ("rejected", Style::Bad),
            FieldMark::Added => ("added", Style::Good),
            FieldMark::Dropped => ("dropped", Style::Dim),
            FieldMark::NotSent => ("not sent", Style::Dim),
        };
        let value = |text: &Option<String>| plain(text.as_deref().unwrap_or("–"));
        let why = plain(line.why.as_deref().unwrap_or_default());
        table.row(vec![
            plain(line.field.as_str()),
            value(&line.source),
            value(&line.sent),
            (mark.to_owned(), style),
            why,
        ]);
    }
    table
}

fn attempts(letter: &DeadLetter) -> Vec<Line> {
    let mut lines = vec![Line::new().with("attempts", Style::Bold)];
    for attempt in &letter.attempts {
        let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        lines.push(
            format!("  {}  run {}  {status}  {} ms  {}", attempt.at, attempt.run, attempt.took_ms, attempt.message)
                .into(),
        );
    }
    lines
}

fn pretty(value: &RawJson) -> Vec<String> {
    json::indented(value.as_str())
}

/// Lines of one payload; the rest of a bigger one is in the JSON document.
const LINES_MAX: usize = 1_000;
/// Cells of one line of a payload.
const WIDTH_MAX: usize = 4_096;

fn payload(out: &mut Output, title: &str, lines: Vec<String>) -> Result<(), Report> {
    out.line(Line::new().with(title, Style::Bold))?;
    for line in lines.iter().take(LINES_MAX) {
        // An indented line begins with spaces of ours, so what is foreign begins after them.
        let text = crate::model::visible(line);
        out.line(format!("  {}", cut(&text, WIDTH_MAX)))?;
    }
    if LINES_MAX < lines.len() {
        out.line(format!("  … {} lines more; `--json` has them all", lines.len() - LINES_MAX))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    letter: export::Exported<'a>,
    source_connection: &'a str,
    destination_connection: &'a str,
    fields: &'a [crate::control::FieldLine],
}

fn document(view: &LetterView) -> Shown<'_> {
    Shown {
        letter: export::exported(view),
        source_connection: &view.source_connection,
        destination_connection: &view.destination_connection,
        fields: &view.fields,
    }
}
