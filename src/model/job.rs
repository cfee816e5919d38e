//! A job: the standing order, as the configuration gives it.

use super::mapping::FieldRule;
use super::{
    ConnectionId, JobId, Pointer, PositionRules, RestDestination, RestSource, ResumeRules, Version, VersionKind,
    Webhook,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub id: JobId,
    pub description: Option<String>,
    pub enabled: bool,
    pub schedule: Schedule,
    /// Webhook events are gathered so long after the first of them before they are written.
    pub batch_window: Duration,
    /// A run ends after so many pages and the next goes on from its checkpoint.
    pub max_pages: Option<u64>,
    pub max_runtime: Option<Duration>,
    /// A record's attempts before it is left in the dead-letter queue until it changes or a person retries it.
    pub max_attempts: u32,
    pub delete: DeletePolicy,
    pub on_orphan: OnOrphan,
    pub guard: Guard,
    pub source: JobSource,
    pub destination: JobDestination,
    /// Empty: the record as it is.
    pub map: Vec<FieldRule>,
    /// A hash of source, destination and map; when it changes, everything is read once more.
    pub configured: u64,
    /// A hash of how the source is read (all of it but its filter): a position means something only where this is the
    /// same.
    pub source_identity: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    Every { every: Duration, jitter: Duration },
    Manual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletePolicy {
    /// The destination's record is flagged (`soft_delete.fields`).
    Soft,
    Hard,
    Ignore,
}

/// What happens to an update whose destination record is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOrphan {
    Create,
    DeadLetter,
    Ignore,
}

/// Bounds beyond which a run is parked for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Of the records that a run scanned, how many may be dead-lettered.
    pub max_error_fraction: f64,
    /// Fractions are looked at from so many records on.
    pub min_records: u64,
}

/// What the engine must know of a source, whatever system it is.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSource {
    pub connection: ConnectionId,
    /// An expression; records that it refuses are skipped as filtered.
    pub filter: Option<String>,
    pub sorted: bool,
    /// The source can be asked for what changed since a version.
    pub incremental: Option<Incremental>,
    pub fields: RecordFields,
    /// Fields whose values find a record beside its id. Where there are none, no index of them is kept.
    pub searchable: Vec<Pointer>,
    /// Events that tell what changed, beside the listing.
    pub webhook: Option<Webhook>,
    pub stream: SourceStream,
}

/// Where a record's own facts stand in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordFields {
    /// One pointer, or several for a composite id.
    pub id: Vec<Pointer>,
    pub version: Option<(Pointer, VersionKind)>,
    /// Truthy means a tombstone.
    pub deleted: Option<Pointer>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Incremental {
    /// The query parameter that takes the lower bound.
    pub param: String,
    /// The bound of the very first listing.
    pub start: Option<Version>,
    pub overlap: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SourceStream {
    Rest(RestSource),
}

#[derive(Clone, Debug, PartialEq)]
pub struct JobDestination {
    pub connection: ConnectionId,
    /// Updates send only the fields that differ from what was last written.
    pub changed_fields_only: bool,
    /// Fields that a soft delete sets; none where the job does not soft-delete.
    pub soft_delete: Option<serde_json::Map<String, serde_json::Value>>,
    pub stream: DestinationStream,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DestinationStream {
    Rest(RestDestination),
}

impl Job {
    /// What turns a position into words: what its source calls things, and how it is asked.
    pub fn resume_rules(&self) -> ResumeRules {
        let shown = |pointer: &Pointer| pointer.to_string().trim_start_matches('/').replace('/', ".");
        let fields = &self.source.fields;
        ResumeRules {
            version: fields.version.as_ref().map(|(pointer, _)| shown(pointer)),
            id: fields.id.iter().map(shown).collect::<Vec<_>>().join("|"),
            position: self.position_rules(),
            start: self.source.incremental.as_ref().and_then(|incremental| incremental.start.clone()),
        }
    }

    pub fn position_rules(&self) -> PositionRules {
        PositionRules {
            sorted: self.source.sorted,
            incremental: self.source.incremental.is_some(),
            overlap: self.source.incremental.as_ref().map_or(Duration::ZERO, |incremental| incremental.overlap),
        }
    }
}
