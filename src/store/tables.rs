//! Every table of the state file. Numbers of jobs, letters and runs are keys, so that what is written together lies together.

use redb::TableDefinition;

/// The version of all that stands below. A file with a greater one is refused.
pub(super) const FORMAT: u32 = 1;

/// `format` → [`FORMAT`]; `letter_next` → the first dead-letter number that no letter ever had.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Job's name → its number, epoch, last checkpoint, counts and kept figures ([`super::jobs::JobRow`]).
pub(super) const JOBS: TableDefinition<&str, &[u8]> = TableDefinition::new("jobs");

/// Job number → what a person decided about it ([`crate::model::JobControl`]).
pub(super) const CONTROLS: TableDefinition<u32, &[u8]> = TableDefinition::new("controls");

/// Connection's name → who holds back its calls ([`crate::model::Hold`]). Files of earlier versions have no such table.
pub(super) const HOLDS: TableDefinition<&str, &[u8]> = TableDefinition::new("holds");

/// Connection's name → the tokens of its sign-in, sealed ([`crate::model::KeptToken`]). Absent until one signs in.
pub(super) const TOKENS: TableDefinition<&str, &[u8]> = TableDefinition::new("tokens");

/// Connection's name → the calls of its quota's present span ([`crate::model::KeptQuota`]). Absent until one has a quota.
pub(super) const QUOTAS: TableDefinition<&str, &[u8]> = TableDefinition::new("quotas");

/// Connection's name → the lower budget that a person set ([`crate::model::LowBudget`]). Absent until one is set.
pub(super) const BUDGETS: TableDefinition<&str, &[u8]> = TableDefinition::new("low_budgets");

/// (job number, sequence) → [`crate::model::Checkpoint`]. Only ever added; the oldest are thinned.
pub(super) const CHECKPOINTS: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("checkpoints");

/// (job number, record id at the source) → [`crate::model::Link`], packed by hand: the one table that grows with the records.
pub(super) const LINKS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("links");

/// (job number, page of its listing) → hashes of the ids that the page listed ([`super::seen`]). Only of jobs that delete what
/// a whole listing left out; gone when it was looked for. Absent until then.
pub(super) const SEEN: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("seen");

/// (job number, record id at the source) → [`crate::model::HeldDelete`]. Absent until a delete is withheld.
pub(super) const HELD: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("held_deletes");

/// (job number, id at the destination) → record id at the source, where the two ids differ.
pub(super) const LINKS_BY_DESTINATION: TableDefinition<(u32, &str), &str> =
    TableDefinition::new("links_by_destination");

/// Letter number → what lists, filters and moves need of a dead letter ([`super::letter_rows::Head`]).
pub(super) const LETTERS: TableDefinition<u64, &[u8]> = TableDefinition::new("letters");

/// Letter number → the record, what was sent, the answer and the attempts ([`super::letter_rows::Body`]).
/// Apart from the head, so that a list does not read payloads.
pub(super) const LETTER_BODIES: TableDefinition<u64, &[u8]> = TableDefinition::new("letter_bodies");

/// (place, letter number): the letters of all jobs.
pub(super) const LETTERS_BY_PLACE: TableDefinition<(u8, u64), ()> = TableDefinition::new("letters_by_place");

/// (job number, place, letter number): the letters of one job.
pub(super) const LETTERS_BY_JOB: TableDefinition<(u32, u8, u64), ()> = TableDefinition::new("letters_by_job");

/// (group, job number, place, letter number): the letters that failed for one reason.
pub(super) const LETTERS_BY_GROUP: TableDefinition<(u64, u32, u8, u64), ()> = TableDefinition::new("letters_by_group");

/// (job number, record id, letter number): all the letters that one record ever had.
/// Not in files of the first versions; made from the letters when such a file is opened.
pub(super) const LETTERS_BY_RECORD: TableDefinition<(u32, &str, u64), ()> = TableDefinition::new("letters_by_record");

/// (job number, hash of a searchable value, record id) → the field that holds it. Only of jobs that name such fields.
pub(super) const SEARCH: TableDefinition<(u32, u128, &str), &str> = TableDefinition::new("search");

/// (job number, record id) → the hashes and fields under which the record stands in [`SEARCH`], to take the old ones out.
pub(super) const SEARCH_OF_RECORD: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("search_of_record");

/// (group, job number) → the reason and the kept counts ([`super::letter_rows::GroupRow`]).
pub(super) const GROUPS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("groups");

/// Run number → [`super::runs::RunRow`]. The oldest that ended are thinned.
pub(super) const RUNS: TableDefinition<u64, &[u8]> = TableDefinition::new("runs");

/// (job number, run number): the runs of one job.
pub(super) const RUNS_BY_JOB: TableDefinition<(u32, u64), ()> = TableDefinition::new("runs_by_job");

/// Entry number → [`crate::model::JournalEntry`]. Only ever added; the oldest are thinned.
pub(super) const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// `thinned` → number and hash of the last entry that was thinned; `last` → those of the newest entry
/// ([`super::journal::End`]). Files of before these were kept have no such table.
pub(super) const JOURNAL_ENDS: TableDefinition<&str, &[u8]> = TableDefinition::new("journal_ends");

/// (letter number, number of the correction) → [`crate::model::Correction`]. Only ever added. A file of an earlier version
/// has no such table until something is corrected in it.
pub(super) const CORRECTIONS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("corrections");

/// (job number, record id at the source, letter number, number of the correction): the corrections of one record. Absent as
/// [`CORRECTIONS`] may be.
pub(super) const CORRECTIONS_BY_RECORD: TableDefinition<(u32, &str, u64, u32), ()> =
    TableDefinition::new("corrections_by_record");

/// Number → [`crate::model::BulkRetry`]. The oldest that ended are thinned. Absent until many letters are retried at once.
pub(super) const BULKS: TableDefinition<u64, &[u8]> = TableDefinition::new("bulk_retries");

/// (job number, event number) → a webhook event that waits. Absent, as the next four, until a webhook comes.
pub(super) const INBOX: TableDefinition<(u32, u64), &[u8]> = TableDefinition::new("inbox");

/// Job number → what is kept of its inbox beside the events ([`super::inbox`]).
pub(super) const INBOX_FACTS: TableDefinition<u32, &[u8]> = TableDefinition::new("inbox_facts");

/// (job number, hash of an event's own id) → when it came, so that a second delivery is known.
pub(super) const INBOX_SEEN: TableDefinition<(u32, u128), i64> = TableDefinition::new("inbox_seen");

/// (when it came, job number, hash of an event's own id): the oldest ids are forgotten.
pub(super) const INBOX_SEEN_BY_TIME: TableDefinition<(i64, u32, u128), ()> = TableDefinition::new("inbox_seen_by_time");

/// Job's name → its subscription at the source ([`crate::model::webhook::Subscription`]).
pub(super) const SUBSCRIPTIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("subscriptions");

/// (job number, record id at the source) → [`crate::model::Intent`]. Absent until a job makes records whose ids the
/// destination makes.
pub(super) const INTENTS: TableDefinition<(u32, &str), &[u8]> = TableDefinition::new("intents");
