//! What is true: plain data and pure rules. No async, no I/O; reads no clock, throws no dice.

mod actor;
pub mod backoff;
mod bulk;
mod calls;
pub mod cause;
mod checkpoint;
mod clock;
mod connection;
mod correction;
mod counts;
mod dead_letter;
mod dry_run;
mod edit;
pub mod filter;
mod ids;
mod job;
mod ladder;
mod letter_request;
mod link;
pub mod mapping;
mod notice;
mod notify;
pub mod plan;
mod pointer;
mod position;
mod quota;
mod reading;
mod record;
pub mod redact;
mod rest;
mod resume;
mod rewind;
mod run;
mod rungs;
mod secret;
mod sheet;
mod side_by_side;
mod snapshot;
mod template;
mod token;
mod verdict;
mod verdict_words;
mod version;
mod visible;
mod why;

pub use actor::{Actor, Via};
pub use backoff::RetryRule;
pub use bulk::{BulkRetry, BulkStage, LetterEnd};
pub use calls::{
    AnswerCounts, BudgetStatus, CALL_BUCKET_SECONDS, CALL_BUCKETS, CallBucket, Circuit, ConnectionStatus, Health, Hold,
    JobCalls, LastOpen, LastThrottled, Tested,
};
pub use checkpoint::Checkpoint;
pub use clock::{Clock, Timestamp, told_at};
pub use connection::{Auth, ClientAuth, Connection, ConnectionKind, Limits, OAuth2, QuotaRule, RestConnection};
pub use correction::{Correction, FieldCorrection};
pub use counts::{Counts, Outcome, SkipCounts, SkipReason};
pub use dead_letter::{Attempt, DeadLetter, GroupId, LetterGroup, LetterPlace, LetterState, Reason, ReasonClass};
pub use dry_run::{PlanFrom, PlanOrder, PlanPart, PlanRow, PlanTotals, PlanWhat, PlannedField, field_changes};
pub use edit::{EditField, EditForm, FieldChange, LetterCheck, ValueKind};
pub use filter::{LetterFilter, LogFilter, Selection};
pub use ids::{ConnectionId, DeadLetterId, DestinationId, Epoch, JobId, RecordId, RunId, Sequence};
pub use job::{
    DeletePolicy, DestinationStream, Guard, Incremental, Job, JobDestination, JobSource, OnOrphan, RecordFields,
    Schedule, SourceStream,
};
pub use ladder::ladder;
pub use letter_request::{LetterRequest, RequestHeader, variable_of};
pub use link::{DeadMark, Fingerprint, Link, LinkEvent};
pub use notice::{JournalEntry, JournalProof, Level, Notice};
pub use notify::{Alert, AlertEvent, Hook, HookWay};
pub use pointer::Pointer;
pub use position::{Phase, Position, PositionRules, Watermark};
pub use quota::{KeptQuota, QuotaStatus};
pub use reading::RecordReader;
pub use record::{Change, Cursor, Item, Page, RawJson};
pub use rest::{
    Method, NextUrl, Paginate, RestBatch, RestDestination, RestRecord, RestRequest, RestSource, RestWrite,
    VersionHeader,
};
pub use resume::ResumeRules;
pub use rewind::{CheckpointFile, Moved, MovedWhat, RewindPreview, RewindTo};
pub use run::{FilterRule, JobControl, JobFinish, Parked, Paused, Run, RunEnd, RunKind};
pub use secret::{Masks, Secret};
pub use sheet::{csv_cell, csv_row, harmless_json};
pub use side_by_side::{differing, side_by_side};
pub use snapshot::{
    EngineInfo, Finding, FindingKind, FindingTarget, JobState, JobStatus, LetterRow, Progress, RATE_BUCKET_SECONDS,
    RATE_BUCKETS, RecoveredFaults, RunMark, RunStatus, Snapshot,
};
pub use template::{BodyTemplate, Template, TemplateUse};
pub use token::{KeptToken, TokenStatus};
pub use verdict::{DeadLetterFacts, Delivered, LetterStage, Mend, Subject, Tenor, There, Unread, Verdict};
pub use version::{Version, VersionKind};
pub use visible::{is_hidden, visible};
pub use why::{
    Asked, DestinationNow, Evidence, FieldNow, FoundAtSource, MatchedBy, Refused, Rung, RungMark, RungTarget,
    SourceNow, StoryLine, Why, WhyAnswer,
};
