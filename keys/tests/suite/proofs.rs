//! What a DPoP proof must be (RFC 9449 §4.3): every test changes one thing of one that holds.

use std::time::Duration;

use keys::{
    Algorithm, ExpectProof, Proof, ProofFault, Signer, SigningKey, TokenFault, verify_proof,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{NOW, header, key, set, signed_text, stranger};

const URI: &str = "https://as.example/o/demo/token";
/// RFC 9449 §7.1, and its hash as the example there has it.
const ACCESS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const ATH: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

pub fn expect() -> ExpectProof<'static> {
    ExpectProof {
        method: "POST",
        uri: URI,
        algorithms: &Algorithm::ALL,
        past: Duration::from_mins(1),
        future: Duration::from_secs(15),
        access_token: None,
    }
}

pub fn bearing(key: &SigningKey) -> Value {
    json!({ "typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": bare(key) })
}

/// The public key with its required members only, as RFC 9449 §4.2 shows it.
pub fn bare(key: &SigningKey) -> Value {
    let mut jwk = key.public_jwk().clone();
    for member in ["kid", "use", "alg", "key_ops"] {
        jwk.as_object_mut().unwrap().remove(member);
    }
    jwk
}

pub fn claims() -> Value {
    json!({ "jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URI, "iat": NOW })
}

pub fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    signed_text(key, &header.to_string(), &claims.to_string())
}

pub fn proof() -> String {
    let key = key(Algorithm::Es256);
    signed(key, &bearing(key), &claims())
}

pub fn with_header(name: &str, value: Value) -> String {
    let key = key(Algorithm::Es256);
    signed(key, &set(bearing(key), name, value), &claims())
}

fn with_claim(name: &str, value: Value) -> String {
    let key = key(Algorithm::Es256);
    signed(key, &bearing(key), &set(claims(), name, value))
}

pub fn judge(proof: &str) -> Result<Proof, ProofFault> {
    verify_proof(proof, &expect(), NOW)
}

pub fn fault(proof: &str) -> Option<ProofFault> {
    judge(proof).err()
}

#[expect(clippy::unnecessary_wraps, reason = "stands beside `None` in tables")]
pub fn jwt(fault: TokenFault) -> Option<ProofFault> {
    Some(ProofFault::Jwt(fault))
}

#[test]
fn says_whose_key_it_is_and_which_proof() {
    let proof = judge(&proof()).unwrap();
    assert_eq!(proof.thumbprint(), key(Algorithm::Es256).kid());
    assert_eq!(proof.id(), "e1j3V_bKic8-LAEB");
    assert_eq!(proof.issued_at(), NOW);
    assert_eq!(proof.nonce(), None);
    let proof = judge(&with_claim("nonce", json!("n-1"))).unwrap();
    assert_eq!(proof.nonce(), Some("n-1"));
}

/// RFC 9449 §4.3(4): "The typ JOSE Header Parameter has the value dpop+jwt."
#[test]
fn must_be_called_a_proof() {
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"] {
        assert_eq!(fault(&with_header("typ", json!(typ))), None, "{typ}");
    }
    for typ in [Value::Null, json!("JWT"), json!("at+jwt"), json!("dpop"), json!("dpop+jwt ")] {
        assert_eq!(fault(&with_header("typ", typ.clone())), jwt(TokenFault::Typ), "{typ}");
    }
}

/// RFC 9449 §4.3(5): "an asymmetric digital signature algorithm, is not none, is supported".
#[test]
fn must_have_an_algorithm_that_is_taken_here() {
    for alg in ["none", "HS256", "ES384", "es256", ""] {
        assert_eq!(fault(&with_header("alg", json!(alg))), jwt(TokenFault::Algorithm), "{alg}");
    }
    assert_eq!(fault(&with_header("alg", Value::Null)), jwt(TokenFault::Algorithm));
    let narrow = ExpectProof { algorithms: &[Algorithm::EdDsa], ..expect() };
    let refused = verify_proof(&proof(), &narrow, NOW).err();
    assert_eq!(refused, jwt(TokenFault::Algorithm));
}

#[test]
fn refuses_extensions_and_repetitions_as_of_any_token() {
    for (name, value, expected) in [
        ("crit", json!(["exp"]), TokenFault::Crit),
        ("crit", json!([]), TokenFault::Crit),
        ("zip", json!("DEF"), TokenFault::Zip),
        ("b64", json!(true), TokenFault::B64),
    ] {
        assert_eq!(fault(&with_header(name, value)), jwt(expected), "{name}");
    }
    let signer = key(Algorithm::Es256);
    let (header, claims) = (bearing(signer).to_string(), claims().to_string());
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    for (header, claims) in [
        (twice(&header, r#""alg":"ES256""#), claims.clone()),
        (twice(&header, &format!("\"jwk\":{}", bare(stranger()))), claims.clone()),
        (header.replacen(r#""kty""#, r#""kty":"EC","kty""#, 1), claims.clone()),
        (header.clone(), twice(&claims, r#""htm":"POST""#)),
        (header.clone(), twice(&claims, r#""x":{"a":1,"a":1}"#)),
    ] {
        let repeated = fault(&signed_text(signer, &header, &claims));
        assert_eq!(repeated, jwt(TokenFault::RepeatedMember), "{header} {claims}");
    }
}

#[test]
fn refuses_what_is_no_compact_jws() {
    let proof = proof();
    for text in
        ["", ".", "..", "a.b", &format!("{proof}="), &format!("{proof}\n"), &format!(" {proof}")]
    {
        assert!(fault(text).is_some(), "{text}");
    }
    assert_eq!(fault(&format!("{proof}.a.b")), jwt(TokenFault::Encrypted));
    assert_eq!(fault(&format!("{proof},{proof}")), jwt(TokenFault::Encrypted));
    let large = with_claim("x", json!("x".repeat(16 * 1024)));
    assert_eq!(fault(&large), jwt(TokenFault::TooLarge));
    assert_eq!(fault(&with_claim("x", json!("x".repeat(8 * 1024)))), None);
}

/// RFC 9449 §4.2: `jti`, `htm`, `htu`, `iat` are required.
#[test]
fn must_have_all_its_claims_and_each_of_its_type() {
    for (name, missing) in [
        ("jti", ProofFault::Jwt(TokenFault::TokenId)),
        ("htm", ProofFault::Method),
        ("htu", ProofFault::Uri),
        ("iat", ProofFault::Jwt(TokenFault::IssuedAt)),
    ] {
        for value in [Value::Null, json!(true), json!({}), json!([]), json!(["POST"]), json!(1.5)] {
            assert_eq!(fault(&with_claim(name, value.clone())), Some(missing), "{name} {value}");
        }
    }
    assert_eq!(fault(&with_claim("iat", json!(NOW.to_string()))), jwt(TokenFault::IssuedAt));
    assert_eq!(fault(&with_claim("nonce", json!(1))), Some(ProofFault::Nonce));
}

#[test]
fn an_id_has_1_to_255_bytes_and_no_control_characters() {
    for (id, expected) in [
        ("x".repeat(255), None),
        ("x".repeat(256), jwt(TokenFault::TokenId)),
        (String::new(), jwt(TokenFault::TokenId)),
        ("a\0".to_owned(), jwt(TokenFault::TokenId)),
        ("ä".repeat(127), None),
        ("ä".repeat(128), jwt(TokenFault::TokenId)),
    ] {
        assert_eq!(fault(&with_claim("jti", json!(id))), expected, "{id}");
    }
}

/// RFC 9449 §4.3(8).
#[test]
fn must_be_for_the_method() {
    for method in ["GET", "post", "Post", "POST ", ""] {
        assert_eq!(fault(&with_claim("htm", json!(method))), Some(ProofFault::Method), "{method}");
    }
    let get = ExpectProof { method: "GET", ..expect() };
    assert!(verify_proof(&with_claim("htm", json!("GET")), &get, NOW).is_ok());
}

/// RFC 9449 §4.3(9): "ignoring any query and fragment parts"; the rest is in `proof/uri.rs`.
#[test]
fn must_be_for_the_address() {
    for uri in [
        "https://AS.example:443/o/demo/token",
        "https://as.example/o/demo/token?x=1#y",
        "https://as.example/o/%64emo/token",
    ] {
        assert_eq!(fault(&with_claim("htu", json!(uri))), None, "{uri}");
        let asked = ExpectProof { uri, ..expect() };
        assert!(verify_proof(&proof(), &asked, NOW).is_ok(), "{uri}");
    }
    for uri in [
        "https://as.example/o/other/token",
        "https://as.example/o/demo/token/",
        "http://as.example/o/demo/token",
        "https://as.example:8443/o/demo/token",
        "/o/demo/token",
        "",
    ] {
        assert_eq!(fault(&with_claim("htu", json!(uri))), Some(ProofFault::Uri), "{uri}");
    }
    // Two that are no addresses are not the same one.
    let nowhere = ExpectProof { uri: "nowhere", ..expect() };
    let refused = verify_proof(&with_claim("htu", json!("nowhere")), &nowhere, NOW).err();
    assert_eq!(refused, Some(ProofFault::Uri));
}

/// RFC 9449 §4.3(11), §11.1.
#[test]
fn must_be_recent() {
    for (iat, expected) in [
        (NOW, None),
        (NOW - 10, None),
        (NOW + 10, None),
        (NOW - 60, None),
        (NOW - 61, jwt(TokenFault::TooOld)),
        (NOW + 15, None),
        (NOW + 16, jwt(TokenFault::IssuedInFuture)),
        (NOW - 3600, jwt(TokenFault::TooOld)),
        (NOW + 3600, jwt(TokenFault::IssuedInFuture)),
        (i64::MAX, jwt(TokenFault::IssuedInFuture)),
        (i64::MIN, jwt(TokenFault::TooOld)),
    ] {
        assert_eq!(fault(&with_claim("iat", json!(iat))), expected, "{}", iat.wrapping_sub(NOW));
    }
}

/// RFC 7519 §4.1.4, §4.1.5: a proof has neither, but what it says of itself holds.
#[test]
fn holds_no_longer_than_it_says() {
    for (name, value, expected) in [
        ("exp", json!(NOW + 1), None),
        ("exp", json!(NOW - 15), jwt(TokenFault::Expired)),
        ("exp", json!("never"), jwt(TokenFault::Expiry)),
        ("nbf", json!(NOW + 15), None),
        ("nbf", json!(NOW + 16), jwt(TokenFault::NotYetValid)),
        ("nbf", json!("now"), jwt(TokenFault::NotBefore)),
    ] {
        assert_eq!(fault(&with_claim(name, value.clone())), expected, "{name} {value}");
    }
}

/// RFC 9449 §4.3(12), with the vector of §7.1.
#[test]
fn must_be_for_the_access_token_that_came_along() {
    let at_resource = ExpectProof { access_token: Some(ACCESS_TOKEN), ..expect() };
    let judge = |ath: Value| verify_proof(&with_claim("ath", ath), &at_resource, NOW).err();
    assert_eq!(judge(json!(ATH)), None);
    for ath in [Value::Null, json!(""), json!(ACCESS_TOKEN), json!(format!("{ATH}=")), json!([ATH])]
    {
        assert_eq!(judge(ath.clone()), Some(ProofFault::AccessToken), "{ath}");
    }
    let other = ExpectProof { access_token: Some("other"), ..expect() };
    let other = verify_proof(&with_claim("ath", json!(ATH)), &other, NOW).err();
    assert_eq!(other, Some(ProofFault::AccessToken));
    // Where no token came along, there is nothing to compare it with.
    assert_eq!(fault(&with_claim("ath", json!(ATH))), None);
    assert_eq!(fault(&with_claim("ath", json!("other"))), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_it_panic(text in "[-a-zA-Z0-9_.]{0,80}|.*") {
        prop_assert!(verify_proof(&text, &expect(), NOW).is_err());
    }

    /// One octet changed anywhere, and it is no proof: nothing of it is outside the signature.
    #[test]
    fn every_octet_counts(place in any::<prop::sample::Index>(), by in 1..=63_u8) {
        let proof = proof();
        let mut octets = proof.clone().into_bytes();
        let place = place.index(octets.len());
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let Some(digit) = alphabet.iter().position(|octet| *octet == octets[place]) else {
            return Ok(());
        };
        octets[place] = alphabet[(digit + usize::from(by)) % 64];
        prop_assert!(verify_proof(&String::from_utf8(octets).unwrap(), &expect(), NOW).is_err());
    }

    #[test]
    fn any_header_and_claims_are_judged(header in json_text(), claims in json_text()) {
        let text = signed_text(key(Algorithm::Es256), &header, &claims);
        prop_assert!(verify_proof(&text, &expect(), NOW).is_err());
    }
}

fn json_text() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        Just(r#""typ":"dpop+jwt""#.to_owned()),
        Just(r#""alg":"ES256""#.to_owned()),
        Just(format!("\"jwk\":{}", header())),
        Just(r#""jti":"1""#.to_owned()),
        "\"[a-z]{1,4}\":(null|1|\\[\\]|\\{\\}|\"x\")",
    ];
    prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(",")))
}
