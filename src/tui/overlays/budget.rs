//! Lowers the budget of a connection, or sets it back to the configured one.

use super::{Overlay, dialog, field, form_key, text_width};
use crate::control::Request;
use crate::model::{CallBudget, ConnectionId};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::text::wrapped;
use crate::tui::theme::Tone;
use crate::tui::update::edit;
use crate::tui::widgets::{Canvas, Line};
use ratatui::crossterm::event::KeyEvent;
use tui_input::Input;

#[derive(Clone, Debug)]
pub struct Form {
    connection: ConnectionId,
    /// The rule in force, in words.
    now: String,
    is_lowered: bool,
    budget: Input,
    reason: Input,
    is_at_reason: bool,
    problem: Option<String>,
}

pub fn open(connection: ConnectionId, now: String, is_lowered: bool) -> Overlay {
    Overlay::Budget(Form {
        connection,
        now,
        is_lowered,
        budget: Input::default(),
        reason: Input::default(),
        is_at_reason: false,
        problem: None,
    })
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Budget(form)) = &mut app.overlay else { return };
    let text = form.budget.value().trim();
    let budget = match (text, form.is_lowered) {
        ("", true) => Ok(None),
        ("", false) => Err("write calls and a span of time: 60 per 1m".to_owned()),
        (text, _) => CallBudget::read(text).map(Some),
    };
    match budget {
        Err(problem) => form.problem = Some(problem),
        Ok(budget) => {
            let reason = form.reason.value().trim();
            let reason = (!reason.is_empty()).then(|| reason.to_owned());
            let request = Request::LowerBudget { connection: form.connection.clone(), budget, reason };
            app.overlay = None;
            app.order(request);
        }
    }
}

impl Form {
    pub fn input(&mut self) -> &mut Input {
        if self.is_at_reason { &mut self.reason } else { &mut self.budget }
    }

    pub fn step(&mut self, action: Action) {
        if matches!(action, Action::NextPane | Action::PreviousPane) {
            self.is_at_reason = !self.is_at_reason;
        }
    }

    pub fn typed(&mut self, event: &KeyEvent) {
        self.problem = None;
        edit(self.input(), event);
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let text = "Fewer calls than the configuration allows, shared by all its jobs, also after a restart, until somebody sets it back. More calls stand in the configuration.";
        let mut lines: Vec<Line> = wrapped(text, text_width(app)).iter().map(|line| canvas.line().say(line)).collect();
        lines.push(canvas.line().dim("now: ").within(&self.now, text_width(app).saturating_sub(5), Tone::Bold));
        if self.is_lowered {
            lines.push(canvas.line().dim("An empty field sets back the configured budget."));
        }
        lines.push(canvas.line());
        let (line, cursor) =
            field(canvas, "Calls, and in which time (60 per 1m): ", &self.budget, !self.is_at_reason, 16);
        lines.push(line);
        let mut place = (lines.len() - 1, cursor);
        let (line, cursor) = field(canvas, "Reason (may be empty): ", &self.reason, self.is_at_reason, 30);
        lines.push(line);
        if self.is_at_reason {
            place = (lines.len() - 1, cursor);
        }
        if let Some(problem) = &self.problem {
            lines.push(canvas.line().tone(format!("✗ {problem}"), Tone::Fail));
        }
        let buttons = canvas
            .line()
            .key("Esc")
            .say(" cancel    ")
            .key(form_key(app, Action::NextPane))
            .say(" next field    ")
            .key(form_key(app, Action::Accept))
            .say(" set it");
        dialog(app, canvas, &format!("Budget of {}", self.connection), lines, &buttons, Some(place));
    }
}
