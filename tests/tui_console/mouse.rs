//! The mouse: off until it is turned on, and then a click is a key.

use crate::stage::{Stage, world};
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use syncdeck::tui::screens::Screen;
use syncdeck::tui::{Effect, Msg};

fn send(stage: &mut Stage, kind: MouseEventKind, (x, y): (u16, u16)) {
    stage.send(Msg::Mouse(MouseEvent { kind, column: x, row: y, modifiers: KeyModifiers::NONE }));
}

fn click(stage: &mut Stage, place: (u16, u16)) {
    send(stage, MouseEventKind::Down(MouseButton::Left), place);
}

/// Where `words` stand on the screen.
fn place(stage: &Stage, words: &str) -> (u16, u16) {
    let text = stage.text();
    let (y, line) = text.lines().enumerate().find(|(_, line)| line.contains(words)).expect("the words are there");
    let x = line[..line.find(words).expect("found")].chars().count();
    (u16::try_from(x).expect("small"), u16::try_from(y).expect("small"))
}

fn stage() -> Stage {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("M");
    stage
}

#[test]
fn a_mouse_that_is_off_does_nothing() {
    let mut stage = Stage::new(world(), 120, 36);
    let tab = place(&stage, "Dead letters");
    click(&mut stage, tab);
    assert_eq!(stage.app.screen, Screen::Jobs);
}

#[test]
fn m_turns_it_on_and_off_and_says_so() {
    let mut stage = stage();
    assert_eq!(stage.effects, [Effect::Mouse(true)]);
    assert!(stage.shows("mouse on"));
    stage.press("M");
    assert_eq!(stage.effects.last(), Some(&Effect::Mouse(false)));
}

#[test]
fn a_click_on_a_tab_shows_the_screen() {
    let mut stage = stage();
    let tab = place(&stage, "Checkpoints");
    click(&mut stage, tab);
    assert_eq!(stage.app.screen, Screen::Checkpoints);
}

#[test]
fn a_click_on_a_hint_presses_its_key() {
    let mut stage = stage();
    stage.press("j");
    let hint = place(&stage, "run now");
    click(&mut stage, hint);
    assert_eq!(stage.orders().len(), 1);
}

#[test]
fn a_click_on_a_row_selects_it() {
    let mut stage = stage();
    let row = place(&stage, "invoices_backfill");
    click(&mut stage, row);
    assert_eq!(stage.app.jobs.selected, Some("invoices_backfill".into()));
}

#[test]
fn the_wheel_moves_in_the_pane_under_the_pointer() {
    let mut stage = stage();
    let first = stage.app.jobs.selected.clone();
    let row = place(&stage, "invoices_backfill");
    send(&mut stage, MouseEventKind::ScrollDown, row);
    assert_ne!(stage.app.jobs.selected, first);
    send(&mut stage, MouseEventKind::ScrollUp, row);
    assert_eq!(stage.app.jobs.selected, first);
    let attention = place(&stage, "Needs attention");
    send(&mut stage, MouseEventKind::ScrollDown, attention);
    assert_eq!(stage.app.jobs.selected, first);
    assert!(stage.shows("opens the cause"), "the other pane has the focus now");
}

#[test]
fn what_is_covered_by_a_dialog_is_not_clicked() {
    let mut stage = stage();
    stage.press("j X");
    let row = place(&stage, "customers_to_crm");
    click(&mut stage, row);
    assert!(stage.app.overlay.is_some());
    let tab = place(&stage, "Checkpoints");
    click(&mut stage, tab);
    assert_eq!(stage.app.screen, Screen::Jobs);
}
