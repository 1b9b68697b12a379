//! One connection of an organization to an identity provider.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use delegation::{
    ports::{Answer, IdentityProvider, Question},
    refusal::Fault,
};
use keys::PublicKeys;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    checks::Checks,
    fault::UpstreamFault,
    fetched::{Fetched, Times},
    http::{Credentials, Outbound},
    introspection::{self, Told},
    metadata::{self, Metadata},
};

/// More checks of different tokens than this at once, at one provider, means that it does not keep
/// up; waiting would only add to it.
const CHECKS_AT_ONCE: usize = 1024;

#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// Named in faults.
    pub id: String,
    /// Compared to the letter with what the provider says of itself.
    pub issuer: String,
    /// Who we are at the provider's introspection endpoint.
    pub client_id: String,
    pub client_secret: SecretString,
    pub times: CacheTimes,
}

/// How long what a provider publishes is kept. What it says of a user never is.
#[derive(Clone, Copy, Debug)]
pub struct CacheTimes {
    pub metadata: Duration,
    pub keys: Duration,
    /// Before a failed fetch is tried again.
    pub after_failure: Duration,
    /// Before another unknown `kid` makes us fetch the keys again.
    pub after_unknown_kid: Duration,
}

impl Default for CacheTimes {
    fn default() -> Self {
        Self {
            metadata: Duration::from_mins(10),
            keys: Duration::from_mins(10),
            after_failure: Duration::from_secs(1),
            after_unknown_kid: Duration::from_secs(30),
        }
    }
}

/// Asks a provider by `OpenID` Connect Discovery, its JWKS and RFC 7662.
#[derive(Debug)]
pub struct Connection {
    id: String,
    provider: Arc<Provider>,
    keys: Arc<Fetched<PublicKeys>>,
    checks: Arc<Checks<CheckKey, Checked>>,
}

/// Every input of a check, or one user's answer could be given for another (Oathkeeper
/// CVE-2026-33496 left one out). The token by its hash: keys of maps end up in dumps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CheckKey {
    token_hash: String,
    user: String,
}

/// What a check found, and how long the provider took.
type Checked = Result<(Told, Duration), UpstreamFault>;

impl Connection {
    /// Asks nothing yet: the provider is discovered when it is first needed.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "callers know it by its port only")]
    pub fn new(settings: ConnectionSettings, outbound: Outbound) -> Arc<dyn IdentityProvider> {
        let ConnectionSettings { id, issuer, client_id, client_secret, times } = settings;
        let metadata_times = Times {
            lifetime: times.metadata,
            after_failure: times.after_failure,
            after_seeking: times.after_failure,
        };
        let keys_times = Times {
            lifetime: times.keys,
            after_failure: times.after_failure,
            after_seeking: times.after_unknown_kid,
        };
        Arc::new(Self {
            id,
            provider: Arc::new(Provider {
                issuer,
                credentials: Credentials { client_id, client_secret },
                outbound,
                metadata: Fetched::new(metadata_times),
            }),
            keys: Fetched::new(keys_times),
            checks: Checks::new(CHECKS_AT_ONCE),
        })
    }

    fn fault(&self, fault: &UpstreamFault) -> Fault {
        Fault::IdentityProvider { connection: self.id.clone(), detail: fault.to_string() }
    }
}

#[async_trait]
impl IdentityProvider for Connection {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        let kid = kid.map(str::to_owned);
        // A token without a `kid` names nothing that could be missing.
        let enough = move |keys: &PublicKeys| kid.is_none() || keys.holds(kid.as_deref());
        let provider = Arc::clone(&self.provider);
        let fetch = async move || provider.fetch_keys().await;
        self.keys.obtain(enough, fetch).await.map_err(|fault| self.fault(&fault))
    }

    async fn standing(&self, subject: Question) -> Result<Answer, Fault> {
        let token_hash = keys::sha256_hex(subject.token.expose_secret().as_bytes());
        let key = CheckKey { token_hash, user: subject.user.clone() };
        let provider = Arc::clone(&self.provider);
        let check = move || {
            let (provider, subject) = (Arc::clone(&provider), subject.clone());
            async move { provider.introspect(&subject).await }
        };
        let told = self.checks.ask(key, check).await.map_err(|fault| self.fault(&fault))?;
        let (Told { standing, scope }, took) = told.value.map_err(|fault| self.fault(&fault))?;
        Ok(Answer { standing, scope, took, shared: told.shared })
    }
}

/// The provider itself, seen from here.
#[derive(Debug)]
struct Provider {
    issuer: String,
    credentials: Credentials,
    outbound: Outbound,
    metadata: Arc<Fetched<Metadata>>,
}

impl Provider {
    async fn metadata(&self) -> Result<Arc<Metadata>, UpstreamFault> {
        let (outbound, issuer) = (self.outbound.clone(), self.issuer.clone());
        let fetch = async move || {
            let document = outbound.get_json(&metadata::address(&issuer)?).await?;
            Metadata::parse(&document, &issuer)
        };
        self.metadata.obtain(|_| true, fetch).await
    }

    async fn fetch_keys(&self) -> Result<PublicKeys, UpstreamFault> {
        let metadata = self.metadata().await?;
        let document = self.outbound.get_json(&metadata.jwks_uri).await?;
        PublicKeys::parse(&document).map_err(|fault| UpstreamFault::Keys(fault.to_string()))
    }

    /// RFC 7662 §2.1. No `token_type_hint`: the token may be of either kind, and the hint only
    /// speeds up the provider's search.
    async fn introspect(&self, subject: &Question) -> Checked {
        let metadata = self.metadata().await?;
        let asked_at = Instant::now();
        let form = [("token", subject.token.expose_secret())];
        let answer = self
            .outbound
            .post_form(&metadata.introspection_endpoint, &self.credentials, &form)
            .await?;
        let took = asked_at.elapsed();
        Ok((introspection::standing(&answer, &self.issuer, &subject.user)?, took))
    }
}
