//! Whom we are willing to connect to, and whom to believe there.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpListener,
    sync::Arc,
};

use crate::provider::{LONG, connection, detail, development, live, metadata, question, times};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use upstream::http::{Outbound, OutboundError, OutboundSettings, Reach};

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

/// As in production; with a certificate, since the machine may have none.
fn production() -> OutboundSettings {
    let extra_ca_pem = Some(certificate().cert.pem().into_bytes());
    OutboundSettings { reach: Reach::Public, extra_ca_pem, ..development() }
}

async fn fault_of(issuer: &str) -> String {
    let connection = connection(issuer, times(LONG), production());
    detail(connection.standing(question()).await)
}

#[tokio::test]
async fn asks_by_https_only() {
    for issuer in ["http://idp.example", "ftp://idp.example", "file:///etc/passwd", "data:,x"] {
        let text = fault_of(issuer).await;
        assert!(text.contains("only https"), "{issuer}: {text}");
    }
}

#[tokio::test]
async fn refuses_what_is_not_a_plain_url() {
    for issuer in [
        "",
        "idp.example",
        "https://",
        "https://user:password@idp.example",
        "https://idp.example?query",
        "https://idp.example#fragment",
    ] {
        let text = fault_of(issuer).await;
        assert!(text.contains("not a URL that may be asked"), "{issuer}: {text}");
    }
}

#[tokio::test]
async fn refuses_private_addresses_however_written() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fd00:ec2::254]",
    ] {
        let text = fault_of(&format!("https://{host}")).await;
        assert!(text.contains("not at a public address"), "{host}: {text}");
    }
}

#[tokio::test]
async fn refuses_a_name_that_resolves_to_a_private_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for name in ["localhost", "LOCALHOST"] {
        let text = fault_of(&format!("https://{name}:{port}")).await;
        assert!(text.contains("not at a public address"), "{name}: {text}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let text = detail(connection(&issuer, times(LONG), development()).standing(question()).await);
    assert!(text.contains("no answer"), "{text}");
}

/// A healthy provider behind TLS, in a thread; one request per connection.
fn secure_provider(certified: &CertifiedKey<KeyPair>) -> String {
    let key = PrivateKeyDer::from_pem_slice(certified.signing_key.serialize_pem().as_bytes());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let document = metadata(&issuer).to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, stream.unwrap());
            let mut request = vec![0; 4096];
            // A client that does not believe us goes away during the handshake.
            let Ok(length) = stream.read(&mut request) else { continue };
            let discovery = request[..length].starts_with(b"GET /.well-known/");
            let body = if discovery { document.as_str() } else { r#"{"active":true}"# };
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
            write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
    });
    issuer
}

#[tokio::test]
async fn believes_a_certificate_of_the_extra_ca() {
    let certified = certificate();
    let issuer = secure_provider(&certified);
    let mut settings = development();
    settings.extra_ca_pem = Some(certified.cert.pem().into_bytes());
    let answer = connection(&issuer, times(LONG), settings).standing(question()).await.unwrap();
    assert_eq!(answer.standing, live());
}

#[tokio::test]
async fn a_certificate_of_a_stranger_is_a_fault() {
    let issuer = secure_provider(&certificate());
    let text = detail(connection(&issuer, times(LONG), development()).standing(question()).await);
    assert!(text.contains("certificate"), "{text}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_a_fault() {
    let certified = generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let issuer = secure_provider(&certified);
    let mut settings = development();
    settings.extra_ca_pem = Some(certified.cert.pem().into_bytes());
    let text = detail(connection(&issuer, times(LONG), settings).standing(question()).await);
    assert!(text.contains("certificate"), "{text}");
}

#[test]
fn refuses_an_extra_ca_without_a_certificate() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "not pem", broken] {
        let mut settings = development();
        settings.extra_ca_pem = Some(pem.as_bytes().to_vec());
        assert!(matches!(Outbound::new(settings), Err(OutboundError::ExtraCa(_))), "{pem}");
    }
}
