//! One job, whole: speed, progress, the sum of its counts, its causes of failure, checkpoint, events, limits.

use super::jobs::{balance_sign, eta_words, progress_line, state_sign, state_words};
use super::{Screen, move_in};
use crate::control::Request;
use crate::model::{
    Circuit, ConnectionStatus, Counts, JobId, JobStatus, LetterFilter, LetterGroup, Level, Notice, RunMark, Says,
    Snapshot, WebhookFact, WebhookStatus,
};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::text::{brief_moment, counted, distance, grouped, moment, rate, span};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, bar, table};
use crate::tui::zoom;
use ratatui::layout::Rect;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct State {
    pub id: Option<JobId>,
    /// Causes of the job's dead letters; none while they are being asked for.
    groups: Option<Vec<LetterGroup>>,
    list: ListState,
    /// Which of causes, events and limits is shown where there is room for one.
    pane: usize,
    /// That one has all the room below the progress.
    is_zoomed: bool,
    seen_dead: u64,
    /// What the screen shows while it is frozen.
    frozen: Option<Arc<Snapshot>>,
}

const PANES: [&str; 3] = ["causes", "events", "limits"];

struct Layout {
    chart: Rect,
    progress: Rect,
    causes: Rect,
    checkpoint: Rect,
    events: Rect,
    limits: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let none = Rect { width: 0, height: 0, ..body };
    if body.width >= WIDE && app.size.1 >= TALL && !app.job.is_zoomed {
        let (left, right) = geometry::left(body, body.width.saturating_sub(46));
        let upper = (body.height * 2 / 5).max(14);
        let rest = body.height.saturating_sub(upper);
        let (chart, left) = geometry::top(left, upper);
        let (causes, events) = geometry::top(left, rest / 2);
        let (progress, right) = geometry::top(right, upper);
        let (checkpoint, limits) = geometry::top(right, 7);
        return Layout { chart, progress, causes, checkpoint, events, limits };
    }
    let (progress, rest) = geometry::top(body, if body.height >= 16 { 7 } else { 5 });
    let is_zoomed = app.job.is_zoomed;
    let (chart, rest) = if rest.height >= 12 && !is_zoomed { geometry::top(rest, 4) } else { (none, rest) };
    let (checkpoint, pane) = if rest.height >= 7 && !is_zoomed { geometry::top(rest, 3) } else { (none, rest) };
    let place = |at: usize| if app.job.pane == at { pane } else { none };
    Layout { chart, progress, causes: place(0), checkpoint, events: place(1), limits: place(2) }
}

pub fn show(app: &mut App, id: JobId) {
    app.job = State { id: Some(id.clone()), ..State::default() };
    app.jobs.selected = Some(id);
    super::show(app, Screen::Job);
}

pub fn opened(app: &mut App) {
    refresh(app);
}

pub fn step_back(app: &mut App) -> bool {
    std::mem::take(&mut app.job.is_zoomed)
}

/// What is shown: the engine's last word, or the one at which the screen was frozen.
fn shown(app: &App) -> Option<&Arc<Snapshot>> {
    app.job.frozen.as_ref().or(app.snapshot.as_ref())
}

fn status(app: &App) -> Option<&JobStatus> {
    let id = app.job.id.as_ref()?;
    shown(app)?.jobs.iter().find(|job| job.id == *id)
}

fn freeze(app: &mut App) {
    app.job.frozen = match app.job.frozen {
        Some(_) => None,
        None => app.snapshot.clone(),
    };
    app.note(match app.job.frozen {
        Some(_) => "frozen: the job goes on, the screen does not",
        None => "live again",
    });
}

pub fn is_stale(app: &App) -> bool {
    status(app).is_some_and(|job| job.dead_waiting != app.job.seen_dead)
}

pub fn refresh(app: &mut App) {
    let Some(id) = app.job.id.clone() else { return };
    app.job.seen_dead = status(app).map_or(0, |job| job.dead_waiting);
    let filter = LetterFilter { job: Some(id.clone()), ..LetterFilter::default() };
    app.ask(Purpose::GroupsOfJob(id), Request::DeadGroups { filter });
}

pub fn groups_came(app: &mut App, id: &JobId, groups: Vec<LetterGroup>) {
    if app.job.id.as_ref() == Some(id) {
        app.job.groups = Some(groups);
    }
}

pub fn settle(app: &mut App, body: Rect) {
    let causes = layout(app, body).causes;
    let rows = geometry::table_rows(causes).saturating_sub(usize::from(facts_rows(causes)));
    let len = app.job.groups.as_ref().map_or(0, Vec::len);
    app.job.list.settle(len, rows);
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::PauseResume | Action::RunNow | Action::StopRun | Action::ReadRange => super::jobs::order(app, action),
        Action::NextPane => app.job.pane = (app.job.pane + 1) % PANES.len(),
        Action::Plan => {
            if let Some(job) = app.job.id.clone() {
                crate::tui::overlays::plan::open(app, job);
            }
        }
        Action::Withheld => {
            if let Some(job) = app.job.id.clone() {
                crate::tui::overlays::held::open(app, job);
            }
        }
        Action::Zoom => app.job.is_zoomed = !app.job.is_zoomed,
        Action::PreviousPane => app.job.pane = (app.job.pane + PANES.len() - 1) % PANES.len(),
        Action::Next | Action::Previous => step(app, action),
        Action::Freeze => freeze(app),
        Action::ZoomIn | Action::ZoomOut => zoom::act(app, action),
        Action::Open => open(app),
        action => {
            let len = app.job.groups.as_ref().map_or(0, Vec::len);
            move_in(&mut app.job.list, action, len);
        }
    }
}

fn step(app: &mut App, action: Action) {
    let jobs = &app.jobs.shown;
    let Some(at) = jobs.iter().position(|id| Some(id) == app.job.id.as_ref()) else { return };
    let to = if action == Action::Next { at + 1 } else { at.wrapping_sub(1) };
    match jobs.get(to).cloned() {
        Some(id) => {
            let (pane, is_zoomed) = (app.job.pane, app.job.is_zoomed);
            show(app, id);
            (app.job.pane, app.job.is_zoomed) = (pane, is_zoomed);
        }
        None => app.note(if action == Action::Next { "this is the last job" } else { "this is the first job" }),
    }
}

fn open(app: &mut App) {
    let group = app.job.groups.as_ref().and_then(|groups| groups.get(app.job.list.selected));
    match group.map(|group| (group.job.clone(), group.id)) {
        Some((job, group)) => super::letters::show_group(app, &job, group),
        None => app.note("this job has no dead letters"),
    }
}

pub fn crumb(app: &App, line: Line) -> Line {
    let Some(job) = status(app) else {
        let name = app.job.id.as_ref().map_or("", |id| id.as_str());
        return line.say(" Jobs › ").within(name, 60, Tone::Bold);
    };
    let (sign, _, tone) = state_sign(&job.state);
    let run = job
        .run
        .as_ref()
        .map(|run| format!("   run #{}, started {} by {}", run.id, distance(run.started_at, app.now), run.by));
    line.say(" Jobs › ")
        .within(job.id.as_str(), 40, Tone::Bold)
        .say(format!("   {} → {}   ", job.source, job.destination))
        .tone(format!("{sign} {}", job.state.word()), tone)
        .say(run.unwrap_or_default())
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let Some(job) = status(app) else {
        let inner = canvas.panel(body, "Job", "", true);
        let text =
            if app.snapshot.is_some() { " the engine knows no such job any more" } else { " asking the engine…" };
        return canvas.put(inner, &canvas.line().say(text));
    };
    let layout = layout(app, body);
    let mode = if app.job.frozen.is_some() { "‖ frozen · " } else { "▸ live · " };
    zoom::draw(app, canvas, layout.chart, "Throughput", &job.history, job.rate, mode);
    draw_progress(app, canvas, layout.progress, job);
    draw_causes(app, canvas, layout.causes, job);
    draw_checkpoint(app, canvas, layout.checkpoint, job);
    draw_events(app, canvas, layout.events, job);
    draw_limits(app, canvas, layout.limits, job);
}

/// The title of a pane that shares its place with others.
fn shared(app: &App, area: Rect, right: &str) -> String {
    let is_wide = area.width >= WIDE || app.size.0 >= WIDE && app.size.1 >= TALL;
    if is_wide && !app.job.is_zoomed {
        return right.to_owned();
    }
    let others: Vec<&str> =
        PANES.iter().enumerate().filter(|(at, _)| *at != app.job.pane).map(|(_, name)| *name).collect();
    format!("{}: {}", app.key(Action::NextPane), others.join(" · "))
}

fn padded(inner: Rect) -> Rect {
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

fn draw_progress(app: &App, canvas: &mut Canvas<'_>, area: Rect, job: &JobStatus) {
    let inner = padded(canvas.panel(area, "Progress", "", false));
    let counts = &job.total;
    let in_flight =
        canvas.line().say("in flight").to(10).say(format!("{:>13}", grouped(job.in_flight))).dim("   not yet saved");
    if inner.height < 11 {
        let lines = [
            progress_line(app, canvas.line(), job, if inner.width >= 70 { 24 } else { 10 }),
            super::jobs::balance(canvas.line(), counts, usize::from(inner.width)),
            canvas
                .line()
                .say(format!("{} rec/s   {} in flight", rate(job.rate), grouped(job.in_flight)))
                .say(limited(job)),
            canvas.line().say(state_words(job, app.now)),
            canvas.line().dim(job.schedule.as_str()).dim(webhook_words(job)),
        ];
        return canvas.put_all(inner, &lines);
    }
    let progress = &job.progress;
    let mut lines = Vec::new();
    match progress.total {
        Some(total) => {
            let cells = usize::from(inner.width).saturating_sub(6);
            let percent = super::jobs::percent(progress.done, total);
            lines.push(
                canvas
                    .line()
                    .tone(bar(app.theme, progress.done, total, cells), Tone::Run)
                    .say(format!(" {percent:>3}%")),
            );
            lines.push(canvas.line().say(format!("{} of {} (source count)", grouped(progress.done), grouped(total))));
        }
        None => {
            lines.push(canvas.line().say("unknown: no total from source"));
            lines.push(canvas.line().say(format!("{} in this listing", counted(progress.done, "record", "records"))));
        }
    }
    let elapsed = job.run.as_ref().map(|run| span(app.now.since(run.started_at)));
    lines.push(match (elapsed, eta_words(job, app.now, false)) {
        (Some(elapsed), Some(eta)) => canvas.line().say(format!("{eta}   elapsed {elapsed}")),
        (Some(elapsed), None) => canvas.line().say(format!("elapsed {elapsed}   {} rec/s", rate(job.rate))),
        (None, _) => canvas.line().say(state_words(job, app.now)),
    });
    lines.extend(count_tree(canvas, counts));
    lines.push(in_flight);
    lines.push(balance_sign(canvas.line(), counts));
    canvas.put_all(inner, &lines);
}

/// Beside the schedule: that events come too, and how many wait.
fn webhook_words(job: &JobStatus) -> String {
    match job.webhook.as_ref().map(|webhook| webhook.inbox.waiting) {
        None => String::new(),
        Some(0) => ", and webhooks".to_owned(),
        Some(n) => format!(", and webhooks: {} waiting", grouped(n)),
    }
}

fn limited(job: &JobStatus) -> String {
    job.limited_by.as_ref().map(|limit| format!("   limited by: {limit}")).unwrap_or_default()
}

fn count_tree(canvas: &Canvas<'_>, counts: &Counts) -> Vec<Line> {
    let branch = |last: bool| if last { "└ " } else { "├ " };
    let mut lines = vec![canvas.line().bold("scanned").to(10).say(format!("{:>13}", grouped(counts.scanned)))];
    let rows = [
        ("created", counts.created),
        ("updated", counts.updated),
        ("deleted", counts.deleted),
        ("skipped", counts.skipped),
        ("held", counts.held),
        ("errored", counts.errored),
    ];
    for (at, (name, n)) in rows.iter().enumerate() {
        let tone = if *name == "errored" && *n > 0 { Tone::Bold } else { Tone::Plain };
        let mut line =
            canvas.line().dim(branch(at + 1 == rows.len())).say(name).to(10).tone(format!("{:>13}", grouped(*n)), tone);
        if *name == "skipped" {
            line = line.dim(skip_words(counts));
        }
        lines.push(line);
    }
    lines
}

fn skip_words(counts: &Counts) -> String {
    let reasons = &counts.reasons;
    let parts = [
        ("unchanged", reasons.unchanged),
        ("stale", reasons.stale),
        ("filtered", reasons.filtered),
        ("echo", reasons.echo),
        ("superseded", reasons.superseded),
        ("ignored", reasons.ignored),
    ];
    let mut parts: Vec<(&str, u64)> = parts.into_iter().filter(|(_, n)| *n > 0).collect();
    parts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    match parts.as_slice() {
        [] => String::new(),
        [(name, n)] if *n == counts.skipped => format!("   all {name}"),
        [(name, n), ..] => format!("   {name} {}", grouped(*n)),
    }
}

/// Lines below the causes: what passed by itself, and the last runs.
fn facts_rows(causes: Rect) -> u16 {
    if causes.height >= 7 { 2 } else { 0 }
}

const CAUSES: [Column<'static>; 4] =
    [Column::text("CAUSE", 20, 0), Column::number("COUNT", 0), Column::word("FIRST", 2), Column::word("LAST", 1)];

fn draw_causes(app: &App, canvas: &mut Canvas<'_>, area: Rect, job: &JobStatus) {
    let groups = app.job.groups.as_deref();
    let title = match groups {
        Some([]) | None => "Dead letters by cause".to_owned(),
        Some(groups) => format!("Dead letters by cause: {}", counted(groups.len() as u64, "cause", "causes")),
    };
    let inner = canvas.panel(
        area,
        &title,
        &shared(app, area, &format!("{} opens · {} all", app.key(Action::Open), app.key(Action::DeadOfJob))),
        true,
    );
    let (list, below) = geometry::top(inner, inner.height.saturating_sub(facts_rows(area)));
    match groups {
        None => canvas.put(padded(list), &canvas.line().say("asking the engine…")),
        Some([]) => canvas.put(padded(list), &canvas.line().tone("✓ ", Tone::Ok).say("no dead letters wait")),
        Some(groups) => {
            let window = app.job.list.window(groups.len());
            let rows: Vec<Vec<Cell>> = groups[window.clone()]
                .iter()
                .map(|group| {
                    vec![
                        Cell::new(group.reason.title()),
                        Cell::new(grouped(group.waiting + group.retrying)),
                        Cell::new(brief_moment(group.first_at, app.now)),
                        Cell::new(brief_moment(group.last_at, app.now)),
                    ]
                })
                .collect();
            table(canvas, list, &CAUSES, &rows, app.job.list.selected.checked_sub(window.start), &|_| false);
        }
    }
    let recovered = &job.recovered;
    let text = format!(
        "throttled ×{}, transient ×{}, unknown ×{}",
        recovered.throttled, recovered.transient, recovered.unknown
    );
    let lines = [
        canvas.line().dim("passed by itself  ").say(text),
        last_runs(canvas.line().dim("last runs         "), &job.last_runs),
    ];
    canvas.put_all(padded(below), &lines);
}

fn last_runs(line: Line, runs: &[RunMark]) -> Line {
    if runs.is_empty() {
        return line.say("none yet");
    }
    runs.iter().fold(line, |line, mark| match mark {
        RunMark::Ok => line.tone("✓", Tone::Ok),
        RunMark::Part => line.tone("!", Tone::Warn),
        RunMark::Failed => line.tone("✗", Tone::Fail),
        RunMark::Stopped => line.say("□"),
    })
}

fn draw_checkpoint(app: &App, canvas: &mut Canvas<'_>, area: Rect, job: &JobStatus) {
    let inner = padded(canvas.panel(area, "Checkpoint", "gc history", false));
    let Some(checkpoint) = &job.checkpoint else {
        return canvas.put(inner, &canvas.line().say("none yet: the first page is not saved"));
    };
    let mut head = format!("#{}   saved {}", grouped(checkpoint.sequence.0), moment(checkpoint.saved_at, app.now));
    if !app.is_still() {
        head.push_str(&format!("   {}", distance(checkpoint.saved_at, app.now)));
    }
    let risk = format!("a crash now re-reads at most {}", counted(job.in_flight, "record", "records"));
    if inner.height < 3 {
        return canvas.put(inner, &canvas.line().say(format!("{head}   ")).dim(risk));
    }
    let mut lines = vec![canvas.line().say(head), canvas.line().dim("the next run")];
    let condition = crate::tui::text::visible(&checkpoint.resume_condition(&job.resume), canvas.theme.symbols);
    let room = usize::from(inner.height).saturating_sub(4).max(1);
    for part in condition.wrapped(usize::from(inner.width)).into_iter().take(room) {
        lines.push(canvas.line().shown(part, Tone::Plain));
    }
    lines.push(canvas.line().say(risk));
    if let Some(run) = &job.run {
        lines.push(canvas.line().say(format!(
            "page {} of this run, the biggest {}",
            grouped(run.pages),
            grouped(run.page_size)
        )));
    }
    canvas.put_all(inner, &lines);
}

pub fn notice_line(canvas: &Canvas<'_>, notice: &Notice, now: crate::model::Timestamp) -> Line {
    let (word, tone) = level_word(notice.level);
    canvas.line().say(brief_moment(notice.at, now)).to(9).tone(word, tone).to(15).say(&notice.text)
}

pub fn level_word(level: Level) -> (&'static str, Tone) {
    match level {
        Level::Debug => ("debug", Tone::Dim),
        Level::Info => ("info", Tone::Plain),
        Level::Warn => ("warn", Tone::Warn),
        Level::Error => ("error", Tone::Fail),
    }
}

fn draw_events(app: &App, canvas: &mut Canvas<'_>, area: Rect, job: &JobStatus) {
    let inner = padded(canvas.panel(area, "Events, newest first", &shared(app, area, "gl whole log"), false));
    if job.events.is_empty() {
        return canvas.put(inner, &canvas.line().dim("nothing has happened yet"));
    }
    let lines: Vec<Line> = job.events.iter().rev().map(|notice| notice_line(canvas, notice, app.now)).collect();
    canvas.put_all(inner, &lines);
}

fn draw_limits(app: &App, canvas: &mut Canvas<'_>, area: Rect, job: &JobStatus) {
    let inner = padded(canvas.panel(area, "Limits", &shared(app, area, ""), false));
    let width = usize::from(inner.width);
    let mut lines = facts(canvas, "limited by  ", job.limited_by.as_deref().unwrap_or("nothing"), width);
    lines.extend(webhook_lines(app, canvas, job, width));
    let connections = shown(app).into_iter().flat_map(|snapshot| &snapshot.connections);
    // The destination first: it is what mostly holds a job back.
    let mut mine: Vec<&ConnectionStatus> =
        connections.filter(|connection| connection.id == job.destination || connection.id == job.source).collect();
    mine.sort_by_key(|connection| connection.id != job.destination);
    for connection in mine {
        lines.extend(connection_lines(app, canvas, connection, connection.id == job.destination, width));
    }
    canvas.put_all(inner, &lines);
}

/// What is known of the events by which its source tells of changes.
fn webhook_lines(app: &App, canvas: &Canvas<'_>, job: &JobStatus, width: usize) -> Vec<Line> {
    let Some(webhook) = &job.webhook else { return Vec::new() };
    let mut lines = Vec::new();
    for fact in webhook_facts(app, webhook) {
        let label = format!("{:<14}", fact.name);
        let shown = crate::tui::text::visible_within(&fact.text, width * 3, canvas.theme.symbols);
        let parts = crate::tui::text::wrapped(shown.as_str(), width.saturating_sub(label.len()).max(8));
        let tone = if fact.is_bad { Tone::Warn } else { Tone::Plain };
        lines.extend(
            parts
                .iter()
                .enumerate()
                .map(|(at, part)| canvas.line().dim(if at == 0 { label.as_str() } else { "" }).to(14).tone(part, tone)),
        );
    }
    lines
}

/// As they are said on the screen.
pub(super) fn webhook_facts(app: &App, webhook: &WebhookStatus) -> Vec<WebhookFact> {
    webhook.facts(app.now, &Says { span: &|time| span(time), moment: &|at| moment(at, app.now) })
}

/// A label and what it labels, in as many lines as that takes.
fn facts(canvas: &Canvas<'_>, label: &str, text: &str, width: usize) -> Vec<Line> {
    let indent = " ".repeat(label.len());
    let shown = crate::tui::text::visible_within(text, width * 3, canvas.theme.symbols);
    let parts = crate::tui::text::wrapped(shown.as_str(), width.saturating_sub(label.len()).max(8));
    parts
        .iter()
        .enumerate()
        .map(|(at, part)| canvas.line().dim(if at == 0 { label } else { &indent }).say(part))
        .collect()
}

/// Of the destination everything, of the source whether it is well.
fn connection_lines(
    app: &App,
    canvas: &Canvas<'_>,
    connection: &ConnectionStatus,
    is_whole: bool,
    width: usize,
) -> Vec<Line> {
    let label = |name: &str| canvas.line().dim(format!("  {name}")).to(12);
    let circuit = match &connection.circuit {
        Circuit::Closed => canvas.line().tone("  closed (ok)", Tone::Ok),
        Circuit::Open { since, next, why } => canvas.line().tone(
            format!("  OPEN since {}, next try {}: {why}", moment(*since, app.now), distance(*next, app.now)),
            Tone::Fail,
        ),
    };
    let ms = |value: Option<u32>| value.map_or("—".to_owned(), |value| format!("{value} ms"));
    let answers = &connection.answers;
    let mut lines = vec![
        canvas.line().within(connection.id.as_str(), 30, Tone::Bold).and(circuit),
        label("latency").say(format!("p50 {}   p95 {}", ms(connection.latency_p50), ms(connection.latency_p95))),
        label("in flight")
            .say(format!("{} of {}, {} queued", connection.in_flight, connection.ceiling, connection.queued)),
    ];
    if !is_whole {
        lines.truncate(2);
        return lines;
    }
    if let Some(until) = connection.throttled_until.filter(|until| *until > app.now) {
        lines.push(
            label("told")
                .tone(format!("to wait until {} ({})", moment(until, app.now), distance(until, app.now)), Tone::Wait),
        );
    }
    if let Some(budget) = &connection.budget {
        let limit = budget.limit.map(|limit| format!(" of {}", grouped(limit))).unwrap_or_default();
        let reset = budget.resets_at.map(|at| format!(", full {}", distance(at, app.now))).unwrap_or_default();
        let text = format!("{}{limit} left{reset} ({})", grouped(budget.remaining), budget.source);
        lines.extend(facts(canvas, "  budget    ", &text, width));
    }
    let kinds = [
        ("ok", answers.ok),
        ("429", answers.throttled),
        ("4xx", answers.client_error),
        ("5xx", answers.server_error),
        ("none", answers.no_answer),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(name, n)| *n > 0 || *name == "ok")
        .map(|(name, n)| format!("{name} {}", grouped(*n)))
        .collect();
    lines.extend(facts(canvas, "  answers   ", &kinds.join(" · "), width));
    lines
}
