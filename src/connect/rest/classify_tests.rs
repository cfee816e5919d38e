use super::*;
use crate::connect::rest::testing::{self, System, TOKEN};

fn caller() -> Caller {
    let link = testing::link(&System::answers(200, &[], ""));
    Caller { connection: link.connection, masks: link.masks }
}

fn fault(asked: Asked, status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let response = testing::answer(status, headers, body);
    let answer = Answer { status: response.status(), headers: response.headers(), body: response.body() };
    classify(&caller(), asked, "PUT /contacts/7", answer).unwrap_err()
}

const PAGE: Asked = Asked::Page { cursor_sent: false };
const NEXT_PAGE: Asked = Asked::Page { cursor_sent: true };

#[test]
fn the_statuses_of_a_write_are_told_apart() {
    for (status, kind, record) in [
        (300, FaultKind::Fatal, None),
        (302, FaultKind::Fatal, None),
        (400, FaultKind::Record, Some(RecordFault::Rejected)),
        (401, FaultKind::Fatal, None),
        (403, FaultKind::Record, Some(RecordFault::Forbidden)),
        (404, FaultKind::Record, Some(RecordFault::Gone)),
        (408, FaultKind::Transient, None),
        (409, FaultKind::Record, Some(RecordFault::Conflict)),
        (410, FaultKind::Record, Some(RecordFault::Gone)),
        (412, FaultKind::Record, Some(RecordFault::Conflict)),
        (413, FaultKind::Record, Some(RecordFault::TooLarge)),
        (422, FaultKind::Record, Some(RecordFault::Rejected)),
        (425, FaultKind::Transient, None),
        (429, FaultKind::Throttled, None),
        (500, FaultKind::Transient, None),
        (503, FaultKind::Transient, None),
        (599, FaultKind::Transient, None),
    ] {
        let fault = fault(Asked::Write, status, &[], "");
        assert_eq!((fault.kind, fault.record, fault.status), (kind, record, Some(status)), "{status}");
    }
}

#[test]
fn a_refused_read_is_fatal_and_never_a_records_fault() {
    for status in [301, 400, 401, 403, 404, 405, 410, 422] {
        let fault = fault(PAGE, status, &[], "");
        assert_eq!((fault.kind, fault.record, fault.cursor_expired), (FaultKind::Fatal, None, false), "{status}");
    }
    for status in [408, 425, 500, 502] {
        assert_eq!(fault(PAGE, status, &[], "").kind, FaultKind::Transient, "{status}");
    }
    assert_eq!(fault(PAGE, 429, &[], "").kind, FaultKind::Throttled);
}

// Row 27 of the fault matrix.
#[test]
fn a_cursor_that_the_source_no_longer_knows_is_expired() {
    for status in [400, 404, 410] {
        assert!(fault(NEXT_PAGE, status, &[], "").cursor_expired, "{status}");
    }
    assert!(!fault(NEXT_PAGE, 403, &[], "").cursor_expired);
    assert!(!fault(NEXT_PAGE, 500, &[], "").cursor_expired);
}

// Row 53 of the fault matrix.
#[test]
fn throttled_and_overloaded_systems_say_when_to_come_back() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(fault(Asked::Write, 429, &[("retry-after", "7")], "").retry_after, seconds(7));
    assert_eq!(fault(PAGE, 503, &[("retry-after", "9")], "").retry_after, seconds(9));
    let budget = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "11")];
    assert_eq!(fault(PAGE, 429, &budget, "").retry_after, seconds(11));
    assert_eq!(fault(PAGE, 429, &[("retry-after", "soon")], "").retry_after, None);
}

// Row 63 of the fault matrix.
#[test]
fn refused_credentials_are_fatal_and_the_hint_says_what_to_renew() {
    let fault = fault(Asked::Write, 401, &[], "");
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert_eq!(
        fault.hint.unwrap(),
        "the token of connection `shop` is refused; renew it in `syncdeck.toml`",
        "what is done about the job is not the connector's to say"
    );
}

// Row 64 of the fault matrix.
#[test]
fn a_forbidden_write_is_one_records_and_a_forbidden_read_is_the_jobs() {
    assert_eq!(fault(Asked::Write, 403, &[], "").record, Some(RecordFault::Forbidden));
    let read = fault(PAGE, 403, &[], "");
    assert_eq!(read.kind, FaultKind::Fatal);
    assert!(read.hint.unwrap().contains("connection `shop`"));
}

// Rows 60 and 61 of the fault matrix: what the transport does not follow comes here.
#[test]
fn a_redirect_that_was_not_followed_is_fatal_and_names_its_place_without_the_query() {
    let fault = fault(Asked::Write, 302, &[("location", "https://user:pw@evil.example/login?token=abc#x")], "");
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert_eq!(fault.message, "redirects to `https://evil.example/login`, where no request of this job may go");
    assert!(fault.hint.unwrap().contains("`base_url` of connection `shop`"));
}

#[test]
fn the_systems_own_words_and_field_are_told() {
    let fault = fault(Asked::Write, 422, &[], r#"{"errors":[{"detail":"is taken","source":{"pointer":"/email"}}]}"#);
    assert_eq!(fault.message, "is taken");
    assert_eq!(fault.field.as_deref(), Some("/email"));
    assert!(fault.answer.unwrap().contains("is taken"));
    assert_eq!(fault.request, "PUT /contacts/7");
}

#[test]
fn without_words_the_status_speaks() {
    assert_eq!(fault(Asked::Write, 422, &[], "").message, "Unprocessable Entity");
    assert_eq!(fault(Asked::Write, 477, &[], "{}").message, "no reason given");
}

// Row 100 of the fault matrix.
#[test]
fn a_secret_that_the_system_echoes_is_masked_everywhere() {
    let body = format!(r#"{{"message":"bad {TOKEN}","field":"{TOKEN}"}}"#);
    let fault = fault(Asked::Write, 400, &[], &body);
    assert!(!format!("{fault:?}").contains(TOKEN), "{fault:?}");
    let redirect = testing::answer(302, &[("location", &format!("/x/{TOKEN}"))], "");
    let answer = Answer { status: redirect.status(), headers: redirect.headers(), body: redirect.body() };
    let fault = classify(&caller(), PAGE, "GET /", answer).unwrap_err();
    assert!(!format!("{fault:?}").contains(TOKEN), "{fault:?}");
}

#[test]
fn a_secret_at_the_cut_of_a_long_answer_does_not_pass_in_part() {
    for before in Reason::ANSWER_MAX - TOKEN.len()..=Reason::ANSWER_MAX {
        let fault = fault(Asked::Write, 400, &[], &format!("{}{TOKEN}", "x".repeat(before)));
        let answer = fault.answer.unwrap();
        assert!(answer.len() <= Reason::ANSWER_MAX);
        assert!(!answer.contains(&TOKEN[..4]), "{before}");
    }
}

// Row 35 of the fault matrix.
#[test]
fn a_web_page_in_answer_to_a_write_is_done_again() {
    let page = "<!DOCTYPE html><html>please log in</html>";
    for (headers, body) in [(&[("content-type", "text/html; charset=utf-8")][..], "<p>log in"), (&[][..], page)] {
        let fault = fault(Asked::Write, 200, headers, body);
        assert_eq!(fault.kind, FaultKind::Transient);
        assert!(fault.message.contains("log in"), "{}", fault.message);
    }
}

#[test]
fn an_empty_answer_to_a_write_is_a_success() {
    for (status, headers) in [(204, &[][..]), (200, &[][..]), (201, &[("content-type", "text/html")][..])] {
        let response = testing::answer(status, headers, "");
        let answer = Answer { status: response.status(), headers: response.headers(), body: response.body() };
        assert_eq!(classify(&caller(), Asked::Write, "PUT /", answer), Ok(()));
    }
}

// Row 56 of the fault matrix.
#[test]
fn a_write_that_broke_after_it_was_sent_is_unknown_and_a_read_is_not() {
    let sent = testing::broken(true);
    let unsent = testing::broken(false);
    assert_eq!(broken(&caller(), Asked::Write, "PUT /", &sent).kind, FaultKind::Unknown);
    assert_eq!(broken(&caller(), Asked::Write, "PUT /", &unsent).kind, FaultKind::Transient);
    assert_eq!(broken(&caller(), PAGE, "GET /", &sent).kind, FaultKind::Transient);
}

// Row 62 of the fault matrix.
#[test]
fn a_refused_certificate_is_fatal() {
    let error = TransportError { hopeless: true, ..testing::broken(false) };
    for asked in [Asked::Write, PAGE, Asked::Record] {
        let fault = broken(&caller(), asked, "GET /", &error);
        assert_eq!(fault.kind, FaultKind::Fatal);
        assert!(fault.hint.unwrap().contains("`base_url` of connection `shop`"));
    }
}

// Row 39 of the fault matrix.
#[test]
fn a_page_beyond_the_limit_is_fatal_with_the_way_out() {
    let error = TransportError { too_large: true, ..testing::broken(true) };
    let fault = broken(&caller(), PAGE, "GET /", &error);
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert!(fault.hint.unwrap().contains("`max_body`"));
    assert_eq!(broken(&caller(), Asked::Write, "PUT /", &error).kind, FaultKind::Unknown);
}
