//! The themes, and one that a person makes.

use super::ink::{Depth, Ink, contrast};
use super::{Look, MONO, TONES, Tone};
use ratatui::style::{Color, Modifier, Style};

/// The themes by name, in the order in which a key goes through them.
pub const LOOKS: [&str; 5] = ["term", "cvd", "dark", "light", "mono"];

/// What a theme of one's own can give a colour to.
pub const MEANINGS: [(&str, Tone); 8] = [
    ("run", Tone::Run),
    ("ok", Tone::Ok),
    ("pause", Tone::Pause),
    ("wait", Tone::Wait),
    ("warn", Tone::Warn),
    ("fail", Tone::Fail),
    ("dim", Tone::Dim),
    ("key", Tone::Key),
];

/// Text that is read with less than this is hard to read.
const CONTRAST_MIN: f64 = 4.5;

const fn shade(rgb: u32, sixteen: Color) -> Ink {
    Ink::Shade(((rgb >> 16) as u8, (rgb >> 8 & 0xff) as u8, (rgb & 0xff) as u8), sixteen)
}

/// The sixteen colours of the terminal, which suit its background because a person chose them so.
const TERM: [(Tone, Ink); 6] = [
    (Tone::Run, Ink::Named(Color::Cyan)),
    (Tone::Ok, Ink::Named(Color::Green)),
    (Tone::Pause, Ink::Named(Color::Yellow)),
    (Tone::Wait, Ink::Named(Color::Magenta)),
    (Tone::Warn, Ink::Named(Color::Yellow)),
    (Tone::Fail, Ink::Named(Color::Red)),
];

/// Okabe and Ito's colours, which people with any colour vision tell apart.
const CVD: [(Tone, Ink); 7] = [
    (Tone::Run, shade(0x56B4E9, Color::Cyan)),
    (Tone::Ok, shade(0x0072B2, Color::Blue)),
    (Tone::Pause, shade(0xF0E442, Color::LightYellow)),
    (Tone::Wait, shade(0xCC79A7, Color::Magenta)),
    (Tone::Warn, shade(0xE69F00, Color::Yellow)),
    (Tone::Fail, shade(0xD55E00, Color::LightRed)),
    (Tone::Dim, shade(0x8A8A8A, Color::DarkGray)),
];

/// For light text on a dark background.
const DARK: [(Tone, Ink); 7] = [
    (Tone::Run, shade(0x6CC7F2, Color::LightCyan)),
    (Tone::Ok, shade(0x8FD18A, Color::LightGreen)),
    (Tone::Pause, shade(0xE6C860, Color::LightYellow)),
    (Tone::Wait, shade(0xC9A0E8, Color::LightMagenta)),
    (Tone::Warn, shade(0xF5A94A, Color::Yellow)),
    (Tone::Fail, shade(0xFF8078, Color::LightRed)),
    (Tone::Dim, shade(0x9AA3AF, Color::DarkGray)),
];

/// For dark text on a light background.
const LIGHT: [(Tone, Ink); 7] = [
    (Tone::Run, shade(0x005F9E, Color::Blue)),
    (Tone::Ok, shade(0x1E6B22, Color::Green)),
    (Tone::Pause, shade(0x7A5600, Color::Yellow)),
    (Tone::Wait, shade(0x7A2E8E, Color::Magenta)),
    (Tone::Warn, shade(0x8F4700, Color::Red)),
    (Tone::Fail, shade(0xB00020, Color::Red)),
    (Tone::Dim, shade(0x5C6470, Color::DarkGray)),
];

/// The theme of this name, on a terminal with so many colours. `auto` is `term`.
pub fn look(name: &str, depth: Depth) -> Option<Look> {
    let (name, inks): (&'static str, &[(Tone, Ink)]) = match name {
        "auto" | "term" => ("term", &TERM),
        "cvd" => ("cvd", &CVD),
        "dark" => ("dark", &DARK),
        "light" => ("light", &LIGHT),
        "mono" => ("mono", &[]),
        _ => return None,
    };
    Some(inked(name, inks, depth))
}

fn inked(name: &'static str, inks: &[(Tone, Ink)], depth: Depth) -> Look {
    if inks.is_empty() || depth == Depth::None {
        return Look { name, styles: MONO };
    }
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut styles = [Style::new(); TONES];
    for (tone, style) in [
        (Tone::Bold, bold),
        (Tone::Dim, Style::new().add_modifier(Modifier::DIM)),
        (Tone::Warn, bold),
        (Tone::Fail, bold),
        (Tone::Key, bold),
        (Tone::Selected, Style::new().add_modifier(Modifier::REVERSED)),
    ] {
        styles[tone as usize] = style;
    }
    for (tone, ink) in inks {
        let style = &mut styles[*tone as usize];
        *style = style.fg(ink.color(depth));
        if *tone == Tone::Dim {
            // A grey is faint enough by itself.
            *style = style.remove_modifier(Modifier::DIM);
        }
    }
    Look { name, styles }
}

/// What is wrong, or unwise, about a line of a theme of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The line, counted from 0.
    pub line: usize,
    pub text: String,
    pub hint: Option<String>,
    /// It can be used all the same.
    pub is_warning: bool,
}

/// A theme of lines such as `ok = "#5fd700"`; `on` says which background it is for, `dark` or `light`.
/// What it does not name looks as in `term`. Second are the flaws; with one that is no warning it must not be used.
pub fn own_look(lines: &[(&str, &str)], depth: Depth) -> (Look, Vec<Flaw>) {
    let mut flaws = Vec::new();
    let mut inks: Vec<(Tone, Ink)> = TERM.to_vec();
    let background = match lines.iter().position(|(name, _)| *name == "on") {
        None => (0, 0, 0),
        Some(at) => match lines[at].1 {
            "dark" => (0, 0, 0),
            "light" => (255, 255, 255),
            other => {
                let text = format!("`on` must be `dark` or `light`, not `{other}`");
                flaws.push(Flaw { line: at, text, hint: None, is_warning: false });
                (0, 0, 0)
            }
        },
    };
    for (line, (name, value)) in lines.iter().enumerate().filter(|(_, (name, _))| *name != "on") {
        let Some((_, tone)) = MEANINGS.iter().find(|(meaning, _)| meaning == name) else { continue };
        let Some(ink) = Ink::read(value) else {
            let text = format!("`{value}` is no colour");
            let hint = Some("write `#rrggbb`, or a name such as `cyan` or `bright-red`".to_owned());
            flaws.push(Flaw { line, text, hint, is_warning: false });
            continue;
        };
        let ratio = ink.shade().map(|shade| contrast(shade, background));
        if let Some(ratio) = ratio.filter(|ratio| *ratio < CONTRAST_MIN) {
            let ground = if background == (0, 0, 0) { "dark" } else { "light" };
            let text = format!("`{name}` is hard to read: its contrast on a {ground} background is {ratio:.1}:1");
            let hint = Some(format!("choose a colour with at least {CONTRAST_MIN}:1"));
            flaws.push(Flaw { line, text, hint, is_warning: true });
        }
        inks.push((*tone, ink));
    }
    (inked("own", &inks, depth), flaws)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(inks: &[(Tone, Ink)], background: (u8, u8, u8)) -> f64 {
        let shades = inks.iter().filter_map(|(_, ink)| ink.shade());
        shades.map(|shade| contrast(shade, background)).fold(f64::MAX, f64::min)
    }

    #[test]
    fn the_themes_are_read_on_the_background_that_they_are_for() {
        assert!(worst(&DARK, (0, 0, 0)) >= CONTRAST_MIN);
        assert!(worst(&LIGHT, (255, 255, 255)) >= CONTRAST_MIN);
    }

    #[test]
    fn every_theme_has_its_name_and_tells_selected_failed_and_plain_apart() {
        for name in LOOKS {
            for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
                let look = look(name, depth).expect("a theme of the list");
                assert_eq!(look.name, name);
                let style = |tone: Tone| look.styles[tone as usize];
                assert_ne!(style(Tone::Selected), style(Tone::Plain), "{name}");
                assert_ne!(style(Tone::Fail), style(Tone::Plain), "{name}");
                assert_ne!(style(Tone::Fail), style(Tone::Ok), "{name}");
                let has_colour = look.styles.iter().any(|style| style.fg.is_some());
                assert_eq!(has_colour, name != "mono" && depth != Depth::None, "{name} {depth:?}");
                assert!(look.styles.iter().all(|style| style.bg.is_none()), "{name} works on any background");
            }
        }
        assert_eq!(look("nord", Depth::True), None);
    }

    #[test]
    fn a_theme_of_ones_own_changes_what_it_names() {
        let (own, flaws) = own_look(&[("ok", "#5fd700"), ("fail", "bright-red")], Depth::True);
        assert_eq!(flaws, []);
        assert_eq!(own.styles[Tone::Ok as usize].fg, Some(Color::Rgb(0x5f, 0xd7, 0x00)));
        assert_eq!(own.styles[Tone::Fail as usize].fg, Some(Color::LightRed));
        assert_eq!(own.styles[Tone::Run as usize].fg, Some(Color::Cyan));
    }

    #[test]
    fn what_is_no_colour_is_a_mistake_and_what_is_hard_to_read_a_warning() {
        let (_, flaws) = own_look(&[("ok", "#333333"), ("fail", "reddish"), ("on", "grey")], Depth::True);
        let told: Vec<(usize, bool)> = flaws.iter().map(|flaw| (flaw.line, flaw.is_warning)).collect();
        assert_eq!(told, [(2, false), (0, true), (1, false)]);
        let (_, flaws) = own_look(&[("ok", "#333333"), ("on", "light")], Depth::True);
        assert_eq!(flaws, []);
    }
}
