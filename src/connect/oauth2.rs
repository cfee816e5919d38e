//! Signing in by OAuth 2.0 (RFC 6749): one request to the token endpoint, and the token on every request after it.
//!
//! Two grants of one form each. The `oauth2` crate would bring a second base64, rand, sha2 and thiserror and a calendar
//! for flows with a browser, none of which a program without a person at it can use.

use super::http::{Elsewhere, Transport, TransportError};
use super::rest::{broken_sign_in, sign_in_fault};
use super::{Fault, FaultKind, Link, Reply, Signals};
use crate::model::{ClientAuth, OAuth2, Secret};
use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ::http::{Request, Response, StatusCode};
use async_trait::async_trait;
use base64::Engine;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::form_urlencoded;

/// An answer with tokens is not read further than this, in bytes.
const ANSWER_MAX: u64 = 256 << 10;

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Granted {
    pub access: Secret,
    /// A new refresh token, after which the old one may be dead.
    pub refresh: Option<Secret>,
    /// None where the endpoint did not say.
    pub expires_in: Option<Duration>,
}

/// The token that the requests of one connection carry.
#[derive(Debug, Default)]
pub struct Bearer(Mutex<Slot>);

#[derive(Debug, Default)]
struct Slot {
    value: Option<HeaderValue>,
    number: u64,
    /// The system has taken it.
    worked: bool,
    /// The system has answered it with 401.
    refused: bool,
}

impl Bearer {
    /// From now on requests carry `token`. The reason when no header can.
    pub fn set(&self, token: &Secret) -> Result<(), String> {
        let mut slot = self.0.lock();
        let value = header(token)?;
        *slot = Slot { value: Some(value), number: slot.number + 1, worked: false, refused: false };
        Ok(())
    }

    /// The system said 401 to the present token.
    pub fn is_refused(&self) -> bool {
        self.0.lock().refused
    }

    /// The system took the present token once at least.
    pub fn has_worked(&self) -> bool {
        self.0.lock().worked
    }

    /// Which token is the present one, for [`Bearer::refuse`].
    pub fn number(&self) -> u64 {
        self.0.lock().number
    }

    /// The token of that number was refused inside an answer whose own status is another.
    pub fn refuse(&self, number: u64) {
        let mut slot = self.0.lock();
        slot.refused |= slot.number == number;
    }

    fn present(&self) -> (Option<HeaderValue>, u64) {
        let slot = self.0.lock();
        (slot.value.clone(), slot.number)
    }

    fn answered(&self, number: u64, status: StatusCode) {
        let mut slot = self.0.lock();
        // An answer to an older token says nothing of this one.
        if slot.number == number {
            slot.refused |= status == StatusCode::UNAUTHORIZED;
            slot.worked |= status != StatusCode::UNAUTHORIZED;
        }
    }
}

fn header(token: &Secret) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| "the token holds a character that a header can not carry".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A transport that puts the present token on every request.
pub fn signed(transport: Arc<dyn Transport>, bearer: Arc<Bearer>) -> Arc<dyn Transport> {
    Arc::new(Signed { transport, bearer })
}

struct Signed {
    transport: Arc<dyn Transport>,
    bearer: Arc<Bearer>,
}

#[async_trait]
impl Transport for Signed {
    async fn send(
        &self,
        mut request: Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<Response<Bytes>, TransportError> {
        if request.extensions().get::<Elsewhere>().is_some() {
            return self.transport.send(request, timeout, max_body).await;
        }
        let (value, number) = self.bearer.present();
        if let Some(value) = value {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let answered = self.transport.send(request, timeout, max_body).await;
        if let Ok(response) = &answered {
            self.bearer.answered(number, response.status());
        }
        answered
    }
}

/// Asks the token endpoint once: with `refresh` where there is one, else with the client's own credentials.
/// What it answers is masked from then on.
pub async fn sign_in(link: &Link, oauth: &OAuth2, refresh: Option<&Secret>, timeout: Duration) -> Reply<Granted> {
    let told = described(oauth);
    let request = match request(link, oauth, refresh) {
        Ok(request) => request,
        Err(reason) => {
            let fault = sign_in_fault(link, FaultKind::Fatal, &reason, &told);
            return Reply { outcome: Err(fault), signals: Signals::default() };
        }
    };
    let started = Instant::now();
    let answered = link.transport.send(request, timeout, ANSWER_MAX).await;
    let mut signals = Signals { took: started.elapsed(), ..Signals::default() };
    let outcome = match answered {
        Ok(response) => {
            signals.status = Some(response.status().as_u16());
            read(link, &response, &told)
        }
        Err(error) => Err(broken_sign_in(link, &error, &told)),
    };
    Reply { outcome, signals }
}

/// The fault of a request that has no token but one that the system refuses as it did the one before.
pub fn useless(link: &Link, oauth: &OAuth2) -> Fault {
    let reason = "the system refuses the tokens that the token endpoint gives";
    Fault { status: Some(401), ..sign_in_fault(link, FaultKind::Fatal, reason, &described(oauth)) }
}

/// `POST https://id.example.com/token`: without what a query may hold.
fn described(oauth: &OAuth2) -> String {
    let address = oauth.token_url.split(['?', '#']).next().unwrap_or_default();
    format!("POST {address}")
}

fn request(link: &Link, oauth: &OAuth2, refresh: Option<&Secret>) -> Result<Request<Bytes>, String> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    match refresh {
        Some(token) => form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.expose()),
        None => form.append_pair("grant_type", "client_credentials"),
    };
    if !oauth.scopes.is_empty() {
        form.append_pair("scope", &oauth.scopes.join(" "));
    }
    for (name, value) in &oauth.params {
        form.append_pair(name, value.expose());
    }
    let mut builder = Request::post(&oauth.token_url)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    match (&oauth.client_secret, oauth.client_auth) {
        (Some(secret), ClientAuth::Basic) => {
            let mut value = HeaderValue::from_str(&basic(link, &oauth.client_id, secret))
                .map_err(|_| "the client's id and secret can not be sent".to_owned())?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        (Some(secret), ClientAuth::Body) => {
            form.append_pair("client_id", &oauth.client_id).append_pair("client_secret", secret.expose());
        }
        (None, _) => {
            form.append_pair("client_id", &oauth.client_id);
        }
    }
    builder.body(Bytes::from(form.finish())).map_err(|error| format!("`token_url` can not be used: {error}"))
}

/// Both parts are form-encoded first (RFC 6749, 2.3.1), so that a colon in them divides nothing.
fn basic(link: &Link, id: &str, secret: &Secret) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose()));
    let pair = base64::engine::general_purpose::STANDARD.encode(pair);
    link.masks.add(Secret::new(&*pair));
    format!("Basic {pair}")
}

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
}

fn read(link: &Link, response: &Response<Bytes>, told: &str) -> Result<Granted, Fault> {
    let status = response.status();
    if !status.is_success() {
        return Err(refused(link, response, told));
    }
    // What stands in such an answer is not shown: it may be a token under another name.
    let unusable =
        |kind, reason: &str| Fault { status: Some(status.as_u16()), ..sign_in_fault(link, kind, reason, told) };
    let Ok(tokens) = serde_json::from_slice::<Tokens>(response.body()) else {
        return Err(unusable(FaultKind::Transient, "the token endpoint answered something that is no JSON object"));
    };
    let secrets = [&tokens.access_token, &tokens.refresh_token];
    secrets.into_iter().flatten().for_each(|text| link.masks.add(Secret::new(&**text)));
    let Some(access) = tokens.access_token.filter(|text| !text.is_empty()).map(Secret::new) else {
        return Err(unusable(FaultKind::Fatal, "the token endpoint answered without an `access_token`"));
    };
    if tokens.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(unusable(FaultKind::Fatal, "the token endpoint gives tokens of another kind than `Bearer`"));
    }
    if header(&access).is_err() {
        return Err(unusable(FaultKind::Fatal, "the token endpoint gave a token that no header can carry"));
    }
    Ok(Granted {
        access,
        refresh: tokens.refresh_token.filter(|text| !text.is_empty()).map(Secret::new),
        expires_in: tokens.expires_in.as_ref().and_then(seconds),
    })
}

/// A number, or a text that holds one, as some endpoints write it.
fn seconds(value: &serde_json::Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn refused(link: &Link, response: &Response<Bytes>, told: &str) -> Fault {
    let status = response.status().as_u16();
    let refusal = serde_json::from_slice::<Refusal>(response.body()).ok();
    let kind = match (status, refusal.as_ref().map(|refusal| refusal.error.as_str())) {
        (429, _) => FaultKind::Throttled,
        (408 | 425 | 500.., _) | (_, Some("temporarily_unavailable" | "server_error")) => FaultKind::Transient,
        _ => FaultKind::Fatal,
    };
    let message = match refusal {
        Some(Refusal { error, error_description: Some(why) }) => format!("the sign-in is refused: {error}: {why}"),
        Some(Refusal { error, .. }) => format!("the sign-in is refused: {error}"),
        None if kind == FaultKind::Fatal => "the sign-in is refused".to_owned(),
        None => "the token endpoint can not answer now".to_owned(),
    };
    Fault {
        status: Some(status),
        retry_after: super::rest::told_to_wait(response.headers()),
        ..sign_in_fault(link, kind, &message, told)
    }
}

#[cfg(test)]
#[path = "oauth2_tests.rs"]
mod tests;
