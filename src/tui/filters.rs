//! What the lists of the console can be narrowed by, and what completes a filter that is being typed.

use super::app::App;
use super::screens::{self, Screen, connections, jobs};
use crate::model::filter::{
    CHECKPOINT_FIELDS, Completion, Facts, Field, FieldKind, LETTER_FIELDS, LOG_FIELDS, RUN_FIELDS, completions, figure,
};
use crate::model::{ConnectionStatus, Health, JobStatus, Timestamp};
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
    Field::new("errored", FieldKind::Number, "records refused"),
    Field::new("scanned", FieldKind::Number, "records read"),
    Field::new("updated", FieldKind::Number, "records written"),
    Field::new("skipped", FieldKind::Number, "records that needed no write"),
    Field::new("held", FieldKind::Number, "records that wait for a person"),
    Field::new("age", FieldKind::Age, "since its last checkpoint"),
];

/// The fields by which connections can be narrowed.
pub const CONNECTION_FIELDS: &[Field] = &[
    Field::new("connection", FieldKind::Name, "the name"),
    Field::new("state", FieldKind::Word(&["down", "testing", "held", "slow", "failing", "ok", "unused"]), "how it is"),
    Field::new("circuit", FieldKind::Word(&["closed", "open", "half-open"]), "whether calls go through"),
    Field::new("job", FieldKind::Name, "a job that uses it"),
    Field::new("errors", FieldKind::Number, "calls without a good answer in five minutes"),
    Field::new("queued", FieldKind::Number, "calls that wait"),
];

/// The fields of the list on the screen.
pub fn fields(app: &App) -> &'static [Field] {
    match app.screen {
        Screen::Jobs => JOB_FIELDS,
        Screen::Dead | Screen::Letters => LETTER_FIELDS,
        Screen::Runs => RUN_FIELDS,
        Screen::Checkpoints => CHECKPOINT_FIELDS,
        Screen::Connections => CONNECTION_FIELDS,
        Screen::Logs => LOG_FIELDS,
        _ => &[],
    }
}

/// Ways to go on with the filter that is being typed.
pub fn ways_on(app: &App) -> Vec<Completion> {
    let Some(typing) = app.typing.as_ref().filter(|typing| !typing.is_find) else { return Vec::new() };
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
            "errored" => figure(self.total.errored),
            "scanned" => figure(self.total.scanned),
            "updated" => figure(self.total.written()),
            "skipped" => figure(self.total.skipped),
            "held" => figure(self.total.held),
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

/// A connection at a moment, as a filter looks at it.
pub struct Seen<'c> {
    pub connection: &'c ConnectionStatus,
    pub now: Timestamp,
}

impl Facts for Seen<'_> {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "connection" => Some(self.connection.id.as_str().into()),
            "state" => Some(
                match self.connection.health(self.now) {
                    Health::SlowDown => "slow",
                    Health::Unused => "unused",
                    health => health.word(),
                }
                .into(),
            ),
            "circuit" => Some(connections::circuit_word(self.connection).into()),
            _ => None,
        }
    }

    fn texts(&self, field: &str, found: &mut dyn FnMut(&str) -> bool) -> bool {
        match field {
            "job" => self.connection.users.iter().any(|user| found(user.job.as_str())),
            _ => self.text(field).is_some_and(|text| found(&text)),
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        let lately = self.connection.answers_of_last(300);
        match field {
            "errors" => figure(lately.all() - lately.ok),
            "queued" => Some(i64::from(self.connection.queued)),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(self.connection.id.as_str())
            || found(self.connection.health(self.now).word())
            || self.connection.users.iter().any(|user| found(user.job.as_str()))
    }
}
