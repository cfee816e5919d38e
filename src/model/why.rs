//! Why a record is not there: what is told, and the evidence that it is told from.

use super::{
    ConnectionId, DeadLetter, DeadLetterId, FilterRule, GroupId, HeldDelete, JobId, JobStatus, Link, Mend,
    PositionRules, RecordId, RunId, Tenor, Timestamp, Verdict, Version,
};
use serde::{Deserialize, Serialize};

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyAnswer {
    /// What was asked for, as it was typed.
    pub key: String,
    pub at: Timestamp,
    /// Both systems were asked.
    pub is_live: bool,
    /// False when no job knows such a record; then there is an answer for each job that was looked at.
    pub is_known: bool,
    pub answers: Vec<Why>,
}

/// The answer for one record of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    pub job: JobId,
    pub source: ConnectionId,
    pub destination: ConnectionId,
    pub record: RecordId,
    pub matched_by: MatchedBy,
    pub verdict: Verdict,
    pub tenor: Tenor,
    /// The answer in one sentence.
    pub sentence: String,
    /// What happens by itself.
    pub outlook: String,
    pub mends: Vec<Mend>,
    pub rungs: Vec<Rung>,
    /// What was looked at and is not the reason.
    pub not_the_reason: Vec<String>,
    /// Oldest first.
    pub story: Vec<StoryLine>,
    /// Side by side; empty where nothing was asked or found.
    pub fields: Vec<FieldNow>,
    /// The letter that the answer is about.
    pub letter: Option<(DeadLetterId, GroupId)>,
    pub can_sync_one: bool,
}

/// How the typed text led to the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    SourceId,
    DestinationId,
    /// A searchable field.
    Field(String),
    /// Nothing is known of it; the text is taken for an id of the source.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungMark {
    /// It holds: not the reason.
    Yes,
    /// It does not hold: the reason, or a part of it.
    No,
    /// There is nothing to say, because an earlier rung ended it.
    Nothing,
    /// It is not known.
    Unknown,
}

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    pub name: String,
    pub mark: RungMark,
    pub text: String,
    /// A system was asked for it just now.
    pub is_live: bool,
    /// Where a person can look at it.
    pub target: RungTarget,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RungTarget {
    Job,
    Checkpoints,
    Letter(DeadLetterId, GroupId),
    Log,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryLine {
    pub at: Timestamp,
    pub text: String,
}

/// One field of the destination at three places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldNow {
    pub field: String,
    /// What the source's record becomes now. A text's content, or another value's JSON text; none where it is missing.
    pub source: Option<String>,
    /// What was written last; none also where that is not kept.
    pub written: Option<String>,
    pub destination: Option<String>,
    /// Source and destination differ.
    pub differs: bool,
}

/// An event that waits in a job's inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingEvent {
    /// When it came.
    pub at: Timestamp,
    /// When it is applied; none while the job waits for a person.
    pub applied_at: Option<Timestamp>,
}

/// What is known of a record, and of its job, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub now: Timestamp,
    pub record: RecordId,
    pub matched_by: MatchedBy,
    pub job: JobStatus,
    pub rules: PositionRules,
    pub start: Option<Version>,
    pub filter: Option<String>,
    /// The filter's last refusal of the record, where nothing became of it since.
    pub refused: Option<Refused>,
    pub can_ask_source: bool,
    pub can_ask_destination: bool,
    /// Runs since then may have left writes whose end they did not see.
    pub in_doubt_since: Option<Timestamp>,
    /// It stands on a page that was read and is not saved.
    pub is_in_flight: bool,
    /// An event of the source tells of it, and waits in the inbox.
    pub event: Option<WaitingEvent>,
    pub link: Option<Link>,
    /// Its delete is withheld, or a person keeps it against its delete.
    pub held: Option<HeldDelete>,
    /// All that the record ever had, newest first, as many as are told.
    pub letters: Vec<DeadLetter>,
    /// Letters of the open letter's cause that wait.
    pub group_waiting: Option<u64>,
    /// None where nobody was asked.
    pub asked: Option<Asked>,
    pub fields: Vec<FieldNow>,
}

/// That a filter refused a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// When this filter refused it first.
    pub at: Timestamp,
    pub run: RunId,
    /// The expression that the run had; none where it is no longer kept.
    pub rule: Option<String>,
    /// The job has that filter still.
    pub is_in_force: bool,
}

impl Refused {
    /// The refusal that a link remembers. `rules` are the filters that the job had, oldest first.
    pub fn of(link: &Link, rules: &[FilterRule], in_force: Option<&str>) -> Option<Self> {
        let event = link.refused()?;
        let rule = rules.iter().rev().find(|rule| rule.since <= event.run).and_then(|rule| rule.rule.clone());
        let is_in_force = rule.is_some() && rule.as_deref() == in_force;
        Some(Self { at: event.at, run: event.run, rule, is_in_force })
    }
}

/// What the two systems said just now.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub source: SourceNow,
    pub destination: DestinationNow,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SourceNow {
    /// It can not be asked for one record.
    NotAsked,
    /// Why there is no answer.
    Failed(String),
    /// It says that there is no such record.
    Gone,
    Found(FoundAtSource),
}

/// A record as the source holds it now.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundAtSource {
    pub version: Option<Version>,
    pub is_deleted: bool,
    /// Why it can not be read or mapped: field and reason.
    pub refused: Option<(Option<String>, String)>,
    /// Whether the filter takes it; the reason when it can not be evaluated.
    pub accepted: Result<bool, String>,
    /// Its mapped fields are what was last written; none where nothing was.
    pub is_as_written: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DestinationNow {
    NotAsked,
    Failed(String),
    Gone,
    /// With the mapped fields that differ from what was last written, or else from what the source holds.
    Found {
        differs: Vec<String>,
    },
}

impl WhyAnswer {
    /// The answer as plain sentences, for a ticket.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        for why in &self.answers {
            text.push_str(&why.plain(self.at));
            text.push('\n');
        }
        text
    }
}

impl RungMark {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Yes => "✓",
            Self::No => "✗",
            Self::Nothing => "–",
            Self::Unknown => "?",
        }
    }
}

impl Why {
    /// As a person would write it into a ticket.
    pub fn plain(&self, at: Timestamp) -> String {
        let mut text = format!("{}\n{}\n", self.sentence, self.outlook);
        text.push_str(&format!(
            "\nHow we know (job {}, {} to {}, looked at {at}):\n",
            self.job, self.source, self.destination
        ));
        for (number, rung) in self.rungs.iter().enumerate() {
            let live = if rung.is_live { " (asked now)" } else { "" };
            text.push_str(&format!("{} {} {}: {}{live}\n", number + 1, rung.mark.sign(), rung.name, rung.text));
        }
        if !self.not_the_reason.is_empty() {
            text.push_str(&format!("Not the reason: {}.\n", self.not_the_reason.join(", ")));
        }
        text
    }
}
