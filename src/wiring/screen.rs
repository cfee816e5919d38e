//! What the configuration says about the console, made into what the console takes.

use super::signals::Signals;
use crate::cli::commands::keys::Bound;
use crate::cli::{Color, Report};
use crate::config::{ConsoleConfig, KeyChoice, Mistake, Mistakes, ThemeChoice, user_folder};
use crate::tui::keymap::{Choice, Keymap, label};
use crate::tui::theme::{Depth, Flaw, LOOKS, Look, look as named, own_look};
use crate::tui::{self, ClipboardWay};
use std::path::PathBuf;

/// What was asked for on the command line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub ascii: bool,
    pub color: Color,
    /// Lines instead of a screen.
    pub is_plain: bool,
    /// The person has not said yet that the screen is to attach to whoever runs the engine.
    pub asks_to_attach: bool,
}

impl Wanted {
    /// A terminal that can do nothing but lines gets lines.
    pub(super) fn new(ascii: bool, color: Color, is_plain: bool) -> Self {
        let is_plain = is_plain || std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self { ascii, color, is_plain, asks_to_attach: false }
    }

    /// Refuses where there must be a terminal and is none.
    pub(super) fn needs_terminal(&self) -> Result<(), Report> {
        if self.is_plain { Ok(()) } else { tui::needs_terminal().map_err(super::house::screen_failed) }
    }
}

/// What the console is to look like and to listen to; as it is without a configuration where there is none.
pub(super) fn options(
    console: Option<&ConsoleConfig>,
    look: Wanted,
    signals: &Signals,
) -> Result<tui::Options, Report> {
    let depth = depth(look.color);
    let mut options = tui::Options {
        ascii: look.ascii || std::env::var_os("SYNCDECK_ASCII").is_some_and(|value| !value.is_empty()) || !is_utf8(),
        // Without colours all themes look alike.
        looks: LOOKS
            .iter()
            .filter_map(|name| named(name, depth))
            .take(if depth == Depth::None { 1 } else { LOOKS.len() })
            .collect(),
        shutdown: signals.told(),
        is_plain: look.is_plain,
        ..tui::Options::default()
    };
    if let Some(console) = console {
        let mistaken = |mistakes: Mistakes| Report::mistakes(mistakes.0.iter().map(ToString::to_string).collect());
        options.keymap = keymap(console).map_err(mistaken)?;
        options.looks = looks(console, depth, &mut Vec::new()).map_err(mistaken)?;
        options.redact.clone_from(&console.redact);
        options.mouse = console.mouse;
        options.clipboard = match console.clipboard.as_str() {
            "osc52" => ClipboardWay::Osc52,
            "command" => ClipboardWay::Command,
            _ => ClipboardWay::Auto,
        };
    }
    Ok(options)
}

/// The file that says that screens attach without asking, once it is there; none where the user has no folder for it.
pub(super) fn attach_note() -> Option<PathBuf> {
    Some(user_folder(&|name| std::env::var(name).ok())?.join("attach-without-asking"))
}

/// Whether the terminal's locale can show more than ASCII.
fn is_utf8() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    // Where nothing is set at all, terminals of this century read UTF-8.
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// The keys in force; all that is wrong with those that the configuration chose.
pub(super) fn keymap(console: &ConsoleConfig) -> Result<Keymap, Mistakes> {
    let choice = |choice: &KeyChoice| Choice {
        context: choice.context.clone(),
        action: choice.action.clone(),
        keys: choice.keys.clone(),
        place: format!("{}:{}:{}", choice.spot.file, choice.spot.line, choice.spot.column),
    };
    let choices: Vec<Choice> = console.keys.iter().map(choice).collect();
    Keymap::with(&choices).map_err(|problems| {
        let told = problems.into_iter().map(|problem| Mistake {
            problem: problem.text,
            hint: problem.hint,
            ..console.keys[problem.choice].spot.clone()
        });
        Mistakes(told.collect())
    })
}

/// The themes that a key goes through, the configuration's first. What is unwise about them goes to `warnings`.
pub(super) fn looks(console: &ConsoleConfig, depth: Depth, warnings: &mut Vec<Mistake>) -> Result<Vec<Look>, Mistakes> {
    let first = match &console.theme {
        ThemeChoice::Named(name) => named(name, depth),
        ThemeChoice::Own(lines) => {
            let pairs: Vec<(&str, &str)> = lines.iter().map(|line| (line.name.as_str(), line.value.as_str())).collect();
            let (own, flaws) = own_look(&pairs, depth);
            let (unwise, wrong): (Vec<Flaw>, Vec<Flaw>) = flaws.into_iter().partition(|flaw| flaw.is_warning);
            let told = |flaw: Flaw| Mistake { problem: flaw.text, hint: flaw.hint, ..lines[flaw.line].spot.clone() };
            if !wrong.is_empty() {
                return Err(Mistakes(wrong.into_iter().map(told).collect()));
            }
            warnings.extend(unwise.into_iter().map(told));
            Some(own)
        }
    };
    let others = LOOKS.iter().filter_map(|name| named(name, depth));
    let mut looks: Vec<Look> = first.into_iter().collect();
    if depth != Depth::None {
        looks.extend(others.filter(|other| first.is_none_or(|first| first.name != other.name)));
    }
    Ok(looks)
}

/// How many colours the screen may have.
pub(super) fn depth(color: Color) -> Depth {
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    match color {
        Color::Sixteen => Depth::Sixteen,
        Color::Indexed => Depth::Indexed,
        Color::True => Depth::True,
        color if !color.is_wanted_on_screen() => Depth::None,
        _ if matches!(set("COLORTERM").as_str(), "truecolor" | "24bit") => Depth::True,
        _ if set("TERM").contains("256color") => Depth::Indexed,
        _ => Depth::Sixteen,
    }
}

/// The keys as the command line lists them.
pub(super) fn bound(keymap: &Keymap) -> Vec<Bound> {
    let bound = |row: &crate::tui::keymap::Row| Bound {
        place: row.context.into(),
        action: row.action.name(),
        keys: row.keys.clone(),
        shown: row.keys.iter().map(|key| label(key)).collect(),
        words: row.words,
    };
    keymap.rows().iter().map(bound).collect()
}
