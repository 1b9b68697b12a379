//! What each kind of event means (CAEP 1.0, RISC 1.0, RFC 9967, SSF 1.0).
//!
//! Where an event leaves something open, the stricter reading holds: it costs a question or a sign-in.

use policy::Risk;
use serde_json::{Map, Value};

use super::{Effect, scim};

/// The members of one event.
pub(super) type Body = Map<String, Value>;

/// A kind of event that is understood.
#[derive(Debug)]
pub(super) struct Known {
    /// Its event type.
    pub uri: &'static str,
    /// Our short name: in the audit trail and in metrics.
    pub code: &'static str,
    pub meaning: Meaning,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// The stream shows that it lives (SSF 1.0 §8.1.4).
    Verification,
    /// The stream's status has changed (SSF 1.0 §8.1.5).
    StreamStatus,
    /// Something happened to a user; in this order.
    User(fn(&Body) -> Vec<Effect>),
}

/// The kind of event with this type. SCIM's were written in upper case by drafts.
pub(super) fn known(uri: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.uri.eq_ignore_ascii_case(uri))
}

/// Every event type that is understood here: what a stream should be asked for.
pub fn understood() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.uri)
}

const fn about_users(
    uri: &'static str,
    code: &'static str,
    effects: fn(&Body) -> Vec<Effect>,
) -> Known {
    Known { uri, code, meaning: Meaning::User(effects) }
}

const fn about_streams(uri: &'static str, code: &'static str, meaning: Meaning) -> Known {
    Known { uri, code, meaning }
}

macro_rules! ssf {
    ($name:literal) => {
        concat!("https://schemas.openid.net/secevent/ssf/event-type/", $name)
    };
}
/// What SSF was called before.
macro_rules! sse {
    ($name:literal) => {
        concat!("https://schemas.openid.net/secevent/sse/event-type/", $name)
    };
}
macro_rules! caep {
    ($name:literal) => {
        concat!("https://schemas.openid.net/secevent/caep/event-type/", $name)
    };
}
macro_rules! risc {
    ($name:literal) => {
        concat!("https://schemas.openid.net/secevent/risc/event-type/", $name)
    };
}
/// Google's.
macro_rules! oauth {
    ($name:literal) => {
        concat!("https://schemas.openid.net/secevent/oauth/event-type/", $name)
    };
}
macro_rules! scim {
    ($name:literal) => {
        concat!("urn:ietf:params:scim:event:", $name)
    };
}

static KNOWN: [Known; 40] = [
    about_streams(ssf!("verification"), "verification", Meaning::Verification),
    about_streams(sse!("verification"), "verification", Meaning::Verification),
    about_streams(risc!("verification"), "verification", Meaning::Verification),
    about_streams(ssf!("stream-updated"), "stream_updated", Meaning::StreamStatus),
    about_streams(sse!("stream-updated"), "stream_updated", Meaning::StreamStatus),
    about_users(caep!("session-revoked"), "session_revoked", signed_out),
    about_users(caep!("credential-change"), "credential_change", credential_change),
    about_users(caep!("device-compliance-change"), "device_compliance_change", device),
    about_users(caep!("assurance-level-change"), "assurance_level_change", assurance),
    about_users(caep!("token-claims-change"), "token_claims_change", recheck),
    about_users(caep!("risk-level-change"), "risk_level_change", risk),
    about_users(caep!("session-established"), "session_established", nothing),
    about_users(caep!("session-presented"), "session_presented", nothing),
    about_users(
        risc!("account-credential-change-required"),
        "account_credential_change_required",
        signed_out,
    ),
    about_users(risc!("account-purged"), "account_purged", gone),
    about_users(risc!("account-disabled"), "account_disabled", gone),
    about_users(risc!("account-enabled"), "account_enabled", enabled),
    about_users(risc!("identifier-changed"), "identifier_changed", recheck),
    about_users(risc!("identifier-recycled"), "identifier_recycled", recycled),
    about_users(risc!("credential-compromise"), "credential_compromise", signed_out),
    about_users(risc!("opt-in"), "opt_in", nothing),
    about_users(risc!("opt-out-initiated"), "opt_out_initiated", nothing),
    about_users(risc!("opt-out-cancelled"), "opt_out_cancelled", nothing),
    about_users(risc!("opt-out-effective"), "opt_out_effective", nothing),
    about_users(risc!("recovery-activated"), "recovery_activated", step_up),
    about_users(risc!("recovery-information-changed"), "recovery_information_changed", step_up),
    about_users(risc!("sessions-revoked"), "sessions_revoked", signed_out),
    about_users(oauth!("tokens-revoked"), "tokens_revoked", signed_out),
    about_users(oauth!("token-revoked"), "token_revoked", signed_out),
    about_users(scim!("prov:create:notice"), "scim_create", nothing),
    about_users(scim!("prov:create:full"), "scim_create", nothing),
    about_users(scim!("prov:patch:notice"), "scim_patch", recheck),
    about_users(scim!("prov:patch:full"), "scim_patch", changed),
    about_users(scim!("prov:put:notice"), "scim_put", recheck),
    about_users(scim!("prov:put:full"), "scim_put", changed),
    about_users(scim!("prov:delete"), "scim_delete", gone),
    about_users(scim!("prov:activate"), "scim_activate", enabled),
    about_users(scim!("prov:deactivate"), "scim_deactivate", gone),
    about_users(scim!("feed:add"), "scim_feed_add", nothing),
    about_users(scim!("feed:remove"), "scim_feed_remove", recheck),
];

fn nothing(_: &Body) -> Vec<Effect> {
    Vec::new()
}

fn signed_out(_: &Body) -> Vec<Effect> {
    vec![Effect::SignedOut]
}

/// Signed out as well: once the account is enabled again, old sign-ins must not be good again.
pub(super) fn gone(_: &Body) -> Vec<Effect> {
    vec![Effect::Disabled, Effect::SignedOut]
}

pub(super) fn enabled(_: &Body) -> Vec<Effect> {
    vec![Effect::Enabled]
}

pub(super) fn recheck(_: &Body) -> Vec<Effect> {
    vec![Effect::Recheck]
}

fn step_up(_: &Body) -> Vec<Effect> {
    vec![Effect::StepUp]
}

/// Whoever holds the name now is somebody else. Signed out first: afterwards nobody goes by the name.
fn recycled(_: &Body) -> Vec<Effect> {
    vec![Effect::SignedOut, Effect::Forgotten]
}

/// CAEP 1.0 §3.3: whoever signed in with what has changed, or is gone, signs in again.
fn credential_change(body: &Body) -> Vec<Effect> {
    let created = body.get("change_type").and_then(Value::as_str) == Some("create");
    vec![if created { Effect::Recheck } else { Effect::SignedOut }]
}

/// CAEP 1.0 §3.5
fn device(body: &Body) -> Vec<Effect> {
    let compliant = body.get("current_status").and_then(Value::as_str) == Some("compliant");
    vec![Effect::Device { compliant }]
}

/// CAEP 1.0 §3.4: without a direction it may have gone down.
fn assurance(body: &Body) -> Vec<Effect> {
    let increased = body.get("change_direction").and_then(Value::as_str) == Some("increase");
    vec![if increased { Effect::Recheck } else { Effect::StepUp }]
}

/// CAEP 1.0 §3.8: a level with another name than the three is none that could be called low.
fn risk(body: &Body) -> Vec<Effect> {
    let level = body.get("current_level").and_then(Value::as_str).unwrap_or_default();
    vec![Effect::Risk(match level.to_ascii_uppercase().as_str() {
        "LOW" => Risk::Low,
        "MEDIUM" => Risk::Medium,
        _ => Risk::High,
    })]
}

/// RFC 9967 §2.4: the change itself is in `data`.
fn changed(body: &Body) -> Vec<Effect> {
    match body.get("data").map(scim::active_of) {
        Some(Ok(Some(false))) => gone(body),
        Some(Ok(Some(true))) => enabled(body),
        Some(Ok(None) | Err(_)) | None => recheck(body),
    }
}
