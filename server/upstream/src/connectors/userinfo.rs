//! Whether a provider still takes a user's access token: at its userinfo endpoint (`OpenID` Connect
//! Core 1.0 §5.3), for providers that do not introspect.
//!
//! It can know what the provider looks at when the token is used: mostly whether the token is
//! revoked, its session lives and the account is enabled. It cannot know why a token is dead, and
//! nothing of what came after: changed passwords, devices, risk. It needs an access token with the
//! scope `openid`: a connection that asks here should take no ID tokens, which would all be found
//! dead. Some providers allow few requests (Auth0: 5 a minute for each user).

use std::sync::Arc;

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Session, Standing};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    budget::Budget,
    check::{About, Check, Told},
    fault::UpstreamFault,
    http::call::{Auth, Call, Reply},
    provider::Provider,
};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The published limit per minute; none: as much as there is to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
}

/// Asks as the user.
#[derive(Debug)]
pub(crate) struct Userinfo {
    provider: Arc<Provider>,
    budget: Arc<Budget>,
}

impl Userinfo {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Self {
        let budget = context.budget(settings.rate_limit);
        Self { provider: Arc::clone(&context.provider), budget }
    }
}

#[async_trait]
impl Check for Userinfo {
    fn kind(&self) -> &'static str {
        "userinfo"
    }

    fn about(&self) -> About {
        About::Token
    }

    /// A client's own token has no user to inform about.
    fn knows_clients(&self) -> bool {
        false
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let token = question.token.clone().ok_or(UpstreamFault::NoToken)?;
        let endpoint = &self.provider.metadata().await?.userinfo_endpoint;
        let endpoint = endpoint
            .as_ref()
            .ok_or_else(|| UpstreamFault::Metadata("there is no `userinfo_endpoint`".to_owned()))?;
        let call = Call::get(endpoint.clone()).auth(Auth::Bearer(token));
        let reply = self.budget.spend(self.provider.outbound.call(call)).await?;
        let session = session(&reply, &question.user)?;
        Ok(Standing { session, ..Standing::default() }.into())
    }
}

/// A dead token is told by `invalid_token` and by nothing else (RFC 6750 §3.1): a bare 401 may as
/// well come from a proxy that knows nothing of tokens.
fn session(reply: &Reply, user: &str) -> Result<Session, UpstreamFault> {
    match reply.status {
        200 => {}
        401 if is_invalid_token(reply) => return Ok(Session::Ended),
        403 => {
            let lacks = "the user's token lacks the scope `openid`".to_owned();
            return Err(UpstreamFault::NotAllowed(lacks));
        }
        status => return Err(UpstreamFault::Status(status)),
    }
    let claims: Claims = reply.object()?;
    // OpenID Connect Core 1.0 §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to
    // exactly match the sub Claim in the ID Token".
    if claims.sub == user {
        Ok(Session::Live)
    } else {
        Err(UpstreamFault::Answer("`sub` is another user"))
    }
}

/// In the header, where it belongs, or in the body, where some put it.
fn is_invalid_token(reply: &Reply) -> bool {
    let challenge = reply.challenge.as_deref().unwrap_or_default();
    let mut parameters = challenge.split([',', ' ']).map(str::trim);
    let in_header = parameters.any(|parameter| {
        let error = parameter.strip_prefix("error=");
        error.is_some_and(|error| error.trim_matches('"') == "invalid_token")
    });
    in_header || reply.object::<Error>().is_ok_and(|told| told.error == "invalid_token")
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

#[derive(Deserialize)]
struct Error {
    error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, challenge: &str, body: &str) -> Result<Session, UpstreamFault> {
        let challenge = (!challenge.is_empty()).then(|| challenge.to_owned());
        let body = body.as_bytes().to_vec();
        session(&Reply { status, etag: None, challenge, is_json: true, body }, "alice")
    }

    #[test]
    fn a_token_that_is_taken_lives() {
        assert_eq!(of(200, "", r#"{"sub":"alice","name":"Alice"}"#), Ok(Session::Live));
    }

    #[test]
    fn an_answer_about_somebody_else_is_a_fault() {
        for body in [r#"{"sub":"bob"}"#, r#"{"sub":"Alice"}"#, r#"{"sub":null}"#, "{}", "[]"] {
            assert!(of(200, "", body).is_err(), "{body}");
        }
        assert!(of(200, "", r#"{"sub":"bob","sub":"alice"}"#).is_err());
    }

    #[test]
    fn only_invalid_token_is_a_no() {
        for challenge in [
            r#"Bearer realm="acme", error="invalid_token", error_description="User disabled""#,
            "Bearer error=invalid_token",
            r#"Bearer realm="a",error="invalid_token""#,
        ] {
            assert_eq!(of(401, challenge, ""), Ok(Session::Ended), "{challenge}");
        }
        assert_eq!(of(401, "", r#"{"error":"invalid_token"}"#), Ok(Session::Ended));
        for (status, challenge, body) in [
            (401, "", ""),
            (401, "Basic realm=\"proxy\"", ""),
            (401, r#"Bearer realm="acme""#, "{}"),
            (401, r#"Bearer error="invalid_request""#, ""),
            (401, r#"Bearer error="invalid_token_type""#, ""),
            (400, r#"Bearer error="invalid_token""#, ""),
            (403, r#"Bearer error="insufficient_scope""#, ""),
            (404, "", r#"{"error":"invalid_token"}"#),
        ] {
            assert!(of(status, challenge, body).is_err(), "{status} {challenge} {body}");
        }
    }
}
