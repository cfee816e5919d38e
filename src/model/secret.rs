//! Values that never reach a log, the state, the screen or an error.

use secrecy::{ExposeSecret, SecretString};
use std::collections::VecDeque;
use std::fmt;
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
/// Clones share what comes later: a token that is known to one is masked by all.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    configured: Arc<Vec<Secret>>,
    /// The newest last.
    later: Arc<RwLock<VecDeque<Secret>>>,
}

impl Masks {
    /// Shorter values would mask half of every sentence.
    const LENGTH_MIN: usize = 4;
    /// Secrets that came later, of which the oldest are forgotten: tokens that expired long ago open nothing any more.
    const LATER_MAX: usize = 256;

    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut all: Vec<Secret> =
            secrets.into_iter().filter(|secret| secret.expose().len() >= Self::LENGTH_MIN).collect();
        // The longest first, so that a secret that holds another is masked whole.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self { configured: Arc::new(all), later: Arc::default() }
    }

    /// From now on `secret` is masked too, by every clone.
    pub fn add(&self, secret: Secret) {
        if secret.expose().len() < Self::LENGTH_MIN {
            return;
        }
        let mut later = self.later.write().unwrap_or_else(PoisonError::into_inner);
        if later.contains(&secret) {
            return;
        }
        if later.len() >= Self::LATER_MAX {
            later.pop_front();
        }
        later.push_back(secret);
    }

    /// `text` with every secret, as it is or percent-encoded, replaced.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
        // What came later goes first: a signed token may well hold a shorter configured text.
        for secret in later.iter().rev().chain(self.configured.iter()) {
            let plain = secret.expose();
            if masked.contains(plain) {
                masked = masked.replace(plain, "••••");
            }
            let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC).to_string();
            if encoded != plain && masked.contains(&encoded) {
                masked = masked.replace(&encoded, "••••");
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_comes_later_is_masked_by_every_clone_and_the_oldest_are_forgotten() {
        let masks = Masks::new([Secret::new("configured")]);
        let clone = masks.clone();
        masks.add(Secret::new("tok/1"));
        assert_eq!(clone.mask("configured, tok/1, tok%2F1"), "••••, ••••, ••••");
        for n in 0..Masks::LATER_MAX {
            masks.add(Secret::new(format!("later-{n}-")));
        }
        assert_eq!(clone.mask("tok/1 later-7- configured"), "tok/1 •••• ••••");
    }
}
