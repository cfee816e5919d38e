//! A console on a stage: an engine that answers from fixed values, a clock that stands still, frames as text.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position as Cell, Rect};
use std::sync::Arc;
use std::time::Duration;
use syncdeck::control::{Answer, Done, FieldLine, FieldMark, LetterView, Refusal, Request, RetryPreview};
use syncdeck::model::filter::Sieve;
use syncdeck::model::*;
use syncdeck::tui::theme::{Depth, Theme, look};
use syncdeck::tui::{App, Effect, Left, Msg, Settings, text::Symbols, update, view};

/// 2026-03-02T14:32:07Z.
pub const NOW: Timestamp = Timestamp(1_772_461_927_000);

pub fn ago(seconds: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(seconds))
}

/// The theme that most people see.
pub fn theme(symbols: Symbols) -> Theme {
    Theme { symbols, look: look("term", Depth::Sixteen).expect("a theme") }
}

/// What the engine on the stage knows.
pub struct World {
    pub snapshot: Snapshot,
    pub groups: Vec<LetterGroup>,
    /// Causes without a letter that waits.
    pub gone: Vec<LetterGroup>,
    pub ids: Arc<[DeadLetterId]>,
    pub letter: LetterView,
    pub checkpoints: Vec<Checkpoint>,
    /// Newest first.
    pub runs: Vec<Run>,
    /// Careful retries, newest first.
    pub bulks: Vec<BulkRetry>,
    pub history: History,
    pub logs: Vec<Notice>,
    pub preview: RetryPreview,
    pub journal: Vec<JournalEntry>,
    pub plan: PlanPart,
    /// What a look at the first letters finds, and at all others.
    pub check: LetterCheck,
    pub form: EditForm,
    pub refusal: Option<Refusal>,
    pub why: WhyAnswer,
}

pub struct Stage {
    pub app: App,
    pub world: World,
    pub now: Timestamp,
    /// Orders and questions, in the order in which they were made.
    pub asked: Vec<Request>,
    pub left: Option<Left>,
    /// What the terminal was asked for.
    pub effects: Vec<Effect>,
    /// Questions that are not answered by themselves.
    pub is_silent: bool,
    last_generation: u64,
}

impl Stage {
    pub fn new(world: World, width: u16, height: u16) -> Self {
        Self::with(world, width, height, Symbols::Unicode)
    }

    pub fn with(world: World, width: u16, height: u16, symbols: Symbols) -> Self {
        let settings =
            Settings { redact: vec!["phone".to_owned()], log_folder: "state/log".to_owned(), ..Settings::default() };
        Self::set(world, width, height, symbols, settings)
    }

    pub fn set(world: World, width: u16, height: u16, symbols: Symbols, settings: Settings) -> Self {
        let app = App::new(theme(symbols), settings, (width, height), NOW);
        let mut stage = Self {
            app,
            world,
            now: NOW,
            asked: Vec::new(),
            left: None,
            effects: Vec::new(),
            is_silent: false,
            last_generation: 0,
        };
        stage.publish();
        stage
    }

    /// The engine publishes what it knows.
    pub fn publish(&mut self) {
        let snapshot = Arc::new(self.world.snapshot.clone());
        self.send(Msg::Snapshot(snapshot));
    }

    pub fn send(&mut self, msg: Msg) {
        let mut waiting = update(&mut self.app, self.now, msg);
        let mut turns = 0;
        while !waiting.is_empty() {
            turns += 1;
            assert!(turns < 100, "questions without an end: {waiting:?}");
            for effect in std::mem::take(&mut waiting) {
                match effect {
                    Effect::Ask { generation, request } => {
                        self.last_generation = generation;
                        self.asked.push(request.clone());
                        if !self.is_silent {
                            let result = self.world.answer(&request);
                            waiting.extend(update(&mut self.app, self.now, Msg::Answered { generation, result }));
                        }
                    }
                    Effect::Leave(left) => self.left = Some(left),
                    effect => self.effects.push(effect),
                }
            }
        }
    }

    pub fn later(&mut self, milliseconds: u64) {
        self.now = self.now.plus(Duration::from_millis(milliseconds));
        self.send(Msg::Tick);
    }

    /// Presses keys, as the keymap writes them, parted by spaces: `2 enter ctrl-u`.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ').filter(|key| !key.is_empty()) {
            self.send(Msg::Key(key_event(key)));
        }
        self
    }

    /// Types text letter by letter.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            self.send(Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
        self
    }

    pub fn frame(&self) -> (Buffer, Option<Cell>) {
        let (width, height) = self.app.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let cursor = view(&self.app, &mut buffer);
        (buffer, cursor)
    }

    pub fn text(&self) -> String {
        text(&self.frame().0)
    }

    pub fn shows(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    /// What the answer to the last order or question is to carry.
    pub fn generation_of_last(&self) -> u64 {
        self.last_generation
    }

    /// The last order or question.
    pub fn last_asked(&self) -> &Request {
        self.asked.last().expect("something was asked")
    }

    pub fn orders(&self) -> Vec<&Request> {
        self.asked.iter().filter(|request| request.changes()).collect()
    }
}

/// The frame as text, a line for each row; the second cell of a wide letter is left out.
pub fn text(buffer: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = symbol.width().saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub fn key_event(name: &str) -> KeyEvent {
    let (name, modifiers) = match name.strip_prefix("ctrl-") {
        Some(name) => (name, KeyModifiers::CONTROL),
        None => match name.strip_prefix("shift-").filter(|name| *name != "tab") {
            Some(name) => (name, KeyModifiers::SHIFT),
            None => (name, KeyModifiers::NONE),
        },
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "f1" => KeyCode::F(1),
        letter => KeyCode::Char(letter.chars().next().expect("a key has a name")),
    };
    KeyEvent::new(code, modifiers)
}

impl World {
    pub fn answer(&self, request: &Request) -> Result<Answer, Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let done = |text: &str, undo| {
            Ok(Answer::Done(Done { text: text.to_owned(), changed: 1, undo: Option::map(undo, Box::new) }))
        };
        match request {
            Request::Pause { jobs, .. } => {
                done(&format!("paused {}", jobs[0]), Some(Request::Resume { jobs: jobs.clone() }))
            }
            Request::Resume { jobs } => done(&format!("resumed {}", jobs[0]), None),
            Request::Trigger { jobs } => done(&format!("{} runs now", jobs[0]), None),
            Request::LetterRequest { .. } => Ok(Answer::LetterRequest(Box::new(letter_request()))),
            Request::Bundle { .. } => Ok(Answer::Bundle { text: "{}".to_owned() }),
            Request::Held { .. } => {
                let row = HeldDelete {
                    record: "cust_000009".into(),
                    version: None,
                    cause: DeleteCause::Missing,
                    body: RawJson::parse("{}".to_owned()).expect("JSON"),
                    run: RunId(212),
                    since: ago(600),
                    kept: None,
                };
                Ok(Answer::Held { rows: vec![row], waiting: 1_204, kept: 0 })
            }
            Request::HeldRelease { job, count, .. } => done(&format!("released {count} deletes of {job}"), None),
            Request::HeldDiscard { job, .. } => done(&format!("discarded the deletes of {job}"), None),
            Request::Hold { connection, .. } => {
                done(&format!("held {connection}"), Some(Request::Release { connection: connection.clone() }))
            }
            Request::Release { connection } => done(&format!("released {connection}"), None),
            Request::LowerBudget { connection, budget, .. } => done(
                &format!("the budget of {connection} is {budget:?}"),
                Some(Request::LowerBudget { connection: connection.clone(), budget: None, reason: None }),
            ),
            Request::ResetCircuit { connection } => done(&format!("reset the circuit of {connection}"), None),
            Request::TestConnection { connection } => Ok(Answer::Tested(Box::new(Tested {
                connection: connection.clone(),
                at: NOW,
                by: Actor::person("ada", Via::Console),
                is_ok: connection.as_str() != "netsuite",
                status: Some(200),
                took_ms: 204,
                text: "answers (200)".to_owned(),
                hint: Some("is the server running?".to_owned()),
            }))),
            Request::Range { job, .. } => done(&format!("reading a time of {job}"), None),
            Request::Accept { jobs } => done(&format!("accepted {}", jobs[0]), None),
            Request::Forget { job } => done(&format!("forgot {job}"), None),
            Request::Cancel { jobs } => done(&format!("stopping the run of {}", jobs[0]), None),
            Request::Retry { .. } => done("retrying 1 dead letter", None),
            Request::RetryCarefully { .. } => done(
                "retrying 1,042 dead letters of customers_to_crm: one first, the rest only if it goes through",
                None,
            ),
            Request::StopRetry { job } => done(&format!("stopping the retry of {job}"), None),
            Request::RetryCheck { ids } => Ok(Answer::Check(self.look(ids))),
            Request::EditForm { id } => Ok(Answer::EditForm(Box::new(EditForm { letter: *id, ..self.form.clone() }))),
            Request::Correct { .. } => done("saved the correction of 1 field of cus_00917734", None),
            Request::Discard { selection, .. } => {
                done("discarded 1 dead letter", Some(Request::Restore { selection: selection.clone() }))
            }
            Request::Settle { .. } => done("settled dead letter #1042", None),
            Request::Restore { .. } => done("brought 1 dead letter back", None),
            Request::DeadGroups { filter } => Ok(Answer::Groups(
                self.groups
                    .iter()
                    .chain(self.gone.iter().filter(|_| filter.places.contains(&LetterPlace::Recovered)))
                    .filter(|group| filter.group.is_none_or(|wanted| wanted == group.id))
                    .filter(|group| filter.job.as_ref().is_none_or(|job| *job == group.job))
                    .cloned()
                    .collect(),
            )),
            Request::DeadIds { filter, limit } => {
                let old = |id: &&DeadLetterId| filter.up_to.is_none_or(|up_to| **id <= up_to);
                if filter.up_to.is_none() && *limit >= self.ids.len() {
                    return Ok(Answer::Ids { ids: Arc::clone(&self.ids), total: self.ids.len() as u64 });
                }
                let ids: Vec<DeadLetterId> = self.ids.iter().filter(old).take(*limit).copied().collect();
                Ok(Answer::Ids { ids: ids.into(), total: self.ids.iter().filter(old).count() as u64 })
            }
            Request::DeadRows { ids } => Ok(Answer::Rows(ids.iter().map(|id| Some(self.row(*id))).collect())),
            Request::DeadLetter { id } => {
                let mut view = self.letter.clone();
                view.letter.id = *id;
                view.letter.record = self.row(*id).record;
                Ok(Answer::Letter(Box::new(view)))
            }
            Request::RetryPreview { .. } => Ok(Answer::Preview(self.preview.clone())),
            Request::Checkpoints { before, limit, terms, .. } => {
                let sieve = Sieve::new(terms);
                let older = self.checkpoints.iter().filter(|one| sieve.lets_through(*one));
                let older = older.filter(|one| before.is_none_or(|before| one.sequence < before));
                Ok(Answer::Checkpoints(older.take(*limit).cloned().collect()))
            }
            Request::Bulks { filter } => {
                let sieve = Sieve::new(&filter.terms);
                let of_job = |bulk: &&BulkRetry| filter.job.as_ref().is_none_or(|job| *job == bulk.job);
                let bulks = self.bulks.iter().filter(of_job).filter(|bulk| sieve.lets_through(*bulk));
                Ok(Answer::Bulks(bulks.cloned().collect()))
            }
            Request::Runs { job, before, limit, terms } => {
                let sieve = Sieve::new(terms);
                let wanted = |run: &&Run| {
                    sieve.lets_through(*run)
                        && job.as_ref().is_none_or(|job| *job == run.job)
                        && before.is_none_or(|before| run.id < before)
                };
                Ok(Answer::Runs(self.runs.iter().filter(wanted).take(*limit).cloned().collect()))
            }
            Request::History { .. } => Ok(Answer::History(Box::new(self.history.clone()))),
            Request::Logs { filter, before, limit } => {
                let matches = |notice: &&Notice| {
                    filter.level.is_none_or(|level| notice.level >= level)
                        && filter.words.iter().all(|word| notice.text.to_lowercase().contains(word))
                        && filter.job.as_ref().is_none_or(|job| notice.job.as_ref() == Some(job))
                        && before.is_none_or(|before| notice.number < before)
                };
                let all: Vec<Notice> = self.logs.iter().filter(matches).cloned().collect();
                Ok(Answer::Logs(all[all.len().saturating_sub(*limit)..].to_vec()))
            }
            Request::Journal { .. } => Ok(Answer::Journal(self.journal.clone())),
            Request::JournalVerify => Ok(Answer::Verified(JournalProof::default())),
            Request::RewindPreview { job, to } => Ok(Answer::RewindPreview(Box::new(self.rewind_preview(job, to)))),
            Request::Rewind { job, .. } => done(&format!("rewound {job}"), None),
            Request::CheckpointExport { .. } => Ok(Answer::CheckpointFile(None)),
            Request::CheckpointImport { job, .. } => done(&format!("{job} stands elsewhere"), None),
            Request::Plan { .. } => Ok(Answer::Plan(Box::new(self.plan.clone()))),
            Request::Why { key, live, .. } => {
                let why = WhyAnswer { key: key.clone(), is_live: *live, ..self.why.clone() };
                Ok(Answer::Why(Box::new(why)))
            }
            Request::SyncOne { record, .. } => done(&format!("`{record}` was written to hubspot"), None),
        }
    }

    fn rewind_preview(&self, job: &JobId, to: &RewindTo) -> RewindPreview {
        let to = match to {
            RewindTo::Sequence(sequence) => self.checkpoints.iter().find(|one| one.sequence == *sequence).cloned(),
            RewindTo::Time(at) => self.checkpoints.iter().find(|one| one.saved_at <= *at).cloned(),
            RewindTo::Record(_) | RewindTo::Start => None,
        };
        let now = self.checkpoints.first().cloned();
        let position = to.as_ref().map(|to| to.position.clone()).unwrap_or_default();
        RewindPreview {
            job: job.clone(),
            scanned_since: 1_800,
            written_since: 99,
            errored_since: 2,
            is_paused: self.snapshot.jobs.iter().any(|one| one.id == *job && one.state.word() == "paused"),
            safe: vec!["a record whose mapped fields are what was last written costs no write".to_owned()],
            beware: to
                .iter()
                .map(|to| format!("if the cursor of #{} has expired, that listing begins again", to.sequence))
                .collect(),
            now,
            to,
            position,
        }
    }

    /// Of twenty letters: one gone, one mended, the others as they were.
    fn look(&self, ids: &[DeadLetterId]) -> LetterCheck {
        let mut check = LetterCheck { gone: 1, ..self.check.clone() };
        check.changed = ids.iter().take(1).copied().collect();
        check.same = (ids.len() as u64).saturating_sub(2);
        check
    }

    fn row(&self, id: DeadLetterId) -> LetterRow {
        let letter = &self.letter.letter;
        LetterRow {
            id,
            job: letter.job.clone(),
            group: letter.group,
            record: format!("{}{:06}", letter.record, id.0).into(),
            title: letter.reason.title(),
            field: letter.reason.field.clone(),
            attempts: 3,
            last_at: ago((1_042_u64.saturating_sub(id.0)) * 60),
            state: match id.0 % 9 {
                // The newest is not the one that was recovered last.
                _ if self.groups.is_empty() => LetterState::Recovered { at: ago(id.0 * 60), run: RunId(id.0) },
                4 => LetterState::Retrying { since: ago(3), by: Actor::person("ada", Via::Console) },
                _ => LetterState::Waiting,
            },
        }
    }
}

pub fn counts(scanned: u64, created: u64, updated: u64, errored: u64) -> Counts {
    let skipped = scanned - created - updated - errored;
    Counts {
        scanned,
        created,
        updated,
        errored,
        skipped,
        reasons: SkipCounts { unchanged: skipped, ..SkipCounts::default() },
        ..Counts::default()
    }
}

fn checkpoint(sequence: u64) -> Checkpoint {
    let version = Version::read("2026-03-02T09:14:55Z", &VersionKind::Auto).expect("a time");
    Checkpoint {
        sequence: Sequence(sequence),
        position: Position {
            cursor: Some(Cursor(format!("eyJhZnRlciI6{sequence}"))),
            since: None,
            watermark: Some(Watermark { version, id: "cus_00918274".into() }),
            pages: 2_064,
            ..Position::default()
        },
        run: RunId(218),
        saved_at: ago(2 + (1_866 - sequence) * 53),
        page: counts(200, 1, 10, 0),
        total: counts(412_880 - (1_866 - sequence) * 200, 1_022, 17_182, 37),
        moved_by: None,
        moved: None,
    }
}

pub fn notice(number: u64, level: Level, job: &str, text: &str) -> Notice {
    Notice {
        number,
        at: ago((40 - number.min(40)) * 7),
        level,
        event: "page.committed".to_owned(),
        job: (job != "engine").then(|| job.into()),
        run: Some(RunId(218)),
        connection: None,
        record: (level == Level::Warn).then(|| "cus_00917734".into()),
        destination_id: None,
        text: text.to_owned(),
    }
}

pub fn resume_rules() -> ResumeRules {
    let overlap = Duration::from_secs(60);
    let position = PositionRules { sorted: true, incremental: true, overlap, ..PositionRules::default() };
    ResumeRules { version: Some("updated_at".to_owned()), id: "id".to_owned(), position, start: None }
}

pub fn job(name: &str, from: &str, to: &str, state: JobState) -> JobStatus {
    JobStatus {
        id: name.into(),
        description: None,
        source: from.into(),
        destination: to.into(),
        schedule: "every 15m".to_owned(),
        state,
        phase: Phase::Incremental,
        run: None,
        total: Counts::default(),
        rate: 0.0,
        history: vec![0; RATE_BUCKETS],
        progress: Progress::default(),
        checkpoint: None,
        resume: resume_rules(),
        in_flight: 0,
        dead_waiting: 0,
        dead_retrying: 0,
        withheld: None,
        due: Some(NOW.plus(Duration::from_secs(341))),
        limited_by: None,
        events: Vec::new(),
        recovered: RecoveredFaults::default(),
        last_runs: Vec::new(),
        webhook: None,
    }
}

fn run(id: u64, kind: RunKind, counts: Counts) -> RunStatus {
    RunStatus { id: RunId(id), kind, by: Actor::engine(), started_at: ago(2_045), counts, pages: 2_064, page_size: 200 }
}

/// A day of runs: two in progress, one that was a retry and went badly, one of each other end.
fn runs() -> Vec<Run> {
    let ended = |id: u64| {
        let end = match id {
            215 | 217 => RunEnd::Done,
            213 => RunEnd::Failed {
                reason: "hubspot answered 401 Unauthorized".to_owned(),
                hint: Some("renew the token, then run `syncdeck resume tickets_to_wh`".to_owned()),
                parked: true,
            },
            212 => RunEnd::Stopped { by: Actor::person("ada", Via::Console) },
            205 => RunEnd::Interrupted,
            _ => RunEnd::Done,
        };
        let (kind, by, took, counts) = match id {
            215 => (RunKind::Retry, Actor::person("ada", Via::Console), 350, counts(1_037, 0, 990, 47)),
            213 => (RunKind::Sync, Actor::engine(), 3, Counts::default()),
            212 => (RunKind::Sync, Actor::engine(), 722, counts(88_102, 31, 7_700, 0)),
            _ => (RunKind::Sync, Actor::engine(), 38 + id % 4, counts(8 + id % 30, id % 3, 2 + id % 5, 0)),
        };
        let started_at = ago(2_045 + (218 - id) * 960);
        Run {
            id: RunId(id),
            job: "customers_to_crm".into(),
            kind,
            by,
            started_at,
            ended_at: Some(started_at.plus(Duration::from_secs(took))),
            end: Some(end),
            counts,
            pages: counts.scanned.div_ceil(200),
            checkpoint: Some(Sequence(1_600 + id)),
        }
    };
    let now = |id: u64, job: &str, counts: Counts| Run {
        id: RunId(id),
        job: job.into(),
        kind: RunKind::Sync,
        by: Actor::engine(),
        started_at: ago(2_045),
        ended_at: None,
        end: None,
        counts,
        pages: 2_064,
        checkpoint: Some(Sequence(1_866)),
    };
    let mut runs = vec![
        now(219, "orders_to_erp", counts(88_102, 31, 7_700, 0)),
        now(218, "customers_to_crm", counts(412_880, 1_022, 17_182, 37)),
    ];
    runs.extend((1..218).rev().map(ended));
    runs
}

fn wave(peak: u32) -> Vec<u32> {
    (0..RATE_BUCKETS as u32)
        .map(|at| if (120..135).contains(&at) { 0 } else { peak * (3 + (at * 7) % 11) / 13 })
        .collect()
}

fn jobs() -> Vec<JobStatus> {
    let mut customers = job("customers_to_crm", "shop", "hubspot", JobState::Running);
    customers.phase = Phase::Backfill;
    customers.total = counts(412_880, 1_022, 17_182, 37);
    customers.run = Some(run(218, RunKind::Sync, customers.total));
    customers.rate = 184.2;
    customers.history = wave(260);
    customers.progress = Progress { done: 412_880, total: Some(573_000), eta_seconds: Some(870) };
    customers.checkpoint = Some(checkpoint(1_866));
    customers.in_flight = 200;
    customers.dead_waiting = 1_130;
    customers.due = None;
    customers.limited_by = Some("the request budget of hubspot".to_owned());
    customers.recovered = RecoveredFaults { throttled: 14, transient: 4, unknown: 1 };
    customers.last_runs = vec![RunMark::Ok, RunMark::Ok, RunMark::Part, RunMark::Failed, RunMark::Stopped, RunMark::Ok];
    customers.events = logs()
        .into_iter()
        .filter(|notice| notice.job.as_ref().is_some_and(|job| job.as_str() == "customers_to_crm"))
        .collect();
    let mut orders = job("orders_to_erp", "shop", "netsuite", JobState::Running);
    orders.total = counts(88_102, 31, 7_700, 0);
    orders.run = Some(run(219, RunKind::Sync, orders.total));
    orders.rate = 46.0;
    orders.history = wave(60);
    orders.dead_waiting = 31;
    let mut invoices = job(
        "invoices_backfill",
        "erp",
        "warehouse",
        JobState::Paused {
            by: Actor::person("ada", Via::Console),
            since: ago(10_900),
            reason: Some("quarter end".to_owned()),
        },
    );
    invoices.total = counts(1_203_009, 1_203_003, 3, 3);
    invoices.dead_waiting = 3;
    let mut tickets = job(
        "tickets_to_wh",
        "zendesk",
        "warehouse",
        JobState::NeedsAttention {
            why: "zendesk answered 401 Unauthorized".to_owned(),
            hint: Some("renew the token, then run `syncdeck resume tickets_to_wh`".to_owned()),
            since: ago(2_400),
        },
    );
    tickets.total = counts(9_852, 9_800, 12, 40);
    tickets.dead_waiting = 40;
    tickets.due = None;
    let mut products = job(
        "products_catalog",
        "pim",
        "shop",
        JobState::Waiting {
            what: "pim to answer again".to_owned(),
            since: ago(95),
            until: Some(NOW.plus(Duration::from_secs(12))),
        },
    );
    products.total = counts(6_210, 0, 118, 0);
    let mut employees = job("employees_to_ad", "hris", "ad", JobState::Idle);
    employees.last_runs = vec![RunMark::Ok];
    vec![customers, orders, invoices, tickets, products, employees]
}

fn logs() -> Vec<Notice> {
    let lines = [
        (Level::Error, "tickets_to_wh", "stopped: zendesk answered 401; checkpoint #412 is safe"),
        (Level::Warn, "customers_to_crm", "hubspot: 429 rate limited, waiting 12 s as told"),
        (Level::Info, "customers_to_crm", "hubspot: goes on after 12 s"),
        (Level::Debug, "customers_to_crm", "budget from headers: 11 of 100"),
        (Level::Info, "engine", "orders_to_erp resumed by ada"),
        (Level::Warn, "customers_to_crm", "cus_00917734 dead-lettered: 422 email already in use"),
        (Level::Info, "orders_to_erp", "page 31 committed: 12 updated, 188 skipped, 0 errored"),
        (Level::Info, "customers_to_crm", "page 2,064 committed: 11 updated, 189 skipped, 0 errored"),
    ];
    lines.iter().enumerate().map(|(at, (level, job, text))| notice(at as u64 + 33, *level, job, text)).collect()
}

/// Fifteen minutes of answers: some refused, slower towards the middle.
fn calls(p95: u32) -> Vec<CallBucket> {
    (0..CALL_BUCKETS as u32)
        .map(|at| CallBucket {
            answers: AnswerCounts {
                ok: u64::from(60 + at),
                throttled: u64::from(at == 13) * 14,
                client_error: u64::from(at % 7 == 3),
                server_error: u64::from(at == 20),
                no_answer: u64::from(at == 21) * 3,
            },
            latency_p95: (at != 5).then_some(p95 - p95 * (at.abs_diff(15)) / 30),
        })
        .collect()
}

fn connection(id: &str) -> ConnectionStatus {
    ConnectionStatus {
        id: id.into(),
        lowered: None,
        insecure_tls: false,
        sign_in: vec!["a bearer token in the header `Authorization`".to_owned()],
        held: None,
        circuit: Circuit::Closed,
        is_trying: false,
        last_open: None,
        in_flight: 4,
        ceiling: 4,
        queued: 2,
        budget: None,
        latency_p50: Some(48),
        latency_p95: Some(95),
        answers: AnswerCounts { ok: 2_064, ..AnswerCounts::default() },
        history: calls(95),
        users: vec![JobCalls { job: "customers_to_crm".into(), calls: 2_064 }],
        throttled_until: None,
        last_throttled: None,
        tested: None,
        token: None,
        quota: None,
    }
}

pub fn group(id: u64, job: &str, status: Option<u16>, field: Option<&str>, message: &str, waiting: u64) -> LetterGroup {
    LetterGroup {
        id: GroupId(id),
        job: job.into(),
        reason: Reason {
            class: if status.is_some() { ReasonClass::Rejected } else { ReasonClass::Mapping },
            status,
            field: field.map(str::to_owned),
            message: message.to_owned(),
            answer: status.map(|_| r#"{"status":"error","category":"CONFLICT"}"#.to_owned()),
        },
        waiting,
        retrying: 0,
        discarded: 2,
        recovered: 11,
        first_at: ago(280_000),
        last_at: ago(19 * id.min(5_000)),
    }
}

fn field(field: &str, source: Option<&str>, sent: Option<&str>, mark: FieldMark, why: Option<&str>) -> FieldLine {
    FieldLine {
        field: field.to_owned(),
        source: source.map(str::to_owned),
        sent: sent.map(str::to_owned),
        mark,
        why: why.map(str::to_owned),
    }
}

/// The fields of the letter that a person can correct.
pub fn form() -> EditForm {
    let raw = |text: &str| RawJson::parse(text.to_owned()).expect("JSON");
    let field = |name: &str, source: Option<&str>, value: &str| EditField {
        field: name.to_owned(),
        source: source.map(raw),
        original: Some(raw(value)),
        value: Some(raw(value)),
        problem: None,
        locked: None,
        takes: ValueKind::Text,
    };
    let id = EditField {
        locked: Some("it is the record's id".to_owned()),
        ..field("external_id", Some(r#""cus_00917734""#), r#""cus_00917734""#)
    };
    let email = EditField {
        problem: Some("422 email already in use".to_owned()),
        ..field("email", Some(r#""sam.lee@example.org""#), r#""sam.lee@example.org""#)
    };
    let amount = EditField {
        original: None,
        value: None,
        problem: Some("`12,50` is no number".to_owned()),
        takes: ValueKind::Json,
        ..field("amount", Some(r#""12,50""#), "0")
    };
    EditForm {
        letter: DeadLetterId(1_042),
        job: "customers_to_crm".into(),
        record: "cus_00917734".into(),
        source_connection: "shop".to_owned(),
        destination_connection: "hubspot".to_owned(),
        content: "00".to_owned(),
        fields: vec![
            id,
            email,
            field("first_name", Some(r#""Sam""#), r#""Sam""#),
            field("phone", Some(r#""(030) 1234-5678""#), r#""+493012345678""#),
            amount,
            field("balance", Some("12345678901234567890.10"), "12345678901234567890.10"),
            field("vip", Some("null"), "false"),
            field("origin", None, r#""shop""#),
        ],
        correction: None,
        offered: None,
        offered_changes: Vec::new(),
    }
}

/// What the letter's request was: a secret header, an own key, a value that the console hides.
pub fn letter_request() -> LetterRequest {
    LetterRequest {
        method: "PUT".to_owned(),
        url: "https://crm.example.com/v2/contacts/7".to_owned(),
        query_variable: None,
        headers: vec![
            RequestHeader::plain("content-type", "application/json"),
            RequestHeader::secret("authorization", "Bearer ", "TOKEN"),
            RequestHeader::plain("idempotency-key", "abc"),
        ],
        body: r#"{"name":"O'Neil","phone":"+49 30 1234567"}"#.to_owned(),
        is_batch: false,
    }
}

pub fn letter() -> LetterView {
    let source = r#"{"id":"cus_00917734","email":"sam.lee@example.org","first_name":"Sam","last_name":"Lee ","phone":"(030) 1234-5678","balance":12345678901234567890.10,"vip":null,"note":"call\u001b[31m back\ntomorrow","tags":["a","b"]}"#;
    let sent = r#"{"email":"sam.lee@example.org","first_name":"Sam","last_name":"Lee","phone":"+493012345678","balance":12345678901234567890.10,"vip":false}"#;
    let attempt = |number: u64| Attempt {
        at: ago(26 - number * 3),
        run: RunId(218),
        status: Some(422),
        took_ms: 400 + number as u32,
        message: "email already in use".to_owned(),
    };
    LetterView {
        letter: DeadLetter {
            id: DeadLetterId(1_042),
            job: "customers_to_crm".into(),
            group: GroupId(1),
            record: "cus_".into(),
            destination_id: None,
            version: Version::read("2026-03-02T09:14:55Z", &VersionKind::Auto).ok(),
            deleted: false,
            source: RawJson::parse(source).expect("JSON"),
            sent: Some(RawJson::parse(sent).expect("JSON")),
            reason: Reason {
                class: ReasonClass::Rejected,
                status: Some(422),
                field: Some("email".to_owned()),
                message: "email already in use".to_owned(),
                answer: Some(
                    r#"{"status":"error","message":"A contact with this email already exists; phone (030) 1234-5678"}"#
                        .to_owned(),
                ),
            },
            idempotency_key: Some("7f3e2a91c04d".to_owned()),
            first_at: ago(26),
            last_at: ago(19),
            attempts: vec![attempt(1), attempt(2), attempt(3)],
            state: LetterState::Waiting,
        },
        source_connection: "shop".to_owned(),
        destination_connection: "hubspot".to_owned(),
        fields: vec![
            field("id", Some("cus_00917734"), None, FieldMark::Dropped, None),
            field(
                "email",
                Some("sam.lee@example.org"),
                Some("sam.lee@example.org"),
                FieldMark::Rejected,
                Some("already in use"),
            ),
            field("first_name", Some("Sam"), Some("Sam"), FieldMark::Same, None),
            field("last_name", Some("Lee "), Some("Lee"), FieldMark::Transformed, Some("trimmed")),
            field(
                "phone",
                Some("(030) 1234-5678"),
                Some("+493012345678"),
                FieldMark::Transformed,
                Some("to E.164 from (030) 1234-5678"),
            ),
            field("balance", Some("12345678901234567890.10"), Some("12345678901234567890.10"), FieldMark::Same, None),
            field("vip", Some("null"), Some("false"), FieldMark::Transformed, Some("default")),
            field("note", Some("call\u{1b}[31m back\ntomorrow"), None, FieldMark::Dropped, None),
            field("origin", None, Some("shop"), FieldMark::Added, Some("a fixed value")),
        ],
        corrections: Vec::new(),
        offered: None,
    }
}

/// A workspace in the middle of its day.
pub fn world() -> World {
    let mut hubspot = connection("hubspot");
    hubspot.latency_p50 = Some(210);
    hubspot.latency_p95 = Some(640);
    hubspot.budget = Some(BudgetStatus {
        remaining: 11,
        limit: Some(100),
        resets_at: Some(NOW.plus(Duration::from_secs(18))),
        source: "headers".to_owned(),
        rule: None,
    });
    hubspot.history = calls(640);
    hubspot.users = vec![
        JobCalls { job: "customers_to_crm".into(), calls: 1_804 },
        JobCalls { job: "contacts_two_way".into(), calls: 229 },
    ];
    hubspot.last_throttled = Some(LastThrottled { at: ago(487), retry_after_ms: Some(12_000) });
    hubspot.last_open = Some(LastOpen { since: ago(300_000), until: ago(299_760), why: "503".to_owned() });
    hubspot.tested = Some(Tested {
        connection: "hubspot".into(),
        at: ago(9),
        by: Actor::person("ada", Via::Console),
        is_ok: true,
        status: Some(200),
        took_ms: 204,
        text: "answers (200); it is only written to, so nothing was read".to_owned(),
        hint: None,
    });
    hubspot.answers = AnswerCounts { ok: 18_204, throttled: 14, client_error: 1_167, server_error: 1, no_answer: 3 };
    let findings = vec![
        Finding {
            kind: FindingKind::NeedsAttention,
            level: Level::Error,
            text: "tickets_to_wh stopped: zendesk answered 401 Unauthorized".to_owned(),
            hint: "renew the token of connection `zendesk`".to_owned(),
            target: FindingTarget::Job("tickets_to_wh".into()),
        },
        Finding {
            kind: FindingKind::DeadLetters,
            level: Level::Warn,
            text: "customers_to_crm: 1,042 dead letters of one cause".to_owned(),
            hint: "run `syncdeck dead groups customers_to_crm`".to_owned(),
            target: FindingTarget::Group("customers_to_crm".into(), GroupId(1)),
        },
        Finding {
            kind: FindingKind::BudgetLow,
            level: Level::Warn,
            text: "hubspot: 11 of 100 requests left".to_owned(),
            hint: "full again in 18 s".to_owned(),
            target: FindingTarget::Connection("hubspot".into()),
        },
        Finding {
            kind: FindingKind::Paused,
            level: Level::Info,
            text: "invoices_backfill is paused since 3 h: “quarter end”".to_owned(),
            hint: "run `syncdeck resume invoices_backfill`".to_owned(),
            target: FindingTarget::Job("invoices_backfill".into()),
        },
    ];
    World {
        snapshot: Snapshot {
            at: NOW,
            leftovers: Vec::new(),
            engine: EngineInfo {
                workspace: "acme-production".to_owned(),
                version: "0.1.0".to_owned(),
                pid: 4_711,
                started_at: ago(15_120),
                is_running: true,
                is_demo: false,
                state_folder: "state".to_owned(),
                log_folder: "state/log".to_owned(),
                store_error: None,
                config_changed_at: None,
                redact: Vec::new(),
            },
            jobs: jobs(),
            connections: vec![connection("shop"), hubspot],
            findings,
            throughput: wave(268),
            retries: Vec::new(),
            notices: 40,
        },
        groups: vec![
            group(1, "customers_to_crm", Some(422), Some("email"), "email already in use", 1_042),
            group(2, "customers_to_crm", None, Some("phone"), "phone: `‹value›` is no phone number", 88),
            group(3, "orders_to_erp", Some(404), Some("company_id"), "company not found", 31),
            group(4, "tickets_to_wh", Some(503), None, "service unavailable", 40),
            group(5, "invoices_backfill", None, Some("amount"), "amount: `‹value›` is no number", 3),
        ],
        gone: Vec::new(),
        ids: (1..=1_042).rev().map(DeadLetterId).collect(),
        letter: letter(),
        checkpoints: (1..=1_866).rev().map(checkpoint).collect(),
        runs: runs(),
        bulks: Vec::new(),
        history: History::default(),
        logs: logs(),
        preview: RetryPreview {
            jobs: vec![("customers_to_crm".into(), 1_042)],
            total: 1_042,
            read_again: 1_042,
            seconds_at_least: Some(104),
            per_minute: Some(180),
            seconds_carefully: 347,
        },
        journal: journal(),
        plan: plan(),
        check: LetterCheck::default(),
        form: form(),
        refusal: None,
        why: WhyAnswer { key: String::new(), at: NOW, is_live: false, is_known: false, answers: Vec::new() },
    }
}

fn journal() -> Vec<JournalEntry> {
    let entry =
        |number: u64, seconds, action: &str, job: &str, reason: Option<&str>, before: &str, after: &str| JournalEntry {
            number,
            at: ago(seconds),
            by: Actor::person("ada", Via::Console),
            action: action.to_owned(),
            job: Some(job.into()),
            reason: reason.map(str::to_owned),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            hash: format!("{number:064x}"),
        };
    vec![
        entry(
            3,
            60,
            "rewind",
            "orders_to_erp",
            Some("wrong map"),
            "#912: reads on at cursor p9",
            "#913: reads on at cursor p2",
        ),
        entry(2, 70, "pause", "orders_to_erp", Some("wrong map"), "active", "paused"),
        entry(1, 86_400, "resume", "customers_to_crm", None, "paused", "active"),
    ]
}

fn plan() -> PlanPart {
    let row =
        |record: &str, what, fields: &[(&str, Option<&str>, Option<&str>)], is_field_by_field, why: Option<&str>| {
            PlanRow {
                record: record.into(),
                what,
                version_before: (what == PlanWhat::Update).then(|| "2026-03-02T08:00:00Z".to_owned()),
                version: Some("2026-03-02T09:14:55Z".to_owned()),
                fields: fields
                    .iter()
                    .map(|(field, from, to)| PlannedField {
                        field: (*field).to_owned(),
                        from: from.map(str::to_owned),
                        to: to.map(str::to_owned),
                    })
                    .collect(),
                is_field_by_field,
                why: why.map(str::to_owned),
            }
        };
    let reasons = SkipCounts { unchanged: 1_731, filtered: 20, ..SkipCounts::default() };
    let counts = Counts {
        scanned: 1_800,
        created: 9,
        updated: 23,
        deleted: 2,
        skipped: 1_751,
        errored: 15,
        reasons,
        ..Counts::default()
    };
    PlanPart {
        totals: PlanTotals { counts, rejected: 12, still_dead: 3, dead_again: 4 },
        pages: 9,
        rows: vec![
            row("cus_00918274", PlanWhat::Create, &[("email", None, Some("\"ada@example.com\""))], true, None),
            row("cus_00918275", PlanWhat::Update, &[("phone", Some("\"030 1\""), Some("\"+49 30 1\""))], true, None),
            row("cus_00918276", PlanWhat::Update, &[("name", None, Some("\"Grace\""))], false, None),
            row("cus_00918277", PlanWhat::Delete, &[], true, None),
            row("cus_00918278", PlanWhat::Reject, &[], true, Some("phone: `x` is no phone number")),
        ],
        next: None,
        source_total: None,
        begins: "reads the listing of everything from its start".to_owned(),
        problem: None,
        notes: Vec::new(),
    }
}
