//! ASSERTS. A black box: it knows the RFCs, one description file and HTTP, and nothing of the
//! inside.
//!
//! Reading order: [`target`] (whom we talk to), [`running`] (where it comes from), [`exchange`]
//! (the happy request of which a test changes one thing), [`about`] (introspection and revocation,
//! likewise), [`form`] (what these requests are made of), [`grant`] (the other grants), [`key`] and
//! [`statement`] (what clients sign: assertions and proofs, hostile ones included), [`reply`] (what came back, and the
//! invariants every reply is held to; `granted` has those of a token), [`idp`] (the development identity provider's control
//! endpoint), [`jwt`] (tokens as text: read, verified through the JWKS, forged).
//!
//! [`report`] is apart: what a measurement leaves behind, and `REPORT.md`, made of it.
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
pub mod grant;
mod granted;
pub mod http;
pub mod idp;
pub mod jwt;
pub mod key;
pub mod reply;
pub mod report;
pub mod running;
pub mod statement;
pub mod target;

pub use about::{AboutToken, INACTIVE, INTROSPECTION_JWT};
pub use exchange::Exchange;
pub use form::Credentials;
pub use jwt::Jwt;
pub use key::Key;
pub use reply::{Granted, Reply};
pub use running::{eventually, now, target, target_started_with};
pub use statement::Statement;
pub use target::Target;

/// RFC 8693 §2.1: the value of `grant_type`.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 6749 §4.4.2: a client asks for itself.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// RFC 7523 §2.1: an assertion for a grant.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// RFC 7523 §2.2: the value of `client_assertion_type`.
pub const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// RFC 8693 §3: an OAuth 2.0 access token.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3: an `OpenID` Connect ID Token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// RFC 8693 §3: a JWT.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// draft-ietf-oauth-identity-assertion-authz-grant: an identity assertion for another domain.
pub const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
/// draft-ietf-oauth-transaction-tokens: for calls inside one trust domain.
pub const TXN_TOKEN: &str = "urn:ietf:params:oauth:token-type:txn_token";
/// The authorization server of another domain, of the scene.
pub const PARTNER: &str = "https://as.partner.example";
/// The scene's trust domain for transaction tokens.
pub const TRUST_DOMAIN: &str = "internal.demo.example";
/// The protected resource of the scene; its scopes are `documents:read` and `documents:write`.
pub const DOCUMENTS: &str = "https://documents.demo.example";
/// The other protected resource; its scope is `calendar:read`.
pub const CALENDAR: &str = "https://calendar.demo.example";
/// What the scene's user lets the orchestrator do at most.
pub const EVERY_SCOPE: &str = "documents:read documents:write calendar:read";
