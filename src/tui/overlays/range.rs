//! Asks which time of a job's source is to be read again, beside its checkpoint.

use super::{Overlay, dialog, field, form_key, text_width};
use crate::control::Request;
use crate::model::filter::read_moment;
use crate::model::{JobId, Timestamp};
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
    job: JobId,
    pub text: Input,
    problem: Option<String>,
}

pub fn open(app: &mut App, job: JobId) {
    app.overlay = Some(Overlay::Range(Form { job, text: Input::default(), problem: None }));
}

pub fn accept(app: &mut App) {
    let now = app.now;
    let Some(Overlay::Range(form)) = &mut app.overlay else { return };
    match parsed(form.text.value(), now) {
        Err(problem) => form.problem = Some(problem),
        Ok((since, until)) => {
            let job = form.job.clone();
            app.overlay = None;
            app.order(Request::Range { job, since, until });
        }
    }
}

/// Reads `2026-01-01 to 2026-02-01`, `2h`, `14:00 to 15:30`.
fn parsed(text: &str, now: Timestamp) -> Result<(Timestamp, Option<Timestamp>), String> {
    let (since, until) = match text.split_once(" to ") {
        Some((since, until)) => (since, Some(until)),
        None => (text, None),
    };
    let moment = |text: &str| {
        let text = text.trim();
        read_moment(text, now).ok_or_else(|| format!("`{text}` is no time: write 2026-01-01, 14:00 or 2h"))
    };
    let (since, until) = (moment(since)?, until.map(moment).transpose()?);
    if until.is_some_and(|until| until <= since) {
        return Err("the range ends before it begins".to_owned());
    }
    Ok((since, until))
}

impl Form {
    pub fn typed(&mut self, event: &KeyEvent) {
        self.problem = None;
        edit(&mut self.text, event);
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let text = "What changed in that time is read and delivered once more, by the records' own versions; what is the same \
                    costs no write. The checkpoint stays where it is. Times are in UTC: 2026-01-01 to 2026-02-01, \
                    14:00 to 15:30, or 2h until now.";
        let mut lines: Vec<Line> = wrapped(text, text_width(app)).iter().map(|line| canvas.line().say(line)).collect();
        lines.push(canvas.line());
        let (line, cursor) = field(canvas, "Since (to): ", &self.text, true, 50);
        lines.push(line);
        let at = lines.len() - 1;
        lines.extend(self.problem.iter().map(|problem| canvas.line().tone(format!("✗ {problem}"), Tone::Fail)));
        let buttons = canvas.line().key("⏎").say(" read it    ").key(form_key(app, Action::No)).say(" cancel");
        dialog(app, canvas, &format!("Read a time of {} again", self.job), lines, &buttons, Some((at, cursor)));
    }
}
