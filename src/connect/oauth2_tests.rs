//! The token endpoint: what is asked, what is understood, and what is never shown.

#![allow(clippy::unwrap_used, reason = "what a test arranges fails loudly")]

use super::*;
use crate::model::{Auth, Connection, ConnectionKind, Limits, Masks, RestConnection, RetryRule};

/// Gives one answer and remembers what it was asked.
struct Endpoint {
    status: u16,
    body: &'static str,
    asked: Mutex<Vec<Request<Bytes>>>,
}

#[async_trait]
impl Transport for Endpoint {
    async fn send(&self, request: Request<Bytes>, _: Duration, _: u64) -> Result<Response<Bytes>, TransportError> {
        self.asked.lock().push(request);
        Ok(Response::builder().status(self.status).body(Bytes::from_static(self.body.as_bytes())).unwrap())
    }
}

fn oauth() -> OAuth2 {
    OAuth2 {
        token_url: "https://id.test/token?tenant=t1".to_owned(),
        client_id: "us:1".to_owned(),
        client_secret: Some(Secret::new("hush hush")),
        scopes: vec!["read".to_owned(), "write".to_owned()],
        refresh_token: None,
        params: vec![("audience".to_owned(), Secret::new("https://crm.test/"))],
        client_auth: ClientAuth::Basic,
    }
}

fn endpoint(status: u16, body: &'static str) -> Arc<Endpoint> {
    Arc::new(Endpoint { status, body, asked: Mutex::default() })
}

fn link(endpoint: &Arc<Endpoint>, oauth: &OAuth2) -> Link {
    let rest =
        RestConnection { auth: Some(Auth::OAuth2(Box::new(oauth.clone()))), ..RestConnection::new("https://crm.test") };
    let kind = ConnectionKind::Rest(rest);
    let connection = Connection { id: "crm".into(), kind, limits: Limits::default(), retry: RetryRule::default() };
    Link { connection: Arc::new(connection), transport: endpoint.clone(), masks: Masks::default() }
}

async fn asked(oauth: &OAuth2, refresh: Option<&str>) -> (Result<Granted, Fault>, String, Option<String>, Link) {
    let endpoint =
        endpoint(200, r#"{"access_token":"acc-1","token_type":"Bearer","expires_in":"3600","refresh_token":"ref-2"}"#);
    let link = link(&endpoint, oauth);
    let refresh = refresh.map(Secret::new);
    let granted = sign_in(&link, oauth, refresh.as_ref(), Duration::from_secs(5)).await.outcome;
    let seen = endpoint.asked.lock();
    let body = String::from_utf8(seen[0].body().to_vec()).unwrap();
    let header = seen[0].headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    (granted, body, header, link)
}

#[tokio::test]
async fn a_client_signs_in_with_its_own_credentials_in_the_header() {
    let (granted, body, header, link) = asked(&oauth(), None).await;
    let granted = granted.unwrap();
    assert_eq!(body, "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fcrm.test%2F");
    // `us%3A1:hush+hush`
    assert_eq!(header.as_deref(), Some("Basic dXMlM0ExOmh1c2graHVzaA=="));
    assert_eq!((granted.access.expose(), granted.expires_in), ("acc-1", Some(Duration::from_secs(3_600))));
    // Row 100 of the fault matrix.
    assert_eq!(link.masks.mask("acc-1 ref-2 dXMlM0ExOmh1c2graHVzaA=="), "•••• •••• ••••");
}

#[tokio::test]
async fn a_refresh_token_goes_in_the_body_with_the_client_where_that_is_configured() {
    let oauth = OAuth2 { client_auth: ClientAuth::Body, scopes: Vec::new(), params: Vec::new(), ..oauth() };
    let (granted, body, header, _) = asked(&oauth, Some("ref-1")).await;
    assert_eq!(body, "grant_type=refresh_token&refresh_token=ref-1&client_id=us%3A1&client_secret=hush+hush");
    assert_eq!(header, None);
    assert_eq!(granted.unwrap().refresh.unwrap().expose(), "ref-2");
}

async fn fault(status: u16, body: &'static str) -> Fault {
    let (endpoint, oauth) = (endpoint(status, body), oauth());
    sign_in(&link(&endpoint, &oauth), &oauth, None, Duration::from_secs(5)).await.outcome.unwrap_err()
}

#[tokio::test]
async fn a_refusal_is_fatal_and_says_what_to_mend_and_an_outage_is_not() {
    let refused = fault(401, r#"{"error":"invalid_client","error_description":"hush hush is wrong"}"#).await;
    assert_eq!((refused.kind, refused.status), (FaultKind::Fatal, Some(401)));
    assert_eq!(refused.request, "POST https://id.test/token");
    assert!(refused.message.starts_with("the sign-in is refused: invalid_client"), "{}", refused.message);
    assert!(refused.hint.unwrap().contains("`client_id` and `client_secret`"));
    assert_eq!(fault(400, r#"{"error":"temporarily_unavailable"}"#).await.kind, FaultKind::Transient);
    assert_eq!(fault(503, "down").await.kind, FaultKind::Transient);
    assert_eq!(fault(429, "").await.kind, FaultKind::Throttled);
    assert_eq!(fault(200, "<html>sign in</html>").await.kind, FaultKind::Transient);
}

#[tokio::test]
async fn an_answer_that_is_no_token_is_never_shown() {
    for body in [
        r#"{"token":"s3cret"}"#,
        r#"{"access_token":"s3cret\r\nX-Admin: 1"}"#,
        r#"{"access_token":"s3cret","token_type":"mac"}"#,
    ] {
        let fault = fault(200, body).await;
        assert_eq!(fault.kind, FaultKind::Fatal);
        assert!(!format!("{fault:?}").contains("s3cret"), "{fault:?}");
    }
}

#[tokio::test]
async fn requests_carry_the_present_token_and_what_they_meet_is_remembered_of_it_alone() {
    let refusing = endpoint(401, "");
    let bearer = Arc::new(Bearer::default());
    let transport = signed(refusing.clone(), bearer.clone());
    let ask = || Request::get("https://crm.test/a").body(Bytes::new()).unwrap();
    bearer.set(&Secret::new("acc-1")).unwrap();
    transport.send(ask(), Duration::from_secs(5), 100).await.unwrap();
    assert!(bearer.is_refused() && !bearer.has_worked());
    bearer.set(&Secret::new("acc-2")).unwrap();
    assert!(!bearer.is_refused());
    assert_eq!(refusing.asked.lock()[0].headers()[AUTHORIZATION], "Bearer acc-1");
    // The late answer to a request with the old token.
    bearer.answered(1, StatusCode::UNAUTHORIZED);
    assert!(!bearer.is_refused());
}

// Row 61 of the fault matrix.
#[tokio::test]
async fn no_token_goes_to_another_host_and_what_that_one_says_is_not_about_the_token() {
    let refusing = endpoint(401, "");
    let bearer = Arc::new(Bearer::default());
    bearer.set(&Secret::new("acc-1")).unwrap();
    let transport = signed(refusing.clone(), bearer.clone());
    let mut request = Request::get("https://files.example.com/page").body(Bytes::new()).unwrap();
    request.extensions_mut().insert(Elsewhere);
    transport.send(request, Duration::from_secs(5), 1_000).await.unwrap();
    assert!(!refusing.asked.lock()[0].headers().contains_key(AUTHORIZATION));
    assert!(!bearer.is_refused());
}

#[test]
fn a_refusal_told_inside_an_answer_counts_for_the_token_that_was_sent_alone() {
    let bearer = Bearer::default();
    bearer.set(&Secret::new("acc-1")).unwrap();
    let first = bearer.number();
    bearer.set(&Secret::new("acc-2")).unwrap();
    bearer.refuse(first);
    assert!(!bearer.is_refused());
    bearer.refuse(bearer.number());
    assert!(bearer.is_refused());
}
