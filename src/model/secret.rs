//! Values that never reach a log, the state, the screen or an error.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
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
#[derive(Clone, Debug, Default)]
pub struct Masks(Arc<Vec<Secret>>);

impl Masks {
    /// Shorter values would mask half of every sentence.
    const LENGTH_MIN: usize = 4;

    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut all: Vec<Secret> =
            secrets.into_iter().filter(|secret| secret.expose().len() >= Self::LENGTH_MIN).collect();
        // The longest first, so that a secret that holds another is masked whole.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(Arc::new(all))
    }

    /// `text` with every secret, as it is or percent-encoded, replaced.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in self.0.iter() {
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
