//! Whom clients are believed by: where their keys are, and who speaks for them.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use keys::{Authorities, PublicKeys};
use secrecy::SecretString;

use crate::refusal::Fault;

/// Keys that are declared, or published somewhere: of a client, an issuer of workload identities, an
/// attester.
#[async_trait]
pub trait KeySource: Debug + Send + Sync {
    /// Fetched again when `kid` is not among them, at most once per cool-down, and by one request at a
    /// time. What is declared is never fetched.
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault>;
}

/// The bundle of a SPIFFE trust domain.
#[async_trait]
pub trait Bundle: Debug + Send + Sync {
    /// Those that sign JWT-SVIDs; fetched as those of [`KeySource`].
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault>;

    /// Those that sign X.509-SVIDs.
    async fn authorities(&self) -> Result<Arc<Authorities>, Fault>;
}

/// Asks a Kubernetes cluster whether a service account token still stands: its pod, its account.
#[async_trait]
pub trait TokenReview: Debug + Send + Sync {
    /// Whether the token is good for `audience`, now.
    async fn review(&self, token: &SecretString, audience: &str) -> Result<bool, Fault>;
}
