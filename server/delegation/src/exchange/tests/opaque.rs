//! Tokens that only their provider can read.

use serde_json::{Value, json};

use super::fixture::{DOCUMENTS, Stage, claims, refused, told, with};
use crate::{issue::Issued, org::Connection, refusal::OAuthError, signal::tests::fixture::NOW};

const NOT_ACCEPTABLE: (&str, Option<&str>) = ("invalid_request", Some("subject_token"));

fn taking(connection: &mut Connection) {
    connection.tokens.opaque = true;
}

fn described(claims: &Value) -> Stage {
    let stage = Stage::with(taking);
    stage.idp.described.lock().unwrap().push(("opaque-1".to_owned(), claims.clone()));
    stage
}

fn ask(stage: &Stage, kind: &str, token: &str) -> Result<Issued, OAuthError> {
    stage.exchange((kind, token), &format!("&resource={DOCUMENTS}"))
}

fn of(claims: &Value) -> Result<Issued, OAuthError> {
    ask(&described(claims), "access_token", "opaque-1")
}

#[test]
fn the_provider_says_what_it_is_and_is_asked_again_whether_it_holds() {
    let stage = described(&claims());
    let issued = ask(&stage, "access_token", "opaque-1").unwrap();
    let told = told(&issued);
    assert_eq!((&told["sub"], &told["auth_time"]), (&json!("corp:alice"), &json!(NOW - 60)));
    assert_eq!(*stage.idp.shown.lock().unwrap(), ["opaque-1"]);
    assert_eq!(*stage.idp.asked.lock().unwrap(), ["opaque-1"]);
    // Of a later hop the same is asked.
    let researcher = "&audience=researcher";
    let handed = stage.exchange(("access_token", issued.access_token()), researcher).unwrap();
    assert_eq!(handed.scope(), "documents:read documents:write");
    assert_eq!(stage.idp.asked.lock().unwrap().len(), 2);
}

#[test]
fn it_is_held_to_what_a_jwt_is_held_to() {
    assert!(of(&claims()).is_ok());
    for (name, value, expected) in [
        ("aud", json!("somebody"), "subject_token"),
        ("client_id", json!("somebody"), "presenter"),
        ("exp", json!(NOW), "expired"),
        ("act", json!({ "sub": "a" }), "subject_token"),
        ("cnf", json!({ "jkt": "k" }), "possession"),
        ("may_act", json!({ "sub": "agent:researcher" }), "may_act"),
        ("events", json!({}), "subject_token"),
        ("sub", json!("*"), "subject_token"),
        ("sub", json!("a\u{7}b"), "subject_token"),
        ("jti", json!(7), "subject_token"),
        ("scope", json!("unheard-of"), "scope"),
    ] {
        // A stranger's token that is not for us either.
        let mut claims = with(name, value.clone());
        if name == "client_id" {
            claims["aud"] = json!("https://api.actas.example");
        }
        assert_eq!(refused(of(&claims)).1, Some(expected), "{name} {value}");
    }
}

#[test]
fn one_that_is_not_active_has_ended() {
    let stage = described(&claims());
    let result = ask(&stage, "access_token", "opaque-2");
    assert_eq!(refused(result), ("invalid_request", Some("revoked")));
    // Its user is told where to sign in again.
    let event = stage.books.event.lock().unwrap();
    assert_eq!(event.as_ref().unwrap().connection.as_deref(), Some("corp"));
}

#[test]
fn it_is_shown_only_where_it_may_be_from() {
    let table = [
        // Nobody takes such ones.
        (Stage::new(), "access_token", "opaque-1"),
        // It is said to be a JWT, or an ID token.
        (described(&claims()), "jwt", "opaque-1"),
        (described(&claims()), "id_token", "opaque-1"),
        // It could be somebody else's JWT.
        (described(&claims()), "access_token", "a.b.c"),
        (described(&claims()), "access_token", "a.b.c.d.e"),
    ];
    for (stage, kind, token) in table {
        assert_eq!(refused(ask(&stage, kind, token)), NOT_ACCEPTABLE, "{kind} {token}");
        assert!(stage.idp.shown.lock().unwrap().is_empty(), "{kind} {token}");
    }
    let stage = Stage::with(|connection| {
        connection.tokens.opaque = true;
        connection.tokens.clients = vec!["researcher".to_owned()];
    });
    assert_eq!(refused(ask(&stage, "access_token", "opaque-1")), NOT_ACCEPTABLE);
    assert!(stage.idp.shown.lock().unwrap().is_empty());
}

#[test]
fn one_of_unknown_age_is_too_old() {
    let aged = |iat: Value| {
        let stage = Stage::with(|connection| {
            connection.tokens.opaque = true;
            connection.tokens.longest_age = Some(60);
        });
        let claims = with("iat", iat);
        stage.idp.described.lock().unwrap().push(("opaque-1".to_owned(), claims));
        ask(&stage, "access_token", "opaque-1")
    };
    assert!(aged(json!(NOW - 70)).is_ok());
    assert_eq!(refused(aged(json!(NOW - 71))), NOT_ACCEPTABLE);
    assert_eq!(refused(aged(Value::Null)), NOT_ACCEPTABLE);
}
