//! Webhooks from outside: one listener for all jobs, which believes nothing that is not signed.
//!
//! Whatever comes is hostile until its signature fits: headers, bodies, time and connections are bounded, and whoever
//! is refused learns nothing but a status.

mod listener;
mod signature;

pub use listener::{Bounds, Listener, listen};
pub use signature::Verifier;

use crate::model::{JobId, Timestamp, Webhook};
use async_trait::async_trait;
use bytes::Bytes;

/// Where the events of one path go.
#[derive(Clone, Debug)]
pub struct Route {
    pub job: JobId,
    pub webhook: Webhook,
}

/// An event whose signature fits.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub at: Timestamp,
    /// The event's own id, where one is known.
    pub delivery: Option<String>,
    pub body: Bytes,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is safely stored, or was before.
    Stored,
    /// Too many wait.
    Full,
    /// It could not be stored.
    Failed,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    NoSignature,
    WrongSignature,
    /// Signed too long ago, or for a time to come.
    Stale,
    TooLarge,
    TooSlow,
    /// Compressed, or cut off.
    Unreadable,
    /// More came at once than there is room for.
    Crowded,
}

impl Refusal {
    pub fn words(self) -> &'static str {
        match self {
            Self::NoSignature => "no signature",
            Self::WrongSignature => "wrong signature",
            Self::Stale => "signed more than 5 minutes off",
            Self::TooLarge => "too large",
            Self::TooSlow => "too slow",
            Self::Unreadable => "cut off or compressed",
            Self::Crowded => "too many at once",
        }
    }
}

/// Who takes events in.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Stores an event; only then is its sender answered.
    async fn take(&self, job: &JobId, event: Incoming) -> Taken;

    /// Takes note of a request that was refused.
    fn refused(&self, job: &JobId, why: Refusal);
}
