//! Asks others: the identity providers of the organizations. The only crate that knows outbound HTTP.
//!
//! Reading order: [`http`] (the one guarded client; every request leaves through it), then
//! [`connection`] (what `delegation` asks of an identity provider) and its parts: `metadata` (where
//! the provider's endpoints are), `introspection` (what it says of a token now), `fetched` (values
//! kept for a while, fetched by one caller at a time) and `checks` (which callers may share an
//! answer).
//!
//! INVARIANT: a standing is told only from an answer to a request that was sent after the caller
//! asked.
//!
//! INVARIANT: no fault carries a token or a secret.

mod checks;
pub mod connection;
pub mod fault;
mod fetched;
pub mod http;
mod introspection;
mod metadata;
