//! The subject token: what it is, whether it holds, and whether its user still stands.

mod itself;
mod own;
mod recheck;

use keys::TokenFault;
use policy::{Standing, SubjectFacts, TargetFacts, Timestamp};
use uuid::Uuid;

pub(crate) use self::{
    itself::itself,
    recheck::{Asked, recheck},
};
use crate::{
    client::AuthenticatedClient,
    event::Event,
    kept::Kept,
    names::Names,
    org::{Connection, Org},
    ports::{Grant, Lineage, Once, Parent},
    provider::{self, Said},
    refusal::{Failure, Refusal},
    request::{DeclaredType, PresentedToken, canonical_resource},
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
    #[error("it is bound in a way that is not understood, or to a key that was not proved")]
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
    #[error("it is of a client, not of a user")]
    OfAClient,
    /// draft-ietf-oauth-identity-assertion-authz-grant §5: "MUST NOT issue access tokens".
    #[error("it is an assertion that this organization itself issued to others")]
    OwnAssertion,
    #[error("tokens of this connection are not for this client")]
    ClientNotTaken,
    #[error("it is no JWT, and no connection takes others")]
    NoIssuer,
    #[error("it is for one use, and was used before")]
    Replayed,
}

/// A subject token whose signature, issuer, kind and age hold. Says nothing about *now* yet.
#[derive(Debug)]
#[must_use]
pub(crate) struct VerifiedSubject {
    facts: SubjectFacts,
    lineage: Lineage,
    /// Of an identity provider's token: a chain begins with it.
    beginning: Option<Beginning>,
}

/// What matters of an identity provider's token besides its facts.
#[derive(Debug)]
struct Beginning {
    kept: Kept,
    /// Of the user, as far as they mean something here.
    groups: Vec<String>,
    /// What it may be used for; none: that is not limited.
    resources: Option<Vec<String>>,
    once: Option<Once>,
}

impl VerifiedSubject {
    pub(crate) fn facts(&self) -> &SubjectFacts {
        &self.facts
    }

    /// The delegation it belongs to, when it is one of our own.
    pub(crate) const fn parent(&self) -> Option<Uuid> {
        match self.lineage {
            Lineage::Derived { delegation } => Some(delegation),
            Lineage::Root { .. } => None,
        }
    }

    /// The one resource that it is for.
    pub(crate) fn sole_resource(&self) -> Option<&str> {
        match self.resources() {
            Some([one]) => Some(one),
            Some(_) | None => None,
        }
    }

    fn resources(&self) -> Option<&[String]> {
        self.beginning.as_ref()?.resources.as_deref()
    }

    /// Whether it is of use there (draft-ietf-oauth-identity-assertion-authz-grant §4.3: `resource`).
    pub(crate) fn is_for(&self, target: &TargetFacts) -> bool {
        let is_it = |named: &String| {
            *named == target.id || canonical_resource(named).as_ref() == Some(&target.id)
        };
        self.resources().is_none_or(|resources| resources.iter().any(is_it))
    }

    /// What has to be used up for it, by whoever is about to issue something on it.
    pub(crate) fn once(&self) -> Option<&Once> {
        self.beginning.as_ref()?.once.as_ref()
    }
}

/// A subject whose delegation lives in the ledger and of whose user the home identity provider was
/// asked during this request. Only [`recheck()`] makes one, and it has awaited both; what the
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
    /// The token the chain began with; none when a client acts for itself.
    pub kept: Option<Kept>,
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
    (now, event): (Timestamp, &mut Event),
) -> Result<VerifiedSubject, Failure> {
    let token = presented.compact();
    if presented.declared == DeclaredType::Assertion {
        return granted(org, client, presented, now).await;
    }
    if provider::is_opaque(token) {
        let connection = org.connections.iter().find(|connection| connection.tokens.opaque);
        let connection = connection.ok_or(subject(TokenRefusal::NoIssuer))?.running()?;
        // If it is anybody's: where its user signs in again, should it have ended.
        event.connection = Some(connection.id.clone());
        let said = provider::opaque(connection, client.agent(), presented, now).await?;
        return root(org, connection, client, (presented, said.map_err(subject)?));
    }
    let peek = keys::peek(token).map_err(subject)?;
    if peek.issuer == org.issuer {
        return match own::verify_own(org, presented, now, std::time::Duration::ZERO) {
            Ok(subject) => Ok(subject),
            Err(TokenRefusal::Token(TokenFault::Expired)) => {
                Err(subject(own::expired(org, client, presented, now).await?).into())
            }
            Err(refusal) => Err(subject(refusal).into()),
        };
    }
    // Only registered issuers are ever looked at, let alone fetched from.
    let connection = org.connection_of(&peek.issuer).ok_or(subject(TokenRefusal::UnknownIssuer))?;
    let connection = connection.running()?;
    let said =
        provider::token((connection, &org.signatures), client.agent(), presented, now).await?;
    root(org, connection, client, (presented, said.map_err(subject)?))
}

/// An authorization grant (RFC 7523 §3).
async fn granted(
    org: &Org,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<VerifiedSubject, Failure> {
    let peek = keys::peek_assertion(presented.compact()).map_err(subject)?;
    let issuer = peek.issuer.as_deref().ok_or(subject(TokenFault::Issuer))?;
    // draft-ietf-oauth-identity-assertion-authz-grant §5: it "MUST NOT issue access tokens" on its own.
    if issuer == org.issuer {
        return Err(subject(TokenRefusal::OwnAssertion).into());
    }
    let connection = org.connection_of(issuer).ok_or(subject(TokenRefusal::UnknownIssuer))?;
    let connection = connection.running()?;
    let said =
        provider::assertion(org, connection, client.agent(), (presented, &peek), now).await?;
    root(org, connection, client, (presented, said.map_err(subject)?))
}

/// A chain begins.
fn root(
    org: &Org,
    connection: &Connection,
    client: &AuthenticatedClient,
    (presented, said): (&PresentedToken, Said),
) -> Result<VerifiedSubject, Failure> {
    let facts = provider::facts(org, connection, &said).map_err(subject)?;
    let hints = provider::hints(&said);
    let lineage = Lineage::Root {
        connection: connection.id.clone(),
        user: facts.user.id.clone(),
        agent: client.agent().id.clone(),
        names: provider::names(&facts.user.id, &hints),
    };
    let groups = said.groups(connection).map_err(subject)?;
    let resources = said.resources().map_err(subject)?;
    let kept = Kept { token: presented.token.clone(), hints };
    let beginning = Some(Beginning { kept, groups, resources, once: said.once });
    Ok(VerifiedSubject { facts, lineage, beginning })
}

fn subject(cause: impl Into<TokenRefusal>) -> Refusal {
    Refusal::SubjectToken(cause.into())
}
