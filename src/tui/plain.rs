//! The console as lines: one fact a line, in words that stay, and a new line only where something changed.
//! Pure: snapshots and answers in, lines out; a typed line in, a request or a question out.

use super::text::{Symbols, counted, distance, grouped, visible};
use crate::control::{Answer, Attachment, Refusal, Request};
use crate::model::{
    DeadLetterId, Finding, FindingKind, FindingTarget, GroupId, JobId, JobState, JobStatus, LetterFilter, LetterGroup,
    LetterRow, Level, RungMark, Selection, Snapshot, Timestamp, Why, WhyAnswer,
};

/// Letters that `dead list` shows at most.
const LIST_MAX: usize = 50;

/// What can be typed.
const HELP: &[&str] = &[
    "status: the state and the figures of each job, and what needs a person",
    "dead: dead letters by what went wrong, with the group's id",
    "dead list: the newest dead letters, with their ids",
    "why JOB ID, or why ID: why a record is, or is not, at the destination; --live asks both systems",
    "pause JOB reason: pauses a job after the page in flight",
    "resume JOB, trigger JOB, cancel JOB: several jobs too, or --all",
    "retry ID, or retry --group GROUP: tries dead letters again; of a group one goes first",
    "discard ID reason: marks a dead letter as not to be sent; asks first",
    "quit: leaves; jobs of this process stop after their page and go on from their checkpoint at the next start",
];

/// What a typed line comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Typed {
    /// To be told, with nothing asked.
    Say(Vec<String>),
    Ask(Request),
    /// To be asked only after a `y` to the question.
    Confirm {
        question: String,
        request: Request,
    },
    Quit,
}

/// What an answer comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    Say(Vec<String>),
    /// The answer is only half of what was asked for.
    Ask(Request),
}

/// Makes the lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain {
    pub symbols: Symbols,
    /// Nothing can be changed from here.
    pub is_read_only: bool,
}

impl Plain {
    /// `14:31:48 warn …`: the moment in UTC, how grave it is, one fact. Nothing in it can steer a terminal.
    fn line(&self, at: Timestamp, level: Level, fact: &str) -> String {
        let time = at.to_jiff().strftime("%H:%M:%S");
        format!("{time} {} {}", level.word(), visible(fact, self.symbols).as_str())
    }

    /// A line without a time: what was asked for.
    fn bare(&self, text: &str) -> String {
        visible(text, self.symbols).as_str().to_owned()
    }

    /// The first lines: whose engine it is, and how everything stands.
    pub fn opening(&self, snapshot: &Snapshot) -> Vec<String> {
        let engine = &snapshot.engine;
        let mut lines = vec![
            self.bare(&format!("syncdeck {}, workspace {}; times are UTC", engine.version, engine.workspace)),
            match self.is_read_only {
                true => "read-only: nothing can be changed from here".to_owned(),
                false => "type `help` for what can be typed, `quit` to leave".to_owned(),
            },
        ];
        lines.extend(self.status(snapshot));
        lines
    }

    fn status(&self, snapshot: &Snapshot) -> Vec<String> {
        let at = snapshot.at;
        let jobs = snapshot.jobs.iter().flat_map(|job| {
            let (level, state) = state_words(job);
            [(level, state), (Level::Info, figures(job, at))]
                .map(|(level, fact)| self.line(at, level, &format!("{}: {fact}", job.id)))
        });
        let findings = snapshot.findings.iter().filter(|finding| is_told(finding));
        let mut lines: Vec<String> = jobs.collect();
        lines.extend(findings.map(|finding| self.finding(at, finding)));
        if snapshot.findings.is_empty() {
            lines.push(self.line(at, Level::Info, "nothing needs a person"));
        }
        lines
    }

    fn finding(&self, at: Timestamp, finding: &Finding) -> String {
        let next = next_words(finding).map(|next| format!("; next: {next}")).unwrap_or_default();
        self.line(at, finding.level, &format!("{}{next}", finding.text))
    }

    /// What is otherwise than it was.
    pub fn changes(&self, before: &Snapshot, after: &Snapshot) -> Vec<String> {
        let at = after.at;
        let mut lines = Vec::new();
        for job in &after.jobs {
            let was = before.jobs.iter().find(|was| was.id == job.id);
            if was.is_none_or(|was| is_other_state(&was.state, &job.state)) {
                let (level, state) = state_words(job);
                lines.push(self.line(at, level, &format!("{}: {state}", job.id)));
            }
        }
        let same = |one: &Finding, other: &Finding| one.kind == other.kind && one.target == other.target;
        for finding in after.findings.iter().filter(|finding| is_told(finding)) {
            if !before.findings.iter().any(|was| same(was, finding)) {
                lines.push(self.finding(at, finding));
            }
        }
        for was in before.findings.iter().filter(|finding| is_told(finding)) {
            if !after.findings.iter().any(|finding| same(was, finding)) {
                lines.push(self.line(at, Level::Info, &format!("over: {}", was.text)));
            }
        }
        lines
    }

    /// The causes whose waiting letters are more or fewer than they were.
    pub fn cause_changes(&self, at: Timestamp, before: &[LetterGroup], after: &[LetterGroup]) -> Vec<String> {
        let waiting = |groups: &[LetterGroup], of: &LetterGroup| {
            groups.iter().find(|group| group.id == of.id && group.job == of.job).map_or(0, |group| group.waiting)
        };
        let told = |group: &LetterGroup, was: u64, now: u64| {
            let level = if now > was { Level::Warn } else { Level::Info };
            self.line(at, level, &format!("{}, {} before", cause_words(group, now), grouped(was)))
        };
        let changed = after.iter().map(|group| (group, waiting(before, group), group.waiting));
        let gone = before.iter().filter(|was| !after.iter().any(|group| group.id == was.id && group.job == was.job));
        let gone = gone.map(|group| (group, group.waiting, 0));
        changed.chain(gone).filter(|(_, was, now)| was != now).map(|(group, was, now)| told(group, was, now)).collect()
    }

    /// That the engine can not be reached, or can be again.
    pub fn attachment(&self, at: Timestamp, attachment: &Attachment) -> Option<String> {
        match attachment {
            Attachment::Own => None,
            Attachment::Attached(host) => {
                Some(self.line(at, Level::Info, &format!("attached to the engine of {host}")))
            }
            Attachment::Bundle(then) => {
                Some(self.bare(&format!("a bundle: everything is as it was written down at {then}")))
            }
            Attachment::Lost(loss) if loss.tries > 1 => None,
            Attachment::Lost(loss) => {
                let fact = format!("the engine of {} does not answer; it is looked for once a second", loss.host);
                Some(self.line(at, Level::Error, &fact))
            }
            Attachment::Gone(loss) => {
                let fact = format!("the engine of {} is gone; type `quit` and start again", loss.host);
                Some(self.line(at, Level::Error, &fact))
            }
        }
    }

    /// Reads what was typed, in the words of the command line.
    pub fn read(&self, typed: &str, snapshot: &Snapshot) -> Typed {
        let words: Vec<&str> = typed.split_whitespace().collect();
        let words = words.strip_prefix(&["syncdeck"]).unwrap_or(&words);
        let words = match words {
            ["dead", rest @ ..] if matches!(rest.first(), Some(&"retry" | &"discard")) => rest,
            words => words,
        };
        let read = match words {
            [] => Typed::Say(Vec::new()),
            ["help" | "?"] => Typed::Say(HELP.iter().map(|line| (*line).to_owned()).collect()),
            ["quit" | "exit" | "q"] => Typed::Quit,
            ["status"] => Typed::Say(self.status(snapshot)),
            ["dead"] | ["dead", "groups"] => Typed::Ask(Request::DeadGroups { filter: LetterFilter::default() }),
            ["dead", "list"] => Typed::Ask(Request::DeadIds { filter: LetterFilter::default(), limit: LIST_MAX }),
            ["why", rest @ ..] => why(rest, snapshot),
            ["pause", which, reason @ ..] => {
                let reason = reason_of(reason);
                let reason = (!reason.is_empty()).then_some(reason);
                Typed::Ask(Request::Pause { jobs: jobs(&[which], snapshot), reason })
            }
            ["resume", _, ..] => Typed::Ask(Request::Resume { jobs: jobs(&words[1..], snapshot) }),
            ["trigger", _, ..] => Typed::Ask(Request::Trigger { jobs: jobs(&words[1..], snapshot) }),
            ["cancel", _, ..] => Typed::Ask(Request::Cancel { jobs: jobs(&words[1..], snapshot) }),
            ["retry", "--group", group] => match u64::from_str_radix(group, 16) {
                Ok(id) => {
                    let filter = LetterFilter { group: Some(GroupId(id)), ..LetterFilter::default() };
                    let selection = Selection::Matching(filter);
                    Typed::Ask(Request::RetryCarefully { selection, per_minute: None })
                }
                Err(_) => say("a group's id is needed, as `dead` shows it, such as 5e41c09a77b2d310"),
            },
            ["retry", ids @ ..] if !ids.is_empty() => match letters(ids) {
                Some(ids) => Typed::Ask(Request::Retry { selection: Selection::Ids(ids) }),
                None => say("retry needs the numbers of dead letters, as `dead list` shows them"),
            },
            ["discard", id, reason @ ..] => self.discard(id, reason),
            ["pause" | "resume" | "trigger" | "cancel"] => say("which job? `status` names them; `--all` is every job"),
            ["retry"] => say("which dead letter? `dead list` shows their ids, `dead` the groups: retry --group GROUP"),
            ["discard"] => say("which dead letter, and why? discard ID reason"),
            [word, ..] => Typed::Say(vec![self.bare(&format!("`{word}` is not understood so; `help` shows what is"))]),
        };
        match read {
            Typed::Ask(request) | Typed::Confirm { request, .. } if self.is_read_only && request.changes() => {
                say("read-only: nothing was changed")
            }
            read => read,
        }
    }

    fn discard(&self, id: &str, reason: &[&str]) -> Typed {
        let Some(ids) = letters(&[id]) else {
            return say("discard needs the number of one dead letter, as `dead list` shows it");
        };
        let reason = reason_of(reason);
        if reason.is_empty() {
            return say("why? it stands in the journal: discard ID reason");
        }
        let question = format!("discard dead letter {id}, so that it will not be sent, because \"{reason}\"? y or n");
        Typed::Confirm {
            question: self.bare(&question),
            request: Request::Discard { selection: Selection::Ids(ids), reason },
        }
    }

    /// Tells an answer.
    pub fn answered(&self, at: Timestamp, result: Result<Answer, Refusal>) -> Answered {
        let lines = match result {
            Ok(Answer::Done(done)) => vec![self.line(at, Level::Info, &done.text)],
            Ok(Answer::Groups(groups)) if groups.is_empty() => vec!["no dead letters".to_owned()],
            Ok(Answer::Groups(groups)) => {
                let told = groups.iter().map(|group| self.bare(&cause_words(group, group.waiting)));
                told.collect()
            }
            Ok(Answer::Ids { total: 0, .. }) => vec!["no dead letters".to_owned()],
            Ok(Answer::Ids { ids, .. }) => return Answered::Ask(Request::DeadRows { ids: ids.to_vec() }),
            Ok(Answer::Rows(rows)) => rows.iter().flatten().map(|row| self.row(row)).collect(),
            Ok(Answer::Why(answer)) => self.why(&answer),
            Ok(_) => vec!["the engine answered another question".to_owned()],
            Err(refusal) => {
                let mut lines = vec![self.line(at, Level::Error, &refusal.message)];
                lines.extend(refusal.hint.map(|hint| self.bare(&format!("hint: {hint}"))));
                lines
            }
        };
        Answered::Say(lines)
    }

    fn row(&self, row: &LetterRow) -> String {
        let field = row.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
        let tries = counted(row.attempts.into(), "attempt", "attempts");
        self.bare(&format!("dead letter {}: {} {}: {}{field}; {tries}", row.id, row.job, row.record.shown(), row.title))
    }

    fn why(&self, answer: &WhyAnswer) -> Vec<String> {
        if !answer.is_known {
            let mut lines = vec![self.bare(&format!("no job knows {}", answer.key))];
            lines.extend(answer.answers.iter().map(|why| self.bare(&format!("{}: {}", why.job, why.sentence))));
            return lines;
        }
        answer.answers.iter().flat_map(|why| self.why_one(why)).collect()
    }

    fn why_one(&self, why: &Why) -> Vec<String> {
        let mut lines = vec![
            self.bare(&format!("{} {}: {}", why.job, why.record.shown(), why.sentence)),
            self.bare(&format!("outlook: {}", why.outlook)),
        ];
        let mends = why.mends.iter().filter_map(|mend| {
            let command = mend.command.as_ref()?;
            Some(self.bare(&format!("next: {}: {command}", mend.words)))
        });
        lines.extend(mends);
        for rung in &why.rungs {
            let mark = match rung.mark {
                RungMark::Yes => "yes",
                RungMark::No => "no",
                RungMark::Nothing => "nothing",
                RungMark::Unknown => "not known",
            };
            lines.push(self.bare(&format!("evidence: {}: {mark}: {}", rung.name, rung.text)));
        }
        lines.extend(why.story.iter().map(|line| self.bare(&format!("story: {}: {}", line.at, line.text))));
        // Their names alone: a value may be one that screens hide.
        let differing = why.fields.iter().filter(|field| field.differs);
        lines.extend(differing.map(|field| self.bare(&format!("differs at the destination: {}", field.field))));
        lines
    }
}

/// The states of a job tell these already, and the causes' counts tell of letters.
fn is_told(finding: &Finding) -> bool {
    let is_state = matches!(finding.kind, FindingKind::NeedsAttention | FindingKind::Stalled | FindingKind::Paused);
    let is_letters = finding.kind == FindingKind::DeadLetters;
    !is_state && !is_letters
}

/// What to type here; the findings' own hints are commands of a shell.
fn next_words(finding: &Finding) -> Option<String> {
    let (FindingTarget::Job(job) | FindingTarget::Group(job, _)) = &finding.target else { return None };
    match finding.kind {
        FindingKind::PausedLong => Some(format!("resume {job}")),
        FindingKind::Failed | FindingKind::MissedSchedule => Some(format!("trigger {job}")),
        FindingKind::ManyErrors | FindingKind::OldLetters => Some("dead".to_owned()),
        _ => None,
    }
}

/// A wait for the same thing stays the same while its end moves.
fn is_other_state(was: &JobState, now: &JobState) -> bool {
    match (was, now) {
        (JobState::Waiting { what: was, .. }, JobState::Waiting { what: now, .. }) => was != now,
        (JobState::Stalled { stage: was, .. }, JobState::Stalled { stage: now, .. }) => was != now,
        (was, now) => was != now,
    }
}

fn state_words(job: &JobStatus) -> (Level, String) {
    let word = job.state.word();
    match &job.state {
        JobState::Waiting { what, until, .. } => {
            let until = until.map(|until| format!(" until {}", until.to_jiff().strftime("%H:%M:%S")));
            (Level::Info, format!("{word} for {what}{}", until.unwrap_or_default()))
        }
        JobState::Stalled { stage, since } => {
            (Level::Warn, format!("{word} at {stage} since {}", since.to_jiff().strftime("%H:%M:%S")))
        }
        JobState::Paused { by, reason, .. } => {
            let reason = reason.as_ref().map(|reason| format!(": \"{reason}\"")).unwrap_or_default();
            (Level::Info, format!("{word} by {by}{reason}; next: resume {}", job.id))
        }
        JobState::NeedsAttention { why, hint, .. } => {
            let next = hint.clone().unwrap_or_else(|| format!("resume {}", job.id));
            (Level::Error, format!("{word}: {why}; next: {next}"))
        }
        JobState::Idle | JobState::Running | JobState::Pausing | JobState::Disabled => (Level::Info, word.to_owned()),
    }
}

fn figures(job: &JobStatus, now: Timestamp) -> String {
    let counts = &job.total;
    let due = match job.due {
        Some(due) if due > now => format!("; next run {}", distance(due, now)),
        Some(_) => "; next run due now".to_owned(),
        None => String::new(),
    };
    format!(
        "scanned {} = created {} + updated {} + deleted {} + skipped {} + held {} + errored {}; {}{due}",
        grouped(counts.scanned),
        grouped(counts.created),
        grouped(counts.updated),
        grouped(counts.deleted),
        grouped(counts.skipped),
        grouped(counts.held),
        grouped(counts.errored),
        counted(job.dead_waiting, "dead letter waits", "dead letters wait"),
    )
}

fn cause_words(group: &LetterGroup, waiting: u64) -> String {
    let field = group.reason.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
    let wait = counted(waiting, "dead letter waits", "dead letters wait");
    format!("{}: {}{field}: {wait} (group {})", group.job, group.reason.title(), group.id)
}

fn say(text: &str) -> Typed {
    Typed::Say(vec![text.to_owned()])
}

/// The jobs that were named; whether there are such is the engine's to say.
fn jobs(names: &[&str], snapshot: &Snapshot) -> Vec<JobId> {
    match names {
        ["--all"] => snapshot.jobs.iter().map(|job| job.id.clone()).collect(),
        names => names.iter().map(|name| JobId::from(*name)).collect(),
    }
}

/// A reason as it may be typed: bare, or as the command line has it.
fn reason_of(words: &[&str]) -> String {
    let words = words.strip_prefix(&["--reason"]).unwrap_or(words).join(" ");
    let quoted = words.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.map_or_else(|| words.clone(), str::to_owned)
}

fn letters(ids: &[&str]) -> Option<Vec<DeadLetterId>> {
    ids.iter().map(|id| id.parse().ok().map(DeadLetterId)).collect()
}

/// A record's id, or the value of a searchable field, which may have spaces; before it a job.
fn why(words: &[&str], snapshot: &Snapshot) -> Typed {
    let is_live = words.contains(&"--live");
    let words: Vec<&str> = words.iter().copied().filter(|word| *word != "--live").collect();
    let is_job = |name: &str| snapshot.jobs.iter().any(|job| job.id.as_str() == name);
    let (job, key) = match words.as_slice() {
        [] => return say("which record? why JOB ID, or why ID"),
        [job, key @ ..] if !key.is_empty() && is_job(job) => (Some(JobId::from(*job)), key.join(" ")),
        key => (None, key.join(" ")),
    };
    Typed::Ask(Request::Why { job, key, live: is_live })
}
