//! Telling people outside that something needs them: a hook, and what it is told.

use super::{FindingKind, FindingTarget, Level, Secret, Timestamp};
use serde::Serialize;
use std::time::Duration;

/// Who is told of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    pub name: String,
    pub on: Vec<FindingKind>,
    /// Told also when it is over.
    pub over: bool,
    pub timeout: Duration,
    pub way: HookWay,
}

#[derive(Clone, Debug, PartialEq)]
pub enum HookWay {
    /// A program and its arguments, without a shell; the alert is its standard input.
    Command(Vec<String>),
    /// The alert is posted there as JSON.
    Url(Secret),
}

/// Something that began to need a person, or no longer does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    pub event: AlertEvent,
    pub workspace: String,
    pub at: Timestamp,
    pub kind: FindingKind,
    pub level: Level,
    /// The sentence that the screen shows.
    pub text: String,
    pub hint: String,
    pub target: FindingTarget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertEvent {
    Began,
    Over,
}
