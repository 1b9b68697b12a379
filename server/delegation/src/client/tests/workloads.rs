//! Workload identities: tokens of the platform a client runs on.

use std::sync::{Arc, atomic::Ordering};

use keys::TokenFault;
use serde_json::{Value, json};

use super::fixture::{
    AUDIENCE, CLIENT, NOW, PLATFORM, PLATFORM_KEY, Request, STRANGER_KEY, SUBJECT, Scene, US,
    believed, changed, is_fault, refusal, workload,
};
use crate::{
    client::{AssertionType, Caller, Client, ClientFault},
    declared::{Method, Workload},
    org::Resource,
    refusal::Failure,
};

fn claims() -> Value {
    json!({
        "iss": PLATFORM, "sub": SUBJECT, "aud": AUDIENCE, "jti": "w-1",
        "iat": NOW - 1800, "exp": NOW + 1800, "repository": "acme/agents",
    })
}

fn token(claims: &Value) -> String {
    keys::sign(&*PLATFORM_KEY, "JWT", claims).unwrap()
}

fn send(scene: &Scene, id: Option<&str>, token: &str) -> Result<Caller, Failure> {
    scene.send(Request::assertion(AssertionType::Jwt, id, token))
}

/// The happy token with `value` as `name`.
fn with(name: &str, value: Value) -> Result<Caller, Failure> {
    let token = token(&changed(claims(), name, value));
    send(&Scene::of(Method::WorkloadIdentity), Some(CLIENT), &token)
}

fn is_orchestrator(sent: Result<Caller, Failure>) {
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::WorkloadIdentity));
}

#[test]
fn believes_the_platform_of_a_registered_workload() {
    let scene = Scene::of(Method::WorkloadIdentity);
    is_orchestrator(send(&scene, Some(CLIENT), &token(&claims())));
    is_orchestrator(send(&scene, None, &token(&claims())));
}

/// A platform hands out one token for a while.
#[test]
fn is_presented_as_often_as_it_lives() {
    let scene = Scene::of(Method::WorkloadIdentity);
    for _ in 0..3 {
        is_orchestrator(send(&scene, None, &token(&claims())));
    }
    let ended = token(&changed(claims(), "exp", json!(NOW - 10)));
    let sent = refusal(send(&scene, None, &ended));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Expired));
    let endless = token(&changed(claims(), "exp", Value::Null));
    let sent = refusal(send(&scene, None, &endless));
    assert_eq!(sent, ClientFault::Assertion(TokenFault::Expiry));
}

#[test]
fn refuses_another_workload_of_the_platform() {
    for subject in [
        json!("repo:acme/agents:ref:refs/heads/evil"),
        json!("repo:acme/agents:ref:refs/heads/mai"),
        json!(SUBJECT.to_uppercase()),
        Value::Null,
    ] {
        assert_eq!(refusal(with("sub", subject.clone())), ClientFault::Workload, "{subject}");
    }
}

#[test]
fn refuses_another_audience() {
    is_orchestrator(with("aud", json!([AUDIENCE])));
    for audience in [
        json!(US),
        json!([AUDIENCE, "https://evil.example"]),
        json!(format!("{AUDIENCE}/")),
        json!([]),
        Value::Null,
    ] {
        let sent = refusal(with("aud", audience.clone()));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::Audience), "{audience}");
    }
}

#[test]
fn refuses_another_issuer() {
    for issuer in [json!("https://evil.example"), json!(format!("{PLATFORM}/")), Value::Null] {
        assert_eq!(refusal(with("iss", issuer.clone())), ClientFault::UnknownIssuer, "{issuer}");
    }
    // Signed by somebody who only says it is the platform.
    let forged = keys::sign(&*STRANGER_KEY, "JWT", &claims()).unwrap();
    let sent = send(&Scene::of(Method::WorkloadIdentity), None, &forged);
    assert_eq!(refusal(sent), ClientFault::Assertion(TokenFault::UnknownKey));
}

/// The subject of one platform is nobody at another.
#[test]
fn a_workload_belongs_to_its_issuer() {
    let scene = Scene::with(Method::WorkloadIdentity, |client| {
        client.workloads = vec![workload("elsewhere", SUBJECT, AUDIENCE)];
    });
    assert_eq!(refusal(send(&scene, None, &token(&claims()))), ClientFault::Workload);
    assert_eq!(refusal(send(&scene, Some(CLIENT), &token(&claims()))), ClientFault::Workload);
}

#[test]
fn refuses_another_kind_of_jwt() {
    for typ in ["at+jwt", "client-authentication+jwt", "JOSE", "logout+jwt"] {
        let token = keys::sign(&*PLATFORM_KEY, typ, &claims()).unwrap();
        let sent = refusal(send(&Scene::of(Method::WorkloadIdentity), None, &token));
        assert_eq!(sent, ClientFault::Assertion(TokenFault::Typ), "{typ}");
    }
}

#[test]
fn of_two_clients_that_are_the_same_workload_the_request_names_one() {
    let mut scene = Scene::of(Method::WorkloadIdentity);
    let elsewhere = workload("ci", SUBJECT, "https://as.example/other");
    let register = |workload: Workload| {
        move |client: &mut Client| {
            client.workloads = vec![workload];
        }
    };
    scene.register_another(Method::WorkloadIdentity, register(elsewhere));
    // Told apart by the audience.
    is_orchestrator(send(&scene, None, &token(&claims())));
    let other = token(&changed(claims(), "aud", json!("https://as.example/other")));
    assert_eq!(believed(send(&scene, None, &other)).0, "another");

    let same = workload("ci", SUBJECT, AUDIENCE);
    scene.register_another(Method::WorkloadIdentity, register(same));
    assert_eq!(refusal(send(&scene, None, &token(&claims()))), ClientFault::Workload);
    is_orchestrator(send(&scene, Some(CLIENT), &token(&claims())));
    assert_eq!(believed(send(&scene, Some("another"), &token(&claims()))).0, "another");
}

#[test]
fn refuses_a_client_that_is_another_workload() {
    let mut scene = Scene::of(Method::WorkloadIdentity);
    scene.register_another(Method::WorkloadIdentity, |client| {
        client.workloads = vec![workload("ci", "repo:acme/other", AUDIENCE)];
    });
    let sent = send(&scene, Some("another"), &token(&claims()));
    assert_eq!(refusal(sent), ClientFault::Workload);
    assert_eq!(refusal(send(&scene, Some("nobody"), &token(&claims()))), ClientFault::Unknown);
}

#[test]
fn refuses_who_is_disabled_or_not_registered_for_it() {
    for (id, scene, fault) in [
        (
            None,
            Scene::with(Method::WorkloadIdentity, |client| client.disabled = true),
            ClientFault::Disabled,
        ),
        (
            Some(CLIENT),
            Scene::with(Method::WorkloadIdentity, |client| client.disabled = true),
            ClientFault::Disabled,
        ),
        (None, Scene::of(Method::PrivateKeyJwt), ClientFault::OtherMethod),
        (Some(CLIENT), Scene::of(Method::PrivateKeyJwt), ClientFault::OtherMethod),
    ] {
        assert_eq!(refusal(send(&scene, id, &token(&claims()))), fault);
        assert!(scene.cluster.asked.lock().unwrap().is_empty());
    }
}

#[test]
fn asks_the_cluster_each_time() {
    let scene = Scene::of(Method::WorkloadIdentity);
    is_orchestrator(send(&scene, None, &token(&claims())));
    let asked = scene.cluster.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1, AUDIENCE);
    scene.cluster.says_no.store(true, Ordering::Relaxed);
    assert_eq!(refusal(send(&scene, None, &token(&claims()))), ClientFault::Workload);
    scene.cluster.is_ill.store(true, Ordering::Relaxed);
    assert!(is_fault(&send(&scene, None, &token(&claims()))));
    assert_eq!(scene.cluster.asked.lock().unwrap().len(), 3);
}

/// Nobody makes us ask by tokens that are none.
#[test]
fn does_not_ask_the_cluster_about_a_forged_token() {
    let scene = Scene::of(Method::WorkloadIdentity);
    let forged = keys::sign(&*STRANGER_KEY, "JWT", &claims()).unwrap();
    refusal(send(&scene, None, &forged));
    assert!(scene.cluster.asked.lock().unwrap().is_empty());
}

#[test]
fn keys_that_cannot_be_had_are_a_fault() {
    let scene = Scene::of(Method::WorkloadIdentity);
    scene.platform.is_ill.store(true, Ordering::Relaxed);
    assert!(is_fault(&send(&scene, None, &token(&claims()))));
}

/// Resource servers authenticate likewise.
#[test]
fn a_resource_server_may_be_a_workload() {
    let mut scene = Scene::of(Method::WorkloadIdentity);
    let agent = Arc::into_inner(scene.org.agents.remove(CLIENT).unwrap()).unwrap();
    let resource = Resource {
        id: "https://documents.example".to_owned(),
        scope: agent.ceiling,
        client: Some(agent.client),
        status: false,
        abroad: None,
    };
    scene.org.servers.insert(CLIENT.to_owned(), Arc::new(resource));
    let caller = send(&scene, None, &token(&claims())).unwrap();
    assert!(matches!(&caller, Caller::Server(_)), "{caller:?}");
    assert_eq!(caller.client_id(), CLIENT);
}
