//! Whether a run is usual: its figures beside those of the job's other runs, or of one other run.

use super::runs::{long, sign, took};
use crate::model::{JobId, Run};
use crate::tui::app::App;
use crate::tui::text::{brief_moment, counted, grouped, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};
use ratatui::layout::Rect;
use std::time::Duration;

/// Runs of a job that its usual is made of.
pub(super) const LOOKED_AT: usize = 200;
/// Fewer runs than this have no usual.
const LEAST: usize = 5;

/// The last runs of one job, newest first.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    pub job: JobId,
    pub runs: Vec<Run>,
}

/// One figure of a run: its name, its value, and how that is written.
struct Figure {
    name: &'static str,
    of: fn(&Run) -> Option<f64>,
    written: fn(f64) -> String,
}

const FIGURES: [Figure; 5] = [
    Figure { name: "took", of: seconds, written: |seconds| long(Duration::from_secs_f64(seconds)) },
    Figure { name: "scanned", of: |run| Some(run.counts.scanned as f64), written: |n| grouped(n.round() as u64) },
    Figure { name: "errored", of: |run| share(run.counts.errored, run), written: percent },
    Figure { name: "updated/scanned", of: |run| share(run.counts.written(), run), written: percent },
    Figure { name: "sent again", of: |run| share(run.counts.retried, run), written: percent },
];

fn seconds(run: &Run) -> Option<f64> {
    run.ended_at.map(|ended| ended.since(run.started_at).as_secs_f64())
}

/// Of the scanned records; none where nothing was scanned.
fn share(n: u64, run: &Run) -> Option<f64> {
    (run.counts.scanned > 0).then(|| n as f64 / run.counts.scanned as f64)
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 9.95 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// The 10th and the 90th percentile, by the nearest rank; none of too few values.
fn usual_range(mut values: Vec<f64>) -> Option<(f64, f64)> {
    if values.len() < LEAST {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |percent: usize| values[(values.len() * percent).div_ceil(100).saturating_sub(1)];
    Some((at(10), at(90)))
}

/// What a value is beside its usual range, in a word; nothing where it lies inside.
fn verdict(name: &str, value: f64, (low, high): (f64, f64)) -> &'static str {
    // A little outside of a narrow range is nothing that a person must look at.
    let margin = (high - low).max(high.abs() * 0.1);
    match () {
        () if value > high + margin && name == "took" => "longer !",
        () if value > high + margin => "unusual !",
        () if value < low - margin && name == "took" => "shorter",
        () if value < low - margin => "unusual",
        () => "",
    }
}

pub(super) fn draw_usual(app: &App, canvas: &mut Canvas<'_>, area: Rect, run: &Run, usual: &Usual, same_kind: bool) {
    let others: Vec<&Run> = usual
        .runs
        .iter()
        .filter(|other| other.id != run.id && other.end.is_some() && (!same_kind || other.kind == run.kind))
        .collect();
    let kind = if same_kind { format!("{} runs", run.kind.word()) } else { "runs".to_owned() };
    let title = if same_kind {
        format!("Compared with usual {} runs of this job", run.kind.word())
    } else {
        "Compared with the usual run of this job".to_owned()
    };
    let inner = canvas.panel(area, &title, &format!("last {} {kind}", others.len()), false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if others.len() < LEAST {
        let n = counted(others.len() as u64, "other run", "other runs");
        let text = format!("{n} of {}: too few to say what is usual ({LEAST} are needed).", usual.job);
        let lines: Vec<Line> =
            wrapped(&text, usize::from(inner.width)).iter().map(|line| canvas.line().say(line)).collect();
        return canvas.put_all(inner, &lines);
    }
    let mut lines = vec![canvas.line().to(16).dim(format!("{:>9}", "this run")).dim("   usual (p10–p90)")];
    for figure in &FIGURES {
        let range = usual_range(others.iter().filter_map(|other| (figure.of)(other)).collect());
        let value = (figure.of)(run).or_else(|| (figure.name == "took").then(|| took(app, run).as_secs_f64()));
        let here = value.map_or("—".to_owned(), figure.written);
        let line = canvas.line().dim(figure.name).to(16).bold(format!("{here:>9}")).say("   ");
        let line = match range {
            Some((low, high)) => line.say(format!("{} – {}", (figure.written)(low), (figure.written)(high))).to(46),
            None => line.dim("—"),
        };
        lines.push(match (value, range) {
            (Some(value), Some(range)) if run.end.is_some() => {
                line.tone(verdict(figure.name, value, range), Tone::Warn)
            }
            _ => line,
        });
    }
    let has_other_kinds = usual.runs.iter().any(|other| other.kind != run.kind);
    if has_other_kinds || same_kind {
        lines.push(canvas.line());
        let (key, words) = match same_kind {
            true => ("c", " compares with all runs of the job again".to_owned()),
            false => ("c", format!(" compares with other {} runs alone", run.kind.word())),
        };
        lines.push(canvas.line().key(key).say(words));
    }
    if usize::from(inner.height) < lines.len() {
        lines.retain(|line| line.width() > 0);
    }
    canvas.put_all(inner, &lines);
}

pub(super) fn draw_pair(app: &App, canvas: &mut Canvas<'_>, area: Rect, left: &Run, right: &Run) {
    let inner = canvas.panel(area, "Two runs side by side", "Esc ends", false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let column = |text: String| format!("{text:>16}");
    let of = |run: &Run| column(format!("#{}", grouped(run.id.0)));
    let mut lines = vec![canvas.line().to(16).bold(of(left)).bold(of(right))];
    let word = |run: &Run| column(format!("{} {}", sign(run).0, sign(run).1));
    lines.push(canvas.line().dim("ended").to(16).tone(word(left), sign(left).2).tone(word(right), sign(right).2));
    if left.job != right.job {
        let name = |run: &Run| column(run.job.to_string());
        lines.push(canvas.line().dim("job").to(16).say(name(left)).say(name(right)));
    }
    let when = |run: &Run| column(brief_moment(run.started_at, app.now));
    lines.push(canvas.line().dim("started").to(16).say(when(left)).say(when(right)));
    for figure in &FIGURES {
        let value = |run: &Run| {
            let value = (figure.of)(run).or_else(|| (figure.name == "took").then(|| took(app, run).as_secs_f64()));
            column(value.map_or("—".to_owned(), figure.written))
        };
        let (a, b) = (value(left), value(right));
        let differs = if a == b { "" } else { "  ≠" };
        lines.push(canvas.line().dim(figure.name).to(16).say(a).say(b).bold(differs));
    }
    canvas.put_all(inner, &lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_leaves_out_the_tenth_at_each_end() {
        let values = (1..=20).map(f64::from).collect();
        assert_eq!(usual_range(values), Some((2.0, 18.0)));
        assert_eq!(usual_range(vec![7.0; 5]), Some((7.0, 7.0)));
        assert_eq!(usual_range(vec![7.0; 4]), None);
    }

    #[test]
    fn only_what_lies_well_outside_is_called_unusual() {
        assert_eq!(verdict("took", 350.0, (35.0, 50.0)), "longer !");
        assert_eq!(verdict("took", 51.0, (35.0, 50.0)), "");
        assert_eq!(verdict("took", 3.0, (35.0, 50.0)), "shorter");
        assert_eq!(verdict("errored", 0.045, (0.0, 0.002)), "unusual !");
        assert_eq!(verdict("errored", 0.0, (0.0, 0.0)), "");
    }

    #[test]
    fn small_shares_keep_a_decimal() {
        assert_eq!([percent(0.0), percent(0.0451), percent(0.95)], ["0 %", "4.5 %", "95 %"]);
    }
}
