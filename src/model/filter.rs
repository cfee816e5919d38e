//! The words by which lists are narrowed, the same on every screen and command.

use super::{DeadLetterId, GroupId, JobId, LetterPlace, Level, Timestamp};
use serde::{Deserialize, Serialize};

/// Which dead letters are meant. Everything that is set must hold; nothing set means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterFilter {
    pub job: Option<JobId>,
    pub group: Option<GroupId>,
    /// Empty: those that wait or are being retried.
    pub places: Vec<LetterPlace>,
    /// Words that must all occur, in any case, in the record's id, the message or the field's name.
    pub words: Vec<String>,
    /// Letters with a greater number are not meant: a list that a person looks at does not grow under the hand.
    pub up_to: Option<DeadLetterId>,
    /// Only letters that an order of this very moment moved to where they are: what taking it back is for.
    #[serde(default)]
    pub moved_at: Option<Timestamp>,
}

/// Which log lines are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFilter {
    pub level: Option<Level>,
    pub job: Option<JobId>,
    pub words: Vec<String>,
}

/// Which letters an action is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    Ids(Vec<DeadLetterId>),
    /// All that match, also beyond the screen.
    Matching(LetterFilter),
}

impl LetterFilter {
    /// Reads what a person typed: words, `job:NAME`, `state:waiting|retrying|discarded|recovered|all`, `group:HEX`.
    ///
    /// Returns the reason when a word is wrong, so that the last valid filter can stay.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        for word in text.split_whitespace() {
            match word.split_once(':') {
                Some(("job", "*" | "")) => filter.job = None,
                Some(("job", name)) => filter.job = Some(JobId::from(name)),
                Some(("state", name)) => filter.places = places(name)?,
                Some(("group", hex)) => {
                    let id = u64::from_str_radix(hex, 16).map_err(|_| format!("group: `{hex}` is no group id"))?;
                    filter.group = Some(GroupId(id));
                }
                _ => filter.words.push(word.to_lowercase()),
            }
        }
        Ok(filter)
    }

    /// The places that are meant.
    pub fn wanted_places(&self) -> &[LetterPlace] {
        if self.places.is_empty() { &[LetterPlace::Waiting, LetterPlace::Retrying] } else { &self.places }
    }
}

fn places(names: &str) -> Result<Vec<LetterPlace>, String> {
    let mut places = Vec::new();
    for name in names.split('|') {
        match name {
            "waiting" => places.push(LetterPlace::Waiting),
            "retrying" => places.push(LetterPlace::Retrying),
            "discarded" => places.push(LetterPlace::Discarded),
            "recovered" => places.push(LetterPlace::Recovered),
            "all" => places.extend([
                LetterPlace::Waiting,
                LetterPlace::Retrying,
                LetterPlace::Discarded,
                LetterPlace::Recovered,
            ]),
            _ => {
                return Err(format!("state: needs waiting, retrying, discarded, recovered or all, not `{name}`"));
            }
        }
    }
    Ok(places)
}
