//! OIDC back-channel logout over HTTP.

use serde_json::{Value, json};
use server::clock;

use super::{Chain, RECONNECT, a_minute_ago, signed_out, with_reader};
use crate::{
    database::Kind,
    http::{Reply, Request},
    scene::{Scene, connected},
};

const LOGOUT: &str = "/o/acme/signals/corp/logout";

fn scene(kind: Kind) -> Scene {
    let settings = format!("reconnect_uri = \"{RECONNECT}\"\n\n[connections.logout]\n");
    Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings))
}

/// A chain of alice's session with this `sid`.
fn session(scene: &Scene, sid: &str) -> Chain {
    let claims = json!({ "auth_time": a_minute_ago() - 60, "sid": sid });
    Chain::from(scene, &scene.provider.access_token_with("alice", &claims))
}

/// A logout token as it should be, with these claims, sent.
fn log_out(scene: &Scene, more: &Value) -> Reply {
    let mut claims = json!({
        "aud": "actas",
        "iat": a_minute_ago(),
        "exp": clock::now().0 + 120,
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        "auth_time": null, "acr": null, "amr": null, "client_id": null,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let token = scene.provider.mint("alice", &claims, &json!({ "typ": "logout+jwt" }));
    scene.send(&Request::post(LOGOUT, &[("logout_token", &token)]))
}

#[track_caller]
fn done(reply: &Reply) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

fn ends_one_session_of_a_user(kind: Kind) {
    let scene = scene(kind);
    let (ended, other) = (session(&scene, "s-1"), session(&scene, "s-2"));
    done(&log_out(&scene, &json!({ "sid": "s-1" })));
    ended.stops(&scene, &signed_out());
    other.goes_on(&scene);
}

fn ends_a_session_whose_user_is_not_named(kind: Kind) {
    let scene = scene(kind);
    let (ended, other) = (session(&scene, "s-1"), session(&scene, "s-2"));
    done(&log_out(&scene, &json!({ "sid": "s-1", "sub": null })));
    ended.stops(&scene, &signed_out());
    other.goes_on(&scene);
}

/// Nothing we know came from that session; it may be one whose tokens do not say so.
fn a_session_nobody_knows_stands_for_its_user(kind: Kind) {
    let scene = scene(kind);
    let chains = [session(&scene, "s-1"), Chain::of(&scene)];
    let bob = scene.first_hop(&scene.provider.signed_in("bob", -120));
    done(&log_out(&scene, &json!({ "sid": "s-9" })));
    for chain in chains {
        chain.stops(&scene, &signed_out());
    }
    scene.send(&bob).token();
    Chain::from(&scene, &scene.provider.access_token("alice")).goes_on(&scene);
}

fn ends_every_session_of_a_user(kind: Kind) {
    let scene = scene(kind);
    let chains = [session(&scene, "s-1"), session(&scene, "s-2")];
    done(&log_out(&scene, &json!({})));
    for chain in chains {
        chain.stops(&scene, &signed_out());
    }
    Chain::from(&scene, &scene.provider.access_token("alice")).goes_on(&scene);
}

fn a_token_that_is_no_logout_token_ends_nothing(kind: Kind) {
    let scene = scene(kind);
    let chain = session(&scene, "s-1");
    for odd in [
        json!({ "nonce": "n" }),
        json!({ "events": {} }),
        json!({ "events": null }),
        json!({ "events": { "http://schemas.openid.net/event/other": {} } }),
        json!({ "aud": "another-client" }),
        json!({ "iss": "https://elsewhere.example" }),
        json!({ "sub": null }),
        json!({ "jti": null }),
        json!({ "exp": a_minute_ago() - 60 }),
        json!({ "iat": clock::now().0 + 600 }),
    ] {
        let reply = log_out(&scene, &odd);
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &json!("invalid_request")),
            "{odd}"
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let access_token = scene.provider.access_token("alice");
    for form in [vec![("logout_token", access_token.as_str())], vec![("logout_token", "x")], vec![]]
    {
        assert_eq!(scene.send(&Request::post(LOGOUT, &form)).status, 400);
    }
    chain.goes_on(&scene);
}

/// Where none was declared, none is taken.
fn a_connection_without_logout_takes_none(kind: Kind) {
    let scene = Scene::on(kind);
    assert_eq!(log_out(&scene, &json!({})).status, 404);
    scene.send(&scene.happy()).token();
}

on_both_databases![
    ends_one_session_of_a_user,
    ends_a_session_whose_user_is_not_named,
    a_session_nobody_knows_stands_for_its_user,
    ends_every_session_of_a_user,
    a_token_that_is_no_logout_token_ends_nothing,
    a_connection_without_logout_takes_none,
];
