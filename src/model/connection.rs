//! How to reach one outside system: address, credentials, limits.

use super::{ConnectionId, RetryRule, Secret};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    pub id: ConnectionId,
    pub kind: ConnectionKind,
    pub limits: Limits,
    pub retry: RetryRule,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ConnectionKind {
    Rest(RestConnection),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RestConnection {
    /// Without a trailing `/`.
    pub base_url: String,
    pub headers: Vec<(String, Secret)>,
    pub auth: Option<Auth>,
    /// One request, connect to last byte.
    pub timeout: Duration,
    /// The longest wait for the next byte of an answer.
    pub idle_timeout: Duration,
    /// The largest answer that is taken, in bytes after decompression.
    pub max_body: u64,
    /// An answer may inflate to so many times what was sent.
    pub max_ratio: u32,
    /// Records may be nested so deep.
    pub max_depth: u32,
    /// Hosts beside its own to which next pages and redirects of reads may lead, without credentials.
    pub allow_hosts: Vec<AllowedHost>,
    /// Certificate authorities (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Certificates are not checked: whoever stands between can read and change everything.
    pub insecure_tls: bool,
}

/// A host to which a connection may be led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// As addresses name it: in lower case, an IPv6 address in brackets.
    pub host: String,
    /// None for the port that the scheme means.
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Auth {
    Bearer { token: Secret },
    Basic { user: Secret, password: Secret },
    Header { name: String, value: Secret },
    Query { name: String, value: Secret },
    OAuth2(Box<OAuth2>),
}

/// How a connection signs in by OAuth 2.0 (RFC 6749): with its own credentials, or with a refresh token that a person was
/// given once.
#[derive(Clone, Debug, PartialEq)]
pub struct OAuth2 {
    pub token_url: String,
    pub client_id: String,
    /// None for a public client, which has a refresh token.
    pub client_secret: Option<Secret>,
    pub scopes: Vec<String>,
    /// None asks with the client's own credentials.
    pub refresh_token: Option<Secret>,
    /// Further parameters of a token request, such as `audience`.
    pub params: Vec<(String, Secret)>,
    pub client_auth: ClientAuth,
}

/// Where a token request carries the client's id and secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the `Authorization` header.
    Basic,
    /// Among the parameters of the body.
    Body,
}

impl RestConnection {
    /// A connection to `base_url` with everything as it is where nothing is configured.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            headers: Vec::new(),
            auth: None,
            timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            max_body: 64 << 20,
            max_ratio: 100,
            max_depth: 128,
            allow_hosts: Vec::new(),
            ca_file: None,
            insecure_tls: false,
        }
    }

    /// How requests are signed, in words for people: the kind, and names, never a value.
    pub fn sign_in_words(&self) -> Vec<String> {
        let mut words = vec![match &self.auth {
            None => "no sign-in is configured".to_owned(),
            Some(Auth::Bearer { .. }) => "a bearer token in the header `Authorization`".to_owned(),
            Some(Auth::Basic { .. }) => "a user and a password (basic) in the header `Authorization`".to_owned(),
            Some(Auth::Header { name, .. }) => format!("a key in the header `{name}`"),
            Some(Auth::Query { name, .. }) => format!("a key in the query parameter `{name}`"),
            Some(Auth::OAuth2(oauth)) => match &oauth.refresh_token {
                Some(_) => "oauth2 with a refresh token".to_owned(),
                None => "oauth2 with the client's own credentials".to_owned(),
            },
        }];
        if let Some(Auth::OAuth2(_)) = &self.auth {
            words.push("its token is renewed before it expires, and once after a 401".to_owned());
        } else if self.auth.is_some() {
            words.push(
                "it does not say when it expires; a 401 stops the jobs on it, which then need attention".to_owned(),
            );
        }
        if !self.headers.is_empty() {
            let names: Vec<String> = self.headers.iter().map(|(name, _)| format!("`{name}`")).collect();
            words.push(format!("headers of its own: {}", names.join(", ")));
        }
        words
    }
}

/// A token bucket and a ceiling of requests in flight, shared by all jobs of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests allowed in each `per`; none means that no budget is configured.
    pub requests: Option<u32>,
    pub per: Duration,
    /// Requests that may come at once after a pause.
    pub burst: u32,
    /// The most requests in flight; the engine adapts below it.
    pub in_flight: u32,
    /// Requests in a long span, counted over restarts.
    pub quota: Option<QuotaRule>,
    /// True when the configuration names `in_flight`; else the engine finds its own way up to [`Limits::IN_FLIGHT_MAX`].
    pub in_flight_fixed: bool,
}

/// A quota of requests, such as a day's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaRule {
    pub requests: u64,
    pub per: Duration,
}

impl Limits {
    /// The ceiling where none is configured.
    pub const IN_FLIGHT_MAX: u32 = 64;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: None,
            per: Duration::from_secs(60),
            burst: 1,
            in_flight: Self::IN_FLIGHT_MAX,
            quota: None,
            in_flight_fixed: false,
        }
    }
}
