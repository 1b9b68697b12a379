//! Tokens as text: read without trust, verified through a JWKS, and forged.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use ring::{hmac, signature};
use serde_json::{Map, Value};

/// The three parts of a compact JWS and the text they came in.
#[derive(Clone, Debug)]
pub struct Jwt {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    pub text: String,
}

impl Jwt {
    /// Reads the parts; nothing is verified.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, _signature] = parts.as_slice() else {
            panic!("not a compact JWS: {text}")
        };
        Self { header: object(header), claims: object(claims), text: text.to_owned() }
    }

    /// The same claims under another header, with this signature or none; never a valid one.
    #[must_use]
    pub fn forged(&self, header: &[(&str, Value)], signature: &[u8]) -> String {
        let mut changed = self.header.clone();
        for (name, value) in header {
            changed.insert((*name).to_owned(), value.clone());
        }
        let input = format!("{}.{}", encode(&changed), encode(&self.claims));
        format!("{input}.{}", BASE64URL.encode(signature))
    }

    /// The same claims, "signed" with HMAC-SHA-256 under a key everybody knows.
    #[must_use]
    pub fn signed_with_public(&self, key: &[u8]) -> String {
        let unsigned = self.forged(&[("alg", "HS256".into())], &[]);
        let input = unsigned.trim_end_matches('.');
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), input.as_bytes());
        format!("{input}.{}", BASE64URL.encode(tag))
    }

    /// The signed text with another claims set under the old signature.
    #[must_use]
    pub fn with_claims_swapped(&self, name: &str, value: impl Into<Value>) -> String {
        let mut claims = self.claims.clone();
        claims.insert(name.to_owned(), value.into());
        let parts: Vec<&str> = self.text.split('.').collect();
        let [header, _, signature] = parts.as_slice() else { panic!("read() saw three parts") };
        format!("{header}.{}.{signature}", encode(&claims))
    }

    /// The text whose last character carries other unused bits: base64url which decodes to the same
    /// bytes in a lax decoder and to none in a strict one.
    #[must_use]
    pub fn with_twin_of_last_character(&self) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = self.text.clone();
        let last = text.pop().and_then(|c| u8::try_from(c).ok()).expect("an ASCII signature");
        let at = ALPHABET.iter().position(|&c| c == last).expect("base64url");
        // The lowest bit of the last character is unused in every signature of 64 or 256 bytes.
        let twin = ALPHABET.get(at ^ 1).copied().expect("an index below 64");
        text.push(char::from(twin));
        text
    }

    /// Whether one of these published keys made the signature (RFC 7515 §5.2, RFC 7518 §3).
    #[must_use]
    pub fn is_signed_by(&self, jwks: &Value) -> bool {
        let keys = jwks.get("keys").and_then(Value::as_array).expect("a JWKS");
        let key = keys.iter().find(|key| key.get("kid") == self.header.get("kid"));
        let (input, tag) = self.text.rsplit_once('.').expect("a compact JWS");
        let tag = BASE64URL.decode(tag).expect("base64url");
        key.is_some_and(|key| verify(self.member("alg"), key, input.as_bytes(), &tag))
    }

    fn member(&self, name: &str) -> &str {
        self.header.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A five-part token as a JWE would look (RFC 7516 §3.1), holding nothing.
#[must_use]
pub fn jwe_shaped(header: &str) -> String {
    let part = |bytes: &[u8]| BASE64URL.encode(bytes);
    [part(header.as_bytes()), String::new(), part(&[1; 12]), part(&[2; 64]), part(&[3; 16])]
        .join(".")
}

/// A compact JWS made of any two texts and a signature of zeros.
#[must_use]
pub fn unsigned(header: &str, claims: &str) -> String {
    [header.as_bytes(), claims.as_bytes(), &[0; 64]].map(|part| BASE64URL.encode(part)).join(".")
}

/// The bytes of a base64url member of a JWK.
#[must_use]
pub fn jwk_bytes(key: &Value, name: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(key.get(name)?.as_str()?).ok()
}

fn verify(algorithm: &str, key: &Value, input: &[u8], tag: &[u8]) -> bool {
    let part = |name| jwk_bytes(key, name).unwrap_or_default();
    let raw = |with: &'static dyn signature::VerificationAlgorithm, public: &[u8]| {
        signature::UnparsedPublicKey::new(with, public).verify(input, tag).is_ok()
    };
    let rsa = |with| {
        let public = signature::RsaPublicKeyComponents { n: part("n"), e: part("e") };
        public.verify(with, input, tag).is_ok()
    };
    match algorithm {
        "ES256" => {
            raw(&signature::ECDSA_P256_SHA256_FIXED, &[vec![4], part("x"), part("y")].concat())
        }
        "EdDSA" | "Ed25519" => raw(&signature::ED25519, &part("x")),
        "RS256" => rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        "PS256" => rsa(&signature::RSA_PSS_2048_8192_SHA256),
        other => panic!("RFC 9068 §2.1, RFC 8725 §3.1: signed with `{other}`"),
    }
}

fn object(part: &str) -> Map<String, Value> {
    let bytes = BASE64URL.decode(part).unwrap_or_else(|e| panic!("not base64url ({e}): {part}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("not a JSON object ({e}): {part}"))
}

fn encode(members: &Map<String, Value>) -> String {
    BASE64URL.encode(serde_json::to_vec(members).expect("JSON"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.3: an ES256 signature and its key.
    #[test]
    fn verifies_the_example_of_the_rfc_and_not_its_neighbour() {
        let text = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let jwks = json!({ "keys": [{
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }]});
        assert!(Jwt::read(text).is_signed_by(&jwks));
        let swapped = Jwt::read(text).with_claims_swapped("iss", "eve");
        assert!(!Jwt::read(&swapped).is_signed_by(&jwks));
    }

    #[test]
    fn the_twin_differs_only_in_unused_bits() {
        let jwt = Jwt::read(&unsigned("{}", "{}"));
        assert_eq!(jwt.with_twin_of_last_character().len(), jwt.text.len());
        assert_ne!(jwt.with_twin_of_last_character(), jwt.text);
    }

    #[test]
    fn a_forgery_keeps_the_claims_and_changes_the_header() {
        let jwt = Jwt::read(&unsigned(r#"{"alg":"ES256","kid":"k"}"#, r#"{"sub":"alice"}"#));
        let forged = jwt.forged(&[("alg", "none".into())], &[]);
        assert!(forged.ends_with('.'));
        let read = Jwt::read(&forged);
        assert_eq!(read.header, *json!({"alg": "none", "kid": "k"}).as_object().unwrap());
        assert_eq!(read.claims, jwt.claims);
    }
}
