//! The key a DPoP proof brings along (RFC 9449 §4.3(5) to (7)): each of its kinds, and what is none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, ExpectProof, ProofFault, Signer, TokenFault, verify_proof};
use serde_json::{Value, json};

use crate::{
    fixture::{key, set, stranger},
    proofs::{bare, bearing, claims, expect, fault, judge, jwt, proof, signed, with_header},
};

#[test]
fn takes_every_algorithm_with_its_own_key_and_none_with_another() {
    for algorithm in Algorithm::ALL {
        let signer = key(algorithm);
        let proof = signed(signer, &bearing(signer), &claims());
        assert_eq!(judge(&proof).unwrap().thumbprint(), signer.kid(), "{algorithm}");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let header = set(bearing(signer), "alg", json!(other.name()));
            let confused = fault(&signed(signer, &header, &claims()));
            // An RSA key without `alg` may serve both, but a signature is of one.
            let rsa = [Algorithm::Rs256, Algorithm::Ps256];
            let expected = if rsa.contains(&algorithm) && rsa.contains(&other) {
                jwt(TokenFault::Signature)
            } else {
                Some(ProofFault::Key)
            };
            assert_eq!(confused, expected, "{algorithm} as {other}");
        }
    }
}

/// RFC 9449 §4.3(6): "The JWT signature verifies with the public key contained in the jwk".
#[test]
fn must_be_signed_with_the_key_it_brings() {
    let (ours, theirs) = (key(Algorithm::Es256), stranger());
    let swapped = signed(theirs, &bearing(ours), &claims());
    assert_eq!(fault(&swapped), jwt(TokenFault::Signature));
    assert_eq!(
        judge(&signed(theirs, &bearing(theirs), &claims())).unwrap().thumbprint(),
        theirs.kid()
    );

    let proof = proof();
    let (input, _) = proof.rsplit_once('.').unwrap();
    assert_eq!(fault(&format!("{input}.")), jwt(TokenFault::Signature));
    // HMAC with the public key as the secret has no name here.
    let header = set(bearing(ours), "alg", json!("HS256"));
    assert_eq!(fault(&signed(ours, &header, &claims())), jwt(TokenFault::Algorithm));
}

/// RFC 9449 §4.3(7): "The jwk JOSE Header Parameter does not contain a private key."
#[test]
fn must_bring_a_public_key_only() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
        for algorithm in Algorithm::ALL {
            let signer = key(algorithm);
            for value in [json!("AQAB"), json!([]), json!("")] {
                let header = set(bearing(signer), "jwk", set(bare(signer), member, value));
                let private = fault(&signed(signer, &header, &claims()));
                assert_eq!(private, Some(ProofFault::PrivateKey), "{member} of {algorithm}");
            }
        }
    }
    let real = key(Algorithm::Es256).to_private_jwk().unwrap();
    assert_eq!(fault(&with_header("jwk", real)), Some(ProofFault::PrivateKey));
}

#[test]
fn must_bring_a_key_that_is_one() {
    let ec = || bare(key(Algorithm::Es256));
    // RFC 8725 §3.4: not a point of the curve.
    let off = URL_SAFE_NO_PAD.encode([1; 32]);
    for jwk in [
        Value::Null,
        json!("key"),
        json!([ec()]),
        json!({}),
        json!({ "kty": "oct" }),
        set(ec(), "kty", json!("RSA")),
        set(ec(), "kty", Value::Null),
        set(ec(), "crv", json!("P-384")),
        set(ec(), "crv", Value::Null),
        set(ec(), "x", json!(off)),
        set(ec(), "y", json!(1)),
        set(ec(), "x", Value::Null),
        set(ec(), "alg", json!("ES384")),
        set(ec(), "use", json!("enc")),
        set(ec(), "key_ops", json!(["sign"])),
        bare(key(Algorithm::EdDsa)),
        json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode([255; 128]), "e": "AQAB" }),
    ] {
        assert_eq!(fault(&with_header("jwk", jwk.clone())), Some(ProofFault::Key), "{jwk}");
    }
    for (member, value) in
        [("kid", json!("1")), ("use", json!("sig")), ("alg", json!("ES256")), ("ext", json!(true))]
    {
        assert_eq!(fault(&with_header("jwk", set(ec(), member, value))), None, "{member}");
    }
}

#[test]
fn keys_elsewhere_in_the_header_are_not_looked_at() {
    for (name, value) in [
        ("kid", json!(stranger().kid())),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let proof = judge(&with_header(name, value)).unwrap();
        assert_eq!(proof.thumbprint(), key(Algorithm::Es256).kid(), "{name}");
    }
}

/// The proof RFC 9449 §4.1 shows: somebody else's encoder, somebody else's signature.
#[test]
fn takes_the_example_of_the_standard() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    let expect = ExpectProof { uri: "https://server.example.com/token", ..expect() };
    let verified = verify_proof(proof, &expect, 1_562_262_616).unwrap();
    assert_eq!(verified.id(), "-BwC3ESc6acc2lTc");
    assert_eq!(verified.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}
