//! The loop of the console as lines: what is typed, what the engine answers, and what changes, each in its line.

use super::TuiError;
use crate::control::{Answer, Handle, Refusal, Request};
use crate::model::{LetterFilter, LetterGroup, Snapshot, Timestamp};
use crate::tui::plain::{Answered, Plain, Typed};
use crate::tui::text::Symbols;
use crate::tui::{Left, Options};
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Between two looks at what changed: a reader that speaks them must be able to follow.
const BETWEEN_CHANGES: Duration = Duration::from_secs(1);
/// Of one typed line so many bytes are read.
const TYPED_MAX: u64 = 4 << 10;
/// Lines that wait to be carried out.
const TYPED_AHEAD: usize = 16;

/// What an answer is for.
enum Asked {
    Typed(Result<Answer, Refusal>),
    /// The causes as they stand, to be compared with those before.
    Causes(Result<Answer, Refusal>),
}

/// Tells an engine's state in lines until a person leaves or nothing more can be typed. It needs no terminal.
pub async fn run(handle: Handle, options: &Options) -> Result<Left, TuiError> {
    let symbols = if options.ascii { Symbols::Ascii } else { Symbols::Unicode };
    let plain = Plain { symbols, is_read_only: options.is_read_only || handle.is_read_only() };
    let mut snapshots = handle.watch();
    let mut attachment = handle.attachment();
    let told = snapshots.borrow_and_update().clone();
    let first = attachment.borrow_and_update().clone();
    let mut lines = Lines {
        plain,
        handle,
        counted: waiting(&told),
        told,
        causes: None,
        is_counting: false,
        question: None,
        asked: JoinSet::new(),
    };
    write(&plain.opening(&lines.told))?;
    write(plain.attachment(now(), &first).as_slice())?;
    lines.count_causes();
    let mut typed = typed()?;
    let mut is_typing = true;
    let mut can_change = true;
    let mut can_detach = !first.is_own();
    let mut look_at = None;
    loop {
        if !is_typing && lines.asked.is_empty() {
            return Ok(Left::Quit);
        }
        tokio::select! {
            biased;
            () = options.shutdown.cancelled() => return Ok(Left::ToldToEnd),
            Some(answer) = lines.asked.join_next() => {
                lines.answered(answer.map_err(|error| TuiError::Broken(format!("a question broke off: {error}")))?)?;
            }
            // One after another: the answer to a line comes before what the next one says.
            line = typed.recv(), if is_typing && lines.is_free() => match line {
                None => is_typing = false,
                Some(line) => if lines.typed(&line)? { return Ok(Left::Quit) },
            },
            changed = snapshots.changed(), if can_change && look_at.is_none() => {
                can_change = changed.is_ok();
                look_at = Some(Instant::now() + BETWEEN_CHANGES);
                lines.changed(snapshots.borrow_and_update().clone())?;
            }
            () = async { sleep_until(look_at.unwrap_or_else(Instant::now)).await }, if look_at.is_some() => {
                look_at = None;
            }
            changed = attachment.changed(), if can_detach => {
                can_detach = changed.is_ok();
                let attachment = attachment.borrow_and_update().clone();
                write(plain.attachment(now(), &attachment).as_slice())?;
            }
        }
    }
}

struct Lines {
    plain: Plain,
    handle: Handle,
    /// The last snapshot whose facts were told.
    told: Arc<Snapshot>,
    /// The causes that were told last; none before the first count.
    causes: Option<Vec<LetterGroup>>,
    /// Letters that waited when the causes were asked for last, by job.
    counted: Vec<u64>,
    is_counting: bool,
    /// What is ordered once it is answered with `y`.
    question: Option<Request>,
    asked: JoinSet<Asked>,
}

impl Lines {
    /// False while an answer to a typed line is awaited.
    fn is_free(&self) -> bool {
        self.asked.len() == usize::from(self.is_counting)
    }

    fn ask(&mut self, request: Request) {
        let handle = self.handle.clone();
        self.asked.spawn(async move { Asked::Typed(handle.ask(request).await) });
    }

    fn count_causes(&mut self) {
        self.is_counting = true;
        self.counted = waiting(&self.told);
        let handle = self.handle.clone();
        let request = Request::DeadGroups { filter: LetterFilter::default() };
        self.asked.spawn(async move { Asked::Causes(handle.ask(request).await) });
    }

    fn changed(&mut self, snapshot: Arc<Snapshot>) -> io::Result<()> {
        write(&self.plain.changes(&self.told, &snapshot))?;
        self.told = snapshot;
        self.count_changed();
        Ok(())
    }

    fn count_changed(&mut self) {
        if !self.is_counting && waiting(&self.told) != self.counted {
            self.count_causes();
        }
    }

    fn answered(&mut self, asked: Asked) -> io::Result<()> {
        match asked {
            Asked::Typed(result) => match self.plain.answered(now(), result) {
                Answered::Say(lines) => write(&lines),
                Answered::Ask(request) => {
                    self.ask(request);
                    Ok(())
                }
            },
            Asked::Causes(result) => {
                self.is_counting = false;
                let Ok(Answer::Groups(groups)) = result else {
                    // That nobody answers is told by the attachment; the next change asks again.
                    self.counted.clear();
                    return Ok(());
                };
                let before = self.causes.take().unwrap_or_default();
                let lines = self.plain.cause_changes(now(), &before, &groups);
                self.causes = Some(groups);
                self.count_changed();
                write(&lines)
            }
        }
    }

    /// Carries out a typed line; true when it leaves.
    fn typed(&mut self, line: &str) -> io::Result<bool> {
        if let Some(request) = self.question.take() {
            if matches!(line.trim(), "y" | "yes") {
                self.ask(request);
            } else {
                write(&["nothing was changed".to_owned()])?;
            }
            return Ok(false);
        }
        match self.plain.read(line, &self.handle.watch().borrow()) {
            Typed::Say(lines) => write(&lines)?,
            Typed::Ask(request) => self.ask(request),
            Typed::Confirm { question, request } => {
                self.question = Some(request);
                write(&[question])?;
            }
            Typed::Quit => return Ok(true),
        }
        Ok(false)
    }
}

fn waiting(snapshot: &Snapshot) -> Vec<u64> {
    snapshot.jobs.iter().map(|job| job.dead_waiting).collect()
}

fn now() -> Timestamp {
    Timestamp::from(jiff::Timestamp::now())
}

/// What is typed, line by line, until its end. A thread that nobody waits for reads it: a read from a terminal can not
/// be taken back, and the process must be able to end meanwhile.
fn typed() -> Result<mpsc::Receiver<String>, TuiError> {
    let (sender, receiver) = mpsc::channel(TYPED_AHEAD);
    let read = move || {
        let mut input = io::stdin().lock();
        loop {
            let mut bytes = Vec::new();
            match input.by_ref().take(TYPED_MAX).read_until(b'\n', &mut bytes) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            if sender.blocking_send(String::from_utf8_lossy(&bytes).into_owned()).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("typed".to_owned()).spawn(read)?;
    Ok(receiver)
}

fn write(lines: &[String]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
