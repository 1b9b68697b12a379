//! ASSERTS. A black box: it knows the RFCs, one description file and HTTP, and nothing of the
//! inside.
//!
//! Reading order: [`target`] (whom we talk to), [`running`] (where it comes from), [`exchange`]
//! (the happy request of which a test changes one thing), [`about`] (introspection and revocation,
//! likewise), [`form`] (what these requests are made of), [`reply`] (what came back, and the
//! invariants every reply is held to), [`idp`] (the development identity provider's control
//! endpoint), [`jwt`] (tokens as text: read, verified through the JWKS, forged).
//!
//! INVARIANT: every reply to a client passes
//! [`reply::Reply::hold_to_what_every_client_is_owed`], and that of a token endpoint
//! [`reply::Reply::hold_to_invariants`], because there is no way to send a form or an exchange
//! without it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test library fails by panicking, and says with what"
)]

pub mod about;
pub mod exchange;
pub mod form;
pub mod http;
pub mod idp;
pub mod jwt;
pub mod reply;
pub mod running;
pub mod target;

pub use about::{AboutToken, INACTIVE, INTROSPECTION_JWT};
pub use exchange::Exchange;
pub use form::Credentials;
pub use jwt::Jwt;
pub use reply::{Granted, Reply};
pub use running::{eventually, now, target};
pub use target::Target;

/// RFC 8693 §2.1: the value of `grant_type`.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8693 §3: an OAuth 2.0 access token.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3: an `OpenID` Connect ID Token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// RFC 8693 §3: a JWT.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// The protected resource of the scene; its scopes are `documents:read` and `documents:write`.
pub const DOCUMENTS: &str = "https://documents.demo.example";
/// The other protected resource; its scope is `calendar:read`.
pub const CALENDAR: &str = "https://calendar.demo.example";
/// What the scene's user lets the orchestrator do at most.
pub const EVERY_SCOPE: &str = "documents:read documents:write calendar:read";
