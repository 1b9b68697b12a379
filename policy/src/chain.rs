/// The longest actor chain of any organization.
pub const HARD_LIMIT: usize = 10;

/// The longest actor chain unless the organization says otherwise.
pub const DEFAULT_LIMIT: usize = 5;

/// Somebody, named within the namespace of an issuer: `iss` and `sub` (RFC 8693 §4.1).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Party {
    pub issuer: String,
    pub id: String,
}

/// Who acts for whom, the current actor first (RFC 8693 §4.1: the outermost `act` is current).
///
/// Grows by one party at a time and is never shortened, reordered or edited:
///
/// ```
/// use policy::{ActorChain, Party};
/// let agent = |id: &str| Party { issuer: "https://actas.example".into(), id: id.into() };
/// let chain = ActorChain::none().extended_by(agent("agent:one"), 5).unwrap();
/// assert_eq!(chain.parties(), [agent("agent:one")]);
/// ```
///
/// ```compile_fail,E0616
/// use policy::{ActorChain, Party};
/// let agent = |id: &str| Party { issuer: "https://actas.example".into(), id: id.into() };
/// let mut chain = ActorChain::none().extended_by(agent("agent:one"), 5).unwrap();
/// chain.parties.clear();
/// ```
// INVARIANT: no party twice; at most HARD_LIMIT parties.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ActorChain {
    parties: Vec<Party>,
}

impl ActorChain {
    /// Nobody acts: the user's own token.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The chain of a verified token, the current actor first.
    ///
    /// # Errors
    /// When a party comes twice, or there are more than [`HARD_LIMIT`]; it is never truncated.
    pub fn from_parties(parties: Vec<Party>) -> Result<Self, ChainError> {
        if HARD_LIMIT < parties.len() {
            return Err(ChainError::TooLong);
        }
        let repeated = parties
            .iter()
            .enumerate()
            .any(|(index, party)| parties.iter().take(index).any(|earlier| earlier == party));
        if repeated {
            return Err(ChainError::Repeated);
        }
        Ok(Self { parties })
    }

    /// The chain with `actor` as the current actor.
    ///
    /// The same actor again keeps the chain. An actor further down is refused: a token that
    /// returns to an earlier agent would let it act with what a later one was handed.
    ///
    /// # Errors
    /// When the actor acts already but not as the current one, or when the chain would have more
    /// than `limit` parties ([`HARD_LIMIT`] at most).
    pub fn extended_by(&self, actor: Party, limit: usize) -> Result<Self, ChainError> {
        let is_current = self.current() == Some(&actor);
        if !is_current && self.parties.contains(&actor) {
            return Err(ChainError::Repeated);
        }
        let depth = if is_current { self.depth() } else { self.depth() + 1 };
        // A chain that was legal when it grew is not when the limit has been lowered since.
        if limit.min(HARD_LIMIT) < depth {
            return Err(ChainError::TooLong);
        }
        if is_current {
            return Ok(self.clone());
        }
        let mut parties = Vec::with_capacity(depth);
        parties.push(actor);
        parties.extend_from_slice(&self.parties);
        Ok(Self { parties })
    }

    /// The parties, the current actor first.
    #[must_use]
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// How many parties act.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.parties.len()
    }

    /// The current actor, the only one that counts in access control (RFC 8693 §4.1).
    #[must_use]
    pub fn current(&self) -> Option<&Party> {
        self.parties.first()
    }
}

/// Why parties are not a chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// A party acts at two places.
    #[error("an actor comes twice in the chain")]
    Repeated,
    /// More parties than allowed.
    #[error("the actor chain is too long")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(id: &str) -> Party {
        Party { issuer: "https://actas.example".into(), id: id.into() }
    }

    fn chain(ids: &[&str]) -> ActorChain {
        ActorChain::from_parties(ids.iter().map(|id| agent(id)).collect()).unwrap()
    }

    #[test]
    fn puts_the_new_actor_outermost() {
        assert_eq!(chain(&["a"]).extended_by(agent("b"), 5), Ok(chain(&["b", "a"])));
    }

    #[test]
    fn keeps_the_chain_of_the_same_actor() {
        assert_eq!(chain(&["b", "a"]).extended_by(agent("b"), 2), Ok(chain(&["b", "a"])));
    }

    #[test]
    fn refuses_an_actor_further_down() {
        assert_eq!(chain(&["b", "a"]).extended_by(agent("a"), 5), Err(ChainError::Repeated));
    }

    #[test]
    fn tells_parties_of_two_issuers_apart() {
        let foreign = Party { issuer: "https://other.example".into(), id: "a".into() };
        assert_eq!(chain(&["b", "a"]).extended_by(foreign, 5).unwrap().depth(), 3);
    }

    #[test]
    fn refuses_one_party_too_many() {
        assert!(chain(&["b", "a"]).extended_by(agent("c"), 3).is_ok());
        assert_eq!(chain(&["b", "a"]).extended_by(agent("c"), 2), Err(ChainError::TooLong));
    }

    #[test]
    fn refuses_a_chain_from_before_the_limit_was_lowered() {
        assert_eq!(chain(&["c", "b", "a"]).extended_by(agent("c"), 2), Err(ChainError::TooLong));
    }

    #[test]
    fn lets_no_limit_exceed_the_hard_one() {
        let ids: Vec<String> = (0..HARD_LIMIT).map(|i| format!("a{i}")).collect();
        let full = ActorChain::from_parties(ids.iter().map(|id| agent(id)).collect()).unwrap();
        assert_eq!(full.extended_by(agent("b"), usize::MAX), Err(ChainError::TooLong));
    }

    #[test]
    fn refuses_too_many_parties_rather_than_dropping_some() {
        let parties = (0..=HARD_LIMIT).map(|i| agent(&format!("a{i}"))).collect();
        assert_eq!(ActorChain::from_parties(parties), Err(ChainError::TooLong));
    }

    #[test]
    fn refuses_a_party_twice() {
        let parties = vec![agent("a"), agent("b"), agent("a")];
        assert_eq!(ActorChain::from_parties(parties), Err(ChainError::Repeated));
    }
}
