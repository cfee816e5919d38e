//! Values that never reach a log, the state, the screen or an error.

use aho_corasick::AhoCorasick;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

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

/// All secrets of a configuration and those that came later, to mask them in texts that come from outside.
///
/// A thousand customers have a thousand tokens, so all of them are looked for at once. Clones share what comes later: a
/// token that is known to one is masked by all.
#[derive(Clone, Default)]
pub struct Masks {
    configured: Option<Arc<Wanted>>,
    later: Arc<RwLock<Later>>,
}

/// Secrets that came later, as they are and as addresses write them.
#[derive(Default)]
struct Later(VecDeque<[String; 2]>);

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
    /// Secrets that came later, of which the oldest are forgotten: tokens that expired long ago open nothing any more.
    const LATER_MAX: usize = 4096;
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
            return Self::default();
        }
        let (long, short): (Vec<String>, Vec<String>) =
            wanted.into_iter().partition(|text| text.len() > Self::SHORT_MAX);
        let short = AhoCorasick::new(&short).expect("what short texts make is below its bounds");
        Self { configured: Some(Arc::new(Wanted { short, long })), later: Arc::default() }
    }

    /// From now on `secret` is masked too, by every clone.
    pub fn add(&self, secret: Secret) {
        let plain = secret.expose();
        if plain.len() < Self::LENGTH_MIN {
            return;
        }
        let mut later = self.later.write().unwrap_or_else(PoisonError::into_inner);
        if later.0.iter().any(|[known, _]| known == plain) {
            return;
        }
        if later.0.len() >= Self::LATER_MAX {
            later.0.pop_front();
        }
        later.0.push_back([plain.to_owned(), utf8_percent_encode(plain, NON_ALPHANUMERIC).to_string()]);
    }

    /// `text` with every secret, as it is or percent-encoded, replaced. Secrets that overlap are masked whole.
    pub fn mask(&self, text: &str) -> String {
        let mut found: Vec<Range<usize>> = Vec::new();
        let places =
            |secret: &str| text.match_indices(secret).map(|(at, secret)| at..at + secret.len()).collect::<Vec<_>>();
        if let Some(wanted) = &self.configured {
            found.extend(wanted.short.find_overlapping_iter(text).map(|found| found.range()));
            wanted.long.iter().for_each(|secret| found.extend(places(secret)));
        }
        let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
        later.0.iter().flatten().for_each(|secret| found.extend(places(secret)));
        drop(later);
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

    #[test]
    fn a_secret_that_comes_later_is_masked_by_every_clone_and_the_oldest_are_forgotten() {
        let masks = masks(&["configured"]);
        let clone = masks.clone();
        masks.add(Secret::new("tok/1"));
        assert_eq!(clone.mask("configured, tok/1, tok%2F1"), "••••, ••••, ••••");
        for n in 0..Masks::LATER_MAX {
            masks.add(Secret::new(format!("later-{n}-")));
        }
        assert_eq!(clone.mask("tok/1 later-7- configured"), "tok/1 •••• ••••");
    }
}
