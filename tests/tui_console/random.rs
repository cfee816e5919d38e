//! Keys without sense at sizes without sense: nothing breaks, Esc leads home and never out.

use crate::stage::{Stage, key_event, world};
use proptest::prelude::*;
use syncdeck::tui::keymap::KEYMAP;
use syncdeck::tui::screens::Screen;
use syncdeck::tui::{Left, Msg};

/// All keys that the keymap knows, and some that it does not.
fn keys() -> Vec<String> {
    let known = KEYMAP.iter().flat_map(|row| row.keys).flat_map(|key| key.split(' ')).map(str::to_owned);
    let mut keys: Vec<String> = known.chain(["a", "9", "backspace", "ctrl-w"].map(str::to_owned)).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[derive(Clone, Debug)]
pub enum Step {
    Key(String),
    Size(u16, u16),
    Later(u64),
    Publish,
    Paste,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => prop::sample::select(keys()).prop_map(Step::Key),
        1 => (1_u16..130, 1_u16..50).prop_map(|(width, height)| Step::Size(width, height)),
        1 => (0_u64..5_000).prop_map(Step::Later),
        1 => Just(Step::Publish),
        1 => Just(Step::Paste),
    ];
    prop::collection::vec(step, 1..60)
}

pub fn walk(stage: &mut Stage, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Key(key) => stage.send(Msg::Key(key_event(key))),
            Step::Size(width, height) => stage.send(Msg::Resize(*width, *height)),
            Step::Later(milliseconds) => stage.later(*milliseconds),
            Step::Publish => {
                stage.world.snapshot.notices += 1;
                stage.publish();
            }
            Step::Paste => stage.send(Msg::Paste("state:all\nq".to_owned())),
        }
        let _ = stage.frame();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_keys_at_no_size_break_anything(steps in steps()) {
        let mut stage = Stage::new(world(), 80, 24);
        walk(&mut stage, &steps);
    }

    #[test]
    fn escape_leads_to_the_jobs_in_six_presses_and_never_out(steps in steps()) {
        let mut stage = Stage::new(world(), 120, 36);
        walk(&mut stage, &steps);
        stage.send(Msg::Resize(80, 24));
        stage.left = None;
        for _ in 0..6 {
            stage.press("esc");
        }
        prop_assert_eq!(stage.left, None::<Left>);
        prop_assert_eq!(stage.app.screen, Screen::Jobs);
        prop_assert!(stage.app.overlay.is_none() && stage.app.typing.is_none());
    }
}

#[test]
fn every_screen_is_drawn_at_every_size() {
    for walk in [
        "",
        "z",
        "j enter",
        "2",
        "2 enter",
        "2 enter enter",
        "4",
        "7 enter",
        "?",
        "2 R",
        "2 x",
        "q",
        "`",
        ":",
        ": @",
        "m",
        "2 m",
    ] {
        let mut stage = Stage::new(world(), 120, 36);
        stage.press(walk);
        for width in (1..=130).step_by(3) {
            for height in (1..=50).step_by(2) {
                stage.send(Msg::Resize(width, height));
                let _ = stage.frame();
            }
        }
    }
}
