//! One customer: all jobs of an instance, what they lack, and the answer for whoever asks about them.
//!
//! ```text
//! ╭ Customer globex ────────────────────╮
//! ╰─────────────────────────────────────╯
//! ╭ Answer ─────────────────────────────╮      what `y a` copies, word for word; z gives it all room
//! ╰─────────────────────────────────────╯
//! ```

use super::jobs::state_sign;
use super::{Screen, jobs, move_in};
use crate::control::Request;
use crate::model::{Counts, JobId, JobState, JobStatus, LetterFilter, LetterGroup, Timestamp, Version};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry;
use crate::tui::text::{counted, distance, fitted, grouped, moment, span, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;
use std::collections::BTreeMap;
use std::time::Duration;

/// Causes of a job that the answer names.
const CAUSES_TOLD: usize = 3;

#[derive(Clone, Debug, Default)]
pub struct State {
    /// The instance's name.
    pub name: String,
    pub selected: Option<JobId>,
    list: ListState,
    /// Why records of each job were refused.
    groups: BTreeMap<JobId, Vec<LetterGroup>>,
    /// The letters that waited when they were asked for.
    seen_dead: u64,
    is_zoomed: bool,
    /// Where Esc goes back to.
    pub from: Option<Screen>,
}

/// The names of all instances, in order.
pub fn names(app: &App) -> Vec<&str> {
    let mut names: Vec<&str> = app.jobs().iter().filter_map(|job| job.id.instance()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Shows the customer of that name.
pub fn show(app: &mut App, name: &str) {
    let from = if app.screen == Screen::Customer { app.customer.from } else { Some(app.screen) };
    app.customer = State { name: name.to_owned(), from, ..State::default() };
    super::show(app, Screen::Customer);
}

/// Shows the customer whose job is selected.
pub fn show_selected(app: &mut App) {
    match app.selected_job().map(|job| job.instance().map(str::to_owned)) {
        Some(Some(name)) => show(app, &name),
        Some(None) => app.note("the selected job is of no instance: it is the only one of its name"),
        None => app.note("no job is selected here"),
    }
}

pub fn opened(app: &mut App) {
    let first = jobs_of(app).first().map(|job| job.id.clone());
    app.customer.selected = app.customer.selected.take().or(first);
    refresh(app);
}

/// The customer's jobs, in the configuration's order.
pub fn jobs_of(app: &App) -> Vec<&JobStatus> {
    app.jobs().iter().filter(|job| job.id.instance() == Some(app.customer.name.as_str())).collect()
}

fn dead_waiting(app: &App) -> u64 {
    jobs_of(app).iter().map(|job| job.dead_waiting).sum()
}

pub fn is_stale(app: &App) -> bool {
    dead_waiting(app) != app.customer.seen_dead
}

pub fn refresh(app: &mut App) {
    app.customer.seen_dead = dead_waiting(app);
    let with_letters: Vec<JobId> =
        jobs_of(app).iter().filter(|job| job.dead_waiting > 0).map(|job| job.id.clone()).collect();
    app.customer.groups.retain(|job, _| with_letters.contains(job));
    for job in with_letters {
        let filter = LetterFilter { job: Some(job.clone()), ..LetterFilter::default() };
        app.ask(Purpose::GroupsOfCustomer(job), Request::DeadGroups { filter });
    }
}

pub fn groups_came(app: &mut App, job: &JobId, groups: Vec<LetterGroup>) {
    if job.instance() == Some(app.customer.name.as_str()) {
        app.customer.groups.insert(job.clone(), groups);
    }
}

pub fn settle(app: &mut App, body: Rect) {
    let ids: Vec<JobId> = jobs_of(app).iter().map(|job| job.id.clone()).collect();
    let at = app.customer.selected.as_ref().and_then(|selected| ids.iter().position(|id| id == selected));
    app.customer.list.selected = at.unwrap_or(0);
    app.customer.list.settle(ids.len(), geometry::table_rows(layout(app, body).0));
    app.customer.selected = ids.get(app.customer.list.selected).cloned();
}

pub fn step_back(app: &mut App) -> bool {
    std::mem::take(&mut app.customer.is_zoomed)
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Open => {
            if let Some(job) = app.customer.selected.clone() {
                super::job::show(app, job);
            }
        }
        Action::Zoom => app.customer.is_zoomed = !app.customer.is_zoomed,
        Action::PauseAll => {
            let of_customer = jobs_of(app).iter().map(|job| job.id.clone()).collect();
            jobs::pause_all(app, of_customer);
        }
        Action::PauseResume | Action::RunNow | Action::StopRun => jobs::order(app, action),
        Action::CopyAnswer => {
            let text = answer(app).join("\n");
            crate::tui::copying::put(app, "the answer", text);
        }
        action => {
            let ids: Vec<JobId> = jobs_of(app).iter().map(|job| job.id.clone()).collect();
            if move_in(&mut app.customer.list, action, ids.len()) {
                app.customer.selected = ids.get(app.customer.list.selected).cloned();
            }
        }
    }
}

/// How old the newest record is that is in step.
fn lag(job: &JobStatus, now: Timestamp) -> Option<Duration> {
    let newest = job.checkpoint.as_ref()?.position.watermark.as_ref()?;
    match &newest.version {
        Version::Time { at: newest, .. } => Some(now.since(Timestamp::from(*newest))),
        Version::Integer(_) => None,
    }
}

fn total(jobs: &[&JobStatus]) -> Counts {
    let mut total = Counts::default();
    jobs.iter().for_each(|job| total += job.total);
    total
}

/// What stands with the customer, for a ticket: whole sentences, no content of a record, nothing that only we understand.
pub fn answer(app: &App) -> Vec<String> {
    let jobs = jobs_of(app);
    let Some(snapshot) = &app.snapshot else { return Vec::new() };
    let counts = total(&jobs);
    let mut lines = vec![format!("{}, as of {}:", app.customer.name, snapshot.at)];
    lines.push(format!(
        "{} read in {}: {} created, {} updated, {} deleted, {} left as they are, {} held, {} refused.",
        counted(counts.scanned, "record was", "records were"),
        counted(jobs.len() as u64, "job", "jobs"),
        grouped(counts.created),
        grouped(counts.updated),
        grouped(counts.deleted),
        grouped(counts.skipped),
        grouped(counts.held),
        grouped(counts.errored)
    ));
    lines.extend(jobs.iter().flat_map(|job| sentences(app, job)));
    match dead_waiting(app) {
        0 => lines.push("No record waits for a person.".to_owned()),
        n => lines.push(format!(
            "{} for a person: the destination has them not, or not as they are now.",
            counted(n, "refused record waits", "refused records wait")
        )),
    }
    lines
}

fn sentences(app: &App, job: &JobStatus) -> Vec<String> {
    let newest = match lag(job, app.now) {
        Some(lag) => format!("in step up to {} ago", span(lag)),
        None if job.checkpoint.is_some() => "read up to its last checkpoint".to_owned(),
        None => "not read yet".to_owned(),
    };
    let state = match &job.state {
        JobState::Idle => None,
        JobState::Running => Some("runs now".to_owned()),
        _ => Some(jobs::state_words(job, app.now)),
    };
    let mut lines = vec![format!(
        "{}: {newest}{}.",
        job.id.base_and_part(),
        state.map_or_else(String::new, |state| format!("; {state}"))
    )];
    let causes = app.customer.groups.get(&job.id).into_iter().flatten().filter(|group| group.waiting > 0);
    lines.extend(causes.take(CAUSES_TOLD).map(|group| {
        let field = group.reason.field.as_ref().map(|field| format!(" (field {field})")).unwrap_or_default();
        format!("  {}: {}{field}", counted(group.waiting, "record", "records"), group.reason.title())
    }));
    lines
}

fn layout(app: &App, body: Rect) -> (Rect, Rect) {
    let jobs = u16::try_from(jobs_of(app).len()).unwrap_or(u16::MAX);
    let wanted = if app.customer.is_zoomed { 0 } else { jobs.saturating_add(4).clamp(6, (body.height / 2).max(6)) };
    geometry::top(body, wanted.min(body.height))
}

const COLUMNS: [Column<'static>; 9] = [
    Column::word("STATE", 0),
    Column::id("JOB", 12, 0),
    Column::text("FROM → TO", 10, 5),
    Column::number("LAG", 0),
    Column::number("SCANNED", 1),
    Column::number("UPDATED", 2),
    Column::number("SKIPPED", 6),
    Column::number("ERROR", 3),
    Column::number("DEAD", 0),
];

fn row(app: &App, canvas: &Canvas<'_>, job: &JobStatus) -> Vec<Cell> {
    let (sign, word, tone) = state_sign(&job.state);
    let arrow = if canvas.theme.is_ascii() { "->" } else { "→" };
    let number = |n: u64| Cell::new(fitted(n, 11));
    let alarm = |n: u64| Cell::toned(fitted(n, 11), if n > 0 { Tone::Bold } else { Tone::Plain });
    vec![
        Cell::toned(format!("{sign} {word}"), tone),
        Cell::new(job.id.base_and_part()),
        Cell::new(format!("{} {arrow} {}", job.source, job.destination)),
        Cell::new(lag(job, app.now).map_or_else(|| "—".to_owned(), span)),
        number(job.total.scanned),
        number(job.total.written()),
        number(job.total.skipped),
        alarm(job.total.errored),
        alarm(job.dead_waiting),
    ]
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let (list, below) = layout(app, body);
    if list.height > 0 {
        draw_list(app, canvas, list);
    }
    draw_answer(app, canvas, below);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let jobs = jobs_of(app);
    let paused = jobs.iter().filter(|job| matches!(job.state, JobState::Paused { .. })).count();
    let paused = if paused > 0 { format!(" · {paused} paused") } else { String::new() };
    let dead = match dead_waiting(app) {
        0 => String::new(),
        n => format!(" · {}", counted(n, "dead letter", "dead letters")),
    };
    let right = format!("{}{paused}{dead}", counted(jobs.len() as u64, "job", "jobs"));
    let inner = canvas.panel(area, &format!("Customer {}", app.customer.name), &right, true);
    if jobs.is_empty() {
        let text =
            if app.snapshot.is_none() { " asking the engine…" } else { " No job is of this instance any more." };
        return canvas.put(inner, &canvas.line().say(text));
    }
    let window = app.customer.list.window(jobs.len());
    let rows: Vec<Vec<Cell>> = jobs[window.clone()].iter().map(|job| row(app, canvas, job)).collect();
    table(canvas, inner, &COLUMNS, &rows, app.customer.list.selected.checked_sub(window.start), &|_| false);
}

fn draw_answer(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let right = format!("{} copies it", app.key(Action::CopyAnswer));
    let inner = canvas.panel(area, "Answer", &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    let lines: Vec<Line> =
        answer(app).iter().flat_map(|sentence| wrapped(sentence, width)).map(|line| canvas.line().say(line)).collect();
    canvas.put_all(inner, &lines);
}

pub fn crumb(app: &App, line: Line) -> Line {
    let last =
        jobs_of(app).iter().filter_map(|job| job.checkpoint.as_ref()).map(|checkpoint| checkpoint.saved_at).max();
    let line = line.dim(" Jobs › ").bold(&app.customer.name);
    match last {
        Some(at) => line.dim(format!("   last checkpoint {} ({})", moment(at, app.now), distance(at, app.now))),
        None => line.dim("   no checkpoint yet"),
    }
}
