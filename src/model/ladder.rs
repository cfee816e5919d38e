//! The ladder: evidence in, one answer out.
//!
//! Every record climbs the same ladder. The first rung that explains the absence gives the verdict; the others are told
//! all the same, because "it is not that" is half of an answer.

use super::rungs::{others, rungs, story};
use super::verdict::{DeadLetterFacts, Delivered, LetterStage, Subject, There, Unread, Verdict};
use super::why::{DestinationNow, Evidence, FoundAtSource, SourceNow, Why};
use super::{
    DeadLetter, JobState, JobStatus, LetterPlace, LetterState, Link, Outcome, ReasonClass, Timestamp, Version,
};
use std::time::Duration;

/// A listing that began so long after a record's last change must have given it, whatever the clocks say.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(3600);

/// Climbs the ladder.
pub fn ladder(evidence: Evidence) -> Why {
    let verdict = judge(&evidence);
    let letter = open_letter(&evidence).map(|letter| (letter.id, letter.group));
    let rungs = rungs(&evidence);
    let not_the_reason = others(&evidence, &verdict);
    let story = story(&evidence);
    let job = &evidence.job;
    let subject = Subject {
        job: &job.id,
        record: &evidence.record,
        source: &job.source,
        destination: &job.destination,
        now: evidence.now,
        can_sync_one: evidence.can_ask_source,
    };
    Why {
        tenor: verdict.tenor(),
        sentence: verdict.sentence(&subject),
        outlook: verdict.outlook(&subject),
        mends: verdict.mends(&subject),
        job: job.id.clone(),
        source: job.source.clone(),
        destination: job.destination.clone(),
        verdict,
        rungs,
        not_the_reason,
        story,
        letter,
        can_sync_one: evidence.can_ask_source,
        record: evidence.record,
        matched_by: evidence.matched_by,
        fields: evidence.fields,
    }
}

impl Evidence {
    pub(super) fn source(&self) -> Option<&SourceNow> {
        self.asked.as_ref().map(|asked| &asked.source)
    }

    pub(super) fn found(&self) -> Option<&FoundAtSource> {
        match self.source() {
            Some(SourceNow::Found(found)) => Some(found),
            _ => None,
        }
    }

    pub(super) fn destination(&self) -> Option<&DestinationNow> {
        self.asked.as_ref().map(|asked| &asked.destination)
    }

    /// What stands at the destination, as far as is known.
    fn there(&self) -> There {
        let is_ours = self.link.as_ref().is_some_and(Link::is_live);
        match self.destination() {
            Some(DestinationNow::Gone) => There::No,
            Some(DestinationNow::Found { .. }) if !is_ours => There::Other,
            _ if is_ours => There::Older,
            _ => There::No,
        }
    }

    /// The last confirmed write.
    pub(super) fn written(&self) -> Delivered {
        let link = self.link.clone().unwrap_or_default();
        let is_write = |outcome: &Outcome| matches!(outcome, Outcome::Created | Outcome::Updated | Outcome::Deleted);
        let last = link.history.iter().rev().find(|event| is_write(&event.outcome));
        Delivered {
            at: last.map(|event| event.at),
            run: last.map(|event| event.run),
            id: link.destination_id.filter(|id| id.as_str() != self.record.as_str()),
            was_created: last.is_some_and(|event| event.outcome == Outcome::Created),
            fields: self
                .fields
                .iter()
                .filter(|field| field.written.is_some())
                .map(|field| field.field.clone())
                .collect(),
            version: link.version.map(|version| version.text()),
        }
    }
}

/// The letter that stands for the record now: waiting, under retry, or put away by a person.
pub(super) fn open_letter(evidence: &Evidence) -> Option<&DeadLetter> {
    use LetterPlace::{Retrying, Waiting};
    let marked = evidence.link.as_ref().and_then(|link| link.dead.as_ref()).map(|mark| mark.letter);
    let named = evidence.letters.iter().find(|letter| Some(letter.id) == marked);
    let is_open = |letter: &&DeadLetter| matches!(letter.state.place(), Waiting | Retrying);
    named
        .filter(|letter| letter.state.place() != LetterPlace::Recovered)
        .or_else(|| evidence.letters.iter().find(is_open))
}

fn judge(evidence: &Evidence) -> Verdict {
    if evidence.is_in_flight {
        return Verdict::InFlight { run: evidence.job.run.as_ref().map(|run| run.id) };
    }
    if let Some(letter) = open_letter(evidence)
        && (is_unsettled(letter) || !is_overtaken(evidence, letter))
    {
        if is_unsettled(letter) {
            return Verdict::OutcomeUnknown {
                since: Some(letter.first_at),
                letter: Some(letter.id),
                is_there: is_there(evidence),
            };
        }
        return Verdict::DeadLetter(letter_facts(evidence, letter));
    }
    if let Some(held) = evidence.held.clone()
        && evidence.found().is_none_or(|found| found.is_deleted)
    {
        return Verdict::Withheld { cause: held.cause, run: held.run, since: held.since, kept: held.kept };
    }
    of_source(evidence).unwrap_or_else(|| of_link(evidence))
}

/// A person is to say whether it was made.
fn is_unsettled(letter: &DeadLetter) -> bool {
    letter.reason.class == ReasonClass::OutcomeUnknown && letter.state == LetterState::Waiting
}

/// What the destination has just said.
fn is_there(evidence: &Evidence) -> Option<bool> {
    match evidence.destination() {
        Some(DestinationNow::Gone) => Some(false),
        Some(DestinationNow::Found { .. }) => Some(true),
        _ => None,
    }
}

/// The source holds something newer than what failed: that comes first.
fn is_overtaken(evidence: &Evidence, letter: &DeadLetter) -> bool {
    let now = evidence.found().and_then(|found| found.version.as_ref());
    matches!((now, &letter.version), (Some(now), Some(failed)) if failed < now)
}

fn letter_facts(evidence: &Evidence, letter: &DeadLetter) -> DeadLetterFacts {
    let stage = match letter.state.clone() {
        LetterState::Waiting | LetterState::Recovered { .. } => LetterStage::Waiting,
        LetterState::Retrying { since, by } => LetterStage::Retrying { since, by },
        LetterState::Discarded { at, by, reason } => LetterStage::Discarded { at, by, reason },
    };
    DeadLetterFacts {
        id: letter.id,
        stage,
        reason: letter.reason.title(),
        field: letter.reason.field.clone(),
        attempts: u32::try_from(letter.attempts.len()).unwrap_or(u32::MAX),
        since: letter.first_at,
        group_waiting: evidence.group_waiting,
        there: evidence.there(),
        is_delete: letter.deleted,
    }
}

/// What the source alone explains.
fn of_source(evidence: &Evidence) -> Option<Verdict> {
    let is_tombstone = evidence.link.as_ref().is_some_and(|link| link.tombstone);
    let found = match evidence.source()? {
        SourceNow::Gone if is_tombstone => return Some(Verdict::DeletedAtSource { deleted: Some(evidence.written()) }),
        SourceNow::Gone => return Some(Verdict::NotAtSource { there: evidence.there() }),
        SourceNow::Found(found) => found,
        SourceNow::NotAsked | SourceNow::Failed(_) => return None,
    };
    if found.is_deleted {
        return match (is_tombstone, evidence.there() == There::Older) {
            (true, _) => Some(Verdict::DeletedAtSource { deleted: Some(evidence.written()) }),
            (false, true) => None,
            (false, false) => Some(Verdict::DeletedAtSource { deleted: None }),
        };
    }
    let is_linked = evidence.link.as_ref().is_some_and(|link| link.written.is_some());
    if let (Some(version), Some(start), false) = (&found.version, &evidence.start, is_linked)
        && evidence.rules.incremental
        && version < start
    {
        return Some(Verdict::BeforeStart { version: version.text(), start: start.text() });
    }
    if found.accepted == Ok(false) && found.is_as_written != Some(true) {
        let rule = evidence.filter.clone().unwrap_or_default();
        let read = evidence.refused.clone().filter(|refused| refused.is_in_force);
        return Some(Verdict::Filtered { rule, there: evidence.there(), read });
    }
    None
}

/// What is remembered of the record explains the rest, or its job does.
fn of_link(evidence: &Evidence) -> Verdict {
    let link = evidence.link.clone().unwrap_or_default();
    let found = evidence.found();
    if let (Some(refused), None, false) = (&evidence.refused, found, link.may_have_arrived()) {
        let rule = refused.rule.clone().unwrap_or_else(|| "an expression that is no longer kept".to_owned());
        return Verdict::Filtered { rule, there: evidence.there(), read: Some(refused.clone()) };
    }
    if found.is_none() && !link.is_live() && link.written.is_none() && link.was_deleted_unwritten() {
        return Verdict::DeletedAtSource { deleted: None };
    }
    if link.tombstone && found.is_none() {
        return Verdict::DeletedAtSource { deleted: Some(evidence.written()) };
    }
    if link.is_live() {
        let written = evidence.written();
        return match (found.and_then(|found| found.is_as_written), evidence.destination()) {
            (Some(false), _) => unread(evidence),
            (_, Some(DestinationNow::Gone)) => Verdict::GoneThere { written },
            (_, Some(DestinationNow::Found { differs })) if !differs.is_empty() => {
                Verdict::ChangedThere { written, fields: differs.clone() }
            }
            (Some(true), _) => Verdict::Unchanged { written },
            (None, _) => Verdict::Written { written },
        };
    }
    let is_other = evidence.there() == There::Other;
    let may_be = |found: &FoundAtSource| is_other || may_be_of_doubt(evidence, found);
    let doubts = evidence.in_doubt_since.is_some() && found.is_some_and(may_be);
    let is_absent = matches!(evidence.destination(), Some(DestinationNow::Gone));
    if !link.tombstone && (link.may_have_arrived() || doubts) && !is_absent {
        return Verdict::OutcomeUnknown { since: evidence.in_doubt_since, letter: None, is_there: is_there(evidence) };
    }
    if found.is_some() {
        return unread(evidence);
    }
    match why_job(evidence) {
        // A job that does what it should says nothing of a record that nobody has seen.
        Held::Unread(Unread::Due { .. } | Unread::Manual) => {
            Verdict::Unknown { can_ask: evidence.can_ask_source && evidence.asked.is_none() }
        }
        told => told.verdict(None, There::Never),
    }
}

/// A change long before a doubt began can not be what the doubt is about.
fn may_be_of_doubt(evidence: &Evidence, found: &FoundAtSource) -> bool {
    match (evidence.in_doubt_since, &found.version) {
        (Some(since), Some(Version::Time { at, .. })) => {
            since.minus(Duration::from_secs(24 * 3600)) <= Timestamp::from(*at)
        }
        (since, _) => since.is_some(),
    }
}

/// Why what the source holds now was not read.
fn unread(evidence: &Evidence) -> Verdict {
    let version = evidence.found().and_then(|found| found.version.clone());
    if let Some(version) = &version
        && is_behind(evidence, version)
    {
        let mark = evidence.job.checkpoint.as_ref().and_then(|checkpoint| checkpoint.position.watermark.clone());
        return Verdict::Missed {
            version: version.text(),
            watermark: mark.map(|mark| mark.version.text()),
            is_incremental: evidence.rules.incremental,
            there: evidence.there(),
        };
    }
    why_job(evidence).verdict(version, evidence.there())
}

/// True when no listing that is to come gives a record of `version`.
fn is_behind(evidence: &Evidence, version: &Version) -> bool {
    let Some(checkpoint) = &evidence.job.checkpoint else { return false };
    let position = &checkpoint.position;
    let next = position.next_listing(evidence.rules, evidence.start.as_ref());
    if evidence.rules.incremental {
        if next.since.as_ref().is_some_and(|since| version < since) {
            return true;
        }
        // A listing in order has passed it by.
        let passed = position.highest.as_ref().map(|highest| (&highest.version, &highest.id));
        return evidence.rules.sorted
            && !position.complete
            && passed.is_some_and(|passed| (version, &evidence.record) < passed);
    }
    // Everything is listed each time, so a whole listing that began well after its last change should have given it.
    match (version, position.began) {
        (Version::Time { at, .. }, Some(began)) if position.complete => {
            Timestamp::from(*at).plus(CLOCK_SKEW_MAX) < began
        }
        _ => false,
    }
}

/// What of its job keeps a record from being read.
enum Held {
    Unread(Unread),
    Waiting { what: String, since: Timestamp, until: Option<Timestamp> },
}

impl Held {
    fn verdict(self, version: Option<Version>, there: There) -> Verdict {
        match self {
            Self::Unread(why) => Verdict::NotYetRead { why, version: version.map(|version| version.text()), there },
            Self::Waiting { what, since, until } => Verdict::Waiting { what, since, until, there },
        }
    }
}

fn why_job(evidence: &Evidence) -> Held {
    let job = &evidence.job;
    let never = job.checkpoint.is_none();
    Held::Unread(match &job.state {
        JobState::Disabled => Unread::Disabled,
        JobState::Paused { by, since, reason } => {
            Unread::Paused { by: by.clone(), since: *since, reason: reason.clone() }
        }
        // It goes on with all but its deletes.
        JobState::NeedsAttention { .. } if job.is_withholding() => of_due(job),
        JobState::NeedsAttention { why, hint, since } => {
            Unread::NeedsAttention { why: why.clone(), hint: hint.clone(), since: *since }
        }
        JobState::Waiting { what, since, until } => {
            return Held::Waiting { what: what.clone(), since: *since, until: *until };
        }
        JobState::Stalled { stage, since } => {
            let what = format!("it has not moved in `{stage}`");
            return Held::Waiting { what, since: *since, until: None };
        }
        JobState::Running | JobState::Pausing | JobState::Idle if is_listing(job) => Unread::Listing {
            done: job.progress.done,
            total: job.progress.total,
            eta_seconds: job.progress.eta_seconds,
            is_first: job.phase == super::Phase::Backfill,
        },
        JobState::Running | JobState::Pausing | JobState::Idle if never => Unread::NeverRun,
        _ => of_due(job),
    })
}

fn of_due(job: &JobStatus) -> Unread {
    match job.due {
        Some(at) => Unread::Due { at },
        None => Unread::Manual,
    }
}

/// A listing is in progress, or was left in its middle.
fn is_listing(job: &JobStatus) -> bool {
    let is_half_way = job.checkpoint.as_ref().is_some_and(|checkpoint| !checkpoint.position.complete);
    is_half_way || job.run.as_ref().is_some_and(|run| run.kind.moves_checkpoint())
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
