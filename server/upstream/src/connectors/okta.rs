//! What an Okta org knows of a user: a directory read, and what goes with it.
//!
//! It knows whether the account is active, and when its password changed last. With `sessions` it
//! also knows whether the session lives that the user's token names (`sid`), with `risk` how Okta
//! judges the user (Identity Threat Protection only).
//!
//! It cannot know of cleared sessions otherwise: `DELETE /users/{id}/sessions` leaves no trace at the
//! user. Those are told by introspection, or by the org's stream of signals. Neither can it know of
//! devices: their assurance is judged at sign-on only, and there is no verdict to read.

use async_trait::async_trait;
use delegation::ports::Question;
use keys::Object;
use policy::{Access as Judgment, Account, Risk, Session, Standing, StepUp};
use serde::{Deserialize, Serialize};

use crate::{
    access::{Access, Api, Style},
    check::{About, Check, Told, together},
    connectors::{Context, base, moment, segment},
    fault::UpstreamFault,
    http::call::{Call, Reply},
    settings::{AccessSettings, SecretText},
};

/// Published for `/api/v1/users/{id}` of a workforce org, per minute. Customer orgs have 1,000, free
/// ones 100: say so with `rate_limit`.
const USERS_PER_MINUTE: u32 = 2000;
/// Published for `/api/v1/sessions/{id}`.
const SESSIONS_PER_MINUTE: u32 = 750;
/// What Okta publishes for endpoints it does not name.
const RISKS_PER_MINUTE: u32 = 600;

/// Okta: "Content-Type: application/json; okta-response=omitCredentials,...": leaves out of an answer
/// what takes long to compute, and what is none of our business.
const LIGHT: &str = "application/json; okta-response=omitCredentials,omitCredentialsLinks,omitTransitioningToStatus";

/// An API service app with `private_key_jwt`, and without `DPoP`; or a bearer token.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The org: `https://acme.okta.com`. Not that of an authorization server in it.
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// In PEM; RSA, or P-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<SecretText>,
    /// `kid` of the key in the app's key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// An access token with the scopes below, instead of an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretText>,
    /// Whether to look up the session that a token names as `sid` (scope `okta.sessions.read`). Only
    /// where those are ids of the org's own sessions: an id the org does not know is an ended session.
    /// Of a token without a `sid` nothing is learnt.
    #[serde(default)]
    pub sessions: bool,
    /// Whether to ask for the user's risk (scope `okta.userRisk.read`).
    #[serde(default)]
    pub risk: bool,
    /// The org's limit per minute for `/api/v1/users/{id}`; none: 2,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
}

/// Each part of the API has a limit of its own, and a token good for that part only.
#[derive(Debug)]
pub(crate) struct Okta {
    users: Api,
    sessions: Option<Api>,
    risks: Option<Api>,
}

impl Okta {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let limit = settings.rate_limit.unwrap_or(USERS_PER_MINUTE);
        let optional = |wanted: bool, scope, limit| {
            wanted.then(|| settings.api(scope, limit, context)).transpose()
        };
        Ok(Self {
            users: settings.api("okta.users.read", limit, context)?,
            sessions: optional(settings.sessions, "okta.sessions.read", SESSIONS_PER_MINUTE)?,
            risks: optional(settings.risk, "okta.userRisk.read", RISKS_PER_MINUTE)?,
        })
    }

    async fn user(&self, named: &Named) -> Result<Standing, UpstreamFault> {
        let url = self.users.url(&format!("/api/v1/users/{}", segment(&named.name)?));
        let reply = self.users.call(Call::get(url).header("content-type", LIGHT)).await?;
        match reply.status {
            200 => reply.object::<User>()?.standing(named),
            404 if !is_unknown(&reply) => Err(UpstreamFault::Status(404)),
            404 if named.by_id => {
                Ok(Standing { account: Account::Suspended, ..Standing::default() })
            }
            // The token's `sub` need not be a login: then everybody would seem to be gone.
            404 => Err(UpstreamFault::Answer("nobody has the token's `sub` for an id or a login")),
            403 => Err(UpstreamFault::NotAllowed("`okta.users.read` is missing".to_owned())),
            status => Err(UpstreamFault::Status(status)),
        }
    }

    async fn session(&self, question: &Question, named: &Named) -> Result<Standing, UpstreamFault> {
        let (Some(api), Some(id)) = (&self.sessions, &question.hints.session) else {
            return Ok(Standing::default());
        };
        let reply = api.get(&format!("/api/v1/sessions/{}", segment(id)?)).await?;
        match reply.status {
            200 => reply.object::<SessionRead>()?.standing(named),
            404 if is_unknown(&reply) => {
                Ok(Standing { session: Session::Ended, ..Standing::default() })
            }
            403 => Err(UpstreamFault::NotAllowed("`okta.sessions.read` is missing".to_owned())),
            status => Err(UpstreamFault::Status(status)),
        }
    }

    async fn risk(&self, named: &Named) -> Result<Standing, UpstreamFault> {
        let Some(api) = &self.risks else { return Ok(Standing::default()) };
        let reply = api.get(&format!("/api/v1/users/{}/risk", segment(&named.name)?)).await?;
        match reply.status {
            200 => {
                let risk = reply.object::<RiskRead>()?.risk_level.risk();
                Ok(Standing { risk, ..Standing::default() })
            }
            403 => Err(UpstreamFault::NotAllowed(
                "`okta.userRisk.read` is missing, or the org has no Identity Threat Protection"
                    .to_owned(),
            )),
            status => Err(UpstreamFault::Status(status)),
        }
    }
}

#[async_trait]
impl Check for Okta {
    fn kind(&self) -> &'static str {
        "okta"
    }

    fn about(&self) -> About {
        About::User
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let named = Named::by(question);
        let parts =
            tokio::join!(self.user(&named), self.session(question, &named), self.risk(&named),);
        together(parts.into())
    }
}

impl Settings {
    fn api(&self, scope: &str, limit: u32, context: &Context) -> Result<Api, String> {
        let url = base(&self.url)?;
        let access = AccessSettings {
            bearer: self.bearer.clone(),
            client_id: self.client_id.clone(),
            private_key: self.private_key.clone(),
            key_id: self.key_id.clone(),
            scope: Some(scope.to_owned()),
            ..AccessSettings::default()
        };
        let endpoint = Some(format!("{url}/oauth2/v1/token"));
        let access = Access::declared(&access, endpoint, Style::Post)?;
        Ok(Api::new(&url, context.outbound.clone(), access, context.budget(Some(limit))))
    }
}

/// The name by which we ask for the user.
struct Named {
    name: String,
    /// Whether it is Okta's own id, which never changes and is never given twice.
    by_id: bool,
}

impl Named {
    /// `uid` of access tokens; else `sub`, which is the id in Okta's ID tokens, and in its access
    /// tokens the login.
    fn by(question: &Question) -> Self {
        match &question.hints.directory_id {
            Some(id) => Self { name: id.clone(), by_id: true },
            None => Self { name: question.user.clone(), by_id: is_okta_id(&question.user) },
        }
    }

    /// An answer about another user must not pass for one about this: Okta also takes short names.
    fn is(&self, id: &str, login: Option<&str>) -> Result<(), UpstreamFault> {
        let by_login = || login.is_some_and(|login| login.eq_ignore_ascii_case(&self.name));
        if id == self.name || (!self.by_id && by_login()) {
            return Ok(());
        }
        Err(UpstreamFault::Answer("it is about another user"))
    }
}

fn is_okta_id(text: &str) -> bool {
    text.len() == 20 && text.starts_with("00u") && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Okta's E0000007: "Not found: Resource not found". Any other 404 is not Okta's, or not of this API.
fn is_unknown(reply: &Reply) -> bool {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(rename = "errorCode")]
        error_code: String,
    }
    reply.object::<Problem>().is_ok_and(|problem| problem.error_code == "E0000007")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    status: Status,
    password_changed: Option<String>,
    profile: Option<Object<Profile>>,
}

#[derive(Deserialize)]
struct Profile {
    login: Option<String>,
}

/// A status Okta adds one day is no answer until somebody has thought about it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Active,
    Deprovisioned,
    LockedOut,
    PasswordExpired,
    Provisioned,
    Recovery,
    Staged,
    Suspended,
}

impl Status {
    /// `PROVISIONED` and `STAGED` accounts were never activated, or not since they were
    /// deprovisioned: their users cannot sign in, so whoever holds a token should not.
    const fn account(self) -> Account {
        match self {
            Self::Active | Self::LockedOut | Self::PasswordExpired | Self::Recovery => {
                Account::Active
            }
            Self::Deprovisioned | Self::Provisioned | Self::Staged | Self::Suspended => {
                Account::Suspended
            }
        }
    }

    /// Who is locked out or has no valid password can mend that, by signing in.
    const fn access(self) -> Judgment {
        match self {
            Self::LockedOut | Self::PasswordExpired | Self::Recovery => Judgment::Demands(ANEW),
            Self::Active
            | Self::Deprovisioned
            | Self::Provisioned
            | Self::Staged
            | Self::Suspended => Judgment::Unknown,
        }
    }
}

const ANEW: StepUp = StepUp { device: false, acr_values: None, max_age: Some(0), claims: None };

impl User {
    fn standing(self, named: &Named) -> Result<Standing, UpstreamFault> {
        named.is(&self.id, self.profile.and_then(|Object(profile)| profile.login).as_deref())?;
        Ok(Standing {
            account: self.status.account(),
            access: self.status.access(),
            sessions_valid_from: self.password_changed.as_deref().map(moment).transpose()?,
            ..Standing::default()
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionRead {
    user_id: String,
    login: Option<String>,
    status: SessionStatus,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum SessionStatus {
    Active,
    MfaEnroll,
    MfaRequired,
}

impl SessionRead {
    fn standing(&self, named: &Named) -> Result<Standing, UpstreamFault> {
        named.is(&self.user_id, self.login.as_deref())?;
        let (session, access) = match self.status {
            SessionStatus::Active => (Session::Live, Judgment::Unknown),
            SessionStatus::MfaEnroll | SessionStatus::MfaRequired => {
                (Session::Unknown, Judgment::Demands(ANEW))
            }
        };
        Ok(Standing { session, access, ..Standing::default() })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RiskRead {
    risk_level: RiskLevel,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RiskLevel {
    /// Nothing was detected yet.
    None,
    Low,
    Medium,
    High,
}

impl RiskLevel {
    const fn risk(self) -> Option<Risk> {
        match self {
            Self::None => None,
            Self::Low => Some(Risk::Low),
            Self::Medium => Some(Risk::Medium),
            Self::High => Some(Risk::High),
        }
    }
}
