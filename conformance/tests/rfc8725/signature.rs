//! §3.1–§3.3, §3.5, §3.10, §3.11: algorithms, keys, headers, types.

use conformance::{Exchange, Jwt, http, jwt::jwk_bytes, target};
use serde_json::{Value, json};

use crate::{refused, subject};

/// The same for a token of ours, where the keys are the organization's.
fn own() -> Jwt {
    let handed = Exchange::happy(target()).for_agent("researcher").send().granted().token;
    Exchange::of(target(), &handed.text).by("researcher").send().granted();
    handed
}

fn refused_as_own(token: &str) {
    Exchange::of(target(), token).by("researcher").send().refused_as_invalid_request();
}

/// RFC 8725 §3.2: "JWT libraries SHOULD NOT consume JWTs using "none" unless explicitly requested
/// by the caller", spelled any way; RFC 9068 §2.1: "JWT access tokens MUST NOT use "none"".
#[test]
fn s3_2_refuses_alg_none() {
    for none in ["none", "None", "NONE", "nOnE", ""] {
        refused(&subject().forged(&[("alg", none.into())], &[]));
        refused(&subject().forged(&[("alg", none.into())], &[0; 64]));
        refused_as_own(&own().forged(&[("alg", none.into())], &[]));
    }
}

/// RFC 8725 §2.1, §3.1: "Libraries MUST enable the caller to specify a supported set of algorithms
/// and MUST NOT use any other algorithms": the public key is no HMAC secret (CVE-2026-48526).
#[test]
fn s3_1_refuses_hs256_with_a_public_key() {
    for (token, jwks_uri, own) in
        [(subject(), &target().idp.jwks_uri, false), (own(), &target().jwks_uri, true)]
    {
        let jwks = http::get(jwks_uri, &[]);
        let document = jwks.json();
        for key in document["keys"].as_array().unwrap() {
            let mut secrets = vec![key.to_string().into_bytes(), Vec::new(), b"\0".to_vec()];
            secrets.extend(["x", "y", "n"].iter().filter_map(|name| jwk_bytes(key, name)));
            secrets.extend(
                ["x", "n", "kid"].iter().filter_map(|n| Some(key.get(n)?.as_str()?.into())),
            );
            for secret in &secrets {
                let forged = token.signed_with_public(secret);
                if own { refused_as_own(&forged) } else { refused(&forged) }
            }
        }
        refused(&token.signed_with_public(jwks.text().as_bytes()));
    }
}

/// RFC 8725 §3.1: "Each key MUST be used with exactly one algorithm, and this MUST be checked when
/// the cryptographic operation is performed."
#[test]
fn s3_1_refuses_another_algorithm_for_the_key() {
    for alg in ["RS256", "PS256", "EdDSA", "ES384", "HS256", "HS512", "ES256K", "A128KW", "es256"] {
        let token = subject();
        if token.header["alg"] != alg {
            let signature = [7; 64];
            refused(&token.forged(&[("alg", alg.into())], &signature));
        }
    }
    refused(&subject().forged(&[("alg", Value::Null)], &[7; 64]));
    refused(&subject().forged(&[("alg", json!(["ES256"]))], &[7; 64]));
}

/// RFC 8725 §3.3: "All cryptographic operations used in the JWT MUST be validated and the entire
/// JWT MUST be rejected if any of them fail to validate."
#[test]
fn s3_3_refuses_a_broken_signature() {
    for jwt in [subject().with_claims_swapped("sub", "bob"), subject().forged(&[], &[])] {
        refused(&jwt);
    }
    // An all-zero ECDSA signature was once accepted for anything (CVE-2022-21449).
    refused(&subject().forged(&[], &[0; 64]));
    refused_as_own(&own().with_claims_swapped("scope", "documents:read admin"));
    refused_as_own(&own().forged(&[], &[0; 64]));
}

/// RFC 8725 §3.10: the "kid" is "used by the relying application to perform key lookup.
/// Applications should ensure that this does not create SQL or LDAP injection vulnerabilities". An
/// unknown one finds nothing.
#[test]
fn s3_10_refuses_a_key_id_nobody_published() {
    for kid in ["unknown", "", "../../../dev/null", "' or 1=1 --", &"k".repeat(2_000)] {
        refused(&target().idp.access_token("alice").header("kid", kid).mint());
    }
    refused(&target().idp.access_token("alice").header("kid", json!(["a"])).mint());
    refused(&target().idp.access_token("alice").header("kid", json!(7)).mint());
}

/// RFC 8725 §3.11: "Sometimes, one kind of JWT can be confused for another." A logout token was
/// exchanged for an access token (Keycloak GHSA-7fpj-9hr8-28vh).
#[test]
fn s3_11_refuses_another_typ() {
    for typ in [
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "oauth-id-jag+jwt",
        "token-introspection+jwt",
        "JOSE",
    ] {
        refused(&target().idp.access_token("alice").header("typ", typ).mint());
    }
    refused(&target().idp.access_token("alice").header("typ", json!(["at+jwt"])).mint());
}

/// RFC 7515 §4.1.9: "typ" is a media type: case-insensitive, "application/" may be left out.
#[test]
fn s3_11_accepts_every_spelling_of_the_right_typ() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        let token = target().idp.access_token("alice").header("typ", typ).mint();
        Exchange::of(target(), &token).send().granted();
    }
}

/// RFC 7515 §4.1.11: "If any of the listed extension Header Parameters are not understood and
/// supported by the recipient, then the JWS is invalid." (CVE-2026-32597)
#[test]
fn rfc7515_s4_1_11_refuses_crit() {
    let with_crit = |crit: Value| target().idp.access_token("alice").header("crit", crit);
    refused(&with_crit(json!(["example"])).header("example", true).mint());
    refused(&with_crit(json!([])).mint());
    refused(&with_crit(json!(["exp"])).mint());
    refused(&with_crit(json!("exp")).mint());
    refused(&with_crit(json!(["b64"])).header("b64", false).mint());
    refused(&target().idp.access_token("alice").header("b64", false).mint());
    // A header parameter that is not understood and not critical is ignored.
    let ignored = target().idp.access_token("alice").header("example", true).mint();
    Exchange::of(target(), &ignored).send().granted();
}

/// RFC 8725 §3.10: "blindly following a "jku" (JWK set URL) or "x5u" (X.509 URL) header … could
/// result in server-side request forgery (SSRF) attacks." Nor is an embedded key trusted (Authlib
/// CVE-2026-27962).
#[test]
fn s3_10_ignores_embedded_keys() {
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let url = format!("{}/jwks", target().idp.control);
    for (name, value) in
        [("jwk", jwk), ("jku", json!(url)), ("x5u", json!(url)), ("x5c", json!(["MIIB"]))]
    {
        // Unknown key, embedded one: refused. Right key, embedded one ignored or the whole refused.
        let forged = [("kid", "embedded".into()), (name, value.clone())];
        refused(&subject().forged(&forged, &[1; 64]));
        refused(&subject().forged(&[(name, value.clone())], &[1; 64]));
        let signed = target().idp.access_token("alice").header(name, value).mint();
        let reply = Exchange::of(target(), &signed).send();
        assert!([200, 400].contains(&reply.status), "{name}: {}", reply.text());
    }
}

/// RFC 8725 §3.8: "the application MUST validate that the cryptographic keys used for the
/// cryptographic operations in the JWT belong to the issuer."
#[test]
fn s3_8_refuses_our_issuer_signed_by_the_idp() {
    let forged = target().idp.access_token("alice").claim("iss", target().issuer.as_str());
    let forged = forged.audience(&["researcher"]).claim("org_id", "demo").mint();
    refused_as_own(&forged);
}

/// RFC 7516: a JWE is encrypted, not authenticated (pac4j CVE-2026-29000); it is refused unread.
#[test]
fn rfc7516_refuses_a_jwe() {
    for header in [
        r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#,
        r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":10000000,"p2s":"c2FsdA"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
    ] {
        refused(&conformance::jwt::jwe_shaped(header));
    }
}
