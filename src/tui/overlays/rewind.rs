//! Putting a job back: what that does is counted first, the job stands still first, and its name is typed.

use super::{Confirm, Overlay, dialog, field, form_key, text_width};
use crate::control::{Answer, Done, Refusal, Request};
use crate::model::{JobId, JobState, PlanFrom, RewindPreview, RewindTo, Sequence, Timestamp};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::counting;
use crate::tui::text::{grouped, moment, wrapped};
use crate::tui::theme::Tone;
use crate::tui::update::edit;
use crate::tui::widgets::{Canvas, Line};
use ratatui::crossterm::event::KeyEvent;
use tui_input::Input;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Reason,
    Name,
}

#[derive(Clone, Debug)]
pub struct Form {
    job: JobId,
    to: RewindTo,
    preview: Option<Box<RewindPreview>>,
    focus: Focus,
    reason: Input,
    name: Input,
    problem: Option<String>,
    /// The pause was ordered, and the pages in progress are not saved yet.
    waits: bool,
}

/// Asks for what a rewind would do, and shows the form.
pub fn open(app: &mut App, job: JobId, to: RewindTo) {
    let (reason, name) = (Input::default(), Input::default());
    let form = Form { job, to, preview: None, focus: Focus::Reason, reason, name, problem: None, waits: false };
    ask(app, &form);
    app.overlay = Some(Overlay::Rewind(form));
}

fn ask(app: &mut App, form: &Form) {
    app.ask(Purpose::RewindPreview, Request::RewindPreview { job: form.job.clone(), to: form.to.clone() });
}

fn preview_came(app: &mut App, preview: Box<RewindPreview>) {
    let Some(Overlay::Rewind(form)) = &mut app.overlay else { return };
    let (job, from) = (form.job.clone(), PlanFrom::Rewind(sequence_of(&preview)));
    let now = preview.now.as_ref().map(|now| now.sequence);
    form.preview = Some(preview);
    // A count of before the job went on is not true any more.
    if app.counted(&job, &from).is_none_or(|counting| counting.stood_at != now) {
        counting::begin(app, job, from);
    }
}

/// What is meant by now, whatever words led there.
fn sequence_of(preview: &RewindPreview) -> RewindTo {
    preview.to.as_ref().map_or(RewindTo::Start, |to| RewindTo::Sequence(to.sequence))
}

pub fn refused(app: &mut App, refusal: &Refusal) {
    let Some(Overlay::Rewind(form)) = &mut app.overlay else { return };
    form.problem = Some(refusal.message.clone());
    form.waits = false;
    // It may have gone on meanwhile: what there is now is looked at again.
    if form.preview.take().is_some() {
        let form = form.clone();
        ask(app, &form);
    }
}

/// Where the job has come to stand still, its newest checkpoint is another one than before.
pub fn snapshot_came(app: &mut App) {
    let Some(Overlay::Rewind(form)) = &app.overlay else { return };
    if form.waits && stands_still(app, &form.job) {
        let mut form = form.clone();
        form.waits = false;
        form.preview = None;
        form.problem = None;
        ask(app, &form);
        app.overlay = Some(Overlay::Rewind(form));
    }
}

fn stands_still(app: &App, job: &JobId) -> bool {
    app.job_status(job).is_some_and(|status| status.run.is_none() && matches!(status.state, JobState::Paused { .. }))
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Rewind(form)) = &app.overlay else { return };
    let form = form.clone();
    let is_still = stands_still(app, &form.job);
    let reason = form.reason.value().trim().to_owned();
    let problem = match &form.preview {
        None => Some((form.focus, "still asking what it would do; a moment".to_owned())),
        Some(_) if reason.is_empty() => Some((Focus::Reason, "write down why: it stands in the journal".to_owned())),
        Some(_) if form.name.value().trim() != form.job.as_str() => {
            Some((Focus::Name, format!("type the job's name, {}, to show that you mean it", form.job)))
        }
        Some(_) => None,
    };
    if let Some((focus, problem)) = problem {
        return set(app, |form| (form.focus, form.problem) = (focus, Some(problem)));
    }
    if !is_still {
        app.order(Request::Pause { jobs: vec![form.job.clone()], reason: Some(reason) });
        return set(app, |form| form.waits = true);
    }
    let Some(preview) = form.preview else { return };
    let expected = Some(preview.now.as_ref().map_or(Sequence(0), |now| now.sequence));
    let request = Request::Rewind { job: form.job, to: sequence_of(&preview), reason, expected };
    app.ask(Purpose::Rewind, request);
}

fn set(app: &mut App, change: impl FnOnce(&mut Form)) {
    if let Some(Overlay::Rewind(form)) = &mut app.overlay {
        change(form);
    }
}

/// The job was put back: whether it starts again is asked.
pub fn done(app: &mut App, done: &Done) {
    let Some(Overlay::Rewind(form)) = &app.overlay else { return };
    let job = form.job.clone();
    app.overlay = Some(Overlay::Confirm(Confirm {
        title: format!("Start {job} again?"),
        lines: vec![
            done.text.clone(),
            format!("Until then it stays paused; {} takes the rewind back.", app.key(Action::Undo)),
        ],
        yes: "start it now".to_owned(),
        request: Request::Resume { jobs: vec![job] },
        opened_at: app.now,
    }));
}

pub fn answered(app: &mut App, result: Result<Answer, Refusal>) {
    match result {
        Ok(Answer::RewindPreview(preview)) => preview_came(app, preview),
        Ok(_) => {}
        Err(refusal) => refused(app, &refusal),
    }
}

impl Form {
    pub fn input(&mut self) -> Option<&mut Input> {
        Some(match self.focus {
            Focus::Reason => &mut self.reason,
            Focus::Name => &mut self.name,
        })
    }

    pub fn step(&mut self, action: Action) {
        if matches!(action, Action::NextPane | Action::PreviousPane) {
            self.focus = if self.focus == Focus::Reason { Focus::Name } else { Focus::Reason };
        }
    }

    pub fn typed(&mut self, event: &KeyEvent) {
        self.problem = None;
        if let Some(input) = self.input() {
            edit(input, event);
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let title = format!("Rewind {} to {}", self.job, self.to);
        let mut lines = match &self.preview {
            Some(preview) => preview_lines(app, canvas, preview, text_width(app)),
            None => vec![canvas.line().say("asking the engine…")],
        };
        lines.push(canvas.line());
        let still = if stands_still(app, &self.job) {
            "It is paused. Afterwards you are asked before it starts again."
        } else if self.waits {
            "Pausing: its pages in progress are being saved…"
        } else {
            "It is not paused: the first time you confirm, it is paused at a page border; look again, then confirm once more."
        };
        lines.extend(wrapped(still, text_width(app)).iter().map(|line| canvas.line().say(line)));
        let (reason, reason_cursor) = field(canvas, "Reason: ", &self.reason, self.focus == Focus::Reason, 50);
        lines.push(reason);
        let label = format!("Type {}: ", self.job);
        let (name, name_cursor) = field(canvas, &label, &self.name, self.focus == Focus::Name, 30);
        lines.push(name);
        let last = lines.len() - 1;
        let cursor = match self.focus {
            Focus::Reason => (last - 1, reason_cursor),
            Focus::Name => (last, name_cursor),
        };
        if let Some(problem) = &self.problem {
            let lines_of = wrapped(&format!("✗ {problem}"), text_width(app));
            lines.extend(lines_of.iter().map(|line| canvas.line().tone(line, Tone::Fail)));
        }
        let what = if stands_still(app, &self.job) { " rewind" } else { " pause it first" };
        let buttons = canvas
            .line()
            .key(form_key(app, Action::No))
            .say(" cancel    ")
            .key(form_key(app, Action::NextPane))
            .say(" next field    ")
            .key(form_key(app, Action::Accept))
            .say(what);
        dialog(app, canvas, &title, lines, &buttons, Some(cursor));
    }
}

/// What is known of a rewind, and what is counted of it so far.
fn preview_lines(app: &App, canvas: &Canvas<'_>, preview: &RewindPreview, width: usize) -> Vec<Line> {
    let label = |name: &str| canvas.line().dim(name).to(12);
    let place = |checkpoint: Option<&crate::model::Checkpoint>, none: &str| match checkpoint {
        Some(one) => format!("#{}   saved {}", grouped(one.sequence.0), moment(one.saved_at, app.now)),
        None => none.to_owned(),
    };
    let since = format!(
        "{} scanned, {} written, {} errored",
        grouped(preview.scanned_since),
        grouped(preview.written_since),
        grouped(preview.errored_since)
    );
    let mut lines = vec![
        label("now").say(place(preview.now.as_ref(), "no checkpoint")),
        label("rewind →").say(place(preview.to.as_ref(), "the start: everything is read again")),
        label("since then").say(since),
    ];
    lines.extend(counted_lines(app, canvas, &preview.job, &PlanFrom::Rewind(sequence_of(preview)), width));
    let sentences = preview.safe.iter().map(|text| ("✓ ", Tone::Ok, text));
    let sentences = sentences.chain(preview.beware.iter().map(|text| ("! ", Tone::Warn, text)));
    for (sign, tone, text) in sentences {
        let parts = wrapped(text, width.saturating_sub(2));
        lines.extend(parts.iter().enumerate().map(|(at, part)| match at {
            0 => canvas.line().tone(sign, tone).say(part),
            _ => canvas.line().say("  ").say(part),
        }));
    }
    lines
}

/// What reading from there again would do, as far as it is counted.
pub fn counted_lines(app: &App, canvas: &Canvas<'_>, job: &JobId, from: &PlanFrom, width: usize) -> Vec<Line> {
    let Some(counting) = app.counted(job, from) else { return Vec::new() };
    let head = wrapped(&super::plan::reach(counting), width.saturating_sub(12));
    let mut lines: Vec<Line> = head
        .iter()
        .enumerate()
        .map(|(at, part)| canvas.line().dim(if at == 0 { "read again" } else { "" }).to(12).say(part))
        .collect();
    let now = app.job_status(job).and_then(|status| status.checkpoint.as_ref()).map(|one| one.sequence);
    if let Some(stood_at) = counting.stood_at.filter(|stood_at| Some(*stood_at) != now) {
        let text = format!("counted when it stood at #{stood_at}: it has gone on");
        lines.push(canvas.line().tone("! ", Tone::Warn).within(&text, width.saturating_sub(2), Tone::Plain));
    }
    lines.extend(
        super::plan::totals(counting)
            .iter()
            .map(|line| canvas.line().say("  ").within(line, width.saturating_sub(2), Tone::Plain)),
    );
    lines.extend(
        counting
            .notes
            .iter()
            .map(|note| canvas.line().tone("! ", Tone::Warn).within(note, width.saturating_sub(2), Tone::Plain)),
    );
    lines
}

/// Where to go back to, in a person's words.
#[derive(Clone, Debug)]
pub struct Where {
    job: JobId,
    pub text: Input,
    problem: Option<String>,
}

pub fn ask_where(app: &mut App, job: JobId) {
    app.overlay = Some(Overlay::RewindWhere(Where { job, text: Input::default(), problem: None }));
}

pub fn accept_where(app: &mut App) {
    let now: Timestamp = app.now;
    let Some(Overlay::RewindWhere(form)) = &mut app.overlay else { return };
    match RewindTo::parse(form.text.value(), now) {
        Err(problem) => form.problem = Some(problem),
        Ok(to) => {
            let job = form.job.clone();
            open(app, job, to);
        }
    }
}

impl Where {
    pub fn typed(&mut self, event: &KeyEvent) {
        self.problem = None;
        edit(&mut self.text, event);
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let text = "A time (14:00, 2h ago as 2h, 2026-03-02 14:00; UTC): the newest checkpoint before it. A number (#1857). \
                    A record's id: the newest checkpoint before it was last written. Or: start.";
        let mut lines: Vec<Line> = wrapped(text, text_width(app)).iter().map(|line| canvas.line().say(line)).collect();
        lines.push(canvas.line());
        let (line, cursor) = field(canvas, "Back to: ", &self.text, true, 50);
        lines.push(line);
        let at = lines.len() - 1;
        lines.extend(self.problem.iter().map(|problem| canvas.line().tone(format!("✗ {problem}"), Tone::Fail)));
        let buttons = canvas.line().key("⏎").say(" look    ").key(form_key(app, Action::No)).say(" cancel");
        dialog(app, canvas, &format!("Rewind {} to…", self.job), lines, &buttons, Some((at, cursor)));
    }
}
