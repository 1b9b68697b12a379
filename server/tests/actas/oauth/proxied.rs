//! What a proxy in front of us says of its clients: believed of those that are trusted, and noise from
//! anybody else.

use crate::{
    database::Kind,
    http::{Reply, Request},
    scene::{Scene, changed, exchange},
    secured::{Authority, Identity, Secured},
};

const NAME: &str = "agent.example";
const TRUSTED: &str = "trusted = [\"127.0.0.0/8\"]";
/// Not where the tests come from.
const ELSEWHERE: &str = "trusted = [\"192.0.2.0/24\"]";
const RFC_9440: &str = "client_certificate_format = \"rfc9440\"";

/// The orchestrator is known by a certificate; `[proxy]` has these settings.
fn scene(authority: &Authority, trusted: &str, settings: &str) -> Scene {
    Scene::declared(Kind::Sqlite, |site, org| {
        site.configure("[keys]", &format!("[proxy]\n{trusted}\n{settings}\n\n[keys]"));
        by_name(&org, authority)
    })
}

fn by_name(org: &str, authority: &Authority) -> String {
    let agent = "scope = \"documents:read documents:write\"\n\n[[agents]]\nid = \"researcher\"";
    let method =
        format!("auth_methods = [\"tls_client_auth\"]\ntls_client_auth_san_dns = \"{NAME}\"");
    let org = changed(org, agent, &format!("{method}\n{agent}"));
    let pem = &authority.pem;
    format!("{org}\n[[certificate_authorities]]\nid = \"corp\"\npem = \"\"\"\n{pem}\"\"\"\n")
}

fn happy(scene: &Scene) -> Request {
    exchange(&scene.provider.access_token("alice")).with("client_id", "orchestrator")
}

fn send(scene: &Scene, headers: &[(&str, &str)]) -> Reply {
    let add = |request: Request, (name, value): &(&str, &str)| request.and_header(name, value);
    scene.send(&headers.iter().fold(happy(scene), add))
}

#[test]
fn a_trusted_proxy_hands_certificates_over() {
    let authority = Authority::new();
    let scene = scene(&authority, TRUSTED, RFC_9440);
    let (own, other) = (authority.certify(NAME, 2100), Identity::self_signed(NAME, 2100));
    let (own, other) = (own.rfc_9440(), other.rfc_9440());
    send(&scene, &[("client-cert", &own)]).token();
    for wrong in [
        &[][..],
        &[("client-cert", other.as_str())],
        &[("client-cert", "")],
        &[("client-cert", "rubbish")],
        &[("client-cert", &own), ("client-cert", &own)],
        &[("client-cert", &other), ("client-cert", &own)],
        &[("client-cert", &own), ("client-cert-chain", "rubbish")],
        &[("x-client-cert", &own)],
    ] {
        let reply = send(&scene, wrong);
        assert_eq!(reply.refusal(), (401, "invalid_client".into(), String::new()), "{wrong:?}");
    }
}

#[test]
fn from_anybody_else_the_header_neither_authenticates_nor_breaks() {
    let authority = Authority::new();
    let scene = scene(&authority, ELSEWHERE, RFC_9440);
    let own = authority.certify(NAME, 2100).rfc_9440();
    send(&scene, &[("client-cert", &own)]).refused(401, "invalid_client", "");
    let handed = exchange(&scene.provider.access_token("alice"));
    // Somebody who has a secret is let in, whatever the headers pretend.
    let by_secret = handed.basic("researcher", scene.secret("researcher"));
    let clean = scene.send(&by_secret).refusal();
    for spoofed in [own.as_str(), "rubbish"] {
        let reply = scene.send(&by_secret.clone().header("client-cert", spoofed));
        assert_eq!(reply.refusal(), clean, "{spoofed}");
    }
    assert_ne!(clean.1, "invalid_client");
}

#[test]
fn the_formats_of_nginx_and_envoy_are_read() {
    use url::form_urlencoded::byte_serialize;
    let authority = Authority::new();
    let own = authority.certify(NAME, 2100);
    let pem = own.pem();
    let encoded: String = byte_serialize(pem.as_bytes()).collect::<String>().replace('+', "%20");
    for (format, value) in
        [("pem", encoded.clone()), ("xfcc", format!("Hash=ab;Cert=\"{encoded}\";Subject=\"CN=a\""))]
    {
        let settings = format!(
            "client_certificate_header = \"X-Cert\"\nclient_certificate_format = \"{format}\""
        );
        let scene = scene(&authority, TRUSTED, &settings);
        send(&scene, &[("x-cert", &value)]).token();
        send(&scene, &[("x-cert", &own.rfc_9440())]).refused(401, "invalid_client", "");
    }
}

#[test]
fn the_certificate_of_a_trusted_proxy_is_not_its_clients() {
    let authority = Authority::new();
    let own = authority.certify(NAME, 2100);
    let secured = |trusted: &str| {
        let proxy = format!("client_certificates = true\n\n[proxy]\n{trusted}\n{RFC_9440}");
        Secured::with(&proxy, |org| by_name(&org, &authority))
    };
    let (proxy, stranger) = (secured(TRUSTED), secured(ELSEWHERE));
    let from_proxy = happy(&proxy.scene);
    proxy.send_as(Some(&own), &from_proxy).refused(401, "invalid_client", "");
    let handed_over = from_proxy.header("client-cert", &own.rfc_9440());
    proxy.send_as(None, &handed_over).token();
    // Whoever is no proxy speaks for itself, and for nobody else.
    let other = Identity::self_signed("other.example", 2100);
    let spoofed = happy(&stranger.scene).header("client-cert", &other.rfc_9440());
    stranger.send_as(Some(&own), &spoofed).token();
}

/// The address in the audit trail of a request with these headers.
fn address(scene: &Scene, headers: &[(&str, &str)]) -> String {
    send(scene, headers).refusal();
    let records = scene.records();
    records.last().unwrap()["client_address"].as_str().unwrap().to_owned()
}

#[test]
fn the_address_is_the_one_that_a_trusted_proxy_heard() {
    let settings = "client_address_header = \"X-Forwarded-For\"";
    let authority = Authority::new();
    let trusted = scene(&authority, TRUSTED, settings);
    let forwarded = |value| ("x-forwarded-for", value);
    assert_eq!(address(&trusted, &[]), "127.0.0.1");
    assert_eq!(address(&trusted, &[forwarded("192.0.2.1")]), "192.0.2.1");
    // What the client itself has written stands further left.
    assert_eq!(address(&trusted, &[forwarded("198.51.100.7, 192.0.2.1")]), "192.0.2.1");
    assert_eq!(address(&trusted, &[forwarded("192.0.2.1, 127.0.0.9")]), "192.0.2.1");
    assert_eq!(address(&trusted, &[forwarded("rubbish")]), "127.0.0.1");
    let untrusted = scene(&authority, ELSEWHERE, settings);
    assert_eq!(address(&untrusted, &[forwarded("192.0.2.1")]), "127.0.0.1");
}
