//! What runs, careful retries and checkpoints tell of themselves, and the fields by which their lists are narrowed.

use super::language::{Field, FieldKind, Term, Test, parse};
use super::sieve::Facts;
use crate::model::{BulkRetry, BulkStage, Checkpoint, JobId, MovedWhat, Run, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The fields by which runs, and careful retries among them, can be narrowed.
pub const RUN_FIELDS: &[Field] = &[
    Field::new("job", FieldKind::Name, "the job"),
    Field::new("state", FieldKind::Word(&["run", "ok", "part", "fail", "stop", "cut"]), "how it ended"),
    Field::new("kind", FieldKind::Word(&["sync", "full", "retry", "record", "careful"]), "what it read"),
    Field::new("by", FieldKind::Text, "who began it"),
    Field::new("id", FieldKind::Number, "its number"),
    Field::new("scanned", FieldKind::Number, "records read"),
    Field::new("updated", FieldKind::Number, "records written"),
    Field::new("skipped", FieldKind::Number, "records that needed no write"),
    Field::new("held", FieldKind::Number, "records that wait for a person"),
    Field::new("errored", FieldKind::Number, "records refused"),
    Field::new("age", FieldKind::Age, "since it began"),
    Field::new("since", FieldKind::Since, "began at or after"),
];

/// The fields by which the checkpoints of a job can be narrowed.
pub const CHECKPOINT_FIELDS: &[Field] = &[
    Field::new("id", FieldKind::Number, "its number"),
    Field::new("run", FieldKind::Number, "the run that saved it"),
    Field::new("kind", FieldKind::Word(&["page", "rewind", "import"]), "what set it"),
    Field::new("by", FieldKind::Text, "who set it by hand"),
    Field::new("scanned", FieldKind::Number, "records of its page"),
    Field::new("updated", FieldKind::Number, "records of its page that were written"),
    Field::new("skipped", FieldKind::Number, "records of its page that needed no write"),
    Field::new("held", FieldKind::Number, "records of its page that wait for a person"),
    Field::new("errored", FieldKind::Number, "records of its page that were refused"),
    Field::new("age", FieldKind::Age, "since it was saved"),
    Field::new("since", FieldKind::Since, "saved at or after"),
];

/// Which runs are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFilter {
    /// Asked of an index.
    pub job: Option<JobId>,
    /// Whatever else was asked for, in the fields of [`RUN_FIELDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
}

impl RunFilter {
    /// Reads what a person typed; the reason when a word is wrong, so that the last valid filter can stay.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let mut filter = Self::default();
        for term in parse(text, RUN_FIELDS, now)? {
            match (term.field.as_deref(), &term.test) {
                (Some("job"), Test::Is(names)) if filter.job.is_none() && !term.is_not => match names.as_slice() {
                    [name] if !name.contains('*') => filter.job = Some(JobId::from(name.as_str())),
                    _ => filter.terms.push(term),
                },
                _ => filter.terms.push(term),
            }
        }
        Ok(filter)
    }
}

/// A number of records as filters compare it.
pub(crate) fn figure(number: u64) -> Option<i64> {
    Some(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Facts for Run {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "job" => Some(self.job.as_str().into()),
            "state" => Some(self.state_word().into()),
            "kind" => Some(self.kind.word().into()),
            "by" => Some(self.by.to_string().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "id" => figure(self.id.0),
            "scanned" => figure(self.counts.scanned),
            "updated" => figure(self.counts.written()),
            "skipped" => figure(self.counts.skipped),
            "held" => figure(self.counts.held),
            "errored" => figure(self.counts.errored),
            "age" | "since" => Some(self.started_at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(&format!("#{}", self.id))
            || found(self.job.as_str())
            || found(self.kind.word())
            || found(&self.by.to_string())
            || found(&self.end_words())
    }
}

impl Facts for BulkRetry {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "job" => Some(self.job.as_str().into()),
            "state" => Some(self.state_word().into()),
            "kind" => Some("careful".into()),
            "by" => Some(self.by.to_string().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "id" => figure(self.number),
            "scanned" => figure(self.done()),
            "updated" => figure(self.recovered),
            "skipped" => figure(self.needless),
            "held" => Some(0),
            "errored" => figure(self.failed),
            "age" | "since" => Some(self.at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(self.job.as_str())
            || found("careful retry")
            || found(&self.what)
            || found(&self.by.to_string())
            || match &self.stage {
                BulkStage::Stopping { why } | BulkStage::Ended { stopped: Some(why) } => found(why),
                BulkStage::Gathering | BulkStage::Canary | BulkStage::Rest | BulkStage::Ended { stopped: None } => {
                    false
                }
            }
    }
}

impl Facts for Checkpoint {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "kind" => Some(
                match self.moved.as_ref().map(|moved| moved.what) {
                    None => "page",
                    Some(MovedWhat::Rewind(_)) => "rewind",
                    Some(MovedWhat::Import(_)) => "import",
                }
                .into(),
            ),
            "by" => self.moved_by.as_ref().map(|by| by.to_string().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "id" => figure(self.sequence.0),
            "run" => figure(self.run.0),
            "scanned" => figure(self.page.scanned),
            "updated" => figure(self.page.written()),
            "skipped" => figure(self.page.skipped),
            "held" => figure(self.page.held),
            "errored" => figure(self.page.errored),
            "age" | "since" => Some(self.saved_at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        let position = &self.position;
        found(&format!("#{}", self.sequence))
            || position.cursor.as_ref().is_some_and(|cursor| found(&cursor.0))
            || position
                .watermark
                .iter()
                .chain(&position.highest)
                .any(|mark| found(&mark.version.to_string()) || found(&mark.id.shown()))
            || self.moved_words().is_some_and(|words| found(&words))
    }
}
