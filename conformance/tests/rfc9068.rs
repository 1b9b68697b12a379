//! RFC 9068, JWT Profile for OAuth 2.0 Access Tokens: what we issue, and how the API takes it.

use std::collections::BTreeSet;

use conformance::{CALENDAR, Credentials, DOCUMENTS, Exchange, Granted, Reply, http, now, target};
use serde_json::Value;

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

fn api(token: &str) -> Reply {
    http::get(&target().api, &[("authorization", &format!("Bearer {token}"))])
}

/// RFC 9068 §2.1: "JWT access tokens MUST be signed. … JWT access tokens MUST NOT use "none" as the
/// signing algorithm."
#[test]
fn s2_1_is_signed_by_a_published_key() {
    let jwks = http::get(&target().jwks_uri, &[]).json();
    assert!(granted().token.is_signed_by(&jwks));
}

/// RFC 9068 §2.1: "The authorization server and resource server conforming to this specification MUST
/// include RS256 … among their supported signature algorithms": the other organization signs with it.
#[test]
fn s2_1_rs256_is_among_the_algorithms() {
    let stranger = Credentials::Basic(target().stranger().clone());
    let exchange = Exchange::happy(target()).at(&target().other_org.token_endpoint);
    let granted = exchange.authenticated(stranger).send().granted();
    assert_eq!(granted.token.header["alg"], "RS256");
    let url = target().jwks_uri.replace(&target().issuer, &target().other_org.issuer);
    assert!(granted.token.is_signed_by(&http::get(&url, &[]).json()));
}

/// RFC 9068 §2.2 of every grant: "iss REQUIRED … exp REQUIRED … aud REQUIRED … sub REQUIRED …
/// `client_id` REQUIRED … iat REQUIRED … jti REQUIRED"; the type and the scope, too.
#[test]
fn s2_2_every_grant_issues_the_same_kind_of_token() {
    let assertion = target().plain_assertion().mint();
    let on_behalf = format!("{DOCUMENTS}/.default");
    let minted = target().idp.access_token("alice").mint();
    for request in [
        Exchange::happy(target()),
        Exchange::own(target(), "nightly"),
        Exchange::own(target(), "orchestrator"),
        Exchange::redeeming(target(), &assertion),
        Exchange::redeeming(target(), &target().id_jag().mint()),
        Exchange::on_behalf_of(target(), &minted, &on_behalf),
    ] {
        let granted = request.send().granted();
        assert_eq!(granted.token.header["typ"], "at+jwt");
        for name in ["iss", "aud", "sub", "client_id", "jti", "org_id"] {
            assert!(!granted.claim(name).is_empty(), "{name}: {:?}", granted.token.claims);
        }
        assert!(granted.seconds("iat") < granted.seconds("exp"));
    }
}

/// RFC 9068 §3: "If the request does not include a "resource" parameter, the authorization server MUST
/// use a default resource indicator in the "aud" claim": where there is none, there is no token.
#[test]
fn s3_there_is_no_token_without_an_audience() {
    Exchange::happy(target()).send().granted();
    Exchange::happy(target()).without("resource").send().refused(400, "invalid_target");
    let assertion = target().plain_assertion().mint();
    let redeemed = Exchange::redeeming(target(), &assertion).without("resource");
    redeemed.send().refused(400, "invalid_target");
}

/// RFC 9068 §2.1: "JWT access tokens MUST include this media type in the "typ" header parameter to
/// explicitly declare that the JWT represents an access token … it is RECOMMENDED that the
/// "application/" prefix be omitted. Therefore, the "typ" value used SHOULD be "at+jwt"."
#[test]
fn s2_1_declares_its_type() {
    assert_eq!(granted().token.header["typ"], "at+jwt");
}

/// RFC 7515 §4.1.4 and RFC 7638: the header names the key by its thumbprint; nothing else is in it.
#[test]
fn s2_1_the_header_says_no_more_than_needed() {
    let names: BTreeSet<String> = granted().token.header.into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, BTreeSet::from(["alg", "kid", "typ"].map(str::to_owned)));
}

/// RFC 9068 §2.2: "iss REQUIRED … exp REQUIRED … aud REQUIRED … sub REQUIRED … `client_id` REQUIRED
/// … iat REQUIRED … jti REQUIRED".
#[test]
fn s2_2_contains_what_is_required() {
    let granted = granted();
    for name in ["iss", "aud", "sub", "client_id", "jti"] {
        assert!(!granted.claim(name).is_empty(), "{name}");
    }
    assert!(granted.seconds("iat") <= granted.seconds("exp"));
    assert!((granted.seconds("iat") - now()).abs() <= 5);
}

/// RFC 9068 §2.2: "In cases of access tokens obtained through grants where a resource owner is
/// involved, such as the authorization code grant, the value of "sub" SHOULD correspond to the
/// subject identifier of the resource owner."
#[test]
fn s2_2_the_subject_is_the_user() {
    let alice = granted();
    let bob = target().idp.access_token("bob").mint();
    let bob = Exchange::of(target(), &bob).send().granted();
    assert_eq!((alice.claim("sub"), bob.claim("sub")), ("alice", "bob"));
}

/// RFC 9068 §2.2: "jti REQUIRED", RFC 7519 §4.1.7: "there is a negligible probability that the same
/// value will be accidentally assigned to a different data object".
#[test]
fn s2_2_no_two_tokens_share_an_id() {
    let ids: BTreeSet<String> = (0..20).map(|_| granted().claim("jti").to_owned()).collect();
    assert_eq!(ids.len(), 20);
}

/// RFC 9068 §2.2.1: "`auth_time` OPTIONAL … acr, amr OPTIONAL": what the sign-in was stays known,
/// and is never made up.
#[test]
fn s2_2_1_carries_over_how_the_user_signed_in() {
    let minted = target().idp.access_token("alice").claim("auth_time", now() - 30);
    let minted = minted.claim("acr", "urn:example:strong").claim("amr", vec!["pwd", "otp"]);
    let with = Exchange::of(target(), &minted.mint()).send().granted();
    assert!(with.seconds("auth_time") <= now() - 30);
    assert_eq!(with.claim("acr"), "urn:example:strong");
    assert_eq!(with.token.claims["amr"], serde_json::json!(["pwd", "otp"]));
    let mut bare = target().idp.access_token("alice");
    for name in ["auth_time", "acr", "amr"] {
        bare = bare.claim(name, Value::Null);
    }
    let without = Exchange::of(target(), &bare.mint()).send().granted();
    assert!(["auth_time", "acr", "amr"].iter().all(|n| !without.token.claims.contains_key(*n)));
}

/// RFC 9068 §2.2.3: "If an authorization request includes a scope parameter, the corresponding
/// issued JWT access token SHOULD include a "scope" claim … All the individual scope strings in the
/// "scope" claim MUST have meaning for the resources indicated in the "aud" claim."
#[test]
fn s2_2_3_every_scope_means_something_to_the_audience() {
    for (audience, meaning) in [
        (DOCUMENTS, ["documents:read", "documents:write"].as_slice()),
        (CALENDAR, &["calendar:read"]),
    ] {
        let granted = Exchange::happy(target()).with("resource", audience).send().granted();
        assert!(granted.scope().iter().all(|scope| meaning.contains(scope)));
    }
}

/// RFC 9068 §3: "If the request includes a "resource" parameter … the resulting JWT access token
/// "aud" claim SHOULD have the same value as the "resource" parameter in the request."
#[test]
fn s3_the_audience_is_the_resource() {
    assert_eq!(granted().claim("aud"), DOCUMENTS);
}

/// RFC 9068 §5: "To preclude cross-JWT confusion, authorization servers MUST use a distinct
/// identifier as an "aud" claim value to uniquely identify access tokens issued by the same issuer
/// for distinct resources."
#[test]
fn s5_each_resource_has_an_audience_of_its_own() {
    let calendar = Exchange::happy(target()).with("resource", CALENDAR).send().granted();
    assert_ne!(granted().claim("aud"), calendar.claim("aud"));
    assert_eq!(api(&granted().token.text).status, 200);
    assert_eq!(api(&calendar.token.text).status, 401);
}

/// RFC 9068 §4: "The resource server MUST verify that the "typ" header value is "at+jwt" … The
/// resource server MUST validate the signature … the "aud" claim … The current time MUST be before
/// the time represented by the "exp" claim." and "in case of any failure in the validation checks
/// listed above, the authorization server response MUST include the error code "`invalid_token`"."
#[test]
fn s4_the_api_refuses_what_does_not_verify() {
    let token = granted().token;
    assert_eq!(api(&token.text).status, 200);
    let foreign = target().idp.access_token("alice").audience(&[DOCUMENTS]).mint();
    for bad in [
        token.with_claims_swapped("sub", "bob"),
        token.forged(&[("alg", "none".into())], &[]),
        token.forged(&[("typ", "JWT".into())], &[0; 64]),
        foreign,
        "garbage".to_owned(),
    ] {
        let reply = api(&bad);
        assert_eq!(reply.status, 401, "{bad}: {}", reply.text());
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
}

/// RFC 6750 §3.1: "If the request lacks any authentication information … the resource server SHOULD
/// NOT include an error code or other error information."
#[test]
fn s4_the_api_challenges_a_stranger() {
    let reply = http::get(&target().api, &[]);
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").unwrap_or_default().starts_with("Bearer"));
}

/// RFC 6749 §10.10: "The probability of an attacker guessing generated tokens … MUST be less than
/// or equal to 2^(-128)": what cannot be guessed here is the signature, at least 64 bytes.
#[test]
fn rfc6749_s10_10_tokens_cannot_be_guessed() {
    let text = granted().token.text;
    assert!(text.rsplit('.').next().is_some_and(|signature| signature.len() >= 86));
}
