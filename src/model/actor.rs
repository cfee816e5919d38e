//! Who did something: a person at a door, or the engine itself.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The login name, or `engine`.
    pub name: String,
    pub via: Via,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Console,
    Command,
    /// The engine's own schedule or rule.
    Engine,
}

impl Actor {
    pub fn engine() -> Self {
        Self { name: "engine".to_owned(), via: Via::Engine }
    }

    /// Events that the source sent.
    pub fn event() -> Self {
        Self { name: "event".to_owned(), via: Via::Engine }
    }

    /// The process that ends: a signal, or a screen that was left.
    pub fn shutdown() -> Self {
        Self { name: "shutdown".to_owned(), via: Via::Engine }
    }

    pub fn person(name: impl Into<String>, via: Via) -> Self {
        Self { name: name.into(), via }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.via {
            Via::Engine if self.name == "engine" => f.write_str("schedule"),
            Via::Engine | Via::Console | Via::Command => f.write_str(&self.name),
        }
    }
}
