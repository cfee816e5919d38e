//! Asks why a job is paused, for whoever finds it paused.

use super::{Overlay, dialog, field, text_width};
use crate::control::Request;
use crate::model::JobId;
use crate::tui::app::App;
use crate::tui::text::wrapped;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};
use tui_input::Input;

#[derive(Clone, Debug)]
pub struct Form {
    pub jobs: Vec<JobId>,
    pub reason: Input,
}

pub fn open(jobs: Vec<JobId>) -> Overlay {
    Overlay::Pause(Form { jobs, reason: Input::default() })
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Pause(form)) = app.overlay.take() else { return };
    let reason = form.reason.value().trim();
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    app.order(Request::Pause { jobs: form.jobs, reason });
}

impl Form {
    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let title = match self.jobs.as_slice() {
            [job] => format!("Pause {job}"),
            jobs => format!("Pause {} jobs", jobs.len()),
        };
        let text = "It stops at the next page border, saves its checkpoint and stays paused, also after a restart, until somebody resumes it.";
        let mut lines: Vec<Line> = wrapped(text, text_width(app)).iter().map(|line| canvas.line().say(line)).collect();
        if self.jobs.len() > 1 {
            let names: Vec<&str> = self.jobs.iter().map(JobId::as_str).collect();
            lines.push(canvas.line().within(&names.join(", "), 70, Tone::Dim));
        }
        lines.push(canvas.line());
        let (line, cursor) = field(canvas, "Reason (may be empty): ", &self.reason, true, 30);
        lines.push(line);
        let at = lines.len() - 1;
        let buttons = canvas.line().key("⏎").say(" pause    ").key("Esc").say(" cancel");
        dialog(app, canvas, &title, lines, &buttons, Some((at, cursor)));
    }
}
