//! Sealing what the state keeps of a sign-in, so that a copy of the state file is no key to the system.
//!
//! The key is made of what the configuration holds anyway (the refresh token, else the client's secret), so there is none
//! to manage: who has the state alone can not open it, and another secret in the configuration makes a fresh start.
//! HKDF-SHA-256 and ChaCha20-Poly1305 are ring's, which TLS brings.

use crate::model::{ConnectionId, OAuth2};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};

pub(super) struct Seal {
    key: LessSafeKey,
    /// What is sealed belongs to this connection and client alone.
    owner: Vec<u8>,
}

impl Seal {
    pub(super) fn new(connection: &ConnectionId, oauth: &OAuth2) -> Self {
        let secret = oauth.refresh_token.as_ref().or(oauth.client_secret.as_ref());
        let secret = secret.map_or("", |secret| secret.expose());
        let owner = format!("{connection}\n{}\n{}", oauth.token_url, oauth.client_id).into_bytes();
        let made = Salt::new(HKDF_SHA256, b"syncdeck tokens").extract(secret.as_bytes());
        let key = made.expand(&[&owner], &CHACHA20_POLY1305).map(UnboundKey::from);
        Self { key: LessSafeKey::new(key.expect("a key of the length that the cipher names")), owner }
    }

    /// None where the machine has no randomness to give.
    pub(super) fn close(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        let aad = Aad::from(&self.owner);
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// None where it was sealed with another key, for another owner, or is damaged.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = rest.to_vec();
        let aad = Aad::from(&self.owner);
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut rest).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientAuth, Secret};

    fn oauth(secret: &str, refresh: Option<&str>) -> OAuth2 {
        OAuth2 {
            token_url: "https://id.test/token".to_owned(),
            client_id: "us".to_owned(),
            client_secret: Some(Secret::new(secret)),
            scopes: Vec::new(),
            refresh_token: refresh.map(Secret::new),
            params: Vec::new(),
            client_auth: ClientAuth::Basic,
        }
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_secret_for_the_same_connection_alone() {
        let crm = ConnectionId::from("crm");
        let seal = Seal::new(&crm, &oauth("hush", None));
        let sealed = seal.close(b"refresh-7").expect("randomness");
        assert!(!sealed.windows(7).any(|window| window == b"refresh"));
        assert_eq!(Seal::new(&crm, &oauth("hush", None)).open(&sealed).as_deref(), Some(&b"refresh-7"[..]));
        assert_eq!(Seal::new(&crm, &oauth("other", None)).open(&sealed), None);
        assert_eq!(Seal::new(&ConnectionId::from("shop"), &oauth("hush", None)).open(&sealed), None);
        assert_eq!(seal.open(&sealed[..20]), None);
        assert_ne!(seal.close(b"refresh-7").expect("randomness"), sealed, "a nonce is never used twice");
    }

    #[test]
    fn a_renewed_client_secret_leaves_a_kept_refresh_token_readable() {
        let crm = ConnectionId::from("crm");
        let sealed = Seal::new(&crm, &oauth("old", Some("given"))).close(b"rotated").expect("randomness");
        assert_eq!(Seal::new(&crm, &oauth("new", Some("given"))).open(&sealed).as_deref(), Some(&b"rotated"[..]));
    }
}
