//! What went wrong, where and how to mend it; and the exit statuses.

use super::text::{Line, Style};
use crate::control::Refusal;

/// The exit statuses of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, nothing dead-lettered.
    Done,
    /// A job failed, or the command could not be carried out.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Done, but records were dead-lettered, a conflict waits or a guard parked a job.
    DeadLettered,
    /// Interrupted; everything confirmed so far is checkpointed.
    Interrupted,
}

impl Exit {
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::DeadLettered => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

/// Why a command ends without having done its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    exit: Exit,
    kind: Kind,
    places: Vec<String>,
    hint: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Error(String),
    Mistakes(Vec<String>),
    /// What `--help` or `--version` asked for: no error at all.
    Help(String),
}

impl Report {
    /// An error: what happened, in lower case and without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, kind: Kind::Error(what.into()), places: Vec::new(), hint: None }
    }

    /// An error of whoever typed the command.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::new(what) }
    }

    /// All mistakes of a configuration, each as a text of one or more lines that says file, line and mend.
    pub fn mistakes(mistakes: Vec<String>) -> Self {
        Self { exit: Exit::Usage, kind: Kind::Mistakes(mistakes), places: Vec::new(), hint: None }
    }

    /// A name that is no job's, with the nearest one of those that are.
    pub fn no_such_instance<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let closeness = |known: &str| strsim::jaro_winkler(known, name);
        let report = Self::usage(format!("no instance is called `{name}`"));
        match known.max_by(|a, b| closeness(a).total_cmp(&closeness(b))) {
            None => report.with_hint("the configuration has no `[instances.*]` of which a job is"),
            Some(nearest) if Self::NEAR < closeness(nearest) => report.with_hint(format!("did you mean `{nearest}`?")),
            Some(_) => report.with_hint("run `syncdeck status` for the jobs and their instances"),
        }
    }

    pub fn no_such_job<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let closeness = |known: &str| strsim::jaro_winkler(known, name);
        let nearest = known.max_by(|a, b| closeness(a).total_cmp(&closeness(b)));
        let report = Self::usage(format!("no job is called `{name}`"));
        match nearest {
            Some(nearest) if Self::NEAR < closeness(nearest) => report.with_hint(format!("did you mean `{nearest}`?")),
            _ => report.with_hint("run `syncdeck status` for the names of all jobs"),
        }
    }

    /// Names less alike than this (Jaro-Winkler, 0 to 1) are not offered.
    const NEAR: f64 = 0.8;

    pub(super) fn help(text: String) -> Self {
        Self { exit: Exit::Done, kind: Kind::Help(text), places: Vec::new(), hint: None }
    }

    /// Adds where it happened: a file and line, a job and page, a connection.
    #[must_use]
    pub fn with_place(mut self, place: impl Into<String>) -> Self {
        self.places.push(place.into());
        self
    }

    /// Says how to mend it: a command or a key.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The text that was asked for, where this is no error.
    pub(super) fn help_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Help(text) => Some(text),
            Kind::Error(_) | Kind::Mistakes(_) => None,
        }
    }

    /// The lines for standard error.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        match &self.kind {
            Kind::Error(what) => push_error(&mut lines, what),
            Kind::Mistakes(mistakes) => {
                for mistake in mistakes {
                    push_error(&mut lines, mistake);
                }
                if 1 < mistakes.len() {
                    lines.push(format!("{} mistakes in the configuration", mistakes.len()).into());
                }
            }
            Kind::Help(text) => lines.extend(text.lines().map(Line::from)),
        }
        lines.extend(self.places.iter().flat_map(|place| place.lines()).map(|line| format!("  {line}").into()));
        for (at, line) in self.hint.iter().flat_map(|hint| hint.lines()).enumerate() {
            let lead = if at == 0 { "hint: " } else { "      " };
            lines.push(Line::new().with(lead, Style::Hint).then(line));
        }
        lines
    }
}

fn push_error(lines: &mut Vec<Line>, text: &str) {
    let mut rest = text.lines();
    lines.push(Line::new().with("error: ", Style::Bad).then(rest.next().unwrap_or_default()));
    lines.extend(rest.map(Line::from));
}

impl From<Refusal> for Report {
    fn from(refusal: Refusal) -> Self {
        Self { hint: refusal.hint, ..Self::new(refusal.message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(report: &Report) -> String {
        report.lines().iter().map(|line| line.render(false)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_error_says_what_where_and_how_to_mend_it() {
        let report = Report::new("run of `customers` stopped: `crm` answered 401 Unauthorized")
            .with_place("writing `cust_000123`, page 7, attempt 1")
            .with_hint("run `syncdeck resume customers`");
        assert_eq!(
            printed(&report),
            "error: run of `customers` stopped: `crm` answered 401 Unauthorized\n  writing `cust_000123`, page 7, attempt 1\nhint: run `syncdeck resume customers`"
        );
        assert_eq!(report.exit().status(), 1);
    }

    #[test]
    fn all_mistakes_of_a_configuration_are_listed_at_once() {
        let report = Report::mistakes(vec!["a.toml:1:2: one\n  1 | x".to_owned(), "a.toml:9:1: two".to_owned()]);
        assert_eq!(
            printed(&report),
            "error: a.toml:1:2: one\n  1 | x\nerror: a.toml:9:1: two\n2 mistakes in the configuration"
        );
        assert_eq!(report.exit().status(), 2);
    }

    #[test]
    fn a_refusal_of_the_engine_keeps_its_hint() {
        let refusal = Refusal { message: "no job \x1b[2J".to_owned(), hint: Some("run `syncdeck status`".to_owned()) };
        assert_eq!(printed(&refusal.into()), "error: no job ␛[2J\nhint: run `syncdeck status`");
    }
}
