//! One connection in full: its budget, who uses it, what went wrong last, and how it answers over time.

use super::connections::{circuit_word, health_sign};
use crate::model::{AnswerCounts, CALL_BUCKET_SECONDS, CALL_BUCKETS, Circuit, ConnectionStatus};
use crate::tui::action::Action;
use crate::tui::app::App;
use crate::tui::geometry;
use crate::tui::text::{counted, distance, grouped, moment, span};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line, bar, chart};
use ratatui::layout::Rect;
use std::time::Duration;

pub(super) fn draw_facts(app: &App, canvas: &mut Canvas<'_>, area: Rect, connection: &ConnectionStatus, right: &str) {
    if area.height == 0 {
        return;
    }
    let inner = canvas.panel(area, connection.id.as_str(), right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut lines = fact_lines(app, canvas, connection, usize::from(inner.width));
    if lines.len() + 1 < usize::from(inner.height) {
        lines.push(canvas.line());
        let release = if connection.held.is_some() { " release" } else { " hold" };
        let key = |line: Line, action: Action, words: &str| line.key(app.key(action)).say(format!(" {words}   "));
        let line = key(canvas.line(), Action::TestConnection, "test now");
        let line = key(line, Action::HoldRelease, release.trim_start());
        let line = key(line, Action::ResetCircuit, "reset circuit");
        lines.push(key(line, Action::LowerBudget, "budget"));
    }
    canvas.put_all(inner, &lines);
}

/// The facts, the most urgent first, because small windows cut the end.
fn fact_lines(app: &App, canvas: &Canvas<'_>, connection: &ConnectionStatus, width: usize) -> Vec<Line> {
    let label = |name: &str| canvas.line().dim(name).to(11);
    let room = width.saturating_sub(11).max(10);
    let health = connection.health(app.now);
    let (sign, tone) = health_sign(health);
    let mut lines = vec![label("health").tone(format!("{sign} {}", health.word()), tone)];
    if connection.insecure_tls {
        let text = "INSECURE: certificates are not checked, whoever stands between can read and change everything";
        lines.extend(wrapped(canvas, "TLS", text, room, Tone::Fail));
    }
    if let Some(held) = &connection.held {
        let why = held.reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default();
        let text =
            format!("{} by {}{why}; its jobs wait, also after a restart", distance(held.since, app.now), held.by);
        lines.extend(wrapped(canvas, "held", &text, room, Tone::Pause));
    }
    if let Some(lowered) = &connection.lowered {
        let why = lowered.reason.as_ref().map(|reason| format!(" “{reason}”")).unwrap_or_default();
        let since = distance(lowered.since, app.now);
        let text = format!("to {} {since} by {}{why}, until it is set back", lowered.budget, lowered.by);
        lines.extend(wrapped(canvas, "lowered", &text, room, Tone::Warn));
    }
    match &connection.circuit {
        Circuit::Open { since, next, why } => {
            let next = match connection.is_trying {
                true => "one call tries now".to_owned(),
                false => format!("one call tries {}", distance(*next, app.now)),
            };
            let text = format!("{} since {}: {why}; {next}", circuit_word(connection), moment(*since, app.now));
            lines.extend(wrapped(canvas, "circuit", &text, room, Tone::Fail));
        }
        Circuit::Closed => {}
    }
    if let Some(until) = connection.throttled_until.filter(|until| *until > app.now) {
        lines.push(label("told").tone(format!("to wait {} more (429)", span(until.since(app.now))), Tone::Warn));
    }
    lines.push(budget_line(app, label("budget"), connection));
    if let Some(limit) =
        connection.budget.as_ref().and_then(|budget| budget.limit.map(|limit| (budget.remaining, limit)))
    {
        let cells = bar(app.theme, limit.0, limit.1, room.saturating_sub(14).min(40));
        lines.push(label("now").say(cells).say(format!(" {} left", grouped(limit.0))));
    }
    if let Some(quota) = &connection.quota {
        let tone = if quota.is_used_up() { Tone::Fail } else { Tone::Plain };
        let text = format!("{} of {} ({}%)", grouped(quota.used), grouped(quota.limit), quota.percent());
        lines.push(
            label(quota.label()).tone(text, tone).dim(format!(", all back {}", distance(quota.resets_at, app.now))),
        );
    }
    if let Some(token) = &connection.token {
        match &token.problem {
            Some(problem) => lines.extend(wrapped(canvas, "token", problem, room, Tone::Fail)),
            None => lines.push(label("token").say(token.words(app.now)).dim(match token.since {
                Some(since) => format!(", signed in {}", moment(since, app.now)),
                None => ", asked for with the first call".to_owned(),
            })),
        }
    }
    lines.push(label("in flight").say(format!(
        "{} of {} at most, {} waiting",
        connection.in_flight,
        connection.ceiling,
        counted(connection.queued.into(), "call", "calls")
    )));
    lines.extend(user_lines(canvas, connection, room));
    lines.extend(webhook_lines(app, canvas, connection, room));
    lines.push(match &connection.last_throttled {
        None => label("last 429").dim("none since this engine started"),
        Some(last) => {
            let wait = match last.retry_after_ms {
                Some(ms) => format!("told to wait {}", span(Duration::from_millis(ms))),
                None => "did not say how long".to_owned(),
            };
            label("last 429").say(format!("{}, {wait}", moment(last.at, app.now)))
        }
    });
    if let Some(open) = &connection.last_open {
        let text = format!("{}, for {}: {}", moment(open.since, app.now), span(open.until.since(open.since)), open.why);
        lines.push(label("last down").within(&text, room, Tone::Plain));
    }
    lines.push(match &connection.tested {
        None => label("tested").dim("not since this engine started; t tests now"),
        Some(tested) => {
            let (word, tone) = if tested.is_ok { ("ok", Tone::Ok) } else { ("failed", Tone::Fail) };
            let text = format!(" {} ms, {}", grouped(tested.took_ms.into()), tested.text);
            label("tested").say(format!("{} ", moment(tested.at, app.now))).tone(word, tone).within(
                &text,
                room.saturating_sub(12),
                Tone::Plain,
            )
        }
    });
    lines
}

fn wrapped(canvas: &Canvas<'_>, name: &str, text: &str, room: usize, tone: Tone) -> Vec<Line> {
    let parts = crate::tui::text::wrapped(text, room).into_iter().take(3).enumerate();
    parts.map(|(at, part)| canvas.line().dim(if at == 0 { name } else { "" }).to(11).tone(part, tone)).collect()
}

fn budget_line(app: &App, line: Line, connection: &ConnectionStatus) -> Line {
    let Some(budget) = &connection.budget else {
        return line.say("none configured, and the system told of none");
    };
    let refill = match budget.resets_at.filter(|at| *at > app.now) {
        Some(at) => format!(", all back {}", distance(at, app.now)),
        None => ", all there".to_owned(),
    };
    match (&budget.rule, budget.limit) {
        (Some(rule), Some(burst)) => {
            let by = if connection.lowered.is_some() { "lowered" } else { "configuration" };
            line.say(format!("{rule}, {} at once", grouped(burst))).dim(format!(" ({by}){refill}"))
        }
        (None, Some(limit)) => {
            line.say(format!("{} of {}", grouped(budget.remaining), grouped(limit))).dim(format!(" (headers){refill}"))
        }
        (_, None) => line.say(format!("{} left", grouped(budget.remaining))).dim(format!(" (headers){refill}")),
    }
}

/// The events that it sends: of each job when the last came, how many wait, and what is wrong.
fn webhook_lines(app: &App, canvas: &Canvas<'_>, connection: &ConnectionStatus, room: usize) -> Vec<Line> {
    let jobs = app.snapshot.iter().flat_map(|snapshot| &snapshot.jobs);
    let mine = jobs.filter(|job| job.source == connection.id).filter_map(|job| Some((job, job.webhook.as_ref()?)));
    let mut lines = Vec::new();
    for (job, webhook) in mine {
        let facts = super::job::webhook_facts(app, webhook);
        let (words, tone) = match facts.iter().find(|fact| fact.is_bad) {
            Some(bad) => (format!("{}: {}", bad.name, bad.text), Tone::Warn),
            None => {
                let said = |name: &str| facts.iter().find(|fact| fact.name == name).map_or("—", |fact| &fact.text);
                let subscription = facts.iter().find(|fact| fact.name == "subscription");
                let subscription = subscription.map(|fact| format!(", subscription {}", fact.text)).unwrap_or_default();
                (format!("last event {}, inbox {}{subscription}", said("last event"), said("inbox")), Tone::Plain)
            }
        };
        lines.extend(wrapped(canvas, "webhooks", &format!("{}: {words}", job.id), room, tone));
    }
    lines
}

/// Who uses it: the share of each job of the calls of the last 15 minutes.
fn user_lines(canvas: &Canvas<'_>, connection: &ConnectionStatus, room: usize) -> Vec<Line> {
    let all: u64 = connection.users.iter().map(|user| user.calls).sum();
    if connection.users.is_empty() {
        return vec![canvas.line().dim("used by").to(11).dim("no job")];
    }
    let words = connection.users.iter().map(|user| match all {
        0 => user.job.to_string(),
        _ => format!("{} {}%", user.job, user.calls * 100 / all),
    });
    let words: Vec<String> = words.collect();
    let suffix = if all == 0 { "" } else { "  (calls of 15 min)" };
    wrapped(canvas, "used by", &format!("{}{suffix}", words.join("   ")), room, Tone::Plain)
}

pub(super) fn draw_answers(app: &App, canvas: &mut Canvas<'_>, area: Rect, connection: &ConnectionStatus) {
    if area.height == 0 {
        return;
    }
    let history = &connection.history;
    let latencies: Vec<u32> = history.iter().map(|bucket| bucket.latency_p95.unwrap_or(0)).collect();
    let peak = latencies.iter().copied().max().unwrap_or(0);
    let back = Duration::from_secs(CALL_BUCKETS as u64 * CALL_BUCKET_SECONDS);
    let right = match peak {
        0 => span(back),
        peak => format!("{} · p95 up to {} ms", span(back), grouped(peak.into())),
    };
    let inner = canvas.panel(area, "Latency and answers", &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let table_rows = 7;
    let chart_rows = inner.height.saturating_sub(table_rows + 1);
    let (columns, below) = geometry::top(inner, if chart_rows >= 2 { chart_rows } else { 0 });
    let below = if columns.height > 0 {
        if peak > 0 {
            // A history that is shorter than its span stands at its right end.
            let mut padded = vec![0; CALL_BUCKETS.saturating_sub(latencies.len())];
            padded.extend(&latencies);
            chart(canvas, columns, &padded);
        } else {
            canvas.put(columns, &canvas.line().dim("nothing answered yet"));
        }
        let (axis, below) = geometry::top(below, 1);
        canvas.put(axis, &canvas.line().dim(format!("-{}  p95 ms", span(back))));
        canvas.put_right(axis, &canvas.line().dim("now"));
        below
    } else {
        below
    };
    let lines = answer_lines(app, canvas, connection, usize::from(below.width));
    canvas.put_all(below, &lines);
}

/// Picks the answers of one class.
type Class = fn(&AnswerCounts) -> u64;

fn answer_lines(app: &App, canvas: &Canvas<'_>, connection: &ConnectionStatus, width: usize) -> Vec<Line> {
    let (five, fifteen) = (connection.answers_of_last(300), connection.answers_of_last(900));
    let heading = format!("{:>10}{:>10}{:>11}", "5 min", "15 min", "all");
    let mut lines = vec![canvas.line().dim("answers").to(11).dim(heading)];
    let classes: [(&str, Class); 5] = [
        ("2xx 3xx", |answers| answers.ok),
        ("429", |answers| answers.throttled),
        ("4xx", |answers| answers.client_error),
        ("5xx", |answers| answers.server_error),
        ("no answer", |answers| answers.no_answer),
    ];
    for (name, of) in classes {
        let figures =
            format!("{:>10}{:>10}{:>11}", grouped(of(&five)), grouped(of(&fifteen)), grouped(of(&connection.answers)));
        let line = canvas.line().dim(name).to(11).say(figures);
        let room = width.saturating_sub(line.width() + 9);
        lines.push(match fifteen.all() {
            0 => line,
            all if room >= 4 => {
                let cells = bar(app.theme, of(&fifteen), all, room.min(20));
                let percent = match of(&fifteen) {
                    n if n > 0 && n * 100 < all => " <1%".to_owned(),
                    n => format!(" {:>3}%", n * 100 / all),
                };
                line.say("  ").tone(cells, Tone::Run).say(percent)
            }
            _ => line,
        });
    }
    lines.push(canvas.line().dim("the circuit opens after 5 failures in a row"));
    lines
}
