//! What is drawn how: a letter for each style, because the pictures of screens have no colours.

use crate::stage::{Stage, world};
use ratatui::style::{Modifier, Style};
use std::collections::BTreeMap;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::theme::{Depth, LOOKS, look};
use syncdeck::tui::{App, Settings};

fn stage(name: &str, depth: Depth) -> Stage {
    let looks = LOOKS.iter().filter_map(|name| look(name, depth)).collect();
    let mut stage = Stage::set(world(), 80, 24, Symbols::Unicode, Settings { looks, ..Settings::default() });
    stage.app.theme.look = look(name, depth).expect("a theme");
    stage
}

/// The rows of a screen as letters, and what each letter stands for.
fn styles(stage: &Stage) -> String {
    let (buffer, _) = stage.frame();
    let mut letters: BTreeMap<String, char> = BTreeMap::new();
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = Style { underline_color: None, ..cell.style() };
            let is_bare = cell.symbol() == " " && !style.add_modifier.contains(Modifier::REVERSED);
            let name = format!("{:?} {:?}", style.fg.unwrap_or_default(), style.add_modifier);
            let next = char::from(b'a' + u8::try_from(letters.len()).expect("few styles"));
            row.push(if is_bare { ' ' } else { *letters.entry(name).or_insert(next) });
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    for (name, letter) in letters {
        text.push_str(&format!("{letter} {name}\n"));
    }
    text
}

#[test]
fn the_styles_of_a_screen_in_every_theme() {
    for name in LOOKS {
        let mut stage = stage(name, Depth::True);
        stage.press("!");
        insta::assert_snapshot!(format!("styles_{name}"), styles(&stage));
    }
}

#[test]
fn without_colours_no_cell_has_one_and_the_selected_row_still_differs() {
    for name in LOOKS {
        let stage = stage(name, Depth::None);
        let (buffer, _) = stage.frame();
        let coloured =
            buffer.content.iter().filter(|cell| cell.style().fg != Some(ratatui::style::Color::Reset)).count();
        assert_eq!(coloured, 0, "{name}");
        assert!(buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)), "{name}");
    }
}

#[test]
fn t_shows_the_next_theme_and_says_how_it_stays() {
    let mut stage = stage("term", Depth::Sixteen);
    let name = |app: &App| app.theme.look.name;
    let mut seen = vec![name(&stage.app)];
    for _ in 0..5 {
        stage.press("T");
        seen.push(name(&stage.app));
    }
    assert_eq!(seen, ["term", "cvd", "dark", "light", "mono", "term"]);
    assert!(stage.shows("theme = \"term\""), "{}", stage.text());
}

#[test]
fn t_says_why_there_is_no_other_theme() {
    let mut stage = Stage::new(world(), 80, 24);
    stage.press("T");
    assert!(stage.shows("colours are off"), "{}", stage.text());
}
