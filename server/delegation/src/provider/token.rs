//! Access tokens and ID tokens of identity providers, and tokens only they can read.

use std::time::Duration;

use keys::{Expect, Signatures, TokenFault, Typ, Verified};
use policy::{SubjectKind, Timestamp};
use serde_json::Value;

use super::{Said, taken_of};
use crate::{
    claims::ProviderClaims,
    org::{Agent, Connection},
    ports::Introspected,
    refusal::Fault,
    request::{DeclaredType, PresentedToken},
    subject::TokenRefusal,
};

/// Clocks of identity providers and ours may differ by this much; our own tokens get none.
pub(super) const LEEWAY: Duration = Duration::from_secs(10);

/// A JWT of a configured identity provider: subject or actor.
pub(crate) async fn token(
    (connection, signatures): (&Connection, &Signatures),
    agent: &Agent,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Result<Said, TokenRefusal>, Fault> {
    if let Err(refusal) = taken_of(connection, &agent.id) {
        return Ok(Err(refusal));
    }
    let kid = match keys::peek(presented.compact()) {
        Ok(peek) => peek.kid,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let keys = connection.provider.keys(kid.as_deref()).await?;
    let audience = audience(connection, agent);
    let expect = Expect {
        typ: &[Typ::AccessToken, Typ::Untyped],
        issuer: &connection.issuer,
        audience: &audience,
        algorithms: &connection.algorithms,
        leeway: LEEWAY,
        max_age: connection.tokens.longest_age.map(Duration::from_secs),
    };
    Ok(keys::verify_remembering(presented.compact(), (&keys, signatures), &expect, now.0)
        .map_err(TokenRefusal::from)
        .and_then(|verified| said(connection, &verified, presented.declared)))
}

/// For whom tokens of a provider may be: those we are told of, and the client itself.
fn audience<'a>(connection: &'a Connection, agent: &'a Agent) -> Vec<&'a str> {
    let ours = connection.audiences.iter().chain(&agent.aliases).chain([&agent.id]);
    ours.map(String::as_str).collect()
}

fn said(
    connection: &Connection,
    verified: &Verified<ProviderClaims>,
    declared: DeclaredType,
) -> Result<Said, TokenRefusal> {
    let kind = kind_of(connection, verified, declared)?;
    let agrees = match declared {
        DeclaredType::AccessToken => kind == SubjectKind::AccessToken,
        DeclaredType::IdToken => kind == SubjectKind::IdToken,
        DeclaredType::Jwt => true,
        DeclaredType::Assertion => false,
    };
    if !agrees {
        return Err(TokenRefusal::OtherKind);
    }
    let (claims, registered) = (verified.claims(), verified.registered());
    Ok(Said {
        kind,
        subject: registered.subject.clone(),
        audience: registered.audience.clone(),
        client: claims.issued_to()?.map(str::to_owned),
        expires_at: Timestamp(registered.expires_at),
        issued_at: Some(registered.issued_at),
        id: registered.id.clone(),
        once: None,
        claims: claims.clone(),
    })
}

/// RFC 8725 §3.12: kinds of JWTs are mutually exclusive. Ambiguous shapes are refused.
fn kind_of(
    connection: &Connection,
    token: &Verified<ProviderClaims>,
    declared: DeclaredType,
) -> Result<SubjectKind, TokenRefusal> {
    let claims = token.claims();
    // Keycloak GHSA-7fpj-9hr8-28vh: a logout token was exchanged for an access token.
    if claims.events.0 {
        return Err(TokenRefusal::NotATokenOfUsers);
    }
    let kind = match token.typ() {
        Typ::AccessToken => SubjectKind::AccessToken,
        Typ::Untyped => {
            match (claims.looks_like_an_id_token(), claims.looks_like_an_access_token()) {
                // Without a mark of either kind, the client at least must know what it is.
                (false, false) if declared != DeclaredType::IdToken => {
                    return Err(TokenRefusal::OtherKind);
                }
                (_, false) => SubjectKind::IdToken,
                (false, true) if connection.takes_untyped_access_tokens => SubjectKind::AccessToken,
                (_, true) => return Err(TokenRefusal::OtherKind),
            }
        }
    };
    let taken = match kind {
        SubjectKind::AccessToken => connection.takes_access_tokens,
        SubjectKind::IdToken => connection.takes_id_tokens,
        SubjectKind::Own | SubjectKind::Assertion | SubjectKind::Itself => false,
    };
    if taken { Ok(kind) } else { Err(TokenRefusal::OtherKind) }
}

/// Whether a token is no JWT, signed or encrypted: then only its provider can read it.
///
/// What merely fails to be a JWT is never shown to a provider: it may be somebody else's.
pub(crate) fn is_opaque(token: &str) -> bool {
    let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    is_visible && !matches!(token.split('.').count(), 3 | 5)
}

/// A token that is no JWT, as its provider describes it now. It is held to what a JWT is held to.
pub(crate) async fn opaque(
    connection: &Connection,
    agent: &Agent,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Result<Said, TokenRefusal>, Fault> {
    let is_taken = match presented.declared {
        DeclaredType::AccessToken => connection.tokens.opaque,
        DeclaredType::IdToken | DeclaredType::Jwt | DeclaredType::Assertion => false,
    };
    if !is_taken {
        return Ok(Err(TokenRefusal::OtherKind));
    }
    if let Err(refusal) = taken_of(connection, &agent.id) {
        return Ok(Err(refusal));
    }
    let Some(told) = connection.provider.introspect(&presented.token).await? else {
        return Ok(Err(TokenRefusal::Gone));
    };
    Ok(described(connection, agent, told, now))
}

fn described(
    connection: &Connection,
    agent: &Agent,
    told: Introspected,
    now: Timestamp,
) -> Result<Said, TokenRefusal> {
    if told.issuer.is_some_and(|issuer| issuer != connection.issuer) {
        return Err(TokenRefusal::UnknownIssuer);
    }
    let claims: ProviderClaims = serde_json::from_value(Value::Object(told.claims))
        .map_err(|_| TokenRefusal::Token(TokenFault::Claims))?;
    if claims.events.0 {
        return Err(TokenRefusal::NotATokenOfUsers);
    }
    let ours = audience(connection, agent);
    if !told.audience.iter().any(|name| ours.contains(&name.as_str())) {
        return Err(TokenFault::Audience.into());
    }
    // What the provider calls active, it may; longer than it says, it is not.
    if told.expires_at <= now {
        return Err(TokenFault::Expired.into());
    }
    if let Some(longest_age) = connection.tokens.longest_age.map(Duration::from_secs) {
        let issued_at = told.issued_at.ok_or(TokenFault::IssuedAt)?;
        if issued_at.plus(longest_age).plus(LEEWAY) < now {
            return Err(TokenFault::TooOld.into());
        }
    }
    let is_name = |name: &str| (1..=255).contains(&name.len()) && !name.contains(char::is_control);
    if !is_name(&told.subject) {
        return Err(TokenFault::Subject.into());
    }
    Ok(Said {
        kind: SubjectKind::AccessToken,
        subject: told.subject,
        audience: told.audience,
        client: claims.issued_to()?.map(str::to_owned),
        expires_at: told.expires_at,
        issued_at: told.issued_at.map(|at| at.0),
        id: told_id(&claims)?,
        once: None,
        claims,
    })
}

fn told_id(claims: &ProviderClaims) -> Result<Option<String>, TokenFault> {
    match claims.other.get("jti") {
        None => Ok(None),
        Some(Value::String(id)) if (1..=255).contains(&id.len()) => Ok(Some(id.clone())),
        Some(_) => Err(TokenFault::TokenId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_jwt_is_shown_to_nobody() {
        for token in ["ya29.abc", "opaque", "a.b.c.d", "-", "v1:abc/def+g=="] {
            assert!(is_opaque(token), "{token}");
        }
        for token in ["a.b.c", "a.b.c.d.e", "..", "with space", "n\u{e4}h"] {
            assert!(!is_opaque(token), "{token}");
        }
    }
}
