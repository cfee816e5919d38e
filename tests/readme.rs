//! What the README shows is what the program takes.

use std::path::Path;
use std::process::Command;
use syncdeck::config::{KeyChoice, parse};
use syncdeck::tui::keymap::{Choice, Keymap};
use toml::{Table, Value};

/// The README's secret from a file, which is not here, and one that is.
const FILE_SECRET: (&str, &str) = ("${file:shop.password}", "${SHOP_PASSWORD}");

const README: &str = include_str!("../README.md");

/// The heading behind which the configurations are parts, which a reader puts into one of their own.
const RECIPES: &str = "\n## Recipes\n";

fn blocks(text: &'static str) -> Vec<&'static str> {
    text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().expect("split gives one")).collect()
}

fn examples() -> Vec<&'static str> {
    blocks(README.split(RECIPES).next().expect("split gives one"))
}

fn recipes() -> Vec<&'static str> {
    let behind = README.split(RECIPES).nth(1).expect("there are recipes");
    blocks(behind.split("\n## ").next().expect("split gives one"))
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

/// Adds what a recipe leaves out: the usual connections, the id, a destination.
fn completed(recipe: &str) -> Table {
    let usual = |table: &mut Table, name: &str, value: &str| {
        table.entry(name).or_insert_with(|| Value::from(value));
    };
    let mut whole: Table = recipe.parse().expect("a recipe is TOML");
    let mut workspace = Table::new();
    usual(&mut workspace, "name", "recipes");
    whole.insert("workspace".to_owned(), Value::Table(workspace));
    let part = |table: &mut Table, name: &str| -> Table {
        let found = table.remove(name).unwrap_or_else(|| Value::Table(Table::new()));
        found.as_table().expect("a table").clone()
    };
    let mut connections = part(&mut whole, "connections");
    for name in ["shop", "crm"] {
        connections.entry(name).or_insert_with(|| Value::Table(Table::new()));
    }
    for (_, connection) in &mut connections {
        let connection = connection.as_table_mut().expect("a table");
        usual(connection, "type", "rest");
        usual(connection, "base_url", "https://system.example.com");
    }
    whole.insert("connections".to_owned(), Value::Table(connections));
    let mut jobs = part(&mut whole, "jobs");
    for (_, job) in &mut jobs {
        let job = job.as_table_mut().expect("a table");
        let (mut source, mut destination) = (part(job, "source"), part(job, "destination"));
        if !source.contains_key("gather") {
            usual(&mut source, "connection", "shop");
        }
        usual(&mut source, "id", "/id");
        usual(&mut destination, "connection", "crm");
        if !destination.contains_key("batch") {
            usual(&mut destination, "path", "/contacts/{{ id }}");
        }
        job.insert("source".to_owned(), Value::Table(source));
        job.insert("destination".to_owned(), Value::Table(destination));
    }
    whole.insert("jobs".to_owned(), Value::Table(jobs));
    whole
}

#[test]
fn check_accepts_every_recipe_without_a_warning() {
    assert_eq!(recipes().len(), 4);
    for recipe in recipes() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("syncdeck.toml"), completed(recipe).to_string()).expect("a configuration");
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncdeck"));
        command.args(["check", "--offline"]).current_dir(folder.path()).env_clear().env("HOME", folder.path());
        let secrets = recipe.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
        command.envs(secrets.map(|(name, _)| (name, "a-secret-of-the-test")));
        let output = command.output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.as_str()), (Some(0), ""), "{recipe}");
    }
}
