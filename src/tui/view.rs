//! Draws the console: header, tabs, the screen, messages, hints, and what lies over them. Changes nothing.

use super::action::Action;
use super::app::{App, MessageKind};
use super::attached;
use super::bars;
use super::geometry::{self, regions};
use super::overlays;
use super::screens::{self, Screen};
use super::text::{grouped, span, started};
use super::theme::Tone;
use super::toasts;
use super::which_key;
use super::widgets::{Canvas, Hit, Line};
use crate::control::Attachment;
use crate::model::JobState;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

/// Draws one frame; returns where the terminal's cursor goes.
pub fn view(app: &App, buffer: &mut Buffer) -> Option<Position> {
    drawn(app, buffer).cursor
}

/// What lies at a cell of the frame that would be drawn now, the topmost last.
pub(super) fn hits_at(app: &App, position: Position) -> Vec<Hit> {
    let (width, height) = app.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let hits = drawn(app, &mut buffer).into_hits();
    hits.into_iter().filter(|(area, _)| area.contains(position)).map(|(_, hit)| hit).collect()
}

/// The selected line as it stands on the screen.
pub(super) fn selected_line(app: &App) -> Option<String> {
    let (width, height) = app.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let hits = drawn(app, &mut buffer).into_hits();
    let (area, _) = hits.into_iter().rfind(|(_, hit)| *hit == Hit::Row(0))?;
    let cells = area.columns().filter_map(|column| buffer.cell((column.x, column.y)));
    let text: String = cells.map(|cell| cell.symbol()).collect();
    Some(text.trim_start_matches(['»', '■', '>', '*', ' ']).trim_end().to_owned())
}

fn drawn<'b>(app: &App, buffer: &'b mut Buffer) -> Canvas<'b> {
    let mut canvas = Canvas::new(buffer, app.theme);
    if geometry::is_too_small(app.size) {
        draw_refusal(app, &mut canvas);
        return canvas;
    }
    let regions = regions(app);
    draw_header(app, &mut canvas, regions.header);
    bars::draw_tabs(app, &mut canvas, regions.tabs);
    screens::draw(app, &mut canvas, regions.body);
    draw_crumb(app, &mut canvas, regions.crumb);
    if !app.attachment.is_there() {
        canvas.fade();
        draw_header(app, &mut canvas, regions.header);
    }
    toasts::draw(app, &mut canvas);
    draw_message(app, &mut canvas, regions.message);
    which_key::draw(app, &mut canvas);
    overlays::draw(app, &mut canvas);
    bars::draw_hints(app, &mut canvas, regions.hints);
    canvas
}

/// Jobs by what they do, as the header counts them.
struct Tally {
    running: usize,
    waiting: usize,
    paused: usize,
    failed: usize,
}

fn tally(app: &App) -> Tally {
    let count = |wanted: fn(&JobState) -> bool| app.jobs().iter().filter(|job| wanted(&job.state)).count();
    Tally {
        running: count(|state| matches!(state, JobState::Running)),
        waiting: count(|state| matches!(state, JobState::Waiting { .. })),
        paused: count(|state| matches!(state, JobState::Paused { .. } | JobState::Pausing)),
        failed: count(|state| matches!(state, JobState::NeedsAttention { .. } | JobState::Stalled { .. })),
    }
}

fn tally_line(app: &App, line: Line, is_wide: bool) -> Line {
    let tally = tally(app);
    let word = |word: &'static str| if is_wide { word } else { "" };
    let parts = [
        ("▸", tally.running, word(" run"), Tone::Run),
        ("↻", tally.waiting, word(" wait"), Tone::Wait),
        ("‖", tally.paused, word(" pause"), Tone::Pause),
        ("✗", tally.failed, word(" look"), Tone::Fail),
    ];
    let mut line = line;
    for (sign, n, word, tone) in parts {
        if n > 0 || (sign == "▸" && is_wide) {
            line = line.tone(format!("{sign}{n}{word}"), if n > 0 { tone } else { Tone::Dim }).say(" ");
        }
    }
    let dead = app.dead_waiting();
    if dead > 0 { line.tone(format!(" dead {}", grouped(dead)), Tone::Warn) } else { line.dim(" dead 0") }
}

fn draw_header(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(snapshot) = &app.snapshot else {
        return canvas.put(area, &canvas.line().bold(" syncdeck").say("   asking the engine…"));
    };
    let is_wide = area.width >= geometry::WIDE;
    let engine = &snapshot.engine;
    // Over an idle engine nothing on the screen moves, so nothing is drawn: no clock, and the moment of the start for the
    // time since then.
    let is_still = app.is_still();
    let clock = if is_still { "  idle ".to_owned() } else { format!("  {}Z ", snapshot.at.clock_text()) };
    let right = tally_line(app, canvas.line(), is_wide).say(clock);
    let used = canvas.put_right(area, &right);
    let owner = match (app.is_engine_gone || !engine.is_running, engine.is_demo) {
        (true, _) => "engine stopped".to_owned(),
        (false, true) => "demo".to_owned(),
        (false, false) => "this process".to_owned(),
    };
    let up = match is_still {
        true => format!(", since {}Z", started(engine.started_at, snapshot.at)),
        false => format!(", up {}", span(snapshot.at.since(engine.started_at))),
    };
    let elsewhere = attached::owner(app, canvas.line(), is_wide);
    // On a narrow screen what must always be seen comes before the names.
    let is_short = area.width < 80 && (app.settings.is_read_only || elsewhere.is_some());
    let mut line = if is_short { canvas.line().say(" ") } else { canvas.line().bold(" syncdeck").say("  ") };
    // That nothing can be changed in a bundle needs no second word.
    if app.settings.is_read_only && !matches!(app.attachment, Attachment::Bundle(_)) {
        line = line.tone("READ-ONLY", Tone::Warn).say("  ");
    }
    line = match elsewhere {
        Some(elsewhere) if is_wide => line.within(&engine.workspace, 30, Tone::Bold).say("  ").and(elsewhere),
        Some(elsewhere) => line.and(elsewhere).say("  ").within(&engine.workspace, 30, Tone::Bold),
        None => {
            let line = line.within(&engine.workspace, 30, Tone::Bold).say("  ");
            let line = line.tone(owner, if app.is_engine_gone { Tone::Fail } else { Tone::Plain });
            if is_wide { line.say(up) } else { line }
        }
    };
    canvas.put(Rect { width: area.width.saturating_sub(used + 1), ..area }, &line);
}

fn draw_crumb(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    if let Some(typing) = &app.typing {
        let (line, cursor) =
            overlays::field(canvas, if typing.is_find { " find " } else { " / " }, &typing.input, true, 60);
        let line = match &typing.error {
            Some(error) => line.tone(format!("   ✗ {error}"), Tone::Fail),
            None => ways_on(app, line, usize::from(area.width)),
        };
        canvas.put(area, &line);
        canvas.cursor = Some(Position::new(area.x + cursor as u16, area.y));
        return;
    }
    let line = canvas.line();
    let line = match app.screen {
        Screen::Job => screens::job::crumb(app, line),
        Screen::Customer => screens::customer::crumb(app, line),
        Screen::Letters => screens::letters::crumb(app, line),
        Screen::Checkpoints => screens::checkpoints::crumb(app, line),
        Screen::Runs => screens::runs::crumb(app, line),
        Screen::Logs => screens::logs::crumb(app, line),
        Screen::Why => screens::why::crumb(app, line),
        Screen::Connections => screens::connections::crumb(app, line),
        Screen::Conflicts => line,
        Screen::Jobs | Screen::Dead => match screens::filter_text(app).map(str::trim) {
            Some(text) if !text.is_empty() => line.dim(" / ").within(text, 70, Tone::Bold).dim("   (Esc clears)"),
            _ => line.dim(format!(" waiting and being retried, all jobs   ({} filters)", app.key(Action::Filter))),
        },
    };
    canvas.put(area, &line);
}

/// What can follow in a filter, as much of it as there is room for.
fn ways_on(app: &App, line: Line, room: usize) -> Line {
    let ways = super::filters::ways_on(app);
    let mut line = line.dim("   ");
    for (at, way) in ways.iter().enumerate() {
        let next = Line::new(app.theme).dim(" ").within(&way.label, 30, if at == 0 { Tone::Plain } else { Tone::Dim });
        if line.width() + next.width() + 2 > room {
            return line.dim(" …");
        }
        line = line.and(next);
    }
    line
}

fn draw_message(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(banner) = attached::banner(app, canvas.line().say(" ")) {
        let banner = match &app.line {
            Some((message, _)) => banner.say("   ").say(&message.text),
            None => banner,
        };
        return canvas.put(area, &banner);
    }
    let store_error = app.snapshot.as_ref().and_then(|snapshot| snapshot.engine.store_error.as_ref());
    if let Some(error) = store_error {
        let line =
            canvas.line().say(" ").tone(format!("✗ nothing moves: the state can not be saved: {error}"), Tone::Fail);
        return canvas.put(area, &line);
    }
    let line = match (&app.line, new_words(app)) {
        (Some((message, _)), _) => {
            let (sign, tone) = message.kind.sign();
            let line = canvas.line().say(" ").tone(sign, tone);
            let line =
                if message.kind == MessageKind::Done { line.dim(message.at.clock_text()).say(" ") } else { line };
            let line = line.say(&message.text);
            let can_undo = app.undo.as_ref().is_some_and(|undo| undo.text == message.text);
            if can_undo { line.say("   [").key(app.key(Action::Undo)).say(" undo]") } else { line }
        }
        (None, Some(words)) => canvas.line().say(" ").tone(words, Tone::Warn),
        (None, None) => return,
    };
    canvas.put(area, &line);
}

fn new_words(app: &App) -> Option<String> {
    match app.screen {
        Screen::Dead => screens::dead::new_words(app),
        Screen::Letters => screens::letters::new_words(app),
        Screen::Checkpoints => screens::checkpoints::new_words(app),
        Screen::Runs => screens::runs::new_words(app),
        Screen::Logs => screens::logs::new_words(app),
        Screen::Jobs | Screen::Job | Screen::Customer | Screen::Conflicts | Screen::Connections | Screen::Why => None,
    }
}

/// What is shown where there is no room for more. The engine goes on all the same.
fn draw_refusal(app: &App, canvas: &mut Canvas<'_>) {
    let (width, height) = app.size;
    let (least_width, least_height) = geometry::LEAST;
    let quit = match app.interrupted_at {
        Some(_) => canvas.line().say(" ").key(app.key(Action::Quit)).say(" again stops the jobs and quits"),
        None => canvas.line().say(" jobs go on.  ").key(app.key(Action::Quit)).say(" quit"),
    };
    let lines = [
        canvas.line(),
        canvas.line().bold(" syncdeck needs a bit more room"),
        canvas.line(),
        canvas.line().say(format!(" now {width} x {height}   needs {least_width} x {least_height} (best 120 x 36)")),
        canvas.line(),
        tally_line(app, canvas.line().say(" "), true),
        canvas.line(),
        quit,
    ];
    let area = canvas.area();
    // On the lowest screens empty lines are a luxury.
    if usize::from(area.height) < lines.len() {
        let lines: Vec<Line> = lines.into_iter().filter(|line| line.width() > 0).collect();
        canvas.put_all(area, &lines);
    } else {
        canvas.put_all(area, &lines);
    }
}
