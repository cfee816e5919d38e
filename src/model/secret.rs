//! Values that never reach a log, the state, the screen or an error.

use aho_corasick::AhoCorasick;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text that may hold a secret. It can not be printed or stored; [`Secret::expose`] is for the request it is for.
#[derive(Clone)]
pub struct Secret(Arc<SecretString>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(SecretString::from(text.into())))
    }

    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// All secrets of a configuration, to mask them in texts that come from outside.
///
/// A thousand customers have a thousand tokens, so all of them are looked for at once.
#[derive(Clone, Default)]
pub struct Masks(Option<Arc<Wanted>>);

struct Wanted {
    short: AhoCorasick,
    /// A key file of many lines: few there are, and a machine that finds them takes many times their space.
    long: Vec<String>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks(••••)")
    }
}

impl Masks {
    /// Shorter values would mask half of every sentence.
    const LENGTH_MIN: usize = 4;
    /// Longer ones are looked for one by one.
    const SHORT_MAX: usize = 2048;

    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for secret in secrets {
            let plain = secret.expose();
            if plain.len() >= Self::LENGTH_MIN {
                wanted.insert(utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string());
                wanted.insert(plain.to_owned());
            }
        }
        if wanted.is_empty() {
            return Self(None);
        }
        let (long, short): (Vec<String>, Vec<String>) =
            wanted.into_iter().partition(|text| text.len() > Self::SHORT_MAX);
        let short = AhoCorasick::new(&short).expect("what short texts make is below its bounds");
        Self(Some(Arc::new(Wanted { short, long })))
    }

    /// `text` with every secret, as it is or percent-encoded, replaced. Secrets that overlap are masked whole.
    pub fn mask(&self, text: &str) -> String {
        let Some(wanted) = &self.0 else { return text.to_owned() };
        let mut found: Vec<Range<usize>> =
            wanted.short.find_overlapping_iter(text).map(|found| found.range()).collect();
        for secret in &wanted.long {
            found.extend(text.match_indices(secret.as_str()).map(|(at, secret)| at..at + secret.len()));
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        let mut ranges = found.into_iter().peekable();
        while let Some(mut range) = ranges.next() {
            while let Some(next) = ranges.next_if(|next| next.start < range.end) {
                range.end = range.end.max(next.end);
            }
            masked.push_str(&text[at..range.start]);
            masked.push_str("••••");
            at = range.end;
        }
        masked.push_str(&text[at..]);
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(secrets: &[&str]) -> Masks {
        Masks::new(secrets.iter().map(|secret| Secret::new(*secret)))
    }

    #[test]
    fn secrets_are_masked_as_they_are_and_as_addresses_write_them() {
        let masks = masks(&["s3cr/t", "tok"]);
        assert_eq!(masks.mask("a s3cr/t b s3cr%2Ft c tok"), "a •••• b •••• c tok");
        assert_eq!(format!("{masks:?}"), "Masks(••••)");
    }

    #[test]
    fn secrets_that_overlap_are_masked_whole_and_those_that_touch_apart() {
        assert_eq!(masks(&["abcd", "cdefgh", "defg"]).mask("xabcdefghy"), "x••••y");
        assert_eq!(masks(&["abcd", "efgh"]).mask("abcdefgh"), "••••••••");
    }

    #[test]
    fn a_long_secret_is_masked_too() {
        let key = "k".repeat(5000);
        assert_eq!(masks(&[&key, "short"]).mask(&format!("<{key}> short")), "<••••> ••••");
    }
}
