//! Asks what a person found out about a record whose create got no answer: is it there, and under which id, or not?

use super::{Overlay, dialog, field, form_key, text_width};
use crate::control::Request;
use crate::model::{DeadLetterId, DestinationId, ReasonClass, RecordId, Whereabouts};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::text::wrapped;
use crate::tui::theme::Tone;
use crate::tui::update::edit;
use crate::tui::widgets::Canvas;
use ratatui::crossterm::event::KeyEvent;
use tui_input::Input;

#[derive(Clone, Debug)]
pub struct Form {
    letter: DeadLetterId,
    record: RecordId,
    destination: String,
    /// None until a digit says it.
    is_there: Option<bool>,
    id: Input,
    reason: Input,
    problem: Option<String>,
}

/// Opens the question for the selected record; a note where its outcome is known.
pub fn open(app: &mut App) {
    let Some(view) = app.letters.record() else { return app.note("no record is selected") };
    if view.letter.reason.class != ReasonClass::OutcomeUnknown {
        return app.note("the outcome of this record is known; this is for those whose outcome is unknown");
    }
    let form = Form {
        letter: view.letter.id,
        record: view.letter.record.clone(),
        destination: view.destination_connection.clone(),
        is_there: None,
        id: Input::default(),
        reason: Input::default(),
        problem: None,
    };
    app.overlay = Some(Overlay::Settle(form));
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Settle(form)) = &mut app.overlay else { return };
    match form.order() {
        Err(problem) => form.problem = Some(problem),
        Ok(request) => {
            app.overlay = None;
            app.order(request);
        }
    }
}

impl Form {
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.is_there? {
            true => Some(&mut self.id),
            false => Some(&mut self.reason),
        }
    }

    fn order(&self) -> Result<Request, String> {
        let text = |input: &Input| Some(input.value().trim().to_owned()).filter(|text| !text.is_empty());
        let (finding, reason) = match self.is_there {
            None => return Err("say first which it is: press its digit".to_owned()),
            Some(true) => (Whereabouts::There { id: text(&self.id).map(DestinationId::from) }, None),
            Some(false) => match text(&self.reason) {
                None => return Err("how is it known to be absent? write it down".to_owned()),
                reason => (Whereabouts::Absent, reason),
            },
        };
        Ok(Request::Settle { id: self.letter, finding, reason })
    }

    pub fn typed(&mut self, event: &KeyEvent, name: Option<&str>) {
        self.problem = None;
        match (self.is_there, name) {
            (None, Some("1")) => self.is_there = Some(true),
            (None, Some("2")) => self.is_there = Some(false),
            _ => {
                if let Some(input) = self.input() {
                    edit(input, event);
                }
            }
        }
    }

    /// The other answer.
    pub fn step(&mut self) {
        self.is_there = Some(self.is_there != Some(true));
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let text = format!(
            "A request that makes it left for {}, and no answer came. Look for it there: nothing here can tell.",
            self.destination
        );
        let mut lines = vec![canvas.line().within(self.record.as_str(), text_width(app), Tone::Bold)];
        lines.extend(wrapped(&text, text_width(app)).iter().map(|line| canvas.line().say(line)));
        lines.push(canvas.line());
        let answers = [
            (Some(true), "1", "it is there: it is linked, and not made again"),
            (Some(false), "2", "it is not there: it is sent again"),
        ];
        for (answer, digit, words) in answers {
            let mark = if self.is_there == answer { "(•)" } else { "( )" };
            lines.push(canvas.line().say(format!("  {mark} ")).key(digit).say(format!(" {words}")));
        }
        let mut focus = None;
        if let Some(is_there) = self.is_there {
            let (label, input) = match is_there {
                true => ("Its id there (may be empty): ", &self.id),
                false => ("How it is known to be absent: ", &self.reason),
            };
            let (line, cursor) = field(canvas, label, input, true, 40);
            lines.push(line);
            focus = Some((lines.len() - 1, cursor));
        }
        if let Some(problem) = &self.problem {
            lines.push(canvas.line().tone(format!("✗ {problem}"), Tone::Fail));
        }
        let verb = if self.is_there == Some(false) { " send it again" } else { " settle" };
        let buttons = canvas
            .line()
            .key("Esc")
            .say(" cancel    ")
            .key(form_key(app, Action::NextPane))
            .say(" the other    ")
            .key(form_key(app, Action::Accept))
            .say(verb);
        dialog(app, canvas, &format!("Was dead letter #{} made?", self.letter), lines, &buttons, focus);
    }
}
