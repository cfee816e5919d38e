//! A million dead letters: only what is on the screen is read, and a frame costs what it costs with ten.

use crate::stage::{Stage, World, world};
use std::time::{Duration, Instant};
use syncdeck::control::Request;
use syncdeck::model::DeadLetterId;

const MILLION: u64 = 1_000_000;

fn million() -> Stage {
    let world = World { ids: (1..=MILLION).rev().map(DeadLetterId).collect(), ..world() };
    let mut stage = Stage::new(world, 120, 36);
    stage.press("2 enter");
    stage
}

#[test]
fn only_the_rows_around_the_screen_are_read() {
    let mut stage = million();
    stage.asked.clear();
    stage.press("G");
    let rows: Vec<usize> = stage
        .asked
        .iter()
        .filter_map(|request| match request {
            Request::DeadRows { ids } => Some(ids.len()),
            _ => None,
        })
        .collect();
    assert_eq!(rows.len(), 1);
    assert!(rows[0] <= 3 * 36, "{rows:?}");
    assert!(stage.shows("1,000,000/1,000,000") && stage.shows("cus_000001"), "{}", stage.text());
}

#[test]
fn a_list_that_was_cut_says_so() {
    let mut stage = million();
    stage.is_silent = true;
    let ids = stage.world.ids.clone();
    let effects =
        syncdeck::tui::update(&mut stage.app, stage.now, syncdeck::tui::Msg::Key(crate::stage::key_event(".")));
    for effect in effects {
        if let syncdeck::tui::Effect::Ask { generation, request: Request::DeadIds { .. } } = effect {
            let result = Ok(syncdeck::control::Answer::Ids { ids: ids.clone(), total: 3_200_000 });
            stage.send(syncdeck::tui::Msg::Answered { generation, result });
        }
    }
    assert!(stage.shows("first 1.00M of 3.20M"), "{}", stage.text());
}

#[test]
fn a_filter_that_takes_a_while_shows_nothing_that_may_not_match() {
    let mut stage = million();
    stage.is_silent = true;
    stage.press("/").type_text("Okafor").press("enter");
    assert!(stage.shows("asking the engine") && stage.shows("/ Okafor"), "{}", stage.text());
    assert!(!stage.shows("1,000,000") && !stage.shows("cus_1000000"), "{}", stage.text());
}

#[test]
fn a_discard_of_many_leads_to_the_field_that_is_missing() {
    let mut stage = million();
    stage.press("* x ctrl-s");
    assert!(stage.shows("choose a reason"), "{}", stage.text());
    stage.press("2 ctrl-s");
    assert!(stage.shows("type the number 1,000,000"), "{}", stage.text());
    stage.type_text("1000000").press("ctrl-s");
    assert!(matches!(stage.orders().last(), Some(Request::Discard { .. })), "{}", stage.text());
}

/// A bound that only a list that is walked whole would break: a frame takes well under a millisecond.
#[test]
fn scrolling_does_not_slow_down_with_the_list() {
    let mut stage = million();
    let started = Instant::now();
    for _ in 0..200 {
        stage.press("pgdn");
        let _ = stage.frame();
    }
    let each = started.elapsed() / 200;
    assert!(each < Duration::from_millis(60), "{each:?} for a page and its frame, unoptimised");
}

#[test]
fn all_of_a_million_are_marked_and_retried_by_their_description() {
    let mut stage = million();
    stage.press("* r");
    stage.later(200);
    stage.press("y");
    assert!(matches!(
        stage.orders()[0],
        Request::RetryCarefully { selection: syncdeck::model::Selection::Matching(_), .. }
    ));
}
