//! The engine's log: by level, filtered, followed, and a line as its fields.

use super::job::level_word;
use super::move_in;
use crate::control::Request;
use crate::model::{Level, LogFilter, Notice};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, WIDE};
use crate::tui::text::{brief_moment, counted, grouped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;

/// Lines that are asked for at once.
const PAGE: usize = 500;
/// Lines that are held; older ones are asked for again when a person scrolls up to them.
const HELD_MAX: usize = 5_000;

#[derive(Clone, Debug)]
pub struct State {
    pub filter_text: String,
    /// The last filter that could be read.
    filter: LogFilter,
    level: Level,
    /// Newest last; none while they are being asked for.
    lines: Option<Vec<Notice>>,
    has_older: bool,
    list: ListState,
    follows: bool,
    is_open: bool,
    pub problem: Option<String>,
    seen: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter_text: String::new(),
            filter: LogFilter::default(),
            level: Level::Info,
            lines: None,
            has_older: false,
            list: ListState::default(),
            follows: true,
            is_open: false,
            problem: None,
            seen: 0,
        }
    }
}

impl State {
    /// Newest last, as far as they were read.
    pub fn listed(&self) -> &[Notice] {
        self.lines.as_deref().unwrap_or_default()
    }

    pub fn selected_notice(&self) -> Option<&Notice> {
        self.lines.as_ref()?.get(self.list.selected)
    }

    fn len(&self) -> usize {
        self.lines.as_ref().map_or(0, Vec::len)
    }

    fn filter(&self) -> LogFilter {
        LogFilter { level: Some(self.level), ..self.filter.clone() }
    }
}

pub fn opened(app: &mut App) {
    app.logs.follows = true;
    refresh(app);
}

pub fn is_stale(app: &App) -> bool {
    app.logs.follows && app.logs.seen != app.newest_notice()
}

/// Reads the newest lines. A person who scrolled away keeps the lines that are on the screen.
pub fn refresh(app: &mut App) {
    app.logs.seen = app.newest_notice();
    if app.logs.follows || app.logs.lines.is_none() {
        ask(app);
    }
}

fn ask(app: &mut App) {
    app.forget(&Purpose::OlderLogs);
    let filter = app.logs.filter();
    app.ask(Purpose::Logs, Request::Logs { filter, before: None, limit: PAGE });
}

pub fn came(app: &mut App, lines: Vec<Notice>) {
    let state = &mut app.logs;
    state.problem = None;
    state.has_older = lines.len() == PAGE;
    state.lines = Some(lines);
    if state.follows {
        let len = state.len();
        state.list.bottom(len);
    }
}

pub fn older_came(app: &mut App, older: Vec<Notice>) {
    let state = &mut app.logs;
    state.has_older = older.len() == PAGE;
    let n = older.len();
    let lines = state.lines.get_or_insert_default();
    lines.splice(0..0, older);
    // What a person looks at stays where it is; the newest lines go when there are too many.
    state.list.selected += n;
    state.list.offset += n;
    if lines.len() > HELD_MAX {
        lines.truncate(HELD_MAX.max(state.list.selected + 1));
    }
}

/// Takes a filter; the last valid one stays when this one is none.
pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.logs.filter_text);
    let filter = LogFilter::parse(text, app.now)?;
    if app.logs.filter != filter {
        app.logs.filter = filter;
        ask_anew(app);
    }
    Ok(())
}

fn ask_anew(app: &mut App) {
    app.logs.lines = None;
    app.logs.list = ListState::default();
    app.logs.follows = true;
    ask(app);
}

struct Layout {
    list: Rect,
    fields: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let rows = if app.logs.is_open { 11.min(body.height / 2 + 1) } else { 0 };
    let (list, fields) = geometry::top(body, body.height.saturating_sub(rows));
    Layout { list, fields }
}

pub fn settle(app: &mut App, body: Rect) {
    let rows = geometry::table_rows(layout(app, body).list);
    let len = app.logs.len();
    app.logs.list.settle(len, rows);
    let first = app.logs.lines.as_ref().and_then(|lines| lines.first()).map(|notice| notice.number);
    if app.logs.list.offset < rows && app.logs.has_older && !app.logs.follows && !app.is_asking(&Purpose::OlderLogs) {
        let filter = app.logs.filter();
        app.ask(Purpose::OlderLogs, Request::Logs { filter, before: first, limit: PAGE });
    }
}

pub fn step_back(app: &mut App) -> bool {
    std::mem::take(&mut app.logs.is_open)
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::MoreLines | Action::FewerLines => change_level(app, action),
        Action::Open => app.logs.is_open = !app.logs.is_open,
        Action::LetIn if app.logs.follows => app.logs.follows = false,
        Action::LetIn | Action::Bottom => {
            app.logs.follows = true;
            let len = app.logs.len();
            app.logs.list.bottom(len);
            ask(app);
        }
        action => {
            let len = app.logs.len();
            if move_in(&mut app.logs.list, action, len) {
                app.logs.follows = false;
            }
        }
    }
}

fn change_level(app: &mut App, action: Action) {
    let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error];
    let at = levels.iter().position(|level| *level == app.logs.level).unwrap_or(1);
    let to = if action == Action::MoreLines { at.checked_sub(1) } else { Some(at + 1) };
    match to.and_then(|to| levels.get(to)) {
        Some(level) => {
            app.logs.level = *level;
            ask_anew(app);
        }
        None if action == Action::MoreLines => app.note("all levels are shown"),
        None => app.note("only errors are shown"),
    }
}

pub fn crumb(app: &App, line: Line) -> Line {
    let filter = app.logs.filter_text.trim();
    let line = line.dim(" level ≥ ").bold(level_word(app.logs.level).0);
    if filter.is_empty() { line } else { line.dim("   / ").within(filter, 60, Tone::Bold).dim("   (Esc clears)") }
}

pub fn new_words(app: &App) -> Option<String> {
    if app.logs.follows {
        return None;
    }
    let n = app.newest_notice().saturating_sub(app.logs.seen);
    let new = if n > 0 { format!("{} since; ", counted(n, "notice", "notices")) } else { String::new() };
    Some(format!("not following: {new}{} follows again", app.key(Action::Bottom)))
}

const COLUMNS: [Column<'static>; 4] =
    [Column::word("TIME", 0), Column::word("LEVEL", 0), Column::id("WHERE", 10, 1), Column::text("MESSAGE", 20, 0)];

fn place(notice: &Notice) -> String {
    let job = notice.job.as_ref().map(ToString::to_string);
    job.or_else(|| notice.connection.as_ref().map(ToString::to_string)).unwrap_or_else(|| "engine".to_owned())
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    draw_fields(app, canvas, layout.fields);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.logs;
    let mode = if state.follows { "▸ following" } else { "standing still" };
    let right = match area.width >= WIDE && !app.settings.log_folder.is_empty() {
        true => format!("{mode} · {} lines · files in {}", grouped(state.len() as u64), app.settings.log_folder),
        false => format!("{mode} · {} lines", grouped(state.len() as u64)),
    };
    let inner = canvas.panel(area, "Logs", &right, true);
    let Some(lines) = &state.lines else {
        let line = match &state.problem {
            Some(problem) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            None => canvas.line().say(" asking the engine…"),
        };
        return canvas.put(inner, &line);
    };
    if lines.is_empty() {
        let text = if state.filter_text.is_empty() { " No line of this level yet." } else { " No line matches." };
        return canvas.put(inner, &canvas.line().say(text));
    }
    let window = state.list.window(lines.len());
    let rows: Vec<Vec<Cell>> = lines[window.clone()]
        .iter()
        .map(|notice| {
            let (word, tone) = level_word(notice.level);
            vec![
                Cell::new(brief_moment(notice.at, app.now)),
                Cell::toned(word, tone),
                Cell::new(place(notice)),
                Cell::new(notice.text.clone()),
            ]
        })
        .collect();
    table(canvas, inner, &COLUMNS, &rows, state.list.selected.checked_sub(window.start), &|_| false);
}

fn draw_fields(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(notice) = app.logs.selected_notice() else { return };
    if area.height == 0 {
        return;
    }
    let inner = canvas.panel(area, "Selected line", &format!("{} closes", app.key(Action::Open)), false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let label = |name: &str| canvas.line().dim(name).to(13);
    let (level, tone) = level_word(notice.level);
    let mut lines = vec![
        label("time").say(notice.at.to_string()).dim("   number ").say(grouped(notice.number)),
        label("level").tone(level, tone).dim("   event ").say(&notice.event),
    ];
    let run = notice.run.map(|run| format!("   run #{run}")).unwrap_or_default();
    if let Some(job) = &notice.job {
        lines.push(label("job").say(job.as_str()).say(run));
    }
    if let Some(connection) = &notice.connection {
        lines.push(label("connection").say(connection.as_str()));
    }
    if let Some(record) = &notice.record {
        let at_destination = notice.destination_id.as_ref().map_or("—", |id| id.as_str());
        lines.push(label("record").id(&record.shown(), 50).dim("   destination ").id(at_destination, 40));
    }
    let width = usize::from(inner.width).saturating_sub(13);
    let text = crate::tui::text::visible_within(&notice.text, width * 6, canvas.theme.symbols).wrapped(width);
    for (at, part) in text.into_iter().enumerate() {
        lines.push(label(if at == 0 { "message" } else { "" }).shown(part, Tone::Plain));
    }
    canvas.put_all(inner, &lines);
}
