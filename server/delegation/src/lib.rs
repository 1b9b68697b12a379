//! The life of a delegation: who lets whom do what, where, until when, derived from which other.
//!
//! Knows the protocol (RFC 8693 and what it stands on), not HTTP servers, SQL or outbound HTTP:
//! those implement the [`ports`].
//!
//! Reading order: [`exchange`] (the flow, one line per step), then the evidence each step makes:
//! [`form`], [`request`], [`client`], [`subject`], [`issue`]; then [`refusal`] (why there is no token),
//! [`event`] (what the audit trail says) and [`declared`] (what an organization consists of).
//!
//! INVARIANT: a token leaves by one door, [`issue::issue`], and only as [`issue::Issued`].

mod actor;
mod claims;
pub mod client;
pub mod custody;
pub mod declared;
mod denial;
pub mod event;
pub mod exchange;
pub mod export;
pub mod form;
pub mod introspect;
pub mod issue;
mod kept;
pub mod names;
pub mod operator;
pub mod org;
pub mod own;
pub mod ports;
pub mod possession;
#[doc(hidden)]
pub mod probe;
mod provider;
pub mod refusal;
pub mod request;
pub mod revoke;
pub mod signal;
pub mod status;
pub mod subject;
pub mod trail;
