//! The checkpoints of a job, newest first, and the selected one in full.

use super::move_in;
use crate::control::Request;
use crate::model::filter::{CHECKPOINT_FIELDS, Term, parse};
use crate::model::{Checkpoint, JobId, MovedWhat, Phase, PlanFrom, ResumeRules, RewindTo, Sequence};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::counting;
use crate::tui::geometry::{self, WIDE};
use crate::tui::overlays::{Overlay, Page, rewind};
use crate::tui::text::{brief_moment, counted, grouped, moment, visible_within, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;

/// Checkpoints that are asked for at once; more come when the end of the list is near.
const PAGE: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct State {
    pub job: Option<JobId>,
    pub filter_text: String,
    /// Of the last filter that could be read; the engine applies them to all checkpoints that are kept.
    terms: Vec<Term>,
    /// Newest first; none while they are being asked for.
    checkpoints: Option<Vec<Checkpoint>>,
    has_older: bool,
    list: ListState,
    /// Marked to be compared, at most two.
    marked: Vec<Sequence>,
    pane: Pane,
    is_zoomed: bool,
    pub problem: Option<String>,
}

/// What stands beside the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    /// What a rewind to the selected one would do; of the newest, its details.
    #[default]
    Preview,
    Details,
}

impl State {
    /// Shows another job's.
    pub fn choose(&mut self, job: JobId) {
        if self.job.as_ref() != Some(&job) {
            // The filter goes along from job to job.
            let (filter_text, terms) = (std::mem::take(&mut self.filter_text), std::mem::take(&mut self.terms));
            *self = Self { job: Some(job), filter_text, terms, ..Self::default() };
        }
    }

    /// Newest first, as far as they were read.
    pub fn list(&self) -> &[Checkpoint] {
        self.checkpoints.as_deref().unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.checkpoints.as_ref().map_or(0, Vec::len)
    }

    pub fn selected(&self) -> Option<&Checkpoint> {
        self.checkpoints.as_ref()?.get(self.list.selected)
    }

    fn find(&self, sequence: Sequence) -> Option<&Checkpoint> {
        self.checkpoints.iter().flatten().find(|checkpoint| checkpoint.sequence == sequence)
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

/// An order was carried out: what it set is looked at.
pub fn refresh(app: &mut App) {
    app.checkpoints.list.top();
    ask(app);
}

pub fn step_back(app: &mut App) -> bool {
    if std::mem::take(&mut app.checkpoints.is_zoomed) {
        return true;
    }
    let had_marks = !app.checkpoints.marked.is_empty();
    app.checkpoints.marked.clear();
    had_marks
}

fn ask(app: &mut App) {
    if let Some(job) = app.checkpoints.job.clone() {
        let terms = app.checkpoints.terms.clone();
        app.forget(&Purpose::OlderCheckpoints(job.clone()));
        app.ask(Purpose::Checkpoints(job.clone()), Request::Checkpoints { job, terms, before: None, limit: PAGE });
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

/// Takes a filter; the last valid one stays when this one is none, and the old rows until the new ones come.
pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.checkpoints.filter_text);
    let terms = parse(text, CHECKPOINT_FIELDS, app.now)?;
    if terms != app.checkpoints.terms {
        app.checkpoints.terms = terms;
        app.checkpoints.list = ListState::default();
        ask(app);
    }
    Ok(())
}

struct Layout {
    list: Rect,
    detail: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let (list, detail) = if app.checkpoints.is_zoomed {
        geometry::top(body, 0)
    } else if body.width >= WIDE {
        geometry::left(body, body.width * 54 / 100)
    } else {
        geometry::top(body, body.height.saturating_sub(if body.height >= 17 { 9 } else { 0 }))
    };
    Layout { list, detail }
}

pub fn settle(app: &mut App, body: Rect) {
    let rows = geometry::table_rows(layout(app, body).list);
    let len = app.checkpoints.len();
    app.checkpoints.list.settle(len, rows);
    let near_end = app.checkpoints.list.near(len).end == len && len > 0;
    let oldest = app.checkpoints.checkpoints.iter().flatten().last().map(|checkpoint| checkpoint.sequence);
    let (Some(job), Some(before)) = (app.checkpoints.job.clone(), oldest) else { return };
    let purpose = Purpose::OlderCheckpoints(job.clone());
    if near_end && app.checkpoints.has_older && !app.is_asking(&purpose) {
        let terms = app.checkpoints.terms.clone();
        app.ask(purpose, Request::Checkpoints { job, terms, before: Some(before), limit: PAGE });
    }
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Next | Action::Previous => step(app, action),
        Action::Open => count(app),
        Action::Rewind => rewind(app),
        Action::RewindWhere => match app.checkpoints.job.clone() {
            Some(job) => rewind::ask_where(app, job),
            None => app.note("there is no job"),
        },
        Action::ComparePair => compare(app),
        Action::Mark => mark(app),
        Action::MarkUp | Action::MarkDown => {
            let len = app.checkpoints.len();
            let ends = super::range_ends(&mut app.checkpoints.list, action, len);
            let state = &mut app.checkpoints;
            let list = state.checkpoints.as_deref().unwrap_or_default();
            let ends = ends.iter().filter_map(|at| list.get(*at).map(|one| one.sequence));
            // Two are compared: the ends of the range.
            for sequence in ends {
                state.marked.retain(|marked| *marked != sequence);
                state.marked.push(sequence);
            }
            let surplus = state.marked.len().saturating_sub(2);
            state.marked.drain(..surplus);
        }
        Action::View => {
            let pane = app.checkpoints.pane;
            app.checkpoints.pane = if pane == Pane::Preview { Pane::Details } else { Pane::Preview };
        }
        Action::Zoom => app.checkpoints.is_zoomed = !app.checkpoints.is_zoomed,
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

/// Counts at the source what reading again from the selected one would do.
fn count(app: &mut App) {
    let (Some(job), Some(sequence)) = (app.checkpoints.job.clone(), app.checkpoints.selected().map(|one| one.sequence))
    else {
        return app.note("there is no checkpoint to count from");
    };
    app.checkpoints.pane = Pane::Preview;
    counting::begin(app, job, PlanFrom::Rewind(RewindTo::Sequence(sequence)));
}

fn rewind(app: &mut App) {
    let (Some(job), Some(to)) = (app.checkpoints.job.clone(), app.checkpoints.selected()) else {
        return app.note("there is no checkpoint to go back to");
    };
    let to = RewindTo::Sequence(to.sequence);
    rewind::open(app, job, to);
}

fn mark(app: &mut App) {
    let Some(sequence) = app.checkpoints.selected().map(|one| one.sequence) else { return };
    let len = app.checkpoints.len();
    let marked = &mut app.checkpoints.marked;
    match marked.iter().position(|one| *one == sequence) {
        Some(at) => drop(marked.remove(at)),
        None => {
            marked.push(sequence);
            if marked.len() > 2 {
                marked.remove(0);
            }
        }
    }
    app.checkpoints.list.move_by(1, len);
}

/// Two beside each other: the marked ones, else the one marked and the selected, else the selected and the newest.
fn compare(app: &mut App) {
    let state = &app.checkpoints;
    let selected = state.selected().map(|one| one.sequence);
    let newest = state.checkpoints.as_ref().and_then(|list| list.first()).map(|one| one.sequence);
    let pair = match (state.marked.as_slice(), selected, newest) {
        ([one, two], ..) => Some((*one, *two)),
        ([one], Some(two), _) if *one != two => Some((*one, two)),
        (_, Some(one), Some(two)) if one != two => Some((one, two)),
        _ => None,
    };
    let found =
        pair.and_then(|(one, two)| Some((state.find(one.min(two))?.clone(), state.find(one.max(two))?.clone())));
    match found {
        Some((older, newer)) => app.overlay = Some(compared(app, &older, &newer)),
        None => app.note("mark one, then compare it with another"),
    }
}

fn compared(app: &App, older: &Checkpoint, newer: &Checkpoint) -> Overlay {
    let rules = rules(app);
    let mark = |mark: &Option<crate::model::Watermark>| {
        mark.as_ref().map_or("—".to_owned(), |mark| format!("{}, id {}", mark.version, mark.id.shown()))
    };
    let since = |n: u64, before: u64| grouped(n.saturating_sub(before));
    let (total, before) = (&newer.total, &older.total);
    let between = format!(
        "{} scanned, {} created, {} updated, {} deleted, {} skipped, {} held, {} errored\n{} apart, runs #{} and #{}",
        since(total.scanned, before.scanned),
        since(total.created, before.created),
        since(total.updated, before.updated),
        since(total.deleted, before.deleted),
        since(total.skipped, before.skipped),
        since(total.held, before.held),
        since(total.errored, before.errored),
        crate::tui::text::span(newer.saved_at.since(older.saved_at)),
        older.run,
        newer.run,
    );
    let facts = |one: &Checkpoint| {
        let cursor = one.position.cursor.as_ref().map_or("—".to_owned(), |cursor| cursor.0.clone());
        let since = one.position.since.as_ref().map_or("—".to_owned(), |since| since.text());
        let mut lines = vec![
            format!("saved      {}", moment(one.saved_at, app.now)),
            format!("next run   {}", one.resume_condition(&rules)),
            format!("watermark  {}", mark(&one.position.watermark)),
            format!("highest    {}", mark(&one.position.highest)),
            format!("cursor     {cursor}"),
            format!("since      {since}"),
            format!("pages      {}", grouped(one.position.pages)),
        ];
        lines.extend(one.moved_words().map(|words| format!("set by     {words}")));
        lines.join("\n")
    };
    let heading = |one: &Checkpoint| format!("#{}", grouped(one.sequence.0));
    let parts =
        vec![(heading(older), facts(older)), (heading(newer), facts(newer)), ("between the two".to_owned(), between)];
    let title = format!("Checkpoints {} and {} compared", heading(older), heading(newer));
    Overlay::Page(Page { title, parts, scroll: ListState::default() })
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
    let line = line.say(" Checkpoints › ").within(job, 60, Tone::Bold);
    match app.checkpoints.filter_text.trim() {
        "" => line.dim("   one for each saved page; old ones are thinned"),
        text => line.dim("   / ").within(text, 50, Tone::Bold).dim("   (Esc clears)"),
    }
}

/// Checkpoints that were saved since the list was read.
pub fn new_words(app: &App) -> Option<String> {
    if !app.checkpoints.terms.is_empty() {
        // Whether what is new matches only the engine knows.
        return None;
    }
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
    Column::text("POSITION", 16, 0),
    Column::number("RECS", 1),
];

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
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
        let text = match state.filter_text.is_empty() {
            true => " No checkpoint yet: the first page is not saved.",
            false => " No checkpoint matches the filter. Esc clears it.",
        };
        return canvas.put(inner, &canvas.line().say(text));
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
                Cell::new(place(checkpoint, &rules)),
                match &checkpoint.moved {
                    Some(_) => Cell::toned("set", Tone::Warn),
                    None => Cell::new(format!("+{}", grouped(checkpoint.page.scanned))),
                },
            ]
        })
        .collect();
    table(canvas, inner, &COLUMNS, &rows, state.list.selected.checked_sub(window.start), &|at| {
        list.get(window.start + at).is_some_and(|one| state.marked.contains(&one.sequence))
    });
}

/// The job's newest checkpoint: of a list that is narrowed the first one may be older.
fn newest(app: &App) -> Option<&Checkpoint> {
    let state = &app.checkpoints;
    let first = state.checkpoints.as_ref().and_then(|list| list.first());
    if state.terms.is_empty() {
        return first;
    }
    app.job_status(state.job.as_ref()?).and_then(|job| job.checkpoint.as_ref()).or(first)
}

/// Where a checkpoint stands, in a column.
fn place(checkpoint: &Checkpoint, rules: &ResumeRules) -> String {
    match checkpoint.moved.as_ref().map(|moved| moved.what) {
        Some(MovedWhat::Rewind(Some(to))) => format!("rewind to #{to}"),
        Some(MovedWhat::Rewind(None)) => "rewind to the start".to_owned(),
        Some(MovedWhat::Import(from)) => format!("import of #{from}"),
        None => checkpoint.position.brief(rules),
    }
}

fn draw_detail(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let Some(checkpoint) = app.checkpoints.selected() else {
        canvas.panel(area, "Checkpoint", "", false);
        return;
    };
    let newest = newest(app);
    let is_preview =
        app.checkpoints.pane == Pane::Preview && newest.is_some_and(|one| one.sequence != checkpoint.sequence);
    let number = grouped(checkpoint.sequence.0);
    let (title, right) = match is_preview {
        true => (format!("Rewind preview: #{number}"), "nothing changed yet".to_owned()),
        false => (format!("Checkpoint #{number}"), app.age(checkpoint.saved_at)),
    };
    let inner = canvas.panel(area, &title, &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = match newest.filter(|_| is_preview) {
        Some(newest) => preview_lines(app, canvas, newest, checkpoint, inner),
        None => detail_lines(app, canvas, checkpoint, inner),
    };
    canvas.put_all(inner, &lines);
}

/// What going back to `to` would do: what is known at once, then what was counted at the source.
fn preview_lines(app: &App, canvas: &Canvas<'_>, newest: &Checkpoint, to: &Checkpoint, inner: Rect) -> Vec<Line> {
    let width = usize::from(inner.width);
    let label = |name: &str| canvas.line().dim(name).to(12);
    let is_tall = inner.height > 12;
    let head = |one: &Checkpoint| format!("#{}   {}", grouped(one.sequence.0), moment(one.saved_at, app.now));
    let back = crate::tui::text::span(newest.saved_at.since(to.saved_at));
    let mut lines =
        vec![label("now").say(head(newest)), label("rewind →").say(format!("{}   ({back} back)", head(to)))];
    let condition = wrapped(&to.resume_condition(&rules(app)), width.saturating_sub(12));
    let most = if is_tall { 4 } else { 1 };
    lines.extend(condition.iter().take(most).enumerate().map(|(at, part)| {
        label(if at == 0 { "next run" } else { "" }).within(part, width.saturating_sub(12), Tone::Plain)
    }));
    let gap = |lines: &mut Vec<Line>| {
        if is_tall {
            lines.push(canvas.line())
        }
    };
    gap(&mut lines);
    let since = |n: u64, before: u64| grouped(n.saturating_sub(before));
    let (total, before) = (&newest.total, &to.total);
    lines.push(label("since then").say(format!(
        "{} scanned, {} written, {} errored",
        since(total.scanned, before.scanned),
        since(total.written(), before.written()),
        since(total.errored, before.errored)
    )));
    gap(&mut lines);
    let job = app.checkpoints.job.as_ref();
    let from = PlanFrom::Rewind(RewindTo::Sequence(to.sequence));
    let counted = job.map(|job| rewind::counted_lines(app, canvas, job, &from, width)).unwrap_or_default();
    if counted.is_empty() {
        let text = "what reading it again would do is not counted yet";
        lines.push(canvas.line().key(app.key(Action::Open)).dim(format!(" {text}")));
    }
    lines.extend(counted);
    gap(&mut lines);
    if is_tall {
        let text = "The job is paused at a page border first, and you are asked before it starts again. What stands in this list stays: \
                    a rewind is one more checkpoint, and can be taken back.";
        lines.extend(wrapped(text, width).iter().map(|line| canvas.line().say(line)));
        lines.push(canvas.line());
        let keys = [
            (Action::Rewind, "rewind…   (the job's name is typed)"),
            (Action::ComparePair, "compare with another"),
            (Action::RewindWhere, "to a time, a number or before a record…"),
        ];
        lines.extend(keys.map(|(action, words)| canvas.line().key(app.key(action)).say(format!("  {words}"))));
    }
    lines
}

fn detail_lines(app: &App, canvas: &Canvas<'_>, checkpoint: &Checkpoint, inner: Rect) -> Vec<Line> {
    let label = |name: &str| canvas.line().dim(name).to(12);
    let width = usize::from(inner.width).saturating_sub(12);
    let position = &checkpoint.position;
    let rules = rules(app);
    let mut lines =
        vec![label("saved").say(format!("{}   run #{}", moment(checkpoint.saved_at, app.now), checkpoint.run))];
    if let Some(words) = checkpoint.moved_words() {
        lines.push(label("set by").within(&words, width, Tone::Bold));
    }
    let condition =
        visible_within(&checkpoint.resume_condition(&rules), width * 4, canvas.theme.symbols).wrapped(width);
    for (at, part) in condition.into_iter().enumerate() {
        lines.push(label(if at == 0 { "next run" } else { "" }).shown(part, Tone::Plain));
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
