use std::fmt;

/// One table for the variants, their stable names and the list of all.
macro_rules! reasons {
    ($($(#[$doc:meta])+ $variant:ident = $code:literal,)+) => {
        /// Why there is no permit: the first rule that did not hold, in the order they are applied.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Reason {
            $($(#[$doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in the order the rules are applied.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name: for metrics, the audit trail and clients. Never changes.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

reasons! {
    /// The subject token belongs to another organization.
    OtherOrg = "other_org",
    /// The user's name looks like a client's, or a client's is not its own.
    ReservedSubject = "reserved_subject",
    /// The subject token was not issued to, or for, the agent that presents it.
    Presenter = "presenter",
    /// The subject token names another party as the only one that may act.
    MayAct = "may_act",
    /// The subject token is bound to a key the presenter does not have, or a token that is not bound
    /// to one was asked for where only bound ones are given.
    Possession = "possession",
    /// What is asked for is not issued for such a target, or not on such a subject.
    Product = "product",
    /// The account is disabled, suspended, locked or deleted.
    AccountSuspended = "account_suspended",
    /// The session or the token has ended, or nobody vouches for the user.
    SubjectGone = "subject_gone",
    /// The user signed in before the moment from which sessions count.
    SignedOut = "signed_out",
    /// The conditional access of the home identity provider says no.
    ConditionalAccess = "conditional_access",
    /// The user's consent is missing at the home identity provider.
    Consent = "consent",
    /// The external decision point says no.
    DecisionPoint = "decision_point",
    /// The user's device does not comply.
    Device = "device",
    /// The user is at high risk.
    Risk = "risk",
    /// The user must sign in again, or better: for the home identity provider, a signal, or (after
    /// all other rules) for every policy that denied.
    StepUp = "step_up",
    /// The user granted nothing to the agent.
    NoGrant = "no_grant",
    /// What the user granted has expired.
    GrantExpired = "grant_expired",
    /// What the user granted does not reach this target.
    TargetNotGranted = "target_not_granted",
    /// More scope was requested than the subject token has.
    ScopeBeyondSubject = "scope_beyond_subject",
    /// More scope was requested than the user granted.
    ScopeBeyondGrant = "scope_beyond_grant",
    /// More scope was requested than the agent may ever have.
    ScopeBeyondAgent = "scope_beyond_agent",
    /// More scope was requested than the target knows.
    ScopeBeyondTarget = "scope_beyond_target",
    /// No scope is left.
    NothingLeft = "nothing_left",
    /// One more agent would be one too many.
    ChainTooLong = "chain_too_long",
    /// The agent has acted earlier in the chain.
    ActorRepeated = "actor_repeated",
    /// The new token would live for less than five seconds.
    TooLittleTime = "too_little_time",
    /// The organization's policies deny every scope.
    Policy = "policy",
    /// The organization's policies deny some of the requested scope.
    ScopeByPolicy = "scope_by_policy",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_distinct_names_in_snake_case() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert!(reason.code().chars().all(|c| c == '_' || c.is_ascii_lowercase()), "{reason}");
            assert!(Reason::ALL.iter().take(index).all(|other| other.code() != reason.code()));
        }
    }
}
