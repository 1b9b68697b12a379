use keys::{ProofFault, TokenFault};

/// Why a request is not let through; one variant per check.
///
/// For your log. Clients are told with [`Challenge`](crate::Challenge), which names a category.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// Nobody says who it is.
    #[error("there is no token")]
    NoToken,
    /// Two headers `Authorization`, or one without a token in it.
    #[error("the header `Authorization` is malformed")]
    Malformed,
    /// It is no token, not now, not of this issuer, or not for this API.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// A token that is bound to a key, without the proof of it (RFC 9449 §7.2).
    #[error("the token is bound to a key, and comes as a bearer token")]
    BoundToKey,
    /// A token that is bound to a certificate, over a connection without, or with another one (RFC 8705 §3).
    #[error("the token is bound to another certificate")]
    BoundToCertificate,
    /// A token that is bound to nothing, with the scheme `DPoP`, or where only bound ones are taken.
    #[error("the token is not bound")]
    NotBound,
    #[error("there is no proof of the key")]
    NoProof,
    #[error("there is more than one proof")]
    SeveralProofs,
    /// The proof does not hold, is of another request, or goes with another token.
    #[error(transparent)]
    Proof(#[from] ProofFault),
    /// The proof is of another key than that of the token.
    #[error("the proof is of another key")]
    OtherKey,
    /// The proof was taken before.
    #[error("the proof was used before")]
    Replayed,
    /// The token has ended before its time.
    #[error("the token has been revoked")]
    Revoked,
    /// The token has no place on a status list, or one that does not exist.
    #[error("the token has no place on a status list")]
    NotListed,
    /// What the token allows is less than what is needed; that is, these scopes.
    #[error("the scope `{0}` is needed")]
    Scope(String),
    /// It cannot be known. Never a yes, and no fault of the caller's.
    #[error(transparent)]
    Unavailable(#[from] Outage),
}

/// What is not known for now, and why. Worth another try.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Outage {
    #[error("`{url}` cannot be fetched: {why}")]
    Unreachable { url: String, why: String },
    #[error("`{url}` is not what it must be: {why}")]
    Unusable { url: String, why: String },
    /// What was fetched by somebody else got lost on the way.
    #[error("a fetch ended without a result")]
    Lost,
    /// More proofs are valid at once than may be remembered.
    #[error("there are too many proofs to remember")]
    TooManyProofs,
}
