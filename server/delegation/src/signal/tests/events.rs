//! What each event means, one row each.

use policy::Risk;
use serde_json::{Value, json};

use super::fixture::{World, event, set_of, with};
use crate::signal::{Effect, Whom, understood};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";
const SCIM: &str = "urn:ietf:params:scim:event:";
const GONE: [Effect; 2] = [Effect::Disabled, Effect::SignedOut];

fn effects_of(uri: &str, body: &Value) -> Vec<Effect> {
    let world = World::new();
    world.push(&event(uri, body)).unwrap();
    world.effects().into_iter().map(|affected| affected.effect).collect()
}

fn means(base: &str, table: &[(&str, Value, &[Effect])]) {
    for (name, body, effects) in table {
        assert_eq!(effects_of(&format!("{base}{name}"), body), *effects, "{name} {body}");
    }
}

#[test]
fn sessions_and_credentials() {
    let changed = |change: &str| json!({ "credential_type": "password", "change_type": change });
    means(
        CAEP,
        &[
            ("session-revoked", json!({}), &[Effect::SignedOut]),
            ("session-established", json!({ "acr": "mfa" }), &[]),
            ("session-presented", json!({}), &[]),
            ("token-claims-change", json!({ "claims": { "role": "x" } }), &[Effect::Recheck]),
            ("credential-change", changed("create"), &[Effect::Recheck]),
            ("credential-change", changed("update"), &[Effect::SignedOut]),
            ("credential-change", changed("revoke"), &[Effect::SignedOut]),
            ("credential-change", changed("delete"), &[Effect::SignedOut]),
            ("credential-change", json!({}), &[Effect::SignedOut]),
        ],
    );
}

#[test]
fn devices_assurance_and_risk() {
    let device = |status: &str| json!({ "previous_status": "compliant", "current_status": status });
    let level = |level: Value| json!({ "principal": "USER", "current_level": level });
    let direction = |way: &str| json!({ "current_level": "nist-aal1", "change_direction": way });
    means(
        CAEP,
        &[
            (
                "device-compliance-change",
                device("compliant"),
                &[Effect::Device { compliant: true }],
            ),
            (
                "device-compliance-change",
                device("not-compliant"),
                &[Effect::Device { compliant: false }],
            ),
            ("device-compliance-change", json!({}), &[Effect::Device { compliant: false }]),
            ("assurance-level-change", direction("increase"), &[Effect::Recheck]),
            ("assurance-level-change", direction("decrease"), &[Effect::StepUp]),
            ("assurance-level-change", json!({}), &[Effect::StepUp]),
            ("risk-level-change", level(json!("LOW")), &[Effect::Risk(Risk::Low)]),
            ("risk-level-change", level(json!("medium")), &[Effect::Risk(Risk::Medium)]),
            ("risk-level-change", level(json!("HIGH")), &[Effect::Risk(Risk::High)]),
            ("risk-level-change", level(json!("SEVERE")), &[Effect::Risk(Risk::High)]),
            ("risk-level-change", level(Value::Null), &[Effect::Risk(Risk::High)]),
        ],
    );
}

#[test]
fn accounts() {
    let compromised = json!({ "credential_type": "password" });
    means(
        RISC,
        &[
            ("account-credential-change-required", json!({}), &[Effect::SignedOut]),
            ("account-purged", json!({}), &GONE),
            ("account-disabled", json!({ "reason": "hijacking" }), &GONE),
            ("account-disabled", json!({}), &GONE),
            ("account-enabled", json!({}), &[Effect::Enabled]),
            ("identifier-changed", json!({ "new-value": "b@example.com" }), &[Effect::Recheck]),
            ("identifier-recycled", json!({}), &[Effect::SignedOut, Effect::Forgotten]),
            ("credential-compromise", compromised, &[Effect::SignedOut]),
            ("opt-in", json!({}), &[]),
            ("opt-out-initiated", json!({}), &[]),
            ("opt-out-cancelled", json!({}), &[]),
            ("opt-out-effective", json!({}), &[]),
            ("recovery-activated", json!({}), &[Effect::StepUp]),
            ("recovery-information-changed", json!({}), &[Effect::StepUp]),
            ("sessions-revoked", json!({}), &[Effect::SignedOut]),
        ],
    );
    means(OAUTH, &[("tokens-revoked", json!({}), &[Effect::SignedOut])]);
}

#[test]
fn provisioning() {
    let data = |data: Value| json!({ "data": data });
    let patch = json!({ "Operations": [{ "op": "Replace", "path": "active", "value": "False" }] });
    means(
        SCIM,
        &[
            ("prov:create:notice", json!({}), &[]),
            ("prov:create:full", data(json!({ "active": true })), &[]),
            ("prov:patch:notice", json!({ "attributes": ["active"] }), &[Effect::Recheck]),
            ("prov:patch:full", data(patch), &GONE),
            ("prov:patch:full", data(json!({ "active": true })), &[Effect::Enabled]),
            ("prov:patch:full", data(json!({ "title": "x" })), &[Effect::Recheck]),
            ("prov:patch:full", data(json!({ "active": 7 })), &[Effect::Recheck]),
            ("prov:put:notice", json!({}), &[Effect::Recheck]),
            ("prov:put:full", data(json!({ "active": false })), &GONE),
            ("prov:delete", json!({}), &GONE),
            ("prov:activate", json!({}), &[Effect::Enabled]),
            ("prov:deactivate", json!({}), &GONE),
            ("feed:add", json!({}), &[]),
            ("feed:remove", json!({}), &[Effect::Recheck]),
        ],
    );
    assert_eq!(effects_of("urn:ietf:params:SCIM:event:prov:deactivate", &json!({})), GONE);
}

#[test]
fn every_event_we_ask_for_is_in_a_table_above() {
    let known: Vec<_> = understood().collect();
    assert_eq!(known.len(), 40, "a new event needs a row");
    for uri in known {
        let world = World::new();
        let taken = world.push(&event(uri, &json!({}))).unwrap();
        assert_ne!(taken.kinds, ["unknown_event"], "{uri}");
    }
}

#[test]
fn an_unknown_event_is_acknowledged_noted_and_has_no_effect() {
    let world = World::new();
    let unknown = "https://schemas.openid.net/secevent/caep/event-type/session-moved";
    let taken = world.push(&event(unknown, &json!({}))).unwrap();
    assert_eq!(taken.kinds, ["unknown_event"]);
    assert_eq!((taken.outcome(), taken.alert), ("ignored", Some("unknown_event")));
    assert_eq!(world.last().effects, []);
    let noted = format!("unknown event {unknown}");
    assert_eq!(world.last().event.detail, Some(noted));

    let mut anonymous = with("sub_id", Value::Null);
    anonymous["events"] = json!({ unknown: null });
    let taken = World::new().push(&set_of(&anonymous)).unwrap();
    assert_eq!(taken.kinds, ["unknown_event"], "what is not understood has no shape to miss");
}

#[test]
fn what_the_transmitter_tells_people_is_written_down() {
    for (body, text) in [
        (json!({ "reason_admin": { "de": "x", "en": "policy C076" } }), "policy C076"),
        (json!({ "reason_admin": { "de": "Richtlinie" } }), "Richtlinie"),
        (json!({ "reason": "hijacking" }), "hijacking"),
        (json!({ "risk_reason": "PASSWORD_FOUND" }), "PASSWORD_FOUND"),
        (json!({ "reason_admin": { "en": "token eyJhbGci" } }), "looks like a secret"),
    ] {
        let world = World::new();
        world.push(&event(&format!("{RISC}account-disabled"), &body)).unwrap();
        let detail = world.last().event.detail.unwrap();
        assert!(detail.contains(text), "{detail}");
    }
}

#[test]
fn whoever_cannot_be_told_apart_makes_all_answers_old() {
    let world = World::new();
    world
        .push(&set_of(&with("sub_id", json!({ "format": "urn:example:badge", "badge": "7" }))))
        .unwrap();
    let [affected] = world.effects().try_into().unwrap();
    assert_eq!((affected.whom, affected.effect), (Whom::Everyone, Effect::Recheck));
}
