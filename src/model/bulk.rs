//! A retry of many dead letters: one goes first, the rest follow slowly, and it stops when something new goes wrong.

use super::{Actor, GroupId, JobId, Timestamp, grouped};
use serde::{Deserialize, Serialize};

/// One order to retry many letters of one job, and how far it is. Its letters are those under retry since
/// [`BulkRetry::at`]; each leaves the queue only when its write is confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRetry {
    /// Counted from 1 over all jobs of a state file.
    pub number: u64,
    pub job: JobId,
    pub by: Actor,
    /// When it was ordered; no two orders of one engine have the same moment.
    pub at: Timestamp,
    /// What it is for, in words.
    pub what: String,
    /// The letters that it is for.
    pub total: u64,
    /// The causes that its letters had: any other one is new.
    pub causes: Vec<GroupId>,
    /// The most letters that are sent in a minute.
    pub per_minute: u32,
    pub stage: BulkStage,
    /// Letters that were delivered.
    pub recovered: u64,
    /// Letters that failed again.
    pub failed: u64,
    /// Letters for which nothing was left to send: delivered meanwhile, or gone at the source.
    pub needless: u64,
    pub failed_in_a_row: u32,
    /// When the canary's outcome was saved.
    pub passed_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// What letters failed with, most letters first, at most [`BulkRetry::FAILED_AS_MAX`] causes.
    #[serde(default)]
    pub failed_as: Vec<FailedAs>,
}

/// Letters of a retry that failed again for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAs {
    pub group: GroupId,
    /// The reason in a few words.
    pub title: String,
    pub letters: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkStage {
    /// Its letters are being put under retry; nothing is sent.
    Gathering,
    /// One letter is sent; the others wait for its outcome.
    Canary,
    /// The others follow, no faster than the rate.
    Rest,
    /// What was not sent goes back to where it waited.
    Stopping { why: String },
    Ended {
        /// Why it ended before its last letter; none when it went through.
        stopped: Option<String>,
    },
}

/// How one letter of it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterEnd {
    Recovered,
    Needless,
    Failed {
        was: GroupId,
        is: GroupId,
        /// The reason in a few words.
        title: String,
    },
}

impl BulkRetry {
    /// So many letters are retried at once; of more of them one goes first.
    pub const AT_ONCE_MAX: u64 = 20;
    /// So many letters in a row that fail stop it.
    pub const FAILURES_IN_A_ROW_MAX: u32 = 25;
    /// Causes that are remembered; with more of them, only a letter's own cause is no new one.
    pub const CAUSES_MAX: usize = 256;
    /// Causes of failing again that are kept apart; letters with others are counted in [`BulkRetry::failed`] alone.
    pub const FAILED_AS_MAX: usize = 16;

    pub fn is_open(&self) -> bool {
        !matches!(self.stage, BulkStage::Ended { .. })
    }

    /// How it stands or ended, in the word that lists and filters of runs use.
    pub fn state_word(&self) -> &'static str {
        match &self.stage {
            BulkStage::Ended { stopped: Some(_) } => "stop",
            BulkStage::Ended { stopped: None } if self.failed > 0 => "part",
            BulkStage::Ended { stopped: None } => "ok",
            BulkStage::Gathering | BulkStage::Canary | BulkStage::Rest | BulkStage::Stopping { .. } => "run",
        }
    }

    /// How it stands or ended, in words.
    pub fn end_words(&self) -> String {
        match &self.stage {
            BulkStage::Gathering => "its letters are being gathered; nothing is sent yet".to_owned(),
            BulkStage::Canary => "one letter goes first; the others wait for its outcome".to_owned(),
            BulkStage::Rest => format!("the others follow, at most {} a minute", grouped(u64::from(self.per_minute))),
            BulkStage::Stopping { why } => format!("stopping: {why}"),
            BulkStage::Ended { stopped: Some(why) } => format!("stopped because {why}"),
            BulkStage::Ended { stopped: None } => "went through to its last letter".to_owned(),
        }
    }

    /// Letters with an outcome.
    pub fn done(&self) -> u64 {
        self.recovered + self.failed + self.needless
    }

    /// Takes in how letters ended, in the order in which they stood.
    pub fn take_in(&mut self, ends: &[LetterEnd], at: Timestamp) {
        for end in ends {
            match end {
                // It says nothing about whether writes pass, so another one goes first.
                LetterEnd::Needless => self.needless += 1,
                LetterEnd::Recovered => {
                    self.recovered += 1;
                    self.failed_in_a_row = 0;
                    if self.stage == BulkStage::Canary {
                        self.stage = BulkStage::Rest;
                        self.passed_at = Some(at);
                    }
                }
                LetterEnd::Failed { was, is, title } => {
                    self.failed += 1;
                    self.failed_in_a_row += 1;
                    self.failed_again(*is, title);
                    self.judge(*was, *is, title);
                }
            }
        }
    }

    fn failed_again(&mut self, group: GroupId, title: &str) {
        match self.failed_as.iter().position(|known| known.group == group) {
            Some(at) => self.failed_as[at].letters += 1,
            None if self.failed_as.len() < Self::FAILED_AS_MAX => {
                self.failed_as.push(FailedAs { group, title: title.to_owned(), letters: 1 });
            }
            None => {}
        }
        self.failed_as.sort_by_key(|known| std::cmp::Reverse(known.letters));
    }

    /// Stops it where a failure says that the others would fail too, or that something new is wrong.
    fn judge(&mut self, was: GroupId, is: GroupId, title: &str) {
        let is_new = was != is && !self.causes.contains(&is);
        let why = match &self.stage {
            BulkStage::Canary => format!("the first letter failed again: {title}"),
            BulkStage::Rest if is_new => format!("a new kind of error came: {title}"),
            BulkStage::Rest if self.failed_in_a_row >= Self::FAILURES_IN_A_ROW_MAX => {
                format!("{} letters in a row failed again: {title}", self.failed_in_a_row)
            }
            _ => return,
        };
        self.stage = BulkStage::Stopping { why };
    }

    /// The end in one sentence, with what was sent and what was not.
    pub fn result(&self) -> String {
        let letters = |n: u64| if n == 1 { "1 letter".to_owned() } else { format!("{} letters", grouped(n)) };
        let mut text =
            format!("retry of {} of {}: {} recovered", letters(self.total), self.job, grouped(self.recovered));
        if self.failed > 0 {
            text.push_str(&format!(", {} failed again", grouped(self.failed)));
        }
        if self.needless > 0 {
            text.push_str(&format!(", {} needed nothing", grouped(self.needless)));
        }
        let rest = self.total.saturating_sub(self.done());
        match &self.stage {
            BulkStage::Ended { stopped: Some(why) } | BulkStage::Stopping { why } => {
                text.push_str(&format!("; stopped because {why}; {} not sent", letters(rest)));
            }
            BulkStage::Ended { stopped: None } if rest > 0 => {
                text.push_str(&format!("; {} were taken out meanwhile", letters(rest)));
            }
            BulkStage::Gathering | BulkStage::Canary | BulkStage::Rest => {
                text.push_str(&format!(", {} to go", grouped(rest)));
            }
            BulkStage::Ended { stopped: None } => {}
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk() -> BulkRetry {
        BulkRetry {
            number: 1,
            job: JobId::from("customers"),
            by: Actor::engine(),
            at: Timestamp(1),
            what: "422 email already in use".to_owned(),
            total: 100,
            causes: vec![GroupId(1), GroupId(2)],
            per_minute: 60,
            stage: BulkStage::Canary,
            recovered: 0,
            failed: 0,
            needless: 0,
            failed_in_a_row: 0,
            passed_at: None,
            ended_at: None,
            failed_as: Vec::new(),
        }
    }

    fn failed(was: u64, is: u64) -> LetterEnd {
        LetterEnd::Failed { was: GroupId(was), is: GroupId(is), title: "422 no".to_owned() }
    }

    fn after(ends: &[LetterEnd]) -> BulkRetry {
        let mut bulk = bulk();
        bulk.take_in(ends, Timestamp(5));
        bulk
    }

    #[test]
    fn the_rest_follow_only_a_first_one_that_was_delivered() {
        assert_eq!(after(&[LetterEnd::Recovered]).stage, BulkStage::Rest);
        assert_eq!(
            after(&[LetterEnd::Needless]).stage,
            BulkStage::Canary,
            "that nothing was left to send proves nothing"
        );
        let stopped = after(&[failed(1, 1)]);
        assert_eq!(stopped.stage, BulkStage::Stopping { why: "the first letter failed again: 422 no".to_owned() });
        assert_eq!(
            stopped.result(),
            "retry of 100 letters of customers: 0 recovered, 1 failed again; stopped because the first letter failed again: 422 no; 99 letters not sent"
        );
    }

    #[test]
    fn a_new_kind_of_error_stops_it_and_a_known_one_does_not() {
        let go_on = after(&[LetterEnd::Recovered, failed(1, 1), failed(1, 2), failed(9, 9)]);
        assert_eq!(go_on.stage, BulkStage::Rest);
        let stopped = after(&[LetterEnd::Recovered, failed(1, 7)]);
        assert_eq!(stopped.stage, BulkStage::Stopping { why: "a new kind of error came: 422 no".to_owned() });
    }

    #[test]
    fn many_failures_in_a_row_stop_it() {
        let most = usize::try_from(BulkRetry::FAILURES_IN_A_ROW_MAX).expect("a small number");
        let mut ends = vec![LetterEnd::Recovered];
        ends.extend(std::iter::repeat_n(failed(1, 1), most - 1));
        ends.push(LetterEnd::Recovered);
        ends.extend(std::iter::repeat_n(failed(1, 1), most - 1));
        assert_eq!(after(&ends).stage, BulkStage::Rest);
        ends.push(failed(1, 1));
        assert!(matches!(after(&ends).stage, BulkStage::Stopping { .. }));
    }

    #[test]
    fn an_outcome_after_the_stop_is_counted_and_changes_nothing_more() {
        let bulk = after(&[failed(1, 1), LetterEnd::Recovered, failed(1, 7)]);
        assert!(matches!(&bulk.stage, BulkStage::Stopping { why } if why.starts_with("the first")));
        assert_eq!((bulk.recovered, bulk.failed, bulk.done()), (1, 2, 3));
    }
}
