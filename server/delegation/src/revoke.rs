//! Ending what was delegated, on somebody's word: a client's of its own tokens ([`own`], RFC 7009),
//! an operator's of anything ([`revoke`]), and letting go on what an operator has stopped
//! ([`restore`]).
//!
//! The admin API and the command line both end here. Each call is one transaction, and leaves one
//! event in the audit trail; when it has returned, no replica issues anything on what has ended.

mod order;
pub mod own;
#[cfg(test)]
pub(crate) mod tests;

use policy::Timestamp;
use secrecy::SecretString;
use serde::Serialize;
use uuid::Uuid;

pub use order::{restore, revoke};

use crate::{
    declared::{Registry, Stoppable},
    operator::Authorized,
    ports::Ledger,
    refusal::Fault,
};

/// What an operator ends, with everything derived from it.
#[derive(Clone, Debug)]
pub enum What {
    /// The delegation of one of our tokens, by the token itself.
    Token(SecretString),
    /// By its id: the `jti` of its token.
    Delegation(Uuid),
    /// A session at the identity provider of `connection`: its `sid`.
    Session { connection: String, id: String },
    /// A user of `connection`, by `sub`, directory id or mail address: signed out, and with
    /// `disable` without any use of the account until it is restored.
    User { connection: String, user: String, disable: bool },
    /// An agent by its `client_id`; stopped until it is restored.
    Agent(String),
    /// A grant, by its id.
    Grant(String),
    /// Everything of the users of a connection; stopped until it is restored.
    Connection(String),
    /// Everything: the kill switch. Stopped until it is restored.
    Org,
}

/// What an operator lets go on. Nothing that has ended lives again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restorable {
    Stopped(Stoppable),
    /// A user whose account was disabled.
    User {
        connection: String,
        user: String,
    },
}

/// Where an operator's word is carried out: one organization.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub org: &'a str,
    /// Bound to that organization.
    pub ledger: &'a dyn Ledger,
    pub registry: &'a dyn Registry,
}

/// Who says so.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// An operator of the admin API, with the power to revoke.
    Operator(&'a Authorized<'a>),
    /// Whoever runs the command line has the database anyway: `cli:alice`.
    CommandLine(&'a str),
}

/// One call, with what is read once, at the edge.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The action id: that of the event.
    pub id: Uuid,
    pub now: Timestamp,
    pub request_id: String,
    pub client_address: Option<String>,
    pub word: Word<'a>,
    /// Why, in the operator's words. Goes into the audit trail.
    pub reason: Option<String>,
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Ended {
    /// The action id: that of the event.
    pub action: Uuid,
    /// How many delegations ended, descendants included; 0 when all had ended before.
    pub ended: u64,
}

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Restored {
    pub action: Uuid,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error(transparent)]
    Refused(#[from] Unknown),
    #[error(transparent)]
    Broken(#[from] Fault),
}

/// There is nothing by that name: most likely a slip of the pen, which must not look like a success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("there is no organization `{0}`")]
    Org(String),
    #[error("this is not a token that this organization issued, or it died more than a day ago")]
    Token,
    #[error("there is no delegation `{0}`, or it died more than a day ago")]
    Delegation(Uuid),
    #[error("there is no connection `{0}`")]
    Connection(String),
    #[error("there is no agent `{0}`")]
    Agent(String),
    #[error("there is no grant `{0}`")]
    Grant(String),
    #[error("`{0}` names no user: 1 to 512 bytes, no control characters")]
    User(String),
    #[error("`{0}` names no session: 1 to 512 bytes, no control characters")]
    Session(String),
    #[error("{0} is not stopped")]
    NotStopped(String),
    #[error("this operator may not end anything: it needs the power `revoke`")]
    Powerless,
}
