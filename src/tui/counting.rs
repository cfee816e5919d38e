//! A dry run that a person waits for: asked for part by part, so that what is counted so far is on the screen.

use super::app::{App, Purpose};
use super::overlays::{self, Overlay};
use super::screens::Screen;
use crate::control::Request;
use crate::model::{JobId, PlanFrom, PlanPart, PlanRow, PlanTotals, Sequence};

/// Records that one question reads: short enough that figures move, long enough that pages fill it.
const PART: u64 = 500;
/// A count ends after so many records; the command line counts further.
const RECORDS_MAX: u64 = 10_000;
/// Parts without a record that are asked for in a row before the count ends as it is.
const EMPTY_PARTS_MAX: u32 = 20;
/// Rows that are kept to be looked at.
const ROWS_MAX: usize = 200;

/// What is being counted, or was.
#[derive(Clone, Debug)]
pub struct Counting {
    pub job: JobId,
    /// Where it began.
    pub from: PlanFrom,
    pub totals: PlanTotals,
    pub pages: u64,
    pub rows: Vec<PlanRow>,
    pub begins: String,
    pub source_total: Option<u64>,
    pub notes: Vec<String>,
    pub problem: Option<String>,
    pub progress: Reached,
    /// The job's newest checkpoint when the count began: what was written since then is not in it.
    pub stood_at: Option<Sequence>,
    empty_parts: u32,
}

/// How far a count has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// More is being asked for.
    SoFar,
    /// The listing's end.
    End,
    /// Its own bound, or a problem.
    Cut,
}

/// Begins a count; one that is under way is forgotten.
pub fn begin(app: &mut App, job: JobId, from: PlanFrom) {
    let stood_at = app.job_status(&job).and_then(|status| status.checkpoint.as_ref()).map(|one| one.sequence);
    app.counting = Some(Counting {
        stood_at,
        job: job.clone(),
        from: from.clone(),
        totals: PlanTotals::default(),
        pages: 0,
        rows: Vec::new(),
        begins: String::new(),
        source_total: None,
        notes: Vec::new(),
        problem: None,
        progress: Reached::SoFar,
        empty_parts: 0,
    });
    ask(app, job, from, ROWS_MAX);
}

fn ask(app: &mut App, job: JobId, from: PlanFrom, max_rows: usize) {
    app.ask(Purpose::Count, Request::Plan { job, from, max_records: PART, max_rows, order: None });
}

pub fn came(app: &mut App, part: PlanPart) {
    let Some(counting) = &mut app.counting else { return };
    if counting.pages == 0 {
        counting.begins = part.begins;
    }
    counting.empty_parts = if part.totals.counts.scanned == 0 { counting.empty_parts + 1 } else { 0 };
    counting.totals += part.totals;
    counting.pages += part.pages;
    counting.rows.extend(part.rows);
    counting.notes.extend(part.notes);
    counting.source_total = part.source_total.or(counting.source_total);
    counting.problem = part.problem;
    let is_enough = counting.totals.counts.scanned >= RECORDS_MAX
        || counting.empty_parts >= EMPTY_PARTS_MAX
        || counting.problem.is_some();
    counting.progress = match &part.next {
        None if counting.problem.is_none() => Reached::End,
        Some(_) if !is_enough => Reached::SoFar,
        _ => Reached::Cut,
    };
    let (job, progress) = (counting.job.clone(), counting.progress);
    let rows_left = ROWS_MAX.saturating_sub(counting.rows.len());
    overlays::plan::refresh(app);
    match part.next {
        Some(next) if progress == Reached::SoFar && is_looked_at(app) => ask(app, job, PlanFrom::At(next), rows_left),
        Some(_) if progress == Reached::SoFar => app.counting = None,
        _ => {}
    }
}

pub fn refused(app: &mut App, message: &str) {
    if let Some(counting) = &mut app.counting {
        counting.problem = Some(message.to_owned());
        counting.progress = Reached::Cut;
    }
    overlays::plan::refresh(app);
}

/// Whether anybody still sees the figures; for nobody a source is not asked.
fn is_looked_at(app: &App) -> bool {
    let Some(counting) = &app.counting else { return false };
    match &app.overlay {
        Some(Overlay::Plan(_) | Overlay::Rewind(_)) => true,
        _ => app.screen == Screen::Checkpoints && app.checkpoints.job.as_ref() == Some(&counting.job),
    }
}

impl App {
    /// What was counted of this job from there.
    pub fn counted(&self, job: &JobId, from: &PlanFrom) -> Option<&Counting> {
        self.counting.as_ref().filter(|counting| counting.job == *job && counting.from == *from)
    }
}
