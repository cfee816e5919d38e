//! What can follow what was typed into a filter.

use super::language::{Field, FieldKind};

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The whole text with it.
    pub text: String,
    /// What is added, as a list shows it: `job:`, `customers_to_crm`.
    pub label: String,
}

/// Ways to go on from `text`, whose end is where a person types. `values` gives the names that a field can have.
pub fn completions(text: &str, fields: &[Field], values: &dyn Fn(&str) -> Vec<String>) -> Vec<Completion> {
    let at = text.rfind(char::is_whitespace).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let (before, typed) = text.split_at(at);
    let (minus, typed) = match typed.strip_prefix('-') {
        Some(typed) => ("-", typed),
        None => ("", typed),
    };
    let Some((name, value)) = typed.split_once(':') else {
        let fits = fields.iter().filter(|field| field.name.starts_with(&typed.to_lowercase()));
        return fits
            .map(|field| Completion {
                text: format!("{before}{minus}{}:", field.name),
                label: format!("{}:", field.name),
            })
            .collect();
    };
    let Some(field) = fields.iter().find(|field| field.name == name) else { return Vec::new() };
    let known: Vec<String> = match field.kind {
        FieldKind::Word(words) => words.iter().map(|word| (*word).to_owned()).collect(),
        FieldKind::Number => Vec::new(),
        FieldKind::Age => [">5m", ">1h", ">1d", "<5m"].map(str::to_owned).to_vec(),
        FieldKind::Since => ["15m", "1h", "24h"].map(str::to_owned).to_vec(),
        FieldKind::Name | FieldKind::Text => values(name),
    };
    // Of `a|b` the last is being typed.
    let (head, last) = value.rsplit_once('|').map_or(("", value), |(head, last)| (head, last));
    let bar = if head.is_empty() { "" } else { "|" };
    let last = last.trim_start_matches('"').to_lowercase();
    let fits =
        known.into_iter().filter(|value| value.to_lowercase().starts_with(&last) && value.to_lowercase() != last);
    fits.map(|value| {
        let quoted = if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.clone() };
        Completion { text: format!("{before}{minus}{name}:{head}{bar}{quoted}"), label: value }
    })
    .collect()
}
