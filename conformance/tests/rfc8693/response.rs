//! §2.2: the response.

use conformance::{ACCESS_TOKEN, Exchange, http, target};
use serde_json::Value;

/// RFC 8693 §2.2.1: "… using the "application/json" media type, as specified by [RFC8259], and an
/// HTTP 200 status code. The parameters are serialized into a JavaScript Object Notation (JSON)
/// structure by adding each parameter at the top level."
#[test]
fn s2_2_1_answers_200_json_with_top_level_parameters() {
    let reply = Exchange::happy(target()).send();
    assert_eq!(reply.status, 200);
    let content_type = reply.header("content-type").unwrap();
    assert_eq!(content_type.split(';').next(), Some("application/json"));
    let granted = reply.granted();
    let expected = ["access_token", "expires_in", "issued_token_type", "scope", "token_type"];
    assert!(expected.iter().all(|name| granted.body.contains_key(*name)), "{:?}", granted.body);
}

/// RFC 8693 §2.2.1: "`access_token` REQUIRED."
#[test]
fn s2_2_1_contains_the_access_token() {
    let granted = Exchange::happy(target()).send().granted();
    assert!(granted.body["access_token"].as_str().is_some_and(|token| !token.is_empty()));
}

/// RFC 8693 §2.2.1: "`issued_token_type` REQUIRED. An identifier … for the representation of the
/// issued security token." What was issued is what the header says: RFC 9068 §2.1, `at+jwt`.
#[test]
fn s2_2_1_names_the_type_it_issued() {
    let granted = Exchange::happy(target()).send().granted();
    assert_eq!(granted.body["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(granted.token.header["typ"], "at+jwt");
}

/// RFC 8693 §2.2.1: "`token_type` REQUIRED. A case-insensitive value specifying the method of using
/// the access token issued".
#[test]
fn s2_2_1_issues_a_bearer_token() {
    let granted = Exchange::happy(target()).send().granted();
    assert_eq!(granted.body["token_type"].as_str().unwrap().to_ascii_lowercase(), "bearer");
}

/// RFC 8693 §2.2.1: "`expires_in` RECOMMENDED. The validity lifetime, in seconds, of the token
/// issued by the authorization server." A number: google-auth computes with it unasked.
#[test]
fn s2_2_1_tells_the_lifetime_as_a_number() {
    let granted = Exchange::happy(target()).send().granted();
    assert!(matches!(&granted.body["expires_in"], Value::Number(n) if n.is_u64()));
}

/// RFC 8693 §2.2.1: "scope OPTIONAL if the scope of the issued security token is identical to the
/// scope requested by the client; otherwise, it is REQUIRED."
#[test]
fn s2_2_1_tells_the_scope_when_none_was_requested() {
    let granted = Exchange::happy(target()).send().granted();
    assert_eq!(granted.scope(), ["documents:read", "documents:write"]);
}

/// RFC 8693 §2.2.2: "If the request itself is not valid or if either the "`subject_token`" or
/// "`actor_token`" are invalid for any reason, or are unacceptable based on policy, the
/// authorization server MUST construct an error response, as specified in Section 5.2 of [RFC6749].
/// The value of the "error" parameter MUST be the "`invalid_request`" error code."
#[test]
fn s2_2_2_answers_a_bad_subject_token_with_invalid_request() {
    for token in ["garbage", "a.b.c", "....", "null", "{}", "eyJhbGciOiJub25lIn0.e30."] {
        Exchange::of(target(), token).send().refused_as_invalid_request();
    }
}

/// RFC 8693 §2.2.2: "If the authorization server is unwilling or unable to issue a token for any
/// target service indicated by the "resource" or "audience" parameters, the "`invalid_target`"
/// error code SHOULD be used in the error response."
#[test]
fn s2_2_2_answers_an_unknown_audience_with_invalid_target() {
    let exchange = Exchange::happy(target()).without("resource").with("audience", "nobody");
    exchange.send().refused(400, "invalid_target");
}

/// RFC 8693 §2.2.2: "… unwilling …": the target exists, but bob has not let the orchestrator use
/// it.
#[test]
fn s2_2_2_answers_a_target_outside_the_grant_with_invalid_target() {
    let bob = target().idp.access_token("bob").mint();
    Exchange::of(target(), &bob).send().granted();
    let exchange = Exchange::of(target(), &bob).with("resource", conformance::CALENDAR);
    exchange.send().refused(400, "invalid_target");
}

/// RFC 8693 §2.1: "… the act of performing a token exchange has no impact on the validity of the
/// subject token or actor token." It can be exchanged again, and each exchange issues a token of
/// its own.
#[test]
fn s2_1_an_exchange_does_not_use_the_subject_token_up() {
    let subject = target().idp.access_token("alice").mint();
    let first = Exchange::of(target(), &subject).send().granted();
    let second = Exchange::of(target(), &subject).send().granted();
    assert_ne!(first.claim("jti"), second.claim("jti"));
}

/// RFC 8693 §6: tokens "MUST only be transmitted over encrypted channels, such as Transport Layer
/// Security (TLS)". Plain HTTP is for loopback.
#[test]
fn s6_is_offered_over_tls_or_on_loopback_only() {
    for url in [&target().issuer, &target().token_endpoint, &target().jwks_uri] {
        let host = url.split("://").nth(1).unwrap_or_default();
        let loopback = ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| host.starts_with(own));
        assert!(url.starts_with("https://") || loopback, "{url} is neither TLS nor loopback");
    }
}

/// RFC 8693 §6: "Deployments SHOULD determine the minimally necessary amount of data and only
/// include such information in issued tokens." Nor can anything in a token name another
/// organization.
#[test]
fn s6_copies_nothing_personal_into_the_issued_token() {
    let minted = target().idp.access_token("alice");
    let minted = minted.claim("email", "alice@demo.example").claim("roles", vec!["admin"]);
    let granted = Exchange::of(target(), &minted.claim("org_id", "other").mint()).send().granted();
    for name in ["email", "roles", "name", "permissions"] {
        assert!(!granted.token.claims.contains_key(name), "{name} was copied");
    }
    assert_ne!(granted.claim("org_id"), "other");
}

/// RFC 8693 §4.4: `may_act` speaks of the party "identified by the JWT containing the claim"; it is
/// not handed on as a right of the next token.
#[test]
fn s6_does_not_hand_on_may_act() {
    let may_act = serde_json::json!({ "sub": "agent:orchestrator", "iss": target().issuer });
    let subject = target().idp.access_token("alice").claim("may_act", may_act).mint();
    let granted = Exchange::of(target(), &subject).send().granted();
    assert!(!granted.token.claims.contains_key("may_act"));
}

/// RFC 8693 §5: the endpoint of one organization serves its own clients only.
#[test]
fn s5_refuses_an_agent_of_another_organization() {
    let exchange = Exchange::happy(target()).at(&target().other_org.token_endpoint);
    exchange.send().refused(401, "invalid_client");
    let stranger = conformance::Credentials::Basic(target().stranger().clone());
    Exchange::happy(target()).authenticated(stranger).send().refused(401, "invalid_client");
}

/// RFC 8693 §2.1: the subject token is validated against the organization's own issuers; a token of
/// one organization means nothing to another (Casdoor CVE-2026-9094).
#[test]
fn s2_1_refuses_a_token_of_another_organization() {
    let ours = Exchange::happy(target()).send().granted().token.text;
    let stranger = conformance::Credentials::Basic(target().stranger().clone());
    let exchange = Exchange::of(target(), &ours).at(&target().other_org.token_endpoint);
    exchange.authenticated(stranger).send().refused_as_invalid_request();
}

/// An organization that does not exist has no token endpoint.
#[test]
fn an_unknown_organization_answers_nothing() {
    let (origin, _) = target().split_issuer();
    let url = format!("{origin}/o/nowhere/oauth/token");
    let reply = http::post(&url, "application/x-www-form-urlencoded", &[], b"grant_type=anything");
    assert!([400, 401, 404].contains(&reply.status), "{} {}", reply.status, reply.text());
    assert!(!reply.text().contains("access_token"));
}
