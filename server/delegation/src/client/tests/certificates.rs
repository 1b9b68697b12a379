//! Certificates of clients: by an authority, by registration, by a trust domain.

use std::sync::{Arc, atomic::Ordering};

use base64::{Engine, engine::general_purpose::STANDARD};
use keys::{Authorities, Certificate, CertificateFault, CertificateName, PublicKeys, Signer};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde_json::json;

use super::fixture::{CLIENT, KEY, Keys, Request, SPIFFE_ID, Scene, believed, is_fault, refusal};
use crate::{
    client::{Caller, ClientFault, Credentials},
    declared::Method,
    refusal::Failure,
};

const NAME: &str = "orchestrator.clients.example";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn authorities(&self) -> Arc<Authorities> {
        Arc::new(Authorities::from_pem(self.pem.as_bytes()).unwrap())
    }

    fn certificate(&self, names: Vec<SanType>) -> Certificate {
        let params = leaf(names);
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap();
        Certificate::from_der(vec![certificate.der().to_vec()]).unwrap()
    }
}

fn leaf(names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn dns(name: &str) -> Vec<SanType> {
    vec![SanType::DnsName(name.try_into().unwrap())]
}

fn uri(uri: &str) -> Vec<SanType> {
    vec![SanType::URI(uri.try_into().unwrap())]
}

fn send(scene: &Scene, id: &str, certificate: Option<&Certificate>) -> Result<Caller, Failure> {
    let request = Request::new(Credentials::Named { id: id.to_owned() });
    scene.send(Request { certificate, ..request })
}

/// Where `authority` is believed, and the client known by its name.
fn scene_of(authority: &Authority, method: Method) -> Scene {
    let mut scene = Scene::with(method, |client| {
        client.certificate = Some(CertificateName::Dns(NAME.to_owned()));
    });
    scene.org.trusted.authorities = Some(authority.authorities());
    scene
}

#[test]
fn believes_a_certificate_of_an_authority_with_the_registered_name() {
    let authority = Authority::new("authority");
    let scene = scene_of(&authority, Method::TlsClientAuth);
    let certificate = authority.certificate(dns(NAME));
    let sent = send(&scene, CLIENT, Some(&certificate));
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::TlsClientAuth));
    // It is presented at every request.
    assert!(send(&scene, CLIENT, Some(&certificate)).is_ok());
}

#[test]
fn refuses_another_name_of_the_same_authority() {
    let authority = Authority::new("authority");
    let scene = scene_of(&authority, Method::TlsClientAuth);
    for names in [dns("another.clients.example"), uri(&format!("https://{NAME}")), Vec::new()] {
        let certificate = authority.certificate(names);
        let sent = send(&scene, CLIENT, Some(&certificate));
        assert_eq!(refusal(sent), ClientFault::OtherName);
    }
    let nameless = Scene::with(Method::TlsClientAuth, |client| client.certificate = None);
    let mut nameless = nameless;
    nameless.org.trusted.authorities = Some(authority.authorities());
    let sent = send(&nameless, CLIENT, Some(&authority.certificate(dns(NAME))));
    assert_eq!(refusal(sent), ClientFault::OtherName);
}

#[test]
fn refuses_the_same_name_of_another_authority() {
    let (authority, other) = (Authority::new("authority"), Authority::new("authority"));
    let untrusted = ClientFault::Certificate(CertificateFault::Untrusted);
    let mut scene = scene_of(&authority, Method::TlsClientAuth);
    let sent = send(&scene, CLIENT, Some(&other.certificate(dns(NAME))));
    assert_eq!(refusal(sent), untrusted);
    // Nobody is trusted where none is declared.
    scene.org.trusted.authorities = None;
    let sent = send(&scene, CLIENT, Some(&authority.certificate(dns(NAME))));
    assert_eq!(refusal(sent), untrusted);
}

/// A self-signed certificate, and a JWKS in which it is registered.
fn self_signed() -> (Certificate, PublicKeys) {
    let key = KeyPair::generate().unwrap();
    let der = leaf(dns(NAME)).self_signed(&key).unwrap().der().to_vec();
    // SEC 1 §2.3.3: the point that is not compressed, x and y after one octet.
    let point = key.public_key_raw();
    let coordinate =
        |octets: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets);
    let (x, y) = point[1..].split_at(32);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "x": coordinate(x), "y": coordinate(y),
        "x5c": [STANDARD.encode(&der)],
    });
    let jwks = json!({ "keys": [jwk] }).to_string();
    let registered = PublicKeys::parse(jwks.as_bytes()).unwrap();
    (Certificate::from_der(vec![der]).unwrap(), registered)
}

#[test]
fn believes_the_certificate_that_is_registered() {
    let (certificate, registered) = self_signed();
    let scene = Scene::with(Method::SelfSignedTlsClientAuth, |client| {
        client.keys = Some(Keys::of(registered));
    });
    let sent = send(&scene, CLIENT, Some(&certificate));
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::SelfSignedTlsClientAuth));
    // Whose name it bears does not matter, whose key it is does.
    let sent = send(&scene, CLIENT, Some(&self_signed().0));
    assert_eq!(refusal(sent), ClientFault::Certificate(CertificateFault::Unregistered));
    let keyless = Scene::with(Method::SelfSignedTlsClientAuth, |client| client.keys = None);
    let sent = send(&keyless, CLIENT, Some(&certificate));
    assert_eq!(refusal(sent), ClientFault::Certificate(CertificateFault::Unregistered));
}

/// RFC 8705 §2.2: a client that publishes its keys changes its certificate by publishing the new one.
#[test]
fn looks_again_for_a_certificate_that_was_published_meanwhile() {
    let ((_, before), (certificate, after)) = (self_signed(), self_signed());
    let keys = Keys::of(before);
    *keys.next.lock().unwrap() = Some(Arc::new(after));
    let scene = Scene::with(Method::SelfSignedTlsClientAuth, |client| {
        client.keys = Some(Arc::clone(&keys) as _);
    });
    assert!(send(&scene, CLIENT, Some(&certificate)).is_ok());
    keys.is_ill.store(true, Ordering::Relaxed);
    assert!(is_fault(&send(&scene, CLIENT, Some(&certificate))));
}

/// Where `authority` speaks for the trust domain.
fn spiffe_scene(authority: &Authority) -> Scene {
    let scene = Scene::of(Method::SpiffeX509);
    *scene.domain.authorities.lock().unwrap() = Some(authority.authorities());
    scene
}

#[test]
fn believes_an_svid_of_the_registered_workload() {
    let authority = Authority::new("example.org");
    let scene = spiffe_scene(&authority);
    let sent = send(&scene, CLIENT, Some(&authority.certificate(uri(SPIFFE_ID))));
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::SpiffeX509));
}

#[test]
fn refuses_an_svid_of_another_workload_or_by_another_domain() {
    let authority = Authority::new("example.org");
    let scene = spiffe_scene(&authority);
    for other in ["spiffe://example.org/agents/other", "spiffe://other.example/agents/orchestrator"]
    {
        let sent = send(&scene, CLIENT, Some(&authority.certificate(uri(other))));
        assert_eq!(refusal(sent), ClientFault::OtherName, "{other}");
    }
    let two = [uri(SPIFFE_ID), uri("spiffe://example.org/agents/other")].concat();
    let sent = send(&scene, CLIENT, Some(&authority.certificate(two)));
    assert_eq!(refusal(sent), ClientFault::OtherName);
    // The authorities of other domains, and of the organization, have no say.
    let other = Authority::new("other.example");
    let mut scene = spiffe_scene(&authority);
    scene.org.trusted.authorities = Some(other.authorities());
    let sent = send(&scene, CLIENT, Some(&other.certificate(uri(SPIFFE_ID))));
    assert_eq!(refusal(sent), ClientFault::Certificate(CertificateFault::Untrusted));
    // A domain nobody declared.
    scene.org.trusted.domains.clear();
    let sent = send(&scene, CLIENT, Some(&authority.certificate(uri(SPIFFE_ID))));
    assert_eq!(refusal(sent), ClientFault::UnknownIssuer);
}

#[test]
fn a_bundle_without_authorities_is_a_fault() {
    let authority = Authority::new("example.org");
    let scene = Scene::of(Method::SpiffeX509);
    let sent = send(&scene, CLIENT, Some(&authority.certificate(uri(SPIFFE_ID))));
    assert!(is_fault(&sent));
}

/// What proves a client one way does not prove it another.
#[test]
fn each_way_is_its_own() {
    let authority = Authority::new("authority");
    let names = [dns(NAME), uri(SPIFFE_ID)].concat();
    let certificate = authority.certificate(names);
    for (method, fault) in [
        (Method::TlsClientAuth, None),
        (
            Method::SelfSignedTlsClientAuth,
            Some(ClientFault::Certificate(CertificateFault::Unregistered)),
        ),
        (Method::PrivateKeyJwt, Some(ClientFault::OtherMethod)),
        (Method::ClientSecretBasic, Some(ClientFault::OtherMethod)),
        (Method::AttestJwtClientAuth, Some(ClientFault::OtherMethod)),
    ] {
        let sent = send(&scene_of(&authority, method), CLIENT, Some(&certificate));
        match fault {
            None => assert_eq!(believed(sent).1, method),
            Some(fault) => assert_eq!(refusal(sent), fault, "{method:?}"),
        }
    }
}

/// While it moves from one way to another.
#[test]
fn a_client_may_have_two_ways() {
    let authority = Authority::new("authority");
    let mut scene = Scene::with(Method::SelfSignedTlsClientAuth, |client| {
        client.methods.push(Method::TlsClientAuth);
        client.certificate = Some(CertificateName::Dns(NAME.to_owned()));
    });
    scene.org.trusted.authorities = Some(authority.authorities());
    let sent = send(&scene, CLIENT, Some(&authority.certificate(dns(NAME))));
    assert_eq!(believed(sent).1, Method::TlsClientAuth);
}

#[test]
fn a_name_alone_proves_nothing() {
    let authority = Authority::new("authority");
    let scene = scene_of(&authority, Method::TlsClientAuth);
    assert_eq!(refusal(send(&scene, CLIENT, None)), ClientFault::Missing);
    let certificate = authority.certificate(dns(NAME));
    assert_eq!(refusal(send(&scene, "nobody", Some(&certificate))), ClientFault::Unknown);
}

#[test]
fn refuses_who_is_disabled() {
    let authority = Authority::new("authority");
    let mut scene = Scene::with(Method::TlsClientAuth, |client| {
        client.certificate = Some(CertificateName::Dns(NAME.to_owned()));
        client.disabled = true;
    });
    scene.org.trusted.authorities = Some(authority.authorities());
    let sent = send(&scene, CLIENT, Some(&authority.certificate(dns(NAME))));
    assert_eq!(refusal(sent), ClientFault::Disabled);
}

/// The key of another way is not a certificate.
#[test]
fn a_key_without_a_certificate_registers_none() {
    let jwks = json!({ "keys": [KEY.public_jwk()] }).to_string();
    let registered = PublicKeys::parse(jwks.as_bytes()).unwrap();
    let scene = Scene::with(Method::SelfSignedTlsClientAuth, |client| {
        client.keys = Some(Keys::of(registered));
    });
    let sent = send(&scene, CLIENT, Some(&self_signed().0));
    assert_eq!(refusal(sent), ClientFault::Certificate(CertificateFault::Unregistered));
}
