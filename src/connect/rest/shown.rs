//! A request as a person may see it: what is sent, with a variable in the place of everything that is configured.

use super::request::{Call, Client};
use crate::model::{Auth, ConnectionKind, LetterRequest, RequestHeader, variable_of};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};

const JSON: &str = "application/json";

/// What `call` sends. No secret of the configuration is in it, wherever a template may have put one.
pub(super) fn shown(client: &Client, call: &Call, is_batch: bool) -> Result<LetterRequest, String> {
    let ConnectionKind::Rest(rest) = &client.caller.connection.kind;
    let mask = |text: &str| client.caller.masks.mask(text);
    let body = std::str::from_utf8(&call.body).map_err(|_| "its body is not UTF-8".to_owned())?;
    let is_configured = |wanted: &HeaderName| {
        let is_it = |name: &str| name.eq_ignore_ascii_case(wanted.as_str());
        rest.headers.iter().any(|(name, _)| is_it(name))
            || matches!(&rest.auth, Some(Auth::Header { name, .. }) if is_it(name))
    };
    let mut headers = Vec::new();
    for (name, is_sent) in [(ACCEPT, true), (CONTENT_TYPE, !body.is_empty())] {
        if is_sent && !is_configured(&name) {
            headers.push(RequestHeader::plain(name.as_str(), JSON));
        }
    }
    let own = |name: &str| call.headers.iter().any(|(own, _)| own.as_str().eq_ignore_ascii_case(name));
    for (name, _) in rest.headers.iter().filter(|(name, _)| !own(name)) {
        headers.push(RequestHeader::secret(&name.to_ascii_lowercase(), "", &variable_of(name)));
    }
    match &rest.auth {
        None | Some(Auth::Query { .. }) => {}
        Some(Auth::Bearer { .. } | Auth::OAuth2(_)) => {
            headers.push(RequestHeader::secret(AUTHORIZATION.as_str(), "Bearer ", "TOKEN"))
        }
        Some(Auth::Basic { .. }) => {
            headers.push(RequestHeader::secret(AUTHORIZATION.as_str(), "Basic ", "CREDENTIALS"));
        }
        Some(Auth::Header { name, .. }) => {
            headers.push(RequestHeader::secret(&name.to_ascii_lowercase(), "", &variable_of(name)));
        }
    }
    for (name, value) in call.headers.iter().filter(|(_, value)| !value.is_empty()) {
        let value = value.to_str().map_err(|_| format!("header `{name}` is not text"))?;
        headers.push(RequestHeader::plain(name.as_str(), &mask(value)));
    }
    let query_variable = match &rest.auth {
        Some(Auth::Query { name, .. }) => Some((client.credential_name().to_owned(), variable_of(name))),
        _ => None,
    };
    Ok(LetterRequest {
        method: call.method.to_string(),
        url: mask(&client.address_without_credential(&call.target)),
        query_variable,
        headers,
        body: mask(body),
        is_batch,
    })
}
