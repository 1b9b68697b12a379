//! Who is calling: credentials of a request, and what a client that proved itself is.
//!
//! Reading order: [`Credentials`] (what was sent), [`Presented`] (with what came along), then
//! [`authenticate`], one file for each kind of evidence below it, [`Caller`] (who it turned out to be) and
//! [`Unspent`]: what was proved by something that may be used once, until it is used.

mod assertion;
mod attestation;
mod caller;
mod certificate;
mod registered;
mod secret;

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use keys::Certificate;
use policy::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

pub(crate) use self::caller::Claimed;
pub use self::{
    caller::{AuthenticatedClient, AuthenticatedServer, Caller},
    registered::{Attester, Client, TrustDomain, Trusted, WorkloadIssuer},
};
use crate::{
    declared::Method,
    form::{Form, Malformed, decode},
    org::Org,
    ports::{Once, OnceKind},
    refusal::{Failure, ProofRefusal, Refusal},
};

/// RFC 7523 §2.2: the client's own JWT, or its platform's.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// draft-ietf-oauth-spiffe-client-auth: a JWT-SVID.
pub const JWT_SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// What a request carries to say who sends it.
#[derive(Debug)]
pub enum Credentials {
    None,
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    Basic {
        id: String,
        secret: SecretString,
    },
    /// `client_secret_post` (RFC 6749 §2.3.1).
    Post {
        id: String,
        secret: SecretString,
    },
    /// A client assertion (RFC 7521 §4.2), and the `client_id` that was sent along.
    Assertion {
        kind: AssertionType,
        id: Option<String>,
        assertion: SecretString,
    },
    /// A `client_id` alone: whatever comes along has to prove it.
    Named {
        id: String,
    },
    /// A way of authentication we do not offer, or one that is broken in itself.
    Unusable,
}

/// `client_assertion_type`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionType {
    /// [`JWT_BEARER`]
    Jwt,
    /// [`JWT_SPIFFE`]
    Svid,
}

impl Credentials {
    /// Reads the `Authorization` header and the body.
    ///
    /// # Errors
    ///
    /// RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each
    /// request." Repeated parameters are refused too.
    pub fn read(authorization: Option<&str>, form: &Form) -> Result<Self, Malformed> {
        let id = form.at_most_one("client_id")?;
        let secret = form.at_most_one("client_secret")?;
        let assertion = form.at_most_one("client_assertion")?;
        let kind = form.at_most_one("client_assertion_type")?;
        let ways = [authorization, secret, assertion];
        if 1 < ways.iter().filter(|way| way.is_some()).count() {
            return Err(Malformed::TwoWaysToAuthenticate);
        }
        let kind = match kind {
            Some(JWT_BEARER) => Some(AssertionType::Jwt),
            Some(JWT_SPIFFE) => Some(AssertionType::Svid),
            Some(_) => return Ok(Self::Unusable),
            None => None,
        };
        Ok(match (authorization, id, secret, assertion, kind) {
            (Some(header), body_id, _, _, None) => match basic(header) {
                // A `client_id` in the body must not contradict the header.
                Some((id, secret)) if body_id.is_none_or(|body_id| body_id == id) => {
                    Self::Basic { id, secret }
                }
                Some(_) | None => Self::Unusable,
            },
            (None, Some(id), Some(secret), _, None) => {
                Self::Post { id: id.to_owned(), secret: SecretString::from(secret) }
            }
            (None, id, None, Some(assertion), Some(kind)) => Self::Assertion {
                kind,
                id: id.map(str::to_owned),
                assertion: SecretString::from(assertion),
            },
            (None, Some(id), None, None, None) => Self::Named { id: id.to_owned() },
            (None, None, None, None, None) => Self::None,
            (_, _, _, _, _) => Self::Unusable,
        })
    }

    /// The client that the request claims to come from. **Unverified: for the audit trail, and for
    /// limits.** An assertion that comes without a `client_id` says it itself.
    #[must_use]
    pub fn claimed(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Basic { id, .. }
            | Self::Post { id, .. }
            | Self::Named { id }
            | Self::Assertion { id: Some(id), .. } => Some(Cow::Borrowed(id)),
            Self::Assertion { id: None, assertion, .. } => {
                let says = keys::peek_assertion(assertion.expose_secret()).ok()?;
                says.subject.map(Cow::Owned)
            }
            Self::None | Self::Unusable => None,
        }
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined and base64-encoded.
fn basic(header: &str) -> Option<(String, SecretString)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    Some((decode(id).ok()?, SecretString::from(decode(secret).ok()?)))
}

/// All that came along to prove who sends a request.
#[derive(Debug)]
pub struct Presented<'a> {
    pub credentials: Credentials,
    /// The client's certificate, from TLS or from a proxy that is trusted to hand it over.
    pub certificate: Option<&'a Certificate>,
    /// `OAuth-Client-Attestation` and `OAuth-Client-Attestation-PoP`.
    pub attestation: Option<(&'a str, &'a str)>,
    /// When the request arrived.
    pub now: Timestamp,
}

/// Why a caller is not believed. The caller learns none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    #[error("no client authentication")]
    Missing,
    #[error("a way of client authentication that is not offered, or unreadable credentials")]
    Unusable,
    #[error("unknown client")]
    Unknown,
    #[error("wrong client secret")]
    WrongSecret,
    #[error("the client is disabled")]
    Disabled,
    #[error("the client may not authenticate so")]
    OtherMethod,
    #[error("the client assertion: {0}")]
    Assertion(keys::TokenFault),
    #[error("the client assertion is of another client")]
    OtherClient,
    #[error("the client assertion has no `jti`, so that it could be used again")]
    NoId,
    #[error("the client assertion was used before")]
    Replayed,
    #[error("nobody who is trusted here has issued it")]
    UnknownIssuer,
    #[error("the workload is not the one that is registered, or stands no more")]
    Workload,
    #[error("the certificate: {0}")]
    Certificate(#[from] keys::CertificateFault),
    #[error("the certificate is of somebody else")]
    OtherName,
    #[error("the attestation, or its proof: {0}")]
    Attestation(keys::TokenFault),
}

/// Something that was proved by what may be used once, and is worth nothing until that is used: whoever
/// has one has to [`spend`](Self::spend) it to get at what it proves.
///
/// ```compile_fail,E0616
/// fn get(unspent: delegation::client::Unspent<String>) -> String { unspent.proved }
/// ```
///
/// ```
/// fn both(
///     one: delegation::client::Unspent<String>,
///     other: delegation::client::Unspent<u8>,
/// ) -> delegation::client::Unspent<(String, u8)> {
///     one.and(other)
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Unspent<T> {
    proved: T,
    once: Vec<Once>,
}

impl<T> Unspent<T> {
    pub(crate) const fn new(proved: T, once: Vec<Once>) -> Self {
        Self { proved, once }
    }

    /// The same of what it proves.
    ///
    /// # Errors
    ///
    /// As `then`.
    pub fn then<U, E>(self, then: impl FnOnce(T) -> Result<U, E>) -> Result<Unspent<U>, E> {
        Ok(Unspent { proved: then(self.proved)?, once: self.once })
    }

    /// Both at once.
    pub fn and<U>(self, other: Unspent<U>) -> Unspent<(T, U)> {
        let mut once = self.once;
        once.extend(other.once);
        Unspent { proved: (self.proved, other.proved), once }
    }

    /// Looks at what would be proved, to know what else to ask for. Nothing may be issued by it.
    #[must_use]
    pub const fn peek(&self) -> &T {
        &self.proved
    }

    /// Uses what may be used once, for the request `by`, and gives what it proves. Asks nobody when
    /// there is nothing to use.
    ///
    /// # Errors
    ///
    /// It was used before, by another request.
    pub async fn spend(self, org: &Org, by: Uuid) -> Result<T, Failure> {
        if self.once.is_empty() {
            return Ok(self.proved);
        }
        match org.once.spend(&self.once, by).await? {
            None => Ok(self.proved),
            Some(Once { kind: OnceKind::Proof, .. }) => {
                Err(Refusal::Proof(ProofRefusal::Replayed).into())
            }
            Some(Once {
                kind: OnceKind::ClientAssertion | OnceKind::Attestation | OnceKind::Grant,
                ..
            }) => Err(Refusal::Client(ClientFault::Replayed).into()),
        }
    }
}

/// Believes an agent, a service account or a resource server, or nobody. Their client ids are one
/// namespace.
///
/// An unknown client costs as much as a wrong secret, so that time does not tell them apart.
///
/// # Errors
///
/// [`Refusal::Client`]; or its keys cannot be had now.
pub async fn authenticate(
    org: &Org,
    presented: &Presented<'_>,
) -> Result<Unspent<Caller>, Failure> {
    match &presented.credentials {
        Credentials::Basic { id, secret } => {
            secret::authenticate(org, id, secret, Method::ClientSecretBasic).map_err(refused)
        }
        Credentials::Post { id, secret } => {
            secret::authenticate(org, id, secret, Method::ClientSecretPost).map_err(refused)
        }
        Credentials::Assertion { kind, id, assertion } => {
            assertion::authenticate(org, presented, (*kind, id.as_deref(), assertion)).await
        }
        Credentials::Named { id } => match (presented.attestation, presented.certificate) {
            (Some(attestation), _) => {
                attestation::authenticate(org, presented, (id, attestation)).await
            }
            (None, Some(certificate)) => {
                certificate::authenticate(org, presented, (id, certificate)).await
            }
            (None, None) => Err(refused(ClientFault::Missing)),
        },
        Credentials::None => Err(refused(ClientFault::Missing)),
        Credentials::Unusable => Err(refused(ClientFault::Unusable)),
    }
}

pub(crate) fn refused(fault: ClientFault) -> Failure {
    Refusal::Client(fault).into()
}

#[cfg(test)]
pub(crate) mod tests;
