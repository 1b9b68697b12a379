//! What is told of a refusal: the OAuth code, what an agent can do, what a person can do.

use policy::{Reason, StepUp};
use serde::Serialize;

use super::{ProofRefusal, Refusal};
use crate::{declared::GrantType, form::Malformed, org::Connection, subject::TokenRefusal};

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
        | Refusal::OtherClient
        | Refusal::UnauthorizedClient
        | Refusal::Proof(_)
        | Refusal::TooMany { .. } => None,
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
        Refusal::UnauthorizedClient => error(
            "unauthorized_client",
            "unauthorized_client",
            "the client is not registered for this grant type",
        ),
        Refusal::Proof(ProofRefusal::Nonce) => {
            error("use_dpop_nonce", "proof", "the DPoP proof needs the nonce of this answer")
        }
        Refusal::Proof(
            ProofRefusal::Missing
            | ProofRefusal::Several
            | ProofRefusal::Proof(_)
            | ProofRefusal::Replayed,
        ) => error("invalid_dpop_proof", "proof", "the DPoP proof is missing or not acceptable"),
        Refusal::TooMany { .. } => {
            error("temporarily_unavailable", "too_many", "too many requests, slow down")
        }
    }
}

/// The same for the grant that was asked for. RFC 7521 §4.1.1: an authorization grant that is not
/// valid MUST be answered by `invalid_grant`, where a token exchange has `invalid_request`.
#[must_use]
pub fn oauth_error_of(refusal: &Refusal, grant: Option<GrantType>) -> OAuthError {
    let error = oauth_error(refusal);
    let is_of_the_grant = matches!(
        refusal,
        Refusal::SubjectToken(_)
            | Refusal::Policy(_)
            | Refusal::EndedMeanwhile
            | Refusal::Stopped(_)
    );
    // Its own registration is what it lacks, not something of a user (RFC 6749 §5.2).
    let is_not_granted = matches!(refusal, Refusal::Policy(it) if it.reason == Reason::NoGrant);
    match grant {
        // draft-ietf-oauth-identity-assertion-authz-grant §4.4.1: one that lacks its proof, too.
        Some(GrantType::JwtBearer) if is_of_the_grant && error.code == "invalid_request" => {
            OAuthError { code: "invalid_grant", ..error }
        }
        Some(GrantType::ClientCredentials) if is_not_granted => OAuthError {
            code: "unauthorized_client",
            description: "the organization has granted this client nothing",
            ..error
        },
        Some(GrantType::TokenExchange | GrantType::ClientCredentials | GrantType::JwtBearer)
        | None => error,
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
        | TokenRefusal::NotTheClient
        | TokenRefusal::OfAClient
        | TokenRefusal::OwnAssertion
        | TokenRefusal::ClientNotTaken
        | TokenRefusal::NoIssuer
        | TokenRefusal::Replayed => SUBJECT_TOKEN,
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
        Malformed::Unsupported("requested_token_use") => {
            request("requested_token_use is not supported")
        }
        Malformed::Unsupported(_) => request("a token type is not supported"),
        Malformed::NotAnObject(_) => request("a parameter is not a JSON object"),
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
        "assertion" => "assertion is missing",
        "audience" => "audience is missing",
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
        Reason::Possession => {
            request("possession", "proof of possession of the key of the token is needed")
        }
        Reason::Presenter => request("presenter", "the subject token was not given to this client"),
        Reason::MayAct => request("may_act", "the subject token names another actor"),
        Reason::NoGrant => request("no_grant", "the user has granted this agent nothing"),
        Reason::GrantExpired => request("grant_expired", "the grant of the user has expired"),
        Reason::Product | Reason::TargetNotGranted => UNACCEPTABLE_TARGET,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Stopped;

    fn policy(reason: Reason) -> Refusal {
        Refusal::Policy(policy::Refusal { reason, policies: Vec::new(), step_up: None })
    }

    /// RFC 8693 §2.2.2 and RFC 7521 §4.1.1: what is wrong with the token, or with what stands behind it,
    /// has a code by grant type; what is wrong with the request has one code.
    #[test]
    fn says_it_in_the_words_of_the_grant() {
        let of_the_token = [
            Refusal::SubjectToken(TokenRefusal::UnknownIssuer),
            Refusal::SubjectToken(TokenRefusal::OwnAssertion),
            Refusal::SubjectToken(TokenRefusal::ClientNotTaken),
            Refusal::SubjectToken(TokenRefusal::Replayed),
            Refusal::SubjectToken(TokenRefusal::Token(keys::TokenFault::Expired)),
            Refusal::EndedMeanwhile,
            Refusal::Stopped(Stopped::Org),
            policy(Reason::Possession),
            policy(Reason::Presenter),
            policy(Reason::NoGrant),
            policy(Reason::Policy),
        ];
        for refusal in of_the_token {
            let code = |grant| oauth_error_of(&refusal, grant).code;
            assert_eq!(code(Some(GrantType::TokenExchange)), "invalid_request", "{refusal}");
            assert_eq!(code(Some(GrantType::JwtBearer)), "invalid_grant", "{refusal}");
            assert_eq!(code(None), "invalid_request", "{refusal}");
        }
        let of_the_request = [
            (Refusal::Request(Malformed::Missing("assertion")), "invalid_request"),
            (Refusal::Request(Malformed::NotAnObject("request_details")), "invalid_request"),
            (Refusal::Client(crate::client::ClientFault::Unknown), "invalid_client"),
            (Refusal::UnauthorizedClient, "unauthorized_client"),
            (Refusal::NoTarget, "invalid_target"),
            (Refusal::Proof(ProofRefusal::Replayed), "invalid_dpop_proof"),
            (Refusal::Proof(ProofRefusal::Nonce), "use_dpop_nonce"),
            (policy(Reason::TargetNotGranted), "invalid_target"),
            (policy(Reason::ScopeBeyondSubject), "invalid_scope"),
            (policy(Reason::StepUp), "insufficient_user_authentication"),
        ];
        for (refusal, code) in of_the_request {
            for grant in GrantType::ALL {
                assert_eq!(oauth_error_of(&refusal, Some(grant)).code, code, "{refusal} {grant:?}");
            }
        }
    }

    /// RFC 6749 §5.2: "The authenticated client is not authorized to use this authorization grant type."
    #[test]
    fn a_client_without_a_grant_of_its_own_is_not_authorized() {
        let error = oauth_error_of(&policy(Reason::NoGrant), Some(GrantType::ClientCredentials));
        assert_eq!((error.code, error.reason), ("unauthorized_client", Some("no_grant")));
        let error =
            oauth_error_of(&policy(Reason::TooLittleTime), Some(GrantType::ClientCredentials));
        assert_eq!(error.code, "invalid_request");
    }
}
