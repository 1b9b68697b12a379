//! §4.3: the token exchange which ends in an assertion for the authorization server of another domain.

use conformance::{
    ACCESS_TOKEN, DOCUMENTS, Exchange, Granted, ID_JAG, ID_TOKEN, JWT, Key, PARTNER, http, target,
};
use serde_json::{Value, json};

/// A resource of the other domain.
const MCP: &str = "https://mcp.partner.example";

fn abroad() -> Exchange<'static> {
    Exchange::abroad(target())
}

fn granted() -> Granted {
    abroad().send().granted()
}

/// §4.3: "`requested_token_type`: REQUIRED. The value
/// `urn:ietf:params:oauth:token-type:id-jag` indicates that an ID Assertion JWT is being requested."
/// Without it the target is no resource of ours.
#[test]
fn s4_3_the_token_type_must_be_asked_for() {
    granted();
    abroad().without("requested_token_type").send().refused(400, "invalid_target");
    abroad().with("requested_token_type", ACCESS_TOKEN).send().refused(400, "invalid_target");
}

/// §4.3: "audience: REQUIRED. The issuer URL of the Resource Authorization Server".
#[test]
fn s4_3_the_audience_must_be_there() {
    abroad().without("audience").send().refused(400, "invalid_request");
    abroad().without("audience").with("resource", MCP).send().refused(400, "invalid_request");
    abroad().with("audience", "").send().refused(400, "invalid_request");
    granted();
}

/// RFC 8693 §2.2.2: another domain that nobody declared, and what is no other domain.
#[test]
fn s4_3_refuses_an_audience_that_is_not_declared() {
    granted();
    for other in [
        "https://as.evil.example",
        "https://as.partner.example/",
        "HTTPS://as.partner.example",
        DOCUMENTS,
        "researcher",
        conformance::TRUST_DOMAIN,
        target().issuer.as_str(),
    ] {
        abroad().with("audience", other).send().refused(400, "invalid_target");
    }
}

/// §4.3.1 with `OpenID` Connect Core §3.1.3.7: "MUST validate … the audience of the Identity Assertion …
/// matches the client identifier of the client authentication".
#[test]
fn s4_3_refuses_the_identity_of_another_clients_user() {
    let with = |client: &str| {
        let id_token = target().idp.id_token("alice").client(client).audience(&[client]).mint();
        abroad().with("subject_token", &id_token).send()
    };
    with("orchestrator").granted();
    with("researcher").refused_as_invalid_request();
    with("some-app").refused_as_invalid_request();
}

/// §3: "typ … `oauth-id-jag+jwt`"; "iss REQUIRED … sub REQUIRED … aud REQUIRED … `client_id` REQUIRED …
/// jti REQUIRED … exp REQUIRED … iat REQUIRED".
#[test]
fn s3_says_what_it_must() {
    let granted = granted();
    assert_eq!(granted.token.header["typ"], "oauth-id-jag+jwt");
    assert_eq!(granted.claim("iss"), target().issuer);
    assert_eq!(granted.claim("sub"), "alice");
    assert_eq!(granted.claim("aud"), PARTNER);
    assert!(!granted.claim("jti").is_empty());
    assert!(granted.seconds("iat") < granted.seconds("exp"));
    assert!(granted.token.is_signed_by(&http::get(&target().jwks_uri, &[]).json()));
}

/// §3: "`client_id`: the client identifier of the client … that is registered with the Resource
/// Authorization Server": as it is called there.
#[test]
fn s3_the_client_is_called_as_it_is_there() {
    assert_eq!(granted().claim("client_id"), "actas-at-partner");
}

/// §4.3.2: "`issued_token_type` REQUIRED … id-jag", "`token_type` REQUIRED. `N_A`", "scope … OPTIONAL if
/// identical", "`expires_in`", "`refresh_token` … SHOULD NOT".
#[test]
fn s4_3_2_answers_that_it_is_no_access_token() {
    let granted = granted();
    assert_eq!(granted.body["issued_token_type"], ID_JAG);
    assert_eq!(granted.body["token_type"], "N_A");
    assert_eq!(granted.body["scope"], "chat:read");
    assert_eq!(granted.token.claims["scope"], "chat:read");
}

/// §4.3: "resource: OPTIONAL. The Resource Identifier of the Resource Server the client intends to
/// access": one that was declared is in the assertion, another one is refused.
#[test]
fn s4_3_the_resource_is_told() {
    let told = abroad().with("resource", MCP).send().granted();
    let resource = told.token.claims.get("resource");
    assert!([Some(&json!(MCP)), Some(&json!([MCP]))].contains(&resource), "{resource:?}");
    assert_eq!(told.claim("aud"), PARTNER);
    abroad().with("resource", DOCUMENTS).send().refused(400, "invalid_target");
    abroad().with("resource", "https://mcp.evil.example").send().refused(400, "invalid_target");
    assert_eq!(granted().token.claims.get("resource"), None);
}

/// §4.3 and RFC 8693 §5: what the user granted is the most that leaves.
#[test]
fn s4_3_the_scope_stays_within_the_grant() {
    abroad().with("scope", "chat:read").send().granted();
    abroad().with("scope", "chat:read chat:write").send().refused(400, "invalid_scope");
    abroad().with("scope", "documents:read").send().refused(400, "invalid_scope");
}

/// Who was not granted it, gets none: bob granted the orchestrator the documents and no more.
#[test]
fn s4_3_refuses_whom_the_user_did_not_let_go_there() {
    let id_token = target().idp.id_token("bob").mint();
    abroad().with("subject_token", &id_token).send().refused(400, "invalid_target");
    abroad().with("subject_token", &target().idp.id_token("alice").mint()).send().granted();
}

/// §4.3: "`subject_token_type` … `urn:ietf:params:oauth:token-type:id_token`": it is what it is said to
/// be. Decision: an access token of the user will do, too, which also limits the scope.
#[test]
fn s4_3_the_subject_is_what_it_is_said_to_be() {
    abroad().with("subject_token_type", ID_TOKEN).send().granted();
    abroad().with("subject_token_type", ACCESS_TOKEN).send().refused_as_invalid_request();
    let access = target().idp.access_token("alice").scope("chat:read").mint();
    let exchange = abroad().with("subject_token", &access);
    exchange.clone().with("subject_token_type", ACCESS_TOKEN).send().granted();
    exchange.send().refused_as_invalid_request();
}

/// §7.5: proved a key at the exchange, "the `IdP` … include(s) the `cnf` claim in the ID-JAG".
#[test]
fn s7_5_is_bound_to_the_key_that_was_proved() {
    let key = Key::new();
    let bound = abroad().with_key(&key).send().granted();
    assert_eq!(bound.token.claims.get("cnf"), Some(&json!({ "jkt": key.thumbprint() })));
    assert_eq!(bound.body["token_type"], "N_A");
    assert_eq!(granted().token.claims.get("cnf"), None);
}

/// §5: "the `IdP` Authorization Server MUST NOT issue access tokens in response to an ID-JAG it issued
/// itself."
#[test]
fn s5_takes_none_of_its_own() {
    let ours = granted().token;
    let redeemed = Exchange::redeeming(target(), &ours.text).send();
    redeemed.refused(400, "invalid_grant");
    let orchestrators = target().id_jag().mint();
    Exchange::redeeming(target(), &orchestrators).send().granted();
}

/// RFC 8725 §3.12: nor does it pass for any token here.
#[test]
fn rfc8725_s3_12_passes_for_no_token() {
    let ours = granted().token.text;
    for kind in [ACCESS_TOKEN, ID_TOKEN, JWT, ID_JAG] {
        Exchange::of(target(), &ours)
            .with("subject_token_type", kind)
            .send()
            .refused_as_invalid_request();
    }
    let reply = http::get(&target().api, &[("authorization", &format!("Bearer {ours}"))]);
    assert_eq!(reply.status, 401);
}

/// draft-ietf-oauth-identity-chaining-17 §2.3: the same without a type of its own: "`issued_token_type`
/// … `urn:ietf:params:oauth:token-type:jwt`", "`token_type` … `N_A`"; §2.3.3 "aud … MUST" identify the
/// authorization server of the other domain.
#[test]
fn chaining_s2_3_issues_a_plain_grant() {
    let granted = abroad().with("requested_token_type", JWT).send().granted();
    assert_eq!(granted.body["issued_token_type"], JWT);
    assert_eq!(granted.body["token_type"], "N_A");
    assert_eq!(granted.claim("aud"), PARTNER);
    assert_eq!(granted.claim("sub"), "alice");
    abroad()
        .with("requested_token_type", JWT)
        .without("audience")
        .send()
        .refused(400, "invalid_request");
}

/// RFC 8693 §2.1: a type nobody knows.
#[test]
fn rfc8693_s2_1_refuses_an_unknown_requested_token_type() {
    for kind in [
        ID_TOKEN,
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:ietf:params:oauth:token-type:saml2",
        "urn:ietf:params:oauth:token-type:ID-JAG",
        "x",
    ] {
        abroad().with("requested_token_type", kind).send().refused_as_invalid_request();
    }
    granted();
}

/// §8: "`identity_chaining_requested_token_types_supported`", and what it lists works.
#[test]
fn s8_metadata_tells_of_it() {
    let url = target().well_known("oauth-authorization-server");
    let document = http::get(&url, &[]).json();
    let listed = document["identity_chaining_requested_token_types_supported"].clone();
    let listed: Vec<&str> =
        listed.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(listed.contains(&ID_JAG), "{document}");
    for kind in listed {
        abroad().with("requested_token_type", kind).send().granted();
    }
}
