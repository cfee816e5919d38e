//! Connections: from checked tables to the model.

use super::instances::Order;
use super::report::{Place, Report, SourceFile};
use super::suspects::is_secret_name;
use super::tree::{Table, Value};
use crate::model::{
    AllowedHost, Auth, Connection, ConnectionId, ConnectionKind, Limits, QuotaRule, RestConnection, RetryRule, Secret,
};
use std::path::PathBuf;
use url::{Host, Url};

/// Builds one connection. None when a part of it is wrong, which was told.
pub(super) fn connection(order: &Order, files: &[SourceFile], report: &mut Report) -> Option<Connection> {
    super::check_name("connection", &order.entry, report);
    let table = order.table()?;
    let limits = table.table("limits").map(limits);
    let retry = table.table("retry").and_then(|retry| retry_rule(retry, report));
    let headers = headers(table.table("headers"), report);
    let auth = table.table("auth").map(|auth| auth_of(auth, report));
    let base_url = base_url(table, report);
    if let Some(url) = &base_url {
        let has_credentials = auth.is_some() || headers.iter().flatten().any(|(name, _)| is_secret_name(name));
        warn_of_clear_text(url, has_credentials, table.place_of("base_url"), report);
    }
    let allow_hosts = allow_hosts(table, report);
    let ca_file = ca_file(table, files, report);
    if table.boolean("insecure_tls") {
        let hint = "name the authority of its certificate as `ca_file`, and leave `insecure_tls` out".to_owned();
        let problem =
            "certificates of this system are not checked, so whoever stands between can read and change everything";
        report.warning(table.place_of("insecure_tls"), problem, hint);
    }
    let auth = match auth {
        Some(auth) => Some(auth?),
        None if table.is_written("auth") => return None,
        None => None,
    };
    let timeout = table.duration("timeout")?;
    let idle_timeout = table.duration("idle_timeout")?;
    // Whoever lets a request take longer means a system that is slow to begin its answer, too.
    let idle_timeout = if table.is_written("idle_timeout") { idle_timeout } else { idle_timeout.max(timeout) };
    Some(Connection {
        id: ConnectionId::from(order.id()),
        kind: ConnectionKind::Rest(RestConnection {
            base_url: base_url?.as_str().trim_end_matches('/').to_owned(),
            headers: headers?,
            auth,
            timeout,
            idle_timeout,
            max_body: table.size("max_body")?,
            max_ratio: table.count("max_ratio")?,
            max_depth: table.count("max_depth")?,
            allow_hosts: allow_hosts?,
            ca_file,
            insecure_tls: table.boolean("insecure_tls"),
        }),
        limits: limits?,
        retry: retry?,
    })
}

fn base_url(table: &Table, report: &mut Report) -> Option<Url> {
    let text = table.text("base_url")?;
    let place = table.place_of("base_url");
    let mut refuse = |problem: &str, hint: &str| {
        report.mistake(place, problem, hint.to_owned());
        None
    };
    let Ok(url) = Url::parse(&text.text) else {
        return refuse("`base_url` is no address", "write it whole, such as `\"https://shop.example.com/api\"`");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse("`base_url` must begin with `https://` or `http://`", "a connection of type `rest` speaks HTTP");
    }
    if !url.username().is_empty() || url.password().is_some() {
        // As they stand in the file: a parsed address holds them percent-encoded.
        let user_info = text.text.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(part, _)| part);
        for part in user_info.into_iter().flat_map(|whole| [Some(whole), whole.split_once(':').map(|(_, last)| last)]) {
            part.into_iter().for_each(|part| report.suspect(part));
        }
        let hint = "write `auth = { type = \"basic\", user = \"…\", password = \"${NAME}\" }` instead";
        report.mistake(place, "`base_url` holds a user or a password, which would be shown", hint.to_owned());
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse(
            "`base_url` holds a query or a fragment, to which no path can be appended",
            "put parameters into the job's `query`, or a key into `auth = { type = \"query\", … }`",
        );
    }
    Some(url)
}

fn allow_hosts(table: &Table, report: &mut Report) -> Option<Vec<AllowedHost>> {
    let mut hosts = Vec::new();
    let mut is_whole = true;
    for node in table.list("allow_hosts") {
        let Value::Text(text) = &node.value else { return None };
        match allowed_host(&text.text) {
            Some(host) => hosts.push(host),
            None => {
                is_whole = false;
                let hint = "write `\"files.example.com\"`, or `\"files.example.com:8443\"`".to_owned();
                report.mistake(node.place, "a host has neither scheme nor path", hint);
            }
        }
    }
    is_whole.then_some(hosts)
}

fn allowed_host(text: &str) -> Option<AllowedHost> {
    // As part of an address, so that it is spelt as addresses are; 80 is not the port that this scheme means.
    let url = Url::parse(&format!("https://{text}/")).ok()?;
    let port = text.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
    let port = port.map(str::parse::<u16>).transpose().ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_plain = is_bare && url.username().is_empty() && url.password().is_none() && !text.ends_with('/');
    is_plain.then(|| Some(AllowedHost { host: url.host_str()?.to_owned(), port }))?
}

/// The file of authorities, relative to the file that names it. Whether it can be used is seen where it is.
fn ca_file(table: &Table, files: &[SourceFile], report: &mut Report) -> Option<PathBuf> {
    let text = table.owned_text("ca_file")?;
    let place = table.place_of("ca_file");
    if text.is_empty() {
        report.mistake(place, "`ca_file` is empty", "name a file of certificates (PEM), or leave it out".to_owned());
        return None;
    }
    Some(files[place.file].folder.join(text))
}

fn warn_of_clear_text(url: &Url, has_credentials: bool, place: Place, report: &mut Report) {
    if has_credentials && url.scheme() == "http" && !is_loopback(url) {
        let hint = "write `https://`, if the system speaks it".to_owned();
        report.warning(place, "credentials are sent without encryption", hint);
    }
}

/// What is sent there leaves this machine for no network.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn headers(table: Option<&Table>, report: &mut Report) -> Option<Vec<(String, Secret)>> {
    let table = table?;
    let mut whole = table.texts().count() == table.entries.len();
    let mut headers = Vec::new();
    for entry in &table.entries {
        let Value::Text(value) = &entry.node.value else {
            continue;
        };
        if http::HeaderName::from_bytes(entry.name.as_bytes()).is_err() {
            whole = false;
            let hint = "a header's name has letters, digits and `-`".to_owned();
            report.mistake(entry.key_place, format!("`{}` is no name of a header", entry.name), hint);
        }
        // `Accept` is no secret; what stands in `Authorization` is, also when it is written out.
        if is_secret_name(&entry.name) && !value.secret {
            report.literal_secret(&value.text);
        }
        whole &= is_header_value(&value.text, &entry.name, entry.node.place, report);
        headers.push((entry.name.clone(), Secret::new(&*value.text)));
    }
    whole.then_some(headers)
}

/// True when a header can carry the text; else it was told, without the text.
fn is_header_value(text: &str, name: &str, place: Place, report: &mut Report) -> bool {
    if http::HeaderValue::from_str(text).is_ok() {
        return true;
    }
    let hint = if text.ends_with(['\n', '\r']) {
        "it ends with a newline; `${file:PATH}` leaves the last newline out"
    } else {
        "only printable ASCII characters can be sent in a header"
    };
    report.mistake(
        place,
        format!("the value of `{name}` holds a character that a header can not carry"),
        hint.to_owned(),
    );
    false
}

fn auth_of(table: &Table, report: &mut Report) -> Option<Auth> {
    let secret = |name: &str| table.text(name).map(|text| Secret::new(&*text.text));
    match table.tag? {
        "bearer" => {
            let token = secret("token")?;
            is_header_value(token.expose(), "token", table.place_of("token"), report).then_some(Auth::Bearer { token })
        }
        "basic" => {
            let user = secret("user")?;
            if user.expose().contains(':') {
                let hint = "HTTP parts user and password at the first colon".to_owned();
                report.mistake(table.place_of("user"), "`user` holds a colon", hint);
                return None;
            }
            Some(Auth::Basic { user, password: secret("password")? })
        }
        "header" => {
            let value = secret("value")?;
            let name = table.owned_text("name")?;
            is_header_value(value.expose(), "value", table.place_of("value"), report)
                .then_some(Auth::Header { name, value })
        }
        "oauth2" => super::oauth2::auth(table, report).map(|oauth| Auth::OAuth2(Box::new(oauth))),
        _ => Some(Auth::Query { name: table.owned_text("name")?, value: secret("value")? }),
    }
}

fn limits(table: &Table) -> Limits {
    let usual = Limits::default();
    Limits {
        requests: table.count("requests"),
        per: table.duration("per").unwrap_or(usual.per),
        burst: table.count("burst").unwrap_or(usual.burst),
        in_flight: table.count("in_flight").unwrap_or(usual.in_flight),
        quota: table.table("quota").and_then(quota),
        in_flight_fixed: table.is_written("in_flight"),
    }
}

fn quota(table: &Table) -> Option<QuotaRule> {
    Some(QuotaRule { requests: u64::from(table.count("requests")?), per: table.duration("per")? })
}

fn retry_rule(table: &Table, report: &mut Report) -> Option<RetryRule> {
    let (first_delay, max_delay) = (table.duration("first_delay")?, table.duration("max_delay")?);
    if first_delay > max_delay {
        let hint = "the first wait is the shortest one".to_owned();
        report.mistake(table.place_of("first_delay"), "`first_delay` is longer than `max_delay`", hint);
    }
    let max_retry_after = table.duration("max_retry_after")?;
    Some(RetryRule { attempts: table.count("attempts")?, first_delay, max_delay, max_retry_after })
}
