//! Asks others: the identity providers of the organizations. The only crate that knows outbound HTTP.
//!
//! Reading order: [`http`] (the one guarded client; every request leaves through it), then
//! [`connection`] (what `delegation` asks of an identity provider: every declared check, combined)
//! and its parts: [`connectors`] (one file for each way to ask), `check` (what they have in common),
//! `asking` and `checks` (which exchanges may share an answer), `budget` (how often we may ask),
//! `access` (how we are let in), `provider`, `metadata` and `fetched` (what a provider publishes); then
//! [`transmitter`] (whoever sends us security events, and the stream we have there); then [`sinks`]
//! (where audit trails are sent); then [`trust`] (whom clients are believed by).
//!
//! INVARIANT: a standing is told only from answers to requests that were sent after the caller asked
//! or, where the connection is declared so, at most `max_age` before, and never across an epoch.
//!
//! INVARIANT: no fault carries a token or a secret.

mod access;
mod asking;
mod budget;
mod check;
mod checks;
pub mod connection;
pub mod connectors;
pub mod fault;
mod fetched;
pub mod http;
mod metadata;
#[doc(hidden)]
pub mod probe;
mod provider;
pub mod settings;
pub mod sinks;
pub mod transmitter;
pub mod trust;
