//! `allow_hosts`: where next pages and redirects may lead, and what never goes there.

use crate::{answer, connection, job, redirect, serve, shop};
use axum::http::StatusCode;
use bytes::Bytes;
use http::{Method, Request};
use std::net::SocketAddr;
use std::time::Duration;
use syncdeck::connect::http::network;
use syncdeck::connect::{FaultKind, ReadFrom, ends, link};
use syncdeck::model::{AllowedHost, Auth, Connection, ConnectionKind, Cursor, Masks, RestConnection, Secret};

fn allowing(at: SocketAddr, other: SocketAddr) -> RestConnection {
    let host = AllowedHost { host: other.ip().to_string(), port: Some(other.port()) };
    RestConnection { allow_hosts: vec![host], ..connection(at) }
}

// Row 61 of the fault matrix.
#[tokio::test]
async fn a_redirect_of_a_read_to_an_allowed_host_is_followed_without_credentials_and_one_of_a_write_is_not() {
    let (other, other_seen) = serve(|_, uri| answer(StatusCode::OK, &[], uri.to_string())).await;
    let to = format!("http://{other}/file?key=s3cret-key&part=1");
    let (at, seen) = serve(move |_, _| redirect(StatusCode::TEMPORARY_REDIRECT, &to)).await;
    let auth = Auth::Query { name: "key".to_owned(), value: Secret::new("s3cret-key") };
    let transport = network(&RestConnection { auth: Some(auth), ..allowing(at, other) }).unwrap();
    let ask = |method: Method, body: &'static [u8]| {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{at}/"))
            .header("authorization", "Bearer s3cret-token")
            .body(Bytes::from_static(body))
            .unwrap();
        transport.send(request, Duration::from_secs(20), 50_000)
    };
    assert_eq!(ask(Method::GET, b"").await.unwrap().body(), "/file?part=1");
    assert_eq!(ask(Method::PUT, b"{}").await.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(*other_seen.lock().unwrap(), [("GET /file".to_owned(), false, 0)]);
    assert!(seen.lock().unwrap().iter().all(|(_, has_credentials, _)| *has_credentials));
}

// Row 34 of the fault matrix.
#[tokio::test]
async fn a_next_page_on_an_allowed_host_is_read_without_credentials_and_leads_on_from_there() {
    let (other, other_seen) = serve(|_, _| {
        let next = [("link", "<more?page=3>; rel=\"next\"")];
        answer(StatusCode::OK, &next, r#"{"data":[{"id":2}]}"#)
    })
    .await;
    let next = format!("<http://{other}/pages/two?page=2>; rel=\"next\"");
    let (at, _) = serve(move |_, _| answer(StatusCode::OK, &[("link", next.as_str())], r#"{"data":[{"id":1}]}"#)).await;
    let shop = Connection { kind: ConnectionKind::Rest(allowing(at, other)), ..shop(at) };
    let link = link(&shop, Masks::default()).unwrap();
    let source = ends(&job(), &link, &link).unwrap().source;
    let mut from = ReadFrom::default();
    let mut cursors = Vec::new();
    for _ in 0..2 {
        let page = source.read_page(&from).await.outcome.unwrap();
        from.cursor = page.next;
        cursors.extend(from.cursor.iter().map(|cursor| cursor.0.clone()));
    }
    assert_eq!(cursors, [format!("http://{other}/pages/two?page=2"), format!("http://{other}/pages/more?page=3")]);
    assert_eq!(*other_seen.lock().unwrap(), [("GET /pages/two".to_owned(), false, 0)]);
}

// Row 34 of the fault matrix.
#[tokio::test]
async fn a_stored_next_page_on_a_host_that_is_allowed_no_more_is_not_asked_for() {
    let (other, other_seen) = serve(|_, _| answer(StatusCode::OK, &[], r#"{"data":[]}"#)).await;
    let (at, _) = serve(|_, _| answer(StatusCode::OK, &[], r#"{"data":[]}"#)).await;
    let link = link(&shop(at), Masks::default()).unwrap();
    let source = ends(&job(), &link, &link).unwrap().source;
    let from = ReadFrom { cursor: Some(Cursor(format!("http://{other}/x"))), since: None };
    let fault = source.read_page(&from).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert!(fault.message.contains("`allow_hosts` of connection `shop`"), "{}", fault.message);
    assert!(other_seen.lock().unwrap().is_empty());
}

// Row 62 of the fault matrix.
#[tokio::test]
async fn no_redirect_leads_from_https_to_http_even_where_its_host_is_allowed() {
    let reach = |from: &str, to: &str| {
        let host = AllowedHost { host: "files.example.com".to_owned(), port: None };
        let rest = RestConnection { allow_hosts: vec![host], ..RestConnection::new(from) };
        let connection = Connection { kind: ConnectionKind::Rest(rest), ..shop(SocketAddr::from(([127, 0, 0, 1], 9))) };
        let link = link(&connection, Masks::default()).unwrap();
        let source = ends(&job(), &link, &link).unwrap().source;
        let from = ReadFrom { cursor: Some(Cursor(to.to_owned())), since: None };
        async move { source.read_page(&from).await.outcome.unwrap_err().message }
    };
    for to in ["http://files.example.com/x", "https://files.example.com:444/x", "https://u:p@files.example.com/x"] {
        let message = reach("https://shop.example.com", to).await;
        assert!(message.contains("no request of this job goes there"), "{to}: {message}");
    }
}
