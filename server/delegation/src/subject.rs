//! The subject token: what it is, whether it holds, and whether its user still stands.

use std::time::Duration;

use keys::{Algorithm, Expect, TokenFault, Typ, Verified};
use policy::{Party, Scope, Standing, SubjectFacts, SubjectKind, Timestamp};
use uuid::Uuid;

use crate::{
    claims::OwnClaims,
    client::AuthenticatedClient,
    denial,
    event::Event,
    exchange::Arrival,
    kept::Kept,
    names::Names,
    org::Org,
    ports::{Grant, Inconclusive, Lineage, Parent, Purpose, Question, Recalled},
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
    /// The compact token, when it is the identity provider's, and what it says.
    kept: Option<Kept>,
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
///         facts: s, standing: policy::Standing::default(), grant: None, origin: panic!(), epoch: 0,
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
    epoch: i64,
}

/// Where the new delegation hangs.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub connection: String,
    pub user: String,
    pub parent: Option<Parent>,
    /// The token the chain began with.
    pub kept: Kept,
    /// For a root: the names its token gives.
    pub names: Option<Names>,
}

impl CurrentSubject {
    #[must_use]
    pub fn facts(&self) -> &SubjectFacts {
        &self.facts
    }

    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// See [`Recalled::epoch`](crate::ports::Recalled).
    pub(crate) const fn epoch(&self) -> i64 {
        self.epoch
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
        return match verify_own(org, presented, now, Duration::ZERO) {
            Ok(subject) => Ok(subject),
            Err(TokenRefusal::Token(TokenFault::Expired)) => {
                Err(subject(expired(org, client, presented, now).await?).into())
            }
            Err(refusal) => Err(subject(refusal).into()),
        };
    }
    // Only registered issuers are ever looked at, let alone fetched from.
    let connection = org.connection_of(&peek.issuer).ok_or(subject(TokenRefusal::UnknownIssuer))?;
    let connection = connection.running()?;
    let (verified, kind) = provider::verify(connection, client, presented, now)
        .await?
        .map_err(Refusal::SubjectToken)?;
    let facts = provider::facts(org, connection, &verified, kind).map_err(Refusal::SubjectToken)?;
    let hints = provider::hints(&verified);
    let lineage = Lineage::Root {
        connection: connection.id.clone(),
        user: facts.user.id.clone(),
        agent: client.agent().id.clone(),
        names: provider::names(&facts.user.id, &hints),
    };
    let kept = Kept { token: presented.token.clone(), hints };
    Ok(VerifiedSubject { facts, lineage, kept: Some(kept) })
}

fn subject(cause: impl Into<TokenRefusal>) -> Refusal {
    Refusal::SubjectToken(cause.into())
}

/// One of our own tokens, of any hop.
fn verify_own(
    org: &Org,
    presented: &PresentedToken,
    now: Timestamp,
    leeway: Duration,
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
        leeway,
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
        // Known by the ledger: see `recheck`.
        signed_in_at: None,
        auth_time: claims.auth_time.map(Timestamp),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    };
    Ok(VerifiedSubject { facts, lineage: Lineage::Derived { delegation }, kept: None })
}

/// So long after its expiry the ledger still knows a delegation for sure.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What there is to say of a token of ours that has expired: an agent that was cut off must not take
/// it for a matter of time.
///
/// Only those who may present it learn that much; of a stolen one not even its user's state shows.
async fn expired(
    org: &Org,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<TokenRefusal, Fault> {
    let expired = TokenRefusal::Token(TokenFault::Expired);
    let Ok(subject) = verify_own(org, presented, now, REMEMBERED) else { return Ok(expired) };
    let (facts, agent) = (subject.facts, client.agent());
    let is_presenter =
        facts.presented_as.as_ref() == Some(&agent.id) || facts.audience.contains(&agent.id);
    let Lineage::Derived { delegation } = subject.lineage else { return Ok(expired) };
    if !is_presenter {
        return Ok(expired);
    }
    let found = org.ledger.find(delegation).await?;
    let has_ended = found.is_some_and(|found| found.ended_at.is_some());
    Ok(if has_ended { TokenRefusal::Ended } else { expired })
}

/// Asks the ledger whether the subject's line lives, then the home identity provider whether the
/// user still stands. The only maker of [`CurrentSubject`].
pub(crate) async fn recheck(
    org: &Org,
    subject: VerifiedSubject,
    asked: Asked<'_>,
    event: &mut Event,
) -> Result<CurrentSubject, Failure> {
    let VerifiedSubject { mut facts, lineage, kept } = subject;
    let signed_in_at = kept.as_ref().and_then(Kept::signed_in_at);
    let recalled = recall(org, &lineage, signed_in_at).await?;
    if recalled.revision != org.revision {
        return Err(Fault::Changed.into());
    }
    event.connection = match (&lineage, &recalled.parent) {
        (Lineage::Root { connection, .. }, _) => Some(connection.clone()),
        (Lineage::Derived { .. }, parent) => parent.as_ref().map(|p| p.connection.clone()),
    };
    // Also of one that has ended: who looks for a chain finds what was tried with it.
    event.parent = recalled.parent.as_ref().map(|parent| parent.id);
    event.root = recalled.parent.as_ref().map(|parent| parent.root);
    let origin = match (lineage, kept) {
        (Lineage::Root { connection, user, names, .. }, Some(kept)) => {
            Origin { connection, user, parent: None, kept, names: Some(names) }
        }
        (_, _) => derived(org, recalled.parent, recalled.grant.as_ref())?,
    };
    let connection = org.running_connection(&origin.connection)?;
    facts.user = Party { issuer: connection.issuer.clone(), id: origin.user.clone() };
    facts.signed_in_at = origin.kept.signed_in_at();
    let question = Question {
        token: Some(origin.kept.token.clone()),
        user: origin.user.clone(),
        hints: origin.kept.hints.clone(),
        is_client: false,
        epoch: recalled.epoch,
        max_age: connection.max_age_at(asked.arrival.now, recalled.heard_at),
        purpose: Some(asked.purpose(org, &facts)),
    };
    let answer = match connection.provider.standing(question).await {
        Ok(answer) => answer,
        Err(Inconclusive { fault, checks }) => {
            event.checks = checks;
            return Err(fault.into());
        }
    };
    event.checks = answer.checks;
    let heard = (asked.arrival.now, asked.arrival.denial, &*event);
    denial::spread(org, connection, &origin, &answer.standing, heard).await?;
    // Consent may have shrunk at the provider since it signed the token.
    let holds_now = answer.scope.filter(|_| origin.parent.is_none());
    facts.scope = match (facts.scope, holds_now, facts.kind) {
        (Some(holds), Some(holds_now), _) => Some(holds.narrow(&holds_now)),
        // An access token may leave it to its provider to say. What is said of an ID token is the
        // scope of a login, which limits nothing here.
        (None, holds_now, SubjectKind::AccessToken) => holds_now,
        (holds, _, _) => holds,
    };
    // It limits this use, whatever kind of token, and of whatever hop, it is asked for with.
    if let Some(permitted) = answer.permitted {
        let holds = facts.scope.take();
        facts.scope = Some(holds.map_or(permitted.clone(), |holds| holds.narrow(&permitted)));
    }
    let standing = answer.standing.and(recalled.signalled);
    // One that has ended is none: the user may grant anew.
    let grant = recalled.grant.filter(|grant| grant.ended_at.is_none());
    Ok(CurrentSubject { facts, standing, grant, origin, epoch: recalled.epoch })
}

/// What the ledger knows, once it knows the user by every name the token gives.
///
/// A signal that comes from then on, by whichever name, raises this user's epoch. What was recalled
/// before the names were learned would not show it, so the ledger is asked again.
///
/// A token that was signed out teaches nothing: its mail address may be somebody else's by now.
async fn recall(
    org: &Org,
    lineage: &Lineage,
    signed_in_at: Option<Timestamp>,
) -> Result<Recalled, Fault> {
    let recalled = org.ledger.recall(lineage).await?;
    let valid_from = recalled.signalled.sessions_valid_from;
    let is_out = valid_from.is_some_and(|from| signed_in_at.is_none_or(|at| at < from));
    match lineage {
        Lineage::Root { connection, user, names, .. } if !recalled.names_known && !is_out => {
            org.ledger.learn(connection, user, &names.of_user()).await?;
            org.ledger.recall(lineage).await
        }
        Lineage::Root { .. } | Lineage::Derived { .. } => Ok(recalled),
    }
}

/// What is asked for, as far as the identity provider or a decision point is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub arrival: Arrival,
    pub actor: &'a Party,
    pub target: &'a str,
    pub scope: Option<&'a Scope>,
}

impl Asked<'_> {
    fn purpose(&self, org: &Org, facts: &SubjectFacts) -> Purpose {
        let again = facts.chain.parties().first() == Some(self.actor);
        let scope = self.scope.map(ToString::to_string).unwrap_or_default();
        Purpose {
            issuer: org.issuer.clone(),
            actor: self.actor.id.clone(),
            target: self.target.to_owned(),
            scope: scope.split_ascii_whitespace().map(str::to_owned).collect(),
            depth: facts.chain.depth() + usize::from(!again),
        }
    }
}

/// Casdoor CVE-2026-9097: a valid signature is not a live token.
fn derived(org: &Org, parent: Option<Parent>, grant: Option<&Grant>) -> Result<Origin, Failure> {
    let parent = parent.ok_or(Refusal::SubjectToken(TokenRefusal::NotRecorded))?;
    if parent.ended_at.is_some() || grant.is_none_or(|grant| grant.ended_at.is_some()) {
        return Err(Refusal::SubjectToken(TokenRefusal::Ended).into());
    }
    let sealed = parent.sealed_subject.as_deref().ok_or_else(|| {
        Fault::Keys("the subject token of the chain's root is not kept".to_owned())
    })?;
    let kept = Kept::open(org, parent.root, sealed)?;
    let (connection, user) = (parent.connection.clone(), parent.user.clone());
    Ok(Origin { connection, user, parent: Some(parent), kept, names: None })
}
