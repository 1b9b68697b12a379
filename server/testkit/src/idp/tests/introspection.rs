use serde_json::Map;

use super::*;

pub(super) fn minting(kind: Kind) -> Minting {
    Minting {
        sub: "alice".to_owned(),
        kind,
        client_id: "orchestrator".to_owned(),
        audience: Vec::new(),
        scope: Some("documents:read".to_owned()),
        lifetime: 600,
        claims: Map::new(),
        header: Map::new(),
        payload: None,
    }
}

fn ask(idp: &DevIdp, authorization: Option<&str>, token: &str, now: i64) -> Answer {
    post_at(idp, "/introspect", authorization, &form(&[("token", token)]), now)
}

/// What the provider tells actas.
pub(super) fn of(idp: &DevIdp, token: &str, now: i64) -> Value {
    json_of(ask(idp, Some(&basic("actas", "s%cret +&=")), token, now))
}

#[test]
fn tells_of_an_active_token() {
    let idp = idp();
    let token = idp.mint(&minting(Kind::AccessToken), NOW).unwrap();
    let told = of(&idp, &token, NOW);
    assert_eq!(told["active"], true);
    assert_eq!(told["sub"], "alice");
    assert_eq!(told["iss"], ISSUER);
    assert_eq!(told["client_id"], "orchestrator");
    assert_eq!(told["scope"], "documents:read");
    assert_eq!(told["exp"], NOW + 600);
}

#[test]
fn tells_of_an_id_token_too() {
    let idp = idp();
    let token = idp.mint(&minting(Kind::IdToken), NOW).unwrap();
    assert_eq!(of(&idp, &token, NOW)["active"], true);
}

#[test]
fn an_opaque_token_says_nothing_and_is_told_of() {
    let idp = idp();
    let token = idp.mint(&minting(Kind::OpaqueToken), NOW).unwrap();
    assert!(!token.contains('.'), "{token}");
    let told = of(&idp, &token, NOW);
    assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!("alice")));
    assert_eq!(told["exp"], NOW + 600);
}

/// RFC 7662 §2.2: "[...] the authorization server SHOULD NOT include any additional information
/// about an inactive token, including why the token is inactive."
#[test]
fn tells_nothing_of_an_inactive_token() {
    let idp = idp();
    let token = idp.mint(&minting(Kind::AccessToken), NOW).unwrap();
    let inactive = json!({ "active": false });
    assert_eq!(of(&idp, "unknown", NOW), inactive);
    assert_eq!(of(&idp, &token, NOW + 599)["active"], true);
    assert_eq!(of(&idp, &token, NOW + 600), inactive);
}

#[test]
fn a_token_is_active_while_its_user_is_enabled() {
    let idp = idp();
    let token = idp.mint(&minting(Kind::AccessToken), NOW).unwrap();
    assert!(idp.disable("alice", true));
    assert_eq!(of(&idp, &token, NOW)["active"], false);
    assert!(idp.disable("alice", false));
    assert_eq!(of(&idp, &token, NOW)["active"], true);
}

#[test]
fn a_token_of_a_client_is_active_until_it_expires() {
    let idp = idp();
    let mut minting = minting(Kind::AccessToken);
    minting.sub = "orchestrator".to_owned();
    let token = idp.mint(&minting, NOW).unwrap();
    assert_eq!(of(&idp, &token, NOW)["active"], true);
    assert_eq!(of(&idp, &token, NOW + minting.lifetime)["active"], false);
}

#[test]
fn a_revoked_token_is_inactive_and_others_are_not() {
    let idp = idp();
    let app = basic("app", "app secret");
    let token = idp.mint(&minting(Kind::AccessToken), NOW).unwrap();
    let other = idp.mint(&minting(Kind::AccessToken), NOW).unwrap();
    let body = form(&[("token", &token)]);
    assert_eq!(reply(post(&idp, "/revoke", None, &body)).status, 401);
    assert_eq!(of(&idp, &token, NOW)["active"], true);
    assert_eq!(reply(post(&idp, "/revoke", Some(&app), &body)).status, 200);
    assert_eq!(of(&idp, &token, NOW)["active"], false);
    assert_eq!(of(&idp, &other, NOW)["active"], true);
}

#[test]
fn refuses_strangers_before_it_looks_at_the_token() {
    let idp = idp();
    let token = idp.mint(&minting(Kind::AccessToken), NOW).unwrap();
    for authorization in [
        None,
        Some(basic("actas", "wrong")),
        Some(basic("app", "app secret")),
        Some(format!("Basic {}", STANDARD.encode("no colon"))),
        Some("Basic".to_owned()),
    ] {
        let refusal = reply(ask(&idp, authorization.as_deref(), &token, NOW));
        assert_eq!(refusal.status, 401);
        assert!(!refusal.body.contains("active"));
    }
}

#[test]
fn accepts_credentials_that_are_not_form_encoded() {
    let idp = idp();
    let raw = format!("basic {}", STANDARD.encode("app:app secret"));
    assert_eq!(reply(post(&idp, "/revoke", Some(&raw), "token=x")).status, 200);
}

#[test]
fn refuses_a_form_without_one_token() {
    let idp = idp();
    let actas = basic("actas", "s%cret +&=");
    for body in ["", "token=", "token=a&token=b"] {
        assert_eq!(reply(post(&idp, "/introspect", Some(&actas), body)).status, 400, "{body}");
    }
}
