//! What an answer may do: how long it may be silent, and how much it may inflate.

use crate::{LIMIT, LONG, answer, ask, connection, hang_up, raw, serve};
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use axum::http::StatusCode;
use bytes::Bytes;
use http::{Method, Request};
use std::net::SocketAddr;
use std::time::Duration;
use syncdeck::connect::http::{TransportError, network};
use syncdeck::model::RestConnection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MANY: u64 = 64 << 20;

async fn ask_of(connection: &RestConnection, max_body: u64) -> Result<http::Response<Bytes>, TransportError> {
    let request = Request::builder().uri(format!("{}/", connection.base_url)).body(Bytes::new()).unwrap();
    network(connection).unwrap().send(request, LONG, max_body).await
}

fn impatient(at: SocketAddr) -> RestConnection {
    RestConnection { idle_timeout: Duration::from_millis(150), ..connection(at) }
}

// Row 59 of the fault matrix.
#[tokio::test]
async fn a_system_that_falls_silent_in_the_middle_of_an_answer_is_given_up_before_the_whole_timeout() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun".to_vec();
    let silent = |stream: TcpStream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    };
    for text in [head, Vec::new()] {
        let at = raw(text, silent).await;
        let error = ask_of(&impatient(at), LIMIT).await.unwrap_err();
        assert!(error.timed_out && error.sent, "{error:?}");
        assert!(error.message.contains("was silent for 0.15 s"), "{}", error.message);
    }
}

#[tokio::test]
async fn an_answer_that_takes_long_and_is_never_silent_for_long_arrives() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n".to_vec();
    let drip = |mut stream: TcpStream| async move {
        let mut every = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..30 {
            every.tick().await;
            if stream.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    let at = raw(head, drip).await;
    assert_eq!(ask_of(&impatient(at), LIMIT).await.unwrap().body().len(), 30);
}

async fn packed(mut encoder: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut packed = Vec::new();
    encoder.read_to_end(&mut packed).await.unwrap();
    packed
}

// Row 107 of the fault matrix.
#[tokio::test]
async fn an_answer_that_inflates_beyond_its_ratio_is_refused_long_before_the_limit_of_bytes() {
    let zeros = vec![b'0'; 8 << 20];
    let bomb = packed(GzipEncoder::new(&zeros[..])).await;
    assert!(bomb.len() * 200 < zeros.len());
    let (at, _) = serve(move |_, _| answer(StatusCode::OK, &[("content-encoding", "gzip")], bomb.clone())).await;
    let error = ask_of(&connection(at), MANY).await.unwrap_err();
    assert!(error.too_large && error.message.contains("more than 100 times"), "{error:?}");
    let patient = RestConnection { max_ratio: 10_000, ..connection(at) };
    assert_eq!(ask_of(&patient, MANY).await.unwrap().body().len(), zeros.len());
}

#[tokio::test]
async fn every_coding_that_is_asked_for_is_undone_and_its_header_taken_away() {
    let text: String = (0..20_000).map(|number| format!("{number},")).collect();
    let plain = text.as_bytes();
    let codings = [
        ("gzip", packed(GzipEncoder::new(plain)).await),
        ("br", packed(BrotliEncoder::new(plain)).await),
        ("zstd", packed(ZstdEncoder::new(plain)).await),
        ("deflate", packed(ZlibEncoder::new(plain)).await),
    ];
    for (name, body) in codings {
        let (at, _) = serve(move |_, _| answer(StatusCode::OK, &[("content-encoding", name)], body.clone())).await;
        let response = ask_of(&connection(at), MANY).await.unwrap();
        assert_eq!(response.body(), plain, "{name}");
        assert!(!response.headers().contains_key("content-encoding"), "{name}");
    }
    let (at, _) = serve(|_, _| answer(StatusCode::NO_CONTENT, &[("content-encoding", "gzip")], "")).await;
    assert!(ask(Method::GET, at, "/").await.unwrap().body().is_empty());
}

// Row 36 of the fault matrix.
#[tokio::test]
async fn a_compressed_answer_that_is_cut_short_or_is_none_is_an_error_and_no_answer() {
    let packed = packed(GzipEncoder::new(&b"{\"data\":[]}"[..])).await;
    let told = |length: usize| {
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n").into_bytes()
    };
    let cut = [told(packed.len()), packed[..packed.len() / 2].to_vec()].concat();
    let short = [told(packed.len() / 2), packed[..packed.len() / 2].to_vec()].concat();
    let none = [told(5), b"hello".to_vec()].concat();
    for (text, words) in [(cut, "broke"), (short, "can not be inflated"), (none, "can not be inflated")] {
        let error = ask(Method::GET, raw(text, hang_up).await, "/").await.unwrap_err();
        assert!(error.sent && !error.hopeless && !error.too_large, "{error:?}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}
