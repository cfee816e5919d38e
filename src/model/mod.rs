//! What is true: plain data and pure rules. No async, no I/O; reads no clock, throws no dice.

mod actor;
pub mod backoff;
mod budget;
mod bulk;
mod calls;
pub mod cause;
mod checkpoint;
mod clock;
mod connection;
mod correction;
mod counts;
pub mod cron;
mod dead_letter;
mod dry_run;
mod edit;
mod figures;
pub mod filter;
mod held;
mod history;
mod identity;
mod ids;
mod intent;
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
mod related;
mod rest;
mod resume;
mod rewind;
mod run;
mod rungs;
mod schedule;
mod secret;
mod shape;
mod sheet;
mod side_by_side;
mod snapshot;
mod template;
mod token;
mod verdict;
mod verdict_words;
mod version;
mod visible;
pub mod webhook;
mod webhook_words;
mod why;

pub use actor::{Actor, Via};
pub use backoff::RetryRule;
pub use budget::{CallBudget, LowBudget};
pub use bulk::{BulkRetry, BulkStage, FailedAs, LetterEnd};
pub use calls::{
    AnswerCounts, BudgetStatus, CALL_BUCKET_SECONDS, CALL_BUCKETS, CallBucket, Circuit, ConnectionStatus, Health, Hold,
    JobCalls, LastOpen, LastThrottled, Tested,
};
pub use checkpoint::Checkpoint;
pub use clock::{Clock, Timestamp, told_at};
pub use connection::{
    AllowedHost, Auth, ClientAuth, Connection, ConnectionKind, Limits, OAuth2, QuotaRule, RestConnection,
};
pub use correction::{Correction, FieldCorrection};
pub use counts::{Counts, Outcome, SkipCounts, SkipReason};
pub use dead_letter::{Attempt, DeadLetter, GroupId, LetterGroup, LetterPlace, LetterState, Reason, ReasonClass};
pub use dry_run::{PlanFrom, PlanOrder, PlanPart, PlanRow, PlanTotals, PlanWhat, PlannedField, field_changes};
pub use edit::{EditField, EditForm, FieldChange, LetterCheck, ValueKind};
pub use figures::{counted, grouped};
pub use filter::{LetterFilter, LogFilter, Selection};
pub use held::{DeleteCause, HeldDelete, Kept, Missing, Release, Withheld};
pub use history::{HISTORY_MARKS_MAX, HISTORY_MINUTES, Happening, History, HistoryMark};
pub use identity::Identity;
pub use ids::{ConnectionId, DeadLetterId, DestinationId, Epoch, JobId, RecordId, RunId, Sequence};
pub use intent::{Intent, Whereabouts};
pub use job::{
    Creates, DeletePolicy, DestinationStream, Guard, Incremental, Job, JobDestination, JobSource, KeyType, OnAltered,
    OnOrphan, RecordFields, SourceStream, Unknowns,
};
pub use ladder::ladder;
pub use letter_request::{LetterRequest, RequestHeader, variable_of};
pub use link::{DeadMark, Fingerprint, Link, LinkEvent};
pub use notice::{JournalEntry, JournalProof, Level, Notice};
pub use notify::{Alert, AlertEvent, Hook, HookWay};
pub use pointer::Pointer;
pub use position::{Phase, Position, PositionRules, Sweeping, Watermark};
pub use quota::{KeptQuota, QuotaStatus};
pub use reading::RecordReader;
pub use record::{Change, Cursor, Item, Page, RawJson};
pub use related::related_id;
pub use rest::{
    Method, NextUrl, Paginate, RestBatch, RestDestination, RestLinked, RestLog, RestLogHead, RestLookup, RestRecord,
    RestRequest, RestSource, RestWrite, VersionHeader,
};
pub use resume::ResumeRules;
pub use rewind::{CheckpointFile, Moved, MovedWhat, RewindPreview, RewindTo};
pub use run::{FilterRule, JobControl, JobFinish, Parked, Paused, RangeOrder, Run, RunEnd, RunKind, Seen};
pub use schedule::{Schedule, written_duration};
pub use secret::{Masks, Secret};
pub use shape::{Shape, ShapeChange};
pub use sheet::{csv_cell, csv_row, harmless_json};
pub use side_by_side::{differing, field_values, projected, side_by_side};
pub use snapshot::{
    EngineInfo, Finding, FindingKind, FindingTarget, JobState, JobStatus, Leftover, LetterRow, Progress,
    RATE_BUCKET_SECONDS, RATE_BUCKETS, RecoveredFaults, RunMark, RunStatus, Snapshot,
};
pub use template::{BodyTemplate, Template, TemplateUse};
pub use token::{KeptToken, TokenStatus};
pub use verdict::{DeadLetterFacts, Delivered, LetterStage, Mend, Subject, Tenor, There, Unread, Verdict};
pub use version::{Version, VersionKind};
pub use visible::{is_hidden, visible};
pub use webhook::{InboxFacts, Serve, Webhook, WebhookStatus};
pub use webhook_words::{Says, WebhookFact};
pub use why::{
    Asked, DestinationNow, Evidence, FieldNow, FoundAtSource, MatchedBy, Refused, Rung, RungMark, RungTarget,
    SourceNow, StoryLine, WaitingEvent, Why, WhyAnswer,
};
