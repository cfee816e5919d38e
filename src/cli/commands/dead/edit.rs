//! `syncdeck dead edit`: other values in place of those that were refused, kept with who and why, and sent.
//!
//! Without a change it prints what would be sent, as JSON: to be changed in a file and given back with `--payload`.

use crate::cli::questions::{Ask, edit_form, order};
use crate::cli::{Exit, Line, Output, Report, Style, json};
use crate::control::Request;
use crate::model::redact::{HIDDEN, is_redacted};
use crate::model::{DeadLetterId, EditForm, FieldChange, RawJson, ValueKind};
use std::io::Read;
use std::path::PathBuf;

pub const EXAMPLE: &str = "Example:\n  syncdeck dead edit 1240 --set email=ada@example.com --reason ticket-4411\n  syncdeck dead edit 1240 > fix.json\n  syncdeck dead edit 1240 --payload fix.json";

/// The most of a payload, in bytes.
const PAYLOAD_MAX: u64 = 16 << 20;

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// The letter's number, as `dead list` shows it
    pub id: u64,
    /// All fields that are to be sent, as JSON in a file; `-` reads standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["set", "unset", "original", "offered"])]
    pub payload: Option<PathBuf>,
    /// One field: a text stays a text, else VALUE is JSON. FIELD:=VALUE is JSON always
    #[arg(long, value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
    /// A field that is not to be sent
    #[arg(long, value_name = "FIELD")]
    pub unset: Vec<String>,
    /// Back to what the source says
    #[arg(long, conflicts_with_all = ["set", "unset", "offered"])]
    pub original: bool,
    /// What was put in for the same bad value before
    #[arg(long)]
    pub offered: bool,
    /// Why, for those who come next; it stays with the letter and in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Save it for the next retry; nothing is sent now
    #[arg(long)]
    pub save_only: bool,
    /// Only show what would change
    #[arg(long)]
    pub dry_run: bool,
    /// Show redacted values too
    #[arg(long)]
    pub reveal: bool,
}

pub(super) async fn carry_out(
    args: &Args,
    redact: &[String],
    ask: &impl Ask,
    out: &mut Output,
) -> Result<Exit, Report> {
    let redact = if args.reveal { &[] } else { redact };
    let form = edit_form(ask, DeadLetterId(args.id)).await?;
    let shown = hidden(&form, redact);
    if !args.changes() {
        // What is printed can be read back, so it is JSON and escaped like all JSON.
        json::indented(&shown.document()).iter().try_for_each(|line| out.own_text(line))?;
        return Ok(Exit::Done);
    }
    let changes = args.changes_of(&form, &shown)?;
    if is_known(&form, &changes) {
        out.line("nothing was changed")?;
        return Ok(Exit::Done);
    }
    difference(&form, &changes, redact).into_iter().try_for_each(|line| out.line(line))?;
    if args.dry_run {
        out.line("nothing was saved or sent (--dry-run)")?;
        return Ok(Exit::Done);
    }
    let request = Request::Correct {
        id: form.letter,
        content: form.content.clone(),
        changes,
        reason: args.reason.clone(),
        retry: !args.save_only,
    };
    out.line(order(ask, request).await?.text)?;
    Ok(Exit::Done)
}

impl Args {
    fn changes(&self) -> bool {
        self.payload.is_some() || !self.set.is_empty() || !self.unset.is_empty() || self.original || self.offered
    }

    fn changes_of(&self, form: &EditForm, shown: &EditForm) -> Result<Vec<FieldChange>, Report> {
        if self.original {
            return Ok(Vec::new());
        }
        if let Some(path) = &self.payload {
            let text = read(path)?;
            let changes = shown.changes_of(&text).map_err(|why| Report::usage(format!("the payload: {why}")))?;
            return Ok(changes.into_iter().filter_map(|change| revealed(change, form)).collect());
        }
        // What is corrected already stays, unless it is named here.
        let mut changes: Vec<FieldChange> = match &form.correction {
            Some(one) => {
                let field =
                    |f: &crate::model::FieldCorrection| FieldChange { field: f.field.clone(), value: f.after.clone() };
                one.fields.iter().map(field).collect()
            }
            None => Vec::new(),
        };
        let mut put = |change: FieldChange| {
            changes.retain(|known| known.field != change.field);
            changes.push(change);
        };
        if self.offered {
            if form.offered_changes.is_empty() {
                return Err(Report::new(format!("there is no correction to offer for dead letter #{}", form.letter)));
            }
            form.offered_changes.iter().cloned().for_each(&mut put);
        }
        for word in &self.set {
            put(assignment(word, form)?);
        }
        for field in &self.unset {
            put(FieldChange { field: field.clone(), value: None });
        }
        form.checked(changes).map_err(Report::usage)
    }
}

/// `FIELD=VALUE` or `FIELD:=JSON`.
fn assignment(word: &str, form: &EditForm) -> Result<FieldChange, Report> {
    let Some((field, typed)) = word.split_once('=') else {
        return Err(Report::usage(format!("`--set {word}` needs the form FIELD=VALUE")));
    };
    let (field, is_json) = match field.strip_suffix(':') {
        Some(field) => (field, true),
        None => (field, false),
    };
    let known = form.fields.iter().find(|one| one.field == field);
    let kind = if is_json { ValueKind::Json } else { known.map_or(ValueKind::Text, |one| one.kind()) };
    let value = kind.read(typed).map_err(|why| {
        Report::usage(format!("{field}: {why}")).with_hint(format!("`--set '{field}:=\"…\"'` makes it a text"))
    })?;
    Ok(FieldChange { field: field.to_owned(), value: Some(value) })
}

fn read(path: &PathBuf) -> Result<String, Report> {
    let is_stdin = path.as_os_str() == "-";
    let mut text = String::new();
    let failed = |error: std::io::Error| Report::new(format!("`{}` can not be read: {error}", path.display()));
    let taken = match is_stdin {
        true => std::io::stdin().take(PAYLOAD_MAX).read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(PAYLOAD_MAX).read_to_string(&mut text)),
    };
    taken.map_err(failed)?;
    Ok(text)
}

/// The form with hidden values hidden.
fn hidden(form: &EditForm, redact: &[String]) -> EditForm {
    let mut form = form.clone();
    let mark = RawJson::from_value(&serde_json::Value::from(HIDDEN));
    for field in form.fields.iter_mut().filter(|field| is_redacted(redact, &field.field)) {
        for value in [&mut field.value, &mut field.original, &mut field.source].into_iter().flatten() {
            *value = mark.clone();
        }
    }
    form
}

/// A change of a payload whose hidden value was left as it was shown is none, or what it was.
fn revealed(change: FieldChange, form: &EditForm) -> Option<FieldChange> {
    let is_mark = change.value.as_ref().is_some_and(|value| value.as_str() == format!("\"{HIDDEN}\""));
    if !is_mark {
        return Some(change);
    }
    let field = form.fields.iter().find(|field| field.field == change.field)?;
    (field.value != field.original).then(|| FieldChange { value: field.value.clone(), ..change })
}

fn is_known(form: &EditForm, changes: &[FieldChange]) -> bool {
    let known = form.correction.iter().flat_map(|one| &one.fields);
    let known: Vec<FieldChange> =
        known.map(|field| FieldChange { field: field.field.clone(), value: field.after.clone() }).collect();
    known.len() == changes.len() && changes.iter().all(|change| known.contains(change))
}

fn difference(form: &EditForm, changes: &[FieldChange], redact: &[String]) -> Vec<Line> {
    let back = form
        .fields
        .iter()
        .filter(|field| field.value != field.original && !changes.iter().any(|change| change.field == field.field));
    let back = back.map(|field| FieldChange { field: field.field.clone(), value: field.original.clone() });
    let mut lines = Vec::new();
    for change in changes.iter().cloned().chain(back) {
        let field = form.fields.iter().find(|field| field.field == change.field);
        let shown = |value: Option<&RawJson>| match value {
            Some(_) if is_redacted(redact, &change.field) => format!("\"{HIDDEN}\""),
            Some(value) => json::harmless(value.as_str()),
            None => "(not sent)".to_owned(),
        };
        lines.push(Line::new().with(change.field.as_str(), Style::Bold));
        lines.push(Line::new().with(format!("  - {}", shown(field.and_then(|one| one.value.as_ref()))), Style::Bad));
        lines.push(Line::new().with(format!("  + {}", shown(change.value.as_ref())), Style::Good));
    }
    lines
}
