//! Runs: what each did, how it ended, and whether that is usual for its job.
//!
//! ```text
//! ╭ Runs ───────────────────────────────╮      at 80x24 the run's strip stands below the list alone;
//! ╰─────────────────────────────────────╯      Tab puts the comparison in its place, z gives it all room
//! ╭ Run #215 ────────╮╭ Compared ───────╮
//! ╰──────────────────╯╰─────────────────╯
//! ```

use super::move_in;
use super::runs_order::{By, Value, need};
use super::runs_usual::{self, Usual};
use crate::control::Request;
use crate::model::filter::RunFilter;
use crate::model::{BulkRetry, JobId, Run, RunEnd, RunId, RunKind, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::sorting::{self, Sort};
use crate::tui::text::{brief_moment, counted, fitted, grouped, moment, rate, span};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;
use std::collections::BTreeSet;
use std::time::Duration;

/// Runs that are asked for at once; more come when the end of the list is near.
const PAGE: usize = 200;

/// What stays selected when rows move.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    Run(RunId),
    Bulk(u64),
}

#[derive(Clone, Debug, Default)]
pub struct State {
    sort: Sort<By>,
    pub filter_text: String,
    /// The last filter that could be read.
    filter: RunFilter,
    /// Newest first; none while they are being asked for.
    runs: Option<Vec<Run>>,
    /// Careful retries of many letters: all that are kept and match, newest first.
    bulks: Vec<BulkRetry>,
    rows: Vec<Row>,
    has_older: bool,
    list: ListState,
    marked: BTreeSet<RunId>,
    /// The two that are compared with each other.
    pair: Option<(RunId, RunId)>,
    /// Compared with runs of the same kind alone.
    same_kind: bool,
    usual: Option<Usual>,
    /// In a small window the comparison stands in the place of the run.
    shows_comparison: bool,
    is_zoomed: bool,
    /// Runs that began since the list was read.
    new: usize,
    new_bulks: usize,
    seen: u64,
    pub problem: Option<String>,
}

/// A row of the list: a run, or a careful retry of many letters, by its place in what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Run(usize),
    Bulk(usize),
}

/// What a row of the list is of.
pub enum Listed<'a> {
    Run(&'a Run),
    /// A careful retry of many letters.
    Bulk(&'a BulkRetry),
}

impl State {
    /// Those that the filter lets through, in the order of the screen, as far as they were read.
    pub fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        let runs = self.runs.as_deref().unwrap_or_default();
        self.rows.iter().filter_map(|row| match row {
            Row::Run(at) => runs.get(*at).map(Listed::Run),
            Row::Bulk(at) => self.bulks.get(*at).map(Listed::Bulk),
        })
    }

    pub fn selected_run(&self) -> Option<&Run> {
        match self.rows.get(self.list.selected)? {
            Row::Run(at) => self.runs.as_ref()?.get(*at),
            Row::Bulk(_) => None,
        }
    }

    /// The careful retry that is selected.
    pub fn selected_bulk(&self) -> Option<&BulkRetry> {
        match self.rows.get(self.list.selected)? {
            Row::Run(_) => None,
            Row::Bulk(at) => self.bulks.get(*at),
        }
    }

    pub fn selected_job(&self) -> Option<&JobId> {
        self.selected_run().map(|run| &run.job).or_else(|| self.selected_bulk().map(|bulk| &bulk.job))
    }

    fn value(&self, row: Row, now: Timestamp) -> Option<Value<'_>> {
        match row {
            Row::Run(at) => self.runs.as_ref()?.get(at).map(|run| Value {
                started_at: run.started_at,
                took: run.ended_at.unwrap_or(now).since(run.started_at),
                scanned: run.counts.scanned,
                errored: run.counts.errored,
                state: need(run.state_word()),
                job: &run.job,
            }),
            Row::Bulk(at) => self.bulks.get(at).map(|bulk| Value {
                started_at: bulk.at,
                took: bulk.ended_at.unwrap_or(now).since(bulk.at),
                scanned: bulk.done(),
                errored: bulk.failed,
                state: need(bulk.state_word()),
                job: &bulk.job,
            }),
        }
    }

    fn chosen(&self) -> Option<Chosen> {
        let run = self.selected_run().map(|run| Chosen::Run(run.id));
        run.or_else(|| self.selected_bulk().map(|bulk| Chosen::Bulk(bulk.number)))
    }

    /// As [`Self::arrange`]; what was selected stays so, wherever it stands now.
    fn arrange_around(&mut self, now: Timestamp) {
        let chosen = self.chosen();
        self.arrange(now);
        let is_chosen = |row: &Row| match (row, chosen) {
            (Row::Run(at), Some(Chosen::Run(id))) => {
                self.runs.as_ref().and_then(|runs| runs.get(*at)).is_some_and(|run| run.id == id)
            }
            (Row::Bulk(at), Some(Chosen::Bulk(number))) => {
                self.bulks.get(*at).is_some_and(|bulk| bulk.number == number)
            }
            _ => false,
        };
        if let Some(at) = self.rows.iter().position(is_chosen) {
            self.list.selected = at;
        }
    }

    fn find(&self, id: RunId) -> Option<&Run> {
        self.runs.iter().flatten().find(|run| run.id == id)
    }

    /// Puts runs and careful retries into one list, newest first. A retry that is older than all runs that were read
    /// waits until older ones are.
    fn arrange(&mut self, now: Timestamp) {
        let runs = self.runs.as_deref().unwrap_or_default();
        let oldest = runs.last().filter(|_| self.has_older).map(|run| run.started_at);
        let mut rows: Vec<Row> = (0..runs.len()).map(Row::Run).collect();
        let is_meant = |bulk: &&BulkRetry| oldest.is_none_or(|oldest| bulk.at >= oldest);
        let bulks = self.bulks.iter().enumerate().filter(|(_, bulk)| is_meant(bulk));
        rows.extend(bulks.map(|(at, _)| Row::Bulk(at)));
        // Rows that are alike stay newest first, and the runs of one moment in the order of their numbers.
        rows.sort_by_key(|row| std::cmp::Reverse(self.value(*row, now).map(|value| value.started_at)));
        let sort = self.sort;
        if sort.by == By::Started {
            if !sort.is_own() {
                rows.reverse();
            }
        } else {
            rows.sort_by(|a, b| match (self.value(*a, now), self.value(*b, now)) {
                (Some(a), Some(b)) => sort.order(a.compare(&b, sort.by)),
                (a, b) => a.is_none().cmp(&b.is_none()),
            });
        }
        self.rows = rows;
        self.list.selected = self.list.selected.min(self.rows.len().saturating_sub(1));
    }
}

fn change_sort(app: &mut App, change: fn(&mut Sort<By>)) {
    change(&mut app.runs.sort);
    app.runs.arrange_around(app.now);
    sorting::tell(app, app.runs.sort);
}

pub fn opened(app: &mut App) {
    app.runs.list = ListState::default();
    ask(app);
}

fn request(app: &App, before: Option<RunId>) -> Request {
    let RunFilter { job, terms } = app.runs.filter.clone();
    Request::Runs { job, terms, before, limit: PAGE }
}

fn ask(app: &mut App) {
    app.runs.seen = app.newest_notice();
    app.runs.new = 0;
    app.forget(&Purpose::OlderRuns);
    app.forget(&Purpose::NewRuns);
    app.forget(&Purpose::NewBulks);
    let filter = app.runs.filter.clone();
    app.ask(Purpose::Bulks, Request::Bulks { filter });
    let request = request(app, None);
    app.ask(Purpose::Runs, request);
}

pub fn is_stale(app: &App) -> bool {
    app.runs.seen != app.newest_notice()
}

/// Brings the runs of the list up to date. What is new is counted, and let in by a key.
pub fn refresh(app: &mut App) {
    app.runs.seen = app.newest_notice();
    if app.runs.runs.is_some() {
        let filter = app.runs.filter.clone();
        app.ask(Purpose::NewBulks, Request::Bulks { filter });
        let request = request(app, None);
        app.ask(Purpose::NewRuns, request);
    }
}

pub fn came(app: &mut App, runs: Vec<Run>) {
    let state = &mut app.runs;
    state.has_older = runs.len() == PAGE;
    state.runs = Some(runs);
    state.problem = None;
    state.arrange(app.now);
}

pub fn bulks_came(app: &mut App, bulks: Vec<BulkRetry>) {
    app.runs.bulks = bulks;
    app.runs.arrange(app.now);
}

/// Takes over how far known retries are; those that began since wait to be let in.
pub fn new_bulks_came(app: &mut App, newest: Vec<BulkRetry>) {
    let state = &mut app.runs;
    let known = state.bulks.iter().map(|bulk| bulk.number).max().unwrap_or(0);
    state.new_bulks = newest.iter().filter(|bulk| bulk.number > known).count();
    for bulk in newest {
        if let Some(old) = state.bulks.iter_mut().find(|old| old.number == bulk.number) {
            *old = bulk;
        }
    }
}

/// How far the retries in progress are is said with every snapshot.
pub fn snapshot_came(app: &mut App) {
    let Some(snapshot) = &app.snapshot else { return };
    for now in &snapshot.retries {
        if let Some(known) = app.runs.bulks.iter_mut().find(|bulk| bulk.number == now.number) {
            known.clone_from(now);
        }
    }
}

pub fn new_came(app: &mut App, newest: Vec<Run>) {
    let state = &mut app.runs;
    let Some(runs) = &mut state.runs else { return };
    if runs.is_empty() {
        return came(app, newest);
    }
    let known = runs.first().map(|run| run.id);
    state.new = 0;
    for run in newest {
        if known.is_some_and(|known| run.id > known) {
            state.new += 1;
        } else if let Some(old) = runs.iter_mut().find(|old| old.id == run.id) {
            *old = run;
        }
    }
}

pub fn older_came(app: &mut App, older: Vec<Run>) {
    let state = &mut app.runs;
    state.has_older = older.len() == PAGE;
    state.runs.get_or_insert_default().extend(older);
    state.arrange_around(app.now);
}

pub fn usual_came(app: &mut App, job: &JobId, runs: Vec<Run>) {
    app.runs.usual = Some(Usual { job: job.clone(), runs });
}

/// Takes a filter, which the engine applies to all runs; the last valid one stays when this one is none. The old rows
/// stay until the new ones come.
pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.runs.filter_text);
    let filter = RunFilter::parse(text, app.now)?;
    if filter != app.runs.filter {
        app.runs.filter = filter;
        app.runs.list = ListState::default();
        ask(app);
    }
    Ok(())
}

struct Layout {
    list: Rect,
    run: Rect,
    comparison: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let none = Rect { width: 0, height: 0, ..body };
    let is_zoomed = app.runs.is_zoomed && !app.runs.rows.is_empty();
    if body.width >= WIDE && app.size.1 >= TALL {
        let rows = if is_zoomed { body.height } else { 12 };
        let (list, below) = geometry::top(body, body.height.saturating_sub(rows));
        let (run, comparison) = geometry::left(below, body.width / 2);
        return Layout { list, run, comparison };
    }
    let rows = match (is_zoomed, body.height >= 15 && body.width >= 80) {
        (true, _) => body.height,
        (false, true) => 8,
        (false, false) => 0,
    };
    let (list, below) = geometry::top(body, body.height.saturating_sub(rows));
    if app.runs.shows_comparison {
        Layout { list, run: none, comparison: below }
    } else {
        Layout { list, run: below, comparison: none }
    }
}

pub fn settle(app: &mut App, body: Rect) {
    let rows = geometry::table_rows(layout(app, body).list);
    let len = app.runs.rows.len();
    app.runs.list.settle(len, rows);
    let near_end = app.runs.list.near(len).end == len;
    let oldest = app.runs.runs.iter().flatten().last().map(|run| run.id);
    if near_end && app.runs.has_older && oldest.is_some() && !app.is_asking(&Purpose::OlderRuns) {
        let request = request(app, oldest);
        app.ask(Purpose::OlderRuns, request);
    }
    // The comparison is of the selected run's job.
    let Some(job) = app.runs.selected_run().map(|run| run.job.clone()) else { return };
    let purpose = Purpose::UsualRuns(job.clone());
    if app.runs.usual.as_ref().is_none_or(|usual| usual.job != job) && !app.is_asking(&purpose) {
        app.ask(
            purpose,
            Request::Runs { job: Some(job), terms: Vec::new(), before: None, limit: runs_usual::LOOKED_AT },
        );
    }
}

pub fn step_back(app: &mut App) -> bool {
    let state = &mut app.runs;
    if std::mem::take(&mut state.is_zoomed) || state.pair.take().is_some() {
        return true;
    }
    let had_marks = !state.marked.is_empty();
    state.marked.clear();
    had_marks
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Open | Action::Zoom => app.runs.is_zoomed = !app.runs.is_zoomed,
        Action::NextPane | Action::PreviousPane => app.runs.shows_comparison = !app.runs.shows_comparison,
        Action::LetIn => {
            app.runs.list.top();
            app.runs.usual = None;
            ask(app);
        }
        Action::Mark => mark(app),
        Action::MarkUp | Action::MarkDown => mark_range(app, action),
        Action::ComparePair => compare_pair(app),
        Action::CompareKind => {
            app.runs.same_kind = !app.runs.same_kind;
            app.runs.pair = None;
            app.runs.shows_comparison = true;
        }
        Action::StopRun => stop(app),
        Action::Sort => change_sort(app, Sort::go_on),
        Action::ReverseSort => change_sort(app, Sort::reverse),
        action => {
            let len = app.runs.rows.len();
            move_in(&mut app.runs.list, action, len);
        }
    }
}

fn mark(app: &mut App) {
    let Some(id) = app.runs.selected_run().map(|run| run.id) else {
        return app.note("runs are marked to be compared; this is no run");
    };
    if !app.runs.marked.remove(&id) {
        app.runs.marked.insert(id);
    }
    let len = app.runs.rows.len();
    app.runs.list.move_by(1, len);
}

fn mark_range(app: &mut App, action: Action) {
    let len = app.runs.rows.len();
    let ends = super::range_ends(&mut app.runs.list, action, len);
    let ids = ends.iter().filter_map(|at| match app.runs.rows.get(*at)? {
        Row::Run(at) => app.runs.runs.as_ref()?.get(*at).map(|run| run.id),
        Row::Bulk(_) => None,
    });
    let ids: Vec<RunId> = ids.collect();
    app.runs.marked.extend(ids);
}

fn compare_pair(app: &mut App) {
    let marked: Vec<RunId> = app.runs.marked.iter().copied().collect();
    match marked.as_slice() {
        [older, newer] => {
            app.runs.pair = Some((*newer, *older));
            app.runs.shows_comparison = true;
        }
        _ => {
            let (mark, compare) = (app.key(Action::Mark), app.key(Action::ComparePair));
            app.note(format!("mark two runs with {mark}, then {compare}; {} marked", marked.len()));
        }
    }
}

fn stop(app: &mut App) {
    if let Some(bulk) = app.runs.selected_bulk() {
        return match (bulk.is_open(), bulk.job.clone()) {
            (true, job) => app.order(Request::StopRetry { job }),
            (false, _) => app.note("this retry has ended; one in progress can be stopped"),
        };
    }
    let Some(run) = app.runs.selected_run().cloned() else {
        return app.note("no run is selected");
    };
    let is_in_progress = app.job_status(&run.job).and_then(|job| job.run.as_ref()).is_some_and(|now| now.id == run.id);
    if is_in_progress {
        super::jobs::order(app, Action::StopRun);
    } else {
        app.note(format!("run #{} has ended; a run in progress can be stopped", run.id));
    }
}

/// The filter that shows what failed again in the selected careful retry; none where none is selected, or nothing did.
pub fn failed_again(app: &App) -> Option<String> {
    let bulk =
        app.runs.selected_bulk().filter(|bulk| app.screen == super::Screen::Runs && !bulk.failed_as.is_empty())?;
    let groups: Vec<String> = bulk.failed_as.iter().map(|cause| cause.group.to_string()).collect();
    Some(format!("job:{} group:{} since:{}", bulk.job, groups.join("|"), bulk.at))
}

pub fn crumb(app: &App, line: Line) -> Line {
    let filter = app.runs.filter_text.trim();
    match filter.is_empty() {
        true => {
            let key = app.key(Action::Filter);
            line.dim(format!(" all jobs, all runs   ({key} filters: words, job:NAME, state:fail)"))
        }
        false => line.dim(" / ").within(filter, 70, Tone::Bold).dim("   (Esc clears)"),
    }
}

pub fn new_words(app: &App) -> Option<String> {
    let n = app.runs.new + app.runs.new_bulks;
    (n > 0)
        .then(|| format!("{} began since; {} lets them in", counted(n as u64, "run", "runs"), app.key(Action::LetIn)))
}

/// Sign, short word and tone of how a run stands or ended.
pub fn sign(run: &Run) -> (&'static str, &'static str, Tone) {
    signed(run.state_word())
}

fn signed(word: &'static str) -> (&'static str, &'static str, Tone) {
    match word {
        "run" => ("▸", word, Tone::Run),
        "part" => ("!", word, Tone::Warn),
        "ok" => ("✓", word, Tone::Ok),
        "stop" => ("□", word, Tone::Plain),
        _ => ("✗", word, Tone::Fail),
    }
}

/// How long it took; of a run in progress, how long it has taken so far.
pub(super) fn took(app: &App, run: &Run) -> Duration {
    run.ended_at.unwrap_or(app.now).since(run.started_at)
}

/// A length of time that shows the difference between runs: `350 ms`, `41 s`, `5m50s`, `4h12m`.
pub(super) fn long(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        60..3_600 => format!("{}m{:02}s", time.as_secs() / 60, time.as_secs() % 60),
        _ => span(time),
    }
}

const COLUMNS: [Column<'static>; 12] = [
    Column::number("RUN", 0),
    Column::id("JOB", 10, 1),
    Column::word("STATE", 0),
    Column::word("KIND", 6),
    Column::word("STARTED", 0),
    Column::text("BY", 6, 5),
    Column::number("TOOK", 0),
    Column::number("SCANNED", 0),
    Column::number("UPDATED", 3),
    Column::number("SKIPPED", 4),
    Column::number("ERRORED", 0),
    Column::number("REC/S", 7),
];

fn row(app: &App, run: &Run) -> Vec<Cell> {
    let (mark, word, tone) = sign(run);
    let number = |n: u64| Cell::new(fitted(n, 11));
    let seconds = took(app, run).as_secs_f64();
    vec![
        Cell::new(grouped(run.id.0)),
        Cell::new(run.job.as_str()),
        Cell::toned(format!("{mark} {word}"), tone),
        Cell::new(run.kind.word()),
        Cell::new(brief_moment(run.started_at, app.now)),
        Cell::new(run.by.to_string()),
        Cell::new(long(took(app, run))),
        number(run.counts.scanned),
        number(run.counts.written()),
        number(run.counts.skipped),
        Cell::toned(fitted(run.counts.errored, 11), if run.counts.errored > 0 { Tone::Bold } else { Tone::Plain }),
        Cell::new(if seconds > 0.0 { rate(run.counts.scanned as f64 / seconds) } else { "—".to_owned() }),
    ]
}

/// A careful retry in the columns of the runs.
fn bulk_row(app: &App, bulk: &BulkRetry) -> Vec<Cell> {
    let (mark, word, tone) = signed(bulk.state_word());
    let number = |n: u64| Cell::new(fitted(n, 11));
    let took = bulk.ended_at.unwrap_or(app.now).since(bulk.at);
    let seconds = took.as_secs_f64();
    vec![
        Cell::new("↻"),
        Cell::new(bulk.job.as_str()),
        Cell::toned(format!("{mark} {word}"), tone),
        Cell::new("careful"),
        Cell::new(brief_moment(bulk.at, app.now)),
        Cell::new(bulk.by.to_string()),
        Cell::new(long(took)),
        number(bulk.done()),
        number(bulk.recovered),
        number(bulk.needless),
        Cell::toned(fitted(bulk.failed, 11), if bulk.failed > 0 { Tone::Bold } else { Tone::Plain }),
        Cell::new(if seconds > 0.0 { rate(bulk.done() as f64 / seconds) } else { "—".to_owned() }),
    ]
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    match app.runs.selected_bulk() {
        Some(bulk) => draw_bulk(app, canvas, layout.run, bulk),
        None => draw_run(app, canvas, layout.run),
    }
    draw_comparison(app, canvas, layout.comparison);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.runs;
    let more = if state.has_older { "+" } else { "" };
    let marked = if state.marked.is_empty() { String::new() } else { format!("{} marked · ", state.marked.len()) };
    let sort = state.sort;
    // Of runs that were not read nobody knows how long they took.
    let order = match (sort.is_own(), state.has_older) {
        (true, _) => "newest first".to_owned(),
        (false, false) => format!("sort: {}", sort.words()),
        (false, true) => format!("sort: {} of those read", sort.words()),
    };
    let right = format!("{marked}{}{more} · {order}", grouped(state.rows.len() as u64));
    let inner = canvas.panel(area, "Runs", if state.rows.is_empty() { "" } else { &right }, true);
    let Some(runs) = &state.runs else {
        let line = match &state.problem {
            Some(problem) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            None => canvas.line().say(" asking the engine…"),
        };
        return canvas.put(inner, &line);
    };
    if state.rows.is_empty() {
        let text = match state.filter_text.is_empty() {
            true => format!(" No run yet. {} on a job in Jobs runs it now.", app.key(Action::RunNow)),
            false => " No run matches the filter. Esc clears it.".to_owned(),
        };
        return canvas.put(inner, &canvas.line().say(text));
    }
    let window = state.list.window(state.rows.len());
    let on_screen = &state.rows[window.clone()];
    let cells = |row: &Row| match row {
        Row::Run(at) => runs.get(*at).map(|run| self::row(app, run)),
        Row::Bulk(at) => state.bulks.get(*at).map(|bulk| bulk_row(app, bulk)),
    };
    let rows: Vec<Vec<Cell>> = on_screen.iter().filter_map(cells).collect();
    let is_marked = |at: usize| match on_screen.get(at) {
        Some(Row::Run(at)) => runs.get(*at).is_some_and(|run| state.marked.contains(&run.id)),
        Some(Row::Bulk(_)) | None => false,
    };
    table(canvas, inner, &COLUMNS, &rows, state.list.selected.checked_sub(window.start), &is_marked);
}

/// A careful retry: who ordered it, how far it is or how it ended, and what failed again.
fn draw_bulk(app: &App, canvas: &mut Canvas<'_>, area: Rect, bulk: &BulkRetry) {
    if area.height == 0 {
        return;
    }
    let (mark, word, tone) = signed(bulk.state_word());
    let inner = canvas.panel(area, &format!("Careful retry of {}", bulk.job), "", false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let label = |name: &str| canvas.line().dim(name).to(12);
    let width = usize::from(inner.width).saturating_sub(12).max(10);
    let took = bulk.ended_at.unwrap_or(app.now).since(bulk.at);
    let stage = bulk.end_words();
    let to_go = bulk.total.saturating_sub(bulk.done());
    let not_sent = if bulk.is_open() { "to go" } else { "not sent" };
    let since = format!("{}, took {}", moment(bulk.at, app.now), long(took));
    let mut lines = vec![
        label("started by").say(format!("{}  ", bulk.by)).dim(since),
        label("of").within(&bulk.what, width, Tone::Plain),
    ];
    for (at, part) in crate::tui::text::wrapped(&stage, width.saturating_sub(8)).iter().take(3).enumerate() {
        let line = label(if at == 0 { if bulk.is_open() { "now" } else { "ended" } } else { "" });
        lines.push(if at == 0 { line.tone(format!("{mark} {word}  "), tone).say(part) } else { line.say(part) });
    }
    let sum = format!(
        "{} = {} recovered + {} needed nothing + {} failed again + {} {not_sent}",
        grouped(bulk.total),
        grouped(bulk.recovered),
        grouped(bulk.needless),
        grouped(bulk.failed),
        grouped(to_go)
    );
    for (at, part) in crate::tui::text::wrapped(&sum, width).iter().enumerate() {
        lines.push(label(if at == 0 { "letters" } else { "" }).say(part));
    }
    for (at, cause) in bulk.failed_as.iter().enumerate() {
        let line = label(if at == 0 { "failed as" } else { "" });
        lines.push(line.say(format!("{} × ", grouped(cause.letters))).within(
            &cause.title,
            width.saturating_sub(8),
            Tone::Bold,
        ));
    }
    let named: u64 = bulk.failed_as.iter().map(|cause| cause.letters).sum();
    if named < bulk.failed {
        lines.push(label("").dim(format!("and {} with other causes", grouped(bulk.failed - named))));
    }
    lines.push(label("checkpoint").say("not moved (a retry never moves it)"));
    lines.truncate(usize::from(inner.height));
    if usize::from(inner.height) > lines.len() + 1 {
        lines.push(canvas.line());
        let words = if bulk.failed > 0 { " what failed again   " } else { " dead letters   " };
        let line = canvas.line().key(app.key(Action::DeadOfJob)).say(words);
        lines.push(if bulk.is_open() { line.key(app.key(Action::StopRun)).say(" stops it") } else { line });
    }
    canvas.put_all(inner, &lines);
}

fn draw_run(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let Some(run) = app.runs.selected_run() else {
        canvas.panel(area, "Run", "", false);
        return;
    };
    let (mark, word, tone) = sign(run);
    let right = match area.width < WIDE && app.runs.comparison_is_hidden(area) {
        true => format!("{} compares · {} more", app.key(Action::NextPane), app.key(Action::Open)),
        false => String::new(),
    };
    let inner = canvas.panel(area, &format!("Run #{} of {}", grouped(run.id.0), run.job), &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let label = |name: &str| canvas.line().dim(name).to(12);
    let width = usize::from(inner.width).saturating_sub(12);
    let mut ended = label("ended").tone(format!("{mark} {word}  "), tone);
    let words = crate::tui::text::wrapped(&run.end_words(), width.saturating_sub(8).max(10));
    ended = ended.say(words.first().map_or("", String::as_str));
    let since = format!("{}, took {}", moment(run.started_at, app.now), long(took(app, run)));
    let mut lines = vec![label("started by").say(format!("{}, {}  ", run.by, run.kind.word())).dim(since), ended];
    lines.extend(words.iter().skip(1).map(|line| label("").say(line)));
    if let Some(RunEnd::Failed { hint: Some(hint), .. } | RunEnd::Guarded { hint: Some(hint), .. }) = &run.end {
        lines.push(label("hint").say(hint));
    }
    lines.extend(run.kind.range_words().map(|range| label("range").say(range)));
    let (sum, sum_tone) = sum_words(run);
    let sum = crate::tui::text::wrapped(&sum, width.max(10));
    lines.extend(
        sum.iter().enumerate().map(|(at, line)| label(if at == 0 { "records" } else { "" }).tone(line, sum_tone)),
    );
    lines.push(label("pages").say(format!("{} saved; sent again {}", grouped(run.pages), grouped(run.counts.retried))));
    lines.push(match (&run.kind, run.checkpoint) {
        (RunKind::Retry, _) => label("checkpoint").say("not moved (a retry never moves it)"),
        (RunKind::Inbox, _) => label("checkpoint").say("not moved (webhook events never move it)"),
        (RunKind::Release, _) => label("checkpoint").say("not moved (a release never moves it)"),
        (RunKind::Range { .. }, _) => label("checkpoint").say("not moved (a range never moves it)"),
        (_, Some(sequence)) => label("checkpoint").say(format!("#{} is the last that it saved", grouped(sequence.0))),
        (_, None) => label("checkpoint").say("none saved"),
    });
    if inner.height > 8 {
        lines.push(canvas.line());
        let key = |line: Line, action: Action, words: &str| line.key(app.key(action)).say(format!(" {words}   "));
        let line = key(canvas.line(), Action::DeadOfJob, "dead letters");
        let line = key(key(line, Action::LogsOfJob, "log"), Action::CheckpointsOfJob, "checkpoints");
        lines.push(line.dim("of the job"));
    }
    canvas.put_all(inner, &lines);
}

/// The sum of a run's records, and whether it holds.
fn sum_words(run: &Run) -> (String, Tone) {
    let counts = &run.counts;
    let held = if counts.held > 0 { format!(" + {} held", grouped(counts.held)) } else { String::new() };
    let sum = format!(
        "{} = {} sent + {} skipped{held} + {} errored",
        grouped(counts.scanned),
        grouped(counts.written()),
        grouped(counts.skipped),
        grouped(counts.errored)
    );
    if counts.is_balanced() { (format!("{sum} ✓"), Tone::Plain) } else { (format!("{sum} ✗"), Tone::Fail) }
}

impl State {
    /// True where the comparison is not on the screen beside the run.
    fn comparison_is_hidden(&self, run: Rect) -> bool {
        run.x == 0 && run.width > 0 && !self.shows_comparison
    }
}

fn draw_comparison(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let state = &app.runs;
    if let Some((left, right)) = state.pair.and_then(|(a, b)| Some((state.find(a)?, state.find(b)?))) {
        return runs_usual::draw_pair(app, canvas, area, left, right);
    }
    match (state.selected_run(), &state.usual) {
        (Some(run), Some(usual)) if usual.job == run.job => {
            runs_usual::draw_usual(app, canvas, area, run, usual, state.same_kind);
        }
        _ => {
            canvas.panel(area, "Compared with the usual run", "", false);
        }
    }
}
