//! What Microsoft Entra would do for a user now: it is asked to mint a token on the user's behalf,
//! which makes it apply its conditional access. The only way to learn what that says.
//!
//! It knows everything Entra does: accounts, revoked sessions, changed passwords, devices, places,
//! risk and consent, as far as the policies that protect the asked `scope` look at them.
//!
//! It cannot know more than those policies: what no policy of that resource asks for is not looked
//! at, and a revocation is seen when Entra's token service sees it. The user's token must be an access
//! token for our own app (`aud`), of a user; about clients nothing is learnt. Entra publishes no limit
//! for this.
//!
//! The minted token is dropped unread.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Access, Account, Denial, Session, Standing, StepUp};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    budget::Budget,
    check::{About, Check, Told},
    connectors::{Context, entra},
    fault::UpstreamFault,
    http::{
        Outbound,
        call::{Call, Reply},
    },
    settings::SecretText,
};

/// A claims challenge names a few policies; a longer one is not passed on.
const LONGEST_CHALLENGE: usize = 8 * 1024;

/// The app that the users' tokens are for, with delegated permissions in `scope`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The tenant's id, or one of its domains.
    pub tenant: String,
    /// The `aud` of the users' tokens.
    pub client_id: String,
    pub client_secret: SecretText,
    /// Of a resource that is under the policies which agents are to be under.
    #[serde(default = "scope")]
    pub scope: String,
    /// Of a national cloud.
    #[serde(default = "entra::login_url")]
    pub login_url: String,
    /// Per minute; none: no limit is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
}

fn scope() -> String {
    "https://graph.microsoft.com/.default".to_owned()
}

#[derive(Debug)]
pub(crate) struct EntraOnBehalfOf {
    token_endpoint: String,
    client_id: String,
    client_secret: SecretText,
    scope: String,
    outbound: Outbound,
    budget: Arc<Budget>,
}

impl EntraOnBehalfOf {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        Ok(Self {
            token_endpoint: entra::token_endpoint(&settings.login_url, &settings.tenant)?,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            scope: settings.scope.clone(),
            outbound: context.outbound.clone(),
            budget: context.budget(settings.rate_limit),
        })
    }

    fn request(&self, token: &str) -> Call {
        let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned();
        let secret = self.client_secret.secret().expose_secret().to_owned();
        let form = vec![
            ("grant_type", grant_type),
            ("client_id", self.client_id.clone()),
            ("client_secret", secret),
            ("assertion", token.to_owned()),
            ("scope", self.scope.clone()),
            ("requested_token_use", "on_behalf_of".to_owned()),
        ];
        Call::post_form(self.token_endpoint.clone(), form)
    }

    async fn mint(&self, token: &str) -> Result<Standing, UpstreamFault> {
        let reply = self.outbound.call(self.request(token)).await?;
        match reply.status {
            200 => minted(&reply),
            400 | 401 | 403 => {
                let problem: Problem = reply.object()?;
                problem.fault().map_or_else(|| Ok(problem.standing()), Err)
            }
            status => Err(UpstreamFault::Status(status)),
        }
    }
}

#[async_trait]
impl Check for EntraOnBehalfOf {
    fn kind(&self) -> &'static str {
        "entra_on_behalf_of"
    }

    fn about(&self) -> About {
        About::Token
    }

    /// There is nobody on whose behalf a client acts.
    fn knows_clients(&self) -> bool {
        false
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let token = question.token.as_ref().ok_or(UpstreamFault::NoToken)?;
        self.budget.take(Instant::now())?;
        let standing = self.mint(token.expose_secret()).await;
        if let Err(UpstreamFault::Throttled(seconds)) = &standing {
            self.budget.close(Instant::now(), seconds.unwrap_or(1));
        }
        standing.map(Told::from)
    }
}

fn minted(reply: &Reply) -> Result<Standing, UpstreamFault> {
    #[derive(Deserialize)]
    struct Minted {
        access_token: String,
    }
    if reply.object::<Minted>()?.access_token.is_empty() {
        return Err(UpstreamFault::Answer("there is no `access_token`"));
    }
    Ok(Standing {
        account: Account::Active,
        session: Session::Live,
        access: Access::Allowed,
        ..Standing::default()
    })
}

/// RFC 6749 §5.2, with what Microsoft adds.
#[derive(Deserialize)]
struct Problem {
    error: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    suberror: Option<String>,
    /// A claims challenge: JSON in a string.
    claims: Option<String>,
}

impl Problem {
    /// What is not about the user: our own secret, our configuration, or Entra's health.
    fn fault(&self) -> Option<UpstreamFault> {
        let coded = |codes: &[u32]| self.error_codes.iter().any(|code| codes.contains(code));
        // A loop is detected, and a service that is busy for now.
        if coded(&[50196, 90033]) {
            return Some(UpstreamFault::Throttled(None));
        }
        // The user's token is for another app than the one we are.
        if coded(&[500_131]) {
            let detail = "`client_id` is not the audience of the user's token".to_owned();
            return Some(UpstreamFault::NotAllowed(detail));
        }
        match self.error.as_str() {
            "invalid_client" | "unauthorized_client" => Some(UpstreamFault::OurCredentials),
            "temporarily_unavailable" | "server_error" => Some(UpstreamFault::Throttled(None)),
            "invalid_request"
            | "invalid_scope"
            | "invalid_resource"
            | "invalid_target"
            | "unsupported_grant_type" => {
                let codes = self.error_codes.iter().map(|code| format!(" AADSTS{code}"));
                let detail = format!("our request is wrong{}", codes.collect::<String>());
                Some(UpstreamFault::NotAllowed(detail))
            }
            _ => None,
        }
    }

    /// What it means for the user. Microsoft asks to go by `error` and `suberror`, since codes come
    /// and go; where a code says more, the stricter of both counts. What nobody knows is a no.
    fn standing(&self) -> Standing {
        let codes = self.error_codes.iter().filter_map(|code| self.by_code(*code));
        let said = self.by_suberror().into_iter().chain(codes).reduce(Standing::and);
        said.unwrap_or_else(|| match self.error.as_str() {
            "interaction_required" | "login_required" => self.demands(self.challenge()),
            "consent_required" => denied(Denial::Consent),
            _ => denied(Denial::ConditionalAccess),
        })
    }

    fn by_suberror(&self) -> Option<Standing> {
        match self.suberror.as_deref()? {
            "basic_action" | "additional_action" => Some(self.demands(self.challenge())),
            "bad_token" | "token_expired" | "user_password_expired" => Some(self.demands(anew())),
            "consent_required" => Some(denied(Denial::Consent)),
            "device_authentication_failed" | "protection_policy_required" => {
                Some(self.demands(StepUp { device: true, ..StepUp::default() }))
            }
            // `message_only`, and what there will be: the code says more.
            _ => None,
        }
    }

    fn by_code(&self, code: u32) -> Option<Standing> {
        match code {
            // Multi-factor authentication: needed, to be set up, expired; or another provider's.
            50072 | 50074 | 50076 | 50078 | 50079 | 50158 => Some(self.demands(self.challenge())),
            // The device: to be authenticated, compliant, joined, managed; the app on it.
            50097 | 53000 | 53001 | 53002 | 53009 | 530_001 | 530_002 | 530_003 => {
                Some(self.demands(StepUp { device: true, ..self.challenge() }))
            }
            // Conditional access, a tenant's policy, risk.
            53003 | 53004 | 530_032 => Some(denied(Denial::ConditionalAccess)),
            // Disabled, not found, locked, deleted.
            50034 | 50053 | 50057 | 500_341 => {
                Some(Standing { account: Account::Suspended, ..Standing::default() })
            }
            // The password or the token was revoked, or it is too long ago.
            50055 | 50132 | 50133 | 50144 | 50173 | 70008 | 70043 | 700_082 => {
                Some(self.demands(anew()))
            }
            // The user's token itself is not, or no longer, valid.
            50013 | 500_133 => Some(Standing { session: Session::Ended, ..Standing::default() }),
            65001 => Some(denied(Denial::Consent)),
            _ => None,
        }
    }

    fn demands(&self, step_up: StepUp) -> Standing {
        let step_up =
            StepUp { claims: step_up.claims.or_else(|| self.challenge().claims), ..step_up };
        judged(Access::Demands(step_up))
    }

    /// The user has to sign in with these claims asked for.
    fn challenge(&self) -> StepUp {
        let is_object = |text: &&String| {
            text.len() <= LONGEST_CHALLENGE
                && serde_json::from_str::<Value>(text).is_ok_and(|claims| claims.is_object())
        };
        StepUp { claims: self.claims.as_ref().filter(is_object).cloned(), ..StepUp::default() }
    }
}

fn anew() -> StepUp {
    StepUp { max_age: Some(0), ..StepUp::default() }
}

fn denied(denial: Denial) -> Standing {
    judged(Access::Denied(denial))
}

/// Who is judged is known: there is an account, only not for this use, or not yet. Without saying so,
/// nobody would hear more than that the user is gone.
fn judged(access: Access) -> Standing {
    Standing { account: Account::Active, access, ..Standing::default() }
}
