//! A read-only console: everything is shown, nothing is changed, and a key that would says why.

use crate::random::{steps, walk};
use crate::stage::{Stage, world};
use proptest::prelude::*;
use syncdeck::tui::keymap::KEYMAP;

fn stage(width: u16, height: u16) -> Stage {
    let mut stage = Stage::new(world(), width, height);
    stage.app.settings.is_read_only = true;
    stage
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_ever_leaves_a_read_only_console(steps in steps()) {
        let mut stage = stage(120, 36);
        walk(&mut stage, &steps);
        prop_assert!(stage.asked.iter().all(|request| !request.changes()), "{:?}", stage.asked);
    }
}

#[test]
fn each_key_that_changes_data_says_why_it_does_not() {
    for walk in ["", "j enter", "2", "2 enter", "4", "7"] {
        for row in KEYMAP.iter().filter(|row| row.action.changes_data()) {
            let mut stage = stage(120, 36);
            stage.press(walk);
            if row.context != stage.app.screen.context() && row.context != syncdeck::tui::keymap::Context::Everywhere {
                continue;
            }
            stage.press(row.keys[0]);
            assert!(stage.shows("read-only: this screen changes nothing"), "{walk} {:?}: {}", row.keys, stage.text());
            assert!(stage.app.overlay.is_none(), "no dialog opens for what can not be done");
            assert!(stage.orders().is_empty());
        }
    }
}

#[test]
fn the_header_says_it_at_every_size() {
    for (width, height) in [(120, 36), (80, 24), (60, 15)] {
        let stage = stage(width, height);
        let text = stage.text();
        assert!(text.lines().next().is_some_and(|header| header.contains("READ-ONLY")), "{text}");
    }
}
