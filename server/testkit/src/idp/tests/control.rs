use keys::{Expect, PublicKeys, TokenFault, Typ, Verified};

use super::{introspection::of, *};

fn order(idp: &DevIdp, what: &str, order: &Value) -> Reply {
    reply(post(idp, &format!("/control/{what}"), None, &order.to_string()))
}

fn mint(idp: &DevIdp, change: &Value) -> String {
    let mut minting = json!({
        "sub": "alice", "kind": "access_token", "client_id": "orchestrator",
        "audience": ["orchestrator"], "scope": "documents:read", "lifetime": 600,
    });
    let members = minting.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    let reply = order(idp, "tokens", &minting);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

#[test]
fn disables_and_enables_users() {
    let idp = idp();
    let token = mint(&idp, &json!({}));
    assert_eq!(order(&idp, "users/alice", &json!({ "disabled": true })).status, 200);
    assert_eq!(of(&idp, &token, NOW)["active"], false);
    assert_eq!(order(&idp, "users/alice", &json!({ "disabled": false })).status, 200);
    assert_eq!(of(&idp, &token, NOW)["active"], true);
}

#[test]
fn takes_orders_as_forms_too() {
    let idp = idp();
    let token = mint(&idp, &json!({}));
    assert_eq!(reply(post(&idp, "/control/users/alice", None, "disabled=true")).status, 200);
    assert_eq!(of(&idp, &token, NOW)["active"], false);
    let minting = form(&[
        ("sub", "bob"),
        ("kind", "id_token"),
        ("client_id", "orchestrator"),
        ("lifetime", "60"),
        ("claims", r#"{"x":[1]}"#),
    ]);
    let token = json_of(post(&idp, "/control/tokens", None, &minting));
    let claims = part(token["token"].as_str().unwrap(), 1);
    assert_eq!((&claims["sub"], &claims["exp"]), (&json!("bob"), &json!(NOW + 60)));
    assert_eq!(claims["x"], json!([1]));
}

#[test]
fn refuses_orders_it_does_not_understand() {
    let idp = idp();
    for (what, wrong) in [
        ("users/alice", json!({})),
        ("users/alice", json!({ "disabled": "yes" })),
        ("users/alice", json!({ "disabled": true, "more": 1 })),
        ("tokens", json!({ "sub": "alice" })),
        ("tokens", json!({ "sub": "alice", "kind": "refresh_token", "client_id": "x" })),
        ("faults", json!({ "introspection": "unheard of" })),
    ] {
        assert_eq!(order(&idp, what, &wrong).status, 400, "{what} {wrong}");
    }
    assert_eq!(order(&idp, "users/mallory", &json!({ "disabled": true })).status, 404);
    assert_eq!(order(&idp, "elsewhere", &json!({})).status, 404);
}

#[test]
fn mints_with_other_claims_and_headers() {
    let idp = idp();
    let token = mint(
        &idp,
        &json!({
            "audience": ["a", "b"],
            "claims": { "iss": "https://elsewhere.example", "jti": null, "act": { "sub": "x" } },
            "header": { "typ": "logout+jwt", "crit": ["b64"], "kid": null },
        }),
    );
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!(header["typ"], "logout+jwt");
    assert_eq!(header["crit"], json!(["b64"]));
    assert!(header.get("kid").is_none());
    assert_eq!(claims["iss"], "https://elsewhere.example");
    assert_eq!(claims["aud"], json!(["a", "b"]));
    assert_eq!(claims["act"]["sub"], "x");
    assert!(claims.get("jti").is_none());
}

/// The signature is good, so that a test sees refused what it changed and nothing else.
#[test]
fn signs_whatever_it_is_told_to() {
    let idp = idp();
    let changes = json!({ "header": { "jku": "https://evil.example" }, "claims": { "x": 1 } });
    assert!(verified(&idp, &mint(&idp, &changes)).is_ok());
    let changes = json!({ "header": { "typ": "logout+jwt" } });
    assert_eq!(verified(&idp, &mint(&idp, &changes)).unwrap_err(), TokenFault::Typ);
}

fn verified(idp: &DevIdp, token: &str) -> Result<Verified<Value>, TokenFault> {
    let jwks = reply(get(idp, "/jwks", "")).body;
    let keys = PublicKeys::parse(jwks.as_bytes()).unwrap();
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: ISSUER,
        audience: &["orchestrator"],
        algorithms: &[Algorithm::Es256],
        leeway: Duration::ZERO,
        max_age: None,
    };
    keys::verify(token, &keys, &expect, NOW)
}

#[test]
fn leaves_out_the_signature_for_alg_none() {
    let token = mint(&idp(), &json!({ "header": { "alg": "none" } }));
    assert_eq!(part(&token, 0)["alg"], "none");
    assert!(token.ends_with('.'));
}

#[test]
fn vouches_for_hostile_tokens_as_well() {
    let idp = idp();
    let token = mint(&idp, &json!({ "header": { "typ": "logout+jwt" } }));
    assert_eq!(of(&idp, &token, NOW)["active"], true);
    let token = mint(&idp, &json!({ "claims": { "sub": "bob" } }));
    idp.disable("alice", true);
    assert_eq!(of(&idp, &token, NOW)["active"], true);
}

#[test]
fn counts_requests() {
    let idp = idp();
    get(&idp, "/.well-known/openid-configuration", "");
    get(&idp, "/jwks", "");
    get(&idp, "/jwks", "");
    order(&idp, "faults", &json!({ "introspection": "down" }));
    post(&idp, "/introspect", None, "");
    let counted = json_of(get(&idp, "/control/requests", ""));
    assert_eq!(counted, json!({ "introspection": 1, "jwks": 2, "discovery": 1 }));
}

/// What actas is told of a good token under a fault.
fn under(fault: &str) -> Answer {
    let idp = idp();
    let token = mint(&idp, &json!({}));
    assert_eq!(order(&idp, "faults", &json!({ "introspection": fault })).status, 200);
    let actas = basic("actas", "s%cret +&=");
    post(&idp, "/introspect", Some(&actas), &form(&[("token", &token)]))
}

#[test]
fn misbehaves_at_the_introspection_endpoint_as_told() {
    let status_and_body = |fault| {
        let reply = reply(under(fault));
        (reply.status, reply.body)
    };
    let lie = |body: &str| (200, body.to_owned());
    assert_eq!(json_of(under("none"))["active"], true);
    assert_eq!(under("down"), Answer::Down);
    assert!(matches!(under("slow"), Answer::Slow(late) if late.body.contains("\"active\":true")));
    assert_eq!(status_and_body("garbage"), lie("<html>]]{{{"));
    assert_eq!(status_and_body("string_true"), lie(r#"{"active":"true"}"#));
    assert_eq!(status_and_body("missing_active"), lie(r#"{"token_type":"Bearer"}"#));
    assert_eq!(status_and_body("empty"), lie(""));
    assert_eq!(status_and_body("error500").0, 500);
    assert_eq!(status_and_body("throttled").0, 429);
    assert!(1024 * 1024 < status_and_body("oversize").1.len());
}

#[test]
fn its_redirect_leads_to_a_good_answer() {
    let idp = idp();
    let redirect = reply(under("redirect"));
    assert_eq!(redirect.status, 307);
    let path = redirect.header("location").unwrap().strip_prefix(ISSUER).unwrap();
    assert_eq!(json_of(post(&idp, path, None, "")), json!({ "active": true }));
}

#[test]
fn misbehaves_at_the_key_set_as_told() {
    let idp = idp();
    order(&idp, "faults", &json!({ "jwks": "empty" }));
    assert_eq!(json_of(get(&idp, "/jwks", "")), json!({ "keys": [] }));
    order(&idp, "faults", &json!({ "jwks": "down" }));
    assert_eq!(get(&idp, "/jwks", ""), Answer::Down);
    order(&idp, "faults", &json!({ "jwks": "none" }));
    assert_eq!(json_of(get(&idp, "/jwks", ""))["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn a_fault_stays_until_it_is_taken_back() {
    let idp = idp();
    order(&idp, "faults", &json!({ "jwks": "empty", "introspection": "down" }));
    let faults = order(&idp, "faults", &json!({ "introspection": "none" }));
    let faults: Value = serde_json::from_str(&faults.body).unwrap();
    assert_eq!(faults, json!({ "introspection": "none", "jwks": "empty" }));
}
