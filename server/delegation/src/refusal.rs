//! Why a request ends without a token: refusing is not breaking.
//!
//! A [`Refusal`] is an answer: it is ours to give, never retried, always audited. A [`Fault`] is an
//! illness, ours or an upstream's: 503, retriable, never explained outside. A fault never turns
//! into a yes.

use policy::{Reason, StepUp};
use serde::Serialize;

use crate::{client::ClientFault, form::Malformed, org::Connection, subject::TokenRefusal};

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
            Self::IdentityProvider { retry_after, .. } => *retry_after,
            Self::Store(_) | Self::Keys(_) | Self::Late | Self::Signalled | Self::Changed => None,
        }
    }

    /// The stable name in the audit trail and in metrics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IdentityProvider { .. } => "idp_unavailable",
            Self::Store(_) => "store_unavailable",
            Self::Keys(_) => "keys_unavailable",
            Self::Late => "too_late",
            Self::Signalled => "signalled_meanwhile",
            Self::Changed => "changed_meanwhile",
        }
    }
}

/// An error response of the token endpoint (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthError {
    pub code: &'static str,
    /// One per class of causes: callers learn a category, never which check failed.
    pub description: &'static str,
    /// For programs: what an agent can do about it. Only for callers that proved who they are.
    pub reason: Option<&'static str>,
}

/// What the agent, or a person, can do about a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Guidance {
    /// RFC 9470 §3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// RFC 9470 §3; seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// The identity provider's own challenge, to be handed back to it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
    /// Where the person signs in again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconnect_uri: Option<String>,
}

/// What to do about `refusal`, for a user of `connection`.
#[must_use]
pub fn guidance(refusal: &Refusal, connection: Option<&Connection>) -> Guidance {
    let step_up = match refusal {
        Refusal::Policy(refusal) => refusal.step_up.clone(),
        Refusal::Request(_)
        | Refusal::Client(_)
        | Refusal::SubjectToken(_)
        | Refusal::ActorToken(_)
        | Refusal::NoTarget
        | Refusal::UnknownTarget
        | Refusal::ApprovalNeeded
        | Refusal::EndedMeanwhile
        | Refusal::Stopped(_)
        | Refusal::OtherClient => None,
    };
    let needs_a_person = ["revoked", "suspended", "step_up", "device", "consent"]
        .map(Some)
        .contains(&oauth_error(refusal).reason);
    let of = |read: fn(&Connection) -> &Option<String>| connection.and_then(|c| read(c).clone());
    Guidance {
        reconnect_uri: of(|c| &c.reconnect_uri).filter(|_| needs_a_person),
        ..match step_up {
            // Another sign-in like the last is enough to undo a sign-out; more is asked of a step-up.
            Some(StepUp { acr_values: None, claims: None, max_age, device: false })
                if oauth_error(refusal).reason == Some("step_up") =>
            {
                Guidance { acr_values: of(|c| &c.acr_values), max_age, ..Guidance::default() }
            }
            Some(StepUp { acr_values, claims, max_age, device: _ }) => {
                Guidance { acr_values, max_age, claims, reconnect_uri: None }
            }
            None => Guidance::default(),
        }
    }
}

const fn error(code: &'static str, reason: &'static str, description: &'static str) -> OAuthError {
    OAuthError { code, description, reason: Some(reason) }
}

/// The only place where a [`Refusal`] becomes an OAuth error (RFC 6749 §5.2, RFC 8693 §2.2.2:
/// a subject or actor token that is "invalid for any reason, or unacceptable based on policy"
/// MUST be answered by `invalid_request`; targets SHOULD be by `invalid_target`).
#[must_use]
pub fn oauth_error(refusal: &Refusal) -> OAuthError {
    match refusal {
        Refusal::Request(malformed) => malformed_error(*malformed),
        Refusal::Client(_) => OAuthError {
            code: "invalid_client",
            description: "client authentication failed",
            reason: None,
        },
        Refusal::SubjectToken(cause) => subject_error(*cause),
        Refusal::ActorToken(_) => {
            error("invalid_request", "actor_token", "the actor token is not acceptable")
        }
        Refusal::NoTarget => {
            error("invalid_target", "target", "name a target by resource or audience")
        }
        Refusal::UnknownTarget => UNACCEPTABLE_TARGET,
        Refusal::Policy(refusal) => policy_error(refusal.reason),
        Refusal::ApprovalNeeded => {
            error("invalid_request", "approval_needed", "a person must approve this first")
        }
        // An agent can do as little about it as about a grant that has ended.
        Refusal::EndedMeanwhile | Refusal::Stopped(_) => REVOKED,
        Refusal::OtherClient => {
            error("invalid_request", "other_client", "the token was issued to another client")
        }
    }
}

const UNACCEPTABLE_TARGET: OAuthError =
    error("invalid_target", "target", "the target is unknown or not allowed");
const REVOKED: OAuthError = error(
    "invalid_request",
    "revoked",
    "the delegation or the user behind the subject token has ended",
);
const SUBJECT_TOKEN: OAuthError =
    error("invalid_request", "subject_token", "the subject token is not acceptable");

fn subject_error(cause: TokenRefusal) -> OAuthError {
    match cause {
        TokenRefusal::Token(keys::TokenFault::Expired) => {
            error("invalid_request", "expired", "the subject token has expired")
        }
        TokenRefusal::Ended | TokenRefusal::Gone => REVOKED,
        TokenRefusal::Token(_)
        | TokenRefusal::UnknownIssuer
        | TokenRefusal::OtherKind
        | TokenRefusal::NotATokenOfUsers
        | TokenRefusal::Chain
        | TokenRefusal::ForeignChain
        | TokenRefusal::Bound
        | TokenRefusal::OtherOrg
        | TokenRefusal::NotRecorded
        | TokenRefusal::AmbiguousUser
        | TokenRefusal::NotTheClient => SUBJECT_TOKEN,
    }
}

/// RFC 6749 §5.2 allows no quotes or backslashes here, so parameters are named without any.
fn malformed_error(malformed: Malformed) -> OAuthError {
    let request = |description| error("invalid_request", "malformed", description);
    match malformed {
        Malformed::BodyTooLarge => request("the body is larger than this server takes"),
        Malformed::Unread => request("the body did not arrive whole, or not in time"),
        Malformed::ContentType => request("the body must be application/x-www-form-urlencoded"),
        Malformed::Encoding => request("the body is not a valid form in UTF-8"),
        Malformed::Missing(name) => request(missing(name)),
        Malformed::Repeated(_) => request("a parameter appears more than once"),
        Malformed::TooLong(_) => request("a parameter is too long"),
        Malformed::Alone(..) => request("actor_token_type must not be sent without actor_token"),
        Malformed::Unsupported(_) => request("a token type is not supported"),
        Malformed::TwoWaysToAuthenticate => {
            request("more than one way of client authentication was used")
        }
        Malformed::UnsupportedGrant => {
            error("unsupported_grant_type", "malformed", "the grant type is not supported")
        }
        Malformed::Target => {
            error("invalid_target", "target", "resource must be an absolute URI without a fragment")
        }
        Malformed::SeveralTargets => error(
            "invalid_target",
            "target",
            "a token is for one target, the request names several",
        ),
        Malformed::Scope => {
            error("invalid_scope", "scope", "the scope is not a list of scope tokens")
        }
    }
}

fn missing(name: &str) -> &'static str {
    match name {
        "grant_type" => "grant_type is missing",
        "subject_token" => "subject_token is missing",
        "subject_token_type" => "subject_token_type is missing",
        "actor_token_type" => "actor_token_type is missing",
        "token" => "token is missing",
        _ => "a parameter is missing",
    }
}

fn policy_error(reason: Reason) -> OAuthError {
    // RFC 9470 §3.
    let authentication =
        |reason, description| error("insufficient_user_authentication", reason, description);
    let request = |reason, description| error("invalid_request", reason, description);
    match reason {
        Reason::SubjectGone => REVOKED,
        Reason::AccountSuspended => request("suspended", "the account of the user is suspended"),
        Reason::SignedOut => authentication("revoked", "the user has to sign in again"),
        Reason::StepUp => {
            authentication("step_up", "the user has to authenticate again, or better")
        }
        Reason::Device => authentication("device", "the device of the user does not comply"),
        Reason::ConditionalAccess => request(
            "conditional_access",
            "the conditional access of the identity provider refuses this",
        ),
        Reason::Consent => {
            request("consent", "the consent of the user is missing at the identity provider")
        }
        Reason::Risk => request("risk", "the user is at high risk"),
        Reason::OtherOrg | Reason::ReservedSubject => SUBJECT_TOKEN,
        Reason::Presenter => request("presenter", "the subject token was not given to this client"),
        Reason::MayAct => request("may_act", "the subject token names another actor"),
        Reason::NoGrant => request("no_grant", "the user has granted this agent nothing"),
        Reason::GrantExpired => request("grant_expired", "the grant of the user has expired"),
        Reason::TargetNotGranted => UNACCEPTABLE_TARGET,
        Reason::ScopeBeyondSubject
        | Reason::ScopeBeyondGrant
        | Reason::ScopeBeyondAgent
        | Reason::ScopeBeyondTarget
        | Reason::ScopeByPolicy => {
            error("invalid_scope", "scope", "the scope exceeds what may be delegated")
        }
        Reason::NothingLeft => error("invalid_scope", "scope", "no scope may be delegated"),
        Reason::ChainTooLong => request("chain", "the chain of actors would be too long"),
        Reason::ActorRepeated => request("chain", "the actor already stands earlier in the chain"),
        Reason::TooLittleTime => request("expired", "too little of the lifetime is left"),
        // An external decision point is the organization's policy, too.
        Reason::Policy | Reason::DecisionPoint => {
            request("policy", "refused by the policy of the organization")
        }
    }
}
