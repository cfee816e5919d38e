//! Requests of one connection: addresses, credentials and headers, with all that is constant made once.

use super::classify::{Answer, Asked, Caller, broken, classify};
use super::signals;
use crate::connect::http::{Elsewhere, Reach, Transport};
use crate::connect::{Fault, FaultKind, Link, Operation, Signals, Write};
use crate::model::{Auth, ConnectionKind, Method, RestConnection, Secret, Template, TemplateUse};
use base64::Engine;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What no path may hold as it is. `%` stays: inserted values are encoded already. `\` counts as `/` in some clients.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// All but RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A connection as the requests of one job need it.
pub(super) struct Client {
    transport: Arc<dyn Transport>,
    scheme: Scheme,
    authority: Authority,
    /// Without a trailing `/`; empty for a bare host.
    base_path: String,
    /// With credentials; one map for requests with a body and one for those without.
    headers: HeaderMap,
    body_headers: HeaderMap,
    /// The encoded name and the encoded `name=value` of credentials in the query.
    credential: Option<(String, String)>,
    /// Where it may be led beside its own system.
    reach: Reach,
    timeout: Duration,
    max_body: u64,
    pub(super) caller: Caller,
}

/// One request.
pub(super) struct Call {
    pub(super) asked: Asked,
    pub(super) method: http::Method,
    pub(super) target: PathAndQuery,
    pub(super) body: Bytes,
    /// Beside the connection's own.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Where an address that an answer named leads.
pub(super) struct Followed {
    /// None for the connection's own.
    pub(super) host: Option<(Scheme, Authority)>,
    pub(super) target: PathAndQuery,
}

impl Client {
    /// Prepares the requests of a job; the reason when address, headers or credentials can not be used.
    pub(super) fn new(link: &Link) -> Result<Self, String> {
        let ConnectionKind::Rest(rest) = &link.connection.kind;
        let id = &link.connection.id;
        let (scheme, authority, base_path) =
            read_base(&rest.base_url).map_err(|reason| format!("`base_url` of connection `{id}` {reason}"))?;
        let headers = constant_headers(rest).map_err(|reason| format!("connection `{id}`: {reason}"))?;
        let mut body_headers = headers.clone();
        body_headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        let credential = match &rest.auth {
            Some(Auth::Query { name, value }) => Some((encode(name).to_string(), pair(name, value.expose()))),
            _ => None,
        };
        Ok(Self {
            transport: link.transport.clone(),
            scheme,
            authority,
            base_path,
            headers,
            body_headers,
            credential,
            reach: Reach::of(rest),
            timeout: rest.timeout,
            max_body: rest.max_body,
            caller: Caller { connection: link.connection.clone(), masks: link.masks.clone() },
        })
    }

    /// The target of `path` (appended to the base) with `query` (pairs that are encoded already) and the credentials.
    pub(super) fn target(&self, path: &str, query: &[String]) -> Result<PathAndQuery, String> {
        let path = utf8_percent_encode(path, PATH);
        let mut text = String::with_capacity(self.base_path.len() + 64);
        text.push_str(&self.base_path);
        text.extend(path);
        if text.is_empty() {
            text.push('/');
        }
        let credential = self.credential.as_ref().map(|(_, pair)| pair);
        for pair in query.iter().chain(credential) {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(pair);
        }
        PathAndQuery::try_from(text).map_err(|error| format!("the address can not be used: {error}"))
    }

    /// The target of an address that the system gave, as [`Client::follow`] kept it: credentials are added again where it
    /// is this system's.
    pub(super) fn followed(&self, address: &str) -> Result<Followed, String> {
        let unusable = |error: &dyn std::fmt::Display| format!("the next page's address can not be used: {error}");
        if !address.starts_with('/') {
            let url = url::Url::parse(address).map_err(|error| unusable(&error))?;
            if !self.reach.allows(&url) {
                return Err(self.out_of_reach(&url));
            }
            let parts = url.as_str().parse::<Uri>().map_err(|error| unusable(&error))?.into_parts();
            let (Some(scheme), Some(authority), Some(target)) = (parts.scheme, parts.authority, parts.path_and_query)
            else {
                return Err(unusable(&"it names no host"));
            };
            return Ok(Followed { host: Some((scheme, authority)), target });
        }
        let text = match &self.credential {
            None => address.to_owned(),
            Some((_, pair)) if address.contains('?') => format!("{address}&{pair}"),
            Some((_, pair)) => format!("{address}?{pair}"),
        };
        let target = PathAndQuery::try_from(text).map_err(|error| unusable(&error))?;
        Ok(Followed { host: None, target })
    }

    /// Where an address that an answer names leads: relative to the answer's own address, as path and query where it is
    /// one of this system, whole where it is one of an allowed host, else refused. Credentials in its query are left
    /// out, because what comes back is stored.
    pub(super) fn follow(&self, address: &str, from: &Followed) -> Result<String, String> {
        let own =
            url::Url::parse(&format!("{}://{}", self.scheme, self.authority)).map_err(|error| error.to_string())?;
        let base = match &from.host {
            Some((scheme, authority)) => {
                url::Url::parse(&format!("{scheme}://{authority}")).map_err(|error| error.to_string())?
            }
            None => own.clone(),
        };
        let next = base
            .join(from.target.as_str())
            .and_then(|from| from.join(address.trim()))
            .map_err(|error| format!("the next page's address can not be used: {error}"))?;
        let is_own = next.origin() == own.origin();
        if !is_own && !self.reach.allows(&next) {
            return Err(self.out_of_reach(&next));
        }
        let origin = if is_own { String::new() } else { next.origin().ascii_serialization() };
        let mut text = format!("{origin}{}", next.path());
        let secret = self.credential.as_ref().map(|(name, _)| name.as_str());
        let pairs = next.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in pairs.filter(|pair| Some(encoded_name(pair).as_str()) != secret) {
            text.push(if text.contains('?') { '&' } else { '?' });
            text.push_str(pair);
        }
        Ok(text)
    }

    fn out_of_reach(&self, url: &url::Url) -> String {
        let place = match url.host_str() {
            Some(host) => {
                format!("{}://{host}{}", url.scheme(), url.port().map_or(String::new(), |port| format!(":{port}")))
            }
            None => format!("{}:", url.scheme()),
        };
        format!(
            "the next page is at `{place}`, outside of `{}://{}`: no request of this job goes there, unless \
             `allow_hosts` of connection `{}` names its host",
            self.scheme, self.authority, self.caller.connection.id
        )
    }

    /// The encoded name of credentials in the query; empty where there are none.
    pub(super) fn credential_name(&self) -> &str {
        self.credential.as_ref().map_or("", |(name, _)| name.as_str())
    }

    /// The whole address, without the credentials that [`Client::target`] put into its query.
    pub(super) fn address_without_credential(&self, target: &PathAndQuery) -> String {
        let mut text = target.as_str();
        if let Some((_, pair)) = &self.credential {
            let without = text.strip_suffix(pair.as_str());
            text = without.map_or(text, |text| text.trim_end_matches(['?', '&']));
        }
        format!("{}://{}{text}", self.scheme, self.authority)
    }

    /// `PUT /contacts/7`: the method and the path below the base, without the query.
    pub(super) fn describe(&self, method: &http::Method, target: &PathAndQuery) -> String {
        let path = target.path();
        let short = path.strip_prefix(self.base_path.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        self.caller.masks.mask(&format!("{method} {short}"))
    }

    /// Makes one request; what comes back is a success or a classified fault.
    pub(super) async fn send(&self, call: Call) -> (Result<Response<Bytes>, Fault>, Signals) {
        self.send_to(call, None).await
    }

    /// As [`Client::send`], to an allowed host in place of the connection's own: it is told nothing but what is asked for.
    pub(super) async fn send_to(
        &self,
        call: Call,
        host: Option<(Scheme, Authority)>,
    ) -> (Result<Response<Bytes>, Fault>, Signals) {
        let Call { asked, method, target, body, headers } = call;
        let mut request = Request::new(body);
        *request.headers_mut() = match (&host, request.body().is_empty()) {
            (Some(_), _) => HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]),
            (None, true) => self.headers.clone(),
            (None, false) => self.body_headers.clone(),
        };
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        *request.method_mut() = method.clone();
        let is_own = host.is_none();
        if !is_own {
            request.extensions_mut().insert(Elsewhere);
        }
        match self.uri(host, target.clone()) {
            Ok(uri) => *request.uri_mut() = uri,
            Err(reason) => {
                let fault = self.caller.fault(FaultKind::Fatal, &reason, &self.describe(&method, &target));
                return (Err(fault), Signals::default());
            }
        }
        let started = Instant::now();
        let answered = self.transport.send(request, self.timeout, self.max_body).await;
        let mut signals = Signals { took: started.elapsed(), status: None, budget: None };
        let response = match answered {
            Ok(response) => response,
            Err(error) => {
                let fault = broken(&self.caller, asked, &self.describe(&method, &target), &error);
                return (Err(fault), signals);
            }
        };
        signals.status = Some(response.status().as_u16());
        // What another host allows says nothing of this system.
        signals.budget = signals::budget(response.headers()).filter(|_| is_own);
        let checked = if response.status().is_success() && asked != Asked::Write {
            // Whether a listing's answer is one is seen when it is taken apart.
            Ok(())
        } else {
            classify(&self.caller, asked, &self.describe(&method, &target), answer(&response))
        };
        (checked.map(|()| response), signals)
    }

    fn uri(&self, host: Option<(Scheme, Authority)>, target: PathAndQuery) -> Result<Uri, String> {
        let (scheme, authority) = host.unwrap_or_else(|| (self.scheme.clone(), self.authority.clone()));
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme);
        parts.authority = Some(authority);
        parts.path_and_query = Some(target);
        Uri::from_parts(parts).map_err(|error| format!("the address can not be used: {error}"))
    }
}

pub(super) fn answer(response: &Response<Bytes>) -> Answer<'_> {
    Answer { status: response.status(), headers: response.headers(), body: response.body() }
}

pub(super) fn http_method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// `name=value`, both encoded.
pub(super) fn pair(name: &str, value: &str) -> String {
    format!("{}={}", encode(name), encode(value))
}

/// A header's value from text of outside: what could end the header line is refused, never sent.
pub(super) fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text)
        .map_err(|_| format!("the value of header `{name}` holds a line break or another control character"))
}

fn encode(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, QUERY)
}

/// The name of a query pair, encoded as [`encode`] does, so that `api%5fkey` is known as `api_key`.
fn encoded_name(pair: &str) -> String {
    let name = pair.split('=').next().unwrap_or_default();
    encode(&percent_encoding::percent_decode_str(name).decode_utf8_lossy()).to_string()
}

fn read_base(base_url: &str) -> Result<(Scheme, Authority, String), String> {
    let url = url::Url::parse(base_url).map_err(|error| format!("is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with `https://` or `http://`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or a password; put them into `auth`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("holds `?` or `#`; put parameters into `query` of the job, credentials into `auth`".to_owned());
    }
    let parts = url.as_str().parse::<Uri>().map_err(|error| format!("is no address: {error}"))?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err("names no host".to_owned());
    };
    Ok((scheme, authority, url.path().trim_end_matches('/').to_owned()))
}

fn constant_headers(rest: &RestConnection) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in &rest.headers {
        insert(&mut headers, name, value.expose())?;
    }
    match &rest.auth {
        // The token of a sign-in is put on by its transport, because it changes.
        None | Some(Auth::Query { .. } | Auth::OAuth2(_)) => {}
        Some(Auth::Bearer { token }) => {
            insert(&mut headers, AUTHORIZATION.as_str(), &format!("Bearer {}", token.expose()))?
        }
        Some(Auth::Basic { user, password }) => insert(&mut headers, AUTHORIZATION.as_str(), &basic(user, password))?,
        Some(Auth::Header { name, value }) => insert(&mut headers, name, value.expose())?,
    }
    Ok(headers)
}

fn basic(user: &Secret, password: &Secret) -> String {
    let pair = format!("{}:{}", user.expose(), password.expose());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn insert(headers: &mut HeaderMap, name: &str, text: &str) -> Result<(), String> {
    let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is no header name"))?;
    let mut value = header_value(&name, text)?;
    // Configured values may be secrets; a sensitive one is never shown nor kept in a compression table.
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

/// Clients take `.` and `..`, also as `%2E%2E`, as steps through the tree. Templates see to what is inserted.
fn refuse_walking(path_and_query: &str) -> Result<(), ()> {
    let path = path_and_query.split('?').next().unwrap_or_default();
    if path.split('/').any(is_dots) { Err(()) } else { Ok(()) }
}

fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    matches!(plain.as_str(), "." | "..")
}

/// The template of a path below the base.
pub(super) struct PathTemplate {
    text: String,
    template: Template,
    /// What stands around `{{ id }}` where nothing else is inserted, which is the usual path and needs no interpreter.
    around_id: Option<Vec<String>>,
}

impl PathTemplate {
    pub(super) fn compile(path: &str) -> Result<Self, String> {
        let text = match path.chars().next() {
            None | Some('/' | '?') => path.to_owned(),
            Some(_) => format!("/{path}"),
        };
        let template =
            Template::compile(&text, TemplateUse::Url).map_err(|reason| format!("path `{path}`: {reason}"))?;
        if template.is_constant() {
            refuse_walking(&text).map_err(|()| format!("path `{path}` holds a step `.` or `..`"))?;
        }
        Ok(Self { around_id: around_id(&text), text, template })
    }

    /// The text of the template, for messages.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_constant(&self) -> bool {
        self.template.is_constant()
    }

    pub(super) fn uses(&self, name: &str) -> bool {
        self.template.uses(name)
    }

    pub(super) fn render(&self, values: &Value) -> Result<String, String> {
        self.template.render(values).map_err(|reason| format!("path `{}`: {reason}", self.text))
    }

    /// The path of one record; `values` are made only where the path needs more than its id.
    pub(super) fn render_id(&self, id: &str, values: impl FnOnce() -> Result<Value, String>) -> Result<String, String> {
        match &self.around_id {
            // An id that begins with a dot may be a step through the tree, which the template knows to refuse.
            Some(around) if !id.is_empty() && !id.starts_with('.') => {
                let encoded: Cow<'_, str> = encode(id).into();
                Ok(around.join(encoded.as_ref()))
            }
            _ => self.render(&values()?),
        }
    }
}

/// `["/contacts/", "/mails"]` of `/contacts/{{ id }}/mails`; none where anything else is inserted.
fn around_id(text: &str) -> Option<Vec<String>> {
    let mut around = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}")?;
        if inside.trim() != "id" {
            return None;
        }
        around.push(before.to_owned());
        rest = after;
    }
    around.push(rest.to_owned());
    let is_plain = around.len() > 1 && !around.iter().any(|part| part.contains("{%") || part.contains("{#"));
    is_plain.then_some(around)
}

/// Where one kind of write goes.
pub(super) struct Address {
    path: PathTemplate,
    /// Made once where every record goes to the same place.
    constant: Option<PathAndQuery>,
}

impl Address {
    pub(super) fn compile(client: &Client, path: &str) -> Result<Self, String> {
        let path = PathTemplate::compile(path)?;
        let constant = if path.is_constant() { Some(client.target(path.text(), &[])?) } else { None };
        Ok(Self { path, constant })
    }

    pub(super) fn target(&self, client: &Client, write: &Write) -> Result<PathAndQuery, String> {
        if let Some(constant) = &self.constant {
            return Ok(constant.clone());
        }
        client.target(&render_path(&self.path, write)?, &[])
    }

    pub(super) fn text(&self) -> &str {
        self.path.text()
    }
}

/// The path of one record's write.
pub(super) fn render_path(path: &PathTemplate, write: &Write) -> Result<String, String> {
    path.render_id(write.id.as_str(), || {
        let mut values = write_values(write);
        for (name, json) in [("fields", &write.fields), ("record", &write.record.body)] {
            if path.uses(name) {
                values[name] = json.to_value().map_err(|error| format!("`{name}` can not be read: {error}"))?;
            }
        }
        Ok(values)
    })
}

/// What templates of a write know beside `fields` and `record`.
pub(super) fn write_values(write: &Write) -> Value {
    let operation = match write.operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
    };
    json!({ "id": write.id.as_str(), "operation": operation })
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
