use std::{borrow::Cow, time::Duration};

use serde::de::DeserializeOwned;

use crate::{
    Algorithm, Expect, PublicKey, PublicKeys, Signatures, TokenFault, Typ,
    compact::Compact,
    header::Header,
    strict::{self, Member},
};

/// `OpenID` Connect Core §2 allows a `sub` of 255 ASCII characters; counted in bytes here.
const MAX_NAME: usize = 255;

/// The claims of a token whose signature, kind, issuer, audience and age were verified.
///
/// Evidence: only [`verify`] makes one.
///
/// ```
/// use std::time::Duration;
/// use keys::{Algorithm, Expect, PublicKeys, Signer, SigningKey, Typ};
///
/// let key = SigningKey::generate(Algorithm::Es256)?;
/// let claims = serde_json::json!({"iss": "https://idp.example", "sub": "alice", "iat": 100, "exp": 400});
/// let token = keys::sign(&key, "at+jwt", &claims)?;
///
/// let jwks = serde_json::json!({"keys": [key.public_jwk()]}).to_string();
/// let expect = Expect {
///     typ: &[Typ::AccessToken],
///     issuer: "https://idp.example",
///     audience: &[],
///     algorithms: &[Algorithm::Es256],
///     leeway: Duration::from_secs(10),
///     max_age: None,
/// };
/// let verified: keys::Verified<serde_json::Value> =
///     keys::verify(&token, &PublicKeys::parse(jwks.as_bytes())?, &expect, 200)?;
/// assert_eq!(verified.registered().subject, "alice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It cannot be made by hand:
///
/// ```compile_fail,E0451
/// fn forge(claims: String, registered: keys::Registered) -> keys::Verified<String> {
///     keys::Verified { claims, registered, typ: keys::Typ::AccessToken }
/// }
/// ```
///
/// but it can be passed on:
///
/// ```
/// fn pass(verified: keys::Verified<String>) -> keys::Verified<String> {
///     verified
/// }
/// ```
///
/// Nor can it be read from JSON:
///
/// ```compile_fail,E0277
/// fn forge(json: &str) -> Option<keys::Verified<String>> {
///     serde_json::from_str(json).ok()
/// }
/// ```
///
/// as its claims can:
///
/// ```
/// fn read(json: &str) -> Option<String> {
///     serde_json::from_str(json).ok()
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Verified<C> {
    claims: C,
    registered: Registered,
    typ: Typ,
}

impl<C> Verified<C> {
    /// The claims, in the type they were asked for.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The kind of the token, one of those that were expected.
    #[must_use]
    pub fn typ(&self) -> Typ {
        self.typ
    }

    /// The registered claims, typed.
    #[must_use]
    pub fn registered(&self) -> &Registered {
        &self.registered
    }
}

/// The registered claims of a token (RFC 7519 §4.1). Times are seconds since the Unix epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Registered {
    /// `iss`, the expected one.
    pub issuer: String,
    /// `sub`: 1 to 255 bytes, no control characters.
    pub subject: String,
    /// `aud`, a single string being a list of one. Empty if absent and none was expected.
    pub audience: Vec<String>,
    /// `exp`.
    pub expires_at: i64,
    /// `iat`.
    pub issued_at: i64,
    /// `jti`: 1 to 255 bytes, no control characters.
    pub id: Option<String>,
}

/// Verifies `token`, a compact JWS, as of `now`, in seconds since the Unix epoch (RFC 7515 §5.2,
/// RFC 7519 §7.2, RFC 8725 §3).
///
/// `keys` must be those of `expect.issuer`. Nothing of the payload is read before the signature.
///
/// # Errors
///
/// The first check that failed. For logs and audit, never for the caller.
pub fn verify<C: DeserializeOwned>(
    token: &str,
    keys: &PublicKeys,
    expect: &Expect<'_>,
    now: i64,
) -> Result<Verified<C>, TokenFault> {
    read(token, (keys, None), expect, now)
}

/// The same of a token that may be presented again and again: its signature, and nothing else of it, is
/// looked up in `remembered` first.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_remembering<C: DeserializeOwned>(
    token: &str,
    (keys, remembered): (&PublicKeys, &Signatures),
    expect: &Expect<'_>,
    now: i64,
) -> Result<Verified<C>, TokenFault> {
    read(token, (keys, Some(remembered)), expect, now)
}

fn read<C: DeserializeOwned>(
    token: &str,
    (keys, remembered): (&PublicKeys, Option<&Signatures>),
    expect: &Expect<'_>,
    now: i64,
) -> Result<Verified<C>, TokenFault> {
    let kind = |typ: Option<&str>| Typ::of(typ).filter(|typ| expect.typ.contains(typ));
    let compact = Compact::split(token)?;
    let select = |kid: Option<&str>, algorithm| keys.select(kid, algorithm);
    let (payload, typ) = opened_by(&compact, (select, remembered), expect.algorithms, kind)?;
    let registered = Registered::read(&payload, expect, now)?;
    let claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Claims)?;
    Ok(Verified { claims, registered, typ })
}

/// The payload of `token`, once its algorithm, its kind and its signature hold.
pub(crate) fn open<T>(
    token: &str,
    keys: &PublicKeys,
    algorithms: &[Algorithm],
    kind: impl FnOnce(Option<&str>) -> Option<T>,
) -> Result<(Vec<u8>, T), TokenFault> {
    opened(&Compact::split(token)?, keys, algorithms, kind)
}

/// The same of what is cut already.
pub(crate) fn opened<T>(
    compact: &Compact<'_>,
    keys: &PublicKeys,
    algorithms: &[Algorithm],
    kind: impl FnOnce(Option<&str>) -> Option<T>,
) -> Result<(Vec<u8>, T), TokenFault> {
    let select = |kid: Option<&str>, algorithm| keys.select(kid, algorithm);
    opened_by(compact, (select, None), algorithms, kind)
}

/// The same with the key that `select` finds for a `kid` and an algorithm.
pub(crate) fn opened_by<'k, T>(
    compact: &Compact<'_>,
    (select, remembered): (
        impl FnOnce(Option<&str>, Algorithm) -> Result<&'k PublicKey, TokenFault>,
        Option<&Signatures>,
    ),
    algorithms: &[Algorithm],
    kind: impl FnOnce(Option<&str>) -> Option<T>,
) -> Result<(Vec<u8>, T), TokenFault> {
    let header = compact.header()?;
    let header = Header::parse(&header)?;
    if !algorithms.contains(&header.algorithm) {
        return Err(TokenFault::Algorithm);
    }
    let kind = kind(header.typ.as_deref()).ok_or(TokenFault::Typ)?;
    let key = select(header.kid.as_deref(), header.algorithm)?;
    let signed = (compact.signed, compact.signature);
    let holds = match remembered {
        Some(remembered) => remembered.signed(key, header.algorithm, signed),
        None => key.signed(header.algorithm, compact.signed, compact.signature),
    };
    if !holds {
        return Err(TokenFault::Signature);
    }
    Ok((compact.payload()?, kind))
}

impl Registered {
    fn read(payload: &[u8], expect: &Expect<'_>, now: i64) -> Result<Self, TokenFault> {
        let [iss, aud, exp, nbf, iat, sub, jti] =
            strict::read(payload, ["iss", "aud", "exp", "nbf", "iat", "sub", "jti"])?;
        let issuer = issuer(iss, expect.issuer)?;
        let audience = audience(aud, expect.audience)?;
        let (expires_at, issued_at) = times([exp, nbf, iat], expect, now)?;
        let subject = name(sub.ok_or(TokenFault::Subject)?).ok_or(TokenFault::Subject)?;
        let id = match jti {
            Some(jti) => Some(name(jti).ok_or(TokenFault::TokenId)?),
            None => None,
        };
        Ok(Self { issuer, subject, audience, expires_at, issued_at, id })
    }
}

pub(crate) fn issuer(iss: Option<Member<'_>>, expected: &str) -> Result<String, TokenFault> {
    match iss {
        // An array of issuers is none (CVE-2025-30144).
        Some(Member::Text(issuer)) if issuer == expected && !issuer.is_empty() => {
            Ok(issuer.into_owned())
        }
        Some(Member::Text(_) | Member::Texts(_) | Member::Integer(_) | Member::Other) | None => {
            Err(TokenFault::Issuer)
        }
    }
}

pub(crate) fn audience(
    aud: Option<Member<'_>>,
    expected: &[&str],
) -> Result<Vec<String>, TokenFault> {
    let audience = match aud {
        None => Vec::new(),
        Some(Member::Text(one)) => vec![one.into_owned()],
        Some(Member::Texts(several)) => several.into_iter().map(Cow::into_owned).collect(),
        Some(Member::Integer(_) | Member::Other) => return Err(TokenFault::Audience),
    };
    if expected.is_empty() || audience.iter().any(|one| expected.contains(&one.as_str())) {
        Ok(audience)
    } else {
        Err(TokenFault::Audience)
    }
}

/// `exp` and `iat`, once both and `nbf` hold at `now`.
fn times(
    [exp, nbf, iat]: [Option<Member<'_>>; 3],
    expect: &Expect<'_>,
    now: i64,
) -> Result<(i64, i64), TokenFault> {
    let leeway = seconds(expect.leeway);
    let latest_now = now.saturating_add(leeway);
    let earliest_now = now.saturating_sub(leeway);
    let expires_at = expiry(exp.as_ref().ok_or(TokenFault::Expiry)?, earliest_now)?;
    beginning(nbf.as_ref(), latest_now)?;
    let issued_at = issue(iat.as_ref(), latest_now)?;
    if let Some(max_age) = expect.max_age {
        age(issued_at, max_age, earliest_now)?;
    }
    Ok((expires_at, issued_at))
}

/// Whether what was issued then is no older than that.
pub(crate) fn age(issued_at: i64, max_age: Duration, earliest_now: i64) -> Result<(), TokenFault> {
    if earliest_now <= issued_at.saturating_add(seconds(max_age)) {
        Ok(())
    } else {
        Err(TokenFault::TooOld)
    }
}

/// RFC 7519 §4.1.4: "on or after which the JWT MUST NOT be accepted".
pub(crate) fn expiry(exp: &Member<'_>, earliest_now: i64) -> Result<i64, TokenFault> {
    match exp {
        Member::Integer(expires_at) if earliest_now < *expires_at => Ok(*expires_at),
        Member::Integer(_) => Err(TokenFault::Expired),
        Member::Text(_) | Member::Texts(_) | Member::Other => Err(TokenFault::Expiry),
    }
}

/// `nbf`, when there is one (RFC 7519 §4.1.5).
pub(crate) fn beginning(nbf: Option<&Member<'_>>, latest_now: i64) -> Result<(), TokenFault> {
    match nbf {
        None => Ok(()),
        Some(Member::Integer(not_before)) if *not_before <= latest_now => Ok(()),
        Some(Member::Integer(_)) => Err(TokenFault::NotYetValid),
        Some(Member::Text(_) | Member::Texts(_) | Member::Other) => Err(TokenFault::NotBefore),
    }
}

pub(crate) fn issue(iat: Option<&Member<'_>>, latest_now: i64) -> Result<i64, TokenFault> {
    match iat {
        Some(Member::Integer(issued_at)) if *issued_at <= latest_now => Ok(*issued_at),
        Some(Member::Integer(_)) => Err(TokenFault::IssuedInFuture),
        Some(Member::Text(_) | Member::Texts(_) | Member::Other) | None => {
            Err(TokenFault::IssuedAt)
        }
    }
}

pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// A text that may name something in a database, a log line and another token.
pub(crate) fn name(member: Member<'_>) -> Option<String> {
    match member {
        // PostgreSQL text cannot hold NUL: it would be a 500 where a refusal is due.
        Member::Text(text)
            if (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control) =>
        {
            Some(text.into_owned())
        }
        Member::Text(_) | Member::Texts(_) | Member::Integer(_) | Member::Other => None,
    }
}
