//! How a signal arrives, and what becomes of it.

use keys::{DataKey, SecretHash, TokenFault};
use policy::Timestamp;
use uuid::Uuid;

use super::{Affected, Signal};
use crate::{
    event::{Event, Outcome},
    org::{Connection, Org},
    ports::Signalled,
    refusal::Fault,
};

/// One signal as it comes in: when, by which way, and the ids it goes by here.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The id of its audit event.
    pub id: Uuid,
    pub now: Timestamp,
    pub request_id: String,
    pub client_address: Option<String>,
    pub source: Source,
}

/// The ways in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// RFC 8935
    Push,
    /// RFC 8936
    Poll,
    /// OIDC Back-Channel Logout
    Logout,
    /// draft-parecki-oauth-global-token-revocation
    Revocation,
    /// RFC 7644
    Scim,
}

impl Source {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Poll => "poll",
            Self::Logout => "logout",
            Self::Revocation => "revocation",
            Self::Scim => "scim",
        }
    }
}

/// A signal that was taken; whoever sent it may be told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Our short names of what it said, in the order it said so.
    pub kinds: Vec<&'static str>,
    pub signalled: Signalled,
    /// Whether it said anything we act upon.
    pub is_of_use: bool,
    /// Something an operator should look at, by a short name.
    pub alert: Option<&'static str>,
}

impl Taken {
    /// What became of it, for counters.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match (self.signalled, self.is_of_use) {
            (Signalled::Duplicate, _) => "duplicate",
            (Signalled::Applied { .. }, true) => "applied",
            (Signalled::Applied { .. }, false) => "ignored",
        }
    }
}

/// A signal that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It is of no use, however often it is sent.
    #[error(transparent)]
    Refused(#[from] SignalRefusal),
    /// We are ill, or who could vouch for it is: it should be sent again.
    #[error(transparent)]
    Broken(#[from] Fault),
}

impl NotTaken {
    /// What became of it, for counters.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Broken(_) => "unavailable",
        }
    }
}

impl From<TokenFault> for NotTaken {
    fn from(fault: TokenFault) -> Self {
        Self::Refused(SignalRefusal::Token(fault))
    }
}

/// Why a signal is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalRefusal {
    #[error("no such signals are taken here")]
    NoReceiver,
    #[error("the sender did not prove who it is")]
    Stranger,
    #[error("the token is refused: {0}")]
    Token(TokenFault),
    #[error("the token is for another audience")]
    Audience,
    #[error("the body is not of the expected shape")]
    Shape,
    #[error("there is no event in it")]
    NoEvent,
    #[error("it does not say whom it is about")]
    NoSubject,
    #[error("the subject lacks what its format requires, or has no format")]
    Subject,
    #[error("the subject is of a format that is not understood here")]
    SubjectFormat,
    #[error("the subject is a user of somebody else")]
    NotOurs,
    #[error("it is about another stream")]
    OtherStream,
    #[error("its state is not the one that was asked for")]
    State,
    #[error("the token is another kind of JWT")]
    OtherKind,
}

impl SignalRefusal {
    /// The error code (RFC 8935 §2.4, SSF 1.0 §8.1.4).
    #[must_use]
    pub const fn err(&self) -> &'static str {
        match self {
            Self::NoReceiver => "access_denied",
            Self::Stranger => "authentication_failed",
            Self::Audience | Self::Token(TokenFault::Audience) => "invalid_audience",
            Self::Token(TokenFault::Issuer) => "invalid_issuer",
            Self::Token(TokenFault::Algorithm | TokenFault::UnknownKey | TokenFault::Signature) => {
                "invalid_key"
            }
            Self::State => "invalid_state",
            Self::Token(_)
            | Self::Shape
            | Self::NoEvent
            | Self::NoSubject
            | Self::Subject
            | Self::SubjectFormat
            | Self::NotOurs
            | Self::OtherStream
            | Self::OtherKind => "invalid_request",
        }
    }

    /// One per code: senders learn a category, never which check failed.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self.err() {
            "access_denied" => "no such signals are taken here",
            "authentication_failed" => "the sender is not known",
            "invalid_audience" => "the token is for another audience",
            "invalid_issuer" => "the token is of another issuer",
            "invalid_key" => "the signature is not of a key of the issuer",
            "invalid_state" => "the state is not the one that was asked for",
            _ => "the request, or the token in it, is not of the required shape",
        }
    }
}

/// What a signal says, as it goes into the audit trail.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub issuer: String,
    pub id: String,
    /// Our short name of what happened.
    pub reason: &'static str,
    pub detail: String,
    /// The user's `sub` there.
    pub subject: Option<String>,
    pub effects: Vec<Affected>,
}

/// Stores a signal and lets it take effect. Whoever sent it may be told once this returned.
pub(super) async fn apply(
    org: &Org,
    connection: &Connection,
    told: Told,
    arrival: &Arrival,
) -> Result<Signalled, Fault> {
    let event = Event {
        client_address: arrival.client_address.clone(),
        outcome: Outcome::Signalled,
        connection: Some(connection.id.clone()),
        reason: Some(told.reason),
        detail: Some(told.detail),
        subject: told.subject.map(|sub| format!("{}{sub}", connection.subject_prefix)),
        ..Event::draft(arrival.id, arrival.now, arrival.request_id.clone())
    };
    let signal = Signal {
        connection: connection.id.clone(),
        issuer: told.issuer,
        id: told.id,
        source: arrival.source.code(),
        received_at: arrival.now,
        effects: told.effects,
        event,
    };
    org.ledger.signal(signal).await
}

/// Whether `presented` is the secret that was agreed on.
pub(super) fn is_secret(master: &DataKey, agreed: &SecretHash, presented: Option<&str>) -> bool {
    presented.is_some_and(|presented| agreed.matches(&master.hash_secret(presented)))
}

/// The bearer token of an `Authorization` header (RFC 6750 §2.1).
pub(super) fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_bearer_tokens_and_nothing_else() {
        assert_eq!(bearer(Some("Bearer a")), Some("a"));
        assert_eq!(bearer(Some("bearer  a ")), Some("a"));
        for other in [None, Some("Bearer"), Some("Basic a"), Some("a")] {
            assert_eq!(bearer(other), None, "{other:?}");
        }
    }
}
