//! Authorization grants (RFC 7523 §3, draft-ietf-oauth-identity-assertion-authz-grant §4.4).

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::fixture::{DOCUMENTS, JWT_BEARER, Stage, ours, refused, signed, told};
use crate::{
    issue::Issued,
    refusal::{Failure, Fault, OAuthError},
    signal::tests::fixture::{ISSUER, NOW, US, changed, stranger},
};

const GRANT: (&str, Option<&str>) = ("invalid_grant", Some("subject_token"));

/// What an ID-JAG says.
fn id_jag() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": US, "client_id": "orchestrator", "jti": "j-1",
        "iat": NOW - 10, "exp": NOW + 100, "resource": DOCUMENTS, "scope": "documents:read",
    })
}

/// What a plain one says.
fn plain() -> Value {
    json!({ "iss": ISSUER, "sub": "alice", "aud": US, "exp": NOW + 100, "client_id": "orchestrator" })
}

fn redeem(stage: &Stage, token: &str, more: &str) -> Result<Issued, OAuthError> {
    stage.send("orchestrator", &format!("{JWT_BEARER}&assertion={token}{more}"))
}

fn of(typ: &str, claims: &Value) -> Result<Issued, OAuthError> {
    redeem(&Stage::new(), &signed(typ, claims), &format!("&resource={DOCUMENTS}"))
}

fn of_id_jag(name: &str, value: Value) -> Result<Issued, OAuthError> {
    of("oauth-id-jag+jwt", &changed(id_jag(), name, value))
}

#[test]
fn an_id_jag_becomes_a_delegated_token() {
    let stage = Stage::new();
    // It says what it is for; RFC 8707 leaves it to the client to say it again.
    let token = signed("oauth-id-jag+jwt", &id_jag());
    let issued = redeem(&stage, &token, "").unwrap();
    let claims = told(&issued);
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(DOCUMENTS), &json!("corp:alice")));
    assert_eq!(claims["act"]["sub"], "agent:orchestrator");
    assert_eq!((issued.scope(), issued.token_type()), ("documents:read", "Bearer"));
    // RFC 7521 §4.1: it does not live longer.
    assert_eq!(claims["exp"], NOW + 100);
    // Its provider was asked about it.
    assert_eq!(*stage.idp.asked.lock().unwrap(), [&*token]);
    // §4.4: the client may come again with it.
    assert!(redeem(&stage, &token, "").is_ok());
}

/// §4.4.1 and RFC 7521 §4.1.1: `invalid_grant`.
#[test]
fn refuses_each_id_jag_that_differs_in_one_claim() {
    assert!(of_id_jag("x", json!(1)).is_ok());
    for (name, value) in [
        ("iss", json!("https://elsewhere.example")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", Value::Null),
        ("iss", json!([ISSUER])),
        ("sub", Value::Null),
        ("aud", Value::Null),
        ("aud", json!(format!("{US}/"))),
        ("aud", json!(format!("{US}/oauth/token"))),
        ("aud", json!([US, "https://elsewhere.example"])),
        ("aud", json!("orchestrator")),
        ("client_id", Value::Null),
        ("client_id", json!(["orchestrator"])),
        ("azp", json!("researcher")),
        ("jti", Value::Null),
        ("iat", Value::Null),
        ("iat", json!(NOW + 100)),
        ("exp", Value::Null),
        ("nbf", json!(NOW + 60)),
        ("events", json!({})),
        ("nonce", json!("n")),
        ("resource", json!(7)),
        ("resource", json!([7])),
        ("cnf", json!({ "jkt": "k", "x5t#S256": "c" })),
        ("act", json!({ "sub": "a" })),
        ("sub", json!("*")),
    ] {
        assert_eq!(refused(of_id_jag(name, value.clone())), GRANT, "{name} {value}");
    }
    assert_eq!(refused(of_id_jag("exp", json!(NOW - 10))), ("invalid_grant", Some("expired")));
    for client in ["researcher", "Orchestrator"] {
        let result = of_id_jag("client_id", json!(client));
        assert_eq!(refused(result), ("invalid_grant", Some("presenter")), "{client}");
    }
    // One that says it lives for longer is good for an hour.
    assert!(of_id_jag("exp", json!(NOW + 7200)).is_ok());
    // As the provider knows it, it is the same client; and one audience in a list is one.
    assert!(of_id_jag("client_id", json!("app")).is_ok());
    assert!(of_id_jag("aud", json!([US])).is_ok());
}

#[test]
fn refuses_each_other_kind_and_each_other_key() {
    for typ in ["at+jwt", "secevent+jwt", "logout+jwt", "dpop+jwt", "xoauth-id-jag+jwt"] {
        assert_eq!(refused(of(typ, &id_jag())), GRANT, "{typ}");
    }
    let forged = keys::sign(stranger(), "oauth-id-jag+jwt", &id_jag()).unwrap();
    assert_eq!(refused(redeem(&Stage::new(), &forged, "")), GRANT);
    for token in ["opaque", "a.b.c", "a.b.c.d.e"] {
        assert_eq!(refused(redeem(&Stage::new(), token, "")), GRANT, "{token}");
    }
    // Nor is it any other token.
    let id_jag = signed("oauth-id-jag+jwt", &changed(id_jag(), "aud", json!("orchestrator")));
    for kind in ["access_token", "id_token", "jwt"] {
        let result = Stage::new().exchange((kind, &id_jag), &format!("&resource={DOCUMENTS}"));
        assert_eq!(refused(result), ("invalid_request", Some("subject_token")), "{kind}");
    }
}

#[test]
fn takes_the_kinds_that_are_declared() {
    let more = format!("&resource={DOCUMENTS}");
    let (id_jag, plain) = (signed("oauth-id-jag+jwt", &id_jag()), signed("JWT", &plain()));
    let only_plain = Stage::with(|connection| connection.takes_id_jags = false);
    assert_eq!(refused(redeem(&only_plain, &id_jag, &more)), GRANT);
    assert!(redeem(&only_plain, &plain, &more).is_ok());
    let only_id_jags = Stage::with(|connection| connection.takes_assertions = false);
    assert_eq!(refused(redeem(&only_id_jags, &plain, &more)), GRANT);
    assert!(redeem(&only_id_jags, &id_jag, &more).is_ok());
    let of_researchers = Stage::with(|connection| {
        connection.tokens.clients = vec!["researcher".to_owned()];
    });
    assert_eq!(refused(redeem(&of_researchers, &id_jag, &more)), GRANT);
    assert_eq!(refused(redeem(&of_researchers, &plain, &more)), GRANT);
}

/// §5: an authorization server "MUST NOT issue access tokens" on an ID-JAG of its own.
#[test]
fn refuses_what_we_issued_ourselves() {
    let stage = Stage::new();
    for typ in ["oauth-id-jag+jwt", "JWT", "at+jwt", "txntoken+jwt"] {
        let token = ours(&stage, typ, &changed(id_jag(), "iss", json!(US)));
        assert_eq!(refused(redeem(&stage, &token, "")), GRANT, "{typ}");
    }
}

#[test]
fn it_is_for_the_resources_it_names() {
    let stage = Stage::new();
    let of = |resource: Value, more: &str| {
        let claims = changed(id_jag(), "resource", resource);
        redeem(&stage, &signed("oauth-id-jag+jwt", &claims), more)
    };
    let named = format!("&resource={DOCUMENTS}");
    assert!(of(json!([DOCUMENTS, "https://elsewhere.example"]), &named).is_ok());
    assert!(of(json!(format!("{DOCUMENTS}/")), &named).is_ok());
    assert!(of(Value::Null, &named).is_ok());
    let target = ("invalid_target", Some("target"));
    assert_eq!(refused(of(json!("https://elsewhere.example"), &named)), target);
    assert_eq!(refused(of(json!([]), &named)), target);
    // Nobody says which.
    assert_eq!(refused(of(json!([DOCUMENTS, "https://elsewhere.example"]), "")), target);
    assert_eq!(refused(of(Value::Null, "")), target);
    assert_eq!(refused(of(json!("https://elsewhere.example"), "")), target);
}

/// RFC 7521 §4.1: not more than was granted.
#[test]
fn its_scope_is_the_most_there_is() {
    let stage = Stage::new();
    let token = signed("oauth-id-jag+jwt", &id_jag());
    let issued = redeem(&stage, &token, "&scope=documents:read").unwrap();
    assert_eq!(issued.scope(), "documents:read");
    let result = redeem(&stage, &token, "&scope=documents:write");
    assert_eq!(refused(result), ("invalid_scope", Some("scope")));
}

/// §4.4.1: "cnf" without a proof, or with another one, is `invalid_grant`.
#[test]
fn a_bound_one_needs_its_key() {
    let claims = changed(id_jag(), "cnf", json!({ "jkt": "k" }));
    let token = signed("oauth-id-jag+jwt", &claims);
    let mut stage = Stage::new();
    assert_eq!(refused(redeem(&stage, &token, "")), ("invalid_grant", Some("possession")));
    stage.key = Some("other");
    assert_eq!(refused(redeem(&stage, &token, "")), ("invalid_grant", Some("possession")));
    stage.key = Some("k");
    let issued = redeem(&stage, &token, "").unwrap();
    assert_eq!((issued.token_type(), &told(&issued)["cnf"]["jkt"]), ("DPoP", &json!("k")));
}

#[test]
fn a_plain_one_may_name_the_token_endpoint() {
    let endpoint = format!("{US}/oauth/token");
    for aud in [json!(US), json!(endpoint), json!([endpoint])] {
        assert!(of("JWT", &changed(plain(), "aud", aud)).is_ok());
    }
    for aud in [json!([US, endpoint]), json!(format!("{endpoint}/")), json!("orchestrator")] {
        assert_eq!(refused(of("JWT", &changed(plain(), "aud", aud.clone()))), GRANT, "{aud}");
    }
    // What is taken of others is remembered until it expires, so that must not be far.
    assert!(of("JWT", &changed(plain(), "exp", json!(NOW + 310))).is_ok());
    assert_eq!(refused(of("JWT", &changed(plain(), "exp", json!(NOW + 311)))), GRANT);
    assert_eq!(refused(of("JWT", &changed(plain(), "at_hash", json!("h")))), GRANT);
}

#[test]
fn a_plain_one_is_for_a_client() {
    let more = format!("&resource={DOCUMENTS}");
    let anonymous = signed("JWT", &changed(plain(), "client_id", Value::Null));
    let result = redeem(&Stage::new(), &anonymous, &more);
    assert_eq!(refused(result), ("invalid_grant", Some("presenter")));
    let declared = Stage::with(|connection| {
        connection.tokens.clients = vec!["orchestrator".to_owned()];
    });
    assert!(redeem(&declared, &anonymous, &more).is_ok());
    let another = signed("JWT", &changed(plain(), "client_id", json!("researcher")));
    let result = redeem(&declared, &another, &more);
    assert_eq!(refused(result), ("invalid_grant", Some("presenter")));
}

/// RFC 7523 §3 (7).
#[test]
fn a_plain_one_that_has_an_id_is_used_once() {
    let stage = Stage::new();
    let more = format!("&resource={DOCUMENTS}");
    let once = signed("JWT", &changed(plain(), "jti", json!("g-1")));
    // What was turned down has not been used.
    let result = redeem(&stage, &once, &format!("{more}&scope=chat:read"));
    assert_eq!(refused(result).0, "invalid_scope");
    assert!(redeem(&stage, &once, &more).is_ok());
    assert_eq!(refused(redeem(&stage, &once, &more)), GRANT);
    let other = signed("JWT", &changed(plain(), "jti", json!("g-2")));
    assert!(redeem(&stage, &other, &more).is_ok());
    // Who has none is good until it expires.
    let without = signed("JWT", &plain());
    assert!(redeem(&stage, &without, &more).is_ok() && redeem(&stage, &without, &more).is_ok());
}

/// By whichever door: the user is asked about.
#[test]
fn its_user_stands_or_there_is_no_token() {
    for (typ, claims) in [("oauth-id-jag+jwt", id_jag()), ("JWT", plain())] {
        let token = signed(typ, &changed(claims, "jti", json!("j-1")));
        let stage = Stage::new();
        let body = format!("{JWT_BEARER}&assertion={token}&resource={DOCUMENTS}");
        stage.idp.is_ill.store(true, Ordering::Relaxed);
        let result = stage.try_send("orchestrator", &body);
        assert!(matches!(result, Err(Failure::Broken(Fault::Late))), "{typ}");
        stage.idp.is_ill.store(false, Ordering::Relaxed);
        stage.idp.is_over.store(true, Ordering::Relaxed);
        let result = stage.send("orchestrator", &body);
        assert_eq!(refused(result), ("invalid_grant", Some("revoked")), "{typ}");
        // What the provider said takes effect on what was issued before.
        assert_eq!(stage.books.signals.lock().unwrap().len(), 1, "{typ}");
        assert!(stage.books.opened.lock().unwrap().is_empty(), "{typ}");
        // Nobody was issued anything on it, so it was not used.
        stage.idp.is_over.store(false, Ordering::Relaxed);
        assert!(stage.send("orchestrator", &body).is_ok(), "{typ}");
    }
}

#[test]
fn a_grant_of_the_user_is_needed() {
    let stage = Stage::new();
    let token = signed("oauth-id-jag+jwt", &changed(id_jag(), "sub", json!("bob")));
    assert_eq!(refused(redeem(&stage, &token, "")), ("invalid_grant", Some("no_grant")));
    stage.grant(("corp", "bob", "orchestrator"), "documents:read", &[DOCUMENTS]);
    assert!(redeem(&stage, &token, "").is_ok());
}
