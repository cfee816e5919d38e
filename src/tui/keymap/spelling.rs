//! Keys as people write them in a configuration, brought into the form of the table.

/// Names of keys that are no letters, first as the table writes them, then as people may.
const NAMES: &[&[&str]] = &[
    &["enter", "return"],
    &["esc", "escape"],
    &["space"],
    &["tab"],
    &["backspace"],
    &["delete", "del"],
    &["up"],
    &["down"],
    &["left"],
    &["right"],
    &["pgup", "pageup"],
    &["pgdn", "pagedown"],
    &["home"],
    &["end"],
];

/// Reads a key, or a prefix and its second key: `r`, `Ctrl-U`, `g d`, `shift-up`, `f5`.
///
/// Returns the reason when it is no key that a terminal sends.
pub fn read_key(text: &str) -> Result<String, String> {
    let steps: Vec<&str> = text.split_whitespace().collect();
    match steps.as_slice() {
        // A space alone is written out, or it would look like nothing.
        [] => Err("an empty key; write `space` for the space bar".to_owned()),
        [one] => read_step(one),
        [first, second] => Ok(format!("{} {}", read_step(first)?, read_step(second)?)),
        _ => Err(format!("`{text}` has more than two keys")),
    }
}

fn read_step(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        return if letter.is_control() { Err(format!("`{text}` is no key")) } else { Ok(letter.to_string()) };
    }
    let lower = text.to_lowercase();
    if let Some(names) = NAMES.iter().find(|names| names.contains(&lower.as_str())) {
        return Ok(names[0].to_owned());
    }
    let is_function_key =
        lower.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()).is_some_and(|n| (1..=24).contains(&n));
    if is_function_key {
        return Ok(lower);
    }
    let (chord, base) = lower.split_once('-').ok_or_else(|| unknown(text))?;
    // The letter of a chord keeps its case only where a terminal tells the two apart.
    let written = text.split_once('-').map_or(base, |(_, base)| base);
    match chord {
        "ctrl" | "control" | "c" => Ok(format!("ctrl-{}", read_step(base)?)),
        "alt" | "meta" | "m" => Ok(format!("alt-{}", read_step(written)?)),
        "shift" if ["up", "down", "left", "right", "tab"].contains(&base) => Ok(format!("shift-{base}")),
        "shift" => {
            let mut letters = base.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) if letter.is_alphabetic() => Ok(letter.to_uppercase().to_string()),
                _ => Err(unknown(text)),
            }
        }
        _ => Err(unknown(text)),
    }
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is no key: write a letter, `enter`, `space`, `tab`, `up`, `pgdn`, `home`, `f5`, `ctrl-x` or `alt-x`"
    )
}

/// True for a key that types a letter into a text field.
pub(super) fn types(key: &str) -> bool {
    key == "space" || key.chars().count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_people_write_them() {
        let read = |text: &str| read_key(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        for (written, key) in [
            ("r", "r"),
            ("R", "R"),
            ("Ctrl-U", "ctrl-u"),
            ("C-u", "ctrl-u"),
            ("Return", "enter"),
            ("shift-x", "X"),
            ("Shift-Up", "shift-up"),
            ("g  d", "g d"),
            ("F5", "f5"),
            ("PageDown", "pgdn"),
            ("-", "-"),
            ("alt-X", "alt-X"),
        ] {
            assert_eq!(read(written), key);
        }
    }

    #[test]
    fn what_no_terminal_sends_is_refused() {
        for text in ["", "  ", "hyper-x", "f25", "shift-5", "a b c", "ctrl-", "enterr"] {
            assert!(read_key(text).is_err(), "{text}");
        }
    }
}
