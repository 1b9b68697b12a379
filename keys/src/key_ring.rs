use std::sync::Arc;

use serde_json::json;

use crate::{PublicKeys, Signer};

/// How long a retired key stays published: longer than a token lives (300 s), a JWKS is cached
/// (300 s) and clocks differ, so that no good token loses its key.
const PUBLISHED_AFTER_RETIREMENT: i64 = 900;

/// A key and its times, in seconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Arc<dyn Signer>,
    /// From when on it signs. It is published before, so that caches know it by then.
    pub activates_at: i64,
    /// From when on it signs no more; `None` while no successor is planned.
    pub retires_at: Option<i64>,
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// Published, does not sign yet.
    Next,
    /// Published, may sign.
    Active,
    /// Published, signs no more.
    Retired,
}

impl Entry {
    /// Where the key stands at `now`; `None` once it is not even published.
    #[must_use]
    pub fn state(&self, now: i64) -> Option<State> {
        let retires_at = self.retires_at.unwrap_or(i64::MAX);
        if retires_at.saturating_add(PUBLISHED_AFTER_RETIREMENT) <= now {
            None
        } else if retires_at <= now {
            Some(State::Retired)
        } else if self.activates_at <= now {
            Some(State::Active)
        } else {
            Some(State::Next)
        }
    }
}

/// The keys of one issuer as they stand at one moment. Rotation is another ring at a later moment.
#[derive(Clone, Debug)]
pub struct KeyRing {
    active: Arc<dyn Signer>,
    states: Vec<(String, State)>,
    public: PublicKeys,
    jwks: String,
}

impl KeyRing {
    /// Sorts `entries` by their state at `now`. Of several active keys the one activated last signs.
    ///
    /// # Errors
    ///
    /// When no key is active, or when the published set would not be accepted by ourselves.
    pub fn new(entries: Vec<Entry>, now: i64) -> Result<Self, RingFault> {
        let published: Vec<_> = entries
            .into_iter()
            .filter_map(|entry| entry.state(now).map(|state| (entry, state)))
            .collect();
        let active = published
            .iter()
            .filter(|(_, state)| *state == State::Active)
            .max_by_key(|(entry, _)| entry.activates_at)
            .map(|(entry, _)| Arc::clone(&entry.key))
            .ok_or(RingFault::NoActiveKey)?;
        let members: Vec<_> = published.iter().map(|(entry, _)| entry.key.public_jwk()).collect();
        let jwks = json!({ "keys": members }).to_string();
        let public = PublicKeys::parse(jwks.as_bytes()).map_err(|_| RingFault::Unpublishable)?;
        let states: Vec<_> =
            published.iter().map(|(entry, state)| (entry.key.kid().to_owned(), *state)).collect();
        if states.iter().all(|(kid, _)| public.holds(Some(kid))) {
            Ok(Self { active, states, public, jwks })
        } else {
            Err(RingFault::Unpublishable)
        }
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> &dyn Signer {
        &*self.active
    }

    /// The `kid` and state of every published key, in the order they were given.
    #[must_use]
    pub fn states(&self) -> &[(String, State)] {
        &self.states
    }

    /// The published keys, to verify our own tokens with.
    #[must_use]
    pub fn public(&self) -> &PublicKeys {
        &self.public
    }

    /// The published JWKS (RFC 7517 §5), written once.
    #[must_use]
    pub fn jwks_json(&self) -> &str {
        &self.jwks
    }
}

/// Why keys do not make a ring.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RingFault {
    /// Nothing could be signed.
    #[error("no signing key is active")]
    NoActiveKey,
    /// Two keys of one `kid`, a private member, a `kid` other than the signer's, or too many keys.
    #[error("the signing keys cannot be published")]
    Unpublishable,
}
