//! Corrections of dead letters, careful retries and their preview: keys in, orders out, frames as text.

use crate::stage::*;
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::model::*;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Effect, Msg};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];

fn raw(text: &str) -> RawJson {
    RawJson::parse(text.to_owned()).expect("JSON")
}

fn offered() -> Correction {
    Correction {
        letter: DeadLetterId(7),
        record: "cus_00917734".into(),
        number: 1,
        at: ago(90_000),
        by: Actor::person("ada", Via::Console),
        reason: Some("ticket 4411".to_owned()),
        content: Fingerprint(1),
        fields: vec![FieldCorrection {
            field: "email".to_owned(),
            seen: Some(raw(r#""sam.lee@example.org""#)),
            before: Some(raw(r#""sam.lee@example.org""#)),
            after: Some(raw(r#""sam.lee+shop@example.org""#)),
        }],
    }
}

/// At the form of a letter.
fn at_form(size: (u16, u16), symbols: Symbols) -> Stage {
    let mut stage = Stage::with(world(), size.0, size.1, symbols);
    stage.press("2 enter e");
    stage
}

fn each_size(name: &str, make: impl Fn((u16, u16), Symbols) -> Stage) {
    for (width, height) in SIZES {
        for (symbols, word) in [(Symbols::Unicode, ""), (Symbols::Ascii, "ascii_")] {
            let stage = make((width, height), symbols);
            insta::assert_snapshot!(format!("{name}_{word}{width}x{height}"), stage.text());
        }
    }
}

fn corrected(stage: &Stage) -> Option<(Vec<FieldChange>, Option<String>, bool)> {
    stage.asked.iter().rev().find_map(|request| match request {
        Request::Correct { changes, reason, retry, .. } => Some((changes.clone(), reason.clone(), *retry)),
        _ => None,
    })
}

fn change(field: &str, value: Option<&str>) -> FieldChange {
    FieldChange { field: field.to_owned(), value: value.map(raw) }
}

/// What the editor was opened with.
fn in_editor(stage: &mut Stage) -> String {
    stage.press("ctrl-x");
    let edit = stage.effects.iter().rev().find_map(|effect| match effect {
        Effect::Edit { text, .. } => Some(text.clone()),
        _ => None,
    });
    edit.expect("the editor is asked for")
}

#[test]
fn the_form_shows_each_field_with_the_complaint_beside_it() {
    each_size("form", at_form);
}

#[test]
fn the_change_is_shown_before_anything_is_sent() {
    let make = |size, symbols| {
        let mut stage = at_form(size, symbols);
        stage.press("ctrl-u").type_text("sam.lee+shop@example.org");
        stage.press("ctrl-s");
        assert!(corrected(&stage).is_none(), "nothing is sent yet");
        stage
    };
    each_size("change", make);
}

#[test]
fn y_saves_and_retries_and_s_saves_alone() {
    for (key, retry) in [("y", true), ("s", false)] {
        let mut stage = at_form((120, 36), Symbols::Unicode);
        stage.press("ctrl-u").type_text("a@b.example");
        stage.press("shift-tab").type_text("ticket 4411");
        stage.press("ctrl-s");
        stage.press(key);
        assert!(corrected(&stage).is_none(), "a key that was on its way does not send it");
        stage.later(200);
        stage.press(key);
        let wanted = vec![change("email", Some(r#""a@b.example""#))];
        assert_eq!(corrected(&stage), Some((wanted, Some("ticket 4411".to_owned()), retry)));
        assert!(stage.app.overlay.is_none() && stage.shows("saved the correction"));
    }
}

#[test]
fn an_unchanged_form_is_no_edit() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    stage.press("ctrl-s");
    assert!(stage.shows("nothing is changed") && corrected(&stage).is_none());
    stage.press("x backspace ctrl-s");
    assert!(stage.shows("nothing is changed") && corrected(&stage).is_none());
    stage.press("esc");
    assert!(stage.app.overlay.is_none());
}

#[test]
fn types_are_kept_and_what_is_no_value_is_told() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    // A text stays a text even where it looks like a number.
    stage.press("ctrl-u").type_text("42");
    // Down to the amount, which the map refused: it takes JSON.
    stage.press("down down ctrl-u").type_text("twelve");
    stage.press("ctrl-s");
    assert!(stage.shows("amount: `twelve` is no JSON value"), "{}", stage.text());
    stage.press("ctrl-u").type_text("12.50");
    // Balance keeps its digits untouched; vip becomes nothing.
    stage.press("down down ctrl-t ctrl-s");
    stage.later(200);
    stage.press("y");
    let (changes, ..) = corrected(&stage).expect("it was sent");
    assert_eq!(changes, [change("email", Some(r#""42""#)), change("amount", Some("12.50")), change("vip", None)]);
}

#[test]
fn an_id_is_passed_over_and_shown_as_what_it_is() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    for _ in 0..20 {
        stage.press("up x");
    }
    stage.press("ctrl-s");
    let text = stage.text();
    assert!(!text.contains("- \"cus_00917734\""), "the id was not typed in:\n{text}");
}

#[test]
fn a_redacted_value_is_neither_shown_nor_written_into_the_editors_file() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    assert!(stage.shows("••••") && !stage.shows("493012345678"), "{}", stage.text());
    let text = in_editor(&mut stage);
    assert!(text.contains(r#""phone": "••••""#) && !text.contains("493012345678"), "{text}");
    stage.send(Msg::Edited(Ok(text.replace("sam.lee@example.org", "new@example.org"))));
    stage.later(200);
    stage.press("y");
    let (changes, ..) = corrected(&stage).expect("it was sent");
    assert_eq!(changes, [change("email", Some(r#""new@example.org""#))]);
}

#[test]
fn the_editors_text_is_the_whole_and_comes_back_as_a_change() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    let text = in_editor(&mut stage);
    assert!(text.starts_with("// Dead letter #1042"), "{text}");
    assert!(text.contains("// email: 422 email already in use") && text.contains("12345678901234567890.10"), "{text}");
    stage.send(Msg::Edited(Ok(text.clone())));
    assert!(stage.shows("unchanged") && corrected(&stage).is_none());
    let edited = text.replace("\"Sam\"", "\"Samuel\"").replace("  \"vip\": false,\n", "");
    stage.send(Msg::Edited(Ok(edited)));
    assert!(stage.shows("Your change") && stage.shows("(not sent)"), "{}", stage.text());
    stage.later(200);
    stage.press("s");
    let (changes, ..) = corrected(&stage).expect("it was saved");
    assert!(changes.contains(&change("first_name", Some("\"Samuel\""))) && changes.contains(&change("vip", None)));
}

#[test]
fn broken_json_shows_its_place_and_keeps_the_text() {
    let make = |size, symbols| {
        let mut stage = at_form(size, symbols);
        let broken = in_editor(&mut stage).replace("\"sam.lee@example.org\",", "\"sam.lee@example.org\"");
        stage.send(Msg::Edited(Ok(broken.clone())));
        assert!(stage.shows("not valid JSON: line"), "{}", stage.text());
        assert!(corrected(&stage).is_none());
        let before = stage.effects.len();
        stage.press("y s");
        assert!(corrected(&stage).is_none(), "nothing can be sent from here");
        stage.press("e");
        let again = Effect::Edit { name: "syncdeck-cus_00917734".to_owned(), text: broken };
        assert_eq!(stage.effects[before..], [again], "the text is kept");
        stage
    };
    each_size("broken", make);
}

#[test]
fn an_id_that_was_edited_in_the_text_is_refused() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    let text = in_editor(&mut stage).replace("\"cus_00917734\"", "\"cus_1\"");
    stage.send(Msg::Edited(Ok(text)));
    assert!(stage.shows("`external_id` can not be edited: it is the record's id"), "{}", stage.text());
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    stage.press("ctrl-x");
    stage.send(Msg::Edited(Err("the editor could not be started: no such file".to_owned())));
    assert!(stage.shows("the editor could not be started") && stage.shows("Correct cus_00917734"));
}

#[test]
fn a_correction_of_before_is_offered_and_filled_in_not_applied() {
    let make = |size: (u16, u16), symbols| {
        let mut world = world();
        world.letter.offered = Some(offered());
        world.form.offered = Some(offered());
        world.form.offered_changes = vec![change("email", Some(r#""sam.lee+shop@example.org""#))];
        Stage::with(world, size.0, size.1, symbols)
    };
    each_size("offered_record", |size, symbols| {
        let mut stage = make(size, symbols);
        stage.press("2 enter enter");
        assert!(stage.shows("e applies it"), "{}", stage.text());
        stage
    });
    let mut stage = make((120, 36), Symbols::Unicode);
    stage.press("2 enter e");
    assert!(stage.shows("filled in from the correction of"), "{}", stage.text());
    assert!(corrected(&stage).is_none());
    stage.press("ctrl-s");
    stage.later(200);
    stage.press("y");
    let (changes, ..) = corrected(&stage).expect("it was sent");
    assert_eq!(changes, [change("email", Some(r#""sam.lee+shop@example.org""#))]);
}

#[test]
fn a_refused_correction_keeps_what_was_typed() {
    let mut stage = at_form((120, 36), Symbols::Unicode);
    stage.press("ctrl-u").type_text("new@example.org");
    stage.press("ctrl-s");
    stage.later(200);
    let message = "the record of dead letter #1042 changed meanwhile: look at it again".to_owned();
    stage.world.refusal = Some(syncdeck::control::Refusal { message, hint: None });
    stage.press("y");
    assert!(stage.shows("changed meanwhile") && stage.app.overlay.is_some());
    stage.press("esc");
    assert!(stage.app.overlay.is_none());
}

#[test]
fn the_preview_counts_what_a_retry_would_do() {
    let make = |size: (u16, u16), symbols| {
        let mut stage = Stage::with(world(), size.0, size.1, symbols);
        stage.press("2 R");
        stage
    };
    each_size("preview", make);
    let mut stage = make((120, 36), Symbols::Unicode);
    let checks = stage.asked.iter().filter(|request| matches!(request, Request::RetryCheck { .. })).count();
    assert_eq!(checks, LetterCheck::LETTERS_MAX / LetterCheck::AT_ONCE);
    assert!(stage.shows("542  not looked at, so not known"), "{}", stage.text());
    stage.later(200);
    stage.press("c");
    let Some(Request::RetryCarefully { selection: Selection::Ids(ids), .. }) = stage.orders().last().copied() else {
        panic!("another order: {:?}", stage.orders())
    };
    assert_eq!(ids.len(), 25, "only those that changed");
}

#[test]
fn a_preview_tells_how_far_it_is_and_ends_with_the_dialog() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("2");
    stage.is_silent = true;
    stage.press("R");
    let selection = Selection::Ids((1..=60).map(DeadLetterId).collect());
    assert!(stage.shows("counting"));
    stage.is_silent = false;
    drop(selection);
    stage.press("esc");
    let asked = stage.asked.len();
    stage.later(1_000);
    assert!(!stage.asked[asked..].iter().any(|request| matches!(request, Request::RetryCheck { .. })));
}

#[test]
fn many_are_retried_one_first() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("2 R");
    stage.later(200);
    stage.press("y");
    assert!(
        matches!(stage.orders().last(), Some(Request::RetryCarefully { per_minute: None, .. })),
        "{:?}",
        stage.orders()
    );
}

fn bulk(stage: BulkStage) -> BulkRetry {
    BulkRetry {
        failed_as: Vec::new(),
        number: 3,
        job: "customers_to_crm".into(),
        by: Actor::person("ada", Via::Console),
        at: ago(30),
        what: "422 email already in use".to_owned(),
        total: 1_042,
        causes: Vec::new(),
        per_minute: 180,
        stage,
        recovered: 311,
        failed: 4,
        needless: 2,
        failed_in_a_row: 0,
        passed_at: Some(ago(29)),
        ended_at: None,
    }
}

#[test]
fn a_retry_of_many_is_seen_on_every_screen() {
    for (name, keys) in [("jobs", "1"), ("dead", "2"), ("records", "2 enter"), ("logs", "7")] {
        let make = |size: (u16, u16), symbols| {
            let mut world = world();
            world.snapshot.retries = vec![bulk(BulkStage::Rest)];
            let mut stage = Stage::with(world, size.0, size.1, symbols);
            stage.press(keys);
            stage.later(5_000);
            assert!(stage.shows("317/1,042"), "{}", stage.text());
            stage
        };
        match name {
            "dead" => each_size("progress", make),
            _ => drop(make((80, 24), Symbols::Unicode)),
        }
    }
}

#[test]
fn its_end_is_told_with_what_was_sent() {
    let mut world = world();
    world.snapshot.retries = vec![bulk(BulkStage::Rest)];
    let mut stage = Stage::new(world, 120, 36);
    stage.press("2");
    let why = "a new kind of error came: 422 the quota is used up".to_owned();
    let ended = bulk(BulkStage::Ended { stopped: Some(why) });
    stage.world.snapshot.retries = vec![BulkRetry { ended_at: Some(NOW), ..ended }];
    stage.world.snapshot.at = NOW.plus(Duration::from_secs(1));
    stage.publish();
    assert!(stage.shows("311 recovered, 4 failed"), "{}", stage.text());
    assert!(stage.shows("725 letters not sent"), "{}", stage.text());
    insta::assert_snapshot!("ended_120x36", stage.text());
    stage.press("esc");
    stage.publish();
    assert!(!stage.shows("725 letters"), "it is told once");
}

#[test]
fn a_capital_k_stops_the_retry_from_any_screen() {
    let mut world = world();
    world.snapshot.retries = vec![bulk(BulkStage::Rest)];
    for keys in ["2 K", "2 enter K", "1 K", "7 K"] {
        let mut stage = Stage::new(World { snapshot: world.snapshot.clone(), ..crate::stage::world() }, 120, 36);
        stage.press(keys);
        assert_eq!(stage.orders().last(), Some(&&Request::StopRetry { job: "customers_to_crm".into() }), "{keys}");
    }
    let mut none = Stage::new(crate::stage::world(), 120, 36);
    none.press("2 K");
    assert!(none.orders().is_empty() && none.shows("no retry of many letters goes on"));
}

#[test]
fn a_cause_that_was_recovered_shows_its_figures() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("2");
    let mut gone = stage.world.groups[0].clone();
    gone.recovered += gone.waiting;
    gone.waiting = 0;
    stage.world.groups.remove(0);
    stage.world.gone = vec![gone];
    stage.world.snapshot.notices += 1;
    stage.world.snapshot.at = NOW.plus(Duration::from_secs(2));
    stage.now = NOW.plus(Duration::from_secs(2));
    stage.publish();
    assert!(stage.shows("recovered 1,053"), "{}", stage.text());
}
