use std::time::Duration;

use crate::{HARD_LIMIT, OrgPolicies};

/// The longest life of an issued token: how long a withdrawn right may still be used elsewhere.
pub const MAX_LIFETIME: Duration = Duration::from_mins(5);

/// The shortest life worth issuing: less would end on the way to the target.
pub const MIN_LIFETIME: Duration = Duration::from_secs(5);

/// What an organization configured, already checked.
///
/// ```
/// use std::time::Duration;
/// let rules = policy::Rules::new(3, Duration::from_secs(60), policy::OrgPolicies::none());
/// assert_eq!(rules.unwrap().chain_limit(), 3);
/// ```
///
/// Unchecked ones cannot be made:
///
/// ```compile_fail,E0451
/// use std::time::Duration;
/// let rules = policy::Rules {
///     chain_limit: 3,
///     lifetime: Duration::from_secs(60),
///     policies: policy::OrgPolicies::none(),
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    chain_limit: usize,
    lifetime: Duration,
    policies: OrgPolicies,
}

impl Rules {
    /// # Errors
    /// When the chain limit is not 1 to [`HARD_LIMIT`], or the lifetime not [`MIN_LIFETIME`] to
    /// [`MAX_LIFETIME`].
    pub fn new(
        chain_limit: usize,
        lifetime: Duration,
        policies: OrgPolicies,
    ) -> Result<Self, RulesError> {
        if !(1..=HARD_LIMIT).contains(&chain_limit) {
            return Err(RulesError::ChainLimit(chain_limit));
        }
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            return Err(RulesError::Lifetime(lifetime));
        }
        Ok(Self { chain_limit, lifetime, policies })
    }

    /// How many agents a chain may have.
    #[must_use]
    pub const fn chain_limit(&self) -> usize {
        self.chain_limit
    }

    /// How long an issued token lives at most.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The organization's own policies.
    #[must_use]
    pub const fn policies(&self) -> &OrgPolicies {
        &self.policies
    }
}

/// Why rules cannot stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    #[error("the chain limit must be 1 to {HARD_LIMIT}, not {0}")]
    ChainLimit(usize),
    #[error("the lifetime must be {MIN_LIFETIME:?} to {MAX_LIFETIME:?}, not {0:?}")]
    Lifetime(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(chain_limit: usize, lifetime: Duration) -> Result<Rules, RulesError> {
        Rules::new(chain_limit, lifetime, OrgPolicies::none())
    }

    #[test]
    fn takes_a_chain_limit_up_to_the_hard_one() {
        assert!(rules(1, MAX_LIFETIME).is_ok());
        assert!(rules(HARD_LIMIT, MAX_LIFETIME).is_ok());
        for limit in [0, HARD_LIMIT + 1] {
            assert_eq!(rules(limit, MAX_LIFETIME).unwrap_err(), RulesError::ChainLimit(limit));
        }
    }

    #[test]
    fn takes_a_lifetime_of_seconds_to_minutes() {
        assert!(rules(5, MIN_LIFETIME).is_ok());
        let longer = MAX_LIFETIME + Duration::from_nanos(1);
        for lifetime in [Duration::ZERO, Duration::from_millis(4_999), longer] {
            assert_eq!(rules(5, lifetime).unwrap_err(), RulesError::Lifetime(lifetime));
        }
    }

    #[test]
    fn says_what_would_be_right() {
        assert_eq!(
            RulesError::Lifetime(Duration::from_hours(1)).to_string(),
            "the lifetime must be 5s to 300s, not 3600s"
        );
    }
}
