//! Why a record is not there: one line in, one sentence out, then the evidence, the record's story, and its fields at
//! both ends.

mod draw;

pub use draw::{crumb, draw};

use super::{Screen, letters, move_in};
use crate::control::Request;
use crate::model::{DeadLetterId, GroupId, JobId, RecordId, RungTarget, Selection, Why, WhyAnswer};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry;
use crate::tui::overlays::{Confirm, Overlay};
use crate::tui::widgets::ListState;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;
use tui_input::Input;

/// What was looked up before, that `↑` brings back.
const HISTORY_MAX: usize = 50;
const PANES: [&str; 3] = ["evidence", "its story", "fields"];

#[derive(Clone, Debug)]
pub struct State {
    pub input: Input,
    /// Letters type.
    pub is_typing: bool,
    /// The only job that is looked at; none means all.
    job: Option<JobId>,
    /// Both systems are asked, after what is known here was told.
    is_live: bool,
    answer: Option<WhyAnswer>,
    /// Which of the answers is shown.
    shown: usize,
    findings: ListState,
    fields: ListState,
    pane: usize,
    /// The pane has all the room.
    is_zoomed: bool,
    is_revealed: bool,
    /// Oldest first.
    history: Vec<String>,
    history_at: Option<usize>,
    problem: Option<String>,
    /// Where Esc leads.
    pub from: Screen,
}

impl Default for State {
    fn default() -> Self {
        Self {
            input: Input::default(),
            is_typing: true,
            job: None,
            is_live: true,
            answer: None,
            shown: 0,
            findings: ListState::default(),
            fields: ListState::default(),
            pane: 0,
            is_zoomed: false,
            is_revealed: false,
            history: Vec::new(),
            history_at: None,
            problem: None,
            from: Screen::Jobs,
        }
    }
}

impl State {
    pub fn why(&self) -> Option<&Why> {
        self.answer.as_ref()?.answers.get(self.shown)
    }

    /// The record that the shown answer is of.
    pub fn answered_record(&self) -> Option<&RecordId> {
        self.why().map(|why| &why.record)
    }

    pub fn selected_job(&self) -> Option<JobId> {
        self.why().map(|why| why.job.clone()).or_else(|| self.job.clone())
    }

    fn pane_len(&self) -> usize {
        match (self.why(), self.pane) {
            (None, _) => 0,
            (Some(why), 0) => why.rungs.len(),
            (Some(why), 1) => why.story.len(),
            (Some(why), _) => why.fields.len(),
        }
    }
}

/// The record that is selected on the screen that is left, with its job.
fn selected_record(app: &App) -> Option<(Option<JobId>, RecordId)> {
    match app.screen {
        Screen::Letters => app.letters.selected_record().map(|(job, record)| (Some(job), record)),
        Screen::Logs => {
            let notice = app.logs.selected_notice()?;
            Some((notice.job.clone(), notice.record.clone()?))
        }
        _ => None,
    }
}

/// `w`: the selected record is looked up at once; where there is none, its id is typed.
pub fn ask_for_selection(app: &mut App) {
    if app.screen == Screen::Why {
        return type_again(app);
    }
    match selected_record(app) {
        Some((job, record)) => {
            open(app);
            app.why.input = Input::new(record.shown());
            app.why.job = job;
            look_up(app);
        }
        None => {
            app.why.job = None;
            open(app);
            type_again(app);
        }
    }
}

fn open(app: &mut App) {
    if app.screen != Screen::Why {
        app.why.from = app.screen;
    }
    app.screen = Screen::Why;
}

/// The tab was chosen: what was answered last stays.
pub fn opened(app: &mut App) {
    if app.why.answer.is_none() {
        app.why.is_typing = true;
    }
}

/// Looks up what was named elsewhere, in all jobs.
pub fn show(app: &mut App, key: String) {
    open(app);
    app.why.job = None;
    app.why.input = Input::new(key);
    look_up(app);
}

/// Looks up what was named elsewhere in one job, and asks both systems for it.
pub fn show_live(app: &mut App, job: JobId, key: String) {
    open(app);
    app.why.job = Some(job);
    app.why.is_live = true;
    app.why.input = Input::new(key);
    look_up(app);
}

/// Gives the keys to the field; what stands in it is typed over.
pub fn type_again(app: &mut App) {
    app.why.is_typing = true;
    app.why.is_zoomed = false;
    app.why.history_at = None;
    app.why.input = Input::default();
    app.why.job = None;
}

fn look_up(app: &mut App) {
    let key = app.why.input.value().trim().to_owned();
    if key.is_empty() {
        app.note("type a record's id, or the value of a searchable field");
        return;
    }
    let state = &mut app.why;
    state.history.retain(|known| *known != key);
    state.history.push(key.clone());
    if state.history.len() > HISTORY_MAX {
        state.history.remove(0);
    }
    *state = State {
        is_typing: false,
        answer: None,
        shown: 0,
        findings: ListState::default(),
        fields: ListState::default(),
        pane: 0,
        is_zoomed: false,
        history_at: None,
        problem: None,
        ..std::mem::take(state)
    };
    ask(app, key);
}

/// What is known here is told at once; what the two systems say comes after it.
fn ask(app: &mut App, key: String) {
    app.forget(&Purpose::WhyLive);
    let job = app.why.job.clone();
    app.ask(Purpose::Why, Request::Why { job: job.clone(), key: key.clone(), live: false });
    if app.why.is_live {
        app.ask(Purpose::WhyLive, Request::Why { job, key, live: true });
    }
}

pub fn is_asking_live(app: &App) -> bool {
    app.is_asking(&Purpose::WhyLive)
}

pub fn came(app: &mut App, answer: WhyAnswer) {
    let state = &mut app.why;
    state.problem = None;
    // The live answer is of the same records, so a person stays at the one that is looked at.
    let looked_at = state.why().map(|why| (why.job.clone(), why.record.clone()));
    let same = answer.answers.iter().position(|why| Some((why.job.clone(), why.record.clone())) == looked_at);
    state.shown = same.unwrap_or(0);
    state.answer = Some(answer);
}

pub fn refused(app: &mut App, message: &str) {
    app.why.problem = Some(message.to_owned());
}

/// A key while the field has the focus.
pub fn typed(app: &mut App, event: &KeyEvent, action: Option<Action>) {
    match action {
        Some(action) => act_while_typing(app, action),
        None => {
            crate::tui::update::edit(&mut app.why.input, event);
            app.why.history_at = None;
        }
    }
}

fn act_while_typing(app: &mut App, action: Action) {
    match action {
        Action::Accept | Action::Open => look_up(app),
        Action::Up | Action::Down => recall(app, action == Action::Up),
        Action::NextPane | Action::No if app.why.why().is_some() => app.why.is_typing = false,
        Action::No => {
            let from = app.why.from;
            super::show(app, from);
        }
        _ => {}
    }
}

/// Brings back what was looked up before.
fn recall(app: &mut App, is_older: bool) {
    let state = &mut app.why;
    let at = match (state.history_at, is_older) {
        (None, true) => state.history.len().checked_sub(1),
        (None, false) => return,
        (Some(at), true) => Some(at.saturating_sub(1)),
        (Some(at), false) => Some(at + 1).filter(|at| *at < state.history.len()),
    };
    state.history_at = at;
    let text = at.and_then(|at| state.history.get(at)).cloned().unwrap_or_default();
    state.input = Input::new(text);
}

pub fn step_back(app: &mut App) -> bool {
    if std::mem::take(&mut app.why.is_zoomed) {
        return true;
    }
    if app.why.pane == 0 {
        return false;
    }
    app.why.pane = 0;
    true
}

pub fn act(app: &mut App, action: Action) {
    if app.why.is_typing {
        return act_while_typing(app, action);
    }
    match action {
        Action::Open => go_there(app),
        Action::NextPane => app.why.pane = (app.why.pane + 1) % PANES.len(),
        Action::PreviousPane => app.why.pane = (app.why.pane + PANES.len() - 1) % PANES.len(),
        Action::Zoom if app.why.why().is_none() => app.note("there is no answer yet"),
        Action::Zoom => app.why.is_zoomed = !app.why.is_zoomed,
        Action::Next | Action::Previous => step(app, action),
        Action::Live => {
            app.why.is_live = !app.why.is_live;
            app.note(if app.why.is_live { "both systems are asked" } else { "only what is known here is told" });
            ask_again(app);
        }
        Action::LetIn => ask_again(app),
        Action::SyncOne => confirm_sync(app),
        Action::CopyAnswer => copy(app),
        Action::Retry | Action::BringBack => with_letter(app, action),
        Action::PauseResume => super::jobs::order(app, action),
        Action::Reveal if app.settings.redact.is_empty() => app.note("the configuration redacts no field"),
        Action::Reveal => {
            app.why.is_revealed = !app.why.is_revealed;
            app.note(match app.why.is_revealed {
                true => "showing redacted values",
                false => "redacted values are hidden again",
            });
        }
        action => {
            let len = app.why.pane_len();
            let state = &mut app.why;
            move_in(if state.pane == 0 { &mut state.findings } else { &mut state.fields }, action, len);
        }
    }
}

fn ask_again(app: &mut App) {
    if let Some(key) = app.why.answer.as_ref().map(|answer| answer.key.clone()) {
        ask(app, key);
    }
}

fn step(app: &mut App, action: Action) {
    let n = app.why.answer.as_ref().map_or(0, |answer| answer.answers.len());
    let to = if action == Action::Next { Some(app.why.shown + 1) } else { app.why.shown.checked_sub(1) };
    match to.filter(|to| *to < n) {
        Some(to) => {
            app.why.shown = to;
            app.why.findings = ListState::default();
            app.why.fields = ListState::default();
        }
        None if n < 2 => app.note("there is one answer"),
        None => app.note(if action == Action::Next { "this is the last answer" } else { "this is the first answer" }),
    }
}

/// Enter on a finding: where it can be looked at.
fn go_there(app: &mut App) {
    let Some(why) = app.why.why().cloned() else { return type_again(app) };
    if app.why.pane != 0 {
        app.note(format!("{} goes back to the evidence", app.key(Action::Back)));
        return;
    }
    let Some(rung) = why.rungs.get(app.why.findings.selected) else { return };
    match rung.target {
        RungTarget::Job => super::job::show(app, why.job),
        RungTarget::Checkpoints => {
            app.checkpoints.choose(why.job);
            super::show(app, Screen::Checkpoints);
        }
        RungTarget::Letter(id, group) => letters::show_letter(app, &why.job, group, id),
        RungTarget::Log => {
            super::show(app, Screen::Logs);
            super::set_filter(app, &format!("job:{} {}", why.job, why.record.shown()));
        }
    }
}

/// On this screen the dead letter of the selection is the record's own; false where it has none.
pub fn show_letter(app: &mut App) -> bool {
    let of_answer = letter(app).filter(|_| app.screen == Screen::Why);
    if let Some((job, id, group)) = &of_answer {
        letters::show_letter(app, job, *group, *id);
    }
    of_answer.is_some()
}

/// The letter that the answer is about.
fn letter(app: &App) -> Option<(JobId, DeadLetterId, GroupId)> {
    let why = app.why.why()?;
    why.letter.map(|(id, group)| (why.job.clone(), id, group))
}

fn with_letter(app: &mut App, action: Action) {
    let Some((_, id, _)) = letter(app) else {
        app.note("this record has no dead letter");
        return;
    };
    let selection = Selection::Ids(vec![id]);
    app.order(match action {
        Action::Retry => Request::Retry { selection },
        _ => Request::Restore { selection },
    });
}

fn confirm_sync(app: &mut App) {
    let Some(why) = app.why.why().cloned() else { return app.note("there is no answer yet") };
    if !why.can_sync_one {
        app.note(format!("{} can not be asked for one record: its job has no `one`", why.source));
        return;
    }
    let record = why.record.shown();
    app.overlay = Some(Overlay::Confirm(Confirm {
        title: "Sync this record now?".to_owned(),
        lines: vec![
            format!(
                "{} is asked for {record}, and what it says is sent to {}, even if nothing changed.",
                why.source, why.destination
            ),
            format!(
                "Through the rules of {}: its filter, its map, its limits. It goes also while the job is paused; the checkpoint stays where it is.",
                why.job
            ),
        ],
        yes: "sync this record".to_owned(),
        request: Request::SyncOne { job: why.job, record: why.record },
        opened_at: app.now,
    }));
}

fn copy(app: &mut App) {
    let Some(text) = answer_text(app) else { return app.note("there is no answer yet") };
    crate::tui::copying::put(app, "the answer", text);
}

/// The answer in plain sentences, without redacted values; none while there is none.
pub fn answer_text(app: &App) -> Option<String> {
    let why = app.why.why()?;
    let at = app.why.answer.as_ref().map_or(app.now, |answer| answer.at);
    Some(draw::masked(app, why, &why.plain(at)))
}

/// An order was carried out: the answer may be another one now.
pub fn refresh(app: &mut App) {
    ask_again(app);
}

pub fn settle(app: &mut App, body: Rect) {
    let layout = draw::layout(app, body);
    let len = app.why.why().map_or(0, |why| why.rungs.len());
    app.why.findings.settle(len, len.max(1));
    let len = if app.why.pane == 0 { app.why.why().map_or(0, |why| why.fields.len()) } else { app.why.pane_len() };
    let area = if app.why.pane == 1 { layout.story } else { layout.fields };
    app.why.fields.settle(len, geometry::table_rows(area));
}
