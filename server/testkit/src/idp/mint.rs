//! Tokens, also ones no honest provider would make.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::SignFault;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{DevIdp, state::TokenHash};

/// How users sign in here.
const ACR: &str = "urn:actas:demo:password";

/// RFC 8176 §2: password.
const AMR: &str = "pwd";

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// RFC 9068.
    AccessToken,
    /// `OpenID` Connect Core 1.0 §2.
    IdToken,
    /// Says nothing itself: what an access token would say is told by introspection only.
    OpaqueToken,
}

/// What to mint. Members of `claims` and `header` replace what would be there; null removes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minting {
    pub sub: String,
    pub kind: Kind,
    pub client_id: String,
    /// Empty: that of signing in, or for an ID token the client.
    #[serde(default)]
    pub audience: Vec<String>,
    #[serde(default)]
    pub scope: Option<String>,
    /// Seconds; may be negative.
    #[serde(default = "ten_minutes")]
    pub lifetime: i64,
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// With `alg` replaced by `none` there is no signature; otherwise the provider's key signs
    /// whatever is said here.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// The claims set as text, signed as it stands: repeated members, nulls, any depth. What is
    /// remembered of the token are the claims it would have had.
    #[serde(default)]
    pub payload: Option<String>,
}

const fn ten_minutes() -> i64 {
    600
}

/// A token, and what is to be known of it later.
pub(super) struct Minted {
    pub(super) token: String,
    pub(super) sub: String,
    pub(super) expires_at: i64,
    pub(super) description: Value,
}

impl Minted {
    pub(super) fn hash(&self) -> TokenHash {
        keys::sha256(self.token.as_bytes())
    }
}

pub(super) fn mint(idp: &DevIdp, minting: &Minting, now: i64) -> Result<Minted, SignFault> {
    let expires_at = now.saturating_add(minting.lifetime);
    let mut claims = claims(idp, minting, now);
    replace(&mut claims, &minting.claims);
    let token = sign(idp, minting, &claims)?;
    // Whoever the token is about after all; the record ends when the token says it does.
    let sub = claims.get("sub").and_then(Value::as_str).unwrap_or(&minting.sub).to_owned();
    let expires_at = claims.get("exp").and_then(Value::as_i64).unwrap_or(expires_at);
    Ok(Minted { token, sub, expires_at, description: describe(claims) })
}

fn claims(idp: &DevIdp, minting: &Minting, now: i64) -> Map<String, Value> {
    let Minting { sub, client_id, audience, .. } = minting;
    let mut claims = Map::from_iter([
        ("iss".to_owned(), json!(idp.settings.issuer)),
        ("sub".to_owned(), json!(sub)),
        ("iat".to_owned(), json!(now)),
        ("exp".to_owned(), json!(now.saturating_add(minting.lifetime))),
        ("jti".to_owned(), json!((idp.fresh)())),
        ("auth_time".to_owned(), json!(now)),
        ("acr".to_owned(), json!(ACR)),
        ("amr".to_owned(), json!([AMR])),
    ]);
    let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    match minting.kind {
        Kind::AccessToken | Kind::OpaqueToken => {
            let audience = if audience.is_empty() { &idp.settings.audience } else { audience };
            add("aud", one_or_many(audience));
            add("client_id", json!(client_id));
            if let Some(scope) = &minting.scope {
                add("scope", json!(scope));
            }
        }
        Kind::IdToken if audience.is_empty() => drop(add("aud", json!(client_id))),
        Kind::IdToken => {
            add("aud", one_or_many(audience));
            add("azp", json!(client_id));
        }
    }
    claims
}

fn one_or_many(audience: &[String]) -> Value {
    match audience {
        [single] => json!(single),
        several => json!(several),
    }
}

fn replace(members: &mut Map<String, Value>, by: &Map<String, Value>) {
    for (name, value) in by {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

fn sign(idp: &DevIdp, minting: &Minting, claims: &Map<String, Value>) -> Result<String, SignFault> {
    let signer = idp.signer.as_ref();
    let typ = match minting.kind {
        Kind::AccessToken => "at+jwt",
        Kind::IdToken => "JWT",
        Kind::OpaqueToken => return Ok((idp.fresh)()),
    };
    if minting.claims.is_empty() && minting.header.is_empty() && minting.payload.is_none() {
        return keys::sign(signer, typ, claims);
    }
    // By hand: `keys::sign` refuses to make what `keys::verify` would refuse to read, and that is
    // what this is for.
    let mut header = Map::from_iter([
        ("typ".to_owned(), json!(typ)),
        ("alg".to_owned(), json!(signer.algorithm().name())),
        ("kid".to_owned(), json!(signer.kid())),
    ]);
    replace(&mut header, &minting.header);
    let unsigned = header.get("alg").is_some_and(|alg| alg == "none");
    let encoded = |text: &String| URL_SAFE_NO_PAD.encode(text);
    let payload = minting.payload.as_ref().map_or_else(|| encode(claims), encoded);
    let input = format!("{}.{payload}", encode(&header));
    let signature = if unsigned { Vec::new() } else { signer.sign(input.as_bytes())? };
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn encode(members: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(Value::Object(members.clone()).to_string())
}

/// RFC 7662 §2.2.
fn describe(mut claims: Map<String, Value>) -> Value {
    let told = ["iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "acr"];
    claims.retain(|name, _| told.contains(&name.as_str()));
    claims.insert("active".to_owned(), json!(true));
    Value::Object(claims)
}
