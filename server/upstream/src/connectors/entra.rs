//! What a Microsoft Entra directory knows of a user, read from Microsoft Graph.
//!
//! It knows whether the account is enabled, and from when on its sessions are valid: a revocation and
//! a changed password both move that. With `device` it also knows whether the device that the token
//! names (`deviceid`) is compliant.
//!
//! It cannot know what conditional access would say: only
//! [`entra_on_behalf_of`](super::entra_on_behalf_of) can. `risk` reads the user's risk, but Identity
//! Protection answers one request a second for a tenant and all its apps: that is not enough for
//! every exchange, only for few users under bounded freshness.

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Account, Device, Risk, Standing};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    access::{Access, Api, Style},
    check::{About, Check, Told, together},
    connectors::{Context, base, moment, segment},
    fault::UpstreamFault,
    http::call::Reply,
    settings::{AccessSettings, SecretText},
};

/// Published for the smallest tenants: 3,500 resource units in ten seconds for an app in a tenant;
/// each of our reads costs one.
const READS_PER_MINUTE: u32 = 21_000;
/// Published for Identity Protection: one a second, for all apps.
const RISKS_PER_MINUTE: u32 = 60;

/// An app with the application permissions `User.Read.All`, for devices `Device.Read.All`, for risk
/// `IdentityRiskyUser.Read.All`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The tenant's id, or one of its domains.
    pub tenant: String,
    pub client_id: String,
    pub client_secret: SecretText,
    /// Whether to ask for the device. Of a token that names none nothing is learnt, and a policy that
    /// wants a compliant device refuses.
    #[serde(default)]
    pub device: bool,
    #[serde(default)]
    pub risk: bool,
    /// Of a national cloud.
    #[serde(default = "graph_url")]
    pub graph_url: String,
    /// Of a national cloud.
    #[serde(default = "login_url")]
    pub login_url: String,
    /// Reads of users and devices per minute; none: 21,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
}

fn graph_url() -> String {
    "https://graph.microsoft.com".to_owned()
}

pub(super) fn login_url() -> String {
    "https://login.microsoftonline.com".to_owned()
}

/// The token endpoint of a tenant.
pub(super) fn token_endpoint(login_url: &str, tenant: &str) -> Result<String, String> {
    let tenant = segment(tenant).map_err(|_| "`tenant` is no tenant".to_owned())?;
    Ok(format!("{}/{tenant}/oauth2/v2.0/token", base(login_url)?))
}

#[derive(Debug)]
pub(crate) struct Entra {
    directory: Api,
    device: bool,
    risks: Option<Api>,
}

impl Entra {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let limit = settings.rate_limit.unwrap_or(READS_PER_MINUTE);
        let risks = settings.risk.then(|| settings.api(RISKS_PER_MINUTE, context));
        Ok(Self {
            directory: settings.api(limit, context)?,
            device: settings.device,
            risks: risks.transpose()?,
        })
    }

    async fn user(&self, id: Uuid) -> Result<Standing, UpstreamFault> {
        let select = "id,accountEnabled,signInSessionsValidFromDateTime,deletedDateTime";
        let reply = self.directory.get(&format!("/v1.0/users/{id}?$select={select}")).await?;
        match found::<User>(&reply, is_unknown, "`User.Read.All` is missing")? {
            Some(user) => user.standing(id),
            None => Ok(Standing { account: Account::Suspended, ..Standing::default() }),
        }
    }

    async fn device(&self, question: &Question) -> Result<Standing, UpstreamFault> {
        let (true, Some(id)) = (self.device, &question.hints.device) else {
            return Ok(Standing::default());
        };
        // Also keeps a quote out of the key.
        let id: Uuid = id.parse().map_err(|_| UpstreamFault::NoHint("a device id of Entra"))?;
        let select = "deviceId,accountEnabled,isCompliant,isManaged";
        let path = format!("/v1.0/devices(deviceId='{id}')?$select={select}");
        let reply = self.directory.get(&path).await?;
        let missing = "`Device.Read.All` is missing";
        let device = match found::<DeviceRead>(&reply, is_unknown, missing)? {
            Some(device) => device.standing(id)?,
            None => Device { compliant: Some(false), managed: Some(false) },
        };
        Ok(Standing { device, ..Standing::default() })
    }

    async fn risk(&self, id: Uuid) -> Result<Standing, UpstreamFault> {
        let Some(api) = &self.risks else { return Ok(Standing::default()) };
        let select = "id,riskLevel,riskState";
        let path = format!("/v1.0/identityProtection/riskyUsers/{id}?$select={select}");
        let reply = api.get(&path).await?;
        let missing = "`IdentityRiskyUser.Read.All` is missing, or the licence";
        // Who was never at risk is not among the risky users. No code is documented for that; the
        // user was found at the same address.
        let risk = found::<RiskyUser>(&reply, |_| true, missing)?;
        Ok(Standing { risk: risk.and_then(|user| user.risk()), ..Standing::default() })
    }
}

#[async_trait]
impl Check for Entra {
    fn kind(&self) -> &'static str {
        "entra"
    }

    fn about(&self) -> About {
        About::User
    }

    /// The `sub` of Entra's tokens is another one for each app: only `oid` names a user.
    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let id = question.hints.directory_id.as_deref().and_then(|id| id.parse().ok());
        let id: Uuid = id.ok_or(UpstreamFault::NoHint("the user's `oid`"))?;
        let parts = tokio::join!(self.user(id), self.device(question), self.risk(id));
        together(parts.into())
    }
}

impl Settings {
    fn api(&self, limit: u32, context: &Context) -> Result<Api, String> {
        let graph_url = base(&self.graph_url)?;
        let access = AccessSettings {
            client_id: Some(self.client_id.clone()),
            client_secret: Some(self.client_secret.clone()),
            scope: Some(format!("{graph_url}/.default")),
            ..AccessSettings::default()
        };
        let endpoint = token_endpoint(&self.login_url, &self.tenant)?;
        let access = Access::declared(&access, Some(endpoint), Style::Post)?;
        Ok(Api::new(&graph_url, context.outbound.clone(), access, context.budget(Some(limit))))
    }
}

/// An error of Graph.
#[derive(Deserialize)]
struct Problem {
    #[serde(deserialize_with = "keys::object")]
    error: ProblemBody,
}

#[derive(Deserialize)]
struct ProblemBody {
    code: String,
}

/// What was asked for; none where Graph itself says by such a code that there is no such thing. A
/// 404 of anybody else, or for a path Graph does not know, is no answer.
fn found<T: DeserializeOwned>(
    reply: &Reply,
    is_absence: fn(&str) -> bool,
    missing: &str,
) -> Result<Option<T>, UpstreamFault> {
    match reply.status {
        200 => reply.object().map(Some),
        404 if is_absence(&reply.object::<Problem>()?.error.code) => Ok(None),
        403 => Err(UpstreamFault::NotAllowed(missing.to_owned())),
        status => Err(UpstreamFault::Status(status)),
    }
}

/// The directory's own code; a path that does not exist has others.
fn is_unknown(code: &str) -> bool {
    code == "Request_ResourceNotFound"
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: Uuid,
    account_enabled: Option<bool>,
    sign_in_sessions_valid_from_date_time: Option<String>,
    deleted_date_time: Option<String>,
}

impl User {
    fn standing(self, asked: Uuid) -> Result<Standing, UpstreamFault> {
        if self.id != asked {
            return Err(UpstreamFault::Answer("it is about another user"));
        }
        // Graph leaves out what the app may not read.
        let enabled = self.account_enabled;
        let enabled = enabled.ok_or(UpstreamFault::Answer("there is no `accountEnabled`"))?;
        let account = if enabled && self.deleted_date_time.is_none() {
            Account::Active
        } else {
            Account::Suspended
        };
        let valid_from = self.sign_in_sessions_valid_from_date_time;
        let sessions_valid_from = valid_from.as_deref().map(moment).transpose()?;
        Ok(Standing { account, sessions_valid_from, ..Standing::default() })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceRead {
    device_id: Uuid,
    account_enabled: Option<bool>,
    is_compliant: Option<bool>,
    is_managed: Option<bool>,
}

impl DeviceRead {
    /// A disabled device is not one to trust, whatever was said of it before.
    fn standing(&self, asked: Uuid) -> Result<Device, UpstreamFault> {
        if self.device_id != asked {
            return Err(UpstreamFault::Answer("it is about another device"));
        }
        let disabled = self.account_enabled == Some(false);
        let compliant = if disabled { Some(false) } else { self.is_compliant };
        Ok(Device { compliant, managed: self.is_managed })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RiskyUser {
    risk_level: RiskLevel,
    risk_state: RiskState,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RiskLevel {
    Low,
    Medium,
    High,
    /// Not told without a licence.
    Hidden,
    None,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RiskState {
    None,
    ConfirmedSafe,
    Remediated,
    Dismissed,
    AtRisk,
    ConfirmedCompromised,
}

impl RiskyUser {
    const fn risk(&self) -> Option<Risk> {
        match (self.risk_state, self.risk_level) {
            (RiskState::ConfirmedCompromised, _) | (RiskState::AtRisk, RiskLevel::High) => {
                Some(Risk::High)
            }
            (RiskState::AtRisk, RiskLevel::Low) => Some(Risk::Low),
            // At risk, and nobody says how much: the middle.
            (RiskState::AtRisk, RiskLevel::Medium | RiskLevel::Hidden | RiskLevel::None) => {
                Some(Risk::Medium)
            }
            (
                RiskState::None
                | RiskState::ConfirmedSafe
                | RiskState::Remediated
                | RiskState::Dismissed,
                _,
            ) => None,
        }
    }
}
