//! One dead letter: its fields at the source and as sent, or its JSON; the answer; the tries.

use super::move_in;
use crate::control::{FieldLine, FieldMark, LetterView};
use crate::model::LetterState;
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::geometry;
use crate::tui::json;
use crate::tui::overlays::{Overlay, Page as ReadingPage};
use crate::tui::text::{counted, grouped, moment, visible_value, visible_within};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;

const HIDDEN: &str = "••••";
/// The same where it leaves the screen.
const COPIED_HIDDEN: &str = "[redacted]";
/// Values shorter than this are too common to be searched for in other text.
const MASKED_MIN: usize = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Fields,
    Json,
}

/// How the record is looked at. It stays when the next record is shown.
#[derive(Clone, Debug, Default)]
pub struct Page {
    view: View,
    hides_same: bool,
    is_revealed: bool,
    pub list: ListState,
    /// The record's JSON in lines, made once for each record; headings are marked.
    json: Vec<(String, bool)>,
}

impl Page {
    pub fn is_revealed(&self) -> bool {
        self.is_revealed
    }
}

struct Layout {
    fields: Rect,
    answer: Rect,
    tries: Rect,
}

fn layout(area: Rect) -> Layout {
    if area.height >= 24 {
        let (fields, rest) = geometry::top(area, area.height.saturating_sub(15));
        let (answer, tries) = geometry::top(rest, 8);
        Layout { fields, answer, tries }
    } else {
        let rows = if area.height >= 16 { 6 } else { 4 };
        let (fields, answer) = geometry::top(area, area.height.saturating_sub(rows));
        Layout { fields, answer, tries: Rect { height: 0, ..answer } }
    }
}

/// Lines below the fields: what the signs mean, and what else is known.
fn legend_rows(fields: Rect) -> u16 {
    if fields.height >= 10 { 2 } else { 0 }
}

/// A line about a correction, where there is one.
fn note_rows(app: &App) -> u16 {
    let has_note = app.letters.record().is_some_and(|view| view.offered.is_some() || !view.corrections.is_empty());
    u16::from(has_note)
}

/// What people put in place of refused values: for this letter, or for the same bad value before.
fn correction_note(app: &App, canvas: &Canvas<'_>, view: &LetterView) -> Option<Line> {
    let edit = app.key(Action::Edit);
    if let Some(offered) = &view.offered {
        let when = moment(offered.at, app.now);
        let text = format!(": a correction of {when} by {} is there", offered.by);
        return Some(canvas.line().say(" ").key(edit).say(" applies it").tone(text, Tone::Ok));
    }
    let last = view.corrections.last()?;
    let when = moment(last.at, app.now);
    let by = &last.by;
    let why = last.reason.as_ref().map(|why| format!(", “{why}”")).unwrap_or_default();
    let text = match last.fields.as_slice() {
        [] => format!(" a correction was taken back {when} by {by}{why}"),
        [one] => format!(" corrected {when} by {by}: {}{why}", one.field),
        many => format!(" corrected {when} by {by}: {} fields{why}", many.len()),
    };
    let line = canvas.line().tone(text, Tone::Pause);
    Some(match view.letter.state {
        LetterState::Waiting if !last.fields.is_empty() => line.say("; ").key(app.key(Action::Retry)).say(" sends it"),
        _ => line,
    })
}

pub fn settle(app: &mut App, area: Rect) {
    let fields = layout(area).fields;
    let below = legend_rows(fields) + note_rows(app);
    let rows = geometry::table_rows(fields).saturating_sub(usize::from(below));
    let len = rows_of(app);
    let page = &mut app.letters.page;
    page.list.settle(len, if page.view == View::Json { geometry::table_rows(fields) + 1 } else { rows });
}

fn rows_of(app: &App) -> usize {
    match (app.letters.page.view, app.letters.record()) {
        (_, None) => 0,
        (View::Json, Some(_)) => app.letters.page.json.len(),
        (View::Fields, Some(view)) => fields(app, view).len(),
    }
}

fn fields<'v>(app: &App, view: &'v LetterView) -> Vec<&'v FieldLine> {
    let hides = app.letters.page.hides_same;
    view.fields.iter().filter(|line| !hides || line.mark != FieldMark::Same).collect()
}

/// A letter was read; a new one is looked at from its top.
pub fn letter_came(app: &mut App, is_other: bool) {
    if is_other {
        app.letters.page.list = ListState::default();
    }
    lay_out_json(app);
}

fn lay_out_json(app: &mut App) {
    let Some(view) = &app.letters.record else { return };
    let hides = |key: &str| !app.letters.page.is_revealed && app.is_redacted(key);
    let mut lines = vec![(format!("SOURCE {}", view.source_connection), true)];
    lines.extend(json::pretty(view.letter.source.as_str(), &hides).into_iter().map(|line| (line, false)));
    lines.push((String::new(), false));
    match &view.letter.sent {
        None => lines.push(("NOTHING WAS SENT: the record could not be mapped".to_owned(), true)),
        Some(sent) => {
            lines.push((format!("SENT TO {}", view.destination_connection), true));
            lines.extend(json::pretty(sent.as_str(), &hides).into_iter().map(|line| (line, false)));
        }
    }
    app.letters.page.json = lines;
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::View => {
            let page = &mut app.letters.page;
            page.view = if page.view == View::Fields { View::Json } else { View::Fields };
            page.list = ListState::default();
        }
        Action::HideUnchanged => {
            app.letters.page.hides_same = !app.letters.page.hides_same;
            app.note(if app.letters.page.hides_same {
                "hiding fields that are the same"
            } else {
                "showing all fields"
            });
        }
        Action::Reveal if app.settings.redact.is_empty() => app.note("the configuration redacts no field"),
        Action::Reveal => {
            app.letters.page.is_revealed = !app.letters.page.is_revealed;
            lay_out_json(app);
            app.note(if app.letters.page.is_revealed {
                "showing redacted values"
            } else {
                "redacted values are hidden again"
            });
        }
        action => {
            let len = rows_of(app);
            let page = &mut app.letters.page;
            if page.view == View::Json {
                // Text is scrolled, not selected.
                let mut top = ListState { selected: page.list.offset, ..page.list };
                move_in(&mut top, action, len.saturating_sub(page.list.height) + 1);
                page.list.offset = top.selected;
                page.list.selected = top.selected;
            } else {
                move_in(&mut page.list, action, len);
            }
        }
    }
}

/// Opens the selected field's whole value.
pub fn open_value(app: &mut App) {
    let Some(view) = app.letters.record() else { return };
    if app.letters.page.view == View::Json {
        let (view, open) = (app.key(Action::View), app.key(Action::Open));
        app.note(format!("{view} goes back to the fields; there {open} opens a whole value"));
        return;
    }
    let fields = fields(app, view);
    let Some(line) = fields.get(app.letters.page.list.selected) else { return };
    let text = |value: &Option<String>| match value {
        None => "(nothing)".to_owned(),
        Some(_) if is_hidden(app, &line.field) => HIDDEN.to_owned(),
        Some(value) => {
            let end = value.floor_char_boundary(crate::tui::text::VALUE_MAX);
            let note =
                if end < value.len() { format!(" (first {end} of {} bytes)", value.len()) } else { String::new() };
            format!("{}{note}", &value[..end])
        }
    };
    let parts = vec![
        (format!("SOURCE {}", view.source_connection), text(&line.source)),
        (format!("SENT TO {}", view.destination_connection), text(&line.sent)),
        ("WHY".to_owned(), masked(app, view, line.why.as_deref().unwrap_or("—"))),
    ];
    let page = ReadingPage { title: format!("Field {}", line.field), parts, scroll: ListState::default() };
    app.overlay = Some(Overlay::Page(page));
}

/// The record as the source gave it and as it was sent, for copying.
pub fn payload_text(app: &App) -> Option<String> {
    let view = app.letters.record()?;
    let hides = |key: &str| !app.letters.page.is_revealed && app.is_redacted(key);
    let text = json::pretty(view.letter.source.as_str(), &hides).join("\n");
    Some(masked(app, view, &text).replace(HIDDEN, COPIED_HIDDEN))
}

/// Why it was given up, for copying.
pub fn error_text(app: &App) -> Option<String> {
    let view = app.letters.record()?;
    Some(masked(app, view, &view.letter.reason.message).replace(HIDDEN, COPIED_HIDDEN))
}

/// What the system answered, for copying.
pub fn answer_text(app: &App) -> Option<String> {
    let view = app.letters.record()?;
    Some(masked(app, view, view.letter.reason.answer.as_ref()?).replace(HIDDEN, COPIED_HIDDEN))
}

/// `text` of the letter's request as the screen may show it: JSON field by field, and no redacted value elsewhere.
pub fn request_text(app: &App, view: &LetterView, text: &str) -> String {
    let hides = |key: &str| !app.letters.page.is_revealed && app.is_redacted(key);
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let text = if is_json { json::pretty(text, &hides).join("\n") } else { text.to_owned() };
    masked(app, view, &text).replace(HIDDEN, COPIED_HIDDEN)
}

fn is_hidden(app: &App, field: &str) -> bool {
    !app.letters.page.is_revealed && app.is_redacted(field)
}

/// `text` without the values of redacted fields: an answer likes to quote them.
fn masked(app: &App, view: &LetterView, text: &str) -> String {
    let hidden = view.fields.iter().filter(|line| is_hidden(app, &line.field));
    let mut values: Vec<&str> = hidden
        .flat_map(|line| [&line.source, &line.sent])
        .flatten()
        .map(|value| value.trim().trim_matches('"'))
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
        .iter()
        .filter(|value| value.len() >= MASKED_MIN)
        .fold(text.to_owned(), |text, value| text.replace(value, HIDDEN))
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let Some(view) = app.letters.record() else {
        let inner = canvas.panel(area, "Record", "", app.letters.is_in_record);
        let line = match (&app.letters.record_problem, app.letters.selected_id()) {
            (Some(problem), _) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            (None, Some(_)) => canvas.line().say(" asking the engine…"),
            (None, None) => canvas.line().dim(" no record is selected"),
        };
        return canvas.put(inner, &line);
    };
    let layout = layout(area);
    match app.letters.page.view {
        View::Fields => draw_fields(app, canvas, layout.fields, view),
        View::Json => draw_json(app, canvas, layout.fields),
    }
    draw_answer(app, canvas, layout.answer, view, layout.tries.height == 0);
    draw_tries(app, canvas, layout.tries, view);
}

fn mark(mark: FieldMark) -> (&'static str, Tone) {
    match mark {
        FieldMark::Same => ("=", Tone::Dim),
        FieldMark::Transformed => ("~", Tone::Pause),
        FieldMark::Rejected => ("✗", Tone::Fail),
        FieldMark::Added => ("+", Tone::Ok),
        FieldMark::Dropped => ("-", Tone::Dim),
        FieldMark::NotSent => ("", Tone::Dim),
    }
}

/// A value for a cell: of a long one only its beginning is looked at.
fn cell_text(canvas: &Canvas<'_>, value: Option<&str>) -> String {
    let symbols = canvas.theme.symbols;
    match value {
        None => "—".to_owned(),
        Some(value) if value.len() > 2_000 => visible_within(value, 120, symbols).as_str().to_owned(),
        Some(value) => visible_value(value, symbols).as_str().to_owned(),
    }
}

fn draw_fields(app: &App, canvas: &mut Canvas<'_>, area: Rect, view: &LetterView) {
    let lines = fields(app, view);
    let right = format!("{} of {} · v: json", lines.len(), counted(view.fields.len() as u64, "field", "fields"));
    let inner = canvas.panel(area, "Fields", &right, app.letters.is_in_record);
    let notes = note_rows(app);
    let (list, below) = geometry::top(inner, inner.height.saturating_sub(legend_rows(area) + notes));
    let source = format!("SOURCE {}", view.source_connection);
    let sent = format!("SENT TO {}", view.destination_connection);
    let columns = [
        Column::text("FIELD", 8, 0),
        Column::text(&source, 14, 0),
        Column::text(&sent, 14, 0),
        Column::word("", 0),
        Column::text("WHY", 12, 1),
    ];
    let page = &app.letters.page;
    let window = page.list.window(lines.len());
    let rows: Vec<Vec<Cell>> = lines[window.clone()]
        .iter()
        .map(|line| {
            let value = |value: &Option<String>| match value {
                Some(_) if is_hidden(app, &line.field) => HIDDEN.to_owned(),
                value => cell_text(canvas, value.as_deref()),
            };
            let (sign, tone) = mark(line.mark);
            let why = line.why.as_deref().map(|why| masked(app, view, why)).unwrap_or_default();
            vec![
                Cell::new(line.field.clone()),
                Cell::new(value(&line.source)),
                Cell::new(value(&line.sent)),
                Cell::toned(sign, tone),
                Cell::toned(why, if line.mark == FieldMark::Rejected { Tone::Bold } else { Tone::Plain }),
            ]
        })
        .collect();
    let selected = page.list.selected.checked_sub(window.start).filter(|_| app.letters.is_in_record);
    table(canvas, list, &columns, &rows, selected, &|_| false);
    let legend = canvas.line().dim(" = same  ~ transformed  ✗ rejected  + added  - dropped");
    let note = correction_note(app, canvas, view);
    let lines: Vec<Line> = note.into_iter().chain([legend, about(app, canvas, view)]).collect();
    canvas.put_all(below, &lines);
}

/// What else is known of the record, in a line.
fn about(app: &App, canvas: &Canvas<'_>, view: &LetterView) -> Line {
    let letter = &view.letter;
    let mut line = canvas.line();
    if let Some(id) = &letter.destination_id {
        line = line.dim(" destination id ").id(id.as_str(), 30).say("  ");
    }
    if let Some(version) = &letter.version {
        line = line.dim("   version ").within(&version.text(), 32, Tone::Plain);
    }
    if letter.deleted {
        line = line.say("   a delete");
    }
    let state = match &letter.state {
        LetterState::Waiting => String::new(),
        LetterState::Retrying { since, by } => format!("   ↻ retried by {by} since {}", moment(*since, app.now)),
        LetterState::Discarded { at, by, reason } => {
            format!("   □ discarded by {by} {}: {reason}", moment(*at, app.now))
        }
        LetterState::Recovered { at, run } => format!("   ✓ recovered {} in run #{run}", moment(*at, app.now)),
    };
    line.say(state)
}

fn draw_json(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let page = &app.letters.page;
    let right = format!("{} · v: fields", counted(page.json.len() as u64, "line", "lines"));
    let inner = canvas.panel(area, "JSON as it was read and sent", &right, app.letters.is_in_record);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let width = usize::from(inner.width);
    let lines: Vec<Line> = page.json[page.list.offset.min(page.json.len())..]
        .iter()
        .take(usize::from(inner.height))
        .map(|(line, is_heading)| canvas.line().within(line, width, if *is_heading { Tone::Bold } else { Tone::Plain }))
        .collect();
    canvas.put_all(inner, &lines);
}

fn draw_answer(app: &App, canvas: &mut Canvas<'_>, area: Rect, view: &LetterView, has_tries: bool) {
    let letter = &view.letter;
    let title = if letter.sent.is_none() {
        "Why it was not sent".to_owned()
    } else {
        format!("What {} answered", view.destination_connection)
    };
    let right = letter.attempts.last().map_or_else(String::new, |attempt| match attempt.status {
        Some(status) => format!("{status} in {} ms", grouped(u64::from(attempt.took_ms))),
        None => "no answer".to_owned(),
    });
    let inner = canvas.panel(area, &title, &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let symbols = canvas.theme.symbols;
    let room = usize::from(inner.height).saturating_sub(usize::from(has_tries));
    // No more is made visible than there is room for: an answer can be long.
    let width = usize::from(inner.width);
    let message = visible_within(&masked(app, view, &letter.reason.title()), width * room, symbols);
    let mut lines: Vec<Line> =
        message.wrapped(width).into_iter().map(|part| canvas.line().shown(part, Tone::Bold)).collect();
    if let Some(field) = &letter.reason.field {
        lines.push(canvas.line().dim("field ").say(field));
    }
    if let Some(answer) = &letter.reason.answer {
        for line in masked(app, view, answer).split('\n').take(room) {
            let parts = visible_within(line, width * room, symbols).wrapped(width);
            lines.extend(parts.into_iter().map(|part| canvas.line().shown(part, Tone::Plain)));
        }
    }
    lines.truncate(room);
    if has_tries {
        let last = moment(letter.last_at, app.now);
        let text = format!("{}, last {last}", counted(letter.attempts.len() as u64, "try", "tries"));
        lines.push(canvas.line().dim(text).say(key_words(view)));
    }
    canvas.put_all(inner, &lines);
}

fn key_words(view: &LetterView) -> String {
    view.letter.idempotency_key.as_ref().map(|key| format!("   idempotency key {key}")).unwrap_or_default()
}

fn draw_tries(app: &App, canvas: &mut Canvas<'_>, area: Rect, view: &LetterView) {
    if area.height == 0 {
        return;
    }
    let attempts = &view.letter.attempts;
    let right = view.letter.idempotency_key.as_ref().map(|key| format!("idempotency key {key}")).unwrap_or_default();
    let title = counted(attempts.len() as u64, "try", "tries");
    let inner = canvas.panel(area, &title, &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines: Vec<Line> = attempts
        .iter()
        .enumerate()
        .rev()
        .take(usize::from(inner.height))
        .map(|(at, attempt)| {
            let status = attempt.status.map_or("—".to_owned(), |status| status.to_string());
            let took = format!("{} ms", grouped(u64::from(attempt.took_ms)));
            canvas
                .line()
                .say(format!(
                    "{:>3}  {:<12}  {status:>4}  {took:>9}  run #{}  ",
                    at + 1,
                    moment(attempt.at, app.now),
                    attempt.run
                ))
                .say(masked(app, view, &attempt.message))
        })
        .collect();
    canvas.put_all(inner, &lines);
}
