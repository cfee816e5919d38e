//! `checkpoint export` and `import`: a position as a file, and back.

use super::confirm;
use super::rewind::start_again;
use crate::cli::questions::{Ask, order};
use crate::cli::text::Style;
use crate::cli::{Exit, Line, Output, Report, json};
use crate::control::{Answer, Request};
use crate::model::{CheckpointFile, JobId, ResumeRules, RewindTo, Sequence};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

pub const EXPORT_EXAMPLE: &str = "Example:\n  syncdeck checkpoint export customers_to_crm customers.json";
pub const IMPORT_EXAMPLE: &str =
    "Example:\n  syncdeck checkpoint import customers_to_crm customers.json --reason new-host";

/// A checkpoint is a few hundred bytes; what is bigger than this is something else.
const FILE_MAX: u64 = 1 << 20;

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Export {
    /// The job's name, as `syncdeck status` shows it, or what several instances share with `--instance`
    pub job: String,
    /// The job of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// A file that does not exist yet; standard output where none is named
    pub file: Option<PathBuf>,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Import {
    /// The job's name, as `syncdeck status` shows it, or what several instances share with `--instance`
    pub job: String,
    /// The job of this instance
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// What `checkpoint export` wrote
    pub file: PathBuf,
    /// Why, for those who come next; it stands in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Also of another job, or of one that reads its source otherwise
    #[arg(long)]
    pub force: bool,
    /// Do it without asking for the job's name
    #[arg(long)]
    pub yes: bool,
}

pub async fn export(args: &Export, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let job = JobId::from(args.job.as_str());
    let file = match ask(Request::CheckpointExport { job }).await? {
        Answer::CheckpointFile(Some(file)) => file,
        Answer::CheckpointFile(None) => {
            return Err(Report::new(format!("`{}` has no checkpoint yet", args.job)));
        }
        _ => return Err(Report::new("the engine answered another question, not the checkpoint")),
    };
    let text = json::line(&file).map_err(|error| Report::new(format!("the checkpoint is no JSON: {error}")))?;
    let lines = json::indented(&text);
    match &args.file {
        None => lines.into_iter().try_for_each(|line| out.line(line))?,
        Some(path) => {
            write(path, &lines.join("\n")).map_err(|error| not_usable(path, "written", &error))?;
            out.line(format!("checkpoint #{} of {} is in {}", file.checkpoint.sequence, args.job, path.display()))?;
        }
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // What somebody wrote there before is not ours to take away.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn not_usable(path: &Path, what: &str, error: &std::io::Error) -> Report {
    Report::new(format!("`{}` could not be {what}: {error}", path.display()))
}

fn read(path: &Path) -> Result<CheckpointFile, Report> {
    let mut text = String::new();
    let opened = OpenOptions::new().read(true).open(path);
    opened
        .and_then(|file| file.take(FILE_MAX).read_to_string(&mut text))
        .map_err(|error| not_usable(path, "read", &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Report::new(format!("`{}` is no checkpoint of syncdeck: {error}", path.display()))
            .with_hint("name a file that `syncdeck checkpoint export` wrote")
    })
}

pub async fn import(args: &Import, rules: &ResumeRules, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let job = JobId::from(args.job.as_str());
    let file = read(&args.file)?;
    let now = match ask(Request::RewindPreview { job: job.clone(), to: RewindTo::Start }).await? {
        Answer::RewindPreview(preview) => preview.now,
        _ => return Err(Report::new("the engine answered another question, not the checkpoint")),
    };
    let fact = |name: &str, text: String| Line::new().with(format!("  {name:<10}"), Style::Dim).then(text);
    let none = || "no checkpoint".to_owned();
    out.line(Line::new().with(format!("import into {job}"), Style::Bold))?;
    let stands = now.as_ref().map_or_else(none, |now| format!("#{}  {}", now.sequence, now.resume_condition(rules)));
    out.line(fact("now", stands))?;
    let checkpoint = &file.checkpoint;
    let text = format!(
        "#{} of {} in workspace {}, exported {}",
        checkpoint.sequence, file.job, file.workspace, file.exported_at
    );
    out.line(fact("file", text))?;
    out.line(fact("then", checkpoint.resume_condition(rules)))?;
    out.line(fact("beware", "what lies between the two is not read, where the file is ahead".to_owned()))?;
    confirm::typed(&job, &format!("import into {job}"), args.yes, out)?;
    let expected = Some(now.map_or(Sequence(0), |now| now.sequence));
    let (file, reason, force) = (Box::new(file), args.reason.clone(), args.force);
    let request = Request::CheckpointImport { job: job.clone(), file, reason, force, expected };
    out.line(order(ask, request).await?.text)?;
    start_again(&job, args.yes, ask, out).await?;
    Ok(Exit::Done)
}
