//! Project Wycheproof: signatures made to break whoever verifies them, shown to what verifies ours.
//!
//! Its sets for JOSE are not to be had as data, so the keys are written as JWK here and the signatures
//! in base64url, as a token has them.

use std::{collections::BTreeMap, fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

use crate::{Algorithm, PublicKey};

#[derive(Deserialize)]
struct Set {
    #[serde(rename = "numberOfTests")]
    number: usize,
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "publicKey")]
    key: BTreeMap<String, Value>,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "tcId")]
    id: u64,
    comment: String,
    flags: Vec<String>,
    msg: String,
    sig: String,
    result: Verdict,
}

/// What the set says of a signature.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Valid,
    Invalid,
    Acceptable,
}

/// What came of a set: how many signatures of each kind, all judged as they should be.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    valid: usize,
    invalid: usize,
    acceptable: usize,
    /// Of all of them, those whose message is no text: a signing input always is one, so they reach
    /// the verification below [`PublicKey::signed`].
    octets: usize,
}

fn octets(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// The key as its owner would publish it.
fn jwk(algorithm: Algorithm, key: &BTreeMap<String, Value>) -> Value {
    let member = |name: &str| octets(key[name].as_str().unwrap());
    let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    match algorithm {
        Algorithm::Es256 => {
            let point = member("uncompressed");
            assert_eq!((point.len(), point[0]), (65, 4));
            json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
        }
        Algorithm::EdDsa => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&member("pk")) }),
        Algorithm::Rs256 | Algorithm::Ps256 => {
            json!({ "kty": "RSA", "n": text(&member("modulus")), "e": text(&member("publicExponent")) })
        }
    }
}

fn is_signed(key: &PublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let signature = URL_SAFE_NO_PAD.encode(signature);
    match str::from_utf8(message) {
        Ok(text) => key.signed(algorithm, text, &signature),
        Err(_) => jsonwebtoken::crypto::verify(&signature, message, &key.key, algorithm.jose())
            .unwrap_or(false),
    }
}

fn judge(name: &str, algorithm: Algorithm, set: &str) -> Counts {
    let set: Set = serde_json::from_str(set).unwrap();
    let mut counts = Counts::default();
    for group in &set.groups {
        let key = PublicKey::from_jwk(&jwk(algorithm, &group.key)).unwrap();
        for case in &group.tests {
            let (message, signature) = (octets(&case.msg), octets(&case.sig));
            let accepted = is_signed(&key, algorithm, &message, &signature);
            let Case { id, comment, flags, result, .. } = case;
            let expected = match result {
                Verdict::Valid => {
                    counts.valid += 1;
                    true
                }
                Verdict::Invalid => {
                    counts.invalid += 1;
                    false
                }
                // RFC 8017 §8.2.2, note 2: the algorithm without its NULL may be taken; `ring` does not.
                Verdict::Acceptable => {
                    assert_eq!(flags, &["MissingNull"], "{name} {id}: undecided");
                    counts.acceptable += 1;
                    false
                }
            };
            assert_eq!(accepted, expected, "{name} {id}: {comment} {flags:?}");
            // RFC 8725 §3.1: by the other algorithms it is not signed, unless the set made it so: a
            // good signature of the other RSA scheme is refused above for being of that scheme.
            for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                let may_be = flags.iter().any(|flag| flag == "WrongPrimitive");
                let is_other = is_signed(&key, other, &message, &signature);
                assert!(may_be || !is_other, "{name} {id} as {other}");
            }
            counts.octets += usize::from(str::from_utf8(&message).is_err());
        }
    }
    let Counts { valid, invalid, acceptable, .. } = counts;
    assert_eq!(valid + invalid + acceptable, set.number, "{name} is whole");
    counts
}

#[test]
fn every_vector_is_judged_as_it_should_be() {
    use Algorithm::{EdDsa, Es256, Ps256, Rs256};
    let sets = [
        ("ECDSA P-256", Es256, ecdsa::TestName::EcdsaSecp256r1Sha256P1363.json_data()),
        ("Ed25519", EdDsa, eddsa::TestName::Ed25519.json_data()),
        ("PKCS #1 v1.5, 2048 bits", Rs256, pkcs1::TestName::Rsa2048Sha256.json_data()),
        ("PKCS #1 v1.5, 3072 bits", Rs256, pkcs1::TestName::Rsa3072Sha256.json_data()),
        ("PKCS #1 v1.5, 4096 bits", Rs256, pkcs1::TestName::Rsa4096Sha256.json_data()),
        ("PKCS #1 v1.5, 8192 bits", Rs256, pkcs1::TestName::Rsa8192Sha256.json_data()),
        ("PSS, 2048 bits", Ps256, pss::TestName::RsaPss2048Sha256Mgf1SaltLen32.json_data()),
        ("PSS, 3072 bits", Ps256, pss::TestName::RsaPss3072Sha256Mgf1SaltLen32.json_data()),
        ("PSS, 4096 bits", Ps256, pss::TestName::RsaPss4096Sha256Mgf1SaltLen32.json_data()),
    ];
    let rows = sets.map(|(name, algorithm, set)| {
        let Counts { valid, invalid, acceptable, octets } = judge(name, algorithm, set);
        assert!(0 < valid && 0 < invalid, "{name}");
        println!(
            "{name}: {valid} valid, {invalid} invalid, {acceptable} acceptable, {octets} no text"
        );
        json!({
            "set": name, "algorithm": algorithm.name(), "valid": valid, "invalid": invalid,
            "acceptable": acceptable, "no_text": octets
        })
    });
    if is_to_be_reported() {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/vectors.json");
        fs::write(target, json!(rows).to_string()).unwrap();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs this test says so, not a configuration"
)]
fn is_to_be_reported() -> bool {
    std::env::var_os("ACTAS_TEST_REPORT").is_some()
}
