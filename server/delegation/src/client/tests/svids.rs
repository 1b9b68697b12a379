//! JWT-SVIDs (draft-ietf-oauth-spiffe-client-auth).

use std::sync::atomic::Ordering;

use keys::TokenFault;
use serde_json::{Value, json};

use super::fixture::{
    CLIENT, DOMAIN_KEY, NOW, OTHER_DOMAIN_KEY, Request, SPIFFE_ID, Scene, TOKEN_ENDPOINT, US,
    believed, changed, is_fault, refusal,
};
use crate::{
    client::{AssertionType, Caller, ClientFault},
    declared::Method,
    refusal::Failure,
};

fn claims() -> Value {
    json!({ "sub": SPIFFE_ID, "aud": US, "exp": NOW + 300 })
}

fn svid(claims: &Value) -> String {
    keys::sign(&*DOMAIN_KEY, "JOSE", claims).unwrap()
}

fn send(scene: &Scene, id: Option<&str>, svid: &str) -> Result<Caller, Failure> {
    scene.send(Request::assertion(AssertionType::Svid, id, svid))
}

fn with(name: &str, value: Value) -> Result<Caller, Failure> {
    let svid = svid(&changed(claims(), name, value));
    send(&Scene::of(Method::SpiffeJwt), None, &svid)
}

fn is_orchestrator(sent: Result<Caller, Failure>) {
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::SpiffeJwt));
}

#[test]
fn believes_the_trust_domain_of_a_registered_workload() {
    let scene = Scene::of(Method::SpiffeJwt);
    for id in [None, Some(CLIENT)] {
        is_orchestrator(send(&scene, id, &svid(&claims())));
    }
    let untyped = keys::sign(&*DOMAIN_KEY, "JWT", &claims()).unwrap();
    is_orchestrator(send(&scene, None, &untyped));
}

/// Whose keys are asked says the trust domain, never `iss`.
#[test]
fn the_issuer_proves_nothing() {
    is_orchestrator(with("iss", json!("https://anybody.example")));
    let scene = Scene::of(Method::SpiffeJwt);
    // Another trusted domain does not speak for this one, whatever it says.
    let mut claims = claims();
    claims["iss"] = json!("spiffe://other.example");
    let foreign = keys::sign(&*OTHER_DOMAIN_KEY, "JOSE", &claims).unwrap();
    let sent = refusal(send(&scene, None, &foreign));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::UnknownKey));
}

#[test]
fn refuses_another_trust_domain() {
    let other = "spiffe://other.example/agents/orchestrator";
    let svid = keys::sign(&*OTHER_DOMAIN_KEY, "JOSE", &changed(claims(), "sub", json!(other)));
    let svid = svid.unwrap();
    for id in [None, Some(CLIENT)] {
        let sent = send(&Scene::of(Method::SpiffeJwt), id, &svid);
        assert_eq!(refusal(sent), ClientFault::Workload);
    }
    // Were it registered, it would be good.
    let scene = Scene::with(Method::SpiffeJwt, |client| client.spiffe_id = Some(other.to_owned()));
    is_orchestrator(send(&scene, None, &svid));
    for unknown in [
        "spiffe://example.com/agents/orchestrator",
        "spiffe://EXAMPLE.ORG/agents/orchestrator",
        "spiffe://example.org",
        "spiffe://example.org/",
        "https://example.org/agents/orchestrator",
    ] {
        assert_eq!(refusal(with("sub", json!(unknown))), ClientFault::UnknownIssuer, "{unknown}");
    }
}

#[test]
fn refuses_another_workload_of_the_domain() {
    for other in ["spiffe://example.org/agents/other", "spiffe://example.org/agents/orchestrator/x"]
    {
        assert_eq!(refusal(with("sub", json!(other))), ClientFault::Workload, "{other}");
    }
    assert_eq!(refusal(with("sub", Value::Null)), ClientFault::Assertion(TokenFault::Subject));
}

#[test]
fn the_audience_is_our_issuer_alone() {
    is_orchestrator(with("aud", json!([US])));
    for audience in [json!(TOKEN_ENDPOINT), json!([US, "https://evil.example"]), Value::Null] {
        let sent = refusal(with("aud", audience.clone()));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::Audience), "{audience}");
    }
}

#[test]
fn ends() {
    let sent = refusal(with("exp", json!(NOW - 10)));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Expired));
    let sent = refusal(with("exp", Value::Null));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Expiry));
}

#[test]
fn of_two_clients_that_are_the_same_workload_the_request_names_one() {
    let mut scene = Scene::of(Method::SpiffeJwt);
    scene.register_another(Method::SpiffeJwt, |it| it.spiffe_id = Some(SPIFFE_ID.to_owned()));
    assert_eq!(refusal(send(&scene, None, &svid(&claims()))), ClientFault::Workload);
    is_orchestrator(send(&scene, Some(CLIENT), &svid(&claims())));
    assert_eq!(refusal(send(&scene, Some("nobody"), &svid(&claims()))), ClientFault::Unknown);
}

/// One kind of assertion is not taken for the other.
#[test]
fn is_not_taken_for_another_kind_of_assertion() {
    let scene = Scene::of(Method::SpiffeJwt);
    let sent = scene.send(Request::assertion(AssertionType::Jwt, None, &svid(&claims())));
    assert_eq!(refusal(sent), ClientFault::UnknownIssuer);
    for typ in ["at+jwt", "client-authentication+jwt", "wit+jwt"] {
        let other = keys::sign(&*DOMAIN_KEY, typ, &claims()).unwrap();
        let sent = refusal(send(&scene, None, &other));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::Typ), "{typ}");
    }
}

#[test]
fn refuses_who_is_disabled_or_not_registered_for_it() {
    let disabled = Scene::with(Method::SpiffeJwt, |client| client.disabled = true);
    assert_eq!(refusal(send(&disabled, None, &svid(&claims()))), ClientFault::Disabled);
    let other = Scene::of(Method::SpiffeX509);
    assert_eq!(refusal(send(&other, None, &svid(&claims()))), ClientFault::OtherMethod);
    assert_eq!(*other.domain.asked.lock().unwrap(), 0);
}

#[test]
fn a_bundle_that_cannot_be_had_is_a_fault() {
    let scene = Scene::of(Method::SpiffeJwt);
    scene.domain.is_ill.store(true, Ordering::Relaxed);
    assert!(is_fault(&send(&scene, None, &svid(&claims()))));
}
