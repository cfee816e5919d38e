//! The loop: messages in, effects out, and a frame when something changed and it is time for one.

use super::TuiError;
use super::clipboard::{self, Plan};
use super::editor::{self, Draft};
use super::input::Input;
use super::terminal::{Screen, guarded};
use super::watchdog::Watchdog;
use crate::control::{Answer, Attachment, Handle, Refusal, Request};
use crate::model::{Snapshot, Timestamp};
use crate::tui::app::{App, Effect, Left, Msg, Settings};
use crate::tui::{ClipboardWay, Copied, Options, update, view};
use futures::future::BoxFuture;
use ratatui::crossterm::event::{Event, MouseEventKind};
use rustix::process::{Signal, kill_current_process_group};
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// The least time between two frames. What a key changes is shown at once after a rest; where it asks the engine, so long
/// is waited for the answer.
const AFTER_INPUT: Duration = Duration::from_millis(16);
/// From new figures to their frame.
const AFTER_DATA: Duration = Duration::from_millis(100);
/// The same while nobody looks.
const UNFOCUSED: Duration = Duration::from_secs(1);
/// Messages that are taken in before a frame that is due.
const DRAINED_AT_ONCE: usize = 64;

/// What the file that keeps screens from asking says to whoever finds it.
const ATTACH_NOTE: &str =
    "Screens of syncdeck attach to an engine that runs without asking. Without this file they ask.\n";

/// A process that is told to stop has stopped by then, or never will.
const STOPS_WITHIN: Duration = Duration::from_millis(500);
/// How often the terminal is asked for after a stop, and how long apart.
const TAKE_BACK_TRIES: u32 = 20;
const TAKE_BACK_AFTER: Duration = Duration::from_millis(50);

type Asked = (u64, Result<Answer, Refusal>);

/// An engine as the console sees it: questions and orders, and a snapshot to watch.
#[derive(Clone)]
pub struct Link {
    pub ask: Arc<dyn Fn(Request) -> BoxFuture<'static, Result<Answer, Refusal>> + Send + Sync>,
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Where the engine is, and whether it can be reached.
    pub attachment: watch::Receiver<Attachment>,
}

impl Link {
    pub fn new(handle: &Handle) -> Self {
        let snapshots = handle.watch();
        let attachment = handle.attachment();
        let handle = handle.clone();
        let ask = move |request| -> BoxFuture<'static, Result<Answer, Refusal>> {
            let handle = handle.clone();
            Box::pin(async move { handle.ask(request).await })
        };
        Self { ask: Arc::new(ask), snapshots, attachment }
    }
}

/// Shows the console over an engine until a person leaves. The engine is the caller's: it goes on, or is stopped,
/// as [`Left`] tells.
pub async fn run(handle: Handle, mut options: Options) -> Result<Left, TuiError> {
    if options.is_plain {
        return super::plain::run(handle, &options).await;
    }
    options.is_read_only |= handle.is_read_only();
    run_link(Link::new(&handle), options).await
}

/// As [`run`], over anything that answers like an engine.
pub async fn run_link(link: Link, options: Options) -> Result<Left, TuiError> {
    needs_terminal()?;
    let mut screen = Screen::take()?;
    let size = screen.size()?;
    let settings = Settings {
        zone: Some(jiff::tz::TimeZone::system()),
        redact: options.redact.clone(),
        is_demo: options.is_demo,
        is_read_only: options.is_read_only,
        asks_to_attach: options.asks_to_attach,
        is_guest: options.is_guest,
        can_remember: options.attach_note.is_some(),
        signed_as: options.signed_as.clone(),
        log_folder: options.log_folder.clone(),
        looks: options.looks.clone(),
        keymap: options.keymap.clone(),
    };
    let mut app = App::new(options.theme(), settings, size, now());
    app.is_mouse_on = options.mouse;
    screen.mouse(options.mouse)?;
    let mut console = Console {
        app,
        screen,
        link,
        asked: JoinSet::new(),
        copies: JoinSet::new(),
        clipboard: options.clipboard,
        saved: JoinSet::new(),
        exported: JoinSet::new(),
        remembered: JoinSet::new(),
        attach_note: options.attach_note.clone(),
        frame_at: Some(Instant::now()),
        is_focused: true,
        drawn_at: None,
        is_engine_gone: false,
        is_elsewhere: true,
        editing: None,
        is_suspending: false,
        left: None,
    };
    console.run(&options).await
}

/// Refuses to show anything where standard input or output is no terminal.
pub fn needs_terminal() -> Result<(), TuiError> {
    if !io::stdin().is_terminal() {
        return Err(TuiError::NotATerminal("input"));
    }
    if !io::stdout().is_terminal() {
        return Err(TuiError::NotATerminal("output"));
    }
    Ok(())
}

fn now() -> Timestamp {
    Timestamp::from(jiff::Timestamp::now())
}

struct Console {
    app: App,
    screen: Screen,
    link: Link,
    asked: JoinSet<Asked>,
    /// Copies that a program of the desktop makes.
    copies: JoinSet<(Copied, Vec<u8>)>,
    clipboard: ClipboardWay,
    /// Files on their way to the disk.
    saved: JoinSet<Result<String, String>>,
    /// The piece of an export on its way to the disk.
    exported: JoinSet<Result<String, String>>,
    /// The note that nobody wants to be asked at the start, on its way to the disk.
    remembered: JoinSet<Result<String, String>>,
    attach_note: Option<PathBuf>,
    /// When the next frame is due; none while nothing has changed. An earlier wish wins, traffic never postpones it.
    frame_at: Option<Instant>,
    is_focused: bool,
    /// When the last frame was drawn.
    drawn_at: Option<Instant>,
    is_engine_gone: bool,
    /// The attachment can still change.
    is_elsewhere: bool,
    /// What is to be opened in an editor, and its name.
    editing: Option<(String, String)>,
    /// The process is to stop until the shell lets it go on.
    is_suspending: bool,
    left: Option<Left>,
}

impl Console {
    async fn run(&mut self, options: &Options) -> Result<Left, TuiError> {
        let mut input = Input::start()?;
        let watchdog = Watchdog::start()?;
        let first = self.link.snapshots.borrow_and_update().clone();
        self.take_in(Msg::Snapshot(first), AFTER_INPUT)?;
        let attachment = self.link.attachment.borrow_and_update().clone();
        self.is_elsewhere = !attachment.is_own();
        if self.is_elsewhere {
            self.take_in(Msg::Attachment(attachment), AFTER_INPUT)?;
        }
        while self.left.is_none() {
            if let Some((name, text)) = self.editing.take() {
                input = self.edit(input, &name, &text, options).await?;
                continue;
            }
            if std::mem::take(&mut self.is_suspending) {
                input = self.suspend(input).await?;
                continue;
            }
            let frame_at = self.frame_at;
            let tick_at = self.app.deadline().map(|at| Instant::now() + at.since(now()));
            tokio::select! {
                biased;
                () = options.shutdown.cancelled() => self.left = Some(Left::ToldToEnd),
                () = watchdog.gone.notified() => self.left = Some(Left::TerminalGone),
                () = at(frame_at), if frame_at.is_some() => self.draw()?,
                event = input.events.recv() => self.input(event, &mut input)?,
                Some(answer) = self.asked.join_next() => self.answered(answer)?,
                Some(copied) = self.copies.join_next() => self.copied(copied)?,
                Some(saved) = self.saved.join_next() => {
                    let saved = saved.unwrap_or_else(|error| Err(error.to_string()));
                    self.take_in(Msg::Saved(saved), AFTER_INPUT)?;
                }
                Some(written) = self.exported.join_next() => {
                    let written = written.unwrap_or_else(|error| Err(error.to_string()));
                    self.take_in(Msg::Exported(written), AFTER_INPUT)?;
                }
                Some(written) = self.remembered.join_next() => {
                    let written = written.unwrap_or_else(|error| Err(error.to_string()));
                    self.take_in(Msg::Remembered(written), AFTER_INPUT)?;
                }
                changed = self.link.snapshots.changed(), if !self.is_engine_gone => self.snapshot(changed.is_ok())?,
                changed = self.link.attachment.changed(), if self.is_elsewhere => self.attachment(changed.is_ok())?,
                () = at(tick_at), if tick_at.is_some() => self.take_in(Msg::Tick, AFTER_DATA)?,
            }
        }
        Ok(self.left.unwrap_or(Left::Quit))
    }

    fn take_in(&mut self, msg: Msg, gap: Duration) -> Result<(), TuiError> {
        let app = &mut self.app;
        let effects = guarded(|| update(app, now(), msg)).map_err(TuiError::Broken)?;
        for effect in effects {
            match effect {
                Effect::Ask { generation, request } => {
                    let answer = (self.link.ask)(request);
                    self.asked.spawn(async move { (generation, answer.await) });
                }
                Effect::Copy { what, text } => self.copy(what, text)?,
                Effect::Save { name, text } => {
                    self.saved.spawn_blocking(move || {
                        let saved = crate::control::bundle::save(Path::new(&name), &text);
                        saved.map(|path| path.display().to_string()).map_err(|error| error.to_string())
                    });
                }
                Effect::Export { name, is_first, text } => {
                    self.exported.spawn_blocking(move || {
                        let written = if is_first {
                            crate::control::bundle::save(Path::new(&name), &text)
                        } else {
                            append(Path::new(&name), &text)
                        };
                        written.map(|path| path.display().to_string()).map_err(|error| error.to_string())
                    });
                }
                Effect::Remember => {
                    if let Some(path) = self.attach_note.clone() {
                        self.remembered.spawn_blocking(move || remember(&path).map_err(|error| error.to_string()));
                    }
                }
                Effect::Mouse(is_on) => self.screen.mouse(is_on)?,
                Effect::Edit { name, text } => self.editing = Some((name, text)),
                Effect::Redraw => self.screen.forget()?,
                Effect::Suspend => self.is_suspending = true,
                Effect::Leave(left) => self.left = Some(left),
            }
        }
        // The gap is between two frames; what comes after a rest is shown at once, or with the answer that it waits for.
        let is_whole = gap <= AFTER_INPUT && self.asked.is_empty();
        let soon = if is_whole { Instant::now() } else { Instant::now() + gap.min(AFTER_INPUT) };
        let due = self.drawn_at.map_or(soon, |drawn| soon.max(drawn + gap));
        self.frame_at = Some(self.frame_at.map_or(due, |at| at.min(due)));
        Ok(())
    }

    /// Gives the terminal back, stops the process, and takes the terminal again when the shell lets it go on.
    async fn suspend(&mut self, input: Input) -> Result<Input, TuiError> {
        // Listened to before the stop, so that it is not missed.
        let mut goes_on = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        drop(input);
        self.screen.lend()?;
        kill_current_process_group(Signal::TSTP).map_err(io::Error::from)?;
        // Where nobody could let it go on (no shell with job control), the system does not stop it at all.
        tokio::select! {
            _ = goes_on.recv() => {}
            () = sleep(STOPS_WITHIN) => {}
        }
        let mut tries = 1;
        while let Err(error) = self.screen.take_back(self.app.is_mouse_on) {
            // Just after it goes on, the terminal may still be the shell's.
            if tries == TAKE_BACK_TRIES {
                return Err(error.into());
            }
            tries += 1;
            sleep(TAKE_BACK_AFTER).await;
        }
        self.take_in(Msg::Tick, Duration::ZERO)?;
        Ok(Input::start()?)
    }

    /// Hands the terminal to the person's editor until it ends. The engine goes on meanwhile.
    async fn edit(&mut self, input: Input, name: &str, text: &str, options: &Options) -> Result<Input, TuiError> {
        let opened = Draft::new(name, text).map_err(|error| format!("no file to edit could be made: {error}"));
        let result = match opened.and_then(|draft| Ok((editor::command(draft.path())?, draft))) {
            Err(why) => Err(why),
            Ok((mut command, draft)) => {
                // Nobody else may read the keyboard: what is typed for the editor would be typed here too.
                drop(input);
                self.screen.lend()?;
                let ended = tokio::select! {
                    ended = async { command.spawn()?.wait().await } => Some(ended),
                    () = options.shutdown.cancelled() => None,
                };
                self.screen.take_back(self.app.is_mouse_on)?;
                let input = Input::start()?;
                let result = match ended {
                    None => {
                        self.left = Some(Left::ToldToEnd);
                        return Ok(input);
                    }
                    Some(Err(error)) => Err(format!("the editor could not be started: {error}")),
                    Some(Ok(status)) if !status.success() => {
                        Err(format!("the editor ended with {status}; nothing was taken"))
                    }
                    Some(Ok(_)) => draft.read().map_err(|error| format!("what was edited can not be read: {error}")),
                };
                self.take_in(Msg::Edited(result), Duration::ZERO)?;
                return Ok(input);
            }
        };
        self.take_in(Msg::Edited(result), AFTER_INPUT)?;
        Ok(input)
    }

    /// Takes in what was typed, as much of it as is there, so that a paste is one frame.
    fn input(&mut self, first: Option<io::Result<Event>>, input: &mut Input) -> Result<(), TuiError> {
        let mut next = first;
        for _ in 0..DRAINED_AT_ONCE {
            let event = match next {
                None => {
                    self.left = Some(Left::TerminalGone);
                    return Ok(());
                }
                Some(event) => event?,
            };
            match event {
                Event::Key(key) => self.take_in(Msg::Key(key), AFTER_INPUT)?,
                Event::Paste(text) => self.take_in(Msg::Paste(text), AFTER_INPUT)?,
                Event::Resize(width, height) => self.take_in(Msg::Resize(width, height), AFTER_INPUT)?,
                Event::FocusGained => self.is_focused = true,
                Event::FocusLost => self.is_focused = false,
                // Where the pointer moves to is nobody's business, and there is very much of it.
                Event::Mouse(event) if matches!(event.kind, MouseEventKind::Moved | MouseEventKind::Drag(_)) => {}
                Event::Mouse(event) => self.take_in(Msg::Mouse(event), AFTER_INPUT)?,
            }
            if self.left.is_some() {
                return Ok(());
            }
            match input.events.try_recv() {
                Ok(event) => next = Some(event),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    fn copy(&mut self, what: String, text: String) -> Result<(), TuiError> {
        let bytes = text.len();
        let copied = |how| Copied { what: what.clone(), bytes, how };
        match clipboard::plan(self.clipboard, &text, &|name| std::env::var(name).ok()) {
            Plan::Terminal(sequence) => {
                self.screen.say(&sequence)?;
                self.take_in(Msg::Copied(copied(Ok("OSC 52"))), AFTER_INPUT)
            }
            Plan::Refused(problem) => self.take_in(Msg::Copied(copied(Err(problem))), AFTER_INPUT),
            // A program may take its time, and keys are not to wait for it.
            Plan::Programs(programs) => {
                self.copies.spawn_blocking(move || {
                    let how = clipboard::run(&programs, &text);
                    (Copied { what, bytes, how }, Vec::new())
                });
                Ok(())
            }
            Plan::ProgramsFirst(programs, sequence) => {
                self.copies.spawn_blocking(move || match clipboard::run(&programs, &text) {
                    Ok(name) => (Copied { what, bytes, how: Ok(name) }, Vec::new()),
                    Err(_) => (Copied { what, bytes, how: Ok("OSC 52") }, sequence),
                });
                Ok(())
            }
        }
    }

    fn copied(&mut self, copied: Result<(Copied, Vec<u8>), tokio::task::JoinError>) -> Result<(), TuiError> {
        let (copied, sequence) = copied.map_err(|error| TuiError::Broken(format!("a copy broke off: {error}")))?;
        if !sequence.is_empty() {
            self.screen.say(&sequence)?;
        }
        self.take_in(Msg::Copied(copied), AFTER_INPUT)
    }

    fn answered(&mut self, answer: Result<Asked, tokio::task::JoinError>) -> Result<(), TuiError> {
        match answer {
            Ok((generation, result)) => self.take_in(Msg::Answered { generation, result }, AFTER_INPUT),
            Err(error) => Err(TuiError::Broken(format!("a question to the engine broke off: {error}"))),
        }
    }

    fn snapshot(&mut self, is_there: bool) -> Result<(), TuiError> {
        let gap = if self.is_focused { AFTER_DATA } else { UNFOCUSED };
        if is_there {
            let snapshot = self.link.snapshots.borrow_and_update().clone();
            return self.take_in(Msg::Snapshot(snapshot), gap);
        }
        self.is_engine_gone = true;
        self.take_in(Msg::EngineGone, gap)
    }

    fn attachment(&mut self, is_there: bool) -> Result<(), TuiError> {
        self.is_elsewhere = is_there;
        let attachment = self.link.attachment.borrow_and_update().clone();
        self.take_in(Msg::Attachment(attachment), AFTER_INPUT)
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        self.frame_at = None;
        self.drawn_at = Some(Instant::now());
        // The terminal may have been resized before the event about it was read.
        let size = self.screen.size()?;
        if size != self.app.size {
            self.take_in(Msg::Resize(size.0, size.1), Duration::ZERO)?;
            self.frame_at = None;
        }
        let (app, screen) = (&self.app, &mut self.screen);
        guarded(|| screen.draw(|buffer| view(app, buffer))).map_err(TuiError::Broken)??;
        Ok(())
    }
}

/// Writes `text` to the end of a file that is there.
fn append(path: &Path, text: &str) -> io::Result<PathBuf> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(path.to_path_buf())
}

/// Writes the note that screens attach without asking, and returns where it is.
fn remember(path: &Path) -> io::Result<String> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, ATTACH_NOTE)?;
    Ok(path.display().to_string())
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
