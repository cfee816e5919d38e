//! Connections: each system, worst first; what it allows, how it answers, who uses it.
//!
//! ```text
//! ╭ Connections ────────────────────────╮      at 80x24 the connection's strip stands below the list alone;
//! ╰─────────────────────────────────────╯      Tab puts the answers in its place, z gives it all room
//! ╭ hubspot ─────────╮╭ Latency, answers╮
//! ╰──────────────────╯╰─────────────────╯
//! ```

use super::move_in;
use crate::model::{Circuit, ConnectionId, ConnectionStatus, JobId};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::text::{distance, grouped, short};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, bar, table};
use ratatui::layout::Rect;

#[derive(Clone, Debug, Default)]
pub struct State {
    /// The selection is a connection, not a row: the order changes with their health.
    pub selected: Option<ConnectionId>,
    list: ListState,
    shows_answers: bool,
    is_zoomed: bool,
}

/// Sign, words and tone of how a connection is; the worst sort first.
fn health(connection: &ConnectionStatus, app: &App) -> (u8, &'static str, &'static str, Tone) {
    let is_throttled = connection.throttled_until.is_some_and(|until| until > app.now);
    match &connection.circuit {
        Circuit::Open { .. } => (0, "✗", "down", Tone::Fail),
        Circuit::Closed if is_throttled => (2, "!", "slow down", Tone::Warn),
        Circuit::Closed if connection.latency_p50.is_none() => (5, "◦", "not used yet", Tone::Dim),
        Circuit::Closed => (4, "✓", "ok", Tone::Ok),
    }
}

/// Worst first, then by name.
fn ordered(app: &App) -> Vec<&ConnectionStatus> {
    let mut all: Vec<&ConnectionStatus> = app.snapshot.iter().flat_map(|snapshot| &snapshot.connections).collect();
    all.sort_by_key(|connection| (health(connection, app).0, connection.id.clone()));
    all
}

fn place(app: &App) -> usize {
    let selected = app.connections.selected.as_ref();
    ordered(app).iter().position(|connection| Some(&connection.id) == selected).unwrap_or(0)
}

pub fn selected(app: &App) -> Option<&ConnectionStatus> {
    ordered(app).get(place(app)).copied()
}

/// A job of the selected connection, for the keys that go to a job's things.
pub fn selected_job(app: &App) -> Option<JobId> {
    let id = &selected(app)?.id;
    app.jobs().iter().find(|job| job.destination == *id || job.source == *id).map(|job| job.id.clone())
}

/// Shows one connection.
pub fn show(app: &mut App, id: ConnectionId) {
    app.connections.selected = Some(id);
    super::show(app, super::Screen::Connections);
}

struct Layout {
    list: Rect,
    facts: Rect,
    answers: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let none = Rect { width: 0, height: 0, ..body };
    if body.width >= WIDE && app.size.1 >= TALL {
        let n = app.snapshot.as_ref().map_or(0, |snapshot| snapshot.connections.len());
        let wanted = u16::try_from(n).unwrap_or(u16::MAX).saturating_add(3);
        let (list, below) = geometry::top(body, wanted.clamp(6, body.height.saturating_sub(16).max(6)));
        let (facts, answers) = geometry::left(below, body.width / 2);
        return Layout { list, facts, answers };
    }
    let rows = match (app.connections.is_zoomed, body.height >= 15 && body.width >= 80) {
        (true, _) => body.height,
        (false, true) => body.height / 2,
        (false, false) => 0,
    };
    let (list, below) = geometry::top(body, body.height.saturating_sub(rows));
    if app.connections.shows_answers {
        Layout { list, facts: none, answers: below }
    } else {
        Layout { list, facts: below, answers: none }
    }
}

pub fn settle(app: &mut App, body: Rect) {
    let rows = geometry::table_rows(layout(app, body).list);
    let len = ordered(app).len();
    app.connections.list.selected = place(app);
    app.connections.list.settle(len, rows);
}

pub fn step_back(app: &mut App) -> bool {
    std::mem::take(&mut app.connections.is_zoomed)
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Open | Action::Zoom => app.connections.is_zoomed = !app.connections.is_zoomed,
        Action::NextPane | Action::PreviousPane => app.connections.shows_answers = !app.connections.shows_answers,
        action => {
            let ids: Vec<ConnectionId> = ordered(app).iter().map(|connection| connection.id.clone()).collect();
            if move_in(&mut app.connections.list, action, ids.len()) {
                app.connections.selected = ids.get(app.connections.list.selected).cloned();
            }
        }
    }
}

const COLUMNS: [Column<'static>; 7] = [
    Column::id("SYSTEM", 8, 0),
    Column::word("HEALTH", 0),
    Column::word("RATE BUDGET", 4),
    Column::word("REFILL", 5),
    Column::number("p50 ms", 3),
    Column::number("p95 ms", 2),
    Column::word("CIRCUIT", 1),
];

fn budget_cells(app: &App, connection: &ConnectionStatus) -> (String, String) {
    let Some(budget) = &connection.budget else { return ("no limit known".to_owned(), "—".to_owned()) };
    let refill = budget.resets_at.map_or("—".to_owned(), |at| {
        if at <= app.now { "now".to_owned() } else { distance(at, app.now).trim_start_matches("in ").to_owned() }
    });
    let words = match budget.limit {
        Some(limit) => {
            let share = super::jobs::percent(budget.remaining, limit);
            let cells = bar(app.theme, budget.remaining, limit, 10);
            format!("{cells} {share:>3}% {}/{}", short(budget.remaining), short(limit))
        }
        None => format!("{} left", grouped(budget.remaining)),
    };
    (words, refill)
}

fn circuit_word(connection: &ConnectionStatus) -> &'static str {
    match connection.circuit {
        Circuit::Closed => "closed",
        Circuit::Open { .. } => "open",
    }
}

fn row(app: &App, connection: &ConnectionStatus) -> Vec<Cell> {
    let (_, sign, words, tone) = health(connection, app);
    let (budget, refill) = budget_cells(app, connection);
    let ms = |value: Option<u32>| Cell::new(value.map_or("—".to_owned(), |value| grouped(value.into())));
    vec![
        Cell::new(connection.id.as_str()),
        Cell::toned(format!("{sign} {words}"), tone),
        Cell::new(budget),
        Cell::new(refill),
        ms(connection.latency_p50),
        ms(connection.latency_p95),
        Cell::new(circuit_word(connection)),
    ]
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    draw_facts(app, canvas, layout.facts);
    draw_answers(app, canvas, layout.answers);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let all = ordered(app);
    let right = if all.is_empty() { String::new() } else { format!("{} · worst first", all.len()) };
    let inner = canvas.panel(area, "Connections", &right, true);
    if all.is_empty() {
        let text = match app.snapshot {
            None => " asking the engine…",
            Some(_) => " No connection in the configuration yet. Add a [connections.NAME] table.",
        };
        return canvas.put(inner, &canvas.line().say(text));
    }
    let window = app.connections.list.window(all.len());
    let rows: Vec<Vec<Cell>> = all[window.clone()].iter().map(|connection| row(app, connection)).collect();
    table(canvas, inner, &COLUMNS, &rows, app.connections.list.selected.checked_sub(window.start), &|_| false);
}

fn draw_facts(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(connection) = selected(app).filter(|_| area.height > 0) else { return };
    let inner = canvas.panel(area, connection.id.as_str(), "", false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let label = |name: &str| canvas.line().dim(name).to(12);
    let circuit = match &connection.circuit {
        Circuit::Closed => label("circuit").say("closed: calls go through"),
        Circuit::Open { since, next, why } => label("circuit").tone(
            format!("open since {}: {why}; one call tries {}", distance(*since, app.now), distance(*next, app.now)),
            Tone::Fail,
        ),
    };
    let lines: Vec<Line> = vec![
        circuit,
        label("in flight")
            .say(format!("{} of {} at most, {} waiting", connection.in_flight, connection.ceiling, connection.queued)),
    ];
    canvas.put_all(inner, &lines);
}

fn draw_answers(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(connection) = selected(app).filter(|_| area.height > 0) else { return };
    let inner = canvas.panel(area, "Answers", "since this engine started", false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let answers = &connection.answers;
    let classes = [
        ("ok", answers.ok),
        ("429", answers.throttled),
        ("4xx", answers.client_error),
        ("5xx", answers.server_error),
        ("none", answers.no_answer),
    ];
    let lines: Vec<Line> =
        classes.iter().map(|(name, n)| canvas.line().dim(*name).to(12).say(format!("{:>10}", grouped(*n)))).collect();
    canvas.put_all(inner, &lines);
}
