//! No key is mute: each that the help lists does something or says why not, and each other says where it means something.

use crate::customer::customer;
use crate::stage::{Stage, world};
use syncdeck::tui::keymap::{Context, Keymap};
use syncdeck::tui::text::Symbols;

const SIZES: [(u16, u16); 2] = [(120, 36), (80, 24)];

/// Each screen with the keys that lead to it, and to where there is something before and after the selection.
const SCREENS: [(Context, &str); 11] = [
    (Context::Jobs, "j"),
    (Context::Job, "j enter"),
    (Context::Customer, "down"),
    (Context::Dead, "2"),
    (Context::Letters, "2 enter down down"),
    (Context::Conflicts, "3"),
    (Context::Checkpoints, "4 down"),
    (Context::Runs, "5 down"),
    (Context::Connections, "6"),
    (Context::Logs, "7 up"),
    (Context::Why, "2 enter w"),
];

fn at(context: Context, walk: &str, (width, height): (u16, u16)) -> Stage {
    let mut stage = match context {
        // A customer needs a world that has some.
        Context::Customer => customer(width, height, Symbols::Unicode),
        _ => Stage::new(world(), width, height),
    };
    stage.press(walk);
    // What the way here said is gone.
    stage.later(10_000);
    stage.asked.clear();
    stage.effects.clear();
    stage
}

#[test]
fn every_key_that_the_help_lists_does_something_or_says_why_not() {
    let keymap = Keymap::default();
    let mut mute = Vec::new();
    for size in SIZES {
        for (context, walk) in SCREENS {
            let start = at(context, walk, size);
            assert_eq!(start.app.screen.context(), context, "{walk} leads there");
            let before = start.text();
            let is_meant = |of: Context| of == context || (of == Context::Everywhere && size == SIZES[0]);
            let rows = keymap.rows().iter().filter(|row| is_meant(row.context));
            // The lit tab leads to where one is.
            let rows = rows.filter(|row| !row.action.name().starts_with("show_"));
            for (row, key) in rows.flat_map(|row| row.keys.iter().map(move |key| (row, key))) {
                let mut stage = at(context, walk, size);
                stage.press(key);
                let is_answered = !stage.asked.is_empty() || !stage.effects.is_empty() || stage.left.is_some();
                if !is_answered && stage.text() == before {
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
        let mut stage = at(context, walk, SIZES[0]);
        for key in letters.filter(means_nothing) {
            stage.press(&key);
            let told = stage.app.line.as_ref().map(|(message, _)| message.text.clone());
            if !told.is_some_and(|text| text.starts_with(&key)) {
                mute.push(format!("{}: {key}", context.place()));
            }
        }
    }
    assert!(mute.is_empty(), "{mute:#?}");
}
