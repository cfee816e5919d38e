//! The one HTTP client, and the seam under it.

use super::body::{self, Bounds};
use crate::model::{AllowedHost, Auth, RestConnection};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, LOCATION};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Method, StatusCode, Uri};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How a request failed before a whole answer was there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// False when the request certainly never reached the system (no connection, no name).
    pub sent: bool,
    pub timed_out: bool,
    /// The answer was larger than the limit.
    pub too_large: bool,
    /// TLS or an address that can never work: fatal.
    pub hopeless: bool,
    pub message: String,
}

/// Carries one request to a system and its whole answer back. The program's goes over the network;
/// a test's calls a router in the process, so that with a paused clock hours of waiting pass in a millisecond.
#[async_trait]
pub trait Transport: Send + Sync {
    /// `timeout` bounds the whole exchange, `max_body` the answer in bytes after decompression.
    async fn send(
        &self,
        request: ::http::Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<::http::Response<Bytes>, TransportError>;
}

/// The longest wait for a connection; the request's own timeout may be shorter.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);
/// An idle connection is given up before the usual 60 s of servers and middleboxes.
const IDLE_MAX: Duration = Duration::from_secs(55);
/// Hops of one request.
const REDIRECTS_MAX: usize = 5;

/// The transport over the network. One for each connection; it keeps its pool.
pub fn network(connection: &RestConnection) -> Result<Arc<dyn Transport>, String> {
    Clients::default().network(String::new(), connection)
}

/// The clients of many connections: those of one name share one, because each holds all certificate authorities anew.
#[derive(Default)]
pub(super) struct Clients(HashMap<(String, Wanted), reqwest::Client>);

/// What one client does otherwise than another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    connect_timeout: Duration,
    ca_file: Option<PathBuf>,
    insecure_tls: bool,
}

impl Clients {
    /// The transport of a connection of that name, over the client that others of it have already.
    pub(super) fn network(&mut self, name: String, connection: &RestConnection) -> Result<Arc<dyn Transport>, String> {
        // Half of the request's timeout, so that a system that takes no connections is told from one that does not answer.
        let connect_timeout = CONNECT_TIMEOUT_MAX.min(connection.timeout / 2).min(connection.idle_timeout / 2);
        let wanted =
            Wanted { connect_timeout, ca_file: connection.ca_file.clone(), insecure_tls: connection.insecure_tls };
        let client = match self.0.entry((name, wanted)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => {
                let client = client(&place.key().1)?;
                place.insert(client).clone()
            }
        };
        Ok(Arc::new(Network {
            client,
            origin: Origin::of(&connection.base_url),
            reach: Reach::of(connection),
            idle: connection.idle_timeout,
            max_ratio: connection.max_ratio,
        }))
    }
}

/// A client that honours `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, and trusts the system's certificate authorities,
/// Mozilla's, and those of its own file.
fn client(wanted: &Wanted) -> Result<reqwest::Client, String> {
    use_ring();
    let mut roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|root| reqwest::Certificate::from_der(root))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the built-in certificates can not be read: {}", root_cause(&error)))?;
    if let Some(path) = &wanted.ca_file {
        roots.extend(authorities(path)?);
    }
    reqwest::Client::builder()
        .user_agent(concat!("syncdeck/", env!("CARGO_PKG_VERSION")))
        // Merged, because a host without authority files would otherwise refuse to build any client.
        .tls_certs_merge(roots)
        .tls_danger_accept_invalid_certs(wanted.insecure_tls)
        .redirect(reqwest::redirect::Policy::none())
        // Only the engine repeats a request, so that every attempt is counted.
        .retry(reqwest::retry::never())
        .connect_timeout(wanted.connect_timeout)
        .pool_idle_timeout(IDLE_MAX)
        .tcp_nodelay(true)
        .http2_adaptive_window(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .build()
        .map_err(|error| format!("the HTTP client can not be built: {}", root_cause(&error)))
}

fn authorities(path: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let refused = |why: String| format!("`ca_file` `{}` can not be used: {why}", path.display());
    let text = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&text).map_err(|error| refused(root_cause(&error)))?;
    if found.is_empty() {
        return Err(refused("it holds no certificate (PEM)".to_owned()));
    }
    Ok(found)
}

/// Ring is chosen once for the process; a provider that the program chose already stands.
pub fn use_ring() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Refused only when a provider stands already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

struct Network {
    client: reqwest::Client,
    /// None for a base address that is none; what is asked for then has its own reason.
    origin: Option<Origin>,
    reach: Reach,
    idle: Duration,
    max_ratio: u32,
}

/// A request leaves the connection's own system for a host of `allow_hosts`, and so carries no credentials.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elsewhere;

/// Where the requests of a connection may be led.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    is_https: bool,
    hosts: Vec<AllowedHost>,
    /// The query parameter that carries credentials.
    credential: Option<String>,
}

impl Reach {
    pub(super) fn of(connection: &RestConnection) -> Self {
        let credential = match &connection.auth {
            Some(Auth::Query { name, .. }) => Some(name.clone()),
            _ => None,
        };
        Self {
            is_https: !connection.base_url.starts_with("http://"),
            hosts: connection.allow_hosts.clone(),
            credential,
        }
    }

    /// True for an address on one of the hosts that are allowed beside the connection's own. From `https` no way leads
    /// to `http`.
    pub(super) fn allows(&self, url: &Url) -> bool {
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && !self.is_https);
        let is_bare = url.username().is_empty() && url.password().is_none();
        let usual = if url.scheme() == "https" { 443 } else { 80 };
        let is_named = |host: &AllowedHost| {
            url.host_str() == Some(host.host.as_str())
                && url.port_or_known_default() == Some(host.port.unwrap_or(usual))
        };
        is_safe && is_bare && self.hosts.iter().any(is_named)
    }

    /// Takes what a system repeated of the credentials out of an address.
    fn without_credential(&self, mut url: Url) -> Url {
        if let Some(name) = &self.credential
            && url.query_pairs().any(|(own, _)| own == name.as_str())
        {
            let kept: Vec<(String, String)> =
                url.query_pairs().filter(|(own, _)| own != name.as_str()).map(|(a, b)| (a.into(), b.into())).collect();
            url.query_pairs_mut().clear().extend_pairs(kept);
        }
        url
    }
}

/// The system of a connection, taken apart once: its addresses differ in path and query alone.
struct Origin {
    url: Url,
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    fn of(base_url: &str) -> Option<Self> {
        let url = Url::parse(base_url).ok()?.join("/").ok()?;
        let parts = url.as_str().parse::<Uri>().ok()?.into_parts();
        Some(Self { url, scheme: parts.scheme?, authority: parts.authority? })
    }

    /// The address of `uri`, where it is one of this system's and its path could not be read as another host.
    fn address(&self, uri: &Uri) -> Option<Url> {
        let path = uri.path_and_query()?.as_str();
        let is_ours = uri.scheme() == Some(&self.scheme) && uri.authority() == Some(&self.authority);
        let is_plain = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\");
        if is_ours && is_plain { self.url.join(path).ok() } else { None }
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(
        &self,
        request: ::http::Request<Bytes>,
        timeout: Duration,
        max_body: u64,
    ) -> Result<::http::Response<Bytes>, TransportError> {
        match tokio::time::timeout(timeout, self.exchange(request, max_body)).await {
            Ok(answered) => answered,
            Err(_) => Err(TransportError {
                sent: true,
                timed_out: true,
                too_large: false,
                hopeless: false,
                message: format!("no whole answer within {} s", timeout.as_secs_f64()),
            }),
        }
    }
}

impl Network {
    /// One request and the redirects that it may follow: five, on the same origin, and without credentials to hosts that
    /// are allowed.
    async fn exchange(
        &self,
        request: ::http::Request<Bytes>,
        max_body: u64,
    ) -> Result<::http::Response<Bytes>, TransportError> {
        let (parts, body) = request.into_parts();
        let mut url = match self.origin.as_ref().and_then(|origin| origin.address(&parts.uri)) {
            Some(url) => url,
            None => Url::parse(&parts.uri.to_string())
                .map_err(|error| hopeless(format!("the address can not be used: {error}")))?,
        };
        let mut method = parts.method;
        let mut headers = parts.headers;
        headers.entry(ACCEPT_ENCODING).or_insert(body::ACCEPTED);
        let bounds = Bounds { max_body, max_ratio: self.max_ratio, idle: self.idle };
        let mut body = body;
        for _ in 0..=REDIRECTS_MAX {
            let mut hop = reqwest::Request::new(method.clone(), url.clone());
            *hop.headers_mut() = headers.clone();
            if !body.is_empty() {
                *hop.body_mut() = Some(reqwest::Body::from(body.clone()));
            }
            let response = body::heard(self.client.execute(hop), self.idle, &url).await?;
            let Some(next) = redirect(&method, response.status(), response.headers(), &url, &self.reach) else {
                return collect(response, bounds, &url).await;
            };
            url = next.url;
            if next.leaves {
                headers = bare(&headers);
                url = self.reach.without_credential(url);
            }
            if !next.keeps_body {
                method = Method::GET;
                body = Bytes::new();
                headers.remove(CONTENT_TYPE);
            }
        }
        Err(hopeless(format!("`{}` redirects more than {REDIRECTS_MAX} times", place(&url))))
    }
}

struct Redirect {
    url: Url,
    keeps_body: bool,
    /// It leads to another system.
    leaves: bool,
}

/// What of a request's headers another system may see.
fn bare(headers: &HeaderMap) -> HeaderMap {
    let shown = [ACCEPT, ACCEPT_ENCODING];
    shown.into_iter().filter_map(|name| Some((name.clone(), headers.get(&name)?.clone()))).collect()
}

/// Where an answer sends the request on; none when the answer is to be handed up as it is.
fn redirect(method: &Method, status: StatusCode, headers: &HeaderMap, from: &Url, reach: &Reach) -> Option<Redirect> {
    let keeps_body = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let turns_to_get = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER);
    // A write that came back as a read would count as written, so a write follows only where it stays a write.
    let stays_read = turns_to_get && method == Method::GET;
    if !(keeps_body || stays_read) {
        return None;
    }
    let url = from.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    let leaves = url.origin() != from.origin();
    let may_leave = *method == Method::GET && reach.allows(&url);
    (!leaves || may_leave).then_some(Redirect { url, keeps_body, leaves })
}

async fn collect(
    mut response: reqwest::Response,
    bounds: Bounds,
    url: &Url,
) -> Result<::http::Response<Bytes>, TransportError> {
    let (status, version) = (response.status(), response.version());
    let mut headers = std::mem::take(response.headers_mut());
    let body = body::read(response, &mut headers, bounds, url).await?;
    let mut answer = ::http::Response::new(body);
    *answer.status_mut() = status;
    *answer.version_mut() = version;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn hopeless(message: String) -> TransportError {
    TransportError { sent: false, timed_out: false, too_large: false, hopeless: true, message }
}

/// How the message of an untrusted certificate begins.
pub(super) const UNTRUSTED: &str = "the certificate of";

/// What an error of the client means. The address is named without its query, which may hold a secret.
pub(super) fn broken(error: &reqwest::Error, url: &Url) -> TransportError {
    let cause = root_cause(error);
    let place = place(url);
    if error.is_builder() {
        return hopeless(format!("the address of `{place}` can not be used: {cause}"));
    }
    if let Some(tls) = tls_error(error)
        && is_untrusted(tls)
    {
        return hopeless(format!("{UNTRUSTED} `{place}` is refused: {tls}"));
    }
    let sent = !error.is_connect();
    let timed_out = error.is_timeout();
    let message = match (sent, timed_out) {
        (false, true) => format!("`{place}` takes no connection in time"),
        (false, false) => format!("can not connect to `{place}`: {cause}"),
        (true, true) => format!("`{place}` did not answer in time"),
        (true, false) => format!("the connection to `{place}` broke: {cause}"),
    };
    TransportError { sent, timed_out, too_large: false, hopeless: false, message }
}

/// `host:port`, without path, query and user.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The innermost cause, which is what a person can act on; the outer ones repeat the address.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut text = String::from("the request failed");
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // An input/output error leaves out of `source` what it was made of, which may be another such error.
        cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    None
}

fn is_untrusted(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::UnsupportedNameType
    )
}
