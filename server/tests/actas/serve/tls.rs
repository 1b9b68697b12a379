//! https by ourselves.

use std::net::TcpStream;

use rustls::version;

use crate::{
    http::Request,
    process::PATIENCE,
    secured::{PUBLIC_URL, Secured, client},
};

fn secured() -> Secured {
    Secured::with("", |org| org)
}

#[test]
fn exchanges_over_tls_1_2_and_1_3() {
    let secured = secured();
    for version in [&version::TLS12, &version::TLS13] {
        let (reply, spoken) =
            secured.send(secured.client(version), &secured.scene.happy()).unwrap();
        assert_eq!(reply.claims()["iss"], format!("{PUBLIC_URL}/o/acme"));
        assert_eq!(spoken, Some(version.version));
    }
}

#[test]
fn who_does_not_trust_the_certificate_learns_nothing() {
    let secured = secured();
    let refused = secured.send(client(&[], &version::TLS13, None), &Request::get("/healthz"));
    assert!(refused.unwrap_err().to_string().contains("UnknownIssuer"));
}

#[test]
fn plain_http_is_not_answered() {
    let scene = secured().scene;
    let stream = TcpStream::connect(scene.server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    scene.happy().send_over(stream).unwrap_err();
}
