//! Who is told what of a token.

use std::sync::{Arc, atomic::Ordering};

use policy::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    client::ClientFault,
    refusal::{Failure, Refusal},
    revoke::tests::fixture::{
        self, DELEGATION, NOW, RESOURCE, Scene, US, claims, found, signed as sign, token, token_of,
        wait,
    },
};

const INACTIVE: &str = r#"{"active":false}"#;

fn caller(scene: &Scene, id: &str) -> Caller {
    fixture::caller(&scene.org, Scene::credentials(id)).unwrap()
}

fn ask_as(scene: &Scene, id: &str, token: &str) -> Result<Introspection, Fault> {
    let form = Form::parse(format!("token={token}&token_type_hint=refresh_token").as_bytes());
    let request = IntrospectionRequest::parse(&form.unwrap()).unwrap();
    wait(introspect(&scene.org, &caller(scene, id), &request, Timestamp(NOW)))
}

fn ask(scene: &Scene, token: &str) -> Introspection {
    ask_as(scene, "documents-api", token).unwrap()
}

fn json_of(introspection: &Introspection) -> Value {
    serde_json::to_value(introspection).unwrap()
}

/// Why `token` is not active; it is told of as every other.
fn why(scene: &Scene, token: &str) -> Inactive {
    let introspection = ask(scene, token);
    assert_eq!(serde_json::to_string(&introspection).unwrap(), INACTIVE);
    match introspection {
        Introspection::Active(_) => panic!("active"),
        Introspection::Inactive(why) => why,
    }
}

/// A scene whose ledger knows `token` as the happy one.
fn with_token(token: &str) -> Scene {
    let scene = Scene::new();
    scene.books.found.lock().unwrap().insert(DELEGATION, found(token));
    scene
}

fn with_claim(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    sign("at+jwt", &claims)
}

#[test]
fn tells_all_of_a_live_token_to_whom_it_is_meant_for() {
    assert_eq!(
        json_of(&ask(&Scene::new(), &token())),
        json!({
            "active": true, "scope": "documents:read", "client_id": "orchestrator",
            "token_type": "Bearer", "exp": NOW + 290, "iat": NOW - 10, "sub": "corp:alice",
            "aud": RESOURCE, "iss": US, "jti": DELEGATION.to_string(),
            "act": { "iss": US, "sub": "agent:orchestrator" }, "org_id": "demo",
            "acr": "silver", "amr": ["pwd"], "auth_time": NOW - 60,
        })
    );
}

#[test]
fn tells_an_agent_of_a_token_that_it_was_handed() {
    let token = with_claim("aud", json!("researcher"));
    let scene = with_token(&token);
    let told = ask_as(&scene, "researcher", &token).unwrap();
    assert_eq!(json_of(&told)["active"], true);
    // Not even the agent it was issued to is whom it is meant for.
    let told = ask_as(&scene, "orchestrator", &token).unwrap();
    assert!(matches!(told, Introspection::Inactive(Inactive::OtherAudience)));
}

#[test]
fn tells_nobody_else_anything() {
    let scene = Scene::new();
    for stranger in ["orchestrator", "researcher"] {
        let told = ask_as(&scene, stranger, &token()).unwrap();
        assert_eq!(serde_json::to_string(&told).unwrap(), INACTIVE, "{stranger}");
    }
}

/// RFC 8693 §7.5, RFC 7800 §3.1, RFC 9449 §6.2.
#[test]
fn shows_what_a_token_is_bound_to_and_who_else_may_act() {
    let may_act = json!({ "iss": US, "sub": "agent:researcher" });
    let token = with_claim("may_act", may_act.clone());
    assert_eq!(json_of(&ask(&with_token(&token), &token))["may_act"], may_act);
    for (cnf, token_type) in
        [(json!({ "jkt": "a" }), "DPoP"), (json!({ "x5t#S256": "a" }), "Bearer")]
    {
        let token = with_claim("cnf", cnf.clone());
        let told = json_of(&ask(&with_token(&token), &token));
        assert_eq!((&told["cnf"], &told["token_type"]), (&cnf, &json!(token_type)));
    }
}

/// RFC 7662 §2.2: a client that acts for itself has no `act`.
#[test]
fn tells_of_a_clients_own_token() {
    let mut claims = claims();
    for name in ["act", "auth_time", "acr", "amr"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims["sub"] = json!("service:nightly");
    claims["client_id"] = json!("nightly");
    let token = sign("at+jwt", &claims);
    assert_eq!(
        json_of(&ask(&with_token(&token), &token)),
        json!({
            "active": true, "scope": "documents:read", "client_id": "nightly",
            "token_type": "Bearer", "exp": NOW + 290, "iat": NOW - 10, "sub": "service:nightly",
            "aud": RESOURCE, "iss": US, "jti": DELEGATION.to_string(), "org_id": "demo",
        })
    );
}

#[test]
fn writes_several_audiences_as_a_list() {
    let token = with_claim("aud", json!([RESOURCE, "researcher"]));
    let told = json_of(&ask(&with_token(&token), &token));
    assert_eq!(told["aud"], json!([RESOURCE, "researcher"]));
}

#[test]
fn a_good_signature_is_not_a_live_token() {
    let change = |change: fn(&mut crate::ports::Found)| {
        let scene = Scene::new();
        change(scene.books.found.lock().unwrap().get_mut(&DELEGATION).unwrap());
        scene
    };
    assert_eq!(why(&change(|f| f.ended_at = Some(Timestamp(NOW - 1))), &token()), Inactive::Ended);
    // Ended by somebody whose clock is ahead of ours.
    assert_eq!(why(&change(|f| f.ended_at = Some(Timestamp(NOW + 5))), &token()), Inactive::Ended);
    assert_eq!(
        why(&change(|f| f.grant_expires_at = Some(Timestamp(NOW))), &token()),
        Inactive::Ended
    );
    let still = ask(&change(|f| f.grant_expires_at = Some(Timestamp(NOW + 1))), &token());
    assert!(matches!(still, Introspection::Active(_)));
}

#[test]
fn what_the_ledger_does_not_know_is_not_active() {
    let scene = Scene::new();
    assert_eq!(why(&scene, &token_of(uuid::Uuid::from_u128(9))), Inactive::NotRecorded);
    // The id is known, and these are other octets.
    assert_eq!(why(&scene, &token_of(DELEGATION)), Inactive::NotRecorded);
    assert_eq!(why(&scene, &with_claim("jti", json!("1"))), Inactive::NotRecorded);
}

#[test]
fn what_is_no_access_token_of_ours_is_not_active() {
    let expired = with_claim("exp", json!(NOW));
    assert_eq!(why(&with_token(&expired), &expired), Inactive::Expired);
    for token in [
        "opaque".to_owned(),
        sign("JWT", &claims()),
        sign("token-introspection+jwt", &claims()),
        with_claim("iss", json!("https://elsewhere.example")),
        with_claim("org_id", json!("other")),
        with_claim("nbf", json!(NOW + 100)),
        format!("{}x", token()),
    ] {
        let scene = with_token(&token);
        assert!(matches!(why(&scene, &token), Inactive::NotOurs(_)), "{token}");
    }
}

#[test]
fn nobody_knows_is_never_active() {
    let scene = Scene::new();
    scene.books.is_ill.store(true, Ordering::SeqCst);
    assert!(matches!(ask_as(&scene, "documents-api", &token()), Err(Fault::Store(_))));
    // What is not meant for the caller is not even looked up.
    assert!(ask_as(&scene, "researcher", &token()).is_ok());
    // Keys may have changed since this snapshot was made.
    let scene = Scene::new();
    scene.books.found.lock().unwrap().get_mut(&DELEGATION).unwrap().revision = 2;
    assert!(matches!(ask_as(&scene, "documents-api", &token()), Err(Fault::Changed)));
}

#[test]
fn believes_agents_and_resource_servers_by_their_own_secrets() {
    let mut scene = Scene::new();
    let refusal = |scene: &Scene, id: &str, secret: &str| {
        let (id, secret) = (id.to_owned(), SecretString::from(secret));
        let credentials = crate::client::Credentials::Post { id, secret };
        match fixture::caller(&scene.org, credentials) {
            Err(Failure::Refused(Refusal::Client(fault))) => Some(fault),
            Err(other) => panic!("{other:?}"),
            Ok(_) => None,
        }
    };
    for (id, secret, expected) in [
        ("documents-api", "acs_documents-api", None),
        ("researcher", "acs_researcher", None),
        ("documents-api", "acs_researcher", Some(ClientFault::WrongSecret)),
        ("researcher", "acs_documents-api", Some(ClientFault::WrongSecret)),
        (RESOURCE, "acs_documents-api", Some(ClientFault::Unknown)),
        ("nobody", "acs_documents-api", Some(ClientFault::Unknown)),
    ] {
        assert_eq!(refusal(&scene, id, secret), expected, "{id} {secret}");
    }
    let agent = Arc::get_mut(scene.org.agents.get_mut("researcher").unwrap()).unwrap();
    agent.client.disabled = true;
    assert_eq!(refusal(&scene, "researcher", "acs_researcher"), Some(ClientFault::Disabled));
}

/// RFC 9701 §5: `iss`, `aud`, `iat` and `token_introspection`; §8.1: no `sub`, no `exp`.
#[test]
fn signs_what_it_says_for_one_caller() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let scene = Scene::new();
    for introspection in [ask(&scene, &token()), ask(&scene, "opaque")] {
        let caller = caller(&scene, "documents-api");
        let told = json_of(&introspection);
        let token = wait(signed(&scene.org, &caller, &introspection, Timestamp(NOW))).unwrap();
        let part = |index| {
            let part = token.split('.').nth(index).unwrap();
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(part(0)["typ"], SIGNED_TYP);
        let expected = json!({
            "iss": US, "aud": "documents-api", "iat": NOW, "token_introspection": told,
        });
        assert_eq!(part(1), expected);
        // It must not be of use as a token itself.
        assert!(matches!(why(&scene, &token), Inactive::NotOurs(_)));
    }
}
