//! How far back the charts of throughput go: five minutes to a day, and never further than was counted.

use super::action::Action;
use super::app::{App, Purpose};
use super::screens::Screen;
use super::text::{short, span};
use super::widgets::{Canvas, chart};
use crate::control::Request;
use crate::model::{History, HistoryMark, JobId, RATE_BUCKET_SECONDS, Timestamp};
use ratatui::layout::Rect;
use std::time::Duration;

/// Minutes that a chart can go back; up to the second the snapshot itself has the figures.
const BACK: [u64; 5] = [5, 15, 60, 360, 1_440];
/// The usual one.
const USUAL: usize = 1;
/// Beyond 15 minutes whole minutes are charted, so that they are asked for no more often.
const ASK_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct State {
    at: usize,
    /// Of the job, or of all jobs, and when it was asked for.
    history: Option<(Option<JobId>, History)>,
    asked: Option<(Option<JobId>, Timestamp)>,
}

impl Default for State {
    fn default() -> Self {
        Self { at: USUAL, history: None, asked: None }
    }
}

/// The job whose chart is on the screen; none of a screen without one.
fn subject(app: &App) -> Option<Option<JobId>> {
    match app.screen {
        Screen::Jobs => Some(None),
        Screen::Job => app.job.id.clone().map(Some),
        _ => None,
    }
}

pub fn act(app: &mut App, action: Action) {
    let to = if action == Action::ZoomOut { Some(app.zoom.at + 1) } else { app.zoom.at.checked_sub(1) };
    match to.filter(|to| *to < BACK.len()) {
        Some(to) => {
            app.zoom.at = to;
            app.note(format!("the chart goes back {}", span(Duration::from_secs(BACK[to] * 60))));
            keep_fresh(app);
        }
        None if action == Action::ZoomOut => app.note("a day is as far back as it goes"),
        None => app.note("five minutes is the shortest"),
    }
}

/// Asks for the minutes where the chart needs them and has none of the last minute.
pub fn keep_fresh(app: &mut App) {
    let Some(subject) = subject(app).filter(|_| app.zoom.at > USUAL) else { return };
    let is_fresh = app.zoom.asked.as_ref().is_some_and(|(of, at)| *of == subject && app.now.since(*at) < ASK_EVERY);
    if !is_fresh {
        app.zoom.asked = Some((subject.clone(), app.now));
        app.ask(Purpose::History(subject.clone()), Request::History { job: subject });
    }
}

pub fn came(app: &mut App, job: Option<JobId>, history: History) {
    app.zoom.history = Some((job, history));
}

/// A chart with its scale: how long it goes back, its peak, what happened, and the rate of now.
pub fn draw(app: &App, canvas: &mut Canvas<'_>, area: Rect, title: &str, recent: &[u32], now: f64, mode: &str) {
    let zoom = &app.zoom;
    let of_minutes = zoom.history.as_ref().filter(|(job, _)| zoom.at > USUAL && subject(app).as_ref() == Some(job));
    let (values, each, marks): (&[u32], u64, &[HistoryMark]) = match (zoom.at > USUAL, of_minutes) {
        (true, Some((_, history))) => (&history.minutes, 60, &history.marks),
        (true, None) => (&[], 60, &[]),
        (false, _) => (recent, RATE_BUCKET_SECONDS, &[]),
    };
    let n = usize::try_from(BACK[zoom.at] * 60 / each).unwrap_or(usize::MAX);
    let values = &values[values.len().saturating_sub(n)..];
    let back = Duration::from_secs(values.len() as u64 * each);
    let per_bar: u32 = if each == 60 { 60 } else { 1 };
    // The last bar is the rate of now, which no figure of the past holds yet.
    let mut bars = values[values.len().saturating_sub(n.saturating_sub(1))..].to_vec();
    if !bars.is_empty() {
        bars.push((now * f64::from(per_bar)).round() as u32);
    }
    let peak = u64::from(bars.iter().copied().max().unwrap_or(0)) / u64::from(per_bar);
    let wanted = Duration::from_secs(BACK[zoom.at] * 60);
    // What was not counted is not drawn: an engine that started an hour ago has an hour.
    let reach = if back < wanted && each == 60 { format!("{} of {}", span(back), span(wanted)) } else { span(back) };
    let right = format!("{mode}{reach} · peak {} rec/s", short(peak));
    let inner = canvas.panel(area, title, &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let (columns, below) = super::geometry::top(inner, inner.height.saturating_sub(1));
    chart(canvas, columns, &bars);
    if values.is_empty() {
        canvas.put(columns, &canvas.line().dim("nothing counted yet"));
    } else {
        canvas.put(below, &canvas.line().dim(format!("-{}", span(back))));
    }
    let used = canvas.put_right(below, &canvas.line().bold(super::text::rate(now)).say(" rec/s now"));
    if let (Some((_, history)), false) = (of_minutes, values.is_empty()) {
        draw_marks(
            canvas,
            Rect { width: below.width.saturating_sub(used + 1), ..below },
            inner.width,
            marks,
            history.until,
            back,
        );
    }
}

/// What happened, below where it happened, the newest first where two would overlap.
fn draw_marks(
    canvas: &mut Canvas<'_>,
    area: Rect,
    width: u16,
    marks: &[HistoryMark],
    until: Timestamp,
    back: Duration,
) {
    let mut free_to = area.right();
    let first = area.x + 8;
    for mark in marks.iter().rev() {
        let ago = until.since(mark.at);
        if ago > back || back.is_zero() {
            continue;
        }
        let share = 1.0 - ago.as_secs_f64() / back.as_secs_f64();
        let x = area.x + (share * f64::from(width.saturating_sub(1))) as u16;
        let line = canvas.line().say("↑").dim(mark.what.word());
        let end = x.saturating_add(u16::try_from(line.width()).unwrap_or(u16::MAX)).saturating_add(1);
        if first <= x && end <= free_to {
            canvas.put(Rect { x, y: area.y, width: end - x, height: area.height.min(1) }, &line);
            free_to = x;
        }
    }
}
