//! Withheld deletes of a job: they are released by their number, or their records are kept, for a reason that is written
//! down.

use super::{Overlay, dialog, field, form_key, text_width};
use crate::control::{Answer, Refusal, Request};
use crate::model::{HeldDelete, JobId};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::text::{counted, grouped, wrapped};
use crate::tui::theme::Tone;
use crate::tui::update::edit;
use crate::tui::widgets::Canvas;
use ratatui::crossterm::event::KeyEvent;
use tui_input::Input;

/// Records that are named.
const SHOWN: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    What,
    Reason,
    Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Release,
    Keep,
}

#[derive(Clone, Debug)]
pub struct Form {
    job: JobId,
    waiting: Option<u64>,
    rows: Vec<HeldDelete>,
    what: Option<What>,
    focus: Focus,
    reason: Input,
    number: Input,
    problem: Option<String>,
}

pub fn open(app: &mut App, job: JobId) {
    if app.job_status(&job).is_none_or(|status| status.withheld.is_none()) {
        app.note(format!("no delete of {job} is withheld"));
        return;
    }
    let request = Request::Held { job: job.clone(), after: None, is_kept: false, limit: SHOWN };
    app.ask(Purpose::Measure, request);
    app.overlay = Some(Overlay::Held(Form {
        job,
        waiting: None,
        rows: Vec::new(),
        what: None,
        focus: Focus::What,
        reason: Input::default(),
        number: Input::default(),
        problem: None,
    }));
}

pub fn answered(app: &mut App, result: Result<Answer, Refusal>) {
    let Some(Overlay::Held(form)) = &mut app.overlay else { return };
    match result {
        Ok(Answer::Held { rows, waiting, .. }) => {
            form.rows = rows;
            form.waiting = Some(waiting);
        }
        Ok(_) => {}
        Err(refusal) => form.problem = Some(refusal.message),
    }
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Held(form)) = &mut app.overlay else { return };
    match form.order() {
        Err((focus, problem)) => (form.focus, form.problem) = (focus, Some(problem)),
        Ok(request) => {
            app.overlay = None;
            app.order(request);
        }
    }
}

impl Form {
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.focus {
            Focus::What => None,
            Focus::Reason => Some(&mut self.reason),
            Focus::Number => Some(&mut self.number),
        }
    }

    /// The order, or what is missing and where it is to be put in.
    fn order(&self) -> Result<Request, (Focus, String)> {
        let missing = |focus: Focus, what: &str| Err((focus, what.to_owned()));
        let Some(count) = self.waiting else { return missing(self.focus, "still counting; a moment") };
        let Some(what) = self.what else { return missing(Focus::What, "choose what is to be done: press its digit") };
        let reason = self.reason.value().trim().to_owned();
        if reason.is_empty() {
            return missing(Focus::Reason, "the reason is empty: write down why");
        }
        let job = self.job.clone();
        if what == What::Keep {
            return Ok(Request::HeldDiscard { job, reason });
        }
        let typed: String = self.number.value().chars().filter(char::is_ascii_digit).collect();
        if typed != count.to_string() {
            return missing(Focus::Number, &format!("type the number {} to show that you mean it", grouped(count)));
        }
        Ok(Request::HeldRelease { job, count, reason })
    }

    pub fn step(&mut self, action: Action) {
        let order: &[Focus] = match self.what {
            Some(What::Release) => &[Focus::What, Focus::Reason, Focus::Number],
            _ => &[Focus::What, Focus::Reason],
        };
        let at = order.iter().position(|focus| *focus == self.focus).unwrap_or(0);
        let next = match action {
            Action::NextPane => at + 1,
            Action::PreviousPane => at + order.len() - 1,
            _ => return,
        };
        self.focus = order[next % order.len()];
    }

    pub fn typed(&mut self, event: &KeyEvent, name: Option<&str>) {
        self.problem = None;
        if self.focus == Focus::What {
            self.what = match name {
                Some("1") => Some(What::Release),
                Some("2") => Some(What::Keep),
                _ => self.what,
            };
            if self.what.is_some() && matches!(name, Some("1" | "2")) {
                self.focus = Focus::Reason;
            }
            return;
        }
        if let Some(input) = self.input() {
            edit(input, event);
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let title = match self.waiting {
            Some(count) => format!("{} of {} withheld", counted(count, "delete", "deletes"), self.job),
            None => format!("Withheld deletes of {} (counting…)", self.job),
        };
        let text = "A run would have deleted too much. Creates and updates were applied and go on; further deletes wait with these.";
        let mut lines: Vec<_> = wrapped(text, text_width(app)).iter().map(|line| canvas.line().say(line)).collect();
        lines.push(canvas.line());
        for row in &self.rows {
            let text = format!("  {}  {}", row.record.shown(), row.cause.words());
            lines.push(canvas.line().within(&text, text_width(app), Tone::Plain));
        }
        let more = self.waiting.unwrap_or_default().saturating_sub(self.rows.len() as u64);
        if more > 0 {
            lines.push(canvas.line().dim(format!("  and {} more: syncdeck held list {}", grouped(more), self.job)));
        }
        lines.push(canvas.line());
        let choices = [
            (What::Release, "1", " delete them: each is looked at once more, what came back stays"),
            (What::Keep, "2", " keep their records until the source lists them again"),
        ];
        for (what, key, words) in choices {
            let mark = if self.what == Some(what) { "(•)" } else { "( )" };
            lines.push(canvas.line().say(format!("  {mark} ")).key(key).say(words));
        }
        let label = "Reason (kept in the journal, required): ";
        let (reason, mut at) = field(canvas, label, &self.reason, self.focus == Focus::Reason, 40);
        lines.push(reason);
        let mut cursor = (lines.len() - 1, at);
        if let (Some(count), Some(What::Release)) = (self.waiting, self.what) {
            let label = format!("Type the number {}: ", grouped(count));
            let number;
            (number, at) = field(canvas, &label, &self.number, self.focus == Focus::Number, 20);
            lines.push(number);
            if self.focus == Focus::Number {
                cursor = (lines.len() - 1, at);
            }
        }
        if let Some(problem) = &self.problem {
            lines.push(canvas.line().tone(format!("✗ {problem}"), Tone::Fail));
        }
        let verb = if self.what == Some(What::Keep) { " keep" } else { " delete" };
        let buttons = canvas
            .line()
            .key("Esc")
            .say(" cancel    ")
            .key(form_key(app, Action::NextPane))
            .say(" next field    ")
            .key(form_key(app, Action::Accept))
            .say(verb);
        let focus = (self.focus != Focus::What).then_some(cursor);
        dialog(app, canvas, &title, lines, &buttons, focus);
    }
}
