//! What the README shows is what the program takes.

use std::path::Path;
use syncdeck::config::{KeyChoice, parse};
use syncdeck::tui::keymap::{Choice, Keymap};

/// The README's secret from a file, which is not here, and one that is.
const FILE_SECRET: (&str, &str) = ("${file:shop.password}", "${SHOP_PASSWORD}");

const README: &str = include_str!("../README.md");

fn examples() -> Vec<&'static str> {
    README.split("```toml\n").skip(1).map(|rest| rest.split("```").next().expect("split gives one")).collect()
}

fn env(name: &str) -> Option<String> {
    Some(if name == "XDG_STATE_HOME" { "/nowhere/state" } else { "a-secret" }.to_owned())
}

fn choice(choice: &KeyChoice) -> Choice {
    let KeyChoice { context, action, keys, .. } = choice.clone();
    Choice { context, action, keys, place: String::new() }
}

#[test]
fn every_configuration_of_the_readme_is_right() {
    assert_eq!(examples().len(), 3);
    for example in examples() {
        // The files that it would include are not here.
        let example: String =
            example.lines().filter(|line| !line.starts_with("include")).flat_map(|line| [line, "\n"]).collect();
        let config =
            parse(&example, Path::new("/nowhere/syncdeck.toml"), &env).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let choices: Vec<Choice> = config.console.keys.iter().map(choice).collect();
        assert!(Keymap::with(&choices).is_ok(), "{:?}", Keymap::with(&choices));
    }
}

#[test]
fn what_the_readme_leaves_in_comments_is_right_too() {
    let whole = examples()[2];
    for line in whole.lines().filter_map(|line| line.strip_prefix("# ")) {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        let shown = |candidate: &&str| candidate.split_once(" = ").is_some_and(|(known, _)| known == key);
        let shown = whole.lines().find(shown);
        let line = line.replace(FILE_SECRET.0, FILE_SECRET.1);
        let example = match shown {
            Some(shown) => whole.replacen(shown, &line, 1),
            None => whole.replace(&format!("# {line}"), &line),
        };
        let example: String =
            example.lines().filter(|line| !line.starts_with("include")).flat_map(|line| [line, "\n"]).collect();
        parse(&example, Path::new("/nowhere/syncdeck.toml"), &env)
            .unwrap_or_else(|mistakes| panic!("{line}: {mistakes}"));
    }
}
