//! No key is mute: each that the help lists does something or says why not, and each other says where it means something.

use crate::stage::{Stage, world};
use syncdeck::tui::keymap::{Context, Keymap};

const SIZES: [(u16, u16); 2] = [(120, 36), (80, 24)];

/// Each screen with the keys that lead to it, and to where there is something before and after the selection.
const SCREENS: [(Context, &str); 10] = [
    (Context::Jobs, "j"),
    (Context::Job, "j enter"),
    (Context::Dead, "2"),
    (Context::Letters, "2 enter down down"),
    (Context::Conflicts, "3"),
    (Context::Checkpoints, "4 down"),
    (Context::Runs, "5 down"),
    (Context::Connections, "6"),
    (Context::Logs, "7 up"),
    (Context::Why, "2 enter w"),
];

fn at(walk: &str, (width, height): (u16, u16)) -> Stage {
    let mut stage = Stage::new(world(), width, height);
    stage.press(walk);
    // What the way here said is gone.
    stage.later(10_000);
    stage.asked.clear();
    stage.effects.clear();
    stage
}

/// True when the key changed the frame, asked or ordered something, or was answered by the terminal.
fn is_heard(walk: &str, size: (u16, u16), key: &str) -> bool {
    let mut stage = at(walk, size);
    let before = stage.text();
    stage.press(key);
    stage.text() != before || !stage.asked.is_empty() || !stage.effects.is_empty() || stage.left.is_some()
}

#[test]
fn every_key_that_the_help_lists_does_something_or_says_why_not() {
    let keymap = Keymap::default();
    let mut mute = Vec::new();
    for size in SIZES {
        for (context, walk) in SCREENS {
            assert_eq!(at(walk, size).app.screen.context(), context, "{walk} leads there");
            let rows = keymap.rows().iter().filter(|row| [context, Context::Everywhere].contains(&row.context));
            for (row, key) in rows.flat_map(|row| row.keys.iter().map(move |key| (row, key))) {
                // The lit tab leads to where one is.
                if !row.action.name().starts_with("show_") && !is_heard(walk, size, key) {
                    mute.push(format!("{size:?} {}: {key} ({})", context.place(), row.action.name()));
                }
            }
        }
    }
    assert!(mute.is_empty(), "{mute:#?}");
}

#[test]
fn every_key_that_means_nothing_says_so() {
    let keymap = Keymap::default();
    let mut mute = Vec::new();
    for (context, walk) in SCREENS {
        let chain = [context, Context::Everywhere, Context::Move];
        let letters = (b'!'..=b'~').map(|letter| char::from(letter).to_string());
        let means_nothing = |key: &String| keymap.find(&chain, key).is_none() && !keymap.is_prefix(&chain, key);
        let unheard = letters.filter(means_nothing).filter(|key| !is_heard(walk, SIZES[0], key));
        mute.extend(unheard.map(|key| format!("{}: {key}", context.place())));
    }
    assert!(mute.is_empty(), "{mute:#?}");
}
