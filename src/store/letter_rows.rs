//! How a dead letter is laid out: a head for lists, filters and moves, a body with the payloads, and the row of its group.

use super::StoreError;
use super::jobs::{Directory, PlaceCounts};
use crate::model::filter::{Facts, Sieve, Term, contains};
use crate::model::{
    Actor, Attempt, DeadLetter, DeadLetterId, DestinationId, GroupId, JobId, LetterFilter, LetterGroup, LetterPlace,
    LetterRow, LetterState, RawJson, Reason, ReasonClass, RecordId, RunId, Timestamp, Version, cause,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Attempts kept of a letter, the newest; their number is counted on.
pub(super) const ATTEMPTS_MAX: usize = 50;

/// What lists, filters and moves need. Texts are borrowed, because a search reads a million of these.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(rename = "j")]
    pub job: u32,
    #[serde(rename = "g")]
    pub group: u64,
    #[serde(rename = "r")]
    pub record: &'a str,
    #[serde(rename = "c")]
    pub class: ReasonClass,
    #[serde(rename = "s")]
    pub status: Option<u16>,
    #[serde(rename = "f")]
    pub field: Option<&'a str>,
    #[serde(rename = "m")]
    pub message: &'a str,
    /// All there ever were.
    #[serde(rename = "n")]
    pub attempts: u32,
    #[serde(rename = "a")]
    pub first_at: Timestamp,
    #[serde(rename = "z")]
    pub last_at: Timestamp,
    #[serde(rename = "p")]
    pub state: StateRow,
}

/// A [`LetterState`] in a form that a compact encoding can hold (an inner tag makes serde forget that it is compact).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StateRow {
    #[serde(rename = "w")]
    Waiting,
    #[serde(rename = "r")]
    Retrying { since: Timestamp, by: Actor },
    #[serde(rename = "d")]
    Discarded { at: Timestamp, by: Actor, reason: String },
    #[serde(rename = "o")]
    Recovered { at: Timestamp, run: RunId },
}

impl StateRow {
    pub(super) fn place(&self) -> LetterPlace {
        match self {
            Self::Waiting => LetterPlace::Waiting,
            Self::Retrying { .. } => LetterPlace::Retrying,
            Self::Discarded { .. } => LetterPlace::Discarded,
            Self::Recovered { .. } => LetterPlace::Recovered,
        }
    }

    /// When a person moved the letter to where it is.
    pub(super) fn moved_at(&self) -> Option<Timestamp> {
        match self {
            Self::Retrying { since: at, .. } | Self::Discarded { at, .. } => Some(*at),
            Self::Waiting | Self::Recovered { .. } => None,
        }
    }
}

impl From<LetterState> for StateRow {
    fn from(state: LetterState) -> Self {
        match state {
            LetterState::Waiting => Self::Waiting,
            LetterState::Retrying { since, by } => Self::Retrying { since, by },
            LetterState::Discarded { at, by, reason } => Self::Discarded { at, by, reason },
            LetterState::Recovered { at, run } => Self::Recovered { at, run },
        }
    }
}

impl From<StateRow> for LetterState {
    fn from(state: StateRow) -> Self {
        match state {
            StateRow::Waiting => Self::Waiting,
            StateRow::Retrying { since, by } => Self::Retrying { since, by },
            StateRow::Discarded { at, by, reason } => Self::Discarded { at, by, reason },
            StateRow::Recovered { at, run } => Self::Recovered { at, run },
        }
    }
}

impl<'a> Head<'a> {
    pub(super) fn of(letter: &'a DeadLetter, job: u32) -> Self {
        Self {
            job,
            group: letter.group.0,
            record: letter.record.as_str(),
            class: letter.reason.class,
            status: letter.reason.status,
            field: letter.reason.field.as_deref(),
            message: &letter.reason.message,
            attempts: u32::try_from(letter.attempts.len()).unwrap_or(u32::MAX),
            first_at: letter.first_at,
            last_at: letter.last_at,
            state: letter.state.clone().into(),
        }
    }

    /// Without the answer, which stands in the body.
    pub(super) fn reason(&self) -> Reason {
        Reason {
            class: self.class,
            status: self.status,
            field: self.field.map(str::to_owned),
            message: self.message.to_owned(),
            answer: None,
        }
    }

    pub(super) fn row(self, id: DeadLetterId, job: JobId) -> LetterRow {
        LetterRow {
            id,
            job,
            group: GroupId(self.group),
            record: RecordId::from(self.record),
            title: self.reason().title(),
            field: self.field.map(str::to_owned),
            attempts: self.attempts,
            last_at: self.last_at,
            state: self.state.into(),
        }
    }

    pub(super) fn letter(self, id: DeadLetterId, job: JobId, body: Body) -> DeadLetter {
        DeadLetter {
            id,
            job,
            group: GroupId(self.group),
            record: RecordId::from(self.record),
            destination_id: body.destination_id,
            version: body.version,
            deleted: body.deleted,
            source: body.source,
            sent: body.sent,
            reason: Reason { answer: body.answer, ..self.reason() },
            idempotency_key: body.idempotency_key,
            first_at: self.first_at,
            last_at: self.last_at,
            attempts: body.attempts,
            state: self.state.into(),
        }
    }
}

/// The payloads of a letter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Body {
    pub destination_id: Option<DestinationId>,
    pub version: Option<Version>,
    pub deleted: bool,
    pub source: RawJson,
    pub sent: Option<RawJson>,
    pub answer: Option<String>,
    pub idempotency_key: Option<String>,
    /// The newest [`ATTEMPTS_MAX`], oldest first.
    pub attempts: Vec<Attempt>,
}

impl Body {
    pub(super) fn of(letter: &DeadLetter) -> Self {
        let surplus = letter.attempts.len().saturating_sub(ATTEMPTS_MAX);
        Self {
            destination_id: letter.destination_id.clone(),
            version: letter.version.clone(),
            deleted: letter.deleted,
            source: letter.source.clone(),
            sent: letter.sent.clone(),
            answer: letter.reason.answer.clone(),
            idempotency_key: letter.idempotency_key.clone(),
            attempts: letter.attempts[surplus..].to_vec(),
        }
    }

    pub(super) fn remember(&mut self, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS_MAX {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// The kept figures of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GroupRow {
    /// Of its first letter.
    pub reason: Reason,
    pub letters: PlaceCounts,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl GroupRow {
    pub(super) fn of(head: &Head<'_>) -> Self {
        Self { reason: head.reason(), letters: PlaceCounts::default(), first_at: head.first_at, last_at: head.last_at }
    }

    pub(super) fn add(&mut self, head: &Head<'_>) {
        self.letters.add(head.state.place());
        self.first_at = self.first_at.min(head.first_at);
        self.last_at = self.last_at.max(head.last_at);
    }

    pub(super) fn group(self, id: GroupId, job: JobId) -> LetterGroup {
        let [waiting, retrying, discarded, recovered] = self.letters.0;
        let reason = Reason { message: cause::masked(&self.reason.message), ..self.reason };
        let (first_at, last_at) = (self.first_at, self.last_at);
        LetterGroup { id, job, reason, waiting, retrying, discarded, recovered, first_at, last_at }
    }
}

/// A [`LetterFilter`] that is ready to be held against heads.
pub(super) struct Wanted {
    /// None where the job is not known here, so nothing can match.
    pub job: Option<u32>,
    /// The causes that are meant, each once; none: any.
    pub groups: Option<Vec<GroupId>>,
    /// Letters that are not meant, in order.
    except: Vec<DeadLetterId>,
    pub places: Vec<LetterPlace>,
    /// In lower case.
    words: Vec<String>,
    pub up_to: u64,
    moved_at: Option<Timestamp>,
    terms: Sieve,
    /// Terms of which a group's row tells for all of its letters.
    of_group: Sieve,
    narrows_field: bool,
    reads_letters: bool,
    /// The jobs that the filter's names of jobs let through, by number; none where it has no such names.
    jobs: Option<Vec<bool>>,
}

/// A job's name, for the names of a filter.
struct Named<'j>(&'j JobId);

impl Facts for Named<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        (field == "job").then(|| self.0.as_str().into())
    }

    fn number(&self, _: &str) -> Option<i64> {
        None
    }

    fn anywhere(&self, _: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}

impl Facts for Head<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "id" => Some(self.record.into()),
            "cause" => Some(self.reason().title().into()),
            "field" => self.field.map(Cow::from),
            "kind" => Some(self.class.word().into()),
            "group" => Some(GroupId(self.group).to_string().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "code" => self.status.map(i64::from),
            "tries" => Some(i64::from(self.attempts)),
            "age" | "since" => Some(self.last_at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(self.record) || found(self.message) || self.field.is_some_and(found)
    }
}

/// A group's number and reason, for the conditions that all of its letters meet or none.
struct OfGroup<'g>(u64, &'g Reason);

impl Facts for OfGroup<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "field" => self.1.field.as_deref().map(Cow::from),
            "kind" => Some(self.1.class.word().into()),
            "group" => Some(GroupId(self.0).to_string().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        (field == "code").then_some(self.1.status).flatten().map(i64::from)
    }

    fn anywhere(&self, _: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }
}

/// True of what [`cause::group_of`] takes into a group's number, so that its row answers for every letter.
fn is_of_group(term: &Term) -> bool {
    matches!(term.field.as_deref(), Some("field" | "kind" | "code" | "group"))
}

impl Wanted {
    /// None when nothing can match, because the filter's job is not known here.
    pub(super) fn new(filter: &LetterFilter, jobs: &Directory) -> Option<Self> {
        let job = match &filter.job {
            Some(job) => Some(jobs.number(job)?),
            None => None,
        };
        let mut places = filter.wanted_places().to_vec();
        places.sort_unstable();
        places.dedup();
        let is_name = |term: &&Term| term.field.as_deref() == Some("job");
        let names: Vec<Term> = filter.terms.iter().filter(is_name).cloned().collect();
        let others = filter.terms.iter().filter(|term| !is_name(term)).cloned();
        let (of_group, others): (Vec<Term>, Vec<Term>) = others.partition(is_of_group);
        let sieve = Sieve::new(&names);
        let let_through = || jobs.names().iter().map(|job| sieve.lets_through(&Named(job))).collect();
        Some(Self {
            job,
            groups: wanted_groups(filter),
            except: sorted(&filter.except),
            places,
            words: filter.words.iter().map(|word| word.to_lowercase()).collect(),
            up_to: filter.up_to.map_or(u64::MAX, |id| id.0),
            moved_at: filter.moved_at,
            terms: Sieve::new(&others),
            of_group: Sieve::new(&of_group),
            narrows_field: of_group.iter().any(|term| term.field.as_deref() == Some("field")),
            reads_letters: !filter.words.is_empty()
                || !others.is_empty()
                || filter.moved_at.is_some()
                || !filter.except.is_empty(),
            jobs: (!sieve.is_empty()).then(let_through),
        })
    }

    /// Whether the letters themselves must be looked at: what is asked for stands in no index.
    pub(super) fn reads_letters(&self) -> bool {
        self.reads_letters
    }

    /// Whether the letters are found by their groups: conditions that all letters of a group meet, or none.
    pub(super) fn narrows_groups(&self) -> bool {
        self.groups.is_some() || self.jobs.is_some() || !self.of_group.is_empty()
    }

    /// The numbers between which the groups stand that may be meant.
    pub(super) fn group_ranges(&self) -> Vec<(u64, u64)> {
        match &self.groups {
            Some(groups) => groups.iter().map(|group| (group.0, group.0)).collect(),
            None => vec![(0, u64::MAX)],
        }
    }

    /// Whether the letters of a group of `job` are meant, as far as its row tells; none where some may be and some not.
    pub(super) fn means_group(&self, group: u64, job: u32, row: &GroupRow) -> Option<bool> {
        let is_of_job = self.job.is_none_or(|wanted| job == wanted)
            && self.jobs.as_ref().is_none_or(|jobs| jobs.get(job as usize).copied().unwrap_or(false));
        let is_meant = |groups: &Vec<GroupId>| groups.binary_search(&GroupId(group)).is_ok();
        if !is_of_job || !self.groups.as_ref().is_none_or(is_meant) {
            return Some(false);
        }
        let field = row.reason.field.as_deref();
        if self.narrows_field && field.is_some_and(|field| !cause::is_field_of_all(field)) {
            return None;
        }
        Some(self.of_group.lets_through(&OfGroup(group, &row.reason)))
    }

    /// Whether a letter is meant.
    pub(super) fn matches(&self, number: u64, head: &Head<'_>) -> bool {
        self.except.binary_search(&DeadLetterId(number)).is_err()
            && self.job.is_none_or(|job| head.job == job)
            && self.jobs.as_ref().is_none_or(|jobs| jobs.get(head.job as usize).copied().unwrap_or(false))
            && self.groups.as_ref().is_none_or(|groups| groups.binary_search(&GroupId(head.group)).is_ok())
            && self.places.contains(&head.state.place())
            && self.moved_at.is_none_or(|at| head.state.moved_at() == Some(at))
            && self.words.iter().all(|word| {
                contains(head.record, word)
                    || contains(head.message, word)
                    || head.field.is_some_and(|field| contains(field, word))
            })
            && self.of_group.lets_through(head)
            && self.terms.lets_through(head)
    }
}

/// The causes that a filter leaves, in order; none where it leaves all.
fn wanted_groups(filter: &LetterFilter) -> Option<Vec<GroupId>> {
    let named: Vec<GroupId> = match (filter.group, filter.groups.as_slice()) {
        (None, []) => return None,
        (None, groups) => groups.to_vec(),
        (Some(group), _) => vec![group],
    };
    Some(sorted(&named).into_iter().filter(|group| filter.has_group(*group)).collect())
}

fn sorted<T: Copy + Ord>(list: &[T]) -> Vec<T> {
    let mut list = list.to_vec();
    list.sort_unstable();
    list.dedup();
    list
}

/// A head without its letter is a damaged file.
pub(super) fn missing_body(id: u64) -> StoreError {
    StoreError::Row(format!("dead letter {id} has no body"))
}

#[cfg(test)]
mod tests {
    use super::super::codec::{pack, unpack};
    use super::*;

    #[test]
    fn every_state_of_a_letter_is_read_as_it_was_written() {
        let by = Actor::engine();
        let at = Timestamp(1_700_000_000_123);
        for state in [
            LetterState::Waiting,
            LetterState::Retrying { since: at, by: by.clone() },
            LetterState::Discarded { at, by, reason: "known test data".to_owned() },
            LetterState::Recovered { at, run: RunId(7) },
        ] {
            let bytes = pack(&StateRow::from(state.clone()));
            let read: StateRow = unpack("state", &bytes).expect("just packed");
            assert_eq!(LetterState::from(read), state);
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_script() {
        assert!(contains("Email ALREADY in use", "already in"));
        assert!(contains("Straße GRÖSSER", "größer".to_lowercase().as_str()) || contains("GRÖßER", "größer"));
        assert!(!contains("short", "much longer than the text"));
        assert!(contains("anything", ""));
    }
}
