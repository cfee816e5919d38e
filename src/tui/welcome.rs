//! The first start: no configuration was found. What can be done about it.

use super::keymap;
use super::overlays::field;
use super::text::wrapped;
use super::theme::{Theme, Tone};
use super::update::edit;
use super::widgets::{Canvas, Line};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Rect};
use tui_input::Input;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WelcomeChoice {
    Demo,
    /// Write a configuration to where one is looked for.
    Make,
    /// Attach to the engine that holds the state in this folder, as it was typed.
    Attach(String),
    Quit,
}

/// What is known at the first start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WelcomePage {
    /// Where a configuration was looked for, and what was found there.
    pub looked: Vec<(String, String)>,
    /// Where a new one is written.
    pub new_config: String,
    /// State folders whose engines answer.
    pub engines: Vec<String>,
    /// Where those were looked for; empty where there is no such place.
    pub engines_place: String,
    /// The folder that could not be attached to, and why.
    pub problem: Option<(String, String)>,
}

/// The lines that can be chosen, from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Demo,
    Make,
    Attach,
    Quit,
}

const ROWS: [Row; 4] = [Row::Demo, Row::Make, Row::Attach, Row::Quit];

/// The page and the choice that is selected on it.
#[derive(Clone, Debug)]
pub struct Welcome {
    theme: Theme,
    page: WelcomePage,
    selected: usize,
    /// The state folder, while it is typed.
    folder: Option<Input>,
}

/// What the page says, and where.
struct Text {
    lines: Vec<Line>,
    selected: usize,
    /// Line and cell of the cursor in the text field.
    cursor: Option<(usize, usize)>,
}

impl Welcome {
    pub fn new(theme: Theme, page: WelcomePage) -> Self {
        let folder = page.problem.as_ref().map(|(folder, _)| Input::new(folder.clone()));
        let selected = if folder.is_some() { 2 } else { 0 };
        Self { theme, page, selected, folder }
    }

    /// Takes a key; the choice, once one is made.
    pub fn key(&mut self, event: &KeyEvent) -> Option<WelcomeChoice> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let name = keymap::name(event)?;
        if let Some(folder) = &mut self.folder {
            match name.as_str() {
                "enter" if !folder.value().trim().is_empty() => {
                    return Some(WelcomeChoice::Attach(folder.value().trim().to_owned()));
                }
                "esc" => (self.folder, self.page.problem) = (None, None),
                "ctrl-c" => return Some(WelcomeChoice::Quit),
                _ => {
                    edit(folder, event);
                }
            }
            return None;
        }
        match name.as_str() {
            "up" | "k" | "shift-tab" => self.selected = self.selected.saturating_sub(1),
            "down" | "j" | "tab" => self.selected = (self.selected + 1).min(ROWS.len() - 1),
            "enter" => return self.choose(ROWS[self.selected]),
            "1" => return self.choose(Row::Demo),
            "2" => return self.choose(Row::Make),
            "3" => return self.choose(Row::Attach),
            "q" | "ctrl-c" => return Some(WelcomeChoice::Quit),
            _ => {}
        }
        None
    }

    fn choose(&mut self, row: Row) -> Option<WelcomeChoice> {
        match row {
            Row::Demo => Some(WelcomeChoice::Demo),
            Row::Make => Some(WelcomeChoice::Make),
            Row::Attach => {
                self.selected = 2;
                self.folder = Some(Input::new(self.page.engines.first().cloned().unwrap_or_default()));
                None
            }
            Row::Quit => Some(WelcomeChoice::Quit),
        }
    }

    pub fn view(&self, buffer: &mut Buffer) -> Option<Position> {
        let mut canvas = Canvas::new(buffer, self.theme);
        let area = canvas.area();
        let version = concat!(" syncdeck ", env!("CARGO_PKG_VERSION"));
        canvas.put(area, &canvas.line().bold(version));
        canvas.put_right(area, &canvas.line().dim("no configuration found "));
        let width = area.width.min(92);
        let text = self.text(&canvas, usize::from(width.saturating_sub(6)), area.height);
        let height = (text.lines.len() as u16 + 2).min(area.height.saturating_sub(2));
        let frame = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + 1 + area.height.saturating_sub(2 + height) / 2,
            width,
            height,
        };
        let inner = canvas.panel(frame, "Welcome", "", true);
        let inner = Rect { x: inner.x + 2, width: inner.width.saturating_sub(4), ..inner };
        canvas.put_all(inner, &text.lines);
        let hints = match self.folder {
            None => canvas.line().key(" ↑↓").say(" move  ").key("⏎").say(" choose  ").key("q").say(" quit"),
            Some(_) => canvas.line().key(" ⏎").say(" attach  ").key("Esc").say(" back"),
        };
        canvas.put(Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area }, &hints);
        if let Some((line, cell)) = text.cursor {
            let position = Position::new(inner.x.saturating_add(cell as u16), inner.y.saturating_add(line as u16));
            return inner.contains(position).then_some(position);
        }
        let row = Rect { y: inner.y.saturating_add(text.selected as u16), height: 1, ..inner }.intersection(inner);
        canvas.tint(row, Tone::Selected);
        (row.height > 0).then_some(Position::new(row.x, row.y))
    }

    /// The whole page; where the window is low, the choices without what explains them.
    fn text(&self, canvas: &Canvas<'_>, width: usize, height: u16) -> Text {
        let room = usize::from(height.saturating_sub(4));
        let whole = self.lines(canvas, width, true);
        if whole.lines.len() <= room { whole } else { self.lines(canvas, width, false) }
    }

    fn lines(&self, canvas: &Canvas<'_>, width: usize, is_whole: bool) -> Text {
        let say = |text: &str| wrapped(text, width).iter().map(|line| canvas.line().say(line)).collect::<Vec<_>>();
        let mut lines = Vec::new();
        if is_whole {
            lines.extend(say("syncdeck keeps two systems in step and shows you every record that did not make it."));
            lines.push(canvas.line());
        }
        lines.push(canvas.line().say("No configuration yet. It looked here:"));
        for (place, found) in &self.page.looked {
            lines.push(canvas.line().say("  ").within(place, 44, Tone::Plain).to(48).dim(found));
        }
        lines.push(canvas.line());
        let (mut selected, mut cursor) = (lines.len(), None);
        for (at, row) in ROWS.into_iter().enumerate() {
            if at == self.selected {
                selected = lines.len();
            }
            let mark = if at == self.selected { "» " } else { "  " };
            let (key, name, words) = self.row(row);
            lines.push(canvas.line().say(mark).key(key).say(format!("  {name}")));
            if row == Row::Attach
                && let Some(folder) = &self.folder
            {
                let (line, cell) = field(canvas, "     its state folder: ", folder, true, width.saturating_sub(24));
                cursor = Some((lines.len(), cell));
                lines.push(line);
                if let Some((_, problem)) = &self.page.problem {
                    let problem = wrapped(problem, width.saturating_sub(7));
                    lines.extend(problem.iter().enumerate().map(|(at, line)| {
                        canvas.line().tone(format!("     {}{line}", if at == 0 { "✗ " } else { "  " }), Tone::Fail)
                    }));
                }
            } else if is_whole && !words.is_empty() {
                let words = wrapped(&words, width.saturating_sub(5));
                lines.extend(words.iter().map(|line| canvas.line().dim("     ").dim(line)));
            }
        }
        lines.push(canvas.line());
        lines.extend(say("`syncdeck check` says what is wrong with a configuration. The README shows a whole one."));
        Text { lines, selected, cursor }
    }

    /// Its key, its name, and what it does.
    fn row(&self, row: Row) -> (&'static str, &'static str, String) {
        let page = &self.page;
        match row {
            Row::Demo => (
                "1",
                "Look around with demo data",
                "two simulated systems in this process, errors included; nothing leaves this machine, no file is left"
                    .to_owned(),
            ),
            Row::Make => (
                "2",
                "Make a configuration",
                format!("writes {} (as `syncdeck init` does), and says how to go on", page.new_config),
            ),
            Row::Attach => {
                let words = match (page.engines.as_slice(), page.engines_place.is_empty()) {
                    ([], true) => "of a state folder that you name".to_owned(),
                    ([], false) => format!("none found in {}; you can name another state folder", page.engines_place),
                    ([one], _) => format!("one answers: {one}"),
                    ([one, others @ ..], _) => format!("these answer: {one}, {}", others.join(", ")),
                };
                ("3", "Attach to a running engine", words)
            }
            Row::Quit => ("q", "Quit", String::new()),
        }
    }
}
