//! `syncdeck init`: a configuration to begin with, where the next command looks for one.

use crate::cli::{Exit, Output, Report};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub const EXAMPLE: &str = "Example:\n  syncdeck init\n  syncdeck init acme.toml";

/// What is written: one job between the two systems of `syncdeck simulator`.
pub const SAMPLE: &str = include_str!("init.toml");

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// The new file [default: where a configuration is looked for first]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Writes the configuration to a new file at `path` and says what can be done with it.
pub fn run(path: &Path, out: &mut Output) -> Result<Exit, Report> {
    write(path)?;
    for line in told(path) {
        out.line(line)?;
    }
    Ok(Exit::Done)
}

/// Writes the configuration. A file that is there is left alone.
fn write(path: &Path) -> Result<(), Report> {
    let new = OpenOptions::new().write(true).create_new(true).open(path);
    match new.and_then(|mut file| file.write_all(SAMPLE.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let report = Report::new(format!("`{}` is there already; it was left as it is", path.display()));
            Err(report.with_hint(format!("edit that one, or name another: syncdeck init {}", other(path).display())))
        }
        Err(error) => Err(Report::new(format!("no configuration could be written to `{}`: {error}", path.display()))
            .with_hint("name a file in a folder that you may write to: syncdeck init FILE")),
    }
}

/// A name beside `path` that is free, as far as names go.
fn other(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-new.toml"))
}

/// What was written, and what comes next.
fn told(path: &Path) -> [String; 4] {
    let path = path.display();
    [
        format!("wrote {path}: one job, from a shop to a CRM"),
        format!("edit it:              ${{EDITOR:-nano}} {path}"),
        "systems to practise:  syncdeck simulator --faults none --port 4100".to_owned(),
        format!("then:                 syncdeck -c {path} check"),
    ]
}
