//! The engine's log: by level, filtered, followed, and a line as its fields.

use super::job::level_word;
use super::move_in;
use crate::control::Request;
use crate::model::filter::contains;
use crate::model::{Level, LogFilter, Notice, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, WIDE};
use crate::tui::text::{brief_moment, counted, distance, grouped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;

/// Lines that are asked for at once.
const PAGE: usize = 500;
/// Lines that are held; older ones are asked for again when a person scrolls up to them.
const HELD_MAX: usize = 5_000;

/// How moments are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TimeFormat {
    #[default]
    Utc,
    /// In the zone of this machine.
    Local,
    Ago,
}

#[derive(Clone, Debug)]
pub struct State {
    pub filter_text: String,
    /// The last filter that could be read.
    filter: LogFilter,
    level: Level,
    /// What is looked for in the lines.
    pub find: String,
    time: TimeFormat,
    /// Newest last; none while they are being asked for.
    lines: Option<Vec<Notice>>,
    has_older: bool,
    list: ListState,
    follows: bool,
    is_open: bool,
    is_zoomed: bool,
    pub problem: Option<String>,
    seen: u64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter_text: String::new(),
            filter: LogFilter::default(),
            level: Level::Info,
            find: String::new(),
            time: TimeFormat::Utc,
            lines: None,
            has_older: false,
            list: ListState::default(),
            follows: true,
            is_open: false,
            is_zoomed: false,
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

    /// The lines in which what is looked for stands.
    fn found(&self) -> impl Iterator<Item = usize> {
        let find = self.find.to_lowercase();
        let lines = self.lines.iter().flatten().enumerate().filter(move |(_, notice)| is_found(notice, &find));
        lines.map(|(at, _)| at)
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
    let is_zoomed = app.logs.is_zoomed && app.logs.selected_notice().is_some();
    let rows = match (app.logs.is_open, is_zoomed) {
        (false, _) => 0,
        (true, false) => 11.min(body.height / 2 + 1),
        (true, true) => body.height,
    };
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
    if std::mem::take(&mut app.logs.is_zoomed) || std::mem::take(&mut app.logs.is_open) {
        return true;
    }
    let had_find = !app.logs.find.is_empty();
    app.logs.find.clear();
    had_find
}

/// Looks for text, first from the selected line on: the lines all stay.
pub fn find(app: &mut App, text: &str) {
    text.trim().clone_into(&mut app.logs.find);
    let from = app.logs.list.selected;
    let next = app.logs.found().find(|at| *at >= from).or_else(|| app.logs.found().last());
    if let Some(at) = next.filter(|_| !app.logs.find.is_empty()) {
        go_to(app, at);
    }
}

fn find_next(app: &mut App, action: Action) {
    if app.logs.find.is_empty() {
        let key = app.key(Action::Filter);
        return app.note(format!("nothing is looked for; {key} takes a text"));
    }
    let from = app.logs.list.selected;
    let (next, other_end) = match action {
        Action::FindNext => (app.logs.found().find(|at| *at > from), app.logs.found().next()),
        _ => (app.logs.found().filter(|at| *at < from).last(), app.logs.found().last()),
    };
    match (next, other_end) {
        (Some(at), _) => go_to(app, at),
        (None, Some(at)) => {
            go_to(app, at);
            app.note(if action == Action::FindNext { "from the first line again" } else { "from the last line again" });
        }
        (None, None) => {
            let (n, key) = (grouped(app.logs.len() as u64), app.key(Action::FilterLines));
            app.note(format!("not in the {n} lines read so far; {key} looks through all that are kept"));
        }
    }
}

fn go_to(app: &mut App, at: usize) {
    if at != app.logs.list.selected {
        app.logs.follows = false;
        app.logs.list.selected = at;
    }
}

fn is_found(notice: &Notice, find: &str) -> bool {
    !find.is_empty() && (contains(&notice.text, find) || contains(&place(notice), find))
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::MoreLines | Action::FewerLines => change_level(app, action),
        Action::Open | Action::View => {
            app.logs.is_open = !app.logs.is_open;
            app.logs.is_zoomed = false;
        }
        Action::Zoom => {
            app.logs.is_zoomed = !(app.logs.is_open && app.logs.is_zoomed);
            app.logs.is_open = true;
        }
        Action::FindNext | Action::FindPrevious => find_next(app, action),
        Action::TimeFormat => next_time_format(app),
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

fn next_time_format(app: &mut App) {
    let has_zone = app.settings.zone.is_some();
    let (time, words) = match app.logs.time {
        TimeFormat::Utc if has_zone => (TimeFormat::Local, "times in the zone of this machine"),
        TimeFormat::Utc | TimeFormat::Local => (TimeFormat::Ago, "times as how long ago"),
        TimeFormat::Ago => (TimeFormat::Utc, "times in UTC"),
    };
    app.logs.time = time;
    app.note(words);
}

/// A moment as the person wants it.
fn time_words(app: &App, at: Timestamp) -> String {
    match (app.logs.time, &app.settings.zone) {
        (TimeFormat::Local, Some(zone)) => {
            let (at, now) = (at.to_jiff().to_zoned(zone.clone()), app.now.to_jiff().to_zoned(zone.clone()));
            let format = if at.date() == now.date() { "%H:%M:%S" } else { "%b %d %H:%M" };
            at.strftime(format).to_string()
        }
        (TimeFormat::Ago, _) => distance(at, app.now),
        (TimeFormat::Utc | TimeFormat::Local, _) => brief_moment(at, app.now),
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
    let line = match filter.is_empty() {
        true => line,
        false => line.dim(format!("   {} ", app.key(Action::FilterLines))).within(filter, 50, Tone::Bold),
    };
    let line = match app.logs.find.as_str() {
        "" => line,
        find => {
            let n = counted(app.logs.found().count() as u64, "match", "matches");
            let keys = format!("{} next, ", app.key(Action::FindNext));
            line.dim("   find ")
                .within(find, 30, Tone::Bold)
                .say(format!("   {n}"))
                .dim(format!("   ({keys}Esc clears)"))
        }
    };
    match (filter.is_empty(), app.logs.find.is_empty()) {
        (false, true) => line.dim("   (Esc clears)"),
        _ => line,
    }
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
                Cell::new(time_words(app, notice.at)),
                Cell::toned(word, tone),
                Cell::new(place(notice)).finding(&state.find),
                Cell::new(notice.text.clone()).finding(&state.find),
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
    let text =
        crate::tui::text::visible_within(&notice.text, width * usize::from(inner.height).max(6), canvas.theme.symbols)
            .wrapped(width);
    for (at, part) in text.into_iter().enumerate() {
        lines.push(label(if at == 0 { "message" } else { "" }).shown(part, Tone::Plain));
    }
    canvas.put_all(inner, &lines);
}
