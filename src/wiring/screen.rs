//! What the configuration says about the console, made into what the console takes.

use crate::cli::commands::keys::Bound;
use crate::config::{ConsoleConfig, KeyChoice, Mistake, Mistakes};
use crate::tui::keymap::{Choice, Keymap, label};

/// The keys in force; all that is wrong with those that the configuration chose.
pub(super) fn keymap(console: &ConsoleConfig) -> Result<Keymap, Mistakes> {
    let choice = |choice: &KeyChoice| Choice {
        context: choice.context.clone(),
        action: choice.action.clone(),
        keys: choice.keys.clone(),
        place: format!("{}:{}:{}", choice.spot.file, choice.spot.line, choice.spot.column),
    };
    let choices: Vec<Choice> = console.keys.iter().map(choice).collect();
    Keymap::with(&choices).map_err(|problems| {
        let told = problems.into_iter().map(|problem| Mistake {
            problem: problem.text,
            hint: problem.hint,
            ..console.keys[problem.choice].spot.clone()
        });
        Mistakes(told.collect())
    })
}

/// The keys as the command line lists them.
pub(super) fn bound(keymap: &Keymap) -> Vec<Bound> {
    let bound = |row: &crate::tui::keymap::Row| Bound {
        place: row.context.into(),
        action: row.action.name(),
        keys: row.keys.clone(),
        shown: row.keys.iter().map(|key| label(key)).collect(),
        words: row.words,
    };
    keymap.rows().iter().map(bound).collect()
}
