//! Connections: each system, worst first; what it allows, how it answers, who uses it, and what a person does to it.
//!
//! ```text
//! ╭ Connections ────────────────────────╮      at 80x24 the connection's strip stands below the list alone;
//! ╰─────────────────────────────────────╯      Tab puts the answers in its place, z gives it all room
//! ╭ hubspot ─────────╮╭ Latency, answers╮
//! ╰──────────────────╯╰─────────────────╯
//! ```

use super::connections_detail::{draw_answers, draw_facts};
use super::move_in;
use crate::control::Request;
use crate::model::filter::{Sieve, parse};
use crate::model::{AnswerCounts, Circuit, ConnectionId, ConnectionStatus, Health, JobId, Tested};
use crate::tui::action::Action;
use crate::tui::app::{App, MessageKind, Purpose};
use crate::tui::filters::{CONNECTION_FIELDS, Seen};
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::overlays::{Confirm, Overlay, Page, budget, pause};
use crate::tui::sorting::{self, Criterion, Sort};
use crate::tui::text::{counted, distance, grouped, short};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, bar, table};
use ratatui::layout::Rect;

/// What the connections can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The worst first.
    #[default]
    Health,
    Name,
    Errors,
    Latency,
    Calls,
}

impl Criterion for By {
    const ALL: &'static [Self] = &[Self::Health, Self::Name, Self::Errors, Self::Latency, Self::Calls];

    fn word(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Name => "name",
            Self::Errors => "errors 5m",
            Self::Latency => "p95",
            Self::Calls => "calls 5m",
        }
    }

    fn is_greatest_first(self) -> bool {
        !matches!(self, Self::Health | Self::Name)
    }
}

#[derive(Clone, Debug, Default)]
pub struct State {
    sort: Sort<By>,
    /// The selection is a connection, not a row: the order changes with their health.
    pub selected: Option<ConnectionId>,
    pub filter_text: String,
    /// Of the last filter that could be read.
    sieve: Sieve,
    list: ListState,
    shows_answers: bool,
    is_zoomed: bool,
}

/// Sign and tone of how a connection is.
pub(super) fn health_sign(health: Health) -> (&'static str, Tone) {
    match health {
        Health::Down => ("✗", Tone::Fail),
        Health::Trying => ("↻", Tone::Wait),
        Health::Held => ("‖", Tone::Pause),
        Health::SlowDown | Health::Failing => ("!", Tone::Warn),
        Health::Ok => ("✓", Tone::Ok),
        Health::Unused => ("◦", Tone::Dim),
    }
}

/// Worst first where a person chose nothing else; those that are alike by name.
pub fn ordered(app: &App) -> Vec<&ConnectionStatus> {
    let mut all: Vec<&ConnectionStatus> = app.snapshot.iter().flat_map(|snapshot| &snapshot.connections).collect();
    all.retain(|connection| app.connections.sieve.lets_through(&Seen { connection, now: app.now }));
    let sort = app.connections.sort;
    let lately = |connection: &ConnectionStatus| connection.answers_of_last(300);
    let values = |a: &ConnectionStatus, b: &ConnectionStatus| match sort.by {
        By::Health => a.health(app.now).cmp(&b.health(app.now)),
        By::Name => a.id.cmp(&b.id),
        By::Errors => (lately(a).all() - lately(a).ok).cmp(&(lately(b).all() - lately(b).ok)),
        By::Latency => a.latency_p95.cmp(&b.latency_p95),
        By::Calls => lately(a).all().cmp(&lately(b).all()),
    };
    all.sort_by(|a, b| sort.order(values(a, b)).then_with(|| a.id.cmp(&b.id)));
    all
}

/// Takes a filter; the last valid one stays when this one is none.
pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.connections.filter_text);
    app.connections.sieve = Sieve::new(&parse(text, CONNECTION_FIELDS, app.now)?);
    Ok(())
}

pub fn crumb(app: &App, line: Line) -> Line {
    match app.connections.filter_text.trim() {
        "" => line,
        text => line.dim(" / ").within(text, 70, Tone::Bold).dim("   (Esc clears)"),
    }
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
    // Whatever was filtered before, the one that is gone to is seen.
    app.connections.filter_text.clear();
    app.connections.sieve = Sieve::default();
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
        let wanted = u16::try_from(n).unwrap_or(u16::MAX).saturating_add(5);
        let wanted = wanted.clamp(6, body.height.saturating_sub(18).max(6));
        let (list, below) = geometry::top(body, if app.connections.is_zoomed { 0 } else { wanted });
        let (facts, answers) = geometry::left(below, body.width / 2);
        return Layout { list, facts, answers };
    }
    let rows = match (app.connections.is_zoomed, body.height >= 15 && body.width >= 80) {
        (true, _) => body.height,
        (false, true) => 11,
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
        Action::TestConnection | Action::HoldRelease | Action::ResetCircuit | Action::LowerBudget => order(app, action),
        Action::SignIn => show_sign_in(app),
        Action::Sort => change_sort(app, Sort::go_on),
        Action::ReverseSort => change_sort(app, Sort::reverse),
        action => {
            let ids: Vec<ConnectionId> = ordered(app).iter().map(|connection| connection.id.clone()).collect();
            if move_in(&mut app.connections.list, action, ids.len()) {
                app.connections.selected = ids.get(app.connections.list.selected).cloned();
            }
        }
    }
}

fn change_sort(app: &mut App, change: fn(&mut Sort<By>)) {
    // The selection is kept by its name, also where nobody has made one yet.
    app.connections.selected = selected(app).map(|connection| connection.id.clone());
    change(&mut app.connections.sort);
    sorting::tell(app, app.connections.sort);
}

fn order(app: &mut App, action: Action) {
    let Some(status) = selected(app).cloned() else {
        return app.note("no connection is selected");
    };
    // What is ordered stays selected, whatever it does to the order of the list.
    app.connections.selected = Some(status.id.clone());
    let connection = status.id.clone();
    match (action, &status.held, &status.circuit) {
        (Action::TestConnection, ..) => {
            app.note(format!("testing {connection} with one call…"));
            app.ask(Purpose::Test, Request::TestConnection { connection });
        }
        (Action::LowerBudget, ..) => {
            let now = match (&status.lowered, status.budget.as_ref().and_then(|budget| budget.rule.clone())) {
                (Some(lowered), _) => format!("{}, lowered by {}", lowered.budget, lowered.by),
                (None, Some(rule)) => format!("{rule} (configuration)"),
                (None, None) => "none is configured".to_owned(),
            };
            app.overlay = Some(budget::open(connection, now, status.lowered.is_some()));
        }
        (Action::HoldRelease, Some(_), _) => app.order(Request::Release { connection }),
        (Action::HoldRelease, None, _) => app.overlay = Some(pause::open_hold(connection)),
        (_, _, Circuit::Closed) => app.note(format!("the circuit of {connection} is closed; calls go through")),
        (_, _, Circuit::Open { since, why, .. }) => {
            let lines = vec![
                format!("Its calls wait since {}: {why}.", distance(*since, app.now)),
                format!(
                    "{} would go at once, as if it had never been down.",
                    counted(status.queued.into(), "call that waits", "calls that wait")
                ),
                "If it is still down, the circuit opens again after five failures.".to_owned(),
            ];
            app.overlay = Some(Overlay::Confirm(Confirm {
                title: format!("Reset the circuit of {connection}?"),
                lines,
                yes: "reset it".to_owned(),
                request: Request::ResetCircuit { connection },
                opened_at: app.now,
            }));
        }
    }
}

/// How the selected connection signs in: what is configured, never a secret.
fn show_sign_in(app: &mut App) {
    let Some(status) = selected(app) else {
        return app.note("no connection is selected");
    };
    let words = match status.sign_in.is_empty() {
        true => "the engine does not tell".to_owned(),
        false => status.sign_in.join("\n"),
    };
    let title = format!("How {} signs in", status.id);
    let parts = vec![(String::new(), words)];
    app.overlay = Some(Overlay::Page(Page { title, parts, scroll: ListState::default() }));
}

/// What a test brought, said where a person looks.
pub fn tested(app: &mut App, tested: &Tested) {
    let text = format!("{}: {} in {} ms", tested.connection, tested.text, grouped(tested.took_ms.into()));
    let kind = if tested.is_ok { MessageKind::Done } else { MessageKind::Failed };
    app.say(kind, text, tested.hint.clone());
}

const COLUMNS: [Column<'static>; 10] = [
    Column::id("SYSTEM", 8, 0),
    Column::word("HEALTH", 0),
    Column::word("RATE BUDGET", 4),
    Column::word("REFILL", 5),
    Column::number("p50 ms", 3),
    Column::number("p95 ms", 2),
    Column::word("CIRCUIT", 1),
    Column::text("ERRORS 5m", 9, 6),
    Column::word("TOKEN", 8),
    Column::number("CALLS 5m", 7),
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

pub fn circuit_word(connection: &ConnectionStatus) -> &'static str {
    match (&connection.circuit, connection.is_trying) {
        (Circuit::Closed, _) => "closed",
        (Circuit::Open { .. }, true) => "half-open",
        (Circuit::Open { .. }, false) => "open",
    }
}

/// The bad answers, the most telling class first: `14 ×429`, `3 timeouts`.
fn errors_words(answers: &AnswerCounts) -> String {
    let classes = [
        (answers.no_answer, " no answer"),
        (answers.server_error, " ×5xx"),
        (answers.throttled, " ×429"),
        (answers.client_error, " ×4xx"),
    ];
    let words: Vec<String> =
        classes.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{}{word}", grouped(*n))).collect();
    if words.is_empty() { "0".to_owned() } else { words.join(" ") }
}

/// How long the token of a sign-in holds.
fn token_cell(app: &App, connection: &ConnectionStatus) -> Cell {
    match &connection.token {
        None => Cell::new("—"),
        Some(token) => {
            let tone = if token.problem.is_some() { Tone::Fail } else { Tone::Plain };
            Cell::toned(token.words(app.now), tone)
        }
    }
}

fn row(app: &App, connection: &ConnectionStatus) -> Vec<Cell> {
    let health = connection.health(app.now);
    let (sign, tone) = health_sign(health);
    let (budget, refill) = budget_cells(app, connection);
    let lately = connection.answers_of_last(300);
    let ms = |value: Option<u32>| Cell::new(value.map_or("—".to_owned(), |value| grouped(value.into())));
    vec![
        if connection.insecure_tls {
            Cell::toned(connection.id.as_str(), Tone::Fail)
        } else {
            Cell::new(connection.id.as_str())
        },
        match connection.insecure_tls {
            true => Cell::toned(format!("{sign} {}, insecure TLS", health.word()), Tone::Fail),
            false => Cell::toned(format!("{sign} {}", health.word()), tone),
        },
        Cell::new(budget),
        Cell::new(refill),
        ms(connection.latency_p50),
        ms(connection.latency_p95),
        Cell::new(circuit_word(connection)),
        Cell::new(errors_words(&lately)),
        token_cell(app, connection),
        Cell::new(grouped(lately.all())),
    ]
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    let Some(connection) = selected(app) else { return };
    let is_alone = layout.answers.width == 0 && layout.facts.width > 0;
    let right = match is_alone {
        true => format!("{} answers · {} more", app.key(Action::NextPane), app.key(Action::Open)),
        false => String::new(),
    };
    draw_facts(app, canvas, layout.facts, connection, &right);
    draw_answers(app, canvas, layout.answers, connection);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let all = ordered(app);
    let sort = app.connections.sort;
    let order = if sort.is_own() { "worst first".to_owned() } else { format!("sort: {}", sort.words()) };
    let right = if all.is_empty() { String::new() } else { format!("{} · {order}", all.len()) };
    let inner = canvas.panel(area, "Connections", &right, true);
    if all.is_empty() {
        let text = match app.snapshot {
            None => " asking the engine…",
            Some(_) if !app.connections.filter_text.is_empty() => " No connection matches the filter. Esc clears it.",
            Some(_) => " No connection in the configuration yet. Add a [connections.NAME] table.",
        };
        return canvas.put(inner, &canvas.line().say(text));
    }
    let window = app.connections.list.window(all.len());
    let rows: Vec<Vec<Cell>> = all[window.clone()].iter().map(|connection| row(app, connection)).collect();
    table(canvas, inner, &COLUMNS, &rows, app.connections.list.selected.checked_sub(window.start), &|_| false);
    // Where a row is left, the words of the circuit are explained.
    let used = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(2);
    if used < inner.height && inner.width >= WIDE - 2 {
        let words = " circuit: closed = calls go through   open = calls wait, next try shown   half-open = one test call is out";
        canvas.put(Rect { y: inner.bottom() - 1, height: 1, ..inner }, &canvas.line().dim(words));
    }
}
