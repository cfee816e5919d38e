//! `syncdeck dead groups`: letters by what went wrong, most first.
//!
//! `--json` prints `{"groups":[{"id","job","class","status","field","message","waiting","retrying","discarded","recovered",
//! "first_at","last_at"}]}`. What differs between the records of a group is masked in `message`.

use crate::cli::questions::{Ask, letter_groups};
use crate::cli::text::{Align, Table, figure, plain};
use crate::cli::which::Meant;
use crate::cli::{Exit, Output, Report};
use crate::model::{LetterFilter, LetterGroup};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck dead groups\n  syncdeck dead groups --json | jq '.groups[0].id'";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Groups of this job only; a name that several instances share means all of them
    pub job: Option<String>,
    /// Groups of the jobs of this instance only
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn carry_out(args: &Args, meant: &Meant, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let mut filter = LetterFilter::default();
    meant.narrow(&mut filter.job, &mut filter.terms);
    let groups = letter_groups(ask, filter).await?;
    if args.json {
        out.json(&json!({ "groups": groups.iter().map(document).collect::<Vec<_>>() }))?;
    } else if groups.is_empty() {
        out.line("no dead letters")?;
    } else {
        out.table(&table(&groups))?;
    }
    Ok(Exit::Done)
}

fn table(groups: &[LetterGroup]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("GROUP", Left),
        ("WAITING", Right),
        ("RETRYING", Right),
        ("DISCARDED", Right),
        ("JOB", Left),
        ("LAST AT", Left),
        ("FIELD", Left),
        ("ERROR", Left),
    ]);
    for group in groups {
        table.row(vec![
            plain(group.id.to_string()),
            plain(figure(group.waiting)),
            plain(figure(group.retrying)),
            plain(figure(group.discarded)),
            plain(group.job.as_str()),
            plain(group.last_at.to_string()),
            plain(group.reason.field.as_deref().unwrap_or("–")),
            plain(group.reason.title()),
        ]);
    }
    table
}

fn document(group: &LetterGroup) -> Value {
    let reason = &group.reason;
    json!({
        "id": group.id.to_string(), "job": group.job, "class": reason.class, "status": reason.status,
        "field": reason.field, "message": reason.message, "waiting": group.waiting, "retrying": group.retrying,
        "discarded": group.discarded, "recovered": group.recovered, "first_at": group.first_at, "last_at": group.last_at,
    })
}
