//! Questions that a person answers before something is changed that is hard to take back.

use crate::cli::text::Style;
use crate::cli::{Line, Output, Report};
use crate::model::JobId;

/// What a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    Yes,
    /// No, nothing, or nobody is there to be asked.
    No,
}

/// Lets the order pass only where the job's name is typed, or where `--yes` says that nobody has to be asked.
pub fn typed(job: &JobId, what: &str, is_agreed: bool, out: &mut Output) -> Result<(), Report> {
    if is_agreed {
        return Ok(());
    }
    let prompt = Line::new().with(format!("{what}? type the job's name to do it:"), Style::Bold);
    match out.ask(prompt)? {
        None => {
            Err(Report::usage(format!("{what}: nobody is there to be asked")).with_hint("say `--yes` to do it unasked"))
        }
        Some(typed) if typed.trim() == job.as_str() => Ok(()),
        Some(_) => Err(Report::new("that is not the job's name: nothing was changed")),
    }
}

/// Asks a question that `y` answers with yes.
pub fn agreed(question: &str, out: &mut Output) -> Result<Agreed, Report> {
    let said = out.ask(Line::from(format!("{question} [y/N]")))?;
    let is_yes = said.is_some_and(|said| matches!(said.trim(), "y" | "Y" | "yes"));
    Ok(if is_yes { Agreed::Yes } else { Agreed::No })
}
