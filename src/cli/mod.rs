//! Door two: the command line. It asks the same handle as the console and prints the answers.

pub mod commands;
mod counting;
mod json;
mod output;
mod questions;
mod report;
mod text;
mod which;

pub use commands::{COMMANDS, Command};
pub use output::{Color, Output};
pub use report::{Exit, Report};
pub use text::{Line, Style};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, FromArgMatches, value_parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// What a person typed, read.
#[derive(Debug)]
pub struct Invocation {
    /// The configuration file that was named; the places to look at otherwise are the configuration's business.
    pub config: Option<PathBuf>,
    pub color: Color,
    pub command: Command,
}

/// Reads the words of the command line, the program's name first.
///
/// Wrong usage is a report with exit status 2; `--help` and `--version` are one with status 0 whose text
/// [`Output::finish`] prints on standard output.
pub fn parse<I, T>(words: I) -> Result<Invocation, Report>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(words).map_err(|error| refused_words(&error))?;
    let is_plain = matches.get_flag("plain");
    let command = match matches.subcommand() {
        Some((name, matches)) => match read(name, matches)? {
            Command::Console(args) => {
                Command::Console(commands::console::Args { plain: args.plain || is_plain, ..args })
            }
            _ if is_plain => return Err(Report::usage(format!("`--plain` is for the console, not for `{name}`"))),
            command => command,
        },
        None => Command::Console(commands::console::Args { plain: is_plain, ..commands::console::Args::default() }),
    };
    let color = matches.get_one::<Color>("color").copied().unwrap_or_default();
    Ok(Invocation { config: matches.get_one::<PathBuf>("config").cloned(), color, command })
}

/// The whole command line as clap knows it: help, completions and parsing all come from [`COMMANDS`].
pub fn command() -> clap::Command {
    let root = clap::Command::new("syncdeck")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Keeps records in step between systems and shows every record that did not make it")
        .after_help(
            "Without a command: the console.\n\nExample:\n  syncdeck demo\n  syncdeck -c acme.toml run --once --json\n\n\
             Exit status: 0 done, 1 failed, 2 wrong usage or configuration,\n  3 done with dead letters, 130 interrupted",
        )
        .disable_help_subcommand(true)
        .max_term_width(100)
        .arg(
            Arg::new("config")
                .short('c')
                .long("config")
                .value_name("FILE")
                .global(true)
                .display_order(900)
                .value_parser(value_parser!(PathBuf))
                .help("The configuration [default: $SYNCDECK_CONFIG, ./syncdeck.toml, the user's]"),
        )
        .arg(
            Arg::new("color")
                .long("color")
                .value_name("WHEN")
                .global(true)
                .display_order(901)
                .hide_possible_values(true)
                .value_parser(value_parser!(Color))
                .help("auto (a terminal without NO_COLOR), always, never; of how many colours: 16, 256 or true"),
        );
    let root = root.arg(
        Arg::new("plain")
            .long("plain")
            .action(ArgAction::SetTrue)
            .display_order(902)
            .help("The console as lines, without a screen (also with TERM=dumb)"),
    );
    root.subcommands(COMMANDS.iter().map(commands::Entry::command))
}

fn read(name: &str, matches: &ArgMatches) -> Result<Command, Report> {
    let entry = COMMANDS.iter().find(|entry| entry.name == name).expect("clap knows only what COMMANDS lists");
    (entry.read)(matches).map_err(|error| refused_words(&error))
}

/// Reads the arguments of one command into its value.
fn read_args<A: FromArgMatches>(matches: &ArgMatches, make: fn(A) -> Command) -> Result<Command, clap::Error> {
    A::from_arg_matches(matches).map(make)
}

fn refused_words(error: &clap::Error) -> Report {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Report::help(text),
        _ => {
            let text = text.trim_end();
            Report::usage(text.strip_prefix("error: ").unwrap_or(text))
        }
    }
}

#[cfg(test)]
mod tests;
