//! Lists: one filter language, marks, ranges, bulk actions by description, find in the log.

use crate::stage::{NOW, Stage, ago, world};
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::model::*;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Effect, Settings};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];

fn stage() -> Stage {
    Stage::new(world(), 120, 36)
}

fn pictures(name: &str, keys: &str, world: impl Fn() -> crate::stage::World) {
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

/// A world in which a careful retry ended early.
fn retried() -> crate::stage::World {
    let mut world = world();
    world.bulks = vec![BulkRetry {
        number: 3,
        job: "customers_to_crm".into(),
        by: Actor::person("ada", Via::Console),
        at: ago(3_000),
        what: "422 email already in use".to_owned(),
        total: 1_042,
        causes: Vec::new(),
        per_minute: 180,
        stage: BulkStage::Ended { stopped: Some("a new kind of error came: 422 quota".to_owned()) },
        recovered: 311,
        failed: 4,
        needless: 2,
        failed_in_a_row: 1,
        passed_at: Some(ago(2_999)),
        ended_at: Some(ago(2_700)),
        failed_as: vec![FailedAs { group: GroupId(0xa1), title: "422 quota".to_owned(), letters: 4 }],
    }];
    world
}

#[test]
fn the_new_panes() {
    pictures("jobs_marked", "space space", world);
    pictures("dead_marked", "2 space down space", world);
    pictures("dead_flat", "2 v", world);
    pictures("runs_careful", "5 down down", retried);
    pictures("logs_found", "7 / 4 2 9 enter", world);
    pictures("budget", "6 b", world);
    pictures("sign_in", "6 a", world);
}

#[test]
fn checkpoints_are_narrowed_by_the_engine_and_a_wrong_word_empties_nothing() {
    let mut stage = stage();
    stage.press("4 /").type_text("errored:>0 since:2h");
    let Request::Checkpoints { terms, .. } = stage.last_asked() else { panic!("{:?}", stage.last_asked()) };
    assert_eq!(terms.len(), 2);
    stage.press("esc /");
    stage.type_text("kind:odd");
    assert!(stage.shows("kind: needs page, rewind or import"), "{}", stage.text());
    assert!(!stage.shows("No checkpoint matches"), "{}", stage.text());
}

#[test]
fn connections_are_narrowed_too() {
    let mut stage = stage();
    stage.press("6 /").type_text("hub").press("enter");
    assert!(stage.shows("/ hub") && stage.shows("1 · worst first"), "{}", stage.text());
    stage.press("esc");
    assert!(!stage.shows("1 · worst first"));
}

#[test]
fn marked_jobs_are_paused_run_and_stopped_together() {
    let mut stage = stage();
    stage.press("j space space n");
    let Request::Trigger { jobs } = stage.last_asked() else { panic!("{:?}", stage.last_asked()) };
    assert_eq!(jobs.len(), 2);
    stage.press("p").type_text("deploy").press("enter");
    let Request::Pause { jobs, .. } = stage.last_asked() else { panic!("{:?}", stage.last_asked()) };
    assert!(!jobs.is_empty() && jobs.len() <= 2);
    stage.press("esc *");
    assert!(stage.shows("marked all 6 jobs that match"), "{}", stage.text());
    stage.press("X");
    assert!(stage.shows("Stop 3 runs?") || stage.shows("Stop 2 runs?"), "{}", stage.text());
    stage.press("esc *");
    assert!(stage.shows("nothing is marked"));
}

#[test]
fn marked_causes_are_one_selection_by_description() {
    let mut stage = stage();
    stage.press("2 shift-down R");
    stage.later(200);
    stage.press("y");
    let orders = stage.orders();
    let [Request::RetryCarefully { selection: Selection::Matching(filter), .. }] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!((filter.groups.len(), filter.group), (2, None));
    assert!(filter.up_to.is_some(), "what comes later is not meant");
}

#[test]
fn letters_taken_out_of_all_that_match_are_told_as_exceptions() {
    let mut stage = stage();
    stage.press("2 enter * space space x 1");
    stage.later(200);
    assert!(stage.shows("Type the number"), "{}", stage.text());
    let Some(Request::DeadIds { filter, .. }) =
        stage.asked.iter().rev().find(|asked| matches!(asked, Request::DeadIds { .. }))
    else {
        panic!("the engine counts: {:?}", stage.asked)
    };
    assert_eq!(filter.except, [DeadLetterId(1_041), DeadLetterId(1_042)]);
}

#[test]
fn shift_and_an_arrow_mark_a_range() {
    let mut stage = stage();
    stage.press("2 enter shift-down shift-down");
    assert!(stage.shows("■ 3 marked"), "{}", stage.text());
    stage.press("shift-up");
    assert!(stage.shows("■ 3 marked"), "a range only grows");
}

#[test]
fn a_capital_x_discards_all_that_match_with_their_number_typed() {
    let mut stage = stage();
    stage.press("2 X 2");
    assert!(stage.shows("all dead letters that wait, of all jobs"), "{}", stage.text());
    stage.press("ctrl-s");
    assert!(stage.orders().is_empty() && stage.shows("type the number 1,042"), "{}", stage.text());
    stage.type_text("1042").press("ctrl-s");
    let orders = stage.orders();
    let [Request::Discard { selection: Selection::Matching(filter), .. }] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!((&filter.job, filter.group, filter.places.as_slice()), (&None, None, &[LetterPlace::Waiting][..]));
}

#[test]
fn v_lists_the_letters_of_all_causes_and_goes_back_to_the_causes() {
    let mut stage = stage();
    stage.press("2 v");
    assert!(stage.shows("Dead letters › all causes") && stage.shows("CAUSE"), "{}", stage.text());
    stage.press("v");
    assert!(stage.shows("Dead letters by cause"), "{}", stage.text());
}

#[test]
fn o_asks_both_systems_for_the_record_that_the_complaint_names() {
    let mut named = world();
    named.letter.letter.reason.message = "already exists. Existing ID: 5518".to_owned();
    let mut stage = Stage::new(named, 120, 36);
    stage.press("2 enter o");
    let asked = Request::Why { job: Some("customers_to_crm".into()), key: "5518".to_owned(), live: true };
    assert_eq!(stage.last_asked(), &asked);
    assert!(stage.orders().is_empty(), "it only looks");
    stage.press("esc");
    assert!(stage.shows("Dead letters ›"), "{}", stage.text());
}

#[test]
fn a_careful_retry_is_a_row_among_the_runs_and_leads_to_what_failed_again() {
    let mut stage = Stage::new(retried(), 120, 36);
    stage.press("5 down down");
    assert!(stage.shows("Careful retry of customers_to_crm") && stage.shows("4 × 422 quota"), "{}", stage.text());
    assert!(stage.shows("1,042 = 311 recovered + 2 needed nothing + 4"), "{}", stage.text());
    assert!(stage.shows("failed again + 725 not sent"), "{}", stage.text());
    stage.press("X");
    assert!(stage.shows("this retry has ended"));
    stage.press("/").type_text("kind:careful").press("enter");
    assert!(stage.shows("1 · newest first"), "{}", stage.text());
    stage.press("g d");
    let Request::DeadGroups { filter } = stage.last_asked() else { panic!("{:?}", stage.last_asked()) };
    assert_eq!((filter.group, filter.job.as_ref()), (Some(GroupId(0xa1)), Some(&"customers_to_crm".into())));
    assert!(stage.shows("since:"), "{}", stage.text());
}

#[test]
fn an_open_careful_retry_is_stopped_in_the_runs() {
    let mut going = retried();
    going.bulks[0].stage = BulkStage::Rest;
    going.bulks[0].ended_at = None;
    let mut stage = Stage::new(going, 120, 36);
    stage.press("5 down down X");
    assert_eq!(stage.orders(), [&Request::StopRetry { job: "customers_to_crm".into() }]);
}

#[test]
fn text_is_found_in_the_log_forwards_backwards_and_in_quotes_without_colour() {
    let mut stage = Stage::with(world(), 120, 36, Symbols::Ascii);
    stage.press("7 /").type_text("422").press("enter");
    assert!(stage.shows("1 match") && stage.shows("<422>"), "{}", stage.text());
    stage.press("n");
    assert!(stage.shows("from the first line again"), "{}", stage.text());
    stage.press("esc n");
    assert!(stage.shows("nothing is looked for"), "{}", stage.text());
    stage.press("/").type_text("no such text").press("enter n");
    assert!(stage.shows("not in the 7 lines read so far; & looks through all"), "{}", stage.text());
}

#[test]
fn the_log_is_filtered_with_an_ampersand_and_found_text_stays() {
    let mut stage = stage();
    stage.press("7 &").type_text("429").press("enter");
    let Request::Logs { filter, .. } = stage.last_asked() else { panic!("{:?}", stage.last_asked()) };
    assert_eq!(filter.words, ["429"]);
    assert!(stage.shows("& 429"), "{}", stage.text());
}

#[test]
fn times_of_the_log_are_utc_local_or_as_how_long_ago() {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
    let settings = Settings { zone: Some(zone), ..Settings::default() };
    let mut world = world();
    world.logs.iter_mut().for_each(|notice| notice.at = NOW.minus(Duration::from_secs(120)));
    let mut stage = Stage::set(world, 120, 36, Symbols::Unicode, settings);
    stage.press("7");
    assert!(stage.shows(" 14:30:07 "), "{}", stage.text());
    stage.press("t");
    assert!(stage.shows(" 16:30:07 "), "{}", stage.text());
    stage.press("t");
    assert!(stage.shows(" 2m ago "), "{}", stage.text());
}

#[test]
fn a_line_of_the_log_is_copied_as_json() {
    let mut stage = stage();
    stage.press("7 y p");
    let Some(Effect::Copy { text, .. }) = stage.effects.last() else { panic!("{:?}", stage.effects) };
    assert!(text.contains("\"event\"") && serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
}

#[test]
fn a_lower_budget_is_ordered_with_its_reason_and_undone() {
    let mut stage = stage();
    stage.press("6 b").type_text("60 per soon").press("enter");
    assert!(stage.orders().is_empty() && stage.shows("is no span of time"), "{}", stage.text());
    stage.press("ctrl-u").type_text("60 per 1m").press("tab").type_text("month end").press("ctrl-s");
    let budget = CallBudget { requests: 60, per_ms: 60_000 };
    let wanted = Request::LowerBudget {
        connection: "hubspot".into(),
        budget: Some(budget),
        reason: Some("month end".to_owned()),
    };
    assert_eq!(stage.last_asked(), &wanted);
    stage.press("u");
    assert!(matches!(stage.last_asked(), Request::LowerBudget { budget: None, .. }));
    let by = Actor::person("ada", Via::Console);
    let lowered = LowBudget { budget, by, since: ago(60), reason: Some("month end".to_owned()) };
    stage.world.snapshot.connections.iter_mut().for_each(|connection| connection.lowered = Some(lowered.clone()));
    stage.publish();
    assert!(stage.shows("to 60 calls in 1m 1m ago by ada “month end”"), "{}", stage.text());
}

#[test]
fn the_chart_goes_back_a_day_and_marks_what_happened() {
    let mut world = world();
    world.snapshot.jobs.iter_mut().for_each(|job| job.rate = 12.0);
    let marks = vec![
        HistoryMark { at: ago(2_400), what: Happening::Restart },
        HistoryMark { at: ago(600), what: Happening::Throttled },
    ];
    world.history = History { minutes: (1..=40).map(|n| n * 60).collect(), until: NOW, marks };
    let mut stage = Stage::new(world, 120, 36);
    stage.press("j enter - -");
    assert_eq!(stage.last_asked(), &Request::History { job: Some("customers_to_crm".into()) });
    assert!(stage.shows("40m of 6h") && stage.shows("↑429") && stage.shows("peak 40 rec/s"), "{}", stage.text());
    stage.press("+ + + +");
    assert!(stage.shows("five minutes is the shortest") && stage.shows("5m · peak"), "{}", stage.text());
}

#[test]
fn a_frozen_job_stands_still_until_it_is_live_again() {
    let mut stage = stage();
    stage.press("j enter .");
    assert!(stage.shows("‖ frozen"), "{}", stage.text());
    let job = stage.world.snapshot.jobs.iter_mut().find(|job| job.id.as_str() == "customers_to_crm");
    job.expect("a job").in_flight = 4_711;
    stage.publish();
    assert!(!stage.shows("4,711"), "{}", stage.text());
    stage.press(".");
    assert!(stage.shows("4,711"), "{}", stage.text());
}

#[test]
fn gk_says_that_there_are_no_conflicts() {
    let mut stage = stage();
    stage.press("j g k");
    assert!(
        stage.shows("[3 Conflicts]") && stage.shows("there are none: every job here is one-way"),
        "{}",
        stage.text()
    );
}

#[test]
fn z_gives_one_pane_all_room_and_escape_takes_it_back() {
    for (width, height) in [(120, 36), (80, 24)] {
        for (keys, list, detail) in [
            ("2", "Dead letters by cause", "group 0000000000000001"),
            ("4", "newest first", "#1,86"),
            ("5", "newest first", "Run #219"),
            ("6", "worst first", "hubspot"),
        ] {
            let mut stage = Stage::new(world(), width, height);
            stage.press(keys);
            assert!(stage.shows(list), "{keys}: {}", stage.text());
            stage.press("z");
            assert!(!stage.shows(list) && stage.shows(detail), "{width}: {keys}: {}", stage.text());
            stage.press("esc");
            assert!(stage.shows(list), "{width}: {keys}: {}", stage.text());
            let before = stage.text();
            stage.press("z z");
            assert_eq!(stage.text(), before, "{width}: {keys}");
        }
    }
}

#[test]
fn z_gives_the_record_the_line_and_the_evidence_all_room() {
    let mut stage = stage();
    stage.press("2 enter z");
    assert!(!stage.shows("╭─ Records") && stage.shows("SENT TO"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.shows("╭─ Records"), "{}", stage.text());
    stage.press("7 z");
    assert!(!stage.shows("╭─ Logs") && stage.shows("Selected line"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.shows("╭─ Logs") && stage.shows("Selected line"), "the line stays open: {}", stage.text());
    stage.press("esc");
    assert!(stage.shows("╭─ Logs") && !stage.shows("Selected line"));
    stage.press("2 enter w z");
    assert!(stage.shows("there is no answer yet"), "{}", stage.text());
    stage.world.why = crate::why::of(crate::why::refused()).why;
    stage.press("1 2 enter w z");
    assert!(stage.shows("How we know") && !stage.shows("╭─ Answer"), "{}", stage.text());
    stage.press("tab");
    assert!(stage.shows("Its story") && !stage.shows("How we know"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.shows("How we know") && stage.shows("╭─ Answer"), "{}", stage.text());
}

#[test]
fn a_careful_retry_stands_among_the_runs_goes_on_before_ones_eyes_and_is_exported() {
    let mut world = retried();
    world.bulks[0].stage = BulkStage::Rest;
    world.bulks[0].ended_at = None;
    let mut stage = Stage::new(world, 120, 36);
    stage.press("5 down down");
    assert!(stage.shows("Careful retry of customers_to_crm") && stage.shows("311 recovered"), "{}", stage.text());
    let mut now = stage.world.bulks[0].clone();
    now.recovered = 640;
    stage.world.snapshot.retries = vec![now];
    stage.publish();
    assert!(stage.shows("640 recovered"), "its progress comes with the snapshot: {}", stage.text());
    stage.press("E c");
    let Some(Effect::Export { text, .. }) = stage.effects.last() else { panic!("{:?}", stage.effects) };
    let row = text.lines().find(|line| line.contains(",careful,")).unwrap_or_else(|| panic!("no retry in {text}"));
    assert!(row.starts_with(",customers_to_crm,careful,ada"), "{row}");
    assert!(row.ends_with(",646,,640,,2,0,4"), "scanned = updated + skipped + held + errored: {row}");
}

#[test]
fn where_no_letter_waits_it_is_said_when_the_last_one_was_recovered_if_that_is_known() {
    let mut empty = world();
    empty.groups.clear();
    empty.ids = (1..=40).rev().map(DeadLetterId).collect();
    let mut stage = Stage::new(empty, 120, 36);
    stage.press("2");
    assert!(stage.shows("No dead letters wait. The last one was recovered 14:31:07, by run #1."), "{}", stage.text());
    let mut many = world();
    many.groups.clear();
    let mut stage = Stage::new(many, 120, 36);
    stage.press("2");
    assert!(stage.shows("No dead letters wait.") && !stage.shows("last one"), "{}", stage.text());
    assert!(!stage.asked.iter().any(|asked| matches!(asked, Request::DeadRows { .. })));
}
