//! The first start: no configuration was found. What can be done about it.

use super::keymap;
use super::text::wrapped;
use super::theme::{Theme, Tone};
use super::widgets::{Canvas, Line};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Rect};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WelcomeChoice {
    Demo,
    Quit,
}

const CHOICES: [(&str, &str, &str, WelcomeChoice); 2] = [
    (
        "1",
        "Look around with demo data",
        "two simulated systems in this process, errors included; nothing leaves this machine, no file is left",
        WelcomeChoice::Demo,
    ),
    ("q", "Quit", "", WelcomeChoice::Quit),
];

const SAMPLE: [&str; 12] = [
    "[connections.shop]",
    "type = \"rest\"",
    "base_url = \"https://shop.example.com/api\"",
    "",
    "[connections.crm]",
    "type = \"rest\"",
    "base_url = \"https://crm.example.com/v2\"",
    "",
    "[jobs.customers]",
    "schedule = { every = \"15m\" }",
    "source = { connection = \"shop\", … }",
    "destination = { connection = \"crm\", … }",
];

/// The page and the choice that is selected on it.
#[derive(Clone, Debug)]
pub struct Welcome {
    pub theme: Theme,
    /// Where a configuration was looked for, and what was found there.
    pub looked: Vec<(String, String)>,
    selected: usize,
}

impl Welcome {
    pub fn new(theme: Theme, looked: &[(String, String)]) -> Self {
        Self { theme, looked: looked.to_vec(), selected: 0 }
    }

    /// Takes a key; the choice, once one is made.
    pub fn key(&mut self, event: &KeyEvent) -> Option<WelcomeChoice> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        match keymap::name(event)?.as_str() {
            "up" | "k" | "shift-tab" => self.selected = self.selected.saturating_sub(1),
            "down" | "j" | "tab" => self.selected = (self.selected + 1).min(CHOICES.len() - 1),
            "enter" => return Some(CHOICES[self.selected].3),
            "1" => return Some(WelcomeChoice::Demo),
            "q" | "ctrl-c" => return Some(WelcomeChoice::Quit),
            _ => {}
        }
        None
    }

    pub fn view(&self, buffer: &mut Buffer) -> Option<Position> {
        let mut canvas = Canvas::new(buffer, self.theme);
        let area = canvas.area();
        let version = concat!(" syncdeck ", env!("CARGO_PKG_VERSION"));
        canvas.put(area, &canvas.line().bold(version));
        canvas.put_right(area, &canvas.line().dim("no configuration found "));
        let width = area.width.min(92);
        let has_room = area.height >= 34;
        let (lines, selected) = self.lines(&canvas, usize::from(width.saturating_sub(6)), has_room);
        let height = (lines.len() as u16 + 2).min(area.height.saturating_sub(2));
        let frame = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + 1 + area.height.saturating_sub(2 + height) / 2,
            width,
            height,
        };
        let inner = canvas.panel(frame, "Welcome", "", true);
        let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
        canvas.put_all(inner, &lines);
        let row = Rect { y: inner.y + selected as u16, height: 1, ..inner }.intersection(inner);
        canvas.tint(row, Tone::Selected);
        let hints = canvas.line().key(" ↑↓").say(" move  ").key("⏎").say(" choose  ").key("q").say(" quit");
        canvas.put(Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area }, &hints);
        (row.height > 0).then_some(Position::new(row.x, row.y))
    }

    fn lines(&self, canvas: &Canvas<'_>, width: usize, has_room: bool) -> (Vec<Line>, usize) {
        let say = |text: &str| wrapped(text, width).iter().map(|line| canvas.line().say(line)).collect::<Vec<_>>();
        let mut lines = say("syncdeck keeps two systems in step and shows you every record that did not make it.");
        lines.push(canvas.line());
        lines.push(canvas.line().say("No configuration yet. It looked here:"));
        for (place, found) in &self.looked {
            lines.push(canvas.line().say("  ").within(place, 44, Tone::Plain).to(48).dim(found));
        }
        lines.push(canvas.line());
        let mut selected = lines.len();
        for (at, (key, name, words, _)) in CHOICES.iter().enumerate() {
            if at == self.selected {
                selected = lines.len();
            }
            let mark = if at == self.selected { "» " } else { "  " };
            lines.push(canvas.line().say(mark).key(key).say(format!("  {name}")));
            if !words.is_empty() {
                lines.extend(
                    wrapped(words, width.saturating_sub(5)).iter().map(|line| canvas.line().dim("     ").dim(line)),
                );
            }
        }
        lines.push(canvas.line());
        if has_room {
            lines.push(canvas.line().say("A configuration, ./syncdeck.toml, is about this long:"));
            lines.extend(SAMPLE.iter().map(|line| canvas.line().dim("    ").dim(line)));
            lines.push(canvas.line());
        }
        lines.extend(say("The README shows a whole one. Write it to ./syncdeck.toml, then run: syncdeck check"));
        (lines, selected)
    }
}
