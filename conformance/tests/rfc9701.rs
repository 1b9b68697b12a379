//! RFC 9701, JSON Web Token (JWT) Response for OAuth Token Introspection.

use conformance::{
    AboutToken, Exchange, Granted, INTROSPECTION_JWT, Jwt, exchange::three_hops, http, now, target,
};
use serde_json::{Value, json};

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

fn ask(granted: &Granted) -> AboutToken<'static> {
    AboutToken::introspect(target(), &granted.token.text).accepting(INTROSPECTION_JWT)
}

/// RFC 9701 §5: "The introspection endpoint responds with a JWT, setting the Content-Type HTTP header
/// field to "application/token-introspection+jwt"".
fn signed(ask: &AboutToken<'_>) -> Jwt {
    let reply = ask.send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(reply.has("content-type", INTROSPECTION_JWT), "{reply:?}");
    Jwt::read(&reply.text())
}

fn jwks() -> Value {
    http::get(&target().jwks_uri, &[]).json()
}

/// RFC 9701 §4: "An RS requests a JWT introspection response by sending an introspection request with
/// an Accept HTTP header field set to "application/token-introspection+jwt"."
#[test]
fn s4_answers_with_a_jwt_when_asked_to() {
    signed(&ask(&granted()));
}

/// The twin: everybody else gets RFC 7662's JSON.
#[test]
fn s4_answers_with_json_otherwise() {
    let plain = AboutToken::introspect(target(), &granted().token.text);
    let refused = format!("{INTROSPECTION_JWT};q=0, application/json");
    for accept in [None, Some("application/json"), Some("*/*"), Some(refused.as_str())] {
        let ask = accept.map_or_else(|| plain.clone(), |accept| plain.clone().accepting(accept));
        let reply = ask.send();
        assert!(reply.has("content-type", "application/json"), "{accept:?}: {reply:?}");
        assert_eq!(reply.json()["active"], true, "{accept:?}");
    }
}

/// RFC 9701 §5: "… and the JWT typ ("type") header parameter to "token-introspection+jwt"."
#[test]
fn s5_declares_its_type() {
    assert_eq!(signed(&ask(&granted())).header["typ"], "token-introspection+jwt");
}

/// RFC 9701 §5: "iss MUST be set to the issuer URL of the authorization server. … aud MUST identify
/// the resource server receiving the token introspection response. … iat MUST be set to the time
/// when the introspection response was created by the authorization server."
#[test]
fn s5_says_from_whom_to_whom_and_when() {
    let claims = signed(&ask(&granted())).claims;
    assert_eq!(claims["iss"], target().issuer);
    let aud = &claims["aud"];
    let named = aud == "documents-api"
        || aud.as_array().is_some_and(|names| names.iter().any(|name| name == "documents-api"));
    assert!(named, "the name it is registered under: {aud}");
    let iat = claims["iat"].as_i64().expect("a number");
    assert!((iat - now()).abs() <= 5, "{iat}");
}

/// RFC 9701 §5: "`token_introspection`: A JSON object containing the members of the token
/// introspection response, as specified in … RFC7662, Section 2.2."
#[test]
fn s5_contains_what_the_plain_response_says() {
    let [_, second, third] = three_hops(target());
    for (hop, caller) in [(second, "archivist"), (third, "documents-api")] {
        let plain = AboutToken::introspect(target(), &hop.token.text).by(caller).send().json();
        assert_eq!(plain["active"], true);
        assert_eq!(signed(&ask(&hop).by(caller)).claims["token_introspection"], plain);
    }
}

/// RFC 9701 §5: "The JWT SHOULD NOT include the sub and exp claims, as an additional measure to
/// prevent misuse of the JWT as an access token".
#[test]
fn s5_has_no_subject_and_no_expiry_of_its_own() {
    let claims = signed(&ask(&granted())).claims;
    let mut names: Vec<&str> = claims.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "iat", "iss", "token_introspection"]);
}

/// RFC 9701 §5: "If the access token is invalid, expired, revoked, or not intended for the calling
/// resource server (audience), the authorization server MUST set the value of the active member in
/// the `token_introspection` claim to false and MUST NOT include other members."
#[test]
fn s5_says_no_more_of_an_inactive_token() {
    let revoked = granted();
    revoked.revoke(target());
    let [for_researcher, ..] = three_hops(target());
    let foreign = target().idp.access_token("alice").mint();
    for token in ["garbage", &revoked.token.text, &for_researcher.token.text, &foreign] {
        let ask = AboutToken::introspect(target(), token).accepting(INTROSPECTION_JWT);
        let answer = signed(&ask);
        assert_eq!(answer.claims["token_introspection"], json!({ "active": false }));
        assert!(answer.is_signed_by(&jwks()));
    }
}

/// RFC 9701 §5: the JWT "MUST be cryptographically secured"; RFC 8414 §2 says where the keys are,
/// RFC 9701 §7 which algorithms they are for.
#[test]
fn s5_is_signed_by_a_published_key() {
    let answer = signed(&ask(&granted()));
    assert!(answer.is_signed_by(&jwks()));
    let metadata = http::get(&target().well_known("oauth-authorization-server"), &[]).json();
    let listed = metadata["introspection_signing_alg_values_supported"].as_array().cloned();
    assert!(listed.unwrap_or_default().contains(&answer.header["alg"]), "{metadata}");
}

/// RFC 9701 §8.1: "An attacker could try to exploit this and pass a JWT token introspection response
/// as an access token to the resource server. The typ ("type") JWT header … and the encapsulation of
/// the token introspection members … are intended to prevent such substitution attacks."
#[test]
fn s8_1_is_no_access_token() {
    let granted = granted();
    let answer = signed(&ask(&granted)).text;
    let call = |token: &str| {
        http::get(&target().api, &[("authorization", &format!("Bearer {token}"))]).status
    };
    assert_eq!((call(&granted.token.text), call(&answer)), (200, 401));
    Exchange::of(target(), &answer).send().refused_as_invalid_request();
    let about_itself = AboutToken::introspect(target(), &answer).send();
    assert_eq!(about_itself.text(), conformance::INACTIVE);
}
