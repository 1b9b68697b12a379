use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use keys::{
    Algorithm, DataKey, KeyFault, PublicKey, Reading, SealFault, SignFault, Signer, SigningKey,
    sign,
};
use serde_json::{Value, json};

use crate::fixture::{claims, fault, key, stranger};

#[test]
fn what_is_signed_is_verified() {
    for algorithm in Algorithm::ALL {
        let token = sign(key(algorithm), "at+jwt", &claims()).unwrap();
        assert_eq!(fault(&token), None, "{algorithm}");
    }
}

/// As providers hand private keys out: RSA for Google and Okta, P-256 where one may choose.
#[test]
fn a_key_in_pem_signs_under_its_name_at_the_provider() {
    let rsa = josekit::jwk::alg::rsa::RsaKeyPair::generate(2048).unwrap();
    let curve = josekit::jwk::alg::ec::EcCurve::P256;
    let ec = josekit::jwk::alg::ec::EcKeyPair::generate(curve).unwrap();
    let pems = [
        (Algorithm::Rs256, rsa.to_pem_private_key()),
        (Algorithm::Rs256, rsa.to_traditional_pem_private_key()),
        (Algorithm::Es256, ec.to_pem_private_key()),
        (Algorithm::Es256, ec.to_traditional_pem_private_key()),
    ];
    for (algorithm, pem) in pems {
        let pem = String::from_utf8(pem).unwrap();
        let key = SigningKey::from_pem(&pem, Some("key-1")).unwrap();
        assert_eq!((key.algorithm(), key.kid()), (algorithm, "key-1"));
        // Read back with the public half before it is given away.
        sign(&key, "JWT", &claims()).unwrap();
        let unnamed = SigningKey::from_pem(&pem, None).unwrap();
        assert_eq!(unnamed.kid().len(), 43, "an RFC 7638 thumbprint");
    }
}

#[test]
fn what_is_no_private_key_in_pem_is_refused() {
    let rsa = josekit::jwk::alg::rsa::RsaKeyPair::generate(2048).unwrap();
    let public = String::from_utf8(rsa.to_pem_public_key()).unwrap();
    for pem in ["", "not PEM", &public, "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"] {
        assert!(matches!(SigningKey::from_pem(pem, None), Err(KeyFault::Unusable)), "{pem}");
    }
}

#[test]
fn the_header_names_kind_algorithm_and_key() {
    let signer = key(Algorithm::EdDsa);
    let token = sign(signer, "at+jwt", &claims()).unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": signer.kid() }));
}

#[test]
fn the_public_half_is_a_jwk_without_private_members() {
    for algorithm in Algorithm::ALL {
        let jwk = key(algorithm).public_jwk();
        let expected: &[&str] = match algorithm {
            Algorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            Algorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
            Algorithm::Rs256 | Algorithm::Ps256 => &["alg", "e", "kid", "kty", "n", "use"],
        };
        let mut names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{algorithm}");
        assert_eq!(jwk["alg"], algorithm.name());
        assert_eq!(jwk["use"], "sig");
    }
}

/// A signer that publishes one key and signs with another, or not at all.
#[derive(Debug)]
struct Broken {
    published: &'static SigningKey,
    signs: Option<&'static SigningKey>,
    kid: &'static str,
    reading: Option<Reading>,
}

impl Signer for Broken {
    fn algorithm(&self) -> Algorithm {
        self.published.algorithm()
    }
    fn kid(&self) -> &str {
        self.kid
    }
    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignFault> {
        self.signs.ok_or(SignFault::Key)?.sign(input)
    }
    fn public_jwk(&self) -> &Value {
        self.published.public_jwk()
    }
    fn public_key(&self) -> &PublicKey {
        self.published.public_key()
    }
    fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }
}

/// As a key of our own memory is.
fn read_now_and_then(signs: &'static SigningKey) -> Broken {
    let published = key(Algorithm::Es256);
    let reading = Some(Reading::default());
    Broken { published, signs: Some(signs), kid: published.kid(), reading }
}

#[test]
fn the_first_signature_of_a_key_is_read_back_and_each_after_one_that_did_not_hold() {
    let swapped = read_now_and_then(stranger());
    for _ in 0..3 {
        assert_eq!(sign(&swapped, "at+jwt", &claims()), Err(SignFault::ReadBack));
    }
}

#[test]
fn a_key_that_is_damaged_later_is_found_within_64_signatures() {
    let mut damaged = read_now_and_then(key(Algorithm::Es256));
    assert!(sign(&damaged, "at+jwt", &claims()).is_ok());
    damaged.signs = Some(stranger());
    let left = (0..64).take_while(|_| sign(&damaged, "at+jwt", &claims()).is_ok()).count();
    assert_eq!(left, 63);
    assert_eq!(sign(&damaged, "at+jwt", &claims()), Err(SignFault::ReadBack));
}

#[test]
fn a_key_that_is_somewhere_else_is_read_back_always() {
    let published = key(Algorithm::Es256);
    let kid = published.kid();
    let mut moved = Broken { published, signs: Some(published), kid, reading: None };
    assert!(sign(&moved, "at+jwt", &claims()).is_ok());
    moved.signs = Some(stranger());
    assert_eq!(sign(&moved, "at+jwt", &claims()), Err(SignFault::ReadBack));
    assert!(key(Algorithm::Es256).reading().is_some());
}

#[test]
fn a_signature_of_another_key_does_not_leave() {
    let published = key(Algorithm::Es256);
    let honest = Broken { published, signs: Some(published), kid: published.kid(), reading: None };
    assert!(sign(&honest, "at+jwt", &claims()).is_ok());

    let swapped = Broken { signs: Some(stranger()), reading: None, ..honest };
    assert_eq!(sign(&swapped, "at+jwt", &claims()), Err(SignFault::ReadBack));
    let renamed = Broken { kid: "other", reading: Some(Reading::default()), ..honest };
    assert_eq!(sign(&renamed, "at+jwt", &claims()), Err(SignFault::ReadBack));
    let absent = Broken { signs: None, reading: None, ..honest };
    assert_eq!(sign(&absent, "at+jwt", &claims()), Err(SignFault::Key));
}

#[test]
fn claims_that_could_not_be_verified_are_not_signed() {
    #[derive(serde::Serialize)]
    struct Twice {
        sub: &'static str,
        #[serde(rename = "sub")]
        again: &'static str,
    }
    let signer = key(Algorithm::Es256);
    let twice = sign(signer, "at+jwt", &Twice { sub: "alice", again: "bob" });
    assert_eq!(twice, Err(SignFault::Claims));
    assert_eq!(sign(signer, "at+jwt", &["no", "object"]), Err(SignFault::Claims));
    let large = json!({ "sub": "x".repeat(20_000) });
    assert_eq!(sign(signer, "at+jwt", &large), Err(SignFault::Claims));
}

#[test]
fn a_key_survives_its_sealing() {
    let master = DataKey::generate().unwrap();
    for algorithm in Algorithm::ALL {
        let sealed = key(algorithm).to_sealed(&master, "org/demo/key").unwrap();
        let opened = SigningKey::from_sealed(&master, "org/demo/key", &sealed).unwrap();
        assert_eq!(opened.algorithm(), algorithm);
        assert_eq!(opened.public_jwk(), key(algorithm).public_jwk());
        assert_eq!(fault(&sign(&opened, "at+jwt", &claims()).unwrap()), None);
    }
}

#[test]
fn a_sealed_key_opens_only_in_its_place() {
    let master = DataKey::generate().unwrap();
    let sealed = key(Algorithm::Es256).to_sealed(&master, "org/demo/key").unwrap();
    let moved = SigningKey::from_sealed(&master, "org/other/key", &sealed);
    assert_eq!(moved.err(), Some(KeyFault::Seal(SealFault::Refused)));
    let nonsense = master.seal("org/demo/key", b"{\"kty\":\"EC\"}").unwrap();
    let refused = SigningKey::from_sealed(&master, "org/demo/key", &nonsense);
    assert_eq!(refused.err(), Some(KeyFault::Unusable));
}

#[test]
fn generated_keys_differ() {
    assert_ne!(key(Algorithm::Es256).kid(), stranger().kid());
}

#[test]
fn debug_output_has_no_private_member() {
    let debug = format!("{:?}", key(Algorithm::Es256));
    assert!(debug.contains(key(Algorithm::Es256).kid()));
    assert!(!debug.contains("private") && !debug.contains("\"d\""), "{debug}");
}

#[test]
fn jsonwebtoken_reads_what_we_sign_and_cannot_sign_around_us() {
    let signer = key(Algorithm::Es256);
    let token = sign(signer, "at+jwt", &claims()).unwrap();
    let jwk = signer.public_jwk();
    let decoding =
        DecodingKey::from_ec_components(jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap());
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.validate_exp = false;
    validation.set_audience(&[crate::fixture::US]);
    let read = jsonwebtoken::decode::<Value>(&token, &decoding.unwrap(), &validation).unwrap();
    assert_eq!(read.claims, claims());

    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256);
    let refused = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_ec_der(&[]));
    assert!(refused.is_err());
}
