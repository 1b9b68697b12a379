//! An event as it is kept, chained and exported.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Index;
use crate::event::{Check, Event};

type Text<'a> = Cow<'a, str>;

/// One line of the audit trail. What is absent does not apply, or is not known. Members are written
/// in this order; readers must expect more of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Record<'a> {
    /// The action id, a `UUIDv7`.
    pub id: Text<'a>,
    pub org: Text<'a>,
    /// Seconds since 1970.
    pub at: i64,
    /// See [`Outcome`](crate::event::Outcome).
    pub outcome: Text<'a>,
    pub request_id: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_address: Option<Text<'a>>,
    /// The OAuth error code that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Text<'a>>,
    /// Our stable name of why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
    /// More of why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Text<'a>>,
    /// The agent that asked: its `client_id`; only claimed when authentication failed. Of what an
    /// operator did, the agent it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Text<'a>>,
    /// The user's `sub` in our tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Text<'a>>,
    /// Who acts for whom, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Actor<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_requested: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_granted: Option<Text<'a>>,
    /// What was issued, and the `jti` of its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Text<'a>>,
    /// Ids of the org's policies that decided, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Text<'a>>,
    /// SHA-256 of the policy set, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_hash: Option<Text<'a>>,
    /// How the identity provider was asked, what it said, how fresh that is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Checked<'a>>,
    /// Who did it, when a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Text<'a>>,
    /// How many delegations ended with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// How the client proved itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticated_by: Option<Text<'a>>,
    /// The name of the grant type that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<Text<'a>>,
    /// The key the issued token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_to: Option<Text<'a>>,
    /// What was issued, when it is no access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_type: Option<Text<'a>>,
}

/// RFC 8693 §4.1.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Actor<'a> {
    pub iss: Text<'a>,
    pub sub: Text<'a>,
}

/// See [`Check`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Checked<'a> {
    pub connection: Text<'a>,
    pub kind: Text<'a>,
    pub answer: Text<'a>,
    pub age_ms: i64,
    pub took_us: i64,
    pub shared: bool,
    pub mode: Text<'a>,
}

impl<'a> Record<'a> {
    pub(crate) fn of(org: &'a str, event: &'a Event) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        let id = |id: Option<uuid::Uuid>| id.map(|id| Cow::Owned(id.to_string()));
        Self {
            id: Cow::Owned(event.id.to_string()),
            org: Cow::Borrowed(org),
            at: event.at.0,
            outcome: Cow::Borrowed(event.outcome.code()),
            request_id: Cow::Borrowed(&event.request_id),
            client_address: text(&event.client_address),
            error: event.error.map(Cow::Borrowed),
            reason: event.reason.map(Cow::Borrowed),
            detail: text(&event.detail),
            client: text(&event.client),
            subject: text(&event.subject),
            connection: text(&event.connection),
            chain: event
                .chain
                .iter()
                .map(|party| Actor {
                    iss: Cow::Borrowed(&party.issuer),
                    sub: Cow::Borrowed(&party.id),
                })
                .collect(),
            target: text(&event.target),
            scope_requested: text(&event.scope_requested),
            scope_granted: text(&event.scope_granted),
            delegation: id(event.delegation),
            parent: id(event.parent),
            root: id(event.root),
            grant: text(&event.grant),
            policies: text(&event.policies),
            policy_hash: text(&event.policy_hash),
            checks: event.checks.iter().map(Checked::of).collect(),
            operator: text(&event.operator),
            ended: event.ended,
            authenticated_by: event.authenticated_by.map(Cow::Borrowed),
            grant_type: event.grant_type.map(Cow::Borrowed),
            bound_to: text(&event.bound_to),
            issued_type: event.issued_type.map(Cow::Borrowed),
        }
    }

    /// One line. `PostgreSQL` stores no NUL in the columns a line is found by: what strangers sent
    /// of it is replaced, or they could keep a refusal out of the trail.
    pub(crate) fn to_json(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        if json.contains("\\u0000") { json.replace("\\u0000", "\\ufffd") } else { json }
    }

    /// # Errors
    ///
    /// The line is none that we wrote.
    pub fn read(line: &str) -> Result<Record<'static>, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// What the event is found by.
    #[must_use]
    pub fn index(&self) -> Index {
        let text = |text: &Option<Text<'_>>| text.as_deref().map(str::to_owned);
        Index {
            id: self.id.clone().into_owned(),
            at: self.at,
            outcome: self.outcome.clone().into_owned(),
            client: text(&self.client),
            subject: text(&self.subject),
            delegation: text(&self.delegation),
            root: text(&self.root),
        }
    }
}

impl<'a> Checked<'a> {
    fn of(check: &'a Check) -> Self {
        Self {
            connection: Cow::Borrowed(&check.connection),
            kind: Cow::Borrowed(check.kind),
            answer: Cow::Borrowed(check.answer),
            age_ms: check.age_ms,
            took_us: check.took_us,
            shared: check.shared,
            mode: Cow::Borrowed(check.mode),
        }
    }
}
