//! How the jobs, what needs attention, the rate and the selected job are drawn.

use super::{Pane, layout, percent, phase_word, state_sign, state_words};
use crate::model::{Counts, Finding, FindingKind, FindingTarget, JobId, JobState, JobStatus, Level, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::geometry::WIDE;
use crate::tui::keymap::Context;
use crate::tui::text::{brief_moment, counted, distance, fitted, grouped, moment, rate, span};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, bar, table};
use crate::tui::zoom;
use ratatui::layout::{Position, Rect};
use std::time::Duration;

const COLUMNS: [Column<'static>; 11] = [
    Column::word("STATE", 0),
    Column::id("JOB", 12, 0),
    Column::text("FROM → TO", 10, 5),
    Column::word("PROGRESS", 4),
    Column::number("REC/S", 3),
    Column::number("SCANNED", 0),
    Column::number("UPDATED", 6),
    Column::number("SKIPPED", 7),
    Column::number("HELD", 8),
    Column::number("ERROR", 0),
    Column::number("DEAD", 0),
];

/// The place of the column that is left out where nothing is held.
const HELD: usize = 8;

fn row(app: &App, canvas: &Canvas<'_>, job: &JobStatus) -> Vec<Cell> {
    let (sign, word, tone) = state_sign(&job.state);
    let counts = &job.total;
    let progress = match job.progress.total {
        Some(total) if job.run.is_some() => {
            format!("{} {:>3}%", bar(app.theme, job.progress.done, total, 9), percent(job.progress.done, total))
        }
        _ if job.run.is_some() => phase_word(job.phase).to_owned(),
        _ => "—".to_owned(),
    };
    let number = |n: u64| Cell::new(fitted(n, 11));
    let alarm = |n: u64| Cell::toned(fitted(n, 11), if n > 0 { Tone::Bold } else { Tone::Plain });
    let arrow = if canvas.theme.is_ascii() { "->" } else { "→" };
    vec![
        Cell::toned(format!("{sign} {word}"), tone),
        Cell::new(job.id.as_str()),
        Cell::new(format!("{} {arrow} {}", job.source, job.destination)),
        Cell::new(progress),
        Cell::new(if job.run.is_some() { rate(job.rate) } else { "·".to_owned() }),
        number(counts.scanned),
        number(counts.written()),
        number(counts.skipped),
        number(counts.held),
        alarm(counts.errored),
        alarm(job.dead_waiting),
    ]
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    draw_attention(app, canvas, layout.attention);
    draw_chart(app, canvas, layout.chart);
    draw_strip(app, canvas, layout.strip);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.jobs;
    let again = match state.is_overtaken {
        true => format!(", {} sorts again", app.key(Action::LetIn)),
        false => String::new(),
    };
    let order = format!("sort: {}{again}", state.sort.words());
    let right = match app.jobs().len() {
        0 => String::new(),
        n => {
            let marked = match state.marked.len() {
                0 => String::new(),
                n => format!("■ {n} marked · "),
            };
            format!("{marked}{} of {n} · {order}", state.shown.len())
        }
    };
    let inner = canvas.panel(area, "Jobs", &right, state.pane == Pane::List);
    if app.snapshot.is_none() {
        return canvas.put(inner, &canvas.line().say(" asking the engine…"));
    }
    if state.shown.is_empty() {
        let lines: &[&str] = match (app.jobs().is_empty(), state.filter.is_empty()) {
            (true, _) => &[
                " No jobs in the configuration yet.",
                " Add a [jobs.NAME] table to syncdeck.toml; then: syncdeck check",
            ],
            (false, false) => &[" No job matches the filter. Esc clears it."],
            (false, true) => &[],
        };
        let lines: Vec<Line> = lines.iter().map(|line| canvas.line().say(line)).collect();
        return canvas.put_all(inner, &lines);
    }
    let window = state.list.window(state.shown.len());
    let rows: Vec<Vec<Cell>> = state.shown[window.clone()]
        .iter()
        .filter_map(|id| app.job_status(id))
        .map(|job| row(app, canvas, job))
        .collect();
    let selected = state.list.selected.checked_sub(window.start).filter(|_| state.pane == Pane::List);
    // Held records are rare: their column stands only where there are some.
    let has_held = app.jobs().iter().any(|job| job.total.held > 0);
    let columns: Vec<Column<'_>> =
        COLUMNS.into_iter().enumerate().filter(|(at, _)| has_held || *at != HELD).map(|(_, column)| column).collect();
    let rows: Vec<Vec<Cell>> = if has_held {
        rows
    } else {
        rows.into_iter()
            .map(|row| row.into_iter().enumerate().filter(|(at, _)| *at != HELD).map(|(_, cell)| cell).collect())
            .collect()
    };
    let on_screen = &state.shown[window];
    let is_marked = |at: usize| on_screen.get(at).is_some_and(|id| state.marked.contains(id));
    table(canvas, inner, &columns, &rows, selected, &is_marked);
}

fn draw_attention(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(snapshot) = &app.snapshot else {
        canvas.panel(area, "Needs attention", "", false);
        return;
    };
    let is_focused = app.jobs.pane == Pane::Attention;
    let findings = &snapshot.findings;
    let n = findings.len();
    let right = if is_focused {
        format!("{n} · {} opens the cause", app.key(Action::Open))
    } else {
        format!("{n} · {} goes there", app.key(Action::Attention))
    };
    let inner = canvas.panel(area, "Needs attention", if n == 0 { "" } else { &right }, is_focused);
    if n == 0 {
        return canvas.put(inner, &canvas.line().tone(" ✓ ", Tone::Ok).say("nothing needs a person"));
    }
    let mut y = inner.y;
    for at in app.jobs.findings.window(n) {
        let finding = &findings[at];
        let (sign, tone) = match finding.level {
            Level::Error => ("✗ ", Tone::Fail),
            Level::Warn => ("! ", Tone::Warn),
            Level::Info | Level::Debug => ("◦ ", Tone::Plain),
        };
        let is_selected = is_focused && at == app.jobs.findings.selected;
        let area = Rect { y, height: inner.bottom().saturating_sub(y).min(1), ..inner };
        let marker = if is_selected { "»" } else { " " };
        canvas.put(area, &canvas.line().say(marker).tone(sign, tone).say(&finding.text));
        if is_selected {
            canvas.tint(area, Tone::Selected);
            canvas.cursor = Some(Position::new(area.x, area.y));
        }
        let below = Rect { y: y + 1, height: inner.bottom().saturating_sub(y + 1).min(1), ..inner };
        canvas.put(below, &finding_hint(app, canvas, finding));
        y += 2;
    }
}

/// What mends a finding: here the key that does it in the place of the command, where one does.
fn finding_hint(app: &App, canvas: &Canvas<'_>, finding: &Finding) -> Line {
    let line = canvas.line().say("   ");
    let key = |line: Line, action: Action, words: &str| line.key(app.key(action)).dim(format!(" {words}"));
    match finding.kind {
        FindingKind::NeedsAttention => key(line.dim(&finding.hint).say("   "), Action::PauseResume, "resumes it"),
        FindingKind::Paused | FindingKind::PausedLong => key(line, Action::PauseResume, "resumes it"),
        FindingKind::MissedSchedule => key(line, Action::RunNow, "runs it now; the log says what happened"),
        FindingKind::Stalled | FindingKind::ManyErrors | FindingKind::Altered | FindingKind::SourceChanged => {
            key(line, Action::Open, "opens the job")
        }
        FindingKind::DeadLetters | FindingKind::OldLetters => key(line, Action::Open, "opens the cause"),
        FindingKind::Held => {
            let line = key(line, Action::Open, "opens the connection, there").say(" ");
            let release = app.settings.keymap.labels(&[Context::Connections], Action::HoldRelease).into_iter().next();
            line.key(release.unwrap_or_default()).dim(" releases it")
        }
        FindingKind::Withheld => {
            let line = key(line, Action::Open, "opens the job, there").say(" ");
            let shows = app.settings.keymap.labels(&[Context::Job], Action::Withheld).into_iter().next();
            line.key(shows.unwrap_or_default()).dim(" shows what is withheld")
        }
        FindingKind::BudgetLow => key(line, Action::Open, "opens the connection"),
        FindingKind::StoreError
        | FindingKind::Failed
        | FindingKind::CircuitOpen
        | FindingKind::Webhook
        | FindingKind::Silent
        | FindingKind::ConfigChanged
        | FindingKind::NotConfigured => line.dim(&finding.hint),
    }
}

/// The job that the selected finding is of.
pub fn job_of_finding(app: &App) -> Option<JobId> {
    let finding = app.snapshot.as_ref()?.findings.get(app.jobs.findings.selected)?;
    match &finding.target {
        FindingTarget::Job(job) | FindingTarget::Group(job, _) => Some(job.clone()),
        FindingTarget::Connection(_) | FindingTarget::Engine => None,
    }
}

fn draw_chart(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(snapshot) = &app.snapshot else {
        canvas.panel(area, "Throughput, all jobs", "", false);
        return;
    };
    let now: f64 = snapshot.jobs.iter().map(|job| job.rate).sum();
    zoom::draw(app, canvas, area, "Throughput, all jobs", &snapshot.throughput, now, "");
}

/// The sum that must hold, with whether it does; where `room` is short, created, updated and deleted are one figure.
pub fn balance(line: Line, counts: &Counts, room: usize) -> Line {
    let whole = balance_in_full(line.clone(), counts);
    if whole.width() <= room {
        return whole;
    }
    let (scanned, written) = (grouped(counts.scanned), grouped(counts.written()));
    let (skipped, errored) = (grouped(counts.skipped), grouped(counts.errored));
    let held = if counts.held > 0 { format!(" + held {}", grouped(counts.held)) } else { String::new() };
    let line =
        line.say(format!("scanned {scanned} = updated {written} + skipped {skipped}{held} + errored {errored} "));
    if counts.is_balanced() { line.tone("✓", Tone::Ok) } else { line.tone("✗", Tone::Fail) }
}

fn balance_in_full(line: Line, counts: &Counts) -> Line {
    let mut line = line.say(format!("scanned {} = ", grouped(counts.scanned)));
    let parts = [
        ("created", counts.created),
        ("updated", counts.updated),
        ("deleted", counts.deleted),
        ("skipped", counts.skipped),
        ("held", counts.held),
        ("errored", counts.errored),
    ];
    let mut is_first = true;
    for (name, n) in parts.into_iter().filter(|(_, n)| *n > 0) {
        line = line.say(format!("{}{name} {}", if is_first { "" } else { " + " }, grouped(n)));
        is_first = false;
    }
    if is_first {
        line = line.say("0");
    }
    balance_sign(line.say("  "), counts)
}

pub fn balance_sign(line: Line, counts: &Counts) -> Line {
    if counts.is_balanced() {
        line.tone("✓ all accounted for", Tone::Ok)
    } else {
        line.tone("✗ does not add up", Tone::Fail)
    }
}

fn draw_strip(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let job = app.jobs.selected.as_ref().and_then(|id| app.job_status(id));
    let Some(job) = job else {
        canvas.panel(area, "Selected job", "", false);
        return;
    };
    let right = match app.snapshot.as_ref().map_or(0, |snapshot| snapshot.findings.len()) {
        _ if area.width >= WIDE => format!("selected job · {} opens all of it", app.key(Action::Open)),
        0 => format!("{} opens all of it", app.key(Action::Open)),
        n => format!(
            "{} {} · {} chart",
            app.key(Action::Attention),
            counted(n as u64, "finding", "findings"),
            app.key(Action::Zoom)
        ),
    };
    let inner = canvas.panel(area, job.id.as_str(), &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = strip_lines(app, canvas, job, inner);
    canvas.put_all(inner, &lines);
}

fn strip_lines(app: &App, canvas: &Canvas<'_>, job: &JobStatus, inner: Rect) -> Vec<Line> {
    let is_narrow = inner.width < WIDE - 4;
    let label = |name: &str| if is_narrow { canvas.line() } else { canvas.line().dim(name).to(10) };
    let (sign, _, tone) = state_sign(&job.state);
    let mut state = label("state").tone(format!("{sign} "), tone).say(state_words(job, app.now));
    if let Some(run) = &job.run {
        let since = format!(
            ", run #{} since {} ({})",
            run.id,
            moment(run.started_at, app.now),
            span(app.now.since(run.started_at))
        );
        state = state.say(since).say(format!(", {}, page {}", phase_word(job.phase), grouped(run.pages)));
    }
    let mut speed = label("rate").say(format!("{} rec/s", rate(job.rate)));
    if let Some(limit) = &job.limited_by {
        speed = speed.say("   limited by: ").say(limit);
    }
    let mut lines = vec![
        state,
        progress_line(app, label("progress"), job, if is_narrow { 24 } else { 40 }),
        speed,
        balance(label("records"), &job.total, usize::from(inner.width)),
        checkpoint_line(app, label("saved at"), job),
        dead_line(app, label("dead"), job),
        schedule_line(app, label("schedule"), job),
    ];
    if is_narrow && !matches!(job.state, JobState::Running) {
        // Where six lines have room, the state says more than a rate of zero.
        lines.remove(2);
    }
    lines
}

/// A bar where the total is known, else that it is not.
pub fn progress_line(app: &App, line: Line, job: &JobStatus, cells: usize) -> Line {
    let progress = &job.progress;
    if job.run.is_none() {
        return line.say("no run in progress");
    }
    let Some(total) = progress.total else {
        return line
            .say(format!("{} done, total unknown: no total from source", counted(progress.done, "record", "records")));
    };
    // Where room is short the end counts for more than how the total is known.
    let (known, is_brief) = if cells < 40 { ("", true) } else { (" (source count)", false) };
    let line = line.tone(bar(app.theme, progress.done, total, cells), Tone::Run).say(format!(
        "  {:>2}%   {} of {}{known}",
        percent(progress.done, total),
        grouped(progress.done),
        grouped(total)
    ));
    match eta_words(job, app.now, is_brief) {
        Some(words) => line.say(format!("   {words}")),
        None => line,
    }
}

/// When the listing is at its end: the moment, how long that is, and how much speed varied; or why nobody can tell.
pub fn eta_words(job: &JobStatus, now: Timestamp, is_brief: bool) -> Option<String> {
    job.progress.total?;
    if matches!(job.state, JobState::Waiting { .. }) {
        return Some("ETA paused while it waits".to_owned());
    }
    let seconds = job.progress.eta_seconds?;
    let left = Duration::from_secs(seconds);
    let band = job.progress.eta_band(&job.history).filter(|band| *band > 0);
    let band = band.map(|band| format!(" ± {}", span(Duration::from_secs(band)))).unwrap_or_default();
    if is_brief {
        return Some(format!("ETA {}{band}", span(left)));
    }
    let at = brief_moment(now.plus(left), now);
    Some(format!("ETA {} ({}{band})", at.get(..5).filter(|_| at.contains(':')).unwrap_or(&at), span(left)))
}

fn checkpoint_line(app: &App, line: Line, job: &JobStatus) -> Line {
    match &job.checkpoint {
        None => line.say("no checkpoint yet"),
        Some(checkpoint) => {
            let ago = app.age(checkpoint.saved_at);
            let line = line.say(format!(
                "checkpoint #{}  {ago}, {} in flight  ",
                grouped(checkpoint.sequence.0),
                grouped(job.in_flight)
            ));
            line.dim(checkpoint.resume_condition(&job.resume))
        }
    }
}

fn dead_line(app: &App, line: Line, job: &JobStatus) -> Line {
    match job.dead_waiting {
        0 => line.say("no dead letters"),
        n => line
            .tone(counted(n, "dead letter waits", "dead letters wait"), Tone::Warn)
            .say("   ")
            .key(app.key(Action::DeadOfJob))
            .say(" opens them"),
    }
}

fn schedule_line(app: &App, line: Line, job: &JobStatus) -> Line {
    let line = line.say(&job.schedule);
    match job.due {
        Some(due) if due <= app.now => line.say("; the next run is due"),
        Some(due) => line.say(format!("; next run {} ({})", moment(due, app.now), distance(due, app.now))),
        None => line,
    }
}
