//! What stands on the wire between a client and the process that holds the state.

use crate::control::{Answer, Host, Refusal, Request};
use crate::model::{Actor, Via};
use serde::{Deserialize, Serialize};

/// Raised when requests or answers change so that an older program would misread them.
pub const PROTOCOL: u32 = 1;

/// Carries [`PROTOCOL`], both ways.
pub(super) const PROTOCOL_HEADER: &str = "syncdeck-protocol";

/// The event of a snapshot, and that of an end in order.
pub(super) const SNAPSHOT_EVENT: &str = "snapshot";
pub(super) const END_EVENT: &str = "end";

/// Who it is that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub protocol: u32,
    pub workspace: String,
    #[serde(flatten)]
    pub host: Host,
}

/// Where a person gave an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    Console,
    Command,
}

/// Whose orders they are, as the journal is to name them. Only the same user's processes are listened to, so what they
/// say of themselves is a courtesy to those who read the journal, not a right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub name: String,
    pub door: Door,
}

impl From<&Signature> for Actor {
    fn from(by: &Signature) -> Self {
        let via = match by.door {
            Door::Console => Via::Console,
            Door::Command => Via::Command,
        };
        Self::person(by.name.as_str(), via)
    }
}

/// `POST /ask`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub by: Signature,
    pub request: Request,
}

/// What comes back.
pub(super) type Told = Result<Answer, Refusal>;

/// What went wrong with a request of any route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Problem {
    pub error: String,
    /// Which route was asked.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
