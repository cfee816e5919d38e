//! `syncdeck dead list`: letters that wait or are being retried, newest first.
//!
//! `--json` prints `{"total","letters":[{"id","job","group","record","title","field","attempts","last_at","state":{"state",…}}]}`.
//! `total` counts all that match, also beyond `--limit`.

use super::{place_word, state_document};
use crate::cli::questions::{Ask, PAGE, letter_ids, letter_rows};
use crate::cli::text::{Align, Table, figure, plain};
use crate::cli::which::Meant;
use crate::cli::{Exit, Output, Report};
use crate::model::{LetterFilter, LetterRow, Timestamp};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck dead list customers_to_crm --error \"email\" --limit 20\n  syncdeck dead list --filter \"code:422|409 age:<1h -email\"";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// Letters of this job only; a name that several instances share means all of them
    pub job: Option<String>,
    /// Letters of the jobs of this instance only
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Only where all these words occur in the error, the field's name or the record's id
    #[arg(long, value_name = "TEXT")]
    pub error: Option<String>,
    /// Words, or conditions such as `code:422`, `tries:>3`, `age:>2h`, `-cause:email`, `state:all`, `/regex/`, `a|b`
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// The most letters to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = crate::cli::commands::limit)]
    pub limit: usize,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn carry_out(args: &Args, meant: &Meant, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let now = Timestamp::from(jiff::Timestamp::now());
    let mut filter = LetterFilter::parse(args.filter.as_deref().unwrap_or_default(), now)
        .map_err(|problem| Report::usage(format!("--filter: {problem}")))?;
    meant.narrow(&mut filter.job, &mut filter.terms);
    filter.words.extend(args.error.iter().flat_map(|text| text.split_whitespace()).map(str::to_lowercase));
    let (ids, total) = letter_ids(ask, filter, args.limit).await?;
    let mut rows = Vec::new();
    for page in ids.chunks(PAGE) {
        rows.extend(letter_rows(ask, page.to_vec()).await?.into_iter().flatten());
    }
    if args.json {
        out.json(&json!({ "total": total, "letters": rows.iter().map(document).collect::<Vec<_>>() }))?;
    } else if rows.is_empty() {
        out.line("no dead letters")?;
    } else {
        out.table(&table(&rows))?;
        let shown = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if shown < total {
            out.line(format!("{} of {} shown; `--limit` shows more", figure(shown), figure(total)))?;
        }
    }
    Ok(Exit::Done)
}

fn table(rows: &[LetterRow]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("ID", Right),
        ("JOB", Left),
        ("RECORD", Left),
        ("STATE", Left),
        ("ATTEMPTS", Right),
        ("LAST AT", Left),
        ("FIELD", Left),
        ("ERROR", Left),
    ]);
    for row in rows {
        table.row(vec![
            plain(row.id.to_string()),
            plain(row.job.as_str()),
            plain(row.record.shown()),
            plain(place_word(row.state.place())),
            plain(row.attempts.to_string()),
            plain(row.last_at.to_string()),
            plain(row.field.as_deref().unwrap_or("–")),
            plain(row.title.as_str()),
        ]);
    }
    table
}

fn document(row: &LetterRow) -> Value {
    json!({
        "id": row.id, "job": row.job, "group": row.group.to_string(), "record": row.record.shown(), "title": row.title,
        "field": row.field, "attempts": row.attempts, "last_at": row.last_at, "state": state_document(&row.state),
    })
}
