//! What the lists of the console can be narrowed by, and what completes a filter that is being typed.

use super::app::App;
use super::screens::{self, Screen, jobs, runs};
use crate::model::filter::{Completion, Facts, Field, FieldKind, LETTER_FIELDS, LOG_FIELDS, completions};
use crate::model::{JobStatus, Run};
use std::borrow::Cow;

/// The fields by which jobs can be narrowed.
pub const JOB_FIELDS: &[Field] = &[
    Field::new("job", FieldKind::Name, "the name"),
    Field::new("instance", FieldKind::Name, "the customer it is for"),
    Field::new(
        "state",
        FieldKind::Word(&["run", "wait", "stall", "pausing", "pause", "look", "idle", "off"]),
        "what it does",
    ),
    Field::new("source", FieldKind::Name, "where it reads"),
    Field::new("destination", FieldKind::Name, "where it writes"),
    Field::new("dead", FieldKind::Number, "dead letters that wait"),
    Field::new("errors", FieldKind::Number, "records refused"),
    Field::new("scanned", FieldKind::Number, "records read"),
    Field::new("age", FieldKind::Age, "since its last checkpoint"),
];

/// The fields by which runs can be narrowed.
pub const RUN_FIELDS: &[Field] = &[
    Field::new("job", FieldKind::Name, "the job"),
    Field::new("state", FieldKind::Word(&["run", "ok", "part", "fail", "stop", "cut"]), "how it ended"),
    Field::new("kind", FieldKind::Word(&["sync", "full", "retry"]), "what it read"),
    Field::new("by", FieldKind::Text, "who began it"),
    Field::new("id", FieldKind::Number, "its number"),
    Field::new("errors", FieldKind::Number, "records refused"),
    Field::new("scanned", FieldKind::Number, "records read"),
    Field::new("age", FieldKind::Age, "since it began"),
    Field::new("since", FieldKind::Since, "began at or after"),
];

/// The fields of the list on the screen.
pub fn fields(app: &App) -> &'static [Field] {
    match app.screen {
        Screen::Jobs => JOB_FIELDS,
        Screen::Dead | Screen::Letters => LETTER_FIELDS,
        Screen::Runs => RUN_FIELDS,
        Screen::Logs => LOG_FIELDS,
        _ => &[],
    }
}

/// Ways to go on with the filter that is being typed.
pub fn ways_on(app: &App) -> Vec<Completion> {
    let Some(typing) = &app.typing else { return Vec::new() };
    completions(typing.input.value(), fields(app), &|field| values(app, field))
}

/// The names that are known of a field.
fn values(app: &App, field: &str) -> Vec<String> {
    let Some(snapshot) = &app.snapshot else { return Vec::new() };
    let connections = || snapshot.connections.iter().map(|connection| connection.id.to_string()).collect();
    match field {
        "job" => snapshot.jobs.iter().map(|job| job.id.to_string()).collect(),
        "instance" => screens::customer::names(app).into_iter().map(str::to_owned).collect(),
        "connection" | "source" | "destination" => connections(),
        "field" => screens::dead::fields_refused(app),
        _ => Vec::new(),
    }
}

/// A number of records as filters compare it.
fn figure(number: u64) -> Option<i64> {
    Some(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Facts for JobStatus {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "job" => Some(self.id.as_str().into()),
            "instance" => self.id.instance().map(Cow::Borrowed),
            "state" => Some(jobs::state_sign(&self.state).1.into()),
            "source" => Some(self.source.as_str().into()),
            "destination" => Some(self.destination.as_str().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "dead" => figure(self.dead_waiting),
            "errors" => figure(self.total.errored),
            "scanned" => figure(self.total.scanned),
            "age" => self.checkpoint.as_ref().map(|checkpoint| checkpoint.saved_at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(self.id.as_str())
            || found(self.state.word())
            || found(self.source.as_str())
            || found(self.destination.as_str())
            || self.description.as_deref().is_some_and(found)
    }
}

impl Facts for Run {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "job" => Some(self.job.as_str().into()),
            "state" => Some(runs::sign(self).1.into()),
            "kind" => Some(runs::kind_word(&self.kind).into()),
            "by" => Some(self.by.to_string().into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "id" => figure(self.id.0),
            "errors" => figure(self.counts.errored),
            "scanned" => figure(self.counts.scanned),
            "age" | "since" => Some(self.started_at.0),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(&format!("#{}", self.id))
            || found(self.job.as_str())
            || found(runs::kind_word(&self.kind))
            || found(&self.by.to_string())
            || found(&runs::end_words(self))
    }
}
