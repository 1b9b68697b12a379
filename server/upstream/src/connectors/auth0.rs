//! What Auth0's directory says of a user now (Management API v2).
//!
//! It can know: whether the account is blocked or deleted, and when its password was changed last.
//! It cannot know: whether the session or the token was revoked (Auth0's access tokens cannot be
//! introspected; logouts come as signals), nor anything of devices and risk. `blocked_for` lists
//! addresses from which signing in is barred after wrong passwords: it says nothing of the account.
//!
//! Our client needs the scope `read:users` of the Management API; `url` is the tenant's own domain,
//! not a custom one.

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Account, Standing};
use serde::{Deserialize, Serialize};

use super::{Context, base, moment, present, segment};
use crate::{
    access::{Access, Api, Style},
    check::{About, Check, Told},
    fault::UpstreamFault,
    settings::AccessSettings,
};

/// Requests per minute at a production tenant that is paid for: 16 a second, of which we use 70 %.
/// (Auth0's rate limit policy; a free one has 2 a second: declare `rate_limit = 120`.)
const PUBLISHED_LIMIT: u32 = 960;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `https://{tenant}.{region}.auth0.com`
    pub url: String,
    /// The tenant's published limit per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    #[serde(flatten)]
    pub access: AccessSettings,
}

#[derive(Debug)]
pub(crate) struct Auth0 {
    api: Api,
}

impl Auth0 {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let url = base(&settings.url)?;
        let token_endpoint = format!("{url}/oauth/token");
        let audience = settings.access.audience.clone();
        let audience = Some(audience.unwrap_or_else(|| format!("{url}/api/v2/")));
        let access = AccessSettings { audience, ..settings.access.clone() };
        let access = Access::declared(&access, Some(token_endpoint), Style::Post)?;
        let budget = context.budget(Some(settings.rate_limit.unwrap_or(PUBLISHED_LIMIT)));
        Ok(Self { api: Api::new(&url, context.outbound.clone(), access, budget) })
    }
}

#[async_trait]
impl Check for Auth0 {
    fn kind(&self) -> &'static str {
        "auth0"
    }

    fn about(&self) -> About {
        About::User
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let user = segment(&question.user)?;
        let fields = "fields=user_id,blocked,last_password_reset&include_fields=true";
        let reply = self.api.get(&format!("/api/v2/users/{user}?{fields}")).await?;
        let told_gone =
            || reply.object::<Error>().is_ok_and(|told| told.error_code == "inexistent_user");
        match reply.status {
            200 => {}
            403 => {
                let lacks = "our client lacks the scope `read:users`";
                return Err(UpstreamFault::NotAllowed(lacks.to_owned()));
            }
            404 if told_gone() => {
                return Ok(Standing { account: Account::Suspended, ..Standing::default() }.into());
            }
            status => return Err(UpstreamFault::Status(status)),
        }
        let found: User = reply.object()?;
        if found.user_id != question.user {
            return Err(UpstreamFault::Answer("it is about another user"));
        }
        // Who was never blocked has no such member.
        let blocked = found.blocked.unwrap_or(false);
        let account = if blocked { Account::Suspended } else { Account::Active };
        let sessions_valid_from = found.last_password_reset.as_deref().map(moment).transpose()?;
        Ok(Standing { account, sessions_valid_from, ..Standing::default() }.into())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Error {
    error_code: String,
}

#[derive(Deserialize)]
struct User {
    user_id: String,
    #[serde(default, deserialize_with = "present")]
    blocked: Option<bool>,
    /// None while the first password still stands.
    last_password_reset: Option<String>,
}
