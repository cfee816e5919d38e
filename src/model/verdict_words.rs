//! The words of the answers of `why`: one sentence each, what happens next by itself, and what mends it.

use super::verdict::{DeadLetterFacts, Delivered, LetterStage, Mend, Subject, There, Unread, Verdict};
use super::{ConnectionId, DeadLetterId, JobId, Refused, Timestamp, told_at};

impl Verdict {
    /// The answer in one sentence.
    pub fn sentence(&self, about: &Subject<'_>) -> String {
        let Subject { job, record, source, destination, now, .. } = *about;
        let record = record.shown();
        let when = |at: Timestamp| told_at(at, now);
        // What stands there is older than what the source holds.
        let absent = |there: There| there.words(&record, job, destination);
        match self {
            Self::Unknown { .. } => {
                format!("Nothing is known of `{record}`: {job} has written, refused or deleted no such record.")
            }
            Self::NotAtSource { there: There::No | There::Never } => {
                format!("`{record}` is not in {destination}, because {source} has no such record.")
            }
            Self::NotAtSource { there: There::Other } => {
                format!("`{record}` is in {destination}, but not by {job}: {source} has no such record.")
            }
            Self::NotAtSource { there: There::Older } => format!(
                "`{record}` is still in {destination}, though {source} has no such record any more: no tombstone told of a delete."
            ),
            Self::DeletedAtSource { deleted: Some(deleted) } => format!(
                "`{record}` is not in {destination}, because {source} deleted it; {job} deleted it there{}.",
                deleted.at_and_run(now)
            ),
            Self::DeletedAtSource { deleted: None } => {
                format!("`{record}` is not in {destination}, because it is deleted in {source}.")
            }
            Self::BeforeStart { version, start } => format!(
                "`{record}` is not in {destination}, because it last changed at {version}, before {job} was told to start ({start})."
            ),
            Self::Filtered { rule, there, read: None } => {
                format!("{}, because the filter of {job} refuses it: {rule}.", absent(*there))
            }
            Self::Filtered { rule, there, read: Some(Refused { at, run, is_in_force, .. }) } => {
                let how = match is_in_force {
                    true => format!("the filter of {job} refuses it"),
                    false => format!("the filter that {job} had then refused it"),
                };
                format!("{}, because {how} (run #{run} at {}): {rule}.", absent(*there), when(*at))
            }
            Self::NotYetRead { why, version, there } => {
                let changed = version.as_ref().map(|version| format!(" (version {version})")).unwrap_or_default();
                format!("{}, because {}{changed}.", absent(*there), why.words(job, now))
            }
            Self::Waiting { what, since, there, .. } => {
                format!("{}, because {job} waits since {}: {what}.", absent(*there), when(*since))
            }
            Self::InFlight { run } => {
                let run = run.map(|run| format!("run #{run} has")).unwrap_or_else(|| format!("{job} has"));
                format!("`{record}` is on its way to {destination}: {run} read it and has not saved it yet.")
            }
            Self::OutcomeUnknown { since: Some(since), letter: Some(letter), is_there } => {
                let now = match is_there {
                    Some(true) => format!(" {destination} holds it now."),
                    Some(false) => format!(" {destination} does not hold it now."),
                    None => String::new(),
                };
                format!(
                    "It is not known whether `{record}` was made in {destination}: a request for it left at {}, and its \
                     answer never came (dead letter #{letter}).{now}",
                    when(*since)
                )
            }
            Self::OutcomeUnknown { since, .. } => {
                let since = since.map(|since| format!(" since {}", when(since))).unwrap_or_default();
                format!(
                    "It is not known whether `{record}` is in {destination}: a run{since} did not see the end of all that it sent."
                )
            }
            Self::DeadLetter(facts) => facts.sentence(&record, job, destination, now),
            Self::Missed { version, watermark, is_incremental: true, there } => {
                let mark = watermark.as_ref().map(|mark| format!(" ({mark})")).unwrap_or_default();
                format!(
                    "{}, because it was missed: its version {version} is behind the place that {job} has reached{mark}, and no listing gave it.",
                    absent(*there)
                )
            }
            Self::Missed { version, there, .. } => format!(
                "{}, because it was missed: {source} gives it (version {version}) when it is asked for it, but its listing did not.",
                absent(*there)
            ),
            Self::Unchanged { written } => format!(
                "`{record}` is in {destination}{}, written{}; {source} has not changed it since.",
                written.as_id(),
                written.at_and_run(now)
            ),
            Self::Withheld { cause, run, since, kept: None } => format!(
                "`{record}` is still in {destination}, because its delete was withheld at {} by run #{run}, which would have deleted too much; {}.",
                when(*since),
                cause.words()
            ),
            Self::Withheld { cause, kept: Some(kept), .. } => format!(
                "`{record}` is still in {destination}, because {} decided at {} that it stays (“{}”), though {}.",
                kept.by,
                when(kept.at),
                kept.reason,
                cause.words()
            ),
            Self::Written { written } => {
                format!("`{record}` is in {destination}{}, written{}.", written.as_id(), written.at_and_run(now))
            }
            Self::ChangedThere { written, fields } => format!(
                "`{record}` is in {destination}{}, but it was changed there after it was written{}: {}.",
                written.as_id(),
                written.at_and_run(now),
                listed(fields)
            ),
            Self::GoneThere { written } => format!(
                "`{record}` is not in {destination}, because it was taken away there after it was written{}.",
                written.at_and_run(now)
            ),
        }
    }

    /// What happens by itself, or that nothing does.
    pub fn outlook(&self, about: &Subject<'_>) -> String {
        let Subject { source, destination, now, job, .. } = *about;
        match self {
            Self::Unknown { can_ask: true } => {
                format!("It may be misspelt, filtered out, or not read yet: only {source} can tell.")
            }
            Self::Unknown { can_ask: false } => {
                format!(
                    "It may be misspelt, filtered out, or not read yet; {source} can not be asked for one record (`one` is not configured)."
                )
            }
            Self::NotAtSource { there: There::Older } => "Nothing is deleted without a tombstone.".to_owned(),
            Self::NotAtSource { .. } => {
                format!("As soon as {source} has it, {job} reads it.")
            }
            Self::DeletedAtSource { .. } => "It comes back when the source brings it back.".to_owned(),
            Self::BeforeStart { .. } => {
                format!("It is read when it changes in {source}, or when all is read once more.")
            }
            Self::Filtered { read: Some(Refused { is_in_force: false, .. }), .. } => {
                format!("{job} has another filter now, or none: its next listing reads everything and decides anew.")
            }
            Self::Filtered { .. } => "It is written as soon as the filter takes it.".to_owned(),
            Self::NotYetRead { why, .. } => why.outlook(now),
            Self::Waiting { until: Some(until), .. } => {
                format!("The next try is at {}. Nothing needs to be done.", told_at(*until, now))
            }
            Self::Waiting { until: None, .. } => "It goes on by itself. Nothing needs to be done.".to_owned(),
            Self::InFlight { .. } => "It is told within seconds what became of it.".to_owned(),
            Self::OutcomeUnknown { letter: Some(_), .. } => {
                "Nothing of it is sent until a person says whether it is there.".to_owned()
            }
            Self::OutcomeUnknown { .. } => format!(
                "The next run reads and sends it again with the same key, so that nothing is in {destination} twice."
            ),
            Self::DeadLetter(facts) => facts.outlook(),
            Self::Withheld { kept: None, .. } => {
                format!("Nothing is deleted until somebody releases it; if {source} has it again, it simply stays.")
            }
            Self::Withheld { kept: Some(_), .. } => format!("It stays until {source} has it again."),
            Self::Missed { .. } => "Nothing happens by itself until it changes again.".to_owned(),
            Self::Unchanged { .. } => "Nothing needs to be done.".to_owned(),
            Self::Written { .. } => format!("What {source} and {destination} hold now was not asked."),
            Self::ChangedThere { .. } => {
                format!("It stays so until it changes in {source}, which then overwrites it.")
            }
            Self::GoneThere { .. } => format!("It is created again when it changes in {source}."),
        }
    }

    /// What can be done about it, the best first.
    pub fn mends(&self, about: &Subject<'_>) -> Vec<Mend> {
        let job = about.job;
        let mut mends = Vec::new();
        // Where no key of the answer's screen does it, there is a command alone.
        let mut add = |key: Option<&str>, command: Option<String>, words: &str| {
            mends.push(Mend { key: key.map(str::to_owned), command, words: words.to_owned() });
        };
        let show = |id: &DeadLetterId| Some(format!("syncdeck dead show {id}"));
        let resume = || Some(format!("syncdeck resume {job}"));
        let full = || Some(format!("syncdeck run {job} --once --full"));
        match self {
            Self::DeadLetter(facts) => {
                add(Some("g d"), show(&facts.id), "open the dead letter");
                match facts.stage {
                    LetterStage::Waiting => {
                        add(Some("r"), Some(format!("syncdeck dead retry {}", facts.id)), "retry it");
                    }
                    LetterStage::Discarded { .. } => add(Some("U"), None, "bring it back"),
                    LetterStage::Retrying { .. } => {}
                }
            }
            Self::OutcomeUnknown { letter: Some(id), is_there, .. } => {
                add(Some("g d"), show(id), "open the dead letter, to settle it there");
                let there = format!("syncdeck dead settle {id} --there --as ITS_ID");
                let absent = format!("syncdeck dead settle {id} --absent --reason TEXT");
                if *is_there != Some(false) {
                    add(None, Some(there), "it is there: link it");
                }
                if *is_there != Some(true) {
                    add(None, Some(absent), "it is not there: send it again");
                }
            }
            Self::NotYetRead { why: Unread::Paused { .. }, .. } => add(Some("p"), resume(), "resume the job"),
            Self::NotYetRead { why: Unread::NeedsAttention { .. }, .. } => {
                add(Some("g j"), Some(format!("syncdeck status {job}")), "open the job and its reason");
                add(Some("p"), resume(), "resume the job");
            }
            Self::NotYetRead { why: Unread::NeverRun | Unread::Manual | Unread::Due { .. }, .. } => {
                add(Some("g j"), Some(format!("syncdeck trigger {job}")), "open the job and run it");
            }
            Self::Unknown { can_ask: true } | Self::Written { .. } => {
                add(
                    Some("t"),
                    Some(format!("syncdeck why {job} {} --live", quoted(&about.record.shown()))),
                    "ask both systems now",
                );
            }
            Self::Missed { is_incremental: true, .. } | Self::BeforeStart { .. } => {
                if about.can_sync_one {
                    add(Some("n"), None, "sync this record now");
                }
                add(Some("g c"), full(), "read everything once more (unchanged records cost nothing)");
            }
            Self::Waiting { .. } => add(Some("g j"), Some(format!("syncdeck status {job}")), "open the job"),
            Self::InFlight { .. } => add(Some("."), None, "look again"),
            Self::Withheld { kept: None, .. } => {
                add(Some("g j"), Some(format!("syncdeck held list {job}")), "open the job and what it withholds");
            }
            _ => {}
        }
        let helps = matches!(
            self,
            Self::NotYetRead { .. }
                | Self::Missed { is_incremental: false, .. }
                | Self::ChangedThere { .. }
                | Self::GoneThere { .. }
                | Self::OutcomeUnknown { letter: None, .. }
        );
        if helps && about.can_sync_one {
            add(Some("n"), None, "sync this record now");
        }
        mends
    }
}

impl There {
    fn words(self, record: &str, job: &JobId, destination: &ConnectionId) -> String {
        match self {
            Self::No => format!("`{record}` is not in {destination}"),
            Self::Never => format!("`{record}` was never written to {destination}"),
            Self::Older => format!("{destination} has an older `{record}`"),
            Self::Other => format!("{destination} has a `{record}` that {job} did not write"),
        }
    }
}

impl Unread {
    /// What follows `because`.
    fn words(&self, job: &JobId, now: Timestamp) -> String {
        match self {
            Self::NeverRun => format!("{job} has never run"),
            Self::Disabled => format!("{job} is disabled in the configuration"),
            Self::Paused { by, since, reason } => {
                let reason = reason.as_ref().map(|reason| format!(" (“{reason}”)")).unwrap_or_default();
                format!("{job} is paused since {} by {by}{reason}", told_at(*since, now))
            }
            Self::NeedsAttention { why, since, .. } => {
                format!("{job} stopped at {} and waits for a person: {why}", told_at(*since, now))
            }
            Self::Listing { done, total, is_first, .. } => {
                let of = total.map(|total| format!(" of {}", figure(total))).unwrap_or_default();
                let done = figure(*done);
                let listing = if *is_first { "first listing" } else { "listing" };
                format!("the {listing} of {job} is at record {done}{of} and has not come to it")
            }
            Self::Due { .. } => format!("{job} has not read it yet"),
            Self::Manual => format!("{job} has not read it yet, and runs only when it is told to"),
        }
    }

    fn outlook(&self, now: Timestamp) -> String {
        match self {
            Self::NeverRun => "It is read with the first run.".to_owned(),
            Self::Disabled => "Nothing happens until `enabled = true` stands in the configuration.".to_owned(),
            Self::Paused { .. } => "Nothing is read until somebody resumes the job.".to_owned(),
            Self::NeedsAttention { hint: Some(hint), .. } => format!("To mend it: {hint}."),
            Self::NeedsAttention { hint: None, .. } => "Nothing is read until somebody resumes the job.".to_owned(),
            Self::Listing { eta_seconds: Some(seconds), .. } => {
                format!("The listing ends in about {}.", span_of(*seconds))
            }
            Self::Listing { .. } => "It comes with the listing; when that ends the source does not say.".to_owned(),
            Self::Due { at } if *at <= now => "The next listing is due now.".to_owned(),
            Self::Due { at } => format!("The next listing begins at {}.", told_at(*at, now)),
            Self::Manual => "Nothing happens by itself.".to_owned(),
        }
    }
}

impl DeadLetterFacts {
    fn sentence(&self, record: &str, job: &JobId, destination: &ConnectionId, now: Timestamp) -> String {
        let what = match self.is_delete && self.there == There::Older {
            true => format!("`{record}` is still in {destination}"),
            false => self.there.words(record, job, destination),
        };
        let tries = match self.attempts {
            0 | 1 => "its last try failed".to_owned(),
            n => format!("its last {n} tries failed"),
        };
        match &self.stage {
            LetterStage::Waiting => format!("{what}, because {tries}: {}.", self.reason),
            LetterStage::Retrying { since, by } => {
                format!(
                    "{what} yet: {by} ordered another try at {}, after it failed with: {}.",
                    told_at(*since, now),
                    self.reason
                )
            }
            LetterStage::Discarded { at, by, reason } => format!(
                "{what}, because {by} discarded it at {} (“{reason}”), after it failed with: {}.",
                told_at(*at, now),
                self.reason
            ),
        }
    }

    fn outlook(&self) -> String {
        let group = match self.group_waiting {
            Some(n) if n > 1 => format!(" (one of {} of this cause)", figure(n)),
            _ => String::new(),
        };
        match self.stage {
            LetterStage::Waiting => format!(
                "Dead letter #{}{group}. Nothing happens by itself until the record or the rule changes.",
                self.id
            ),
            LetterStage::Retrying { .. } => format!("Dead letter #{}{group} is being sent again.", self.id),
            LetterStage::Discarded { .. } => {
                format!("Dead letter #{} is not sent again; other content of the record is.", self.id)
            }
        }
    }
}

impl Delivered {
    fn as_id(&self) -> String {
        self.id.as_ref().map(|id| format!(" as `{id}`")).unwrap_or_default()
    }

    fn at_and_run(&self, now: Timestamp) -> String {
        let at = self.at.map(|at| format!(" at {}", told_at(at, now))).unwrap_or_default();
        let run = self.run.map(|run| format!(" by run #{run}")).unwrap_or_default();
        format!("{at}{run}")
    }
}

/// At most five names in a row.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@:+/".contains(letter);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `1,042`.
fn figure(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn span_of(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
