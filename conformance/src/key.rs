//! Keys of clients: those of the description, and new ones for proofs of possession.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
    rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256,
    },
};
use serde_json::{Map, Value, json};

use crate::{Statement, jwt::jwk_bytes, now};

/// Where `ring` puts the private scalar into the PKCS#8 document of a P-256 key.
const SCALAR: std::ops::Range<usize> = 36..68;

/// A private key, as a JWK.
#[derive(Clone, Debug)]
#[must_use]
pub struct Key {
    jwk: Value,
}

impl Key {
    /// Takes a private JWK.
    pub const fn of(jwk: Value) -> Self {
        Self { jwk }
    }

    /// A new P-256 key, which nobody has registered.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let document = made.expect("a P-256 key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
        let pair = pair.expect("its own document");
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..).and_then(|xy| xy.split_at_checked(32)).expect("64 octets");
        let d = document.as_ref().get(SCALAR).expect("a scalar");
        let [x, y, d] = [x, y, d].map(|octets| BASE64URL.encode(octets));
        Self::of(json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y, "d": d }))
    }

    /// A new Ed25519 key, which nobody has registered.
    pub fn new_edwards() -> Self {
        let seed = random::<32>();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any seed will do");
        let [x, d] = [pair.public_key().as_ref(), &seed].map(|octets| BASE64URL.encode(octets));
        Self::of(json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x, "d": d }))
    }

    /// The algorithm it is meant for.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.member("alg")
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.jwk.get("kid").and_then(Value::as_str)
    }

    /// The whole JWK, private members and all.
    #[must_use]
    pub const fn private_jwk(&self) -> &Value {
        &self.jwk
    }

    /// What identifies it and nothing else (RFC 7638 §3.2).
    #[must_use]
    pub fn public_jwk(&self) -> Map<String, Value> {
        let names: &[&str] = match self.member("kty") {
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            "RSA" => &["e", "kty", "n"],
            other => panic!("no key of type `{other}`"),
        };
        names.iter().map(|name| ((*name).to_owned(), self.member(name).into())).collect()
    }

    /// RFC 7638: SHA-256 over the required members in lexicographic order, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let text = Value::Object(self.public_jwk()).to_string();
        BASE64URL.encode(digest::digest(&digest::SHA256, text.as_bytes()))
    }

    /// A proof of possession for a request (RFC 9449 §4.2).
    pub fn proof(&self, method: &str, uri: &str) -> Statement {
        let header = json!({
            "typ": "dpop+jwt", "alg": self.algorithm(), "jwk": self.public_jwk(),
        });
        let claims = json!({ "jti": fresh(), "htm": method, "htu": uri, "iat": now() });
        Statement::new(self, &header, &claims)
    }

    /// A proof for a call to a protected resource (RFC 9449 §7.1): of the token, too.
    pub fn proof_with(&self, method: &str, uri: &str, access_token: &str) -> Statement {
        self.proof(method, uri).claim("ath", hash_of(access_token))
    }

    /// Signs with `algorithm` if the key can, and otherwise with what it can.
    #[must_use]
    pub(crate) fn sign(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self.member("kty") {
            "EC" => {
                let point = [vec![4], self.octets("x"), self.octets("y")].concat();
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &self.octets("d"),
                    &point,
                    &random,
                );
                let signature = pair.expect("a P-256 key").sign(&random, input);
                signature.expect("a signature").as_ref().to_vec()
            }
            "OKP" => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&self.octets("d"));
                pair.expect("an Ed25519 key").sign(input).as_ref().to_vec()
            }
            "RSA" => {
                let pair = self.rsa();
                let mut signature = vec![0; pair.public().modulus_len()];
                let made = if algorithm == "PS256" {
                    pair.sign(&RSA_PSS_SHA256, &random, input, &mut signature)
                } else {
                    pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)
                };
                made.expect("a signature");
                signature
            }
            other => panic!("no key of type `{other}`"),
        }
    }

    fn rsa(&self) -> RsaKeyPair {
        let part = |name| self.octets(name);
        let (modulus, exponent) = (part("n"), part("e"));
        let [private, first, second, by_first, by_second, inverse] =
            ["d", "p", "q", "dp", "dq", "qi"].map(part);
        let public_key = PublicKeyComponents { n: modulus.as_slice(), e: exponent.as_slice() };
        let components = KeyPairComponents {
            public_key,
            d: private.as_slice(),
            p: first.as_slice(),
            q: second.as_slice(),
            dP: by_first.as_slice(),
            dQ: by_second.as_slice(),
            qInv: inverse.as_slice(),
        };
        RsaKeyPair::from_components(&components).expect("an RSA key")
    }

    fn member(&self, name: &str) -> &str {
        let value = self.jwk.get(name).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("a JWK without `{name}`"))
    }

    fn octets(&self, name: &str) -> Vec<u8> {
        jwk_bytes(&self.jwk, name).unwrap_or_else(|| panic!("a JWK without `{name}`"))
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

/// RFC 9449 §4.2: the `ath` of an access token.
#[must_use]
pub fn hash_of(access_token: &str) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, access_token.as_bytes()))
}

/// An identifier nobody has used before.
#[must_use]
pub fn fresh() -> String {
    BASE64URL.encode(random::<16>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).expect("randomness");
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9449 §4.2 and §6.1: the key of the examples, and its thumbprint.
    #[test]
    fn names_the_key_of_the_rfc_as_the_rfc_does() {
        let key = Key::of(json!({
            "kty": "EC", "crv": "P-256",
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        }));
        assert_eq!(key.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }

    /// RFC 9449 §7.1: the token of the example, and its `ath`.
    #[test]
    fn hashes_the_token_of_the_rfc_as_the_rfc_does() {
        let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
        assert_eq!(hash_of(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    }

    #[test]
    fn what_a_new_key_signs_verifies_with_its_public_half() {
        for key in [Key::new(), Key::new_edwards()] {
            let proof = crate::Jwt::read(&key.proof("POST", "https://a.example").text());
            let jwks = json!({ "keys": [key.public_jwk()] });
            assert!(proof.is_signed_by(&jwks));
            assert_ne!(key.thumbprint(), Key::new().thumbprint());
        }
    }
}
