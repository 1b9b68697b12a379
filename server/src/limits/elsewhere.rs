//! An identity provider that is asked while it is another request's turn.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    event::Check,
    ports::{Answer, IdentityProvider, Inconclusive, Introspected, Question},
    refusal::Fault,
};
use keys::PublicKeys;
use policy::Standing;
use secrecy::SecretString;

use super::turns::away;

/// Whoever asks it lays the turn down meanwhile.
#[derive(Debug)]
pub(crate) struct Elsewhere(pub Arc<dyn IdentityProvider>);

#[async_trait]
impl IdentityProvider for Elsewhere {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        // Mostly they are at hand, and nobody waits: but it cannot be told before.
        away(self.0.keys(kid)).await
    }

    async fn introspect(&self, token: &SecretString) -> Result<Option<Introspected>, Fault> {
        away(self.0.introspect(token)).await
    }

    async fn standing(&self, question: Question) -> Result<Answer, Inconclusive> {
        away(self.0.standing(question)).await
    }

    async fn inspect(&self, question: Question) -> Vec<(Check, Result<Standing, Fault>)> {
        away(self.0.inspect(question)).await
    }
}
