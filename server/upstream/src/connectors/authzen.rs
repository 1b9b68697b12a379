//! What a decision point says of a use (Authorization API 1.0 of the `OpenID` `AuthZEN` working
//! group): may this agent have a token of this user's for that target?
//!
//! It can know whatever the organization feeds it, and judges one exchange. It does not know the
//! user: its yes never stands for the identity provider's, and a connection needs another check
//! that does.

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Access, Denial, Standing};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Context, base};
use crate::{
    access::{Access as Entry, Api, Style},
    check::{About, Check, Told},
    fault::UpstreamFault,
    http::call::Call,
    settings::AccessSettings,
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The decision point (`policy_decision_point`).
    pub url: String,
    /// `access_evaluation_endpoint`, where its metadata name another than the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The published limit per minute; none: as much as there is to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// None: it asks nothing of us.
    #[serde(flatten)]
    pub access: AccessSettings,
}

#[derive(Debug)]
pub(crate) struct Authzen {
    api: Api,
    endpoint: String,
    /// Of the connection: whose `sub` the user's is.
    issuer: String,
}

impl Authzen {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let url = base(&settings.url)?;
        let endpoint = settings.endpoint.as_deref().map(base).transpose();
        let endpoint = endpoint.map_err(|problem| problem.replace("`url`", "`endpoint`"))?;
        let endpoint = endpoint.unwrap_or_else(|| format!("{url}/access/v1/evaluation"));
        let budget = context.budget(settings.rate_limit);
        let api = Api::new(&url, context.outbound.clone(), entry(&settings.access)?, budget);
        Ok(Self { api, endpoint, issuer: context.provider.issuer.clone() })
    }
}

/// A decision point beside us may ask nothing of us.
pub(super) fn entry(settings: &AccessSettings) -> Result<Entry, String> {
    if *settings == AccessSettings::default() {
        return Ok(Entry::open());
    }
    Entry::declared(settings, None, Style::Basic)
}

#[async_trait]
impl Check for Authzen {
    fn kind(&self) -> &'static str {
        "authzen"
    }

    fn about(&self) -> About {
        About::Purpose
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let call = Call::post_json(self.endpoint.clone(), evaluation(question, &self.issuer)?);
        let call = call.header("x-request-id", request_id());
        let reply = self.api.call(call).await?;
        if reply.status == 403 {
            return Err(UpstreamFault::NotAllowed(
                "it does not let us ask for decisions".to_owned(),
            ));
        }
        let Answer { decision } = reply.ok()?;
        Ok(Standing { access: access(decision), ..Standing::default() }.into())
    }
}

pub(super) fn access(decision: bool) -> Access {
    if decision { Access::Allowed } else { Access::Denied(Denial::DecisionPoint) }
}

/// The exchange as an access evaluation request (§6.1).
pub(super) fn evaluation(question: &Question, issuer: &str) -> Result<Value, UpstreamFault> {
    let purpose = question.purpose.as_ref().ok_or(UpstreamFault::NoPurpose)?;
    Ok(json!({
        "subject": { "type": "user", "id": question.user, "properties": { "iss": issuer } },
        "action": { "name": "issue:access_token:token_exchange" },
        "resource": { "type": "audience", "id": purpose.target },
        "context": {
            "actor": { "iss": purpose.issuer, "sub": purpose.actor },
            "chain_depth": purpose.depth,
            "scope": purpose.scope,
        },
    }))
}

/// By which both sides find the call in their logs; it decides nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "the name of one call, which several exchanges share"
)]
fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// §6.2; `context` is for people.
#[derive(Deserialize)]
struct Answer {
    decision: bool,
}
