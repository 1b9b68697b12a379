//! Tokens that other systems, or `jsonwebtoken` by itself, have accepted. Each is named after its
//! incident, and each has a twin that differs in one thing and is accepted.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, Signer, TokenFault as Fault};
use serde_json::{Value, json};

use crate::fixture::{
    ISSUER, NOW, US, claims, fault, header, key, signed_text, stranger, token, with_claim,
    with_claim_text, with_header, with_header_text,
};

struct Forged {
    incident: &'static str,
    token: String,
    fault: Fault,
    twin: String,
}

fn forged(incident: &'static str, token: String, fault: Fault, twin: String) -> Forged {
    Forged { incident, token, fault, twin }
}

fn judge_all(table: &[Forged]) {
    for row in table {
        assert_eq!(fault(&row.token), Some(row.fault), "{}", row.incident);
        assert_eq!(fault(&row.twin), None, "the twin of {}", row.incident);
    }
}

fn nested_act(levels: usize) -> Value {
    (1..levels).fold(json!({ "sub": "agent:a" }), |act, _| json!({ "sub": "agent:b", "act": act }))
}

#[test]
fn times_of_the_wrong_type_are_refused() {
    judge_all(&[
        forged(
            "CVE-2026-25537, exp as text",
            with_claim("exp", json!("2000000000")),
            Fault::Expiry,
            with_claim("exp", json!(2_000_000_000)),
        ),
        forged(
            "CVE-2026-25537, nbf as text",
            with_claim("nbf", json!("2000000000")),
            Fault::NotBefore,
            with_claim("nbf", json!(NOW)),
        ),
        forged("exp missing", with_claim("exp", Value::Null), Fault::Expiry, token()),
        forged("exp as a fraction", with_exp_text("1e12"), Fault::Expiry, token()),
        forged("exp beyond 64 bits", with_exp_text("18446744073709551617"), Fault::Expiry, token()),
        forged("exp infinite", with_exp_text("1e999"), Fault::Malformed, token()),
        forged("exp negative", with_claim("exp", json!(-1)), Fault::Expired, token()),
        forged("iat missing", with_claim("iat", Value::Null), Fault::IssuedAt, token()),
        forged(
            "iat as text",
            with_claim("iat", json!(NOW.to_string())),
            Fault::IssuedAt,
            with_claim("iat", json!(NOW)),
        ),
        forged(
            "iat in the future",
            with_claim("iat", json!(NOW + 100)),
            Fault::IssuedInFuture,
            with_claim("iat", json!(NOW + 10)),
        ),
    ]);
}

#[test]
fn issuers_and_audiences_of_the_wrong_type_are_refused() {
    judge_all(&[
        forged("iss missing", with_claim("iss", Value::Null), Fault::Issuer, token()),
        forged(
            "CVE-2025-30144, iss as a list",
            with_claim("iss", json!(["https://evil.example", ISSUER])),
            Fault::Issuer,
            with_claim("iss", json!(ISSUER)),
        ),
        forged("aud missing", with_claim("aud", Value::Null), Fault::Audience, token()),
        forged("aud a number", with_claim("aud", json!(5)), Fault::Audience, token()),
        forged("aud an object", with_claim("aud", json!({ US: 1 })), Fault::Audience, token()),
        forged(
            "aud a list in a list",
            with_claim("aud", json!([[US]])),
            Fault::Audience,
            with_claim("aud", json!([US])),
        ),
        forged(
            "aud a mixed list",
            with_claim("aud", json!([US, 5])),
            Fault::Audience,
            with_claim("aud", json!([US, "5"])),
        ),
        forged(
            "aud an empty list",
            with_claim("aud", json!([])),
            Fault::Audience,
            with_claim("aud", json!([US])),
        ),
        forged(
            "CVE-2024-5798, single aud ignored",
            with_claim("aud", json!("https://other.example")),
            Fault::Audience,
            with_claim("aud", json!(US)),
        ),
    ]);
}

#[test]
fn names_and_shapes_without_bounds_are_refused() {
    let deep = |levels| with_claim("act", nested_act(levels));
    judge_all(&[
        forged(
            "sub empty",
            with_claim("sub", json!("")),
            Fault::Subject,
            with_claim("sub", json!("a")),
        ),
        forged("sub missing", with_claim("sub", Value::Null), Fault::Subject, token()),
        forged(
            "sub too long",
            with_claim("sub", json!("a".repeat(256))),
            Fault::Subject,
            with_claim("sub", json!("a".repeat(255))),
        ),
        forged(
            "sub with NUL",
            with_claim("sub", json!("alice\0")),
            Fault::Subject,
            with_claim("sub", json!("alicé")),
        ),
        forged(
            "jti a number",
            with_claim("jti", json!(7)),
            Fault::TokenId,
            with_claim("jti", json!("7")),
        ),
        forged("CVE-2025-53864, nested without end", deep(40), Fault::TooDeep, deep(11)),
    ]);
}

/// The accepted token with an `exp` that `serde_json` would not write.
fn with_exp_text(exp: &str) -> String {
    let claims = claims().to_string().replace(&(NOW + 240).to_string(), exp);
    signed_text(key(Algorithm::Es256), &header().to_string(), &claims)
}

#[test]
fn null_is_not_absent() {
    for (name, expected) in [
        ("iss", Fault::Issuer),
        ("aud", Fault::Audience),
        ("exp", Fault::Expiry),
        ("nbf", Fault::NotBefore),
        ("iat", Fault::IssuedAt),
        ("sub", Fault::Subject),
        ("jti", Fault::TokenId),
    ] {
        let mut claims = claims();
        claims[name] = Value::Null;
        let token = signed_text(key(Algorithm::Es256), &header().to_string(), &claims.to_string());
        assert_eq!(fault(&token), Some(expected), "{name}");
    }
}

#[test]
fn repeated_members_are_refused() {
    let once = || with_claim_text(r#""team":"a""#);
    judge_all(&[
        forged(
            "org_id twice, last wins",
            with_claim_text(r#""org_id":"other""#),
            Fault::RepeatedMember,
            once(),
        ),
        forged(
            "act twice",
            with_claim_text(r#""act":{"sub":"agent:other"}"#),
            Fault::RepeatedMember,
            once(),
        ),
        forged(
            "sub twice, once in escapes",
            with_claim_text(r#""\u0073ub":"bob""#),
            Fault::RepeatedMember,
            once(),
        ),
        forged(
            "twice in the depth",
            with_claim_text(r#""x":[{"y":{"z":1,"z":1}}]"#),
            Fault::RepeatedMember,
            with_claim_text(r#""x":[{"y":{"z":1}}]"#),
        ),
        forged(
            "alg twice",
            with_header_text(r#""alg":"none""#),
            Fault::RepeatedMember,
            with_header_text(r#""cty":"x""#),
        ),
        forged(
            "kid twice",
            with_header_text(r#""kid":"other""#),
            Fault::RepeatedMember,
            with_header_text(r#""cty":"x""#),
        ),
    ]);
}

#[test]
fn headers_that_change_the_meaning_are_refused() {
    let plain = || with_header("cty", json!("x"));
    judge_all(&[
        forged(
            "CVE-2026-32597, unknown crit",
            with_header("crit", json!(["exp"])),
            Fault::Crit,
            plain(),
        ),
        forged("crit empty", with_header("crit", json!([])), Fault::Crit, plain()),
        forged("crit a text", with_header("crit", json!("exp")), Fault::Crit, plain()),
        forged(
            "RFC 7797, b64 in crit",
            with_header_text(r#""b64":false,"crit":["b64"]"#),
            Fault::Crit,
            plain(),
        ),
        forged("b64 alone", with_header("b64", json!(false)), Fault::B64, plain()),
        forged("GHSA-hhhv-q57g-882q, zip", with_header("zip", json!("DEF")), Fault::Zip, plain()),
        forged(
            "GHSA-7fpj-9hr8-28vh, a logout token",
            with_header("typ", json!("logout+jwt")),
            Fault::Typ,
            with_header("typ", json!("application/AT+jwt")),
        ),
        forged("a security event", with_header("typ", json!("secevent+jwt")), Fault::Typ, token()),
        forged("a DPoP proof", with_header("typ", json!("dpop+jwt")), Fault::Typ, token()),
        forged(
            "an ID token where an access token is due",
            with_header("typ", json!("JWT")),
            Fault::Typ,
            token(),
        ),
        forged("no typ where one is due", with_header("typ", Value::Null), Fault::Typ, token()),
        forged("typ a list", with_header("typ", json!(["at+jwt"])), Fault::Malformed, token()),
        forged("kid a number", with_header("kid", json!(1)), Fault::Malformed, token()),
    ]);
}

#[test]
fn algorithms_that_are_not_the_keys_own_are_refused() {
    let unsigned = |alg: &str| {
        let mut header = header();
        header["alg"] = json!(alg);
        let token = signed_text(key(Algorithm::Es256), &header.to_string(), &claims().to_string());
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.")
    };
    judge_all(&[
        forged("alg none", unsigned("none"), Fault::Algorithm, token()),
        forged("alg nOnE", unsigned("nOnE"), Fault::Algorithm, token()),
        forged("alg missing", with_header("alg", Value::Null), Fault::Algorithm, token()),
        forged("alg in lower case", with_header("alg", json!("es256")), Fault::Algorithm, token()),
        forged("signature stripped", unsigned("ES256"), Fault::Signature, token()),
        forged(
            "CVE-2026-11800, another alg than the key's",
            with_header("alg", json!("RS256")),
            Fault::Algorithm,
            token(),
        ),
        forged(
            "CVE-2026-48526, HMAC with the public key",
            hmac_with_public_key(),
            Fault::Algorithm,
            token(),
        ),
        forged("CVE-2022-21449, psychic signature", psychic(), Fault::Signature, token()),
    ]);
}

fn hmac_with_public_key() -> String {
    let key = key(Algorithm::Es256);
    let mut header = header();
    header["alg"] = json!("HS256");
    let token = signed_text(key, &header.to_string(), &claims().to_string());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let secret = key.public_jwk().to_string();
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let tag = ring::hmac::sign(&secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn psychic() -> String {
    let token = token();
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64]))
}

#[test]
fn keys_that_a_token_brings_are_not_used() {
    let bring = |signer| {
        let mut header = header();
        header["jwk"] = stranger().public_jwk().clone();
        signed_text(signer, &header.to_string(), &claims().to_string())
    };
    let named = |kid: &str| with_header("kid", json!(kid));
    judge_all(&[
        forged(
            "CVE-2026-27962, embedded jwk",
            bring(stranger()),
            Fault::Signature,
            bring(key(Algorithm::Es256)),
        ),
        forged(
            "Storm-0558, a key of another issuer",
            signed_text(stranger(), &header().to_string(), &claims().to_string()),
            Fault::Signature,
            token(),
        ),
        forged(
            "CVE-2026-44351, kid of nobody",
            named(stranger().kid()),
            Fault::UnknownKey,
            token(),
        ),
        forged("CVE-2026-44351, kid empty", named(""), Fault::UnknownKey, token()),
        forged("kid as a path", named("../../dev/null"), Fault::UnknownKey, token()),
    ]);
    for name in ["jku", "x5u"] {
        assert_eq!(fault(&with_header(name, json!("https://evil.example"))), None, "{name}");
    }
    for certificate in [json!(["!"]), json!("MIIB"), json!({ "not": "a list" })] {
        assert_eq!(fault(&with_header("x5c", certificate)), None, "x5c is not even looked at");
    }
}

#[test]
fn other_serializations_are_refused() {
    let whole = token();
    let (signed, signature) = whole.rsplit_once('.').unwrap();
    let (protected, payload) = signed.split_once('.').unwrap();
    let json = json!({ "protected": protected, "payload": payload, "signature": signature });
    let general = json!({ "payload": payload, "signatures": [{ "protected": protected, "signature": signature }] });
    let large = |size| with_claim("padding", json!("x".repeat(size)));
    judge_all(&[
        forged(
            "CVE-2026-29000, a JWE",
            format!("{protected}..{payload}.{payload}.{signature}"),
            Fault::Encrypted,
            token(),
        ),
        forged("flattened JSON", json.to_string(), Fault::Malformed, token()),
        forged("general JSON", general.to_string(), Fault::Malformed, token()),
        forged("padding", format!("{protected}=.{payload}.{signature}"), Fault::Malformed, token()),
        forged("two segments", signed.to_owned(), Fault::Malformed, token()),
        forged("a trailing dot", format!("{whole}."), Fault::Malformed, token()),
        forged("a trailing newline", format!("{whole}\n"), Fault::Signature, token()),
        forged("a leading space", format!(" {whole}"), Fault::Malformed, token()),
        forged("a padded signature", format!("{whole}=="), Fault::Signature, token()),
        forged("empty", String::new(), Fault::Malformed, token()),
        forged("dots only", "..".to_owned(), Fault::Malformed, token()),
        forged("CVE-2026-9704, oversized", large(13_000), Fault::TooLarge, large(11_000)),
    ]);
}

#[test]
fn a_token_has_one_spelling() {
    let whole = token();
    let (rest, last) = whole.split_at(whole.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for other in alphabet.chars().filter(|other| !last.starts_with(*other)) {
        assert_eq!(fault(&format!("{rest}{other}")), Some(Fault::Signature), "{other}");
    }
}
