//! How the answer to why is drawn.

use super::{PANES, is_asking_live};
use crate::model::{FieldNow, MatchedBy, Mend, RungMark, Tenor, Why};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::keymap::{Context, label};
use crate::tui::overlays;
use crate::tui::text::{moment, visible, visible_value, visible_within, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Hit, Line, table};
use ratatui::layout::{Position, Rect};

const HIDDEN: &str = "••••";
/// Values shorter than this are too common to be searched for in other text.
const MASKED_MIN: usize = 4;
/// Rows of an answer's words, at most.
const WORDS_MAX: u16 = 9;
/// Of foreign text no more is looked at than a screen could show.
const TEXT_MAX: usize = 1_000;

pub(super) struct Layout {
    input: Rect,
    answer: Rect,
    findings: Rect,
    pub(super) story: Rect,
    pub(super) fields: Rect,
}

pub(super) fn layout(app: &App, body: Rect) -> Layout {
    let none = Rect { width: 0, height: 0, ..body };
    if app.why.is_zoomed {
        let place = |at: usize| if app.why.pane == at { body } else { none };
        return Layout { input: none, answer: none, findings: place(0), story: place(1), fields: place(2) };
    }
    let (input, rest) = geometry::top(body, if body.height >= 17 { 3 } else { 1 });
    let words = words(app, usize::from(body.width.saturating_sub(6))).len() as u16;
    let is_roomy = rest.height >= 16;
    // Borders, words, an empty line where there is room, the keys.
    let wanted = 3 + words.clamp(1, WORDS_MAX) + u16::from(is_roomy);
    let (answer, rest) = geometry::top(rest, wanted.min((rest.height * 3 / 5).max(4)));
    if is_wide(app) {
        let has_fields = app.why.why().is_some_and(|why| !why.fields.is_empty());
        let (upper, fields) = match has_fields {
            true => geometry::top(rest, (rest.height * 3 / 5).clamp(11, 14).min(rest.height)),
            false => (rest, none),
        };
        let (findings, story) = geometry::left(upper, upper.width * 62 / 100);
        return Layout { input, answer, findings, story, fields };
    }
    let place = |at: usize| if app.why.pane == at { rest } else { none };
    Layout { input, answer, findings: place(0), story: place(1), fields: place(2) }
}

/// There is room for the panes side by side.
fn is_wide(app: &App) -> bool {
    app.size.0 >= WIDE && app.size.1 >= TALL
}

/// `text` without the values of redacted fields.
pub(super) fn masked(app: &App, why: &Why, text: &str) -> String {
    let hidden = why.fields.iter().filter(|field| is_hidden(app, &field.field));
    let values = hidden.flat_map(|field| [&field.source, &field.written, &field.destination]).flatten();
    let mut values: Vec<&str> = values.map(|value| value.trim()).filter(|value| value.len() >= MASKED_MIN).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.iter().fold(text.to_owned(), |text, value| text.replace(value, HIDDEN))
}

fn is_hidden(app: &App, field: &str) -> bool {
    !app.why.is_revealed && app.is_redacted(field)
}

fn sign(tenor: Tenor) -> (&'static str, Tone) {
    match tenor {
        Tenor::There => ("✓ ", Tone::Ok),
        Tenor::Coming => ("↻ ", Tone::Wait),
        Tenor::RightlyNot => ("- ", Tone::Plain),
        Tenor::NeedsPerson => ("✗ ", Tone::Fail),
        Tenor::Unknown => ("? ", Tone::Warn),
    }
}

/// The answer's words in lines, with the tone of each: the sentence, then what happens by itself.
fn words(app: &App, width: usize) -> Vec<(String, Tone)> {
    let Some(why) = app.why.why() else { return vec![(String::new(), Tone::Plain)] };
    let lines = |text: &str, tone: Tone| {
        let shown = visible_within(&masked(app, why, text), TEXT_MAX, app.theme.symbols);
        let text = wrapped(shown.as_str(), width.max(10));
        // A word that is longer than the line (an id) is broken.
        let parts = text.into_iter().flat_map(move |line| visible(&line, app.theme.symbols).wrapped(width.max(10)));
        parts.map(|part| (part.as_str().to_owned(), tone)).collect::<Vec<_>>()
    };
    let mut words = lines(&why.sentence, Tone::Bold);
    words.extend(lines(&why.outlook, Tone::Plain));
    words
}

pub fn crumb(app: &App, line: Line) -> Line {
    let state = &app.why;
    let Some(why) = state.why() else {
        return match &state.job {
            Some(job) => line.dim(" of ").within(job.as_str(), 40, Tone::Bold),
            None => line.dim(" in all jobs"),
        };
    };
    let line = line.say(" Why › ").within(why.job.as_str(), 30, Tone::Plain).say(" › ").id(&why.record.shown(), 30);
    let line = match &why.matched_by {
        MatchedBy::SourceId => line,
        MatchedBy::DestinationId => line.dim("   found by its id at the destination"),
        MatchedBy::Field(field) => line.dim("   found by ").within(field, 20, Tone::Plain),
        MatchedBy::Nothing => line.dim("   no job knows it"),
    };
    let n = state.answer.as_ref().map_or(0, |answer| answer.answers.len());
    if n < 2 {
        return line;
    }
    let keys = format!("{} {}", app.key(Action::Previous), app.key(Action::Next));
    line.say(format!("   {} of {n} ", state.shown + 1)).dim(format!("({keys} the others)"))
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_input(app, canvas, layout.input);
    draw_answer(app, canvas, layout.answer);
    draw_findings(app, canvas, layout.findings);
    draw_story(app, canvas, layout.story);
    draw_fields(app, canvas, layout.fields);
}

fn draw_input(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.why;
    let title = if area.width >= WIDE {
        "Which record?  its id at either side, or a searchable field"
    } else {
        "Which record?"
    };
    let inner = if area.height >= 3 { canvas.panel(area, title, "", state.is_typing) } else { area };
    let label = if area.height >= 3 { " " } else { " record " };
    if state.is_typing {
        let cells = usize::from(inner.width).saturating_sub(12);
        let (line, cursor) = overlays::field(canvas, label, &state.input, true, cells);
        canvas.put(inner, &line);
        canvas.cursor = Some(Position::new(inner.x + u16::try_from(cursor).unwrap_or(0), inner.y));
        return;
    }
    let typed = state.answer.as_ref().map_or_else(|| state.input.value(), |answer| answer.key.as_str());
    let hint = format!("{} another ", app.key(Action::Why));
    let used = canvas.put_right(inner, &canvas.line().dim(hint));
    let room = Rect { width: inner.width.saturating_sub(used + 1), ..inner };
    canvas.put(room, &canvas.line().say(label).within(typed, usize::from(room.width), Tone::Plain));
}

/// A key of the table as it is bound now.
fn key_now(app: &App, key: &str) -> String {
    let keymap = &app.settings.keymap;
    let bound = [Context::Why, Context::Everywhere].into_iter().find_map(|context| keymap.instead_of(context, key));
    bound.map_or_else(|| label(key), |(_, key)| key)
}

/// The key of `action` while a record's id is typed.
fn lookup_key(app: &App, action: Action) -> String {
    app.settings.keymap.labels(&[Context::Lookup], action).into_iter().next().unwrap_or_default()
}

fn draw_answer(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.why;
    let right = match (is_asking_live(app), &state.answer) {
        (true, _) => "asking both systems…".to_owned(),
        (false, Some(answer)) if answer.is_live => format!("both systems asked {}", answer.at.clock_text()),
        (false, Some(answer)) => format!("looked up {}", answer.at.clock_text()),
        (false, None) => String::new(),
    };
    let inner = canvas.panel(area, "Answer", &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(why) = state.why() else {
        let line = match &state.problem {
            Some(problem) => canvas.line().tone(format!("✗ {problem}"), Tone::Fail),
            None if state.answer.is_some() => canvas.line().say("There is no job that could know it."),
            None if state.is_typing => {
                let text = match state.history.is_empty() {
                    true => format!(
                        "Type or paste an id and press {}: you are told why that record is, or is not, there.",
                        lookup_key(app, Action::Accept)
                    ),
                    false => format!(
                        "{} looks it up, {} brings back what was looked up before.",
                        lookup_key(app, Action::Accept),
                        lookup_key(app, Action::Up)
                    ),
                };
                let lines = wrapped(&text, usize::from(inner.width)).into_iter().map(|line| canvas.line().dim(line));
                return canvas.put_all(inner, &lines.collect::<Vec<_>>());
            }
            None => canvas.line().say("asking the engine…"),
        };
        return canvas.put(inner, &line);
    };
    let words = words(app, usize::from(inner.width.saturating_sub(2)));
    let room = usize::from(inner.height.saturating_sub(1));
    let (sign, tone) = sign(why.tenor);
    let mut lines: Vec<Line> = Vec::new();
    for (at, (text, word_tone)) in words.iter().take(room).enumerate() {
        let start = if at == 0 { canvas.line().tone(sign, tone) } else { canvas.line().say("  ") };
        lines.push(start.tone(text, *word_tone));
    }
    canvas.put_all(inner, &lines);
    let last = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
    canvas.put(last, &next_line(app, canvas, why, usize::from(inner.width)));
}

/// What mends it, by key; then what else can be done with the answer.
fn next_line(app: &App, canvas: &Canvas<'_>, why: &Why, room: usize) -> Line {
    let copy = Mend { key: Some("y a".to_owned()), command: None, words: "copy this answer".to_owned() };
    let mut line = canvas.line().dim("  next: ");
    for mend in why.mends.iter().chain([&copy]) {
        // They are being asked, or were.
        let is_needless = |key: &str| key == "t" && app.why.is_live;
        let Some(key) = mend.key.as_ref().filter(|key| !is_needless(key)) else { continue };
        let part = canvas.line().key(key_now(app, key)).say(format!(" {}   ", mend.words));
        if line.width() + part.width() > room + 3 {
            break;
        }
        line = line.and(part);
    }
    line
}

fn mark_tone(mark: RungMark) -> Tone {
    match mark {
        RungMark::Yes => Tone::Ok,
        RungMark::No => Tone::Fail,
        RungMark::Nothing => Tone::Dim,
        RungMark::Unknown => Tone::Warn,
    }
}

/// The title of a pane on a screen that shows one of them, with the key to the others.
fn pane_hint(app: &App) -> String {
    // Side by side they need no way to each other.
    if is_wide(app) && !app.why.is_zoomed {
        return String::new();
    }
    format!("{}: {}", app.key(Action::NextPane), PANES[(app.why.pane + 1) % PANES.len()])
}

fn draw_findings(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height < 2 {
        return;
    }
    let is_focused = !app.why.is_typing && app.why.pane == 0;
    let inner = canvas.panel(area, "How we know", &pane_hint(app), is_focused);
    canvas.hit(area, Hit::Pane { is_focused });
    let Some(why) = app.why.why() else { return };
    let width = usize::from(inner.width).saturating_sub(19);
    let selected = app.why.findings.selected;
    // Each rung is a line, or more where its words need them.
    let mut rows: Vec<(usize, Line)> = Vec::new();
    for (number, rung) in why.rungs.iter().enumerate() {
        let text = format!("{}{}", masked(app, why, &rung.text), if rung.is_live { "  (live)" } else { "" });
        let shown = visible_within(&text, TEXT_MAX, canvas.theme.symbols);
        let is_here = is_focused && number == selected;
        // Words that do not fit are shown of the selected rung only, where there is little room.
        let is_short = usize::from(inner.height) < 2 * why.rungs.len();
        let parts: Vec<String> = wrapped(shown.as_str(), width.max(10));
        let parts = if is_short && !is_here { vec![shown.as_str().to_owned()] } else { parts };
        for (at, part) in parts.into_iter().enumerate() {
            let start = match at {
                0 => canvas
                    .line()
                    .say(if is_here { "»" } else { " " })
                    .say(format!("{} ", number + 1))
                    .tone(rung.mark.sign(), mark_tone(rung.mark))
                    .say(format!(" {}", rung.name)),
                _ => canvas.line(),
            };
            rows.push((number, start.to(18).say(part)));
        }
    }
    if !why.not_the_reason.is_empty() {
        rows.push((usize::MAX, canvas.line()));
        let text = format!("Not the reason: {}", why.not_the_reason.join(", "));
        rows.extend(
            wrapped(&text, usize::from(inner.width).saturating_sub(3))
                .into_iter()
                .map(|line| (usize::MAX, canvas.line().dim(format!(" {line}")))),
        );
    }
    let height = usize::from(inner.height);
    let last = rows.iter().rposition(|(number, _)| *number == selected).unwrap_or(0);
    let from = (last + 1).saturating_sub(height);
    for (row, (number, line)) in inner.rows().zip(rows.iter().skip(from)) {
        canvas.put(row, line);
        if *number == usize::MAX {
            continue;
        }
        canvas.hit(row, Hit::Row(*number as isize - selected as isize));
        if is_focused && *number == selected {
            canvas.tint(row, Tone::Selected);
            canvas.cursor.get_or_insert(Position::new(row.x, row.y));
        }
    }
}

fn draw_story(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height < 2 {
        return;
    }
    let is_focused = !app.why.is_typing && app.why.pane == 1;
    let inner = canvas.panel(area, "Its story", &pane_hint(app), is_focused);
    canvas.hit(area, Hit::Pane { is_focused });
    let Some(why) = app.why.why() else { return };
    if why.story.is_empty() {
        return canvas.put(inner, &canvas.line().dim(" nothing is remembered of it"));
    }
    let height = usize::from(inner.height);
    let newest = why.story.len().saturating_sub(height);
    let from = if is_focused { app.why.fields.offset.min(newest) } else { newest };
    let lines: Vec<Line> = why.story[from..]
        .iter()
        .map(|line| {
            let text = masked(app, why, &line.text);
            canvas.line().dim(format!(" {:<12} ", moment(line.at, app.now))).within(&text, TEXT_MAX, Tone::Plain)
        })
        .collect();
    canvas.put_all(inner, &lines);
}

fn draw_fields(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height < 2 {
        return;
    }
    let is_focused = !app.why.is_typing && app.why.pane == 2;
    let fields = app.why.why().map(|why| why.fields.as_slice()).unwrap_or_default();
    let n = fields.iter().filter(|field| field.differs).count();
    let hint = pane_hint(app);
    let right = match n {
        0 if fields.iter().all(|field| field.written.is_none() && field.destination.is_none()) => hint,
        // What the destination did not show can not be said to be the same.
        0 if fields.iter().all(|field| field.destination.is_none()) => "nothing to compare with".to_owned(),
        0 => "nothing differs".to_owned(),
        1 => "1 field differs".to_owned(),
        n => format!("{n} fields differ"),
    };
    let inner = canvas.panel(area, "Fields now", &right, is_focused);
    canvas.hit(area, Hit::Pane { is_focused });
    let Some(why) = app.why.why() else { return };
    if fields.is_empty() {
        let words = match (is_asking_live(app), app.why.is_live) {
            (true, _) => "asking both systems…".to_owned(),
            (false, true) => "neither system shows a field of it".to_owned(),
            (false, false) => format!("{} asks both systems for its fields", app.key(Action::Live)),
        };
        return canvas.put(inner, &canvas.line().dim(format!(" {words}")));
    }
    let (source, there) = (format!("{} NOW", why.source), format!("{} NOW", why.destination));
    let columns = [
        Column::text("FIELD", 8, 0),
        Column::text(&source, 12, 0),
        Column::text("LAST WRITTEN", 12, 1),
        Column::word("", 0),
        Column::text(&there, 12, 0),
    ];
    // What differs is what one looks for.
    let mut sorted: Vec<&FieldNow> = fields.iter().collect();
    sorted.sort_by_key(|field| !field.differs);
    let state = &app.why.fields;
    let window = if is_focused {
        state.window(sorted.len())
    } else {
        0..sorted.len().min(usize::from(inner.height.saturating_sub(1)))
    };
    let rows: Vec<Vec<Cell>> = sorted[window.clone()]
        .iter()
        .map(|field| {
            let value = |value: &Option<String>| match value {
                None => "—".to_owned(),
                Some(_) if is_hidden(app, &field.field) => HIDDEN.to_owned(),
                Some(value) if value.len() > 2_000 => {
                    visible_within(value, 120, canvas.theme.symbols).as_str().to_owned()
                }
                Some(value) => visible_value(value, canvas.theme.symbols).as_str().to_owned(),
            };
            let (sign, tone) = if field.differs { ("≠", Tone::Fail) } else { (" ", Tone::Plain) };
            vec![
                Cell::toned(field.field.clone(), if field.differs { Tone::Bold } else { Tone::Plain }),
                Cell::new(value(&field.source)),
                Cell::new(value(&field.written)),
                Cell::toned(sign, tone),
                Cell::new(value(&field.destination)),
            ]
        })
        .collect();
    let selected = state.selected.checked_sub(window.start).filter(|_| is_focused);
    table(canvas, inner, &columns, &rows, selected, &|_| false);
}
