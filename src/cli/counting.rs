//! A dry run, asked for part by part and added up.

use super::Report;
use super::questions::Ask;
use crate::control::{Answer, Request};
use crate::model::{Counts, SkipCounts};
use crate::model::{JobId, PlanFrom, PlanOrder, PlanRow, PlanTotals};

/// Records that one question reads.
const PART: u64 = 500;
/// Parts without a record that are asked for in a row before the count ends as it is.
const EMPTY_PARTS_MAX: u32 = 20;

/// What a dry run is to count.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub job: JobId,
    pub from: PlanFrom,
    pub order: Option<PlanOrder>,
    /// It ends after the page that reaches so many records.
    pub max_records: u64,
    pub max_rows: usize,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    pub totals: PlanTotals,
    pub pages: u64,
    pub rows: Vec<PlanRow>,
    /// Where it began to read, in words.
    pub begins: String,
    pub source_total: Option<u64>,
    /// The listing was read to its end.
    pub is_complete: bool,
    pub problem: Option<String>,
    pub notes: Vec<String>,
}

/// Counts until the listing's end, the bound, or a problem. `told` hears of every part.
pub async fn count(ask: &impl Ask, wanted: Wanted, mut told: impl FnMut(&Counted)) -> Result<Counted, Report> {
    let Wanted { job, mut from, order, max_records, max_rows } = wanted;
    let mut counted = Counted::default();
    let mut empty_parts = 0;
    loop {
        let left = max_records.saturating_sub(counted.totals.counts.scanned);
        let request = Request::Plan {
            job: job.clone(),
            from,
            max_records: left.clamp(1, PART),
            max_rows: max_rows.saturating_sub(counted.rows.len()),
            order: order.clone().map(Box::new),
        };
        let part = match ask(request).await? {
            Answer::Plan(part) => *part,
            _ => return Err(Report::new("the engine answered another question, not the dry run")),
        };
        empty_parts = if part.totals.counts.scanned == 0 { empty_parts + 1 } else { 0 };
        if counted.pages == 0 {
            counted.begins = part.begins;
        }
        counted.totals += part.totals;
        counted.pages += part.pages;
        counted.rows.extend(part.rows);
        counted.notes.extend(part.notes);
        counted.source_total = part.source_total.or(counted.source_total);
        counted.problem = part.problem;
        told(&counted);
        match part.next {
            _ if counted.problem.is_some() => return Ok(counted),
            None => {
                counted.is_complete = true;
                return Ok(counted);
            }
            Some(_) if counted.totals.counts.scanned >= max_records || empty_parts >= EMPTY_PARTS_MAX => {
                return Ok(counted);
            }
            Some(next) => from = PlanFrom::At(next),
        }
    }
}

impl Counted {
    /// `to the listing's end`, or how far it came.
    pub fn reach(&self) -> String {
        let pages = if self.pages == 1 { "page" } else { "pages" };
        match (&self.problem, self.is_complete) {
            (Some(problem), _) => format!("{} {pages}, then: {problem}", self.pages),
            (None, true) => format!("{} {pages}, to the listing's end", self.pages),
            (None, false) => format!("{} {pages}; there is more", self.pages),
        }
    }
}

/// `108 unchanged, 2 filtered`; empty where nothing is skipped.
pub fn skip_words(counts: &Counts) -> String {
    let SkipCounts { unchanged, stale, filtered, echo, superseded, ignored } = counts.reasons;
    let reasons = [
        (unchanged, "unchanged"),
        (stale, "stale"),
        (filtered, "filtered"),
        (echo, "echo"),
        (superseded, "superseded"),
        (ignored, "ignored"),
    ];
    let words = reasons.iter().filter(|(n, _)| *n > 0).map(|(n, why)| format!("{} {why}", super::text::figure(*n)));
    words.collect::<Vec<_>>().join(", ")
}
