//! Tokens that are signed here, by a key that is made when the process starts and never leaves it.

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, PublicKeys, Signer, SigningKey};
use serde_json::json;

/// When everything here happens, in seconds since the Unix epoch.
pub const NOW: i64 = 1_800_000_000;
/// Who issues everything here.
pub const ISSUER: &str = "https://idp.example";
/// For whom.
pub const AUDIENCE: &str = "https://actas.example/o/acme";

/// One key pair, and the set it is published in.
#[derive(Debug)]
pub struct Issuer {
    key: SigningKey,
    /// Its public half, alone.
    pub keys: PublicKeys,
}

static ISSUER_KEY: LazyLock<Issuer> = LazyLock::new(|| {
    let made = SigningKey::generate(Algorithm::Es256).ok().and_then(|key| {
        let jwks = json!({ "keys": [key.public_jwk()] }).to_string();
        PublicKeys::parse(jwks.as_bytes()).ok().map(|keys| Issuer { key, keys })
    });
    assert!(made.is_some(), "a key can be made and published");
    made.unwrap_or_else(|| std::process::abort())
});

/// The issuer of this process.
#[must_use]
pub fn issuer() -> &'static Issuer {
    &ISSUER_KEY
}

impl Issuer {
    /// Signs any header with any payload: whatever they say, the signature is good.
    #[must_use]
    pub fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let input =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.sign(input.as_bytes());
        assert!(signature.is_ok(), "a key of our own memory signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap_or_default()))
    }

    /// Signs a payload as a token of this `typ`.
    #[must_use]
    pub fn token(&self, typ: &str, payload: &[u8]) -> String {
        let header = json!({ "alg": "ES256", "kid": self.key.kid(), "typ": typ }).to_string();
        self.sign(header.as_bytes(), payload)
    }

    /// The `kid` it is published under.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.key.kid()
    }

    /// Its public half.
    #[must_use]
    pub fn jwk(&self) -> &serde_json::Value {
        self.key.public_jwk()
    }
}
