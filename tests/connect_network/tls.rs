//! Certificates: who is trusted, who is not, and what one's own authority or `insecure_tls` changes.
//!
//! The certificates of `tests/fixtures/tls` are by an authority whose key is gone; the keys serve these tests alone.

use crate::{LIMIT, LONG, connection, job, shop};
use bytes::Bytes;
use http::Request;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use syncdeck::connect::http::{TransportError, network};
use syncdeck::connect::{FaultKind, link, probe};
use syncdeck::model::{Connection, ConnectionKind, Masks, RestConnection};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A server with the certificate of that name, which answers every request with a page of one record.
fn serve_tls(name: &str) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(fixture(&format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config.clone()).unwrap(), stream);
            // Where the client breaks the handshake off, which some tests look at, nothing comes and nothing is said.
            if stream.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
                let page = r#"{"data":[{"id":1}]}"#;
                let answer =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{page}", page.len());
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    at
}

fn trusting(at: SocketAddr) -> RestConnection {
    RestConnection { base_url: format!("https://{at}"), ca_file: Some(fixture("authority.pem")), ..connection(at) }
}

async fn ask(connection: &RestConnection) -> Result<http::Response<Bytes>, TransportError> {
    let request = Request::builder().uri(format!("{}/", connection.base_url)).body(Bytes::new()).unwrap();
    network(connection).unwrap().send(request, LONG, LIMIT).await
}

fn assert_refused(at: SocketAddr, answered: Result<http::Response<Bytes>, TransportError>) {
    let error = answered.unwrap_err();
    assert!(error.hopeless && !error.sent, "{error:?}");
    assert!(error.message.contains(&format!("the certificate of `{at}` is refused")), "{}", error.message);
}

// Row 62 of the fault matrix.
#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_for_good_and_passes_where_its_authority_is_named() {
    let at = serve_tls("server");
    assert_refused(at, ask(&RestConnection { ca_file: None, ..trusting(at) }).await);
    assert_eq!(ask(&trusting(at)).await.unwrap().status(), 200);
}

// Row 62 of the fault matrix.
#[tokio::test]
async fn an_expired_certificate_and_one_of_another_name_are_refused_although_their_authority_is_trusted() {
    for name in ["expired", "another"] {
        let at = serve_tls(name);
        assert_refused(at, ask(&trusting(at)).await);
        let insecure = RestConnection { ca_file: None, insecure_tls: true, ..trusting(at) };
        assert_eq!(ask(&insecure).await.unwrap().status(), 200, "{name}");
    }
}

// Row 62 of the fault matrix.
#[tokio::test]
async fn an_untrusted_system_is_fatal_and_the_hint_names_the_setting_for_its_authority() {
    let at = serve_tls("server");
    let rest = RestConnection { ca_file: None, ..trusting(at) };
    let shop = Connection { kind: ConnectionKind::Rest(rest), ..shop(at) };
    let fault = probe(&link(&shop, Masks::default()).unwrap(), &job()).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert!(fault.hint.unwrap().contains("`ca_file` of connection `shop`"));
    let shop = Connection { kind: ConnectionKind::Rest(trusting(at)), ..shop };
    let page = probe(&link(&shop, Masks::default()).unwrap(), &job()).await.outcome.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_named() {
    let at = SocketAddr::from(([127, 0, 0, 1], 9));
    for (name, why) in [("missing.pem", "No such file"), ("server.key", "no certificate")] {
        let rest = RestConnection { ca_file: Some(fixture(name)), ..trusting(at) };
        let reason = network(&rest).err().unwrap();
        assert!(reason.contains(name) && reason.contains(why), "{reason}");
    }
}
