use super::*;
use crate::connect::rest::testing::{self, System, TOKEN};

fn client(auth: Option<Auth>, headers: &[(&str, &str)]) -> (Arc<System>, Client) {
    let system = System::answers(200, &[], "{}");
    let client = Client::new(&testing::link_with(&system, auth, headers)).unwrap();
    (system, client)
}

fn path_of(id: &str) -> Result<String, String> {
    let path = PathTemplate::compile("/contacts/{{ id }}").unwrap();
    render_path(&path, &testing::write(Operation::Update, id, "{}"))
}

async fn sent_headers(auth: Option<Auth>, headers: &[(&str, &str)]) -> HeaderMap {
    let (system, client) = client(auth, headers);
    let call = Call {
        asked: Asked::Write,
        method: http::Method::PUT,
        target: client.target("/x", &[]).unwrap(),
        body: Bytes::from_static(b"{}"),
        headers: Vec::new(),
    };
    client.send(call).await.0.unwrap();
    let seen = system.seen.lock();
    seen[0].headers().clone()
}

// Row 49 of the fault matrix.
#[test]
fn an_id_is_one_segment_of_the_path_whatever_it_holds() {
    for (id, path) in [
        ("a/b?c#d%e", "/contacts/a%2Fb%3Fc%23d%25e"),
        ("../admin", "/contacts/..%2Fadmin"),
        ("x\r\ny z", "/contacts/x%0D%0Ay%20z"),
        ("ü{{ id }}\\", "/contacts/%C3%BC%7B%7B%20id%20%7D%7D%5C"),
        (".hidden", "/contacts/.hidden"),
        ("7", "/contacts/7"),
    ] {
        let rendered = path_of(id).unwrap();
        assert_eq!(rendered, path);
        let (_, client) = client(None, &[]);
        let target = client.target(&rendered, &[]).unwrap();
        let uri = client.uri(None, target).unwrap().to_string();
        // What the client under the transport makes of the address must be the same.
        assert_eq!(url::Url::parse(&uri).unwrap().as_str(), format!("https://shop.example.com/api{path}"));
    }
}

// Row 49 of the fault matrix.
#[test]
fn an_id_that_walks_or_is_empty_is_refused_because_no_address_can_hold_it() {
    for id in ["..", ".", ""] {
        assert!(path_of(id).is_err(), "{id:?}");
    }
    assert!(path_of(&"x".repeat(300)).is_ok());
}

#[test]
fn a_path_that_needs_more_than_the_id_is_rendered_by_its_template() {
    let path = PathTemplate::compile("/{{ record.region }}/{{ operation }}/{{ id }}").unwrap();
    let write = testing::write(Operation::Create, "a/b", r#"{"region":"e u"}"#);
    assert_eq!(render_path(&path, &write).unwrap(), "/e%20u/create/a%2Fb");
    let twice = PathTemplate::compile("/a/{{id}}/b/{{  id }}.json").unwrap();
    assert_eq!(render_path(&twice, &write).unwrap(), "/a/a%2Fb/b/a%2Fb.json");
}

#[test]
fn a_configured_path_that_walks_is_refused_when_the_job_is_built() {
    for path in ["/a/../b", "/a/%2e%2E/b", "/./a"] {
        assert!(PathTemplate::compile(path).is_err(), "{path}");
    }
}

#[test]
fn path_and_query_are_appended_to_the_base() {
    let (_, client) = client(None, &[]);
    let target = |path: &str| client.target(path, &[pair("a b", "c&d=ü")]).unwrap().to_string();
    assert_eq!(target("/customers"), "/api/customers?a%20b=c%26d%3D%C3%BC");
    assert_eq!(target("/customers?x=1"), "/api/customers?x=1&a%20b=c%26d%3D%C3%BC");
    assert_eq!(target("/größe x"), "/api/gr%C3%B6%C3%9Fe%20x?a%20b=c%26d%3D%C3%BC");
    assert_eq!(target(""), "/api?a%20b=c%26d%3D%C3%BC");
}

#[tokio::test]
async fn every_kind_of_credentials_is_sent() {
    let bearer = sent_headers(Some(Auth::Bearer { token: Secret::new(TOKEN) }), &[]).await;
    assert_eq!(bearer["authorization"], format!("Bearer {TOKEN}"));
    assert!(bearer["authorization"].is_sensitive());
    let basic = Auth::Basic { user: Secret::new("u"), password: Secret::new("p:w") };
    assert_eq!(sent_headers(Some(basic), &[]).await["authorization"], "Basic dTpwOnc=");
    let header = Auth::Header { name: "X-Key".to_owned(), value: Secret::new("k") };
    let sent = sent_headers(Some(header), &[("Accept", "application/vnd.api+json"), ("X-Version", "2")]).await;
    assert_eq!((&sent["x-key"], &sent["x-version"]), (&HeaderValue::from_static("k"), &HeaderValue::from_static("2")));
    assert_eq!(sent["accept"], "application/vnd.api+json");
    assert_eq!(sent["content-type"], "application/json");
}

#[tokio::test]
async fn credentials_in_the_query_are_sent_and_never_described() {
    let (_, client) = client(Some(Auth::Query { name: "api key".to_owned(), value: Secret::new("k&y") }), &[]);
    let target = client.target("/x", &[pair("a", "1")]).unwrap();
    assert_eq!(target.as_str(), "/api/x?a=1&api%20key=k%26y");
    assert_eq!(client.describe(&http::Method::GET, &target), "GET /x");
}

// Row 110 of the fault matrix.
#[test]
fn a_line_break_in_a_configured_header_is_refused_without_telling_the_value() {
    let system = System::answers(200, &[], "");
    let auth = Auth::Bearer { token: Secret::new("abc\r\nX-Admin: 1") };
    for (auth, headers) in [(Some(auth), &[][..]), (None, &[("X-A", "abc\nX-Admin: 1")][..])] {
        let reason = Client::new(&testing::link_with(&system, auth, headers)).err().unwrap();
        assert!(reason.contains("line break") && !reason.contains("abc"), "{reason}");
    }
}

#[test]
fn a_base_that_can_not_be_used_is_refused_without_telling_what_it_holds() {
    for base in ["shop.example.com", "ftp://shop", "https://user:hunter2@shop", "https://shop/?key=hunter2", "https://"]
    {
        let reason = read_base(base).err().unwrap_or_else(|| panic!("{base}"));
        assert!(!reason.contains("hunter2"), "{reason}");
    }
    let (_, authority, path) = read_base("http://127.0.0.1:8080/v1/").unwrap();
    assert_eq!((authority.as_str(), path.as_str()), ("127.0.0.1:8080", "/v1"));
}

fn follow(address: &str) -> Result<String, String> {
    let auth = Auth::Query { name: "api_key".to_owned(), value: Secret::new("k") };
    let (_, client) = client(Some(auth), &[]);
    client.follow(address, &Followed { host: None, target: "/api/customers?page=1".parse().unwrap() })
}

#[test]
fn a_next_address_on_the_same_origin_is_followed() {
    assert_eq!(follow("https://shop.example.com/api/customers?page=2").unwrap(), "/api/customers?page=2");
    assert_eq!(follow("https://SHOP.example.com:443/x#y").unwrap(), "/x");
    assert_eq!(follow("/other?page=2").unwrap(), "/other?page=2");
    assert_eq!(follow("?page=2").unwrap(), "/api/customers?page=2");
    assert_eq!(follow("customers?page=2").unwrap(), "/api/customers?page=2");
}

// Row 34 of the fault matrix.
#[test]
fn a_next_address_elsewhere_is_refused_by_name() {
    for (address, named) in [
        ("https://evil.example/api?page=2", "https://evil.example"),
        ("//evil.example/x", "https://evil.example"),
        ("http://shop.example.com/api", "http://shop.example.com"),
        ("https://shop.example.com:8443/api", "https://shop.example.com:8443"),
        ("https://shop.example.com@evil.example/", "https://evil.example"),
        ("http://169.254.169.254/latest/meta-data", "http://169.254.169.254"),
        ("file:///etc/passwd", "file:"),
        ("https:\\\\evil.example\\x", "https://evil.example"),
    ] {
        let reason = follow(address).unwrap_err();
        assert!(reason.contains(&format!("`{named}`")), "{address}: {reason}");
    }
}

#[test]
fn credentials_in_a_next_address_are_not_kept_and_are_sent_again() {
    let kept = follow("/customers?page=2&api%5Fkey=k&limit=5").unwrap();
    assert_eq!(kept, "/customers?page=2&limit=5");
    let auth = Auth::Query { name: "api_key".to_owned(), value: Secret::new("k") };
    let (_, client) = client(Some(auth), &[]);
    assert_eq!(client.followed(&kept).unwrap().target.as_str(), "/customers?page=2&limit=5&api_key=k");
}
