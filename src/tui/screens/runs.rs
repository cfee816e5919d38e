//! Runs: what each did, how it ended, and whether that is usual for its job.
//!
//! ```text
//! ╭ Runs ───────────────────────────────╮      at 80x24 the run's strip stands below the list alone;
//! ╰─────────────────────────────────────╯      Tab puts the comparison in its place, z gives it all room
//! ╭ Run #215 ────────╮╭ Compared ───────╮
//! ╰──────────────────╯╰─────────────────╯
//! ```

use super::move_in;
use super::runs_usual::{self, Usual};
use crate::control::Request;
use crate::model::filter::{Sieve, Test, parse};
use crate::model::{JobId, Run, RunEnd, RunId, RunKind, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::filters::RUN_FIELDS;
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::text::{brief_moment, counted, fitted, grouped, moment, rate, span};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;
use std::collections::BTreeSet;
use std::time::Duration;

/// Runs that are asked for at once; more come when the end of the list is near.
const PAGE: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct State {
    pub filter_text: String,
    filter: Filter,
    /// Newest first, whether the filter lets them through or not; none while they are being asked for.
    runs: Option<Vec<Run>>,
    /// Those that the filter lets through, by their place in `runs`.
    shown: Vec<usize>,
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
    seen: u64,
    pub problem: Option<String>,
}

/// What a person typed, taken apart.
#[derive(Clone, Debug, Default)]
struct Filter {
    /// Asked of the engine.
    job: Option<JobId>,
    sieve: Sieve,
}

impl Filter {
    fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let terms = parse(text, RUN_FIELDS, now)?;
        let job = terms.iter().find_map(|term| match (&term.field, &term.test) {
            (Some(field), Test::Is(names)) if field == "job" && !term.is_not => match names.as_slice() {
                [name] if !name.contains('*') => Some(JobId::from(name.as_str())),
                _ => None,
            },
            _ => None,
        });
        Ok(Self { job, sieve: Sieve::new(&terms) })
    }

    fn lets_through(&self, run: &Run) -> bool {
        self.sieve.lets_through(run)
    }
}

impl State {
    pub fn selected_run(&self) -> Option<&Run> {
        self.runs.as_ref()?.get(*self.shown.get(self.list.selected)?)
    }

    fn find(&self, id: RunId) -> Option<&Run> {
        self.runs.iter().flatten().find(|run| run.id == id)
    }

    fn sift(&mut self) {
        let runs = self.runs.iter().flatten().enumerate();
        self.shown = runs.filter(|(_, run)| self.filter.lets_through(run)).map(|(at, _)| at).collect();
        self.list.selected = self.list.selected.min(self.shown.len().saturating_sub(1));
    }
}

pub fn opened(app: &mut App) {
    app.runs.list = ListState::default();
    ask(app);
}

fn ask(app: &mut App) {
    app.runs.seen = app.newest_notice();
    app.runs.new = 0;
    app.forget(&Purpose::OlderRuns);
    app.forget(&Purpose::NewRuns);
    let job = app.runs.filter.job.clone();
    app.ask(Purpose::Runs, Request::Runs { job, before: None, limit: PAGE });
}

pub fn is_stale(app: &App) -> bool {
    app.runs.seen != app.newest_notice()
}

/// Brings the runs of the list up to date. What is new is counted, and let in by a key.
pub fn refresh(app: &mut App) {
    app.runs.seen = app.newest_notice();
    if app.runs.runs.is_some() {
        let job = app.runs.filter.job.clone();
        app.ask(Purpose::NewRuns, Request::Runs { job, before: None, limit: PAGE });
    }
}

pub fn came(app: &mut App, runs: Vec<Run>) {
    let state = &mut app.runs;
    state.has_older = runs.len() == PAGE;
    state.runs = Some(runs);
    state.problem = None;
    state.sift();
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
            state.new += usize::from(state.filter.lets_through(&run));
        } else if let Some(old) = runs.iter_mut().find(|old| old.id == run.id) {
            *old = run;
        }
    }
    state.sift();
}

pub fn older_came(app: &mut App, older: Vec<Run>) {
    let state = &mut app.runs;
    state.has_older = older.len() == PAGE;
    state.runs.get_or_insert_default().extend(older);
    state.sift();
}

pub fn usual_came(app: &mut App, job: &JobId, runs: Vec<Run>) {
    app.runs.usual = Some(Usual { job: job.clone(), runs });
}

pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.runs.filter_text);
    let filter = Filter::parse(text, app.now)?;
    let is_other_job = filter.job != app.runs.filter.job;
    app.runs.filter = filter;
    if is_other_job {
        app.runs.runs = None;
        app.runs.list = ListState::default();
        ask(app);
    }
    app.runs.sift();
    Ok(())
}

struct Layout {
    list: Rect,
    run: Rect,
    comparison: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let none = Rect { width: 0, height: 0, ..body };
    if body.width >= WIDE && app.size.1 >= TALL {
        let (list, below) = geometry::top(body, body.height.saturating_sub(12));
        let (run, comparison) = geometry::left(below, body.width / 2);
        return Layout { list, run, comparison };
    }
    let rows = match (app.runs.is_zoomed, body.height >= 15 && body.width >= 80) {
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
    let len = app.runs.shown.len();
    app.runs.list.settle(len, rows);
    let near_end = app.runs.list.near(len).end == len;
    let oldest = app.runs.runs.iter().flatten().last().map(|run| run.id);
    if near_end && app.runs.has_older && oldest.is_some() && !app.is_asking(&Purpose::OlderRuns) {
        let job = app.runs.filter.job.clone();
        app.ask(Purpose::OlderRuns, Request::Runs { job, before: oldest, limit: PAGE });
    }
    // The comparison is of the selected run's job.
    let Some(job) = app.runs.selected_run().map(|run| run.job.clone()) else { return };
    let purpose = Purpose::UsualRuns(job.clone());
    if app.runs.usual.as_ref().is_none_or(|usual| usual.job != job) && !app.is_asking(&purpose) {
        app.ask(purpose, Request::Runs { job: Some(job), before: None, limit: runs_usual::LOOKED_AT });
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
        Action::ComparePair => compare_pair(app),
        Action::CompareKind => {
            app.runs.same_kind = !app.runs.same_kind;
            app.runs.pair = None;
            app.runs.shows_comparison = true;
        }
        Action::StopRun => stop(app),
        action => {
            let len = app.runs.shown.len();
            move_in(&mut app.runs.list, action, len);
        }
    }
}

fn mark(app: &mut App) {
    let Some(id) = app.runs.selected_run().map(|run| run.id) else { return };
    if !app.runs.marked.remove(&id) {
        app.runs.marked.insert(id);
    }
    let len = app.runs.shown.len();
    app.runs.list.move_by(1, len);
}

fn compare_pair(app: &mut App) {
    let marked: Vec<RunId> = app.runs.marked.iter().copied().collect();
    match marked.as_slice() {
        [older, newer] => {
            app.runs.pair = Some((*newer, *older));
            app.runs.shows_comparison = true;
        }
        _ => app.note(format!("mark two runs with Space, then d; {} marked", marked.len())),
    }
}

fn stop(app: &mut App) {
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

pub fn crumb(app: &App, line: Line) -> Line {
    let filter = app.runs.filter_text.trim();
    match filter.is_empty() {
        true => line.dim(" all jobs, all runs   (/ filters: words, job:NAME, state:fail)"),
        false => line.dim(" / ").within(filter, 70, Tone::Bold).dim("   (Esc clears)"),
    }
}

pub fn new_words(app: &App) -> Option<String> {
    let n = app.runs.new;
    (n > 0)
        .then(|| format!("{} began since; {} lets them in", counted(n as u64, "run", "runs"), app.key(Action::LetIn)))
}

/// Sign, short word and tone of how a run stands or ended.
pub fn sign(run: &Run) -> (&'static str, &'static str, Tone) {
    match &run.end {
        None => ("▸", "run", Tone::Run),
        Some(RunEnd::Done | RunEnd::HandedOver) if run.counts.errored > 0 => ("!", "part", Tone::Warn),
        Some(RunEnd::Done | RunEnd::HandedOver) => ("✓", "ok", Tone::Ok),
        Some(RunEnd::Stopped { .. }) => ("□", "stop", Tone::Plain),
        Some(RunEnd::Failed { .. } | RunEnd::Guarded { .. }) => ("✗", "fail", Tone::Fail),
        Some(RunEnd::Interrupted) => ("✗", "cut", Tone::Fail),
    }
}

pub fn kind_word(kind: &RunKind) -> &'static str {
    match kind {
        RunKind::Sync => "sync",
        RunKind::Full => "full",
        RunKind::Retry => "retry",
        RunKind::Record => "record",
        RunKind::Inbox => "inbox",
    }
}

/// How it ended, in words; nothing for a run that simply did what was to do.
pub fn end_words(run: &Run) -> String {
    match &run.end {
        None => "in progress".to_owned(),
        Some(RunEnd::Done) => "end of the list".to_owned(),
        Some(RunEnd::HandedOver) => "a limit was reached; the next run goes on".to_owned(),
        Some(RunEnd::Stopped { by }) => format!("stopped by {by}"),
        Some(RunEnd::Failed { reason, parked, .. }) => {
            format!("{reason}{}", if *parked { "; the job waits for a person" } else { "; it is tried again" })
        }
        Some(RunEnd::Guarded { reason, .. }) => format!("{reason}; the job waits for a person"),
        Some(RunEnd::Interrupted) => "the process ended without a word".to_owned(),
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
        Cell::new(kind_word(&run.kind)),
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

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    draw_run(app, canvas, layout.run);
    draw_comparison(app, canvas, layout.comparison);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.runs;
    let n_known = state.runs.as_ref().map_or(0, Vec::len);
    let more = if state.has_older { "+" } else { "" };
    let marked = if state.marked.is_empty() { String::new() } else { format!("{} marked · ", state.marked.len()) };
    let right =
        format!("{marked}{} of {}{more} · newest first", grouped(state.shown.len() as u64), grouped(n_known as u64));
    let inner = canvas.panel(area, "Runs", if n_known == 0 { "" } else { &right }, true);
    let Some(runs) = &state.runs else {
        let line = match &state.problem {
            Some(problem) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            None => canvas.line().say(" asking the engine…"),
        };
        return canvas.put(inner, &line);
    };
    if state.shown.is_empty() {
        let text = match (runs.is_empty(), state.filter_text.is_empty()) {
            (true, true) => " No run yet. n on a job in Jobs runs it now.",
            _ => " No run matches the filter. Esc clears it.",
        };
        return canvas.put(inner, &canvas.line().say(text));
    }
    let window = state.list.window(state.shown.len());
    let on_screen: Vec<&Run> = state.shown[window.clone()].iter().filter_map(|at| runs.get(*at)).collect();
    let rows: Vec<Vec<Cell>> = on_screen.iter().map(|run| row(app, run)).collect();
    let is_marked = |at: usize| on_screen.get(at).is_some_and(|run| state.marked.contains(&run.id));
    table(canvas, inner, &COLUMNS, &rows, state.list.selected.checked_sub(window.start), &is_marked);
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
    let right = if area.width < WIDE && app.runs.comparison_is_hidden(area) { "Tab compares · ⏎ more" } else { "" };
    let inner = canvas.panel(area, &format!("Run #{} of {}", grouped(run.id.0), run.job), right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let label = |name: &str| canvas.line().dim(name).to(12);
    let width = usize::from(inner.width).saturating_sub(12);
    let mut ended = label("ended").tone(format!("{mark} {word}  "), tone);
    let words = crate::tui::text::wrapped(&end_words(run), width.saturating_sub(8).max(10));
    ended = ended.say(words.first().map_or("", String::as_str));
    let since = format!("{}, took {}", moment(run.started_at, app.now), long(took(app, run)));
    let mut lines = vec![label("started by").say(format!("{}, {}  ", run.by, kind_word(&run.kind))).dim(since), ended];
    lines.extend(words.iter().skip(1).map(|line| label("").say(line)));
    if let Some(RunEnd::Failed { hint: Some(hint), .. } | RunEnd::Guarded { hint: Some(hint), .. }) = &run.end {
        lines.push(label("hint").say(hint));
    }
    let (sum, sum_tone) = sum_words(run);
    let sum = crate::tui::text::wrapped(&sum, width.max(10));
    lines.extend(
        sum.iter().enumerate().map(|(at, line)| label(if at == 0 { "records" } else { "" }).tone(line, sum_tone)),
    );
    lines.push(label("pages").say(format!("{} saved; sent again {}", grouped(run.pages), grouped(run.counts.retried))));
    lines.push(match (&run.kind, run.checkpoint) {
        (RunKind::Retry, _) => label("checkpoint").say("not moved (a retry never moves it)"),
        (RunKind::Inbox, _) => label("checkpoint").say("not moved (webhook events never move it)"),
        (_, Some(sequence)) => label("checkpoint").say(format!("#{} is the last that it saved", grouped(sequence.0))),
        (_, None) => label("checkpoint").say("none saved"),
    });
    if inner.height > 8 {
        lines.push(canvas.line());
        let line =
            canvas.line().key("gd").say(" dead letters   ").key("gl").say(" log   ").key("gc").say(" checkpoints");
        lines.push(line.dim("   of the job"));
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
