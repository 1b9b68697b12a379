//! https by ourselves.

use std::{io, net::TcpStream, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion, version,
};
use rustls_pki_types::CertificateDer;

use crate::{
    database::Kind,
    http::{Reply, Request},
    process::PATIENCE,
    scene::Scene,
};

/// A server with a certificate for `localhost`, and that certificate.
fn scene() -> (Scene, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let scene = Scene::configured(Kind::Sqlite, |site| {
        site.write("tls.crt", &cert.pem());
        site.write("tls.key", &signing_key.serialize_pem());
        let tls = "[tls]\ncertificate = \"tls.crt\"\nprivate_key = \"tls.key\"\n\n[keys]";
        site.configure("[keys]", tls);
        site.configure("http://127.0.0.1:8400", "https://localhost:8400");
    });
    (scene, cert.der().clone())
}

/// A client that trusts these certificates and speaks one version.
fn client(
    trusted: &[CertificateDer<'static>],
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn send(
    scene: &Scene,
    client: Arc<ClientConfig>,
    request: &Request,
) -> io::Result<(Reply, Option<ProtocolVersion>)> {
    let stream = TcpStream::connect(scene.server.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let connection = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let reply = request.send_over(&mut stream)?;
    Ok((reply, stream.conn.protocol_version()))
}

#[test]
fn exchanges_over_tls_1_2_and_1_3() {
    let (scene, certificate) = scene();
    for version in [&version::TLS12, &version::TLS13] {
        let client = client(std::slice::from_ref(&certificate), version);
        let (reply, spoken) = send(&scene, client, &scene.happy()).unwrap();
        assert_eq!(reply.claims()["iss"], "https://localhost:8400/o/acme");
        assert_eq!(spoken, Some(version.version));
    }
}

#[test]
fn who_does_not_trust_the_certificate_learns_nothing() {
    let (scene, _) = scene();
    let refused = send(&scene, client(&[], &version::TLS13), &Request::get("/healthz"));
    assert!(refused.unwrap_err().to_string().contains("UnknownIssuer"));
}

#[test]
fn plain_http_is_not_answered() {
    let (scene, _) = scene();
    let stream = TcpStream::connect(scene.server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    scene.happy().send_over(stream).unwrap_err();
}
