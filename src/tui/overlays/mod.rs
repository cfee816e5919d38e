//! What lies over a screen: help, questions, forms, pages to read. One at a time; it has all keys while it is there.

pub mod attach;
pub mod budget;
pub mod bulk;
pub mod discard;
pub mod edit;
mod edit_draw;
pub mod export;
pub mod held;
pub mod help;
pub mod journal;
pub mod menu;
pub mod messages;
pub mod palette;
pub mod pause;
pub mod plan;
mod possible;
pub mod range;
mod retry;
pub mod rewind;
pub mod settle;

pub use bulk::Scope;

use super::action::Action;
use super::app::{App, Effect, Left, Purpose, Undo};
use super::geometry;
use super::keymap::Context;
use super::text::{self, span, visible, wrapped};
use super::theme::Tone;
use super::update::{edit, interrupt};
use super::widgets::{Canvas, Line, ListState};
use crate::control::{Answer, Refusal, Request};
use crate::model::Timestamp;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use std::time::Duration;
use tui_input::Input;

/// Keys that were on their way before a dialog was seen do not answer it.
const DEAF_AT_FIRST: Duration = Duration::from_millis(150);

#[derive(Clone, Debug)]
pub enum Overlay {
    Help(help::Help),
    Palette(palette::Palette),
    Menu(menu::Menu),
    Confirm(Confirm),
    Pause(pause::Form),
    Budget(budget::Form),
    Retry(retry::Dialog),
    Discard(discard::Form),
    Settle(settle::Form),
    Held(held::Form),
    Rewind(rewind::Form),
    RewindWhere(rewind::Where),
    Range(range::Form),
    Edit(Box<edit::Form>),
    /// In which form the view is written to a file.
    Export,
    /// How this screen is to be attached to the engine of another process.
    Attach,
    Quit,
    Messages(ListState),
    Page(Page),
    /// A page that grows while a dry run counts.
    Plan(Page),
}

/// A question that `y` answers with an order.
#[derive(Clone, Debug)]
pub struct Confirm {
    pub title: String,
    pub lines: Vec<String>,
    /// What `y` does, in words.
    pub yes: String,
    pub request: Request,
    pub opened_at: Timestamp,
}

/// Something long to read.
#[derive(Clone, Debug)]
pub struct Page {
    pub title: String,
    /// A heading and its text, shown with spaces at line ends marked.
    pub parts: Vec<(String, String)>,
    pub scroll: ListState,
}

impl Overlay {
    pub fn context(&self) -> Context {
        match self {
            Self::Help(_) => Context::Typing,
            Self::Palette(_) => Context::Palette,
            Self::Menu(_) => Context::Menu,
            Self::Confirm(_) => Context::Confirm,
            Self::Retry(_) => Context::RetryPreview,
            Self::Edit(form) => match form.stage {
                edit::Stage::Fields => Context::EditForm,
                edit::Stage::Review { .. } => Context::EditReview,
                edit::Stage::Broken { .. } => Context::EditBroken,
            },
            Self::Pause(_)
            | Self::Budget(_)
            | Self::Discard(_)
            | Self::Settle(_)
            | Self::Held(_)
            | Self::Rewind(_)
            | Self::RewindWhere(_)
            | Self::Range(_) => Context::Form,
            Self::Quit => Context::QuitQuestion,
            Self::Export => Context::Export,
            Self::Attach => Context::Attach,
            Self::Messages(_) => Context::Messages,
            Self::Page(_) | Self::Plan(_) => Context::Reading,
        }
    }

    /// The text field that has the focus.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self {
            Self::Help(help) => Some(&mut help.search),
            Self::Palette(palette) => Some(&mut palette.input),
            Self::Pause(form) => Some(&mut form.reason),
            Self::Budget(form) => Some(form.input()),
            Self::Discard(form) => form.input(),
            Self::Settle(form) => form.input(),
            Self::Held(form) => form.input(),
            Self::Rewind(form) => form.input(),
            Self::RewindWhere(form) => Some(&mut form.text),
            Self::Range(form) => Some(&mut form.text),
            Self::Edit(form) => form.input(),
            Self::Menu(_)
            | Self::Confirm(_)
            | Self::Retry(_)
            | Self::Quit
            | Self::Export
            | Self::Attach
            | Self::Messages(_)
            | Self::Page(_)
            | Self::Plan(_) => None,
        }
    }
}

pub fn key(app: &mut App, event: &KeyEvent, name: Option<&str>) {
    let Some(context) = app.overlay.as_ref().map(Overlay::context) else { return };
    let action = name.and_then(|name| app.settings.keymap.find(&[context], name)).map(|row| row.action);
    match action {
        Some(action) => act(app, action),
        None => typed(app, event, name),
    }
}

/// Carries out an action of what lies on top.
pub fn act(app: &mut App, action: Action) {
    match action {
        action if matches!(app.overlay, Some(Overlay::Attach)) => attach::act(app, action),
        Action::Interrupt if matches!(app.overlay, Some(Overlay::Quit)) => {
            app.effects.push(Effect::Leave(Left::QuitNow));
        }
        Action::Interrupt => {
            app.overlay = None;
            interrupt(app);
        }
        Action::No => app.overlay = None,
        action if edit::act(app, action) || export::act(app, action) => {}
        Action::Yes => yes(app),
        Action::ChangedOnly => retry::changed_only(app),
        Action::StopAndQuit => app.effects.push(Effect::Leave(Left::Quit)),
        // The demo's systems end with this process.
        Action::KeepInBackground if app.settings.is_demo => app.note("the demo ends with its screen"),
        Action::KeepInBackground => app.effects.push(Effect::Leave(Left::Background)),
        action => step(app, action),
    }
}

fn yes(app: &mut App) {
    match &app.overlay {
        Some(Overlay::Confirm(confirm)) if app.now.since(confirm.opened_at) >= DEAF_AT_FIRST => {
            let request = confirm.request.clone();
            app.overlay = None;
            if app.undo.as_ref().is_some_and(|undo| undo.request == request) {
                app.undo = None;
            }
            app.order(request);
        }
        Some(Overlay::Retry(dialog)) if app.now.since(dialog.opened_at) >= DEAF_AT_FIRST => retry::confirmed(app),
        _ => {}
    }
}

fn step(app: &mut App, action: Action) {
    let size = app.size;
    match &mut app.overlay {
        Some(Overlay::Help(help)) => help.step(action, size, &app.settings.keymap, app.theme),
        Some(Overlay::Palette(_)) => palette::step(app, action),
        Some(Overlay::Menu(_)) => menu::step(app, action),
        Some(Overlay::Messages(_)) => messages::step(app, action),
        Some(Overlay::Pause(_)) if action == Action::Accept => pause::accept(app),
        Some(Overlay::Budget(_)) if action == Action::Accept => budget::accept(app),
        Some(Overlay::Budget(form)) => form.step(action),
        Some(Overlay::Discard(_)) if action == Action::Accept => discard::accept(app),
        Some(Overlay::Discard(form)) => form.step(action),
        Some(Overlay::Settle(_)) if action == Action::Accept => settle::accept(app),
        Some(Overlay::Settle(form)) if matches!(action, Action::NextPane | Action::PreviousPane) => form.step(),
        Some(Overlay::Held(_)) if action == Action::Accept => held::accept(app),
        Some(Overlay::Held(form)) => form.step(action),
        Some(Overlay::Rewind(_)) if action == Action::Accept => rewind::accept(app),
        Some(Overlay::RewindWhere(_)) if action == Action::Accept => rewind::accept_where(app),
        Some(Overlay::Range(_)) if action == Action::Accept => range::accept(app),
        Some(Overlay::Rewind(form)) => form.step(action),
        Some(Overlay::Page(page) | Overlay::Plan(page)) => {
            let len = page.lines(usize::from(page_area(size).width.saturating_sub(4))).len();
            page.scroll.height = usize::from(page_area(size).height.saturating_sub(2)).max(1);
            let rows = page.scroll.height;
            // The offset is what moves: there is nothing to select on a page.
            let mut offset = ListState { selected: page.scroll.offset, ..page.scroll };
            super::screens::move_in(&mut offset, action, len.saturating_sub(rows) + 1);
            page.scroll.offset = offset.selected;
        }
        _ => {}
    }
}

fn typed(app: &mut App, event: &KeyEvent, name: Option<&str>) {
    match &mut app.overlay {
        Some(Overlay::Help(_)) if matches!(name, Some("?" | "f1")) => app.overlay = None,
        Some(Overlay::Help(help)) => {
            let is_changed = edit(&mut help.search, event);
            help.scroll = if is_changed { 0 } else { help.scroll };
        }
        Some(Overlay::Palette(palette)) if name == Some("?") && palette.input.value().is_empty() => {
            app.overlay = Some(help::open(app.screen.context()));
        }
        Some(Overlay::Palette(palette)) => palette.typed(event),
        Some(Overlay::Menu(_)) => menu::key(app, name),
        // Enter takes the text of the one field that a pause has.
        Some(Overlay::Pause(_)) if name == Some("enter") => pause::accept(app),
        Some(Overlay::Pause(form)) => {
            edit(&mut form.reason, event);
        }
        Some(Overlay::Budget(_)) if name == Some("enter") => budget::accept(app),
        Some(Overlay::Budget(form)) => form.typed(event),
        Some(Overlay::Discard(form)) => form.typed(event, name),
        Some(Overlay::Settle(form)) => form.typed(event, name),
        Some(Overlay::Held(form)) => form.typed(event, name),
        Some(Overlay::RewindWhere(_)) if name == Some("enter") => rewind::accept_where(app),
        Some(Overlay::Range(_)) if name == Some("enter") => range::accept(app),
        Some(Overlay::Range(form)) => form.typed(event),
        Some(Overlay::RewindWhere(form)) => form.typed(event),
        Some(Overlay::Rewind(form)) => form.typed(event),
        Some(Overlay::Edit(form)) => form.typed(event, name),
        _ => {}
    }
}

/// An answer that a dialog waits for.
pub fn answered(app: &mut App, purpose: &Purpose, result: Result<Answer, Refusal>) {
    match app.overlay {
        Some(Overlay::Retry(_)) => retry::answered(app, purpose, result),
        Some(Overlay::Discard(_)) => discard::answered(app, result),
        Some(Overlay::Held(_)) => held::answered(app, result),
        _ => {}
    }
}

pub fn confirm_undo(app: &App, undo: &Undo) -> Overlay {
    Overlay::Confirm(Confirm {
        title: "Undo?".to_owned(),
        lines: vec![format!("{} ago: {}", span(app.now.since(undo.at)), undo.text)],
        yes: "take it back".to_owned(),
        request: undo.request.clone(),
        opened_at: app.now,
    })
}

impl Page {
    fn lines(&self, width: usize) -> Vec<(String, bool)> {
        let mut lines = Vec::new();
        for (heading, text) in &self.parts {
            if !heading.is_empty() {
                lines.push((heading.clone(), true));
            }
            for line in text.split('\n').take(super::json::LINES_MAX) {
                let shown = super::text::visible_value(line, super::text::Symbols::Unicode);
                lines.extend(shown.wrapped(width).into_iter().map(|line| (line.as_str().to_owned(), false)));
            }
            if !heading.is_empty() {
                lines.push((String::new(), false));
            }
        }
        lines
    }
}

fn page_area((width, height): (u16, u16)) -> Rect {
    let (x, y) = (if width >= 100 { 6 } else { 0 }, 2.min(height));
    Rect { x, y, width: width - 2 * x, height: height.saturating_sub(4) }
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>) {
    match &app.overlay {
        None => {}
        Some(Overlay::Help(help)) => help.draw(app, canvas),
        Some(Overlay::Palette(palette)) => palette.draw(app, canvas),
        Some(Overlay::Menu(menu)) => menu.draw(app, canvas),
        Some(Overlay::Confirm(confirm)) => {
            let width = text_width(app);
            let lines = confirm
                .lines
                .iter()
                .flat_map(|line| wrapped(line, width))
                .map(|line| canvas.line().say(line))
                .collect();
            let buttons = canvas
                .line()
                .tone("[ Cancel  Esc ]", Tone::Selected)
                .say("    ")
                .key(app.key(Action::Yes))
                .say(format!(" {}", confirm.yes));
            dialog(app, canvas, &confirm.title, lines, &buttons, None);
        }
        Some(Overlay::Pause(form)) => form.draw(app, canvas),
        Some(Overlay::Budget(form)) => form.draw(app, canvas),
        Some(Overlay::Retry(dialog)) => dialog.draw(app, canvas),
        Some(Overlay::Discard(form)) => form.draw(app, canvas),
        Some(Overlay::Settle(form)) => form.draw(app, canvas),
        Some(Overlay::Held(form)) => form.draw(app, canvas),
        Some(Overlay::Rewind(form)) => form.draw(app, canvas),
        Some(Overlay::RewindWhere(form)) => form.draw(app, canvas),
        Some(Overlay::Range(form)) => form.draw(app, canvas),
        Some(Overlay::Edit(form)) => edit::draw(form, app, canvas),
        Some(Overlay::Quit) => draw_quit(app, canvas),
        Some(Overlay::Export) => export::draw(app, canvas),
        Some(Overlay::Attach) => attach::draw(app, canvas),
        Some(Overlay::Messages(list)) => messages::draw(list, app, canvas),
        Some(Overlay::Page(page) | Overlay::Plan(page)) => {
            let area = page_area(app.size);
            canvas.clear(area);
            let inner = canvas.panel(area, &page.title, "↑↓ scroll · Esc closes", true);
            let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
            let lines = page.lines(usize::from(inner.width));
            let shown: Vec<Line> = lines
                .iter()
                .skip(page.scroll.offset)
                .take(usize::from(inner.height))
                .map(|(line, is_heading)| canvas.line().tone(line, if *is_heading { Tone::Bold } else { Tone::Plain }))
                .collect();
            canvas.put_all(inner, &shown);
        }
    }
}

fn draw_quit(app: &App, canvas: &mut Canvas<'_>) {
    let running = app.running_jobs();
    let mut lines: Vec<Line> = Vec::new();
    for job in &running {
        let name = canvas.line().id(job.id.as_str(), 30).to(32);
        lines.push(name.say(super::screens::jobs::progress_words(job)));
    }
    let most = 5;
    if lines.len() > most {
        let more = lines.len() - most + 1;
        lines.truncate(most - 1);
        lines.push(canvas.line().dim(format!("… and {more} more")));
    }
    lines.push(canvas.line());
    if !app.settings.is_demo {
        let key = canvas.line().key(app.key(Action::KeepInBackground));
        lines.push(key.say("    keep them going in the background, close this screen"));
    }
    lines.push(canvas.line().key(app.key(Action::StopAndQuit)).say("    stop them at the next page border, then quit"));
    lines.push(canvas.line().key("Esc").say("  stay"));
    lines.push(canvas.line());
    let in_flight: u64 = running.iter().map(|job| job.in_flight).sum();
    let text = format!(
        "Stopping loses nothing: every saved checkpoint stays and the next start goes on from there. {} in flight {} finished or read again.",
        text::counted(in_flight, "record", "records"),
        if in_flight == 1 { "is" } else { "are" },
    );
    lines.extend(wrapped(&text, text_width(app)).iter().map(|line| canvas.line().say(line)));
    if app.settings.is_demo {
        lines.push(canvas.line().say("This is the demo: its state goes away with it."));
    }
    let title = format!(
        "Quit? {} in this program",
        if running.len() == 1 { "1 job runs".to_owned() } else { format!("{} jobs run", running.len()) }
    );
    let buttons = canvas
        .line()
        .tone("[ Stay  Esc ]", Tone::Selected)
        .say("    ")
        .key(app.key(Action::StopAndQuit))
        .say(" stop and quit");
    dialog(app, canvas, &title, lines, &buttons, None);
}

/// The key that does `action` in a form, as people read it.
pub(super) fn form_key(app: &App, action: Action) -> String {
    app.settings.keymap.labels(&[Context::Form], action).into_iter().next().unwrap_or_default()
}

/// How wide a text in a dialog can be.
pub(super) fn text_width(app: &App) -> usize {
    usize::from(app.size.0.min(76).saturating_sub(4))
}

/// Draws a dialog; its buttons are always seen. `focus` is the line and the cell of the text field that is typed in:
/// where room is short, the lines around it are shown.
pub(super) fn dialog(
    app: &App,
    canvas: &mut Canvas<'_>,
    title: &str,
    mut lines: Vec<Line>,
    buttons: &Line,
    focus: Option<(usize, usize)>,
) {
    // A sentence that is too long for the dialog goes on below; a field that is typed in stays in one line.
    let cells = text_width(app);
    let mut focus = focus;
    let short = lines.clone();
    let mut shown: Vec<Line> = Vec::new();
    for (at, line) in lines.drain(..).enumerate() {
        match focus {
            Some((focused, cell)) if focused == at => {
                focus = Some((shown.len(), cell));
                shown.push(line);
            }
            _ => shown.extend(line.wrapped(cells)),
        }
    }
    // Where that makes it too high, every line in short says more than the first ones in full.
    let rows = shown.iter().filter(|line| line.width() > 0).count() + 5;
    let mut lines = if focus.is_none() && rows > usize::from(app.size.1) { short } else { shown };
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let area = geometry::centered(app, 76, height);
    canvas.clear(area);
    let inner = canvas.panel(area, title, "", true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let room = usize::from(inner.height.saturating_sub(1));
    if lines.len() > room && focus.is_none() {
        // Empty lines go first, then the end of the text.
        lines.retain(|line| line.width() > 0);
        if lines.len() > room {
            lines.truncate(room.saturating_sub(1));
            lines.push(canvas.line().dim("… (a taller window shows all)"));
        }
    }
    let skipped = focus.map_or(0, |(line, _)| (line + 1).saturating_sub(room));
    let body = Rect { height: inner.height.saturating_sub(1), ..inner };
    canvas.put_all(body, lines.get(skipped..).unwrap_or(&[]));
    let last = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
    canvas.put(last, buttons);
    canvas.cursor = Some(match focus {
        Some((line, cell)) => {
            let x = u16::try_from(cell).unwrap_or(u16::MAX).min(inner.width.saturating_sub(1));
            let y = u16::try_from(line - skipped).unwrap_or(0);
            Position::new(inner.x + x, inner.y + y)
        }
        None => Position::new(last.x, last.y),
    });
}

/// A text field in a line: label, text, and where its cursor stands in the line.
pub(in crate::tui) fn field(
    canvas: &Canvas<'_>,
    label: &str,
    input: &Input,
    is_focused: bool,
    cells: usize,
) -> (Line, usize) {
    let before: String = input.value().chars().take(input.cursor()).collect();
    let after: String = input.value().chars().skip(input.cursor()).collect();
    let symbols = canvas.theme.symbols;
    let before = visible(&before, symbols);
    // Of a text longer than its field the end is seen: there one types.
    let mut lines = before.wrapped(cells.max(4));
    let is_long = lines.len() > 1;
    let head = lines.pop().unwrap_or_default();
    let cursor = visible(label, symbols).width() + head.width() + usize::from(is_long);
    let line = canvas.line().tone(label, if is_focused { Tone::Bold } else { Tone::Plain });
    let line = if is_long { line.dim("…") } else { line };
    (line.shown(head, Tone::Plain).say(after), cursor)
}
