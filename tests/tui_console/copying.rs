//! What `y` and a letter copies from each screen.

use crate::stage::{Stage, world};
use syncdeck::tui::{Copied, Effect, Msg};

fn copied(stage: &mut Stage, keys: &str) -> Option<(String, String)> {
    stage.effects.clear();
    stage.press(keys);
    stage.effects.iter().find_map(|effect| match effect {
        Effect::Copy { what, text } => Some((what.clone(), text.clone())),
        _ => None,
    })
}

fn text(stage: &mut Stage, keys: &str) -> String {
    copied(stage, keys).unwrap_or_else(|| panic!("{keys} copied nothing: {}", stage.text())).1
}

#[test]
fn the_id_of_what_is_selected_is_copied() {
    let mut stage = Stage::new(world(), 120, 36);
    assert_eq!(text(&mut stage, "j y i"), "customers_to_crm");
    assert_eq!(text(&mut stage, "2 y i").len(), 16);
    let id = text(&mut stage, "enter y i");
    assert!(stage.shows(&id), "{id}");
}

#[test]
fn the_record_is_copied_without_what_is_redacted() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("2 enter");
    let hidden = text(&mut stage, "y p");
    assert!(hidden.contains("[redacted]"), "{hidden}");
    let open = text(&mut stage, "i y p");
    assert!(!open.contains("[redacted]"), "{open}");
}

#[test]
fn error_answer_and_line_are_copied() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("2 enter");
    assert!(!text(&mut stage, "y e").is_empty());
    assert!(!text(&mut stage, "y a").is_empty());
    let line = text(&mut stage, "1 j y l");
    assert!(line.contains("customers_to_crm") && !line.contains('│') && !line.contains('»'), "{line}");
}

#[test]
fn what_is_not_there_is_said() {
    let mut stage = Stage::new(world(), 120, 36);
    assert_eq!(copied(&mut stage, "y p"), None);
    assert!(stage.shows("can not be copied here"), "{}", stage.text());
}

#[test]
fn how_it_was_copied_is_told() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.send(Msg::Copied(Copied { what: "the id".to_owned(), bytes: 1_234, how: Ok("OSC 52") }));
    assert!(stage.shows("copied the id (1,234 B) by OSC 52"), "{}", stage.text());
    stage.send(Msg::Copied(Copied { what: "the id".to_owned(), bytes: 5, how: Err("it is too large".to_owned()) }));
    assert!(stage.shows("the id was not copied: it is too large"));
}
