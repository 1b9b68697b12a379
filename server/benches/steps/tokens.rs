//! What is presented: tokens, an assertion, a proof, as large as those of the benchmark of whole exchanges.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, PublicKeys, Signer, SigningKey};
use serde_json::{Value, json};
use server::clock;

use crate::Outcome;

pub(crate) const ISSUER: &str = "http://127.0.0.1:8400/o/bench";
pub(crate) const IDP: &str = "http://127.0.0.1:8401";
pub(crate) const RESOURCE: &str = "https://documents.demo.example";
pub(crate) const CLIENT: &str = "orchestrator";
pub(crate) const USER: &str = "user-0001@corp.example";
/// Where proofs are sent to.
pub(crate) const ENDPOINT: &str = "http://127.0.0.1:8400/o/bench/oauth/token";
/// Seconds; longer than the benchmark.
const LIFETIME: i64 = 3600;
/// Agents of a chain.
pub(crate) const DEPTHS: [usize; 3] = [1, 3, 5];
pub(crate) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

/// A key of every algorithm, and what is signed with it.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub keys: Vec<SigningKey>,
    pub client: SigningKey,
    pub now: i64,
}

impl Tokens {
    pub(crate) fn new() -> Outcome<Self> {
        let keys = ALGORITHMS.map(SigningKey::generate).into_iter().collect::<Result<_, _>>()?;
        let client = SigningKey::generate(Algorithm::Es256)?;
        Ok(Self { keys, client, now: clock::now().0 })
    }

    pub(crate) fn key(&self, algorithm: Algorithm) -> Outcome<&SigningKey> {
        let key = self.keys.iter().find(|key| key.algorithm() == algorithm);
        Ok(key.ok_or("a key of every algorithm")?)
    }

    /// A user's access token of the identity provider (RFC 9068).
    pub(crate) fn subject(&self, algorithm: Algorithm) -> Outcome<String> {
        let claims = json!({
            "iss": IDP, "sub": USER, "aud": RESOURCE, "client_id": CLIENT,
            "scope": "openid profile documents:read documents:write",
            "iat": self.now, "exp": self.now + LIFETIME, "jti": clock::id().to_string(),
            "auth_time": self.now - 60, "amr": ["pwd", "otp"],
        });
        Ok(keys::sign(self.key(algorithm)?, "at+jwt", &claims)?)
    }

    /// What actas signs for the agent at the end of a chain of `depth`.
    pub(crate) fn claims(&self, depth: usize) -> Value {
        let act = (0..depth).fold(Value::Null, |inner, agent| {
            let sub = format!("agent:agent-{agent}");
            if inner.is_null() {
                json!({ "iss": ISSUER, "sub": sub })
            } else {
                json!({ "iss": ISSUER, "sub": sub, "act": inner })
            }
        });
        json!({
            "iss": ISSUER, "sub": USER, "aud": RESOURCE, "client_id": CLIENT,
            "iat": self.now, "exp": self.now + LIFETIME, "jti": clock::id().to_string(),
            "scope": "documents:read", "org_id": "bench", "act": act,
            "auth_time": self.now - 60, "amr": ["pwd", "otp"],
        })
    }

    /// RFC 7523 §2.2, rfc7523bis
    pub(crate) fn assertion(&self) -> Outcome<String> {
        let header = json!({
            "alg": "ES256", "typ": "client-authentication+jwt", "kid": self.client.kid(),
        });
        let claims = json!({
            "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": self.now, "exp": self.now + 60,
            "jti": clock::id().to_string(),
        });
        signed(&self.client, &header, &claims)
    }

    /// RFC 9449 §4.2
    pub(crate) fn proof(&self) -> Outcome<String> {
        let public = self.client.public_jwk();
        let member = |name| public.get(name).cloned().unwrap_or_default();
        let jwk = json!({
            "kty": member("kty"), "crv": member("crv"), "x": member("x"), "y": member("y"),
        });
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk });
        let claims = json!({
            "jti": clock::id().to_string(), "htm": "POST", "htu": ENDPOINT, "iat": self.now,
        });
        signed(&self.client, &header, &claims)
    }
}

/// A key set with this key alone.
pub(crate) fn jwks(key: &SigningKey) -> String {
    json!({ "keys": [key.public_jwk()] }).to_string()
}

pub(crate) fn public(key: &SigningKey) -> Outcome<PublicKeys> {
    Ok(PublicKeys::parse(jwks(key).as_bytes())?)
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> Outcome<String> {
    let [header, claims] = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string()));
    let input = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())?);
    Ok(format!("{input}.{signature}"))
}
