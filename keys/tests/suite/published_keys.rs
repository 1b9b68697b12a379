use josekit::jwk::{Jwk, alg::ec::EcCurve};
use keys::{Algorithm, JwksFault, PublicKey, PublicKeys, Signer};
use serde_json::{Value, json};

use crate::fixture::{key, stranger};

fn parse(document: &Value) -> Result<PublicKeys, JwksFault> {
    PublicKeys::parse(document.to_string().as_bytes())
}

fn jwk() -> Value {
    key(Algorithm::Es256).public_jwk().clone()
}

fn changed(name: &str, value: Value) -> Value {
    let mut jwk = jwk();
    jwk[name] = value;
    jwk
}

fn public(jwk: &Jwk) -> Value {
    Value::Object(jwk.to_public_key().unwrap().as_ref().clone())
}

/// A key cannot be used by itself, and does not spoil the set it is in.
fn assert_passed_over(unusable: &Value, why: &str) {
    assert_eq!(PublicKey::from_jwk(unusable).err(), Some(JwksFault::Unusable), "{why}");
    let keys = parse(&json!({ "keys": [unusable, stranger().public_jwk()] })).unwrap();
    assert_eq!(keys.len(), 1, "{why}");
    assert!(keys.holds(Some(stranger().kid())));
}

#[test]
fn holds_the_keys_that_were_published() {
    let keys = parse(&json!({ "keys": [jwk()] })).unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys.holds(Some(key(Algorithm::Es256).kid())));
    assert!(!keys.holds(Some(stranger().kid())));
    assert!(!keys.holds(Some("")));
    assert!(keys.holds(None));
}

#[test]
fn an_empty_set_holds_nothing() {
    let keys = parse(&json!({ "keys": [] })).unwrap();
    assert!(keys.is_empty());
    assert!(!keys.holds(None));
}

#[test]
fn passes_over_keys_that_are_not_for_our_signatures() {
    assert_passed_over(&changed("use", json!("enc")), "for encryption");
    assert_passed_over(&changed("key_ops", json!(["encrypt"])), "other operations");
    assert_passed_over(&changed("alg", json!("ES384")), "another algorithm");
    assert_passed_over(&changed("alg", json!("RS256")), "an algorithm of another type");
    assert_passed_over(&changed("kty", json!("AKP")), "an unknown type");
    assert_passed_over(&changed("kid", json!(5)), "a kid that is no text");
    assert_passed_over(&json!({ "kty": "oct", "k": "c2VjcmV0" }), "a symmetric key");
    assert_passed_over(&public(&Jwk::generate_ec_key(EcCurve::P384).unwrap()), "another curve");
    assert_passed_over(
        &json!({ "kty": "OKP", "crv": "X25519", "x": "A".repeat(43) }),
        "for agreement",
    );
    assert_passed_over(&json!({}), "no type");
}

#[test]
fn passes_over_keys_that_are_broken_or_weak() {
    assert_passed_over(&changed("x", json!("AAAA")), "a short coordinate");
    assert_passed_over(&changed("x", json!("A".repeat(43))), "a point off the curve");
    assert_passed_over(&changed("y", json!("!")), "no base64url");
    assert_passed_over(&changed("y", Value::Null), "no coordinate");
    assert_passed_over(&public(&Jwk::generate_rsa_key(1024).unwrap()), "RSA of 1024 bits");
    for (exponent, why) in [("AQ", "1"), ("BA", "4"), ("", "none"), ("AgAAAAE", "2^33 + 1")] {
        let mut rsa = key(Algorithm::Rs256).public_jwk().clone();
        rsa["e"] = json!(exponent);
        assert_passed_over(&rsa, why);
    }
    let mut rsa = key(Algorithm::Rs256).public_jwk().clone();
    rsa["n"] = json!("");
    assert_passed_over(&rsa, "no modulus");
}

#[test]
fn accepts_a_modulus_with_a_sign_octet() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut rsa = key(Algorithm::Rs256).public_jwk().clone();
    let n = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
    rsa["n"] = json!(URL_SAFE_NO_PAD.encode([vec![0], n].concat()));
    assert!(PublicKey::from_jwk(&rsa).is_ok());
}

#[test]
fn accepts_the_fully_specified_name_of_eddsa() {
    let mut jwk = key(Algorithm::EdDsa).public_jwk().clone();
    jwk["alg"] = json!("Ed25519");
    assert!(PublicKey::from_jwk(&jwk).is_ok());
}

#[test]
fn refuses_a_set_with_one_kid_twice() {
    let mut second = stranger().public_jwk().clone();
    second["kid"] = jwk()["kid"].clone();
    let refused = parse(&json!({ "keys": [jwk(), second] }));
    assert_eq!(refused.err(), Some(JwksFault::RepeatedKid));
    let twin = parse(&json!({ "keys": [jwk(), stranger().public_jwk()] }));
    assert_eq!(twin.unwrap().len(), 2);
}

#[test]
fn accepts_several_keys_without_kid() {
    let anonymous = |mut jwk: Value| {
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    };
    let keys = [anonymous(jwk()), anonymous(stranger().public_jwk().clone())];
    assert_eq!(parse(&json!({ "keys": keys })).unwrap().len(), 2);
}

#[test]
fn refuses_a_set_with_a_private_key() {
    for private in
        [Jwk::generate_ec_key(EcCurve::P256).unwrap(), Jwk::generate_rsa_key(2048).unwrap()]
    {
        let private = Value::Object(private.as_ref().clone());
        assert_eq!(PublicKey::from_jwk(&private).err(), Some(JwksFault::PrivateKey));
        let refused = parse(&json!({ "keys": [jwk(), private] }));
        assert_eq!(refused.err(), Some(JwksFault::PrivateKey));
    }
}

/// RFC 7518 §6.3.2: the primes are as good as the exponent.
#[test]
fn refuses_a_set_with_a_part_of_a_private_key() {
    let whole = Value::Object(Jwk::generate_rsa_key(2048).unwrap().as_ref().clone());
    let public = || {
        let members = ["kty", "n", "e"].map(|name| (name.to_owned(), whole[name].clone()));
        Value::Object(members.into_iter().collect())
    };
    assert!(PublicKey::from_jwk(&public()).is_ok());
    for member in ["p", "q", "dp", "dq", "qi"] {
        let mut private = public();
        private[member] = whole[member].clone();
        let refused = parse(&json!({ "keys": [jwk(), private] }));
        assert_eq!(refused.err(), Some(JwksFault::PrivateKey), "{member}");
    }
}

#[test]
fn refuses_what_is_not_a_jwks() {
    for document in
        ["", "{}", "[]", "null", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#]
    {
        let refused = PublicKeys::parse(document.as_bytes());
        assert_eq!(refused.err(), Some(JwksFault::Malformed), "{document}");
    }
    let repeated = r#"{"keys":[{"kty":"EC","kid":"a","kid":"b"}]}"#;
    assert_eq!(PublicKeys::parse(repeated.as_bytes()).err(), Some(JwksFault::Malformed));
}

#[test]
fn bounds_the_set() {
    let oct = json!({ "kty": "oct", "k": "AAAA" });
    assert!(parse(&json!({ "keys": vec![oct.clone(); 100] })).is_ok());
    let refused = parse(&json!({ "keys": vec![oct; 101] }));
    assert_eq!(refused.err(), Some(JwksFault::TooManyKeys));

    let padded = |size: usize| json!({ "keys": [], "padding": "x".repeat(size) });
    assert!(parse(&padded(65_000)).is_ok());
    assert_eq!(parse(&padded(66_000)).err(), Some(JwksFault::TooLarge));
}
