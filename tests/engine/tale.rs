//! What a story file may say. Whatever is misspelled is refused.

use serde::Deserialize;
use std::collections::BTreeMap;
use syncdeck::sim::{Churn, FaultRule, Latency, Profile, RateLimit, Removal, Side, Spoil};
use toml::Table;

/// A story: a world, jobs, and what happens in order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// One sentence.
    #[allow(dead_code, reason = "it is for those who read the file")]
    pub about: String,
    /// Rows of the fault matrix that the story holds.
    #[allow(dead_code, reason = "it is for those who read the file")]
    #[serde(default)]
    pub rows: Vec<u32>,
    #[serde(default = "one")]
    pub seed: u64,
    #[serde(default)]
    pub world: WorldSpec,
    /// The job whose figures are looked at where an act names none.
    #[serde(default = "customers")]
    pub job: String,
    /// Laid over the house's usual configuration: one job that writes customers one by one.
    #[serde(default)]
    pub config: Table,
    /// Keys (`jobs.customers.source.one`) that the usual configuration has and this one has not.
    #[serde(default)]
    pub without: Vec<String>,
    /// The disk remembers its commits, so that a kill may lose the last ones.
    #[serde(default)]
    pub remembering_disk: bool,
    /// Breaches of the destination's own book that this story is about: `overlap`, `stale_overwrite` …
    #[serde(default)]
    pub violations: Vec<String>,
    pub act: Vec<Act>,
}

fn one() -> u64 {
    1
}

fn customers() -> String {
    "customers".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldSpec {
    /// Customers (and orders, products …) in the shop.
    pub records: u64,
    /// The share of them that the CRM refuses.
    pub bad: f64,
    pub latency: Vec<(Side, Latency)>,
    pub limits: Vec<(Side, String, RateLimit)>,
    /// The most items of a batch that the CRM takes.
    pub batch_max: Option<usize>,
    /// A text field of which the CRM keeps so many characters.
    pub shortens: Option<(String, usize)>,
}

impl Default for WorldSpec {
    fn default() -> Self {
        Self { records: 120, bad: 0.0, latency: Vec::new(), limits: Vec::new(), batch_max: None, shortens: None }
    }
}

/// One thing that happens, or several at once in the order of these members, and what is true afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Act {
    /// Which job is meant; else the story's.
    pub job: Option<String>,

    // What goes wrong.
    pub faults: Vec<FaultRule>,
    pub profile: Option<Profile>,
    pub latency: Vec<(Side, Latency)>,
    /// No faults any more.
    pub calm: bool,
    pub expire_cursors: bool,
    /// The shop forgets what its change log told so far.
    pub purge_log: bool,
    /// What the CRM demands as a bearer token; an empty text lets everybody in.
    pub crm_token: Option<String>,
    pub disk: Option<DiskState>,

    // What changes at the systems.
    pub edit: Vec<String>,
    /// A member of a record at the shop is set; its time is now.
    pub set: Vec<SetMember>,
    pub insert: u64,
    pub delete: Option<Delete>,
    /// A record comes whose time lies so many seconds before the newest one's.
    pub late_commit: Option<u64>,
    pub spoil: Vec<(String, Spoil)>,
    pub mend: Vec<String>,
    /// Records of the shop as they are written here.
    pub put: BTreeMap<String, String>,
    /// Records of the CRM vanish behind everybody's back.
    pub lose: Vec<String>,
    /// A record of the CRM is changed behind everybody's back.
    pub overwrite: Vec<(String, String)>,
    /// Records that somebody makes at the CRM, and what they are known as outside.
    pub made_there: Vec<(String, String)>,
    /// The shop changes while it is listed.
    pub churn: Option<(u64, Churn)>,
    pub stop_churn: bool,

    // What people and processes do.
    /// The process is killed.
    pub kill: Option<Kill>,
    /// The process is killed, and its state file is gone.
    pub lose_state: bool,
    /// The process ends in order, and a new one begins over the same state.
    pub restart: bool,
    /// The process ends, and begins again with this laid over its configuration.
    pub reconfigure: Option<Table>,
    pub pause: Option<String>,
    pub resume: bool,
    pub trigger: bool,
    /// The job's changed key or destination is accepted.
    pub accept: bool,
    pub cancel: bool,
    /// Letters of these records, or all (`["*"]`), are retried.
    pub retry: Vec<String>,
    /// As `retry`, one first and the rest slowly.
    pub retry_carefully: Vec<String>,
    /// The most letters that such a retry sends in a minute.
    pub per_minute: Option<u32>,
    pub stop_retry: bool,
    /// A retry of these records' letters moves none.
    pub retry_in_vain: Vec<String>,
    /// What a person found out about records whose outcome is unknown.
    pub settle: Vec<Settle>,
    /// Values (JSON) that a person puts in place of those of a record's letter; an empty text leaves the field out.
    pub correct: Vec<Correct>,
    /// What was put in for the same bad value before is applied to these records' letters.
    pub apply_offered: Vec<String>,
    pub discard: Vec<String>,
    pub restore: Vec<String>,
    /// So many withheld deletes are released; 0: as many as wait.
    pub release_held: Option<u64>,
    /// Withheld deletes are given up.
    pub discard_held: bool,
    /// The job is put back to this checkpoint; 0 is the start.
    pub rewind: Option<u64>,
    /// `run --once`, with a process of its own.
    pub run: Option<Run>,
    /// The engine serves; where it does so already, time passes.
    pub serve: Option<String>,
    /// As `serve`, but only until this is so.
    pub until: Option<Until>,
    /// The engine stops in order.
    pub stop: bool,

    pub expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correct {
    pub id: String,
    pub fields: BTreeMap<String, String>,
    /// Saved, and not sent yet.
    #[serde(default)]
    pub only_save: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub id: String,
    pub there: bool,
    /// The record at the CRM, by what it is known as outside.
    pub known_as: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskState {
    /// Nothing can grow.
    Full,
    /// Nothing can be written.
    Broken,
    Mended,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMember {
    pub id: String,
    pub name: String,
    pub value: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    pub ids: Vec<String>,
    #[serde(default = "tombstone")]
    pub how: Removal,
}

fn tombstone() -> Removal {
    Removal::Tombstone
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kill {
    /// The disk is found as it was so many syncs ago.
    pub lost_syncs: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    pub full: bool,
    pub max_records: Option<u64>,
    pub since: Option<String>,
}

/// A moment to wait for. All that is named must be so.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Until {
    pub state: Option<String>,
    /// Records of the job's collection at the CRM.
    pub delivered: Option<u64>,
    pub letters: Option<u64>,
    /// Checkpoints of the job.
    pub sequence: Option<u64>,
    /// Runs that have ended.
    pub runs: Option<usize>,
    /// Letters of the last careful retry that have an outcome.
    pub retried: Option<u64>,
    /// The last careful retry has ended.
    pub retry_ended: bool,
    /// Longer than this is a failure.
    pub within: String,
}

/// What is true after an act. What is not named is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// How the last run ended: `done`, `handed_over`, `stopped`, `failed`, `parked`, `interrupted`.
    pub end: Option<String>,
    /// What the reason of a failed end contains.
    pub why: Option<String>,
    /// Of `run`: of all that it ran; else of the last run. Names as in JSON; skip reasons by their own names.
    pub counts: BTreeMap<String, u64>,
    pub state: Option<String>,
    /// Letters that wait or are being retried.
    pub letters: Option<u64>,
    /// Titles of the waiting letters, and how many have it.
    pub titles: BTreeMap<String, u64>,
    /// Attempts of the letter of a record.
    pub attempts: BTreeMap<String, usize>,
    /// Where the newest letter of a record stands: `waiting`, `retrying`, `discarded`, `recovered`.
    pub places: BTreeMap<String, String>,
    /// The destination is what the source and the map make it.
    pub in_step: bool,
    /// Nothing that the source holds is missing or different at the destination; there may be more.
    pub nothing_missing: bool,
    /// Records that are not looked at for that.
    pub except: Vec<String>,
    pub requests: Vec<Requests>,
    pub seconds_at_least: Option<f64>,
    pub seconds_at_most: Option<f64>,
    pub sequence: Option<u64>,
    /// True: the checkpoint is where it was before the act.
    pub same_checkpoint: bool,
    pub watermark: Option<String>,
    /// How often a record was written at the CRM.
    pub applied: BTreeMap<String, u64>,
    /// Applied writes that brought what stood there already.
    pub rewrites_at_most: Option<u64>,
    /// What `why` answers of a record without asking anyone.
    pub verdicts: BTreeMap<String, String>,
    /// Members of records at the CRM, `id/member`.
    pub members: BTreeMap<String, serde_json::Value>,
    pub at_crm: Vec<String>,
    pub not_at_crm: Vec<String>,
    /// Notices that were told since the act began, and words in their text.
    pub told: Vec<(String, String)>,
    /// What the last entry of the journal did, and why.
    pub journal: Option<(String, String)>,
    pub not_told: Vec<String>,
    /// Runs of the job in all.
    pub runs: Option<usize>,
    /// The last careful retry: `total`, `recovered`, `failed`, `needless`.
    pub careful: BTreeMap<String, u64>,
    /// Why it was stopped contains this; an empty text: it was not stopped.
    pub stopped_because: Option<String>,
    /// What the next run reads, in words.
    pub resumes: Option<String>,
    /// Withheld deletes that wait, and records that a person keeps against their delete.
    pub withheld: Option<u64>,
    pub kept: Option<u64>,
    /// What `why` says of records, by the verdict's word.
    pub why_of: BTreeMap<String, String>,
    /// Letters that wait and are not under retry.
    pub waiting: Option<u64>,
    /// Records for whose letter somebody's correction is offered, and those for whose there is none.
    pub offered: Vec<String>,
    pub not_offered: Vec<String>,
    /// What a retry of all open letters would do, by the names of the preview's figures.
    pub preview: BTreeMap<String, u64>,
    /// The message of the last attempt of a record's letter.
    pub last_attempt: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    pub side: Side,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default)]
    pub path_contains: Option<String>,
    #[serde(default)]
    pub at_least: u64,
    #[serde(default)]
    pub at_most: Option<u64>,
}
