//! A token that is accepted, and the means to change one thing of it.

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, Expect, PublicKeys, Signer, SigningKey, TokenFault, Typ, Verified, verify};
use serde_json::{Value, json};

pub const NOW: i64 = 1_800_000_000;
pub const ISSUER: &str = "https://idp.example";
pub const US: &str = "https://as.example";

static ES256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static EDDSA: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());
static RS256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap());
static PS256: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Ps256).unwrap());
static STRANGER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static KEYS: LazyLock<PublicKeys> = LazyLock::new(|| {
    let keys: Vec<_> = Algorithm::ALL.into_iter().map(|alg| key(alg).public_jwk()).collect();
    jwks(&json!(keys))
});

/// The issuer's key for `algorithm`.
pub fn key(algorithm: Algorithm) -> &'static SigningKey {
    match algorithm {
        Algorithm::Es256 => &ES256,
        Algorithm::EdDsa => &EDDSA,
        Algorithm::Rs256 => &RS256,
        Algorithm::Ps256 => &PS256,
    }
}

/// A key of nobody we know.
pub fn stranger() -> &'static SigningKey {
    &STRANGER
}

/// The issuer's keys, one per algorithm.
pub fn keys() -> &'static PublicKeys {
    &KEYS
}

pub fn jwks(keys: &Value) -> PublicKeys {
    PublicKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

pub fn expect() -> Expect<'static> {
    Expect {
        typ: &[Typ::AccessToken],
        issuer: ISSUER,
        audience: &[US],
        algorithms: &Algorithm::ALL,
        leeway: Duration::from_secs(10),
        max_age: None,
    }
}

pub fn header() -> Value {
    json!({ "typ": "at+jwt", "alg": "ES256", "kid": key(Algorithm::Es256).kid() })
}

pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": US, "client_id": "orchestrator", "org_id": "demo",
        "iat": NOW - 60, "exp": NOW + 240, "jti": "0199", "scope": "documents:read",
        "act": { "iss": ISSUER, "sub": "agent:orchestrator" }
    })
}

/// Signs `header` and `claims` as they are written, whatever they are.
pub fn signed_text(signer: &SigningKey, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

pub fn signed(header: &Value, claims: &Value) -> String {
    signed_text(key(Algorithm::Es256), &header.to_string(), &claims.to_string())
}

/// The accepted token.
pub fn token() -> String {
    signed(&header(), &claims())
}

/// The accepted token with `value` in the header's `name`; `null` removes.
pub fn with_header(name: &str, value: Value) -> String {
    signed(&set(header(), name, value), &claims())
}

/// The accepted token with `value` as claim `name`; `null` removes.
pub fn with_claim(name: &str, value: Value) -> String {
    signed(&header(), &set(claims(), name, value))
}

/// The accepted token with `text` written before the other claims.
pub fn with_claim_text(text: &str) -> String {
    let claims = claims().to_string().replacen('{', &format!("{{{text},"), 1);
    signed_text(key(Algorithm::Es256), &header().to_string(), &claims)
}

/// The accepted token with `text` written before the other members of the header.
pub fn with_header_text(text: &str) -> String {
    let header = header().to_string().replacen('{', &format!("{{{text},"), 1);
    signed_text(key(Algorithm::Es256), &header, &claims().to_string())
}

/// `object` with `value` as its `name`; `null` removes.
pub fn set(mut object: Value, name: &str, value: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    object
}

pub fn judge(token: &str) -> Result<Verified<Value>, TokenFault> {
    verify(token, keys(), &expect(), NOW)
}

/// What was wrong with `token`, if anything was.
pub fn fault(token: &str) -> Option<TokenFault> {
    judge(token).err()
}
