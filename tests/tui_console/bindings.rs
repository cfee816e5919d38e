//! Keys that a person has changed: what they do, and that the screen names them.

use crate::stage::{Stage, world};
use syncdeck::control::Request;
use syncdeck::tui::Settings;
use syncdeck::tui::keymap::{Choice, Keymap};
use syncdeck::tui::text::Symbols;

fn stage(choices: &[(&str, &[&str])]) -> Stage {
    let choice = |(action, keys): &(&str, &[&str])| Choice {
        context: None,
        action: (*action).to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        place: "syncdeck.toml:1:1".to_owned(),
    };
    let choices: Vec<Choice> = choices.iter().map(choice).collect();
    let keymap = Keymap::with(&choices).expect("no clash");
    Stage::set(world(), 120, 36, Symbols::Unicode, Settings { keymap, ..Settings::default() })
}

#[test]
fn a_changed_key_does_what_the_old_one_did_and_the_old_one_nothing() {
    let mut stage = stage(&[("run_now", &["t"])]);
    stage.press("j n");
    assert!(stage.orders().is_empty());
    assert!(stage.shows("n to the next line in which it is found in Logs; you are in Jobs"));
    stage.press("t");
    assert_eq!(stage.orders(), [&Request::Trigger { jobs: vec!["customers_to_crm".into()] }]);
}

#[test]
fn help_hints_tabs_and_messages_name_the_changed_keys() {
    let mut stage = stage(&[
        ("run_now", &["t"]),
        ("let_in", &["i"]),
        ("show_dead", &["D"]),
        ("quit", &["Q"]),
        ("undo", &["ctrl-y"]),
        ("attention", &["F"]),
        ("reveal", &["I"]),
    ]);
    assert!(stage.shows(" t run now"), "{}", stage.text());
    assert!(stage.shows("D Dead letters"));
    assert!(stage.shows("Q quit"));
    assert!(stage.shows("F goes there"));
    stage.press("j p enter");
    assert!(stage.shows("[Ctrl-Y undo]"), "{}", stage.text());
    stage.press("?");
    stage.type_text("runs the job");
    assert!(stage.shows("t                 runs the job now"), "{}", stage.text());
    stage.press("esc D");
    stage.world.groups[0].waiting += 3;
    stage.world.snapshot.jobs[0].dead_waiting += 3;
    stage.later(5_000);
    stage.publish();
    assert!(stage.shows("press i to show them"), "{}", stage.text());
}

#[test]
fn the_panes_of_the_runs_and_of_the_letters_name_the_changed_keys() {
    let mut stage = stage(&[
        ("run_now", &["f5"]),
        ("mark", &["V"]),
        ("compare_pair", &["Q"]),
        ("filter", &["F"]),
        ("dead_of_job", &["g D"]),
        ("logs_of_job", &["g L"]),
        ("checkpoints_of_job", &["g C"]),
        ("open", &["f7"]),
        ("next_pane", &["f6"]),
    ]);
    stage.press("5");
    assert!(stage.shows("(F filters: words"), "{}", stage.text());
    assert!(stage.shows("gD dead letters   gL log   gC checkpoints"), "{}", stage.text());
    stage.press("Q");
    assert!(stage.shows("mark two runs with V, then Q; 0 marked"), "{}", stage.text());
    stage.app.size = (80, 24);
    stage.press("down");
    assert!(stage.shows("F6 compares · F7 more"), "{}", stage.text());
    stage.press("6");
    assert!(stage.shows("F6 answers · F7 more"), "{}", stage.text());
    stage.press("2");
    assert!(stage.shows("(F filters)"), "{}", stage.text());
}

#[test]
fn an_unbound_action_is_in_no_hint_and_no_help() {
    let mut stage = stage(&[("stop_run", &[])]);
    assert!(!stage.shows("stop run"));
    stage.press("j X");
    assert!(stage.shows("X discards all that match the filter in Dead letters"), "{}", stage.text());
    stage.press("?");
    assert!(!stage.shows("stops the run"));
}

#[test]
fn quit_and_help_stay_at_the_bottom_at_every_width() {
    for width in [60, 70, 80, 100, 130] {
        let mut stage = Stage::new(world(), width, 24);
        for walk in ["", "2", "enter", "4", "7"] {
            stage.press(walk);
            let text = stage.text();
            let last = text.lines().last().expect("a line");
            assert!(last.contains("q quit") && last.contains("? help"), "{width}: {last}");
        }
    }
}
