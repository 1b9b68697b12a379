//! One connection of an organization to an identity provider: every check of it, combined.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use delegation::{
    event,
    ports::{Answer, IdentityProvider, Inconclusive, Introspected, Question},
    refusal::Fault,
};
use keys::PublicKeys;
use policy::{Scope, Standing};
use secrecy::SecretString;

use crate::{
    asking::{Asking, Heard},
    check::{Check, Told, Verdict},
    connectors::{
        self, Context,
        introspection::{self, Introspection},
    },
    fault::UpstreamFault,
    fetched::{Fetched, Times},
    http::{Credentials, Outbound},
    provider::Provider,
    settings::CheckSettings,
};

#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// Named in faults.
    pub id: String,
    /// Compared to the letter with what the provider says of itself.
    pub issuer: String,
    /// Who we are at the provider's introspection endpoint.
    pub client_id: String,
    pub client_secret: SecretString,
    pub checks: Vec<CheckSettings>,
    /// How many processes share the provider's limits.
    pub replicas: u32,
    pub times: CacheTimes,
}

/// How long what a provider publishes is kept. What it says of a user is not, but for bounded
/// freshness.
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

/// Asks a provider by `OpenID` Connect Discovery, its JWKS, and the checks it was declared with.
#[derive(Debug)]
pub struct Connection {
    id: String,
    provider: Arc<Provider>,
    keys: Arc<Fetched<PublicKeys>>,
    checks: Vec<Asking>,
    /// For tokens that only the provider can read; it shares the limit of the check of that kind.
    introspection: Arc<Introspection>,
    /// For one such token, however many calls it takes.
    deadline: Duration,
}

impl Connection {
    /// Asks nothing yet: the provider is discovered when it is first needed.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings of a check.
    #[expect(clippy::new_ret_no_self, reason = "callers know it by its port only")]
    pub fn new(
        settings: ConnectionSettings,
        outbound: Outbound,
    ) -> Result<Arc<dyn IdentityProvider>, String> {
        let ConnectionSettings { id, issuer, client_id, client_secret, checks, replicas, times } =
            settings;
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
        let credentials = Credentials { client_id, client_secret };
        let provider = Provider::new(issuer, credentials, outbound.clone(), metadata_times);
        let context = Context { provider: Arc::clone(&provider), outbound, replicas };
        let deadline = context.outbound.check_deadline();
        let introspection = Arc::new(Introspection::new(&declared(&checks), &context));
        let asking = |settings: &CheckSettings| {
            let check = if matches!(settings, CheckSettings::Introspection(_)) {
                Ok(Arc::clone(&introspection) as Arc<dyn Check>)
            } else {
                connectors::build(settings, &context)
            };
            check.map(|check| Asking::new(&id, check, deadline))
        };
        let checks = checks.iter().map(asking).collect::<Result<_, _>>()?;
        let keys = Fetched::new(keys_times);
        Ok(Arc::new(Self { id, provider, keys, checks, introspection, deadline }))
    }

    fn fault(&self, fault: &UpstreamFault) -> Fault {
        Fault::IdentityProvider {
            connection: self.id.clone(),
            detail: fault.to_string(),
            retry_after: fault.retry_after(),
        }
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

    async fn introspect(&self, token: &SecretString) -> Result<Option<Introspected>, Fault> {
        let described = tokio::time::timeout(self.deadline, self.introspection.describe(token));
        let late = |_| UpstreamFault::Deadline(self.deadline.as_millis());
        described.await.map_err(late).flatten().map_err(|fault| self.fault(&fault))
    }

    async fn standing(&self, question: Question) -> Result<Answer, Inconclusive> {
        // All take their places now, so that they run at once.
        let seats: Vec<_> = self
            .checks
            .iter()
            .filter(|asking| !question.is_client || asking.knows_clients())
            .map(|asking| asking.ask(&question))
            .collect();
        let mut heard = Vec::with_capacity(seats.len());
        for seat in seats {
            heard.push(seat.await);
        }
        let mut combined = combine(heard);
        let (scope, permitted) = (combined.scope.take(), combined.permitted.take());
        let checks = std::mem::take(&mut combined.lines);
        match combined.conclude() {
            Ok(standing) => Ok(Answer { standing, scope, permitted, checks }),
            Err(fault) => Err(Inconclusive { fault: self.fault(&fault), checks }),
        }
    }

    async fn inspect(&self, question: Question) -> Vec<(event::Check, Result<Standing, Fault>)> {
        let mut answers = Vec::with_capacity(self.checks.len());
        for asking in &self.checks {
            let (line, told) = asking.inspect(&question).await;
            let standing = told.map(|told| told.standing).map_err(|fault| self.fault(&fault));
            answers.push((line, standing));
        }
        answers
    }
}

/// The settings of the first introspection check, if there is one.
fn declared(checks: &[CheckSettings]) -> introspection::Settings {
    let settings = checks.iter().find_map(|check| match check {
        CheckSettings::Introspection(settings) => Some(settings.clone()),
        CheckSettings::Userinfo(_)
        | CheckSettings::Keycloak(_)
        | CheckSettings::Okta(_)
        | CheckSettings::Entra(_)
        | CheckSettings::EntraOnBehalfOf(_)
        | CheckSettings::Google(_)
        | CheckSettings::Auth0(_)
        | CheckSettings::Scim(_)
        | CheckSettings::Authzen(_)
        | CheckSettings::Opa(_) => None,
    });
    settings.unwrap_or_default()
}

/// What all checks said together.
#[derive(Debug, Default)]
struct Combined {
    standing: Standing,
    scope: Option<Scope>,
    permitted: Option<Scope>,
    /// Of a check that gave no answer; the one that takes longest to mend.
    fault: Option<UpstreamFault>,
    lines: Vec<event::Check>,
}

impl Combined {
    /// A no stands: whoever said it was asked, whatever the others would have said. A yes needs all
    /// of them, and one who knows the user.
    fn conclude(self) -> Result<Standing, UpstreamFault> {
        match self.fault {
            _ if Verdict::of(&self.standing) == Verdict::No => Ok(self.standing),
            Some(fault) => Err(fault),
            None if !self.standing.vouches() => Err(UpstreamFault::NoVoucher),
            None => Ok(self.standing),
        }
    }
}

fn combine(heard: Vec<Heard>) -> Combined {
    let mut all = Combined::default();
    for (line, told) in heard {
        all.lines.push(line);
        match told {
            Ok(Told { standing, scope, permitted }) => {
                all.standing = std::mem::take(&mut all.standing).and(standing);
                all.scope = narrowest(all.scope.take(), scope);
                all.permitted = narrowest(all.permitted.take(), permitted);
            }
            Err(fault) => {
                let longer = |known: &UpstreamFault| fault.retry_after() <= known.retry_after();
                if !all.fault.as_ref().is_some_and(longer) {
                    all.fault = Some(fault);
                }
            }
        }
    }
    all
}

fn narrowest(one: Option<Scope>, other: Option<Scope>) -> Option<Scope> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.narrow(&other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
