//! The house holds: rooms import only what stands to their left, and each outside crate is named in its room alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("store", &["model"]),
    ("connect", &["model"]),
    ("engine", &["model", "store", "connect"]),
    ("control", &["model", "store", "connect", "engine"]),
    ("tui", &["model", "control"]),
    ("cli", &["model", "control"]),
    ("sim", &["model", "connect"]),
    ("logging", &["model"]),
];

/// Outside crates that only some rooms may name.
const CRATES: &[(&str, &[&str])] = &[
    ("redb", &["store"]),
    ("reqwest", &["connect", "control"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("axum", &["sim", "control"]),
    ("hyper", &["connect"]),
    ("toml", &["config"]),
    ("tracing_appender", &["logging"]),
];

/// Files outside of the rooms, which wire them and may see everything.
const WIRING: &[&str] = &["lib.rs", "main.rs", "wiring", "wiring.rs"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room of a source file: its first folder, or its own name.
fn room_of(path: &Path) -> String {
    let relative = path.strip_prefix(root()).expect("a file under src");
    let first = relative.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    if WIRING.contains(&first.as_str()) { first } else { first.trim_end_matches(".rs").to_owned() }
}

/// The code of a file without comments, and without its unit tests, which may reach further.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a readable source");
    let name = path.file_name().expect("a file").to_string_lossy().into_owned();
    let relative = path.strip_prefix(root()).expect("a file under src");
    if name == "tests.rs"
        || name.ends_with("_tests.rs")
        || relative.components().any(|part| part.as_os_str() == "tests")
    {
        return String::new();
    }
    let text = text.split("#[cfg(test)]\n").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms that `code` names as `crate::room`, also inside of braces.
fn imported_rooms(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if ROOMS.iter().any(|(room, _)| *room == name) || name == "wiring" {
                rooms.insert(name);
            }
        }
    }
    rooms
}

#[test]
fn every_source_belongs_to_a_room() {
    for path in sources(&root()) {
        let room = room_of(&path);
        let is_known = ROOMS.iter().any(|(known, _)| *known == room) || WIRING.contains(&room.as_str());
        assert!(is_known, "{} belongs to no room: add its room to ROOMS", path.display());
    }
}

#[test]
fn rooms_import_only_what_stands_to_their_left() {
    let mut imports = 0;
    for path in sources(&root()) {
        let room = room_of(&path);
        let Some((_, allowed)) = ROOMS.iter().find(|(known, _)| *known == room) else { continue };
        for other in imported_rooms(&code(&path)) {
            imports += 1;
            let fits = other == room || allowed.contains(&other.as_str());
            assert!(fits, "{}: `{room}` must not import `{other}`", path.display());
        }
    }
    assert!(imports > 50, "the check saw only {imports} imports, so it is blind");
}

#[test]
fn outside_crates_are_named_in_their_room_alone() {
    let mut named = BTreeSet::new();
    for path in sources(&root()) {
        let room = room_of(&path);
        if WIRING.contains(&room.as_str()) {
            continue;
        }
        let code = code(&path);
        for (name, rooms) in CRATES {
            let is_word = |place: usize| {
                let before = code[..place].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            };
            let uses = code.match_indices(&format!("{name}::")).any(|(place, _)| is_word(place));
            if uses {
                named.insert(*name);
                assert!(rooms.contains(&room.as_str()), "{}: `{name}` belongs in {rooms:?}", path.display());
            }
        }
    }
    assert!(named.contains("redb") && named.contains("ratatui"), "the check saw only {named:?}, so it is blind");
}

#[test]
fn the_model_is_pure() {
    let forbidden =
        ["async fn", "tokio::", "std::fs", "std::net", "Instant::now", "Timestamp::now", "SystemTime", "fastrand"];
    for path in sources(&root().join("model")) {
        let code = code(&path);
        for word in forbidden {
            assert!(!code.contains(word), "{}: the model must not use `{word}`", path.display());
        }
    }
}

#[test]
fn nothing_prints_past_the_output() {
    for path in sources(&root()) {
        let code = code(&path);
        for word in ["println!(", "eprintln!(", "print!(", "eprint!(", "dbg!("] {
            let found = code.match_indices(word).any(|(place, _)| {
                // `eprintln!(` ends in the letters of `println!(`; each is looked for by itself.
                !code[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            assert!(!found, "{}: only `cli/output.rs` prints, and it writes to its own handles", path.display());
        }
    }
}
