//! Policies that speak of how the user signed in.

use serde_json::{Value, json};
use server::clock;

use crate::{
    database::Kind,
    http::Request,
    scene::{Scene, connected},
    signals::{RECONNECT, said},
};

const MFA_FOR_WRITE: &str =
    include_str!("../../../../policy/examples/mfa-within-an-hour-for-write.cedar");

fn scene(kind: Kind) -> Scene {
    Scene::declared(kind, |site, org| {
        site.write("mfa.cedar", MFA_FOR_WRITE);
        let org = connected(&org, &format!("reconnect_uri = \"{RECONNECT}\""));
        format!("{org}\n[[policies]]\nfile = \"mfa.cedar\"\n")
    })
}

fn write(scene: &Scene, acr: &str, hours_ago: i64) -> Request {
    let claims: Value = json!({ "acr": acr, "auth_time": clock::now().0 - hours_ago * 3600 });
    let token = scene.provider.access_token_with("alice", &claims);
    scene.first_hop(&token).with("scope", "documents:write")
}

fn say_what_the_user_has_to_do(kind: Kind) {
    let scene = scene(kind);
    let expected = json!({
        "error": "insufficient_user_authentication", "reason": "step_up",
        "acr_values": "urn:example:mfa", "max_age": 3600, "reconnect_uri": RECONNECT,
    });
    for (acr, hours_ago) in [("pwd", 0), ("urn:example:mfa", 2)] {
        assert_eq!(said(&scene.send(&write(&scene, acr, hours_ago))), expected, "{acr}");
    }
    scene.send(&write(&scene, "urn:example:mfa", 0)).token();
    let read = write(&scene, "pwd", 2).with("scope", "documents:read");
    assert_eq!(scene.send(&read).claims()["scope"], "documents:read");
}

on_both_databases![say_what_the_user_has_to_do];
