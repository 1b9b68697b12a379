//! Authorization grants of identity providers: an ID-JAG
//! (draft-ietf-oauth-identity-assertion-authz-grant §4.4), or a JWT of no type of its own (RFC 7523 §3).

use std::time::Duration;

use keys::{AssertionKind, ExpectAssertion, PeekAssertion, TokenFault, VerifiedAssertion};
use policy::{SubjectKind, Timestamp};

use super::{Said, taken_of, token::LEEWAY};
use crate::{
    claims::ProviderClaims,
    org::{Agent, Connection, Org},
    ports::{Once, OnceKind},
    refusal::Fault,
    request::{PresentedToken, TOKEN_ENDPOINT},
    subject::TokenRefusal,
};

/// An ID-JAG is for one client, which may come again with it for so long after its `iat`.
const LONGEST_ID_JAG: Duration = Duration::from_hours(1);
/// Any other one is for one use, and what was used is remembered until then.
const LONGEST_GRANT: Duration = Duration::from_mins(5);

/// An assertion of a configured identity provider for us to issue a token on.
pub(crate) async fn assertion(
    org: &Org,
    connection: &Connection,
    agent: &Agent,
    (presented, peek): (&PresentedToken, &PeekAssertion),
    now: Timestamp,
) -> Result<Result<Said, TokenRefusal>, Fault> {
    let kind = kind_of(peek);
    let is_taken = if kind == AssertionKind::IdJag {
        connection.takes_id_jags
    } else {
        connection.takes_assertions
    };
    if !is_taken {
        return Ok(Err(TokenRefusal::OtherKind));
    }
    if let Err(refusal) = taken_of(connection, &agent.id) {
        return Ok(Err(refusal));
    }
    let keys = connection.provider.keys(peek.kid.as_deref()).await?;
    let token_endpoint = format!("{}{TOKEN_ENDPOINT}", org.issuer);
    let (audience, longest) = if kind == AssertionKind::IdJag {
        (vec![org.issuer.as_str()], LONGEST_ID_JAG)
    } else {
        // RFC 7523 §3 (3): "The token endpoint URL of the authorization server MAY be used".
        (vec![org.issuer.as_str(), &token_endpoint], LONGEST_GRANT)
    };
    let expect = ExpectAssertion {
        kind,
        issuer: Some(&connection.issuer),
        audience: &audience,
        sole_audience: true,
        algorithms: &connection.algorithms,
        leeway: LEEWAY,
        longest: Some(longest),
    };
    Ok(keys::verify_assertion(presented.compact(), &keys, &expect, now.0)
        .map_err(TokenRefusal::from)
        .and_then(|verified| said(connection, agent, kind, &verified, now)))
}

/// By its type, which is verified with its signature.
fn kind_of(peek: &PeekAssertion) -> AssertionKind {
    let typ = peek.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    if typ.ends_with("oauth-id-jag+jwt") { AssertionKind::IdJag } else { AssertionKind::Grant }
}

fn said(
    connection: &Connection,
    agent: &Agent,
    kind: AssertionKind,
    verified: &VerifiedAssertion<ProviderClaims>,
    now: Timestamp,
) -> Result<Said, TokenRefusal> {
    let (claims, registered) = (verified.claims(), verified.registered());
    // A logout token, or an ID token: never meant to be a grant.
    if claims.events.0 {
        return Err(TokenRefusal::NotATokenOfUsers);
    }
    if claims.looks_like_an_id_token() {
        return Err(TokenRefusal::OtherKind);
    }
    if let Some(longest_age) = connection.tokens.longest_age.map(Duration::from_secs) {
        let issued_at = Timestamp(registered.issued_at.ok_or(TokenFault::IssuedAt)?);
        if issued_at.plus(longest_age).plus(LEEWAY) < now {
            return Err(TokenFault::TooOld.into());
        }
    }
    let named = claims.issued_to()?.map(str::to_owned);
    let (client, once) = if kind == AssertionKind::IdJag {
        // §4.3: `client_id`, `jti` and `iat` are REQUIRED.
        registered.issued_at.ok_or(TokenFault::IssuedAt)?;
        registered.id.as_ref().ok_or(TokenFault::TokenId)?;
        (Some(claims.client_id.clone().ok_or(TokenFault::Claims)?), None)
    } else {
        // Not naming a client, it is for those that are declared to use such ones.
        let declared = connection.tokens.clients.contains(&agent.id).then(|| agent.id.clone());
        (named.or(declared), once(connection, verified))
    };
    Ok(Said {
        kind: SubjectKind::Assertion,
        subject: registered.subject.clone(),
        audience: registered.audience.clone(),
        client,
        expires_at: Timestamp(registered.expires_at),
        issued_at: registered.issued_at,
        id: registered.id.clone(),
        once,
        claims: claims.clone(),
    })
}

/// RFC 7523 §3 (7): "The authorization server MAY ensure that JWTs are not replayed".
fn once(connection: &Connection, verified: &VerifiedAssertion<ProviderClaims>) -> Option<Once> {
    let registered = verified.registered();
    let id = registered.id.as_deref()?;
    // Outlives `exp` by the leeway, or a replay slips through.
    let until = Timestamp(registered.expires_at).plus(LEEWAY);
    Some(Once::new(OnceKind::Grant, &connection.id, id, until))
}
