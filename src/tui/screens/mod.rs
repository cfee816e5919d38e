//! The screens: one file each, and what they have in common.

pub mod checkpoints;
pub mod conflicts;
pub mod connections;
mod connections_detail;
pub mod customer;
pub mod dead;
pub mod job;
pub mod jobs;
pub mod letters;
pub mod logs;
pub mod record;
pub mod runs;
mod runs_order;
mod runs_usual;
pub mod why;

use super::action::Action;
use super::app::{App, Effect, Purpose};
use super::geometry;
use super::keymap::Context;
use super::widgets::{Canvas, ListState};
use crate::control::{Answer, Refusal};
use ratatui::layout::Rect;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    Jobs,
    Job,
    /// All jobs of one instance.
    Customer,
    Dead,
    Letters,
    Conflicts,
    Checkpoints,
    Runs,
    Connections,
    Logs,
    Why,
}

/// The tabs: key, name, short name, screen. Only screens that exist.
pub const TABS: [(&str, &str, &str, Screen); 8] = [
    ("1", "Jobs", "Jobs", Screen::Jobs),
    ("2", "Dead letters", "Dead", Screen::Dead),
    ("3", "Conflicts", "Confl", Screen::Conflicts),
    ("4", "Checkpoints", "Ckpt", Screen::Checkpoints),
    ("5", "Runs", "Runs", Screen::Runs),
    ("6", "Connections", "Conn", Screen::Connections),
    ("7", "Logs", "Logs", Screen::Logs),
    ("8", "Why", "Why", Screen::Why),
];

impl Screen {
    pub fn context(self) -> Context {
        match self {
            Self::Jobs => Context::Jobs,
            Self::Job => Context::Job,
            Self::Customer => Context::Customer,
            Self::Dead => Context::Dead,
            Self::Letters => Context::Letters,
            Self::Conflicts => Context::Conflicts,
            Self::Checkpoints => Context::Checkpoints,
            Self::Runs => Context::Runs,
            Self::Connections => Context::Connections,
            Self::Logs => Context::Logs,
            Self::Why => Context::Why,
        }
    }

    /// The screen whose tab is lit.
    pub fn tab(self) -> Self {
        match self {
            Self::Job | Self::Customer => Self::Jobs,
            Self::Letters => Self::Dead,
            other => other,
        }
    }
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    match app.screen {
        Screen::Jobs => jobs::draw(app, canvas, body),
        Screen::Job => job::draw(app, canvas, body),
        Screen::Customer => customer::draw(app, canvas, body),
        Screen::Dead => dead::draw(app, canvas, body),
        Screen::Letters => letters::draw(app, canvas, body),
        Screen::Conflicts => conflicts::draw(app, canvas, body),
        Screen::Checkpoints => checkpoints::draw(app, canvas, body),
        Screen::Runs => runs::draw(app, canvas, body),
        Screen::Connections => connections::draw(app, canvas, body),
        Screen::Logs => logs::draw(app, canvas, body),
        Screen::Why => why::draw(app, canvas, body),
    }
}

/// Changes the screen and asks for what it shows.
pub fn show(app: &mut App, screen: Screen) {
    let is_return = app.screen == Screen::Letters && screen == Screen::Dead;
    if screen == Screen::Why && app.screen != screen {
        app.why.from = app.screen;
    }
    app.screen = screen;
    match screen {
        Screen::Jobs => jobs::opened(app),
        Screen::Job => job::opened(app),
        Screen::Customer => customer::opened(app),
        Screen::Dead => dead::opened(app, is_return),
        Screen::Letters | Screen::Conflicts | Screen::Connections => {}
        Screen::Checkpoints => checkpoints::opened(app),
        Screen::Runs => runs::opened(app),
        Screen::Logs => logs::opened(app),
        Screen::Why => why::opened(app),
    }
}

pub fn act(app: &mut App, action: Action) {
    match app.screen {
        Screen::Jobs => jobs::act(app, action),
        Screen::Job => job::act(app, action),
        Screen::Customer => customer::act(app, action),
        Screen::Dead => dead::act(app, action),
        Screen::Letters => letters::act(app, action),
        Screen::Conflicts => {}
        Screen::Checkpoints => checkpoints::act(app, action),
        Screen::Runs => runs::act(app, action),
        Screen::Connections => connections::act(app, action),
        Screen::Logs => logs::act(app, action),
        Screen::Why => why::act(app, action),
    }
}

pub fn snapshot_came(app: &mut App) {
    jobs::snapshot_came(app);
    checkpoints::snapshot_came(app);
    runs::snapshot_came(app);
    super::overlays::rewind::snapshot_came(app);
}

/// True when the screen shows a list that the engine's last snapshot has overtaken.
pub fn is_stale(app: &App) -> bool {
    match app.screen {
        Screen::Job => job::is_stale(app),
        Screen::Customer => customer::is_stale(app),
        Screen::Dead => dead::is_stale(app),
        Screen::Letters => letters::is_stale(app),
        Screen::Runs => runs::is_stale(app),
        Screen::Logs => logs::is_stale(app),
        Screen::Jobs | Screen::Conflicts | Screen::Checkpoints | Screen::Connections | Screen::Why => false,
    }
}

/// Asks again for what the screen shows.
pub fn refresh(app: &mut App) {
    match app.screen {
        Screen::Job => job::refresh(app),
        Screen::Customer => customer::refresh(app),
        Screen::Dead => dead::refresh(app),
        Screen::Letters => letters::refresh(app),
        Screen::Runs => runs::refresh(app),
        Screen::Logs => logs::refresh(app),
        Screen::Why => why::refresh(app),
        Screen::Checkpoints => checkpoints::refresh(app),
        Screen::Jobs | Screen::Conflicts | Screen::Connections => {}
    }
}

pub fn answered(app: &mut App, purpose: &Purpose, answer: Answer) {
    match (purpose, answer) {
        (Purpose::Groups, Answer::Groups(groups)) => dead::groups_came(app, groups),
        (Purpose::GroupNow, Answer::Groups(groups)) => dead::group_came(app, groups),
        (Purpose::GroupsOfJob(id), Answer::Groups(groups)) => job::groups_came(app, id, groups),
        (Purpose::GroupsOfCustomer(id), Answer::Groups(groups)) => customer::groups_came(app, id, groups),
        (Purpose::RecoveredIds, Answer::Ids { ids, total }) => dead::recovered_ids_came(app, &ids, total),
        (Purpose::RecoveredRows, Answer::Rows(rows)) => dead::recovered_rows_came(app, &rows),
        (Purpose::Ids, Answer::Ids { ids, total }) => letters::ids_came(app, ids, total),
        (Purpose::NewIds, Answer::Ids { ids, .. }) => letters::new_ids_came(app, &ids),
        (Purpose::Rows, Answer::Rows(rows)) => letters::rows_came(app, rows),
        (Purpose::Letter(id), Answer::Letter(letter)) => letters::letter_came(app, *id, *letter),
        (Purpose::LetterRequest(id), Answer::LetterRequest(request)) => {
            crate::tui::copying::request_came(app, *id, &request);
        }
        (Purpose::FindLetter, Answer::Letter(letter)) => {
            let letter = &letter.letter;
            letters::show_letter(app, &letter.job, letter.group, letter.id);
        }
        (Purpose::Checkpoints(job), Answer::Checkpoints(list)) => checkpoints::came(app, job, list),
        (Purpose::OlderCheckpoints(job), Answer::Checkpoints(list)) => checkpoints::older_came(app, job, list),
        (Purpose::Runs, Answer::Runs(runs)) => runs::came(app, runs),
        (Purpose::NewRuns, Answer::Runs(runs)) => runs::new_came(app, runs),
        (Purpose::OlderRuns, Answer::Runs(runs)) => runs::older_came(app, runs),
        (Purpose::Bulks, Answer::Bulks(bulks)) => runs::bulks_came(app, bulks),
        (Purpose::NewBulks, Answer::Bulks(bulks)) => runs::new_bulks_came(app, bulks),
        (Purpose::UsualRuns(job), Answer::Runs(runs)) => runs::usual_came(app, job, runs),
        (Purpose::Bundle(name), Answer::Bundle { text }) => {
            app.effects.push(Effect::Save { name: name.clone(), text });
        }
        (Purpose::ExportIds, Answer::Ids { ids, .. }) => crate::tui::export::ids_came(app, &ids),
        (Purpose::ExportRows, Answer::Rows(rows)) => crate::tui::export::rows_came(app, &rows),
        (Purpose::History(job), Answer::History(history)) => super::zoom::came(app, job.clone(), *history),
        (Purpose::Test, Answer::Tested(result)) => connections::tested(app, &result),
        (Purpose::Logs, Answer::Logs(lines)) => logs::came(app, lines),
        (Purpose::OlderLogs, Answer::Logs(lines)) => logs::older_came(app, lines),
        (Purpose::Why | Purpose::WhyLive, Answer::Why(answer)) => why::came(app, *answer),
        // An answer of another kind than was asked for is the engine's mistake; it changes nothing here.
        _ => {}
    }
}

pub fn refused(app: &mut App, purpose: &Purpose, refusal: &Refusal) {
    match purpose {
        Purpose::Groups => app.dead.problem = Some(refusal.message.clone()),
        Purpose::Ids => app.letters.problem = Some(refusal.message.clone()),
        Purpose::Letter(_) => app.letters.record_problem = Some(refusal.message.clone()),
        Purpose::Checkpoints(_) => app.checkpoints.problem = Some(refusal.message.clone()),
        Purpose::Runs => app.runs.problem = Some(refusal.message.clone()),
        Purpose::Logs => app.logs.problem = Some(refusal.message.clone()),
        Purpose::ExportIds | Purpose::ExportRows => crate::tui::export::broke_off(app, &refusal.message),
        Purpose::Why => why::refused(app, &refusal.message),
        _ => {}
    }
}

/// Brings scroll offsets and questions in line with what is on the screen now.
pub fn settle(app: &mut App) {
    super::zoom::keep_fresh(app);
    let body = geometry::regions(app).body;
    match app.screen {
        Screen::Jobs => jobs::settle(app, body),
        Screen::Job => job::settle(app, body),
        Screen::Customer => customer::settle(app, body),
        Screen::Dead => dead::settle(app, body),
        Screen::Letters => letters::settle(app, body),
        Screen::Conflicts => {}
        Screen::Checkpoints => checkpoints::settle(app, body),
        Screen::Runs => runs::settle(app, body),
        Screen::Connections => connections::settle(app, body),
        Screen::Logs => logs::settle(app, body),
        Screen::Why => why::settle(app, body),
    }
}

/// The screen's filter; none where there is no list to filter.
pub fn filter_text(app: &App) -> Option<&str> {
    match app.screen {
        Screen::Jobs => Some(&app.jobs.filter),
        Screen::Dead | Screen::Letters => Some(&app.dead.filter_text),
        Screen::Runs => Some(&app.runs.filter_text),
        Screen::Checkpoints => Some(&app.checkpoints.filter_text),
        Screen::Connections => Some(&app.connections.filter_text),
        Screen::Logs => Some(&app.logs.filter_text),
        Screen::Job | Screen::Customer | Screen::Conflicts | Screen::Why => None,
    }
}

/// The text of the filter has changed under the person's hands.
pub fn filter_typed(app: &mut App) {
    if let Some(text) = app.typing.as_ref().map(|typing| typing.input.value().to_owned()) {
        set_filter(app, &text);
    }
}

/// Takes a new filter. One that is wrong leaves the last valid one in force and says why.
pub fn set_filter(app: &mut App, text: &str) {
    let result = match app.screen {
        Screen::Jobs => jobs::set_filter(app, text),
        Screen::Dead | Screen::Letters => dead::set_filter(app, text),
        Screen::Logs if app.typing.as_ref().is_some_and(|typing| typing.is_find) => {
            logs::find(app, text);
            Ok(())
        }
        Screen::Logs => logs::set_filter(app, text),
        Screen::Runs => runs::set_filter(app, text),
        Screen::Checkpoints => checkpoints::set_filter(app, text),
        Screen::Connections => connections::set_filter(app, text),
        Screen::Job | Screen::Customer | Screen::Conflicts | Screen::Why => Ok(()),
    };
    match (&mut app.typing, result) {
        (Some(typing), result) => typing.error = result.err(),
        (None, Err(problem)) => app.note(format!("the filter can not be read: {problem}")),
        (None, Ok(())) => {}
    }
}

/// Takes one step out of what is opened, marked or filtered here; false when there is nothing to step out of.
pub fn step_back(app: &mut App) -> bool {
    let is_done = match app.screen {
        Screen::Jobs => jobs::step_back(app),
        Screen::Letters => letters::step_back(app),
        Screen::Runs => runs::step_back(app),
        Screen::Connections => connections::step_back(app),
        Screen::Logs => logs::step_back(app),
        Screen::Why => why::step_back(app),
        Screen::Checkpoints => checkpoints::step_back(app),
        Screen::Dead => dead::step_back(app),
        Screen::Customer => customer::step_back(app),
        Screen::Job => job::step_back(app),
        Screen::Conflicts => false,
    };
    if is_done {
        return true;
    }
    let has_filter = filter_text(app).is_some_and(|text| !text.is_empty());
    if has_filter {
        set_filter(app, "");
    }
    has_filter
}

/// Moves one row up or down; the rows before and after, which a growing range of marks takes in.
fn range_ends(list: &mut ListState, action: Action, len: usize) -> [usize; 2] {
    let from = list.selected;
    list.move_by(if action == Action::MarkUp { -1 } else { 1 }, len);
    [from, list.selected]
}

/// Moves about in a list of `len`; false when the action is no movement.
pub fn move_in(list: &mut ListState, action: Action, len: usize) -> bool {
    let page = isize::try_from(list.height.max(1)).unwrap_or(isize::MAX);
    match action {
        Action::Up => list.move_by(-1, len),
        Action::Down => list.move_by(1, len),
        Action::PageUp => list.move_by(-page, len),
        Action::PageDown => list.move_by(page, len),
        Action::HalfUp => list.move_by(-(page / 2).max(1), len),
        Action::HalfDown => list.move_by((page / 2).max(1), len),
        Action::Top => list.top(),
        Action::Bottom => list.bottom(len),
        _ => return false,
    }
    true
}
