//! §3 (9) and (10): the signature, and whether it is a JWT at all.

use conformance::{Jwt, Key, http, jwt::jwk_bytes, target};
use serde_json::{Value, json};

use crate::{accepted, assertion, presented, refused};

/// RFC 7523 §3 (9): "The JWT MUST be digitally signed or have a Message Authentication Code (MAC)
/// applied by the issuer. The authorization server MUST reject JWTs with an invalid signature or MAC."
#[test]
fn s3_refuses_a_signature_that_is_none() {
    accepted(&assertion());
    let good = Jwt::read(&assertion().text());
    for bad in [
        good.with_claims_swapped("jti", "another"),
        good.forged(&[], &[0; 64]),
        good.forged(&[], &[]),
        good.forged(&[("alg", "none".into())], &[]),
        good.with_twin_of_last_character(),
    ] {
        presented(&bad).refused(401, "invalid_client");
    }
    refused(&assertion().header("alg", "none"));
}

/// RFC 7523 §3 (9): signed by somebody, but not by the issuer.
#[test]
fn s3_refuses_the_key_of_somebody_else() {
    accepted(&assertion());
    for key in [Key::new(), target().key("fapi", "es"), target().key("fapi-service", "es")] {
        refused(&assertion().signed_by(&key));
        refused(&assertion().signed_by(&key).header("kid", Value::Null));
    }
    // The identity provider's key is good for its own tokens.
    let minted = target().idp.access_token("signer").client("signer");
    let minted = minted.claim("iss", "signer").audience(&[&target().issuer]).header("typ", "JWT");
    presented(&minted.mint()).refused(401, "invalid_client");
}

/// RFC 8725 §3.1 and §3.2, CVE-2015-9235: every algorithm over every key of the client, and over those
/// that everybody can have. Only its own goes with each.
#[test]
fn rfc8725_s3_1_each_key_has_one_algorithm() {
    let own = [("es", "ES256"), ("ed", "EdDSA"), ("rs", "RS256"), ("ps", "PS256")];
    let others = ["ES384", "ES512", "ES256K", "RS384", "RS512", "PS384", "PS512", "HS256", "none"];
    for (kid, algorithm) in own {
        let all = own.iter().map(|(_, algorithm)| *algorithm).chain(others);
        for other in all.chain(["es256", "", "Ed448"]) {
            let assertion = target().assertion("signer", kid).header("alg", other);
            if other == algorithm { accepted(&assertion) } else { refused(&assertion) }
        }
    }
}

/// RFC 8725 §2.1: "HMAC with the public key": each public key of the client, in the forms in which
/// libraries have used them as a secret.
#[test]
fn rfc8725_s2_1_refuses_hmac_with_a_public_key() {
    accepted(&assertion());
    for kid in ["es", "ed", "rs", "ps"] {
        let key = target().key("signer", kid);
        let public = Value::Object(key.public_jwk());
        let parts = ["x", "y", "n"].iter().filter_map(|name| jwk_bytes(&public, name));
        let good = Jwt::read(&target().assertion("signer", kid).text());
        for secret in parts.chain([public.to_string().into_bytes(), Vec::new()]) {
            presented(&good.signed_with_public(&secret)).refused(401, "invalid_client");
        }
    }
}

/// FAPI 2.0 Security Profile §5.4.1: "shall use PS256, ES256, or EdDSA": a client that is pinned to them
/// is not believed with RS256, whichever key of its it signs with.
#[test]
fn fapi_s5_4_1_refuses_rs256_of_a_client_that_is_pinned() {
    use conformance::{Credentials, Exchange};
    let with = |kid: &str, algorithm: &str| {
        let assertion = target().assertion("fapi", kid).header("alg", algorithm);
        let credentials = Credentials::Assertion("fapi".to_owned(), assertion.text());
        let exchange = Exchange::own(target(), "fapi").authenticated(credentials);
        exchange.with_key(&Key::new()).send()
    };
    for (kid, algorithm) in [("es", "ES256"), ("ps", "PS256"), ("ed", "EdDSA")] {
        with(kid, algorithm).granted();
        with(kid, "RS256").refused(401, "invalid_client");
    }
}

/// RFC 7523 §3 (10): "The authorization server MUST reject a JWT that is not valid in all other
/// respects per "JSON Web Token (JWT)"".
#[test]
fn s3_refuses_what_is_no_valid_jwt() {
    let claims = assertion().claims_text();
    accepted(&assertion().payload(claims.clone()));
    for bad in [
        claims.replacen('{', "[", 1),
        claims.replacen('{', "{\"exp\":1,", 1),
        claims.replacen('{', "{\"sub\":\"fapi\",", 1),
        claims.replacen("\"exp\":", "\"exp\":\"", 1),
        format!("{claims}{claims}"),
        "null".to_owned(),
        String::new(),
        "x".repeat(9000),
    ] {
        refused(&assertion().payload(bad));
    }
    for exp in [json!("soon"), json!(1.5e300), json!(true), json!([1])] {
        refused(&assertion().claim("exp", exp));
    }
}

/// RFC 7515 §4.1.11: "If any of the listed extension Header Parameters are not understood and
/// supported by the recipient, then the JWS is invalid."
#[test]
fn rfc7515_s4_1_11_refuses_a_critical_extension() {
    accepted(&assertion().header("x", 1));
    refused(&assertion().header("crit", json!(["x"])).header("x", 1));
    refused(&assertion().header("crit", json!([])));
    refused(&assertion().header("crit", json!(["b64"])).header("b64", false));
}

/// RFC 8725 §3.10: "kid" is a name and no path; "jku", "x5u", "jwk" and "x5c" bring no keys along, and
/// nothing is fetched.
#[test]
fn rfc8725_s3_10_the_header_brings_no_key() {
    let stranger = Key::new();
    let before = target().idp.requests("jwks");
    refused(&assertion().header("jwk", stranger.public_jwk()).signed_by(&stranger));
    for name in ["jku", "x5u"] {
        let url = target().idp.jwks_uri.clone();
        refused(&assertion().header(name, url).signed_by(&stranger));
    }
    for kid in ["../../../dev/null", "es' OR '1'='1", "es\0", "https://evil.example/jwks"] {
        refused(&assertion().header("kid", kid));
    }
    assert_eq!(target().idp.requests("jwks"), before, "nothing is fetched");
    accepted(&assertion().header("jwk", stranger.public_jwk()));
}

/// RFC 7517 §4.5: a key is found by its name; without one by whatever fits.
#[test]
fn rfc7517_s4_5_a_wrong_name_finds_no_key() {
    accepted(&assertion().header("kid", "es"));
    refused(&assertion().header("kid", "ed"));
    refused(&assertion().header("kid", "unknown"));
}

/// RFC 7521 §8.3: nothing is learned of which clients there are: an unknown one is refused like one
/// whose signature is wrong.
#[test]
fn rfc7521_s8_3_an_unknown_client_looks_like_a_wrong_signature() {
    let stranger = Key::new();
    let known = presented(&assertion().signed_by(&stranger).text());
    let unknown = assertion().claim("iss", "nobody").claim("sub", "nobody").signed_by(&stranger);
    let unknown = presented(&unknown.text());
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    known.refused(401, "invalid_client");
    assert_eq!(http::get(&target().jwks_uri, &[]).status, 200);
}
