//! `syncdeck bundle`: what is known of a trouble, in one file for a ticket; and `syncdeck open`, which shows it.
//!
//! `--json` prints `{"file","bytes","hidden":[fields whose values are left out]}`.

use crate::cli::questions::{Ask, bundle};
use crate::cli::{Exit, Output, Report};
use crate::control::Handle;
use crate::control::bundle::save;
use crate::model::{DeadLetterId, JobId, Snapshot};
use serde_json::json;
use std::path::PathBuf;

pub const EXAMPLE: &str = "Example:\n  syncdeck bundle --letter 1042\n  syncdeck bundle --job customers_to_crm ticket-4411.syncdeck\n  syncdeck open ticket-4411.syncdeck";
pub const OPEN_EXAMPLE: &str = "Example:\n  syncdeck open ticket-4411.syncdeck";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Only what belongs to this job
    #[arg(long, value_name = "JOB", conflicts_with = "letter")]
    pub job: Option<String>,
    /// This dead letter and its job
    #[arg(long, value_name = "ID")]
    pub letter: Option<u64>,
    /// Where to write it; a file that is there stays, and another name is taken [default: a name with the time, here]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct OpenArgs {
    /// A file that `syncdeck bundle` wrote, or `b` on the screen
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Draw with ASCII alone
    #[arg(long)]
    pub ascii: bool,
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let snapshot = handle.watch().borrow().clone();
    carry_out(args, &snapshot, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, snapshot: &Snapshot, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let job = args.job.as_deref().map(JobId::from);
    let text = bundle(ask, job, args.letter.map(DeadLetterId)).await?;
    let file = args.file.clone().unwrap_or_else(|| default_name(args, snapshot));
    let path = save(&file, &text).map_err(|error| {
        Report::new(format!("`{}` can not be written: {error}", file.display()))
            .with_hint("name a file in a folder that is yours: `syncdeck bundle FILE`")
    })?;
    let hidden = &snapshot.engine.redact;
    if args.json {
        out.json(&json!({ "file": path.display().to_string(), "bytes": text.len(), "hidden": hidden }))?;
        return Ok(Exit::Done);
    }
    out.line(format!("wrote {} ({} kB); `syncdeck open` shows it", path.display(), text.len().div_ceil(1000)))?;
    out.note(match hidden.as_slice() {
        [] => "no field is hidden but what looks like a secret: `redact` in `[console]` names more".to_owned(),
        names => format!("hidden: {}, and what looks like a secret", names.join(", ")),
    });
    Ok(Exit::Done)
}

fn default_name(args: &Args, snapshot: &Snapshot) -> PathBuf {
    let about = match (&args.letter, &args.job) {
        (Some(letter), _) => format!("-letter-{letter}"),
        (None, Some(job)) => format!("-{job}"),
        (None, None) => String::new(),
    };
    let at = snapshot.at.to_jiff().strftime("%Y%m%d-%H%M%S");
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '@');
    let name = format!("{}{about}-{at}", snapshot.engine.workspace);
    let name: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    PathBuf::from(format!("{}.syncdeck", name.trim_start_matches('-')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Request};

    #[tokio::test]
    async fn a_bundle_is_written_where_it_is_wanted_and_says_what_is_hidden() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("t.syncdeck");
        let ask = async |request| {
            assert_eq!(request, Request::Bundle { job: None, letter: Some(DeadLetterId(7)) });
            Ok(Answer::Bundle { text: "{}".to_owned() })
        };
        let mut snapshot = sample::snapshot("customers", "x");
        snapshot.engine.redact = vec!["email".to_owned()];
        let args = Args { letter: Some(7), file: Some(file.clone()), ..Args::default() };
        let (mut out, stdout, stderr) = captured();
        let result = carry_out(&args, &snapshot, &ask, &mut out).await;
        assert_eq!(out.finish(result), Exit::Done);
        assert_eq!(stdout.text(), format!("wrote {} (1 kB); `syncdeck open` shows it\n", file.display()));
        assert_eq!(stderr.text(), "hidden: email, and what looks like a secret\n");
        assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "{}");
    }

    #[test]
    fn the_name_of_a_file_is_plain_whatever_the_job_is_called() {
        let mut snapshot = sample::snapshot("customers", "x");
        snapshot.engine.workspace = "../acme".to_owned();
        let args = Args { job: Some("a/b$(c)".to_owned()), ..Args::default() };
        assert_eq!(default_name(&args, &snapshot), PathBuf::from("___acme-a_b__c_-20260101-000101.syncdeck"));
    }
}
