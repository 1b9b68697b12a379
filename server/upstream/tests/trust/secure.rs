//! Whom to believe at a cluster that has authorities of its own.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
};

use delegation::{ports::TokenReview, refusal::Fault};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use secrecy::SecretString;
use tempfile::NamedTempFile;
use upstream::{
    http::{Outbound, OutboundSettings, Reach},
    trust::{ReviewSettings, Reviewer},
};

use crate::fake::{WHOSE, certificate, detail};

const AUDIENCE: &str = "https://as.example";

/// An API server behind TLS, in a thread, which says yes; one request per connection.
fn cluster(certified: &CertifiedKey<KeyPair>) -> String {
    let key = PrivateKeyDer::from_pem_slice(certified.signing_key.serialize_pem().as_bytes());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(tls, stream.unwrap());
            let mut request = vec![0; 8192];
            // A client that does not believe us goes away during the handshake.
            let Ok(_) = stream.read(&mut request) else { continue };
            let body =
                format!(r#"{{"status":{{"authenticated":true,"audiences":["{AUDIENCE}"]}}}}"#);
            let length = body.len();
            let head =
                "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-type: application/json";
            write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        }
    });
    url
}

fn file(contents: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(contents.as_bytes()).unwrap();
    file
}

/// What the cluster says to whoever believes `ca` there, and `system` everywhere.
async fn told(url: &str, ca: Option<&str>, system: &str) -> Result<bool, Fault> {
    let (token, ca) = (file("our-token"), ca.map(file));
    let settings = ReviewSettings {
        url: url.to_owned(),
        token_file: token.path().to_owned(),
        ca_file: ca.as_ref().map(|ca| ca.path().to_owned()),
    };
    let outbound = Outbound::new(OutboundSettings {
        reach: Reach::Public,
        extra_ca_pem: Some(system.as_bytes().to_vec()),
        deadline: std::time::Duration::from_secs(30),
        ..OutboundSettings::default()
    });
    let reviewer = Reviewer::new(WHOSE, settings, &outbound.unwrap()).unwrap();
    reviewer.review(&SecretString::from("token"), AUDIENCE).await
}

#[tokio::test]
async fn believes_the_declared_authorities_and_nobody_else() {
    let certified = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (url, its, other) = (cluster(&certified), certified.cert.pem(), certificate());
    assert!(told(&url, Some(&its), &other).await.unwrap());
    assert!(detail(told(&url, Some(&other), &its).await).contains("certificate"));
    // Without, those of the system.
    assert!(told(&url, None, &its).await.unwrap());
    assert!(detail(told(&url, None, &other).await).contains("certificate"));
}
