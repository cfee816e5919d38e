//! The command palette and the menu of the selection: keys in, screens and orders out.

use crate::stage::{Stage, world};
use syncdeck::control::Request;
use syncdeck::model::DeadLetterId;
use syncdeck::tui::keymap::{Choice, Keymap};
use syncdeck::tui::screens::Screen;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Msg, Settings};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];

/// Takes a picture after `keys` at each size, in unicode and in ASCII.
fn pictures(name: &str, keys: &str) {
    for (width, height) in SIZES {
        for (symbols, suffix) in [(Symbols::Unicode, ""), (Symbols::Ascii, "_ascii")] {
            let mut stage = Stage::with(world(), width, height, symbols);
            stage.press(keys);
            let text = stage.text();
            assert!(symbols == Symbols::Unicode || text.is_ascii(), "{text}");
            insta::assert_snapshot!(format!("{name}{suffix}_{width}x{height}"), text);
        }
    }
}

fn palette(before: &str, typed: &str) -> Stage {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press(before).press(":").type_text(typed);
    stage
}

#[test]
fn palette_and_menu() {
    pictures("palette", ":");
    pictures("palette_pause", "j : p a u");
    pictures("palette_jobs", ": @ t o");
    pictures("palette_letter", ": # 1 0 4 2");
    pictures("menu", "m");
    pictures("menu_of_a_cause", "2 m down");
}

#[test]
fn enter_runs_the_command_that_was_typed() {
    let mut stage = palette("j", "runs the job");
    assert!(stage.orders().is_empty());
    stage.press("enter");
    assert_eq!(stage.orders(), [&Request::Trigger { jobs: vec!["customers_to_crm".into()] }]);
    assert!(stage.app.overlay.is_none());
}

#[test]
fn a_command_is_found_by_its_key_and_by_its_name() {
    for typed in ["n", "run_now", "rn now"] {
        let mut stage = palette("j", typed);
        stage.press("enter");
        assert_eq!(stage.orders(), [&Request::Trigger { jobs: vec!["customers_to_crm".into()] }], "{typed}");
    }
    assert_eq!(palette("", "8").press("enter").app.screen, Screen::Why);
}

#[test]
fn enter_alone_never_changes_anything() {
    for keys in ["6 : enter", "6 m enter", "2 : enter", "2 m enter", "4 : enter", "j : enter", "j m enter"] {
        let mut stage = Stage::new(world(), 120, 36);
        stage.press(keys);
        assert!(stage.orders().is_empty(), "{keys}");
        let tested = stage.asked.iter().any(|request| matches!(request, Request::TestConnection { .. }));
        assert!(!tested, "{keys}");
    }
}

#[test]
fn what_was_gone_to_with_the_arrows_is_run() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("j : down down enter");
    assert_eq!(stage.orders(), [&Request::Trigger { jobs: vec!["customers_to_crm".into()] }]);
}

#[test]
fn jobs_connections_letters_and_records_are_found() {
    let mut stage = palette("", "@ord");
    stage.press("enter");
    assert_eq!((stage.app.screen, stage.app.selected_job()), (Screen::Job, Some("orders_to_erp".into())));

    let mut stage = palette("2", "&hubs");
    stage.press("enter");
    assert_eq!(stage.app.screen, Screen::Connections);
    assert_eq!(stage.app.connections.selected, Some("hubspot".into()));

    let mut stage = palette("", "#1042");
    stage.press("enter");
    let wanted = Request::DeadLetter { id: DeadLetterId(1_042) };
    assert!(stage.asked.contains(&wanted));
    assert_eq!(stage.app.screen, Screen::Letters);

    let mut stage = palette("", "#cus_00917734");
    stage.press("enter");
    assert_eq!(stage.app.screen, Screen::Why);
    assert_eq!(stage.last_asked(), &Request::Why { job: None, key: "cus_00917734".to_owned(), live: true });
}

#[test]
fn tab_completes_and_escape_closes() {
    let mut stage = palette("", "@ord");
    stage.press("tab");
    assert!(stage.shows(": @orders_to_erp"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.app.overlay.is_none());
    stage.press("ctrl-p");
    assert!(stage.shows("Command"));
    stage.type_text("zzzz").press("enter");
    assert!(stage.shows("nothing is called that") && stage.orders().is_empty());
}

#[test]
fn what_is_picked_stays_picked_when_the_rows_change() {
    let mut stage = palette("", "@");
    stage.press("down");
    let picked = stage.world.snapshot.jobs[1].id.clone();
    stage.world.snapshot.jobs.swap(0, 1);
    stage.publish();
    stage.press("enter");
    assert_eq!(stage.app.selected_job(), Some(picked));
}

#[test]
fn a_read_only_screen_says_why_and_asks_for_nothing() {
    let settings = Settings { is_read_only: true, ..Settings::default() };
    for keys in ["j : n enter", "j m n", "j m down down enter"] {
        let mut stage = Stage::set(world(), 120, 36, Symbols::Unicode, settings.clone());
        stage.press(keys);
        assert!(stage.orders().is_empty(), "{keys}");
        assert!(stage.shows("read-only"), "{}", stage.text());
    }
}

#[test]
fn keys_that_were_changed_are_shown_and_obeyed() {
    let choice = Choice {
        context: None,
        action: "run_now".to_owned(),
        keys: vec!["t".to_owned()],
        place: "syncdeck.toml:1:1".to_owned(),
    };
    let keymap = Keymap::with(&[choice]).expect("no clash");
    let mut stage = Stage::set(world(), 120, 36, Symbols::Unicode, Settings { keymap, ..Settings::default() });
    stage.press("j m");
    let text = stage.text();
    let row = text.lines().find(|line| line.contains("runs the job now")).expect("a row");
    assert!(row.contains(" t ") && !row.contains(" n "), "{row}");
    stage.press("t");
    assert_eq!(stage.orders(), [&Request::Trigger { jobs: vec!["customers_to_crm".into()] }]);
}

#[test]
fn the_menu_hears_the_keys_that_it_shows() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("j m g d");
    assert_eq!(stage.app.screen, Screen::Dead);
    stage.press("m m");
    assert!(stage.app.overlay.is_none());
    stage.press("m down enter");
    assert_eq!(stage.orders().len() + usize::from(stage.app.overlay.is_some()), 1);
}

#[test]
fn what_can_not_be_done_says_why_and_stays() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.world.snapshot.jobs.iter_mut().for_each(|job| job.run = None);
    stage.publish();
    stage.press("j m");
    assert!(stage.shows("stops the run of the job: customers_to_crm has no run to stop"), "{}", stage.text());
    stage.press("X");
    assert!(stage.shows("customers_to_crm has no run to stop") && stage.app.overlay.is_some());
}

#[test]
fn pasted_text_only_fills_the_field() {
    let mut stage = palette("j", "");
    stage.send(Msg::Paste("runs the job\n".to_owned()));
    assert!(stage.orders().is_empty() && stage.shows(": runs the job"));
}

#[test]
fn a_command_has_its_job_in_it() {
    let mut stage = palette("", "pause customers");
    assert!(stage.shows("syncdeck pause customers_to_crm"), "{}", stage.text());
    stage.press("enter enter");
    assert_eq!(stage.orders(), [&Request::Pause { jobs: vec!["customers_to_crm".into()], reason: None }]);
    let mut stage = palette("", "resume invoices");
    stage.press("enter");
    assert_eq!(stage.orders(), [&Request::Resume { jobs: vec!["invoices_backfill".into()] }]);
    let mut stage = palette("", "connection hold hubspot");
    stage.press("enter enter");
    assert!(matches!(stage.orders().as_slice(), [Request::Hold { .. }]), "{:?}", stage.orders());
}

#[test]
fn what_was_run_before_comes_first_and_still_needs_a_thought() {
    let mut stage = palette("", "resume invoices");
    stage.press("enter").press(":");
    assert!(stage.shows("recent, 14:32"), "{}", stage.text());
    stage.press("enter");
    assert_eq!(stage.orders().len(), 1, "enter alone changes nothing");
}

#[test]
fn a_question_mark_opens_the_help_and_a_sign_finds_commands_alone() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press(": ?");
    assert!(stage.shows("HERE"), "{}", stage.text());
    let stage = palette("", ">pause customers");
    assert!(!stage.shows("syncdeck pause customers_to_crm"), "{}", stage.text());
}
