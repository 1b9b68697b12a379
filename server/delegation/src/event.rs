//! What the audit trail says: one event per decision, allowed or refused.

use policy::{Party, Timestamp};
use uuid::Uuid;

use crate::trail::Record;

/// Who asked, for whom, for what, and what came of it. Never a token, never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `UUIDv7`: sorts by time.
    pub id: Uuid,
    pub at: Timestamp,
    pub request_id: String,
    pub client_address: Option<String>,
    pub outcome: Outcome,
    /// The OAuth error code that was answered.
    pub error: Option<&'static str>,
    /// Our name of the reason, stable, from a short documented list.
    pub reason: Option<&'static str>,
    /// More of the reason, for people.
    pub detail: Option<String>,
    /// The authenticated client, or the one it claimed to be when authentication failed; of what an
    /// operator did, the agent it was done to.
    pub client: Option<String>,
    /// How it proved itself: the name of the way of client authentication.
    pub authenticated_by: Option<&'static str>,
    /// What was asked for: the name of the grant type.
    pub grant_type: Option<&'static str>,
    /// The key the issued token is bound to: `jkt:` or `x5t#S256:` and its thumbprint.
    pub bound_to: Option<String>,
    /// What was issued, when it is no access token: its token type identifier.
    pub issued_type: Option<&'static str>,
    /// The user's `sub` in our tokens.
    pub subject: Option<String>,
    /// Whose user that is.
    pub connection: Option<String>,
    /// The actor chain, outermost first.
    pub chain: Vec<Party>,
    pub target: Option<String>,
    pub scope_requested: Option<String>,
    pub scope_granted: Option<String>,
    pub delegation: Option<Uuid>,
    pub parent: Option<Uuid>,
    /// The first delegation of the chain: what all events of a chain have in common.
    pub root: Option<Uuid>,
    pub grant: Option<String>,
    /// The org's policies that decided, separated by spaces.
    pub policies: Option<String>,
    /// SHA-256 of the policy set, hex.
    pub policy_hash: Option<String>,
    /// Every check that was made of the user.
    pub checks: Vec<Check>,
    /// Who did it, when it was done by a person: an operator's id, or `cli:` and the user's name.
    pub operator: Option<String>,
    /// How many delegations ended with it. Filled in by the ledger.
    pub ended: Option<u64>,
}

/// One check: how the identity provider was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The connection whose provider was asked.
    pub connection: String,
    /// `introspection`, `okta`, … as configured.
    pub kind: &'static str,
    /// `good`, `no`, `step_up`; or without an answer `throttled` or `unknown`.
    pub answer: &'static str,
    /// How long ago the check began when its answer was used. Zero or little when it was made for
    /// this exchange.
    pub age_ms: i64,
    /// How long it took.
    pub took_us: i64,
    /// Whether another exchange's check was used.
    pub shared: bool,
    /// `strict` or `bounded`.
    pub mode: &'static str,
}

impl Event {
    /// What is known of a request before anything is decided: a refusal, until it is more.
    #[must_use]
    pub const fn draft(id: Uuid, at: Timestamp, request_id: String) -> Self {
        Self {
            id,
            at,
            request_id,
            client_address: None,
            outcome: Outcome::Refused,
            error: None,
            reason: None,
            detail: None,
            client: None,
            authenticated_by: None,
            grant_type: None,
            bound_to: None,
            issued_type: None,
            subject: None,
            connection: None,
            chain: Vec::new(),
            target: None,
            scope_requested: None,
            scope_granted: None,
            delegation: None,
            parent: None,
            root: None,
            grant: None,
            policies: None,
            policy_hash: None,
            checks: Vec::new(),
            operator: None,
            ended: None,
        }
    }

    /// The event as it is kept, chained and exported: one line of JSON (see [`Record`]).
    #[must_use]
    pub fn record(&self, org: &str) -> String {
        Record::of(org, self).to_json()
    }
}

/// A text a stranger chose, fit for the audit trail.
///
/// Fields get mixed up: a secret sent as `client_id`, a token sent as `audience`. Whatever looks like
/// one is not written down.
#[must_use]
pub fn quoted(text: &str) -> String {
    at_most(text, 128)
}

/// What an operator wrote, fit for the audit trail: long enough for a sentence of why.
#[must_use]
pub fn noted(text: &str) -> String {
    at_most(text, 512)
}

fn at_most(text: &str, longest: usize) -> String {
    const SECRETS: [&str; 3] = ["acs_", "aco_", "eyJ"];
    if SECRETS.iter().any(|mark| text.contains(mark)) {
        return "(looks like a secret)".to_owned();
    }
    text.chars().take(longest).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Issued,
    Refused,
    /// We, or the identity provider, could not tell: 503.
    Unavailable,
    /// A provider's signal took effect.
    Signalled,
    /// A client or an operator ended something.
    Revoked,
    /// An operator let something go on that was stopped.
    Restored,
    /// The signing keys were changed.
    Rotated,
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 7] = [
        Self::Issued,
        Self::Refused,
        Self::Unavailable,
        Self::Signalled,
        Self::Revoked,
        Self::Restored,
        Self::Rotated,
    ];

    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Signalled => "signalled",
            Self::Revoked => "revoked",
            Self::Restored => "restored",
            Self::Rotated => "rotated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_no_secret_down() {
        assert_eq!(quoted("orchestrator"), "orchestrator");
        for secret in ["acs_abc", "aco_abc", "eyJhbGciOiJub25lIn0.e30.", "x eyJ"] {
            assert_eq!(quoted(secret), "(looks like a secret)");
        }
        assert_eq!(quoted(&"a".repeat(1000)).len(), 128);
        assert_eq!(noted(&"a".repeat(1000)).len(), 512);
    }
}
