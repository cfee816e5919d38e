//! A job: the standing order, as the configuration gives it.

use super::mapping::FieldRule;
use super::{
    ConnectionId, JobId, Missing, Pointer, PositionRules, RestDestination, RestSource, ResumeRules, Schedule, Version,
    VersionKind, Webhook,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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
    /// How many records a run may delete. What is beyond waits for a person.
    pub max_deletes: u64,
    /// As `max_deletes`, as a fraction of the records that the job keeps at the destination.
    pub max_delete_fraction: f64,
    /// A whole listing without any record is believed even where there were some.
    pub allow_empty: bool,
}

impl Guard {
    /// How many of `live` records a run may delete.
    pub fn deletes_max(&self, live: u64) -> u64 {
        if live < self.min_records {
            return self.max_deletes;
        }
        self.max_deletes.min((live as f64 * self.max_delete_fraction) as u64)
    }

    /// Its limits on deletes, in words: `1000 and 20 %`.
    pub fn delete_words(&self) -> String {
        format!("{} and {} %", self.max_deletes, (self.max_delete_fraction * 1000.0).round() / 10.0)
    }
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
    /// What becomes of records that a whole listing left out.
    pub missing: Missing,
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
    pub key_type: KeyType,
    pub version: Option<(Pointer, VersionKind)>,
    /// Truthy means a tombstone.
    pub deleted: Option<Pointer>,
    /// Put before each id where several systems are read into one stream; else empty.
    pub prefix: String,
}

/// What an id is in a record. One that is of another type is reported, and taken for no record's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// A text or an integer: `"7"` and `7` are the same id.
    #[default]
    Any,
    Text,
    Integer,
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
    pub creates: Creates,
    /// A write carries the version that was last seen there, and one that is refused for it is looked at again.
    pub checks_versions: bool,
    /// What was written is read back and compared; none where it is not.
    pub verify: Option<OnAltered>,
    pub stream: DestinationStream,
}

/// How a record comes to be at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creates {
    /// Under the source's id: the same write once more changes nothing.
    InPlace,
    /// Under an id of the destination's own, and it is looked for first, so nothing is made twice.
    LookedUp,
    /// Under an id of the destination's own, by a request that makes another record each time.
    Once(Unknowns),
}

/// What settles a create whose answer never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknowns {
    /// The destination remembers an idempotency key for so long.
    pub key: Option<Duration>,
    /// It can be looked for.
    pub lookup: bool,
    /// It is sent again, whatever stands there.
    pub at_least_once: bool,
}

/// What becomes of a record that the destination keeps otherwise than it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnAltered {
    Warn,
    DeadLetter,
}

impl Creates {
    /// The destination makes ids of its own, which links keep.
    pub fn makes_ids(self) -> bool {
        self != Self::InPlace
    }

    /// What settles unknown outcomes, where there can be any.
    pub fn unknowns(self) -> Option<Unknowns> {
        match self {
            Self::Once(unknowns) if !unknowns.at_least_once => Some(unknowns),
            Self::InPlace | Self::LookedUp | Self::Once(_) => None,
        }
    }

    /// A record can be looked for by the source's id.
    pub fn can_find(self) -> bool {
        match self {
            Self::InPlace => false,
            Self::LookedUp => true,
            Self::Once(unknowns) => unknowns.lookup,
        }
    }
}

impl Unknowns {
    /// Nothing but a person can tell.
    pub fn asks(self) -> bool {
        self.key.is_none() && !self.lookup && !self.at_least_once
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum DestinationStream {
    Rest(RestDestination),
}

impl RecordFields {
    /// The id as the source itself writes it.
    pub fn id_at_source<'a>(&self, id: &'a str) -> &'a str {
        id.strip_prefix(self.prefix.as_str()).unwrap_or(id)
    }

    /// What a person typed as an id, with the prefix that all ids of this stream have.
    pub fn id_with_prefix<'a>(&self, typed: &'a str) -> Cow<'a, str> {
        match typed.starts_with(self.prefix.as_str()) {
            true => Cow::Borrowed(typed),
            false => Cow::Owned(format!("{}{typed}", self.prefix)),
        }
    }
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
            sweeps: self.source.missing == Missing::Delete,
            has_log: matches!(&self.source.stream, SourceStream::Rest(rest) if rest.change_log.is_some()),
        }
    }
}
