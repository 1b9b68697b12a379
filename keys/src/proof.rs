mod uri;

use std::{borrow::Cow, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::Jwk;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Algorithm, PublicKey, TokenFault,
    compact::Compact,
    expect::media_name,
    header::Header,
    public::PRIVATE_MEMBERS,
    sha256,
    strict::{self, Member},
    thumbprint::thumbprint,
    verify::{age, beginning, expiry, issue, name, seconds},
};
use uri::Target;

/// What a proof of possession must be (RFC 9449 §4.3). There is no default: every field is a decision.
#[derive(Clone, Debug)]
pub struct ExpectProof<'a> {
    /// `htm`, upper case.
    pub method: &'a str,
    /// `htu`: the address of the endpoint; query and fragment do not count.
    pub uri: &'a str,
    /// The algorithms whoever sends it may use.
    pub algorithms: &'a [Algorithm],
    /// How old `iat` may be, whole seconds.
    pub past: Duration,
    /// How far ahead `iat` may be, whole seconds.
    pub future: Duration,
    /// At a protected resource: the access token that comes with it, of which `ath` is the hash.
    pub access_token: Option<&'a str>,
}

/// A DPoP proof that holds: whoever sent it has the key. Says nothing yet of whether it was sent before.
///
/// Evidence: only [`verify_proof`] makes one.
///
/// ```compile_fail,E0451
/// fn forge(text: String) -> keys::Proof {
///     keys::Proof { thumbprint: text.clone(), id: text, issued_at: 0, nonce: None }
/// }
/// ```
///
/// ```
/// fn key(proof: &keys::Proof) -> &str {
///     proof.thumbprint()
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Proof {
    thumbprint: String,
    id: String,
    issued_at: i64,
    nonce: Option<String>,
}

impl Proof {
    /// `jkt`: the SHA-256 thumbprint of the key (RFC 7638), base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// `jti`: to be taken once.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `iat`, seconds since the Unix epoch.
    #[must_use]
    pub const fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// `nonce`, as it came.
    #[must_use]
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }
}

/// Why a proof is none; one variant per check.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum ProofFault {
    /// What is asked of every JWT here: its form, its `typ`, its algorithm, its signature, and that
    /// `jti` and `iat` are as they must be.
    #[error("as a JWT: {0}")]
    Jwt(#[from] TokenFault),
    /// `jwk` is absent, is no key for signatures we know, or does not serve the algorithm (RFC 8725
    /// §3.1, §3.4).
    #[error("the header has no usable key")]
    Key,
    /// `jwk` is more than a public key: then whoever saw the proof could be its sender.
    #[error("the header has a private key")]
    PrivateKey,
    /// `htm` is absent or not the method of the request.
    #[error("the proof is for another method")]
    Method,
    /// `htu` is absent, no address, or not that of the request.
    #[error("the proof is for another address")]
    Uri,
    /// `ath` is absent or not the hash of the access token that came along.
    #[error("the proof is for another access token")]
    AccessToken,
    /// `nonce` is not a string.
    #[error("the nonce is not a string")]
    Nonce,
}

/// The header of a proof, which, unlike any other, brings its key. Nothing else here reads one so.
#[derive(Deserialize)]
struct Bearing {
    jwk: Option<Map<String, Value>>,
}

/// Verifies a DPoP proof as of `now`, in seconds since the Unix epoch (RFC 9449 §4.3).
///
/// Whether its nonce is ours, and whether the proof was here before, only the caller can tell.
///
/// ```
/// use std::time::Duration;
/// use keys::{Algorithm, ExpectProof, Signer, SigningKey};
///
/// let expect = ExpectProof {
///     method: "POST",
///     uri: "https://as.example/token",
///     algorithms: &[Algorithm::Es256],
///     past: Duration::from_secs(60),
///     future: Duration::from_secs(15),
///     access_token: None,
/// };
/// assert!(keys::verify_proof("no proof", &expect, 200).is_err());
/// ```
///
/// # Errors
///
/// The first check that failed.
pub fn verify_proof(proof: &str, expect: &ExpectProof<'_>, now: i64) -> Result<Proof, ProofFault> {
    let compact = Compact::split(proof)?;
    let header = compact.header()?;
    let Header { algorithm, typ, kid: _ } = Header::parse(&header)?;
    if !typ.is_some_and(|typ| media_name(&typ).eq_ignore_ascii_case("dpop+jwt")) {
        return Err(TokenFault::Typ.into());
    }
    if !expect.algorithms.contains(&algorithm) {
        return Err(TokenFault::Algorithm.into());
    }
    let brought = key(&header, algorithm)?;
    if !brought.key.signed(algorithm, compact.signed, compact.signature) {
        return Err(brought.fault());
    }
    let thumbprint = brought.thumbprint;
    let payload = compact.payload()?;
    let [jti, htm, htu, iat, exp, nbf, ath, nonce] =
        strict::read(&payload, ["jti", "htm", "htu", "iat", "exp", "nbf", "ath", "nonce"])?;
    let id = jti.and_then(name).ok_or(TokenFault::TokenId)?;
    // RFC 9110 §9.1: methods are case-sensitive.
    if text(htm).as_deref() != Some(expect.method) {
        return Err(ProofFault::Method);
    }
    let target = Target::parse(expect.uri).ok_or(ProofFault::Uri)?;
    if text(htu).as_deref().and_then(Target::parse) != Some(target) {
        return Err(ProofFault::Uri);
    }
    let issued_at = moment([iat, exp, nbf], expect, now)?;
    // Without an access token there is nothing to compare `ath` with, and §4.3 asks for nothing.
    if let Some(token) = expect.access_token
        && text(ath) != Some(URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())).into())
    {
        return Err(ProofFault::AccessToken);
    }
    let nonce = match nonce {
        None => None,
        Some(nonce) => Some(text(Some(nonce)).ok_or(ProofFault::Nonce)?.into_owned()),
    };
    Ok(Proof { thumbprint, id, issued_at, nonce })
}

/// The key the proof brings.
struct Brought {
    key: PublicKey,
    thumbprint: String,
    jwk: Jwk,
}

impl Brought {
    /// Why a signature is none of this key: whether it is one at all is told only of what has failed,
    /// since `ring`, which verifies, takes no point either that is not on the curve.
    fn fault(&self) -> ProofFault {
        match PublicKey::from_jwk(&Value::Object(self.jwk.as_ref().clone())) {
            Ok(_) => TokenFault::Signature.into(),
            Err(_) => ProofFault::Key,
        }
    }
}

fn key(header: &[u8], algorithm: Algorithm) -> Result<Brought, ProofFault> {
    // The strict walk over the header is done: no name is there twice.
    let Bearing { jwk } = serde_json::from_slice(header).map_err(|_| ProofFault::Key)?;
    let jwk = jwk.ok_or(ProofFault::Key)?;
    if PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member)) {
        return Err(ProofFault::PrivateKey);
    }
    let jwk = Jwk::from_map(jwk).map_err(|_| ProofFault::Key)?;
    let key = PublicKey::for_one_use(&jwk).map_err(|_| ProofFault::Key)?;
    if !key.serves(algorithm) {
        return Err(ProofFault::Key);
    }
    let thumbprint = thumbprint(&jwk).ok_or(ProofFault::Key)?;
    Ok(Brought { key, thumbprint, jwk })
}

/// `iat`, once it is recent. `exp` and `nbf` are not of a proof, but where they are they hold (RFC 7519
/// §4.1).
fn moment(
    [iat, exp, nbf]: [Option<Member<'_>>; 3],
    expect: &ExpectProof<'_>,
    now: i64,
) -> Result<i64, TokenFault> {
    let future = seconds(expect.future);
    let latest_now = now.saturating_add(future);
    let issued_at = issue(iat.as_ref(), latest_now)?;
    age(issued_at, expect.past, now)?;
    exp.map(|exp| expiry(&exp, now.saturating_sub(future))).transpose()?;
    beginning(nbf.as_ref(), latest_now)?;
    Ok(issued_at)
}

fn text(member: Option<Member<'_>>) -> Option<Cow<'_, str>> {
    match member {
        Some(Member::Text(text)) => Some(text),
        Some(Member::Texts(_) | Member::Integer(_) | Member::Other) | None => None,
    }
}
