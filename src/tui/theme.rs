//! Styles by meaning. Colour only repeats what a word or a sign says.

mod ink;
mod looks;

pub use ink::Depth;
pub use looks::{Flaw, LOOKS, MEANINGS, look, own_look};

use super::text::Symbols;
use ratatui::style::{Modifier, Style};

/// How the screen is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    pub symbols: Symbols,
    pub look: Look,
}

/// A style for every meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub name: &'static str,
    styles: [Style; TONES],
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
    /// What was looked for.
    Found,
}

const TONES: usize = Tone::Found as usize + 1;

/// Without any colour: bold, dim, italic and reverse alone.
const MONO: [Style; TONES] = {
    let plain = Style::new();
    let bold = plain.add_modifier(Modifier::BOLD);
    let reversed = plain.add_modifier(Modifier::REVERSED);
    let dim = plain.add_modifier(Modifier::DIM);
    let italic = plain.add_modifier(Modifier::ITALIC);
    // In the order of the tones: plain, bold, dim, run, ok, pause, wait, warn, fail, key, selected, found.
    let found = reversed.add_modifier(Modifier::BOLD);
    [plain, bold, dim, plain, plain, bold, italic, bold, reversed.add_modifier(Modifier::BOLD), bold, reversed, found]
};

impl Theme {
    /// Without any colour.
    pub const fn mono(symbols: Symbols) -> Self {
        Self { symbols, look: Look { name: "mono", styles: MONO } }
    }

    pub fn style(self, tone: Tone) -> Style {
        self.look.styles[tone as usize]
    }

    pub fn is_ascii(self) -> bool {
        self.symbols == Symbols::Ascii
    }
}
