//! Global token revocation over HTTP.

use serde_json::{Value, json};
use server::clock;

use super::{Chain, RECONNECT, signed_out, with_reader};
use crate::{
    database::Kind,
    http::{Reply, Request},
    scene::{PUBLIC_URL, Scene, connected},
};

const REVOCATION: &str = "/o/acme/signals/corp/revocation";

fn scene(kind: Kind, settings: &str) -> Scene {
    let settings =
        format!("reconnect_uri = \"{RECONNECT}\"\n\n[connections.revocation]\n{settings}");
    Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings))
}

fn with_bearer(kind: Kind) -> Scene {
    scene(kind, "bearer = { value = \"the-revocation-bearer\" }")
}

fn alice(scene: &Scene) -> Value {
    json!({ "sub_id": { "format": "iss_sub", "iss": scene.provider.issuer, "sub": "alice" } })
}

fn revoke(scene: &Scene, bearer: &str, body: &Value) -> Reply {
    scene.send(&Request::of("POST", REVOCATION).json(body).bearer(bearer))
}

/// As Okta's Universal Logout asks.
fn ends_everything_of_a_user(kind: Kind) {
    let scene = with_bearer(kind);
    let chain = Chain::of(&scene);
    let bob = scene.first_hop(&scene.provider.signed_in("bob", -120));
    let reply = revoke(&scene, "the-revocation-bearer", &alice(&scene));
    assert_eq!((reply.status, reply.text()), (204, ""));
    chain.stops(&scene, &signed_out());
    scene.send(&bob).token();
    Chain::from(&scene, &scene.provider.signed_in("alice", 2)).goes_on(&scene);
}

fn a_stranger_revokes_nothing(kind: Kind) {
    let scene = with_bearer(kind);
    let chain = Chain::of(&scene);
    let reply = revoke(&scene, "another-bearer", &alice(&scene));
    assert_eq!((reply.status, &reply.json()["error"]), (401, &json!("invalid_token")));
    assert!(reply.header("www-authenticate").is_some());
    let nobody = Request::of("POST", REVOCATION).json(&alice(&scene));
    assert_eq!(scene.send(&nobody).status, 401);
    chain.goes_on(&scene);
}

fn who_is_not_named_is_not_revoked(kind: Kind) {
    let scene = with_bearer(kind);
    let chain = Chain::of(&scene);
    for (body, status, error) in [
        (json!({}), 400, "invalid_request"),
        (json!([]), 400, "invalid_request"),
        (json!({ "sub_id": { "format": "iss_sub" } }), 400, "invalid_request"),
        (json!({ "sub_id": { "format": "unheard_of", "id": "x" } }), 400, "invalid_request"),
        (
            json!({ "sub_id": { "format": "iss_sub", "iss": "https://elsewhere.example", "sub": "alice" } }),
            404,
            "not_found",
        ),
    ] {
        let reply = revoke(&scene, "the-revocation-bearer", &body);
        assert_eq!((reply.status, &reply.json()["error"]), (status, &json!(error)), "{body}");
    }
    chain.goes_on(&scene);
}

/// Without a shared secret, the provider signs a JWT for the very endpoint.
fn a_provider_may_sign_instead(kind: Kind) {
    let scene = scene(kind, "");
    let chain = Chain::of(&scene);
    let signed = |more: &Value| {
        let mut claims = json!({
            "aud": format!("{PUBLIC_URL}{REVOCATION}"), "exp": clock::now().0 + 60,
            "auth_time": null, "acr": null, "amr": null, "client_id": null,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        scene.provider.mint("alice", &claims, &json!({ "typ": "global-token-revocation+jwt" }))
    };
    for odd in [
        json!({ "aud": "https://elsewhere.example" }),
        json!({ "iss": "https://elsewhere.example" }),
        json!({ "exp": clock::now().0 - 60 }),
        json!({ "exp": null }),
    ] {
        assert_eq!(revoke(&scene, &signed(&odd), &alice(&scene)).status, 401, "{odd}");
    }
    // What a user holds lets nobody in.
    let users = scene.provider.access_token("alice");
    assert_eq!(revoke(&scene, &users, &alice(&scene)).status, 401);
    chain.goes_on(&scene);
    assert_eq!(revoke(&scene, &signed(&json!({})), &alice(&scene)).status, 204);
    chain.stops(&scene, &signed_out());
}

fn a_connection_without_revocation_takes_none(kind: Kind) {
    let scene = Scene::on(kind);
    assert_eq!(revoke(&scene, "the-revocation-bearer", &alice(&scene)).status, 404);
    scene.send(&scene.happy()).token();
}

on_both_databases![
    ends_everything_of_a_user,
    a_stranger_revokes_nothing,
    who_is_not_named_is_not_revoked,
    a_provider_may_sign_instead,
    a_connection_without_revocation_takes_none,
];
