//! Asks why a job is paused or a connection held, for whoever finds it so.

use super::{Overlay, dialog, field, text_width};
use crate::control::Request;
use crate::model::{ConnectionId, JobId};
use crate::tui::app::App;
use crate::tui::text::wrapped;
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};
use tui_input::Input;

#[derive(Clone, Debug)]
pub struct Form {
    what: What,
    pub reason: Input,
}

#[derive(Clone, Debug)]
enum What {
    Jobs(Vec<JobId>),
    Connection(ConnectionId),
}

pub fn open(jobs: Vec<JobId>) -> Overlay {
    Overlay::Pause(Form { what: What::Jobs(jobs), reason: Input::default() })
}

pub fn open_hold(connection: ConnectionId) -> Overlay {
    Overlay::Pause(Form { what: What::Connection(connection), reason: Input::default() })
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Pause(form)) = app.overlay.take() else { return };
    let reason = form.reason.value().trim();
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    app.order(match form.what {
        What::Jobs(jobs) => Request::Pause { jobs, reason },
        What::Connection(connection) => Request::Hold { connection, reason },
    });
}

const PAUSE: &str = "It stops at the next page border, saves its checkpoint and stays paused, also after a restart, until somebody resumes it.";
const HOLD: &str = "No call goes to it any more, not even the one that tries whether it is back. Calls in flight are finished. Its jobs wait, also after a restart, until somebody releases it:";

impl Form {
    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let (title, text, verb) = match &self.what {
            What::Jobs(jobs) => {
                let title = match jobs.as_slice() {
                    [job] => format!("Pause {job}"),
                    jobs => format!("Pause {} jobs", jobs.len()),
                };
                (title, PAUSE, "pause")
            }
            What::Connection(connection) => (format!("Hold {connection}"), HOLD, "hold"),
        };
        let mut lines: Vec<Line> = wrapped(text, text_width(app)).iter().map(|line| canvas.line().say(line)).collect();
        let names: Vec<&str> = match &self.what {
            What::Jobs(jobs) if jobs.len() > 1 => jobs.iter().map(JobId::as_str).collect(),
            What::Jobs(_) => Vec::new(),
            What::Connection(connection) => app
                .jobs()
                .iter()
                .filter(|job| job.source == *connection || job.destination == *connection)
                .map(|job| job.id.as_str())
                .collect(),
        };
        if !names.is_empty() {
            lines.push(canvas.line().within(&names.join(", "), 70, Tone::Dim));
        }
        lines.push(canvas.line());
        let (line, cursor) = field(canvas, "Reason (may be empty): ", &self.reason, true, 30);
        lines.push(line);
        let at = lines.len() - 1;
        let buttons = canvas.line().key("⏎").say(format!(" {verb}    ")).key("Esc").say(" cancel");
        dialog(app, canvas, &title, lines, &buttons, Some((at, cursor)));
    }
}
