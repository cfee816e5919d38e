//! The words by which lists are narrowed, the same on every screen and command.

mod complete;
mod language;
mod moment;
mod rows;
mod sieve;
#[cfg(test)]
mod tests;

pub use complete::{Completion, completions};
pub use language::{Compared, Field, FieldKind, Term, Test, parse};
pub use moment::read_moment;
pub(crate) use moment::read_span;
pub(crate) use rows::figure;
pub use rows::{CHECKPOINT_FIELDS, RUN_FIELDS, RunFilter};
pub(crate) use sieve::contains;
pub use sieve::{Facts, Sieve};

use super::{DeadLetterId, GroupId, JobId, LetterPlace, Level, Timestamp};
use serde::{Deserialize, Serialize};

/// Which dead letters are meant. Everything that is set must hold; nothing set means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterFilter {
    pub job: Option<JobId>,
    pub group: Option<GroupId>,
    /// One of these; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupId>,
    /// None of these letters, whatever else holds: what a person took out of all that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<DeadLetterId>,
    /// Empty: those that wait or are being retried.
    pub places: Vec<LetterPlace>,
    /// Words that must all occur, in any case, in the record's id, the message or the field's name.
    pub words: Vec<String>,
    /// Letters with a greater number are not meant: a list that a person looks at does not grow under the hand.
    pub up_to: Option<DeadLetterId>,
    /// Only letters that an order of this very moment moved to where they are: what taking it back is for.
    #[serde(default)]
    pub moved_at: Option<Timestamp>,
    /// Whatever else was asked for, in the fields of [`LETTER_FIELDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
}

/// The fields by which dead letters can be narrowed.
pub const LETTER_FIELDS: &[Field] = &[
    Field::new("job", FieldKind::Name, "the job"),
    Field::new("state", FieldKind::Word(&["waiting", "retrying", "discarded", "recovered", "all"]), "where it is"),
    Field::new("id", FieldKind::Text, "the record's id"),
    Field::new("cause", FieldKind::Text, "the reason"),
    Field::new("field", FieldKind::Name, "the field that was refused"),
    Field::new("code", FieldKind::Number, "the answer's status"),
    Field::new(
        "kind",
        FieldKind::Word(&["unreadable", "mapping", "rejected", "exhausted", "conflict", "orphan"]),
        "why it was given up",
    ),
    Field::new("tries", FieldKind::Number, "how often it was tried"),
    Field::new("age", FieldKind::Age, "since the last try"),
    Field::new("since", FieldKind::Since, "tried last at or after"),
    Field::new("group", FieldKind::Name, "the cause's id"),
];

/// Which log lines are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilter {
    pub level: Option<Level>,
    pub job: Option<JobId>,
    pub words: Vec<String>,
    /// Whatever else was asked for, in the fields of [`LOG_FIELDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
}

/// The fields by which the log can be narrowed.
pub const LOG_FIELDS: &[Field] = &[
    Field::new("job", FieldKind::Name, "the job"),
    Field::new("connection", FieldKind::Name, "the connection"),
    Field::new("level", FieldKind::Word(&["debug", "info", "warn", "error"]), "the level"),
    Field::new("event", FieldKind::Text, "what kind of event"),
    Field::new("id", FieldKind::Text, "the record's id, on either side"),
    Field::new("run", FieldKind::Number, "the run"),
    Field::new("age", FieldKind::Age, "how long ago"),
    Field::new("since", FieldKind::Since, "at or after"),
];

/// Which letters an action is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    Ids(Vec<DeadLetterId>),
    /// All that match, also beyond the screen.
    Matching(LetterFilter),
}

impl LetterFilter {
    /// Reads what a person typed, in the language of filters with the fields of [`LETTER_FIELDS`].
    ///
    /// Returns the reason when a word is wrong, so that the last valid filter can stay.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let mut filter = Self::default();
        for term in parse(text, LETTER_FIELDS, now)? {
            filter.take(term)?;
        }
        Ok(filter)
    }

    /// What stands in an index is asked of it; the rest must be looked for.
    fn take(&mut self, term: Term) -> Result<(), String> {
        let one = |names: &[String]| match names {
            [name] if !name.contains('*') => Some(name.clone()),
            _ => None,
        };
        match (term.field.as_deref(), &term.test) {
            (Some("state"), Test::Is(names)) => {
                let named: Vec<LetterPlace> = names.iter().flat_map(|name| places(name)).copied().collect();
                self.places = match term.is_not {
                    true => places("all").iter().filter(|place| !named.contains(place)).copied().collect(),
                    false => named,
                };
                if self.places.is_empty() {
                    return Err("-state: leaves no letter out of none".to_owned());
                }
            }
            (Some("group"), Test::Is(names)) if !term.is_not => {
                let read =
                    |hex: &String| u64::from_str_radix(hex, 16).map_err(|_| format!("group: `{hex}` is no group id"));
                let ids = names.iter().map(|hex| read(hex).map(GroupId)).collect::<Result<Vec<_>, _>>()?;
                match ids.as_slice() {
                    [id] if self.group.is_none() => self.group = Some(*id),
                    _ => self.groups = ids,
                }
            }
            (Some("job"), Test::Is(names)) if self.job.is_none() && !term.is_not && one(names).is_some() => {
                self.job = one(names).map(|name| JobId::from(name.as_str()));
            }
            (None, Test::Has(words)) if words.len() == 1 && !term.is_not => self.words.extend(words.iter().cloned()),
            _ => self.terms.push(term),
        }
        Ok(())
    }

    /// True when the letters themselves must be looked at, because what is asked for stands in no index.
    pub fn reads_letters(&self) -> bool {
        !self.words.is_empty() || !self.terms.is_empty() || !self.except.is_empty() || self.moved_at.is_some()
    }

    /// True where a letter of this cause may be meant.
    pub fn has_group(&self, group: GroupId) -> bool {
        self.group.is_none_or(|wanted| wanted == group) && (self.groups.is_empty() || self.groups.contains(&group))
    }

    /// The places that are meant.
    pub fn wanted_places(&self) -> &[LetterPlace] {
        if self.places.is_empty() { &[LetterPlace::Waiting, LetterPlace::Retrying] } else { &self.places }
    }
}

impl LogFilter {
    /// Reads what a person typed, in the language of filters with the fields of [`LOG_FIELDS`].
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let mut filter = Self::default();
        for term in parse(text, LOG_FIELDS, now)? {
            match &term.test {
                Test::Has(words) if term.field.is_none() && words.len() == 1 && !term.is_not => {
                    filter.words.extend(words.iter().cloned());
                }
                _ => filter.terms.push(term),
            }
        }
        Ok(filter)
    }
}

fn places(name: &str) -> &'static [LetterPlace] {
    match name {
        "waiting" => &[LetterPlace::Waiting],
        "retrying" => &[LetterPlace::Retrying],
        "discarded" => &[LetterPlace::Discarded],
        "recovered" => &[LetterPlace::Recovered],
        _ => &[LetterPlace::Waiting, LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered],
    }
}
