//! What the agent is told when a person could mend it (RFC 9470), and when not.

use serde_json::{Value, json};

use super::{counted, keycloak};
use crate::{
    database::Kind,
    directory::Directory,
    scene::{Scene, connected},
    signals::{RECONNECT, said, with_reader},
};

const ENTRA: &str = "/contoso.example/oauth2/v2.0/token";

fn scene(kind: Kind, check: &str) -> Scene {
    let settings =
        format!("reconnect_uri = \"{RECONNECT}\"\nacr_values = \"urn:example:mfa\"\n{check}");
    Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings))
}

/// The provider wants more and does not say what: then what the connection was declared with.
fn a_required_action_asks_for_another_sign_in(kind: Kind) {
    let directory = Directory::start();
    let scene = scene(kind, &keycloak(&directory));
    let required = |actions: Value| {
        let user = json!({ "id": "alice", "enabled": true, "requiredActions": actions });
        directory.says("/admin/realms/staff/users/alice", 200, &user);
    };
    required(json!([]));
    let exchange = scene.happy();
    scene.send(&exchange).token();
    required(json!(["CONFIGURE_TOTP"]));
    let expected = json!({
        "error": "insufficient_user_authentication", "reason": "step_up",
        "acr_values": "urn:example:mfa", "max_age": 0, "reconnect_uri": RECONNECT,
    });
    assert_eq!(said(&scene.send(&exchange)), expected);
    assert_eq!(counted(&scene, "keycloak", "step_up"), 1);
    required(json!([]));
    scene.send(&exchange).token();
}

/// The provider's own challenge goes back to it as it came.
fn what_entra_says_is_passed_on(kind: Kind) {
    let directory = Directory::start();
    let scene = scene(
        kind,
        &format!(
            "\n[[connections.checks]]\nkind = \"entra_on_behalf_of\"\ntenant = \"contoso.example\"\n\
             client_id = \"actas\"\nclient_secret = {{ value = \"the-app-secret\" }}\n\
             login_url = \"{}\"\n",
            directory.url
        ),
    );
    let exchange = scene.happy();
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    let problem = |error: &str, code: u32| {
        directory.says(
            ENTRA,
            400,
            &json!({ "error": error, "error_codes": [code], "claims": claims }),
        );
    };
    let minted = || directory.says(ENTRA, 200, &json!({ "access_token": "opaque" }));
    minted();
    scene.send(&exchange).token();
    for (error, code, expected) in [
        (
            "interaction_required",
            50076,
            json!({
                "error": "insufficient_user_authentication", "reason": "step_up",
                "claims": claims, "reconnect_uri": RECONNECT,
            }),
        ),
        (
            "interaction_required",
            53000,
            json!({
                "error": "insufficient_user_authentication", "reason": "device",
                "claims": claims, "reconnect_uri": RECONNECT,
            }),
        ),
        (
            "interaction_required",
            53003,
            json!({ "error": "invalid_request", "reason": "conditional_access" }),
        ),
        (
            "invalid_grant",
            65001,
            json!({ "error": "invalid_request", "reason": "consent", "reconnect_uri": RECONNECT }),
        ),
    ] {
        problem(error, code);
        assert_eq!(said(&scene.send(&exchange)), expected, "{code}");
    }
    minted();
    scene.send(&exchange).token();
    assert!(directory.asked().iter().all(|asked| asked.path == ENTRA), "{:?}", directory.asked());
}

on_both_databases![a_required_action_asks_for_another_sign_in, what_entra_says_is_passed_on];
