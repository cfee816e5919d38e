//! The checkpoints of a job, newest first, and the selected one in full.

use super::move_in;
use crate::control::Request;
use crate::model::{Checkpoint, JobId, Phase, ResumeRules};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, WIDE};
use crate::tui::text::{brief_moment, counted, distance, grouped, moment, visible_within};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;

/// Checkpoints that are asked for at once; more come when the end of the list is near.
const PAGE: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct State {
    pub job: Option<JobId>,
    /// Newest first; none while they are being asked for.
    checkpoints: Option<Vec<Checkpoint>>,
    has_older: bool,
    list: ListState,
    pub problem: Option<String>,
}

impl State {
    /// Shows another job's.
    pub fn choose(&mut self, job: JobId) {
        if self.job.as_ref() != Some(&job) {
            *self = Self { job: Some(job), ..Self::default() };
        }
    }

    fn len(&self) -> usize {
        self.checkpoints.as_ref().map_or(0, Vec::len)
    }
}

pub fn opened(app: &mut App) {
    if app.checkpoints.job.is_none() {
        let first = app.jobs.selected.clone().or_else(|| app.jobs().first().map(|job| job.id.clone()));
        if let Some(job) = first {
            app.checkpoints.choose(job);
        }
    }
    app.checkpoints.list = ListState::default();
    ask(app);
}

fn ask(app: &mut App) {
    if let Some(job) = app.checkpoints.job.clone() {
        app.forget(&Purpose::OlderCheckpoints(job.clone()));
        app.ask(Purpose::Checkpoints(job.clone()), Request::Checkpoints { job, before: None, limit: PAGE });
    }
}

pub fn snapshot_came(app: &mut App) {
    if app.screen == super::Screen::Checkpoints && app.checkpoints.job.is_none() {
        opened(app);
    }
}

pub fn came(app: &mut App, job: &JobId, list: Vec<Checkpoint>) {
    let state = &mut app.checkpoints;
    if state.job.as_ref() == Some(job) {
        state.has_older = list.len() == PAGE;
        state.checkpoints = Some(list);
        state.problem = None;
    }
}

pub fn older_came(app: &mut App, job: &JobId, list: Vec<Checkpoint>) {
    let state = &mut app.checkpoints;
    if state.job.as_ref() == Some(job) {
        state.has_older = list.len() == PAGE;
        state.checkpoints.get_or_insert_default().extend(list);
    }
}

struct Layout {
    list: Rect,
    detail: Rect,
}

fn layout(body: Rect) -> Layout {
    let (list, detail) = if body.width >= WIDE {
        geometry::left(body, body.width * 54 / 100)
    } else {
        geometry::top(body, body.height.saturating_sub(if body.height >= 17 { 9 } else { 0 }))
    };
    Layout { list, detail }
}

pub fn settle(app: &mut App, body: Rect) {
    let rows = geometry::table_rows(layout(body).list);
    let len = app.checkpoints.len();
    app.checkpoints.list.settle(len, rows);
    let near_end = app.checkpoints.list.near(len).end == len && len > 0;
    let oldest = app.checkpoints.checkpoints.iter().flatten().last().map(|checkpoint| checkpoint.sequence);
    let (Some(job), Some(before)) = (app.checkpoints.job.clone(), oldest) else { return };
    let purpose = Purpose::OlderCheckpoints(job.clone());
    if near_end && app.checkpoints.has_older && !app.is_asking(&purpose) {
        app.ask(purpose, Request::Checkpoints { job, before: Some(before), limit: PAGE });
    }
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Next | Action::Previous => step(app, action),
        Action::LetIn => {
            app.checkpoints.list.top();
            ask(app);
        }
        action => {
            let len = app.checkpoints.len();
            move_in(&mut app.checkpoints.list, action, len);
        }
    }
}

fn step(app: &mut App, action: Action) {
    let jobs: Vec<JobId> = app.jobs().iter().map(|job| job.id.clone()).collect();
    let at = jobs.iter().position(|id| Some(id) == app.checkpoints.job.as_ref());
    let to = match (at, action) {
        (None, _) => Some(0),
        (Some(at), Action::Next) => Some(at + 1),
        (Some(at), _) => at.checked_sub(1),
    };
    match to.and_then(|to| jobs.get(to)).cloned() {
        Some(job) => {
            app.checkpoints.choose(job);
            ask(app);
        }
        None => app.note(if action == Action::Next { "this is the last job" } else { "this is the first job" }),
    }
}

pub fn crumb(app: &App, line: Line) -> Line {
    let job = app.checkpoints.job.as_ref().map_or("no job", |job| job.as_str());
    line.say(" Checkpoints › ")
        .within(job, 60, Tone::Bold)
        .dim("   [ ] other job   one for each saved page; old ones are thinned")
}

/// Checkpoints that were saved since the list was read.
pub fn new_words(app: &App) -> Option<String> {
    let newest = app.checkpoints.checkpoints.as_ref()?.first().map_or(0, |checkpoint| checkpoint.sequence.0);
    let now = app.job_status(app.checkpoints.job.as_ref()?)?.checkpoint.as_ref()?.sequence.0;
    let n = now.saturating_sub(newest);
    (n > 0).then(|| {
        format!(
            "{} since you opened this list — press {} to show them",
            counted(n, "new checkpoint", "new checkpoints"),
            app.key(Action::LetIn)
        )
    })
}

const COLUMNS: [Column<'static>; 5] = [
    Column::number("#", 0),
    Column::word("SAVED", 0),
    Column::number("RUN", 2),
    Column::text("GOES ON FROM", 16, 0),
    Column::number("RECORDS", 1),
];

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(body);
    draw_list(app, canvas, layout.list);
    draw_detail(app, canvas, layout.detail);
}

/// What turns the job's positions into words.
fn rules(app: &App) -> ResumeRules {
    let status = app.checkpoints.job.as_ref().and_then(|job| app.job_status(job));
    status.map_or_else(ResumeRules::unknown, |status| status.resume.clone())
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.checkpoints;
    let right = match &state.checkpoints {
        None => String::new(),
        Some(list) if state.has_older => format!("{} and older · newest first", grouped(list.len() as u64)),
        Some(list) => format!("{} · newest first", grouped(list.len() as u64)),
    };
    let inner = canvas.panel(area, "History", &right, true);
    let Some(list) = &state.checkpoints else {
        let line = match (&state.problem, &state.job) {
            (Some(problem), _) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            (None, None) => canvas.line().say(" there is no job"),
            (None, Some(_)) => canvas.line().say(" asking the engine…"),
        };
        return canvas.put(inner, &line);
    };
    if list.is_empty() {
        return canvas.put(inner, &canvas.line().say(" No checkpoint yet: the first page is not saved."));
    }
    let window = state.list.window(list.len());
    let rules = rules(app);
    let rows: Vec<Vec<Cell>> = list[window.clone()]
        .iter()
        .map(|checkpoint| {
            vec![
                Cell::new(grouped(checkpoint.sequence.0)),
                Cell::new(brief_moment(checkpoint.saved_at, app.now)),
                Cell::new(checkpoint.run.to_string()),
                Cell::new(checkpoint.resume_condition(&rules)),
                Cell::new(format!("+{}", grouped(checkpoint.page.scanned))),
            ]
        })
        .collect();
    table(canvas, inner, &COLUMNS, &rows, state.list.selected.checked_sub(window.start), &|_| false);
}

fn draw_detail(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let checkpoint = app.checkpoints.checkpoints.as_ref().and_then(|list| list.get(app.checkpoints.list.selected));
    let Some(checkpoint) = checkpoint else {
        canvas.panel(area, "Checkpoint", "", false);
        return;
    };
    let inner = canvas.panel(
        area,
        &format!("Checkpoint #{}", grouped(checkpoint.sequence.0)),
        &distance(checkpoint.saved_at, app.now),
        false,
    );
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = detail_lines(app, canvas, checkpoint, inner);
    canvas.put_all(inner, &lines);
}

fn detail_lines(app: &App, canvas: &Canvas<'_>, checkpoint: &Checkpoint, inner: Rect) -> Vec<Line> {
    let label = |name: &str| canvas.line().dim(name).to(12);
    let width = usize::from(inner.width).saturating_sub(12);
    let position = &checkpoint.position;
    let rules = rules(app);
    let mut lines =
        vec![label("saved").say(format!("{}   run #{}", moment(checkpoint.saved_at, app.now), checkpoint.run))];
    if let Some(by) = &checkpoint.moved_by {
        lines.push(label("moved by").tone(by.to_string(), Tone::Bold));
    }
    let condition =
        visible_within(&checkpoint.resume_condition(&rules), width * 4, canvas.theme.symbols).wrapped(width);
    for (at, part) in condition.into_iter().enumerate() {
        lines.push(label(if at == 0 { "next run" } else { "" }).to(13).shown(part, Tone::Plain));
    }
    let phase = match position.phase {
        Phase::Backfill => "backfill: the first complete listing",
        Phase::Incremental => "incremental: what changed since",
    };
    let place = if position.complete { "the listing is complete" } else { "inside a listing" };
    lines.push(label("phase").say(phase));
    lines.push(label("place").say(format!("{place}, {} of it saved", counted(position.pages, "page", "pages"))));
    let mark = |mark: &crate::model::Watermark| format!("{}, id {}", mark.version, mark.id.shown());
    let facts = [
        ("cursor", position.cursor.as_ref().map(|cursor| cursor.0.clone())),
        ("since", position.since.as_ref().map(|since| since.text())),
        ("watermark", position.watermark.as_ref().map(mark)),
        ("highest", position.highest.as_ref().map(mark)),
    ];
    for (name, value) in facts {
        lines.push(match value {
            Some(value) => label(name).within(&value, width, Tone::Plain),
            None => label(name).dim("—"),
        });
    }
    if inner.height > 12 {
        lines.push(canvas.line());
        lines.push(canvas.line().bold("").to(12).dim(format!("{:>13} {:>17}", "THIS PAGE", "THE JOB SO FAR")));
    }
    let (page, total) = (&checkpoint.page, &checkpoint.total);
    let counts = [
        ("scanned", page.scanned, total.scanned),
        ("created", page.created, total.created),
        ("updated", page.updated, total.updated),
        ("deleted", page.deleted, total.deleted),
        ("skipped", page.skipped, total.skipped),
        ("held", page.held, total.held),
        ("errored", page.errored, total.errored),
    ];
    if inner.height > 12 {
        for (name, here, all) in counts {
            lines.push(label(name).say(format!("{:>14}{:>17}", grouped(here), grouped(all))));
        }
        lines.push(super::jobs::balance_sign(label(""), total));
    } else {
        lines.insert(1, super::jobs::balance(label("this page"), page, usize::from(inner.width)));
    }
    lines
}
