//! Giving dead letters up: for a reason that is kept, and of many only with their number typed.

use super::bulk::Scope;
use super::{Overlay, dialog, field, form_key, text_width};
use crate::control::{Answer, Refusal, Request};
use crate::model::{DeadLetterId, Selection};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::text::{counted, grouped, wrapped};
use crate::tui::theme::Tone;
use crate::tui::update::edit;
use crate::tui::widgets::Canvas;
use ratatui::crossterm::event::KeyEvent;
use tui_input::Input;

/// From this many on the number must be typed.
const NUMBER_ABOVE: u64 = 100;

const REASONS: [&str; 4] =
    ["duplicate in the destination", "bad data, will not be fixed", "test record", "handled by hand"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Reason,
    Other,
    Note,
    Number,
}

#[derive(Clone, Debug)]
pub struct Form {
    scope: Scope,
    focus: Focus,
    /// 1 to 4 of the list, 5 for another.
    reason: Option<usize>,
    other: Input,
    note: Input,
    number: Input,
    problem: Option<String>,
}

pub fn open(app: &mut App, mut scope: Scope) {
    if matches!(scope.selection, Selection::Matching(_)) {
        scope.count = None;
        scope.measure(app);
    }
    app.overlay = Some(Overlay::Discard(Form {
        scope,
        focus: Focus::Reason,
        reason: None,
        other: Input::default(),
        note: Input::default(),
        number: Input::default(),
        problem: None,
    }));
}

pub fn answered(app: &mut App, result: Result<Answer, Refusal>) {
    let Some(Overlay::Discard(form)) = &mut app.overlay else { return };
    match result {
        Ok(Answer::Ids { ids, total }) => {
            form.scope.count = Some(total);
            form.scope.freeze(ids.first().copied().unwrap_or(DeadLetterId(0)));
        }
        Ok(_) => {}
        Err(refusal) => form.problem = Some(refusal.message),
    }
}

pub fn accept(app: &mut App) {
    let Some(Overlay::Discard(form)) = &mut app.overlay else { return };
    match form.order() {
        Err((focus, problem)) => (form.focus, form.problem) = (focus, Some(problem)),
        Ok(request) => {
            app.overlay = None;
            app.forget_marks();
            app.order(request);
        }
    }
}

impl Form {
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.focus {
            Focus::Reason => None,
            Focus::Other => Some(&mut self.other),
            Focus::Note => Some(&mut self.note),
            Focus::Number => Some(&mut self.number),
        }
    }

    fn needs_number(&self) -> bool {
        self.scope.count.is_some_and(|count| count > NUMBER_ABOVE)
    }

    /// The order, or what is missing and where it is to be put in.
    fn order(&self) -> Result<Request, (Focus, String)> {
        let missing = |focus: Focus, what: &str| Err((focus, what.to_owned()));
        let Some(count) = self.scope.count else { return missing(self.focus, "still counting; a moment") };
        if count == 0 {
            return missing(self.focus, "none of these waits");
        }
        let mut reason = match self.reason {
            None => return missing(Focus::Reason, "choose a reason: press its digit"),
            Some(5) => self.other.value().trim().to_owned(),
            Some(number) => REASONS[number - 1].to_owned(),
        };
        if reason.is_empty() {
            return missing(Focus::Other, "the other reason is empty: write it down");
        }
        let note = self.note.value().trim();
        if !note.is_empty() {
            reason = format!("{reason}; {note}");
        }
        let typed: String = self.number.value().chars().filter(char::is_ascii_digit).collect();
        if self.needs_number() && typed != count.to_string() {
            return missing(Focus::Number, &format!("type the number {} to show that you mean it", grouped(count)));
        }
        Ok(Request::Discard { selection: self.scope.selection.clone(), reason })
    }

    pub fn step(&mut self, action: Action) {
        let mut order = vec![Focus::Reason];
        if self.reason == Some(5) {
            order.push(Focus::Other);
        }
        order.push(Focus::Note);
        if self.needs_number() {
            order.push(Focus::Number);
        }
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
        if self.focus == Focus::Reason {
            if let Some(number @ 1..=5) = name.and_then(|name| name.parse::<usize>().ok()) {
                self.reason = Some(number);
                if number == 5 {
                    self.focus = Focus::Other;
                }
            }
            return;
        }
        if let Some(input) = self.input() {
            edit(input, event);
        }
    }

    pub fn draw(&self, app: &App, canvas: &mut Canvas<'_>) {
        let title = match self.scope.count {
            Some(count) => format!("Discard {}", counted(count, "dead letter", "dead letters")),
            None => "Discard dead letters (counting…)".to_owned(),
        };
        let (undo, back, filter) = (app.key(Action::Undo), app.key(Action::BringBack), app.key(Action::Filter));
        let text = format!(
            "They will not be sent any more. {undo} takes that back at once, later {back} in {filter}state:discarded. What changes at its source is synced as always."
        );
        let mut lines = vec![canvas.line().within(&self.scope.what, text_width(app), Tone::Bold)];
        lines.extend(wrapped(&text, text_width(app)).iter().map(|line| canvas.line().say(line)));
        lines.extend([
            canvas.line(),
            canvas.line().tone(
                "Reason (kept in the journal, required)",
                if self.focus == Focus::Reason { Tone::Bold } else { Tone::Plain },
            ),
        ]);
        for (at, reason) in REASONS.iter().enumerate() {
            let mark = if self.reason == Some(at + 1) { "(•)" } else { "( )" };
            lines.push(canvas.line().say(format!("  {mark} ")).key((at + 1).to_string()).say(format!(" {reason}")));
        }
        let mark = if self.reason == Some(5) { "(•)" } else { "( )" };
        let (other, other_cursor) =
            field(canvas, &format!("  {mark} 5 other: "), &self.other, self.focus == Focus::Other, 40);
        lines.push(other);
        let mut cursor = (lines.len() - 1, other_cursor);
        let (note, note_cursor) = field(canvas, "Note: ", &self.note, self.focus == Focus::Note, 50);
        lines.push(note);
        if self.focus != Focus::Other {
            cursor = (lines.len() - 1, note_cursor);
        }
        if let Some(count) = self.scope.count.filter(|_| self.needs_number()) {
            let label = format!("Type the number {}: ", grouped(count));
            let (number, number_cursor) = field(canvas, &label, &self.number, self.focus == Focus::Number, 20);
            lines.push(number);
            if self.focus == Focus::Number {
                cursor = (lines.len() - 1, number_cursor);
            }
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
            .say(" discard");
        let focus = (self.focus != Focus::Reason).then_some(cursor);
        dialog(app, canvas, &title, lines, &buttons, focus);
    }
}
