//! What an answer means for the engine: the fault table, as one pure function.

use super::message::{Told, beginning, cut, is_web_page, told};
use super::signals;
use crate::connect::http::{TransportError, UNTRUSTED};
use crate::connect::{Fault, FaultKind, RecordFault};
use crate::model::{Auth, Connection, ConnectionKind, Masks, Reason};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// What a request wanted, which decides what its failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One page of a listing.
    Page { cursor_sent: bool },
    /// One record at the source.
    Record,
    /// A write of one record or of a batch.
    Write,
}

/// Characters of an answer that is not what it should be, in the sentence that says so.
const SHOWN_MAX: usize = 200;
const MESSAGE_MAX: usize = 400;

/// A whole answer.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    fn content_type(&self) -> Option<&str> {
        self.headers.get(CONTENT_TYPE)?.to_str().ok()
    }
}

/// Who asks: what hints must name and what no text may show.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) connection: Arc<Connection>,
    pub(super) masks: Masks,
}

impl Caller {
    /// A fault without an answer. `request` is what was asked, without its query.
    pub(super) fn fault(&self, kind: FaultKind, message: &str, request: &str) -> Fault {
        Fault {
            kind,
            record: None,
            status: None,
            message: cut(&self.masks.mask(message), MESSAGE_MAX),
            field: None,
            answer: None,
            retry_after: None,
            request: self.masks.mask(request),
            cursor_expired: false,
            hint: None,
        }
    }

    /// A record that can not even be asked for: its address, body or header can not be built.
    pub(super) fn unsendable(&self, message: &str, request: &str) -> Fault {
        Fault { record: Some(RecordFault::Rejected), ..self.fault(FaultKind::Record, message, request) }
    }

    /// An answer that came, was accepted, and is not what was agreed.
    pub(super) fn unusable(&self, kind: FaultKind, message: &str, request: &str, answer: Answer<'_>) -> Fault {
        Fault {
            status: Some(answer.status.as_u16()),
            answer: self.shown_answer(answer.body),
            ..self.fault(kind, message, request)
        }
    }

    /// The answer is no JSON of the kind that was agreed; the sentence ends with its beginning.
    pub(super) fn not_json(&self, what: &str, request: &str, answer: Answer<'_>) -> Fault {
        let shown = beginning(self.masks.mask(&String::from_utf8_lossy(head(answer.body))).as_bytes(), SHOWN_MAX);
        let message = if shown.is_empty() { what.to_owned() } else { format!("{what}: {shown}") };
        self.unusable(FaultKind::Transient, &message, request, answer)
    }

    fn shown_answer(&self, body: &[u8]) -> Option<String> {
        if body.is_empty() {
            return None;
        }
        let mut text = self.masks.mask(&String::from_utf8_lossy(head(body)));
        let mut end = text.len().min(Reason::ANSWER_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Some(text)
    }

    pub(super) fn refused_hint(&self) -> String {
        let ConnectionKind::Rest(rest) = &self.connection.kind;
        let connection = &self.connection.id;
        match &rest.auth {
            None => format!(
                "connection `{connection}` sends no credentials; add `[connections.{connection}.auth]` to `syncdeck.toml`"
            ),
            Some(Auth::Basic { .. }) => {
                format!("the user or password of connection `{connection}` is refused; renew it in `syncdeck.toml`")
            }
            Some(Auth::OAuth2(oauth)) => {
                let what = match &oauth.refresh_token {
                    Some(_) => "sign in again and put the new `refresh_token`",
                    None => "put the right `client_id` and `client_secret`",
                };
                format!("the sign-in of connection `{connection}` is refused; {what} into `syncdeck.toml`")
            }
            Some(_) => {
                format!("the token of connection `{connection}` is refused; renew it in `syncdeck.toml`")
            }
        }
    }
}

/// Enough of an answer to mask before it is cut, so that no secret is cut in two and so passes.
fn head(body: &[u8]) -> &[u8] {
    &body[..body.len().min(4 * Reason::ANSWER_MAX)]
}

/// Says whether an answer is a success or which fault it is.
pub(super) fn classify(caller: &Caller, asked: Asked, request: &str, answer: Answer<'_>) -> Result<(), Fault> {
    if answer.status.is_success() {
        // A login page or a proxy's error in place of the system. The write is idempotent: it is done again.
        if asked == Asked::Write && is_web_page(answer.content_type(), answer.body) {
            return Err(caller.not_json("a web page instead of an answer", request, answer));
        }
        return Ok(());
    }
    let told = told(answer.body);
    let status = answer.status.as_u16();
    let (kind, record) = kind_of(asked, status);
    let mut fault = Fault {
        kind,
        record,
        field: told.field.as_deref().map(|field| caller.masks.mask(field)),
        ..caller.unusable(kind, &message(&told, answer), request, answer)
    };
    fault.retry_after = retry_after(kind, answer.headers);
    fault.cursor_expired = is_cursor_expired(asked, status);
    fault.hint = hint(caller, asked, answer);
    Err(fault)
}

/// The part of a batch that `status` speaks of: success, or its fault.
pub(super) fn classify_part(caller: &Caller, status: u16, told: Told, request: &str, part: &[u8]) -> Result<(), Fault> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let (kind, record) = kind_of(Asked::Write, status);
    let message = told.message.unwrap_or_else(|| reason_phrase(status));
    Err(Fault {
        record,
        status: Some(status),
        field: told.field.map(|field| caller.masks.mask(&field)),
        answer: caller.shown_answer(part),
        hint: (status == 401).then(|| caller.refused_hint()),
        ..caller.fault(kind, &message, request)
    })
}

/// What a request that got no whole answer means.
pub(super) fn broken(caller: &Caller, asked: Asked, request: &str, error: &TransportError) -> Fault {
    let kind = match asked {
        _ if error.hopeless => FaultKind::Fatal,
        // It may have been applied.
        Asked::Write if error.sent => FaultKind::Unknown,
        // The same page is as large the next time.
        Asked::Page { .. } | Asked::Record if error.too_large => FaultKind::Fatal,
        _ => FaultKind::Transient,
    };
    let connection = &caller.connection.id;
    let hint = match kind {
        FaultKind::Fatal if error.too_large => Some(format!(
            "ask for fewer records a page, or raise `max_body` or `max_ratio` of connection `{connection}` in `syncdeck.toml`"
        )),
        FaultKind::Fatal if error.message.starts_with(UNTRUSTED) => Some(format!(
            "name the authority of its certificate as `ca_file` of connection `{connection}` in `syncdeck.toml`, or mend the system"
        )),
        FaultKind::Fatal => {
            Some(format!("correct `base_url` of connection `{connection}` in `syncdeck.toml`, or mend the system"))
        }
        FaultKind::Transient if !error.sent => {
            Some(format!("is the system running, and is `base_url` of connection `{connection}` its address and port?"))
        }
        _ => None,
    };
    Fault { hint, ..caller.fault(kind, &error.message, request) }
}

fn kind_of(asked: Asked, status: u16) -> (FaultKind, Option<RecordFault>) {
    let record = |fault| (FaultKind::Record, Some(fault));
    match (status, asked) {
        (429, _) => (FaultKind::Throttled, None),
        (408 | 425 | 500.., _) => (FaultKind::Transient, None),
        (..=399 | 401, _) | (_, Asked::Page { .. }) => (FaultKind::Fatal, None),
        (403, _) => record(RecordFault::Forbidden),
        (404 | 410, _) => record(RecordFault::Gone),
        (409 | 412, Asked::Write) => record(RecordFault::Conflict),
        (413, Asked::Write) => record(RecordFault::TooLarge),
        _ => record(RecordFault::Rejected),
    }
}

/// A cursor that the system no longer knows: 410 says it outright, 400 and 404 only answer the cursor when one was sent.
fn is_cursor_expired(asked: Asked, status: u16) -> bool {
    match asked {
        Asked::Page { cursor_sent } => cursor_sent && matches!(status, 400 | 404 | 410),
        Asked::Record | Asked::Write => false,
    }
}

fn message(told: &Told, answer: Answer<'_>) -> String {
    if answer.status.is_redirection() {
        return match location(answer.headers) {
            Some(address) => format!("redirects to `{address}`, where no request of this job may go"),
            None => "redirects to nowhere".to_owned(),
        };
    }
    told.message.clone().unwrap_or_else(|| reason_phrase(answer.status.as_u16()))
}

/// A redirect's address without user, query and fragment, any of which may hold a secret.
fn location(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(LOCATION)?.to_str().ok()?;
    match url::Url::parse(text) {
        Ok(url) => Some(format!("{}{}", url.origin().ascii_serialization(), url.path())),
        Err(_) => text.split(['?', '#']).next().map(str::to_owned),
    }
}

fn reason_phrase(status: u16) -> String {
    let phrase = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    phrase.unwrap_or("no reason given").to_owned()
}

fn retry_after(kind: FaultKind, headers: &HeaderMap) -> Option<Duration> {
    match kind {
        FaultKind::Throttled => {
            signals::retry_after(headers).or_else(|| signals::budget(headers).and_then(|budget| budget.reset))
        }
        FaultKind::Transient => signals::retry_after(headers),
        FaultKind::Unknown | FaultKind::Record | FaultKind::Fatal => None,
    }
}

fn hint(caller: &Caller, asked: Asked, answer: Answer<'_>) -> Option<String> {
    let connection = &caller.connection.id;
    let status = answer.status.as_u16();
    match (status, asked) {
        (401, _) => Some(caller.refused_hint()),
        (300..=399, _) => Some(format!(
            "set `base_url` of connection `{connection}` in `syncdeck.toml` to an address that answers itself"
        )),
        (403, Asked::Page { .. }) => Some(format!(
            "let the credentials of connection `{connection}` read this, or put others into `syncdeck.toml`"
        )),
        (404, Asked::Page { cursor_sent: false }) => {
            Some(format!("correct `path` of the source or `base_url` of connection `{connection}` in `syncdeck.toml`"))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
