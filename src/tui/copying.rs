//! What can be copied from each screen: ids, the record, the error, the answer, and the selected line as it stands.

use super::action::Action;
use super::app::{App, Effect, Purpose};
use super::screens::{self, Screen};
use super::view::selected_line;
use crate::control::Request;
use crate::model::{DeadLetterId, LetterRequest, is_hidden};

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

/// Why there is no request to copy; none where trying tells.
pub fn why_no_request(app: &App) -> Option<String> {
    match app.letters.record() {
        None => Some("no record is selected".to_owned()),
        Some(view) if view.letter.sent.is_none() => Some("nothing was sent of it".to_owned()),
        Some(_) => None,
    }
}

pub fn ask_request(app: &mut App) {
    if let Some(why) = why_no_request(app) {
        return app.note(format!("the request can not be copied: {why}"));
    }
    if let Some(id) = app.letters.selected_id() {
        app.ask(Purpose::LetterRequest(id), Request::LetterRequest { id });
    }
}

pub fn request_came(app: &mut App, id: DeadLetterId, request: &LetterRequest) {
    // The screen may show another letter by now; its values are not hidden by the rules of this one's fields.
    let Some(view) = app.letters.record().filter(|view| view.letter.id == id) else { return };
    let text = curl(request, |text| screens::record::request_text(app, view, text));
    let what = if request.is_batch { "the request, of this record alone," } else { "the request" };
    put(app, what, text);
}

/// A command for a shell. Variables stand for secrets, so what holds one is in double quotes.
fn curl(request: &LetterRequest, shown: impl Fn(&str) -> String) -> String {
    let url = shown(&request.url);
    let url = match &request.query_variable {
        None => shell_words::quote(&url).into_owned(),
        Some((name, variable)) => {
            let sign = if url.contains('?') { '&' } else { '?' };
            format!("{}\"{sign}{name}=${variable}\"", shell_words::quote(&url))
        }
    };
    let mut parts = vec![format!("curl -X {} {url}", request.method)];
    for header in &request.headers {
        parts.push(match &header.variable {
            Some(variable) => format!("-H \"{}: {}${variable}\"", header.name, header.value),
            None => format!("-H {}", shell_words::quote(&format!("{}: {}", header.name, shown(&header.value)))),
        });
    }
    if !request.body.is_empty() {
        parts.push(format!("--data-binary {}", shell_words::quote(&shown(&request.body))));
    }
    parts.join(" \\\n  ")
}

/// True for text that a terminal would obey when it is pasted.
fn steers(text: &str) -> bool {
    text.chars().any(|letter| is_hidden(letter) && !matches!(letter, '\n' | '\t' | '\u{a0}'))
}

/// Copies what was copied last again, with everything that a terminal would obey or hide written as `\u{1b}`.
pub fn escaped(app: &mut App) {
    let Some((what, text)) = app.copied.clone() else {
        return app.note(format!("nothing was copied yet; {} and a letter copies", app.key(Action::CopyLine)));
    };
    let escape = |letter: char| match is_hidden(letter) {
        true => letter.escape_default().to_string(),
        false => letter.to_string(),
    };
    let text = text.chars().map(escape).collect();
    app.effects.push(Effect::Copy { what: format!("{what}, escaped,"), text });
}

/// Hands `text` to the clipboard; what came of it is told by [`told`].
pub fn put(app: &mut App, what: &str, text: String) {
    app.copied = Some((what.to_owned(), text.clone()));
    app.effects.push(Effect::Copy { what: what.to_owned(), text });
}

pub fn told(app: &mut App, copied: &Copied) {
    let size = super::text::grouped(copied.bytes as u64);
    let is_raw = app.copied.as_ref().is_some_and(|(what, text)| *what == copied.what && steers(text));
    if is_raw && copied.how.is_ok() {
        let key = app.key(Action::CopyEscaped);
        return app.note(format!(
            "copied {} ({size} B): it has control characters, so mind where you paste it; {key} copies it escaped",
            copied.what
        ));
    }
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
    match app.screen {
        Screen::Letters => screens::record::payload_text(app),
        // The line as its fields.
        Screen::Logs => serde_json::to_string_pretty(app.logs.selected_notice()?).ok(),
        _ => None,
    }
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
