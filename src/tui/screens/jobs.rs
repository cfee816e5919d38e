//! Jobs: what runs, what needs a person, how fast it all goes, and the selected job in short.
//!
//! ```text
//! ╭ Jobs ───────────────────────────────╮      at 80x24 the strip stands below the list alone;
//! ╰─────────────────────────────────────╯      z or ! puts the findings in its place
//! ╭ Needs attention ─╮╭ Throughput ─────╮
//! ╰──────────────────╯╰─────────────────╯
//! ╭ selected job ───────────────────────╮
//! ╰─────────────────────────────────────╯
//! ```

mod draw;

pub use draw::{balance, balance_sign, draw, eta_words, job_of_finding, progress_line};

use super::{Screen, move_in};
use crate::control::Request;
use crate::model::filter::{Sieve, parse};
use crate::model::{FindingTarget, JobId, JobState, JobStatus, Phase, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::filters::JOB_FIELDS;
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::overlays::{Confirm, Overlay, pause};
use crate::tui::sorting::{self, Criterion, Sort};
use crate::tui::text::{counted, distance, grouped, moment, span};
use crate::tui::theme::Tone;
use crate::tui::widgets::ListState;
use crate::tui::zoom;
use ratatui::layout::Rect;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    #[default]
    List,
    Attention,
}

/// What the jobs can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Those that need a person first.
    #[default]
    State,
    Name,
    Rate,
    Scanned,
    Errors,
    Dead,
}

impl Criterion for By {
    const ALL: &'static [Self] = &[Self::State, Self::Name, Self::Rate, Self::Scanned, Self::Errors, Self::Dead];

    fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Name => "name",
            Self::Rate => "rate",
            Self::Scanned => "scanned",
            Self::Errors => "errors",
            Self::Dead => "dead letters",
        }
    }

    fn is_greatest_first(self) -> bool {
        !matches!(self, Self::State | Self::Name)
    }
}

#[derive(Clone, Debug, Default)]
pub struct State {
    sort: Sort<By>,
    /// All jobs in the order of the screen. It stands still once a person has moved in the list.
    order: Vec<JobId>,
    /// Those of them that the filter lets through.
    pub shown: Vec<JobId>,
    pub selected: Option<JobId>,
    marked: BTreeSet<JobId>,
    pub list: ListState,
    is_touched: bool,
    /// The jobs are no more in the order that they are sorted by.
    is_overtaken: bool,
    pub filter: String,
    /// The last filter that could be read.
    sieve: Sieve,
    pub pane: Pane,
    pub findings: ListState,
    is_zoomed: bool,
}

struct Layout {
    list: Rect,
    attention: Rect,
    chart: Rect,
    strip: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let none = Rect { width: 0, height: 0, ..body };
    if body.width >= WIDE && app.size.1 >= TALL {
        let jobs = u16::try_from(app.jobs().len()).unwrap_or(u16::MAX);
        let strip_rows = 9;
        let wanted = jobs.saturating_add(3).clamp(6, body.height.saturating_sub(strip_rows + 8).max(6));
        let (list, rest) = geometry::top(body, wanted);
        let strip_rows = if app.jobs.is_zoomed { 0 } else { strip_rows };
        let (middle, strip) = geometry::top(rest, rest.height.saturating_sub(strip_rows));
        let (attention, chart) = geometry::left(middle, body.width / 2);
        return Layout { list, attention, chart, strip };
    }
    // The detail pane goes first where room is short: Enter opens it on the full screen.
    let strip_rows = if body.height >= 17 && body.width >= 80 { 8 } else { 0 };
    let shows_findings = app.jobs.pane == Pane::Attention || app.jobs.is_zoomed;
    let strip_rows = if shows_findings { strip_rows.max(body.height / 2) } else { strip_rows };
    let (list, below) = geometry::top(body, body.height.saturating_sub(strip_rows));
    match (shows_findings, app.jobs.is_zoomed && app.jobs.pane == Pane::List) {
        (false, _) => Layout { list, attention: none, chart: none, strip: below },
        (true, false) => Layout { list, attention: below, chart: none, strip: none },
        (true, true) => {
            let (attention, chart) = geometry::left(below, below.width / 2);
            Layout { list, attention, chart, strip: none }
        }
    }
}

pub fn opened(app: &mut App) {
    app.jobs.is_touched = !app.jobs.sort.is_own();
    sort(app);
}

/// The jobs as they are sorted; those that are alike by name.
fn wanted_order(app: &App) -> Vec<JobId> {
    let sort = app.jobs.sort;
    let values = |a: &JobStatus, b: &JobStatus| match sort.by {
        By::State => need(a).cmp(&need(b)),
        By::Name => a.id.cmp(&b.id),
        By::Rate => shown_rate(a).total_cmp(&shown_rate(b)),
        By::Scanned => a.total.scanned.cmp(&b.total.scanned),
        By::Errors => a.total.errored.cmp(&b.total.errored),
        By::Dead => a.dead_waiting.cmp(&b.dead_waiting),
    };
    let mut jobs: Vec<&JobStatus> = app.jobs().iter().collect();
    jobs.sort_by(|a, b| sort.order(values(a, b)).then_with(|| a.id.cmp(&b.id)));
    jobs.into_iter().map(|job| job.id.clone()).collect()
}

/// The rate of the list; a job without a run has none, which is less than nothing a second.
fn shown_rate(job: &JobStatus) -> f64 {
    if job.run.is_some() { job.rate } else { -1.0 }
}

fn change_sort(app: &mut App, change: fn(&mut Sort<By>)) {
    change(&mut app.jobs.sort);
    // Nothing moves under the cursor of who sorted by a figure that changes all the time.
    app.jobs.is_touched = !app.jobs.sort.is_own();
    sort(app);
    sorting::tell(app, app.jobs.sort);
}

fn need(job: &JobStatus) -> u8 {
    match &job.state {
        JobState::NeedsAttention { .. } => 0,
        JobState::Stalled { .. } => 1,
        JobState::Disabled => 6,
        _ if job.dead_waiting > 0 => 2,
        JobState::Paused { .. } => 3,
        JobState::Running | JobState::Pausing | JobState::Waiting { .. } => 4,
        JobState::Idle => 5,
    }
}

fn sort(app: &mut App) {
    app.jobs.order = wanted_order(app);
    app.jobs.is_overtaken = false;
    filter(app);
}

pub fn snapshot_came(app: &mut App) {
    let wanted = wanted_order(app);
    let is_same_set =
        wanted.len() == app.jobs.order.len() && app.jobs.order.iter().all(|id| app.job_status(id).is_some());
    if app.jobs.is_touched && is_same_set {
        app.jobs.is_overtaken = wanted != app.jobs.order;
    } else {
        (app.jobs.order, app.jobs.is_overtaken) = (wanted, false);
    }
    filter(app);
}

fn filter(app: &mut App) {
    let matches = |id: &JobId| app.job_status(id).is_some_and(|job| app.jobs.sieve.lets_through(job));
    let shown: Vec<JobId> = app.jobs.order.iter().filter(|id| matches(id)).cloned().collect();
    let at = app.jobs.selected.as_ref().and_then(|selected| shown.iter().position(|id| id == selected));
    app.jobs.list.selected = at.unwrap_or(app.jobs.list.selected.min(shown.len().saturating_sub(1)));
    app.jobs.selected = shown.get(app.jobs.list.selected).cloned();
    app.jobs.shown = shown;
}

/// Takes a filter; the last valid one stays when this one is none.
pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.jobs.filter);
    app.jobs.sieve = Sieve::new(&parse(text, JOB_FIELDS, app.now)?);
    filter(app);
    Ok(())
}

pub fn step_back(app: &mut App) -> bool {
    let state = &mut app.jobs;
    if state.pane == Pane::Attention || state.is_zoomed {
        state.pane = Pane::List;
        state.is_zoomed = false;
        return true;
    }
    let had_marks = !state.marked.is_empty();
    state.marked.clear();
    had_marks
}

pub fn settle(app: &mut App, body: Rect) {
    let layout = layout(app, body);
    let n_findings = app.snapshot.as_ref().map_or(0, |snapshot| snapshot.findings.len());
    let len = app.jobs.shown.len();
    app.jobs.list.settle(len, geometry::table_rows(layout.list));
    app.jobs.findings.settle(n_findings, usize::from(layout.attention.height.saturating_sub(2) / 2));
}

/// Jumps to the first finding, from anywhere.
pub fn show_attention(app: &mut App) {
    if app.screen != Screen::Jobs {
        super::show(app, Screen::Jobs);
    }
    if app.snapshot.as_ref().is_none_or(|snapshot| snapshot.findings.is_empty()) {
        app.note("nothing needs attention");
        return;
    }
    app.jobs.pane = Pane::Attention;
    app.jobs.findings.top();
}

pub fn act(app: &mut App, action: Action) {
    let n_findings = app.snapshot.as_ref().map_or(0, |snapshot| snapshot.findings.len());
    match action {
        Action::NextPane | Action::PreviousPane => {
            app.jobs.pane = if app.jobs.pane == Pane::List { Pane::Attention } else { Pane::List };
        }
        Action::Open if app.jobs.pane == Pane::Attention => open_finding(app),
        Action::Open => {
            if let Some(job) = app.jobs.selected.clone() {
                super::job::show(app, job);
            }
        }
        Action::LetIn => {
            app.jobs.is_touched = !app.jobs.sort.is_own();
            sort(app);
            sorting::tell(app, app.jobs.sort);
        }
        Action::Sort => change_sort(app, Sort::go_on),
        Action::ReverseSort => change_sort(app, Sort::reverse),
        Action::Plan => {
            if let Some(job) = app.jobs.selected.clone() {
                crate::tui::overlays::plan::open(app, job);
            }
        }
        Action::Zoom => app.jobs.is_zoomed = !app.jobs.is_zoomed,
        Action::PauseResume
        | Action::RunNow
        | Action::StopRun
        | Action::ReadRange
        | Action::PauseAll
        | Action::RunAll => {
            order(app, action);
        }
        Action::ZoomIn | Action::ZoomOut => zoom::act(app, action),
        Action::Mark | Action::MarkUp | Action::MarkDown => mark(app, action),
        Action::MarkAll => mark_all(app),
        action if app.jobs.pane == Pane::Attention => {
            move_in(&mut app.jobs.findings, action, n_findings);
        }
        action => {
            let len = app.jobs.shown.len();
            if move_in(&mut app.jobs.list, action, len) {
                app.jobs.is_touched = true;
                app.jobs.selected = app.jobs.shown.get(app.jobs.list.selected).cloned();
            }
        }
    }
}

fn mark(app: &mut App, action: Action) {
    if app.jobs.pane == Pane::Attention {
        let key = app.key(Action::NextPane);
        return app.note(format!("jobs are marked, findings are not; {key} goes to the jobs"));
    }
    let len = app.jobs.shown.len();
    app.jobs.is_touched = true;
    if action == Action::Mark {
        let Some(id) = app.jobs.selected.clone() else { return };
        if !app.jobs.marked.remove(&id) {
            app.jobs.marked.insert(id);
        }
        app.jobs.list.move_by(1, len);
    } else {
        let ends = super::range_ends(&mut app.jobs.list, action, len);
        let ids: Vec<JobId> = ends.iter().filter_map(|at| app.jobs.shown.get(*at).cloned()).collect();
        app.jobs.marked.extend(ids);
    }
    app.jobs.selected = app.jobs.shown.get(app.jobs.list.selected).cloned();
}

fn mark_all(app: &mut App) {
    let all: BTreeSet<JobId> = app.jobs.shown.iter().cloned().collect();
    if app.jobs.marked == all {
        app.jobs.marked.clear();
        return app.note("nothing is marked");
    }
    app.note(format!("marked all {} that match", counted(all.len() as u64, "job", "jobs")));
    app.jobs.marked = all;
    app.jobs.is_touched = true;
}

/// Pause, resume, run, stop: of the marked jobs together. Those for which it means nothing are left out.
fn order_marked(app: &mut App, action: Action) {
    let is_marked = |job: &&JobStatus| app.jobs.marked.contains(&job.id) && job.state != JobState::Disabled;
    let marked: Vec<&JobStatus> = app.jobs().iter().filter(is_marked).collect();
    let ids = |jobs: &[&JobStatus]| jobs.iter().map(|job| job.id.clone()).collect::<Vec<_>>();
    let can_pause = |job: &&JobStatus| {
        !matches!(job.state, JobState::Paused { .. } | JobState::Pausing | JobState::NeedsAttention { .. })
    };
    let moving: Vec<&JobStatus> = marked.iter().copied().filter(can_pause).collect();
    let running: Vec<&JobStatus> = marked.iter().copied().filter(|job| job.run.is_some()).collect();
    match action {
        _ if marked.is_empty() => app.note("the marked jobs are disabled in the configuration"),
        Action::PauseResume if moving.is_empty() => {
            let jobs = ids(&marked);
            app.order(Request::Resume { jobs });
        }
        Action::PauseResume => {
            let jobs = ids(&moving);
            app.overlay = Some(pause::open(jobs));
        }
        Action::RunNow => {
            let jobs = ids(&marked);
            app.order(Request::Trigger { jobs });
        }
        _ if running.is_empty() => app.note("none of the marked jobs has a run to stop"),
        _ => {
            let names: Vec<&str> = running.iter().map(|job| job.id.as_str()).collect();
            let lines = vec![
                names.join(", "),
                "Each ends at its next page border. What is confirmed stays; the next runs go on from there."
                    .to_owned(),
            ];
            app.overlay = Some(Overlay::Confirm(Confirm {
                title: format!("Stop {}?", counted(running.len() as u64, "run", "runs")),
                lines,
                yes: "stop them".to_owned(),
                request: Request::Cancel { jobs: ids(&running) },
                opened_at: app.now,
            }));
        }
    }
}

fn open_finding(app: &mut App) {
    let Some(snapshot) = app.snapshot.clone() else { return };
    let Some(finding) = snapshot.findings.get(app.jobs.findings.selected) else { return };
    match &finding.target {
        FindingTarget::Job(job) => super::job::show(app, job.clone()),
        FindingTarget::Connection(connection) => super::connections::show(app, connection.clone()),
        FindingTarget::Group(job, group) => super::letters::show_group(app, job, *group),
        FindingTarget::Engine => super::show(app, Screen::Logs),
    }
}

/// Pause, resume, run, stop: of the selected job, on this screen and on the job's own.
pub fn order(app: &mut App, action: Action) {
    if action == Action::PauseAll {
        let all = app.jobs().iter().map(|job| job.id.clone()).collect();
        return pause_all(app, all);
    }
    if action == Action::RunAll {
        return run_all(app);
    }
    if app.screen == Screen::Jobs && !app.jobs.marked.is_empty() {
        return order_marked(app, action);
    }
    let Some(job) = app.selected_job().and_then(|id| app.job_status(&id).cloned()) else {
        app.note("no job is selected");
        return;
    };
    let jobs = vec![job.id.clone()];
    match (action, &job.state) {
        (_, JobState::Disabled) => app.note(format!("{} is disabled in the configuration", job.id)),
        (Action::PauseResume, JobState::Paused { .. } | JobState::Pausing) => app.order(Request::Resume { jobs }),
        (Action::PauseResume, JobState::NeedsAttention { .. }) if !job.is_withholding() => {
            app.order(Request::Resume { jobs });
        }
        (Action::PauseResume, _) => app.overlay = Some(pause::open(jobs)),
        (Action::ReadRange, _) => crate::tui::overlays::range::open(app, job.id),
        (Action::RunNow, _) => app.order(Request::Trigger { jobs }),
        (_, _) => match &job.run {
            None => app.note(format!("{} has no run to stop", job.id)),
            Some(run) => {
                let lines = vec![
                    format!("Run #{} of {} ends at the next page border.", run.id, job.id),
                    "What is confirmed stays, the checkpoint is saved; the next run goes on from there.".to_owned(),
                    format!("{} in flight.", counted(job.in_flight, "record is", "records are")),
                ];
                app.overlay = Some(Overlay::Confirm(Confirm {
                    title: format!("Stop run #{}?", run.id),
                    lines,
                    yes: "stop the run".to_owned(),
                    request: Request::Cancel { jobs },
                    opened_at: app.now,
                }));
            }
        },
    }
}

/// Pauses those of the jobs that are not; where all are, asks whether to resume them.
pub(super) fn pause_all(app: &mut App, of: Vec<JobId>) {
    let of: HashSet<JobId> = of.into_iter().collect();
    let all: Vec<JobStatus> = app.jobs().iter().filter(|job| of.contains(&job.id)).cloned().collect();
    let is_held = |job: &&JobStatus| matches!(job.state, JobState::Paused { .. } | JobState::Pausing);
    let ids = |jobs: Vec<&JobStatus>| jobs.into_iter().map(|job| job.id.clone()).collect::<Vec<_>>();
    let can_pause = |job: &&JobStatus| !is_held(job) && !matches!(job.state, JobState::Disabled);
    let moving = ids(all.iter().filter(can_pause).collect());
    if !moving.is_empty() {
        app.overlay = Some(pause::open(moving));
        return;
    }
    let held = ids(all.iter().filter(is_held).collect());
    if held.is_empty() {
        app.note("there is no job to pause");
        return;
    }
    let names: Vec<&str> = held.iter().map(JobId::as_str).collect();
    app.overlay = Some(Overlay::Confirm(Confirm {
        title: format!("Resume {}?", counted(held.len() as u64, "job", "jobs")),
        lines: vec!["All of them are paused. They go on from their checkpoints:".to_owned(), named(&names)],
        yes: "resume all".to_owned(),
        request: Request::Resume { jobs: held },
        opened_at: app.now,
    }));
}

fn run_all(app: &mut App) {
    let can_run =
        |job: &&JobStatus| job.run.is_none() && matches!(job.state, JobState::Idle | JobState::Waiting { .. });
    let ids: Vec<JobId> = app.jobs().iter().filter(can_run).map(|job| job.id.clone()).collect();
    if ids.is_empty() {
        app.note("no job is idle: each runs, is paused or needs a person");
        return;
    }
    let names: Vec<&str> = ids.iter().map(JobId::as_str).collect();
    app.overlay = Some(Overlay::Confirm(Confirm {
        title: format!("Run {} now?", counted(ids.len() as u64, "job", "jobs")),
        lines: vec![named(&names), "Jobs that run, are paused or need a person are left as they are.".to_owned()],
        yes: "run them".to_owned(),
        request: Request::Trigger { jobs: ids },
        opened_at: app.now,
    }));
}

/// The names, or the first of very many.
fn named(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 12;
    match names.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        None => names.join(", "),
        Some(more) => format!("{} and {} more", names[..SHOWN_MAX].join(", "), grouped(more as u64)),
    }
}

/// Sign, short word and tone of a state.
pub fn state_sign(state: &JobState) -> (&'static str, &'static str, Tone) {
    match state {
        JobState::Idle => ("◦", "idle", Tone::Dim),
        JobState::Running => ("▸", "run", Tone::Run),
        JobState::Waiting { .. } => ("↻", "wait", Tone::Wait),
        JobState::Stalled { .. } => ("!", "stall", Tone::Warn),
        JobState::Pausing => ("‖", "pausing", Tone::Pause),
        JobState::Paused { .. } => ("‖", "pause", Tone::Pause),
        JobState::NeedsAttention { .. } => ("✗", "look", Tone::Fail),
        JobState::Disabled => ("□", "off", Tone::Dim),
    }
}

/// The state with everything that the engine says about it.
pub fn state_words(job: &JobStatus, now: Timestamp) -> String {
    match &job.state {
        JobState::Waiting { what, since, until } => {
            let until = until.map(|until| format!(", until {} ({})", moment(until, now), distance(until, now)));
            format!("waiting since {}: {what}{}", moment(*since, now), until.unwrap_or_default())
        }
        JobState::Stalled { stage, since } => format!("stalled in {stage} since {}", moment(*since, now)),
        JobState::Paused { by, since, reason } => {
            let reason = reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default();
            format!("paused {} by {by}{reason}", distance(*since, now))
        }
        JobState::NeedsAttention { why, hint, since } => {
            let hint = hint.as_ref().map(|hint| format!(" — {hint}")).unwrap_or_default();
            format!("needs attention since {}: {why}{hint}", moment(*since, now))
        }
        JobState::Pausing => "pausing: the page in progress is finished first".to_owned(),
        state => state.word().to_owned(),
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Backfill => "backfill",
        Phase::Incremental => "incremental",
    }
}

pub fn percent(done: u64, total: u64) -> u64 {
    if total == 0 { 0 } else { u64::try_from(u128::from(done.min(total)) * 100 / u128::from(total)).unwrap_or(100) }
}

/// How far a job is, in a few words.
pub fn progress_words(job: &JobStatus) -> String {
    let eta = job.progress.eta_seconds.map(|seconds| format!(", about {} left", span(Duration::from_secs(seconds))));
    match job.progress.total {
        Some(total) if job.run.is_some() => {
            format!("{}%{}", percent(job.progress.done, total), eta.unwrap_or_default())
        }
        _ => phase_word(job.phase).to_owned(),
    }
}
