//! How the correction of a dead letter is drawn: the form, the change, the text that can not be used.

use super::edit::{Form, Row, Sends, Stage};
use super::field;
use crate::model::redact::HIDDEN;
use crate::model::{FieldChange, ValueKind};
use crate::tui::app::App;
use crate::tui::geometry::WIDE;
use crate::tui::text::{counted, moment, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};
use ratatui::layout::{Position, Rect};

/// Lines of broken text that are shown around the place.
const AROUND: usize = 3;

pub fn draw(form: &Form, app: &App, canvas: &mut Canvas<'_>) {
    let (width, height) = app.size;
    let (x, y) = (if width >= WIDE { 6 } else { 0 }, 2.min(height));
    let area = Rect { x, y, width: width - 2 * x, height: height.saturating_sub(y + 1) };
    canvas.clear(area);
    match &form.stage {
        Stage::Fields => draw_fields(form, app, canvas, area),
        Stage::Review { changes, .. } => draw_review(form, changes, app, canvas, area),
        Stage::Broken { text, why, place } => draw_broken(form, text, why, *place, canvas, area),
    }
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn title(form: &Form) -> String {
    format!("Correct {} before it is sent to {}", form.form.record.shown(), form.form.destination_connection)
}

fn kind_word(sends: Sends) -> &'static str {
    match sends {
        Sends::Value(ValueKind::Text) => "text",
        Sends::Value(ValueKind::Json) => "JSON",
        Sends::Nothing => "not sent",
    }
}

/// The cells of the parts of a row.
struct Widths {
    name: usize,
    value: usize,
    kind: usize,
}

fn widths(form: &Form, room: usize) -> Widths {
    let longest = form.rows.iter().map(|row| row.field.field.chars().count()).max().unwrap_or(0);
    let name = longest.clamp(8, 22);
    let kind = 9;
    let value = if room >= 90 { 38 } else { room.saturating_sub(name + kind + 6) };
    Widths { name, value, kind }
}

fn draw_fields(form: &Form, app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let changed = form.rows.iter().filter(|row| row.is_changed()).count() as u64;
    let right = format!("{} changed", counted(changed, "field", "fields"));
    let inner = inside(canvas.panel(area, &title(form), &right, true));
    let below = foot(form, app, canvas, usize::from(inner.width));
    let rows = usize::from(inner.height).saturating_sub(below.len());
    let room = usize::from(inner.width);
    let widths = widths(form, room);
    let mut lines: Vec<Line> = Vec::new();
    let mut cursor = None;
    let mut selected = (0, 0);
    for (at, row) in form.rows.iter().enumerate() {
        let is_selected = at == form.selected;
        let from = lines.len();
        let (line, cell) = row_line(row, is_selected, canvas, &widths);
        let problem = row.field.problem.as_ref().map(|problem| hidden_in(problem, row));
        let beside = room.saturating_sub(line.width() + 2);
        match problem {
            Some(problem) if beside >= 24 => {
                lines.push(line.say(" ").tone("✗ ", Tone::Fail).within(&problem, beside, Tone::Fail));
            }
            Some(problem) => {
                lines.push(line);
                lines.push(canvas.line().tone("      ✗ ", Tone::Fail).within(
                    &problem,
                    room.saturating_sub(8),
                    Tone::Fail,
                ));
            }
            None => lines.push(line),
        }
        if is_selected {
            cursor = cell.map(|cell| (from, cell));
            selected = (from, lines.len());
        }
    }
    lines.push(canvas.line());
    let is_selected = form.selected >= form.rows.len();
    let (why, cell) = field(canvas, "   Why (kept in the journal): ", &form.reason, is_selected, 40);
    lines.push(why);
    if is_selected {
        cursor = Some((lines.len() - 1, cell));
        selected = (lines.len() - 1, lines.len());
    }
    let skipped = selected.1.saturating_sub(rows).min(lines.len().saturating_sub(rows));
    let body = Rect { height: u16::try_from(rows).unwrap_or(inner.height), ..inner };
    canvas.put_all(body, &lines[skipped..]);
    canvas.put_all(Rect { y: body.bottom(), height: inner.height - body.height, ..inner }, &below);
    if let Some((line, cell)) = cursor {
        let cell = u16::try_from(cell).unwrap_or(u16::MAX).min(inner.width.saturating_sub(1));
        let line = u16::try_from(line.saturating_sub(skipped)).unwrap_or(0);
        canvas.cursor = Some(Position::new(inner.x + cell, inner.y + line));
    }
}

/// A row, and where the cursor stands in it.
fn row_line(row: &Row, is_selected: bool, canvas: &Canvas<'_>, widths: &Widths) -> (Line, Option<usize>) {
    let sign = match (row.field.problem.is_some(), row.is_changed()) {
        (_, true) => ("~ ", Tone::Pause),
        (true, false) => ("✗ ", Tone::Fail),
        (false, false) => ("  ", Tone::Plain),
    };
    let lead = if is_selected { canvas.line().tone("»", Tone::Bold) } else { canvas.line().say(" ") };
    let name_tone = if is_selected { Tone::Bold } else { Tone::Plain };
    let lead = lead.tone(sign.0, sign.1).within(&row.field.field, widths.name, name_tone).to(widths.name + 4);
    let start = lead.width();
    let kind = |line: Line| {
        line.to(start + widths.value + 1).dim(kind_word(row.sends)).to(start + widths.value + 1 + widths.kind)
    };
    if row.is_hidden {
        return (kind(lead.say(HIDDEN)), None);
    }
    if row.sends == Sends::Nothing {
        return (kind(lead.dim("—")), is_selected.then_some(start));
    }
    if !is_selected || row.locked.is_some() {
        let tone = if row.locked.is_some() { Tone::Dim } else { Tone::Plain };
        return (kind(lead.within(row.input.value(), widths.value, tone)), None);
    }
    let (typed, cell) = field(canvas, "", &row.input, true, widths.value.saturating_sub(2));
    (kind(lead.and(typed)), Some(start + cell))
}

/// A complaint likes to quote the value that it is about.
fn hidden_in(problem: &str, row: &Row) -> String {
    if !row.is_hidden {
        return problem.to_owned();
    }
    let values = [&row.field.source, &row.field.original, &row.field.value];
    let mut text = problem.to_owned();
    for value in values.into_iter().flatten() {
        let value = ValueKind::of(value).shown(value);
        if value.len() >= 4 {
            text = text.replace(value.as_str(), HIDDEN);
        }
    }
    text
}

/// What is said below the fields: of the selected one, the rule of values, the problem, the keys.
fn foot(form: &Form, app: &App, canvas: &Canvas<'_>, room: usize) -> Vec<Line> {
    let mut lines = vec![canvas.line()];
    if let Some(row) = form.rows.get(form.selected) {
        let line = canvas.line().dim(format!("{} says ", form.form.source_connection));
        lines.push(match &row.field.source {
            _ if row.is_hidden => line.say(HIDDEN),
            Some(source) => line.within(source.as_str(), room.saturating_sub(24), Tone::Plain),
            None => line.dim("nothing of it"),
        });
        if let Some(why) = &row.locked {
            lines.push(canvas.line().dim(format!("not editable here: {why}")));
        }
    }
    if let Some(offered) = &form.form.offered {
        let text = format!(
            "filled in from the correction of {} by {}; nothing is sent before you saw it",
            moment(offered.at, app.now),
            offered.by
        );
        lines.push(canvas.line().tone(text, Tone::Ok));
    }
    if app.size.1 >= 20 {
        let rule =
            "A text stays a text, whatever is typed. Where it says JSON, type 12, true, null, \"text\", [..] or {..}.";
        lines.extend(wrapped(rule, room).iter().map(|line| canvas.line().dim(line)));
    }
    if let Some(problem) = &form.problem {
        lines.push(canvas.line().tone(format!("✗ {problem}"), Tone::Fail));
    }
    if form.is_saving {
        lines.push(canvas.line().say("saving…"));
    }
    lines
}

fn draw_review(form: &Form, changes: &[FieldChange], app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let right = counted(changes.len() as u64, "field", "fields");
    let inner = inside(canvas.panel(area, "Your change", &right, true));
    let room = usize::from(inner.width);
    let mut lines = Vec::new();
    let back = form.rows.iter().filter(|row| {
        row.field.value != row.field.original && !changes.iter().any(|change| change.field == row.field.field)
    });
    let back = back.map(|row| FieldChange { field: row.field.field.clone(), value: row.field.original.clone() });
    for change in changes.iter().cloned().chain(back) {
        let row = form.rows.iter().find(|row| row.field.field == change.field);
        let is_hidden = row.is_some_and(|row| row.is_hidden);
        let shown = |value: Option<&crate::model::RawJson>| match value {
            Some(_) if is_hidden => format!("\"{HIDDEN}\""),
            Some(value) => value.as_str().to_owned(),
            None => "(not sent)".to_owned(),
        };
        let was = row.and_then(|row| row.field.value.as_ref());
        let refused = row.and_then(|row| row.field.source.as_ref()).filter(|_| was.is_none());
        lines.push(canvas.line().bold(format!("  {}", change.field)));
        let before = match refused {
            Some(source) if !is_hidden => format!("{} (refused by the map)", source.as_str()),
            _ => shown(was),
        };
        lines.push(canvas.line().tone("  - ", Tone::Fail).within(&before, room.saturating_sub(6), Tone::Fail));
        lines.push(canvas.line().tone("  + ", Tone::Ok).within(
            &shown(change.value.as_ref()),
            room.saturating_sub(6),
            Tone::Ok,
        ));
    }
    lines.push(canvas.line());
    let source = &form.form.source_connection;
    let text = format!(
        "It goes with this record's delivery. What {source} changes in such a field before then is newer, and is sent as {source} says it. If {source} sends the same bad value again later, the correction is offered, not applied."
    );
    let mut notes: Vec<Line> = wrapped(&text, room).iter().map(|line| canvas.line().dim(line)).collect();
    notes.push(canvas.line().dim("Recorded: who, when, why, before and after."));
    let reason = form.reason.value().trim();
    if !reason.is_empty() {
        notes.push(canvas.line().dim("why  ").within(reason, room.saturating_sub(6), Tone::Plain));
    }
    let buttons = canvas
        .line()
        .key(key_of(app, crate::tui::action::Action::Yes))
        .say(" save and retry now   ")
        .key(key_of(app, crate::tui::action::Action::SaveOnly))
        .say(" save only   ")
        .key(key_of(app, crate::tui::action::Action::EditAgain))
        .say(" edit again   ")
        .key("Esc")
        .say(" throw away");
    let rows = usize::from(inner.height).saturating_sub(2);
    if lines.len() > rows {
        lines.truncate(rows.saturating_sub(1));
        lines.push(canvas.line().dim("  … (a taller window shows all)"));
    }
    notes.truncate(rows.saturating_sub(lines.len()));
    lines.extend(notes);
    canvas.put_all(Rect { height: inner.height.saturating_sub(1), ..inner }, &lines);
    let last = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
    let saving = canvas.line().say("saving…");
    canvas.put(last, if form.is_saving { &saving } else { &buttons });
    canvas.cursor = Some(Position::new(last.x, last.y));
}

fn key_of(app: &App, action: crate::tui::action::Action) -> String {
    let context = crate::tui::keymap::Context::EditReview;
    app.settings.keymap.labels(&[context], action).into_iter().next().unwrap_or_default()
}

fn draw_broken(form: &Form, text: &str, why: &str, place: Option<(usize, usize)>, canvas: &mut Canvas<'_>, area: Rect) {
    let inner = inside(canvas.panel(area, &title(form), "nothing was changed", true));
    let room = usize::from(inner.width);
    let mut lines = Vec::new();
    let head = match place {
        Some((line, column)) => format!("✗ not valid JSON: line {line} column {column}: {why}"),
        None => format!("✗ {why}"),
    };
    lines.extend(wrapped(&head, room).iter().map(|line| canvas.line().tone(line, Tone::Fail)));
    lines.push(canvas.line());
    if let Some((line, column)) = place {
        let from = line.saturating_sub(AROUND + 1);
        for (at, content) in text.lines().enumerate().skip(from).take(2 * AROUND + 1) {
            let number = format!("{:>6} | ", at + 1);
            lines.push(canvas.line().dim(&number).within(content, room.saturating_sub(9), Tone::Plain));
            if at + 1 == line {
                let before: String = content.chars().take(column.saturating_sub(1)).collect();
                let cells = crate::tui::text::visible(&before, canvas.theme.symbols).width();
                let caret = format!("{}^ {why}", " ".repeat(cells.min(room.saturating_sub(12))));
                lines.push(canvas.line().dim("       | ").tone(caret, Tone::Fail));
            }
        }
        lines.push(canvas.line());
    }
    lines.push(canvas.line().dim("Your text is kept: it can be edited again."));
    let locked: Vec<&str> =
        form.rows.iter().filter(|row| row.field.locked.is_some()).map(|row| row.field.field.as_str()).collect();
    if !locked.is_empty() {
        let text = format!("Not editable here: {} (they decide which record is written).", locked.join(", "));
        lines.push(canvas.line());
        lines.extend(wrapped(&text, room).iter().map(|line| canvas.line().dim(line)));
    }
    canvas.put_all(inner, &lines);
    canvas.cursor = Some(Position::new(inner.x, inner.y));
}
