//! `syncdeck keys`: every action of the console, where it can be done, and the keys that do it now.
//!
//! `--json` prints one document: `{"keys":[{"place":"letters","action":"retry","keys":["r"],"words":"…"}]}`.

use crate::cli::text::{Align, Style, Table, plain};
use crate::cli::{Exit, Output, Report};
use serde_json::json;

pub const EXAMPLE: &str = "Example:\n  syncdeck keys\n  syncdeck keys letters\n\n\
    To change some, in syncdeck.toml:\n  [console]\n  keys = { retry = \"f5\", discard = [\"x\", \"delete\"], zoom = \"\" }";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// One place only, such as `letters` or `everywhere`
    #[arg(value_name = "PLACE")]
    pub place: Option<String>,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

/// An action and the keys that do it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub place: &'static str,
    pub action: &'static str,
    /// As the configuration writes them.
    pub keys: Vec<String>,
    /// As people read them.
    pub shown: Vec<String>,
    pub words: &'static str,
}

/// Prints the keys in force.
pub fn print(args: &Args, bound: &[Bound], out: &mut Output) -> Result<Exit, Report> {
    let mut places: Vec<&str> = bound.iter().map(|row| row.place).collect();
    places.dedup();
    if let Some(place) = args.place.as_deref().filter(|place| !places.contains(place)) {
        return Err(
            Report::usage(format!("there is no place `{place}`")).with_hint(format!("one of {}", places.join(", ")))
        );
    }
    let wanted = bound.iter().filter(|row| args.place.as_deref().is_none_or(|place| place == row.place));
    if args.json {
        let rows: Vec<_> = wanted
            .map(|row| json!({ "place": row.place, "action": row.action, "keys": row.keys, "words": row.words }))
            .collect();
        out.json(&json!({ "keys": rows }))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        ("PLACE", Align::Left),
        ("ACTION", Align::Left),
        ("KEYS", Align::Left),
        ("WHAT IT DOES", Align::Left),
    ]);
    for row in wanted {
        let keys = if row.shown.is_empty() { ("—".to_owned(), Style::Dim) } else { plain(row.shown.join("  ")) };
        table.row(vec![plain(row.place), plain(row.action), keys, plain(row.words)]);
    }
    out.table(&table)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::captured;

    fn bound() -> Vec<Bound> {
        vec![
            Bound {
                place: "letters",
                action: "retry",
                keys: vec!["r".to_owned(), "ctrl-r".to_owned()],
                shown: vec!["r".to_owned(), "Ctrl-R".to_owned()],
                words: "retries the record",
            },
            Bound { place: "everywhere", action: "zoom", keys: vec![], shown: vec![], words: "zooms" },
        ]
    }

    #[test]
    fn keys_are_listed_with_their_action_and_place() {
        let (mut out, stdout, _) = captured();
        let result = print(&Args::default(), &bound(), &mut out);
        assert_eq!(out.finish(result), Exit::Done);
        insta::assert_snapshot!(stdout.text());
    }

    #[test]
    fn the_document_of_keys_stays_as_it_is() {
        let (mut out, stdout, _) = captured();
        let result = print(&Args { json: true, place: Some("letters".to_owned()) }, &bound(), &mut out);
        out.finish(result);
        insta::assert_snapshot!(stdout.text());
    }

    #[test]
    fn a_place_that_is_none_is_wrong_usage() {
        let (mut out, _, stderr) = captured();
        let result = print(&Args { json: false, place: Some("log".to_owned()) }, &bound(), &mut out);
        assert_eq!(out.finish(result), Exit::Usage);
        assert!(stderr.text().contains("one of letters, everywhere"), "{}", stderr.text());
    }
}
