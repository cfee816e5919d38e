//! The sign-in of a connection: from a checked table to the model.

use super::connections::is_loopback;
use super::report::Report;
use super::suspects::is_secret_name;
use super::tree::{Table, Value};
use crate::model::{ClientAuth, OAuth2, Secret};
use url::Url;

/// The parameters that a token request has already.
const OWN: [&str; 6] = ["grant_type", "refresh_token", "scope", "client_id", "client_secret", "audience"];

/// Builds a sign-in. None when a part of it is wrong, which was told.
pub(super) fn auth(table: &Table, report: &mut Report) -> Option<OAuth2> {
    let secret = |name: &str| table.text(name).map(|text| Secret::new(&*text.text));
    let token_url = token_url(table, report);
    let (client_secret, refresh_token) = (secret("client_secret"), secret("refresh_token"));
    if !table.is_written("client_secret") && !table.is_written("refresh_token") {
        let hint = "write `client_secret = \"${NAME}\"`; a public client needs `refresh_token` instead".to_owned();
        report.mistake(table.place, "a sign-in needs a `client_secret` or a `refresh_token`", hint);
        return None;
    }
    let params = params(table, report);
    let scopes = table.list("scopes").iter().filter_map(|node| match &node.value {
        Value::Text(text) => Some(text.text.clone()),
        _ => None,
    });
    Some(OAuth2 {
        token_url: token_url?.into(),
        client_id: table.owned_text("client_id")?,
        client_secret,
        scopes: scopes.collect(),
        refresh_token,
        params: params?,
        client_auth: match table.owned_text("client_auth").as_deref() {
            Some("body") => ClientAuth::Body,
            _ => ClientAuth::Basic,
        },
    })
}

fn token_url(table: &Table, report: &mut Report) -> Option<Url> {
    let text = table.text("token_url")?;
    let place = table.place_of("token_url");
    let url =
        Url::parse(&text.text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    let Some(url) = url else {
        let hint = "write it whole, such as `\"https://id.example.com/oauth/token\"`".to_owned();
        report.mistake(place, "`token_url` is no address", hint);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        let hint = "put the client's id and secret into `client_id` and `client_secret`".to_owned();
        report.mistake(place, "`token_url` holds a user, a password or a fragment", hint);
        return None;
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        let hint = "write `https://`, if the token endpoint speaks it".to_owned();
        report.warning(place, "credentials are sent to the token endpoint without encryption", hint);
    }
    Some(url)
}

fn params(table: &Table, report: &mut Report) -> Option<Vec<(String, Secret)>> {
    let written = table.table("params")?;
    let mut params = Vec::new();
    let mut whole = written.texts().count() == written.entries.len();
    for entry in &written.entries {
        let Value::Text(value) = &entry.node.value else { continue };
        if OWN.contains(&entry.name.as_str()) {
            whole = false;
            let hint = format!("write `{}` beside `token_url`, if it is to be another", entry.name);
            let hint = if entry.name == "grant_type" { "it follows from `refresh_token`".to_owned() } else { hint };
            report.mistake(entry.key_place, format!("`{}` is sent already", entry.name), hint);
        }
        if is_secret_name(&entry.name) && !value.secret {
            report.literal_secret(&value.text);
        }
        params.push((entry.name.clone(), Secret::new(&*value.text)));
    }
    params.extend(table.owned_text("audience").map(|audience| ("audience".to_owned(), Secret::new(audience))));
    whole.then_some(params)
}
