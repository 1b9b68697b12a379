//! A server that speaks https by itself, and clients with certificates or without.

use std::{io, net::TcpStream, sync::Arc};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedKey, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, PublicKeyData, SanType, date_time_ymd, generate_simple_self_signed,
};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
    crypto::ring::sign::any_supported_type,
    sign::{self, SingleCertAndKey},
    version,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::{
    database::Kind,
    http::{Reply, Request},
    process::PATIENCE,
    scene::Scene,
};

/// Where it says it is.
pub const PUBLIC_URL: &str = "https://localhost:8400";

/// A server with a certificate for `localhost`.
pub struct Secured {
    pub scene: Scene,
    /// That certificate.
    pub certificate: CertificateDer<'static>,
}

impl Secured {
    /// With more settings of its `[tls]`, and something in the organization's file changed.
    pub fn with(settings: &str, declare: impl FnOnce(String) -> String) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let scene = Scene::declared(Kind::Sqlite, |site, org| {
            site.write("tls.crt", &cert.pem());
            site.write("tls.key", &signing_key.serialize_pem());
            let tls = format!(
                "[tls]\ncertificate = \"tls.crt\"\nprivate_key = \"tls.key\"\n{settings}\n\n[keys]"
            );
            site.configure("[keys]", &tls);
            site.configure("http://127.0.0.1:8400", PUBLIC_URL);
            declare(org)
        });
        Self { scene, certificate: cert.der().clone() }
    }

    /// A client that trusts it, without a certificate of its own.
    pub fn client(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        client(std::slice::from_ref(&self.certificate), version, None)
    }

    /// Sends a request as somebody who has this certificate, or none.
    #[track_caller]
    pub fn send_as(&self, identity: Option<&Identity>, request: &Request) -> Reply {
        sent_as(&self.scene, &self.certificate, identity, request)
    }

    pub fn send(
        &self,
        client: Arc<ClientConfig>,
        request: &Request,
    ) -> io::Result<(Reply, Option<ProtocolVersion>)> {
        send(&self.scene, client, request)
    }
}

/// Sends a request to the server that has `certificate`, as somebody who has one, or none.
#[track_caller]
pub fn sent_as(
    scene: &Scene,
    certificate: &CertificateDer<'static>,
    identity: Option<&Identity>,
    request: &Request,
) -> Reply {
    let trusted = std::slice::from_ref(certificate);
    send(scene, client(trusted, &version::TLS13, identity), request).unwrap().0
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

/// A client that trusts these certificates, speaks one version, and may have a certificate.
pub fn client(
    trusted: &[CertificateDer<'static>],
    version: &'static SupportedProtocolVersion,
    identity: Option<&Identity>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[version]).unwrap();
    let builder = builder.with_root_certificates(roots);
    Arc::new(match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key, .. }) => {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let key = any_supported_type(&key).unwrap();
            // Whether they belong together is for the server to find out.
            let identity = SingleCertAndKey::from(sign::CertifiedKey::new(chain.clone(), key));
            builder.with_client_cert_resolver(Arc::new(identity))
        }
    })
}

/// A certificate authority of the tests.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// What an operator declares.
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// What it is in the bundle of a trust domain.
    pub fn bundle(&self) -> Value {
        let x5c: String = self.pem.lines().filter(|line| !line.starts_with('-')).collect();
        // Only the certificate is looked at.
        let key = json!({ "use": "x509-svid", "kty": "EC", "crv": "P-256", "x5c": [x5c] });
        json!({ "keys": [key] })
    }

    /// A client's certificate for this host name or SPIFFE id, valid until this year.
    pub fn certify(&self, name: &str, until: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, until).signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }
}

/// Somebody's certificate and private key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pem: String,
    key: KeyPair,
}

impl Identity {
    /// One that nobody but its owner vouches for.
    pub fn self_signed(name: &str, until: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, until).self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().clone()], pem: certificate.pem(), key }
    }

    /// The public half with the certificate, as it is registered (RFC 8705 §2.2.2).
    pub fn jwk(&self) -> Value {
        // An uncompressed point of P-256: a byte, and two halves.
        let point = self.key.der_bytes();
        let half = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({
            "kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65),
            "x5c": [STANDARD.encode(&self.chain[0])],
        })
    }

    /// The same key, with somebody else's certificate.
    pub fn with_chain_of(self, other: &Self) -> Self {
        Self { chain: other.chain.clone(), ..self }
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// `x5t#S256` (RFC 8705 §3.1)
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(keys::sha256(&self.chain[0]))
    }

    /// `:base64:` (RFC 9440 §2.1)
    pub fn rfc_9440(&self) -> String {
        format!(":{}:", STANDARD.encode(&self.chain[0]))
    }
}

fn params(name: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![if name.starts_with("spiffe://") {
        SanType::URI(name.try_into().unwrap())
    } else {
        SanType::DnsName(name.try_into().unwrap())
    }];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}
