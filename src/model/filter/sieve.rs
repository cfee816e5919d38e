//! Terms made ready to be held against many rows.

use super::language::{REGEX_BYTES_MAX, Term, Test};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;

/// What a row tells of itself.
pub trait Facts {
    /// The text of a field; none where the row has none.
    fn text(&self, field: &str) -> Option<Cow<'_, str>>;

    /// True when `found` is true of a text of a field that can have several.
    fn texts(&self, field: &str, found: &mut dyn FnMut(&str) -> bool) -> bool {
        self.text(field).is_some_and(|text| found(&text))
    }

    /// The number of a field, or its moment in milliseconds.
    fn number(&self, field: &str) -> Option<i64>;

    /// True when `found` is true of any text in which words are looked for.
    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool;
}

/// Terms that are ready.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    terms: Vec<(Term, Option<Regex>)>,
}

impl Sieve {
    pub fn new(terms: &[Term]) -> Self {
        let ready = |term: &Term| {
            let regex = match &term.test {
                Test::Matches(source) => {
                    RegexBuilder::new(source).case_insensitive(true).size_limit(REGEX_BYTES_MAX).build().ok()
                }
                _ => None,
            };
            (term.clone(), regex)
        };
        Self { terms: terms.iter().map(ready).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// True when all terms hold of `row`.
    pub fn lets_through(&self, row: &impl Facts) -> bool {
        self.terms.iter().all(|(term, regex)| holds(term, regex.as_ref(), row) != term.is_not)
    }
}

fn holds(term: &Term, regex: Option<&Regex>, row: &impl Facts) -> bool {
    if let (Test::Compares(range), Some(field)) = (&term.test, &term.field) {
        return row.number(field).is_some_and(|number| range.least <= number && number <= range.most);
    }
    let mut test = |text: &str| match &term.test {
        Test::Has(parts) => parts.iter().any(|part| contains(text, part)),
        Test::Is(names) => names.iter().any(|name| is(text, name)),
        Test::Matches(_) => regex.is_some_and(|regex| regex.is_match(text)),
        Test::Compares(_) => false,
    };
    match &term.field {
        None => row.anywhere(&mut test),
        // A value that is not typed yet narrows nothing.
        Some(_) if matches!(&term.test, Test::Has(parts) if parts.iter().any(String::is_empty)) => !term.is_not,
        Some(field) => row.texts(field, &mut test),
    }
}

/// Whether `part` (in lower case) occurs in `text` in any case.
///
/// Texts are nearly always ASCII, and a search goes through millions of them, so those are compared in place.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    if text.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        return part.is_empty() || text.windows(part.len()).any(|piece| piece.eq_ignore_ascii_case(part));
    }
    text.to_lowercase().contains(part)
}

/// Whether `text` is `name` (in lower case, in which `*` stands for anything) in any case.
fn is(text: &str, name: &str) -> bool {
    if !name.contains('*') {
        return text.to_lowercase() == name;
    }
    let text = text.to_lowercase();
    let pieces: Vec<&str> = name.split('*').collect();
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return false };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for piece in &pieces[1..pieces.len() - 1] {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
