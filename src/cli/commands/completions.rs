//! `syncdeck completions`: a completion script for a shell.

use crate::cli::{Exit, Output, Report, command};

pub const EXAMPLE: &str = "Example:\n  syncdeck completions bash > ~/.local/share/bash-completion/completions/syncdeck\n  \
                           syncdeck completions zsh > \"${fpath[1]}/_syncdeck\"";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// The shell that reads the script
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

pub fn run(args: &Args, out: &mut Output) -> Result<Exit, Report> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "syncdeck", &mut script);
    out.own_text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
