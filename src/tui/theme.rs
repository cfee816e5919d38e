//! Styles by meaning. Colour only repeats what a word or a sign says.

use super::text::Symbols;
use ratatui::style::{Color, Modifier, Style};

/// How the screen is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    pub symbols: Symbols,
    /// False where `NO_COLOR` or `--color never` asks for none: then only bold, dim and reverse are used.
    pub color: bool,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tone {
    #[default]
    Plain,
    Bold,
    Dim,
    Run,
    Ok,
    Pause,
    Wait,
    Warn,
    Fail,
    /// A key that can be pressed.
    Key,
    /// The row or button that keys act on.
    Selected,
}

impl Theme {
    pub fn style(self, tone: Tone) -> Style {
        let plain = Style::default();
        let bold = plain.add_modifier(Modifier::BOLD);
        let tint = |style: Style, color: Color| if self.color { style.fg(color) } else { style };
        match tone {
            Tone::Plain => plain,
            Tone::Bold => bold,
            Tone::Dim => plain.add_modifier(Modifier::DIM),
            Tone::Run => tint(plain, Color::Cyan),
            Tone::Ok => tint(plain, Color::Green),
            Tone::Pause if self.color => plain.fg(Color::Yellow),
            Tone::Pause | Tone::Key => bold,
            Tone::Wait if self.color => plain.fg(Color::Magenta),
            Tone::Wait => plain.add_modifier(Modifier::ITALIC),
            Tone::Warn => tint(bold, Color::Yellow),
            Tone::Fail if self.color => bold.fg(Color::Red),
            Tone::Fail => bold.add_modifier(Modifier::REVERSED),
            Tone::Selected => plain.add_modifier(Modifier::REVERSED),
        }
    }

    pub fn is_ascii(self) -> bool {
        self.symbols == Symbols::Ascii
    }
}
