//! The subject token: what it is, whether it holds, and whether its user still stands.

use std::time::Duration;

use keys::{Algorithm, Expect, TokenFault, Typ, Verified};
use policy::{ActorChain, MayAct, Party, Scope, Standing, SubjectFacts, SubjectKind, Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    claims::{OwnClaims, ProviderClaims},
    client::AuthenticatedClient,
    event::{Check, Event},
    org::{Connection, Org},
    ports::{Grant, Lineage, Parent, Question},
    refusal::{Failure, Fault, Refusal},
    request::{DeclaredType, PresentedToken},
};

/// Clocks of identity providers and ours may differ by this much; our own tokens get none.
const LEEWAY: Duration = Duration::from_secs(10);

/// Why a subject or actor token is turned down. For the audit trail; see `refusal::oauth_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("{0}")]
    Token(#[from] TokenFault),
    #[error("its issuer is neither this organization nor one of its identity providers")]
    UnknownIssuer,
    #[error("it is of another kind than declared, or of one that is not taken")]
    OtherKind,
    #[error("it is a logout token or a security event")]
    NotATokenOfUsers,
    #[error("its `act` is malformed, too deep or repeats an actor")]
    Chain,
    #[error("it carries `act` of an issuer that is not trusted for it")]
    ForeignChain,
    #[error("it belongs to another organization")]
    OtherOrg,
    #[error("the ledger does not know it")]
    NotRecorded,
    #[error("it, the grant or an earlier delegation of its chain has ended")]
    Ended,
    #[error("the identity provider says the user or the token is no longer active")]
    Gone,
    #[error("its `sub` could be taken for another user or an agent")]
    AmbiguousUser,
    #[error("it does not identify the authenticated client")]
    NotTheClient,
}

/// A subject token whose signature, issuer, kind and age hold. Says nothing about *now* yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct VerifiedSubject {
    facts: SubjectFacts,
    lineage: Lineage,
    /// The compact token, when it is the identity provider's.
    provider_token: Option<SecretString>,
}

/// A subject whose delegation lives in the ledger and of whose user the home identity provider was
/// asked during this request. Only [`recheck`] makes one, and it has awaited both; what the
/// provider said is a fact for `policy` to decide upon.
///
/// ```compile_fail,E0451
/// fn forge(s: policy::SubjectFacts) -> delegation::subject::CurrentSubject {
///     delegation::subject::CurrentSubject {
///         facts: s, standing: policy::Standing::Good, grant: None, origin: panic!(),
///     }
/// }
/// ```
///
/// ```
/// fn user(s: &delegation::subject::CurrentSubject) -> &str { &s.facts().sub }
/// ```
#[derive(Debug)]
#[must_use]
pub struct CurrentSubject {
    facts: SubjectFacts,
    standing: Standing,
    grant: Option<Grant>,
    origin: Origin,
}

/// Where the new delegation hangs.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub connection: String,
    pub user: String,
    pub parent: Option<Parent>,
    pub provider_token: Option<SecretString>,
}

impl CurrentSubject {
    #[must_use]
    pub fn facts(&self) -> &SubjectFacts {
        &self.facts
    }

    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// Checks the subject token as what it *is*; what the client declares must agree.
pub(crate) async fn verify(
    org: &Org,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<VerifiedSubject, Failure> {
    let peek = keys::peek(presented.compact()).map_err(subject)?;
    if peek.issuer == org.issuer {
        return Ok(verify_own(org, presented, now).map_err(Refusal::SubjectToken)?);
    }
    // Only registered issuers are ever looked at, let alone fetched from.
    let connection = org.connection_of(&peek.issuer).ok_or(subject(TokenRefusal::UnknownIssuer))?;
    let (verified, kind) = verify_provider(connection, client, presented, now)
        .await?
        .map_err(Refusal::SubjectToken)?;
    let facts = provider_facts(org, connection, &verified, kind).map_err(Refusal::SubjectToken)?;
    let lineage = Lineage::Root {
        connection: connection.id.clone(),
        user: facts.user.id.clone(),
        agent: client.agent().id.clone(),
    };
    Ok(VerifiedSubject { facts, lineage, provider_token: Some(presented.token.clone()) })
}

fn subject(cause: impl Into<TokenRefusal>) -> Refusal {
    Refusal::SubjectToken(cause.into())
}

/// One of our own tokens, of any hop.
fn verify_own(
    org: &Org,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<VerifiedSubject, TokenRefusal> {
    match presented.declared {
        DeclaredType::AccessToken | DeclaredType::Jwt => {}
        DeclaredType::IdToken => return Err(TokenRefusal::OtherKind),
    }
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: &org.issuer,
        // Who may present it is the presenter rule's to say, in `policy`.
        audience: &[],
        // The key that `kid` names serves one algorithm only.
        algorithms: &Algorithm::ALL,
        leeway: Duration::ZERO,
        max_age: None,
    };
    let verified: Verified<OwnClaims> =
        keys::verify(presented.compact(), org.ring.public(), &expect, now.0)?;
    let (claims, registered) = (verified.claims(), verified.registered());
    // Entra CVE-2025-55241, Casdoor CVE-2026-9094: the tenant is bound at every layer.
    if claims.org_id != org.id {
        return Err(TokenRefusal::OtherOrg);
    }
    let id = registered.id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let delegation = id.ok_or(TokenRefusal::NotRecorded)?;
    let facts = SubjectFacts {
        kind: SubjectKind::Own,
        org: claims.org_id.clone(),
        user: Party { issuer: registered.issuer.clone(), id: registered.subject.clone() },
        sub: registered.subject.clone(),
        scope: Some(Scope::parse(&claims.scope).map_err(|_| TokenFault::Claims)?),
        audience: registered.audience.clone(),
        presented_as: Some(claims.client_id.clone()),
        chain: claims.act.clone().chain().map_err(|_| TokenRefusal::Chain)?,
        may_act: None,
        expires_at: Timestamp(registered.expires_at),
        auth_time: claims.auth_time.map(Timestamp),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    };
    Ok(VerifiedSubject { facts, lineage: Lineage::Derived { delegation }, provider_token: None })
}

type ProviderToken = (Verified<ProviderClaims>, SubjectKind);

/// A token of a configured identity provider: subject or actor.
async fn verify_provider(
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
            let kind = kind_of(connection, &verified)?;
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
                (true, true) => return Err(TokenRefusal::OtherKind),
                (_, false) => SubjectKind::IdToken,
                (false, true) if connection.takes_untyped_access_tokens => SubjectKind::AccessToken,
                (false, true) => return Err(TokenRefusal::OtherKind),
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

fn provider_facts(
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
    let scope = claims.scope_text().map(|text| Scope::parse(&text)).transpose();
    let may_act =
        claims.may_act.as_ref().map(|may| MayAct { issuer: may.iss.clone(), id: may.sub.clone() });
    Ok(SubjectFacts {
        kind,
        org: org.id.clone(),
        user: Party { issuer: connection.issuer.clone(), id: registered.subject.clone() },
        sub: name_of_user(org, connection, &registered.subject)?,
        scope: scope.map_err(|_| TokenFault::Claims)?,
        audience: registered.audience.clone(),
        presented_as: claims.client_id.clone().or_else(|| claims.azp.clone()),
        chain: ActorChain::none(),
        may_act,
        expires_at: Timestamp(registered.expires_at),
        auth_time: claims.auth_time.map(Timestamp),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    })
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

/// An actor token must identify the authenticated client, and nobody else (RFC 8693 §2.1).
///
/// Returns when it expires.
pub(crate) async fn verify_actor(
    org: &Org,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    let actor = |cause| Refusal::ActorToken(cause);
    let peek = keys::peek(presented.compact()).map_err(|fault| actor(fault.into()))?;
    let connection = org.connection_of(&peek.issuer).ok_or(actor(TokenRefusal::UnknownIssuer))?;
    let (verified, kind) =
        verify_provider(connection, client, presented, now).await?.map_err(actor)?;
    let facts = provider_facts(org, connection, &verified, kind).map_err(actor)?;
    let agent = client.agent();
    let own_client = facts.presented_as.as_deref().is_none_or(|name| agent.is_known_as(name));
    if !(agent.is_known_as(&facts.user.id) && own_client) {
        return Err(actor(TokenRefusal::NotTheClient).into());
    }
    let question = Question { token: presented.token.clone(), user: facts.user.id };
    match connection.provider.standing(question).await?.standing {
        Standing::Good => Ok(facts.expires_at),
        Standing::Gone => Err(actor(TokenRefusal::Gone).into()),
    }
}

/// Asks the ledger whether the subject's line lives, then the home identity provider whether the
/// user still stands. The only maker of [`CurrentSubject`].
pub(crate) async fn recheck(
    org: &Org,
    subject: VerifiedSubject,
    event: &mut Event,
) -> Result<CurrentSubject, Failure> {
    let VerifiedSubject { mut facts, lineage, provider_token } = subject;
    let recalled = org.ledger.recall(&lineage).await?;
    if recalled.revision != org.revision {
        return Err(Fault::Changed.into());
    }
    let ended = |grant: &Grant| grant.ended_at.is_some();
    if recalled.grant.as_ref().is_some_and(ended) {
        return Err(Refusal::SubjectToken(TokenRefusal::Ended).into());
    }
    let origin = match (lineage, provider_token) {
        (Lineage::Root { connection, user, .. }, provider_token) => {
            Origin { connection, user, parent: None, provider_token }
        }
        (Lineage::Derived { .. }, _) => derived(recalled.parent)?,
    };
    event.parent = origin.parent.as_ref().map(|parent| parent.id);
    let connection = org
        .connection(&origin.connection)
        .ok_or(Refusal::SubjectToken(TokenRefusal::UnknownIssuer))?;
    facts.user = Party { issuer: connection.issuer.clone(), id: origin.user.clone() };
    let token = root_token(org, &origin)?;
    let question = Question { token, user: origin.user.clone() };
    let answer = connection.provider.standing(question).await;
    event.check = Some(check(answer.as_ref().ok()));
    Ok(CurrentSubject { facts, standing: answer?.standing, grant: recalled.grant, origin })
}

fn check(answer: Option<&crate::ports::Answer>) -> Check {
    let kind = "introspection";
    let Some(answer) = answer else {
        return Check { kind, answer: "unknown", took_us: 0, shared: false };
    };
    let said = match answer.standing {
        Standing::Good => "good",
        Standing::Gone => "gone",
    };
    let took_us = i64::try_from(answer.took.as_micros()).unwrap_or(i64::MAX);
    Check { kind, answer: said, took_us, shared: answer.shared }
}

/// Casdoor CVE-2026-9097: a valid signature is not a live token.
fn derived(parent: Option<Parent>) -> Result<Origin, Refusal> {
    let parent = parent.ok_or(Refusal::SubjectToken(TokenRefusal::NotRecorded))?;
    if parent.ended_at.is_some() {
        return Err(Refusal::SubjectToken(TokenRefusal::Ended));
    }
    let (connection, user) = (parent.connection.clone(), parent.user.clone());
    Ok(Origin { connection, user, parent: Some(parent), provider_token: None })
}

/// The identity provider's token that the chain began with: at later hops, unsealed.
fn root_token(org: &Org, origin: &Origin) -> Result<SecretString, Fault> {
    if let Some(token) = &origin.provider_token {
        return Ok(token.clone());
    }
    let parent = origin.parent.as_ref();
    let missing = || Fault::Keys("the subject token of the chain's root is not kept".to_owned());
    let (root, sealed) =
        parent.and_then(|p| Some((p.root, p.sealed_subject.as_ref()?))).ok_or_else(missing)?;
    let plain = org
        .master
        .open(&sealing_context(org, root), sealed)
        .map_err(|fault| Fault::Keys(format!("the root's subject token: {fault}")))?;
    let text = std::str::from_utf8(&plain).map_err(|_| missing())?;
    Ok(SecretString::from(text))
}

/// Binds a sealed subject token to its delegation, so that rows cannot be swapped.
pub(crate) fn sealing_context(org: &Org, root: Uuid) -> String {
    format!("subject:{}:{root}", org.id)
}
