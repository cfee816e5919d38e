//! What comes up over the screen: the keys after a prefix, what is told, the export.

use crate::stage::{NOW, Stage, world};
use syncdeck::control::{Attachment, Host, Request};
use syncdeck::model::*;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Copied, Effect, Msg};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];

fn stage() -> Stage {
    Stage::new(world(), 120, 36)
}

/// Takes a picture of what `prepare` makes of a stage, at each size, in unicode and in ASCII.
fn pictures(name: &str, prepare: impl Fn(&mut Stage)) {
    for (width, height) in SIZES {
        for (symbols, suffix) in [(Symbols::Unicode, ""), (Symbols::Ascii, "_ascii")] {
            let mut stage = Stage::with(world(), width, height, symbols);
            prepare(&mut stage);
            let text = stage.text();
            assert!(symbols == Symbols::Unicode || text.is_ascii(), "{text}");
            insta::assert_snapshot!(format!("{name}{suffix}_{width}x{height}"), text);
        }
    }
}

fn retry() -> BulkRetry {
    BulkRetry {
        failed_as: Vec::new(),
        number: 7,
        job: "customers_to_crm".into(),
        by: Actor::person("ada", Via::Console),
        at: NOW,
        what: "422 email already in use".to_owned(),
        total: 47,
        causes: vec![GroupId(1)],
        per_minute: 60,
        stage: BulkStage::Rest,
        recovered: 12,
        failed: 0,
        needless: 0,
        failed_in_a_row: 0,
        passed_at: Some(NOW),
        ended_at: None,
    }
}

fn fail(stage: &mut Stage, n: usize) {
    for at in 0..n {
        stage.send(Msg::Saved(Err(format!("no room for {at}"))));
    }
}

#[test]
fn overlays() {
    pictures("which_key_go", |stage| {
        stage.press("g");
        stage.later(400);
    });
    pictures("which_key_copy", |stage| {
        stage.press("2 enter y");
        stage.later(400);
    });
    pictures("toasts", |stage| {
        stage.world.snapshot.retries = vec![retry()];
        stage.publish();
        fail(stage, 4);
    });
    pictures("export", |stage| {
        stage.press("2 enter E");
    });
    pictures("messages", |stage| {
        fail(stage, 3);
        stage.press("`");
    });
}

#[test]
fn the_keys_after_a_prefix_come_up_after_a_moment_and_esc_leaves_them() {
    let mut stage = stage();
    stage.press("j g");
    assert!(!stage.shows("goes to the runs of the job"), "{}", stage.text());
    assert_eq!(stage.app.deadline(), Some(NOW.plus(std::time::Duration::from_millis(400))));
    stage.later(400);
    assert!(stage.shows("goes to the runs of the job"), "{}", stage.text());
    stage.press("z");
    assert!(stage.shows("goes to the runs of the job"), "a second key that means nothing leaves it there");
    stage.press("esc");
    assert!(!stage.shows("goes to the runs of the job"));
    stage.press("g r");
    assert_eq!(stage.app.screen, syncdeck::tui::screens::Screen::Runs);
}

#[test]
fn a_retry_of_many_is_told_with_its_bar_on_a_screen_that_did_not_order_it() {
    let mut stage = stage();
    stage.world.snapshot.retries = vec![retry()];
    stage.publish();
    assert!(stage.shows("retry of customers_to_crm  12/47"), "{}", stage.text());
    assert!(stage.shows("K stops it"));
    stage.press("`");
    assert!(stage.shows("retry of customers_to_crm begun by ada"), "{}", stage.text());
}

#[test]
fn the_key_that_stops_a_retry_is_seen_at_every_size() {
    for (width, height) in SIZES {
        let mut stage = Stage::new(world(), width, height);
        stage.world.snapshot.retries = vec![BulkRetry { failed: 4, total: 1_042, ..retry() }];
        stage.publish();
        assert!(stage.shows("K stops it"), "{}", stage.text());
    }
}

#[test]
fn three_are_told_at_once_the_others_are_counted_and_failures_go_with_esc() {
    let mut stage = stage();
    fail(&mut stage, 5);
    assert!(stage.shows("no room for 4") && stage.shows("no room for 2") && !stage.shows("no room for 1"));
    assert!(stage.shows("+2 · Esc closes"), "{}", stage.text());
    stage.later(60_000);
    assert!(stage.shows("no room for 4"), "a failure stays");
    stage.press("esc");
    assert!(!stage.shows("no room for"));
}

#[test]
fn what_was_done_is_told_for_four_seconds_also_when_something_newer_is_in_the_line() {
    let mut stage = stage();
    stage.press("j p enter");
    assert_eq!(stage.text().matches("paused customers_to_crm").count(), 1, "nothing is told twice");
    stage.press("n");
    assert_eq!(stage.text().matches("paused customers_to_crm").count(), 1, "{}", stage.text());
    assert!(stage.shows("customers_to_crm runs now"));
    stage.later(4_000);
    assert!(!stage.shows("paused customers_to_crm"));
}

#[test]
fn y_copies_the_selected_message() {
    let mut stage = stage();
    fail(&mut stage, 2);
    stage.press("` down y");
    let Some(Effect::Copy { text, .. }) = stage.effects.last() else { panic!("{:?}", stage.effects) };
    assert!(text.starts_with("the bundle could not be written: no room for 0\n"), "{text}");
}

/// Exports what is on the screen; what was written, piece by piece.
fn written(stage: &mut Stage, key: &str) -> String {
    stage.press("E").press(key);
    let mut text = String::new();
    let mut n_seen = 0;
    loop {
        let pieces: Vec<Effect> = stage
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Export { .. }))
            .skip(n_seen)
            .cloned()
            .collect();
        if pieces.is_empty() {
            return text;
        }
        for piece in pieces {
            let Effect::Export { name, is_first, text: piece } = piece else { unreachable!("filtered") };
            assert_eq!(is_first, n_seen == 0);
            n_seen += 1;
            text.push_str(&piece);
            stage.send(Msg::Exported(Ok(name)));
        }
    }
}

#[test]
fn every_list_is_written_as_json_that_can_be_read() {
    for (walk, least) in [("", 6), ("2", 5), ("2 enter", 1_042), ("4", 2), ("5", 2), ("6", 2), ("7", 2)] {
        let mut stage = stage();
        stage.press(walk);
        let text = written(&mut stage, "j");
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{walk}: {error}: {text}"));
        assert!(rows.len() >= least, "{walk}: {} rows", rows.len());
        assert!(
            stage.shows(&format!("wrote {} rows to acme-production-", syncdeck::tui::text::grouped(rows.len() as u64))),
            "{walk}: {}",
            stage.text()
        );
    }
}

#[test]
fn the_order_of_the_screen_is_the_order_of_the_file() {
    let ids = |keys: &str| -> Vec<u64> {
        let mut stage = stage();
        stage.press(keys);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&written(&mut stage, "j")).expect("JSON");
        rows.iter().map(|row| row["id"].as_u64().expect("a number")).collect()
    };
    let newest_first = ids("2 enter");
    let mut oldest_first = ids("2 enter S");
    assert_eq!(newest_first.first(), Some(&1_042));
    oldest_first.reverse();
    assert_eq!(newest_first, oldest_first);
}

#[test]
fn a_formula_in_a_csv_is_text() {
    let mut world = world();
    world.groups[0].reason.message = "=HYPERLINK(\"http://evil.example\")".to_owned();
    world.groups[0].reason.status = None;
    let mut stage = Stage::new(world, 120, 36);
    stage.press("2");
    let text = written(&mut stage, "c");
    assert!(text.starts_with("group,job,cause,"), "{text}");
    assert!(!text.contains(",=HYPERLINK") && !text.contains(",\"=HYPERLINK"), "{text}");
}

#[test]
fn an_answer_is_no_table() {
    let mut stage = stage();
    stage.press("j enter E c");
    assert!(stage.shows("this is no list"), "{}", stage.text());
    stage.press("t");
    assert!(matches!(stage.effects.last(), Some(Effect::Export { text, .. }) if text.contains("customers_to_crm")));
}

#[test]
fn a_file_that_can_not_be_written_is_said_to_be_incomplete() {
    let mut stage = stage();
    stage.press("2 enter E j");
    stage.send(Msg::Exported(Ok("a.json".to_owned())));
    stage.send(Msg::Exported(Err("no space left".to_owned())));
    assert!(stage.shows("the view could not be written: no space left"), "{}", stage.text());
    assert!(stage.shows("a.json holds the first"), "{}", stage.text());
}

#[test]
fn the_request_is_copied_as_a_command_without_a_secret_and_without_what_is_hidden() {
    let mut stage = stage();
    stage.press("2 enter y c");
    let Some(Effect::Copy { text, .. }) = stage.effects.last() else { panic!("{:?}", stage.effects) };
    assert!(text.starts_with("curl -X PUT https://crm.example.com/v2/contacts/7 \\\n"), "{text}");
    assert!(text.contains("-H \"authorization: Bearer $TOKEN\""), "{text}");
    assert!(text.contains("O'\\''Neil"), "{text}");
    assert!(text.contains("[redacted]") && !text.contains("1234567"), "{text}");
}

#[test]
fn control_characters_in_a_copy_are_warned_of_and_copied_escaped() {
    let mut stage = stage();
    stage.world.letter.letter.reason.answer = Some("a\u{1b}[2Jb".to_owned());
    stage.press("2 enter y a");
    let Some(Effect::Copy { what, text }) = stage.effects.last().cloned() else { panic!("{:?}", stage.effects) };
    stage.send(Msg::Copied(Copied { what, bytes: text.len(), how: Ok("OSC 52") }));
    assert!(stage.shows("it has control characters") && stage.shows("y! copies it escaped"), "{}", stage.text());
    stage.press("y !");
    assert!(matches!(stage.effects.last(), Some(Effect::Copy { text, .. }) if text == "a\\u{1b}[2Jb"));
}

#[test]
fn all_idle_jobs_are_run_only_after_yes() {
    let mut stage = stage();
    stage.press("N");
    stage.later(200);
    assert!(stage.orders().is_empty());
    stage.press("y");
    let orders = stage.orders();
    let [Request::Trigger { jobs }] = orders.as_slice() else { panic!("{orders:?}") };
    assert!(!jobs.is_empty() && !jobs.contains(&"invoices_backfill".into()), "{jobs:?}");
}

#[test]
fn the_causes_are_sorted_the_other_way_round() {
    let mut stage = stage();
    stage.press("2");
    let first = stage.app.dead.selected_group().map(|group| group.id);
    stage.press("S");
    assert_ne!(stage.app.dead.selected_group().map(|group| group.id), first);
    assert!(stage.shows("sort: count ↑"), "{}", stage.text());
}

#[test]
fn a_suspension_is_offered_only_where_no_job_would_freeze() {
    let mut stage = stage();
    stage.press("ctrl-z");
    assert!(!stage.effects.contains(&Effect::Suspend));
    assert!(stage.shows("keep them going in the background"), "{}", stage.text());
    stage.press("esc");
    stage.send(Msg::Attachment(Attachment::Attached(Host { pid: 7, ..Host::default() })));
    stage.press("esc ctrl-z");
    assert!(stage.effects.contains(&Effect::Suspend));
}

#[test]
fn a_key_at_a_finding_is_meant_for_its_job() {
    let mut stage = stage();
    stage.press("! p");
    assert_eq!(stage.orders(), [&Request::Resume { jobs: vec!["tickets_to_wh".into()] }]);
}

#[test]
fn a_message_does_not_move_the_list_under_the_cursor() {
    let mut stage = stage();
    fail(&mut stage, 3);
    stage.press("` down");
    fail(&mut stage, 1);
    stage.press("y");
    assert!(matches!(stage.effects.last(), Some(Effect::Copy { text, .. }) if text.contains("no room for 1")));
}
