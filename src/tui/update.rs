//! What a message changes, and what is to be done about it. Pure: time comes with the message.

use super::action::Action;
use super::app::{App, Effect, Left, MessageKind, Msg, Purpose, REFRESH_EVERY, Typing};
use super::attached;
use super::geometry;
use super::keymap::{self, Context};
use super::overlays::{self, Overlay};
use super::screens::{self, Screen};
use super::which_key::{self, Prefix};
use crate::control::{Answer, Attachment, Done, Refusal, Request};
use crate::model::Timestamp;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use std::time::Duration;
use tui_input::{Input, InputRequest};

/// A second Ctrl-C within this time leaves at once.
const TWICE_WITHIN: Duration = Duration::from_secs(3);
/// An undo of something older is asked about.
const UNDO_FRESH: Duration = Duration::from_secs(60);
/// Text fields take no more than so many characters.
const TYPED_MAX: usize = 1_000;

/// Takes one message in. The console is ready to be drawn afterwards.
pub fn update(app: &mut App, now: Timestamp, msg: Msg) -> Vec<Effect> {
    app.now = now;
    match msg {
        Msg::Key(event) if event.kind != KeyEventKind::Release => key(app, &event),
        Msg::Key(_) => {}
        Msg::Paste(text) => paste(app, &text),
        Msg::Copied(copied) => super::copying::told(app, &copied),
        Msg::Mouse(event) => super::mouse::event(app, event),
        Msg::Resize(width, height) => app.size = (width, height),
        // Before its first word an engine knows nothing; that is not the same as having no jobs.
        Msg::Snapshot(snapshot) if snapshot.at == Timestamp::ZERO => {}
        Msg::Snapshot(snapshot) => {
            let before = app.take_snapshot(snapshot);
            super::retries::snapshot_came(app, before.as_deref());
            screens::snapshot_came(app);
            want_refresh(app);
        }
        Msg::EngineGone => engine_gone(app),
        Msg::Attachment(attachment) => attached::changed(app, attachment),
        Msg::Edited(result) => overlays::edit::edited(app, result),
        Msg::Answered { generation, result } => answered(app, generation, result),
        Msg::Saved(saved) => bundle_saved(app, saved),
        Msg::Remembered(result) => overlays::attach::remembered(app, result),
        Msg::Exported(result) => super::export::written(app, result),
        Msg::Tick => tick(app),
    }
    screens::settle(app);
    std::mem::take(&mut app.effects)
}

fn engine_gone(app: &mut App) {
    if !app.is_engine_gone {
        app.is_engine_gone = true;
        let hint = format!("{} quits", app.key(Action::Quit));
        app.say(MessageKind::Failed, "the engine has stopped; what you see is its last word", Some(hint));
    }
}

fn tick(app: &mut App) {
    if app.line.as_ref().is_some_and(|(_, until)| *until <= app.now) {
        app.line = None;
    }
    let now = app.now;
    app.fresh.retain(|(_, until)| *until > now);
    if app.refresh_at.is_some_and(|at| at <= app.now) {
        app.refresh_at = None;
        app.refreshed_at = app.now;
        screens::refresh(app);
    }
}

/// Lists that follow the engine are asked for again, but not with every snapshot.
fn want_refresh(app: &mut App) {
    if app.refresh_at.is_none() && screens::is_stale(app) {
        app.refresh_at = Some(app.refreshed_at.plus(REFRESH_EVERY).max(app.now));
        tick(app);
    }
}

fn answered(app: &mut App, generation: u64, result: Result<Answer, Refusal>) {
    let Some(purpose) = app.take_pending(generation) else { return };
    match (purpose, result) {
        (Purpose::Order, Ok(Answer::Done(done))) => order_done(app, done),
        (Purpose::Rewind, Ok(Answer::Done(done))) => {
            order_done(app, done.clone());
            overlays::rewind::done(app, &done);
        }
        (Purpose::Rewind, Err(refusal)) => overlays::rewind::refused(app, &refusal),
        (Purpose::RewindPreview, result) => overlays::rewind::answered(app, result),
        (Purpose::Count, Ok(Answer::Plan(part))) => super::counting::came(app, *part),
        (Purpose::Count, Err(refusal)) => super::counting::refused(app, &refusal.message),
        (Purpose::Journal, Ok(Answer::Journal(entries))) => overlays::journal::came(app, &entries),
        (Purpose::Correct, result) => {
            overlays::edit::saved(app, &result);
            match result {
                Ok(Answer::Done(done)) => order_done(app, done),
                Ok(_) => {}
                Err(refusal) => app.say(MessageKind::Failed, refusal.message, refusal.hint),
            }
        }
        (Purpose::EditForm, Ok(Answer::EditForm(form))) => overlays::edit::form_came(app, *form),
        (purpose @ (Purpose::Measure | Purpose::Preview | Purpose::PreviewIds | Purpose::PreviewCheck), result) => {
            overlays::answered(app, &purpose, result)
        }
        (purpose, Ok(answer)) => screens::answered(app, &purpose, answer),
        // The export's own message says how far it came.
        (purpose @ (Purpose::ExportIds | Purpose::ExportRows), Err(refusal)) => {
            screens::refused(app, &purpose, &refusal);
        }
        (purpose, Err(refusal)) => {
            screens::refused(app, &purpose, &refusal);
            app.say(MessageKind::Failed, refusal.message, refusal.hint);
        }
    }
}

fn order_done(app: &mut App, done: Done) {
    let kind = if done.changed == 0 { MessageKind::Note } else { MessageKind::Done };
    app.say(kind, done.text.clone(), None);
    if let Some(request) = done.undo {
        app.undo = Some(super::app::Undo { at: app.now, text: done.text, request: *request });
    }
    app.refreshed_at = app.now;
    screens::refresh(app);
}

fn paste(app: &mut App, text: &str) {
    let input = match (&mut app.overlay, &mut app.typing) {
        (Some(overlay), _) => overlay.input(),
        (None, Some(typing)) => Some(&mut typing.input),
        (None, None) if app.screen == Screen::Why && app.why.is_typing => Some(&mut app.why.input),
        (None, None) => None,
    };
    let Some(input) = input else {
        app.note("pasted text goes into text fields only");
        return;
    };
    for letter in text.chars().take(TYPED_MAX) {
        type_letter(input, if letter.is_control() { ' ' } else { letter });
    }
    if app.overlay.is_none() {
        screens::filter_typed(app);
    }
}

fn key(app: &mut App, event: &KeyEvent) {
    let name = keymap::name(event);
    if geometry::is_too_small(app.size) {
        return key_without_room(app, name.as_deref());
    }
    if app.overlay.is_some() {
        return overlays::key(app, event, name.as_deref());
    }
    if app.typing.is_some() {
        return key_while_typing(app, event, name.as_deref());
    }
    if app.screen == Screen::Why && app.why.is_typing {
        return key_of_lookup(app, event, name.as_deref());
    }
    let Some(name) = name else { return };
    if matches!(app.attachment, Attachment::Gone(_))
        && let Some(action) = app.settings.keymap.find(&[Context::Gone], &name).map(|row| row.action)
    {
        return act(app, action);
    }
    let context = app.screen.context();
    let chain = which_key::chain(app);
    if let Some(prefix) = app.prefix.take() {
        return second_key(app, prefix, &name);
    }
    if app.settings.keymap.is_prefix(&chain, &name) {
        app.prefix = Some(Prefix { key: name, at: app.now });
        return;
    }
    match app.settings.keymap.find(&chain, &name).map(|row| row.action) {
        Some(action) => act(app, action),
        None => app.note(app.settings.keymap.nothing_here(&name, context)),
    }
}

/// The second of two keys. One that means nothing leaves the first one standing; only leaving ends it otherwise.
fn second_key(app: &mut App, prefix: Prefix, name: &str) {
    let keymap = &app.settings.keymap;
    let chain = which_key::chain(app);
    let single = keymap.find(&[Context::Everywhere], name).map(|row| row.action);
    match keymap.find(&chain, &format!("{} {name}", prefix.key)).map(|row| row.action) {
        Some(action) => act(app, action),
        None if single == Some(Action::Back) => {}
        None if single == Some(Action::Interrupt) => act(app, Action::Interrupt),
        None => app.prefix = Some(prefix),
    }
}

fn key_of_lookup(app: &mut App, event: &KeyEvent, name: Option<&str>) {
    let action = name.and_then(|name| app.settings.keymap.find(&[Context::Lookup], name)).map(|row| row.action);
    match (action, name) {
        (Some(Action::Interrupt), _) => act(app, Action::Interrupt),
        (None, Some("f1")) => act(app, Action::Help),
        (action, _) => screens::why::typed(app, event, action),
    }
}

/// On a screen that shows nothing only leaving works, and it is not asked about twice on the same key.
fn key_without_room(app: &mut App, name: Option<&str>) {
    let action = name.and_then(|name| app.settings.keymap.find(&[Context::Everywhere], name)).map(|row| row.action);
    match action {
        Some(Action::Quit | Action::Interrupt) if app.running_jobs().is_empty() || !app.attachment.is_own() => {
            app.effects.push(Effect::Leave(Left::Quit));
        }
        Some(Action::Quit | Action::Interrupt) => match app.interrupted_at {
            Some(at) if app.now.since(at) < TWICE_WITHIN => app.effects.push(Effect::Leave(Left::Quit)),
            _ => app.interrupted_at = Some(app.now),
        },
        _ => app.interrupted_at = None,
    }
}

fn key_while_typing(app: &mut App, event: &KeyEvent, name: Option<&str>) {
    let action = name.and_then(|name| app.settings.keymap.find(&[Context::Typing], name)).map(|row| row.action);
    match action {
        Some(action) => act_while_typing(app, action),
        None => {
            if let Some(typing) = &mut app.typing
                && edit(&mut typing.input, event)
            {
                screens::filter_typed(app);
            }
        }
    }
}

fn act_while_typing(app: &mut App, action: Action) {
    match action {
        Action::Accept => {
            if app.typing.as_ref().is_some_and(|typing| typing.error.is_none()) {
                app.typing = None;
            }
        }
        Action::No => {
            if let Some(before) = app.typing.as_ref().map(|typing| typing.before.clone()) {
                screens::set_filter(app, &before);
            }
            app.typing = None;
        }
        Action::Complete => complete(app),
        Action::Interrupt => {
            app.typing = None;
            act(app, Action::Interrupt);
        }
        action => screens::act(app, action),
    }
}

/// Gives a key to a text field; false when it means nothing there.
pub fn edit(input: &mut Input, event: &KeyEvent) -> bool {
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};
    let is_control = event.modifiers.contains(KeyModifiers::CONTROL);
    if event.modifiers.contains(KeyModifiers::ALT) {
        let request = match event.code {
            KeyCode::Char('b') => InputRequest::GoToPrevWord,
            KeyCode::Char('f') => InputRequest::GoToNextWord,
            _ => return false,
        };
        return input.handle(request).is_some();
    }
    let request = match (event.code, is_control) {
        (KeyCode::Char('a'), true) | (KeyCode::Home, _) => InputRequest::GoToStart,
        (KeyCode::Char('e'), true) | (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
        (KeyCode::Char('k'), true) => InputRequest::DeleteTillEnd,
        (KeyCode::Char('h'), true) | (KeyCode::Backspace, _) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) => InputRequest::DeleteNextChar,
        (KeyCode::Left, _) => InputRequest::GoToPrevChar,
        (KeyCode::Right, _) => InputRequest::GoToNextChar,
        (KeyCode::Char(letter), false) => {
            type_letter(input, letter);
            return true;
        }
        _ => return false,
    };
    input.handle(request);
    true
}

fn type_letter(input: &mut Input, letter: char) {
    if input.value().chars().count() < TYPED_MAX {
        input.handle(InputRequest::InsertChar(letter));
    }
}

/// Carries out an action by other means than its key: for whoever has the keys now.
pub(super) fn act_on(app: &mut App, action: Action) {
    if geometry::is_too_small(app.size) {
        return;
    }
    if app.overlay.is_some() {
        overlays::act(app, action);
    } else if app.typing.is_some() {
        act_while_typing(app, action);
    } else {
        app.prefix = None;
        act(app, action);
    }
    screens::settle(app);
}

/// Carries out an action of a screen.
fn act(app: &mut App, action: Action) {
    if action.changes_data()
        && let Some(why) = app.why_not_change()
    {
        return app.note(why);
    }
    match action {
        Action::ShowJobs => screens::show(app, Screen::Jobs),
        Action::ShowDead => screens::show(app, Screen::Dead),
        Action::ShowConflicts => screens::show(app, Screen::Conflicts),
        Action::ShowCheckpoints => screens::show(app, Screen::Checkpoints),
        Action::ShowRuns => screens::show(app, Screen::Runs),
        Action::ShowConnections => screens::show(app, Screen::Connections),
        Action::ShowLogs => screens::show(app, Screen::Logs),
        Action::ShowWhy => screens::show(app, Screen::Why),
        Action::Why => screens::why::ask_for_selection(app),
        Action::Help => app.overlay = Some(overlays::help::open(app.screen.context())),
        Action::Palette => app.overlay = Some(overlays::palette::open()),
        Action::Menu => app.overlay = Some(overlays::menu::open()),
        Action::Journal => overlays::journal::ask(app),
        Action::Messages => app.overlay = Some(overlays::messages::open()),
        Action::Attention => screens::jobs::show_attention(app),
        Action::Undo => undo(app),
        Action::CopyId | Action::CopyLine | Action::CopyPayload | Action::CopyError => super::copying::act(app, action),
        Action::CopyEscaped => super::copying::escaped(app),
        Action::CopyRequest => super::copying::ask_request(app),
        Action::CopyAnswer if app.screen == Screen::Letters => super::copying::act(app, action),
        Action::NextTheme => next_theme(app),
        Action::Mouse => super::mouse::toggle(app),
        Action::Bundle => write_bundle(app),
        Action::Export => overlays::export::open(app),
        Action::Redraw => app.effects.push(Effect::Redraw),
        Action::Back => back(app),
        Action::Quit => quit(app),
        Action::Suspend => suspend(app),
        Action::Interrupt => interrupt(app),
        Action::StartHere => match app.why_not_start() {
            Some(why) => app.note(why),
            None => app.effects.push(Effect::Leave(Left::StartHere)),
        },
        Action::Filter if app.screen == Screen::Why => screens::why::type_again(app),
        Action::Filter if app.screen == Screen::Logs => {
            let before = app.logs.find.clone();
            let input = Input::new(before.clone());
            app.typing = Some(Typing { input, before, error: None, is_find: true });
        }
        Action::Filter | Action::FilterLines => open_filter(app),
        Action::DeadOfJob
        | Action::CheckpointsOfJob
        | Action::RunsOfJob
        | Action::ConnectionOfJob
        | Action::LogsOfJob
        | Action::JobOfSelection => go_to(app, action),
        Action::ConflictsOfSelection => {
            screens::show(app, Screen::Conflicts);
            app.note("there are none: every job here is one-way");
        }
        Action::CustomerOfJob => screens::customer::show_selected(app),
        Action::StopRetry => super::retries::stop(app),
        other => screens::act(app, other),
    }
}

fn next_theme(app: &mut App) {
    let looks = &app.settings.looks;
    let at = looks.iter().position(|look| *look == app.theme.look).unwrap_or(0);
    let Some(look) = looks.get((at + 1) % looks.len().max(1)).filter(|_| looks.len() > 1) else {
        app.note("colours are off (NO_COLOR, or --color never), so there is one theme alone");
        return;
    };
    app.theme.look = *look;
    app.note(format!("theme {}; `theme = \"{}\"` under [console] makes it stay", look.name, look.name));
}

/// Asks for what is known of the selection: the letter where one is selected, else its job, else everything.
fn write_bundle(app: &mut App) {
    let letter = if app.screen == Screen::Letters { app.letters.selected_id() } else { None };
    let job = app.selected_job();
    let workspace = app.snapshot.as_ref().map_or("syncdeck", |snapshot| snapshot.engine.workspace.as_str());
    let about = match (letter, &job) {
        (Some(letter), _) => format!("-letter-{letter}"),
        (None, Some(job)) => format!("-{job}"),
        (None, None) => String::new(),
    };
    let at = app.now.to_jiff().strftime("%Y%m%d-%H%M%S");
    let name = format!("{}.syncdeck", plain_name(&format!("{workspace}{about}-{at}")));
    app.note("writing a bundle…");
    app.ask(Purpose::Bundle(name), Request::Bundle { job, letter });
}

/// A name that means nothing to any file system or shell but itself.
pub(super) fn plain_name(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '@');
    let name: String = text.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).take(100).collect();
    name.trim_start_matches('-').to_owned()
}

fn bundle_saved(app: &mut App, saved: Result<String, String>) {
    match saved {
        Ok(path) => {
            app.say(MessageKind::Done, format!("wrote {path}; it opens with: syncdeck open FILE"), None);
        }
        Err(problem) => app.say(
            MessageKind::Failed,
            format!("the bundle could not be written: {problem}"),
            Some("it is written to the folder that syncdeck was started in; or: syncdeck bundle FILE".to_owned()),
        ),
    }
}

/// Takes the one way on that there is, or what all ways on have in common.
fn complete(app: &mut App) {
    let ways = super::filters::ways_on(app);
    let Some(first) = ways.first() else { return };
    let Some(typing) = &mut app.typing else { return };
    let common = ways.iter().fold(first.text.as_str(), |common, way| {
        let n = common.chars().zip(way.text.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
        &common[..n]
    });
    // Where nothing more is common, the first is as good as any: the list shows the others.
    let text = if common.len() > typing.input.value().len() { common } else { first.text.as_str() };
    typing.input = Input::new(text.to_owned());
    screens::filter_typed(app);
}

fn open_filter(app: &mut App) {
    let Some(text) = screens::filter_text(app) else {
        app.note(format!("there is nothing to filter in {}", app.screen.context().place()));
        return;
    };
    let before = text.to_owned();
    app.typing = Some(Typing { input: Input::new(before.clone()), before, error: None, is_find: false });
}

/// Esc: one thing at a time, from the inside out.
fn back(app: &mut App) {
    app.standing.clear();
    if screens::step_back(app) {
        return;
    }
    match app.screen {
        Screen::Jobs => app.note(format!("this is the first screen; {} quits", app.key(Action::Quit))),
        Screen::Letters => screens::show(app, Screen::Dead),
        Screen::Why => screens::show(app, app.why.from),
        Screen::Customer => screens::show(app, app.customer.from.unwrap_or(Screen::Jobs)),
        _ => screens::show(app, Screen::Jobs),
    }
}

fn quit(app: &mut App) {
    if app.running_jobs().is_empty() || app.is_engine_gone || !app.attachment.is_own() {
        app.effects.push(Effect::Leave(Left::Quit));
    } else {
        app.overlay = Some(Overlay::Quit);
    }
}

/// Ctrl-Z would freeze an engine of this process with it, so there it only says so, and offers to leave it going.
fn suspend(app: &mut App) {
    if !app.attachment.is_own() || app.is_engine_gone {
        return app.effects.push(Effect::Suspend);
    }
    if app.settings.is_demo || app.running_jobs().is_empty() {
        let quit = app.key(Action::Quit);
        return app.note(format!("suspending would freeze the engine in this program; {quit} quits"));
    }
    app.overlay = Some(Overlay::Quit);
    let background = app.key(Action::KeepInBackground);
    app.note(format!("suspending would freeze the jobs; {background} keeps them going without this screen"));
}

/// Ctrl-C: as `q`, and a second one soon after leaves without a question.
pub fn interrupt(app: &mut App) {
    let is_second = app.interrupted_at.is_some_and(|at| app.now.since(at) < TWICE_WITHIN);
    app.interrupted_at = Some(app.now);
    if is_second {
        app.effects.push(Effect::Leave(Left::QuitNow));
    } else {
        quit(app);
    }
}

fn undo(app: &mut App) {
    let Some(undo) = app.undo.clone() else {
        app.note("there is nothing to undo");
        return;
    };
    if app.now.since(undo.at) > UNDO_FRESH {
        app.overlay = Some(overlays::confirm_undo(app, &undo));
    } else {
        app.undo = None;
        app.order(undo.request);
    }
}

fn go_to(app: &mut App, action: Action) {
    let Some(job) = app.selected_job() else {
        app.note("no job is selected here");
        return;
    };
    match action {
        Action::DeadOfJob if screens::why::show_letter(app) => {}
        Action::DeadOfJob => {
            let filter = screens::runs::failed_again(app).unwrap_or_else(|| format!("job:{job}"));
            screens::show(app, Screen::Dead);
            screens::set_filter(app, &filter);
        }
        Action::CheckpointsOfJob => {
            app.checkpoints.choose(job);
            screens::show(app, Screen::Checkpoints);
        }
        Action::RunsOfJob => {
            screens::show(app, Screen::Runs);
            screens::set_filter(app, &format!("job:{job}"));
        }
        Action::ConnectionOfJob => {
            if let Some(destination) = app.job_status(&job).map(|job| job.destination.clone()) {
                if app.screen == Screen::Connections {
                    app.note(format!("{destination} is the destination of {job}"));
                }
                screens::connections::show(app, destination);
            }
        }
        Action::LogsOfJob => {
            screens::show(app, Screen::Logs);
            screens::set_filter(app, &format!("job:{job}"));
        }
        _ => screens::job::show(app, job),
    }
}
