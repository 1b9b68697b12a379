//! Introspection ([RFC 7662]): what the ledger says of a token now, to whom the token is meant for.
//!
//! Nobody else is asked: whatever the identity provider has said meanwhile, by signal or when it was
//! asked, has ended what it had to end. Read top to bottom: verify, authorize, find, answer.
//!
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662

use std::time::Duration;

use keys::{Algorithm, Expect, Registered, TokenFault, Typ, Verified};
use policy::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    claims::{Act, Cnf, OwnClaims},
    client::Caller,
    custody,
    form::{Form, Malformed},
    org::Org,
    refusal::Fault,
};

/// RFC 9701 §5: the media type of a signed answer, and the `typ` of its token.
pub const SIGNED_TYP: &str = "token-introspection+jwt";

/// RFC 7662 §2.1. `token_type_hint` helps those who keep tokens in several places: here is one.
#[derive(Debug)]
pub struct IntrospectionRequest {
    token: SecretString,
}

impl IntrospectionRequest {
    /// # Errors
    ///
    /// The first parameter that is missing or repeated.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let token = SecretString::from(form.one("token")?);
        form.at_most_one("token_type_hint")?;
        Ok(Self { token })
    }
}

/// What the caller is told. Every token that is not active is told of in the same octets.
#[derive(Debug)]
#[must_use]
pub enum Introspection {
    Active(Box<Active>),
    Inactive(Inactive),
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Nothing {
            active: bool,
        }
        match self {
            Self::Active(active) => active.serialize(serializer),
            Self::Inactive(_) => Nothing { active: false }.serialize(serializer),
        }
    }
}

/// Why a token is not active, for this caller. Not for the caller to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    /// Not a token of this organization, forged, of another kind.
    NotOurs(TokenFault),
    Expired,
    /// Meant for somebody else.
    OtherAudience,
    /// The ledger does not know it, or knows another of that id.
    NotRecorded,
    /// It, the grant or an earlier delegation of its chain has ended.
    Ended,
}

impl Inactive {
    /// The stable name in metrics and logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOurs(_) => "not_ours",
            Self::Expired => "expired",
            Self::OtherAudience => "other_audience",
            Self::NotRecorded => "not_recorded",
            Self::Ended => "ended",
        }
    }

    /// Whether a newer snapshot of the organization could say otherwise: it has other keys.
    #[must_use]
    pub const fn may_be_of_the_past(self) -> bool {
        match self {
            Self::NotOurs(_) => true,
            Self::Expired | Self::OtherAudience | Self::NotRecorded | Self::Ended => false,
        }
    }
}

/// A token that holds now (RFC 7662 §2.2, RFC 8693 §7.5). Only [`introspect`] makes one, after
/// the caller turned out to be whom the token is meant for.
#[derive(Debug, Serialize)]
#[must_use]
pub struct Active {
    active: bool,
    scope: String,
    client_id: String,
    token_type: &'static str,
    exp: i64,
    iat: i64,
    sub: String,
    aud: Audience,
    iss: String,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    may_act: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Cnf>,
    org_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

/// As in the token: one is written as itself (RFC 7519 §4.1.3).
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Tells `caller` of a token.
///
/// # Errors
///
/// [`Fault::Changed`] when `org` is an old snapshot; any fault means that nobody knows: never that
/// the token is active.
pub async fn introspect(
    org: &Org,
    caller: &Caller,
    request: &IntrospectionRequest,
    now: Timestamp,
) -> Result<Introspection, Fault> {
    let compact = request.token.expose_secret();
    let verified = match verify(org, compact, now) {
        Ok(verified) => verified,
        Err(TokenFault::Expired) => return Ok(Introspection::Inactive(Inactive::Expired)),
        Err(fault) => return Ok(Introspection::Inactive(Inactive::NotOurs(fault))),
    };
    // RFC 7662 §4: whoever may not know is told nothing, and nothing is looked up for them.
    let registered = verified.registered();
    if !registered.audience.iter().any(|audience| audience == caller.audience()) {
        return Ok(Introspection::Inactive(Inactive::OtherAudience));
    }
    if let Some(inactive) = found(org, registered, compact, now).await? {
        return Ok(Introspection::Inactive(inactive));
    }
    Ok(Introspection::Active(Box::new(active(&verified))))
}

/// One of this organization's access tokens, whoever it is for.
fn verify(org: &Org, compact: &str, now: Timestamp) -> Result<Verified<OwnClaims>, TokenFault> {
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: &org.issuer,
        // That is judged by who asks.
        audience: &[],
        // The key that `kid` names serves one algorithm only.
        algorithms: &Algorithm::ALL,
        leeway: Duration::ZERO,
        max_age: None,
    };
    let verified: Verified<OwnClaims> =
        keys::verify_remembering(compact, org.signing(), &expect, now.0)?;
    if verified.claims().org_id == org.id { Ok(verified) } else { Err(TokenFault::Claims) }
}

/// A valid signature is not a live token: what the ledger has against it, if anything.
async fn found(
    org: &Org,
    registered: &Registered,
    compact: &str,
    now: Timestamp,
) -> Result<Option<Inactive>, Fault> {
    let id = registered.id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let Some(id) = id else { return Ok(Some(Inactive::NotRecorded)) };
    let Some(found) = org.ledger.find(id).await? else { return Ok(Some(Inactive::NotRecorded)) };
    if found.revision != org.revision {
        // The key that signed it may be nobody's by now.
        return Err(Fault::Changed);
    }
    let is_over = found.grant_expires_at.is_some_and(|at| at <= now);
    Ok(if found.token_hash != keys::sha256(compact.as_bytes()) {
        Some(Inactive::NotRecorded)
    } else if found.ended_at.is_some() || is_over {
        Some(Inactive::Ended)
    } else {
        None
    })
}

fn active(verified: &Verified<OwnClaims>) -> Active {
    let (claims, registered) = (verified.claims(), verified.registered());
    // RFC 9449 §6.2: a bound token is introspected with the type it has to be presented as.
    let is_bound = matches!(claims.cnf, Some(Cnf::Key(_)));
    let aud = match registered.audience.as_slice() {
        [one] => Audience::One(one.clone()),
        several => Audience::Several(several.to_vec()),
    };
    Active {
        active: true,
        scope: claims.scope.clone(),
        client_id: claims.client_id.clone(),
        token_type: if is_bound { "DPoP" } else { "Bearer" },
        exp: registered.expires_at,
        iat: registered.issued_at,
        sub: registered.subject.clone(),
        aud,
        iss: registered.issuer.clone(),
        jti: registered.id.clone().unwrap_or_default(),
        act: claims.act.clone(),
        may_act: claims.may_act.clone(),
        cnf: claims.cnf.clone(),
        org_id: claims.org_id.clone(),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
        auth_time: claims.auth_time,
    }
}

/// RFC 9701 §5. No `sub`, no `exp` at the top: nothing that could be taken for a token of a user (§8.1).
#[derive(Serialize)]
struct SignedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: &'a Introspection,
}

/// The answer as a JWT, for a caller who has to prove to others what it was told.
///
/// It names the caller as it authenticated: that is what client libraries compare `aud` with.
///
/// # Errors
///
/// The signing key cannot be used.
pub async fn signed(
    org: &Org,
    caller: &Caller,
    introspection: &Introspection,
    now: Timestamp,
) -> Result<String, Fault> {
    let claims = SignedClaims {
        iss: &org.issuer,
        aud: caller.client_id(),
        iat: now.0,
        token_introspection: introspection,
    };
    custody::sign(org.ring.active(), SIGNED_TYP, &claims).await
}

#[cfg(test)]
mod tests;
