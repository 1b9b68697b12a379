//! A provider that says what it is told to say.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use keys::{PublicKeys, Signer};
use policy::{Account, Scope, Session, Standing, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    event::Check,
    ports::{Answer, IdentityProvider, Inconclusive, Introspected, Question},
    refusal::Fault,
    signal::tests::fixture::provider,
};

/// What it says of opaque tokens, and whom it was asked about.
#[derive(Debug, Default)]
pub struct Idp {
    /// Of the opaque tokens that are active.
    pub described: Mutex<Vec<(String, Value)>>,
    /// Whether the session of the user is over.
    pub is_over: AtomicBool,
    pub is_ill: AtomicBool,
    /// What tokens are good for now.
    pub scope: Mutex<Option<Scope>>,
    pub asked: Mutex<Vec<String>>,
    /// Opaque tokens it was shown.
    pub shown: Mutex<Vec<String>>,
}

#[async_trait]
impl IdentityProvider for Idp {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        let jwks = json!({ "keys": [provider().public_jwk()] }).to_string();
        Ok(Arc::new(PublicKeys::parse(jwks.as_bytes()).unwrap()))
    }

    async fn introspect(&self, token: &SecretString) -> Result<Option<Introspected>, Fault> {
        let token = token.expose_secret();
        self.shown.lock().unwrap().push(token.to_owned());
        let described = self.described.lock().unwrap();
        let told = described.iter().find(|(name, _)| name == token).map(|(_, told)| told);
        Ok(told.map(|told| Introspected {
            issuer: None,
            subject: told["sub"].as_str().unwrap().to_owned(),
            audience: vec![told["aud"].as_str().unwrap().to_owned()],
            expires_at: Timestamp(told["exp"].as_i64().unwrap()),
            issued_at: told["iat"].as_i64().map(Timestamp),
            claims: told.as_object().unwrap().clone(),
        }))
    }

    async fn standing(&self, question: Question) -> Result<Answer, Inconclusive> {
        let token = question.token.as_ref().map(|token| token.expose_secret().to_owned());
        self.asked.lock().unwrap().push(token.unwrap_or_default());
        if self.is_ill.load(Ordering::Relaxed) {
            return Err(Inconclusive { fault: Fault::Late, checks: Vec::new() });
        }
        let is_over = self.is_over.load(Ordering::Relaxed);
        let session = if is_over { Session::Ended } else { Session::Live };
        let standing = Standing { account: Account::Active, session, ..Standing::default() };
        let scope = self.scope.lock().unwrap().clone();
        Ok(Answer { standing, scope, permitted: None, checks: Vec::new() })
    }

    async fn inspect(&self, _: Question) -> Vec<(Check, Result<Standing, Fault>)> {
        Vec::new()
    }
}
