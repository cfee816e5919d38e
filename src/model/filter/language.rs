//! The language of filters, one for every list: words, `field:value`, `-field:value`, `field:>10`, `"two words"`,
//! `/regex/`, `since:2h`, `a|b`. All terms must hold.

use super::moment::{read_moment, read_span};
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};

/// A field by which a list can be narrowed.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    /// What it is, in a few words.
    pub about: &'static str,
}

/// What a field's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A name, meant whole; `*` stands for anything.
    Name,
    /// A text, of which a part is enough.
    Text,
    /// One of a closed set.
    Word(&'static [&'static str]),
    /// A count: `3`, `>3`, `<=10`.
    Number,
    /// How long ago: `>2h`, `<30m`.
    Age,
    /// From this moment on: `2h` ago, `14:00`, `2026-03-02`, `"Mar 02 14:00"`.
    Since,
}

impl Field {
    pub const fn new(name: &'static str, kind: FieldKind, about: &'static str) -> Self {
        Self { name, kind, about }
    }
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// None: anywhere in the row.
    pub field: Option<String>,
    pub test: Test,
    pub is_not: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// One of these occurs. In lower case.
    Has(Vec<String>),
    /// It is one of these. In lower case; `*` stands for anything.
    Is(Vec<String>),
    /// The regular expression is found, in any case.
    Matches(String),
    /// A number, or a moment in milliseconds, compared.
    Compares(Compared),
}

/// `>10`, as numbers or as milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    pub least: i64,
    pub most: i64,
}

/// Reads what a person typed. `now` is what ages are counted from.
///
/// Returns the reason when it can not be read, so that the last valid filter can stay.
pub fn parse(text: &str, fields: &[Field], now: Timestamp) -> Result<Vec<Term>, String> {
    tokens(text)?.into_iter().map(|token| term(&token, fields, now)).collect()
}

/// A piece of what was typed: `-field:"value"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Token {
    pub is_not: bool,
    /// What stands before the first colon that is in no quotes.
    pub field: Option<String>,
    /// Without its quotes; parted at `|`.
    pub values: Vec<String>,
    pub is_quoted: bool,
    /// Between slashes.
    pub regex: Option<String>,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (token, after) = token(rest)?;
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// Takes one token from the front of `text`.
fn token(text: &str) -> Result<(Token, &str), String> {
    let mut token = Token::default();
    let mut rest = text;
    // A minus alone, or before a number, is a word like any other.
    if let Some(after) =
        rest.strip_prefix('-').filter(|after| after.starts_with(|c: char| !c.is_whitespace() && !c.is_ascii_digit()))
    {
        token.is_not = true;
        rest = after;
    }
    if let Some(found) = regex(rest)? {
        token.regex = Some(found.0.to_owned());
        return Ok((token, found.1));
    }
    let mut value = String::new();
    let letters = rest.char_indices();
    let mut end = rest.len();
    let mut is_open = false;
    for (at, letter) in letters {
        match letter {
            '"' => {
                is_open = !is_open;
                token.is_quoted = true;
            }
            _ if is_open => value.push(letter),
            letter if letter.is_whitespace() => {
                end = at;
                break;
            }
            ':' if token.field.is_none() && token.values.is_empty() && !token.is_quoted && is_field_name(&value) => {
                token.field = Some(std::mem::take(&mut value).to_lowercase());
                if let Some(found) = regex(&rest[at + 1..])? {
                    token.regex = Some(found.0.to_owned());
                    return Ok((token, found.1));
                }
            }
            '|' => token.values.push(std::mem::take(&mut value)),
            letter => value.push(letter),
        }
    }
    if is_open {
        return Err("a quote is not closed".to_owned());
    }
    token.values.push(value);
    if token.values.len() > 1 {
        token.values.retain(|value| !value.is_empty());
    }
    Ok((token, &rest[end..]))
}

fn is_field_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
}

/// `/regex/` at the front of `text`, and what follows; none where no such thing begins or ends.
fn regex(text: &str) -> Result<Option<(&str, &str)>, String> {
    let Some(inner) = text.strip_prefix('/') else { return Ok(None) };
    let mut is_escaped = false;
    for (at, letter) in inner.char_indices() {
        if letter == '/' && !is_escaped {
            let after = &inner[at + 1..];
            // `/contacts/7` is a path and no expression.
            let ends = after.is_empty() || after.starts_with(char::is_whitespace);
            return Ok(ends.then_some((&inner[..at], after)));
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    Ok(None)
}

fn term(token: &Token, fields: &[Field], now: Timestamp) -> Result<Term, String> {
    let lower = |values: &[String]| values.iter().map(|value| value.to_lowercase()).collect::<Vec<_>>();
    let field = match &token.field {
        None => None,
        Some(name) => match fields.iter().find(|field| field.name == name) {
            Some(field) => Some(field),
            None => match near(name, fields) {
                Some(field) => return Err(format!("`{name}:` is no field here; did you mean `{field}:`?")),
                None => None,
            },
        },
    };
    let is_not = token.is_not;
    let named = |test: Test| Term { field: field.map(|field| field.name.to_owned()), test, is_not };
    if let Some(source) = &token.regex {
        let whole = regex::RegexBuilder::new(source).case_insensitive(true).size_limit(REGEX_BYTES_MAX).build();
        return match whole {
            Ok(_) => Ok(named(Test::Matches(source.clone()))),
            Err(_) => Err(format!("`/{source}/` is no regular expression")),
        };
    }
    let Some(field) = field else {
        // An id such as `urn:customer:7` has colons of its own.
        let prefix = token.field.as_ref().map(|name| format!("{name}:")).unwrap_or_default();
        let values: Vec<String> = token.values.iter().map(|value| format!("{prefix}{value}").to_lowercase()).collect();
        return Ok(named(Test::Has(values)));
    };
    let is_empty = token.values.iter().all(String::is_empty);
    Ok(named(match field.kind {
        // While a value is being typed it narrows nothing.
        _ if is_empty => Test::Has(vec![String::new()]),
        FieldKind::Name => Test::Is(lower(&token.values)),
        FieldKind::Text => Test::Has(lower(&token.values)),
        FieldKind::Word(words) => {
            let values = lower(&token.values);
            if let Some(wrong) = values.iter().find(|value| !words.contains(&value.as_str())) {
                return Err(format!("{}: needs {}, not `{wrong}`", field.name, one_of(words)));
            }
            Test::Is(values)
        }
        FieldKind::Number => {
            let read = |text: &str| text.replace([',', '_'], "").parse::<i64>().ok();
            let compared = compared(&token.values, &read);
            Test::Compares(compared.ok_or_else(|| format!("{}: needs a number like 3, >3 or <=10", field.name))?)
        }
        FieldKind::Age => {
            let read = |text: &str| read_span(text).and_then(|span| i64::try_from(span.as_millis()).ok());
            let age = compared(&token.values, &read);
            let age = age.ok_or_else(|| format!("{}: needs a span of time like >2h or <30m", field.name))?;
            // The older something is, the smaller is its moment.
            let moment = |age: i64| now.0.saturating_sub(age);
            Test::Compares(match age.least == age.most {
                // `age:2h` can only mean at least.
                true => Compared { least: i64::MIN, most: moment(age.least) },
                false => Compared {
                    least: if age.most == i64::MAX { i64::MIN } else { moment(age.most) },
                    most: if age.least == i64::MIN { i64::MAX } else { moment(age.least) },
                },
            })
        }
        FieldKind::Since => {
            let text = token.values.join("|");
            let least = read_moment(&text, now);
            let least = least.ok_or_else(|| format!("{}: needs a time like 2h, 14:00 or 2026-03-02", field.name))?;
            Test::Compares(Compared { least: least.0, most: i64::MAX })
        }
    }))
}

/// A pattern that grows beyond this when it is compiled is refused.
pub(super) const REGEX_BYTES_MAX: usize = 1 << 20;

fn compared(values: &[String], read: &dyn Fn(&str) -> Option<i64>) -> Option<Compared> {
    let [value] = values else { return None };
    let sign: String = value.chars().take_while(|c| "<>=".contains(*c)).collect();
    let number = read(&value[sign.len()..])?;
    let (least, most) = match sign.as_str() {
        "" | "=" => (number, number),
        ">" => (number.saturating_add(1), i64::MAX),
        ">=" => (number, i64::MAX),
        "<" => (i64::MIN, number.saturating_sub(1)),
        "<=" => (i64::MIN, number),
        _ => return None,
    };
    Some(Compared { least, most })
}

fn one_of(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => words.concat(),
    }
}

/// The field that was most likely meant; none where it may as well be a part of an id.
fn near(name: &str, fields: &[Field]) -> Option<&'static str> {
    let farthest = (name.chars().count() / 3).min(2);
    let distances = fields.iter().map(|field| (strsim::damerau_levenshtein(name, field.name), field.name));
    distances.filter(|(distance, _)| 0 < *distance && *distance <= farthest).min().map(|(_, name)| name)
}
