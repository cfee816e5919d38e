//! `syncdeck check`: the configuration, then each connection tried once with a read.
//!
//! `--json` prints one document:
//! `{"ok":true,"mistakes":["…"],"warnings":["…"],"schedules":[{"job":"customers","schedule":"cron 0 3 * * * (UTC)","next":["…"]}],
//! "connections":[{"connection":"shop","ok":true,"tried":true,"seconds":0.12,"text":"…","hint":null}]}`.
//! `schedules` holds the jobs of a cron expression, each with its next three times on the clocks of its zone.
//! `connections` is empty with `--offline` and where the configuration has mistakes.

use crate::cli::text::{Align, Style, Table, plain};
use crate::cli::{Exit, Line, Output, Report};
use crate::model::{ConnectionId, JobId};
use serde_json::json;

pub const EXAMPLE: &str = "Example:\n  syncdeck check\n  syncdeck -c acme.toml check --offline";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Read the configuration only, make no request
    #[arg(long)]
    pub offline: bool,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// The file that was read, as a person may type it.
    pub file: String,
    pub n_jobs: usize,
    /// Of the configuration, each as [`Report::mistakes`] takes it.
    pub mistakes: Vec<String>,
    /// What works and is unwise, such as paging by offset.
    pub warnings: Vec<String>,
    /// Of the jobs whose schedule is a cron expression.
    pub schedules: Vec<Planned>,
    /// Empty when no request was made.
    pub connections: Vec<Tried>,
}

/// When one job runs by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub job: JobId,
    /// In words: `cron 0 3 * * * (Europe/Berlin)`.
    pub schedule: String,
    /// The next times, jitter apart: `2026-03-29 03:00 +02:00`.
    pub next: Vec<String>,
}

/// One connection that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    pub connection: ConnectionId,
    /// False where trying it would cost something that is not to be had again; it counts as right then.
    pub is_tried: bool,
    pub is_ok: bool,
    pub seconds: f64,
    /// What came back: `200, 3 records`, `401 Unauthorized`.
    pub text: String,
    /// How to mend it.
    pub hint: Option<String>,
}

/// Prints what was found. Mistakes end with status 2, a connection that fails with 1.
pub fn print(args: &Args, checked: &Checked, out: &mut Output) -> Result<Exit, Report> {
    let exit = exit(checked);
    if args.json {
        out.json(&document(checked))?;
        return Ok(exit);
    }
    for warning in &checked.warnings {
        out.warn(warning);
    }
    if !checked.mistakes.is_empty() {
        return Err(Report::mistakes(checked.mistakes.clone()));
    }
    let jobs = if checked.n_jobs == 1 { "1 job".to_owned() } else { format!("{} jobs", checked.n_jobs) };
    out.line(Line::new().with("ok", Style::Good).then(format!("  {}: {jobs}, no mistakes", checked.file)))?;
    if !checked.schedules.is_empty() {
        let mut table = Table::new(&[("JOB", Align::Left), ("SCHEDULE", Align::Left), ("NEXT RUNS", Align::Left)]);
        for planned in &checked.schedules {
            let next = planned.next.join(", ");
            table.row(vec![plain(planned.job.as_str()), plain(planned.schedule.as_str()), plain(next)]);
        }
        out.table(&table)?;
    }
    if !checked.connections.is_empty() {
        let mut table = Table::new(&[
            ("CONNECTION", Align::Left),
            ("", Align::Left),
            ("SECONDS", Align::Right),
            ("ANSWER", Align::Left),
        ]);
        for tried in &checked.connections {
            let mark = match (tried.is_tried, tried.is_ok) {
                (false, _) => ("–", Style::Dim),
                (true, true) => ("ok", Style::Good),
                (true, false) => ("failed", Style::Bad),
            };
            table.row(vec![
                plain(tried.connection.as_str()),
                (mark.0.to_owned(), mark.1),
                plain(format!("{:.2}", tried.seconds)),
                plain(tried.text.as_str()),
            ]);
        }
        out.table(&table)?;
    }
    for tried in checked.connections.iter().filter(|tried| !tried.is_ok) {
        if let Some(hint) = &tried.hint {
            out.note(Line::new().with("hint: ", Style::Hint).then(format!("`{}`: {hint}", tried.connection)));
        }
    }
    Ok(exit)
}

fn exit(checked: &Checked) -> Exit {
    if !checked.mistakes.is_empty() {
        Exit::Usage
    } else if checked.connections.iter().all(|tried| tried.is_ok) {
        Exit::Done
    } else {
        Exit::Failed
    }
}

fn document(checked: &Checked) -> serde_json::Value {
    let tried = |tried: &Tried| {
        json!({
            "connection": tried.connection, "ok": tried.is_ok, "tried": tried.is_tried, "seconds": tried.seconds,
            "text": tried.text, "hint": tried.hint,
        })
    };
    let planned = |planned: &Planned| json!({ "job": planned.job, "schedule": planned.schedule, "next": planned.next });
    json!({
        "ok": exit(checked) == Exit::Done,
        "mistakes": checked.mistakes,
        "warnings": checked.warnings,
        "schedules": checked.schedules.iter().map(planned).collect::<Vec<_>>(),
        "connections": checked.connections.iter().map(tried).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::captured;

    fn checked() -> Checked {
        let tried = |name: &str, is_ok, text: &str, hint: Option<&str>| Tried {
            connection: ConnectionId::from(name),
            is_tried: true,
            is_ok,
            seconds: 0.123,
            text: text.to_owned(),
            hint: hint.map(str::to_owned),
        };
        Checked {
            file: "syncdeck.toml".to_owned(),
            n_jobs: 2,
            mistakes: Vec::new(),
            warnings: vec!["syncdeck.toml:9:1: paging by offset skips records\n  9 | paginate".to_owned()],
            schedules: vec![Planned {
                job: JobId::from("nightly"),
                schedule: "cron 30 2 * * * (Europe/Berlin)".to_owned(),
                next: vec!["2026-03-28 02:30 +01:00".to_owned(), "2026-03-29 03:00 +02:00".to_owned()],
            }],
            connections: vec![
                tried("shop", true, "200, 3 records", None),
                tried("crm", false, "401 \x1b[2J", Some("renew `CRM_TOKEN`")),
            ],
        }
    }

    #[test]
    fn every_connection_has_its_line_and_a_failed_one_its_hint() {
        let (mut out, stdout, stderr) = captured();
        let result = print(&Args::default(), &checked(), &mut out);
        assert_eq!(out.finish(result), Exit::Failed);
        insta::assert_snapshot!(stdout.text());
        assert_eq!(
            stderr.text(),
            "warning: syncdeck.toml:9:1: paging by offset skips records\n  9 | paginate\nhint: `crm`: renew `CRM_TOKEN`\n"
        );
    }

    #[test]
    fn mistakes_end_with_status_2_as_text_and_as_json() {
        for json in [false, true] {
            let (mut out, stdout, _) = captured();
            let found = Checked { mistakes: vec!["syncdeck.toml:1:1: no".to_owned()], ..checked() };
            let result = print(&Args { json, offline: false }, &found, &mut out);
            assert_eq!(out.finish(result), Exit::Usage);
            assert_eq!(stdout.text().contains(r#""ok":false,"mistakes":["syncdeck.toml:1:1: no"]"#), json);
        }
    }

    #[test]
    fn the_document_of_a_check_stays_as_it_is() {
        let (mut out, stdout, _) = captured();
        let result = print(&Args { json: true, offline: false }, &checked(), &mut out);
        out.finish(result);
        insta::assert_snapshot!(stdout.text());
    }
}
