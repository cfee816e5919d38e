//! Correcting a dead letter: its fields one by one, or the whole as text in an editor; then what that changes, before
//! anything is sent.

use super::Overlay;
use super::edit_draw;
use crate::control::{Answer, Refusal, Request};
use crate::model::redact::HIDDEN;
use crate::model::{DeadLetterId, EditField, EditForm, FieldChange, RawJson, Timestamp, ValueKind};
use crate::tui::action::Action;
use crate::tui::app::{App, Effect, Purpose};
use crate::tui::keymap::Context;
use crate::tui::update::edit;
use ratatui::crossterm::event::KeyEvent;
use serde_json::value::RawValue;
use std::time::Duration;
use tui_input::Input;

/// Longer values are for an editor, not for a line.
const LINE_MAX: usize = 1_000;
/// A key that was on its way before the change was seen does not send it.
const DEAF_AT_FIRST: Duration = Duration::from_millis(150);

/// What is sent for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    Value(ValueKind),
    Nothing,
}

/// One field in the making.
#[derive(Clone, Debug)]
pub struct Row {
    pub field: EditField,
    pub sends: Sends,
    pub input: Input,
    /// Why it can not be typed in here.
    pub locked: Option<String>,
    pub is_hidden: bool,
    /// Nobody touched it: its value is sent text by text as it is.
    is_fresh: bool,
}

/// Where the person is.
#[derive(Clone, Debug)]
pub enum Stage {
    Fields,
    Review {
        changes: Vec<FieldChange>,
        opened_at: Timestamp,
    },
    /// The text that came back from the editor can not be used; it is kept.
    Broken {
        text: String,
        why: String,
        /// Line and column, counted from 1.
        place: Option<(usize, usize)>,
    },
}

#[derive(Clone, Debug)]
pub struct Form {
    pub form: EditForm,
    pub rows: Vec<Row>,
    /// The row that is typed in; after the last one, the reason.
    pub selected: usize,
    pub reason: Input,
    pub stage: Stage,
    pub problem: Option<String>,
    /// The answer to what was sent has not come yet.
    pub is_saving: bool,
    keys: Keys,
}

/// Asks for the fields of a letter; the form opens with the answer.
pub fn open(app: &mut App, id: DeadLetterId) {
    app.ask(Purpose::EditForm, Request::EditForm { id });
}

pub fn form_came(app: &mut App, form: EditForm) {
    let hides = |field: &str| !app.letters.is_revealed() && app.is_redacted(field);
    let keys = Keys::of(app);
    let row = |field: &EditField| Row::new(field.clone(), hides(&field.field), &keys);
    let mut rows: Vec<Row> = form.fields.iter().map(row).collect();
    for change in &form.offered_changes {
        match rows.iter_mut().find(|row| row.field.field == change.field) {
            Some(row) => row.set(change.value.as_ref()),
            None => rows.push(Row::added(&change.field, change.value.as_ref())),
        }
    }
    let blamed = rows.iter().position(|row| row.field.problem.is_some() && row.locked.is_none());
    let first = blamed.or_else(|| rows.iter().position(|row| row.locked.is_none()));
    let form = Form {
        selected: first.unwrap_or(rows.len()),
        form,
        rows,
        reason: Input::default(),
        stage: Stage::Fields,
        problem: None,
        is_saving: false,
        keys,
    };
    app.overlay = Some(Overlay::Edit(Box::new(form)));
}

/// The keys that the form's sentences name, as they are bound.
#[derive(Clone, Debug, Default)]
struct Keys {
    reveal: String,
    editor: String,
    kind: String,
}

impl Keys {
    fn of(app: &App) -> Self {
        let form = |action| app.settings.keymap.labels(&[Context::EditForm], action).into_iter().next();
        Self {
            reveal: app.key(Action::Reveal),
            editor: form(Action::Editor).unwrap_or_default(),
            kind: form(Action::ChangeKind).unwrap_or_default(),
        }
    }
}

impl Row {
    fn new(field: EditField, is_hidden: bool, keys: &Keys) -> Self {
        let kind = field.kind();
        let (sends, text) = match &field.value {
            Some(value) => (Sends::Value(kind), kind.shown(value)),
            // Where the map refuses the source's value, that is what is to be mended.
            None => match field.source.as_ref().filter(|_| field.problem.is_some()) {
                Some(source) => (Sends::Value(kind), ValueKind::of(source).shown(source)),
                None => (Sends::Nothing, String::new()),
            },
        };
        let locked = field.locked.clone().or_else(|| {
            if is_hidden {
                Some(format!("it is redacted; Esc, then {} shows such values", keys.reveal))
            } else if text.chars().count() > LINE_MAX {
                Some(format!("it is too long for a line; {} opens all in an editor", keys.editor))
            } else {
                None
            }
        });
        Self { field, sends, input: Input::new(text), locked, is_hidden, is_fresh: true }
    }

    fn added(name: &str, value: Option<&RawJson>) -> Self {
        let field = EditField {
            field: name.to_owned(),
            source: None,
            original: None,
            value: None,
            problem: None,
            locked: None,
            takes: ValueKind::Text,
        };
        let mut row = Self::new(field, false, &Keys::default());
        row.set(value);
        row
    }

    /// Puts a value in, whatever stood there.
    fn set(&mut self, value: Option<&RawJson>) {
        if value == self.field.value.as_ref() {
            let locked = self.locked.take();
            *self = Self { locked, ..Self::new(self.field.clone(), self.is_hidden, &Keys::default()) };
            return;
        }
        self.is_fresh = false;
        match value {
            Some(value) => {
                let kind = ValueKind::of(value);
                self.sends = Sends::Value(kind);
                self.input = Input::new(kind.shown(value));
            }
            None => self.sends = Sends::Nothing,
        }
    }

    /// What is sent; the reason when the text is none of its kind.
    pub fn value(&self) -> Result<Option<RawJson>, String> {
        match self.sends {
            _ if self.is_fresh && (self.field.value.is_some() || self.sends == Sends::Nothing) => {
                Ok(self.field.value.clone())
            }
            Sends::Nothing => Ok(None),
            Sends::Value(kind) => kind.read(self.input.value()).map(Some),
        }
    }

    /// The value as it stands in a text of all fields: what is no value yet is mended there as a text.
    fn written(&self) -> Option<RawJson> {
        self.value().unwrap_or_else(|_| Some(RawJson::from_value(&serde_json::Value::from(self.input.value()))))
    }

    /// True where something else is sent than without a correction.
    pub fn is_changed(&self) -> bool {
        !self.is_fresh && self.value() != Ok(self.field.original.clone())
            || self.is_fresh && self.field.value != self.field.original
    }

    /// Text, JSON, nothing, and round again.
    fn next_kind(&mut self) {
        self.is_fresh = false;
        self.sends = match self.sends {
            Sends::Value(ValueKind::Text) => Sends::Value(ValueKind::Json),
            Sends::Value(ValueKind::Json) => Sends::Nothing,
            Sends::Nothing => Sends::Value(ValueKind::Text),
        };
    }

    fn back_to_original(&mut self) {
        let original = self.field.original.clone();
        self.set(original.as_ref());
    }
}

impl Form {
    pub fn input(&mut self) -> Option<&mut Input> {
        if !matches!(self.stage, Stage::Fields) {
            return None;
        }
        if self.selected >= self.rows.len() {
            return Some(&mut self.reason);
        }
        let row = &mut self.rows[self.selected];
        let can_type = row.locked.is_none() && row.sends != Sends::Nothing;
        if can_type {
            row.is_fresh = false;
        }
        can_type.then_some(&mut row.input)
    }

    fn row(&mut self) -> Option<&mut Row> {
        self.rows.get_mut(self.selected).filter(|row| row.locked.is_none())
    }

    /// All changes against what would be sent without a correction; the reason when a text is no value.
    fn changes(&self) -> Result<Vec<FieldChange>, String> {
        let mut changes = Vec::new();
        for row in self.rows.iter().filter(|row| row.field.locked.is_none()) {
            let refused = |why| format!("{}: {why}", row.field.field);
            let untouched = row.is_fresh && row.field.value.is_none();
            let value = if untouched { row.field.value.clone() } else { row.value().map_err(refused)? };
            changes.push(FieldChange { field: row.field.field.clone(), value });
        }
        let changed: Vec<FieldChange> = self.form.checked(changes)?;
        let is_untouched = |change: &FieldChange| {
            self.rows
                .iter()
                .any(|row| row.field.field == change.field && row.is_fresh && row.field.value == row.field.original)
        };
        Ok(changed.into_iter().filter(|change| !is_untouched(change)).collect())
    }

    /// The changes of the correction that counts now.
    fn known(&self) -> Vec<FieldChange> {
        let fields = self.form.correction.iter().flat_map(|one| &one.fields);
        fields.map(|field| FieldChange { field: field.field.clone(), value: field.after.clone() }).collect()
    }

    fn is_same(&self, changes: &[FieldChange]) -> bool {
        let known = self.known();
        known.len() == changes.len() && changes.iter().all(|change| known.contains(change))
    }

    /// The whole as text for an editor, with hidden values hidden.
    fn document(&self) -> String {
        let mut text = format!(
            "// Dead letter #{} of {}: what would be sent to {}. Lines like this one are left out.\n",
            self.form.letter, self.form.job, self.form.destination_connection
        );
        for row in &self.rows {
            if let Some(problem) = &row.field.problem {
                text.push_str(&format!("// {}: {}\n", row.field.field, problem.replace('\n', " ")));
            }
        }
        let locked = self.rows.iter().filter(|row| row.field.locked.is_some()).map(|row| row.field.field.as_str());
        let locked: Vec<&str> = locked.collect();
        if !locked.is_empty() {
            text.push_str(&format!("// Not editable: {}.\n", locked.join(", ")));
        }
        let members = self.rows.iter().filter_map(|row| {
            let name = serde_json::Value::from(row.field.field.as_str());
            let value = if row.is_hidden { hidden_value() } else { row.written()?.as_str().to_owned() };
            Some(format!("  {name}: {value}"))
        });
        let members: Vec<String> = members.collect();
        text.push_str(&format!("{{\n{}\n}}\n", members.join(",\n")));
        text
    }

    /// Takes in what came back from the editor.
    fn take(&mut self, text: String) {
        match self.read(&text) {
            Ok(()) => {
                self.stage = Stage::Fields;
                self.problem = None;
            }
            Err((why, place)) => self.stage = Stage::Broken { text, why, place },
        }
    }

    fn read(&mut self, text: &str) -> Result<(), (String, Option<(usize, usize)>)> {
        // A comment becomes an empty line, so that the lines keep their numbers.
        let json: Vec<&str> =
            text.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line }).collect();
        let json = json.join("\n");
        let members: indexmap::IndexMap<String, Box<RawValue>> = serde_json::from_str(&json).map_err(|error| {
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default().to_owned();
            (why, (error.line() > 0).then(|| (error.line(), error.column())))
        })?;
        let mut rows = self.rows.clone();
        for row in &mut rows {
            let name = row.field.field.clone();
            let value = members.get(&name).map(|raw| RawJson::from_raw(raw));
            let is_left = match row.is_hidden {
                true => value.as_ref().is_some_and(|value| value.as_str() == hidden_value()),
                false => value == row.written(),
            };
            if is_left || (value.is_none() && row.is_fresh && row.field.value.is_none()) {
                continue;
            }
            if let Some(why) = row.field.locked.as_ref().filter(|_| value != row.field.value) {
                return Err((format!("`{name}` can not be edited: {why}"), None));
            }
            row.set(value.as_ref());
        }
        for (name, raw) in &members {
            if !rows.iter().any(|row| row.field.field == *name) {
                rows.push(Row::added(name, Some(&RawJson::from_raw(raw))));
            }
        }
        self.rows = rows;
        Ok(())
    }
}

fn hidden_value() -> String {
    format!("\"{HIDDEN}\"")
}

/// What an action means where the form has the keys. False when it means nothing.
pub fn act(app: &mut App, action: Action) -> bool {
    let now = app.now;
    let Some(Overlay::Edit(form)) = &mut app.overlay else { return false };
    if form.is_saving {
        return action != Action::Interrupt;
    }
    match (action, &form.stage) {
        (Action::Accept, Stage::Fields) => review(app),
        (Action::NextPane, Stage::Fields) => form.move_by(1),
        (Action::PreviousPane, Stage::Fields) => form.move_by(-1),
        (Action::ChangeKind, Stage::Fields) => {
            if let Some(row) = form.row() {
                row.next_kind();
            }
        }
        (Action::Original, Stage::Fields) => {
            if let Some(row) = form.row() {
                row.back_to_original();
            }
        }
        (Action::Editor, Stage::Fields) => in_editor(app),
        (Action::EditAgain, Stage::Broken { text, .. }) => {
            let (name, text) = (file_name(&form.form), text.clone());
            app.effects.push(Effect::Edit { name, text });
        }
        (Action::EditAgain, Stage::Review { .. }) => form.stage = Stage::Fields,
        (Action::Yes | Action::SaveOnly, Stage::Review { changes, opened_at })
            if now.since(*opened_at) >= DEAF_AT_FIRST =>
        {
            let changes = changes.clone();
            let reason = form.reason.value().trim().to_owned();
            form.is_saving = true;
            let request = Request::Correct {
                id: form.form.letter,
                content: form.form.content.clone(),
                changes,
                reason: (!reason.is_empty()).then_some(reason),
                retry: action == Action::Yes,
            };
            app.ask(Purpose::Correct, request);
        }
        (Action::Yes | Action::SaveOnly, _) => {}
        _ => return false,
    }
    true
}

fn in_editor(app: &mut App) {
    let Some(Overlay::Edit(form)) = &app.overlay else { return };
    let (name, text) = (file_name(&form.form), form.document());
    app.effects.push(Effect::Edit { name, text });
}

/// The editor has ended, with a text or a reason.
pub fn edited(app: &mut App, result: Result<String, String>) {
    let Some(Overlay::Edit(form)) = &mut app.overlay else { return };
    match result {
        Err(why) => form.problem = Some(why),
        Ok(text) if matches!(form.stage, Stage::Fields) && text == form.document() => {
            form.problem = Some("the text came back unchanged".to_owned());
        }
        Ok(text) => {
            form.take(text);
            if matches!(form.stage, Stage::Fields) {
                review(app);
            }
        }
    }
}

/// A name for the editor's file that says what is edited.
fn file_name(form: &EditForm) -> String {
    let record: String = form
        .record
        .shown()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' })
        .collect();
    format!("syncdeck-{}", &record[..record.len().min(40)])
}

fn review(app: &mut App) {
    let now = app.now;
    let Some(Overlay::Edit(form)) = &mut app.overlay else { return };
    match form.changes() {
        Err(why) => form.problem = Some(why),
        Ok(changes) if form.is_same(&changes) => form.problem = Some("nothing is changed".to_owned()),
        Ok(changes) => {
            form.problem = None;
            form.stage = Stage::Review { changes, opened_at: now };
        }
    }
}

impl Form {
    /// To the next field that can be typed in; after the last one, to the reason.
    fn move_by(&mut self, step: isize) {
        self.problem = None;
        let len = self.rows.len() + 1;
        for _ in 0..len {
            self.selected = (self.selected + len).saturating_add_signed(step) % len;
            if self.rows.get(self.selected).is_none_or(|row| row.locked.is_none()) {
                return;
            }
        }
    }

    pub fn typed(&mut self, event: &KeyEvent, name: Option<&str>) {
        if name == Some("enter") {
            return self.move_by(1);
        }
        self.problem = None;
        if let Some(input) = self.input() {
            edit(input, event);
        } else if self.row().is_some_and(|row| row.sends == Sends::Nothing) {
            self.problem = Some(format!("it is not sent; {} makes it a text", self.keys.kind));
        }
    }
}

/// The answer to what was saved. True when the form is done with.
pub fn saved(app: &mut App, result: &Result<Answer, Refusal>) {
    let Some(Overlay::Edit(form)) = &mut app.overlay else { return };
    form.is_saving = false;
    match result {
        Ok(_) => app.overlay = None,
        Err(refusal) => {
            form.problem = Some(refusal.message.clone());
            form.stage = Stage::Fields;
        }
    }
}

pub use edit_draw::draw;
