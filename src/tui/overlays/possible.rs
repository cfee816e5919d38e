//! What can be done from where a person is, by which key, and why something can not be done now.

use crate::control::Attachment;
use crate::model::{Circuit, JobState};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::keymap::{Context, Row};
use crate::tui::screens::{self, Screen, connections};
use crate::tui::{copying, export, retries};

/// The contexts whose keys are heard on the screen, less those that only move about.
pub fn contexts(app: &App) -> Vec<Context> {
    let gone = matches!(app.attachment, Attachment::Gone(_)).then_some(Context::Gone);
    gone.into_iter().chain([app.screen.context(), Context::Everywhere]).collect()
}

/// What can be asked for from here, the screen's own first; what only leads back to here is left out.
pub fn rows(app: &App) -> Vec<&Row> {
    // Where there are no instances, nobody wants to hear of them.
    let has_customers = app.jobs().iter().any(|job| job.id.instance().is_some());
    let is_idle = |action| match action {
        Action::CustomerOfJob => !has_customers,
        _ => matches!(action, Action::Palette | Action::Menu | Action::Back | Action::Interrupt),
    };
    let of = |context: Context| app.settings.keymap.rows().iter().filter(move |row| row.context == context);
    contexts(app).into_iter().flat_map(of).filter(|row| !is_idle(row.action)).collect()
}

/// Why `action` would do nothing here now; none where it does something, or where only trying tells.
pub fn why_not(app: &App, action: Action) -> Option<String> {
    if let Some(why) = app.why_not_change().filter(|_| action.changes_data()) {
        return Some(why.to_owned());
    }
    match action {
        Action::Undo => app.undo.is_none().then(|| "there is nothing to undo".to_owned()),
        Action::Filter if app.screen != Screen::Why => {
            screens::filter_text(app).is_none().then(|| "there is no list to filter".to_owned())
        }
        Action::CopyAnswer if matches!(app.screen, Screen::Why | Screen::Customer) => None,
        // Which line is selected only a drawn frame tells.
        Action::CopyId | Action::CopyPayload | Action::CopyError | Action::CopyAnswer => {
            let (_, text) = copying::found(app, action);
            text.is_none().then(|| "nothing is selected that has one".to_owned())
        }
        Action::Export => export::why_not(app),
        Action::CopyRequest => copying::why_no_request(app),
        Action::CopyEscaped => app.copied.is_none().then(|| "nothing was copied yet".to_owned()),
        Action::NextTheme => (app.settings.looks.len() < 2).then(|| "there is one theme alone".to_owned()),
        Action::StopRetry => retries::open(app).next().is_none().then(|| "no retry of many letters goes on".to_owned()),
        action => why_not_with_selection(app, action),
    }
}

fn why_not_with_selection(app: &App, action: Action) -> Option<String> {
    let without = |is_there: bool, what: &str| (!is_there).then(|| format!("no {what} is selected"));
    match (action, app.screen) {
        (
            Action::PauseResume
            | Action::RunNow
            | Action::StopRun
            | Action::ReadRange
            | Action::Plan
            | Action::Withheld,
            Screen::Jobs | Screen::Job | Screen::Customer,
        ) => why_not_job(app, action),
        (
            Action::JobOfSelection
            | Action::DeadOfJob
            | Action::CheckpointsOfJob
            | Action::RunsOfJob
            | Action::ConnectionOfJob
            | Action::CustomerOfJob
            | Action::LogsOfJob
            | Action::ConflictsOfSelection,
            _,
        ) => without(app.selected_job().is_some(), "job"),
        (
            Action::Open
            | Action::Retry
            | Action::RetryAll
            | Action::Discard
            | Action::DiscardAll
            | Action::BringBack
            | Action::Mark
            | Action::MarkAll,
            Screen::Dead,
        ) => without(app.dead.selected_group().is_some(), "cause"),
        (
            Action::Open
            | Action::Retry
            | Action::RetryAll
            | Action::Discard
            | Action::BringBack
            | Action::DiscardAll
            | Action::LookUpRelated
            | Action::Edit
            | Action::Settle
            | Action::Mark,
            Screen::Letters,
        ) => without(app.letters.selected_id().is_some(), "record"),
        (Action::Open | Action::Rewind | Action::Mark, Screen::Checkpoints) => {
            without(app.checkpoints.selected().is_some(), "checkpoint")
        }
        (Action::StopRun, Screen::Runs) => match app.runs.selected_run() {
            None => match app.runs.selected_bulk() {
                Some(bulk) => (!bulk.is_open()).then(|| "this retry has ended".to_owned()),
                None => Some("no run is selected".to_owned()),
            },
            Some(run) => run.ended_at.map(|_| format!("run #{} has ended", run.id)),
        },
        (
            Action::TestConnection | Action::HoldRelease | Action::ResetCircuit | Action::LowerBudget | Action::SignIn,
            Screen::Connections,
        ) => {
            let Some(connection) = connections::selected(app) else { return without(false, "connection") };
            let is_closed = action == Action::ResetCircuit && connection.circuit == Circuit::Closed;
            is_closed.then(|| format!("the circuit of {} is closed; calls go through", connection.id))
        }
        _ => None,
    }
}

fn why_not_job(app: &App, action: Action) -> Option<String> {
    let Some(job) = app.selected_job().and_then(|id| app.job_status(&id)) else {
        return Some("no job is selected".to_owned());
    };
    match (action, &job.state) {
        (Action::Plan, _) => None,
        (Action::Withheld, _) => job.withheld.is_none().then(|| format!("no delete of {} is withheld", job.id)),
        (_, JobState::Disabled) => Some(format!("{} is disabled in the configuration", job.id)),
        (Action::StopRun, _) if job.run.is_none() => Some(format!("{} has no run to stop", job.id)),
        _ => None,
    }
}
