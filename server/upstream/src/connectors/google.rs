//! What a Google Workspace directory knows of a user.
//!
//! It knows whether the account exists and is neither suspended nor archived.
//!
//! It cannot know of reset sign-in cookies, changed passwords, devices, or what context-aware access
//! would say: the Directory API has no field for any of them. Nothing at Google introspects tokens at
//! a rate fit for every exchange. What ends at once is the account.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use delegation::ports::Question;
use keys::{Object, SigningKey};
use policy::{Account, Standing};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Access, Api, Grant, Proof},
    budget::Budget,
    check::{About, Check, Told},
    connectors::{Context, base, segment},
    fault::UpstreamFault,
    http::call::Reply,
    settings::SecretText,
};

/// Published default, per minute, user and project.
const READS_PER_MINUTE: u32 = 2400;
const SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";

/// A service account with domain-wide delegation of the scope `admin.directory.user.readonly`, or
/// with an administrator's role that may read users.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Of the service account's key file, as the next two.
    pub client_email: String,
    pub private_key: SecretText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_id: Option<String>,
    /// The administrator in whose name the service account asks; none: in its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default = "token_endpoint")]
    pub token_endpoint: String,
    #[serde(default = "url")]
    pub url: String,
    /// Per minute; none: 2,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
}

fn token_endpoint() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

fn url() -> String {
    "https://admin.googleapis.com".to_owned()
}

#[derive(Debug)]
pub(crate) struct Google {
    api: Api,
    budget: Arc<Budget>,
}

impl Google {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let pem = settings.private_key.secret().expose_secret();
        let key = SigningKey::from_pem(pem, settings.private_key_id.as_deref())
            .map_err(|fault| format!("`private_key`: {fault}"))?;
        let proof = Proof::Bearer {
            issuer: settings.client_email.clone(),
            subject: settings.subject.clone(),
            scope: SCOPE.to_owned(),
            key,
        };
        let token_endpoint = base(&settings.token_endpoint)?;
        let access = Access::granted(Grant { token_endpoint, proof, parameters: Vec::new() });
        let budget = context.budget(Some(settings.rate_limit.unwrap_or(READS_PER_MINUTE)));
        let outbound = context.outbound.clone();
        let api = Api::new(&base(&settings.url)?, outbound, access, Arc::clone(&budget));
        Ok(Self { api, budget })
    }
}

#[async_trait]
impl Check for Google {
    fn kind(&self) -> &'static str {
        "google"
    }

    fn about(&self) -> About {
        About::User
    }

    /// The `sub` of Google's tokens is the user's id in the directory. Mail addresses are not asked
    /// by: they are given to others.
    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let id = question.hints.directory_id.as_ref().unwrap_or(&question.user);
        if id.is_empty() || !id.chars().all(|digit| digit.is_ascii_digit()) {
            return Err(UpstreamFault::NoHint("a user id of Google"));
        }
        let fields = "id,suspended,archived,deletionTime";
        let path = format!("/admin/directory/v1/users/{}?fields={fields}", segment(id)?);
        let reply = self.api.get(&path).await?;
        let account = match reply.status {
            200 => reply.object::<User>()?.account(id)?,
            404 if reasons(&reply).iter().any(|reason| reason == "notFound") => Account::Suspended,
            403 => return Err(self.forbidden(&reply)),
            status => return Err(UpstreamFault::Status(status)),
        };
        Ok(Standing { account, ..Standing::default() }.into())
    }
}

impl Google {
    /// Google's 403 never says anything of the user: we are too fast, or not allowed to ask.
    fn forbidden(&self, reply: &Reply) -> UpstreamFault {
        let slow_down = ["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"];
        if reasons(reply).iter().any(|reason| slow_down.contains(&reason.as_str())) {
            self.budget.close(Instant::now(), 1);
            return UpstreamFault::Throttled(None);
        }
        UpstreamFault::NotAllowed("the service account may not read this user".to_owned())
    }
}

/// `error.errors[].reason`; none of an answer that is not the API's own.
fn reasons(reply: &Reply) -> Vec<String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(deserialize_with = "keys::object")]
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        errors: Vec<Object<Detail>>,
    }
    #[derive(Deserialize)]
    struct Detail {
        reason: String,
    }
    let details = reply.object::<Answer>().map(|answer| answer.error.errors).unwrap_or_default();
    details.into_iter().map(|Object(detail)| detail.reason).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    /// Left out of what users who are no administrators are shown.
    suspended: Option<bool>,
    #[serde(default)]
    archived: bool,
    deletion_time: Option<String>,
}

impl User {
    fn account(&self, asked: &str) -> Result<Account, UpstreamFault> {
        if self.id != asked {
            return Err(UpstreamFault::Answer("it is about another user"));
        }
        let suspended = self.suspended.ok_or(UpstreamFault::Answer("there is no `suspended`"))?;
        let ended = suspended || self.archived || self.deletion_time.is_some();
        Ok(if ended { Account::Suspended } else { Account::Active })
    }
}
