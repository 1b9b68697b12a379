//! Tokens of identity providers: what they are, and what they say in our words.

use std::time::Duration;

use keys::{Expect, Typ, Verified};
use policy::{ActorChain, MayAct, Party, SubjectFacts, SubjectKind, Timestamp};
use serde_json::Value;

use crate::{
    claims::ProviderClaims,
    client::AuthenticatedClient,
    names::{Kind, Names},
    org::{Connection, Org},
    ports::Hints,
    refusal::Fault,
    request::{DeclaredType, PresentedToken},
    subject::TokenRefusal,
};

/// Clocks of identity providers and ours may differ by this much; our own tokens get none.
const LEEWAY: Duration = Duration::from_secs(10);

pub(crate) type ProviderToken = (Verified<ProviderClaims>, SubjectKind);

/// A token of a configured identity provider: subject or actor.
pub(crate) async fn verify(
    connection: &Connection,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Result<ProviderToken, TokenRefusal>, Fault> {
    let kid = match keys::peek(presented.compact()) {
        Ok(peek) => peek.kid,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let keys = connection.provider.keys(kid.as_deref()).await?;
    let agent = client.agent();
    let audience: Vec<&str> = connection
        .audiences
        .iter()
        .chain(&agent.aliases)
        .chain([&agent.id])
        .map(String::as_str)
        .collect();
    let expect = Expect {
        typ: &[Typ::AccessToken, Typ::Untyped],
        issuer: &connection.issuer,
        audience: &audience,
        algorithms: &connection.algorithms,
        leeway: LEEWAY,
        max_age: None,
    };
    Ok(keys::verify(presented.compact(), &keys, &expect, now.0)
        .map_err(TokenRefusal::from)
        .and_then(|verified| {
            let kind = kind_of(connection, &verified, presented.declared)?;
            let agrees = match presented.declared {
                DeclaredType::AccessToken => kind == SubjectKind::AccessToken,
                DeclaredType::IdToken => kind == SubjectKind::IdToken,
                DeclaredType::Jwt => true,
            };
            if agrees { Ok((verified, kind)) } else { Err(TokenRefusal::OtherKind) }
        }))
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
        SubjectKind::Own => false,
    };
    if taken { Ok(kind) } else { Err(TokenRefusal::OtherKind) }
}

pub(crate) fn facts(
    org: &Org,
    connection: &Connection,
    token: &Verified<ProviderClaims>,
    kind: SubjectKind,
) -> Result<SubjectFacts, TokenRefusal> {
    let (claims, registered) = (token.claims(), token.registered());
    // Dropping it would launder a delegation; believing it would let others splice chains.
    if claims.act.0 {
        return Err(TokenRefusal::ForeignChain);
    }
    // keycloak#50963: a bound token became a bearer token. Until proofs are taken, none is.
    if claims.cnf.0 {
        return Err(TokenRefusal::Bound);
    }
    let may_act =
        claims.may_act.as_ref().map(|may| MayAct { issuer: may.iss.clone(), id: may.sub.clone() });
    Ok(SubjectFacts {
        kind,
        org: org.id.clone(),
        user: Party { issuer: connection.issuer.clone(), id: registered.subject.clone() },
        sub: name_of_user(org, connection, &registered.subject)?,
        scope: claims.scope()?,
        audience: registered.audience.clone(),
        presented_as: claims.issued_to()?.map(str::to_owned),
        chain: ActorChain::none(),
        may_act,
        expires_at: Timestamp(registered.expires_at),
        signed_in_at: Some(Timestamp(claims.auth_time.unwrap_or(registered.issued_at))),
        auth_time: claims.auth_time.map(Timestamp),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    })
}

/// What the token says of its user besides: for providers that know users by other names.
pub(crate) fn hints(token: &Verified<ProviderClaims>) -> Hints {
    let (claims, registered) = (token.claims(), token.registered());
    Hints {
        directory_id: claims.oid.clone().or_else(|| claims.uid.clone()),
        session: claims.sid.clone(),
        // A mail address nobody verified is whatever its owner typed: it names nobody.
        email: claims.email.clone().filter(|_| {
            claims.email_verified.as_ref().is_none_or(|verified| verified == &Value::Bool(true))
        }),
        device: claims.deviceid.clone().or_else(|| claims.device_id.clone()),
        token_id: registered.id.clone(),
        signed_in_at: Some(claims.auth_time.unwrap_or(registered.issued_at)),
    }
}

/// The names by which signals may mean the token's user, or the token.
pub(crate) fn names(user: &str, hints: &Hints) -> Names {
    Names::default()
        .with(Kind::Subject, Some(user))
        .with(Kind::Directory, hints.directory_id.as_deref())
        .with(Kind::Email, hints.email.as_deref())
        .with(Kind::Session, hints.session.as_deref())
        .with(Kind::Device, hints.device.as_deref())
        .with(Kind::Token, hints.token_id.as_deref())
}

/// The user's `sub` in our tokens: the provider's own, after the connection's prefix.
fn name_of_user(org: &Org, connection: &Connection, sub: &str) -> Result<String, TokenRefusal> {
    let name = format!("{}{sub}", connection.subject_prefix);
    // Without a prefix of its own, a user could be named like one of another connection.
    let taken = |other: &Connection| {
        other.id != connection.id
            && !other.subject_prefix.is_empty()
            && name.starts_with(&other.subject_prefix)
    };
    if name.starts_with("agent:") || org.connections.iter().any(taken) {
        return Err(TokenRefusal::AmbiguousUser);
    }
    Ok(name)
}
