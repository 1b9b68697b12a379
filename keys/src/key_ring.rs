use std::sync::Arc;

use serde_json::json;

use crate::{PublicKeys, Signer, rotation::State};

/// A key and where it stands in its life.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Arc<dyn Signer>,
    /// Its state, by [`states`](crate::rotation::states).
    pub state: State,
}

/// The keys of one issuer as they stand at one moment. Rotation is another ring at a later moment.
#[derive(Clone, Debug)]
pub struct KeyRing {
    active: Arc<dyn Signer>,
    public: PublicKeys,
    jwks: String,
}

impl KeyRing {
    /// Publishes those of `entries` that are to be, and signs with the one that is active.
    ///
    /// # Errors
    ///
    /// When not exactly one key is active, or when the published set would not be accepted by
    /// ourselves.
    pub fn new(entries: Vec<Entry>) -> Result<Self, RingFault> {
        let published: Vec<_> =
            entries.into_iter().filter(|entry| entry.state.is_published()).collect();
        let mut active = published.iter().filter(|entry| entry.state == State::Active);
        let (Some(signer), None) = (active.next(), active.next()) else {
            return Err(RingFault::NoActiveKey);
        };
        let active = Arc::clone(&signer.key);
        let members: Vec<_> = published.iter().map(|entry| entry.key.public_jwk()).collect();
        let jwks = json!({ "keys": members }).to_string();
        let public = PublicKeys::parse(jwks.as_bytes()).map_err(|_| RingFault::Unpublishable)?;
        if published.iter().all(|entry| public.holds(Some(entry.key.kid()))) {
            Ok(Self { active, public, jwks })
        } else {
            Err(RingFault::Unpublishable)
        }
    }

    /// The key that signs.
    #[must_use]
    pub fn active(&self) -> &Arc<dyn Signer> {
        &self.active
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
    /// Nothing could be signed, or with several keys.
    #[error("not exactly one signing key is active")]
    NoActiveKey,
    /// Two keys of one `kid`, a private member, a `kid` other than the signer's, or too many keys.
    #[error("the signing keys cannot be published")]
    Unpublishable,
}
