//! A token endpoint (OAuth 2.0) in front of both systems, with knobs for expiry, rotation, revocation and refusal.

use super::Side;
use super::http::json;
use crate::model::Timestamp;
use axum::response::Response;
use http::HeaderMap;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// The one client that it knows, with its secret and the first refresh token.
pub const CLIENT: [&str; 3] = ["syncdeck", "simulated-client-secret", "simulated-refresh-0"];

/// Knobs of the token endpoint, as `POST /sim/identity` takes them. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityOrder {
    /// The sides that admit nobody without a token from here.
    pub guards: Option<Vec<Side>>,
    /// Seconds for which a token holds that is given from now on.
    pub expires_in: Option<u64>,
    /// A refresh gives a new refresh token, and the old one is dead.
    pub rotates: Option<bool>,
    /// This status for every request for a token; 200 lets them pass again.
    pub status: Option<u16>,
    /// Tokens are given that no side admits.
    pub useless: Option<bool>,
    /// All access tokens that were given are dead.
    pub revoke: bool,
    /// The refresh token is dead.
    pub revoke_refresh: bool,
}

/// The token endpoint of a world. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Mutex<State>>);

struct State {
    guards: HashSet<Side>,
    expires_in: Duration,
    rotates: bool,
    status: u16,
    useless: bool,
    /// Until when each holds.
    given: HashMap<String, Timestamp>,
    refresh: String,
    n_asked: u64,
    n_given: u64,
}

impl Default for Identity {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            guards: HashSet::new(),
            expires_in: Duration::from_secs(3_600),
            rotates: false,
            status: 200,
            useless: false,
            given: HashMap::new(),
            refresh: CLIENT[2].to_owned(),
            n_asked: 0,
            n_given: 0,
        })))
    }
}

impl Identity {
    pub fn order(&self, order: IdentityOrder) {
        let mut state = self.0.lock();
        if let Some(guards) = order.guards {
            state.guards = guards.into_iter().collect();
        }
        if let Some(seconds) = order.expires_in {
            state.expires_in = Duration::from_secs(seconds);
        }
        state.rotates = order.rotates.unwrap_or(state.rotates);
        state.status = order.status.unwrap_or(state.status);
        state.useless = order.useless.unwrap_or(state.useless);
        if order.revoke {
            state.given.clear();
        }
        if order.revoke_refresh {
            state.refresh = "revoked".to_owned();
        }
    }

    /// Requests for a token that came in, and tokens that were given.
    pub fn figures(&self) -> (u64, u64) {
        let state = self.0.lock();
        (state.n_asked, state.n_given)
    }

    /// The refresh token that is good now.
    pub fn refresh_token(&self) -> String {
        self.0.lock().refresh.clone()
    }

    pub(super) fn admits(&self, side: Side, authorization: Option<&str>, now: Timestamp) -> bool {
        let state = self.0.lock();
        if !state.guards.contains(&side) {
            return true;
        }
        let token = authorization.and_then(|header| header.strip_prefix("Bearer "));
        token.and_then(|token| state.given.get(token)).is_some_and(|until| *until > now)
    }

    /// `POST /oauth/token`.
    pub(super) fn answer(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Response {
        let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
        let mut state = self.0.lock();
        state.n_asked += 1;
        if state.status != 200 {
            return refusal(state.status, "temporarily_unavailable");
        }
        if !knows_client(headers, &form) {
            return refusal(401, "invalid_client");
        }
        let is_refresh = match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => false,
            Some("refresh_token") if form.get("refresh_token") == Some(&state.refresh) => true,
            Some("refresh_token") => return refusal(400, "invalid_grant"),
            _ => return refusal(400, "unsupported_grant_type"),
        };
        state.n_given += 1;
        let token = format!("simulated-access-{}", state.n_given);
        if !state.useless {
            let until = now.plus(state.expires_in);
            state.given.retain(|_, until| *until > now);
            state.given.insert(token.clone(), until);
        }
        let mut answer = value!({
            "access_token": token, "token_type": "bearer", "expires_in": state.expires_in.as_secs(),
        });
        if is_refresh && state.rotates {
            state.refresh = format!("simulated-refresh-{}", state.n_given);
            answer["refresh_token"] = state.refresh.clone().into();
        }
        json(200, &answer)
    }
}

fn knows_client(headers: &HeaderMap, form: &HashMap<String, String>) -> bool {
    use base64::Engine;
    let [id, secret, _] = CLIENT;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let told = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let by_body =
        ["client_id", "client_secret"].map(|name| form.get(name).map(String::as_str)) == [Some(id), Some(secret)];
    by_body || told == Some(format!("Basic {basic}").as_str())
}

fn refusal(status: u16, error: &str) -> Response {
    json(status, &value!({ "error": error, "error_description": "told by the simulated token endpoint" }))
}
