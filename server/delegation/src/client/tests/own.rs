//! `private_key_jwt` (RFC 7523 §3, rfc7523bis).

use std::sync::atomic::Ordering;

use keys::{Algorithm, Signer, SigningKey, TokenFault};
use serde_json::{Value, json};

use super::fixture::{
    CLIENT, KEY, NOW, Request, SECOND_KEY, STRANGER_KEY, Scene, TOKEN_ENDPOINT, US, believed,
    changed, forged, is_fault, jwks, refusal,
};
use crate::{
    client::{AssertionType, Caller, ClientFault},
    declared::Method,
    refusal::Failure,
};

const TYP: &str = "client-authentication+jwt";

/// The claims of the happy assertion.
fn claims() -> Value {
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": US, "jti": "a-1",
        "iat": NOW - 1, "nbf": NOW - 1, "exp": NOW + 60,
    })
}

fn signed(key: &SigningKey, typ: &str, claims: &Value) -> String {
    keys::sign(key, typ, claims).unwrap()
}

fn send(scene: &Scene, assertion: &str) -> Result<Caller, Failure> {
    scene.send(Request::assertion(AssertionType::Jwt, None, assertion))
}

/// The happy assertion with `value` as `name`, sent to the happy organization.
fn with(name: &str, value: Value) -> Result<Caller, Failure> {
    let assertion = signed(&KEY, TYP, &changed(claims(), name, value));
    send(&Scene::of(Method::PrivateKeyJwt), &assertion)
}

fn is_orchestrator(sent: Result<Caller, Failure>) {
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::PrivateKeyJwt));
}

#[test]
fn believes_a_client_that_signed_with_its_key() {
    for typ in [TYP, "application/client-authentication+jwt", "JWT"] {
        is_orchestrator(send(&Scene::of(Method::PrivateKeyJwt), &signed(&KEY, typ, &claims())));
    }
}

#[test]
fn refuses_another_kind_of_jwt() {
    for typ in ["at+jwt", "dpop+jwt", "oauth-id-jag+jwt", "JOSE", "secevent+jwt"] {
        let sent = send(&Scene::of(Method::PrivateKeyJwt), &signed(&KEY, typ, &claims()));
        assert_eq!(refusal(sent), ClientFault::Assertion(TokenFault::Typ), "{typ}");
    }
}

/// rfc7523bis: our issuer "as the sole value".
#[test]
fn the_audience_is_our_issuer_alone() {
    is_orchestrator(with("aud", json!(US)));
    is_orchestrator(with("aud", json!([US])));
    for audience in [
        json!(TOKEN_ENDPOINT),
        json!([US, "https://evil.example"]),
        json!([US, TOKEN_ENDPOINT]),
        json!([US, US]),
        json!(format!("{US}/")),
        json!(US.to_uppercase()),
        json!("https://evil.example"),
        json!([]),
        Value::Null,
    ] {
        let sent = refusal(with("aud", audience.clone()));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::Audience), "{audience}");
    }
}

#[test]
fn the_token_endpoint_is_an_audience_for_those_who_say_so() {
    let legacy = || Scene::with(Method::PrivateKeyJwt, |client| client.legacy_audience = true);
    let assertion = |audience| signed(&KEY, TYP, &changed(claims(), "aud", audience));
    is_orchestrator(send(&legacy(), &assertion(json!(TOKEN_ENDPOINT))));
    is_orchestrator(send(&legacy(), &assertion(json!(US))));
    for audience in [json!([US, TOKEN_ENDPOINT]), json!("https://evil.example/oauth/token")] {
        let sent = refusal(send(&legacy(), &assertion(audience)));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::Audience));
    }
}

#[test]
fn lives_for_five_minutes_at_most() {
    is_orchestrator(with("exp", json!(NOW + 310)));
    is_orchestrator(with("exp", json!(NOW - 9)));
    // Libraries that write an hour are taken at their `iat`.
    is_orchestrator(with("exp", json!(NOW + 3600)));
    // Such a one must not be good again when its hour is nearly over, and what was used is forgotten.
    is_orchestrator(with("iat", json!(NOW - 309)));
    assert_eq!(refusal(with("iat", json!(NOW - 310))), ClientFault::Assertion(TokenFault::TooOld));
    for (exp, fault) in [
        (json!(NOW - 10), TokenFault::Expired),
        (json!("soon"), TokenFault::Expiry),
        (Value::Null, TokenFault::Expiry),
    ] {
        assert_eq!(refusal(with("exp", exp.clone())), ClientFault::Assertion(fault), "{exp}");
    }
}

#[test]
fn is_not_good_before_its_time() {
    for name in ["nbf", "iat"] {
        is_orchestrator(with(name, json!(NOW + 8)));
        is_orchestrator(with(name, Value::Null));
    }
    let sent = refusal(with("nbf", json!(NOW + 60)));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::NotYetValid));
    let sent = refusal(with("iat", json!(NOW + 60)));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::IssuedInFuture));
}

/// RFC 7523 §3: issuer and subject are the `client_id`; what has another issuer is somebody else's.
#[test]
fn names_itself_as_issuer_and_subject() {
    for (name, value) in [
        ("iss", json!("another")),
        ("iss", Value::Null),
        ("sub", json!("another")),
        ("sub", Value::Null),
        ("iss", json!([CLIENT])),
    ] {
        let sent = refusal(with(name, value.clone()));
        assert_eq!(sent, ClientFault::UnknownIssuer, "{name} {value}");
    }
    let nobody = changed(changed(claims(), "iss", Value::Null), "sub", Value::Null);
    let sent = send(&Scene::of(Method::PrivateKeyJwt), &signed(&KEY, TYP, &nobody));
    assert_eq!(refusal(sent), ClientFault::Assertion(TokenFault::Subject));
}

/// RFC 7521 §4.2: `client_id` "MUST identify the same client".
#[test]
fn the_client_id_beside_it_is_the_same() {
    let send_as = |id| {
        let assertion = signed(&KEY, TYP, &claims());
        let request = Request::assertion(AssertionType::Jwt, Some(id), &assertion);
        Scene::of(Method::PrivateKeyJwt).send(request)
    };
    is_orchestrator(send_as(CLIENT));
    assert_eq!(refusal(send_as("another")), ClientFault::OtherClient);
    assert_eq!(refusal(send_as("Orchestrator")), ClientFault::OtherClient);
}

#[test]
fn another_clients_key_is_not_its_own() {
    let scene = || {
        let mut scene = Scene::of(Method::PrivateKeyJwt);
        scene.register_another(Method::PrivateKeyJwt, |client| {
            client.keys = Some(super::fixture::Keys::of(jwks(&[&STRANGER_KEY])));
        });
        scene
    };
    let sent = send(&scene(), &signed(&STRANGER_KEY, TYP, &claims()));
    assert_eq!(refusal(sent), ClientFault::Assertion(TokenFault::UnknownKey));
    let theirs = changed(changed(claims(), "iss", json!("another")), "sub", json!("another"));
    let sent = send(&scene(), &signed(&STRANGER_KEY, TYP, &theirs));
    assert_eq!(believed(sent), ("another".to_owned(), Method::PrivateKeyJwt));
}

#[test]
fn only_pinned_algorithms_are_taken() {
    let pinned = |algorithms: &[Algorithm]| {
        Scene::with(Method::PrivateKeyJwt, |client| client.algorithms = algorithms.to_vec())
    };
    let assertion = signed(&SECOND_KEY, TYP, &claims());
    is_orchestrator(send(&pinned(&[Algorithm::Es256, Algorithm::EdDsa]), &assertion));
    let sent = send(&pinned(&[Algorithm::Es256]), &assertion);
    assert_eq!(refusal(sent), ClientFault::Assertion(TokenFault::Algorithm));
}

/// No key confuses the verifier: not a public one as the secret of an HMAC, none at all, not one that
/// comes along.
#[test]
fn algorithms_are_not_confused() {
    let kid = KEY.kid();
    let by_hmac = |input: &str| {
        let public = KEY.public_jwk().to_string();
        keys::hmac_sha256(public.as_bytes(), input.as_bytes()).to_vec()
    };
    let refused = |header: Value, sign: &dyn Fn(&str) -> Vec<u8>| {
        let forged = forged(&header, &claims(), sign);
        refusal(send(&Scene::of(Method::PrivateKeyJwt), &forged))
    };
    let algorithm = ClientFault::Assertion(TokenFault::Algorithm);
    for name in ["HS256", "none", "None", "ES384", "RS256", "EdDSA"] {
        let header = json!({ "alg": name, "kid": kid, "typ": TYP });
        assert_eq!(refused(header, &by_hmac), algorithm, "{name}");
    }
    let header = json!({ "alg": "ES256", "kid": kid, "typ": TYP });
    let sent = refused(header.clone(), &by_hmac);
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Signature));
    // The stranger's key, under the client's `kid`, brought along.
    let mut header = header;
    header["jwk"] = STRANGER_KEY.public_jwk().clone();
    let theirs = signed(&STRANGER_KEY, TYP, &claims());
    let theirs = theirs.rsplit('.').next().unwrap().as_bytes().to_vec();
    let sent = refused(header, &move |_| theirs.clone());
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Signature));
}

#[test]
fn a_tampered_or_doubled_assertion_is_none() {
    let assertion = signed(&KEY, TYP, &claims());
    let scene = Scene::of(Method::PrivateKeyJwt);
    for (other, fault) in [
        // RFC 7523 §2.2: "MUST NOT contain more than one JWT".
        (format!("{assertion} {assertion}"), TokenFault::Encrypted),
        (String::new(), TokenFault::Malformed),
        ("a.b".to_owned(), TokenFault::Malformed),
    ] {
        assert_eq!(refusal(send(&scene, &other)), ClientFault::Assertion(fault), "{other}");
    }
    let parts: Vec<_> = assertion.split('.').collect();
    let other = signed(&KEY, TYP, &changed(claims(), "jti", json!("a-2")));
    let tampered = [parts[0], other.split('.').nth(1).unwrap(), parts[2]].join(".");
    let sent = refusal(send(&scene, &tampered));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Signature));
    is_orchestrator(send(&scene, &assertion));
}

#[test]
fn is_used_once() {
    let scene = Scene::of(Method::PrivateKeyJwt);
    let assertion = signed(&KEY, TYP, &claims());
    let request = || Request::assertion(AssertionType::Jwt, None, &assertion);
    let first = request();
    let by = first.by;
    is_orchestrator(scene.send(first));
    assert_eq!(refusal(scene.send(request())), ClientFault::Replayed);
    // The same request decides again.
    is_orchestrator(scene.send(Request { by, ..request() }));
    let another = signed(&KEY, TYP, &changed(claims(), "jti", json!("a-2")));
    is_orchestrator(send(&scene, &another));
}

#[test]
fn needs_an_id() {
    assert_eq!(refusal(with("jti", Value::Null)), ClientFault::NoId);
    for id in [json!(""), json!(7), json!("x".repeat(256))] {
        let sent = refusal(with("jti", id.clone()));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::TokenId), "{id}");
    }
    is_orchestrator(with("jti", json!("x".repeat(255))));
}

/// And nothing is fetched for those who may not use it.
#[test]
fn refuses_who_is_disabled_not_registered_for_it_or_unknown() {
    let assertion = signed(&KEY, TYP, &claims());
    let disabled = Scene::with(Method::PrivateKeyJwt, |client| client.disabled = true);
    assert_eq!(refusal(send(&disabled, &assertion)), ClientFault::Disabled);
    let other = Scene::of(Method::ClientSecretBasic);
    assert_eq!(refusal(send(&other, &assertion)), ClientFault::OtherMethod);
    for scene in [disabled, other] {
        assert_eq!(*scene.keys.asked.lock().unwrap(), 0);
    }
    let nobody = changed(changed(claims(), "iss", json!("nobody")), "sub", json!("nobody"));
    let sent = send(&Scene::of(Method::PrivateKeyJwt), &signed(&KEY, TYP, &nobody));
    assert_eq!(refusal(sent), ClientFault::Unknown);
    let keyless = Scene::with(Method::PrivateKeyJwt, |client| client.keys = None);
    let sent = refusal(send(&keyless, &assertion));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::UnknownKey));
}

#[test]
fn keys_that_cannot_be_had_are_a_fault() {
    let scene = Scene::of(Method::PrivateKeyJwt);
    scene.keys.is_ill.store(true, Ordering::Relaxed);
    assert!(is_fault(&send(&scene, &signed(&KEY, TYP, &claims()))));
    scene.keys.is_ill.store(false, Ordering::Relaxed);
    is_orchestrator(send(&scene, &signed(&KEY, TYP, &claims())));
}
