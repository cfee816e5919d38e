//! What can be copied from each screen: ids, the record, the error, the answer, and the selected line as it stands.

use super::action::Action;
use super::app::{App, Effect};
use super::screens::{self, Screen};
use super::view::selected_line;

/// How a copy went, as the shell tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub what: String,
    pub bytes: usize,
    /// By which way, or why not.
    pub how: Result<&'static str, String>,
}

pub fn act(app: &mut App, action: Action) {
    match found(app, action) {
        (what, Some(text)) => put(app, what, text),
        (what, None) => app.note(format!("{what} can not be copied here: nothing is selected that has one")),
    }
}

/// What an action copies, and its name; no text where nothing is selected that has one.
pub fn found(app: &App, action: Action) -> (&'static str, Option<String>) {
    match action {
        Action::CopyId => ("the id", id(app)),
        Action::CopyPayload => ("the record", payload(app)),
        Action::CopyError => ("the error", error(app)),
        Action::CopyAnswer => {
            ("the answer", screens::record::answer_text(app).filter(|_| app.screen == Screen::Letters))
        }
        _ => ("the line", selected_line(app)),
    }
}

/// Hands `text` to the clipboard; what came of it is told by [`told`].
pub fn put(app: &mut App, what: &str, text: String) {
    app.effects.push(Effect::Copy { what: what.to_owned(), text });
}

pub fn told(app: &mut App, copied: &Copied) {
    let size = super::text::grouped(copied.bytes as u64);
    match &copied.how {
        Ok("OSC 52") => app.note(format!(
            "copied {} ({size} B) by OSC 52; if nothing arrives, the terminal does not allow it: `clipboard = \"command\"`",
            copied.what
        )),
        Ok(how) => app.note(format!("copied {} ({size} B) by {how}", copied.what)),
        Err(problem) => app.note(format!("{} was not copied: {problem}", copied.what)),
    }
}

fn id(app: &App) -> Option<String> {
    match app.screen {
        Screen::Letters => app.letters.selected_record().map(|(_, record)| record.shown()),
        Screen::Dead => app.dead.selected_group().map(|group| group.id.to_string()),
        Screen::Runs => app.runs.selected_run().map(|run| run.id.to_string()),
        Screen::Connections => screens::connections::selected(app).map(|connection| connection.id.to_string()),
        Screen::Logs => {
            let notice = app.logs.selected_notice()?;
            let record = notice.record.as_ref().map(|record| record.shown());
            record.or_else(|| notice.job.as_ref().map(ToString::to_string))
        }
        _ => app.selected_job().map(|job| job.to_string()),
    }
}

fn payload(app: &App) -> Option<String> {
    (app.screen == Screen::Letters).then(|| screens::record::payload_text(app)).flatten()
}

fn error(app: &App) -> Option<String> {
    match app.screen {
        Screen::Letters => screens::record::error_text(app),
        Screen::Dead => app.dead.selected_group().map(|group| group.reason.message.clone()),
        Screen::Logs => app.logs.selected_notice().map(|notice| notice.text.clone()),
        Screen::Jobs | Screen::Job | Screen::Customer => {
            let job = app.job_status(&app.selected_job()?)?;
            Some(screens::jobs::state_words(job, app.now))
        }
        _ => None,
    }
}
