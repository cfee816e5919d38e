//! The command palette, made from the keys in force and the engine's last word: typed words find what can be done
//! here and everywhere, with the name of a job or a connection in it too; `>` finds commands alone, `@` jobs, `~`
//! customers, `#` dead letters, `&` connections. While nothing is typed, what was run before comes first.

use super::{Overlay, field, possible};
use crate::control::Request;
use crate::model::{ConnectionId, DeadLetterId, JobId, JobState, JobStatus, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::fuzzy;
use crate::tui::geometry;
use crate::tui::keymap::label;
use crate::tui::screens::{self, jobs};
use crate::tui::text::counted;
use crate::tui::theme::Tone;
use crate::tui::update;
use crate::tui::widgets::{Canvas, Hit, Line, ListState};
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use std::collections::{BTreeMap, HashMap};
use tui_input::Input;

/// Cells of the whole palette, where the window has them.
const WIDTH: u16 = 84;
const HEIGHT: u16 = 20;
/// Rows that are no entries: the frame, the field and the line under it, and what else can be found.
const OTHER_ROWS: u16 = 5;
/// Things that were run before and are offered again.
const RECENT_MAX: usize = 5;

#[derive(Clone, Debug)]
pub struct Palette {
    pub input: Input,
    /// What a person went to with the arrows. It is a thing, not a row: the rows change with the engine's word.
    picked: Option<What>,
    offset: usize,
}

/// What Enter does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Act(Action),
    Job(JobId),
    /// An instance, by its name.
    Customer(String),
    Connection(ConnectionId),
    Letter(DeadLetterId),
    Why(String),
    Order(Order),
}

/// A command with its object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Order {
    PauseAll,
    Pause(JobId),
    Resume(JobId),
    Run(JobId),
    Rewind(JobId),
    Plan(JobId),
    Hold(ConnectionId),
}

impl Order {
    fn text(&self) -> String {
        match self {
            Self::PauseAll => "pause all".to_owned(),
            Self::Pause(job) => format!("pause {job}"),
            Self::Resume(job) => format!("resume {job}"),
            Self::Run(job) => format!("run {job}"),
            Self::Rewind(job) => format!("rewind {job}"),
            Self::Plan(job) => format!("plan {job}"),
            Self::Hold(connection) => format!("connection hold {connection}"),
        }
    }

    /// What does the same on the command line.
    fn outside(&self) -> String {
        match self {
            Self::PauseAll => "syncdeck pause --all".to_owned(),
            Self::Run(job) => format!("syncdeck trigger {job}"),
            Self::Rewind(job) => format!("syncdeck checkpoint rewind {job}"),
            other => format!("syncdeck {}", other.text()),
        }
    }

    fn changes_data(&self) -> bool {
        !matches!(self, Self::Plan(_))
    }
}

/// Something that was run from here, and when.
#[derive(Clone, Debug)]
pub struct Recent {
    what: What,
    at: Timestamp,
}

struct Entry {
    what: What,
    text: String,
    /// What else is to be known of it.
    beside: String,
    key: String,
    /// Why it would do nothing now.
    why_not: Option<String>,
    /// What the typed text becomes by Tab.
    completed: String,
}

pub fn open() -> Overlay {
    Overlay::Palette(Palette { input: Input::default(), picked: None, offset: 0 })
}

pub fn step(app: &mut App, action: Action) {
    let Some(Overlay::Palette(palette)) = &app.overlay else { return };
    let entries = palette.entries(app);
    let at = palette.at(&entries);
    match action {
        Action::Accept => return accept(app, entries.into_iter().nth(at)),
        Action::Complete => {
            let completed = entries.into_iter().nth(at).map(|entry| (entry.completed, entry.what));
            if let (Some((text, what)), Some(Overlay::Palette(palette))) = (completed, &mut app.overlay) {
                palette.input = Input::new(text);
                palette.picked = Some(what);
            }
            return;
        }
        _ => {}
    }
    let rows = usize::from(area(app).height.saturating_sub(OTHER_ROWS));
    let mut list = ListState { selected: at, offset: palette.offset, height: rows };
    if screens::move_in(&mut list, action, entries.len()) {
        list.settle(entries.len(), rows);
        let picked = entries.into_iter().nth(list.selected).map(|entry| entry.what);
        if let Some(Overlay::Palette(palette)) = &mut app.overlay {
            (palette.picked, palette.offset) = (picked, list.offset);
        }
    }
}

fn accept(app: &mut App, entry: Option<Entry>) {
    let Some(entry) = entry else { return app.note("nothing is called that") };
    let Some(Overlay::Palette(palette)) = &app.overlay else { return };
    // Enter alone is pressed without a thought; a command that was typed or gone to is meant.
    let is_meant = palette.picked.is_some() || !palette.input.value().trim().is_empty();
    let needs_thought = match &entry.what {
        What::Act(action) => action.needs_thought(),
        What::Order(order) => order.changes_data(),
        _ => false,
    };
    if needs_thought && !is_meant {
        return app.note("this changes something: type it, or go to it with the arrows");
    }
    if let Some(why) = entry.why_not {
        return app.note(why);
    }
    app.overlay = None;
    remember(app, &entry.what);
    match entry.what {
        What::Order(order) => carry_out(app, order),
        What::Act(action) => update::act_on(app, action),
        What::Job(job) => screens::job::show(app, job),
        What::Customer(name) => screens::customer::show(app, &name),
        What::Connection(connection) => screens::connections::show(app, connection),
        What::Letter(id) => app.ask(Purpose::FindLetter, Request::DeadLetter { id }),
        What::Why(key) => screens::why::show(app, key),
    }
}

fn remember(app: &mut App, what: &What) {
    app.recent.retain(|recent| recent.what != *what);
    app.recent.push_front(Recent { what: what.clone(), at: app.now });
    app.recent.truncate(RECENT_MAX);
}

fn carry_out(app: &mut App, order: Order) {
    match order {
        Order::PauseAll => {
            let ids = can_pause(app).map(|job| job.id.clone()).collect();
            app.overlay = Some(super::pause::open(ids));
        }
        Order::Pause(job) => app.overlay = Some(super::pause::open(vec![job])),
        Order::Resume(job) => app.order(Request::Resume { jobs: vec![job] }),
        Order::Run(job) => app.order(Request::Trigger { jobs: vec![job] }),
        Order::Rewind(job) => {
            app.checkpoints.choose(job);
            screens::show(app, screens::Screen::Checkpoints);
            update::act_on(app, Action::RewindWhere);
        }
        Order::Plan(job) => super::plan::open(app, job),
        Order::Hold(connection) => app.overlay = Some(super::pause::open_hold(connection)),
    }
}

fn is_held(job: &JobStatus) -> bool {
    matches!(job.state, JobState::Paused { .. } | JobState::Pausing | JobState::NeedsAttention { .. })
}

fn can_pause(app: &App) -> impl Iterator<Item = &JobStatus> {
    app.jobs().iter().filter(|job| !is_held(job) && job.state != JobState::Disabled)
}

/// Jobs of which all orders are offered, whatever is typed.
const ORDERED_MAX: usize = 300;
/// Letters from which on a word names one of more jobs than that.
const NAMED_FROM: usize = 3;

/// Commands with their object in them, as far as they would do something now.
fn orders(app: &App, typed: &str) -> Vec<Entry> {
    // Of thousands of jobs those are meant that are named: all orders of all of them would be looked through by every frame.
    let is_few = app.jobs().len() <= ORDERED_MAX;
    let words: Vec<&str> = typed.split_whitespace().filter(|word| word.len() >= NAMED_FROM).collect();
    let is_meant = |name: &str| is_few || words.iter().any(|word| name.contains(word));
    let n_moving = can_pause(app).count() as u64;
    let mut orders: Vec<(Order, String)> = Vec::new();
    if n_moving > 0 {
        orders.push((Order::PauseAll, counted(n_moving, "job", "jobs")));
    }
    for job in app.jobs().iter().filter(|job| job.state != JobState::Disabled && is_meant(job.id.as_str())) {
        if is_held(job) {
            orders.push((Order::Resume(job.id.clone()), jobs::state_words(job, app.now)));
        } else {
            orders.push((Order::Pause(job.id.clone()), "at the next page border".to_owned()));
            orders.push((Order::Run(job.id.clone()), job.schedule.clone()));
        }
        orders.push((Order::Plan(job.id.clone()), "a dry run".to_owned()));
        orders.push((Order::Rewind(job.id.clone()), "asks where to".to_owned()));
    }
    for connection in app.snapshot.iter().flat_map(|snapshot| &snapshot.connections) {
        if connection.held.is_none() && is_meant(connection.id.as_str()) {
            orders.push((Order::Hold(connection.id.clone()), "stops all its calls".to_owned()));
        }
    }
    orders.into_iter().map(|(order, beside)| order_entry(app, order, beside)).collect()
}

fn order_entry(app: &App, order: Order, beside: String) -> Entry {
    let why_not = app.why_not_change().filter(|_| order.changes_data()).map(str::to_owned);
    let text = order.text();
    Entry { completed: text.clone(), what: What::Order(order), text, beside, key: String::new(), why_not }
}

/// What was run from here before, the last first, as far as it can be run now.
fn recent(app: &App) -> Vec<Entry> {
    let mut all: Vec<Entry> =
        commands(app).chain(orders(app, "")).chain(jobs_of(app)).chain(connections_of(app)).collect();
    let mut found = Vec::new();
    for recent in &app.recent {
        let entry = match &recent.what {
            What::Letter(id) => Some(opens(recent.what.clone(), &format!("dead letter {id}"), String::new(), '#')),
            What::Why(key) => Some(opens(recent.what.clone(), &format!("record {key}"), String::new(), '#')),
            what => all.iter().position(|entry| entry.what == *what).map(|at| all.swap_remove(at)),
        };
        let at = &recent.at.clock_text()[..5];
        found.extend(entry.map(|entry| Entry { beside: format!("recent, {at}"), ..entry }));
    }
    found
}

impl Palette {
    pub fn typed(&mut self, event: &KeyEvent) {
        let before = self.input.value().to_owned();
        update::edit(&mut self.input, event);
        if self.input.value() != before {
            (self.picked, self.offset) = (None, 0);
        }
    }

    /// The row of what is picked; the best where nothing is.
    fn at(&self, entries: &[Entry]) -> usize {
        let picked = self.picked.as_ref();
        entries.iter().position(|entry| Some(&entry.what) == picked).unwrap_or(0)
    }

    /// What fits what is typed, the best first.
    fn entries(&self, app: &App) -> Vec<Entry> {
        let typed = self.input.value().trim_start();
        let rest = |sign: char| typed.strip_prefix(sign);
        match (rest('@'), rest('#'), rest('&')) {
            (Some(typed), ..) => found(jobs_of(app), typed),
            (_, Some(typed), _) => letters(app, typed.trim()),
            (.., Some(typed)) => found(connections_of(app), typed),
            _ if typed.starts_with('~') => found(customers(app, '~'), &typed[1..]),
            // The word is as good as the sign: `customer globex`.
            _ if typed.starts_with(CUSTOMER) => found(customers(app, '~'), &typed[CUSTOMER.len()..]),
            _ => match rest('>') {
                Some(typed) => found(commands(app), typed),
                None if typed.is_empty() => {
                    let mut entries = recent(app);
                    let others = commands(app).filter(|other| entries.iter().all(|entry| entry.what != other.what));
                    let others: Vec<Entry> = others.collect();
                    entries.extend(others);
                    entries
                }
                None => found(commands(app).chain(orders(app, typed)), typed),
            },
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let area = area(app);
        canvas.clear(area);
        let inner = canvas.panel(area, "Command", "", true);
        let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        let cells = usize::from(inner.width).saturating_sub(6);
        let (line, cursor) = field(canvas, ": ", &self.input, true, cells);
        canvas.put(Rect { height: 1, ..inner }, &line);
        canvas.cursor = Some(Position::new(inner.x + u16::try_from(cursor).unwrap_or(0), inner.y));
        let (_, below) = geometry::top(inner, 2);
        let rows = Rect { height: below.height.saturating_sub(1), ..below };
        let entries = self.entries(app);
        if entries.is_empty() {
            let words = match self.input.value().trim() {
                "#" => "type the number of a dead letter, or a record's id",
                _ => "nothing is called that",
            };
            canvas.put(rows, &canvas.line().dim(words));
        }
        let selected = self.at(&entries);
        let mut list = ListState { selected, offset: self.offset, height: 0 };
        list.settle(entries.len(), usize::from(rows.height));
        let lines = entries.iter().map(|entry| entry.line(canvas, rows.width)).collect::<Vec<_>>();
        draw_rows(canvas, rows, &lines, &list);
        let last = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
        if let Some(What::Order(order)) = entries.get(selected).map(|entry| &entry.what) {
            let words = format!("the same words work outside: {}", order.outside());
            return canvas.put(last, &canvas.line().dim(words));
        }
        let has_customers = app.jobs().iter().any(|job| job.id.instance().is_some());
        let customers = has_customers.then_some(("~", " customers   "));
        let signs = [(">", " commands   "), ("@", " jobs   ")].into_iter().chain(customers);
        let signs = signs.chain([("#", " dead letters   "), ("&", " connections   "), ("?", " help")]);
        let line = canvas.line().dim("Also: ");
        canvas.put(last, &signs.fold(line, |line, (sign, words)| line.key(sign).dim(words)));
    }
}

/// Draws the rows of `list` that are on the screen, each with its text and its key at the right.
pub(super) fn draw_rows(canvas: &mut Canvas<'_>, area: Rect, rows: &[(Line, Line)], list: &ListState) {
    for (y, at) in (area.y..area.bottom()).zip(list.window(rows.len())) {
        let Some((text, key)) = rows.get(at) else { return };
        let row = Rect { y, height: 1, ..area };
        let is_selected = at == list.selected;
        let sign = canvas.line().say(if is_selected { "» " } else { "  " });
        let room = row.width.saturating_sub(u16::try_from(key.width()).unwrap_or(0) + 1);
        canvas.put(Rect { width: room, ..row }, &sign.and(text.clone()));
        canvas.put_right(row, key);
        if is_selected {
            canvas.tint(row, Tone::Selected);
        }
        let (at, selected) = (isize::try_from(at).unwrap_or(0), isize::try_from(list.selected).unwrap_or(0));
        canvas.hit(row, Hit::Row(at - selected));
    }
}

impl Entry {
    fn line(&self, canvas: &Canvas<'_>, width: u16) -> (Line, Line) {
        let cells = usize::from(width).saturating_sub(self.key.chars().count() + 4);
        let line = match &self.why_not {
            Some(why) => canvas.line().within(&format!("{}: {why}", self.text), cells, Tone::Dim),
            None => canvas.line().within(&self.text, cells, Tone::Plain),
        };
        let line = if self.beside.is_empty() { line } else { line.to(30).dim(&self.beside) };
        (line, canvas.line().key(&self.key))
    }
}

fn area(app: &App) -> Rect {
    geometry::centered(app, WIDTH.min(app.size.0.saturating_sub(4)), HEIGHT)
}

/// Those of `entries` that fit, the best first; of equals the order stays.
fn found(entries: impl Iterator<Item = Entry>, typed: &str) -> Vec<Entry> {
    let typed = typed.trim();
    let score = |entry: &Entry| {
        // A key finds its command at once; `p` is not `P`.
        let by_key = (!entry.key.is_empty() && entry.key == typed).then_some(u32::MAX);
        let name = match entry.what {
            What::Act(action) => fuzzy::score(typed, action.name()),
            _ => None,
        };
        by_key.or_else(|| fuzzy::score(typed, &format!("{} {}", entry.text, entry.beside)).max(name))
    };
    let mut found: Vec<(u32, Entry)> = entries.filter_map(|entry| Some((score(&entry)?, entry))).collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, entry)| entry).collect()
}

fn commands(app: &App) -> impl Iterator<Item = Entry> {
    possible::rows(app).into_iter().map(|row| Entry {
        what: What::Act(row.action),
        text: row.words.to_owned(),
        beside: String::new(),
        key: row.keys.first().map(|key| label(key)).unwrap_or_default(),
        why_not: possible::why_not(app, row.action),
        completed: row.words.to_owned(),
    })
}

fn opens(what: What, text: &str, beside: String, sign: char) -> Entry {
    let completed = format!("{sign}{text}");
    Entry { what, text: text.to_owned(), beside, key: String::new(), why_not: None, completed }
}

fn jobs_of(app: &App) -> impl Iterator<Item = Entry> {
    app.jobs().iter().map(|job| {
        let (sign, word, _) = jobs::state_sign(&job.state);
        let beside = format!("{sign} {word}  {} → {}", job.source, job.destination);
        opens(What::Job(job.id.clone()), job.id.as_str(), beside, '@')
    })
}

/// The word by which customers are found.
const CUSTOMER: &str = "customer ";

fn customers(app: &App, sign: char) -> impl Iterator<Item = Entry> {
    let mut jobs: BTreeMap<&str, Vec<&JobStatus>> = BTreeMap::new();
    for job in app.jobs() {
        if let Some(instance) = job.id.instance() {
            jobs.entry(instance).or_default().push(job);
        }
    }
    jobs.into_iter().map(move |(name, jobs)| {
        let dead: u64 = jobs.iter().map(|job| job.dead_waiting).sum();
        let dead = if dead > 0 { format!(", {}", counted(dead, "dead letter", "dead letters")) } else { String::new() };
        let beside = format!("customer  {}{dead}", counted(jobs.len() as u64, "job", "jobs"));
        opens(What::Customer(name.to_owned()), name, beside, sign)
    })
}

fn connections_of(app: &App) -> impl Iterator<Item = Entry> {
    let mut users: HashMap<&ConnectionId, Vec<&str>> = HashMap::new();
    for job in app.jobs() {
        let both = [&job.source, &job.destination];
        for connection in if both[0] == both[1] { &both[..1] } else { &both[..] } {
            users.entry(connection).or_default().push(job.id.as_str());
        }
    }
    app.snapshot.iter().flat_map(|snapshot| &snapshot.connections).map(move |connection| {
        let names = users.get(&connection.id).map_or(&[][..], Vec::as_slice);
        opens(What::Connection(connection.id.clone()), connection.id.as_str(), names.join(", "), '&')
    })
}

/// A number is a dead letter's, or a record's id as any other text.
fn letters(app: &App, typed: &str) -> Vec<Entry> {
    let selected = app.letters.selected_id().filter(|_| app.screen == screens::Screen::Letters && typed.is_empty());
    let number = selected.or_else(|| typed.parse().ok().map(DeadLetterId));
    let letter = number.map(|id| {
        let text = format!("dead letter {id}");
        Entry { completed: format!("#{id}"), ..opens(What::Letter(id), &text, "opens it".to_owned(), '#') }
    });
    let why = (!typed.is_empty()).then(|| {
        let text = format!("record {typed}");
        let beside = "why it is not there, or stands as it does".to_owned();
        Entry { completed: format!("#{typed}"), ..opens(What::Why(typed.to_owned()), &text, beside, '#') }
    });
    letter.into_iter().chain(why).collect()
}
