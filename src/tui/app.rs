//! What the console holds: the engine's last snapshot, where the person is, and what was asked and not yet answered.

use super::action::Action;
use super::counting::Counting;
use super::keymap::{Context, Keymap};
use super::overlays::Overlay;
use super::screens::{Screen, checkpoints, connections, customer, dead, job, jobs, letters, logs, runs, why};
use super::text::{distance, moment};
use super::theme::{Look, Theme, Tone};
use crate::control::{Answer, Attachment, Refusal, Request};
use crate::model::{BulkRetry, Circuit, DeadLetterId, JobId, JobState, JobStatus, Snapshot, Timestamp};
use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tui_input::Input;

/// Messages that are kept for the list of them.
const MESSAGES_MAX: usize = 200;
/// How long a message that needs no answer stays in its line.
const MESSAGE_STAYS: Duration = Duration::from_secs(4);
/// An engine that has nothing to do within this time is idle.
const STILL_FOR: Duration = Duration::from_secs(60);
/// Things done that are told beside the newest.
const FRESH_MAX: usize = 8;
/// The least time between two questions that only keep a list fresh.
pub const REFRESH_EVERY: Duration = Duration::from_secs(1);

/// What a key that would change something is answered with on a read-only console.
pub const READ_ONLY: &str =
    "read-only: this screen changes nothing (--read-only, read_only in [workspace], or chosen at its start)";

/// The same while the engine that it is attached to is lost.
pub const NOT_THERE: &str = "the engine is not there: nothing was changed";

/// What comes in.
#[derive(Clone, Debug)]
pub enum Msg {
    Key(KeyEvent),
    /// Pasted text. It only ever goes into text fields, never counts as keys.
    Paste(String),
    Mouse(MouseEvent),
    Copied(super::copying::Copied),
    Resize(u16, u16),
    Snapshot(Arc<Snapshot>),
    /// The engine's end of the line is gone.
    EngineGone,
    /// An engine of another process was reached, lost, or found again.
    Attachment(Attachment),
    Answered {
        generation: u64,
        result: Result<Answer, Refusal>,
    },
    /// The editor ended: the text, or why there is none.
    Edited(Result<String, String>),
    /// A file was written, and its path; or why not.
    Saved(Result<String, String>),
    /// That nobody wants to be asked at the start any more was written down, and where; or why not.
    Remembered(Result<String, String>),
    /// A piece of an export was written, and the file's path; or why not.
    Exported(Result<String, String>),
    /// The moment of [`App::deadline`] has come.
    Tick,
}

/// What goes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Answered by [`Msg::Answered`] with the same generation, exactly once.
    Ask {
        generation: u64,
        request: Request,
    },
    /// Hand the terminal to the person's editor with this text. Answered by [`Msg::Edited`].
    Edit {
        /// What the file is called, without an ending.
        name: String,
        text: String,
    },
    /// Clear the terminal and draw everything again.
    Redraw,
    /// Write a bundle to a new file of that name, for its owner alone; answered by [`Msg::Saved`].
    Save {
        name: String,
        text: String,
    },
    /// Write a piece of an export: the first one to a new file of that name, for its owner alone, the others to the end
    /// of the file at that path. Answered by [`Msg::Exported`].
    Export {
        name: String,
        is_first: bool,
        text: String,
    },
    /// Listen to the mouse, or leave it to the terminal.
    Mouse(bool),
    /// To the clipboard; answered by [`Msg::Copied`].
    Copy {
        what: String,
        text: String,
    },
    /// Write down that this screen attaches without asking from now on; answered by [`Msg::Remembered`].
    Remember,
    /// Give the terminal back and stop, until the shell lets the process go on.
    Suspend,
    Leave(Left),
}

/// How a person left the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The engine is to finish its pages, save its checkpoints and stop.
    Quit,
    /// The engine is to go on without a screen, in a process of its own.
    Background,
    /// The engine is to stop at once, as safely as after a crash.
    QuitNow,
    /// The engine that this was attached to is gone; one is to be started in this process.
    StartHere,
    /// The process was told to end.
    ToldToEnd,
    /// The terminal went away.
    TerminalGone,
}

/// What an answer is for. A new question of the same kind makes the answer to the old one worthless.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    Groups,
    GroupsOfJob(JobId),
    /// Of one of the jobs of the customer that is shown.
    GroupsOfCustomer(JobId),
    Ids,
    NewIds,
    Rows,
    Letter(DeadLetterId),
    /// A letter's request, to be copied.
    LetterRequest(DeadLetterId),
    Checkpoints(JobId),
    OlderCheckpoints(JobId),
    Runs,
    NewRuns,
    OlderRuns,
    /// Careful retries, which stand among the runs.
    Bulks,
    NewBulks,
    /// The last runs of a job, for what is usual of it.
    UsualRuns(JobId),
    /// What a test of a connection brings.
    Test,
    /// The text of a bundle, and the file's name.
    Bundle(String),
    /// Letters of an export: those beyond the list, and what is written of some.
    ExportIds,
    ExportRows,
    /// The minutes of a job, or of all, for a chart.
    History(Option<JobId>),
    Logs,
    OlderLogs,
    Why,
    /// The same, with what both systems say.
    WhyLive,
    /// Newest number and count of what an order is for, before it is confirmed.
    Measure,
    Preview,
    RewindPreview,
    /// Puts a job back; what follows is asked.
    Rewind,
    /// A part of a dry run.
    Count,
    Journal,
    /// Where a letter is that was asked for by its number.
    FindLetter,
    /// Of a preview: the letters that are looked at, and what is found of some of them.
    PreviewIds,
    PreviewCheck,
    /// The fields of a letter that is to be corrected.
    EditForm,
    /// What became of a correction.
    Correct,
    /// The letters that were recovered, and when, for a list in which none waits.
    RecoveredIds,
    RecoveredRows,
    /// How a cause stands that the list's filter no longer shows.
    GroupNow,
    Order,
}

/// What the options say about showing.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Fields whose values are hidden until a key reveals them.
    pub redact: Vec<String>,
    pub is_demo: bool,
    /// Only questions are asked: what changes something is refused with the reason.
    pub is_read_only: bool,
    /// Asks before it is attached to an engine of another process.
    pub asks_to_attach: bool,
    /// No configuration leads to this engine, so none can be started in its place.
    pub is_guest: bool,
    /// There is a place to remember that it is not to ask.
    pub can_remember: bool,
    /// Whose orders these are in the journal of an engine of another process.
    pub signed_as: String,
    /// Where log files are, as a person may type it.
    pub log_folder: String,
    /// The themes that a key goes through.
    pub looks: Vec<Look>,
    /// The zone of this machine, for times that a person asks for in it; none: UTC alone.
    pub zone: Option<jiff::tz::TimeZone>,
    /// The keys in force.
    pub keymap: Keymap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Done,
    Note,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub at: Timestamp,
    pub kind: MessageKind,
    pub text: String,
    pub hint: Option<String>,
}

impl MessageKind {
    pub fn sign(self) -> (&'static str, Tone) {
        match self {
            Self::Done => ("✓ ", Tone::Ok),
            Self::Note => ("", Tone::Plain),
            Self::Failed => ("✗ ", Tone::Fail),
        }
    }
}

/// The last change that can be taken back.
#[derive(Clone, Debug)]
pub struct Undo {
    pub at: Timestamp,
    pub text: String,
    pub request: Request,
}

/// A filter that is being typed.
#[derive(Clone, Debug)]
pub struct Typing {
    pub input: Input,
    /// What stood there before, for Esc.
    pub before: String,
    pub error: Option<String>,
    /// Text is looked for in the lines, which all stay; else they are filtered.
    pub is_find: bool,
}

/// The whole console between two frames.
pub struct App {
    pub theme: Theme,
    pub settings: Settings,
    pub size: (u16, u16),
    pub now: Timestamp,
    pub snapshot: Option<Arc<Snapshot>>,
    /// Where each job stands in the snapshot: there may be thousands.
    job_places: HashMap<JobId, usize>,
    pub is_engine_gone: bool,
    pub attachment: Attachment,
    pub screen: Screen,
    /// The first of two keys, while the second one is awaited.
    pub prefix: Option<super::which_key::Prefix>,
    pub typing: Option<Typing>,
    pub overlay: Option<Overlay>,
    pub messages: VecDeque<Message>,
    /// The message in the line, and until when.
    pub line: Option<(Message, Timestamp)>,
    /// What was done and is not in the line any more, because something newer is, and until when it is told.
    pub fresh: VecDeque<(Message, Timestamp)>,
    /// Failures that nobody has waved away yet.
    pub standing: Vec<Message>,
    pub undo: Option<Undo>,
    pub jobs: jobs::State,
    pub job: job::State,
    pub customer: customer::State,
    pub dead: dead::State,
    pub letters: letters::State,
    pub checkpoints: checkpoints::State,
    /// The dry run that is under way, or the last one.
    pub counting: Option<Counting>,
    pub runs: runs::State,
    pub connections: connections::State,
    pub logs: logs::State,
    pub why: why::State,
    /// How far back the charts go.
    pub(super) zoom: super::zoom::State,
    pub is_mouse_on: bool,
    /// What was copied last, and its name.
    pub copied: Option<(String, String)>,
    /// What was run from the palette, the last first.
    pub recent: VecDeque<super::overlays::palette::Recent>,
    /// A view that is being written to a file.
    pub export: Option<super::export::Export>,
    /// When Ctrl-C was pressed last, or `q` on a screen that is too small to ask.
    pub interrupted_at: Option<Timestamp>,
    /// When lists that follow the engine are to be asked for again.
    pub refresh_at: Option<Timestamp>,
    pub refreshed_at: Timestamp,
    pub(super) effects: Vec<Effect>,
    pending: Vec<(u64, Purpose)>,
    generation: u64,
}

impl App {
    pub fn new(theme: Theme, settings: Settings, size: (u16, u16), now: Timestamp) -> Self {
        Self {
            theme,
            settings,
            size,
            now,
            snapshot: None,
            job_places: HashMap::new(),
            is_engine_gone: false,
            attachment: Attachment::Own,
            screen: Screen::Jobs,
            prefix: None,
            typing: None,
            overlay: None,
            messages: VecDeque::new(),
            line: None,
            fresh: VecDeque::new(),
            standing: Vec::new(),
            undo: None,
            jobs: jobs::State::default(),
            job: job::State::default(),
            customer: customer::State::default(),
            dead: dead::State::default(),
            letters: letters::State::default(),
            checkpoints: checkpoints::State::default(),
            counting: None,
            runs: runs::State::default(),
            connections: connections::State::default(),
            logs: logs::State::default(),
            why: why::State::default(),
            zoom: super::zoom::State::default(),
            is_mouse_on: false,
            copied: None,
            recent: VecDeque::new(),
            export: None,
            interrupted_at: None,
            refresh_at: None,
            refreshed_at: Timestamp::ZERO,
            effects: Vec::new(),
            pending: Vec::new(),
            generation: 0,
        }
    }

    /// Asks the engine. An unanswered question of the same kind is forgotten: its answer will be dropped.
    ///
    /// No order ever leaves a read-only console, whatever key, dialog or undo it came from; and nothing at all while
    /// the engine is lost.
    pub fn ask(&mut self, purpose: Purpose, request: Request) {
        if request.changes()
            && let Some(why) = self.why_not_change()
        {
            return self.note(why);
        }
        if !self.attachment.is_there() {
            return;
        }
        self.generation += 1;
        if purpose != Purpose::Order {
            self.forget(&purpose);
        }
        self.pending.push((self.generation, purpose));
        self.effects.push(Effect::Ask { generation: self.generation, request });
    }

    /// Gives an order; what it did comes back as a message.
    pub fn order(&mut self, request: Request) {
        self.ask(Purpose::Order, request);
    }

    /// Drops the answer to a question of this kind, should it still come.
    pub fn forget(&mut self, purpose: &Purpose) {
        self.pending.retain(|(_, other)| std::mem::discriminant(other) != std::mem::discriminant(purpose));
    }

    pub fn is_asking(&self, purpose: &Purpose) -> bool {
        self.pending.iter().any(|(_, other)| other == purpose)
    }

    pub(super) fn take_pending(&mut self, generation: u64) -> Option<Purpose> {
        let at = self.pending.iter().position(|(number, _)| *number == generation)?;
        Some(self.pending.swap_remove(at).1)
    }

    pub fn say(&mut self, kind: MessageKind, text: impl Into<String>, hint: Option<String>) {
        let message = Message { at: self.now, kind, text: text.into(), hint };
        self.keep(message.clone());
        if kind == MessageKind::Failed {
            if self.standing.len() == MESSAGES_MAX {
                self.standing.remove(0);
            }
            self.standing.push(message);
        } else {
            let until = self.now.plus(MESSAGE_STAYS);
            let before = self.line.replace((message, until));
            let is_told =
                |(message, until): &(Message, Timestamp)| message.kind == MessageKind::Done && *until > self.now;
            if let Some(before) = before.filter(is_told) {
                if self.fresh.len() == FRESH_MAX {
                    self.fresh.pop_front();
                }
                self.fresh.push_back(before);
            }
        }
    }

    /// Puts a message into the list alone: what it tells is seen elsewhere.
    pub fn keep(&mut self, message: Message) {
        if self.messages.len() == MESSAGES_MAX {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
        if let Some(Overlay::Messages(list)) = &mut self.overlay {
            // Nothing moves under the cursor.
            list.selected += 1;
        }
    }

    /// The key that does `action` here, as people read it; else the one that does it elsewhere.
    pub fn key(&self, action: Action) -> String {
        let on_top = self.overlay.as_ref().map(Overlay::context);
        let chain = on_top.into_iter().chain([self.screen.context(), Context::Everywhere, Context::Move]);
        let chain: Vec<Context> = chain.collect();
        let keymap = &self.settings.keymap;
        keymap.labels(&chain, action).into_iter().next().unwrap_or_else(|| keymap.label(action))
    }

    /// What was marked has been dealt with.
    pub fn forget_marks(&mut self) {
        self.letters.forget_marks();
        self.dead.forget_marks();
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.say(MessageKind::Note, text, None);
    }

    /// Why nothing can be changed from here now; none where it can.
    pub fn why_not_change(&self) -> Option<&'static str> {
        match (self.settings.is_read_only, self.attachment.is_there()) {
            (true, _) => Some(READ_ONLY),
            (false, false) => Some(NOT_THERE),
            (false, true) => None,
        }
    }

    /// Why no engine can be started here in the place of one that is gone; none where it can.
    pub fn why_not_start(&self) -> Option<&'static str> {
        match (self.settings.is_read_only, self.settings.is_guest) {
            (true, _) => Some("read-only: a screen that only looks starts no engine"),
            (false, true) => Some("no configuration was found to start an engine by"),
            (false, false) => None,
        }
    }

    /// When [`Msg::Tick`] is wanted; none when nothing changes by time alone.
    pub fn deadline(&self) -> Option<Timestamp> {
        let line = self.line.as_ref().map(|(_, until)| *until);
        let which_key = super::which_key::due(self);
        let fresh = self.fresh.front().map(|(_, until)| *until);
        [line, self.refresh_at, which_key, fresh].into_iter().flatten().min()
    }

    /// Nothing moves at the engine, and nothing is due within the minute: what is shown changes only by what happens.
    pub fn is_still(&self) -> bool {
        let Some(snapshot) = &self.snapshot else { return false };
        let soon = snapshot.at.plus(STILL_FOR);
        let is_still = |job: &JobStatus| {
            let is_at_rest = matches!(
                job.state,
                JobState::Idle | JobState::Paused { .. } | JobState::Disabled | JobState::NeedsAttention { .. }
            );
            is_at_rest && job.run.is_none() && job.rate == 0.0 && job.due.is_none_or(|due| soon < due)
        };
        self.attachment.is_there()
            && snapshot.jobs.iter().all(is_still)
            && snapshot.connections.iter().all(|one| one.circuit == Circuit::Closed && one.in_flight == 0)
            && !snapshot.retries.iter().any(BulkRetry::is_open)
    }

    /// How long ago it was; beside an idle engine when it was, because a time that goes on is a frame a minute.
    pub fn age(&self, at: Timestamp) -> String {
        if self.is_still() { format!("at {}", moment(at, self.now)) } else { distance(at, self.now) }
    }

    pub fn jobs(&self) -> &[JobStatus] {
        self.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.jobs)
    }

    pub fn job_status(&self, id: &JobId) -> Option<&JobStatus> {
        let at_place = self.job_places.get(id).and_then(|place| self.jobs().get(*place));
        at_place.filter(|job| job.id == *id).or_else(|| self.jobs().iter().find(|job| job.id == *id))
    }

    /// Takes a new snapshot; returns the one before.
    pub(super) fn take_snapshot(&mut self, snapshot: Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        let is_where_it_was = |(place, job): (usize, &JobStatus)| self.job_places.get(&job.id) == Some(&place);
        let is_same =
            self.job_places.len() == snapshot.jobs.len() && snapshot.jobs.iter().enumerate().all(is_where_it_was);
        if !is_same {
            self.job_places = snapshot.jobs.iter().enumerate().map(|(place, job)| (job.id.clone(), place)).collect();
        }
        self.snapshot.replace(snapshot)
    }

    /// The job that the selection is of, on any screen.
    pub fn selected_job(&self) -> Option<JobId> {
        match self.screen {
            // A key pressed at a finding is meant for what it tells of.
            Screen::Jobs if self.jobs.pane == jobs::Pane::Attention => jobs::job_of_finding(self),
            Screen::Jobs => self.jobs.selected.clone(),
            Screen::Job => self.job.id.clone(),
            Screen::Customer => self.customer.selected.clone(),
            Screen::Dead => self.dead.selected_group().map(|group| group.job.clone()),
            Screen::Letters => self.letters.selected_job(),
            Screen::Checkpoints => self.checkpoints.job.clone(),
            Screen::Runs => self.runs.selected_job().cloned(),
            Screen::Connections => connections::selected_job(self),
            Screen::Conflicts => None,
            Screen::Logs => self.logs.selected_notice().and_then(|notice| notice.job.clone()),
            Screen::Why => self.why.selected_job(),
        }
    }

    /// Jobs with a run in progress, which would have to stop when this process ends.
    pub fn running_jobs(&self) -> Vec<&JobStatus> {
        let is_running = |job: &&JobStatus| {
            job.run.is_some() || matches!(job.state, JobState::Running | JobState::Pausing | JobState::Stalled { .. })
        };
        self.jobs().iter().filter(is_running).collect()
    }

    pub fn dead_waiting(&self) -> u64 {
        self.jobs().iter().map(|job| job.dead_waiting).sum()
    }

    /// Where the notices of the engine stand.
    pub fn newest_notice(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.notices)
    }

    /// True for a field that the configuration hides: by its name, its last step or its pointer.
    pub fn is_redacted(&self, field: &str) -> bool {
        crate::model::redact::is_redacted(&self.settings.redact, field)
    }
}
