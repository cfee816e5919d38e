//! `syncdeck journal`: who did what, when and why, with what stood before and after; and whether its chain of hashes holds.
//!
//! `--json` prints `{"entries":[{"number","at","by","via","action","job","reason","before","after","hash"}]}`, newest first;
//! `verify --json` prints `{"ok","entries","first","last","thinned_up_to","beginning_unknown","broken":{"number","why"}|null}`.

use crate::cli::questions::{Ask, PAGE};
use crate::cli::text::{Align, Table, figure, plain};
use crate::cli::{Exit, Output, Report};
use crate::control::{Answer, Handle, Request};
use crate::model::{JournalEntry, JournalProof, RewindTo, Timestamp};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck journal --job customers_to_crm --since 2h\n  syncdeck journal verify";

#[derive(clap::Args, Clone, Debug, PartialEq)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub action: Option<Action>,
    #[command(flatten)]
    pub list: List,
}

#[derive(clap::Subcommand, Clone, Debug, PartialEq)]
pub enum Action {
    /// Whether every entry follows from the one before it
    #[command(after_help = "Example:\n  syncdeck journal verify --json")]
    Verify(Verify),
}

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Of this job only
    #[arg(long, value_name = "JOB")]
    pub job: Option<String>,
    /// Since then: 2h, 14:00, 2026-03-02T14:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// The most entries to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::limit)]
    pub limit: usize,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Verify {
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    super::must_be_known(args.list.job.as_deref(), handle).await?;
    let now = handle.watch().borrow().at;
    carry_out(args, now, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, now: Timestamp, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    match &args.action {
        Some(Action::Verify(verify)) => self::verify(verify, ask, out).await,
        None => list(&args.list, now, ask, out).await,
    }
}

async fn list(args: &List, now: Timestamp, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let since = args.since.as_deref().map(|text| moment(text, now)).transpose()?;
    let entries = entries(args, since, ask).await?;
    if args.json {
        out.json(&json!({ "entries": entries.iter().map(document).collect::<Vec<_>>() }))?;
    } else if entries.is_empty() {
        out.line("the journal has no such entry")?;
    } else {
        out.table(&table(&entries))?;
    }
    Ok(Exit::Done)
}

/// Entries that are meant, newest first.
async fn entries(args: &List, since: Option<Timestamp>, ask: &impl Ask) -> Result<Vec<JournalEntry>, Report> {
    let mut found: Vec<JournalEntry> = Vec::new();
    let mut before = None;
    loop {
        let page = match ask(Request::Journal { before, limit: PAGE }).await? {
            Answer::Journal(page) => page,
            _ => return Err(Report::new("the engine answered another question, not the journal")),
        };
        let is_last = page.len() < PAGE;
        before = page.last().map(|entry| entry.number);
        for entry in page {
            // A clock that was set back does not hide what follows, so all are looked at.
            let is_late = since.is_none_or(|since| since <= entry.at);
            let is_of_job = args.job.as_ref().is_none_or(|job| is_about(&entry, job));
            if is_late && is_of_job {
                found.push(entry);
            }
            if found.len() == args.limit {
                return Ok(found);
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}

fn is_about(entry: &JournalEntry, job: &str) -> bool {
    entry.job.as_ref().is_some_and(|of| of.as_str() == job)
}

fn table(entries: &[JournalEntry]) -> Table {
    use Align::{Left, Right};
    let columns = [
        ("#", Right),
        ("AT", Left),
        ("WHO", Left),
        ("ACTION", Left),
        ("JOB", Left),
        ("WHY", Left),
        ("BEFORE → AFTER", Left),
    ];
    let mut table = Table::new(&columns);
    let none = || "—".to_owned();
    for entry in entries {
        let change = match (&entry.before, &entry.after) {
            (None, None) => none(),
            (before, after) => {
                format!("{} → {}", before.clone().unwrap_or_else(none), after.clone().unwrap_or_else(none))
            }
        };
        table.row(vec![
            plain(figure(entry.number)),
            plain(entry.at.to_string()),
            plain(entry.by.name.clone()),
            plain(entry.action.clone()),
            plain(entry.job.as_ref().map_or_else(none, ToString::to_string)),
            plain(entry.reason.clone().unwrap_or_else(none)),
            plain(change),
        ]);
    }
    table
}

fn document(entry: &JournalEntry) -> Value {
    json!({
        "number": entry.number,
        "at": entry.at,
        "by": entry.by.name,
        "via": entry.by.via,
        "action": entry.action,
        "job": entry.job,
        "reason": entry.reason,
        "before": entry.before,
        "after": entry.after,
        "hash": entry.hash,
    })
}

async fn verify(args: &Verify, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let proof = match ask(Request::JournalVerify).await? {
        Answer::Verified(proof) => proof,
        _ => return Err(Report::new("the engine answered another question, not the proof")),
    };
    if args.json {
        out.json(&proof_document(&proof))?;
    } else if proof.broken.is_none() {
        proof_lines(&proof).into_iter().try_for_each(|line| out.line(line))?;
    }
    match &proof.broken {
        None => Ok(Exit::Done),
        Some((number, why)) => {
            let text = format!("the journal's chain breaks at entry #{number}: {why}");
            let before = format!("{} before it hold", entries_words(proof.entries));
            let hint = "what stands from there on can not be trusted; compare it with a copy of the state file";
            Err(Report::new(text).with_place(before).with_hint(hint))
        }
    }
}

fn entries_words(n: u64) -> String {
    if n == 1 { "1 entry".to_owned() } else { format!("{} entries", figure(n)) }
}

fn proof_lines(proof: &JournalProof) -> Vec<String> {
    let (Some(first), Some(last)) = (proof.first, proof.last) else {
        return vec!["the journal is empty".to_owned()];
    };
    let mut lines = vec![format!("the journal holds: {}, #{first} to #{last}", entries_words(proof.entries))];
    if let Some(number) = proof.thinned_up_to {
        lines.push(format!("the entries up to #{number} are thinned; the hash of the last of them is kept and fits"));
    }
    if proof.is_beginning_unknown {
        let text = "what came before was thinned when its hash was not kept yet, so the first entry is taken as it is";
        lines.push(text.to_owned());
    }
    lines
}

fn proof_document(proof: &JournalProof) -> Value {
    json!({
        "ok": proof.broken.is_none(),
        "entries": proof.entries,
        "first": proof.first,
        "last": proof.last,
        "thinned_up_to": proof.thinned_up_to,
        "beginning_unknown": proof.is_beginning_unknown,
        "broken": proof.broken.as_ref().map(|(number, why)| json!({ "number": number, "why": why })),
    })
}

/// Reads a moment as people write it.
pub(super) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Report> {
    match RewindTo::parse(text, now) {
        Ok(RewindTo::Time(at)) => Ok(at),
        _ => Err(Report::usage(format!("`{text}` is no time")).with_hint("such as 2h, 14:00 or 2026-03-02T14:00:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;
    use crate::model::{Actor, JobId, Via};

    fn entry(number: u64, job: &str, text: &str) -> JournalEntry {
        JournalEntry {
            number,
            at: Timestamp(1_767_225_600_000 + i64::try_from(number).expect("small") * 60_000),
            by: Actor::person("ana", Via::Command),
            action: "pause".to_owned(),
            job: Some(JobId::from(job)),
            reason: Some(text.to_owned()),
            before: Some("active".to_owned()),
            after: Some("paused".to_owned()),
            hash: "00ff".to_owned(),
        }
    }

    async fn printed(args: Args, proof: JournalProof) -> (Exit, String, String) {
        let ask = async |request| match request {
            Request::Journal { before, limit } => {
                let newest = before.unwrap_or(1_201) - 1;
                let of = |number: u64| if number.is_multiple_of(2) { "customers" } else { "orders" };
                let page = (1..=newest).rev().take(limit).map(|number| entry(number, of(number), sample::HOSTILE));
                Ok(Answer::Journal(page.collect()))
            }
            Request::JournalVerify => Ok(Answer::Verified(proof.clone())),
            other => panic!("another question: {other:?}"),
        };
        let (mut out, stdout, stderr) = captured();
        let now = entry(1_200, "customers", "").at;
        let result = carry_out(&args, now, &ask, &mut out).await;
        let exit = out.finish(result);
        (exit, stdout.text(), stderr.text())
    }

    fn listing(job: Option<&str>, since: Option<&str>, limit: usize, json: bool) -> Args {
        let (job, since) = (job.map(str::to_owned), since.map(str::to_owned));
        Args { action: None, list: List { job, since, limit, json } }
    }

    #[tokio::test]
    async fn entries_of_one_job_are_found_behind_those_of_others() {
        let (_, text, _) = printed(listing(Some("orders"), None, 500, true), JournalProof::default()).await;
        let document: Value = serde_json::from_str(&text).expect("one JSON document");
        let entries = document["entries"].as_array().expect("entries");
        assert_eq!((entries.len(), &entries[0]["number"], &entries[499]["number"]), (500, &json!(1199), &json!(201)));
        sample::assert_harmless(&text);
    }

    #[tokio::test]
    async fn only_what_was_done_since_is_listed() {
        let (_, text, _) = printed(listing(None, Some("3m"), 500, false), JournalProof::default()).await;
        assert_eq!(text.lines().count(), 1 + 4, "{text}");
        sample::assert_harmless(&text);
        let (exit, _, stderr) = printed(listing(None, Some("soon"), 5, false), JournalProof::default()).await;
        assert_eq!(exit, Exit::Usage);
        assert!(stderr.starts_with("error: `soon` is no time\nhint: "), "{stderr}");
    }

    #[tokio::test]
    async fn a_broken_chain_ends_with_status_1_and_says_where() {
        let args = || Args { action: Some(Action::Verify(Verify { json: false })), list: List::default() };
        let whole =
            JournalProof { entries: 9, first: Some(3), last: Some(11), thinned_up_to: Some(2), ..Default::default() };
        let (exit, text, _) = printed(args(), whole.clone()).await;
        assert_eq!(exit, Exit::Done);
        assert!(text.starts_with("the journal holds: 9 entries, #3 to #11\n") && text.contains("up to #2"), "{text}");
        let (exit, text, stderr) = printed(args(), whole.broken_at(7, "it was changed".to_owned())).await;
        assert_eq!((exit, text.as_str()), (Exit::Failed, ""));
        assert!(stderr.starts_with("error: the journal's chain breaks at entry #7: it was changed\n"), "{stderr}");
    }
}
