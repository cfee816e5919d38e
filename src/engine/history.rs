//! The last day of a job, or of all jobs together, for charts.

use super::Engine;
use super::orders::OrderError;
use crate::model::{HISTORY_MARKS_MAX, Happening, History, HistoryMark, JobId, LogFilter, Notice};

impl Engine {
    /// What was counted of a job, or of all, and what happened meanwhile as far as the ring of notices reaches.
    pub fn history(&self, job: Option<&JobId>) -> Result<History, OrderError> {
        let now = self.clock.now();
        let cells: Vec<_> = match job {
            Some(id) => vec![self.jobs.get(id).ok_or_else(|| OrderError::NoSuchJob(id.clone()))?],
            None => self.jobs.values().collect(),
        };
        let mut minutes: Vec<u32> = Vec::new();
        for counted in cells.iter().map(|cell| cell.minutes(now)) {
            // They end at the same minute, and began at different ones.
            let missing = counted.len().saturating_sub(minutes.len());
            minutes.splice(0..0, std::iter::repeat_n(0, missing));
            let from = minutes.len() - counted.len();
            minutes[from..].iter_mut().zip(counted).for_each(|(sum, n)| *sum = sum.saturating_add(n));
        }
        let filter = LogFilter { job: job.cloned(), ..LogFilter::default() };
        let told = self.notices.read(&filter, None, usize::MAX);
        let mut marks = vec![HistoryMark { at: self.info.started_at, what: Happening::Restart }];
        marks.extend(told.iter().filter_map(|notice| Some(HistoryMark { at: notice.at, what: happening(notice)? })));
        // Of many calls that were refused in one minute, one mark tells.
        marks.dedup_by_key(|mark| (mark.at.0 / 60_000, mark.what.word()));
        let surplus = marks.len().saturating_sub(HISTORY_MARKS_MAX);
        marks.drain(..surplus);
        Ok(History { minutes, until: crate::model::Timestamp(now.0 - now.0.rem_euclid(60_000)), marks })
    }
}

fn happening(notice: &Notice) -> Option<Happening> {
    match notice.event.as_str() {
        "connection.throttled" => Some(Happening::Throttled),
        "connection.down" => Some(Happening::Down),
        "run.failed" => Some(Happening::Cut),
        "order" if notice.text.starts_with("paused by ") => Some(Happening::Paused),
        "order" if notice.text.starts_with("checkpoint #") => Some(Happening::Rewound),
        _ => None,
    }
}
