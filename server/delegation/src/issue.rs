//! The one door: a permit becomes a signed token, and the token leaves once it is recorded.

use std::time::Instant;

mod product;

use policy::{Permit, Product, Timestamp};

use crate::{
    custody,
    event::{Event, Outcome},
    exchange::Arrival,
    kept::Kept,
    org::Org,
    ports::{Delegation, Opened, Opening},
    refusal::{Failure, Fault, Refusal},
    request::{self, Details},
    status::StatusIndex,
    subject::CurrentSubject,
};

/// Signed, but not yet recorded. Its text is private, so it cannot leave:
///
/// ```compile_fail,E0616
/// fn leak(token: delegation::issue::SignedToken) -> String { token.compact }
/// ```
///
/// Once recorded, it can:
///
/// ```
/// fn send(token: &delegation::issue::Issued) -> &str { token.access_token() }
/// ```
#[must_use]
pub struct SignedToken {
    compact: String,
    delegation: Delegation,
    epoch: i64,
    until: Instant,
    product: Product,
    token_type: &'static str,
}

impl std::fmt::Debug for SignedToken {
    /// Shows no token: a way to print it would be a way out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedToken")
            .field("delegation", &self.delegation.id)
            .finish_non_exhaustive()
    }
}

/// A token whose delegation and audit event are committed. Only this can be sent, and only
/// [`issue`] makes one:
///
/// ```compile_fail,E0451
/// fn forge() -> delegation::issue::Issued {
///     delegation::issue::Issued {
///         compact: String::new(), scope: String::new(), expires_in: 300,
///         product: policy::Product::AccessToken, token_type: "Bearer",
///     }
/// }
/// ```
#[must_use]
pub struct Issued {
    compact: String,
    scope: String,
    expires_in: i64,
    product: Product,
    token_type: &'static str,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Issued {
    #[must_use]
    pub fn access_token(&self) -> &str {
        &self.compact
    }

    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// What it is (RFC 8693 §2.2.1: `issued_token_type`).
    #[must_use]
    pub const fn product(&self) -> Product {
        self.product
    }

    /// How it is presented: `Bearer`, `DPoP`, or `N_A` when it is no access token.
    #[must_use]
    pub const fn token_type(&self) -> &'static str {
        self.token_type
    }

    /// Seconds (RFC 6749 §5.1).
    #[must_use]
    pub const fn expires_in(&self) -> i64 {
        self.expires_in
    }
}

/// What minting needs besides the permit, none of it about whom the token is of or may be shown to.
#[derive(Clone, Copy)]
pub(crate) struct Minting<'a> {
    pub subject: &'a CurrentSubject,
    pub arrival: Arrival,
    /// The token's place on a status list, when its target looks there.
    pub status: Option<StatusIndex>,
    /// Checked against what is declared of the target.
    pub details: &'a Details,
}

/// Spends the permit. Who, what, where and how long come from its terms and from nowhere else, so
/// a decision about one user cannot mint for another.
pub(crate) async fn mint(
    org: &Org,
    permit: Permit,
    minting: Minting<'_>,
) -> Result<SignedToken, Failure> {
    let terms = permit.spend();
    let Arrival { now, delegation: id, denial: _, until } = minting.arrival;
    let product = terms.product;
    let made = product::make(org, &terms, minting)?;
    let compact = custody::sign(org.ring.active(), made.typ, &made.claims).await?;
    let origin = minting.subject.origin();
    let kept = origin.kept.as_ref();
    let sealed_subject = match (&origin.parent, kept) {
        (None, Some(kept)) => Some(kept.seal(org, id)?),
        (Some(_), _) | (None, None) => None,
    };
    let delegation = Delegation {
        id,
        parent: origin.parent.as_ref().map(|parent| parent.id),
        root: origin.parent.as_ref().map_or(id, |parent| parent.root),
        grant: terms.grant,
        connection: origin.connection.clone(),
        user: terms.user.id,
        agent: terms.client_id,
        target: terms.audience,
        depth: terms.chain.depth(),
        scope: terms.scope,
        token_hash: keys::sha256(compact.as_bytes()),
        issued_at: now,
        expires_at: terms.expires_at,
        sealed_subject,
        session: kept.and_then(|kept| kept.hints.session.clone()),
        signed_in_at: kept.and_then(Kept::signed_in_at),
        names: origin.names.clone(),
        status: minting.status,
    };
    let (epoch, token_type) = (minting.subject.epoch(), made.token_type);
    Ok(SignedToken { compact, delegation, epoch, until, product, token_type })
}

/// Commits the delegation and its event together, then lets the token go.
///
/// The ledger reads again, in that same transaction, that nothing the token rests on has ended
/// since the decision: a revocation that lands in between wins.
pub(crate) async fn issue(
    org: &Org,
    token: SignedToken,
    event: &mut Event,
) -> Result<Issued, Failure> {
    let SignedToken { compact, delegation, epoch, until, product, token_type } = token;
    let Timestamp(issued_at) = delegation.issued_at;
    let (scope, expires_in) = (delegation.scope.to_string(), delegation.expires_at.0 - issued_at);
    let event = Event {
        outcome: Outcome::Issued,
        scope_granted: Some(scope.clone()),
        delegation: Some(delegation.id),
        root: Some(delegation.root),
        issued_type: (product != Product::AccessToken).then(|| request::token_type(product)),
        ..event.clone()
    };
    let opening = Opening { revision: org.revision, epoch, delegation, event, until };
    match org.ledger.open(opening).await? {
        Opened::Recorded => Ok(Issued { compact, scope, expires_in, product, token_type }),
        Opened::Changed => Err(Fault::Changed.into()),
        Opened::Signalled => Err(Fault::Signalled.into()),
        Opened::Ended => Err(Refusal::EndedMeanwhile.into()),
    }
}
