//! Each kind of event, at the first hop of a new chain and at the third of a living one.

use serde_json::{Value, json};

use super::{Chain, Listening, RECONNECT, SESSION_REVOKED, a_minute_ago, signed_out, suspended};
use crate::{database::Kind, scene::changed};

const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
const ENABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-enabled";
const CREDENTIAL: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const DEVICE: &str = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change";
const RISK: &str = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";

/// Alice's chain stops like this, and nobody else's: bob's, and hers in another organization at the
/// same provider, go on.
#[track_caller]
fn stops_alice_alone(kind: Kind, event: &str, members: &Value, first: &Value) -> Listening {
    let listening = Listening::on(kind);
    let (scene, chain) = (&listening.scene, listening.chain());
    let bob = scene.first_hop(&scene.provider.signed_in("bob", -120));
    let elsewhere = changed(&scene.org, "id = \"acme\"", "id = \"other\"");
    let secrets = scene.site.apply(&elsewhere).secrets;
    scene.server.has_loaded("other", 1);
    let elsewhere = scene.first_hop(&scene.provider.signed_in("alice", -120));
    let elsewhere = elsewhere.at("/o/other/oauth/token");
    let elsewhere = elsewhere.basic("orchestrator", &secrets["orchestrator"]);
    chain.goes_on(scene);
    listening.signal(event, members, "alice");
    chain.stops(scene, first);
    scene.send(&bob).token();
    scene.send(&elsewhere).token();
    listening
}

fn a_revoked_session_ends_until_the_next_sign_in(kind: Kind) {
    let Listening { scene, .. } =
        stops_alice_alone(kind, SESSION_REVOKED, &json!({}), &signed_out());
    Chain::from(&scene, &scene.provider.access_token("alice")).goes_on(&scene);
}

fn a_changed_credential_ends_what_was_made_with_the_old_one(kind: Kind) {
    let members = json!({ "credential_type": "password", "change_type": "update" });
    let Listening { scene, .. } = stops_alice_alone(kind, CREDENTIAL, &members, &signed_out());
    Chain::from(&scene, &scene.provider.access_token("alice")).goes_on(&scene);
}

fn a_new_credential_ends_nothing(kind: Kind) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    let members = json!({ "credential_type": "fido2-roaming", "change_type": "create" });
    listening.signal(CREDENTIAL, &members, "alice");
    chain.goes_on(&listening.scene);
}

/// Enabled again, she has to sign in again: what ended stays ended.
fn a_disabled_account_is_refused_until_it_is_enabled(kind: Kind) {
    let listening = stops_alice_alone(kind, DISABLED, &json!({}), &suspended());
    let (scene, provider) = (&listening.scene, &listening.scene.provider);
    let fresh = scene.first_hop(&provider.access_token("alice"));
    assert_eq!(super::said(&scene.send(&fresh)), suspended());
    let mut enabled = listening.emission(ENABLED, &json!({}), "alice");
    enabled["events"][ENABLED]["event_timestamp"] = json!(a_minute_ago() + 30);
    let old = scene.first_hop(&provider.signed_in("alice", -120));
    listening.taken(&enabled);
    assert_eq!(super::said(&scene.send(&old)), signed_out());
    Chain::from(scene, &provider.access_token("alice")).goes_on(scene);
}

/// Word of the good comes late: what is known by then is newer.
fn an_older_word_does_not_undo_a_newer_one(kind: Kind) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    listening.signal(DISABLED, &json!({}), "alice");
    let mut enabled = listening.emission(ENABLED, &json!({}), "alice");
    enabled["events"][ENABLED]["event_timestamp"] = json!(a_minute_ago() - 30);
    listening.taken(&enabled);
    chain.stops(&listening.scene, &suspended());
}

fn a_device_that_does_not_comply_is_refused_until_it_does(kind: Kind) {
    let members =
        |status: &str| json!({ "previous_status": "compliant", "current_status": status });
    let first = json!({
        "error": "insufficient_user_authentication", "reason": "device", "reconnect_uri": RECONNECT,
    });
    let listening = stops_alice_alone(kind, DEVICE, &members("not-compliant"), &first);
    let (scene, provider) = (&listening.scene, &listening.scene.provider);
    let fresh = scene.first_hop(&provider.access_token("alice"));
    assert_eq!(super::said(&scene.send(&fresh)), first, "another sign-in mends no device");
    listening.signal(DEVICE, &members("compliant"), "alice");
    scene.send(&fresh).token();
}

/// Nobody is sent away to sign in again: that would not help.
fn a_user_at_high_risk_is_refused_until_it_falls(kind: Kind) {
    let members = |level: &str| json!({ "principal": "USER", "current_level": level });
    let first = json!({ "error": "invalid_request", "reason": "risk" });
    let listening = stops_alice_alone(kind, RISK, &members("HIGH"), &first);
    let (scene, provider) = (&listening.scene, &listening.scene.provider);
    let fresh = scene.first_hop(&provider.access_token("alice"));
    assert_eq!(super::said(&scene.send(&fresh)), first);
    listening.signal(RISK, &members("LOW"), "alice");
    scene.send(&fresh).token();
}

fn a_risk_that_is_not_high_ends_nothing(kind: Kind) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    listening.signal(RISK, &json!({ "principal": "USER", "current_level": "MEDIUM" }), "alice");
    chain.goes_on(&listening.scene);
}

on_both_databases![
    a_revoked_session_ends_until_the_next_sign_in,
    a_changed_credential_ends_what_was_made_with_the_old_one,
    a_new_credential_ends_nothing,
    a_disabled_account_is_refused_until_it_is_enabled,
    an_older_word_does_not_undo_a_newer_one,
    a_device_that_does_not_comply_is_refused_until_it_does,
    a_user_at_high_risk_is_refused_until_it_falls,
    a_risk_that_is_not_high_ends_nothing,
];
