use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{
    Algorithm, PublicKeys, TokenFault,
    expect::media_name,
    strict::{self, Member},
    verify::{audience, beginning, expiry, issue, issuer, name, open, seconds},
};

/// What an assertion must be to be believed. There is no default: every field is a decision.
#[derive(Clone, Debug)]
pub struct ExpectAssertion<'a> {
    pub kind: AssertionKind,
    /// The issuer, compared as a string; none where keys are found by something else, as by the trust
    /// domain of a SPIFFE id: then `iss` proves nothing and is not looked at.
    pub issuer: Option<&'a str>,
    /// The audience must be one of these.
    pub audience: &'a [&'a str],
    /// Whether it must be the only one: who accepts an assertion that is meant for others too can have
    /// been sent it by one of them.
    pub sole_audience: bool,
    /// The algorithms this party may use.
    pub algorithms: &'a [Algorithm],
    /// The tolerated difference of clocks, whole seconds.
    pub leeway: Duration,
    /// For how long it is remembered, and so good at most, whole seconds: after its `iat`, whatever it says
    /// of its end (many libraries write an hour); from now on, when it has no `iat`.
    pub longest: Option<Duration>,
}

/// What a party states about itself, or about another, as a JWT. None of these is an access token.
/// (An attestation's proof states nothing: [`verify_attestation_proof`](crate::verify_attestation_proof).)
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AssertionKind {
    /// A client authenticates itself: `client-authentication+jwt`, or untyped (rfc7523bis §3).
    ClientAuthentication,
    /// A workload's identity as its platform tells it: untyped (Kubernetes, CI and cloud providers).
    Workload,
    /// A JWT-SVID of SPIFFE: `JOSE`, or untyped.
    Svid,
    /// `oauth-client-attestation+jwt` (draft-ietf-oauth-attestation-based-client-auth §5.1).
    Attestation,
    /// `oauth-id-jag+jwt` (draft-ietf-oauth-identity-assertion-authz-grant).
    IdJag,
    /// An authorization grant of no type of its own: untyped (RFC 7523 §2.1).
    Grant,
}

impl AssertionKind {
    const fn typ(self) -> Option<&'static str> {
        match self {
            Self::ClientAuthentication => Some("client-authentication+jwt"),
            Self::Svid => Some("JOSE"),
            Self::Attestation => Some("oauth-client-attestation+jwt"),
            Self::IdJag => Some("oauth-id-jag+jwt"),
            Self::Workload | Self::Grant => None,
        }
    }

    /// Whether one without a type of its own is taken.
    const fn may_be_untyped(self) -> bool {
        match self {
            Self::ClientAuthentication | Self::Workload | Self::Svid | Self::Grant => true,
            Self::Attestation | Self::IdJag => false,
        }
    }

    fn takes(self, typ: Option<&str>) -> bool {
        match typ.map(media_name) {
            None => self.may_be_untyped(),
            Some(name) if name.eq_ignore_ascii_case("JWT") => self.may_be_untyped(),
            Some(name) => self.typ().is_some_and(|typ| name.eq_ignore_ascii_case(typ)),
        }
    }
}

/// The claims of an assertion whose signature, kind, issuer, audience and time were verified.
///
/// Evidence: only [`verify_assertion`] makes one. It does not pass for a token:
///
/// ```compile_fail,E0308
/// fn pass(assertion: keys::VerifiedAssertion<String>) -> keys::Verified<String> {
///     assertion
/// }
/// ```
///
/// but it can be passed on:
///
/// ```
/// fn pass(assertion: keys::VerifiedAssertion<String>) -> keys::VerifiedAssertion<String> {
///     assertion
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct VerifiedAssertion<C> {
    claims: C,
    registered: RegisteredAssertion,
}

impl<C> VerifiedAssertion<C> {
    /// The claims, in the type they were asked for.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The registered claims, typed.
    #[must_use]
    pub fn registered(&self) -> &RegisteredAssertion {
        &self.registered
    }
}

/// The registered claims of an assertion (RFC 7519 §4.1). Times are seconds since the Unix epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RegisteredAssertion {
    /// `iss`, the expected one; none when none was expected.
    pub issuer: Option<String>,
    /// `sub`: 1 to 255 bytes, no control characters.
    pub subject: String,
    /// `aud`, a single string being a list of one.
    pub audience: Vec<String>,
    /// Until when it is good: `exp`, or earlier (see [`ExpectAssertion::longest`]).
    pub expires_at: i64,
    /// `iat`, when there is one.
    pub issued_at: Option<i64>,
    /// `jti`, when there is one.
    pub id: Option<String>,
}

/// Verifies an assertion, a compact JWS, as of `now`, in seconds since the Unix epoch (RFC 7523 §3,
/// rfc7523bis).
///
/// `keys` must be those of whoever is expected to have signed it.
///
/// # Errors
///
/// The first check that failed.
pub fn verify_assertion<C: DeserializeOwned>(
    token: &str,
    keys: &PublicKeys,
    expect: &ExpectAssertion<'_>,
    now: i64,
) -> Result<VerifiedAssertion<C>, TokenFault> {
    let kind = |typ: Option<&str>| expect.kind.takes(typ).then_some(());
    let (payload, ()) = open(token, keys, expect.algorithms, kind)?;
    let registered = RegisteredAssertion::read(&payload, expect, now)?;
    let claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Claims)?;
    Ok(VerifiedAssertion { claims, registered })
}

impl RegisteredAssertion {
    fn read(payload: &[u8], expect: &ExpectAssertion<'_>, now: i64) -> Result<Self, TokenFault> {
        let [iss, aud, exp, nbf, iat, sub, jti] =
            strict::read(payload, ["iss", "aud", "exp", "nbf", "iat", "sub", "jti"])?;
        let issuer = expect.issuer.map(|expected| issuer(iss, expected)).transpose()?;
        let audience = audience(aud, expect.audience)?;
        if expect.sole_audience && audience.len() != 1 {
            return Err(TokenFault::Audience);
        }
        let leeway = seconds(expect.leeway);
        let (latest_now, earliest_now) = (now.saturating_add(leeway), now.saturating_sub(leeway));
        let expires_at = expiry(exp.as_ref().ok_or(TokenFault::Expiry)?, earliest_now)?;
        beginning(nbf.as_ref(), latest_now)?;
        let issued_at = match &iat {
            Some(_) => Some(issue(iat.as_ref(), latest_now)?),
            None => None,
        };
        let expires_at = match (expect.longest.map(seconds), issued_at) {
            // By its own words alone, or one that is too old would be good once more shortly before its
            // `exp`, when nobody remembers that it was used.
            (Some(longest), Some(issued_at)) => {
                let until = expires_at.min(issued_at.saturating_add(longest));
                if until <= earliest_now {
                    return Err(TokenFault::TooOld);
                }
                until
            }
            (Some(longest), None) if latest_now.saturating_add(longest) < expires_at => {
                return Err(TokenFault::TooLong);
            }
            (None, _) | (Some(_), None) => expires_at,
        };
        let subject = sub.and_then(name).ok_or(TokenFault::Subject)?;
        let id = match jti {
            Some(jti) => Some(name(jti).ok_or(TokenFault::TokenId)?),
            None => None,
        };
        Ok(Self { issuer, subject, audience, expires_at, issued_at, id })
    }
}

/// Whom an assertion says it is about, and who it says signed it. **Unverified: for routing only.**
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeekAssertion {
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub kid: Option<String>,
    pub typ: Option<String>,
}

/// Reads what an assertion says of itself. **For routing only**: nothing has been verified.
///
/// # Errors
///
/// When it could not be accepted whatever the key.
pub fn peek_assertion(token: &str) -> Result<PeekAssertion, TokenFault> {
    let compact = crate::compact::Compact::split(token)?;
    let header = compact.header()?;
    let header = crate::header::Header::parse(&header)?;
    let payload = compact.payload()?;
    let [issuer, subject] = strict::read(&payload, ["iss", "sub"])?;
    let text = |member: Option<Member<'_>>| match member {
        Some(Member::Text(text)) => Some(text.into_owned()),
        Some(Member::Texts(_) | Member::Integer(_) | Member::Other) | None => None,
    };
    Ok(PeekAssertion {
        issuer: text(issuer),
        subject: text(subject),
        kid: header.kid.map(std::borrow::Cow::into_owned),
        typ: header.typ.map(std::borrow::Cow::into_owned),
    })
}
