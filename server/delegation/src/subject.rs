//! The subject token: what it is, whether it holds, and whether its user still stands.

use std::time::Duration;

use keys::{Algorithm, Expect, TokenFault, Typ, Verified};
use policy::{Party, Scope, Standing, SubjectFacts, SubjectKind, Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    claims::OwnClaims,
    client::AuthenticatedClient,
    event::{Check, Event},
    org::Org,
    ports::{Answer, Grant, Lineage, Parent, Question},
    provider,
    refusal::{Failure, Fault, Refusal},
    request::{DeclaredType, PresentedToken},
};

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
    #[error("it is bound to a key, and there is no proof of having it")]
    Bound,
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

impl VerifiedSubject {
    pub(crate) fn facts(&self) -> &SubjectFacts {
        &self.facts
    }
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
    let (verified, kind) = provider::verify(connection, client, presented, now)
        .await?
        .map_err(Refusal::SubjectToken)?;
    let facts = provider::facts(org, connection, &verified, kind).map_err(Refusal::SubjectToken)?;
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
    let origin = match (lineage, provider_token) {
        (Lineage::Root { connection, user, .. }, provider_token) => {
            Origin { connection, user, parent: None, provider_token }
        }
        (Lineage::Derived { .. }, _) => derived(recalled.parent, recalled.grant.as_ref())?,
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
    let answer = answer?;
    // Consent may have shrunk at the provider since it signed the token.
    let holds_now = answer.scope.filter(|_| origin.parent.is_none());
    facts.scope = match (facts.scope, holds_now, facts.kind) {
        (Some(holds), Some(holds_now), _) => Some(holds.narrow(&holds_now)),
        // An access token may leave it to its provider to say. What is said of an ID token is the
        // scope of a login, which limits nothing here.
        (None, holds_now, SubjectKind::AccessToken) => holds_now,
        (holds, _, _) => holds,
    };
    // One that has ended is none: the user may grant anew.
    let grant = recalled.grant.filter(|grant| grant.ended_at.is_none());
    Ok(CurrentSubject { facts, standing: answer.standing, grant, origin })
}

fn check(answer: Option<&Answer>) -> Check {
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
fn derived(parent: Option<Parent>, grant: Option<&Grant>) -> Result<Origin, Refusal> {
    let parent = parent.ok_or(Refusal::SubjectToken(TokenRefusal::NotRecorded))?;
    if parent.ended_at.is_some() || grant.is_none_or(|grant| grant.ended_at.is_some()) {
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
