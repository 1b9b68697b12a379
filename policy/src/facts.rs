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
    /// What the new token is to be.
    pub product: Product,
    /// The key whoever presents the subject token proved to have during this request.
    pub possession: Option<Confirmation>,
    /// Whether the client, or what it asks for, may only have tokens that are bound to a key.
    pub must_bind: bool,
}

impl Facts {
    /// Whether a token without any scope is of use: one that only says who the client is.
    pub(crate) fn may_be_empty(&self) -> bool {
        self.target.kind == TargetKind::Ourselves
    }
}

/// The key a token is bound to (RFC 7800 §3.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Confirmation {
    /// `jkt`: the SHA-256 thumbprint of a key, base64url (RFC 9449 §6.1).
    Key(String),
    /// `x5t#S256`: the SHA-256 of a certificate, base64url (RFC 8705 §3.1).
    Certificate(String),
}

/// What is issued (RFC 8693 §3 and drafts).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Product {
    AccessToken,
    /// An identity assertion for the authorization server of another domain
    /// (draft-ietf-oauth-identity-assertion-authz-grant).
    IdJag,
    /// The same, of no type of its own (draft-ietf-oauth-identity-chaining).
    JwtGrant,
    /// For calls inside one trust domain (draft-ietf-oauth-transaction-tokens).
    TransactionToken,
}

impl Product {
    /// The name in policies.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::IdJag => "id_jag",
            Self::JwtGrant => "jwt",
            Self::TransactionToken => "transaction_token",
        }
    }
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
    /// The key the token is bound to.
    pub bound_to: Option<Confirmation>,
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
    /// An identity provider's assertion that names the client it is for: an ID-JAG, or a plain
    /// authorization grant (RFC 7523 §2.1).
    Assertion,
    /// None: the client acts for itself, on what the organization granted it.
    Itself,
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
    /// The authorization server of another domain, which takes what we issue for a grant.
    AuthorizationServer,
    /// The trust domain inside which transaction tokens are passed on.
    TrustDomain,
    /// We: an actor token.
    Ourselves,
}

impl TargetKind {
    /// The name in policies.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Agent => "agent",
            Self::AuthorizationServer => "authorization_server",
            Self::TrustDomain => "trust_domain",
            Self::Ourselves => "ourselves",
        }
    }
}
