//! The rungs of the ladder, each with what is known of it; what is not the reason; and the record's story.

use super::ladder::open_letter;
use super::verdict::{Unread, Verdict};
use super::why::{DestinationNow, Evidence, Rung, RungMark, RungTarget, SourceNow, StoryLine, WaitingEvent};
use super::{JobState, Link, Outcome, SkipReason, Timestamp, Version, told_at};

/// Lines of a record's story that are told.
const STORY_MAX: usize = 30;

pub(super) fn rungs(evidence: &Evidence) -> Vec<Rung> {
    let mut rungs = vec![in_source(evidence), in_scope(evidence), seen(evidence)];
    rungs.extend(evidence.event.map(|event| waits(evidence, event)));
    rungs.extend([changed(evidence), transformed(evidence), written(evidence), there(evidence)]);
    rungs
}

/// An event that waits. Without one there is no such rung, for most jobs have no events.
fn waits(evidence: &Evidence, event: WaitingEvent) -> Rung {
    let came = told_at(event.at, evidence.now);
    let applied = match event.applied_at {
        Some(at) if at <= evidence.now => "is applied now".to_owned(),
        Some(at) => format!("is applied at {}", told_at(at, evidence.now)),
        None => "is applied when the job is resumed".to_owned(),
    };
    let text = format!("an event for it came at {came}, {applied}");
    rung("event", RungMark::Yes, text, false, RungTarget::Job)
}

fn rung(name: &str, mark: RungMark, text: impl Into<String>, is_live: bool, target: RungTarget) -> Rung {
    Rung { name: name.to_owned(), mark, text: text.into(), is_live, target }
}

fn version_words(version: Option<&Version>) -> String {
    version.map(|version| format!(", version {version}")).unwrap_or_default()
}

fn in_source(evidence: &Evidence) -> Rung {
    use RungMark::{No, Unknown, Yes};
    let source = &evidence.job.source;
    let (mark, text, is_live) = match evidence.source() {
        Some(SourceNow::Found(found)) if found.is_deleted => {
            (No, format!("{source} says that it is deleted{}", version_words(found.version.as_ref())), true)
        }
        Some(SourceNow::Found(found)) => {
            (Yes, format!("{source} has it{}", version_words(found.version.as_ref())), true)
        }
        Some(SourceNow::Gone) => (No, format!("{source} has no such record"), true),
        Some(SourceNow::Failed(why)) => (Unknown, format!("{source} gave no answer: {why}"), true),
        Some(SourceNow::NotAsked) | None if !evidence.can_ask_source => {
            (Unknown, format!("{source} can not be asked for one record (no `one` is configured)"), false)
        }
        Some(SourceNow::NotAsked) | None => match &evidence.link {
            Some(link) if link.tombstone => (No, format!("{source} deleted it"), false),
            Some(_) if evidence.refused.is_some() => (Yes, "it was there when it was last read".to_owned(), false),
            Some(link) if !link.is_live() && link.was_deleted_unwritten() => {
                (No, format!("{source} deleted it"), false)
            }
            Some(link) if link.written.is_some() => {
                (Yes, format!("it was there{} when it was last read", version_words(link.version.as_ref())), false)
            }
            _ if !evidence.letters.is_empty() => (Yes, "it was there when it was last read".to_owned(), false),
            _ => (Unknown, format!("{source} was not asked"), false),
        },
    };
    rung("in source", mark, text, is_live, RungTarget::Job)
}

fn in_scope(evidence: &Evidence) -> Rung {
    use RungMark::{No, Nothing, Unknown, Yes};
    let rule = evidence.filter.as_deref();
    if let (Some(refused), None) = (&evidence.refused, evidence.found()) {
        let when = told_at(refused.at, evidence.now);
        let then = if refused.is_in_force { "" } else { ", which the job has no more" };
        let rule = refused.rule.as_deref().unwrap_or("it is no longer kept");
        let text = format!("the filter refused it, run #{}, {when}: {rule}{then}", refused.run);
        return rung("in scope", No, text, false, RungTarget::Job);
    }
    let (mark, text, is_live) = match (evidence.found(), rule) {
        (Some(found), _) if found.is_deleted => (Nothing, "a deleted record needs no scope".to_owned(), true),
        (Some(found), rule) => {
            let too_old =
                found.version.as_ref().zip(evidence.start.as_ref()).filter(|(version, start)| version < start);
            match (too_old, rule, &found.accepted) {
                (Some((_, start)), ..) => (No, format!("older than the start of the first listing, {start}"), true),
                (None, None, _) => (Yes, "no filter, and not before the start".to_owned(), true),
                (None, Some(rule), Ok(true)) => (Yes, format!("the filter takes it: {rule}"), true),
                (None, Some(rule), Ok(false)) => (No, format!("the filter refuses it: {rule}"), true),
                (None, Some(_), Err(why)) => (Unknown, format!("the filter can not be evaluated for it: {why}"), true),
            }
        }
        (None, _) if evidence.link.as_ref().is_some_and(|link| link.written.is_some()) => {
            (Yes, "it was in scope when it was last written".to_owned(), false)
        }
        (None, Some(rule)) => (Unknown, format!("the filter of the job: {rule}"), false),
        (None, None) => (Yes, "the job has no filter".to_owned(), false),
    };
    rung("in scope", mark, text, is_live, RungTarget::Job)
}

fn seen(evidence: &Evidence) -> Rung {
    use RungMark::{No, Unknown, Yes};
    let now = evidence.now;
    let place = evidence.job.checkpoint.as_ref().map_or_else(
        || "the job has no checkpoint yet".to_owned(),
        |checkpoint| {
            let mark = checkpoint.position.watermark.as_ref();
            let mark = mark.map(|mark| format!(" ({})", mark.version)).unwrap_or_default();
            format!("checkpoint #{} of {}{mark}", checkpoint.sequence, told_at(checkpoint.saved_at, now))
        },
    );
    let last = evidence.link.as_ref().and_then(|link| link.history.last());
    let newest = evidence.letters.first();
    let target = RungTarget::Checkpoints;
    if evidence.is_in_flight {
        return rung("seen", Yes, "on a page that is being written now", false, target);
    }
    let is_unread = evidence.found().and_then(|found| found.is_as_written) == Some(false);
    if let (true, Some(found)) = (is_unread, evidence.found()) {
        let version = version_words(found.version.as_ref()).trim_start_matches(", ").to_owned();
        return rung("seen", No, format!("what it is now was not read: {version}; {place}"), true, target);
    }
    match (last, newest) {
        (Some(last), _) => {
            let text = format!("read by run #{}, {}; {place}", last.run, told_at(last.at, now));
            rung("seen", Yes, text, false, target)
        }
        (None, Some(letter)) => {
            rung("seen", Yes, format!("read before {}; {place}", told_at(letter.last_at, now)), false, target)
        }
        (None, None) if evidence.link.is_some() => rung("seen", Yes, place, false, target),
        (None, None) => {
            let mark = if evidence.found().is_some() { No } else { Unknown };
            rung("seen", mark, format!("nothing is remembered of it; {place}"), false, target)
        }
    }
}

fn changed(evidence: &Evidence) -> Rung {
    use RungMark::{Nothing, Unknown, Yes};
    let is_written = evidence.link.as_ref().is_some_and(Link::is_live);
    let (mark, text, is_live) = match evidence.found().map(|found| found.is_as_written) {
        Some(Some(true)) => (Nothing, "the same as what was last written: an unchanged record is skipped", true),
        Some(Some(false)) => (Yes, "it differs from what was last written", true),
        Some(None) => (Yes, "it was never written", true),
        None if is_written => (Unknown, "whether it changed since it was written is not known", false),
        None if evidence.link.is_some() => (Yes, "it was never written", false),
        None => (Nothing, "nothing was written to compare it with", false),
    };
    rung("changed", mark, text, is_live, RungTarget::Log)
}

fn transformed(evidence: &Evidence) -> Rung {
    use super::ReasonClass::{Mapping, Unreadable};
    use RungMark::{No, Nothing, Yes};
    let named = |field: &Option<String>, why: &str| match field {
        Some(field) if !field.is_empty() => format!("no rule takes `{field}`: {why}"),
        _ => why.to_owned(),
    };
    let letter = open_letter(evidence);
    let refused = letter.filter(|letter| matches!(letter.reason.class, Mapping | Unreadable));
    match (evidence.found(), refused) {
        (Some(found), _) if found.refused.is_some() => {
            let (field, why) = found.refused.clone().unwrap_or_default();
            rung("transformed", No, named(&field, &why), true, RungTarget::Job)
        }
        (Some(found), _) if !found.is_deleted => rung("transformed", Yes, "every rule takes it", true, RungTarget::Job),
        (_, Some(letter)) => {
            let text = named(&letter.reason.field, &letter.reason.message);
            rung("transformed", No, text, false, RungTarget::Letter(letter.id, letter.group))
        }
        _ if letter.is_some() || evidence.link.as_ref().is_some_and(|link| link.written.is_some()) => {
            rung("transformed", Yes, "no rule refused it", false, RungTarget::Job)
        }
        _ => rung("transformed", Nothing, "it was not mapped", false, RungTarget::Job),
    }
}

fn written(evidence: &Evidence) -> Rung {
    use RungMark::{No, Nothing, Unknown, Yes};
    let now = evidence.now;
    let link = evidence.link.clone().unwrap_or_default();
    if let Some(letter) = open_letter(evidence) {
        let tries = letter.attempts.len();
        let text = format!("{} ×{tries} → dead letter #{}", letter.reason.title(), letter.id);
        return rung("written", No, text, false, RungTarget::Letter(letter.id, letter.group));
    }
    let target = RungTarget::Log;
    if link.written.is_some() {
        let done = evidence.written();
        let at = done.at.map(|at| told_at(at, now)).unwrap_or_else(|| "long ago".to_owned());
        let run = done.run.map(|run| format!(", run #{run}")).unwrap_or_default();
        let known_as = done.id.map(|id| format!(" as {id}")).unwrap_or_default();
        let what = if link.tombstone {
            "deleted"
        } else if done.was_created {
            "created"
        } else {
            "written"
        };
        return rung("written", Yes, format!("{what}{known_as}, {at}{run}"), false, target);
    }
    if link.may_have_arrived() {
        return rung("written", Unknown, "a write was sent and its end was not seen", false, target);
    }
    match evidence.in_doubt_since {
        Some(since) => {
            let text =
                format!("never, as far as is known; a run since {} did not see all it sent", told_at(since, now));
            rung("written", Unknown, text, false, RungTarget::Job)
        }
        None => rung("written", Nothing, "never", false, target),
    }
}

fn there(evidence: &Evidence) -> Rung {
    use RungMark::{No, Unknown, Yes};
    let destination = &evidence.job.destination;
    let (mark, text, is_live) = match evidence.destination() {
        Some(DestinationNow::Found { differs }) if differs.is_empty() => {
            (Yes, format!("{destination} has it as it should be"), true)
        }
        Some(DestinationNow::Found { differs }) => {
            let n = differs.len();
            let fields = if n == 1 { "field differs" } else { "fields differ" };
            (No, format!("{destination} has it, but {n} {fields}: {}", differs.join(", ")), true)
        }
        Some(DestinationNow::Gone) => (No, format!("{destination} has no such record"), true),
        Some(DestinationNow::Failed(why)) => (Unknown, format!("{destination} gave no answer: {why}"), true),
        Some(DestinationNow::NotAsked) | None if !evidence.can_ask_destination => {
            (Unknown, format!("{destination} can not be asked for one record (no `one` is configured)"), false)
        }
        Some(DestinationNow::NotAsked) | None => (Unknown, format!("{destination} was not asked"), false),
    };
    rung("destination", mark, text, is_live, RungTarget::Job)
}

/// What was looked at and does not explain it.
pub(super) fn others(evidence: &Evidence, verdict: &Verdict) -> Vec<String> {
    let state = &evidence.job.state;
    let is_unread = |wanted: fn(&Unread) -> bool| matches!(verdict, Verdict::NotYetRead { why, .. } if wanted(why));
    let discarded = evidence.letters.iter().any(|letter| letter.state.place() == super::LetterPlace::Discarded);
    let is_moved = evidence.written().id.is_some();
    let found = evidence.found();
    let checks: [(&str, bool); 9] = [
        (
            "paused job",
            !matches!(state, JobState::Paused { .. }) && !is_unread(|why| matches!(why, Unread::Paused { .. })),
        ),
        ("job that needs attention", !matches!(state, JobState::NeedsAttention { .. })),
        ("rate limit or outage", !matches!(state, JobState::Waiting { .. })),
        ("dead letter", open_letter(evidence).is_none()),
        ("discarded by a person", !discarded),
        (
            "deleted by the source",
            !evidence.link.as_ref().is_some_and(|link| link.tombstone) && found.is_none_or(|found| !found.is_deleted),
        ),
        (
            "filter",
            match found {
                Some(found) => evidence.filter.is_none() || found.accepted == Ok(true),
                None => evidence.filter.is_none() && evidence.refused.is_none(),
            },
        ),
        ("write without a known end", evidence.in_doubt_since.is_none()),
        ("another id at the destination", !is_moved),
    ];
    checks.into_iter().filter(|(_, is_out)| *is_out).map(|(name, _)| name.to_owned()).collect()
}

/// What happened to the record, as far as it is remembered.
pub(super) fn story(evidence: &Evidence) -> Vec<StoryLine> {
    let mut lines = Vec::new();
    let mut tell = |at: Timestamp, text: String| lines.push(StoryLine { at, text });
    for event in evidence.link.iter().flat_map(|link| &link.history) {
        let what = match event.outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Deleted => "deleted",
            Outcome::Held => "held",
            // The letter's own lines tell it.
            Outcome::Errored => continue,
            Outcome::Skipped(SkipReason::Unchanged) => "unchanged",
            Outcome::Skipped(SkipReason::Stale) => "stale",
            Outcome::Skipped(SkipReason::Filtered) => "refused by the filter",
            Outcome::Skipped(SkipReason::Ignored) => "deleted at the source, nothing to do",
            Outcome::Skipped(_) => "skipped",
        };
        tell(event.at, format!("{what}, run #{}", event.run));
    }
    for letter in &evidence.letters {
        for (at, attempt) in letter.attempts.iter().enumerate() {
            let status = attempt.status.map(|status| format!("{status} ")).unwrap_or_default();
            tell(attempt.at, format!("try {}: {status}{}, run #{}", at + 1, attempt.message, attempt.run));
        }
        tell(letter.last_at, format!("dead letter #{}", letter.id));
        match &letter.state {
            super::LetterState::Waiting => {}
            super::LetterState::Retrying { since, by } => tell(*since, format!("retry ordered by {by}")),
            super::LetterState::Discarded { at, by, reason } => tell(*at, format!("discarded by {by}: {reason}")),
            super::LetterState::Recovered { at, run } => {
                tell(*at, format!("dead letter #{} settled by run #{run}", letter.id))
            }
        }
    }
    lines.sort_by_key(|line| line.at);
    let surplus = lines.len().saturating_sub(STORY_MAX);
    lines.drain(..surplus);
    lines
}
