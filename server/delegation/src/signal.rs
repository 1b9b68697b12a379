//! What a provider says on its own: security events, logouts, revocations, deactivations.
//!
//! However it arrives, it becomes a [`Signal`]: who is meant, and what happens to them. The ways in are
//! [`set`] (pushed or polled security events), [`logout`], [`revocation`] and [`scim`]; each ends in
//! [`Ledger::signal`](crate::ports::Ledger::signal), and what comes back is [`Taken`] or [`NotTaken`].
//!
//! INVARIANT: a signal is acknowledged only after it took effect. Nothing is written for one whose
//! sender is not known.

mod arrival;
mod events;
mod happened;
pub mod logout;
#[doc(hidden)]
pub mod probe;
pub mod revocation;
pub mod scim;
pub mod set;
mod subjects;
#[cfg(test)]
pub(crate) mod tests;

use std::{collections::HashMap, sync::Arc};

use keys::SecretHash;
use policy::{Risk, Timestamp};

pub use arrival::{Arrival, NotTaken, SignalRefusal, Source, Taken};
pub use events::understood;

use crate::{event::Event, names::Names, ports::Transmitter};

/// A signal, verified and understood, ready to be stored and to take effect.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The connection whose users it is about.
    pub connection: String,
    /// Who sent it: with `id`, what makes it be taken once.
    pub issuer: String,
    /// `jti`, or what serves as one.
    pub id: String,
    /// How it came: `push`, `poll`, `logout`, `revocation`, `scim`.
    pub source: &'static str,
    pub received_at: Timestamp,
    pub effects: Vec<Affected>,
    /// What the audit trail says of it.
    pub event: Event,
}

/// One effect, and whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    pub whom: Whom,
    pub effect: Effect,
    /// When it happened at the provider. Of two that contradict each other the later one holds; an
    /// end is never undone by being late.
    pub at: Timestamp,
}

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A user, by any of these names; narrowed to a session or a device of that user where one is
    /// named. One that no delegation is known to come from stands for the user: widening is the
    /// safe error.
    User { names: Names, session: Option<String>, device: Option<String> },
    /// A session whose user was not named.
    Session(String),
    /// One token, by its `jti`.
    Token(String),
    /// The same, when it is known whose it is: then nobody else has to be looked at.
    TokenOf { user: String, id: String },
    /// A device, whoever sits at it.
    Device(String),
    /// Every user of the connection.
    Everyone,
}

/// What happens to whom is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Who signed in at `Affected::at` or before must sign in again; what they delegated ends.
    SignedOut,
    /// The account may not be used; everything it delegated ends.
    Disabled,
    /// Takes `Disabled` back. Nothing that ended lives again.
    Enabled,
    /// Who signed in at `Affected::at` or before must show more; what they delegated stays.
    StepUp,
    /// Whether the device complies. What was delegated from one that does not ends.
    Device { compliant: bool },
    /// How much the user is at risk. High ends what was delegated.
    Risk(Risk),
    /// Answers from before this signal count no longer; nothing else changes.
    Recheck,
    /// The names now mean somebody else, or nobody: they are forgotten, what was delegated ends.
    Forgotten,
}

/// Which signals of a connection's provider are taken, and from whom.
#[derive(Debug, Default)]
pub struct Receivers {
    /// Streams of security events (SSF 1.0), by their declared id.
    pub streams: HashMap<String, StreamReceiver>,
    /// OIDC Back-Channel Logout: the `aud` that logout tokens must name one of.
    pub logout: Option<Vec<String>>,
    pub revocation: Option<RevocationReceiver>,
    /// What a SCIM client of ours must send as its bearer token.
    pub scim: Option<SecretHash>,
}

/// One stream of security events, seen from its receiver.
#[derive(Debug)]
pub struct StreamReceiver {
    /// The transmitter's issuer.
    pub issuer: String,
    /// Declared: an `aud` of its events must be among these, or among those the transmitter gave
    /// the stream.
    pub audience: Vec<String>,
    /// Whether it may be pushed to us at all.
    pub pushed: bool,
    /// What the transmitter must send as `Authorization`, when something was agreed on.
    pub authorization: Option<SecretHash>,
    pub transmitter: Arc<dyn Transmitter>,
}

/// Who may revoke everything of a user (draft-parecki-oauth-global-token-revocation).
#[derive(Debug)]
pub struct RevocationReceiver {
    /// A shared secret sent as the bearer token, or else a JWT of the connection's issuer.
    pub authorization: Option<SecretHash>,
    /// `iss` of that JWT, when it is not the connection's issuer.
    pub issuer: Option<String>,
    /// `aud` of that JWT; the endpoint's own URL when empty.
    pub audience: Vec<String>,
}
