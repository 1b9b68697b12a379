use crate::{ActorChain, Party, Scope, Standing, Timestamp};

/// Everything a decision may look at. Verified, looked up and asked for by others; judged here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// The organization whose issuer was asked.
    pub org: String,
    /// When the request arrived.
    pub now: Timestamp,
    pub subject: SubjectFacts,
    pub actor: ActorFacts,
    /// What the user granted to the first agent of the chain, as recorded.
    pub grant: Option<GrantFacts>,
    pub target: TargetFacts,
    /// The scope the client asked for; none when it left the choice to us.
    pub requested: Option<Scope>,
    pub standing: Standing,
    /// Whether a person approved exactly this request. No rule asks for that yet.
    pub approved: bool,
}

/// The verified `subject_token`: for whom.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubjectFacts {
    pub kind: SubjectKind,
    /// The organization the token belongs to.
    pub org: String,
    /// The user at the home identity provider.
    pub user: Party,
    /// The user's name in our tokens.
    pub sub: String,
    /// The token's `scope`; none when it has no such claim.
    pub scope: Option<Scope>,
    /// The token's `aud`.
    pub audience: Vec<String>,
    /// The client the token was issued to: `client_id` or `azp`.
    pub presented_as: Option<String>,
    /// The token's `act`; empty for a user's own token.
    pub chain: ActorChain,
    pub may_act: Option<MayAct>,
    pub expires_at: Timestamp,
    /// When the user signed in, or else when the identity provider issued the token the chain
    /// began with: what `sessions_valid_from` is compared with.
    pub signed_in_at: Option<Timestamp>,
    pub auth_time: Option<Timestamp>,
    pub acr: Option<String>,
    pub amr: Vec<String>,
}

/// What the subject token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubjectKind {
    /// Issued by us: a later hop.
    Own,
    /// An access token of an identity provider.
    AccessToken,
    /// An ID token of an identity provider.
    IdToken,
}

/// The claim `may_act` (RFC 8693 §4.4): who alone may become the actor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MayAct {
    /// Compared only when given.
    pub issuer: Option<String>,
    pub id: String,
}

/// The authenticated agent: who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ActorFacts {
    /// As it is written into `act`: our issuer, and `agent:<client_id>`.
    pub party: Party,
    pub client_id: String,
    /// Other names by which identity providers know this client.
    pub aliases: Vec<String>,
    /// The most it may ever be given.
    pub ceiling: Scope,
    /// When its `actor_token` ends; none when there is no such token.
    pub expires_at: Option<Timestamp>,
}

/// What a user granted to an agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GrantFacts {
    pub id: String,
    pub scope: Scope,
    pub targets: Vec<String>,
    pub expires_at: Option<Timestamp>,
}

/// For whom the new token will be: the one audience.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetFacts {
    pub id: String,
    pub kind: TargetKind,
    /// The scope tokens that mean something there.
    pub scope: Scope,
}

/// What a target is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TargetKind {
    /// A resource server.
    Resource,
    /// Another agent, to which the token is handed.
    Agent,
}

impl TargetKind {
    /// The name in policies.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Agent => "agent",
        }
    }
}
