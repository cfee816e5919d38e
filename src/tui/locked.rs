//! The state is locked and its engine does not answer: what is known, and what can be done about it.

use super::keymap;
use super::text::wrapped;
use super::theme::{Theme, Tone};
use super::widgets::{Canvas, Line};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Rect};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockedChoice {
    TryAgain,
    Quit,
}

/// What is known of a state whose holder is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedPage {
    /// The state folder, as a person may type it.
    pub state: String,
    /// `pid 4127 (syncdeck serve), started 10:20 by ops`, or that it is not known.
    pub holder: String,
    pub pid: Option<u32>,
    /// None where it can not be told.
    pub is_alive: Option<bool>,
    /// What came of asking it.
    pub problem: String,
    /// The last lines of its log.
    pub log: Vec<String>,
}

/// The page with what the person chose on it so far.
#[derive(Clone, Debug)]
pub struct LockedView {
    theme: Theme,
    page: LockedPage,
    /// The person wants in as soon as it answers.
    pub is_waiting: bool,
    shows_log: bool,
}

impl LockedView {
    pub fn new(theme: Theme, page: LockedPage) -> Self {
        Self { theme, page, is_waiting: false, shows_log: false }
    }

    /// Takes a key; the choice, once one is made.
    pub fn key(&mut self, event: &KeyEvent) -> Option<LockedChoice> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        match keymap::name(event)?.as_str() {
            "r" => return Some(LockedChoice::TryAgain),
            "w" => self.is_waiting = !self.is_waiting,
            "i" => self.shows_log = !self.shows_log,
            "esc" if self.shows_log => self.shows_log = false,
            "q" | "ctrl-c" => return Some(LockedChoice::Quit),
            _ => {}
        }
        None
    }

    pub fn view(&self, buffer: &mut Buffer) -> Option<Position> {
        let mut canvas = Canvas::new(buffer, self.theme);
        let area = canvas.area();
        canvas.put(area, &canvas.line().bold(" syncdeck").say("  the state is locked"));
        let width = area.width.min(if self.shows_log { 110 } else { 74 });
        let text_width = usize::from(width.saturating_sub(4));
        let (title, lines) = if self.shows_log {
            ("The end of its log", self.log(&canvas, text_width, area.height))
        } else {
            ("The store is locked, but its engine does not answer", self.lines(&canvas, text_width, area.height))
        };
        let height = (lines.len() as u16 + 2).min(area.height.saturating_sub(2));
        let frame = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + 1 + area.height.saturating_sub(2 + height) / 2,
            width,
            height,
        };
        let inner = canvas.panel(frame, title, "", true);
        canvas.put_all(Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }, &lines);
        let hints = canvas.line().key(" r").say(" try again  ").key("w").say(" wait  ").key("i");
        let hints = hints.say(if self.shows_log { " back  " } else { " its log  " }).key("q").say(" quit");
        canvas.put(Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area }, &hints);
        None
    }

    fn lines(&self, canvas: &Canvas<'_>, width: usize, height: u16) -> Vec<Line> {
        let page = &self.page;
        let say = |text: &str| wrapped(text, width).iter().map(|line| canvas.line().say(line)).collect::<Vec<_>>();
        let mut lines = say(&format!("{} is locked by {}", page.state, page.holder));
        let alive = match page.is_alive {
            Some(true) => "yes",
            Some(false) => "no: it has just ended",
            None => "not known",
        };
        lines.push(canvas.line().dim("  alive: ").say(alive));
        lines.push(canvas.line().dim("  socket: ").within(&page.problem, width.saturating_sub(10), Tone::Plain));
        lines.push(canvas.line());
        lines.extend(say("It may be busy (a large retry), hang, or be an older version."));
        lines.push(canvas.line());
        let wait = if self.is_waiting {
            "waiting; this opens as soon as it answers"
        } else {
            "wait; open as soon as it answers"
        };
        for (key, words) in [("r", "try again"), ("w", wait), ("i", "show the end of its log"), ("q", "quit")] {
            let tone = if key == "w" && self.is_waiting { Tone::Ok } else { Tone::Plain };
            lines.push(canvas.line().say("  ").key(key).tone(format!("   {words}"), tone));
        }
        lines.push(canvas.line());
        let mut end = "syncdeck never breaks the lock: two engines on one store could send records twice.".to_owned();
        if let Some(pid) = page.pid {
            end.push_str(&format!(
                " If it hangs, end it yourself: kill {pid} (safe: it goes on from its last checkpoint)."
            ));
        }
        lines.extend(say(&end));
        if usize::from(height.saturating_sub(4)) < lines.len() {
            lines.retain(|line| line.width() > 0);
        }
        lines
    }

    fn log(&self, canvas: &Canvas<'_>, width: usize, height: u16) -> Vec<Line> {
        if self.page.log.is_empty() {
            return vec![canvas.line().dim("It has no log that can be read.")];
        }
        let mut lines: Vec<Line> = Vec::new();
        for text in &self.page.log {
            lines.extend(wrapped(text, width).iter().map(|line| canvas.line().say(line)));
        }
        let room = usize::from(height.saturating_sub(4));
        lines.split_off(lines.len().saturating_sub(room))
    }
}
