//! How a handle stands to its engine: in this process, in another one, or lost.

use crate::model::Timestamp;
use serde::{Deserialize, Serialize};

/// The process whose engine it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub pid: u32,
    /// Who started it.
    pub user: String,
    /// The command that it carries out: `serve`, `run`, `console`.
    pub command: String,
    /// Of syncdeck.
    pub version: String,
    pub started_at: Timestamp,
}

impl std::fmt::Display for Host {
    /// `pid 4127 (syncdeck serve, by ops)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "pid {} (syncdeck {}, by {})", self.pid, self.command, self.user)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attachment {
    /// The engine is in this process.
    #[default]
    Own,
    /// It is in another process, over its control socket.
    Attached(Host),
    /// There is no engine: what is shown was written down then.
    Bundle(Timestamp),
    /// It stopped answering; it is looked for once a second.
    Lost(Loss),
    /// It was looked for long enough: nobody looks any more.
    Gone(Loss),
}

/// How an engine was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub host: Host,
    /// When it was noticed, by this machine's clock.
    pub at: Timestamp,
    /// It said that it ends; else it died, hangs or can not be reached.
    pub was_told: bool,
    /// How often it was looked for since.
    pub tries: u32,
}

impl Attachment {
    /// False while questions and orders can not reach the engine.
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Own | Self::Attached(_) | Self::Bundle(_))
    }

    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}
