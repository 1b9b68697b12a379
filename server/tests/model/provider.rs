//! Identity providers that say what the history says, and remember what they were asked.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use delegation::{
    event::Check,
    ports::{Answer, IdentityProvider, Inconclusive, Introspected, Question, Transmitter},
    refusal::Fault,
};
use keys::{Algorithm, PublicKeys, Signer, SigningKey};
use policy::{Account, Session, Standing};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::lies::Lie;

/// What a provider holds to be true, for one connection of one organization.
#[derive(Debug, Default)]
pub struct Truth {
    pub down: bool,
    pub disabled: BTreeSet<String>,
    pub sessions_over: BTreeSet<String>,
    pub tokens_over: BTreeSet<String>,
}

/// A question, and whether the answer was yes.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The token that was shown.
    pub token: String,
    pub actor: String,
    pub target: String,
    pub yes: bool,
}

/// A provider as one replica sees it.
#[derive(Debug)]
pub struct Home {
    pub connection: String,
    pub key: Arc<Key>,
    pub truth: Arc<Mutex<Truth>>,
    /// Of this replica.
    pub asked: Arc<Mutex<Vec<Asked>>>,
    pub lie: Option<Lie>,
    /// Who was vouched for before; of use to liars.
    pub vouched: Mutex<BTreeSet<String>>,
}

/// A key, and as it is published.
#[derive(Debug)]
pub struct Key {
    pub signing: Arc<SigningKey>,
    public: Arc<PublicKeys>,
}

impl Key {
    pub fn new() -> Self {
        let signing = SigningKey::generate(Algorithm::Es256).unwrap();
        let jwks = json!({ "keys": [signing.public_jwk()] }).to_string();
        let public = Arc::new(PublicKeys::parse(jwks.as_bytes()).unwrap());
        Self { signing: Arc::new(signing), public }
    }
}

#[async_trait]
impl IdentityProvider for Home {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        Ok(Arc::clone(&self.key.public))
    }

    async fn introspect(&self, _: &SecretString) -> Result<Option<Introspected>, Fault> {
        Ok(None)
    }

    async fn standing(&self, question: Question) -> Result<Answer, Inconclusive> {
        let token = question.token.as_ref().map(|it| it.expose_secret().to_owned());
        let token = token.unwrap_or_default();
        assert!(question.max_age.is_zero(), "these connections are strict");
        if self.lie == Some(Lie::RemembersAYes) && self.vouched.lock().unwrap().contains(&token) {
            return Ok(answer(Account::Active, Session::Live));
        }
        let (account, session) = {
            let truth = self.truth.lock().unwrap();
            if truth.down {
                let fault = Fault::IdentityProvider {
                    connection: self.connection.clone(),
                    detail: "it does not answer".to_owned(),
                    retry_after: None,
                };
                return Err(Inconclusive { fault, checks: Vec::new() });
            }
            let is_disabled = truth.disabled.contains(&question.user);
            let hints = &question.hints;
            let is = |of: &BTreeSet<String>, it: &Option<String>| {
                it.as_ref().is_some_and(|it| of.contains(it))
            };
            let is_over =
                is(&truth.sessions_over, &hints.session) || is(&truth.tokens_over, &hints.token_id);
            (
                if is_disabled { Account::Suspended } else { Account::Active },
                if is_over { Session::Ended } else { Session::Live },
            )
        };
        let purpose = question.purpose.unwrap();
        let yes = account == Account::Active && session == Session::Live;
        let (actor, target) = (purpose.actor, purpose.target);
        self.asked.lock().unwrap().push(Asked { token: token.clone(), actor, target, yes });
        if yes {
            self.vouched.lock().unwrap().insert(token);
        }
        Ok(answer(account, session))
    }

    async fn inspect(&self, _: Question) -> Vec<(Check, Result<Standing, Fault>)> {
        Vec::new()
    }
}

fn answer(account: Account, session: Session) -> Answer {
    let standing = Standing { account, session, ..Standing::default() };
    Answer { standing, scope: None, permitted: None, checks: Vec::new() }
}

#[async_trait]
impl Transmitter for Key {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        Ok(Arc::clone(&self.public))
    }

    async fn critical_members(&self) -> Result<Vec<String>, Fault> {
        Ok(Vec::new())
    }
}
