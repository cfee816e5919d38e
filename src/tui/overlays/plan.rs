//! What the next run of a job would do: the totals of a dry run, then its first records.

use super::{Overlay, Page};
use crate::model::{JobId, PlanFrom, PlanRow, PlanWhat};
use crate::tui::app::App;
use crate::tui::counting::{self, Counting, Reached};
use crate::tui::text::{counted, grouped};
use crate::tui::widgets::ListState;

pub fn open(app: &mut App, job: JobId) {
    counting::begin(app, job, PlanFrom::Next);
    app.overlay = Some(Overlay::Plan(Page { title: String::new(), parts: Vec::new(), scroll: ListState::default() }));
    refresh(app);
}

/// Puts what is counted now on the page, and leaves the person where they are.
pub fn refresh(app: &mut App) {
    let Some(counting) = app.counting.clone() else { return };
    let hidden = |field: &str| app.is_redacted(field);
    let parts = parts(&counting, &hidden);
    if let Some(Overlay::Plan(page)) = &mut app.overlay {
        page.title = format!("What {} would do now: nothing is written", counting.job);
        page.parts = parts;
    }
}

fn parts(counting: &Counting, hidden: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut head = totals(counting);
    if !counting.begins.is_empty() {
        head.insert(0, counting.begins.clone());
    }
    head.extend(counting.notes.iter().map(|note| format!("! {note}")));
    let mut parts = vec![(reach(counting), head.join("\n"))];
    parts.extend(counting.rows.iter().map(|row| (heading(row), row_lines(row, hidden).join("\n"))));
    let counts = &counting.totals.counts;
    let untold = (counts.written() + counts.errored).saturating_sub(counting.rows.len() as u64);
    if untold > 0 {
        let more = counted(untold, "record more", "records more");
        parts.push((format!("… and {more}: `syncdeck plan {}` lists them", counting.job), String::new()));
    }
    parts
}

/// How far the count has come, in a sentence.
pub fn reach(counting: &Counting) -> String {
    let records = counted(counting.totals.counts.scanned, "record", "records");
    let pages = counted(counting.pages, "page", "pages");
    let of = counting.source_total.map_or_else(String::new, |total| format!(" of {}", grouped(total)));
    match (counting.progress, &counting.problem) {
        (_, Some(problem)) if counting.pages == 0 => format!("unknown: {problem}"),
        (_, Some(problem)) => format!("{records} counted, then: {problem}"),
        (Reached::SoFar, None) => format!("{records}{of} counted so far…"),
        (Reached::End, None) => format!("{records} on {pages}, to the listing's end"),
        (Reached::Cut, None) => format!("{records}{of} counted; there is more"),
    }
}

/// The totals, a line each, that are not zero.
pub fn totals(counting: &Counting) -> Vec<String> {
    let totals = &counting.totals;
    let counts = &totals.counts;
    let reasons = &counts.reasons;
    let mut lines = Vec::new();
    let mut line = |n: u64, name: &str, what: &str| {
        if n > 0 {
            lines.push(format!("{name:<14}{:>9}  {what}", grouped(n)));
        }
    };
    line(reasons.unchanged, "unchanged", "skipped, no write");
    let other = counts.skipped - reasons.unchanged;
    line(other, "other skips", "stale, filtered, superseded, nothing to delete");
    line(counts.created, "create", "written");
    line(counts.updated, "update", "written");
    line(counts.deleted, "delete", "written");
    line(totals.dead_again, "dead letters", "of these writes are tried again");
    line(totals.rejected, "reject", "can not be mapped: dead letters");
    line(totals.still_dead, "still dead", "stay in the queue as they are");
    if lines.is_empty() && counting.progress == Reached::End {
        lines.push("nothing to do: the source gave no record".to_owned());
    }
    lines
}

fn heading(row: &PlanRow) -> String {
    let versions = match (&row.version_before, &row.version) {
        (Some(before), Some(now)) if before != now => format!("   {before} → {now}"),
        (_, Some(now)) => format!("   {now}"),
        _ => String::new(),
    };
    format!("{:<10}{}{versions}", row.what.word(), row.record.shown())
}

fn row_lines(row: &PlanRow, hidden: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = row.why.iter().cloned().collect();
    if !row.is_field_by_field {
        lines.push(
            "it differs from what was last written; where is not known, for that is kept as a fingerprint".to_owned(),
        );
    }
    let shown = |field: &str, value: &Option<String>| match value {
        _ if hidden(field) => "•••".to_owned(),
        Some(value) => value.clone(),
        None => "—".to_owned(),
    };
    lines.extend(row.fields.iter().map(|change| {
        let (field, to) = (&change.field, shown(&change.field, &change.to));
        if row.is_field_by_field && row.what != PlanWhat::Create {
            format!("{field:<20}{} → {to}", shown(field, &change.from))
        } else {
            format!("{field:<20}{to}")
        }
    }));
    lines
}
