//! A theme of one's own is a file beside the configuration, and what is wrong with it is told with its place.

use std::path::Path;
use syncdeck::config::{ThemeChoice, load};

/// Reads a configuration whose theme is `theme`, beside a file of that name with `text` in it.
fn read(theme: &str, text: Option<&str>) -> Result<ThemeChoice, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("syncdeck.toml");
    let config = format!("[workspace]\nstate = \"state\"\n[console]\ntheme = \"{theme}\"\n");
    std::fs::write(&path, config).expect("written");
    if let Some(text) = text {
        std::fs::write(folder.path().join(theme), text).expect("written");
    }
    let told =
        |mistakes: syncdeck::config::Mistakes| mistakes.to_string().replace(&folder.path().display().to_string(), "");
    load(Path::new(&path), &|_| None).map(|config| config.console.theme).map_err(told)
}

#[test]
fn a_name_needs_no_file() {
    assert_eq!(read("cvd", None), Ok(ThemeChoice::Named("cvd".to_owned())));
}

#[test]
fn a_file_gives_its_lines_with_their_places() {
    let theme = read("mine.toml", Some("on = \"light\"\nok = \"#1e6b22\"\n")).expect("it is right");
    let ThemeChoice::Own(lines) = theme else { panic!("{theme:?}") };
    let found: Vec<_> = lines.iter().map(|line| (line.name.as_str(), line.value.as_str(), line.spot.line)).collect();
    assert_eq!(found, [("on", "light", 1), ("ok", "#1e6b22", 2)]);
}

#[test]
fn a_file_that_is_not_there_is_told_with_the_names_that_are() {
    let told = read("nord", None).expect_err("a mistake");
    assert!(told.starts_with("/syncdeck.toml:4:9: `nord` is no theme, and `/nord` can not be read"), "{told}");
    assert!(told.contains("hint: `auto`, `term`, `cvd`, `dark`, `light` and `mono`, or a file"), "{told}");
}

#[test]
fn a_meaning_that_is_none_is_told_in_its_own_file() {
    let told = read("mine.toml", Some("okay = \"cyan\"\n")).expect_err("a mistake");
    assert!(told.starts_with("/mine.toml:1:1: unknown key `okay`"), "{told}");
}
