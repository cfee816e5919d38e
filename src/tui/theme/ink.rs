//! A colour, and what a terminal of few colours shows instead of it.

use ratatui::style::Color;

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// None are wanted.
    None,
    #[default]
    Sixteen,
    Indexed,
    True,
}

/// A colour that a theme gives to a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// One of the sixteen of the terminal, whose shade is the terminal's.
    Named(Color),
    /// A shade, and the one of the sixteen that comes next to it.
    Shade((u8, u8, u8), Color),
}

/// The sixteen, as themes write them, with the shades that most terminals give them.
const NAMED: [(&str, Color, (u8, u8, u8)); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("white", Color::Gray, (229, 229, 229)),
    ("bright-black", Color::DarkGray, (127, 127, 127)),
    ("bright-red", Color::LightRed, (255, 0, 0)),
    ("bright-green", Color::LightGreen, (0, 255, 0)),
    ("bright-yellow", Color::LightYellow, (255, 255, 0)),
    ("bright-blue", Color::LightBlue, (92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, (255, 0, 255)),
    ("bright-cyan", Color::LightCyan, (0, 255, 255)),
    ("bright-white", Color::White, (255, 255, 255)),
];

/// The steps of the colour cube of 256 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Ink {
    /// Reads `#rrggbb` or one of the sixteen names.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some((_, color, _)) = NAMED.iter().find(|(name, _, _)| *name == text.to_lowercase()) {
            return Some(Self::Named(*color));
        }
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        let rgb = (part(0)?, part(2)?, part(4)?);
        let nearest = NAMED.iter().min_by_key(|(_, _, shade)| distance(*shade, rgb))?;
        Some(Self::Shade(rgb, nearest.1))
    }

    pub(super) fn color(self, depth: Depth) -> Color {
        match (self, depth) {
            (Self::Named(color), _) | (Self::Shade(_, color), Depth::None | Depth::Sixteen) => color,
            (Self::Shade(rgb, _), Depth::Indexed) => Color::Indexed(indexed(rgb)),
            (Self::Shade((red, green, blue), _), Depth::True) => Color::Rgb(red, green, blue),
        }
    }

    /// The shade, where it is the theme's and not the terminal's.
    pub(super) fn shade(self) -> Option<(u8, u8, u8)> {
        match self {
            Self::Shade(rgb, _) => Some(rgb),
            Self::Named(_) => None,
        }
    }
}

fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    square(a.0, b.0) + square(a.1, b.1) + square(a.2, b.2)
}

/// The nearest of the colour cube and the greys of a terminal with 256 colours.
fn indexed(rgb: (u8, u8, u8)) -> u8 {
    let cube = (16..232_u8).map(|index| {
        let at = usize::from(index - 16);
        (index, (CUBE[at / 36], CUBE[at / 6 % 6], CUBE[at % 6]))
    });
    let greys = (232..=255_u8).map(|index| {
        let level = 8 + (index - 232) * 10;
        (index, (level, level, level))
    });
    cube.chain(greys).min_by_key(|(_, shade)| distance(*shade, rgb)).map_or(15, |(index, _)| index)
}

/// How well `a` is read on `b`, from 1 to 21, as the guidelines for web content count it.
pub(super) fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_by_name_and_by_shade() {
        assert_eq!(Ink::read("Bright-Red"), Some(Ink::Named(Color::LightRed)));
        assert_eq!(Ink::read("#56B4E9").map(|ink| ink.color(Depth::True)), Some(Color::Rgb(0x56, 0xB4, 0xE9)));
        for wrong in ["", "#", "#12345", "#12345g", "#ä1234", "pink", "123456"] {
            assert_eq!(Ink::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn few_colours_show_the_nearest() {
        let ink = Ink::read("#ff0000").expect("a colour");
        assert_eq!(ink.color(Depth::Indexed), Color::Indexed(196));
        assert_eq!(ink.color(Depth::Sixteen), Color::LightRed);
        assert_eq!(Ink::read("#808080").map(|ink| ink.color(Depth::Indexed)), Some(Color::Indexed(244)));
    }

    #[test]
    fn contrast_is_counted_as_the_guidelines_do() {
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 0.01);
        assert!((contrast((118, 118, 118), (255, 255, 255)) - 4.54).abs() < 0.01);
    }
}
