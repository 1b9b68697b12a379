//! The provider, driven through [`DevIdp::handle`] alone, as its server would.

mod control;
mod introspection;
mod sign_in;

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keys::{Algorithm, SigningKey};
use url::form_urlencoded;

use super::*;

pub(super) const ISSUER: &str = "http://127.0.0.1:9999";
pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1:8888/callback";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636, appendix B, of that verifier.
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client(id: &str, secret: &str) -> Client {
    Client { id: id.to_owned(), secret: secret.to_owned() }
}

pub(super) fn idp() -> DevIdp {
    let user = |sub: &str| User { sub: sub.to_owned(), password: format!("{sub}'s password") };
    let settings = DevIdpSettings {
        issuer: ISSUER.to_owned(),
        app: client("app", "app secret"),
        redirect_uri: REDIRECT_URI.to_owned(),
        introspector: client("actas", "s%cret +&="),
        users: vec![user("alice"), user("bob")],
        audience: vec!["orchestrator".to_owned()],
        token_lifetime: Duration::from_mins(10),
    };
    let signer = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
    let count = AtomicUsize::new(0);
    DevIdp::new(
        settings,
        signer,
        Box::new(move || format!("fresh-{}", count.fetch_add(1, Ordering::SeqCst))),
    )
}

/// RFC 6749 §2.3.1: form-encoded, then Basic.
pub(super) fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

pub(super) fn form(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

pub(super) fn get(idp: &DevIdp, path: &str, query: &str) -> Answer {
    let request = Request { method: "GET", path, query, authorization: None, body: b"" };
    idp.handle(&request, NOW)
}

pub(super) fn post(idp: &DevIdp, path: &str, authorization: Option<&str>, body: &str) -> Answer {
    post_at(idp, path, authorization, body, NOW)
}

pub(super) fn post_at(
    idp: &DevIdp,
    path: &str,
    authorization: Option<&str>,
    body: &str,
    now: i64,
) -> Answer {
    let body = body.as_bytes();
    idp.handle(&Request { method: "POST", path, query: "", authorization, body }, now)
}

pub(super) fn reply(answer: Answer) -> Reply {
    match answer {
        Answer::Reply(reply) => reply,
        Answer::Slow(_) | Answer::Down => panic!("not a plain reply: {answer:?}"),
    }
}

pub(super) fn json_of(answer: Answer) -> Value {
    serde_json::from_str(&reply(answer).body).unwrap()
}

/// Header or claims of a token.
pub(super) fn part(token: &str, index: usize) -> Value {
    let encoded = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn publishes_what_it_serves() {
    let idp = idp();
    let metadata = json_of(get(&idp, "/.well-known/openid-configuration", ""));
    assert_eq!(metadata["issuer"], ISSUER);
    for (name, method) in [
        ("authorization_endpoint", "GET"),
        ("token_endpoint", "POST"),
        ("introspection_endpoint", "POST"),
        ("revocation_endpoint", "POST"),
        ("jwks_uri", "GET"),
    ] {
        let path = metadata[name].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        let request = Request { method, path, query: "", authorization: None, body: b"" };
        assert_ne!(reply(idp.handle(&request, NOW)).status, 404, "{name}");
    }
}

#[test]
fn publishes_the_key_it_signs_with() {
    let idp = idp();
    let jwks = json_of(get(&idp, "/jwks", ""));
    assert_eq!(jwks["keys"][0]["kid"], idp.signer.kid());
    assert!(jwks["keys"][0].get("d").is_none());
}

#[test]
fn other_paths_and_methods_are_not_found() {
    let idp = idp();
    for (method, path) in [("GET", "/"), ("GET", "/token"), ("POST", "/jwks"), ("GET", "/control")]
    {
        let request = Request { method, path, query: "", authorization: None, body: b"" };
        assert_eq!(reply(idp.handle(&request, NOW)).status, 404, "{method} {path}");
    }
}

#[test]
fn shows_no_secrets_to_debug() {
    let text = format!("{:?}", idp());
    assert!(!text.contains("app secret") && !text.contains("password"), "{text}");
}
