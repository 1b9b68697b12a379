use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{
    Algorithm, PublicKeys, TokenFault,
    expect::media_name,
    strict::{self, Member},
    verify::{audience, beginning, expiry, issue, issuer, name, open, seconds},
};

/// What a signed event must be to be believed. There is no default: every field is a decision.
#[derive(Clone, Debug)]
pub struct ExpectEvent<'a> {
    pub kind: EventKind,
    /// The issuer, compared as a string.
    pub issuer: &'a str,
    /// At least one of these must be among the event's audiences. Empty: the caller judges
    /// [`RegisteredEvent::audience`] itself.
    pub audience: &'a [&'a str],
    /// The algorithms this issuer may use.
    pub algorithms: &'a [Algorithm],
    /// The tolerated difference of clocks, whole seconds.
    pub leeway: Duration,
}

/// What a provider says on its own, as a JWT. None of these is a token anybody may use.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EventKind {
    /// A security event token of Shared Signals: `secevent+jwt` and nothing else (SSF 1.0 §4.1.1);
    /// it never has `exp` or `sub`.
    SecurityEvent,
    /// `logout+jwt`, or untyped (`OpenID` Connect Back-Channel Logout 1.0 §2.4).
    LogoutToken,
    /// Who asks that everything of a user be revoked: `global-token-revocation+jwt`, or untyped. It
    /// lets somebody in, so it must expire.
    GlobalRevocation,
}

impl EventKind {
    const fn typ(self) -> &'static str {
        match self {
            Self::SecurityEvent => "secevent+jwt",
            Self::LogoutToken => "logout+jwt",
            Self::GlobalRevocation => "global-token-revocation+jwt",
        }
    }

    /// Whether a `typ` header is this kind's: `Some(true)` by its own name, `Some(false)` untyped.
    fn named_by(self, typ: Option<&str>) -> Option<bool> {
        match (self, typ.map(media_name)) {
            (_, Some(name)) if name.eq_ignore_ascii_case(self.typ()) => Some(true),
            (Self::SecurityEvent, _) => None,
            (Self::LogoutToken | Self::GlobalRevocation, None) => Some(false),
            (Self::LogoutToken | Self::GlobalRevocation, Some(name)) => {
                name.eq_ignore_ascii_case("JWT").then_some(false)
            }
        }
    }

    fn expiry(
        self,
        exp: Option<&Member<'_>>,
        earliest_now: i64,
    ) -> Result<Option<i64>, TokenFault> {
        match (self, exp) {
            (Self::SecurityEvent, Some(_)) => Err(TokenFault::UnexpectedExpiry),
            (Self::SecurityEvent | Self::LogoutToken, None) => Ok(None),
            (Self::GlobalRevocation, None) => Err(TokenFault::Expiry),
            (Self::LogoutToken | Self::GlobalRevocation, Some(exp)) => {
                expiry(exp, earliest_now).map(Some)
            }
        }
    }

    fn subject(self, sub: Option<Member<'_>>) -> Result<Option<String>, TokenFault> {
        match (self, sub) {
            (_, None) => Ok(None),
            (Self::SecurityEvent, Some(_)) => Err(TokenFault::UnexpectedSubject),
            (Self::LogoutToken | Self::GlobalRevocation, Some(sub)) => {
                name(sub).map(Some).ok_or(TokenFault::Subject)
            }
        }
    }
}

/// The claims of an event whose signature, kind, issuer, audience and time were verified.
///
/// Evidence: only [`verify_event`] makes one.
///
/// ```
/// use std::time::Duration;
/// use keys::{Algorithm, EventKind, ExpectEvent, PublicKeys, Signer, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Es256)?;
/// let claims = serde_json::json!({"iss": "https://idp.example", "iat": 100, "jti": "1", "aud": "us"});
/// let set = keys::sign(&key, "secevent+jwt", &claims)?;
///
/// let jwks = serde_json::json!({"keys": [key.public_jwk()]}).to_string();
/// let expect = ExpectEvent {
///     kind: EventKind::SecurityEvent,
///     issuer: "https://idp.example",
///     audience: &["us"],
///     algorithms: &[Algorithm::Es256],
///     leeway: Duration::from_secs(300),
/// };
/// let verified: keys::VerifiedEvent<serde_json::Value> =
///     keys::verify_event(&set, &PublicKeys::parse(jwks.as_bytes())?, &expect, 200)?;
/// assert_eq!(verified.registered().id, "1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It cannot be made by hand:
///
/// ```compile_fail,E0451
/// fn forge(claims: String, registered: keys::RegisteredEvent) -> keys::VerifiedEvent<String> {
///     keys::VerifiedEvent { claims, registered, named: true }
/// }
/// ```
///
/// nor does it pass for a token:
///
/// ```compile_fail,E0308
/// fn pass(event: keys::VerifiedEvent<String>) -> keys::Verified<String> {
///     event
/// }
/// ```
///
/// but it can be passed on:
///
/// ```
/// fn pass(event: keys::VerifiedEvent<String>) -> keys::VerifiedEvent<String> {
///     event
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct VerifiedEvent<C> {
    claims: C,
    registered: RegisteredEvent,
    named: bool,
}

impl<C> VerifiedEvent<C> {
    /// The claims, in the type they were asked for.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The registered claims, typed.
    #[must_use]
    pub fn registered(&self) -> &RegisteredEvent {
        &self.registered
    }

    /// Whether its `typ` says which kind it is. One that is untyped could be another kind of JWT:
    /// the caller tells by the claims (RFC 8725 §3.12).
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.named
    }
}

/// The registered claims of an event (RFC 7519 §4.1). Times are seconds since the Unix epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RegisteredEvent {
    /// `iss`, the expected one.
    pub issuer: String,
    /// `sub`: 1 to 255 bytes, no control characters. Never of a security event.
    pub subject: Option<String>,
    /// `aud`, a single string being a list of one. Empty if absent and none was expected.
    pub audience: Vec<String>,
    /// `exp`. Never of a security event.
    pub expires_at: Option<i64>,
    /// `iat`. However long ago: what happened has happened.
    pub issued_at: i64,
    /// `jti`: 1 to 255 bytes, no control characters.
    pub id: String,
}

/// Verifies a signed event, a compact JWS, as of `now`, in seconds since the Unix epoch (RFC 8417
/// §2, SSF 1.0 §4.1, `OpenID` Connect Back-Channel Logout 1.0 §2.6).
///
/// As strict as [`verify`](crate::verify()); but an event may be old, may name no subject, and must have
/// an id. `keys` must be those of `expect.issuer`.
///
/// # Errors
///
/// The first check that failed.
pub fn verify_event<C: DeserializeOwned>(
    token: &str,
    keys: &PublicKeys,
    expect: &ExpectEvent<'_>,
    now: i64,
) -> Result<VerifiedEvent<C>, TokenFault> {
    let kind = |typ: Option<&str>| expect.kind.named_by(typ);
    let (payload, named) = open(token, keys, expect.algorithms, kind)?;
    let registered = RegisteredEvent::read(&payload, expect, now)?;
    let claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Claims)?;
    Ok(VerifiedEvent { claims, registered, named })
}

impl RegisteredEvent {
    fn read(payload: &[u8], expect: &ExpectEvent<'_>, now: i64) -> Result<Self, TokenFault> {
        let [iss, aud, exp, nbf, iat, sub, jti] =
            strict::read(payload, ["iss", "aud", "exp", "nbf", "iat", "sub", "jti"])?;
        let issuer = issuer(iss, expect.issuer)?;
        let audience = audience(aud, expect.audience)?;
        let leeway = seconds(expect.leeway);
        let latest_now = now.saturating_add(leeway);
        let expires_at = expect.kind.expiry(exp.as_ref(), now.saturating_sub(leeway))?;
        beginning(nbf.as_ref(), latest_now)?;
        let issued_at = issue(iat.as_ref(), latest_now)?;
        let subject = expect.kind.subject(sub)?;
        let id = jti.and_then(name).ok_or(TokenFault::TokenId)?;
        Ok(Self { issuer, subject, audience, expires_at, issued_at, id })
    }
}
