//! Decides whether a delegation may exist, and how far it reaches. Pure: no I/O, no clock, no async.
//!
//! Read [`decide`] first, then what goes in ([`Facts`], [`Rules`]) and what comes out
//! ([`Decision`], [`Permit`], [`Reason`]). The rest is vocabulary: [`Scope`], [`ActorChain`],
//! [`Standing`], [`Timestamp`].
//!
//! INVARIANTS, each held by a type or by a property test in `tests/properties.rs`:
//! - a [`Permit`] is made by [`decide`] alone and spent once;
//! - its scope is within every scope among the facts, its time within every time among them;
//! - its actor chain is at most as long as the rules allow and ends with the subject's whole chain; there
//!   is none only of a client that acts for itself, under its own name;
//! - what came of a token that is bound to a key is bound to a key that was proved;
//! - an organization's own policies only narrow: without any, everything else still holds;
//! - [`decide`] never panics.

mod cedar;
mod chain;
mod decision;
mod facts;
mod invariants;
mod permit;
mod reason;
mod rules;
mod scope;
mod standing;
mod timestamp;

pub use cedar::{OrgPolicies, PolicyError, PolicyFile};
pub use chain::{ActorChain, ChainError, DEFAULT_LIMIT, HARD_LIMIT, Party};
pub use decision::{Decision, Question, Refusal, decide};
pub use facts::{
    ActorFacts, Confirmation, Facts, GrantFacts, MayAct, Product, SubjectFacts, SubjectKind,
    TargetFacts, TargetKind,
};
pub use invariants::{may_present, possession};
pub use permit::{Permit, Terms};
pub use reason::Reason;
pub use rules::{MAX_LIFETIME, MIN_LIFETIME, Rules, RulesError};
pub use scope::{MAX_LENGTH, MAX_TOKENS, Scope, ScopeError};
pub use standing::{Access, Account, Denial, Device, Risk, Session, SignIn, Standing, StepUp};
pub use timestamp::Timestamp;
