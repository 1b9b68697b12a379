//! Why a request ends without a token: refusing is not breaking.
//!
//! A [`Refusal`] is an answer: it is ours to give, never retried, always audited. A [`Fault`] is an
//! illness, ours or an upstream's: 503, retriable, never explained outside. A fault never turns
//! into a yes.

mod oauth;

pub use self::oauth::{Guidance, OAuthError, guidance, oauth_error, oauth_error_of};
use crate::{client::ClientFault, form::Malformed, subject::TokenRefusal};

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Broken(#[from] Fault),
}

/// A request we understood and turn down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Request(#[from] Malformed),
    #[error("{0}")]
    Client(#[from] ClientFault),
    #[error("the subject token is refused: {0}")]
    SubjectToken(TokenRefusal),
    #[error("the actor token is refused: {0}")]
    ActorToken(TokenRefusal),
    #[error("no target was named and the organization has no default")]
    NoTarget,
    #[error("there is no such target here")]
    UnknownTarget,
    #[error("policy: {}", .0.reason.code())]
    Policy(policy::Refusal),
    #[error("a person must approve this first")]
    ApprovalNeeded,
    /// The ledger refused to record: the line ended while the decision was made.
    #[error("the grant or an earlier delegation of the chain ended meanwhile")]
    EndedMeanwhile,
    #[error("an operator has stopped {0}")]
    Stopped(Stopped),
    #[error("the token was issued to another client")]
    OtherClient,
    #[error("the client may not ask for this grant")]
    UnauthorizedClient,
    #[error("the proof of possession: {0}")]
    Proof(#[from] ProofRefusal),
    #[error("too much was asked, by {by}")]
    TooMany { by: Limited, retry_after: u64 },
}

/// Why a proof of possession is turned down (RFC 9449 §4.3, §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofRefusal {
    #[error("there is none, and this client's tokens must be bound to a key")]
    Missing,
    #[error("there is more than one")]
    Several,
    #[error("{0}")]
    Proof(#[from] keys::ProofFault),
    #[error("it was used before")]
    Replayed,
    /// The next one must have the nonce that comes with the answer.
    #[error("it has no nonce of ours, or one that is too old")]
    Nonce,
}

/// Whose requests were too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    #[error("the organization")]
    Org,
    #[error("the client")]
    Agent,
    #[error("the user")]
    User,
    #[error("the address")]
    Address,
    #[error("the address, which had secrets wrong")]
    Guessing,
}

impl Limited {
    /// The stable name in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Org => "organization",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Address => "address",
            Self::Guessing => "guessing",
        }
    }
}

/// What an operator has stopped, so that nothing is issued on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    #[error("the organization")]
    Org,
    #[error("the connection to the user's identity provider")]
    Connection,
}

/// Something is ill. Always 503, never explained to the caller; logged once at the edge.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The identity provider did not answer, or not in a way that can be believed.
    #[error("identity provider `{connection}`: {detail}")]
    IdentityProvider {
        connection: String,
        detail: String,
        /// Seconds before it makes sense to ask again, where that is known.
        retry_after: Option<u64>,
    },
    /// Where somebody who is trusted about clients publishes keys, or answers: not to be had, or not
    /// to be believed.
    #[error("{whose}: {detail}")]
    Trusted {
        whose: String,
        detail: String,
        /// Seconds before it makes sense to ask again, where that is known.
        retry_after: Option<u64>,
    },
    #[error("store: {0}")]
    Store(String),
    #[error("keys: {0}")]
    Keys(String),
    /// The request as a whole took longer than a yes may wait.
    #[error("the answer took too long")]
    Late,
    /// The identity provider signalled something about the user meanwhile; decide again.
    #[error("a signal about the user came in meanwhile")]
    Signalled,
    /// The organization changed while it was being decided upon; decide again.
    #[error("the organization changed meanwhile")]
    Changed,
}

impl Fault {
    /// Seconds before it makes sense to ask again, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::IdentityProvider { retry_after, .. } | Self::Trusted { retry_after, .. } => {
                *retry_after
            }
            Self::Store(_) | Self::Keys(_) | Self::Late | Self::Signalled | Self::Changed => None,
        }
    }

    /// The stable name in the audit trail and in metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IdentityProvider { .. } => "idp_unavailable",
            Self::Trusted { .. } => "client_keys_unavailable",
            Self::Store(_) => "store_unavailable",
            Self::Keys(_) => "keys_unavailable",
            Self::Late => "too_late",
            Self::Signalled => "signalled_meanwhile",
            Self::Changed => "changed_meanwhile",
        }
    }
}
