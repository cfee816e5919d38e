//! Whether an event was signed with one of the job's secrets: on its raw bytes, in constant time.

use super::Refusal;
use crate::model::Timestamp;
use crate::model::webhook::{Proof, Scheme};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName};
use sha2::Sha256;

/// How far the time that a signature covers may be from ours, in seconds, both ways.
const WINDOW_SECONDS: i64 = 300;
/// Signatures of one request that are looked at.
const SIGNATURES_MAX: usize = 8;

/// Checks signatures of one job's events.
pub struct Verifier {
    scheme: Scheme,
    header: HeaderName,
    prefix: String,
    keys: Vec<Vec<u8>>,
}

/// What a request says of its own signature.
struct Claim<'a> {
    /// Before the body in what is signed.
    before: String,
    /// In seconds since 1970, where the scheme carries a time.
    time: Option<&'a str>,
    signatures: Vec<&'a str>,
}

impl Verifier {
    /// None where events need no signature; the reason when a secret or a header can not be used.
    pub fn new(proof: &Proof) -> Result<Option<Self>, String> {
        let Proof::Signature { scheme, header, prefix, secrets } = proof else { return Ok(None) };
        let name = match scheme {
            Scheme::HmacSha256 => header.as_str(),
            Scheme::StandardWebhooks => "webhook-signature",
            Scheme::Github => "x-hub-signature-256",
            Scheme::Stripe => "stripe-signature",
        };
        let prefix = if *scheme == Scheme::Github { "sha256=".to_owned() } else { prefix.clone() };
        let header = name.parse().map_err(|_| format!("`{name}` is no header's name"))?;
        let keys = secrets.iter().map(|secret| scheme.key(secret)).collect::<Result<Vec<_>, _>>();
        let keys = keys.map_err(|reason| format!("`secret` {reason}"))?;
        Ok(Some(Self { scheme: *scheme, header, prefix, keys }))
    }

    /// Whether there is anything to check at all, before a body is read.
    pub fn claims(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.header)
    }

    /// Checks the signature of `body`, read at `now`.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
        let claim = self.claim(headers).ok_or(Refusal::NoSignature)?;
        let signed = claim.signatures.iter().take(SIGNATURES_MAX).filter_map(|signature| self.decoded(signature));
        let mut fits = false;
        for signature in signed {
            for key in &self.keys {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Refusal::WrongSignature)?;
                mac.update(claim.before.as_bytes());
                mac.update(body);
                fits |= mac.verify_slice(&signature).is_ok();
            }
        }
        if !fits {
            return Err(Refusal::WrongSignature);
        }
        match claim.time.map(str::parse::<i64>) {
            None => Ok(()),
            Some(Ok(at)) if at.saturating_sub(now.0 / 1_000).saturating_abs() <= WINDOW_SECONDS => Ok(()),
            Some(_) => Err(Refusal::Stale),
        }
    }

    fn claim<'a>(&self, headers: &'a HeaderMap) -> Option<Claim<'a>> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let written = headers.get(&self.header)?.to_str().ok()?;
        match self.scheme {
            Scheme::HmacSha256 | Scheme::Github => {
                let signature = written.trim().strip_prefix(self.prefix.as_str())?;
                Some(Claim { before: String::new(), time: None, signatures: vec![signature] })
            }
            Scheme::StandardWebhooks => {
                let (id, time) = (text("webhook-id")?, text("webhook-timestamp")?);
                let signatures = written.split(' ').filter_map(|part| part.strip_prefix("v1,")).collect();
                Some(Claim { before: format!("{id}.{time}."), time: Some(time), signatures })
            }
            Scheme::Stripe => {
                let parts = || written.split(',').filter_map(|part| part.trim().split_once('='));
                let time = parts().find(|(name, _)| *name == "t").map(|(_, time)| time)?;
                let signatures = parts().filter(|(name, _)| *name == "v1").map(|(_, signature)| signature).collect();
                Some(Claim { before: format!("{time}."), time: Some(time), signatures })
            }
        }
    }

    /// The 32 bytes of a signature; none where it is none.
    fn decoded(&self, text: &str) -> Option<Vec<u8>> {
        let bytes = match self.scheme {
            Scheme::StandardWebhooks => STANDARD.decode(text).ok()?,
            Scheme::Github | Scheme::Stripe => hex(text)?,
            Scheme::HmacSha256 => {
                hex(text).or_else(|| STANDARD.decode(text).ok()).or_else(|| URL_SAFE.decode(text).ok())?
            }
        };
        (bytes.len() == 32).then_some(bytes)
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
